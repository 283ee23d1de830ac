//! Texts that anyone may have chosen into texts that are safe to show: bounded, on one line,
//! without anything a terminal, a log viewer or a reader's eye could be misled by.

use std::io;

use serde_json::Value;

/// Stands where a text was cut.
pub const CUT: &str = "...[cut]";

/// How deep a tree of evidence is told; what lies deeper is named as such.
const DEPTH: usize = 32;

/// Escapes control, direction and invisible characters of `text`, and cuts it to `bytes` bytes.
///
/// The cut falls between characters and is marked with [`CUT`], which comes on top of `bytes`.
#[must_use]
pub fn text(text: &str, bytes: usize) -> String {
    if text.len() <= bytes && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len().min(bytes));
    for c in text.chars() {
        let start = out.len();
        if misleads(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
        if out.len() > bytes {
            out.truncate(start);
            out.push_str(CUT);
            return out;
        }
    }
    out
}

/// Control characters, and those that reorder or hide text (Unicode TR 36, section 2.10).
fn misleads(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// Cleans every key and text of `value` (each bounded by `bytes`), and replaces it by a note
/// when it would take more than `whole` bytes of JSON.
#[must_use]
pub fn tree(value: &Value, bytes: usize, whole: usize) -> Value {
    let cleaned = branch(value, bytes, DEPTH);
    let mut size = Size(0);
    // A tree of texts, numbers, lists and maps can always be written.
    let _ = serde_json::to_writer(&mut size, &cleaned);
    let Size(size) = size;
    if size > whole {
        return Value::from(format!("too large to be told: {size} bytes"));
    }
    cleaned
}

/// Counts the bytes that are written to it.
struct Size(usize);

impl io::Write for Size {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn branch(value: &Value, bytes: usize, depth: usize) -> Value {
    if depth == 0 && (value.is_array() || value.is_object()) {
        return Value::from("too deep to be told");
    }
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        Value::String(string) => Value::from(text(string, bytes)),
        Value::Array(items) => items.iter().map(|item| branch(item, bytes, depth - 1)).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(key, item)| (text(key, bytes), branch(item, bytes, depth - 1)))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_could_mislead_a_reader_is_escaped() {
        for (given, told) in [
            ("plain, 安全组 and cafe\u{301}", "plain, 安全组 and cafe\u{301}"),
            ("\u{1b}[2Jgone", "\\u{1b}[2Jgone"),
            ("two\nlines\r\t", "two\\u{a}lines\\u{d}\\u{9}"),
            ("evil\u{202e}txt.exe", "evil\\u{202e}txt.exe"),
            ("zero\u{200b}width\u{feff}", "zero\\u{200b}width\\u{feff}"),
            ("\u{9b}31m", "\\u{9b}31m"),
        ] {
            assert_eq!(text(given, 1_000), told);
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters_and_says_so() {
        assert_eq!(text("abcdef", 6), "abcdef");
        assert_eq!(text("abcdefg", 6), "abcdef...[cut]");
        assert_eq!(text("安全组", 7), "安全...[cut]");
        assert_eq!(text("ab\u{7}", 4), "ab...[cut]");
    }

    #[test]
    fn a_tree_is_cleaned_in_keys_and_values_and_bounded_as_a_whole() {
        let given = json!({"a\u{7}": ["x\u{1b}", 1, null, true]});
        assert_eq!(tree(&given, 100, 1_000), json!({"a\\u{7}": ["x\\u{1b}", 1, null, true]}));
        assert_eq!(tree(&given, 100, 10), json!("too large to be told: 36 bytes"));
        let mut deep = json!(1);
        for _ in 0..40 {
            deep = json!([deep]);
        }
        assert!(tree(&deep, 100, 1_000).to_string().contains("too deep to be told"));
    }

    proptest! {
        #[test]
        fn no_text_is_longer_than_its_bound_or_holds_a_control_character(
            given in ".*", bytes in 0_usize..200,
        ) {
            let told = text(&given, bytes);
            prop_assert!(told.len() <= bytes + CUT.len());
            prop_assert!(!told.chars().any(misleads));
        }
    }
}
