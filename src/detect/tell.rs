//! What an alert says of a resource: the changed paths, the values the expression saw, its label.

use serde_json::{Map, Value as Json};

use crate::content::Content;
use crate::model::finding::ResourceLabel;
use crate::model::{FacetId, KindId, Value};
use crate::state::{FacetBody, FacetState, Knowledge, Life, Transition, View};

/// Elements shown per side of a changed set.
const SHOWN: usize = 20;

/// The parts of a step that come from the resource.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    /// Changed paths before.
    pub before: Json,
    /// Changed paths after.
    pub after: Json,
    /// What the expression saw.
    pub facts: Json,
    /// Name, tags, owner.
    pub label: ResourceLabel,
}

/// The parts for a posture's step. `facets` are those its detector reads; `item` the element.
pub fn parts(
    transition: &Transition,
    content: &Content,
    facets: &[FacetId],
    item: Option<&Value>,
    region: &str,
) -> Parts {
    let (mut before, mut after) = (Map::new(), Map::new());
    for &facet in &transition.changed {
        let (was, is) = sides(transition, content, facet);
        let name = content.schema.facet(transition.kind, facet).name.to_string();
        if !was.is_null() {
            before.insert(name.clone(), was);
        }
        if !is.is_null() {
            after.insert(name, is);
        }
    }
    let mut facts = Map::new();
    if let Some(item) = item {
        facts.insert("item".into(), item.to_json(&content.schema));
    }
    for &facet in facets {
        let declared = content.schema.facet(transition.kind, facet);
        if item.is_some() && declared.is_set {
            continue;
        }
        if let Some(value) = value_of(&transition.after, facet) {
            facts.insert(declared.name.to_string(), value.to_json(&content.schema));
        }
    }
    Parts {
        before: before.into(),
        after: after.into(),
        facts: facts.into(),
        label: label(content, transition.kind, &transition.after, &transition.before, region),
    }
}

/// The parts of a set that differ, or both values of a register.
pub(super) fn sides(transition: &Transition, content: &Content, facet: FacetId) -> (Json, Json) {
    let (was, is) = (&transition.before, &transition.after);
    let set = |view: &View| -> Option<Vec<Value>> {
        let state = view.resource.facet(facet)?;
        let FacetBody::Set(elements) = &state.body else { return None };
        Some(elements.iter().filter(|e| e.life == Life::Live).map(|e| e.value.clone()).collect())
    };
    if !content.schema.facet(transition.kind, facet).is_set {
        let json = |view: &View| {
            value_of(view, facet).map_or(Json::Null, |value| value.to_json(&content.schema))
        };
        return (json(was), json(is));
    }
    let (was, is) = (set(was).unwrap_or_default(), set(is).unwrap_or_default());
    let only = |these: &[Value], others: &[Value]| -> Json {
        let list: Vec<Json> = these
            .iter()
            .filter(|value| !others.contains(value))
            .take(SHOWN)
            .map(|value| value.to_json(&content.schema))
            .collect();
        if list.is_empty() { Json::Null } else { list.into() }
    };
    (only(&was, &is), only(&is, &was))
}

/// A facet's value as a whole, said or derived; `None` where it is not known.
pub fn value_of(view: &View, facet: FacetId) -> Option<Value> {
    if let Some((_, value)) = view.derived.iter().find(|(id, _)| *id == facet) {
        return value.is_present().then(|| value.clone());
    }
    let state: &FacetState = view.resource.facet(facet)?;
    if state.knowledge == Knowledge::Unknown {
        return None;
    }
    Some(match &state.body {
        FacetBody::Register(value) => value.clone(),
        FacetBody::Set(elements) => Value::List(
            elements
                .iter()
                .filter(|e| e.life == Life::Live)
                .take(SHOWN)
                .map(|e| e.value.clone())
                .collect(),
            state.knowledge == Knowledge::Whole,
        ),
    })
}

/// What people know the resource by; where it is gone, what they knew it by.
fn label(
    content: &Content,
    kind: KindId,
    after: &View,
    before: &View,
    region: &str,
) -> ResourceLabel {
    let declared = content.schema.kind(kind);
    let find = |name: &str| {
        let facet = declared.facet(name)?;
        value_of(after, facet.id).or_else(|| value_of(before, facet.id))
    };
    let text = |name: &str| -> Box<str> {
        find(name).and_then(|value| value.as_str().map(Into::into)).unwrap_or_default()
    };
    let mut tags = Vec::new();
    if let Some(Value::Map(entries)) = find("tags") {
        for (key, value) in entries {
            tags.push((key, value.as_str().unwrap_or_default().into()));
        }
    }
    tags.sort_unstable();
    ResourceLabel { name: text("name"), region: region.into(), tags, owner: text("owner") }
}

/// A resource's facets as JSON by name; a partial set is an object that says so.
#[must_use]
pub fn facets_json(view: &View, kind: &crate::model::Kind, content: &Content) -> Json {
    let mut all = Map::new();
    for facet in &kind.facets {
        let Some(value) = value_of(view, facet.id) else { continue };
        let json = value.to_json(&content.schema);
        let json = match &value {
            Value::List(_, false) => serde_json::json!({"partial": json}),
            _ => json,
        };
        all.insert(facet.name.to_string(), json);
    }
    all.into()
}
