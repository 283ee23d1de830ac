//! Pieces that schemas are made of: what a key is for and what it holds enter, JSON leaves.

use serde_json::{Map, Value as Json, json};

/// The dialect of every schema.
pub const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// A span of time, as content and configuration write it.
pub const SPAN: &str = "^([0-9]+[smhd])+$";

/// The same schema with a description: editors show it beside the key.
#[must_use]
pub fn said(doc: &str, mut schema: Json) -> Json {
    schema["description"] = Json::from(doc);
    schema
}

/// A mapping with these keys and no others.
#[must_use]
pub fn object(doc: &str, required: &[&str], keys: Vec<(&str, Json)>) -> Json {
    let keys: Map<String, Json> =
        keys.into_iter().map(|(key, schema)| (key.to_owned(), schema)).collect();
    let mut schema = json!({
        "type": "object", "description": doc, "additionalProperties": false, "properties": keys,
    });
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

/// Prose.
#[must_use]
pub fn text(doc: &str) -> Json {
    json!({"type": "string", "minLength": 1, "description": doc})
}

/// A word or number: what YAML takes for a number is text where text is due.
#[must_use]
pub fn scalar(doc: &str) -> Json {
    json!({"type": ["string", "number", "boolean"], "description": doc})
}

/// Anything.
#[must_use]
pub fn anything(doc: &str) -> Json {
    json!({"description": doc})
}

/// `true` or `false`.
#[must_use]
pub fn flag(doc: &str) -> Json {
    json!({"type": "boolean", "description": doc})
}

/// A whole number from 0.
#[must_use]
pub fn count(doc: &str) -> Json {
    json!({"type": "integer", "minimum": 0, "description": doc})
}

/// A span of time.
#[must_use]
pub fn span(doc: &str) -> Json {
    json!({"type": "string", "pattern": SPAN, "description": doc, "examples": ["30s", "15m", "4h", "7d"]})
}

/// One of a closed list of words.
#[must_use]
pub fn choice<'w>(doc: &str, words: impl IntoIterator<Item = &'w str>) -> Json {
    let words: Vec<&str> = words.into_iter().collect();
    json!({"enum": words, "description": doc})
}

/// A list.
#[must_use]
pub fn list(doc: &str, item: &Json) -> Json {
    json!({"type": "array", "items": item, "description": doc})
}

/// One, or a list of them.
#[must_use]
pub fn one_or_many(doc: &str, item: &Json) -> Json {
    json!({"anyOf": [item, {"type": "array", "items": item}], "description": doc})
}

/// A mapping from any names to one sort of value.
#[must_use]
pub fn map(doc: &str, value: &Json) -> Json {
    json!({"type": "object", "additionalProperties": value, "description": doc})
}

/// A part of the same schema.
#[must_use]
pub fn part(doc: &str, name: &str) -> Json {
    json!({"$ref": format!("#/$defs/{name}"), "description": doc})
}

/// A whole schema: its name, its root and its parts.
#[must_use]
pub fn whole(name: &str, title: &str, mut root: Json, parts: Vec<(&str, Json)>) -> Json {
    root["$schema"] = Json::from(DIALECT);
    root["$id"] = Json::from(format!("urn:driftline:v1:{name}"));
    root["title"] = Json::from(title);
    if !parts.is_empty() {
        let parts: Map<String, Json> =
            parts.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
        root["$defs"] = Json::Object(parts);
    }
    root
}
