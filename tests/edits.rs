//! What an author gets wrong is told at its very place, in words that say what to write instead.

mod common;

use common::edits::{EDITS, Edit};
use driftline::content::{Fault, Files, load};
use driftline::expr::Level;

/// Types, acts, kinds and detectors of the shipped pack beside the edited file; mappings would
/// only make it slow.
fn around(edited: &str, text: &str) -> Files {
    let mut files = Files::new();
    for file in Files::shipped().all() {
        let other = file.path.contains("/mappings/")
            || file.path.contains("/detectors/") && !edited.contains("/windows/");
        if !other && &*file.path != edited {
            files.add(&file.path, file.text.to_string());
        }
    }
    files.add(edited, text.to_owned());
    files
}

fn faults_of(edit: &Edit) -> (Vec<Fault>, (String, usize, usize)) {
    let path = format!("config/content/{}", edit.file);
    let shipped = Files::shipped();
    let file = shipped.all().iter().find(|file| *file.path == *path);
    let text = &file.expect(edit.file).text;
    let (text, line, column) = edit.apply(text);
    let faults = match load(&around(&path, &text), &driftline::cloud::tables()) {
        Ok(_) => Vec::new(),
        Err(faults) => faults,
    };
    (faults.into_iter().filter(|fault| fault.level == Level::Error).collect(), (path, line, column))
}

/// What is not as promised, empty when all is.
fn complaint(edit: &Edit) -> String {
    let (faults, place) = faults_of(edit);
    let at = |fault: &Fault| {
        (fault.file.to_string(), fault.line as usize, fault.column as usize) == place
    };
    let good = |fault: &&Fault| {
        at(fault)
            && fault.message.contains(edit.message)
            && fault.hint.as_deref().unwrap_or_default() == edit.hint
    };
    if faults.iter().any(|fault| good(&fault)) && faults.len() <= MOST {
        return String::new();
    }
    let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
    format!(
        "{}: expected {place:?} {:?} {:?}:\n{}\n\n",
        edit.what,
        edit.message,
        edit.hint,
        told.join("\n")
    )
}

/// Errors that one slip may cause: more would bury it.
const MOST: usize = 3;

#[test]
fn each_slip_of_an_author_is_told_at_its_line_and_column() {
    assert!(EDITS.len() >= 40, "{} edits", EDITS.len());
    let complaints: String = EDITS.iter().map(complaint).collect();
    assert!(complaints.is_empty(), "{complaints}");
}
