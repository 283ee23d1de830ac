//! `ingest`: records of the clouds' topics in; changes and dead letters out, at least once.
//!
//! A batch's offsets are committed once everything it produced is delivered. What is read twice
//! makes changes twice, and `detect` knows an event by its id.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tracing::{error, info, warn};

use crate::content::Content;
use crate::decode::Record;
use crate::engine::{EventOutcome, Gate, Intake as Pipeline, Setup};
use crate::log::{
    Admin as _, Call, Cause, Commit, Consumer as _, Isolation, Log, LogError, Membership, Offset,
    Outgoing, Polled, Producer as _, Promise, Protocol, Reader as _, To, TopicPartition, Trouble,
};
use crate::model::{Change, DeadReason, Format, Outcome, Reached, Timestamp};
use crate::tenant::Registry;
use crate::wire;

use super::batch::warn_of;
use super::letters::{self, Body, Letter};
use super::sabotage::{self, Mutant};
use super::topics::{Topics, key_of};
use super::{Clock, Condition, Happening, Moved, Observer, Role};

/// Whose what a source delivers is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Binding {
    /// As the account map says.
    Account,
    /// Always this tenant's.
    Fixed(Arc<str>),
    /// As this header says, which the broker's own users can't choose.
    Header(Box<str>),
    /// As the topic's name ends, behind its last `.`.
    TopicSuffix,
}

/// A topic that a cloud writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its name.
    pub topic: Arc<str>,
    /// The wire format to insist on; `None` recognises each record.
    pub format: Option<Format>,
    /// Whose it is.
    pub binding: Binding,
}

/// How a worker that takes in is set up.
#[derive(Clone, Debug)]
pub struct Intake {
    /// The topics it writes.
    pub topics: Topics,
    /// What it reads, all in one cluster.
    pub sources: Vec<Source>,
    /// The group's whole name.
    pub group: String,
    /// This worker's name, where the group is to know it over restarts.
    pub name: Option<String>,
    /// How the group shares partitions.
    pub protocol: Protocol,
    /// Without a sign of life for so long the worker is dead.
    pub session: Duration,
    /// Without a turn for so long the worker has lost its partitions.
    pub silence: Duration,
    /// Records of one batch.
    pub batch_records: usize,
    /// Bytes of one batch's records; one record may be more.
    pub batch_bytes: usize,
    /// How long one call to the broker may take.
    pub patience: Duration,
    /// How much of a refused record is kept.
    pub letters: Body,
    /// Records without a single event that can be read, one after the other, after which a
    /// partition is halted; 0 never halts.
    pub breaker: usize,
    /// Of every [`BREAKER_RECORDS`] records at most so many in a hundred may be unreadable, else
    /// their partition is halted; 100 never halts.
    pub breaker_percent: usize,
    /// What is broken on purpose, in tests of the tests.
    #[doc(hidden)]
    pub mutant: Option<Mutant>,
}

/// After so many records of a partition it is asked how many of them could not be read.
pub const BREAKER_RECORDS: usize = 2_000;

/// A partition of a source.
struct Place {
    of: TopicPartition,
    /// The next record, as far as it is committed.
    next: Offset,
    /// Where it ends, and when that was last asked, by the wall clock.
    end: Offset,
    looked: Timestamp,
    /// Refused records in a row.
    refused: usize,
    /// Of how many of the last records how many were refused.
    seen: usize,
    bad: usize,
    /// Whether it waits to know where to begin.
    waits: bool,
    halted: bool,
}

impl Place {
    fn new(of: TopicPartition) -> Self {
        Self {
            of,
            next: Offset(0),
            end: Offset(0),
            looked: Timestamp(i64::MIN),
            refused: 0,
            seen: 0,
            bad: 0,
            waits: true,
            halted: false,
        }
    }

