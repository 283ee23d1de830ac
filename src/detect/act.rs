//! Act detectors: the deed itself.

use std::sync::Arc;

use crate::content::{ActForm, Detector, Form};
use crate::expr::Program;
use crate::model::{
    Act, Confidence, Finding, KindId, Limit, Novelty, Reason, Severity, Spender, Step, Timestamp,
    Val, Value,
};
use crate::state::{Key, Lens};

use super::posture::{params, vars};
use super::tell::Parts;
use super::{CellFindings, Open, Scene, Told, step, uid, watch};

/// The kind under which deeds without a resource are filed.
const ACCOUNT: &str = "account.settings";

impl CellFindings {
    /// Judges one deed, and ends what it ends.
    pub(super) fn deed(&mut self, act: &Act, scene: &Scene<'_>, told: &mut Vec<Told>) {
        let content = scene.frame.content;
        for &place in &content.deeds[usize::from(act.act)] {
            let detector = &content.detectors[place as usize];
            let Form::Act(form) = &detector.form else { continue };
            if let Some((until, when)) = &form.until
                && *until == act.act
                && holds(detector, when.as_ref(), act, scene) == Some(true)
            {
                self.undo(detector, act, scene, told);
            }
            if form.act != act.act {
                continue;
            }
            let verdict = holds(detector, form.when.as_ref(), act, scene);
            watch::deed(detector, form, act, verdict, scene);
            if verdict == Some(true) {
                self.done(detector, form, act, scene, told);
            }
        }
    }

    fn done(
        &mut self,
        detector: &Detector,
        form: &ActForm,
        act: &Act,
        scene: &Scene<'_>,
        told: &mut Vec<Told>,
    ) {
        let cell = scene.state.cell();
        let cause = scene.cause;
        let (kind, resource) = whose(act, scene);
        let subject: Arc<str> = Arc::clone(&detector.id);
        let severity = severity(detector, act, scene);
        let finding = Finding {
            uid: uid(
                &[
                    &cell.tenant,
                    cell.provider.as_str(),
                    &cell.account,
                    "act",
                    &detector.id,
                    &resource,
                    &cause.id,
                ],
                Timestamp::default(),
            ),
            cell: cell.clone(),
            kind,
            resource: Arc::clone(&resource),
            incarnation: Timestamp::default(),
            subject,
            element: Box::default(),
            reasons: vec![Reason {
                detector: Arc::clone(&detector.id),
                severity,
                since: cause.time,
                confidence: Confidence::Confirmed,
                assumptions: Box::default(),
                measure: None,
            }],
            episode: Arc::clone(&cause.id),
            steps: 0,
            opened: cause.time,
            seen: cause.time,
            novelty: Novelty::Introduced,
            told: false,
        };
        let at = deed_key(detector, &resource);
        let mut open = Open::new(finding, at, cause);
        told.push(step(&mut open, Step::Opened, scene, cause.time, facts(act, scene)));
        if form.until.is_none() {
            return;
        }
        if self.open.len() < scene.frame.limits.findings_per_cell {
            self.open.add(&open);
        } else {
            scene.frame.ledger.full(Limit::FindingsPerCell, scene.state.cell());
        }
    }

    /// Takes back what the deeds of `event` opened: they never came to be.
    pub fn take_back_deeds(&mut self, acts: &[Act], event: &str, scene: &Scene<'_>) -> Vec<Told> {
        let mut told = Vec::new();
        for act in acts {
            let (_, resource) = whose(act, scene);
            let content = scene.frame.content;
            for &place in &content.deeds[usize::from(act.act)] {
                let detector = &content.detectors[place as usize];
                let Form::Act(form) = &detector.form else { continue };
                let at = deed_key(detector, &resource);
                let mut list = self.open.take(at, scene.state.cell());
                let taken = list
                    .extract_if(.., |open| form.act == act.act && *open.finding.episode == *event);
                for mut open in taken {
                    let time = scene.cause.time.max(open.finding.opened);
                    told.push(step(&mut open, Step::Retracted, scene, time, facts(act, scene)));
                }
                self.open.put(at, &list);
            }
        }
        told
    }

