//! Discovered findings told as one summary per account and detector.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::detect::Told;
use crate::model::finding::{ResourceLabel, Summary};
use crate::model::{Cause, Digest, Finding, FindingChange, KindId, Step, Timestamp, Translation};
use crate::state::journal::{Bytes, Journal, pack, unpack};

/// How long discoveries are gathered, in microseconds of event time.
const GATHER: i64 = 60 * 1_000_000;

/// Resources named in a summary.
const NAMED: usize = 20;

/// Discoveries of one account that are not yet told, by detector.
#[derive(Debug, Default)]
pub struct Discoveries {
    gathered: BTreeMap<Arc<str>, Gathered>,
    /// The detectors whose discoveries are others since the last commit.
    pub(super) journal: Journal<Arc<str>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Gathered {
    finding: Finding,
    id: Digest,
    time: Timestamp,
    cause: Arc<Cause>,
    /// The first one's paths and facts, as JSON texts.
    before: Box<str>,
    after: Box<str>,
    facts: Box<str>,
    label: ResourceLabel,
    count: usize,
    resources: Vec<Arc<str>>,
    since: Timestamp,
}

impl Gathered {
    fn new(change: FindingChange, since: Timestamp) -> Self {
        let text = |json: &serde_json::Value| json.to_string().into();
        Self {
            id: change.id,
            time: change.time,
            before: text(&change.before),
            after: text(&change.after),
            facts: text(&change.facts),
            finding: change.finding,
            cause: change.cause,
            label: change.label,
            count: 0,
            resources: Vec::new(),
            since,
        }
    }

    fn summary(self) -> FindingChange {
        // They were JSON when they were written down.
        let json = |text: &str| serde_json::from_str(text).unwrap_or_default();
        let mut finding = self.finding;
        let detector = finding.reasons.first().map_or("", |reason| &*reason.detector);
        let cell = &finding.cell;
        let whose = [&*cell.tenant, cell.provider.as_str(), &*cell.account];
        finding.uid =
            Digest::of_texts(&[&whose[..], &["discovered", detector, &finding.episode]].concat());
        finding.steps = 1;
        let id = Digest::of_texts(&[&finding.uid.to_string(), &finding.episode, "1"]);
        FindingChange {
            finding,
            step: Step::Opened,
            id,
            time: self.time,
            cause: self.cause,
            before: json(&self.before),
            after: json(&self.after),
            facts: json(&self.facts),
            label: self.label,
            summary: Some(Summary { count: self.count, resources: self.resources }),
        }
    }
}

impl Discoveries {
    /// Takes in a discovered finding's step; only openings count.
    pub fn add(&mut self, told: Told, now: Timestamp) {
        if told.change.step != Step::Opened {
            return;
        }
        let finding = &told.change.finding;
        let Some(detector) = finding.reasons.first().map(|reason| Arc::clone(&reason.detector))
        else {
            return;
        };
        let resource = Arc::clone(&finding.resource);
        self.note(&detector);
        let gathered =
            self.gathered.entry(detector).or_insert_with(|| Gathered::new(told.change, now));
        gathered.count += 1;
        if gathered.resources.len() < NAMED && !gathered.resources.contains(&resource) {
            gathered.resources.push(resource);
        }
    }

    /// The summaries that are due at `now`, or without it all, each with its detector.
    pub fn due(&mut self, now: Option<Timestamp>) -> Vec<(FindingChange, Arc<str>)> {
        let is_due =
            |gathered: &Gathered| now.is_none_or(|now| now.since(gathered.since) >= GATHER);
        let due = self.gathered.iter().filter(|(_, gathered)| is_due(gathered));
        let due: Vec<Arc<str>> = due.map(|(detector, _)| Arc::clone(detector)).collect();
        due.into_iter()
            .filter_map(|detector| {
                self.note(&detector);
                Some((self.gathered.remove(&detector)?.summary(), detector))
            })
            .collect()
    }

    /// When the next summary is due.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.gathered.values().map(|gathered| gathered.since.plus(GATHER)).min()
    }

    fn note(&mut self, detector: &Arc<str>) {
        self.journal.note(detector, || self.gathered.get(detector).map(pack));
    }

    /// The bytes of what is gathered for a detector.
    pub fn at_rest(&self, detector: &str) -> Option<Bytes> {
        self.gathered.get(detector).map(pack)
    }

    /// The detectors for which anything is gathered.
    pub fn detectors(&self) -> impl Iterator<Item = &Arc<str>> {
        self.gathered.keys()
    }

    /// Takes up what was gathered from its bytes; false where they are none.
    pub fn lay(&mut self, detector: Arc<str>, bytes: &[u8]) -> bool {
        let Some(gathered) = unpack::<Gathered>(bytes) else { return false };
        self.gathered.insert(detector, gathered);
        true
    }

    /// Moves what is gathered to the ids of other content.
    pub fn carry_over(&mut self, translation: &Translation<'_>) {
        self.gathered.retain(|_, gathered| {
            let kind: Option<KindId> = translation.kind(gathered.finding.kind);
            gathered.finding.kind = kind.unwrap_or(gathered.finding.kind);
            kind.is_some()
        });
    }
}
