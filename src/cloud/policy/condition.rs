//! The condition block of a statement goes in; whether it keeps strangers out, and to which
//! accounts it ties the statement, comes out.
//!
//! The rules are those S3 documents for "public": a statement is not public where a condition
//! ties it to a fixed value (no wildcard, no policy variable) of one of the keys below, or to
//! addresses that are not too broad (at least /8 of IPv4, /32 of IPv6).
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html>
//! What a request without the key does to an operator (`IfExists` and `ForAllValues:` hold, as do
//! negated ones), and that `Null: false` demands the key:
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>
//! Huawei's keys are the same without a prefix (OBS) or with `g:` (IAM).
//! <https://support.huaweicloud.com/intl/en-us/perms-cfg-obs/obs_40_0041.html>
//! <https://support.huaweicloud.com/intl/en-us/usermanual-iam5/iam_01_1287.html>

use rustc_hash::FxHashSet;

use super::super::make::strings;
use super::super::ports::network;
use crate::expr::api::{Call, EvalError};
use crate::model::Val;

/// Keys that tie a statement to somebody, without their prefix, in lower case. What is not here
/// keeps nobody out: `kms:ViaService` (any account can come through a service), `aws:Referer`,
/// `aws:UserAgent`, `aws:username` (unique in its own account only), `aws:PrincipalTag` (whoever
/// owns an account sets its tags), `aws:VpcSourceIp` (private addresses repeat in every network).
const TIES: &[&str] = &[
    "sourceowner",
    "sourceaccount",
    "sourcevpc",
    "sourcevpce",
    "sourceorgid",
    "userid",
    "principalid",
    "principalorgid",
    "principalaccount",
    "principalservicename",
    "calleraccount",
    "dataaccesspointaccount",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "domainid",
    "domainname",
];

/// Keys whose values are ARNs or URNs: a wildcard does no harm where the account in them is fixed.
const TIES_NAME: &[&str] =
    &["sourcearn", "principalarn", "dataaccesspointarn", "sourceurn", "principalurn"];

/// Keys whose values are paths through an organization: a wildcard does no harm below its root.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
const TIES_PATH: &[&str] = &["principalorgpaths", "principalorgpath", "sourceorgpaths"];

/// Keys that name the account a request comes from.
const NAMES_ACCOUNT: &[&str] = &[
    "sourceowner",
    "sourceaccount",
    "principalaccount",
    "calleraccount",
    "dataaccesspointaccount",
    "domainid",
];

/// Services whose keys tie; a key of the same name of another service says something else.
const TYING_SERVICES: &[&str] = &["", "aws", "s3", "kms", "g", "obs"];

/// Keys that narrow what the holder of an identity policy may do or from where.
const NARROWS_HOLDER: &[&str] =
    &["sourcevpc", "sourcevpce", "calledvia", "calledviafirst", "calledvialast", "sourcearn"];

/// Tags narrow too: `aws:ResourceTag/team`.
const NARROWS_TAG: &[&str] = &["resourcetag", "requesttag", "principaltag"];

/// Positive operators on text, ARNs and URNs. That `StringMatch` is Huawei's `StringLike` is
/// inferred from its policies; its page of operators was not seen.
const EQUAL: &[&str] = &[
    "stringequals",
    "stringequalsignorecase",
    "stringlike",
    "stringmatch",
    "arnequals",
    "arnlike",
];

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

/// One key of one operator with one of its values, in lower case but for the value.
struct Clause<'c> {
    operator: &'c str,
    service: &'c str,
    key: &'c str,
    value: &'c str,
}

/// Whether only requests of somebody fixed satisfy it.
fn ties(clause: &Clause<'_>) -> bool {
    if !TYING_SERVICES.contains(&clause.service) {
        return false;
    }
    if clause.operator == "ipaddress" {
        return clause.key == "sourceip" && narrow(clause.value);
    }
    if !EQUAL.contains(&clause.operator) {
        return false;
    }
    let Clause { key, value, .. } = clause;
    (TIES_NAME.contains(key) && (fixed(value) || account_in(value).is_some()))
        || (TIES_PATH.contains(key) && fixed(root(value)))
        || (TIES.contains(key) && fixed(value))
}

/// Whether it narrows what a holder may do or from where.
fn narrows_holder(clause: &Clause<'_>) -> bool {
    let Clause { key, value, .. } = clause;
    if clause.operator == "ipaddress" {
        return matches!(*key, "sourceip" | "vpcsourceip") && narrow(value);
    }
    if !EQUAL.contains(&clause.operator) {
        return false;
    }
    match key.split_once('/') {
        Some((tag, _)) => NARROWS_TAG.contains(&tag) && *value != "*",
        None => NARROWS_HOLDER.contains(key) && fixed(value),
    }
}

/// The account whose requests alone satisfy it.
fn account<'c>(clause: &Clause<'c>) -> Option<&'c str> {
    if !ties(clause) {
        return None;
    }
    if NAMES_ACCOUNT.contains(&clause.key) {
        return Some(clause.value);
    }
    if TIES_NAME.contains(&clause.key) { account_in(clause.value) } else { None }
}

/// Whether the block keeps strangers out of a resource's policy.
pub(super) fn strangers(call: &Call<'_, '_>, block: Val<'_>) -> Result<Reach, EvalError> {
    reach(call, block, ties)
}

/// Whether the block narrows what the holder of an identity policy may do.
pub(super) fn holder(call: &Call<'_, '_>, block: Val<'_>) -> Result<Reach, EvalError> {
    reach(call, block, narrows_holder)
}

