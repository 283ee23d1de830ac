//! Whole processes beside each other: `replay --threads 1` and the floor loop, over one file.
//!
//! Leaves a table on stdout. Processor time of each process is compared, not time on the wall:
//! it changes less when a machine has other work. With `--memory` one process fills the state
//! instead and tells its size, with `--watched` one tells what a watched event costs, and
//! `--mix <records> <file>` writes the mix.

#![allow(clippy::print_stdout, reason = "a tool, not the program")]
#![allow(clippy::disallowed_methods, reason = "measuring is what it is for")]

#[path = "common/mod.rs"]
mod common;

use std::io::{self, BufWriter, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use common::resources::{ROUND, records};
use common::{Count, Floor, engine, give, mix, pack, writes};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Records of the mix, in two files: of the smaller one the start is a large part.
const RECORDS: [usize; 2] = [200_000, 1_000_000];
const RUNS: usize = 5;
/// Bytes that the floor reads at a time; no record is as long.
const BLOCK: usize = 1 << 20;
/// Watched events before, and while it is measured.
const WATCHED: usize = 40_000;
/// `/proc` counts in hundredths of a second on Linux, whatever the kernel's own tick.
const TICKS: f64 = 100.0;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["--floor", path] => floor(Path::new(path)),
        ["--mix", records, path] => {
            write_mix(Path::new(path), records.parse().unwrap_or(RECORDS[0]))
        }
        ["--memory", ..] => memory(),
        ["--watched", ..] => watched(),
        _ => RECORDS.into_iter().try_for_each(compare),
    }
}

/// The loop of `BENCHMARKS.md`: the file block by block, its lines one after another. As a whole in
/// memory it costs up to twice as much, and another amount in each run: the kernel has to find
/// and clear the pages.
fn floor(path: &Path) -> io::Result<()> {
    let mut file = std::fs::File::open(path)?;
    let (floor, mut sum) = (Floor::default(), 0);
    let (mut block, mut kept) = (vec![0; BLOCK], 0);
    loop {
        let read = file.read(&mut block[kept..])?;
        let (bytes, mut at) = (&block[..kept + read], 0);
        for end in memchr::memchr_iter(b'\n', bytes) {
            sum += floor.take(&bytes[at..end]);
            at = end + 1;
        }
        if read == 0 {
            break;
        }
        let rest = at..bytes.len();
        kept = rest.len();
        block.copy_within(rest, 0);
    }
    println!("{sum}");
    Ok(())
}

fn compare(count: usize) -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("mix.jsonl");
    let empty = folder.path().join("empty.jsonl");
    std::fs::write(&empty, "")?;
    write_mix(&path, count)?;
    let own = std::env::current_exe()?;
    let (mut floors, mut replays, mut starts) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        floors.push(seconds(Command::new(&own).arg("--floor").arg(&path))?);
        replays.push(seconds(&mut replay(&path))?);
        starts.push(seconds(&mut replay(&empty))?);
    }
    let (floor, replay, start) = (median(floors), median(replays), median(starts));
    let bytes = std::fs::metadata(&path)?.len();
    println!("{count} records, {bytes} bytes, median of {RUNS}, processor seconds:");
    println!("floor process       {floor:.2}");
    println!("replay, all of it   {replay:.2}   {:.2} x the floor's speed", floor / replay);
    let running = replay - start;
    println!("replay, start       {start:.2}   loading the pack");
    println!("replay, running     {running:.2}   {:.2} x the floor's speed", floor / running);
    Ok(())
}

/// The mix as a file of lines.
fn write_mix(path: &Path, records: usize) -> io::Result<()> {
    let mut file = BufWriter::new(std::fs::File::create(path)?);
    for (_, record) in mix(1, records) {
        writeln!(file, "{record}")?;
    }
    file.flush()
}

fn replay(path: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_driftline"));
    command.args(["replay", "--threads", "1", "--alerts", "/dev/null"]).arg(path);
    command
}

/// Processor time of one process, user and system.
fn seconds(command: &mut Command) -> io::Result<f64> {
    let before = children()?;
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    if !status.success() {
        return Err(io::Error::other(format!("a measured process ended with {status}")));
    }
    Ok((children()? - before) / TICKS)
}

/// Ticks of all children that have ended.
fn children() -> io::Result<f64> {
    ticks(13)
}

/// Two numbers of ticks, user and system, from a place after the name in `/proc/self/stat` on.
fn ticks(place: usize) -> io::Result<f64> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    // The name in brackets may hold blanks; `cutime` and `cstime` are 14th and 15th after it.
    let rest = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = rest.split_whitespace().skip(place).take(2);
    Ok(ticks.filter_map(|word| word.parse::<f64>().ok()).sum())
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

/// Watched events alone, after as many of their like, beside the floor over the same records.
fn watched() -> io::Result<()> {
    let (before, mut records) = (writes(11, WATCHED), writes(12, WATCHED));
    records.retain(|record| !record.contains("\"PutMetricAlarm\""));
    let mut engine = engine(&pack());
    let mut count = Count::default();
    for record in &before {
        give(&mut engine, record.as_bytes(), &mut count);
    }
    let (start, mut count) = (own()?, Count::default());
    for record in &records {
        give(&mut engine, record.as_bytes(), &mut count);
    }
    let taken = own()? - start;
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
    let each = taken * 1e6 / records.len() as f64;
    println!("{count:?}: {each:.1} us of processor time a watched event");
    Ok(())
}

/// Seconds of processor time this process has used.
fn own() -> io::Result<f64> {
    Ok(ticks(11)? / TICKS)
}

fn memory() -> io::Result<()> {
    let mut engine = engine(&pack());
    let mut count = Count::default();
    let before = resident()?;
    records(200_000_u64.div_ceil(ROUND), &mut |record| {
        give(&mut engine, record.as_bytes(), &mut count);
    });
    let (rows, bytes) = engine.size();
    let grown = resident()? - before;
    println!("{count:?}, {} findings open", engine.open_findings());
    println!("{rows} resources: {bytes} bytes of rows, {grown} bytes more resident");
    Ok(())
}

/// Bytes of this process in memory.
fn resident() -> io::Result<u64> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    let kib = line.trim().trim_end_matches(" kB").parse::<u64>();
    Ok(kib.unwrap_or_default() * 1_024)
}
