//! Window detectors: what happens over time, in event time, bounded.
//!
//! Windows hear reasons beginning and ending, and deeds. Discovered findings are not heard: they
//! happened at no known time.

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::content::{Detector, Form, Sensed, Signal, WindowForm, WindowScope, WindowShape};
use crate::model::{
    Act, Cause, Confidence, Digest, Finding, KindId, Novelty, Reason, Severity, Step, Timestamp,
    Trace,
};
use crate::state::Key;

use super::tell::Parts;
use super::{CellFindings, Open, Scene, Told, severity, step, uid};

/// What a window remembers of one thing it heard.
#[derive(Clone, Debug)]
struct Heard {
    sensed: Sensed,
    /// Detector's id or act's name.
    of: Arc<str>,
    severity: Severity,
    finding: Option<Digest>,
    kind: KindId,
    resource: Arc<str>,
    actor: Arc<str>,
    event: Arc<str>,
    time: Timestamp,
}

/// When a window must be looked at again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowTimer {
    /// The window's detector, by place.
    detector: usize,
    /// What it is kept by.
    scope: Arc<str>,
    /// The finding it waits on.
    finding: Option<Digest>,
    /// How often it was told already.
    round: usize,
}

/// The windows of one cell.
#[derive(Debug, Default)]
pub struct Windows {
    rings: FxHashMap<(usize, Arc<str>), VecDeque<Heard>>,
    told_until: FxHashMap<(usize, Arc<str>), Timestamp>,
    timers: std::collections::BTreeMap<(Timestamp, u64), WindowTimer>,
    sequence: u64,
}

impl Windows {
    /// The next timer due at or before `now`, taken out, with the instant it was set for.
    pub fn due(&mut self, now: Timestamp) -> Option<(Timestamp, WindowTimer)> {
        let (&key, _) = self.timers.first_key_value().filter(|((at, _), _)| *at <= now)?;
        self.timers.remove(&key).map(|timer| (key.0, timer))
    }

    /// When the next timer is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.timers.first_key_value().map(|((at, _), _)| *at)
    }

    fn at(&mut self, when: Timestamp, timer: WindowTimer) {
        self.sequence += 1;
        self.timers.insert((when, self.sequence), timer);
    }
}

impl CellFindings {
    /// Lets the windows hear what was told, and adds what they have to tell.
    pub(super) fn hear_told(&mut self, scene: &Scene<'_>, mut told: Vec<Told>) -> Vec<Told> {
        let heard: Vec<Heard> = told.iter().filter(|told| told.alone).flat_map(heard).collect();
        for one in &heard {
            self.hear(one, scene, &mut told);
        }
        told
    }

    /// Lets the windows hear a deed.
    pub(super) fn hear_act(&mut self, act: &Act, scene: &Scene<'_>, told: &mut Vec<Told>) {
        let content = scene.frame.content;
        let declared = &content.schema.acts[usize::from(act.act)];
        let (kind, resource) = match &act.resource {
            Some((kind, id)) => (*kind, Arc::clone(id)),
            None => (KindId(0), Arc::clone(&scene.state.cell().account)),
        };
        let one = Heard {
            sensed: Sensed::Act,
            of: Arc::from(&*declared.name),
            severity: Severity::Informational,
            finding: None,
            kind,
            resource,
            actor: Arc::clone(&scene.cause.actor),
            event: Arc::clone(&scene.cause.id),
            time: scene.cause.time,
        };
        self.hear(&one, scene, told);
    }

