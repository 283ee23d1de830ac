//! The passing of time: of events' time for all accounts, or of the world's for each its own.

use std::sync::Arc;

use crate::model::Timestamp;
use crate::state::Frame;

use super::account::Account;
use super::{Engine, Sink};

impl Engine {
    /// Lets time pass up to `now` for every account for which something is due.
    pub fn tick(&mut self, now: Timestamp, sink: &mut dyn Sink) {
        self.let_pass(&|_| now, sink);
    }

    /// Lets each account's own time go on, where every change that came up to `reached`, by the world's
    /// clock, is taken in.
    pub fn pass(&mut self, reached: Timestamp, sink: &mut dyn Sink) {
        self.let_pass(&|account| account.state.clock.at(reached), sink);
    }

    fn let_pass(&mut self, time: &dyn Fn(&Account) -> Timestamp, sink: &mut dyn Sink) {
        let core = &mut self.core;
        let content = Arc::clone(&core.content);
        let limits = &core.setup.limits;
        let (graph, ledger) = (&core.graph, &core.ledger);
        let frame = Frame { content: &content, graph, limits, trace: None, ledger };
        let mut steps = Vec::new();
        let mut due = Vec::new();
        for (cell, account) in &mut core.accounts {
            let now = time(account).max(account.state.watermark);
            if account.is_due(now) {
                let told = account.pass(now, frame, &core.scratch);
                steps.extend(told.into_iter().map(|told| (told, now)));
                due.push((cell.clone(), now));
            }
        }
        core.scratch.reset();
        core.tell_limits(sink);
        for (told, now) in steps {
            core.tell(told, now, sink);
        }
        for (cell, now) in due {
            core.touch(&cell);
            core.tell_summaries(&cell, Some(now), sink);
        }
    }
}
