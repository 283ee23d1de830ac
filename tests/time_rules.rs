//! The rules of time: ties, late events, snapshots that settle, and what stays unknown.

mod common;

use common::records::{
    ACCOUNT, NOON, authorize, azure, azure_group, azure_rule, by, create_group, cts, gcp, iam,
    item, revoke,
};
use common::{Play, cloudtrail};
use driftline::model::Outcome;
use driftline::model::Step::{Opened, Resolved, Retracted};
use serde_json::{Value, json};

const WORLD: &str = "0.0.0.0/0";
const GROUP: &str = "/resourceGroups/shop/providers/Microsoft.Network/networkSecurityGroups/nsg";
const ADMIN: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
const TRUST: &str = r#"{"Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

fn role(second: i64) -> Value {
    iam(
        "role",
        second,
        "CreateRole",
        &json!({"roleName": "app", "assumeRolePolicyDocument": TRUST}),
    )
}

fn inline(second: i64) -> Value {
    let request = json!({"roleName": "app", "policyName": "all", "policyDocument": ADMIN});
    iam("inline", second, "PutRolePolicy", &request)
}

/// Microseconds of a second after noon.
fn micros(second: i64) -> i64 {
    (NOON + second) * 1_000_000
}

#[test]
fn a_role_and_its_inline_policy_in_one_second_are_one_story_in_both_orders() {
    let (first, second) = (Play::of(&[role(5), inline(5)]), Play::of(&[inline(5), role(5)]));
    for play in [&first, &second] {
        assert_eq!(play.open("IAM-015").len(), 1, "{}", play.log.text);
        assert_eq!(play.facets("role/app").map(|f| f["name"].clone()), Some("app".into()));
    }
    assert_eq!(first.facets("role/app"), second.facets("role/app"));
}

#[test]
fn a_creation_never_erases_what_came_in_the_same_second() {
    let (made, opened) = (create_group("a", 5, "sg-1"), authorize("b", 5, "sg-1", "r", 22, WORLD));
    for records in [[made.clone(), opened.clone()], [opened, made]] {
        let play = Play::of(&records);
        assert_eq!(play.open("FW-001").len(), 1, "{}", play.log.text);
        assert_eq!(play.story("FW-001"), [Opened]);
    }
}

#[test]
fn a_rule_put_and_removed_at_one_instant_is_judged_as_there_and_provisional() {
    // Within one instant events are ordered by their ids: each of the two comes first once.
    for (first, second) in [("a", "b"), ("b", "a")] {
        let put = authorize(first, 5, "sg-1", "r", 22, WORLD);
        let removed = revoke(second, 5, "sg-1", 22, WORLD);
        for records in [[put.clone(), removed.clone()], [removed, put]] {
            let mut play = Play::of(&[create_group("c", 1, "sg-1")]);
            for record in &records {
                play.say(record);
            }
            let open = play.open("FW-001");
            assert_eq!(open.len(), 1, "{}", play.log.text);
            assert!(open[0].1, "a contested rule must be provisional");
        }
    }
}

#[test]
fn a_rule_that_was_opened_and_closed_before_the_opening_arrived_is_told_with_its_times() {
    let known = create_group("c", 1, "sg-1");
    let closed = by(revoke("b", 20, "sg-1", 22, WORLD), "eli");
    let opened = authorize("a", 10, "sg-1", "r", 22, WORLD);
    for records in [vec![known, closed.clone(), opened.clone()], vec![closed, opened]] {
        let play = Play::of(&records);
        let told: Vec<_> =
            play.steps("FW-001").iter().map(|l| (l.step, l.time, l.actor.clone())).collect();
        let expected =
            [(Opened, micros(10), "dana".to_owned()), (Resolved, micros(20), "eli".to_owned())];
        assert_eq!(told, expected);
        assert!(play.open("FW-001").is_empty());
    }
}

#[test]
fn a_removal_by_id_waits_for_the_rule_it_removes() {
    let request = json!({"securityGroupRuleIds": {"items": [{"securityGroupRuleId": "r"}]}});
    let removed = common::records::ec2("b", 20, "RevokeSecurityGroupIngress", &request, &json!({}));
    let play = Play::of(&[removed, authorize("a", 10, "sg-1", "r", 22, WORLD)]);
    assert!(play.open("FW-001").is_empty(), "{}", play.log.text);
    assert_eq!(play.story("FW-001"), [Opened, Resolved]);
}