    /// Looks at a window whose time has come.
    pub fn window_due(
        &mut self,
        at: Timestamp,
        timer: &WindowTimer,
        scene: &Scene<'_>,
    ) -> Vec<Told> {
        let mut told = Vec::new();
        let detector = &scene.frame.content.detectors[timer.detector];
        let Form::Window(form) = &detector.form else { return told };
        match &form.shape {
            WindowShape::OpenLonger { spans, repeat, .. } => {
                let Some(open) = timer.finding.and_then(|uid| self.find(uid)).cloned() else {
                    return told;
                };
                let base = severity(&open.finding);
                tell(detector, &one_of(&open), scene, Some(&open.cause), at, &mut told);
                let span = spans[base as usize];
                if let (Some(span), Some(times)) = (span, repeat.get(timer.round)) {
                    let when = open.finding.opened.plus(span.saturating_mul(i64::from(*times)));
                    self.windows.at(when, WindowTimer { round: timer.round + 1, ..timer.clone() });
                }
            }
            WindowShape::Gap { .. } => {
                let uid = gap_uid(detector, &timer.scope, scene);
                let key = window_key(detector, &timer.scope);
                if let Some(open) = self
                    .open
                    .get_mut(&key)
                    .and_then(|list| list.iter_mut().find(|o| o.finding.uid == uid))
                {
                    for reason in &mut open.finding.reasons {
                        reason.severity = Severity::Critical;
                    }
                    told.push(step(open, Step::Updated, scene, at, Parts::default()));
                }
            }
            WindowShape::Absence { within, .. } => {
                let ring = self.windows.rings.get(&(timer.detector, Arc::clone(&timer.scope)));
                let last = ring.and_then(|ring| ring.back()).cloned();
                if let Some(last) = last
                    && last.time.plus(*within) <= at
                {
                    tell(detector, &last, scene, None, at, &mut told);
                }
            }
            WindowShape::Count { .. } | WindowShape::Sequence { .. } => {}
        }
        told
    }

    fn find(&self, uid: Digest) -> Option<&Open> {
        self.open.values().flatten().find(|open| open.finding.uid == uid)
    }

    fn hear(&mut self, one: &Heard, scene: &Scene<'_>, told: &mut Vec<Told>) {
        for (place, detector) in scene.frame.content.detectors.iter().enumerate() {
            let Form::Window(form) = &detector.form else { continue };
            watch_window(detector, form, one, scene);
            self.hear_one(place, detector, form, one, scene, told);
        }
    }

    fn hear_one(
        &mut self,
        place: usize,
        detector: &Detector,
        form: &WindowForm,
        one: &Heard,
        scene: &Scene<'_>,
        told: &mut Vec<Told>,
    ) {
        let scope = scope_of(form.by, one);
        let key = (place, Arc::clone(&scope));
        match &form.shape {
            WindowShape::OpenLonger { of, spans, .. } => {
                self.open_longer(place, detector, of, spans, one, scope, scene, told);
            }
            WindowShape::Gap { of, escalate } => {
                self.gap(place, detector, of, *escalate, one, scope, scene, told);
            }
            WindowShape::Absence { of, within } => {
                if !matches(of, one) {
                    return;
                }
                self.remember(key, one, *within, scene);
                self.windows.at(
                    one.time.plus(*within),
                    WindowTimer { detector: place, scope, finding: None, round: 0 },
                );
            }
            WindowShape::Count { of, at_least, distinct, weight, within } => {
                if !matches(of, one) {
                    return;
                }
                let ring = self.remember(key.clone(), one, *within, scene);
                let count = count(ring, distinct);
                let sum: u32 = ring.iter().map(|heard| weight_of(heard.severity)).sum();
                let enough = count >= *at_least || weight.is_some_and(|weight| sum >= weight);
                if enough && self.once(key, one.time, *within) {
                    tell(detector, one, scene, None, one.time, told);
                }
            }
            WindowShape::Sequence { steps, any_order, same, different, within } => {
                if !steps.iter().any(|step| matches(step, one)) {
                    return;
                }
                let ring = self.remember(key.clone(), one, *within, scene);
                if is_complete(ring, steps, *any_order, same, different, one)
                    && self.once(key, one.time, *within)
                {
                    tell(detector, one, scene, None, one.time, told);
                }
            }
        }
    }

