//! The life of a finding: opened by its first reason, updated, resolved when none is left.

use std::sync::Arc;

use crate::content::{Detector, Form, PostureForm, PostureOn};
use crate::model::{Digest, FacetId, Family, Finding, KindId, Limit, Novelty, Reason, Step};
use crate::state::{FacetBody, FacetState, Knowledge, Life, Transition, View};

use super::posture::{Hearing, Look, Verdict, Wanted, element_name, unjudged};
use super::tell::{Parts, parts};
use super::{CellFindings, Open, Scene, Told, Why, severity, step, uid, watch};

/// A step to be told, once all detectors have spoken.
type News = (Digest, Step, Parts);

/// The detectors' word on a subject, and where it came from.
struct Spoken<'d> {
    detector: &'d Detector,
    on: &'d PostureOn,
    verdict: Verdict,
}

impl CellFindings {
    /// Judges what a resource is now.
    pub(super) fn posture(
        &mut self,
        transition: &Transition,
        scene: &Scene<'_>,
        told: &mut Vec<Told>,
    ) {
        let mut list = self.open.take(transition.key, scene.state.cell());
        end_incarnations(&mut list, transition, scene, told);
        let unjudged = unjudged(transition, scene);
        watch::resource(transition, unjudged, scene);
        if unjudged.is_empty() {
            self.judge(&mut list, transition, scene, told);
        }
        self.open.put(transition.key, &list);
    }

    /// Asks every detector of the resource, and brings what they say into its findings.
    fn judge(
        &mut self,
        list: &mut Vec<Open>,
        transition: &Transition,
        scene: &Scene<'_>,
        told: &mut Vec<Told>,
    ) {
        let content = scene.frame.content;
        let look = Look { view: &transition.after, before: &transition.before, cause: scene.cause };
        let hearing = Hearing::new(transition, look, scene);
        let watched = scene.frame.trace.is_some() || !list.is_empty();
        let wanted = if watched { Wanted::All } else { Wanted::Holding };
        let was = &transition.before.resource;
        let reborn = !was.alive || was.incarnation != transition.after.resource.incarnation;
        let mut news = Vec::new();
        for &(detector, on) in &content.postures[usize::from(transition.kind.0)] {
            let detector = &content.detectors[detector as usize];
            let Form::Posture(form) = &detector.form else { continue };
            let on = &form.on[on as usize];
            let concerned = on.facets.iter().any(|facet| transition.changed.contains(facet));
            if !concerned && !transition.remote && !reborn {
                watch::skipped(detector, on, scene);
                continue;
            }
            let verdicts = hearing.verdicts(detector, form, on, wanted);
            watch::judged(transition, detector, form, on, &verdicts, scene);
            self.weigh(list, transition, detector, form, on, verdicts, scene, &mut news);
        }
        tell_news(list, news, scene, told);
        close_empty(list, transition, scene, told);
    }

