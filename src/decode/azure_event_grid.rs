//! An Azure Event Grid resource event, or a Resource Notification, into an event.
//!
//! Both come in the Event Grid schema (`eventType`, `eventTime`) and in that of CloudEvents
//! (`type`, `time`). A resource event says who did what, without a body; a notification says
//! what the resource now is, without an actor.

use bumpalo::Bump;

use super::azure_activity::{claimed, lower, operation, read_only};
use super::keys;
use super::leaf::{Keyed, Leaf, Refusal, first, segment};
use super::scan::Members;
use crate::model::{
    Actor, Body, CallError, DeadReason, Event, Family, Format, Ownership, Phase, Provider, Val,
};

const NOTIFICATION: &str = "Microsoft.ResourceNotifications.";

fn kind<'a, M: Members<'a>>(it: &M) -> &'a str {
    match it.text(keys::EVENT_TYPE) {
        "" => it.text(keys::TYPE_),
        kind => kind,
    }
}

pub(super) fn key<'a, M: Members<'a>>(it: &M, arena: &'a Bump) -> Keyed<'a> {
    let data = it.sub(keys::DATA);
    let kind = kind(it);
    if kind.starts_with(NOTIFICATION) {
        let info = data.sub(keys::RESOURCE_INFO);
        let name = match info.text(keys::TYPE_) {
            "" => data.sub(keys::RESOURCE_DETAILS).text(keys::TYPE_),
            name => name,
        };
        return Keyed::state(Provider::Azure, name);
    }
    let (service, name) = operation(data.text(keys::OPERATION_NAME), arena);
    let mut keyed = Keyed::activity(Provider::Azure, service, name);
    keyed.failed = kind.ends_with("Failure") || kind.ends_with("Cancel");
    keyed.read_only = read_only(name);
    keyed
}

pub(super) fn event<'a>(leaf: &Leaf<'a>) -> Result<Event<'a>, Refusal<'a>> {
    match leaf.keyed.key.family {
        Family::State => notification(leaf),
        Family::Activity => resource_event(leaf),
    }
}

fn subscription<'a>(leaf: &Leaf<'a>, id: &'a str, told: Val<'a>) -> &'a str {
    let own = first(&[segment(id, "subscriptions"), leaf.word(told)]);
    first(&[lower(own, leaf.arena), leaf.outer.account])
}

fn notification<'a>(leaf: &Leaf<'a>) -> Result<Event<'a>, Refusal<'a>> {
    let root = leaf.root;
    let data = root.get("data");
    let either = |one: &str, other: &str| match data.get(one) {
        Val::Unsaid => data.get(other),
        value => value,
    };
    let info = either("resourceInfo", "resourceDetails");
    let operational = either("operationalInfo", "operationalDetails");
    let id = first(&[leaf.word(info.get("id")), leaf.word(root.get("subject"))]);
    if id.is_empty() {
        return Err(Refusal::new(DeadReason::MissingField, "`resourceInfo.id`"));
    }
    let published = [root.get("eventTime"), root.get("time")];
    let own = operational.get("resourceEventTime");
    let (time, time_inferred) = leaf.time(&[own, published[0], published[1]])?;
    let deleted = kind(&root).ends_with("Deleted");
    Ok(Event {
        format: Format::AzureEventGrid,
        key: leaf.keyed.key,
        id: leaf.id(&[root.get("id")]),
        time,
        recorded: published.into_iter().find_map(super::times::value),
        time_inferred,
        account: subscription(leaf, id, Val::Unsaid),
        region: leaf.word(info.get("location")),
        read_only: None,
        error: None,
        phase: Phase::Single,
        actor: Actor::default(),
        ownership: Ownership::Tenant,
        body: Body {
            request: Val::Unsaid,
            response: Val::Unsaid,
            raw: leaf.with(root, &[("resourceDetails", info), ("deleted", Val::Bool(deleted))]),
            resource_id: id,
            resource_name: leaf.word(info.get("name")),
        },
    })
}

fn resource_event<'a>(leaf: &Leaf<'a>) -> Result<Event<'a>, Refusal<'a>> {
    let root = leaf.root;
    let data = root.get("data");
    let id = first(&[leaf.word(data.get("resourceUri")), leaf.word(root.get("subject"))]);
    let (time, time_inferred) = leaf.time(&[root.get("eventTime"), root.get("time")])?;
    let evidence = leaf.open(data.get("authorization")).get("evidence");
    let mut actor = claimed(leaf, leaf.open(data.get("claims")), evidence);
    let http = leaf.open(data.get("httpRequest"));
    actor.source_ip = first(&[leaf.word(http.get("clientIpAddress")), actor.source_ip]);
    let status = leaf.word(data.get("status"));
    Ok(Event {
        format: Format::AzureEventGrid,
        key: leaf.keyed.key,
        id: leaf.id(&[root.get("id")]),
        time,
        recorded: None,
        time_inferred,
        account: subscription(leaf, id, data.get("subscriptionId")),
        region: "",
        read_only: leaf.keyed.read_only,
        error: leaf
            .keyed
            .failed
            .then_some(CallError { code: first(&[status, "Failed"]), message: "" }),
        phase: Phase::Single,
        actor,
        ownership: Ownership::Tenant,
        body: Body {
            request: Val::Unsaid,
            response: Val::Unsaid,
            raw: root,
            resource_id: id,
            resource_name: "",
        },
    })
}
