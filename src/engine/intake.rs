//! From a record to what its events say: everything that needs no state.

use std::sync::Arc;

use bumpalo::Bump;

use crate::content::Content;
use crate::decode::{Dead, Decoded, Decoder, Detail, Index, Record, Skipped};
use crate::map::{Mapped, map_traced};
use crate::model::{
    Cell, Change, Event, EventKey, Ledger, Outcome, Ownership, Reached, Trace, Tracer,
};
use crate::tenant::{Registry, Resolution};

use super::{EventOutcome, Setup, shard_of};

/// The decoder's question, answered by the content's index, and told to whoever asked.
pub(super) struct Reads<'c>(pub &'c Content, pub Option<&'c dyn Tracer>);

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

/// What an event is looked at with.
#[derive(Clone, Copy)]
pub(super) struct Desk<'d> {
    pub content: &'d Content,
    pub registry: &'d Registry,
    pub setup: &'d Setup,
    pub ledger: &'d Ledger,
    pub trace: Option<&'d dyn Tracer>,
    /// Whose the source is, where that is settled.
    pub bound: Option<&'d str>,
}

/// What an event comes to before any state is asked.
pub(super) struct Prepared<'e> {
    /// What is told of it; its tenant apart.
    pub told: EventOutcome<'e>,
    /// Whose it is, where that can be told.
    pub tenant: Option<Arc<str>>,
    /// What it says; without it `told` is its end.
    pub change: Option<Box<Change>>,
}

impl Desk<'_> {
    /// Whether what belongs to nobody is told here.
    fn tells_strays(&self) -> bool {
        self.setup.shard.is_none_or(|(index, _)| index == 0)
    }

    /// What is told of an event that was skipped.
    pub fn skipped<'s>(&self, skipped: &Skipped<'s>, number: u32) -> Option<EventOutcome<'s>> {
        let outcome = match (skipped.read_only, skipped.failed) {
            (true, _) => Outcome::ReadOnly,
            (false, true) => Outcome::Failed,
            (false, false) => Outcome::Unwatched,
        };
        self.tells_strays().then(|| EventOutcome {
            format: Some(skipped.format),
            account: skipped.account,
            event_id: skipped.id,
            service: skipped.service,
            name: skipped.name,
            time: skipped.time,
            ..EventOutcome::of(number, outcome)
        })
    }

    /// What is told of an event that was refused.
    pub fn dead<'s>(&self, dead: &'s Dead<'_>, number: u32) -> Option<EventOutcome<'s>> {
        self.tells_strays().then(|| EventOutcome {
            format: dead.format,
            dead: Some(dead.reason),
            detail: dead.detail,
            account: dead.account,
            event_id: dead.id,
            service: dead.service,
            ..EventOutcome::of(number, Outcome::Dead)
        })
    }

    /// Whose an event is and what it says; `None` where another shard tells.
    pub fn prepare<'e>(
        &self,
        event: &Event<'e>,
        number: u32,
        arena: &Bump,
    ) -> Option<Prepared<'e>> {
        let mut told = EventOutcome::about(event, number);
        let lost = |detail: &'static str| {
            let told = EventOutcome { detail, ..told.clone() };
            self.tells_strays().then_some(Prepared { told, tenant: None, change: None })
        };
        if event.account.is_empty() {
            return lost("the event names no account");
        }
        let found = self.registry.resolve(event.key.provider, event.account, self.bound);
        let tenant = match found {
            Resolution::Tenant(tenant) => tenant,
            Resolution::Conflict => return lost("two sources name different tenants"),
            Resolution::Unmapped => return lost("the account is not mapped to a tenant"),
        };
        if let Some(trace) = self.trace {
            trace.tell(&Trace::Tenant { tenant: &tenant, account: event.account });
        }
        if self.setup.shard.is_some_and(|(index, count)| shard_of(&tenant, count) != index) {
            return None;
        }
        let cell = Cell {
            tenant: Arc::clone(&tenant),
            provider: event.key.provider,
            account: event.account.into(),
        };
        let watch = (self.trace, self.ledger);
        let mapped = map_traced(event, &cell, self.content, &self.setup.limits, arena, watch);
        let change = match mapped {
            Mapped::Change(change) => {
                if let Some(trace) = self.trace {
                    trace.tell(&Trace::Change(&change));
                }
                Some(change)
            }
            Mapped::Nothing => {
                told.outcome = quiet(event);
                None
            }
        };
        let providers = event.ownership == Ownership::Provider;
        let change = change.filter(|change| !providers || !change.writes.is_empty());
        if change.is_none() && told.outcome == Outcome::Quarantined {
            told.outcome = Outcome::Provider;
        }
        // What it comes to where nothing of it is new.
        if change.is_some() {
            told.outcome = if is_plain_read(event, self.content) {
                Outcome::ReadOnly
            } else {
                Outcome::Unchanged
            };
        }
        Some(Prepared { told, tenant: Some(tenant), change })
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

/// Where what records say goes, when their state is kept elsewhere.
pub trait Gate {
    /// The fate of an event that ends here.
    fn outcome(&mut self, outcome: &EventOutcome<'_>);
    /// What an event says; its fate is told where its state is. `outcome` holds what it comes to
    /// there if nothing of it is new.
    fn change(&mut self, change: &Change, outcome: &EventOutcome<'_>);
    /// A limit was reached: an expression of a mapping used up its budget.
    fn reached(&mut self, _reached: &Reached) {}
}

/// The half of the pipeline that needs no state.
pub struct Intake {
    decoder: Decoder,
    content: Arc<Content>,
    registry: Arc<Registry>,
    setup: Setup,
    ledger: Ledger,
}

impl Intake {
    /// An intake by that content, for those tenants.
    #[must_use]
    pub fn new(content: Arc<Content>, registry: Arc<Registry>, setup: Setup) -> Self {
        let detail = if setup.detailed { Detail::Full } else { Detail::Counts };
        let decoder = Decoder::new(setup.limits.clone(), setup.format, detail);
        Self { decoder, content, registry, setup, ledger: Ledger::default() }
    }

    /// Goes by other content from now on.
    pub fn adopt(&mut self, content: Arc<Content>) {
        self.content = content;
    }

    /// Takes in one record: for each event in it an outcome or a change. `bound` is whose the source
    /// is, where that is settled: an account of somebody else is quarantined.
    pub fn record(&mut self, record: &Record<'_>, bound: Option<&str>, gate: &mut dyn Gate) {
        let Self { decoder, content, registry, setup, ledger } = self;
        let desk = Desk { content, registry, setup, ledger, trace: None, bound };
        let mut number = 0;
        decoder.decode(record, &Reads(content, None), &mut |arena, decoded| {
            match decoded {
                Decoded::Skipped(skipped) => {
                    if let Some(told) = desk.skipped(skipped, number) {
                        gate.outcome(&told);
                    }
                }
                Decoded::Dead(dead) => {
                    if let Some(told) = desk.dead(dead, number) {
                        gate.outcome(&told);
                    }
                }
                Decoded::Event(event) => {
                    let prepared = desk.prepare(event, number, arena);
                    for reached in ledger.take() {
                        gate.reached(&reached);
                    }
                    if let Some(Prepared { told, tenant, change }) = prepared {
                        let told = EventOutcome { tenant: tenant.as_deref().unwrap_or(""), ..told };
                        match change {
                            Some(change) => gate.change(&change, &told),
                            None => gate.outcome(&told),
                        }
                    }
                }
            }
            number += 1;
        });
    }
}
