//! Other content: it is taken up where a control record among the changes says so, so that whoever
//! reads the changes again, a worker after a crash or a person after a year, decides alike.
//!
//! A worker that is given other content writes such a record into each of its partitions, and goes on
//! by the old content up to there. A partition that came, and was judged by no content or another one
//! before, is judged by the worker's own from there on; its record names the place.

use std::collections::BTreeMap;
use std::sync::Arc;

use tracing::{error, info};

use crate::content::Content;
use crate::log::{
    Call, Cause, Log, LogError, Offset, Partition, Producer as _, Promise, To, Trouble,
};
use crate::log::{Outgoing, TopicPartition};
use crate::model::Timestamp;
use crate::wire::control::Control;

use super::batch::{Batch, Raw, Seat};
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

    /// Writes the control records that are due.
    pub(super) fn announce(&mut self) {
        let now = self.clock.now();
        if now < self.announce_from {
            return;
        }
        let newest = self.make.content.digest;
        let due: BTreeMap<u32, Control> = self
            .shards
            .iter()
            .filter(|(_, shard)| shard.is_live())
            .filter_map(|(number, shard)| Some((*number, shard.due(newest)?)))
            .collect();
        if due.is_empty() {
            return;
        }
        let refused = match self.write(&due) {
            Ok(()) => None,
            Err(error @ (LogError::Configuration { .. } | LogError::Stop(_))) => Some(error),
            Err(LogError::Refused(trouble)) => Some(LogError::Refused(trouble)),
            Err(passing) => {
                self.failed(&passing);
                self.announce_from = now.plus(AGAIN);
                return;
            }
        };
        if let Some(why) = &refused {
            error!(%why, "which content judges from here on could not be written into the changes: \
                a later reader can't know; this worker needs to write to their topic");
        }
        let settings = &self.settings;
        for number in due.keys() {
            let Some(shard) = self.shards.get_mut(number) else { continue };
            let owed = shard.owes.take().is_some();
            if owed || refused.is_none() {
                shard.announced = Some(if owed { shard.make.content.digest } else { newest });
            } else {
                take_up(shard, &self.make, settings, *number, &mut Batch::default());
            }
        }
    }

    fn write(&self, due: &BTreeMap<u32, Control>) -> Result<(), LogError> {
        let mut producer = self.log.producer(&Promise::Idempotent)?;
        for (tag, (number, control)) in due.iter().enumerate() {
            producer.send(&Outgoing {
                topic: &self.settings.topics.changes,
                to: To::Partition(Partition(*number)),
                key: None,
                value: Some(&control.encode()),
                headers: &[],
                time: self.clock.now(),
                tag,
            })?;
        }
        let left = producer.drain(self.settings.patience);
        if let Some(failure) = producer.failures().into_iter().next() {
            return Err(failure.error);
        }
        if left > 0 {
            let detail = format!("{left} control records were not delivered in time");
            return Err(LogError::Retry(Trouble::new(Call::Drain, Cause::TimedOut, detail)));
        }
        Ok(())
    }
}

impl Shard {
    /// The control record that is to be written into its partition.
    fn due(&self, newest: crate::model::Digest) -> Option<Control> {
        let own = self.make.content.digest;
        if let Some(since) = self.owes {
            return Some(Control { content: own, since: Some(since.0) });
        }
        let wanted = own != newest && self.announced != Some(newest);
        wanted.then_some(Control { content: newest, since: None })
    }

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
        // What names an earlier place is of a worker that had the partition then.
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
