//! A running process told to load its content anew, by signal and over HTTP, as an operator does it;
//! and what its pages show of that.
#![cfg(unix)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

/// A detector that sees what the story leaves behind: a group with any rule at all.
const OWN: &str = "apiVersion: driftline/v1
kind: Detector
id: OWN-001
title: {en: A group with a rule}
severity: low
maturity: experimental
applies_to: [network.security_group]
aspect: own
insecure: rules.size() > 0
why: It is a test's.
";

struct Process {
    child: Child,
    log: BufReader<ChildStderr>,
    port: u16,
}

impl Process {
    /// A command with the content of a folder beside the shipped one, up to a line that tells where
    /// it listens.
    fn start(command: &[&str], folder: &Path, more: &str) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("bound").port();
        drop(free);
        let config = folder.join("driftline.yaml");
        let own = folder.join("own");
        fs::create_dir_all(&own).expect("made");
        let own = own.display();
        let text = format!("content: [\"{own}\"]\nweb:\n  listen: 127.0.0.1:{port}\n{more}");
        fs::write(&config, text).expect("written");
        let mut child = Command::new(env!("CARGO_BIN_EXE_driftline"))
            .arg("--config")
            .arg(&config)
            .args(command)
            .env_remove("RUST_LOG")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let log = BufReader::new(child.stderr.take().expect("piped"));
        let mut process = Self { child, log, port };
        process.until("http://");
        process
    }

    /// Reads the log up to a line with `text`, and gives what was read.
    fn until(&mut self, text: &str) -> String {
        let mut read = String::new();
        loop {
            let from = read.len();
            assert_ne!(self.log.read_line(&mut read).expect("readable"), 0, "no `{text}`: {read}");
            if read[from..].contains(text) {
                return read;
            }
        }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().expect("kill").success());
    }

    /// A page.
    fn get(&self, path: &str) -> String {
        self.ask("GET", path, "")
    }

    /// What is answered to a request with further header lines.
    fn ask(&self, method: &str, path: &str, lines: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("served");
        let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{lines}");
        stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("received");
        text
    }

    /// The value of a metric, or of none.
    fn metric(&self, name: &str) -> Option<f64> {
        let text = self.get("/metrics");
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.rsplit(' ').next()?.parse().ok()
    }

    /// Waits for a metric to have a value: the process does it in its own time.
    fn wait_for(&self, name: &str, value: f64) {
        while self.metric(name) != Some(value) {
            std::thread::yield_now();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn bad_content_keeps_the_old_and_good_content_takes_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut demo = Process::start(&["demo", "--serve"], folder.path(), "");
    let open = demo.metric("driftline_findings_open").expect("findings are open");
    let loaded = demo.metric("driftline_content_loaded_timestamp_seconds").expect("a time");

    let file = folder.path().join("own/own-001.yaml");
    fs::write(&file, OWN.replace("rules.size", "ruels.size")).expect("written");
    demo.signal("-HUP");
    let log = demo.until("the old stays in use");
    assert!(log.contains("own-001.yaml:9:") && log.contains("`rules`"), "{log}");
    demo.wait_for("driftline_content_reloads_total{result=\"kept\"}", 1.0);
    assert_eq!(demo.metric("driftline_content_reloads_total{result=\"taken\"}"), Some(0.0));
    assert_eq!(demo.metric("driftline_content_loaded_timestamp_seconds"), Some(loaded));
    assert_eq!(demo.metric("driftline_findings_open"), Some(open));

    fs::write(&file, OWN).expect("written");
    demo.signal("-HUP");
    demo.wait_for("driftline_content_reloads_total{result=\"taken\"}", 1.0);
    while demo.metric("driftline_findings_open") == Some(open) {
        std::thread::yield_now();
    }
    assert!(demo.metric("driftline_findings_open") > Some(open));
    assert!(demo.metric("driftline_content_loaded_timestamp_seconds") > Some(loaded));

    // The page of findings follows the log in its own time.
    let count = |page: String| page.matches("\"uid\":").count().to_string().parse().ok();
    while count(demo.get("/api/findings?limit=1000")) != demo.metric("driftline_findings_open") {
        std::thread::yield_now();
    }
    assert!(demo.get("/api/findings?detector=OWN-001").contains("\"detector\":\"OWN-001\""));
    assert!(demo.get("/readyz").starts_with("HTTP/1.1 200"));

    demo.signal("-TERM");
    assert_eq!(demo.child.wait().expect("ended").code(), Some(143));
}

/// A group gets a rule.
fn opened(number: usize) -> String {
    serde_json::json!({
        "eventVersion": "1.09", "eventSource": "ec2.amazonaws.com",
        "eventName": "AuthorizeSecurityGroupIngress", "awsRegion": "eu-west-1",
        "userIdentity": {"type": "IAMUser", "accountId": "111122223333", "userName": "dana",
            "arn": "arn:aws:iam::111122223333:user/dana"},
        "eventTime": format!("2026-03-02T08:00:{number:02}Z"), "sourceIPAddress": "203.0.113.24",
        "userAgent": "aws-cli/2.17", "recipientAccountId": "111122223333",
        "requestParameters": {"groupId": format!("sg-{number}"), "ipPermissions": {"items": [
            {"ipProtocol": "tcp", "fromPort": 9000, "toPort": 9000,
             "ipRanges": {"items": [{"cidrIp": "10.0.0.0/8"}]}}]}},
        "responseElements": {"_return": true}, "eventID": format!("event-{number}"),
        "readOnly": false, "eventType": "AwsApiCall",
    })
    .to_string()
}

#[test]
fn the_service_takes_content_up_when_asked_over_http_and_tells_limits_it_reached() {
    let folder = tempfile::tempdir().expect("a folder");
    let records: String = (0..3).map(|number| opened(number) + "\n").collect();
    fs::create_dir(folder.path().join("records")).expect("made");
    fs::write(folder.path().join("records/a.jsonl"), records).expect("written");
    let more = "sources: [{path: records}]\nlimits: {resources_per_cell: 2}\n";
    let mut service = Process::start(&["run"], folder.path(), more);
    service.wait_for("driftline_limits_reached_total{limit=\"resources_per_cell\"}", 1.0);
    assert_eq!(service.metric("driftline_limits_reached_total{limit=\"fuel\"}"), Some(0.0));

    let file = folder.path().join("own/own-001.yaml");
    fs::write(&file, OWN.replace("rules.size", "ruels.size")).expect("written");
    let refused = service.ask("POST", "/-/reload", "");
    assert!(refused.starts_with("HTTP/1.1 422"), "{refused}");
    assert!(refused.contains("the old content stays in use: "), "{refused}");
    let log = service.until("the old stays in use");
    assert!(log.contains("own-001.yaml:9:"), "{log}");
    assert!(log.contains("further resources are not watched"), "{log}");
    assert_eq!(service.metric("driftline_content_reloads_total{result=\"kept\"}"), Some(1.0));

    // These groups' other rules are unknown.
    fs::write(&file, OWN.replace("rules.size() > 0", "rules.exists(r, true)")).expect("written");
    let page = service.ask("POST", "/-/reload", "Origin: http://evil.example\r\n");
    assert!(page.starts_with("HTTP/1.1 403"), "{page}");
    assert!(service.get("/-/reload").contains("allow: POST"));
    assert_eq!(service.metric("driftline_content_reloads_total{result=\"taken\"}"), Some(0.0));
    let taken = service.ask("POST", "/-/reload", "");
    assert!(
        taken.starts_with("HTTP/1.1 200") && taken.contains("{\"reload\":\"taken\"}"),
        "{taken}"
    );
    assert_eq!(service.metric("driftline_content_reloads_total{result=\"taken\"}"), Some(1.0));
    // Both groups have a rule, which the new detector finds.
    while service.get("/api/findings").matches("\"detector\":\"OWN-001\"").count() < 2 {
        std::thread::yield_now();
    }
}
