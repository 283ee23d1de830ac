//! Random deeds in an account, as the records a cloud would write of them.

use driftline::engine::Engine;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::records::{azure, azure_rule, gcp};
use super::{clock, cloudtrail};

/// One thing somebody does.
#[derive(Clone, Debug)]
pub enum Deed {
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

pub fn deed() -> impl Strategy<Value = Deed> {
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
pub struct Cloud {
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

pub fn group_id(group: u8) -> String {
    format!("sg-{group}")
}

pub fn rule_of(rule: u8) -> (u16, &'static str) {
    [(22, "0.0.0.0/0"), (443, "10.0.0.0/8"), (3389, "0.0.0.0/0"), (22, "192.0.2.0/24")]
        [usize::from(rule)]
}

pub fn block(on: bool) -> Value {
    json!({"BlockPublicAcls": on, "IgnorePublicAcls": on, "BlockPublicPolicy": on, "RestrictPublicBuckets": on})
}

pub fn records(account: &str, deeds: &[(u8, Deed)]) -> Vec<Value> {
    let mut cloud = Cloud::new(account);
    for (pause, deed) in deeds {
        cloud.run(*pause, deed);
    }
    cloud.records
}

/// What an engine holds in the end: every resource, and what is wrong with it. Findings are told
/// apart by what they are about, not by uid: an element first seen without its id is named by
/// what it is, and keeps that name.
pub fn held(engine: &Engine) -> (Vec<String>, Vec<String>) {
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

pub fn sort(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.iter_mut().for_each(sort);
            items.sort_by_key(Value::to_string);
        }
        Value::Object(members) => members.values_mut().for_each(sort),
        _ => {}
    }
}

/// One asynchronous operation: on which rule, to which port, how long it takes, and how it ends.
#[derive(Clone, Debug)]
pub struct Operation {
    pub rule: u8,
    pub deletes: bool,
    pub port: &'static str,
    pub takes: i64,
    /// `None`: nobody ever tells.
    pub end: Option<&'static str>,
}

pub fn operation() -> impl Strategy<Value = Operation> {
    let port = prop::sample::select(vec!["22", "443", "3389"]);
    let end = prop::sample::select(vec![Some("Success"), Some("Failure"), None]);
    // Both sides of the time after which a start is given up.
    let takes = prop::sample::select(vec![1_i64, 60, 899, 901, 1_500]);
    (0..3_u8, prop::bool::weighted(0.2), port, takes, end)
        .prop_map(|(rule, deletes, port, takes, end)| Operation { rule, deletes, port, takes, end })
}

/// Azure's records of operations one after the other, and of a patch of a rule of Google Cloud's
/// with each.
pub fn operations(all: &[(u8, Operation)]) -> Vec<Value> {
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
