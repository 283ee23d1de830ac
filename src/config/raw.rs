//! The configuration file as it is written: shapes only, nothing checked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::LogFormat;

pub mod notify;

/// The whole file. A key that is not here is refused.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Raw {
    /// Which log carries records: `embedded`, `kafka`.
    pub log: Log,
    /// The embedded log; refused where `log` is `kafka`.
    pub embedded: Embedded,
    /// How brokers are reached; heeded where `log` is `kafka`.
    pub kafka: Kafka,
    /// Where records come from; heeded by the service.
    pub sources: Vec<Source>,
    /// How the service's workers are set up.
    pub workers: RawWorkers,
    /// How topics are made.
    pub topics: RawTopics,
    /// What is told.
    pub alerts: RawAlerts,
    /// Refused records.
    pub deadletters: DeadLetters,
    /// The registry.
    pub tenants: Tenants,
    /// Content folders.
    pub content: Vec<String>,
    /// Policy folders.
    pub policies: Vec<String>,
    /// The admin listener.
    pub web: Web,
    /// Destinations and routes.
    pub notify: notify::Notify,
    /// Bounds.
    pub limits: RawLimits,
    /// Logs and metrics.
    pub telemetry: Telemetry,
}

/// Which log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Log {
    /// In this process.
    #[default]
    Embedded,
    /// Apache Kafka.
    Kafka,
}

/// The log in this process.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Embedded {
    /// Where it is kept, relative to the configuration file; in memory alone where not given.
    pub folder: Option<String>,
}

/// How brokers are reached.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Kafka {
    /// `host:port`, comma-separated.
    pub brokers: Option<String>,
    /// Before every topic's name.
    pub topic_prefix: Option<String>,
    /// Before every consumer group's name.
    pub group_prefix: Option<String>,
    /// Transport security.
    pub security: BTreeMap<String, String>,
    /// Further client properties.
    pub properties: BTreeMap<String, String>,
}

/// A source of records.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its topic.
    #[serde(default)]
    pub topic: Option<String>,
    /// In its place a file or folder, for the embedded log.
    #[serde(default)]
    pub path: Option<String>,
    /// Its wire format, or `auto`.
    #[serde(default)]
    pub format: Option<String>,
    /// How its tenant is told.
    #[serde(default)]
    pub tenant: SourceTenant,
    /// Its own cluster.
    #[serde(default)]
    pub kafka: Option<Kafka>,
}

/// How the service's workers are set up; absent keys keep their default.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawWorkers {
    /// Threads that detect.
    pub detect: Option<usize>,
    /// Threads that take in, for each cluster.
    pub ingest: Option<usize>,
    /// This process's name.
    pub name: Option<String>,
    /// Whether the groups know it by that.
    pub fixed: Option<bool>,
    /// `classic` or `broker`.
    pub protocol: Option<String>,
    /// A span.
    pub session: Option<String>,
    /// A span.
    pub transaction: Option<String>,
    /// Records of one batch.
    pub batch_records: Option<usize>,
    /// Bytes of one batch.
    pub batch_bytes: Option<usize>,
    /// Records in a row that can't be read.
    pub breaker: Option<usize>,
    /// How many in a hundred may be unreadable.
    pub breaker_percent: Option<usize>,
    /// A span.
    pub shutdown: Option<String>,
}

/// How the service's topics are made; absent keys keep their default.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawTopics {
    /// Partitions of those that are spread by account.
    pub partitions: Option<u32>,
    /// Copies of each.
    pub replicas: Option<u16>,
}

/// What is told.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawAlerts {
    /// `ocsf` or `proto`.
    pub format: Option<String>,
}

/// Refused records.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeadLetters {
    /// `reference`, `redacted`, `full`.
    pub body: Option<String>,
}

/// How a source's tenant is told; one of these.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SourceTenant {
    /// `account`.
    pub by: Option<String>,
    /// Always this one.
    pub fixed: Option<String>,
    /// By this header.
    pub header: Option<String>,
    /// By the end of the topic's name.
    pub topic_suffix: Option<bool>,
}

/// The registry.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tenants {
    /// The registry's file, relative to the configuration file.
    pub file: Option<String>,
}

/// The admin listener.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Web {
    /// `address:port`.
    pub listen: Option<String>,
}

/// Logs and metrics.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// How logs are written.
    pub log_format: LogFormat,
    /// Whether metrics carry the tenant: `off`.
    pub tenant_label: TenantLabel,
}

/// Whether metrics carry the tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TenantLabel {
    /// No.
    #[default]
    Off,
}

/// Declares the limits once: the struct, the list of names.
macro_rules! limits {
    ($($name:ident: $kind:ty, $doc:literal;)*) => {
        /// Bounds; absent ones keep their default.
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct RawLimits {
            $(#[doc = $doc] pub $name: Option<$kind>,)*
        }

        /// The names of all limits.
        pub const LIMITS: &[&str] = &[$(stringify!($name)),*];
    };
}

limits! {
    record_bytes: usize, "See [`crate::model::Limits::record_bytes`].";
    decompressed_bytes: usize, "See [`crate::model::Limits::decompressed_bytes`].";
    depth: usize, "See [`crate::model::Limits::depth`].";
    nodes: usize, "See [`crate::model::Limits::nodes`].";
    unwrap_levels: usize, "See [`crate::model::Limits::unwrap_levels`].";
    events_per_record: usize, "See [`crate::model::Limits::events_per_record`].";
    text_bytes: usize, "See [`crate::model::Limits::text_bytes`].";
    facet_bytes: usize, "See [`crate::model::Limits::facet_bytes`].";
    elements: usize, "See [`crate::model::Limits::elements`].";
    resources_per_cell: usize, "See [`crate::model::Limits::resources_per_cell`].";
    recent_events: usize, "See [`crate::model::Limits::recent_events`].";
    lateness: String, "See [`crate::model::Limits::lateness`].";
    settle: String, "See [`crate::model::Limits::settle`].";
    pending: String, "See [`crate::model::Limits::pending`].";
    operations: usize, "See [`crate::model::Limits::operations`].";
    orphans: usize, "See [`crate::model::Limits::orphans`].";
    namesakes: usize, "See [`crate::model::Limits::namesakes`].";
    remembered_ids: usize, "See [`crate::model::Limits::remembered_ids`].";
    findings_per_cell: usize, "See [`crate::model::Limits::findings_per_cell`].";
    window_entries: usize, "See [`crate::model::Limits::window_entries`].";
    fuel: usize, "See [`crate::model::Limits::fuel`].";
    fan_out: usize, "See [`crate::model::Limits::fan_out`].";
    derive_depth: usize, "See [`crate::model::Limits::derive_depth`].";
}

/// The registry's file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawRegistry {
    /// By tenant.
    pub tenants: BTreeMap<String, RawTenant>,
    /// What becomes of an account that no tenant lists.
    pub unmapped: OnUnmapped,
    /// Names of tenants for people.
    pub names: BTreeMap<String, String>,
}

/// A tenant in the registry's file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RawTenant {
    /// Its accounts by provider. Numbers are accepted where a quote was forgotten.
    pub accounts: BTreeMap<String, Vec<Account>>,
}

/// An account, quoted or not.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Account {
    /// Quoted, or a word.
    Text(String),
    /// A number; one that begins with a zero is read as text and keeps it.
    Number(u64),
}

/// What becomes of an account that no tenant lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnmapped {
    /// Its events are quarantined.
    #[default]
    Quarantine,
    /// It is a tenant of its own.
    OwnTenant,
}
