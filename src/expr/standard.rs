//! The standard library: size, membership, conversions; texts and times in its parts.
//!
//! Functions of one name are overloads: they share a body that looks at its values.

mod format;
mod json;
mod lists;
mod math;
mod sets;
mod text;
mod time;
mod windows;

use crate::model::value::Ports;
use crate::model::{Seq, Timestamp, Val};

use super::api::{Call, EvalError, Host, HostFn, Param};
use super::ports;

pub(super) use lists::{DISTINCT, FLATTEN, REVERSE, SLICE, SORT};
pub(super) use math::{GREATEST, LEAST};
pub(super) use time::{is_duration, is_timestamp, is_zone};
pub(super) use windows::is_window;

/// A required parameter.
pub(super) const fn param(name: &'static str, ty: &'static str) -> Param {
    Param { name, ty, optional: false }
}

/// A parameter that may be left out.
pub(super) const fn optional(name: &'static str, ty: &'static str) -> Param {
    Param { name, ty, optional: true }
}

/// A strict function that rests on no outside fact.
pub(super) const fn function(
    name: &'static str,
    params: &'static [Param],
    returns: &'static str,
    call: HostFn,
    doc: &'static str,
    example: &'static str,
) -> Host {
    Host { name, params, returns, lenient: false, doc, example, source: "", call }
}

/// `list(x)`, whose type the checker refines.
pub(super) const LIST: Host = Host {
    lenient: true,
    ..function(
        "list",
        &[optional("x", "dyn")],
        "list<dyn>",
        list,
        "A list as it is, anything else as a list of one, what is absent as an empty list.",
        "list('a') == ['a']",
    )
};

const GENERAL: [Host; 12] = [
    LIST,
    function(
        "size",
        &[param("of", "string")],
        "int",
        size,
        "Code points of a text.",
        "size('né') == 2",
    ),
    function(
        "size",
        &[param("of", "list<dyn>")],
        "int",
        size,
        "Elements of a list; unknown where it is partial.",
        "size([1, 2]) == 2",
    ),
    function(
        "size",
        &[param("of", "map<dyn>")],
        "int",
        size,
        "Entries of a map.",
        "size({'a': 1}) == 1",
    ),
    function(
        "size",
        &[param("of", "ports")],
        "int",
        size,
        "Ports in a set; unknown where it is partial.",
        "net.ports('80-81').size() == 2",
    ),
    function(
        "contains",
        &[param("text", "string"), param("part", "string")],
        "bool",
        contains,
        "Whether a text has a part.",
        "'abc'.contains('b')",
    ),
    function(
        "contains",
        &[param("set", "ports"), param("port", "int")],
        "bool",
        contains,
        "Whether a port, or all of a set, is in the set.",
        "net.ports('80-90').contains(81)",
    ),
    function(
        "contains",
        &[param("set", "ports"), param("ports", "ports")],
        "bool",
        contains,
        "Whether all of a set of ports is in the set.",
        "net.ports('80-90').contains(net.ports('81'))",
    ),
    function(
        "int",
        &[param("x", "dyn")],
        "int",
        int,
        "A number or a decimal text as an integer, cut towards zero; an instant as seconds.",
        "int('22') == 22",
    ),
    function(
        "double",
        &[param("x", "dyn")],
        "double",
        double,
        "A number or a decimal text as a double.",
        "double('1.5') == 1.5",
    ),
    function(
        "string",
        &[param("x", "dyn")],
        "string",
        string,
        "A number, a truth value, an instant, ports as text.",
        "string(22) == '22'",
    ),
    function(
        "bool",
        &[param("x", "dyn")],
        "bool",
        boolean,
        "`true` and `false` in any case, `1` and `0`.",
        "bool('True')",
    ),
];

/// Every standard function.
pub(super) fn hosts() -> Vec<Host> {
    [
        &GENERAL[..],
        &KINDS,
        &text::HOSTS,
        &format::HOSTS,
        &lists::HOSTS,
        &math::HOSTS,
        &sets::HOSTS,
        &time::HOSTS,
        &windows::HOSTS,
        &json::HOSTS,
    ]
    .concat()
}

/// `x.value()`, whose type the checker refines.
pub(super) const VALUE: Host = Host {
    lenient: true,
    ..function(
        "value",
        &[param("x", "dyn")],
        "dyn",
        value,
        "What a value is, and an error where it is absent.",
        "optional.of(1).value() == 1",
    )
};

/// `optional.ofNonZeroValue(x)`, whose type the checker refines.
pub(super) const NON_ZERO: Host = function(
    "optional.ofNonZeroValue",
    &[param("x", "dyn")],
    "dyn",
    non_zero,
    "A value, absent where it is zero, false or empty.",
    "optional.ofNonZeroValue('').orValue('a') == 'a'",
);

const KINDS: [Host; 3] = [
    VALUE,
    NON_ZERO,
    function(
        "type",
        &[param("x", "dyn")],
        "string",
        kind,
        "The name of a value's type.",
        "type(1) == 'int'",
    ),
];

const NOT_SO: EvalError = EvalError::Type("the function is not defined for this value");

#[expect(clippy::unnecessary_wraps, reason = "the signature of host functions")]
fn list<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    Ok(match args.first().copied().unwrap_or_default() {
        Val::Unsaid | Val::None => Val::list(&[]),
        value @ (Val::List(_) | Val::Unknown) => value,
        other => Val::list(call.arena.alloc_slice_copy(&[other])),
    })
}

fn size<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let count = match args {
        [Val::Str(text)] => {
            call.charge(text.len() / 16)?;
            text.chars().count()
        }
        [Val::List(Seq { items, whole: true })] => items.len(),
        [Val::Map(entries)] => entries.len(),
        [Val::Ports(set)] if set.whole => return Ok(Val::Int(ports::size(*set))),
        [Val::List(_) | Val::Ports(_)] => return Ok(Val::Unknown),
        _ => return Err(NOT_SO),
    };
    Ok(Val::Int(i64::try_from(count).unwrap_or(i64::MAX)))
}

