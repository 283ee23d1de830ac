//! `PagerDuty`, Events API v2: notices in, `POST /v2/enqueue` out ("Send an Alert Event").
//!
//! A finding is one alert there, under its uid as deduplication key: opened and updated trigger,
//! its end resolves. An update of an alert that is open changes it and pages nobody. What never
//! pages comes as a summary with severity `info`, under a key of its own, which a person closes.

use serde_json::{Map, Value, json};

use crate::model::{Severity, Step, Timestamp};

use super::clip::clip;
use super::message::{Message, Summary, headline};
use super::notice::Notice;
use super::{Destination, Manner, Request, Secret, Standing, Unfit};

/// Bytes of a request. The API takes 512 KB; Alertmanager's own integration takes that for
/// 512,000.
const BODY: usize = 512_000;
/// Characters of `summary`.
const SUMMARY: usize = 1_024;
/// Characters of every other text.
const TEXT: usize = 1_024;
/// Tags that are told.
const TAGS: usize = 20;

/// One integration of one service.
#[derive(Clone, Debug)]
pub struct PagerDuty {
    key: Secret,
}

impl PagerDuty {
    /// Where events are posted, unless said otherwise: the service region of the US.
    pub const URL: &'static str = "https://events.pagerduty.com/v2/enqueue";

    /// With an integration (routing) key.
    ///
    /// # Errors
    /// Where it is not one: 32 letters and digits.
    pub fn new(key: Secret) -> Result<Self, String> {
        let text = key.expose();
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err("not an integration key: it has 32 letters and digits".to_owned());
        }
        Ok(Self { key })
    }

    fn event(&self, action: &str, dedup: &str) -> Map<String, Value> {
        let pairs = [
            ("routing_key", self.key.expose()),
            ("event_action", action),
            ("dedup_key", dedup),
            ("client", "Driftline"),
        ];
        pairs.iter().map(|(name, text)| ((*name).to_owned(), Value::from(*text))).collect()
    }
}

impl Destination for PagerDuty {
    fn kind(&self) -> &'static str {
        "pagerduty"
    }

    fn manner(&self) -> Manner {
        Manner::Incidents
    }

    fn request(
        &self,
        message: &Message,
        _: Option<&Standing>,
        _: Timestamp,
    ) -> Result<Request, Unfit> {
        let mut event = match message {
            Message::One(notice) if notice.is_end() => {
                return Ok(posted(&self.event("resolve", &notice.finding)));
            }
            Message::One(notice) => {
                let mut event = self.event("trigger", &notice.finding);
                event.insert("payload".to_owned(), payload(notice));
                event
            }
            Message::Many(summary) => {
                let mut event = self.event("trigger", &summary.id);
                event.insert("payload".to_owned(), payload_of_many(summary));
                event
            }
        };
        let request = posted(&event);
        if request.body.len() <= BODY {
            return Ok(request);
        }
        if let Some(payload) = event.get_mut("payload").and_then(Value::as_object_mut) {
            let note = json!({"note": "too large to be told; the alert is in the alerts topic"});
            payload.insert("custom_details".to_owned(), note);
        }
        Ok(posted(&event))
    }

    fn secrets(&self) -> Vec<&Secret> {
        vec![&self.key]
    }
}

fn posted(event: &Map<String, Value>) -> Request {
    Request::json("", Value::Object(event.clone()).to_string().into_bytes())
}

/// How bad, in the four words that there are.
const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "critical",
        Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Informational => "info",
    }
}

fn payload(notice: &Notice) -> Value {
    let component = if notice.kind.is_empty() { "resource" } else { &notice.kind };
    json!({
        "summary": clip(&headline(notice), SUMMARY),
        "source": clip(first(&[&notice.resource, &notice.account, &notice.tenant]), TEXT),
        "severity": severity(notice.severity),
        "timestamp": notice.time.to_string(),
        "component": clip(component, TEXT),
        "group": clip(&notice.tenant, TEXT),
        "class": clip(notice.detector(), TEXT),
        "custom_details": details(notice),
    })
}

fn details(notice: &Notice) -> Map<String, Value> {
    let reasons: Vec<String> = notice
        .reasons
        .iter()
        .map(|reason| format!("{} ({})", reason.detector, reason.severity.as_str()))
        .collect();
    let step = match notice.step {
        Step::Updated => "updated",
        _ => "",
    };
    let pairs = [
        ("what", notice.message.as_str()),
        ("why", &notice.why),
        ("remediation", &notice.remediation),
        ("reasons", &reasons.join(", ")),
        ("step", step),
        ("tenant", &notice.tenant),
        ("provider", &notice.provider),
        ("account", &notice.account),
        ("region", &notice.region),
        ("area", notice.area.map_or("", crate::model::Area::as_str)),
        ("resource", &notice.resource),
        ("resource_name", &notice.name),
        ("owner", &notice.owner),
        ("actor", &notice.actor),
        ("source_ip", &notice.source_ip),
        ("alert", &notice.id),
    ];
    let said = pairs.iter().filter(|(_, text)| !text.is_empty());
    let mut details: Map<String, Value> =
        said.map(|(name, text)| ((*name).to_owned(), Value::from(clip(text, TEXT)))).collect();
    let tags = notice.tags.iter().take(TAGS);
    let tags: Map<String, Value> =
        tags.map(|(key, value)| (clip(key, TEXT), Value::from(clip(value, TEXT)))).collect();
    if !tags.is_empty() {
        details.insert("tags".to_owned(), Value::Object(tags));
    }
    details
}

