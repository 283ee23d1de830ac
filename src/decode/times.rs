//! The forms in which clouds write an instant, into [`Timestamp`].
//!
//! Numbers (also as text) below 10^11 are seconds, below 10^14 milliseconds, below 10^17
//! microseconds, else nanoseconds. Texts are RFC 3339 with any number of decimals, or a date of
//! either order with `/` or `-`, a time, `AM`/`PM`, and a zone as `GMT+08:00`, `+08:00` or `UTC`.

use crate::model::{Timestamp, Val};

/// Reads a number or a text.
pub(super) fn value(value: Val<'_>) -> Option<Timestamp> {
    match value {
        Val::Int(number) => number_of(number),
        // Truncation is meant: fractions below a microsecond have no place to go.
        #[allow(clippy::cast_possible_truncation, reason = "saturates, and the range is checked")]
        Val::Double(number) if number > 0.0 && number < 1e11 => {
            Some(Timestamp((number * 1e6) as i64))
        }
        #[allow(clippy::cast_possible_truncation, reason = "saturates, and the range is checked")]
        Val::Double(number) if number < 1e18 => number_of(number as i64),
        Val::Str(text) => self::text(text),
        _ => None,
    }
}

fn number_of(number: i64) -> Option<Timestamp> {
    match number {
        ..=0 => None,
        1..100_000_000_000 => Some(Timestamp::from_seconds(number)),
        100_000_000_000..100_000_000_000_000 => Some(Timestamp::from_millis(number)),
        100_000_000_000_000..100_000_000_000_000_000 => Some(Timestamp(number)),
        _ => Some(Timestamp(number / 1_000)),
    }
}

/// Reads a text; `None` when it is empty or in no known form.
pub(super) fn text(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if text.is_empty() || text.len() > 64 {
        return None;
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return number_of(text.parse().ok()?);
    }
    Timestamp::parse_rfc3339(text).or_else(|| loose(text))
}

/// Cuts `text` after its leading digits.
fn digits(text: &str) -> Option<(i64, &str)> {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

fn loose(text: &str) -> Option<Timestamp> {
    let (one, rest) = digits(text)?;
    let (two, rest) = digits(rest.strip_prefix(['/', '-'])?)?;
    let (three, rest) = digits(rest.strip_prefix(['/', '-'])?)?;
    // Of the two orders with the year last only the American was seen.
    let (year, month, day) = if one > 31 { (one, two, three) } else { (three, one, two) };
    let (hour, rest) = digits(rest.strip_prefix([' ', 'T'])?.trim_start())?;
    let (minute, rest) = digits(rest.strip_prefix(':')?)?;
    let (second, rest) = match rest.strip_prefix(':') {
        Some(rest) => digits(rest)?,
        None => (0, rest),
    };
    let (micros, rest) = match rest.strip_prefix(['.', ',']) {
        Some(rest) => fraction(rest)?,
        None => (0, rest),
    };
    let rest = rest.trim();
    let (hour, rest) = if let Some(rest) = rest.strip_prefix("PM") {
        (hour % 12 + 12, rest.trim())
    } else if let Some(rest) = rest.strip_prefix("AM") {
        (hour % 12, rest.trim())
    } else {
        (hour, rest)
    };
    let zone = zone(rest)?;
    let civil = jiff::civil::DateTime::new(
        i16::try_from(year).ok()?,
        i8::try_from(month).ok()?,
        i8::try_from(day).ok()?,
        i8::try_from(hour).ok()?,
        i8::try_from(minute).ok()?,
        i8::try_from(second.min(59)).ok()?,
        0,
    )
    .ok()?;
    let instant = jiff::tz::TimeZone::UTC.to_timestamp(civil).ok()?;
    Some(Timestamp(instant.as_microsecond()).plus(micros - zone * 60_000_000))
}

/// Decimals of a second, as microseconds.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let places = end.min(6);
    let known: i64 = text[..places].parse().ok()?;
    let scale = u32::try_from(6 - places).ok()?;
    Some((known * 10_i64.pow(scale), &text[end..]))
}

/// Minutes east of UTC.
fn zone(text: &str) -> Option<i64> {
    let text = text.strip_prefix("GMT").or_else(|| text.strip_prefix("UTC")).unwrap_or(text);
    if text.is_empty() || text == "Z" {
        return Some(0);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let (hours, rest) = digits(text.strip_prefix(['+', '-'])?)?;
    let (hours, minutes) = match rest.strip_prefix(':') {
        Some(rest) => (hours, digits(rest)?.0),
        None if hours > 99 => (hours / 100, hours % 100),
        None => (hours, 0),
    };
    (hours <= 18 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_seen_names_the_same_instant() {
        let instant = Timestamp::from_seconds(1_481_166_448);
        for form in [
            Val::Int(1_481_166_448),
            Val::Int(1_481_166_448_000),
            Val::Double(1_481_166_448.0),
            Val::Str("1481166448000"),
            Val::Str("2016/12/08 11:07:28 GMT+08:00"),
            Val::Str("2016-12-08 11:07:28 GMT+08:00"),
            Val::Str("12/08/2016 11:07:28 GMT+08:00"),
            Val::Str("12/8/2016 3:07:28 AM"),
            Val::Str("12/08/2016 03:07:28"),
            Val::Str("12/08/2016 04:07:28 +01:00"),
            Val::Str("2016-12-08T03:07:28.000000000Z"),
            Val::Str("2016-12-08T03:07:28.00000000000Z"),
            Val::Str("2016-12-08 14:07:28+11:00"),
            Val::Str(" 2016-12-08T03:07:28 "),
            Val::Str("2016-12-08 03:07:28 UTC"),
        ] {
            assert_eq!(value(form), Some(instant), "{form:?}");
        }
        assert_eq!(value(Val::Str("2016-12-08T03:07:28.1874211Z")), Some(instant.plus(187_421)));
    }

    #[test]
    fn what_is_no_instant_is_none() {
        for form in [
            Val::Str(""),
            Val::Str("null"),
            Val::Str("99/99/2016 11:07:28"),
            Val::Str("1/"),
            Val::Int(0),
            Val::Int(-5),
            Val::Double(f64::MAX),
            Val::Bool(true),
            Val::Unsaid,
        ] {
            assert_eq!(value(form), None, "{form:?}");
        }
    }
}
