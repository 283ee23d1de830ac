//! Slack: notices in, a message for an incoming webhook out (Slack API, "Sending messages using
//! incoming webhooks" and "Formatting text for app surfaces").
//!
//! The URL is the secret. A message can't be changed later, so an end is a short message of its
//! own. Every text that anyone may have chosen has `&`, `<` and `>` as entities, so that it makes
//! no link and calls nobody, and is not searched for links (`verbatim`).

use serde_json::{Value, json};

use crate::model::Timestamp;

use super::clip::clip_with;
use super::message::{Message, Summary};
use super::notice::Notice;
use super::{Destination, Request, Secret, Standing, Unfit};

/// Characters of one block's text.
const BLOCK: usize = 3_000;
/// Characters of all blocks: a message was seen to be refused from about 13,000 on.
const WHOLE: usize = 9_000;

/// An incoming webhook.
#[derive(Clone, Copy, Debug, Default)]
pub struct Slack;

impl Destination for Slack {
    fn kind(&self) -> &'static str {
        "slack"
    }

    fn request(
        &self,
        message: &Message,
        _: Option<&Standing>,
        _: Timestamp,
    ) -> Result<Request, Unfit> {
        let headline = escaped(&message.headline(), BLOCK);
        let mut texts = vec![format!("*{}*", escaped(&message.headline(), BLOCK - 2))];
        match message {
            Message::One(notice) => texts.extend(of_one(notice)),
            Message::Many(summary) => texts.extend(of_many(summary)),
        }
        let blocks: Vec<Value> = texts.iter().map(|text| section(text)).collect();
        let body = json!({"text": headline, "blocks": blocks}).to_string();
        Ok(Request::json("", body.into_bytes()))
    }

    fn secrets(&self) -> Vec<&Secret> {
        Vec::new()
    }
}

fn section(text: &str) -> Value {
    json!({"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": true}})
}

fn of_one(notice: &Notice) -> Vec<String> {
    let mut texts = vec![escaped(&notice.message, BLOCK)];
    if notice.is_end() {
        texts.retain(|text| !text.is_empty());
        return texts;
    }
    let Notice { provider, account, region, kind, resource, .. } = notice;
    let cloud = [provider.as_str(), account, region].join(" ");
    let lines: Vec<String> = [
        ("Why", notice.why.as_str()),
        ("Repair", &notice.remediation),
        ("Resource", &format!("{kind} {resource}")),
        ("Cloud", &cloud),
        ("Who", &[notice.actor.as_str(), &notice.source_ip].join(" ")),
        ("Owner", &notice.owner),
        ("Detector", notice.detector()),
        ("Alert", &notice.id),
    ]
    .iter()
    .filter(|(_, text)| !text.trim().is_empty())
    .map(|(name, text)| format!("{name}: {}", escaped(text.trim(), BLOCK / 8 - 16)))
    .collect();
    texts.push(lines.join("\n"));
    texts.retain(|text| !text.is_empty());
    texts
}

fn of_many(summary: &Summary) -> Vec<String> {
    let lines = summary.lines();
    // Each line has its share, so that one long one hides no other.
    let share = BLOCK / lines.len().max(1) - 1;
    let lines: Vec<String> = lines.iter().map(|line| escaped(line, share)).collect();
    vec![lines.join("\n")]
}

