//! Statements go in; what they amount to comes out.
//!
//! **Invariant:** a statement that is known to grant decides, and what nobody has seen is taken
//! to add and not to forbid; where none is known to and one could not be read, the answer is
//! `Unknown`.

use std::cell::Cell;

use super::super::make::{Answer, arg, names, text};
use super::condition::{self, Reach};
use super::grant::{Grant, Policy};
use super::pattern::everything;
use crate::expr::api::{Call, EvalError};
use crate::model::{Seq, Val};

/// Sets of permissions each of which suffices to gain more.
/// <https://rhinosecuritylabs.com/aws/aws-privilege-escalation-methods-mitigation/>
const ESCALATIONS: &[&[&str]] = &[
    &["iam:CreatePolicyVersion"],
    &["iam:SetDefaultPolicyVersion"],
    &["iam:CreateAccessKey"],
    &["iam:CreateLoginProfile"],
    &["iam:UpdateLoginProfile"],
    &["iam:AttachUserPolicy"],
    &["iam:AttachGroupPolicy"],
    &["iam:AttachRolePolicy"],
    &["iam:PutUserPolicy"],
    &["iam:PutGroupPolicy"],
    &["iam:PutRolePolicy"],
    &["iam:AddUserToGroup"],
    &["iam:UpdateAssumeRolePolicy", "sts:AssumeRole"],
    &["iam:PassRole", "ec2:RunInstances"],
    &["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"],
    &["iam:PassRole", "lambda:CreateFunction", "lambda:CreateEventSourceMapping"],
    &["iam:PassRole", "glue:CreateDevEndpoint"],
    &["iam:PassRole", "cloudformation:CreateStack"],
    &["iam:PassRole", "datapipeline:CreatePipeline", "datapipeline:PutPipelineDefinition"],
    &["lambda:UpdateFunctionCode"],
    &["glue:UpdateDevEndpoint"],
];

/// `iam.public(statements)`.
pub(super) fn public<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    let (actions, whole) = open_to_everyone(call, arg(args, 0))?;
    Ok(truth(!actions.is_empty(), whole))
}

/// `iam.public_actions(statements)`.
pub(super) fn public_actions<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    let (actions, whole) = open_to_everyone(call, arg(args, 0))?;
    let items: Vec<Val<'a>> = actions.iter().map(|action| text(call, action)).collect();
    Ok(Val::List(Seq { items: call.arena.alloc_slice_copy(&items), whole }))
}

