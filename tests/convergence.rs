//! Whatever the order in which events come, and however often: the same state, the same findings.

mod common;

use common::records::{NOON, azure, azure_rule, gcp};
use std::sync::Arc;

use common::{Log, clock, cloudtrail, engine, feed, pack, rearranged};
use driftline::engine::{Engine, Setup};
use driftline::model::{Limits, Timestamp};
use driftline::tenant::Registry;
use proptest::prelude::*;
use serde_json::{Value, json};

const ACCOUNT: &str = "111122223333";
const OTHER: &str = "444455556666";
/// Long after every event: all timers are due.
const LATER: i64 = 1_772_460_000;

/// One thing somebody does.
#[derive(Clone, Debug)]
enum Deed {
    Create(u8),
    Authorize(u8, u8),
    RevokeById(u8, u8),
    RevokeByPermission(u8, u8),
    Snapshot(u8),
    Policy(u8, bool),
    DropPolicy(u8),
    Block(u8, bool),
    AccountBlock(bool),
    Attach(u8),
    Detach(u8),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        (0..2_u8).prop_map(Deed::Create),
        (0..2_u8, 0..4_u8).prop_map(|(group, rule)| Deed::Authorize(group, rule)),
        (0..2_u8, 0..4_u8).prop_map(|(group, rule)| Deed::RevokeById(group, rule)),
        (0..2_u8, 0..4_u8).prop_map(|(group, rule)| Deed::RevokeByPermission(group, rule)),
        (0..2_u8).prop_map(Deed::Snapshot),
        (0..2_u8, any::<bool>()).prop_map(|(bucket, public)| Deed::Policy(bucket, public)),
        (0..2_u8).prop_map(Deed::DropPolicy),
        (0..2_u8, any::<bool>()).prop_map(|(bucket, on)| Deed::Block(bucket, on)),
        any::<bool>().prop_map(Deed::AccountBlock),
        (0..2_u8).prop_map(Deed::Attach),
        (0..2_u8).prop_map(Deed::Detach),
    ]
}

/// An account as its cloud would run it: only what can happen happens, and ids are the cloud's.
#[derive(Default)]
struct Cloud {
    account: String,
    second: i64,
    number: usize,
    groups: Vec<(u8, Vec<(u8, String)>)>,
    attached: Vec<u8>,
    policies: Vec<u8>,
    records: Vec<Value>,
}

impl Cloud {
    fn new(account: &str) -> Self {
        Self { account: account.into(), ..Self::default() }
    }

    fn say(&mut self, source: &str, name: &str, request: &Value, response: &Value) {
        self.number += 1;
        let id = format!("{}-{}", self.account, self.number);
        self.records.push(cloudtrail(
            &self.account,
            &id,
            self.second,
            source,
            name,
            request,
            response,
        ));
    }

    fn run(&mut self, pause: u8, deed: &Deed) {
        // No pause: CloudTrail tells whole seconds, so events share one. Nothing undoes itself
        // within a second here; ties of opposites have their own test.
        self.second += i64::from(pause);
        match deed {
            Deed::Create(group) => self.create(*group),
            Deed::Authorize(group, rule) => self.authorize(*group, *rule),
            Deed::RevokeById(group, rule) => self.revoke(*group, *rule, true),
            Deed::RevokeByPermission(group, rule) => self.revoke(*group, *rule, false),
            Deed::Snapshot(group) => self.snapshot(*group),
            Deed::Policy(bucket, public) => self.policy(*bucket, *public),
            Deed::DropPolicy(bucket) => self.drop_policy(*bucket),
            Deed::Block(bucket, on) => {
                self.second += 1;
                let block = block(*on);
                let request = json!({"bucketName": format!("b-{bucket}"), "PublicAccessBlockConfiguration": block});
                self.say("s3.amazonaws.com", "PutBucketPublicAccessBlock", &request, &Value::Null);
            }
            Deed::AccountBlock(on) => {
                self.second += 1;
                let request = json!({"accountId": self.account, "PublicAccessBlockConfiguration": block(*on)});
                self.say("s3.amazonaws.com", "PutAccountPublicAccessBlock", &request, &Value::Null);
            }
            Deed::Attach(user) => self.attach(*user, true),
            Deed::Detach(user) => self.attach(*user, false),
        }
    }

