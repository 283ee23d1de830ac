//! `format`: a text with `%s %d %f %e %b %o %x %X` filled in, and `strings.quote`.

use std::fmt::Write as _;

use bumpalo::collections::{String, Vec};

use crate::expr::api::{Call, EvalError, Host};
use crate::model::{Seq, Val};

use super::{NOT_SO, as_text, function, param};

const WRONG: EvalError = EvalError::Type("the clause of `format` does not fit its argument");
const COUNT: EvalError = EvalError::Type("`format` has more clauses than arguments");

/// Digits after the point that can be asked for.
const MAX_PRECISION: usize = 100;

/// Digits that a double is written with at most.
const MOST_DIGITS: usize = 310 + MAX_PRECISION;

/// Digits after the point where none are asked for.
const PRECISION: usize = 6;

/// Lists within lists that are written out.
const MAX_DEPTH: usize = 16;

pub(super) const HOSTS: [Host; 2] = [
    function(
        "format",
        &[param("text", "string"), param("arguments", "list<dyn>")],
        "string",
        format,
        "The text with each clause (`%s %d %f %e %b %o %x %X`) replaced by an argument; `%%` is `%`.",
        "'%s: %d'.format(['ports', 22]) == 'ports: 22'",
    ),
    function(
        "strings.quote",
        &[param("text", "string")],
        "string",
        quote,
        "The text in double quotes, with quotes and control characters escaped.",
        r#"strings.quote('a "b"') == '"a \\"b\\""'"#,
    ),
];

fn format<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let [Val::Str(text), Val::List(seq)] = args else { return Err(NOT_SO) };
    if !seq.whole || seq.items.iter().any(|item| is_unknown(item, 0)) {
        return Ok(Val::Unknown);
    }
    let mut out = String::with_capacity_in(text.len(), call.arena);
    let mut items = seq.items.iter();
    let mut rest = *text;
    while let Some(at) = rest.find('%') {
        call.charge(1 + at / 16)?;
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(tail) = rest.strip_prefix('%') {
            out.push('%');
            rest = tail;
            continue;
        }
        let (precision, tail) = precision(rest)?;
        let clause = tail.chars().next().ok_or(WRONG)?;
        rest = &tail[clause.len_utf8()..];
        let item = items.next().ok_or(COUNT)?;
        fill(&mut out, clause, precision, *item, call)?;
    }
    out.push_str(rest);
    Ok(Val::Str(out.into_bump_str()))
}

/// Whether anything in a value is unknown.
fn is_unknown(value: &Val<'_>, depth: usize) -> bool {
    match value {
        Val::Unknown | Val::List(Seq { whole: false, .. }) => true,
        _ if depth > MAX_DEPTH => true,
        Val::List(seq) => seq.items.iter().any(|item| is_unknown(item, depth + 1)),
        Val::Map(entries) => entries.iter().any(|(_, value)| is_unknown(value, depth + 1)),
        _ => false,
    }
}

/// `.3` in front of a clause, and what follows it.
fn precision(text: &str) -> Result<(Option<usize>, &str), EvalError> {
    let Some(tail) = text.strip_prefix('.') else { return Ok((None, text)) };
    let end = tail.find(|c: char| !c.is_ascii_digit()).unwrap_or(tail.len());
    let digits: usize = tail[..end].parse().map_err(|_| WRONG)?;
    if digits > MAX_PRECISION {
        return Err(WRONG);
    }
    Ok((Some(digits), &tail[end..]))
}

fn fill<'a>(
    out: &mut String<'a>,
    clause: char,
    precision: Option<usize>,
    item: Val<'a>,
    call: &Call<'a, '_>,
) -> Result<(), EvalError> {
    let digits = precision.unwrap_or(PRECISION);
    // The longest double has some three hundred digits in front of the point.
    if matches!(clause, 'f' | 'e') {
        call.charge(MOST_DIGITS / 16)?;
    }
    // Writing into memory does not fail.
    let _ = match (clause, item) {
        ('s', item) => return spell(out, item, call),
        ('d' | 'f' | 'e', Val::Double(number)) if !number.is_finite() => {
            out.push_str(super::endless(number));
            Ok(())
        }
        ('d', Val::Int(number)) => write!(out, "{number}"),
        ('f', Val::Double(number)) => write!(out, "{number:.digits$}"),
        #[expect(clippy::cast_precision_loss, reason = "as CEL's `double()` does")]
        ('f', Val::Int(number)) => write!(out, "{:.digits$}", number as f64),
        ('e', Val::Double(number)) => return scientific(out, number, digits, call),
        #[expect(clippy::cast_precision_loss, reason = "as CEL's `double()` does")]
        ('e', Val::Int(number)) => return scientific(out, number as f64, digits, call),
        ('b', Val::Bool(truth)) => write!(out, "{}", u8::from(truth)),
        ('b' | 'o' | 'x' | 'X', Val::Int(number)) => {
            if number < 0 {
                out.push('-');
            }
            let size = number.unsigned_abs();
            match clause {
                'b' => write!(out, "{size:b}"),
                'o' => write!(out, "{size:o}"),
                'x' => write!(out, "{size:x}"),
                _ => write!(out, "{size:X}"),
            }
        }
        ('x' | 'X', Val::Str(text)) => {
            call.charge(text.len() / 8)?;
            text.bytes().try_for_each(|byte| match clause {
                'x' => write!(out, "{byte:02x}"),
                _ => write!(out, "{byte:02X}"),
            })
        }
        _ => return Err(WRONG),
    };
    Ok(())
}

/// `1.052033e+03`: the exponent has a sign and at least two digits.
fn scientific<'a>(
    out: &mut String<'a>,
    number: f64,
    digits: usize,
    call: &Call<'a, '_>,
) -> Result<(), EvalError> {
    let text = bumpalo::format!(in call.arena, "{:.*e}", digits, number);
    let (mantissa, exponent) = text.split_once('e').ok_or(WRONG)?;
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    let _ = write!(out, "{mantissa}e{sign}{exponent:0>2}");
    Ok(())
}

/// A value as `%s` writes it; maps in the order of their keys.
fn spell<'a>(out: &mut String<'a>, item: Val<'a>, call: &Call<'a, '_>) -> Result<(), EvalError> {
    call.charge(1)?;
    match item {
        Val::Unsaid | Val::None => out.push_str("null"),
        Val::List(seq) => {
            out.push('[');
            for (place, item) in seq.items.iter().enumerate() {
                if place > 0 {
                    out.push_str(", ");
                }
                spell(out, *item, call)?;
            }
            out.push(']');
        }
        Val::Map(entries) => {
            let mut sorted = Vec::with_capacity_in(entries.len(), call.arena);
            sorted.extend_from_slice(entries);
            sorted.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (place, (key, value)) in sorted.iter().enumerate() {
                if place > 0 {
                    out.push_str(", ");
                }
                out.push_str(key);
                out.push_str(": ");
                spell(out, *value, call)?;
            }
            out.push('}');
        }
        item => {
            let text = as_text(item, call)?.ok_or(WRONG)?;
            call.charge(text.len() / 16)?;
            out.push_str(text);
        }
    }
    Ok(())
}

fn quote<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let [Val::Str(text)] = args else { return Err(NOT_SO) };
    call.charge(text.len() / 8)?;
    let mut out = String::with_capacity_in(text.len() + 2, call.arena);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            character => out.push(character),
        }
    }
    out.push('"');
    Ok(Val::Str(out.into_bump_str()))
}
