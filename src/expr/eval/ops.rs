//! The strict operators: arithmetic, order, equality, membership.

use std::cmp::Ordering;

use crate::expr::api::{Call, EvalError};
use crate::expr::ir::Op;
use crate::expr::ports;
use crate::model::{Handle, Seq, Timestamp, Val};

const OVERFLOW: EvalError = EvalError::Arithmetic("number too large");
const TIME_RANGE: EvalError = EvalError::Arithmetic("instant or duration out of range");
const BY_ZERO: EvalError = EvalError::Arithmetic("division by zero");
const NO_SUCH: EvalError = EvalError::Type("the operator is not defined for these values");

/// Two to the 63rd: the first double above every integer.
const BEYOND: f64 = 9_223_372_036_854_775_808.0;

/// From the first microsecond of the year 1, where CEL's instants begin, to the last one that
/// has a date at every offset from UTC, on the last day but one of the year 9999.
const INSTANTS: std::ops::RangeInclusive<i64> = -62_135_596_800_000_000..=253_402_207_200_999_999;

/// Ten thousand years, which CEL's spans are bound to.
const SPAN: i64 = 315_576_000_000_000_000;

/// Whether an instant is one CEL knows.
pub(in crate::expr) fn is_instant(at: Timestamp) -> bool {
    INSTANTS.contains(&at.0)
}

/// Whether a span is one CEL knows.
pub(in crate::expr) fn is_span(micros: i64) -> bool {
    (-SPAN..=SPAN).contains(&micros)
}

pub(super) fn binary<'a>(
    op: Op,
    left: Val<'a>,
    right: Val<'a>,
    call: &Call<'a, '_>,
) -> Result<Val<'a>, EvalError> {
    let verdict = |truth: Option<bool>| truth.map_or(Val::Unknown, Val::Bool);
    if matches!(left, Val::Unknown) || matches!(right, Val::Unknown) {
        return Ok(Val::Unknown);
    }
    match op {
        Op::Eq => Ok(verdict(equals(left, right, call)?)),
        Op::Ne => Ok(verdict(equals(left, right, call)?.map(|same| !same))),
        Op::In => Ok(verdict(member(left, right, call)?)),
        Op::Lt | Op::Le | Op::Gt | Op::Ge => {
            if !left.is_present() || !right.is_present() {
                return Ok(Val::Bool(false));
            }
            let order = order(left, right)?;
            Ok(Val::Bool(order.is_some_and(|order| match op {
                Op::Lt => order.is_lt(),
                Op::Le => order.is_le(),
                Op::Gt => order.is_gt(),
                _ => order.is_ge(),
            })))
        }
        Op::Add => add(left, right, call),
        Op::Sub | Op::Mul | Op::Div | Op::Rem => calculate(op, left, right),
    }
}

fn add<'a>(left: Val<'a>, right: Val<'a>, call: &Call<'a, '_>) -> Result<Val<'a>, EvalError> {
    match (left, right) {
        // A list that is absent has no elements, as everywhere a list is gone through.
        (Val::List(_), Val::Unsaid | Val::None) => Ok(left),
        (Val::Unsaid | Val::None, Val::List(_)) => Ok(right),
        (Val::Unsaid | Val::None, _) | (_, Val::Unsaid | Val::None) => Ok(Val::Unsaid),
        (Val::Str(a), Val::Str(b)) => {
            call.charge((a.len() + b.len()) / 16)?;
            let mut text = bumpalo::collections::String::with_capacity_in(
                a.len().saturating_add(b.len()),
                call.arena,
            );
            text.push_str(a);
            text.push_str(b);
            Ok(Val::Str(text.into_bump_str()))
        }
        (Val::List(a), Val::List(b)) => {
            let length = a.items.len() + b.items.len();
            call.charge(length)?;
            let items = call.arena.alloc_slice_fill_copy(length, Val::Unsaid);
            let (head, tail) = items.split_at_mut(a.items.len());
            head.copy_from_slice(a.items);
            tail.copy_from_slice(b.items);
            Ok(Val::List(Seq { items, whole: a.whole && b.whole }))
        }
        _ => calculate(Op::Add, left, right),
    }
}

