//! What windows hear, and how what they heard compares.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::content::{Detector, Form, Sensed, Signal, WindowForm, WindowScope, WindowShape};
use crate::model::{
    Cause, Confidence, Digest, Finding, KindId, Novelty, Reason, Schema, Severity, Step, Timestamp,
    Trace,
};
use crate::state::Key;

use super::{Open, Scene, Told, severity, uid};

/// What a window remembers of one thing it heard.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Heard {
    pub(super) sensed: Sensed,
    /// Detector's id or act's name.
    pub(super) of: Arc<str>,
    pub(super) severity: Severity,
    /// A finding, and where it is filed.
    pub(super) finding: Option<(Key, Digest)>,
    pub(super) kind: KindId,
    pub(super) resource: Arc<str>,
    pub(super) actor: Arc<str>,
    pub(super) event: Arc<str>,
    pub(super) time: Timestamp,
}

pub(super) fn heard(told: &Told) -> Vec<Heard> {
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
            finding: Some((told.at, finding.uid)),
            kind: finding.kind,
            resource: Arc::clone(&finding.resource),
            actor: Arc::clone(&told.change.cause.actor),
            event: Arc::clone(&told.change.cause.id),
            time: told.change.time,
        })
        .collect()
}

/// An open finding as it was heard when `cause` opened it.
pub(super) fn one_of(open: &Open, cause: &Cause) -> Heard {
    Heard {
        sensed: Sensed::Opened,
        of: open
            .finding
            .reasons
            .first()
            .map_or_else(|| Arc::from(""), |reason| Arc::clone(&reason.detector)),
        severity: severity(&open.finding),
        finding: Some((open.at, open.finding.uid)),
        kind: open.finding.kind,
        resource: Arc::clone(&open.finding.resource),
        actor: Arc::clone(&cause.actor),
        event: Arc::clone(&cause.id),
        time: open.finding.opened,
    }
}

pub(super) fn matches(signals: &[Signal], one: &Heard) -> bool {
    are(signals, one.sensed, one)
}

/// Whether a signal speaks of what was heard, had it been sensed as `sensed`.
fn are(signals: &[Signal], sensed: Sensed, one: &Heard) -> bool {
    speaks_of(signals, sensed, &one.of)
}

/// Whether a signal speaks of that detector or act, sensed as `sensed`.
pub(super) fn speaks_of(signals: &[Signal], sensed: Sensed, of: &str) -> bool {
    signals.iter().any(|signal| {
        signal.sensed == sensed
            && match signal.of.strip_suffix('*') {
                Some(prefix) => of.starts_with(prefix),
                None => *signal.of == *of,
            }
    })
}

/// Whether a window waits for what is heard; a gap waits for the end of what it heard, too.
pub(super) fn waits(form: &WindowForm, one: &Heard) -> bool {
    match &form.shape {
        WindowShape::Gap { of, .. } => match one.sensed {
            Sensed::Opened | Sensed::Resolved => are(of, Sensed::Opened, one),
            Sensed::Act => false,
        },
        WindowShape::OpenLonger { of, .. }
        | WindowShape::Count { of, .. }
        | WindowShape::Absence { of, .. } => matches(of, one),
        WindowShape::Sequence { steps, .. } => steps.iter().any(|step| matches(step, one)),
    }
}

/// Tells whoever asked that a window waits for what it hears.
pub(super) fn watch_window(detector: &Detector, one: &Heard, scene: &Scene<'_>) {
    let Some(trace) = scene.frame.trace else { return };
    let what = match one.sensed {
        Sensed::Opened => "opened",
        Sensed::Resolved => "resolved",
        Sensed::Act => "act",
    };
    trace.tell(&Trace::Heard { detector: &detector.id, of: &one.of, what });
}

pub(super) fn is_window(id: &str, this: &Detector, scene: &Scene<'_>) -> bool {
    *this.id == *id
        || scene
            .frame
            .content
            .detectors
            .iter()
            .any(|d| *d.id == *id && matches!(d.form, Form::Window(_)))
}

