//! Secrets taken out of what is kept, and texts brought within bounds.
//!
//! Two rules: a member whose name says that it holds a secret loses its value, and a text that
//! has the unmistakable form of a credential is replaced whole. Everything a mapping keeps
//! passes here; nothing else of a record is kept at all.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use crate::model::{Limits, Value};

/// What stands where a secret stood.
pub const REDACTED: &str = "[redacted]";

/// Takes secrets out of a document that is kept as it came.
pub fn json(value: &mut serde_json::Value, limits: &Limits) {
    use serde_json::Value as Json;
    match value {
        Json::String(whole) => {
            if let Cow::Owned(safe) = text(whole, limits) {
                *whole = safe;
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| json(item, limits)),
        Json::Object(members) => {
            for (name, member) in members {
                if announces_secret(name) {
                    *member = Json::from(REDACTED);
                } else {
                    json(member, limits);
                }
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

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

/// One of these stands in each name of [`ASSIGNED`]: a text without any is let go at once.
static STEM: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("(?i)pass|pwd|key|secret|token").expect("a literal pattern"));

/// Beginnings of texts that are credentials whatever they are called.
const FORMS: [&str; 12] = [
    "-----BEGIN",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "sk_live_",
    "AIza",
    "ya29.",
    "whsec_",
];

/// Names after which `=` or `:` gives a secret away in the midst of a text; compared without case,
/// `-`, `_`, quotes and white space.
const ASSIGNED: [&str; 9] = [
    "password",
    "passwd",
    "pwd",
    "accountkey",
    "sharedaccesskey",
    "secretkey",
    "secretaccesskey",
    "clientsecret",
    "apikey",
];

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
        Value::Map(entries) => Value::Map({
            let named = names_secret(&entries);
            entries
                .into_iter()
                .map(|(key, item)| {
                    let announced =
                        announces_secret(&key) || (named && key.eq_ignore_ascii_case("value"));
                    let item = if announced && item.is_present() && !is_flag(&item) {
                        Value::Str(REDACTED.into())
                    } else {
                        self::value(item, limits)
                    };
                    (bounded(&key, limits).into(), item)
                })
                .collect()
        }),
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

/// Takes secrets out of the value of that name, all the way down.
pub(super) fn named(name: &str, of: Value, limits: &Limits) -> Value {
    if announces_secret(name) && of.is_present() && !is_flag(&of) {
        return Value::Str(REDACTED.into());
    }
    value(of, limits)
}

/// The text, or what stands for a credential.
pub(super) fn hidden(text: &str) -> Cow<'_, str> {
    if looks_secret(text) { REDACTED.into() } else { text.into() }
}

pub(super) fn announces_secret(name: &str) -> bool {
    let folded: String = name
        .chars()
        .filter(|c| !matches!(c, '-' | '_' | '.' | ':' | ' '))
        .map(|c| c.to_ascii_lowercase())
        .collect();
    NAMES.iter().any(|part| folded.contains(part)) || folded == "token" || folded == "pwd"
}

fn looks_secret(text: &str) -> bool {
    let marks = Marks::of(text);
    let begins = |word: &str| FORMS.iter().any(|form| word.starts_with(form)) || is_jwt(word);
    (marks.form && words(text).any(begins))
        || (marks.assigned && holds_assignment(text))
        || (marks.login && has_login(text))
}

/// What one pass over the bytes of a text says of it: where none is set, nothing is hidden in it.
struct Marks {
    /// Some word may begin like a credential.
    form: bool,
    /// `=` or `:` may stand behind a name of [`ASSIGNED`].
    assigned: bool,
    /// It has an `@`.
    login: bool,
}

impl Marks {
    fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut marks = Self { form: false, assigned: false, login: false };
        let mut begins = true;
        for (at, byte) in bytes.iter().enumerate() {
            let class = CLASSES[usize::from(*byte)];
            if class & (ENDS | FIRST | ASSIGNS | LOGIN | FOREIGN) == 0 {
                begins = false;
                continue;
            }
            marks.form |= begins && class & FIRST != 0 && is_form(&bytes[at..]);
            marks.form |= class & FOREIGN != 0;
            marks.assigned |= class & ASSIGNS != 0 && names_end(&bytes[..at]);
            marks.assigned |= class & FOREIGN != 0;
            marks.login |= class & LOGIN != 0;
            begins = class & ENDS != 0;
        }
        marks
    }
}

/// Ends a word.
const ENDS: u8 = 1;
/// The first byte of a form.
const FIRST: u8 = 1 << 1;
/// Gives a name its value.
const ASSIGNS: u8 = 1 << 2;
/// Stands behind a login.
const LOGIN: u8 = 1 << 3;
/// Stands within a name without belonging to it.
const LOOSE: u8 = 1 << 4;
/// Part of a character beyond ASCII, which may be white space: looked at in detail.
const FOREIGN: u8 = 1 << 5;

/// What each byte may mean.
static CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let one = byte as u8;
        classes[byte] = match one {
            b' ' | 9..=13 | b'"' | b'\'' => ENDS | LOOSE,
            b'-' => FIRST | LOOSE,
            b'_' | b'\\' => LOOSE,
            b'=' => ENDS | ASSIGNS,
            b':' => ASSIGNS,
            b',' | b';' | b'(' | b'[' => ENDS,
            b'g' | b'x' | b's' | b'A' | b'y' | b'w' | b'e' => FIRST,
            b'@' => LOGIN,
            128.. => FOREIGN,
            _ => 0,
        };
        byte += 1;
    }
    classes
}

