//! What of an account outlives this process, in parts, and which of them changed since the last
//! commit.
//!
//! Every part has a name and bytes. A journal keeps, for each part that was touched, the bytes it
//! had before: what it is now can be written elsewhere, and what it was can be put back.

use std::hash::Hash;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::Key;

/// The bytes of a part.
pub type Bytes = Box<[u8]>;

/// Names one part of an account. As bytes it is part of a record's key, so that places in this
/// list never change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Part {
    /// Watermark and counters.
    Head,
    /// A resource.
    Row(Key),
    /// The id of an event that was taken in, by place in a ring.
    Seen(u64),
    /// A timer of a resource or an operation, by number.
    Timer(u64),
    /// An operation under way, by the cloud's id.
    Operation(Arc<str>),
    /// Everything that waits for a resource of some name.
    Orphans,
    /// A reference that was seen.
    Ever(Key),
    /// A reference that was seen in what is not sure.
    Perhaps(Key),
    /// The open findings filed in one place.
    Findings(Key),
    /// What a window remembers.
    Ring(Key),
    /// Until when a window has told.
    Told(Key),
    /// A window's timer, by number.
    WindowTimer(u64),
    /// Discoveries that are gathered for a summary, by detector.
    Discovery(Arc<str>),
}

/// Where what is of this account's size is put together.
const ROOM: usize = 32;

impl Part {
    /// Its name as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ROOM);
        let written = postcard::serialize_with_flavor(self, super::Growing(&mut bytes));
        debug_assert_eq!(written, Ok(()), "{self:?}");
        bytes
    }

    /// The part of that name; `None` where no such part is known.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}

/// What was touched since the last commit, and the bytes it had.
#[derive(Debug)]
pub struct Journal<K> {
    on: bool,
    was: FxHashMap<K, Option<Bytes>>,
}

impl<K> Default for Journal<K> {
    fn default() -> Self {
        Self { on: false, was: FxHashMap::default() }
    }
}

impl<K: Hash + Eq + Clone> Journal<K> {
    /// Keeps a journal from now on.
    pub fn start(&mut self) {
        self.on = true;
    }

    /// Whether a journal is kept.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// Notes that a part is about to be touched, or just was; only its first bytes count. `None`:
    /// it was not there.
    pub fn note(&mut self, part: &K, was: impl FnOnce() -> Option<Bytes>) {
        if self.on && !self.was.contains_key(part) {
            self.was.insert(part.clone(), was());
        }
    }

    /// Whether a part was touched.
    #[must_use]
    pub fn has(&self, part: &K) -> bool {
        self.was.contains_key(part)
    }

    /// Whether anything was touched.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.was.is_empty()
    }

    /// The parts that were touched.
    pub fn touched(&self) -> impl Iterator<Item = &K> {
        self.was.keys()
    }

    /// The parts that were touched, and what they were.
    pub fn all(&self) -> impl Iterator<Item = (&K, Option<&[u8]>)> {
        self.was.iter().map(|(part, was)| (part, was.as_deref()))
    }

    /// Takes what was touched and what it was, and begins anew.
    pub fn take(&mut self) -> FxHashMap<K, Option<Bytes>> {
        std::mem::take(&mut self.was)
    }
}

/// Plain data as bytes.
#[must_use]
pub fn pack<T: Serialize>(value: &T) -> Bytes {
    let mut bytes = Vec::new();
    let written = postcard::serialize_with_flavor(value, super::Growing(&mut bytes));
    // Serialising plain data into a growing vector has no way to fail.
    debug_assert_eq!(written, Ok(()), "plain data");
    bytes.into()
}

/// What was packed; `None` for other bytes.
#[must_use]
pub fn unpack<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Option<T> {
    postcard::from_bytes(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_bytes_since_a_commit_are_kept_and_none_where_no_journal_is() {
        let mut journal = Journal::default();
        journal.note(&1, || Some([1].into()));
        assert!(journal.is_empty(), "it was not started");
        journal.start();
        journal.note(&1, || None);
        journal.note(&1, || Some([2].into()));
        journal.note(&2, || Some([3].into()));
        let was = journal.take();
        assert_eq!((was.get(&1), was.get(&2)), (Some(&None), Some(&Some([3].into()))));
        assert!(journal.is_empty());
    }

    #[test]
    fn a_part_is_read_back_from_its_name() {
        for part in [
            Part::Head,
            Part::Row(Key(7)),
            Part::Seen(300),
            Part::Operation("op-1".into()),
            Part::Discovery("FW-001".into()),
        ] {
            assert_eq!(Part::decode(&part.encode()), Some(part));
        }
        assert_eq!(Part::decode(&[200, 1]), None);
    }
}
