//! `check`: content and configuration, every fault at once.

use std::io::Write as _;
use std::path::Path;

use serde_json::{Value as Json, json};

use crate::cli::{Check, FaultFormat};
use crate::config::{Config, read_folder};
use crate::content::{self, Fault, Files};
use crate::expr::Level;

use super::output::results;
use super::{Ended, Refused, pack};

/// Loads everything and tells what is wrong with it. The configuration was read before.
///
/// # Errors
/// When there is an error among the faults, or a folder cannot be read.
pub(super) fn run(options: &Check, config: &Config) -> anyhow::Result<Ended> {
    let files = pack::files(config, &options.paths)?;
    let (faults, counts) = match content::check(&files, &crate::cloud::tables()) {
        Ok((content, warnings)) => {
            let counts = format!(
                "{} kinds, {} mapping entries, {} detectors",
                content.schema.kinds.len(),
                content.entries.len(),
                content.detectors.len()
            );
            (warnings, Some(counts))
        }
        Err(faults) => (faults, None),
    };
    let faults = if options.paths.is_empty() { faults } else { of_the_author(faults, &files) };
    let mut out = results(Path::new("-"))?;
    for path in &options.paths {
        if options.format == FaultFormat::Text && read_folder(path)?.is_empty() {
            writeln!(out, "`{}` holds no YAML file", path.display())?;
        }
    }
    match options.format {
        FaultFormat::Text => write!(out, "{}", pack::list(&faults))?,
        FaultFormat::Json => writeln!(out, "{}", report(&faults))?,
        FaultFormat::Sarif => writeln!(out, "{:#}", content::sarif(&faults))?,
    }
    match &counts {
        Some(counts) if options.format == FaultFormat::Text => {
            writeln!(out, "well: {counts}, {} warnings", faults.len())?;
        }
        Some(_) | None => {}
    }
    out.flush()?;
    match counts {
        Some(_) => Ok(Ended::Well),
        None => Err(Refused(pack::counted(&faults)).into()),
    }
}

/// What is wrong, without warnings about files that whoever asks did not write.
fn of_the_author(faults: Vec<Fault>, files: &Files) -> Vec<Fault> {
    let mut faults = faults;
    faults.retain(|fault| fault.level == Level::Error || !files.is_shipped(&fault.file));
    faults
}

/// `{"errors": 1, "warnings": 0, "faults": [...]}`.
fn report(faults: &[Fault]) -> Json {
    let errors = faults.iter().filter(|fault| fault.level == Level::Error).count();
    let told: Vec<Json> = faults.iter().map(Fault::to_json).collect();
    json!({"errors": errors, "warnings": faults.len() - errors, "faults": told})
}
