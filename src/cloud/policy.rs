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

/// Functions on policies.
pub(super) const HOSTS: &[Host] = &[
    row(
        "iam.statements",
        &[param("document", "dyn")],
        "list<statement>",
        "Reads a policy document (object, JSON text, percent-encoded JSON text) of AWS IAM, S3, Huawei IAM or OBS; unknown where it cannot be read.",
        r#"iam.statements({"Statement": {"Effect": "Allow", "Action": "*"}}).size() == 1"#,
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html https://support.huaweicloud.com/intl/en-us/perms-cfg-obs/obs_40_0041.html",
        document::statements,
    ),
    row(
        "iam.public",
        STATEMENTS,
        "bool",
        "Whether everyone may do something: an Allow for `*` that no condition narrows and no Deny takes away.",
        "iam.public(statements)",
        PUBLIC,
        judge::public,
    ),
    row(
        "iam.public_actions",
        STATEMENTS,
        "list<string>",
        "The actions everyone may do, as written, in lower case; `*` for NotAction.",
        r#"iam.public_actions(statements).exists(a, a == "s3:getobject")"#,
        PUBLIC,
        judge::public_actions,
    ),
    row(
        "iam.admin",
        STATEMENTS,
        "bool",
        "Whether every action, or all but a few that leave IAM itself, is allowed on every resource.",
        "iam.admin(statements)",
        EVALUATION,
        judge::admin,
    ),
    row(
        "iam.wildcard",
        STATEMENTS,
        "bool",
        "Whether every action of at least one service is allowed on every resource.",
        "iam.wildcard(statements)",
        EVALUATION,
        judge::wildcard,
    ),
    row(
        "iam.escalates",
        STATEMENTS,
        "bool",
        "Whether the permissions are known to suffice for giving oneself more.",
        "iam.escalates(statements)",
        "https://rhinosecuritylabs.com/aws/aws-privilege-escalation-methods-mitigation/",
        judge::escalates,
    ),
    row(
        "iam.external_to",
        &[param("statements", "list<statement>"), param("accounts", "list<string>")],
        "list<principal>",
        "Principals that something is allowed to and that belong to none of these accounts; services do not count, `*` counts where no condition narrows it.",
        "iam.external_to(statements, [account]).size() > 0",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html",
        judge::external_to,
    ),
    row(
        "iam.allows",
        &[param("statements", "list<statement>"), param("action", "string")],
        "bool",
        "Whether some statement allows the action on some resource, and no unconditional Deny on all resources takes it away.",
        r#"iam.allows(statements, "s3:GetObject")"#,
        EVALUATION,
        judge::allows,
    ),
    row(
        "iam.plain_http",
        STATEMENTS,
        "bool",
        "Whether requests without TLS are accepted: false where everyone is denied everything when `SecureTransport` is false.",
        "iam.plain_http(statements)",
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html",
        judge::plain_http,
    ),
];

#[cfg(test)]
mod tests;
