//! Dead letters: refused records, kept with their reason.

use std::fmt::Write as _;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::log::Offset;
use crate::map::redact;
use crate::model::{DeadReason, Limits, Timestamp};

use super::batch::Out;

/// How much of a refused record is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Body {
    /// Its place, size and SHA-256: the source still holds it.
    #[default]
    Reference,
    /// Where it can be parsed, with what may be secret struck out; else as [`Body::Reference`].
    Redacted,
    /// All of it.
    Full,
}

impl Body {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Reference, Self::Redacted, Self::Full];

    /// The name in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Redacted => "redacted",
            Self::Full => "full",
        }
    }

    /// The way of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|body| body.as_str() == name)
    }
}

/// A refused record.
pub(crate) struct Letter<'l> {
    pub reason: DeadReason,
    /// What and where; never what the record holds.
    pub detail: &'l str,
    pub topic: &'l str,
    pub partition: u32,
    pub offset: Offset,
    pub time: Option<Timestamp>,
}

/// The letter as a record of its topic.
pub(crate) fn out(
    topic: &Arc<str>,
    partition: u32,
    letter: &Letter<'_>,
    key: &[u8],
    value: &[u8],
    body: Body,
) -> Out {
    let mut headers = vec![
        ("driftline-reason", letter.reason.as_str().to_owned()),
        ("driftline-detail", letter.detail.to_owned()),
        ("driftline-topic", letter.topic.to_owned()),
        ("driftline-partition", letter.partition.to_string()),
        ("driftline-offset", letter.offset.0.to_string()),
    ];
    if let Some(time) = letter.time {
        headers.push(("driftline-time", time.to_string()));
    }
    let kept = match body {
        Body::Full => value.to_vec(),
        Body::Redacted => redacted(value).unwrap_or_else(|| reference(letter, value)),
        Body::Reference => reference(letter, value),
    };
    Out { topic: Arc::clone(topic), partition, key: key.to_vec(), value: kept, headers }
}

fn reference(letter: &Letter<'_>, value: &[u8]) -> Vec<u8> {
    let mut hash = String::with_capacity(64);
    for byte in Sha256::digest(value) {
        // Writing into a text has no way to fail.
        let _ = write!(hash, "{byte:02x}");
    }
    let told = serde_json::json!({
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset.0,
        "bytes": value.len(),
        "sha256": hash,
    });
    told.to_string().into_bytes()
}

/// The record with its secrets struck out; `None` where it is no JSON.
fn redacted(value: &[u8]) -> Option<Vec<u8>> {
    let mut json: serde_json::Value = serde_json::from_slice(value).ok()?;
    redact::json(&mut json, &Limits::default());
    Some(json.to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter() -> Letter<'static> {
        Letter {
            reason: DeadReason::NotJson,
            detail: "at byte 3",
            topic: "cloud-audit",
            partition: 2,
            offset: Offset(40),
            time: Some(Timestamp::from_seconds(1_772_452_800)),
        }
    }

    #[test]
    fn a_letter_says_why_and_where_and_by_default_holds_nothing_of_the_record() {
        let out = out(&"d".into(), 1, &letter(), b"k", b"secret", Body::Reference);
        let text = String::from_utf8(out.value).expect("JSON");
        assert!(!text.contains("secret"), "{text}");
        assert!(text.contains("\"bytes\":6") && text.contains("\"offset\":40"), "{text}");
        assert!(text.contains("2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"));
        let headers: Vec<String> =
            out.headers.iter().map(|(name, text)| format!("{name}={text}")).collect();
        assert_eq!(
            headers,
            [
                "driftline-reason=not_json",
                "driftline-detail=at byte 3",
                "driftline-topic=cloud-audit",
                "driftline-partition=2",
                "driftline-offset=40",
                "driftline-time=2026-03-02T12:00:00Z",
            ]
        );
    }

    #[test]
    fn a_letter_may_hold_all_of_the_record_or_what_is_no_secret_of_it() {
        let value = br#"{"name": "db-1", "password": "hunter2"}"#;
        let full = out(&"d".into(), 1, &letter(), b"k", value, Body::Full);
        assert_eq!(full.value, value);
        let some = out(&"d".into(), 1, &letter(), b"k", value, Body::Redacted);
        let text = String::from_utf8(some.value).expect("JSON");
        assert!(text.contains("db-1") && !text.contains("hunter2"), "{text}");
        let broken =
            out(&"d".into(), 1, &letter(), b"k", b"{\"password\": \"hunter2", Body::Redacted);
        assert!(!String::from_utf8(broken.value).expect("JSON").contains("hunter2"));
    }
}
