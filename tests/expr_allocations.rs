//! An evaluation over borrowed values asks the allocator for nothing: what it lays out goes into
//! its arena, which is used again.
//!
//! A binary of its own with one test, because the allocator counts every thread.

#[path = "../benches/common/mod.rs"]
mod common;

use std::alloc::System;
use std::cell::Cell;

use bumpalo::Bump;
use common::predicates::{PARTS, PREDICATES, compile, document, lend};
use driftline::expr::{Call, World};
use driftline::model::{FacetId, Handle, Schema, Timestamp, Val};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

struct Nowhere;

impl<'a> World<'a> for Nowhere {
    fn facet(&self, _: Handle, _: FacetId) -> Val<'a> {
        Val::Unknown
    }

    fn id(&self, _: Handle) -> Val<'a> {
        Val::Unknown
    }
}

/// Texts that are built, lists that are made over, a regex.
const FURTHER: [&str; 4] = [
    "after.ingress.filter(r, r.from < 100).map(r, r.id + '!').join(',').size() > 10",
    "actor.arn.matches('assumed-role/[a-z]+/') && event.name.lowerAscii().startsWith('authorize')",
    "'%s from %s'.format([event.name, actor.ip]).endsWith('7') && [1, 2, 3].exists(n, n == size(after.ingress) - 2)",
    "cel.bind(open, after.ingress.map(r, r.to).sort(), open[open.size() - 1] == 5432)",
];

#[test]
fn an_evaluation_over_borrowed_values_allocates_nothing() {
    let (schema, document, held) = (Schema::default(), document(), Bump::new());
    let values = PARTS.map(|name| lend(&document[name], &held));
    let sources = PREDICATES.iter().map(|(_, source)| *source).chain(FURTHER);
    for source in sources {
        let program = compile(source, &schema);
        let mut arena = Bump::new();
        let mut asked = (usize::MAX, usize::MAX);
        // The first time fills the arena and the regex's scratch space.
        for _ in 0..3 {
            let fuel = Cell::new(100_000);
            let region = Region::new(COUNTING);
            let call = Call {
                arena: &arena,
                schema: &schema,
                world: &Nowhere,
                now: Timestamp(0),
                fuel: &fuel,
            };
            let holds = program.eval(&values, &call);
            assert!(matches!(holds, Ok(Val::Bool(true))), "{source}: {holds:?}");
            let change = region.change();
            asked = (change.allocations, change.reallocations);
            arena.reset();
        }
        assert_eq!(asked, (0, 0), "{source}");
    }
}
