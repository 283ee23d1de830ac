//! Whatever the order in which events come, and however often: the same state, the same findings.

mod common;

use common::deeds::{deed, held, operation, operations, records};
use common::records::NOON;
use std::sync::Arc;

use common::{Log, engine, feed, pack, rearranged};
use driftline::engine::{Engine, Setup};
use driftline::model::{Limits, Timestamp};
use driftline::tenant::Registry;
use proptest::prelude::*;
use serde_json::Value;

const ACCOUNT: &str = "111122223333";
const OTHER: &str = "444455556666";
/// Long after every event: all timers are due.
const LATER: i64 = 1_772_460_000;

fn run(records: &[Value]) -> Engine {
    run_until(records, LATER)
}

fn run_until(records: &[Value], end: i64) -> Engine {
    let (mut engine, mut log) = (engine(), Log::default());
    for record in records {
        feed(&mut engine, record, &mut log);
    }
    engine.tick(Timestamp::from_seconds(end), &mut log);
    assert_eq!(log.outcomes.len(), records.len(), "each event has exactly one outcome");
    engine
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn operations_that_fail_late_or_are_never_heard_of_again_leave_the_same_in_any_order(
        all in prop::collection::vec((0..40_u8, operation()), 1..7),
        shuffle in prop::collection::vec(any::<prop::sample::Index>(), 40),
    ) {
        /// Eleven hours after noon: every event and every timer has been.
        const EVENING: i64 = NOON + 11 * 3_600;
        let records = operations(&all);
        let mut mixed = records.clone();
        for (place, index) in shuffle.iter().enumerate().take(mixed.len()) {
            let other = index.index(mixed.len());
            mixed.swap(place, other);
        }
        let (told, shuffled) = (run_until(&records, EVENING), run_until(&mixed, EVENING));
        prop_assert_eq!(held(&told), held(&shuffled));
        // What failed is as if nobody had tried.
        let failed: Vec<String> = (0..all.len())
            .filter(|number| all[*number].1.end == Some("Failure"))
            .map(|number| format!("\"run-{number}\""))
            .collect();
        let mut real = records;
        real.retain(|record| !failed.iter().any(|run| record.to_string().contains(run)));
        prop_assert_eq!(held(&run_until(&real, EVENING)), held(&told));
        prop_assert_eq!(told.stale_derivations(), Vec::<String>::new());
        prop_assert_eq!(shuffled.stale_derivations(), Vec::<String>::new());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_order_and_any_duplication_give_the_same_state_and_findings(
        deeds in prop::collection::vec((0..40_u8, deed()), 1..14),
        shuffle in prop::collection::vec(any::<prop::sample::Index>(), 40),
    ) {
        let records = records(ACCOUNT, &deeds);
        let mut mixed = records.clone();
        for index in shuffle.iter().take(records.len() / 3) {
            if !records.is_empty() {
                mixed.push(records[index.index(records.len())].clone());
            }
        }
        for (place, index) in shuffle.iter().enumerate().take(mixed.len()) {
            let other = index.index(mixed.len());
            mixed.swap(place, other);
        }
        prop_assert_eq!(held(&run(&records)), held(&run(&mixed)));
    }

    #[test]
    fn what_is_derived_is_what_deriving_everything_anew_would_give(
        deeds in prop::collection::vec((0..40_u8, deed()), 1..20),
    ) {
        let engine = run(&records(ACCOUNT, &deeds));
        prop_assert_eq!(engine.stale_derivations(), Vec::<String>::new());
    }

    #[test]
    fn content_swapped_under_a_stream_is_as_if_it_had_been_there_from_the_start(
        deeds in prop::collection::vec((0..40_u8, deed()), 1..60),
        at in any::<prop::sample::Index>(),
    ) {
        let records = records(ACCOUNT, &deeds);
        // So few that what a row is made of has mostly been folded together.
        let limits = Limits { recent_events: 1, ..Limits::default() };
        let setup = || Setup { limits: limits.clone(), ..Setup::default() };
        let registry = || Arc::new(Registry::own_tenants());
        let (mut swapped, mut log) = (Engine::new(pack(), registry(), setup()), Log::default());
        let place = at.index(records.len() + 1);
        for record in &records[..place] {
            feed(&mut swapped, record, &mut log);
        }
        swapped.adopt(rearranged(), &mut log);
        for record in &records[place..] {
            feed(&mut swapped, record, &mut log);
        }
        swapped.tick(Timestamp::from_seconds(LATER), &mut log);
        let mut whole = Engine::new(rearranged(), registry(), setup());
        for record in &records {
            feed(&mut whole, record, &mut log);
        }
        whole.tick(Timestamp::from_seconds(LATER), &mut log);
        prop_assert_eq!(held(&swapped), held(&whole));
        prop_assert_eq!(swapped.stale_derivations(), Vec::<String>::new());
    }

    #[test]
    fn tenants_interleaved_are_told_what_they_are_told_apart(
        ours in prop::collection::vec((0..40_u8, deed()), 1..12),
        theirs in prop::collection::vec((0..40_u8, deed()), 1..12),
        turns in prop::collection::vec(any::<bool>(), 60),
    ) {
        let (ours, theirs) = (records(ACCOUNT, &ours), records(OTHER, &theirs));
        let mut together = (engine(), Log::default());
        let (mut left, mut right) = (ours.iter(), theirs.iter());
        for turn in turns {
            let next = if turn { left.next() } else { right.next() };
            if let Some(record) = next {
                feed(&mut together.0, record, &mut together.1);
            }
        }
        for record in left.chain(right) {
            feed(&mut together.0, record, &mut together.1);
        }
        for (tenant, records) in [(ACCOUNT, &ours), (OTHER, &theirs)] {
            let (mut alone, mut log) = (engine(), Log::default());
            for record in records {
                feed(&mut alone, record, &mut log);
            }
            let mixed: Vec<_> = together.1.steps.iter().filter(|step| step.tenant == tenant).collect();
            let apart: Vec<_> = log.steps.iter().collect();
            prop_assert_eq!(mixed, apart);
        }
    }
}
