//! A GCP Cloud Asset Inventory feed message into an event.

use super::keys;
use super::leaf::{Keyed, Leaf, Refusal, first, flag, segment};
use super::scan::Members;
use crate::model::{Actor, Body, DeadReason, Event, Format, Ownership, Phase, Provider, Val};

pub(super) fn key<'a, M: Members<'a>>(it: &M) -> Keyed<'a> {
    let mut name = "";
    for asset in [keys::ASSET, keys::PRIOR_ASSET, keys::PRIOR_ASSET_SNAKE] {
        let asset = it.sub(asset);
        for kind in [keys::ASSET_TYPE, keys::ASSET_TYPE_SNAKE] {
            if name.is_empty() {
                name = asset.text(kind);
            }
        }
    }
    Keyed::state(Provider::Gcp, name)
}

/// The first of two members that is there.
fn either<'a>(map: Val<'a>, one: &str, other: &str) -> Val<'a> {
    match map.get(one) {
        Val::Unsaid => map.get(other),
        found => found,
    }
}

pub(super) fn event<'a>(leaf: &Leaf<'a>) -> Result<Event<'a>, Refusal<'a>> {
    let root = leaf.root;
    let prior = either(root, "priorAsset", "prior_asset");
    let asset = root.get("asset");
    let named = if matches!(asset, Val::Map(_)) { asset } else { prior };
    let id = leaf.word(named.get("name"));
    if id.is_empty() {
        return Err(Refusal::new(DeadReason::MissingField, "`asset.name`"));
    }
    let window = root.get("window");
    let start = either(window, "startTime", "start_time");
    let (time, time_inferred) = leaf.time(&[either(asset, "updateTime", "update_time"), start])?;
    let deleted = flag(root.get("deleted")) == Some(true);
    let policy = either(asset, "iamPolicy", "iam_policy");
    let content = match (asset.get("resource"), policy) {
        (Val::Map(_), _) => "resource",
        (_, Val::Map(_)) => "iam_policy",
        _ => "other",
    };
    let (stamp, began) = (time.0.to_string(), start.as_str().unwrap_or_default());
    let ancestors = asset.get("ancestors").items().unwrap_or_default();
    let owner = ancestors.first().and_then(Val::as_str).unwrap_or_default();
    let place = first(&[
        leaf.word(asset.at(&["resource", "location"])),
        leaf.word(prior.at(&["resource", "location"])),
    ]);
    Ok(Event {
        format: Format::GcpAsset,
        key: leaf.keyed.key,
        id: leaf.made_id(&[id, first(&[began, &stamp]), content]),
        time,
        recorded: leaf.outer.time,
        time_inferred,
        account: first(&[
            segment(id, "projects"),
            owner.strip_prefix("projects/").unwrap_or_default(),
            leaf.outer.account,
        ]),
        region: place,
        read_only: None,
        error: None,
        phase: Phase::Single,
        actor: Actor::default(),
        ownership: Ownership::Tenant,
        body: Body {
            request: Val::Unsaid,
            response: Val::Unsaid,
            raw: leaf.with(
                root,
                &[
                    ("asset", asset),
                    ("data", asset.at(&["resource", "data"])),
                    ("iamPolicy", policy),
                    ("priorAsset", prior),
                    ("deleted", Val::Bool(deleted)),
                ],
            ),
            resource_id: id,
            resource_name: leaf.word(asset.at(&["resource", "data", "name"])),
        },
    })
}
