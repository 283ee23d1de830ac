//! Posture detectors: what each says of a resource as it is, element by element where asked.

use std::cell::{OnceCell, RefCell};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::content::{Detector, PostureForm, PostureOn, scope};
use crate::expr::World as _;
use crate::model::{
    Cause, Confidence, Facet, FacetId, Handle, Provider, Severity, Spender, Type, Val, Value,
};
use crate::state::{
    Assumption, ElementState, FacetBody, Knowledge, Lens, Life, Notes, Transition, View,
};

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
    /// The element, where it holds or somebody watches.
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
    pub view: &'l Arc<View>,
    /// As it was.
    pub before: &'l Arc<View>,
    /// The event.
    pub cause: &'l Cause,
}

/// Which verdicts are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All of them.
    All,
    /// Of elements those that hold: with no finding open, no other makes a difference.
    Holding,
}

/// A resource before its detectors: one look at its cell, which all of them share.
pub struct Hearing<'h> {
    transition: &'h Transition,
    look: Look<'h>,
    scene: &'h Scene<'h>,
    plain: Stand<'h>,
    /// Names of a facet's elements, made when first asked for.
    names: RefCell<FxHashMap<FacetId, Vec<Option<Arc<str>>>>>,
}

/// Where an expression stands: what it sees, and its variables up to the parameters.
struct Stand<'h> {
    lens: Lens<'h, 'h>,
    resource: Handle,
    vars: Vec<Val<'h>>,
}

/// The place of `item` among the variables.
const ITEM: usize = scope::EVENT.len() + 1;

impl<'h> Stand<'h> {
    fn new(
        transition: &Transition,
        look: &Look<'h>,
        scene: &'h Scene<'h>,
        assume: &'h [Assumption],
    ) -> Self {
        let Scene { frame, arena, state, .. } = scene;
        let lens =
            Lens::new(arena, frame.content, state, frame.limits, state.watermark).assuming(assume);
        let resource = lens.place(transition.kind, &transition.id, Arc::clone(look.view));
        let before = lens.aside(transition.kind, &transition.id, Arc::clone(look.before));
        let mut vars = vars(look.cause, scene);
        // In the order of `scope::POSTURE`.
        let own: [Val<'h>; scope::POSTURE.len()] = [
            Val::Resource(resource),
            Val::Unsaid,
            Val::Resource(before),
            Val::Resource(resource),
            Val::Str(&state.cell().account),
            Val::Str(&look.cause.region),
            Val::Time(look.cause.time),
        ];
        vars.extend(own);
        Self { lens, resource, vars }
    }
}

impl<'h> Hearing<'h> {
    /// Looks at a resource.
    pub fn new(transition: &'h Transition, look: Look<'h>, scene: &'h Scene<'h>) -> Self {
        let plain = Stand::new(transition, &look, scene, &[]);
        Self { transition, look, scene, plain, names: RefCell::default() }
    }

    /// What one detector says of the resource.
    pub fn verdicts(
        &self,
        detector: &'h Detector,
        form: &'h PostureForm,
        on: &'h PostureOn,
        wanted: Wanted,
    ) -> Vec<Verdict> {
        let case = Case { hearing: self, detector, form, on, assuming: OnceCell::new() };
        let Some(each) = on.each else {
            return vec![case.whole()];
        };
        case.elements(each, wanted)
    }

    /// The name of an element of a facet, by its place among those judged.
    fn name(&self, facet: &Facet, place: usize, item: &Value) -> Arc<str> {
        let mut names = self.names.borrow_mut();
        let names = names.entry(facet.id).or_default();
        if names.len() <= place {
            names.resize(place + 1, None);
        }
        let made = || element_name(item, facet, self.scene);
        Arc::clone(names[place].get_or_insert_with(made))
    }
}

/// One detector's case against the resource.
struct Case<'c, 'h> {
    hearing: &'c Hearing<'h>,
    detector: &'h Detector,
    form: &'h PostureForm,
    on: &'h PostureOn,
    /// The same look under the detector's assumptions, where they are needed.
    assuming: OnceCell<Stand<'h>>,
}

