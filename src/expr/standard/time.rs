//! Instants and spans, in UTC or at a fixed offset from it.

use bumpalo::Bump;
use bumpalo::collections::String;
use jiff::tz::TimeZone;

use crate::expr::api::{Call, EvalError, Host};
use crate::expr::eval::ops::{is_instant, is_span};
use crate::model::{Timestamp, Val};

use super::{NOT_SO, function, optional, param};

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

const OUT_OF_RANGE: EvalError = EvalError::Arithmetic("instant out of range");

pub(super) const HOSTS: [Host; 12] = [
    function(
        "timestamp",
        &[param("x", "dyn")],
        "time",
        timestamp,
        "An RFC 3339 text, or seconds since 1970, as an instant.",
        "timestamp(0) == timestamp('1970-01-01T00:00:00Z')",
    ),
    function(
        "duration",
        &[param("text", "dyn")],
        "duration",
        duration,
        "A text such as `1h30m`, `90s`, `250ms`, `7d` as a span.",
        "duration('1h') == duration('60m')",
    ),
    function(
        "getFullYear",
        &[param("x", "time"), optional("zone", "string")],
        "int",
        year,
        "The year.",
        "timestamp('2026-01-01T00:00:00Z').getFullYear() == 2026",
    ),
    function(
        "getMonth",
        &[param("x", "time"), optional("zone", "string")],
        "int",
        month,
        "The month, from 0.",
        "timestamp('2026-01-01T00:00:00Z').getMonth() == 0",
    ),
    function(
        "getDate",
        &[param("x", "time"), optional("zone", "string")],
        "int",
        date,
        "The day of the month, from 1.",
        "timestamp('2026-01-01T00:00:00Z').getDate() == 1",
    ),
    function(
        "getDayOfMonth",
        &[param("x", "time"), optional("zone", "string")],
        "int",
        day,
        "The day of the month, from 0.",
        "timestamp('2026-01-01T00:00:00Z').getDayOfMonth() == 0",
    ),
    function(
        "getDayOfYear",
        &[param("x", "time"), optional("zone", "string")],
        "int",
        day_of_year,
        "The day of the year, from 0.",
        "timestamp('2026-01-02T00:00:00Z').getDayOfYear() == 1",
    ),
    function(
        "getDayOfWeek",
        &[param("x", "time"), optional("zone", "string")],
        "int",
        weekday,
        "The day of the week, Sunday being 0.",
        "timestamp('2026-01-01T00:00:00Z').getDayOfWeek() == 4",
    ),
    function(
        "getHours",
        &[param("x", "dyn"), optional("zone", "string")],
        "int",
        hours,
        "The hour of an instant; the whole hours of a span.",
        "duration('90m').getHours() == 1",
    ),
    function(
        "getMinutes",
        &[param("x", "dyn"), optional("zone", "string")],
        "int",
        minutes,
        "The minute of an instant; the whole minutes of a span.",
        "duration('1h').getMinutes() == 60",
    ),
    function(
        "getSeconds",
        &[param("x", "dyn"), optional("zone", "string")],
        "int",
        seconds,
        "The second of an instant; the whole seconds of a span.",
        "duration('1m').getSeconds() == 60",
    ),
    function(
        "getMilliseconds",
        &[param("x", "dyn"), optional("zone", "string")],
        "int",
        millis,
        "The milliseconds within the second.",
        "duration('1s').getMilliseconds() == 0",
    ),
];

/// Whether a text is an instant.
pub(in crate::expr) fn is_timestamp(text: &str) -> bool {
    Timestamp::parse_rfc3339(text).is_some_and(is_instant)
}

/// Whether a text is an offset from UTC.
pub(in crate::expr) fn is_zone(text: &str) -> bool {
    offset(text).is_some()
}

/// Whether a text is a span.
pub(in crate::expr) fn is_duration(text: &str) -> bool {
    span(text).is_some()
}

fn timestamp<'a>(_: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    match args {
        [Val::Time(instant)] => Ok(Val::Time(*instant)),
        [Val::Int(seconds)] => {
            let micros = seconds.checked_mul(SECOND).map(Timestamp);
            micros.filter(|at| is_instant(*at)).map(Val::Time).ok_or(OUT_OF_RANGE)
        }
        [Val::Str(text)] => match Timestamp::parse_rfc3339(text) {
            Some(instant) if is_instant(instant) => Ok(Val::Time(instant)),
            Some(_) => Err(OUT_OF_RANGE),
            None => Err(EvalError::Type("the text is no RFC 3339 timestamp")),
        },
        _ => Err(NOT_SO),
    }
}

