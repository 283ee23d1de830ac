//! Forms: calls that treat their arguments in a way of their own, or whose type follows theirs.

use cel::common::ast::{Expr, IdedExpr};
use regex::RegexBuilder;

use crate::expr::ir::{Bind, Const, Macro, MacroKind, Node};
use crate::expr::{standard, types};
use crate::model::Type;

use super::calls::finish;
use super::{Checker, Local, Typed, list_of, merge};

/// Bytes a compiled regex may take.
const REGEX_BYTES: usize = 1 << 20;

/// Forms, those the parser writes out itself included, for suggestions and documentation.
pub const FORMS: [&str; 29] = [
    "first",
    "has",
    "list",
    "dyn",
    "matches",
    "exists",
    "all",
    "exists_one",
    "existsOne",
    "map",
    "filter",
    "transformList",
    "transformMap",
    "orValue",
    "or",
    "hasValue",
    "value",
    "optMap",
    "optFlatMap",
    "optional.of",
    "optional.ofNonZeroValue",
    "optional.none",
    "cel.bind",
    "distinct",
    "slice",
    "sort",
    "flatten",
    "math.greatest",
    "math.least",
];

impl Checker<'_> {
    /// The form of that name; `None` when it is none, or not with these arguments.
    pub(super) fn form(
        &mut self,
        expr: &IdedExpr,
        name: &str,
        target: Option<&IdedExpr>,
        args: &[IdedExpr],
        expect: Option<&Type>,
    ) -> Option<Typed> {
        match (name, target, args) {
            ("first", None, args) => {
                let args: Vec<&IdedExpr> = args.iter().collect();
                Some(self.first(expr, &args, expect))
            }
            ("orValue" | "or", Some(target), [other]) => {
                Some(self.first(expr, &[target, other], expect))
            }
            ("hasValue", Some(target), []) => {
                let of = self.expr(target, None);
                Some(Typed::new(Node::Has(Box::new(of.node)), Type::Bool))
            }
            ("list", None, [of]) => {
                let due = expect.cloned();
                let of = self.expr(of, due.as_ref());
                Some(listed(of))
            }
            ("dyn", None, [of]) => Some(Typed { ty: Type::Dyn, ..self.expr(of, None) }),
            ("matches", Some(target), [pattern]) | ("matches", None, [target, pattern]) => {
                Some(self.matches(target, pattern))
            }
            ("cel.bind", None, [name, value, body]) => {
                Some(self.bind(name, value, body, false, expect))
            }
            ("optMap" | "optFlatMap", Some(target), [name, body]) => {
                Some(self.bind(name, target, body, true, expect))
            }
            _ => self.optional(name, target, args).or_else(|| self.loops(name, target, args)),
        }
    }

    /// Optionals: a value that may be absent is its own optional.
    fn optional(
        &mut self,
        name: &str,
        target: Option<&IdedExpr>,
        args: &[IdedExpr],
    ) -> Option<Typed> {
        match (name, target, args) {
            ("optional.of", None, [of]) => Some(self.expr(of, None)),
            ("optional.none", None, []) => Some(Typed::new(Node::Const(Const::Unsaid), Type::Null)),
            ("optional.ofNonZeroValue", None, [of]) => {
                let of = self.expr(of, None);
                Some(passed(standard::NON_ZERO, of))
            }
            ("value", Some(of), []) => {
                let of = self.expr(of, None);
                Some(passed(standard::VALUE, of))
            }
            ("reverse", Some(of), []) => Some(self.reverse(of)),
            ("distinct" | "sort" | "slice" | "flatten", Some(of), args) => {
                self.reshaped(name, of, args)
            }
            ("math.greatest" | "math.least", None, args) if !args.is_empty() => {
                Some(self.extreme(name, args))
            }
            _ => None,
        }
    }

    /// Functions of lists whose result is a list of the same elements.
    fn reshaped(&mut self, name: &str, of: &IdedExpr, args: &[IdedExpr]) -> Option<Typed> {
        let (host, count) = match name {
            "distinct" => (standard::DISTINCT, 0),
            "sort" => (standard::SORT, 0),
            "flatten" => (standard::FLATTEN, 0),
            _ => (standard::SLICE, 2),
        };
        if args.len() != count {
            return None;
        }
        let list = self.expr(of, None);
        self.expect(&list.ty, &list_of(Type::Dyn), of, &format!("what `{name}` is asked of"));
        let mut nodes = vec![list.node];
        for arg in args {
            let place = self.expr(arg, Some(&Type::Int));
            self.expect(&place.ty, &Type::Int, arg, "a place");
            nodes.push(place.node);
        }
        let ty = match (name, &list.ty) {
            ("flatten", Type::List(item)) if matches!(**item, Type::List(_)) => (**item).clone(),
            (_, Type::List(_)) => list.ty.clone(),
            _ => list_of(Type::Dyn),
        };
        let key = if name == "flatten" { None } else { list.key };
        Some(Typed { key, ..finish(&host, nodes, ty).chains(list.chains) })
    }

    /// Of a list or of a text.
    fn reverse(&mut self, of: &IdedExpr) -> Typed {
        let list = self.expr(of, None);
        let ty = match &list.ty {
            Type::List(_) | Type::Dyn => list.ty.clone(),
            ty if types::is_text(ty) => Type::String,
            Type::Null => Type::Dyn,
            ty => {
                let ty = self.describe(ty);
                self.error(of, format!("only a text or a list can be reversed, not {ty}"), None);
                Type::Dyn
            }
        };
        Typed {
            key: list.key,
            ..finish(&standard::REVERSE, vec![list.node], ty).chains(list.chains)
        }
    }

    /// `math.greatest(a, b)`, `math.greatest([a, b])`.
    fn extreme(&mut self, name: &str, args: &[IdedExpr]) -> Typed {
        let host = if name == "math.greatest" { standard::GREATEST } else { standard::LEAST };
        let (list, ty) = match args {
            [only] => {
                let only = self.expr(only, None);
                let ty = match &only.ty {
                    Type::List(item) => (**item).clone(),
                    ty => ty.clone(),
                };
                (Node::Host(Box::new((standard::LIST, [only.node].into()))), ty)
            }
            args => {
                let mut ty = Type::Null;
                let mut items = Vec::with_capacity(args.len());
                for arg in args {
                    let item = self.expr(arg, None);
                    ty = self.joined(arg, &ty, &item.ty);
                    items.push((item.node, false));
                }
                (Node::List(items.into()), ty)
            }
        };
        if !matches!(ty, Type::Int | Type::Double | Type::Dyn | Type::Null) {
            let ty = self.describe(&ty);
            self.error(&args[0], format!("`{name}` compares numbers, not {ty}"), None);
        }
        finish(&host, vec![list], ty)
    }

    fn first(&mut self, at: &IdedExpr, args: &[&IdedExpr], expect: Option<&Type>) -> Typed {
        if args.is_empty() {
            self.error(at, "`first` wants something to choose from".into(), None);
        }
        let mut ty = Type::Null;
        let mut chains = Vec::new();
        let mut nodes = Vec::with_capacity(args.len());
        let mut key = None;
        for (place, arg) in args.iter().enumerate() {
            let arg = self.expr(arg, expect);
            ty = self.joined(at, &ty, &arg.ty);
            chains = merge(chains, arg.chains);
            key = if place == 0 || key == arg.key { arg.key } else { None };
            nodes.push(arg.node);
        }
        Typed { key, ..Typed::new(Node::First(nodes.into()), ty).chains(chains) }
    }

    fn matches(&mut self, target: &IdedExpr, pattern: &IdedExpr) -> Typed {
        let of = self.expr(target, None);
        self.expect(&of.ty, &Type::String, target, "what is matched");
        let regex = self.expr(pattern, Some(&Type::String));
        let Some(text) = regex.text else {
            self.error(pattern, "a regular expression must be a literal text".into(), None);
            return Typed { ty: Type::Bool, ..Typed::broken() };
        };
        match RegexBuilder::new(&text).size_limit(REGEX_BYTES).build() {
            Ok(regex) => Typed::new(Node::Matches(Box::new(of.node), Box::new(regex)), Type::Bool),
            Err(error) => {
                let text = error.to_string();
                let why = text.lines().last().unwrap_or("").trim_start_matches("error: ");
                self.error(pattern, format!("the regular expression does not parse: {why}"), None);
                Typed { ty: Type::Bool, ..Typed::broken() }
            }
        }
    }

    /// A value under a name of its own; `optional` leaves the body out where it is absent.
    fn bind(
        &mut self,
        name: &IdedExpr,
        value: &IdedExpr,
        body: &IdedExpr,
        optional: bool,
        expect: Option<&Type>,
    ) -> Typed {
        let value = self.expr(value, None);
        let Some(name) = self.variable_name(name) else { return Typed::broken() };
        let local = Local { name, ty: value.ty.clone(), chains: value.chains };
        let (slot, body) = self.with_local(local, |checker| checker.expr(body, expect));
        let node =
            Node::Bind(Box::new(Bind { value: value.node, slot, body: body.node, optional }));
        Typed { key: body.key, ..Typed::new(node, body.ty).chains(body.chains) }
    }

    fn variable_name(&mut self, name: &IdedExpr) -> Option<Box<str>> {
        if let Expr::Ident(name) = &name.expr {
            return Some(name.as_str().into());
        }
        self.error(name, "a variable is named here".into(), None);
        None
    }

    /// Macros of two variables: the place or key, and the element there.
    fn loops(&mut self, name: &str, of: Option<&IdedExpr>, args: &[IdedExpr]) -> Option<Typed> {
        let of = of?;
        let (kind, test, body) = match (name, args) {
            ("exists", [_, _, test]) => (MacroKind::Exists, Some(test), None),
            ("all", [_, _, test]) => (MacroKind::All, Some(test), None),
            ("exists_one" | "existsOne", [_, _, test]) => (MacroKind::ExistsOne, Some(test), None),
            ("transformList", [_, _, body]) => (MacroKind::Map, None, Some(body)),
            ("transformList", [_, _, test, body]) => (MacroKind::Map, Some(test), Some(body)),
            ("transformMap", [_, _, body]) => (MacroKind::TransformMap, None, Some(body)),
            ("transformMap", [_, _, test, body]) => {
                (MacroKind::TransformMap, Some(test), Some(body))
            }
            _ => return None,
        };
        let list = self.expr(of, None);
        let (key, item) = self.parts_of(of, &list.ty);
        let names = (self.variable_name(&args[0])?, self.variable_name(&args[1])?);
        let place = Local { name: names.0, ty: key, chains: Vec::new() };
        let element = Local { name: names.1, ty: item, chains: list.chains };
        let (place, (slot, (test, body))) = self.with_local(place, |checker| {
            checker.with_local(element, |checker| {
                let test = test.map(|test| checker.condition(test));
                (test, body.map(|body| checker.expr(body, None)))
            })
        });
        let made = body
            .as_ref()
            .map_or((Type::Dyn, Vec::new()), |body| (body.ty.clone(), body.chains.clone()));
        let (ty, chains) = match kind {
            MacroKind::Map => (list_of(made.0), made.1),
            MacroKind::TransformMap => (Type::Map(made.0.into()), made.1),
            _ => (Type::Bool, Vec::new()),
        };
        let node = Node::Macro(Box::new(Macro {
            kind,
            list: list.node,
            slot,
            place: Some(place),
            test: test.map(|test| test.node),
            body: body.map(|body| body.node),
        }));
        self.affordable(of, &node);
        Some(Typed::new(node, ty).chains(chains))
    }

    /// The types of the keys (or places) and of the elements of what is gone through.
    pub(super) fn parts_of(&mut self, at: &IdedExpr, ty: &Type) -> (Type, Type) {
        match ty {
            Type::List(item) => (Type::Int, (**item).clone()),
            Type::Map(value) => (Type::String, (**value).clone()),
            Type::Dyn => (Type::Dyn, Type::Dyn),
            // What nothing holds.
            Type::Null => (Type::Null, Type::Null),
            ty => {
                let message = format!("only a list can be gone through, not {}", self.describe(ty));
                self.error(at, message, None);
                (Type::Dyn, Type::Dyn)
            }
        }
    }
}

/// `list(x)`: its own type, whatever of.
fn listed(of: Typed) -> Typed {
    let ty = match &of.ty {
        Type::List(_) => of.ty.clone(),
        Type::Null => list_of(Type::Dyn),
        ty => list_of(ty.clone()),
    };
    let node = Node::Host(Box::new((standard::LIST, [of.node].into())));
    Typed { key: of.key, ..Typed::new(node, ty).chains(of.chains) }
}

/// A function whose result is its argument, or nothing.
fn passed(host: crate::expr::Host, of: Typed) -> Typed {
    let node = Node::Host(Box::new((host, [of.node].into())));
    Typed { key: of.key, ..Typed::new(node, of.ty).chains(of.chains) }
}
