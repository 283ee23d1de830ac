//! Who refers to whom, and which resource has the element of that name.
//!
//! **Invariant:** what stands here follows from the rows alone, but for `ever`, which remembers
//! that a reference was once seen and is never taken back.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use smallvec::SmallVec;

use crate::model::{FacetId, KindId, Value};

use super::Key;
use super::cell::Frame;
use super::graph::{Graph, Reference};
use super::journal::{Bytes, Journal, pack};
use super::row::{FacetBody, Life, Resource, Said};
use crate::model::{Edit, FacetEdit};

/// One reference: the referring resource and the facet through which it refers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Referrer {
    /// The referring resource.
    pub from: Key,
    /// Its kind.
    pub kind: KindId,
    /// The referring facet.
    pub facet: FacetId,
}

/// A reference that came or went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirrored {
    /// The resource referred to.
    pub target: Key,
    /// Its kind.
    pub to: KindId,
    /// Its id.
    pub id: Arc<str>,
    /// The referring facet.
    pub through: FacetId,
    /// Whether the reference is there now.
    pub is: bool,
}

/// Mostly one, which then takes no room of its own.
type Few<T> = SmallVec<[T; 1]>;

/// The indexes of one cell.
#[derive(Debug, Default)]
pub struct Index {
    names: FxHashMap<Key, Few<Key>>,
    referrers: FxHashMap<Key, Few<Referrer>>,
    ever: FxHashSet<Key>,
    /// As `ever`, by events that are not sure and may be taken back.
    perhaps: FxHashMap<Key, Vec<Arc<str>>>,
    /// What is in `ever` since the last commit.
    pub(super) new: Journal<Key>,
    /// What of `perhaps` is otherwise since the last commit.
    pub(super) unsure: Journal<Key>,
}

impl Index {
    /// The resources whose facet has, or had, an element of that name.
    #[must_use]
    pub fn named(&self, kind: KindId, facet: FacetId, name: &str) -> &[Key] {
        self.names.get(&Key::of_name(kind, facet, name)).map_or(&[], Few::as_slice)
    }

    /// The resources behind a name's key, see [`Key::of_name`].
    #[must_use]
    pub fn owners(&self, name: Key) -> &[Key] {
        self.names.get(&name).map_or(&[], Few::as_slice)
    }

    /// Who refers to `target`.
    #[must_use]
    pub fn referrers(&self, target: Key) -> &[Referrer] {
        self.referrers.get(&target).map_or(&[], Few::as_slice)
    }

    /// Whether anybody was ever seen to refer to `target` through that facet.
    #[must_use]
    pub fn was_referred(&self, target: Key, kind: KindId, facet: FacetId) -> bool {
        let through = target.through(kind, facet);
        self.ever.contains(&through) || self.perhaps.contains_key(&through)
    }

    /// Notes every reference an event makes, even one that something newer has undone.
    pub fn note(&mut self, kind: KindId, said: &Said, graph: &Graph) {
        each_made(kind, said, graph, &mut |through| {
            if !said.shaky {
                self.see(through);
                return;
            }
            self.unsure.note(&through, || self.perhaps.get(&through).map(pack));
            let events = self.perhaps.entry(through).or_default();
            if !events.contains(&said.cause.id) {
                events.push(Arc::clone(&said.cause.id));
            }
        });
    }

    /// Notes every reference a resource makes, as [`Index::note`] does for an event's.
    pub fn note_resource(&mut self, kind: KindId, resource: &Resource, graph: &Graph) {
        for reference in graph.references(kind) {
            let Some(state) = resource.facet(reference.facet) else { continue };
            let mut visit = |through| self.see(through);
            match &state.body {
                FacetBody::Register(value) => each_in(kind, reference, value, &mut visit),
                FacetBody::Set(elements) => {
                    for element in elements {
                        each_in(kind, reference, &element.value, &mut visit);
                    }
                }
            }
        }
    }

