//! Window detectors: what happens over time, in event time, bounded.
//!
//! Windows hear reasons beginning and ending, and deeds. Discovered findings are not heard: they
//! happened at no known time.

use std::collections::BTreeMap;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::content::{Content, Detector, Form, Sensed, WindowForm, WindowShape};
use crate::model::{Act, Cause, Digest, KindId, Limits, Severity, Step, Timestamp, Translation};
use crate::state::journal::pack;
use crate::state::{Key, Moves};

use super::keep::Journals;

use super::heard::{
    Heard, count, gap_uid, heard, is_complete, is_window, one_of, scope_of, waits, watch_window,
    weight_of, window_finding, window_key,
};
use super::overdue::{OverDue, over_due, stretched};
use super::tell::Parts;
use super::{CellFindings, Open, Scene, Told, Why, step};

/// When a window must be looked at again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowTimer {
    /// The window's detector, by id.
    pub(super) detector: Arc<str>,
    /// What it is kept by.
    pub(super) scope: Arc<str>,
    /// The finding it waits on, and where that is filed.
    finding: Option<(Key, Digest)>,
    /// How often it was told already.
    round: usize,
}

/// The windows of one cell.
#[derive(Debug, Default)]
pub struct Windows {
    /// By detector and scope, see [`window_key`].
    pub(super) rings: FxHashMap<Key, Box<Ring>>,
    pub(super) told_until: FxHashMap<Key, Timestamp>,
    /// How many rings were left when those that are over were last thrown out.
    swept: usize,
    /// In boxes, as rings are: a map keeps much of its room free.
    pub(super) timers: BTreeMap<(Timestamp, u64), Box<WindowTimer>>,
    pub(super) sequence: u64,
    pub(super) journals: Journals,
}

/// What one window remembers for one scope.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Ring {
    /// When the newest is out of the span.
    until: Timestamp,
    /// In event time. What several windows heard is there once.
    pub(super) heard: SmallVec<[Arc<Heard>; 1]>,
}

/// Fewer rings than this are never looked through for those that are over.
const FEW: usize = 256;

impl Windows {
    /// The next timer due at or before `now`, taken out, with the instant it was set for.
    pub fn due(&mut self, now: Timestamp) -> Option<(Timestamp, WindowTimer)> {
        let (&key, _) = self.timers.first_key_value().filter(|((at, _), _)| *at <= now)?;
        let timer = self.timers.remove(&key)?;
        self.journals.timers.note(&key.1, || Some(pack(&(key.0, &timer))));
        Some((key.0, *timer))
    }

    /// When the next timer is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.timers.first_key_value().map(|((at, _), _)| *at)
    }

    /// Moves what is remembered to other content. A timer of a detector that is no more is dropped;
    /// what a ring remembers belongs to its detector's id, and waits for one of that name.
    pub(super) fn carry_over(
        &mut self,
        moves: &Moves,
        translation: &Translation<'_>,
        new: &Content,
    ) {
        #[expect(clippy::iter_over_hash_type, reason = "each on its own")]
        for ring in self.rings.values_mut() {
            let carried = |heard: &Arc<Heard>| heard.carried(moves, translation);
            ring.heard = ring.heard.iter().filter_map(carried).collect();
        }
        self.rings.retain(|_, ring| !ring.heard.is_empty());
        self.timers.retain(|_, timer| {
            if let Some((at, _)) = &mut timer.finding {
                *at = moves.get(at).copied().unwrap_or(*at);
            }
            new.detectors.iter().any(|detector| detector.id == timer.detector)
        });
    }

    /// Throws out what no event can reach any more, whenever there is twice as much as was left the
    /// last time.
    fn sweep(&mut self, watermark: Timestamp, limits: &Limits) {
        if self.rings.len() < FEW.max(2 * self.swept) {
            return;
        }
        let over = watermark.plus(-limits.lateness);
        let Journals { rings, told, .. } = &mut self.journals;
        self.rings.retain(|key, ring| {
            let stays = ring.until >= over;
            if !stays {
                rings.note(key, || Some(pack(ring)));
            }
            stays
        });
        self.told_until.retain(|key, until| {
            let stays = *until >= over;
            if !stays {
                told.note(key, || Some(pack(until)));
            }
            stays
        });
        self.swept = self.rings.len();
    }

    fn note_ring(&mut self, key: Key) {
        self.journals.rings.note(&key, || self.rings.get(&key).map(pack));
    }

    fn note_told(&mut self, key: Key) {
        self.journals.told.note(&key, || self.told_until.get(&key).map(pack));
    }

    /// Whether a timer like that is set for an instant.
    fn waits_at(&self, when: Timestamp, is: impl Fn(&WindowTimer) -> bool) -> bool {
        self.timers.range((when, 0)..=(when, u64::MAX)).any(|(_, timer)| is(timer))
    }

    fn at(&mut self, when: Timestamp, timer: WindowTimer) {
        self.sequence += 1;
        self.journals.timers.note(&self.sequence, || None);
        self.timers.insert((when, self.sequence), Box::new(timer));
    }
}

