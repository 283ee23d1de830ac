//! The pure pipeline, on one screen: records in, outcomes and finding changes out.
//!
//! **Invariant:** synchronous and deterministic; it is told the time and does no I/O.

mod account;
mod adopt;
mod discovery;
mod intake;
mod keep;
mod passing;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bumpalo::Bump;
use rustc_hash::FxHashMap;

use crate::content::{Content, Detector};
use crate::decode::{Decoded, Decoder, Detail, Record};
use crate::detect::Told;
use crate::model::{
    Cell, Change, DeadReason, Event, FindingChange, Format, KindId, Ledger, Limits, Outcome,
    Provider, Reached, Timestamp, Tracer,
};
use crate::state::{Frame, Graph, KnownResources, View};
use crate::tenant::Registry;

use account::{Account, Judged};
use intake::{Desk, Prepared, Reads};

pub use intake::{Gate, Intake};
pub use keep::{Kept, Strange};

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
    /// The resources it spoke of, as `kind id`; none unless [`Setup::detailed`].
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
    /// A limit was reached; `first` where it is the first time for whoever reached it. The stream goes
    /// on without what is beyond it.
    fn reached(&mut self, _reached: &Reached, _first: bool) {}
    /// A step that is not told one by one: of a discovered finding, told in a summary only.
    fn kept(&mut self, _change: &FindingChange) {}
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
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Bounds.
    pub limits: Limits,
    /// A wire format to insist on; `None` recognises each record.
    pub format: Option<Format>,
    /// Whether outcomes of events nobody reads tell who, what and when too (slower).
    pub detailed: bool,
    /// Apply only tenants of this shard: its index, and how many there are. Records are given to
    /// every shard; events without a tenant are told by shard 0.
    pub shard: Option<(u32, u32)>,
}

/// The pipeline with everything it remembers.
pub struct Engine {
    decoder: Decoder,
    core: Core,
}

struct Core {
    content: Arc<Content>,
    graph: Graph,
    registry: Arc<Registry>,
    setup: Setup,
    accounts: BTreeMap<Cell, Account>,
    known: FxHashMap<Provider, Arc<KnownResources>>,
    /// Whether journals are kept: the state is kept elsewhere too.
    keeps: bool,
    /// The accounts worked on since the last commit.
    touched: BTreeSet<Cell>,
    scratch: Bump,
    ledger: Ledger,
    /// Limits that were reached at least once.
    reached: BTreeSet<Reached>,
}

impl Engine {
    /// A pipeline that remembers nothing yet.
    #[must_use]
    pub fn new(content: Arc<Content>, registry: Arc<Registry>, setup: Setup) -> Self {
        let detail = if setup.detailed { Detail::Full } else { Detail::Counts };
        let known = adopt::known(&content, &setup.limits);
        Self {
            decoder: Decoder::new(setup.limits.clone(), setup.format, detail),
            core: Core {
                graph: Graph::of(&content),
                content,
                registry,
                setup,
                accounts: BTreeMap::new(),
                known,
                keeps: false,
                touched: BTreeSet::new(),
                scratch: Bump::new(),
                ledger: Ledger::default(),
                reached: BTreeSet::new(),
            },
        }
    }

    /// Takes in one record: exactly one outcome per event in it.
    pub fn record(&mut self, record: &Record<'_>, sink: &mut dyn Sink) {
        self.take(record, None, sink);
    }

    /// As [`Engine::record`], telling `trace` each step of the way. The steps of an event come
    /// before its outcome.
    pub fn explain(&mut self, record: &Record<'_>, trace: &dyn Tracer, sink: &mut dyn Sink) {
        self.take(record, Some(trace), sink);
    }

    fn take(&mut self, record: &Record<'_>, trace: Option<&dyn Tracer>, sink: &mut dyn Sink) {
        let Self { decoder, core } = self;
        let content = Arc::clone(&core.content);
        let mut number = 0;
        decoder.decode(record, &Reads(&content, trace), &mut |arena, decoded| {
            match decoded {
                Decoded::Skipped(skipped) => {
                    if let Some(told) = core.desk(&content, trace).skipped(skipped, number) {
                        sink.outcome(&told);
                    }
                }
                Decoded::Dead(dead) => {
                    if let Some(told) = core.desk(&content, trace).dead(dead, number) {
                        sink.outcome(&told);
                    }
                }
                Decoded::Event(event) => core.event(event, number, arena, trace, sink),
            }
            number += 1;
        });
    }

