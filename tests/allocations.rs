//! An event that nobody reads costs no memory: it is looked at where it lies.
//!
//! A binary of its own with one test, because the allocator counts every thread.

#[path = "../benches/common/mod.rs"]
mod common;

use std::alloc::System;

use common::{Count, engine, give, mix, pack};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static COUNTING: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn an_ignored_event_allocates_nothing() {
    let mut engine = engine(&pack());
    let records = mix(3, 2_000);
    // What an event with escapes needs is kept from then on; it is asked for before counting.
    let escaped = r#"{"eventVersion":"1.09","userIdentity":{},"eventSource":"s3.amazonaws.com","eventName":"Get\u0041cl","readOnly":true,"eventID":"e"}"#;
    let mut warm = Count::default();
    give(&mut engine, escaped.as_bytes(), &mut warm);
    assert_eq!(warm.ignored, 1, "{warm:?}");
    let (mut ignored, mut watched) = (0, 0);
    // Looked at for the account's owner as well, who is somebody else.
    let trace = r#"{"trace_id":"t","trace_name":"createTopic","trace_rating":"normal","service_type":"SMN","resource_type":"topic","user":{"name":"alice","principal_is_root_user":"false"},"time":1772452800000}"#;
    give(&mut engine, trace.as_bytes(), &mut warm);
    assert_eq!(warm.ignored, 2, "{warm:?}");
    let mut texts: Vec<&str> = vec![escaped, trace];
    texts.extend(records.iter().map(|(_, record)| record.as_str()));
    for text in texts {
        let mut count = Count::default();
        let region = Region::new(COUNTING);
        give(&mut engine, text.as_bytes(), &mut count);
        let change = region.change();
        if count.ignored == 0 {
            watched += 1;
            continue;
        }
        ignored += 1;
        let asked = (change.allocations, change.reallocations);
        assert_eq!(asked, (0, 0), "{change:?} for {text}");
    }
    assert!(ignored > 1_900 && watched > 20, "{ignored} ignored, {watched} watched");
}
