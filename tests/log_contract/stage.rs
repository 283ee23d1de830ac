//! What the contract is played on: a log, names nobody else uses, and patience counted in polls.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use driftline::log::memory::Memory;
use driftline::log::{
    Admin as _, Commit, Consumer, Created, Incoming, Isolation, Log, LogError, Membership,
    NewTopic, Offset, Outgoing, Partition, Polled, Producer, Promise, Protocol, Reader, To,
    TopicPartition,
};
use driftline::model::Timestamp;

/// How long one call may take.
pub const WAIT: Duration = Duration::from_secs(10);
/// How long one poll waits, where anything waits.
pub const POLL: Duration = Duration::from_millis(100);
/// How many polls something may take to happen: half a minute on a real broker.
const POLLS: usize = 300;

/// A log under test.
pub struct Stage<L: Log> {
    pub log: L,
    /// The same cluster, as another process sees it.
    pub other: L,
    /// Where it is kept, if in a folder: gone with the stage.
    _folder: Option<tempfile::TempDir>,
}

impl Stage<Memory> {
    pub fn memory() -> Self {
        let log = Memory::new();
        let other = log.process();
        Self { log, other, _folder: None }
    }

    /// The one in memory, kept in a folder.
    pub fn in_folder() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let log = Memory::in_folder(folder.path()).expect("it opens");
        let other = log.process();
        Self { log, other, _folder: Some(folder) }
    }
}

#[cfg(feature = "kafka")]
impl Stage<driftline::log::kafka::Kafka> {
    /// `None` where no broker is and none is demanded.
    pub fn kafka() -> Option<Self> {
        let brokers = broker("DRIFTLINE_KAFKA")?;
        let connection = driftline::log::kafka::Connection {
            brokers,
            ..driftline::log::kafka::Connection::default()
        };
        let log = driftline::log::kafka::Kafka::new(connection).expect("a connection");
        Some(Self { other: log.clone(), log, _folder: None })
    }
}

/// Where a broker is. Without one the test is skipped, loudly; where one is demanded it fails.
#[cfg(feature = "kafka")]
#[expect(
    clippy::disallowed_methods,
    reason = "a test is told by the environment where brokers are"
)]
pub fn broker(variable: &str) -> Option<String> {
    use std::io::Write as _;

    static ONCE: std::sync::Once = std::sync::Once::new();
    if let Ok(brokers) = std::env::var(variable) {
        return Some(brokers);
    }
    let demanded = std::env::var_os("CI").is_some_and(|ci| !ci.is_empty())
        || std::env::var_os("DRIFTLINE_REQUIRE_KAFKA").is_some_and(|on| on == "1");
    assert!(!demanded, "`{variable}` is not set; run `scripts/kafka run scripts/test`");
    ONCE.call_once(|| {
        // Not by a macro, whose output the test runner keeps to itself.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: everything on a real Kafka. To run it: \
             scripts/kafka run cargo test --test log_contract"
        );
    });
    None
}

/// Plays every scene on every back end.
macro_rules! scenes {
    ($($scene:ident,)*) => {
        mod memory {
            $(#[test]
            fn $scene() {
                super::$scene(&crate::stage::Stage::memory());
            })*
        }

        mod in_folder {
            $(#[test]
            fn $scene() {
                super::$scene(&crate::stage::Stage::in_folder());
            })*
        }

        #[cfg(feature = "kafka")]
        mod kafka {
            $(#[test]
            fn $scene() {
                if let Some(stage) = crate::stage::Stage::kafka() {
                    super::$scene(&stage);
                }
            })*
        }
    };
}
pub(crate) use scenes;

/// A name that no other test and no earlier run has used.
pub fn unused(what: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("contract.{what}-{:016x}-{number}", RandomState::new().hash_one(number))
}

