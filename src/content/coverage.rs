//! What of the content can fire: compiled content enters; detector by cloud by path leaves, as
//! text, JSON or Markdown.

mod report;

use std::cmp::Reverse;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::compiled::{ActForm, Content, Detector, Form, PostureForm, PostureOn, Sensed, Verb};
use super::compiled::{Signal, WindowForm, WindowShape};
use super::derive::name;
use super::window::hears;
use crate::expr::Program;
use crate::model::{FacetId, Family, KindId, Origin, Provider};

/// Whether a detector can fire on a cloud's events of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// The cloud's mappings do not speak of what it judges.
    Absent,
    /// They do, and a facet it can't do without is never written.
    Dead,
    /// It rests on an assumption, or one of several ways to fire is missing.
    Partial,
    /// Every facet it reads is written.
    Live,
}

impl Status {
    /// The word in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "-",
            Self::Dead => "dead",
            Self::Partial => "partial",
            Self::Live => "live",
        }
    }
}

/// One detector on one cloud's events of one family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The detector's id.
    pub detector: Arc<str>,
    /// The cloud.
    pub provider: Provider,
    /// Activity is the audit path, state the snapshot path.
    pub family: Family,
    /// Whether it can fire.
    pub status: Status,
    /// Facets (`kind.facet`), acts or signals that nothing gives.
    pub missing: Vec<String>,
    /// Facets that nothing writes and the detector assumes.
    pub assumed: Vec<String>,
}

/// The whole table, by detector, cloud and family.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Its lines, detectors in id order.
    pub lines: Vec<Line>,
    /// The clouds that have mappings.
    pub providers: Vec<Provider>,
}

/// Both paths, in the order of reports.
pub const PATHS: [(Family, &str); 2] = [(Family::Activity, "audit"), (Family::State, "snapshot")];

/// What each detector needs against what each cloud's mappings write.
///
/// A facet is written where an entry's `put` or `replace` says it; a derived one where all said
/// facets below it are. A facet with a default of the cloud's own is never missing. Where a
/// facet is missing and the expressions have alternatives (`||`, `?`), another one may still
/// decide, so the detector counts as partial and not as dead.
#[must_use]
pub fn coverage(content: &Content) -> Coverage {
    let told = Told::of(content);
    let mut providers: Vec<Provider> = content.entries.iter().map(|entry| entry.provider).collect();
    providers.sort_unstable();
    providers.dedup();
    let mut lines: Vec<Line> = Vec::new();
    for windows in [false, true] {
        for detector in &content.detectors {
            if matches!(detector.form, Form::Window(_)) != windows {
                continue;
            }
            for provider in &providers {
                for (family, _) in PATHS {
                    let found = judge(content, &told, detector, *provider, family, &lines);
                    lines.push(found);
                }
            }
        }
    }
    lines.sort_by(|left, right| {
        (&left.detector, left.provider, left.family).cmp(&(
            &right.detector,
            right.provider,
            right.family,
        ))
    });
    Coverage { lines, providers }
}

/// What the mappings of each cloud say, by family.
struct Told {
    facets: FxHashSet<(Provider, Family, KindId, FacetId)>,
    kinds: FxHashSet<(Provider, KindId)>,
    acts: FxHashSet<(Provider, Family, u16)>,
}

impl Told {
    fn of(content: &Content) -> Self {
        let mut told = Self {
            facets: FxHashSet::default(),
            kinds: FxHashSet::default(),
            acts: FxHashSet::default(),
        };
        for entry in &content.entries {
            for group in &entry.groups {
                let kind = group.resource.as_ref().map(|resource| resource.kind);
                told.kinds.extend(kind.map(|kind| (entry.provider, kind)));
                for verb in group.verbs.iter().chain(&group.otherwise) {
                    match (verb, kind) {
                        (Verb::Put(rules) | Verb::Replace(rules), Some(kind)) => {
                            let facets = rules.iter().map(|(facet, _)| *facet);
                            told.facets.extend(
                                facets.map(|facet| (entry.provider, entry.family, kind, facet)),
                            );
                        }
                        (Verb::Act(act, _), _) => {
                            told.acts.insert((entry.provider, entry.family, *act));
                        }
                        _ => {}
                    }
                }
            }
        }
        told
    }
}

