//! What holds for every function of the room.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::testing::{host, survive};
use crate::expr::api::EvalError;

/// Names and words that lead into the branches of the functions.
const WORDS: &[&str] = &[
    "Statement",
    "Effect",
    "Allow",
    "Deny",
    "Principal",
    "NotPrincipal",
    "AWS",
    "ID",
    "*",
    "Action",
    "NotAction",
    "Resource",
    "Condition",
    "StringEquals",
    "IpAddress",
    "aws:SourceIp",
    "::/0",
    "10.0.0.0/33",
    "effect",
    "allow",
    "deny",
    "principals",
    "actions",
    "resources",
    "conditions",
    "ipPermissions",
    "items",
    "ipRanges",
    "cidrIp",
    "groups",
    "ipProtocol",
    "tcp",
    "-1",
    "fromPort",
    "toPort",
    "peer",
    "AccessControlPolicy",
    "AccessControlList",
    "Grant",
    "Grantee",
    "grantList",
    "URI",
    "x-amz-acl",
    "direction",
    "ingress",
    "Inbound",
    "protocol",
    "destinationPortRange",
    "0-65535",
    "99999999999999999999",
    "sourceAddressPrefix",
    "bindings",
    "role",
    "members",
    "IPProtocol",
    "ports",
    "%7B",
    "{",
    "arn:aws:iam::123456789012:root",
    "arn:",
    "/",
    "//",
    "é/ü",
    "domain/",
    "",
    "federated:",
    "?**?",
];

fn any_json() -> impl Strategy<Value = Json> {
    let word = || proptest::sample::select(WORDS).prop_map(str::to_owned);
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        (-2_i64..70_000).prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        word().prop_map(Json::from),
        ".{0,12}".prop_map(Json::from),
    ];
    leaf.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
            proptest::collection::vec((word(), inner), 0..6)
                .prop_map(|members| members.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_answered_without_panic(
        args in proptest::collection::vec(any_json(), 4),
        fuel in 0_u32..2_000,
    ) {
        for host in super::tables().into_iter().flatten() {
            let _ = survive(host, &args, fuel);
        }
    }
}

#[test]
fn every_function_is_documented_and_named_once() {
    let mut names = Vec::new();
    for host in super::tables().into_iter().flatten() {
        assert!(host.doc.ends_with('.'), "{}", host.name);
        assert!(!host.example.is_empty(), "{}", host.name);
        assert!(host.source.is_empty() || host.source.starts_with("https://"), "{}", host.name);
        names.push(host.name);
    }
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn every_function_stops_when_fuel_is_used_up() {
    let rule = json!({"direction": "Inbound", "sourceAddressPrefixes": ["10.0.0.0/8"]});
    let cases = [
        ("iam.statements", json!("{\"Statement\": []}")),
        ("iam.public", json!([{"effect": "allow"}])),
        ("iam.public_actions", json!([{"effect": "allow"}])),
        ("iam.admin", json!([{"effect": "allow"}])),
        ("iam.wildcard", json!([{"effect": "allow"}])),
        ("iam.escalates", json!([{"effect": "allow"}])),
        ("iam.plain_http", json!([{"effect": "allow"}])),
        ("aws.ports", json!({"ipProtocol": "tcp"})),
        ("aws.permissions", json!([{"ipProtocol": "tcp", "cidrIp": "0.0.0.0/0"}])),
        ("aws.acl", json!({"x-amz-acl": ["private"]})),
        ("aws.items", json!({"items": [1]})),
        ("huawei.acl", json!({"x-obs-acl": "private"})),
        ("azure.rule", rule),
        ("azure.role", json!("x")),
        ("gcp.cidrs", json!(["10.0.0.0/8"])),
        ("gcp.bindings", json!({"bindings": [{"role": "r"}]})),
    ];
    for (name, arg) in cases {
        let args = [arg];
        assert_eq!(survive(host(name), &args, 0), Err(EvalError::OutOfFuel), "{name}");
        assert_eq!(survive(host(name), &args, 1_000), Ok(()), "{name}");
    }
}
