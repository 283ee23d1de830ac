//! Operators: conditions, comparisons, arithmetic, indexing.

use std::sync::Arc;

use cel::common::ast::{CallExpr, Expr, IdedExpr, operators};

use crate::expr::ir::{Lookup, Node, Op};
use crate::expr::types::{self, suggest};
use crate::model::Type;

use super::{Checker, Typed, fold, list_of, merge};

impl Checker<'_> {
    /// A call of an operator; `None` when it is none.
    pub(super) fn operator(
        &mut self,
        expr: &IdedExpr,
        call: &CallExpr,
        expect: Option<&Type>,
    ) -> Option<Typed> {
        let typed = match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::CONDITIONAL, [condition, yes, no]) => {
                self.conditional(expr, condition, yes, no, expect)
            }
            (operators::LOGICAL_AND, [left, right]) => {
                let sides = self.conditions(left, right);
                self.certain_terms(expr, true, &sides.0, &sides.1);
                Typed::new(Node::And(Box::new(sides)), Type::Bool)
            }
            (operators::LOGICAL_OR, [left, right]) => {
                let sides = self.conditions(left, right);
                self.certain_terms(expr, false, &sides.0, &sides.1);
                Typed::new(Node::Or(Box::new(sides)), Type::Bool)
            }
            (operators::LOGICAL_NOT, [of]) => {
                let of = self.condition(of);
                Typed::new(Node::Not(Box::new(of.node)), Type::Bool)
            }
            (operators::NEGATE, [of]) => self.negative(expr, of),
            (operators::INDEX, [of, key]) => self.index(expr, of, key, false),
            (operators::OPT_INDEX, [of, key]) => self.index(expr, of, key, true),
            (operators::OPT_SELECT, [of, name]) => self.optional_member(expr, of, name),
            (name, [left, right]) => {
                let (_, op) = BINARY.into_iter().find(|(known, _)| *known == name)?;
                self.binary(expr, op, left, right)
            }
            _ => return None,
        };
        Some(typed)
    }

    /// Both sides of `&&` or `||`.
    fn conditions(&mut self, left: &IdedExpr, right: &IdedExpr) -> (Node, Node) {
        for side in [left, right] {
            if matches!(side.expr, Expr::Literal(_)) {
                self.warn(side, "the condition never changes".into(), None);
            }
        }
        (self.condition(left).node, self.condition(right).node)
    }

    fn conditional(
        &mut self,
        expr: &IdedExpr,
        condition: &IdedExpr,
        yes: &IdedExpr,
        no: &IdedExpr,
        expect: Option<&Type>,
    ) -> Typed {
        let test = self.condition(condition);
        if matches!(condition.expr, Expr::Literal(_)) {
            self.warn(condition, "the condition never changes".into(), None);
        }
        let yes = self.expr(yes, expect);
        let no = self.expr(no, expect);
        let ty = self.joined(expr, &yes.ty, &no.ty);
        let chains = merge(yes.chains, no.chains);
        let key = if yes.key == no.key { yes.key } else { None };
        let node = Node::Cond(Box::new((test.node, yes.node, no.node)));
        Typed { key, ..Typed::new(node, ty).chains(chains) }
    }

    /// The type of what is one or the other; an issue where they have nothing in common.
    pub(super) fn joined(&mut self, at: &IdedExpr, a: &Type, b: &Type) -> Type {
        types::join(a, b).unwrap_or_else(|| {
            let (a, b) = (self.describe(a), self.describe(b));
            self.error(at, format!("the alternatives differ: {a} and {b}"), None);
            Type::Dyn
        })
    }

    fn negative(&mut self, expr: &IdedExpr, of: &IdedExpr) -> Typed {
        let of = self.expr(of, None);
        if !matches!(of.ty, Type::Dyn | Type::Null | Type::Int | Type::Double | Type::Duration) {
            let ty = self.describe(&of.ty);
            self.error(expr, format!("`-` is not defined for {ty}"), None);
        }
        Typed::new(Node::Neg(Box::new(of.node)), of.ty)
    }

    fn binary(&mut self, expr: &IdedExpr, op: Op, left: &IdedExpr, right: &IdedExpr) -> Typed {
        let (left, right) = self.sides(op, left, right);
        let fine = match op {
            Op::Eq | Op::Ne => types::comparable(&left.ty, &right.ty),
            Op::In => match &right.ty {
                Type::List(item) => types::comparable(&left.ty, item),
                Type::Map(_) => types::assignable(&left.ty, &Type::String),
                Type::Ports => types::assignable(&left.ty, &Type::Int),
                ty => matches!(ty, Type::Dyn | Type::Null),
            },
            Op::Lt | Op::Le | Op::Gt | Op::Ge => types::ordered(&left.ty, &right.ty),
            _ => return self.arithmetic(expr, op, left, right),
        };
        self.certain_comparison(expr, op, &left.node, &right.node);
        if !fine {
            let (a, b) = (self.describe(&left.ty), self.describe(&right.ty));
            let sign = sign(op);
            let message = if op == Op::In {
                format!("{a} cannot be `in` {b}")
            } else {
                format!("{a} cannot be compared with {b} by `{sign}`")
            };
            self.error(expr, message, None);
        }
        let candidates = if op == Op::In { fold::literals(&right.node) } else { None };
        let node = match candidates {
            Some(candidates) => Node::Among(Box::new((left.node, candidates))),
            None => Node::Op(op, Box::new((left.node, right.node))),
        };
        Typed::new(node, Type::Bool)
    }

    /// Both sides of a comparison: a bare word on one is a constant of the other's type.
    fn sides(&mut self, op: Op, left: &IdedExpr, right: &IdedExpr) -> (Typed, Typed) {
        if !matches!(op, Op::Eq | Op::Ne | Op::In) {
            return (self.expr(left, None), self.expr(right, None));
        }
        if self.is_bare(left) {
            let right = self.expr(right, None);
            let due = match (&right.ty, op) {
                (Type::List(item), Op::In) => (**item).clone(),
                (ty, _) => ty.clone(),
            };
            return (self.expr(left, Some(&due)), right);
        }
        let left = self.expr(left, None);
        let due = if op == Op::In { list_of(left.ty.clone()) } else { left.ty.clone() };
        let right_side = self.expr(right, Some(&due));
        self.check_word(right, &right_side, &left.ty);
        (left, right_side)
    }

    /// A quoted text that is none of the enum's words can never be equal.
    fn check_word(&mut self, at: &IdedExpr, side: &Typed, due: &Type) {
        let (Type::Enum(words), Some(text)) = (due, &side.text) else { return };
        if words.is_empty() || words.contains(text) {
            return;
        }
        let hint = suggest(text, words.iter().map(|word| &**word));
        let hint = hint.or_else(|| Some(format!("one of `{}`", words.join("`, `"))));
        self.error(at, format!("unknown word `{text}`"), hint);
    }

    fn arithmetic(&mut self, expr: &IdedExpr, op: Op, left: Typed, right: Typed) -> Typed {
        let chains = merge(left.chains, right.chains);
        let ty = result(op, &left.ty, &right.ty).unwrap_or_else(|| {
            let (a, b) = (self.describe(&left.ty), self.describe(&right.ty));
            let hint = (op == Op::Add && (types::is_text(&left.ty) || types::is_text(&right.ty)))
                .then(|| "`string(x)` makes text of a number".to_owned());
            self.error(expr, format!("`{}` is not defined for {a} and {b}", sign(op)), hint);
            Type::Dyn
        });
        Typed::new(Node::Op(op, Box::new((left.node, right.node))), ty).chains(chains)
    }

    fn index(&mut self, expr: &IdedExpr, of: &IdedExpr, key: &IdedExpr, lenient: bool) -> Typed {
        let of = self.expr(of, None);
        let place = self.expr(key, None);
        let lookup = |strict| if lenient { Lookup::Lenient } else { strict };
        let (lookup, ty, due) = match of.ty.clone() {
            Type::List(item) => {
                let by_key = of.key.filter(|_| !matches!(place.ty, Type::Int));
                // What came out of a body has no declared length to go by.
                let place =
                    if *item == Type::Dyn { Lookup::Lenient } else { lookup(Lookup::Strict) };
                let lookup = by_key.map_or(place, Lookup::Key);
                let due = if by_key.is_some() { Type::String } else { Type::Int };
                (lookup, Arc::unwrap_or_clone(item), due)
            }
            Type::Map(value) => (lookup(Lookup::Strict), Arc::unwrap_or_clone(value), Type::String),
            Type::Dyn | Type::Null => (Lookup::Lenient, Type::Dyn, Type::Dyn),
            ty => {
                let ty = self.describe(&ty);
                self.error(expr, format!("{ty} cannot be indexed"), None);
                return Typed::broken();
            }
        };
        self.expect(&place.ty, &due, key, "an index");
        let node = Node::Index(Box::new((of.node, place.node)), lookup);
        Typed::new(node, ty).chains(of.chains)
    }

    fn optional_member(&mut self, expr: &IdedExpr, of: &IdedExpr, name: &IdedExpr) -> Typed {
        let Expr::Literal(cel::common::ast::LiteralValue::String(name)) = &name.expr else {
            self.error(expr, "a member is named by a word".into(), None);
            return Typed::broken();
        };
        let of = self.expr(of, None);
        self.member(expr, of, name.inner())
    }
}