    fn create(&mut self, group: u8) {
        if self.groups.iter().any(|(known, _)| *known == group) {
            return;
        }
        self.groups.push((group, Vec::new()));
        let request = json!({"groupName": format!("g{group}"), "vpcId": "vpc-1"});
        self.say(
            "ec2.amazonaws.com",
            "CreateSecurityGroup",
            &request,
            &json!({"groupId": group_id(group)}),
        );
    }

    fn authorize(&mut self, group: u8, rule: u8) {
        let number = self.number;
        let Some((_, rules)) = self.groups.iter_mut().find(|(known, _)| *known == group) else {
            return;
        };
        if rules.iter().any(|(known, _)| *known == rule) {
            return;
        }
        let id = format!("sgr-{group}{rule}{number}");
        rules.push((rule, id.clone()));
        let (port, cidr) = rule_of(rule);
        let request = json!({"groupId": group_id(group), "ipPermissions": {"items": [
            {"ipProtocol": "tcp", "fromPort": port, "toPort": port, "ipRanges": {"items": [{"cidrIp": cidr}]}}]}});
        let response = json!({"_return": true, "securityGroupRuleSet": {"items": [{
            "groupId": group_id(group), "securityGroupRuleId": id, "isEgress": false, "ipProtocol": "tcp",
            "fromPort": port, "toPort": port, "cidrIpv4": cidr}]}});
        self.say("ec2.amazonaws.com", "AuthorizeSecurityGroupIngress", &request, &response);
    }

    fn revoke(&mut self, group: u8, rule: u8, by_id: bool) {
        let Some((_, rules)) = self.groups.iter_mut().find(|(known, _)| *known == group) else {
            return;
        };
        let Some(place) = rules.iter().position(|(known, _)| *known == rule) else { return };
        let (_, id) = rules.remove(place);
        self.second += 1;
        let (port, cidr) = rule_of(rule);
        let request = if by_id {
            json!({"groupId": group_id(group), "securityGroupRuleIds": {"items": [{"securityGroupRuleId": id}]}})
        } else {
            json!({"groupId": group_id(group), "ipPermissions": {}, "ipProtocol": "tcp",
                "fromPort": port, "toPort": port, "cidrIp": cidr})
        };
        self.say(
            "ec2.amazonaws.com",
            "RevokeSecurityGroupIngress",
            &request,
            &json!({"_return": true}),
        );
        self.second += 1;
    }

    fn snapshot(&mut self, group: u8) {
        let Some((_, rules)) = self.groups.iter().find(|(known, _)| *known == group) else {
            return;
        };
        let permissions: Vec<Value> = rules
            .iter()
            .map(|(rule, _)| {
                let (port, cidr) = rule_of(*rule);
                json!({"ipProtocol": "tcp", "fromPort": port, "toPort": port, "userIdGroupPairs": [],
                    "ipv6Ranges": [], "prefixListIds": [], "ipv4Ranges": [{"cidrIp": cidr}]})
            })
            .collect();
        self.second += 1;
        self.number += 1;
        self.records.push(json!({
            "messageType": "ConfigurationItemChangeNotification", "recordVersion": "1.3",
            "notificationCreationTime": clock(self.second),
            "configurationItem": {
                "configurationItemVersion": "1.3", "configurationItemCaptureTime": clock(self.second),
                "configurationStateId": self.number, "awsAccountId": self.account,
                "configurationItemStatus": "OK", "resourceType": "AWS::EC2::SecurityGroup",
                "resourceId": group_id(group), "resourceName": format!("g{group}"), "awsRegion": "eu-west-1",
                "ARN": format!("arn:aws:ec2:eu-west-1:{}:security-group/{}", self.account, group_id(group)),
                "tags": {}, "relationships": [], "supplementaryConfiguration": {},
                "configuration": {"groupName": format!("g{group}"), "groupId": group_id(group),
                    "ipPermissions": permissions, "ipPermissionsEgress": [
                        {"ipProtocol": "-1", "ipv4Ranges": [{"cidrIp": "0.0.0.0/0"}], "ipv6Ranges": [],
                         "prefixListIds": [], "userIdGroupPairs": []}]},
            }
        }));
        self.second += 1;
    }

