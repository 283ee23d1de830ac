//! Types as content writes them: text becomes [`Type`], and types are compared.
//!
//! Checking is gradual: [`Type::Dyn`] stands for parts of an event's body, whose shape only the
//! event tells, so anything may stand where it stands and it may stand anywhere.

use std::sync::Arc;

use crate::model::schema::Text;
use crate::model::{Schema, Type};

use super::api::{Issue, Level};

/// Levels of `list<list<...>>` that are read.
const MAX_NESTING: usize = 16;

/// Reads a type in the notation of facets.
///
/// `bool int double string time duration json ports protocol cidr peer principal dyn null`,
/// `enum` (any bare word; enums with words are maps in content and read by its loader),
/// `list<T> set<T> map<T>`, `ref K`, `one K`, `back K.facet`, names of records and of kinds.
///
/// # Errors
/// An issue with a hint where no such type is declared.
pub fn parse_type(text: &str, schema: &Schema) -> Result<Type, Issue> {
    parse(text, schema, 0).map_err(|(message, hint)| Issue {
        range: 0..text.len(),
        level: Level::Error,
        message,
        hint,
    })
}

type Fault = (String, Option<String>);

fn parse(text: &str, schema: &Schema, depth: usize) -> Result<Type, Fault> {
    let text = text.trim();
    if depth > MAX_NESTING {
        return Err((format!("type `{text}` is nested too deep"), None));
    }
    if let Some(ty) = plain(text) {
        return Ok(ty);
    }
    for (prefix, make) in
        [("list<", Type::List as fn(Arc<Type>) -> Type), ("set<", Type::List), ("map<", Type::Map)]
    {
        let Some(rest) = text.strip_prefix(prefix) else { continue };
        let Some(inner) = rest.strip_suffix('>') else {
            return Err((format!("`{text}` has no closing `>`"), None));
        };
        return Ok(make(Arc::new(parse(inner, schema, depth + 1)?)));
    }
    for prefix in ["ref ", "one "] {
        if let Some(name) = text.strip_prefix(prefix) {
            return kind(name.trim(), schema);
        }
    }
    if let Some(path) = text.strip_prefix("back ") {
        return back(path.trim(), schema);
    }
    if let Some(record) = schema.record_names.get(text) {
        return Ok(Type::Record(*record));
    }
    if schema.kind_names.contains_key(text) {
        return kind(text, schema);
    }
    let known = PLAIN
        .iter()
        .map(|(name, _)| *name)
        .chain(schema.records.iter().map(|record| &*record.name))
        .chain(schema.kinds.iter().map(|kind| &*kind.name));
    Err((format!("unknown type `{text}`"), suggest(text, known)))
}

const PLAIN: [(&str, Type); 16] = [
    ("dyn", Type::Dyn),
    ("json", Type::Dyn),
    ("any", Type::Dyn),
    ("null", Type::Null),
    ("bool", Type::Bool),
    ("int", Type::Int),
    ("double", Type::Double),
    ("string", Type::String),
    ("time", Type::Time),
    ("duration", Type::Duration),
    ("ports", Type::Ports),
    ("protocol", Type::Text(Text::Protocol)),
    ("cidr", Type::Text(Text::Cidr)),
    ("peer", Type::Text(Text::Peer)),
    ("principal", Type::Text(Text::Principal)),
    ("text", Type::String),
];

fn plain(text: &str) -> Option<Type> {
    if text == "enum" {
        return Some(any_word());
    }
    PLAIN.iter().find(|(name, _)| *name == text).map(|(_, ty)| ty.clone())
}

fn kind(name: &str, schema: &Schema) -> Result<Type, Fault> {
    if let Some(id) = schema.kind_names.get(name) {
        return Ok(Type::Resource(*id));
    }
    let known = schema.kinds.iter().map(|kind| &*kind.name);
    Err((format!("unknown kind `{name}`"), suggest(name, known)))
}

fn back(path: &str, schema: &Schema) -> Result<Type, Fault> {
    let mut name = path;
    while let Some((head, _)) = name.rsplit_once('.') {
        if let Some(id) = schema.kind_names.get(head) {
            return Ok(Type::List(Arc::new(Type::Resource(*id))));
        }
        name = head;
    }
    Err((format!("`{path}` names no facet of a declared kind"), None))
}