fn payload_of_many(summary: &Summary) -> Value {
    let lines: Vec<String> = summary.lines().iter().map(|line| clip(line, TEXT)).collect();
    json!({
        "summary": clip(&summary.headline(), SUMMARY),
        "source": clip(first(&[&summary.tenant]), TEXT),
        "severity": severity(summary.severity),
        "timestamp": summary.time.to_string(),
        "component": "summary",
        "group": clip(&summary.tenant, TEXT),
        "class": if summary.quiet { "never pages by itself" } else { "many at once" },
        "custom_details": {"counts": summary.counts(), "first": lines},
    })
}

/// The first that says something; the API wants a source.
fn first<'t>(texts: &[&'t str]) -> &'t str {
    texts.iter().find(|text| !text.is_empty()).copied().unwrap_or("driftline")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::notify::tests::lab::{NOON, hostile, notice};
    use crate::notify::{Reply, Verdict};

    const KEY: &str = "canary0123456789canary0123456789";

    fn pagerduty() -> PagerDuty {
        PagerDuty::new(Secret::new(KEY)).expect("a key")
    }

    fn told(message: &Message) -> (Value, usize) {
        let request = pagerduty().request(message, None, NOON).expect("it fits");
        assert_eq!(request.path, "");
        assert_eq!(request.headers, [("content-type", "application/json".to_owned())]);
        (serde_json::from_slice(&request.body).expect("JSON"), request.body.len())
    }

    fn one(notice: Notice) -> Value {
        told(&Message::One(Arc::new(notice))).0
    }

    #[test]
    fn an_opening_triggers_under_the_findings_uid() {
        let event = one(notice("a1", "f1", Step::Opened));
        for (path, value) in [
            ("/routing_key", json!(KEY)),
            ("/event_action", json!("trigger")),
            ("/dedup_key", json!("f1")),
            ("/client", json!("Driftline")),
            (
                "/payload/summary",
                json!("[high] opened: SSH is open to the whole Internet: web (tenant acme)"),
            ),
            ("/payload/source", json!("sg-1")),
            ("/payload/severity", json!("error")),
            ("/payload/timestamp", json!("2026-03-02T11:59:30Z")),
            ("/payload/component", json!("network.security_group")),
            ("/payload/group", json!("acme")),
            ("/payload/class", json!("FW-001")),
            ("/payload/custom_details/alert", json!("a1")),
            ("/payload/custom_details/tags/team", json!("shop")),
        ] {
            assert_eq!(event.pointer(path), Some(&value), "{path}");
        }
    }

    #[test]
    fn an_end_resolves_under_the_same_key_and_tells_nothing_else() {
        for step in [Step::Resolved, Step::Retracted] {
            let event = one(notice("a2", "f1", step));
            let due = json!({"routing_key": KEY, "event_action": "resolve", "dedup_key": "f1",
                "client": "Driftline"});
            assert_eq!(event, due);
        }
    }

    #[test]
    fn each_severity_has_its_word() {
        for (given, word) in [
            (Severity::Critical, "critical"),
            (Severity::High, "error"),
            (Severity::Medium, "warning"),
            (Severity::Low, "info"),
            (Severity::Informational, "info"),
        ] {
            let mut notice = notice("a", "f", Step::Updated);
            notice.severity = given;
            assert_eq!(one(notice)["payload"]["severity"], word);
        }
    }

    #[test]
    fn hostile_texts_keep_to_the_limits() {
        let (event, bytes) = told(&Message::One(Arc::new(hostile())));
        assert!(bytes <= 512_000, "{bytes}");
        let summary = event["payload"]["summary"].as_str().expect("text");
        assert!(summary.chars().count() == 1_024 && summary.ends_with("...[cut]"), "{summary}");
        let tags = event["payload"]["custom_details"]["tags"].as_object().expect("tags");
        assert_eq!(tags.len(), 20);
        let many: Vec<_> = (0..20).map(|_| (Arc::new(hostile()), false)).collect();
        let (_, bytes) = told(&Message::Many(Summary::of(&many)));
        assert!(bytes <= 512_000, "{bytes}");
    }

    #[test]
    fn a_summary_of_what_never_pages_is_info() {
        let mut quiet = notice("a", "f", Step::Opened);
        quiet.severity = Severity::Critical;
        let summary = Summary::of(&[(Arc::new(quiet), true)]);
        let event = told(&Message::Many(summary.clone())).0;
        assert_eq!(event["payload"]["severity"], "info");
        assert_eq!(event["dedup_key"], Value::from(summary.id));
        assert_eq!(event["payload"]["custom_details"]["counts"], "1 critical");
    }

    #[test]
    fn an_answer_is_judged_as_the_api_says() {
        use std::time::Duration;
        for (status, after, verdict) in [
            (202, None, Verdict::Delivered),
            (400, None, Verdict::Refused),
            (403, None, Verdict::Refused),
            (429, Some("30"), Verdict::Retry(Some(Duration::from_secs(30)))),
            (429, None, Verdict::Retry(None)),
            (500, None, Verdict::Retry(None)),
            (504, None, Verdict::Retry(None)),
        ] {
            let reply =
                Reply { status, retry_after: after.map(ToOwned::to_owned), ..Reply::default() };
            assert_eq!(pagerduty().judge(&reply, NOON), verdict, "{status}");
        }
    }

    #[test]
    fn a_key_is_checked_and_shown_nowhere() {
        assert!(!format!("{:?}", pagerduty()).contains("canary"));
        for text in ["", "canary", &"ü".repeat(16), &format!("{}\n", &KEY[1..])] {
            let told = PagerDuty::new(Secret::new(text)).expect_err("no key");
            assert!(!told.contains("canary"), "{told}");
        }
    }
}
