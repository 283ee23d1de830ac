//! Alertmanager, API v2: notices in, `POST /api/v2/alerts` out (Prometheus Alertmanager, "Alerts
//! API").
//!
//! An alert is known by its labels, and fires until its `endsAt`, which is always told: four times
//! `resend` from now, so that three lost re-sends do no harm. It is told again every `resend` while
//! its finding is open, to every peer of the cluster, and ended by an `endsAt` of now. A label that
//! changes (a severity) makes it another alert there: the one before is ended in the same request.
//! A summary of discovered findings, which nothing ends, fires for a day.
//! There is one `alertname` for each detector, as Alertmanager's limits are per name.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::model::Timestamp;

use super::clip::clip;
use super::message::Message;
use super::notice::Notice;
use super::{Destination, Manner, Request, Secret, Standing, Unfit};

/// How long an alert fires that nothing ends, in microseconds.
const DAY: i64 = 86_400 * 1_000_000;
/// Where alerts are posted.
const PATH: &str = "/api/v2/alerts";
/// Characters of a label's value.
const LABEL: usize = 512;
/// Characters of an annotation.
const ANNOTATION: usize = 2_048;

/// One Alertmanager, or the peers of one cluster.
#[derive(Clone, Debug)]
pub struct Alertmanager {
    resend: Duration,
    token: Option<Secret>,
}

impl Alertmanager {
    /// Tells of what is open every `resend`; the token goes along as `Authorization: Bearer`.
    #[must_use]
    pub fn new(resend: Duration, token: Option<Secret>) -> Self {
        Self { resend, token }
    }

    /// Until when an alert fires that is told of now.
    fn fires_until(&self, now: Timestamp) -> Timestamp {
        let span = self.resend.saturating_mul(4).as_micros();
        now.plus(i64::try_from(span).unwrap_or(i64::MAX))
    }

    fn post(&self, alerts: &[String]) -> Request {
        let mut request = Request::json(PATH, format!("[{}]", alerts.join(",")).into_bytes());
        if let Some(token) = &self.token {
            request.headers.push(("authorization", format!("Bearer {}", token.expose())));
        }
        request
    }
}

impl Destination for Alertmanager {
    fn kind(&self) -> &'static str {
        "alertmanager"
    }

    fn manner(&self) -> Manner {
        Manner::Alerts
    }

    fn request(
        &self,
        message: &Message,
        before: Option<&Standing>,
        now: Timestamp,
    ) -> Result<Request, Unfit> {
        let Message::One(notice) = message else {
            return Err(Unfit("Alertmanager groups by itself and takes no summary".to_owned()));
        };
        let own = written(notice);
        let until = match (notice.is_end(), notice.endless) {
            (true, _) => now,
            (false, true) => now.plus(DAY),
            (false, false) => self.fires_until(now),
        };
        let mut alerts = Vec::with_capacity(2);
        if let Some(before) = before.filter(|before| before.labels != own.labels) {
            alerts.push(ending(before, now));
        }
        alerts.push(ending(&own, until));
        Ok(self.post(&alerts))
    }

    fn secrets(&self) -> Vec<&Secret> {
        self.token.iter().collect()
    }

    fn resend(&self) -> Option<Duration> {
        Some(self.resend)
    }

    fn standing(&self, notice: &Notice) -> Option<Standing> {
        (!notice.is_end() && !notice.endless).then(|| written(notice))
    }

    fn repeat(&self, standing: &[&Standing], now: Timestamp) -> Option<Request> {
        let until = self.fires_until(now);
        let alerts: Vec<String> = standing.iter().map(|alert| ending(alert, until)).collect();
        Some(self.post(&alerts))
    }
}

/// The alert, but for its end.
fn written(notice: &Notice) -> Standing {
    let rest = format!(
        "\"annotations\":{},\"startsAt\":{}",
        Value::Object(annotations(notice)),
        Value::from(notice.opened.to_string())
    );
    Standing { labels: Value::Object(labels(notice)).to_string().into(), rest: rest.into() }
}

fn ending(alert: &Standing, at: Timestamp) -> String {
    let Standing { labels, rest } = alert;
    format!("{{\"labels\":{labels},{rest},\"endsAt\":{}}}", Value::from(at.to_string()))
}

