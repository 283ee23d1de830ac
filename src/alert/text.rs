//! An alert as a person reads it at three in the morning: a short block of plain lines.

use std::fmt::Write as _;

use serde_json::Value;

use crate::model::{Confidence, Family, Novelty, Severity, Step};

use super::{Alert, Channel, clean, sentence};

/// Whether escape codes may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Plain.
    Plain,
    /// ANSI colours.
    Colour,
}

/// Bytes of one side of `before -> after`.
const SIDE: usize = 200;

/// Writes the block, ending in a line feed. The frame is ASCII; names stay as they are.
#[must_use]
pub fn render(alert: &Alert, paint: Paint) -> String {
    let mut out = String::with_capacity(512);
    headline(&mut out, alert, paint);
    line(&mut out, "what", &what(alert));
    line(&mut out, "who", &who(alert));
    for (label, text) in changes(alert) {
        line(&mut out, label, &text);
    }
    if let Some((count, resources)) = &alert.summary {
        let more = if *count > resources.len() { ", ..." } else { "" };
        line(&mut out, "all", &format!("{count}: {}{more}", resources.join(", ")));
    }
    line(&mut out, "state", &standing(alert));
    if matches!(alert.step, Step::Opened | Step::Updated) {
        line(&mut out, "why", &alert.why);
        line(&mut out, "fix", &alert.fix);
    }
    out
}

fn headline(out: &mut String, alert: &Alert, paint: Paint) {
    let word = match alert.step {
        Step::Opened | Step::Updated => alert.severity.as_str().to_ascii_uppercase(),
        Step::Resolved => "RESOLVED".to_owned(),
        Step::Retracted => "RETRACTED".to_owned(),
    };
    let detector = alert.lead().map_or("", |reason| &reason.detector);
    let step = match alert.step {
        Step::Updated => " (changed)",
        Step::Opened | Step::Resolved | Step::Retracted => "",
    };
    let (on, off) = match paint {
        Paint::Plain => ("", ""),
        Paint::Colour => (colour(alert), "\u{1b}[0m"),
    };
    let _ =
        writeln!(out, "{on}{word:<9}{off} {}{step}  [{detector}]  {}", alert.title(), alert.time);
}

fn colour(alert: &Alert) -> &'static str {
    if matches!(alert.step, Step::Resolved | Step::Retracted) {
        return "\u{1b}[32m";
    }
    match alert.severity {
        Severity::Critical => "\u{1b}[1;97;41m",
        Severity::High => "\u{1b}[1;31m",
        Severity::Medium => "\u{1b}[33m",
        Severity::Low => "\u{1b}[36m",
        Severity::Informational => "\u{1b}[34m",
    }
}

fn line(out: &mut String, label: &str, text: &str) {
    if !text.trim().is_empty() {
        let _ = writeln!(out, "  {label:<7} {text}");
    }
}

fn what(alert: &Alert) -> String {
    let mut text = sentence::resource(alert);
    if !alert.element.is_empty() {
        let _ = write!(text, ", {}", element(&alert.element));
    }
    let _ = write!(text, " in {} {}", alert.provider, alert.account);
    if !alert.region.is_empty() {
        let _ = write!(text, " {}", alert.region);
    }
    let _ = write!(text, ", tenant {}", alert.tenant);
    if !alert.resource.owner.is_empty() {
        let _ = write!(text, ", owned by {}", alert.resource.owner);
    }
    text
}

fn who(alert: &Alert) -> String {
    let event = &alert.event;
    if event.id.is_empty() {
        return "nobody: time passed".to_owned();
    }
    if event.family == Family::State {
        return format!("not told: seen in a snapshot ({})", event.format.as_str());
    }
    let mut text = sentence::who(alert).to_owned();
    if event.root {
        text.push_str(" [root]");
    }
    if !event.source_ip.is_empty() {
        let _ = write!(text, " from {}", event.source_ip);
    }
    if alert.channel != Channel::Unknown {
        let _ = write!(text, " by {}", alert.channel.as_str());
    }
    let _ = write!(text, ": {}", event.name);
    if !event.error.is_empty() {
        let _ = write!(text, " (failed: {})", event.error);
    }
    text
}

/// `before -> after` for each changed path; a lone value where only one side is there.
fn changes(alert: &Alert) -> Vec<(&'static str, String)> {
    let (Value::Object(before), Value::Object(after)) = (&alert.before, &alert.after) else {
        let sides = [("before", &alert.before), ("after", &alert.after)];
        let told = sides.into_iter().filter(|(_, value)| !value.is_null());
        return told.map(|(label, value)| (label, short(value))).collect();
    };
    let mut paths: Vec<&String> = before.keys().chain(after.keys()).collect();
    paths.sort_unstable();
    paths.dedup();
    let side = |tree: &serde_json::Map<String, Value>, path: &str| {
        tree.get(path).map_or_else(|| "(not seen)".to_owned(), short)
    };
    let row = |path: &String| match (before.get(path), after.get(path)) {
        (None, Some(items @ Value::Array(_))) => ("added", format!("{path}: {}", short(items))),
        (Some(items @ Value::Array(_)), None) => ("removed", format!("{path}: {}", short(items))),
        _ => ("change", format!("{path}: {} -> {}", side(before, path), side(after, path))),
    };
    paths.into_iter().map(row).collect()
}

