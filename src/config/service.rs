//! What the service needs: where records come from, where they go, how its workers are set up.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::log::Protocol;
use crate::model::Format;
use crate::worker::{Binding, Body, Told};

use super::check::span;
use super::raw::{Kafka, Log, Raw, RawWorkers, Source, SourceTenant};

/// The service's part of the configuration.
#[derive(Clone, Debug)]
pub struct Service {
    /// Which log carries everything.
    pub log: Carrier,
    /// Before every topic's name.
    pub topic_prefix: String,
    /// Before every group's name.
    pub group_prefix: String,
    /// Where records come from.
    pub sources: Vec<SourceSpec>,
    /// How topics are made.
    pub topics: MadeTopics,
    /// How alerts are written.
    pub alerts: Told,
    /// How much of a refused record is kept.
    pub letters: Body,
    /// How workers are set up.
    pub workers: Workers,
}

/// Which log carries everything.
#[derive(Clone, Debug)]
pub enum Carrier {
    /// In this process, kept in a folder where one is named.
    Embedded(Option<PathBuf>),
    /// Apache Kafka.
    #[cfg(feature = "kafka")]
    Kafka(Box<crate::log::kafka::Connection>),
}

/// A source of records.
#[derive(Clone, Debug)]
pub struct SourceSpec {
    /// Where it is.
    pub at: At,
    /// The wire format to insist on; `None` recognises each record.
    pub format: Option<Format>,
    /// Whose it is.
    pub binding: Binding,
}

/// Where a source is.
#[derive(Clone, Debug)]
pub enum At {
    /// A topic of the cluster that carries everything.
    Topic(Arc<str>),
    /// A topic of another cluster.
    #[cfg(feature = "kafka")]
    Elsewhere(Arc<str>, Box<crate::log::kafka::Connection>),
    /// A file or folder, for the embedded log.
    Path(PathBuf),
}

/// How workers are set up.
#[derive(Clone, Debug)]
pub struct Workers {
    /// Threads that detect; partitions are shared among them and those of other processes.
    pub detect: usize,
    /// Threads that take in, for each cluster.
    pub ingest: usize,
    /// This process's name, where it is the same over restarts; made up where `None`.
    pub name: Option<String>,
    /// Whether the groups know this process by its name.
    pub fixed: bool,
    /// How groups share partitions.
    pub protocol: Protocol,
    /// Without a sign of life for so long a worker is dead.
    pub session: Duration,
    /// A transaction open for longer is aborted by the broker.
    pub transaction: Duration,
    /// Records of one batch.
    pub batch_records: usize,
    /// Bytes of one batch.
    pub batch_bytes: usize,
    /// Records in a row that can't be read, after which a partition is halted; 0 never halts.
    pub breaker: usize,
    /// Of many records so many in a hundred may be unreadable, see
    /// [`BREAKER_RECORDS`](crate::worker::BREAKER_RECORDS).
    pub breaker_percent: usize,
    /// How long an orderly end may take.
    pub shutdown: Duration,
}

/// How topics are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MadeTopics {
    /// Partitions of those that are spread by account.
    pub partitions: u32,
    /// Copies of each; the brokers' default where `None`.
    pub replicas: Option<u16>,
}

impl Default for Workers {
    fn default() -> Self {
        Self {
            detect: 1,
            ingest: 1,
            name: None,
            fixed: false,
            protocol: Protocol::Classic,
            session: Duration::from_secs(10),
            transaction: Duration::from_secs(15),
            batch_records: 1_000,
            batch_bytes: 4 << 20,
            breaker: 1_000,
            breaker_percent: 90,
            shutdown: Duration::from_secs(20),
        }
    }
}

impl Default for Service {
    fn default() -> Self {
        Self {
            log: Carrier::Embedded(None),
            topic_prefix: "driftline.".to_owned(),
            group_prefix: "driftline.".to_owned(),
            sources: Vec::new(),
            topics: MadeTopics { partitions: 32, replicas: None },
            alerts: Told::default(),
            letters: Body::default(),
            workers: Workers::default(),
        }
    }
}

