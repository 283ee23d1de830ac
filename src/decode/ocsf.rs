//! An OCSF API Activity, or one of the identity classes that carry an API call, into an event.

use super::keys;
use super::leaf::{Keyed, Leaf, Refusal, first, flag};
use super::scan::Members;
use crate::model::{
    Actor, Body, CallError, DeadReason, Event, Format, Ownership, Phase, Provider, Val,
};

fn provider(name: &str) -> Provider {
    match name.to_ascii_lowercase().as_str() {
        "aws" => Provider::Aws,
        "azure" => Provider::Azure,
        "gcp" | "google cloud" => Provider::Gcp,
        "huawei" | "huawei cloud" => Provider::Huawei,
        _ => Provider::Other,
    }
}

pub(super) fn key<'a, M: Members<'a>>(it: &M) -> Keyed<'a> {
    let api = it.sub(keys::API);
    let service = api.sub(keys::SERVICE).text(keys::NAME);
    let cloud = it.sub(keys::CLOUD).text(keys::PROVIDER);
    let mut keyed = Keyed::activity(provider(cloud), service, api.text(keys::OPERATION));
    keyed.failed = matches!(it.val(keys::STATUS_ID), Val::Int(2));
    keyed.read_only = match it.val(keys::ACTIVITY_ID) {
        Val::Int(2) if matches!(it.val(keys::CLASS_UID), Val::Int(6003)) => Some(true),
        Val::Int(1 | 3 | 4) => Some(false),
        _ => None,
    };
    keyed
}

pub(super) fn event<'a>(leaf: &Leaf<'a>) -> Result<Event<'a>, Refusal<'a>> {
    let root = leaf.root;
    if leaf.keyed.key.name.is_empty() {
        return Err(Refusal::new(DeadReason::MissingField, "`api.operation`"));
    }
    let (time, time_inferred) = leaf.time(&[root.get("time"), root.get("time_dt")])?;
    let api = root.get("api");
    let user = root.at(&["actor", "user"]);
    let session = root.at(&["actor", "session"]);
    let resources = root.get("resources").items().unwrap_or_default();
    let resource = resources.first().copied().unwrap_or_default();
    let error = CallError {
        code: first(&[
            leaf.word(api.at(&["response", "error"])),
            leaf.word(root.get("status_code")),
            "Failure",
        ]),
        message: first(&[
            leaf.word(api.at(&["response", "error_message"])),
            leaf.word(root.get("status_detail")),
        ]),
    };
    let actor = Actor {
        id: first(&[leaf.word(user.get("uid")), leaf.word(user.get("uid_alt"))]),
        name: leaf.word(user.get("name")),
        kind: leaf.word(user.get("type")),
        account: leaf.word(user.at(&["account", "uid"])),
        credential: leaf.word(user.get("credential_uid")),
        invoked_by: leaf.word(root.at(&["actor", "invoked_by"])),
        root: user.get("type").as_str() == Some("Root"),
        mfa: flag(session.get("is_mfa")),
        source_ip: leaf.word(root.at(&["src_endpoint", "ip"])),
        user_agent: leaf.word(root.at(&["http_request", "user_agent"])),
    };
    Ok(Event {
        format: Format::OcsfApiActivity,
        key: leaf.keyed.key,
        id: leaf.id(&[root.at(&["metadata", "uid"])]),
        time,
        recorded: super::times::value(root.at(&["metadata", "logged_time"])),
        time_inferred,
        account: first(&[
            leaf.word(root.at(&["cloud", "account", "uid"])),
            actor.account,
            leaf.outer.account,
        ]),
        region: first(&[leaf.word(root.at(&["cloud", "region"])), leaf.outer.region]),
        read_only: leaf.keyed.read_only,
        error: leaf.keyed.failed.then_some(error),
        phase: Phase::Single,
        ownership: if actor.kind == "AWSService" { Ownership::Provider } else { Ownership::Tenant },
        actor,
        body: Body {
            request: leaf.open(api.at(&["request", "data"])),
            response: leaf.open(api.at(&["response", "data"])),
            raw: root,
            resource_id: leaf.word(resource.get("uid")),
            resource_name: leaf.word(resource.get("name")),
        },
    })
}