    /// Adds to a ring, in event time, and drops what is out of the span or one too many.
    fn remember(
        &mut self,
        key: (usize, Arc<str>),
        one: &Heard,
        within: i64,
        scene: &Scene<'_>,
    ) -> &VecDeque<Heard> {
        let ring = self.windows.rings.entry(key).or_default();
        let place = ring.partition_point(|heard| heard.time <= one.time);
        ring.insert(place, one.clone());
        let newest = ring.back().map_or(one.time, |heard| heard.time);
        while ring.len() > scene.frame.limits.window_entries
            || ring.front().is_some_and(|heard| newest.since(heard.time) > within)
        {
            ring.pop_front();
        }
        ring
    }

    /// Whether a window may tell now: once per span.
    fn once(&mut self, key: (usize, Arc<str>), now: Timestamp, within: i64) -> bool {
        let until = self.windows.told_until.entry(key).or_insert(Timestamp(i64::MIN));
        if now <= *until {
            return false;
        }
        *until = now.plus(within);
        true
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "a shape's parameters, what was heard, and where it goes"
    )]
    fn open_longer(
        &mut self,
        place: usize,
        detector: &Detector,
        of: &[Signal],
        spans: &[Option<i64>; 5],
        one: &Heard,
        scope: Arc<str>,
        scene: &Scene<'_>,
        told: &mut Vec<Told>,
    ) {
        let _ = (scene, told);
        // A window never hears itself, or one alert would beget another for ever.
        if !matches(of, one) || one.sensed != Sensed::Opened || is_window(&one.of, detector, scene)
        {
            return;
        }
        let Some(span) = spans[one.severity as usize] else { return };
        let timer = WindowTimer { detector: place, scope, finding: one.finding, round: 0 };
        self.windows.at(one.time.plus(span), timer);
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "a shape's parameters, what was heard, and where it goes"
    )]
    fn gap(
        &mut self,
        place: usize,
        detector: &Detector,
        of: &[Signal],
        escalate: Option<i64>,
        one: &Heard,
        scope: Arc<str>,
        scene: &Scene<'_>,
        told: &mut Vec<Told>,
    ) {
        let opens = matches(of, one) && one.sensed == Sensed::Opened;
        let ending = Heard { sensed: Sensed::Opened, ..one.clone() };
        let closes = one.sensed == Sensed::Resolved && matches(of, &ending);
        if !opens && !closes {
            return;
        }
        let key = window_key(detector, &scope);
        if closes {
            let Some(list) = self.open.remove(&key) else { return };
            for mut open in list {
                self.count -= 1;
                told.push(step(&mut open, Step::Resolved, scene, one.time, Parts::default()));
            }
            return;
        }
        if self.open.contains_key(&key) {
            return;
        }
        let mut finding = window_finding(detector, one, scene, one.time);
        finding.uid = gap_uid(detector, &scope, scene);
        let mut open = Open { finding, cause: Arc::clone(scene.cause), reasons_before: Vec::new() };
        told.push(step(&mut open, Step::Opened, scene, one.time, Parts::default()));
        self.open.insert(key, vec![open]);
        self.count += 1;
        if let Some(after) = escalate {
            self.windows.at(
                one.time.plus(after),
                WindowTimer { detector: place, scope, finding: None, round: 0 },
            );
        }
    }
}

/// Tells a window once; it has no state of its own to end.
fn tell(
    detector: &Detector,
    one: &Heard,
    scene: &Scene<'_>,
    cause: Option<&Arc<Cause>>,
    at: Timestamp,
    told: &mut Vec<Told>,
) {
    let cause = cause.unwrap_or(scene.cause);
    let scene =
        Scene { frame: scene.frame, state: scene.state, arena: scene.arena, cause, settled: false };
    let finding = window_finding(detector, one, &scene, at);
    let mut open = Open { finding, cause: Arc::clone(cause), reasons_before: Vec::new() };
    told.push(step(&mut open, Step::Opened, &scene, at, Parts::default()));
}