    /// Takes in what one event says, where [`Intake`] made it, and which came at `arrived`, by the
    /// world's clock; its outcome is told. `reads`: it only reads, and was looked at for its actor
    /// alone.
    pub fn change(&mut self, change: Change, arrived: Timestamp, reads: bool, sink: &mut dyn Sink) {
        let cause = Arc::clone(&change.cause);
        let cell = change.cell.clone();
        let told = EventOutcome {
            format: Some(cause.format),
            tenant: &cell.tenant,
            account: &cell.account,
            event_id: &cause.id,
            service: &cause.service,
            name: &cause.name,
            time: Some(cause.time),
            ..EventOutcome::of(0, if reads { Outcome::ReadOnly } else { Outcome::Unchanged })
        };
        let mut arena = std::mem::take(&mut self.core.scratch);
        self.core.apply(change, arrived, &told, &arena, None, sink);
        arena.reset();
        self.core.scratch = arena;
    }

    /// The end of the stream: what was gathered is told.
    pub fn finish(&mut self, sink: &mut dyn Sink) {
        self.core.tell_all_summaries(sink);
    }

    /// How many findings are open.
    #[must_use]
    pub fn open_findings(&self) -> usize {
        self.core.accounts.values().map(|account| account.findings.len()).sum()
    }

    /// How many resources have a row, and the bytes of their rows.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let states = self.core.accounts.values().map(|account| &account.state);
        states.fold((0, 0), |(rows, bytes), state| (rows + state.len(), bytes + state.bytes()))
    }

    /// Each open finding, by cell and uid.
    pub fn each_finding(&self, visit: &mut dyn FnMut(&crate::model::Finding)) {
        for account in self.core.accounts.values() {
            account.findings.each(account.state.cell(), visit);
        }
    }

    /// Derived values that deriving anew would give otherwise, as text: always none, and tests
    /// hold it so.
    #[must_use]
    pub fn stale_derivations(&self) -> Vec<String> {
        let core = &self.core;
        let (content, limits) = (&core.content, &core.setup.limits);
        let ledger = &Ledger::default();
        let frame = Frame { content, graph: &core.graph, limits, trace: None, ledger };
        let arena = Bump::new();
        core.accounts
            .values()
            .flat_map(|account| account.state.stale_derivations(frame, &arena))
            .collect()
    }

    /// Each resource's last known configuration, by cell and key.
    pub fn resources(&self, visit: &mut dyn FnMut(ResourceDump)) {
        let Core { content, setup, .. } = &self.core;
        for (cell, account) in &self.core.accounts {
            account.state.each_row(&mut |row| {
                let kind = content.schema.kind(row.kind);
                let resource = row.present(kind, &setup.limits);
                // A row that only mirrors references says nothing of its own.
                if !resource.alive || resource.facets.is_empty() {
                    return;
                }
                let view = View { resource: Arc::new(resource), derived: Arc::clone(&row.derived) };
                visit(ResourceDump {
                    cell: cell.to_string(),
                    kind: kind.name.to_string(),
                    id: row.id.to_string(),
                    facets: crate::detect::facets_json(&view, kind, content),
                });
            });
        }
    }
}

impl Core {
    /// Whose an event is, what it says, and what follows.
    fn event(
        &mut self,
        event: &Event<'_>,
        number: u32,
        arena: &Bump,
        trace: Option<&dyn Tracer>,
        sink: &mut dyn Sink,
    ) {
        let content = Arc::clone(&self.content);
        let prepared = self.desk(&content, trace).prepare(event, number, arena);
        let Some(Prepared { told, tenant, change }) = prepared else { return };
        let told = EventOutcome { tenant: tenant.as_deref().unwrap_or(""), ..told };
        let Some(change) = change else {
            self.tell_limits(sink);
            return sink.outcome(&told);
        };
        let time = change.cause.time;
        self.apply(*change, time, &told, arena, trace, sink);
    }

