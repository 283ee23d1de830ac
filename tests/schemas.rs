//! The JSON Schemas of content: those committed are the printed ones, every shipped file names
//! its own and is valid, and what an author breaks is refused.

mod common;

use std::fs;
use std::process::{Command, Output};

use common::edits::{EDITS, Schema};
use common::fresh::{blessing, fresh};
use driftline::content::Files;
use serde_json::Value as Json;

/// Names as `driftline schema` knows them.
const ALL: [&str; 5] = ["config", "kind", "mapping", "detector", "alert"];

fn driftline(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_driftline"))
        .args(arguments)
        .output()
        .expect("the command starts")
}

fn printed(of: &str) -> String {
    let run = driftline(&["schema", of]);
    assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8(run.stdout).expect("text")
}

fn validator(of: &str) -> jsonschema::Validator {
    let schema: Json = serde_json::from_str(&printed(of)).expect("JSON");
    jsonschema::meta::validate(&schema).expect("a schema by its own dialect");
    jsonschema::validator_for(&schema).expect("a schema")
}

/// Which schema a file of content needs, by what it declares.
fn schema_of(text: &str) -> &'static str {
    let kind = text.lines().find_map(|line| line.strip_prefix("kind: ")).unwrap_or_default();
    match kind.trim() {
        "Detector" => "detector",
        "Mapping" => "mapping",
        // Types and acts too; and that schema refuses whatever is none of these.
        _ => "kind",
    }
}

/// The comment by which editors find the schema: a path relative to the file.
fn header(path: &str, of: &str) -> String {
    let up = "../".repeat(path.matches('/').count());
    format!("# yaml-language-server: $schema={up}schema/{of}.json")
}

/// Every shipped YAML file with its path and the name of its schema.
fn shipped() -> Vec<(String, String, &'static str)> {
    let mut found: Vec<_> = Files::shipped()
        .documents()
        .map(|file| (file.path.to_string(), file.text.to_string(), schema_of(&file.text)))
        .collect();
    let config = "config/driftline.yaml";
    found.push((config.to_owned(), fs::read_to_string(config).expect("it is there"), "config"));
    assert!(found.len() > 150, "{} files", found.len());
    found
}

#[test]
fn the_committed_schemas_are_the_printed_ones() {
    for of in ALL {
        fresh(&format!("schema/{of}.json"), &printed(of));
    }
}

#[test]
fn every_shipped_file_names_its_schema_in_its_first_line() {
    let mut wrong = Vec::new();
    for (path, text, of) in shipped() {
        let line = header(&path, of);
        if text.lines().next() == Some(&line) {
            continue;
        }
        if blessing() {
            let rest = text
                .strip_prefix("# yaml-language-server:")
                .map_or(&*text, |rest| rest.split_once('\n').map_or("", |(_, rest)| rest));
            fs::write(&path, format!("{line}\n{rest}")).expect("it can be written");
            continue;
        }
        wrong.push(format!("{path}: {line}"));
    }
    assert!(wrong.is_empty(), "DRIFTLINE_BLESS=1 cargo test writes them:\n{}", wrong.join("\n"));
}

#[test]
fn every_shipped_file_is_valid_by_its_schema() {
    let validators = ALL.map(|of| (of, validator(of)));
    let mut wrong = Vec::new();
    for (path, text, of) in shipped() {
        let (_, validator) = validators.iter().find(|(name, _)| *name == of).expect("one of them");
        let value: Json = serde_saphyr::from_str(&text).expect("YAML");
        let faults = validator.iter_errors(&value);
        wrong.extend(faults.map(|fault| format!("{path}{}: {fault}", fault.instance_path())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_breaks_the_shape_of_a_file_is_refused_by_its_schema_and_nothing_else_is() {
    let validators = ALL.map(|of| (of, validator(of)));
    let shipped = Files::shipped();
    let mut wrong = Vec::new();
    for edit in EDITS {
        let path = format!("config/content/{}", edit.file);
        let file = shipped.all().iter().find(|file| *file.path == *path).expect(edit.file);
        let of = schema_of(&file.text);
        let (_, validator) = validators.iter().find(|(name, _)| *name == of).expect("one of them");
        let (text, _, _) = edit.apply(&file.text);
        let said = match serde_saphyr::from_str::<Json>(&text) {
            Err(_) => Schema::NotYaml,
            Ok(value) if validator.is_valid(&value) => Schema::Passes,
            Ok(_) => Schema::Refuses,
        };
        if said != edit.schema {
            wrong.push(format!("{}: {:?} was expected, not {said:?}", edit.what, edit.schema));
        }
    }
    let structural = EDITS.iter().filter(|edit| edit.schema == Schema::Refuses).count();
    assert!(structural >= 20, "{structural} edits break the shape");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Where a schema lets a key stand without a word of what it is for. `keys` tells that the members
/// are named by the file's author, as those of `properties` are.
fn undescribed(schema: &Json, keys: bool, path: &str, found: &mut Vec<String>) {
    let members: Vec<(&str, &Json)> = match schema {
        Json::Object(members) => members.iter().map(|(key, at)| (key.as_str(), at)).collect(),
        Json::Array(items) => items.iter().map(|item| ("#", item)).collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => return,
    };
    for (key, member) in members {
        let path = format!("{path}/{key}");
        if keys && member["description"].as_str().unwrap_or("").is_empty() {
            found.push(path.clone());
        }
        undescribed(member, !keys && key == "properties", &path, found);
    }
}

#[test]
fn every_key_is_described() {
    let mut found = Vec::new();
    for of in ALL {
        undescribed(&serde_json::from_str(&printed(of)).expect("JSON"), false, of, &mut found);
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_command_lists_what_there_is_and_says_what_there_is_not() {
    let run = driftline(&["schema"]);
    let text = String::from_utf8(run.stdout).expect("text");
    let names: Vec<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(names, ALL);
    let run = driftline(&["schema", "policy"]);
    assert_eq!(run.status.code(), Some(1));
    let error = String::from_utf8(run.stderr).expect("text");
    assert!(error.contains("policies are not in this version"), "{error}");
}

#[test]
fn names_of_an_authors_own_content_are_offered_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let kind = "apiVersion: driftline/v1\nkind: Kind\nid: acme.door\narea: identity\n";
    fs::write(folder.path().join("k.yaml"), kind).expect("written");
    let run = driftline(&["schema", "detector", "--content", &folder.path().display().to_string()]);
    let text = String::from_utf8(run.stdout).expect("text");
    assert!(text.contains("\"acme.door\""), "{text}");
}
