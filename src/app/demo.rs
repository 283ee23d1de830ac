//! `demo`: the whole product on the embedded log, with a bundled story.
//!
//! What enters is `demo/story.json`: chapters, events in the short forms of content's tests, and
//! noise. Each event is produced to a source topic; the pipeline consumes it; findings go to
//! `driftline.findings`, alerts to `driftline.alerts`, and are told as a person reads them.

use std::io::{Write as _, stdout};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::{Map, Value as Json, json};

use crate::alert::text::{Paint, render};
use crate::alert::{Alert, ocsf};
use crate::cli::Demo;
use crate::config::Config;
use crate::content::cases::{CaseEvent, EventForm};
use crate::content::{Content, Detector, wire};
use crate::decode::Record;
use crate::engine::{Engine, EventOutcome, Setup, Sink};
use crate::log::memory::{Memory, MemoryConsumer, MemoryProducer};
use crate::log::{
    Admin as _, Commit, Consumer as _, Log as _, LogError, Membership, NewTopic, Offset, Outgoing,
    Polled, Producer as _, Promise, Protocol, Reader as _, To, TopicPartition,
};
use crate::model::{FindingChange, Limits, Provider, Reached, Timestamp};
use crate::telemetry::{Pipeline, Series};
use crate::tenant::{Registry, Unmapped};
use crate::worker::{Happening, Holding, Observer as _, Role, warn_of};

mod serve;
mod standing;

use standing::Standing;

use super::output::Output;
use super::signals::{Signal, Signals};
use super::tally::{Ending, Tally};
use super::{Ended, pack};

/// Where the clouds' events arrive.
const SOURCE: &str = "cloud-audit";
/// Where alerts go.
const ALERTS: &str = "driftline.alerts";
/// Where findings stand.
const FINDINGS: &str = "driftline.findings";
/// The group that detects.
const GROUP: &str = "driftline.detect";

const STORY: &str = include_str!("demo/story.json");

/// Whose the story's accounts are; one more account in it is nobody's.
const ACCOUNTS: [(&str, Provider, &str); 3] = [
    ("acme", Provider::Aws, "111122223333"),
    ("globex", Provider::Huawei, "d0c5000000000000000000000000a11c"),
    ("initech", Provider::Aws, "444455556666"),
];

/// What clouds mostly write: reads, data events, and writes that no mapping cares for.
const NOISE: [(&str, &str); 8] = [
    ("ec2", "DescribeInstances"),
    ("s3", "GetObject"),
    ("sts", "GetCallerIdentity"),
    ("ec2", "DescribeSecurityGroups"),
    ("monitoring", "PutMetricData"),
    ("iam", "ListUsers"),
    ("ecs", "RunTask"),
    ("s3", "PutObject"),
];

/// One thing that happens.
enum Scene {
    Chapter(String),
    Event(CaseEvent),
    Raw(String),
}

pub(super) fn run(options: &Demo, config: &Config, output: Output) -> anyhow::Result<Ended> {
    let started = now();
    let content = pack::load(config, &[], output)?;
    let log = Memory::waiting();
    create_topics(&log)?;
    let serving = if options.serve {
        let server = serve::Server::start(config, &log)?;
        pack::note_loaded();
        Some((server, Signals::listen()?))
    } else {
        None
    };
    let registry = Registry::of_accounts(ACCOUNTS, Unmapped::Quarantine)
        .map_err(|_| anyhow::anyhow!("the story's accounts are claimed twice"))?;
    let setup = Setup { limits: config.limits.clone(), format: None, detailed: true, shard: None };
    let mut stage = Stage {
        engine: Engine::new(Arc::clone(&content), Arc::new(registry), setup),
        content,
        standing: Standing::default(),
        producer: log.producer(&Promise::Idempotent)?,
        consumer: log.consumer(&membership())?,
        clock: wire::Clock::new(),
        seats: Seats {
            limits: config.limits.clone(),
            paint: output.paint(Path::new("-")),
            tally: Tally::default(),
            pipeline: Pipeline::of(Role::Detect, &Series::new()),
            arrived: None,
            alerts: Vec::new(),
        },
        speed: options.speed,
    };
    for scene in story()? {
        stage.play(scene)?;
    }
    stage.engine.finish(&mut stage.seats);
    stage.publish(now())?;
    let end = Ending {
        open_findings: stage.engine.open_findings(),
        seconds: started.elapsed().as_secs_f64(),
        peak_memory: None,
    };
    stdout().flush()?;
    output.remark(&format!("\n{}", stage.seats.tally.text(&end)));
    let Some((server, mut signals)) = serving else { return Ok(Ended::Well) };
    let at = server.address();
    output.note(&format!(
        "metrics at http://{at}/metrics, findings at http://{at}/api/findings; Ctrl-C ends"
    ));
    loop {
        match signals.next() {
            Signal::Reload => {
                if let Ok(content) = pack::reload(config, &[]) {
                    stage.adopt(content)?;
                }
            }
            Signal::Interrupt => return Ok(Ended::Interrupted),
            Signal::Terminate => return Ok(Ended::Terminated),
        }
    }
}