    /// Counts a record; false where too many can't be read.
    fn stands(&mut self, refused: bool, settings: &Intake) -> bool {
        self.refused = if refused { self.refused + 1 } else { 0 };
        self.seen += 1;
        self.bad += usize::from(refused);
        let mut stands = settings.breaker == 0 || self.refused <= settings.breaker;
        if self.seen >= BREAKER_RECORDS {
            stands &= self.bad * 100 <= self.seen * settings.breaker_percent;
            // Older ones count half as much from now on.
            (self.seen, self.bad) = (self.seen / 2, self.bad / 2);
        }
        stands
    }
}

/// A record that was read.
struct Raw {
    of: TopicPartition,
    offset: Offset,
    key: Option<Box<[u8]>>,
    value: Box<[u8]>,
    headers: Vec<(Box<str>, Box<[u8]>)>,
    time: Option<Timestamp>,
}

/// A record to be sent.
enum Out {
    Change { key: Vec<u8>, value: Vec<u8> },
    Letter(super::batch::Out),
}

/// A worker that takes in.
pub struct Ingest<L: Log> {
    from: L,
    to: L,
    settings: Intake,
    content: Arc<Content>,
    registry: Arc<Registry>,
    setup: Setup,
    /// One pipeline for each format insisted on.
    pipelines: Vec<(Option<Format>, Pipeline)>,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    consumer: Option<L::Consumer>,
    producer: Option<L::Producer>,
    admin: Option<L::Admin>,
    places: BTreeMap<TopicPartition, Place>,
    leaving: BTreeSet<TopicPartition>,
    stranded: bool,
    said: Said,
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
    raw: &'d Raw,
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
            warn!(topic = %self.raw.of.topic, ?account, "nobody's account: its events are quarantined");
            known.insert(account.to_owned());
        }
    }

    /// Writes a dead letter.
    fn refuse(&mut self, reason: DeadReason, detail: &str) {
        self.dead += 1;
        self.observer.happened(Role::Ingest, &Happening::Dead(reason));
        let raw = self.raw;
        let letter = Letter {
            reason,
            detail,
            topic: &raw.of.topic,
            partition: raw.of.partition.0,
            offset: raw.offset,
            time: raw.time,
        };
        let key = raw.key.as_deref().unwrap_or_default();
        let out = letters::out(&self.topics.deadletters, 0, &letter, key, &raw.value, self.letters);
        self.outs.push(Out::Letter(out));
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
            topic: Arc::clone(&self.raw.of.topic),
            partition: self.raw.of.partition.0,
            offset: self.raw.offset.0,
            reads: told.outcome == Outcome::ReadOnly,
        };
        self.outs.push(Out::Change {
            key: key_of(&change.cell),
            value: wire::event::encode(change, &origin, &self.content.schema),
        });
    }
}

impl<L: Log> Ingest<L> {
    /// A worker that reads in one cluster and writes in another, or the same.
    pub fn new(
        (from, to): (L, L),
        settings: Intake,
        (content, registry, setup): (Arc<Content>, &Arc<Registry>, &Setup),
        clock: Arc<dyn Clock>,
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
        Self {
            from,
            to,
            settings,
            content,
            registry: Arc::clone(registry),
            setup: setup.clone(),
            pipelines,
            clock,
            observer,
            consumer: None,
            producer: None,
            admin: None,
            places: BTreeMap::new(),
            leaving: BTreeSet::new(),
            stranded: false,
            said: Said::default(),
        }
    }

    /// One turn of the loop, which waits no longer than `wait` for something to happen.
    ///
    /// # Errors
    /// What a person must see to: the worker is to be ended.
    pub fn turn(&mut self, wait: Duration) -> Result<(), LogError> {
        self.stranded = false;
        self.join()?;
        self.begin_places()?;
        self.look_ahead()?;
        let raws = self.gather(wait)?;
        if !raws.is_empty() {
            self.deliver(&raws)?;
        }
        for of in std::mem::take(&mut self.leaving) {
            self.places.remove(&of);
            let (topic, partition) = (&of.topic, of.partition.0);
            self.tell(&Happening::Left { topic, partition });
        }
        self.tell(&Happening::Condition(self.condition()));
        Ok(())
    }

