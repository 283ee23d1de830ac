//! Alerts as they stand in the alerts topic into notices: what destinations write down.
//!
//! **Invariant:** every text of a notice is bounded and free of control characters, whoever wrote
//! the record; its ids fit into a header.

use std::sync::Arc;

use serde_json::Value;

use crate::alert::clean;
use crate::model::{Area, DeadReason, Novelty, Severity, Step, Timestamp};

/// Bytes of one text.
const TEXT: usize = 4_096;
/// Bytes of an id: what `PagerDuty` takes for a deduplication key.
const ID: usize = 255;
/// Tags and reasons of one notice.
const MANY: usize = 64;

/// One step of a finding's life, to be told to people.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// The alert's id: the idempotency key. Graphic ASCII, at most 255 bytes.
    pub id: String,
    /// The finding's uid, stable over its life. Graphic ASCII, at most 255 bytes.
    pub finding: String,
    /// Which step.
    pub step: Step,
    /// Of the most severe reason.
    pub severity: Severity,
    /// Whose.
    pub tenant: String,
    /// The cloud.
    pub provider: String,
    /// The account as the cloud names it.
    pub account: String,
    /// The region; empty where unknown.
    pub region: String,
    /// Part of the shared-responsibility model, where it is a known one.
    pub area: Option<Area>,
    /// The detectors that hold, the most severe first. Never empty.
    pub reasons: Vec<Reason>,
    /// The most severe reason's title.
    pub title: String,
    /// One plain sentence: who did what to what, and why it matters.
    pub message: String,
    /// Why it is insecure.
    pub why: String,
    /// The cloud's own id of the resource.
    pub resource: String,
    /// Its name; empty where never seen.
    pub name: String,
    /// Our kind of it.
    pub kind: String,
    /// Its owner; empty where never seen.
    pub owner: String,
    /// Its tags.
    pub tags: Vec<(String, String)>,
    /// Who; empty where the event does not say.
    pub actor: String,
    /// From where; empty where the event does not say.
    pub source_ip: String,
    /// How to repair it; empty where nothing is known.
    pub remediation: String,
    /// When, in event time.
    pub time: Timestamp,
    /// When the finding was opened, in event time.
    pub opened: Timestamp,
    /// Introduced or discovered.
    pub novelty: Novelty,
    /// Whether its detectors may page, where the alert tells it.
    pub experimental: Option<bool>,
    /// Whole seconds from its opening to this step.
    pub exposure_seconds: i64,
    /// For a summary of discovered findings: how many. Else 1.
    pub findings: u64,
    /// Whether it is such a summary: it opens, and nothing ever ends it.
    pub endless: bool,
    /// The alert as it stands in the topic.
    pub raw: Arc<[u8]>,
}

/// A detector that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Its id.
    pub detector: String,
    /// How bad.
    pub severity: Severity,
}