    /// Brings one detector's verdicts into the resource's findings.
    #[expect(
        clippy::too_many_arguments,
        reason = "one detector's word about one resource, and where it goes"
    )]
    fn weigh(
        &mut self,
        list: &mut Vec<Open>,
        transition: &Transition,
        detector: &Detector,
        form: &PostureForm,
        on: &PostureOn,
        verdicts: Vec<Verdict>,
        scene: &Scene<'_>,
        news: &mut Vec<News>,
    ) {
        let mut named: Vec<Arc<str>> = Vec::new();
        for verdict in verdicts {
            named.push(Arc::clone(&verdict.subject));
            named.extend(verdict.other.clone());
            match verdict.holds {
                Some(true) => {
                    let spoken = Spoken { detector, on, verdict };
                    self.hold(list, transition, form, &spoken, scene, news);
                }
                Some(false) => {
                    drop_reason(list, &detector.id, &verdict.subject, verdict.other.as_ref());
                }
                None => drop_groundless(list, &detector.id, &verdict.subject, scene),
            }
        }
        // Elements that are gone end their reasons; elements of a set that became unknown do not.
        if let Some(each) = on.each {
            for open in list.iter_mut().filter(|open| !open.finding.element.is_empty()) {
                let Finding { subject, episode, reasons, .. } = &mut open.finding;
                if named.contains(subject) || is_stale(transition, each, subject, scene) {
                    continue;
                }
                let ended = has_ended(transition.kind, &transition.after, each, subject, scene);
                reasons.retain(|reason| {
                    reason.detector != detector.id
                        || !(ended || is_groundless(episode, reason, scene))
                });
            }
        }
    }

    fn hold(
        &mut self,
        list: &mut Vec<Open>,
        transition: &Transition,
        form: &PostureForm,
        spoken: &Spoken<'_>,
        scene: &Scene<'_>,
        news: &mut Vec<News>,
    ) {
        let Spoken { detector, on, verdict } = spoken;
        let cause = scene.cause;
        let reason = Reason {
            detector: Arc::clone(&detector.id),
            severity: verdict.severity,
            since: cause.time,
            confidence: verdict.confidence,
            assumptions: verdict.assumptions.clone(),
            measure: verdict.measure,
        };
        let full = self.open.len() + list.len() >= scene.frame.limits.findings_per_cell;
        let known = list.iter_mut().find(|open| {
            open.finding.incarnation == transition.after.resource.incarnation
                && (open.finding.subject == verdict.subject
                    || verdict.other.as_ref().is_some_and(|other| open.finding.subject == *other))
        });
        let tell = || {
            parts(transition, scene.frame.content, &on.facets, verdict.item.as_ref(), &cause.region)
        };
        if let Some(open) = known {
            // What was changed of the element shows in the finding, whether or not it is told.
            open.finding.element.clone_from(&verdict.element);
            if let Some(parts) = strengthen(open, reason, scene, &tell) {
                news.push((open.finding.uid, Step::Updated, parts));
            }
            return;
        }
        if full {
            self.refused += 1;
            scene.frame.ledger.full(Limit::FindingsPerCell, scene.state.cell());
            return;
        }
        let novelty = novelty(form, on, detector, transition, verdict, scene);
        let finding = new_finding(transition, verdict, reason, novelty, scene);
        news.push((finding.uid, Step::Opened, tell()));
        list.push(Open::new(finding, transition.key, cause));
    }
}

/// Tells each finding's news once, after every detector had its say.
fn tell_news(list: &mut [Open], news: Vec<News>, scene: &Scene<'_>, told: &mut Vec<Told>) {
    let mut done = Vec::with_capacity(news.len());
    for (uid, kind, parts) in news {
        let open = list
            .iter_mut()
            .find(|open| open.finding.uid == uid && !open.finding.reasons.is_empty());
        if done.contains(&uid) {
            continue;
        }
        done.push(uid);
        if let Some(open) = open {
            told.push(step(open, kind, scene, scene.cause.time, parts));
        }
    }
}

fn drop_reason(list: &mut [Open], detector: &str, subject: &str, other: Option<&Arc<str>>) {
    for open in list.iter_mut() {
        let same = &*open.finding.subject == subject
            || other.is_some_and(|other| open.finding.subject == *other);
        if same {
            open.finding.reasons.retain(|reason| &*reason.detector != detector);
        }
    }
}

/// Where a detector can't tell any more, because what it went by is taken back.
fn drop_groundless(list: &mut [Open], detector: &str, subject: &str, scene: &Scene<'_>) {
    for open in list.iter_mut().filter(|open| *open.finding.subject == *subject) {
        let Finding { episode, reasons, .. } = &mut open.finding;
        reasons.retain(|reason| {
            *reason.detector != *detector || !is_groundless(episode, reason, scene)
        });
    }
}

