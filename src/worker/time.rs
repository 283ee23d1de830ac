//! How event time passes in a partition.
//!
//! Its changes tell the time as long as there are any; after the last one it goes on by the wall
//! clock. So timers fire without input, and a stream from the past is not hurried.

use crate::model::Timestamp;

/// How far ahead of its arrival an event may be, in microseconds.
const AHEAD: i64 = 300 * 1_000_000;

/// How far apart sources may be while changes are still to be read, in microseconds.
const APART: i64 = 900 * 1_000_000;

const NEVER: Timestamp = Timestamp(i64::MIN);

/// Event time in a partition.
#[derive(Clone, Copy, Debug)]
pub(super) struct EventTime {
    /// The newest of what its changes told and what passed since.
    pub newest: Timestamp,
    /// When that was, by the wall clock; of a state that was restored, as the worker before wrote it.
    pub heard: Timestamp,
    /// Whether every change there is was shown. While some are left only their own times count.
    pub at_end: bool,
}

impl EventTime {
    /// Before any change.
    pub const fn new() -> Self {
        Self { newest: NEVER, heard: NEVER, at_end: false }
    }

    /// Goes on by the wall clock, where no change is left that could say otherwise.
    pub fn pass(&mut self, now: Timestamp) {
        if self.at_end {
            if self.newest != NEVER {
                self.newest = self.newest.plus(now.since(self.heard).max(0));
            }
            self.heard = now;
        }
    }

    /// Notes a change's time. One from the future counts as having just arrived.
    pub fn hear(&mut self, time: Timestamp, arrived: Timestamp, now: Timestamp) {
        let time = if time > arrived.plus(AHEAD) { arrived } else { time };
        self.newest = self.newest.max(time);
        self.heard = now;
    }

    /// Up to when it has passed for every account. While changes are still to be read, one source's
    /// may be ahead of another's: by as much no time has passed for the other's accounts.
    pub const fn passed(&self) -> Timestamp {
        if self.at_end { self.newest } else { self.newest.plus(-APART) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn behind_the_last_change_the_wall_clock_counts_and_before_it_the_changes_alone() {
        let mut time = EventTime::new();
        time.hear(at(1_000), at(5_000), at(9_000));
        time.pass(at(9_060));
        assert_eq!(time.newest, at(1_000), "others are still to be read");
        time.at_end = true;
        time.pass(at(9_060));
        assert_eq!(time.newest, at(1_060));
        time.pass(at(9_000));
        assert_eq!(time.newest, at(1_060), "a clock that was set back takes nothing back");
    }

    #[test]
    fn what_one_source_is_ahead_by_has_not_passed_for_another() {
        let mut time = EventTime::new();
        time.hear(at(4_000), at(5_000), at(9_000));
        assert_eq!(time.passed(), at(4_000 - 900));
        time.at_end = true;
        assert_eq!(time.passed(), at(4_000));
        assert_eq!(EventTime::new().passed(), NEVER);
    }

    #[test]
    fn an_event_from_the_future_hurries_nobody() {
        let mut time = EventTime::new();
        time.hear(at(1_300), at(1_000), at(9_000));
        assert_eq!(time.newest, at(1_300), "clocks differ a little");
        time.hear(at(90_000), at(2_000), at(9_001));
        assert_eq!(time.newest, at(2_000));
    }
}
