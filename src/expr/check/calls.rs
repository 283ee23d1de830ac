//! Calls: functions written in content, host functions with their overloads.

use std::sync::Arc;

use cel::common::ast::{CallExpr, Expr, IdedExpr};

use crate::expr::api::Host;
use crate::expr::ir::{Const, Node};
use crate::expr::types::{self, parse_type, suggest};
use crate::expr::{net, standard};
use crate::model::Type;
use crate::model::schema::Text;

use super::forms::FORMS;
use super::names::spelled;
use super::{Checker, MAX_DEPTH, Typed};

impl Checker<'_> {
    pub(super) fn call(
        &mut self,
        expr: &IdedExpr,
        call: &CallExpr,
        expect: Option<&Type>,
    ) -> Typed {
        if call.target.is_none()
            && let Some(typed) = self.operator(expr, call, expect)
        {
            return typed;
        }
        let name = self.full_name(call);
        let on_target = call.target.as_deref().filter(|_| name == call.func_name);
        if let Some(typed) = self.form(expr, &name, on_target, &call.args, expect) {
            return typed;
        }
        if on_target.is_none()
            && let Some(typed) = self.user(expr, &name, &call.args)
        {
            return typed;
        }
        let args: Vec<&IdedExpr> = on_target.into_iter().chain(&call.args).collect();
        self.host(expr, &name, &args, on_target.is_some())
    }

    /// `net.open` where the target is no value but the first part of a function's name.
    fn full_name(&self, call: &CallExpr) -> String {
        let prefix = call.target.as_deref().and_then(spelled);
        let Some(prefix) = prefix else { return call.func_name.clone() };
        let full = format!("{prefix}.{}", call.func_name);
        let known = FORMS.contains(&&*full)
            || self.functions.hosts().iter().any(|host| host.name == full)
            || self.functions.user(&full).is_some();
        if known {
            return full;
        }
        let root = prefix.split('.').next().unwrap_or("");
        let space = self
            .functions
            .hosts()
            .iter()
            .any(|host| host.name.strip_prefix(root).is_some_and(|rest| rest.starts_with('.')));
        let named = IdedExpr { id: 0, expr: Expr::Ident(root.into()) };
        if space && self.is_bare(&named) { full } else { call.func_name.clone() }
    }

    /// A function written in content.
    fn user(&mut self, expr: &IdedExpr, name: &str, args: &[IdedExpr]) -> Option<Typed> {
        let functions = self.functions;
        let user = functions.user(name)?;
        if args.len() != user.params {
            let due = counted(user.params, user.params);
            self.error(expr, format!("`{name}` takes {due}, not {}", args.len()), None);
        }
        let args: Vec<Node> = args.iter().map(|arg| self.expr(arg, None).node).collect();
        let depth = self.depth + user.body.depth;
        if depth > MAX_DEPTH {
            self.error(expr, format!("calls are nested more than {MAX_DEPTH} levels deep"), None);
            return Some(Typed::broken());
        }
        self.deepest = self.deepest.max(depth);
        for read in &user.reads {
            if !self.reads.contains(read) {
                self.reads.push(read.clone());
            }
        }
        Some(Typed::new(Node::User(Arc::clone(&user.body), args.into()), user.ty.clone()))
    }

    fn host(&mut self, expr: &IdedExpr, name: &str, args: &[&IdedExpr], method: bool) -> Typed {
        let functions = self.functions;
        let named: Vec<&Host> = functions.hosts().iter().filter(|host| host.name == name).collect();
        if named.is_empty() {
            return self.unknown_function(expr, name, args, method);
        }
        let fits = |host: &&&Host| (required(host)..=host.params.len()).contains(&args.len());
        let fitting: Vec<&Host> = named.iter().filter(fits).copied().collect();
        let Some(only) = fitting.first() else {
            let least = named.iter().map(|host| required(host)).min().unwrap_or(0);
            let most = named.iter().map(|host| host.params.len()).max().unwrap_or(0);
            let own = usize::from(method);
            let due = counted(least.saturating_sub(own), most.saturating_sub(own));
            let message = format!("`{name}` takes {due}, not {}", args.len() - own);
            self.error(expr, message, None);
            return Typed::broken();
        };
        if fitting.len() == 1 {
            return self.single(only, args);
        }
        self.overloaded(expr, name, &fitting, args)
    }

    fn unknown_function(
        &mut self,
        expr: &IdedExpr,
        name: &str,
        args: &[&IdedExpr],
        method: bool,
    ) -> Typed {
        for arg in args {
            self.expr(arg, Some(&types::any_word()));
        }
        let hosts = self.functions.hosts().iter().map(|host| host.name);
        let known = hosts.chain(self.functions.user_names()).chain(FORMS);
        let what = if method { "method" } else { "function" };
        let hint = suggest(name, known);
        self.error(expr, format!("unknown {what} `{name}`"), hint);
        Typed::broken()
    }

    fn single(&mut self, host: &Host, args: &[&IdedExpr]) -> Typed {
        let mut nodes = Vec::with_capacity(host.params.len());
        for (arg, param) in args.iter().zip(host.params) {
            let due = self.declared(param.ty);
            let typed = match &arg.expr {
                Expr::Map(map) => self.map(map, Some(&due), true),
                _ => self.expr(arg, Some(&due)),
            };
            let what = format!("`{}` of `{}`", param.name, host.name);
            self.expect(&typed.ty, &due, arg, &what);
            if let Some(text) = &typed.text {
                self.literal_argument(arg, host.name, &due, text);
            }
            nodes.push(typed.node);
        }
        finish(host, nodes, self.declared(host.returns))
    }

    /// Several functions of one name share a body that looks at its values; the first whose
    /// parameters fit gives the type.
    fn overloaded(
        &mut self,
        expr: &IdedExpr,
        name: &str,
        hosts: &[&Host],
        args: &[&IdedExpr],
    ) -> Typed {
        let args: Vec<(Typed, &IdedExpr)> =
            args.iter().map(|arg| (self.expr(arg, None), *arg)).collect();
        let fits = |host: &&&Host| {
            args.iter()
                .zip(host.params)
                .all(|((arg, _), param)| types::assignable(&arg.ty, &self.declared(param.ty)))
        };
        let fitting: Vec<&Host> = hosts.iter().filter(fits).copied().collect();
        let Some(host) = fitting.first() else {
            let given: Vec<_> = args.iter().map(|(arg, _)| self.describe(&arg.ty)).collect();
            self.error(expr, format!("`{name}` is not defined for {}", given.join(", ")), None);
            return Typed::broken();
        };
        for (arg, at) in &args {
            if let Some(text) = &arg.text {
                self.literal_argument(at, name, &arg.ty, text);
            }
        }
        let ty = self.declared(host.returns);
        let same = fitting.iter().all(|other| self.declared(other.returns) == ty);
        let nodes = args.into_iter().map(|(arg, _)| arg.node).collect();
        finish(host, nodes, if same { ty } else { Type::Dyn })
    }

    /// A declared type; one whose record this content does not have can be anything.
    fn declared(&self, text: &str) -> Type {
        parse_type(text, self.scope.schema).unwrap_or(Type::Dyn)
    }

    /// Literals that are read at load rather than at every evaluation's failure.
    fn literal_argument(&mut self, at: &IdedExpr, function: &str, due: &Type, text: &str) {
        let wrong = match (function, due) {
            (_, Type::Text(Text::Cidr)) if !net::is_cidr(text) => "CIDR",
            ("net.cidr", _) if !net::is_cidr(text) && !net::is_any(text) => "CIDR",
            ("net.ports", _) if !net::is_ports(text) => "list of ports",
            ("timestamp", _) if !standard::is_timestamp(text) => "RFC 3339 timestamp",
            ("time.within", _) if !standard::is_window(text) => {
                "time window (`Mon-Fri 09:00-18:00 Z`)"
            }
            ("duration", _) if !standard::is_duration(text) => "duration (`90s`, `1h30m`)",
            (name, Type::String) if name.starts_with("get") && !standard::is_zone(text) => {
                "UTC offset (`+02:00`)"
            }
            _ => return,
        };
        self.error(at, format!("`{text}` is no {wrong}"), None);
    }
}

/// The call of a host function, parameters left out filled in.
pub(super) fn finish(host: &Host, mut nodes: Vec<Node>, ty: Type) -> Typed {
    while nodes.len() < host.params.len() {
        nodes.push(Node::Const(Const::Unsaid));
    }
    Typed::new(Node::Host(Box::new((*host, nodes.into()))), ty)
}

fn required(host: &Host) -> usize {
    host.params.iter().filter(|param| !param.optional).count()
}

fn counted(least: usize, most: usize) -> String {
    match (least, most) {
        (1, 1) => "1 argument".into(),
        (a, b) if a == b => format!("{a} arguments"),
        (a, b) => format!("{a} to {b} arguments"),
    }
}
