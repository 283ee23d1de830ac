//! Posture detectors: what each says of a resource as it is, element by element where asked.

use std::rc::Rc;
use std::sync::Arc;

use crate::content::{Detector, PostureForm, PostureOn, scope};
use crate::model::{Cause, Confidence, Facet, FacetId, Provider, Severity, Spender, Val, Value};
use crate::state::{ElementState, FacetBody, Knowledge, Lens, Life, Notes, Transition, View};

use super::Scene;

/// What a resource's owner must be for its state not to be judged.
const PROVIDER: &str = "provider";

/// What a detector says of one subject.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The element or aspect.
    pub subject: Arc<str>,
    /// Another name the element may have been known by.
    pub other: Option<Arc<str>>,
    /// The element as JSON text; empty for the whole resource.
    pub element: Box<str>,
    /// The element.
    pub item: Option<Value>,
    /// Whether it is insecure; `None` where that can't be told.
    pub holds: Option<bool>,
    /// How bad.
    pub severity: Severity,
    /// How much.
    pub measure: Option<i64>,
    /// What it rests on.
    pub confidence: Confidence,
    /// What was assumed.
    pub assumptions: Box<[Box<str>]>,
}

/// What is judged and in what light.
pub struct Look<'l> {
    /// The resource as it is judged.
    pub view: &'l Rc<View>,
    /// As it was.
    pub before: &'l Rc<View>,
    /// The event.
    pub cause: &'l Cause,
}

/// Everything one detector says of a resource.
pub fn verdicts(
    detector: &Detector,
    form: &PostureForm,
    on: &PostureOn,
    transition: &Transition,
    look: &Look<'_>,
    scene: &Scene<'_>,
) -> Vec<Verdict> {
    let judge = Judge { detector, form, on, transition, look, scene };
    let Some(each) = on.each else {
        return vec![judge.whole()];
    };
    judge.elements(each)
}

struct Judge<'j> {
    detector: &'j Detector,
    form: &'j PostureForm,
    on: &'j PostureOn,
    transition: &'j Transition,
    look: &'j Look<'j>,
    scene: &'j Scene<'j>,
}

/// An answer and what it rests on.
struct Answer {
    holds: Option<bool>,
    severity: Severity,
    measure: Option<i64>,
    notes: Notes,
}

impl Judge<'_> {
    fn whole(&self) -> Verdict {
        let answer = self.ask(None);
        self.verdict(&answer, Arc::clone(&self.form.aspect), None, None, false)
    }

    fn elements(&self, each: FacetId) -> Vec<Verdict> {
        let derived = self.look.view.derived.iter().find(|(facet, _)| *facet == each);
        let facet = self.scene.frame.content.schema.facet(self.transition.kind, each);
        if let Some((_, value)) = derived {
            let Value::List(items, _) = value else { return Vec::new() };
            return items.iter().map(|item| self.element(item, None, facet)).collect();
        }
        let Some(state) = self.look.view.resource.facet(each) else { return Vec::new() };
        let FacetBody::Set(elements) = &state.body else {
            let FacetBody::Register(Value::List(items, _)) = &state.body else { return Vec::new() };
            return items.iter().map(|item| self.element(item, None, facet)).collect();
        };
        if state.knowledge == Knowledge::Unknown {
            return Vec::new();
        }
        let live = elements.iter().filter(|element| element.life == Life::Live);
        live.map(|element| self.element(&element.value, Some(element), facet)).collect()
    }

    fn element(&self, item: &Value, state: Option<&ElementState>, facet: &Facet) -> Verdict {
        let key = element_name(item, facet, self.scene);
        let id = state.and_then(|state| state.id.clone());
        let (subject, other) = match id {
            Some(id) => (id, Some(key)),
            None => (key, None),
        };
        let answer = self.ask(Some(item));
        self.verdict(
            &answer,
            subject,
            other,
            Some(item),
            state.is_some_and(|state| state.contested),
        )
    }

    fn verdict(
        &self,
        answer: &Answer,
        subject: Arc<str>,
        other: Option<Arc<str>>,
        item: Option<&Value>,
        contested: bool,
    ) -> Verdict {
        let schema = &self.scene.frame.content.schema;
        let assumptions: Box<[Box<str>]> = answer
            .notes
            .assumed
            .iter()
            .map(|&place| {
                let (_, _, value, path) = &self.form.assume[place];
                format!("{path} = {}", value.to_json(schema)).into()
            })
            .collect();
        let unsure = contested || answer.notes.shaky || !assumptions.is_empty();
        // Only what holds is told: the others need no text.
        let wanted = answer.holds == Some(true) || self.scene.frame.trace.is_some();
        let told = item.filter(|_| wanted);
        Verdict {
            subject,
            other,
            element: told.map(|item| item.to_json(schema).to_string().into()).unwrap_or_default(),
            item: item.cloned(),
            holds: answer.holds,
            severity: answer.severity,
            measure: answer.measure,
            confidence: if unsure { Confidence::Provisional } else { Confidence::Confirmed },
            assumptions,
        }
    }

    /// Asks without assumptions first, and with them only where that can't tell.
    fn ask(&self, item: Option<&Value>) -> Answer {
        let answer = self.ask_once(item, false);
        if answer.holds.is_some() || self.form.assume.is_empty() {
            return answer;
        }
        self.ask_once(item, true)
    }

    fn ask_once(&self, item: Option<&Value>, assuming: bool) -> Answer {
        let scene = self.scene;
        let Scene { frame, arena, state, .. } = scene;
        let mut lens = Lens::new(arena, frame.content, state, frame.limits, state.watermark);
        if assuming {
            lens = lens.assuming(&self.form.assume);
        }
        let handle =
            lens.place(self.transition.kind, &self.transition.id, Rc::clone(self.look.view));
        let before =
            lens.aside(self.transition.kind, &self.transition.id, Rc::clone(self.look.before));
        lens.begin(self.on.each.map(|each| (handle, each)));
        let lent = item.map(|item| match self.on.each {
            Some(each) => {
                let ty = &frame.content.schema.facet(self.transition.kind, each).ty;
                let ty = if let crate::model::Type::List(item) = ty { item } else { ty };
                lens.lend(item, ty)
            }
            None => Val::Unsaid,
        });
        let mut vars = vars(self.look.cause, self.scene);
        vars.extend([
            Val::Resource(handle),
            lent.unwrap_or_default(),
            Val::Resource(before),
            Val::Resource(handle),
            Val::Str(&state.cell().account),
            Val::Str(&self.look.cause.region),
            Val::Time(self.look.cause.time),
        ]);
        params(self.detector, scene, &mut vars);
        let answer = self.on.insecure.eval(&vars, &lens.call());
        let holds = match answer {
            Ok(Val::Bool(truth)) => Some(truth),
            // Absent counts as false, as everywhere in the language.
            Ok(Val::Unsaid | Val::None) => Some(false),
            Ok(_) | Err(_) => None,
        };
        // What is assumed of a facet that changed to nobody knows what may open, and ends nothing.
        let holds = holds.filter(|holds| *holds || !lens.notes().blind);
        let mut severity = self.detector.severity.last().map_or(Severity::Medium, |scale| scale.is);
        let mut measure = None;
        if holds == Some(true) {
            severity = self.severity(&vars, &lens).unwrap_or(severity);
            measure = self.on.measure.as_ref().and_then(|program| {
                match program.eval(&vars, &lens.call()) {
                    Ok(Val::Int(number)) => Some(number),
                    _ => None,
                }
            });
        }
        if lens.ran_out() {
            frame.ledger.note(Spender::Detector(self.detector.id.clone()));
        }
        Answer { holds, severity, measure, notes: lens.notes() }
    }

    fn severity<'a>(&'a self, vars: &[Val<'a>], lens: &Lens<'a, '_>) -> Option<Severity> {
        let PostureForm { on, .. } = self.form;
        let place = on.iter().position(|on| on.kind == self.on.kind)?;
        let holds = |programs: &'a Vec<crate::expr::Program>| {
            let program = programs.get(place)?;
            matches!(program.eval(vars, &lens.call()), Ok(Val::Bool(true))).then_some(())
        };
        self.detector
            .severity
            .iter()
            .find(|scale| scale.when.as_ref().is_none_or(|programs| holds(programs).is_some()))
            .map(|scale| scale.is)
    }
}

