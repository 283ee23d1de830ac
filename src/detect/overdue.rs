//! How long a finding has been open, and whether that is too long.
//!
//! A timer tells no more than its instant: what it was set for may have ended since, or may have
//! become another finding of the same name. So the reasons that hold now are asked.

use crate::content::{Sensed, Signal};
use crate::model::{Reason, Timestamp};

use super::heard::speaks_of;

/// What a timer finds when its time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OverDue {
    /// What it was set for holds no more, or was told by an earlier timer.
    No,
    /// It became milder: it is due then.
    Later(Timestamp),
    /// It has been open too long.
    Since(Start),
}

/// From when on a reason counts, and how long it may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Start {
    pub start: Timestamp,
    /// Microseconds.
    pub span: i64,
}

/// A multiple of a span, in microseconds.
pub(super) fn stretched(span: i64, times: u32) -> i64 {
    span.saturating_mul(i64::from(times))
}

/// Whether a timer that comes at `at` has something to tell: of the reasons named by `of`, the one
/// whose time is over first decides, `spans` (by severity, mildest first) stretched by `times`.
pub(super) fn over_due(
    reasons: &[Reason],
    of: &[Signal],
    spans: &[Option<i64>; 5],
    times: u32,
    at: Timestamp,
) -> OverDue {
    let named = || reasons.iter().filter(|r| speaks_of(of, Sensed::Opened, &r.detector));
    let over = |since: Timestamp, span: i64| since.plus(stretched(span, times));
    let now = |reason: &Reason| {
        spans[reason.severity as usize].map(|span| Start { start: reason.since, span })
    };
    // Set for none of these, however severe they were: for an earlier finding of this name.
    let any = |reason: &Reason| spans.iter().flatten().any(|span| over(reason.since, *span) == at);
    if !named().any(any) {
        return OverDue::No;
    }
    let dues = || named().filter_map(now).map(|start| (over(start.start, start.span), start));
    match dues().min_by_key(|(due, _)| *due) {
        None => OverDue::No,
        Some((due, _)) if due > at => OverDue::Later(due),
        // The first one has told.
        Some((due, _)) if due < at && dues().any(|(due, _)| due == at) => OverDue::No,
        // On time; or late, where a reason became worse on the way.
        Some((_, start)) => OverDue::Since(start),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Confidence, Severity};

    const HOUR: i64 = 3_600_000_000;
    /// Mildest first: medium a day, high an hour, critical a quarter of one.
    const SPANS: [Option<i64>; 5] = [None, None, Some(24 * HOUR), Some(HOUR), Some(HOUR / 4)];

    fn reason(detector: &str, severity: Severity, since: i64) -> Reason {
        Reason {
            detector: detector.into(),
            severity,
            since: Timestamp(since),
            confidence: Confidence::Confirmed,
            assumptions: Box::default(),
            measure: None,
        }
    }

    fn at(reasons: &[Reason], times: u32, at: i64) -> OverDue {
        let of = [Signal { of: "FW-*".into(), sensed: Sensed::Opened }];
        over_due(reasons, &of, &SPANS, times, Timestamp(at))
    }

    #[test]
    fn what_held_all_the_while_is_over_due_and_what_came_later_is_not() {
        let high = [reason("FW-001", Severity::High, 0)];
        let start = Start { start: Timestamp(0), span: HOUR };
        assert_eq!(at(&high, 1, HOUR), OverDue::Since(start));
        assert_eq!(at(&high, 2, 2 * HOUR), OverDue::Since(start));
        let again = [reason("FW-001", Severity::High, HOUR - 1)];
        assert_eq!(at(&again, 1, HOUR), OverDue::No, "closed and opened again since");
        let other = [reason("OBJ-001", Severity::High, 0)];
        assert_eq!(at(&other, 1, HOUR), OverDue::No, "of no concern");
    }

    #[test]
    fn of_several_reasons_the_first_that_is_over_tells() {
        let both = [reason("FW-001", Severity::Critical, 0), reason("FW-006", Severity::High, 0)];
        let start = Start { start: Timestamp(0), span: HOUR / 4 };
        assert_eq!(at(&both, 1, HOUR / 4), OverDue::Since(start));
        assert_eq!(at(&both, 1, HOUR), OverDue::No, "it was told already");
        assert!(matches!(at(&both[1..], 1, HOUR), OverDue::Since(_)), "the first one ended");
    }

    #[test]
    fn milder_waits_longer_and_worse_is_told_late_rather_than_never() {
        let medium = [reason("FW-001", Severity::Medium, 0)];
        assert_eq!(at(&medium, 1, HOUR), OverDue::Later(Timestamp(24 * HOUR)));
        let critical = [reason("FW-001", Severity::Critical, 0)];
        assert!(matches!(at(&critical, 1, 24 * HOUR), OverDue::Since(_)));
        let low = [reason("FW-001", Severity::Low, 0)];
        assert_eq!(at(&low, 1, HOUR), OverDue::No, "it may stay for ever");
    }
}
