//! What the integration tests share: an engine over the shipped pack, and a sink that remembers.
#![allow(dead_code, reason = "each test file uses its own part of this")]
#![allow(clippy::panic, reason = "a test without the pack has nothing to say")]

pub mod deeds;
pub mod edits;
pub mod fresh;
pub mod records;

use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use driftline::content::{Content, Detector, Files, load};
use driftline::decode::Record;
use driftline::engine::{Engine, EventOutcome, Setup, Sink};
use driftline::model::{Confidence, FindingChange, Limit, Outcome, Reached, Step, Timestamp};
use driftline::tenant::Registry;

/// The shipped pack, loaded once.
pub fn pack() -> Arc<Content> {
    static PACK: OnceLock<Arc<Content>> = OnceLock::new();
    let content = PACK.get_or_init(|| {
        let (content, _) = load(&Files::shipped(), &driftline::cloud::tables())
            .unwrap_or_else(|faults| panic!("the shipped pack does not load: {}", faults[0]));
        Arc::new(content)
    });
    Arc::clone(content)
}

/// The shipped pack behind some files more, or with others in the place of its own.
pub fn pack_with(changes: &[(&str, &str)]) -> Arc<Content> {
    let mut files = Files::new();
    for (path, text) in changes {
        files.add(path, (*text).to_owned());
    }
    for file in Files::shipped().all() {
        if changes.iter().all(|(path, _)| **path != *file.path) {
            files.add(&file.path, file.text.to_string());
        }
    }
    let (content, _) = load(&files, &driftline::cloud::tables())
        .unwrap_or_else(|faults| panic!("the changed pack does not load: {}", faults[0]));
    Arc::new(content)
}

/// The text of a shipped file.
pub fn shipped(path: &str) -> String {
    let files = Files::shipped();
    let found = files.all().iter().find(|file| file.path == path.into());
    found.map_or_else(|| panic!("no file `{path}` is shipped"), |file| file.text.to_string())
}

/// The shipped pack saying the same with every kind, facet and field in another place.
pub fn rearranged() -> Arc<Content> {
    const GROUP: &str = "config/content/kinds/network.security_group.yaml";
    const TYPES: &str = "config/content/types.yaml";
    static PACK: OnceLock<Arc<Content>> = OnceLock::new();
    let first = "    direction: {enum: [ingress, egress]}\n";
    let last = "    priority:  {type: int, default: 0}";
    let types = shipped(TYPES).replacen(first, "", 1).replacen(last, &format!("{first}{last}"), 1);
    let group = shipped(GROUP).replacen("facets:\n", "facets:\n  alien: string\n", 1);
    let new = "apiVersion: driftline/v1\nkind: Kind\nid: account.alien\narea: identity\n\
               doc: Not of this world.\nfacets:\n  alien: string\n";
    let load = || {
        let kind = "config/content/kinds/a.yaml";
        pack_with(&[(GROUP, &group), (TYPES, &types), (kind, new)])
    };
    Arc::clone(PACK.get_or_init(load))
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
    /// Which limits were reached, by whom, and whether for the first time.
    pub reached: Vec<(Limit, String, bool)>,
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
    pub provisional: bool,
}

impl Sink for Log {
    fn reached(&mut self, reached: &Reached, first: bool) {
        self.reached.push((reached.limit, reached.by.to_string(), first));
    }

    fn outcome(&mut self, outcome: &EventOutcome<'_>) {
        self.outcomes.push(outcome.outcome);
        let _ = writeln!(self.text, "{outcome:?}");
    }

    fn finding(&mut self, change: &FindingChange, _: &Detector, _: &Content) {
        let _ = writeln!(self.text, "{change:?}");
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
            provisional: change
                .finding
                .reasons
                .iter()
                .any(|reason| reason.confidence == Confidence::Provisional),
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
    request: &serde_json::Value,
    response: &serde_json::Value,
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

/// An engine and what it told, for tests that tell a story.
pub struct Play {
    pub engine: Engine,
    pub log: Log,
}

impl Play {
    /// Nothing has happened yet.
    pub fn new() -> Self {
        Self { engine: engine(), log: Log::default() }
    }

    /// An engine with bounds of its own.
    pub fn within(limits: driftline::model::Limits) -> Self {
        let setup = Setup { limits, ..Setup::default() };
        let engine = Engine::new(pack(), Arc::new(Registry::own_tenants()), setup);
        Self { engine, log: Log::default() }
    }

    /// These records, in this order.
    pub fn of(records: &[serde_json::Value]) -> Self {
        let mut play = Self::new();
        for record in records {
            play.say(record);
        }
        play
    }

    /// One record; its last event's outcome.
    pub fn say(&mut self, record: &serde_json::Value) -> Outcome {
        feed(&mut self.engine, record, &mut self.log);
        self.log.outcomes.last().copied().unwrap_or(Outcome::Dead)
    }

    /// Time passes to `second` seconds after noon.
    pub fn wait(&mut self, second: i64) {
        let now = Timestamp::from_seconds(records::NOON + second);
        self.engine.tick(now, &mut self.log);
    }

    /// The steps that concern a detector.
    pub fn steps(&self, detector: &str) -> Vec<Line> {
        let about = |line: &&Line| line.detectors.iter().any(|id| id == detector);
        self.log.steps.iter().filter(about).cloned().collect()
    }

    /// The steps that concern a detector, their kinds alone.
    pub fn story(&self, detector: &str) -> Vec<Step> {
        self.steps(detector).iter().map(|line| line.step).collect()
    }

    /// The open findings of a detector: uid, and whether it is provisional.
    pub fn open(&self, detector: &str) -> Vec<(String, bool)> {
        let mut open = Vec::new();
        self.engine.each_finding(&mut |finding| {
            if let Some(reason) = finding.reasons.iter().find(|r| &*r.detector == detector) {
                let provisional = reason.confidence == Confidence::Provisional;
                open.push((finding.uid.to_string(), provisional));
            }
        });
        open
    }

    /// What is held of a resource.
    pub fn facets(&self, id: &str) -> Option<serde_json::Value> {
        let mut found = None;
        self.engine.resources(&mut |resource| {
            if resource.id == id {
                found = Some(resource.facets.clone());
            }
        });
        found
    }
}
