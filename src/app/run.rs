//! `run`: the service. Workers as threads, signals, an orderly end.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, bail};
use tracing::{info, warn};

use crate::cli;
use crate::config::Config;
use crate::config::service::{At, Carrier, Service, SourceSpec};
use crate::engine::Setup;
use crate::log::memory::Memory;
use crate::log::{Admin as _, Log, NewTopic};
use crate::telemetry::{self, Exposition, Pipeline, Series};
use crate::tenant::Registry;
use crate::web::health::{self, Health};
use crate::web::view::{self, Following, View};
use crate::web::{Bounds, Sources, Web};
use crate::worker::{Clock as _, IngestSettings, Observer, Role, Settings, Source, Topics};

use super::clock::Wall;
use super::intake::{self, Intake};
use super::output::Output;
use super::reload::Reload;
use super::service::{Shared, Tools};
use super::signals::{Signal, Signals};
use super::topics::{due, faults, insist, partitions};
use super::{Ended, Refused, pack};

/// Without a turn for so long a worker has lost its partitions.
const SILENCE: Duration = Duration::from_secs(300);
/// How long one call to a broker may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often time is let pass where no change does it.
const TICK: Duration = Duration::from_secs(1);
/// Between two looks at whether a worker broke.
const LOOK: Duration = Duration::from_millis(200);
/// Partitions of the embedded log's topics.
const EMBEDDED: u32 = 4;

/// Runs the service until it is told to end.
pub(super) fn run(options: &cli::Run, config: &Config, output: Output) -> anyhow::Result<Ended> {
    let signals = Signals::listen().context("signals cannot be listened for")?;
    let content = pack::load(config, &[], output)?;
    let registry = config.tenants.clone().unwrap_or_else(|| Arc::new(Registry::own_tenants()));
    let setup = Setup { limits: config.limits.clone(), ..Setup::default() };
    let shared = Shared::new(Arc::clone(&content));
    let patience = config.service.workers.shutdown;
    let tools = Tools { content, registry, setup, shared, patience };
    let service = &config.service;
    let metrics = telemetry::install()?;
    pack::note_loaded();
    let health = Health::new(Arc::new(Wall), health::SILENCE);
    let series = Series::new();
    let roles = &options.roles;
    if roles.iter().all(|role| *role == Role::Notify) && config.notify.destinations.is_empty() {
        bail!(Refused("nobody is to be told: write `notify.destinations`".to_owned()));
    }
    let reload = Reload::new(config, &tools.shared);
    let starting =
        Starting { roles, config, tools: &tools, health: &health, series: &series, reload };
    match &service.log {
        Carrier::Embedded(folder) => {
            let log = match folder {
                Some(folder) => Memory::in_folder(folder)?,
                None => Memory::waiting(),
            };
            let mut threads = embedded(&log, config, &tools.shared)?;
            threads.extend(starting.workers(&log, &[(log.clone(), spec_topics(service))])?);
            let web = starting.web(&log, metrics)?;
            starting.watch(signals, &threads, web.as_ref(), output)
        }
        #[cfg(feature = "kafka")]
        Carrier::Kafka(connection) => {
            let log = crate::log::kafka::Kafka::new((**connection).clone())?;
            let mut clusters = vec![(log.clone(), spec_topics(service))];
            for source in &service.sources {
                if let At::Elsewhere(topic, own) = &source.at {
                    let other = crate::log::kafka::Kafka::new((**own).clone())?;
                    clusters.push((other, vec![named(topic, source)]));
                }
            }
            let threads = starting.workers(&log, &clusters)?;
            let web = starting.web(&log, metrics)?;
            starting.watch(signals, &threads, web.as_ref(), output)
        }
    }
}

fn named(topic: &Arc<str>, spec: &SourceSpec) -> Source {
    Source { topic: Arc::clone(topic), format: spec.format, binding: spec.binding.clone() }
}

/// The sources that lie in the cluster that carries everything.
fn spec_topics(service: &Service) -> Vec<Source> {
    let of = |source: &SourceSpec| match &source.at {
        At::Topic(topic) => Some(named(topic, source)),
        At::Path(path) => Some(named(&intake::topic_of(path), source)),
        #[cfg(feature = "kafka")]
        At::Elsewhere(..) => None,
    };
    service.sources.iter().filter_map(of).collect()
}

/// What the service is started with.
struct Starting<'s> {
    roles: &'s [Role],
    config: &'s Config,
    tools: &'s Tools,
    health: &'s Arc<Health>,
    series: &'s Arc<Series>,
    reload: Arc<Reload>,
}

