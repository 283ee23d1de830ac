//! One account's state: rows, indexes, operations under way, timers; changes in, transitions out.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use bumpalo::Bump;
use rustc_hash::{FxHashMap, FxHashSet};
use xxhash_rust::xxh3::xxh3_128;

use crate::content::Content;
use crate::model::{
    Cause, Cell, Change, FacetId, KindId, Ledger, Limits, Source, Timestamp, Tracer, Write,
};

use super::Key;
use super::graph::Graph;
use super::index::{Index, Mirrored};
use super::pending::Pending;
use super::row::{Resource, Row, Said, View};
use super::work::{Work, differences, past};

/// What the engine must come back for, at an instant of event time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Timer {
    /// A snapshot's settle time is over.
    Settle(Key, Arc<str>),
    /// An operation's end is overdue.
    Operation(Arc<str>),
    /// A deleted resource may be forgotten.
    Forget(Key),
}

/// What happened to one resource.
#[derive(Clone, Debug)]
pub struct Transition {
    /// The resource.
    pub key: Key,
    /// Its kind.
    pub kind: KindId,
    /// Its id.
    pub id: Arc<str>,
    /// As it was.
    pub before: Rc<View>,
    /// As it is.
    pub after: Rc<View>,
    /// Its facets that are different, derived ones among them, in id order.
    pub changed: Vec<FacetId>,
    /// Whether something it reads from afar may be different.
    pub remote: bool,
    /// What it was in between, when the event came late.
    pub past: Option<Past>,
}

/// A late event's place in the past of a resource.
#[derive(Clone, Debug)]
pub struct Past {
    /// Before the late event.
    pub before: Rc<View>,
    /// Just after it, and after each event that followed, with that event.
    pub then: Vec<(Arc<Cause>, Rc<View>)>,
}

/// What came of a change.
#[derive(Debug, Default)]
pub struct Applied {
    /// Resources that changed, or whose surroundings did; the spoken-of ones first.
    pub transitions: Vec<Transition>,
    /// Resources spoken of, as kind and id.
    pub touched: Vec<(KindId, Arc<str>)>,
    /// Whether some resource is different.
    pub changed: bool,
    /// Writes that found no resource and wait for one.
    pub orphaned: usize,
    /// Writes refused because the cell is full.
    pub refused: usize,
    /// Sets that began to have more elements than are kept.
    pub crowded: usize,
}

/// Read-only resources by key: id and content.
pub type KnownResources = FxHashMap<Key, (Arc<str>, Resource)>;

/// What the state needs to know of the content.
#[derive(Clone, Copy)]
pub struct Frame<'f> {
    /// Content.
    pub content: &'f Content,
    /// What follows from what.
    pub graph: &'f Graph,
    /// Bounds.
    pub limits: &'f Limits,
    /// Who is told each step; nobody, but for `explain`.
    pub trace: Option<&'f dyn Tracer>,
    /// Where expressions that use up their budget are noted.
    pub ledger: &'f Ledger,
}

/// The state of one account.
#[derive(Debug)]
pub struct CellState {
    cell: Cell,
    rows: FxHashMap<Key, Box<[u8]>>,
    pub(super) members: FxHashMap<KindId, Vec<Key>>,
    pub(super) index: Index,
    pub(super) orphans: VecDeque<(Key, Said)>,
    /// Operations under way.
    pub pending: Pending,
    timers: BTreeMap<(Timestamp, u64), Timer>,
    sequence: u64,
    seen: FxHashSet<u128>,
    seen_order: VecDeque<u128>,
    known: Arc<KnownResources>,
    pub(super) backlog: VecDeque<Key>,
    /// The newest event time of this account.
    pub watermark: Timestamp,
}

impl CellState {
    /// An account nobody has spoken of. `known` are its provider's read-only resources, see
    /// [`super::known_resources`].
    #[must_use]
    pub fn new(cell: Cell, known: Arc<KnownResources>) -> Self {
        Self {
            cell,
            rows: FxHashMap::default(),
            members: FxHashMap::default(),
            index: Index::default(),
            orphans: VecDeque::new(),
            pending: Pending::default(),
            timers: BTreeMap::new(),
            sequence: 0,
            seen: FxHashSet::default(),
            seen_order: VecDeque::new(),
            known,
            backlog: VecDeque::new(),
            watermark: Timestamp(i64::MIN),
        }
    }

