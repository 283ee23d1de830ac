//! OBS access lists and lists as Huawei Cloud writes them.

use super::super::testing::ask;

#[test]
fn obs_grantees_are_found_in_every_form() {
    let cases = [
        (r#"{"x-obs-acl": "public-read"}"#, "[*]"),
        (r#"{"x-obs-acl": "public-read-write-delivered"}"#, "[*]"),
        (r#"{"x-obs-acl": ["private"]}"#, "[]"),
        (r#"{"x-obs-acl": "made-up"}"#, "unknown"),
        (r#""public-read""#, "[*]"),
        (
            r#"{"AccessControlPolicy": {"Owner": {"ID": "d1"}, "AccessControlList": {"Grant": [
                {"Grantee": {"ID": "d1"}, "Permission": "FULL_CONTROL"}, {"Grantee": {"Canned": "Everyone"}, "Permission": "READ"}]}}}"#,
            "[*, domain:d1]",
        ),
        (r#"{"AccessControlList": {"Grant": {"Grantee": {"Canned": "Everyone"}}}}"#, "[*]"),
        (r#"{"AccessControlList": {}}"#, "[]"),
        (r#"[{"grantee": {"URI": "http://acs.example.com/groups/global/AllUsers"}}]"#, "[*]"),
        (r#"{"grants": [{"permission": "READ"}]}"#, "unknown"),
        (r#"{"bucket": "b"}"#, "unknown"),
        ("5", "unknown"),
        ("null", "unsaid"),
    ];
    for (request, expected) in cases {
        assert_eq!(ask("huawei.acl", request, "[]"), expected, "{request}");
    }
}

#[test]
fn one_or_several_become_a_list() {
    let cases = [
        (r#"{"id": "a"}"#, "[{id=a}]"),
        (r#"[{"id": "a"}]"#, "[{id=a}]"),
        (r#""[1, 2]""#, "[1, 2]"),
        (r#""[1, ""#, "unknown"),
        (r#""word""#, "[word]"),
        ("null", "unsaid"),
    ];
    for (value, expected) in cases {
        assert_eq!(ask("huawei.items", value, "[]"), expected, "{value}");
    }
}
