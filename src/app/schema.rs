//! `schema`: the JSON Schema of what users write and of what they read.

use std::io::Write as _;
use std::path::Path;

use crate::cli::{Schema, SchemaOf};
use crate::config::{self, Config};
use crate::content::schema::{Of, schema};

use super::output::{Output, results};
use super::{Ended, pack};

/// Every schema, and what it is of.
const ALL: [(&str, &str); 5] = [
    ("config", "the configuration file"),
    ("kind", "content files that declare kinds, types and acts"),
    ("mapping", "content files that map a service's events"),
    ("detector", "content files that hold a detector"),
    ("alert", "an alert as it is published"),
];

/// Writes one schema, or tells which there are.
///
/// # Errors
/// When content does not load, or for policies, which this version does not have.
pub(super) fn run(options: &Schema, config: &Config, output: Output) -> anyhow::Result<Ended> {
    let of_content = |of| -> anyhow::Result<_> {
        Ok(schema(of, &*pack::load(config, &options.content, output)?))
    };
    let found = match options.of {
        None => {
            let mut out = results(Path::new("-"))?;
            for (name, what) in ALL {
                writeln!(out, "{name:<9} {what}")?;
            }
            out.flush()?;
            return Ok(Ended::Well);
        }
        Some(SchemaOf::Config) => config::schema::schema(),
        Some(SchemaOf::Kind) => of_content(Of::Kind)?,
        Some(SchemaOf::Mapping) => of_content(Of::Mapping)?,
        Some(SchemaOf::Detector) => of_content(Of::Detector)?,
        Some(SchemaOf::Alert) => crate::alert::schema::schema(),
        Some(SchemaOf::Policy) => anyhow::bail!("policies are not in this version"),
    };
    let mut out = results(Path::new("-"))?;
    writeln!(out, "{found:#}")?;
    out.flush()?;
    Ok(Ended::Well)
}
