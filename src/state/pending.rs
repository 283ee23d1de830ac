//! Started operations that wait for their end, and ends that wait for their start.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::model::{Change, Operation, Timestamp};

/// What is known of one operation.
#[derive(Debug, Default)]
struct Waiting {
    start: Option<Change>,
    end: Option<Change>,
    since: Timestamp,
}

/// The operations of one cell.
#[derive(Debug, Default)]
pub struct Pending {
    waiting: FxHashMap<Arc<str>, Waiting>,
}

/// Operations remembered per cell; beyond it the oldest is given up as if its end were lost.
const OPERATIONS: usize = 4_096;

/// What becomes of an event that belongs to an operation.
#[derive(Debug)]
pub enum Paired {
    /// It waits; a timer for the operation is due.
    Waits,
    /// It is to be applied.
    Apply(Box<Change>),
    /// The operation failed: nothing is to be applied.
    Dropped,
}

impl Pending {
    /// Takes in a start or an end. What comes back carries the end's cause and, where the end
    /// does not say what changed, the start's writes.
    pub fn take(&mut self, change: Change) -> Paired {
        match change.operation.clone() {
            Operation::Single => Paired::Apply(Box::new(change)),
            Operation::Start(id) => self.start(&id, change),
            Operation::End(id) => self.end(&id, change),
        }
    }

    fn start(&mut self, id: &Arc<str>, change: Change) -> Paired {
        if change.failed {
            self.waiting.remove(id);
            return Paired::Dropped;
        }
        let since = change.cause.time;
        let waiting = self.waiting.entry(Arc::clone(id)).or_default();
        waiting.since = since;
        if let Some(end) = waiting.end.clone() {
            waiting.start = Some(change.clone());
            return if end.failed {
                Paired::Dropped
            } else {
                Paired::Apply(Box::new(joined(&change, end)))
            };
        }
        waiting.start = Some(change);
        self.bound();
        Paired::Waits
    }

    fn end(&mut self, id: &Arc<str>, change: Change) -> Paired {
        let since = change.cause.time;
        let waiting = self.waiting.entry(Arc::clone(id)).or_default();
        if waiting.start.is_none() {
            waiting.since = since;
        }
        let start = waiting.start.clone();
        waiting.end = Some(change.clone());
        self.bound();
        match start {
            _ if change.failed => Paired::Dropped,
            Some(start) => Paired::Apply(Box::new(joined(&start, change))),
            // Without its start an end says what it can; the start may still come and say more.
            None => Paired::Apply(Box::new(change)),
        }
    }

    /// The start to apply, unsure, when its end did not come; `None` when it did. The start is kept
    /// as long as there is room: an end that comes after all confirms what it said.
    pub fn give_up(&mut self, id: &str) -> Option<Change> {
        if let Some(Waiting { start: Some(start), end: None, .. }) = self.waiting.get(id) {
            return Some(start.clone());
        }
        self.waiting.remove(id);
        None
    }

    /// How many operations wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn bound(&mut self) {
        if self.waiting.len() <= OPERATIONS {
            return;
        }
        let oldest = self.waiting.iter().min_by_key(|(id, waiting)| (waiting.since, (*id).clone()));
        if let Some(id) = oldest.map(|(id, _)| id.clone()) {
            self.waiting.remove(&id);
        }
    }
}

/// The end's cause; its writes where it says what changed, else the start's.
fn joined(start: &Change, mut end: Change) -> Change {
    if end.blind || end.writes.is_empty() {
        end.writes.clone_from(&start.writes);
        end.blind = start.blind;
    }
    if end.acts.is_empty() {
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
