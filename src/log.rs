//! The broker as traits: records are sent to partitions and read from them, in transactions and
//! by groups.
//!
//! What enters and leaves are bytes with a key and headers. [`memory`] holds them in this
//! process; `kafka` is Apache Kafka. A [`Log`] hands out clients; each client has one owner and
//! is used from one thread. Nothing here is asynchronous: every call has its own bound in time.
//!
//! **Invariant:** no room above knows which broker it is, and whatever goes wrong is a
//! [`LogError`] that says what its caller must do.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::model::Timestamp;

pub mod error;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod memory;
pub mod spread;

pub use error::{Call, Cause, Hole, LogError, Trouble};

/// Number of a partition within its topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition(pub u32);

/// Place of a record within its partition, from 0. A position and a committed offset are the
/// next to be read. Numbers may be missing: transactions take some, compaction leaves gaps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub u64);

/// One partition of one topic.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic's whole name.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: Partition,
}

impl TopicPartition {
    /// Partition `partition` of `topic`.
    #[must_use]
    pub fn new(topic: &str, partition: u32) -> Self {
        Self { topic: topic.into(), partition: Partition(partition) }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.topic, self.partition.0)
    }
}

/// A record that was read. It lives only as long as the call that shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incoming<'r> {
    /// Its topic.
    pub topic: &'r str,
    /// Its partition.
    pub partition: Partition,
    /// Its place there.
    pub offset: Offset,
    /// Its key.
    pub key: Option<&'r [u8]>,
    /// Its value; `None` is a tombstone.
    pub value: Option<&'r [u8]>,
    /// Its headers, in order.
    pub headers: &'r [(&'r str, &'r [u8])],
    /// The producer's time of it, or the broker's, as the topic is set; whole milliseconds.
    pub time: Option<Timestamp>,
}

/// A record to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing<'r> {
    /// Its topic.
    pub topic: &'r str,
    /// What chooses its partition.
    pub to: To,
    /// Its key.
    pub key: Option<&'r [u8]>,
    /// Its value; `None` is a tombstone.
    pub value: Option<&'r [u8]>,
    /// Headers, in order.
    pub headers: &'r [(&'r str, &'r [u8])],
    /// The producer's time of it, which brokers keep in whole milliseconds.
    pub time: Timestamp,
    /// What a [`Failure`] names it by.
    pub tag: usize,
}

/// What chooses a record's partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// The sender.
    Partition(Partition),
    /// Its key, by [`spread::partition_of`]; without one any.
    Key,
}

/// A record that was taken by the client and then not delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// As the record was tagged.
    pub tag: usize,
    /// Why; what it demands concerns this record.
    pub error: LogError,
}

/// Where a group goes on reading, and what is noted beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The partition.
    pub of: TopicPartition,
    /// The next offset to be read.
    pub next: Offset,
    /// Written beside the offset and read back with it: tells whose transaction it was.
    pub receipt: String,
}

/// What stands committed for a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// The next offset to be read.
    pub next: Offset,
    /// As it was committed.
    pub receipt: String,
}

/// Which records a client sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// Those of committed transactions and of none, up to the first open transaction.
    Committed,
    /// All of them.
    Uncommitted,
}

/// What a partition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The first offset that is still there.
    pub first: Offset,
    /// The offset behind the last that may be read by the isolation asked for.
    pub end: Offset,
}

/// A group to be joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The group's whole name.
    pub group: String,
    /// The topics, by whole names.
    pub topics: Vec<String>,
    /// A name that outlives this process: a restart within the session takes its partitions back
    /// without a rebalance. Needs [`Protocol::Classic`].
    pub instance: Option<String>,
    /// How the group shares partitions.
    pub protocol: Protocol,
    /// Without a sign of life for so long a member is dead.
    pub session: Duration,
    /// Without a poll for so long a member has lost its partitions.
    pub silence: Duration,
}

/// How a group shares partitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// The members' protocol, cooperative and sticky.
    #[default]
    Classic,
    /// The brokers' own (KIP-848): Kafka 4.0 and later, and without instance names, as a member
    /// that was killed and started again would be refused until its session ends.
    Broker,
}

/// What a producer promises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Promise {
    /// Each record once and in order, as long as the producer lives.
    Idempotent,
    /// All of a transaction or nothing, and one living producer per id.
    Transactional {
        /// The same over restarts, and nobody else's.
        id: String,
        /// A transaction open for longer is aborted by the broker.
        timeout: Duration,
    },
}

