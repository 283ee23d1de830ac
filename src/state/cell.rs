//! One account's state: rows, indexes, operations under way, timers; changes in, transitions out.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bumpalo::Bump;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use crate::content::Content;
use crate::model::{
    Cause, Cell, Change, Digest, FacetId, KindId, Ledger, Limit, Limits, Source, Timestamp, Tracer,
    Translation,
};

use super::Key;
use super::clock::Clock;
use super::fold::fold;
use super::graph::Graph;
use super::index::{Index, Mirrored};
use super::journal::pack;
use super::keep::Journals;
use super::pending::Pending;
use super::row::{Row, Said, View};
use super::store::{Held, Store};
use super::work::{Work, differences, past};

/// What the engine must come back for, at an instant of event time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    pub before: Arc<View>,
    /// As it is.
    pub after: Arc<View>,
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
    pub before: Arc<View>,
    /// Just after it, and after each event that followed, with that event.
    pub then: Vec<(Arc<Cause>, Arc<View>)>,
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

/// What an edit did to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moved {
    /// Nothing.
    Nothing,
    /// Its newest event came.
    On,
    /// An event came late, to that place; its past may tell something.
    From(usize),
    /// Something else: what it is is to be folded anew.
    Anew,
}

/// Read-only resources by key.
pub type KnownResources = FxHashMap<Key, KnownResource>;

/// A resource that is known without any event.
#[derive(Clone, Debug)]
pub struct KnownResource {
    /// Its id.
    pub id: Arc<str>,
    /// What it is.
    pub view: Arc<View>,
}

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
    /// Where limits that are reached are noted.
    pub ledger: &'f Ledger,
}

/// Resources looked at again at a time, after new content was taken up.
const SLICE: usize = 256;

/// What was said of a resource that nobody knows yet by what it has.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Orphan {
    /// What it was called by: kind, facet, and the name there.
    pub(super) called: (KindId, FacetId, Arc<str>),
    /// What was said.
    pub(super) said: Said,
}

impl Orphan {
    /// The name as it stands in the index.
    pub(super) fn name(&self) -> Key {
        let (kind, facet, name) = &self.called;
        Key::of_name(*kind, *facet, name)
    }

    /// The same under the new ids.
    pub(super) fn carried(self, translation: &Translation<'_>) -> Option<Self> {
        let (kind, facet, name) = self.called;
        let to = translation.facet(kind, facet)?.to;
        let said = self.said.carried(kind, translation);
        Some(Self { called: (translation.kind(kind)?, to, name), said })
    }
}

/// The state of one account.
#[derive(Debug)]
pub struct CellState {
    cell: Cell,
    pub(super) store: Store,
    pub(super) members: FxHashMap<KindId, Vec<Key>>,
    pub(super) index: Index,
    pub(super) orphans: VecDeque<Orphan>,
    /// Operations under way.
    pub pending: Pending,
    pub(super) timers: BTreeMap<(Timestamp, u64), Timer>,
    pub(super) sequence: u64,
    seen: FxHashSet<u128>,
    pub(super) seen_order: VecDeque<u128>,
    /// Events taken in so far.
    pub(super) taken: u64,
    pub(super) known: Arc<KnownResources>,
    pub(super) backlog: VecDeque<Key>,
    /// Resources that all detectors are to judge again, because they are others.
    pub(super) anew: VecDeque<Key>,
    /// Up to when time has passed.
    pub watermark: Timestamp,
    /// What tells the time.
    pub clock: Clock,
    pub(super) judged: Digest,
    /// Whether detectors may have seen something here that are no more.
    pub strangers: bool,
    pub(super) journals: Journals,
}

impl CellState {
    /// An account nobody has spoken of. `known` are its provider's read-only resources, see
    /// [`super::known_resources`].
    #[must_use]
    pub fn new(cell: Cell, known: Arc<KnownResources>) -> Self {
        Self {
            cell,
            store: Store::default(),
            members: FxHashMap::default(),
            index: Index::default(),
            orphans: VecDeque::new(),
            pending: Pending::default(),
            timers: BTreeMap::new(),
            sequence: 0,
            seen: FxHashSet::default(),
            seen_order: VecDeque::new(),
            taken: 0,
            known,
            backlog: VecDeque::new(),
            anew: VecDeque::new(),
            watermark: Timestamp(i64::MIN),
            clock: Clock::default(),
            judged: Digest::default(),
            strangers: false,
            journals: Journals::default(),
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
        self.store.len()
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.store.len() == 0
    }

    /// Bytes of the encoded rows.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.store.bytes()
    }

