//! An alert's one plain sentence: who did what to what, and why it matters.

use crate::model::{Family, Novelty, Step};

use super::Alert;

/// Writes the sentence. Its length is bounded by the alert's texts.
pub(super) fn of(alert: &Alert) -> String {
    let title = alert.title();
    if let Some((count, resources)) = &alert.summary {
        let listed = listed(*count, resources);
        let noun = if *count == 1 { "resource was" } else { "resources were" };
        return format!("{count} {noun} already so when first seen: {title} ({listed})");
    }
    let what = resource(alert);
    let did = did(alert, &what);
    match alert.step {
        Step::Opened if alert.novelty == Novelty::Discovered => {
            format!("{did}, and it was already so: {title}")
        }
        Step::Opened => format!("{did}: {title}"),
        Step::Updated => format!("{did}, and what was insecure changed: {title}"),
        Step::Resolved => format!("{did}: no longer {}after {}", quoted(title), span(alert)),
        Step::Retracted => {
            format!("{did} {}: {}is withdrawn", never(alert.event.family), quoted(title))
        }
    }
}

/// Why what was told never was so.
const fn never(shown_by: Family) -> &'static str {
    match shown_by {
        Family::State => "and shows that it never was so",
        Family::Activity => "and nothing came of it",
    }
}

fn quoted(title: &str) -> String {
    format!("\"{title}\" ")
}

fn did(alert: &Alert, what: &str) -> String {
    let event = &alert.event;
    if event.family == Family::State {
        return format!("A snapshot of the configuration covers {what}");
    }
    let tried = if event.error.is_empty() { "called" } else { "tried to call" };
    format!("{} {tried} {} on {what}", who(alert), event.name)
}

/// The actor as people know it; never empty.
pub(super) fn who(alert: &Alert) -> &str {
    let event = &alert.event;
    let names = [&event.actor_name, &event.actor, &event.invoked_by];
    if event.root && event.actor_name.is_empty() {
        return "The account's owner";
    }
    names.into_iter().find(|name| !name.is_empty()).map_or("Someone", String::as_str)
}

/// `kind uid (name)`.
pub(super) fn resource(alert: &Alert) -> String {
    let resource = &alert.resource;
    if resource.name.is_empty() || resource.name == resource.uid {
        return format!("{} {}", resource.kind, resource.uid);
    }
    format!("{} {} ({})", resource.kind, resource.uid, resource.name)
}

fn listed(count: usize, resources: &[String]) -> String {
    let mut text = resources.join(", ");
    if count > resources.len() {
        text.push_str(", ...");
    }
    text
}

/// The exposure in its two largest units.
pub(super) fn span(alert: &Alert) -> String {
    let seconds = alert.exposure_seconds;
    let units = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)];
    let mut parts = Vec::new();
    let mut rest = seconds;
    for (unit, size) in units {
        if rest >= size && parts.len() < 2 {
            parts.push(format!("{} {unit}", rest / size));
            rest %= size;
        } else if !parts.is_empty() {
            break;
        }
    }
    if parts.is_empty() { "less than a second".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn the_sentence_says_who_did_what_to_what_and_why_it_matters() {
        let told = |edit: fn(&mut crate::model::FindingChange)| samples::alert(edit).message;
        assert_eq!(
            told(|_| {}),
            "alice called AuthorizeSecurityGroupIngress on network.security_group sg-1 (web): \
             SSH is open to the whole Internet"
        );
        assert_eq!(
            told(|change| {
                change.step = Step::Resolved;
                change.time = change.finding.opened.plus(7_980_000_000);
            }),
            "alice called AuthorizeSecurityGroupIngress on network.security_group sg-1 (web): \
             no longer \"SSH is open to the whole Internet\" after 2 h 13 min"
        );
        assert_eq!(
            told(|change| {
                change.finding.novelty = Novelty::Discovered;
                change.summary = Some(crate::model::finding::Summary {
                    count: 3,
                    resources: vec!["sg-1".into(), "sg-2".into()],
                });
            }),
            "3 resources were already so when first seen: SSH is open to the whole Internet \
             (sg-1, sg-2, ...)"
        );
    }

    #[test]
    fn a_span_is_told_in_its_two_largest_units() {
        for (seconds, text) in [
            (0, "less than a second"),
            (59, "59 s"),
            (60, "1 min"),
            (3_601, "1 h"),
            (7_980, "2 h 13 min"),
            (90_061, "1 d 1 h"),
        ] {
            let mut alert = samples::alert(|_| {});
            alert.exposure_seconds = seconds;
            assert_eq!(span(&alert), text);
        }
    }
}
