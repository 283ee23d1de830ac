//! How a worker that notifies is set up.

use std::sync::Arc;
use std::time::Duration;

use crate::log::Protocol;
use crate::worker::Body;

/// How a worker that notifies is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The topic it reads.
    pub alerts: Arc<str>,
    /// Where what is given up goes.
    pub deadletters: Arc<str>,
    /// The group's whole name.
    pub group: String,
    /// This worker's name, where the group is to know it over restarts.
    pub name: Option<String>,
    /// How the group shares partitions.
    pub protocol: Protocol,
    /// Without a sign of life for so long the worker is dead.
    pub session: Duration,
    /// Without a turn for so long the worker has lost its partitions.
    pub silence: Duration,
    /// Records of one turn.
    pub batch_records: usize,
    /// Bytes of one turn's records; one record may be more.
    pub batch_bytes: usize,
    /// How long one call to the broker may take.
    pub patience: Duration,
    /// How long offsets wait to be committed together.
    pub commit_every: Duration,
    /// How much of an alert is kept that was given up.
    pub letters: Body,
    /// What is broken on purpose, in tests of the tests.
    #[doc(hidden)]
    pub mutant: Option<Mutant>,
}

/// Ways to break the worker on purpose: tests must find each of them.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// Offsets are committed as far as was read.
    CommitRead,
    /// What is given up is settled before its letter is delivered.
    LoseLetters,
    /// Steps of one finding are sent in any order.
    AnyOrder,
    /// What did not fit into a full queue is not read again.
    NeverBack,
    /// The queue has no maximum.
    NoBound,
    /// Every destination begins where the foremost was.
    Foremost,
}

impl Mutant {
    /// Every way.
    pub const ALL: [Self; 6] = [
        Self::CommitRead,
        Self::LoseLetters,
        Self::AnyOrder,
        Self::NeverBack,
        Self::NoBound,
        Self::Foremost,
    ];

    /// Whether that is broken: never outside tests.
    #[must_use]
    pub(super) fn is(self, broken: Option<Self>) -> bool {
        cfg!(test) && broken == Some(self)
    }
}
