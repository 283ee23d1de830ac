//! Transactions that are over and do not look so: ended again, or told of.
//!
//! A broker that comes up counts a transaction as aborted and writes no marker where it does not
//! know yet who leads its partitions (seen with Kafka 4.3.0, one broker, killed within a
//! transaction: `CompleteAbort` in its log of transactions, and no marker in any partition).
//! Committed readers then wait in front of that transaction for ever. The next marker of the same
//! transactional id ends it: so a worker that has its name back writes records behind what is
//! open, and aborts them. What nobody's name ends any more needs a person, who is told how.

use std::collections::BTreeMap;
use std::time::Duration;

use tracing::warn;

use crate::log::{
    Admin, Bounds, Call, Cause, Commit, Consumer as _, Isolation, Log, LogError, Offset, Outgoing,
    Partition, Producer as _, To, TopicPartition, Trouble,
};
use crate::model::Timestamp;

use super::detect::{Detect, Settings};
use super::sabotage::Mutant;
use super::shard::Shard;
use super::{End, Happening};

/// Between two looks, in microseconds: most of what others have open is over by then.
const SOON: i64 = 1_000_000;
/// How often a partition is looked at for what nobody ends, in microseconds.
const WATCH_EVERY: i64 = 30 * 1_000_000;
/// How long one call may take.
const LOOK: Duration = Duration::from_millis(200);
/// The key of a record that is never committed. Compacted topics take none without.
const VOID: &[u8] = b"void";

/// Where each partition's first open transaction begins.
type Open = BTreeMap<TopicPartition, Offset>;

/// How far it is known that this worker's name has left nothing open.
#[derive(Debug)]
pub(super) enum Sweep {
    /// It is to be found out.
    Due,
    /// What was open then is looked at again.
    Looked(Timestamp, Open),
    /// It has not.
    Done,
}

impl<L: Log> Detect<L> {
    /// One step towards knowing that nothing of this worker's name is open; whether it is known.
    pub(super) fn sweep(&mut self) -> Result<bool, LogError> {
        let now = self.clock.now();
        match &self.swept {
            Sweep::Done => return Ok(true),
            Sweep::Looked(at, _) if now.since(*at) < SOON => return Ok(false),
            Sweep::Due | Sweep::Looked(..) => {}
        }
        if self.is_broken(Mutant::NoTransactions) || self.is_broken(Mutant::NoSweep) {
            self.swept = Sweep::Done;
            return Ok(true);
        }
        let mut open = match self.open() {
            Ok(open) => open,
            Err(error) if error.is_passing() => {
                self.failed(&error);
                return Ok(false);
            }
            Err(other) => return Err(other),
        };
        match std::mem::replace(&mut self.swept, Sweep::Due) {
            Sweep::Looked(_, before) => {
                // What another left may end, and this worker's stand behind it.
                open.retain(|place, _| before.contains_key(place));
                if !open.is_empty() && !self.end_again(&open)? {
                    return Ok(false);
                }
            }
            Sweep::Due | Sweep::Done if open.is_empty() => {}
            Sweep::Due | Sweep::Done => {
                self.swept = Sweep::Looked(now, open);
                return Ok(false);
            }
        }
        self.swept = Sweep::Done;
        Ok(true)
    }

    /// Whether a second look is waited for.
    pub(super) fn looks_again(&self) -> bool {
        matches!(self.swept, Sweep::Looked(..))
    }

    /// Every partition this worker may write to in which a transaction is open.
    fn open(&mut self) -> Result<Open, LogError> {
        let settings = &self.settings;
        let topics = &settings.topics;
        let counts = [
            (&topics.changes, settings.partitions),
            (&topics.state, settings.partitions),
            (&topics.findings, settings.partitions),
            (&topics.alerts, settings.alert_partitions),
            (&topics.deadletters, 1),
        ];
        let mut open = Open::new();
        for (topic, count) in counts {
            for number in 0..count {
                let place = TopicPartition::new(topic, number);
                if let Some((from, _)) =
                    self.admin.as_mut().map_or(Ok(None), |admin| first_open(admin, &place))?
                {
                    open.insert(place, from);
                }
            }
        }
        Ok(open)
    }

    /// Ends what an earlier producer of this name left open there, and in the group's offsets;
    /// whether that is done. What is another's gets a record that is never seen.
    pub(super) fn end_again(&mut self, open: &Open) -> Result<bool, LogError> {
        let began = self.clock.now();
        let done = self.abort_behind(open);
        match done {
            Ok(()) => {
                for (place, from) in open {
                    warn!(partition = %place, from = from.0, "an open transaction was in the way; \
                        if it was this worker's, it is ended");
                }
                let took = self.clock.now().since(began);
                let took = Duration::from_micros(u64::try_from(took).unwrap_or_default());
                self.tell(&Happening::Transaction(End::Aborted, took));
                Ok(true)
            }
            Err(
                error @ (LogError::Retry(_)
                | LogError::Abort(_)
                | LogError::Unknown(_)
                | LogError::Fenced(_)
                | LogError::Rebuild(_)),
            ) => {
                self.failed(&error);
                self.producer = None;
                Ok(false)
            }
            Err(other) => Err(other),
        }
    }

