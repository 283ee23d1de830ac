//! The steps of a record's way as JSON. Enters: each [`Trace`]; leaves: one object a step, its
//! `step` naming which.

use serde_json::{Value as Json, json};

use crate::content::Content;
use crate::model::trace::{Difference, Known, Part, Ruling, Seen};
use crate::model::{Change, Confidence, Edit, ElementRef, FacetEdit, Operation, Source, Trace};

use super::steps::LISTED;
use super::tree;

/// One step.
pub(super) fn step(step: &Trace<'_>, content: &Content) -> Json {
    let part = |part: &Part| tree::json(part, &content.schema);
    match *step {
        Trace::Envelope { name, level } => {
            json!({"step": "envelope", "name": name, "level": level})
        }
        Trace::Key { key, read } => json!({
            "step": "key", "cloud": key.provider.as_str(), "service": key.service,
            "resource_type": key.resource_type, "name": key.name, "read": read,
        }),
        Trace::Tenant { tenant, account } => {
            json!({"step": "tenant", "tenant": tenant, "account": account})
        }
        Trace::Passed { file, line, guard, why, tree } => json!({
            "step": "passed", "at": format!("{file}:{line}"), "why": why, "when": guard,
            "tree": tree.map(part),
        }),
        Trace::Entry { file, line, guard, inferred } => json!({
            "step": "entry", "at": format!("{file}:{line}"), "when": guard, "inferred": inferred,
        }),
        Trace::Unmet { guard, tree } => {
            json!({"step": "unmet", "when": guard, "tree": part(tree)})
        }
        Trace::Missing { needs, tree } => {
            json!({"step": "missing", "needs": needs, "tree": part(tree)})
        }
        Trace::Blind { why, facet } => json!({"step": "blind", "why": why, "facet": facet}),
        Trace::Change(change) => self::change(change, content),
        Trace::Unplaced { orphaned, refused, crowded } => {
            json!({"step": "unplaced", "waiting": orphaned, "refused": refused, "crowded": crowded})
        }
        Trace::Resource { kind, id, was, is, remote, late, settled, facets, unjudged } => json!({
            "step": "resource", "kind": kind, "id": id, "was": was, "is": is, "remote": remote,
            "late": late, "settled": settled, "unjudged": unjudged,
            "changed": facets.iter().map(difference).collect::<Vec<_>>(),
        }),
        Trace::Skipped { detector, reads } => {
            json!({"step": "not_asked", "detector": detector, "reads": reads})
        }
        Trace::Judged { detector, title, kind, id, asks, each, saw, rulings, counts } => json!({
            "step": "judged", "detector": detector, "title": title, "kind": kind, "id": id,
            "asks": asks, "each": each, "saw": saw.iter().map(seen).collect::<Vec<_>>(),
            "insecure": counts.insecure, "unknown": counts.unknown, "secure": counts.secure,
            "verdicts": rulings.iter().map(|one| ruling(one, content)).collect::<Vec<_>>(),
        }),
        Trace::Deed { detector, title, asks, saw, holds, tree } => json!({
            "step": "deed", "detector": detector, "title": title, "asks": asks,
            "saw": saw.iter().map(seen).collect::<Vec<_>>(), "holds": holds,
            "tree": tree.map(part),
        }),
        Trace::Heard { detector, of, what } => {
            json!({"step": "heard", "detector": detector, "of": of, "what": what})
        }
    }
}

fn change(change: &Change, content: &Content) -> Json {
    let source = match change.source {
        Source::Activity => "activity",
        Source::Snapshot => "snapshot",
    };
    let operation = match &change.operation {
        Operation::Single => Json::Null,
        Operation::Start(id) => json!({"start": id}),
        Operation::End(id) => json!({"end": id}),
    };
    let schema = &content.schema;
    let writes: Vec<Json> = change
        .writes
        .iter()
        .take(LISTED)
        .map(|write| {
            let kind = schema.kind(write.target.kind);
            let facet = |(id, edit): &(crate::model::FacetId, FacetEdit)| {
                let name = kind.facets[usize::from(id.0)].name.to_string();
                (name, self::edit(edit, content))
            };
            let facets: Json = match &write.edit {
                Edit::Delete => Json::Null,
                Edit::Facets(facets) => Json::Object(facets.iter().map(facet).collect()),
            };
            let by = write.target.lookup.as_ref().map(|(facet, value)| {
                json!({"facet": kind.facets[usize::from(facet.0)].name, "has": value})
            });
            json!({
                "kind": kind.name, "id": write.target.id, "by": by, "creates": write.creates,
                "deletes": matches!(write.edit, Edit::Delete), "facets": facets,
            })
        })
        .collect();
    let acts: Vec<Json> = change
        .acts
        .iter()
        .map(|act| {
            let declared = &schema.acts[usize::from(act.act)];
            let fields = declared.fields.iter().zip(&act.fields);
            let fields: serde_json::Map<String, Json> = fields
                .map(|(field, value)| (field.name.to_string(), value.to_json(schema)))
                .filter(|(_, value)| !value.is_null())
                .collect();
            let on = act
                .resource
                .as_ref()
                .map(|(kind, id)| json!({"kind": schema.kind(*kind).name, "id": id}));
            json!({"act": declared.name, "on": on, "fields": fields})
        })
        .collect();
    json!({
        "step": "mapped", "source": source, "operation": operation, "failed": change.failed,
        "blind": change.blind, "more": change.writes.len() - writes.len(), "writes": writes,
        "acts": acts,
    })
}

fn edit(edit: &FacetEdit, content: &Content) -> Json {
    let schema = &content.schema;
    match edit {
        FacetEdit::Set(value) => json!({"is": value.to_json(schema)}),
        FacetEdit::Unknown => json!({"unknown": true}),
        FacetEdit::Elements { replace, put, remove, .. } => {
            let all = put.len() + remove.len();
            let put: Vec<Json> = put
                .iter()
                .take(LISTED)
                .map(|element| {
                    let value = element.value.to_json(schema);
                    json!({"id": element.id, "part": element.part, "value": value})
                })
                .collect();
            let remove: Vec<Json> = remove
                .iter()
                .take(LISTED)
                .map(|gone| match gone {
                    ElementRef::Id(id) => json!({"id": id}),
                    ElementRef::Key(value) => json!({"value": value.to_json(schema)}),
                })
                .collect();
            json!({
                "whole": replace, "more": all - put.len() - remove.len(), "put": put,
                "remove": remove,
            })
        }
    }
}

fn difference(of: &Difference<'_>) -> Json {
    json!({
        "facet": of.facet, "follows": of.derived, "before": of.before, "after": of.after,
        "known": known(of.known),
    })
}

fn seen(of: &Seen<'_>) -> Json {
    json!({"name": of.name, "value": of.value, "known": known(of.known)})
}

fn ruling(of: &Ruling<'_>, content: &Content) -> Json {
    let sure = match of.confidence {
        Confidence::Confirmed => "confirmed",
        Confidence::Provisional => "provisional",
    };
    // An element is kept as the text of its JSON.
    let element: Json = serde_json::from_str(of.element).unwrap_or_default();
    let holds = of.holds == Some(true);
    json!({
        "element": element, "holds": of.holds, "measure": of.measure,
        "severity": holds.then(|| of.severity.as_str()), "confidence": holds.then_some(sure),
        "assumptions": of.assumptions, "tree": tree::json(of.tree, &content.schema),
    })
}

const fn known(known: Known) -> &'static str {
    match known {
        Known::Whole => "whole",
        Known::Partial => "partial",
        Known::Unknown => "unknown",
        Known::Unsaid => "unsaid",
    }
}
