//! What is wrong in content files: a place and a sentence enter, a line for people, JSON or
//! SARIF leaves.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value as Json, json};

use crate::expr::Level;

use super::files::File;

/// The rule of every fault that is no lint.
pub(super) const CONTENT: &str = "content";

/// What faults are sorted by, for tools that group or mute them: a name, and what it looks for.
pub const RULES: [(&str, &str); 8] = [
    (CONTENT, "A content file is not as it should be"),
    ("no-tests", "A detector carries no tests"),
    ("no-fix", "A detector does not say how to repair what it finds on a cloud it covers"),
    ("never-fires", "No mapping writes a facet that a detector can't do without"),
    ("unused-parameter", "Nothing reads a parameter"),
    ("unwritten-facet", "No mapping writes a facet"),
    ("unread-facet", "Nothing reads a facet"),
    ("untested-event", "No test has an event that a mapping reads"),
];

/// Something wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Warnings load, errors do not.
    pub level: Level,
    /// Which check found it; one of [`RULES`].
    pub rule: &'static str,
    /// What is wrong; the culprit in backticks.
    pub message: String,
    /// What to write instead, where that can be told.
    pub hint: Option<String>,
    /// The line as it stands in the file.
    pub snippet: Box<str>,
    /// The culprit's characters in `snippet`, from 0.
    pub caret: Range<usize>,
}

impl Fault {
    /// Makes the fault for a byte range of a file; offsets beyond its end mean its end.
    #[must_use]
    pub fn at(
        file: &File,
        range: &Range<usize>,
        level: Level,
        message: String,
        hint: Option<String>,
    ) -> Self {
        let text = &*file.text;
        let start = floor(text, range.start);
        let end = floor(text, range.end).max(start);
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
        let line = text[..start].matches('\n').count() + 1;
        let column = text[line_start..start].chars().count();
        let width = text[start..end.min(line_end).max(start)].chars().count().max(1);
        Self {
            file: file.path.clone(),
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column + 1).unwrap_or(u32::MAX),
            level,
            rule: CONTENT,
            message,
            hint,
            snippet: text[line_start..line_end].trim_end().into(),
            caret: column..column + width,
        }
    }

    /// The word for its level.
    #[must_use]
    pub const fn level_word(&self) -> &'static str {
        match self.level {
            Level::Error => "error",
            Level::Warning => "warning",
        }
    }

    /// As a JSON object.
    #[must_use]
    pub fn to_json(&self) -> Json {
        json!({
            "file": &*self.file,
            "line": self.line,
            "column": self.column,
            "level": self.level_word(),
            "rule": self.rule,
            "message": self.message,
            "hint": self.hint,
        })
    }
}

/// The greatest character boundary not beyond `offset`.
fn floor(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// Characters of a line that are shown.
const SHOWN: usize = 160;

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = self.level_word();
        writeln!(f, "{}:{}:{}: {level}: {}", self.file, self.line, self.column, self.message)?;
        let number = self.line.to_string();
        let margin = number.len();
        // Of a line beyond all bounds only what is around the culprit.
        let from =
            if self.caret.end > SHOWN { self.caret.start.saturating_sub(SHOWN / 2) } else { 0 };
        let shown: String = self.snippet.chars().skip(from).take(SHOWN).collect();
        writeln!(f, " {number} | {shown}")?;
        write!(f, " {:margin$} | ", "")?;
        for character in shown.chars().take(self.caret.start - from) {
            f.write_str(if character == '\t' { "\t" } else { " " })?;
        }
        let width = self.caret.len().min((from + SHOWN).saturating_sub(self.caret.start)).max(1);
        f.write_str(&"^".repeat(width))?;
        match &self.hint {
            Some(hint) => write!(f, " {hint}"),
            None => Ok(()),
        }
    }
}

/// A SARIF 2.1.0 log (OASIS, "Static Analysis Results Interchange Format", sections 3.13 to 3.30)
/// of the faults, for code review tools. Files' places are relative to where the command runs.
#[must_use]
pub fn sarif(faults: &[Fault]) -> Json {
    let results: Vec<Json> = faults.iter().map(sarif_result).collect();
    let rules: Vec<Json> = RULES
        .iter()
        .map(|(id, text)| json!({"id": id, "shortDescription": {"text": text}}))
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "driftline",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn sarif_result(fault: &Fault) -> Json {
    let text = match &fault.hint {
        Some(hint) => format!("{}: {hint}", fault.message),
        None => fault.message.clone(),
    };
    json!({
        "ruleId": fault.rule,
        "ruleIndex": RULES.iter().position(|(id, _)| *id == fault.rule),
        "level": fault.level_word(),
        "message": {"text": text},
        "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": uri(&fault.file)},
            "region": {
                "startLine": fault.line,
                "startColumn": fault.column,
                "endColumn": fault.caret.end + 1,
                "snippet": {"text": &*fault.snippet},
            },
        }}],
    })
}

/// A path as a URI reference (RFC 3986): relative, or `file:` where it begins at the root.
fn uri(path: &str) -> String {
    const SET: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.');
    let path = path.strip_prefix("./").unwrap_or(path);
    let scheme = if path.starts_with('/') { "file://" } else { "" };
    format!("{scheme}{}", utf8_percent_encode(path, SET))
}

/// Collects the faults of one load.
#[derive(Debug, Default)]
pub(super) struct Report {
    faults: RefCell<Vec<Fault>>,
}

impl Report {
    pub(super) fn push(&self, fault: Fault) {
        let mut faults = self.faults.borrow_mut();
        if !faults.contains(&fault) {
            faults.push(fault);
        }
    }

    /// Whether an error is among them.
    pub(super) fn failed(&self) -> bool {
        self.faults.borrow().iter().any(|fault| fault.level == Level::Error)
    }

    /// All of them, by file and place.
    pub(super) fn take(self) -> Vec<Fault> {
        let mut faults = self.faults.into_inner();
        faults.sort_by(|left, right| {
            (&left.file, left.line, left.column).cmp(&(&right.file, right.line, right.column))
        });
        faults
    }
}

/// `did you mean ...?`, where one of the candidates is near enough to `word`.
pub(super) fn did_you_mean<'c>(
    word: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<String> {
    let allowed = (word.chars().count() / 3).clamp(1, 4);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| format!("did you mean `{candidate}`?"))
}
