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

    use super::common::{mix, resources};

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

    /// Rounds of the estate that is restored: 1,000,000 resources and a few.
    const ROUNDS: u64 = 1_000_000 / resources::ROUND + 1;

    struct Bench {
        brokers: String,
        prefix: String,
        folder: PathBuf,
        partitions: usize,
        copies: i32,
    }

    pub(super) fn main() {
        let Ok(brokers) = std::env::var("DRIFTLINE_KAFKA") else {
            println!("DRIFTLINE_KAFKA is not set: nothing is measured");
            return;
        };
        let copies =
            std::env::var("DRIFTLINE_KAFKA_COPIES").ok().and_then(|text| text.parse().ok());
        let copies = copies.unwrap_or(1);
        let of = |partitions| Bench::new(&brokers, partitions, copies);
        let asked: Vec<String> =
            std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
        let rates: Vec<u64> = asked.iter().filter_map(|word| word.parse().ok()).collect();
        let all = asked.is_empty();
        let is_asked = |word: &str| all || asked.iter().any(|asked| asked == word);
        if is_asked("throughput") {
            of(PARTITIONS).throughput();
        }
        if is_asked("scaling") {
            for partitions in [1, 2, 4] {
                of(partitions).throughput();
            }
        }
        if is_asked("latency") || !rates.is_empty() {
            let bench = of(PARTITIONS);
            for rate in if rates.is_empty() { RATES.to_vec() } else { rates } {
                bench.latency(rate);
            }
        }
        if is_asked("takeover") {
            of(PARTITIONS).takeover();
        }
        if is_asked("restore") {
            of(PARTITIONS).restore();
        }
    }

    impl Drop for Bench {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }

    impl Bench {
        fn new(brokers: &str, partitions: usize, copies: i32) -> Self {
            let prefix = format!("bench-{}-{partitions}-{:x}.", std::process::id(), nanos());
            let folder = std::env::temp_dir().join(&prefix);
            std::fs::create_dir_all(&folder).expect("a folder");
            let brokers = brokers.to_owned();
            let bench = Self { brokers, prefix, folder, partitions, copies };
            bench.set_up();
            bench
        }

        fn topic(&self, name: &str) -> String {
            format!("{}{name}", self.prefix)
        }

        fn config(&self) -> ClientConfig {
            let mut config = ClientConfig::new();
            config.set("bootstrap.servers", &self.brokers);
            config
        }

        fn set_up(&self) {
            let Self { brokers, prefix, copies, .. } = self;
            let text = format!(
                "log: kafka\nkafka: {{brokers: \"{brokers}\", topic_prefix: \"{prefix}\", \
                 group_prefix: \"{prefix}\"}}\nsources: [{{topic: \"{prefix}cloud\"}}]\n\
                 topics: {{partitions: {}, replicas: {copies}}}\n\
                 web: {{listen: \"127.0.0.1:0\"}}\n",
                self.partitions
            );
            std::fs::write(self.folder.join("driftline.yaml"), text).expect("it is written");
            let admin: rdkafka::admin::AdminClient<_> = self.config().create().expect("an admin");
            let cloud = self.topic("cloud");
            let count = i32::try_from(self.partitions).expect("few");
            let copies = rdkafka::admin::TopicReplication::Fixed(*copies);
            let new = [rdkafka::admin::NewTopic::new(&cloud, count, copies)];
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
            for number in 0..self.partitions {
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
                let key = (number % 64).to_string();
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
            println!(
                "{} partitions, records {RECORDS}, started after {:.2} s",
                self.partitions,
                start.as_secs_f64()
            );
            println!("throughput {:.0} records/s", count / seconds);
            println!("processor {:.2} s per 100,000", (cpu - before) / (count / 100_000.0));
            println!("processor, start and all {:.2} s per 100,000", cpu / (count / 100_000.0));
            child.kill().expect("it ends");
            child.wait().expect("it ended");
        }

        /// Two processes with the default settings, one of them killed: how long until what comes
        /// afterwards in all partitions is told.
        fn takeover(&self) {
            let mut workers = [self.start(), self.start()];
            thread::sleep(Duration::from_secs(25));
            let (producer, topic) = (self.producer(), self.topic("cloud"));
            let send = |from: usize| {
                for number in from..from + 400 {
                    let value = write(&format!("takeover-{number}"), number as u64);
                    let key = number.to_string();
                    let record = BaseRecord::to(&topic).key(&key).payload(&value);
                    producer.send(record).map_err(|(error, _)| error).expect("it is taken");
                }
                producer.flush(LONG).expect("it is delivered");
            };
            let wait = || {
                while self.left("ingest", &topic) != 0
                    || self.left("detect", &self.topic("changes")) > 0
                {
                    thread::sleep(Duration::from_millis(20));
                }
            };
            send(0);
            wait();
            workers[0].kill().expect("it ends");
            let began = Instant::now();
            send(400);
            wait();
            println!("takeover after kill -9: {:.1} s", began.elapsed().as_secs_f64());
            for mut worker in workers {
                let _ = worker.kill();
                worker.wait().expect("it ended");
            }
        }

        /// An estate is taken in; another process restores it.
        fn restore(&self) {
            let (producer, topic) = (self.producer(), self.topic("cloud"));
            let mut number = 0_u64;
            resources::records(ROUNDS, &mut |text| {
                let key = (number % 64).to_string();
                number += 1;
                let mut record = BaseRecord::to(&topic).key(&key).payload(text);
                while let Err((_, back)) = producer.send(record) {
                    producer.poll(Duration::from_millis(10));
                    record = back;
                }
            });
            producer.flush(LONG).expect("it is delivered");
            let mut child = self.start();
            let began = Instant::now();
            loop {
                thread::sleep(Duration::from_millis(500));
                if self.left("ingest", &topic) == 0
                    && self.left("detect", &self.topic("changes")) <= 0
                {
                    break;
                }
            }
            println!(
                "{} resources taken in after {:.0} s",
                ROUNDS * resources::ROUND,
                began.elapsed().as_secs_f64()
            );
            println!("  resident at most {} MB", peak(child.id()) / 1_000_000);
            let _ = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
            child.wait().expect("it ended");
            let log = self.folder.join("log");
            let file = std::fs::File::create(&log).expect("a file");
            let mut child = self
                .command()
                .arg("run")
                .env("RUST_LOG", "info")
                .env("DRIFTLINE__TELEMETRY__LOG_FORMAT", "json")
                .stderr(file)
                .spawn()
                .expect("it starts");
            let began = Instant::now();
            let mut first = None;
            let done = loop {
                thread::sleep(Duration::from_millis(10));
                let text = std::fs::read_to_string(&log).unwrap_or_default();
                if first.is_none() && text.contains("\"restoring\"") {
                    first = Some(began.elapsed());
                }
                if text.matches("\"restored\"").count() >= self.partitions {
                    break began.elapsed();
                }
            };
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            for line in text.lines().filter(|line| line.contains("\"restored\"")) {
                println!("  {line}");
            }
            println!(
                "restored after {:.2} s, begun after {:.2} s; resident at most {} MB",
                done.as_secs_f64(),
                first.unwrap_or_default().as_secs_f64(),
                peak(child.id()) / 1_000_000
            );
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

    fn nanos() -> u128 {
        std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos())
    }

    /// The most bytes of memory that a process ever had resident.
    fn peak(id: u32) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        number.unwrap_or(0) * 1_024
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
