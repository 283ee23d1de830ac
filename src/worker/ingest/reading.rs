//! A record in, what its events come to out: changes and dead letters, side by side in a batch.
//!
//! A record is read while the log shows it, so that none is copied.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tracing::{error, warn};

use crate::content::Content;
use crate::decode::Record;
use crate::engine::{EventOutcome, Gate, Intake as Pipeline, Setup};
use crate::log::{Commit, Incoming, Offset, TopicPartition};
use crate::model::{Change, DeadReason, Format, Outcome, Reached, Timestamp};
use crate::tenant::Registry;
use crate::wire;

use super::super::batch::{self, warn_of};
use super::super::letters::{self, Body, Letter};
use super::super::topics::{Topics, key_of};
use super::super::{Happening, Observer, Role, sabotage};
use super::place::Place;
use super::{Binding, Intake};

/// A record to be sent.
pub(super) struct Out {
    /// The place, in its batch, of the partition that it was read from.
    seat: usize,
    pub(super) what: What,
}

/// What is sent.
pub(super) enum What {
    Change { key: Vec<u8>, value: Vec<u8> },
    Letter(batch::Out),
}

/// What the records of one batch came to.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) outs: Vec<Out>,
    seats: Vec<Seat>,
    /// Where the last record came from: the next mostly does too.
    last: usize,
    /// Records that were shown, and the bytes of their values.
    pub(super) records: usize,
    pub(super) bytes: usize,
    /// When the first of them was.
    pub(super) began: Option<Timestamp>,
}

/// How far a batch read a partition.
pub(super) struct Seat {
    pub(super) of: TopicPartition,
    pub(super) next: Offset,
    pub(super) records: u64,
    /// One record too many could not be read: nothing more is.
    pub(super) broken: bool,
}

impl Batch {
    /// The partitions that records were shown of.
    pub(super) fn seats(&self) -> &[Seat] {
        &self.seats
    }

    /// Those of which a record was read.
    pub(super) fn read(&self) -> impl Iterator<Item = &Seat> {
        self.seats.iter().filter(|seat| seat.records > 0)
    }

    /// What its group may commit once everything is delivered.
    pub(super) fn commits(&self) -> Vec<Commit> {
        let commit =
            |seat: &Seat| Commit { of: seat.of.clone(), next: seat.next, receipt: String::new() };
        self.read().map(commit).collect()
    }

    /// Forgets what was read of partitions that are no longer held.
    pub(super) fn keep(&mut self, places: &BTreeMap<TopicPartition, Place>) {
        let kept: Vec<bool> = self.seats.iter().map(|s| places.contains_key(&s.of)).collect();
        self.outs.retain(|out| kept[out.seat]);
        for (seat, kept) in self.seats.iter_mut().zip(kept) {
            if !kept {
                (seat.records, seat.broken) = (0, false);
            }
        }
    }

    /// The place of a partition among those read.
    fn seat(&mut self, incoming: &Incoming<'_>) -> usize {
        let (topic, partition) = (incoming.topic, incoming.partition);
        let is = |seat: &Seat| seat.of.partition == partition && *seat.of.topic == *topic;
        if !self.seats.get(self.last).is_some_and(is) {
            self.last = self.seats.iter().position(is).unwrap_or_else(|| {
                let of = TopicPartition::new(topic, partition.0);
                self.seats.push(Seat { of, next: Offset(0), records: 0, broken: false });
                self.seats.len() - 1
            });
        }
        self.last
    }
}

/// Reads records by the content in use.
pub(super) struct Reading {
    settings: Arc<Intake>,
    content: Arc<Content>,
    registry: Arc<Registry>,
    setup: Setup,
    /// One pipeline for each format insisted on.
    pipelines: Vec<(Option<Format>, Pipeline)>,
    observer: Arc<dyn Observer>,
    said: Said,
}

