//! The workers: poll loops between the log and the core, one OS thread each.
//!
//! `ingest` takes records of the clouds' topics and sends what mappings make of them to the
//! changes topic, at least once. `detect` takes changes, keeps its partitions' state, and sends
//! state, findings and alerts, exactly once. **Invariant:** nothing of a batch is kept before its
//! transaction is committed.
//!
//! A worker is told the time by a [`Clock`] and tells what happens to an [`Observer`]: it knows
//! neither metrics nor which broker it is on.

mod batch;
mod commit;
mod control;
mod detect;
mod ingest;
mod letters;
mod restore;
mod sabotage;
mod settle;
mod shard;
mod sweep;
#[cfg(test)]
mod tests;
mod time;
mod topics;

use std::time::Duration;

pub(crate) use batch::Out;
pub use batch::{Told, warn_of};
pub use detect::{Detect, Settings};
pub use ingest::{BREAKER_RECORDS, Binding, Ingest, Intake as IngestSettings, Source};
pub use letters::Body;
pub(crate) use letters::{Letter, out as letter};
pub use sabotage::Mutant;
pub use topics::{RowKey, Topics, key_of};

use crate::model::{DeadReason, Format, Limit, Outcome, Severity, Step, Timestamp};

/// What a worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Source topics to changes.
    Ingest,
    /// Changes to state, findings, alerts.
    Detect,
    /// Alerts to people.
    Notify,
    /// Health, metrics, console.
    Web,
}

impl Role {
    /// Every role, in the data's order.
    pub const ALL: [Self; 4] = [Self::Ingest, Self::Detect, Self::Notify, Self::Web];

    /// The name in `--roles` and metric labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Detect => "detect",
            Self::Notify => "notify",
            Self::Web => "web",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// What time it is.
pub trait Clock: Send + Sync {
    /// The wall clock's time.
    fn now(&self) -> Timestamp;
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// It was committed.
    Committed,
    /// It was aborted, and its records are read again.
    Aborted,
    /// Nobody said; the receipt said that it was committed.
    FoundCommitted,
    /// Nobody said; the receipt said that it was not.
    FoundAborted,
}

impl End {
    /// Every end.
    pub const ALL: [Self; 4] =
        [Self::Committed, Self::Aborted, Self::FoundCommitted, Self::FoundAborted];

    /// The name in metric labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::Aborted => "aborted",
            Self::FoundCommitted => "found_committed",
            Self::FoundAborted => "found_aborted",
        }
    }
}

/// What the group did with partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Moved {
    /// They came.
    Assigned,
    /// They were handed over.
    Revoked,
    /// They were taken.
    Lost,
}

impl Moved {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Assigned, Self::Revoked, Self::Lost];

    /// The name in metric labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Assigned => "assigned",
            Self::Revoked => "revoked",
            Self::Lost => "lost",
        }
    }
}

/// How a try to deliver an alert ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Delivery {
    /// The destination took it.
    Delivered,
    /// It did not, and is to be tried again.
    Retried,
    /// It never will: the alert is in the dead letters.
    Refused,
    /// It did not for too long: the alert is in the dead letters.
    GaveUp,
}

impl Delivery {
    /// Every way.
    pub const ALL: [Self; 4] = [Self::Delivered, Self::Retried, Self::Refused, Self::GaveUp];

    /// The name in metric labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Retried => "retried",
            Self::Refused => "refused",
            Self::GaveUp => "gave_up",
        }
    }
}

/// What a partition of the state holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// Resources with a row, tombstones among them.
    pub resources: usize,
    /// Bytes of their rows.
    pub bytes: usize,
    /// Open findings.
    pub findings: usize,
}

/// How a worker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It has no partition yet.
    Joining,
    /// It restores what it was given; so many partitions wait.
    Restoring(usize),
    /// It works.
    Working,
    /// No broker answers, or what it keeps cannot be written.
    Stranded,
    /// So many partitions are halted and need a person; the others go on.
    Halted(usize),
    /// It ended.
    Stopped,
}

/// What a worker tells.
#[derive(Clone, Copy, Debug)]
pub enum Happening<'h> {
    /// Records were read from a partition, up to (not including) the offset; so many lie behind it.
    Consumed {
        /// The topic.
        topic: &'h str,
        /// The partition.
        partition: u32,
        /// How many records.
        records: u64,
        /// How many are still to be read, as far as the broker said.
        lag: u64,
    },
    /// The fate of one event.
    Event {
        /// The wire format, where one was recognised.
        format: Option<Format>,
        /// The fate.
        outcome: Outcome,
        /// The cloud's share of the delay: event time to arrival at the broker, in microseconds.
        age: Option<i64>,
    },
    /// A record or event was refused and sent to the dead letters.
    Dead(DeadReason),
    /// A limit was reached so many times.
    Reached(Limit, u64),
    /// A batch is through, from its first poll to its commit.
    Batch {
        /// How many records.
        records: u64,
        /// How long it took.
        took: Duration,
    },
    /// A transaction ended; the time is from its begin.
    Transaction(End, Duration),
    /// An alert was committed: of which detector, how bad, which step; and how long after the event
    /// arrived at the broker.
    Alert {
        /// The most severe reason's detector.
        detector: &'h str,
        /// How bad.
        severity: Severity,
        /// Which step.
        step: Step,
        /// From the arrival at the broker to the commit.
        latency: Duration,
    },
    /// Partitions came or went.
    Rebalance(Moved, usize),
    /// A partition's state was restored from so many rows.
    Restored {
        /// The partition.
        partition: u32,
        /// Rows read.
        rows: u64,
        /// How long it took.
        took: Duration,
    },
    /// What a partition holds after a batch.
    Holding(u32, Holding),
    /// A partition is no longer this worker's: what was told of it holds no more.
    Left {
        /// The topic.
        topic: &'h str,
        /// The partition.
        partition: u32,
    },
    /// A try to deliver to a destination ended so; for a summary once for each alert in it.
    Delivery {
        /// The destination's name.
        destination: &'h str,
        /// How.
        how: Delivery,
        /// From the alert's commit to its delivery.
        latency: Option<Duration>,
    },
    /// So many alerts went into summaries of a destination.
    Summarised(&'h str, u64),
    /// So many alerts a destination has still to take, as far as they are in memory.
    Outbox(&'h str, usize),
    /// A partition's state and its committed offsets disagreed; the state was followed.
    Torn(u32),
    /// A partition can't go on and waits for a person.
    Halted {
        /// The topic.
        topic: &'h str,
        /// The partition.
        partition: u32,
        /// Why, in a sentence.
        why: &'h str,
    },
    /// A call to the broker failed, by the name of its cause.
    Failed(&'h str),
    /// How the worker is, at the end of each turn of its loop.
    Condition(Condition),
}

/// Who is told. Several workers share one.
pub trait Observer: Send + Sync {
    /// Something happened in a worker of that role.
    fn happened(&self, role: Role, what: &Happening<'_>);
}
