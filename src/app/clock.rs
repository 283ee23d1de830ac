//! The wall clock, for rooms that are told the time.

use crate::model::Timestamp;
use crate::worker::Clock;

/// The system's clock.
pub(super) struct Wall;

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "`app` is the one room that reads a clock")]
        let now = jiff::Timestamp::now();
        Timestamp(now.as_microsecond())
    }
}
