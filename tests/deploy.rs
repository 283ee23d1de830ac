//! What is shipped beside the program, by the programs that read it: rules, their tests and the
//! configurations; and all of it together, alive.

#[cfg(feature = "kafka")]
#[path = "deploy/live.rs"]
mod live;
#[path = "support/named.rs"]
mod named;
#[path = "support/tools.rs"]
mod tools;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use driftline::telemetry::{METRICS, Values};
use named::{metric, named, strange};
use serde_json::Value;
use tools::tool;

/// A path of the repository.
#[must_use]
pub fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn yaml(path: &str) -> Value {
    let text = std::fs::read_to_string(at(path)).expect("it is there");
    serde_saphyr::from_str(&text).expect("it is YAML")
}

/// Runs a checking program, which must be content.
fn content(program: &Path, words: &[&str]) {
    let out = Command::new(program).args(words).current_dir(at("")).output().expect("it runs");
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{words:?}: {said}{}", String::from_utf8_lossy(&out.stderr));
}

const RULES: &str = "deploy/prometheus/rules/driftline.yml";
const TESTS: &str = "deploy/prometheus/tests/alerts.yml";

#[test]
fn prometheus_takes_the_rules_and_its_configuration_and_every_alert_fires_when_it_should() {
    let Some(promtool) = tool("promtool", "prometheus") else { return };
    content(&promtool, &["check", "rules", RULES]);
    content(&promtool, &["check", "config", "deploy/prometheus/prometheus.yml"]);
    content(&promtool, &["test", "rules", TESTS]);
}

#[test]
fn alertmanager_takes_its_configuration() {
    let Some(amtool) = tool("amtool", "prometheus-alertmanager") else { return };
    content(&amtool, &["check-config", "deploy/alertmanager/alertmanager.yml"]);
    let of = |labels: &[&str], receiver: &str| {
        let file = "--config.file=deploy/alertmanager/alertmanager.yml";
        let verify = format!("--verify.receivers={receiver}");
        content(&amtool, &[&["config", "routes", "test", file, &verify], labels].concat());
    };
    of(&["alertname=DriftlineWatchdog", "severity=none"], "watchdog");
    of(&["alertname=DriftlineDown", "severity=critical", "job=driftline"], "oncall");
    of(&["alertname=DriftlineDeadLetters", "severity=warning"], "operators");
    let finding = ["alertname=FW-001", "finding=f", "tenant=acme"];
    let more = |labels: &[&'static str]| [&finding[..], labels].concat();
    let stable = ["maturity=stable", "novelty=introduced", "severity=high"];
    of(&more(&stable), "security-oncall");
    of(&more(&["maturity=experimental", "novelty=introduced", "severity=high"]), "security-later");
    of(&more(&["maturity=stable", "novelty=discovered", "severity=critical"]), "security-later");
    of(&more(&["maturity=stable", "novelty=introduced", "severity=low"]), "security-later");
}

/// Every rule: whether it is an alert, its name, its expression.
fn rules() -> Vec<(bool, String, Value)> {
    let all = yaml(RULES);
    let groups = all["groups"].as_array().expect("groups");
    let rules = groups.iter().flat_map(|group| group["rules"].as_array().expect("rules"));
    rules
        .map(|rule| {
            let alert = rule["alert"].as_str();
            let name = alert.or(rule["record"].as_str()).expect("a name").to_owned();
            (alert.is_some(), name, rule.clone())
        })
        .collect()
}

fn alerts() -> BTreeSet<String> {
    rules().into_iter().filter(|(alert, ..)| *alert).map(|(_, name, _)| name).collect()
}

#[test]
fn every_alert_has_a_test_in_which_it_fires_and_one_in_which_it_does_not() {
    let all = yaml(TESTS);
    let (mut fires, mut silent) = (BTreeSet::new(), BTreeSet::new());
    for test in all["tests"].as_array().expect("tests") {
        for case in test["alert_rule_test"].as_array().into_iter().flatten() {
            let name = case["alertname"].as_str().expect("a name").to_owned();
            let some = case["exp_alerts"].as_array().is_some_and(|list| !list.is_empty());
            if some {
                fires.insert(name)
            } else {
                silent.insert(name)
            };
        }
    }
    assert_eq!(fires, alerts());
    // That one is never silent.
    silent.insert("DriftlineWatchdog".to_owned());
    assert_eq!(silent, alerts());
}

#[test]
fn every_alert_says_how_bad_it_is_what_is_so_and_where_to_look() {
    for (alert, name, rule) in rules() {
        if !alert {
            continue;
        }
        assert!(name.starts_with("Driftline"), "{name}");
        let severity = rule["labels"]["severity"].as_str().unwrap_or_default();
        assert!(["critical", "warning", "info", "none"].contains(&severity), "{name}: {severity}");
        let text = |key: &str| rule["annotations"][key].as_str().unwrap_or_default().to_owned();
        assert!(!text("summary").is_empty() && !text("description").is_empty(), "{name}");
        let page = format!("docs/operations.md#{}", name.to_lowercase());
        assert_eq!(text("runbook"), page, "{name}");
    }
}

#[test]
fn the_page_for_operators_has_a_heading_for_every_alert_and_for_no_other() {
    let text = std::fs::read_to_string(at("docs/operations.md")).expect("it is there");
    let headings = text.lines().filter_map(|line| line.strip_prefix("### "));
    let told: BTreeSet<String> =
        headings.filter(|h| h.starts_with("Driftline")).map(str::to_owned).collect();
    assert_eq!(told, alerts());
}

#[test]
fn rules_name_metrics_and_labels_that_are() {
    let text = std::fs::read_to_string(at(RULES)).expect("it is there");
    let mut seen = 0;
    for (name, labels) in named(&text) {
        assert_eq!(strange(&name, &labels), None);
        seen += 1;
    }
    assert!(seen > 30, "{seen}");
    // What a closed list does not have never comes.
    for (_, name, rule) in rules() {
        let expr = rule["expr"].as_str().unwrap_or_default();
        for metric in METRICS {
            for part in expr.split(metric.name).skip(1).filter_map(|rest| rest.strip_prefix('{')) {
                let inside = part.split('}').next().unwrap_or_default();
                for label in metric.labels {
                    let Values::Closed(list) = label.values else { continue };
                    let asked = format!("{}=\"", label.name);
                    for value in inside.split(&asked).skip(1) {
                        let value = value.split('"').next().unwrap_or_default();
                        assert!(list().contains(&value), "{name}: {}=`{value}`", label.name);
                    }
                }
            }
        }
    }
}

#[test]
fn pages_name_metrics_that_are_and_every_metric_stands_on_one() {
    let mut told = BTreeSet::new();
    let pages = ["README.md", "BENCHMARKS.md"].map(at);
    let docs = std::fs::read_dir(at("docs")).expect("a folder").map(|e| e.expect("a file").path());
    for page in pages.into_iter().chain(docs) {
        let text = std::fs::read_to_string(&page).expect("it is readable");
        for (name, _) in named(&text) {
            let whole = METRICS.iter().any(|metric| metric.name == name);
            // `driftline_` by itself, or a family's beginning, is no metric's name.
            let known = whole || metric(&name).is_some() || name.ends_with('_');
            assert!(known, "{}: no metric is called `{name}`", page.display());
            told.insert(name);
        }
    }
    for metric in METRICS {
        assert!(told.contains(metric.name), "no page names `{}`", metric.name);
    }
}
