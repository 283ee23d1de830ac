//! How fast a destination is told: rates, and how long to wait after a failure. Told the time.

use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::model::Timestamp;

/// After the first failure.
const FIRST: u64 = 1_000_000;
/// After many failures.
const LONGEST: u64 = 300_000_000;

/// Microseconds to wait after `failures` failures in a row: a second, doubled with each up to five
/// minutes, of which between half and all, as the key and the number of failures have it. So what
/// failed together is not tried together again, and the same world waits the same times.
#[must_use]
pub(super) fn backoff(failures: u32, key: &str) -> i64 {
    let doubled = FIRST.checked_shl(failures.saturating_sub(1).min(32)).unwrap_or(LONGEST);
    let whole = doubled.min(LONGEST);
    let spread = xxh3_64_with_seed(key.as_bytes(), u64::from(failures)) % (whole / 2 + 1);
    i64::try_from(whole / 2 + spread).unwrap_or(i64::MAX)
}

/// So many messages in so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many; at least 1.
    pub count: u32,
    /// In how long; above 0.
    pub per: Duration,
}

impl Rate {
    /// So many a second.
    #[must_use]
    pub const fn per_second(count: u32) -> Self {
        Self { count, per: Duration::from_secs(1) }
    }

    /// Reads `2/s`, `120/m`, `500/h`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (count, per) = text.split_once('/')?;
        let count = count.trim().parse().ok().filter(|count| *count > 0)?;
        let seconds = match per.trim() {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            _ => return None,
        };
        Some(Self { count, per: Duration::from_secs(seconds) })
    }

    /// Microseconds between two, where they come evenly.
    fn interval(self) -> i64 {
        let micros = self.per.as_micros() / u128::from(self.count.max(1));
        i64::try_from(micros).unwrap_or(i64::MAX)
    }
}

/// Lets messages through at a rate, after a pause a few at once: as many as come in a second, and
/// at least one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    interval: i64,
    burst: i64,
    /// When the next one were due, if they came evenly (the generic cell rate algorithm).
    due: Timestamp,
}

impl Bucket {
    pub(super) fn new(rate: Rate) -> Self {
        let interval = rate.interval().max(1);
        let burst = (1_000_000 / interval - 1).max(0) * interval;
        Self { interval, burst, due: Timestamp(i64::MIN) }
    }

    /// When the next may go.
    pub(super) fn next(&self) -> Timestamp {
        self.due.plus(-self.burst)
    }

    /// Lets one through now, if one may.
    pub(super) fn take(&mut self, now: Timestamp) -> bool {
        if self.next() > now {
            return false;
        }
        self.due = self.due.max(now).plus(self.interval);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_five_minutes_and_are_spread() {
        for (failures, whole) in
            [(1, 1), (2, 2), (3, 4), (9, 256), (10, 300), (60, 300), (u32::MAX, 300)]
        {
            for key in ["a", "b", "c"] {
                let wait = backoff(failures, key);
                assert!((whole * 500_000..=whole * 1_000_000).contains(&wait), "{failures} {wait}");
            }
        }
        assert_eq!(backoff(3, "a"), backoff(3, "a"));
        let all: std::collections::BTreeSet<i64> =
            (0..50).map(|n| backoff(10, &n.to_string())).collect();
        assert!(all.len() > 45, "they are spread");
    }

    #[test]
    fn a_rate_is_a_count_and_a_unit() {
        for (text, rate) in [
            ("2/s", Some((2, 1))),
            ("120/m", Some((120, 60))),
            ("1 / h", Some((1, 3_600))),
            ("0/s", None),
            ("-1/s", None),
            ("1/d", None),
            ("1", None),
            ("", None),
            ("a/s", None),
        ] {
            let due = rate.map(|(count, per)| Rate { count, per: Duration::from_secs(per) });
            assert_eq!(Rate::parse(text), due, "{text}");
        }
    }

    fn through(rate: Rate, seconds: i64) -> usize {
        let mut bucket = Bucket::new(rate);
        (0..seconds * 100).filter(|n| bucket.take(Timestamp(n * 10_000))).count()
    }

    #[test]
    fn no_more_go_through_than_the_rate_and_a_seconds_worth() {
        assert_eq!(through(Rate::per_second(1), 10), 10);
        assert_eq!(through(Rate::per_second(10), 10), 109);
        assert_eq!(through(Rate { count: 120, per: Duration::from_secs(60) }, 10), 21);
        assert_eq!(through(Rate { count: 1, per: Duration::from_secs(60) }, 10), 1);
    }

    #[test]
    fn a_pause_saves_up_a_seconds_worth_and_no_more() {
        let mut bucket = Bucket::new(Rate::per_second(5));
        let later = Timestamp(1_000_000_000);
        assert!(bucket.take(Timestamp(0)));
        let at_once = (0..100).filter(|_| bucket.take(later)).count();
        assert_eq!(at_once, 5);
        assert_eq!(bucket.next(), later.plus(200_000));
    }
}
