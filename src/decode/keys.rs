//! Member names in, small numbers out: the names that the forward look can tell apart.
//!
//! Everything that recognition, unwrapping and the cheap key ask for stands in one table, so
//! that a look is an array of spans and never allocates. Names that nobody asks for, but that
//! the common formats are full of, stand in it as well: a name that is expected is passed in one
//! step.

use std::cell::Cell;

/// A member name of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key(u8);

macro_rules! keys {
    ($($name:ident = $text:literal),* ; $($passed:literal),*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms,
            reason = "only gives each name its number")]
        #[repr(u8)]
        enum Number { $($name),* }
        $(pub(super) const $name: Key = Key(Number::$name as u8);)*
        const NAMES: &[&str] = &[$($text,)* $($passed),*];
        /// How many names are asked for: their numbers are below this.
        pub(super) const COUNT: usize = [$($text),*].len();
    };
}

keys! {
    TRACE_ID = "trace_id", TRACE_NAME = "trace_name", TRACE_RATING = "trace_rating",
    TRACE_STATUS = "trace_status", SERVICE_TYPE = "service_type",
    RESOURCE_TYPE_ = "resource_type", READ_ONLY_ = "read_only",
    NOTIFICATION_TYPE = "notification_type", DETAIL = "detail", CAPTURE_TIME = "capture_time",
    INVOKING_EVENT_ = "invoking_event", RESOURCE = "resource", PROVIDER = "provider",
    TYPE_ = "type", ID_ = "id", STATUS = "status", RELATIONS = "relations",
    SNAPSHOT_TIME = "snapshot_time", DOMAIN_ID = "domain_id", MESSAGE_TYPE = "messageType",
    CONFIGURATION_ITEM = "configurationItem",
    CONFIGURATION_ITEM_SUMMARY = "configurationItemSummary",
    CONFIGURATION_ITEM_DIFF = "configurationItemDiff", INVOKING_EVENT = "invokingEvent",
    CONFIGURATION_ITEMS = "configurationItems",
    CONFIGURATION_ITEM_CAPTURE_TIME = "configurationItemCaptureTime",
    RESOURCE_TYPE = "resourceType", EVENT_SOURCE = "eventSource", EVENT_NAME = "eventName",
    USER_IDENTITY = "userIdentity", EVENT_VERSION = "eventVersion", EVENT_ID = "eventID",
    EVENT_ID_LOWER = "eventId", ACS_REGION = "acsRegion", INSIGHT_DETAILS = "insightDetails",
    READ_ONLY = "readOnly", ERROR_CODE = "errorCode", ERROR_MESSAGE = "errorMessage",
    OPERATION_NAME = "operationName", RESOURCE_ID = "resourceId", TIME = "time",
    CATEGORY = "category", RESULT_TYPE = "resultType", EVENT_TIMESTAMP = "eventTimestamp",
    VALUE = "value", PROPERTIES = "properties", PROPERTIES_UPPER = "Properties", LOG = "log",
    EVENT_TYPE = "eventType", DATA = "data", RESOURCE_INFO = "resourceInfo",
    RESOURCE_DETAILS = "resourceDetails", PROTO_PAYLOAD = "protoPayload",
    PROTO_PAYLOAD_LOWER = "protopayload", AT_TYPE = "@type", AT_TYPE_WORD = "at_type",
    LOG_NAME = "logName", LOG_NAME_LOWER = "logname", SERVICE_NAME = "serviceName",
    SERVICE_NAME_LOWER = "servicename", METHOD_NAME = "methodName",
    METHOD_NAME_LOWER = "methodname", ASSET = "asset", PRIOR_ASSET = "priorAsset",
    ASSET_TYPE = "assetType", ASSET_TYPE_SNAKE = "asset_type", PRIOR_ASSET_SNAKE = "prior_asset",
    AUDIT_ID = "auditID", STAGE = "stage", API_VERSION = "apiVersion", OBJECT_REF = "objectRef",
    API_GROUP = "apiGroup", VERB = "verb", SUBRESOURCE = "subresource", CODE = "code",
    RESPONSE_STATUS = "responseStatus", CLASS_UID = "class_uid", API = "api", SERVICE = "service",
    NAME = "name", OPERATION = "operation", ACTIVITY_ID = "activity_id", STATUS_ID = "status_id",
    SPEC_VERSION = "specversion", DATA_BASE64 = "data_base64", DETAIL_TYPE = "detail-type",
    ACCOUNT = "account", REGION = "region", MESSAGE_UPPER = "Message",
    TIMESTAMP_UPPER = "Timestamp", BODY = "body", MESSAGE = "message", TIMESTAMP = "timestamp",
    CTS = "cts", SNS = "Sns", SMN = "smn", LTS = "lts", AWS_LOGS = "awslogs",
    CLOUD_TRAIL_EVENT = "CloudTrailEvent", EVENT_DATA = "eventData", EVENT = "event",
    KINESIS = "kinesis", PUBLISH_TIME = "publishTime", PUBLISH_TIME_SNAKE = "publish_time",
    OWNER = "owner", RECORDS_UPPER = "Records", RECORDS = "records", TRACES = "traces",
    NOTIFICATION_ITEMS = "notification_items", ITEMS = "items", LOG_EVENTS = "logEvents",
    RECEIVED_MESSAGES = "receivedMessages", RECORD = "record", MESSAGES = "messages",
    EVENTS_UPPER = "Events", ACTOR = "actor", USER = "user",
    POLICY_ASSIGNMENT_ID = "policy_assignment_id", CLOUD = "cloud", EP_ID = "ep_id",
    LAMBDA_VALUE = "partition" ;
    "awsRegion", "sourceIPAddress", "userAgent", "requestParameters", "responseElements",
    "additionalEventData", "requestID", "managementEvent", "recipientAccountId", "eventCategory",
    "tlsDetails", "resources", "sharedEventID", "eventTime", "trace_type", "event_type",
    "resource_name", "resource_id", "source_ip", "request", "response", "record_time",
    "tracker_name", "request_id", "project_id", "location_info", "endpoint", "resource_url",
    "enterprise_project_id", "user_agent", "tenantId", "correlationId", "identity", "level",
    "location", "resultSignature", "durationMs", "callerIpAddress", "authorization", "claims",
    "caller", "insertId", "severity", "receiveTimestamp", "labels", "authenticationInfo",
    "requestMetadata", "authorizationInfo", "resourceName", "resourceLocation", "requestURI",
    "sourceIPs", "requestReceivedTimestamp", "stageTimestamp", "annotations", "kind",
    "requestObject", "responseObject", "metadata", "severity_id", "type_uid", "category_uid",
    "activity_name", "src_endpoint", "http_request", "time_dt", "version", "source"
}

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

