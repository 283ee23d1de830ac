//! The shipped content loads without a fault, and no event that it reads is unproved.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use driftline::cloud::tables;
use driftline::content::cases::Given;
use driftline::content::{Content, Detector, Fault, Files, check, load, wire};
use driftline::decode::Record;
use driftline::engine::{Engine, EventOutcome, Setup, Sink};
use driftline::model::{FindingChange, Trace, Tracer};
use driftline::tenant::Registry;

#[test]
fn the_shipped_pack_loads() {
    match load(&Files::shipped(), &tables()) {
        Ok((content, warnings)) => {
            assert!(!content.detectors.is_empty(), "the pack is empty");
            assert!(!content.entries.is_empty(), "the pack reads no event");
            println!("{} warnings", warnings.len());
        }
        Err(faults) => {
            let texts: Vec<String> = faults.iter().map(ToString::to_string).collect();
            panic!("{}", texts.join("\n"));
        }
    }
}

#[test]
fn every_event_that_the_shipped_pack_reads_is_in_one_of_its_tests() {
    let (_, warnings) = check(&Files::shipped(), &tables()).expect("the pack loads");
    let untested = warnings.iter().filter(|fault| fault.rule == "untested-event");
    let untested: Vec<String> = untested.map(Fault::to_string).collect();
    assert!(untested.is_empty(), "{}", untested.join("\n"));
}

/// Where the entries stand that spoke, and the needs of theirs that were not met.
#[derive(Default)]
struct Spoken {
    entries: RefCell<BTreeSet<String>>,
    missed: RefCell<BTreeSet<String>>,
    last: RefCell<String>,
}

impl Tracer for Spoken {
    fn tell(&self, step: &Trace<'_>) {
        if let Trace::Entry { file, line, .. } = step {
            *self.last.borrow_mut() = format!("{file}:{line}");
            self.entries.borrow_mut().insert(self.last.borrow().clone());
        }
        if let Trace::Missing { needs, .. } = step {
            self.missed.borrow_mut().insert(format!("{} {needs}", self.last.borrow()));
        }
    }
}

/// Hears nothing.
struct Deaf;

impl Sink for Deaf {
    fn outcome(&mut self, _: &EventOutcome<'_>) {}
    fn finding(&mut self, _: &FindingChange, _: &Detector, _: &Content) {}
}

/// Feeds the events of every test of the pack, each test to a pipeline of its own.
fn spoken(content: &Arc<Content>, files: &Files) -> Spoken {
    let spoken = Spoken::default();
    for case in content.suites.iter().flat_map(|suite| &suite.cases) {
        let registry = Arc::new(Registry::own_tenants());
        let mut engine = Engine::new(Arc::clone(content), registry, Setup::default());
        let mut clock = wire::Clock::new();
        for given in &case.events {
            let bytes = match given {
                Given::Event(event) => wire::expand(event, &mut clock),
                Given::Fixture { path, set } => {
                    let text = files.fixture(path).expect("the pack loads");
                    wire::fixture(text, set).expect("the fixture is made")
                }
                Given::Wait(micros) => {
                    clock.wait(*micros);
                    continue;
                }
            };
            let record = Record { value: &bytes, headers: &[], time: None };
            engine.explain(&record, &spoken, &mut Deaf);
        }
    }
    spoken
}

#[test]
fn every_lack_that_the_shipped_pack_provides_for_is_in_one_of_its_tests() {
    let files = Files::shipped();
    let (content, _) = load(&files, &tables()).expect("the pack loads");
    let content = Arc::new(content);
    let missed = spoken(&content, &files).missed.into_inner();
    let mut unproved = Vec::new();
    for entry in &content.entries {
        for group in entry.groups.iter().filter(|group| !group.otherwise.is_empty()) {
            let Some(needs) = &group.needs else { continue };
            let place = format!("{}:{} {}", entry.source.file, entry.source.line, needs.source());
            if !missed.contains(&place) {
                unproved.push(format!("{place}: {}", entry.names.join(", ")));
            }
        }
    }
    assert!(unproved.is_empty(), "no test lacks what these need:\n{}", unproved.join("\n"));
}

#[test]
fn every_entry_of_the_shipped_pack_speaks_in_one_of_its_tests() {
    let files = Files::shipped();
    let (content, _) = load(&files, &tables()).expect("the pack loads");
    let content = Arc::new(content);
    let spoken = spoken(&content, &files);
    let entries = spoken.entries.into_inner();
    let places = content.entries.iter().map(|entry| (entry, &entry.source));
    let silent: Vec<String> = places
        .map(|(entry, at)| (format!("{}:{}", at.file, at.line), entry.names.join(", ")))
        .filter(|(place, _)| !entries.contains(place))
        .map(|(place, names)| format!("{place}: {names}"))
        .collect();
    assert!(silent.is_empty(), "no test reaches these entries:\n{}", silent.join("\n"));
}
