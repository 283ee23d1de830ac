//! Window detectors: what happens over time, in event time, bounded.
//!
//! Windows hear reasons beginning and ending, and deeds. Discovered findings are not heard: they
//! happened at no known time.

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::content::{Detector, Form, Sensed, WindowForm, WindowShape};
use crate::model::{Act, Cause, Digest, KindId, Severity, Step, Timestamp};

use super::heard::{
    Heard, count, gap_uid, heard, is_complete, is_window, one_of, scope_of, waits, watch_window,
    weight_of, window_finding, window_key,
};
use super::tell::Parts;
use super::{CellFindings, Open, Scene, Told, Why, severity, step};

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
        let content = scene.frame.content;
        for &place in &content.windows {
            let detector = &content.detectors[place as usize];
            let Form::Window(form) = &detector.form else { continue };
            if waits(form, one) {
                watch_window(detector, one, scene);
                self.hear_one(place as usize, detector, form, one, scene, told);
            }
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
            WindowShape::OpenLonger { spans, .. } => {
                self.open_longer(place, detector, spans, one, scope, scene);
            }
            WindowShape::Gap { escalate, .. } => {
                self.gap(place, detector, *escalate, one, scope, scene, told);
            }
            WindowShape::Absence { within, .. } => {
                self.remember(key, one, *within, scene);
                self.windows.at(
                    one.time.plus(*within),
                    WindowTimer { detector: place, scope, finding: None, round: 0 },
                );
            }
            WindowShape::Count { at_least, distinct, weight, within, .. } => {
                let ring = self.remember(key.clone(), one, *within, scene);
                let count = count(ring, distinct);
                let sum: u32 = ring.iter().map(|heard| weight_of(heard.severity)).sum();
                let enough = count >= *at_least || weight.is_some_and(|weight| sum >= weight);
                if enough && self.once(key, one.time, *within) {
                    tell(detector, one, scene, None, one.time, told);
                }
            }
            WindowShape::Sequence { steps, any_order, same, different, within } => {
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

    fn open_longer(
        &mut self,
        place: usize,
        detector: &Detector,
        spans: &[Option<i64>; 5],
        one: &Heard,
        scope: Arc<str>,
        scene: &Scene<'_>,
    ) {
        // A window never hears itself, or one alert would beget another for ever.
        if one.sensed != Sensed::Opened || is_window(&one.of, detector, scene) {
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
        escalate: Option<i64>,
        one: &Heard,
        scope: Arc<str>,
        scene: &Scene<'_>,
        told: &mut Vec<Told>,
    ) {
        let key = window_key(detector, &scope);
        if one.sensed == Sensed::Resolved {
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
    let scene = Scene {
        frame: scene.frame,
        state: scene.state,
        arena: scene.arena,
        cause,
        why: Why::Event,
    };
    let finding = window_finding(detector, one, &scene, at);
    let mut open = Open { finding, cause: Arc::clone(cause), reasons_before: Vec::new() };
    told.push(step(&mut open, Step::Opened, &scene, at, Parts::default()));
}
