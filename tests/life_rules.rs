//! The rules of a finding's life: operations, incarnations, repetitions, failures, ownership,
//! discoveries, and what is told of a change for the better.

mod common;

use std::sync::Arc;

use common::records::{
    ACCOUNT, authorize, azure, azure_rule, create_group, ec2, gcp, iam, item, revoke,
};
use common::{Log, Play, feed, pack};
use driftline::engine::{Engine, Setup};
use driftline::model::Step::{Opened, Resolved, Retracted, Updated};
use driftline::model::{Outcome, Provider};
use driftline::tenant::{Registry, Unmapped};
use serde_json::{Value, json};

const WORLD: &str = "0.0.0.0/0";
const RULE: &str =
    "/resourceGroups/shop/providers/Microsoft.Network/networkSecurityGroups/nsg/securityRules/a";
const WRITE: &str = "Microsoft.Network/networkSecurityGroups/securityRules/write";
const INSERT: &str = "v1.compute.firewalls.insert";

fn start(second: i64) -> Value {
    azure(second, WRITE, RULE, "Start", "run-1", &azure_rule("22", "*"))
}

fn end(second: i64, status: &str) -> Value {
    azure(second, WRITE, RULE, status, "run-1", &Value::Null)
}

fn firewall() -> Value {
    json!({"direction": "INGRESS", "sourceRanges": [WORLD], "priority": 900,
        "alloweds": [{"IPProtocol": "tcp", "ports": ["22"]}], "network": "global/networks/default"})
}

#[test]
fn a_started_operation_waits_for_its_end_and_then_applies_once() {
    let mut play = Play::new();
    assert_eq!(play.say(&start(1)), Outcome::Pending);
    assert!(play.open("FW-001").is_empty());
    assert_eq!(play.say(&end(5, "Success")), Outcome::Applied, "{}", play.log.text);
    play.wait(5_000);
    assert_eq!(play.story("FW-001"), [Opened], "{}", play.log.text);
    assert_eq!(play.open("FW-001").iter().map(|open| open.1).collect::<Vec<_>>(), [false]);
}

#[test]
fn an_operation_that_failed_changes_nothing_in_either_order() {
    for records in [[start(1), end(5, "Failure")], [end(5, "Failure"), start(1)]] {
        let mut play = Play::of(&records);
        play.wait(5_000);
        assert_eq!(play.log.steps, [], "{}", play.log.text);
        assert!(play.open("FW-001").is_empty());
    }
}

#[test]
fn an_operation_without_an_end_applies_as_provisional_after_the_limit() {
    let mut play = Play::of(&[start(0)]);
    play.wait(899);
    assert!(play.open("FW-001").is_empty(), "{}", play.log.text);
    play.wait(901);
    assert_eq!(play.open("FW-001").iter().map(|open| open.1).collect::<Vec<_>>(), [true]);
    // The end that comes after all confirms it, and confirming is no news.
    play.say(&end(2_000, "Success"));
    assert_eq!(play.story("FW-001"), [Opened], "{}", play.log.text);
    assert_eq!(play.open("FW-001").iter().map(|open| open.1).collect::<Vec<_>>(), [false]);
}

#[test]
fn an_operation_that_fails_after_it_was_given_up_is_taken_back_whole() {
    let mut play = Play::of(&[start(0)]);
    play.wait(901);
    assert_eq!(play.open("FW-001").len(), 1, "{}", play.log.text);
    assert_eq!(play.say(&end(2_000, "Failure")), Outcome::Failed);
    assert_eq!(play.story("FW-001"), [Opened, Retracted], "{}", play.log.text);
    assert_eq!(play.engine.open_findings(), 0, "no detector keeps what never was");
    let mut held = Vec::new();
    play.engine.resources(&mut |resource| held.push(resource.id.clone()));
    assert_eq!(held, Vec::<String>::new());
    play.wait(90_000);
    assert_eq!(play.story("FW-001"), [Opened, Retracted]);
}

/// One end of a change of the firewall rule `fw`; `failed` or not.
fn patch(id: &str, second: i64, (first, failed): (bool, bool), request: &Value) -> Value {
    let operation = json!({"id": "op-p", "producer": "x", "first": first, "last": !first});
    let mut entry = gcp(id, second, "v1.compute.firewalls.patch", "fw", request, &operation);
    if failed {
        entry["protoPayload"]["status"] = json!({"code": 9, "message": "no"});
    }
    entry
}

