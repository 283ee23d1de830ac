//! A queue, its order, its patience and its summaries.

use std::collections::BTreeSet;

use super::*;
use crate::model::{Severity, Step};
use crate::notify::tests::lab::{NOON, notice};
use crate::notify::{Allow, Failure, PagerDuty, Reply, Slack, Webhook};

const SECOND: i64 = 1_000_000;

fn of() -> TopicPartition {
    TopicPartition::new("alerts", 0)
}

fn lane_to(destination: Box<dyn Destination>) -> Lane {
    Lane::new(Spec {
        name: "there".into(),
        destination,
        endpoints: vec![Endpoint::new("https://8.8.8.8/", Allow::default()).expect("a URL")],
        rate: Rate::per_second(1_000),
        queue: 100,
        burst: 3,
        window: Duration::from_secs(60),
        give_up_after: Duration::from_secs(3_600),
    })
}

fn webhook() -> Box<dyn Destination> {
    let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    Box::new(Webhook::new(&[secret], None).expect("a secret"))
}

fn pagerduty() -> Box<dyn Destination> {
    let key = Secret::new("0123456789abcdef0123456789abcdef");
    Box::new(PagerDuty::new(key).expect("a key"))
}

fn entry(number: u64, finding: &str, step: Step) -> Entry {
    let notice = Arc::new(notice(&format!("a{number}"), finding, step));
    Entry { of: of(), offset: Offset(number), arrived: NOON, notice, quiet: false }
}

fn take(lane: &mut Lane, entry: Entry, now: Timestamp) -> bool {
    let next = Offset(entry.offset.0 + 1);
    let many = lane.take(entry, now);
    lane.set_cursor(&of(), next);
    many
}

fn reply(status: u16) -> Reply {
    Reply { status, ..Reply::default() }
}

/// Sends all that may go now, and has each answered so; what was sent, by message and its offsets.
fn round(lane: &mut Lane, status: u16, now: Timestamp) -> Vec<Vec<u64>> {
    let mut sent = Vec::new();
    while let Some(number) = lane.due(now) {
        sent.push(lane.items[&number].entries.iter().map(|entry| entry.offset.0).collect());
        assert!(lane.launch(number, now).is_some());
        let _ = lane.heard(number, &Ok(reply(status)), now);
    }
    sent
}

#[test]
fn what_comes_close_together_is_gathered_and_told_once_when_the_window_ends() {
    let mut lane = lane_to(webhook());
    for number in 0..8 {
        let finding = format!("f{number}");
        let many = take(&mut lane, entry(number, &finding, Step::Opened), NOON);
        assert_eq!(many, number >= 3, "{number}");
    }
    let mut other = entry(8, "f8", Step::Opened);
    let mut notice = (*other.notice).clone();
    notice.tenant = "other".to_owned();
    other.notice = Arc::new(notice);
    assert!(!take(&mut lane, other, NOON), "tenants never meet");
    assert_eq!(round(&mut lane, 200, NOON), [vec![0], vec![1], vec![2], vec![8]]);
    assert_eq!(lane.settled(&of()), Offset(3), "what is gathered is not settled");
    assert!(round(&mut lane, 200, NOON.plus(59 * SECOND)).is_empty());
    let end = NOON.plus(60 * SECOND);
    assert_eq!(round(&mut lane, 200, end), [vec![3, 4, 5, 6, 7]]);
    assert_eq!((lane.settled(&of()), lane.held()), (Offset(9), 0));
    assert!(!take(&mut lane, entry(9, "f9", Step::Opened), end), "another window");
    assert_eq!(round(&mut lane, 200, end), [vec![9]]);
}

#[test]
fn what_never_pages_goes_into_a_summary_even_alone() {
    let mut lane = lane_to(Box::new(Slack));
    let quiet = Entry { quiet: true, ..entry(0, "f0", Step::Opened) };
    assert!(take(&mut lane, quiet, NOON));
    assert!(!take(&mut lane, entry(1, "f1", Step::Opened), NOON));
    assert_eq!(round(&mut lane, 200, NOON), [vec![1]]);
    assert_eq!(round(&mut lane, 200, NOON.plus(60 * SECOND)), [vec![0]]);
}