/// The text with its three characters as entities, of at most so many characters.
fn escaped(text: &str, most: usize) -> String {
    clip_with(text, most.min(WHOLE), |c, out| match c {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        other => out.push(other),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::Step;
    use crate::notify::tests::lab::{NOON, hostile, notice};
    use crate::notify::{Reply, Verdict};

    fn told(message: &Message) -> Value {
        let request = Slack.request(message, None, NOON).expect("it fits");
        assert_eq!(request.path, "");
        serde_json::from_slice(&request.body).expect("JSON")
    }

    fn one(notice: Notice) -> Value {
        told(&Message::One(Arc::new(notice)))
    }

    fn texts(body: &Value) -> Vec<&str> {
        let blocks = body["blocks"].as_array().expect("blocks");
        blocks.iter().map(|block| block["text"]["text"].as_str().expect("text")).collect()
    }

    #[test]
    fn an_opening_says_what_why_where_who_and_how_to_repair() {
        let body = one(notice("a1", "f1", Step::Opened));
        assert_eq!(
            body["text"],
            "[high] opened: SSH is open to the whole Internet: web (tenant acme)"
        );
        let texts = texts(&body);
        assert_eq!(texts.len(), 3);
        assert!(texts[0].starts_with("*[high] opened: SSH"), "{}", texts[0]);
        for part in [
            "Why: Anyone can try to log in.",
            "Repair: Narrow the rule to your own addresses.",
            "Resource: network.security_group sg-1",
            "Cloud: aws 111122223333 eu-west-1",
            "Who: alice 203.0.113.24",
            "Owner: shop",
            "Detector: FW-001",
            "Alert: a1",
        ] {
            assert!(texts[2].lines().any(|line| line == part), "{part}\n{}", texts[2]);
        }
        for block in body["blocks"].as_array().expect("blocks") {
            assert_eq!(block["type"], "section");
            assert_eq!(block["text"]["type"], "mrkdwn");
            assert_eq!(block["text"]["verbatim"], true);
        }
    }

    #[test]
    fn an_end_is_a_short_message() {
        let body = one(notice("a2", "f1", Step::Resolved));
        assert_eq!(texts(&body).len(), 2);
        assert!(body["text"].as_str().expect("text").starts_with("[high] resolved: "));
    }

    #[test]
    fn hostile_texts_make_no_link_call_nobody_and_keep_to_the_limits() {
        let all: Vec<_> = (0..30).map(|_| (Arc::new(hostile()), false)).collect();
        for message in [Message::One(Arc::new(hostile())), Message::Many(Summary::of(&all))] {
            let body = told(&message);
            let whole: usize = texts(&body).iter().map(|text| text.chars().count()).sum();
            assert!(whole <= WHOLE, "{whole}");
            assert!(texts(&body).len() <= 50);
            let fallback = body["text"].as_str().expect("text");
            for text in texts(&body).into_iter().chain([fallback]) {
                assert!(text.chars().count() <= BLOCK, "{}", text.chars().count());
                assert!(!text.is_empty());
                assert!(!text.contains('<') && !text.contains('>'), "{text}");
                let bare = text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "");
                assert!(!bare.contains('&'), "an entity was cut: {text}");
            }
            assert!(texts(&body)[0].contains("&lt;!channel&gt;"));
        }
    }

    #[test]
    fn a_summary_names_ten_and_counts_the_rest() {
        let all: Vec<_> = (0..23)
            .map(|n| (Arc::new(notice(&format!("a{n}"), &format!("f{n}"), Step::Opened)), false))
            .collect();
        let body = told(&Message::Many(Summary::of(&all)));
        assert_eq!(body["text"], "23 findings in one message: 23 high (tenant acme)");
        let lines: Vec<&str> = texts(&body)[1].lines().collect();
        assert_eq!(lines.len(), 11);
        assert_eq!(lines[10], "and 13 more");
    }

    #[test]
    fn an_answer_is_judged_as_the_api_says() {
        use std::time::Duration;
        for (status, after, verdict) in [
            (200, None, Verdict::Delivered),
            (400, None, Verdict::Refused),
            (403, None, Verdict::Refused),
            (404, None, Verdict::Refused),
            (410, None, Verdict::Refused),
            (429, Some("30"), Verdict::Retry(Some(Duration::from_secs(30)))),
            (500, None, Verdict::Retry(None)),
        ] {
            let reply =
                Reply { status, retry_after: after.map(ToOwned::to_owned), ..Reply::default() };
            assert_eq!(Slack.judge(&reply, NOON), verdict, "{status}");
        }
    }
}
