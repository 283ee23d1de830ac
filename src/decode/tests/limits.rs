//! Every limit of the room, at it and one past it.

use super::wire::fixture;
use super::{Told, outcomes, outcomes_with};
use crate::model::{DeadReason, Limits};

fn refused(value: &[u8], limits: Limits) -> Vec<DeadReason> {
    let reason = |told| if let Told::Dead { reason, .. } = told { Some(reason) } else { None };
    outcomes_with(value, limits, true).into_iter().filter_map(reason).collect()
}

/// The value is fine at `limits(at)` and refused for `reason` at `limits(at - 1)`.
fn holds(value: &[u8], at: usize, reason: DeadReason, limits: &dyn Fn(usize) -> Limits) {
    assert_eq!(refused(value, limits(at)), [], "{reason:?} at the limit");
    assert_eq!(refused(value, limits(at - 1)), [reason], "{reason:?} past it");
}

#[test]
fn a_record_may_be_as_large_as_the_limit() {
    let value = fixture("huawei-cts");
    holds(&value, value.len(), DeadReason::RecordTooLarge, &|record_bytes| Limits {
        record_bytes,
        ..Limits::default()
    });
}

#[test]
fn compressed_data_may_grow_as_large_as_the_limit_all_levels_together() {
    let plain = fixture("huawei-cts");
    let pack = |plain: &[u8]| {
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut packed, plain).unwrap();
        packed.finish().unwrap()
    };
    let once = pack(&plain);
    let limits = &|decompressed_bytes| Limits { decompressed_bytes, ..Limits::default() };
    holds(&once, plain.len(), DeadReason::DecompressedTooLarge, limits);
    let twice = pack(&once);
    holds(&twice, plain.len() + once.len(), DeadReason::DecompressedTooLarge, limits);
}

#[test]
fn an_event_may_nest_as_deep_as_the_limit() {
    let value = br#"{"trace_id":"1","trace_name":"a","time":1773000000,"x":[[[{}]]]}"#;
    holds(value, 5, DeadReason::TooDeep, &|depth| Limits { depth, ..Limits::default() });
}

#[test]
fn an_event_may_have_as_many_values_as_the_limit() {
    let value = br#"{"trace_id":"1","trace_name":"a","time":1773000000,"x":[1,2]}"#;
    holds(value, 7, DeadReason::TooManyNodes, &|nodes| Limits { nodes, ..Limits::default() });
}

#[test]
fn an_event_may_have_as_many_envelopes_as_the_limit() {
    let value = fixture("aws-cloudtrail-sqs");
    holds(&value, 4, DeadReason::TooManyEnvelopes, &|unwrap_levels| Limits {
        unwrap_levels,
        ..Limits::default()
    });
}

#[test]
fn events_beyond_the_limit_are_refused_together_and_the_others_stay() {
    let value = fixture("aws-cloudtrail-file");
    let limits = &|events_per_record| Limits { events_per_record, ..Limits::default() };
    holds(&value, 3, DeadReason::TooManyEvents, limits);
    assert_eq!(outcomes_with(&value, limits(1), true).len(), 2);
    let strangers = format!("[{}1]", "1,".repeat(100_000));
    assert_eq!(outcomes(strangers.as_bytes()).len(), Limits::default().events_per_record + 1);
}

#[test]
fn brackets_without_end_neither_overflow_nor_take_long() {
    for value in ["[".repeat(1 << 20), "{\"a\":".repeat(1 << 18), "[{\"Records\":".repeat(1 << 17)]
    {
        assert_eq!(refused(value.as_bytes(), Limits::default()), [DeadReason::NotJson]);
    }
    let nested = format!("{}{}", "[".repeat(1 << 20), "]".repeat(1 << 20));
    assert_eq!(refused(nested.as_bytes(), Limits::default()), [DeadReason::TooManyEnvelopes]);
    let deep = format!(
        r#"{{"trace_id":"1","trace_name":"a","time":1773000000,"x":{}{}}}"#,
        "[".repeat(1 << 16),
        "]".repeat(1 << 16)
    );
    let limits = Limits { depth: usize::MAX, ..Limits::default() };
    assert_eq!(refused(deep.as_bytes(), limits), [DeadReason::TooDeep]);
}
