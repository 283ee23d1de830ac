//! Events nobody in this project wrote, where the folder with them is at hand.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{Told, outcomes, outcomes_with};
use crate::model::{DeadReason, Format, Limits};

#[allow(clippy::disallowed_methods, reason = "the only setting of these tests")]
fn folder() -> Option<PathBuf> {
    let at = std::env::var("DRIFTLINE_CORPORA").unwrap_or_else(|_| "../shared/corpora".into());
    let at = PathBuf::from(at);
    if !at.is_dir() {
        println!("DID NOT RUN: no corpora in {}", at.display());
        return None;
    }
    Some(at)
}

fn files() -> Vec<(String, Vec<u8>)> {
    let Some(folder) = folder() else { return Vec::new() };
    let mut found = Vec::new();
    for group in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if !group.path().is_dir() {
            continue;
        }
        for file in std::fs::read_dir(group.path()).unwrap().map(Result::unwrap) {
            let name = file.file_name().into_string().unwrap();
            let path = format!("{}/{name}", group.file_name().to_str().unwrap());
            found.push((path, std::fs::read(file.path()).unwrap()));
        }
    }
    found.sort();
    found
}

/// The event of a line: that of the test where the line wraps one.
fn event(path: &str, line: &[u8]) -> Vec<u8> {
    if !path.starts_with("panther") {
        return line.to_vec();
    }
    let test: serde_json::Value = serde_json::from_slice(line).unwrap();
    test["event"].to_string().into_bytes()
}

#[test]
fn every_corpus_event_decodes_or_is_refused_with_a_reason() {
    for (path, bytes) in files() {
        let mut counts = BTreeMap::new();
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let all = outcomes(&event(&path, line));
            assert!(!all.is_empty(), "{path}");
            for told in all {
                let label = match told {
                    Told::Event { format, .. } => format.as_str().to_owned(),
                    Told::Dead { reason, format, detail } => {
                        let format = format.map_or("-", Format::as_str);
                        format!("{} {format} {detail}", reason.as_str())
                    }
                    Told::Skipped { .. } => "skipped".to_owned(),
                };
                *counts.entry(label).or_insert(0) += 1;
            }
        }
        println!("{path}: {counts:?}");
    }
}

#[test]
fn no_foreign_product_comes_out_as_a_cloud() {
    let Some(folder) = folder() else { return };
    let bytes = std::fs::read(folder.join("panther-analysis/tests-other.jsonl")).unwrap();
    let mut strangers = 0;
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let event = event("panther", line);
        // A few rules there are about sign-ins anywhere and carry true cloud events.
        let own = [&b"\"p_log_type\":\"AWS.CloudTrail\""[..], b"\"p_log_type\":\"GCP.AuditLog\""];
        if own.iter().any(|mark| memchr::memmem::find(&event, mark).is_some()) {
            continue;
        }
        for told in outcomes(&event) {
            let text = String::from_utf8_lossy(&line[..line.len().min(300)]).into_owned();
            let Told::Dead { reason, .. } = told else { panic!("{told:?}: {text}") };
            assert_eq!(reason, DeadReason::Unrecognised, "{text}");
            strangers += 1;
        }
    }
    assert!(strangers > 500, "{strangers}");
}

#[test]
fn all_documented_huawei_examples_decode_or_have_no_change_in_them() {
    let Some(folder) = folder() else { return };
    for file in std::fs::read_dir(folder.join("huawei-docs")).unwrap().map(Result::unwrap) {
        if file.file_name() == "sources.jsonl" {
            continue;
        }
        let bytes = std::fs::read(file.path()).unwrap();
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            for told in outcomes(line) {
                let no_change = [DeadReason::NotAChange, DeadReason::Pointer];
                let fine = match &told {
                    Told::Event { .. } => true,
                    Told::Dead { reason, .. } => no_change.contains(reason),
                    Told::Skipped { .. } => false,
                };
                assert!(fine, "{:?}: {told:?}", file.file_name());
            }
        }
    }
}

#[test]
fn the_shared_examples_come_out_as_their_names_say() {
    let Some(folder) = folder() else { return };
    let Ok(examples) = std::fs::read_dir(folder.join("../reference/examples")) else { return };
    for file in examples.map(Result::unwrap) {
        let name = file.file_name().into_string().unwrap();
        let bytes = std::fs::read(file.path()).unwrap();
        let all = outcomes(&bytes);
        println!("{name}: {all:?}");
        for told in &all {
            match told {
                Told::Event { format, .. } => {
                    let start = format.as_str().split('-').next().unwrap();
                    let start = if start == "kubernetes" { "k8s" } else { start };
                    assert!(name.starts_with(start), "{name}: {told:?}");
                }
                Told::Dead { reason, .. } => {
                    let expected = match name.as_str() {
                        "aws-config-oversized.json" => DeadReason::Pointer,
                        "huawei-config-relation.json" => DeadReason::NotAChange,
                        "alibaba-actiontrail.json" => DeadReason::Unrecognised,
                        _ => panic!("{name}: {told:?}"),
                    };
                    assert_eq!(*reason, expected, "{name}");
                }
                Told::Skipped { .. } => panic!("{name}: {told:?}"),
            }
        }
        assert_eq!(
            outcomes_with(&bytes, Limits::default(), false).len(),
            all.len(),
            "{name}: as many outcomes when nobody reads"
        );
    }
}
