//! The steps of a record's way as indented lines, or as JSON. Enters: each [`Trace`]; leaves:
//! [`Told`], event by event.

use std::cell::RefCell;
use std::fmt::Write as _;

use serde_json::Value as Json;

use crate::alert::clean;
use crate::alert::text::Paint;
use crate::content::Content;
use crate::model::trace::{Counts, Part, Ruling, Seen};
use crate::model::{
    Act, Change, Confidence, Edit, ElementRef, FacetEdit, Operation, Source, Trace, Tracer, Write,
};

use super::facts::Facts;
use super::json;
use super::lines::{SHOWN, TREE, count, detail, difference, guarded, line, safe, seen, shown};
use super::tree::{self, one_line};

/// Bytes of one event's steps; those beyond are counted.
const EVENT: usize = 1 << 20;

/// Writes, or elements of one, that are listed.
pub(super) const LISTED: usize = 20;

/// Gathers the steps of one event.
pub(in crate::app) struct Steps<'s> {
    content: &'s Content,
    /// The one detector asked for.
    only: Option<&'s str>,
    form: Form,
    told: RefCell<Told>,
}

/// How steps are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::app) enum Form {
    /// As lines for people.
    Text(Paint),
    /// As JSON.
    Json,
}

/// The steps of one event.
#[derive(Default)]
pub(in crate::app) struct Told {
    /// As lines, where they are wanted so.
    pub(in crate::app) text: String,
    /// As JSON, where they are wanted so.
    pub(super) json: Vec<Json>,
    /// What they leave behind.
    pub(super) facts: Facts,
    /// Detectors not asked since the last resource.
    skipped: Vec<String>,
    /// Bytes of JSON.
    bytes: usize,
    /// Steps for which there was no room.
    cut: usize,
}

impl<'s> Steps<'s> {
    pub(in crate::app) fn new(content: &'s Content, only: Option<&'s str>, form: Form) -> Self {
        Self { content, only, form, told: RefCell::default() }
    }

    /// What was told since the last time, taken out.
    pub(in crate::app) fn take(&self) -> Told {
        let mut told = std::mem::take(&mut *self.told.borrow_mut());
        self.flush(&mut told);
        if told.cut > 0 && self.form == Form::Json {
            told.json.push(serde_json::json!({"step": "cut", "more": told.cut}));
        } else if told.cut > 0 {
            let more = format!("{} for which there is no room", count(told.cut, "more step"));
            self.line(&mut told.text, "cut", &more);
        }
        told
    }

    fn paint(&self) -> Paint {
        match self.form {
            Form::Text(paint) => paint,
            Form::Json => Paint::Plain,
        }
    }

    /// A part of an expression and those below it.
    fn tree(&self, out: &mut String, part: &Part) {
        tree::lines(out, part, TREE, &self.content.schema);
    }

    fn wants(&self, detector: &str) -> bool {
        self.only.is_none_or(|only| only == detector)
    }

    /// One line of all detectors that were not asked, however many.
    fn flush(&self, told: &mut Told) {
        if told.skipped.is_empty() {
            return;
        }
        let list = std::mem::take(&mut told.skipped).join(", ");
        self.line(&mut told.text, "not asked", &format!("{list}: nothing they read changed"));
    }

    fn line(&self, out: &mut String, label: &str, text: &str) {
        line(out, self.paint(), label, text);
    }

    fn change(&self, out: &mut String, change: &Change) {
        let source = match change.source {
            Source::Activity => "an activity",
            Source::Snapshot => "a snapshot",
        };
        let part = match &change.operation {
            Operation::Single => String::new(),
            Operation::Start(id) => format!(", the start of operation {}", safe(id)),
            Operation::End(id) => format!(", the end of operation {}", safe(id)),
        };
        let failed = if change.failed { ", a failed call" } else { "" };
        let writes = count(change.writes.len(), "write");
        let acts = count(change.acts.len(), "act");
        let text = format!("{writes}, {acts}; {source}{part}{failed}");
        self.line(out, "mapped to", &text);
        for write in change.writes.iter().take(LISTED) {
            self.write(out, write);
        }
        more(out, change.writes.len());
        for act in &change.acts {
            self.act(out, act);
        }
    }