impl Reading {
    pub(super) fn new(
        settings: Arc<Intake>,
        (content, registry, setup): (Arc<Content>, &Arc<Registry>, &Setup),
        observer: Arc<dyn Observer>,
    ) -> Self {
        let mut formats: Vec<Option<Format>> = Vec::new();
        for source in &settings.sources {
            if !formats.contains(&source.format) {
                formats.push(source.format);
            }
        }
        let pipeline = |format| (format, fresh(format, &content, registry, setup));
        let pipelines = formats.into_iter().map(pipeline).collect();
        let (registry, setup, said) = (Arc::clone(registry), setup.clone(), Said::default());
        Self { settings, content, registry, setup, pipelines, observer, said }
    }

    /// Goes by other content from now on.
    pub(super) fn adopt(&mut self, content: &Arc<Content>) {
        self.content = Arc::clone(content);
        for (_, pipeline) in &mut self.pipelines {
            pipeline.adopt(Arc::clone(content));
        }
    }

    /// Takes in one record, unless its partition is not read any more.
    pub(super) fn take(
        &mut self,
        incoming: &Incoming<'_>,
        now: Timestamp,
        places: &mut BTreeMap<TopicPartition, Place>,
        batch: &mut Batch,
    ) {
        batch.records += 1;
        batch.bytes += incoming.value.map_or(0, <[u8]>::len);
        let place = batch.seat(incoming);
        let seat = &batch.seats[place];
        let Some(partition) = places.get_mut(&seat.of).filter(|p| !p.halted && !seat.broken) else {
            return;
        };
        let before = batch.outs.len();
        let refused = self.read(incoming, now, place, batch);
        let seat = &mut batch.seats[place];
        if partition.stands(refused, &self.settings) {
            seat.next = Offset(incoming.offset.0 + 1);
            seat.records += 1;
        } else {
            batch.outs.truncate(before);
            seat.broken = true;
        }
    }

    /// Reads one record; whether nothing of it could be.
    fn read(
        &mut self,
        incoming: &Incoming<'_>,
        now: Timestamp,
        seat: usize,
        batch: &mut Batch,
    ) -> bool {
        let Self { settings, pipelines, content, registry, setup, observer, said } = self;
        let Batch { outs, seats, .. } = batch;
        let source = settings.sources.iter().find(|source| *source.topic == *incoming.topic);
        let format = source.and_then(|source| source.format);
        let Some((_, pipeline)) = pipelines.iter_mut().find(|(known, _)| *known == format) else {
            return false;
        };
        let bound = source.map_or(Ok(None), |source| bound(&source.binding, incoming));
        let value = incoming.value.unwrap_or_default();
        let record = Record { value, headers: incoming.headers, time: incoming.time };
        let before = outs.len();
        let of = &seats[seat].of;
        let mut desk = Desk {
            outs,
            said,
            content,
            observer: &**observer,
            incoming,
            of,
            seat,
            arrived: incoming.time.unwrap_or(now),
            topics: &settings.topics,
            letters: settings.letters,
            events: 0,
            dead: 0,
        };
        match bound {
            Ok(bound) => {
                let run = || pipeline.record(&record, bound, &mut desk);
                if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
                    let (offset, said) = (incoming.offset.0, sabotage::said(&*panic));
                    error!(partition = %of, offset, said, "a record broke its reader");
                    // What it was in the middle of is of no use to the next.
                    *pipeline = fresh(format, content, registry, setup);
                    desk.outs.truncate(before);
                    (desk.events, desk.dead) = (0, 0);
                    desk.refuse_all(DeadReason::Broke, "a fault of Driftline's; see its log");
                }
            }
            Err(name) => {
                let detail = format!("header `{name}`, which is to name the tenant");
                desk.refuse_all(DeadReason::MissingField, &detail);
            }
        }
        desk.events == desk.dead && desk.dead > 0
    }
}

/// What was logged before, and is not again.
#[derive(Default)]
struct Said {
    reached: BTreeSet<Reached>,
    /// Accounts that are nobody's, at most [`MAX_STRANGERS`].
    strangers: BTreeSet<String>,
}

/// Accounts that are nobody's are named in the log up to so many.
const MAX_STRANGERS: usize = 1_000;

/// Where a record's events go.
struct Desk<'d> {
    outs: &'d mut Vec<Out>,
    said: &'d mut Said,
    content: &'d Content,
    observer: &'d dyn Observer,
    incoming: &'d Incoming<'d>,
    of: &'d TopicPartition,
    seat: usize,
    arrived: Timestamp,
    topics: &'d Topics,
    letters: Body,
    events: usize,
    dead: usize,
}

