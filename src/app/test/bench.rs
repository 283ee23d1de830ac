//! Runs one test: events enter a fresh pipeline, what is wrong with what came of them leaves.

use std::sync::Arc;

use crate::content::cases::{Case, Expect, ExpectStep, Given, Subject};
use crate::content::{Content, Detector, Files, wire};
use crate::decode::Record;
use crate::engine::{Engine, EventOutcome, Setup, Sink};
use crate::model::{FindingChange, Limits, Severity, Step, Timestamp};
use crate::tenant::Registry;

use super::said::{self, Deeds, Fates};

/// What tests run on.
#[derive(Clone, Copy)]
pub(super) struct Bench<'c> {
    pub(super) content: &'c Arc<Content>,
    pub(super) files: &'c Files,
    pub(super) limits: &'c Limits,
}

/// What is wrong with a test.
pub(super) struct Failure {
    /// For people, indented.
    pub(super) text: String,
    /// Of a detector's test: the steps that came, as `expect:` is written.
    pub(super) steps: Option<String>,
}

/// What is fed to the engine.
pub(super) enum Next {
    /// Time passes.
    Tick(Timestamp),
    /// A record.
    Record(Vec<u8>),
}

pub(super) fn record(value: &[u8]) -> Record<'_> {
    Record { value, headers: &[], time: None }
}

fn unmade(given: &Given) -> String {
    match given {
        Given::Fixture { path, .. } => format!("        the fixture `{path}` cannot be made\n"),
        Given::Wait(_) | Given::Event(_) => String::new(),
    }
}

/// What a run told of one detector.
struct Watch<'c> {
    detector: &'c str,
    steps: Vec<(Step, Option<Severity>)>,
    outcomes: Vec<String>,
    fates: Fates,
    last: Timestamp,
}

impl Sink for Watch<'_> {
    fn outcome(&mut self, outcome: &EventOutcome<'_>) {
        let reason = outcome.dead.map_or(outcome.detail, |reason| reason.as_str());
        let gap = if reason.is_empty() { "" } else { " " };
        self.outcomes.push(format!("{}{gap}{reason}", outcome.outcome.as_str()));
        self.fates.add(outcome);
        self.last = self.last.max(outcome.time.unwrap_or_default());
    }

    /// A test sees each finding's own steps; a summary of several is none of them.
    fn finding(&mut self, change: &FindingChange, _: &Detector, _: &Content) {
        if change.summary.is_none() {
            self.kept(change);
        }
    }

    fn kept(&mut self, change: &FindingChange) {
        let reasons = &change.finding.reasons;
        if let Some(reason) = reasons.iter().find(|reason| *reason.detector == *self.detector) {
            self.steps.push((change.step, Some(reason.severity)));
        }
    }
}

impl Bench<'_> {
    /// Runs one test; what is wrong, if anything.
    pub(super) fn failure(&self, subject: &Subject, case: &Case) -> Option<Failure> {
        let mut engine = self.engine();
        let (Subject::Detector(name) | Subject::Mapping(name)) = subject;
        let mut watch = Watch {
            detector: name,
            steps: Vec::new(),
            outcomes: Vec::new(),
            fates: Fates::default(),
            last: Timestamp::default(),
        };
        let deeds = Deeds::default();
        let mut clock = wire::Clock::new();
        for given in &case.events {
            match self.next(given, &mut clock, watch.last) {
                Some(Next::Tick(now)) => engine.tick(now, &mut watch),
                Some(Next::Record(bytes)) => engine.explain(&record(&bytes), &deeds, &mut watch),
                None => return Some(Failure { text: unmade(given), steps: None }),
            }
        }
        engine.finish(&mut watch);
        let (text, steps) = match &case.expect {
            Expect::Steps(expected) => {
                (compare_steps(expected, &watch.steps)?, Some(written(&watch.steps)))
            }
            Expect::Said(expected) => {
                (said::faults(expected, self.content, &engine, (&deeds, &watch.fates))?, None)
            }
        };
        let text = format!("{text}        outcomes: {}\n", watch.outcomes.join(", "));
        Some(Failure { text, steps })
    }

    /// An engine in which each account is its own tenant.
    pub(super) fn engine(&self) -> Engine {
        let setup =
            Setup { limits: self.limits.clone(), format: None, detailed: true, shard: None };
        Engine::new(Arc::clone(self.content), Arc::new(Registry::own_tenants()), setup)
    }

    /// What is given, made ready; `None` where a fixture can't be.
    pub(super) fn next(
        &self,
        given: &Given,
        clock: &mut wire::Clock,
        last: Timestamp,
    ) -> Option<Next> {
        match given {
            Given::Wait(micros) => {
                clock.wait(*micros);
                Some(Next::Tick(clock.now().max(last.plus(*micros))))
            }
            Given::Event(event) => Some(Next::Record(wire::expand(event, clock))),
            Given::Fixture { path, set } => {
                wire::fixture(self.files.fixture(path)?, set).map(Next::Record)
            }
        }
    }
}

