//! A mapping's guard once more, for whoever asked: what each part of it came to.
//!
//! **Invariant:** what is told was redacted as what is kept is: texts before they are cut, and
//! the values of all parts whose text, or that of a part around them, announces a secret.

use std::cell::Cell;

use crate::expr::{Call, Program, Watch, World};
use crate::model::trace::{Got, Part};
use crate::model::{FacetId, Handle, Limits, Trace, Val};

use super::{Mapper, redact};

impl<'a> Mapper<'a, '_> {
    /// Tells of a guard that does not hold.
    pub(super) fn unmet(&self, guard: Option<&'a Program>) {
        if let (Some(trace), Some(guard)) = (self.trace, guard)
            && let Some(tree) = self.tree(guard)
        {
            trace.tell(&Trace::Unmet { guard: guard.source(), tree: &tree });
        }
    }

    /// Tells of a need that is not met.
    pub(super) fn missing(&self, needs: Option<&'a Program>) {
        if let (Some(trace), Some(needs)) = (self.trace, needs)
            && let Some(tree) = self.tree(needs)
        {
            trace.tell(&Trace::Missing { needs: needs.source(), tree: &tree });
        }
    }

    /// What each part of an expression came to, where anybody asked.
    pub(super) fn tree(&self, program: &'a Program) -> Option<Part> {
        self.trace.map(|_| tree(program, &self.vars, self.call, self.limits))
    }
}

/// What each part of `program` came to.
fn tree<'a>(program: &'a Program, vars: &[Val<'a>], call: &Call<'a, '_>, limits: &Limits) -> Part {
    let world = Watched(Watch::new(redact::hidden));
    let fuel = Cell::new(limits.fuel);
    let call = Call { world: &world, fuel: &fuel, ..*call };
    let mut part = program.watch(vars, &call);
    clean(&mut part, "", limits);
    part
}

/// No world, as everywhere in a mapping, but watched.
struct Watched(Watch);

impl<'a> World<'a> for Watched {
    fn facet(&self, _: Handle, _: FacetId) -> Val<'a> {
        Val::Unknown
    }

    fn id(&self, _: Handle) -> Val<'a> {
        Val::Unknown
    }

    fn watch(&self) -> Option<&Watch> {
        Some(&self.0)
    }
}

/// Redacts a part and those below it; `around` is the text around it that announces a secret.
fn clean(part: &mut Part, around: &str, limits: &Limits) {
    let own = if redact::announces_secret(&part.text) { part.text.clone() } else { "".into() };
    let name = if around.is_empty() { &*own } else { around };
    if let Got::Value(value) = &mut part.got {
        *value = redact::named(name, std::mem::take(value), limits);
    }
    for below in &mut part.parts {
        clean(below, name, limits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Value;
    use crate::model::trace::Sort;

    fn part(text: &str, value: &str, parts: Vec<Part>) -> Part {
        let got = Got::Value(Value::Str(value.into()));
        Part {
            sort: Sort::Expression,
            text: text.into(),
            read: "".into(),
            got,
            note: "".into(),
            parts,
            more: 0,
        }
    }

    #[test]
    fn what_a_text_announces_as_secret_is_redacted_with_all_below_it() {
        let limits = Limits::default();
        let element = part("p", "canary", Vec::new());
        let mut told = part("request.passwords.map(p, p)", "canary", vec![element]);
        clean(&mut told, "", &limits);
        assert!(!format!("{told:?}").contains("canary"), "{told:?}");
        let mut told = part("request.groupId", "sg-1", Vec::new());
        clean(&mut told, "", &limits);
        assert_eq!(told.got, Got::Value(Value::Str("sg-1".into())));
    }
}
