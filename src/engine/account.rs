//! One account's state and findings, and what an event or the passing of time does to them.

use std::sync::Arc;

use bumpalo::Bump;

use crate::content::Content;
use crate::detect::{CellFindings, Scene, Told, Why};
use crate::model::{
    Cause, Cell, Change, KindId, Limit, Operation, Outcome, Timestamp, Trace, Translation,
};
use crate::state::pending::{Paired, Taken};
use crate::state::{Applied, CellState, Frame, KnownResources, Part, Timer};

use super::discovery::Discoveries;

/// An account.
#[derive(Debug)]
pub struct Account {
    /// What its resources are.
    pub state: CellState,
    /// What is wrong with them.
    pub findings: CellFindings,
    /// What is gathered for summaries.
    pub discoveries: Discoveries,
    /// Where its parts stand that are kept elsewhere under other numbers: all is to be written anew.
    pub(super) stale: Option<Vec<Part>>,
}

/// What an event came to.
#[derive(Debug)]
pub struct Judged {
    /// Its fate.
    pub outcome: Outcome,
    /// Resources it spoke of.
    pub resources: Vec<(KindId, Arc<str>)>,
    /// Steps, in order.
    pub told: Vec<Told>,
}

impl Judged {
    fn silent(outcome: Outcome) -> Self {
        Self { outcome, resources: Vec::new(), told: Vec::new() }
    }
}

impl Account {
    /// An account nobody has spoken of. `keeps`: it keeps journals.
    pub fn new(cell: Cell, known: Arc<KnownResources>, keeps: bool) -> Self {
        let mut account = Self {
            state: CellState::new(cell, known),
            findings: CellFindings::default(),
            discoveries: Discoveries::default(),
            stale: None,
        };
        if keeps {
            account.start_journal();
        }
        account
    }

    /// Takes in a change that came at `arrived`: first whatever time was due before it, then the
    /// change itself.
    pub fn take(
        &mut self,
        change: Change,
        arrived: Timestamp,
        frame: Frame<'_>,
        arena: &Bump,
    ) -> Judged {
        self.state.note_head(frame.content.digest);
        if self.state.is_repeated(&change.cause.id, frame.limits) {
            return Judged::silent(Outcome::Duplicate);
        }
        let time = self.state.clock.hear(change.cause.time, arrived);
        let mut told = self.pass(time, frame, arena);
        let operation = change.operation.clone();
        let failed = change.failed;
        let cause = Arc::clone(&change.cause);
        let now = self.state.watermark;
        let Taken { paired, lost } = self.state.pending.take(change, now, frame.limits);
        if let Some(start) = lost {
            frame.ledger.full(Limit::Operations, self.state.cell());
            told.append(&mut self.apply(&start, None, true, frame, arena).told);
            self.state.rest();
        }
        let mut judged = match paired {
            Paired::Waits => {
                if let Operation::Start(id) = operation {
                    self.state.at(now.plus(frame.limits.pending), Timer::Operation(id));
                }
                Judged::silent(Outcome::Pending)
            }
            Paired::Known => Judged::silent(Outcome::Unchanged),
            Paired::Dropped(None) => Judged::silent(Outcome::Failed),
            Paired::Dropped(Some(start)) => self.take_back(&start, &cause, frame, arena),
            Paired::Apply(change, instead) => {
                self.apply(&change, instead.as_deref(), false, frame, arena)
            }
        };
        if failed {
            judged.outcome = Outcome::Failed;
        }
        self.state.rest();
        told.append(&mut judged.told);
        judged.told = told;
        judged
    }

    /// Withdraws the findings of detectors that `new` does not have.
    pub fn withdraw(&mut self, new: &Content, frame: Frame<'_>, arena: &Bump) -> Vec<Told> {
        let cause = Arc::new(Cause { time: self.state.watermark, ..Cause::nobody() });
        let scene = Scene { frame, state: &self.state, arena, cause: &cause, why: Why::Event };
        self.findings.withdraw(new, &scene)
    }

    /// Takes up the content of `frame`, to whose ids `translation` leads.
    pub fn carry_over(
        &mut self,
        translation: &Translation<'_>,
        known: Arc<KnownResources>,
        frame: Frame<'_>,
        arena: &Bump,
    ) {
        let moves = self.state.carry_over(translation, known, frame);
        let cause = Arc::new(Cause { time: self.state.watermark, ..Cause::nobody() });
        let scene = Scene { frame, state: &self.state, arena, cause: &cause, why: Why::Event };
        self.findings.carry_over(&moves, translation, frame.content, &scene);
        self.discoveries.carry_over(translation);
    }

