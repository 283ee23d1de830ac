//! Macros: the parser writes them out as loops with an accumulator; the five shapes are
//! recognised and become one node each.

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue, operators};

use crate::expr::ir::{Macro, MacroKind, Node};
use crate::model::Type;

use super::{Checker, Local, Typed, list_of};

/// A macro's parts as they were written.
pub(super) struct Shape<'e> {
    kind: MacroKind,
    pub(super) test: Option<&'e IdedExpr>,
    pub(super) body: Option<&'e IdedExpr>,
}

impl Checker<'_> {
    pub(super) fn comprehension(&mut self, expr: &IdedExpr, parts: &ComprehensionExpr) -> Typed {
        let Some(shape) = shape(parts) else {
            self.error(expr, "this form of loop is not known".into(), None);
            return Typed::broken();
        };
        let list = self.expr(&parts.iter_range, None);
        let (key, item) = self.parts_of(&parts.iter_range, &list.ty);
        let item = if matches!(list.ty, Type::Map(_)) { key } else { item };
        let local = Local {
            name: parts.iter_var.as_str().into(),
            ty: item.clone(),
            chains: list.chains.clone(),
        };
        let (slot, (test, body)) = self.with_local(local, |checker| {
            let test = shape.test.map(|test| checker.condition(test));
            (test, shape.body.map(|body| checker.expr(body, None)))
        });
        let mut result = match shape.kind {
            MacroKind::Exists | MacroKind::All | MacroKind::ExistsOne => {
                Typed::new(Node::Const(crate::expr::ir::Const::Unknown), Type::Bool)
            }
            MacroKind::Filter => {
                let mut kept = Typed::broken().chains(list.chains);
                kept.ty = list_of(item);
                kept.key = list.key;
                kept
            }
            MacroKind::Map | MacroKind::TransformMap => {
                let (ty, chains) = match &body {
                    Some(body) => (body.ty.clone(), body.chains.clone()),
                    None => (Type::Dyn, Vec::new()),
                };
                let mut made = Typed::broken().chains(chains);
                made.ty = list_of(ty);
                made
            }
        };
        let name = parts.iter_var.as_str();
        let once = |node| self.per_element(node, slot, name, shape.kind);
        let (test, body) = match (test.map(|test| test.node), body.map(|body| body.node)) {
            (Some(test), body) => (Some(once(test)), body),
            (None, body) => (None, body.map(once)),
        };
        result.node = Node::Macro(Box::new(Macro {
            kind: shape.kind,
            list: list.node,
            slot,
            place: None,
            test,
            body,
        }));
        self.affordable(expr, &result.node);
        result
    }
}

pub(super) fn shape(parts: &ComprehensionExpr) -> Option<Shape<'_>> {
    if parts.iter_var2.is_some() {
        return None;
    }
    let step = as_call(&parts.loop_step)?;
    let quantifier = |kind| {
        let [_, test] = step.args.as_slice() else { return None };
        Some(Shape { kind, test: Some(test), body: None })
    };
    match (&parts.accu_init.expr, step.func_name.as_str()) {
        (Expr::Literal(LiteralValue::Boolean(start)), operators::LOGICAL_OR) if !**start => {
            quantifier(MacroKind::Exists)
        }
        (Expr::Literal(LiteralValue::Boolean(start)), operators::LOGICAL_AND) if **start => {
            quantifier(MacroKind::All)
        }
        (Expr::Literal(LiteralValue::Int(_)), operators::CONDITIONAL) => {
            let [test, _, _] = step.args.as_slice() else { return None };
            Some(Shape { kind: MacroKind::ExistsOne, test: Some(test), body: None })
        }
        (Expr::List(_), operators::ADD) => {
            Some(Shape { kind: MacroKind::Map, test: None, body: Some(appended(step)?) })
        }
        (Expr::List(_), operators::CONDITIONAL) => {
            let [test, grown, _] = step.args.as_slice() else { return None };
            let made = appended(as_call(grown)?)?;
            let same = matches!(&made.expr, Expr::Ident(name) if *name == parts.iter_var);
            let kind = if same { MacroKind::Filter } else { MacroKind::Map };
            Some(Shape { kind, test: Some(test), body: (!same).then_some(made) })
        }
        _ => None,
    }
}

fn as_call(expr: &IdedExpr) -> Option<&CallExpr> {
    match &expr.expr {
        Expr::Call(call) => Some(call),
        _ => None,
    }
}

/// The element of `@result + [element]`.
fn appended(step: &CallExpr) -> Option<&IdedExpr> {
    let [_, grown] = step.args.as_slice() else { return None };
    match &grown.expr {
        Expr::List(list) => list.elements.first(),
        _ => None,
    }
}
