//! `exists all exists_one map filter` over lists that may be partial, with one variable or two;
//! values that are named.

use bumpalo::collections::Vec;

use crate::expr::api::{Call, EvalError};
use crate::expr::ir::{Bind, Macro, MacroKind, Node};
use crate::model::{Seq, Val};

use super::{Frame, eval, truth};

const NO_LIST: EvalError = EvalError::Type("only a list or a map can be gone through");

pub(super) fn run<'a>(
    parts: &'a Macro,
    frame: &Frame<'_, 'a>,
    call: &Call<'a, '_>,
) -> Result<Val<'a>, EvalError> {
    let over = match eval(&parts.list, frame, call)? {
        Val::List(seq) => Over::List(seq),
        Val::Map(entries) => Over::Map(entries),
        Val::Unknown => return Ok(Val::Unknown),
        Val::Unsaid | Val::None => Over::List(Seq { items: &[], whole: true }),
        _ => return Err(NO_LIST),
    };
    let steps = Steps { parts, frame, call, over };
    match parts.kind {
        MacroKind::Exists => steps.quantify(true),
        MacroKind::All => steps.quantify(false),
        MacroKind::ExistsOne => steps.exactly_one(),
        MacroKind::Map | MacroKind::Filter => steps.collect(),
        MacroKind::TransformMap => steps.transform(),
    }
}

/// A value named for the body.
pub(super) fn bind<'a>(
    parts: &'a Bind,
    frame: &Frame<'_, 'a>,
    call: &Call<'a, '_>,
) -> Result<Val<'a>, EvalError> {
    let value = eval(&parts.value, frame, call)?;
    if parts.optional && !value.is_present() {
        return Ok(if matches!(value, Val::Unknown) { value } else { Val::Unsaid });
    }
    if let Some(local) = frame.locals.get(parts.slot) {
        local.set(value);
    }
    eval(&parts.body, frame, call)
}

/// What is gone through.
#[derive(Clone, Copy)]
enum Over<'a> {
    List(Seq<'a>),
    Map(&'a [(&'a str, Val<'a>)]),
}

impl<'a> Over<'a> {
    fn len(self) -> usize {
        match self {
            Self::List(seq) => seq.items.len(),
            Self::Map(entries) => entries.len(),
        }
    }

    fn whole(self) -> bool {
        match self {
            Self::List(seq) => seq.whole,
            Self::Map(_) => true,
        }
    }

    /// The key (or place) and the element there.
    fn at(self, place: usize) -> (Val<'a>, Val<'a>) {
        match self {
            Self::List(seq) => (
                i64::try_from(place).map_or(Val::Unknown, Val::Int),
                seq.items.get(place).copied().unwrap_or_default(),
            ),
            Self::Map(entries) => entries
                .get(place)
                .map_or((Val::Unsaid, Val::Unsaid), |(key, value)| (Val::Str(key), *value)),
        }
    }
}

struct Steps<'s, 'f, 'a, 'c> {
    parts: &'a Macro,
    frame: &'s Frame<'f, 'a>,
    call: &'s Call<'a, 'c>,
    over: Over<'a>,
}

impl<'a> Steps<'_, '_, 'a, '_> {
    /// What the element's own variable holds: of a map with one variable, the key.
    fn item(&self, place: usize) -> Val<'a> {
        let (key, element) = self.over.at(place);
        match self.over {
            Over::Map(_) if self.parts.place.is_none() => key,
            _ => element,
        }
    }

    fn on(&self, node: &'a Node, place: usize) -> Result<Val<'a>, EvalError> {
        self.call.charge(1)?;
        let locals = self.frame.locals;
        if let Some(local) = locals.get(self.parts.slot) {
            local.set(self.item(place));
        }
        if let Some(local) = self.parts.place.and_then(|slot| locals.get(slot)) {
            local.set(self.over.at(place).0);
        }
        eval(node, self.frame, self.call)
    }

    fn test(&self, place: usize) -> Result<Option<bool>, EvalError> {
        match &self.parts.test {
            Some(test) => self.on(test, place).and_then(truth),
            None => Ok(Some(true)),
        }
    }

    /// An element that decides wins over elements that are unknown or fail.
    fn quantify(&self, decisive: bool) -> Result<Val<'a>, EvalError> {
        let mut certain = self.over.whole();
        let mut failed = None;
        for place in 0..self.over.len() {
            match self.test(place) {
                Ok(Some(truth)) if truth == decisive => return Ok(Val::Bool(decisive)),
                Ok(Some(_)) => {}
                Ok(None) => certain = false,
                Err(EvalError::OutOfFuel) => return Err(EvalError::OutOfFuel),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        match failed {
            _ if !certain => Ok(Val::Unknown),
            Some(error) => Err(error),
            None => Ok(Val::Bool(!decisive)),
        }
    }

    fn exactly_one(&self) -> Result<Val<'a>, EvalError> {
        let mut certain = self.over.whole();
        let mut found = 0;
        for place in 0..self.over.len() {
            match self.test(place)? {
                Some(true) => found += 1,
                Some(false) => {}
                None => certain = false,
            }
        }
        // A second known one cannot be taken back by what is not known.
        Ok(if certain || found > 1 { Val::Bool(found == 1) } else { Val::Unknown })
    }

    fn collect(&self) -> Result<Val<'a>, EvalError> {
        let mut whole = self.over.whole();
        let mut kept = Vec::with_capacity_in(self.over.len(), self.call.arena);
        for place in 0..self.over.len() {
            match self.test(place)? {
                Some(true) => kept.push(match &self.parts.body {
                    Some(body) => self.on(body, place)?,
                    None => self.item(place),
                }),
                Some(false) => {}
                None => whole = false,
            }
        }
        Ok(Val::List(Seq { items: kept.into_bump_slice(), whole }))
    }

    /// A map of the same keys; of a list, nobody knows what its keys would be.
    fn transform(&self) -> Result<Val<'a>, EvalError> {
        let mut kept = Vec::with_capacity_in(self.over.len(), self.call.arena);
        for place in 0..self.over.len() {
            let Val::Str(key) = self.over.at(place).0 else { return Err(NO_LIST) };
            match self.test(place)? {
                Some(true) => match &self.parts.body {
                    Some(body) => kept.push((key, self.on(body, place)?)),
                    None => kept.push((key, self.item(place))),
                },
                Some(false) => {}
                // A map is never partial: one whose keys are not all known is not known.
                None => return Ok(Val::Unknown),
            }
        }
        Ok(Val::Map(kept.into_bump_slice()))
    }
}