/// The listener, and what follows the log for it. Dropped, both end.
struct Listener {
    web: Web,
    _following: Following,
}

impl Starting<'_> {
    fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Listens to a further worker of a role.
    fn observer(&self, role: Role) -> Arc<dyn Observer> {
        self.health.watch(role, Arc::new(Pipeline::of(role, self.series)))
    }

    /// Serves health, metrics and findings, where that is this process's role.
    fn web<L: Log>(&self, log: &L, metrics: Exposition) -> anyhow::Result<Option<Listener>> {
        if !self.has(Role::Web) {
            return Ok(None);
        }
        let topics = Topics::behind(&self.config.service.topic_prefix);
        let view = Arc::new(View::default());
        let observer = self.observer(Role::Web);
        let reload = Arc::clone(&self.reload);
        let sources = Sources {
            health: Arc::clone(self.health),
            metrics: Box::new(move || metrics.render()),
            view: Some(Arc::clone(&view)),
            reload: Some(Box::new(move || reload.run())),
        };
        let web = Web::start(self.config.listen, sources, Bounds::default())?;
        let decode = Arc::new(super::standing::decode);
        let following = view::Settings::of(&topics.findings, &topics.alerts);
        let following = view::follow(log.clone(), following, view, decode, observer)?;
        Ok(Some(Listener { web, _following: following }))
    }

    /// Checks the topics, and starts the workers of the roles.
    fn workers<L: Log>(
        &self,
        log: &L,
        clusters: &[(L, Vec<Source>)],
    ) -> anyhow::Result<Vec<JoinHandle<()>>> {
        let service = &self.config.service;
        let workers = &service.workers;
        let topics = Topics::behind(&service.topic_prefix);
        let all = due(service);
        let mut admin = log.admin()?;
        let mut there = Vec::with_capacity(all.len());
        for due in &all {
            there.push(insist(|| admin.describe(&due.name, PATIENCE))?);
        }
        let wrong = faults(&all, &there, true);
        if !wrong.is_empty() {
            bail!(Refused(wrong.join("\n")));
        }
        let of = |name: &str| {
            let place = all.iter().position(|due| due.name == *name);
            place.and_then(|place| there[place].as_ref()).map_or(1, |info| info.partitions)
        };
        let name = workers.name.clone().unwrap_or_else(made_up);
        let mut threads = Vec::new();
        if self.has(Role::Detect) {
            for number in 0..workers.detect {
                let settings = Settings {
                    topics: topics.clone(),
                    partitions: partitions(&all, &there),
                    alert_partitions: of(&topics.alerts),
                    told: service.alerts,
                    group: format!("{}detect", service.group_prefix),
                    name: format!("{}detect.{name}.{number}", service.group_prefix),
                    fixed: workers.fixed,
                    protocol: workers.protocol,
                    session: workers.session,
                    silence: SILENCE,
                    transaction: workers.transaction,
                    batch_records: workers.batch_records,
                    batch_bytes: workers.batch_bytes,
                    patience: PATIENCE,
                    tick: TICK,
                    mutant: None,
                };
                threads.push(self.tools.detect(
                    log.clone(),
                    settings,
                    self.observer(Role::Detect),
                )?);
            }
        }
        if self.has(Role::Notify) && !self.config.notify.destinations.is_empty() {
            let observer = self.observer(Role::Notify);
            let bounds = (SILENCE, PATIENCE);
            let with = (name.as_str(), self.tools);
            threads.push(super::notify::start(log, self.config, with, bounds, observer)?);
        }
        if self.has(Role::Ingest) {
            for (cluster, (from, sources)) in clusters.iter().enumerate() {
                if !sources.is_empty() {
                    self.ingest(cluster, (from, log), sources, &name, &mut threads)?;
                }
            }
        }
        Ok(threads)
    }

    fn ingest<L: Log>(
        &self,
        cluster: usize,
        (from, to): (&L, &L),
        sources: &[Source],
        name: &str,
        threads: &mut Vec<JoinHandle<()>>,
    ) -> anyhow::Result<()> {
        let service = &self.config.service;
        let workers = &service.workers;
        let mut admin = from.admin()?;
        for source in sources {
            if insist(|| admin.describe(&source.topic, PATIENCE))?.is_none() {
                let topic = &source.topic;
                bail!(Refused(format!(
                    "source topic `{topic}` does not exist; make it, or correct `sources`"
                )));
            }
        }
        for number in 0..workers.ingest {
            let settings = IngestSettings {
                topics: Topics::behind(&service.topic_prefix),
                sources: sources.to_vec(),
                group: format!("{}ingest", service.group_prefix),
                name: workers.fixed.then(|| format!("{name}.{cluster}.{number}")),
                protocol: workers.protocol,
                session: workers.session,
                silence: SILENCE,
                batch_records: workers.batch_records,
                batch_bytes: workers.batch_bytes,
                patience: PATIENCE,
                letters: service.letters,
                breaker: workers.breaker,
                breaker_percent: workers.breaker_percent,
                mutant: None,
            };
            let title = format!("{}ingest.{name}.{cluster}.{number}", service.group_prefix);
            let logs = (from.clone(), to.clone());
            threads.push(self.tools.ingest(logs, settings, &title, self.observer(Role::Ingest))?);
        }
        Ok(())
    }

    /// Waits for the end: a signal, or a worker that can't go on.
    fn watch(
        &self,
        mut signals: Signals,
        threads: &[JoinHandle<()>],
        web: Option<&Listener>,
        output: Output,
    ) -> anyhow::Result<Ended> {
        let shared = &self.tools.shared;
        match web {
            Some(listener) => {
                let address = listener.web.address();
                output
                    .note(&format!("running; metrics and health at http://{address}; Ctrl-C ends"));
            }
            None => output.note("running; Ctrl-C ends"),
        }
        let ended = loop {
            match signals.next_within(LOOK) {
                Some(Signal::Reload) => {
                    // Why it was refused is in the log.
                    let _ = self.reload.run();
                }
                Some(Signal::Interrupt) => break Ended::Interrupted,
                Some(Signal::Terminate) => break Ended::Terminated,
                None if shared.is_stopped() => break Ended::Failed,
                None => {}
            }
        };
        info!("ending");
        self.health.end();
        shared.stop();
        let mut waited = Duration::ZERO;
        while threads.iter().any(|thread| !thread.is_finished()) {
            // A second signal, or too long a time, ends at once: what was not committed is redone.
            if waited > self.tools.patience + PATIENCE {
                warn!("workers did not end in time");
                break;
            }
            match signals.next_within(LOOK) {
                Some(Signal::Interrupt | Signal::Terminate) => break,
                Some(Signal::Reload) | None => waited += LOOK,
            }
        }
        match shared.fault() {
            Some(fault) => bail!("{fault}"),
            None => Ok(ended),
        }
    }
}

