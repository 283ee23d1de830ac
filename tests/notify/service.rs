//! The worker over real connections: tried again as often as it takes, and once where it is taken.

use std::sync::Arc;
use std::time::Duration;

use driftline::content::Content;
use driftline::log::memory::Memory;
use driftline::log::{
    Admin as _, Log as _, NewTopic, Outgoing, Producer as _, Promise, Protocol, To,
};
use driftline::model::Timestamp;
use driftline::notify::{
    Allow, Destination, Endpoint, Http, Lane, Notify, Rate, Reach, Route, Routes, Secret, Settings,
    Spec, Webhook,
};
use driftline::worker::{Body, Clock, Happening, Observer, Role};

use crate::receiver::{Manner, Receiver};

pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The log's time: no test waits for it.
struct Told(Memory);

impl Clock for Told {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

struct Deaf;

impl Observer for Deaf {
    fn happened(&self, _: Role, _: &Happening<'_>) {}
}

pub fn alert(id: &str, finding: &str) -> String {
    step_of((id, finding, "FW-001"), "opened", Timestamp::from_seconds(1_772_452_800))
}

/// An alert of a step at a time.
pub fn step_of((id, finding, detector): (&str, &str, &str), step: &str, time: Timestamp) -> String {
    serde_json::json!({
        "activity_id": 1, "severity_id": 4, "time": time.millis(),
        "message": "It is open.",
        "metadata": {"uid": id, "tenant_uid": "acme"},
        "finding_info": {"uid": finding, "title": "Open", "analytic": {"uid": detector}},
        "unmapped": {"driftline": {"step": step}},
    })
    .to_string()
}

pub fn log(alerts: &[String]) -> Memory {
    let log = Memory::new();
    log.tick(Timestamp::from_seconds(1_772_452_800));
    let mut admin = log.admin().expect("an admin");
    for name in ["alerts", "letters"] {
        let settings = Vec::new();
        let topic = NewTopic { name: name.to_owned(), partitions: 1, replicas: None, settings };
        admin.create(&topic, Duration::ZERO).expect("it is made");
    }
    produce(&log, alerts);
    log
}

pub fn produce(log: &Memory, alerts: &[String]) {
    let mut producer = log.producer(&Promise::Idempotent).expect("a producer");
    for value in alerts {
        let record = Outgoing {
            topic: "alerts",
            to: To::Key,
            key: None,
            value: Some(value.as_bytes()),
            headers: &[],
            time: log.now(),
            tag: 0,
        };
        producer.send(&record).expect("it is taken");
    }
    assert_eq!(producer.drain(Duration::ZERO), 0);
}

pub fn worker(log: &Memory, url: &str) -> Notify<Memory, Http> {
    let webhook = Webhook::new(&[Secret::new(SECRET)], None).expect("a secret");
    worker_to(log, url, Box::new(webhook))
}

pub fn worker_to(
    log: &Memory,
    url: &str,
    destination: Box<dyn Destination>,
) -> Notify<Memory, Http> {
    let allow = Allow { http: true, private: true };
    let spec = Spec {
        name: "hook".into(),
        destination,
        endpoints: vec![Endpoint::new(url, allow).expect("a URL")],
        rate: Rate::per_second(100),
        queue: 100,
        burst: 0,
        window: Duration::from_secs(60),
        give_up_after: Duration::from_secs(86_400),
    };
    let settings = Settings {
        alerts: "alerts".into(),
        deadletters: "letters".into(),
        group: "notify".to_owned(),
        name: None,
        protocol: Protocol::Classic,
        session: Duration::from_secs(600),
        silence: Duration::from_secs(600),
        batch_records: 100,
        batch_bytes: 1 << 20,
        patience: Duration::from_secs(1),
        commit_every: Duration::ZERO,
        letters: Body::Reference,
        mutant: None,
    };
    let timeout = Some(Duration::from_millis(400));
    let reach = Reach { allow, timeout, ..Reach::default() };
    let route = Route { to: vec![0], ..Route::default() };
    Notify::new(
        log.clone(),
        settings,
        (vec![Lane::new(spec)], Routes(vec![route])),
        Http::new(&[reach]).expect("it starts"),
        &Content::default(),
        (Arc::new(Told(log.clone())), Arc::new(Deaf)),
    )
}

#[test]
fn an_alert_is_tried_until_it_is_taken_under_one_id() {
    let receiver = Receiver::plain();
    for manner in [
        Manner::Status(500, Vec::new()),
        Manner::Never,
        Manner::Close,
        Manner::Status(429, vec![("retry-after", "3".to_owned())]),
        Manner::Status(302, vec![("location", "http://127.0.0.1:9/".to_owned())]),
    ] {
        receiver.next(manner);
    }
    let log = log(&[alert("a1", "f1"), alert("a2", "f1")]);
    let mut worker = worker(&log, &format!("http://127.0.0.1:{}/hook", receiver.port()));
    for _ in 0..400 {
        // Nothing but answers takes time.
        log.tick(log.now().plus(1_000_000));
        worker.turn(Duration::from_millis(20)).expect("it turns");
        if receiver.came().len() == 7 && worker.held() == 0 {
            break;
        }
    }
    let came = receiver.came();
    let ids: Vec<&str> = came.iter().map(|came| came.header("webhook-id")).collect();
    assert_eq!(ids, ["a1", "a1", "a1", "a1", "a1", "a1", "a2"]);
    assert!(came.iter().all(|came| came.body == came.body.trim()));
    assert_eq!(came[0].body, came[5].body);
    let times: Vec<&str> = came.iter().map(|came| came.header("webhook-timestamp")).collect();
    assert!(times.windows(2).all(|pair| pair[0] <= pair[1]) && times[0] != times[5], "{times:?}");
    worker.stop(Duration::ZERO).expect("it ends");
}
