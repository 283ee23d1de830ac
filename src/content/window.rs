//! `window:`: its YAML enters, a [`WindowForm`] leaves; signals nobody gives are refused.

use super::compiled::{Content, Form, Sensed, Signal, WindowForm, WindowScope, WindowShape};
use super::doc::Doc;
use super::fault::did_you_mean;
use super::literal::span;
use super::tree::{Data, Node};
use crate::expr::Level;
use crate::model::Severity;

const SHAPES: [&str; 5] = ["open_longer", "count", "sequence", "gap", "absence"];
pub(super) const SCOPES: [(&str, WindowScope); 5] = [
    ("cell", WindowScope::Cell),
    ("actor", WindowScope::Actor),
    ("resource", WindowScope::Resource),
    ("control", WindowScope::Control),
    ("finding", WindowScope::Finding),
];

/// What a window may count once, or require to be the same or different.
pub(super) const ASPECTS: [&str; 6] =
    ["detector", "resource", "actor", "identity", "account", "region"];

/// Reads a window.
pub(super) fn read(doc: &Doc<'_>, node: &Node) -> Option<WindowForm> {
    let known: Vec<&str> = ["by"].into_iter().chain(SHAPES).collect();
    doc.only(node, "`window`", &known);
    let by = scope(doc, node);
    let shapes: Vec<(&str, &Node)> =
        SHAPES.iter().filter_map(|key| Some((*key, node.get(key)?))).collect();
    let shape = match shapes[..] {
        [(name, body)] => shape(doc, name, body),
        [] => {
            let message = format!("`window` has none of `{}`", SHAPES.join("`, `"));
            doc.error(&node.span, message);
            None
        }
        [_, (second, body), ..] => {
            doc.error(&body.span, format!("`{second}` beside `{}`", shapes[0].0));
            None
        }
    };
    Some(WindowForm { by: by?, shape: shape? })
}

fn scope(doc: &Doc<'_>, node: &Node) -> Option<WindowScope> {
    let by = doc.need(node, "by", "`window`")?;
    let word = doc.word(by, "`by`")?;
    let found = SCOPES.iter().find(|(name, _)| *name == word).map(|(_, scope)| *scope);
    if found.is_none() {
        let message = format!("unknown scope `{word}`");
        doc.unknown(&by.span, message, word, SCOPES.map(|(name, _)| name));
    }
    found
}

fn shape(doc: &Doc<'_>, name: &str, node: &Node) -> Option<WindowShape> {
    let what = format!("`{name}`");
    match name {
        "open_longer" => {
            doc.only(node, &what, &["of", "spans", "repeat"]);
            let spans = spans(doc, doc.need(node, "spans", &what)?);
            let repeat = numbers(doc, node, "repeat");
            Some(WindowShape::OpenLonger { of: of(doc, node, &what)?, spans, repeat })
        }
        "count" => {
            doc.only(node, &what, &["of", "at_least", "distinct", "weight", "within"]);
            let weight = node.get("weight").and_then(|node| doc.number(node, "`weight`"));
            let at_least = match node.get("at_least") {
                Some(node) => doc.number(node, "`at_least`")?,
                None if weight.is_some() => u32::MAX,
                None => doc.number(doc.need(node, "at_least", &what)?, "`at_least`")?,
            };
            Some(WindowShape::Count {
                of: of(doc, node, &what)?,
                at_least,
                distinct: aspects(doc, node, "distinct"),
                weight,
                within: within(doc, node, &what)?,
            })
        }
        "sequence" => sequence(doc, node, &what),
        "gap" => {
            doc.only(node, &what, &["of", "escalate"]);
            let escalate = node.get("escalate").and_then(|node| time_span(doc, node));
            Some(WindowShape::Gap { of: of(doc, node, &what)?, escalate })
        }
        _ => {
            doc.only(node, &what, &["of", "within"]);
            Some(WindowShape::Absence {
                of: of(doc, node, &what)?,
                within: within(doc, node, &what)?,
            })
        }
    }
}

fn sequence(doc: &Doc<'_>, node: &Node, what: &str) -> Option<WindowShape> {
    doc.only(node, what, &["steps", "any_order", "same", "different", "within"]);
    let list = doc.need(node, "steps", what)?;
    let Data::Seq(steps) = &list.data else {
        doc.error_hint(&list.span, "`steps` must be a list", "put each step in brackets");
        return None;
    };
    if steps.len() < 2 {
        doc.error(&list.span, "a sequence has two steps or more");
    }
    let steps: Vec<Vec<Signal>> = steps.iter().map(|step| signals(doc, step)).collect();
    Some(WindowShape::Sequence {
        steps,
        any_order: doc.flag(node, "any_order"),
        same: aspects(doc, node, "same"),
        different: aspects(doc, node, "different"),
        within: within(doc, node, what)?,
    })
}

fn of(doc: &Doc<'_>, node: &Node, what: &str) -> Option<Vec<Signal>> {
    Some(signals(doc, doc.need(node, "of", what)?))
}

