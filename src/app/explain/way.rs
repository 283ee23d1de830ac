//! Outcomes and alerts with the steps that led to them: the verdict first, then the way. Enters:
//! what the engine tells; leaves: text, or a line of JSON an event.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use crate::alert::text::{Paint, render};
use crate::alert::{Alert, clean};
use crate::content::{Content, Detector};
use crate::engine::{Engine, EventOutcome, Sink};
use crate::model::{DeadReason, FindingChange, Format, Limits, Outcome, Severity};

use super::ends::{End, end};
use super::facts::{Facts, Verdict};
use super::lines::line;
use super::reach::unreached;
use super::steps::{Form, Steps, Told};

/// Ids of events that are remembered, to name the record that had one before.
const REMEMBERED: usize = 65_536;

/// What was told so far of the record at hand.
pub(super) struct Way<'a> {
    steps: &'a Steps<'a>,
    content: &'a Content,
    only: Option<&'a Detector>,
    limits: &'a Limits,
    form: Form,
    record: u64,
    text: String,
    /// The event at hand as JSON, for its alerts to be added.
    document: Option<Json>,
    /// Records by the account and id of the events that were applied.
    seen: BTreeMap<(String, String), u64>,
}

impl<'a> Way<'a> {
    pub(super) fn new(
        steps: &'a Steps<'a>,
        content: &'a Content,
        only: Option<&str>,
        limits: &'a Limits,
        form: Form,
    ) -> Self {
        let only = content.detectors.iter().find(|detector| only == Some(&*detector.id));
        Self {
            steps,
            content,
            only,
            limits,
            form,
            record: 0,
            text: String::new(),
            document: None,
            seen: BTreeMap::new(),
        }
    }

    /// A record begins.
    pub(super) fn record(&mut self, number: u64) {
        self.record = number;
        if self.form != Form::Json {
            let between = if number == 0 { "" } else { "\n" };
            let _ = writeln!(self.text, "{between}record {number}");
        }
    }

    /// What there is to write, taken out. The last event's JSON waits for alerts that follow.
    pub(super) fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// The end: what was left in the state, for people.
    pub(super) fn finish(&mut self, engine: &Engine) {
        self.close();
        if self.form == Form::Json {
            return;
        }
        let (text, limits) = (&mut self.text, self.limits);
        text.push_str("\nleft in the state\n");
        engine.resources(&mut |dump| {
            let id = clean::text(&dump.id, limits.text_bytes);
            let _ = writeln!(text, "  {} {id} in {}", dump.kind, clean::text(&dump.cell, 512));
            for (facet, value) in dump.facets.as_object().into_iter().flatten() {
                let value = clean::text(&value.to_string(), limits.text_bytes);
                let _ = writeln!(text, "    {facet}: {value}");
            }
        });
    }

    fn close(&mut self) {
        if let Some(document) = self.document.take() {
            let _ = writeln!(self.text, "{document}");
        }
    }

    /// The record in which the same event came before, and this one remembered.
    fn before(&mut self, outcome: &EventOutcome<'_>) -> Option<u64> {
        let key = (outcome.account.to_owned(), outcome.event_id.to_owned());
        if outcome.outcome == Outcome::Duplicate {
            return self.seen.get(&key).copied();
        }
        if !outcome.event_id.is_empty() && self.seen.len() < REMEMBERED {
            self.seen.entry(key).or_insert(self.record);
        }
        None
    }

    fn show(&mut self, label: &str, value: &str) {
        let paint = self.paint();
        line(&mut self.text, paint, label, &clean::text(value, self.limits.text_bytes));
    }

    fn paint(&self) -> Paint {
        match self.form {
            Form::Text(paint) => paint,
            Form::Json => Paint::Plain,
        }
    }

    fn event(&mut self, outcome: &EventOutcome<'_>, told: &Told, end: Option<&End>) {
        let format = outcome.format.map_or("not recognised", |format| format.as_str());
        let _ = writeln!(self.text, "event {}: {format}", outcome.event);
        let reason = outcome.dead.map_or("", |reason| reason.as_str());
        self.show("outcome", outcome.outcome.as_str());
        self.show("reason", reason);
        match end {
            Some(end) => {
                self.show("ended at", &format!("{}: {}", end.at, end.why));
                self.show("to go on", &end.next);
            }
            None => self.show("detail", outcome.detail),
        }
        if let Some(detector) = self.only
            && let Some(why) = unreached(detector, &told.facts, end, self.content)
        {
            self.show(&detector.id, &format!("not reached: {why}"));
        }
        self.verdicts(&told.facts);
        let time = outcome.time.map(|time| time.to_string()).unwrap_or_default();
        let resources = outcome.resources.join(", ");
        for (label, value) in [
            ("service", outcome.service),
            ("name", outcome.name),
            ("id", outcome.event_id),
            ("time", &time),
            ("account", outcome.account),
            ("resources", &resources),
        ] {
            self.show(label, value);
        }
        if !told.text.is_empty() {
            self.text.push_str(" the way\n");
            self.text.push_str(&told.text);
        }
    }

