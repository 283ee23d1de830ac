//! One looked-at object in, what it is out: a leaf of a known format, an envelope, or strange.
//!
//! The order of the tests is that of the sure signs; a format is never told by its envelope.

use super::keys::{self, Key};
use super::scan::{Look, Members};
use crate::model::{Format, Val};

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// An event, or a notice of its format.
    Leaf(Format),
    /// A batch: the member is a list.
    List(Key),
    /// An envelope: the member is an object or a text.
    Inside(Key),
    /// An Azure record around another product's log line.
    Log,
    /// Lambda's Kafka batch.
    Topics,
    /// Known, and without a change in it; why.
    Notice(&'static str),
    /// Nothing known; why.
    Strange(&'static str),
}

/// The categories of the Azure Activity Log, old and new.
const ACTIVITY: [&str; 12] = [
    "administrative",
    "write",
    "delete",
    "action",
    "policy",
    "security",
    "servicehealth",
    "resourcehealth",
    "alert",
    "autoscale",
    "recommendation",
    "resourcehealthalert",
];

const NOTIFICATIONS: [&str; 4] = [
    "ResourceChanged",
    "ResourceRelationChanged",
    "SnapshotArchiveCompleted",
    "NotificationArchiveCompleted",
];

const BATCHES: [Key; 12] = [
    keys::CONFIGURATION_ITEMS,
    keys::CONFIGURATION_ITEM,
    keys::RECORDS_UPPER,
    keys::RECORDS,
    keys::TRACES,
    keys::NOTIFICATION_ITEMS,
    keys::ITEMS,
    keys::LOG_EVENTS,
    keys::RECEIVED_MESSAGES,
    keys::RECORD,
    keys::MESSAGES,
    keys::EVENTS_UPPER,
];

const ENVELOPES: [Key; 18] = [
    keys::CTS,
    keys::SNS,
    keys::SMN,
    keys::LTS,
    keys::AWS_LOGS,
    keys::KINESIS,
    keys::CLOUD_TRAIL_EVENT,
    keys::EVENT_DATA,
    keys::INVOKING_EVENT,
    keys::INVOKING_EVENT_,
    keys::DATA_BASE64,
    keys::MESSAGE_UPPER,
    keys::BODY,
    keys::MESSAGE,
    keys::DATA,
    keys::DETAIL,
    keys::EVENT,
    keys::VALUE,
];

/// What the object is; a leaf that does not tell is taken for `forced`.
pub(super) fn shape(look: &Look<'_>, forced: Option<Format>) -> Shape {
    if let Some(format) = leaf(look) {
        return Shape::Leaf(format);
    }
    if look.has(keys::ACS_REGION) && look.has(keys::EVENT_ID_LOWER) {
        return Shape::Strange("an event of Alibaba ActionTrail");
    }
    if look.has(keys::POLICY_ASSIGNMENT_ID)
        && look.is_map(keys::INVOKING_EVENT_)
        && !look.sub(keys::INVOKING_EVENT_).has(keys::PROVIDER)
    {
        return Shape::Notice("a rule's evaluation of no one resource");
    }
    if let Some(shape) = envelope(look) {
        return shape;
    }
    forced.map_or(Shape::Strange("no format has such members"), Shape::Leaf)
}

fn is_text(look: &Look<'_>, key: Key) -> bool {
    look.raw(key).is_some_and(|raw| raw[0] == b'"')
}

fn leaf(look: &Look<'_>) -> Option<Format> {
    if is_text(look, keys::TRACE_ID) && is_text(look, keys::TRACE_NAME) {
        return Some(Format::HuaweiCts);
    }
    if huawei_config(look) {
        return Some(Format::HuaweiConfig);
    }
    if aws_config(look) {
        return Some(Format::AwsConfig);
    }
    if cloudtrail(look) {
        return Some(Format::AwsCloudtrail);
    }
    if event_grid(look) {
        return Some(Format::AzureEventGrid);
    }
    if azure(look) {
        return Some(Format::AzureActivity);
    }
    if gcp_audit(look) {
        return Some(Format::GcpAudit);
    }
    if [keys::ASSET, keys::PRIOR_ASSET, keys::PRIOR_ASSET_SNAKE].into_iter().any(|key| {
        let asset = look.is_map(key).then(|| look.sub(key));
        asset.is_some_and(|it| it.has(keys::ASSET_TYPE) || it.has(keys::ASSET_TYPE_SNAKE))
    }) {
        return Some(Format::GcpAsset);
    }
    let cluster = look.text(keys::API_VERSION).starts_with("audit.k8s.io/");
    let untold = !look.has(keys::API_VERSION) && look.has(keys::STAGE);
    if look.has(keys::VERB) && (cluster || (untold && look.has(keys::AUDIT_ID))) {
        return Some(Format::KubernetesAudit);
    }
    let class = matches!(look.val(keys::CLASS_UID), Val::Int(6003 | 3001 | 3002 | 3005));
    (class && look.is_map(keys::API)).then_some(Format::OcsfApiActivity)
}

fn huawei_config(look: &Look<'_>) -> bool {
    if NOTIFICATIONS.contains(&look.text(keys::NOTIFICATION_TYPE)) && look.is_map(keys::DETAIL) {
        return true;
    }
    let bare = |it: &Look<'_>| {
        it.has(keys::PROVIDER) && it.has(keys::TYPE_) && it.has(keys::ID_) && it.has(keys::EP_ID)
    };
    if look.is_map(keys::RESOURCE) {
        let listed = look.has(keys::RELATIONS) || look.has(keys::CAPTURE_TIME);
        let resource = look.sub(keys::RESOURCE);
        return bare(&resource) || (listed && resource.has(keys::PROVIDER));
    }
    bare(look)
}