/// A name that no other process has: what a run leaves open ends by its timeout.
fn made_up() -> String {
    use std::hash::{BuildHasher as _, RandomState};
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}

/// Makes the embedded log's topics, and starts what fills them and tells it the time.
fn embedded(
    log: &Memory,
    config: &Config,
    shared: &Arc<Shared>,
) -> anyhow::Result<Vec<JoinHandle<()>>> {
    let service = &config.service;
    log.tick(Wall.now());
    let mut admin = log.admin()?;
    for due in due(service) {
        let settings = due.settings.iter();
        let new = NewTopic {
            name: due.name,
            partitions: due.partitions.min(EMBEDDED),
            replicas: None,
            settings: settings.map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        };
        admin.create(&new, PATIENCE)?;
    }
    let mut threads = Vec::new();
    for source in &service.sources {
        let (topic, path) = match &source.at {
            At::Path(path) => (intake::topic_of(path), Some(path.clone())),
            At::Topic(topic) => (Arc::clone(topic), None),
            #[cfg(feature = "kafka")]
            At::Elsewhere(..) => {
                bail!(Refused(
                    "sources.kafka: `log: embedded` reads no cluster; write `log: kafka`"
                        .to_owned()
                ));
            }
        };
        // Whether a record is too large is for `ingest` to say.
        let settings = vec![("max.message.bytes".to_owned(), i32::MAX.to_string())];
        let new = NewTopic { name: topic.to_string(), partitions: 1, replicas: None, settings };
        admin.create(&new, PATIENCE)?;
        if let Some(path) = path {
            let intake = Intake {
                log: log.clone(),
                topic,
                path,
                group_prefix: service.group_prefix.clone(),
                limit: config.limits.record_bytes,
                shared: Arc::clone(shared),
            };
            threads.push(intake.start()?);
        }
    }
    let (log, shared) = (log.clone(), Arc::clone(shared));
    let beat = move || {
        while !shared.is_stopped() {
            log.tick(Wall.now());
            thread::sleep(LOOK);
        }
    };
    threads.push(thread::Builder::new().name("time".to_owned()).spawn(beat)?);
    Ok(threads)
}
