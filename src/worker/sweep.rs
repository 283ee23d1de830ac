//! Transactions that are over and do not look so: ended again, or told of.
//!
//! A broker that comes up counts a transaction as aborted and writes no marker where it does not
//! know yet who leads its partitions (seen with Kafka 4.3.0, one broker, killed within a
//! transaction: `CompleteAbort` in its log of transactions, and no marker in any partition).
//! Committed readers wait in front of that transaction for ever. The next marker of the same
//! transactional id ends it: so a worker that has its name back writes records that say nothing
//! behind what is open, and aborts them; and where something stays open later, it commits them,
//! as then nothing of its own is open but what was committed. What no name ends any more needs a
//! person, who is told how.

use std::collections::BTreeMap;
use std::time::Duration;

use tracing::warn;

use crate::log::{
    Admin, Bounds, Cause, Commit, Consumer, Isolation, Log, LogError, Offset, Outgoing,
    Producer as _, To, TopicPartition,
};
use crate::model::Timestamp;

use super::detect::{Detect, Settings};
use super::sabotage::Mutant;
use super::topics::{RowKey, Topics};
use super::{End, Happening};

/// Between two looks, in microseconds: most of what others have open is over by then.
const SOON: i64 = 1_000_000;
/// How often each partition is looked at for what nobody ends, in microseconds; where there are many,
/// one number each [`SOON`].
const WATCH_EVERY: i64 = 30 * 1_000_000;
/// How long one call may take.
const LOOK: Duration = Duration::from_millis(200);
/// The key of a record that says nothing, which has no value. Compacted topics take none without.
pub(super) const VOID: &[u8] = b"void";

