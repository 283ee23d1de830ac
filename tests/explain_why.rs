//! "Why did it not fire?", answered by `explain --record`: the parts of an expression, the end of
//! a way, a detector that was not reached; for people and as JSON.

mod common;

use std::fs;
use std::process::Command;

use common::records::{authorize, azure, azure_rule, create_group, ec2};
use common::{clock, cloudtrail};
use serde_json::{Value, json};

/// What `explain --record` says of these records, one a line.
fn explain(records: &[Value], more: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("records.jsonl");
    let lines: Vec<String> = records.iter().map(Value::to_string).collect();
    fs::write(&path, lines.join("\n")).expect("written");
    let run = Command::new(env!("CARGO_BIN_EXE_driftline"))
        .args(["explain", "--record"])
        .arg(&path)
        .args(more)
        .env_remove("RUST_LOG")
        .output()
        .expect("the command starts");
    let errors = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(0), "{errors}");
    String::from_utf8_lossy(&run.stdout).into_owned()
}

/// What is said of the last record, line breaks gone.
fn last(told: &str) -> String {
    let from = told.rfind("\nrecord ").unwrap_or(0);
    let own = told[from..].split("left in the state").next().unwrap_or_default();
    own.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// All of these, in this order.
#[track_caller]
fn holds(told: &str, parts: &[&str]) {
    let mut rest = told;
    for part in parts {
        let at = rest.find(part);
        assert!(at.is_some(), "`{part}` is missing or too early:\n{told}");
        rest = &rest[at.unwrap_or_default() + part.len()..];
    }
}

fn s3(id: &str, second: i64, name: &str, request: &Value) -> Value {
    cloudtrail("111122223333", id, second, "s3.amazonaws.com", name, request, &Value::Null)
}

fn open_bucket(id: &str, second: i64) -> Value {
    let statement = json!({"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::b-1/*"});
    let policy = json!({"Version": "2012-10-17", "Statement": [statement]});
    s3(id, second, "PutBucketPolicy", &json!({"bucketName": "b-1", "bucketPolicy": policy}))
}

fn blocked(id: &str, second: i64) -> Value {
    let block = json!({"BlockPublicAcls": true, "IgnorePublicAcls": true,
        "BlockPublicPolicy": true, "RestrictPublicBuckets": true});
    let request = json!({"bucketName": "b-1", "PublicAccessBlockConfiguration": block});
    s3(id, second, "PutBucketPublicAccessBlock", &request)
}

/// A host with an open group, a public address, and a route that leads to a gateway of no account.
fn host() -> Vec<Value> {
    let interface = json!({"networkInterfaceId": "eni-1", "subnetId": "subnet-1",
        "groupSet": {"items": [{"groupId": "sg-1"}]}});
    let instance = json!({"instanceId": "i-1", "subnetId": "subnet-1",
        "networkInterfaceSet": {"items": [interface]}});
    vec![
        create_group("e-1", 1, "sg-1"),
        ec2("e-2", 2, "RunInstances", &json!({}), &json!({"instancesSet": {"items": [instance]}})),
        authorize("e-3", 3, "sg-1", "sgr-1", 22, "0.0.0.0/0"),
        ec2(
            "e-4",
            4,
            "AssociateRouteTable",
            &json!({"routeTableId": "rtb-1", "subnetId": "subnet-1"}),
            &json!({"associationId": "rtbassoc-1"}),
        ),
        ec2(
            "e-5",
            5,
            "AssociateAddress",
            &json!({"allocationId": "eipalloc-1", "networkInterfaceId": "eni-1"}),
            &json!({"associationId": "eipassoc-1"}),
        ),
    ]
}

#[test]
fn every_part_of_an_expression_is_told_and_what_was_not_asked_said_to_be_so() {
    let told = explain(&[open_bucket("e-1", 1), blocked("e-2", 2)], &["--detector", "OBJ-001"]);
    holds(
        &last(&told),
        &[
            "outcome applied OBJ-001 secure: storage.bucket b-1",
            "public_acl = false (follows)",
            "grants = unknown (never said)",
            "g == '*' || g == 'authenticated' not evaluated",
            "block.ignore_acls = true account.s3_block.ignore_acls not evaluated",
            "public_actions = [] (follows)",
            "block.restrict_policy = true",
            "iam.public_actions(statements) not evaluated",
        ],
    );
}

#[test]
fn what_is_read_from_other_resources_names_them_and_assumptions_stand_where_they_were_used() {
    let told = explain(&host(), &["--detector", "HOST-007"]);
    holds(
        &last(&told),
        &[
            "HOST-007 insecure, critical: compute.instance i-1",
            "assuming interfaces.own_ip = null",
            "exposed.intersects(params.admin_ports) = true",
            "i: \"eni-1\" i.exposed <- network.interface eni-1 = \"22\" (follows)",
            "own_ip <- network.interface eni-1 = none (assumed)",
            "routed <- network.interface eni-1 = true (follows; assumed)",
            "subnet.internet <- network.subnet subnet-1 = unknown (follows)",
            "t: \"rtb-1\" t.internet <- network.route_table rtb-1 = unknown (follows)",
            "routes <- network.route_table rtb-1 = unknown (never said)",
            "params.admin_ports = \"22,3389,5985-5986\"",
        ],
    );
    let wide: Vec<&str> = told.lines().filter(|line| line.contains(" = ")).collect();
    assert!(wide.iter().filter(|line| line.chars().count() > 104).count() < 3, "{told}");
}

#[test]
fn of_many_elements_those_that_hold_come_first_and_the_rest_are_counted() {
    let mut records = vec![create_group("e-0", 0, "sg-1")];
    for n in 0..12_u16 {
        let (id, rule) = (format!("e-{}", n + 1), format!("sgr-{n}"));
        let cidr = format!("10.{n}.0.0/16");
        records.push(authorize(&id, i64::from(n) + 1, "sg-1", &rule, 22, &cidr));
    }
    records.push(authorize("e-99", 60, "sg-1", "sgr-99", 22, "0.0.0.0/0"));
    // What the last event brings is told before what was there.
    records.push(authorize("e-100", 61, "sg-1", "sgr-100", 22, "172.16.0.0/12"));
    let told = explain(&records, &["--detector", "FW-001"]);
    let told = last(&told);
    holds(
        &told,
        &[
            "1 insecure, 0 unknown, 14 secure",
            "insecure, high",
            "secure: {",
            "172.16.0.0/12",
            "secure: {",
            "10.0.0.0/16",
            "... and 7 more",
        ],
    );
}

#[test]
fn each_end_says_at_which_step_and_what_would_have_made_it_go_on() {
    let change = |name: &str, value: Value| {
        let mut record = create_group("e-1", 1, "sg-1");
        record[name] = value;
        record
    };
    let misspelt = change("eventName", "CreateSecurityGruop".into());
    let reads = {
        let mut record = change("eventName", "DescribeVolumesModifications".into());
        record["readOnly"] = true.into();
        record
    };
    let failed = change("errorCode", "Client.UnauthorizedOperation".into());
    let nowhere = change("eventSource", "outposts.amazonaws.com".into());
    let group = "/resourceGroups/g/providers/Microsoft.Network/networkSecurityGroups/n";
    let started = azure(
        1,
        "Microsoft.Network/networkSecurityGroups/securityRules/write",
        &format!("{group}/securityRules/r"),
        "Start",
        "run-1",
        &azure_rule("22", "*"),
    );
    let twice = [create_group("e-1", 1, "sg-1"), create_group("e-1", 1, "sg-1")];
    for (records, parts) in [
        (
            vec![misspelt],
            vec![
                "outcome unwatched ended at index: nothing reads this event, and no mapping names",
                "the nearest that is read is `CreateSecurityGroup`, at config/content/mappings/aws/",
            ],
        ),
        (vec![nowhere], vec!["outcome unwatched", "is read of another service, at config/"]),
        (vec![reads], vec!["outcome read_only ended at index: the event only reads", "to go on"]),
        (
            vec![failed],
            vec!["outcome failed ended at mapping: the call failed", "`failures: true`"],
        ),
        (twice.to_vec(), vec!["outcome duplicate ended at state: record 0 had this event already"]),
        (
            vec![started],
            vec!["outcome pending ended at state: it starts operation", "the record of its end"],
        ),
        (
            vec![s3("e-1", 1, "PutBucketPolicy", &json!({"bucketName": "b-1"}))],
            vec![
                "outcome blind ended at mapping: `statements`",
                "to go on a body with request.bucketPolicy; or a snapshot",
                "missing what the entry needs is not in the event request.bucketPolicy = unsaid",
            ],
        ),
        (vec![json!({"hello": 1})], vec!["outcome dead reason unrecognised ended at recognition"]),
    ] {
        holds(&last(&explain(&records, &[])), &parts);
    }
}

#[test]
fn an_account_that_nobody_registered_is_named_with_the_line_that_registers_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let registry = folder.path().join("tenants.yaml");
    fs::write(&registry, "tenants: {acme: {accounts: {aws: ['999900001111']}}}\n")
        .expect("written");
    let registry = registry.display().to_string();
    let told = explain(&[create_group("e-1", 1, "sg-1")], &["--tenants", &registry]);
    holds(
        &last(&told),
        &[
            "outcome quarantined ended at tenant: the account is not mapped to a tenant",
            "`tenants: {TENANT: {accounts: {aws: ['111122223333']}}}`",
        ],
    );
}

