//! Secrets taken out of what is kept, and texts brought within bounds.
//!
//! Two rules: a member whose name says that it holds a secret loses its value, and a text that
//! has the unmistakable form of a credential is replaced whole. Everything a mapping keeps
//! passes here; nothing else of a record is kept at all.

use std::borrow::Cow;

use crate::model::{Limits, Value};

/// What stands where a secret stood.
pub const REDACTED: &str = "[redacted]";

/// What ends a text that was cut at `limits.text_bytes`.
const CUT: &str = "...[cut]";

/// Parts of member names that announce a secret; compared without case, `-` and `_`.
const NAMES: [&str; 14] = [
    "password",
    "passwd",
    "adminpass",
    "secret",
    "privatekey",
    "accesskeysecret",
    "sessiontoken",
    "authtoken",
    "apikey",
    "credential",
    "passphrase",
    "userdata",
    "connectionstring",
    "bearer",
];

/// Beginnings of texts that are credentials whatever they are called.
const FORMS: [&str; 9] =
    ["-----BEGIN", "ghp_", "gho_", "github_pat_", "xoxb-", "xoxp-", "sk_live_", "AIza", "whsec_"];

/// Takes secrets out of `value`, all the way down.
#[must_use]
pub fn value(value: Value, limits: &Limits) -> Value {
    match value {
        Value::Str(original) => match text(&original, limits) {
            Cow::Borrowed(_) => Value::Str(original),
            Cow::Owned(changed) => Value::Str(changed.into()),
        },
        Value::List(items, whole) => {
            Value::List(items.into_iter().map(|item| self::value(item, limits)).collect(), whole)
        }
        Value::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, item)| {
                    let item = if announces_secret(&key) && item.is_present() && !is_flag(&item) {
                        Value::Str(REDACTED.into())
                    } else {
                        self::value(item, limits)
                    };
                    (bounded(&key, limits).into(), item)
                })
                .collect(),
        ),
        Value::Record(id, fields) => {
            Value::Record(id, fields.into_iter().map(|field| self::value(field, limits)).collect())
        }
        other => other,
    }
}

/// Truth values and numbers are settings, not secrets (`passwordReuse: 5`).
fn is_flag(value: &Value) -> bool {
    matches!(value, Value::Bool(_) | Value::Int(_) | Value::Double(_))
}

/// Takes a credential out of a text and cuts it to `limits.text_bytes`.
#[must_use]
pub fn text<'t>(text: &'t str, limits: &Limits) -> Cow<'t, str> {
    if looks_secret(text) {
        return Cow::Borrowed(REDACTED).into_owned().into();
    }
    bounded(text, limits)
}

/// Cuts a text to `limits.text_bytes` at a character's edge, visibly.
#[must_use]
pub fn bounded<'t>(text: &'t str, limits: &Limits) -> Cow<'t, str> {
    if text.len() <= limits.text_bytes {
        return Cow::Borrowed(text);
    }
    let mut end = limits.text_bytes.saturating_sub(CUT.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Cow::Owned(format!("{}{CUT}", &text[..end]))
}

fn announces_secret(name: &str) -> bool {
    let folded: String = name
        .chars()
        .filter(|c| !matches!(c, '-' | '_' | '.' | ':' | ' '))
        .map(|c| c.to_ascii_lowercase())
        .collect();
    NAMES.iter().any(|part| folded.contains(part)) || folded == "token" || folded == "pwd"
}

fn looks_secret(text: &str) -> bool {
    let trimmed = text.trim_start();
    FORMS.iter().any(|form| trimmed.starts_with(form))
        || is_jwt(trimmed)
        || (trimmed.contains("-----BEGIN") && trimmed.contains("PRIVATE KEY"))
}

/// `header.payload.signature`, the header being base64url of `{"`.
fn is_jwt(text: &str) -> bool {
    text.starts_with("eyJ") && text.len() > 40 && text.split('.').count() == 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_that_announce_a_secret_lose_their_value_at_any_depth() {
        let inner = Value::Map([("db_Password".into(), Value::Str("canary".into()))].into());
        let outer = Value::List([Value::Map([("x".into(), inner)].into())].into(), true);
        let clean = value(outer, &Limits::default());
        assert!(!format!("{clean:?}").contains("canary"), "{clean:?}");
        let policy = Value::Map([("PasswordReusePrevention".into(), Value::Int(5))].into());
        assert_eq!(value(policy.clone(), &Limits::default()), policy);
    }

    #[test]
    fn texts_in_the_form_of_a_credential_are_replaced_and_others_are_not() {
        let limits = Limits::default();
        for secret in ["-----BEGIN RSA PRIVATE KEY-----\nMII", "ghp_0123456789", "xoxb-1-2"] {
            assert_eq!(text(secret, &limits), REDACTED);
        }
        for plain in ["web tier", "sg-0123", "arn:aws:iam::111122223333:role/x", "eyJ"] {
            assert_eq!(text(plain, &limits), plain);
        }
    }

    #[test]
    fn a_text_at_the_limit_stays_and_one_past_it_is_cut_at_a_character() {
        let limits = Limits { text_bytes: 16, ..Limits::default() };
        assert_eq!(bounded("0123456789abcdef", &limits), "0123456789abcdef");
        assert_eq!(bounded("012345\u{e9}89abcdefg", &limits), "012345\u{e9}...[cut]");
    }
}
