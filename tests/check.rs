//! `driftline check` as people and programs use it: every fault of every file, in three formats,
//! and exit codes.

#![recursion_limit = "256"]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value as Json, json};

const KIND: &str = "apiVersion: driftline/v1
kind: Kind
id: acme.door
area: identity
facets: {open: bool}
";
const DETECTOR: &str = "apiVersion: driftline/v1
kind: Detector
id: ACME-001
title: A door stands open
severity: high
maturity: stable
applies_to: acme.door
insecure: open
why: Whoever passes by comes in.
";

fn check(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_driftline"))
        .arg("check")
        .args(arguments)
        .arg(folder)
        .env_remove("RUST_LOG")
        .output()
        .expect("the command starts")
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A folder whose two files have an error each.
fn broken() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let detector = DETECTOR.replace("insecure: open", "insecure: opne");
    fs::write(folder.path().join("a b.yaml"), detector).expect("written");
    let kind = KIND.replace("bool", "boolen");
    fs::write(folder.path().join("kind.yaml"), kind).expect("written");
    folder
}

/// A folder with warnings alone.
fn odd() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("d.yaml"), DETECTOR).expect("written");
    fs::write(folder.path().join("k.yaml"), KIND).expect("written");
    folder
}

#[test]
fn every_fault_of_every_file_is_told_at_once_and_ends_with_78() {
    let folder = broken();
    let run = check(folder.path(), &[]);
    assert_eq!(run.status.code(), Some(78));
    let text = told(&run);
    for part in [
        "a b.yaml:8:11: error: unknown name `opne`",
        "insecure: opne\n   |           ^^^^",
        "kind.yaml:5:16: error: unknown type `boolen`",
        "did you mean `bool`?",
    ] {
        assert!(text.contains(part), "`{part}` is not in\n{text}");
    }
    let error = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(error.contains("2 errors and 0 warnings in content"), "{error}");
}

#[test]
fn warnings_are_told_and_do_not_fail() {
    let folder = odd();
    let run = check(folder.path(), &[]);
    let text = told(&run);
    assert_eq!(run.status.code(), Some(0), "{text}");
    assert!(text.contains("warning: detector `ACME-001` has no tests"), "{text}");
    assert!(text.contains("can never fire: no mapping gives acme.door.open"), "{text}");
    assert!(!text.contains("config/content/"), "the pack's own warnings are its authors' matter");
    assert!(text.trim_end().ends_with("detectors, 3 warnings"), "{text}");
}

#[test]
fn programs_are_told_the_same_as_json() {
    let folder = broken();
    let run = check(folder.path(), &["--format", "json"]);
    assert_eq!(run.status.code(), Some(78));
    let found: Json = serde_json::from_slice(&run.stdout).expect("it is JSON");
    assert_eq!((&found["errors"], &found["warnings"]), (&json!(2), &json!(0)));
    let fault = &found["faults"][0];
    let place = (&fault["line"], &fault["column"], &fault["level"]);
    assert_eq!(place, (&json!(8), &json!(11), &json!("error")));
    assert!(fault["file"].as_str().is_some_and(|file| file.ends_with("a b.yaml")), "{fault}");
    let run = check(odd().path(), &["--format", "json"]);
    assert_eq!(run.status.code(), Some(0));
    let found: Json = serde_json::from_slice(&run.stdout).expect("it is JSON");
    assert_eq!((&found["errors"], &found["warnings"]), (&json!(0), &json!(3)));
}

/// What OASIS SARIF 2.1.0 demands of the parts of a log that are written here: sections 3.13
/// (log), 3.14 (run), 3.19 (toolComponent), 3.27 (result), 3.29 (physicalLocation), 3.30 (region)
/// and 3.49 (reportingDescriptor).
fn sarif_shape() -> Json {
    let text = json!({"type": "object", "required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}});
    let number = json!({"type": "integer", "minimum": 1});
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object", "required": ["version", "runs"], "additionalProperties": false,
        "properties": {
            "$schema": {"type": "string", "format": "uri"},
            "version": {"const": "2.1.0"},
            "runs": {"type": "array", "items": {"$ref": "#/$defs/run"}},
        },
        "$defs": {
            "run": {"type": "object", "required": ["tool", "results"], "additionalProperties": false, "properties": {
                "tool": {"type": "object", "required": ["driver"], "additionalProperties": false,
                    "properties": {"driver": {"$ref": "#/$defs/driver"}}},
                "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                "results": {"type": "array", "items": {"$ref": "#/$defs/result"}},
            }},
            "driver": {"type": "object", "required": ["name"], "additionalProperties": false, "properties": {
                "name": {"type": "string"}, "version": {"type": "string"},
                "rules": {"type": "array", "uniqueItems": true, "items": {"type": "object", "required": ["id"],
                    "additionalProperties": false,
                    "properties": {"id": {"type": "string"}, "shortDescription": text}}},
            }},
            "result": {"type": "object", "required": ["message"], "additionalProperties": false, "properties": {
                "ruleId": {"type": "string"}, "ruleIndex": {"type": "integer", "minimum": 0},
                "level": {"enum": ["none", "note", "warning", "error"]}, "message": text,
                "locations": {"type": "array", "items": {"type": "object", "additionalProperties": false,
                    "properties": {"physicalLocation": {"type": "object", "required": ["artifactLocation"],
                        "additionalProperties": false, "properties": {
                            "artifactLocation": {"type": "object", "additionalProperties": false,
                                "properties": {"uri": {"type": "string", "pattern": "^[^ \\\\]+$"}}},
                            "region": {"type": "object", "required": ["startLine"], "additionalProperties": false,
                                "properties": {"startLine": number, "startColumn": number, "endColumn": number,
                                    "snippet": {"type": "object", "properties": {"text": {"type": "string"}}}}},
                        }}}}},
            }},
        },
    })
}

#[test]
fn code_review_is_told_in_sarif() {
    let validator = jsonschema::validator_for(&sarif_shape()).expect("a schema");
    for (folder, code) in [(broken(), 78), (odd(), 0)] {
        let run = check(folder.path(), &["--format", "sarif"]);
        assert_eq!(run.status.code(), Some(code));
        let log: Json = serde_json::from_slice(&run.stdout).expect("it is JSON");
        let faults: Vec<String> =
            validator.iter_errors(&log).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{faults:?}");
        let rules = &log["runs"][0]["tool"]["driver"]["rules"];
        let results = log["runs"][0]["results"].as_array().expect("a list");
        assert!(results.len() >= 2, "{log}");
        for result in results {
            let index = result["ruleIndex"].as_u64().expect("a number");
            assert_eq!(rules[usize::try_from(index).expect("small")]["id"], result["ruleId"]);
            let region = &result["locations"][0]["physicalLocation"]["region"];
            assert!(region["startColumn"].as_u64() < region["endColumn"].as_u64(), "{result}");
        }
    }
}
