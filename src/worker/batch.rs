//! One batch of changes on its way: what is to be sent, and what is told once it is committed.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::alert::{Alert, ocsf};
use crate::content::{Content, Detector};
use crate::engine::{EventOutcome, Sink};
use crate::log::Offset;
use crate::model::{
    DeadReason, FindingChange, Format, Limits, Outcome, Severity, Spender, Step, Timestamp,
};

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
    /// Its receipt.
    pub receipt: String,
}

/// Listens to an engine while a change is applied.
pub(super) struct Seat<'b> {
    pub batch: &'b mut Batch,
    pub limits: &'b Limits,
    pub topic: &'b Arc<str>,
    /// Where alerts go.
    pub partition: u32,
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
        self.batch.outs.push(Out {
            topic: Arc::clone(self.topic),
            partition: self.partition,
            key: super::topics::key_of(&change.finding.cell),
            value: ocsf::encode(&alert),
            headers: ocsf::headers(&alert, "application/json"),
        });
    }

    fn exhausted(&mut self, spender: &Spender, first: bool) {
        if first {
            tracing::warn!(%spender, "expression budget used up; what it was to tell is unknown");
        }
    }
}
