//! Security groups, access lists and names as AWS writes them.

use super::super::testing::ask;

fn check(name: &str, cases: &[(&str, &str, &str)]) {
    for (first, further, expected) in cases {
        assert_eq!(ask(name, first, further), *expected, "{name} of {first}");
    }
}

#[test]
fn ports_follow_the_protocol() {
    check(
        "aws.ports",
        &[
            (r#"{"ipProtocol": "tcp", "fromPort": 22, "toPort": 22}"#, "[]", "22"),
            (r#"{"IpProtocol": "udp", "FromPort": "0", "ToPort": "65535"}"#, "[]", "all"),
            (r#"{"ipProtocol": "6", "fromPort": 0, "toPort": 0}"#, "[]", "0"),
            (r#"{"ipProtocol": "-1"}"#, "[]", "all"),
            (r#"{"ipProtocol": -1, "fromPort": 0, "toPort": 0}"#, "[]", "all"),
            (r#"{"ipProtocol": "tcp", "fromPort": -1, "toPort": -1}"#, "[]", "all"),
            (r#"{"ipProtocol": "tcp"}"#, "[]", "all"),
            (r#"{"ipProtocol": "icmp", "fromPort": 8, "toPort": -1}"#, "[]", "none"),
            (r#"{"ipProtocol": "58", "fromPort": -1, "toPort": -1}"#, "[]", "none"),
            (r#"{"ipProtocol": "50", "fromPort": 1, "toPort": 2}"#, "[]", "all"),
            (r#"{"ipProtocol": "tcp", "fromPort": 5, "toPort": 4}"#, "[]", "unknown"),
            (r#"{"ipProtocol": "tcp", "fromPort": 5, "toPort": 70000}"#, "[]", "unknown"),
            (r#"{"ipProtocol": "tcp", "fromPort": true, "toPort": 4}"#, "[]", "unknown"),
            (r#"{"ipProtocol": {}, "fromPort": 1, "toPort": 4}"#, "[]", "unknown"),
            ("null", "[]", "unsaid"),
        ],
    );
}

#[test]
fn permissions_are_flattened_from_every_form() {
    check(
        "aws.permissions",
        &[
            (
                r#"{"groupId": "sg-1", "ipPermissions": {"items": [{"ipProtocol": "tcp", "fromPort": 22, "toPort": 22,
                    "ipRanges": {"items": [{"cidrIp": "10.0.0.1/8"}, {"cidrIp": "0.0.0.0/0"}]},
                    "ipv6Ranges": {"items": [{"cidrIpv6": "::/0"}]}, "groups": {"items": [{"groupId": "sg-2", "userId": "1"}]},
                    "prefixListIds": {"items": [{"prefixListId": "pl-1"}]}}]}}"#,
                "[]",
                "[{ipProtocol=tcp fromPort=22 toPort=22 peer=10.0.0.0/8}, {ipProtocol=tcp fromPort=22 toPort=22 peer=0.0.0.0/0}, {ipProtocol=tcp fromPort=22 toPort=22 peer=::/0}, {ipProtocol=tcp fromPort=22 toPort=22 peer=group:sg-2}, {ipProtocol=tcp fromPort=22 toPort=22 peer=list:pl-1}]",
            ),
            (
                r#"{"groupId": "sg-1", "ipPermissions": {}, "ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "cidrIp": "203.0.113.7/32"}"#,
                "[]",
                "[{ipProtocol=tcp fromPort=22 toPort=22 peer=203.0.113.7/32}]",
            ),
            (
                r#"[{"ipProtocol": "-1", "ipRanges": ["0.0.0.0/0"], "ipv4Ranges": [{"cidrIp": "0.0.0.0/0"}], "userIdGroupPairs": [{"groupName": "web"}], "ipv6Ranges": []}]"#,
                "[]",
                "[{ipProtocol=-1 peer=0.0.0.0/0}, {ipProtocol=-1 peer=group:web}]",
            ),
            (
                r#"{"items": {"ipProtocol": "tcp", "ipRanges": {"items": {"cidrIp": "192.0.2.0/24"}}}}"#,
                "[]",
                "[{ipProtocol=tcp peer=192.0.2.0/24}]",
            ),
            (
                r#"{"groupName": "g", "sourceSecurityGroupName": "other"}"#,
                "[]",
                "[{peer=group:other}]",
            ),
            (r#"{"groupId": "sg-1", "ipPermissions": {"items": []}}"#, "[]", "[]"),
            (
                r#"{"ipProtocol": "tcp", "cidrIp": "not a network"}"#,
                "[]",
                "[{ipProtocol=tcp peer=unknown}]",
            ),
            ("[1]", "[]", "[unknown]"),
            ("[]", "[]", "[]"),
            ("7", "[]", "unknown"),
            ("null", "[]", "unsaid"),
        ],
    );
}

#[test]
fn a_permission_becomes_a_rule() {
    check(
        "aws.rule",
        &[
            (
                r#"{"ipProtocol": "tcp", "fromPort": 22, "toPort": 23, "peer": "0.0.0.0/0"}"#,
                r#"["ingress"]"#,
                "{direction=ingress action=allow protocol=tcp ports=22-23 peers=[0.0.0.0/0]}",
            ),
            (
                r#"{"ipProtocol": "-1", "peer": "group:sg-1"}"#,
                r#"["egress"]"#,
                "{direction=egress action=allow protocol=any ports=all peers=[group:sg-1]}",
            ),
            ("{}", r#"["sideways"]"#, "error: a direction is `ingress` or `egress`"),
            ("null", r#"["ingress"]"#, "unsaid"),
        ],
    );
}

#[test]
fn grantees_are_found_in_every_form() {
    let all = "http://acs.amazonaws.com/groups/global/AllUsers";
    let body = format!(
        r#"{{"bucketName": "b", "AccessControlPolicy": {{"Owner": {{"ID": "me"}}, "AccessControlList": {{"Grant": [
            {{"Grantee": {{"xsi:type": "CanonicalUser", "ID": "me"}}, "Permission": "FULL_CONTROL"}},
            {{"Grantee": {{"xsi:type": "Group", "URI": "{all}"}}, "Permission": "READ"}}]}}}}}}"#
    );
    let single = format!(
        r#"{{"AccessControlPolicy": {{"AccessControlList": {{"Grant": {{"Grantee": {{"URI": "{all}"}}}}}}}}}}"#
    );
    let header = format!(r#"{{"x-amz-grant-read": ["uri=\"{all}\", id=\"a\""]}}"#);
    let cases = [
        (body.as_str(), "[*, canonical:me]"),
        (&single, "[*]"),
        (&header, "[*, canonical:a]"),
        (r#"{"x-amz-acl": ["public-read"], "accessControlList": {"x-amz-grant-read": ""}}"#, "[*]"),
        (r#"{"x-amz-acl": "private"}"#, "[]"),
        (r#"{"x-amz-acl": ["authenticated-read"]}"#, "[authenticated]"),
        (r#"{"x-amz-acl": ["made-up"]}"#, "unknown"),
        (
            r#"{"grantSet": null, "grantList": [{"grantee": "AllUsers", "permission": "Read"}, {"grantee": {"id": "me"}}]}"#,
            "[*, canonical:me]",
        ),
        (
            r#""{\"grantSet\":null,\"grantList\":[{\"grantee\":\"AuthenticatedUsers\"}]}""#,
            "[authenticated]",
        ),
        (
            r#"{"AccessControlList": "\"{\\\"grantSet\\\":null,\\\"grantList\\\":[{\\\"grantee\\\":\\\"AllUsers\\\"}]}\""}"#,
            "[*]",
        ),
        (r#"{"grantList": []}"#, "[]"),
        (r#"{"grantList": [{"permission": "Read"}]}"#, "unknown"),
        (r#"{"AccessControlPolicy": {"AccessControlList": {}}}"#, "[]"),
        (r#"{"bucketName": "b"}"#, "unknown"),
        (r#""public-read-write""#, "[*]"),
        ("3", "unknown"),
        ("null", "unsaid"),
    ];
    for (request, expected) in cases {
        assert_eq!(ask("aws.acl", request, "[]"), expected, "{request}");
    }
}

#[test]
fn names_items_and_attributes_are_found() {
    check(
        "aws.account",
        &[
            (r#""arn:aws:iam::123456789012:role/a:b""#, "[]", "123456789012"),
            (r#""arn:aws:s3:::bucket""#, "[]", "unsaid"),
            (r#""junk""#, "[]", "unsaid"),
            ("1", "[]", "unsaid"),
        ],
    );
    check(
        "aws.arn_name",
        &[
            (r#""arn:aws:iam::123456789012:role/path/r""#, "[]", "r"),
            (r#""arn:aws:sns:eu-west-1:123456789012:topic""#, "[]", "topic"),
            (r#""plain""#, "[]", "plain"),
            ("null", "[]", "unsaid"),
        ],
    );
    check(
        "aws.items",
        &[
            (r#"{"items": [1, 2]}"#, "[]", "[1, 2]"),
            (r#"{"items": {"a": 1}}"#, "[]", "[{a=1}]"),
            (r#"{"a": 1}"#, "[]", "[{a=1}]"),
            ("[3]", "[]", "[3]"),
            ("{}", "[]", "[]"),
            ("null", "[]", "unsaid"),
        ],
    );
    let list = r#"[{"key": "a", "value": "1"}, {"Key": "b", "Value": "2"}]"#;
    check(
        "aws.attr",
        &[
            (list, r#"["a"]"#, "1"),
            (list, r#"["b"]"#, "2"),
            (list, r#"["c"]"#, "unsaid"),
            (list, r#"["c", "x"]"#, "x"),
            ("null", r#"["c"]"#, "unsaid"),
        ],
    );
}
