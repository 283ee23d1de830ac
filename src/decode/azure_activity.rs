//! An Azure Activity Log entry, in the Event Hub or the REST form, into an event.
//!
//! Start and Accept are the start of an operation, Success and Failure its end; they share the
//! correlation id, the resource and the operation. Names and ids are compared in lower case,
//! because the Event Hub form often writes them in capitals.

use bumpalo::Bump;

use super::keys;
use super::leaf::{Keyed, Leaf, Refusal, first, get_any_case, segment};
use super::scan::Members;
use crate::model::{Actor, Body, CallError, Event, Format, Ownership, Phase, Provider, Val};

const UPN: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn";
const NAME: &str = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name";
const OBJECT: &str = "http://schemas.microsoft.com/identity/claims/objectidentifier";
const METHODS: &str = "http://schemas.microsoft.com/claims/authnmethodsreferences";

/// The text of a member that is a text in one form and `{value}` in the other.
fn worded<'a, M: Members<'a>>(it: &M, key: keys::Key) -> &'a str {
    match it.text(key) {
        "" => it.sub(key).text(keys::VALUE),
        text => text,
    }
}

/// Splits an operation into its provider, in lower case, and the rest as written.
pub(super) fn operation<'a>(text: &'a str, arena: &'a Bump) -> (&'a str, &'a str) {
    let Some((provider, rest)) = text.split_once('/') else { return ("", text) };
    (lower(provider, arena), rest)
}

pub(super) fn lower<'a>(text: &'a str, arena: &'a Bump) -> &'a str {
    if !text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return text;
    }
    let copy = arena.alloc_str(text);
    copy.make_ascii_lowercase();
    copy
}

pub(super) fn read_only(name: &str) -> Option<bool> {
    let verb = name.rsplit('/').next().unwrap_or_default();
    if verb.eq_ignore_ascii_case("read") {
        return Some(true);
    }
    let writes = verb.eq_ignore_ascii_case("write") || verb.eq_ignore_ascii_case("delete");
    writes.then_some(false)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Start,
    Success,
    Failure,
    Other,
}

fn stage(text: &str) -> Stage {
    let is = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(&["Start", "Started", "Accept", "Accepted"]) {
        Stage::Start
    } else if is(&["Success", "Succeeded"]) {
        Stage::Success
    } else if is(&["Failure", "Failed", "Canceled", "Cancelled"]) {
        Stage::Failure
    } else {
        Stage::Other
    }
}

fn status<'a, M: Members<'a>>(it: &M) -> Stage {
    let text = match worded(it, keys::RESULT_TYPE) {
        "" => worded(it, keys::STATUS),
        text => text,
    };
    stage(text)
}

pub(super) fn key<'a, M: Members<'a>>(it: &M, arena: &'a Bump) -> Keyed<'a> {
    let (service, name) = operation(worded(it, keys::OPERATION_NAME), arena);
    let mut keyed = Keyed::activity(Provider::Azure, service, name);
    keyed.read_only = read_only(name);
    keyed.failed = status(it) == Stage::Failure;
    keyed
}

pub(super) fn event<'a>(leaf: &Leaf<'a>) -> Result<Event<'a>, Refusal<'a>> {
    let root = leaf.root;
    let times = [root.get("time"), root.get("eventTimestamp")];
    let (time, time_inferred) = leaf.time(&times)?;
    let properties = leaf.open(get_any_case(root, "properties"));
    let resource = first(&[leaf.word(root.get("resourceId")), leaf.word(root.get("id"))]);
    let subscription = first(&[
        segment(resource, "subscriptions"),
        leaf.word(root.get("subscriptionId")),
        leaf.word(root.get("SubscriptionId")),
    ]);
    let stage = status(&root);
    let correlation = leaf.word(root.get("correlationId"));
    let operation = worded(&root, keys::OPERATION_NAME);
    let phase_id = lower(leaf.keep(&format!("{correlation}/{operation}{resource}")), leaf.arena);
    let phase = match stage {
        _ if correlation.is_empty() => Phase::Single,
        Stage::Start => Phase::Start(phase_id),
        Stage::Success | Stage::Failure => Phase::End(phase_id),
        Stage::Other => Phase::Single,
    };
    let (result, stamp) = (worded(&root, keys::RESULT_TYPE), time.0.to_string());
    let result = first(&[result, worded(&root, keys::STATUS)]);
    let data_id =
        first(&[leaf.word(root.get("eventDataId")), leaf.word(properties.get("eventDataId"))]);
    let made = leaf.made_id(&[correlation, operation, result, &stamp, resource]);
    let response = leaf.open(get_any_case(properties, "responseBody"));
    Ok(Event {
        format: Format::AzureActivity,
        key: leaf.keyed.key,
        id: first(&[data_id, made]),
        time,
        recorded: super::times::value(root.get("submissionTimestamp")),
        time_inferred,
        account: first(&[lower(subscription, leaf.arena), leaf.outer.account]),
        region: "",
        read_only: leaf.keyed.read_only,
        error: (stage == Stage::Failure).then(|| error(leaf, properties)),
        phase,
        ownership: ownership(leaf),
        actor: actor(leaf),
        body: Body {
            request: leaf.open(get_any_case(properties, "requestbody")),
            response,
            raw: root,
            resource_id: resource,
            resource_name: "",
        },
    })
}

