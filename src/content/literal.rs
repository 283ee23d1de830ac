//! Plain YAML as values: a node and the type it is to have enter, a [`Value`] leaves.

use std::net::IpAddr;
use std::ops::Range;

use bumpalo::Bump;
use ipnet::IpNet;
use serde_json::Value as Json;

use super::doc::Doc;
use super::tree::{Data, Node};
use crate::expr::{Level, ports};
use crate::model::{RecordType, Schema, Text, Timestamp, Type, Value};

/// Reads a node as a value of that type; what is wrong is reported.
pub(super) fn literal(doc: &Doc<'_>, schema: &Schema, node: &Node, ty: &Type) -> Option<Value> {
    if node.is_null()
        || (node.plain() == Some("none") && !matches!(ty, Type::Ports | Type::Enum(_)))
    {
        return Some(Value::None);
    }
    match ty {
        Type::Dyn | Type::Null => Some(untyped(node)),
        Type::List(item) => list(doc, schema, node, item),
        Type::Map(item) => map(doc, schema, node, item),
        Type::Record(id) => record(doc, schema, node, schema.record(*id)),
        scalar => {
            let text = node.text();
            if text.is_none() {
                doc.error(
                    &node.span,
                    format!("{} expected, not {}", name_of(scalar, schema), node.what()),
                );
            }
            scalar_value(doc, schema, node, text?, scalar)
        }
    }
}

fn scalar_value(
    doc: &Doc<'_>,
    schema: &Schema,
    node: &Node,
    text: &str,
    ty: &Type,
) -> Option<Value> {
    let value = match ty {
        Type::Bool => node.bool().map(Value::Bool),
        Type::Int => text.parse().ok().map(Value::Int),
        Type::Double => text.parse().ok().map(Value::Double),
        Type::String | Type::Resource(_) => Some(Value::Str(text.into())),
        Type::Text(sort) => canonical(*sort, text).map(|text| Value::Str(text.into())),
        Type::Time => Timestamp::parse_rfc3339(text).map(Value::Time),
        Type::Duration => span(text).map(Value::Duration),
        Type::Ports => ports_of(text),
        Type::Enum(words) => {
            let word = words.iter().find(|word| &***word == text);
            if word.is_none() {
                let message = format!("`{text}` is none of {}", listing(words));
                doc.unknown(&node.span, message, text, words.iter().map(|word| &**word));
                return None;
            }
            word.map(|word| Value::Str(word.clone()))
        }
        _ => None,
    };
    if value.is_none() {
        let message = format!("`{text}` is not of type {}", name_of(ty, schema));
        doc.fault(&node.span, Level::Error, message, how_to_write(ty).map(str::to_owned));
    }
    value
}

/// How a value of that type is written.
fn how_to_write(ty: &Type) -> Option<&'static str> {
    Some(match ty {
        Type::Bool => "write `true` or `false`",
        Type::Int => "write a whole number",
        Type::Double => "write a number",
        Type::Time => "write it as `2026-03-02T12:00:00Z`",
        Type::Duration => "write `30s`, `15m`, `4h` or `7d`",
        Type::Ports => "write `22`, `80,443`, `8000-8100`, `all` or `none`",
        Type::Text(Text::Cidr) => {
            "write an address, and a prefix behind `/` for more than one: `10.0.0.0/8`"
        }
        Type::Text(Text::Peer) => "write a network, `any`, `group:ID`, `list:ID` or `tag:NAME`",
        _ => return None,
    })
}

fn list(doc: &Doc<'_>, schema: &Schema, node: &Node, item: &Type) -> Option<Value> {
    let Data::Seq(items) = &node.data else {
        let message = format!("a list expected, not {}", node.what());
        doc.error_hint(&node.span, message, "put it in brackets");
        return None;
    };
    let values: Option<Box<[Value]>> =
        items.iter().map(|node| literal(doc, schema, node, item)).collect();
    Some(Value::List(values?, true))
}

fn map(doc: &Doc<'_>, schema: &Schema, node: &Node, item: &Type) -> Option<Value> {
    let mut entries: Vec<(Box<str>, Value)> = Vec::new();
    for (key, value) in doc.map(node, "the value") {
        entries.push((key.text.as_str().into(), literal(doc, schema, value, item)?));
    }
    Some(Value::Map(entries.into()))
}

/// A whole record: fields left out have their default, or stay unsaid, as `map` leaves them.
fn record(doc: &Doc<'_>, schema: &Schema, node: &Node, ty: &RecordType) -> Option<Value> {
    let what = format!("`{}`", ty.name);
    let mut fields: Vec<Value> =
        ty.fields.iter().map(|field| field.default.clone().unwrap_or_default()).collect();
    for (key, value) in doc.map(node, &what) {
        let Some(index) = ty.field(&key.text) else {
            let message = format!("unknown field `{}` of {what}", key.text);
            doc.unknown(&key.span, message, &key.text, ty.fields.iter().map(|f| &*f.name));
            continue;
        };
        fields[index] = literal(doc, schema, value, &ty.fields[index].ty)?;
    }
    Some(Value::Record(ty.id, fields.into()))
}

