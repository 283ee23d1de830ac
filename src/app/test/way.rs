//! Why a test failed: its events are fed once more, now watched; what each came to leaves, with
//! the values that the detector's expression, or the mapping, saw.

use std::fmt::Write as _;

use crate::alert::text::Paint;
use crate::app::explain::steps::{Form, Steps};
use crate::content::cases::{Case, Subject};
use crate::content::{Content, Detector, wire};
use crate::engine::{EventOutcome, Sink};
use crate::model::trace::{Trace, Tracer};
use crate::model::{FindingChange, Timestamp};

use super::bench::{Bench, Next, record};

/// Hears only what a test of this subject is about.
struct Ear<'s> {
    steps: Steps<'s>,
    subject: &'s Subject,
}

impl Tracer for Ear<'_> {
    fn tell(&self, step: &Trace<'_>) {
        let wanted = match self.subject {
            Subject::Detector(_) => matches!(
                step,
                Trace::Judged { .. }
                    | Trace::Deed { .. }
                    | Trace::Heard { .. }
                    | Trace::Blind { .. }
            ),
            Subject::Mapping(_) => matches!(
                step,
                Trace::Passed { .. }
                    | Trace::Entry { .. }
                    | Trace::Unmet { .. }
                    | Trace::Missing { .. }
                    | Trace::Blind { .. }
                    | Trace::Change(_)
            ),
        };
        if wanted {
            self.steps.tell(step);
        }
    }
}

/// Remembers the last event's outcome.
#[derive(Default)]
struct Outcomes {
    last: Timestamp,
    text: String,
}

impl Sink for Outcomes {
    fn outcome(&mut self, outcome: &EventOutcome<'_>) {
        self.last = self.last.max(outcome.time.unwrap_or_default());
        let reason = outcome.dead.map_or(outcome.detail, |reason| reason.as_str());
        let gap = if reason.is_empty() { "" } else { ": " };
        self.text = format!("{} {}{gap}{reason}", outcome.name, outcome.outcome.as_str());
    }

    fn finding(&mut self, _: &FindingChange, _: &Detector, _: &Content) {}
}

/// What each event of the test came to. The bench's content is compiled to be watched.
pub(super) fn way(bench: &Bench<'_>, subject: &Subject, case: &Case) -> String {
    let only = match subject {
        Subject::Detector(name) => Some(&**name),
        Subject::Mapping(_) => None,
    };
    let ear = Ear { steps: Steps::new(bench.content, only, Form::Text(Paint::Plain)), subject };
    let mut engine = bench.engine();
    let mut outcomes = Outcomes::default();
    let mut clock = wire::Clock::new();
    let mut out = String::new();
    for (place, given) in case.events.iter().enumerate() {
        let number = place + 1;
        match bench.next(given, &mut clock, outcomes.last) {
            Some(Next::Tick(now)) => {
                engine.tick(now, &mut outcomes);
                let _ = writeln!(out, "        event {number}: time passes until {now}");
            }
            Some(Next::Record(bytes)) => {
                engine.explain(&record(&bytes), &ear, &mut outcomes);
                let _ = writeln!(out, "        event {number}: {}", outcomes.text.trim());
            }
            None => return out,
        }
        for line in ear.steps.take().text.lines() {
            let _ = writeln!(out, "        {line}");
        }
    }
    out
}
