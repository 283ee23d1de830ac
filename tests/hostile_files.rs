//! Folders and files that are meant to break what reads them: refused at once, with a reason.
#![cfg(unix)]

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

const DETECTOR: &str = "apiVersion: driftline/v1
kind: Detector
id: OWN-001
title: {en: A group}
severity: low
maturity: experimental
applies_to: [network.security_group]
aspect: own
insecure: rules.size() > 0
why: It is a test's.
";

/// What `driftline check` says of a folder, and its exit code.
fn check(folder: &Path) -> (String, Option<i32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_driftline"));
    let output = command.arg("check").arg(folder).output().expect("the command starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (text + &String::from_utf8_lossy(&output.stderr), output.status.code())
}

/// A folder with one file in it, or whatever `make` puts there, is refused with these words.
fn refused(words: &[&str], make: impl FnOnce(&Path)) {
    let folder = tempfile::tempdir().expect("a folder");
    make(folder.path());
    let (text, code) = check(folder.path());
    assert!(text.len() < 20_000, "{} bytes for {words:?}", text.len());
    assert!(words.iter().all(|word| text.contains(word)), "{words:?}: {text}");
    assert_eq!(code, Some(78), "{text}");
}

fn file(words: &[&str], text: impl AsRef<[u8]>) {
    refused(words, |folder| fs::write(folder.join("a.yaml"), text).expect("written"));
}

#[test]
fn yaml_that_grows_or_nests_without_end_is_refused_at_its_place() {
    let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for (one, next) in ('a'..'j').zip('b'..='j') {
        let items = vec![format!("*{one}"); 10].join(",");
        let _ = writeln!(bomb, "{next}: &{next} [{items}]");
    }
    file(&["a.yaml:"], bomb);
    file(&["a.yaml:1:", "recursion limit"], "[".repeat(100_000) + &"]".repeat(100_000));
    let deep: String = (0..2_000).map(|depth| " ".repeat(depth) + "a:\n").collect();
    file(&["a.yaml:256:", "recursion limit"], deep);
}

#[test]
fn bytes_that_are_no_text_are_refused_at_their_place() {
    file(&["a.yaml:2:7", "not UTF-8"], b"apiVersion: driftline/v1\nkind: \xff\xfe\n");
    file(&["a.yaml:", "error"], b"apiVersion: driftline/v1\nkind: K\x00ind\n");
    file(&["a.yaml:3:", "tab"], "apiVersion: driftline/v1\nkind: Kind\n\tid: x.y\n");
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.yaml"), format!("\u{feff}{DETECTOR}")).expect("written");
    let (text, code) = check(folder.path());
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn a_file_that_nobody_wrote_by_hand_is_not_read() {
    refused(&["a.yaml: error: the file has 104857600 bytes; at most 4194304"], |folder| {
        let file = fs::File::create(folder.join("a.yaml")).expect("made");
        file.set_len(100 << 20).expect("grown");
    });
    let edge = DETECTOR.to_owned() + &"#".repeat((4 << 20) - DETECTOR.len());
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.yaml"), edge).expect("written");
    assert_eq!(check(folder.path()).1, Some(0));
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    refused(&["a.yaml: error: this is no plain file"], |folder| {
        let status = Command::new("mkfifo").arg(folder.join("a.yaml")).status();
        assert!(status.expect("mkfifo").success());
    });
}

#[test]
fn links_that_lead_back_are_told_and_links_that_do_not_are_followed() {
    refused(&["b/again: error: a link back to"], |folder| {
        fs::create_dir(folder.join("b")).expect("made");
        symlink(folder, folder.join("b/again")).expect("linked");
    });
    let (real, folder) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("two"));
    fs::write(real.path().join("a.yaml"), DETECTOR.replace("rules", "ruels")).expect("written");
    symlink(real.path(), folder.path().join("linked")).expect("linked");
    let (text, code) = check(folder.path());
    assert!(text.contains("linked/a.yaml:9:11"), "{text}");
    assert_eq!(code, Some(78));
}

#[test]
fn two_detectors_of_one_id_are_told_with_both_places() {
    refused(&["b.yaml:3:5", "`OWN-001` is already at", "a.yaml:"], |folder| {
        fs::write(folder.join("a.yaml"), DETECTOR).expect("written");
        fs::write(folder.join("b.yaml"), DETECTOR).expect("written");
    });
}

#[test]
fn expressions_that_nest_or_grow_without_end_are_refused() {
    let with = |expression: &str| DETECTOR.replace("rules.size() > 0", expression);
    let nested = format!("\"{}true{}\"", "(".repeat(5_000), ")".repeat(5_000));
    file(&["a.yaml:9:", "nested more than"], with(&nested));
    file(&["a.yaml:9:", "size limit"], with("name.matches('(a*)*b{1000}{1000}')"));
    file(&["a.yaml:9:"], with(&format!("'{}' == name", "x".repeat(3_000_000))));
}

#[test]
fn what_is_not_there_and_what_is_empty_are_told_plainly() {
    let folder = tempfile::tempdir().expect("a folder");
    let (text, code) = check(&folder.path().join("none"));
    assert!(text.contains("none` cannot be read: No such file"), "{text}");
    assert_eq!(code, Some(1));
    let (text, code) = check(folder.path());
    assert!(text.contains("holds no YAML file"), "{text}");
    assert_eq!(code, Some(0));
}