fn aws_config(look: &Look<'_>) -> bool {
    if look.is_list(keys::CONFIGURATION_ITEM) {
        return false;
    }
    if [keys::CONFIGURATION_ITEM, keys::CONFIGURATION_ITEM_SUMMARY, keys::CONFIGURATION_ITEM_DIFF]
        .into_iter()
        .any(|key| look.is_map(key))
    {
        return true;
    }
    let kind = look.text(keys::MESSAGE_TYPE);
    if ["Config", "Oversized", "Compliance", "ScheduledNotification"]
        .iter()
        .any(|start| kind.starts_with(start))
    {
        return true;
    }
    look.has(keys::CONFIGURATION_ITEM_CAPTURE_TIME) && is_text(look, keys::RESOURCE_TYPE)
}

fn cloudtrail(look: &Look<'_>) -> bool {
    if look.has(keys::ACS_REGION) {
        return false;
    }
    let named = look.has(keys::EVENT_SOURCE) && look.has(keys::EVENT_NAME);
    let sure = look.has(keys::USER_IDENTITY)
        || (look.has(keys::EVENT_VERSION) && look.has(keys::EVENT_ID));
    (named && sure) || (look.has(keys::INSIGHT_DETAILS) && look.has(keys::EVENT_ID))
}

fn event_grid(look: &Look<'_>) -> bool {
    let sub = |kind: &str| {
        kind.starts_with("Microsoft.Resources.Resource")
            || kind.starts_with("Microsoft.ResourceNotifications.Resources.")
    };
    (sub(look.text(keys::EVENT_TYPE)) || sub(look.text(keys::TYPE_))) && look.is_map(keys::DATA)
}

fn azure(look: &Look<'_>) -> bool {
    if look.has(keys::EVENT_TIMESTAMP) && look.is_map(keys::OPERATION_NAME) {
        return true;
    }
    let text = look.text(keys::CATEGORY);
    look.has(keys::OPERATION_NAME)
        && look.has(keys::RESOURCE_ID)
        && look.has(keys::TIME)
        && ACTIVITY.iter().any(|known| text.eq_ignore_ascii_case(known))
}

fn gcp_audit(look: &Look<'_>) -> bool {
    for (payload, log) in
        [(keys::PROTO_PAYLOAD, keys::LOG_NAME), (keys::PROTO_PAYLOAD_LOWER, keys::LOG_NAME_LOWER)]
    {
        if !look.is_map(payload) {
            continue;
        }
        let inner = look.sub(payload);
        let audit = |key| inner.text(key).ends_with("google.cloud.audit.AuditLog");
        if audit(keys::AT_TYPE)
            || audit(keys::AT_TYPE_WORD)
            || look.text(log).contains("cloudaudit.googleapis.com")
            || (inner.has(keys::SERVICE_NAME) && inner.has(keys::METHOD_NAME))
        {
            return true;
        }
    }
    false
}

fn envelope(look: &Look<'_>) -> Option<Shape> {
    let category = look.text(keys::CATEGORY);
    if category.starts_with("kube-audit") {
        return Some(Shape::Log);
    }
    if let Some(key) = BATCHES.into_iter().find(|key| look.is_list(*key)) {
        return Some(Shape::List(key));
    }
    if look.is_map(keys::RECORDS) {
        return Some(Shape::Topics);
    }
    if look.is_list(keys::VALUE) {
        return Some(Shape::List(keys::VALUE));
    }
    ENVELOPES.into_iter().find(|key| holds(look, *key)).map(Shape::Inside)
}

/// Whether the member can hold an event, seen from its neighbours or its first byte.
fn holds(look: &Look<'_>, key: Key) -> bool {
    if look.is_map(key) {
        return key != keys::EVENT && key != keys::VALUE;
    }
    if !is_text(look, key) {
        return false;
    }
    let head = look.raw(key).and_then(|raw| raw.get(1)).copied();
    if key == keys::DATA || key == keys::DATA_BASE64 {
        return true;
    }
    if key == keys::VALUE {
        return look.has(keys::LAMBDA_VALUE);
    }
    matches!(head, Some(b'{' | b'[' | b' ' | b'\\'))
}
