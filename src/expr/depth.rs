//! What the parser is spared: how deep a text nests, estimated from above before the parser, which is recursive, sees it.
//!
//! Operators, members and brackets add levels; `,` `&&` `||` begin again beside what came before.
//! Texts and comments are passed over as the lexer does; where in doubt they count as code.

/// The place where the text goes deeper than `limit`, if it does.
pub(super) fn exceeds(source: &str, limit: usize) -> Option<usize> {
    let bytes = source.as_bytes();
    // Levels added within each open bracket, and their sum.
    let mut open = vec![0_usize];
    let mut depth = 0;
    let mut place = 0;
    while let Some(byte) = bytes.get(place) {
        match byte {
            b'\'' | b'"' => place = past_quotes(bytes, place),
            b'/' if bytes.get(place + 1) == Some(&b'/') => place = past_line(bytes, place),
            b')' | b']' | b'}' if open.len() > 1 => depth -= open.pop().unwrap_or(0),
            b',' | b'&' | b'|' => depth -= open.last_mut().map_or(0, std::mem::take),
            byte if adds(bytes, place) => {
                depth += 1;
                if let Some(own) = open.last_mut() {
                    *own += 1;
                }
                if b"([{".contains(byte) {
                    open.push(0);
                }
            }
            _ => {}
        }
        if depth > limit {
            return Some((0..=place).rev().find(|at| source.is_char_boundary(*at)).unwrap_or(0));
        }
        place += 1;
    }
    None
}

/// Bytes that no token holds, beyond which a text is not given to the parser: it keeps a report
/// of each, and looks the whole text over for it.
const MOST_STRANGE: usize = 32;

/// The place of the first byte that no token outside of texts holds, where there are many.
pub(super) fn is_no_expression(source: &str) -> Option<usize> {
    let bytes = source.as_bytes();
    let (mut first, mut count, mut place) = (None, 0, 0);
    while let Some(byte) = bytes.get(place) {
        match byte {
            b'\'' | b'"' => place = past_quotes(bytes, place),
            b'/' if bytes.get(place + 1) == Some(&b'/') => place = past_line(bytes, place),
            byte if is_strange(*byte) || bytes[place..].starts_with(b"``") => {
                first = first.or(Some(place));
                count += 1;
            }
            _ => {}
        }
        place += 1;
    }
    first.filter(|_| count > MOST_STRANGE)
}

fn is_strange(byte: u8) -> bool {
    !byte.is_ascii_alphanumeric()
        && !byte.is_ascii_whitespace()
        && !b"_.,:?!()[]{}+-*/%<>=&|'\"`".contains(&byte)
}

/// Whether the byte is a bracket or (part of) an operator, `in` included.
fn adds(bytes: &[u8], place: usize) -> bool {
    if b"([{.?+-*/%<>=".contains(&bytes[place]) {
        return true;
    }
    let word = |at: Option<&u8>| at.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let before = place.checked_sub(1).and_then(|at| bytes.get(at));
    bytes[place..].starts_with(b"in") && !word(before) && !word(bytes.get(place + 2))
}

/// The last byte of the quoted text that begins at `start`; `start` itself where it does not end.
pub(super) fn past_quotes(bytes: &[u8], start: usize) -> usize {
    let quote = bytes[start];
    let raw = start > 0 && matches!(bytes[start - 1], b'r' | b'R');
    let triple = bytes[start..].starts_with(&[quote; 3]);
    let closing = if triple { &[quote; 3][..] } else { &[quote][..] };
    let mut place = start + closing.len();
    while place < bytes.len() && (triple || bytes[place] != b'\n') {
        if bytes[place..].starts_with(closing) {
            return place + closing.len() - 1;
        }
        place += if bytes[place] == b'\\' && !raw { 2 } else { 1 };
    }
    start
}

pub(super) fn past_line(bytes: &[u8], start: usize) -> usize {
    let length = bytes[start..].iter().position(|byte| *byte == b'\n');
    length.map_or(bytes.len(), |length| start + length)
}

#[cfg(test)]
mod tests {
    use super::{MOST_STRANGE, exceeds, is_no_expression};

    #[test]
    fn many_bytes_of_no_token_are_refused_and_a_few_are_the_parsers() {
        for (piece, count, expected) in [
            ("@", MOST_STRANGE, None),
            ("@", MOST_STRANGE + 1, Some(4)),
            ("é", MOST_STRANGE, Some(4)),
            ("'@@'", 100, None),
            ("``", MOST_STRANGE + 1, Some(4)),
            ("x.`a b` ", 100, None),
            ("//@@@\n", 100, None),
        ] {
            let source = format!("1 + {}", piece.repeat(count));
            assert_eq!(is_no_expression(&source), expected, "{piece}");
        }
    }

    #[test]
    fn levels_are_counted_beside_texts_and_comments() {
        for (source, limit, expected) in [
            ("1+1+1", 2, None),
            ("1+1+1", 1, Some(3)),
            ("a.b && a.b && a.b || a.b", 1, None),
            ("f(a.b, a.b, a.b)", 2, None),
            ("'+++' + '((('", 1, None),
            (r"'\'+++' + 'a'", 1, None),
            (r"r'\' + '+++'", 1, None),
            (r"r'\'+1+1+1", 2, Some(8)),
            ("'unclosed ((((", 3, Some(13)),
            ("// ((((\n1+1", 1, None),
            ("'''((( ' '''", 0, None),
            ("a in b\nin\tc", 1, Some(7)),
            ("inner.index", 1, None),
            ("))))", 0, None),
        ] {
            assert_eq!(exceeds(source, limit), expected, "{source}");
        }
    }
}
