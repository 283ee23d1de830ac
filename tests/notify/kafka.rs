//! The worker on a real Kafka: seeks, pauses, and how far each destination got.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use driftline::content::Content;
use driftline::log::kafka::Kafka;
use driftline::log::{
    Admin as _, Isolation, Log as _, NewTopic, Outgoing, Partition, Producer as _, Promise,
    Protocol, To, TopicPartition,
};
use driftline::model::Timestamp;
use driftline::notify::{
    Allow, Endpoint, Http, Lane, Notify, Rate, Reach, Route, Routes, Secret, Settings, Spec,
    Webhook,
};
use driftline::worker::{Body, Clock, Happening, Observer, Role};

use crate::receiver::{Manner, Receiver};
use crate::stage::{Stage, WAIT, insist, unused};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ALL: Allow = Allow { http: true, private: true };
const COUNT: usize = 200;
const PARTITIONS: u32 = 3;

/// The wall clock.
struct Wall;

impl Clock for Wall {
    #[expect(clippy::disallowed_methods, reason = "the broker goes by the wall clock")]
    fn now(&self) -> Timestamp {
        Timestamp(jiff::Timestamp::now().as_microsecond())
    }
}

struct Deaf;

impl Observer for Deaf {
    fn happened(&self, _: Role, _: &Happening<'_>) {}
}

/// The topics and the group of one test.
struct Names {
    alerts: String,
    letters: String,
    group: String,
}

fn lane(name: &str, receiver: &Receiver) -> Lane {
    let url = format!("http://127.0.0.1:{}/", receiver.port());
    Lane::new(Spec {
        name: name.into(),
        destination: Box::new(Webhook::new(&[Secret::new(SECRET)], None).expect("a secret")),
        endpoints: vec![Endpoint::new(&url, ALL).expect("a URL")],
        rate: Rate::per_second(1_000),
        queue: 16,
        burst: 0,
        window: Duration::from_secs(60),
        give_up_after: Duration::from_secs(86_400),
    })
}

fn worker(log: &Kafka, names: &Names, to: [(&str, &Receiver); 2]) -> Notify<Kafka, Http> {
    let settings = Settings {
        alerts: names.alerts.as_str().into(),
        deadletters: names.letters.as_str().into(),
        group: names.group.clone(),
        name: None,
        protocol: Protocol::Classic,
        session: Duration::from_secs(10),
        silence: Duration::from_secs(300),
        batch_records: 50,
        batch_bytes: 1 << 20,
        patience: WAIT,
        commit_every: Duration::from_millis(200),
        letters: Body::Reference,
        mutant: None,
    };
    let reach = Reach { allow: ALL, ..Reach::default() };
    let lanes = to.map(|(name, receiver)| lane(name, receiver)).into();
    let route = Route { to: vec![0, 1], ..Route::default() };
    Notify::new(
        log.clone(),
        settings,
        (lanes, Routes(vec![route])),
        Http::new(&[reach.clone(), reach]).expect("it starts"),
        &Content::default(),
        (Arc::new(Wall), Arc::new(Deaf)),
    )
}

/// Turns until that holds, no longer than a minute.
fn until(worker: &mut Notify<Kafka, Http>, holds: impl Fn() -> bool) {
    let end = Wall.now().plus(60_000_000);
    while !holds() {
        assert!(Wall.now() < end, "it takes too long");
        worker.turn(Duration::from_millis(50)).expect("it turns");
        assert!(worker.held() <= 32, "{}", worker.held());
    }
}

fn alerts(receiver: &Receiver) -> Vec<String> {
    receiver.took().iter().map(|came| came.header("webhook-id").to_owned()).collect()
}

fn distinct(receiver: &Receiver) -> usize {
    alerts(receiver).into_iter().collect::<BTreeSet<_>>().len()
}

/// Writes alerts in transactions.
fn produce(log: &Kafka, names: &Names) {
    let promise = Promise::Transactional { id: unused("alerts"), timeout: WAIT };
    let mut producer = log.producer(&promise).expect("a producer");
    insist(|| producer.init(WAIT));
    for part in 0..COUNT / 20 {
        producer.begin().expect("it begins");
        for number in part * 20..(part + 1) * 20 {
            let value = serde_json::json!({
                "activity_id": 1, "severity_id": 4, "time": 1_772_452_800_000_i64,
                "message": "It is open.",
                "metadata": {"uid": format!("a{number}"), "tenant_uid": "acme"},
                "finding_info": {"uid": format!("f{number}"), "title": "Open",
                    "analytic": {"uid": "FW-001"}},
            })
            .to_string();
            let partition = u32::try_from(number).expect("few") % PARTITIONS;
            let record = Outgoing {
                topic: &names.alerts,
                to: To::Partition(Partition(partition)),
                key: None,
                value: Some(value.as_bytes()),
                headers: &[],
                time: Wall.now(),
                tag: 0,
            };
            producer.send(&record).expect("it is taken");
        }
        assert_eq!(producer.drain(WAIT), 0);
        producer.commit().expect("it commits");
    }
}

#[test]
fn on_a_real_broker_a_dead_destination_holds_back_none_and_a_restart_repeats_nothing() {
    let Some(stage) = Stage::kafka() else { return };
    let log = stage.log.clone();
    let names =
        Names { alerts: unused("alerts"), letters: unused("letters"), group: unused("notify") };
    let mut admin = log.admin().expect("an admin");
    for (name, partitions) in [(&names.alerts, PARTITIONS), (&names.letters, 1)] {
        let settings = Vec::new();
        let topic = NewTopic { name: name.clone(), partitions, replicas: Some(1), settings };
        insist(|| admin.create(&topic, WAIT));
    }
    produce(&log, &names);
    let (dead, well) = (Receiver::plain(), Receiver::plain());
    dead.always(Some(Manner::Status(500, Vec::new())));
    let mut first = worker(&log, &names, [("dead", &dead), ("well", &well)]);
    until(&mut first, || distinct(&well) == COUNT);
    assert_eq!((alerts(&dead).len(), alerts(&well).len()), (0, COUNT));
    first.stop(WAIT).expect("it ends");
    let mut second = worker(&log, &names, [("dead", &dead), ("well", &well)]);
    let tried = dead.came().len();
    until(&mut second, || dead.came().len() > tried);
    dead.always(None);
    until(&mut second, || distinct(&dead) == COUNT);
    assert_eq!(alerts(&well).len(), COUNT, "it goes on where it was");
    // The ends of transactions are gone past as well.
    let all: Vec<_> = (0..PARTITIONS).map(|n| TopicPartition::new(&names.alerts, n)).collect();
    let done = || {
        let mut admin = log.admin().expect("an admin");
        let committed = insist(|| admin.committed(&names.group, &all, WAIT));
        all.iter().zip(committed).all(|(of, committed)| {
            let end = insist(|| admin.bounds(of, Isolation::Committed, WAIT)).end;
            committed.is_some_and(|committed| committed.next == end)
        })
    };
    until(&mut second, done);
    second.stop(WAIT).expect("it ends");
}
