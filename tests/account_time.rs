//! Each account has its own time: how late its events come is no other's concern.

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::records::{ACCOUNT, NOON, authorize, revoke};
use common::{Log, pack};
use driftline::decode::Record;
use driftline::engine::{Engine, EventOutcome, Gate, Intake, Kept, Setup};
use driftline::model::{Cell, Change, Step, Timestamp};
use driftline::state::Part;
use driftline::tenant::Registry;
use serde_json::Value;

const WORLD: &str = "0.0.0.0/0";
const MINUTE: i64 = 60;

#[derive(Default)]
struct Changes(Vec<Change>);

impl Gate for Changes {
    fn outcome(&mut self, _: &EventOutcome<'_>) {}

    fn change(&mut self, change: &Change, _: &EventOutcome<'_>) {
        self.0.push(change.clone());
    }
}

struct Stage {
    engine: Engine,
    log: Log,
    kept: BTreeMap<Cell, BTreeMap<Part, Box<[u8]>>>,
}

/// An instant, in seconds after noon.
fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(NOON + second)
}

fn fresh() -> Engine {
    Engine::keeping(pack(), Arc::new(Registry::own_tenants()), Setup::default())
}

impl Stage {
    fn new() -> Self {
        Self { engine: fresh(), log: Log::default(), kept: BTreeMap::new() }
    }

    /// Takes in a record that came at this second.
    fn say(&mut self, record: &Value, came: i64) {
        let registry = Arc::new(Registry::own_tenants());
        let mut intake = Intake::new(pack(), registry, Setup::default());
        let mut changes = Changes::default();
        let value = record.to_string();
        let record = Record { value: value.as_bytes(), headers: &[], time: None };
        intake.record(&record, None, &mut changes);
        assert_eq!(changes.0.len(), 1, "{value}");
        for change in changes.0 {
            self.engine.change(change, at(came), false, &mut self.log);
        }
    }

    /// Everything that came up to this second is taken in.
    fn reach(&mut self, second: i64) {
        self.engine.pass(at(second), &mut self.log);
    }

    /// Goes on as another process that has only what was kept.
    fn restart(&mut self) {
        let kept = &mut self.kept;
        self.engine.each_touched(&mut |Kept { cell, part, bytes }| {
            let parts = kept.entry(cell.clone()).or_default();
            match bytes {
                Some(bytes) => drop(parts.insert(part.clone(), bytes.into())),
                None => drop(parts.remove(part)),
            }
        });
        self.engine = fresh();
        for (cell, parts) in &self.kept {
            self.engine.take_up(cell.clone(), parts.clone(), None).expect("it can be read");
        }
    }

    fn too_long(&self) -> Vec<Step> {
        let long = self.log.steps.iter().filter(|line| line.detectors == ["TMP-003"]);
        long.map(|line| line.step).collect()
    }
}

/// The same in another account.
fn elsewhere(record: &Value) -> Value {
    let text = record.to_string().replace(ACCOUNT, "444455556666");
    serde_json::from_str(&text).expect("JSON")
}

/// An account whose events come 20 minutes late opens a port at noon, beside one whose come at once.
fn late_beside_early(closes: bool) -> Stage {
    let mut stage = Stage::new();
    stage.say(&authorize("a", 0, "sg-1", "r", 22, WORLD), 20 * MINUTE);
    for (id, minute) in [("b", 30), ("c", 65), ("d", 79)] {
        let early = elsewhere(&revoke(id, minute * MINUTE, "sg-2", 22, WORLD));
        stage.say(&early, minute * MINUTE);
        stage.restart();
        stage.reach(minute * MINUTE);
        assert_eq!(stage.too_long(), [], "of its hour {} minutes are over", minute - 20);
    }
    if closes {
        // Closed in time, which is known as late as everything else of it.
        stage.say(&revoke("e", 59 * MINUTE, "sg-1", 22, WORLD), 79 * MINUTE);
    }
    stage.restart();
    stage.reach(81 * MINUTE);
    stage
}

#[test]
fn an_account_whose_events_come_late_is_not_hurried_by_another() {
    assert_eq!(late_beside_early(true).too_long(), []);
    assert_eq!(late_beside_early(false).too_long(), [Step::Opened]);
}

#[test]
fn an_event_from_the_future_ends_no_span_of_its_account() {
    let mut stage = Stage::new();
    stage.say(&authorize("a", 0, "sg-1", "r", 22, WORLD), 1);
    // A wrong clock, ten hours ahead.
    stage.say(&authorize("b", 36_000, "sg-2", "q", 3_000, "10.0.0.0/8"), 60);
    stage.reach(30 * MINUTE);
    assert_eq!(stage.too_long(), []);
    stage.reach(61 * MINUTE);
    assert_eq!(stage.too_long(), [Step::Opened]);
}
