//! The lines of a record's way: labelled ones, details below them, values in words.

use std::fmt::Write as _;

use serde_json::Value as Json;

use crate::alert::clean;
use crate::alert::text::Paint;
use crate::model::trace::{Difference, Known, Seen};

use super::tree::{COLUMNS, one_line};

/// Bytes of one value; more is cut, visibly.
pub(super) const SHOWN: usize = 2_000;

/// Width of a label.
const LABEL: usize = 10;

/// Columns before what stands below a labelled line.
const DETAIL: usize = 6;

/// Columns before a tree.
pub(super) const TREE: usize = 8;

/// A labelled line; nothing where there is no text.
pub(super) fn line(out: &mut String, paint: Paint, label: &str, text: &str) {
    if text.is_empty() {
        return;
    }
    let (on, off) = match paint {
        Paint::Plain => ("", ""),
        Paint::Colour => ("\u{1b}[36m", "\u{1b}[0m"),
    };
    let mut label = format!("  {on}{label:<LABEL$}{off}");
    for part in wrapped(text, COLUMNS - LABEL - 3) {
        let _ = writeln!(out, "{label} {part}");
        label = format!("{:1$}", "", LABEL + 2);
    }
}

/// Lines below a labelled one.
pub(super) fn detail(out: &mut String, text: &str) {
    let mut indent = DETAIL;
    for part in wrapped(text, COLUMNS - indent - 2) {
        let _ = writeln!(out, "{:indent$}{part}", "");
        indent = DETAIL + 2;
    }
}

/// A text in pieces of at most so many characters: broken where a word or a member ends, else
/// where it must.
fn wrapped(text: &str, columns: usize) -> Vec<&str> {
    let mut rest = text;
    let mut pieces = Vec::new();
    while let Some((limit, _)) = rest.char_indices().nth(columns) {
        let head = &rest[..limit];
        let found = head.rfind([' ', ',']).map(|at| at + 1).filter(|at| *at > columns / 2);
        let at = found.unwrap_or(limit);
        pieces.push(rest[..at].trim_end());
        rest = rest[at..].trim_start();
    }
    pieces.push(rest);
    pieces
}

pub(super) fn guarded(out: &mut String, guard: &str) {
    if !guard.is_empty() {
        detail(out, &format!("when {}", one_line(guard)));
    }
}

pub(super) fn difference(out: &mut String, difference: &Difference<'_>) {
    let Difference { facet, derived, before, after, known } = difference;
    let follows = if *derived { " (follows)" } else { "" };
    let (before, after) = (side(before), side(after));
    let known = known_word(*known);
    detail(out, &format!("{facet}{follows}: {before} -> {after}{known}"));
}

pub(super) fn seen(out: &mut String, seen: &Seen<'_>) {
    let value = match seen.known {
        Known::Unknown | Known::Unsaid => String::new(),
        Known::Whole | Known::Partial => format!(" {}", shown(&seen.value)),
    };
    detail(out, &format!("saw {}{value}{}", seen.name, known_word(seen.known)));
}

const fn known_word(known: Known) -> &'static str {
    match known {
        Known::Whole => "",
        Known::Partial => " (there may be more)",
        Known::Unknown => " (unknown)",
        Known::Unsaid => " (never said)",
    }
}

pub(super) fn count(number: usize, of: &str) -> String {
    format!("{number} {of}{}", if number == 1 { "" } else { "s" })
}

fn side(value: &Json) -> String {
    if value.is_null() { "nothing".to_owned() } else { shown(value) }
}

pub(super) fn shown(value: &Json) -> String {
    clean::text(&value.to_string(), SHOWN)
}

/// A name that came with the record, safe to show.
pub(super) fn safe(text: &str) -> String {
    clean::text(text, SHOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_breaks_where_a_word_or_a_member_ends() {
        for (text, pieces) in [
            ("short", vec!["short"]),
            ("one two three", vec!["one two", "three"]),
            ("{\"a\":1,\"b\":2}", vec!["{\"a\":1,", "\"b\":2}"]),
            ("0123456789abc", vec!["0123456789", "abc"]),
            ("ééééééééééé", vec!["éééééééééé", "é"]),
        ] {
            assert_eq!(wrapped(text, 10), pieces);
        }
    }
}
