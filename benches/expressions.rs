//! The evaluator beside the `cel` crate's, and what detectors cost an event that none reads.
//!
//! Enters the document and the predicates of `common/predicates.rs`, and the generated mix.
//! Leaves criterion's report; `BENCHMARKS.md` tells the ratios.
#![allow(missing_docs, reason = "criterion's macro makes a public function")]

mod common;

use std::cell::Cell;
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;

use bumpalo::Bump;
use common::predicates::{PARTS, PREDICATES, compile, document, lend};
use common::{Count, engine, give, mix};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use driftline::cloud::tables;
use driftline::content::{Content, Files, load};
use driftline::expr::{Call, World};
use driftline::model::{FacetId, Handle, Schema, Timestamp, Val};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Nowhere;

impl<'a> World<'a> for Nowhere {
    fn facet(&self, _: Handle, _: FacetId) -> Val<'a> {
        Val::Unknown
    }

    fn id(&self, _: Handle) -> Val<'a> {
        Val::Unknown
    }
}

/// Ours, with all that an evaluation needs made anew: values on loan, fuel, an arena used again.
fn ours(criterion: &mut Criterion) {
    let (schema, document, held) = (Schema::default(), document(), Bump::new());
    let values = PARTS.map(|name| lend(&document[name], &held));
    let mut group = criterion.benchmark_group("ours");
    for (name, source) in PREDICATES {
        let program = compile(source, &schema);
        let arena = Bump::new();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let fuel = Cell::new(100_000);
                let now = Timestamp(0);
                let call =
                    Call { arena: &arena, schema: &schema, world: &Nowhere, now, fuel: &fuel };
                matches!(program.eval(black_box(&values), &call), Ok(Val::Bool(true)))
            });
        });
    }
    group.finish();
}

/// The crate, its variables bound once and for all: what it costs to bind a document for each
/// event (61 to 92 us) is not in its figures.
fn crates(criterion: &mut Criterion) {
    let document = document();
    let env = Arc::new(cel::Env::stdlib());
    let mut context = cel::Context::with_env(Arc::clone(&env));
    for name in PARTS {
        context.add_variable(name, &document[name]).expect("it is a value");
    }
    let mut group = criterion.benchmark_group("cel crate");
    for (name, source) in PREDICATES {
        let program = env.compile(source).expect("it parses");
        assert_eq!(program.execute(&context), Ok(cel::Value::Bool(true)), "{name}");
        group.bench_function(name, |bencher| {
            bencher.iter(|| program.execute(black_box(&context)));
        });
    }
    group.finish();
}

/// The shipped kinds and mappings with so many detectors of the mix's most frequent kind.
fn with_detectors(count: usize) -> Arc<Content> {
    let mut files = Files::new();
    for file in Files::shipped().all().iter().filter(|file| !file.path.contains("/detectors/")) {
        files.add(&file.path, file.text.to_string());
    }
    let mut text = String::new();
    for number in 0..count {
        let port = 1 + number % 60_000;
        let _ = write!(
            text,
            "---\napiVersion: driftline/v1\nkind: Detector\nid: X-{number:04}\ntitle: t\n\
             severity: low\nmaturity: stable\nwhy: w\napplies_to: network.security_group\n\
             insecure: world.contains({port})\n"
        );
    }
    files.add("more.yaml", text);
    Arc::new(load(&files, &tables()).expect("the detectors load").0)
}

/// Events that nobody reads, given to engines with ten and with a thousand detectors.
fn ignored(criterion: &mut Criterion) {
    let mut probe = engine(&with_detectors(10));
    let mut records: Vec<String> = mix(5, 20_000).into_iter().map(|(_, text)| text).collect();
    records.retain(|text| {
        let mut count = Count::default();
        give(&mut probe, text.as_bytes(), &mut count);
        count.ignored == 1
    });
    let mut group = criterion.benchmark_group("ignored");
    group.throughput(Throughput::Elements(records.len() as u64)).sample_size(20);
    for count in [10, 1_000] {
        let mut engine = engine(&with_detectors(count));
        group.bench_function(format!("{count} detectors"), |bencher| {
            bencher.iter(|| {
                let mut count = Count::default();
                for text in &records {
                    give(&mut engine, text.as_bytes(), &mut count);
                }
                count.ignored
            });
        });
    }
    group.finish();
}

criterion_group!(benches, ours, crates, ignored);
criterion_main!(benches);
