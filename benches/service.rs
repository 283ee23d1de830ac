//! The service on a real Kafka, whole processes: throughput, processor time per event, and how
//! long it takes from a record's sending until a committed reader sees its alert.
//!
//! Needs `DRIFTLINE_KAFKA=host:port` (`scripts/kafka run cargo bench --profile release --bench
//! service`). The broker shares the machine. Leaves a table on stdout.
#![cfg_attr(not(feature = "kafka"), allow(unused, reason = "there is nothing to measure"))]
#![allow(clippy::print_stdout, reason = "a tool, not the program")]
#![allow(clippy::disallowed_methods, reason = "measuring is what it is for")]

#[path = "common/mod.rs"]
mod common;

fn main() {
    #[cfg(feature = "kafka")]
    service::main();
}

#[cfg(feature = "kafka")]
mod service {
    use std::collections::HashMap;
    use std::path::PathBuf;
    use std::process::{Child, Command, Stdio};
    use std::thread;
    use std::time::{Duration, Instant};

    use rdkafka::config::ClientConfig;
    use rdkafka::consumer::{BaseConsumer, Consumer as _};
    use rdkafka::message::Message as _;
    use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
    use rdkafka::{Offset, TopicPartitionList};

    use super::common::mix;

    const DRIFTLINE: &str = env!("CARGO_BIN_EXE_driftline");
    /// Records of the mix that are taken in as fast as it goes.
    const RECORDS: usize = 400_000;
    /// Records a second, and for how many seconds, while latency is measured.
    const RATES: [u64; 3] = [100, 1_000, 4_000];
    const SECONDS: u64 = 15;
    const PARTITIONS: usize = 4;
    const LONG: Duration = Duration::from_secs(120);
    /// `/proc` counts in hundredths of a second on Linux.
    const TICKS: f64 = 100.0;

    struct Bench {
        brokers: String,
        prefix: String,
        folder: PathBuf,
    }

    pub(super) fn main() {
        let Ok(brokers) = std::env::var("DRIFTLINE_KAFKA") else {
            println!("DRIFTLINE_KAFKA is not set: nothing is measured");
            return;
        };
        let prefix = format!("bench-{}.", std::process::id());
        let folder = std::env::temp_dir().join(&prefix);
        std::fs::create_dir_all(&folder).expect("a folder");
        let bench = Bench { brokers, prefix, folder };
        bench.set_up();
        bench.throughput();
        for rate in RATES {
            bench.latency(rate);
        }
        std::fs::remove_dir_all(&bench.folder).expect("it goes");
    }

    impl Bench {
        fn topic(&self, name: &str) -> String {
            format!("{}{name}", self.prefix)
        }

        fn config(&self) -> ClientConfig {
            let mut config = ClientConfig::new();
            config.set("bootstrap.servers", &self.brokers);
            config
        }

        fn set_up(&self) {
            let Self { brokers, prefix, .. } = self;
            let text = format!(
                "log: kafka\nkafka: {{brokers: \"{brokers}\", topic_prefix: \"{prefix}\", \
                 group_prefix: \"{prefix}\"}}\nsources: [{{topic: \"{prefix}cloud\"}}]\n\
                 web: {{listen: \"127.0.0.1:0\"}}\n"
            );
            std::fs::write(self.folder.join("driftline.yaml"), text).expect("it is written");
            let admin: rdkafka::admin::AdminClient<_> = self.config().create().expect("an admin");
            let (cloud, changes) = (self.topic("cloud"), self.topic("changes"));
            let count = i32::try_from(PARTITIONS).expect("few");
            let new = [&cloud, &changes].map(|name| {
                let one = rdkafka::admin::TopicReplication::Fixed(1);
                rdkafka::admin::NewTopic::new(name, count, one)
            });
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            let options = rdkafka::admin::AdminOptions::new();
            runtime.block_on(admin.create_topics(&new, &options)).expect("they are made");
            let made = self.command().args(["topics", "--create"]).status().expect("it runs");
            assert!(made.success(), "the topics");
        }

        fn command(&self) -> Command {
            let mut command = Command::new(DRIFTLINE);
            command.arg("--config").arg(self.folder.join("driftline.yaml"));
            command.stdout(Stdio::null()).stderr(Stdio::null());
            command
        }

        fn start(&self) -> Child {
            self.command().arg("run").spawn().expect("it starts")
        }

        fn producer(&self) -> BaseProducer {
            let mut config = self.config();
            config.set("linger.ms", "0").set("queue.buffering.max.messages", "1000000");
            config.create().expect("a producer")
        }

        /// How many records of a topic a group has not committed.
        fn left(&self, group: &str, topic: &str) -> i64 {
            let consumer: BaseConsumer = self
                .config()
                .set("group.id", self.topic(group))
                .set("isolation.level", "read_committed")
                .create()
                .expect("a consumer");
            let mut list = TopicPartitionList::new();
            for number in 0..PARTITIONS {
                list.add_partition(topic, i32::try_from(number).expect("few"));
            }
            let found = consumer.committed_offsets(list, LONG).expect("offsets");
            found
                .elements()
                .iter()
                .map(|one| {
                    let (_, end) =
                        consumer.fetch_watermarks(topic, one.partition(), LONG).expect("an end");
                    let next = match one.offset() {
                        Offset::Offset(next) => next,
                        _ => 0,
                    };
                    end - next
                })
                .sum()
        }