/// Checks the service's part; every fault is added.
pub(super) fn check(
    raw: &Raw,
    beside: &dyn Fn(&str) -> PathBuf,
    faults: &mut Vec<String>,
) -> Service {
    let base = Service::default();
    let log = match raw.log {
        Log::Embedded => embedded(raw, beside, faults),
        Log::Kafka => carrier(&raw.kafka, beside, faults),
    };
    if raw.log == Log::Kafka && raw.embedded.folder.is_some() {
        faults.push("embedded.folder: only `log: embedded` is kept in a folder".to_owned());
    }
    let prefix = |given: &Option<String>, default: String| given.clone().unwrap_or(default);
    let letters = raw.deadletters.body.as_deref().map_or(Some(base.letters), Body::from_name);
    if letters.is_none() {
        faults.push("deadletters.body: write `reference`, `redacted` or `full`".to_owned());
    }
    let alerts = raw.alerts.format.as_deref().map_or(Some(base.alerts), Told::from_name);
    if alerts.is_none() {
        faults.push("alerts.format: write `ocsf` or `proto`".to_owned());
    }
    let topics = MadeTopics {
        partitions: raw.topics.partitions.unwrap_or(base.topics.partitions),
        replicas: raw.topics.replicas.or(base.topics.replicas),
    };
    if topics.partitions == 0 || topics.replicas == Some(0) {
        faults.push("topics: `partitions` and `replicas` must be at least 1".to_owned());
    }
    let mut sources = Vec::new();
    for (index, source) in raw.sources.iter().enumerate() {
        let place = format!("sources[{index}]");
        if let Some(source) = source_of(raw, source, &place, beside, faults) {
            sources.push(source);
        }
    }
    paths(&log, &sources, faults);
    Service {
        log,
        topic_prefix: prefix(&raw.kafka.topic_prefix, base.topic_prefix),
        group_prefix: prefix(&raw.kafka.group_prefix, base.group_prefix),
        sources,
        topics,
        alerts: alerts.unwrap_or_default(),
        letters: letters.unwrap_or_default(),
        workers: workers(&raw.workers, faults),
    }
}

/// Files and folders are read once each, and the log does not read itself.
fn paths(log: &Carrier, sources: &[SourceSpec], faults: &mut Vec<String>) {
    let mut seen = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        let At::Path(path) = &source.at else { continue };
        if seen.contains(&path) {
            faults.push(format!("sources[{index}].path: `{}` is there twice", path.display()));
        }
        if matches!(log, Carrier::Embedded(Some(folder)) if folder.starts_with(path)) {
            let shown = path.display();
            faults.push(format!(
                "sources[{index}].path: `{shown}` holds `embedded.folder`, and the log would be \
                 read as records; keep it elsewhere"
            ));
        }
        seen.push(path);
    }
}

fn source_of(
    raw: &Raw,
    source: &Source,
    place: &str,
    beside: &dyn Fn(&str) -> PathBuf,
    faults: &mut Vec<String>,
) -> Option<SourceSpec> {
    let format = match source.format.as_deref() {
        None | Some("auto") => None,
        Some(name) => {
            let format = Format::from_name(name);
            if format.is_none() {
                faults.push(format!("{place}.format: `{name}` is not a wire format"));
            }
            format
        }
    };
    let binding = binding(&source.tenant, place, faults);
    let at = match (&source.topic, &source.path) {
        (Some(topic), None) => match &source.kafka {
            None => At::Topic(topic.as_str().into()),
            Some(own) => elsewhere(topic, own, beside, faults),
        },
        (None, Some(path)) if raw.log == Log::Embedded => At::Path(beside(path)),
        (None, Some(_)) => {
            faults.push(format!("{place}.path: files are read by `log: embedded` alone"));
            return None;
        }
        _ => {
            faults.push(format!("{place}: write one of `topic`, `path`"));
            return None;
        }
    };
    Some(SourceSpec { at, format, binding })
}

fn binding(tenant: &SourceTenant, place: &str, faults: &mut Vec<String>) -> Binding {
    let suffix = tenant.topic_suffix == Some(true);
    match (&tenant.by, &tenant.fixed, &tenant.header, suffix) {
        (None, None, None, false) => Binding::Account,
        (Some(by), None, None, false) if by == "account" => Binding::Account,
        (None, Some(name), None, false) => Binding::Fixed(name.as_str().into()),
        (None, None, Some(name), false) => Binding::Header(name.as_str().into()),
        (None, None, None, true) => Binding::TopicSuffix,
        (Some(by), None, None, false) => {
            faults.push(format!("{place}.tenant.by: `{by}` is not a way; write `account`"));
            Binding::Account
        }
        _ => {
            faults.push(format!(
                "{place}.tenant: write one of `by`, `fixed`, `header`, `topic_suffix`"
            ));
            Binding::Account
        }
    }
}

