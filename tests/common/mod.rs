//! What the integration tests share: an engine over the shipped pack, and a sink that remembers.
#![allow(dead_code, reason = "each test file uses its own part of this")]
#![allow(clippy::panic, reason = "a test without the pack has nothing to say")]

use std::sync::{Arc, OnceLock};

use driftline::content::{Content, Detector, Files, load};
use driftline::decode::Record;
use driftline::engine::{Engine, EventOutcome, Setup, Sink};
use driftline::model::{FindingChange, Outcome, Step};
use driftline::tenant::Registry;

/// The shipped pack, loaded once.
pub fn pack() -> Arc<Content> {
    static PACK: OnceLock<Arc<Content>> = OnceLock::new();
    let content = PACK.get_or_init(|| {
        let (content, _) = load(&Files::shipped(), &driftline::content::functions())
            .unwrap_or_else(|faults| panic!("the shipped pack does not load: {}", faults[0]));
        Arc::new(content)
    });
    Arc::clone(content)
}

/// An engine in which each account is its own tenant.
pub fn engine() -> Engine {
    Engine::new(pack(), Arc::new(Registry::own_tenants()), Setup::default())
}

/// What an engine told.
#[derive(Default)]
pub struct Log {
    pub outcomes: Vec<Outcome>,
    pub steps: Vec<Line>,
    pub text: String,
}

/// One step, as tests look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub id: String,
    pub uid: String,
    pub tenant: String,
    pub step: Step,
    pub resource: String,
    pub detectors: Vec<String>,
    pub time: i64,
    pub actor: String,
    pub summary: Option<usize>,
}

impl Sink for Log {
    fn outcome(&mut self, outcome: &EventOutcome<'_>) {
        self.outcomes.push(outcome.outcome);
        self.text.push_str(&format!("{outcome:?}\n"));
    }

    fn finding(&mut self, change: &FindingChange, _: &Detector, _: &Content) {
        self.text.push_str(&format!("{change:?}\n"));
        let mut detectors: Vec<String> =
            change.finding.reasons.iter().map(|reason| reason.detector.to_string()).collect();
        detectors.sort();
        self.steps.push(Line {
            id: change.id.to_string(),
            uid: change.finding.uid.to_string(),
            tenant: change.finding.cell.tenant.to_string(),
            step: change.step,
            resource: change.finding.resource.to_string(),
            detectors,
            time: change.time.0,
            actor: change.cause.actor_name.to_string(),
            summary: change.summary.as_ref().map(|summary| summary.count),
        });
    }
}

/// Gives one JSON record to an engine.
pub fn feed(engine: &mut Engine, value: &serde_json::Value, log: &mut Log) {
    let bytes = value.to_string();
    engine.record(&Record { value: bytes.as_bytes(), ..Record::default() }, log);
}

/// A CloudTrail record, `second` seconds into a day.
pub fn cloudtrail(
    account: &str,
    id: &str,
    second: i64,
    source: &str,
    name: &str,
    request: serde_json::Value,
    response: serde_json::Value,
) -> serde_json::Value {
    serde_json::json!({
        "eventVersion": "1.09",
        "userIdentity": {
            "type": "IAMUser", "principalId": "AIDAEXAMPLE", "accountId": account,
            "arn": format!("arn:aws:iam::{account}:user/dana"), "userName": "dana",
        },
        "eventTime": clock(second),
        "eventSource": source, "eventName": name, "awsRegion": "eu-west-1",
        "sourceIPAddress": "203.0.113.24", "userAgent": "aws-cli/2.17",
        "requestParameters": request, "responseElements": response,
        "requestID": id, "eventID": id, "readOnly": false, "eventType": "AwsApiCall",
        "managementEvent": true, "recipientAccountId": account, "eventCategory": "Management",
    })
}

/// `second` seconds after noon of a day.
pub fn clock(second: i64) -> String {
    let (hour, minute) = (12 + second / 3_600, second / 60 % 60);
    format!("2026-03-02T{hour:02}:{minute:02}:{:02}Z", second % 60)
}