    /// Every row, in key order.
    pub fn each_row(&self, visit: &mut dyn FnMut(Row)) {
        self.store.each(visit);
    }

    /// Whether an event id was already taken in; remembers it. Bounded by `limits.remembered_ids`.
    pub fn is_repeated(&mut self, event: &str, limits: &Limits) -> bool {
        let hash = xxh3_128(event.as_bytes());
        if !self.seen.insert(hash) {
            return true;
        }
        self.seen_order.push_back(hash);
        self.journals.seen.note(&self.taken, || None);
        self.taken += 1;
        if self.seen_order.len() > limits.remembered_ids
            && let Some(oldest) = self.seen_order.pop_front()
        {
            self.seen.remove(&oldest);
            let number = self.taken - self.seen_order.len() as u64 - 1;
            self.journals.seen.note(&number, || Some(pack(&oldest)));
        }
        false
    }

    /// Remembers an event by its hash, behind those remembered before.
    pub(super) fn lay_seen(&mut self, hash: u128) {
        self.seen.insert(hash);
        self.seen_order.push_back(hash);
    }

    /// The resource's view: what was said, and its derived values as last computed.
    #[must_use]
    pub fn view(&self, key: Key, content: &Content, limits: &Limits) -> Option<Arc<View>> {
        let held = self.store.look(key, &content.schema, limits, |held| Arc::clone(&held.view));
        held.or_else(|| self.known.get(&key).map(|known| Arc::clone(&known.view)))
    }

    /// The id of the resource at `key`.
    #[must_use]
    pub fn id_of(&self, key: Key, content: &Content, limits: &Limits) -> Option<Arc<str>> {
        let held = self.store.look(key, &content.schema, limits, |held| Arc::clone(&held.row.id));
        held.or_else(|| self.known.get(&key).map(|known| Arc::clone(&known.id)))
    }

    /// The next timer due at or before `now`, taken out.
    pub fn due(&mut self, now: Timestamp) -> Option<(Timestamp, Timer)> {
        let (&(at, sequence), _) =
            self.timers.first_key_value().filter(|((at, _), _)| *at <= now)?;
        let timer = self.timers.remove(&(at, sequence))?;
        self.journals.timers.note(&sequence, || Some(pack(&(at, &timer))));
        Some((at, timer))
    }

