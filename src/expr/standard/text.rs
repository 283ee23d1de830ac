//! Functions on texts. Places count code points, from zero.

use bumpalo::Bump;
use bumpalo::collections::{String, Vec};

use crate::expr::api::{Call, EvalError, Host};
use crate::model::Val;

use super::{NOT_SO, function, optional, param};

pub(super) const HOSTS: [Host; 15] = [
    function(
        "startsWith",
        &[param("text", "string"), param("prefix", "string")],
        "bool",
        starts_with,
        "Whether a text begins so.",
        "'igw-1'.startsWith('igw-')",
    ),
    function(
        "endsWith",
        &[param("text", "string"), param("suffix", "string")],
        "bool",
        ends_with,
        "Whether a text ends so.",
        "'a.b'.endsWith('.b')",
    ),
    function(
        "lowerAscii",
        &[param("text", "string")],
        "string",
        lower,
        "The text with A-Z lowered.",
        "'Ab'.lowerAscii() == 'ab'",
    ),
    function(
        "upperAscii",
        &[param("text", "string")],
        "string",
        upper,
        "The text with a-z raised.",
        "'Ab'.upperAscii() == 'AB'",
    ),
    function(
        "lower",
        &[param("text", "string")],
        "string",
        lower,
        "The text with A-Z lowered.",
        "lower('Ab') == 'ab'",
    ),
    function(
        "upper",
        &[param("text", "string")],
        "string",
        upper,
        "The text with a-z raised.",
        "upper('Ab') == 'AB'",
    ),
    function(
        "trim",
        &[param("text", "string")],
        "string",
        trim,
        "The text without space around it.",
        "' a '.trim() == 'a'",
    ),
    function(
        "split",
        &[param("text", "string"), param("by", "string"), optional("limit", "int")],
        "list<string>",
        split,
        "The parts between separators; with a limit the last part keeps the rest.",
        "'a,b'.split(',') == ['a', 'b']",
    ),
    function(
        "join",
        &[param("texts", "list<string>"), optional("by", "string")],
        "string",
        join,
        "The texts one after the other.",
        "['a', 'b'].join('-') == 'a-b'",
    ),
    function(
        "replace",
        &[
            param("text", "string"),
            param("from", "string"),
            param("to", "string"),
            optional("limit", "int"),
        ],
        "string",
        replace,
        "The text with every occurrence replaced, or the first so many.",
        "'aba'.replace('a', 'c') == 'cbc'",
    ),
    function(
        "substring",
        &[param("text", "string"), param("from", "int"), optional("to", "int")],
        "string",
        substring,
        "The code points from one place up to another.",
        "'abc'.substring(1) == 'bc'",
    ),
    function(
        "indexOf",
        &[param("text", "string"), param("part", "string"), optional("from", "int")],
        "int",
        index_of,
        "Where a part first occurs, at a place or after it; -1 where nowhere.",
        "'abc'.indexOf('c') == 2",
    ),
    function(
        "lastIndexOf",
        &[param("text", "string"), param("part", "string"), optional("from", "int")],
        "int",
        last_index_of,
        "Where a part last occurs, at a place or before it; -1 where nowhere.",
        "'aba'.lastIndexOf('a') == 2",
    ),
    function(
        "charAt",
        &[param("text", "string"), param("place", "int")],
        "string",
        char_at,
        "One code point; the empty text at the end.",
        "'abc'.charAt(1) == 'b'",
    ),
    function(
        "reverse",
        &[param("text", "string")],
        "string",
        reverse,
        "The code points in reverse.",
        "'abc'.reverse() == 'cba'",
    ),
];

const PLACE: EvalError = EvalError::Arithmetic("place out of range");

fn starts_with<'a>(_: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    match args {
        [Val::Str(text), Val::Str(part)] => Ok(Val::Bool(text.starts_with(part))),
        [Val::Str(_), Val::Unsaid | Val::None] => Ok(Val::Bool(false)),
        _ => Err(NOT_SO),
    }
}

fn ends_with<'a>(_: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    match args {
        [Val::Str(text), Val::Str(part)] => Ok(Val::Bool(text.ends_with(part))),
        [Val::Str(_), Val::Unsaid | Val::None] => Ok(Val::Bool(false)),
        _ => Err(NOT_SO),
    }
}

fn lower<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let [Val::Str(text)] = args else { return Err(NOT_SO) };
    if !text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Ok(Val::Str(text));
    }
    call.charge(text.len() / 16)?;
    let copy = call.arena.alloc_str(text);
    copy.make_ascii_lowercase();
    Ok(Val::Str(copy))
}

fn upper<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let [Val::Str(text)] = args else { return Err(NOT_SO) };
    call.charge(text.len() / 16)?;
    let copy = call.arena.alloc_str(text);
    copy.make_ascii_uppercase();
    Ok(Val::Str(copy))
}

fn trim<'a>(_: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let [Val::Str(text)] = args else { return Err(NOT_SO) };
    Ok(Val::Str(text.trim()))
}