/// A topic to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTopic {
    /// Its whole name.
    pub name: String,
    /// How many partitions, at least 1.
    pub partitions: u32,
    /// How many copies; the brokers' default where `None`.
    pub replicas: Option<u16>,
    /// Its settings, by Kafka's names.
    pub settings: Vec<(String, String)>,
}

/// A topic as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicInfo {
    /// How many partitions.
    pub partitions: u32,
    /// How many copies of the first partition.
    pub replicas: u16,
    /// Its settings, by Kafka's names, defaults included; empty where they may not be read.
    pub settings: std::collections::BTreeMap<String, String>,
}

/// How making a topic ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It was made.
    New,
    /// It was there; whether it is as asked for was not looked at.
    Already,
}

/// A log of topics: where clients come from. A handle; clones lead to the same log.
pub trait Log: Clone + Send + 'static {
    /// Who commits for a group, at which generation.
    type Member;
    /// Reads partitions of its owner's choice.
    type Reader: Reader;
    /// Reads partitions that its group gives it.
    type Consumer: Consumer<Member = Self::Member>;
    /// Sends records.
    type Producer: Producer<Member = Self::Member>;
    /// Asks and arranges.
    type Admin: Admin;

    /// A client that reads outside any group: to restore, to follow, to check.
    fn reader(&self, isolation: Isolation) -> Result<Self::Reader, LogError>;

    /// A client that joins a group at its first poll. It reads committed records only.
    fn consumer(&self, membership: &Membership) -> Result<Self::Consumer, LogError>;

    /// A client that sends. A transactional one needs [`Producer::init`] first.
    fn producer(&self, promise: &Promise) -> Result<Self::Producer, LogError>;

    /// A client that asks and arranges.
    fn admin(&self) -> Result<Self::Admin, LogError>;
}

/// What a poll brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Polled {
    /// A record, which was shown.
    Record,
    /// Nothing within the time; more may come at once.
    Idle,
    /// Every record there was of this partition was shown; told once each time. Where several
    /// topics are read at once it may be left out: it is a hint, [`Reader::position`] is the
    /// truth.
    End(TopicPartition),
    /// These came to this member; nothing is read from them until [`Reader::start`].
    Assigned(Vec<TopicPartition>),
    /// These go. They are still this member's, and may be committed for, until the next poll
    /// gives them up.
    Revoked(Vec<TopicPartition>),
    /// These are gone; what was not committed must be forgotten.
    Lost(Vec<TopicPartition>),
}

/// Reads partitions, each from where its owner said.
///
/// There is no default place to start, and none to go on from after a hole: a record is never
/// skipped without the owner's word.
pub trait Reader {
    /// Reads on from these places: at first, or again from elsewhere. What was fetched before is
    /// forgotten. Paused partitions stay paused.
    fn start(&mut self, at: &[(TopicPartition, Offset)]) -> Result<(), LogError>;

