//! Derived values kept true: what a change reaches is computed again, and no further than it
//! makes a difference.

use std::sync::Arc;

use bumpalo::Bump;
use rustc_hash::FxHashSet;

use crate::model::{FacetId, KindId, Origin, Spender, Value};

use super::Key;
use super::cell::{Applied, CellState, Frame, Transition};
use super::graph::FacetRef;
use super::lens::Lens;
use super::row::{Derived, FacetBody, Life, Resource, Row, View};
use super::store::Held;
use super::work::{Work, differences};

impl CellState {
    /// Follows what changed to everything that reads it, then tells what is different.
    pub(super) fn finish(&mut self, mut work: Work, frame: Frame<'_>, arena: &Bump) -> Applied {
        let mut reached = 0;
        let mut queue: std::collections::VecDeque<Key> = work.order.iter().copied().collect();
        queue.extend(self.backlog.drain(..));
        let mut waiting: FxHashSet<Key> = queue.iter().copied().collect();
        let mut doubtful: FxHashSet<(Key, FacetId)> = FxHashSet::default();
        loop {
            while let Some((key, kind, facet)) = work.facets.pop_front() {
                let mut readers = self.readers(key, kind, facet, frame);
                // The mirror of a reference is a facet of the resource itself.
                if frame.content.schema.facet(kind, facet).origin != Origin::Said {
                    readers.push(key);
                }
                for reader in readers {
                    self.note_remote(reader, frame, &mut work);
                    if waiting.insert(reader) {
                        queue.push_back(reader);
                    }
                }
            }
            let Some(key) = queue.pop_front() else { break };
            waiting.remove(&key);
            reached += 1;
            if reached > frame.limits.fan_out {
                self.backlog.push_back(key);
                continue;
            }
            self.derive(key, frame, arena, &mut work, &mut doubtful);
        }
        self.transitions(work, frame)
    }

    /// Computes a row's derived values again and stores those that are different. A value that
    /// stays unknown is passed on as well, once: under a detector's assumptions it may be another.
    fn derive(
        &mut self,
        key: Key,
        frame: Frame<'_>,
        arena: &Bump,
        work: &mut Work,
        doubtful: &mut FxHashSet<(Key, FacetId)>,
    ) {
        let Some(mut held) = self.store.take(key, &frame.content.schema, frame.limits) else {
            return;
        };
        let kind = held.row.kind;
        let fresh = self.derived_of(&held.row, &held.view.resource, frame, arena);
        for (facet, value) in &fresh {
            if is_doubtful(value) && doubtful.insert((key, *facet)) {
                work.facets.push_back((key, kind, *facet));
            }
        }
        if *fresh != *held.row.derived {
            for facet in derived_differences(&held.row.derived, &fresh) {
                work.facets.push_back((key, kind, facet));
            }
            let derived: Derived = fresh.into();
            held.row.derived = Arc::clone(&derived);
            let resource = Arc::clone(&held.view.resource);
            held.renew(Arc::new(View { resource, derived }));
        }
        self.store.put(key, held);
    }

    /// A row's derived values, computed from what is there now.
    fn derived_of(
        &self,
        row: &Row,
        resource: &Arc<Resource>,
        frame: Frame<'_>,
        arena: &Bump,
    ) -> Vec<(FacetId, Value)> {
        let derives = &frame.content.derives[usize::from(row.kind.0)];
        if derives.is_empty() || !resource.alive {
            return Vec::new();
        }
        let lens = Lens::new(arena, frame.content, self, frame.limits, self.watermark);
        let view = View { resource: Arc::clone(resource), derived: Derived::default() };
        let handle = lens.place(row.kind, &row.id, Arc::new(view));
        let mut fresh: Vec<(FacetId, Value)> = derives
            .iter()
            .map(|derive| {
                lens.begin(None);
                let value = lens.own(&lens.derive(handle, derive.facet));
                if lens.ran_out() {
                    let kind = frame.content.schema.kind(row.kind);
                    let facet = &kind.facets[usize::from(derive.facet.0)];
                    let name = format!("{}.{}", kind.name, facet.name);
                    frame.ledger.spent(Spender::Facet(name.into()));
                }
                (derive.facet, value)
            })
            .collect();
        fresh.sort_by_key(|(facet, _)| *facet);
        fresh
    }

    /// Rows whose stored derived values are not what deriving them again gives.
    pub(crate) fn stale_derivations(&self, frame: Frame<'_>, arena: &Bump) -> Vec<String> {
        let mut stale = Vec::new();
        self.each_row(&mut |row| {
            let resource = row.present(frame.content.schema.kind(row.kind), frame.limits);
            let fresh = self.derived_of(&row, &Arc::new(resource), frame, arena);
            if *fresh != *row.derived {
                stale.push(format!("{}: {:?}, anew {fresh:?}", row.id, row.derived));
            }
        });
        stale
    }