/// Resolves what has no reason left. The finding is told as it last was.
fn close_empty(
    list: &mut Vec<Open>,
    transition: &Transition,
    scene: &Scene<'_>,
    told: &mut Vec<Told>,
) {
    let mut kept = Vec::with_capacity(list.len());
    for mut open in list.drain(..) {
        let lost = open.finding.reasons.is_empty();
        if !lost {
            kept.push(open);
            continue;
        }
        open.finding.reasons.clone_from(&open.reasons_before);
        told.push(end(&mut open, transition, scene));
    }
    *list = kept;
    for open in list.iter_mut() {
        open.remember();
    }
}

/// A resource that is gone, or is another one under the old name, ends its findings; one that
/// was opened since belongs to the new one.
fn end_incarnations(
    list: &mut Vec<Open>,
    transition: &Transition,
    scene: &Scene<'_>,
    told: &mut Vec<Told>,
) {
    let after = &transition.after.resource;
    // A deletion that comes to light late begins the incarnation these findings are of.
    for open in list.iter_mut().filter(|open| open.finding.opened >= after.incarnation) {
        open.finding.incarnation = after.incarnation;
    }
    let ended = |finding: &Finding| !after.alive || finding.incarnation != after.incarnation;
    let (gone, kept): (Vec<Open>, Vec<Open>) =
        list.drain(..).partition(|open| ended(&open.finding));
    *list = kept;
    for open in list.iter_mut() {
        open.finding.incarnation = after.incarnation;
    }
    for mut open in gone {
        told.push(end(&mut open, transition, scene));
    }
}

/// Adds or renews a reason. The parts of an update where it makes the finding worse, or different.
fn strengthen(
    open: &mut Open,
    reason: Reason,
    scene: &Scene<'_>,
    tell: &dyn Fn() -> Parts,
) -> Option<Parts> {
    let finding = &mut open.finding;
    let was = severity(finding);
    finding.seen = finding.seen.max(scene.cause.time);
    let Some(known) = finding.reasons.iter_mut().find(|known| known.detector == reason.detector)
    else {
        add_reason(&mut finding.reasons, reason);
        let promoted = promote(finding, scene);
        // A further reason that comes in the same event as the finding itself is no news.
        return (promoted || *finding.episode != *scene.cause.id).then(tell);
    };
    let grown = matches!((known.measure, reason.measure), (Some(was), Some(is)) if is > was);
    let worse = reason.severity > known.severity;
    known.severity = reason.severity;
    known.measure = reason.measure;
    known.confidence = reason.confidence;
    known.assumptions = reason.assumptions;
    sort(&mut finding.reasons);
    let changed = worse || grown || severity(finding) > was;
    if changed {
        promote(finding, scene);
    }
    changed.then(tell)
}

/// A discovered finding that an activity makes worse is told one by one from then on.
fn promote(finding: &mut Finding, scene: &Scene<'_>) -> bool {
    if finding.novelty == Novelty::Discovered && scene.cause.family == Family::Activity {
        finding.novelty = Novelty::Introduced;
        return true;
    }
    false
}

pub(super) fn add_reason(reasons: &mut Vec<Reason>, reason: Reason) {
    if reasons.iter().any(|known| known.detector == reason.detector) {
        return;
    }
    reasons.push(reason);
    sort(reasons);
}

fn sort(reasons: &mut [Reason]) {
    reasons.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.detector.cmp(&b.detector)));
}

pub(super) fn new_finding(
    transition: &Transition,
    verdict: &Verdict,
    reason: Reason,
    novelty: Novelty,
    scene: &Scene<'_>,
) -> Finding {
    let cell = scene.state.cell();
    let kind = &scene.frame.content.schema.kind(transition.kind).name;
    let incarnation = transition.after.resource.incarnation;
    Finding {
        uid: uid(
            &[
                &cell.tenant,
                cell.provider.as_str(),
                &cell.account,
                kind,
                &transition.id,
                &verdict.subject,
            ],
            incarnation,
        ),
        cell: cell.clone(),
        kind: transition.kind,
        resource: Arc::clone(&transition.id),
        incarnation,
        subject: Arc::clone(&verdict.subject),
        element: verdict.element.clone(),
        reasons: vec![reason],
        episode: Arc::clone(&scene.cause.id),
        steps: 0,
        opened: scene.cause.time,
        seen: scene.cause.time,
        novelty,
        told: false,
    }
}

