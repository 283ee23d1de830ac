//! Constants and certainties: a part that reads nothing becomes its value at load, and a
//! condition that can never be otherwise is warned of.

use std::cell::Cell;

use bumpalo::Bump;
use cel::common::ast::IdedExpr;

use crate::expr::api::{Call, EvalError, World};
use crate::expr::eval;
use crate::expr::ir::{Const, Node, Op, same};
use crate::model::{FacetId, Handle, PortSet, Seq, Timestamp, Val};

use super::{Checker, Typed};

/// Units of work for the constants of one expression; beyond them they are left as written.
pub(super) const FOLD_FUEL: u32 = 50_000;

/// Terms of one side of `&&` or `||` that are held against those of the other.
const TERMS: usize = 32;

/// Host functions whose result depends on nothing but their arguments; the parts of an instant
/// (`getHours`) are so too.
const PURE: [&str; 28] = [
    "bool",
    "charAt",
    "contains",
    "double",
    "duration",
    "endsWith",
    "format",
    "indexOf",
    "int",
    "join",
    "lastIndexOf",
    "lower",
    "lowerAscii",
    "math.abs",
    "math.ceil",
    "math.floor",
    "math.round",
    "net.ports",
    "replace",
    "size",
    "startsWith",
    "string",
    "substring",
    "timestamp",
    "trim",
    "type",
    "upper",
    "upperAscii",
];

impl Checker<'_> {
    /// The part, as its value where it reads nothing. `known` issues were there before it was
    /// checked: what was warned of inside it is not warned of again.
    pub(super) fn folded(&mut self, at: &IdedExpr, typed: Typed, known: usize) -> Typed {
        let Some(value) = decided(&typed.node).or_else(|| self.value(at, &typed.node, known))
        else {
            return typed;
        };
        if let Const::Bool(truth) = value
            && self.issues.len() == known
        {
            self.warn(at, format!("this is always {truth}"), None);
        }
        let text = match &value {
            Const::Str(text) => Some(text.clone()),
            _ => None,
        };
        Typed { node: Node::Const(value), text, ..typed }
    }

    /// The value of a part that reads nothing and is no literal itself.
    fn value(&mut self, at: &IdedExpr, node: &Node, known: usize) -> Option<Const> {
        let plain =
            matches!(node, Node::Const(_) | Node::List(_) | Node::Map(_) | Node::Record(..));
        if plain || !is_fixed(node, self.locals.len()) {
            return None;
        }
        let (arena, schema, fuel) = (Bump::new(), self.scope.schema, Cell::new(self.fold_fuel));
        let call =
            Call { arena: &arena, schema, world: &Nowhere, now: Timestamp::default(), fuel: &fuel };
        let result = eval::fixed(node, self.locals.len() + self.slots, &call);
        self.fold_fuel = fuel.get();
        match result {
            Ok(value) => written(value),
            Err(EvalError::OutOfFuel) => None,
            // What fails inside was told there.
            Err(_) if self.issues.len() > known => None,
            Err(error) => {
                self.warn(at, format!("this always fails: {error}"), None);
                None
            }
        }
    }

    /// Warns where one side of a comparison settles it.
    pub(super) fn certain_comparison(&mut self, at: &IdedExpr, op: Op, left: &Node, right: &Node) {
        let own = self.locals.len();
        if is_fixed(left, own) && is_fixed(right, own) {
            return;
        }
        if same(left, right) && op != Op::In {
            self.warn(at, "both sides are the same".into(), None);
        }
        if op == Op::In && matches!(right, Node::List(items) if items.is_empty()) {
            self.warn(at, "nothing is in an empty list".into(), None);
        }
        let Some(range) = range(op, left, right) else { return };
        if !matches!(range.of, Node::Host(parts) if parts.0.name == "size") {
            return;
        }
        if range.low <= 0 && range.high == i64::MAX {
            self.warn(at, "a size is never below zero: this is always true".into(), None);
        } else if range.high < 0 {
            self.warn(at, "a size is never below zero: this is always false".into(), None);
        }
    }

    /// Warns where terms of `&&` (`all`) exclude each other, or those of `||` leave nothing out.
    pub(super) fn certain_terms(&mut self, at: &IdedExpr, all: bool, left: &Node, right: &Node) {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        terms(left, all, &mut ours);
        terms(right, all, &mut theirs);
        for a in &ours {
            for b in &theirs {
                if let Some(why) = settled(all, a, b) {
                    self.warn(at, why.into(), None);
                    return;
                }
            }
        }
    }
}