#[test]
fn where_a_finding_opens_something_its_end_goes_alone_and_behind_it() {
    let mut lane = lane_to(pagerduty());
    for number in 0..5 {
        take(&mut lane, entry(number, &format!("f{number}"), Step::Opened), NOON);
    }
    assert!(!take(&mut lane, entry(5, "f0", Step::Resolved), NOON));
    assert!(!take(&mut lane, entry(6, "f4", Step::Resolved), NOON));
    // The opening of f4 waits in a summary, so its end waits as well.
    assert_eq!(round(&mut lane, 202, NOON), [vec![0], vec![1], vec![2], vec![5]]);
    assert_eq!(round(&mut lane, 202, NOON.plus(60 * SECOND)), [vec![3, 4], vec![6]]);
}

#[test]
fn a_full_queue_lets_a_summary_go_before_its_time() {
    let mut lane = lane_to(webhook());
    lane.spec.queue = 10;
    for number in 0..10 {
        take(&mut lane, entry(number, &format!("f{number}"), Step::Opened), NOON);
    }
    assert!(!lane.has_room());
    assert_eq!(round(&mut lane, 200, NOON).len(), 4);
    assert!(lane.has_room());
}

#[test]
fn steps_of_a_finding_wait_for_each_other_and_no_other() {
    let mut lane = lane_to(webhook());
    lane.spec.burst = 0;
    take(&mut lane, entry(0, "f0", Step::Opened), NOON);
    take(&mut lane, entry(1, "f0", Step::Updated), NOON);
    take(&mut lane, entry(2, "f1", Step::Opened), NOON);
    let first = lane.due(NOON).expect("due");
    lane.launch(first, NOON);
    let second = lane.due(NOON).expect("due");
    assert_eq!(lane.items[&second].entries[0].offset, Offset(2));
    lane.launch(second, NOON);
    assert_eq!(lane.due(NOON), None);
    let _ = lane.heard(first, &Ok(reply(200)), NOON);
    assert_eq!(lane.settled(&of()), Offset(1));
    let third = lane.due(NOON).expect("due");
    assert_eq!(lane.items[&third].entries[0].offset, Offset(1));
}

#[test]
fn a_failure_is_followed_by_longer_and_longer_waits_and_one_try_at_a_time() {
    let mut lane = lane_to(webhook());
    lane.spec.burst = 0;
    for number in 0..5 {
        take(&mut lane, entry(number, &format!("f{number}"), Step::Opened), NOON);
    }
    assert_eq!(round(&mut lane, 500, NOON).len(), 1);
    let (mut now, mut tries) = (NOON, BTreeSet::new());
    for failures in 1..12_u32 {
        let paused = lane.paused;
        let least = i64::from(1 << failures.min(9).saturating_sub(1)) * SECOND / 2;
        assert!(paused.since(now) >= least.min(150 * SECOND), "{failures}");
        assert!(paused.since(now) <= 300 * SECOND);
        assert!(round(&mut lane, 500, paused.plus(-1)).is_empty());
        now = paused;
        let sent = round(&mut lane, 500, now);
        assert_eq!(sent.len(), 1);
        tries.insert(sent[0].clone());
    }
    assert_eq!(tries.len(), 5, "every message had its turn");
    now = lane.paused;
    assert_eq!(round(&mut lane, 200, now.plus(300 * SECOND)).len(), 5);
}

#[test]
fn a_destination_that_names_a_time_is_left_alone_for_it() {
    let mut lane = lane_to(webhook());
    take(&mut lane, entry(0, "f0", Step::Opened), NOON);
    let number = lane.due(NOON).expect("due");
    lane.launch(number, NOON);
    let busy = Reply { status: 429, retry_after: Some("90".to_owned()), ..Reply::default() };
    assert!(matches!(lane.heard(number, &Ok(busy), NOON), Some(Fate::Retried)));
    assert_eq!(lane.due(NOON.plus(89 * SECOND)), None);
    assert!(lane.wakes().is_some_and(|at| at == NOON.plus(90 * SECOND)));
    assert_eq!(lane.due(NOON.plus(90 * SECOND)), Some(number));
}

#[test]
fn a_rate_is_kept() {
    let mut lane = lane_to(webhook());
    lane.spec.burst = 0;
    lane.bucket = Bucket::new(Rate::per_second(1));
    for number in 0..5 {
        take(&mut lane, entry(number, &format!("f{number}"), Step::Opened), NOON);
    }
    for second in 0..5 {
        assert_eq!(round(&mut lane, 200, NOON.plus(second * SECOND)).len(), 1);
    }
}

