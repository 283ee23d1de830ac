//! One account's state as parts that are kept elsewhere, and back.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::model::{Digest, Timestamp};

use super::cell::{CellState, Frame, Timer};
use super::clock::Clock;
use super::journal::{Bytes, Journal, Part, pack, unpack};
use super::row::Row;
use super::work::Work;

/// What was touched of what stands in the state itself; its rooms keep journals of their own.
#[derive(Debug, Default)]
pub(super) struct Journals {
    pub(super) head: Journal<()>,
    pub(super) seen: Journal<u64>,
    pub(super) timers: Journal<u64>,
    pub(super) orphans: Journal<()>,
}

/// Watermark and counters.
#[derive(Serialize, Deserialize)]
struct Head {
    watermark: Timestamp,
    sequence: u64,
    taken: u64,
    /// Whether resources wait to be looked at again. Which ones is not kept: all are.
    backlog: bool,
    /// By which content all was judged, see [`crate::content::Content::digest`].
    judged: Digest,
}

impl CellState {
    /// Keeps journals from now on.
    pub fn start_journal(&mut self) {
        self.journals.head.start();
        self.journals.seen.start();
        self.journals.timers.start();
        self.journals.orphans.start();
        self.store.journal.start();
        self.index.new.start();
        self.index.unsure.start();
        self.pending.journal.start();
    }

    /// Notes that the account is worked on by that content.
    pub fn note_head(&mut self, judged: Digest) {
        if self.journals.head.is_on() {
            // An account nobody has spoken of is not there.
            let was = (self.watermark > Timestamp(i64::MIN)).then(|| self.head());
            self.journals.head.note(&(), || was);
            self.judged = judged;
        }
    }

    pub(super) fn note_orphans(&mut self) {
        let orphans = &self.orphans;
        let was = || (!orphans.is_empty()).then(|| pack(orphans));
        self.journals.orphans.note(&(), was);
    }

    fn head(&self) -> Bytes {
        let head = Head {
            watermark: self.watermark,
            sequence: self.sequence,
            taken: self.taken,
            backlog: self.has_backlog(),
            judged: self.judged,
        };
        pack(&(head, self.clock))
    }

    /// Takes what was touched since the last commit, with the bytes it had then.
    pub fn take_journal(&mut self) -> Vec<(Part, Option<Bytes>)> {
        let mut all = Vec::new();
        let one = |was: FxHashMap<(), Option<Bytes>>, part: Part| {
            was.into_values().map(move |was| (part.clone(), was))
        };
        all.extend(one(self.journals.head.take(), Part::Head));
        all.extend(one(self.journals.orphans.take(), Part::Orphans));
        all.extend(each(self.store.journal.take(), Part::Row));
        all.extend(each(self.journals.seen.take(), Part::Seen));
        all.extend(each(self.journals.timers.take(), Part::Timer));
        all.extend(each(self.pending.journal.take(), Part::Operation));
        all.extend(each(self.index.new.take(), Part::Ever));
        all.extend(each(self.index.unsure.take(), Part::Perhaps));
        all
    }

    /// Visits the bytes of each part that was touched since the last commit; `None` where it is no
    /// more.
    pub fn each_touched(&self, visit: &mut dyn FnMut(Part, Option<&[u8]>)) {
        if !self.journals.head.is_empty() {
            visit(Part::Head, Some(&self.head()));
        }
        if !self.journals.orphans.is_empty() {
            let orphans = (!self.orphans.is_empty()).then(|| pack(&self.orphans));
            visit(Part::Orphans, orphans.as_deref());
        }
        for key in self.store.journal.touched() {
            visit(Part::Row(*key), self.store.at_rest(*key));
        }
        for number in self.journals.seen.touched() {
            visit(Part::Seen(*number), self.seen_at(*number).as_deref());
        }
        if !self.journals.timers.is_empty() {
            let set: FxHashMap<u64, Bytes> = self
                .timers
                .iter()
                .filter(|((_, number), _)| self.journals.timers.has(number))
                .map(|((at, number), timer)| (*number, pack(&(*at, timer))))
                .collect();
            for number in self.journals.timers.touched() {
                visit(Part::Timer(*number), set.get(number).map(|bytes| &**bytes));
            }
        }
        for id in self.pending.journal.touched() {
            visit(Part::Operation(id.clone()), self.pending.at_rest(id).as_deref());
        }
        for key in self.index.new.touched() {
            visit(Part::Ever(*key), Some(&[]));
        }
        for key in self.index.unsure.touched() {
            visit(Part::Perhaps(*key), self.index.perhaps_at(*key).as_deref());
        }
    }

