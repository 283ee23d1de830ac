//! Member names in, small numbers out: the names that the forward look can tell apart.
//!
//! Everything that recognition, unwrapping and the cheap key ask for stands in one table, so
//! that a look is an array of spans and never allocates.

/// A member name of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key(u8);

macro_rules! keys {
    ($($name:ident = $text:literal),* $(,)?) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms,
            reason = "only gives each name its number")]
        #[repr(u8)]
        enum Number { $($name),* }
        $(pub(super) const $name: Key = Key(Number::$name as u8);)*
        const NAMES: &[&str] = &[$($text),*];
    };
}

keys! {
TRACE_ID = "trace_id", TRACE_NAME = "trace_name", TRACE_RATING = "trace_rating",
TRACE_STATUS = "trace_status", SERVICE_TYPE = "service_type", RESOURCE_TYPE_ = "resource_type",
READ_ONLY_ = "read_only", NOTIFICATION_TYPE = "notification_type", DETAIL = "detail",
CAPTURE_TIME = "capture_time", INVOKING_EVENT_ = "invoking_event",
RESOURCE = "resource", PROVIDER = "provider",
TYPE_ = "type", ID_ = "id", STATUS = "status", RELATIONS = "relations",
SNAPSHOT_TIME = "snapshot_time", DOMAIN_ID = "domain_id",
MESSAGE_TYPE = "messageType", CONFIGURATION_ITEM = "configurationItem",
CONFIGURATION_ITEM_SUMMARY = "configurationItemSummary",
CONFIGURATION_ITEM_DIFF = "configurationItemDiff", INVOKING_EVENT = "invokingEvent",
CONFIGURATION_ITEMS = "configurationItems",
CONFIGURATION_ITEM_CAPTURE_TIME = "configurationItemCaptureTime",
RESOURCE_TYPE = "resourceType",
EVENT_SOURCE = "eventSource", EVENT_NAME = "eventName", USER_IDENTITY = "userIdentity",
EVENT_VERSION = "eventVersion", EVENT_ID = "eventID", EVENT_ID_LOWER = "eventId",
ACS_REGION = "acsRegion", INSIGHT_DETAILS = "insightDetails", READ_ONLY = "readOnly",
ERROR_CODE = "errorCode", ERROR_MESSAGE = "errorMessage",
OPERATION_NAME = "operationName", RESOURCE_ID = "resourceId", TIME = "time",
CATEGORY = "category", RESULT_TYPE = "resultType", EVENT_TIMESTAMP = "eventTimestamp",
VALUE = "value", PROPERTIES = "properties", PROPERTIES_UPPER = "Properties", LOG = "log",
EVENT_TYPE = "eventType", DATA = "data",     RESOURCE_INFO = "resourceInfo", RESOURCE_DETAILS = "resourceDetails",
PROTO_PAYLOAD = "protoPayload", PROTO_PAYLOAD_LOWER = "protopayload", AT_TYPE = "@type",
AT_TYPE_WORD = "at_type", LOG_NAME = "logName", LOG_NAME_LOWER = "logname",
SERVICE_NAME = "serviceName", SERVICE_NAME_LOWER = "servicename",
METHOD_NAME = "methodName", METHOD_NAME_LOWER = "methodname",
ASSET = "asset", PRIOR_ASSET = "priorAsset", ASSET_TYPE = "assetType",
ASSET_TYPE_SNAKE = "asset_type", PRIOR_ASSET_SNAKE = "prior_asset",
AUDIT_ID = "auditID", STAGE = "stage", API_VERSION = "apiVersion", OBJECT_REF = "objectRef",
API_GROUP = "apiGroup", VERB = "verb", SUBRESOURCE = "subresource", CODE = "code",
RESPONSE_STATUS = "responseStatus", CLASS_UID = "class_uid",     API = "api", SERVICE = "service", NAME = "name", OPERATION = "operation",
ACTIVITY_ID = "activity_id", STATUS_ID = "status_id",
SPEC_VERSION = "specversion", DATA_BASE64 = "data_base64",
DETAIL_TYPE = "detail-type", ACCOUNT = "account", REGION = "region",
MESSAGE_UPPER = "Message", TIMESTAMP_UPPER = "Timestamp",     BODY = "body", MESSAGE = "message", TIMESTAMP = "timestamp", CTS = "cts", SNS = "Sns",
SMN = "smn", LTS = "lts", AWS_LOGS = "awslogs", CLOUD_TRAIL_EVENT = "CloudTrailEvent",
EVENT_DATA = "eventData", EVENT = "event", KINESIS = "kinesis",
PUBLISH_TIME = "publishTime", PUBLISH_TIME_SNAKE = "publish_time", OWNER = "owner",
RECORDS_UPPER = "Records", RECORDS = "records", TRACES = "traces",
NOTIFICATION_ITEMS = "notification_items", ITEMS = "items", LOG_EVENTS = "logEvents",
RECEIVED_MESSAGES = "receivedMessages", RECORD = "record", MESSAGES = "messages",
EVENTS_UPPER = "Events", ACTOR = "actor", USER = "user", POLICY_ASSIGNMENT_ID = "policy_assignment_id", CLOUD = "cloud", EP_ID = "ep_id", LAMBDA_VALUE = "partition", }

/// How many names there are.
pub(super) const COUNT: usize = NAMES.len();
const SLOTS: usize = 512;
const NONE: u8 = u8::MAX;
static TABLE: [u8; SLOTS] = table();

const fn place(name: &[u8]) -> usize {
    let length = name.len();
    let (first, last, middle) = (name[0], name[length - 1], name[length / 2]);
    (length * 37 + first as usize * 11 + last as usize * 5 + middle as usize * 67) % SLOTS
}

const fn table() -> [u8; SLOTS] {
    let mut slots = [NONE; SLOTS];
    let mut number = 0;
    while number < NAMES.len() {
        let mut at = place(NAMES[number].as_bytes());
        while slots[at] != NONE {
            at = (at + 1) % SLOTS;
        }
        #[allow(clippy::cast_possible_truncation, reason = "the table has fewer than 255 names")]
        {
            slots[at] = number as u8;
        }
        number += 1;
    }
    slots
}

impl Key {
    /// The key of that name; `None` for names that nobody asks for.
    pub(super) fn of(name: &[u8]) -> Option<Self> {
        if name.is_empty() {
            return None;
        }
        let mut at = place(name);
        loop {
            let number = TABLE[at];
            if number == NONE {
                return None;
            }
            if NAMES[usize::from(number)].as_bytes() == name {
                return Some(Self(number));
            }
            at = (at + 1) % SLOTS;
        }
    }

    /// The name.
    pub(super) fn name(self) -> &'static str {
        NAMES[usize::from(self.0)]
    }

    /// The number, below [`COUNT`].
    pub(super) fn index(self) -> usize {
        usize::from(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_under_its_own_number_and_no_other_is() {
        for name in NAMES {
            let key = Key::of(name.as_bytes()).expect("in the table");
            assert_eq!(key.name(), *name);
        }
        for stranger in ["", "x", "traceid", "EVENTNAME", "eventname "] {
            assert_eq!(Key::of(stranger.as_bytes()), None, "{stranger}");
        }
    }
}
