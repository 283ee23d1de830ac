//! The messages of `proto/driftline/v1/alert.proto`, field by field.

/// An alert: one step in the life of a finding.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Alert {
    /// The same for the same step in every replay: 32 hexadecimal digits.
    #[prost(string, tag = "1")]
    pub id: String,
    /// Stable over the finding's life.
    #[prost(string, tag = "2")]
    pub finding: String,
    /// Tenant.
    #[prost(string, tag = "3")]
    pub tenant: String,
    /// aws, azure, gcp, huawei, kubernetes, other.
    #[prost(string, tag = "4")]
    pub provider: String,
    /// Account.
    #[prost(string, tag = "5")]
    pub account: String,
    /// Region.
    #[prost(string, tag = "6")]
    pub region: String,
    /// Step.
    #[prost(enumeration = "Step", tag = "7")]
    pub step: i32,
    /// Severity.
    #[prost(enumeration = "Severity", tag = "8")]
    pub severity: i32,
    /// Event time, microseconds since the Unix epoch.
    #[prost(int64, tag = "9")]
    pub time_micros: i64,
    /// Message.
    #[prost(string, tag = "10")]
    pub message: String,
    /// Responsibility area.
    #[prost(string, tag = "11")]
    pub responsibility_area: String,
    /// The most severe first.
    #[prost(message, repeated, tag = "12")]
    pub reasons: Vec<Reason>,
    /// Attack.
    #[prost(string, repeated, tag = "13")]
    pub attack: Vec<String>,
    /// Benchmarks.
    #[prost(message, repeated, tag = "14")]
    pub benchmarks: Vec<Benchmark>,
    /// Why.
    #[prost(string, tag = "15")]
    pub why: String,
    /// Fix.
    #[prost(string, tag = "16")]
    pub fix: String,
    /// Resource.
    #[prost(message, optional, tag = "17")]
    pub resource: Option<Resource>,
    /// Element.
    #[prost(string, tag = "18")]
    pub element: String,
    /// Event.
    #[prost(message, optional, tag = "19")]
    pub event: Option<Happening>,
    /// console, tool, infrastructure as code, service, unknown.
    #[prost(string, tag = "20")]
    pub channel: String,
    /// Whether it was already so when first seen.
    #[prost(bool, tag = "21")]
    pub discovered: bool,
    /// Whether it rests on an assumption.
    #[prost(bool, tag = "22")]
    pub provisional: bool,
    /// Assumptions.
    #[prost(string, repeated, tag = "23")]
    pub assumptions: Vec<String>,
    /// Episode.
    #[prost(string, tag = "24")]
    pub episode: String,
    /// Opened micros.
    #[prost(int64, tag = "25")]
    pub opened_micros: i64,
    /// Seen micros.
    #[prost(int64, tag = "26")]
    pub seen_micros: i64,
    /// Exposure seconds.
    #[prost(int64, tag = "27")]
    pub exposure_seconds: i64,
    /// JSON texts: the changed paths before and after, the values the expression read.
    #[prost(string, tag = "28")]
    pub before_json: String,
    /// After json.
    #[prost(string, tag = "29")]
    pub after_json: String,
    /// Facts json.
    #[prost(string, tag = "30")]
    pub facts_json: String,
    /// Set where many discovered findings are told as one.
    #[prost(message, optional, tag = "31")]
    pub summary: Option<Summary>,
}

/// A step in a finding's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum Step {
    /// `STEP_UNSPECIFIED`.
    Unspecified = 0,
    /// `STEP_OPENED`.
    Opened = 1,
    /// `STEP_UPDATED`.
    Updated = 2,
    /// `STEP_RESOLVED`.
    Resolved = 3,
    /// `STEP_RETRACTED`.
    Retracted = 4,
}

/// How bad; numbers are those of OCSF.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum Severity {
    /// `SEVERITY_UNSPECIFIED`.
    Unspecified = 0,
    /// `SEVERITY_INFORMATIONAL`.
    Informational = 1,
    /// `SEVERITY_LOW`.
    Low = 2,
    /// `SEVERITY_MEDIUM`.
    Medium = 3,
    /// `SEVERITY_HIGH`.
    High = 4,
    /// `SEVERITY_CRITICAL`.
    Critical = 5,
}

/// One detector's verdict.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Reason {
    /// Detector.
    #[prost(string, tag = "1")]
    pub detector: String,
    /// Title.
    #[prost(string, tag = "2")]
    pub title: String,
    /// Severity.
    #[prost(enumeration = "Severity", tag = "3")]
    pub severity: i32,
    /// Since micros.
    #[prost(int64, tag = "4")]
    pub since_micros: i64,
    /// Provisional.
    #[prost(bool, tag = "5")]
    pub provisional: bool,
}

/// Controls of one benchmark.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Benchmark {
    /// Name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Ids.
    #[prost(string, repeated, tag = "2")]
    pub ids: Vec<String>,
}

/// The resource.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Resource {
    /// Uid.
    #[prost(string, tag = "1")]
    pub uid: String,
    /// Name.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Kind.
    #[prost(string, tag = "3")]
    pub kind: String,
    /// Owner.
    #[prost(string, tag = "4")]
    pub owner: String,
    /// Tags.
    #[prost(message, repeated, tag = "5")]
    pub tags: Vec<Tag>,
}

/// One tag.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Tag {
    /// Key.
    #[prost(string, tag = "1")]
    pub key: String,
    /// Value.
    #[prost(string, tag = "2")]
    pub value: String,
}

/// The event behind the step.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Happening {
    /// Id.
    #[prost(string, tag = "1")]
    pub id: String,
    /// Name.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Service.
    #[prost(string, tag = "3")]
    pub service: String,
    /// Time micros.
    #[prost(int64, tag = "4")]
    pub time_micros: i64,
    /// The wire format's name, aws-cloudtrail for one.
    #[prost(string, tag = "5")]
    pub format: String,
    /// Actor.
    #[prost(string, tag = "6")]
    pub actor: String,
    /// Actor name.
    #[prost(string, tag = "7")]
    pub actor_name: String,
    /// Actor kind.
    #[prost(string, tag = "8")]
    pub actor_kind: String,
    /// Credential.
    #[prost(string, tag = "9")]
    pub credential: String,
    /// Invoked by.
    #[prost(string, tag = "10")]
    pub invoked_by: String,
    /// Root.
    #[prost(bool, tag = "11")]
    pub root: bool,
    /// Unset where the event does not say.
    #[prost(bool, optional, tag = "12")]
    pub mfa: Option<bool>,
    /// Source ip.
    #[prost(string, tag = "13")]
    pub source_ip: String,
    /// User agent.
    #[prost(string, tag = "14")]
    pub user_agent: String,
    /// Error.
    #[prost(string, tag = "15")]
    pub error: String,
}

/// Many discovered findings told as one.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Summary {
    /// Count.
    #[prost(uint64, tag = "1")]
    pub count: u64,
    /// Resources.
    #[prost(string, repeated, tag = "2")]
    pub resources: Vec<String>,
}
