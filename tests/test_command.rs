//! `driftline test` as authors and their pipelines use it: what a failure shows, exit codes, the
//! report for machines, and what `--update` rewrites.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// A detector over the shipped kinds whose tests are laid out in each way, all wrong.
const WRONG: &str = r#"# A remark of the author's, é.
apiVersion: driftline/v1
kind: Detector
id: ACME-002
title: A trail was stopped
severity: {SEVERITY}
maturity: stable
applies_to: network.security_group
insecure: 'net.opens_world'
why: w   # kept
fix: {aws: x}
tests:
  - name: one line   # too
    events: [{aws: {source: s.amazonaws.com, name: Other}}]
    expect: opened high   # to be replaced
  - {name: "<in braces> & \"quoted\"", events: [{wait: 5m}], expect: [opened, resolved]}
  - name: with dashes
    expect:
      - opened high
      - resolved      # the last
    # before the events
    events:
      - {wait: 5m}
  - name: this one is right
    events: {wait: 5m}
    expect: silent
"#;

fn detector() -> String {
    WRONG
        .replace("{SEVERITY}", "high")
        .replace("'net.opens_world'", "rules.exists(r, r.action == allow && r.ports.contains(22))")
}

fn driftline(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_driftline"))
        .arg("test")
        .args(arguments)
        .current_dir(folder)
        .env_remove("RUST_LOG")
        .output()
        .expect("the command starts")
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

fn folder(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("own")).expect("made");
    fs::write(folder.path().join("own/acme-002.yaml"), text).expect("written");
    folder
}

#[test]
fn the_shipped_pack_passes_its_own_tests() {
    let run = driftline(Path::new("."), &[]);
    let text = told(&run);
    assert_eq!(run.status.code(), Some(0), "{text}");
    assert!(text.contains(" passed, 0 failed"), "{text}");
}

#[test]
fn a_failure_shows_expected_beside_got_and_what_the_expression_saw() {
    let opens = "
  - name: it is thought to be silent
    events: [{aws: {source: ec2.amazonaws.com, name: AuthorizeSecurityGroupIngress, request: {groupId: sg-1}, response: {securityGroupRuleSet: {items: [{groupId: sg-1, securityGroupRuleId: sgr-1, isEgress: false, ipProtocol: tcp, fromPort: 22, toPort: 22, cidrIpv4: 0.0.0.0/0}]}}}}]
    expect: silent
";
    let folder = folder(&(detector() + opens.trim_start_matches('\n')));
    let run = driftline(folder.path(), &["own", "--filter", "acme-002"]);
    let text = told(&run);
    assert_eq!(run.status.code(), Some(3), "{text}");
    let mut rest = &*text;
    for part in [
        "FAIL  ACME-002: one line  (own/acme-002.yaml:13)",
        "expected: opened high\n        got:      silent\n",
        "event 1: Other unwatched",
        "FAIL  ACME-002: it is thought to be silent",
        "expected: silent\n        got:      opened high\n",
        "event 1: AuthorizeSecurityGroupIngress applied",
        "insecure, high",
        "r.ports.contains(22) = true",
        "1 passed, 4 failed",
    ] {
        let at = rest.find(part);
        assert!(at.is_some(), "`{part}` does not follow in\n{text}");
        rest = &rest[at.unwrap_or_default()..];
    }
}

#[test]
fn a_mappings_failure_shows_what_the_event_was_mapped_to() {
    let mapping = r"apiVersion: driftline/v1
kind: Mapping
provider: aws
service: acme.amazonaws.com
on:
  - event: Name
    resource: {kind: network.security_group, id: request.id}
    put: {name: request.name}
tests:
  - name: a name is read
    event: {aws: {source: acme.amazonaws.com, name: Name, request: {id: g, name: a}}}
    facets: {network.security_group g: {name: b}}
";
    let folder = folder(mapping);
    let run = driftline(folder.path(), &["own", "--filter", "own/"]);
    let text = told(&run);
    assert_eq!(run.status.code(), Some(3), "{text}");
    for part in
        ["name: expected \"b\"", "got      \"a\"", "own/acme-002.yaml:6", "name = \"a\"", "applied"]
    {
        assert!(text.contains(part), "`{part}` is not in\n{text}");
    }
    let run = driftline(folder.path(), &["own", "--filter", "own/", "--update"]);
    assert!(told(&run).contains("only what detectors' tests expect is rewritten"));
    let after = fs::read_to_string(folder.path().join("own/acme-002.yaml")).expect("there");
    assert_eq!(after, mapping);
}

