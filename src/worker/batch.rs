//! One batch of changes on its way: what is to be sent, and what is told once it is committed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::alert::{Alert, ocsf, proto};
use crate::content::{Content, Detector};
use crate::engine::{EventOutcome, Sink};
use crate::log::Offset;
use crate::model::{
    DeadReason, FindingChange, Format, Limit, Limits, Outcome, Reached, Severity, Step, Timestamp,
};

/// How alerts are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Told {
    /// OCSF as JSON.
    #[default]
    Ocsf,
    /// `driftline.v1.Alert`.
    Proto,
}

impl Told {
    /// Every way.
    pub const ALL: [Self; 2] = [Self::Ocsf, Self::Proto];

    /// The name in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ocsf => "ocsf",
            Self::Proto => "proto",
        }
    }

    /// The way of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|told| told.as_str() == name)
    }

    /// An alert's bytes, and what they are called in the header `content-type`.
    fn encode(self, alert: &Alert) -> (Vec<u8>, &'static str) {
        match self {
            Self::Ocsf => (ocsf::encode(alert), "application/json"),
            Self::Proto => (proto::encode(alert), "application/protobuf"),
        }
    }
}

/// A record that was read and not yet applied.
pub(super) struct Raw {
    pub partition: u32,
    pub offset: Offset,
    pub key: Box<[u8]>,
    pub value: Box<[u8]>,
    pub time: Option<Timestamp>,
}

/// A record to be sent with the batch.
pub(crate) struct Out {
    pub topic: Arc<str>,
    pub partition: u32,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
    pub headers: Vec<(&'static str, String)>,
}

/// An alert of the batch, for whoever watches.
pub(super) struct ToldAlert {
    pub detector: Arc<str>,
    pub severity: Severity,
    pub step: Step,
    /// When its event arrived at the broker.
    pub arrived: Timestamp,
}

/// An event's fate, for whoever watches.
pub(super) struct ToldEvent {
    pub format: Option<Format>,
    pub outcome: Outcome,
    pub age: Option<i64>,
}

/// Logs that a limit was reached; to be done once for whoever reached it.
pub fn warn_of(Reached { limit, by }: &Reached) {
    tracing::warn!(limit = limit.as_str(), %by, "a limit is reached: {}", limit.effect());
}

/// A batch.
#[derive(Default)]
pub(super) struct Batch {
    /// When its first record was read, by the wall clock.
    pub began: Timestamp,
    /// Each partition of it, and the change that comes after it.
    pub next: BTreeMap<u32, Offset>,
    pub outs: Vec<Out>,
    /// How many records of each partition.
    pub read: BTreeMap<u32, u64>,
    pub events: Vec<ToldEvent>,
    pub alerts: Vec<ToldAlert>,
    pub dead: Vec<DeadReason>,
    /// Partitions of which it claims by what content they are judged.
    pub claimed: BTreeSet<u32>,
    /// How often limits were reached.
    pub limits: BTreeMap<Limit, u64>,
    /// Its receipt.
    pub receipt: String,
}

impl Batch {
    /// Notes a record as applied or refused.
    pub fn took(&mut self, raw: &Raw) {
        *self.read.entry(raw.partition).or_default() += 1;
        self.next.insert(raw.partition, Offset(raw.offset.0 + 1));
    }
}

/// Listens to an engine while a change is applied.
pub(super) struct Seat<'b> {
    pub batch: &'b mut Batch,
    pub limits: &'b Limits,
    pub topic: &'b Arc<str>,
    /// Where alerts go.
    pub partition: u32,
    /// How they are written.
    pub told: Told,
    /// When the change arrived at the broker.
    pub arrived: Timestamp,
}

impl Sink for Seat<'_> {
    fn outcome(&mut self, outcome: &EventOutcome<'_>) {
        let age = outcome.time.map(|time| self.arrived.since(time));
        let told = ToldEvent { format: outcome.format, outcome: outcome.outcome, age };
        self.batch.events.push(told);
    }

    fn finding(&mut self, change: &FindingChange, detector: &Detector, content: &Content) {
        let alert = Alert::new(change, detector, content, self.limits);
        self.batch.alerts.push(ToldAlert {
            detector: Arc::clone(&detector.id),
            severity: alert.severity,
            step: alert.step,
            arrived: self.arrived,
        });
        let (value, sort) = self.told.encode(&alert);
        self.batch.outs.push(Out {
            topic: Arc::clone(self.topic),
            partition: self.partition,
            key: super::topics::key_of(&change.finding.cell),
            value,
            headers: ocsf::headers(&alert, sort),
        });
    }

    fn reached(&mut self, reached: &Reached, first: bool) {
        if first {
            warn_of(reached);
        }
        *self.batch.limits.entry(reached.limit).or_default() += 1;
    }
}
