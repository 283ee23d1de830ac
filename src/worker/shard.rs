//! One partition of `detect`: its engine, how far it is, and where it stands in its life.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::content::Content;
use crate::engine::{Engine, Setup};
use crate::log::{Committed, Offset, TopicPartition};
use crate::model::{Cell, Digest, Schema, Timestamp};
use crate::state::Part;
use crate::tenant::Registry;
use crate::wire;
use crate::wire::state::Progress;

use super::time::Reach;
use super::topics::RowKeys;

/// A partition.
pub(super) struct Shard {
    /// Of the changes topic.
    pub of: TopicPartition,
    pub engine: Engine,
    /// The next change to be applied, as far as it is committed.
    pub next: Offset,
    pub time: Reach,
    /// When time was last let pass, by the wall clock.
    pub ticked: Timestamp,
    /// Where the changes end, and when that was last asked, by the wall clock.
    pub end: Offset,
    pub looked: Timestamp,
    /// Changes behind a transaction that nobody ends.
    pub blocked: u64,
    /// Fingerprints whose names stand in the state topic.
    pub names: BTreeSet<u64>,
    /// By what it is judged; its worker may have newer content that is not in force here yet.
    pub make: Make,
    /// The content for which a command was written.
    pub announced: Option<Digest>,
    /// From where on its content is another without a control record: no further change is applied
    /// before that is claimed.
    pub owes: Option<Offset>,
    pub phase: Phase,
}

/// Where a partition stands.
pub(super) enum Phase {
    /// Its committed offset is not known yet.
    Waiting,
    /// Its rows are read.
    Restoring(Box<Restore>),
    /// It works.
    Live,
    /// It can't go on.
    Halted,
}

/// The parts of an account as they were read.
pub(super) struct Parts {
    /// The fingerprint of the worker's schema.
    own: u64,
    bytes: FxHashMap<Part, Box<[u8]>>,
    /// The fingerprints of those that are of another schema: mostly none.
    foreign: FxHashMap<Part, u64>,
}

impl Parts {
    /// None yet; most will be of the schema of that fingerprint.
    pub fn new(own: u64) -> Self {
        Self { own, bytes: FxHashMap::default(), foreign: FxHashMap::default() }
    }

    /// Takes in a part of the schema of that fingerprint.
    pub fn insert(&mut self, part: Part, bytes: Box<[u8]>, print: u64) {
        if print == self.own {
            self.foreign.remove(&part);
        } else {
            self.foreign.insert(part.clone(), print);
        }
        self.bytes.insert(part, bytes);
    }

    /// Forgets a part.
    pub fn remove(&mut self, part: &Part) {
        self.bytes.remove(part);
        self.foreign.remove(part);
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The fingerprint of all of them; `None` where they are of no one schema.
    pub fn print(&self) -> Option<u64> {
        let Some(first) = self.foreign.values().next() else { return Some(self.own) };
        let one = self.foreign.len() == self.bytes.len();
        (one && self.foreign.values().all(|print| print == first)).then_some(*first)
    }

    /// Their bytes.
    pub fn into_bytes(self) -> BTreeMap<Part, Box<[u8]>> {
        self.bytes.into_iter().collect()
    }
}

/// What was read so far.
pub(super) struct Restore {
    pub committed: Option<Committed>,
    /// The first change there is.
    pub first: Offset,
    /// Where the rows end.
    pub target: Offset,
    pub began: Timestamp,
    pub rows: u64,
    /// The fingerprint of the worker's schema when it began.
    pub own: u64,
    pub keys: RowKeys,
    pub accounts: BTreeMap<Cell, Parts>,
    pub names: BTreeMap<u64, Schema>,
    pub progress: Option<Progress>,
}

/// What a shard's engine is made of.
#[derive(Clone)]
pub(super) struct Make {
    pub content: Arc<Content>,
    /// Of its schema.
    pub fingerprint: u64,
    pub registry: Arc<Registry>,
    pub setup: Setup,
}

impl Make {
    pub fn new((content, registry, setup): (Arc<Content>, Arc<Registry>, Setup)) -> Self {
        let fingerprint = wire::names::fingerprint(&content.schema);
        Self { content, fingerprint, registry, setup }
    }

    /// Other content.
    pub fn renew(&mut self, content: &Arc<Content>) {
        self.fingerprint = wire::names::fingerprint(&content.schema);
        self.content = Arc::clone(content);
    }

    pub fn engine(&self) -> Engine {
        let Self { content, registry, setup, .. } = self;
        Engine::keeping(Arc::clone(content), Arc::clone(registry), setup.clone())
    }
}

impl Shard {
    pub fn new(of: TopicPartition, make: &Make) -> Self {
        let never = Timestamp(i64::MIN);
        Self {
            of,
            engine: make.engine(),
            next: Offset(0),
            time: Reach::new(),
            ticked: never,
            end: Offset(0),
            looked: never,
            blocked: 0,
            names: BTreeSet::new(),
            make: make.clone(),
            announced: None,
            owes: None,
            phase: Phase::Waiting,
        }
    }

    pub fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Live)
    }

    /// How many changes are still to be applied, as far as is known.
    pub fn lag(&self) -> u64 {
        // At the end a transaction's marker may stand, which nobody ever reads.
        let left = if self.time.at_end { 0 } else { self.end.0.saturating_sub(self.next.0) };
        left.max(self.blocked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_of_one_schema_or_of_none() {
        let mut parts = Parts::new(1);
        let insert = |parts: &mut Parts, part: u64, print: u64| {
            parts.insert(Part::Seen(part), Box::default(), print);
            parts.print()
        };
        assert_eq!(insert(&mut parts, 0, 1), Some(1));
        assert_eq!(insert(&mut parts, 1, 2), None);
        assert_eq!(insert(&mut parts, 0, 2), Some(2));
        assert_eq!(insert(&mut parts, 2, 3), None);
        parts.remove(&Part::Seen(2));
        assert_eq!(parts.print(), Some(2));
        assert_eq!(insert(&mut parts, 1, 1), None);
        assert_eq!(insert(&mut parts, 0, 1), Some(1));
        assert_eq!(parts.into_bytes().len(), 2);
    }
}