    /// Ends in order.
    ///
    /// # Errors
    /// Where that takes longer than `wait`.
    pub fn stop(mut self, wait: Duration) -> Result<(), LogError> {
        self.tell(&Happening::Condition(Condition::Stopped));
        match self.consumer.take() {
            Some(consumer) => consumer.close(wait),
            None => Ok(()),
        }
    }

    /// Goes by other content from now on, between two turns.
    pub fn adopt(&mut self, content: &Arc<Content>) {
        self.content = Arc::clone(content);
        for (_, pipeline) in &mut self.pipelines {
            pipeline.adopt(Arc::clone(content));
        }
    }

    /// Where its partitions stand.
    #[must_use]
    pub fn condition(&self) -> Condition {
        let halted = self.places.values().filter(|place| place.halted).count();
        let waiting = self.places.values().filter(|place| place.waits).count();
        if self.stranded {
            Condition::Stranded
        } else if self.places.is_empty() {
            Condition::Joining
        } else if waiting > 0 {
            Condition::Restoring(waiting)
        } else if halted > 0 {
            Condition::Halted(halted)
        } else {
            Condition::Working
        }
    }

    fn tell(&self, what: &Happening<'_>) {
        self.observer.happened(Role::Ingest, what);
    }

    fn failed(&mut self, trouble: &LogError) {
        self.stranded = trouble
            .trouble()
            .is_some_and(|trouble| matches!(trouble.cause, Cause::Unreachable | Cause::Storage));
        self.tell(&Happening::Failed(trouble.reason()));
    }

    fn join(&mut self) -> Result<(), LogError> {
        if self.producer.is_none() {
            self.producer = Some(self.to.producer(&Promise::Idempotent)?);
        }
        if self.consumer.is_some() {
            return Ok(());
        }
        let settings = &self.settings;
        let membership = Membership {
            group: settings.group.clone(),
            topics: settings.sources.iter().map(|source| source.topic.to_string()).collect(),
            instance: settings.name.clone(),
            protocol: settings.protocol,
            session: settings.session,
            silence: settings.silence,
        };
        self.consumer = Some(self.from.consumer(&membership)?);
        self.admin = Some(self.from.admin()?);
        info!(group = %settings.group, "joining");
        Ok(())
    }

    /// Begins to read partitions that came: where the group was, else at their beginning.
    fn begin_places(&mut self) -> Result<(), LogError> {
        let waiting: Vec<TopicPartition> =
            self.places.values().filter(|place| place.waits).map(|p| p.of.clone()).collect();
        let Some(admin) = self.admin.as_mut().filter(|_| !waiting.is_empty()) else {
            return Ok(());
        };
        let patience = self.settings.patience;
        let mut begin = || {
            let committed = admin.committed(&self.settings.group, &waiting, patience)?;
            let mut at = Vec::with_capacity(waiting.len());
            for (of, committed) in waiting.iter().zip(committed) {
                let next = match committed {
                    Some(committed) => committed.next,
                    None => admin.bounds(of, Isolation::Committed, patience)?.first,
                };
                at.push((of.clone(), next));
            }
            Ok(at)
        };
        let at = match begin() {
            Ok(at) => at,
            Err(error @ LogError::Retry(_)) => {
                self.failed(&error);
                return Ok(());
            }
            Err(other) => return Err(other),
        };
        for (of, next) in &at {
            if let Some(place) = self.places.get_mut(of) {
                place.next = *next;
                place.waits = false;
            }
        }
        self.start(&at)
    }