    fn abort_behind(&mut self, open: &Open) -> Result<(), LogError> {
        let Some(producer) = &mut self.producer else { return Ok(()) };
        let patience = self.settings.patience;
        producer.begin()?;
        for (tag, place) in open.keys().enumerate() {
            producer.send(&Outgoing {
                topic: &place.topic,
                to: To::Partition(Partition(place.partition.0)),
                key: Some(VOID),
                value: None,
                headers: &[],
                time: self.clock.now(),
                tag,
            })?;
        }
        let left = producer.drain(patience);
        let failed = producer.failures().into_iter().next();
        if let Some(member) = self.consumer.as_ref().and_then(|consumer| consumer.member().ok()) {
            let of = TopicPartition::new(&self.settings.topics.changes, 0);
            let none = Commit { of, next: Offset(0), receipt: String::new() };
            // It counts as part of the transaction whatever the group says to it.
            let _ = producer.send_offsets(&[none], &member, patience);
        }
        producer.abort(patience)?;
        match failed {
            Some(failure) => Err(failure.error),
            None if left > 0 => {
                let detail = format!("{left} records were not delivered in time");
                Err(LogError::Abort(Trouble::new(Call::Drain, Cause::TimedOut, detail)))
            }
            None => Ok(()),
        }
    }

    /// Looks at the partitions of one shard, now and then; tells of a transaction that stays open
    /// for longer than any may.
    pub(super) fn watch(&mut self) -> Result<(), LogError> {
        let now = self.clock.now();
        let due = |shard: &&mut Shard| now.since(shard.watched) >= WATCH_EVERY;
        let Some(shard) = self.shards.values_mut().find(due) else { return Ok(()) };
        shard.watched = now;
        let (number, Settings { topics, alert_partitions, .. }) =
            (shard.of.partition.0, &self.settings);
        let places = [
            TopicPartition::new(&topics.changes, number),
            TopicPartition::new(&topics.state, number),
            TopicPartition::new(&topics.findings, number),
            TopicPartition::new(&topics.alerts, number % (*alert_partitions).max(1)),
        ];
        let Some(admin) = &mut self.admin else { return Ok(()) };
        let found: Result<Vec<_>, LogError> =
            places.iter().map(|place| first_open(admin, place)).collect();
        let found = match found {
            Ok(found) => found,
            Err(error) if error.is_passing() => {
                self.failed(&error);
                return Ok(());
            }
            Err(other) => return Err(other),
        };
        // The first is that of the changes.
        shard.blocked = 0;
        for (place, found) in places.into_iter().zip(found).rev() {
            shard.blocked = self.blocked.note(place, found, now, long(&self.settings));
        }
        Ok(())
    }
}

/// What is longer than any transaction may be open, in microseconds.
fn long(settings: &Settings) -> i64 {
    i64::try_from(settings.transaction.as_micros() * 2).unwrap_or(i64::MAX)
}

/// Partitions that had an open transaction when they were last looked at.
#[derive(Debug, Default)]
pub(super) struct Blocked(BTreeMap<TopicPartition, Since>);

/// Since when a partition is known to be open from there.
#[derive(Debug)]
struct Since {
    from: Offset,
    at: Timestamp,
    told: bool,
}

impl Blocked {
    /// Notes what was found of a partition; how much stands behind what nobody ends.
    fn note(
        &mut self,
        place: TopicPartition,
        found: Option<(Offset, u64)>,
        now: Timestamp,
        long: i64,
    ) -> u64 {
        let Some((from, behind)) = found else {
            self.0.remove(&place);
            return 0;
        };
        let TopicPartition { topic, partition } = place.clone();
        let known = self.0.entry(place).or_insert(Since { from, at: now, told: false });
        if known.from != from {
            *known = Since { from, at: now, told: false };
        }
        if now.since(known.at) < long {
            return 0;
        }
        if !std::mem::replace(&mut known.told, true) {
            let (partition, from) = (partition.0, from.0);
            warn!(
                "nobody ends the transaction that is open in `{topic}[{partition}]` from offset \
                 {from} on, and what stands behind it is not read; if the worker that left it is \
                 gone for good, end it with `kafka-transactions.sh abort --topic {topic} \
                 --partition {partition} --start-offset {from}`"
            );
        }
        behind
    }
}

/// Where a partition's first open transaction begins, and how much stands from there on.
fn first_open(
    admin: &mut impl Admin,
    place: &TopicPartition,
) -> Result<Option<(Offset, u64)>, LogError> {
    let Bounds { end: stable, .. } = admin.bounds(place, Isolation::Committed, LOOK)?;
    let Bounds { end, .. } = admin.bounds(place, Isolation::Uncommitted, LOOK)?;
    Ok((end > stable).then(|| (stable, end.0 - stable.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_open_for_long_is_told_once_and_counted() {
        let (mut blocked, place) = (Blocked::default(), TopicPartition::new("t", 3));
        let mut note = |found: Option<(u64, u64)>, now: i64| {
            let found = found.map(|(from, behind)| (Offset(from), behind));
            let behind = blocked.note(place.clone(), found, Timestamp(now), 10);
            (behind, blocked.0.get(&place).is_some_and(|known| known.told))
        };
        assert_eq!(note(Some((5, 2)), 0), (0, false));
        assert_eq!(note(Some((5, 9)), 9), (0, false), "it may still be somebody's work");
        assert_eq!(note(Some((7, 3)), 12), (0, false), "that was ended, and another is open");
        assert_eq!(note(Some((7, 4)), 22), (4, true));
        assert_eq!(note(None, 30), (0, false));
        assert_eq!(note(Some((7, 4)), 31), (0, false));
    }
}
