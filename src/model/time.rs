//! An instant, and the text forms in which clouds write one.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// An instant in microseconds since the Unix epoch, UTC.
///
/// Nanosecond sources are cut to microseconds; sources that tell whole seconds keep `.000000`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The instant `millis` milliseconds after the epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// The instant `seconds` seconds after the epoch.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Whole milliseconds since the epoch, rounded towards the past.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// This instant moved by `micros` microseconds, saturating.
    #[must_use]
    pub const fn plus(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// Microseconds from `earlier` to this instant; negative when this one is the earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// How long it is from `earlier` to this instant; nothing when this one is the earlier.
    #[must_use]
    pub fn lasted(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.since(earlier)).unwrap_or_default())
    }

    /// Reads RFC 3339 with any number of decimals, a missing zone meaning UTC.
    ///
    /// `None` when the text is anything else. The other forms clouds use are read where they
    /// occur, in `decode`.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        if let Ok(instant) = text.parse::<jiff::Timestamp>() {
            return Some(Self(instant.as_microsecond()));
        }
        let civil = text.parse::<jiff::civil::DateTime>().ok()?;
        let instant = jiff::tz::TimeZone::UTC.to_timestamp(civil).ok()?;
        Some(Self(instant.as_microsecond()))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(instant) => write!(f, "{instant}"),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_decimals_and_offsets_name_the_same_instant() {
        for text in [
            "2026-03-02T08:15:31Z",
            "2026-03-02T08:15:31.000000000Z",
            "2026-03-02T16:15:31+08:00",
            "2026-03-02T08:15:31.000",
        ] {
            assert_eq!(
                Timestamp::parse_rfc3339(text),
                Some(Timestamp::from_seconds(1_772_439_331)),
                "{text}"
            );
        }
        assert_eq!(Timestamp::parse_rfc3339("yesterday"), None);
    }
}
