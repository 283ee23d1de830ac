//! `replay`: the pipeline over files. What enters are paths; what leaves are alerts, outcomes,
//! state and a summary.
//!
//! One thread reads and judges. With `--threads N` one thread cuts records and N engines are
//! each given all of them, every engine for its own share of the accounts: events must stay in
//! order within an account, and which account a record speaks of is known only once it is
//! decoded. So decoding is paid N times; judging is shared.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::{FormatChoice, Replay, SummaryFormat};
use crate::config::{Config, read_registry};
use crate::content::Content;
use crate::decode::Record;
use crate::engine::{Engine, Setup};
use crate::tenant::Registry;

use super::input::{self, Source};
use super::output::{Output, Results, is_stdout, results};
use super::split::Splitter;
use super::tally::{Ending, Tally};
use super::teller::{Piece, Style, Teller, What};
use super::{Ended, pack};

/// Bytes and records of one batch between threads.
const BATCH: (usize, usize) = (1 << 20, 1_024);
/// Batches that may wait for a thread.
const WAITING: usize = 4;

/// All that an engine is made of.
struct Parts {
    content: Arc<Content>,
    registry: Arc<Registry>,
    setup: Setup,
    style: Style,
}

impl Parts {
    fn engine(&self, shard: Option<(u32, u32)>) -> Engine {
        let setup = Setup { shard, ..self.setup.clone() };
        Engine::new(Arc::clone(&self.content), Arc::clone(&self.registry), setup)
    }
}

/// What reading came to.
#[derive(Default)]
struct Read {
    records: u64,
    bytes: u64,
    failed: bool,
}

/// What one engine came to.
#[derive(Default)]
struct Part {
    tally: Tally,
    open: usize,
    state: Vec<String>,
}

pub(super) fn run(options: &Replay, config: &Config, output: Output) -> anyhow::Result<Ended> {
    let started = now();
    let sources = input::sources(&options.paths)?;
    let parts = parts(options, config, output)?;
    let mut writers = Writers::open(options)?;
    let progress = progress(&sources, options);
    let (read, part) = if options.threads == 1 {
        alone(&sources, &parts, &progress, output, &mut writers)?
    } else {
        shared(&sources, &parts, &progress, output, &mut writers, options.threads)?
    };
    progress.finish_and_clear();
    writers.state(part.state)?;
    writers.flush()?;
    let mut tally = part.tally;
    (tally.records, tally.bytes) = (read.records, read.bytes);
    let seconds = started.elapsed().as_secs_f64();
    let end = Ending { open_findings: part.open, seconds, peak_memory: peak_memory() };
    if read.records == 0 && !read.failed {
        output.note("the input holds no record");
    }
    output.remark(&match options.summary {
        SummaryFormat::Text => tally.text(&end),
        SummaryFormat::Json => tally.json(&end),
    });
    let found = options.fail_on.is_some_and(|severity| tally.raised(severity) > 0);
    Ok(match (read.failed, found) {
        (true, _) => Ended::Failed,
        (false, true) => Ended::Found,
        (false, false) => Ended::Well,
    })
}

fn parts(options: &Replay, config: &Config, output: Output) -> anyhow::Result<Parts> {
    let registry = match (&options.tenant, &options.tenants, &config.tenants) {
        (Some(tenant), _, _) => Arc::new(Registry::fixed(tenant)),
        (None, Some(file), _) => Arc::new(read_registry(file)?),
        (None, None, Some(registry)) => Arc::clone(registry),
        (None, None, None) => Arc::new(Registry::own_tenants()),
    };
    let setup = Setup {
        limits: config.limits.clone(),
        format: match options.format {
            FormatChoice::Auto => None,
            FormatChoice::Only(format) => Some(format),
        },
        detailed: options.outcomes.is_some(),
        shard: None,
    };
    let style = Style {
        alerts: options.alert_format,
        paint: output.paint(&options.alerts),
        outcomes: options.outcomes.is_some(),
        limits: config.limits.clone(),
    };
    let content = pack::load(config, &options.content, output)?;
    Ok(Parts { content, registry, setup, style })
}

/// Takes a record: its file, its number there and in the run, its bytes.
type Each<'a> = dyn FnMut(&Arc<str>, u64, u64, &[u8]) -> anyhow::Result<()> + 'a;