#[test]
fn a_rule_said_late_of_a_deleted_group_leaves_nothing_open() {
    let request = json!({"groupId": "sg-1"});
    let gone = common::records::ec2("d", 20, "DeleteSecurityGroup", &request, &json!({}));
    let records = [create_group("c", 1, "sg-1"), gone, authorize("a", 10, "sg-1", "r", 22, WORLD)];
    let play = Play::of(&records);
    assert!(play.open("FW-001").is_empty(), "{}", play.log.text);
    assert_eq!(play.facets("sg-1"), None, "a tombstone holds");
    assert_eq!(play.story("FW-001"), [Opened, Resolved]);
}

#[test]
fn a_late_deletion_never_takes_back_what_came_after_it() {
    let request = json!({"groupId": "sg-1"});
    let gone = common::records::ec2("d", 5, "DeleteSecurityGroup", &request, &json!({}));
    let play = Play::of(&[
        create_group("c", 10, "sg-1"),
        authorize("a", 11, "sg-1", "r", 22, WORLD),
        gone.clone(),
    ]);
    assert_eq!(play.open("FW-001").len(), 1, "{}", play.log.text);
    assert_eq!(play.story("FW-001"), [Opened], "what was opened afterwards goes on as it was");
    // What was there before the deletion as well ends with it, and is another finding since.
    let play = Play::of(&[
        authorize("a", 2, "sg-1", "r1", 22, WORLD),
        create_group("c", 10, "sg-1"),
        authorize("b", 11, "sg-1", "r1", 22, WORLD),
        gone,
    ]);
    assert_eq!(play.open("FW-001").len(), 1, "{}", play.log.text);
}

#[test]
fn a_snapshot_older_than_an_event_leaves_it_alone() {
    let mut play =
        Play::of(&[authorize("a", 400, "sg-1", "r", 22, WORLD), item(1, 300, "sg-1", &[])]);
    play.wait(2_000);
    assert_eq!(play.story("FW-001"), [Opened], "{}", play.log.text);
    assert_eq!(play.open("FW-001").len(), 1);
}

#[test]
fn a_snapshot_soon_after_an_event_retracts_it_only_when_it_has_settled() {
    // (second of the snapshot, is it at once, what the end is)
    for (second, at_once, end) in
        [(70, false, Retracted), (129, false, Retracted), (131, true, Resolved)]
    {
        let mut play = Play::of(&[
            create_group("c", 1, "sg-1"),
            authorize("a", 10, "sg-1", "r", 22, WORLD),
            item(1, second, "sg-1", &[]),
        ]);
        assert_eq!(play.open("FW-001").is_empty(), at_once, "{second}: {}", play.log.text);
        play.wait(second + 119);
        assert_eq!(play.open("FW-001").is_empty(), at_once, "{second}: not settled yet");
        play.wait(second + 121);
        assert_eq!(play.story("FW-001"), [Opened, end], "{second}");
    }
}

#[test]
fn a_snapshot_that_settles_yields_to_what_was_said_since() {
    let mut play = Play::of(&[
        create_group("c", 1, "sg-1"),
        authorize("a", 10, "sg-1", "r", 22, WORLD),
        item(1, 70, "sg-1", &[]),
        authorize("b", 100, "sg-1", "r", 22, WORLD),
    ]);
    play.wait(2_000);
    assert_eq!(play.story("FW-001"), [Opened], "{}", play.log.text);
    assert_eq!(play.open("FW-001").len(), 1);
}

#[test]
fn a_snapshot_that_agrees_confirms_and_says_nothing() {
    let mut play = Play::of(&[
        create_group("c", 1, "sg-1"),
        authorize("a", 10, "sg-1", "r", 22, WORLD),
        item(1, 70, "sg-1", &[(22, WORLD)]),
    ]);
    play.wait(2_000);
    assert_eq!(play.story("FW-001"), [Opened], "{}", play.log.text);
}

