//! `explain --record` as a person reads it: each step of a record's way is told, and why the way
//! ended where it did.

use std::fs;
use std::process::{Command, Output};

use serde_json::{Value, json};

fn driftline(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_driftline"))
        .args(arguments)
        .env_remove("RUST_LOG")
        .output()
        .expect("the command starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What `explain --record` says of these records, one a line.
fn explain(records: &[String], more: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("records.jsonl");
    fs::write(&path, records.join("\n")).expect("written");
    let path = path.display().to_string();
    let mut arguments = vec!["explain", "--record", &path];
    arguments.extend_from_slice(more);
    let run = driftline(&arguments);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    text(&run.stdout)
}

/// A trace of a rule being made or deleted in a security group.
fn rule_event(minute: i64, name: &str, peer: Option<&str>) -> String {
    let millis = 1_772_452_800_000 + minute * 60_000;
    let rule = |id: Option<&str>| {
        let mut rule = json!({
            "security_group_id": "sg-7", "direction": "ingress", "ethertype": "IPv4",
            "action": "allow", "priority": 1, "protocol": "tcp", "multiport": "22",
            "remote_ip_prefix": peer,
        });
        if let Some(id) = id {
            rule["id"] = id.into();
        }
        rule
    };
    let mut trace = json!({
        "trace_id": format!("trace-{minute}"), "trace_name": name, "trace_rating": "normal",
        "trace_type": "ApiCall", "service_type": "VPC", "resource_type": "security-group-rules",
        "resource_id": "rule-9", "resource_name": "", "domain_id": "domain-a",
        "project_id": "project-a", "source_ip": "198.51.100.7", "code": "200",
        "time": millis, "record_time": millis + 300, "read_only": false,
        "user": {"type": "User", "id": "u-1", "name": "mei", "user_name": "mei",
            "domain": {"id": "domain-a", "name": "acme"}},
    });
    if peer.is_some() {
        let request = json!({"security_group_rule": rule(None)});
        let response = json!({"security_group_rules": [rule(Some("rule-9"))]});
        trace["request"] = request.to_string().into();
        trace["response"] = response.to_string().into();
    }
    trace.to_string()
}

fn cloudtrail(name: &str, time: Option<&str>) -> String {
    let mut event = json!({
        "eventVersion": "1.11", "eventSource": "ec2.amazonaws.com", "eventName": name,
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/a",
            "accountId": "111122223333", "userName": "a"},
        "awsRegion": "eu-west-1", "sourceIPAddress": "203.0.113.5", "userAgent": "aws-cli/2",
        "requestParameters": {"groupId": "sg-1"}, "responseElements": Value::Null,
        "eventID": "e-1", "readOnly": false, "eventType": "AwsApiCall",
        "managementEvent": true, "recipientAccountId": "111122223333",
        "eventCategory": "Management",
    });
    if let Some(time) = time {
        event["eventTime"] = time.into();
    }
    json!({"version": "0", "id": "bridge-1", "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.ec2", "account": "111122223333", "region": "eu-west-1", "detail": event})
    .to_string()
}

/// All of these, in this order.
fn holds(told: &str, parts: &[&str]) {
    let mut rest = told;
    for part in parts {
        let at = rest.find(part);
        assert!(at.is_some(), "`{part}` is missing or too early:\n{told}");
        rest = &rest[at.unwrap_or_default() + part.len()..];
    }
}

#[test]
fn a_rule_open_to_the_world_is_told_the_verdict_first_then_from_its_envelope_on() {
    let made = rule_event(0, "createSecurity-group-rule", Some("0.0.0.0/0"));
    let told = explain(&[format!("[[{made}]]")], &[]);
    holds(
        &told,
        &[
            "record 0",
            "event 0: huawei-cts",
            "outcome    applied",
            "FW-001     insecure, high: network.security_group sg-7, 1 of 1 elements",
            "resources  network.security_group sg-7",
            " the way",
            "envelope   a list, level 1",
            "key        huawei VPC security-group-rules createSecurity-group-rule: a mapping reads",
            "tenant     domain-a (account domain-a)",
            "entry      config/content/mappings/huawei/vpc_security_group.yaml:",
            "mapped to  1 write, 0 acts; an activity",
            "write      network.security_group sg-7",
            "rules + {",
            "0.0.0.0/0",
            "(id rule-9)",
            "state      network.security_group sg-7, first seen",
            "rules: nothing -> [{",
            "FW-001     SSH is open to the whole Internet",
            "asks each of rules: net.opens(item, rules, tcp, 22)",
            "insecure, high, confirmed: {",
            "net.opens(item, rules, tcp, 22) = true",
            "rules = partial [{",
            "HIGH",
            "left in the state",
            "network.security_group sg-7",
        ],
    );
}

#[test]
fn an_earlier_record_sets_the_state_that_a_later_one_changes() {
    let made = rule_event(0, "createSecurity-group-rule", Some("0.0.0.0/0"));
    let gone = rule_event(5, "deleteSecurity-group-rule", None);
    let told = explain(&[made, gone], &["--detector", "FW-001"]);
    holds(
        &told,
        &[
            "insecure, high",
            "record 1",
            "rules - id rule-9",
            "rules: [{",
            "nothing (there may be more)",
            "RESOLVED",
        ],
    );
}

#[test]
fn only_the_detector_asked_for_is_told() {
    let made = rule_event(0, "createSecurity-group-rule", Some("10.0.0.0/8"));
    let all = explain(std::slice::from_ref(&made), &[]);
    assert!(all.contains("FW-002 ") && all.contains("FW-001 "), "{all}");
    let told = explain(&[made], &["--detector", "FW-001"]);
    assert!(!told.contains("FW-002"), "{told}");
    holds(
        &told,
        &["outcome    applied", "FW-001     secure: network", "FW-001     SSH", "secure: {"],
    );
    assert!(!told.contains("insecure, high"), "{told}");
}

#[test]
fn an_event_that_no_mapping_reads_says_so() {
    let told = explain(&[cloudtrail("CreatePlacementGroup", Some("2026-03-02T12:00:00Z"))], &[]);
    holds(
        &told,
        &[
            "event 0: aws-cloudtrail",
            "outcome    unwatched",
            "ended at   index: nothing reads this event, and no mapping names it",
            "the nearest that is read is `Create",
            "envelope   detail, level 1",
            "key        aws ec2.amazonaws.com CreatePlacementGroup: no mapping reads it",
        ],
    );
    assert!(!told.contains("entry      "), "{told}");
}

#[test]
fn a_failed_call_says_which_entries_passed_it_by() {
    let mut event: Value =
        serde_json::from_str(&cloudtrail("DeleteSecurityGroup", Some("2026-03-02T12:00:00Z")))
            .expect("it is JSON");
    event["detail"]["errorCode"] = "Client.UnauthorizedOperation".into();
    let told = explain(&[event.to_string()], &[]);
    holds(
        &told,
        &["outcome    failed", "ended at   mapping: the call failed", "passed by  config/"],
    );
}

#[test]
fn a_dead_record_says_why_and_where() {
    let cases = [
        ("{\"eventVersion\": \"1.11\", oops".to_owned(), "not_json", "from byte"),
        (cloudtrail("DeleteSecurityGroup", None), "no_time", "neither the event nor an envelope"),
        ("{\"hello\": \"world\"}".to_owned(), "unrecognised", "recognition: no format"),
    ];
    for (record, reason, detail) in cases {
        let told = explain(&[record], &[]);
        holds(&told, &["outcome    dead", &format!("reason     {reason}"), "ended at", detail]);
    }
}

#[test]
fn a_secret_in_the_body_is_never_told() {
    let mut made: Value =
        serde_json::from_str(&rule_event(0, "createSecurity-group-rule", Some("0.0.0.0/0")))
            .expect("it is JSON");
    let canary = "ghp_canary0123456789";
    let mut response: Value =
        serde_json::from_str(made["response"].as_str().expect("a text")).expect("it is JSON");
    response["security_group_rules"][0]["description"] = canary.into();
    made["response"] = response.to_string().into();
    made["resource_name"] = canary.into();
    made["user"]["name"] = canary.into();
    made["user"]["user_name"] = canary.into();
    let told = explain(&[made.to_string()], &[]);
    assert!(told.contains("0.0.0.0/0") && told.contains("[redacted]"), "{told}");
    assert!(!told.contains("canary"), "{told}");
}

#[test]
fn a_detector_s_page_is_told_and_a_wrong_id_suggests_the_nearest() {
    let page = driftline(&["explain", "FW-001"]);
    assert_eq!(page.status.code(), Some(0), "{}", text(&page.stderr));
    holds(
        &text(&page.stdout),
        &["FW-001  SSH", "severity", "Why", "Judges", "net.opens", "How to repair it", "Coverage"],
    );
    let folder = tempfile::tempdir().expect("a folder");
    let record = folder.path().join("record.json");
    fs::write(&record, "{}").expect("written");
    let record = record.display().to_string();
    for arguments in
        [vec!["explain", "FW-01"], vec!["explain", "--record", &record, "--detector", "FW-01"]]
    {
        let run = driftline(&arguments);
        assert_eq!(run.status.code(), Some(1), "{arguments:?}");
        let told = text(&run.stderr);
        assert!(told.contains("there is no detector `FW-01`; did you mean `FW-001`?"), "{told}");
    }
}