fn short(value: &Value) -> String {
    clean::text(&words(value), SIDE)
}

/// A tree as words: `direction ingress, ports 22`; lists behind semicolons. Stamps that are
/// the alert's own time again (`added`) are left out.
fn words(value: &Value) -> String {
    match value {
        Value::Null => "(unknown)".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(words).collect::<Vec<_>>().join("; "),
        Value::Object(members) => {
            if let Some(rule) = rule(members) {
                return rule;
            }
            let told = members.iter().filter(|(key, value)| *key != "added" && !value.is_null());
            told.map(|(key, value)| format!("{key} {}", words(value)))
                .collect::<Vec<_>>()
                .join(", ")
        }
    }
}

/// A network rule as people say it: `ingress tcp 22 from 0.0.0.0/0`; `None` for anything else.
fn rule(members: &serde_json::Map<String, Value>) -> Option<String> {
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let (direction, ports) = (text("direction")?, text("ports")?);
    let peers = members.get("peers").map_or_else(|| "anywhere".to_owned(), words);
    let way = if direction == "egress" { "to" } else { "from" };
    let denies = if text("action") == Some("deny") { "deny " } else { "" };
    let off = if members.get("enabled") == Some(&Value::Bool(false)) { " (off)" } else { "" };
    let protocol = text("protocol").unwrap_or("any");
    Some(format!("{denies}{direction} {protocol} {ports} {way} {peers}{off}"))
}

/// An element for people; one that is written as JSON is told in words.
fn element(text: &str) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(tree @ Value::Object(_)) => clean::text(&words(&tree), SIDE),
        _ => text.to_owned(),
    }
}

fn standing(alert: &Alert) -> String {
    let mut parts = Vec::new();
    if alert.step != Step::Opened {
        parts.push(format!("open for {}", sentence::span(alert)));
    }
    if alert.novelty == Novelty::Discovered {
        parts.push("already so when first seen".to_owned());
    }
    if alert.confidence == Confidence::Provisional {
        let assumed = alert.assumptions.join(", ");
        let on = if assumed.is_empty() { String::new() } else { format!(", assuming {assumed}") };
        parts.push(format!("provisional{on}"));
    }
    if alert.reasons.len() > 1 {
        let others: Vec<&str> = alert.reasons[1..].iter().map(|r| r.detector.as_str()).collect();
        parts.push(format!("also {}", others.join(", ")));
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn an_opening_tells_what_who_the_change_why_and_the_repair() {
        let block = render(&samples::alert(|_| {}), Paint::Plain);
        assert_eq!(
            block,
            "HIGH      SSH is open to the whole Internet  [FW-001]  2026-03-02T08:15:31Z\n  \
             what    network.security_group sg-1 (web), ingress tcp 22 from 0.0.0.0/0 in aws \
             111122223333 eu-west-1, tenant acme, owned by shop\n  \
             who     alice from 203.0.113.24 by tool: AuthorizeSecurityGroupIngress\n  \
             change  rules: none -> peers 0.0.0.0/0, ports 22\n  \
             state   provisional, assuming block = off; also FW-002\n  \
             why     Anyone can try to log in.\n  \
             fix     Narrow the rule to your own addresses.\n"
        );
    }

    #[test]
    fn a_network_rule_is_said_as_people_say_it() {
        let rule = |more: &str| {
            let tree = format!(
                r#"{{"direction":"ingress","protocol":"tcp","ports":"22","peers":["0.0.0.0/0"]{more}}}"#
            );
            element(&tree)
        };
        assert_eq!(rule(""), "ingress tcp 22 from 0.0.0.0/0");
        assert_eq!(
            rule(r#","action":"deny","enabled":false"#),
            "deny ingress tcp 22 from 0.0.0.0/0 (off)"
        );
        assert_eq!(element(r#"{"name":"x","ports":"22"}"#), "name x, ports 22");
    }

    #[test]
    fn an_end_tells_how_long_it_was_open_and_no_repair() {
        let block = render(
            &samples::alert(|change| {
                change.step = Step::Resolved;
                change.time = change.time.plus(90_000_000);
            }),
            Paint::Plain,
        );
        assert!(block.starts_with("RESOLVED  SSH is open"), "{block}");
        assert!(block.contains("open for 1 min 30 s"), "{block}");
        assert!(!block.contains("fix "), "{block}");
    }

    #[test]
    fn escape_codes_come_from_the_painter_alone() {
        let hostile = |change: &mut crate::model::FindingChange| {
            change.label.name = "\u{1b}[31mred\nHIGH fake".into();
            change.after = serde_json::json!({"rules": "\u{1b}]0;title\u{7}"});
        };
        let plain = render(&samples::alert(hostile), Paint::Plain);
        assert!(!plain.contains('\u{1b}'), "{plain}");
        assert!(!plain.lines().any(|line| line.starts_with("HIGH fake")), "{plain}");
        let painted = render(&samples::alert(hostile), Paint::Colour);
        assert_eq!(painted.matches('\u{1b}').count(), 2, "{painted}");
    }
}