#[test]
fn update_rewrites_what_failed_tests_expect_and_not_one_other_byte() {
    let before = detector();
    let folder = folder(&before);
    let run = driftline(folder.path(), &["own", "--filter", "acme-002", "--update"]);
    let text = told(&run);
    assert_eq!(run.status.code(), Some(3), "what failed failed: {text}");
    assert!(text.contains("rewritten: own/acme-002.yaml (3)"), "{text}");
    let expected = before
        .replace("expect: opened high   # to be", "expect: [silent]   # to be")
        .replace("expect: [opened, resolved]}", "expect: [silent]}")
        .replace("- opened high\n      - resolved      # the", "[silent]      # the");
    let after = fs::read_to_string(folder.path().join("own/acme-002.yaml")).expect("there");
    assert_eq!(after, expected);
    let run = driftline(folder.path(), &["own", "--filter", "acme-002"]);
    assert_eq!(run.status.code(), Some(0), "{}", told(&run));
}

#[test]
fn update_leaves_the_shipped_pack_alone() {
    // The user's mapping takes the place of a shipped one, and shipped detectors hear nothing.
    let folder = tempfile::tempdir().expect("a folder");
    let mappings = folder.path().join("config/content/mappings/aws");
    fs::create_dir_all(&mappings).expect("made");
    let deaf = "apiVersion: driftline/v1\nkind: Mapping\nprovider: aws\nservice: kms.amazonaws.com\non: []\n";
    fs::write(mappings.join("kms.yaml"), deaf).expect("written");
    let run = driftline(folder.path(), &["config/content", "--filter", "KEY-", "--update"]);
    let text = told(&run);
    assert_eq!(run.status.code(), Some(3), "{text}");
    assert!(text.contains(": the shipped pack is part of the program"), "{text}");
    assert!(!text.contains("rewritten:"), "{text}");
    assert!(!folder.path().join("config/content/detectors").exists());
}

/// Reads XML strictly enough for a report: tags that nest and close, attributes in quotes, no
/// character that XML 1.0 forbids, `&` only before the five names.
fn well_formed(xml: &str) -> Result<Vec<String>, String> {
    let body =
        xml.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n").ok_or("prologue")?;
    let mut open: Vec<&str> = Vec::new();
    let mut seen = Vec::new();
    let mut rest = body;
    while let Some(at) = rest.find('<') {
        text(&rest[..at])?;
        let end = rest.find('>').ok_or("a tag without end")?;
        let tag = &rest[at + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name) {
                return Err(format!("`{name}` closes what is not open"));
            }
            continue;
        }
        let (tag, alone) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        for value in attributes.split('"').skip(1).step_by(2) {
            text(value)?;
        }
        if attributes.matches('"').count() % 2 != 0 {
            return Err(format!("quotes of `{tag}`"));
        }
        seen.push(tag.to_owned());
        if !alone {
            open.push(name);
        }
    }
    if open.is_empty() { Ok(seen) } else { Err(format!("open at the end: {open:?}")) }
}

fn text(text: &str) -> Result<(), String> {
    let names = ["&amp;", "&lt;", "&gt;", "&quot;", "&apos;"];
    for (at, _) in text.match_indices('&') {
        if !names.iter().any(|name| text[at..].starts_with(name)) {
            return Err(format!("`&` in `{text}`"));
        }
    }
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    if text.chars().all(allowed) { Ok(()) } else { Err(format!("a character of `{text}`")) }
}

