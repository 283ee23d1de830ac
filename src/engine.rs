//! The pure pipeline, on one screen: records in, outcomes and finding changes out.
//!
//! **Invariant:** synchronous and deterministic; it is told the time and does no I/O.

mod account;
mod adopt;
mod discovery;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bumpalo::Bump;
use rustc_hash::FxHashMap;

use crate::content::{Content, Detector};
use crate::decode::{Dead, Decoded, Decoder, Detail, Index, Record, Skipped};
use crate::detect::Told;
use crate::map::{Mapped, map_traced};
use crate::model::{
    Cell, DeadReason, Event, EventKey, FindingChange, Format, KindId, Ledger, Limits, Outcome,
    Ownership, Provider, Spender, Timestamp, Trace, Tracer,
};
use crate::state::{CellState, Frame, Graph, KnownResources, View};
use crate::tenant::{Registry, Resolution};

use account::{Account, Judged};
use discovery::Discoveries;

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
    /// An expression used up its budget; `first` where it is the first time for its owner. What
    /// it was to tell is unknown, and the stream goes on.
    fn exhausted(&mut self, _spender: &Spender, _first: bool) {}
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
    discoveries: Discoveries,
    scratch: Bump,
    ledger: Ledger,
    /// Owners of expressions that ran out at least once.
    spenders: BTreeSet<Spender>,
}

/// The decoder's question, answered by the content's index, and told to whoever asked.
struct Reads<'c>(&'c Content, Option<&'c dyn Tracer>);

