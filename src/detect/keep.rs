//! One account's findings and windows as parts that are kept elsewhere, and back.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::{Cell, Digest, Finding, Timestamp};
use crate::state::journal::{Bytes, pack, unpack};
use crate::state::{Journal, Key, Part};

use super::CellFindings;
use super::heard::Heard;
use super::window::{Ring, WindowTimer};

/// What windows heard, as far as an account is taken up again: the bytes of each window tell it in
/// full, in memory it is there once.
#[derive(Debug, Default)]
pub struct Known {
    heard: FxHashSet<Arc<Heard>>,
    texts: FxHashSet<Arc<str>>,
}

impl Known {
    fn share(&mut self, heard: &mut Arc<Heard>) {
        if let Some(known) = self.heard.get(&**heard) {
            *heard = Arc::clone(known);
            return;
        }
        let Heard { of, resource, actor, event, .. } = Arc::make_mut(heard);
        for text in [of, resource, actor, event] {
            share(&mut self.texts, text);
        }
        self.heard.insert(Arc::clone(heard));
    }
}

fn share(texts: &mut FxHashSet<Arc<str>>, text: &mut Arc<str>) {
    match texts.get(&**text) {
        Some(known) => *text = Arc::clone(known),
        None => drop(texts.insert(Arc::clone(text))),
    }
}

/// What windows remember otherwise since the last commit.
#[derive(Debug, Default)]
pub(super) struct Journals {
    pub(super) rings: Journal<Key>,
    pub(super) told: Journal<Key>,
    pub(super) timers: Journal<u64>,
}

impl CellFindings {
    /// Keeps journals from now on.
    pub fn start_journal(&mut self) {
        self.open.journal.start();
        let journals = &mut self.windows.journals;
        journals.rings.start();
        journals.told.start();
        journals.timers.start();
    }

    /// Takes what was touched since the last commit, with the bytes it had then.
    pub fn take_journal(&mut self) -> Vec<(Part, Option<Bytes>)> {
        let mut all = Vec::new();
        let journals = &mut self.windows.journals;
        let keyed = |was: FxHashMap<Key, Option<Bytes>>, part: fn(Key) -> Part| {
            was.into_iter().map(move |(key, was)| (part(key), was))
        };
        all.extend(keyed(self.open.journal.take(), Part::Findings));
        all.extend(keyed(journals.rings.take(), Part::Ring));
        all.extend(keyed(journals.told.take(), Part::Told));
        let timers = journals.timers.take().into_iter();
        all.extend(timers.map(|(number, was)| (Part::WindowTimer(number), was)));
        all
    }

    /// Visits the bytes of each part that was touched since the last commit; `None` where it is no
    /// more.
    pub fn each_touched(&self, visit: &mut dyn FnMut(Part, Option<&[u8]>)) {
        let windows = &self.windows;
        for at in self.open.journal.touched() {
            visit(Part::Findings(*at), self.open.at_rest(*at).as_deref());
        }
        for key in windows.journals.rings.touched() {
            visit(Part::Ring(*key), windows.rings.get(key).map(pack).as_deref());
        }
        for key in windows.journals.told.touched() {
            visit(Part::Told(*key), windows.told_until.get(key).map(pack).as_deref());
        }
        let touched = &windows.journals.timers;
        if touched.is_empty() {
            return;
        }
        let set: FxHashMap<u64, Bytes> = windows
            .timers
            .iter()
            .filter(|((_, number), _)| touched.has(number))
            .map(|((at, number), timer)| (*number, pack(&(*at, timer))))
            .collect();
        for number in touched.touched() {
            visit(Part::WindowTimer(*number), set.get(number).map(|bytes| &**bytes));
        }
    }

    /// Visits the findings that are others since the last commit, as they now stand; those that
    /// stand no more by their uid alone.
    pub fn each_changed(&self, cell: &Cell, visit: &mut dyn FnMut(Digest, Option<&Finding>)) {
        self.open.each_changed(cell, visit);
    }

    /// Visits the bytes of every part there is.
    pub fn each_part(&self, visit: &mut dyn FnMut(Part, &[u8])) {
        for at in self.open.places() {
            visit(Part::Findings(at), &self.open.at_rest(at).unwrap_or_default());
        }
        let windows = &self.windows;
        #[expect(clippy::iter_over_hash_type, reason = "each is a part of its own")]
        for (key, ring) in &windows.rings {
            visit(Part::Ring(*key), &pack(ring));
        }
        #[expect(clippy::iter_over_hash_type, reason = "each is a part of its own")]
        for (key, until) in &windows.told_until {
            visit(Part::Told(*key), &pack(until));
        }
        for ((at, number), timer) in &windows.timers {
            visit(Part::WindowTimer(*number), &pack(&(*at, timer)));
        }
    }

    /// Takes up a part from its bytes; false where they can't be read. `known` is what was taken up
    /// of the account before.
    pub fn lay(&mut self, part: &Part, bytes: &[u8], known: &mut Known) -> bool {
        let windows = &mut self.windows;
        let read = match part {
            Part::Findings(at) => self.open.lay(*at, bytes).then_some(()),
            Part::Ring(key) => unpack::<Ring>(bytes).map(|mut ring| {
                ring.heard.iter_mut().for_each(|heard| known.share(heard));
                windows.rings.insert(*key, Box::new(ring));
            }),
            Part::Told(key) => unpack(bytes).map(|until| {
                windows.told_until.insert(*key, until);
            }),
            Part::WindowTimer(number) => {
                unpack::<(Timestamp, WindowTimer)>(bytes).map(|(at, mut timer)| {
                    share(&mut known.texts, &mut timer.detector);
                    share(&mut known.texts, &mut timer.scope);
                    windows.sequence = windows.sequence.max(*number);
                    windows.timers.insert((at, *number), Box::new(timer));
                })
            }
            _ => None,
        };
        read.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Sensed;
    use crate::model::{KindId, Severity};

    #[test]
    fn what_several_windows_heard_is_there_once_when_it_is_taken_up() {
        let heard = |event: &str| Heard {
            sensed: Sensed::Opened,
            of: "FW-001".into(),
            severity: Severity::High,
            finding: None,
            kind: KindId(1),
            resource: "sg-1".into(),
            actor: "dana".into(),
            event: event.into(),
            time: Timestamp(1),
        };
        let mut known = Known::default();
        let mut all = ["a", "a", "b"].map(|event| Arc::new(heard(event)));
        for heard in &mut all {
            known.share(heard);
        }
        assert_eq!(all.each_ref().map(|one| &**one), [&heard("a"), &heard("a"), &heard("b")]);
        assert!(Arc::ptr_eq(&all[0], &all[1]));
        assert!(!Arc::ptr_eq(&all[0], &all[2]) && Arc::ptr_eq(&all[0].actor, &all[2].actor));
    }
}
