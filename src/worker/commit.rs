//! A batch into a transaction: all of it, or nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use tracing::{info, warn};

use crate::engine::Kept;
use crate::log::{
    Call, Cause, Commit, Consumer as _, Log, LogError, Outgoing, Partition, Producer, To,
    TopicPartition, Trouble,
};
use crate::model::Timestamp;
use crate::wire;

use super::batch::Batch;
use super::detect::{Detect, Settings};
use super::sabotage::Mutant;
use super::settle::Unsettled;
use super::shard::Shard;
use super::sweep::Sweep;
use super::topics::RowKey;
use super::{Clock, End, Happening};

/// Sends with patience: where the queue is full it waits for room.
pub(super) struct Sender<'s, P: Producer> {
    pub producer: &'s mut P,
    pub clock: &'s dyn Clock,
    pub until: Timestamp,
    pub now: Timestamp,
    pub sent: usize,
}

impl<P: Producer> Sender<'_, P> {
    pub fn send(
        &mut self,
        topic: &str,
        partition: u32,
        key: &[u8],
        value: Option<&[u8]>,
        headers: &[(&str, &[u8])],
    ) -> Result<(), LogError> {
        /// Between two looks for room.
        const ROOM: Duration = Duration::from_millis(10);
        let record = Outgoing {
            topic,
            to: To::Partition(Partition(partition)),
            key: Some(key),
            value,
            headers,
            time: self.now,
            tag: self.sent,
        };
        self.sent += 1;
        loop {
            match self.producer.send(&record) {
                Err(LogError::Retry(_)) if self.clock.now() < self.until => {
                    self.producer.drain(ROOM);
                }
                Err(LogError::Retry(trouble)) => return Err(LogError::Abort(trouble)),
                other => return other,
            }
        }
    }
}

impl<L: Log> Detect<L> {
    /// Commits a batch, or leaves everything as it was before it.
    pub(super) fn commit(&mut self, mut batch: Batch) -> Result<(), LogError> {
        // What went in between is applied by whoever has it now.
        batch.next.retain(|number, _| self.shards.contains_key(number));
        if batch.next.is_empty() {
            return Ok(());
        }
        self.sequence += 1;
        batch.receipt = format!("{}:{:x}:{}", self.settings.name, batch.began.0, self.sequence);
        let done = self.transact(&batch);
        match done {
            Ok(()) => {
                self.keep(&batch);
                self.tell_batch(&batch, End::Committed);
                Ok(())
            }
            Err(LogError::Abort(trouble)) => self.abort(batch, &LogError::Abort(trouble)),
            Err(LogError::Refused(trouble)) => self.refuse(batch, &trouble),
            Err(LogError::Fenced(trouble)) => {
                let error = LogError::Fenced(trouble);
                // One that lasted too long is fenced for a reason of its own.
                if !self.is_overdue(&batch) && !self.stranded {
                    self.was_fenced(&error)?;
                }
                self.unsettle(batch, &error)
            }
            Err(LogError::Unknown(trouble) | LogError::Retry(trouble)) => {
                self.unsettle(batch, &LogError::Unknown(trouble))
            }
            Err(other) => {
                self.roll_back(&batch)?;
                Err(other)
            }
        }
    }

    /// Whether a batch's transaction may have been ended by the broker.
    fn is_overdue(&self, batch: &Batch) -> bool {
        let lasted = self.clock.now().since(batch.began);
        lasted > i64::try_from(self.settings.transaction.as_micros()).unwrap_or(i64::MAX) / 2
    }