    /// Asks where one partition ends, now and then.
    fn look_ahead(&mut self) -> Result<(), LogError> {
        /// How often, in microseconds.
        const EVERY: i64 = 5 * 1_000_000;
        /// How long that may take.
        const LOOK: Duration = Duration::from_millis(200);
        let now = self.clock.now();
        let due = |p: &&mut Place| !p.waits && !p.halted && now.since(p.looked) >= EVERY;
        let Some(place) = self.places.values_mut().find(due) else { return Ok(()) };
        place.looked = now;
        let Some(admin) = &mut self.admin else { return Ok(()) };
        match admin.bounds(&place.of, Isolation::Committed, LOOK) {
            Ok(bounds) => {
                place.end = bounds.end;
                let (of, lag) = (place.of.clone(), bounds.end.0.saturating_sub(place.next.0));
                let (topic, partition) = (&of.topic, of.partition.0);
                self.tell(&Happening::Consumed { topic, partition, records: 0, lag });
                Ok(())
            }
            Err(error) if error.is_passing() => {
                self.failed(&error);
                Ok(())
            }
            Err(other) => Err(other),
        }
    }

    fn start(&mut self, at: &[(TopicPartition, Offset)]) -> Result<(), LogError> {
        let Some(consumer) = self.consumer.as_mut().filter(|_| !at.is_empty()) else {
            return Ok(());
        };
        match consumer.start(at) {
            Ok(()) | Err(LogError::Rebuild(_) | LogError::Abort(_)) => Ok(()),
            Err(LogError::Retry(trouble)) => {
                self.failed(&LogError::Retry(trouble));
                self.places.clear();
                self.consumer = None;
                Ok(())
            }
            Err(other) => Err(other),
        }
    }

    fn gather(&mut self, wait: Duration) -> Result<Vec<Raw>, LogError> {
        let mut raws: Vec<Raw> = Vec::new();
        let (mut wait, mut bytes) = (wait, 0);
        while raws.len() < self.settings.batch_records && bytes < self.settings.batch_bytes {
            let Some(consumer) = &mut self.consumer else { break };
            let polled = consumer.poll(wait, &mut |incoming| {
                bytes += incoming.value.map_or(0, <[u8]>::len);
                raws.push(Raw {
                    of: TopicPartition::new(incoming.topic, incoming.partition.0),
                    offset: incoming.offset,
                    key: incoming.key.map(Into::into),
                    value: incoming.value.unwrap_or_default().into(),
                    headers: incoming
                        .headers
                        .iter()
                        .map(|(name, value)| ((*name).into(), (*value).into()))
                        .collect(),
                    time: incoming.time,
                });
            });
            wait = Duration::ZERO;
            match polled {
                Ok(Polled::Record | Polled::End(_)) => {}
                Ok(Polled::Idle) => break,
                Ok(moved) => {
                    let on = self.moved(moved);
                    raws.retain(|raw| self.places.contains_key(&raw.of));
                    if !on {
                        break;
                    }
                }
                Err(error @ LogError::Retry(_)) => {
                    self.failed(&error);
                    break;
                }
                Err(LogError::Hole(hole)) => {
                    let of = hole.partition.clone();
                    self.halt(&of, &LogError::Hole(hole).to_string());
                }
                Err(error @ LogError::Rebuild(_)) => {
                    warn!(%error, "the consumer is of no further use; joining again");
                    self.tell(&Happening::Failed(error.reason()));
                    self.places.clear();
                    self.consumer = None;
                    return Ok(Vec::new());
                }
                Err(other) => return Err(other),
            }
        }
        Ok(raws)
    }

    /// Sees to what the group did; whether to poll on.
    fn moved(&mut self, moved: Polled) -> bool {
        match moved {
            Polled::Assigned(all) => {
                self.tell(&Happening::Rebalance(Moved::Assigned, all.len()));
                for of in all {
                    self.leaving.remove(&of);
                    self.places.insert(of.clone(), Place::new(of));
                }
                false
            }
            Polled::Revoked(all) => {
                self.tell(&Happening::Rebalance(Moved::Revoked, all.len()));
                self.leaving.extend(all);
                false
            }
            Polled::Lost(all) => {
                self.tell(&Happening::Rebalance(Moved::Lost, all.len()));
                for of in all {
                    self.places.remove(&of);
                    let (topic, partition) = (&of.topic, of.partition.0);
                    self.tell(&Happening::Left { topic, partition });
                }
                true
            }
            Polled::Record | Polled::End(_) | Polled::Idle => true,
        }
    }