/// Why a resource is not judged; empty where it is.
pub(super) fn unjudged(transition: &Transition, scene: &Scene<'_>) -> &'static str {
    match (transition.after.resource.alive, is_provider_owned(transition, scene)) {
        (true, false) => "",
        (true, true) => "it is the provider's own",
        (false, _) => "it is gone",
    }
}

pub(super) fn is_provider_owned(transition: &Transition, scene: &Scene<'_>) -> bool {
    let kind = scene.frame.content.schema.kind(transition.kind);
    let Some(facet) = kind.facet("managed_by") else { return false };
    let Some(state) = transition.after.resource.facet(facet.id) else { return false };
    matches!(&state.body, FacetBody::Register(value) if value.as_str() == Some(PROVIDER))
}

/// What the event tells, in the order of [`scope::EVENT`].
pub fn vars<'a>(cause: &'a Cause, scene: &Scene<'a>) -> Vec<Val<'a>> {
    let text = |text: &'a str| if text.is_empty() { Val::Unsaid } else { Val::Str(text) };
    let provider: Provider = scene.state.cell().provider;
    let values: [Val<'a>; scope::EVENT.len()] = [
        text(&cause.name),
        text(&cause.service),
        Val::Unsaid,
        text(&cause.id),
        Val::Time(cause.time),
        text(&cause.region),
        text(&scene.state.cell().account),
        Val::Unsaid,
        Val::Unsaid,
        cause.error.as_deref().map_or(Val::Unsaid, text),
        Val::Str(provider.as_str()),
        text(&cause.actor),
        text(&cause.actor_name),
        text(&cause.actor_kind),
        Val::Unsaid,
        text(&cause.credential),
        text(&cause.invoked_by),
        Val::Bool(cause.root),
        cause.mfa.map_or(Val::Unsaid, Val::Bool),
        text(&cause.source_ip),
        text(&cause.user_agent),
    ];
    values.to_vec()
}

/// The detector's parameters, in the order declared.
pub fn params<'a>(detector: &Detector, scene: &Scene<'a>, vars: &mut Vec<Val<'a>>) {
    let schema = &scene.frame.content.schema;
    vars.extend(detector.params.iter().map(|(_, _, value)| value.copy_into(scene.arena, schema)));
}

/// A name made of what an element is, for sources that give it no id: of its key fields where the
/// kind declares some, so that the same element with another priority keeps its finding.
pub fn element_name(item: &Value, facet: &Facet, scene: &Scene<'_>) -> Arc<str> {
    let schema = &scene.frame.content.schema;
    let texts: Vec<String> = match item {
        Value::Str(text) => return Arc::from(&**text),
        Value::Record(_, fields) if !facet.key.is_empty() => facet
            .key
            .iter()
            .filter_map(|&field| fields.get(usize::from(field)))
            .map(|field| field.to_json(schema).to_string())
            .collect(),
        other => vec![other.to_json(schema).to_string()],
    };
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    // A short hash suffices: it tells the elements of one resource apart.
    format!("{:032x}", xxhash_rust::xxh3::xxh3_128(texts.join("\u{0}").as_bytes())).into()
}