const BINARY: [(&str, Op); 12] = [
    (operators::ADD, Op::Add),
    (operators::SUBSTRACT, Op::Sub),
    (operators::MULTIPLY, Op::Mul),
    (operators::DIVIDE, Op::Div),
    (operators::MODULO, Op::Rem),
    (operators::EQUALS, Op::Eq),
    (operators::NOT_EQUALS, Op::Ne),
    (operators::LESS, Op::Lt),
    (operators::LESS_EQUALS, Op::Le),
    (operators::GREATER, Op::Gt),
    (operators::GREATER_EQUALS, Op::Ge),
    (operators::IN, Op::In),
];

/// The operator as it is written.
fn sign(op: Op) -> &'static str {
    let name = BINARY.into_iter().find(|(_, known)| *known == op).map_or("", |(name, _)| name);
    name.trim_matches(['_', '@'])
}

/// The type of an arithmetic result; `None` where there is none.
fn result(op: Op, left: &Type, right: &Type) -> Option<Type> {
    use Type::{Double, Duration, Dyn, Int, List, Null, String, Time};
    match (op, left, right) {
        (Op::Add, List(a), List(b)) => Some(list_of(types::join(a, b).unwrap_or(Dyn))),
        (Op::Add, List(_), Dyn | Null) => Some(left.clone()),
        (Op::Add, Dyn | Null, List(_)) => Some(right.clone()),
        (Op::Add, a, b) if types::is_text(a) && types::is_text(b) => Some(String),
        (Op::Add, a, Dyn | Null) if types::is_text(a) => Some(String),
        (Op::Add, Dyn | Null, b) if types::is_text(b) => Some(String),
        (_, Int | Null, Int) | (_, Int, Null) => Some(Int),
        (Op::Add | Op::Sub | Op::Mul | Op::Div, Int | Double, Int | Double) => Some(Double),
        (Op::Add | Op::Sub, Time, Duration) | (Op::Add, Duration, Time) => Some(Time),
        (Op::Sub, Time, Time) | (Op::Add | Op::Sub, Duration, Duration) => Some(Duration),
        (_, Null, Null) => Some(Null),
        (_, Dyn | Null, Dyn | Null | Int | Double | Time | Duration)
        | (_, Int | Double | Time | Duration, Dyn | Null) => Some(Dyn),
        _ => None,
    }
}