/// The end of a finding: resolved, or retracted where what opened it never was so: a settled
/// snapshot shows it, or the operation that its event started came to nothing.
fn end(open: &mut Open, transition: &Transition, scene: &Scene<'_>) -> Told {
    let time = scene.cause.time;
    let never_was = match scene.why {
        Why::Event => false,
        Why::Settled => time.since(open.finding.opened) <= scene.frame.limits.settle,
        Why::TakenBack(cause) => open.finding.episode == cause.id,
    };
    let kind = if never_was { Step::Retracted } else { Step::Resolved };
    let parts = parts(transition, scene.frame.content, &[], None, &scene.cause.region);
    step(open, kind, scene, time.max(open.finding.opened), parts)
}

/// Introduced where an activity made it so, or a snapshot follows one that was known to be safe.
fn novelty(
    form: &PostureForm,
    on: &PostureOn,
    detector: &Detector,
    transition: &Transition,
    verdict: &Verdict,
    scene: &Scene<'_>,
) -> Novelty {
    if scene.cause.family == Family::Activity {
        return Novelty::Introduced;
    }
    let before = &transition.before;
    if !before.resource.alive {
        return Novelty::Discovered;
    }
    let look = Look { view: before, before, cause: scene.cause };
    let was = Hearing::new(transition, look, scene).verdicts(detector, form, on, Wanted::All);
    let whole = on.each.is_some_and(|each| {
        before.resource.facet(each).is_some_and(|state| state.knowledge == Knowledge::Whole)
    });
    match said_of(&was, verdict) {
        Some(false) => Novelty::Introduced,
        None if whole && !was.iter().any(|v| v.subject == verdict.subject) => Novelty::Introduced,
        _ => Novelty::Discovered,
    }
}

/// What earlier verdicts said of the same subject.
pub(super) fn said_of(verdicts: &[Verdict], of: &Verdict) -> Option<bool> {
    verdicts.iter().find(|verdict| verdict.subject == of.subject).and_then(|verdict| verdict.holds)
}

/// Whether it is evidence of its end that an element is not in the facet: not where the facet became
/// unknown; and where there are more elements than are kept, only if it was seen to be removed.
pub(super) fn has_ended(
    kind: KindId,
    view: &View,
    each: FacetId,
    subject: &str,
    scene: &Scene<'_>,
) -> bool {
    let Some(state) = view.resource.facet(each) else {
        return view.derived.iter().any(|(facet, value)| *facet == each && value.is_present());
    };
    if state.knowledge == Knowledge::Unknown {
        return false;
    }
    !state.is_crowded(scene.frame.limits) || is_there(state, kind, each, subject, Life::Dead, scene)
}

/// Whether a reason rests on an event that is taken back, and on nothing else.
fn is_groundless(episode: &str, reason: &Reason, scene: &Scene<'_>) -> bool {
    matches!(scene.why, Why::TakenBack(cause)
        if *episode == *cause.id || reason.since == cause.time)
}

/// Whether the element was there before its set became unknown: nobody saw it go.
fn is_stale(transition: &Transition, each: FacetId, subject: &str, scene: &Scene<'_>) -> bool {
    let state = transition.after.resource.facet(each);
    state.is_some_and(|state| is_there(state, transition.kind, each, subject, Life::Stale, scene))
}

/// Whether the set has an element of that name in that state.
fn is_there(
    state: &FacetState,
    kind: KindId,
    each: FacetId,
    subject: &str,
    life: Life,
    scene: &Scene<'_>,
) -> bool {
    let FacetBody::Set(elements) = &state.body else { return false };
    let facet = scene.frame.content.schema.facet(kind, each);
    elements.iter().filter(|element| element.life == life).any(|element| {
        element.id.as_deref() == Some(subject)
            || *element_name(&element.value, facet, scene) == *subject
    })
}