fn split<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let [Val::Str(text), Val::Str(by), limit] = args else { return Err(NOT_SO) };
    call.charge(text.len())?;
    let limit = match limit {
        Val::Int(limit) => usize::try_from(*limit).unwrap_or(usize::MAX),
        _ => usize::MAX,
    };
    let mut parts = Vec::new_in(call.arena);
    if by.is_empty() {
        // CEL splits into code points, without the empty texts that Rust finds at the ends.
        let mut rest = *text;
        while let Some(first) = rest.chars().next().filter(|_| parts.len() + 1 < limit) {
            let (head, tail) = rest.split_at(first.len_utf8());
            parts.push(Val::Str(head));
            rest = tail;
        }
        if !rest.is_empty() && limit > 0 {
            parts.push(Val::Str(rest));
        }
    } else {
        parts.extend(text.splitn(limit, by).map(Val::Str));
    }
    Ok(Val::list(parts.into_bump_slice()))
}

fn join<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let [Val::List(seq), by] = args else { return Err(NOT_SO) };
    if !seq.whole {
        return Ok(Val::Unknown);
    }
    let by = by.as_str().unwrap_or("");
    let mut text = String::new_in(call.arena);
    for (place, item) in seq.items.iter().enumerate() {
        let item = match item {
            Val::Str(item) => item,
            Val::Unknown => return Ok(Val::Unknown),
            _ => return Err(NOT_SO),
        };
        call.charge(1 + (item.len() + by.len()) / 16)?;
        if place > 0 {
            text.push_str(by);
        }
        text.push_str(item);
    }
    Ok(Val::Str(text.into_bump_str()))
}

fn replace<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let [Val::Str(text), Val::Str(from), Val::Str(to), limit] = args else { return Err(NOT_SO) };
    let limit = match limit {
        Val::Int(limit) => usize::try_from(*limit).unwrap_or(usize::MAX),
        _ => usize::MAX,
    };
    let mut result = String::with_capacity_in(text.len(), call.arena);
    let mut rest = 0;
    for (at, found) in text.match_indices(from).take(limit) {
        call.charge(1 + (to.len() + at - rest) / 16)?;
        result.push_str(&text[rest..at]);
        result.push_str(to);
        rest = at + found.len();
    }
    result.push_str(&text[rest..]);
    Ok(Val::Str(result.into_bump_str()))
}

fn substring<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let [Val::Str(text), Val::Int(from), to] = args else { return Err(NOT_SO) };
    call.charge(text.len() / 16)?;
    let start = byte_at(text, *from).ok_or(PLACE)?;
    let end = match to {
        Val::Int(to) => byte_at(text, *to).ok_or(PLACE)?,
        _ => text.len(),
    };
    text.get(start..end).map(Val::Str).ok_or(PLACE)
}

/// The byte at which the code point of that place begins; the end counts too.
fn byte_at(text: &str, place: i64) -> Option<usize> {
    let place = usize::try_from(place).ok()?;
    text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(place)
}

fn index_of<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let [Val::Str(text), Val::Str(part), from] = args else { return Err(NOT_SO) };
    call.charge(text.len() / 16)?;
    let start = match from {
        Val::Int(from) => byte_at(text, *from).ok_or(PLACE)?,
        _ => 0,
    };
    Ok(place(text, text[start..].find(part).map(|at| start + at)))
}

fn last_index_of<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let [Val::Str(text), Val::Str(part), from] = args else { return Err(NOT_SO) };
    call.charge(text.len() / 16)?;
    let found = match from {
        Val::Int(from) => {
            let last = byte_at(text, *from).ok_or(PLACE)?;
            // A part that begins at the place may reach beyond it.
            let end = last.saturating_add(part.len()).min(text.len());
            let end = (0..=end).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            text[..end].rfind(part)
        }
        _ => text.rfind(part),
    };
    Ok(place(text, found))
}

fn place(text: &str, byte: Option<usize>) -> Val<'static> {
    let place = byte.map(|byte| text[..byte].chars().count());
    Val::Int(place.and_then(|place| i64::try_from(place).ok()).unwrap_or(-1))
}

fn char_at<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    let [Val::Str(text), Val::Int(place)] = args else { return Err(NOT_SO) };
    call.charge(text.len() / 16)?;
    let start = byte_at(text, *place).ok_or(PLACE)?;
    let length = text[start..].chars().next().map_or(0, char::len_utf8);
    Ok(Val::Str(&text[start..start + length]))
}

pub(super) fn reverse<'a>(call: &Call<'a, '_>, args: &[Val<'a>]) -> Result<Val<'a>, EvalError> {
    match args {
        [Val::Str(text)] => {
            call.charge(text.len() / 16)?;
            Ok(Val::Str(reversed(text, call.arena)))
        }
        [Val::List(seq)] if !seq.whole => Ok(Val::Unknown),
        [Val::List(seq)] => {
            call.charge(seq.items.len())?;
            let items = seq.items.iter().rev().copied();
            Ok(Val::list(call.arena.alloc_slice_fill_iter(items)))
        }
        _ => Err(NOT_SO),
    }
}

fn reversed<'a>(text: &str, arena: &'a Bump) -> &'a str {
    String::from_iter_in(text.chars().rev(), arena).into_bump_str()
}
