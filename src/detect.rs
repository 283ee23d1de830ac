//! Transitions into finding changes: postures, deeds, windows, and the life of a finding.
//!
//! What enters is what [`crate::state`] says happened and the event behind it; what leaves are
//! [`FindingChange`]s. **Invariant:** a finding ends on evidence only, never by a timer.

mod act;
mod heard;
mod life;
mod past;
mod posture;
mod tell;
mod watch;
mod window;
mod witness;

use std::sync::Arc;

use bumpalo::Bump;
use rustc_hash::FxHashMap;

use crate::content::Detector;
use crate::model::{
    Act, Cause, Digest, Finding, FindingChange, Novelty, Reason, Severity, Step, Timestamp,
};
use crate::state::{CellState, Frame, Key, Transition};

pub use tell::facets_json;
pub use window::{WindowTimer, Windows};

/// The open findings and windows of one cell.
#[derive(Debug, Default)]
pub struct CellFindings {
    open: FxHashMap<Key, Vec<Open>>,
    count: usize,
    /// Windows and what they remember.
    pub windows: Windows,
    /// Findings not opened because the cell's quota was used up.
    pub refused: usize,
}

/// An open finding and the event that opened it.
#[derive(Clone, Debug)]
pub struct Open {
    /// The finding.
    pub finding: Finding,
    /// The opening event.
    pub cause: Arc<Cause>,
    /// The reasons as last told, for the step in which none is left.
    pub reasons_before: Vec<Reason>,
}

/// What detection works with besides a transition.
pub struct Scene<'s> {
    /// Content, graph, limits.
    pub frame: Frame<'s>,
    /// The cell's state, after the change.
    pub state: &'s CellState,
    /// Temporaries.
    pub arena: &'s Bump,
    /// The event behind it.
    pub cause: &'s Arc<Cause>,
    /// What brings it about.
    pub why: Why<'s>,
}

/// What brings a transition about: it decides whether what ends is resolved or retracted.
#[derive(Clone, Copy, Debug)]
pub enum Why<'s> {
    /// An event, or the passing of time.
    Event,
    /// A snapshot that has settled.
    Settled,
    /// This event is taken back: the operation it started failed, or ended otherwise.
    TakenBack(&'s Cause),
}

/// A step and whether it is told one by one.
#[derive(Clone, Debug)]
pub struct Told {
    /// The step.
    pub change: FindingChange,
    /// Place of the most severe reason's detector in the content.
    pub detector: usize,
    /// False for discovered findings: they are told as a summary.
    pub alone: bool,
}

impl CellFindings {
    /// How many findings are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether none is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Every open finding, in uid order.
    pub fn each(&self, visit: &mut dyn FnMut(&Finding)) {
        let mut all: Vec<&Finding> = Vec::with_capacity(self.count);
        #[expect(clippy::iter_over_hash_type, reason = "sorted before anybody sees them")]
        for list in self.open.values() {
            all.extend(list.iter().map(|open| &open.finding));
        }
        all.sort_by_key(|finding| finding.uid);
        all.into_iter().for_each(visit);
    }

    /// Judges what happened to resources.
    pub fn inspect(&mut self, transitions: &[Transition], scene: &Scene<'_>) -> Vec<Told> {
        let mut told = Vec::new();
        for transition in transitions {
            if let Some(past) = &transition.past {
                past::look_back(transition, past, scene, &mut told);
            }
            self.posture(transition, scene, &mut told);
        }
        self.hear_told(scene, told)
    }

    /// Judges deeds.
    pub fn deeds(&mut self, acts: &[Act], scene: &Scene<'_>) -> Vec<Told> {
        let mut told = Vec::new();
        for act in acts {
            self.deed(act, scene, &mut told);
        }
        let mut told = self.hear_told(scene, told);
        for act in acts {
            self.hear_act(act, scene, &mut told);
        }
        told
    }
}

/// The stable name of a finding.
fn uid(parts: &[&str], incarnation: Timestamp) -> Digest {
    let time = incarnation.0.to_string();
    let mut all: Vec<&str> = parts.to_vec();
    all.push(&time);
    Digest::of_texts(&all)
}

/// The id of an alert: finding, episode, step number.
fn alert_id(finding: &Finding) -> Digest {
    Digest::of_texts(&[&finding.uid.to_string(), &finding.episode, &finding.steps.to_string()])
}

/// The place of a detector in the content, by id.
fn place_of(detectors: &[Detector], id: &str) -> usize {
    detectors.iter().position(|detector| &*detector.id == id).unwrap_or_default()
}

/// The severity of a finding: its worst reason's.
#[must_use]
pub fn severity(finding: &Finding) -> Severity {
    finding.reasons.iter().map(|reason| reason.severity).max().unwrap_or(Severity::Informational)
}

/// Whether a step of this finding is told one by one.
fn is_told_alone(finding: &Finding) -> bool {
    finding.novelty == Novelty::Introduced || finding.told
}

/// A step of a finding as a change, counted.
fn step(
    open: &mut Open,
    step: Step,
    scene: &Scene<'_>,
    time: Timestamp,
    parts: tell::Parts,
) -> Told {
    open.finding.steps += 1;
    open.remember();
    let alone = is_told_alone(&open.finding);
    open.finding.told |= alone;
    let detector = open
        .finding
        .reasons
        .first()
        .map_or(0, |reason| place_of(&scene.frame.content.detectors, &reason.detector));
    Told {
        change: FindingChange {
            finding: open.finding.clone(),
            step,
            id: alert_id(&open.finding),
            time,
            cause: Arc::clone(scene.cause),
            before: parts.before,
            after: parts.after,
            facts: parts.facts,
            label: parts.label,
            summary: None,
        },
        detector,
        alone,
    }
}