fn judge(
    content: &Content,
    told: &Told,
    detector: &Detector,
    provider: Provider,
    family: Family,
    lines: &[Line],
) -> Line {
    let line = |status, missing, assumed| Line {
        detector: detector.id.clone(),
        provider,
        family,
        status,
        missing,
        assumed,
    };
    match &detector.form {
        Form::Posture(form) => {
            let best = form
                .on
                .iter()
                .map(|on| Need::of(content, told, form, on, provider, family).answer())
                .max_by_key(|(status, missing, _)| (*status, Reverse(missing.len())));
            let (status, missing, assumed) = best.unwrap_or((Status::Absent, vec![], vec![]));
            line(status, missing, assumed)
        }
        Form::Act(ActForm { act, .. }) => {
            let (status, missing) = act_status(content, told, *act, provider, family);
            line(status, missing, vec![])
        }
        Form::Window(form) => {
            let (status, missing) = window(content, told, form, provider, family, lines);
            line(status, missing, vec![])
        }
    }
}

fn act_status(
    content: &Content,
    told: &Told,
    act: u16,
    provider: Provider,
    family: Family,
) -> (Status, Vec<String>) {
    if told.acts.contains(&(provider, family, act)) {
        return (Status::Live, vec![]);
    }
    let name = content.schema.acts.get(usize::from(act)).map_or("", |act| &*act.name);
    (Status::Absent, vec![format!("act {name}")])
}

/// A sequence needs every step, everything else any signal.
fn window(
    content: &Content,
    told: &Told,
    form: &WindowForm,
    provider: Provider,
    family: Family,
    lines: &[Line],
) -> (Status, Vec<String>) {
    let best = |signals: &[Signal]| {
        signals
            .iter()
            .map(|signal| signal_status(content, told, signal, provider, family, lines))
            .max()
            .unwrap_or(Status::Absent)
    };
    let text = |signals: &[Signal]| {
        let names: Vec<&str> = signals.iter().map(|signal| &*signal.of).collect();
        names.join(" or ")
    };
    match &form.shape {
        WindowShape::Sequence { steps, .. } => {
            let status = steps.iter().map(|step| best(step)).min().unwrap_or(Status::Absent);
            let silent = steps.iter().filter(|step| best(step) < Status::Partial);
            (status, silent.map(|step| text(step)).collect())
        }
        WindowShape::OpenLonger { of, .. }
        | WindowShape::Count { of, .. }
        | WindowShape::Gap { of, .. }
        | WindowShape::Absence { of, .. } => {
            let status = best(of);
            let missing = if status < Status::Partial { vec![text(of)] } else { vec![] };
            (status, missing)
        }
    }
}

fn signal_status(
    content: &Content,
    told: &Told,
    signal: &Signal,
    provider: Provider,
    family: Family,
    lines: &[Line],
) -> Status {
    if signal.sensed == Sensed::Act {
        let act = content.schema.acts.iter().position(|act| act.name == signal.of);
        let act = act.and_then(|act| u16::try_from(act).ok()).unwrap_or(u16::MAX);
        return act_status(content, told, act, provider, family).0;
    }
    lines
        .iter()
        .filter(|line| (line.provider, line.family) == (provider, family))
        .filter(|line| hears(&signal.of, &line.detector))
        .map(|line| line.status)
        .max()
        .unwrap_or(Status::Absent)
}

/// What one detector needs of one kind, and what of it is there.
struct Need<'a> {
    content: &'a Content,
    told: &'a Told,
    form: &'a PostureForm,
    provider: Provider,
    family: Family,
    kind: KindId,
    seen: FxHashSet<(KindId, FacetId)>,
    missing: Vec<String>,
    assumed: Vec<String>,
    written: bool,
    alternatives: bool,
    spoken_of: bool,
}

