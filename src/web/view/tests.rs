//! The view follows a log in memory, through what goes wrong there.

use super::*;
use crate::log::memory::{Fault, Memory};
use crate::log::{
    Admin as _, Call, Log as _, LogError, NewTopic, Offset, Outgoing, Partition, Producer as _,
    Promise, To, TopicPartition,
};
use crate::model::Timestamp;
use crate::web::health::{Health, SILENCE};
use crate::worker::{Clock, Happening, Observer, Role};
use std::time::Duration;

const NOW: Duration = Duration::ZERO;
const FINDINGS: &str = "driftline.findings";
const ALERTS: &str = "driftline.alerts";

struct Nobody;

impl Observer for Nobody {
    fn happened(&self, _: Role, _: &Happening<'_>) {}
}

struct Epoch;

impl Clock for Epoch {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }
}

fn standing(uid: &str) -> Standing {
    Standing {
        uid: uid.into(),
        tenant: "acme".into(),
        provider: "aws".into(),
        account: "111122223333".into(),
        region: "".into(),
        kind: "network.security_group".into(),
        resource: "sg-1".into(),
        subject: "x".into(),
        element: "".into(),
        severity: "high".into(),
        reasons: Box::new([StandingReason {
            detector: "FW-001".into(),
            severity: "high".into(),
            since: Timestamp::from_seconds(1_767_225_600),
            provisional: false,
            assumptions: Box::default(),
        }]),
        opened: Timestamp::from_seconds(1_767_225_600),
        seen: Timestamp::from_seconds(1_767_225_600),
        episode: "e".into(),
        steps: 1,
        discovered: false,
        told: true,
    }
}

struct Stage {
    log: Memory,
    view: Arc<View>,
    health: Arc<Health>,
    follow: Follow<Memory>,
}

fn topic(log: &Memory, name: &str, partitions: u32, cleanup: &str) {
    let settings = vec![("cleanup.policy".to_owned(), cleanup.to_owned())];
    let topic = NewTopic { name: name.to_owned(), partitions, replicas: None, settings };
    log.admin().expect("an admin").create(&topic, NOW).expect("it is made");
}

/// Of a log without topics.
fn bare() -> Stage {
    let (log, view) = (Memory::new(), Arc::new(View::default()));
    let health = Health::new(Arc::new(Epoch), SILENCE);
    let observer = health.watch(Role::Web, Arc::new(Nobody));
    let decode: Arc<Decode> = Arc::new(|value| serde_json::from_slice(value).ok());
    // The view is another process than those that write.
    let follow = Follow::new(
        log.process(),
        Settings { wait: NOW, patience: NOW, ..Settings::of(FINDINGS, ALERTS) },
        Arc::clone(&view),
        decode,
        observer,
    );
    Stage { log, view, health, follow }
}

fn stage() -> Stage {
    let stage = bare();
    topic(&stage.log, FINDINGS, 2, "compact");
    topic(&stage.log, ALERTS, 2, "delete");
    stage
}

impl Stage {
    fn send(&self, topic: &str, partition: u32, key: &str, value: Option<&[u8]>) {
        let mut producer = self.log.producer(&Promise::Idempotent).expect("a producer");
        put(&mut producer, topic, partition, key, value);
        assert!(producer.failures().is_empty());
    }

    fn stand(&self, partition: u32, uid: &str) {
        let value = serde_json::to_vec(&standing(uid)).expect("JSON");
        self.send(FINDINGS, partition, uid, Some(&value));
    }

    /// Turns often enough for all there is.
    fn turns(&mut self) {
        for _ in 0..40 {
            self.follow.turn();
        }
    }

    fn uids(&self) -> Vec<String> {
        let page = self.view.page(&Wanted::default(), None, MAX_PAGE);
        page.findings.iter().map(|standing| standing.uid.to_string()).collect()
    }

    fn condition(&self) -> &'static str {
        self.health.workers()[0].condition
    }
}

fn put(
    producer: &mut crate::log::memory::MemoryProducer,
    topic: &str,
    partition: u32,
    key: &str,
    value: Option<&[u8]>,
) {
    let headers: &[(&str, &[u8])] = &[
        ("ce_id", key.as_bytes()),
        ("ce_tenant", b"acme"),
        ("ce_severity", b"high"),
        ("content-type", b"application/json"),
    ];
    let record = Outgoing {
        topic,
        to: To::Partition(Partition(partition)),
        key: Some(key.as_bytes()),
        value,
        headers,
        time: Timestamp(0),
        tag: 0,
    };
    producer.send(&record).expect("taken");
    producer.drain(NOW);
}

#[test]
fn findings_stand_until_their_tombstone() {
    let mut stage = stage();
    stage.stand(0, "a");
    stage.stand(1, "b");
    stage.turns();
    assert_eq!(stage.uids(), ["a", "b"]);
    assert!(stage.view.status().current);
    assert_eq!(stage.condition(), "working");

    stage.send(FINDINGS, 0, "a", None);
    stage.stand(1, "c");
    stage.turns();
    assert_eq!(stage.uids(), ["b", "c"]);
    assert_eq!(stage.view.finding("a"), None);
}

