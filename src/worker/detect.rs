//! `detect`: changes in; state, findings and alerts out, exactly once.
//!
//! One turn of the loop polls until nothing more is there, applies what was read, and commits it.
//! A partition that came is restored a piece a turn while the others work. Whatever fails leaves
//! every engine as it was at the last commit, and what was read is read again.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tracing::{error, info, warn};

use crate::content::Content;
use crate::engine::Setup;
use crate::log::{
    Admin as _, Consumer as _, Isolation, Log, LogError, Membership, Offset, Partition, Polled,
    Promise, Protocol, Reader as _, TopicPartition, spread,
};
use crate::model::{DeadReason, Timestamp};
use crate::tenant::Registry;
use crate::wire;

use super::batch::{Batch, Raw, Seat, Told};
use super::control::places;
use super::letters::{self, Letter};
use super::sabotage::{self, Mutant};
use super::settle::Unsettled;
use super::shard::{Make, Phase, Shard};
use super::sweep::{Sweep, VOID, Watch};
use super::topics::Topics;
use super::{Clock, Condition, End, Happening, Holding, Moved, Observer, Role};

/// How a worker that detects is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The topics.
    pub topics: Topics,
    /// Partitions of changes, state and findings.
    pub partitions: u32,
    /// Partitions of the alerts topic.
    pub alert_partitions: u32,
    /// How alerts are written.
    pub told: Told,
    /// The group's whole name.
    pub group: String,
    /// This worker's name, the same over restarts and nobody else's: its transactional id.
    pub name: String,
    /// Whether the group knows this worker by its name: a restart takes its partitions back without
    /// a rebalance, and nobody else takes them over until its session ends.
    pub fixed: bool,
    /// How the group shares partitions.
    pub protocol: Protocol,
    /// Without a sign of life for so long the worker is dead.
    pub session: Duration,
    /// Without a turn for so long the worker has lost its partitions.
    pub silence: Duration,
    /// A transaction open for longer is aborted by the broker.
    pub transaction: Duration,
    /// Records of one batch.
    pub batch_records: usize,
    /// Bytes of one batch's records; one record may be more.
    pub batch_bytes: usize,
    /// How long one call to the broker may take.
    pub patience: Duration,
    /// How often time is let pass where no change does it.
    pub tick: Duration,
    /// What is broken on purpose, in tests of the tests.
    #[doc(hidden)]
    pub mutant: Option<Mutant>,
}

/// Fencings within which another worker of the same name is to be thought of.
const FENCED_OFTEN: usize = 2;
/// In how long, in microseconds.
const FENCED_WITHIN: i64 = 60 * 1_000_000;

/// How often it is asked where a partition ends, in microseconds.
const LOOK_EVERY: i64 = 5 * 1_000_000;
/// How long that may take.
const LOOK: Duration = Duration::from_millis(200);

/// A worker that detects.
pub struct Detect<L: Log> {
    pub(super) log: L,
    pub(super) settings: Settings,
    pub(super) make: Make,
    /// Not before then control records are written, by the wall clock.
    pub(super) announce_from: Timestamp,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) consumer: Option<L::Consumer>,
    pub(super) producer: Option<L::Producer>,
    pub(super) admin: Option<L::Admin>,
    pub(super) reader: Option<L::Reader>,
    pub(super) shards: BTreeMap<u32, Shard>,
    /// Partitions that go once this turn is over.
    pub(super) leaving: BTreeSet<u32>,
    pub(super) unsettled: Option<Unsettled>,
    /// Whether a transaction of this worker's name may be open that its broker counts as over.
    pub(super) swept: Sweep,
    /// When its name was got back.
    pub(super) renewed: Timestamp,
    /// Partitions with an open transaction when they were last looked at.
    pub(super) watch: Watch,
    /// Transactions so far.
    pub(super) sequence: u64,
    /// When this one was fenced for no reason of its own, by the wall clock.
    pub(super) fenced: Vec<Timestamp>,
    /// Whether the last call found no broker.
    pub(super) stranded: bool,
    /// Whether batches are to be of one partition each, to find the one whose record is refused.
    pub(super) alone: bool,
    /// Changes that broke an engine, by partition and offset: they are refused when they come again.
    pub(super) spoiled: BTreeSet<(u32, Offset)>,
}

