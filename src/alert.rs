//! Finding changes into alerts: what is told, in three encodings.
//!
//! What enters is a [`FindingChange`] with the detector behind it; what leaves is an [`Alert`],
//! which [`ocsf`], [`proto`] and [`text`] write down. **Invariant:** every text in an alert is
//! bounded and free of control characters, whoever chose it; the same change gives the same bytes.

use crate::content::{Content, Detector};
use crate::model::{
    Area, Cause, Confidence, Family, FindingChange, Format, Limits, Novelty, Provider, Reason,
    Severity, Step, Timestamp,
};

pub mod channel;
pub mod clean;
pub mod ocsf;
pub mod schema;
pub mod proto;
mod sentence;
pub mod text;

pub use channel::Channel;

/// Everything an encoder may write about one step of a finding's life.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    /// The alert's id: the same for the same step in every replay. 32 hexadecimal digits.
    pub id: String,
    /// The finding's uid, stable over its life.
    pub finding: String,
    /// Whose.
    pub tenant: String,
    /// The cloud.
    pub provider: Provider,
    /// The account as the cloud names it.
    pub account: String,
    /// Region of the resource, else of the event; empty where neither says.
    pub region: String,
    /// Which step.
    pub step: Step,
    /// Of the most severe reason.
    pub severity: Severity,
    /// When, in event time.
    pub time: Timestamp,
    /// One plain sentence: who did what to what, and why it matters.
    pub message: String,
    /// Part of the shared-responsibility model.
    pub area: Area,
    /// The most severe reason first. Never empty.
    pub reasons: Vec<Told>,
    /// MITRE ATT&CK technique ids of the first reason's detector.
    pub attack: Vec<String>,
    /// Benchmark ids by benchmark.
    pub benchmarks: Vec<(String, Vec<String>)>,
    /// Why it is insecure.
    pub why: String,
    /// How to repair it on this cloud; empty where the detector names nothing for it.
    pub fix: String,
    /// The resource.
    pub resource: Resource,
    /// The element it is about, for people; empty when it is the resource as a whole.
    pub element: String,
    /// The event behind the step.
    pub event: Happening,
    /// By which channel the event came about.
    pub channel: Channel,
    /// Introduced or discovered.
    pub novelty: Novelty,
    /// Provisional when any reason is.
    pub confidence: Confidence,
    /// What was assumed, by any reason, without repetition.
    pub assumptions: Vec<String>,
    /// The opening event's id.
    pub episode: String,
    /// When the finding was opened, in event time.
    pub opened: Timestamp,
    /// The last evidence for it, in event time.
    pub seen: Timestamp,
    /// Whole seconds from its opening to this step, not below 0.
    pub exposure_seconds: i64,
    /// The changed paths before the event.
    pub before: serde_json::Value,
    /// The changed paths after the event.
    pub after: serde_json::Value,
    /// The values the deciding expression read.
    pub facts: serde_json::Value,
    /// For a summary of discovered findings: how many, and the first resources' ids.
    pub summary: Option<(usize, Vec<String>)>,
}

/// One reason, as it is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The detector's id.
    pub detector: String,
    /// Its title; the id again where the loaded content no longer has it.
    pub title: String,
    /// How bad.
    pub severity: Severity,
    /// Since when, in event time.
    pub since: Timestamp,
    /// What it rests on.
    pub confidence: Confidence,
}

/// The resource, as it is told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resource {
    /// The cloud's own id.
    pub uid: String,
    /// Its name; empty where never seen.
    pub name: String,
    /// Our kind.
    pub kind: String,
    /// Its owner; empty where never seen.
    pub owner: String,
    /// Its tags, in key order.
    pub tags: Vec<(String, String)>,
}

/// The event behind an alert, as it is told. Texts are empty where the event does not say.
#[derive(Clone, Debug, PartialEq)]
pub struct Happening {
    /// The cloud's id of it.
    pub id: String,
    /// Its name as the cloud writes it.
    pub name: String,
    /// The service.
    pub service: String,
    /// When.
    pub time: Timestamp,
    /// The wire format it came in.
    pub format: Format,
    /// Whether it says who asked for what, or what a resource now is.
    pub family: Family,
    /// The actor's stable identifier.
    pub actor: String,
    /// The actor's name.
    pub actor_name: String,
    /// The cloud's word for the sort of identity.
    pub actor_kind: String,
    /// The key or session credential used, never its secret.
    pub credential: String,
    /// The service that called on the actor's behalf.
    pub invoked_by: String,
    /// Whether it was the account's owner.
    pub root: bool,
    /// Second factor, where the event says.
    pub mfa: Option<bool>,
    /// Source address.
    pub source_ip: String,
    /// User agent.
    pub user_agent: String,
    /// The call's error code, for deeds that failed; else empty.
    pub error: String,
}

