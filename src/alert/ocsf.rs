//! Alerts as OCSF 1.8 Detection Findings (class 2004) in JSON, and the `CloudEvents` headers
//! that travel beside them (Kafka protocol binding, binary mode).

use std::net::IpAddr;

use serde_json::{Map, Value, json};

use crate::model::{Confidence, Family, Novelty, Severity, Step};

use super::Alert;

/// The version of OCSF that is written.
pub const OCSF_VERSION: &str = "1.8.0";

const CLASS: u32 = 2004;

/// Encodes the alert as one line of JSON without a line feed. The same alert gives the same
/// bytes.
#[must_use]
pub fn encode(alert: &Alert) -> Vec<u8> {
    finding(alert).to_string().into_bytes()
}

/// The headers of the record that carries the alert. `content_type` is that of its value:
/// `application/json` for [`encode`].
#[must_use]
pub fn headers(alert: &Alert, content_type: &str) -> Vec<(&'static str, String)> {
    let kind = match alert.step {
        Step::Opened => "opened",
        Step::Updated => "updated",
        Step::Resolved | Step::Retracted => "resolved",
    };
    vec![
        ("ce_specversion", "1.0".to_owned()),
        ("ce_id", alert.id.clone()),
        ("ce_type", format!("io.driftline.finding.{kind}")),
        ("ce_source", "/driftline".to_owned()),
        ("ce_time", alert.time.to_string()),
        ("ce_subject", alert.resource.uid.clone()),
        ("ce_tenant", alert.tenant.clone()),
        ("ce_severity", alert.severity.as_str().to_owned()),
        ("content-type", content_type.to_owned()),
    ]
}

/// The Detection Finding as a tree.
#[must_use]
pub fn finding(alert: &Alert) -> Value {
    let (activity, activity_name) = activity(alert.step);
    let (status, status_name) = status(alert.step);
    let mut out = json!({
        "class_uid": CLASS,
        "class_name": "Detection Finding",
        "category_uid": 2,
        "category_name": "Findings",
        "activity_id": activity,
        "activity_name": activity_name,
        "type_uid": CLASS * 100 + activity,
        "type_name": format!("Detection Finding: {activity_name}"),
        "severity_id": alert.severity.ocsf(),
        "severity": severity_name(alert.severity),
        "status_id": status,
        "status": status_name,
        "time": alert.time.millis(),
        "message": alert.message,
        "is_alert": true,
        "metadata": metadata(alert),
        "finding_info": finding_info(alert),
        "resources": resources(alert),
        "cloud": cloud(alert),
        "evidences": [{"data": evidence(alert)}],
        "unmapped": {"driftline": own(alert)},
    });
    if alert.step == Step::Retracted {
        out["status_detail"] = Value::from(match alert.event.family {
            Family::State => {
                "retracted: a settled snapshot of the configuration shows that it never was so"
            }
            Family::Activity => "retracted: the operation that would have made it so failed",
        });
    }
    if !alert.fix.is_empty() {
        out["remediation"] = json!({"desc": alert.fix, "references": []});
    }
    who(&mut out, alert);
    out
}

const fn activity(step: Step) -> (u32, &'static str) {
    match step {
        Step::Opened => (1, "Create"),
        Step::Updated => (2, "Update"),
        Step::Resolved | Step::Retracted => (3, "Close"),
    }
}

const fn status(step: Step) -> (u32, &'static str) {
    match step {
        Step::Opened => (1, "New"),
        Step::Updated => (2, "In Progress"),
        Step::Resolved | Step::Retracted => (4, "Resolved"),
    }
}

const fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Informational => "Informational",
        Severity::Low => "Low",
        Severity::Medium => "Medium",
        Severity::High => "High",
        Severity::Critical => "Critical",
    }
}

fn metadata(alert: &Alert) -> Value {
    json!({
        "version": OCSF_VERSION,
        "profiles": ["cloud"],
        "uid": alert.id,
        "tenant_uid": alert.tenant,
        "original_event_uid": alert.event.id,
        "product": {
            "name": "Driftline",
            "vendor_name": "Driftline",
            "version": env!("CARGO_PKG_VERSION"),
        },
    })
}

