//! The engine's results into lines: a sink that counts, encodes, and keeps them in order.

use std::sync::Arc;

use serde::Serialize;

use crate::alert::text::{Paint, render};
use crate::alert::{Alert, ocsf, proto};
use crate::cli::AlertFormat;
use crate::content::{Content, Detector};
use crate::engine::{EventOutcome, Sink};
use crate::model::{FindingChange, Limits, Reached};

use crate::worker::warn_of;

use super::tally::Tally;

/// How results are encoded.
#[derive(Clone, Debug)]
pub(super) struct Style {
    /// Alerts.
    pub alerts: AlertFormat,
    /// Colours in `text`.
    pub paint: Paint,
    /// Whether outcomes are written at all.
    pub outcomes: bool,
    /// Bounds of texts.
    pub limits: Limits,
}

/// What one engine told, and of which event.
#[derive(Debug)]
pub(super) struct Piece {
    /// Number of the record in the run, and of the event in the record.
    pub at: (u64, u32),
    /// Encoded.
    pub what: What,
}

/// An encoded result.
#[derive(Debug)]
pub(super) enum What {
    /// An alert.
    Alert(Vec<u8>),
    /// An outcome's line.
    Outcome(Vec<u8>),
}

/// Counts and encodes what an engine tells.
#[derive(Debug)]
pub(super) struct Teller {
    style: Style,
    /// Counts so far.
    pub tally: Tally,
    /// What was told since it was last taken, in order.
    pub pieces: Vec<Piece>,
    file: Arc<str>,
    /// Number of the record in its file, and in the run.
    record: (u64, u64),
    /// The event told of last: alerts come after the outcome of the event that caused them.
    event: u32,
}

/// One line of `--outcomes`. What is not known is `null`.
#[derive(Serialize)]
struct Line<'a> {
    path: &'a str,
    record: u64,
    event: u32,
    format: Option<&'static str>,
    tenant: Option<&'a str>,
    account: Option<&'a str>,
    event_id: Option<&'a str>,
    service: Option<&'a str>,
    name: Option<&'a str>,
    time: Option<String>,
    outcome: &'static str,
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    resources: Vec<&'a str>,
    alerts: &'a [String],
}

impl Teller {
    pub(super) fn new(style: Style) -> Self {
        let (tally, pieces, file) = (Tally::default(), Vec::new(), "".into());
        Self { style, tally, pieces, file, record: (0, 0), event: 0 }
    }

    /// Names the record that is told of next.
    pub(super) fn begin(&mut self, file: &Arc<str>, in_file: u64, in_run: u64) {
        self.event = 0;
        if !Arc::ptr_eq(file, &self.file) {
            self.file = Arc::clone(file);
        }
        self.record = (in_file, in_run);
    }

    /// Everything told since the last time.
    pub(super) fn take(&mut self) -> Vec<Piece> {
        std::mem::take(&mut self.pieces)
    }
}

impl Sink for Teller {
    fn outcome(&mut self, outcome: &EventOutcome<'_>) {
        self.tally.event(outcome.outcome, outcome.format, outcome.dead);
        self.event = outcome.event;
        if !self.style.outcomes {
            return;
        }
        let (in_file, in_run) = self.record;
        let line = line(&self.file, in_file, outcome);
        self.pieces.push(Piece { at: (in_run, outcome.event), what: What::Outcome(line) });
    }

    fn reached(&mut self, reached: &Reached, first: bool) {
        self.tally.reached(reached);
        if first {
            warn_of(reached);
        }
    }

    fn finding(&mut self, change: &FindingChange, detector: &Detector, content: &Content) {
        let alert = Alert::new(change, detector, content, &self.style.limits);
        self.tally.alert(alert.severity, alert.step);
        let bytes = match self.style.alerts {
            AlertFormat::Ocsf => {
                let mut line = ocsf::encode(&alert);
                line.push(b'\n');
                line
            }
            AlertFormat::Text => (render(&alert, self.style.paint) + "\n").into_bytes(),
            AlertFormat::Proto => proto::encode_delimited(&alert),
        };
        self.pieces.push(Piece { at: (self.record.1, self.event), what: What::Alert(bytes) });
    }
}

fn line(file: &str, record: u64, outcome: &EventOutcome<'_>) -> Vec<u8> {
    let said = |text| if str::is_empty(text) { None } else { Some(text) };
    let detail = said(outcome.detail);
    let line = Line {
        path: file,
        record,
        event: outcome.event,
        format: outcome.format.map(crate::model::Format::as_str),
        tenant: said(outcome.tenant),
        account: said(outcome.account),
        event_id: said(outcome.event_id),
        service: said(outcome.service),
        name: said(outcome.name),
        time: outcome.time.map(|time| time.to_string()),
        outcome: outcome.outcome.as_str(),
        reason: outcome.dead.map(crate::model::DeadReason::as_str).or(detail),
        detail: detail.filter(|_| outcome.dead.is_some()),
        resources: outcome.resources.iter().map(AsRef::as_ref).collect(),
        alerts: outcome.alerts,
    };
    // Every member is text, a number or a list of texts: there is nothing that could fail.
    let mut bytes = serde_json::to_vec(&line).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::samples;
    use crate::model::{DeadReason, Outcome};

    fn outcome(event: u32) -> EventOutcome<'static> {
        EventOutcome {
            dead: Some(DeadReason::NotJson),
            detail: "at byte 3",
            ..EventOutcome::of(event, Outcome::Dead)
        }
    }

    #[test]
    fn alerts_stand_behind_the_outcome_of_their_event() {
        let style = Style {
            alerts: AlertFormat::Ocsf,
            paint: Paint::Plain,
            outcomes: true,
            limits: Limits::default(),
        };
        let (content, mut teller) = (samples::content(), Teller::new(style));
        let file: Arc<str> = "f".into();
        teller.begin(&file, 0, 7);
        teller.outcome(&outcome(0));
        teller.finding(&samples::change(), &content.detectors[0], &content);
        teller.outcome(&outcome(1));
        teller.finding(&samples::change(), &content.detectors[0], &content);
        let places: Vec<(bool, (u64, u32))> = teller
            .take()
            .iter()
            .map(|piece| (matches!(piece.what, What::Alert(_)), piece.at))
            .collect();
        let expected = [(false, (7, 0)), (true, (7, 0)), (false, (7, 1)), (true, (7, 1))];
        assert_eq!(places, expected);
        assert_eq!((teller.tally.events(), teller.tally.alerts()), (2, 2));
    }

    #[test]
    fn an_outcome_is_one_line_with_the_promised_members() {
        let text = String::from_utf8(line("a.jsonl", 4, &outcome(2))).expect("it is UTF-8");
        assert_eq!(
            text,
            "{\"path\":\"a.jsonl\",\"record\":4,\"event\":2,\"format\":null,\"tenant\":null,\
             \"account\":null,\"event_id\":null,\"service\":null,\"name\":null,\"time\":null,\
             \"outcome\":\"dead\",\"reason\":\"not_json\",\"detail\":\"at byte 3\",\
             \"resources\":[],\"alerts\":[]}\n"
        );
    }
}