/// Why a change was not applied.
pub(super) enum Stuck {
    /// Its partition can't go on.
    Why(String),
    /// It broke its engine.
    Broke(Offset),
    /// It is to be read again once what stands before it is committed, or written down.
    Waits,
}

impl<L: Log> Detect<L> {
    /// A worker that joins its group with its first turn.
    pub fn new(
        log: L,
        settings: Settings,
        (content, registry, setup): (Arc<Content>, Arc<Registry>, Setup),
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let mut setup = setup;
        if settings.mutant == Some(Mutant::ApplyTwice) {
            setup.limits.remembered_ids = 0;
        }
        Self {
            log,
            settings,
            make: Make::new((content, registry, setup)),
            announce_from: Timestamp(i64::MIN),
            clock,
            observer,
            consumer: None,
            producer: None,
            admin: None,
            reader: None,
            shards: BTreeMap::new(),
            leaving: BTreeSet::new(),
            unsettled: None,
            swept: Sweep::Due,
            renewed: Timestamp(i64::MIN),
            watch: Watch::new(),
            sequence: 0,
            fenced: Vec::new(),
            stranded: false,
            alone: false,
            spoiled: BTreeSet::new(),
        }
    }

    /// One turn of the loop, which waits no longer than `wait` for something to happen.
    ///
    /// # Errors
    /// What a person must see to: the worker is to be ended.
    pub fn turn(&mut self, wait: Duration) -> Result<(), LogError> {
        self.stranded = false;
        self.join()?;
        if self.is_settled() {
            self.look_ahead()?;
            self.watch()?;
            self.announce();
            let busy = self.restore()?;
            let raws = self.gather(if busy { Duration::ZERO } else { wait })?;
            for raws in self.portions(raws) {
                let Some(batch) = self.apply(&raws)? else { break };
                self.commit(batch)?;
                if self.unsettled.is_some() {
                    break;
                }
            }
        } else {
            // Nothing is read until it is known what became of the last transaction; the group is
            // to know that this worker lives.
            let pause = if self.looks_again() { wait } else { Duration::ZERO };
            let strays = self.gather(pause)?;
            self.put_off(&strays)?;
            self.settle()?;
        }
        self.leave();
        self.tell(&Happening::Condition(self.condition()));
        Ok(())
    }

    /// Ends in order: what was applied is committed already; the group is left.
    ///
    /// # Errors
    /// Where that takes longer than `wait`.
    pub fn stop(mut self, wait: Duration) -> Result<(), LogError> {
        self.shards.clear();
        self.tell(&Happening::Condition(Condition::Stopped));
        match self.consumer.take() {
            Some(consumer) => consumer.close(wait),
            None => Ok(()),
        }
    }

    /// The engines of partitions that work, by partition.
    #[cfg(test)]
    pub(super) fn engines(&self) -> Vec<(u32, &crate::engine::Engine)> {
        let live = self.shards.iter().filter(|(_, shard)| shard.is_live());
        live.map(|(number, shard)| (*number, &shard.engine)).collect()
    }

    /// Whether a person is needed, and where each partition stands.
    #[must_use]
    pub fn condition(&self) -> Condition {
        let count = |of: fn(&Phase) -> bool| self.shards.values().filter(|s| of(&s.phase)).count();
        let restoring = count(|phase| matches!(phase, Phase::Waiting | Phase::Restoring(_)));
        let halted = count(|phase| matches!(phase, Phase::Halted));
        if self.stranded {
            Condition::Stranded
        } else if self.shards.is_empty() {
            Condition::Joining
        } else if restoring > 0 {
            Condition::Restoring(restoring)
        } else if halted > 0 {
            Condition::Halted(halted)
        } else {
            Condition::Working
        }
    }

    pub(super) fn tell(&self, what: &Happening<'_>) {
        self.observer.happened(Role::Detect, what);
    }

    /// Notes a call that may be made again.
    pub(super) fn failed(&mut self, trouble: &LogError) {
        self.stranded = matches!(
            trouble.trouble().map(|trouble| trouble.cause),
            Some(crate::log::Cause::Unreachable | crate::log::Cause::Storage)
        );
        self.tell(&Happening::Failed(trouble.reason()));
    }

    pub(super) fn is_broken(&self, mutant: Mutant) -> bool {
        super::sabotage::is(self.settings.mutant, mutant)
    }