    /// The whole transaction.
    fn transact(&mut self, batch: &Batch) -> Result<(), LogError> {
        let plain = self.is_broken(Mutant::NoTransactions);
        let beside = plain || self.is_broken(Mutant::OffsetsBeside);
        let settings = &self.settings;
        let (Some(producer), Some(consumer)) = (&mut self.producer, &mut self.consumer) else {
            let detail = "the consumer was given up";
            return Err(LogError::Abort(Trouble::new(Call::Begin, Cause::Generation, detail)));
        };
        let now = self.clock.now();
        let lasts = i64::try_from(settings.transaction.as_micros()).unwrap_or(i64::MAX);
        let until = now.plus(lasts / 2);
        if !plain {
            producer.begin()?;
        }
        let mut sender = Sender { producer, clock: &*self.clock, until, now, sent: 0 };
        let from = From { settings, shards: &self.shards };
        from.send(batch, self.sequence, &mut sender)?;
        let producer = sender.producer;
        producer.delivered(settings.transaction / 2, LogError::Abort)?;
        if consumer.lost() && !super::sabotage::is(settings.mutant, Mutant::KeepLost) {
            let detail = "partitions were lost";
            return Err(LogError::Abort(Trouble::new(Call::Member, Cause::Generation, detail)));
        }
        let offsets: Vec<Commit> = batch
            .next
            .iter()
            .map(|(number, next)| Commit {
                of: TopicPartition::new(&settings.topics.changes, *number),
                next: *next,
                receipt: batch.receipt.clone(),
            })
            .collect();
        if !beside {
            let member = consumer.member()?;
            insist(&*self.clock, until, || {
                producer.send_offsets(&offsets, &member, settings.patience)
            })?;
        }
        if !plain {
            insist(&*self.clock, now.plus(lasts), || producer.commit())?;
        }
        if beside {
            consumer.commit(&offsets)?;
        }
        Ok(())
    }

    /// What a batch did stays.
    pub(super) fn keep(&mut self, batch: &Batch) {
        for (number, next) in &batch.next {
            let Some(shard) = self.shards.get_mut(number) else { continue };
            shard.engine.keep();
            shard.names.insert(shard.make.fingerprint);
            shard.next = *next;
            if batch.claimed.contains(number) {
                shard.owes = None;
            }
            self.spoiled.retain(|(partition, offset)| partition != number || offset >= next);
        }
    }

    /// What a batch did is as if it had never been, and its changes are read again.
    pub(super) fn roll_back(&mut self, batch: &Batch) -> Result<(), LogError> {
        let mut again = Vec::new();
        let early = self.is_broken(Mutant::KeepEarly);
        for number in batch.next.keys() {
            let Some(shard) = self.shards.get_mut(number) else { continue };
            if early {
                shard.engine.keep();
            } else {
                shard.engine.take_back();
            }
            if shard.is_live() {
                again.push((shard.of.clone(), shard.next));
            }
        }
        if self.is_broken(Mutant::NoSeek) {
            return Ok(());
        }
        self.start(&again)
    }

    fn abort(&mut self, batch: Batch, why: &LogError) -> Result<(), LogError> {
        if why.is_routine() {
            info!(%why, "a batch is read again");
        } else {
            warn!(%why, "a batch is read again");
            self.tell(&Happening::Failed(why.reason()));
        }
        let patience = self.settings.patience;
        let aborted = match &mut self.producer {
            Some(producer) => producer.abort(patience),
            None => Ok(()),
        };
        match aborted {
            Ok(()) => {
                self.roll_back(&batch)?;
                let took = self.clock.now().lasted(batch.began);
                self.tell(&Happening::Transaction(End::Aborted, took));
                if why.is_routine() {
                    return Ok(());
                }
                // The broker may be gone, and its markers with it.
                self.swept = Sweep::Due;
                self.pause(true)
            }
            Err(error) => self.unsettle(batch, &error),
        }
    }

    /// A record of the batch can never be sent: its partition needs a person.
    fn refuse(&mut self, batch: Batch, trouble: &Trouble) -> Result<(), LogError> {
        let numbers: Vec<u32> = batch.next.keys().copied().collect();
        let why = format!(
            "a record of this partition is refused by the broker ({trouble}); raise \
             `max.message.bytes` of the topic"
        );
        let error = Trouble::new(Call::Send, Cause::TooLarge, why.clone());
        // With several partitions in the batch it is not known whose it was: one at a time then.
        self.abort(batch, &LogError::Abort(error))?;
        if let [number] = numbers[..] {
            self.halt(number, &why);
        } else {
            self.alone = true;
        }
        Ok(())
    }

