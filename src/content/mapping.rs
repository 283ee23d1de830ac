//! Mappings: their documents enter; entries, the index by event name and known resources leave.

use std::ops::Range;

use super::cases;
use super::compiled::{Content, Entry, Known};
use super::doc::{Coder, Doc, report_issues};
use super::entry::Writer;
use super::files::Files;
use super::fold;
use super::literal::literal;
use super::names::is_word;
use super::scope;
use super::tree::{Data, Key, Node};
use crate::expr::{Functions, Scope};
use crate::model::{
    Edit, Element, EventKey, FacetEdit, FacetId, Family, Kind, Origin, Provider, Schema, Target,
    Type, Write,
};

const KEYS: [&str; 8] =
    ["apiVersion", "kind", "provider", "service", "functions", "known", "on", "tests"];

/// Loads one mapping into `content`; `hosts` are the functions it may call beside its own.
pub(super) fn load(doc: &Doc<'_>, hosts: &Functions, files: &Files, content: &mut Content) {
    doc.only(doc.root, "a mapping", &KEYS);
    let Some(provider) = provider(doc) else { return };
    let services: Vec<&str> = match doc.root.get("service") {
        Some(node) => doc.words(node, "`service`").into_iter().map(|(text, _)| text).collect(),
        None => Vec::new(),
    };
    let mut functions = hosts.clone();
    define(doc, &content.schema, &mut functions);
    known(doc, provider, content);
    let Some(on) = doc.need(doc.root, "on", "the mapping") else { return };
    let Data::Seq(items) = &on.data else {
        doc.error(&on.span, format!("`on` must be a list, not {}", on.what()));
        return;
    };
    for item in items {
        let writer = Writer::new(
            *doc,
            Coder { schema: &content.schema, functions: &functions },
            &content.derives,
            provider,
        );
        let Some(entry) = writer.entry(item) else { continue };
        if entry.names.is_empty() {
            by_owner(entry, content);
            continue;
        }
        if entry.family == Family::Activity && services.is_empty() {
            doc.need(doc.root, "service", "a mapping of events");
        }
        add(doc, item, entry, &services, content);
    }
    content.suites.extend(cases::mapping_suite(doc, files, &content.schema));
}

fn provider(doc: &Doc<'_>) -> Option<Provider> {
    let node = doc.need(doc.root, "provider", "the mapping")?;
    let name = doc.word(node, "`provider`")?;
    let found = Provider::from_name(name);
    if found.is_none() {
        let known = Provider::ALL.iter().map(|provider| provider.as_str());
        doc.unknown(&node.span, format!("unknown provider `{name}`"), name, known);
    }
    found
}

/// Adds an entry that reads by actor.
fn by_owner(entry: Entry, content: &mut Content) {
    let Ok(number) = u32::try_from(content.entries.len()) else { return };
    content.by_owner.push(number);
    content.entries.push(entry);
}

/// Adds an entry under the hash of every name it reads.
fn add(doc: &Doc<'_>, node: &Node, entry: Entry, services: &[&str], content: &mut Content) {
    let Ok(number) = u32::try_from(content.entries.len()) else { return };
    let mut hashes = Vec::new();
    for name in &entry.names {
        for hash in hashes_of(entry.provider, entry.family, services, name) {
            if !hashes.contains(&hash) {
                hashes.push(hash);
            }
        }
    }
    for hash in hashes {
        let list = content.index.entry(hash).or_default();
        let before = list.iter().find(|at| content.entries[**at as usize].when.is_none());
        if let Some(before) = before {
            unreachable_entry(doc, node, &content.entries[*before as usize], &entry);
        }
        list.push(number);
    }
    content.entries.push(entry);
}

/// The hashes of one name in a mapping, by service; of a snapshot's name one.
pub(super) fn hashes_of(
    provider: Provider,
    family: Family,
    services: &[&str],
    name: &str,
) -> Vec<u64> {
    let (resource_type, name) = split_name(provider, family, name);
    let of_all = [""];
    let services: &[&str] = if family == Family::State { &of_all } else { services };
    let key = |service| EventKey { provider, family, service, resource_type, name };
    services.iter().map(|service| fold::hash_key(&key(service))).collect()
}

