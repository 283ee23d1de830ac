//! The rows of one account: bytes at rest, and while a change is worked on those in hand.
//!
//! A row that is touched or read is decoded once, stays in hand until the change is through, and
//! is encoded again only if something of it is different. **Invariant:** between changes nothing
//! is in hand.

use std::cell::RefCell;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::model::{KindId, Limits, Schema};

use super::Key;
use super::journal::Journal;
use super::row::{Row, View};

/// A row in hand.
#[derive(Clone, Debug)]
pub struct Held {
    /// The row.
    pub row: Row,
    /// What it is now, and what follows.
    pub view: Arc<View>,
    /// Whether its bytes are out of date.
    dirty: bool,
}

impl Held {
    /// A row of a resource nobody has spoken of.
    pub fn new(kind: KindId, id: Arc<str>) -> Self {
        Self { row: Row::new(kind, id), view: Arc::default(), dirty: true }
    }

    fn of(row: Row, schema: &Schema, limits: &Limits) -> Self {
        let resource = Arc::new(row.present(schema.kind(row.kind), limits));
        let view = Arc::new(View { resource, derived: Arc::clone(&row.derived) });
        Self { row, view, dirty: false }
    }

    /// Notes that the row is different, and what it is now.
    pub fn renew(&mut self, view: Arc<View>) {
        self.view = view;
        self.dirty = true;
    }
}

/// The rows of one account.
#[derive(Debug, Default)]
pub struct Store {
    rows: FxHashMap<Key, Box<[u8]>>,
    /// Rows that are not at rest; of new ones nothing stands in `rows` yet.
    hand: RefCell<FxHashMap<Key, Held>>,
    /// How many of those in hand are new.
    fresh: usize,
    /// Where rows are encoded.
    scratch: Vec<u8>,
    /// The rows at rest that are others since the last commit.
    pub journal: Journal<Key>,
}

impl Store {
    /// How many resources have a row, tombstones among them.
    pub fn len(&self) -> usize {
        self.rows.len() + self.fresh
    }

    /// Bytes of the rows at rest.
    pub fn bytes(&self) -> usize {
        self.rows.values().map(|row| row.len()).sum()
    }

    /// Whether the resource has a row.
    pub fn contains(&self, key: Key) -> bool {
        self.rows.contains_key(&key) || self.hand.borrow().contains_key(&key)
    }

    /// Every row at rest, in key order.
    pub fn each(&self, visit: &mut dyn FnMut(Row)) {
        self.keys().into_iter().filter_map(|key| self.decode(key)).for_each(visit);
    }

    fn decode(&self, key: Key) -> Option<Row> {
        self.rows.get(&key).and_then(|bytes| Row::decode(bytes))
    }

    /// What `look` sees of a row, which is in hand from then on.
    pub fn look<T>(
        &self,
        key: Key,
        schema: &Schema,
        limits: &Limits,
        look: impl FnOnce(&Held) -> T,
    ) -> Option<T> {
        let mut hand = self.hand.borrow_mut();
        if let Some(held) = hand.get(&key) {
            return Some(look(held));
        }
        let held = Held::of(self.decode(key)?, schema, limits);
        Some(look(hand.entry(key).or_insert(held)))
    }

    /// Takes a row out of the hand, or from where it rests, to be worked on; it is to be put back.
    pub fn take(&mut self, key: Key, schema: &Schema, limits: &Limits) -> Option<Held> {
        let known = self.hand.get_mut().remove(&key);
        if let Some(held) = known {
            self.fresh -= usize::from(!self.rows.contains_key(&key));
            return Some(held);
        }
        Some(Held::of(self.decode(key)?, schema, limits))
    }

    /// Puts a row into the hand.
    pub fn put(&mut self, key: Key, held: Held) {
        if self.hand.get_mut().insert(key, held).is_none() {
            self.fresh += usize::from(!self.rows.contains_key(&key));
        }
    }

    /// Lays a row down where it rests.
    pub fn file(&mut self, row: &Row) {
        let key = Key::of(row.kind, &row.id);
        let was = self.rows.insert(key, row.encode_in(&mut self.scratch));
        self.journal.note(&key, || was);
    }

    /// Lays bytes down where they rest.
    pub fn lay(&mut self, key: Key, bytes: Box<[u8]>) {
        self.rows.insert(key, bytes);
    }

    /// The bytes of a row at rest.
    pub fn at_rest(&self, key: Key) -> Option<&[u8]> {
        self.rows.get(&key).map(|bytes| &**bytes)
    }

    /// The keys of the rows at rest, in order.
    pub fn keys(&self) -> Vec<Key> {
        let mut keys: Vec<Key> = self.rows.keys().copied().collect();
        keys.sort_unstable();
        keys
    }

    /// Every row at rest, in no order.
    pub fn all(&self) -> impl Iterator<Item = (Key, &[u8])> {
        self.rows.iter().map(|(key, bytes)| (*key, &**bytes))
    }

    /// Takes a row away for good.
    pub fn remove(&mut self, key: Key) {
        let held = self.hand.get_mut().remove(&key).is_some();
        match self.rows.remove(&key) {
            Some(was) => self.journal.note(&key, || Some(was)),
            None => self.fresh -= usize::from(held),
        }
    }

    /// Lets everything go to rest.
    pub fn rest(&mut self) {
        #[expect(clippy::iter_over_hash_type, reason = "each goes to its own place")]
        for (key, held) in self.hand.get_mut().drain() {
            if held.dirty {
                let was = self.rows.insert(key, held.row.encode_in(&mut self.scratch));
                self.journal.note(&key, || was);
            }
        }
        self.fresh = 0;
    }
}
