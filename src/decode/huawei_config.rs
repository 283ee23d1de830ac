//! A Huawei Config notification, snapshot item, history item or resource into an event.
//!
//! All come out in the shape of a notification: `detail` and `resource`.

use bumpalo::Bump;

use super::keys;
use super::leaf::{Keyed, Leaf, Refusal, first};
use super::scan::Members;
use crate::model::{Actor, Body, DeadReason, Event, Format, Ownership, Phase, Provider, Val};

fn joined<'a, M: Members<'a>>(resource: &M, arena: &'a Bump) -> &'a str {
    let (provider, kind) = (resource.text(keys::PROVIDER), resource.text(keys::TYPE_));
    bumpalo::format!(in arena, "{}.{}", provider, kind).into_bump_str()
}

pub(super) fn key<'a, M: Members<'a>>(it: &M, arena: &'a Bump) -> Keyed<'a> {
    let name = if it.has(keys::NOTIFICATION_TYPE) {
        it.sub(keys::DETAIL).text(keys::RESOURCE_TYPE_)
    } else if it.has(keys::RESOURCE) {
        joined(&it.sub(keys::RESOURCE), arena)
    } else {
        joined(it, arena)
    };
    Keyed::state(Provider::Huawei, name)
}

pub(super) fn is_notice<'a, M: Members<'a>>(it: &M) -> bool {
    !matches!(it.text(keys::NOTIFICATION_TYPE), "" | "ResourceChanged")
}

/// The notification's `detail`, made where the leaf is none.
fn detail<'a>(leaf: &Leaf<'a>) -> Val<'a> {
    let root = leaf.root;
    if !matches!(root.get("notification_type"), Val::Unsaid) {
        return root.get("detail");
    }
    let resource = root.get("resource");
    let resource = if matches!(resource, Val::Map(_)) { resource } else { root };
    let status = root.get("status").as_str().unwrap_or_default();
    let kind = status.rsplit_once('.').map_or("SNAPSHOT", |(_, kind)| kind);
    leaf.map(&[
        ("resource_id", resource.get("id")),
        ("resource_type", Val::Str(leaf.keyed.key.name)),
        ("event_type", Val::Str(kind)),
        ("capture_time", root.get("capture_time")),
        ("resource", resource),
        ("relations", root.get("relations")),
    ])
}

pub(super) fn event<'a>(leaf: &Leaf<'a>) -> Result<Event<'a>, Refusal<'a>> {
    let root = leaf.root;
    let detail = detail(leaf);
    match root.get("notification_type").as_str().unwrap_or_default() {
        "ResourceRelationChanged" => {
            return Err(Refusal::new(DeadReason::NotAChange, "relations are not in the notice"));
        }
        "SnapshotArchiveCompleted" | "NotificationArchiveCompleted" => {
            return Err(archive(leaf, detail));
        }
        _ => {}
    }
    let resource = detail.get("resource");
    let id = first(&[leaf.word(detail.get("resource_id")), leaf.word(resource.get("id"))]);
    if id.is_empty() {
        return Err(Refusal::new(DeadReason::MissingField, "`resource_id`"));
    }
    let created = root.get("notification_creation_time");
    let (time, time_inferred) = leaf.time(&[detail.get("capture_time"), created])?;
    let stamp = time.0.to_string();
    let kind = detail.get("event_type").as_str().unwrap_or_default();
    Ok(Event {
        format: Format::HuaweiConfig,
        key: leaf.keyed.key,
        id: leaf.made_id(&[id, leaf.keyed.key.name, kind, &stamp]),
        time,
        recorded: super::times::value(created),
        time_inferred,
        account: first(&[leaf.word(root.get("domain_id")), leaf.outer.account]),
        region: first(&[leaf.word(resource.get("region_id")), leaf.outer.region]),
        read_only: None,
        error: None,
        phase: Phase::Single,
        actor: Actor::default(),
        ownership: Ownership::Tenant,
        body: Body {
            request: Val::Unsaid,
            response: Val::Unsaid,
            raw: leaf.with(root, &[("detail", detail), ("resource", resource)]),
            resource_id: id,
            resource_name: leaf.word(resource.get("name")),
        },
    })
}

fn archive<'a>(leaf: &Leaf<'a>, detail: Val<'a>) -> Refusal<'a> {
    let bucket = leaf.word(detail.get("bucket_name"));
    let objects = detail.get("object_keys").items().unwrap_or_default();
    let object = objects.first().copied().unwrap_or(detail.get("object_key"));
    let object = leaf.word(object);
    if bucket.is_empty() || object.is_empty() {
        return Refusal::new(DeadReason::NotAChange, "an archive was completed");
    }
    let more = objects.len().saturating_sub(1);
    let place = match more {
        0 => format!("stored in `{bucket}/{object}`"),
        _ => format!("stored in `{bucket}/{object}` and {more} more"),
    };
    Refusal::new(DeadReason::Pointer, leaf.keep(&place))
}
