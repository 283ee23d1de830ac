//! A pipeline whose state is kept elsewhere: through aborted batches and restarts it tells what
//! one that never failed tells, and holds the same.

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::deeds::{deed, held, operation, operations, records};
use common::{Log, cloudtrail, feed, pack, pack_with, rearranged};
use driftline::content::Content;
use driftline::engine::{Engine, Kept, Setup};
use driftline::model::{Cell, Limits, Schema, Step, Timestamp};
use driftline::state::Part;
use driftline::tenant::Registry;
use proptest::prelude::*;
use serde_json::{Value, json};

const ACCOUNT: &str = "111122223333";
/// Long after every event: all timers are due.
const LATER: i64 = 1_772_520_000;

/// What is kept elsewhere.
type Elsewhere = BTreeMap<Cell, BTreeMap<Part, Box<[u8]>>>;

fn setup() -> Setup {
    // So few that rings turn and rows are folded.
    let limits = Limits { recent_events: 2, remembered_ids: 8, ..Limits::default() };
    Setup { limits, ..Setup::default() }
}

fn registry() -> Arc<Registry> {
    Arc::new(Registry::own_tenants())
}

fn keeping(content: Arc<Content>) -> Engine {
    Engine::keeping(content, registry(), setup())
}

/// Writes down what was touched.
fn keep(engine: &mut Engine, elsewhere: &mut Elsewhere) {
    engine.each_touched(&mut |Kept { cell, part, bytes }| {
        let parts = elsewhere.entry(cell.clone()).or_default();
        match bytes {
            Some(bytes) => drop(parts.insert(part.clone(), bytes.into())),
            None => drop(parts.remove(part)),
        }
    });
    engine.keep();
}

/// A new pipeline from what was written down.
fn restart(content: Arc<Content>, elsewhere: &Elsewhere, under: Option<&Schema>) -> Engine {
    let mut engine = keeping(content);
    for (cell, parts) in elsewhere {
        engine.take_up(cell.clone(), parts.clone(), under).expect("it can be read");
    }
    engine
}

/// How a batch ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Kept,
    TakenBack,
    Crashed,
    KeptAndRestarted,
}

fn batches() -> impl Strategy<Value = Vec<(usize, End)>> {
    let end =
        prop::sample::select(vec![End::Kept, End::TakenBack, End::Crashed, End::KeptAndRestarted]);
    prop::collection::vec((1..5_usize, end), 40)
}

/// Plays the records through batches that end as they end; what failed is done again.
fn played(records: &[Value], batches: &[(usize, End)]) -> (Engine, Log, Elsewhere) {
    let (mut engine, mut log) = (keeping(pack()), Log::default());
    let mut elsewhere = Elsewhere::new();
    let (mut place, mut turn) = (0, batches.iter().cycle());
    // A batch that failed is not made to fail again.
    let mut failed = false;
    while place < records.len() {
        let Some((length, end)) = turn.next() else { break };
        let batch = &records[place..records.len().min(place + length)];
        let mut told = Log::default();
        for record in batch {
            feed(&mut engine, record, &mut told);
        }
        match end {
            End::TakenBack if !failed => {
                engine.take_back();
                failed = true;
                continue;
            }
            End::Crashed if !failed => {
                engine = restart(pack(), &elsewhere, None);
                failed = true;
                continue;
            }
            End::Kept | End::TakenBack | End::Crashed => keep(&mut engine, &mut elsewhere),
            End::KeptAndRestarted => {
                keep(&mut engine, &mut elsewhere);
                engine = restart(pack(), &elsewhere, None);
            }
        }
        failed = false;
        place += batch.len();
        log.outcomes.append(&mut told.outcomes);
        log.steps.append(&mut told.steps);
    }
    engine.tick(Timestamp::from_seconds(LATER), &mut log);
    engine.finish(&mut log);
    keep(&mut engine, &mut elsewhere);
    (engine, log, elsewhere)
}

fn straight(records: &[Value]) -> (Engine, Log) {
    let (mut engine, mut log) = (Engine::new(pack(), registry(), setup()), Log::default());
    for record in records {
        feed(&mut engine, record, &mut log);
    }
    engine.tick(Timestamp::from_seconds(LATER), &mut log);
    engine.finish(&mut log);
    (engine, log)
}

fn ids(log: &Log) -> Vec<String> {
    log.steps.iter().map(|line| format!("{line:?}")).collect()
}