    fn join(&mut self) -> Result<(), LogError> {
        if self.consumer.is_some() {
            return Ok(());
        }
        let Settings { topics, group, name, fixed, protocol, session, silence, .. } =
            &self.settings;
        let membership = Membership {
            group: group.clone(),
            topics: vec![topics.changes.to_string()],
            instance: fixed.then(|| name.clone()),
            protocol: *protocol,
            session: *session,
            silence: *silence,
        };
        self.consumer = Some(self.log.consumer(&membership)?);
        self.admin = Some(self.log.admin()?);
        self.reader = Some(self.log.reader(Isolation::Committed)?);
        info!(worker = %name, group = %group, "joining");
        Ok(())
    }

    /// Reads until nothing more is there or a batch is full, and sees to what the group does.
    fn gather(&mut self, wait: Duration) -> Result<Vec<Raw>, LogError> {
        let mut raws: Vec<Raw> = Vec::new();
        let (mut wait, mut bytes) = (wait, 0);
        while raws.len() < self.settings.batch_records && bytes < self.settings.batch_bytes {
            let Some(consumer) = &mut self.consumer else { break };
            let polled = consumer.poll(wait, &mut |incoming| {
                bytes += incoming.value.map_or(0, <[u8]>::len);
                raws.push(Raw {
                    partition: incoming.partition.0,
                    offset: incoming.offset,
                    key: incoming.key.unwrap_or_default().into(),
                    value: incoming.value.unwrap_or_default().into(),
                    time: incoming.time,
                });
            });
            wait = Duration::ZERO;
            match polled {
                Ok(Polled::Record) => {
                    let last = raws.last().and_then(|raw| self.shards.get_mut(&raw.partition));
                    if let Some(shard) = last {
                        shard.time.at_end = false;
                    }
                }
                Ok(Polled::End(of)) => {
                    if let Some(shard) = self.shards.get_mut(&of.partition.0) {
                        shard.time.at_end = true;
                    }
                }
                Ok(Polled::Idle) => break,
                Ok(Polled::Assigned(all)) => self.assigned(&all),
                Ok(Polled::Revoked(all)) => {
                    self.tell(&Happening::Rebalance(Moved::Revoked, all.len()));
                    self.leaving.extend(all.iter().map(|of| of.partition.0));
                    break;
                }
                Ok(Polled::Lost(all)) => {
                    self.lost(&all);
                    raws.retain(|raw| self.shards.contains_key(&raw.partition));
                }
                Err(LogError::Retry(trouble)) => {
                    self.failed(&LogError::Retry(trouble));
                    break;
                }
                Err(LogError::Hole(hole)) => {
                    self.halt(hole.partition.partition.0, &LogError::Hole(hole).to_string());
                }
                Err(LogError::Rebuild(trouble)) => {
                    warn!(%trouble, "the consumer is of no further use; joining again");
                    self.tell(&Happening::Failed(LogError::Rebuild(trouble).reason()));
                    let all: Vec<_> = self.shards.values().map(|s| s.of.clone()).collect();
                    self.lost(&all);
                    self.consumer = None;
                    return Ok(Vec::new());
                }
                Err(other) => return Err(other),
            }
        }
        Ok(raws)
    }

    fn assigned(&mut self, all: &[TopicPartition]) {
        self.tell(&Happening::Rebalance(Moved::Assigned, all.len()));
        for of in all {
            if self.is_broken(Mutant::KeepLost) && self.shards.contains_key(&of.partition.0) {
                let next = self.shards[&of.partition.0].next;
                // It says so again when it is polled.
                let _ = self.start(&[(of.clone(), next)]);
                continue;
            }
            // What another did in between is not known here.
            self.shards.insert(of.partition.0, Shard::new(of.clone(), &self.make));
            self.leaving.remove(&of.partition.0);
        }
    }

    fn lost(&mut self, all: &[TopicPartition]) {
        self.tell(&Happening::Rebalance(Moved::Lost, all.len()));
        if self.is_broken(Mutant::KeepLost) {
            return;
        }
        for of in all {
            self.leaving.insert(of.partition.0);
        }
        self.leave();
    }

