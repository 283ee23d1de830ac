//! What one destination's trouble does to the others, to memory, and to a restart.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::{Lane, Notify};
use super::fake::{Fake, Moods, Outside};
use super::lab;
use super::sim::{
    ALERTS, LETTERS, NOW, PARTITIONS, Told, cluster, committed, lane, nothing_ahead, process,
    produce, read,
};
use crate::log::memory::Memory;
use crate::model::Step;

const DAY: Duration = Duration::from_secs(86_400);

fn one(number: usize) -> Told {
    let (id, finding) = (format!("a{number}"), format!("f{number}"));
    let value = lab::record(&id, &finding, Step::Opened);
    Told { id, finding, partition: u32::from(number % 2 == 1), value }
}

fn turns(worker: &mut Notify<Memory, Fake>, cluster: &Memory, count: usize) {
    for _ in 0..count {
        cluster.tick(cluster.now().plus(200_000));
        worker.turn(NOW).expect("it turns");
    }
}

fn mood(outside: &Arc<Mutex<Outside>>, lane: usize, moods: Moods) {
    outside.lock().expect("nobody panicked").moods.insert(lane, moods);
}

fn took(outside: &Arc<Mutex<Outside>>, lane: usize) -> usize {
    outside.lock().expect("nobody panicked").ids(lane).into_iter().collect::<BTreeSet<_>>().len()
}

fn repeated(outside: &Arc<Mutex<Outside>>, lane: usize) -> usize {
    let all = outside.lock().expect("nobody panicked").ids(lane).len();
    all - took(outside, lane)
}

#[test]
fn a_destination_that_is_dead_for_long_holds_back_none_and_no_memory() {
    let (cluster, outside) = (cluster(), Outside::seeded(1));
    let lanes = vec![lane(0, 8, DAY), lane(1, 8, DAY)];
    let mut worker = process(&cluster.process(), &outside, lanes, None, 1);
    mood(&outside, 0, Moods::DEAD);
    let all: Vec<Told> = (0..400).map(one).collect();
    for part in all.chunks(20) {
        produce(&cluster, part);
        for _ in 0..100 {
            turns(&mut worker, &cluster, 1);
            assert!(worker.held() <= 16, "{}", worker.held());
        }
    }
    turns(&mut worker, &cluster, 500);
    assert_eq!(took(&outside, 1), 400, "the other was told everything");
    assert_eq!(took(&outside, 0), 0);
    assert_eq!(committed(&cluster), Some(vec![0, 0]), "and nothing of it is forgotten");
    // It comes back, and is told what was never in memory, in order; the other nothing twice.
    mood(&outside, 0, Moods::default());
    for _ in 0..4_000 {
        cluster.tick(cluster.now().plus(1_000_000));
        worker.turn(NOW).expect("it turns");
    }
    assert_eq!(took(&outside, 0), 400);
    assert_eq!(repeated(&outside, 1), 0);
    nothing_ahead(&cluster, &outside, &all).expect_err("the third destination is not there");
    assert!(committed(&cluster).expect("committed").iter().all(|next| *next >= 200));
}

#[test]
fn a_restart_during_an_outage_repeats_nothing_at_the_healthy() {
    let (cluster, outside) = (cluster(), Outside::seeded(1));
    mood(&outside, 0, Moods::DEAD);
    produce(&cluster, &(0..100).map(one).collect::<Vec<_>>());
    let log = cluster.process();
    let mut worker = process(&log, &outside, vec![lane(0, 8, DAY), lane(1, 8, DAY)], None, 1);
    turns(&mut worker, &cluster, 600);
    assert_eq!(took(&outside, 1), 100);
    log.crash();
    drop(worker);
    cluster.tick(cluster.now().plus(60_000_000));
    let next = cluster.process();
    let mut worker = process(&next, &outside, vec![lane(0, 8, DAY), lane(1, 8, DAY)], None, 2);
    turns(&mut worker, &cluster, 600);
    assert_eq!(repeated(&outside, 1), 0, "it goes on where it was");
    mood(&outside, 0, Moods::default());
    for _ in 0..2_000 {
        cluster.tick(cluster.now().plus(1_000_000));
        worker.turn(NOW).expect("it turns");
    }
    assert_eq!(took(&outside, 0), 100, "nothing is lost");
}