/// The log and the pipeline, and the time of the story.
struct Stage {
    engine: Engine,
    /// The content in use.
    content: Arc<Content>,
    /// What stands in the findings topic.
    standing: Standing,
    producer: MemoryProducer,
    consumer: MemoryConsumer,
    clock: wire::Clock,
    seats: Seats,
    speed: Option<f64>,
}

impl Stage {
    fn play(&mut self, scene: Scene) -> anyhow::Result<()> {
        let before = self.clock.now();
        let value = match scene {
            Scene::Chapter(text) => {
                let (on, off) = match self.seats.paint {
                    Paint::Colour => ("\u{1b}[1m", "\u{1b}[0m"),
                    Paint::Plain => ("", ""),
                };
                writeln!(stdout(), "{on}-- {text}{off}\n")?;
                return Ok(());
            }
            Scene::Event(event) => wire::expand(&event, &mut self.clock),
            Scene::Raw(text) => text.into_bytes(),
        };
        self.pace(self.clock.now().since(before));
        let time = self.clock.now();
        self.send(&Outgoing {
            topic: SOURCE,
            to: To::Key,
            key: None,
            value: Some(&value),
            headers: &[],
            time,
            tag: 0,
        })?;
        self.consume()
    }

    /// Goes on with other content; what it judges otherwise is told at once.
    fn adopt(&mut self, content: Arc<Content>) -> anyhow::Result<()> {
        self.content = Arc::clone(&content);
        self.engine.adopt(content, &mut self.seats);
        while self.engine.has_backlog() {
            self.engine.tick(self.clock.now(), &mut self.seats);
        }
        self.engine.finish(&mut self.seats);
        self.publish(now())
    }

    /// Waits as long as the story's time took, divided by the speed.
    fn pace(&self, micros: i64) {
        let (Some(speed), Ok(micros)) = (self.speed, u64::try_from(micros)) else { return };
        let wait = Duration::from_micros(micros).as_secs_f64() / speed;
        thread::sleep(Duration::from_secs_f64(wait.min(3_600.0)));
    }

    /// Sends a record and sees it delivered.
    fn send(&mut self, record: &Outgoing<'_>) -> Result<(), LogError> {
        self.producer.send(record)?;
        self.producer.drain(Duration::ZERO);
        match self.producer.failures().pop() {
            Some(failure) => Err(failure.error),
            None => Ok(()),
        }
    }

    /// Reads what the group has not read yet, and commits it once its alerts stand in the log.
    fn consume(&mut self) -> anyhow::Result<()> {
        let (arrived, mut next) = (now(), None);
        loop {
            let Self { engine, consumer, seats, .. } = self;
            let polled = consumer.poll(Duration::ZERO, &mut |incoming| {
                let value = incoming.value.unwrap_or_default();
                seats.tally.records += 1;
                seats.tally.bytes += value.len() as u64;
                seats.tell(&Happening::Consumed {
                    topic: SOURCE,
                    partition: incoming.partition.0,
                    records: 1,
                    lag: 0,
                });
                seats.arrived = incoming.time;
                engine.record(&Record { value, headers: &[], time: incoming.time }, seats);
                next = Some(Offset(incoming.offset.0 + 1));
            })?;
            match polled {
                Polled::Record => self.publish(arrived)?,
                Polled::Assigned(all) => {
                    let first: Vec<_> = all.into_iter().map(|of| (of, Offset(0))).collect();
                    self.consumer.start(&first)?;
                }
                Polled::End(_) | Polled::Revoked(_) | Polled::Lost(_) => {}
                Polled::Idle => break,
            }
        }
        let Some(next) = next else { return Ok(()) };
        let of = TopicPartition::new(SOURCE, 0);
        Ok(self.consumer.commit(&[Commit { of, next, receipt: String::new() }])?)
    }

    /// Sends findings and alerts of records that arrived then.
    fn publish(&mut self, arrived: Instant) -> anyhow::Result<()> {
        for (uid, value) in self.standing.moved(&self.engine, &self.content) {
            self.send(&Outgoing {
                topic: FINDINGS,
                to: To::Key,
                key: Some(uid.as_bytes()),
                value: value.as_deref(),
                headers: &[],
                time: self.clock.now(),
                tag: 0,
            })?;
        }
        for alert in std::mem::take(&mut self.seats.alerts) {
            let named = ocsf::headers(&alert, "application/json");
            let headers: Vec<(&str, &[u8])> =
                named.iter().map(|(name, text)| (&**name, text.as_bytes())).collect();
            let key = format!("{}/{}", alert.tenant, alert.account);
            self.send(&Outgoing {
                topic: ALERTS,
                to: To::Key,
                key: Some(key.as_bytes()),
                value: Some(&ocsf::encode(&alert)),
                headers: &headers,
                time: alert.time,
                tag: 0,
            })?;
            self.seats.tell(&Happening::Alert {
                detector: alert.reasons.first().map_or("", |top| &top.detector),
                severity: alert.severity,
                step: alert.step,
                latency: now().saturating_duration_since(arrived),
            });
            writeln!(stdout(), "{}", render(&alert, self.seats.paint))?;
        }
        let (resources, bytes) = self.engine.size();
        let findings = self.engine.open_findings();
        self.seats.tell(&Happening::Holding(0, Holding { resources, bytes, findings }));
        Ok(())
    }
}

