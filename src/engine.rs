//! The pure pipeline: records in, outcomes and finding changes out.

use std::sync::Arc;

use crate::content::{Content, Detector};
use crate::decode::Record;
use crate::model::{DeadReason, FindingChange, Format, Limits, Outcome, Timestamp};
use crate::tenant::Registry;

/// What an outcome line tells about one event.
#[derive(Clone, Debug)]
pub struct EventOutcome<'a> {
    /// Number of the event within its record, from 0.
    pub event: u32,
    /// The wire format; `None` when none was recognised.
    pub format: Option<Format>,
    /// Whose; empty when unknown or not asked for.
    pub tenant: &'a str,
    /// The account; empty when unknown.
    pub account: &'a str,
    /// The cloud's id of the event.
    pub event_id: &'a str,
    /// Service.
    pub service: &'a str,
    /// Name.
    pub name: &'a str,
    /// Event time.
    pub time: Option<Timestamp>,
    /// Its fate.
    pub outcome: Outcome,
    /// Why it was refused, for `dead`.
    pub dead: Option<DeadReason>,
    /// More about the outcome, for people; empty where there is nothing to add. Never holds
    /// anything of the record's body that could be a secret.
    pub detail: &'a str,
    /// The resources it spoke of, as `kind id`.
    pub resources: &'a [Arc<str>],
    /// Uids of the findings whose alerts it caused.
    pub alerts: &'a [String],
}

/// Where the pipeline's results go.
pub trait Sink {
    /// Exactly once per event.
    fn outcome(&mut self, outcome: &EventOutcome<'_>);
    /// A step in a finding's life that is to be told. `detector` is the most severe reason's.
    fn finding(&mut self, change: &FindingChange, detector: &Detector, content: &Content);
}

/// A resource's last known configuration, for `--state`.
#[derive(Clone, Debug)]
pub struct ResourceDump {
    /// `tenant/account`.
    pub cell: String,
    /// Kind.
    pub kind: String,
    /// Id.
    pub id: String,
    /// Facets by name; unknown ones are left out, partial sets are marked.
    pub facets: serde_json::Value,
}

/// How the pipeline is set up.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Bounds.
    pub limits: Limits,
    /// A wire format to insist on; `None` recognises each record.
    pub format: Option<Format>,
    /// Whether outcomes of events nobody reads tell who, what and when too (slower).
    pub detailed: bool,
    /// Which part of the cells this engine takes: index below count. It applies only cells whose
    /// hash falls into its part and reports outcomes only for those; part 0 also reports events
    /// without a cell. `None` takes all.
    pub shard: Option<(u32, u32)>,
}

/// The pipeline.
#[derive(Debug)]
pub struct Engine {
    content: Arc<Content>,
    registry: Arc<Registry>,
    setup: Setup,
}

impl Engine {
    /// An engine without state.
    #[must_use]
    pub fn new(content: Arc<Content>, registry: Arc<Registry>, setup: Setup) -> Self {
        Self { content, registry, setup }
    }

    /// Takes one record.
    pub fn record(&mut self, record: &Record<'_>, sink: &mut dyn Sink) {
        let _ = (&self.content, &self.registry, record.value);
        if self.setup.shard.is_some_and(|(index, _)| index > 0) {
            return;
        }
        sink.outcome(&EventOutcome {
            event: 0,
            format: None,
            tenant: "",
            account: "",
            event_id: "",
            service: "",
            name: "",
            time: None,
            outcome: Outcome::Dead,
            dead: Some(DeadReason::Unrecognised),
            detail: "",
            resources: &[],
            alerts: &[],
        });
    }

    /// Lets time pass.
    pub fn tick(&mut self, now: Timestamp, sink: &mut dyn Sink) {
        let _ = (now, sink);
    }

    /// The end of the stream.
    pub fn finish(&mut self, sink: &mut dyn Sink) {
        let _ = sink;
    }

    /// Every resource.
    pub fn resources(&self, f: &mut dyn FnMut(ResourceDump)) {
        let _ = f;
    }

    /// How many findings are open.
    #[must_use]
    pub fn open_findings(&self) -> usize {
        0
    }
}