/// What identifies the alert. A label without a value is the same as none to Alertmanager.
fn labels(notice: &Notice) -> Map<String, Value> {
    let maturity = if notice.experimental == Some(true) { "experimental" } else { "stable" };
    let novelty = match notice.novelty {
        crate::model::Novelty::Introduced => "introduced",
        crate::model::Novelty::Discovered => "discovered",
    };
    let pairs = [
        ("alertname", notice.detector()),
        ("severity", notice.severity.as_str()),
        ("tenant", &notice.tenant),
        ("provider", &notice.provider),
        ("account", &notice.account),
        ("region", &notice.region),
        ("area", notice.area.map_or("", crate::model::Area::as_str)),
        ("kind", &notice.kind),
        ("resource", &notice.resource),
        ("finding", &notice.finding),
        ("maturity", maturity),
        ("novelty", novelty),
    ];
    kept(&pairs, LABEL)
}

fn annotations(notice: &Notice) -> Map<String, Value> {
    let detectors: Vec<&str> =
        notice.reasons.iter().map(|reason| reason.detector.as_str()).collect();
    let count = if notice.findings > 1 { notice.findings.to_string() } else { String::new() };
    let pairs = [
        ("summary", notice.title.as_str()),
        ("description", &notice.message),
        ("why", &notice.why),
        ("remediation", &notice.remediation),
        ("reasons", &detectors.join(", ")),
        ("resource_name", &notice.name),
        ("owner", &notice.owner),
        ("actor", &notice.actor),
        ("source_ip", &notice.source_ip),
        ("findings", &count),
        ("alert", &notice.id),
    ];
    kept(&pairs, ANNOTATION)
}

