//! `explain`: a detector's page, or the whole way of each record of a file.

mod steps;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use indicatif::ProgressBar;

use crate::alert::text::{Paint, render};
use crate::alert::{Alert, clean};
use crate::cli::Explain;
use crate::config::Config;
use crate::content::coverage::coverage;
use crate::content::{Content, Detector, explain};
use crate::decode::Record;
use crate::engine::{Engine, EventOutcome, Setup, Sink};
use crate::model::{FindingChange, Limits};
use crate::tenant::Registry;

use super::output::{Output, results};
use super::split::Splitter;
use super::{Ended, functions, input, pack};

use steps::Steps;

pub(super) fn run(options: &Explain, config: &Config, output: Output) -> anyhow::Result<Ended> {
    if let Some(name) = &options.functions {
        return functions::run(name, options.format);
    }
    let content = pack::load(config, &options.content, output)?;
    let text = match (&options.id, &options.record) {
        (Some(id), _) => page(&content, id)?,
        (None, Some(path)) => {
            let only = options.detector.as_deref();
            way(&content, path, only, &config.limits, output.paint(Path::new("-")))?
        }
        (None, None) => return Ok(Ended::Failed),
    };
    let mut out = results(Path::new("-"))?;
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(Ended::Well)
}

fn page(content: &Content, id: &str) -> anyhow::Result<String> {
    explain::detector(content, &coverage(content), id).with_context(|| {
        let near = |detector: &&Detector| strsim::levenshtein(&detector.id, id);
        match content.detectors.iter().min_by_key(near) {
            Some(nearest) => format!("there is no detector `{id}`; did you mean `{}`?", nearest.id),
            None => format!("there is no detector `{id}`"),
        }
    })
}

/// What becomes of each record of the file: how its events were read, what followed, and what
/// was left behind at the end.
fn way(
    content: &Arc<Content>,
    path: &Path,
    only: Option<&str>,
    limits: &Limits,
    paint: Paint,
) -> anyhow::Result<String> {
    if let Some(id) = only {
        page(content, id)?; // Refuses a detector that does not exist.
    }
    let setup = Setup { limits: limits.clone(), format: None, detailed: true, shard: None };
    let mut engine = Engine::new(Arc::clone(content), Arc::new(Registry::own_tenants()), setup);
    let steps = Steps::new(content, only, paint);
    let mut way = Way { text: String::new(), steps: &steps, only, limits, paint };
    let mut records = 0;
    for source in input::sources(&[path.to_owned()])? {
        let reader = source.open(&ProgressBar::hidden())?;
        let mut splitter = Splitter::new(reader, limits.record_bytes);
        while let Some(value) = splitter.next_record().with_context(|| source.name())? {
            let _ = writeln!(way.text, "record {records}");
            engine.explain(&Record { value, headers: &[], time: None }, &steps, &mut way);
            records += 1;
        }
    }
    if records == 0 {
        anyhow::bail!("`{}` holds no record", path.display());
    }
    engine.finish(&mut way);
    let mut text = way.text;
    text.push_str("\nleft in the state\n");
    engine.resources(&mut |dump| {
        let id = clean::text(&dump.id, limits.text_bytes);
        let _ = writeln!(text, "  {} {id} in {}", dump.kind, clean::text(&dump.cell, 512));
        for (facet, value) in dump.facets.as_object().into_iter().flatten() {
            let value = clean::text(&value.to_string(), limits.text_bytes);
            let _ = writeln!(text, "    {facet}: {value}");
        }
    });
    Ok(text)
}

/// Outcomes and alerts between the steps that led to them.
struct Way<'a> {
    text: String,
    steps: &'a Steps<'a>,
    only: Option<&'a str>,
    limits: &'a Limits,
    paint: Paint,
}

impl Sink for Way<'_> {
    fn outcome(&mut self, outcome: &EventOutcome<'_>) {
        let format = outcome.format.map_or("not recognised", |format| format.as_str());
        let _ = writeln!(self.text, "event {}: {format}", outcome.event);
        let time = outcome.time.map(|time| time.to_string()).unwrap_or_default();
        let show = |text: &mut String, label: &str, value: &str| {
            steps::line(text, self.paint, label, &clean::text(value, self.limits.text_bytes));
        };
        for (label, value) in [
            ("service", outcome.service),
            ("name", outcome.name),
            ("id", outcome.event_id),
            ("time", &time),
            ("account", outcome.account),
        ] {
            show(&mut self.text, label, value);
        }
        self.text.push_str(&self.steps.take());
        let resources = outcome.resources.join(", ");
        for (label, value) in [
            ("outcome", outcome.outcome.as_str()),
            ("reason", outcome.dead.map_or("", |reason| reason.as_str())),
            ("detail", outcome.detail),
            ("resources", &resources),
        ] {
            show(&mut self.text, label, value);
        }
    }

    fn finding(&mut self, change: &FindingChange, detector: &Detector, content: &Content) {
        let holds = |id: &str| change.finding.reasons.iter().any(|reason| *reason.detector == *id);
        if self.only.is_some_and(|id| !holds(id)) {
            return;
        }
        let alert = Alert::new(change, detector, content, self.limits);
        let _ = write!(self.text, "\n{}", render(&alert, self.paint));
        let _ = writeln!(self.text, "  saw     {}", alert.facts);
    }
}