    fn policy(&mut self, bucket: u8, public: bool) {
        self.second += 1;
        if !self.policies.contains(&bucket) {
            self.policies.push(bucket);
        }
        let principal = if public {
            json!("*")
        } else {
            json!({"AWS": format!("arn:aws:iam::{}:root", self.account)})
        };
        let request = json!({"bucketName": format!("b-{bucket}"), "bucketPolicy": {"Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject",
                "Resource": format!("arn:aws:s3:::b-{bucket}/*")}]}});
        self.say("s3.amazonaws.com", "PutBucketPolicy", &request, &Value::Null);
    }

    fn drop_policy(&mut self, bucket: u8) {
        if !self.policies.contains(&bucket) {
            return;
        }
        self.second += 1;
        self.say(
            "s3.amazonaws.com",
            "DeleteBucketPolicy",
            &json!({"bucketName": format!("b-{bucket}")}),
            &Value::Null,
        );
    }

    fn attach(&mut self, user: u8, on: bool) {
        if self.attached.contains(&user) == on {
            return;
        }
        self.second += 1;
        if on {
            self.attached.push(user);
        } else {
            self.attached.retain(|known| *known != user);
        }
        let request = json!({"userName": format!("u{user}"), "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"});
        let name = if on { "AttachUserPolicy" } else { "DetachUserPolicy" };
        self.say("iam.amazonaws.com", name, &request, &Value::Null);
    }
}

fn group_id(group: u8) -> String {
    format!("sg-{group}")
}

fn rule_of(rule: u8) -> (u16, &'static str) {
    [(22, "0.0.0.0/0"), (443, "10.0.0.0/8"), (3389, "0.0.0.0/0"), (22, "192.0.2.0/24")]
        [usize::from(rule)]
}

fn block(on: bool) -> Value {
    json!({"BlockPublicAcls": on, "IgnorePublicAcls": on, "BlockPublicPolicy": on, "RestrictPublicBuckets": on})
}

fn records(account: &str, deeds: &[(u8, Deed)]) -> Vec<Value> {
    let mut cloud = Cloud::new(account);
    for (pause, deed) in deeds {
        cloud.run(*pause, deed);
    }
    cloud.records
}

/// What an engine holds in the end: every resource, and what is wrong with it. Findings are told
/// apart by what they are about, not by uid: an element first seen without its id is named by
/// what it is, and keeps that name.
fn held(engine: &Engine) -> (Vec<String>, Vec<String>) {
    let mut resources = Vec::new();
    engine.resources(&mut |resource| {
        let mut facets = resource.facets.clone();
        sort(&mut facets);
        resources.push(format!("{} {} {} {facets}", resource.cell, resource.kind, resource.id));
    });
    resources.sort();
    let mut findings = Vec::new();
    engine.each_finding(&mut |finding| {
        let mut detectors: Vec<&str> =
            finding.reasons.iter().map(|reason| &*reason.detector).collect();
        detectors.sort_unstable();
        if !detectors.iter().any(|detector| detector.starts_with("TMP-")) {
            findings.push(format!(
                "{} {} {} {detectors:?}",
                finding.cell, finding.resource, finding.element
            ));
        }
    });
    findings.sort();
    (resources, findings)
}

fn sort(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.iter_mut().for_each(sort);
            items.sort_by_key(Value::to_string);
        }
        Value::Object(members) => members.values_mut().for_each(sort),
        _ => {}
    }
}

fn run(records: &[Value]) -> Engine {
    run_until(records, LATER)
}

