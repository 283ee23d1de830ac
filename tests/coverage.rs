//! `driftline coverage`: the committed page is the printed one, and no gap goes without a reason.

mod common;

use std::process::Command;

use common::fresh::fresh;

fn printed(format: &str) -> String {
    let run = Command::new(env!("CARGO_BIN_EXE_driftline"))
        .args(["coverage", "--format", format])
        .output()
        .expect("the command starts");
    assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).expect("text")
}

#[test]
fn the_committed_page_is_the_printed_one() {
    fresh("docs/coverage.md", &printed("markdown"));
}

#[test]
fn what_is_not_live_says_what_it_lacks() {
    let lines: serde_json::Value = serde_json::from_str(&printed("json")).expect("JSON");
    let lines = lines.as_array().expect("a list");
    assert!(lines.len() > 500, "{} lines", lines.len());
    let gaps = lines.iter().filter(|line| line["status"] == "partial" || line["status"] == "dead");
    let silent: Vec<_> = gaps
        .filter(|line| {
            let none = |key: &str| line[key].as_array().is_none_or(Vec::is_empty);
            none("missing") && none("assumed")
        })
        .collect();
    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn a_detector_whose_facets_have_defaults_names_the_event_it_lacks() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = "apiVersion: driftline/v1
kind: Kind
id: acme.door
area: identity
facets: {open: {type: bool, default: false}}
---
apiVersion: driftline/v1
kind: Mapping
provider: aws
service: acme.amazonaws.com
on:
  - {event: Open, resource: {kind: acme.door, id: request.id}, put: {open: 'true'}}
---
apiVersion: driftline/v1
kind: Detector
id: ACME-001
title: A door stands open
severity: high
maturity: stable
applies_to: acme.door
insecure: open
why: w
";
    std::fs::write(folder.path().join("a.yaml"), text).expect("written");
    let run = Command::new(env!("CARGO_BIN_EXE_driftline"))
        .arg("coverage")
        .arg("--content")
        .arg(folder.path())
        .output()
        .expect("the command starts");
    let told = String::from_utf8(run.stdout).expect("text");
    let expected = "ACME-001 on aws snapshot: dead; missing an event of `acme.door`";
    assert!(told.contains(expected), "{told}");
}
