//! The view of findings on a real Kafka: what a compacted topic with transactions in it comes to.
#![cfg(feature = "kafka")]

#[cfg(test)]
#[expect(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "only what finds a broker is used of it"
)]
#[path = "log_contract/stage.rs"]
mod stage;

use std::sync::Arc;
use std::time::Duration;

use driftline::log::{
    Admin as _, Log as _, NewTopic, Outgoing, Partition, Producer as _, Promise, To,
};
use driftline::model::Timestamp;
use driftline::web::health::{Health, SILENCE};
use driftline::web::view::{Settings, Standing, View, ViewStatus, Wanted, follow};
use driftline::worker::{Clock, Happening, Observer, Role};
use serde_json::json;
use stage::{Stage, WAIT, insist, unused};

struct Epoch;

impl Clock for Epoch {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }
}

struct Nobody;

impl Observer for Nobody {
    fn happened(&self, _: Role, _: &Happening<'_>) {}
}

fn standing(uid: &str) -> Vec<u8> {
    let standing = json!({
        "uid": uid, "tenant": "acme", "provider": "aws", "account": "1", "region": "", "kind": "k",
        "resource": "r", "subject": "s", "element": "", "severity": "high", "reasons": [],
        "opened": "2026-03-02T12:00:00Z", "seen": "2026-03-02T12:00:00Z", "episode": "", "steps": 1, "discovered": false, "told": true,
    });
    let whole: Standing = serde_json::from_value(standing).expect("it has every member");
    serde_json::to_vec(&whole).expect("JSON")
}

#[test]
fn the_view_on_a_real_broker_shows_what_was_committed_and_still_stands() {
    let Some(stage) = Stage::kafka() else { return };
    let (findings, alerts) = (unused("findings"), unused("alerts"));
    let mut admin = stage.log.admin().expect("an admin");
    for (name, cleanup) in [(&findings, "compact"), (&alerts, "delete")] {
        let settings = vec![("cleanup.policy".to_owned(), cleanup.to_owned())];
        let topic = NewTopic { name: name.clone(), partitions: 4, replicas: Some(1), settings };
        insist(|| admin.create(&topic, WAIT));
    }
    let view = Arc::new(View::default());
    let health = Health::new(Arc::new(Epoch), SILENCE);
    let following = follow(
        stage.other.clone(),
        Settings::of(&findings, &alerts),
        Arc::clone(&view),
        Arc::new(|value: &[u8]| serde_json::from_slice(value).ok()),
        health.watch(Role::Web, Arc::new(Nobody)),
    )
    .expect("a thread");

    let promise = Promise::Transactional { id: unused("id"), timeout: Duration::from_secs(10) };
    let mut producer = stage.log.producer(&promise).expect("a producer");
    insist(|| producer.init(WAIT));
    let uids = ["a", "b", "c", "d"];
    let send = |producer: &mut driftline::log::kafka::KafkaProducer, topic: &str, uid: &str, on| {
        let value = standing(uid);
        let record = Outgoing {
            topic,
            to: To::Partition(Partition(u32::from(uid.as_bytes()[0] - b'a'))),
            key: Some(uid.as_bytes()),
            value: if on { Some(&value) } else { None },
            headers: &[("ce_id", b"1")],
            time: Timestamp(1_772_000_000_000_000),
            tag: 0,
        };
        insist(|| producer.send(&record));
    };
    for (standing, commits) in [(true, true), (false, false), (false, true)] {
        producer.begin().expect("begun");
        for uid in &uids[..if standing { 4 } else { 2 }] {
            send(&mut producer, &findings, uid, standing);
        }
        send(&mut producer, &alerts, "a", true);
        while producer.drain(WAIT) > 0 {}
        if commits {
            producer.commit().expect("committed");
        } else {
            producer.abort(WAIT).expect("aborted");
        }
    }
    let done = |status: ViewStatus| status.current && status.findings == 2 && status.alerts == 2;
    while !done(view.status()) {
        std::thread::yield_now();
    }
    let page = view.page(&Wanted::default(), None, 10);
    let shown: Vec<&str> = page.findings.iter().map(|standing| &*standing.uid).collect();
    assert_eq!(shown, ["c", "d"]);
    assert!(health.readiness().ready);
    drop(following);
}