/// The actions, sorted, and whether these are all.
fn open_to_everyone<'a>(
    call: &Call<'a, '_>,
    statements: Val<'a>,
) -> Result<(Vec<String>, bool), EvalError> {
    let policy = Policy::open(call, statements)?;
    let mut whole = policy.whole;
    let mut found = Vec::new();
    for grant in policy.allows().filter(|grant| grant.for_everyone()) {
        match grant.reach(call)? {
            Reach::Open => {}
            Reach::Narrowed => continue,
            Reach::Unknown => {
                whole = false;
                continue;
            }
        }
        let all = grant.not_actions.as_ref().map(|_| "*");
        for action in grant.actions.iter().copied().chain(all) {
            if !policy.denied(call, grant, action)? {
                found.push(action.to_ascii_lowercase());
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok((found, whole))
}

/// `iam.admin(statements)`.
pub(super) fn admin<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    let by_star = |policy: &Policy<'a>, grant: &Grant<'a>| {
        let all = grant.actions.iter().any(|action| everything(action));
        Ok(all && !policy.denied(call, grant, "*")?)
    };
    let all_but_some = |policy: &Policy<'a>, grant: &Grant<'a>| {
        Ok(grant.not_actions.is_some() && !policy.denied(call, grant, "*")?)
    };
    let whole = some_grant(call, arg(args, 0), by_star)?;
    if whole.as_bool() != Some(false) {
        return Ok(whole);
    }
    let near = some_grant(call, arg(args, 0), all_but_some)?;
    if near.as_bool() != Some(true) {
        return Ok(near);
    }
    // All but a few is as good as all while IAM itself can be used to grant the rest, by this
    // statement or another. PowerUserAccess, which spares IAM, is not.
    for set in ESCALATIONS.iter().filter(|set| set.iter().all(|action| action.starts_with("iam:")))
    {
        let held = |policy: &Policy<'a>, grant: &Grant<'a>| holds_all(call, policy, grant, set);
        if some_grant(call, arg(args, 0), held)?.as_bool() == Some(true) {
            return Ok(Val::Bool(true));
        }
    }
    Ok(Val::Bool(false))
}

fn holds_all<'a>(
    call: &Call<'a, '_>,
    policy: &Policy<'a>,
    grant: &Grant<'a>,
    actions: &[&str],
) -> Result<bool, EvalError> {
    for action in actions {
        if !grant.names_all(action) || policy.denied(call, grant, action)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// `iam.wildcard(statements)`.
pub(super) fn wildcard<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    some_grant(call, arg(args, 0), |policy, grant| {
        if grant.not_actions.is_some() {
            return Ok(!policy.denied(call, grant, "*")?);
        }
        for action in &grant.actions {
            if whole_service(action) && !policy.denied(call, grant, action)? {
                return Ok(true);
            }
        }
        Ok(false)
    })
}

/// `s3:*`, Huawei's `ecs:*:*`, or everything.
fn whole_service(action: &str) -> bool {
    everything(action) || action.split_once(':').is_some_and(|(_, operation)| everything(operation))
}

/// `iam.escalates(statements)`.
pub(super) fn escalates<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    let policy = Policy::open(call, arg(args, 0))?;
    let whole = Cell::new(policy.whole);
    let held = |action: &str| {
        policy.charge(call, action)?;
        for grant in policy.allows().filter(|grant| grant.names_all(action)) {
            let broad = grant.on_everything()
                || grant.resources.iter().any(|one| one.contains(['*', '?']) || one.contains("${"));
            let reach = condition::holder(call, grant.conditions)?;
            if reach == Reach::Unknown {
                whole.set(false);
            }
            if broad && reach == Reach::Open && !policy.denied(call, grant, action)? {
                return Ok(true);
            }
        }
        Ok(false)
    };
    let found = holds_escalation(held)?;
    Ok(truth(found, whole.get()))
}

fn holds_escalation(held: impl Fn(&str) -> Result<bool, EvalError>) -> Result<bool, EvalError> {
    for set in ESCALATIONS {
        let mut all = true;
        for action in *set {
            all = all && held(action)?;
        }
        if all {
            return Ok(true);
        }
    }
    Ok(false)
}

/// `iam.external_to(statements, accounts)`.
pub(super) fn external_to<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    let policy = Policy::open(call, arg(args, 0))?;
    // An account that may still be in a list that is partial is not known to be foreign.
    let (own, own_known) = names(call, arg(args, 1))?;
    let mut own: Vec<&str> = own.iter().map(|id| account(id).unwrap_or(id)).collect();
    own.sort_unstable();
    let foreign = |id: &str| own.binary_search(&id).is_err();
    let mut whole = policy.whole && own_known;
    let mut found: Vec<String> = Vec::new();
    for grant in policy.allows() {
        if grant.for_everyone() && !all_denied(call, &policy, grant, None)? {
            match grant.reach(call)? {
                Reach::Open => found.push("*".to_owned()),
                Reach::Unknown => whole = false,
                Reach::Narrowed if own_known => found.extend(tied(call, grant, foreign)?),
                Reach::Narrowed => {}
            }
        }
        call.charge(grant.principals.len())?;
        for name in grant.principals.iter().filter(|_| own_known) {
            let Some(id) = account(name).filter(|id| foreign(id)) else { continue };
            if !all_denied(call, &policy, grant, Some((name, id)))? {
                found.push((*name).to_owned());
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    let items: Vec<Val<'a>> = found.iter().map(|name| text(call, name)).collect();
    Ok(Val::List(Seq { items: call.arena.alloc_slice_copy(&items), whole }))
}

/// Whether all that the grant allows is taken away again, from everyone or from that principal.
fn all_denied<'a>(
    call: &Call<'a, '_>,
    policy: &Policy<'a>,
    grant: &Grant<'a>,
    who: Option<(&str, &str)>,
) -> Result<bool, EvalError> {
    let all = grant.not_actions.as_ref().map(|_| "*");
    for action in grant.actions.iter().copied().chain(all) {
        if !policy.denied_to(call, grant, action, who)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The foreign accounts that a grant for everyone is narrowed to: where a condition names an own
/// account, the request must come from there.
fn tied<'a>(
    call: &Call<'a, '_>,
    grant: &Grant<'a>,
    foreign: impl Fn(&str) -> bool,
) -> Result<Vec<String>, EvalError> {
    let keys = condition::accounts(call, grant.conditions)?;
    if keys.iter().any(|named| !named.iter().any(|id| foreign(id))) {
        return Ok(Vec::new());
    }
    let first = keys.into_iter().next().unwrap_or_default();
    Ok(first.iter().filter(|id| foreign(id)).map(|id| named(id)).collect())
}

/// The account as a principal: twelve digits are AWS's, others Huawei's.
fn named(account: &str) -> String {
    let amazon = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    if amazon { format!("aws:{account}") } else { format!("domain:{account}") }
}

/// The account a principal belongs to, where it names one: twelve digits of AWS, a Huawei
/// domain, an S3 canonical id. Services, `*` and principals of the cloud itself have none.
fn account(principal: &str) -> Option<&str> {
    if let Some(rest) = principal.strip_prefix("domain:") {
        return rest.split(':').next();
    }
    for prefix in ["aws:", "canonical:"] {
        if let Some(id) = principal.strip_prefix(prefix) {
            return Some(id);
        }
    }
    let arn = principal.strip_prefix("federated:").unwrap_or(principal);
    if arn.starts_with("arn:") { condition::account_in(arn) } else { None }
}

/// `iam.allows(statements, action)`.
pub(super) fn allows<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    let Some(action) = arg(args, 1).as_str() else {
        return Err(EvalError::Type("an action is text"));
    };
    let policy = Policy::open(call, arg(args, 0))?;
    policy.charge(call, action)?;
    for grant in policy.allows().filter(|grant| grant.names_all(action)) {
        if !policy.denied(call, grant, action)? {
            return Ok(Val::Bool(true));
        }
    }
    Ok(truth(false, policy.whole))
}

/// `iam.plain_http(statements)`.
pub(super) fn plain_http<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    let policy = Policy::open(call, arg(args, 0))?;
    let mut whole = policy.whole;
    for grant in policy.grants.iter().filter(|grant| !grant.allow && grant.for_everyone()) {
        let wide = grant.actions.iter().any(|action| whole_service(action));
        if !wide || !grant.on_every_object() {
            continue;
        }
        if condition::without_tls(call, grant.conditions)? {
            return Ok(Val::Bool(false));
        }
        whole = whole && grant.reach(call)? != Reach::Unknown;
    }
    Ok(if whole { Val::Bool(true) } else { Val::Unknown })
}

/// `iam.restricts(conditions)`.
pub(super) fn restricts<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Answer<'a> {
    Ok(match condition::strangers(call, arg(args, 0))? {
        Reach::Open => Val::Bool(false),
        Reach::Narrowed => Val::Bool(true),
        Reach::Unknown => Val::Unknown,
    })
}

/// Whether some Allow on all resources, which no condition narrows, is as asked.
fn some_grant<'a>(
    call: &Call<'a, '_>,
    statements: Val<'a>,
    asked: impl Fn(&Policy<'a>, &Grant<'a>) -> Result<bool, EvalError>,
) -> Answer<'a> {
    let policy = Policy::open(call, statements)?;
    let mut whole = policy.whole;
    for grant in policy.allows().filter(|grant| grant.on_everything()) {
        match condition::holder(call, grant.conditions)? {
            Reach::Unknown => whole = false,
            Reach::Open if asked(&policy, grant)? => return Ok(Val::Bool(true)),
            Reach::Open | Reach::Narrowed => {}
        }
    }
    Ok(truth(false, whole))
}

/// What is found is so; what is not found is false only where all was seen.
fn truth<'a>(found: bool, whole: bool) -> Val<'a> {
    if found || whole { Val::Bool(found) } else { Val::Unknown }
}
