//! How far a partition has come in time.
//!
//! What came up to a certain instant of the world's clock is taken in; each account's own time
//! follows from that ([`crate::engine::Engine::pass`]). So timers fire without input, and what came
//! while nobody worked is applied before its time is over.

use crate::model::Timestamp;

const NEVER: Timestamp = Timestamp(i64::MIN);

/// How far a partition has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach {
    /// The newest event time among its changes.
    pub newest: Timestamp,
    /// Every change that came to the topic up to this instant was shown.
    pub reached: Timestamp,
    /// Whether every change there is was shown.
    pub at_end: bool,
}

impl Reach {
    /// Before any change.
    pub const fn new() -> Self {
        Self { newest: NEVER, reached: NEVER, at_end: false }
    }

    /// Notes a change of an event of `time`, which came to the topic at `came`.
    pub fn hear(&mut self, time: Timestamp, came: Timestamp) {
        self.newest = self.newest.max(time);
        self.reached = self.reached.max(came);
    }

    /// Goes on with the clock, where no change is left.
    pub fn pass(&mut self, now: Timestamp) {
        if self.at_end {
            self.reached = self.reached.max(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_changes_left_their_coming_counts_and_at_their_end_the_clock() {
        let at = Timestamp::from_seconds;
        let mut reach = Reach::new();
        reach.hear(at(1_000), at(5_000));
        reach.hear(at(900), at(4_999));
        assert_eq!((reach.newest, reach.reached), (at(1_000), at(5_000)));
        reach.pass(at(9_000));
        assert_eq!(reach.reached, at(5_000), "what came since is still to be read");
        reach.at_end = true;
        reach.pass(at(9_000));
        assert_eq!(reach.reached, at(9_000));
        reach.pass(at(8_000));
        assert_eq!(reach.reached, at(9_000), "a clock that was set back takes nothing back");
    }
}
