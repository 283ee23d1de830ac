//! Whatever is explained: nothing panics, what is told is bounded, and explaining has no say in
//! what becomes of a record.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use proptest::prelude::*;
use serde_json::Value as Json;

use crate::alert::text::Paint;
use crate::content::{Content, Files, load, load_watched};
use crate::decode::Record;
use crate::engine::{Engine, EventOutcome, Setup, Sink};
use crate::model::{FindingChange, Limits};
use crate::tenant::Registry;

use super::steps::{Form, Steps};
use super::way::Way;

/// Bytes that an event is told in at most, in these tests.
const BOUND: usize = 4 << 20;

fn ordinary() -> Arc<Content> {
    static PACK: OnceLock<Arc<Content>> = OnceLock::new();
    Arc::clone(PACK.get_or_init(|| {
        Arc::new(load(&Files::shipped(), &crate::cloud::tables()).expect("it loads").0)
    }))
}

fn watched() -> Arc<Content> {
    static PACK: OnceLock<Arc<Content>> = OnceLock::new();
    Arc::clone(PACK.get_or_init(|| {
        Arc::new(load_watched(&Files::shipped(), &crate::cloud::tables()).expect("it loads").0)
    }))
}

fn engine(content: Arc<Content>) -> Engine {
    let setup = Setup { detailed: true, ..Setup::default() };
    Engine::new(content, Arc::new(Registry::own_tenants()), setup)
}

/// The samples of every wire format.
fn samples() -> &'static [Vec<u8>] {
    static SAMPLES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    SAMPLES.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/wire");
        let files = fs::read_dir(folder).expect("the samples");
        let mut paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
        paths.sort();
        paths.into_iter().map(|path| fs::read(path).expect("a sample")).collect()
    })
}

/// Everything an engine tells, as text.
#[derive(Default)]
struct Log(String, usize);

impl Sink for Log {
    fn outcome(&mut self, outcome: &EventOutcome<'_>) {
        let _ = writeln!(self.0, "{outcome:?}");
        self.1 += 1;
    }

    fn finding(&mut self, change: &FindingChange, _: &crate::content::Detector, _: &Content) {
        let _ = writeln!(self.0, "{change:?}");
    }

    fn kept(&mut self, change: &FindingChange) {
        let _ = writeln!(self.0, "kept {change:?}");
    }
}

/// What the records' way is told as.
fn told(records: &[Vec<u8>], form: Form) -> String {
    let (content, limits) = (watched(), Limits::default());
    let steps = Steps::new(&content, None, form);
    let mut way = Way::new(&steps, &content, None, &limits, form);
    let mut engine = engine(Arc::clone(&content));
    for (number, value) in (0..).zip(records) {
        way.record(number);
        engine.explain(&Record { value, ..Record::default() }, &steps, &mut way);
    }
    engine.finish(&mut way);
    way.finish(&engine);
    way.take()
}

/// What an engine makes of the records, explaining or not.
fn made(records: &[Vec<u8>], content: &Arc<Content>, explaining: bool) -> Log {
    let steps = Steps::new(content, None, Form::Text(Paint::Plain));
    let mut engine = engine(Arc::clone(content));
    let mut log = Log::default();
    for value in records {
        let record = Record { value, ..Record::default() };
        if explaining {
            engine.explain(&record, &steps, &mut log);
        } else {
            engine.record(&record, &mut log);
        }
        steps.take();
    }
    engine.finish(&mut log);
    engine.resources(&mut |dump| {
        let _ = writeln!(log.0, "{dump:?}");
    });
    log
}

/// Samples with a byte changed here and there, or none.
fn records() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
    let record = (any::<prop::sample::Index>(), edits).prop_map(|(which, edits)| {
        let mut bytes = samples()[which.index(samples().len())].clone();
        for (place, byte) in edits {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        bytes
    });
    prop::collection::vec(record, 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn explaining_changes_no_outcome_no_alert_and_no_state(records in records()) {
        let plain = made(&records, &ordinary(), false);
        let explained = made(&records, &watched(), true);
        prop_assert_eq!(plain.0, explained.0);
    }

    #[test]
    fn whatever_the_bytes_the_way_is_told_within_bounds(records in records()) {
        let events = made(&records, &ordinary(), false).1;
        let text = told(&records, Form::Text(Paint::Plain));
        prop_assert!(text.len() <= BOUND * (events + 1), "{}", text.len());
        let escape = char::from(0x1b);
        prop_assert!(!text.contains(escape));
        let json = told(&records, Form::Json);
        prop_assert_eq!(json.lines().count(), events);
        for line in json.lines() {
            prop_assert!(line.len() <= BOUND, "{}", line.len());
            let document: Json = serde_json::from_str(line).expect("each line is JSON");
            prop_assert!(document["steps"].is_array());
        }
    }

    #[test]
    fn bytes_of_no_format_are_told_too(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let json = told(std::slice::from_ref(&bytes), Form::Json);
        prop_assert!(json.lines().count() >= 1);
        prop_assert!(told(&[bytes], Form::Text(Paint::Plain)).contains("outcome"));
    }
}

/// A record whose every text is a thousand characters, and whose lists are long.
#[test]
fn a_list_of_hundreds_is_told_in_few_lines() {
    let ranges: Vec<Json> = (0..300)
        .map(|n| serde_json::json!({"cidrIp": format!("10.{}.{}.0/24", n / 250, n % 250)}))
        .collect();
    let record = serde_json::json!({
        "eventVersion": "1.11", "eventSource": "ec2.amazonaws.com",
        "eventName": "AuthorizeSecurityGroupIngress", "eventTime": "2026-03-02T12:00:00Z",
        "userIdentity": {"type": "IAMUser", "arn": "x".repeat(1_000),
            "accountId": "111122223333", "userName": "y".repeat(1_000)},
        "awsRegion": "eu-west-1", "sourceIPAddress": "203.0.113.5", "userAgent": "cli",
        "requestParameters": {"groupId": "sg-1", "ipPermissions": {"items": [
            {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipRanges": {"items": ranges}}]}},
        "responseElements": {"_return": true}, "eventID": "e-1", "readOnly": false,
        "eventType": "AwsApiCall", "managementEvent": true, "recipientAccountId": "111122223333",
        "eventCategory": "Management",
    });
    let text = told(&[record.to_string().into_bytes()], Form::Text(Paint::Plain));
    let way = text.split("left in the state").next().unwrap_or_default();
    assert!(way.contains("outcome    applied"), "{way}");
    assert!(way.contains("more"), "{way}");
    assert!(way.lines().count() < 1_000, "{} lines", way.lines().count());
}