/// Where a broker keeps what groups committed.
const OFFSETS: &str = "__consumer_offsets";

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
        let again = self.looks_again();
        if let Sweep::Looked(_, before) = std::mem::replace(&mut self.swept, Sweep::Due) {
            // What another left may end, and this worker's stand behind it.
            open.retain(|place, _| before.contains_key(place));
        }
        if !open.is_empty() || self.is_undecided() {
            if !again {
                self.swept = Sweep::Looked(now, open);
                return Ok(false);
            }
            if !self.end_again(&open, false)? {
                return Ok(false);
            }
        }
        self.swept = Sweep::Done;
        Ok(true)
    }

    /// Whether an open transaction keeps what the group committed from being told.
    fn is_undecided(&mut self) -> bool {
        let Settings { topics, partitions, group, .. } = &self.settings;
        let all: Vec<TopicPartition> =
            (0..*partitions).map(|number| TopicPartition::new(&topics.changes, number)).collect();
        let Some(admin) = &mut self.admin else { return false };
        let known = admin.committed(group, &all, LOOK);
        let cause = known.as_ref().err().and_then(LogError::trouble).map(|trouble| trouble.cause);
        matches!(cause, Some(Cause::Undecided | Cause::TimedOut))
    }

    /// Whether a second look is waited for.
    pub(super) fn looks_again(&self) -> bool {
        matches!(self.swept, Sweep::Looked(..))
    }

    /// Every partition this worker may write to in which a transaction is open.
    fn open(&mut self) -> Result<Open, LogError> {
        let mut open = Open::new();
        let (settings, Some(admin)) = (&self.settings, &mut self.admin) else { return Ok(open) };
        let topics = &settings.topics;
        let counts = [
            (&topics.changes, settings.partitions),
            (&topics.state, settings.partitions),
            (&topics.findings, settings.partitions),
            (&topics.alerts, settings.alert_partitions),
            (&topics.deadletters, 1),
        ];
        for (topic, count) in counts {
            for number in 0..count {
                let place = TopicPartition::new(topic, number);
                if let Some((from, _)) = first_open(admin, &place)? {
                    open.insert(place, from);
                }
            }
        }
        Ok(open)
    }

    /// Ends what is open there of this worker's name, and aborted also in the group's offsets: where
    /// those are, the state is followed. Whether that is done. What is another's gets a record that
    /// says nothing.
    pub(super) fn end_again(&mut self, open: &Open, commits: bool) -> Result<bool, LogError> {
        if self.producer.is_none() {
            return Ok(false);
        }
        let began = self.clock.now();
        match self.write_behind(open, commits) {
            Ok(()) => {
                if open.is_empty() {
                    warn!("the group's offsets were undecided; if by this worker, they are not");
                }
                for (place, from) in open {
                    warn!(partition = %place, from = from.0, commits, "an open transaction was in \
                        the way; if it was this worker's, it is ended");
                }
                let took = self.clock.now().lasted(began);
                let end = if commits { End::Committed } else { End::Aborted };
                self.tell(&Happening::Transaction(end, took));
                Ok(true)
            }
            Err(error) if error.may_heal() => {
                self.failed(&error);
                self.producer = None;
                Ok(false)
            }
            Err(other) => Err(other),
        }
    }

    fn write_behind(&mut self, open: &Open, commits: bool) -> Result<(), LogError> {
        let Some(producer) = &mut self.producer else { return Ok(()) };
        let Settings { topics, patience, .. } = &self.settings;
        producer.begin()?;
        for (tag, place) in open.keys().enumerate() {
            let key = void(place, topics);
            producer.send(&Outgoing {
                topic: &place.topic,
                to: To::Partition(place.partition),
                key: Some(&key),
                value: None,
                headers: &[],
                time: self.clock.now(),
                tag,
            })?;
        }
        let delivered = producer.delivered(*patience, LogError::Abort);
        if commits && delivered.is_ok() {
            return producer.commit();
        }
        if let Some(member) = self.consumer.as_ref().and_then(Consumer::former) {
            let of = TopicPartition::new(&topics.changes, 0);
            let none = Commit { of, next: Offset(0), receipt: String::new() };
            // It counts as part of the transaction whatever the group says to it.
            let _ = producer.send_offsets(&[none], &member, *patience);
        }
        producer.abort(*patience)?;
        delivered
    }

    /// Looks at the partitions of one number, one after another; what stays open for longer than
    /// any transaction may is ended where it is this worker's own, which is all committed, and told
    /// of where it is not.
    pub(super) fn watch(&mut self) -> Result<(), LogError> {
        let now = self.clock.now();
        let count = self.settings.partitions.max(1);
        let each = (WATCH_EVERY / i64::from(count)).max(SOON);
        if now.since(self.watch.at) < each || self.is_broken(Mutant::NoTransactions) {
            return Ok(());
        }
        let number = self.watch.number % count;
        (self.watch.at, self.watch.number) = (now, number + 1);
        let Settings { topics, alert_partitions, .. } = &self.settings;
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
        let (long, mut stays, mut blocked) = (long(&self.settings), Open::new(), 0);
        for (place, found) in places.into_iter().zip(found) {
            let Some(stuck) = self.watch.note(&place, found, now, long) else { continue };
            if place.topic == self.settings.topics.changes {
                blocked = stuck.behind;
            }
            if stuck.is_new {
                stays.insert(place, stuck.from);
            } else if stuck.is_left {
                tell_of(&place, stuck.from);
            }
        }
        if let Some(shard) = self.shards.get_mut(&number) {
            shard.blocked = blocked;
        }
        if !stays.is_empty() {
            self.end_again(&stays, true)?;
        }
        if number == 0 {
            self.watch_offsets(now, long)?;
        }
        Ok(())
    }

    /// The same for the offsets of the group. Where they are aborted the state is followed.
    fn watch_offsets(&mut self, now: Timestamp, long: i64) -> Result<(), LogError> {
        let found = self.is_undecided().then_some((Offset(0), 0));
        let place = TopicPartition::new(OFFSETS, 0);
        match self.watch.note(&place, found, now, long) {
            Some(Stuck { is_new: true, .. }) => drop(self.end_again(&Open::new(), false)?),
            Some(Stuck { is_left: true, .. }) => warn!(
                group = self.settings.group,
                "nobody ends a transaction with offsets of the group: partitions that move are not \
                 taken up; `kafka-transactions.sh find-hanging` tells where in `{OFFSETS}`"
            ),
            _ => {}
        }
        Ok(())
    }
}

