//! The tests that content carries: `tests:` of detectors and mappings enter, plain cases leave.
//!
//! Nothing runs here; a runner feeds the events of a case through the pipeline and compares.

mod said;

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value as Json;

use super::compiled::Source;
use super::doc::Doc;
use super::files::Files;
use super::literal::{json, span};
use super::tree::{Data, Node};
use super::wire;
use crate::model::{Schema, Severity, Step};

pub use said::{ExpectAct, ExpectFacets, ExpectSaid};

/// The tests of one detector or mapping.
#[derive(Clone, Debug)]
pub struct Suite {
    /// Whose.
    pub subject: Subject,
    /// Its cases, in file order.
    pub cases: Vec<Case>,
}

/// What a suite tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The detector of that id.
    Detector(Arc<str>),
    /// The mapping of that file.
    Mapping(Arc<str>),
}

/// One test.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name, a sentence.
    pub name: Box<str>,
    /// What happens.
    pub events: Vec<Given>,
    /// What must come of it.
    pub expect: Expect,
    /// Where it stands.
    pub source: Source,
    /// The bytes of the file that say what must come of it.
    pub expected: Range<usize>,
}

/// What happens in a test.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    /// A recorded event, with members overwritten: dotted path and value.
    Fixture {
        /// Path below `fixtures/`.
        path: Box<str>,
        /// What is overwritten.
        set: Vec<(Box<str>, Json)>,
    },
    /// Time passes: microseconds.
    Wait(i64),
    /// An event in short form.
    Event(CaseEvent),
}

/// An event in short form; [`super::wire::expand`] makes it the cloud's own JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseEvent {
    /// Which cloud's, and which of its formats.
    pub form: EventForm,
    /// Time of day in seconds, where the test says.
    pub at: Option<u32>,
    /// The form's own keys.
    pub body: serde_json::Map<String, Json>,
}

/// The short forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventForm {
    /// Huawei CTS trace.
    Huawei,
    /// Huawei Config notification.
    HuaweiConfig,
    /// CloudTrail event.
    Aws,
    /// AWS Config configuration item.
    AwsConfig,
    /// Azure activity log record.
    Azure,
    /// Azure Event Grid resource notification.
    AzureResource,
    /// GCP audit log entry.
    Gcp,
    /// GCP asset feed message.
    GcpAsset,
}

impl EventForm {
    /// Every form.
    pub const ALL: [Self; 8] = [
        Self::Huawei,
        Self::HuaweiConfig,
        Self::Aws,
        Self::AwsConfig,
        Self::Azure,
        Self::AzureResource,
        Self::Gcp,
        Self::GcpAsset,
    ];

    /// The key that tests write.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Huawei => "huawei",
            Self::HuaweiConfig => "huawei_config",
            Self::Aws => "aws",
            Self::AwsConfig => "aws_config",
            Self::Azure => "azure",
            Self::AzureResource => "azure_resource",
            Self::Gcp => "gcp",
            Self::GcpAsset => "gcp_asset",
        }
    }

    /// The keys the form takes, required ones first.
    #[must_use]
    pub const fn keys(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::Huawei => (
                &["service", "type", "name"],
                &[
                    "resource_id",
                    "resource_name",
                    "request",
                    "response",
                    "failed",
                    "user",
                    "root",
                    "read_only",
                    "by",
                    "account",
                    "region",
                ],
            ),
            Self::HuaweiConfig => (
                &["type", "id"],
                &["event", "name", "properties", "tags", "by", "account", "region"],
            ),
            Self::Aws => (
                &["source", "name"],
                &[
                    "request", "response", "error", "user", "root", "by", "account", "region",
                    "extra",
                ],
            ),
            Self::AwsConfig => (
                &["type", "id"],
                &[
                    "arn",
                    "name",
                    "status",
                    "configuration",
                    "supplementary",
                    "tags",
                    "relationships",
                    "account",
                    "region",
                ],
            ),
            Self::Azure => (
                &["operation", "resource"],
                &["status", "request", "response", "correlation", "user", "by"],
            ),
            Self::AzureResource => {
                (&["id", "type"], &["properties", "tags", "deleted", "location"])
            }
            Self::Gcp => (
                &["service", "method", "resource"],
                &[
                    "request",
                    "response",
                    "metadata",
                    "operation",
                    "failed",
                    "user",
                    "by",
                    "account",
                ],
            ),
            Self::GcpAsset => (&["type", "name"], &["data", "iam", "deleted", "account", "prior"]),
        }
    }
}

