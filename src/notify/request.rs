//! What goes to a destination and what comes back: requests, answers, and verdicts on answers.

use std::fmt;
use std::time::Duration;

use crate::alert::clean;
use crate::model::Timestamp;

use super::clip::clip;
use super::secret::Secret;

/// A `POST` to a destination.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Behind the endpoint's own path; empty where that is the whole.
    pub path: &'static str,
    /// Headers beside the ones of HTTP itself.
    pub headers: Vec<(&'static str, String)>,
    /// The body, which is JSON.
    pub body: Vec<u8>,
}

impl Request {
    /// A request that carries JSON.
    #[must_use]
    pub fn json(path: &'static str, body: Vec<u8>) -> Self {
        Self { path, headers: vec![("content-type", "application/json".to_owned())], body }
    }
}

impl fmt::Debug for Request {
    /// Neither values of headers nor the body: both may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| *name).collect();
        f.debug_struct("Request")
            .field("path", &self.path)
            .field("headers", &names)
            .field("bytes", &self.body.len())
            .finish()
    }
}

/// A request that can't be made of a message: it will never be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit(pub String);

/// What a destination answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The header `retry-after`, as it stood there.
    pub retry_after: Option<String>,
    /// The body's beginning.
    pub body: String,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Failure {
    /// The name has no address.
    Unresolved,
    /// The name leads to an address that must not be reached.
    Forbidden,
    /// Nobody listens there, or the way is closed.
    Unreachable,
    /// The certificate, or TLS itself, is not right.
    Untrusted,
    /// No whole answer within the time.
    TimedOut,
    /// The connection broke, or what came was no HTTP.
    Broken,
}

impl Failure {
    /// In words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unresolved => "its name has no address",
            Self::Forbidden => {
                "its name leads to a private address, which needs `allow_private: true`"
            }
            Self::Unreachable => "nothing answers there",
            Self::Untrusted => "its TLS certificate is not trusted",
            Self::TimedOut => "no answer within the time",
            Self::Broken => "the connection broke",
        }
    }
}

/// What a destination did with a request.
pub type Answer = Result<Reply, Failure>;

/// What follows from an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was taken.
    Delivered,
    /// It may be taken later: after this, where the destination named a time.
    Retry(Option<Duration>),
    /// It never will be.
    Refused,
    /// The destination takes nothing any more.
    Ended,
}

/// The longest that a destination may have one wait.
pub const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

impl Verdict {
    /// What HTTP itself says: taken (2xx); later (3xx, which is not followed, 408, 425, 429, 5xx);
    /// never (every other 4xx: a request that is wrong, unknown or not allowed stays so).
    #[must_use]
    pub fn by_status(reply: &Reply, now: Timestamp) -> Self {
        match reply.status {
            200..=299 => Self::Delivered,
            408 | 425 | 429 | 300..=399 | 500..=599 => {
                let after = reply.retry_after.as_deref();
                Self::Retry(after.and_then(|text| retry_after(text, now)))
            }
            _ => Self::Refused,
        }
    }

    /// What follows where a request went to several endpoints, of which one is enough.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Delivered, _) | (_, Self::Delivered) => Self::Delivered,
            (Self::Retry(one), Self::Retry(two)) => Self::Retry(one.max(two)),
            (Self::Retry(after), _) | (_, Self::Retry(after)) => Self::Retry(after),
            (Self::Refused, _) | (_, Self::Refused) => Self::Refused,
            (Self::Ended, Self::Ended) => Self::Ended,
        }
    }
}

/// `Retry-After` (RFC 9110, section 10.2.3): seconds, or an HTTP date; no more than an hour.
#[must_use]
pub fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    let wait = if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        // More digits than a number holds are a long time.
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let at = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
        let micros = Timestamp(at.as_microsecond()).since(now);
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    };
    Some(wait.min(LONGEST_WAIT))
}

