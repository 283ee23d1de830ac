//! `explain`: a detector's page, or the whole way of each record of a file.

mod ends;
mod facts;
mod json;
mod lines;
mod reach;
pub(in crate::app) mod steps;
#[cfg(test)]
mod tests;
mod tree;
mod way;

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use indicatif::ProgressBar;

use crate::cli::{Explain, TableFormat};
use crate::config::{Config, read_registry};
use crate::content::coverage::coverage;
use crate::content::{Content, Detector, explain};
use crate::decode::Record;
use crate::engine::{Engine, Setup};
use crate::tenant::Registry;

use super::output::{Output, Results, results};
use super::split::Splitter;
use super::{Ended, functions, input, pack};

use steps::{Form, Steps};
use way::Way;

pub(super) fn run(options: &Explain, config: &Config, output: Output) -> anyhow::Result<Ended> {
    if let Some(name) = &options.functions {
        return functions::run(name, options.format);
    }
    let mut out = results(Path::new("-"))?;
    match (&options.id, &options.record) {
        (Some(id), _) => {
            let content = pack::load(config, &options.content, output)?;
            out.write_all(page(&content, id)?.as_bytes())?;
        }
        (None, Some(path)) => {
            let content = pack::load_watched(config, &options.content, output)?;
            let form = match options.format {
                TableFormat::Text => Form::Text(output.paint(Path::new("-"))),
                TableFormat::Json => Form::Json,
                TableFormat::Markdown => anyhow::bail!("a record's way is written as text or json"),
            };
            way(&content, path, options, config, form, &mut out)?;
        }
        (None, None) => return Ok(Ended::Failed),
    }
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
    options: &Explain,
    config: &Config,
    form: Form,
    out: &mut Results,
) -> anyhow::Result<()> {
    let only = options.detector.as_deref();
    if let Some(id) = only {
        page(content, id)?; // Refuses a detector that does not exist.
    }
    let limits = &config.limits;
    let setup = Setup { limits: limits.clone(), format: None, detailed: true, shard: None };
    let mut engine = Engine::new(Arc::clone(content), registry(options, config)?, setup);
    let steps = Steps::new(content, only, form);
    let mut way = Way::new(&steps, content, only, limits, form);
    let mut records = 0;
    for source in input::sources(&[path.to_owned()])? {
        let reader = source.open(&ProgressBar::hidden())?;
        let mut splitter = Splitter::new(reader, limits.record_bytes);
        while let Some(value) = splitter.next_record().with_context(|| source.name())? {
            way.record(records);
            engine.explain(&Record { value, headers: &[], time: None }, &steps, &mut way);
            out.write_all(way.take().as_bytes())?;
            records += 1;
        }
    }
    if records == 0 {
        anyhow::bail!("`{}` holds no record", path.display());
    }
    engine.finish(&mut way);
    way.finish(&engine);
    out.write_all(way.take().as_bytes())?;
    Ok(())
}

fn registry(options: &Explain, config: &Config) -> anyhow::Result<Arc<Registry>> {
    Ok(match (&options.tenants, &config.tenants) {
        (Some(file), _) => Arc::new(read_registry(file)?),
        (None, Some(registry)) => Arc::clone(registry),
        (None, None) => Arc::new(Registry::own_tenants()),
    })
}
