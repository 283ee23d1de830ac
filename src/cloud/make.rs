//! Values out of parts: rows of the tables, arguments, records, lists and text in the arena.

use crate::expr::api::{Call, EvalError, Host, HostFn, Param};
use crate::model::{Rec, Seq, Val};

/// What every function here answers.
pub(super) type Answer<'a> = Result<Val<'a>, EvalError>;

/// A row of a table. Functions of this room never ask for `Unknown` arguments.
pub(super) const fn row(
    name: &'static str,
    params: &'static [Param],
    returns: &'static str,
    doc: &'static str,
    example: &'static str,
    source: &'static str,
    call: HostFn,
) -> Host {
    Host { name, params, returns, lenient: false, doc, example, source, call }
}

/// A parameter that must be given.
pub(super) const fn param(name: &'static str, ty: &'static str) -> Param {
    Param { name, ty, optional: false }
}

/// A parameter that may be left out.
pub(super) const fn optional(name: &'static str, ty: &'static str) -> Param {
    Param { name, ty, optional: true }
}

/// The argument in that place; `Unsaid` where it was left out.
pub(super) fn arg<'a>(args: &[Val<'a>], index: usize) -> Val<'a> {
    args.get(index).copied().unwrap_or_default()
}

/// The first of these members that is there.
pub(super) fn member<'a>(value: Val<'a>, names: &[&str]) -> Val<'a> {
    names.iter().map(|name| value.get(name)).find(Val::is_present).unwrap_or_default()
}

/// The member of that name whatever its case; of several the last counts.
pub(super) fn folded<'a>(value: Val<'a>, name: &str) -> Val<'a> {
    match value {
        Val::Map(entries) => entries
            .iter()
            .rev()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map_or(Val::Unsaid, |(_, found)| *found),
        other => other.get(name),
    }
}

/// Text in the arena.
pub(super) fn text<'a>(call: &Call<'a, '_>, text: &str) -> Val<'a> {
    Val::Str(call.arena.alloc_str(text))
}

/// A whole list in the arena.
pub(super) fn list<'a>(call: &Call<'a, '_>, items: &[Val<'a>]) -> Val<'a> {
    Val::list(call.arena.alloc_slice_copy(items))
}

/// A map in the arena.
pub(super) fn map<'a>(call: &Call<'a, '_>, entries: &[(&'a str, Val<'a>)]) -> Val<'a> {
    Val::Map(call.arena.alloc_slice_copy(entries))
}

/// A record of a declared type; fields not named are `Unsaid`.
///
/// # Errors
/// [`EvalError::Type`] where content declares no such record, or the record lacks a field that
/// has something to say.
pub(super) fn record<'a>(
    call: &Call<'a, '_>,
    name: &str,
    fields: &[(&str, Val<'a>)],
) -> Answer<'a> {
    let Some(ty) = call.schema.record_named(name) else {
        return Err(EvalError::Type("the record type this function makes is not declared"));
    };
    let values = call.arena.alloc_slice_fill_copy(ty.fields.len(), Val::Unsaid);
    for (field, value) in fields {
        match ty.field(field) {
            Some(index) => values[index] = *value,
            None if matches!(value, Val::Unsaid) => {}
            None => return Err(EvalError::Type("a record type lacks a field this function fills")),
        }
    }
    Ok(Val::Record(Rec { ty, fields: values }))
}

/// The principals that the grants of an access list name, each read by `grantee`; `None` where one
/// of them can't be read.
pub(super) fn grants<'a>(
    call: &Call<'a, '_>,
    grantee: fn(Val<'_>) -> Option<String>,
    value: Val<'a>,
) -> Result<Option<Vec<String>>, EvalError> {
    let mut found = Vec::new();
    let seq = several(call, value)?;
    if !seq.whole {
        return Ok(None);
    }
    for grant in seq.items {
        let Some(name) = grantee(folded(*grant, "grantee")) else { return Ok(None) };
        found.push(name);
    }
    Ok(Some(found))
}

/// What may be one thing or several, as several: `{items: [..]}` (AWS's XML as JSON), a list, or
/// the thing itself. Nothing there is an empty list, and of the unknown nothing is known.
pub(super) fn several<'a>(call: &Call<'a, '_>, value: Val<'a>) -> Result<Seq<'a>, EvalError> {
    let mut whole = true;
    let items = match value {
        Val::Unsaid | Val::None => &[],
        Val::Unknown => {
            whole = false;
            &[]
        }
        Val::List(seq) => {
            whole = seq.whole;
            seq.items
        }
        Val::Map(entries) => {
            let inner = member(value, &["items", "item", "member"]);
            match inner {
                Val::List(seq) => {
                    whole = seq.whole;
                    seq.items
                }
                Val::Unsaid if entries.is_empty() => &[],
                Val::Unsaid if hides(value) => {
                    whole = false;
                    &[]
                }
                Val::Unsaid => &*call.arena.alloc_slice_copy(&[value]),
                one => &*call.arena.alloc_slice_copy(&[one]),
            }
        }
        one => &*call.arena.alloc_slice_copy(&[one]),
    };
    call.charge(items.len())?;
    Ok(Seq { items, whole })
}

/// Whether `items` is there and unknown.
fn hides(value: Val<'_>) -> bool {
    ["items", "item", "member"].iter().any(|name| matches!(value.get(name), Val::Unknown))
}

/// Text or a list of text, as a list; `None` where something in it is not text or not known.
pub(super) fn strings<'v>(
    call: &Call<'_, '_>,
    value: Val<'v>,
) -> Result<Option<Vec<&'v str>>, EvalError> {
    let items = match value {
        Val::Unsaid | Val::None => return Ok(Some(Vec::new())),
        Val::Str(one) => {
            call.charge(1)?;
            return Ok(Some(vec![one]));
        }
        Val::List(seq) if seq.whole => seq.items,
        _ => return Ok(None),
    };
    call.charge(items.len())?;
    Ok(items.iter().map(Val::as_str).collect())
}

/// The names in a list as far as they are known, and whether these are all.
///
/// # Errors
/// [`EvalError::Type`] where something in it is not text.
pub(super) fn names<'v>(
    call: &Call<'_, '_>,
    value: Val<'v>,
) -> Result<(Vec<&'v str>, bool), EvalError> {
    const NOT_NAMES: EvalError = EvalError::Type("a list of text is wanted");
    let seq = match value {
        Val::List(seq) => seq,
        Val::Unsaid | Val::None => return Ok((Vec::new(), true)),
        _ => return Err(NOT_NAMES),
    };
    call.charge(seq.items.len())?;
    let mut found = Vec::with_capacity(seq.items.len());
    let mut whole = seq.whole;
    for item in seq.items {
        match item {
            Val::Str(name) => found.push(*name),
            Val::Unknown => whole = false,
            Val::Unsaid | Val::None => {}
            _ => return Err(NOT_NAMES),
        }
    }
    Ok((found, whole))
}