fn workers(raw: &RawWorkers, faults: &mut Vec<String>) -> Workers {
    let base = Workers::default();
    let protocol = match raw.protocol.as_deref() {
        None | Some("classic") => Protocol::Classic,
        Some("broker") => Protocol::Broker,
        Some(other) => {
            faults.push(format!(
                "workers.protocol: `{other}` is not a way; write `classic` or `broker`"
            ));
            Protocol::Classic
        }
    };
    let mut time = |name: &str, text: &Option<String>, default: Duration| {
        let Some(text) = text else { return default };
        let micros = span(text).and_then(|micros| u64::try_from(micros).ok());
        if let Some(micros) = micros.filter(|micros| *micros > 0) {
            return Duration::from_micros(micros);
        }
        faults.push(format!("workers.{name}: `{text}` is not a span such as `10s`, `1m`"));
        default
    };
    let session = time("session", &raw.session, base.session);
    let transaction = time("transaction", &raw.transaction, base.transaction);
    let shutdown = time("shutdown", &raw.shutdown, base.shutdown);
    let mut count = |name: &str, value: Option<usize>, default: usize| {
        if value == Some(0) {
            faults.push(format!("workers.{name}: must be at least 1"));
        }
        value.unwrap_or(default)
    };
    let detect = count("detect", raw.detect, base.detect);
    let ingest = count("ingest", raw.ingest, base.ingest);
    let batch_records = count("batch_records", raw.batch_records, base.batch_records);
    let batch_bytes = count("batch_bytes", raw.batch_bytes, base.batch_bytes);
    let fixed = raw.fixed.unwrap_or(base.fixed);
    if fixed && raw.name.is_none() {
        faults.push("workers.fixed: needs `workers.name`".to_owned());
    }
    if fixed && protocol == Protocol::Broker {
        faults.push("workers.fixed: needs `protocol: classic`".to_owned());
    }
    Workers {
        detect,
        ingest,
        name: raw.name.clone(),
        fixed,
        protocol,
        session,
        transaction,
        batch_records,
        batch_bytes,
        breaker: raw.breaker.unwrap_or(base.breaker),
        breaker_percent: raw.breaker_percent.unwrap_or(base.breaker_percent),
        shutdown,
    }
}

fn embedded(raw: &Raw, beside: &dyn Fn(&str) -> PathBuf, faults: &mut Vec<String>) -> Carrier {
    let folder = raw.embedded.folder.as_deref();
    if folder == Some("") {
        faults.push("embedded.folder: name a folder, or leave the key out".to_owned());
    }
    Carrier::Embedded(folder.map(beside))
}

#[cfg(feature = "kafka")]
fn carrier(kafka: &Kafka, beside: &dyn Fn(&str) -> PathBuf, faults: &mut Vec<String>) -> Carrier {
    Carrier::Kafka(Box::new(super::cluster::connection("kafka", kafka, beside, faults)))
}

#[cfg(not(feature = "kafka"))]
fn carrier(_: &Kafka, _: &dyn Fn(&str) -> PathBuf, faults: &mut Vec<String>) -> Carrier {
    faults.push("log: this program was built without Kafka; write `embedded`".to_owned());
    Carrier::Embedded(None)
}

#[cfg(feature = "kafka")]
fn elsewhere(
    topic: &str,
    kafka: &Kafka,
    beside: &dyn Fn(&str) -> PathBuf,
    faults: &mut Vec<String>,
) -> At {
    let connection = super::cluster::connection("sources.kafka", kafka, beside, faults);
    At::Elsewhere(topic.into(), Box::new(connection))
}

#[cfg(not(feature = "kafka"))]
fn elsewhere(topic: &str, _: &Kafka, _: &dyn Fn(&str) -> PathBuf, faults: &mut Vec<String>) -> At {
    faults.push("sources.kafka: this program was built without Kafka".to_owned());
    At::Topic(topic.into())
}
