//! Why a detector that was asked for was not reached by an event.

use crate::content::{Content, Detector, Form, near, window};
use crate::model::{KindId, Provider};

use super::ends::End;
use super::facts::Facts;

/// Names that are listed; of more only how many.
const LISTED: usize = 6;

/// Why `detector` had no word on the event; `None` where it had.
pub(super) fn unreached(
    detector: &Detector,
    facts: &Facts,
    end: Option<&End>,
    content: &Content,
) -> Option<String> {
    if facts.asked.contains(&*detector.id) {
        return None;
    }
    match &detector.form {
        Form::Posture(form) => {
            let kinds: Vec<KindId> = form.on.iter().map(|on| on.kind).collect();
            Some(posture(detector, &kinds, facts, end, content))
        }
        Form::Act(form) => Some(act(form.act, facts, end, content)),
        Form::Window(_) => {
            let signals: Vec<&str> =
                window::heard(&detector.form).iter().map(|signal| &*signal.of).collect();
            Some(format!("it is a window and hears of {}: none of them here", listed(&signals)))
        }
    }
}

fn posture(
    detector: &Detector,
    kinds: &[KindId],
    facts: &Facts,
    end: Option<&End>,
    content: &Content,
) -> String {
    let name = |kind: &KindId| &*content.schema.kind(*kind).name;
    let own: Vec<&str> = kinds.iter().map(name).collect();
    if let Some(reads) = facts.skipped.get(&*detector.id) {
        return format!("nothing it reads of the resource changed: {}", reads.join(", "));
    }
    if let Some((kind, why)) = facts.unjudged.iter().find(|(kind, _)| own.contains(&&**kind)) {
        return format!("the {kind} is not judged: {why}");
    }
    if facts.kinds.iter().any(|kind| kinds.contains(kind)) {
        let why = end.map_or("no resource of its kind became different", |end| &*end.why);
        return format!("its kind is spoken of, but {why}");
    }
    if let Some(place) = &facts.entry {
        let spoken: Vec<&str> = facts.kinds.iter().map(name).collect();
        let spoken = if spoken.is_empty() { "nothing".to_owned() } else { listed(&spoken) };
        return format!(
            "its kinds were not touched: it judges {}, and {place} speaks of {spoken}{}",
            listed(&own),
            unmet(facts)
        );
    }
    before(facts, end, &|provider| {
        let writers = near::writers(content, provider, kinds);
        let cloud = provider.as_str();
        if writers.is_empty() {
            return format!("no mapping of {cloud} speaks of what it judges ({})", listed(&own));
        }
        format!("in {cloud}, {} speak of what it judges ({})", listed(&writers), listed(&own))
    })
}

fn act(wanted: u16, facts: &Facts, end: Option<&End>, content: &Content) -> String {
    let name = |act: u16| &*content.schema.acts[usize::from(act)].name;
    let own = name(wanted);
    if facts.acts.contains(&wanted) {
        let why = end.map_or("it was not asked", |end| &*end.why);
        return format!("the deed `{own}` is told of, but {why}");
    }
    if let Some(place) = &facts.entry {
        let told: Vec<&str> = facts.acts.iter().map(|act| name(*act)).collect();
        let told = if told.is_empty() { "none".to_owned() } else { listed(&told) };
        return format!("it waits for the deed `{own}`; {place} tells of {told}{}", unmet(facts));
    }
    before(facts, end, &|provider| {
        let doers = near::doers(content, provider, wanted);
        let cloud = provider.as_str();
        if doers.is_empty() {
            return format!("no mapping of {cloud} tells of the deed `{own}`");
        }
        format!("in {cloud}, {} tell of the deed `{own}`", listed(&doers))
    })
}

/// The way ended before any entry spoke.
fn before(facts: &Facts, end: Option<&End>, ways: &dyn Fn(Provider) -> String) -> String {
    let Some(key) = &facts.key else {
        let why = end.map_or("no event was found", |end| &*end.why);
        return format!("the way ended before any mapping: {why}");
    };
    if key.read {
        let passed: Vec<String> =
            facts.passed.iter().map(|(place, why)| format!("{place}: {why}")).collect();
        if passed.is_empty() {
            let why = end.map_or("it was not asked", |end| &*end.why);
            return format!("the way ended before its mapping: {why}");
        }
        return format!("a mapping reads this event and passed it by: {}", passed.join("; "));
    }
    let ways = ways(key.provider);
    format!("no mapping reads `{}`; {ways}", key.written())
}

/// Guards within the entry that kept it from saying more.
fn unmet(facts: &Facts) -> String {
    let mut why: Vec<String> = Vec::new();
    why.extend(
        facts
            .unmet
            .iter()
            .map(|guard| format!("the guard `{}` does not hold", super::tree::one_line(guard))),
    );
    why.extend(
        facts
            .missing
            .iter()
            .map(|needs| format!("`{}` is not there", super::tree::one_line(needs))),
    );
    if why.is_empty() { String::new() } else { format!(" ({})", why.join("; ")) }
}

fn listed(names: &[&str]) -> String {
    let shown = names[..names.len().min(LISTED)].join(", ");
    match names.len().checked_sub(LISTED).filter(|more| *more > 0) {
        Some(more) => format!("{shown} and {more} more"),
        None => shown,
    }
}
