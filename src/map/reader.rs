//! One entry asked about one event: what it says enters a change, or why it passes the event by
//! is told.

use crate::content::{Content, Entry};
use crate::expr::{Call, Program};
use crate::model::trace::Part;
use crate::model::{Cell, Change, Event, Ledger, Limits, Spender, Trace, Tracer, Val};

use super::Mapper;

/// One event, and all that reading it with an entry needs.
pub(super) struct Reader<'a, 'c> {
    pub(super) event: &'c Event<'a>,
    pub(super) cell: &'c Cell,
    pub(super) content: &'a Content,
    pub(super) call: &'c Call<'a, 'c>,
    pub(super) base: bumpalo::collections::Vec<'a, Val<'a>>,
    pub(super) limits: &'c Limits,
}

impl<'a> Reader<'a, '_> {
    /// What `entry` says of the event; `None` where it passes it by.
    pub(super) fn read(&self, entry: &'a Entry, trace: Option<&dyn Tracer>) -> Option<Change> {
        if self.event.error.is_some() && !entry.failures {
            let why = "the call failed, and it reads only what succeeded";
            passed(entry, "", why, None, trace);
            return None;
        }
        let mut vars = self.base.clone();
        vars.resize(entry.slots.max(self.base.len()), Val::Unsaid);
        let mut mapper = Mapper {
            content: self.content,
            limits: self.limits,
            call: self.call,
            vars,
            writes: Vec::new(),
            acts: Vec::new(),
            blind: false,
            trace,
        };
        let guard = entry.when.as_ref().map_or("", Program::source);
        if !mapper.holds(entry.when.as_ref()) {
            let tree = entry.when.as_ref().and_then(|guard| mapper.tree(guard));
            passed(entry, guard, "its guard does not hold", tree.as_ref(), trace);
            return None;
        }
        if let Some(trace) = trace {
            let (file, line) = (&*entry.source.file, entry.source.line);
            trace.tell(&Trace::Entry { file, line, guard, inferred: entry.inferred });
        }
        Some(mapper.entry(entry, self.event, self.cell))
    }

    /// Notes an entry that used up the event's budget.
    pub(super) fn note_spent(&self, entry: &Entry, ledger: &Ledger) {
        if self.call.fuel.get() == 0 {
            let place = format!("{}:{}", entry.source.file, entry.source.line);
            ledger.spent(Spender::Mapping(place.into()));
        }
    }
}

fn passed(entry: &Entry, guard: &str, why: &str, tree: Option<&Part>, trace: Option<&dyn Tracer>) {
    let Some(trace) = trace else { return };
    let (file, line) = (&*entry.source.file, entry.source.line);
    trace.tell(&Trace::Passed { file, line, guard, why, tree });
}