/// What a window keeps apart; in names, because ids change with the content.
pub(super) fn scope_of(by: WindowScope, one: &Heard, schema: &Schema) -> Arc<str> {
    let kind = || &schema.kind(one.kind).name;
    match by {
        WindowScope::Cell => Arc::from(""),
        WindowScope::Actor => Arc::clone(&one.actor),
        WindowScope::Resource => format!("{} {}", kind(), one.resource).into(),
        WindowScope::Control => format!("{} {} {}", one.of, kind(), one.resource).into(),
        WindowScope::Finding => {
            one.finding.map_or_else(|| Arc::clone(&one.event), |(_, uid)| uid.to_string().into())
        }
    }
}

/// How many different ones, by what is to be told apart; by event where nothing is named.
pub(super) fn count(ring: &[Arc<Heard>], distinct: &[Box<str>]) -> u32 {
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

pub(super) fn token(heard: &Heard, of: &str) -> String {
    match of {
        "detector" => heard.of.to_string(),
        "resource" => format!("{} {}", heard.kind.0, heard.resource),
        "actor" => heard.actor.to_string(),
        _ => heard.event.to_string(),
    }
}

/// Controls catalogue, TMP-006: critical 10, high 5, medium 2, low 1.
pub(super) fn weight_of(severity: Severity) -> u32 {
    match severity {
        Severity::Critical => 10,
        Severity::High => 5,
        Severity::Medium => 2,
        Severity::Low => 1,
        Severity::Informational => 0,
    }
}

/// Whether the steps are all there, `last` being one of them.
pub(super) fn is_complete(
    ring: &[Arc<Heard>],
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
        let Some(heard) = ring.iter().rev().map(|heard| &**heard).find(fits) else { return false };
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

pub(super) fn related(
    heard: &Heard,
    last: &Heard,
    same: &[Box<str>],
    different: &[Box<str>],
) -> bool {
    let itself = heard.event == last.event && heard.of == last.of;
    itself
        || (same.iter().all(|of| is_same(heard, last, of))
            && different.iter().all(|of| token(heard, of) != token(last, of)))
}

/// Whether two share what is named. `identity`: the resource of one is the resource or the actor
/// of the other, by the last part of its name.
pub(super) fn is_same(left: &Heard, right: &Heard, of: &str) -> bool {
    if of != "identity" {
        return token(left, of) == token(right, of);
    }
    let name = |text: &str| text.rsplit(['/', ':']).next().unwrap_or(text).to_owned();
    let (a, b) =
        ([name(&left.resource), name(&left.actor)], [name(&right.resource), name(&right.actor)]);
    a.iter().any(|one| !one.is_empty() && b.contains(one))
}

pub(super) fn window_key(detector: &Detector, scope: &str) -> Key {
    Key::of(KindId(u16::MAX), &format!("{}\u{1}{scope}", detector.id))
}

pub(super) fn gap_uid(detector: &Detector, scope: &str, scene: &Scene<'_>) -> Digest {
    let cell = scene.state.cell();
    uid(
        &[&cell.tenant, cell.provider.as_str(), &cell.account, "window", &detector.id, scope],
        Timestamp::default(),
    )
}

pub(super) fn window_finding(
    detector: &Detector,
    one: &Heard,
    scene: &Scene<'_>,
    at: Timestamp,
) -> Finding {
    let cell = scene.state.cell();
    let severity = detector.severity.last().map_or(Severity::Medium, |scale| scale.is);
    let by_finding =
        matches!(&detector.form, Form::Window(form) if form.by == WindowScope::Finding);
    let of = one.finding.filter(|_| by_finding).map(|(_, of)| of.to_string());
    let mut names = vec![
        &*cell.tenant,
        cell.provider.as_str(),
        &cell.account,
        "window",
        &detector.id,
        &one.resource,
        &one.event,
    ];
    names.extend(of.as_deref());
    Finding {
        uid: uid(&names, Timestamp::default()),
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