    /// Whose state it is.
    #[must_use]
    pub fn cell(&self) -> &Cell {
        &self.cell
    }

    /// The indexes.
    #[must_use]
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// How many resources have a row, tombstones among them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Bytes of the encoded rows.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.rows.values().map(|row| row.len()).sum()
    }

    /// Every row, in key order.
    pub fn each_row(&self, visit: &mut dyn FnMut(Row)) {
        let mut keys: Vec<Key> = self.rows.keys().copied().collect();
        keys.sort_unstable();
        keys.into_iter().filter_map(|key| self.row(key)).for_each(visit);
    }

    /// Whether an event id was already taken in; remembers it. Bounded by `limits.remembered_ids`.
    pub fn is_repeated(&mut self, event: &str, limits: &Limits) -> bool {
        let hash = xxh3_128(event.as_bytes());
        if !self.seen.insert(hash) {
            return true;
        }
        self.seen_order.push_back(hash);
        if self.seen_order.len() > limits.remembered_ids
            && let Some(oldest) = self.seen_order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        false
    }

    pub(super) fn row(&self, key: Key) -> Option<Row> {
        self.rows.get(&key).and_then(|bytes| Row::decode(bytes))
    }

    pub(super) fn store(&mut self, key: Key, row: &Row) {
        self.rows.insert(key, row.encode());
    }

    /// The resource's view: what was said, and its derived values as last computed.
    #[must_use]
    pub fn view(&self, kind: KindId, key: Key, content: &Content, limits: &Limits) -> Option<View> {
        if let Some(row) = self.row(key) {
            let resource = row.present(content.schema.kind(kind), limits);
            return Some(View { resource: Rc::new(resource), derived: row.derived });
        }
        let (_, resource) = self.known.get(&key)?;
        Some(View { resource: Rc::new(resource.clone()), derived: Vec::new() })
    }

    /// The id of the resource at `key`.
    #[must_use]
    pub fn id_of(&self, key: Key) -> Option<Arc<str>> {
        self.row(key).map(|row| row.id).or_else(|| self.known.get(&key).map(|(id, _)| id.clone()))
    }

    /// The next timer due at or before `now`, taken out.
    pub fn due(&mut self, now: Timestamp) -> Option<(Timestamp, Timer)> {
        let (&(at, sequence), _) =
            self.timers.first_key_value().filter(|((at, _), _)| *at <= now)?;
        self.timers.remove(&(at, sequence)).map(|timer| (at, timer))
    }

    /// When the next timer is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.timers.first_key_value().map(|((at, _), _)| *at)
    }

    /// Whether resources are left over from a change that reached too many.
    #[must_use]
    pub fn has_backlog(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// The event `id` among the recent ones of a resource.
    #[must_use]
    pub fn cause_of(&self, key: Key, id: &str) -> Option<Arc<Cause>> {
        let row = self.row(key)?;
        row.recent.iter().find(|said| &*said.cause.id == id).map(|said| Arc::clone(&said.cause))
    }

    /// Sets a timer.
    pub fn at(&mut self, when: Timestamp, timer: Timer) {
        self.sequence += 1;
        self.timers.insert((when, self.sequence), timer);
    }

    /// Applies a change, in the place of what `instead` had said. `shaky` marks what is applied
    /// without being sure.
    pub fn apply(
        &mut self,
        change: &Change,
        instead: Option<&Change>,
        shaky: bool,
        frame: Frame<'_>,
        arena: &Bump,
    ) -> Applied {
        let mut work = Work::default();
        if let Some(before) = instead {
            self.unsay(before, frame, &mut work);
        }
        for (key, kind, id, said) in self.targets(change, shaky, frame, &mut work) {
            self.say(key, kind, id, &said, frame, &mut work);
        }
        self.adopt(&change.cause.id, frame, &mut work);
        self.finish(work, frame, arena)
    }

    /// Lets a settled snapshot count from its own capture.
    pub fn settle(&mut self, key: Key, event: &str, frame: Frame<'_>, arena: &Bump) -> Applied {
        let mut work = Work::default();
        if let Some(row) = self.row(key) {
            let (kind, id) = (row.kind, row.id.clone());
            self.touch(key, kind, id, frame, &mut work, &mut |row| {
                row.settle(event, frame.limits).then_some(usize::MAX)
            });
        }
        self.finish(work, frame, arena)
    }

    /// Forgets a deleted resource.
    pub fn forget(&mut self, key: Key, frame: Frame<'_>) {
        let Some(row) = self.row(key) else { return };
        if !row.present(frame.content.schema.kind(row.kind), frame.limits).alive {
            self.rows.remove(&key);
        }
    }

    /// Looks again at resources that were left over when a change reached too many.
    pub fn catch_up(&mut self, frame: Frame<'_>, arena: &Bump) -> Applied {
        self.finish(Work::default(), frame, arena)
    }

    /// The change's writes by resource, in order; those without a resource become orphans.
    fn targets(
        &mut self,
        change: &Change,
        shaky: bool,
        frame: Frame<'_>,
        work: &mut Work,
    ) -> Vec<(Key, KindId, Arc<str>, Said)> {
        let mut found: Vec<(Key, KindId, Arc<str>, Said)> = Vec::new();
        for write in &change.writes {
            let said = Said {
                cause: Arc::clone(&change.cause),
                source: change.source,
                settled: false,
                shaky,
                creates: write.creates,
                edits: vec![write.edit.clone()],
            };
            for (key, id) in self.resolve(write, frame, &said, work) {
                match found.iter_mut().find(|(known, ..)| *known == key) {
                    Some((.., known)) => {
                        known.creates |= said.creates;
                        known.edits.extend(said.edits.iter().cloned());
                    }
                    None => found.push((key, write.target.kind, id, said.clone())),
                }
            }
        }
        found
    }

    fn resolve(
        &mut self,
        write: &Write,
        frame: Frame<'_>,
        said: &Said,
        work: &mut Work,
    ) -> Vec<(Key, Arc<str>)> {
        let found = self.found(write, frame);
        if let Some((facet, name)) = &write.target.lookup
            && found.is_empty()
        {
            let name = Key::of_name(write.target.kind, *facet, name);
            let known =
                self.orphans.iter().any(|(at, o)| *at == name && o.cause.id == said.cause.id);
            if !known {
                self.orphans.push_back((name, said.clone()));
                work.applied.orphaned += 1;
            }
            if self.orphans.len() > frame.limits.orphans {
                self.orphans.pop_front();
            }
        }
        found
    }

    /// The resources that a write speaks of, known ones where it names them by what they have.
    pub(super) fn found(&self, write: &Write, frame: Frame<'_>) -> Vec<(Key, Arc<str>)> {
        let kind = write.target.kind;
        if let Some(id) = &write.target.id {
            return vec![(Key::of(kind, id), id.clone())];
        }
        let Some((facet, name)) = &write.target.lookup else { return Vec::new() };
        let mut keys: Vec<Key> = self.index.named(kind, *facet, name).to_vec();
        for reference in frame.graph.references(kind).iter().filter(|r| r.facet == *facet) {
            let target = Key::of(reference.to, name);
            let referrers = self.index.referrers(target).iter();
            keys.extend(referrers.filter(|r| r.kind == kind && r.facet == *facet).map(|r| r.from));
        }
        keys.sort_unstable();
        keys.dedup();
        keys.into_iter().filter_map(|key| Some((key, self.id_of(key)?))).collect()
    }

    fn say(
        &mut self,
        key: Key,
        kind: KindId,
        id: Arc<str>,
        said: &Said,
        frame: Frame<'_>,
        work: &mut Work,
    ) {
        work.applied.touched.push((kind, id.clone()));
        if !self.rows.contains_key(&key) && self.rows.len() >= frame.limits.resources_per_cell {
            work.applied.refused += 1;
            return;
        }
        self.index.note(kind, said, frame.graph);
        if said.source == Source::Snapshot {
            let due = said.cause.time.plus(frame.limits.settle);
            self.at(due, Timer::Settle(key, said.cause.id.clone()));
        }
        let declared = frame.content.schema.kind(kind);
        self.touch(key, kind, id, frame, work, &mut |row| {
            if row.knows(&said.cause.id) {
                return None;
            }
            let place = row.insert(said.clone(), declared, frame.limits);
            // A snapshot tells what is, not when it came to be: nothing is looked back for.
            let place = place.filter(|_| said.source == Source::Activity);
            Some(place.unwrap_or(usize::MAX))
        });
    }

    /// Changes a row and moves the indexes along. `edit` gives the place of what is new among the
    /// recent events (`usize::MAX`: no place worth looking back from), or `None` for no change.
    pub(super) fn touch(
        &mut self,
        key: Key,
        kind: KindId,
        id: Arc<str>,
        frame: Frame<'_>,
        work: &mut Work,
        edit: &mut dyn FnMut(&mut Row) -> Option<usize>,
    ) {
        let declared = frame.content.schema.kind(kind);
        let mut row = self.row(key).unwrap_or_else(|| Row::new(kind, id.clone()));
        let before = row.present(declared, frame.limits);
        let Some(place) = edit(&mut row) else { return };
        let past = past(&row, place, declared, frame.limits);
        row.compact(declared, frame.limits);
        let after = row.present(declared, frame.limits);
        let mut mirrored = Vec::new();
        self.index.update(key, kind, &before, &after, frame.graph, &mut mirrored);
        for one in mirrored {
            self.mirror(kind, &one, frame, work);
        }
        for (facet, name) in self.index.name(key, kind, &after, frame) {
            work.names.push(Key::of_name(kind, facet, &name));
        }
        if frame.graph.has_singleton_readers(kind) {
            let members = self.members.entry(kind).or_default();
            if let Err(place) = members.binary_search(&key) {
                members.insert(place, key);
            }
        }
        if before.alive && !after.alive {
            let due = self.watermark.max(after.incarnation).plus(frame.limits.lateness);
            self.at(due, Timer::Forget(key));
        }
        for facet in differences(&before, &after) {
            let was = before.facet(facet).is_some_and(|state| state.is_crowded(frame.limits));
            let is = after.facet(facet).is_some_and(|state| state.is_crowded(frame.limits));
            work.applied.crowded += usize::from(is && !was);
            work.facets.push_back((key, kind, facet));
        }
        let before = View { resource: Rc::new(before), derived: row.derived.clone() };
        work.note(key, kind, id, before, past);
        self.store(key, &row);
        work.rows.insert(key, (row, Rc::new(after)));
    }

    /// Tells the other end of a reference. A resource that others read by, and of which nobody
    /// spoke yet, gets a row: its derived values follow from those who refer to it.
    fn mirror(&mut self, from: KindId, one: &Mirrored, frame: Frame<'_>, work: &mut Work) {
        let backs = frame.graph.backs((from, one.through));
        if !backs.is_empty() && one.is && !self.rows.contains_key(&one.target) {
            let mut row = Row::new(one.to, Arc::clone(&one.id));
            row.base.alive = true;
            self.store(one.target, &row);
        }
        for &(to, back) in backs {
            work.facets.push_back((one.target, to, back));
        }
    }

    /// Gives orphans to the resources their names turned out to belong to. What `event` said may
    /// have been undone by them long ago: its resources are looked back on from there.
    fn adopt(&mut self, event: &str, frame: Frame<'_>, work: &mut Work) {
        while let Some(name) = work.names.pop() {
            if !self.orphans.iter().any(|(at, _)| *at == name) {
                continue;
            }
            let (mine, others) = self.orphans.drain(..).partition(|(at, _)| *at == name);
            self.orphans = others;
            let owners: Vec<Key> = self.index.owners(name).to_vec();
            let mine: VecDeque<(Key, Said)> = mine;
            for (_, said) in mine {
                for &key in &owners {
                    let Some(row) = self.row(key) else { continue };
                    self.say(key, row.kind, row.id, &said, frame, work);
                    self.look_back_from(key, event, frame, work);
                }
            }
        }
    }
}

impl CellState {
    fn look_back_from(&self, key: Key, event: &str, frame: Frame<'_>, work: &mut Work) {
        let (Some(row), Some(touched)) = (self.row(key), work.touched.get_mut(&key)) else {
            return;
        };
        let from = |said: &Said| &*said.cause.id == event && said.source == Source::Activity;
        let Some(place) = row.recent.iter().position(from) else { return };
        let declared = frame.content.schema.kind(touched.kind);
        touched.past = past(&row, place, declared, frame.limits);
    }
}
