//! Values of an event's body brought to the types that facets declare.
//!
//! Clouds write numbers and truth values as text and text as numbers (formats.md section 14);
//! what can't be brought to the declared type is not guessed: the facet becomes unknown.

use crate::content::Content;
use crate::model::{Facet, Limits, RecordId, Timestamp, Type, Val, Value};

use super::redact;

/// `value` as `ty`; `None` where it is something else.
pub fn coerce(value: &Val<'_>, ty: &Type, content: &Content, limits: &Limits) -> Option<Value> {
    match (ty, *value) {
        (_, Val::Unsaid) => Some(Value::Unsaid),
        (_, Val::None) => Some(Value::None),
        (_, Val::Unknown | Val::Resource(_)) => None,
        (Type::Dyn, value) => Some(redact::value(value.to_value(), limits)),
        (Type::Bool, Val::Bool(truth)) => Some(Value::Bool(truth)),
        (Type::Bool, Val::Str(text)) => truth(text).map(Value::Bool),
        (Type::Bool, Val::Int(number @ (0 | 1))) => Some(Value::Bool(number == 1)),
        (Type::Int, Val::Int(number)) => Some(Value::Int(number)),
        (Type::Int, Val::Str(text)) => text.trim().parse().ok().map(Value::Int),
        (Type::Double, Val::Double(number)) => Some(Value::Double(number)),
        (Type::Double, Val::Int(number)) => {
            i32::try_from(number).ok().map(|n| Value::Double(n.into()))
        }
        (Type::Double, Val::Str(text)) => text.trim().parse().ok().map(Value::Double),
        (Type::String | Type::Text(_) | Type::Resource(_) | Type::Enum(_), value) => {
            let text = as_text(value)?;
            if let (Type::Enum(words), Value::Str(text)) = (ty, &text)
                && !words.iter().any(|word| word == text)
            {
                return None;
            }
            Some(redact::value(text, limits))
        }
        (Type::Time, Val::Time(instant)) => Some(Value::Time(instant)),
        (Type::Time, Val::Str(text)) => Timestamp::parse_rfc3339(text).map(Value::Time),
        (Type::Time, Val::Int(millis)) => Some(Value::Time(Timestamp::from_millis(millis))),
        (Type::Duration, Val::Duration(micros)) => Some(Value::Duration(micros)),
        (Type::Ports, Val::Ports(set)) => Some(Value::Ports(set.ranges.into(), set.whole)),
        (Type::List(item), Val::List(seq)) => {
            let items: Option<Vec<Value>> =
                seq.items.iter().map(|value| coerce(value, item, content, limits)).collect();
            let mut items = items?;
            for item in &mut items {
                fill_defaults(item, content, &[]);
            }
            let whole = seq.whole && items.len() <= limits.elements;
            items.truncate(limits.elements);
            Some(Value::List(items.into(), whole))
        }
        // One element is written as an object where two are an array (XML turned to JSON).
        (Type::List(item), value) => {
            let value = coerce(&value, item, content, limits)?;
            Some(Value::List([value].into(), true))
        }
        (Type::Map(of), Val::Map(entries)) => {
            let entries: Option<Vec<(Box<str>, Value)>> = entries
                .iter()
                .map(|(key, value)| Some(((*key).into(), coerce(value, of, content, limits)?)))
                .collect();
            Some(redact::value(Value::Map(entries?.into()), limits))
        }
        // `[{"Key": k, "Value": v}]`, AWS's way to write a map.
        (Type::Map(of), Val::List(seq)) => {
            let entries: Option<Vec<(Box<str>, Value)>> = seq
                .items
                .iter()
                .map(|item| {
                    let key = item.get("Key").as_str().or_else(|| item.get("key").as_str())?;
                    let value = match item.get("Value") {
                        Val::Unsaid => item.get("value"),
                        value => value,
                    };
                    Some((key.into(), coerce(&value, of, content, limits)?))
                })
                .collect();
            Some(redact::value(Value::Map(entries?.into()), limits))
        }
        (Type::Record(id), value) => record(*id, &value, content, limits),
        _ => None,
    }
}

fn record(id: RecordId, value: &Val<'_>, content: &Content, limits: &Limits) -> Option<Value> {
    let ty = content.schema.record(id);
    if let Val::Record(record) = value
        && record.ty.id != id
    {
        return None;
    }
    if !matches!(value, Val::Record(_) | Val::Map(_)) {
        return None;
    }
    let fields: Option<Vec<Value>> = ty
        .fields
        .iter()
        .map(|field| coerce(&value.get(&field.name), &field.ty, content, limits))
        .collect();
    Some(Value::Record(id, fields?.into()))
}

/// Gives a whole element the defaults of the fields it leaves out, but for those in `keep`.
pub fn fill_defaults(value: &mut Value, content: &Content, keep: &[u16]) {
    let Value::Record(id, fields) = value else { return };
    let ty = content.schema.record(*id);
    for (index, (field, value)) in ty.fields.iter().zip(fields.iter_mut()).enumerate() {
        let kept = u16::try_from(index).is_ok_and(|index| keep.contains(&index));
        if matches!(value, Value::Unsaid | Value::None)
            && !kept
            && let Some(default) = &field.default
        {
            *value = default.clone();
        }
    }
}

/// What a facet is when it is known to be absent: the cloud's default, or empty, or none.
pub fn absent(facet: &Facet) -> Value {
    if let Some(default) = &facet.default {
        return default.clone();
    }
    match facet.ty {
        Type::List(_) => Value::List([].into(), true),
        Type::Map(_) => Value::Map([].into()),
        _ => Value::None,
    }
}

/// The type of a set's elements.
pub fn item_type(ty: &Type) -> Option<&Type> {
    match ty {
        Type::List(item) => Some(item),
        _ => None,
    }
}

fn truth(text: &str) -> Option<bool> {
    ["true", "false"]
        .iter()
        .position(|word| text.eq_ignore_ascii_case(word))
        .map(|index| index == 0)
}

fn as_text(value: Val<'_>) -> Option<Value> {
    match value {
        Val::Str(text) => Some(Value::Str(text.into())),
        Val::Int(number) => Some(Value::Str(number.to_string().into())),
        Val::Bool(truth) => Some(Value::Str(truth.to_string().into())),
        Val::Double(number) => Some(Value::Str(number.to_string().into())),
        _ => None,
    }
}