/// A node as a value of no declared type: quoted text stays text.
pub(super) fn untyped(node: &Node) -> Value {
    match &node.data {
        Data::Scalar(text, _) => match json_scalar(node, text) {
            Json::Null => Value::None,
            Json::Bool(truth) => Value::Bool(truth),
            Json::Number(number) => match number.as_i64() {
                Some(number) => Value::Int(number),
                None => Value::Double(number.as_f64().unwrap_or(0.0)),
            },
            _ => Value::Str(text.as_str().into()),
        },
        Data::Seq(items) => Value::List(items.iter().map(untyped).collect(), true),
        Data::Map(entries) => Value::Map(
            entries.iter().map(|(key, value)| (key.text.as_str().into(), untyped(value))).collect(),
        ),
    }
}

/// A node as JSON: plain `true`, `false`, `null` and numbers are such, all else is text.
/// A number with a leading zero is text: nothing in YAML 1.2 says that it is octal, and in
/// account numbers the zero counts.
pub(super) fn json(node: &Node) -> Json {
    match &node.data {
        Data::Scalar(text, _) => json_scalar(node, text),
        Data::Seq(items) => items.iter().map(json).collect(),
        Data::Map(entries) => Json::Object(
            entries.iter().map(|(key, value)| (key.text.clone(), json(value))).collect(),
        ),
    }
}

fn json_scalar(node: &Node, text: &str) -> Json {
    if node.is_null() {
        return Json::Null;
    }
    if let Some(truth) = node.bool() {
        return Json::Bool(truth);
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    let leading_zero =
        digits.starts_with('0') && digits[1..].starts_with(|c: char| c.is_ascii_digit());
    if node.plain().is_none() || leading_zero || !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return Json::from(text);
    }
    if let Ok(number) = text.parse::<i64>() {
        return Json::from(number);
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && text.contains(['.', 'e', 'E']) => Json::from(number),
        _ => Json::from(text),
    }
}

/// Ports as people write them: what an expression reads from text, and `none`.
fn ports_of(text: &str) -> Option<Value> {
    if text.trim() == "none" {
        return Some(Value::Ports(Box::default(), true));
    }
    let arena = Bump::new();
    let set = ports::parse(text, &arena)?;
    Some(Value::Ports(set.ranges.into(), set.whole))
}

/// Microseconds of `30s`, `15m`, `4h`, `7d`, `1h30m`.
pub(super) fn span(text: &str) -> Option<i64> {
    let mut rest = text.trim();
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let seconds = match &rest[..unit] {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(seconds * 1_000_000)?)?;
        rest = &rest[unit..];
    }
    (total > 0).then_some(total)
}

fn canonical(sort: Text, text: &str) -> Option<String> {
    match sort {
        Text::Protocol => Some(text.to_ascii_lowercase()),
        Text::Principal => Some(text.to_owned()),
        Text::Cidr => cidr(text),
        Text::Peer => {
            let named = ["group:", "list:", "tag:"].iter().any(|mark| text.starts_with(mark));
            if text == "any" || named {
                return Some(text.to_owned());
            }
            cidr(text)
        }
    }
}

fn cidr(text: &str) -> Option<String> {
    if let Ok(net) = text.parse::<IpNet>() {
        return Some(net.trunc().to_string());
    }
    text.parse::<IpAddr>().ok().map(|address| IpNet::from(address).to_string())
}

/// What people call a type.
pub(super) fn name_of(ty: &Type, schema: &Schema) -> String {
    let name = match ty {
        Type::Dyn => "json",
        Type::Null => "none",
        Type::Bool => "bool",
        Type::Int => "int",
        Type::Double => "double",
        Type::String => "string",
        Type::Text(sort) => sort.as_str(),
        Type::Time => "time",
        Type::Duration => "duration",
        Type::Ports => "ports",
        Type::Enum(words) => return listing(words),
        Type::List(item) => return format!("list<{}>", name_of(item, schema)),
        Type::Map(item) => return format!("map<{}>", name_of(item, schema)),
        Type::Record(id) => &schema.record(*id).name,
        Type::Resource(id) => return format!("ref {}", schema.kind(*id).name),
    };
    name.to_owned()
}

fn listing(words: &[Box<str>]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}

/// The pieces of `text` between `separator`s that stand outside quotes and brackets.
pub(super) fn split_outside(text: &str, separator: char) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let (mut start, mut depth, mut quote) = (0, 0_i32, None);
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        if let Some(open) = quote {
            if character == open && !escaped {
                quote = None;
            }
            escaped = character == '\\' && !escaped;
            continue;
        }
        match character {
            '\'' | '"' => quote = Some(character),
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ if character == separator && depth == 0 => {
                pieces.push(start..at);
                start = at + separator.len_utf8();
            }
            _ => {}
        }
    }
    pieces.push(start..text.len());
    pieces
}
