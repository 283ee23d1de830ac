//! Started operations that wait for their end, and ends that wait for their start.
//!
//! What enters are the changes of both; what leaves says what is to be applied, what is to be taken
//! back for it, and which start was given up for want of room. **Invariant:** in whatever order a
//! start, its end and the timer between them come, what stands in the end is what both say together.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::model::{Change, Limits, Operation, Timestamp, Translation};

use super::journal::{Bytes, Journal, pack, unpack};

/// What is known of one operation.
#[derive(Debug, Serialize, Deserialize)]
struct Waiting {
    start: Option<Change>,
    end: Option<Change>,
    /// The start that was applied without its end.
    given_up: Option<Change>,
    /// The newest event time there was when it was first heard of.
    since: Timestamp,
}

/// The operations of one cell, at most `limits.operations`.
///
/// One is remembered for `limits.lateness` after it was first heard of: so long an end still takes
/// back or confirms what was applied without it, and a start that comes after its end adds to it.
#[derive(Debug, Default)]
pub struct Pending {
    waiting: FxHashMap<Arc<str>, Waiting>,
    /// The same by age, the oldest first.
    ages: BTreeSet<(Timestamp, Arc<str>)>,
    /// The operations of which something else is known since the last commit.
    pub(super) journal: Journal<Arc<str>>,
}

/// What became of an event that was taken in.
#[derive(Debug)]
pub struct Taken {
    /// Its own fate.
    pub paired: Paired,
    /// A start given up because there are too many operations: to be applied without being sure.
    pub lost: Option<Box<Change>>,
}

/// What becomes of an event that belongs to an operation.
#[derive(Debug)]
pub enum Paired {
    /// It waits; a timer for the operation is due.
    Waits,
    /// It is to be applied, in the place of what was applied before for the same operation.
    Apply(Box<Change>, Option<Box<Change>>),
    /// The operation failed: nothing is to be applied. What its start had said is to be taken back,
    /// where it was applied because the end had not come.
    Dropped(Option<Box<Change>>),
    /// It adds nothing to what was applied for its operation.
    Known,
}

impl Pending {
    /// Takes in a start or an end at `now`. What comes back carries the end's cause and, where the
    /// end does not say what changed, the start's writes.
    pub fn take(&mut self, change: Change, now: Timestamp, limits: &Limits) -> Taken {
        let (id, starts) = match &change.operation {
            Operation::Single => {
                let paired = Paired::Apply(Box::new(change), None);
                return Taken { paired, lost: None };
            }
            Operation::Start(id) => (Arc::clone(id), true),
            Operation::End(id) => (Arc::clone(id), false),
        };
        self.note(&id);
        let paired = match (starts, change.failed) {
            (true, true) => self.stillborn(&id),
            (true, false) => self.start(&id, change, now),
            (false, _) => self.end(&id, change, now),
        };
        Taken { paired, lost: self.bound(limits) }
    }

    /// A start that failed: there is no operation.
    fn stillborn(&mut self, id: &Arc<str>) -> Paired {
        Paired::Dropped(self.remove(id).and_then(|known| known.given_up).map(Box::new))
    }

    fn start(&mut self, id: &Arc<str>, change: Change, now: Timestamp) -> Paired {
        let waiting = self.entry(id, now);
        let better = waiting.start.as_ref().is_none_or(|known| says_more(&change, known));
        let before = if better { waiting.start.replace(change) } else { None };
        let (Some(start), Some(end)) = (&waiting.start, &waiting.end) else {
            return Paired::Waits;
        };
        if end.failed {
            return Paired::Dropped(None);
        }
        if !better {
            return Paired::Known;
        }
        let applied = before.map_or_else(|| end.clone(), |old| joined(&old, end.clone(), None));
        let whole = joined(start, end.clone(), Some(&applied));
        Paired::Apply(Box::new(whole), Some(Box::new(applied)))
    }

