//! Loops over the same records: from cutting lines to the whole engine.
//!
//! Enters the generated mix, and a public corpus where `DRIFTLINE_CORPORA` or
//! `../shared/corpora` has it. Leaves criterion's report; `BENCHMARKS.md` tells the ratios.
#![allow(missing_docs, reason = "criterion's macro makes a public function")]

mod common;

use std::hint::black_box;
use std::path::PathBuf;

use common::{Count, Floor, Sort, engine, give, mix, pack};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use driftline::content::Content;
use driftline::decode::{Decoded, Decoder, Detail, Index, Record};
use driftline::model::{EventKey, Limits};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Reads<'c>(&'c Content);

impl Index for Reads<'_> {
    fn reads(&self, key: &EventKey<'_>, by_owner: &dyn Fn() -> bool) -> bool {
        self.0.reads(key) || (self.0.reads_owner(key) && by_owner())
    }
}

fn loops(group: &mut BenchmarkGroup<'_, WallTime>, lines: &[u8]) {
    let content = pack();
    let records: Vec<&[u8]> = lines.split(|byte| *byte == b'\n').collect();
    group.throughput(Throughput::Elements(records.len() as u64)).sample_size(10);
    group.bench_function("lines", |bencher| {
        bencher.iter(|| memchr::memchr_iter(b'\n', black_box(lines)).count());
    });
    let floor = Floor::default();
    group.bench_function("floor", |bencher| {
        bencher.iter(|| records.iter().map(|record| floor.take(record)).sum::<usize>());
    });
    let mut decoder = Decoder::new(Limits::default(), None, Detail::Counts);
    group.bench_function("decode", |bencher| {
        bencher.iter(|| {
            let mut read = 0_u64;
            for value in &records {
                let record = Record { value, ..Record::default() };
                decoder.decode(&record, &Reads(&content), &mut |_, decoded| {
                    read += u64::from(matches!(decoded, Decoded::Event(_)));
                });
            }
            read
        });
    });
    group.bench_function("engine", |bencher| {
        // A fresh engine each time: an event told twice would be passed over as a duplicate.
        bencher.iter_batched_ref(
            || engine(&content),
            |engine| {
                let mut count = Count::default();
                for record in &records {
                    give(engine, record, &mut count);
                }
                count.alerts
            },
            criterion::BatchSize::PerIteration,
        );
    });
}

/// The watched events of the mix alone, after the mix has filled the state.
fn watched(criterion: &mut Criterion) {
    let content = pack();
    let before = common::writes(11, 10_000);
    let mut records = common::writes(12, 12_000);
    records.retain(|record| !record.contains("\"PutMetricAlarm\""));
    let mut group = criterion.benchmark_group("watched");
    group.throughput(Throughput::Elements(records.len() as u64)).sample_size(10);
    group.bench_function("engine", |bencher| {
        bencher.iter_batched_ref(
            || {
                let mut engine = engine(&content);
                let mut count = Count::default();
                for it in &before {
                    give(&mut engine, it.as_bytes(), &mut count);
                }
                engine
            },
            |engine| {
                let mut count = Count::default();
                for it in &records {
                    give(engine, it.as_bytes(), &mut count);
                }
                count.alerts
            },
            criterion::BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn generated(criterion: &mut Criterion) {
    let records = mix(1, 20_000);
    let watched = records.iter().filter(|(sort, _)| *sort == Sort::Write).count();
    assert_eq!(watched, 400, "two in a hundred are writes");
    let lines: Vec<String> = records.into_iter().map(|(_, record)| record).collect();
    let mut group = criterion.benchmark_group("mix");
    loops(&mut group, lines.join("\n").as_bytes());
    group.finish();
}

#[expect(clippy::disallowed_methods, clippy::print_stderr, reason = "a tool, not the program")]
fn corpus(criterion: &mut Criterion) {
    let folder = std::env::var("DRIFTLINE_CORPORA").unwrap_or("../shared/corpora".into());
    let path = PathBuf::from(folder).join("invictus-aws_dataset/cloudtrail.jsonl");
    let Ok(bytes) = std::fs::read(&path) else {
        eprintln!("corpus: not run, there is no `{}`", path.display());
        return;
    };
    let mut group = criterion.benchmark_group("corpus");
    let lines = [bytes.trim_ascii_end(); 7].join(&b'\n');
    loops(&mut group, &lines);
    group.finish();
}

criterion_group!(benches, generated, watched, corpus);
criterion_main!(benches);
