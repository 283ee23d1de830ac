//! Policies as the clouds write them, and what they amount to.

mod conditions;
mod denials;

use super::super::testing::{ask, chain};
use super::pattern::{covers, meets};

/// Reads a document made of these statements and asks what it amounts to.
fn judge(name: &str, statements: &str, further: &str) -> String {
    let document = format!(r#"{{"Version": "2012-10-17", "Statement": {statements}}}"#);
    chain(&["iam.statements", name], &document, further)
}

fn check(name: &str, cases: &[(&str, &str)]) {
    for (statements, expected) in cases {
        assert_eq!(judge(name, statements, "[]"), *expected, "{name} of {statements}");
    }
}

/// A public grant with that condition.
fn conditional(condition: &str) -> String {
    format!(
        r#"{{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*", "Condition": {condition}}}"#
    )
}

#[test]
fn documents_are_read_in_every_form() {
    let one = "[{effect=allow principals=[*] actions=[s3:GetObject] resources=[arn:aws:s3:::b/*]}]";
    let plain = r#"{"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}]}"#;
    let encoded = percent_encoding::utf8_percent_encode(plain, percent_encoding::NON_ALPHANUMERIC)
        .to_string();
    let cases = [
        (plain.to_owned(), one),
        (plain.replace(['[', ']'], ""), one),
        (serde_json::Value::from(plain).to_string(), one),
        (serde_json::Value::from(encoded).to_string(), one),
        (plain.replace("\"Statement\"", "\"statement\"").replace("Allow", "allow"), one),
        (r#"{"Statement": []}"#.to_owned(), "[]"),
        (r#"{"policyText": null}"#.to_owned(), "[]"),
        (r#""{\"policyText\": null}""#.to_owned(), "[]"),
        (format!(r#"{{"policyText": {}}}"#, serde_json::Value::from(plain)), one),
        (
            r#"{"Statement": {"Effect": "Allow", "Principal": "domain/d1:user/*", "Action": "a"}}"#.to_owned(),
            "[{effect=allow principals=[domain:d1:user/*] actions=[a]}]",
        ),
        (
            r#"{"Statement": {"Effect": "Allow", "Principal": {"IAM": ["iam::a1:root", "iam::a1:user:u", "0123456789abcdef0123456789abcdef"]}, "Action": "a"}}"#.to_owned(),
            "[{effect=allow principals=[domain:a1, domain:a1:user/u, domain:0123456789abcdef0123456789abcdef] actions=[a]}]",
        ),
        ("null".to_owned(), "unsaid"),
        (
            r#"{"Statement": {"Effect": "Deny", "NotPrincipal": {"AWS": ["123456789012", "arn:aws:iam::210987654321:root"]}, "NotAction": "s3:*", "NotResource": ["a", "b"], "Condition": {"Bool": {"aws:SecureTransport": "false"}}}}"#.to_owned(),
            "[{effect=deny not_actions=[s3:*] not_resources=[a, b] not_principals=[aws:123456789012, aws:210987654321] conditions={Bool={aws:SecureTransport=false}}}]",
        ),
        (
            r#"{"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::123456789012:role/r", "CanonicalUser": "79a5", "Federated": "cognito-identity.amazonaws.com", "Service": ["ec2.amazonaws.com"]}}}"#.to_owned(),
            "[{effect=allow principals=[arn:aws:iam::123456789012:role/r, canonical:79a5, federated:cognito-identity.amazonaws.com, service:ec2.amazonaws.com] actions=[sts:AssumeRole]}]",
        ),
        (
            r#"{"Statement": [{"Effect": "Allow", "Principal": {"ID": ["*", "domain/d1:user/u1", "domain/d2"]}, "Action": ["GetObject"], "Resource": ["b/*"]}]}"#.to_owned(),
            "[{effect=allow principals=[*, domain:d1:user/u1, domain:d2] actions=[GetObject] resources=[b/*]}]",
        ),
        (
            r#"{"Version": "1.1", "Statement": [{"Effect": "Allow", "Action": ["iam:agencies:assume"], "Resource": {"uri": ["/iam/agencies/a"]}}]}"#.to_owned(),
            "[{effect=allow actions=[iam:agencies:assume] resources=[/iam/agencies/a]}]",
        ),
    ];
    for (document, expected) in cases {
        assert_eq!(ask("iam.statements", &document, "[]"), expected, "{document}");
    }
}

#[test]
fn a_document_that_cannot_be_read_is_unknown() {
    let cases = [
        "1",
        "true",
        "{}",
        r#""""#,
        r#""{""#,
        r#""%7B%FF""#,
        r#""plain""#,
        r#"{"policyText": "junk"}"#,
        r#"{"Statement": "x"}"#,
        r#"{"Statement": [1]}"#,
        r#"{"Statement": {"Action": "*"}}"#,
        r#"{"Statement": {"Effect": "Maybe", "Action": "*"}}"#,
        r#"{"Statement": {"Effect": "Allow"}}"#,
        r#"{"Statement": {"Effect": "Allow", "Action": 1}}"#,
        r#"{"Statement": {"Effect": "Allow", "Action": ["a", 1]}}"#,
        r#"{"Statement": {"Effect": "Allow", "Action": "*", "Principal": 1}}"#,
        r#"{"Statement": {"Effect": "Allow", "Action": "*", "Principal": {"AWS": {"x": 1}}}}"#,
        r#"{"Statement": {"Effect": "Allow", "Action": "*", "Condition": "x"}}"#,
    ];
    for document in cases {
        assert_eq!(ask("iam.statements", document, "[]"), "unknown", "{document}");
    }
}

#[test]
fn actions_open_to_everyone_are_told() {
    check(
        "iam.public_actions",
        &[
            ("[]", "[]"),
            (
                r#"{"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject", "S3:PutObject"], "Resource": "*"}"#,
                "[s3:getobject, s3:putobject]",
            ),
            (
                r#"{"Effect": "Allow", "Principal": {"ID": "*"}, "Action": "GetObject", "Resource": "b/*"}"#,
                "[getobject]",
            ),
            (
                r#"{"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "*", "Resource": "*"}"#,
                "[]",
            ),
            (
                r#"{"Effect": "Allow", "NotPrincipal": {"AWS": "123456789012"}, "Action": "s3:*", "Resource": "*"}"#,
                "[s3:*]",
            ),
            (
                r#"{"Effect": "Allow", "Principal": "*", "NotAction": "s3:DeleteBucket", "Resource": "*"}"#,
                "[*]",
            ),
            (r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#, "[]"),
            (
                r#"[{"Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "b/x/*"},
                    {"Effect": "Deny", "Principal": "*", "Action": "s3:put*", "Resource": "b/*"}]"#,
                "[s3:getobject]",
            ),
            (
                r#"[{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "b/*"},
                    {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "b/x/*"}]"#,
                "[s3:getobject]",
            ),
            (
                r#"[{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "b/*"},
                    {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]"#,
                "[s3:getobject]",
            ),
            (
                r#"[{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "b/*"},
                    {"Effect": "Deny", "NotPrincipal": {"AWS": "123456789012"}, "Action": "*", "Resource": "*"}]"#,
                "[]",
            ),
            (
                r#"[{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "b/*"},
                    {"Effect": "Deny", "Principal": "*", "NotAction": "s3:Get*", "Resource": "*"}]"#,
                "[s3:getobject]",
            ),
            (
                r#"[{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "b/*"},
                    {"Effect": "Deny", "Principal": "*", "NotAction": "s3:List*", "Resource": "*"}]"#,
                "[]",
            ),
        ],
    );
}

#[test]
fn only_conditions_with_fixed_values_keep_the_public_out() {
    let closed = [
        r#"{"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}"#,
        r#"{"IpAddress": {"aws:SourceIp": ["203.0.113.9", "2001:db8::/32"]}}"#,
        r#"{"IpAddress": {"SourceIp": "203.0.113.0/24"}}"#,
        r#"{"StringEquals": {"AWS:SourceOwner": "123456789012"}}"#,
        r#"{"StringEquals": {"aws:PrincipalOrgID": ["o-1", "o-2"]}}"#,
        r#"{"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-1/r-1/ou-1/"}}"#,
        r#"{"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:123456789012:*"}}"#,
        r#"{"StringLike": {"s3:DataAccessPointArn": "arn:aws:s3:*:123456789012:accesspoint/*"}}"#,
        r#"{"Bool": {"aws:SecureTransport": "true"}, "StringEquals": {"aws:SourceVpc": "vpc-1"}}"#,
        r#"{"StringEquals": {"g:SourceVpce": "vpce-1"}}"#,
    ];
    for condition in closed {
        assert_eq!(judge("iam.public", &conditional(condition), "[]"), "false", "{condition}");
    }
    let open = [
        "{}",
        r#"{"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}"#,
        r#"{"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "0.0.0.0/1"]}}"#,
        r#"{"IpAddress": {"aws:SourceIp": "::/0"}}"#,
        r#"{"IpAddress": {"aws:SourceIp": "junk"}}"#,
        r#"{"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}"#,
        r#"{"StringLike": {"aws:SourceVpc": "vpc-*"}}"#,
        r#"{"StringEquals": {"aws:PrincipalOrgID": "${aws:PrincipalOrgID}"}}"#,
        r#"{"StringEqualsIfExists": {"aws:SourceVpc": "vpc-1"}}"#,
        r#"{"StringNotEquals": {"aws:SourceVpc": "vpc-1"}}"#,
        r#"{"ForAllValues:StringEquals": {"aws:PrincipalOrgPaths": "o-1/"}}"#,
        r#"{"StringEquals": {"aws:SourceVpc": []}}"#,
        r#"{"StringLike": {"aws:UserAgent": "x"}}"#,
        r#"{"ArnLike": {"aws:SourceArn": "arn:aws:s3:*:*:bucket"}}"#,
    ];
    for condition in open {
        assert_eq!(judge("iam.public", &conditional(condition), "[]"), "true", "{condition}");
    }
}

#[test]
fn administrators_are_told_from_those_who_nearly_are() {
    check(
        "iam.admin",
        &[
            ("[]", "false"),
            (r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#, "true"),
            (r#"{"Effect": "Allow", "Action": ["s3:x", "*:*"], "Resource": ["a", "*"]}"#, "true"),
            (r#"{"Effect": "Allow", "Action": "*:*:*"}"#, "true"),
            (r#"{"Effect": "Allow", "Action": "*", "Resource": "arn:aws:s3:::b"}"#, "false"),
            (r#"{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}"#, "false"),
            (r#"{"Effect": "Allow", "NotAction": ["organizations:*"], "Resource": "*"}"#, "true"),
            (
                r#"{"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "lambda:*", "glue:*"], "Resource": "*"}"#,
                "false",
            ),
            (
                r#"{"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"}"#,
                "false",
            ),
            (
                r#"[{"Effect": "Allow", "NotAction": ["iam:*"], "Resource": "*"}, {"Effect": "Allow", "Action": "iam:*", "Resource": "*"}]"#,
                "true",
            ),
            (
                r#"[{"Effect": "Allow", "NotAction": ["iam:*"], "Resource": "*"}, {"Effect": "Allow", "Action": "iam:List*", "Resource": "*"}]"#,
                "false",
            ),
            (
                r#"[{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}, {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}]"#,
                "false",
            ),
            (r#"{"Effect": "Allow", "NotAction": "*", "Resource": "*"}"#, "false"),
            (r#"{"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::b"}"#, "true"),
            (
                r#"{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}"#,
                "true",
            ),
            (
                r#"{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}"#,
                "false",
            ),
            (
                r#"{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:ResourceTag/team": "a"}}}"#,
                "false",
            ),
            (
                r#"[{"Effect": "Allow", "Action": "*", "Resource": "*"}, {"Effect": "Deny", "Action": "*", "Resource": "*"}]"#,
                "false",
            ),
            (
                r#"[{"Effect": "Allow", "Action": "*", "Resource": "*"}, {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]"#,
                "true",
            ),
            (
                r#"[{"Effect": "Allow", "Action": "*", "Resource": "*"}, {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}}]"#,
                "true",
            ),
            (r#"{"Effect": "Deny", "Action": "*", "Resource": "*"}"#, "false"),
        ],
    );
}

#[test]
fn whole_services_and_escalations_are_told() {
    check(
        "iam.wildcard",
        &[
            (r#"{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}"#, "true"),
            (r#"{"Effect": "Allow", "Action": "ecs:*:*"}"#, "true"),
            (r#"{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}"#, "false"),
            (r#"{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::b"}"#, "false"),
            (
                r#"[{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}, {"Effect": "Deny", "Action": "S3:*", "Resource": "*"}]"#,
                "false",
            ),
        ],
    );
    check(
        "iam.escalates",
        &[
            (r#"{"Effect": "Allow", "Action": "iam:putuserpolicy", "Resource": "*"}"#, "true"),
            (
                r#"{"Effect": "Allow", "Action": "iam:Put*", "Resource": "arn:aws:iam::123456789012:user/${aws:username}"}"#,
                "true",
            ),
            (r#"{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}"#, "false"),
            (
                r#"[{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}, {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}]"#,
                "true",
            ),
            (
                r#"[{"Effect": "Allow", "Action": "iam:*", "Resource": "*"}, {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}]"#,
                "false",
            ),
            (r#"{"Effect": "Allow", "Action": "iam:Get*", "Resource": "*"}"#, "false"),
        ],
    );
}

#[test]
fn strangers_are_told_by_their_accounts() {
    let cases = [
        (r#"{"AWS": ["123456789012", "210987654321"]}"#, "[aws:210987654321]"),
        (r#"{"AWS": "arn:aws:iam::210987654321:role/r"}"#, "[arn:aws:iam::210987654321:role/r]"),
        (r#"{"AWS": "arn:aws:iam::123456789012:role/r"}"#, "[]"),
        (r#"{"Service": "ec2.amazonaws.com"}"#, "[]"),
        (r#"{"AWS": "arn:aws:iam::cloudfront:user/x"}"#, "[]"),
        (r#"{"CanonicalUser": "79a5"}"#, "[canonical:79a5]"),
        (r#"{"ID": ["domain/own:user/u", "domain/other:user/u"]}"#, "[domain:other:user/u]"),
        (r#"{"Federated": "arn:aws:iam::123456789012:saml-provider/p"}"#, "[]"),
        (r#""*""#, "[*]"),
    ];
    for (principal, expected) in cases {
        let statement = format!(
            r#"{{"Effect": "Allow", "Principal": {principal}, "Action": "*", "Resource": "*"}}"#
        );
        let found = judge("iam.external_to", &statement, r#"[["123456789012", "domain:own"]]"#);
        assert_eq!(found, expected, "{principal}");
    }
    let narrowed = conditional(r#"{"StringEquals": {"aws:PrincipalOrgID": "o-1"}}"#);
    assert_eq!(judge("iam.external_to", &narrowed, "[[]]"), "[]");
}

#[test]
fn an_action_is_allowed_by_pattern_unless_denied() {
    let reads = r#"{"Effect": "Allow", "Action": "S3:g?t*", "Resource": "b"}"#;
    let not = r#"{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}"#;
    let denied = r#"[{"Effect": "Allow", "Action": "*", "Resource": "*"}, {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]"#;
    let cases = [
        (reads, "s3:GetObject", "true"),
        (reads, "s3:PutObject", "false"),
        (not, "s3:GetObject", "true"),
        (not, "IAM:GetUser", "false"),
        (denied, "s3:GetObject", "false"),
        (denied, "ec2:RunInstances", "true"),
    ];
    for (statements, action, expected) in cases {
        let answer = judge("iam.allows", statements, &format!(r#"["{action}"]"#));
        assert_eq!(answer, expected, "{action} by {statements}");
    }
}

#[test]
fn plain_http_is_refused_by_a_deny_alone() {
    let deny = |condition: &str, action: &str| {
        format!(
            r#"{{"Effect": "Deny", "Principal": "*", "Action": "{action}", "Resource": "*", "Condition": {condition}}}"#
        )
    };
    let cases = [
        ("[]".to_owned(), "true"),
        (deny(r#"{"Bool": {"aws:SecureTransport": "false"}}"#, "s3:*"), "false"),
        (deny(r#"{"Bool": {"aws:SecureTransport": [false]}}"#, "*"), "false"),
        (deny(r#"{"Bool": {"SecureTransport": false}}"#, "*"), "false"),
        (deny(r#"{"Bool": {"aws:SecureTransport": "true"}}"#, "s3:*"), "true"),
        (deny(r#"{"Bool": {"aws:SecureTransport": "false"}}"#, "s3:PutObject"), "true"),
        (
            deny(r#"{"Bool": {"aws:SecureTransport": "false"}, "StringEquals": {"a": "b"}}"#, "*"),
            "true",
        ),
    ];
    for (statements, expected) in cases {
        assert_eq!(judge("iam.plain_http", &statements, "[]"), expected, "{statements}");
    }
}

#[test]
fn a_statement_that_cannot_be_read_leaves_the_answer_open() {
    let unread = [
        r#"[{"effect": "maybe", "actions": ["*"]}]"#,
        r#"[{"effect": "allow", "actions": [1]}]"#,
        r#"[{"effect": "allow", "actions": ["*"], "conditions": "?"}]"#,
    ];
    for statements in unread {
        for name in ["iam.public", "iam.admin", "iam.wildcard", "iam.escalates", "iam.plain_http"] {
            assert_eq!(ask(name, statements, "[]"), "unknown", "{name} of {statements}");
        }
    }
    let decided = r#"[{"effect": "maybe"}, {"effect": "allow", "principals": ["*"], "actions": ["a:b"], "resources": ["*"]}]"#;
    assert_eq!(ask("iam.public", decided, "[]"), "true");
    assert_eq!(ask("iam.public_actions", decided, "[]"), "[a:b...]");
    let long = format!(
        r#"[{{"effect": "allow", "principals": ["*"], "actions": ["{}"]}}]"#,
        "*a".repeat(1_025)
    );
    assert_eq!(ask("iam.public", &long, "[]"), "unknown");
    assert_eq!(ask("iam.public", "1", "[]"), "error: a policy is a list of statements");
}

#[test]
fn patterns_cover_and_meet() {
    let cases = [
        ("*", "anything", true, true),
        ("s3:*", "S3:GetObject", true, true),
        ("s3:Get*", "s3:*", false, true),
        ("s3:*Object", "s3:Get*", false, true),
        ("s3:?et", "s3:get", true, true),
        ("s3:?", "s3:*", false, true),
        ("a*b*c", "axxbyyc", true, true),
        ("a*b*c", "axxbyy", false, false),
        ("ec2:*", "s3:*", false, false),
        ("", "", true, true),
    ];
    for (outer, inner, covered, met) in cases {
        assert_eq!(covers(outer, inner), covered, "{outer} covers {inner}");
        assert_eq!(meets(outer, inner), met, "{outer} meets {inner}");
    }
}