    /// Visits the bytes of every part there is.
    pub fn each_part(&self, visit: &mut dyn FnMut(Part, &[u8])) {
        visit(Part::Head, &self.head());
        if !self.orphans.is_empty() {
            visit(Part::Orphans, &pack(&self.orphans));
        }
        for (key, bytes) in self.store.all() {
            visit(Part::Row(key), bytes);
        }
        let first = self.taken - self.seen_order.len() as u64;
        for (number, hash) in (first..).zip(&self.seen_order) {
            visit(Part::Seen(number), &pack(hash));
        }
        for ((at, number), timer) in &self.timers {
            visit(Part::Timer(*number), &pack(&(*at, timer)));
        }
        for id in self.pending.ids() {
            visit(Part::Operation(id.clone()), &self.pending.at_rest(id).unwrap_or_default());
        }
        for key in self.index.all_ever() {
            visit(Part::Ever(key), &[]);
        }
        for key in self.index.all_perhaps() {
            visit(Part::Perhaps(key), &self.index.perhaps_at(key).unwrap_or_default());
        }
    }

    fn seen_at(&self, number: u64) -> Option<Bytes> {
        let first = self.taken - self.seen_order.len() as u64;
        let place = usize::try_from(number.checked_sub(first)?).ok()?;
        self.seen_order.get(place).map(pack)
    }

    /// Takes up parts from their bytes, in part order; gives back those that can't be read.
    pub fn lay(&mut self, parts: Vec<(Part, Bytes)>, frame: Frame<'_>) -> Vec<Part> {
        let mut strange = Vec::new();
        let mut anew = false;
        for (part, bytes) in parts {
            let read = match &part {
                Part::Head => self.lay_head(&bytes).map(|backlog| {
                    anew = backlog || self.judged != frame.content.digest;
                }),
                Part::Row(key) => {
                    self.store.lay(*key, bytes);
                    Some(())
                }
                Part::Seen(_) => unpack(&bytes).map(|hash| self.lay_seen(hash)),
                Part::Timer(number) => unpack::<(Timestamp, Timer)>(&bytes).map(|(at, timer)| {
                    self.timers.insert((at, *number), timer);
                }),
                Part::Operation(id) => self.pending.lay(id.clone(), &bytes).then_some(()),
                Part::Orphans => unpack(&bytes).map(|orphans| self.orphans = orphans),
                Part::Ever(key) => {
                    self.index.lay_ever(*key);
                    Some(())
                }
                Part::Perhaps(key) => {
                    unpack(&bytes).map(|events| self.index.lay_perhaps(*key, events))
                }
                _ => None,
            };
            if read.is_none() {
                strange.push(part);
            }
        }
        strange.extend(self.enter_all(frame).into_iter().map(Part::Row));
        self.strangers = self.judged != frame.content.digest;
        if anew {
            self.anew = self.store.keys().into();
        }
        strange
    }

    fn lay_head(&mut self, bytes: &[u8]) -> Option<bool> {
        // Until it hears an event again, an account that an older version wrote stands still.
        let (head, clock) = unpack(bytes).or_else(|| Some((unpack(bytes)?, Clock::default())))?;
        let head: Head = head;
        self.clock = clock;
        self.watermark = head.watermark;
        self.sequence = head.sequence;
        self.taken = head.taken;
        self.judged = head.judged;
        Some(head.backlog)
    }

    /// Enters every row into the indexes, which follow from them; gives back the keys of those that
    /// can't be read.
    fn enter_all(&mut self, frame: Frame<'_>) -> Vec<super::Key> {
        let (mut work, mut strange) = (Work::default(), Vec::new());
        for key in self.store.keys() {
            match self.store.at_rest(key).and_then(Row::decode) {
                Some(row) => self.file(key, &row, frame, &mut work),
                None => strange.push(key),
            }
        }
        self.rest();
        strange
    }
}

/// Each touched part of a sort.
fn each<K>(
    was: FxHashMap<K, Option<Bytes>>,
    part: impl Fn(K) -> Part,
) -> impl Iterator<Item = (Part, Option<Bytes>)> {
    was.into_iter().map(move |(key, was)| (part(key), was))
}
