//! The message of `finding.proto`.

/// A finding as it now stands.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Finding {
    /// 1.
    #[prost(uint32, tag = "1")]
    pub version: u32,
    /// Stable over the finding's life.
    #[prost(string, tag = "2")]
    pub uid: String,
    /// Tenant.
    #[prost(string, tag = "3")]
    pub tenant: String,
    /// aws, azure, gcp, huawei, kubernetes, other.
    #[prost(string, tag = "4")]
    pub provider: String,
    /// Account.
    #[prost(string, tag = "5")]
    pub account: String,
    /// The resource's kind.
    #[prost(string, tag = "6")]
    pub kind: String,
    /// The resource's id.
    #[prost(string, tag = "7")]
    pub resource: String,
    /// The deletion before this incarnation.
    #[prost(int64, tag = "8")]
    pub incarnation_micros: i64,
    /// The element or aspect it is about.
    #[prost(string, tag = "9")]
    pub subject: String,
    /// The element for people.
    #[prost(string, tag = "10")]
    pub element: String,
    /// Most severe first.
    #[prost(message, repeated, tag = "11")]
    pub reasons: Vec<Reason>,
    /// The opening event's id.
    #[prost(string, tag = "12")]
    pub episode: String,
    /// Alerts told.
    #[prost(uint32, tag = "13")]
    pub steps: u32,
    /// Opened.
    #[prost(int64, tag = "14")]
    pub opened_micros: i64,
    /// The last evidence.
    #[prost(int64, tag = "15")]
    pub seen_micros: i64,
    /// It was so already when first seen.
    #[prost(bool, tag = "16")]
    pub discovered: bool,
    /// People were told of it one by one.
    #[prost(bool, tag = "17")]
    pub told: bool,
}

/// One detector's verdict.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Reason {
    /// The detector's id.
    #[prost(string, tag = "1")]
    pub detector: String,
    /// The name of its severity.
    #[prost(string, tag = "2")]
    pub severity: String,
    /// Since when it holds.
    #[prost(int64, tag = "3")]
    pub since_micros: i64,
    /// Whether it rests on an assumption or a contested element.
    #[prost(bool, tag = "4")]
    pub provisional: bool,
    /// What was assumed.
    #[prost(string, repeated, tag = "5")]
    pub assumptions: Vec<String>,
    /// The detector's measure.
    #[prost(int64, optional, tag = "6")]
    pub measure: Option<i64>,
}