/// An answer and what it rests on.
struct Answer {
    holds: Option<bool>,
    severity: Severity,
    measure: Option<i64>,
    notes: Notes,
}

impl<'h> Case<'_, 'h> {
    fn whole(&self) -> Verdict {
        let answer = self.ask(None);
        self.verdict(&answer, Arc::clone(&self.form.aspect), None, None, false)
    }

    fn elements(&self, each: FacetId, wanted: Wanted) -> Vec<Verdict> {
        let Hearing { transition, look, scene, plain, .. } = self.hearing;
        let schema = &scene.frame.content.schema;
        let facet = schema.facet(transition.kind, each);
        let found = judged(look.view, each);
        plain.lens.begin(Some((plain.resource, each)));
        let read = plain.lens.facet(plain.resource, each);
        let lent = read.items().filter(|items| items.len() == found.len());
        let mut verdicts = Vec::new();
        for (place, (item, state)) in found.into_iter().enumerate() {
            let lent = lent.map_or_else(|| self.lend(plain, item), |items| items[place]);
            let answer = self.ask(Some((item, lent)));
            if wanted == Wanted::Holding && answer.holds != Some(true) {
                continue;
            }
            let key = self.hearing.name(facet, place, item);
            let (subject, other) = match state.and_then(|state| state.id.clone()) {
                Some(id) => (id, Some(key)),
                None => (key, None),
            };
            let contested = state.is_some_and(|state| state.contested);
            verdicts.push(self.verdict(&answer, subject, other, Some(item), contested));
        }
        worst_of_each(verdicts)
    }

    fn verdict(
        &self,
        answer: &Answer,
        subject: Arc<str>,
        other: Option<Arc<str>>,
        item: Option<&Value>,
        contested: bool,
    ) -> Verdict {
        let frame = &self.hearing.scene.frame;
        let schema = &frame.content.schema;
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
        let wanted = answer.holds == Some(true) || frame.trace.is_some();
        let told = item.filter(|_| wanted);
        Verdict {
            subject,
            other,
            element: told.map(|item| item.to_json(schema).to_string().into()).unwrap_or_default(),
            item: told.cloned(),
            holds: answer.holds,
            severity: answer.severity,
            measure: answer.measure,
            confidence: if unsure { Confidence::Provisional } else { Confidence::Confirmed },
            assumptions,
        }
    }

    /// Asks without assumptions first, and with them only where that can't tell. `item` is an
    /// element, and as the plain look lends it.
    fn ask(&self, item: Option<(&Value, Val<'h>)>) -> Answer {
        let Hearing { transition, look, scene, plain, .. } = self.hearing;
        let answer = self.ask_once(plain, item.map(|(_, lent)| lent));
        if answer.holds.is_some() || self.form.assume.is_empty() {
            return answer;
        }
        let assuming =
            self.assuming.get_or_init(|| Stand::new(transition, look, scene, &self.form.assume));
        self.ask_once(assuming, item.map(|(item, _)| self.lend(assuming, item)))
    }

    fn lend(&self, stand: &Stand<'h>, item: &Value) -> Val<'h> {
        let Some(each) = self.on.each else { return Val::Unsaid };
        let schema = &self.hearing.scene.frame.content.schema;
        let ty = &schema.facet(self.hearing.transition.kind, each).ty;
        stand.lens.lend(item, if let Type::List(item) = ty { item } else { ty })
    }

    fn ask_once(&self, stand: &Stand<'h>, item: Option<Val<'h>>) -> Answer {
        let (scene, lens) = (self.hearing.scene, &stand.lens);
        lens.begin(self.on.each.map(|each| (stand.resource, each)));
        let mut vars = bumpalo::collections::Vec::with_capacity_in(
            stand.vars.len() + self.detector.params.len(),
            scene.arena,
        );
        vars.extend_from_slice(&stand.vars);
        vars[ITEM] = item.unwrap_or_default();
        let schema = &scene.frame.content.schema;
        let params = self.detector.params.iter();
        vars.extend(params.map(|(_, _, value)| value.lend(scene.arena, schema)));
        let holds = match self.on.insecure.eval(&vars, &lens.call()) {
            Ok(Val::Bool(truth)) => Some(truth),
            // Absent counts as false, as everywhere in the language.
            Ok(Val::Unsaid | Val::None) => Some(false),
            Ok(_) | Err(_) => None,
        };
        // What is assumed of a facet that changed to nobody knows what may open, and ends nothing.
        let holds = holds.filter(|holds| *holds || !lens.is_blind());
        let mut severity = self.detector.severity.last().map_or(Severity::Medium, |scale| scale.is);
        let mut measure = None;
        if holds == Some(true) {
            severity = self.severity(&vars, lens).unwrap_or(severity);
            measure = self.on.measure.as_ref().and_then(|program| {
                match program.eval(&vars, &lens.call()) {
                    Ok(Val::Int(number)) => Some(number),
                    _ => None,
                }
            });
        }
        if lens.ran_out() {
            scene.frame.ledger.spent(Spender::Detector(self.detector.id.clone()));
        }
        Answer { holds, severity, measure, notes: lens.notes() }
    }

    fn severity(&self, vars: &[Val<'h>], lens: &Lens<'h, '_>) -> Option<Severity> {
        let PostureForm { on, .. } = self.form;
        let place = on.iter().position(|on| on.kind == self.on.kind)?;
        let holds = |programs: &'h Vec<crate::expr::Program>| {
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

/// One verdict for each subject. Derived elements of one key are one subject, and the worst of
/// them speaks for all: what holds before what can't be told, then by severity and measure. Its
/// measure is that of all that hold together, so that one more of them is seen to be worse.
fn worst_of_each(verdicts: Vec<Verdict>) -> Vec<Verdict> {
    let weight = |verdict: &Verdict| {
        let holds = verdict.holds.map_or(1, |holds| if holds { 2 } else { 0 });
        let sure = verdict.confidence == Confidence::Confirmed;
        (holds, verdict.severity, sure, verdict.measure)
    };
    let mut places: FxHashMap<Arc<str>, (usize, Option<i64>)> = FxHashMap::default();
    let mut worst: Vec<Verdict> = Vec::with_capacity(verdicts.len());
    for verdict in verdicts {
        let size = verdict.measure.filter(|_| verdict.holds == Some(true));
        let Some((place, sum)) = places.get_mut(&verdict.subject) else {
            places.insert(Arc::clone(&verdict.subject), (worst.len(), size));
            worst.push(verdict);
            continue;
        };
        *sum = size.map_or(*sum, |size| Some(sum.unwrap_or(0).saturating_add(size)));
        if weight(&verdict) > weight(&worst[*place]) {
            worst[*place] = verdict;
        }
    }
    for verdict in worst.iter_mut().filter(|verdict| verdict.holds == Some(true)) {
        verdict.measure = places.get(&verdict.subject).and_then(|(_, sum)| *sum);
    }
    worst
}

/// An element that is judged, and its state where there is one.
type Judged<'v> = (&'v Value, Option<&'v ElementState>);

/// The elements of a facet that are judged, with their state where the facet is a set that is
/// said; in the order in which an expression sees them.
fn judged(view: &View, each: FacetId) -> Vec<Judged<'_>> {
    fn plain(items: &[Value]) -> Vec<Judged<'_>> {
        items.iter().map(|item| (item, None)).collect()
    }
    if let Some((_, value)) = view.derived.iter().find(|(facet, _)| *facet == each) {
        return if let Value::List(items, _) = value { plain(items) } else { Vec::new() };
    }
    let Some(state) = view.resource.facet(each) else { return Vec::new() };
    match &state.body {
        FacetBody::Register(Value::List(items, _)) => plain(items),
        FacetBody::Set(elements) if state.knowledge != Knowledge::Unknown => elements
            .iter()
            .filter(|element| element.life == Life::Live)
            .map(|element| (&element.value, Some(element)))
            .collect(),
        FacetBody::Register(_) | FacetBody::Set(_) => Vec::new(),
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
    // What stands behind them comes from the caller.
    let mut vars = Vec::with_capacity(values.len() + scope::POSTURE.len());
    vars.extend(values);
    vars
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
