//! What goes wrong on demand, and what is left of it. What holds when nothing goes wrong is
//! proved for every back end alike in `tests/log_contract`.

use super::super::{
    Admin as _, Cause, Commit, Committed, Consumer as _, NewTopic, Offset, Outgoing, Partition,
    Polled, Producer as _, Protocol, Reader as _, To, TopicPartition,
};
use super::*;

const NOW: Duration = Duration::ZERO;

fn log() -> Memory {
    let log = Memory::new();
    let topic =
        NewTopic { name: "t".to_owned(), partitions: 2, replicas: None, settings: Vec::new() };
    log.admin().expect("an admin").create(&topic, NOW).expect("it is made");
    log
}

fn place() -> TopicPartition {
    TopicPartition::new("t", 0)
}

fn record(value: &str) -> Outgoing<'_> {
    Outgoing {
        topic: "t",
        to: To::Partition(Partition(0)),
        key: None,
        value: Some(value.as_bytes()),
        headers: &[],
        time: Timestamp(0),
        tag: 7,
    }
}

fn producer(log: &Memory) -> MemoryProducer {
    let timeout = Duration::from_secs(10);
    let promise = Promise::Transactional { id: "id".to_owned(), timeout };
    let mut producer = log.producer(&promise).expect("a producer");
    while let Err(LogError::Retry(_)) = producer.init(NOW) {}
    producer
}

fn membership(instance: Option<&str>) -> Membership {
    Membership {
        group: "g".to_owned(),
        topics: vec!["t".to_owned()],
        instance: instance.map(str::to_owned),
        protocol: Protocol::Classic,
        session: Duration::from_secs(30),
        silence: Duration::from_secs(300),
    }
}

/// A member with both partitions.
fn member(log: &Memory) -> MemoryConsumer {
    let mut consumer = log.consumer(&membership(None)).expect("a consumer");
    let polled = consumer.poll(NOW, &mut |_| {}).expect("it joins");
    assert!(matches!(polled, Polled::Assigned(all) if all.len() == 2));
    consumer
}

fn commit(next: u64, receipt: &str) -> Commit {
    Commit { of: place(), next: Offset(next), receipt: receipt.to_owned() }
}

/// Everything a reader sees.
fn values(log: &Memory, isolation: Isolation) -> Vec<String> {
    let mut reader = log.reader(isolation).expect("a reader");
    reader.start(&[(place(), Offset(0))]).expect("it starts");
    let mut values = Vec::new();
    loop {
        let mut show = |incoming: &super::super::Incoming<'_>| {
            values.push(String::from_utf8_lossy(incoming.value.unwrap_or_default()).into_owned());
        };
        match reader.poll(NOW, &mut show) {
            Ok(Polled::Record) | Err(LogError::Retry(_)) => {}
            Ok(_) => return values,
            Err(error) => panic!("{error}"),
        }
    }
}

fn receipt(log: &Memory) -> Result<Option<Committed>, LogError> {
    let mut admin = log.admin().expect("an admin");
    Ok(admin.committed("g", &[place()], NOW)?.remove(0))
}

/// A transaction up to its decision.
fn fill(producer: &mut MemoryProducer, consumer: &MemoryConsumer, value: &str) {
    producer.begin().expect("it begins");
    producer.send(&record(value)).expect("it is taken");
    assert_eq!(producer.drain(NOW), 0);
    assert_eq!(producer.failures(), []);
    let member = consumer.member().expect("it is one");
    producer.send_offsets(&[commit(1, value)], &member, NOW).expect("they are taken");
}

#[test]
fn a_commit_whose_answer_is_lost_was_made_and_its_receipt_says_so() {
    let log = log();
    let consumer = member(&log);
    let mut old = producer(&log);
    fill(&mut old, &consumer, "one");
    log.fail_next(Call::Commit, Fault::LoseReply);
    assert!(matches!(old.commit(), Err(LogError::Unknown(_))));
    producer(&log);
    assert_eq!(receipt(&log).expect("decided").expect("committed").receipt, "one");
    assert_eq!(values(&log, Isolation::Committed), ["one"]);
}

