//! Names: variables (dotted ones too), facets, members, bare words.

use std::sync::Arc;

use cel::common::ast::{Expr, IdedExpr, SelectExpr};

use crate::expr::ir::{Const, Node, Op};
use crate::expr::types::{self, suggest};
use crate::expr::{net, ports};
use crate::model::schema::Text;
use crate::model::{KindId, Type};

use super::{Checker, Typed};

impl Checker<'_> {
    /// A name on its own.
    pub(super) fn name(&mut self, expr: &IdedExpr, expect: Option<&Type>) -> Typed {
        let Expr::Ident(name) = &expr.expr else { return Typed::broken() };
        if let Some(found) = self.local(name).or_else(|| self.variable(name)) {
            return found;
        }
        if let Some(found) = self.own_facet(name) {
            return found;
        }
        match name.as_str() {
            "none" => return Typed::new(Node::Const(Const::None), Type::Null),
            "unsaid" => return Typed::new(Node::Const(Const::Unsaid), Type::Null),
            _ => {}
        }
        if let Some(word) = self.word(expr, name, expect) {
            return word;
        }
        let hint = self.nearest(name, expect);
        self.error(expr, format!("unknown name `{name}`"), hint);
        Typed::broken()
    }

    /// Whether a part is a bare word that names nothing, so that only the other side of a
    /// comparison can tell what it is.
    pub(super) fn is_bare(&self, expr: &IdedExpr) -> bool {
        let Expr::Ident(name) = &expr.expr else { return false };
        !matches!(name.as_str(), "none" | "unsaid")
            && self.local_index(name).is_none()
            && !self.scope.vars.iter().any(|var| *var.name == **name)
            && self.scope.kind.is_none_or(|kind| self.scope.schema.kind(kind).facet(name).is_none())
    }

    fn local_index(&self, name: &str) -> Option<usize> {
        self.locals.iter().rposition(|local| &*local.name == name)
    }

    fn local(&self, name: &str) -> Option<Typed> {
        let slot = self.local_index(name)?;
        let local = &self.locals[slot];
        Some(Typed::new(Node::Local(slot), local.ty.clone()).chains(local.chains.clone()))
    }

    fn variable(&self, name: &str) -> Option<Typed> {
        let slot = self.scope.vars.iter().position(|var| &*var.name == name)?;
        Some(Typed::new(Node::Var(slot), self.scope.vars[slot].ty.clone()))
    }

    /// A facet of the resource itself.
    fn own_facet(&mut self, name: &str) -> Option<Typed> {
        let kind = self.scope.kind?;
        self.scope.schema.kind(kind).facet(name)?;
        let own = self.variable("self")?;
        self.facet(own, kind, name)
    }

    fn facet(&mut self, of: Typed, kind: KindId, name: &str) -> Option<Typed> {
        let facet = self.scope.schema.kind(kind).facet(name)?;
        let chains = self.read(&of.chains, kind, facet.id);
        let node = Node::Facet(Box::new(of.node), kind, facet.id);
        let mut typed = Typed::new(node, facet.ty.clone()).chains(chains);
        if let [key] = *facet.key {
            typed.key = Some(key);
        }
        Some(typed)
    }

    /// A constant of the enum that is due.
    fn word(&mut self, expr: &IdedExpr, name: &str, expect: Option<&Type>) -> Option<Typed> {
        let known: Vec<&str> = match expect? {
            Type::Enum(words) if words.is_empty() => return Some(constant(name, expect)),
            Type::Enum(words) => words.iter().map(|word| &**word).collect(),
            Type::Text(Text::Protocol) => net::protocols().collect(),
            Type::Text(Text::Peer) => vec!["any"],
            Type::Ports if name == "all" => {
                let all = Const::Ports(ports::ALL.ranges.into());
                return Some(Typed::new(Node::Const(all), Type::Ports));
            }
            _ => return None,
        };
        if !known.contains(&name) {
            let hint = suggest(name, known.iter().copied());
            let hint = hint.or_else(|| Some(format!("one of `{}`", known.join("`, `"))));
            self.error(expr, format!("unknown word `{name}`"), hint);
            return Some(Typed::broken());
        }
        Some(constant(name, expect))
    }

    fn nearest(&self, name: &str, expect: Option<&Type>) -> Option<String> {
        let kind = self.scope.kind.map(|kind| self.scope.schema.kind(kind));
        let facets = kind.iter().flat_map(|kind| kind.facets.iter().map(|facet| &*facet.name));
        let known = self.scope.vars.iter().map(|var| &*var.name);
        let known = known.chain(self.locals.iter().map(|local| &*local.name)).chain(facets);
        suggest(name, known).or_else(|| self.elsewhere(name)).or_else(|| {
            let text = expect.is_none_or(types::is_text);
            text.then(|| {
                format!("a text, or a word where no enum is due, stands in quotes: `'{name}'`")
            })
        })
    }

    /// A facet that only other kinds have: the detector applies to one that lacks it.
    fn elsewhere(&self, name: &str) -> Option<String> {
        let schema = self.scope.schema;
        let own = schema.kind(self.scope.kind?);
        let other = schema.kinds.iter().find(|kind| kind.facet(name).is_some())?;
        Some(format!("`{}` has no such facet, `{}` has", own.name, other.name))
    }

    /// `x.name`, where the whole chain may be one dotted variable.
    pub(super) fn select(
        &mut self,
        expr: &IdedExpr,
        select: &SelectExpr,
        expect: Option<&Type>,
    ) -> Typed {
        let _ = expect;
        if let Some(found) = self.dotted(expr) {
            return found;
        }
        if self.opaque_root(expr) {
            return self.unknown_chain(expr);
        }
        let of = match &select.operand.expr {
            Expr::Ident(name) => self.shadowed(name, &select.field),
            _ => None,
        };
        let of = of.unwrap_or_else(|| self.expr(&select.operand, None));
        self.member(expr, of, &select.field)
    }

    /// A facet whose name a variable has too, where only the facet has such a member.
    fn shadowed(&mut self, name: &str, member: &str) -> Option<Typed> {
        let kind = self.scope.kind?;
        let facet = self.scope.schema.kind(kind).facet(name)?;
        let Type::Resource(target) = facet.ty else { return None };
        self.scope.schema.kind(target).facet(member)?;
        let variable = self.local(name).or_else(|| self.variable(name))?;
        if types::is_text(&variable.ty) { self.own_facet(name) } else { None }
    }

    /// A chain of names that is itself a variable (`event.name`).
    pub(super) fn dotted(&self, expr: &IdedExpr) -> Option<Typed> {
        let name = spelled(expr)?;
        let root = name.split('.').next().unwrap_or("");
        if self.local_index(root).is_some() {
            return None;
        }
        self.variable(&name)
    }

    /// Whether a chain starts with a name that only begins dotted variables (`event.nme`).
    fn opaque_root(&self, expr: &IdedExpr) -> bool {
        let Some(name) = spelled(expr) else { return false };
        let Some((root, _)) = name.split_once('.') else { return false };
        let known = |prefix: &str| self.scope.vars.iter().any(|var| &*var.name == prefix);
        if self.local_index(root).is_some() || known(root) {
            return false;
        }
        if self.scope.kind.is_some_and(|kind| self.scope.schema.kind(kind).facet(root).is_some()) {
            return false;
        }
        let mut prefix = name.as_str();
        while let Some((head, _)) = prefix.rsplit_once('.') {
            if known(head) {
                return false;
            }
            prefix = head;
        }
        let begins = |var: &str| var.strip_prefix(root).is_some_and(|rest| rest.starts_with('.'));
        self.scope.vars.iter().any(|var| begins(&var.name))
    }

    fn unknown_chain(&mut self, expr: &IdedExpr) -> Typed {
        let name = spelled(expr).unwrap_or_default();
        let hint = suggest(&name, self.scope.vars.iter().map(|var| &*var.name));
        self.error(expr, format!("unknown name `{name}`"), hint);
        Typed::broken()
    }

    /// `of.name` for a checked `of`.
    pub(super) fn member(&mut self, at: &IdedExpr, of: Typed, name: &str) -> Typed {
        match of.ty.clone() {
            Type::Dyn | Type::Null => {
                Typed::new(Node::Select(Box::new(of.node), name.into()), Type::Dyn)
            }
            Type::Map(value) => {
                let node = Node::Select(Box::new(of.node), name.into());
                Typed::new(node, Arc::unwrap_or_clone(value)).chains(of.chains)
            }
            Type::Text(Text::Principal) if name == "everyone" => {
                let everyone = constant("*", None).node;
                Typed::new(Node::Op(Op::Eq, Box::new((of.node, everyone))), Type::Bool)
            }
            Type::Resource(_) if name == "id" => {
                Typed::new(Node::Id(Box::new(of.node)), Type::String)
            }
            Type::Resource(kind) => self.facet(of, kind, name).unwrap_or_else(|| {
                let kind = self.scope.schema.kind(kind);
                let hint = suggest(name, kind.facets.iter().map(|facet| &*facet.name));
                self.error(at, format!("`{}` has no facet `{name}`", kind.name), hint);
                Typed::broken()
            }),
            Type::Record(record) => {
                let ty = self.scope.schema.record(record);
                let Some(index) = ty.field(name) else {
                    let hint = suggest(name, ty.fields.iter().map(|field| &*field.name));
                    self.error(at, format!("`{}` has no field `{name}`", ty.name), hint);
                    return Typed::broken();
                };
                let node = Node::Field(Box::new(of.node), record, index);
                Typed::new(node, ty.fields[index].ty.clone()).chains(of.chains)
            }
            ty => {
                let list = matches!(ty, Type::List(_));
                let hint = list.then(|| format!("`.map(x, x.{name})` or `[0].{name}`"));
                self.error(at, format!("{} has no member `{name}`", self.describe(&ty)), hint);
                Typed::broken()
            }
        }
    }

    /// `has(x.name)`.
    pub(super) fn has(&mut self, select: &SelectExpr) -> Typed {
        let plain = SelectExpr { test: false, ..select.clone() };
        let inner = IdedExpr { id: select.operand.id, expr: Expr::Select(plain.clone()) };
        let of = self.select(&inner, &plain, None);
        Typed::new(Node::Has(Box::new(of.node)), Type::Bool)
    }
}

/// A constant text.
pub(super) fn constant(text: &str, ty: Option<&Type>) -> Typed {
    let node = Node::Const(Const::Str(text.into()));
    let typed = Typed::new(node, ty.cloned().unwrap_or_else(types::any_word));
    Typed { text: Some(text.into()), ..typed }
}

/// The dotted name a part spells: `a.b.c`.
pub(super) fn spelled(expr: &IdedExpr) -> Option<String> {
    match &expr.expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) if !select.test => {
            let mut name = spelled(&select.operand)?;
            name.push('.');
            name.push_str(&select.field);
            Some(name)
        }
        _ => None,
    }
}
