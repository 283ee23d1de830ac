//! `driftline run` with its log in a folder, as a user runs it: killed and started again until all is
//! done. The truth is `driftline replay` over the same files.
#![cfg(unix)]
#![expect(clippy::panic, reason = "a test that cannot go on ends")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use driftline::log::memory::Memory;
use driftline::log::{
    Admin as _, Isolation, Log as _, Offset, Polled, Reader as _, TopicPartition,
};

const DRIFTLINE: &str = env!("CARGO_BIN_EXE_driftline");
/// Between two looks.
const LOOK: Duration = Duration::from_millis(2);
/// So many looks anything may take to come.
const LOOKS: usize = 60_000;
/// After so many looks without anything written a round is over.
const STILL: usize = 1_000;
/// By how many bytes the journal grows in a round, before the process is killed.
const GROWTHS: [u64; 7] = [1, 40_000, 700, 150_000, 300_000, 9_000, 500_000];
/// Records, half of them in a compressed file.
const RECORDS: usize = 1_600;

/// Rules opened and closed again in forty accounts.
fn record(number: usize) -> String {
    let account = format!("1111222233{:02}", number % 40);
    let (hour, minute, second) = (8 + number / 3_600, number / 60 % 60, number % 60);
    let opens = (number / 40).is_multiple_of(2);
    let name = if opens { "AuthorizeSecurityGroupIngress" } else { "RevokeSecurityGroupIngress" };
    let record = serde_json::json!({
        "eventVersion": "1.09",
        "userIdentity": {"type": "IAMUser", "accountId": account, "userName": "dana",
            "arn": format!("arn:aws:iam::{account}:user/dana")},
        "eventTime": format!("2026-03-02T{hour:02}:{minute:02}:{second:02}Z"),
        "eventSource": "ec2.amazonaws.com", "eventName": name, "awsRegion": "eu-west-1",
        "sourceIPAddress": "203.0.113.24", "userAgent": "aws-cli/2.17",
        "requestParameters": {
            "groupId": format!("sg-{}", number / 80 % 5),
            "ipPermissions": {"items": [{"ipProtocol": "tcp", "fromPort": 22, "toPort": 22,
                "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}]},
        },
        "responseElements": {"_return": true}, "eventID": format!("event-{number}"),
        "readOnly": false, "eventType": "AwsApiCall", "recipientAccountId": account,
    });
    record.to_string()
}

/// Alerts' ids by cell, in order.
type Told = BTreeMap<String, Vec<String>>;

fn count(told: &Told) -> usize {
    told.values().map(Vec::len).sum()
}

/// A folder with a configuration, records and a log.
struct World(tempfile::TempDir);

impl World {
    fn new(records: usize) -> Self {
        let world = Self(tempfile::tempdir().expect("a folder"));
        fs::create_dir(world.at("records")).expect("it is made");
        let lines = |numbers: std::ops::Range<usize>| {
            numbers.fold(String::new(), |mut text, number| {
                let _ = writeln!(text, "{}", record(number));
                text
            })
        };
        fs::write(world.at("records/a.jsonl"), lines(0..records / 2)).expect("it is written");
        let file = File::create(world.at("records/b.jsonl.gz")).expect("it is made");
        let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        gzip.write_all(lines(records / 2..records).as_bytes()).expect("it is written");
        gzip.finish().expect("it is written");
        let config = "embedded: {folder: log}\n\
                      sources: [{path: records}]\n\
                      workers: {batch_records: 20}\n\
                      web: {listen: \"127.0.0.1:0\"}\n";
        fs::write(world.at("driftline.yaml"), config).expect("it is written");
        world
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(DRIFTLINE);
        command.arg("--config").arg(self.at("driftline.yaml")).arg("run").env_remove("RUST_LOG");
        command
    }

    fn start(&self) -> Run {
        let said = File::create(self.at("said")).expect("a file");
        let child = self.command().stdout(Stdio::null()).stderr(said).spawn();
        Run { child: child.expect("it starts"), said: self.at("said") }
    }

    /// Runs it to its end, which it must come to: its exit code and what it said.
    fn refused(&self) -> (Option<i32>, String) {
        let out = self.command().output().expect("it runs");
        (out.status.code(), String::from_utf8_lossy(&out.stderr).into_owned())
    }

    fn journal(&self) -> PathBuf {
        self.at("log/journal")
    }

    /// Bytes of the journal.
    fn length(&self) -> u64 {
        fs::metadata(self.journal()).map_or(0, |about| about.len())
    }

    /// What `driftline replay` tells.
    fn truth(&self) -> Told {
        let out = Command::new(DRIFTLINE).arg("replay").arg(self.at("records")).output();
        let out = out.expect("it runs");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let mut told = Told::new();
        for line in String::from_utf8_lossy(&out.stdout).lines() {
            let alert: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let text = |path: &str| alert.pointer(path).and_then(|v| v.as_str()).expect("a text");
            let cell = format!("{}/{}", text("/metadata/tenant_uid"), text("/cloud/account/uid"));
            told.entry(cell).or_default().push(text("/metadata/uid").to_owned());
        }
        told
    }

    /// What the log tells to whoever opens it now, read from a copy: the next process finds it as
    /// the last one left it.
    fn told(&self) -> Told {
        let copy = tempfile::tempdir().expect("a folder");
        if fs::copy(self.journal(), copy.path().join("journal")).is_err() {
            return Told::new();
        }
        alerts(&Memory::in_folder(copy.path()).expect("it opens"))
    }
}

/// Every committed alert.
fn alerts(log: &Memory) -> Told {
    const TOPIC: &str = "driftline.alerts";
    const WAIT: Duration = Duration::from_secs(1);
    let topic = log.admin().expect("an admin").describe(TOPIC, WAIT).expect("an answer");
    let count = topic.map_or(0, |topic| topic.partitions);
    let mut told = Told::new();
    for partition in 0..count {
        let of = TopicPartition::new(TOPIC, partition);
        let mut reader = log.reader(Isolation::Committed).expect("a reader");
        reader.start(&[(of, Offset(0))]).expect("it starts");
        let mut ended = false;
        while !ended {
            let polled = reader.poll(WAIT, &mut |record| {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let id = record.headers.iter().find(|(name, _)| *name == "ce_id");
                let id = id.map_or(&[][..], |(_, id)| id);
                told.entry(text(record.key.unwrap_or_default())).or_default().push(text(id));
            });
            ended = matches!(polled.expect("it reads"), Polled::End(_));
        }
    }
    told
}

/// A process; killed when it goes out of sight.
struct Run {
    child: Child,
    said: PathBuf,
}

impl Run {
    fn said(&self) -> String {
        fs::read_to_string(&self.said).unwrap_or_default()
    }

    /// As a power cut would, but for what the disk has not got.
    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn wait_for(&mut self, word: &str) {
        for _ in 0..LOOKS {
            let said = self.said();
            if said.contains(word) {
                return;
            }
            assert!(self.child.try_wait().expect("it can be asked").is_none(), "{said}");
            thread::sleep(LOOK);
        }
        panic!("it never said `{word}`: {}", self.said())
    }

    /// Waits until the journal has so many bytes, or nothing more comes.
    fn until(&mut self, world: &World, length: u64) {
        let (mut last, mut still) = (world.length(), 0);
        while last < length && still < STILL {
            let alive = self.child.try_wait().expect("it can be asked").is_none();
            assert!(alive, "{}", self.said());
            thread::sleep(LOOK);
            let now = world.length();
            // Before it runs, it reads content and its log.
            let waits = now == last && self.said().contains("running;");
            still = if waits { still + 1 } else { 0 };
            last = now;
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.kill();
    }
}

#[test]
fn killed_again_and_again_it_loses_nothing_and_tells_nothing_twice() {
    let world = World::new(RECORDS);
    let truth = world.truth();
    let due = count(&truth);
    assert!(due > RECORDS / 2, "the records tell something: {due}");
    let mut seen = vec![0];
    for growth in GROWTHS.iter().cycle().take(80) {
        let length = world.length() + growth;
        let mut run = world.start();
        run.until(&world, length);
        run.kill();
        let told = world.told();
        for (cell, ids) in &told {
            let all = truth.get(cell).map_or(&[][..], Vec::as_slice);
            assert!(all.starts_with(ids), "{cell}: {ids:?}\nis no beginning of\n{all:?}");
        }
        seen.push(count(&told));
        if seen.last() == Some(&due) {
            break;
        }
    }
    assert!(seen.is_sorted(), "what was told stays told: {seen:?}");
    assert_eq!(seen.last(), Some(&due), "{seen:?}");
    let midway = seen.iter().filter(|count| (1..due).contains(count)).count();
    assert!(midway > 3, "kills came in the middle of it: {seen:?}");
    assert!(world.told() == truth);

    // Once more: nothing is read again, and an end in order is one.
    let (before, mut run) = (world.length(), world.start());
    run.wait_for("running;");
    run.until(&world, u64::MAX);
    let id = run.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill").success());
    assert_eq!(run.child.wait().expect("it ends").code(), Some(143), "{}", run.said());
    let records = fs::metadata(world.at("records/a.jsonl")).expect("it is there").len();
    let grown = world.length().saturating_sub(before);
    assert!(grown < records / 10, "{grown} bytes more, of {records}");
    assert!(world.told() == truth);
}

/// Writes what was there with a byte flipped in its middle.
fn flip(journal: &Path) {
    let mut bytes = fs::read(journal).expect("it is there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(journal, bytes).expect("it is written");
}

/// The beginning of a journal of the next form.
fn newer() -> Vec<u8> {
    let mut bytes = b"driftlog\x02\0\0\0".to_vec();
    let check = xxhash_rust::xxh3::xxh3_64(&bytes).to_le_bytes();
    bytes.extend(&check[..4]);
    bytes
}

#[test]
fn a_folder_that_cannot_be_used_is_an_end_with_a_sentence_that_says_what_to_do() {
    let world = World::new(80);
    let told = |(code, said): (Option<i32>, String), words: &str| {
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(words), "{said}\nwithout\n{words}");
        let sentences = said.lines().filter(|line| line.contains("error"));
        assert_eq!(sentences.count(), 1, "{said}");
        assert!(!said.contains("running;"), "{said}");
    };
    let mut run = world.start();
    run.wait_for("running;");
    told(world.refused(), "another process keeps its log in");
    run.until(&world, u64::MAX);
    run.kill();
    flip(&world.journal());
    let damaged = fs::read(world.journal()).expect("it is there");
    told(world.refused(), "log/journal` is damaged at byte ");
    assert_eq!(fs::read(world.journal()).expect("it is there"), damaged, "it is left as it was");
    fs::write(world.journal(), newer()).expect("it is written");
    told(world.refused(), "was written in form 2, and this version reads up to 1; upgrade");
    fs::remove_dir_all(world.at("log")).expect("it is removed");
    fs::write(world.at("log"), "no folder").expect("it is written");
    told(world.refused(), "/log` cannot be used; make it writable");
}
