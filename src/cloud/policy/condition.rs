//! The condition block of a statement goes in; whether it keeps strangers out comes out.
//!
//! The rules are those S3 documents for "public": a statement is not public where a condition
//! ties it to a fixed value (no wildcard, no policy variable) of one of the keys below, or to
//! addresses that are not too broad (at least /8 of IPv4, /32 of IPv6). Operators with
//! `IfExists`, negated ones and `ForAllValues:` hold for requests that lack the key, so they
//! keep nobody out.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html>
//! Huawei's keys are the same without a prefix or with `g:`.
//! <https://support.huaweicloud.com/intl/en-us/perms-cfg-obs/obs_40_0041.html>

use super::super::make::strings;
use super::super::ports::network;
use crate::expr::api::{Call, EvalError};
use crate::model::Val;

/// Keys that tie a statement to somebody, without their prefix, in lower case.
const TIES_PRINCIPAL: &[&str] = &[
    "sourceowner",
    "sourceaccount",
    "sourcevpc",
    "sourcevpce",
    "sourceorgid",
    "userid",
    "principalorgid",
    "principalorgpaths",
    "principalaccount",
    "principalservicename",
    "calleraccount",
    "dataaccesspointaccount",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "domainid",
];

/// Keys whose values are ARNs: a wildcard does no harm where the account in them is fixed.
const TIES_ARN: &[&str] = &["sourcearn", "principalarn", "dataaccesspointarn"];

/// Keys that narrow what the holder of an identity policy may do or from where.
const NARROWS_HOLDER: &[&str] =
    &["sourcevpc", "sourcevpce", "calledvia", "calledviafirst", "calledvialast", "sourcearn"];

/// Tags narrow too: `aws:ResourceTag/team`.
const NARROWS_TAG: &[&str] = &["resourcetag", "requesttag", "principaltag"];

/// Positive operators on text and ARNs.
const EQUAL: &[&str] =
    &["stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike"];

/// What a condition block does to a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Leaves it as it is.
    Open,
    /// Narrows it.
    Narrowed,
    /// The block is not known.
    Unknown,
}

/// Whether the block keeps strangers out of a resource's policy.
pub(super) fn strangers(call: &Call<'_, '_>, block: Val<'_>) -> Result<Reach, EvalError> {
    reach(call, block, |operator, key, value| match key {
        _ if operator == "ipaddress" => ip_key(key) && narrow(value),
        _ if !EQUAL.contains(&operator) => false,
        key if TIES_ARN.contains(&key) => fixed(value) || fixed_account(value),
        key => TIES_PRINCIPAL.contains(&key) && fixed(value),
    })
}

/// Whether the block narrows what the holder of an identity policy may do.
pub(super) fn holder(call: &Call<'_, '_>, block: Val<'_>) -> Result<Reach, EvalError> {
    reach(call, block, |operator, key, value| match key.split_once('/') {
        _ if operator == "ipaddress" => ip_key(key) && narrow(value),
        _ if !EQUAL.contains(&operator) => false,
        Some((tag, _)) => NARROWS_TAG.contains(&tag) && value != "*",
        None => NARROWS_HOLDER.contains(&key) && fixed(value),
    })
}

/// Whether there is no condition at all; `None` where that is not known.
pub(super) fn absent(block: Val<'_>) -> Option<bool> {
    match block {
        Val::Unsaid | Val::None => Some(true),
        Val::Map(entries) => Some(entries.is_empty()),
        _ => None,
    }
}

/// Whether the block holds exactly for requests without TLS.
pub(super) fn without_tls(call: &Call<'_, '_>, block: Val<'_>) -> Result<bool, EvalError> {
    let Val::Map([(operator, Val::Map([(key, value)]))]) = block else { return Ok(false) };
    let operator = operator.to_ascii_lowercase();
    if !matches!(operator.as_str(), "bool" | "boolifexists") || bare(key) != "securetransport" {
        return Ok(false);
    }
    if let Val::Bool(truth) = value {
        return Ok(!truth);
    }
    if let Val::List(seq) = value
        && let [Val::Bool(truth)] = seq.items
    {
        return Ok(!truth);
    }
    let values = strings(call, *value)?.unwrap_or_default();
    Ok(values.len() == 1 && values[0].eq_ignore_ascii_case("false"))
}

/// Clauses are joined by "and", so one that narrows is enough; the values of a clause are joined
/// by "or", so all of them must.
fn reach(
    call: &Call<'_, '_>,
    block: Val<'_>,
    narrows: impl Fn(&str, &str, &str) -> bool,
) -> Result<Reach, EvalError> {
    let operators = match block {
        Val::Unsaid | Val::None => return Ok(Reach::Open),
        Val::Map(operators) => operators,
        _ => return Ok(Reach::Unknown),
    };
    for (operator, clauses) in operators {
        let Val::Map(clauses) = clauses else { return Ok(Reach::Unknown) };
        let operator = operator.to_ascii_lowercase();
        let operator = operator.strip_prefix("foranyvalue:").unwrap_or(&operator);
        for (key, values) in *clauses {
            let Some(values) = strings(call, *values)? else { continue };
            let key = bare(key);
            if !values.is_empty() && values.iter().all(|value| narrows(operator, &key, value)) {
                return Ok(Reach::Narrowed);
            }
        }
    }
    Ok(Reach::Open)
}

/// The key without the prefix of its service, in lower case.
fn bare(key: &str) -> String {
    let key = key.to_ascii_lowercase();
    match key.split_once(':') {
        Some((_, rest)) => rest.to_owned(),
        None => key,
    }
}

fn ip_key(key: &str) -> bool {
    matches!(key, "sourceip" | "vpcsourceip")
}

fn fixed(value: &str) -> bool {
    !value.is_empty() && !value.contains(['*', '?']) && !value.contains("${")
}

fn fixed_account(arn: &str) -> bool {
    arn.split(':').nth(4).is_some_and(|account| {
        account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Whether the addresses are few enough not to be public; what is no network is not.
fn narrow(value: &str) -> bool {
    match network(value) {
        Some(ipnet::IpNet::V4(net)) => net.prefix_len() >= 8,
        Some(ipnet::IpNet::V6(net)) => net.prefix_len() >= 32,
        None => false,
    }
}