impl Desk<'_> {
    /// Logs once whose events are quarantined.
    fn name_stranger(&mut self, account: &str) {
        let known = &mut self.said.strangers;
        if known.len() < MAX_STRANGERS && !known.contains(account) {
            // It is chosen by whoever sends records: quoted and escaped.
            warn!(topic = %self.of.topic, ?account, "nobody's account: its events are quarantined");
            known.insert(account.to_owned());
        }
    }

    /// Writes a dead letter.
    fn refuse(&mut self, reason: DeadReason, detail: &str) {
        self.dead += 1;
        self.observer.happened(Role::Ingest, &Happening::Dead(reason));
        let Incoming { offset, time, key, value, .. } = *self.incoming;
        let TopicPartition { topic, partition } = self.of;
        let letter = Letter { reason, detail, topic, partition: partition.0, offset, time };
        let (key, value) = (key.unwrap_or_default(), value.unwrap_or_default());
        let out = letters::out(&self.topics.deadletters, 0, &letter, key, value, self.letters);
        self.outs.push(Out { seat: self.seat, what: What::Letter(out) });
    }

    /// The same for a record of which nothing is read.
    fn refuse_all(&mut self, reason: DeadReason, detail: &str) {
        self.events += 1;
        let what = Happening::Event { format: None, outcome: Outcome::Dead, age: None };
        self.observer.happened(Role::Ingest, &what);
        self.refuse(reason, detail);
    }
}

impl Gate for Desk<'_> {
    fn outcome(&mut self, told: &EventOutcome<'_>) {
        self.events += 1;
        let age = told.time.map(|time| self.arrived.since(time));
        let what = Happening::Event { format: told.format, outcome: told.outcome, age };
        self.observer.happened(Role::Ingest, &what);
        if told.outcome == Outcome::Quarantined {
            self.name_stranger(told.account);
        }
        if let Some(reason) = told.dead {
            self.refuse(reason, told.detail);
        }
    }

    fn reached(&mut self, reached: &Reached) {
        if !self.said.reached.contains(reached) {
            warn_of(reached);
            self.said.reached.insert(reached.clone());
        }
        self.observer.happened(Role::Ingest, &Happening::Reached(reached.limit, 1));
    }

    fn change(&mut self, change: &Change, told: &EventOutcome<'_>) {
        self.events += 1;
        sabotage::trip(Role::Ingest, &change.cause.id);
        let origin = wire::event::Origin {
            arrived: self.arrived,
            topic: Arc::clone(&self.of.topic),
            partition: self.of.partition.0,
            offset: self.incoming.offset.0,
            reads: told.outcome == Outcome::ReadOnly,
        };
        let key = key_of(&change.cell);
        let value = wire::event::encode(change, &origin, &self.content.schema);
        self.outs.push(Out { seat: self.seat, what: What::Change { key, value } });
    }
}

/// A pipeline that has read nothing.
fn fresh(
    format: Option<Format>,
    content: &Arc<Content>,
    registry: &Arc<Registry>,
    setup: &Setup,
) -> Pipeline {
    let setup = Setup { format, ..setup.clone() };
    Pipeline::new(Arc::clone(content), Arc::clone(registry), setup)
}

/// Whose a record is, where its source settles that.
///
/// # Errors
/// The header that should say so and does not.
fn bound<'b>(binding: &'b Binding, incoming: &Incoming<'b>) -> Result<Option<&'b str>, &'b str> {
    match binding {
        Binding::Account => Ok(None),
        Binding::Fixed(tenant) => Ok(Some(tenant)),
        Binding::Header(name) => {
            let value = incoming.headers.iter().find(|(known, _)| *known == &**name);
            match value.map(|(_, value)| std::str::from_utf8(value)) {
                Some(Ok(tenant)) if !tenant.is_empty() => Ok(Some(tenant)),
                _ => Err(name),
            }
        }
        Binding::TopicSuffix => Ok(incoming.topic.rsplit_once('.').map(|(_, last)| last)),
    }
}