    /// Nobody knows whether the batch was committed.
    fn unsettle(&mut self, batch: Batch, why: &LogError) -> Result<(), LogError> {
        warn!(%why, "whether a batch was committed is to be found out");
        self.tell(&Happening::Failed(why.reason()));
        if self.is_broken(Mutant::ReuseProducer) {
            return self.roll_back(&batch);
        }
        self.producer = None;
        self.unsettled = Some(Unsettled { batch });
        self.pause(true)
    }
}

/// What a batch is sent from.
struct From<'f> {
    settings: &'f Settings,
    shards: &'f BTreeMap<u32, Shard>,
}

impl From<'_> {
    /// Sends what was told, and what every partition of the batch is now.
    fn send<P: Producer>(
        &self,
        batch: &Batch,
        sequence: u64,
        sender: &mut Sender<'_, P>,
    ) -> Result<(), LogError> {
        let settings = self.settings;
        for out in &batch.outs {
            let headers: Vec<(&str, &[u8])> =
                out.headers.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
            sender.send(&out.topic, out.partition, &out.key, Some(&out.value), &headers)?;
        }
        for (number, next) in &batch.next {
            let Some(shard) = self.shards.get(number) else { continue };
            let rows = Rows {
                fingerprint: shard.make.fingerprint,
                schema: &shard.make.content.schema,
                state: &settings.topics.state,
                findings: &settings.topics.findings,
                number: *number,
            };
            rows.send(shard, sender)?;
            let progress = wire::state::Progress {
                input_offset: next.0,
                sequence,
                writer: settings.name.clone(),
                watermark: shard.time.newest,
                heard: shard.time.reached,
                // Whoever comes next claims it where this batch does not.
                content: (shard.owes.is_none() || batch.claimed.contains(number))
                    .then_some(shard.make.content.digest),
            };
            let key = RowKey::Progress.encode();
            sender.send(&settings.topics.state, *number, &key, Some(&progress.encode()), &[])?;
        }
        Ok(())
    }
}

/// What of a shard is written.
struct Rows<'r> {
    fingerprint: u64,
    schema: &'r crate::model::Schema,
    state: &'r str,
    findings: &'r str,
    number: u32,
}

impl Rows<'_> {
    fn send<P: Producer>(&self, shard: &Shard, sender: &mut Sender<'_, P>) -> Result<(), LogError> {
        let Self { fingerprint, schema, state, findings, number } = *self;
        if !shard.names.contains(&fingerprint) {
            let key = RowKey::Names(fingerprint).encode();
            let names = wire::names::encode(schema);
            sender.send(state, number, &key, Some(&names), &[])?;
        }
        let mut sent = Ok(());
        shard.engine.each_touched(&mut |Kept { cell, part, bytes }| {
            if sent.is_err() {
                return;
            }
            let key = RowKey::Part(cell.clone(), part.clone()).encode();
            let row = bytes.map(|payload| {
                wire::state::Row { schema: fingerprint, payload: payload.into() }.encode()
            });
            sent = sender.send(state, number, &key, row.as_deref(), &[]);
        });
        shard.engine.each_changed_finding(&mut |uid, finding| {
            if sent.is_err() {
                return;
            }
            let value = finding.map(|finding| wire::finding::encode(finding, schema));
            sent = sender.send(findings, number, uid.to_string().as_bytes(), value.as_deref(), &[]);
        });
        sent
    }
}

/// Makes a call again as long as that is what its error asks for, and time is left.
fn insist(
    clock: &dyn Clock,
    until: Timestamp,
    mut call: impl FnMut() -> Result<(), LogError>,
) -> Result<(), LogError> {
    loop {
        match call() {
            Err(LogError::Retry(_)) if clock.now() < until => {}
            other => return other,
        }
    }
}