fn kept(pairs: &[(&str, &str)], most: usize) -> Map<String, Value> {
    let said = pairs.iter().filter(|(_, text)| !text.is_empty());
    said.map(|(name, text)| ((*name).to_owned(), Value::from(clip(text, most)))).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{Severity, Step};
    use crate::notify::tests::lab::{NOON, hostile, notice};
    use crate::notify::{Reply, Summary, Verdict};

    fn alertmanager() -> Alertmanager {
        Alertmanager::new(Duration::from_secs(60), Some(Secret::new("canary")))
    }

    fn posted(request: &Request) -> Value {
        assert_eq!(request.path, "/api/v2/alerts");
        serde_json::from_slice(&request.body).expect("JSON")
    }

    fn told(notice: Notice, before: Option<&Standing>) -> Value {
        let message = Message::One(Arc::new(notice));
        posted(&alertmanager().request(&message, before, NOON).expect("it fits"))
    }

    #[test]
    fn a_firing_alert_has_labels_annotations_its_start_and_an_end_ahead() {
        let told = told(notice("a1", "f1", Step::Opened), None);
        let alert = &told[0];
        assert_eq!(told.as_array().map(Vec::len), Some(1));
        for (label, value) in [
            ("alertname", "FW-001"),
            ("severity", "high"),
            ("tenant", "acme"),
            ("provider", "aws"),
            ("account", "111122223333"),
            ("region", "eu-west-1"),
            ("area", "virtual firewalls"),
            ("kind", "network.security_group"),
            ("resource", "sg-1"),
            ("finding", "f1"),
            ("maturity", "stable"),
            ("novelty", "introduced"),
        ] {
            assert_eq!(alert["labels"][label], value, "{label}");
        }
        assert_eq!(alert["labels"].as_object().map(Map::len), Some(12));
        assert_eq!(alert["annotations"]["summary"], "SSH is open to the whole Internet");
        assert_eq!(alert["annotations"]["alert"], "a1");
        assert_eq!(alert["startsAt"], "2026-03-02T11:59:00Z");
        assert_eq!(alert["endsAt"], "2026-03-02T12:04:00Z");
    }

    #[test]
    fn an_end_ends_now_under_the_same_labels() {
        let opened = told(notice("a1", "f1", Step::Opened), None);
        for step in [Step::Resolved, Step::Retracted] {
            let ended = told(notice("a2", "f1", step), None);
            assert_eq!(ended[0]["labels"], opened[0]["labels"]);
            assert_eq!(ended[0]["startsAt"], opened[0]["startsAt"]);
            assert_eq!(ended[0]["endsAt"], "2026-03-02T12:00:00Z");
        }
    }

    #[test]
    fn what_nothing_ends_fires_for_a_day_and_is_told_once() {
        let mut summary = notice("a1", "f1", Step::Opened);
        summary.endless = true;
        assert_eq!(alertmanager().standing(&summary), None);
        assert_eq!(told(summary, None)[0]["endsAt"], "2026-03-03T12:00:00Z");
    }

    #[test]
    fn other_labels_end_the_alert_they_had_before() {
        let before = alertmanager().standing(&notice("a1", "f1", Step::Opened)).expect("it stands");
        let mut worse = notice("a2", "f1", Step::Updated);
        worse.severity = Severity::Critical;
        let told = told(worse, Some(&before));
        assert_eq!(told[0]["labels"]["severity"], "high");
        assert_eq!(told[0]["endsAt"], "2026-03-02T12:00:00Z");
        assert_eq!(told[1]["labels"]["severity"], "critical");
        assert_eq!(told[1]["endsAt"], "2026-03-02T12:04:00Z");
        let same = notice("a3", "f1", Step::Updated);
        assert_eq!(super::tests::told(same, Some(&before)).as_array().map(Vec::len), Some(1));
    }

    #[test]
    fn what_stands_is_told_again_with_a_later_end() {
        let alertmanager = alertmanager();
        let one = alertmanager.standing(&notice("a1", "f1", Step::Opened)).expect("it stands");
        let two = alertmanager.standing(&notice("a2", "f2", Step::Updated)).expect("it stands");
        assert_eq!(alertmanager.standing(&notice("a3", "f3", Step::Resolved)), None);
        let later = NOON.plus(60_000_000);
        let again = alertmanager.repeat(&[&one, &two], later).expect("it is told again");
        let again = posted(&again);
        assert_eq!(again[0]["labels"]["finding"], "f1");
        assert_eq!(again[1]["labels"]["finding"], "f2");
        for alert in again.as_array().expect("a list") {
            assert_eq!(alert["endsAt"], "2026-03-02T12:05:00Z");
        }
    }

    #[test]
    fn hostile_texts_stay_values_and_stay_short() {
        let told = told(hostile(), None);
        let alert = told[0].as_object().expect("an alert");
        let keys: Vec<&str> = alert.keys().map(String::as_str).collect();
        assert_eq!(keys.len(), 4, "{keys:?}");
        assert!(alert["annotations"]["description"].as_str().expect("text").ends_with("...[cut]"));
        for part in ["labels", "annotations"] {
            for (name, value) in alert[part].as_object().expect("a map") {
                let text = value.as_str().expect("text");
                assert!(text.chars().count() <= 2_048, "{name}");
                assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
            }
        }
    }

    #[test]
    fn the_token_goes_along_and_is_shown_nowhere() {
        let alertmanager = alertmanager();
        let message = Message::One(Arc::new(notice("a", "f", Step::Opened)));
        let request = alertmanager.request(&message, None, NOON).expect("it fits");
        assert!(request.headers.contains(&("authorization", "Bearer canary".to_owned())));
        assert!(!format!("{alertmanager:?} {request:?}").contains("canary"));
    }

    #[test]
    fn a_summary_is_not_for_it_and_a_400_is_final() {
        let one = (Arc::new(notice("a", "f", Step::Opened)), false);
        let summary = Message::Many(Summary::of(&[one]));
        assert!(alertmanager().request(&summary, None, NOON).is_err());
        // Valid alerts of a request that is answered with 400 are stored all the same.
        for (status, verdict) in [
            (200, Verdict::Delivered),
            (400, Verdict::Refused),
            (429, Verdict::Retry(None)),
            (500, Verdict::Retry(None)),
            (503, Verdict::Retry(None)),
        ] {
            let reply = Reply { status, ..Reply::default() };
            assert_eq!(alertmanager().judge(&reply, NOON), verdict, "{status}");
        }
    }
}