fn trail(name: &str, id: &str, second: i64) -> Value {
    let request = json!({"name": "main"});
    cloudtrail(ACCOUNT, id, second, "cloudtrail.amazonaws.com", name, &request, &Value::Null)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn through_aborts_and_restarts_the_same_is_told_in_the_same_order(
        deeds in prop::collection::vec((0..40_u8, deed()), 1..40),
        repeats in prop::collection::vec(any::<prop::sample::Index>(), 6),
        shuffle in prop::collection::vec(any::<prop::sample::Index>(), 12),
        trails in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..6),
        batches in batches(),
    ) {
        let mut records = records(ACCOUNT, &deeds);
        // What is told while there is no audit trail, what comes before its time.
        for (number, (place, stops)) in trails.into_iter().enumerate() {
            let at = place.index(records.len() + 1);
            let name = if stops { "StopLogging" } else { "StartLogging" };
            let second = i64::try_from(at).unwrap_or_default();
            records.insert(at, trail(name, &format!("trail-{number}"), second));
        }
        for (place, index) in shuffle.iter().enumerate().take(records.len()) {
            let other = index.index(records.len());
            records.swap(place, other);
        }
        for repeat in repeats {
            if !records.is_empty() {
                records.push(records[repeat.index(records.len())].clone());
            }
        }
        let (whole, expected) = straight(&records);
        let (engine, log, elsewhere) = played(&records, &batches);
        prop_assert_eq!(&log.outcomes, &expected.outcomes);
        prop_assert_eq!(ids(&log), ids(&expected));
        prop_assert_eq!(held(&engine), held(&whole));
        // What stands elsewhere is all there is: once more from there, nothing is different.
        let again = restart(pack(), &elsewhere, None);
        prop_assert_eq!(held(&again), held(&whole));
        prop_assert_eq!(again.stale_derivations(), Vec::<String>::new());
    }

    #[test]
    fn operations_under_way_outlive_aborts_and_restarts(
        all in prop::collection::vec((0..40_u8, operation()), 1..8),
        batches in batches(),
    ) {
        let records = operations(&all);
        let (whole, expected) = straight(&records);
        let (engine, log, _) = played(&records, &batches);
        prop_assert_eq!(&log.outcomes, &expected.outcomes);
        prop_assert_eq!(ids(&log), ids(&expected));
        prop_assert_eq!(held(&engine), held(&whole));
    }

    #[test]
    fn what_was_kept_is_taken_up_by_other_content_and_written_anew(
        deeds in prop::collection::vec((0..40_u8, deed()), 1..40),
        at in any::<prop::sample::Index>(),
        running in any::<bool>(),
    ) {
        let records = records(ACCOUNT, &deeds);
        let place = at.index(records.len() + 1);
        let (mut engine, mut log) = (keeping(pack()), Log::default());
        let mut elsewhere = Elsewhere::new();
        for record in &records[..place] {
            feed(&mut engine, record, &mut log);
        }
        keep(&mut engine, &mut elsewhere);
        if running {
            engine.adopt(rearranged(), &mut log);
        } else {
            engine = restart(rearranged(), &elsewhere, Some(&pack().schema));
        }
        for record in &records[place..] {
            feed(&mut engine, record, &mut log);
        }
        engine.tick(Timestamp::from_seconds(LATER), &mut log);
        keep(&mut engine, &mut elsewhere);
        let mut whole = Engine::new(rearranged(), registry(), setup());
        for record in &records {
            feed(&mut whole, record, &mut log);
        }
        whole.tick(Timestamp::from_seconds(LATER), &mut log);
        prop_assert_eq!(held(&engine), held(&whole));
        // Nothing stands there under old numbers any more.
        let again = restart(rearranged(), &elsewhere, None);
        prop_assert_eq!(held(&again), held(&whole));
    }
}

const OWN: &str = "apiVersion: driftline/v1
kind: Detector
id: OWN-001
title: {en: A group of our own, zh: 组}
severity: low
maturity: stable
area: virtual firewalls
applies_to: network.security_group
insecure: self.id.startsWith('sg-')
why: It is ours.
fix: {aws: Leave it.}
tests:
  - name: a group
    events:
      - {aws: {source: ec2.amazonaws.com, name: CreateSecurityGroup, request: {groupName: g}, response: {groupId: sg-1}}}
    expect: [opened low]
";

#[test]
fn what_only_a_detector_saw_that_is_no_more_is_withdrawn_once_through_aborts_and_restarts() {
    let group = cloudtrail(
        ACCOUNT,
        "e1",
        0,
        "ec2.amazonaws.com",
        "CreateSecurityGroup",
        &json!({"groupName": "g", "vpcId": "vpc-1"}),
        &json!({"groupId": "sg-1"}),
    );
    for running in [false, true] {
        let (mut engine, mut log) =
            (keeping(pack_with(&[("own/own-001.yaml", OWN)])), Log::default());
        let mut elsewhere = Elsewhere::new();
        feed(&mut engine, &group, &mut log);
        keep(&mut engine, &mut elsewhere);
        assert_eq!(log.steps.len(), 1, "{}", log.text);
        if running {
            engine.adopt(pack(), &mut log);
        } else {
            engine = restart(pack(), &elsewhere, None);
        }
        let now = Timestamp::from_seconds(LATER);
        for _ in 0..2 {
            let mut told = Log::default();
            engine.tick(now, &mut told);
            let ends: Vec<Step> = told.steps.iter().map(|line| line.step).collect();
            assert_eq!(ends, [Step::Retracted], "{}", told.text);
            assert_eq!(told.steps[0].detectors, ["OWN-001"]);
            engine.take_back();
        }
        engine.tick(now, &mut log);
        keep(&mut engine, &mut elsewhere);
        let mut again = restart(pack(), &elsewhere, None);
        let mut told = Log::default();
        again.tick(now, &mut told);
        assert_eq!(told.steps, [], "it was told");
    }
}
