//! The rules of time: ties, late events, snapshots that settle, started operations, incarnations.

mod common;

use common::{Line, Log, clock, cloudtrail, engine, feed};
use driftline::engine::Engine;
use driftline::model::{Outcome, Step, Timestamp};
use serde_json::{Value, json};

const ACCOUNT: &str = "111122223333";
/// Noon of the day that [`clock`] counts from, in seconds since the epoch.
const NOON: i64 = 1_772_452_800;

/// Feeds records and gives what was told.
fn run(records: &[Value]) -> (Engine, Log) {
    let (mut engine, mut log) = (engine(), Log::default());
    for record in records {
        feed(&mut engine, record, &mut log);
    }
    (engine, log)
}

/// The steps of one detector, as `step resource`.
fn steps(log: &Log, detector: &str) -> Vec<(Step, String)> {
    let of = |line: &&Line| line.detectors.iter().any(|known| known == detector);
    log.steps.iter().filter(of).map(|line| (line.step, line.resource.clone())).collect()
}

/// The values of one facet, over all resources of a kind, by id.
fn facet(engine: &Engine, kind: &str, id: &str, facet: &str) -> Value {
    let mut found = Value::Null;
    engine.resources(&mut |resource| {
        if resource.kind == kind && resource.id == id {
            found = resource.facets[facet].clone();
        }
    });
    found
}

fn ec2(id: &str, second: i64, name: &str, request: &Value, response: &Value) -> Value {
    cloudtrail(ACCOUNT, id, second, "ec2.amazonaws.com", name, request, response)
}

fn iam(id: &str, second: i64, name: &str, request: &Value) -> Value {
    cloudtrail(ACCOUNT, id, second, "iam.amazonaws.com", name, request, &Value::Null)
}

fn group(id: &str, second: i64) -> Value {
    ec2(
        id,
        second,
        "CreateSecurityGroup",
        &json!({"groupName": "web"}),
        &json!({"groupId": "sg-1"}),
    )
}

