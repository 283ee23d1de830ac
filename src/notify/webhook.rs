//! Webhooks: notices in, a signed `POST` out (Standard Webhooks 1.0).
//!
//! The body is `{"type", "timestamp", "data"}`, where `data` is the alert as it stands in the
//! alerts topic. `webhook-id` is the alert's id, the same at every try; `webhook-timestamp` is the
//! try's; `webhook-signature` has one signature for each secret, so that secrets can be rotated.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use sha2::Sha256;

use crate::model::{Severity, Timestamp};

use super::message::{Message, Summary, event_of};
use super::{Destination, Reply, Request, Secret, Standing, Unfit, Verdict};

/// Before a secret's base64.
const PREFIX: &str = "whsec_";
/// Bytes of a secret.
const SIZES: std::ops::RangeInclusive<usize> = 24..=64;

/// A receiver of webhooks.
#[derive(Clone)]
pub struct Webhook {
    /// As they were given, and the bytes they stand for.
    secrets: Vec<(Secret, Vec<u8>)>,
    token: Option<Secret>,
}

/// Why a secret was refused. It does not say the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretFault {
    /// There is none.
    #[error("there is no secret; a receiver could not tell who sent a message")]
    None,
    /// It does not begin as secrets do.
    #[error("a secret begins with `whsec_`")]
    Prefix,
    /// What comes then is not base64.
    #[error("behind `whsec_` a secret is base64")]
    Base64,
    /// It is too short or too long.
    #[error("a secret has 24 to 64 bytes, and this one {0}")]
    Size(usize),
}

impl Webhook {
    /// Signs with each of these secrets, written `whsec_` and base64; the token, where there is
    /// one, goes along as `Authorization: Bearer`.
    ///
    /// # Errors
    /// Where one of the secrets is none.
    pub fn new(secrets: &[Secret], token: Option<Secret>) -> Result<Self, SecretFault> {
        if secrets.is_empty() {
            return Err(SecretFault::None);
        }
        let read = |secret: &Secret| {
            let text = secret.expose().strip_prefix(PREFIX).ok_or(SecretFault::Prefix)?;
            let bytes = STANDARD.decode(text).map_err(|_| SecretFault::Base64)?;
            if !SIZES.contains(&bytes.len()) {
                return Err(SecretFault::Size(bytes.len()));
            }
            Ok((secret.clone(), bytes))
        };
        Ok(Self { secrets: secrets.iter().map(read).collect::<Result<_, _>>()?, token })
    }

    fn signed(&self, id: &str, body: Vec<u8>, now: Timestamp) -> Request {
        let seconds = now.millis().div_euclid(1_000).to_string();
        let signatures: Vec<String> =
            self.secrets.iter().map(|(_, key)| sign(key, id, &seconds, &body)).collect();
        let mut request = Request::json("", body);
        request.headers.push(("webhook-id", id.to_owned()));
        request.headers.push(("webhook-timestamp", seconds));
        request.headers.push(("webhook-signature", signatures.join(" ")));
        if let Some(token) = &self.token {
            request.headers.push(("authorization", format!("Bearer {}", token.expose())));
        }
        request
    }
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").field("secrets", &self.secrets.len()).finish_non_exhaustive()
    }
}

impl Destination for Webhook {
    fn kind(&self) -> &'static str {
        "webhook"
    }

    fn request(
        &self,
        message: &Message,
        _: Option<&Standing>,
        now: Timestamp,
    ) -> Result<Request, Unfit> {
        let body = match message {
            Message::One(notice) => {
                let raw: &RawValue = serde_json::from_slice(&notice.raw)
                    .map_err(|error| Unfit(format!("the alert is not JSON: {error}")))?;
                let (kind, time) = (event_of(notice.step), notice.time.to_string());
                format!("{{\"type\":\"{kind}\",\"timestamp\":\"{time}\",\"data\":{raw}}}")
            }
            Message::Many(summary) => {
                let time = summary.time.to_string();
                json!({"type": "finding.summary", "timestamp": time, "data": data(summary)})
                    .to_string()
            }
        };
        Ok(self.signed(message.id(), body.into_bytes(), now))
    }

    /// Gone (410) is how a receiver unsubscribes.
    fn judge(&self, reply: &Reply, now: Timestamp) -> Verdict {
        if reply.status == 410 { Verdict::Ended } else { Verdict::by_status(reply, now) }
    }

    fn secrets(&self) -> Vec<&Secret> {
        self.secrets.iter().map(|(secret, _)| secret).chain(&self.token).collect()
    }
}

/// `v1,` and base64 of HMAC-SHA256 over id, time and body between full stops.
fn sign(key: &[u8], id: &str, seconds: &str, body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        // HMAC takes keys of any length.
        return String::new();
    };
    for part in [id.as_bytes(), b".", seconds.as_bytes(), b".", body] {
        mac.update(part);
    }
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