    /// Reads no further from these until they are started again.
    fn stop(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError>;

    /// Reads no further from these until they are resumed; positions stay.
    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError>;

    /// Reads on from paused partitions.
    fn resume(&mut self, partitions: &[TopicPartition]) -> Result<(), LogError>;

    /// The next offset to be read: behind the last record shown, and at the end behind what
    /// transactions leave there. `None` where nothing is read.
    fn position(&self, partition: &TopicPartition) -> Option<Offset>;

    /// Waits up to `wait` for the next thing to happen, and shows a record to `each`.
    ///
    /// # Errors
    /// [`LogError::Retry`] where a broker does not answer: poll on. [`LogError::Hole`] once for
    /// each partition that cannot go on; it is silent until started again.
    /// [`LogError::Rebuild`] where this client is of no further use.
    fn poll(
        &mut self,
        wait: Duration,
        each: &mut dyn FnMut(&Incoming<'_>),
    ) -> Result<Polled, LogError>;
}

/// A member of a group.
pub trait Consumer: Reader {
    /// As [`Log::Member`].
    type Member;

    /// Who commits, for [`Producer::send_offsets`]: to be asked just before.
    ///
    /// # Errors
    /// [`LogError::Abort`] before the first assignment, and where partitions were lost: what such
    /// a member commits, a broker may take or refuse as it happens.
    fn member(&self) -> Result<Self::Member, LogError>;

    /// Whom the group last knew, whether it still does or never did: good for offsets of a
    /// transaction that is aborted, which a broker may refuse and still counts as part of it.
    fn former(&self) -> Option<Self::Member>;

    /// Whether partitions were lost and a poll has yet to say which.
    fn lost(&self) -> bool;

    /// Commits outside a transaction, and waits for the answer.
    fn commit(&mut self, offsets: &[Commit]) -> Result<(), LogError>;

    /// Gives up what it has and leaves the group, unless it has an instance name; waits no longer
    /// than `wait`.
    fn close(self, wait: Duration) -> Result<(), LogError>;
}

/// Sends records, alone or in transactions.
///
/// A transaction is `begin`, `send` ..., `drain` until nothing is in flight, `send_offsets`,
/// `commit`. After [`LogError::Unknown`] or [`LogError::Fenced`] only a new producer with the
/// same id helps: once its `init` returns, the old transaction is decided.
pub trait Producer {
    /// As [`Log::Member`].
    type Member;

    /// Fences earlier producers of this id, and decides what they left open. To be called first,
    /// and again on [`LogError::Retry`]. Without transactions it does nothing.
    fn init(&mut self, wait: Duration) -> Result<(), LogError>;

    /// Begins a transaction.
    fn begin(&mut self) -> Result<(), LogError>;

    /// Takes a record to be sent; its fate shows in `drain` and `failures`.
    ///
    /// # Errors
    /// [`LogError::Retry`] where the queue is full: drain, then send it again.
    /// [`LogError::Refused`] where this record can never be sent.
    fn send(&mut self, record: &Outgoing<'_>) -> Result<(), LogError>;

    /// Waits up to `wait` until all that was sent is delivered or has failed; how many are
    /// still in flight. Without waiting it serves what came in.
    fn drain(&mut self, wait: Duration) -> usize;

    /// Takes what failed since the last call. In a transaction one failure demands an abort.
    fn failures(&mut self) -> Vec<Failure>;

    /// Waits up to `wait` until all that was sent is delivered; the first failure, or what `late`
    /// makes of records that are still in flight.
    fn delivered(&mut self, wait: Duration, late: fn(Trouble) -> LogError) -> Result<(), LogError> {
        let left = self.drain(wait);
        if let Some(failure) = self.failures().into_iter().next() {
            return Err(failure.error);
        }
        if left > 0 {
            let detail = format!("{left} records were not delivered in time");
            return Err(late(Trouble::new(Call::Drain, Cause::TimedOut, detail)));
        }
        Ok(())
    }

    /// Commits a group's offsets with the transaction.
    ///
    /// A transaction that only writes still names its partitions here, at unchanged offsets:
    /// without offsets nothing would fence a member that lost them. An empty list is refused.
    fn send_offsets(
        &mut self,
        offsets: &[Commit],
        member: &Self::Member,
        wait: Duration,
    ) -> Result<(), LogError>;

    /// Commits the transaction; waits for as long as the transaction may last.
    fn commit(&mut self) -> Result<(), LogError>;

    /// Aborts the transaction. Without one it does nothing.
    ///
    /// # Errors
    /// [`LogError::Unknown`] where something may still be on its way: this producer is not to be
    /// used again, and the next of its name decides.
    fn abort(&mut self, wait: Duration) -> Result<(), LogError>;
}

/// Asks and arranges.
pub trait Admin {
    /// Makes a topic.
    fn create(&mut self, topic: &NewTopic, wait: Duration) -> Result<Created, LogError>;

    /// A topic as it is; `None` where there is none.
    fn describe(&mut self, topic: &str, wait: Duration) -> Result<Option<TopicInfo>, LogError>;

    /// Gives a topic more partitions.
    fn grow(&mut self, topic: &str, partitions: u32, wait: Duration) -> Result<(), LogError>;

    /// Deletes the records before an offset.
    fn trim(
        &mut self,
        partition: &TopicPartition,
        before: Offset,
        wait: Duration,
    ) -> Result<(), LogError>;

    /// What a group has committed, in the order asked for; `None` where nothing is.
    ///
    /// # Errors
    /// [`LogError::Retry`] while a transaction that would change the answer is undecided.
    fn committed(
        &mut self,
        group: &str,
        partitions: &[TopicPartition],
        wait: Duration,
    ) -> Result<Vec<Option<Committed>>, LogError>;

    /// What a partition holds. State is restored up to the end as [`Isolation::Uncommitted`]
    /// sees it: a committed transaction may still stand behind an open one.
    fn bounds(
        &mut self,
        partition: &TopicPartition,
        isolation: Isolation,
        wait: Duration,
    ) -> Result<Bounds, LogError>;
}