    fn halt(&mut self, of: &TopicPartition, why: &str) {
        error!(partition = %of, why, "halted");
        if let Some(place) = self.places.get_mut(of) {
            place.halted = true;
        }
        if let Some(consumer) = &mut self.consumer {
            // It is silent anyway where the call fails.
            let _ = consumer.stop(std::slice::from_ref(of));
        }
        self.tell(&Happening::Halted { topic: &of.topic, partition: of.partition.0, why });
    }

    /// Makes changes of what was read, sees them delivered, and commits.
    fn deliver(&mut self, raws: &[Raw]) -> Result<(), LogError> {
        let began = self.clock.now();
        let mut outs = Vec::new();
        let mut next: BTreeMap<TopicPartition, (Offset, u64)> = BTreeMap::new();
        let mut broken: Vec<TopicPartition> = Vec::new();
        for raw in raws {
            if broken.contains(&raw.of) || self.places.get(&raw.of).is_none_or(|p| p.halted) {
                continue;
            }
            if !self.take(raw, began, &mut outs) {
                broken.push(raw.of.clone());
                continue;
            }
            let known = next.entry(raw.of.clone()).or_default();
            *known = (Offset(raw.offset.0 + 1), known.1 + 1);
        }
        let offsets: Vec<Commit> = next
            .iter()
            .map(|(of, (next, _))| Commit { of: of.clone(), next: *next, receipt: String::new() })
            .collect();
        let early = super::sabotage::is(self.settings.mutant, Mutant::CommitEarly);
        let done = if early {
            self.commit(&offsets).and_then(|()| self.send(&outs))
        } else {
            self.send(&outs).and_then(|()| self.commit(&offsets))
        };
        match done {
            Ok(()) => {
                for (of, (next, records)) in next {
                    let Some(place) = self.places.get_mut(&of) else { continue };
                    place.next = next;
                    let lag = place.end.0.saturating_sub(next.0);
                    let (topic, partition) = (&of.topic, of.partition.0);
                    self.tell(&Happening::Consumed { topic, partition, records, lag });
                }
                let took = self.clock.now().since(began);
                let took = Duration::from_micros(u64::try_from(took).unwrap_or_default());
                self.tell(&Happening::Batch { records: raws.len() as u64, took });
            }
            Err(
                error @ (LogError::Retry(_)
                | LogError::Abort(_)
                | LogError::Unknown(_)
                | LogError::Fenced(_)),
            ) => {
                self.again(raws, &error)?;
            }
            Err(LogError::Rebuild(_)) => {
                self.places.clear();
                self.consumer = None;
            }
            Err(other) => return Err(other),
        }
        for of in broken {
            let Intake { breaker, breaker_percent, .. } = &self.settings;
            let why = format!(
                "{breaker} records in a row or {breaker_percent} % of {BREAKER_RECORDS} can't be \
                 read; look at the dead letters, then set the format of the source or let them \
                 through with `breaker` and `breaker_percent`"
            );
            self.halt(&of, &why);
        }
        Ok(())
    }

    /// Has a batch read again. What was delivered is delivered twice, which does no harm.
    fn again(&mut self, raws: &[Raw], error: &LogError) -> Result<(), LogError> {
        warn!(%error, "a batch is read again");
        self.failed(error);
        self.producer = None;
        let again: BTreeMap<TopicPartition, Offset> = raws
            .iter()
            .filter_map(|raw| self.places.get(&raw.of))
            .filter(|place| !place.halted)
            .map(|place| (place.of.clone(), place.next))
            .collect();
        let again: Vec<(TopicPartition, Offset)> = again.into_iter().collect();
        self.start(&again)
    }