    /// Asks where one partition ends, now and then: what lies before that is to be done.
    fn look_ahead(&mut self) -> Result<(), LogError> {
        let now = self.clock.now();
        let due = |shard: &&mut Shard| shard.is_live() && now.since(shard.looked) >= LOOK_EVERY;
        let Some(shard) = self.shards.values_mut().find(due) else { return Ok(()) };
        shard.looked = now;
        let Some(admin) = &mut self.admin else { return Ok(()) };
        match admin.bounds(&shard.of, Isolation::Committed, LOOK) {
            Ok(bounds) => {
                shard.end = bounds.end;
                let (topic, partition) = (shard.of.topic.clone(), shard.of.partition.0);
                let lag = shard.lag();
                self.tell(&Happening::Consumed { topic: &topic, partition, records: 0, lag });
                Ok(())
            }
            Err(error) if error.is_passing() => {
                self.failed(&error);
                Ok(())
            }
            Err(other) => Err(other),
        }
    }

    /// Drops the partitions that go.
    fn leave(&mut self) {
        for partition in std::mem::take(&mut self.leaving) {
            if let Some(shard) = self.shards.remove(&partition) {
                self.tell(&Happening::Left { topic: &shard.of.topic, partition });
            }
        }
    }

    /// Stops a partition for good, for a person to see to.
    pub(super) fn halt(&mut self, number: u32, why: &str) {
        let Some(shard) = self.shards.get_mut(&number) else { return };
        error!(partition = number, why, "halted");
        shard.phase = Phase::Halted;
        let of = shard.of.clone();
        if let Some(consumer) = &mut self.consumer {
            // It is silent anyway where the call fails.
            let _ = consumer.stop(std::slice::from_ref(&of));
        }
        self.tell(&Happening::Halted { topic: &of.topic, partition: number, why });
    }

    /// Has what was read at a time when nothing could be applied read again.
    fn put_off(&mut self, raws: &[Raw]) -> Result<(), LogError> {
        let mut first: BTreeMap<u32, Offset> = BTreeMap::new();
        for raw in raws {
            let known = first.entry(raw.partition).or_insert(raw.offset);
            *known = (*known).min(raw.offset);
        }
        let again: Vec<(TopicPartition, Offset)> = first
            .into_iter()
            .filter_map(|(number, offset)| {
                let shard = self.shards.get(&number).filter(|shard| shard.is_live())?;
                Some((shard.of.clone(), offset))
            })
            .collect();
        self.start(&again)
    }

    /// Reads partitions on from there.
    pub(super) fn start(&mut self, at: &[(TopicPartition, Offset)]) -> Result<(), LogError> {
        for (of, _) in at {
            if let Some(shard) = self.shards.get_mut(&of.partition.0) {
                shard.time.at_end = false;
            }
        }
        let Some(consumer) = self.consumer.as_mut().filter(|_| !at.is_empty()) else {
            return Ok(());
        };
        match consumer.start(at) {
            // It is of no further use, and says so again when it is polled.
            Ok(()) | Err(LogError::Rebuild(_) | LogError::Abort(_)) => Ok(()),
            Err(LogError::Retry(trouble)) => {
                // Some may be read on from the wrong place: begin anew.
                self.failed(&LogError::Retry(trouble));
                let all: Vec<_> = at.iter().map(|(of, _)| of.clone()).collect();
                self.lost(&all);
                self.consumer = None;
                Ok(())
            }
            Err(other) => Err(other),
        }
    }

    /// What was read as batches: one, or one for each partition.
    fn portions(&mut self, raws: Vec<Raw>) -> Vec<Vec<Raw>> {
        if !std::mem::take(&mut self.alone) {
            return vec![raws];
        }
        let mut portions: BTreeMap<u32, Vec<Raw>> = BTreeMap::new();
        for raw in raws {
            portions.entry(raw.partition).or_default().push(raw);
        }
        portions.into_values().collect()
    }

    /// Applies what was read, and lets time pass; `None` where that broke an engine: then nothing
    /// was, and all of it is read again.
    fn apply(&mut self, raws: &[Raw]) -> Result<Option<Batch>, LogError> {
        let now = self.clock.now();
        let mut batch = Batch { began: now, ..Batch::default() };
        self.claim(&mut batch);
        let mut stopped: BTreeMap<u32, String> = BTreeMap::new();
        let mut waits: BTreeMap<u32, Offset> = BTreeMap::new();
        let mut broke = None;
        for raw in raws {
            if stopped.contains_key(&raw.partition) || waits.contains_key(&raw.partition) {
                continue;
            }
            match self.apply_one(raw, now, &mut batch) {
                Ok(()) => {}
                Err(Stuck::Why(why)) => drop(stopped.insert(raw.partition, why)),
                Err(Stuck::Waits) => drop(waits.insert(raw.partition, raw.offset)),
                Err(Stuck::Broke(offset)) => {
                    self.spoiled.insert((raw.partition, offset));
                    broke = Some(raw.partition);
                    break;
                }
            }
        }
        for (number, why) in stopped {
            self.halt(number, &why);
        }
        if broke.is_none() {
            broke = self.pass_time(now, &mut batch);
        }
        let Some(number) = broke else {
            self.start(&places(&self.shards, &waits))?;
            return Ok(Some(batch));
        };
        self.roll_back(&batch)?;
        self.put_off(raws)?;
        self.renew_shard(number);
        Ok(None)
    }

