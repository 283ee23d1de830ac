//! Texts into texts of at most so many characters, with a visible mark where something was cut.

use crate::alert::clean::CUT;

/// `text` where it has at most `most` characters; else its beginning and [`CUT`], `most` characters
/// together. A bound that does not hold the mark cuts without one.
#[must_use]
pub fn clip(text: &str, most: usize) -> String {
    clip_with(text, most, |c, out| out.push(c))
}

/// As [`clip`], with every character written by `write` (as an entity, say), which counts as many
/// characters as it writes and is never cut in two.
#[must_use]
pub fn clip_with(text: &str, most: usize, write: impl Fn(char, &mut String)) -> String {
    let mark = CUT.chars().count();
    let room = most.saturating_sub(mark);
    let mut out = String::with_capacity(text.len().min(most));
    // How many characters `out` has, and its length while the mark still fits behind it.
    let (mut count, mut fits) = (0, 0);
    for c in text.chars() {
        let start = out.len();
        write(c, &mut out);
        count += out[start..].chars().count();
        if count <= room {
            fits = out.len();
        }
        if count > most {
            out.truncate(fits);
            if mark <= most {
                out.push_str(CUT);
            }
            return out;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_is_cut_by_characters_and_says_so() {
        assert_eq!(clip("abc", 3), "abc");
        assert_eq!(clip("安全组安全组安全组安全组", 10), "安全...[cut]");
        assert_eq!(clip("abcdefghijklmnop", 16), "abcdefghijklmnop");
        assert_eq!(clip("abcdefghijklmnopq", 16), "abcdefgh...[cut]");
        assert_eq!(clip("abcdef", 3), "");
    }

    #[test]
    fn what_a_character_is_written_as_is_never_cut_in_two() {
        let entity = |c: char, out: &mut String| match c {
            '&' => out.push_str("&amp;"),
            other => out.push(other),
        };
        assert_eq!(clip_with("a&b", 7, entity), "a&amp;b");
        assert_eq!(clip_with("a&b&c&d", 14, entity), "a&amp;...[cut]");
        assert_eq!(clip_with("a&&&&&&", 13, entity), "a...[cut]");
    }

    proptest! {
        #[test]
        fn no_text_is_longer_than_its_bound(text in ".*", most in 0_usize..60) {
            prop_assert!(clip(&text, most).chars().count() <= most);
        }
    }
}