    fn see(&mut self, through: Key) {
        if self.ever.insert(through) {
            self.new.note(&through, || None);
        }
    }

    /// Remembers that a reference was once seen.
    pub(super) fn lay_ever(&mut self, through: Key) {
        self.ever.insert(through);
    }

    /// Remembers which events that are not sure made a reference.
    pub(super) fn lay_perhaps(&mut self, through: Key, events: Vec<Arc<str>>) {
        self.perhaps.insert(through, events);
    }

    /// The references ever seen, in no order.
    pub(super) fn all_ever(&self) -> impl Iterator<Item = Key> {
        self.ever.iter().copied()
    }

    /// The references seen in what is not sure, in no order.
    pub(super) fn all_perhaps(&self) -> impl Iterator<Item = Key> {
        self.perhaps.keys().copied()
    }

    /// The bytes of a reference that is not sure.
    pub(super) fn perhaps_at(&self, through: Key) -> Option<Bytes> {
        self.perhaps.get(&through).map(pack)
    }

    /// What was ever seen, without what is: the rest follows from the rows.
    #[must_use]
    pub fn remembered(self) -> Self {
        Self { ever: self.ever, perhaps: self.perhaps, ..Self::default() }
    }

    /// Takes back what an event that was not sure had noted.
    pub fn unnote(&mut self, kind: KindId, said: &Said, graph: &Graph) {
        each_made(kind, said, graph, &mut |through| {
            self.unsure.note(&through, || self.perhaps.get(&through).map(pack));
            let Some(events) = self.perhaps.get_mut(&through) else { return };
            events.retain(|event| *event != said.cause.id);
            if events.is_empty() {
                self.perhaps.remove(&through);
            }
        });
    }

    /// Takes back the names that a resource had only by what was taken back.
    pub fn unname(
        &mut self,
        key: Key,
        kind: KindId,
        before: &Resource,
        after: &Resource,
        graph: &Graph,
    ) {
        let kept = names_of(kind, after, graph);
        for name in names_of(kind, before, graph).iter().filter(|name| !kept.contains(name)) {
            if let Some(owners) = self.names.get_mut(name) {
                owners.retain(|owner| *owner != key);
            }
        }
    }

    /// Moves the indexes from what a resource was to what it is. What was and is no more, and the
    /// other way round, is given to `changed`.
    pub fn update(
        &mut self,
        key: Key,
        kind: KindId,
        before: &Resource,
        after: &Resource,
        graph: &Graph,
        changed: &mut Vec<Mirrored>,
    ) {
        for reference in graph.references(kind) {
            let was = targets(reference, before);
            let is = targets(reference, after);
            let mirrored = |(target, id): &(Key, &str), is: bool| Mirrored {
                target: *target,
                to: reference.to,
                id: Arc::from(*id),
                through: reference.facet,
                is,
            };
            for one in was.iter().filter(|one| !is.contains(one)) {
                if let Some(list) = self.referrers.get_mut(&one.0) {
                    list.retain(|r| !(r.from == key && r.facet == reference.facet));
                }
                changed.push(mirrored(one, false));
            }
            for one in is.iter().filter(|one| !was.contains(one)) {
                let referrer = Referrer { from: key, kind, facet: reference.facet };
                let list = self.referrers.entry(one.0).or_default();
                if let Err(place) = list.binary_search(&referrer) {
                    list.insert(place, referrer);
                }
                changed.push(mirrored(one, true));
            }
        }
    }

