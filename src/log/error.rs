//! Why the log refused, by what its caller must do.

use std::fmt;

use super::{Offset, TopicPartition};

/// Why the log refused. The variants are what the caller must do; the [`Trouble`] inside says
/// what happened, for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// Make the same call again, with the same arguments, after a while.
    #[error("{0}")]
    Retry(Trouble),
    /// The transaction is dead: abort it, forget what it would have changed, and read all its
    /// partitions again from where it began.
    #[error("{0}")]
    Abort(Trouble),
    /// Whether the transaction was committed is not known. Make a new producer with the same id
    /// and ask for the receipt once its `init` returned; never use this one again.
    #[error("{0}")]
    Unknown(Trouble),
    /// This producer is of no further use: another took its id, or its transaction lasted too
    /// long. Its last transaction's outcome is as unknown as with [`LogError::Unknown`].
    #[error("{0}")]
    Fenced(Trouble),
    /// The consumer is of no further use: forget what was not committed and make a new one.
    #[error("{0}")]
    Rebuild(Trouble),
    /// The place to be read is not there. The partition is silent until it is started elsewhere,
    /// which is for a person to decide.
    #[error("{0}")]
    Hole(Hole),
    /// This one record can never be sent.
    #[error("{0}")]
    Refused(Trouble),
    /// Something must be set up differently.
    #[error("{trouble}; {fix}")]
    Configuration {
        /// What is wrong.
        trouble: Trouble,
        /// What to do about it, in a sentence.
        fix: String,
    },
    /// Nothing here helps: end, and be started again.
    #[error("{0}")]
    Stop(Trouble),
}

impl LogError {
    /// What happened; `None` for a hole, which says it itself.
    #[must_use]
    pub fn trouble(&self) -> Option<&Trouble> {
        match self {
            Self::Retry(trouble)
            | Self::Abort(trouble)
            | Self::Unknown(trouble)
            | Self::Fenced(trouble)
            | Self::Rebuild(trouble)
            | Self::Refused(trouble)
            | Self::Configuration { trouble, .. }
            | Self::Stop(trouble) => Some(trouble),
            Self::Hole(_) => None,
        }
    }

    /// The cause's name, from a closed list: a metric's label.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.trouble().map_or("hole", |trouble| trouble.cause.as_str())
    }

    /// Whether this happens in healthy clusters, when groups and coordinators move, and is not to
    /// be counted as a failure.
    #[must_use]
    pub fn is_routine(&self) -> bool {
        self.trouble()
            .is_some_and(|trouble| matches!(trouble.cause, Cause::Generation | Cause::Coordinator))
    }
}

impl LogError {
    /// Whether a topic that was there before may just not be known again yet, or no broker answers.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Retry(_))
            || self.trouble().is_some_and(|trouble| trouble.cause == Cause::Missing)
    }
}

impl LogError {
    /// Whether the same may go well with a new client: no person is needed.
    #[must_use]
    pub fn may_heal(&self) -> bool {
        matches!(
            self,
            Self::Retry(_) | Self::Abort(_) | Self::Unknown(_) | Self::Fenced(_) | Self::Rebuild(_)
        )
    }
}

/// What to do about a topic that is not there.
pub(super) const CREATE: &str =
    "create the topics with `driftline topics --create`, or correct the name";

/// A topic or partition that is not there.
pub(super) fn missing(call: Call, what: &str) -> LogError {
    LogError::Configuration {
        trouble: Trouble::new(call, Cause::Missing, format!("{what} does not exist")),
        fix: CREATE.to_owned(),
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// During which call.
    pub call: Call,
    /// Of which sort.
    pub cause: Cause,
    /// In the broker's or the client's words.
    pub detail: String,
}

impl Trouble {
    /// What happened during `call`.
    #[must_use]
    pub fn new(call: Call, cause: Cause, detail: impl Into<String>) -> Self {
        Self { call, cause, detail: detail.into() }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.call.as_str(), self.detail)
    }
}

/// A place that was to be read and is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hole {
    /// The partition.
    pub partition: TopicPartition,
    /// The offset that was to be read.
    pub wanted: Offset,
    /// The first offset that is there.
    pub first: Offset,
    /// The offset behind the last.
    pub end: Offset,
}

impl fmt::Display for Hole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, wanted, first, end } = self;
        write!(
            f,
            "`{partition}` was to be read from offset {}, and holds {} to {}",
            wanted.0, first.0, end.0
        )
    }
}