fn heard(told: &Told) -> Vec<Heard> {
    let finding = &told.change.finding;
    let sensed = match told.change.step {
        Step::Opened | Step::Updated => Sensed::Opened,
        Step::Resolved | Step::Retracted => Sensed::Resolved,
    };
    let fresh = |reason: &&Reason| {
        sensed == Sensed::Resolved
            || reason.since == told.change.cause.time
            || told.change.step == Step::Opened
    };
    finding
        .reasons
        .iter()
        .filter(fresh)
        .map(|reason| Heard {
            sensed,
            of: Arc::clone(&reason.detector),
            severity: reason.severity,
            finding: Some(finding.uid),
            kind: finding.kind,
            resource: Arc::clone(&finding.resource),
            actor: Arc::clone(&told.change.cause.actor),
            event: Arc::clone(&told.change.cause.id),
            time: told.change.time,
        })
        .collect()
}

fn one_of(open: &Open) -> Heard {
    Heard {
        sensed: Sensed::Opened,
        of: open
            .finding
            .reasons
            .first()
            .map_or_else(|| Arc::from(""), |reason| Arc::clone(&reason.detector)),
        severity: severity(&open.finding),
        finding: Some(open.finding.uid),
        kind: open.finding.kind,
        resource: Arc::clone(&open.finding.resource),
        actor: Arc::clone(&open.cause.actor),
        event: Arc::clone(&open.cause.id),
        time: open.finding.opened,
    }
}

fn matches(signals: &[Signal], one: &Heard) -> bool {
    signals.iter().any(|signal| {
        signal.sensed == one.sensed
            && match signal.of.strip_suffix('*') {
                Some(prefix) => one.of.starts_with(prefix),
                None => *signal.of == *one.of,
            }
    })
}

/// Tells whoever asked that a window waits for what it hears.
fn watch_window(detector: &Detector, form: &WindowForm, one: &Heard, scene: &Scene<'_>) {
    let Some(trace) = scene.frame.trace else { return };
    let ends = matches!(form.shape, WindowShape::Gap { .. }) && one.sensed == Sensed::Resolved;
    let opening = Heard { sensed: Sensed::Opened, ..one.clone() };
    let waits = match &form.shape {
        WindowShape::OpenLonger { of, .. }
        | WindowShape::Count { of, .. }
        | WindowShape::Gap { of, .. }
        | WindowShape::Absence { of, .. } => matches(of, if ends { &opening } else { one }),
        WindowShape::Sequence { steps, .. } => steps.iter().any(|step| matches(step, one)),
    };
    if waits {
        let what = match one.sensed {
            Sensed::Opened => "opened",
            Sensed::Resolved => "resolved",
            Sensed::Act => "act",
        };
        trace.tell(&Trace::Heard { detector: &detector.id, of: &one.of, what });
    }
}

fn is_window(id: &str, this: &Detector, scene: &Scene<'_>) -> bool {
    *this.id == *id
        || scene
            .frame
            .content
            .detectors
            .iter()
            .any(|d| *d.id == *id && matches!(d.form, Form::Window(_)))
}

fn scope_of(by: WindowScope, one: &Heard) -> Arc<str> {
    match by {
        WindowScope::Cell => Arc::from(""),
        WindowScope::Actor => Arc::clone(&one.actor),
        WindowScope::Resource => format!("{} {}", one.kind.0, one.resource).into(),
        WindowScope::Control => format!("{} {} {}", one.of, one.kind.0, one.resource).into(),
        WindowScope::Finding => {
            one.finding.map_or_else(|| Arc::clone(&one.event), |uid| uid.to_string().into())
        }
    }
}

/// How many different ones, by what is to be told apart; by event where nothing is named.
fn count(ring: &VecDeque<Heard>, distinct: &[Box<str>]) -> u32 {
    let mut seen: Vec<String> = ring
        .iter()
        .map(|heard| {
            if distinct.is_empty() {
                return format!("{} {}", heard.event, heard.of);
            }
            distinct.iter().map(|of| token(heard, of)).collect::<Vec<_>>().join("\u{0}")
        })
        .collect();
    seen.sort_unstable();
    seen.dedup();
    u32::try_from(seen.len()).unwrap_or(u32::MAX)
}

