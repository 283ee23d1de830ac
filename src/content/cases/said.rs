//! What a mapping's test expects: the YAML of one test enters, plain expectations leave.
//!
//! **Invariant:** a test that asks for nothing is an error.

use std::ops::Range;

use crate::content::doc::Doc;
use crate::content::literal::literal;
use crate::content::tree::{Data, Key, Node};
use crate::model::{FacetId, KindId, Outcome, RecordType, Schema, Value};

/// What a mapping must make of the events of a test. What is not asked for is not looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExpectSaid {
    /// What the events must leave.
    pub resources: Vec<ExpectFacets>,
    /// Every deed that the events tell, in order.
    pub acts: Option<Vec<ExpectAct>>,
    /// What each event comes to, in order.
    pub outcomes: Option<Vec<Outcome>>,
}

/// What is expected of one resource.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpectFacets {
    /// Its kind.
    pub kind: KindId,
    /// Its id.
    pub id: Box<str>,
    /// What its facets must be; [`Value::Unknown`] for unknown. Facets not named are not looked
    /// at. Records are whole: a field not written has the type's default, or is unsaid. `None`
    /// where the resource must be gone.
    pub facets: Option<Vec<(FacetId, Value)>>,
}

/// An expected deed.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpectAct {
    /// Index into [`Schema::acts`].
    pub act: u16,
    /// Its fields by their place; those not named are not looked at.
    pub fields: Vec<(usize, Value)>,
}

/// Reads what a mapping's test expects.
pub(super) fn said(doc: &Doc<'_>, schema: &Schema, test: &Node) -> Option<ExpectSaid> {
    let given = |key: &str| test.get(key).filter(|node| !node.is_null());
    let resources = given("facets").map_or(&[][..], |node| doc.map(node, "`facets`"));
    if resources.is_empty() && given("acts").is_none() && given("outcomes").is_none() {
        doc.error_hint(
            &test.get("facets").or_else(|| test.get("name")).unwrap_or(test).span,
            "the test expects nothing",
            "name the `facets` that the events leave, the `acts` they tell, or their `outcomes`",
        );
        return None;
    }
    let outcomes = given("outcomes").map(|node| doc.words(node, "an outcome"));
    Some(ExpectSaid {
        resources: resources
            .iter()
            .filter_map(|(key, value)| resource(doc, schema, key, value))
            .collect(),
        acts: given("acts").map(|node| acts(doc, schema, node)),
        outcomes: outcomes
            .map(|words| words.iter().filter_map(|(word, at)| outcome(doc, word, at)).collect()),
    })
}

fn resource(doc: &Doc<'_>, schema: &Schema, key: &Key, value: &Node) -> Option<ExpectFacets> {
    let Some((kind_name, id)) = key.text.split_once(' ') else {
        doc.error_hint(&key.span, "no resource", "write it as `network.security_group sg-1`");
        return None;
    };
    let Some(kind) = schema.kind_named(kind_name) else {
        let message = format!("unknown kind `{kind_name}`");
        let known = schema.kinds.iter().map(|kind| &*kind.name);
        doc.unknown(&key.span, message, kind_name, known);
        return None;
    };
    let id: Box<str> = id.trim().into();
    if value.plain() == Some("gone") {
        return Some(ExpectFacets { kind: kind.id, id, facets: None });
    }
    let mut facets = Vec::new();
    for (name, node) in doc.map(value, &format!("`{}`", key.text)) {
        let Some(facet) = kind.facet(&name.text) else {
            let message = format!("unknown facet `{}` of `{kind_name}`", name.text);
            let known = kind.facets.iter().map(|facet| &*facet.name);
            doc.unknown(&name.span, message, &name.text, known);
            continue;
        };
        let expected = if node.text() == Some("unknown") {
            Some(Value::Unknown)
        } else {
            literal(doc, schema, node, &facet.ty)
        };
        facets.extend(expected.map(|value| (facet.id, value)));
    }
    Some(ExpectFacets { kind: kind.id, id, facets: Some(facets) })
}

/// Deeds: names, or names with fields.
fn acts(doc: &Doc<'_>, schema: &Schema, node: &Node) -> Vec<ExpectAct> {
    let mut told = Vec::new();
    for item in node.one_or_many() {
        if let Data::Map(entries) = &item.data {
            let named = entries.iter();
            told.extend(named.filter_map(|(key, fields)| {
                act(doc, schema, (&key.text, &key.span), Some(fields))
            }));
        } else if let Some(word) = doc.word(item, "an act") {
            told.extend(act(doc, schema, (word, &item.span), None));
        }
    }
    told
}

fn act(
    doc: &Doc<'_>,
    schema: &Schema,
    (name, at): (&str, &Range<usize>),
    fields: Option<&Node>,
) -> Option<ExpectAct> {
    let Some(place) = schema.acts.iter().position(|act| &*act.name == name) else {
        let known = schema.acts.iter().map(|act| &*act.name);
        doc.unknown(at, format!("unknown act `{name}`"), name, known);
        return None;
    };
    let fields = fields.filter(|node| !node.is_null());
    let fields = fields.map(|node| field_values(doc, schema, node, &schema.acts[place]));
    Some(ExpectAct { act: u16::try_from(place).ok()?, fields: fields.unwrap_or_default() })
}

fn field_values(
    doc: &Doc<'_>,
    schema: &Schema,
    node: &Node,
    act: &RecordType,
) -> Vec<(usize, Value)> {
    let mut values = Vec::new();
    for (key, value) in doc.map(node, &format!("`{}`", act.name)) {
        let Some(place) = act.field(&key.text) else {
            let message = format!("unknown field `{}` of `{}`", key.text, act.name);
            doc.unknown(&key.span, message, &key.text, act.fields.iter().map(|f| &*f.name));
            continue;
        };
        let value = literal(doc, schema, value, &act.fields[place].ty);
        values.extend(value.map(|value| (place, value)));
    }
    values
}

fn outcome(doc: &Doc<'_>, word: &str, at: &Node) -> Option<Outcome> {
    let found = Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == word);
    if found.is_none() {
        let known = Outcome::ALL.iter().map(|outcome| outcome.as_str());
        doc.unknown(&at.span, format!("unknown outcome `{word}`"), word, known);
    }
    found
}