fn duration<'a>(_: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    match args {
        [Val::Duration(span), ..] => Ok(Val::Duration(*span)),
        [Val::Str(text)] => match span(text) {
            Some(span) => Ok(Val::Duration(span)),
            None => Err(EvalError::Type("the text is no duration")),
        },
        _ => Err(NOT_SO),
    }
}

/// Reads `-1h30m`, `1.5s`, `250ms`, `7d` into microseconds.
fn span(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total: i64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let unit_end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let unit = match unit {
            "d" => 24 * HOUR,
            "h" => HOUR,
            "m" => MINUTE,
            "s" => SECOND,
            "ms" => 1_000,
            "us" | "µs" => 1,
            // Finer than a microsecond is cut off.
            "ns" => 0,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        total = total.checked_add(whole.checked_mul(unit)?)?;
        let mut part = unit;
        for digit in fraction.bytes() {
            part /= 10;
            total = total.checked_add(i64::from(digit.checked_sub(b'0')?).checked_mul(part)?)?;
        }
        if number == "." || number.is_empty() || fraction.contains('.') {
            return None;
        }
        rest = tail;
    }
    total.checked_mul(sign).filter(|span| is_span(*span))
}

/// A span as CEL writes it: seconds.
pub(super) fn written(micros: i64, arena: &Bump) -> String<'_> {
    let sign = if micros < 0 { "-" } else { "" };
    let micros = micros.unsigned_abs();
    let (seconds, rest) = (micros / 1_000_000, micros % 1_000_000);
    if rest == 0 {
        return bumpalo::format!(in arena, "{}{}s", sign, seconds);
    }
    let mut text = bumpalo::format!(in arena, "{}{}.{:06}", sign, seconds, rest);
    while text.ends_with('0') {
        text.pop();
    }
    text.push('s');
    text
}

/// The calendar's reading of an instant, at the offset that follows it.
fn civil(args: &[Val<'_>]) -> Result<jiff::civil::DateTime, EvalError> {
    let (Timestamp(micros), shift) = match args {
        [Val::Time(instant)] | [Val::Time(instant), Val::Unsaid | Val::None] => (*instant, 0),
        [Val::Time(instant), Val::Str(zone)] => {
            let wrong = EvalError::Type("a zone is `UTC` or an offset such as `+02:00`");
            (*instant, offset(zone).ok_or(wrong)?)
        }
        _ => return Err(NOT_SO),
    };
    match micros.checked_add(shift).map(jiff::Timestamp::from_microsecond) {
        Some(Ok(instant)) => Ok(TimeZone::UTC.to_datetime(instant)),
        _ => Err(OUT_OF_RANGE),
    }
}

/// The microseconds of `UTC`, `Z`, `+02:00`, `02:00`, `-09:30`. Zones with names would need a
/// table of rules that changes with time, and a replay must decide as the first run did.
fn offset(zone: &str) -> Option<i64> {
    if matches!(zone, "UTC" | "Z" | "GMT" | "") {
        return Some(0);
    }
    let (sign, rest) = match zone.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, zone.strip_prefix('+').unwrap_or(zone)),
    };
    let (hours, minutes) = rest.split_once(':')?;
    let number = |text: &str| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        if digits { text.parse::<i64>().ok() } else { None }
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * HOUR + minutes * MINUTE))
}

fn year<'a>(_: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    Ok(Val::Int(i64::from(civil(args)?.year())))
}

fn month<'a>(_: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    Ok(Val::Int(i64::from(civil(args)?.month()) - 1))
}

fn date<'a>(_: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    Ok(Val::Int(i64::from(civil(args)?.day())))
}

fn day<'a>(_: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    Ok(Val::Int(i64::from(civil(args)?.day()) - 1))
}

fn day_of_year<'a>(_: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    Ok(Val::Int(i64::from(civil(args)?.day_of_year()) - 1))
}

fn weekday<'a>(_: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    Ok(Val::Int(i64::from(civil(args)?.weekday().to_sunday_zero_offset())))
}

fn hours<'a>(_: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    match args {
        [Val::Duration(span), ..] => Ok(Val::Int(span / HOUR)),
        _ => Ok(Val::Int(i64::from(civil(args)?.hour()))),
    }
}

fn minutes<'a>(_: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    match args {
        [Val::Duration(span), ..] => Ok(Val::Int(span / MINUTE)),
        _ => Ok(Val::Int(i64::from(civil(args)?.minute()))),
    }
}

fn seconds<'a>(_: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    match args {
        [Val::Duration(span), ..] => Ok(Val::Int(span / SECOND)),
        _ => Ok(Val::Int(i64::from(civil(args)?.second()))),
    }
}

fn millis<'a>(_: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    match args {
        [Val::Duration(span), ..] => Ok(Val::Int(span % SECOND / 1_000)),
        _ => Ok(Val::Int(i64::from(civil(args)?.millisecond()))),
    }
}