fn signals(doc: &Doc<'_>, node: &Node) -> Vec<Signal> {
    doc.words(node, "a signal").into_iter().map(|(text, _)| signal(text)).collect()
}

fn signal(text: &str) -> Signal {
    let text = text.trim();
    if let Some(act) = text.strip_prefix("act ") {
        return Signal { of: act.trim().into(), sensed: Sensed::Act };
    }
    let (of, sensed) = match text.rsplit_once(' ') {
        Some((of, "resolved")) => (of.trim(), Sensed::Resolved),
        Some((of, "opened")) => (of.trim(), Sensed::Opened),
        _ => (text, Sensed::Opened),
    };
    Signal { of: of.into(), sensed }
}

fn spans(doc: &Doc<'_>, node: &Node) -> [Option<i64>; 5] {
    let mut spans = [None; 5];
    for (key, value) in doc.map(node, "`spans`") {
        let place = Severity::ALL.iter().position(|severity| severity.as_str() == key.text);
        let Some(place) = place else {
            let message = format!("unknown severity `{}`", key.text);
            let known = Severity::ALL.iter().map(|severity| severity.as_str());
            doc.unknown(&key.span, message, &key.text, known);
            continue;
        };
        spans[place] = time_span(doc, value);
    }
    spans
}

fn within(doc: &Doc<'_>, node: &Node, what: &str) -> Option<i64> {
    time_span(doc, doc.need(node, "within", what)?)
}

fn time_span(doc: &Doc<'_>, node: &Node) -> Option<i64> {
    let text = doc.word(node, "a span of time")?;
    let found = span(text);
    if found.is_none() {
        let message = format!("`{text}` is no span of time");
        doc.error_hint(&node.span, message, "write `30s`, `15m`, `4h` or `7d`");
    }
    found
}

fn numbers(doc: &Doc<'_>, node: &Node, key: &str) -> Vec<u32> {
    let Some(node) = node.get(key) else { return Vec::new() };
    node.one_or_many()
        .into_iter()
        .filter_map(|item| doc.number(item, &format!("`{key}`")))
        .collect()
}

fn aspects(doc: &Doc<'_>, node: &Node, key: &str) -> Vec<Box<str>> {
    let Some(node) = node.get(key) else { return Vec::new() };
    let mut found = Vec::new();
    for (word, at) in doc.words(node, &format!("`{key}`")) {
        if !ASPECTS.contains(&word) {
            doc.unknown(&at.span, format!("unknown word `{word}`"), word, ASPECTS);
        }
        found.push(word.into());
    }
    found
}

/// Refuses signals of detectors and acts that are not there.
pub(super) fn check_signals(docs: &[Doc<'_>], content: &Content) {
    for doc in docs {
        let Some(window) = doc.root.get("window") else { continue };
        for shape in SHAPES.iter().filter_map(|key| window.get(key)) {
            for list in ["of", "steps"].iter().filter_map(|key| shape.get(key)) {
                scalars(list, &mut |node, text| check_signal(doc, node, text, content));
            }
        }
    }
}

fn scalars(node: &Node, visit: &mut impl FnMut(&Node, &str)) {
    match &node.data {
        Data::Scalar(text, _) => visit(node, text),
        Data::Seq(items) => items.iter().for_each(|item| scalars(item, visit)),
        Data::Map(_) => {}
    }
}

fn check_signal(doc: &Doc<'_>, node: &Node, text: &str, content: &Content) {
    let signal = signal(text);
    let (message, hint) = match signal.sensed {
        Sensed::Act => {
            let acts = &content.schema.acts;
            if acts.iter().any(|act| act.name == signal.of) {
                return;
            }
            let hint = did_you_mean(&signal.of, acts.iter().map(|act| &*act.name));
            (format!("unknown act `{}`", signal.of), hint)
        }
        Sensed::Opened | Sensed::Resolved => {
            if content.detectors.iter().any(|detector| hears(&signal.of, &detector.id)) {
                return;
            }
            let hint = did_you_mean(&signal.of, content.detectors.iter().map(|d| &*d.id));
            (format!("no detector is `{}`", signal.of), hint)
        }
    };
    doc.fault(&node.span, Level::Error, message, hint);
}

/// Whether a signal's name (`FW-001`, `LOG-*`) means a detector.
#[must_use]
pub fn hears(of: &str, detector: &str) -> bool {
    match of.strip_suffix('*') {
        Some(prefix) => detector.starts_with(prefix),
        None => of == detector,
    }
}

/// All signals a window hears.
#[must_use]
pub fn heard(form: &Form) -> Vec<&Signal> {
    let Form::Window(window) = form else { return Vec::new() };
    match &window.shape {
        WindowShape::OpenLonger { of, .. }
        | WindowShape::Count { of, .. }
        | WindowShape::Gap { of, .. }
        | WindowShape::Absence { of, .. } => of.iter().collect(),
        WindowShape::Sequence { steps, .. } => steps.iter().flatten().collect(),
    }
}