#[test]
fn what_is_refused_or_too_old_is_settled_once_it_is_written_down() {
    let mut lane = lane_to(webhook());
    take(&mut lane, entry(0, "f0", Step::Opened), NOON);
    assert_eq!(round(&mut lane, 400, NOON).len(), 1);
    assert_eq!(lane.settled(&of()), Offset(0), "not before");
    let (number, reason, why, entries) = lane.letters().next().expect("a letter");
    assert_eq!(
        (reason, why, entries.len()),
        (DeadReason::DestinationRefused, "it answered 400", 1)
    );
    lane.bury(number);
    assert_eq!((lane.settled(&of()), lane.held()), (Offset(1), 0));
    take(&mut lane, entry(1, "f1", Step::Opened), NOON);
    let late = NOON.plus(3_600 * SECOND);
    assert_eq!(round(&mut lane, 503, late).len(), 1);
    let (_, reason, why, _) = lane.letters().next().expect("a letter");
    assert_eq!((reason, why), (DeadReason::DestinationFailed, "it answered 503"));
}

#[test]
fn a_destination_that_is_gone_takes_nothing_more() {
    let mut lane = lane_to(webhook());
    lane.spec.burst = 0;
    for number in 0..3 {
        take(&mut lane, entry(number, &format!("f{number}"), Step::Opened), NOON);
    }
    assert_eq!(round(&mut lane, 410, NOON).len(), 1, "one request says it");
    take(&mut lane, entry(3, "f3", Step::Opened), NOON);
    let letters: Vec<u64> = lane.letters().map(|(number, ..)| number).collect();
    assert_eq!(letters.len(), 4);
    for number in letters {
        lane.bury(number);
    }
    assert_eq!((lane.settled(&of()), lane.held()), (Offset(4), 0));
}

#[test]
fn of_several_endpoints_one_that_takes_it_is_enough_and_waits_for_no_other() {
    let mut lane = lane_to(webhook());
    let more = lane.spec.endpoints.clone();
    lane.spec.endpoints.extend(more);
    take(&mut lane, entry(0, "f0", Step::Opened), NOON);
    let number = lane.due(NOON).expect("due");
    lane.launch(number, NOON);
    assert!(matches!(lane.heard(number, &Ok(reply(200)), NOON), Some(Fate::Delivered(_))));
    assert!(lane.heard(number, &Err(Failure::TimedOut), NOON).is_none());
    assert_eq!((lane.settled(&of()), lane.failures), (Offset(1), 0));
    take(&mut lane, entry(1, "f1", Step::Opened), NOON);
    let number = lane.due(NOON).expect("due");
    lane.launch(number, NOON);
    assert!(lane.heard(number, &Err(Failure::TimedOut), NOON).is_none());
    assert!(matches!(lane.heard(number, &Ok(reply(400)), NOON), Some(Fate::Retried)));
}

#[test]
fn an_answer_of_a_partition_that_left_changes_nothing() {
    let mut lane = lane_to(webhook());
    take(&mut lane, entry(0, "f0", Step::Opened), NOON);
    let number = lane.due(NOON).expect("due");
    lane.launch(number, NOON);
    lane.forget(&of());
    assert!(lane.heard(number, &Ok(reply(200)), NOON).is_none());
    assert_eq!((lane.held(), lane.due(NOON)), (0, None));
}

#[test]
fn the_worst_of_a_summary_is_what_it_is_sent_as() {
    let mut lane = lane_to(pagerduty());
    for number in 0..5 {
        let mut one = entry(number, &format!("f{number}"), Step::Opened);
        let mut notice = (*one.notice).clone();
        notice.severity = Severity::Critical;
        one.notice = Arc::new(notice);
        one.quiet = number == 4;
        take(&mut lane, one, NOON);
    }
    let end = NOON.plus(60 * SECOND);
    assert_eq!(round(&mut lane, 202, NOON).len(), 3);
    let number = lane.due(end).expect("due");
    let request = lane.launch(number, end).expect("it fits");
    let body: serde_json::Value = serde_json::from_slice(&request.body).expect("JSON");
    assert_eq!(body["payload"]["severity"], "critical");
    assert_eq!(body["payload"]["custom_details"]["counts"], "2 critical");
}
