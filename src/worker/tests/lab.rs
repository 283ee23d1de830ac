//! A small pack and the records of a small cloud.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde_json::json;

use crate::content::{Content, Detector, Files, load};
use crate::decode;
use crate::engine::{Engine, EventOutcome, Setup, Sink};
use crate::log::memory::Dice;
use crate::model::{Digest, FindingChange, Timestamp};
use crate::tenant::Registry;
use crate::wire::{self, control::Control};
use crate::worker::Role;

/// A record of the changes: offset, key and value.
pub type Record = (u64, String, Vec<u8>);

/// When everything begins: 2026-03-02 12:00 UTC.
pub const NOON: i64 = 1_772_452_800;

const KIND: &str = "apiVersion: driftline/v1
kind: Kind
id: lab.door
area: tenant data
doc: A door.
facets:
  open: bool
  grade: int
";

const ACTS: &str = "apiVersion: driftline/v1
kind: Acts
acts:
  slammed:
    door: {type: string, doc: which}
";

const MAPPING: &str = "apiVersion: driftline/v1
kind: Mapping
provider: aws
service: lab.amazonaws.com
on:
  - event: OpenDoor
    resource: {kind: lab.door, id: request.door}
    put: {open: true, grade: request.grade}
  - event: CloseDoor
    resource: {kind: lab.door, id: request.door}
    put: {open: false}
  - event: DeleteDoor
    resource: {kind: lab.door, id: request.door}
    delete: true
  - event: SlamDoor
    act: {slammed: {door: request.door}}
";

const OPEN: &str = "apiVersion: driftline/v1
kind: Detector
id: LAB-001
title: {en: A door is open, zh: 门}
severity:
  - {when: grade > 5, is: high}
  - {is: low}
maturity: stable
area: tenant data
applies_to: lab.door
insecure: open
why: Anybody may come in.
fix: {aws: Close it.}
";

const SLAM: &str = "apiVersion: driftline/v1
kind: Detector
id: LAB-002
title: {en: A door was slammed, zh: 门}
severity: low
maturity: stable
area: tenant data
on_act: {act: slammed}
why: It is loud.
fix: {aws: Close it gently.}
";

const NOISE: &str = "apiVersion: driftline/v1
kind: Detector
id: LAB-003
title: {en: Many doors were slammed, zh: 门}
severity: high
maturity: stable
area: tenant data
window: {by: actor, count: {of: [act slammed], at_least: 3, within: 30m}}
why: It is very loud.
fix: {aws: Go home.}
";

const LONG: &str = "apiVersion: driftline/v1
kind: Detector
id: LAB-004
title: {en: A door stays open, zh: 门}
severity: medium
maturity: stable
area: tenant data
window: {by: finding, open_longer: {of: [LAB-001], spans: {low: 6h, high: 6h}}}
why: Anybody may have come in.
fix: {aws: Close it and look around.}
";

/// What the other pack has beside: its kind comes first, so the numbers of all others are other ones.
const ANNEX: &str = "apiVersion: driftline/v1
kind: Kind
id: lab.annex
area: tenant data
doc: An annex.
facets:
  above: bool
";

const LOUD: &str = "apiVersion: driftline/v1
kind: Detector
id: LAB-005
title: {en: A door was slammed loudly, zh: 门}
severity: medium
maturity: stable
area: tenant data
on_act: {act: slammed}
why: It is very loud.
fix: {aws: Close it gently.}
";

const OWN: [(&str, &str); 7] = [
    ("kinds/lab.door.yaml", KIND),
    ("acts.yaml", ACTS),
    ("mappings/lab.yaml", MAPPING),
    ("detectors/lab-001.yaml", OPEN),
    ("detectors/lab-002.yaml", SLAM),
    ("detectors/lab-003.yaml", NOISE),
    ("detectors/lab-004.yaml", LONG),
];

/// The pack, loaded once.
pub fn pack() -> Arc<Content> {
    static PACK: OnceLock<Arc<Content>> = OnceLock::new();
    Arc::clone(PACK.get_or_init(|| loaded(&[])))
}

/// Another pack, which tells more of what is done.
pub fn other() -> Arc<Content> {
    static OTHER: OnceLock<Arc<Content>> = OnceLock::new();
    let more = [("kinds/lab.annex.yaml", ANNEX), ("detectors/lab-005.yaml", LOUD)];
    Arc::clone(OTHER.get_or_init(|| loaded(&more)))
}

fn loaded(more: &[(&str, &str)]) -> Arc<Content> {
    let mut files = Files::new();
    for (path, text) in OWN.iter().chain(more) {
        files.add(path, (*text).to_owned());
    }
    let loaded = load(&files, &crate::cloud::tables());
    let (content, _) = loaded.unwrap_or_else(|faults| {
        panic!("{}", faults.iter().map(ToString::to_string).collect::<String>())
    });
    Arc::new(content)
}