/// The key of a record that says nothing: whoever keeps the newest of each key keeps nothing.
fn void(place: &TopicPartition, topics: &Topics) -> Vec<u8> {
    if place.topic == topics.state { RowKey::Names(0).encode() } else { VOID.to_vec() }
}

fn tell_of(place: &TopicPartition, from: Offset) {
    let TopicPartition { topic, partition } = place;
    let (partition, from) = (partition.0, from.0);
    warn!(
        "nobody ends the transaction that is open in `{topic}[{partition}]` from offset {from} on, \
         and what stands behind it is not read; if the worker that left it is gone for good, end \
         it with `kafka-transactions.sh abort --topic {topic} --partition {partition} \
         --start-offset {from}`"
    );
}

/// What is longer than any transaction may be open, in microseconds.
fn long(settings: &Settings) -> i64 {
    i64::try_from(settings.transaction.as_micros() * 2).unwrap_or(i64::MAX)
}

/// What is watched: which number is next, and what was open when it was last looked at.
#[derive(Debug)]
pub(super) struct Watch {
    at: Timestamp,
    number: u32,
    open: BTreeMap<TopicPartition, Since>,
}

/// Since when a partition is known to be open from there, and how often that was told.
#[derive(Debug)]
struct Since {
    from: Offset,
    at: Timestamp,
    told: u32,
}

/// What is open for too long.
#[derive(Debug, PartialEq, Eq)]
struct Stuck {
    from: Offset,
    /// How much stands from there on.
    behind: u64,
    /// It was not known yet.
    is_new: bool,
    /// It was known, and nothing helped; told once.
    is_left: bool,
}

impl Watch {
    pub(super) const fn new() -> Self {
        Self { at: Timestamp(i64::MIN), number: 0, open: BTreeMap::new() }
    }

    /// Notes what was found of a partition.
    fn note(
        &mut self,
        place: &TopicPartition,
        found: Option<(Offset, u64)>,
        now: Timestamp,
        long: i64,
    ) -> Option<Stuck> {
        let Some((from, behind)) = found else {
            self.open.remove(place);
            return None;
        };
        let known = self.open.entry(place.clone());
        let known = known.or_insert(Since { from, at: now, told: 0 });
        if known.from != from {
            *known = Since { from, at: now, told: 0 };
        }
        if now.since(known.at) < long {
            return None;
        }
        known.told += 1;
        Some(Stuck { from, behind, is_new: known.told == 1, is_left: known.told == 2 })
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
    fn what_stays_open_for_long_is_ended_first_and_then_told_of_once() {
        let (mut watch, place) = (Watch::new(), TopicPartition::new("t", 3));
        let mut note = |found: Option<(u64, u64)>, now: i64| {
            let found = found.map(|(from, behind)| (Offset(from), behind));
            let stuck = watch.note(&place, found, Timestamp(now), 10)?;
            Some((stuck.behind, stuck.is_new, stuck.is_left))
        };
        assert_eq!(note(Some((5, 2)), 0), None);
        assert_eq!(note(Some((5, 9)), 9), None, "it may still be somebody's work");
        assert_eq!(note(Some((7, 3)), 12), None, "that was ended, and another is open");
        assert_eq!(note(Some((7, 4)), 22), Some((4, true, false)));
        assert_eq!(note(Some((7, 5)), 23), Some((5, false, true)));
        assert_eq!(note(Some((7, 6)), 24), Some((6, false, false)));
        assert_eq!(note(None, 30), None);
        assert_eq!(note(Some((7, 4)), 31), None);
    }
}
