//! Other content in the place of the old, swapped whole between two events.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::content::Content;
use crate::model::{Limits, Provider, Translation};
use crate::state::{Frame, Graph, KnownResources, known_resources};

use super::{Core, Engine, Sink};

impl Engine {
    /// Takes up other content. What was seen stays; findings of detectors that are no more are
    /// withdrawn at once. What new or changed detectors see is told as time passes: a slice of each
    /// account's resources is looked at again with each event of it, and with each tick.
    pub fn adopt(&mut self, content: Arc<Content>, sink: &mut dyn Sink) {
        self.core.adopt(content, sink);
    }

    /// Whether resources wait to be looked at again: after other content, or after a change that
    /// reached too many.
    #[must_use]
    pub fn has_backlog(&self) -> bool {
        self.core.accounts.values().any(|account| account.state.has_backlog())
    }
}

impl Core {
    fn adopt(&mut self, content: Arc<Content>, sink: &mut dyn Sink) {
        // Where a journal is kept, what is told has to be kept with what it changed: it is told as
        // time passes.
        if !self.keeps {
            self.tell_all_summaries(sink);
            self.withdraw(&content, sink);
        }
        self.graph = Graph::of(&content);
        self.known = known(&content, &self.setup.limits);
        self.reached.clear();
        let old = std::mem::replace(&mut self.content, content);
        let (limits, ledger) = (&self.setup.limits, &self.ledger);
        let (content, graph) = (&self.content, &self.graph);
        let frame = Frame { content, graph, limits, trace: None, ledger };
        let translation = Translation::between(&old.schema, &content.schema);
        for (cell, account) in &mut self.accounts {
            let known = self.known.get(&cell.provider).cloned().unwrap_or_default();
            let names = self.keeps.then(|| account.part_names());
            account.carry_over(&translation, known, frame, &self.scratch);
            if let Some(names) = names {
                account.rewrite(names);
                account.start_journal();
                account.state.strangers = true;
            }
        }
        self.scratch.reset();
    }

    /// Tells the end of what only detectors see that `new` does not have, in the old one's words.
    fn withdraw(&mut self, new: &Content, sink: &mut dyn Sink) {
        let content = Arc::clone(&self.content);
        let (limits, ledger, graph) = (&self.setup.limits, &self.ledger, &self.graph);
        let frame = Frame { content: &content, graph, limits, trace: None, ledger };
        let mut withdrawn = Vec::new();
        for account in self.accounts.values_mut() {
            let now = account.state.watermark;
            let told = account.withdraw(new, frame, &self.scratch);
            withdrawn.extend(told.into_iter().map(|told| (told, now)));
        }
        for (told, now) in withdrawn {
            self.tell(told, now, sink);
        }
    }
}

/// Each provider's resources that are known without any event.
pub(super) fn known(
    content: &Content,
    limits: &Limits,
) -> FxHashMap<Provider, Arc<KnownResources>> {
    let of = |provider| (provider, Arc::new(known_resources(content, provider, limits)));
    Provider::ALL.into_iter().map(of).collect()
}
