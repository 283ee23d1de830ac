//! An account's own time.
//!
//! Its events tell the time; after the newest it goes on as fast as the world's. How late events
//! come is each source's own, so one account's time tells nothing of another's.

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;

/// How far ahead of its arrival an event may be, in microseconds.
const AHEAD: i64 = 300 * 1_000_000;

const NEVER: Timestamp = Timestamp(i64::MIN);

/// The newest event of an account, and when it arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    newest: Timestamp,
    arrived: Timestamp,
}

impl Default for Clock {
    /// Before any event.
    fn default() -> Self {
        Self { newest: NEVER, arrived: NEVER }
    }
}

impl Clock {
    /// Takes note of an event of `time` that came at `arrived`; up to when time passed by it. One from
    /// the future counts as of the instant it came.
    pub fn hear(&mut self, time: Timestamp, arrived: Timestamp) -> Timestamp {
        let time = if time > arrived.plus(AHEAD) { arrived } else { time };
        if time >= self.newest {
            *self = Self { newest: time, arrived };
        }
        time
    }

    /// The account's time, where everything that came up to `reached` is taken in; before any time
    /// where it has no event.
    #[must_use]
    pub fn at(&self, reached: Timestamp) -> Timestamp {
        if self.newest == NEVER {
            return NEVER;
        }
        self.newest.plus(reached.since(self.arrived).max(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn behind_the_newest_event_time_goes_on_by_as_much_as_passed_since_it_came() {
        let mut clock = Clock::default();
        assert_eq!(clock.at(at(9_000)), NEVER);
        assert_eq!(clock.hear(at(1_000), at(9_000)), at(1_000));
        assert_eq!(clock.at(at(8_000)), at(1_000), "nothing is taken back");
        assert_eq!(clock.at(at(9_060)), at(1_060));
        assert_eq!(clock.hear(at(400), at(9_060)), at(400), "a late one");
        assert_eq!(clock.at(at(9_060)), at(1_060));
        clock.hear(at(1_010), at(9_600));
        assert_eq!(clock.at(at(9_600)), at(1_010), "they come later than they used to");
    }

    #[test]
    fn an_event_from_the_future_hurries_nobody() {
        let mut clock = Clock::default();
        assert_eq!(clock.hear(at(1_300), at(1_000)), at(1_300), "clocks differ a little");
        assert_eq!(clock.hear(at(90_000), at(2_000)), at(2_000));
        assert_eq!(clock.at(at(2_060)), at(2_060));
    }
}