    /// Forgets a partition's engine, of which nothing can be trusted: its state is read again.
    fn renew_shard(&mut self, number: u32) {
        let Some(shard) = self.shards.get_mut(&number).filter(|shard| shard.is_live()) else {
            return;
        };
        let of = shard.of.clone();
        *shard = Shard::new(of.clone(), &self.make);
        if let Some(consumer) = &mut self.consumer {
            // What it still shows is of a partition that does not work, and passed over.
            let _ = consumer.stop(std::slice::from_ref(&of));
        }
    }

    /// Applies one change.
    ///
    /// # Errors
    /// Why its partition can't go on.
    fn apply_one(&mut self, raw: &Raw, now: Timestamp, batch: &mut Batch) -> Result<(), Stuck> {
        let Some(shard) = self.shards.get_mut(&raw.partition).filter(|shard| shard.is_live())
        else {
            return Ok(());
        };
        if shard.owes.is_some() {
            return Err(Stuck::Waits);
        }
        match &*raw.key {
            b"" => return shard.obey(raw, &self.make, &self.settings, batch),
            VOID if raw.value.is_empty() => {
                batch.took(raw);
                return Ok(());
            }
            _ => {}
        }
        let due = spread::partition_of(&raw.key, self.settings.partitions);
        if due != Partition(raw.partition) {
            return Err(Stuck::Why(misplaced(raw, due, self.settings.partitions)));
        }
        if self.spoiled.contains(&(raw.partition, raw.offset)) {
            let detail = "applying it broke the engine; see the log";
            let letter = letter(raw, &shard.of.topic, DeadReason::Broke, detail);
            self.settings.refuse(raw, &letter, batch);
            return Ok(());
        }
        match wire::event::decode(&raw.value, &shard.make.content.schema) {
            Ok(received) => {
                let arrived = received.origin.arrived;
                let came = raw.time.unwrap_or(now);
                shard.time.hear(received.change.cause.time, came);
                let mut seat = Seat {
                    batch,
                    limits: &self.make.setup.limits,
                    topic: &self.settings.topics.alerts,
                    partition: raw.partition % self.settings.alert_partitions.max(1),
                    told: self.settings.told,
                    arrived,
                };
                let id = Arc::clone(&received.change.cause.id);
                let run = || {
                    let reads = received.origin.reads;
                    shard.engine.change(received.change, came, reads, &mut seat);
                    sabotage::trip(Role::Detect, &id);
                };
                catch_unwind(AssertUnwindSafe(run)).map_err(|panic| {
                    let said = sabotage::said(&*panic);
                    error!(
                        partition = raw.partition,
                        offset = raw.offset.0,
                        said,
                        "a change broke"
                    );
                    Stuck::Broke(raw.offset)
                })?;
            }
            Err(wire::WireError::Newer { version }) => {
                return Err(Stuck::Why(format!(
                    "the change at offset {} was written in form {version}, which this version \
                     cannot read; upgrade Driftline, nothing is lost",
                    raw.offset.0
                )));
            }
            Err(wire::WireError::Malformed(detail)) => {
                let letter = letter(raw, &shard.of.topic, DeadReason::BadField, &detail);
                self.settings.refuse(raw, &letter, batch);
                return Ok(());
            }
        }
        batch.took(raw);
        Ok(())
    }