    pub(super) fn note_remote(&self, key: Key, frame: Frame<'_>, work: &mut Work) {
        if let Some(touched) = work.touched.get_mut(&key) {
            touched.remote = true;
            return;
        }
        let look = |held: &Held| {
            let Held { row, view, .. } = held;
            (row.kind, Arc::clone(&row.id), Arc::clone(view))
        };
        let found = self.store.look(key, &frame.content.schema, frame.limits, look);
        let Some((kind, id, view)) = found else { return };
        work.note(key, kind, id, view, None);
        if let Some(touched) = work.touched.get_mut(&key) {
            touched.remote = true;
        }
    }

    /// The resources whose expressions read that facet of that resource from afar.
    fn readers(&self, key: Key, kind: KindId, facet: FacetId, frame: Frame<'_>) -> Vec<Key> {
        let mut found = Vec::new();
        for chain in frame.graph.readers((kind, facet)) {
            let mut set = vec![key];
            for step in chain.iter().rev() {
                let mut next = Vec::new();
                for at in &set {
                    self.sources(*at, *step, frame, &mut next);
                }
                next.sort_unstable();
                next.dedup();
                set = next;
            }
            found.extend(set);
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The resources of the step's kind whose facet leads to `to`.
    fn sources(&self, to: Key, step: FacetRef, frame: Frame<'_>, out: &mut Vec<Key>) {
        let (kind, facet) = step;
        match frame.content.schema.facet(kind, facet).origin {
            Origin::Said => {
                let referrers = self.index().referrers(to).iter();
                out.extend(
                    referrers.filter(|r| r.kind == kind && r.facet == facet).map(|r| r.from),
                );
            }
            Origin::Back { kind: from, facet: through, .. } => {
                let look = |held: &Held| (held.row.kind == from).then(|| Arc::clone(&held.view));
                let found = self.store.look(to, &frame.content.schema, frame.limits, look);
                let Some(view) = found.flatten() else { return };
                let Some(state) = view.resource.facet(through) else { return };
                for reference in frame.graph.references(from).iter().filter(|r| r.facet == through)
                {
                    let mut add = |value: &Value| {
                        let id = match (reference.field, value) {
                            (None, Value::Str(id)) => Some(&**id),
                            (Some(field), Value::Record(_, fields)) => {
                                fields.get(field).and_then(Value::as_str)
                            }
                            _ => None,
                        };
                        out.extend(id.map(|id| Key::of(reference.to, id)));
                    };
                    match &state.body {
                        FacetBody::Register(Value::List(items, _)) => {
                            items.iter().for_each(&mut add);
                        }
                        FacetBody::Register(value) => add(value),
                        FacetBody::Set(elements) => {
                            elements
                                .iter()
                                .filter(|e| e.life == Life::Live)
                                .for_each(|e| add(&e.value));
                        }
                    }
                }
            }
            Origin::One(_) => out.extend(self.members.get(&kind).into_iter().flatten()),
            Origin::Derived => {}
        }
    }

    fn transitions(&mut self, mut work: Work, frame: Frame<'_>) -> Applied {
        let mut applied = std::mem::take(&mut work.applied);
        for key in std::mem::take(&mut work.order) {
            let Some(touched) = work.touched.remove(&key) else { continue };
            let look = |held: &Held| Arc::clone(&held.view);
            let found = self.store.look(key, &frame.content.schema, frame.limits, look);
            let Some(after) = found else { continue };
            let mut changed = differences(&touched.before.resource, &after.resource);
            changed.extend(derived_differences(&touched.before.derived, &after.derived));
            let before = &touched.before.resource;
            let reborn = before.alive != after.resource.alive
                || before.incarnation != after.resource.incarnation;
            applied.changed |= !changed.is_empty() || reborn;
            if changed.is_empty() && !reborn && !touched.remote && touched.past.is_none() {
                continue;
            }
            applied.transitions.push(Transition {
                key,
                kind: touched.kind,
                id: touched.id,
                before: touched.before,
                after,
                changed,
                remote: touched.remote,
                past: touched.past,
            });
        }
        applied
    }
}

/// Whether assumptions could make another value of it.
fn is_doubtful(value: &Value) -> bool {
    matches!(value, Value::Unknown | Value::Ports(_, false) | Value::List(_, false))
}

fn derived_differences(before: &[(FacetId, Value)], after: &[(FacetId, Value)]) -> Vec<FacetId> {
    fn value(list: &[(FacetId, Value)], id: FacetId) -> Option<&Value> {
        list.iter().find(|(facet, _)| *facet == id).map(|(_, value)| value)
    }
    let mut ids: Vec<FacetId> = before.iter().chain(after).map(|(id, _)| *id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.retain(|id| value(before, *id) != value(after, *id));
    ids
}