/// What happens in some accounts, in order: account and record.
pub fn records(dice: &mut Dice, count: usize) -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<(String, Vec<u8>)> = Vec::with_capacity(count);
    for number in 0..count {
        if number > 2 && dice.below(8) == 0 {
            // Clouds deliver twice now and then.
            let again = usize::try_from(dice.below(number as u64)).unwrap_or_default();
            all.push(all[again].clone());
            continue;
        }
        let account = format!("11112222{:04}", dice.below(5));
        let name = ["OpenDoor", "OpenDoor", "CloseDoor", "DeleteDoor", "SlamDoor", "ListDoors"]
            [usize::try_from(dice.below(6)).unwrap_or_default()];
        let second = i64::try_from(number).unwrap_or_default();
        let record = json!({
            "eventVersion": "1.11",
            "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::1:user/bea", "accountId": account,
                "userName": "bea"},
            "eventTime": Timestamp::from_seconds(NOON + second).to_string(),
            "eventSource": "lab.amazonaws.com",
            "eventName": name,
            "awsRegion": "eu-west-1",
            "sourceIPAddress": "203.0.113.5",
            "requestParameters": {"door": format!("d{}", dice.below(3)), "grade": dice.below(10)},
            "responseElements": null,
            "eventID": format!("{}{number}", kind(dice)),
            "readOnly": name == "ListDoors",
            "eventType": "AwsApiCall",
            "recipientAccountId": account,
        });
        all.push((account, record.to_string().into_bytes()));
    }
    all
}

/// How an event's id begins: hardly ever so that whoever reads it breaks.
fn kind(dice: &mut Dice) -> &'static str {
    match dice.below(40) {
        0 => "trip-ingest-",
        1 => "trip-detect-",
        _ => "event-",
    }
}

/// How many records break a role that reads them.
pub fn trips(records: &[(String, Vec<u8>)], role: Role) -> usize {
    let word = format!("\"trip-{}", role.as_str());
    let holds = |value: &[u8]| value.windows(word.len()).any(|part| part == word.as_bytes());
    records.iter().filter(|(_, value)| holds(value) && !is_read(value)).count()
}

/// Whether a record only reads: then nobody looks at it closely.
fn is_read(value: &[u8]) -> bool {
    let mark = b"\"readOnly\":true";
    value.windows(mark.len()).any(|part| part == mark)
}

/// What must be told and held, whatever goes wrong.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Truth {
    /// The ids of alerts by cell, in order.
    pub alerts: BTreeMap<String, Vec<String>>,
    /// Resources and findings as text, sorted.
    pub held: Vec<String>,
}

#[derive(Default)]
struct Listener(BTreeMap<String, Vec<String>>);

impl Sink for Listener {
    fn outcome(&mut self, _: &EventOutcome<'_>) {}

    fn finding(&mut self, change: &FindingChange, _: &Detector, _: &Content) {
        let cell = change.finding.cell.to_string();
        self.0.entry(cell).or_default().push(change.id.to_string());
    }
}

/// The records through one pipeline in which nothing goes wrong.
pub fn truth(records: &[(String, Vec<u8>)]) -> Truth {
    let mut engine = Engine::new(pack(), Arc::new(Registry::own_tenants()), Setup::default());
    let mut listener = Listener::default();
    for (_, value) in records {
        let mark = b"\"trip-";
        if value.windows(mark.len()).any(|part| part == mark) {
            continue;
        }
        engine.record(&decode::Record { value, headers: &[], time: None }, &mut listener);
    }
    engine.tick(Timestamp::from_seconds(NOON + 24 * 3_600), &mut listener);
    Truth { alerts: listener.0, held: held(&[&engine]) }
}

/// What must be told by whoever reads the changes again: of each partition its records in order, each
/// by the content that its control records name for its place.
///
/// # Errors
/// What can't be read.
pub fn retold(partitions: &BTreeMap<u32, Vec<Record>>) -> Result<Truth, String> {
    let mut listener = Listener::default();
    let mut engines = Vec::new();
    let registry = Arc::new(Registry::own_tenants());
    for records in partitions.values() {
        let mut named: Vec<(u64, Digest)> = Vec::new();
        for (at, key, value) in records {
            if key.is_empty() {
                let control = Control::decode(value).map_err(|error| error.to_string())?;
                named.push((control.since.unwrap_or(at + 1), control.content));
            }
        }
        let mut engine = Engine::new(pack(), Arc::clone(&registry), Setup::default());
        let mut current = pack();
        for (at, _, value) in records.iter().filter(|(_, key, _)| !key.is_empty()) {
            // A claim may be written behind a command that its writer has still to read.
            let of = named.iter().filter(|(since, _)| since <= at).max_by_key(|(since, _)| *since);
            let (_, digest) = of.ok_or_else(|| format!("nothing names what judged {at}"))?;
            if *digest != current.digest {
                current = if *digest == pack().digest { pack() } else { other() };
                engine.adopt(Arc::clone(&current), &mut listener);
            }
            let heard = wire::event::decode(value, &current.schema).map_err(|e| e.to_string())?;
            if !heard.change.cause.id.starts_with("trip-") {
                let came = heard.change.cause.time;
                engine.change(heard.change, came, heard.origin.reads, &mut listener);
            }
        }
        engine.tick(Timestamp::from_seconds(NOON + 24 * 3_600), &mut listener);
        engines.push(engine);
    }
    let engines: Vec<&Engine> = engines.iter().collect();
    Ok(Truth { alerts: listener.0, held: held(&engines) })
}

/// What engines hold together.
pub fn held(engines: &[&Engine]) -> Vec<String> {
    let mut all = Vec::new();
    for engine in engines {
        engine.resources(&mut |r| {
            all.push(format!("{} {} {} {}", r.cell, r.kind, r.id, r.facets));
        });
        engine.each_finding(&mut |finding| {
            let reasons: Vec<&str> = finding.reasons.iter().map(|r| &*r.detector).collect();
            let steps = finding.steps;
            all.push(format!("{} {} {reasons:?} {steps}", finding.cell, finding.uid));
        });
    }
    all.sort();
    all
}
