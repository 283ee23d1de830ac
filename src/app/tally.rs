//! What a run counts: events by outcome, format and reason; alerts by severity and step.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::model::{DeadReason, Format, Limit, Outcome, Reached, Severity, Step};
use crate::telemetry::NO_FORMAT;

/// Every step, in the order of a finding's life.
const STEPS: [Step; 4] = [Step::Opened, Step::Updated, Step::Resolved, Step::Retracted];

/// Counts of one run, or of one part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Records read.
    pub records: u64,
    /// Bytes of records, unwrapped.
    pub bytes: u64,
    outcomes: [u64; Outcome::ALL.len()],
    formats: [u64; Format::ALL.len() + 1],
    dead: [u64; DeadReason::ALL.len()],
    alerts: [[u64; STEPS.len()]; Severity::ALL.len()],
    /// How often a limit was reached, and by whom.
    limits: BTreeMap<Limit, BTreeMap<String, u64>>,
}

/// What is known only at the end.
#[derive(Clone, Copy, Debug)]
pub struct Ending {
    /// Findings that are open.
    pub open_findings: usize,
    /// How long the run took.
    pub seconds: f64,
    /// The process's highest resident memory in bytes, where the system tells.
    pub peak_memory: Option<u64>,
}

impl Tally {
    /// Counts an event.
    pub fn event(&mut self, outcome: Outcome, format: Option<Format>, dead: Option<DeadReason>) {
        self.outcomes[outcome as usize] += 1;
        self.formats[format.map_or(Format::ALL.len(), |format| format as usize)] += 1;
        if let Some(reason) = dead {
            self.dead[reason as usize] += 1;
        }
    }

    /// Counts an alert.
    pub fn alert(&mut self, severity: Severity, step: Step) {
        self.alerts[severity as usize][step as usize] += 1;
    }

    /// Counts a limit that was reached.
    pub fn reached(&mut self, reached: &Reached) {
        let by = self.limits.entry(reached.limit).or_default();
        *by.entry(reached.by.to_string()).or_default() += 1;
    }

    /// Adds another part's events and alerts; records are counted once, by whoever reads them.
    pub fn add(&mut self, other: &Self) {
        add(&mut self.outcomes, &other.outcomes);
        add(&mut self.formats, &other.formats);
        add(&mut self.dead, &other.dead);
        for (row, more) in self.alerts.iter_mut().zip(&other.alerts) {
            add(row, more);
        }
        for (limit, by) in &other.limits {
            let own = self.limits.entry(*limit).or_default();
            for (owner, count) in by {
                *own.entry(owner.clone()).or_default() += count;
            }
        }
    }

    /// All events.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.outcomes.iter().sum()
    }

    /// All alerts.
    #[must_use]
    pub fn alerts(&self) -> u64 {
        self.alerts.iter().flatten().sum()
    }

    /// Events of that outcome.
    #[must_use]
    pub fn of(&self, outcome: Outcome) -> u64 {
        self.outcomes[outcome as usize]
    }

    /// Openings and worsenings at or above a severity.
    #[must_use]
    pub fn raised(&self, from: Severity) -> u64 {
        let rows = self.alerts[from as usize..].iter();
        rows.map(|row| row[Step::Opened as usize] + row[Step::Updated as usize]).sum()
    }

    /// The summary as one JSON object on one line.
    #[must_use]
    pub fn json(&self, end: &Ending) -> String {
        let mut by_step = [0; STEPS.len()];
        self.alerts.iter().for_each(|row| add(&mut by_step, row));
        let by_severity = self.alerts.iter().map(|row| row.iter().sum::<u64>());
        let told = json!({
            "records": self.records,
            "bytes": self.bytes,
            "events": self.events(),
            "outcomes": named(Outcome::ALL.iter().map(|outcome| outcome.as_str()), self.outcomes),
            "dead": present(DeadReason::ALL.iter().map(|reason| reason.as_str()), self.dead),
            "formats": present(format_names(), self.formats),
            "alerts": {
                "total": self.alerts(),
                "by_severity": named(Severity::ALL.iter().map(|s| s.as_str()), by_severity),
                "by_step": named(STEPS.iter().map(|step| step.as_str()), by_step),
            },
            "limits": self.limits.iter().map(|(l, by)| (l.as_str(), by)).collect::<BTreeMap<_, _>>(),
            "open_findings": end.open_findings,
            "seconds": end.seconds,
            "events_per_second": self.rate(end),
            "peak_memory_bytes": end.peak_memory,
        });
        told.to_string() + "\n"
    }

    /// The summary for people.
    #[must_use]
    pub fn text(&self, end: &Ending) -> String {
        let mut out = String::new();
        let _ = writeln!(out, "{:<16}{:>12}", "records", self.records);
        let _ = writeln!(out, "{:<16}{:>12}", "events", self.events());
        let outcomes = Outcome::ALL.iter().map(|outcome| outcome.as_str());
        rows(&mut out, outcomes.zip(self.outcomes));
        if self.of(Outcome::Dead) > 0 {
            out.push_str("refused because\n");
            rows(&mut out, DeadReason::ALL.iter().map(|reason| reason.as_str()).zip(self.dead));
        }
        if self.events() > 0 {
            out.push_str("by format\n");
            rows(&mut out, format_names().zip(self.formats));
        }
        self.alert_rows(&mut out);
        for (limit, by) in &self.limits {
            let _ = writeln!(out, "limit `{}` reached: {}", limit.as_str(), limit.effect());
            rows(&mut out, by.keys().map(String::as_str).zip(by.values().copied()));
        }
        let _ = writeln!(out, "{:<16}{:>12}", "open findings", end.open_findings);
        let _ =
            write!(out, "{:<16}{:>12.2}  {:.0} events/s", "seconds", end.seconds, self.rate(end));
        if let Some(bytes) = end.peak_memory {
            let _ = write!(out, ", {} MiB at most", bytes.div_ceil(1 << 20));
        }
        out.push('\n');
        out
    }

    fn alert_rows(&self, out: &mut String) {
        let _ = writeln!(out, "{:<16}{:>12}", "alerts", self.alerts());
        for severity in Severity::ALL.iter().rev() {
            let row = self.alerts[*severity as usize];
            if row.iter().all(|count| *count == 0) {
                continue;
            }
            let told = STEPS.iter().zip(row).filter(|(_, count)| *count > 0);
            let steps: Vec<String> =
                told.map(|(step, count)| format!("{} {count}", step.as_str())).collect();
            let total: u64 = row.iter().sum();
            let _ = writeln!(out, "  {:<14}{total:>12}  {}", severity.as_str(), steps.join(", "));
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate for people, far below 2^52 events")]
    fn rate(&self, end: &Ending) -> f64 {
        if end.seconds > 0.0 { (self.events() as f64 / end.seconds).round() } else { 0.0 }
    }
}

fn add(into: &mut [u64], from: &[u64]) {
    for (sum, more) in into.iter_mut().zip(from) {
        *sum += more;
    }
}

fn format_names() -> impl Iterator<Item = &'static str> {
    Format::ALL.iter().map(|format| format.as_str()).chain([NO_FORMAT])
}

