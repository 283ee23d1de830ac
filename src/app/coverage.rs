//! `coverage`: which detector is live on which cloud, by which path.

use std::io::Write as _;
use std::path::Path;

use crate::cli::{Coverage, TableFormat};
use crate::config::Config;
use crate::content::coverage::coverage;

use super::output::{Output, results};
use super::{Ended, pack};

pub(super) fn run(options: &Coverage, config: &Config, output: Output) -> anyhow::Result<Ended> {
    let content = pack::load(config, &options.content, output)?;
    let table = coverage(&content);
    let text = match options.format {
        TableFormat::Text => table.to_text(),
        TableFormat::Markdown => table.to_markdown(),
        TableFormat::Json => format!("{}\n", table.to_json()),
    };
    let mut out = results(Path::new("-"))?;
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(Ended::Well)
}