impl<'a> Need<'a> {
    fn of(
        content: &'a Content,
        told: &'a Told,
        form: &'a PostureForm,
        on: &PostureOn,
        provider: Provider,
        family: Family,
    ) -> Self {
        let mut need = Self {
            content,
            told,
            form,
            provider,
            family,
            kind: on.kind,
            seen: FxHashSet::default(),
            missing: Vec::new(),
            assumed: Vec::new(),
            written: false,
            alternatives: false,
            spoken_of: told.kinds.contains(&(provider, on.kind)),
        };
        if let Some(each) = on.each {
            need.facet(on.kind, each);
        }
        need.program(&on.insecure);
        need
    }

    fn program(&mut self, program: &Program) {
        let text = program.source();
        self.alternatives |= text.contains("||") || text.contains(" ? ");
        let steps: Vec<_> =
            program.reads().iter().flat_map(|read| read.path.iter().copied()).collect();
        for (kind, facet) in steps {
            self.facet(kind, facet);
        }
    }

    fn facet(&mut self, kind: KindId, facet: FacetId) {
        if !self.seen.insert((kind, facet)) {
            return;
        }
        if self.form.assume.iter().any(|assumed| (assumed.0, assumed.1) == (kind, facet)) {
            let before = self.missing.len();
            self.below(kind, facet);
            if self.missing.len() > before {
                self.missing.truncate(before);
                self.assumed.push(name(&self.content.schema, (kind, facet)));
            }
            return;
        }
        self.below(kind, facet);
    }

    fn below(&mut self, kind: KindId, facet: FacetId) {
        let content = self.content;
        let declared = content.schema.facet(kind, facet);
        match declared.origin {
            Origin::Said => {
                if self.told.facets.contains(&(self.provider, self.family, kind, facet)) {
                    self.written = true;
                } else if declared.default.is_none() {
                    self.missing.push(name(&content.schema, (kind, facet)));
                }
            }
            Origin::Derived => {
                let derive = content.derives[usize::from(kind.0)]
                    .iter()
                    .find(|derive| derive.facet == facet);
                if let Some(derive) = derive {
                    self.program(&derive.is);
                }
            }
            Origin::Back { kind, facet, .. } => self.facet(kind, facet),
            Origin::One(_) => {}
        }
    }

    fn answer(self) -> (Status, Vec<String>, Vec<String>) {
        let status = match (self.written, self.missing.is_empty()) {
            (true, true) if self.assumed.is_empty() => Status::Live,
            (true, true) => Status::Partial,
            (true, false) if self.alternatives => Status::Partial,
            (false, _) if !self.spoken_of => Status::Absent,
            _ => Status::Dead,
        };
        let mut missing = self.missing;
        if status == Status::Dead && missing.is_empty() && self.assumed.is_empty() {
            // All it reads has the cloud's own default, and nothing ever says otherwise.
            missing.push(format!("an event of `{}`", self.content.schema.kind(self.kind).name));
        }
        (status, missing, self.assumed)
    }
}

impl Coverage {
    /// The lines of one detector.
    pub fn of<'c>(&'c self, detector: &'c str) -> impl Iterator<Item = &'c Line> {
        self.lines.iter().filter(move |line| &*line.detector == detector)
    }
}

/// Whether a detector can fire on none of the paths, and what it lacks.
#[must_use]
pub fn never_fires(coverage: &Coverage, detector: &Detector) -> Option<String> {
    let lines: Vec<&Line> = coverage.of(&detector.id).collect();
    if lines.iter().any(|line| line.status >= Status::Partial) {
        return None;
    }
    let nearest = lines.iter().min_by_key(|line| (Reverse(line.status), line.missing.len()))?;
    Some(match (nearest.missing.is_empty(), nearest.assumed.is_empty()) {
        (false, _) => nearest.missing.join(", "),
        (true, false) => nearest.assumed.join(", "),
        (true, true) => "what it judges".to_owned(),
    })
}
