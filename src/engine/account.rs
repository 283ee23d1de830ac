//! One account's state and findings, and what an event or the passing of time does to them.

use std::sync::Arc;

use bumpalo::Bump;

use crate::detect::{CellFindings, Scene, Told};
use crate::model::{Cause, Change, Operation, Outcome, Timestamp, Trace};
use crate::state::pending::Paired;
use crate::state::{Applied, CellState, Frame, Timer};

/// An account.
#[derive(Debug)]
pub struct Account {
    /// What its resources are.
    pub state: CellState,
    /// What is wrong with them.
    pub findings: CellFindings,
}

/// What an event came to.
#[derive(Debug)]
pub struct Judged {
    /// Its fate.
    pub outcome: Outcome,
    /// Resources it spoke of, as `kind id`.
    pub resources: Vec<Arc<str>>,
    /// Steps, in order.
    pub told: Vec<Told>,
}

impl Judged {
    fn silent(outcome: Outcome) -> Self {
        Self { outcome, resources: Vec::new(), told: Vec::new() }
    }
}

impl Account {
    /// Takes in a change: first whatever time was due before it, then the change itself.
    pub fn take(&mut self, change: Change, frame: Frame<'_>, arena: &Bump) -> Judged {
        if self.state.is_repeated(&change.cause.id, frame.limits) {
            return Judged::silent(Outcome::Duplicate);
        }
        let mut told = self.pass(change.cause.time, frame, arena);
        let started = match &change.operation {
            Operation::Start(id) => Some(Arc::clone(id)),
            Operation::End(_) | Operation::Single => None,
        };
        let failed = change.failed;
        let mut judged = match self.state.pending.take(change) {
            Paired::Waits => {
                if let Some(id) = started {
                    let due = self.state.watermark.plus(frame.limits.pending);
                    self.state.at(due, Timer::Operation(id));
                }
                Judged::silent(Outcome::Pending)
            }
            Paired::Dropped => Judged::silent(Outcome::Failed),
            Paired::Apply(change) => self.apply(&change, started.is_some(), false, frame, arena),
        };
        if failed {
            judged.outcome = Outcome::Failed;
        }
        told.append(&mut judged.told);
        judged.told = told;
        judged
    }

    fn apply(
        &mut self,
        change: &Change,
        again: bool,
        shaky: bool,
        frame: Frame<'_>,
        arena: &Bump,
    ) -> Judged {
        let applied = if change.failed {
            Applied::default()
        } else {
            self.state.apply(change, again, shaky, frame, arena)
        };
        if let Some(trace) = frame.trace
            && (applied.orphaned > 0 || applied.refused > 0)
        {
            let Applied { orphaned, refused, .. } = applied;
            trace.tell(&Trace::Unplaced { orphaned, refused });
        }
        let scene =
            Scene { frame, state: &self.state, arena, cause: &change.cause, settled: false };
        let mut told = self.findings.inspect(&applied.transitions, &scene);
        told.extend(self.findings.deeds(&change.acts, &scene));
        let outcome = if change.blind {
            Outcome::Blind
        } else if applied.changed {
            Outcome::Applied
        } else {
            Outcome::Unchanged
        };
        let resources = applied
            .touched
            .iter()
            .map(|(kind, id)| format!("{} {id}", frame.content.schema.kind(*kind).name).into())
            .collect();
        Judged { outcome, resources, told }
    }

    /// Lets time pass up to `now`, timer by timer.
    pub fn pass(&mut self, now: Timestamp, frame: Frame<'_>, arena: &Bump) -> Vec<Told> {
        let mut told = Vec::new();
        loop {
            let next = [self.state.next_due(), self.findings.windows.next_due()]
                .into_iter()
                .flatten()
                .min();
            let Some(due) = next.filter(|due| *due <= now) else { break };
            self.state.watermark = self.state.watermark.max(due);
            if self.findings.windows.next_due() == Some(due) {
                told.extend(self.window(due, frame, arena));
            } else if let Some((_, timer)) = self.state.due(due) {
                told.extend(self.timer(&timer, frame, arena));
            }
        }
        self.state.watermark = self.state.watermark.max(now);
        if self.state.has_backlog() {
            let applied = self.state.catch_up(frame, arena);
            let cause = Arc::new(Cause { time: now, ..Cause::nobody() });
            told.extend(self.inspect(&applied, &cause, false, frame, arena));
        }
        told
    }

    fn window(&mut self, due: Timestamp, frame: Frame<'_>, arena: &Bump) -> Vec<Told> {
        let Some((at, timer)) = self.findings.windows.due(due) else { return Vec::new() };
        let cause = Arc::new(Cause { time: at, ..Cause::nobody() });
        let scene = Scene { frame, state: &self.state, arena, cause: &cause, settled: false };
        self.findings.window_due(at, &timer, &scene)
    }

    fn timer(&mut self, timer: &Timer, frame: Frame<'_>, arena: &Bump) -> Vec<Told> {
        match timer {
            Timer::Forget(key) => {
                self.state.forget(*key, frame);
                Vec::new()
            }
            Timer::Settle(key, event) => {
                let Some(cause) = self.state.cause_of(*key, event) else { return Vec::new() };
                let applied = self.state.settle(*key, event, frame, arena);
                self.inspect(&applied, &cause, true, frame, arena)
            }
            Timer::Operation(id) => match self.state.pending.give_up(id) {
                Some(start) => self.apply(&start, false, true, frame, arena).told,
                None => Vec::new(),
            },
        }
    }

    fn inspect(
        &mut self,
        applied: &Applied,
        cause: &Arc<Cause>,
        settled: bool,
        frame: Frame<'_>,
        arena: &Bump,
    ) -> Vec<Told> {
        let scene = Scene { frame, state: &self.state, arena, cause, settled };
        self.findings.inspect(&applied.transitions, &scene)
    }
}