#[test]
fn what_a_transaction_took_back_is_never_shown() {
    let mut stage = stage();
    let timeout = Duration::from_secs(10);
    let promise = Promise::Transactional { id: "id".to_owned(), timeout };
    let mut producer = stage.log.producer(&promise).expect("a producer");
    while let Err(LogError::Retry(_)) = producer.init(NOW) {}
    let value = serde_json::to_vec(&standing("a")).expect("JSON");
    producer.begin().expect("begun");
    put(&mut producer, FINDINGS, 0, "a", Some(&value));
    stage.turns();
    assert!(stage.uids().is_empty());
    producer.abort(NOW).expect("aborted");
    stage.turns();
    assert!(stage.uids().is_empty());
}

#[test]
fn it_waits_for_its_topics_and_then_for_all_that_stood_in_them() {
    let mut stage = bare();
    assert_eq!(stage.follow.turn(), Turn::Pause);
    assert_eq!((stage.condition(), stage.view.status().current), ("joining", false));
    topic(&stage.log, FINDINGS, 1, "compact");
    topic(&stage.log, ALERTS, 1, "delete");
    stage.stand(0, "a");
    stage.stand(0, "b");
    stage.follow.turn();
    while stage.uids().len() < 2 {
        assert_eq!((stage.condition(), stage.view.status().current), ("restoring", false));
        stage.follow.turn();
    }
    assert_eq!((stage.condition(), stage.view.status().current), ("working", true));
}

#[test]
fn a_broker_that_is_away_leaves_what_was_shown_and_says_so() {
    let mut stage = stage();
    stage.stand(0, "a");
    stage.turns();
    stage.log.fail_next(Call::Poll, Fault::Refuse);
    assert_eq!(stage.follow.turn(), Turn::Pause);
    assert_eq!((stage.condition(), stage.view.status().current), ("stranded", false));
    assert_eq!(stage.uids(), ["a"]);

    // It stays so while nobody answers.
    stage.log.fail_next(Call::Describe, Fault::Refuse);
    assert_eq!(stage.follow.turn(), Turn::Pause);
    assert_eq!(stage.condition(), "stranded");
    stage.stand(0, "b");
    stage.turns();
    assert_eq!(stage.uids(), ["a", "b"]);
    assert_eq!(stage.condition(), "working");
}

#[test]
fn a_finding_whose_tombstone_was_missed_is_gone_once_all_was_read_again() {
    let mut stage = stage();
    stage.stand(0, "a");
    stage.stand(0, "b");
    stage.turns();
    // Everything up to here is deleted, as if compaction had taken record and tombstone alike;
    // what the view reads next is not there.
    stage.send(FINDINGS, 0, "a", None);
    stage.stand(0, "b");
    let of = TopicPartition::new(FINDINGS, 0);
    let mut admin = stage.log.admin().expect("an admin");
    admin.trim(&of, Offset(3), NOW).expect("trimmed");
    assert_eq!(stage.follow.turn(), Turn::Pause, "a hole");
    assert_eq!(stage.uids(), ["a", "b"], "shown until it is known better");
    stage.turns();
    assert_eq!(stage.uids(), ["b"]);
    assert_eq!(stage.condition(), "working");
}

#[test]
fn a_record_that_cannot_be_read_is_counted_and_its_finding_is_not_shown() {
    let mut stage = stage();
    stage.stand(0, "a");
    stage.send(FINDINGS, 0, "a", Some(b"\xff"));
    // A value that is another finding's.
    let other = serde_json::to_vec(&standing("c")).expect("JSON");
    stage.send(FINDINGS, 0, "b", Some(&other));
    stage.turns();
    assert!(stage.uids().is_empty());
    assert_eq!(stage.view.status().unreadable, 2);
    assert_eq!(stage.condition(), "working");
}

#[test]
fn findings_beyond_the_maximum_are_counted_until_they_end() {
    let mut stage = stage();
    stage.turns();
    for number in 0..MAX_FINDINGS {
        let uid = format!("filler-{number}");
        let kept = Kept { reading: 1, standing: Arc::new(standing(&uid)) };
        stage.view.findings.insert(uid.into(), kept);
    }
    stage.stand(0, "a");
    stage.stand(0, "a");
    stage.stand(1, "b");
    stage.turns();
    let counts = |stage: &Stage| {
        let status = stage.view.status();
        (status.findings, status.beyond)
    };
    assert_eq!(counts(&stage), (MAX_FINDINGS, 2));
    assert_eq!(stage.view.finding("a"), None);
    // One that is kept goes on being kept; one that ended makes room for the next that is told.
    stage.stand(0, "filler-0");
    stage.send(FINDINGS, 0, "a", None);
    stage.send(FINDINGS, 0, "filler-1", None);
    stage.turns();
    assert_eq!(counts(&stage), (MAX_FINDINGS - 1, 1));
    stage.stand(1, "b");
    stage.turns();
    assert_eq!(counts(&stage), (MAX_FINDINGS, 0));
}