#[test]
fn a_destination_that_is_new_is_not_told_the_past() {
    let (cluster, outside) = (cluster(), Outside::seeded(1));
    produce(&cluster, &(0..20).map(one).collect::<Vec<_>>());
    let worker = |lanes: Vec<Lane>| process(&cluster.process(), &outside, lanes, None, 1);
    let mut first = worker(vec![lane(0, 8, DAY)]);
    turns(&mut first, &cluster, 100);
    first.stop(NOW).expect("it ends");
    let mut second = worker(vec![lane(0, 8, DAY), lane(1, 8, DAY)]);
    turns(&mut second, &cluster, 100);
    assert_eq!((took(&outside, 0), took(&outside, 1)), (20, 0));
    assert_eq!(repeated(&outside, 0), 0);
    produce(&cluster, &(20..30).map(one).collect::<Vec<_>>());
    turns(&mut second, &cluster, 200);
    assert_eq!((took(&outside, 0), took(&outside, 1)), (30, 10));
}

#[test]
fn an_alert_that_is_never_taken_holds_back_none_and_is_given_up() {
    let (cluster, outside) = (cluster(), Outside::seeded(1));
    outside.lock().expect("nobody panicked").poison.push("a3".to_owned());
    produce(&cluster, &(0..60).map(one).collect::<Vec<_>>());
    let lanes = vec![lane(0, 8, Duration::from_secs(3_600))];
    let mut worker = process(&cluster.process(), &outside, lanes, None, 1);
    turns(&mut worker, &cluster, 600);
    assert_eq!(took(&outside, 0), 59);
    assert_eq!(read(&cluster, LETTERS, 1).len(), 0);
    cluster.tick(cluster.now().plus(3_600_000_000));
    turns(&mut worker, &cluster, 20);
    let letters = read(&cluster, LETTERS, 1);
    assert_eq!(letters.len(), 1, "{letters:#?}");
    let (_, _, value, headers) = &letters[0];
    for (name, due) in [
        ("driftline-reason", "destination_failed"),
        ("driftline-detail", "hook: it answered 500"),
        ("driftline-topic", ALERTS),
        ("driftline-partition", "1"),
    ] {
        assert_eq!(headers.get(name).map(String::as_str), Some(due));
    }
    let offset = &headers["driftline-offset"];
    let stood = read(&cluster, ALERTS, PARTITIONS);
    let stood = stood.iter().find(|(p, at, ..)| *p == 1 && at.to_string() == *offset);
    assert_eq!(stood.map(|(_, _, value, _)| value.clone()), Some(one(3).value));
    assert!(String::from_utf8_lossy(value).contains("sha256"), "by default it is a reference");
}

#[test]
fn a_refusal_is_final_and_told_once() {
    let (cluster, outside) = (cluster(), Outside::seeded(1));
    mood(&outside, 0, Moods { refuse: 100, ..Moods::default() });
    produce(&cluster, &(0..10).map(one).collect::<Vec<_>>());
    let mut worker = process(&cluster.process(), &outside, vec![lane(0, 8, DAY)], None, 1);
    turns(&mut worker, &cluster, 200);
    let letters = read(&cluster, LETTERS, 1);
    assert_eq!(letters.len(), 10);
    let reasons: BTreeSet<&str> =
        letters.iter().map(|(_, _, _, headers)| headers["driftline-reason"].as_str()).collect();
    assert_eq!(reasons.into_iter().collect::<Vec<_>>(), ["destination_refused"]);
    let sent = outside.lock().expect("nobody panicked").sent[&0].len();
    assert_eq!(sent, 10, "it is not tried again");
}