#[test]
fn what_was_so_before_an_operation_that_failed_is_so_again() {
    let closed = json!({"direction": "INGRESS", "sourceRanges": ["10.0.0.0/8"], "priority": 900,
        "alloweds": [{"IPProtocol": "tcp", "ports": ["22"]}], "network": "global/networks/default"});
    let mut play = Play::of(&[gcp("1", 1, INSERT, "fw", &closed, &Value::Null)]);
    let before = play.facets("fw");
    assert!(before.is_some() && play.open("FW-001").is_empty(), "{}", play.log.text);
    play.say(&patch("2", 10, (true, false), &json!({"sourceRanges": [WORLD]})));
    play.wait(911);
    assert_eq!(play.open("FW-001").len(), 1, "{}", play.log.text);
    // What somebody did meanwhile stays.
    let other =
        gcp("3", 950, "v1.compute.firewalls.patch", "fw", &json!({"priority": 800}), &Value::Null);
    play.say(&other);
    play.say(&patch("4", 1_000, (false, true), &Value::Null));
    assert_eq!(play.story("FW-001"), [Opened, Retracted], "{}", play.log.text);
    let mut expected = before.unwrap_or_default();
    expected["priority"] = 800.into();
    for rule in expected["rules"].as_array_mut().into_iter().flatten() {
        rule["priority"] = 800.into();
    }
    assert_eq!(play.facets("fw"), Some(expected));
    assert_eq!(play.engine.stale_derivations(), Vec::<String>::new());
}

#[test]
fn a_deletion_that_failed_after_it_was_given_up_opens_again_what_it_ended() {
    let gone = |second, status: &str| {
        azure(second, &WRITE.replace("/write", "/delete"), RULE, status, "run-2", &Value::Null)
    };
    let mut play = Play::of(&[start(0), end(5, "Success"), gone(50, "Start")]);
    play.wait(1_000);
    assert_eq!(play.story("FW-001"), [Opened, Resolved], "{}", play.log.text);
    play.say(&gone(1_100, "Failure"));
    assert_eq!(play.story("FW-001"), [Opened, Resolved, Opened], "{}", play.log.text);
    assert_eq!(play.open("FW-001").iter().map(|open| open.1).collect::<Vec<_>>(), [false]);
}

#[test]
fn an_end_that_says_otherwise_takes_the_place_of_the_start_that_was_given_up() {
    let mut play = Play::of(&[start(0)]);
    play.wait(901);
    assert_eq!(play.open("FW-001").len(), 1, "{}", play.log.text);
    let narrower = azure(1_000, WRITE, RULE, "Success", "run-1", &azure_rule("22", "10.0.0.0/8"));
    assert_eq!(play.say(&narrower), Outcome::Applied, "{}", play.log.text);
    assert_eq!(play.story("FW-001"), [Opened, Retracted], "{}", play.log.text);
}

#[test]
fn a_deed_whose_operation_failed_after_all_is_taken_back() {
    let place = "/resourceGroups/shop/providers/Microsoft.Network/azureFirewalls/edge";
    let gone = |second, status: &str| {
        let operation = "Microsoft.Network/azureFirewalls/delete";
        azure(second, operation, place, status, "run-3", &Value::Null)
    };
    for (status, ends) in [("Failure", vec![Opened, Retracted]), ("Success", vec![Opened])] {
        let mut play = Play::of(&[gone(0, "Start")]);
        play.wait(901);
        play.say(&gone(1_000, status));
        let steps: Vec<_> = play.log.steps.iter().map(|line| line.step).collect();
        assert_eq!(steps, ends, "{status}: {}", play.log.text);
    }
}

#[test]
fn a_start_that_says_nothing_does_not_hide_the_one_that_says_what() {
    let accepted = azure(1, WRITE, RULE, "Accept", "run-1", &Value::Null);
    let orders = [
        [start(0), accepted.clone(), end(5, "Success")],
        [accepted.clone(), start(0), end(5, "Success")],
        [end(5, "Success"), accepted.clone(), start(0)],
        [accepted, end(5, "Success"), start(0)],
    ];
    for records in orders {
        let mut play = Play::of(&records);
        play.wait(5_000);
        assert_eq!(play.story("FW-001"), [Opened], "{}", play.log.text);
        assert_eq!(play.open("FW-001").iter().map(|open| open.1).collect::<Vec<_>>(), [false]);
    }
}

