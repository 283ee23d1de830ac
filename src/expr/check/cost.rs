//! The worst case of a loop, estimated at load.
//!
//! A facet, a list in an event's body and the resources that refer to one are unbounded sets:
//! they hold as many elements as [`Limits::elements`] lets them. What lies inside an element
//! shares the facet's bytes with all the others. A loop over one unbounded set inside a loop over
//! another is refused where it can use up the budget; a single loop never is.

use std::cell::Cell;

use cel::common::ast::IdedExpr;

use crate::expr::ir::{Body, Const, Macro, Node};
use crate::model::{Limits, Schema, Type};

use super::Checker;

/// Bytes that the smallest part of an element takes in an encoded facet.
const PART_BYTES: usize = 4;

/// Elements of a list that a person writes: a parameter.
const GIVEN: u64 = 64;

/// Functions of a list that do not go through it.
const AT_ONCE: [&str; 4] = ["size", "list", "value", "type"];

/// Nodes that one estimate looks at: functions that call functions twice each have no end of
/// them. What is beyond costs nothing here and is left to the budget of the evaluation.
const VISITS: u32 = 100_000;

/// How many elements something may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Size {
    /// At most so many: written out, or a part of an element.
    Most(u64),
    /// As many as a set may have.
    Unbounded,
}

/// What an evaluation may cost.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    /// Units of fuel.
    steps: u64,
    /// Loops over unbounded sets inside each other.
    nested: u32,
}

impl Cost {
    fn and(self, other: Self) -> Self {
        Self {
            steps: self.steps.saturating_add(other.steps),
            nested: self.nested.max(other.nested),
        }
    }

    fn times(self, size: Size, limits: &Limits) -> Self {
        let (count, deeper) = match size {
            Size::Most(count) => (count, 0),
            Size::Unbounded => (limits.elements as u64, 1),
        };
        Self { steps: self.steps.saturating_mul(count), nested: self.nested + deeper }
    }
}

impl Checker<'_> {
    /// Refuses a loop that could use up the budget by going through sets inside sets.
    pub(super) fn affordable(&mut self, at: &IdedExpr, node: &Node) {
        let limits = Limits::default();
        let vars: Vec<Size> = self
            .scope
            .vars
            .iter()
            .map(|var| match var.ty {
                Type::Dyn | Type::Resource(_) => Size::Unbounded,
                _ => Size::Most(GIVEN),
            })
            .collect();
        // Variables of outer loops are elements. What a function is given shows where it is
        // called, and the whole expression is looked at last.
        let locals = vec![part(&limits); self.locals.len()];
        let schema = self.scope.schema;
        let visits = Cell::new(VISITS);
        let estimate = Estimate { schema, limits: &limits, vars: &vars, visits };
        let cost = estimate.of(node, &locals);
        if cost.nested < 2 || cost.steps <= u64::from(limits.fuel) || self.too_costly {
            return;
        }
        self.too_costly = true;
        let message = format!(
            "{} loops over sets of up to {} elements stand inside each other: up to {} steps, and an \
             evaluation has {}",
            cost.nested,
            grouped(limits.elements as u64),
            grouped(cost.steps),
            grouped(u64::from(limits.fuel)),
        );
        let hint = "derive a facet from the inner set on its own kind, or use a function such as \
                    `math.least` or `net.open` once";
        self.error(at, message, Some(hint.into()));
    }
}

struct Estimate<'e> {
    schema: &'e Schema,
    limits: &'e Limits,
    vars: &'e [Size],
    /// Nodes that are still looked at.
    visits: Cell<u32>,
}

