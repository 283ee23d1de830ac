//! A cluster, topics nobody else uses, records, and the processes that work on them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::io::Write as _;
use std::ops::Range;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers as _, Message as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::{Offset, TopicPartitionList};

use super::words::{apart, now};

const DRIFTLINE: &str = env!("CARGO_BIN_EXE_driftline");
const PARTITIONS: i32 = 4;
/// How long anything may take to come right.
const LONG: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(500);
const CLOSE_LOOK: Duration = Duration::from_millis(5);

pub struct World {
    brokers: String,
    prefix: String,
    folder: tempfile::TempDir,
    records: Vec<(String, String)>,
    sent: RefCell<Vec<usize>>,
}

/// A process; killed when it goes out of sight.
pub struct Worker {
    child: Child,
    log: PathBuf,
}

/// What the tester asks for by a variable.
#[expect(clippy::disallowed_methods, reason = "a test is told by the environment")]
pub fn asked(name: &str) -> Option<usize> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[expect(clippy::disallowed_methods, reason = "a test is told by the environment")]
pub fn broker() -> Option<String> {
    if let Ok(brokers) = std::env::var("DRIFTLINE_KAFKA") {
        return Some(brokers);
    }
    let demanded = std::env::var_os("CI").is_some_and(|ci| !ci.is_empty())
        || std::env::var_os("DRIFTLINE_REQUIRE_KAFKA").is_some_and(|on| on == "1");
    assert!(!demanded, "`DRIFTLINE_KAFKA` is not set; run `scripts/kafka run scripts/test`");
    // Not by a macro, whose output the test runner keeps to itself.
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED: the service on a real Kafka. To run it: \
         scripts/kafka run cargo test --test on_kafka"
    );
    None
}

/// The listener of the broker that asks for a password.
#[expect(clippy::disallowed_methods, reason = "a test is told by the environment")]
fn logging_in() -> Option<String> {
    let found = std::env::var("DRIFTLINE_KAFKA_SASL").ok();
    let demanded = std::env::var_os("CI").is_some_and(|ci| !ci.is_empty());
    assert!(found.is_some() || !demanded, "`DRIFTLINE_KAFKA_SASL` is not set; see scripts/kafka");
    found
}