    fn desk<'d>(&'d self, content: &'d Content, trace: Option<&'d dyn Tracer>) -> Desk<'d> {
        let Self { registry, setup, ledger, .. } = self;
        Desk { content, registry, setup, ledger, trace, bound: None }
    }

    /// What follows from a change. `told` holds what it comes to where nothing of it is new.
    fn apply(
        &mut self,
        change: Change,
        arrived: Timestamp,
        told: &EventOutcome<'_>,
        arena: &Bump,
        trace: Option<&dyn Tracer>,
        sink: &mut dyn Sink,
    ) {
        let content = Arc::clone(&self.content);
        let limits = &self.setup.limits;
        let (graph, ledger) = (&self.graph, &self.ledger);
        let frame = Frame { content: &content, graph, limits, trace, ledger };
        let cell = change.cell.clone();
        let account = match self.accounts.entry(cell.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let known = self.known.get(&cell.provider).cloned().unwrap_or_default();
                place.insert(Account::new(cell.clone(), known, self.keeps))
            }
        };
        let Judged { mut outcome, resources, told: steps } =
            account.take(change, arrived, frame, arena);
        if outcome == Outcome::Unchanged {
            outcome = told.outcome;
        }
        let now = account.state.watermark;
        self.touch(&cell);
        let uids: Vec<String> = steps
            .iter()
            .filter(|told| told.alone)
            .map(|told| told.change.finding.uid.to_string())
            .collect();
        let resources = self.named(&resources);
        let told = EventOutcome { outcome, resources: &resources, alerts: &uids, ..told.clone() };
        sink.outcome(&told);
        self.tell_limits(sink);
        self.tell_summaries(&cell, Some(now), sink);
        for step in steps {
            self.tell(step, now, sink);
        }
    }

    /// Resources as `kind id`, each once, where outcomes tell as much.
    fn named(&self, resources: &[(KindId, Arc<str>)]) -> Vec<Arc<str>> {
        let mut names: Vec<Arc<str>> = Vec::new();
        if !self.setup.detailed {
            return names;
        }
        for (kind, id) in resources {
            let name: Arc<str> = format!("{} {id}", self.content.schema.kind(*kind).name).into();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    fn tell(&mut self, told: Told, now: Timestamp, sink: &mut dyn Sink) {
        if !told.alone {
            sink.kept(&told.change);
            let cell = &told.change.finding.cell;
            if let Some(account) = self.accounts.get_mut(cell) {
                account.discoveries.add(told, now);
            }
            return;
        }
        let content = &self.content;
        let finding = &told.change.finding;
        let first = finding.reasons.first().map(|reason| &reason.detector);
        let known = content.detectors.get(told.detector);
        match first {
            Some(id) if known.is_none_or(|known| known.id != *id) => {
                let area = content.schema.kind(finding.kind).area;
                let gone = Detector::gone(Arc::clone(id), area);
                sink.finding(&told.change, &gone, content);
            }
            _ => {
                if let Some(known) = known {
                    sink.finding(&told.change, known, content);
                }
            }
        }
    }

    fn tell_limits(&mut self, sink: &mut dyn Sink) {
        for reached in self.ledger.take() {
            let first = !self.reached.contains(&reached);
            sink.reached(&reached, first);
            if first {
                self.reached.insert(reached);
            }
        }
    }

    /// Tells an account's summaries: those due at `now`, or without it all.
    fn tell_summaries(&mut self, cell: &Cell, now: Option<Timestamp>, sink: &mut dyn Sink) {
        let Some(account) = self.accounts.get_mut(cell) else { return };
        for (change, detector) in account.discoveries.due(now) {
            let known = self.content.detectors.iter().find(|d| d.id == detector);
            if let Some(detector) = known {
                sink.finding(&change, detector, &self.content);
            }
        }
    }

    /// Tells every account's summaries.
    fn tell_all_summaries(&mut self, sink: &mut dyn Sink) {
        let cells: Vec<Cell> = self.accounts.keys().cloned().collect();
        for cell in cells {
            self.tell_summaries(&cell, None, sink);
        }
    }

    /// Notes that an account is worked on.
    fn touch(&mut self, cell: &Cell) {
        if self.keeps && !self.touched.contains(cell) {
            self.touched.insert(cell.clone());
        }
    }
}

impl<'a> EventOutcome<'a> {
    /// What a decoded event tells of itself, before its fate is known.
    fn about(event: &Event<'a>, number: u32) -> Self {
        Self {
            format: Some(event.format),
            account: event.account,
            event_id: event.id,
            service: event.key.service,
            name: event.key.name,
            time: Some(event.time),
            ..Self::of(number, Outcome::Quarantined)
        }
    }

    /// An outcome about which nothing else is known yet.
    #[must_use]
    pub fn of(event: u32, outcome: Outcome) -> Self {
        Self {
            event,
            format: None,
            tenant: "",
            account: "",
            event_id: "",
            service: "",
            name: "",
            time: None,
            outcome,
            dead: None,
            detail: "",
            resources: &[],
            alerts: &[],
        }
    }
}

/// The shard a tenant belongs to.
fn shard_of(tenant: &str, count: u32) -> u32 {
    let hash = xxhash_rust::xxh3::xxh3_64(tenant.as_bytes()) % u64::from(count.max(1));
    u32::try_from(hash).unwrap_or_default()
}