    /// Registers the names of a resource's elements; names that are new here are given back.
    pub fn name(
        &mut self,
        key: Key,
        kind: KindId,
        after: &Resource,
        frame: Frame<'_>,
    ) -> Vec<(FacetId, Arc<str>)> {
        let most = frame.limits.namesakes;
        let mut fresh = Vec::new();
        for (facet, state) in &after.facets {
            if !frame.graph.is_looked_up((kind, *facet)) {
                continue;
            }
            match &state.body {
                FacetBody::Register(Value::Str(text)) => {
                    let name = Arc::from(&**text);
                    self.name_one(key, kind, *facet, &name, most, &mut fresh);
                }
                FacetBody::Register(_) => {}
                FacetBody::Set(elements) => {
                    for name in elements.iter().flat_map(|e| [&e.id, &e.alias]).flatten() {
                        self.name_one(key, kind, *facet, name, most, &mut fresh);
                    }
                }
            }
        }
        fresh
    }

    fn name_one(
        &mut self,
        key: Key,
        kind: KindId,
        facet: FacetId,
        name: &Arc<str>,
        most: usize,
        fresh: &mut Vec<(FacetId, Arc<str>)>,
    ) {
        let owners = self.names.entry(Key::of_name(kind, facet, name)).or_default();
        if owners.contains(&key) || owners.len() >= most {
            return;
        }
        owners.push(key);
        fresh.push((facet, name.clone()));
    }
}

/// Each reference an event makes, as its target seen through the facet.
fn each_made(kind: KindId, said: &Said, graph: &Graph, visit: &mut dyn FnMut(Key)) {
    for edit in &said.edits {
        let Edit::Facets(facets) = edit else { continue };
        for (facet, edit) in facets {
            for reference in graph.references(kind).iter().filter(|r| r.facet == *facet) {
                match edit {
                    FacetEdit::Set(value) => each_in(kind, reference, value, visit),
                    FacetEdit::Elements { put, .. } => {
                        for element in put {
                            each_in(kind, reference, &element.value, visit);
                        }
                    }
                    FacetEdit::Unknown => {}
                }
            }
        }
    }
}

fn each_in(kind: KindId, reference: &Reference, value: &Value, visit: &mut dyn FnMut(Key)) {
    if let Value::List(items, _) = value {
        items.iter().for_each(|item| each_in(kind, reference, item, visit));
    } else if let Some(id) = referred(reference, value) {
        visit(Key::of(reference.to, id).through(kind, reference.facet));
    }
}

/// The keys of the names that a resource's elements have.
fn names_of(kind: KindId, resource: &Resource, graph: &Graph) -> Vec<Key> {
    let mut found = Vec::new();
    for (facet, state) in &resource.facets {
        if !graph.is_looked_up((kind, *facet)) {
            continue;
        }
        match &state.body {
            FacetBody::Register(Value::Str(text)) => found.push(Key::of_name(kind, *facet, text)),
            FacetBody::Register(_) => {}
            FacetBody::Set(elements) => {
                let names = elements.iter().flat_map(|e| [&e.id, &e.alias]).flatten();
                found.extend(names.map(|name| Key::of_name(kind, *facet, name)));
            }
        }
    }
    found
}

/// The ids a value refers to.
fn referred<'v>(reference: &Reference, value: &'v Value) -> Option<&'v str> {
    match (reference.field, value) {
        (None, Value::Str(id)) => Some(id),
        (Some(field), Value::Record(_, fields)) => fields.get(field).and_then(Value::as_str),
        _ => None,
    }
}

/// The resources a facet refers to, each once.
fn targets<'r>(reference: &Reference, resource: &'r Resource) -> Vec<(Key, &'r str)> {
    let Some(state) = resource.facet(reference.facet).filter(|_| resource.alive) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut add = |value: &'r Value| {
        let one = referred(reference, value).map(|id| (Key::of(reference.to, id), id));
        if let Some(one) = one
            && !found.contains(&one)
        {
            found.push(one);
        }
    };
    match &state.body {
        FacetBody::Register(Value::List(items, _)) => items.iter().for_each(&mut add),
        FacetBody::Register(value) => add(value),
        FacetBody::Set(elements) => elements
            .iter()
            .filter(|element| element.life == Life::Live)
            .for_each(|element| add(&element.value)),
    }
    found
}
