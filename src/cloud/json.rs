//! JSON text inside an event, possibly percent-encoded, goes in; a value in the arena comes out.

use std::borrow::Cow;

use serde_json::Value as Json;

use crate::expr::api::{Call, EvalError};
use crate::model::Val;

/// Bytes of text that cost one unit of fuel.
const BYTES_PER_UNIT: usize = 64;

/// Reads JSON text; `None` where it is none. Text that starts with `%` is decoded first, as
/// AWS Config keeps policy documents percent-encoded (RFC 3986). JSON text inside JSON text is
/// opened too, once: Config writes `supplementaryConfiguration.AccessControlList` so.
pub(super) fn open<'a>(call: &Call<'a, '_>, text: &str) -> Result<Option<Val<'a>>, EvalError> {
    match layer(call, text)? {
        Some(Val::Str(inner)) if inner.trim_start().starts_with(['{', '[', '%']) => {
            layer(call, inner)
        }
        opened => Ok(opened),
    }
}

/// Opens one layer.
fn layer<'a>(call: &Call<'a, '_>, text: &str) -> Result<Option<Val<'a>>, EvalError> {
    call.charge(text.len() / BYTES_PER_UNIT + 1)?;
    let trimmed = text.trim_start();
    let plain = if trimmed.starts_with('%') {
        match percent_encoding::percent_decode_str(trimmed).decode_utf8() {
            Ok(decoded) => decoded,
            Err(_) => return Ok(None),
        }
    } else {
        Cow::Borrowed(trimmed)
    };
    match serde_json::from_str::<Json>(&plain) {
        Ok(parsed) => lend(call, &parsed).map(Some),
        Err(_) => Ok(None),
    }
}

/// Copies parsed JSON into the arena. Its depth is bounded by the parser (128).
fn lend<'a>(call: &Call<'a, '_>, json: &Json) -> Result<Val<'a>, EvalError> {
    call.charge(1)?;
    Ok(match json {
        Json::Null => Val::Unsaid,
        Json::Bool(truth) => Val::Bool(*truth),
        Json::Number(number) => number
            .as_i64()
            .map(Val::Int)
            .or_else(|| number.as_f64().map(Val::Double))
            .unwrap_or(Val::Unknown),
        Json::String(text) => Val::Str(call.arena.alloc_str(text)),
        Json::Array(items) => {
            let mut values = Vec::with_capacity(items.len());
            for item in items {
                values.push(lend(call, item)?);
            }
            Val::list(call.arena.alloc_slice_copy(&values))
        }
        Json::Object(members) => {
            let mut entries = Vec::with_capacity(members.len());
            for (key, value) in members {
                entries.push((&*call.arena.alloc_str(key), lend(call, value)?));
            }
            Val::Map(call.arena.alloc_slice_copy(&entries))
        }
    })
}
