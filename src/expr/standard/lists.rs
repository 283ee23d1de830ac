//! Functions on lists. What is not all known stays so: a partial list gives a partial one.

use bumpalo::collections::Vec;

use crate::expr::api::{Call, EvalError, Host};
use crate::expr::eval::ops::{equals, order};
use crate::model::{Seq, Val};

use super::{NOT_SO, function, param};

/// `distinct`, whose type the checker refines.
pub(in crate::expr) const DISTINCT: Host = function(
    "distinct",
    &[param("list", "list<dyn>")],
    "list<dyn>",
    distinct,
    "The elements without repetitions, each where it first stands.",
    "[1, 2, 1].distinct() == [1, 2]",
);

/// `sort`, whose type the checker refines.
pub(in crate::expr) const SORT: Host = function(
    "sort",
    &[param("list", "list<dyn>")],
    "list<dyn>",
    sort,
    "The elements from least to greatest; they must have an order.",
    "[3, 1, 2].sort() == [1, 2, 3]",
);

/// `flatten`, whose type the checker refines.
pub(in crate::expr) const FLATTEN: Host = function(
    "flatten",
    &[param("list", "list<dyn>")],
    "list<dyn>",
    flatten,
    "The elements of the lists within a list, one level down; what is no list stays.",
    "[[1], [2, 3]].flatten() == [1, 2, 3]",
);

/// `slice`, whose type the checker refines.
pub(in crate::expr) const SLICE: Host = function(
    "slice",
    &[param("list", "list<dyn>"), param("from", "int"), param("to", "int")],
    "list<dyn>",
    slice,
    "The elements from one place up to another, which is not among them.",
    "[1, 2, 3].slice(0, 2) == [1, 2]",
);

/// `reverse` of a list, whose type the checker refines.
pub(in crate::expr) const REVERSE: Host = function(
    "reverse",
    &[param("list", "list<dyn>")],
    "list<dyn>",
    super::text::reverse,
    "The elements in reverse; unknown where the list is partial.",
    "[1, 2].reverse() == [2, 1]",
);

pub(super) const HOSTS: [Host; 5] = [DISTINCT, SORT, FLATTEN, SLICE, REVERSE];

fn distinct<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let [Val::List(seq)] = args else { return Err(NOT_SO) };
    let mut kept: Vec<'a, Val<'a>> = Vec::new_in(call.arena);
    for item in seq.items {
        let mut there = Some(false);
        for other in &kept {
            call.charge(1)?;
            match equals(*item, *other, call)? {
                Some(false) => {}
                same => there = same,
            }
            if there != Some(false) {
                break;
            }
        }
        match there {
            Some(true) => {}
            Some(false) => kept.push(*item),
            None => return Ok(Val::Unknown),
        }
    }
    Ok(Val::List(Seq { items: kept.into_bump_slice(), whole: seq.whole }))
}

fn sort<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let [Val::List(seq)] = args else { return Err(NOT_SO) };
    if seq.items.iter().any(|item| matches!(item, Val::Unknown)) {
        return Ok(Val::Unknown);
    }
    let levels = usize::BITS - seq.items.len().leading_zeros();
    call.charge(seq.items.len().saturating_mul(levels as usize))?;
    for pair in seq.items.windows(2) {
        order(pair[0], pair[1])?;
    }
    let items = call.arena.alloc_slice_copy(seq.items);
    items.sort_by(|a, b| order(*a, *b).ok().flatten().unwrap_or(std::cmp::Ordering::Equal));
    Ok(Val::List(Seq { items, whole: seq.whole }))
}

fn flatten<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let [Val::List(seq)] = args else { return Err(NOT_SO) };
    let mut whole = seq.whole;
    let mut items = Vec::new_in(call.arena);
    for item in seq.items {
        call.charge(1)?;
        match item {
            Val::List(inner) => {
                call.charge(inner.items.len())?;
                whole &= inner.whole;
                items.extend_from_slice(inner.items);
            }
            Val::Unknown => whole = false,
            item => items.push(*item),
        }
    }
    Ok(Val::List(Seq { items: items.into_bump_slice(), whole }))
}

fn slice<'a>(_: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    const PLACE: EvalError = EvalError::Arithmetic("place out of range");
    let [Val::List(seq), Val::Int(from), Val::Int(to)] = args else { return Err(NOT_SO) };
    if !seq.whole {
        return Ok(Val::Unknown);
    }
    let (Ok(from), Ok(to)) = (usize::try_from(*from), usize::try_from(*to)) else {
        return Err(PLACE);
    };
    seq.items.get(from..to).map(Val::list).ok_or(PLACE)
}