/// What must come of a case.
#[derive(Clone, Debug, PartialEq)]
pub enum Expect {
    /// The steps of the detector, in order; none means silent.
    Steps(Vec<ExpectStep>),
    /// What the mapping must make of the events.
    Said(ExpectSaid),
}

/// One expected step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpectStep {
    /// Which.
    pub step: Step,
    /// How severe; not looked at where `None`.
    pub severity: Option<Severity>,
}

/// Reads a detector's tests.
pub(super) fn detector_suite(doc: &Doc<'_>, files: &Files, id: &Arc<str>) -> Option<Suite> {
    let cases = cases(doc, files, &["name", "events", "expect"], |node| {
        let expect = doc.need(node, "expect", "the test")?;
        Some(Expect::Steps(steps(doc, expect)))
    });
    (!cases.is_empty()).then(|| Suite { subject: Subject::Detector(id.clone()), cases })
}

/// Reads a mapping's tests.
pub(super) fn mapping_suite(doc: &Doc<'_>, files: &Files, schema: &Schema) -> Option<Suite> {
    let keys = ["name", "event", "events", "facets", "acts", "outcomes"];
    let cases = cases(doc, files, &keys, |node| said::said(doc, schema, node).map(Expect::Said));
    (!cases.is_empty()).then(|| Suite { subject: Subject::Mapping(doc.file.path.clone()), cases })
}

fn cases(
    doc: &Doc<'_>,
    files: &Files,
    keys: &[&str],
    expect: impl Fn(&Node) -> Option<Expect>,
) -> Vec<Case> {
    let Some(node) = doc.root.get("tests").filter(|node| !node.is_null()) else {
        return Vec::new();
    };
    let Data::Seq(items) = &node.data else {
        doc.error(&node.span, format!("`tests` must be a list, not {}", node.what()));
        return Vec::new();
    };
    let mut cases: Vec<Case> = Vec::new();
    for item in items {
        doc.only(item, "a test", keys);
        let name = doc.need(item, "name", "the test").and_then(|node| doc.word(node, "`name`"));
        let first = if item.get("event").is_some() { "event" } else { "events" };
        let Some(events) = doc.need(item, first, "the test") else { continue };
        let events: Vec<Given> =
            events.one_or_many().into_iter().filter_map(|node| given(doc, files, node)).collect();
        let (Some(name), Some(expect)) = (name, expect(item)) else { continue };
        if cases.iter().any(|case| &*case.name == name) {
            let span = item.get("name").map_or(&item.span, |node| &node.span);
            doc.error(span, format!("a test `{name}` is already there"));
        }
        let source = doc.source(&item.span);
        let expected = item.get("expect").or_else(|| item.get("facets"));
        let expected = expected.map_or(0..0, |node| written(doc, node));
        cases.push(Case { name: name.into(), events, expect, source, expected });
    }
    cases
}

/// The bytes of a value. A list with dashes ends with its last item, and not where the next key
/// begins.
fn written(doc: &Doc<'_>, node: &Node) -> Range<usize> {
    let flow = doc.file.text.get(node.span.start..).is_some_and(|text| text.starts_with('['));
    match &node.data {
        Data::Seq(items) if !flow => {
            node.span.start..items.last().map_or(node.span.end, |last| last.span.end)
        }
        _ => node.span.clone(),
    }
}