fn token(heard: &Heard, of: &str) -> String {
    match of {
        "detector" => heard.of.to_string(),
        "resource" => format!("{} {}", heard.kind.0, heard.resource),
        "actor" => heard.actor.to_string(),
        _ => heard.event.to_string(),
    }
}

/// Controls catalogue, TMP-006: critical 10, high 5, medium 2, low 1.
fn weight_of(severity: Severity) -> u32 {
    match severity {
        Severity::Critical => 10,
        Severity::High => 5,
        Severity::Medium => 2,
        Severity::Low => 1,
        Severity::Informational => 0,
    }
}

/// Whether the steps are all there, `last` being one of them.
fn is_complete(
    ring: &VecDeque<Heard>,
    steps: &[Vec<Signal>],
    any_order: bool,
    same: &[Box<str>],
    different: &[Box<str>],
    last: &Heard,
) -> bool {
    let mut found: Vec<Option<&Heard>> = vec![None; steps.len()];
    // The newest fitting one of each step, from the last step back.
    let mut limit = None;
    for (place, step) in steps.iter().enumerate().rev() {
        let fits = |heard: &&Heard| {
            matches(step, heard)
                && (any_order || limit.is_none_or(|limit| heard.time <= limit))
                && related(heard, last, same, different)
        };
        let Some(heard) = ring.iter().rev().find(fits) else { return false };
        limit = Some(heard.time);
        found[place] = Some(heard);
    }
    let events =
        |of: Option<&Heard>| of.map(|heard| (Arc::clone(&heard.event), Arc::clone(&heard.of)));
    let mut ids: Vec<_> = found.iter().copied().map(events).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.len() == steps.len()
}

fn related(heard: &Heard, last: &Heard, same: &[Box<str>], different: &[Box<str>]) -> bool {
    let itself = heard.event == last.event && heard.of == last.of;
    itself
        || (same.iter().all(|of| is_same(heard, last, of))
            && different.iter().all(|of| token(heard, of) != token(last, of)))
}

/// Whether two share what is named. `identity`: the resource of one is the resource or the actor
/// of the other, by the last part of its name.
fn is_same(left: &Heard, right: &Heard, of: &str) -> bool {
    if of != "identity" {
        return token(left, of) == token(right, of);
    }
    let name = |text: &str| text.rsplit(['/', ':']).next().unwrap_or(text).to_owned();
    let (a, b) =
        ([name(&left.resource), name(&left.actor)], [name(&right.resource), name(&right.actor)]);
    a.iter().any(|one| !one.is_empty() && b.contains(one))
}

fn window_key(detector: &Detector, scope: &str) -> Key {
    Key::of(KindId(u16::MAX), &format!("{}\u{1}{scope}", detector.id))
}

fn gap_uid(detector: &Detector, scope: &str, scene: &Scene<'_>) -> Digest {
    let cell = scene.state.cell();
    uid(
        &[&cell.tenant, cell.provider.as_str(), &cell.account, "window", &detector.id, scope],
        Timestamp::default(),
    )
}

fn window_finding(detector: &Detector, one: &Heard, scene: &Scene<'_>, at: Timestamp) -> Finding {
    let cell = scene.state.cell();
    let severity = detector.severity.last().map_or(Severity::Medium, |scale| scale.is);
    Finding {
        uid: uid(
            &[
                &cell.tenant,
                cell.provider.as_str(),
                &cell.account,
                "window",
                &detector.id,
                &one.resource,
                &one.event,
            ],
            Timestamp::default(),
        ),
        cell: cell.clone(),
        kind: one.kind,
        resource: Arc::clone(&one.resource),
        incarnation: Timestamp::default(),
        subject: Arc::clone(&detector.id),
        element: Box::default(),
        reasons: vec![Reason {
            detector: Arc::clone(&detector.id),
            severity,
            since: at,
            confidence: Confidence::Confirmed,
            assumptions: Box::default(),
            measure: None,
        }],
        episode: format!("{} {}", one.event, at.0).into(),
        steps: 0,
        opened: one.time,
        seen: at,
        novelty: Novelty::Introduced,
        told: false,
    }
}
