//! `explain`: a detector's page, or what becomes of one record.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;

use crate::alert::Alert;
use crate::alert::text::{Paint, render};
use crate::cli::Explain;
use crate::config::Config;
use crate::content::coverage::coverage;
use crate::content::{Content, Detector, explain};
use crate::decode::Record;
use crate::engine::{Engine, EventOutcome, Setup, Sink};
use crate::model::{FindingChange, Limits};
use crate::tenant::Registry;

use super::output::{Output, results};
use super::{Ended, pack};

pub(super) fn run(options: &Explain, config: &Config, output: Output) -> anyhow::Result<Ended> {
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

/// What becomes of the record: how each of its events was read, and what was left behind.
fn way(
    content: &Arc<Content>,
    path: &Path,
    only: Option<&str>,
    limits: &Limits,
    paint: Paint,
) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    // One byte more than allowed, so that a record that is too large is refused as such.
    let most = limits.record_bytes as u64 + 1;
    let file = File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes));
    file.with_context(|| format!("`{}` cannot be read", path.display()))?;
    let setup = Setup { limits: limits.clone(), format: None, detailed: true, shard: None };
    let mut engine = Engine::new(Arc::clone(content), Arc::new(Registry::own_tenants()), setup);
    let mut way = Way { text: String::new(), only, limits, paint };
    engine.record(&Record { value: &bytes, headers: &[], time: None }, &mut way);
    engine.finish(&mut way);
    let mut text = way.text;
    text.push_str("\nleft in the state\n");
    engine.resources(&mut |dump| {
        let _ = writeln!(text, "  {} {} in {}", dump.kind, dump.id, dump.cell);
        for (facet, value) in dump.facets.as_object().into_iter().flatten() {
            let _ = writeln!(text, "    {facet}: {value}");
        }
    });
    Ok(text)
}

struct Way<'a> {
    text: String,
    only: Option<&'a str>,
    limits: &'a Limits,
    paint: Paint,
}

impl Sink for Way<'_> {
    fn outcome(&mut self, outcome: &EventOutcome<'_>) {
        let format = outcome.format.map_or("not recognised", |format| format.as_str());
        let _ = writeln!(self.text, "event {}: {format}", outcome.event);
        let time = outcome.time.map(|time| time.to_string()).unwrap_or_default();
        let reason = outcome.dead.map_or("", |reason| reason.as_str());
        let resources = outcome.resources.join(", ");
        for (label, value) in [
            ("service", outcome.service),
            ("name", outcome.name),
            ("id", outcome.event_id),
            ("time", &time),
            ("account", outcome.account),
            ("tenant", outcome.tenant),
            ("outcome", outcome.outcome.as_str()),
            ("reason", reason),
            ("detail", outcome.detail),
            ("resources", &resources),
        ] {
            if !value.is_empty() {
                let value = crate::alert::clean::text(value, self.limits.text_bytes);
                let _ = writeln!(self.text, "  {label:<10} {value}");
            }
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
