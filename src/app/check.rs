//! `check`: content and configuration, every fault at once.

use std::io::Write as _;
use std::path::Path;

use crate::cli::Check;
use crate::config::Config;
use crate::content;

use super::output::results;
use super::{Ended, Refused, pack};

/// Loads everything and tells what is wrong with it. The configuration was read before.
pub(super) fn run(options: &Check, config: &Config) -> anyhow::Result<Ended> {
    let files = pack::files(config, &options.paths)?;
    let (content, warnings) = match content::load(&files, &crate::cloud::tables()) {
        Ok(loaded) => loaded,
        Err(faults) => {
            let mut out = results(Path::new("-"))?;
            write!(out, "{}", pack::list(&faults))?;
            out.flush()?;
            return Err(Refused(pack::counted(&faults)).into());
        }
    };
    let mut out = results(Path::new("-"))?;
    write!(out, "{}", pack::list(&warnings))?;
    writeln!(
        out,
        "well: {} kinds, {} mapping entries, {} detectors, {} warnings",
        content.schema.kinds.len(),
        content.entries.len(),
        content.detectors.len(),
        warnings.len()
    )?;
    out.flush()?;
    Ok(Ended::Well)
}
