//! Metrics: the committed page is the declared one, and recording an event costs no memory.

mod common;

use std::alloc::System;
use std::time::Duration;

use common::fresh::fresh;
use driftline::model::{Format, Outcome, Severity, Step};
use driftline::telemetry::{self, Pipeline, Series};
use driftline::worker::{Happening, Observer as _, Role};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

// One test: what another thread allocates would count as well.
#[test]
fn the_page_is_the_declared_one_and_what_is_told_often_costs_no_memory() {
    fresh("docs/metrics.md", &telemetry::page());

    let (recorder, shown) = telemetry::recorder();
    metrics::with_local_recorder(&recorder, || {
        let pipeline = Pipeline::of(Role::Detect, &Series::new());
        let took = Duration::from_millis(1);
        let often = [
            Happening::Event {
                format: Some(Format::AwsCloudtrail),
                outcome: Outcome::Applied,
                age: Some(1_000_000),
            },
            Happening::Event { format: None, outcome: Outcome::Dead, age: None },
            Happening::Batch { records: 1_000, took },
        ];
        let tell = || often.iter().for_each(|what| pipeline.happened(Role::Detect, what));
        tell();
        let region = Region::new(ALLOCATOR);
        for _ in 0..10_000 {
            tell();
        }
        assert_eq!(region.change().allocations, 0, "{:?}", region.change());

        // What names its series is looked up, and kept no more than once.
        let alert = Happening::Alert {
            detector: "FW-001",
            severity: Severity::High,
            step: Step::Opened,
            latency: took,
        };
        pipeline.happened(Role::Detect, &alert);
        let region = Region::new(ALLOCATOR);
        for _ in 0..10_000 {
            pipeline.happened(Role::Detect, &alert);
        }
        let change = region.change();
        assert_eq!(change.bytes_allocated, change.bytes_deallocated, "{change:?}");
    });
    assert!(
        shown.render().contains(
            "driftline_events_total{format=\"aws-cloudtrail\",outcome=\"applied\"} 10001\n"
        )
    );
}
