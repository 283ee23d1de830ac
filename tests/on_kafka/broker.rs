//! A broker of the test's own, which may be killed and stand still.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use super::world::{self, World};

const SECOND: Duration = Duration::from_secs(1);
/// By how much a worker may grow while the broker stands still: what the client may have read
/// ahead, and a batch.
const GROWTH: usize = 64 << 20;

/// A broker; it and its data go when it goes out of sight.
struct Own {
    folder: tempfile::TempDir,
    port: u16,
}

impl Own {
    /// `None` where no broker is asked for.
    fn start() -> Option<Self> {
        world::broker()?;
        // Three ports in a row, of which the first was free a moment ago.
        let port = loop {
            let taken = |port: u16| TcpListener::bind(("127.0.0.1", port)).map(drop).is_err();
            let any = TcpListener::bind("127.0.0.1:0").expect("a port");
            let port = any.local_addr().expect("bound").port();
            drop(any);
            if port < 65_000 && !(port..port + 3).any(taken) {
                break port;
            }
        };
        let own = Self { folder: tempfile::tempdir().expect("a folder"), port };
        own.tell("start");
        Some(own)
    }

    fn tell(&self, word: &str) {
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scripts/kafka");
        let told = Command::new(script)
            .arg(word)
            .env("DRIFTLINE_KAFKA_DIR", self.folder.path())
            .env("DRIFTLINE_KAFKA_PORT", self.port.to_string())
            .env("DRIFTLINE_KAFKA_HEAP", "320m")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status();
        assert!(told.expect("bash is there").success(), "scripts/kafka {word}");
    }

    fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // One that stands still hears nothing else.
        if !thread::panicking() {
            self.tell("wipe");
            return;
        }
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scripts/kafka");
        let _ = Command::new(script)
            .arg("wipe")
            .env("DRIFTLINE_KAFKA_DIR", self.folder.path())
            .env("DRIFTLINE_KAFKA_PORT", self.port.to_string())
            .status();
    }
}

#[test]
fn a_broker_that_is_killed_and_comes_back_costs_nothing() {
    let Some(own) = Own::start() else { return };
    let world = World::at(own.brokers(), 1_600);
    let mut workers = [world.worker("a"), world.worker("b")];
    for round in 0..3 {
        world.produce(round * 400..(round + 1) * 400);
        thread::sleep(Duration::from_millis(700));
        own.tell("kill");
        thread::sleep(Duration::from_millis(500 + 4_000 * (round as u64 % 2)));
        own.tell("start");
    }
    world.produce(1_200..1_600);
    world.expect_the_truth();
    assert!(
        workers.iter_mut().all(super::world::Worker::is_alive),
        "nobody had to be started again"
    );
}

#[test]
fn a_broker_that_stands_still_costs_no_memory_and_no_record() {
    let Some(own) = Own::start() else { return };
    let mut world = World::at(own.brokers(), 12_000);
    world.fatten(10_000);
    let mut worker = world.worker("a");
    world.produce(0..2_000);
    world.wait_for_changes(1_000);
    world.produce(2_000..12_000);
    let before = worker.resident();
    own.tell("pause");
    let mut most = before;
    // Longer than a session and a transaction may last.
    for _ in 0..14 {
        thread::sleep(SECOND);
        most = most.max(worker.resident());
    }
    own.tell("resume");
    assert!(most - before < GROWTH, "from {before} bytes it grew to {most}");
    world.expect_the_truth();
    assert!(worker.is_alive(), "it need not be started again");
}
