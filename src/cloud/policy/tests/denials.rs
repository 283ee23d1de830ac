//! What a Deny takes away, by the documented order: an explicit Deny over every Allow, and a Deny
//! with a condition over none for certain.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html>

use super::judge;

const READ: &str = r#"{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": ["arn:aws:s3:::b/x/*", "arn:aws:s3:::b/y/*"]}"#;

/// What stands beside a public Allow of `s3:GetObject` on `b/x/*` and `b/y/*`, and whether the
/// policy is public all the same.
const CASES: &[(&str, bool)] = &[
    (r#"{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}"#, false),
    (
        r#"{"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "S3:get*", "Resource": "*"}"#,
        false,
    ),
    (r#"{"Effect": "Deny", "Principal": "*", "Action": "s3:Get?bject", "Resource": "*"}"#, false),
    (r#"{"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "*"}"#, true),
    // Several Denies together hold all that is allowed; one alone does not.
    (
        r#"{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::b/x/*"}"#,
        true,
    ),
    (
        r#"{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::b/x/*"},
           {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::b/y/*"}"#,
        false,
    ),
    (
        r#"{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::b/?/*"}"#,
        false,
    ),
    (r#"{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:*"}"#, false),
    // Keys of objects differ by case alone.
    (
        r#"{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::b/X/*"},
           {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::b/y/*"}"#,
        true,
    ),
    // All but some, in every place it can stand.
    (
        r#"{"Effect": "Deny", "Principal": "*", "NotAction": "s3:PutObject", "Resource": "*"}"#,
        false,
    ),
    (r#"{"Effect": "Deny", "Principal": "*", "NotAction": "s3:Get*", "Resource": "*"}"#, true),
    (
        r#"{"Effect": "Deny", "Principal": "*", "Action": "*", "NotResource": "arn:aws:s3:::b/z/*"}"#,
        false,
    ),
    (
        r#"{"Effect": "Deny", "Principal": "*", "Action": "*", "NotResource": "arn:aws:s3:::b/x/*"}"#,
        true,
    ),
    (
        r#"{"Effect": "Deny", "NotPrincipal": {"AWS": "123456789012"}, "Action": "*", "Resource": "*"}"#,
        false,
    ),
    (r#"{"Effect": "Deny", "NotPrincipal": "*", "Action": "*", "Resource": "*"}"#, true),
    // A Deny for one is none for the others.
    (
        r#"{"Effect": "Deny", "Principal": {"AWS": "123456789012"}, "Action": "*", "Resource": "*"}"#,
        true,
    ),
    // A condition may not hold.
    (
        r#"{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}"#,
        true,
    ),
    (
        r#"{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*", "Condition": {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}"#,
        true,
    ),
    (
        r#"{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*", "Condition": {}}"#,
        false,
    ),
];

#[test]
fn an_unconditional_deny_takes_public_access_away_and_a_conditional_one_does_not() {
    for (deny, public) in CASES {
        let found = judge("iam.public", &format!("[{READ}, {deny}]"), "[]");
        assert_eq!(found, public.to_string(), "{deny}");
        let turned = judge("iam.public", &format!("[{deny}, {READ}]"), "[]");
        assert_eq!(turned, found, "the order of statements says nothing: {deny}");
    }
}

/// Statements, and who of them is foreign to 123456789012.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html>
const FOREIGN: &[(&str, &str)] = &[
    (
        r#"{"Effect": "Allow", "Principal": {"AWS": ["111122223333", "arn:aws:iam::123456789012:root"]}, "Action": "s3:*"}"#,
        "[aws:111122223333]",
    ),
    (
        r#"{"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "s3:*"},
           {"Effect": "Deny", "Principal": {"AWS": "111122223333"}, "Action": "s3:*"}"#,
        "[]",
    ),
    (
        r#"{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/r"}, "Action": "s3:*"},
           {"Effect": "Deny", "Principal": {"AWS": "111122223333"}, "Action": "*"}"#,
        "[]",
    ),
    (
        r#"{"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": ["s3:Get*", "s3:Put*"]},
           {"Effect": "Deny", "Principal": {"AWS": "111122223333"}, "Action": "s3:Put*"}"#,
        "[aws:111122223333]",
    ),
    (
        r#"{"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "s3:*"},
           {"Effect": "Deny", "NotPrincipal": {"AWS": "123456789012"}, "Action": "*"}"#,
        "[]",
    ),
    (
        r#"{"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "s3:*"},
           {"Effect": "Deny", "NotPrincipal": {"AWS": "111122223333"}, "Action": "*"}"#,
        "[aws:111122223333]",
    ),
    (
        r#"{"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "s3:*"},
           {"Effect": "Deny", "Principal": "*", "Action": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}"#,
        "[aws:111122223333]",
    ),
    (r#"{"Effect": "Allow", "NotPrincipal": {"AWS": "123456789012"}, "Action": "s3:*"}"#, "[*]"),
    // Everyone, but of one account.
    (
        r#"{"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Condition": {"StringEquals": {"kms:CallerAccount": "111122223333"}}}"#,
        "[aws:111122223333]",
    ),
    (
        r#"{"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Condition": {"StringEquals": {"kms:CallerAccount": "123456789012", "kms:ViaService": "s3.eu-west-1.amazonaws.com"}}}"#,
        "[]",
    ),
    (
        r#"{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Condition": {"StringEquals": {"aws:PrincipalAccount": ["123456789012", "111122223333"]}}}"#,
        "[aws:111122223333]",
    ),
    (
        r#"{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/*"}}}"#,
        "[aws:111122223333]",
    ),
    (
        r#"{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}, "ArnLike": {"aws:SourceArn": "arn:aws:sns:*:111122223333:*"}}}"#,
        "[]",
    ),
    (
        r#"{"Effect": "Allow", "Principal": "*", "Action": "a", "Condition": {"StringEquals": {"g:PrincipalAccount": "0123456789abcdef0123456789abcdef"}}}"#,
        "[domain:0123456789abcdef0123456789abcdef]",
    ),
];

#[test]
fn what_is_denied_to_a_stranger_and_to_whom_a_condition_ties_counts() {
    for (statements, expected) in FOREIGN {
        let found = judge("iam.external_to", &format!("[{statements}]"), r#"[["123456789012"]]"#);
        assert_eq!(found, *expected, "{statements}");
    }
}

/// Statements, and whether requests without TLS get through.
const TLS: &[(&str, bool)] = &[
    ("arn:aws:s3:::b/*", false),
    ("b/*", false),
    ("*", false),
    ("arn:aws:s3:::b*", false),
    ("arn:aws:s3:::b", true),
    ("arn:aws:s3:::b/private/*", true),
];

#[test]
fn tls_is_demanded_only_where_every_object_is_meant() {
    for (resource, plain) in TLS {
        let deny = format!(
            r#"{{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "{resource}", "Condition": {{"Bool": {{"aws:SecureTransport": "false"}}}}}}"#
        );
        assert_eq!(judge("iam.plain_http", &deny, "[]"), plain.to_string(), "{resource}");
    }
}

#[test]
fn every_action_is_told_however_it_is_written() {
    for (action, resource, admin) in [
        ("*", "*", true),
        ("*:*", "*", true),
        ("**", "*", true),
        ("?*", "*", true),
        ("*", "arn:aws:*", true),
        ("*", "arn:*", true),
        ("*", "arn:aws:s3:::*", false),
        ("??????*", "*", false),
        ("i*", "*", false),
        ("?", "*", false),
    ] {
        let allow =
            format!(r#"{{"Effect": "Allow", "Action": "{action}", "Resource": "{resource}"}}"#);
        assert_eq!(judge("iam.admin", &allow, "[]"), admin.to_string(), "{action} on {resource}");
    }
}
