//! `test --update`: what failed detector tests expect is written anew in their own files, every
//! other byte left alone.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::path::PathBuf;

use anyhow::Context as _;

use crate::config::Config;
use crate::content::cases::Subject;
use crate::content::{self, Files};

use super::super::pack;
use super::Ran;

/// A text that takes the place of some bytes of a file.
type Rewrite = (Range<usize>, String);

/// Rewrites the `expect:` of the detector tests that failed. Tells what was written, and what was
/// left: tests of mappings, whose facets are for a person to judge, and those of the shipped pack.
///
/// # Errors
/// When a file can't be written, or would not load with its new texts.
pub(super) fn update(
    ran: &[Ran<'_>],
    files: &Files,
    config: &Config,
    paths: &[PathBuf],
) -> anyhow::Result<String> {
    let mut told = String::new();
    let mut rewrites: BTreeMap<&str, Vec<Rewrite>> = BTreeMap::new();
    for ran in ran {
        let Some(failure) = &ran.failure else { continue };
        let file = &*ran.case.source.file;
        let why = match (&failure.steps, ran.subject) {
            _ if files.is_shipped(file) => "the shipped pack is part of the program",
            (Some(steps), Subject::Detector(_)) => {
                rewrites.entry(file).or_default().push((ran.case.expected.clone(), steps.clone()));
                continue;
            }
            _ => "only what detectors' tests expect is rewritten",
        };
        let _ = writeln!(told, "left: {}: {}: {why}", ran.subject(), ran.case.name);
    }
    let mut changed = files.clone();
    let mut texts: Vec<(&str, String, usize)> = Vec::new();
    for (name, rewrites) in rewrites {
        let Some(file) = files.all().iter().find(|file| *file.path == *name) else { continue };
        let count = rewrites.len();
        let text = rewritten(&file.text, rewrites);
        changed.add(name, text.clone());
        texts.push((name, text, count));
    }
    content::load(&changed, &crate::cloud::tables()).map_err(|faults| {
        anyhow::anyhow!("nothing was rewritten, it would not load:\n{}", pack::list(&faults))
    })?;
    for (name, text, count) in texts {
        let place = pack::place_of(config, paths, name)?;
        let place = place.with_context(|| format!("`{name}` is in none of the folders"))?;
        fs::write(&place, text)
            .with_context(|| format!("`{}` cannot be written", place.display()))?;
        let _ = writeln!(told, "rewritten: {} ({count})", place.display());
    }
    Ok(told)
}

/// The text with each range replaced.
fn rewritten(text: &str, mut rewrites: Vec<Rewrite>) -> String {
    rewrites.sort_by_key(|(range, _)| range.start);
    let mut out = text.to_owned();
    for (range, steps) in rewrites.into_iter().rev() {
        out.replace_range(range, &steps);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_range_is_replaced_and_nothing_else() {
        let rewrites = vec![(5..6, "[opened high]".to_owned()), (1..2, String::new())];
        assert_eq!(rewritten("a[b]\néx", vec![]), "a[b]\néx");
        assert_eq!(rewritten("abcdefg", rewrites), "acde[opened high]g");
    }
}
