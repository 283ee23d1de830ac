//! One account's state carried over to new content: rows, indexes and timers under the new ids.
//!
//! What a row says stays; what follows from it, and who reads whom, is made anew, a slice at a
//! time, see [`CellState::catch_up`].

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::model::{Edit, FacetId, Kind, KindId, Translation, Value};

use super::Key;
use super::cell::{CellState, Frame, KnownResources, Timer};
use super::fold::fold;
use super::row::{Derived, FacetBody, FacetState, Knowledge, Resource, Row, Said};
use super::store::Store;
use super::work::Work;

/// Where resources are filed now, by where they were filed.
pub type Moves = FxHashMap<Key, Key>;

impl CellState {
    /// Takes up what `frame` says; its ids are those that `translation` leads to. Every resource is
    /// to be looked at again. Resources of kinds that are no more are forgotten.
    pub fn carry_over(
        &mut self,
        translation: &Translation<'_>,
        known: Arc<KnownResources>,
        frame: Frame<'_>,
    ) -> Moves {
        self.known = known;
        let mut moves = Moves::default();
        let mut rows: Vec<(Key, Row)> = Vec::with_capacity(self.len());
        self.each_row(&mut |row| {
            let old = Key::of(row.kind, &row.id);
            let Some(row) = carried(row, translation, frame) else { return };
            let new = Key::of(row.kind, &row.id);
            moves.insert(old, new);
            rows.push((new, row));
        });
        self.store = Store::default();
        self.members.clear();
        let old = std::mem::take(&mut self.index);
        if translation.is_identity() {
            self.index = old.remembered();
        }
        self.anew = rows.iter().map(|(key, _)| *key).collect();
        self.backlog.clear();
        for (_, row) in &rows {
            self.store.file(row);
        }
        let mut work = Work::default();
        for (key, row) in rows {
            self.file(key, &row, frame, &mut work);
        }
        self.rest();
        let orphans = std::mem::take(&mut self.orphans);
        self.orphans = orphans.into_iter().filter_map(|o| o.carried(translation)).collect();
        self.pending.carry_over(translation);
        self.timers.retain(|_, timer| match timer {
            Timer::Settle(key, _) | Timer::Forget(key) => match moves.get(key) {
                Some(to) => {
                    *key = *to;
                    true
                }
                None => false,
            },
            Timer::Operation(_) => true,
        });
        moves
    }

    /// Enters a row into the indexes.
    pub(super) fn file(&mut self, key: Key, row: &Row, frame: Frame<'_>, work: &mut Work) {
        let declared = frame.content.schema.kind(row.kind);
        self.index.note_resource(row.kind, &row.base, frame.graph);
        for said in &row.recent {
            self.index.note(row.kind, said, frame.graph);
        }
        // Each state the row went through leaves its names.
        let mut resource = row.base.clone();
        self.index.name(key, row.kind, &resource, frame);
        for said in &row.recent {
            fold(&mut resource, said, declared, frame.limits);
            self.index.name(key, row.kind, &resource, frame);
        }
        let mut mirrored = Vec::new();
        let nothing = Resource::default();
        self.index.update(key, row.kind, &nothing, &resource, frame.graph, &mut mirrored);
        for one in mirrored {
            self.mirror(row.kind, &one, frame, work);
        }
        if frame.graph.has_singleton_readers(row.kind) {
            let members = self.members.entry(row.kind).or_default();
            if let Err(place) = members.binary_search(&key) {
                members.insert(place, key);
            }
        }
    }
}

/// The row under the new ids, nothing derived; `None` where its kind is no more.
fn carried(row: Row, translation: &Translation<'_>, frame: Frame<'_>) -> Option<Row> {
    let kind = translation.kind(row.kind)?;
    let declared = frame.content.schema.kind(kind);
    let recent = row.recent.into_iter().map(|said| said.carried(row.kind, translation));
    Some(Row {
        kind,
        id: row.id,
        base: resource(row.base, row.kind, declared, translation),
        horizon: row.horizon,
        recent: recent.collect(),
        derived: Derived::default(),
    })
}

impl Said {
    /// The same under the new ids.
    pub(super) fn carried(self, kind: KindId, translation: &Translation<'_>) -> Self {
        let edits: Vec<Edit> =
            self.edits.into_iter().map(|edit| translation.edit(kind, edit)).collect();
        Self { edits, ..self }
    }
}

fn resource(
    resource: Resource,
    kind: KindId,
    declared: &Kind,
    translation: &Translation<'_>,
) -> Resource {
    let mut facets: Vec<(FacetId, FacetState)> = resource
        .facets
        .into_iter()
        .filter_map(|(facet, state)| {
            let moved = translation.facet(kind, facet)?;
            let is_set = declared.facets[usize::from(moved.to.0)].is_set;
            let state =
                if moved.fits { carried_state(state, translation) } else { lost(&state, is_set) };
            Some((moved.to, state))
        })
        .collect();
    facets.sort_by_key(|(facet, _)| *facet);
    Resource { facets, ..resource }
}

fn carried_state(state: FacetState, translation: &Translation<'_>) -> FacetState {
    let body = match state.body {
        FacetBody::Register(value) => FacetBody::Register(translation.value(value)),
        FacetBody::Set(mut elements) => {
            for element in &mut elements {
                element.value = translation.value(std::mem::take(&mut element.value));
            }
            FacetBody::Set(elements)
        }
    };
    FacetState { body, ..state }
}

/// A facet whose type is another now: that it was said is all that is left.
fn lost(state: &FacetState, is_set: bool) -> FacetState {
    let body = if is_set { FacetBody::Set(Vec::new()) } else { FacetBody::Register(Value::Unsaid) };
    let FacetState { stamp, shaky, .. } = *state;
    FacetState { stamp, knowledge: Knowledge::Unknown, shaky, body }
}
