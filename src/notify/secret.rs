//! Secrets that destinations are told with: a text enters, and leaves only where it is sent.

use std::fmt;

/// What must not be shown. Its `Debug` says nothing, and it has no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the request that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// `text` without this secret.
    #[must_use]
    pub fn scrub(&self, text: &str) -> String {
        if self.0.is_empty() { text.to_owned() } else { text.replace(&self.0, "[secret]") }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_neither_shown_nor_left_in_a_text() {
        let secret = Secret::new("canary-1");
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        assert_eq!(secret.scrub("key canary-1 is wrong"), "key [secret] is wrong");
        assert_eq!(Secret::new("").scrub("all"), "all");
    }
}
