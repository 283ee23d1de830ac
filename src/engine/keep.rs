//! A pipeline whose state is kept elsewhere too: what a batch touched, taken back or kept; and
//! the state taken up again.
//!
//! **Invariant:** between [`Engine::keep`] or [`Engine::take_back`] and the next change, what is
//! here is what was visited and kept; taking up all that was ever kept gives the same pipeline.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::content::Content;
use crate::detect::Known;
use crate::model::{Cell, Digest, Finding, Schema, Translation};
use crate::state::journal::Bytes;
use crate::state::{Frame, Graph, KnownResources, Part};

use super::account::Account;
use super::{Core, Engine, Setup};
use crate::tenant::Registry;

/// A part of an account, for whoever keeps it.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'k> {
    /// Whose.
    pub cell: &'k Cell,
    /// Which.
    pub part: &'k Part,
    /// Its bytes; `None` where it is no more.
    pub bytes: Option<&'k [u8]>,
}

/// Parts that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{count} parts of {cell} can't be read, {first:?} the first of them")]
pub struct Strange {
    /// Whose.
    pub cell: Cell,
    /// How many.
    pub count: usize,
    /// The first.
    pub first: Part,
}

impl Engine {
    /// A pipeline that keeps journals: it remembers nothing yet.
    #[must_use]
    pub fn keeping(content: Arc<Content>, registry: Arc<Registry>, setup: Setup) -> Self {
        let mut engine = Self::new(content, registry, setup);
        engine.core.keeps = true;
        engine
    }

    /// Visits every part that was touched since the last commit, account by account.
    pub fn each_touched(&self, visit: &mut dyn FnMut(Kept<'_>)) {
        let core = &self.core;
        for cell in &core.touched {
            if let Some(account) = core.accounts.get(cell) {
                account.each_touched(&mut |part, bytes| visit(Kept { cell, part: &part, bytes }));
            }
        }
    }

    /// Visits the findings that are others since the last commit, as they now stand; those that
    /// stand no more by their uid alone.
    pub fn each_changed_finding(&self, visit: &mut dyn FnMut(Digest, Option<&Finding>)) {
        for cell in &self.core.touched {
            if let Some(account) = self.core.accounts.get(cell) {
                account.findings.each_changed(cell, visit);
            }
        }
    }

    /// Whether anything was touched since the last commit.
    #[must_use]
    pub fn is_touched(&self) -> bool {
        !self.core.touched.is_empty()
    }

    /// What was touched is kept elsewhere now.
    pub fn keep(&mut self) {
        let core = &mut self.core;
        for cell in std::mem::take(&mut core.touched) {
            if let Some(account) = core.accounts.get_mut(&cell) {
                account.take_journal();
                account.rewritten();
            }
        }
    }

    /// What was touched is as it was at the last commit.
    pub fn take_back(&mut self) {
        let Core { content, graph, setup, ledger, known, accounts, touched, .. } = &mut self.core;
        let limits = &setup.limits;
        let frame = Frame { content, graph, limits, trace: None, ledger };
        for cell in std::mem::take(touched) {
            let Some(mut account) = accounts.remove(&cell) else { continue };
            let known = known.get(&cell.provider).cloned().unwrap_or_default();
            if let Some(account) = account.as_it_was(known, frame) {
                accounts.insert(cell, account);
            }
        }
        // What ran out is told when it runs out again.
        drop(ledger.take());
    }

    /// Takes up an account from all its parts, which were kept under the numbers of `schema`; where
    /// that is not this content's, everything is carried over, written anew with the next commit,
    /// and looked at again.
    ///
    /// # Errors
    /// Where parts can't be read: the account is not taken up.
    pub fn take_up(
        &mut self,
        cell: Cell,
        parts: BTreeMap<Part, Bytes>,
        schema: Option<&Schema>,
    ) -> Result<(), Strange> {
        let core = &mut self.core;
        let known = core.known.get(&cell.provider).cloned().unwrap_or_default();
        let limits = &core.setup.limits;
        let old;
        let (content, graph) = match schema {
            Some(schema) => {
                let content = Content::of_schema(schema.clone());
                let graph = Graph::of(&content);
                old = (content, graph);
                (&old.0, &old.1)
            }
            None => (&*core.content, &core.graph),
        };
        let frame = Frame { content, graph, limits, trace: None, ledger: &core.ledger };
        let mut account = Account::new(cell.clone(), known.clone(), false);
        // Only what is carried over is written anew under its old names.
        let names: Option<Vec<Part>> = schema.map(|_| parts.keys().cloned().collect());
        let strange = account.lay(parts, frame);
        if let Some(first) = strange.first() {
            return Err(Strange { cell, count: strange.len(), first: first.clone() });
        }
        if let (Some(schema), Some(names)) = (schema, names) {
            let translation = Translation::between(schema, &core.content.schema);
            let (content, graph) = (&core.content, &core.graph);
            let frame = Frame { content, graph, limits, trace: None, ledger: &core.ledger };
            account.carry_over(&translation, known, frame, &core.scratch);
            account.rewrite(names);
        }
        if core.keeps {
            account.start_journal();
        }
        core.accounts.insert(cell, account);
        core.scratch.reset();
        Ok(())
    }
}

impl Account {
    /// Keeps journals from now on.
    pub(super) fn start_journal(&mut self) {
        self.state.start_journal();
        self.findings.start_journal();
        self.discoveries.journal.start();
    }