#[test]
fn a_commit_that_never_arrived_was_not_made_once_a_new_producer_begins() {
    let log = log();
    let consumer = member(&log);
    let mut old = producer(&log);
    fill(&mut old, &consumer, "one");
    log.fail_next(Call::Commit, Fault::Refuse);
    assert!(matches!(old.commit(), Err(LogError::Unknown(_))));
    assert!(matches!(receipt(&log), Err(LogError::Retry(_))), "undecided until then");
    producer(&log);
    assert_eq!(receipt(&log).expect("decided"), None);
    assert_eq!(values(&log, Isolation::Committed), [""; 0]);
}

#[test]
fn a_late_commit_tears_the_next_transaction_of_a_producer_that_went_on() {
    let log = log();
    let consumer = member(&log);
    let mut reused = producer(&log);
    fill(&mut reused, &consumer, "one");
    log.fail_next(Call::Commit, Fault::Late(3));
    assert!(matches!(reused.commit(), Err(LogError::Unknown(_))));
    // It goes on as if nothing were.
    reused.begin().expect("it begins");
    reused.send(&record("two")).expect("it is taken");
    reused.drain(NOW);
    assert_eq!(values(&log, Isolation::Uncommitted), ["one", "two"]);
    assert_eq!(values(&log, Isolation::Committed), ["one", "two"], "half of it is committed");
    assert_eq!(receipt(&log).expect("decided").expect("committed").receipt, "one");
    assert!(matches!(reused.abort(NOW), Err(LogError::Fenced(_))), "too late to abort");
}

#[test]
fn a_late_commit_after_a_new_producer_began_is_refused() {
    let log = log();
    let consumer = member(&log);
    let mut old = producer(&log);
    fill(&mut old, &consumer, "one");
    log.fail_next(Call::Commit, Fault::Late(9));
    assert!(matches!(old.commit(), Err(LogError::Unknown(_))));
    let mut new = producer(&log);
    fill(&mut new, &consumer, "two");
    for _ in 0..9 {
        assert_eq!(values(&log, Isolation::Committed), [""; 0]);
    }
    new.abort(NOW).expect("it is aborted");
    assert_eq!(values(&log, Isolation::Committed), [""; 0]);
    assert_eq!(receipt(&log).expect("decided"), None);
}

#[test]
fn a_crash_leaves_its_transaction_open_until_its_time_is_over() {
    let log = log();
    let worker = log.process();
    let consumer = member(&worker);
    let mut producer = producer(&worker);
    fill(&mut producer, &consumer, "one");
    log.fail_next(Call::Commit, Fault::Crash);
    let died = producer.commit().expect_err("it died");
    assert_eq!(died.trouble().map(|trouble| trouble.cause), Some(Cause::Crashed));
    assert!(worker.is_crashed() && !log.is_crashed());
    drop((producer, consumer));
    assert!(matches!(receipt(&log), Err(LogError::Retry(_))));
    log.tick(Timestamp::from_seconds(11));
    assert_eq!(receipt(&log).expect("decided"), None);
}

#[test]
fn a_crashed_members_partitions_come_to_another_after_its_session_and_not_before() {
    let log = log();
    let worker = log.process();
    let dead = member(&worker);
    let mut other = log.consumer(&membership(None)).expect("a consumer");
    worker.crash();
    drop(dead);
    assert_eq!(other.poll(NOW, &mut |_| {}), Ok(Polled::Idle));
    log.tick(Timestamp::from_seconds(30));
    assert_eq!(other.poll(NOW, &mut |_| {}), Ok(Polled::Idle));
    log.tick(Timestamp::from_seconds(31));
    let polled = other.poll(NOW, &mut |_| {}).expect("it polls");
    assert!(matches!(polled, Polled::Assigned(all) if all.len() == 2));
}

/// A transaction whose process stands still just before it sends its offsets, and what it hears.
fn zombie(session: u64, pause: i64) -> (Memory, MemoryConsumer, MemoryProducer, LogError) {
    let log = log();
    let worker = log.process();
    let session = Duration::from_secs(session);
    let joining = Membership { session, ..membership(None) };
    let mut consumer = worker.consumer(&joining).expect("a consumer");
    consumer.poll(NOW, &mut |_| {}).expect("it joins");
    let mut producer = producer(&worker);
    producer.begin().expect("it begins");
    producer.send(&record("one")).expect("it is taken");
    producer.drain(NOW);
    let before = consumer.member().expect("it is one");
    log.fail_next(Call::SendOffsets, Fault::Pause(pause * 1_000_000));
    let refused = producer.send_offsets(&[commit(1, "one")], &before, NOW);
    (log, consumer, producer, refused.expect_err("it is refused"))
}