/// Bytes compared at once.
pub(super) const WIDTH: usize = 32;

/// A name as most writers put it, `"name":`, filled up with zeros, and its length: 0 where it is
/// longer than [`WIDTH`].
type Written = ([u8; WIDTH], u8);

static WRITTEN: [Written; NAMES.len()] = written();

const fn written() -> [Written; NAMES.len()] {
    let mut all = [([0; WIDTH], 0); NAMES.len()];
    let mut number = 0;
    while number < NAMES.len() {
        let name = NAMES[number].as_bytes();
        if name.len() + 3 <= WIDTH {
            let (mut text, mut at) = ([0; WIDTH], 0);
            text[0] = b'"';
            while at < name.len() {
                text[at + 1] = name[at];
                at += 1;
            }
            text[at + 1] = b'"';
            text[at + 2] = b':';
            #[allow(clippy::cast_possible_truncation, reason = "at most `WIDTH`")]
            {
                all[number] = (text, (at + 3) as u8);
            }
        }
        number += 1;
    }
    all
}

/// Which name followed which the last time: writers keep to an order. It says where to look
/// first, never what is there.
#[derive(Debug)]
pub(super) struct Order([Cell<u8>; NAMES.len() + 1]);

impl Default for Order {
    fn default() -> Self {
        Self([const { Cell::new(NONE) }; NAMES.len() + 1])
    }
}

impl Order {
    fn after(&self, last: Option<Key>) -> &Cell<u8> {
        &self.0[last.map_or(NAMES.len(), |key| usize::from(key.0))]
    }

    /// The name to expect after `last`, or first of all, as it is written.
    pub(super) fn expected(&self, last: Option<Key>) -> Option<(Key, &'static Written)> {
        let number = self.after(last).get();
        WRITTEN.get(usize::from(number)).map(|written| (Key(number), written))
    }

    /// Remembers what came instead.
    pub(super) fn came(&self, last: Option<Key>, key: Key) {
        self.after(last).set(key.0);
    }
}

impl Key {
    /// The key of that name; `None` for names outside the table.
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

    /// The number, below [`COUNT`] where the name is asked for.
    pub(super) fn index(self) -> usize {
        usize::from(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_is_expected_and_written_as_most_do() {
        let order = Order::default();
        assert!(order.expected(None).is_none());
        order.came(None, TRACE_ID);
        order.came(Some(TRACE_ID), CONFIGURATION_ITEM_CAPTURE_TIME);
        let (key, (text, length)) = order.expected(None).expect("it came");
        assert_eq!((key, &text[..usize::from(*length)]), (TRACE_ID, &b"\"trace_id\":"[..]));
        assert!(
            order.expected(Some(key)).is_some_and(|it| it.0 == CONFIGURATION_ITEM_CAPTURE_TIME)
        );
        assert!(order.expected(Some(CTS)).is_none());
    }

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