fn named<'a>(
    names: impl Iterator<Item = &'a str>,
    counts: impl IntoIterator<Item = u64>,
) -> Map<String, Value> {
    names.zip(counts).map(|(name, count)| (name.to_owned(), Value::from(count))).collect()
}

/// As [`named`], without the zeros.
fn present<'a>(
    names: impl Iterator<Item = &'a str>,
    counts: impl IntoIterator<Item = u64>,
) -> Map<String, Value> {
    let mut all = named(names, counts);
    all.retain(|_, count| count.as_u64() != Some(0));
    all
}

fn rows<'a>(out: &mut String, counts: impl Iterator<Item = (&'a str, u64)>) {
    for (name, count) in counts.filter(|(_, count)| *count > 0) {
        let _ = writeln!(out, "  {name:<22}{count:>12}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: Ending = Ending { open_findings: 1, seconds: 2.0, peak_memory: Some(3 << 20) };

    fn tally() -> Tally {
        let mut tally = Tally { records: 3, bytes: 30, ..Tally::default() };
        tally.event(Outcome::Applied, Some(Format::AwsCloudtrail), None);
        tally.event(Outcome::ReadOnly, Some(Format::AwsCloudtrail), None);
        tally.event(Outcome::Dead, None, Some(DeadReason::NotJson));
        tally.alert(Severity::High, Step::Opened);
        tally.alert(Severity::Critical, Step::Resolved);
        tally
    }

    #[test]
    fn every_list_is_indexed_by_its_own_order() {
        for (index, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome as usize, index);
        }
        for (index, format) in Format::ALL.into_iter().enumerate() {
            assert_eq!(format as usize, index);
        }
        for (index, reason) in DeadReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
        }
        for (index, severity) in Severity::ALL.into_iter().enumerate() {
            assert_eq!(severity as usize, index);
        }
        for (index, step) in STEPS.into_iter().enumerate() {
            assert_eq!(step as usize, index);
        }
    }

    #[test]
    fn the_summary_names_every_outcome_and_they_add_up() {
        let told: Value = serde_json::from_str(&tally().json(&END)).expect("it is JSON");
        let outcomes = told["outcomes"].as_object().expect("an object");
        assert_eq!(outcomes.len(), Outcome::ALL.len());
        let sum: u64 = outcomes.values().filter_map(Value::as_u64).sum();
        assert_eq!(Some(sum), told["events"].as_u64());
        assert_eq!(told["dead"], json!({"not_json": 1}));
        assert_eq!(told["formats"], json!({"aws-cloudtrail": 2, "none": 1}));
        assert_eq!(told["alerts"]["by_step"]["opened"], 1);
        assert_eq!(told["alerts"]["by_severity"]["critical"], 1);
        assert_eq!(told["events_per_second"], 2.0);
    }

    #[test]
    fn a_resolving_does_not_count_as_raised() {
        assert_eq!(tally().raised(Severity::Medium), 1);
        assert_eq!(tally().raised(Severity::Critical), 0);
    }

    #[test]
    fn parts_add_up_to_the_whole_and_people_read_it() {
        let mut whole = tally();
        whole.add(&tally());
        assert_eq!((whole.records, whole.events(), whole.alerts()), (3, 6, 4));
        let text = whole.text(&END);
        assert!(text.contains("  not_json                         2\n"), "{text}");
        assert!(text.contains("  high                     2  opened 2\n"), "{text}");
        assert!(text.ends_with("2.00  3 events/s, 3 MiB at most\n"), "{text}");
    }
}
