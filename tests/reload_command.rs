//! A running process told to load its content anew, by signal, as an operator does it.
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

struct Demo {
    child: Child,
    log: BufReader<ChildStderr>,
    port: u16,
}

impl Demo {
    /// The story, played to its end, with the content of a folder beside the shipped one.
    fn start(folder: &Path) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("bound").port();
        drop(free);
        let config = folder.join("driftline.yaml");
        let own = folder.join("own");
        fs::create_dir_all(&own).expect("made");
        let text = format!("content: [\"{}\"]\nweb:\n  listen: 127.0.0.1:{port}\n", own.display());
        fs::write(&config, text).expect("written");
        let mut child = Command::new(env!("CARGO_BIN_EXE_driftline"))
            .args(["demo", "--serve", "--config"])
            .arg(&config)
            .env_remove("RUST_LOG")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        let log = BufReader::new(child.stderr.take().expect("piped"));
        let mut demo = Self { child, log, port };
        demo.until("metrics at");
        demo
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
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("served");
        let host = "Host: localhost\r\nConnection: close";
        stream
            .write_all(format!("GET {path} HTTP/1.1\r\n{host}\r\n\r\n").as_bytes())
            .expect("sent");
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

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn bad_content_keeps_the_old_and_good_content_takes_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut demo = Demo::start(folder.path());
    let open = demo.metric("driftline_findings_open").expect("findings are open");
    let loaded = demo.metric("driftline_content_loaded_timestamp_seconds").expect("a time");

    let file = folder.path().join("own/own-001.yaml");
    fs::write(&file, OWN.replace("rules.size", "ruels.size")).expect("written");
    demo.signal("-HUP");
    let log = demo.until("the old stays in use");
    assert!(log.contains("own-001.yaml:9:") && log.contains("`rules`"), "{log}");
    demo.wait_for("driftline_content_reloads_total{result=\"kept\"}", 1.0);
    assert_eq!(demo.metric("driftline_content_reloads_total{result=\"taken\"}"), None);
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