fn finding_info(alert: &Alert) -> Value {
    let mut info = json!({
        "uid": alert.finding,
        "title": alert.title(),
        "desc": alert.why,
        "types": [alert.area.as_str()],
        "first_seen_time": alert.opened.millis(),
        "last_seen_time": alert.seen.millis(),
    });
    if let Some((lead, others)) = alert.reasons.split_first() {
        info["analytic"] = analytic(&lead.detector, &lead.title);
        info["related_analytics"] =
            others.iter().map(|reason| analytic(&reason.detector, &reason.title)).collect();
    }
    if !alert.attack.is_empty() {
        let attack = |id: &String| json!({"technique": {"uid": id}});
        info["attacks"] = alert.attack.iter().map(attack).collect();
    }
    info
}

/// An analytic of type 1, "Rule".
fn analytic(uid: &str, name: &str) -> Value {
    json!({"uid": uid, "name": name, "type_id": 1, "type": "Rule"})
}

fn resources(alert: &Alert) -> Value {
    let region = |entry: &mut Value| {
        if !alert.region.is_empty() {
            entry["region"] = Value::from(&*alert.region);
        }
    };
    if let Some((_, ids)) = &alert.summary {
        let all = ids.iter().map(|id| {
            let mut entry = json!({"uid": id, "type": alert.resource.kind});
            region(&mut entry);
            entry
        });
        return all.collect();
    }
    let resource = &alert.resource;
    let mut entry = json!({"uid": resource.uid, "type": resource.kind});
    region(&mut entry);
    if !resource.name.is_empty() {
        entry["name"] = Value::from(&*resource.name);
    }
    if !resource.owner.is_empty() {
        entry["owner"] = json!({"name": resource.owner});
    }
    json!([entry])
}

fn cloud(alert: &Alert) -> Value {
    let mut cloud = json!({"provider": alert.provider.as_str(), "account": {"uid": alert.account}});
    if !alert.region.is_empty() {
        cloud["region"] = Value::from(&*alert.region);
    }
    cloud
}

/// Sets each member whose text is not empty.
fn said(pairs: &[(&str, &str)]) -> Map<String, Value> {
    let kept = pairs.iter().filter(|(_, text)| !text.is_empty());
    kept.map(|(key, text)| ((*key).to_owned(), Value::from(*text))).collect()
}

fn who(out: &mut Value, alert: &Alert) {
    let event = &alert.event;
    out["api"] = json!({"operation": event.name, "service": {"name": event.service}});
    if !event.error.is_empty() {
        out["api"]["response"] = json!({"error": event.error});
    }
    if event.family == Family::State {
        return;
    }
    let mut user = said(&[
        ("uid", &event.actor),
        ("name", &event.actor_name),
        ("type", &event.actor_kind),
        ("credential_uid", &event.credential),
    ]);
    if let Some(mfa) = event.mfa {
        user.insert("has_mfa".to_owned(), Value::from(mfa));
    }
    if event.root {
        // OCSF user type 2: an administrator.
        user.insert("type_id".to_owned(), Value::from(2));
    }
    let mut actor = said(&[("invoked_by", &event.invoked_by)]);
    if !user.is_empty() {
        actor.insert("user".to_owned(), Value::Object(user));
    }
    if !actor.is_empty() {
        out["actor"] = Value::Object(actor);
    }
    if event.source_ip.parse::<IpAddr>().is_ok() {
        out["src_endpoint"] = json!({"ip": event.source_ip});
    } else if !event.source_ip.is_empty() {
        // Clouds write a service's name where a service called.
        out["src_endpoint"] = json!({"svc_name": event.source_ip});
    }
    if !event.user_agent.is_empty() {
        out["http_request"] = json!({"user_agent": event.user_agent});
    }
}

fn evidence(alert: &Alert) -> Value {
    json!({
        "event_id": alert.event.id,
        "event_name": alert.event.name,
        "event_time": alert.event.time.millis(),
        "source": alert.event.format.as_str(),
        "element": alert.element,
        "before": alert.before,
        "after": alert.after,
    })
}

/// What OCSF has no place for.
fn own(alert: &Alert) -> Value {
    let reason = |told: &super::Told| {
        json!({
            "detector": told.detector,
            "severity": told.severity.as_str(),
            "since": told.since.millis(),
            "confidence": confidence(told.confidence),
        })
    };
    let mut own = json!({
        "responsibility_area": alert.area.as_str(),
        "introduced": alert.novelty == Novelty::Introduced,
        "discovered": alert.novelty == Novelty::Discovered,
        "confidence": confidence(alert.confidence),
        "assumptions": alert.assumptions,
        "reasons": alert.reasons.iter().map(reason).collect::<Vec<_>>(),
        "step": alert.step.as_str(),
        "channel": alert.channel.as_str(),
        "tags": alert.resource.tags.iter().map(pair).collect::<Map<_, _>>(),
        "owner": alert.resource.owner,
        "exposure_seconds": alert.exposure_seconds,
        "benchmarks": alert.benchmarks.iter().map(listed).collect::<Map<_, _>>(),
        "facts": alert.facts,
        "episode": alert.episode,
        "exception": null,
    });
    if let Some((count, _)) = &alert.summary {
        own["findings"] = Value::from(*count);
    }
    own
}

