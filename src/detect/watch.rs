//! What detection tells whoever asked for each step: resources as they changed, verdicts with
//! the values behind them. Nothing is made where nobody asked.

use serde_json::Value as Json;

use crate::content::{ActForm, Detector, PostureForm, PostureOn};
use crate::expr::Program;
use crate::model::trace::{Counts, Difference, Known, Part, Ruling, Seen};
use crate::model::{Act, FacetId, Kind, Origin, Trace, Value};
use crate::state::{FacetBody, Knowledge, Transition, View};

use super::posture::Verdict;
use super::tell::{sides, value_of};
use super::{Scene, Why, witness};

/// Tells what a resource was and is, and why no detector is asked, where none is.
pub(super) fn resource(transition: &Transition, unjudged: &str, scene: &Scene<'_>) {
    let Some(trace) = scene.frame.trace else { return };
    let content = scene.frame.content;
    let kind = content.schema.kind(transition.kind);
    let difference = |&facet: &FacetId| {
        let declared = content.schema.facet(transition.kind, facet);
        let (before, after) = sides(transition, content, facet);
        Difference {
            facet: &declared.name,
            derived: !matches!(declared.origin, Origin::Said),
            before,
            after,
            known: known(&transition.after, facet),
        }
    };
    let facets: Vec<Difference<'_>> = transition.changed.iter().map(difference).collect();
    trace.tell(&Trace::Resource {
        kind: &kind.name,
        id: &transition.id,
        was: transition.before.resource.alive,
        is: transition.after.resource.alive,
        remote: transition.remote,
        late: transition.past.is_some(),
        settled: matches!(scene.why, Why::Settled),
        facets: &facets,
        unjudged,
    });
}

/// Tells of a detector that is not asked.
pub(super) fn skipped(detector: &Detector, on: &PostureOn, scene: &Scene<'_>) {
    let Some(trace) = scene.frame.trace else { return };
    let kind = scene.frame.content.schema.kind(on.kind);
    let reads: Vec<&str> =
        on.facets.iter().map(|facet| &*kind.facets[usize::from(facet.0)].name).collect();
    trace.tell(&Trace::Skipped { detector: &detector.id, reads: &reads });
}

/// Verdicts of one detector on one resource that are told; those beyond are counted.
const VERDICTS: usize = 8;

/// Tells a posture detector's verdicts on a resource: those that hold first, then those that are
/// unknown, then those on elements that are new.
pub(super) fn judged(
    transition: &Transition,
    detector: &Detector,
    form: &PostureForm,
    on: &PostureOn,
    verdicts: &[Verdict],
    scene: &Scene<'_>,
) {
    let Some(trace) = scene.frame.trace else { return };
    let schema = &scene.frame.content.schema;
    let kind = schema.kind(transition.kind);
    let saw = saw(&transition.after, kind, on, scene);
    let mut order: Vec<&Verdict> = verdicts.iter().collect();
    let was = on.each.and_then(|each| value_of(&transition.before, each));
    let new = |item: &Value| match &was {
        Some(Value::List(items, _)) => !items.contains(item),
        _ => true,
    };
    order.sort_by_cached_key(|verdict| match verdict.holds {
        Some(true) => 0,
        None => 1,
        // What the event brought is asked after more often than what was there.
        Some(false) if verdict.item.as_ref().is_some_and(new) => 2,
        Some(false) => 3,
    });
    let told: Vec<(&Verdict, Part)> = order
        .into_iter()
        .take(VERDICTS)
        .map(|verdict| {
            (verdict, witness::posture(transition, detector, (form, on), verdict, scene))
        })
        .collect();
    let rulings: Vec<Ruling<'_>> = told
        .iter()
        .map(|(verdict, tree)| Ruling {
            element: &verdict.element,
            holds: verdict.holds,
            severity: verdict.severity,
            measure: verdict.measure,
            confidence: verdict.confidence,
            assumptions: &verdict.assumptions,
            tree,
        })
        .collect();
    let count = |holds: Option<bool>| verdicts.iter().filter(|v| v.holds == holds).count();
    trace.tell(&Trace::Judged {
        kind: &kind.name,
        id: &transition.id,
        detector: &detector.id,
        title: &detector.title,
        asks: on.insecure.source(),
        each: on.each.map_or("", |facet| &schema.facet(transition.kind, facet).name),
        saw: &saw,
        rulings: &rulings,
        counts: Counts {
            insecure: count(Some(true)),
            unknown: count(None),
            secure: count(Some(false)),
        },
    });
}

/// Tells an act detector's word on a deed.
pub(super) fn deed(
    detector: &Detector,
    form: &ActForm,
    act: &Act,
    holds: Option<bool>,
    scene: &Scene<'_>,
) {
    let Some(trace) = scene.frame.trace else { return };
    let schema = &scene.frame.content.schema;
    let declared = &schema.acts[usize::from(act.act)];
    let saw: Vec<Seen<'_>> = declared
        .fields
        .iter()
        .zip(&act.fields)
        .map(|(field, value)| Seen {
            name: &field.name,
            value: value.to_json(schema),
            known: known_value(value),
        })
        .collect();
    let tree = witness::deed(detector, form, act, scene);
    trace.tell(&Trace::Deed {
        detector: &detector.id,
        title: &detector.title,
        asks: form.when.as_ref().map_or("", Program::source),
        saw: &saw,
        holds,
        tree: tree.as_ref(),
    });
}

/// The facets that a detector's expressions read of the resource itself. The set that is asked
/// about element by element shows in the verdicts.
fn saw<'s>(view: &View, kind: &'s Kind, on: &PostureOn, scene: &Scene<'_>) -> Vec<Seen<'s>> {
    let schema = &scene.frame.content.schema;
    on.facets
        .iter()
        .map(|&facet| {
            let known = known(view, facet);
            let value = value_of(view, facet).map_or(Json::Null, |value| value.to_json(schema));
            Seen { name: &kind.facets[usize::from(facet.0)].name, value, known }
        })
        .collect()
}

fn known_value(value: &Value) -> Known {
    match value {
        Value::Unknown => Known::Unknown,
        Value::Unsaid => Known::Unsaid,
        Value::List(_, false) => Known::Partial,
        _ => Known::Whole,
    }
}

/// How much of a facet is known.
fn known(view: &View, facet: FacetId) -> Known {
    if let Some((_, value)) = view.derived.iter().find(|(id, _)| *id == facet) {
        return known_value(value);
    }
    let Some(state) = view.resource.facet(facet) else { return Known::Unsaid };
    match (state.knowledge, &state.body) {
        (Knowledge::Unknown, _) => Known::Unknown,
        (Knowledge::Partial, FacetBody::Set(_)) => Known::Partial,
        (Knowledge::Partial | Knowledge::Whole, _) => Known::Whole,
    }
}
