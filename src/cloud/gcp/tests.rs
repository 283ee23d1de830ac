//! Firewall rules and IAM policies as Google Cloud writes them.

use super::super::testing::ask;

#[test]
fn firewall_parts_are_read() {
    let neither = r#"[null, null, {"neither": "any"}]"#;
    let cases = [
        ("gcp.direction", r#""INGRESS""#, "[]", "ingress"),
        ("gcp.direction", r#""Egress""#, "[]", "egress"),
        ("gcp.direction", r#""UP""#, "[]", "unknown"),
        ("gcp.direction", "null", "[]", "unsaid"),
        (
            "gcp.cidrs",
            r#"["10.1.2.3/8", "0.0.0.0/0", "192.0.2.1", "x"]"#,
            "[]",
            "[10.0.0.0/8, 0.0.0.0/0, 192.0.2.1/32, unknown]",
        ),
        ("gcp.cidrs", "null", "[]", "unsaid"),
        (
            "gcp.peers",
            r#"["0.0.0.0/0"]"#,
            r#"[["web"], ["a@p.iam.gserviceaccount.com"]]"#,
            "[0.0.0.0/0, tag:web, group:a@p.iam.gserviceaccount.com]",
        ),
        ("gcp.peers", "null", neither, "[any]"),
        ("gcp.peers", "[]", neither, "[any]"),
        ("gcp.peers", "null", r#"[["web"], null, {"neither": "any"}]"#, "[tag:web]"),
        ("gcp.peers", "null", "[]", "unsaid"),
        (
            "gcp.ports",
            r#"[{"IPProtocol": "tcp", "ports": ["22", "80-90"]}, {"IPProtocol": "icmp"}, {"IPProtocol": "udp"}]"#,
            "[]",
            "[{protocol=tcp ports=22,80-90}, {protocol=icmp ports=none}, {protocol=udp ports=all}]",
        ),
        (
            "gcp.ports",
            r#"[{"ipProtocol": "all"}, {"IPProtocol": "esp"}, {"IPProtocol": "tcp", "ports": [22, 23]}]"#,
            "[]",
            "[{protocol=any ports=all}, {protocol=esp ports=all}, {protocol=tcp ports=22-23}]",
        ),
        (
            "gcp.ports",
            r#"[{"IPProtocol": "tcp", "ports": ["x"]}, {}]"#,
            "[]",
            "[{protocol=tcp ports=unknown}, {ports=unknown}]",
        ),
        ("gcp.ports", "[]", "[]", "[]"),
        ("gcp.ports", "null", "[]", "unsaid"),
    ];
    for (name, first, further, expected) in cases {
        assert_eq!(ask(name, first, further), expected, "{name} of {first}");
    }
}

#[test]
fn policies_are_read_by_role_and_by_member() {
    let policy = r#"{"bindings": [
        {"role": "roles/viewer", "members": ["allUsers", "user:a@example.com"]},
        {"role": "roles/owner", "members": ["user:b@example.com"], "condition": {"title": "t"}},
        {"role": "roles/owner", "members": ["user:a@example.com"]},
        {"role": "roles/editor", "members": ["allAuthenticatedUsers"]}]}"#;
    let cases = [
        (
            "gcp.bindings",
            r#"{"bindings": [{"role": "r", "members": ["allUsers", "group:g"], "condition": {"title": "t"}}]}"#,
            "[]",
            "[{role=r members=[*, group:g] condition={title=t}}]",
        ),
        (
            "gcp.bindings",
            r#"[{"role": "r", "members": "allAuthenticatedUsers"}]"#,
            "[]",
            "[{role=r members=[authenticated]}]",
        ),
        ("gcp.bindings", r#""{\"bindings\": []}""#, "[]", "[]"),
        ("gcp.bindings", r#"{"etag": "x"}"#, "[]", "[]"),
        ("gcp.bindings", r#"{"other": "x"}"#, "[]", "unknown"),
        ("gcp.bindings", r#"{"bindings": [{"members": []}]}"#, "[]", "unknown"),
        ("gcp.bindings", "4", "[]", "unknown"),
        ("gcp.bindings", "null", "[]", "unsaid"),
        ("gcp.members", policy, r#"["roles/owner"]"#, "[user:a@example.com, user:b@example.com]"),
        ("gcp.members", policy, r#"["roles/none"]"#, "[]"),
        ("gcp.public", policy, "[]", "[roles/editor, roles/viewer]"),
        ("gcp.public", r#"{"bindings": [{"role": "r", "members": ["user:a"]}]}"#, "[]", "[]"),
    ];
    for (name, first, further, expected) in cases {
        assert_eq!(ask(name, first, further), expected, "{name} of {first}");
    }
}

#[test]
fn names_and_basic_roles_are_told() {
    let cases = [
        ("gcp.name", r#""projects/p/global/firewalls/f""#, "f"),
        ("gcp.name", r#""https://www.googleapis.com/compute/v1/projects/p/zones/z/""#, "z"),
        ("gcp.name", r#""f""#, "f"),
        ("gcp.name", "1", "unsaid"),
        ("gcp.primitive_role", r#""roles/owner""#, "true"),
        ("gcp.primitive_role", r#""roles/storage.admin""#, "false"),
        ("gcp.primitive_role", "null", "unsaid"),
    ];
    for (name, first, expected) in cases {
        assert_eq!(ask(name, first, "[]"), expected, "{name} of {first}");
    }
}
