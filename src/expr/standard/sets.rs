//! Lists as sets: two lists enter, what they have in common leaves.
//!
//! Of partial lists what is known decides, in the direction in which it can.

use rustc_hash::FxHashSet;

use crate::expr::api::{Call, EvalError, Host, Param};
use crate::expr::eval::ops::equals;
use crate::model::{Seq, Val};

use super::{NOT_SO, function, param};

const TWO: &[Param] = &[param("a", "list<dyn>"), param("b", "list<dyn>")];

pub(super) const HOSTS: [Host; 5] = [
    function(
        "sets.contains",
        &[param("set", "list<dyn>"), param("part", "list<dyn>")],
        "bool",
        contains,
        "Whether every element of the second list is in the first.",
        "sets.contains(['a', 'b'], ['b']) == true",
    ),
    function(
        "sets.intersects",
        TWO,
        "bool",
        intersects,
        "Whether the lists have an element in common.",
        "sets.intersects(['a', 'b'], ['b', 'c']) == true",
    ),
    function(
        "sets.equivalent",
        TWO,
        "bool",
        equivalent,
        "Whether each list has every element of the other, in whatever order and number.",
        "sets.equivalent(['a', 'b', 'a'], ['b', 'a']) == true",
    ),
    function(
        "sets.minus",
        TWO,
        "list<dyn>",
        minus,
        "The elements of the first list that are not in the second, in their order, once each.",
        "sets.minus(['a', 'b'], ['b']) == ['a']",
    ),
    function(
        "sets.union",
        TWO,
        "list<dyn>",
        union,
        "The elements of both lists, in their order, once each.",
        "sets.union(['a', 'b'], ['b', 'c']) == ['a', 'b', 'c']",
    ),
];

/// The elements of a list, those of text ready to be found.
struct Set<'a> {
    texts: FxHashSet<&'a str>,
    others: Vec<Val<'a>>,
    /// Whether nothing else is in it.
    whole: bool,
}

impl<'a> Set<'a> {
    fn new(call: &Call<'a, '_>, seq: Seq<'a>) -> Result<Self, EvalError> {
        call.charge(seq.items.len())?;
        let mut set = Self { texts: FxHashSet::default(), others: Vec::new(), whole: seq.whole };
        for item in seq.items {
            set.add(call, *item);
        }
        Ok(set)
    }

    fn add(&mut self, call: &Call<'a, '_>, item: Val<'a>) {
        match named(call, item) {
            Val::Str(text) => {
                self.texts.insert(text);
            }
            Val::Unknown => self.whole = false,
            other => self.others.push(other),
        }
    }

    /// Whether the value is in it; `None` when nobody can tell.
    fn has(&self, call: &Call<'a, '_>, value: Val<'a>) -> Result<Option<bool>, EvalError> {
        call.charge(1)?;
        let value = named(call, value);
        let mut known = self.whole && !matches!(value, Val::Unknown);
        match value {
            Val::Str(text) if self.texts.contains(text) => return Ok(Some(true)),
            Val::Str(_) | Val::Unknown => {}
            value => {
                for other in &self.others {
                    call.charge(1)?;
                    match equals(value, *other, call)? {
                        Some(true) => return Ok(Some(true)),
                        Some(false) => {}
                        None => known = false,
                    }
                }
            }
        }
        Ok(known.then_some(false))
    }
}

/// A resource is its id, as everywhere it is compared.
fn named<'a>(call: &Call<'a, '_>, value: Val<'a>) -> Val<'a> {
    match value {
        Val::Resource(handle) => call.world.id(handle),
        other => other,
    }
}

/// A list that is not there has no elements.
fn list(value: Val<'_>) -> Result<Seq<'_>, EvalError> {
    match value {
        Val::List(seq) => Ok(seq),
        Val::Unsaid | Val::None => Ok(Seq { items: &[], whole: true }),
        _ => Err(NOT_SO),
    }
}

fn two<'a>(args: &[Val<'a>]) -> Result<(Seq<'a>, Seq<'a>), EvalError> {
    let [a, b] = args else { return Err(NOT_SO) };
    Ok((list(*a)?, list(*b)?))
}

fn verdict(truth: Option<bool>) -> Val<'static> {
    truth.map_or(Val::Unknown, Val::Bool)
}

fn contains<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let (set, part) = two(args)?;
    covers(call, set, part).map(verdict)
}

fn covers<'a>(call: &Call<'a, '_>, set: Seq<'a>, part: Seq<'a>) -> Result<Option<bool>, EvalError> {
    let set = Set::new(call, set)?;
    let mut all = part.whole.then_some(true);
    for item in part.items {
        match set.has(call, *item)? {
            Some(true) => {}
            Some(false) => return Ok(Some(false)),
            None => all = None,
        }
    }
    Ok(all)
}

fn intersects<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let (a, b) = two(args)?;
    let empty = |seq: Seq<'_>| seq.whole && seq.items.is_empty();
    if empty(a) || empty(b) {
        return Ok(Val::Bool(false));
    }
    let set = Set::new(call, a)?;
    let mut none = b.whole.then_some(false);
    for item in b.items {
        match set.has(call, *item)? {
            Some(true) => return Ok(Val::Bool(true)),
            Some(false) => {}
            None => none = None,
        }
    }
    Ok(verdict(none))
}

fn equivalent<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let (a, b) = two(args)?;
    let (one, other) = (covers(call, a, b)?, covers(call, b, a)?);
    Ok(verdict(match (one, other) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }))
}

fn minus<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let (a, b) = two(args)?;
    let taken = Set::new(call, b)?;
    once(call, a, &taken, &[])
}

fn union<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let (a, b) = two(args)?;
    let taken = Set::new(call, Seq { items: &[], whole: true })?;
    once(call, a, &taken, &[b])
}

/// The elements of the lists that are not taken, once each. Of one that may be taken, or equal
/// another, nobody can tell: the result is then partial.
fn once<'a>(
    call: &Call<'a, '_>,
    first: Seq<'a>,
    taken: &Set<'a>,
    more: &[Seq<'a>],
) -> Result<Val<'a>, EvalError> {
    let mut seen = Set::new(call, Seq { items: &[], whole: true })?;
    let mut kept = bumpalo::collections::Vec::new_in(call.arena);
    let mut whole = true;
    for seq in std::iter::once(&first).chain(more) {
        whole = whole && seq.whole;
        for item in seq.items {
            match (taken.has(call, *item)?, seen.has(call, *item)?) {
                (Some(false), Some(false)) => {
                    kept.push(*item);
                    seen.add(call, *item);
                }
                (Some(true), _) | (_, Some(true)) => {}
                _ => whole = false,
            }
        }
    }
    Ok(Val::List(Seq { items: kept.into_bump_slice(), whole }))
}