/// Calls again as long as that is what the error demands.
pub fn insist<T>(mut call: impl FnMut() -> Result<T, LogError>) -> T {
    let mut last = None;
    for _ in 0..POLLS {
        match call() {
            Ok(done) => return done,
            Err(LogError::Retry(trouble)) => last = Some(trouble),
            Err(error) => panic!("{error}"),
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("it never succeeded: {last:?}");
}

pub fn new_topic(name: &str, partitions: u32, settings: &[(&str, &str)]) -> NewTopic {
    let settings =
        settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    NewTopic { name: name.to_owned(), partitions, replicas: Some(1), settings }
}

impl<L: Log> Stage<L> {
    /// A topic that can be written to.
    pub fn topic(&self, partitions: u32) -> String {
        self.topic_with(partitions, &[])
    }

    pub fn topic_with(&self, partitions: u32, settings: &[(&str, &str)]) -> String {
        let name = unused("topic");
        let mut admin = self.log.admin().expect("an admin");
        // The records' time is no clock's: by it they would be too old to be kept.
        let settings: Vec<_> = [("retention.ms", "-1")].iter().chain(settings).copied().collect();
        let topic = new_topic(&name, partitions, &settings);
        assert_eq!(insist(|| admin.create(&topic, WAIT)), Created::New);
        // A real broker's clients learn of it a moment later.
        for _ in 0..POLLS {
            let all = (0..partitions).all(|number| {
                let place = TopicPartition::new(&name, number);
                admin.bounds(&place, Isolation::Committed, WAIT).is_ok()
            });
            if all {
                return name;
            }
            thread::sleep(POLL);
        }
        panic!("`{name}` never came");
    }

    pub fn membership(topic: &str, group: &str) -> Membership {
        Membership {
            group: group.to_owned(),
            topics: vec![topic.to_owned()],
            instance: None,
            protocol: Protocol::Classic,
            session: Duration::from_secs(6),
            silence: Duration::from_secs(60),
        }
    }

    /// A member that has all partitions of a topic.
    pub fn member(&self, topic: &str, group: &str, partitions: usize) -> L::Consumer {
        let mut consumer = self.log.consumer(&Self::membership(topic, group)).expect("a consumer");
        let mut has = 0;
        await_change(&mut consumer, |change| {
            if let Polled::Assigned(places) = change {
                has += places.len();
            }
            has == partitions
        });
        consumer
    }

    pub fn transactional(&self, id: &str) -> L::Producer {
        let promise =
            Promise::Transactional { id: id.to_owned(), timeout: Duration::from_secs(30) };
        let mut producer = self.log.producer(&promise).expect("a producer");
        insist(|| producer.init(WAIT));
        producer
    }

    pub fn idempotent(&self) -> L::Producer {
        self.log.producer(&Promise::Idempotent).expect("a producer")
    }

    /// Everything a reader sees of a partition, from its first offset, and where it ends up.
    pub fn seen(&self, place: &TopicPartition, isolation: Isolation) -> (Vec<String>, Offset) {
        let mut reader = self.log.reader(isolation).expect("a reader");
        let mut admin = self.log.admin().expect("an admin");
        let first = insist(|| admin.bounds(place, isolation, WAIT)).first;
        insist(|| reader.start(&[(place.clone(), first)]));
        let values = read_to_end(&mut reader, place);
        (values, reader.position(place).expect("a position"))
    }

    pub fn values(&self, place: &TopicPartition, isolation: Isolation) -> Vec<String> {
        self.seen(place, isolation).0
    }
}

/// Polls until a change has come that is the last waited for.
pub fn await_change(consumer: &mut impl Consumer, mut is_last: impl FnMut(&Polled) -> bool) {
    for _ in 0..POLLS {
        match consumer.poll(POLL, &mut |_| {}) {
            Ok(polled) if is_last(&polled) => return,
            Ok(_) | Err(LogError::Retry(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    panic!("it never came");
}

/// The values read until a partition's end is told.
pub fn read_to_end(reader: &mut impl Reader, place: &TopicPartition) -> Vec<String> {
    let mut values = Vec::new();
    for _ in 0..POLLS {
        match reader.poll(POLL, &mut |record| values.push(value_of(record))) {
            Ok(Polled::End(of)) if of == *place => return values,
            Ok(_) | Err(LogError::Retry(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the end of `{place}` never came; so far {values:?}");
}

pub fn value_of(record: &Incoming<'_>) -> String {
    String::from_utf8_lossy(record.value.unwrap_or(b"-")).into_owned()
}

pub fn record<'r>(topic: &'r str, partition: u32, value: &'r str) -> Outgoing<'r> {
    Outgoing {
        topic,
        to: To::Partition(Partition(partition)),
        key: None,
        value: Some(value.as_bytes()),
        headers: &[],
        time: Timestamp::from_seconds(1_767_225_600),
        tag: 0,
    }
}

/// Sends to partition 0 and sees all delivered.
pub fn send(producer: &mut impl Producer, topic: &str, values: &[&str]) {
    for value in values {
        insist(|| producer.send(&record(topic, 0, value)));
    }
    deliver(producer);
}

pub fn deliver(producer: &mut impl Producer) {
    assert_eq!(producer.drain(WAIT), 0);
    assert_eq!(producer.failures(), []);
}

pub fn commit(place: &TopicPartition, next: u64, receipt: &str) -> Commit {
    Commit { of: place.clone(), next: Offset(next), receipt: receipt.to_owned() }
}