    fn write(&self, out: &mut String, write: &Write) {
        let schema = &self.content.schema;
        let kind = schema.kind(write.target.kind);
        let target = match (&write.target.id, &write.target.lookup) {
            (Some(id), _) => safe(id),
            (None, Some((facet, value))) => {
                format!("whose {} has {}", kind.facets[usize::from(facet.0)].name, safe(value))
            }
            (None, None) => String::new(),
        };
        let creates = if write.creates { ", made by this event" } else { "" };
        let verb = match write.edit {
            Edit::Delete => "delete ",
            Edit::Facets(_) => "",
        };
        self.line(out, "write", &format!("{verb}{} {target}{creates}", kind.name));
        let Edit::Facets(facets) = &write.edit else { return };
        for (facet, edit) in facets {
            self.edit(out, &kind.facets[usize::from(facet.0)].name, edit);
        }
    }

    fn edit(&self, out: &mut String, facet: &str, edit: &FacetEdit) {
        let schema = &self.content.schema;
        match edit {
            FacetEdit::Set(value) => {
                detail(out, &format!("{facet} = {}", shown(&value.to_json(schema))));
            }
            FacetEdit::Unknown => detail(out, &format!("{facet} becomes unknown")),
            FacetEdit::Elements { replace, put, remove, .. } => {
                if *replace {
                    detail(out, &format!("{facet} are these {} and no others", put.len()));
                }
                for element in put.iter().take(LISTED) {
                    let id = element.id.as_deref().map(|id| format!(" (id {})", safe(id)));
                    let part = if element.part { " (only what changed)" } else { "" };
                    let value = shown(&element.value.to_json(schema));
                    detail(out, &format!("{facet} + {value}{}{part}", id.unwrap_or_default()));
                }
                more(out, put.len());
                for gone in remove.iter().take(LISTED) {
                    let name = match gone {
                        ElementRef::Id(id) => format!("id {}", safe(id)),
                        ElementRef::Key(value) => shown(&value.to_json(schema)),
                    };
                    detail(out, &format!("{facet} - {name}"));
                }
                more(out, remove.len());
            }
        }
    }

    fn act(&self, out: &mut String, act: &Act) {
        let schema = &self.content.schema;
        let declared = &schema.acts[usize::from(act.act)];
        let on = act
            .resource
            .as_ref()
            .map(|(kind, id)| format!(" on {} {}", schema.kind(*kind).name, safe(id)));
        self.line(out, "act", &format!("{}{}", declared.name, on.unwrap_or_default()));
        for (field, value) in declared.fields.iter().zip(&act.fields) {
            let value = value.to_json(schema);
            if !value.is_null() {
                detail(out, &format!("{} = {}", field.name, shown(&value)));
            }
        }
    }

    fn ruling(&self, out: &mut String, ruling: &Ruling<'_>) {
        let Ruling { element, severity, .. } = ruling;
        let mut text = self.word(ruling.holds);
        if ruling.holds == Some(true) {
            let sure = match ruling.confidence {
                Confidence::Confirmed => "confirmed",
                Confidence::Provisional => "provisional",
            };
            let _ = write!(text, ", {}, {sure}", severity.as_str());
        }
        if let Some(measure) = ruling.measure {
            let _ = write!(text, ", measure {measure}");
        }
        if !element.is_empty() {
            let _ = write!(text, ": {}", clean::text(element, SHOWN));
        }
        detail(out, &text);
        for assumption in ruling.assumptions {
            detail(out, &format!("  assuming {}", clean::text(assumption, SHOWN)));
        }
        self.tree(out, ruling.tree);
    }

    /// Insecure or not, in words.
    fn word(&self, holds: Option<bool>) -> String {
        let (word, colour) = match holds {
            Some(true) => ("insecure", "\u{1b}[1;31m"),
            Some(false) => ("secure", "\u{1b}[32m"),
            None => ("unknown", "\u{1b}[33m"),
        };
        match self.paint() {
            Paint::Plain => word.to_owned(),
            Paint::Colour => format!("{colour}{word}\u{1b}[0m"),
        }
    }