impl Estimate<'_> {
    /// What evaluating a part costs at most; `locals` are the sizes of what they hold.
    fn of(&self, node: &Node, locals: &[Size]) -> Cost {
        let one = Cost { steps: 1, nested: 0 };
        if !self.looks() {
            return one;
        }
        let each = |nodes: &mut dyn Iterator<Item = &Node>| {
            nodes.fold(one, |sum, node| sum.and(self.of(node, locals)))
        };
        match node {
            Node::Const(_) | Node::Var(_) | Node::Local(_) => one,
            Node::Facet(of, ..)
            | Node::Field(of, ..)
            | Node::Select(of, _)
            | Node::Matches(of, _)
            | Node::Id(of)
            | Node::Has(of)
            | Node::Not(of)
            | Node::Neg(of) => one.and(self.of(of, locals)),
            Node::Index(sides, _) | Node::And(sides) | Node::Or(sides) => {
                each(&mut [&sides.0, &sides.1].into_iter())
            }
            Node::Op(op, sides) => {
                let cost = each(&mut [&sides.0, &sides.1].into_iter());
                let among = *op == crate::expr::ir::Op::In;
                if among {
                    cost.and(one.times(self.size(&sides.1, locals), self.limits))
                } else {
                    cost
                }
            }
            Node::Cond(parts) => each(&mut [&parts.0, &parts.1, &parts.2].into_iter()),
            Node::List(items) => each(&mut items.iter().map(|(item, _)| item)),
            Node::Map(entries) => {
                each(&mut entries.iter().flat_map(|(key, value, _)| [key, value]))
            }
            Node::Record(_, fields) => each(&mut fields.iter().map(|(_, value)| value)),
            Node::First(candidates) => each(&mut candidates.iter()),
            Node::Among(parts) => {
                let count = Cost { steps: parts.1.len() as u64, nested: 0 };
                each(&mut [&parts.0].into_iter()).and(count)
            }
            // A function looks at each element of what it is given, and charges for it.
            Node::Host(parts) => {
                let cost = each(&mut parts.1.iter());
                if AT_ONCE.contains(&parts.0.name) {
                    return cost;
                }
                let whole = parts.1.iter().map(|arg| self.size(arg, locals)).max();
                cost.and(one.times(whole.unwrap_or(Size::Most(1)), self.limits))
            }
            Node::User(body, args) => {
                each(&mut args.iter()).and(self.of(&body.node, &self.given(body, args, locals)))
            }
            Node::Macro(parts) => self.looped(parts, locals),
            Node::Watched(part) => self.of(&part.node, locals),
            Node::Bind(parts) => {
                let bound = self.within(locals, &[(parts.slot, self.size(&parts.value, locals))]);
                one.and(self.of(&parts.value, locals)).and(self.of(&parts.body, &bound))
            }
        }
    }

    /// Whether one more node may be looked at.
    fn looks(&self) -> bool {
        let left = self.visits.get();
        self.visits.set(left.saturating_sub(1));
        left > 0
    }

    fn looped(&self, parts: &Macro, locals: &[Size]) -> Cost {
        let part = part(self.limits);
        let slots: Vec<(usize, Size)> = [Some(parts.slot), parts.place]
            .into_iter()
            .flatten()
            .map(|slot| (slot, part))
            .collect();
        let inner = self.within(locals, &slots);
        let each = parts
            .test
            .iter()
            .chain(&parts.body)
            .fold(Cost { steps: 1, nested: 0 }, |sum, node| sum.and(self.of(node, &inner)));
        self.of(&parts.list, locals).and(each.times(self.size(&parts.list, locals), self.limits))
    }

    fn given(&self, body: &Body, args: &[Node], locals: &[Size]) -> Vec<Size> {
        let mut inner: Vec<Size> = args.iter().map(|arg| self.size(arg, locals)).collect();
        inner.resize(body.locals.max(inner.len()), part(self.limits));
        inner
    }

    fn within(&self, locals: &[Size], more: &[(usize, Size)]) -> Vec<Size> {
        let mut inner = locals.to_vec();
        for (slot, size) in more {
            inner.resize(inner.len().max(slot + 1), part(self.limits));
            inner[*slot] = *size;
        }
        inner
    }

    /// How many elements a part may have.
    fn size(&self, node: &Node, locals: &[Size]) -> Size {
        if !self.looks() {
            return Size::Most(1);
        }
        match node {
            Node::Var(slot) => self.vars.get(*slot).copied().unwrap_or(Size::Unbounded),
            Node::Local(slot) => locals.get(*slot).copied().unwrap_or(Size::Unbounded),
            Node::Facet(_, kind, facet) => {
                of_type(&self.schema.facet(*kind, *facet).ty, Size::Unbounded)
            }
            Node::Field(of, record, field) => {
                let field = self.schema.record(*record).fields.get(*field);
                let whole = self.size(of, locals);
                field.map_or(whole, |field| of_type(&field.ty, whole))
            }
            Node::Select(of, _) => self.size(of, locals),
            // What one element of a set holds.
            Node::Index(sides, _) => self.size(&sides.0, locals).min(part(self.limits)),
            Node::List(items) => Size::Most(items.len() as u64),
            Node::Map(entries) => Size::Most(entries.len() as u64),
            Node::Record(_, fields) => Size::Most(fields.len() as u64),
            Node::Cond(parts) => self.size(&parts.1, locals).max(self.size(&parts.2, locals)),
            Node::Op(op, sides) if *op == crate::expr::ir::Op::Add => {
                self.size(&sides.0, locals).max(self.size(&sides.1, locals))
            }
            Node::First(candidates) => self.most(candidates, locals),
            Node::Host(parts) => self.most(&parts.1, locals),
            Node::User(body, args) => self.size(&body.node, &self.given(body, args, locals)),
            Node::Macro(parts) => match parts.body {
                _ if parts.kind.is_truth() => Size::Most(1),
                _ => self.size(&parts.list, locals),
            },
            Node::Bind(parts) => {
                let bound = self.within(locals, &[(parts.slot, self.size(&parts.value, locals))]);
                self.size(&parts.body, &bound)
            }
            Node::Watched(part) => self.size(&part.node, locals),
            // Literals, conditions, ids: what is no list.
            _ => Size::Most(1),
        }
    }

    fn most(&self, nodes: &[Node], locals: &[Size]) -> Size {
        let fixed = |node: &&Node| !matches!(node, Node::Const(Const::Unsaid | Const::None));
        let sizes = nodes.iter().filter(fixed).map(|node| self.size(node, locals));
        sizes.max().unwrap_or(Size::Most(1))
    }
}

/// The size of a value of a type: what has no elements has one.
fn of_type(ty: &Type, whole: Size) -> Size {
    match ty {
        Type::Dyn | Type::List(_) | Type::Map(_) | Type::Record(_) => whole,
        _ => Size::Most(1),
    }
}

/// Parts of one element of a full set: all elements share the bytes of the facet.
fn part(limits: &Limits) -> Size {
    Size::Most((limits.facet_bytes / limits.elements.max(1) / PART_BYTES).max(1) as u64)
}

/// `4000000` as `4,000,000`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