        fn throughput(&self) {
            let records = mix(7, RECORDS);
            let (producer, topic) = (self.producer(), self.topic("cloud"));
            for (number, (_, record)) in records.iter().enumerate() {
                let key = (number % PARTITIONS).to_string();
                let mut record = BaseRecord::to(&topic).key(&key).payload(record);
                // A full queue gives the record back.
                while let Err((_, back)) = producer.send(record) {
                    producer.poll(Duration::from_millis(10));
                    record = back;
                }
            }
            producer.flush(LONG).expect("it is delivered");
            let mut child = self.start();
            let began = Instant::now();
            let mut first = None;
            let total = i64::try_from(RECORDS).expect("few");
            let (done, cpu) = loop {
                thread::sleep(Duration::from_millis(50));
                let left = self.left("ingest", &topic);
                if first.is_none() && left < total {
                    first = Some((began.elapsed(), processor(child.id())));
                }
                if left == 0 && self.left("detect", &self.topic("changes")) <= 0 {
                    break (began.elapsed(), processor(child.id()));
                }
            };
            let (start, before) = first.unwrap_or((Duration::ZERO, 0.0));
            let seconds = done.saturating_sub(start).as_secs_f64();
            #[expect(clippy::cast_precision_loss, reason = "a count far below 2^52")]
            let count = RECORDS as f64;
            println!("records {RECORDS}, started after {:.2} s", start.as_secs_f64());
            println!("throughput {:.0} records/s", count / seconds);
            println!("processor {:.2} s per 100,000", (cpu - before) / (count / 100_000.0));
            println!("processor, start and all {:.2} s per 100,000", cpu / (count / 100_000.0));
            child.kill().expect("it ends");
            child.wait().expect("it ended");
        }

        /// Sends at a rate; one record in fifty opens or closes something.
        fn latency(&self, rate: u64) {
            let mut child = self.start();
            thread::sleep(Duration::from_secs(14));
            let (producer, topic) = (self.producer(), self.topic("cloud"));
            let alerts = self.topic("alerts");
            let reader: BaseConsumer = self
                .config()
                .set("group.id", "nobody")
                .set("isolation.level", "read_committed")
                .set("fetch.wait.max.ms", "5")
                .create()
                .expect("a reader");
            let found = reader.fetch_metadata(Some(&alerts), LONG).expect("metadata");
            let mut list = TopicPartitionList::new();
            for partition in found.topics()[0].partitions() {
                list.add_partition_offset(&alerts, partition.id(), Offset::End).expect("a place");
            }
            reader.assign(&list).expect("it is assigned");
            reader.poll(Duration::from_secs(2));
            let noise = mix(11, 4_000);
            let noise: Vec<&String> = noise.iter().map(|(_, record)| record).collect();
            let mut sent: HashMap<String, Instant> = HashMap::new();
            let mut took: Vec<Duration> = Vec::new();
            let began = Instant::now();
            let total = rate * SECONDS;
            let mut number = 0;
            while number < total || began.elapsed() < Duration::from_secs(SECONDS + 2) {
                while number < total
                    && began.elapsed().as_micros() * u128::from(rate)
                        >= u128::from(number) * 1_000_000
                {
                    let value = if number % 50 == 0 {
                        let id = format!("latency-{rate}-{number}");
                        sent.insert(id.clone(), Instant::now());
                        write(&id, number / 50)
                    } else {
                        noise[usize::try_from(number).expect("few") % noise.len()].clone()
                    };
                    let key = (number % 4).to_string();
                    let record = BaseRecord::to(&topic).key(&key).payload(&value);
                    producer.send(record).map_err(|(error, _)| error).expect("it is taken");
                    producer.poll(Duration::ZERO);
                    number += 1;
                }
                while let Some(message) = reader.poll(Duration::from_micros(200)) {
                    let Ok(message) = message else { continue };
                    let text = String::from_utf8_lossy(message.payload().unwrap_or_default());
                    let alert: serde_json::Value = serde_json::from_str(&text).expect("JSON");
                    let id = alert["metadata"]["original_event_uid"].as_str().unwrap_or_default();
                    if let Some(at) = sent.remove(id) {
                        took.push(at.elapsed());
                    }
                    if number < total {
                        break;
                    }
                }
            }
            took.sort_unstable();
            let at = |share: usize| took[(took.len() - 1) * share / 100].as_secs_f64() * 1e3;
            println!(
                "{rate} records/s: {} alerts, ms p50 {:.1}, p90 {:.1}, p99 {:.1}; {} not seen",
                took.len(),
                at(50),
                at(90),
                at(99),
                sent.len()
            );
            child.kill().expect("it ends");
            child.wait().expect("it ended");
        }
    }

    /// A record that opens a port to the world in a group of its own.
    fn write(id: &str, group: u64) -> String {
        let account = format!("1111222233{:02}", group % 40);
        serde_json::json!({
            "eventVersion": "1.09",
            "userIdentity": {"type": "IAMUser", "accountId": account, "userName": "dana",
                "arn": format!("arn:aws:iam::{account}:user/dana")},
            "eventTime": "2026-03-02T12:00:00Z", "eventSource": "ec2.amazonaws.com",
            "eventName": "AuthorizeSecurityGroupIngress", "awsRegion": "eu-west-1",
            "sourceIPAddress": "203.0.113.24", "userAgent": "aws-cli/2.17",
            "requestParameters": {"groupId": format!("sg-{id}"), "ipPermissions": {"items": [
                {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22,
                    "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}]}},
            "responseElements": {"_return": true}, "eventID": id, "readOnly": false,
            "eventType": "AwsApiCall", "recipientAccountId": account,
        })
        .to_string()
    }

    /// Seconds of processor time that a process has used.
    fn processor(id: u32) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let fields: Vec<&str> =
            text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let of = |place: usize| fields.get(place).and_then(|f| f.parse::<f64>().ok());
        (of(11).unwrap_or(0.0) + of(12).unwrap_or(0.0)) / TICKS
    }
}