fn calculate<'a>(op: Op, left: Val<'a>, right: Val<'a>) -> Result<Val<'a>, EvalError> {
    match (left, right) {
        (Val::Unsaid | Val::None, _) | (_, Val::Unsaid | Val::None) => Ok(Val::Unsaid),
        (Val::Int(a), Val::Int(b)) => integers(op, a, b).map(Val::Int),
        #[expect(clippy::cast_precision_loss, reason = "JSON writes `1` where it means `1.0`")]
        (Val::Int(a), Val::Double(b)) => doubles(op, a as f64, b).map(Val::Double),
        #[expect(clippy::cast_precision_loss, reason = "JSON writes `1` where it means `1.0`")]
        (Val::Double(a), Val::Int(b)) => doubles(op, a, b as f64).map(Val::Double),
        (Val::Double(a), Val::Double(b)) => doubles(op, a, b).map(Val::Double),
        (Val::Time(a), Val::Duration(b)) => match op {
            Op::Add => instant(a.0.checked_add(b)),
            Op::Sub => instant(a.0.checked_sub(b)),
            _ => Err(NO_SUCH),
        },
        (Val::Duration(a), Val::Time(b)) if op == Op::Add => instant(a.checked_add(b.0)),
        (Val::Time(a), Val::Time(b)) if op == Op::Sub => span(a.0.checked_sub(b.0)),
        (Val::Duration(a), Val::Duration(b)) if matches!(op, Op::Add | Op::Sub) => {
            span(integers(op, a, b).ok())
        }
        _ => Err(NO_SUCH),
    }
}

fn instant<'a>(micros: Option<i64>) -> Result<Val<'a>, EvalError> {
    micros.map(Timestamp).filter(|at| is_instant(*at)).map(Val::Time).ok_or(TIME_RANGE)
}

fn span<'a>(micros: Option<i64>) -> Result<Val<'a>, EvalError> {
    micros.filter(|span| is_span(*span)).map(Val::Duration).ok_or(TIME_RANGE)
}

fn integers(op: Op, a: i64, b: i64) -> Result<i64, EvalError> {
    if b == 0 && matches!(op, Op::Div | Op::Rem) {
        return Err(BY_ZERO);
    }
    let result = match op {
        Op::Add => a.checked_add(b),
        Op::Sub => a.checked_sub(b),
        Op::Mul => a.checked_mul(b),
        Op::Div => a.checked_div(b),
        Op::Rem => a.checked_rem(b),
        _ => return Err(NO_SUCH),
    };
    result.ok_or(OVERFLOW)
}

fn doubles(op: Op, a: f64, b: f64) -> Result<f64, EvalError> {
    match op {
        Op::Add => Ok(a + b),
        Op::Sub => Ok(a - b),
        Op::Mul => Ok(a * b),
        Op::Div => Ok(a / b),
        _ => Err(NO_SUCH),
    }
}

