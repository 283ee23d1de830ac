//! `test`: runs the tests inside detectors and mappings. What enters are the suites of loaded
//! content; what leaves is a report, expected beside got.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::Value as Json;

use crate::cli::Test;
use crate::config::Config;
use crate::content::cases::{Case, Expect, ExpectFacets, ExpectStep, Given, Subject};
use crate::content::{self, Content, Detector, Files, wire};
use crate::decode::Record;
use crate::engine::{Engine, EventOutcome, Setup, Sink};
use crate::model::{FindingChange, Limits, Severity, Step, Timestamp, Value};
use crate::tenant::Registry;

use super::output::{Output, results};
use super::{Ended, Refused, pack};

/// One test that was run.
struct Ran<'c> {
    subject: &'c str,
    case: &'c Case,
    /// What is wrong; `None` when nothing is.
    fault: Option<String>,
}

pub(super) fn run(options: &Test, config: &Config, output: Output) -> anyhow::Result<Ended> {
    let files = pack::files(config, &options.paths)?;
    let (content, _) = content::load(&files, &crate::cloud::tables()).map_err(|faults| {
        output.remark(&pack::list(&faults));
        Refused(pack::counted(&faults))
    })?;
    let content = Arc::new(content);
    let wanted = options.filter.as_deref().unwrap_or_default().to_ascii_lowercase();
    let mut jobs: Vec<(&str, &Case)> = Vec::new();
    for suite in &content.suites {
        let (Subject::Detector(name) | Subject::Mapping(name)) = &suite.subject;
        if name.to_ascii_lowercase().contains(&wanted) {
            jobs.extend(suite.cases.iter().map(|case| (&**name, case)));
        }
    }
    let bench = Bench { content: &content, files: &files, limits: &config.limits };
    let ran = all(&bench, &jobs);
    let mut out = results(Path::new("-"))?;
    write!(out, "{}", report(&ran))?;
    out.flush()?;
    if let Some(path) = &options.junit {
        let mut file = results(path)?;
        write!(file, "{}", junit(&ran))?;
        file.flush()?;
    }
    if jobs.is_empty() {
        output.note("no test was selected");
    }
    let failed = ran.iter().any(|ran| ran.fault.is_some());
    Ok(if failed { Ended::Found } else { Ended::Well })
}

/// Runs the tests on as many threads as there are; the report's order is that of `jobs`.
fn all<'c>(bench: &Bench<'_>, jobs: &[(&'c str, &'c Case)]) -> Vec<Ran<'c>> {
    let next = AtomicUsize::new(0);
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let work = || {
        let mut done = Vec::new();
        while let Some((subject, case)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let fault = bench.fault(subject, case);
            done.push(Ran { subject, case, fault });
        }
        done
    };
    let mut ran: Vec<Ran<'c>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.min(jobs.len())).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    });
    ran.sort_by_key(|ran| {
        jobs.iter().position(|(_, case)| std::ptr::eq(*case, ran.case)).unwrap_or(usize::MAX)
    });
    ran
}

/// What tests run on.
struct Bench<'c> {
    content: &'c Arc<Content>,
    files: &'c Files,
    limits: &'c Limits,
}

/// What a run told of one detector.
struct Watch<'c> {
    detector: &'c str,
    steps: Vec<(Step, Option<Severity>)>,
    outcomes: Vec<String>,
    last: Timestamp,
}

impl Sink for Watch<'_> {
    fn outcome(&mut self, outcome: &EventOutcome<'_>) {
        let reason = outcome.dead.map_or(outcome.detail, |reason| reason.as_str());
        let gap = if reason.is_empty() { "" } else { " " };
        self.outcomes.push(format!("{}{gap}{reason}", outcome.outcome.as_str()));
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
    fn fault(&self, subject: &str, case: &Case) -> Option<String> {
        let setup =
            Setup { limits: self.limits.clone(), format: None, detailed: true, shard: None };
        let registry = Arc::new(Registry::own_tenants());
        let mut engine = Engine::new(Arc::clone(self.content), registry, setup);
        let mut watch = Watch {
            detector: subject,
            steps: Vec::new(),
            outcomes: Vec::new(),
            last: Timestamp::default(),
        };
        let mut clock = wire::Clock::new();
        for given in &case.events {
            let bytes = match given {
                Given::Wait(micros) => {
                    clock.wait(*micros);
                    let now = clock.now().max(watch.last.plus(*micros));
                    engine.tick(now, &mut watch);
                    continue;
                }
                Given::Event(event) => wire::expand(event, &mut clock),
                Given::Fixture { path, set } => {
                    let text = self.files.fixture(path);
                    let Some(bytes) = text.and_then(|text| wire::fixture(text, set)) else {
                        return Some(format!("the fixture `{path}` cannot be made"));
                    };
                    bytes
                }
            };
            engine.record(&Record { value: &bytes, headers: &[], time: None }, &mut watch);
        }
        engine.finish(&mut watch);
        let fault = match &case.expect {
            Expect::Steps(expected) => compare_steps(expected, &watch.steps),
            Expect::Facets(expected) => self.compare_facets(expected, &engine),
        };
        fault.map(|text| format!("{text}        outcomes: {}\n", watch.outcomes.join(", ")))
    }

    fn compare_facets(&self, expected: &[ExpectFacets], engine: &Engine) -> Option<String> {
        let mut resources: BTreeMap<(String, String), Json> = BTreeMap::new();
        engine.resources(&mut |dump| {
            resources.insert((dump.kind, dump.id), dump.facets);
        });
        let schema = &self.content.schema;
        let mut faults = String::new();
        for resource in expected {
            let kind = schema.kind(resource.kind);
            let key = (kind.name.to_string(), resource.id.to_string());
            // Of a resource that nobody has seen everything is unknown.
            let facets = resources.get(&key).unwrap_or(&Json::Null);
            let known = resource.facets.iter().any(|(_, value)| *value != Value::Unknown);
            if facets.is_null() && known {
                let seen: Vec<String> =
                    resources.keys().map(|(kind, id)| format!("{kind} {id}")).collect();
                let (kind, id, seen) = (&key.0, &key.1, seen.join(", "));
                let _ = writeln!(faults, "        no `{kind} {id}`; there are: {seen}");
                continue;
            }
            for (id, value) in &resource.facets {
                let facet = &kind.facets[usize::from(id.0)];
                let got = facets.get(&*facet.name).cloned().unwrap_or(Json::Null);
                let wanted =
                    if *value == Value::Unknown { Json::Null } else { value.to_json(schema) };
                if plain(&wanted, facet.is_set) != plain(&got, facet.is_set) {
                    let _ = writeln!(
                        faults,
                        "        {}: expected {wanted}\n        {:width$}  \
                        got      {got}",
                        facet.name,
                        "",
                        width = facet.name.len()
                    );
                }
            }
        }
        (!faults.is_empty()).then_some(faults)
    }
}