    /// Verdicts: what is insecure or unknown one a line, the rest by id.
    fn verdicts(&mut self, facts: &Facts) {
        let mut secure: Vec<&str> = Vec::new();
        for word in ["insecure", "unknown", "secure"] {
            for verdict in facts.verdicts.iter().filter(|verdict| verdict.word() == word) {
                if self.only.is_some_and(|only| *only.id != *verdict.detector) {
                    continue;
                }
                if word == "secure" && self.only.is_none() {
                    if !secure.contains(&&*verdict.detector) {
                        secure.push(&verdict.detector);
                    }
                    continue;
                }
                self.show(&verdict.detector, &in_words(verdict));
            }
        }
        self.show("secure", &secure.join(", "));
        if facts.more > 0 {
            self.show("more", &format!("{} verdicts for which there is no room", facts.more));
        }
    }

    fn document(&self, outcome: &EventOutcome<'_>, told: &Told, end: Option<&End>) -> Json {
        let verdicts: Vec<Json> = told
            .facts
            .verdicts
            .iter()
            .filter(|verdict| self.only.is_none_or(|only| *only.id == *verdict.detector))
            .map(|verdict| {
                json!({
                    "detector": verdict.detector, "verdict": verdict.word(), "on": verdict.on,
                    "severity": verdict.severity.map(Severity::as_str),
                })
            })
            .collect();
        let unreached = self.only.and_then(|detector| {
            let why = unreached(detector, &told.facts, end, self.content)?;
            Some(json!({"detector": detector.id, "why": why}))
        });
        let time = outcome.time.map(|time| time.to_string());
        json!({
            "record": self.record, "event": outcome.event,
            "format": outcome.format.map(Format::as_str),
            "outcome": outcome.outcome.as_str(),
            "reason": outcome.dead.map(DeadReason::as_str), "detail": outcome.detail,
            "ended": end.map(|end| json!({"at": end.at, "why": end.why, "next": end.next})),
            "unreached": unreached, "verdicts": verdicts,
            "service": outcome.service, "name": outcome.name, "event_id": outcome.event_id,
            "time": time, "tenant": outcome.tenant, "account": outcome.account,
            "resources": outcome.resources, "steps": told.json, "findings": [],
        })
    }
}

impl Sink for Way<'_> {
    fn outcome(&mut self, outcome: &EventOutcome<'_>) {
        self.close();
        let told = self.steps.take();
        let before = self.before(outcome);
        let end = end(outcome, &told.facts, self.content, self.limits, before);
        match self.form {
            Form::Text(_) => self.event(outcome, &told, end.as_ref()),
            Form::Json => self.document = Some(self.document(outcome, &told, end.as_ref())),
        }
    }

    fn finding(&mut self, change: &FindingChange, detector: &Detector, content: &Content) {
        let holds = |only: &Detector| {
            change.finding.reasons.iter().any(|reason| reason.detector == only.id)
        };
        if self.only.is_some_and(|only| !holds(only)) {
            return;
        }
        let alert = Alert::new(change, detector, content, self.limits);
        if self.form != Form::Json {
            let _ = write!(self.text, "\n{}", render(&alert, self.paint()));
            if alert.facts.as_object().is_none_or(|facts| !facts.is_empty()) {
                let _ = writeln!(self.text, "  saw     {}", alert.facts);
            }
            return;
        }
        let Some(findings) = self.document.as_mut().and_then(|d| d["findings"].as_array_mut())
        else {
            return;
        };
        let reasons = change.finding.reasons.iter();
        findings.push(json!({
            "step": change.step.as_str(), "uid": change.finding.uid.to_string(),
            "alert": change.id.to_string(), "resource": change.finding.resource,
            "severity": crate::detect::severity(&change.finding).as_str(),
            "reasons": reasons.map(|reason| &*reason.detector).collect::<Vec<_>>(),
            "facts": alert.facts,
        }));
    }
}

fn in_words(verdict: &Verdict) -> String {
    let mut text = verdict.word().to_owned();
    if let Some(severity) = verdict.severity {
        let _ = write!(text, ", {}", severity.as_str());
    }
    if verdict.on.is_empty() {
        text.push_str(", the deed itself");
        return text;
    }
    let _ = write!(text, ": {}", verdict.on);
    let counts = verdict.counts;
    let all = counts.insecure + counts.unknown + counts.secure;
    match (verdict.each, all, verdict.word()) {
        (true, 0, _) => text.push_str(", none of whose elements is known"),
        (true, _, "insecure") => {
            let _ = write!(text, ", {} of {all} elements", counts.insecure);
        }
        (true, _, "unknown") => {
            let _ = write!(text, ", {} of {all} elements", counts.unknown);
        }
        _ => {}
    }
    text
}