#[test]
fn a_detector_that_was_not_reached_says_why() {
    let group = || create_group("e-1", 1, "sg-1");
    let failed = {
        let mut record = group();
        record["errorCode"] = "Client.UnauthorizedOperation".into();
        record
    };
    let renamed = |second| {
        let tags = json!({"bucketName": "b-1", "Tagging": {"TagSet": {"Tag": []}}});
        s3("e-2", second, "PutBucketTagging", &tags)
    };
    for (records, detector, why) in [
        (vec![group()], "OBJ-001", "its kinds were not touched: it judges storage.bucket, and"),
        (vec![failed], "FW-001", "a mapping reads this event and passed it by: config/"),
        (vec![json!({"hello": 1})], "FW-001", "the way ended before any mapping"),
        (vec![group()], "IAM-005", "it waits for the deed `sign_in`;"),
        (vec![open_bucket("e-1", 1), renamed(2)], "OBJ-001", "not reached:"),
    ] {
        let told = last(&explain(&records, &["--detector", detector]));
        holds(
            &told,
            &[&format!("{detector} not reached: "), why.trim_start_matches("not reached:")],
        );
    }
    let told = last(&explain(
        &[ec2("e", 1, "StartFleet", &json!({}), &Value::Null)],
        &["--detector", "FW-001"],
    ));
    holds(&told, &["no mapping reads `StartFleet`", "in aws, AuthorizeSecurityGroupIngress,"]);
}

