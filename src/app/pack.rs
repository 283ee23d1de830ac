//! The shipped pack and a user's own folders into loaded content.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::{Config, read_folder};
use crate::content::{self, Content, Fault, Files};

use crate::telemetry;

use super::Refused;
use super::output::Output;

/// What loading comes to.
type Loaded = Result<(Content, Vec<Fault>), Vec<Fault>>;

/// Loads the shipped pack, the configured folders, and `more`; tells warnings.
///
/// # Errors
/// Every fault of every file at once.
pub(super) fn load(
    config: &Config,
    more: &[PathBuf],
    output: Output,
) -> anyhow::Result<Arc<Content>> {
    let files = files(config, more)?;
    told(content::load(&files, &crate::cloud::tables()), output)
}

/// As [`load`], its expressions compiled to tell what each part of them came to.
///
/// # Errors
/// As [`load`].
pub(super) fn load_watched(
    config: &Config,
    more: &[PathBuf],
    output: Output,
) -> anyhow::Result<Arc<Content>> {
    let files = files(config, more)?;
    told(content::load_watched(&files, &crate::cloud::tables()), output)
}

/// As [`load`], while the old content is in use: what does not load leaves that where it is.
///
/// # Errors
/// Why it was refused, in a line; every fault is told in the log.
pub(super) fn reload(config: &Config, more: &[PathBuf]) -> Result<Arc<Content>, String> {
    let loaded = files(config, more).map(|files| content::load(&files, &crate::cloud::tables()));
    let taken = match loaded {
        Ok(Ok((content, warnings))) => {
            for warning in &warnings {
                tracing::info!(%warning, "content");
            }
            Ok(Arc::new(content))
        }
        Ok(Err(faults)) => {
            for fault in &faults {
                tracing::error!(%fault, "content");
            }
            Err(counted(&faults))
        }
        Err(why) => Err(format!("{why:#}")),
    };
    match &taken {
        Ok(_) => note_loaded(),
        Err(why) => tracing::error!("new content was refused, the old stays in use: {why}"),
    }
    let result = if taken.is_ok() { "taken" } else { "kept" };
    metrics::counter!(telemetry::RELOADS, "result" => result).increment(1);
    taken
}

/// Notes that the content in use was loaded now.
pub(super) fn note_loaded() {
    #[expect(clippy::disallowed_methods, reason = "people read it beside other clocks")]
    let now = jiff::Timestamp::now();
    metrics::gauge!(telemetry::LOADED).set(now.as_duration().as_secs_f64());
    // They are there from the start, so that the first reload shows as a rise.
    for result in ["taken", "kept"] {
        metrics::counter!(telemetry::RELOADS, "result" => result).increment(0);
    }
}

fn told(loaded: Loaded, output: Output) -> anyhow::Result<Arc<Content>> {
    match loaded {
        Ok((content, warnings)) => {
            for warning in &warnings {
                tracing::info!(%warning, "content");
            }
            Ok(Arc::new(content))
        }
        Err(faults) => {
            output.remark(&list(&faults));
            Err(Refused(counted(&faults)).into())
        }
    }
}

/// The files of the shipped pack, then those of the folders.
///
/// # Errors
/// When a folder cannot be read.
pub(super) fn files(config: &Config, more: &[PathBuf]) -> anyhow::Result<Files> {
    let mut files = Files::shipped();
    for path in config.content.iter().chain(more) {
        for (name, text) in read_folder(path)? {
            files.add(&shipped_name(path, &name), text);
        }
    }
    Ok(files)
}

/// Where a user's file stands on disk, by its name among [`files`]; `None` for what is in none of
/// the folders.
///
/// # Errors
/// When a folder cannot be read.
pub(super) fn place_of(
    config: &Config,
    more: &[PathBuf],
    file: &str,
) -> anyhow::Result<Option<PathBuf>> {
    // Of two files of one name the later counts, as in loading.
    for path in config.content.iter().chain(more).rev() {
        for (name, _) in read_folder(path)? {
            if shipped_name(path, &name) == file {
                return Ok(Some(PathBuf::from(name)));
            }
        }
    }
    Ok(None)
}

/// The shipped pack's own folder, named again by a user, is not a second pack: its files take
/// the places of those in the program.
fn shipped_name(folder: &Path, name: &str) -> String {
    const PACK: &str = "config/content";
    let given = folder.display().to_string();
    let given = given.trim_end_matches('/');
    match name.strip_prefix(given) {
        Some(rest) if given.ends_with(PACK) => format!("{PACK}{rest}"),
        Some(_) | None => name.to_owned(),
    }
}

/// Every fault, one after the other, with its line.
pub(super) fn list(faults: &[Fault]) -> String {
    let mut text = String::new();
    for fault in faults {
        let _ = writeln!(text, "{fault}");
    }
    text
}

/// How many faults there are.
pub(super) fn counted(faults: &[Fault]) -> String {
    let errors = faults.iter().filter(|fault| fault.level_word() == "error").count();
    let warnings = faults.len() - errors;
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    format!(
        "{errors} error{} and {warnings} warning{} in content",
        plural(errors),
        plural(warnings)
    )
}