/// CTS names stand as `resource_type/trace_name`, Kubernetes' as `resource/verb`.
pub(super) fn split_name(provider: Provider, family: Family, name: &str) -> (&str, &str) {
    let split = match (provider, family) {
        (Provider::Huawei, Family::Activity) => name.split_once('/'),
        (Provider::Kubernetes, Family::Activity) => name.rsplit_once('/'),
        _ => None,
    };
    split.unwrap_or(("", name))
}

/// An entry behind one without a guard is never asked.
fn unreachable_entry(doc: &Doc<'_>, node: &Node, before: &Entry, entry: &Entry) {
    let names: Vec<&str> = entry.names.iter().map(|name| &**name).collect();
    let span = node.get("event").or_else(|| node.get("snapshot")).map_or(&node.span, |n| &n.span);
    let message = format!(
        "`{}` is already read at {}:{} without `when`, so this entry is never asked",
        names.join("`, `"),
        before.source.file,
        before.source.line,
    );
    if before.source.file == doc.file.path {
        doc.error_hint(span, message, "guard the first with `when`, or say both with `also`");
    } else {
        doc.warn(span, message, Some("guard the other with `when`"));
    }
}

struct Function<'n> {
    name: &'n str,
    params: Vec<&'n str>,
    key: &'n Key,
    body: &'n Node,
}

/// Defines the mapping's functions, those called before those that call them.
fn define(doc: &Doc<'_>, schema: &Schema, functions: &mut Functions) {
    let Some(node) = doc.root.get("functions") else { return };
    let list: Vec<Function<'_>> = doc
        .map(node, "`functions`")
        .iter()
        .filter_map(|(key, body)| signature(doc, key, body))
        .collect();
    let mut order = Vec::new();
    let mut path = Vec::new();
    for at in 0..list.len() {
        sort_function(doc, &list, at, &mut path, &mut order);
    }
    let scope = Scope { schema, vars: scope::mapping(Family::State), kind: None, expect: None };
    for at in order {
        let function = &list[at];
        let Some(body) = doc.word(function.body, "the function") else { continue };
        let result = functions.define(function.name, &function.params, body.trim_end(), &scope);
        if result.is_err() {
            // Told once: calls of it are then not strange as well.
            let _ = functions.define(function.name, &function.params, "unsaid", &scope);
        }
        let (Ok(issues) | Err(issues)) = result;
        report_issues(doc, function.body, 0, issues);
        if calls(doc.text(), function.name) < 2 {
            let message = format!("function `{}` is never called", function.name);
            doc.warn(&function.key.span, message, None);
        }
    }
}

/// `rule(r, side)`.
fn signature<'n>(doc: &Doc<'_>, key: &'n Key, body: &'n Node) -> Option<Function<'n>> {
    let parts = key
        .text
        .split_once('(')
        .and_then(|(name, rest)| Some((name.trim(), rest.trim_end().strip_suffix(')')?)));
    let Some((name, inner)) = parts.filter(|(name, _)| is_word(name)) else {
        let message = format!("`{}` is no function head", key.text);
        doc.error_hint(&key.span, message, "write it as `name(a, b)`");
        return None;
    };
    if is_reserved(name) {
        let message = format!("`{name}` is a word that CEL keeps for itself");
        doc.error_hint(&key.span, message, "choose another name");
        return None;
    }
    let params: Vec<&str> =
        inner.split(',').map(str::trim).filter(|param| !param.is_empty()).collect();
    if let Some(bad) = params.iter().find(|param| !is_word(param)) {
        doc.error(&key.span, format!("`{bad}` is no name of a parameter"));
        return None;
    }
    Some(Function { name, params, key, body })
}

/// Words that CEL keeps for itself (CEL specification, syntax, `RESERVED` and keywords).
fn is_reserved(name: &str) -> bool {
    const WORDS: [&str; 21] = [
        "as",
        "break",
        "const",
        "continue",
        "else",
        "false",
        "for",
        "function",
        "if",
        "import",
        "in",
        "let",
        "loop",
        "namespace",
        "null",
        "package",
        "return",
        "true",
        "var",
        "void",
        "while",
    ];
    WORDS.contains(&name)
}

/// How often `name(` stands in a text as a word of its own.
pub(super) fn calls(text: &str, name: &str) -> usize {
    text.match_indices(name)
        .filter(|(at, _)| {
            let before = text[..*at].chars().next_back();
            let word = before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
            !word && text[at + name.len()..].starts_with('(')
        })
        .count()
}