type Told = (Step, Option<Severity>);

fn compare_steps(expected: &[ExpectStep], got: &[Told]) -> Option<String> {
    let alike = |(wanted, (step, severity)): (&ExpectStep, &Told)| {
        wanted.step == *step && (wanted.severity.is_none() || wanted.severity == *severity)
    };
    if expected.len() == got.len() && expected.iter().zip(got).all(alike) {
        return None;
    }
    let wanted: Vec<Told> = expected.iter().map(|step| (step.step, step.severity)).collect();
    // Of an end the severity is told where the test asks for it.
    let asked = |place: usize| wanted.get(place).is_some_and(|(_, severity)| severity.is_some());
    let got: Vec<Told> = got
        .iter()
        .enumerate()
        .map(|(place, (step, severity))| {
            (*step, severity.filter(|_| goes_on(*step) || asked(place)))
        })
        .collect();
    Some(format!("        expected: {}\n        got:      {}\n", told(&wanted), told(&got)))
}

/// Whether the finding is open after the step.
const fn goes_on(step: Step) -> bool {
    matches!(step, Step::Opened | Step::Updated)
}

/// Steps as `expect:` of a test is written.
fn written(got: &[Told]) -> String {
    let steps: Vec<Told> =
        got.iter().map(|(step, severity)| (*step, severity.filter(|_| goes_on(*step)))).collect();
    format!("[{}]", told(&steps))
}

fn told(steps: &[Told]) -> String {
    if steps.is_empty() {
        return "silent".to_owned();
    }
    let step = |(step, severity): &Told| match severity {
        Some(severity) => format!("{} {}", step.as_str(), severity.as_str()),
        None => step.as_str().to_owned(),
    };
    steps.iter().map(step).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_compared_in_order_and_severity_only_where_it_is_written() {
        let wanted = |step, severity| ExpectStep { step, severity };
        let high = Some(Severity::High);
        for (expected, got, alike) in [
            (vec![], vec![], true),
            (vec![wanted(Step::Opened, high)], vec![(Step::Opened, high)], true),
            (vec![wanted(Step::Opened, None)], vec![(Step::Opened, high)], true),
            (vec![wanted(Step::Opened, Some(Severity::Low))], vec![(Step::Opened, high)], false),
            (vec![wanted(Step::Opened, high)], vec![], false),
            (vec![], vec![(Step::Opened, high)], false),
        ] {
            assert_eq!(compare_steps(&expected, &got).is_none(), alike, "{expected:?} {got:?}");
        }
        let fault = compare_steps(&[], &[(Step::Opened, high)]).expect("they differ");
        assert_eq!(fault, "        expected: silent\n        got:      opened high\n");
    }

    #[test]
    fn steps_are_written_as_tests_are() {
        let high = Some(Severity::High);
        assert_eq!(written(&[]), "[silent]");
        assert_eq!(
            written(&[(Step::Opened, high), (Step::Resolved, high)]),
            "[opened high, resolved]"
        );
    }
}