pub(super) fn negate(of: Val<'_>) -> Result<Val<'_>, EvalError> {
    match of {
        Val::Int(number) => number.checked_neg().map(Val::Int).ok_or(OVERFLOW),
        Val::Double(number) => Ok(Val::Double(-number)),
        Val::Duration(span) => span.checked_neg().map(Val::Duration).ok_or(OVERFLOW),
        Val::Unsaid | Val::None => Ok(Val::Unsaid),
        Val::Unknown => Ok(Val::Unknown),
        _ => Err(NO_SUCH),
    }
}

/// The order of two present values; `None` beside a not-a-number.
pub(in crate::expr) fn order(left: Val<'_>, right: Val<'_>) -> Result<Option<Ordering>, EvalError> {
    Ok(match (left, right) {
        (Val::Int(a), Val::Int(b)) | (Val::Duration(a), Val::Duration(b)) => Some(a.cmp(&b)),
        (Val::Double(a), Val::Double(b)) => a.partial_cmp(&b),
        (Val::Int(a), Val::Double(b)) => mixed(a, b),
        (Val::Double(a), Val::Int(b)) => mixed(b, a).map(Ordering::reverse),
        (Val::Str(a), Val::Str(b)) => Some(a.cmp(b)),
        (Val::Time(a), Val::Time(b)) => Some(a.cmp(&b)),
        (Val::Bool(a), Val::Bool(b)) => Some(a.cmp(&b)),
        _ => return Err(EvalError::Type("these values have no order")),
    })
}

/// An integer beside a double, exactly: no rounding makes different numbers equal.
fn mixed(a: i64, b: f64) -> Option<Ordering> {
    if b.is_nan() {
        return None;
    }
    if b >= BEYOND {
        return Some(Ordering::Less);
    }
    if b < -BEYOND {
        return Some(Ordering::Greater);
    }
    #[expect(clippy::cast_possible_truncation, reason = "within the bounds checked above")]
    let whole = b.trunc() as i64;
    Some(a.cmp(&whole).then_with(|| 0.0_f64.partial_cmp(&b.fract()).unwrap_or(Ordering::Equal)))
}

/// Whether two values are the same; `None` when nobody can tell.
///
/// What is absent equals what is absent and nothing else; resources are compared by id, also
/// with an id as text; lists of which not all is known cannot be told equal.
pub(in crate::expr) fn equals<'a>(
    left: Val<'a>,
    right: Val<'a>,
    call: &Call<'a, '_>,
) -> Result<Option<bool>, EvalError> {
    Ok(match (left, right) {
        (Val::Unknown, _) | (_, Val::Unknown) => None,
        (Val::Unsaid | Val::None, Val::Unsaid | Val::None) => Some(true),
        (Val::Bool(a), Val::Bool(b)) => Some(a == b),
        (Val::Int(a), Val::Int(b)) | (Val::Duration(a), Val::Duration(b)) => Some(a == b),
        (Val::Str(a), Val::Str(b)) => Some(a == b),
        (Val::Time(a), Val::Time(b)) => Some(a == b),
        (Val::Int(_) | Val::Double(_), Val::Int(_) | Val::Double(_)) => {
            Some(order(left, right)? == Some(Ordering::Equal))
        }
        (Val::Ports(a), Val::Ports(b)) => ports::equals(a, b),
        (Val::List(a), Val::List(b)) => {
            if !a.whole || !b.whole {
                return Ok(None);
            }
            if a.items.len() != b.items.len() {
                return Ok(Some(false));
            }
            every(a.items.iter().zip(b.items).map(|(a, b)| (*a, *b)), call)?
        }
        (Val::Map(a), Val::Map(b)) => {
            let here = |(key, value): &(&str, Val<'a>)| (*value, right.get(key));
            let there = |(key, value): &(&str, Val<'a>)| (left.get(key), *value);
            if a.len() == b.len() {
                every(a.iter().map(here), call)?
            } else {
                every(a.iter().map(here).chain(b.iter().map(there)), call)?
            }
        }
        (Val::Record(a), Val::Record(b)) if a.ty.id == b.ty.id => {
            every(a.fields.iter().zip(b.fields).map(|(a, b)| (*a, *b)), call)?
        }
        (Val::Resource(a), Val::Resource(b)) => resources(a, b, call),
        (Val::Resource(a), Val::Str(_)) => equals(call.world.id(a), right, call)?,
        (Val::Str(_), Val::Resource(b)) => equals(left, call.world.id(b), call)?,
        _ => Some(false),
    })
}

/// Whether all pairs are equal: one that differs decides, else one unknown leaves it open.
fn every<'a>(
    pairs: impl Iterator<Item = (Val<'a>, Val<'a>)>,
    call: &Call<'a, '_>,
) -> Result<Option<bool>, EvalError> {
    let mut result = Some(true);
    for (left, right) in pairs {
        call.charge(1)?;
        match equals(left, right, call)? {
            Some(true) => {}
            Some(false) => return Ok(Some(false)),
            None => result = None,
        }
    }
    Ok(result)
}

fn resources(a: Handle, b: Handle, call: &Call<'_, '_>) -> Option<bool> {
    if a == b {
        return Some(true);
    }
    if a.kind != b.kind {
        return Some(false);
    }
    match (call.world.id(a), call.world.id(b)) {
        (Val::Str(a), Val::Str(b)) => Some(a == b),
        _ => None,
    }
}

/// `x in y`: true where found, unknown where it may be among what is not known.
pub(in crate::expr) fn member<'a>(
    item: Val<'a>,
    among: Val<'a>,
    call: &Call<'a, '_>,
) -> Result<Option<bool>, EvalError> {
    let seq = match among {
        Val::List(seq) => seq,
        Val::Map(entries) => {
            let Val::Str(name) = item else { return Ok(Some(false)) };
            call.charge(entries.len())?;
            return Ok(Some(entries.iter().any(|(key, _)| *key == name)));
        }
        Val::Ports(set) => {
            let Val::Int(port) = item else { return Ok(Some(false)) };
            return Ok(ports::contains(set, port));
        }
        Val::Unsaid | Val::None => return Ok(Some(false)),
        Val::Unknown => return Ok(None),
        _ => return Err(EvalError::Type("`in` wants a list or a map")),
    };
    let mut certain = seq.whole;
    for candidate in seq.items {
        call.charge(1)?;
        match equals(item, *candidate, call)? {
            Some(true) => return Ok(Some(true)),
            Some(false) => {}
            None => certain = false,
        }
    }
    Ok(certain.then_some(false))
}