#[test]
fn as_json_each_event_is_one_document_with_its_verdicts_its_steps_and_their_trees() {
    let told = explain(
        &[open_bucket("e-1", 1), blocked("e-2", 2), json!({"a": 1})],
        &["--format", "json", "--detector", "OBJ-001"],
    );
    let documents: Vec<Value> =
        told.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    assert_eq!(documents.len(), 3);
    let [opened, closed, dead] = &documents[..] else { return };
    assert_eq!((&opened["record"], &opened["outcome"]), (&json!(0), &json!("applied")));
    assert_eq!(opened["time"], json!(clock(1)));
    assert_eq!(
        opened["verdicts"],
        json!([{"detector": "OBJ-001", "verdict": "insecure", "on": "storage.bucket b-1",
            "severity": "critical"}])
    );
    assert_eq!(opened["findings"][0]["step"], "opened");
    assert_eq!(closed["findings"][0]["step"], "resolved");
    let steps = closed["steps"].as_array().expect("a list");
    let judged = steps.iter().find(|step| step["step"] == "judged").expect("it was judged");
    let tree = &judged["verdicts"][0]["tree"];
    assert_eq!((&tree["is"], &tree["value"]), (&json!("known"), &json!(false)));
    assert!(tree.to_string().contains(r#""is":"skipped""#), "{tree}");
    assert!(tree.to_string().contains(r#""is":"unknown","note":"never said""#), "{tree}");
    assert_eq!(dead["ended"]["at"], "recognition");
    assert!(
        dead["unreached"]["why"].as_str().is_some_and(|why| why.contains("before any mapping"))
    );
}

#[test]
fn a_secret_in_a_body_that_a_guard_reads_is_never_told() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(
        folder.path().join("m.yaml"),
        r#"
apiVersion: driftline/v1
kind: Mapping
provider: aws
service: vault.example
on:
  - event: Unlock
    when: request.adminPassword == "open" || request.list.exists(p, p == "y")
    resource: {kind: storage.bucket, id: request.id}
    put: {name: request.id}
  - event: Unlock
    when: request.note == "x"
    resource: {kind: storage.bucket, id: request.id}
    put: {name: request.id}
"#,
    )
    .expect("written");
    // What makes this a credential stands behind the place where a long value is cut.
    let long = format!("{} pg://app:canary-4{}@db", "x".repeat(370), "z".repeat(60));
    let request = json!({"id": "b-1", "adminPassword": "canary-1", "note": long,
        "list": [{"secret": "canary-3"}, "ghp_canary2"]});
    let record =
        cloudtrail("111122223333", "e-1", 1, "vault.example", "Unlock", &request, &Value::Null);
    let content = folder.path().display().to_string();
    for format in ["text", "json"] {
        let told =
            explain(std::slice::from_ref(&record), &["--content", &content, "--format", format]);
        assert!(
            told.contains("request.adminPassword == ") && told.contains("[redacted]"),
            "{told}"
        );
        assert!(!told.contains("canary"), "{told}");
    }
}