/// The type of a bare word where any word will do.
pub(super) fn any_word() -> Type {
    Type::Enum(Arc::from([]))
}

/// The nearest of `known`, as a hint, where one is near enough.
pub(super) fn suggest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<String> {
    known
        .map(|candidate| (strsim::normalized_damerau_levenshtein(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| format!("did you mean `{candidate}`?"))
}

/// The type as content writes it.
pub(super) fn describe(ty: &Type, schema: &Schema) -> String {
    match ty {
        Type::Dyn => "json".into(),
        Type::Null => "none".into(),
        Type::Bool => "bool".into(),
        Type::Int => "int".into(),
        Type::Double => "double".into(),
        Type::String => "string".into(),
        Type::Text(text) => text.as_str().into(),
        Type::Time => "time".into(),
        Type::Duration => "duration".into(),
        Type::Ports => "ports".into(),
        Type::Enum(words) if words.is_empty() => "a word".into(),
        Type::Enum(words) => format!("one of `{}`", words.join("`, `")),
        Type::List(item) => format!("list<{}>", describe(item, schema)),
        Type::Map(value) => format!("map<{}>", describe(value, schema)),
        Type::Record(id) => schema.record(*id).name.to_string(),
        Type::Resource(id) => schema.kind(*id).name.to_string(),
    }
}

/// Whether a value of `from` may stand where `to` is due; what only the value itself can tell
/// is let through and decided at run time.
pub(super) fn assignable(from: &Type, to: &Type) -> bool {
    match (from, to) {
        (Type::Dyn | Type::Null, _)
        | (_, Type::Dyn)
        | (Type::Int, Type::Double)
        | (Type::String | Type::Text(_), Type::Resource(_)) => true,
        (Type::List(a), Type::List(b)) | (Type::Map(a), Type::Map(b)) => assignable(a, b),
        (Type::Enum(a), Type::Enum(b)) => {
            a.is_empty() || b.is_empty() || a.iter().any(|word| b.contains(word))
        }
        (a, b) if is_text(a) && is_text(b) => true,
        (a, b) => a == b,
    }
}

/// Whether `==` and `in` between the two can ever be true.
pub(super) fn comparable(a: &Type, b: &Type) -> bool {
    match (a, b) {
        (Type::List(a), Type::List(b)) | (Type::Map(a), Type::Map(b)) => comparable(a, b),
        _ => *b == Type::Null || assignable(a, b) || assignable(b, a),
    }
}

/// Whether `<` is defined between the two.
pub(super) fn ordered(a: &Type, b: &Type) -> bool {
    let sort = |ty: &Type| match ty {
        Type::Dyn | Type::Null => 0,
        Type::Int | Type::Double => 1,
        Type::Time => 2,
        Type::Duration => 3,
        Type::Bool => 4,
        ty if is_text(ty) => 5,
        _ => 6,
    };
    match (sort(a), sort(b)) {
        (6, _) | (_, 6) => false,
        (0, _) | (_, 0) => true,
        (a, b) => a == b,
    }
}

/// Whether values of the type are texts.
pub(super) fn is_text(ty: &Type) -> bool {
    matches!(ty, Type::String | Type::Text(_) | Type::Enum(_))
}

/// The type of a value that is of one or the other; `None` where they have nothing in common.
pub(super) fn join(a: &Type, b: &Type) -> Option<Type> {
    match (a, b) {
        (Type::Null, other) | (other, Type::Null) => Some(other.clone()),
        (a, b) if a == b => Some(a.clone()),
        (Type::Dyn, _) | (_, Type::Dyn) => Some(Type::Dyn),
        (Type::Int, Type::Double) | (Type::Double, Type::Int) => Some(Type::Double),
        (Type::List(a), Type::List(b)) => join(a, b).map(|item| Type::List(Arc::new(item))),
        (Type::Map(a), Type::Map(b)) => join(a, b).map(|value| Type::Map(Arc::new(value))),
        (Type::Enum(a), Type::Enum(b)) if a.is_empty() || b.is_empty() => Some(any_word()),
        (a, b) if is_text(a) && is_text(b) => Some(Type::String),
        _ => None,
    }
}