/// Why two terms of one `&&` or `||` settle it.
fn settled(all: bool, a: &Node, b: &Node) -> Option<&'static str> {
    let literal = |node: &Node| matches!(node, Node::Const(_));
    if literal(a) || literal(b) {
        return None;
    }
    if same(a, b) {
        return Some("the same condition stands here twice");
    }
    let opposite = |a: &Node, b: &Node| matches!(a, Node::Not(inner) if same(inner, b));
    if opposite(a, b) || opposite(b, a) {
        return Some(if all {
            "a condition and its opposite: this is always false"
        } else {
            "a condition and its opposite: this is always true"
        });
    }
    let due = if all { Op::Eq } else { Op::Ne };
    if let (Some((x, one)), Some((y, other))) = (against(a, due), against(b, due))
        && same(x, y)
        && one != other
    {
        return Some(if all {
            "one value cannot be both: this is always false"
        } else {
            "every value differs from one of the two: this is always true (write `&&`)"
        });
    }
    let (a, b) = (range_of(a)?, range_of(b)?);
    if !same(a.of, b.of) {
        return None;
    }
    let apart = a.high < b.low || b.high < a.low;
    let ends = a.low.min(b.low) == i64::MIN && a.high.max(b.high) == i64::MAX;
    match all {
        true if apart => Some("no number is in both ranges: this is always false"),
        false if !apart && ends && a.low != b.low => {
            Some("every number is in one of the ranges: this is always true")
        }
        _ => None,
    }
}

fn terms<'n>(node: &'n Node, all: bool, found: &mut Vec<&'n Node>) {
    match node {
        Node::And(sides) if all => {
            terms(&sides.0, all, found);
            terms(&sides.1, all, found);
        }
        Node::Or(sides) if !all => {
            terms(&sides.0, all, found);
            terms(&sides.1, all, found);
        }
        node if found.len() < TERMS => found.push(node),
        _ => {}
    }
}

/// `x op text` (or the other way round): what is compared, and with what.
fn against(node: &Node, due: Op) -> Option<(&Node, &str)> {
    let Node::Op(op, sides) = node else { return None };
    match &**sides {
        (x, Node::Const(Const::Str(text))) | (Node::Const(Const::Str(text)), x) if *op == due => {
            Some((x, text))
        }
        _ => None,
    }
}

/// The integers for which a comparison holds.
struct Span<'n> {
    of: &'n Node,
    low: i64,
    high: i64,
}

fn range_of(node: &Node) -> Option<Span<'_>> {
    let Node::Op(op, sides) = node else { return None };
    range(*op, &sides.0, &sides.1)
}

fn range<'n>(op: Op, left: &'n Node, right: &'n Node) -> Option<Span<'n>> {
    let (of, op, limit) = match (left, right) {
        (of, Node::Const(Const::Int(limit))) => (of, op, *limit),
        (Node::Const(Const::Int(limit)), of) => {
            let flipped = match op {
                Op::Lt => Op::Gt,
                Op::Le => Op::Ge,
                Op::Gt => Op::Lt,
                Op::Ge => Op::Le,
                op => op,
            };
            (of, flipped, *limit)
        }
        _ => return None,
    };
    let (low, high) = match op {
        Op::Lt => (i64::MIN, limit.checked_sub(1)?),
        Op::Le => (i64::MIN, limit),
        Op::Gt => (limit.checked_add(1)?, i64::MAX),
        Op::Ge => (limit, i64::MAX),
        Op::Eq => (limit, limit),
        _ => return None,
    };
    Some(Span { of, low, high })
}