#[test]
fn a_pause_beyond_the_session_makes_a_zombie_whose_offsets_are_refused() {
    let (log, mut consumer, mut producer, refused) = zombie(5, 6);
    assert!(matches!(refused, LogError::Abort(_)) && refused.is_routine(), "{refused:?}");
    assert!(consumer.lost());
    assert!(consumer.member().is_err(), "no more commits by this one");
    let polled = consumer.poll(NOW, &mut |_| {}).expect("it polls");
    assert!(matches!(polled, Polled::Lost(all) if all.len() == 2));
    producer.abort(NOW).expect("it is aborted");
    assert_eq!(values(&log, Isolation::Committed), [""; 0]);
}

#[test]
fn a_pause_beyond_the_transactions_time_fences_the_producer() {
    let (log, consumer, mut producer, refused) = zombie(60, 11);
    assert!(matches!(refused, LogError::Fenced(_)), "{refused:?}");
    assert!(!consumer.lost());
    assert!(matches!(producer.abort(NOW), Err(LogError::Fenced(_))));
    assert_eq!(values(&log, Isolation::Committed), [""; 0]);
}

#[test]
fn a_rebalance_between_asking_and_sending_makes_the_offsets_stale() {
    let log = log();
    let mut consumer = member(&log);
    let mut producer = producer(&log);
    producer.begin().expect("it begins");
    let stale = consumer.member().expect("it is one");
    log.fail_next(Call::SendOffsets, Fault::Rebalance);
    let refused = producer.send_offsets(&[commit(1, "one")], &stale, NOW);
    assert!(matches!(refused, Err(LogError::Abort(_))), "{refused:?}");
    producer.abort(NOW).expect("it is aborted");
    assert_eq!(consumer.poll(NOW, &mut |_| {}), Ok(Polled::Idle), "it has them still");
    fill(&mut producer, &consumer, "two");
    producer.commit().expect("it is made");
    assert_eq!(receipt(&log).expect("decided").expect("committed").receipt, "two");
}

#[test]
fn a_decided_transaction_is_not_seen_while_its_markers_are_held_back() {
    let log = log();
    let consumer = member(&log);
    let mut producer = producer(&log);
    fill(&mut producer, &consumer, "one");
    log.fail_next(Call::Commit, Fault::HoldMarkers(4));
    producer.commit().expect("it is decided");
    let bounds = |isolation| {
        let mut admin = log.admin().expect("an admin");
        admin.bounds(&place(), isolation, NOW).expect("they are told").end.0
    };
    assert_eq!(bounds(Isolation::Committed), 0);
    assert_eq!(bounds(Isolation::Uncommitted), 1, "there is more to restore than can be seen");
    assert!(matches!(receipt(&log), Err(LogError::Retry(_))));
    assert_eq!(values(&log, Isolation::Committed), ["one"]);
    assert_eq!(receipt(&log).expect("decided").expect("committed").next, Offset(1));
}

#[test]
fn a_transaction_without_its_marker_is_ended_by_the_next_of_the_same_name() {
    let log = log();
    let consumer = member(&log);
    let mut first = producer(&log);
    fill(&mut first, &consumer, "one");
    log.fail_next(Call::Init, Fault::LoseMarkers);
    let mut second = producer(&log);
    let ends = || {
        let mut admin = log.admin().expect("an admin");
        let mut end = |of| admin.bounds(&place(), of, NOW).expect("they are told").end.0;
        (end(Isolation::Committed), end(Isolation::Uncommitted))
    };
    assert_eq!(ends(), (0, 1), "it is over, and nobody reads behind it");
    second.begin().expect("it begins");
    second.send(&record("void")).expect("it is taken");
    assert_eq!(second.drain(NOW), 0);
    second.abort(NOW).expect("it is aborted");
    assert_eq!(ends(), (3, 3));
    assert!(values(&log, Isolation::Committed).is_empty());
}

