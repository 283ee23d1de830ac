//! A change's writes and the resources they speak of: named, found by what they have, or waited for.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::model::{Change, KindId, Limit, Source, Write};

use super::Key;
use super::cell::{CellState, Frame, Orphan};
use super::row::Said;
use super::sealed::Sealed;
use super::store::Held;
use super::work::{Work, past};

impl CellState {
    /// The change's writes by resource, in order; those without a resource become orphans.
    pub(super) fn targets(
        &mut self,
        change: &Change,
        shaky: bool,
        frame: Frame<'_>,
        work: &mut Work,
    ) -> Vec<(Key, KindId, Arc<str>, Said)> {
        let mut all: Vec<(Key, KindId, Arc<str>, Said)> = Vec::new();
        let cause = Sealed::of(&change.cause);
        for write in &change.writes {
            let said = || Said {
                cause: cause.clone(),
                source: change.source,
                settled: false,
                shaky,
                creates: write.creates,
                edits: vec![write.edit.clone()],
            };
            let found = self.found(write, frame);
            if found.is_empty() {
                self.wait(write, said(), frame, work);
            }
            for (key, id) in found {
                match all.iter_mut().find(|(known, ..)| *known == key) {
                    Some((.., known)) => {
                        known.creates |= write.creates;
                        known.edits.push(write.edit.clone());
                    }
                    None => all.push((key, write.target.kind, id, said())),
                }
            }
        }
        all
    }

    /// Keeps what was said of a resource that nobody knows yet by what it has.
    fn wait(&mut self, write: &Write, said: Said, frame: Frame<'_>, work: &mut Work) {
        let Some((facet, name)) = &write.target.lookup else { return };
        let called = (write.target.kind, *facet, Arc::clone(name));
        let same =
            |orphan: &Orphan| orphan.called == called && orphan.said.cause.id == said.cause.id;
        if !self.orphans.iter().any(same) {
            self.note_orphans();
            self.orphans.push_back(Orphan { called, said });
            work.applied.orphaned += 1;
        }
        if self.orphans.len() > frame.limits.orphans {
            self.orphans.pop_front();
            frame.ledger.full(Limit::Orphans, self.cell());
        }
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
        let id = |key| self.id_of(key, frame.content, frame.limits);
        keys.into_iter().filter_map(|key| Some((key, id(key)?))).collect()
    }

    /// Gives orphans to the resources their names turned out to belong to. What `event` said may
    /// have been undone by them long ago: its resources are looked back on from there.
    pub(super) fn adopt(&mut self, event: &str, frame: Frame<'_>, work: &mut Work) {
        while let Some(name) = work.names.pop() {
            if !self.orphans.iter().any(|orphan| orphan.name() == name) {
                continue;
            }
            self.note_orphans();
            let (mine, others) = self.orphans.drain(..).partition(|orphan| orphan.name() == name);
            self.orphans = others;
            let owners: Vec<Key> = self.index.owners(name).to_vec();
            let mine: VecDeque<Orphan> = mine;
            for Orphan { said, .. } in mine {
                for &key in &owners {
                    let Some((kind, id)) = self.named(key, frame) else { continue };
                    self.say(key, kind, id, said.clone(), frame, work);
                    self.look_back_from(key, event, frame, work);
                }
            }
        }
    }

    fn look_back_from(&self, key: Key, event: &str, frame: Frame<'_>, work: &mut Work) {
        let Some(touched) = work.touched.get_mut(&key) else { return };
        let from = |said: &Said| &*said.cause.id == event && said.source == Source::Activity;
        let declared = frame.content.schema.kind(touched.kind);
        let looked = |held: &Held| {
            let place = held.row.recent.iter().position(from)?;
            Some(past(&held.row, place, declared, frame.limits))
        };
        let found = self.store.look(key, &frame.content.schema, frame.limits, looked).flatten();
        if let Some(past) = found {
            touched.past = past;
        }
    }

    /// The kind and id of a row.
    pub(super) fn named(&self, key: Key, frame: Frame<'_>) -> Option<(KindId, Arc<str>)> {
        let name = |held: &Held| (held.row.kind, Arc::clone(&held.row.id));
        self.store.look(key, &frame.content.schema, frame.limits, name)
    }
}