    fn undo(&mut self, detector: &Detector, act: &Act, scene: &Scene<'_>, told: &mut Vec<Told>) {
        let (_, resource) = whose(act, scene);
        let at = deed_key(detector, &resource);
        let list = self.open.take(at, scene.state.cell());
        let (mut ended, kept): (Vec<Open>, Vec<Open>) =
            list.into_iter().partition(|open| open.finding.opened <= scene.cause.time);
        for open in &mut ended {
            told.push(step(open, Step::Resolved, scene, scene.cause.time, facts(act, scene)));
        }
        self.open.put(at, &kept);
    }
}

/// Where an act detector's open findings about a resource are filed.
fn deed_key(detector: &Detector, resource: &str) -> Key {
    Key::of(KindId(u16::MAX), &format!("{}\u{0}{resource}", detector.id))
}

/// What the deed was done to: the resource, else the account.
fn whose(act: &Act, scene: &Scene<'_>) -> (KindId, Arc<str>) {
    if let Some((kind, id)) = &act.resource {
        return (*kind, Arc::clone(id));
    }
    let kind = scene.frame.content.schema.kind_named(ACCOUNT).map_or(KindId(0), |kind| kind.id);
    (kind, Arc::clone(&scene.state.cell().account))
}

fn holds(
    detector: &Detector,
    when: Option<&Program>,
    act: &Act,
    scene: &Scene<'_>,
) -> Option<bool> {
    let Some(program) = when else { return Some(true) };
    match ask(detector, program, act, scene) {
        Val::Bool(truth) => Some(truth),
        Val::Unknown => None,
        _ => Some(false),
    }
}

fn ask<'a>(
    detector: &'a Detector,
    program: &'a Program,
    act: &'a Act,
    scene: &'a Scene<'a>,
) -> Val<'a> {
    let content = scene.frame.content;
    let lens = Lens::new(scene.arena, content, scene.state, scene.frame.limits, scene.cause.time);
    lens.begin(None);
    let mut all = vars(scene.cause, scene);
    let done_to = act.resource.as_ref().map_or(Val::Unsaid, |(_, id)| Val::Str(id));
    all.extend([
        done_to,
        Val::Str(&scene.state.cell().account),
        Val::Str(&scene.cause.region),
        Val::Time(scene.cause.time),
    ]);
    let declared = &content.schema.acts[usize::from(act.act)];
    for (field, value) in declared.fields.iter().zip(&act.fields) {
        all.push(lens.lend(value, &field.ty));
    }
    params(detector, scene, &mut all);
    let answer = program.eval(&all, &lens.call());
    if lens.ran_out() {
        scene.frame.ledger.spent(Spender::Detector(Arc::clone(&detector.id)));
    }
    match answer {
        Ok(Val::Bool(truth)) => Val::Bool(truth),
        Ok(Val::Unknown) | Err(_) => Val::Unknown,
        Ok(_) => Val::Unsaid,
    }
}

fn severity(detector: &Detector, act: &Act, scene: &Scene<'_>) -> Severity {
    detector
        .severity
        .iter()
        .find(|scale| {
            let Some(programs) = &scale.when else { return true };
            programs
                .first()
                .is_some_and(|program| holds(detector, Some(program), act, scene) == Some(true))
        })
        .map_or(Severity::Medium, |scale| scale.is)
}

fn facts(act: &Act, scene: &Scene<'_>) -> Parts {
    let schema = &scene.frame.content.schema;
    let declared = &schema.acts[usize::from(act.act)];
    let facts: serde_json::Map<String, serde_json::Value> = declared
        .fields
        .iter()
        .zip(&act.fields)
        .filter(|(_, value)| !matches!(value, Value::Unsaid))
        .map(|(field, value)| (field.name.to_string(), value.to_json(schema)))
        .collect();
    let mut parts = Parts { facts: facts.into(), ..Parts::default() };
    parts.label.region.clone_from(&scene.cause.region);
    parts
}