fn run_until(records: &[Value], end: i64) -> Engine {
    let (mut engine, mut log) = (engine(), Log::default());
    for record in records {
        feed(&mut engine, record, &mut log);
    }
    engine.tick(Timestamp::from_seconds(end), &mut log);
    assert_eq!(log.outcomes.len(), records.len(), "each event has exactly one outcome");
    engine
}

/// One asynchronous operation: on which rule, to which port, how long it takes, and how it ends.
#[derive(Clone, Debug)]
struct Operation {
    rule: u8,
    deletes: bool,
    port: &'static str,
    takes: i64,
    /// `None`: nobody ever tells.
    end: Option<&'static str>,
}

fn operation() -> impl Strategy<Value = Operation> {
    let port = prop::sample::select(vec!["22", "443", "3389"]);
    let end = prop::sample::select(vec![Some("Success"), Some("Failure"), None]);
    // Both sides of the time after which a start is given up.
    let takes = prop::sample::select(vec![1_i64, 60, 899, 901, 1_500]);
    (0..3_u8, prop::bool::weighted(0.2), port, takes, end)
        .prop_map(|(rule, deletes, port, takes, end)| Operation { rule, deletes, port, takes, end })
}

/// Azure's records of operations one after the other, and of a patch of a rule of Google Cloud's
/// with each.
fn operations(all: &[(u8, Operation)]) -> Vec<Value> {
    const GROUP: &str =
        "/resourceGroups/shop/providers/Microsoft.Network/networkSecurityGroups/nsg/securityRules";
    let (mut records, mut second) = (Vec::new(), 0);
    for (number, (pause, one)) in all.iter().enumerate() {
        second += i64::from(*pause) + 1;
        let verb = if one.deletes { "delete" } else { "write" };
        let name = format!("Microsoft.Network/networkSecurityGroups/securityRules/{verb}");
        let (place, run) = (format!("{GROUP}/r{}", one.rule), format!("run-{number}"));
        let body = if one.deletes { Value::Null } else { azure_rule(one.port, "*") };
        records.push(azure(second, &name, &place, "Start", &run, &body));
        let rule = format!("fw-{}", one.rule);
        let patch = json!({"sourceRanges": ["0.0.0.0/0"],
            "alloweds": [{"IPProtocol": "tcp", "ports": [one.port]}]});
        let half = |id: &str, at: i64, body: &Value, first: bool| {
            let operation = json!({"id": run, "producer": "p", "first": first, "last": !first});
            gcp(&format!("{id}{number}"), at, "v1.compute.firewalls.patch", &rule, body, &operation)
        };
        records.push(half("f", second, &patch, true));
        second += one.takes;
        let Some(end) = one.end else { continue };
        records.push(azure(second, &name, &place, end, &run, &Value::Null));
        let mut last = half("l", second, &Value::Null, false);
        if end == "Failure" {
            last["protoPayload"]["status"] = json!({"code": 9, "message": "no"});
        }
        records.push(last);
    }
    records
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn operations_that_fail_late_or_are_never_heard_of_again_leave_the_same_in_any_order(
        all in prop::collection::vec((0..40_u8, operation()), 1..7),
        shuffle in prop::collection::vec(any::<prop::sample::Index>(), 40),
    ) {
        /// Eleven hours after noon: every event and every timer has been.
        const EVENING: i64 = NOON + 11 * 3_600;
        let records = operations(&all);
        let mut mixed = records.clone();
        for (place, index) in shuffle.iter().enumerate().take(mixed.len()) {
            let other = index.index(mixed.len());
            mixed.swap(place, other);
        }
        let (told, shuffled) = (run_until(&records, EVENING), run_until(&mixed, EVENING));
        prop_assert_eq!(held(&told), held(&shuffled));
        // What failed is as if nobody had tried.
        let failed: Vec<String> = (0..all.len())
            .filter(|number| all[*number].1.end == Some("Failure"))
            .map(|number| format!("\"run-{number}\""))
            .collect();
        let mut real = records;
        real.retain(|record| !failed.iter().any(|run| record.to_string().contains(run)));
        prop_assert_eq!(held(&run_until(&real, EVENING)), held(&told));
        prop_assert_eq!(told.stale_derivations(), Vec::<String>::new());
        prop_assert_eq!(shuffled.stale_derivations(), Vec::<String>::new());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_order_and_any_duplication_give_the_same_state_and_findings(
        deeds in prop::collection::vec((0..40_u8, deed()), 1..14),
        shuffle in prop::collection::vec(any::<prop::sample::Index>(), 40),
    ) {
        let records = records(ACCOUNT, &deeds);
        let mut mixed = records.clone();
        for index in shuffle.iter().take(records.len() / 3) {
            if !records.is_empty() {
                mixed.push(records[index.index(records.len())].clone());
            }
        }
        for (place, index) in shuffle.iter().enumerate().take(mixed.len()) {
            let other = index.index(mixed.len());
            mixed.swap(place, other);
        }
        prop_assert_eq!(held(&run(&records)), held(&run(&mixed)));
    }

    #[test]
    fn what_is_derived_is_what_deriving_everything_anew_would_give(
        deeds in prop::collection::vec((0..40_u8, deed()), 1..20),
    ) {
        let engine = run(&records(ACCOUNT, &deeds));
        prop_assert_eq!(engine.stale_derivations(), Vec::<String>::new());
    }

    #[test]
    fn content_swapped_under_a_stream_is_as_if_it_had_been_there_from_the_start(
        deeds in prop::collection::vec((0..40_u8, deed()), 1..60),
        at in any::<prop::sample::Index>(),
    ) {
        let records = records(ACCOUNT, &deeds);
        // So few that what a row is made of has mostly been folded together.
        let limits = Limits { recent_events: 1, ..Limits::default() };
        let setup = || Setup { limits: limits.clone(), ..Setup::default() };
        let registry = || Arc::new(Registry::own_tenants());
        let (mut swapped, mut log) = (Engine::new(pack(), registry(), setup()), Log::default());
        let place = at.index(records.len() + 1);
        for record in &records[..place] {
            feed(&mut swapped, record, &mut log);
        }
        swapped.adopt(rearranged(), &mut log);
        for record in &records[place..] {
            feed(&mut swapped, record, &mut log);
        }
        swapped.tick(Timestamp::from_seconds(LATER), &mut log);
        let mut whole = Engine::new(rearranged(), registry(), setup());
        for record in &records {
            feed(&mut whole, record, &mut log);
        }
        whole.tick(Timestamp::from_seconds(LATER), &mut log);
        prop_assert_eq!(held(&swapped), held(&whole));
        prop_assert_eq!(swapped.stale_derivations(), Vec::<String>::new());
    }

    #[test]
    fn tenants_interleaved_are_told_what_they_are_told_apart(
        ours in prop::collection::vec((0..40_u8, deed()), 1..12),
        theirs in prop::collection::vec((0..40_u8, deed()), 1..12),
        turns in prop::collection::vec(any::<bool>(), 60),
    ) {
        let (ours, theirs) = (records(ACCOUNT, &ours), records(OTHER, &theirs));
        let mut together = (engine(), Log::default());
        let (mut left, mut right) = (ours.iter(), theirs.iter());
        for turn in turns {
            let next = if turn { left.next() } else { right.next() };
            if let Some(record) = next {
                feed(&mut together.0, record, &mut together.1);
            }
        }
        for record in left.chain(right) {
            feed(&mut together.0, record, &mut together.1);
        }
        for (tenant, records) in [(ACCOUNT, &ours), (OTHER, &theirs)] {
            let (mut alone, mut log) = (engine(), Log::default());
            for record in records {
                feed(&mut alone, record, &mut log);
            }
            let mixed: Vec<_> = together.1.steps.iter().filter(|step| step.tenant == tenant).collect();
            let apart: Vec<_> = log.steps.iter().collect();
            prop_assert_eq!(mixed, apart);
        }
    }
}
