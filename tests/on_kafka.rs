//! The service on a real Kafka, as a user runs it: processes are killed, stopped and started while
//! records come in. An independent reader counts what was told; the truth is `driftline replay`.
//!
//! Needs `DRIFTLINE_KAFKA` (`scripts/kafka run cargo test --test on_kafka`); in CI a missing broker
//! is a failure.
#![cfg(feature = "kafka")]
#![allow(clippy::panic, reason = "a test that cannot go on ends")]

#[path = "on_kafka/broker.rs"]
mod broker;
#[path = "support/receiver.rs"]
#[expect(dead_code, reason = "here it is always well")]
mod receiver;
#[path = "support/tools.rs"]
#[expect(dead_code, reason = "here only processes of its own are asked")]
mod tools;
#[path = "on_kafka/words.rs"]
mod words;
#[path = "on_kafka/world.rs"]
mod world;

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use world::World;

/// Kills in the loop of kills; `DRIFTLINE_KILLS` asks for more.
const KILLS: usize = 20;

#[test]
fn killed_again_and_again_it_loses_nothing_and_tells_nothing_twice() {
    let Some(world) = World::new(3_000) else { return };
    let kills = world::asked("DRIFTLINE_KILLS").unwrap_or(KILLS);
    let mut workers = [world.worker("a"), world.worker("b")];
    let heap = world.records().len() / (kills + 1);
    for kill in 0..kills {
        world.produce(kill * heap..(kill + 1) * heap);
        thread::sleep(Duration::from_millis(400 + 150 * (kill as u64 % 7)));
        let victim = kill % 2;
        workers[victim].kill();
        workers[victim] = world.worker(["a", "b"][victim]);
    }
    world.produce(kills * heap..world.records().len());
    world.expect_the_truth();
}

#[test]
fn a_worker_that_stood_still_comes_back_and_does_no_harm() {
    let Some(world) = World::new(1_200) else { return };
    let mut zombie = world.worker("a");
    let _other = world.worker("b");
    world.produce(0..400);
    thread::sleep(Duration::from_secs(3));
    world.produce(400..800);
    zombie.signal("STOP");
    thread::sleep(Duration::from_secs(9));
    world.produce(800..1_200);
    thread::sleep(Duration::from_secs(2));
    zombie.signal("CONT");
    world.expect_the_truth();
    assert!(zombie.is_alive(), "it goes on as a member again");
}

#[test]
fn of_two_processes_with_one_name_one_ends_and_says_why() {
    let Some(world) = World::new(800) else { return };
    let mut twins = [world.worker("a"), world.worker("a")];
    let mut ended = None;
    for chunk in 0..8 {
        world.produce(chunk * 100..(chunk + 1) * 100);
        thread::sleep(Duration::from_secs(2));
        ended = ended.or_else(|| twins.iter_mut().position(|twin| !twin.is_alive()));
    }
    let waited = (0..60).find_map(|_| {
        thread::sleep(Duration::from_millis(500));
        twins.iter_mut().position(|twin| !twin.is_alive())
    });
    let ended = ended.or(waited).expect("they can't both go on");
    let (code, told) = twins[ended].told();
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("another process works under the name"), "{told}");
    world.expect_the_truth();
}

#[test]
fn killed_while_it_restores_it_begins_again() {
    let Some(world) = World::new(1_200) else { return };
    let fixed = || world.fixed("a");
    let mut worker = fixed();
    world.produce(0..800);
    world.wait_for_changes(800);
    thread::sleep(Duration::from_secs(2));
    worker.kill();
    let mut caught = 0;
    for kill in 0..40_u64 {
        worker = fixed();
        worker.wait_for("restoring");
        thread::sleep(Duration::from_millis(kill % 8));
        worker.kill();
        // Of its four partitions some were not there yet.
        caught += usize::from(worker.said().matches(" restored").count() < 4);
        if caught >= 8 {
            break;
        }
    }
    assert!(caught >= 3, "it restores too fast to be killed at it: {caught}");
    let _last = fixed();
    world.produce(800..1_200);
    world.expect_the_truth();
}

#[test]
fn workers_come_and_go_in_order_under_load() {
    let Some(world) = World::new(1_600) else { return };
    let mut first = world.worker("a");
    world.produce(0..400);
    let mut second = world.worker("b");
    let mut third = world.worker("c");
    thread::sleep(Duration::from_secs(5));
    world.produce(400..800);
    third.signal("TERM");
    let (code, told) = third.told();
    assert_eq!(code, Some(143), "{told}");
    world.produce(800..1_200);
    second.signal("TERM");
    assert_eq!(second.told().0, Some(143));
    world.produce(1_200..1_600);
    world.expect_the_truth();
    first.signal("TERM");
    assert_eq!(first.told().0, Some(143));
}

