//! What an operation that failed after all had said, taken out again.
//!
//! What enters is the change that was applied without being sure; what leaves are the transitions
//! back. **Invariant:** rows and indexes are then as if it had never come.

use std::sync::Arc;

use bumpalo::Bump;

use crate::model::Change;

use super::Key;
use super::cell::{Applied, CellState, Frame, Moved};
use super::store::Held;
use super::work::Work;

impl CellState {
    /// Takes back what a change had said: it never came to be.
    pub fn take_back(&mut self, change: &Change, frame: Frame<'_>, arena: &Bump) -> Applied {
        let mut work = Work::default();
        self.unsay(change, frame, &mut work);
        self.finish(work, frame, arena)
    }

    /// Takes a change's words out of the rows they went to, and out of the orphans.
    pub(super) fn unsay(&mut self, change: &Change, frame: Frame<'_>, work: &mut Work) {
        let event = &change.cause.id;
        if self.orphans.iter().any(|orphan| orphan.said.cause.id == *event) {
            self.note_orphans();
            self.orphans.retain(|orphan| orphan.said.cause.id != *event);
        }
        let found = change.writes.iter().flat_map(|write| self.found(write, frame));
        let mut keys: Vec<Key> = found.map(|(key, _)| key).collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let schema = &frame.content.schema;
            let held = self.store.look(key, schema, frame.limits, Held::clone);
            let Some(Held { row, view: before, .. }) = held.filter(|held| held.row.knows(event))
            else {
                continue;
            };
            let (kind, id) = (row.kind, Arc::clone(&row.id));
            work.applied.touched.push((kind, Arc::clone(&id)));
            for said in row.recent.iter().filter(|said| said.cause.id == *event) {
                self.index.unnote(kind, said, frame.graph);
            }
            self.touch(key, kind, id, frame, work, |row| {
                row.recent.retain(|said| said.cause.id != *event);
                Moved::Anew
            });
            let after = self.view(key, frame.content, frame.limits).unwrap_or_default();
            self.index.unname(key, kind, &before.resource, &after.resource, frame.graph);
        }
    }
}