/// Rules opened and closed again in forty accounts: account and record, in order.
fn records(count: usize) -> Vec<(String, String)> {
    (0..count)
        .map(|number| {
            let account = format!("1111222233{:02}", number % 40);
            let (minute, second) = (number / 60 % 60, number % 60);
            let hour = 8 + number / 3_600;
            let opens = (number / 40).is_multiple_of(2);
            let name =
                if opens { "AuthorizeSecurityGroupIngress" } else { "RevokeSecurityGroupIngress" };
            let record = serde_json::json!({
                "eventVersion": "1.09",
                "userIdentity": {"type": "IAMUser", "accountId": account, "userName": "dana",
                    "arn": format!("arn:aws:iam::{account}:user/dana")},
                "eventTime": format!("2026-03-02T{hour:02}:{minute:02}:{second:02}Z"),
                "eventSource": "ec2.amazonaws.com", "eventName": name, "awsRegion": "eu-west-1",
                "sourceIPAddress": "203.0.113.24", "userAgent": "aws-cli/2.17",
                "requestParameters": {
                    "groupId": format!("sg-{}", number / 80 % 5),
                    "ipPermissions": {"items": [{"ipProtocol": "tcp", "fromPort": 22, "toPort": 22,
                        "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}]},
                },
                "responseElements": {"_return": true}, "eventID": format!("event-{number}"),
                "readOnly": false, "eventType": "AwsApiCall", "recipientAccountId": account,
            });
            (account, record.to_string())
        })
        .collect()
}

impl World {
    /// Topics without anything, and so many records to come. `None` where no broker is.
    pub fn new(count: usize) -> Option<Self> {
        Some(Self::at(broker()?, count))
    }

    /// The same at a certain broker.
    pub fn at(brokers: String, count: usize) -> Self {
        let world = Self { records: records(count), ..Self::bare_at(brokers) };
        world.make_topic("changes", PARTITIONS);
        world.make_topic("cloud", 2);
        let (code, told) = world.run_at(&world.brokers, &["topics", "--create"]);
        assert_eq!(code, Some(0), "{told}");
        world
    }

    /// No topics at all.
    pub fn bare() -> Option<Self> {
        broker().map(Self::bare_at)
    }

    fn bare_at(brokers: String) -> Self {
        let prefix = format!("on-kafka.{:016x}.", RandomState::new().hash_one(0));
        let folder = tempfile::tempdir().expect("a folder");
        let config = format!(
            "log: kafka\n\
             kafka: {{brokers: \"{brokers}\", topic_prefix: \"{prefix}\", group_prefix: \"{prefix}\"}}\n\
             sources:\n  - {{topic: \"{prefix}cloud\"}}\n\
             workers: {{session: 6s, transaction: 10s, batch_records: 50}}\n\
             web: {{listen: \"127.0.0.1:0\"}}\n"
        );
        std::fs::write(folder.path().join("driftline.yaml"), config).expect("it is written");
        let sent = RefCell::default();
        Self { brokers, prefix, folder, records: Vec::new(), sent }
    }

    pub fn records(&self) -> &[(String, String)] {
        &self.records
    }

    fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers);
        config
    }

    fn make_topic(&self, name: &str, partitions: i32) {
        let admin: AdminClient<DefaultClientContext> = self.config().create().expect("an admin");
        let topic = self.topic(name);
        let new = NewTopic::new(&topic, partitions, TopicReplication::Fixed(1));
        let made = admin.create_topics([&new], &AdminOptions::new());
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let made = runtime.block_on(made).expect("an answer");
        assert!(made.iter().all(Result::is_ok), "{made:?}");
    }

    /// Runs a command to its end against some brokers; its exit code and what it said.
    pub fn run_at(&self, brokers: &str, words: &[&str]) -> (Option<i32>, String) {
        let out = Command::new(DRIFTLINE)
            .arg("--config")
            .arg(self.folder.path().join("driftline.yaml"))
            .args(words)
            .env("DRIFTLINE__KAFKA__BROKERS", brokers)
            .output()
            .expect("it runs");
        let text = String::from_utf8_lossy(&out.stderr).into_owned();
        (out.status.code(), text)
    }

    pub fn worker(&self, name: &str) -> Worker {
        self.worker_with(name, &[])
    }

    /// One that has its partitions again at once when it comes again.
    pub fn fixed(&self, name: &str) -> Worker {
        self.started(name, &[], &[("DRIFTLINE__WORKERS__FIXED", "true")])
    }

    /// One that logs in, with a password from a file. `None` where no listener asks for one.
    pub fn logged_in(&self, name: &str, password: &str) -> Option<Worker> {
        let brokers = logging_in()?;
        let file = self.folder.path().join(format!("{name}.password"));
        std::fs::write(&file, format!("{password}\n")).expect("it is written");
        let security = format!(
            "{{protocol: sasl_plaintext, mechanism: PLAIN, username: driftline, password_file: '{}'}}",
            file.display()
        );
        let more =
            [("DRIFTLINE__KAFKA__BROKERS", &*brokers), ("DRIFTLINE__KAFKA__SECURITY", &*security)];
        Some(self.started(name, &[], &more))
    }

    /// One that tells a receiver on this machine of every alert, one by one.
    pub fn notifying(&self, name: &str, port: u16) -> Worker {
        let secret = self.folder.path().join("webhook-secret");
        std::fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").expect("it is written");
        let notify = format!(
            "{{burst: 0, destinations: {{hook: {{type: webhook, url: 'http://127.0.0.1:{port}/', \
             secret_file: '{}', allow_http: true, allow_private: true, rate: 1000/s}}}}}}",
            secret.display()
        );
        self.started(name, &[], &[("DRIFTLINE__NOTIFY", &notify)])
    }

    /// The ids of all alerts on their topic.
    pub fn ids(&self) -> BTreeSet<String> {
        self.told().into_values().flatten().collect()
    }

    /// One whose group is kept by the broker (KIP-848).
    pub fn of_broker(&self, name: &str) -> Worker {
        self.started(name, &[], &[("DRIFTLINE__WORKERS__PROTOCOL", "broker")])
    }

    pub fn worker_with(&self, name: &str, words: &[&str]) -> Worker {
        self.started(name, words, &[])
    }

    fn started(&self, name: &str, words: &[&str], more: &[(&str, &str)]) -> Worker {
        let log =
            self.folder.path().join(format!("{name}.{:x}.log", RandomState::new().hash_one(1)));
        let file = File::create(&log).expect("a file");
        let child = Command::new(DRIFTLINE)
            .arg("--config")
            .arg(self.folder.path().join("driftline.yaml"))
            .arg("run")
            .args(words)
            .env("DRIFTLINE__WORKERS__NAME", name)
            .env("RUST_LOG", "info")
            .envs(more.iter().copied())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .expect("it starts");
        Worker { child, log }
    }

    /// Sends a range of the records, each account's in order.
    pub fn produce(&self, range: Range<usize>) {
        let producer: BaseProducer =
            self.config().set("enable.idempotence", "true").create().expect("a producer");
        let topic = self.topic("cloud");
        for number in range {
            let (account, value) = &self.records[number];
            let record = BaseRecord::to(&topic).key(account).payload(value);
            producer.send(record).map_err(|(error, _)| error).expect("it is taken");
            self.sent.borrow_mut().push(number);
        }
        producer.flush(LONG).expect("it is delivered");
    }

    /// Makes the records that are still to come this much larger.
    pub fn fatten(&mut self, bytes: usize) {
        for (_, record) in &mut self.records {
            record.pop();
            let _ =
                write!(record, ",\"additionalEventData\":{{\"note\":\"{}\"}}}}", "x".repeat(bytes));
        }
    }

    /// Sends one record more.
    pub fn send(&self, key: &str, value: &[u8]) {
        let producer: BaseProducer = self.config().create().expect("a producer");
        let topic = self.topic("cloud");
        let record = BaseRecord::to(&topic).key(key).payload(value);
        producer.send(record).map_err(|(error, _)| error).expect("it is taken");
        producer.flush(LONG).expect("it is delivered");
    }

    /// Every committed record of a topic: its key, one header, its value.
    fn read(&self, name: &str, header: &str) -> Vec<(String, String, String)> {
        let consumer: BaseConsumer = self
            .config()
            .set("group.id", "nobody")
            // A commit's answer would end a poll with nothing.
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_committed")
            .set("enable.partition.eof", "true")
            .create()
            .expect("a consumer");
        let topic = self.topic(name);
        let found = consumer.fetch_metadata(Some(&topic), LONG).expect("metadata");
        let partitions = found.topics()[0].partitions().len();
        let mut list = TopicPartitionList::new();
        for number in 0..partitions {
            let number = i32::try_from(number).expect("few");
            list.add_partition_offset(&topic, number, Offset::Beginning).expect("a place");
        }
        consumer.assign(&list).expect("it is assigned");
        let (mut all, mut ends) = (Vec::new(), 0);
        while ends < partitions {
            match consumer.poll(LONG) {
                // One without a value says nothing.
                Some(Ok(message)) if message.payload().is_none() => {}
                Some(Ok(message)) => {
                    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                    let named = message.headers().and_then(|headers| {
                        headers.iter().find(|h| h.key == header).and_then(|h| h.value)
                    });
                    all.push((
                        text(message.key().unwrap_or_default()),
                        text(named.unwrap_or_default()),
                        text(message.payload().unwrap_or_default()),
                    ));
                }
                Some(Err(rdkafka::error::KafkaError::PartitionEOF(_))) => ends += 1,
                Some(Err(error)) => panic!("{error}"),
                None => panic!("the broker went away"),
            }
        }
        all
    }

    /// The alerts' ids by cell, in order.
    fn told(&self) -> BTreeMap<String, Vec<String>> {
        let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (cell, id, _) in self.read("alerts", "ce_id") {
            told.entry(cell).or_default().push(id);
        }
        told
    }

    /// What `driftline replay` tells of the records that were sent.
    fn truth(&self) -> BTreeMap<String, Vec<String>> {
        let file = self.folder.path().join("records.jsonl");
        let mut text = String::new();
        for number in &*self.sent.borrow() {
            let _ = writeln!(text, "{}", self.records[*number].1);
        }
        std::fs::write(&file, text).expect("it is written");
        let out = Command::new(DRIFTLINE).arg("replay").arg(&file).output().expect("it runs");
        let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in String::from_utf8_lossy(&out.stdout).lines() {
            let alert: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let text = |path: &str| alert.pointer(path).and_then(|v| v.as_str()).expect("a text");
            let cell = format!("{}/{}", text("/metadata/tenant_uid"), text("/cloud/account/uid"));
            told.entry(cell).or_default().push(text("/metadata/uid").to_owned());
        }
        told
    }

    /// Waits until everything is told, then looks closely: each alert once, in its cell's order.
    pub fn expect_the_truth(&self) {
        let truth = self.truth();
        let due: usize = truth.values().map(Vec::len).sum();
        assert!(due > 0, "the records tell something");
        let mut told = BTreeMap::new();
        for _ in 0..LONG.as_millis() / LOOK.as_millis() {
            told = self.told();
            if told.values().map(Vec::len).sum::<usize>() >= due {
                // What comes twice comes now.
                thread::sleep(LOOK);
                told = self.told();
                break;
            }
            thread::sleep(LOOK);
        }
        let count: usize = told.values().map(Vec::len).sum();
        let apart = apart(&truth, &told);
        assert!(
            told == truth,
            "{count} alerts were told and {due} are due; {apart}; see {}",
            self.logs()
        );
    }

    /// How many alerts that are due were not told after so long, and how many were.
    pub fn missing_alerts(&self, wait: Duration) -> (usize, usize) {
        thread::sleep(wait);
        let (truth, told) = (self.truth(), self.told());
        let count = |all: &BTreeMap<String, Vec<String>>| all.values().map(Vec::len).sum::<usize>();
        (count(&truth) - count(&told), count(&told))
    }

    /// The dead letters, once there are so many: reason and value.
    pub fn letters(&self, count: usize) -> Vec<(String, String)> {
        for _ in 0..LONG.as_millis() / LOOK.as_millis() {
            let letters = self.read("deadletters", "driftline-reason");
            if letters.len() >= count {
                return letters.into_iter().map(|(_, reason, value)| (reason, value)).collect();
            }
            thread::sleep(LOOK);
        }
        panic!("there are too few dead letters; see {}", self.logs())
    }

    /// Waits until so many changes stand; the end of the partition that has the most, and which.
    pub fn wait_for_changes(&self, count: usize) -> (i64, i32) {
        let consumer: BaseConsumer =
            self.config().set("group.id", "nobody").create().expect("a consumer");
        let topic = self.topic("changes");
        for _ in 0..LONG.as_millis() / LOOK.as_millis() {
            let end = |number| consumer.fetch_watermarks(&topic, number, LONG).expect("an end").1;
            let ends: Vec<(i64, i32)> =
                (0..PARTITIONS).map(|number| (end(number), number)).collect();
            if ends.iter().map(|(end, _)| end).sum::<i64>() >= i64::try_from(count).expect("few") {
                return *ends.iter().max().expect("some");
            }
            thread::sleep(LOOK);
        }
        panic!("the changes do not come; see {}", self.logs())
    }

    /// Deletes what stands before an offset.
    pub fn trim_changes(&self, partition: i32, before: i64) {
        let topic = self.topic("changes");
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&topic, partition, Offset::Offset(before)).expect("a place");
        let admin: AdminClient<DefaultClientContext> = self.config().create().expect("an admin");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let done = runtime.block_on(admin.delete_records(&list, &AdminOptions::new()));
        done.expect("they are deleted");
    }

    fn logs(&self) -> String {
        let mut all = String::new();
        for entry in std::fs::read_dir(self.folder.path()).into_iter().flatten().flatten() {
            if entry.path().extension().is_some_and(|extension| extension == "log") {
                let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
                // What the client says of its connections, and of content, tells nothing here.
                let tells = |line: &&str| {
                    line.starts_with(['2', 'n'])
                        && !["nothing reads", "thrd:", "are down"]
                            .iter()
                            .any(|it| line.contains(it))
                };
                let text: Vec<&str> = text.lines().filter(tells).collect();
                let _ = write!(all, "\n--- {}\n{}", entry.path().display(), text.join("\n"));
                let address = text.iter().find_map(|line| line.split("http://").nth(1));
                let port = address.and_then(|at| at.split([':', ';']).nth(1)?.parse().ok());
                let _ = write!(all, "\n{}", port.map(now).unwrap_or_default());
            }
        }
        all
    }
}