/// Declares a closed list of names.
macro_rules! names {
    ($(#[$of:meta])* $list:ident { $($(#[$doc:meta])* $name:ident = $text:literal,)* }) => {
        $(#[$of])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $list {
            $($(#[$doc])* $name,)*
        }

        impl $list {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

names! {
    /// The calls a client makes.
    Call {
        /// Making a client.
        Connect = "connect",
        /// [`super::Reader::start`].
        Start = "start",
        /// [`super::Reader::pause`], `resume`, `stop`.
        Pause = "pause",
        /// [`super::Reader::poll`].
        Poll = "poll",
        /// [`super::Consumer::member`].
        Member = "member",
        /// [`super::Consumer::commit`].
        CommitOffsets = "commit_offsets",
        /// [`super::Consumer::close`].
        Close = "close",
        /// [`super::Producer::init`].
        Init = "init",
        /// [`super::Producer::begin`].
        Begin = "begin",
        /// [`super::Producer::send`].
        Send = "send",
        /// [`super::Producer::drain`].
        Drain = "drain",
        /// [`super::Producer::send_offsets`].
        SendOffsets = "send_offsets",
        /// [`super::Producer::commit`].
        Commit = "commit",
        /// [`super::Producer::abort`].
        Abort = "abort",
        /// [`super::Admin::create`], `grow`, `trim`.
        Arrange = "arrange",
        /// [`super::Admin::describe`].
        Describe = "describe",
        /// [`super::Admin::committed`].
        Committed = "committed",
        /// [`super::Admin::bounds`].
        Bounds = "bounds",
    }
}

names! {
    /// Sorts of trouble.
    Cause {
        /// No broker answers.
        Unreachable = "unreachable",
        /// No answer within the time.
        TimedOut = "timed_out",
        /// A coordinator is moving or loading.
        Coordinator = "coordinator",
        /// The group has gone on to another generation, or does not know this member.
        Generation = "generation",
        /// Another client took this one's name, or its transaction lasted too long.
        Fenced = "fenced",
        /// A transaction's records were not all delivered.
        Delivery = "delivery",
        /// A transaction is undecided.
        Undecided = "undecided",
        /// The local queue is full.
        QueueFull = "queue_full",
        /// What a broker keeps cannot be written: its disk is full, or failed.
        Storage = "storage",
        /// A record is too large.
        TooLarge = "too_large",
        /// A topic or partition does not exist.
        Missing = "missing",
        /// What was asked for is not what is there, or cannot be.
        Unfit = "unfit",
        /// The broker does not let this client in.
        Authentication = "authentication",
        /// The broker does not allow it.
        Permission = "permission",
        /// The calls came in an order that makes no sense.
        State = "state",
        /// The client's process died; only [`super::memory`] says so.
        Crashed = "crashed",
        /// Anything else.
        Other = "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(cause: Cause) -> Trouble {
        Trouble::new(Call::SendOffsets, cause, "the group has gone on")
    }

    #[test]
    fn an_error_reads_as_a_sentence_with_its_fix() {
        let error = LogError::Configuration {
            trouble: Trouble::new(Call::Poll, Cause::Missing, "topic `t` does not exist"),
            fix: "create it with `driftline topics --create`".to_owned(),
        };
        assert_eq!(
            error.to_string(),
            "poll: topic `t` does not exist; create it with `driftline topics --create`"
        );
        let hole = Hole {
            partition: TopicPartition::new("t", 3),
            wanted: Offset(5),
            first: Offset(10),
            end: Offset(20),
        };
        assert_eq!(
            LogError::Hole(hole).to_string(),
            "`t[3]` was to be read from offset 5, and holds 10 to 20"
        );
    }

    #[test]
    fn only_moving_groups_and_coordinators_are_routine() {
        let routine: Vec<&str> = Cause::ALL
            .iter()
            .filter(|cause| LogError::Abort(trouble(**cause)).is_routine())
            .map(|cause| cause.as_str())
            .collect();
        assert_eq!(routine, ["coordinator", "generation"]);
    }

    #[test]
    fn every_name_is_a_label_and_stands_once() {
        let names = Call::ALL.iter().map(|call| call.as_str());
        let causes = Cause::ALL.iter().map(|cause| cause.as_str());
        for list in [names.collect::<Vec<_>>(), causes.collect()] {
            let mut once = list.clone();
            once.sort_unstable();
            once.dedup();
            assert_eq!(once.len(), list.len());
            assert!(
                list.iter().all(|name| name.bytes().all(|b| b == b'_' || b.is_ascii_lowercase()))
            );
        }
    }
}
