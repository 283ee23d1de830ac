//! What is open is told to Alertmanager again and again, over restarts, until it is over.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use super::super::Notify;
use super::fake::{Fake, Outside};
use super::lab;
use super::sim::{NOW, Told, after, cluster, lane, process, produce};
use crate::log::memory::Memory;
use crate::model::{Severity, Step, Timestamp};

const DAY: Duration = Duration::from_secs(86_400);

fn told(id: &str, finding: &str, step: Step) -> Told {
    let value = lab::record(id, finding, step);
    Told { id: id.to_owned(), finding: finding.to_owned(), partition: 0, value }
}

/// The worker alone with one Alertmanager.
fn start(cluster: &Memory, outside: &Arc<Mutex<Outside>>) -> (Memory, Notify<Memory, Fake>) {
    let log = cluster.process();
    let worker = process(&log, outside, vec![lane(2, 100, DAY)], None, 1);
    (log, worker)
}

/// Turns every second until then.
fn until(worker: &mut Notify<Memory, Fake>, cluster: &Memory, end: Timestamp) {
    while cluster.now() < end {
        cluster.tick(cluster.now().plus(1_000_000));
        worker.turn(NOW).expect("it turns");
    }
}

/// What was sent since the last look: findings, severities, and seconds from then to their end.
fn sent(outside: &Arc<Mutex<Outside>>, now: Timestamp) -> Vec<(String, String, bool)> {
    let bodies = std::mem::take(&mut outside.lock().expect("nobody panicked").sent);
    let alerts = bodies.into_values().flatten().flat_map(|body| match body {
        Value::Array(alerts) => alerts,
        other => panic!("{other}"),
    });
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    alerts
        .map(|alert| {
            let end = Timestamp::parse_rfc3339(&text(&alert["endsAt"])).expect("a time");
            let labels = &alert["labels"];
            (text(&labels["finding"]), text(&labels["severity"]), end > now)
        })
        .collect()
}

fn fires(finding: &str) -> (String, String, bool) {
    (finding.to_owned(), "high".to_owned(), true)
}

#[test]
fn what_is_open_is_told_every_minute_until_it_is_over() {
    let (cluster, outside) = (cluster(), Outside::seeded(1));
    let (_, mut worker) = start(&cluster, &outside);
    produce(&cluster, &[told("a1", "f1", Step::Opened), told("a2", "f2", Step::Opened)]);
    until(&mut worker, &cluster, after(50));
    assert_eq!(sent(&outside, cluster.now()), [fires("f1"), fires("f2")]);
    until(&mut worker, &cluster, after(130));
    let again = [fires("f1"), fires("f2")];
    assert_eq!(sent(&outside, cluster.now()), [again.clone(), again.clone()].concat());
    produce(&cluster, &[told("a3", "f1", Step::Resolved)]);
    until(&mut worker, &cluster, after(140));
    assert_eq!(sent(&outside, cluster.now()), [("f1".to_owned(), "high".to_owned(), false)]);
    until(&mut worker, &cluster, after(330));
    let rest = sent(&outside, cluster.now());
    assert!(rest.len() >= 3 && rest.iter().all(|one| *one == fires("f2")), "{rest:?}");
}

#[test]
fn a_restart_remembers_what_is_open_from_the_topic() {
    let (cluster, outside) = (cluster(), Outside::seeded(1));
    let (log, mut worker) = start(&cluster, &outside);
    produce(&cluster, &[told("a1", "f1", Step::Opened), told("a2", "f2", Step::Opened)]);
    produce(&cluster, &[told("a3", "f1", Step::Resolved)]);
    until(&mut worker, &cluster, after(30));
    log.crash();
    drop(worker);
    sent(&outside, cluster.now());
    cluster.tick(after(90));
    let (_, mut worker) = start(&cluster, &outside);
    until(&mut worker, &cluster, after(110));
    assert_eq!(sent(&outside, cluster.now()), [fires("f2")], "at once, and nothing else");
    until(&mut worker, &cluster, after(175));
    assert_eq!(sent(&outside, cluster.now()), [fires("f2")]);
}

#[test]
fn a_severity_that_changes_ends_the_alert_that_it_was() {
    let (cluster, outside) = (cluster(), Outside::seeded(1));
    let (_, mut worker) = start(&cluster, &outside);
    produce(&cluster, &[told("a1", "f1", Step::Opened)]);
    until(&mut worker, &cluster, after(10));
    sent(&outside, cluster.now());
    let mut worse: Value =
        serde_json::from_slice(&lab::record("a2", "f1", Step::Updated)).expect("JSON");
    worse["severity_id"] = Value::from(Severity::Critical.ocsf());
    let value = worse.to_string().into_bytes();
    produce(&cluster, &[Told { value, ..told("a2", "f1", Step::Updated) }]);
    until(&mut worker, &cluster, after(20));
    let critical = ("f1".to_owned(), "critical".to_owned(), true);
    let ended = ("f1".to_owned(), "high".to_owned(), false);
    assert_eq!(sent(&outside, cluster.now()), [ended, critical.clone()]);
    until(&mut worker, &cluster, after(85));
    assert_eq!(sent(&outside, cluster.now()), [critical]);
}
