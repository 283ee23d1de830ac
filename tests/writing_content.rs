//! `docs/writing-content.md` is followed to the letter, as somebody would who has just met the
//! program: its files are written, its commands run, and what it shows must be told.

use std::fs;
use std::path::Path;
use std::process::Command;

const PAGE: &str = include_str!("../docs/writing-content.md");

/// What the page asks for, in its order.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// A file, and its text.
    File(String, String),
    /// A command, and lines that it tells one after the other, in whole or in part.
    Run(String, Vec<String>),
}

fn steps(page: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut named = None;
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            let name = line.strip_prefix('`').and_then(|rest| rest.strip_suffix("`:"));
            named = name.or(named.filter(|_| line.is_empty()));
            continue;
        };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        if language == "console" {
            console(&block, &mut steps);
        } else if let Some(name) = named.take() {
            steps.push(Step::File(name.to_owned(), block.join("\n") + "\n"));
        }
    }
    steps
}

fn console(block: &[&str], steps: &mut Vec<Step>) {
    for line in block {
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step::Run(command.to_owned(), Vec::new()));
        } else if let Some(Step::Run(_, told)) = steps.last_mut() {
            told.push((*line).to_owned());
        }
    }
}

/// What the command told; it must end well.
fn run(folder: &Path, command: &str) -> String {
    let program = format!("'{}'", env!("CARGO_BIN_EXE_driftline"));
    let command = command.replacen("driftline ", &format!("{program} "), 1);
    let output = Command::new("sh")
        .args(["-c", &command])
        .current_dir(folder)
        .env_remove("RUST_LOG")
        .output()
        .expect("the shell starts");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8(text).expect("text");
    assert_eq!(output.status.code(), Some(0), "{command}\n{text}");
    text
}

#[test]
fn the_page_for_authors_can_be_followed_to_the_letter() {
    let folder = tempfile::tempdir().expect("a folder");
    let steps = steps(PAGE);
    let mut files = 0;
    for step in &steps {
        match step {
            Step::File(name, text) => {
                let path = folder.path().join(name);
                fs::create_dir_all(path.parent().expect("it has one")).expect("made");
                fs::write(path, text).expect("written");
                files += 1;
            }
            Step::Run(command, expected) => {
                let told = run(folder.path(), command);
                let mut rest = &*told;
                for line in expected {
                    let at = rest.find(line.as_str());
                    assert!(at.is_some(), "`{line}` does not follow:\n$ {command}\n{told}");
                    rest = &rest[at.unwrap_or_default()..];
                }
            }
        }
    }
    assert_eq!((files, steps.len() - files), (4, 12), "files and commands of the page");
}

#[test]
fn the_files_of_the_page_are_valid_by_the_schemas_that_they_name() {
    let mut seen = 0;
    for step in steps(PAGE) {
        let Step::File(_, text) = step else { continue };
        let Some(header) = text.strip_prefix("# yaml-language-server: $schema=../../") else {
            continue;
        };
        let schema = header.lines().next().expect("a line");
        let schema = fs::read_to_string(schema).expect("it is committed");
        let schema = serde_json::from_str(&schema).expect("JSON");
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let value: serde_json::Value = serde_saphyr::from_str(&text).expect("YAML");
        let faults: Vec<String> =
            validator.iter_errors(&value).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{faults:?}");
        seen += 1;
    }
    assert_eq!(seen, 3);
}

#[test]
fn a_page_is_read_as_people_read_it() {
    let page = "a\n\n`x/y.yaml`:\n\n```yaml\na: 1\n```\n```cel\nx\n```\n```console\n$ one\ntold\n$ two\n```\n";
    let told = vec!["told".to_owned()];
    let expected = [
        Step::File("x/y.yaml".into(), "a: 1\n".into()),
        Step::Run("one".into(), told),
        Step::Run("two".into(), Vec::new()),
    ];
    assert_eq!(steps(page), expected);
}