    fn end(&mut self, id: &Arc<str>, change: Change, now: Timestamp) -> Paired {
        let waiting = self.entry(id, now);
        let applied = waiting.given_up.take().map(Box::new);
        waiting.end = Some(change.clone());
        if change.failed {
            return Paired::Dropped(applied);
        }
        // Without its start an end says what it can; the start may still come and say more.
        let Some(start) = &waiting.start else { return Paired::Apply(Box::new(change), None) };
        Paired::Apply(Box::new(joined(start, change, applied.as_deref())), applied)
    }

    fn entry(&mut self, id: &Arc<str>, now: Timestamp) -> &mut Waiting {
        let ages = &mut self.ages;
        self.waiting.entry(Arc::clone(id)).or_insert_with(|| {
            ages.insert((now, Arc::clone(id)));
            Waiting { start: None, end: None, given_up: None, since: now }
        })
    }

    fn note(&mut self, id: &Arc<str>) {
        self.journal.note(id, || self.waiting.get(id).map(pack));
    }

    /// The bytes of an operation.
    pub(super) fn at_rest(&self, id: &Arc<str>) -> Option<Bytes> {
        self.waiting.get(id).map(pack)
    }

    /// Takes up an operation from its bytes; false where they are none.
    pub(super) fn lay(&mut self, id: Arc<str>, bytes: &[u8]) -> bool {
        let Some(waiting) = unpack::<Waiting>(bytes) else { return false };
        self.ages.insert((waiting.since, Arc::clone(&id)));
        self.waiting.insert(id, waiting);
        true
    }

    /// The operations' ids, in no order.
    pub(super) fn ids(&self) -> impl Iterator<Item = &Arc<str>> {
        self.waiting.keys()
    }

    fn remove(&mut self, id: &Arc<str>) -> Option<Waiting> {
        self.note(id);
        let known = self.waiting.remove(id)?;
        self.ages.remove(&(known.since, Arc::clone(id)));
        Some(known)
    }

    /// The start to apply without being sure, when its end did not come, and the poorer one that was
    /// applied in its place before; `None` when it did, or when nothing better was said since.
    pub fn give_up(&mut self, id: &str) -> Option<(Change, Option<Change>)> {
        let known = self.waiting.get_key_value(id).map(|(id, _)| Arc::clone(id))?;
        self.note(&known);
        let waiting = self.waiting.get_mut(id).filter(|waiting| waiting.end.is_none())?;
        let start = waiting.start.clone()?;
        if waiting.given_up.as_ref().is_some_and(|known| known.cause.id == start.cause.id) {
            return None;
        }
        let before = waiting.given_up.replace(start.clone());
        Some((start, before))
    }

    /// Forgets the operations whose other half can't come any more: those first heard of more than
    /// `limits.lateness` before `now`, or `limits.pending` where that is longer.
    pub fn forget(&mut self, now: Timestamp, limits: &Limits) {
        let edge = now.plus(-limits.lateness.max(limits.pending));
        while let Some((_, id)) = self.ages.first().filter(|(since, _)| *since < edge) {
            let id = Arc::clone(id);
            self.remove(&id);
        }
    }

    /// Moves what waits to the ids of other content.
    pub fn carry_over(&mut self, translation: &Translation<'_>) {
        #[expect(clippy::iter_over_hash_type, reason = "each on its own")]
        for waiting in self.waiting.values_mut() {
            for change in [&mut waiting.start, &mut waiting.end, &mut waiting.given_up] {
                *change = change.take().map(|change| translation.change(change));
            }
        }
    }

    /// How many operations are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Forgets the oldest operation beyond the bound; its start, where that still waited.
    fn bound(&mut self, limits: &Limits) -> Option<Box<Change>> {
        if self.waiting.len() <= limits.operations {
            return None;
        }
        let (_, id) = self.ages.first().cloned()?;
        let Waiting { start, end, given_up, .. } = self.remove(&id)?;
        start.filter(|_| end.is_none() && given_up.is_none()).map(Box::new)
    }
}