    /// When the next timer is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.timers.first_key_value().map(|((at, _), _)| *at)
    }

    /// Lets the rows that were worked on or read go to rest. Due after each change, once everybody
    /// has seen what came of it.
    pub fn rest(&mut self) {
        self.store.rest();
    }

    /// Whether resources are left over from a change that reached too many, or from new content.
    #[must_use]
    pub fn has_backlog(&self) -> bool {
        !self.backlog.is_empty() || !self.anew.is_empty()
    }

    /// The event `id` among the recent ones of a resource.
    #[must_use]
    pub fn cause_of(&self, key: Key, id: &str, frame: Frame<'_>) -> Option<Arc<Cause>> {
        let cause = |held: &Held| {
            let said = held.row.recent.iter().find(|said| &*said.cause.id == id)?;
            Some(said.cause.open())
        };
        self.store.look(key, &frame.content.schema, frame.limits, cause)?
    }

    /// Sets a timer.
    pub fn at(&mut self, when: Timestamp, timer: Timer) {
        self.sequence += 1;
        self.journals.timers.note(&self.sequence, || None);
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
            self.say(key, kind, id, said, frame, &mut work);
        }
        self.adopt(&change.cause.id, frame, &mut work);
        self.finish(work, frame, arena)
    }

    /// Lets a settled snapshot count from its own capture.
    pub fn settle(&mut self, key: Key, event: &str, frame: Frame<'_>, arena: &Bump) -> Applied {
        let mut work = Work::default();
        if let Some((kind, id)) = self.named(key, frame) {
            self.touch(key, kind, id, frame, &mut work, |row| {
                if row.settle(event, frame.limits) { Moved::Anew } else { Moved::Nothing }
            });
        }
        self.finish(work, frame, arena)
    }

    /// Forgets a deleted resource.
    pub fn forget(&mut self, key: Key, frame: Frame<'_>) {
        let view = self.view(key, frame.content, frame.limits);
        if view.is_some_and(|view| !view.resource.alive) {
            self.store.remove(key);
        }
    }

    /// Looks again at resources that were left over when a change reached too many, and at some of
    /// those that new content may judge otherwise.
    pub fn catch_up(&mut self, frame: Frame<'_>, arena: &Bump) -> Applied {
        let mut work = Work::default();
        for _ in 0..SLICE.min(frame.limits.fan_out) {
            let Some(key) = self.anew.pop_front() else { break };
            self.note_remote(key, frame, &mut work);
        }
        self.finish(work, frame, arena)
    }

    /// Lets a resource know what was said of it.
    pub(super) fn say(
        &mut self,
        key: Key,
        kind: KindId,
        id: Arc<str>,
        said: Said,
        frame: Frame<'_>,
        work: &mut Work,
    ) {
        work.applied.touched.push((kind, id.clone()));
        if !self.store.contains(key) && self.store.len() >= frame.limits.resources_per_cell {
            work.applied.refused += 1;
            frame.ledger.full(Limit::ResourcesPerCell, &self.cell);
            return;
        }
        self.index.note(kind, &said, frame.graph);
        let source = said.source;
        if source == Source::Snapshot {
            let due = said.cause.time.plus(frame.limits.settle);
            self.at(due, Timer::Settle(key, said.cause.id.clone()));
        }
        let declared = frame.content.schema.kind(kind);
        self.touch(key, kind, id, frame, work, |row| {
            if row.knows(&said.cause.id) {
                return Moved::Nothing;
            }
            match row.insert(said, declared, frame.limits) {
                Some(place) if place + 1 == row.recent.len() => Moved::On,
                // A snapshot tells what is, not when it came to be: nothing is looked back for.
                Some(place) if source == Source::Activity => Moved::From(place),
                _ => Moved::Anew,
            }
        });
    }

    /// Changes a row and moves the indexes along.
    pub(super) fn touch(
        &mut self,
        key: Key,
        kind: KindId,
        id: Arc<str>,
        frame: Frame<'_>,
        work: &mut Work,
        edit: impl FnOnce(&mut Row) -> Moved,
    ) {
        let declared = frame.content.schema.kind(kind);
        let known = self.store.take(key, &frame.content.schema, frame.limits);
        let is_new = known.is_none();
        let mut held = known.unwrap_or_else(|| Held::new(kind, id.clone()));
        let row = &mut held.row;
        let moved = edit(row);
        if moved == Moved::Nothing {
            if !is_new {
                self.store.put(key, held);
            }
            return;
        }
        let past = match moved {
            Moved::From(place) => past(row, place, declared, frame.limits),
            Moved::Nothing | Moved::On | Moved::Anew => None,
        };
        let was = Arc::clone(&held.view);
        let before = &was.resource;
        let after = match row.recent.last() {
            // What came last is folded into what was there; folding all of it gives the same.
            Some(last) if moved == Moved::On => {
                let mut after = (**before).clone();
                fold(&mut after, last, declared, frame.limits);
                after
            }
            _ => row.present(declared, frame.limits),
        };
        row.compact(declared, frame.limits);
        let mut mirrored = Vec::new();
        self.index.update(key, kind, before, &after, frame.graph, &mut mirrored);
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
        for facet in differences(before, &after) {
            let was = before.facet(facet).is_some_and(|state| state.is_crowded(frame.limits));
            let is = after.facet(facet).is_some_and(|state| state.is_crowded(frame.limits));
            if is && !was {
                work.applied.crowded += 1;
                frame.ledger.full(Limit::Elements, &self.cell);
            }
            work.facets.push_back((key, kind, facet));
        }
        let derived = Arc::clone(&was.derived);
        held.renew(Arc::new(View { resource: Arc::new(after), derived }));
        work.note(key, kind, id, was, past);
        self.store.put(key, held);
    }

    /// Tells the other end of a reference. A resource that others read by, and of which nobody
    /// spoke yet, gets a row: its derived values follow from those who refer to it.
    pub(super) fn mirror(
        &mut self,
        from: KindId,
        one: &Mirrored,
        frame: Frame<'_>,
        work: &mut Work,
    ) {
        let backs = frame.graph.backs((from, one.through));
        if !backs.is_empty() && one.is && !self.store.contains(one.target) {
            let mut held = Held::new(one.to, Arc::clone(&one.id));
            held.row.base.alive = true;
            let resource = Arc::new(held.row.base.clone());
            held.renew(Arc::new(View { resource, ..View::default() }));
            self.store.put(one.target, held);
        }
        for &(to, back) in backs {
            work.facets.push_back((one.target, to, back));
        }
    }
}