/// Gives every record of every source to `each`: its file, its number there and in the run, and
/// its bytes. A source that fails is told, and the next one is read.
fn for_each_record(
    sources: &[Source],
    limit: usize,
    progress: &ProgressBar,
    output: Output,
    each: &mut Each<'_>,
) -> anyhow::Result<Read> {
    let mut read = Read::default();
    for source in sources {
        let name: Arc<str> = source.name().into();
        let reader = match source.open(progress) {
            Ok(reader) => reader,
            Err(error) => {
                output.error(&format!("{error:#}"));
                read.failed = true;
                continue;
            }
        };
        let mut splitter = Splitter::new(reader, limit);
        let mut in_file = 0;
        loop {
            match splitter.next_record() {
                Ok(Some(record)) => {
                    each(&name, in_file, read.records, record)?;
                    in_file += 1;
                    read.records += 1;
                    read.bytes += record.len() as u64;
                }
                Ok(None) => break,
                Err(error) => {
                    output.error(&format!("`{name}` after record {in_file}: {error}"));
                    read.failed = true;
                    break;
                }
            }
        }
    }
    Ok(read)
}

fn alone(
    sources: &[Source],
    parts: &Parts,
    progress: &ProgressBar,
    output: Output,
    writers: &mut Writers,
) -> anyhow::Result<(Read, Part)> {
    let mut engine = parts.engine(None);
    let mut teller = Teller::new(parts.style.clone());
    let limit = parts.setup.limits.record_bytes;
    let mut each = |file: &Arc<str>, in_file, in_run, value: &[u8]| {
        teller.begin(file, in_file, in_run);
        engine.record(&Record { value, headers: &[], time: None }, &mut teller);
        writers.pieces(teller.take())
    };
    let read = for_each_record(sources, limit, progress, output, &mut each)?;
    let (pieces, part) = end(engine, teller, writers.state.is_some(), read.records);
    writers.pieces(pieces)?;
    Ok((read, part))
}

/// Ends an engine's stream: what it still has to tell, and what it came to.
fn end(mut engine: Engine, mut teller: Teller, state: bool, at: u64) -> (Vec<Piece>, Part) {
    teller.begin(&"".into(), 0, at);
    engine.finish(&mut teller);
    let mut part = Part { open: engine.open_findings(), ..Part::default() };
    if state {
        engine.resources(&mut |dump| {
            let line = serde_json::json!({
                "cell": dump.cell, "kind": dump.kind, "id": dump.id, "facets": dump.facets,
            });
            part.state.push(line.to_string());
        });
    }
    let pieces = teller.take();
    part.tally = teller.tally;
    (pieces, part)
}

/// Records on their way to the engines.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    /// Where each ends, its file, its number there and in the run.
    records: Vec<(usize, Arc<str>, u64, u64)>,
}

fn shared(
    sources: &[Source],
    parts: &Parts,
    progress: &ProgressBar,
    output: Output,
    writers: &mut Writers,
    threads: u32,
) -> anyhow::Result<(Read, Part)> {
    let state = writers.state.is_some();
    thread::scope(|scope| {
        let (mut inboxes, mut outboxes, mut workers) = (Vec::new(), Vec::new(), Vec::new());
        for index in 0..threads {
            let (inbox, batches) = sync_channel::<Arc<Batch>>(WAITING);
            let (pieces, outbox) = sync_channel::<Vec<Piece>>(WAITING);
            inboxes.push(inbox);
            outboxes.push(outbox);
            let engine = parts.engine(Some((index, threads)));
            let teller = Teller::new(parts.style.clone());
            workers.push(scope.spawn(move || work(engine, teller, &batches, &pieces, state)));
        }
        let limit = parts.setup.limits.record_bytes;
        let reader = scope.spawn(move || deal(sources, limit, progress, output, &inboxes));
        merge(&outboxes, writers)?;
        drop(outboxes);
        let mut whole = Part::default();
        for worker in workers {
            let part = worker.join().map_err(|_| anyhow::anyhow!("a worker stopped"))?;
            whole.tally.add(&part.tally);
            whole.open += part.open;
            whole.state.extend(part.state);
        }
        let read = reader.join().map_err(|_| anyhow::anyhow!("the reader stopped"))??;
        Ok((read, whole))
    })
}

/// Cuts records into batches and gives each batch to every engine.
fn deal(
    sources: &[Source],
    limit: usize,
    progress: &ProgressBar,
    output: Output,
    inboxes: &[SyncSender<Arc<Batch>>],
) -> anyhow::Result<Read> {
    let send = |batch: Batch| {
        let batch = Arc::new(batch);
        for inbox in inboxes {
            // An engine that is gone has ended the run; its own end is told by its thread.
            inbox.send(Arc::clone(&batch))?;
        }
        anyhow::Ok(())
    };
    let mut batch = Batch::default();
    let mut each = |file: &Arc<str>, in_file, in_run, value: &[u8]| {
        batch.bytes.extend_from_slice(value);
        batch.records.push((batch.bytes.len(), Arc::clone(file), in_file, in_run));
        if batch.bytes.len() < BATCH.0 && batch.records.len() < BATCH.1 {
            return Ok(());
        }
        send(std::mem::take(&mut batch))
    };
    let read = for_each_record(sources, limit, progress, output, &mut each)?;
    send(batch)?;
    Ok(read)
}

