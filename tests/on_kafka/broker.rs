//! A broker of the test's own, which may be killed and stand still.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use driftline::log::kafka::{Connection, Kafka};
use driftline::log::{
    Admin as _, Isolation, Log as _, LogError, NewTopic, Offset, Outgoing, Polled, Producer as _,
    Promise, Reader as _, To, TopicPartition,
};
use driftline::model::Timestamp;

use super::world::{self, World};

const SECOND: Duration = Duration::from_secs(1);
/// How long a call may take.
const WAIT: Duration = Duration::from_secs(20);
/// By how much a worker may grow while the broker stands still: what the client may have read
/// ahead, and a batch.
const GROWTH: usize = 64 << 20;

/// A broker; it and its data go when it goes out of sight.
struct Own {
    folder: tempfile::TempDir,
    port: u16,
}

impl Own {
    /// `None` where no broker is asked for.
    fn start() -> Option<Self> {
        world::broker()?;
        // Three ports in a row, of which the first was free a moment ago.
        let port = loop {
            let taken = |port: u16| TcpListener::bind(("127.0.0.1", port)).map(drop).is_err();
            let any = TcpListener::bind("127.0.0.1:0").expect("a port");
            let port = any.local_addr().expect("bound").port();
            drop(any);
            if port < 65_000 && !(port..port + 3).any(taken) {
                break port;
            }
        };
        let own = Self { folder: tempfile::tempdir().expect("a folder"), port };
        own.tell("start");
        Some(own)
    }

    fn tell(&self, word: &str) {
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scripts/kafka");
        let told = Command::new(script)
            .arg(word)
            .env("DRIFTLINE_KAFKA_DIR", self.folder.path())
            .env("DRIFTLINE_KAFKA_PORT", self.port.to_string())
            .env("DRIFTLINE_KAFKA_HEAP", "320m")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status();
        assert!(told.expect("bash is there").success(), "scripts/kafka {word}");
    }

    fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // One that stands still hears nothing else.
        if !thread::panicking() {
            self.tell("wipe");
            return;
        }
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scripts/kafka");
        let _ = Command::new(script)
            .arg("wipe")
            .env("DRIFTLINE_KAFKA_DIR", self.folder.path())
            .env("DRIFTLINE_KAFKA_PORT", self.port.to_string())
            .status();
    }
}

#[test]
fn a_broker_that_is_killed_and_comes_back_costs_nothing() {
    let Some(own) = Own::start() else { return };
    let world = World::at(own.brokers(), 1_600);
    let mut workers = [world.worker("a"), world.worker("b")];
    // One that starts while no broker is there says so and ends.
    for worker in &mut workers {
        worker.wait_for("running;");
    }
    for round in 0..3 {
        world.produce(round * 400..(round + 1) * 400);
        thread::sleep(Duration::from_millis(700));
        own.tell("kill");
        thread::sleep(Duration::from_millis(500 + 4_000 * (round as u64 % 2)));
        own.tell("start");
    }
    world.produce(1_200..1_600);
    world.expect_the_truth();
    for worker in &mut workers {
        assert!(worker.is_alive(), "it had to be started again: {}", worker.last_words());
    }
}

#[test]
fn a_broker_that_stands_still_costs_no_memory_and_no_record() {
    let Some(own) = Own::start() else { return };
    let mut world = World::at(own.brokers(), 12_000);
    world.fatten(10_000);
    let mut worker = world.worker("a");
    world.produce(0..2_000);
    world.wait_for_changes(1_000);
    world.produce(2_000..12_000);
    let before = worker.resident();
    own.tell("pause");
    let mut most = before;
    // Longer than a session and a transaction may last.
    for _ in 0..14 {
        thread::sleep(SECOND);
        most = most.max(worker.resident());
    }
    own.tell("resume");
    assert!(most - before < GROWTH, "from {before} bytes it grew to {most}");
    world.expect_the_truth();
    assert!(worker.is_alive(), "it need not be started again");
}

#[test]
fn what_may_still_arrive_after_an_abort_is_fenced_by_the_next_producer() {
    let Some(own) = Own::start() else { return };
    let connection = Connection { brokers: own.brokers(), ..Connection::default() };
    let log = Kafka::new(connection).expect("a connection");
    let new =
        NewTopic { name: "t".to_owned(), partitions: 1, replicas: None, settings: Vec::new() };
    log.admin().expect("an admin").create(&new, WAIT).expect("it is made");
    let of = TopicPartition::new("t", 0);
    let promise = Promise::Transactional { id: "one".to_owned(), timeout: WAIT };
    let make = || {
        let mut producer = log.producer(&promise).expect("a producer");
        while let Err(error) = producer.init(SECOND) {
            assert!(matches!(error, LogError::Retry(_)), "{error}");
        }
        producer.begin().expect("it begins");
        producer
    };
    let record = |value: &'static str| Outgoing {
        topic: "t",
        to: To::Partition(of.partition),
        key: None,
        value: Some(value.as_bytes()),
        headers: &[],
        time: Timestamp(0),
        tag: 0,
    };
    let mut first = make();
    first.send(&record("aborted")).expect("it is taken");
    assert_eq!(first.drain(WAIT), 0, "the partition is in the transaction");
    own.tell("pause");
    first.send(&record("late")).expect("it is taken");
    assert_eq!(first.drain(SECOND), 1, "it is on its way");
    let aborted = first.abort(2 * SECOND);
    assert!(matches!(aborted, Err(LogError::Unknown(_))), "{aborted:?}");
    own.tell("resume");
    let mut second = make();
    second.send(&record("committed")).expect("it is taken");
    assert_eq!(second.drain(WAIT), 0);
    second.commit().expect("it is committed");
    let mut reader = log.reader(Isolation::Committed).expect("a reader");
    reader.start(&[(of, Offset(0))]).expect("it starts");
    let mut read: Vec<Vec<u8>> = Vec::new();
    loop {
        let each = &mut |incoming: &driftline::log::Incoming<'_>| {
            read.push(incoming.value.unwrap_or_default().to_vec());
        };
        match reader.poll(WAIT, each).expect("it reads") {
            Polled::End(_) => break,
            Polled::Idle => panic!("the topic has no end"),
            _ => {}
        }
    }
    assert_eq!(read, [b"committed"]);
}