#[test]
fn while_no_broker_answers_every_call_may_be_made_again() {
    let log = log();
    let mut consumer = member(&log);
    log.fail_next(Call::Poll, Fault::Down(3));
    let mut failed = 0;
    while let Err(error) = consumer.poll(NOW, &mut |_| {}) {
        assert!(matches!(error, LogError::Retry(_)), "{error}");
        failed += 1;
    }
    assert_eq!(failed, 3);
}

#[test]
fn a_record_that_was_not_delivered_spoils_its_transaction() {
    let log = log();
    let mut producer = producer(&log);
    producer.begin().expect("it begins");
    producer.send(&record("one")).expect("it is taken");
    log.fail_next(Call::Drain, Fault::Refuse);
    assert_eq!(producer.drain(NOW), 0);
    let failures = producer.failures();
    assert_eq!(failures[0].tag, 7);
    assert!(matches!(failures[0].error, LogError::Abort(_)));
    assert!(matches!(producer.commit(), Err(LogError::Abort(_))));
    producer.abort(NOW).expect("it is aborted");
    producer.begin().expect("the next begins");
}

#[test]
fn a_record_whose_answer_is_lost_is_there_and_told_as_failed() {
    let log = log();
    let mut producer = log.producer(&Promise::Idempotent).expect("a producer");
    producer.send(&record("one")).expect("it is taken");
    log.fail_next(Call::Drain, Fault::LoseReply);
    producer.drain(NOW);
    assert!(matches!(producer.failures()[0].error, LogError::Retry(_)));
    assert_eq!(values(&log, Isolation::Committed), ["one"]);
}

#[test]
fn the_same_seed_and_calls_end_the_same_and_most_seeds_differ() {
    let run = |seed: u64| {
        let log = log();
        log.set_faults(seed, Rates::ROUGH);
        let mut story = Vec::new();
        let worker = log.process();
        let mut producer = worker.producer(&Promise::Idempotent).expect("a producer");
        for number in 0..300 {
            let sent = producer.send(&record(&number.to_string()));
            story.push(format!("{sent:?} {} {:?}", producer.drain(NOW), producer.failures()));
        }
        log.set_faults(0, Rates::default());
        (story, values(&log, Isolation::Uncommitted))
    };
    assert_eq!(run(5), run(5));
    let distinct: std::collections::BTreeSet<_> = (0..20).map(run).collect();
    assert!(distinct.len() > 10, "{}", distinct.len());
}

#[test]
fn a_gate_is_passed_at_every_call_and_holds_no_lock() {
    let log = log();
    let calls = Arc::new(Mutex::new(Vec::new()));
    let (seen, inside) = (Arc::clone(&calls), log.clone());
    let gate = move |call| {
        inside.tick(Timestamp(1));
        seen.lock().expect("a list").push(call);
    };
    let mut producer = log.behind(Arc::new(gate)).producer(&Promise::Idempotent).expect("one");
    producer.send(&record("one")).expect("it is taken");
    producer.drain(NOW);
    assert_eq!(*calls.lock().expect("a list"), [Call::Send, Call::Drain]);
}

#[test]
fn a_poll_that_waits_is_woken_by_another_threads_record() {
    let log = Memory::waiting();
    let topic =
        NewTopic { name: "t".to_owned(), partitions: 1, replicas: None, settings: Vec::new() };
    log.admin().expect("an admin").create(&topic, NOW).expect("it is made");
    let mut reader = log.reader(Isolation::Committed).expect("a reader");
    reader.start(&[(place(), Offset(0))]).expect("it starts");
    assert_eq!(reader.poll(NOW, &mut |_| {}), Ok(Polled::End(place())));
    let sender = std::thread::spawn({
        let log = log.clone();
        move || {
            let mut producer = log.producer(&Promise::Idempotent).expect("a producer");
            producer.send(&record("one")).expect("it is taken");
            producer.drain(NOW);
        }
    });
    let mut seen = Vec::new();
    while seen.is_empty() {
        let long = Duration::from_secs(60);
        let mut show = |incoming: &super::super::Incoming<'_>| seen.push(incoming.offset);
        reader.poll(long, &mut show).expect("it polls");
    }
    sender.join().expect("it ends");
    assert_eq!(seen, [Offset(0)]);
}
