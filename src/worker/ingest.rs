//! `ingest`: records of the clouds' topics in; changes and dead letters out, at least once.
//!
//! A batch's offsets are committed once everything it produced is delivered. What is read twice
//! makes changes twice, and `detect` knows an event by its id.

mod place;
mod reading;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tracing::{error, info, warn};

use crate::content::Content;
use crate::engine::Setup;
use crate::log::{
    Admin as _, Cause, Commit, Consumer as _, Isolation, Log, LogError, Membership, Offset,
    Outgoing, Polled, Producer as _, Promise, Protocol, Reader as _, To, TopicPartition,
};
use crate::model::Format;
use crate::tenant::Registry;

use super::letters::Body;
use super::sabotage::Mutant;
use super::topics::Topics;
use super::{Clock, Condition, Happening, Moved, Observer, Role};
use place::Place;
use reading::{Batch, Out, Reading, What};

pub use place::BREAKER_RECORDS;

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

/// A worker that takes in.
pub struct Ingest<L: Log> {
    from: L,
    to: L,
    settings: Arc<Intake>,
    reading: Reading,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    consumer: Option<L::Consumer>,
    producer: Option<L::Producer>,
    admin: Option<L::Admin>,
    places: BTreeMap<TopicPartition, Place>,
    leaving: BTreeSet<TopicPartition>,
    stranded: bool,
}

impl<L: Log> Ingest<L> {
    /// A worker that reads in one cluster and writes in another, or the same.
    pub fn new(
        (from, to): (L, L),
        settings: Intake,
        by: (Arc<Content>, &Arc<Registry>, &Setup),
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let settings = Arc::new(settings);
        Self {
            from,
            to,
            reading: Reading::new(Arc::clone(&settings), by, Arc::clone(&observer)),
            settings,
            clock,
            observer,
            consumer: None,
            producer: None,
            admin: None,
            places: BTreeMap::new(),
            leaving: BTreeSet::new(),
            stranded: false,
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
        let batch = self.gather(wait)?;
        if batch.records > 0 {
            self.deliver(&batch)?;
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
        self.reading.adopt(content);
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

    /// Reads a batch, each record while it is shown.
    fn gather(&mut self, wait: Duration) -> Result<Batch, LogError> {
        let mut batch = Batch::default();
        let mut wait = wait;
        while batch.records < self.settings.batch_records && batch.bytes < self.settings.batch_bytes
        {
            let Self { consumer, reading, places, clock, .. } = self;
            let Some(consumer) = consumer else { break };
            let polled = consumer.poll(wait, &mut |incoming| {
                let now = *batch.began.get_or_insert_with(|| clock.now());
                reading.take(incoming, now, places, &mut batch);
            });
            wait = Duration::ZERO;
            match polled {
                Ok(Polled::Record | Polled::End(_)) => {}
                Ok(Polled::Idle) => break,
                Ok(moved) => {
                    let on = self.moved(moved);
                    batch.keep(&self.places);
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
                    return Ok(Batch::default());
                }
                Err(other) => return Err(other),
            }
        }
        Ok(batch)
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

    /// Sees what was made of a batch delivered, and commits.
    fn deliver(&mut self, batch: &Batch) -> Result<(), LogError> {
        let began = batch.began.unwrap_or_else(|| self.clock.now());
        let offsets = batch.commits();
        let early = super::sabotage::is(self.settings.mutant, Mutant::CommitEarly);
        let done = if early {
            self.commit(&offsets).and_then(|()| self.send(&batch.outs))
        } else {
            self.send(&batch.outs).and_then(|()| self.commit(&offsets))
        };
        match done {
            Ok(()) => {
                for seat in batch.read() {
                    let Some(place) = self.places.get_mut(&seat.of) else { continue };
                    place.next = seat.next;
                    let lag = place.end.0.saturating_sub(seat.next.0);
                    let (topic, partition) = (&seat.of.topic, seat.of.partition.0);
                    let records = seat.records;
                    self.tell(&Happening::Consumed { topic, partition, records, lag });
                }
                let took = self.clock.now().lasted(began);
                self.tell(&Happening::Batch { records: batch.records as u64, took });
            }
            Err(
                error @ (LogError::Retry(_)
                | LogError::Abort(_)
                | LogError::Unknown(_)
                | LogError::Fenced(_)),
            ) => {
                self.again(batch, &error)?;
            }
            Err(LogError::Rebuild(_)) => {
                self.places.clear();
                self.consumer = None;
            }
            Err(other) => return Err(other),
        }
        for seat in batch.seats().iter().filter(|seat| seat.broken) {
            let Intake { breaker, breaker_percent, .. } = &*self.settings;
            let why = format!(
                "{breaker} records in a row or {breaker_percent} % of {BREAKER_RECORDS} can't be \
                 read; look at the dead letters, then set the format of the source or let them \
                 through with `breaker` and `breaker_percent`"
            );
            self.halt(&seat.of, &why);
        }
        Ok(())
    }

    /// Has a batch read again. What was delivered is delivered twice, which does no harm.
    fn again(&mut self, batch: &Batch, error: &LogError) -> Result<(), LogError> {
        warn!(%error, "a batch is read again");
        self.failed(error);
        self.producer = None;
        let again: Vec<(TopicPartition, Offset)> = batch
            .read()
            .filter_map(|seat| self.places.get(&seat.of))
            .filter(|place| !place.halted)
            .map(|place| (place.of.clone(), place.next))
            .collect();
        self.start(&again)
    }

    /// Sends all, and waits until it is delivered.
    fn send(&mut self, outs: &[Out]) -> Result<(), LogError> {
        let now = self.clock.now();
        let patience = self.settings.patience;
        let Some(producer) = &mut self.producer else { return Ok(()) };
        for (tag, out) in outs.iter().enumerate() {
            let headers: Vec<(&str, &[u8])> = match &out.what {
                What::Change { .. } => Vec::new(),
                What::Letter(letter) => {
                    letter.headers.iter().map(|(name, text)| (*name, text.as_bytes())).collect()
                }
            };
            let (topic, key, value) = match &out.what {
                What::Change { key, value } => (&self.settings.topics.changes, key, value),
                What::Letter(letter) => (&letter.topic, &letter.key, &letter.value),
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
        producer.delivered(patience, LogError::Retry)
    }

    fn commit(&mut self, offsets: &[Commit]) -> Result<(), LogError> {
        match self.consumer.as_mut().filter(|_| !offsets.is_empty()) {
            Some(consumer) => consumer.commit(offsets),
            None => Ok(()),
        }
    }
}
