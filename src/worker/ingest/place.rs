//! A partition of a source: where it stands, and whether what it holds can be read.

use crate::log::{Offset, TopicPartition};
use crate::model::Timestamp;

use super::Intake;

/// After so many records of a partition it is asked how many of them could not be read.
pub const BREAKER_RECORDS: usize = 2_000;

/// A partition of a source.
pub(super) struct Place {
    pub(super) of: TopicPartition,
    /// The next record, as far as it is committed.
    pub(super) next: Offset,
    /// Where it ends, and when that was last asked, by the wall clock.
    pub(super) end: Offset,
    pub(super) looked: Timestamp,
    /// Refused records in a row.
    refused: usize,
    /// Of how many of the last records how many were refused.
    seen: usize,
    bad: usize,
    /// Whether it waits to know where to begin.
    pub(super) waits: bool,
    pub(super) halted: bool,
}

impl Place {
    pub(super) fn new(of: TopicPartition) -> Self {
        Self {
            of,
            next: Offset(0),
            end: Offset(0),
            looked: Timestamp(i64::MIN),
            refused: 0,
            seen: 0,
            bad: 0,
            waits: true,
            halted: false,
        }
    }

    /// Counts a record; false where too many can't be read.
    pub(super) fn stands(&mut self, refused: bool, settings: &Intake) -> bool {
        self.refused = if refused { self.refused + 1 } else { 0 };
        self.seen += 1;
        self.bad += usize::from(refused);
        let mut stands = settings.breaker == 0 || self.refused <= settings.breaker;
        if self.seen >= BREAKER_RECORDS {
            stands &= self.bad * 100 <= self.seen * settings.breaker_percent;
            // Older ones count half as much from now on.
            (self.seen, self.bad) = (self.seen / 2, self.bad / 2);
        }
        stands
    }
}
