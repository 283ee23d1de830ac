//! Whatever the bytes: no panic, exactly one outcome per event, and the numbers add up.

#![allow(clippy::panic, reason = "a sample that breaks is named")]

mod common;

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use common::{Log, engine};
use driftline::decode::Record;
use driftline::engine::{Engine, EventOutcome, Sink};
use driftline::model::{FindingChange, Outcome, Timestamp};
use proptest::prelude::*;

/// Counts outcomes per record, by the number each event has within it.
#[derive(Default)]
struct Count {
    numbers: Vec<u32>,
    fates: [usize; Outcome::ALL.len()],
    wrong: Vec<String>,
}

impl Sink for Count {
    fn outcome(&mut self, outcome: &EventOutcome<'_>) {
        self.numbers.push(outcome.event);
        let place = Outcome::ALL.iter().position(|known| *known == outcome.outcome);
        self.fates[place.unwrap_or_default()] += 1;
        if (outcome.outcome == Outcome::Dead) != outcome.dead.is_some() {
            self.wrong.push(format!("a dead event needs a reason, others none: {outcome:?}"));
        }
    }

    fn finding(
        &mut self,
        change: &FindingChange,
        _: &driftline::content::Detector,
        _: &driftline::content::Content,
    ) {
        if change.finding.reasons.is_empty() {
            self.wrong.push("a step without a reason".into());
        }
    }
}

/// The wire samples, by name.
fn samples() -> &'static [(String, Vec<u8>)] {
    static SAMPLES: OnceLock<Vec<(String, Vec<u8>)>> = OnceLock::new();
    SAMPLES.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/wire");
        let mut all: Vec<(String, Vec<u8>)> = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let name = path.file_name()?.to_string_lossy().into_owned();
                Some((name, fs::read(path).ok()?))
            })
            .collect();
        all.sort();
        all
    })
}

/// One record through an engine; every event of it numbered once, from 0, without a gap.
fn take(engine: &mut Engine, bytes: &[u8]) -> Result<Count, TestCaseError> {
    let mut count = Count::default();
    engine.record(&Record { value: bytes, ..Record::default() }, &mut count);
    let mut numbers = count.numbers.clone();
    numbers.sort_unstable();
    let expected: Vec<u32> = (0..u32::try_from(numbers.len()).unwrap_or(u32::MAX)).collect();
    prop_assert_eq!(numbers, expected, "one outcome per event");
    prop_assert_eq!(count.fates.iter().sum::<usize>(), count.numbers.len());
    prop_assert!(count.wrong.is_empty(), "{:?}", count.wrong);
    Ok(count)
}

#[derive(Clone, Debug)]
enum Change {
    Flip(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Drop(prop::sample::Index, usize),
    Repeat(prop::sample::Index, usize),
    Word(prop::sample::Index, &'static str),
}

const WORDS: [&str; 12] = [
    "null",
    "{}",
    "[]",
    "-1",
    "1e999",
    "\"\"",
    "\\u0000",
    "\\ud800",
    "9223372036854775808",
    "0.0.0.0/0",
    "[[[[[[[[",
    "\u{fffd}\u{202e}",
];

fn change() -> impl Strategy<Value = Change> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        (index(), any::<u8>()).prop_map(|(at, byte)| Change::Flip(at, byte)),
        index().prop_map(Change::Cut),
        (index(), 1..64_usize).prop_map(|(at, length)| Change::Drop(at, length)),
        (index(), 1..64_usize).prop_map(|(at, length)| Change::Repeat(at, length)),
        (index(), prop::sample::select(&WORDS[..])).prop_map(|(at, word)| Change::Word(at, word)),
    ]
}

fn mutate(bytes: &mut Vec<u8>, change: &Change) {
    if bytes.is_empty() {
        return;
    }
    let length = bytes.len();
    match change {
        Change::Flip(at, byte) => bytes[at.index(length)] = *byte,
        Change::Cut(at) => bytes.truncate(at.index(length)),
        Change::Drop(at, many) => {
            let from = at.index(length);
            bytes.drain(from..(from + many).min(length));
        }
        Change::Repeat(at, many) => {
            let from = at.index(length);
            let piece = bytes[from..(from + many).min(length)].to_vec();
            bytes.splice(from..from, piece);
        }
        Change::Word(at, word) => {
            // A whole value where one stands, so that the JSON stays JSON as often as not.
            let from = at.index(length);
            let value = bytes[from..].iter().position(|byte| *byte == b':').map(|at| from + at + 1);
            let Some(start) = value else { return };
            let ends = |byte: &u8| matches!(byte, b',' | b'}' | b'\n');
            let end = bytes[start..].iter().position(ends).map_or(length, |at| start + at);
            bytes.splice(start..end, word.bytes());
        }
    }
}

#[test]
fn every_wire_sample_comes_through_whole() {
    assert!(samples().len() > 30, "the samples are missing");
    let mut engine = engine();
    for (name, bytes) in samples() {
        let count = take(&mut engine, bytes);
        let count = count.unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert!(!count.numbers.is_empty(), "{name} gives no outcome");
        let dead = Outcome::ALL.iter().position(|known| *known == Outcome::Dead);
        assert_eq!(count.fates[dead.unwrap_or_default()], 0, "{name} is refused");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_have_exactly_one_outcome_per_event(
        records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 1..4),
    ) {
        let mut engine = engine();
        for bytes in &records {
            let count = take(&mut engine, bytes)?;
            prop_assert!(!count.numbers.is_empty() || bytes.is_empty(), "a record vanished");
        }
    }

    #[test]
    fn any_changed_sample_has_exactly_one_outcome_per_event(
        chosen in prop::collection::vec((any::<prop::sample::Index>(),
            prop::collection::vec(change(), 1..6)), 1..5),
    ) {
        let mut engine = engine();
        let mut total = 0;
        for (index, changes) in &chosen {
            let (_, bytes) = index.get(samples());
            let mut bytes = bytes.clone();
            for change in changes {
                mutate(&mut bytes, change);
            }
            total += take(&mut engine, &bytes)?.numbers.len();
            // What came after a bad record is read as if it had not been there.
            let (_, good) = index.get(samples());
            let count = take(&mut engine, good)?;
            prop_assert!(!count.numbers.is_empty());
        }
        let mut log = Log::default();
        engine.tick(Timestamp::from_seconds(1_900_000_000), &mut log);
        engine.finish(&mut log);
        prop_assert!(log.outcomes.is_empty(), "time has no outcome");
        prop_assert_eq!(engine.stale_derivations(), Vec::<String>::new());
        prop_assert!(total < 1_000_000);
    }
}