fn permission(port: i64) -> Value {
    json!({"groupId": "sg-1", "ipPermissions": {"items": [{"ipProtocol": "tcp", "fromPort": port,
        "toPort": port, "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}]}})
}

fn open(id: &str, second: i64, port: i64) -> Value {
    let rule = json!({"groupId": "sg-1", "securityGroupRuleId": format!("sgr-{port}"), "isEgress": false,
        "ipProtocol": "tcp", "fromPort": port, "toPort": port, "cidrIpv4": "0.0.0.0/0"});
    let response = json!({"_return": true, "securityGroupRuleSet": {"items": [rule]}});
    ec2(id, second, "AuthorizeSecurityGroupIngress", &permission(port), &response)
}

fn close(id: &str, second: i64, port: i64) -> Value {
    ec2(id, second, "RevokeSecurityGroupIngress", &permission(port), &json!({"_return": true}))
}

fn delete(id: &str, second: i64) -> Value {
    ec2(id, second, "DeleteSecurityGroup", &json!({"groupId": "sg-1"}), &json!({"_return": true}))
}

/// What AWS Config captured of the group: ports open to everybody.
fn snapshot(number: i64, second: i64, ports: &[i64]) -> Value {
    let rule = |port: &i64| {
        json!({"ipProtocol": "tcp", "fromPort": port, "toPort": port, "userIdGroupPairs": [],
            "ipv6Ranges": [], "prefixListIds": [], "ipv4Ranges": [{"cidrIp": "0.0.0.0/0"}]})
    };
    let rules: Vec<Value> = ports.iter().map(rule).collect();
    json!({
        "messageType": "ConfigurationItemChangeNotification", "recordVersion": "1.3",
        "notificationCreationTime": clock(second),
        "configurationItem": {
            "configurationItemVersion": "1.3", "configurationItemCaptureTime": clock(second),
            "configurationStateId": number, "awsAccountId": ACCOUNT, "configurationItemStatus": "OK",
            "resourceType": "AWS::EC2::SecurityGroup", "resourceId": "sg-1", "resourceName": "web",
            "ARN": format!("arn:aws:ec2:eu-west-1:{ACCOUNT}:security-group/sg-1"),
            "awsRegion": "eu-west-1", "tags": {}, "relationships": [], "supplementaryConfiguration": {},
            "configuration": {"groupName": "web", "groupId": "sg-1", "ipPermissions": rules,
                "ipPermissionsEgress": []},
        }
    })
}

fn opened(of: &str) -> (Step, String) {
    (Step::Opened, of.to_owned())
}

fn resolved(of: &str) -> (Step, String) {
    (Step::Resolved, of.to_owned())
}

#[test]
fn a_creation_never_erases_what_came_in_the_same_second() {
    let records = [group("e1", 60), open("e2", 60, 22)];
    for order in [[0, 1], [1, 0]] {
        let (engine, log) = run(&order.map(|place| records[place].clone()));
        assert_eq!(steps(&log, "FW-001"), [opened("sg-1")], "{order:?}");
        let rules = facet(&engine, "network.security_group", "sg-1", "rules");
        assert_eq!(rules.as_array().map(Vec::len), Some(2), "the egress rule and ours: {rules}");
    }
}

#[test]
fn a_role_and_its_inline_policy_may_share_a_second() {
    let policy =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    let records = [
        iam("e1", 60, "CreateRole", &json!({"roleName": "r", "assumeRolePolicyDocument": trust})),
        iam(
            "e2",
            60,
            "PutRolePolicy",
            &json!({"roleName": "r", "policyName": "p", "policyDocument": policy}),
        ),
    ];
    for order in [[0, 1], [1, 0]] {
        let (_, log) = run(&order.map(|place| records[place].clone()));
        assert_eq!(steps(&log, "IAM-015").len(), 1, "{order:?}: {:?}", log.steps);
    }
}

#[test]
fn a_rule_put_and_removed_at_one_instant_is_judged_as_there_provisionally() {
    for order in [[1, 2], [2, 1]] {
        let records = [group("e0", 10), open("e1", 60, 22), close("e2", 60, 22)];
        let (engine, _) =
            run(&[records[0].clone(), records[order[0]].clone(), records[order[1]].clone()]);
        let mut found = Vec::new();
        engine.each_finding(&mut |finding| {
            let reason = finding.reasons.iter().find(|reason| &*reason.detector == "FW-001");
            found.extend(reason.map(|reason| format!("{:?}", reason.confidence)));
        });
        assert_eq!(found, ["Provisional"], "{order:?}");
    }
}

#[test]
fn what_was_open_for_a_while_is_told_though_the_end_came_first() {
    let (_, log) = run(&[group("e0", 10), close("e2", 300, 22), open("e1", 60, 22)]);
    assert_eq!(steps(&log, "FW-001"), [opened("sg-1"), resolved("sg-1")]);
    let times: Vec<i64> = log
        .steps
        .iter()
        .filter(|l| l.detectors.contains(&"FW-001".into()))
        .map(|l| l.time)
        .collect();
    assert_eq!(times, [(NOON + 60) * 1_000_000, (NOON + 300) * 1_000_000]);
}

#[test]
fn a_late_deletion_never_undoes_what_followed_it() {
    let (engine, log) = run(&[group("e2", 120), open("e3", 180, 22), delete("e1", 60)]);
    assert_eq!(steps(&log, "FW-001"), [opened("sg-1")]);
    assert_ne!(facet(&engine, "network.security_group", "sg-1", "rules"), Value::Null);
}

#[test]
fn a_snapshot_older_than_an_event_leaves_it_alone() {
    let (_, log) = run(&[group("e1", 600), open("e2", 660, 22), snapshot(1, 30, &[])]);
    assert_eq!(steps(&log, "FW-001"), [opened("sg-1")]);
}

#[test]
fn a_snapshot_takes_back_what_was_just_said_only_when_it_has_settled() {
    let (mut engine, mut log) = run(&[group("e1", 10), open("e2", 600, 22), snapshot(1, 630, &[])]);
    assert_eq!(steps(&log, "FW-001"), [opened("sg-1")], "not yet settled");
    engine.tick(Timestamp::from_seconds(NOON + 630 + 121), &mut log);
    assert_eq!(steps(&log, "FW-001"), [opened("sg-1"), (Step::Retracted, "sg-1".to_owned())]);
}

#[test]
fn a_settled_snapshot_leaves_alone_what_was_said_after_it() {
    let (mut engine, mut log) = run(&[group("e1", 10), snapshot(1, 600, &[]), open("e2", 630, 22)]);
    engine.tick(Timestamp::from_seconds(NOON + 10_000), &mut log);
    assert_eq!(steps(&log, "FW-001"), [opened("sg-1")]);
}

#[test]
fn a_snapshot_long_after_resolves_what_nobody_was_seen_to_repair() {
    let (_, log) = run(&[group("e1", 10), open("e2", 60, 22), snapshot(1, 900, &[443])]);
    assert_eq!(steps(&log, "FW-001"), [opened("sg-1"), resolved("sg-1")]);
}

#[test]
fn a_resource_made_again_under_its_name_is_another_one() {
    let records = [
        group("e1", 10),
        open("e2", 60, 22),
        delete("e3", 120),
        group("e4", 180),
        open("e5", 240, 22),
    ];
    let (_, log) = run(&records);
    assert_eq!(steps(&log, "FW-001"), [opened("sg-1"), resolved("sg-1"), opened("sg-1")]);
    let uids: Vec<&String> = log
        .steps
        .iter()
        .filter(|l| l.detectors.contains(&"FW-001".into()))
        .map(|l| &l.uid)
        .collect();
    assert_eq!(uids[0], uids[1]);
    assert_ne!(uids[0], uids[2], "a new incarnation has its own finding");
}

#[test]
fn an_event_told_twice_counts_once() {
    let (_, log) = run(&[group("e1", 10), open("e2", 60, 22), open("e2", 60, 22)]);
    assert_eq!(log.outcomes, [Outcome::Applied, Outcome::Applied, Outcome::Duplicate]);
    assert_eq!(steps(&log, "FW-001"), [opened("sg-1")]);
}

#[test]
fn a_denied_call_changes_nothing() {
    let mut denied = open("e2", 60, 22);
    denied["errorCode"] = json!("AccessDenied");
    denied["responseElements"] = Value::Null;
    let (engine, log) = run(&[group("e1", 10), denied]);
    assert_eq!(log.outcomes[1], Outcome::Failed);
    assert!(log.steps.is_empty(), "{:?}", log.steps);
    assert_eq!(engine.open_findings(), 0);
}

#[test]
fn narrowing_every_port_to_one_is_one_finding() {
    let all = json!({"groupId": "sg-1", "securityGroupRuleId": "sgr-9", "isEgress": false,
        "ipProtocol": "tcp", "fromPort": 0, "toPort": 65535, "cidrIpv4": "0.0.0.0/0"});
    let request = json!({"groupId": "sg-1", "ipPermissions": {"items": [{"ipProtocol": "tcp", "fromPort": 0,
        "toPort": 65535, "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}]}});
    let widened = ec2(
        "e2",
        60,
        "AuthorizeSecurityGroupIngress",
        &request,
        &json!({"_return": true, "securityGroupRuleSet": {"items": [all]}}),
    );
    let narrowed = ec2(
        "e3",
        120,
        "ModifySecurityGroupRules",
        &json!({"ModifySecurityGroupRulesRequest": {"GroupId": "sg-1", "SecurityGroupRule": {
            "SecurityGroupRuleId": "sgr-9", "SecurityGroupRule": {
                "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIpv4": "0.0.0.0/0"}}}}),
        &json!({"_return": true}),
    );
    let (engine, log) = run(&[group("e1", 10), widened, narrowed]);
    assert!(log.steps.iter().all(|line| line.step != Step::Resolved), "{:?}", log.steps);
    let mut open = Vec::new();
    engine.each_finding(&mut |finding| {
        if &*finding.resource == "sg-1" {
            let mut ids: Vec<String> =
                finding.reasons.iter().map(|r| r.detector.to_string()).collect();
            ids.sort();
            open.push(ids);
        }
    });
    assert_eq!(open.len(), 1, "{open:?}");
    assert!(
        open[0].contains(&"FW-001".to_owned()) && !open[0].contains(&"FW-003".to_owned()),
        "{open:?}"
    );
}

#[test]
fn many_resources_seen_for_the_first_time_are_told_as_one_summary() {
    let (mut engine, mut log) = (engine(), Log::default());
    for number in 0..30 {
        let text = snapshot(number, 60, &[22]).to_string().replace("sg-1", &format!("sg-{number}"));
        let record: Value = serde_json::from_str(&text).unwrap_or_default();
        feed(&mut engine, &record, &mut log);
    }
    assert!(log.steps.is_empty(), "told one by one: {:?}", log.steps);
    engine.finish(&mut log);
    let summaries: Vec<Option<usize>> = log
        .steps
        .iter()
        .filter(|l| l.detectors.contains(&"FW-001".into()))
        .map(|l| l.summary)
        .collect();
    assert_eq!(summaries, [Some(30)]);
}

#[test]
fn the_same_records_give_the_same_alert_ids() {
    let records = [group("e1", 10), open("e2", 60, 22), open("e3", 70, 3389), close("e4", 90, 22)];
    let ids = |log: Log| log.steps.into_iter().map(|line| line.id).collect::<Vec<_>>();
    let (first, second) = (ids(run(&records).1), ids(run(&records).1));
    assert!(!first.is_empty());
    assert_eq!(first, second);
}

/// A GCP audit entry of one firewall operation.
fn firewall(
    id: &str,
    second: i64,
    ends: (bool, bool),
    request: &Value,
    code: Option<i64>,
) -> Value {
    let status = code.map_or_else(|| json!({}), |code| json!({"code": code, "message": "no"}));
    json!({
        "insertId": id, "logName": "projects/acme-prod/logs/cloudaudit.googleapis.com%2Factivity",
        "resource": {"type": "gce_firewall_rule", "labels": {"project_id": "acme-prod"}},
        "timestamp": clock(second), "severity": "NOTICE",
        "operation": {"id": "operation-1", "producer": "compute.googleapis.com", "first": ends.0, "last": ends.1},
        "protoPayload": {
            "@type": "type.googleapis.com/google.cloud.audit.AuditLog", "status": status,
            "authenticationInfo": {"principalEmail": "dana@acme.example"},
            "requestMetadata": {"callerIp": "203.0.113.24", "callerSuppliedUserAgent": "Terraform/1.9.5"},
            "serviceName": "compute.googleapis.com", "methodName": "v1.compute.firewalls.insert",
            "resourceName": "projects/acme-prod/global/firewalls/allow-ssh", "request": request,
        },
    })
}

fn firewall_request() -> Value {
    json!({"name": "allow-ssh", "direction": "INGRESS", "sourceRanges": ["0.0.0.0/0"],
        "alloweds": [{"IPProtocol": "tcp", "ports": ["22"]}]})
}

#[test]
fn an_operation_is_applied_when_both_ends_are_there_in_either_order() {
    let first = firewall("g1", 60, (true, false), &firewall_request(), None);
    let last = firewall("g2", 65, (false, true), &json!({}), None);
    for records in [[first.clone(), last.clone()], [last, first]] {
        let (_, log) = run(&records);
        assert_eq!(steps(&log, "FW-001"), [opened("allow-ssh")], "{:?}", log.outcomes);
    }
}

#[test]
fn an_operation_that_fails_changes_nothing() {
    let first = firewall("g1", 60, (true, false), &firewall_request(), None);
    let last = firewall("g2", 65, (false, true), &json!({}), Some(13));
    for records in [[first.clone(), last.clone()], [last, first]] {
        let (mut engine, mut log) = run(&records);
        engine.tick(Timestamp::from_seconds(NOON + 90_000), &mut log);
        assert_eq!(steps(&log, "FW-001"), []);
    }
}

#[test]
fn an_operation_whose_end_is_lost_is_applied_provisionally_after_a_while() {
    let (mut engine, mut log) =
        run(&[firewall("g1", 60, (true, false), &firewall_request(), None)]);
    assert_eq!(log.outcomes, [Outcome::Pending]);
    assert_eq!(steps(&log, "FW-001"), []);
    engine.tick(Timestamp::from_seconds(NOON + 60 + 901), &mut log);
    assert_eq!(steps(&log, "FW-001"), [opened("allow-ssh")]);
    let mut confidence = Vec::new();
    engine.each_finding(&mut |finding| {
        let reason = finding.reasons.iter().find(|reason| &*reason.detector == "FW-001");
        confidence.extend(reason.map(|reason| format!("{:?}", reason.confidence)));
    });
    assert_eq!(confidence, ["Provisional"]);
}

#[test]
fn what_changed_to_nobody_knows_what_keeps_its_findings_open() {
    let rule = |id: &str, second: i64, body: Value| {
        json!({
            "trace_id": id, "trace_name": "updateSecurity-group-rule", "trace_rating": "normal",
            "trace_type": "ConsoleAction", "service_type": "VPC", "resource_type": "security-group-rules",
            "resource_id": "r-1", "domain_id": "d0", "time": (NOON + second) * 1_000,
            "user": {"name": "li", "id": "u1", "domain": {"name": "acme", "id": "d0"}},
            "request": body.clone(), "response": Value::Null,
        })
    };
    let mut made = rule("t1", 60, Value::Null);
    made["trace_name"] = json!("createSecurity-group-rule");
    made["response"] = json!({"security_group_rules": [{"id": "r-1", "security_group_id": "g-1",
        "direction": "ingress", "protocol": "tcp", "multiport": "22", "remote_ip_prefix": "0.0.0.0/0",
        "action": "allow", "priority": 1}]});
    let (engine, log) = run(&[made, rule("t2", 120, Value::Null)]);
    assert_eq!(log.outcomes, [Outcome::Applied, Outcome::Blind]);
    assert_eq!(steps(&log, "FW-001"), [opened("g-1")]);
    assert!(engine.open_findings() > 0);
}