impl Alert {
    /// Makes the alert that tells `change`; `detector` is the most severe reason's.
    #[must_use]
    pub fn new(
        change: &FindingChange,
        detector: &Detector,
        content: &Content,
        limits: &Limits,
    ) -> Self {
        let keep = Keep { bytes: limits.text_bytes, tree: limits.facet_bytes };
        let finding = &change.finding;
        let provisional =
            finding.reasons.iter().any(|reason| reason.confidence == Confidence::Provisional);
        let mut alert = Self {
            id: change.id.to_string(),
            finding: finding.uid.to_string(),
            tenant: keep.text(&finding.cell.tenant),
            provider: finding.cell.provider,
            account: keep.text(&finding.cell.account),
            region: keep.text(first_of(&change.label.region, &change.cause.region)),
            step: change.step,
            severity: severity(&finding.reasons, detector),
            time: change.time,
            message: String::new(),
            area: detector.area,
            reasons: reasons(&finding.reasons, detector, content, change.time, keep),
            attack: detector.attack.iter().map(|id| keep.text(id)).collect(),
            benchmarks: benchmarks(detector, keep),
            why: keep.text(&detector.why),
            fix: fix(detector, finding.cell.provider, keep),
            resource: resource(change, content, keep),
            element: keep.text(&finding.element),
            event: happening(&change.cause, keep),
            channel: Channel::of(&change.cause),
            novelty: finding.novelty,
            confidence: if provisional { Confidence::Provisional } else { Confidence::Confirmed },
            assumptions: assumptions(&finding.reasons, keep),
            episode: keep.text(&finding.episode),
            opened: finding.opened,
            seen: finding.seen,
            exposure_seconds: (change.time.since(finding.opened) / 1_000_000).max(0),
            before: keep.tree(&change.before),
            after: keep.tree(&change.after),
            facts: keep.tree(&change.facts),
            summary: change.summary.as_ref().map(|summary| {
                (summary.count, summary.resources.iter().map(|id| keep.text(id)).collect())
            }),
        };
        alert.message = sentence::of(&alert);
        alert
    }

    /// The most severe reason.
    #[must_use]
    pub fn lead(&self) -> Option<&Told> {
        self.reasons.first()
    }

    /// The title of the most severe reason; empty when there is none.
    #[must_use]
    pub fn title(&self) -> &str {
        self.lead().map_or("", |reason| &reason.title)
    }
}

/// The bounds of one alert's texts and trees, in bytes.
#[derive(Clone, Copy)]
struct Keep {
    bytes: usize,
    tree: usize,
}

impl Keep {
    fn text(self, text: &str) -> String {
        clean::text(text, self.bytes)
    }

    fn tree(self, value: &serde_json::Value) -> serde_json::Value {
        clean::tree(value, self.bytes, self.tree)
    }
}

fn first_of<'a>(first: &'a str, second: &'a str) -> &'a str {
    if first.is_empty() { second } else { first }
}

fn severity(reasons: &[Reason], detector: &Detector) -> Severity {
    let worst = reasons.iter().map(|reason| reason.severity).max();
    let fallback = detector.severity.last().map(|scale| scale.is);
    worst.or(fallback).unwrap_or(Severity::Informational)
}

fn reasons(
    reasons: &[Reason],
    detector: &Detector,
    content: &Content,
    now: Timestamp,
    keep: Keep,
) -> Vec<Told> {
    if reasons.is_empty() {
        return vec![Told {
            detector: keep.text(&detector.id),
            title: keep.text(&detector.title),
            severity: severity(reasons, detector),
            since: now,
            confidence: Confidence::Confirmed,
        }];
    }
    let told = |reason: &Reason| Told {
        detector: keep.text(&reason.detector),
        title: keep.text(title(&reason.detector, detector, content)),
        severity: reason.severity,
        since: reason.since,
        confidence: reason.confidence,
    };
    reasons.iter().map(told).collect()
}

fn title<'a>(id: &'a str, lead: &'a Detector, content: &'a Content) -> &'a str {
    if *lead.id == *id {
        return &lead.title;
    }
    content.detectors.iter().find(|detector| *detector.id == *id).map_or(id, |found| &found.title)
}

fn benchmarks(detector: &Detector, keep: Keep) -> Vec<(String, Vec<String>)> {
    let ids = |ids: &[Box<str>]| ids.iter().map(|id| keep.text(id)).collect();
    detector.maps_to.iter().map(|(name, list)| (keep.text(name), ids(list))).collect()
}

fn fix(detector: &Detector, provider: Provider, keep: Keep) -> String {
    let found = detector.fix.iter().find(|(of, _)| *of == provider);
    found.map(|(_, text)| keep.text(text)).unwrap_or_default()
}

fn resource(change: &FindingChange, content: &Content, keep: Keep) -> Resource {
    let kind = content.schema.kinds.get(usize::from(change.finding.kind.0));
    let tags = change.label.tags.iter();
    Resource {
        uid: keep.text(&change.finding.resource),
        name: keep.text(&change.label.name),
        kind: kind.map(|kind| keep.text(&kind.name)).unwrap_or_default(),
        owner: keep.text(&change.label.owner),
        tags: tags.map(|(key, value)| (keep.text(key), keep.text(value))).collect(),
    }
}

fn happening(cause: &Cause, keep: Keep) -> Happening {
    Happening {
        id: keep.text(&cause.id),
        name: keep.text(&cause.name),
        service: keep.text(&cause.service),
        time: cause.time,
        format: cause.format,
        family: cause.family,
        actor: keep.text(&cause.actor),
        actor_name: keep.text(&cause.actor_name),
        actor_kind: keep.text(&cause.actor_kind),
        credential: keep.text(&cause.credential),
        invoked_by: keep.text(&cause.invoked_by),
        root: cause.root,
        mfa: cause.mfa,
        source_ip: keep.text(&cause.source_ip),
        user_agent: keep.text(&cause.user_agent),
        error: cause.error.as_deref().map(|code| keep.text(code)).unwrap_or_default(),
    }
}

fn assumptions(reasons: &[Reason], keep: Keep) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for assumption in reasons.iter().flat_map(|reason| reason.assumptions.iter()) {
        let text = keep.text(assumption);
        if !all.contains(&text) {
            all.push(text);
        }
    }
    all
}

#[cfg(test)]
pub(crate) mod samples;
