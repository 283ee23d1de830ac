//! Transitions into finding changes: postures, deeds, windows, and the life of a finding.
//!
//! What enters is what [`crate::state`] says happened and the event behind it; what leaves are
//! [`FindingChange`]s. **Invariant:** a finding ends on evidence only, never by a timer.

mod act;
mod carry;
mod heard;
mod keep;
mod life;
mod overdue;
mod past;
mod posture;
mod shelf;
mod tell;
mod watch;
mod window;
mod witness;

use std::sync::Arc;

use bumpalo::Bump;

use crate::content::Detector;
use crate::model::{
    Act, Cause, Cell, Digest, Finding, FindingChange, Novelty, Severity, Step, Timestamp,
};
use crate::state::{CellState, Frame, Key, Transition};

pub use keep::Known;
pub use shelf::Open;
pub use tell::facets_json;
pub use window::{WindowTimer, Windows};

use shelf::Shelf;

/// The open findings and windows of one cell.
#[derive(Debug, Default)]
pub struct CellFindings {
    open: Shelf,
    /// Windows and what they remember.
    pub windows: Windows,
    /// Findings not opened because the cell's quota was used up.
    pub refused: usize,
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
    /// Where the finding is filed.
    pub at: Key,
}

impl CellFindings {
    /// How many findings are open.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether none is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.len() == 0
    }

    /// Every open finding, in uid order. `cell` is whose they are.
    pub fn each(&self, cell: &Cell, visit: &mut dyn FnMut(&Finding)) {
        self.open.each(cell, visit);
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
        at: open.at,
    }
}