#[test]
fn first_and_last_of_an_operation_tell_the_same_in_both_orders() {
    let first = gcp(
        "1",
        1,
        INSERT,
        "fw",
        &firewall(),
        &json!({"id": "op", "producer": "x", "first": true}),
    );
    let last = gcp(
        "2",
        9,
        INSERT,
        "fw",
        &Value::Null,
        &json!({"id": "op", "producer": "x", "last": true}),
    );
    for records in [[first.clone(), last.clone()], [last, first]] {
        let mut play = Play::of(&records);
        play.wait(5_000);
        assert_eq!(play.story("FW-001"), [Opened], "{}", play.log.text);
        assert_eq!(play.open("FW-001").iter().map(|open| open.1).collect::<Vec<_>>(), [false]);
    }
}

#[test]
fn a_group_deleted_and_made_again_has_another_finding() {
    let gone = |id: &str, second| {
        ec2(id, second, "DeleteSecurityGroup", &json!({"groupId": "sg-1"}), &json!({}))
    };
    let play = Play::of(&[
        create_group("1", 1, "sg-1"),
        authorize("2", 2, "sg-1", "r1", 22, WORLD),
        gone("3", 50),
        create_group("4", 60, "sg-1"),
        authorize("5", 61, "sg-1", "r1", 22, WORLD),
    ]);
    assert_eq!(play.story("FW-001"), [Opened, Resolved, Opened], "{}", play.log.text);
    let steps = play.steps("FW-001");
    assert_eq!(steps[0].uid, steps[1].uid);
    assert_ne!(steps[0].uid, steps[2].uid, "another incarnation is another finding");
}

#[test]
fn an_event_told_twice_is_a_duplicate_and_is_not_told_again() {
    let record = authorize("2", 2, "sg-1", "r1", 22, WORLD);
    let mut play = Play::of(&[create_group("1", 1, "sg-1")]);
    assert_eq!(play.say(&record), Outcome::Applied);
    assert_eq!(play.say(&record), Outcome::Duplicate);
    play.say(&revoke("3", 20, "sg-1", 22, WORLD));
    assert_eq!(play.say(&record), Outcome::Duplicate);
    assert_eq!(play.story("FW-001"), [Opened, Resolved], "{}", play.log.text);
}

#[test]
fn a_call_that_failed_changes_nothing() {
    let refused = |mut record: Value| {
        record["errorCode"] = "Client.UnauthorizedOperation".into();
        record["responseElements"] = Value::Null;
        record
    };
    let mut play = Play::new();
    let outcome = play.say(&refused(authorize("1", 1, "sg-1", "r1", 22, WORLD)));
    assert_eq!(outcome, Outcome::Failed, "{}", play.log.text);
    assert_eq!(play.facets("sg-1"), None);
    // Nor does a refused repair end a finding.
    play.say(&authorize("2", 2, "sg-1", "r1", 22, WORLD));
    let outcome = play.say(&refused(revoke("3", 20, "sg-1", 22, WORLD)));
    assert_eq!(outcome, Outcome::Failed);
    assert_eq!(play.story("FW-001"), [Opened], "{}", play.log.text);
}

#[test]
fn what_the_provider_owns_is_never_judged() {
    let admin = r#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let policy = |id: &str| {
        let request = json!({"roleName": "app", "policyName": "all", "policyDocument": admin});
        iam(id, 5, "PutRolePolicy", &request)
    };
    let trust = r#"{"Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    let request = json!({"roleName": "app", "assumeRolePolicyDocument": trust});
    let ours = Play::of(&[iam("1", 1, "CreateRole", &request), policy("2")]);
    assert_eq!(ours.story("IAM-015"), [Opened], "{}", ours.log.text);
    let mut linked = iam("1", 1, "CreateServiceLinkedRole", &json!({"aWSServiceName": "x"}));
    linked["responseElements"] = json!({"role": {"roleName": "app"}});
    let theirs = Play::of(&[linked, policy("2")]);
    assert!(theirs.facets("role/app").is_some(), "{}", theirs.log.text);
    assert_eq!(theirs.story("IAM-015"), [], "{}", theirs.log.text);
}