    fn take_journal(&mut self) -> Vec<(Part, Option<Bytes>)> {
        let mut all = self.state.take_journal();
        all.extend(self.findings.take_journal());
        let gathered = self.discoveries.journal.take().into_iter();
        all.extend(gathered.map(|(detector, was)| (Part::Discovery(detector), was)));
        all
    }

    fn each_part(&self, visit: &mut dyn FnMut(Part, &[u8])) {
        self.state.each_part(visit);
        self.findings.each_part(visit);
        for detector in self.discoveries.detectors() {
            let bytes = self.discoveries.at_rest(detector).unwrap_or_default();
            visit(Part::Discovery(Arc::clone(detector)), &bytes);
        }
    }

    fn each_touched(&self, visit: &mut dyn FnMut(Part, Option<&[u8]>)) {
        if let Some(stale) = &self.stale {
            let mut gone: BTreeSet<&Part> = stale.iter().collect();
            self.each_part(&mut |part, bytes| {
                gone.remove(&part);
                visit(part, Some(bytes));
            });
            for part in gone {
                visit(part.clone(), None);
            }
            return;
        }
        self.state.each_touched(visit);
        self.findings.each_touched(visit);
        for detector in self.discoveries.journal.touched() {
            let bytes = self.discoveries.at_rest(detector);
            visit(Part::Discovery(Arc::clone(detector)), bytes.as_deref());
        }
    }

    /// The names of all its parts.
    pub(super) fn part_names(&self) -> Vec<Part> {
        // What is to be replaced already still is.
        let mut names = self.stale.clone().unwrap_or_default();
        self.each_part(&mut |part, _| names.push(part));
        names
    }

    /// Has everything written anew, in the place of what is kept under these names.
    pub(super) fn rewrite(&mut self, names: Vec<Part>) {
        self.stale = Some(names);
    }

    fn rewritten(&mut self) {
        self.stale = None;
    }

    /// The account before it was touched; `None` where it was not there.
    fn as_it_was(&mut self, known: Arc<KnownResources>, frame: Frame<'_>) -> Option<Self> {
        let mut parts = BTreeMap::new();
        self.each_part(&mut |part, bytes| {
            parts.insert(part, Bytes::from(bytes));
        });
        for (part, was) in self.take_journal() {
            match was {
                Some(bytes) => parts.insert(part, bytes),
                None => parts.remove(&part),
            };
        }
        if parts.is_empty() {
            return None;
        }
        let mut account = Self::new(self.state.cell().clone(), known, false);
        let strange = account.lay(parts, frame);
        debug_assert!(strange.is_empty(), "what was written here is read here");
        account.stale.clone_from(&self.stale);
        account.start_journal();
        Some(account)
    }

    /// Takes up all parts; gives back those that can't be read.
    fn lay(&mut self, parts: BTreeMap<Part, Bytes>, frame: Frame<'_>) -> Vec<Part> {
        let (mut strange, mut known) = (Vec::new(), Known::default());
        let mut of_state = Vec::with_capacity(parts.len());
        for (part, bytes) in parts {
            let read = match &part {
                Part::Findings(_) | Part::Ring(_) | Part::Told(_) | Part::WindowTimer(_) => {
                    self.findings.lay(&part, &bytes, &mut known)
                }
                Part::Discovery(detector) => self.discoveries.lay(Arc::clone(detector), &bytes),
                _ => {
                    of_state.push((part, bytes));
                    continue;
                }
            };
            if !read {
                strange.push(part);
            }
        }
        strange.extend(self.state.lay(of_state, frame));
        strange
    }
}
