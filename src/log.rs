//! The broker as a trait: records are produced to topics and consumed by groups.
//!
//! What enters and leaves are bytes with a key and headers. **Invariant:** no room above knows
//! which broker it is; [`memory`] holds records in this process.

use crate::model::Timestamp;

pub mod memory;

/// Number of a partition within its topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(pub u32);

/// Place of a record within its partition, from 0. A committed offset is the next to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub u64);

/// A record to be produced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outgoing {
    /// What its partition is chosen by; without one partitions take turns.
    pub key: Option<Vec<u8>>,
    /// Its value.
    pub value: Vec<u8>,
    /// Headers, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The producer's time of it.
    pub time: Timestamp,
}

/// A record that was read, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// Its partition.
    pub partition: Partition,
    /// Its place there.
    pub offset: Offset,
    /// The record as it was produced.
    pub record: Outgoing,
}

/// Why the log refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// No such topic.
    #[error("topic `{0}` does not exist")]
    NoTopic(String),
    /// No such partition.
    #[error("topic `{topic}` has no partition {}", partition.0)]
    NoPartition {
        /// The topic.
        topic: String,
        /// The partition asked for.
        partition: Partition,
    },
    /// An offset beyond the end.
    #[error("offset {} lies beyond the end of partition {} of `{topic}`", offset.0, partition.0)]
    BeyondEnd {
        /// The topic.
        topic: String,
        /// The partition.
        partition: Partition,
        /// The offset asked for.
        offset: Offset,
    },
    /// A topic made again with another number of partitions.
    #[error("topic `{topic}` has {has} partitions, not {asked}")]
    OtherPartitions {
        /// The topic.
        topic: String,
        /// What it has.
        has: u32,
        /// What was asked for.
        asked: u32,
    },
}

/// A log of topics.
pub trait Log {
    /// Makes a topic; making it again with the same number of partitions changes nothing. A
    /// number below 1 counts as 1.
    fn create(&mut self, topic: &str, partitions: u32) -> Result<(), LogError>;

    /// How many partitions a topic has.
    fn partitions(&self, topic: &str) -> Result<u32, LogError>;

    /// Appends a record to the partition its key chooses, and tells where it stands.
    fn produce(&mut self, topic: &str, record: Outgoing) -> Result<(Partition, Offset), LogError>;

    /// Reads up to `most` records of one partition from `from` on; none at its end.
    fn read(
        &self,
        topic: &str,
        partition: Partition,
        from: Offset,
        most: usize,
    ) -> Result<Vec<Incoming>, LogError>;

    /// The offset at which the next record of a partition will stand.
    fn end(&self, topic: &str, partition: Partition) -> Result<Offset, LogError>;

    /// Where a group goes on reading; 0 where it never committed.
    fn committed(&self, group: &str, topic: &str, partition: Partition)
    -> Result<Offset, LogError>;

    /// Commits where a group goes on reading.
    fn commit(
        &mut self,
        group: &str,
        topic: &str,
        partition: Partition,
        next: Offset,
    ) -> Result<(), LogError>;
}
