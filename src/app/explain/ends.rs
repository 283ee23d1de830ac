//! Where a record's way ended before any detector, why, and what would have made it go on.

use crate::content::{Content, near};
use crate::engine::EventOutcome;
use crate::model::{DeadReason, Family, Limits, Operation, Outcome};

use super::facts::{Facts, Key};

/// The end of a way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// The step at which it ended.
    pub(super) at: &'static str,
    /// Why.
    pub(super) why: String,
    /// What would have made it go on; empty where nothing had to.
    pub(super) next: String,
}

/// The end of the way of this event; `None` where it went all the way. `before` is the number of
/// the record that had the same event already.
pub(super) fn end(
    outcome: &EventOutcome<'_>,
    facts: &Facts,
    content: &Content,
    limits: &Limits,
    before: Option<u64>,
) -> Option<End> {
    let ended = |at, why: String, next: String| Some(End { at, why, next });
    let key = facts.key.as_ref();
    match outcome.outcome {
        Outcome::Applied => None,
        Outcome::Dead => {
            let (at, next) = outcome.dead.map_or(("reading", ""), revived);
            let reason = outcome.dead.map_or("", DeadReason::as_str);
            let why = if outcome.detail.is_empty() { reason } else { outcome.detail };
            ended(at, why.to_owned(), next.to_owned())
        }
        Outcome::Quarantined => {
            ended("tenant", outcome.detail.to_owned(), mapped_account(outcome, key))
        }
        Outcome::Unwatched => Some(unread(facts, content, "nothing reads this event")),
        Outcome::ReadOnly => Some(unread(facts, content, "the event only reads")),
        Outcome::Provider => {
            let why = "the provider did this itself, on what is its own".to_owned();
            ended("mapping", why, String::new())
        }
        // A deed that failed may be what a detector waits for.
        Outcome::Failed if !facts.acts.is_empty() => None,
        Outcome::Failed => {
            let next = "only entries with `failures: true` read calls that failed; the same call, \
                        had it succeeded, would be read";
            let why = "the call failed, so nothing was changed";
            if key.is_some_and(|key| !key.read) {
                return Some(unread(facts, content, why));
            }
            ended("mapping", why.to_owned(), next.to_owned())
        }
        Outcome::Duplicate => ended(
            "state",
            match before {
                Some(record) => format!("record {record} had this event already, by its id"),
                None => "an earlier event had this id".to_owned(),
            },
            "an event is applied once: another id would make it another event".to_owned(),
        ),
        Outcome::Pending => ended("state", waiting(facts), awaited(facts, limits)),
        Outcome::Blind => Some(blind(facts)),
        Outcome::Unchanged => unchanged(facts),
    }
}

/// A dead record: the step, and what would have made it go on.
const fn revived(reason: DeadReason) -> (&'static str, &'static str) {
    use DeadReason::{
        BadBase64, BadCompression, BadField, Broke, DecompressedTooLarge, DestinationFailed,
        DestinationRefused, Empty, MissingField, NoTime, NotAChange, NotJson, NotUtf8, Pointer,
        RecordTooLarge, TooDeep, TooManyEnvelopes, TooManyEvents, TooManyNodes, Unrecognised,
    };
    match reason {
        RecordTooLarge => ("reading", "a higher `limits.record_bytes`"),
        DecompressedTooLarge => ("unwrapping", "a higher `limits.decompressed_bytes`"),
        BadCompression => ("unwrapping", "a record whose compressed part is whole"),
        BadBase64 => ("unwrapping", "a record whose base64 part is whole"),
        NotUtf8 => ("reading", "UTF-8 text"),
        NotJson => ("reading", "one whole JSON value a record: was this one cut or joined?"),
        TooDeep => ("reading", "a higher `limits.depth`"),
        TooManyNodes => ("reading", "a higher `limits.nodes`"),
        TooManyEnvelopes => ("unwrapping", "a higher `limits.unwrap_levels`"),
        TooManyEvents => ("unwrapping", "a higher `limits.events_per_record`"),
        Empty => ("unwrapping", "nothing: the record holds no event"),
        Unrecognised => (
            "recognition",
            "the fields by which a wire format is known, or `--format NAME` in `replay`",
        ),
        MissingField => ("decoding", "the field named above, which this format always carries"),
        BadField => ("decoding", "the field named above in the form this format gives it"),
        NoTime => ("decoding", "a time in the event or in an envelope around it"),
        Pointer => {
            ("recognition", "the configuration itself: the notification only says where it is")
        }
        Broke => ("processing", "a repaired Driftline: the fault is its own"),
        NotAChange => ("recognition", "nothing: the record tells of no configuration"),
        DestinationRefused | DestinationFailed => {
            ("notifying", "a destination that takes it: `driftline send-test` says what it answers")
        }
    }
}

