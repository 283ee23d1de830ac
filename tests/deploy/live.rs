//! Kafka, Prometheus, Alertmanager and Driftline, as they are shipped: a change that weakens is told
//! everywhere, its repair ends it everywhere.

use std::fmt::Write as _;
use std::hash::{BuildHasher as _, RandomState};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use driftline::log::kafka::{Connection, Kafka};
use driftline::log::{
    Admin as _, Isolation, Log as _, NewTopic, Offset, Outgoing, Polled, Producer as _, Promise,
    Reader as _, To, TopicPartition,
};
use driftline::model::Timestamp;
use serde_json::{Value, json};

use crate::at;
use crate::tools::{Running, page, port, tool, wait_for};

const DRIFTLINE: &str = env!("CARGO_BIN_EXE_driftline");
const WAIT: Duration = Duration::from_secs(10);

#[expect(clippy::disallowed_methods, reason = "a test is told by the environment")]
fn broker() -> Option<String> {
    let found = std::env::var("DRIFTLINE_KAFKA").ok();
    if found.is_none() {
        let ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
        assert!(!ci, "`DRIFTLINE_KAFKA` is not set; run `scripts/kafka run scripts/test`");
        // Not by a macro, whose output the test runner keeps to itself.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: all of it together. To run it: scripts/kafka run cargo test --test deploy"
        );
    }
    found
}

