//! An AWS Config notification or configuration item into an event.

use super::keys;
use super::leaf::{Keyed, Leaf, Refusal, first};
use super::scan::Members;
use crate::model::{Actor, Body, DeadReason, Event, Format, Ownership, Phase, Provider, Val};

pub(super) fn key<'a, M: Members<'a>>(it: &M) -> Keyed<'a> {
    let name = if it.has(keys::CONFIGURATION_ITEM) {
        it.sub(keys::CONFIGURATION_ITEM).text(keys::RESOURCE_TYPE)
    } else if it.has(keys::CONFIGURATION_ITEM_SUMMARY) {
        it.sub(keys::CONFIGURATION_ITEM_SUMMARY).text(keys::RESOURCE_TYPE)
    } else {
        it.text(keys::RESOURCE_TYPE)
    };
    Keyed::state(Provider::Aws, name)
}

pub(super) fn is_notice<'a, M: Members<'a>>(it: &M) -> bool {
    !it.has(keys::CONFIGURATION_ITEM) && !it.has(keys::CONFIGURATION_ITEM_CAPTURE_TIME)
}

pub(super) fn event<'a>(leaf: &Leaf<'a>) -> Result<Event<'a>, Refusal<'a>> {
    let root = leaf.root;
    let item = root.get("configurationItem");
    let item = if matches!(item, Val::Map(_)) { item } else { root };
    if is_notice(&root) {
        return Err(refusal(leaf));
    }
    let id = leaf.word(item.get("resourceId"));
    if id.is_empty() {
        return Err(Refusal::new(DeadReason::MissingField, "`resourceId`"));
    }
    let created = root.get("notificationCreationTime");
    let (time, time_inferred) = leaf.time(&[item.get("configurationItemCaptureTime"), created])?;
    let arn = first(&[leaf.word(item.get("ARN")), leaf.word(item.get("arn"))]);
    let state = first(&[
        leaf.word(item.get("configurationStateId")),
        leaf.word(item.get("configurationStateID")),
    ]);
    let stamp = time.0.to_string();
    let account = first(&[leaf.word(item.get("awsAccountId")), leaf.word(item.get("accountId"))]);
    Ok(Event {
        format: Format::AwsConfig,
        key: leaf.keyed.key,
        id: leaf.made_id(&[first(&[arn, id]), leaf.keyed.key.name, state, &stamp]),
        time,
        recorded: super::times::value(created),
        time_inferred,
        account: first(&[account, leaf.outer.account]),
        region: first(&[leaf.word(item.get("awsRegion")), leaf.outer.region]),
        read_only: None,
        error: None,
        phase: Phase::Single,
        actor: Actor::default(),
        ownership: Ownership::Tenant,
        body: Body {
            request: Val::Unsaid,
            response: Val::Unsaid,
            raw: raw(leaf, item, arn),
            resource_id: first(&[arn, id]),
            resource_name: leaf.word(item.get("resourceName")),
        },
    })
}

/// The item's own members, what is JSON in a text opened.
fn raw<'a>(leaf: &Leaf<'a>, item: Val<'a>, arn: &'a str) -> Val<'a> {
    let mut more = item.get("supplementaryConfiguration");
    if let Val::Map(entries) = more {
        let opened = entries.iter().map(|(name, value)| (*name, leaf.open(*value)));
        more = Val::Map(leaf.arena.alloc_slice_fill_iter(opened));
    }
    let arn = if arn.is_empty() { Val::Unsaid } else { Val::Str(arn) };
    let mut members = vec![
        ("configuration", leaf.open(item.get("configuration"))),
        ("supplementaryConfiguration", more),
        ("arn", arn),
    ];
    let diff = leaf.root.get("configurationItemDiff");
    if !matches!(diff, Val::Unsaid) {
        members.push(("configurationItemDiff", diff));
    }
    leaf.with(item, &members)
}

fn refusal<'a>(leaf: &Leaf<'a>) -> Refusal<'a> {
    let root = leaf.root;
    let place = leaf.word(root.at(&["s3DeliverySummary", "s3BucketLocation"]));
    if !place.is_empty() {
        return Refusal::new(DeadReason::Pointer, leaf.keep(&format!("stored in `{place}`")));
    }
    if !matches!(root.get("configurationItemSummary"), Val::Unsaid) {
        return Refusal::new(DeadReason::Pointer, "too large to be delivered; place not named");
    }
    let (bucket, object) = (leaf.word(root.get("s3Bucket")), leaf.word(root.get("s3ObjectKey")));
    if bucket.is_empty() || object.is_empty() {
        return Refusal::new(DeadReason::NotAChange, "a notice without a configuration item");
    }
    Refusal::new(DeadReason::Pointer, leaf.keep(&format!("stored in `{bucket}/{object}`")))
}