#[test]
fn pages_in_order_hold_every_finding_once_and_only_what_is_wanted() {
    let view = View::default();
    for number in 0..250 {
        let mut standing = standing(&format!("{number:03}"));
        if number % 2 == 0 {
            standing.tenant = "globex".into();
        }
        if number % 5 == 0 {
            standing.severity = "low".into();
            standing.reasons[0].detector = "ID-001".into();
        }
        let uid = Arc::clone(&standing.uid);
        view.findings.insert(uid, Kept { reading: 0, standing: Arc::new(standing) });
    }
    let text = |text: &str| Some(text.to_owned());
    for (wanted, limit, count) in [
        (Wanted::default(), 7, 250),
        (Wanted::default(), 250, 250),
        (Wanted { tenant: text("acme"), ..Wanted::default() }, 10, 125),
        (Wanted { severity: text("low"), ..Wanted::default() }, 50, 50),
        (Wanted { detector: text("ID-001"), tenant: text("globex"), ..Wanted::default() }, 1, 25),
        (Wanted { tenant: text("nobody"), ..Wanted::default() }, 10, 0),
    ] {
        let (mut all, mut after, mut pages) = (Vec::new(), None::<String>, 0);
        loop {
            let page = view.page(&wanted, after.as_deref(), limit);
            assert!(
                page.findings.len() <= limit && page.findings.iter().all(|s| wanted.is_met_by(s))
            );
            all.extend(page.findings.iter().map(|standing| standing.uid.clone()));
            pages += 1;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(all.len(), count, "{wanted:?}");
        assert!(all.is_sorted_by(|left, right| left < right));
        assert_eq!(pages, count.div_ceil(limit).max(1), "{wanted:?}");
    }
}

#[test]
fn the_last_alerts_are_kept_newest_first_and_no_more() {
    let mut stage = stage();
    for number in 0..MAX_ALERTS + 5 {
        stage.log.tick(Timestamp::from_seconds(i64::try_from(number).expect("small")));
        let body = format!("{{\"n\": {number}}}");
        let partition = u32::from(number % 2 == 0);
        stage.send(ALERTS, partition, &number.to_string(), Some(body.as_bytes()));
    }
    for _ in 0..2 * MAX_ALERTS {
        stage.follow.turn();
    }
    assert_eq!(stage.view.status().alerts, MAX_ALERTS);
    let alerts = stage.view.alerts(&Wanted::default(), 2);
    assert_eq!(alerts.len(), 2);
    let whole = alerts[0].alert.as_ref().expect("JSON");
    assert_eq!(
        (whole.get(), &*alerts[0].tenant, &*alerts[0].id),
        ("{\"n\": 1004}", "acme", "1004")
    );
    let none = Wanted { tenant: Some("globex".to_owned()), ..Wanted::default() };
    assert!(stage.view.alerts(&none, 2).is_empty());
}

#[test]
fn an_alert_that_is_no_json_or_too_large_is_told_by_its_headers() {
    let mut stage = stage();
    let large = format!("\"{}\"", "x".repeat(MAX_ALERT_BYTES));
    for (key, value) in [("proto", &b"\x0a\xff"[..]), ("large", large.as_bytes())] {
        stage.send(ALERTS, 0, key, Some(value));
    }
    stage.turns();
    let alerts = stage.view.alerts(&Wanted::default(), 10);
    assert_eq!(alerts.len(), 2);
    for alert in alerts {
        assert!(alert.alert.is_none() && alert.severity == "high", "{alert:?}");
    }
}

#[test]
fn a_thread_follows_until_it_is_dropped() {
    let log = Memory::waiting();
    topic(&log, FINDINGS, 1, "compact");
    topic(&log, ALERTS, 1, "delete");
    let view = Arc::new(View::default());
    let health = Health::new(Arc::new(Epoch), SILENCE);
    let following = follow(
        log.process(),
        Settings::of(FINDINGS, ALERTS),
        Arc::clone(&view),
        Arc::new(|value: &[u8]| serde_json::from_slice(value).ok()),
        health.watch(Role::Web, Arc::new(Nobody)),
    )
    .expect("a thread");
    let mut producer = log.producer(&Promise::Idempotent).expect("a producer");
    let value = serde_json::to_vec(&standing("a")).expect("JSON");
    put(&mut producer, FINDINGS, 0, "a", Some(&value));
    while view.finding("a").is_none() {
        std::thread::yield_now();
    }
    drop(following);
    assert_eq!(health.workers()[0].condition, "stopped");
}

#[test]
fn names_that_findings_share_are_there_once_however_many_others_come() {
    let mut names = Names::default();
    let mut shared = |standing: &mut Standing| names.share(standing);
    let (mut one, mut other) = (standing("a"), standing("b"));
    shared(&mut one);
    shared(&mut other);
    assert!(Arc::ptr_eq(&one.tenant, &other.tenant));
    assert!(Arc::ptr_eq(&one.severity, &other.reasons[0].severity));
    for number in 0..MAX_NAMES {
        shared(&mut Standing { account: number.to_string().into(), ..standing("c") });
    }
    assert!(names.0.len() <= MAX_NAMES + 8, "{} names are remembered", names.0.len());
    assert_eq!(one, standing("a"));
}
