//! What one change touches: the resources worked on, what of them is different, and their past.

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::content::Content;
use crate::model::{Cause, FacetId, KindId, Limits, Source};

use super::Key;
use super::cell::{Applied, KnownResource, KnownResources, Past};
use super::fold::fold;
use super::row::{Derived, Resource, Row, Said, View};
use super::sealed::Sealed;

/// A resource being worked on within one change.
pub(super) struct Touched {
    pub(super) kind: KindId,
    pub(super) id: Arc<str>,
    pub(super) before: Arc<View>,
    pub(super) past: Option<Past>,
    pub(super) remote: bool,
}

/// The work of one change.
#[derive(Default)]
pub(super) struct Work {
    pub(super) order: Vec<Key>,
    pub(super) touched: FxHashMap<Key, Touched>,
    /// Facets that are different, to be followed to those who read them.
    pub(super) facets: VecDeque<(Key, KindId, FacetId)>,
    /// Names new to the index: orphans may belong to them.
    pub(super) names: Vec<Key>,
    pub(super) applied: Applied,
}

impl Work {
    /// Notes that a resource is worked on; only the first view of it is what it was before.
    pub(super) fn note(
        &mut self,
        key: Key,
        kind: KindId,
        id: Arc<str>,
        before: Arc<View>,
        past: Option<Past>,
    ) {
        if let Some(touched) = self.touched.get_mut(&key) {
            touched.past = touched.past.take().or(past);
            return;
        }
        self.order.push(key);
        self.touched.insert(key, Touched { kind, id, before, past, remote: false });
    }
}

/// Said facets that differ between two folds, in id order.
pub(super) fn differences(before: &Resource, after: &Resource) -> Vec<FacetId> {
    let mut ids: Vec<FacetId> =
        before.facets.iter().chain(&after.facets).map(|(id, _)| *id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.retain(|id| !same_content(before, after, *id));
    ids
}

/// Whether a facet says the same in both: stamps aside, identical content is no change.
fn same_content(before: &Resource, after: &Resource, id: FacetId) -> bool {
    use super::row::{FacetBody, Life};
    match (before.facet(id), after.facet(id)) {
        (None, None) => true,
        (Some(left), Some(right)) => {
            left.knowledge == right.knowledge
                && left.shaky == right.shaky
                && match (&left.body, &right.body) {
                    (FacetBody::Register(left), FacetBody::Register(right)) => left == right,
                    (FacetBody::Set(left), FacetBody::Set(right)) => {
                        let live = |e: &&super::row::ElementState| e.life == Life::Live;
                        let (left, right) = (left.iter().filter(live), right.iter().filter(live));
                        left.map(|e| (&e.value, e.contested))
                            .eq(right.map(|e| (&e.value, e.contested)))
                    }
                    _ => false,
                }
        }
        _ => false,
    }
}

/// The states from just before a late event up to the present.
pub(super) fn past(
    row: &Row,
    place: usize,
    kind: &crate::model::Kind,
    limits: &Limits,
) -> Option<Past> {
    if place == usize::MAX || place + 1 >= row.recent.len() {
        return None;
    }
    let view = |resource: Resource| {
        Arc::new(View { resource: Arc::new(resource), derived: Derived::default() })
    };
    let mut resource = row.prefix(place, kind, limits);
    let before = view(resource.clone());
    let mut then = Vec::with_capacity(row.recent.len() - place);
    for said in &row.recent[place..] {
        fold(&mut resource, said, kind, limits);
        then.push((said.cause.open(), view(resource.clone())));
    }
    Some(Past { before, then })
}

/// The read-only resources of a provider, by key.
#[must_use]
pub fn known_resources(
    content: &Content,
    provider: crate::model::Provider,
    limits: &Limits,
) -> KnownResources {
    let mut found = KnownResources::default();
    for known in content.known.iter().filter(|known| known.provider == provider) {
        let Some(id) = &known.write.target.id else { continue };
        let kind = known.write.target.kind;
        let said = Said {
            cause: Sealed::of(&Cause::nobody()),
            source: Source::Activity,
            settled: true,
            shaky: false,
            creates: true,
            edits: vec![known.write.edit.clone()],
        };
        let entry = found
            .entry(Key::of(kind, id))
            .or_insert_with(|| KnownResource { id: id.clone(), view: Arc::default() });
        let view = Arc::make_mut(&mut entry.view);
        fold(Arc::make_mut(&mut view.resource), &said, content.schema.kind(kind), limits);
    }
    found
}