fn given(doc: &Doc<'_>, files: &Files, node: &Node) -> Option<Given> {
    if let Some(fixture) = node.get("fixture") {
        doc.only(node, "a fixture", &["fixture", "set"]);
        let path = doc.word(fixture, "`fixture`")?;
        if files.fixture(path).is_none() {
            let message = format!("no fixture `{path}`");
            doc.error_hint(&fixture.span, message, "put the file below `fixtures/`");
        }
        let set = node.get("set").map_or(&[][..], |node| doc.map(node, "`set`"));
        let set = set.iter().map(|(key, value)| (key.text.as_str().into(), json(value))).collect();
        return Some(Given::Fixture { path: path.into(), set });
    }
    if let Some(wait) = node.get("wait") {
        doc.only(node, "a wait", &["wait"]);
        let text = doc.word(wait, "`wait`")?;
        let found = span(text);
        if found.is_none() {
            let message = format!("`{text}` is no span of time");
            doc.error_hint(&wait.span, message, "write `30s`, `15m`, `4h` or `7d`");
        }
        return found.map(Given::Wait);
    }
    short_form(doc, node).map(Given::Event)
}

fn short_form(doc: &Doc<'_>, node: &Node) -> Option<CaseEvent> {
    let known: Vec<&str> = EventForm::ALL.iter().map(|form| form.as_str()).collect();
    let found = EventForm::ALL.iter().find_map(|form| Some((*form, node.get(form.as_str())?)));
    let all: Vec<&str> = known.iter().copied().chain(["fixture", "wait", "at", "by"]).collect();
    doc.only(node, "an event", &all);
    let Some((form, body)) = found else {
        if node.entries().iter().all(|(key, _)| all.contains(&key.text.as_str())) {
            doc.error(&node.span, format!("an event is one of `{}`", all.join("`, `")));
        }
        return None;
    };
    let what = format!("`{}`", form.as_str());
    let (required, optional) = form.keys();
    let keys: Vec<&str> = required.iter().chain(optional).copied().chain(["at"]).collect();
    doc.only(body, &what, &keys);
    for key in required {
        doc.need(body, key, &what);
    }
    let Json::Object(mut map) = json(body) else { return None };
    map.remove("at");
    if let Some(by) = node.get("by").and_then(Node::text) {
        map.insert("by".to_owned(), Json::from(by));
    }
    let at = node.get("at").or_else(|| body.get("at"));
    let at = at.and_then(|node| {
        let found = node.text().and_then(wire::time_of_day);
        if found.is_none() {
            doc.error_hint(&node.span, "not a time of day", "write it as `12:00:30`");
        }
        found
    });
    Some(CaseEvent { form, at, body: map })
}

fn steps(doc: &Doc<'_>, node: &Node) -> Vec<ExpectStep> {
    let mut steps = Vec::new();
    let words = doc.words(node, "a step");
    for (text, at) in &words {
        if *text == "silent" {
            if words.len() > 1 {
                doc.error(&at.span, "`silent` stands alone");
            }
            continue;
        }
        let (name, severity) = match text.split_once(' ') {
            Some((name, severity)) => (name, Some(severity.trim())),
            None => (*text, None),
        };
        let all = [Step::Opened, Step::Updated, Step::Resolved, Step::Retracted];
        let Some(step) = all.into_iter().find(|step| step.as_str() == name) else {
            let known = all.iter().map(|step| step.as_str()).chain(["silent"]);
            doc.unknown(&at.span, format!("unknown step `{name}`"), name, known);
            continue;
        };
        let severity = severity.and_then(|word| {
            let found = Severity::from_name(word);
            if found.is_none() {
                let known = Severity::ALL.iter().map(|severity| severity.as_str());
                doc.unknown(&at.span, format!("unknown severity `{word}`"), word, known);
            }
            found
        });
        steps.push(ExpectStep { step, severity });
    }
    steps
}
