//! What names may look like: a word enters, whether it is one leaves; each rule also as the
//! pattern that schemas state.

/// Characters of a detector's id.
const LONGEST_ID: usize = 64;

/// A detector's id: alerts, metrics and policies carry it, and signals of windows end it with
/// a space or `*`.
pub(super) const DETECTOR: &str = "^[A-Za-z][A-Za-z0-9_.-]{0,63}$";

/// A kind's id: words between dots.
pub(super) const KIND: &str = r"^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)*$";

/// What an expression can name: a facet, a field, a parameter, an act.
pub(super) const WORD: &str = "^[A-Za-z_][A-Za-z0-9_]*$";

/// Whether it fits [`DETECTOR`].
pub(super) fn is_detector(text: &str) -> bool {
    text.len() <= LONGEST_ID
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

/// Whether it fits [`KIND`].
pub(super) fn is_kind(text: &str) -> bool {
    let lower = |part: &str| is_word(part) && !part.chars().any(|c| c.is_ascii_uppercase());
    text.split('.').all(lower)
}

/// Whether it fits [`WORD`].
pub(super) fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_and_its_pattern_agree() {
        type Rule = (&'static str, fn(&str) -> bool);
        let rules: [Rule; 3] = [(DETECTOR, is_detector), (KIND, is_kind), (WORD, is_word)];
        let long = "a".repeat(65);
        let words = [
            "FW-001",
            "a.b",
            "a",
            "_",
            "",
            "a..b",
            ".a",
            "A.b",
            "1a",
            "a b",
            "a-b",
            "é",
            "a_1",
            "a.",
            &long,
            &long[1..],
            "a.1",
            "a\n",
        ];
        for (pattern, holds) in rules {
            let pattern = regex::Regex::new(pattern).expect("it parses");
            let known: Vec<bool> = words.iter().map(|word| holds(word)).collect();
            assert!(known.contains(&true) && known.contains(&false));
            for word in words {
                assert_eq!(pattern.is_match(word), holds(word), "{pattern} {word:?}");
            }
        }
    }
}