/// Whether it begins with the first two bytes of a form.
fn is_form(rest: &[u8]) -> bool {
    matches!(
        rest,
        [b'-', b'-', ..]
            | [b'g', b'h' | b'i' | b'l', ..]
            | [b'x', b'o', ..]
            | [b's', b'k', ..]
            | [b'A', b'I', ..]
            | [b'y', b'a', ..]
            | [b'w', b'h', ..]
            | [b'e', b'y', ..]
    )
}

/// Whether what stands before `=` or `:` ends like a name of [`ASSIGNED`].
fn names_end(before: &[u8]) -> bool {
    let last = before.iter().rev().find(|byte| CLASSES[usize::from(**byte)] & LOOSE == 0);
    matches!(last, Some(b'd' | b'D' | b'y' | b'Y' | b't' | b'T'))
}

/// The parts of a text between what ends a credential: space, quotes, `=`, `,`, `;`, brackets.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '=' | ',' | ';' | '(' | '[');
    text.split(ends).filter(|word| !word.is_empty())
}

/// Whether something like `password=...` stands anywhere in it, as in connection strings, scripts
/// and environment files, or the same as a member of JSON.
fn holds_assignment(text: &str) -> bool {
    if memchr::memchr2(b'=', b':', text.as_bytes()).is_none() || !STEM.is_match(text) {
        return false;
    }
    let folded: String = text
        .chars()
        .filter(|c| !matches!(c, '-' | '_' | '"' | '\'' | '\\') && !c.is_whitespace())
        .map(|c| c.to_ascii_lowercase())
        .collect();
    ASSIGNED.iter().any(|name| {
        folded.match_indices(name).any(|(at, _)| {
            let mut rest = folded[at + name.len()..].chars();
            matches!(rest.next(), Some('=' | ':')) && rest.next().is_some_and(|c| c != '=')
        })
    })
}

/// `scheme://user:password@host`.
fn has_login(text: &str) -> bool {
    if memchr::memchr(b'@', text.as_bytes()).is_none() {
        return false;
    }
    text.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', '?', '#', ' ']).next().unwrap_or_default();
        authority.split_once('@').is_some_and(|(login, _)| {
            login.split_once(':').is_some_and(|(_, password)| !password.is_empty())
        })
    })
}

/// `header.payload.signature`, the header being base64url of `{"`.
fn is_jwt(text: &str) -> bool {
    text.starts_with("eyJ") && text.len() > 40 && text.split('.').count() == 3
}

/// Whether an entry of a list of names and values (`{Key: DB_PASSWORD, Value: ...}`) announces one.
fn names_secret(entries: &[(Box<str>, Value)]) -> bool {
    entries.iter().any(|(key, item)| {
        matches!(&**key, "Key" | "key" | "Name" | "name")
            && item.as_str().is_some_and(announces_secret)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
        for secret in [
            "-----BEGIN RSA PRIVATE KEY-----\nMII",
            "key:\n-----BEGIN PRIVATE KEY-----",
            "ghp_0123456789",
            "export T=xoxb-1-2",
            "Server=db;User Id=sa;Password=x1",
            "AccountName=a;AccountKey=bbb==",
            "postgres://app:pw@db.example/x",
            r#"{"client_secret": "x"}"#,
            "AWS_SECRET_ACCESS_KEY=abc",
        ] {
            assert_eq!(text(secret, &limits), REDACTED);
        }
        for plain in [
            "web tier",
            "sg-0123",
            "arn:aws:iam::111122223333:role/x",
            "eyJ",
            "https://db.example:8443/x",
            "password",
            "iam:UpdateAccountPasswordPolicy",
            "mailto:a@b.example",
            "s3:GetObject",
            "arn:aws:secretsmanager:eu-west-1:111122223333:secret:app/password-AbCdEf",
        ] {
            assert_eq!(text(plain, &limits), plain);
        }
    }

    #[test]
    fn every_name_that_is_assigned_has_a_stem_and_every_form_a_first_byte() {
        assert!(ASSIGNED.iter().all(|name| STEM.is_match(name)));
        assert!(ASSIGNED.iter().all(|name| names_end(name.as_bytes())));
        let first = |form: &&str| {
            CLASSES[usize::from(form.as_bytes()[0])] & FIRST != 0 && is_form(form.as_bytes())
        };
        assert!(FORMS.iter().chain(&["eyJ"]).all(first));
    }

    proptest! {
        #[test]
        fn the_first_look_lets_nothing_go_that_a_closer_one_would_not(
            parts in prop::collection::vec(
                prop_oneof![
                    prop::sample::select(&FORMS[..]).prop_map(String::from),
                    prop::sample::select(&ASSIGNED[..]).prop_map(String::from),
                    prop::sample::select(vec![
                        "=", ":", " ", "\u{a0}", "\"", "-", "_", "PWD", "Client Secret", "://u:p", "@",
                        "h/", "a", "\\", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIi.c2ln", "\u{e9}",
                    ])
                    .prop_map(String::from),
                    "\\PC{0,6}",
                ],
                0..8,
            ),
        ) {
            let text = parts.concat();
            let begins =
                |word: &str| FORMS.iter().any(|form| word.starts_with(form)) || is_jwt(word);
            let closely =
                words(&text).any(begins) || holds_assignment(&text) || has_login(&text);
            prop_assert_eq!(looks_secret(&text), closely, "{}", text);
        }
    }

    #[test]
    fn a_text_at_the_limit_stays_and_one_past_it_is_cut_at_a_character() {
        let limits = Limits { text_bytes: 16, ..Limits::default() };
        assert_eq!(bounded("0123456789abcdef", &limits), "0123456789abcdef");
        assert_eq!(bounded("012345\u{e9}89abcdefg", &limits), "012345\u{e9}...[cut]");
    }
}
