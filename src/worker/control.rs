//! Other content: it is taken up where a control record among the changes says so, so that whoever
//! reads the changes again, a worker after a crash or a person after a year, decides alike.
//!
//! A worker that is given other content writes a **command** into each of its partitions, and goes on by
//! the old content up to there. A partition that came, and was judged by no content or another one
//! before, is judged by the worker's own from there on; that is a **claim**, which names the place. A
//! claim is part of a transaction like any progress, so none stands there of a worker whose
//! partition was another's already.

use std::collections::BTreeMap;
use std::sync::Arc;

use tracing::{error, info};

use crate::content::Content;
use crate::log::{
    Log, LogError, Offset, Outgoing, Partition, Producer as _, Promise, To, TopicPartition,
};
use crate::model::Timestamp;
use crate::wire::control::Control;

use super::batch::{Batch, Out, Raw, Seat};
use super::detect::{Detect, Settings, Stuck};
use super::shard::{Make, Shard};

/// How long after a failure it is tried again, in microseconds.
const AGAIN: i64 = 1_000_000;

impl<L: Log> Detect<L> {
    /// Goes by other content, in each partition from its control record on.
    pub fn adopt(&mut self, content: &Arc<Content>) {
        self.make.renew(content);
        self.announce_from = Timestamp(i64::MIN);
    }

    /// Writes the commands that are due.
    pub(super) fn announce(&mut self) {
        let now = self.clock.now();
        if now < self.announce_from {
            return;
        }
        let newest = self.make.content.digest;
        let due = |shard: &Shard| {
            let old = shard.make.content.digest != newest && shard.announced != Some(newest);
            shard.is_live() && old
        };
        let due: Vec<u32> =
            self.shards.iter().filter(|(_, shard)| due(shard)).map(|(number, _)| *number).collect();
        if due.is_empty() {
            return;
        }
        match self.command(&due, &Control { content: newest, since: None }) {
            Ok(()) => {}
            Err(why @ (LogError::Configuration { .. } | LogError::Stop(_))) => {
                error!(%why, "new content can't be written into the changes: the old one stays in force");
            }
            Err(passing) => {
                self.failed(&passing);
                self.announce_from = now.plus(AGAIN);
                return;
            }
        }
        for number in &due {
            if let Some(shard) = self.shards.get_mut(number) {
                shard.announced = Some(newest);
            }
        }
    }

    /// Writes a command into each of these partitions.
    pub(super) fn command(&self, due: &[u32], control: &Control) -> Result<(), LogError> {
        let mut producer = self.log.producer(&Promise::Idempotent)?;
        let value = control.encode();
        for (tag, number) in due.iter().enumerate() {
            producer.send(&Outgoing {
                topic: &self.settings.topics.changes,
                to: To::Partition(Partition(*number)),
                key: None,
                value: Some(&value),
                headers: &[],
                time: self.clock.now(),
                tag,
            })?;
        }
        producer.delivered(self.settings.patience, LogError::Retry)
    }

    /// Adds the claims that are due to a batch: they are kept with it.
    pub(super) fn claim(&self, batch: &mut Batch) {
        for (number, shard) in self.shards.iter().filter(|(_, shard)| shard.is_live()) {
            let Some(since) = shard.owes else { continue };
            let control = Control { content: shard.make.content.digest, since: Some(since.0) };
            batch.outs.push(Out {
                topic: Arc::clone(&self.settings.topics.changes),
                partition: *number,
                key: Vec::new(),
                value: control.encode(),
                headers: Vec::new(),
            });
            batch.next.entry(*number).or_insert(shard.next);
            batch.claimed.insert(*number);
        }
    }
}

impl Shard {
    /// Obeys a control record.
    ///
    /// # Errors
    /// Where something of the partition is to be committed before, or its record can't be read.
    pub(super) fn obey(
        &mut self,
        raw: &Raw,
        newest: &Make,
        settings: &Settings,
        batch: &mut Batch,
    ) -> Result<(), Stuck> {
        let control = Control::decode(&raw.value).map_err(|why| {
            Stuck::Why(format!("the control record at offset {}: {why}", raw.offset.0))
        })?;
        let own = self.make.content.digest;
        // A claim is of a worker that had the partition then.
        if control.content != own && control.since.is_none() {
            if batch.next.contains_key(&raw.partition) {
                return Err(Stuck::Waits);
            }
            if control.content == newest.content.digest {
                take_up(self, newest, settings, raw.partition, batch);
                info!(
                    partition = raw.partition,
                    offset = raw.offset.0,
                    "other content from here on"
                );
            } else {
                info!(
                    partition = raw.partition,
                    "another process had other content; this one goes on by its own"
                );
                self.owes = Some(Offset(raw.offset.0 + 1));
            }
        }
        batch.took(raw);
        Ok(())
    }
}

/// Swaps a partition's content, between two batches of it.
fn take_up(shard: &mut Shard, newest: &Make, settings: &Settings, number: u32, batch: &mut Batch) {
    shard.make = newest.clone();
    let mut seat = Seat {
        batch,
        limits: &newest.setup.limits,
        topic: &settings.topics.alerts,
        partition: number % settings.alert_partitions.max(1),
        told: settings.told,
        arrived: Timestamp(0),
    };
    // Where a journal is kept nothing is told here. What is under other numbers is written anew as
    // it is touched.
    shard.engine.adopt(Arc::clone(&newest.content), &mut seat);
}

/// Places to be read again from.
pub(super) fn places(
    shards: &BTreeMap<u32, Shard>,
    at: &BTreeMap<u32, Offset>,
) -> Vec<(TopicPartition, Offset)> {
    at.iter()
        .filter_map(|(number, offset)| Some((shards.get(number)?.of.clone(), *offset)))
        .collect()
}