    /// The steps of decoding and mapping; false for any other.
    fn reading(&self, out: &mut String, step: &Trace<'_>) -> bool {
        match *step {
            Trace::Envelope { name, level } => {
                self.line(out, "envelope", &format!("{name}, level {level}"));
            }
            Trace::Key { key, read } => {
                let mut text = format!("{} {}", key.provider.as_str(), safe(key.service));
                for part in [key.resource_type, key.name] {
                    if !part.is_empty() {
                        let _ = write!(text, " {}", safe(part));
                    }
                }
                let fate = if read { "a mapping reads it" } else { "no mapping reads it" };
                self.line(out, "key", &format!("{text}: {fate}"));
            }
            Trace::Tenant { tenant, account } => {
                self.line(out, "tenant", &format!("{} (account {})", safe(tenant), safe(account)));
            }
            Trace::Passed { file, line, guard, why, tree } => {
                self.line(out, "passed by", &format!("{file}:{line}: {why}"));
                match tree {
                    Some(part) => self.tree(out, part),
                    None => guarded(out, guard),
                }
            }
            Trace::Entry { file, line, guard, inferred } => {
                let seen = if inferred { " (inferred: no source was seen)" } else { "" };
                self.line(out, "entry", &format!("{file}:{line}{seen}"));
                guarded(out, guard);
            }
            Trace::Unmet { tree, .. } => {
                self.line(out, "left out", "what stands under a guard that does not hold");
                self.tree(out, tree);
            }
            Trace::Missing { tree, .. } => {
                self.line(out, "missing", "what the entry needs is not in the event");
                self.tree(out, tree);
            }
            Trace::Blind { why, facet } => {
                let facet = if facet.is_empty() { String::new() } else { format!("{facet}: ") };
                self.line(out, "blind", &format!("{facet}{why}"));
            }
            Trace::Change(change) => self.change(out, change),
            Trace::Unplaced { orphaned, refused, crowded } => {
                if orphaned > 0 || refused > 0 {
                    let text =
                        format!("{orphaned} wait for their resource, {refused} found no room");
                    self.line(out, "unplaced", &text);
                }
                if crowded > 0 {
                    let sets = count(crowded, "set");
                    let text =
                        format!("{sets} with more elements than are kept: judged as partial");
                    self.line(out, "crowded", &text);
                }
            }
            _ => return false,
        }
        true
    }

    fn resource(&self, out: &mut String, step: &Trace<'_>) {
        let Trace::Resource { kind, id, was, is, remote, late, settled, facets, unjudged } = *step
        else {
            return;
        };
        let mut text = format!("{kind} {}", safe(id));
        let life = match (was, is) {
            (false, true) => ", first seen",
            (true, false) => ", gone",
            (false, false) => ", not there",
            (true, true) => "",
        };
        text.push_str(life);
        for (said, words) in [
            (late, ", by an event that came late"),
            (settled, ", by a snapshot that has settled"),
            (remote, ", and something it reads from afar changed"),
        ] {
            text.push_str(if said { words } else { "" });
        }
        self.line(out, "state", &text);
        for facet in facets {
            difference(out, facet);
        }
        if !unjudged.is_empty() {
            detail(out, &format!("not judged: {unjudged}"));
        }
    }

    fn verdict(&self, out: &mut String, step: &Trace<'_>) {
        match *step {
            Trace::Judged { detector, title, kind, id, asks, each, saw, rulings, counts } => {
                self.line(out, detector, title);
                detail(out, &format!("{kind} {}{}", safe(id), of_each(each, counts)));
                let each =
                    if each.is_empty() { String::new() } else { format!("each of {each}: ") };
                detail(out, &format!("asks {each}{}", one_line(asks)));
                if rulings.is_empty() {
                    all_seen(out, saw);
                    detail(out, "nothing to ask about: no element is known");
                }
                for ruling in rulings {
                    self.ruling(out, ruling);
                }
                let all = counts.insecure + counts.unknown + counts.secure;
                if all > rulings.len() {
                    detail(out, &format!("... and {} more", all - rulings.len()));
                }
            }
            Trace::Deed { detector, title, asks, saw, holds, tree } => {
                self.line(out, detector, title);
                if !asks.is_empty() {
                    detail(out, &format!("asks {}", one_line(asks)));
                }
                if tree.is_none() {
                    all_seen(out, saw);
                }
                let word = match holds {
                    Some(true) => "tells",
                    Some(false) => "does not tell",
                    None => "unknown",
                };
                detail(out, word);
                if let Some(part) = tree {
                    self.tree(out, part);
                }
            }
            Trace::Heard { detector, of, what } => {
                self.line(out, detector, &format!("a window: heard of {of} ({what})"));
            }
            _ => {}
        }
    }
}