    /// Lets time pass for the partitions for which it is due; the one whose engine that broke, which
    /// is halted.
    fn pass_time(&mut self, now: Timestamp, batch: &mut Batch) -> Option<u32> {
        let every = i64::try_from(self.settings.tick.as_micros()).unwrap_or(i64::MAX);
        for (number, shard) in self.shards.iter_mut().filter(|(_, shard)| shard.is_live()) {
            if now.since(shard.ticked) < every {
                continue;
            }
            shard.ticked = now;
            if !self.stranded {
                shard.time.pass(now);
            }
            let mut seat = Seat {
                batch,
                limits: &self.make.setup.limits,
                topic: &self.settings.topics.alerts,
                partition: number % self.settings.alert_partitions.max(1),
                told: self.settings.told,
                arrived: now,
            };
            let run = || shard.engine.pass(shard.time.reached, &mut seat);
            if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
                let (number, said) = (*number, sabotage::said(&*panic));
                let why = format!("letting time pass broke its engine ({said}): report it");
                self.halt(number, &why);
                return Some(number);
            }
            if shard.engine.is_touched() {
                batch.next.entry(*number).or_insert(shard.next);
            }
        }
        None
    }

    /// Notes that this worker's name was taken while nothing was wrong here.
    ///
    /// # Errors
    /// Where that happens again and again.
    pub(super) fn was_fenced(&mut self, why: &LogError) -> Result<(), LogError> {
        let now = self.clock.now();
        self.fenced.retain(|at| now.since(*at) < FENCED_WITHIN);
        self.fenced.push(now);
        if self.fenced.len() < FENCED_OFTEN {
            return Ok(());
        }
        let name = &self.settings.name;
        let detail = format!(
            "another process works under the name `{name}` ({why}); give each worker its own name"
        );
        let cause = crate::log::Cause::Fenced;
        Err(LogError::Stop(crate::log::Trouble::new(crate::log::Call::Init, cause, detail)))
    }

    /// Tells what a batch came to, once it is committed.
    pub(super) fn tell_batch(&self, batch: &Batch, end: End) {
        let now = self.clock.now();
        self.tell(&Happening::Transaction(end, now.lasted(batch.began)));
        let records = batch.read.values().sum();
        self.tell(&Happening::Batch { records, took: now.lasted(batch.began) });
        for told in &batch.events {
            let super::batch::ToldEvent { format, outcome, age } = *told;
            self.tell(&Happening::Event { format, outcome, age });
        }
        for reason in &batch.dead {
            self.tell(&Happening::Dead(*reason));
        }
        for (limit, times) in &batch.limits {
            self.tell(&Happening::Reached(*limit, *times));
        }
        for told in &batch.alerts {
            self.tell(&Happening::Alert {
                detector: &told.detector,
                severity: told.severity,
                step: told.step,
                latency: now.lasted(told.arrived),
            });
        }
        for number in batch.next.keys() {
            let Some(shard) = self.shards.get(number) else { continue };
            let (resources, bytes) = shard.engine.size();
            let findings = shard.engine.open_findings();
            self.tell(&Happening::Holding(*number, Holding { resources, bytes, findings }));
            self.tell(&Happening::Consumed {
                topic: &shard.of.topic,
                partition: *number,
                records: batch.read.get(number).copied().unwrap_or_default(),
                lag: shard.lag(),
            });
        }
    }

    /// What an instance is made with, see [`Settings::name`].
    pub(super) fn promise(&self) -> Promise {
        if self.is_broken(Mutant::NoTransactions) {
            return Promise::Idempotent;
        }
        Promise::Transactional {
            id: self.settings.name.clone(),
            timeout: self.settings.transaction,
        }
    }
}

impl Settings {
    /// Refuses a change.
    fn refuse(&self, raw: &Raw, letter: &Letter<'_>, batch: &mut Batch) {
        batch.dead.push(letter.reason);
        let (topic, body) = (&self.topics.deadletters, letters::Body::Reference);
        batch.outs.push(letters::out(topic, 0, letter, &raw.key, &raw.value, body));
        batch.took(raw);
    }
}

fn misplaced(raw: &Raw, due: Partition, partitions: u32) -> String {
    format!(
        "the change at offset {} belongs to partition {}: another producer spreads otherwise, or \
         the topic has another number of partitions than when this began; stop it, and restore the \
         topic to {partitions} partitions",
        raw.offset.0, due.0
    )
}

fn letter<'l>(raw: &Raw, topic: &'l str, reason: DeadReason, detail: &'l str) -> Letter<'l> {
    let (partition, offset, time) = (raw.partition, raw.offset, raw.time);
    Letter { reason, detail, topic, partition, offset, time }
}