#[test]
fn a_partial_statement_never_resolves_what_it_does_not_cover() {
    let rule = |port, source| azure_rule(port, source);
    let write = "Microsoft.Network/networkSecurityGroups/securityRules/write";
    let made = json!({"direction": "INGRESS", "sourceRanges": [WORLD], "priority": 900,
        "alloweds": [{"IPProtocol": "tcp", "ports": ["22"]}], "network": "global/networks/default"});
    let ours = json!({"security_group_rule": {"security_group_id": "sg-h", "direction": "ingress",
        "action": "allow", "protocol": "tcp", "multiport": "22", "remote_ip_prefix": WORLD}});
    let named = json!({"security_group": {"name": "web"}});
    let insert = "v1.compute.firewalls.insert";
    let stories = [
        [
            azure(1, write, &format!("{GROUP}/securityRules/a"), "Success", "1", &rule("22", "*")),
            azure(
                9,
                write,
                &format!("{GROUP}/securityRules/b"),
                "Success",
                "2",
                &rule("443", "10.0.0.0/8"),
            ),
        ],
        [
            gcp("1", 1, insert, "fw", &made, &Value::Null),
            gcp(
                "2",
                9,
                "v1.compute.firewalls.patch",
                "fw",
                &json!({"priority": 800}),
                &Value::Null,
            ),
        ],
        [
            cts("1", 1, "security-group-rules", "createSecurity-group-rule", "r", &ours),
            cts("2", 9, "security-groups", "updateSecurity-group", "sg-h", &named),
        ],
        [authorize("1", 1, "sg-1", "r", 22, WORLD), revoke("2", 9, "sg-1", 443, WORLD)],
    ];
    for records in stories {
        let mut play = Play::of(&records);
        play.wait(2_000);
        assert_eq!(play.story("FW-001"), [Opened], "{}", play.log.text);
        assert_eq!(play.open("FW-001").len(), 1);
    }
}

#[test]
fn what_became_unknown_keeps_its_findings_and_counts_as_blind() {
    let write = "Microsoft.Network/networkSecurityGroups/securityRules/write";
    let place = format!("{GROUP}/securityRules/a");
    let mut play = Play::of(&[azure(1, write, &place, "Success", "1", &azure_rule("22", "*"))]);
    let whole = "Microsoft.Network/networkSecurityGroups/write";
    let blind = azure(20, whole, GROUP, "Success", "2", &Value::Null);
    assert_eq!(play.say(&blind), Outcome::Blind);
    play.wait(1_000);
    assert_eq!(play.story("FW-001"), [Opened], "{}", play.log.text);
    // One more element does not tell that the others are gone.
    let other = format!("{GROUP}/securityRules/b");
    play.say(&azure(1_100, write, &other, "Success", "3", &azure_rule("443", "10.0.0.0/8")));
    assert_eq!(play.story("FW-001"), [Opened], "{}", play.log.text);
    // The next snapshot decides.
    play.say(&azure_group("g", 3_000, GROUP, &[]));
    play.wait(4_000);
    assert_eq!(play.story("FW-001"), [Opened, Resolved], "{}", play.log.text);
}

#[test]
fn an_element_without_an_id_stays_open_too_when_its_set_becomes_unknown() {
    let rule = |port: &str, source: &str| {
        json!({"security_group_rule": {"security_group_id": "sg-h", "direction": "ingress", "action": "allow",
            "protocol": "tcp", "multiport": port, "remote_ip_prefix": source}})
    };
    let make = "createSecurity-group-rule";
    let mut play = Play::new();
    play.say(&cts("1", 1, "security-group-rules", make, "", &rule("22", WORLD)));
    assert_eq!(play.story("FW-001"), [Opened], "{}", play.log.text);
    let blind = cts("2", 9, "security_group", "modifySecurityGroup", "sg-h", &Value::Null);
    assert_eq!(play.say(&blind), Outcome::Blind);
    play.say(&cts("3", 20, "security-group-rules", make, "", &rule("443", "10.0.0.0/8")));
    assert_eq!(play.story("FW-001"), [Opened], "{}", play.log.text);
    assert_eq!(play.open("FW-001").len(), 1);
}

#[test]
fn what_is_assumed_of_a_facet_that_became_unknown_never_ends_a_finding() {
    let s3 = |id: &str, second, name: &str, request: &Value| {
        cloudtrail(ACCOUNT, id, second, "s3.amazonaws.com", name, request, &Value::Null)
    };
    let open = json!({"bucketName": "b", "bucketPolicy": {"Statement": [{"Effect": "Allow",
        "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}]}});
    let mut play = Play::of(&[s3("1", 1, "PutBucketPolicy", &open)]);
    assert_eq!(play.story("OBJ-001"), [Opened], "{}", play.log.text);
    let blind = s3("2", 60, "PutBucketPolicy", &json!({"bucketName": "b"}));
    assert_eq!(play.say(&blind), Outcome::Blind);
    assert_eq!(play.story("OBJ-001"), [Opened], "{}", play.log.text);
    // What was never seen may be assumed: the policy is gone, and nobody ever spoke of grants.
    play.say(&s3("3", 90, "DeleteBucketPolicy", &json!({"bucketName": "b"})));
    assert_eq!(play.story("OBJ-001"), [Opened, Resolved], "{}", play.log.text);
}