impl Worker {
    /// As a power cut would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub fn signal(&mut self, name: &str) {
        let (signal, number) = (format!("-{name}"), self.child.id().to_string());
        let sent = Command::new("kill").args([signal, number]).status();
        assert!(sent.expect("it is sent").success());
    }

    /// Bytes of its memory that are there now, as Linux counts them.
    pub fn resident(&self) -> usize {
        let path = format!("/proc/{}/statm", self.child.id());
        let text = std::fs::read_to_string(path).expect("it is alive, and this is Linux");
        let pages = text.split_whitespace().nth(1).and_then(|pages| pages.parse::<usize>().ok());
        pages.expect("a number") * 4_096
    }

    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().expect("it can be asked").is_none()
    }

    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// What it said last.
    pub fn last_words(&self) -> String {
        let said = self.said();
        let lines: Vec<&str> = said.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// Waits for its end; its exit code and what it said.
    pub fn told(&mut self) -> (Option<i32>, String) {
        for _ in 0..LONG.as_millis() / LOOK.as_millis() {
            if let Some(status) = self.child.try_wait().expect("it can be asked") {
                return (status.code(), self.said());
            }
            thread::sleep(LOOK);
        }
        panic!("it does not end: {}", self.said())
    }

    /// Waits until it says something with that word; the line.
    pub fn wait_for(&mut self, word: &str) -> String {
        for _ in 0..LONG.as_millis() / CLOSE_LOOK.as_millis() {
            let said = self.said();
            if let Some(line) = said.lines().find(|line| line.contains(word)) {
                return line.to_owned();
            }
            assert!(self.is_alive(), "{said}");
            thread::sleep(CLOSE_LOOK);
        }
        panic!("it never said `{word}`: {}", self.said())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
    }
}