/// One engine's thread: a list of pieces for every batch, and one more for the end.
fn work(
    mut engine: Engine,
    mut teller: Teller,
    batches: &Receiver<Arc<Batch>>,
    pieces: &SyncSender<Vec<Piece>>,
    state: bool,
) -> Part {
    let mut next = 0;
    while let Ok(batch) = batches.recv() {
        let mut start = 0;
        for (stop, file, in_file, in_run) in &batch.records {
            teller.begin(file, *in_file, *in_run);
            let value = &batch.bytes[start..*stop];
            engine.record(&Record { value, headers: &[], time: None }, &mut teller);
            start = *stop;
            next = *in_run + 1;
        }
        if pieces.send(teller.take()).is_err() {
            return Part::default();
        }
    }
    let (last, part) = end(engine, teller, state, next);
    // Nobody listens only where writing failed, which is told there.
    let _ = pieces.send(last);
    part
}

/// Writes what the engines tell in the order of records and events: the order of one thread.
fn merge(outboxes: &[Receiver<Vec<Piece>>], writers: &mut Writers) -> anyhow::Result<()> {
    loop {
        let mut round = Vec::new();
        let mut ended = 0;
        for outbox in outboxes {
            match outbox.recv() {
                Ok(pieces) => round.extend(pieces),
                Err(_) => ended += 1,
            }
        }
        // Stable: what one engine told of one event stays as it was told.
        round.sort_by_key(|piece| piece.at);
        writers.pieces(round)?;
        if ended == outboxes.len() {
            return Ok(());
        }
    }
}

/// Where results go.
struct Writers {
    alerts: Results,
    outcomes: Option<Results>,
    state: Option<Results>,
    /// Someone is watching: nothing waits in a buffer.
    watched: bool,
}

impl Writers {
    fn open(options: &Replay) -> anyhow::Result<Self> {
        Ok(Self {
            alerts: results(&options.alerts)?,
            outcomes: options.outcomes.as_deref().map(results).transpose()?,
            state: options.state.as_deref().map(results).transpose()?,
            watched: is_stdout(&options.alerts) && io::stdout().is_terminal(),
        })
    }

    fn pieces(&mut self, pieces: Vec<Piece>) -> anyhow::Result<()> {
        for piece in pieces {
            match (piece.what, &mut self.outcomes) {
                (What::Alert(bytes), _) => {
                    self.alerts.write_all(&bytes)?;
                    if self.watched {
                        self.alerts.flush()?;
                    }
                }
                (What::Outcome(line), Some(outcomes)) => outcomes.write_all(&line)?,
                (What::Outcome(_), None) => {}
            }
        }
        Ok(())
    }

    /// In an order that does not depend on threads.
    fn state(&mut self, mut lines: Vec<String>) -> anyhow::Result<()> {
        let Some(writer) = &mut self.state else { return Ok(()) };
        lines.sort_unstable();
        for line in lines {
            writeln!(writer, "{line}")?;
        }
        Ok(())
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        self.alerts.flush()?;
        let others = [&mut self.outcomes, &mut self.state];
        for writer in others.into_iter().flatten() {
            writer.flush()?;
        }
        Ok(())
    }
}

/// Bytes, rate and time left, where someone sees stderr and it is not full of alerts.
fn progress(sources: &[Source], options: &Replay) -> ProgressBar {
    let alerts_seen = is_stdout(&options.alerts) && io::stdout().is_terminal();
    if !io::stderr().is_terminal() || alerts_seen {
        return ProgressBar::hidden();
    }
    let total: Option<u64> = sources.iter().map(|source| source.bytes).sum();
    let (bar, template) = match total {
        Some(total) => (
            ProgressBar::new(total),
            "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
        ),
        None => (ProgressBar::new_spinner(), "{spinner} {bytes}, {bytes_per_sec}"),
    };
    bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(4));
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[expect(clippy::disallowed_methods, reason = "`app` is the one room that reads a clock")]
fn now() -> Instant {
    Instant::now()
}

/// The process's highest resident memory, from `/proc/self/status` where there is one.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1_024)
}