#[test]
fn the_report_for_machines_is_whole_whatever_tests_are_named() {
    let folder = folder(&detector());
    let run = driftline(folder.path(), &["own", "--filter", "acme-002", "--junit", "r.xml"]);
    assert_eq!(run.status.code(), Some(3), "{}", told(&run));
    let xml = fs::read_to_string(folder.path().join("r.xml")).expect("written");
    let tags = well_formed(&xml).expect("well-formed");
    assert_eq!(tags[0], "testsuites name=\"driftline\" tests=\"4\" failures=\"3\"");
    assert_eq!(tags[1], "testsuite name=\"ACME-002\" tests=\"4\" failures=\"3\"");
    let count = |name: &str| tags.iter().filter(|tag| tag.starts_with(name)).count();
    assert_eq!((count("testcase "), count("failure")), (4, 3));
    assert!(xml.contains("name=\"&lt;in braces&gt; &amp; &quot;quoted&quot;\""), "{xml}");
    assert!(well_formed("<a>").is_err() && well_formed(&format!("{xml}&")).is_ok());
}

#[test]
fn a_filter_that_selects_nothing_says_so() {
    let run = driftline(Path::new("."), &["--filter", "no such detector"]);
    assert_eq!(run.status.code(), Some(0));
    assert!(told(&run).contains("no test was selected"), "{}", told(&run));
}

/// A mapping that makes, stirs and drops a group.
const STIRRED: &str = r"apiVersion: driftline/v1
kind: Mapping
provider: aws
service: acme.amazonaws.com
on:
  - event: Make
    resource: {kind: network.security_group, id: request.id}
    replace: {name: request.name}
    act: {user_created: {identity: request.id, console: false}}
  - event: Stir
    resource: {kind: network.security_group, id: request.id}
    unknown: [name]
  - event: Drop
    resource: {kind: network.security_group, id: request.id}
    delete: true
tests:
";

/// Events; what they must come to, where `SG` stands for the kind; the same made wrong; and a part
/// of what is told of it.
const EXPECTED: [(&[&str], &str, &str, &str); 9] = [
    (&["Make"], "facets: {SG g: {name: none}}", "facets: {SG g: {name: unknown}}", "got      null"),
    (
        &["Stir"],
        "facets: {SG g: {name: unknown}}",
        "facets: {SG g: {name: none}}",
        "got      unknown",
    ),
    (&["Stir"], "facets: {SG g: {name: unknown}}", "facets: {SG h: {name: unknown}}", "no `SG h`"),
    (&["Make", "Drop"], "facets: {SG g: gone}", "facets: {SG h: gone}", "no `SG h`; the events"),
    (&["Drop"], "facets: {SG g: gone}", "facets: {SG g: {name: none}}", "speak of: SG g"),
    (&["Make"], "outcomes: applied", "facets: {SG g: gone}", "`SG g` is still there"),
    (
        &["Make", "Stir"],
        "outcomes: [applied, blind]",
        "outcomes: [applied]",
        "got      applied, blind",
    ),
    (&["Make"], "acts: user_created", "acts: []", "got      user_created"),
    (
        &["Make"],
        "acts: {user_created: {identity: g}}",
        "acts: {user_created: {identity: h}}",
        "user_created.identity: expected",
    ),
];

#[test]
fn each_thing_that_a_mappings_test_expects_can_fail() {
    for (names, well, wrong, why) in EXPECTED {
        let events: Vec<String> = names
            .iter()
            .map(|name| {
                format!("{{aws: {{source: acme.amazonaws.com, name: {name}, request: {{id: g}}}}}}")
            })
            .collect();
        let events = events.join(", ");
        let case =
            |name, expected| format!("  - name: {name}\n    events: [{events}]\n    {expected}\n");
        let text = [STIRRED.to_owned(), case("well", well), case("wrong", wrong)].concat();
        let folder = folder(&text.replace("SG", "network.security_group"));
        let run = driftline(folder.path(), &["own", "--filter", "own/"]);
        let text = told(&run).replace("network.security_group", "SG");
        assert!(text.contains("1 passed, 1 failed"), "{well}, {wrong}\n{text}");
        assert!(text.contains(": wrong  (") && text.contains(why), "{wrong}\n{text}");
    }
}
