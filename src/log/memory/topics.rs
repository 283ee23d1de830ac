//! Topics: partitions, and the settings that decide what is kept.

use std::collections::BTreeMap;

use crate::model::Timestamp;

use super::super::{NewTopic, TopicInfo};
use super::disk::Change;
use super::partition::PartitionLog;

/// The settings the memory knows, with Kafka's defaults; others are kept and mean nothing.
const DEFAULTS: [(&str, &str); 4] = [
    ("cleanup.policy", "delete"),
    ("retention.ms", "604800000"),
    ("delete.retention.ms", "86400000"),
    ("max.message.bytes", "1048588"),
];

/// A partition is compacted once so many records came since the last time, and they are half of
/// all there are.
const COMPACTED_AFTER: usize = 10_000;

/// What was cleaned of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cleaned {
    /// What stood before an offset was deleted.
    Before(u64),
    /// It was compacted; tombstones older than this went too.
    Compacted(Timestamp),
}

#[derive(Debug)]
pub(super) struct Topic {
    pub(super) partitions: Vec<PartitionLog>,
    settings: BTreeMap<String, String>,
    /// Whose turn it is among records without a key.
    turn: u32,
}

impl Topic {
    pub(super) fn new(asked: &NewTopic) -> Self {
        let mut settings: BTreeMap<String, String> =
            DEFAULTS.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        settings.extend(asked.settings.iter().cloned());
        let mut topic = Self { partitions: Vec::new(), settings, turn: 0 };
        topic.grow(asked.partitions.max(1));
        topic
    }

    /// A topic as it was written down.
    pub(super) fn again(partitions: u32, settings: Vec<(String, String)>) -> Self {
        let settings = settings.into_iter().collect();
        let mut topic = Self { partitions: Vec::new(), settings, turn: 0 };
        topic.grow(partitions);
        topic
    }

    /// As it is written down, without its records.
    pub(super) fn made(&self, name: &str) -> Change {
        let settings = self.settings.iter().map(|(name, value)| (name.clone(), value.clone()));
        let (topic, settings) = (name.to_owned(), settings.collect());
        Change::Made { topic, partitions: self.count(), settings }
    }

    pub(super) fn grow(&mut self, partitions: u32) {
        self.partitions.resize_with(partitions as usize, PartitionLog::default);
    }

    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.partitions.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn info(&self) -> TopicInfo {
        TopicInfo { partitions: self.count(), replicas: 1, settings: self.settings.clone() }
    }

    /// The next partition for a record without a key.
    pub(super) fn take_turn(&mut self) -> u32 {
        self.turn = (self.turn + 1) % self.count().max(1);
        self.turn
    }

    pub(super) fn largest(&self) -> usize {
        self.number("max.message.bytes").and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX)
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.settings.get(name)?.parse().ok()
    }

    fn has_policy(&self, policy: &str) -> bool {
        self.settings
            .get("cleanup.policy")
            .is_some_and(|policies| policies.split(',').any(|one| one.trim() == policy))
    }

    /// Deletes and compacts what is due, and tells it.
    pub(super) fn maintain(&mut self, now: Timestamp, told: &mut dyn FnMut(u32, Cleaned)) {
        let due = |partition: &PartitionLog| {
            partition.unclean() >= COMPACTED_AFTER && partition.unclean() * 2 >= partition.len()
        };
        self.clean(now, due, told);
    }

    /// Deletes what is due and compacts where `due` says so, and tells what it did.
    pub(super) fn clean(
        &mut self,
        now: Timestamp,
        due: impl Fn(&PartitionLog) -> bool,
        told: &mut dyn FnMut(u32, Cleaned),
    ) {
        let ago = |millis: i64| now.plus(millis.saturating_mul(-1_000));
        let older = self.number("retention.ms").filter(|millis| *millis >= 0).map(ago);
        let forget = self.number("delete.retention.ms").map_or(now, ago);
        let (deletes, compacts) = (self.has_policy("delete"), self.has_policy("compact"));
        for (number, partition) in (0_u32..).zip(&mut self.partitions) {
            if let Some(older) = older.filter(|_| deletes) {
                let before = partition.first();
                partition.expire(older);
                if partition.first() > before {
                    told(number, Cleaned::Before(partition.first()));
                }
            }
            if compacts && due(partition) {
                partition.compact(forget);
                told(number, Cleaned::Compacted(forget));
            }
        }
    }
}