fn pair((key, value): &(String, String)) -> (String, Value) {
    (key.clone(), Value::from(&**value))
}

fn listed((key, values): &(String, Vec<String>)) -> (String, Value) {
    (key.clone(), Value::from(values.clone()))
}

const fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Provisional => "provisional",
        Confidence::Confirmed => "confirmed",
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::model::FindingChange;

    /// What OCSF 1.8.0 requires of class 2004 with the cloud profile, and its enumerations.
    fn schema() -> Value {
        let text = json!({"type": "string"});
        let named = |required: &[&str]| json!({"type": "object", "required": required});
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "required": ["activity_id", "category_uid", "class_uid", "cloud", "finding_info",
                "metadata", "severity_id", "time", "type_uid"],
            "properties": {
                "activity_id": {"enum": [1, 2, 3]},
                "category_uid": {"const": 2},
                "class_uid": {"const": 2004},
                "type_uid": {"enum": [200_401, 200_402, 200_403]},
                "severity_id": {"enum": [1, 2, 3, 4, 5]},
                "status_id": {"enum": [1, 2, 4]},
                "status_detail": text,
                "time": {"type": "integer", "minimum": 1_000_000_000_000_i64},
                "message": {"type": "string", "minLength": 1},
                "is_alert": {"const": true},
                "metadata": {
                    "type": "object",
                    "required": ["product", "version", "uid", "tenant_uid"],
                    "properties": {
                        "version": {"const": "1.8.0"},
                        "profiles": {"const": ["cloud"]},
                        "product": named(&["name", "vendor_name", "version"]),
                    },
                },
                "finding_info": {
                    "type": "object",
                    "required": ["uid", "title", "analytic"],
                    "properties": {
                        "analytic": {"$ref": "#/$defs/analytic"},
                        "related_analytics": {"items": {"$ref": "#/$defs/analytic"}},
                        "attacks": {"items": {"required": ["technique"]}},
                        "first_seen_time": {"type": "integer"},
                        "last_seen_time": {"type": "integer"},
                    },
                },
                "resources": {"type": "array", "minItems": 1, "items": named(&["uid", "type"])},
                "cloud": named(&["provider"]),
                "api": named(&["operation"]),
                "actor": {"type": "object", "minProperties": 1},
                "src_endpoint": {"type": "object", "minProperties": 1},
                "evidences": {"type": "array", "minItems": 1, "items": named(&["data"])},
                "remediation": named(&["desc"]),
                "unmapped": named(&["driftline"]),
            },
            "$defs": {"analytic": {
                "type": "object",
                "required": ["type_id", "uid", "name"],
                "properties": {"type_id": {"enum": [0, 1, 2, 3, 4, 99]}},
            }},
        })
    }

    #[test]
    fn every_step_is_a_detection_finding_of_ocsf_1_8() {
        let schema = jsonschema::validator_for(&schema()).expect("the schema is one");
        let edits: [fn(&mut FindingChange); 6] = [
            |_| {},
            |change| change.step = Step::Updated,
            |change| change.step = Step::Resolved,
            |change| change.step = Step::Retracted,
            |change| {
                change.summary = Some(crate::model::finding::Summary {
                    count: 2,
                    resources: vec!["a".into(), "b".into()],
                });
            },
            |change| {
                let mut cause = samples::cause();
                cause.family = Family::State;
                change.cause = std::sync::Arc::new(cause);
                change.finding.reasons.clear();
            },
        ];
        for (index, edit) in edits.into_iter().enumerate() {
            let told = finding(&samples::alert(edit));
            let faults: Vec<String> =
                schema.iter_errors(&told).map(|fault| fault.to_string()).collect();
            assert!(faults.is_empty(), "case {index}: {faults:?}\n{told:#}");
            assert_eq!(
                told["type_uid"].as_u64(),
                told["activity_id"].as_u64().map(|id| 200_400 + id)
            );
        }
        let mut broken = finding(&samples::alert(|_| {}));
        broken["severity_id"] = json!(9);
        assert!(!schema.is_valid(&broken), "the schema refuses what is not in the enumeration");
    }

    #[test]
    fn each_step_has_its_activity_and_status() {
        for (step, activity, status) in [
            (Step::Opened, 1, 1),
            (Step::Updated, 2, 2),
            (Step::Resolved, 3, 4),
            (Step::Retracted, 3, 4),
        ] {
            let mut alert = samples::alert(|_| {});
            alert.step = step;
            let told = finding(&alert);
            assert_eq!(told["activity_id"], activity, "{step:?}");
            assert_eq!(told["status_id"], status, "{step:?}");
            assert_eq!(told.get("status_detail").is_some(), step == Step::Retracted);
        }
    }

    #[test]
    fn the_promised_fields_hold_what_happened() {
        let told = finding(&samples::alert(|change| change.time = change.time.plus(5_500_000)));
        for (path, expected) in [
            ("/metadata/tenant_uid", json!("acme")),
            ("/metadata/original_event_uid", json!("evt-1")),
            ("/time", json!(1_772_439_336_500_i64)),
            ("/finding_info/analytic/uid", json!("FW-001")),
            ("/finding_info/related_analytics/0/uid", json!("FW-002")),
            ("/finding_info/attacks/0/technique/uid", json!("T1562.007")),
            ("/resources/0/uid", json!("sg-1")),
            ("/resources/0/owner/name", json!("shop")),
            ("/cloud/account/uid", json!("111122223333")),
            ("/actor/user/uid", json!("arn:aws:iam::111122223333:user/alice")),
            ("/src_endpoint/ip", json!("203.0.113.24")),
            ("/http_request/user_agent", json!("aws-cli/2.17")),
            ("/evidences/0/data/after/rules/0/ports", json!("22")),
            ("/remediation/desc", json!("Narrow the rule to your own addresses.")),
            ("/unmapped/driftline/responsibility_area", json!("virtual firewalls")),
            ("/unmapped/driftline/introduced", json!(true)),
            ("/unmapped/driftline/discovered", json!(false)),
            ("/unmapped/driftline/confidence", json!("provisional")),
            ("/unmapped/driftline/assumptions", json!(["block = off"])),
            ("/unmapped/driftline/channel", json!("tool")),
            ("/unmapped/driftline/tags", json!({"team": "shop"})),
            ("/unmapped/driftline/exposure_seconds", json!(5)),
            ("/unmapped/driftline/benchmarks", json!({"cis_aws": ["5.3"]})),
            ("/unmapped/driftline/facts", json!({"item.ports": "22"})),
        ] {
            assert_eq!(told.pointer(path), Some(&expected), "{path}");
        }
    }

    #[test]
    fn hostile_texts_stay_data_and_stay_short() {
        let told = finding(&samples::alert(|change| {
            let mut cause = samples::cause();
            cause.user_agent = format!("\u{1b}[2J\"}}{}", "x".repeat(100_000)).into();
            cause.source_ip = "not an address\n".into();
            change.cause = std::sync::Arc::new(cause);
            change.finding.resource = "sg\u{0}\u{202e}1".into();
        }));
        let agent = told["http_request"]["user_agent"].as_str().expect("it is told");
        assert!(agent.len() < 5_000 && agent.starts_with("\\u{1b}[2J"), "{}", agent.len());
        assert_eq!(told["src_endpoint"], json!({"svc_name": "not an address\\u{a}"}));
        assert_eq!(told["resources"][0]["uid"], "sg\\u{0}\\u{202e}1");
    }

    #[test]
    fn the_same_change_gives_the_same_bytes_on_one_line() {
        let bytes = encode(&samples::alert(|_| {}));
        assert_eq!(bytes, encode(&samples::alert(|_| {})));
        assert!(!bytes.contains(&b'\n'));
    }

    #[test]
    fn headers_are_a_cloud_event() {
        let headers =
            headers(&samples::alert(|change| change.step = Step::Retracted), "application/json");
        let value = |name: &str| {
            headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str())
        };
        assert_eq!(value("ce_specversion"), Some("1.0"));
        assert_eq!(value("ce_type"), Some("io.driftline.finding.resolved"));
        assert_eq!(value("ce_time"), Some("2026-03-02T08:15:31Z"));
        assert_eq!(value("ce_subject"), Some("sg-1"));
        assert_eq!(value("ce_tenant"), Some("acme"));
        assert_eq!(value("ce_severity"), Some("high"));
        assert_eq!(value("content-type"), Some("application/json"));
        assert_eq!(value("ce_id").map(str::len), Some(32));
    }
}