impl Index for Reads<'_> {
    fn reads(&self, key: &EventKey<'_>, by_owner: &dyn Fn() -> bool) -> bool {
        let read = self.0.reads(key) || (self.0.reads_owner(key) && by_owner());
        if let Some(trace) = self.1 {
            trace.tell(&Trace::Key { key: *key, read });
        }
        read
    }

    fn envelope(&self, name: &str, level: usize) {
        if let Some(trace) = self.1 {
            trace.tell(&Trace::Envelope { name, level });
        }
    }
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
                discoveries: Discoveries::default(),
                scratch: Bump::new(),
                ledger: Ledger::default(),
                spenders: BTreeSet::new(),
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
                Decoded::Skipped(skipped) => core.skipped(skipped, number, sink),
                Decoded::Dead(dead) => core.dead(dead, number, sink),
                Decoded::Event(event) => core.event(event, number, arena, trace, sink),
            }
            number += 1;
        });
    }

    /// Lets time pass for every account.
    pub fn tick(&mut self, now: Timestamp, sink: &mut dyn Sink) {
        let core = &mut self.core;
        let content = Arc::clone(&core.content);
        let limits = &core.setup.limits;
        let (graph, ledger) = (&core.graph, &core.ledger);
        let frame = Frame { content: &content, graph, limits, trace: None, ledger };
        let mut steps = Vec::new();
        for account in core.accounts.values_mut() {
            steps.extend(account.pass(now, frame, &core.scratch));
        }
        core.scratch.reset();
        core.tell_spenders(sink);
        for told in steps {
            core.tell(told, now, sink);
        }
        core.tell_summaries(None, sink);
    }

    /// The end of the stream: what was gathered is told.
    pub fn finish(&mut self, sink: &mut dyn Sink) {
        self.core.tell_summaries(None, sink);
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
    fn skipped(&self, skipped: &Skipped<'_>, number: u32, sink: &mut dyn Sink) {
        if self.setup.shard.is_some_and(|(index, _)| index != 0) {
            return;
        }
        let outcome = match (skipped.read_only, skipped.failed) {
            (true, _) => Outcome::ReadOnly,
            (false, true) => Outcome::Failed,
            (false, false) => Outcome::Unwatched,
        };
        sink.outcome(&EventOutcome {
            format: Some(skipped.format),
            account: skipped.account,
            event_id: skipped.id,
            service: skipped.service,
            name: skipped.name,
            time: skipped.time,
            ..EventOutcome::of(number, outcome)
        });
    }

    fn dead(&self, dead: &Dead<'_>, number: u32, sink: &mut dyn Sink) {
        if self.setup.shard.is_some_and(|(index, _)| index != 0) {
            return;
        }
        sink.outcome(&EventOutcome {
            format: dead.format,
            dead: Some(dead.reason),
            detail: dead.detail,
            account: dead.account,
            event_id: dead.id,
            service: dead.service,
            ..EventOutcome::of(number, Outcome::Dead)
        });
    }

    /// Whose an event is, what it says, and what follows.
    fn event(
        &mut self,
        event: &Event<'_>,
        number: u32,
        arena: &Bump,
        trace: Option<&dyn Tracer>,
        sink: &mut dyn Sink,
    ) {
        let mut told = EventOutcome::about(event, number);
        if event.account.is_empty() {
            return self.quarantine(&told, "the event names no account", sink);
        }
        let tenant = match self.registry.resolve(event.key.provider, event.account, None) {
            Resolution::Tenant(tenant) => tenant,
            Resolution::Conflict => {
                return self.quarantine(&told, "two sources name different tenants", sink);
            }
            Resolution::Unmapped => {
                return self.quarantine(&told, "the account is not mapped to a tenant", sink);
            }
        };
        told.tenant = &tenant;
        if let Some(trace) = trace {
            trace.tell(&Trace::Tenant { tenant: &tenant, account: event.account });
        }
        let cell = Cell {
            tenant: Arc::clone(&tenant),
            provider: event.key.provider,
            account: event.account.into(),
        };
        if self.setup.shard.is_some_and(|(index, count)| shard_of(&cell.tenant, count) != index) {
            return;
        }
        let content = Arc::clone(&self.content);
        let watch = (trace, &self.ledger);
        let change = match map_traced(event, &cell, &content, &self.setup.limits, arena, watch) {
            Mapped::Change(change) => change,
            Mapped::Nothing => {
                told.outcome = quiet(event);
                self.tell_spenders(sink);
                return sink.outcome(&told);
            }
        };
        if let Some(trace) = trace {
            trace.tell(&Trace::Change(&change));
        }
        if event.ownership == Ownership::Provider && change.writes.is_empty() {
            told.outcome = Outcome::Provider;
            return sink.outcome(&told);
        }
        let limits = &self.setup.limits;
        let (graph, ledger) = (&self.graph, &self.ledger);
        let frame = Frame { content: &content, graph, limits, trace, ledger };
        let known = &self.known;
        let account = self.accounts.entry(cell.clone()).or_insert_with(|| Account {
            state: CellState::new(
                cell,
                known.get(&event.key.provider).cloned().unwrap_or_default(),
            ),
            findings: crate::detect::CellFindings::default(),
        });
        let Judged { mut outcome, resources, told: steps } = account.take(*change, frame, arena);
        if outcome == Outcome::Unchanged && is_plain_read(event, &content) {
            outcome = Outcome::ReadOnly;
        }
        let now = account.state.watermark;
        let uids: Vec<String> = steps
            .iter()
            .filter(|told| told.alone)
            .map(|told| told.change.finding.uid.to_string())
            .collect();
        let resources = self.named(&resources);
        sink.outcome(&EventOutcome { outcome, resources: &resources, alerts: &uids, ..told });
        self.tell_spenders(sink);
        self.tell_summaries(Some((&tenant, now)), sink);
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

    fn quarantine(&self, told: &EventOutcome<'_>, why: &str, sink: &mut dyn Sink) {
        if self.setup.shard.is_none_or(|(index, _)| index == 0) {
            sink.outcome(&EventOutcome { detail: why, ..told.clone() });
        }
    }

    fn tell(&mut self, told: Told, now: Timestamp, sink: &mut dyn Sink) {
        if !told.alone {
            sink.kept(&told.change);
            self.discoveries.add(told, now);
            return;
        }
        sink.finding(&told.change, &self.content.detectors[told.detector], &self.content);
    }

    fn tell_spenders(&mut self, sink: &mut dyn Sink) {
        for spender in self.ledger.take() {
            let first = !self.spenders.contains(&spender);
            sink.exhausted(&spender, first);
            if first {
                self.spenders.insert(spender);
            }
        }
    }

    fn tell_summaries(&mut self, of: Option<(&str, Timestamp)>, sink: &mut dyn Sink) {
        for (change, detector) in self.discoveries.due(of) {
            sink.finding(&change, &self.content.detectors[detector], &self.content);
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

/// Whether an event only reads, and no entry names it: it was looked at for its actor alone.
fn is_plain_read(event: &Event<'_>, content: &Content) -> bool {
    event.read_only == Some(true) && !content.reads(&event.key)
}

/// The fate of an event that no entry reads after all.
fn quiet(event: &Event<'_>) -> Outcome {
    if event.error.is_some() {
        Outcome::Failed
    } else if event.read_only == Some(true) {
        Outcome::ReadOnly
    } else if event.ownership == Ownership::Provider {
        Outcome::Provider
    } else {
        Outcome::Unwatched
    }
}

/// The shard a tenant belongs to.
fn shard_of(tenant: &str, count: u32) -> u32 {
    let hash = xxhash_rust::xxh3::xxh3_64(tenant.as_bytes()) % u64::from(count.max(1));
    u32::try_from(hash).unwrap_or_default()
}
