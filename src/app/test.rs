//! `test`: runs the tests inside detectors and mappings. What enters are the suites of loaded
//! content; what leaves is a report, expected beside got.

mod bench;
mod junit;
mod said;
mod update;
mod way;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::cli::Test;
use crate::config::Config;
use crate::content::cases::{Case, Subject};
use crate::content::{self};

use super::output::{Output, results};
use super::{Ended, Refused, pack};

use bench::{Bench, Failure};

/// Failed tests whose way is told; of more only what was expected and what came.
const TOLD: usize = 20;

/// One test that was run.
struct Ran<'c> {
    subject: &'c Subject,
    case: &'c Case,
    /// What is wrong; `None` when nothing is.
    failure: Option<Failure>,
}

impl Ran<'_> {
    fn subject(&self) -> &str {
        let (Subject::Detector(name) | Subject::Mapping(name)) = self.subject;
        name
    }
}

/// Runs the tests that were asked for.
///
/// # Errors
/// When content does not load, or a file can't be written.
pub(super) fn run(options: &Test, config: &Config, output: Output) -> anyhow::Result<Ended> {
    let files = pack::files(config, &options.paths)?;
    let (content, _) = content::load(&files, &crate::cloud::tables()).map_err(|faults| {
        output.remark(&pack::list(&faults));
        Refused(pack::counted(&faults))
    })?;
    let content = Arc::new(content);
    let wanted = options.filter.as_deref().unwrap_or_default().to_ascii_lowercase();
    let mut jobs: Vec<(&Subject, &Case)> = Vec::new();
    for suite in &content.suites {
        let (Subject::Detector(name) | Subject::Mapping(name)) = &suite.subject;
        if name.to_ascii_lowercase().contains(&wanted) {
            jobs.extend(suite.cases.iter().map(|case| (&suite.subject, case)));
        }
    }
    let bench = Bench { content: &content, files: &files, limits: &config.limits };
    let mut ran = all(&bench, &jobs)?;
    if ran.iter().any(|ran| ran.failure.is_some()) {
        tell_ways(&mut ran, &bench);
    }
    let mut out = results(Path::new("-"))?;
    write!(out, "{}", report(&ran))?;
    if options.update {
        write!(out, "{}", update::update(&ran, &files, config, &options.paths)?)?;
    }
    out.flush()?;
    if let Some(path) = &options.junit {
        let mut file = results(path)?;
        write!(file, "{}", junit::report(&ran))?;
        file.flush()?;
    }
    if jobs.is_empty() {
        output.note("no test was selected");
    }
    let failed = ran.iter().any(|ran| ran.failure.is_some());
    Ok(if failed { Ended::Found } else { Ended::Well })
}

/// Runs the tests on as many threads as there are; the report's order is that of `jobs`.
fn all<'c>(bench: &Bench<'_>, jobs: &[(&'c Subject, &'c Case)]) -> anyhow::Result<Vec<Ran<'c>>> {
    let next = AtomicUsize::new(0);
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let work = || {
        let mut done = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some((subject, case)) = jobs.get(place) else { return done };
            done.push((place, Ran { subject, case, failure: bench.failure(subject, case) }));
        }
    };
    let mut ran: Vec<(usize, Ran<'c>)> = Vec::with_capacity(jobs.len());
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.min(jobs.len())).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            let died = |_| anyhow::anyhow!("a thread that ran tests died");
            ran.extend(worker.join().map_err(died)?);
        }
        anyhow::Ok(())
    })?;
    ran.sort_by_key(|(place, _)| *place);
    Ok(ran.into_iter().map(|(_, ran)| ran).collect())
}

/// Adds to the first failures what each event came to, and what the expressions saw.
fn tell_ways(ran: &mut [Ran<'_>], bench: &Bench<'_>) {
    // It loaded before, and loads the same again.
    let Ok((watched, _)) = content::load_watched(bench.files, &crate::cloud::tables()) else {
        return;
    };
    let watched = Arc::new(watched);
    let bench = Bench { content: &watched, ..*bench };
    for ran in ran.iter_mut().filter(|ran| ran.failure.is_some()).take(TOLD) {
        let way = way::way(&bench, ran.subject, ran.case);
        if let Some(failure) = &mut ran.failure {
            failure.text.push_str(&way);
        }
    }
}

/// A line per subject that is well, a block per test that failed, and the count.
fn report(ran: &[Ran<'_>]) -> String {
    let mut out = String::new();
    for group in ran.chunk_by(|left, right| left.subject() == right.subject()) {
        let failed: Vec<&Ran<'_>> = group.iter().filter(|ran| ran.failure.is_some()).collect();
        let Some(first) = group.first().filter(|_| failed.is_empty()) else {
            for ran in failed {
                let source = &ran.case.source;
                let _ = writeln!(
                    out,
                    "FAIL  {}: {}  ({}:{})",
                    ran.subject(),
                    ran.case.name,
                    source.file,
                    source.line
                );
                out.extend(ran.failure.iter().map(|failure| failure.text.as_str()));
            }
            continue;
        };
        let _ = writeln!(out, "ok    {} ({})", first.subject(), group.len());
    }
    let failed = ran.iter().filter(|ran| ran.failure.is_some()).count();
    let _ = writeln!(out, "{} passed, {failed} failed", ran.len() - failed);
    out
}