/// Why a record is no notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoticeError {
    /// It is not JSON.
    #[error("the alert is not JSON")]
    NotJson,
    /// A field that every alert has is missing.
    #[error("the alert has no `{0}`")]
    Missing(&'static str),
    /// A field holds what an alert never has there.
    #[error("the alert's `{0}` is not what it must be")]
    Bad(&'static str),
}

impl NoticeError {
    /// The reason of its dead letter.
    #[must_use]
    pub const fn reason(self) -> DeadReason {
        match self {
            Self::NotJson => DeadReason::NotJson,
            Self::Missing(_) => DeadReason::MissingField,
            Self::Bad(_) => DeadReason::BadField,
        }
    }
}

impl Notice {
    /// Reads an alert: an OCSF Detection Finding of [`crate::alert::ocsf`].
    ///
    /// # Errors
    /// Where it is none.
    pub fn parse(raw: &[u8]) -> Result<Self, NoticeError> {
        let alert: Value = serde_json::from_slice(raw).map_err(|_| NoticeError::NotJson)?;
        let own = &alert["unmapped"]["driftline"];
        let (info, cloud) = (&alert["finding_info"], &alert["cloud"]);
        let resource = &alert["resources"][0];
        let reasons = reasons(own, info);
        if reasons.is_empty() {
            return Err(NoticeError::Missing("finding_info.analytic.uid"));
        }
        let time = millis(&alert["time"]).ok_or(NoticeError::Missing("time"))?;
        let user = &alert["actor"]["user"];
        let owner = text(&resource["owner"]["name"]);
        Ok(Self {
            id: id(&alert["metadata"]["uid"], "metadata.uid")?,
            finding: id(&info["uid"], "finding_info.uid")?,
            step: step(&alert, own)?,
            severity: severity(&alert["severity_id"])?,
            tenant: text(&alert["metadata"]["tenant_uid"]),
            provider: text(&cloud["provider"]),
            account: text(&cloud["account"]["uid"]),
            region: text(&cloud["region"]),
            area: own["responsibility_area"].as_str().and_then(Area::from_name),
            reasons,
            title: text(&info["title"]),
            message: text(&alert["message"]),
            why: text(&info["desc"]),
            resource: text(&resource["uid"]),
            name: text(&resource["name"]),
            kind: text(&resource["type"]),
            owner,
            tags: tags(&own["tags"]),
            actor: [&user["name"], &user["uid"], &alert["actor"]["invoked_by"]]
                .into_iter()
                .map(text)
                .find(|text| !text.is_empty())
                .unwrap_or_default(),
            source_ip: text(&alert["src_endpoint"]["ip"]),
            remediation: text(&alert["remediation"]["desc"]),
            time,
            opened: millis(&info["first_seen_time"]).unwrap_or(time),
            novelty: if own["discovered"] == Value::Bool(true) {
                Novelty::Discovered
            } else {
                Novelty::Introduced
            },
            experimental: own["maturity"].as_str().map(|text| text == "experimental"),
            exposure_seconds: own["exposure_seconds"].as_i64().unwrap_or(0).max(0),
            findings: own["findings"].as_u64().unwrap_or(1),
            endless: own["findings"].is_u64(),
            raw: raw.into(),
        })
    }

    /// A notice that is marked as a test, for `send-test`.
    #[must_use]
    pub fn test(now: Timestamp) -> Self {
        let id = format!("driftline-test-{}", now.millis());
        let message = "This is a test of this destination by `driftline send-test`. Nothing \
                       happened, and nothing is to be done."
            .to_owned();
        let raw = serde_json::json!({
            "metadata": {"uid": id},
            "message": message,
            "unmapped": {"driftline": {"test": true}},
        });
        Self {
            finding: id.clone(),
            id,
            step: Step::Opened,
            severity: Severity::Informational,
            tenant: "driftline-test".to_owned(),
            provider: String::new(),
            account: String::new(),
            region: String::new(),
            area: None,
            reasons: vec![Reason {
                detector: "TEST".to_owned(),
                severity: Severity::Informational,
            }],
            title: "Test of a destination".to_owned(),
            message,
            why: String::new(),
            resource: "driftline".to_owned(),
            name: String::new(),
            kind: String::new(),
            owner: String::new(),
            tags: Vec::new(),
            actor: String::new(),
            source_ip: String::new(),
            remediation: String::new(),
            time: now,
            opened: now,
            novelty: Novelty::Introduced,
            experimental: Some(false),
            exposure_seconds: 0,
            findings: 1,
            endless: false,
            raw: raw.to_string().into_bytes().into(),
        }
    }

    /// Whether this step is an end: there is nothing any more that a person would have to do.
    #[must_use]
    pub const fn is_end(&self) -> bool {
        matches!(self.step, Step::Resolved | Step::Retracted)
    }

    /// The detector of the most severe reason.
    #[must_use]
    pub fn detector(&self) -> &str {
        self.reasons.first().map_or("", |reason| &reason.detector)
    }

    /// The resource's name, else its id.
    #[must_use]
    pub fn subject(&self) -> &str {
        if self.name.is_empty() { &self.resource } else { &self.name }
    }
}

fn text(value: &Value) -> String {
    value.as_str().map(|text| clean::text(text, TEXT)).unwrap_or_default()
}

fn id(value: &Value, name: &'static str) -> Result<String, NoticeError> {
    let id = value.as_str().ok_or(NoticeError::Missing(name))?;
    let fits = !id.is_empty() && id.len() <= ID && id.bytes().all(|byte| byte.is_ascii_graphic());
    if fits { Ok(id.to_owned()) } else { Err(NoticeError::Bad(name)) }
}

fn millis(value: &Value) -> Option<Timestamp> {
    value.as_i64().map(Timestamp::from_millis)
}

fn severity(value: &Value) -> Result<Severity, NoticeError> {
    let number = value.as_u64().ok_or(NoticeError::Missing("severity_id"))?;
    let known = Severity::ALL.into_iter().find(|known| u64::from(known.ocsf()) == number);
    // 6 is OCSF's "fatal".
    let fatal = (number == 6).then_some(Severity::Critical);
    known.or(fatal).ok_or(NoticeError::Bad("severity_id"))
}

fn step(alert: &Value, own: &Value) -> Result<Step, NoticeError> {
    let named = own["step"].as_str().and_then(|name| {
        let all = [Step::Opened, Step::Updated, Step::Resolved, Step::Retracted];
        all.into_iter().find(|step| step.as_str() == name)
    });
    if let Some(step) = named {
        return Ok(step);
    }
    match alert["activity_id"].as_u64() {
        Some(1) => Ok(Step::Opened),
        Some(2) => Ok(Step::Updated),
        Some(3) => Ok(Step::Resolved),
        Some(_) => Err(NoticeError::Bad("activity_id")),
        None => Err(NoticeError::Missing("activity_id")),
    }
}

fn reasons(own: &Value, info: &Value) -> Vec<Reason> {
    let told = own["reasons"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut all: Vec<Reason> = told
        .iter()
        .take(MANY)
        .map(|told| Reason {
            detector: text(&told["detector"]),
            severity: told["severity"]
                .as_str()
                .and_then(Severity::from_name)
                .unwrap_or(Severity::Informational),
        })
        .collect();
    if all.is_empty() {
        let detector = text(&info["analytic"]["uid"]);
        all.push(Reason { detector, severity: Severity::Informational });
    }
    all.retain(|reason| !reason.detector.is_empty());
    all
}

fn tags(value: &Value) -> Vec<(String, String)> {
    let Some(tags) = value.as_object() else { return Vec::new() };
    let pair = |(key, value): (&String, &Value)| (clean::text(key, TEXT), text(value));
    tags.iter().take(MANY).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::alert::{ocsf, samples};

    #[test]
    fn a_notice_holds_what_the_alert_tells() {
        let alert = samples::alert(|change| change.time = change.time.plus(5_500_000));
        let notice = Notice::parse(&ocsf::encode(&alert)).expect("an alert");
        assert_eq!(notice.id, alert.id);
        assert_eq!(notice.finding, alert.finding);
        assert_eq!((notice.step, notice.severity), (Step::Opened, Severity::High));
        assert_eq!((notice.tenant.as_str(), notice.provider.as_str()), ("acme", "aws"));
        assert_eq!(notice.account, "111122223333");
        assert_eq!(notice.region, "eu-west-1");
        assert_eq!(notice.area, Some(Area::VirtualFirewalls));
        let detectors: Vec<&str> = notice.reasons.iter().map(|r| r.detector.as_str()).collect();
        assert_eq!(detectors, ["FW-001", "FW-002"]);
        assert_eq!(notice.title, "SSH is open to the whole Internet");
        assert_eq!(notice.message, alert.message);
        assert_eq!((notice.resource.as_str(), notice.name.as_str()), ("sg-1", "web"));
        assert_eq!(notice.kind, "network.security_group");
        assert_eq!(notice.owner, "shop");
        assert_eq!(notice.tags, [("team".to_owned(), "shop".to_owned())]);
        assert_eq!((notice.actor.as_str(), notice.source_ip.as_str()), ("alice", "203.0.113.24"));
        assert_eq!(notice.remediation, "Narrow the rule to your own addresses.");
        assert_eq!(notice.time.millis(), alert.time.millis());
        assert_eq!(notice.opened, alert.opened);
        assert_eq!(notice.novelty, Novelty::Introduced);
        assert_eq!((notice.experimental, notice.exposure_seconds, notice.findings), (None, 5, 1));
    }

    #[test]
    fn a_summary_of_discoveries_says_how_many_and_that_nothing_ends_it() {
        let alert = samples::alert(|change| {
            change.summary = Some(crate::model::finding::Summary {
                count: 7,
                resources: vec!["a".into(), "b".into()],
            });
        });
        let notice = Notice::parse(&ocsf::encode(&alert)).expect("an alert");
        assert_eq!((notice.findings, notice.endless), (7, true));
    }

    #[test]
    fn every_step_is_read_as_it_was_told() {
        for step in [Step::Opened, Step::Updated, Step::Resolved, Step::Retracted] {
            let mut alert = samples::alert(|_| {});
            alert.step = step;
            let notice = Notice::parse(&ocsf::encode(&alert)).expect("an alert");
            assert_eq!(notice.step, step);
            assert_eq!(notice.is_end(), matches!(step, Step::Resolved | Step::Retracted));
        }
    }

    #[test]
    fn what_is_no_alert_has_a_reason() {
        let whole: Value =
            serde_json::from_slice(&ocsf::encode(&samples::alert(|_| {}))).expect("JSON");
        let with = |path: &str, value: Value| {
            let mut edited = whole.clone();
            if let Some(place) = edited.pointer_mut(path) {
                *place = value;
            }
            edited.to_string()
        };
        for (text, reason) in [
            (String::new(), DeadReason::NotJson),
            ("{".to_owned(), DeadReason::NotJson),
            ("{}".to_owned(), DeadReason::MissingField),
            ("[1]".to_owned(), DeadReason::MissingField),
            (with("/metadata/uid", json!(null)), DeadReason::MissingField),
            (with("/metadata/uid", json!("a\r\nx: y")), DeadReason::BadField),
            (with("/metadata/uid", json!("")), DeadReason::BadField),
            (with("/finding_info/uid", json!("x".repeat(256))), DeadReason::BadField),
            (with("/severity_id", json!(0)), DeadReason::BadField),
            (with("/severity_id", json!("high")), DeadReason::MissingField),
            (with("/time", json!("now")), DeadReason::MissingField),
        ] {
            let error = Notice::parse(text.as_bytes()).expect_err(&text);
            assert_eq!(error.reason(), reason, "{error}");
        }
    }

    #[test]
    fn hostile_texts_are_bounded_and_shown_as_what_they_are() {
        let mut alert: Value =
            serde_json::from_slice(&ocsf::encode(&samples::alert(|_| {}))).expect("JSON");
        alert["message"] = json!(format!("\u{1b}[2J{}", "x".repeat(100_000)));
        alert["unmapped"]["driftline"]["tags"] =
            (0..1_000).map(|n| (format!("k{n}\n"), json!("v"))).collect();
        let notice = Notice::parse(alert.to_string().as_bytes()).expect("an alert");
        assert!(notice.message.starts_with("\\u{1b}") && notice.message.len() < 5_000);
        assert_eq!(notice.tags.len(), 64);
        assert!(notice.tags[0].0.ends_with("\\u{a}"));
    }
}
