//! A Huawei CTS trace into an event.
//!
//! An asynchronous call leaves two traces, and neither names the other: the request's answer has
//! a `job_id`, the result has none. Both are therefore events of their own ([`Phase::Single`]):
//! the request is applied at once, the result confirms it or is a failure.

use super::keys;
use super::leaf::{Keyed, Leaf, Refusal, first, flag};
use super::scan::Members;
use crate::model::{Actor, Body, CallError, Event, Format, Ownership, Phase, Provider, Val};

/// Calls by which the platform acts for itself (reference: controls, section 3).
const PLATFORM: [&str; 10] = [
    "createServiceLinkedAgencyV5",
    "deleteServiceLinkedAgencyV5",
    "assumeWithServicePrincipal",
    "rdsfreezeInstance",
    "rdsunfreezeInstance",
    "rdsUnsubscribeInstance",
    "freezeFirewallInstance",
    "bssUpdateMetadata",
    "migrateServer",
    "interruptServer",
];

const READS: [&str; 6] = ["list", "show", "get", "query", "describe", "check"];

pub(super) fn key<'a, M: Members<'a>>(it: &M) -> Keyed<'a> {
    let name = it.text(keys::TRACE_NAME);
    let mut keyed = Keyed::activity(Provider::Huawei, it.text(keys::SERVICE_TYPE), name);
    keyed.key.resource_type = it.text(keys::RESOURCE_TYPE_);
    keyed.failed = failed(it);
    keyed.read_only = flag(it.val(keys::READ_ONLY_)).or_else(|| {
        let reads = READS.iter().any(|verb| {
            let (head, tail) = name.split_at_checked(verb.len()).unwrap_or_default();
            head.eq_ignore_ascii_case(verb) && tail.starts_with(|c: char| c.is_ascii_uppercase())
        });
        reads.then_some(true)
    });
    keyed
}

fn failed<'a, M: Members<'a>>(it: &M) -> bool {
    let rating = match it.text(keys::TRACE_RATING) {
        "" => it.text(keys::TRACE_STATUS),
        rating => rating,
    };
    rating.eq_ignore_ascii_case("warning") || rating.eq_ignore_ascii_case("incident")
}

pub(super) fn event<'a>(leaf: &Leaf<'a>) -> Result<Event<'a>, Refusal<'a>> {
    let root = leaf.root;
    let user = leaf.open(root.get("user"));
    let request = leaf.open(root.get("request"));
    let response = leaf.open(root.get("response"));
    let (time, time_inferred) = leaf.time(&[root.get("time"), root.get("record_time")])?;
    let actor = actor(leaf, user);
    let owner = leaf.word(root.get("resource_account_id"));
    let domain = leaf.word(root.get("domain_id"));
    Ok(Event {
        format: Format::HuaweiCts,
        key: leaf.keyed.key,
        id: leaf.id(&[root.get("trace_id")]),
        time,
        recorded: super::times::value(root.get("record_time")),
        time_inferred,
        account: first(&[owner, domain, actor.account, leaf.outer.account]),
        region: first(&[region(leaf, request), leaf.outer.region]),
        read_only: leaf.keyed.read_only,
        error: leaf.keyed.failed.then(|| error(leaf, response)),
        phase: Phase::Single,
        ownership: ownership(leaf, &actor),
        actor,
        body: Body {
            request,
            response,
            raw: root,
            resource_id: leaf.word(root.get("resource_id")),
            resource_name: leaf.word(root.get("resource_name")),
        },
    })
}

fn actor<'a>(leaf: &Leaf<'a>, user: Val<'a>) -> Actor<'a> {
    let root = leaf.root;
    let plain = user.as_str().unwrap_or_default();
    let name = first(&[leaf.word(user.get("name")), leaf.word(user.get("user_name")), plain]);
    let invoked = user.get("invoked_by");
    let invoked = invoked.items().and_then(|items| items.first().copied()).unwrap_or(invoked);
    let attributes = user.at(&["session_context", "attributes"]);
    Actor {
        id: first(&[
            leaf.word(user.get("principal_urn")),
            leaf.word(user.get("id")),
            leaf.word(user.get("principal_id")),
            name,
        ]),
        name,
        kind: leaf.word(user.get("type")),
        account: first(&[leaf.word(user.get("account_id")), leaf.word(user.at(&["domain", "id"]))]),
        credential: leaf.word(user.get("access_key_id")),
        invoked_by: leaf.word(invoked),
        root: flag(user.get("principal_is_root_user")) == Some(true),
        mfa: flag(attributes.get("mfa_authenticated")),
        source_ip: leaf.word(root.get("source_ip")),
        user_agent: leaf.word(root.get("user_agent")),
    }
}

fn ownership(leaf: &Leaf<'_>, actor: &Actor<'_>) -> Ownership {
    let name = leaf.keyed.key.name;
    if PLATFORM.iter().any(|own| own.eq_ignore_ascii_case(name)) {
        return Ownership::Provider;
    }
    let system = leaf.root.get("trace_type").as_str() == Some("SystemAction");
    let nobody = actor.id.is_empty() && actor.source_ip.is_empty();
    let service = actor.name == "op_service" || actor.name.ends_with("/op_service");
    let invoked = !actor.invoked_by.is_empty() && actor.invoked_by != "service.console";
    // What the platform finishes in a tenant's name is the tenant's configuration.
    if (system && nobody) || service || invoked {
        return Ownership::TenantViaService;
    }
    Ownership::Tenant
}

fn region<'a>(leaf: &Leaf<'a>, request: Val<'a>) -> &'a str {
    let own = leaf.word(leaf.root.get("region"));
    let Val::Map(members) = request else { return own };
    let told = |value: Val<'a>| value.at(&["extendparam", "regionID"]).as_str();
    let found = members.iter().find_map(|(_, value)| told(*value));
    first(&[own, found.unwrap_or_default()])
}

fn error<'a>(leaf: &Leaf<'a>, response: Val<'a>) -> CallError<'a> {
    let root = leaf.root;
    let inner = response.get("error");
    let code = first(&[
        leaf.word(response.get("error_code")),
        leaf.word(response.get("errorCode")),
        leaf.word(response.get("code")),
        leaf.word(inner.get("code")),
        leaf.word(root.get("code")),
        leaf.word(root.get("trace_rating")),
        leaf.word(root.get("trace_status")),
    ]);
    let message = first(&[
        leaf.word(response.get("error_msg")),
        leaf.word(response.get("message")),
        leaf.word(response.get("fail_reason")),
        leaf.word(inner.get("message")),
        response.as_str().unwrap_or_default(),
    ]);
    CallError { code, message }
}
