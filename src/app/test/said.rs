//! What a mapping made of a test's events, beside what the test expects of it: deeds, outcomes and
//! the state enter, the differences leave.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value as Json;

use crate::content::Content;
use crate::content::cases::{ExpectAct, ExpectFacets, ExpectSaid};
use crate::engine::{Engine, EventOutcome};
use crate::model::trace::{Trace, Tracer};
use crate::model::{Act, Facet, Outcome, Schema, Value};

/// Remembers the deeds that events told.
#[derive(Default)]
pub(super) struct Deeds(RefCell<Vec<Act>>);

impl Tracer for Deeds {
    fn tell(&self, step: &Trace<'_>) {
        if let Trace::Change(change) = step {
            self.0.borrow_mut().extend(change.acts.iter().cloned());
        }
    }
}

/// What events came to, and the resources they spoke of.
#[derive(Default)]
pub(super) struct Fates {
    outcomes: Vec<Outcome>,
    touched: BTreeSet<String>,
}

impl Fates {
    pub(super) fn add(&mut self, outcome: &EventOutcome<'_>) {
        self.outcomes.push(outcome.outcome);
        self.touched.extend(outcome.resources.iter().map(ToString::to_string));
    }
}

/// What is not as the test expects, if anything.
pub(super) fn faults(
    expected: &ExpectSaid,
    content: &Content,
    engine: &Engine,
    (deeds, fates): (&Deeds, &Fates),
) -> Option<String> {
    let mut there: BTreeMap<String, Json> = BTreeMap::new();
    engine.resources(&mut |dump| {
        there.insert(format!("{} {}", dump.kind, dump.id), dump.facets);
    });
    let mut out = String::new();
    for resource in &expected.resources {
        compare_resource(resource, &content.schema, &there, &fates.touched, &mut out);
    }
    if let Some(acts) = &expected.acts {
        compare_acts(acts, &deeds.0.borrow(), &content.schema, &mut out);
    }
    if let Some(outcomes) = &expected.outcomes
        && *outcomes != fates.outcomes
    {
        differ("outcomes", &names(outcomes), &names(&fates.outcomes), &mut out);
    }
    (!out.is_empty()).then_some(out)
}

fn names(outcomes: &[Outcome]) -> String {
    outcomes.iter().map(|outcome| outcome.as_str()).collect::<Vec<_>>().join(", ")
}

fn differ(what: &str, wanted: &str, got: &str, out: &mut String) {
    let width = what.len();
    let _ =
        writeln!(out, "        {what}: expected {wanted}\n        {:width$}  got      {got}", "");
}

fn compare_resource(
    resource: &ExpectFacets,
    schema: &Schema,
    there: &BTreeMap<String, Json>,
    touched: &BTreeSet<String>,
    out: &mut String,
) {
    let kind = schema.kind(resource.kind);
    let name = format!("{} {}", kind.name, resource.id);
    let found = there.get(&name);
    let Some(facets) = &resource.facets else {
        match found {
            Some(_) => drop(writeln!(out, "        `{name}` is still there")),
            None if !touched.contains(&name) => untouched(&name, touched, out),
            None => {}
        }
        return;
    };
    let known = facets.iter().any(|(_, value)| *value != Value::Unknown);
    if found.is_none() && (known || !touched.contains(&name)) {
        return untouched(&name, touched, out);
    }
    for (id, value) in facets {
        let facet = &kind.facets[usize::from(id.0)];
        let got = found.and_then(|facets| facets.get(&*facet.name));
        compare_facet(facet, value, got, schema, out);
    }
}

fn untouched(name: &str, touched: &BTreeSet<String>, out: &mut String) {
    let spoken: Vec<&str> = touched.iter().map(String::as_str).collect();
    let spoken = if spoken.is_empty() { "none".to_owned() } else { spoken.join(", ") };
    let _ = writeln!(out, "        no `{name}`; the events speak of: {spoken}");
}

fn compare_facet(
    facet: &Facet,
    wanted: &Value,
    got: Option<&Json>,
    schema: &Schema,
    out: &mut String,
) {
    let alike = match (wanted, got) {
        (Value::Unknown, got) => got.is_none(),
        (_, None) => false,
        (wanted, Some(got)) => {
            plain(&wanted.to_json(schema), facet.is_set) == plain(got, facet.is_set)
        }
    };
    if !alike {
        let got = got.map_or_else(|| "unknown".to_owned(), ToString::to_string);
        differ(&facet.name, &shown(wanted, schema), &got, out);
    }
}

fn shown(value: &Value, schema: &Schema) -> String {
    match value {
        Value::Unknown => "unknown".to_owned(),
        other => other.to_json(schema).to_string(),
    }
}

fn compare_acts(wanted: &[ExpectAct], got: &[Act], schema: &Schema, out: &mut String) {
    let name = |act: u16| &*schema.acts[usize::from(act)].name;
    let wanted_names: Vec<&str> = wanted.iter().map(|one| name(one.act)).collect();
    let got_names: Vec<&str> = got.iter().map(|one| name(one.act)).collect();
    if wanted_names != got_names {
        return differ("acts", &wanted_names.join(", "), &got_names.join(", "), out);
    }
    for (wanted, got) in wanted.iter().zip(got) {
        for (place, value) in &wanted.fields {
            let (value, got) = (value.to_json(schema), got.fields[*place].to_json(schema));
            if plain(&value, false) != plain(&got, false) {
                let field = &schema.acts[usize::from(wanted.act)].fields[*place];
                let what = format!("{}.{}", name(wanted.act), field.name);
                differ(&what, &value.to_string(), &got.to_string(), out);
            }
        }
    }
}

/// A value as it is compared: members that are none left out, sets in one order, and of a
/// partial set what is known.
fn plain(value: &Json, is_set: bool) -> Json {
    match value {
        Json::Object(members) => {
            if let (1, Some(known)) = (members.len(), members.get("partial")) {
                return plain(known, is_set);
            }
            let said = members.iter().filter(|(_, member)| !member.is_null());
            Json::Object(said.map(|(key, member)| (key.clone(), plain(member, false))).collect())
        }
        Json::Array(items) => {
            let mut items: Vec<Json> = items.iter().map(|item| plain(item, false)).collect();
            if is_set {
                items.sort_by_key(ToString::to_string);
            }
            Json::Array(items)
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_compared_without_what_is_none_and_sets_without_their_order() {
        let set = json!([{"a": 1, "b": null}, {"a": 0}]);
        assert_eq!(plain(&set, true), plain(&json!({"partial": [{"a": 0}, {"a": 1}]}), true));
        assert_ne!(plain(&set, false), plain(&json!([{"a": 0}, {"a": 1}]), false));
    }
}