/// What a destination answered, for people: without what is secret, on one line, and short.
#[must_use]
pub fn told(answer: &Answer, secrets: &[&Secret]) -> String {
    /// Characters of the body.
    const EXCERPT: usize = 200;
    match answer {
        Err(failure) => failure.as_str().to_owned(),
        Ok(reply) => {
            let mut body = clean::text(reply.body.trim(), 4_096);
            for secret in secrets {
                body = secret.scrub(&body);
            }
            let body = clip(&body, EXCERPT);
            let status = reply.status;
            if body.is_empty() {
                format!("it answered {status}")
            } else {
                format!("it answered {status}: {body}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_772_452_800);

    fn reply(status: u16, retry_after: Option<&str>) -> Reply {
        Reply { status, retry_after: retry_after.map(ToOwned::to_owned), body: String::new() }
    }

    #[test]
    fn a_status_says_whether_it_is_to_be_tried_again() {
        for (status, after, verdict) in [
            (200, None, Verdict::Delivered),
            (202, None, Verdict::Delivered),
            (204, None, Verdict::Delivered),
            (301, None, Verdict::Retry(None)),
            (307, None, Verdict::Retry(None)),
            (400, None, Verdict::Refused),
            (401, None, Verdict::Refused),
            (403, None, Verdict::Refused),
            (404, None, Verdict::Refused),
            (408, None, Verdict::Retry(None)),
            (410, None, Verdict::Refused),
            (413, None, Verdict::Refused),
            (425, None, Verdict::Retry(None)),
            (429, Some("7"), Verdict::Retry(Some(Duration::from_secs(7)))),
            (429, Some("soon"), Verdict::Retry(None)),
            (500, None, Verdict::Retry(None)),
            (503, Some("120"), Verdict::Retry(Some(Duration::from_secs(120)))),
            (599, None, Verdict::Retry(None)),
            (100, None, Verdict::Refused),
            (0, None, Verdict::Refused),
        ] {
            assert_eq!(Verdict::by_status(&reply(status, after), NOW), verdict, "{status}");
        }
    }

    #[test]
    fn a_time_to_wait_is_read_in_seconds_and_as_a_date_and_has_a_maximum() {
        for (text, seconds) in [
            ("0", Some(0)),
            (" 30 ", Some(30)),
            ("3601", Some(3_600)),
            ("99999999999999999999999", Some(3_600)),
            ("Mon, 02 Mar 2026 12:00:10 GMT", Some(10)),
            ("Mon, 02 Mar 2026 11:00:00 GMT", Some(0)),
            ("Wed, 02 Mar 2039 12:00:00 GMT", Some(3_600)),
            ("-1", None),
            ("1.5", None),
            ("", None),
            ("tomorrow", None),
        ] {
            assert_eq!(retry_after(text, NOW), seconds.map(Duration::from_secs), "`{text}`");
        }
    }

    #[test]
    fn of_several_endpoints_one_that_takes_it_is_enough() {
        use Verdict::{Delivered, Ended, Refused, Retry};
        let wait = Some(Duration::from_secs(5));
        for (one, two, verdict) in [
            (Refused, Delivered, Delivered),
            (Retry(None), Delivered, Delivered),
            (Refused, Retry(None), Retry(None)),
            (Retry(None), Retry(wait), Retry(wait)),
            (Refused, Ended, Refused),
            (Ended, Ended, Ended),
        ] {
            assert_eq!(one.clone().or(two.clone()), verdict);
            assert_eq!(two.or(one), verdict);
        }
    }

    #[test]
    fn an_answer_is_told_without_secrets_on_one_line_and_short() {
        let body = format!("no\nroute for canary-7 \u{1b}[2J{}", "x".repeat(1_000));
        let answer = Ok(Reply { status: 400, retry_after: None, body });
        let told = told(&answer, &[&Secret::new("canary-7")]);
        assert!(told.starts_with("it answered 400: no\\u{a}route for [secret] \\u{1b}"), "{told}");
        assert!(told.ends_with("...[cut]") && told.chars().count() < 230, "{told}");
    }

    #[test]
    fn a_request_shows_no_value_of_a_header_nor_its_body() {
        let mut request = Request::json("/x", b"{\"routing_key\":\"canary\"}".to_vec());
        request.headers.push(("authorization", "Bearer canary".to_owned()));
        let shown = format!("{request:?}");
        assert!(!shown.contains("canary") && shown.contains("authorization"), "{shown}");
    }
}