    /// Takes in one record; false where it is one too many that can't be read.
    fn take(&mut self, raw: &Raw, now: Timestamp, outs: &mut Vec<Out>) -> bool {
        let Self { settings, pipelines, places, content, registry, setup, observer, said, .. } =
            self;
        let source = settings.sources.iter().find(|source| source.topic == raw.of.topic);
        let format = source.and_then(|source| source.format);
        let Some((_, pipeline)) = pipelines.iter_mut().find(|(known, _)| *known == format) else {
            return true;
        };
        let bound = source.map_or(Ok(None), |source| bound(&source.binding, raw));
        let headers: Vec<(&str, &[u8])> =
            raw.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        let record = Record { value: &raw.value, headers: &headers, time: raw.time };
        let before = outs.len();
        let mut desk = Desk {
            outs,
            said,
            content,
            observer: &**observer,
            raw,
            arrived: raw.time.unwrap_or(now),
            topics: &settings.topics,
            letters: settings.letters,
            events: 0,
            dead: 0,
        };
        match bound {
            Ok(bound) => {
                let run = || pipeline.record(&record, bound.as_deref(), &mut desk);
                if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
                    let (at, said) = (&raw.of, sabotage::said(&*panic));
                    error!(partition = %at, offset = raw.offset.0, said, "a record broke its reader");
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
        let (events, dead) = (desk.events, desk.dead);
        let Some(place) = places.get_mut(&raw.of) else { return true };
        let stands = place.stands(events == dead && dead > 0, settings);
        if !stands {
            outs.truncate(before);
        }
        stands
    }

    /// Sends all, and waits until it is delivered.
    fn send(&mut self, outs: &[Out]) -> Result<(), LogError> {
        let now = self.clock.now();
        let patience = self.settings.patience;
        let Some(producer) = &mut self.producer else { return Ok(()) };
        for (tag, out) in outs.iter().enumerate() {
            let headers: Vec<(&str, &[u8])> = match out {
                Out::Change { .. } => Vec::new(),
                Out::Letter(letter) => {
                    letter.headers.iter().map(|(name, text)| (*name, text.as_bytes())).collect()
                }
            };
            let (topic, key, value) = match out {
                Out::Change { key, value } => (&self.settings.topics.changes, key, value),
                Out::Letter(letter) => (&letter.topic, &letter.key, &letter.value),
            };
            let record = Outgoing {
                topic,
                to: To::Key,
                key: Some(key).filter(|key| !key.is_empty()).map(Vec::as_slice),
                value: Some(value),
                headers: &headers,
                time: now,
                tag,
            };
            while let Err(error) = producer.send(&record) {
                // A full queue is waited for; everything else ends the batch.
                if !matches!(&error, LogError::Retry(t) if t.cause == Cause::QueueFull) {
                    return Err(error);
                }
                producer.drain(patience);
            }
        }
        let left = producer.drain(patience);
        if let Some(failure) = producer.failures().into_iter().next() {
            return Err(failure.error);
        }
        if left > 0 {
            let detail = format!("{left} records were not delivered in time");
            return Err(LogError::Retry(Trouble::new(Call::Drain, Cause::TimedOut, detail)));
        }
        Ok(())
    }

    fn commit(&mut self, offsets: &[Commit]) -> Result<(), LogError> {
        match self.consumer.as_mut().filter(|_| !offsets.is_empty()) {
            Some(consumer) => consumer.commit(offsets),
            None => Ok(()),
        }
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
fn bound<'b>(binding: &'b Binding, raw: &Raw) -> Result<Option<String>, &'b str> {
    match binding {
        Binding::Account => Ok(None),
        Binding::Fixed(tenant) => Ok(Some(tenant.to_string())),
        Binding::Header(name) => {
            let value = raw.headers.iter().find(|(known, _)| known == name).map(|(_, v)| &**v);
            match value.map(std::str::from_utf8) {
                Some(Ok(tenant)) if !tenant.is_empty() => Ok(Some(tenant.to_owned())),
                _ => Err(name),
            }
        }
        Binding::TopicSuffix => Ok(raw.of.topic.rsplit_once('.').map(|(_, last)| last.to_owned())),
    }
}
