//! The program: `send-test`, `check`, and `run` with a destination.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::receiver::{Manner, Receiver};
use crate::service::SECRET;

const DRIFTLINE: &str = env!("CARGO_BIN_EXE_driftline");

/// A folder with a configuration that has one webhook, and more lines of it.
fn folder(port: u16, more: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("it is written");
    };
    write("secrets", &format!("{SECRET}\n"));
    write(
        "driftline.yaml",
        &format!(
            "notify:\n  destinations:\n    hook: {{type: webhook, timeout: 2s, \
             url: 'http://127.0.0.1:{port}/canary', secret_file: secrets, \
             allow_http: true, allow_private: true}}\n{more}"
        ),
    );
    folder
}

fn driftline(folder: &Path, words: &[&str]) -> Output {
    Command::new(DRIFTLINE)
        .arg("--config")
        .arg(folder.join("driftline.yaml"))
        .args(words)
        .output()
        .expect("it runs")
}

fn said(output: &Output) -> (Option<i32>, String) {
    let text = [&*output.stdout, &*output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn a_test_is_sent_and_what_it_is_answered_is_told() {
    let receiver = Receiver::plain();
    let folder = folder(receiver.port(), "");
    let at = format!("hook at http://127.0.0.1:{}", receiver.port());
    for (manner, code, told) in [
        (Manner::Body(202, "thanks".to_owned()), 0, "taken: it answered 202: thanks"),
        (Manner::Body(401, format!("{SECRET}?")), 1, "refused: it answered 401: [secret]?"),
        (
            Manner::Status(503, Vec::new()),
            1,
            "not taken, an alert would be tried again: it answered 503",
        ),
        (Manner::Never, 1, "not taken, an alert would be tried again: no answer within the time"),
    ] {
        receiver.next(manner);
        let (status, text) = said(&driftline(folder.path(), &["send-test", "hook"]));
        assert_eq!((status, text.trim()), (Some(code), &*format!("{at}: {told}")));
    }
    let came = receiver.came();
    assert_eq!(came.len(), 4);
    let body: Value = serde_json::from_str(&came[0].body).expect("JSON");
    assert_eq!(body["data"]["unmapped"]["driftline"]["test"], true);
    assert!(came[0].header("webhook-id").starts_with("driftline-test-"));
}

#[test]
fn what_is_not_configured_well_ends_with_78() {
    let folder = folder(9, "");
    let (status, text) = said(&driftline(folder.path(), &["send-test", "pager"]));
    assert_eq!(status, Some(78), "{text}");
    assert!(text.contains("`pager` is no destination; there are `hook`"), "{text}");
    let broken = self::folder(9, "  routes: [{match: {severity: dire}, to: [hok]}]\n");
    for words in [&["check"][..], &["send-test", "hook"], &["run"]] {
        let (status, text) = said(&driftline(broken.path(), words));
        assert_eq!(status, Some(78), "{text}");
        for part in [
            "notify.routes[0].to: `hok` is no destination; there are `hook`",
            "notify.routes[0].match.severity: `dire` is no severity",
            "notify.routes: the last route must take what no other took",
        ] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!text.contains("canary"), "{text}");
    }
    let bare = tempfile::tempdir().expect("a folder");
    std::fs::write(bare.path().join("driftline.yaml"), "").expect("it is written");
    let (status, text) = said(&driftline(bare.path(), &["run", "--roles", "notify"]));
    assert_eq!(status, Some(78), "{text}");
    assert!(text.contains("nobody is to be told: write `notify.destinations`"), "{text}");
}

/// A program that is ended when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the program goes by the wall clock")]
fn the_service_tells_what_it_finds() {
    let receiver = Receiver::plain();
    let sources = "sources: [{path: record.json}]\nweb: {listen: '127.0.0.1:0'}\n";
    let folder = folder(receiver.port(), sources);
    let record = serde_json::json!({
        "eventVersion": "1.11",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/bea",
            "accountId": "111122223333", "userName": "bea"},
        "eventTime": "2026-03-02T12:00:00Z",
        "eventSource": "ec2.amazonaws.com",
        "eventName": "AuthorizeSecurityGroupIngress",
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "203.0.113.5",
        "requestParameters": {"groupId": "sg-1", "ipPermissions": {"items": [{
            "ipProtocol": "tcp", "fromPort": 22, "toPort": 22,
            "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}]}},
        "responseElements": {"_return": true},
        "eventID": "evt-1",
        "readOnly": false,
        "eventType": "AwsApiCall",
        "recipientAccountId": "111122223333",
    });
    std::fs::write(folder.path().join("record.json"), record.to_string()).expect("written");
    let child = Command::new(DRIFTLINE)
        .arg("--config")
        .arg(folder.path().join("driftline.yaml"))
        .arg("run")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let _running = Running(child);
    let began = Instant::now();
    while receiver.came().is_empty() && began.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let came = receiver.came();
    let body: Value = serde_json::from_str(&came.first().expect("it is told").body).expect("JSON");
    assert_eq!(body["type"], "finding.opened");
    assert_eq!(body["data"]["resources"][0]["uid"], "sg-1");
    assert_eq!(body["data"]["metadata"]["uid"], came[0].header("webhook-id"));
}