#[test]
fn an_account_nobody_mapped_is_quarantined_and_others_are_not() {
    let claims = [("shop", Provider::Aws, "999988887777")];
    let registry = Registry::of_accounts(claims, Unmapped::Quarantine);
    let registry = registry.expect("one claim can't contradict itself");
    let mut engine = Engine::new(pack(), Arc::new(registry), Setup::default());
    let mut log = Log::default();
    let ours = authorize("1", 1, "sg-1", "r1", 22, WORLD);
    feed(&mut engine, &ours, &mut log);
    let text = ours.to_string().replace(ACCOUNT, "999988887777");
    let theirs: Value = serde_json::from_str(&text).unwrap_or_default();
    feed(&mut engine, &theirs, &mut log);
    assert_eq!(log.outcomes, [Outcome::Quarantined, Outcome::Applied]);
    assert!(!log.steps.is_empty() && log.steps.iter().all(|step| step.tenant == "shop"));
}

#[test]
fn what_was_already_so_is_told_as_one_summary_for_each_detector() {
    let mut play = Play::new();
    for number in 0..3 {
        play.say(&item(number, 10 + number, &format!("sg-{number}"), &[(22, WORLD)]));
    }
    play.wait(1_000);
    let summaries: Vec<_> = play.steps("FW-001").iter().map(|line| line.summary).collect();
    assert_eq!(summaries, [Some(3)], "{}", play.log.text);
    assert_eq!(play.open("FW-001").len(), 3, "each is a finding all the same");
}

#[test]
fn narrowing_all_ports_to_one_is_one_finding_that_grows_milder() {
    let request = json!({"groupId": "sg-1", "ipPermissions": {"items": [
        {"ipProtocol": "-1", "ipRanges": {"items": [{"cidrIp": WORLD}]}}]}});
    let response = json!({"_return": true, "securityGroupRuleSet": {"items": [{"groupId": "sg-1",
        "securityGroupRuleId": "r1", "isEgress": false, "ipProtocol": "-1", "fromPort": -1,
        "toPort": -1, "cidrIpv4": WORLD}]}});
    let narrow = |id: &str, second, cidr: &str| {
        let request = json!({"ModifySecurityGroupRulesRequest": {"GroupId": "sg-1", "SecurityGroupRule": {
            "SecurityGroupRuleId": "r1", "tag": 1, "SecurityGroupRule": {"CidrIpv4": cidr,
                "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}}}});
        let response = json!({"ModifySecurityGroupRulesResponse": {"return": true}});
        ec2(id, second, "ModifySecurityGroupRules", &request, &response)
    };
    let mut play = Play::of(&[
        create_group("1", 1, "sg-1"),
        ec2("2", 2, "AuthorizeSecurityGroupIngress", &request, &response),
    ]);
    assert_eq!(play.story("FW-003"), [Opened], "{}", play.log.text);
    play.say(&narrow("3", 60, WORLD));
    assert!(play.open("FW-003").is_empty() && play.open("FW-001").len() == 1, "{}", play.log.text);
    play.say(&narrow("4", 90, "10.0.0.0/8"));
    let told: Vec<_> =
        play.log.steps.iter().filter(|line| line.resource == "sg-1").cloned().collect();
    let about: Vec<_> =
        told.iter().filter(|line| line.detectors.iter().any(|id| id.starts_with("FW-"))).collect();
    assert!(about.iter().all(|line| line.uid == about[0].uid), "{about:#?}");
    let ends: Vec<_> = about.iter().map(|line| line.step).filter(|step| *step != Updated).collect();
    assert_eq!(ends, [Opened, Resolved], "{}", play.log.text);
}

#[test]
fn the_same_records_again_give_the_same_alerts() {
    let records = [
        create_group("1", 1, "sg-1"),
        authorize("2", 2, "sg-1", "r1", 22, WORLD),
        start(3),
        end(4, "Success"),
        item(5, 30, "sg-2", &[(3389, WORLD)]),
        revoke("6", 50, "sg-1", 22, WORLD),
    ];
    let run = || {
        let mut play = Play::of(&records);
        play.wait(5_000);
        play.log.steps
    };
    let (first, second) = (run(), run());
    assert!(first.len() >= 4, "{first:#?}");
    assert_eq!(first, second);
    let mut ids: Vec<_> = first.iter().map(|line| line.id.clone()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), first.len(), "no two steps share an id");
}