impl CellFindings {
    /// Lets the windows hear what was told, and adds what they have to tell.
    pub(super) fn hear_told(&mut self, scene: &Scene<'_>, mut told: Vec<Told>) -> Vec<Told> {
        let heard: Vec<Arc<Heard>> =
            told.iter().filter(|told| told.alone).flat_map(heard).map(Arc::new).collect();
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
        let one = Arc::new(Heard {
            sensed: Sensed::Act,
            of: Arc::from(&*declared.name),
            severity: Severity::Informational,
            finding: None,
            kind,
            resource,
            actor: Arc::clone(&scene.cause.actor),
            event: Arc::clone(&scene.cause.id),
            time: scene.cause.time,
        });
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
        let detectors = &scene.frame.content.detectors;
        let Some(detector) = detectors.iter().find(|d| d.id == timer.detector) else {
            return told;
        };
        let Form::Window(form) = &detector.form else { return told };
        match &form.shape {
            WindowShape::OpenLonger { of, spans, repeat } => {
                let Some(open) = timer.finding.and_then(|finding| self.find(finding, scene)) else {
                    return told;
                };
                let times = match timer.round.checked_sub(1) {
                    None => 1,
                    Some(before) => repeat.get(before).copied().unwrap_or(1),
                };
                let same = |known: &WindowTimer| known == timer;
                match over_due(&open.finding.reasons, of, spans, times, at) {
                    OverDue::No => {}
                    OverDue::Later(when) if self.windows.waits_at(when, same) => {}
                    OverDue::Later(when) => self.windows.at(when, timer.clone()),
                    // Two reasons of one span: the last of their timers tells.
                    OverDue::Since(_) if self.windows.waits_at(at, same) => {}
                    OverDue::Since(since) => {
                        let cause = open.cause.open();
                        tell(detector, &one_of(&open, &cause), scene, Some(&cause), at, &mut told);
                        if let Some(times) = repeat.get(timer.round) {
                            let when = since.start.plus(stretched(since.span, *times));
                            let next = WindowTimer { round: timer.round + 1, ..timer.clone() };
                            self.windows.at(when, next);
                        }
                    }
                }
            }
            WindowShape::Gap { .. } => {
                let uid = gap_uid(detector, &timer.scope, scene);
                let key = window_key(detector, &timer.scope);
                let mut list = self.open.take(key, scene.state.cell());
                if let Some(open) = list.iter_mut().find(|open| open.finding.uid == uid) {
                    for reason in &mut open.finding.reasons {
                        reason.severity = Severity::Critical;
                    }
                    told.push(step(open, Step::Updated, scene, at, Parts::default()));
                }
                self.open.put(key, &list);
            }
            WindowShape::Absence { within, .. } => {
                let ring = self.windows.rings.get(&window_key(detector, &timer.scope));
                let last = ring.and_then(|ring| ring.heard.last()).cloned();
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

    fn find(&self, (at, uid): (Key, Digest), scene: &Scene<'_>) -> Option<Open> {
        let list = self.open.read(at, scene.state.cell());
        list.into_iter().find(|open| open.finding.uid == uid)
    }

    fn hear(&mut self, one: &Arc<Heard>, scene: &Scene<'_>, told: &mut Vec<Told>) {
        let content = scene.frame.content;
        for &place in &content.windows {
            let detector = &content.detectors[place as usize];
            let Form::Window(form) = &detector.form else { continue };
            if waits(form, one) {
                watch_window(detector, one, scene);
                self.hear_one(detector, form, one, scene, told);
            }
        }
    }

    fn hear_one(
        &mut self,
        detector: &Detector,
        form: &WindowForm,
        one: &Arc<Heard>,
        scene: &Scene<'_>,
        told: &mut Vec<Told>,
    ) {
        let scope = scope_of(form.by, one, &scene.frame.content.schema);
        let key = window_key(detector, &scope);
        match &form.shape {
            WindowShape::OpenLonger { spans, .. } => {
                self.open_longer(detector, spans, one, scope, scene);
            }
            WindowShape::Gap { escalate, .. } => {
                self.gap(detector, *escalate, one, scope, scene, told);
            }
            WindowShape::Absence { within, .. } => {
                self.remember(key, one, *within, scene);
                self.windows.at(
                    one.time.plus(*within),
                    WindowTimer { detector: detector.id.clone(), scope, finding: None, round: 0 },
                );
            }
            WindowShape::Count { at_least, distinct, weight, within, .. } => {
                let ring = self.remember(key, one, *within, scene);
                let count = count(ring, distinct);
                let sum: u32 = ring.iter().map(|heard| weight_of(heard.severity)).sum();
                let enough = count >= *at_least || weight.is_some_and(|weight| sum >= weight);
                if enough && self.once(key, one.time, *within) {
                    tell(detector, one, scene, None, one.time, told);
                }
            }
            WindowShape::Sequence { steps, any_order, same, different, within } => {
                let ring = self.remember(key, one, *within, scene);
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
        key: Key,
        one: &Arc<Heard>,
        within: i64,
        scene: &Scene<'_>,
    ) -> &[Arc<Heard>] {
        let limits = scene.frame.limits;
        self.windows.sweep(scene.state.watermark, limits);
        self.windows.note_ring(key);
        // Most rings never hold more than one.
        let fresh = || Box::new(Ring { until: one.time, heard: SmallVec::new() });
        let ring = self.windows.rings.entry(key).or_insert_with(fresh);
        let place = ring.heard.partition_point(|heard| heard.time <= one.time);
        ring.heard.insert(place, Arc::clone(one));
        let newest = ring.heard.last().map_or(one.time, |heard| heard.time);
        ring.until = newest.plus(within);
        let many = ring.heard.len().saturating_sub(limits.window_entries);
        let old = ring.heard.partition_point(|heard| newest.since(heard.time) > within);
        ring.heard.drain(..many.max(old));
        &ring.heard
    }

    /// Whether a window may tell now: once per span.
    fn once(&mut self, key: Key, now: Timestamp, within: i64) -> bool {
        self.windows.note_told(key);
        let until = self.windows.told_until.entry(key).or_insert(Timestamp(i64::MIN));
        if now <= *until {
            return false;
        }
        *until = now.plus(within);
        true
    }

    fn open_longer(
        &mut self,
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
        let timer =
            WindowTimer { detector: detector.id.clone(), scope, finding: one.finding, round: 0 };
        self.windows.at(one.time.plus(span), timer);
    }

    fn gap(
        &mut self,
        detector: &Detector,
        escalate: Option<i64>,
        one: &Heard,
        scope: Arc<str>,
        scene: &Scene<'_>,
        told: &mut Vec<Told>,
    ) {
        let key = window_key(detector, &scope);
        if one.sensed == Sensed::Resolved {
            for mut open in self.open.take(key, scene.state.cell()) {
                told.push(step(&mut open, Step::Resolved, scene, one.time, Parts::default()));
            }
            self.open.put(key, &[]);
            return;
        }
        if self.open.has(key) {
            return;
        }
        let mut finding = window_finding(detector, one, scene, one.time);
        finding.uid = gap_uid(detector, &scope, scene);
        let mut open = Open::new(finding, key, scene.cause);
        told.push(step(&mut open, Step::Opened, scene, one.time, Parts::default()));
        self.open.add(&open);
        if let Some(after) = escalate {
            self.windows.at(
                one.time.plus(after),
                WindowTimer { detector: detector.id.clone(), scope, finding: None, round: 0 },
            );
        }
    }
}

/// Tells a window once, whichever of an event's reasons completed it; it has no state of its own
/// to end.
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
    let is_same = |told: &Told| {
        let known = &told.change.finding;
        known.uid == finding.uid && known.episode == finding.episode
    };
    if told.iter().any(is_same) {
        return;
    }
    let mut open = Open::new(finding, window_key(detector, &one.resource), cause);
    told.push(step(&mut open, Step::Opened, &scene, at, Parts::default()));
}
