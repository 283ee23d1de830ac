//! What a kept log is when it is opened again: after an end in order, a crash at any byte, damage,
//! and a disk that has no room.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::super::super::{
    Admin as _, Cause, Commit, Committed, Consumer as _, Isolation, Log as _, LogError, NewTopic,
    Offset, Outgoing, Partition, Polled, Producer as _, Promise, Reader as _, To, TopicPartition,
};
use super::super::partition::Fetched;
use super::super::{Memory, MemoryConsumer, MemoryProducer};
use super::*;
use crate::model::Timestamp;

mod crash;
mod history;
mod room;

const NOW: Duration = Duration::ZERO;

/// The log of a folder, where nothing waits.
fn opened(path: &Path) -> Memory {
    try_open(path).expect("it opens")
}

fn try_open(path: &Path) -> Result<Memory, DiskError> {
    Ok(Memory::with(open(path)?, false))
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

fn journal(folder: &Path) -> std::path::PathBuf {
    folder.join("journal")
}

/// A folder with a journal of these bytes, as a crash would leave it.
fn left(bytes: &[u8]) -> tempfile::TempDir {
    let folder = folder();
    fs::write(journal(folder.path()), bytes).expect("it is written");
    folder
}

fn place(topic: &str, partition: u32) -> TopicPartition {
    TopicPartition::new(topic, partition)
}

fn make(log: &Memory, name: &str, partitions: u32, settings: &[(&str, &str)]) {
    try_make(log, name, partitions, settings).expect("it is made");
}

fn try_make(
    log: &Memory,
    name: &str,
    partitions: u32,
    settings: &[(&str, &str)],
) -> Result<(), LogError> {
    let settings =
        settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let new = NewTopic { name: name.to_owned(), partitions, replicas: None, settings };
    log.admin().expect("an admin").create(&new, NOW).map(|_| ())
}

fn record<'r>(topic: &'r str, partition: u32, value: &'r str) -> Outgoing<'r> {
    Outgoing {
        topic,
        to: To::Partition(Partition(partition)),
        key: Some(value.get(..1).unwrap_or("-").as_bytes()),
        value: Some(value.as_bytes()),
        headers: &[("h", b"1")],
        time: Timestamp(0),
        tag: 0,
    }
}

fn plain(log: &Memory) -> MemoryProducer {
    log.producer(&Promise::Idempotent).expect("a producer")
}

fn transactional(log: &Memory, id: &str) -> MemoryProducer {
    let timeout = Duration::from_secs(10);
    let promise = Promise::Transactional { id: id.to_owned(), timeout };
    let mut producer = log.producer(&promise).expect("a producer");
    producer.init(NOW).expect("it begins");
    producer
}

/// A member with all partitions of a topic.
fn member(log: &Memory, topic: &str) -> MemoryConsumer {
    let mut consumer = log.consumer(&membership(topic)).expect("a consumer");
    let polled = consumer.poll(NOW, &mut |_| {}).expect("it joins");
    assert!(matches!(polled, Polled::Assigned(_)), "{polled:?}");
    consumer
}

fn membership(topic: &str) -> super::super::super::Membership {
    super::super::super::Membership {
        group: "g".to_owned(),
        topics: vec![topic.to_owned()],
        instance: None,
        protocol: super::super::super::Protocol::Classic,
        session: Duration::from_secs(1_000_000),
        silence: Duration::from_secs(1_000_000),
    }
}

fn commit(of: TopicPartition, next: u64, receipt: &str) -> Commit {
    Commit { of, next: Offset(next), receipt: receipt.to_owned() }
}

fn send(producer: &mut MemoryProducer, topic: &str, partition: u32, values: &[&str]) {
    for value in values {
        producer.send(&record(topic, partition, value)).expect("it is taken");
    }
    assert_eq!(producer.drain(NOW), 0);
    assert_eq!(producer.failures(), []);
}

/// What committed readers see of a partition.
fn values(log: &Memory, of: &TopicPartition) -> Vec<String> {
    let broker = log.broker();
    let Some(log) = broker.log(of) else { return Vec::new() };
    let (mut at, mut values) = (log.first(), Vec::new());
    while let Fetched::Record(offset, record) = log.fetch(at, Isolation::Committed) {
        values.push(String::from_utf8_lossy(record.value.as_deref().unwrap_or(b"-")).into_owned());
        at = offset + 1;
    }
    values
}

fn committed(log: &Memory, of: &TopicPartition) -> Option<Committed> {
    let mut admin = log.admin().expect("an admin");
    admin.committed("g", std::slice::from_ref(of), NOW).expect("it is decided").remove(0)
}

/// Everything of a log that is kept, once what is open is aborted as at its opening.
#[derive(Debug, PartialEq)]
struct Whole {
    /// By name: settings, and of each partition its entries and bounds.
    topics: Vec<(String, String)>,
    partitions: Vec<(TopicPartition, Vec<super::super::partition::Entry>, Change)>,
    offsets: Vec<(String, TopicPartition, Committed)>,
}

fn whole(log: &Memory) -> Whole {
    let mut broker = log.broker();
    let all = broker.topics.values_mut().flat_map(|topic| &mut topic.partitions);
    for log in all {
        let open: Vec<_> = log.open_producers().collect();
        for producer in open {
            log.mark(producer, false);
        }
    }
    let mut partitions = Vec::new();
    for (name, topic) in &broker.topics {
        for (number, log) in (0_u32..).zip(&topic.partitions) {
            let at = place(name, number);
            partitions.push((at.clone(), log.entries().to_vec(), log.bounds((&at).into())));
        }
    }
    let topics = broker.topics.iter().map(|(name, topic)| (name.clone(), topic.info()));
    let offsets = broker.groups.iter().flat_map(|(group, found)| {
        found.offsets.iter().map(|(of, at)| (group.clone(), of.clone(), at.clone()))
    });
    Whole {
        topics: topics.map(|(name, info)| (name, format!("{info:?}"))).collect(),
        offsets: offsets.collect(),
        partitions,
    }
}

#[test]
fn a_folder_is_one_process_s_alone() {
    let folder = folder();
    let first = opened(folder.path());
    let refused = try_open(folder.path()).expect_err("it is held");
    assert!(matches!(refused, DiskError::Held { .. }), "{refused}");
    assert!(refused.to_string().contains("another process keeps its log in"), "{refused}");
    drop(first);
    opened(folder.path());
}

#[test]
fn a_place_that_is_no_folder_is_told() {
    let folder = folder();
    let file = folder.path().join("file");
    fs::write(&file, "here").expect("it is written");
    let refused = try_open(&file).expect_err("it is no folder");
    assert!(matches!(refused, DiskError::Folder { .. }), "{refused}");
}

#[test]
fn a_journal_of_a_newer_form_is_refused_and_left_as_it_is() {
    let mut bytes = frame::begin(frame::FORM + 1).to_vec();
    bytes.extend(b"what only a later version understands");
    let folder = left(&bytes);
    let refused = try_open(folder.path()).expect_err("it is newer");
    assert!(matches!(refused, DiskError::Newer { form: 2, known: 1, .. }), "{refused}");
    assert!(refused.to_string().contains("upgrade Driftline, nothing is lost"), "{refused}");
    assert_eq!(fs::read(journal(folder.path())).expect("it reads"), bytes);
}

#[test]
fn what_is_no_journal_is_refused_and_left_as_it_is() {
    let folder = left(b"a letter to grandmother");
    let refused = try_open(folder.path()).expect_err("it is none");
    assert!(matches!(refused, DiskError::Damaged { offset: 0, .. }), "{refused}");
    assert_eq!(fs::read(journal(folder.path())).expect("it reads"), b"a letter to grandmother");
}

#[test]
fn what_a_producer_left_open_is_aborted_once_and_its_number_is_never_another_s() {
    let folder = folder();
    let log = opened(folder.path());
    make(&log, "t", 1, &[]);
    let mut old = transactional(&log, "id");
    old.begin().expect("it begins");
    send(&mut old, "t", 0, &["left open"]);
    // Has what waits written.
    send(&mut plain(&log), "t", 0, &["behind"]);
    let number = log.broker().numbers;
    let bytes = fs::read(journal(folder.path())).expect("it reads");
    let copy = left(&bytes);
    let log = opened(copy.path());
    assert_eq!(values(&log, &place("t", 0)), ["behind"]);
    assert!(log.broker().number() > number);
    let before = whole(&log);
    drop(log);
    assert_eq!(whole(&opened(copy.path())), before, "its end is written, and not twice");
}

#[test]
fn a_large_transaction_is_written_in_frames_of_bounded_size() {
    let folder = folder();
    let log = opened(folder.path());
    make(&log, "t", 1, &[]);
    let large = "x".repeat(700_000);
    let mut producer = transactional(&log, "id");
    producer.begin().expect("it begins");
    send(&mut producer, "t", 0, &[large.as_str(); 9]);
    let length = fs::metadata(journal(folder.path())).expect("it is there").len();
    assert!(length > WAITING as u64, "so much does not wait for the decision: {length}");
    producer.commit().expect("it is made");
    let before = whole(&log);
    drop((producer, log));
    assert_eq!(whole(&opened(folder.path())), before);
}