    /// Applies a change in the place of what `instead` had said; `shaky`: without being sure.
    fn apply(
        &mut self,
        change: &Change,
        instead: Option<&Change>,
        shaky: bool,
        frame: Frame<'_>,
        arena: &Bump,
    ) -> Judged {
        let applied = if change.failed {
            Applied::default()
        } else {
            self.state.apply(change, instead, shaky, frame, arena)
        };
        if let Some(trace) = frame.trace
            && (applied.orphaned > 0 || applied.refused > 0 || applied.crowded > 0)
        {
            let Applied { orphaned, refused, crowded, .. } = applied;
            trace.tell(&Trace::Unplaced { orphaned, refused, crowded });
        }
        let why = instead.map_or(Why::Event, |before| Why::TakenBack(&before.cause));
        let scene = Scene { frame, state: &self.state, arena, cause: &change.cause, why };
        let mut told = self.findings.inspect(&applied.transitions, &scene);
        told.extend(self.findings.deeds(&change.acts, &scene));
        let outcome = if change.blind {
            Outcome::Blind
        } else if applied.changed {
            Outcome::Applied
        } else {
            Outcome::Unchanged
        };
        Judged { outcome, resources: applied.touched, told }
    }

    /// Takes back what a start had said, because its end, `cause`, shows that it failed.
    fn take_back(
        &mut self,
        start: &Change,
        cause: &Arc<Cause>,
        frame: Frame<'_>,
        arena: &Bump,
    ) -> Judged {
        let applied = self.state.take_back(start, frame, arena);
        let why = Why::TakenBack(&start.cause);
        let scene = Scene { frame, state: &self.state, arena, cause, why };
        let mut told = self.findings.inspect(&applied.transitions, &scene);
        told.extend(self.findings.take_back_deeds(&start.acts, &start.cause.id, &scene));
        Judged { outcome: Outcome::Failed, resources: applied.touched, told }
    }

    /// Lets time pass up to `now`, timer by timer.
    pub fn pass(&mut self, now: Timestamp, frame: Frame<'_>, arena: &Bump) -> Vec<Told> {
        self.state.note_head(frame.content.digest);
        let mut told = Vec::new();
        if std::mem::take(&mut self.state.strangers) {
            told.extend(self.withdraw(frame.content, frame, arena));
        }
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
            self.state.rest();
        }
        self.state.watermark = self.state.watermark.max(now);
        self.state.pending.forget(self.state.watermark, frame.limits);
        if self.state.has_backlog() {
            let applied = self.state.catch_up(frame, arena);
            let cause = Arc::new(Cause { time: now, ..Cause::nobody() });
            told.extend(self.inspect(&applied, &cause, Why::Event, frame, arena));
            self.state.rest();
        }
        told
    }

    /// Whether the passing of time up to `now` brings anything about.
    pub fn is_due(&self, now: Timestamp) -> bool {
        let next =
            [self.state.next_due(), self.findings.windows.next_due(), self.discoveries.next_due()];
        self.state.strangers
            || self.state.has_backlog()
            || next.into_iter().flatten().any(|due| due <= now)
    }

    fn window(&mut self, due: Timestamp, frame: Frame<'_>, arena: &Bump) -> Vec<Told> {
        let Some((at, timer)) = self.findings.windows.due(due) else { return Vec::new() };
        let cause = Arc::new(Cause { time: at, ..Cause::nobody() });
        let scene = Scene { frame, state: &self.state, arena, cause: &cause, why: Why::Event };
        self.findings.window_due(at, &timer, &scene)
    }

    fn timer(&mut self, timer: &Timer, frame: Frame<'_>, arena: &Bump) -> Vec<Told> {
        match timer {
            Timer::Forget(key) => {
                self.state.forget(*key, frame);
                Vec::new()
            }
            Timer::Settle(key, event) => {
                let Some(cause) = self.state.cause_of(*key, event, frame) else {
                    return Vec::new();
                };
                let applied = self.state.settle(*key, event, frame, arena);
                self.inspect(&applied, &cause, Why::Settled, frame, arena)
            }
            Timer::Operation(id) => match self.state.pending.give_up(id) {
                Some((start, before)) => {
                    self.apply(&start, before.as_ref(), true, frame, arena).told
                }
                None => Vec::new(),
            },
        }
    }

    fn inspect(
        &mut self,
        applied: &Applied,
        cause: &Arc<Cause>,
        why: Why<'_>,
        frame: Frame<'_>,
        arena: &Bump,
    ) -> Vec<Told> {
        let scene = Scene { frame, state: &self.state, arena, cause, why };
        self.findings.inspect(&applied.transitions, &scene)
    }
}