fn data(summary: &Summary) -> Value {
    let severities: Map<String, Value> = Severity::ALL
        .into_iter()
        .map(|known| (known.as_str().to_owned(), Value::from(summary.severities[known as usize])))
        .collect();
    let first = summary.named.iter().map(|notice| {
        json!({
            "id": notice.id,
            "finding": notice.finding,
            "step": notice.step.as_str(),
            "severity": notice.severity.as_str(),
            "detector": notice.detector(),
            "title": notice.title,
            "resource": notice.resource,
        })
    });
    json!({
        "tenant": summary.tenant,
        "quiet": summary.quiet,
        "findings": summary.findings,
        "severities": severities,
        "ended": summary.ends,
        "first": first.collect::<Vec<_>>(),
        "alerts": summary.alerts,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::Step;
    use crate::notify::tests::lab::{NOON, hostile, notice};

    /// The secret and the message of the specification's own example.
    const EXAMPLE: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn webhook() -> Webhook {
        let other = format!("whsec_{}", STANDARD.encode([7; 24]));
        Webhook::new(&[Secret::new(EXAMPLE), Secret::new(other)], Some(Secret::new("canary")))
            .expect("secrets")
    }

    fn header<'r>(request: &'r Request, name: &str) -> &'r str {
        let found = request.headers.iter().find(|(known, _)| *known == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    #[test]
    fn a_signature_is_that_of_the_specifications_example() {
        let key = STANDARD.decode(&EXAMPLE[6..]).expect("base64");
        let signature =
            sign(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b"{\"test\": 2432232314}");
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_request_is_signed_with_every_secret_over_what_is_sent() {
        let message = Message::One(Arc::new(notice("a1", "f1", Step::Updated)));
        let request = webhook().request(&message, None, NOON).expect("it fits");
        assert_eq!(header(&request, "webhook-id"), "a1");
        assert_eq!(header(&request, "webhook-timestamp"), "1772452800");
        assert_eq!(header(&request, "content-type"), "application/json");
        assert_eq!(header(&request, "authorization"), "Bearer canary");
        let signatures: Vec<&str> = header(&request, "webhook-signature").split(' ').collect();
        let key = STANDARD.decode(&EXAMPLE[6..]).expect("base64");
        let due = [key, vec![7; 24]].map(|key| sign(&key, "a1", "1772452800", &request.body));
        assert_eq!(signatures, due);
    }

    #[test]
    fn the_body_is_the_alert_with_its_type_and_time() {
        for (step, kind) in [
            (Step::Opened, "finding.opened"),
            (Step::Updated, "finding.updated"),
            (Step::Resolved, "finding.resolved"),
            (Step::Retracted, "finding.resolved"),
        ] {
            let notice = notice("a1", "f1", step);
            let raw: Value = serde_json::from_slice(&notice.raw).expect("JSON");
            let message = Message::One(Arc::new(notice));
            let request = webhook().request(&message, None, NOON).expect("it fits");
            let body: Value = serde_json::from_slice(&request.body).expect("JSON");
            let due = json!({"type": kind, "timestamp": "2026-03-02T11:59:30Z", "data": raw});
            assert_eq!(body, due);
        }
        let mut broken = notice("a", "f", Step::Opened);
        broken.raw = b"{".as_slice().into();
        assert!(webhook().request(&Message::One(Arc::new(broken)), None, NOON).is_err());
    }

    #[test]
    fn the_same_message_has_the_same_id_and_body_at_every_try() {
        let message = Message::One(Arc::new(hostile()));
        let try_at = |now| webhook().request(&message, None, now).expect("it fits");
        let (one, two) = (try_at(NOON), try_at(NOON.plus(90_000_000)));
        assert_eq!(one.body, two.body);
        assert_eq!(header(&one, "webhook-id"), header(&two, "webhook-id"));
        assert_ne!(header(&one, "webhook-signature"), header(&two, "webhook-signature"));
        for request in [one, two] {
            for (name, value) in &request.headers {
                assert!(value.bytes().all(|b| (0x20..0x7f).contains(&b)), "{name}: {value}");
            }
        }
    }

    #[test]
    fn a_summary_names_every_alert_in_it() {
        let all: Vec<_> = (0..12)
            .map(|n| (Arc::new(notice(&format!("a{n}"), &format!("f{n}"), Step::Opened)), false))
            .collect();
        let message = Message::Many(Summary::of(&all));
        let request = webhook().request(&message, None, NOON).expect("it fits");
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        assert_eq!(body["type"], "finding.summary");
        assert_eq!(body["data"]["findings"], 12);
        assert_eq!(body["data"]["severities"]["high"], 12);
        assert_eq!(body["data"]["first"].as_array().map(Vec::len), Some(10));
        assert_eq!(body["data"]["alerts"].as_array().map(Vec::len), Some(12));
        assert_eq!(header(&request, "webhook-id"), message.id());
    }

    #[test]
    fn only_2xx_is_taken_and_410_ends_it() {
        for (status, verdict) in [
            (200, Verdict::Delivered),
            (204, Verdict::Delivered),
            (302, Verdict::Retry(None)),
            (400, Verdict::Refused),
            (401, Verdict::Refused),
            (404, Verdict::Refused),
            (410, Verdict::Ended),
            (429, Verdict::Retry(None)),
            (502, Verdict::Retry(None)),
        ] {
            let reply = Reply { status, ..Reply::default() };
            assert_eq!(webhook().judge(&reply, NOON), verdict, "{status}");
        }
    }

    #[test]
    fn a_secret_is_checked_and_shown_nowhere() {
        let of = |text: &str| Webhook::new(&[Secret::new(text)], None).map(|_| ());
        let sized = |size| format!("whsec_{}", STANDARD.encode(vec![1_u8; size]));
        assert_eq!(Webhook::new(&[], None).map(|_| ()), Err(SecretFault::None));
        assert_eq!(of("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), Err(SecretFault::Prefix));
        assert_eq!(of("whsec_***"), Err(SecretFault::Base64));
        assert_eq!(of(&sized(23)), Err(SecretFault::Size(23)));
        assert_eq!(of(&sized(24)), Ok(()));
        assert_eq!(of(&sized(64)), Ok(()));
        assert_eq!(of(&sized(65)), Err(SecretFault::Size(65)));
        let shown = format!("{:?}", webhook());
        assert!(!shown.contains("canary") && !shown.contains("MfKQ"), "{shown}");
        assert_eq!(webhook().secrets().len(), 3);
    }
}
