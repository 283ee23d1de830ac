//! What of a change can cross: values not nested too deep, and of the declared type.

use crate::map::redact::REDACTED;
use crate::model::{RecordId, Schema, Type, Value};

/// Levels of a value beyond which it is not sent: protobuf readers refuse messages nested deeper
/// than 100, and a value stands at the fourth level of an event.
///
/// Bodies are read 64 levels deep unless `limits.depth` says otherwise; what mappings keep of them
/// has a handful.
pub const DEEPEST: usize = 90;

/// Whether a value has more than `levels`; a scalar has one.
pub(super) fn is_deeper(value: &Value, levels: usize) -> bool {
    let Some(below) = levels.checked_sub(1) else { return true };
    match value {
        Value::List(items, _) | Value::Record(_, items) => {
            items.iter().any(|item| is_deeper(item, below))
        }
        Value::Map(entries) => entries.iter().any(|(_, item)| is_deeper(item, below)),
        _ => false,
    }
}

/// Whether a value is one of the declared type. Not to be there fits every type; so does, in a
/// map, what stands for a secret.
pub(super) fn fits(value: &Value, ty: &Type, schema: &Schema) -> bool {
    match (ty, value) {
        (Type::Dyn, _)
        | (_, Value::Unsaid | Value::None | Value::Unknown)
        | (Type::Bool, Value::Bool(_))
        | (Type::Int, Value::Int(_))
        | (Type::Double, Value::Double(_))
        | (Type::String | Type::Text(_) | Type::Resource(_), Value::Str(_))
        | (Type::Time, Value::Time(_))
        | (Type::Duration, Value::Duration(_))
        | (Type::Ports, Value::Ports(..)) => true,
        (Type::Enum(words), Value::Str(word)) => words.contains(word),
        (Type::List(item), Value::List(items, _)) => {
            items.iter().all(|value| fits(value, item, schema))
        }
        (Type::Map(item), Value::Map(entries)) => {
            entries.iter().all(|(_, value)| is_secret(value) || fits(value, item, schema))
        }
        (Type::Record(id), Value::Record(own, values)) => {
            let fields = &schema.record(*id).fields;
            own == id
                && values.len() == fields.len()
                && values.iter().zip(fields).all(|(value, field)| fits(value, &field.ty, schema))
        }
        _ => false,
    }
}

/// The record type of a set's elements, where they are records.
pub(super) fn element(ty: &Type) -> Option<RecordId> {
    let Type::List(item) = ty else { return None };
    match **item {
        Type::Record(id) => Some(id),
        _ => None,
    }
}

fn is_secret(value: &Value) -> bool {
    matches!(value, Value::Str(text) if **text == *REDACTED)
}
