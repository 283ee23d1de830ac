//! A real Alertmanager: it takes what is sent, groups it, and sees what is over.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use driftline::log::memory::Memory;
use driftline::model::Timestamp;
use driftline::notify::{Alertmanager, Http, Notify};
use serde_json::Value;

use crate::receiver::Receiver;
use crate::service::{log, produce, step_of, worker_to};

const PROGRAM: &str = "/usr/bin/prometheus-alertmanager";

/// Alertmanager, until it is dropped.
struct Running {
    child: Child,
    url: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(folder: &Path, receiver: &Receiver) -> Running {
    let config = format!(
        "route: {{receiver: us, group_by: [tenant], group_wait: 2s, group_interval: 1s}}\n\
         receivers:\n\
         - name: us\n  \
           webhook_configs: [{{url: 'http://127.0.0.1:{}/', send_resolved: true}}]\n",
        receiver.port()
    );
    let file = folder.join("alertmanager.yml");
    std::fs::write(&file, config).expect("it is written");
    // A port that was free a moment ago.
    let free = TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr());
    let listen = free.expect("a port").to_string();
    let child = Command::new(PROGRAM)
        .arg(format!("--config.file={}", file.display()))
        .arg(format!("--storage.path={}", folder.join("data").display()))
        .arg(format!("--web.listen-address={listen}"))
        .arg("--cluster.listen-address=")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    Running { child, url: format!("http://{listen}") }
}

#[expect(clippy::disallowed_methods, reason = "Alertmanager goes by the wall clock")]
fn now() -> Timestamp {
    Timestamp(jiff::Timestamp::now().as_microsecond())
}

/// Turns until Alertmanager told of so many alerts of a status, no longer than half a minute.
fn until(
    worker: &mut Notify<Memory, Http>,
    log: &Memory,
    receiver: &Receiver,
    (status, count): (&str, usize),
) -> Option<Value> {
    let end = now().plus(30_000_000);
    while now() < end {
        log.tick(now());
        worker.turn(Duration::from_millis(100)).expect("it turns");
        let told = receiver.came().into_iter().map(|came| {
            let told: Value = serde_json::from_str(&came.body).expect("JSON");
            told
        });
        let of = |told: &Value| {
            let alerts = told["alerts"].as_array().map(Vec::as_slice).unwrap_or_default();
            alerts.iter().filter(|alert| alert["status"] == status).count()
        };
        if let Some(found) = told.into_iter().find(|told| of(told) == count) {
            return Some(found);
        }
    }
    None
}

#[test]
fn a_real_alertmanager_receives_groups_and_sees_the_end() {
    if !Path::new(PROGRAM).exists() {
        let ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
        assert!(!ci, "`{PROGRAM}` is missing; `apt-get install prometheus-alertmanager`");
        // Not by a macro, whose output the test runner keeps to itself.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: a real Alertmanager, as `{PROGRAM}` is missing; scripts/test installs it"
        );
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let receiver = Receiver::plain();
    let running = start(folder.path(), &receiver);
    let log = log(&[]);
    log.tick(now());
    let opened = [("a1", "f1", "FW-001"), ("a2", "f2", "FW-001"), ("a3", "f3", "IAM-001")];
    for (id, finding, detector) in opened {
        produce(&log, &[step_of((id, finding, detector), "opened", now())]);
    }
    // An alert that is not ended fires for minutes yet.
    let destination = Alertmanager::new(Duration::from_secs(60), None);
    // It is not up yet: what is sent before is tried again.
    let mut worker = worker_to(&log, &running.url, Box::new(destination));
    let told = until(&mut worker, &log, &receiver, ("firing", 3)).expect("three that fire");
    assert_eq!(told["groupLabels"], serde_json::json!({"tenant": "acme"}), "in one message");
    assert_eq!(told["commonLabels"]["severity"], "high");
    let mut names: Vec<(&str, &str)> = told["alerts"]
        .as_array()
        .expect("alerts")
        .iter()
        .map(|alert| (&alert["labels"]["finding"], &alert["labels"]["alertname"]))
        .map(|(finding, name)| (finding.as_str().expect("text"), name.as_str().expect("text")))
        .collect();
    names.sort_unstable();
    assert_eq!(names, [("f1", "FW-001"), ("f2", "FW-001"), ("f3", "IAM-001")]);
    produce(&log, &[step_of(("a4", "f2", "FW-001"), "resolved", now())]);
    let told = until(&mut worker, &log, &receiver, ("resolved", 1)).expect("one that is over");
    let alerts = told["alerts"].as_array().expect("alerts");
    let over: Vec<&Value> = alerts.iter().filter(|alert| alert["status"] == "resolved").collect();
    assert_eq!(over[0]["labels"]["finding"], "f2");
    assert_eq!(alerts.len(), 3, "the others fire on");
    assert_eq!(worker.held(), 0);
    assert_eq!(alerts.iter().filter(|alert| alert["status"] == "firing").count(), 2);
}
