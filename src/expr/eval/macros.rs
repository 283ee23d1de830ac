//! `exists all exists_one map filter` over lists that may be partial.

use bumpalo::collections::Vec;

use crate::expr::api::{Call, EvalError};
use crate::expr::ir::{Macro, MacroKind, Node};
use crate::model::{Seq, Val};

use super::{Frame, eval, truth};

pub(super) fn run<'a>(
    parts: &'a Macro,
    frame: &Frame<'_, 'a>,
    call: &Call<'a, '_>,
) -> Result<Val<'a>, EvalError> {
    let seq = match eval(&parts.list, frame, call)? {
        Val::List(seq) => seq,
        Val::Unknown => return Ok(Val::Unknown),
        Val::Unsaid | Val::None => Seq { items: &[], whole: true },
        Val::Map(entries) => {
            call.charge(entries.len())?;
            let keys = entries.iter().map(|(key, _)| Val::Str(key));
            Seq { items: call.arena.alloc_slice_fill_iter(keys), whole: true }
        }
        _ => return Err(EvalError::Type("only a list can be gone through")),
    };
    let steps = Steps { parts, frame, call };
    match parts.kind {
        MacroKind::Exists => steps.quantify(seq, true),
        MacroKind::All => steps.quantify(seq, false),
        MacroKind::ExistsOne => steps.exactly_one(seq),
        MacroKind::Map | MacroKind::Filter => steps.collect(seq),
    }
}

struct Steps<'s, 'f, 'a, 'c> {
    parts: &'a Macro,
    frame: &'s Frame<'f, 'a>,
    call: &'s Call<'a, 'c>,
}

impl<'a> Steps<'_, '_, 'a, '_> {
    fn on(&self, node: &'a Node, item: Val<'a>) -> Result<Val<'a>, EvalError> {
        self.call.charge(1)?;
        if let Some(local) = self.frame.locals.get(self.parts.slot) {
            local.set(item);
        }
        eval(node, self.frame, self.call)
    }

    fn test(&self, item: Val<'a>) -> Result<Option<bool>, EvalError> {
        match &self.parts.test {
            Some(test) => self.on(test, item).and_then(truth),
            None => Ok(Some(true)),
        }
    }

    /// An element that decides wins over elements that are unknown or fail.
    fn quantify(&self, seq: Seq<'a>, decisive: bool) -> Result<Val<'a>, EvalError> {
        let mut certain = seq.whole;
        let mut failed = None;
        for item in seq.items {
            match self.test(*item) {
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

    fn exactly_one(&self, seq: Seq<'a>) -> Result<Val<'a>, EvalError> {
        let mut certain = seq.whole;
        let mut found = 0;
        for item in seq.items {
            match self.test(*item)? {
                Some(true) => found += 1,
                Some(false) => {}
                None => certain = false,
            }
        }
        // A second known one cannot be taken back by what is not known.
        Ok(if certain || found > 1 { Val::Bool(found == 1) } else { Val::Unknown })
    }

    fn collect(&self, seq: Seq<'a>) -> Result<Val<'a>, EvalError> {
        let mut whole = seq.whole;
        let mut kept = Vec::with_capacity_in(seq.items.len(), self.call.arena);
        for item in seq.items {
            match self.test(*item)? {
                Some(true) => kept.push(match &self.parts.body {
                    Some(body) => self.on(body, *item)?,
                    None => *item,
                }),
                Some(false) => {}
                None => whole = false,
            }
        }
        Ok(Val::List(Seq { items: kept.into_bump_slice(), whole }))
    }
}
