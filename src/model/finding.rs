//! One insecure fact about one resource, its reasons and its life.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::change::Cause;
use super::ids::{Cell, Digest};
use super::schema::KindId;
use super::time::Timestamp;

/// How bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// Worth knowing.
    Informational,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
    /// Critical.
    Critical,
}

impl Severity {
    /// Every severity, mildest first.
    pub const ALL: [Self; 5] =
        [Self::Informational, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The lower-case name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The severity of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.as_str() == name)
    }

    /// OCSF 1.8 `severity_id`.
    #[must_use]
    pub const fn ocsf(self) -> u8 {
        match self {
            Self::Informational => 1,
            Self::Low => 2,
            Self::Medium => 3,
            Self::High => 4,
            Self::Critical => 5,
        }
    }
}

/// The tenant's side of the shared-responsibility model, in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Area {
    /// Virtual networks.
    VirtualNetworks,
    /// Virtual hosts and guest operating systems.
    VirtualHosts,
    /// Virtual firewalls.
    VirtualFirewalls,
    /// API gateways.
    ApiGateways,
    /// Advanced security services, audit and logging among them.
    SecurityServices,
    /// All other cloud services.
    CloudServices,
    /// Tenant data.
    TenantData,
    /// Identities.
    Identity,
    /// Keys and secrets.
    KeyManagement,
}

impl Area {
    /// Every area.
    pub const ALL: [Self; 9] = [
        Self::VirtualNetworks,
        Self::VirtualHosts,
        Self::VirtualFirewalls,
        Self::ApiGateways,
        Self::SecurityServices,
        Self::CloudServices,
        Self::TenantData,
        Self::Identity,
        Self::KeyManagement,
    ];

    /// The name in content and alerts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VirtualNetworks => "virtual networks",
            Self::VirtualHosts => "virtual hosts",
            Self::VirtualFirewalls => "virtual firewalls",
            Self::ApiGateways => "API gateways",
            Self::SecurityServices => "security services",
            Self::CloudServices => "cloud services",
            Self::TenantData => "tenant data",
            Self::Identity => "identity",
            Self::KeyManagement => "key management",
        }
    }

    /// The area of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|area| area.as_str() == name)
    }
}

/// Whether a finding was seen to come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Novelty {
    /// An event was seen to make it so.
    Introduced,
    /// It was already so when first seen.
    Discovered,
}

/// What a finding rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Confidence {
    /// On an assumption, a contested element, or an operation whose end was lost.
    Provisional,
    /// On what was seen.
    Confirmed,
}

/// One detector's verdict inside a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// The detector's id.
    pub detector: Arc<str>,
    /// Its severity for this fact.
    pub severity: Severity,
    /// Since when it holds, in event time.
    pub since: Timestamp,
    /// Whether it rests on an assumption or a contested element.
    pub confidence: Confidence,
    /// What was assumed, as `path = value`.
    pub assumptions: Box<[Box<str>]>,
    /// The detector's measure; a growing one tells an update.
    pub measure: Option<i64>,
}

/// A finding as it now stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable over the finding's life: a hash of tenant, cell, resource incarnation, subject.
    pub uid: Digest,
    /// Whose.
    pub cell: Cell,
    /// Kind of the resource.
    pub kind: KindId,
    /// The resource's id in our naming.
    pub resource: Arc<str>,
    /// Start of the resource's incarnation: the deletion that preceded it, 0 when none is known.
    pub incarnation: Timestamp,
    /// The element or aspect it is about.
    pub subject: Arc<str>,
    /// The element's text for people; empty when the subject is the resource.
    pub element: Box<str>,
    /// The detectors that hold, most severe first. Never empty while open.
    pub reasons: Vec<Reason>,
    /// The opening event's id.
    pub episode: Arc<str>,
    /// How many alerts this episode has told.
    pub steps: u32,
    /// When it was opened, in event time.
    pub opened: Timestamp,
    /// The last evidence for it, in event time.
    pub seen: Timestamp,
    /// Introduced or discovered.
    pub novelty: Novelty,
    /// Whether people were told of it one by one.
    pub told: bool,
}

/// A step in a finding's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// It began.
    Opened,
    /// It became worse, or its reasons changed.
    Updated,
    /// The configuration was seen to be safe, or the resource gone.
    Resolved,
    /// It never was so: a settled snapshot showed it, or the operation that was to make it so failed.
    Retracted,
}

impl Step {
    /// The name in metric labels and texts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Updated => "updated",
            Self::Resolved => "resolved",
            Self::Retracted => "retracted",
        }
    }
}

/// A finding's step with all that an alert about it needs.
#[derive(Clone, Debug)]
pub struct FindingChange {
    /// The finding after the step; for an end, as it last was.
    pub finding: Finding,
    /// Which step.
    pub step: Step,
    /// The alert's id: a hash of finding uid, episode and step number.
    pub id: Digest,
    /// When, in event time.
    pub time: Timestamp,
    /// The event behind the step.
    pub cause: Arc<Cause>,
    /// The changed paths before the event, as JSON.
    pub before: serde_json::Value,
    /// The changed paths after the event, as JSON.
    pub after: serde_json::Value,
    /// The values the deciding expression read, as JSON by path.
    pub facts: serde_json::Value,
    /// The resource's name, tags and owner, where known.
    pub label: ResourceLabel,
    /// For a summary of discovered findings: how many, and the first resources' ids.
    pub summary: Option<Summary>,
}

/// What people know a resource by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceLabel {
    /// Its name; empty where never seen.
    pub name: Box<str>,
    /// Its region; empty where never seen.
    pub region: Box<str>,
    /// Its tags, in key order.
    pub tags: Vec<(Box<str>, Box<str>)>,
    /// Its owner; empty where never seen.
    pub owner: Box<str>,
}

/// Many discovered findings told as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// How many findings.
    pub count: usize,
    /// The first few resources' ids.
    pub resources: Vec<Arc<str>>,
}