fn mapped_account(outcome: &EventOutcome<'_>, key: Option<&Key>) -> String {
    if outcome.account.is_empty() {
        return "an account in the event, or a source that is bound to one tenant".to_owned();
    }
    let cloud = key.map_or("CLOUD", |key| key.provider.as_str());
    format!(
        "a line in the registry: `tenants: {{TENANT: {{accounts: {{{cloud}: ['{}']}}}}}}`, or \
         `unmapped: own_tenant`",
        outcome.account
    )
}

/// Nothing read it: no entry at all, or none whose guard holds.
fn unread(facts: &Facts, content: &Content, why: &str) -> End {
    let Some(key) = &facts.key else {
        return End { at: "index", why: why.to_owned(), next: String::new() };
    };
    if key.read {
        let passed: Vec<String> =
            facts.passed.iter().map(|(place, why)| format!("{place}: {why}")).collect();
        let why = format!("{why}: {} passed it by", entries(facts.passed.len()));
        let next = format!("an entry whose guard holds; {}", passed.join("; "));
        return End { at: "mapping", why, next };
    }
    let written = key.written();
    let cloud = key.provider.as_str();
    let next = match near::nearest(content, &key.key()) {
        Some(near) => {
            let place = format!("{}:{}", near.entry.source.file, near.entry.source.line);
            if near.elsewhere {
                format!("`{written}` is read of another service, at {place}: see its `service`")
            } else {
                format!(
                    "an entry for `{written}`; the nearest that is read is `{}`, at {place}",
                    near.name
                )
            }
        }
        None if key.family == Family::State => {
            format!("a mapping of {cloud} with `snapshot: {written}`")
        }
        None => format!("a mapping of {cloud}; none reads anything of service `{}`", key.service),
    };
    End { at: "index", why: format!("{why}, and no mapping names it"), next }
}

fn entries(count: usize) -> String {
    if count == 1 {
        "the one entry for it".to_owned()
    } else {
        format!("all {count} entries for it")
    }
}

fn waiting(facts: &Facts) -> String {
    match &facts.operation {
        Some(Operation::Start(id)) => format!("it starts operation {id}, whose end decides"),
        Some(Operation::End(id)) => format!("it ends operation {id}, whose start was not seen"),
        Some(Operation::Single) | None => "it waits for the other end of its operation".to_owned(),
    }
}

fn awaited(facts: &Facts, limits: &Limits) -> String {
    let minutes = limits.pending / 60_000_000;
    match &facts.operation {
        Some(Operation::End(_)) => "the record of its start, before or after this one".to_owned(),
        Some(Operation::Start(_) | Operation::Single) | None => format!(
            "the record of its end after this one; without it, it counts as provisional after \
             {minutes} minutes"
        ),
    }
}

fn blind(facts: &Facts) -> End {
    let why = if facts.blind.is_empty() {
        "its body does not say to what it changed".to_owned()
    } else {
        facts.blind.join("; ")
    };
    let mut next = String::new();
    if !facts.missing.is_empty() {
        let one_line = |text: &String| super::tree::one_line(text);
        let needs: Vec<String> = facts.missing.iter().map(one_line).collect();
        next = format!("a body with {}; or ", needs.join(" and "));
    }
    next.push_str("a snapshot of the resource");
    End { at: "mapping", why, next }
}

fn unchanged(facts: &Facts) -> Option<End> {
    if facts.orphaned > 0 {
        return Some(End {
            at: "state",
            why: "the resource it speaks of is known by an element's name alone, and no resource \
                  has that element"
                .to_owned(),
            next: "the record in which the element came to its resource, before or after this one"
                .to_owned(),
        });
    }
    if !facts.asked.is_empty() || !facts.acts.is_empty() {
        return None;
    }
    let at = if facts.kinds.is_empty() { "mapping" } else { "state" };
    let why = if !facts.unmet.is_empty() && facts.kinds.is_empty() {
        "the entry says nothing: guards within it do not hold"
    } else if facts.kinds.is_empty() {
        "the entry says nothing of this event's body"
    } else {
        "it says what was known already"
    };
    Some(End { at, why: why.to_owned(), next: String::new() })
}