#[test]
fn a_group_that_the_broker_keeps_loses_nothing_through_moves_and_kills() {
    let Some(world) = World::new(1_200) else { return };
    let mut first = world.of_broker("a");
    world.produce(0..300);
    let mut second = world.of_broker("b");
    world.produce(300..600);
    thread::sleep(Duration::from_secs(4));
    first.kill();
    world.produce(600..900);
    thread::sleep(Duration::from_secs(2));
    first = world.of_broker("a");
    world.produce(900..1_000);
    thread::sleep(Duration::from_secs(2));
    second.signal("TERM");
    world.produce(1_000..1_200);
    world.expect_the_truth();
    assert!(first.is_alive(), "{}", first.said());
}

#[test]
fn logged_in_it_works_the_same_and_a_wrong_password_is_one_sentence() {
    let Some(world) = World::new(400) else { return };
    let Some(mut wrong) = world.logged_in("a", "canary-password") else { return };
    let (code, told) = wrong.told();
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("correct `kafka.security`"), "{told}");
    assert!(!told.contains("canary"), "{told}");
    let _right = world.logged_in("a", "for-tests-only");
    world.produce(0..400);
    world.expect_the_truth();
}

#[test]
fn killed_again_and_again_it_delivers_every_alert() {
    let Some(world) = World::new(1_000) else { return };
    let receiver = receiver::Receiver::plain();
    let mut worker = world.notifying("a", receiver.port());
    for kill in 0..10 {
        world.produce(kill * 100..(kill + 1) * 100);
        thread::sleep(Duration::from_millis(900 + 170 * (kill as u64 % 5)));
        worker.kill();
        worker = world.notifying("a", receiver.port());
    }
    world.expect_the_truth();
    let due = world.ids();
    assert!(due.len() >= 1_000, "{}", due.len());
    let missing = || {
        let came = receiver.came();
        let ids: BTreeSet<&str> = came.iter().map(|came| came.header("webhook-id")).collect();
        due.iter().filter(|id| !ids.contains(id.as_str())).count()
    };
    for _ in 0..600 {
        if missing() == 0 {
            break;
        }
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(missing(), 0, "of {} alerts; {}", due.len(), worker.said());
    assert!(worker.is_alive());
}

#[test]
fn poison_becomes_one_dead_letter_each_and_its_neighbours_live() {
    let Some(world) = World::new(200) else { return };
    let mut worker = world.worker("a");
    world.produce(0..100);
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let poison: [&[u8]; 5] =
        [b"{\"eventSource\": ", b"\xff\xfe", b"[]", b"{\"what\": \"is this\"}", deep.as_bytes()];
    for value in poison {
        world.send("1", value);
    }
    world.produce(100..200);
    world.expect_the_truth();
    let letters = world.letters(poison.len());
    let mut reasons: Vec<&str> = letters.iter().map(|(reason, _)| reason.as_str()).collect();
    reasons.sort_unstable();
    assert_eq!(reasons, ["empty", "not_json", "not_utf8", "too_many_envelopes", "unrecognised"]);
    assert!(letters.iter().all(|(_, value)| value.contains("sha256")), "{letters:?}");
    assert!(worker.is_alive());
}

#[test]
fn a_hole_in_the_changes_halts_its_partition_alone_and_says_so() {
    let Some(world) = World::new(400) else { return };
    let mut whole = world.worker("a");
    world.produce(0..200);
    world.expect_the_truth();
    whole.signal("TERM");
    assert_eq!(whole.told().0, Some(143));
    // What is taken in waits until somebody detects.
    let taking = world.worker_with("a", &["--roles", "ingest"]);
    world.produce(200..400);
    let (end, partition) = world.wait_for_changes(400);
    world.trim_changes(partition, end);
    let mut worker = world.worker_with("b", &["--roles", "detect"]);
    let said = worker.wait_for("halted");
    assert!(said.contains("was to be read from offset"), "{said}");
    let (lost, told) = world.missing_alerts(Duration::from_secs(15));
    assert!(lost > 0, "what is gone is missed, and not skipped over");
    assert!(told > world.records().len() / 2, "the other partitions go on: {told}");
    assert!(worker.is_alive());
    drop(taking);
}

#[test]
fn a_missing_topic_or_broker_is_one_sentence_and_an_exit_code() {
    let Some(world) = World::bare() else { return };
    let (code, told) = world.worker("a").told();
    assert_eq!(code, Some(78), "{told}");
    assert!(told.contains("make it with `driftline topics --create`"), "{told}");
    let (code, told) = world.run_at("127.0.0.1:1", &["topics", "--check"]);
    assert_eq!(code, Some(1), "{told}");
    assert_eq!(told.lines().filter(|line| line.starts_with("error")).count(), 1, "{told}");
}
