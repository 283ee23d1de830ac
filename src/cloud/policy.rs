//! Policies of AWS and Huawei Cloud: documents go in as `statement` records, and what they grant
//! comes out.

mod condition;
mod document;
mod grant;
mod judge;
mod pattern;

use super::make::{param, row};
use crate::expr::api::{Host, Param};

const STATEMENTS: &[Param] = &[param("statements", "list<statement>")];
const EVALUATION: &str =
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html";
const PUBLIC: &str = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status";

const CONDITION: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html";

/// Functions on policies.
pub(super) const HOSTS: &[Host] = &[
    row(
        "iam.statements",
        &[param("document", "dyn")],
        "list<statement>",
        "Reads a policy document (object, JSON text, percent-encoded JSON text) of AWS IAM, S3, Huawei IAM or OBS; unknown where it cannot be read.",
        r#"iam.statements({"Statement": {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "s3:*"}})[0].principals == ["aws:123456789012"]"#,
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html https://support.huaweicloud.com/intl/en-us/perms-cfg-obs/obs_40_0041.html",
        document::statements,
    ),
    row(
        "iam.public",
        STATEMENTS,
        "bool",
        "Whether everyone may do something: an Allow for `*` that no condition narrows and no unconditional Deny takes away.",
        r#"iam.public([statement{effect: allow, principals: ["*"], actions: ["s3:GetObject"]}]) == true"#,
        PUBLIC,
        judge::public,
    ),
    row(
        "iam.public_actions",
        STATEMENTS,
        "list<string>",
        "The actions everyone may do, as written, in lower case; `*` for NotAction.",
        r#"iam.public_actions([statement{effect: allow, principals: ["*"], actions: ["s3:GetObject"]}]) == ["s3:getobject"]"#,
        PUBLIC,
        judge::public_actions,
    ),
    row(
        "iam.restricts",
        &[param("conditions", "dyn")],
        "bool",
        "Whether a condition block keeps strangers out: it ties the statement to a fixed account, organization, network or a few addresses.",
        r#"iam.restricts({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}) == true"#,
        CONDITION,
        judge::restricts,
    ),
    row(
        "iam.admin",
        STATEMENTS,
        "bool",
        "Whether every action, or all but a few that leave IAM itself, is allowed on every resource.",
        r#"iam.admin([statement{effect: allow, actions: ["*"], resources: ["*"]}]) == true"#,
        EVALUATION,
        judge::admin,
    ),
    row(
        "iam.wildcard",
        STATEMENTS,
        "bool",
        "Whether every action of at least one service is allowed on every resource.",
        r#"iam.wildcard([statement{effect: allow, actions: ["s3:*"], resources: ["*"]}]) == true"#,
        EVALUATION,
        judge::wildcard,
    ),
    row(
        "iam.escalates",
        STATEMENTS,
        "bool",
        "Whether the permissions are known to suffice for giving oneself more, in AWS.",
        r#"iam.escalates([statement{effect: allow, actions: ["iam:PutUserPolicy"], resources: ["*"]}]) == true"#,
        "https://rhinosecuritylabs.com/aws/aws-privilege-escalation-methods-mitigation/",
        judge::escalates,
    ),
    row(
        "iam.external_to",
        &[param("statements", "list<statement>"), param("accounts", "list<string>")],
        "list<principal>",
        "Principals that something is allowed to and that belong to none of these accounts; services do not count, `*` counts where no condition narrows it, and where one does, the foreign accounts it names.",
        r#"iam.external_to([statement{effect: allow, principals: ["aws:111122223333"], actions: ["s3:*"]}], ["123456789012"]) == ["aws:111122223333"]"#,
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html",
        judge::external_to,
    ),
    row(
        "iam.allows",
        &[param("statements", "list<statement>"), param("action", "string")],
        "bool",
        "Whether some statement allows the action on some resource, under whatever condition, and no unconditional Deny takes it away.",
        r#"iam.allows([statement{effect: allow, actions: ["s3:Get*"]}], "s3:GetObject") == true"#,
        EVALUATION,
        judge::allows,
    ),
    row(
        "iam.plain_http",
        STATEMENTS,
        "bool",
        "Whether requests without TLS are accepted: false where everyone is denied everything on every object when `SecureTransport` is false.",
        r#"iam.plain_http([statement{effect: deny, principals: ["*"], actions: ["s3:*"], resources: ["arn:aws:s3:::b/*"], conditions: {"Bool": {"aws:SecureTransport": "false"}}}]) == false"#,
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html",
        judge::plain_http,
    ),
];

#[cfg(test)]
mod tests;