/// What a condition is whatever its other side says.
fn decided(node: &Node) -> Option<Const> {
    let literal = |node: &Node, truth: bool| matches!(node, Node::Const(Const::Bool(found)) if *found == truth);
    match node {
        Node::And(sides) if literal(&sides.0, false) || literal(&sides.1, false) => {
            Some(Const::Bool(false))
        }
        Node::Or(sides) if literal(&sides.0, true) || literal(&sides.1, true) => {
            Some(Const::Bool(true))
        }
        _ => None,
    }
}

/// Whether a part reads nothing but literals and variables it brings along, which have slots
/// from `own` on.
fn is_fixed(node: &Node, own: usize) -> bool {
    let fixed = |node: &Node| is_fixed(node, own);
    match node {
        Node::Const(literal) => !matches!(literal, Const::Unknown),
        Node::Local(slot) => *slot >= own,
        // What is watched is there to be seen working.
        Node::Var(_)
        | Node::Facet(..)
        | Node::Id(_)
        | Node::Record(..)
        | Node::User(..)
        | Node::Watched(_) => false,
        Node::Select(of, _)
        | Node::Has(of)
        | Node::Not(of)
        | Node::Neg(of)
        | Node::Matches(of, _)
        | Node::Field(of, ..) => fixed(of),
        Node::Index(sides, _) | Node::And(sides) | Node::Or(sides) | Node::Op(_, sides) => {
            fixed(&sides.0) && fixed(&sides.1)
        }
        Node::Cond(parts) => fixed(&parts.0) && fixed(&parts.1) && fixed(&parts.2),
        Node::List(items) => items.iter().all(|(item, _)| fixed(item)),
        Node::Map(entries) => entries.iter().all(|(key, value, _)| fixed(key) && fixed(value)),
        Node::First(candidates) => candidates.iter().all(fixed),
        Node::Host(parts) => {
            let pure = parts.0.name.starts_with("get") || PURE.contains(&parts.0.name);
            pure && parts.1.iter().all(fixed)
        }
        Node::Macro(parts) => {
            fixed(&parts.list)
                && parts.test.as_ref().is_none_or(fixed)
                && parts.body.as_ref().is_none_or(fixed)
        }
        Node::Bind(parts) => fixed(&parts.value) && fixed(&parts.body),
        Node::Among(parts) => fixed(&parts.0),
    }
}

/// A value as a literal, where there is one for it.
fn written(value: Val<'_>) -> Option<Const> {
    Some(match value {
        Val::Unsaid => Const::Unsaid,
        Val::None => Const::None,
        Val::Bool(truth) => Const::Bool(truth),
        Val::Int(number) => Const::Int(number),
        Val::Double(number) => Const::Double(number),
        Val::Str(text) => Const::Str(text.into()),
        Val::Time(instant) => Const::Time(instant),
        Val::Duration(micros) => Const::Duration(micros),
        Val::Ports(PortSet { ranges, whole: true }) => Const::Ports(ranges.into()),
        _ => return None,
    })
}

/// The candidates of `in`, where all are literals and so need not be laid out each time.
pub(super) fn literals(node: &Node) -> Option<Box<[Const]>> {
    let Node::List(items) = node else { return None };
    let plain = |(item, optional): &(Node, bool)| match item {
        Node::Const(literal) if !optional => match eval::constant(literal) {
            Val::Unknown => None,
            value => written(value),
        },
        _ => None,
    };
    items.iter().map(plain).collect()
}

/// The world of a constant: there is none.
struct Nowhere;

impl<'a> World<'a> for Nowhere {
    fn facet(&self, _: Handle, _: FacetId) -> Val<'a> {
        Val::List(Seq { items: &[], whole: false })
    }

    fn id(&self, _: Handle) -> Val<'a> {
        Val::Unknown
    }
}