fn error<'a>(leaf: &Leaf<'a>, properties: Val<'a>) -> CallError<'a> {
    let root = leaf.root;
    let code = first(&[
        leaf.word(get_any_case(properties, "statusCode")),
        leaf.word(root.get("resultSignature")),
        worded(&root, keys::RESULT_TYPE),
        worded(&root, keys::STATUS),
    ]);
    let message = first(&[
        leaf.word(root.get("resultDescription")),
        leaf.word(get_any_case(properties, "statusMessage")),
    ]);
    CallError { code, message }
}

/// The actor from claims, as both Activity Log forms and Event Grid carry them.
pub(super) fn claimed<'a>(leaf: &Leaf<'a>, claims: Val<'a>, evidence: Val<'a>) -> Actor<'a> {
    let claim = |name: &str| leaf.word(claims.get(name));
    let person = first(&[claim(UPN), claim(NAME), claim("upn"), claim("unique_name")]);
    let app = claim("appid");
    let methods = claim(METHODS);
    Actor {
        id: first(&[person, claim(OBJECT), claim("oid"), app]),
        name: first(&[claim("name"), person]),
        kind: first(&[leaf.word(evidence.get("principalType")), claim("idtyp")]),
        account: first(&[
            claim("http://schemas.microsoft.com/identity/claims/tenantid"),
            claim("tid"),
        ]),
        credential: app,
        invoked_by: "",
        root: false,
        mfa: (!methods.is_empty()).then(|| methods.contains("mfa")),
        source_ip: claim("ipaddr"),
        user_agent: "",
    }
}

fn actor<'a>(leaf: &Leaf<'a>) -> Actor<'a> {
    let root = leaf.root;
    let identity = leaf.open(root.get("identity"));
    let claims = match identity.get("claims") {
        Val::Unsaid => leaf.open(root.get("claims")),
        claims => claims,
    };
    let authorization = match identity.get("authorization") {
        Val::Unsaid => root.get("authorization"),
        authorization => authorization,
    };
    let mut actor = claimed(leaf, claims, authorization.get("evidence"));
    let caller = leaf.word(root.get("caller"));
    let plain = identity.as_str().unwrap_or_default();
    actor.id = first(&[actor.id, caller, plain]);
    actor.name = first(&[actor.name, caller, plain]);
    actor.source_ip = first(&[
        leaf.word(root.get("callerIpAddress")),
        leaf.word(root.at(&["httpRequest", "clientIpAddress"])),
        actor.source_ip,
    ]);
    actor
}

fn ownership(leaf: &Leaf<'_>) -> Ownership {
    let category = worded(&leaf.root, keys::CATEGORY);
    let platform = ["ServiceHealth", "ResourceHealth", "Autoscale", "Recommendation"];
    if platform.iter().any(|own| own.eq_ignore_ascii_case(category)) {
        return Ownership::Provider;
    }
    Ownership::Tenant
}