/// The accounts that keys of the block name, each key's on their own: a request must come from
/// one of each. Keys that name none are left out.
pub(super) fn accounts(call: &Call<'_, '_>, block: Val<'_>) -> Result<Vec<Vec<String>>, EvalError> {
    let mut found = Vec::new();
    each(call, block, |clauses| {
        let named: Option<Vec<String>> =
            clauses.iter().map(|clause| account(clause).map(str::to_owned)).collect();
        found.extend(named.filter(|named| !named.is_empty()));
        false
    })?;
    Ok(found)
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
    let (_, key) = parts(key);
    if !matches!(operator.as_str(), "bool" | "boolifexists") || key != "securetransport" {
        return Ok(false);
    }
    is_false(call, *value)
}

/// Clauses are joined by "and", so one that narrows is enough; the values of a clause are joined
/// by "or", so all of them must.
fn reach(
    call: &Call<'_, '_>,
    block: Val<'_>,
    narrows: impl Fn(&Clause<'_>) -> bool,
) -> Result<Reach, EvalError> {
    each(call, block, |clauses| !clauses.is_empty() && clauses.iter().all(&narrows))
}

/// Shows `judge` each key with its values until it says that one narrows. Keys that a request
/// may lack and still satisfy the block are passed over.
fn each(
    call: &Call<'_, '_>,
    block: Val<'_>,
    mut judge: impl FnMut(&[Clause<'_>]) -> bool,
) -> Result<Reach, EvalError> {
    let operators = match block {
        Val::Unsaid | Val::None => return Ok(Reach::Open),
        Val::Map(operators) => operators,
        _ => return Ok(Reach::Unknown),
    };
    let demanded = demanded(call, operators)?;
    let mut known = true;
    for (written, keys) in operators {
        let Val::Map(keys) = keys else { return Ok(Reach::Unknown) };
        let lower = written.to_ascii_lowercase();
        let (operator, optional) = operator(&lower);
        for (written, values) in *keys {
            let (service, key) = parts(written);
            let all = is_known(*values);
            known = known && all;
            if optional && !demanded.contains(&format!("{service}:{key}")) {
                continue;
            }
            let Some(values) = strings(call, *values)? else { continue };
            let clauses: Vec<Clause<'_>> = values
                .into_iter()
                .map(|value| Clause { operator, service: &service, key: &key, value })
                .collect();
            if judge(&clauses) && all {
                return Ok(Reach::Narrowed);
            }
        }
    }
    Ok(if known { Reach::Open } else { Reach::Unknown })
}

/// The operator itself, and whether it holds for a request that lacks the key.
fn operator(lower: &str) -> (&str, bool) {
    let (name, all) = match lower.strip_prefix("forallvalues:") {
        Some(name) => (name, true),
        None => (lower.strip_prefix("foranyvalue:").unwrap_or(lower), false),
    };
    match name.strip_suffix("ifexists") {
        Some(name) => (name, true),
        None => (name, all),
    }
}

/// Keys that `Null: false` demands.
fn demanded(
    call: &Call<'_, '_>,
    operators: &[(&str, Val<'_>)],
) -> Result<FxHashSet<String>, EvalError> {
    let mut found = FxHashSet::default();
    for (operator, keys) in operators {
        let Val::Map(keys) = keys else { continue };
        if !operator.eq_ignore_ascii_case("null") {
            continue;
        }
        for (key, value) in *keys {
            if is_false(call, *value)? {
                let (service, key) = parts(key);
                found.insert(format!("{service}:{key}"));
            }
        }
    }
    Ok(found)
}

/// `false`, `"false"` or a list of one of them.
fn is_false(call: &Call<'_, '_>, value: Val<'_>) -> Result<bool, EvalError> {
    let one = match value {
        Val::List(seq) if seq.whole && seq.items.len() == 1 => seq.items[0],
        other => other,
    };
    call.charge(1)?;
    Ok(match one {
        Val::Bool(truth) => !truth,
        Val::Str(text) => text.eq_ignore_ascii_case("false"),
        _ => false,
    })
}

/// Whether the values of a key are all there to be seen.
fn is_known(values: Val<'_>) -> bool {
    match values {
        Val::Unknown => false,
        Val::List(seq) => seq.whole && !seq.items.iter().any(|one| matches!(one, Val::Unknown)),
        _ => true,
    }
}

/// The service and the key, both in lower case: `aws:SourceVpc`, or `SourceVpc` of no service.
fn parts(key: &str) -> (String, String) {
    let key = key.to_ascii_lowercase();
    match key.split_once(':') {
        Some((service, rest)) => (service.to_owned(), rest.to_owned()),
        None => (String::new(), key),
    }
}

fn fixed(value: &str) -> bool {
    !value.is_empty() && !value.contains(['*', '?']) && !value.contains("${")
}

/// The organization at the root of a path.
fn root(path: &str) -> &str {
    path.split('/').next().unwrap_or(path)
}

/// The account in an ARN (`arn:partition:service:region:account:...`) or in a URN of Huawei
/// (`service:region:account:type:name`), where it is fixed.
pub(super) fn account_in(name: &str) -> Option<&str> {
    let mut parts = name.split(':');
    if parts.next() == Some("arn") {
        let account = parts.nth(3)?;
        let digits = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        return digits.then_some(account);
    }
    let account = parts.nth(1)?;
    let id = account.len() == 32 && account.bytes().all(|byte| byte.is_ascii_hexdigit());
    id.then_some(account)
}

/// Whether the addresses are few enough not to be public; what is no network is not.
fn narrow(value: &str) -> bool {
    match network(value) {
        Some(ipnet::IpNet::V4(net)) => net.prefix_len() >= 8,
        Some(ipnet::IpNet::V6(net)) => net.prefix_len() >= 32,
        None => false,
    }
}