impl Tracer for Steps<'_> {
    fn tell(&self, step: &Trace<'_>) {
        let told = &mut *self.told.borrow_mut();
        told.facts.note(step);
        let of = match *step {
            Trace::Skipped { detector, .. }
            | Trace::Judged { detector, .. }
            | Trace::Deed { detector, .. }
            | Trace::Heard { detector, .. } => Some(detector),
            _ => None,
        };
        if of.is_some_and(|detector| !self.wants(detector)) {
            return;
        }
        if told.text.len().max(told.bytes) > EVENT {
            told.cut += 1;
            return;
        }
        if self.form == Form::Json {
            let step = json::step(step, self.content);
            told.bytes += step.to_string().len();
            told.json.push(step);
            return;
        }
        if let Trace::Skipped { detector, .. } = *step {
            told.skipped.push(detector.to_owned());
            return;
        }
        if of.is_some() {
            return self.verdict(&mut told.text, step);
        }
        self.flush(told);
        if !self.reading(&mut told.text, step) {
            self.resource(&mut told.text, step);
        }
    }
}

fn all_seen(out: &mut String, saw: &[Seen<'_>]) {
    for seen in saw {
        self::seen(out, seen);
    }
}

/// How many are not listed.
fn more(out: &mut String, all: usize) {
    if all > LISTED {
        detail(out, &format!("... and {} more", all - LISTED));
    }
}

/// How many elements came to what; nothing where there is but one verdict.
fn of_each(each: &str, counts: Counts) -> String {
    if each.is_empty() {
        return String::new();
    }
    let Counts { insecure, unknown, secure } = counts;
    format!(": {insecure} insecure, {unknown} unknown, {secure} secure")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EventKey, Family, Provider};

    fn key(name: &str) -> EventKey<'_> {
        let (provider, family) = (Provider::Aws, Family::Activity);
        EventKey { provider, family, service: "s", resource_type: "", name }
    }

    #[test]
    fn what_was_not_asked_is_told_in_one_line_and_only_once() {
        let content = Content::default();
        let steps = Steps::new(&content, None, Form::Text(Paint::Plain));
        for detector in ["A-1", "A-2"] {
            steps.tell(&Trace::Skipped { detector, reads: &[] });
        }
        assert_eq!(steps.take().text, "  not asked  A-1, A-2: nothing they read changed\n");
        assert_eq!(steps.take().text, "");
    }

    #[test]
    fn another_detector_than_the_one_asked_for_is_not_told() {
        let content = Content::default();
        let steps = Steps::new(&content, Some("A-2"), Form::Text(Paint::Plain));
        for detector in ["A-1", "A-2"] {
            steps.tell(&Trace::Skipped { detector, reads: &[] });
            steps.tell(&Trace::Heard { detector, of: "X-1", what: "opened" });
        }
        let told = steps.take().text;
        assert!(told.contains("A-2") && !told.contains("A-1"), "{told}");
    }

    #[test]
    fn names_from_a_record_cannot_move_the_cursor_or_add_a_line() {
        let content = Content::default();
        let steps = Steps::new(&content, None, Form::Text(Paint::Plain));
        steps.tell(&Trace::Key { key: key("a\u{1b}[2Jb\nc"), read: false });
        let told = steps.take().text;
        assert_eq!(told.matches('\n').count(), 1, "{told:?}");
        assert!(!told.contains('\u{1b}'), "{told:?}");
    }
}
