//! Windows of the week: `Mon-Fri 09:00-18:00 +08:00` and an instant enter, whether it lies within
//! leaves. Time zones are offsets from UTC: names of zones would need a table that changes.

use crate::expr::api::{Call, EvalError, Host};
use crate::model::{Timestamp, Val};

use super::{NOT_SO, function, param};

const MINUTE: i64 = 60_000_000;
const DAY: i64 = 24 * 60 * MINUTE;
/// Minutes of a day.
const MINUTES: i64 = 24 * 60;
/// Days from Monday to the first day of 1970, a Thursday.
const EPOCH_DAY: i64 = 3;
/// The furthest that clocks are set from UTC, in minutes.
const MAX_OFFSET: i64 = 18 * 60;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

pub(super) const HOSTS: [Host; 1] = [function(
    "time.within",
    &[param("instant", "time"), param("windows", "dyn")],
    "bool",
    within,
    "Whether an instant lies in a window of the week, or in one of a list: days, hours and offset from UTC, each of which may be left out; hours over midnight belong to the day they begin on.",
    "time.within(timestamp('2026-03-02T02:00:00Z'), 'Mon-Fri 09:00-18:00 +08:00') == true",
)];

/// A window, in minutes.
struct Window {
    /// Whether each day begins one, from Monday.
    days: [bool; 7],
    start: i64,
    /// Above the minutes of a day where it ends on the next.
    end: i64,
    offset: i64,
}

/// Whether a text is a window.
pub(in crate::expr) fn is_window(text: &str) -> bool {
    read(text).is_some()
}

fn within<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let (instant, windows, whole) = match args {
        [Val::Time(instant), one @ Val::Str(_)] => (*instant, std::slice::from_ref(one), true),
        [Val::Time(instant), Val::List(seq)] => (*instant, seq.items, seq.whole),
        [Val::Time(_), Val::Unsaid | Val::None] => return Ok(Val::Bool(false)),
        _ => return Err(NOT_SO),
    };
    let mut known = whole;
    for window in windows {
        call.charge(1)?;
        match window {
            Val::Str(text) => {
                let window = read(text).ok_or(EvalError::Type("the text is no time window"))?;
                if window.holds(instant) {
                    return Ok(Val::Bool(true));
                }
            }
            Val::Unknown => known = false,
            Val::Unsaid | Val::None => {}
            _ => return Err(NOT_SO),
        }
    }
    Ok(if known { Val::Bool(false) } else { Val::Unknown })
}

impl Window {
    fn holds(&self, Timestamp(micros): Timestamp) -> bool {
        let local = micros.saturating_add(self.offset * MINUTE);
        let day = local.div_euclid(DAY);
        let minute = local.rem_euclid(DAY) / MINUTE;
        let begins = |day: i64| {
            let place = usize::try_from((day + EPOCH_DAY).rem_euclid(7)).unwrap_or(0);
            self.days.get(place).copied().unwrap_or(false)
        };
        let today = begins(day) && self.start <= minute && minute < self.end;
        let yesterdays = begins(day - 1) && minute + MINUTES < self.end;
        today || yesterdays
    }
}

/// Reads `[DAYS] [HH:MM-HH:MM] [OFFSET]`; `None` where a part is none of them, or none is there.
fn read(text: &str) -> Option<Window> {
    let mut window = Window { days: [true; 7], start: 0, end: MINUTES, offset: 0 };
    let mut parts = text.split_whitespace().peekable();
    parts.peek()?;
    if let Some(days) = parts.peek().and_then(|part| days(part)) {
        window.days = days;
        parts.next();
    }
    if let Some((start, end)) = parts.peek().and_then(|part| hours(part)) {
        (window.start, window.end) = (start, end);
        parts.next();
    }
    if let Some(offset) = parts.peek().and_then(|part| offset(part)) {
        window.offset = offset;
        parts.next();
    }
    parts.next().is_none().then_some(window)
}

