//! What a late event shows of the past: what was insecure for a while and is so no more.
//!
//! What enters is a transition with the states since the late event; what leaves are both ends
//! of what nobody could have seen in time.

use std::sync::Arc;

use crate::content::{Detector, Form, PostureOn};
use crate::model::{Cause, Novelty, Reason, Step};
use crate::state::{Past, Transition, View};

use super::life::{add_reason, has_ended, new_finding, said_of};
use super::posture::{Hearing, Look, Verdict, Wanted, is_provider_owned};
use super::tell::parts;
use super::{Open, Scene, Told, Why, step};

/// What a late event shows to have been insecure for a while and is so no more: told as
/// opened then, and resolved by what ended it.
pub(super) fn look_back(
    transition: &Transition,
    past: &Past,
    scene: &Scene<'_>,
    told: &mut Vec<Told>,
) {
    let Some((first, at)) = past.then.first() else { return };
    if is_provider_owned(transition, scene) || !at.resource.alive {
        return;
    }
    let content = scene.frame.content;
    for &(detector, on) in &content.postures[usize::from(transition.kind.0)] {
        let detector = &content.detectors[detector as usize];
        let Form::Posture(form) = &detector.form else { continue };
        let on = &form.on[on as usize];
        let judge = |view: &Arc<View>, cause: &Cause| {
            let look = Look { view, before: &past.before, cause };
            Hearing::new(transition, look, scene).verdicts(detector, form, on, Wanted::All)
        };
        let before: Vec<Verdict> =
            if past.before.resource.alive { judge(&past.before, first) } else { Vec::new() };
        for verdict in judge(at, first) {
            if verdict.holds != Some(true) || said_of(&before, &verdict) == Some(true) {
                continue;
            }
            let ender = past.then[1..].iter().find(|(cause, view)| {
                !view.resource.alive || {
                    let later = judge(view, cause);
                    let subject = &verdict.subject;
                    let absent = on
                        .each
                        .is_some_and(|each| has_ended(transition.kind, view, each, subject, scene));
                    match later.iter().find(|v| v.subject == verdict.subject) {
                        Some(found) => found.holds == Some(false),
                        None => absent,
                    }
                }
            });
            let Some((ender, _)) = ender else { continue };
            flash(transition, detector, on, &verdict, (first, ender), scene, told);
        }
    }
}

/// Tells both ends of what lasted only for a while.
fn flash(
    transition: &Transition,
    detector: &Detector,
    on: &PostureOn,
    verdict: &Verdict,
    (first, ender): (&Arc<Cause>, &Arc<Cause>),
    scene: &Scene<'_>,
    told: &mut Vec<Told>,
) {
    let reason = Reason {
        detector: Arc::clone(&detector.id),
        severity: verdict.severity,
        since: first.time,
        confidence: verdict.confidence,
        assumptions: verdict.assumptions.clone(),
        measure: verdict.measure,
    };
    let opening = Scene {
        frame: scene.frame,
        state: scene.state,
        arena: scene.arena,
        cause: first,
        why: Why::Event,
    };
    let finding = new_finding(transition, verdict, reason.clone(), Novelty::Introduced, &opening);
    // Several detectors may see the same flash: they share its finding.
    let twin = told.iter_mut().find(|t| {
        t.change.finding.uid == finding.uid && t.change.finding.episode == finding.episode
    });
    if twin.is_some() {
        for told in told.iter_mut().filter(|t| t.change.finding.uid == finding.uid) {
            add_reason(&mut told.change.finding.reasons, reason.clone());
        }
        return;
    }
    let mut open = Open::new(finding, transition.key, first);
    let parts =
        parts(transition, scene.frame.content, &on.facets, verdict.item.as_ref(), &first.region);
    told.push(step(&mut open, Step::Opened, &opening, first.time, parts.clone()));
    let closing = Scene {
        frame: scene.frame,
        state: scene.state,
        arena: scene.arena,
        cause: ender,
        why: Why::Event,
    };
    told.push(step(&mut open, Step::Resolved, &closing, ender.time, parts));
}
