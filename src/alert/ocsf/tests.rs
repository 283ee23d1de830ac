use serde_json::{Value, json};

use super::super::samples;
use super::*;
use crate::model::FindingChange;

/// The alert as its readers parse it.
fn finding(alert: &Alert) -> Value {
    serde_json::from_slice(&encode(alert)).expect("it is JSON")
}

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
        assert_eq!(told["type_uid"].as_u64(), told["activity_id"].as_u64().map(|id| 200_400 + id));
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
    let value =
        |name: &str| headers.iter().find(|(key, _)| *key == name).map(|(_, value)| value.as_str());
    assert_eq!(value("ce_specversion"), Some("1.0"));
    assert_eq!(value("ce_type"), Some("io.driftline.finding.resolved"));
    assert_eq!(value("ce_time"), Some("2026-03-02T08:15:31Z"));
    assert_eq!(value("ce_subject"), Some("sg-1"));
    assert_eq!(value("ce_tenant"), Some("acme"));
    assert_eq!(value("ce_severity"), Some("high"));
    assert_eq!(value("content-type"), Some("application/json"));
    assert_eq!(value("ce_id").map(str::len), Some(32));
}