/// A value as it is compared: members that are none left out, sets in one order, and of a
/// partial set what is known.
fn plain(value: &Json, is_set: bool) -> Json {
    match value {
        Json::Object(members) => {
            if let (1, Some(known)) = (members.len(), members.get("partial")) {
                return plain(known, is_set);
            }
            let said = members.iter().filter(|(_, member)| !member.is_null());
            Json::Object(said.map(|(key, member)| (key.clone(), plain(member, false))).collect())
        }
        Json::Array(items) => {
            let mut items: Vec<Json> = items.iter().map(|item| plain(item, false)).collect();
            if is_set {
                items.sort_by_key(ToString::to_string);
            }
            Json::Array(items)
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => value.clone(),
    }
}

fn compare_steps(expected: &[ExpectStep], got: &[(Step, Option<Severity>)]) -> Option<String> {
    let alike = |(wanted, (step, severity)): (&ExpectStep, &(Step, Option<Severity>))| {
        wanted.step == *step && (wanted.severity.is_none() || wanted.severity == *severity)
    };
    if expected.len() == got.len() && expected.iter().zip(got).all(alike) {
        return None;
    }
    let wanted: Vec<_> = expected.iter().map(|step| (step.step, step.severity)).collect();
    Some(format!("        expected: {}\n        got:      {}\n", told(&wanted), told(got)))
}

fn told(steps: &[(Step, Option<Severity>)]) -> String {
    if steps.is_empty() {
        return "silent".to_owned();
    }
    let step = |(step, severity): &(Step, Option<Severity>)| match severity {
        Some(severity) => format!("{} {}", step.as_str(), severity.as_str()),
        None => step.as_str().to_owned(),
    };
    steps.iter().map(step).collect::<Vec<_>>().join(", ")
}

/// A line per subject that is well, a block per test that failed, and the count.
fn report(ran: &[Ran<'_>]) -> String {
    let mut out = String::new();
    for group in ran.chunk_by(|left, right| left.subject == right.subject) {
        let failed: Vec<&Ran<'_>> = group.iter().filter(|ran| ran.fault.is_some()).collect();
        let Some(first) = group.first().filter(|_| failed.is_empty()) else {
            for ran in failed {
                let source = &ran.case.source;
                let _ = writeln!(
                    out,
                    "FAIL  {}: {}  ({}:{})",
                    ran.subject, ran.case.name, source.file, source.line
                );
                out.push_str(ran.fault.as_deref().unwrap_or_default());
            }
            continue;
        };
        let _ = writeln!(out, "ok    {} ({})", first.subject, group.len());
    }
    let failed = ran.iter().filter(|ran| ran.fault.is_some()).count();
    let _ = writeln!(out, "{} passed, {failed} failed", ran.len() - failed);
    out
}

/// A `JUnit` report: one suite per detector or mapping.
fn junit(ran: &[Ran<'_>]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for group in ran.chunk_by(|left, right| left.subject == right.subject) {
        let failed = group.iter().filter(|ran| ran.fault.is_some()).count();
        let name = group.first().map_or("", |ran| ran.subject);
        let _ = writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failed}\">",
            escaped(name),
            group.len()
        );
        for ran in group {
            let _ = write!(
                out,
                "    <testcase classname=\"{}\" name=\"{}\"",
                escaped(name),
                escaped(&ran.case.name)
            );
            match &ran.fault {
                None => out.push_str("/>\n"),
                Some(fault) => {
                    let _ = writeln!(out, "><failure>{}</failure></testcase>", escaped(fault));
                }
            }
        }
        out.push_str("  </testsuite>\n");
    }
    out + "</testsuites>\n"
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() && c != '\n' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
    fn values_are_compared_without_what_is_none_and_sets_without_their_order() {
        let set = json!([{"a": 1, "b": null}, {"a": 0}]);
        assert_eq!(plain(&set, true), plain(&json!({"partial": [{"a": 0}, {"a": 1}]}), true));
        assert_ne!(plain(&set, false), plain(&json!([{"a": 0}, {"a": 1}]), false));
    }

    #[test]
    fn a_report_for_machines_escapes_what_tests_are_named() {
        assert_eq!(escaped("a<b & \"c\"\u{7}"), "a&lt;b &amp; &quot;c&quot;\u{fffd}");
    }
}