/// Whether a second start of one operation is the better one. Azure tells Start and Accept, and only
/// one of them carries the request.
fn says_more(new: &Change, known: &Change) -> bool {
    let rank = |change: &Change| (change.blind, change.writes.is_empty());
    let order = |change: &Change| (change.cause.time, Arc::clone(&change.cause.id));
    (rank(new), order(new)) < (rank(known), order(known))
}

/// The end's cause; its writes where it says what changed, else the start's. Deeds are told once:
/// not again where `applied` told some.
fn joined(start: &Change, mut end: Change, applied: Option<&Change>) -> Change {
    if end.blind || end.writes.is_empty() {
        end.writes.clone_from(&start.writes);
        end.blind = start.blind;
    }
    if applied.is_some_and(|applied| !applied.acts.is_empty()) {
        end.acts.clear();
    } else if end.acts.is_empty() {
        end.acts.clone_from(&start.acts);
    }
    let mut cause = (*end.cause).clone();
    let from = &start.cause;
    if cause.actor.is_empty() {
        cause.actor = from.actor.clone();
        cause.actor_name.clone_from(&from.actor_name);
        cause.actor_kind.clone_from(&from.actor_kind);
    }
    if cause.source_ip.is_empty() {
        cause.source_ip.clone_from(&from.source_ip);
    }
    if cause.user_agent.is_empty() {
        cause.user_agent.clone_from(&from.user_agent);
    }
    end.cause = Arc::new(cause);
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Cause, Cell, Provider, Source};

    fn change(id: &str, operation: Operation, failed: bool) -> Change {
        Change {
            cell: Cell { tenant: "t".into(), provider: Provider::Azure, account: "a".into() },
            cause: Arc::new(Cause { id: id.into(), ..Cause::nobody() }),
            source: Source::Activity,
            operation,
            writes: Vec::new(),
            acts: Vec::new(),
            blind: false,
            failed,
        }
    }

    fn start(id: &str) -> Change {
        change(&format!("{id}-start"), Operation::Start(id.into()), false)
    }

    fn end(id: &str, failed: bool) -> Change {
        change(&format!("{id}-end"), Operation::End(id.into()), failed)
    }

    const SECOND: i64 = 1_000_000;

    #[test]
    fn an_end_whose_start_never_comes_is_forgotten_after_the_lateness() {
        let limits = Limits { lateness: 10 * SECOND, pending: SECOND, ..Limits::default() };
        let mut pending = Pending::default();
        pending.take(end("a", true), Timestamp::from_seconds(5), &limits);
        pending.take(start("b"), Timestamp::from_seconds(6), &limits);
        for (now, left) in [(15, 2), (16, 1), (17, 0)] {
            pending.forget(Timestamp::from_seconds(now), &limits);
            assert_eq!(pending.len(), left, "at {now}");
        }
        assert!(pending.ages.is_empty());
    }

    #[test]
    fn beyond_the_bound_the_oldest_goes_and_only_a_start_that_waited_is_lost() {
        let limits = Limits { operations: 2, ..Limits::default() };
        let mut pending = Pending::default();
        let mut lost = Vec::new();
        let given_up = "b";
        for (second, change) in
            [start("a"), start(given_up), end("a", false), start("c"), start("d"), end("e", true)]
                .into_iter()
                .enumerate()
        {
            let now = Timestamp(i64::try_from(second).unwrap_or_default());
            let taken = pending.take(change, now, &limits);
            lost.extend(taken.lost.map(|change| change.cause.id.to_string()));
            if second == 1 {
                assert!(pending.give_up(given_up).is_some());
                assert!(pending.give_up(given_up).is_none(), "once");
            }
        }
        // `a` had ended and `b` was applied already; `c` still waited.
        assert_eq!(lost, ["c-start"]);
        assert_eq!((pending.len(), pending.ages.len()), (2, 2));
    }
}