fn contains<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let found = match args {
        [Val::Str(text), Val::Str(part)] => {
            call.charge(text.len() / 16)?;
            Some(text.contains(part))
        }
        [Val::Ports(set), Val::Int(port)] => ports::contains(*set, *port),
        [Val::Ports(set), Val::Ports(other)] => ports::covers(*set, *other),
        [_, Val::Unsaid | Val::None] => Some(false),
        _ => return Err(NOT_SO),
    };
    Ok(found.map_or(Val::Unknown, Val::Bool))
}

fn int<'a>(_: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    const RANGE: f64 = 9_223_372_036_854_775_808.0;
    match args {
        [Val::Int(number)] => Ok(Val::Int(*number)),
        #[expect(clippy::cast_possible_truncation, reason = "within the bounds the guard checks")]
        [Val::Double(number)] if *number > -RANGE && *number < RANGE => {
            Ok(Val::Int(*number as i64))
        }
        [Val::Double(_)] => Err(EvalError::Arithmetic("number too large")),
        [Val::Str(text)] => match text.trim().parse() {
            Ok(number) => Ok(Val::Int(number)),
            Err(_) => Err(EvalError::Type("the text is no integer")),
        },
        [Val::Time(Timestamp(micros))] => Ok(Val::Int(micros.div_euclid(1_000_000))),
        _ => Err(NOT_SO),
    }
}

fn double<'a>(_: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    match args {
        [Val::Double(number)] => Ok(Val::Double(*number)),
        #[expect(clippy::cast_precision_loss, reason = "as CEL's `double()` does")]
        [Val::Int(number)] => Ok(Val::Double(*number as f64)),
        [Val::Str(text)] => match text.trim().parse() {
            Ok(number) => Ok(Val::Double(number)),
            Err(_) => Err(EvalError::Type("the text is no number")),
        },
        _ => Err(NOT_SO),
    }
}

fn string<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    match args {
        [Val::Resource(handle)] => Ok(call.world.id(*handle)),
        [value] => as_text(*value, call)?.map(Val::Str).ok_or(NOT_SO),
        _ => Err(NOT_SO),
    }
}

/// A plain value as text; `None` for what has parts.
fn as_text<'a>(value: Val<'a>, call: &Call<'a, '_>) -> Result<Option<&'a str>, EvalError> {
    let arena = call.arena;
    let text = match value {
        Val::Str(text) => return Ok(Some(text)),
        Val::Bool(truth) => return Ok(Some(if truth { "true" } else { "false" })),
        Val::Double(number) if !number.is_finite() => return Ok(Some(endless(number))),
        Val::Int(number) => bumpalo::format!(in arena, "{}", number),
        Val::Double(number) => bumpalo::format!(in arena, "{}", number),
        Val::Time(instant) => bumpalo::format!(in arena, "{}", instant),
        Val::Duration(micros) => time::written(micros, arena),
        Val::Ports(set) => {
            call.charge(set.ranges.len())?;
            bumpalo::format!(in arena, "{}", Ports(set.ranges))
        }
        _ => return Ok(None),
    };
    Ok(Some(text.into_bump_str()))
}

/// A double that is no number.
fn endless(number: f64) -> &'static str {
    if number.is_nan() {
        "NaN"
    } else if number > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

fn value<'a>(_: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    match args {
        [Val::Unsaid | Val::None] | [] => Err(EvalError::Type("there is no value")),
        [value, ..] => Ok(*value),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of host functions")]
fn non_zero<'a>(_: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let value = args.first().copied().unwrap_or_default();
    let zero = match value {
        Val::Bool(truth) => !truth,
        Val::Int(number) | Val::Duration(number) => number == 0,
        Val::Double(number) => number == 0.0,
        Val::Str(text) => text.is_empty(),
        Val::List(seq) => seq.items.is_empty() && seq.whole,
        Val::Map(entries) => entries.is_empty(),
        Val::Ports(set) => set.ranges.is_empty() && set.whole,
        _ => false,
    };
    // Whether a partial list is empty, nobody can tell while nothing of it is known.
    let open = matches!(value, Val::List(Seq { items: [], whole: false }));
    Ok(if open {
        Val::Unknown
    } else if zero {
        Val::Unsaid
    } else {
        value
    })
}

fn boolean<'a>(_: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    match args {
        [Val::Bool(truth)] => Ok(Val::Bool(*truth)),
        [Val::Str(text)] if text.eq_ignore_ascii_case("true") || *text == "1" => {
            Ok(Val::Bool(true))
        }
        [Val::Str(text)] if text.eq_ignore_ascii_case("false") || *text == "0" => {
            Ok(Val::Bool(false))
        }
        [Val::Int(number @ (0 | 1))] => Ok(Val::Bool(*number == 1)),
        _ => Err(EvalError::Type("the value is neither true nor false")),
    }
}

fn kind<'a>(_: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    Ok(Val::Str(match args {
        [Val::Bool(_)] => "bool",
        [Val::Int(_)] => "int",
        [Val::Double(_)] => "double",
        [Val::Str(_)] => "string",
        [Val::Time(_)] => "time",
        [Val::Duration(_)] => "duration",
        [Val::Ports(_)] => "ports",
        [Val::List(_)] => "list",
        [Val::Map(_)] => "map",
        [Val::Record(record)] => {
            return Ok(Val::Str(&record.ty.name));
        }
        [Val::Resource(_)] => "resource",
        _ => return Ok(Val::Unsaid),
    }))
}