fn create_topics(log: &Memory) -> anyhow::Result<()> {
    let mut admin = log.admin()?;
    for (name, cleanup) in [(SOURCE, "delete"), (ALERTS, "delete"), (FINDINGS, "compact")] {
        let settings = vec![("cleanup.policy".to_owned(), cleanup.to_owned())];
        let topic = NewTopic { name: name.to_owned(), partitions: 1, replicas: None, settings };
        admin.create(&topic, Duration::ZERO)?;
    }
    Ok(())
}

/// The group that detects, with this process as its only member.
fn membership() -> Membership {
    Membership {
        group: GROUP.to_owned(),
        topics: vec![SOURCE.to_owned()],
        instance: None,
        protocol: Protocol::Classic,
        session: Duration::from_secs(30),
        silence: Duration::from_secs(300),
    }
}

/// Who listens to the engine.
struct Seats {
    limits: Limits,
    paint: Paint,
    tally: Tally,
    pipeline: Pipeline,
    /// When the record at hand arrived, in the story's time.
    arrived: Option<Timestamp>,
    alerts: Vec<Alert>,
}

impl Seats {
    fn tell(&self, what: &Happening<'_>) {
        self.pipeline.happened(Role::Detect, what);
    }
}

impl Sink for Seats {
    fn outcome(&mut self, outcome: &EventOutcome<'_>) {
        self.tally.event(outcome.outcome, outcome.format, outcome.dead);
        let (format, fate) = (outcome.format, outcome.outcome);
        let age = self.arrived.zip(outcome.time).map(|(arrived, time)| arrived.since(time));
        self.tell(&Happening::Event { format, outcome: fate, age });
        if let Some(reason) = outcome.dead {
            self.tell(&Happening::Dead(reason));
        }
    }

    fn reached(&mut self, reached: &Reached, first: bool) {
        self.tally.reached(reached);
        if first {
            warn_of(reached);
        }
        self.tell(&Happening::Reached(reached.limit, 1));
    }

    fn finding(&mut self, change: &FindingChange, detector: &Detector, content: &Content) {
        let alert = Alert::new(change, detector, content, &self.limits);
        self.tally.alert(alert.severity, alert.step);
        self.alerts.push(alert);
    }
}

/// The story, its noise written out.
fn story() -> anyhow::Result<Vec<Scene>> {
    let items: Vec<Map<String, Json>> =
        serde_json::from_str(STORY).context("the story cannot be read")?;
    let mut scenes = Vec::new();
    let mut murmur = 0;
    for item in items {
        for (key, value) in item {
            match (key.as_str(), value) {
                ("chapter", Json::String(text)) => scenes.push(Scene::Chapter(text)),
                ("raw", Json::String(text)) => scenes.push(Scene::Raw(text)),
                ("noise", Json::Number(count)) => {
                    for _ in 0..count.as_u64().unwrap_or_default() {
                        scenes.push(Scene::Event(noise(murmur)));
                        murmur += 1;
                    }
                }
                (key, Json::Object(body)) => {
                    let form = EventForm::ALL.into_iter().find(|form| form.as_str() == key);
                    let form = form.with_context(|| format!("`{key}` is no form of event"))?;
                    scenes.push(Scene::Event(CaseEvent { form, at: None, body }));
                }
                (key, _) => anyhow::bail!("the story has an unknown `{key}`"),
            }
        }
    }
    Ok(scenes)
}

fn noise(number: usize) -> CaseEvent {
    let (service, name) = NOISE[number % NOISE.len()];
    let account = if number.is_multiple_of(3) { ACCOUNTS[2].2 } else { ACCOUNTS[0].2 };
    let mut body = Map::new();
    body.insert("source".to_owned(), json!(format!("{service}.amazonaws.com")));
    body.insert("name".to_owned(), json!(name));
    body.insert("account".to_owned(), json!(account));
    if name.starts_with("Describe") || name.starts_with("Get") || name.starts_with("List") {
        body.insert("extra".to_owned(), json!({"readOnly": true}));
    }
    CaseEvent { form: EventForm::Aws, at: None, body }
}

/// When the demo began.
#[expect(clippy::disallowed_methods, reason = "`app` is the one room that reads a clock")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_story_reads_and_is_mostly_noise() {
        let scenes = story().expect("it reads");
        let events = scenes.iter().filter(|scene| !matches!(scene, Scene::Chapter(_))).count();
        assert!((150..400).contains(&events), "{events} events");
        assert!(scenes.iter().filter(|scene| matches!(scene, Scene::Chapter(_))).count() > 6);
    }
}