/// A rule for SSH from everywhere is made, or removed.
fn record(name: &str, id: u32) -> Vec<u8> {
    json!({
        "eventVersion": "1.11", "eventSource": "ec2.amazonaws.com", "eventName": name,
        "userIdentity": {"type": "IAMUser", "accountId": "111122223333", "userName": "dana",
            "arn": "arn:aws:iam::111122223333:user/dana"},
        "eventTime": format!("2026-03-02T09:{id:02}:00Z"), "awsRegion": "eu-west-1",
        "sourceIPAddress": "203.0.113.24", "userAgent": "aws-cli/2.17",
        "requestParameters": {"groupId": "sg-shop", "ipPermissions": {"items": [
            {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22,
             "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]}}]}},
        "responseElements": {"_return": true}, "eventID": format!("event-{id}"),
        "readOnly": false, "eventType": "AwsApiCall", "recipientAccountId": "111122223333",
    })
    .to_string()
    .into_bytes()
}

struct World {
    log: Kafka,
    source: String,
    alerts: String,
}

impl World {
    fn produce(&self, value: &[u8]) {
        let mut producer = self.log.producer(&Promise::Idempotent).expect("a producer");
        let record = Outgoing {
            topic: &self.source,
            to: To::Key,
            key: Some(b"111122223333"),
            value: Some(value),
            headers: &[],
            time: Timestamp(0),
            tag: 0,
        };
        producer.send(&record).expect("it is taken");
        assert_eq!(producer.drain(WAIT), 0);
        assert_eq!(producer.failures(), []);
    }

    /// The steps of the alerts on the topic, in the order of their event.
    fn steps(&self) -> Vec<String> {
        let about = self.log.admin().expect("an admin").describe(&self.alerts, WAIT);
        let partitions = about.expect("an answer").map_or(0, |about| about.partitions);
        let mut reader = self.log.reader(Isolation::Committed).expect("a reader");
        let places: Vec<_> = (0..partitions)
            .map(|number| (TopicPartition::new(&self.alerts, number), Offset(0)))
            .collect();
        reader.start(&places).expect("it starts");
        let (mut steps, mut ends) = (Vec::new(), 0);
        while ends < partitions {
            let polled = reader.poll(WAIT, &mut |record| {
                let alert: Value = serde_json::from_slice(record.value.unwrap_or_default())
                    .expect("alerts are JSON");
                let step = alert.pointer("/unmapped/driftline/step").and_then(Value::as_str);
                steps.push(step.expect("a step").to_owned());
            });
            ends += u32::from(matches!(polled.expect("it reads"), Polled::End(_)));
        }
        steps
    }
}

/// The value of an expression, where Prometheus knows it.
fn query(prometheus: u16, expression: &str) -> Option<f64> {
    let mut path = "/api/v1/query?query=".to_owned();
    for byte in expression.bytes() {
        let _ = write!(path, "%{byte:02x}");
    }
    let answer: Value = serde_json::from_str(&page(prometheus, &path)?).ok()?;
    let value = answer.pointer("/data/result/0/value/1")?.as_str()?;
    value.parse().ok()
}

/// Whether Alertmanager has an alert of that name that fires.
fn fires(alertmanager: u16, name: &str) -> Option<bool> {
    let body = page(alertmanager, "/api/v2/alerts")?;
    let all: Value = serde_json::from_str(&body).ok()?;
    let mut alerts = all.as_array()?.iter();
    Some(alerts.any(|alert| alert["labels"]["alertname"] == *name))
}

/// The shipped folder with other places to reach each other, and in a hurry.
fn prometheus_folder(folder: &Path, driftline: u16, alertmanager: u16) {
    let own = folder.join("prometheus");
    std::fs::create_dir_all(own.join("rules")).expect("it is made");
    let rules = "rules/driftline.yml";
    std::fs::copy(at("deploy/prometheus").join(rules), own.join(rules)).expect("it is copied");
    let text =
        std::fs::read_to_string(at("deploy/prometheus/prometheus.yml")).expect("it is there");
    let text = text
        .replace("driftline:9464", &format!("127.0.0.1:{driftline}"))
        .replace("alertmanager:9093", &format!("127.0.0.1:{alertmanager}"))
        .replace("_interval: 15s", "_interval: 1s");
    std::fs::write(own.join("prometheus.yml"), text).expect("it is written");
}

/// Prometheus' own opinion of the page of metrics.
fn check_page(promtool: &Path, text: &str) {
    let mut check = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    check.stdin.take().expect("piped").write_all(text.as_bytes()).expect("it reads");
    let out = check.wait_with_output().expect("it ends");
    let said = [out.stdout, out.stderr].concat();
    assert!(out.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

/// The programs of others.
struct Tools {
    prometheus: PathBuf,
    promtool: PathBuf,
    alertmanager: PathBuf,
}

/// All of it, up and known to each other.
struct Site {
    world: World,
    promtool: PathBuf,
    /// Where they listen: Driftline, Prometheus, Alertmanager.
    ports: [u16; 3],
    _running: Vec<Running>,
    _folder: tempfile::TempDir,
}

impl Site {
    fn start(tools: &Tools, brokers: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let name = format!("{:016x}", RandomState::new().hash_one(0));
        let prefix = format!("driftline.live-{name}.");
        let connection = Connection { brokers: brokers.to_owned(), ..Connection::default() };
        let log = Kafka::new(connection).expect("a connection");
        let source = format!("live-{name}");
        let topic =
            NewTopic { name: source.clone(), partitions: 1, replicas: None, settings: Vec::new() };
        log.admin().and_then(|mut admin| admin.create(&topic, WAIT)).expect("it is made");
        let [us, prom, am] = [port(), port(), port()];

        let config = folder.path().join("driftline.yaml");
        let text = format!(
            "log: kafka\n\
             kafka: {{brokers: '{brokers}', topic_prefix: {prefix}, group_prefix: {prefix}}}\n\
             sources: [{{topic: {source}}}]\ntopics: {{partitions: 4}}\n\
             web: {{listen: '127.0.0.1:{us}'}}\n\
             notify: {{destinations: {{am: {{type: alertmanager, url: 'http://127.0.0.1:{am}', \
             allow_http: true, allow_private: true, resend: 5s}}}}}}\n"
        );
        std::fs::write(&config, text).expect("it is written");
        let driftline = || {
            let mut command = Command::new(DRIFTLINE);
            command.arg("--config").arg(&config).env_remove("RUST_LOG");
            command
        };
        let made = driftline().args(["topics", "--create"]).output().expect("it runs");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));

        let file = |name: &str| folder.path().join(name).display().to_string();
        let said = |name: &str| Stdio::from(std::fs::File::create(file(name)).expect("a file"));
        let routes = at("deploy/alertmanager/alertmanager.yml");
        prometheus_folder(folder.path(), us, am);
        let running = vec![
            Running::start(
                Command::new(&tools.alertmanager)
                    .arg(format!("--config.file={}", routes.display()))
                    .arg(format!("--storage.path={}", file("alertmanager")))
                    .arg(format!("--web.listen-address=127.0.0.1:{am}"))
                    .arg("--cluster.listen-address=")
                    .stderr(said("alertmanager.log")),
            ),
            Running::start(
                Command::new(&tools.prometheus)
                    .arg(format!("--config.file={}", file("prometheus/prometheus.yml")))
                    .arg(format!("--storage.tsdb.path={}", file("data")))
                    .arg(format!("--web.listen-address=127.0.0.1:{prom}"))
                    // What was told before Alertmanager was found is told again so soon.
                    .arg("--rules.alert.resend-delay=2s")
                    .stderr(said("prometheus.log")),
            ),
            Running::start(driftline().arg("run").stderr(said("driftline.log"))),
        ];
        let world = World { log, source, alerts: format!("{prefix}alerts") };
        let (promtool, ports) = (tools.promtool.clone(), [us, prom, am]);
        Self { world, promtool, ports, _running: running, _folder: folder }
    }
}

/// Panels without anything to show where all is well and little happens.
const QUIET: [&str; 3] =
    ["Events of nobody's accounts", "Events that told too little", "Events that no mapping reads"];

/// The titles of dashboards' panels of which some expression comes to nothing.
fn empty_panels(prometheus: u16) -> Vec<String> {
    let mut empty = Vec::new();
    for file in std::fs::read_dir(at("deploy/grafana/dashboards")).expect("a folder") {
        let text = std::fs::read_to_string(file.expect("a file").path()).expect("it is readable");
        let dashboard: Value = serde_json::from_str(&text).expect("JSON");
        for panel in dashboard["panels"].as_array().expect("panels") {
            for asked in panel["targets"].as_array().into_iter().flatten() {
                let expr = asked["expr"].as_str().expect("an expression");
                let expr = expr.replace("$__rate_interval", "1m").replace("$__range", "1m");
                let expr = expr.replace("$job", ".+").replace("$instance", ".+");
                if query(prometheus, &expr).is_none() {
                    empty.push(panel["title"].as_str().expect("a title").to_owned());
                }
            }
        }
    }
    empty
}

/// Prometheus' own opinion of the page, and of every rule.
fn check_all(site: &Site) {
    let [us, prom, _] = site.ports;
    check_page(&site.promtool, &page(us, "/metrics").expect("it is served"));
    let rules: Value =
        serde_json::from_str(&page(prom, "/api/v1/rules").expect("it is served")).expect("JSON");
    let groups = rules["data"]["groups"].as_array().expect("groups");
    let mut healthy = 0;
    for rule in groups.iter().flat_map(|group| group["rules"].as_array().expect("rules")) {
        assert_eq!(rule["health"], "ok", "{rule}");
        healthy += 1;
    }
    assert_eq!(healthy, crate::rules().len());
}

#[test]
fn a_weakening_change_stands_everywhere_and_its_repair_ends_it_everywhere() {
    let programs = (
        tool("prometheus", "prometheus"),
        tool("promtool", "prometheus"),
        tool("prometheus-alertmanager", "prometheus-alertmanager"),
    );
    let (Some(prometheus), Some(promtool), Some(alertmanager)) = programs else { return };
    let Some(brokers) = broker() else { return };
    let site = Site::start(&Tools { prometheus, promtool, alertmanager }, &brokers);
    let Site { world, ports: [us, prom, am], .. } = &site;
    let (us, prom, am) = (*us, *prom, *am);
    let counts = |what: &str, expression: &str| {
        wait_for(what, || (query(prom, expression)? > 0.5).then_some(()));
    };
    wait_for("Driftline is ready", || page(us, "/readyz"));
    counts("Prometheus scrapes it", "up{job=\"driftline\"}");
    let opened = "sum(driftline_alerts_total{step=\"opened\", severity=\"high\"})";
    wait_for("nothing is told yet", || (query(prom, opened)? < 0.5).then_some(()));
    wait_for("the watchdog came to Alertmanager", || fires(am, "DriftlineWatchdog")?.then_some(()));

    world.produce(&record("AuthorizeSecurityGroupIngress", 1));
    wait_for("Alertmanager has it", || fires(am, "FW-001")?.then_some(()));
    assert_eq!(world.steps(), ["opened"]);
    counts("Prometheus counts it", opened);
    let delivered = "sum(driftline_deliveries_total{destination=\"am\", outcome=\"delivered\"})";
    counts("its delivery is counted", delivered);
    let events = "sum(driftline_events_total{format=\"aws-cloudtrail\", outcome=\"applied\"})";
    counts("an event is counted", events);

    world.produce(&record("RevokeSecurityGroupIngress", 2));
    wait_for("Alertmanager sees its end", || (!fires(am, "FW-001")?).then_some(()));
    assert_eq!(world.steps(), ["opened", "resolved"]);
    let resolved = "sum(driftline_alerts_total{step=\"resolved\", severity=\"high\"})";
    counts("Prometheus counts that", resolved);

    check_all(&site);
    // Where nothing fails and nothing restarts some panels have nothing to show.
    let empty = empty_panels(prom);
    for title in &empty {
        assert!(QUIET.contains(&title.as_str()), "{title} shows nothing");
    }
    // Of a service that is well nothing fires but the watchdog.
    let others = "count(ALERTS{alertstate=\"firing\", alertname!=\"DriftlineWatchdog\"})";
    assert_eq!(query(prom, others), None);
}