/// `Mon-Fri`, `Sat,Sun`, `Fri-Mon`.
fn days(text: &str) -> Option<[bool; 7]> {
    let place = |name: &str| DAYS.iter().position(|day| name.eq_ignore_ascii_case(day));
    let mut found = [false; 7];
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (place(first)?, place(last)?);
        let count = (last + 7 - first) % 7;
        for step in 0..=count {
            found[(first + step) % 7] = true;
        }
    }
    Some(found)
}

/// `09:00-18:00`, `22:00-06:00`, `00:00-24:00`.
fn hours(text: &str) -> Option<(i64, i64)> {
    let (start, end) = text.split_once('-')?;
    let (start, end) = (clock(start)?, clock(end)?);
    match end {
        _ if start == end || start == MINUTES => None,
        end if end < start => Some((start, end + MINUTES)),
        end => Some((start, end)),
    }
}

/// `Z`, `UTC`, `+08:00`, `-03:30`.
fn offset(text: &str) -> Option<i64> {
    if text == "Z" || text.eq_ignore_ascii_case("utc") {
        return Some(0);
    }
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+')?),
    };
    clock(rest).filter(|minutes| *minutes <= MAX_OFFSET).map(|minutes| sign * minutes)
}

/// `HH:MM` as minutes, up to 24:00.
fn clock(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    if !two(hours) || !two(minutes) {
        return None;
    }
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let total = hours * 60 + minutes;
    (minutes < 60 && total <= MINUTES).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_lies_within_a_window_of_the_week_or_not() {
        for (window, instant, expected) in [
            ("Mon-Fri 09:00-18:00", "2026-03-02T09:00:00Z", true),
            ("Mon-Fri 09:00-18:00", "2026-03-02T17:59:59.999999Z", true),
            ("Mon-Fri 09:00-18:00", "2026-03-02T18:00:00Z", false),
            ("mon-fri 09:00-18:00", "2026-03-01T12:00:00Z", false),
            ("Mon-Fri 09:00-18:00 +08:00", "2026-03-02T01:00:00Z", true),
            ("Mon-Fri 09:00-18:00 +08:00", "2026-03-02T10:00:00Z", false),
            ("Mon 00:00-01:00 -05:00", "2026-03-02T05:30:00Z", true),
            // Over midnight: the night of Friday ends on Saturday.
            ("Fri 22:00-06:00", "2026-03-06T23:00:00Z", true),
            ("Fri 22:00-06:00", "2026-03-07T05:59:00Z", true),
            ("Fri 22:00-06:00", "2026-03-07T06:00:00Z", false),
            ("Fri 22:00-06:00", "2026-03-06T05:00:00Z", false),
            ("Fri-Mon", "2026-03-07T12:00:00Z", true),
            ("Fri-Mon", "2026-03-03T12:00:00Z", false),
            ("Sat,Sun", "2026-03-01T23:59:59Z", true),
            ("22:00-24:00 UTC", "2026-03-01T23:59:59Z", true),
            ("+01:00", "2026-03-01T23:59:59Z", true),
            ("Thu", "1970-01-01T00:00:00Z", true),
            ("Wed", "1969-12-31T23:59:59Z", true),
        ] {
            let instant = Timestamp::parse_rfc3339(instant).expect("an instant");
            let read = read(window).expect(window);
            assert_eq!(read.holds(instant), expected, "{window} at {instant}");
        }
    }

    #[test]
    fn what_is_no_window_is_refused() {
        for text in [
            "",
            "  ",
            "Monday",
            "Mon-Fri 9:00-18:00",
            "09:00-09:00",
            "09:00-25:00",
            "24:00-01:00",
            "09:60-10:00",
            "18:00-09:00 Mon",
            "Mon +19:00",
            "Mon +08",
            "Mon Europe/Berlin",
            "Mon,",
            "+09:00 +09:00",
        ] {
            assert!(!is_window(text), "`{text}`");
        }
    }
}
