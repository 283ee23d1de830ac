//! Grafana's dashboards, by the rules of grafana/dashboard-linter and some more: each rule's name stands
//! in what is told, and each is seen to tell.

#[path = "support/named.rs"]
mod named;
#[path = "support/tools.rs"]
#[expect(dead_code, reason = "nothing runs on")]
mod tools;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use named::{named, strange};
use serde_json::Value;
use tools::tool;

/// Units that panels may have, by Grafana's names.
const UNITS: [&str; 5] = ["short", "s", "bytes", "percentunit", "cps"];

fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/grafana").join(path)
}

fn dashboards() -> Vec<(String, Value)> {
    let files = std::fs::read_dir(at("dashboards")).expect("a folder");
    let mut all: Vec<(String, Value)> = files
        .map(|entry| entry.expect("a file").path())
        .map(|path| {
            let text = std::fs::read_to_string(&path).expect("it is readable");
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, serde_json::from_str(&text).expect("JSON"))
        })
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

fn text<'v>(value: &'v Value, path: &str) -> &'v str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

fn items<'v>(value: &'v Value, path: &str) -> &'v [Value] {
    value.pointer(path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// What is wrong with a variable that chooses jobs or instances.
fn template(dashboard: &Value, name: &str, faults: &mut Vec<String>) {
    let rule = format!("template-{name}-rule");
    let found = items(dashboard, "/templating/list").iter().find(|v| text(v, "/name") == name);
    let Some(found) = found else {
        faults.push(format!("{rule}: there is no such variable"));
        return;
    };
    let mut must = |holds: bool, what: &str| {
        if !holds {
            faults.push(format!("{rule}: {what}"));
        }
    };
    must(text(found, "/type") == "query", "it is no query");
    must(text(found, "/datasource/uid") == "${datasource}", "it asks a source of its own");
    must(text(found, "/label").eq_ignore_ascii_case(name), "its label");
    must(found["multi"] == true, "only one can be chosen");
    must(text(found, "/allValue") == ".+", "what all are");
    let query = text(found, "/query/query");
    let metric = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
    must(metric.is_some_and(|rest| rest.ends_with(name)), "template-label-promql-rule: its query");
    must(found["refresh"] == 2, "template-on-time-change-reload-rule: it is not asked again");
}

/// What is wrong with an expression.
fn target(expr: &str, faults: &mut Vec<String>) {
    let series = named(expr);
    if series.is_empty() {
        faults.push("target-promql-rule: it asks for nothing".to_owned());
    }
    for (name, labels) in &series {
        faults.extend(strange(name, labels));
    }
    for (rule, matcher) in
        [("target-job-rule", "job=~\"$job\""), ("target-instance-rule", "instance=~\"$instance\"")]
    {
        if expr.matches(matcher).count() != series.len() {
            faults.push(format!("{rule}: {expr}"));
        }
    }
    for call in ["rate(", "increase("] {
        for part in expr.split(call).skip(1) {
            let range = part.split_once("}[").and_then(|(_, rest)| rest.split_once(']'));
            let range = range.map_or("", |(range, _)| range);
            let whole = call == "increase(" && range == "$__range";
            if range != "$__rate_interval" && !whole {
                faults.push(format!("target-rate-interval-rule: [{range}] in {expr}"));
            }
        }
    }
    for (name, _) in series.iter().filter(|(name, _)| name.ends_with("_total")) {
        let plain = expr.split(name.as_str()).count() - 1;
        let rated = expr.split(&format!("rate({name}")).count() - 1;
        let summed = expr.split(&format!("increase({name}")).count() - 1;
        if plain != rated + summed {
            faults.push(format!("target-counter-agg-rule: {name} in {expr}"));
        }
    }
}

fn panel(panel: &Value, faults: &mut Vec<String>) {
    let title = text(panel, "/title");
    let kind = text(panel, "/type");
    if kind == "row" {
        return;
    }
    if title.is_empty() || text(panel, "/description").is_empty() {
        faults.push(format!("panel-title-description-rule: {title}"));
    }
    if kind == "text" {
        return;
    }
    if text(panel, "/datasource/uid") != "${datasource}" {
        faults.push(format!("panel-datasource-rule: {title}"));
    }
    if !UNITS.contains(&text(panel, "/fieldConfig/defaults/unit")) {
        faults.push(format!("panel-units-rule: {title}"));
    }
    let targets = items(panel, "/targets");
    if targets.is_empty() {
        faults.push(format!("panel-no-targets-rule: {title}"));
    }
    for asked in targets {
        if text(asked, "/datasource/uid") != "${datasource}" {
            faults.push(format!("panel-datasource-rule: {title}"));
        }
        if text(asked, "/legendFormat").is_empty() {
            faults.push(format!("legend: {title}"));
        }
        target(text(asked, "/expr"), faults);
    }
}

/// The squares of the grid that a panel covers.
fn squares(panel: &Value) -> Vec<(u64, u64)> {
    let of = |key: &str| panel["gridPos"][key].as_u64().unwrap_or_default();
    let (x, y) = (of("x"), of("y"));
    let column = move |across: u64| (y..y + of("h")).map(move |down| (across, down));
    (x..x + of("w")).flat_map(column).collect()
}

/// All that is wrong with a dashboard.
fn faults(dashboard: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let sources = items(dashboard, "/templating/list");
    let sources = sources.iter().filter(|variable| text(variable, "/type") == "datasource");
    let names: Vec<(&str, &str)> =
        sources.map(|variable| (text(variable, "/name"), text(variable, "/label"))).collect();
    if names != [("datasource", "Data source")] {
        faults.push("template-datasource-rule: the source can't be chosen".to_owned());
    }
    template(dashboard, "job", &mut faults);
    template(dashboard, "instance", &mut faults);
    if dashboard["editable"] != false {
        faults.push("uneditable-dashboard: it can be edited".to_owned());
    }
    if !text(dashboard, "/uid").starts_with("driftline-") || text(dashboard, "/title").is_empty() {
        faults.push("uid: none of ours".to_owned());
    }
    let mut covered = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for one in items(dashboard, "/panels") {
        panel(one, &mut faults);
        let own = squares(one);
        if own.is_empty() || own.iter().any(|(x, _)| *x >= 24) {
            faults.push(format!("grid: {} is outside", text(one, "/title")));
        }
        for square in own {
            if !covered.insert(square) {
                faults.push(format!("grid: {} lies on another", text(one, "/title")));
                break;
            }
        }
        if !ids.insert(one["id"].to_string()) {
            faults.push(format!("id: {} has another's", text(one, "/title")));
        }
    }
    faults
}

#[test]
fn every_dashboard_keeps_every_rule() {
    let all = dashboards();
    assert_eq!(all.len(), 5);
    let mut uids = BTreeSet::new();
    for (name, dashboard) in &all {
        assert_eq!(faults(dashboard), Vec::<String>::new(), "{name}");
        assert!(uids.insert(text(dashboard, "/uid").to_owned()), "{name}");
        assert_eq!(
            dashboard["tags"],
            serde_json::json!(["driftline"]),
            "{name}: how links find it"
        );
    }
}

#[test]
fn each_rule_tells_when_it_is_broken() {
    let (_, whole) = dashboards().remove(0);
    // The first panel that asks something, and what it asks.
    let at = items(&whole, "/panels").iter().position(|p| !items(p, "/targets").is_empty());
    let at = format!("/panels/{}", at.expect("some panel asks"));
    let expr = format!("{at}/targets/0/expr");
    let asks = "sum(rate(driftline_events_total{job=~\"$job\", instance=~\"$instance\"}[$__rate_interval]))";
    let on = |path: &str| format!("{at}{path}");
    let cases = [
        ("template-datasource-rule", "/templating/list/0/name".to_owned(), Value::from("source")),
        ("template-job-rule", "/templating/list/1/multi".to_owned(), false.into()),
        ("template-job-rule", "/templating/list/1/name".to_owned(), "jobs".into()),
        ("template-instance-rule", "/templating/list/2/allValue".to_owned(), ".*".into()),
        ("template-label-promql-rule", "/templating/list/2/query/query".to_owned(), "up".into()),
        ("template-on-time-change-reload-rule", "/templating/list/1/refresh".to_owned(), 1.into()),
        ("uneditable-dashboard", "/editable".to_owned(), true.into()),
        ("uid", "/uid".to_owned(), "other".into()),
        ("panel-datasource-rule", on("/datasource/uid"), "prometheus".into()),
        ("panel-datasource-rule", on("/targets/0/datasource/uid"), "prometheus".into()),
        ("panel-title-description-rule", on("/description"), "".into()),
        ("panel-units-rule", on("/fieldConfig/defaults/unit"), "furlongs".into()),
        ("panel-no-targets-rule", on("/targets"), Value::Array(Vec::new())),
        ("legend", on("/targets/0/legendFormat"), "".into()),
        ("grid", on("/gridPos/w"), 25.into()),
        ("grid", on("/gridPos"), whole["panels"][1]["gridPos"].clone()),
        ("id", on("/id"), whole["panels"][1]["id"].clone()),
        ("target-promql-rule", expr.clone(), "1".into()),
        ("target-job-rule", expr.clone(), asks.replace("job=~\"$job\", ", "").into()),
        ("target-instance-rule", expr.clone(), asks.replace("$instance", "a").into()),
        ("target-rate-interval-rule", expr.clone(), asks.replace("$__rate_interval", "5m").into()),
        ("target-counter-agg-rule", expr.clone(), asks.replace("rate(", "max(").into()),
        ("no metric is called", expr.clone(), asks.replace("events_total", "evnts_total").into()),
        ("has no label", expr.clone(), asks.replace("{job", "{tenant=\"a\", job").into()),
    ];
    let mut fine = whole.clone();
    *fine.pointer_mut(&expr).expect("it is there") = asks.into();
    assert_eq!(faults(&fine), Vec::<String>::new());
    for (rule, path, value) in cases {
        let mut broken = whole.clone();
        *broken.pointer_mut(&path).expect("it is there") = value;
        let told = faults(&broken);
        assert!(told.iter().any(|fault| fault.contains(rule)), "{rule} {path}: {told:?}");
    }
}

#[test]
fn prometheus_understands_every_expression() {
    let Some(promtool) = tool("promtool", "prometheus") else { return };
    let mut rules = String::from("groups:\n- name: dashboards\n  rules:\n");
    let mut count = 0;
    for (_, dashboard) in dashboards() {
        for one in items(&dashboard, "/panels").iter().flat_map(|panel| items(panel, "/targets")) {
            let expr =
                text(one, "/expr").replace("$__rate_interval", "5m").replace("$__range", "1h");
            let expr = Value::from(expr).to_string();
            let _ = writeln!(rules, "  - {{record: \"asked:{count}\", expr: {expr}}}");
            count += 1;
        }
    }
    assert!(count > 40, "{count}");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("rules.yml");
    std::fs::write(&file, rules).expect("it is written");
    let out = Command::new(promtool).args(["check", "rules"]).arg(&file).output().expect("it runs");
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.success(), "{}{said}", String::from_utf8_lossy(&out.stdout));
}

#[test]
fn provisioning_leads_to_the_dashboards_and_to_prometheus() {
    let read = |path: &str| -> Value {
        let text = std::fs::read_to_string(at(path)).expect("it is there");
        serde_saphyr::from_str(&text).expect("it is YAML")
    };
    let compose = std::fs::read_to_string(at("../../docker-compose.yml")).expect("it is there");
    let dashboards = read("provisioning/dashboards/driftline.yml");
    let path = text(&dashboards, "/providers/0/options/path");
    assert!(compose.contains(&format!("./deploy/grafana/dashboards:{path}:ro")), "{path}");
    let source = read("provisioning/datasources/prometheus.yml");
    assert_eq!(text(&source, "/datasources/0/type"), "prometheus");
    let host = text(&source, "/datasources/0/url").trim_start_matches("http://");
    let host = host.split(':').next().unwrap_or_default();
    assert!(compose.contains(&format!("\n  {host}:\n")), "{host} is a service");
}
