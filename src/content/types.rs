//! The notation of types: `list<peer>`, `set<ref network.subnet>`, `{enum: [a, b]}` enter,
//! a [`Type`] and where a facet's value comes from leave.

use std::ops::Range;
use std::sync::Arc;

use super::doc::Doc;
use super::fault::did_you_mean;
use super::tree::{Data, Node};
use crate::model::{KindId, Schema, Text, Type};

/// The words for types that need no declaration.
pub(super) const BUILT_IN: [&str; 12] = [
    "bool",
    "int",
    "double",
    "string",
    "time",
    "duration",
    "json",
    "ports",
    "protocol",
    "cidr",
    "peer",
    "principal",
];

/// What other languages call our types.
const ELSEWHERE: [(&str, &str); 14] = [
    ("boolean", "bool"),
    ("integer", "int"),
    ("number", "int"),
    ("float", "double"),
    ("str", "string"),
    ("text", "string"),
    ("timestamp", "time"),
    ("datetime", "time"),
    ("date", "time"),
    ("object", "json"),
    ("any", "json"),
    ("ip", "cidr"),
    ("array", "list<string>"),
    ("list", "list<string>"),
];

/// Bytes of a type's text; types nest by recursion.
const LONGEST: usize = 256;

/// A type as a facet or field declares it.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// A value.
    Plain(Type),
    /// An element set.
    Set(Type),
    /// Who refers to me; the path is resolved when all facets are known.
    Back,
    /// The account's single resource of a kind.
    One(KindId),
}

/// Reads a type: a scalar in the notation, or a mapping with `type` or `enum`.
pub(super) fn shape(doc: &Doc<'_>, schema: &Schema, node: &Node) -> Option<Shape> {
    if let Data::Map(_) = node.data {
        if let Some(words) = node.get("enum") {
            return enumeration(doc, words);
        }
        return shape(doc, schema, doc.need(node, "type", "the declaration")?);
    }
    let text = doc.word(node, "a type")?;
    if text.len() > LONGEST {
        doc.error(&node.span, format!("a type longer than {LONGEST} bytes"));
        return None;
    }
    match notation(text, schema) {
        Ok(shape) => Some(shape),
        Err((range, message, hint)) => {
            let place = doc.place(node, &range);
            doc.fault(&place, crate::expr::Level::Error, message, hint);
            None
        }
    }
}

/// Reads a type that is a value: no set, no `back`, no `one`.
pub(super) fn plain(doc: &Doc<'_>, schema: &Schema, node: &Node) -> Option<Type> {
    match shape(doc, schema, node)? {
        Shape::Plain(ty) => Some(ty),
        Shape::Set(_) | Shape::Back | Shape::One(_) => {
            doc.error(&node.span, "only a facet may be a `set`, `back` or `one`");
            None
        }
    }
}

fn enumeration(doc: &Doc<'_>, words: &Node) -> Option<Shape> {
    let Data::Seq(items) = &words.data else {
        doc.error_hint(&words.span, "`enum` must be a list", "put the words in brackets");
        return None;
    };
    let words: Option<Vec<Box<str>>> =
        items.iter().map(|item| Some(doc.word(item, "a word of `enum`")?.into())).collect();
    Some(Shape::Plain(Type::Enum(words?.into())))
}

type Refused = (Range<usize>, String, Option<String>);

fn notation(text: &str, schema: &Schema) -> Result<Shape, Refused> {
    let trimmed = text.trim();
    let offset = text.len() - text.trim_start().len();
    if let Some(inner) = within(trimmed, "set<") {
        return value(inner, offset + 4, schema).map(Shape::Set);
    }
    if trimmed.starts_with("back ") {
        return Ok(Shape::Back);
    }
    if let Some(name) = trimmed.strip_prefix("one ") {
        return kind(name, offset + 4, schema).map(Shape::One);
    }
    value(trimmed, offset, schema).map(Shape::Plain)
}

fn value(text: &str, offset: usize, schema: &Schema) -> Result<Type, Refused> {
    let trimmed = text.trim();
    let offset = offset + text.len() - text.trim_start().len();
    if let Some(inner) = within(trimmed, "list<") {
        return Ok(Type::List(Arc::new(value(inner, offset + 5, schema)?)));
    }
    if let Some(inner) = within(trimmed, "map<") {
        return Ok(Type::Map(Arc::new(value(inner, offset + 4, schema)?)));
    }
    if let Some(name) = trimmed.strip_prefix("ref ") {
        return kind(name, offset + 4, schema).map(Type::Resource);
    }
    let ty = match trimmed {
        "bool" => Type::Bool,
        "int" => Type::Int,
        "double" => Type::Double,
        "string" => Type::String,
        "time" => Type::Time,
        "duration" => Type::Duration,
        "json" => Type::Dyn,
        "ports" => Type::Ports,
        "protocol" => Type::Text(Text::Protocol),
        "cidr" => Type::Text(Text::Cidr),
        "peer" => Type::Text(Text::Peer),
        "principal" => Type::Text(Text::Principal),
        name => match schema.record_names.get(name) {
            Some(id) => Type::Record(*id),
            None => return Err(unknown_type(name, offset, schema)),
        },
    };
    Ok(ty)
}

fn unknown_type(name: &str, offset: usize, schema: &Schema) -> Refused {
    let range = offset..offset + name.len();
    if name.starts_with("set<") {
        let hint = "only a facet itself may be a set; use `list<...>` inside".to_owned();
        return (range, format!("`{name}` stands inside another type"), Some(hint));
    }
    if let Some((_, ours)) = ELSEWHERE.iter().find(|(theirs, _)| *theirs == name) {
        return (range, format!("unknown type `{name}`"), Some(format!("write `{ours}`")));
    }
    let records = schema.records.iter().map(|record| &*record.name);
    let hint = did_you_mean(name, BUILT_IN.into_iter().chain(records));
    (range, format!("unknown type `{name}`"), hint)
}

fn kind(text: &str, offset: usize, schema: &Schema) -> Result<KindId, Refused> {
    let name = text.trim();
    let offset = offset + text.len() - text.trim_start().len();
    schema.kind_names.get(name).copied().ok_or_else(|| {
        let hint = did_you_mean(name, schema.kinds.iter().map(|kind| &*kind.name));
        (offset..offset + name.len(), format!("unknown kind `{name}`"), hint)
    })
}

fn within<'t>(text: &'t str, open: &str) -> Option<&'t str> {
    text.strip_prefix(open)?.strip_suffix('>')
}
