//! Ways to break a worker on purpose: tests must find each of them.

use super::Role;

/// What is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mutant {
    /// The producer has no transactional id.
    NoTransactions,
    /// Offsets are committed beside the transaction.
    OffsetsBeside,
    /// What a batch did is kept before its transaction is committed.
    KeepEarly,
    /// State is restored up to the last stable offset only.
    RestoreToStable,
    /// After an abort nothing is read again.
    NoSeek,
    /// After an unknown outcome the same producer goes on.
    ReuseProducer,
    /// A receipt is believed while a transaction is undecided.
    ReceiptEarly,
    /// Partitions that were lost are worked on.
    KeepLost,
    /// `ingest` commits offsets before its changes are delivered.
    CommitEarly,
    /// `detect` applies an event that is repeated.
    ApplyTwice,
    /// What a broker left open is not ended again.
    NoSweep,
}

impl Mutant {
    /// Every way.
    pub const ALL: [Self; 11] = [
        Self::NoTransactions,
        Self::OffsetsBeside,
        Self::KeepEarly,
        Self::RestoreToStable,
        Self::NoSeek,
        Self::ReuseProducer,
        Self::ReceiptEarly,
        Self::KeepLost,
        Self::CommitEarly,
        Self::ApplyTwice,
        Self::NoSweep,
    ];
}

/// Whether that is broken: never outside tests.
#[must_use]
pub(super) fn is(broken: Option<Mutant>, this: Mutant) -> bool {
    cfg!(test) && broken == Some(this)
}

/// Breaks where the id of a test's event asks for it, as `trip-detect-1`: never outside tests.
pub(super) fn trip(role: Role, event: &str) {
    let asked = event.strip_prefix("trip-").is_some_and(|rest| rest.starts_with(role.as_str()));
    if cfg!(test) && asked {
        // A panic without its message on stderr: tests have thousands.
        std::panic::resume_unwind(Box::new("an event asked for it"));
    }
}

/// What a panic said, for the log.
pub(super) fn said(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no words")
}