fn sort_function(
    doc: &Doc<'_>,
    list: &[Function<'_>],
    at: usize,
    path: &mut Vec<usize>,
    order: &mut Vec<usize>,
) {
    if order.contains(&at) {
        return;
    }
    if let Some(start) = path.iter().position(|step| *step == at) {
        let mut names: Vec<&str> = path[start..].iter().map(|step| list[*step].name).collect();
        names.push(list[at].name);
        let span: &Range<usize> = &list[at].key.span;
        doc.error(span, format!("functions call themselves: {}", names.join(" -> ")));
        return;
    }
    path.push(at);
    let body = list[at].body.text().unwrap_or("");
    for (other, function) in list.iter().enumerate() {
        if calls(body, function.name) > 0 {
            sort_function(doc, list, other, path, order);
        }
    }
    path.pop();
    order.push(at);
}

/// Resources that every cell of the provider sees, as plain data.
fn known(doc: &Doc<'_>, provider: Provider, content: &mut Content) {
    let Some(node) = doc.root.get("known") else { return };
    for item in node.one_or_many() {
        doc.only(item, "a known resource", &["kind", "id", "replace"]);
        let Some(kind) = kind_of(doc, item, &content.schema) else { continue };
        let Some(id) = doc.need(item, "id", "the known resource") else { continue };
        let Some(id) = doc.word(id, "`id`") else { continue };
        let mut facets = Vec::new();
        if let Some(replace) = item.get("replace") {
            for (key, value) in doc.map(replace, "`replace`") {
                facets.extend(known_facet(doc, &content.schema, kind, key, value));
            }
        }
        let target = Target { kind: kind.id, id: Some(id.into()), lookup: None };
        let write = Write { target, creates: true, edit: Edit::Facets(facets) };
        content.known.push(Known { provider, write });
    }
}

fn known_facet(
    doc: &Doc<'_>,
    schema: &Schema,
    kind: &Kind,
    key: &Key,
    value: &Node,
) -> Option<(FacetId, FacetEdit)> {
    let Some(facet) = kind.facet(&key.text).filter(|facet| facet.origin == Origin::Said) else {
        unknown_facet(doc, key, kind);
        return None;
    };
    let value = literal(doc, schema, value, &facet.ty)?;
    let edit = match value {
        crate::model::Value::List(items, _) if facet.is_set => FacetEdit::Elements {
            replace: true,
            put: items
                .into_vec()
                .into_iter()
                .map(|value| Element { id: None, alias: None, value, part: false })
                .collect(),
            remove: Vec::new(),
            keep: Vec::new(),
        },
        value => FacetEdit::Set(value),
    };
    Some((facet.id, edit))
}

/// The kind that `kind:` names.
pub(super) fn kind_of<'s>(doc: &Doc<'_>, owner: &Node, schema: &'s Schema) -> Option<&'s Kind> {
    let node = doc.need(owner, "kind", "the resource")?;
    let name = doc.word(node, "`kind`")?;
    let found = schema.kind_named(name);
    if found.is_none() {
        let message = format!("unknown kind `{name}`");
        doc.unknown(&node.span, message, name, schema.kinds.iter().map(|kind| &*kind.name));
    }
    found
}

/// Reports a facet that the kind does not have, or that no event can say.
pub(super) fn unknown_facet(doc: &Doc<'_>, key: &Key, kind: &Kind) {
    let name = &key.text;
    match kind.facet(name).map(|facet| facet.origin) {
        Some(Origin::Derived) => {
            let message = format!("facet `{name}` of `{}` is derived", kind.name);
            doc.error_hint(&key.span, message, "say the facets it reads");
        }
        Some(_) => {
            let message = format!("facet `{name}` of `{}` is read from others", kind.name);
            doc.error_hint(&key.span, message, "say the reference on the other resource");
        }
        None if name.ends_with([')', ']', '}']) => {
            let message = format!("unknown facet `{name}` of `{}`", kind.name);
            doc.error_hint(&key.span, message, "what has a comma stands in quotes");
        }
        None => {
            let message = format!("unknown facet `{name}` of `{}`", kind.name);
            doc.unknown(&key.span, message, name, kind.facets.iter().map(|facet| &*facet.name));
        }
    }
}

/// What an event says where an expression reads the type: references are ids.
pub(super) fn said(ty: &Type) -> Type {
    match ty {
        Type::Resource(_) => Type::String,
        Type::List(item) if matches!(**item, Type::Resource(_)) => Type::List(Type::String.into()),
        other => other.clone(),
    }
}
