//! What loads but is probably not meant so: compiled content enters, warnings leave.

use rustc_hash::FxHashSet;

use super::cases::Subject;
use super::compiled::{Content, Detector, FacetRule, Form, Verb};
use super::coverage::{Coverage, Status, coverage, never_fires};
use super::doc::Doc;
use super::exercised::Exercised;
use super::files::Files;
use super::load::Documents;
use super::mapping::hashes_of;
use super::tree::{Key, Node};
use crate::expr::Program;
use crate::model::{FacetId, Family, KindId, Origin, Provider};

type Place = (KindId, FacetId);

/// Facets that the engine itself reads.
const READ_BY_ENGINE: [&str; 5] = ["name", "tags", "owner", "created", "managed_by"];

/// Reports what is probably not meant so.
pub(super) fn lint(content: &Content, documents: &Documents<'_>) {
    let coverage = coverage(content);
    for doc in &documents.detectors {
        let id = doc.root.get("id").and_then(|node| node.text()).unwrap_or("");
        let Some(detector) = content.detectors.iter().find(|detector| &*detector.id == id) else {
            continue;
        };
        lint_detector(doc, detector, content, &coverage);
    }
    if content.entries.is_empty() {
        return;
    }
    let written = written(content);
    let read = read(content);
    for doc in &documents.kinds {
        lint_kind(doc, content, &written, &read);
    }
}

/// Reports names of events and snapshots that no test of any file contains.
pub(super) fn untested(content: &Content, files: &Files, documents: &Documents<'_>) {
    let exercised = Exercised::of(content, files);
    for doc in &documents.mappings {
        let provider = doc.root.get("provider").and_then(Node::text).and_then(Provider::from_name);
        let Some(provider) = provider else { continue };
        let services: Vec<&str> =
            members(doc.root, "service").into_iter().filter_map(Node::text).collect();
        for entry in members(doc.root, "on") {
            let failures = doc.flag(entry, "failures");
            for (key, family) in [("event", Family::Activity), ("snapshot", Family::State)] {
                for node in members(entry, key) {
                    let hashes = hashes_of(provider, family, &services, node.text().unwrap_or(""));
                    if !hashes.iter().any(|hash| exercised.has(*hash, failures)) {
                        lint_name(doc, node);
                    }
                }
            }
        }
    }
}

/// What stands under a key, one or many.
fn members<'n>(owner: &'n Node, key: &str) -> Vec<&'n Node> {
    owner.get(key).map_or_else(Vec::new, Node::one_or_many)
}

fn lint_name(doc: &Doc<'_>, node: &Node) {
    let message = format!("no test has the event `{}`", node.text().unwrap_or(""));
    let hint = "add a case to `tests:` of this file: the event, and the facets it leaves";
    doc.lint("untested-event", &node.span, message, Some(hint.into()));
}

fn lint_detector(doc: &Doc<'_>, detector: &Detector, content: &Content, coverage: &Coverage) {
    let id = &detector.id;
    let span = doc.root.get("id").map_or(0..0, |node| node.span.clone());
    let subject = Subject::Detector(id.clone());
    if !content.suites.iter().any(|suite| suite.subject == subject) {
        let hint =
            "add `tests:`: it opens, it resolves, it stays silent on the nearest benign change";
        doc.lint("no-tests", &span, format!("detector `{id}` has no tests"), Some(hint.into()));
    }
    if !content.entries.is_empty()
        && let Some(missing) = never_fires(coverage, detector)
    {
        let message = format!("detector `{id}` can never fire: no mapping gives {missing}");
        doc.lint("never-fires", &span, message, None);
    }
    let fires = |provider: Provider| {
        coverage.of(id).any(|line| line.provider == provider && line.status >= Status::Partial)
    };
    for provider in coverage.providers.iter().filter(|provider| fires(**provider)) {
        if !detector.fix.iter().any(|(cloud, _)| cloud == provider) {
            let message = format!("detector `{id}` does not say how to repair it on {provider}");
            doc.lint("no-fix", &span, message, Some(format!("add `{provider}:` under `fix`")));
        }
    }
    let Some(params) = doc.root.get("params") else { return };
    for (key, _) in params.entries() {
        if !names(doc.text(), &format!("params.{}", key.text)) {
            let message = format!("parameter `{}` is never read", key.text);
            let hint = format!("write `params.{}` where its value is meant, or drop it", key.text);
            doc.lint("unused-parameter", &key.span, message, Some(hint));
        }
    }
}

/// Whether `word` stands in `text`, and not as the front of a longer name.
fn names(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        !text[at + word.len()..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
    })
}

fn lint_kind(
    doc: &Doc<'_>,
    content: &Content,
    written: &FxHashSet<Place>,
    read: &FxHashSet<Place>,
) {
    let name = doc.root.get("id").and_then(|node| node.text()).unwrap_or("");
    let Some(kind) = content.schema.kind_named(name) else { return };
    let keys: Vec<&Key> = ["facets", "derive"]
        .into_iter()
        .filter_map(|section| doc.root.get(section))
        .flat_map(|node| node.entries().iter().map(|(key, _)| key))
        .collect();
    for key in keys {
        let Some(facet) = kind.facet(&key.text) else { continue };
        let place = (kind.id, facet.id);
        if facet.origin == Origin::Said && !written.contains(&place) {
            let message = format!("no mapping writes `{name}.{}`", key.text);
            let hint = "detectors that read it see nothing; write it in a mapping, or drop it";
            doc.lint("unwritten-facet", &key.span, message, Some(hint.into()));
        } else if !read.contains(&place) && !READ_BY_ENGINE.contains(&key.text.as_str()) {
            let message = format!("nothing reads `{name}.{}`", key.text);
            doc.lint("unread-facet", &key.span, message, None);
        }
    }
}

/// Said facets that some entry or known resource writes.
fn written(content: &Content) -> FxHashSet<Place> {
    let mut written = FxHashSet::default();
    for group in content.entries.iter().flat_map(|entry| &entry.groups) {
        let Some(resource) = &group.resource else { continue };
        for verb in group.verbs.iter().chain(&group.otherwise) {
            if let Verb::Put(rules) | Verb::Replace(rules) = verb {
                written.extend(
                    rules.iter().map(|(facet, _): &(FacetId, FacetRule)| (resource.kind, *facet)),
                );
            }
        }
    }
    for known in &content.known {
        if let crate::model::Edit::Facets(facets) = &known.write.edit {
            written.extend(facets.iter().map(|(facet, _)| (known.write.target.kind, *facet)));
        }
    }
    written
}

/// Facets that an expression reads, a `back` facet leads over, or a mapping looks up by.
fn read(content: &Content) -> FxHashSet<Place> {
    let mut read = FxHashSet::default();
    let mut program = |program: &Program| {
        read.extend(program.reads().iter().flat_map(|read| read.path.iter().copied()));
    };
    content.derives.iter().flatten().for_each(|derive| program(&derive.is));
    for detector in &content.detectors {
        detector
            .severity
            .iter()
            .filter_map(|scale| scale.when.as_ref())
            .flatten()
            .for_each(&mut program);
        let Form::Posture(form) = &detector.form else { continue };
        for on in &form.on {
            program(&on.insecure);
            on.measure.iter().for_each(&mut program);
        }
    }
    for detector in &content.detectors {
        let Form::Posture(form) = &detector.form else { continue };
        read.extend(form.on.iter().filter_map(|on| Some((on.kind, on.each?))));
    }
    for facet in content.schema.kinds.iter().flat_map(|kind| &kind.facets) {
        if let Origin::Back { kind, facet, .. } = facet.origin {
            read.insert((kind, facet));
        }
    }
    for group in content.entries.iter().flat_map(|entry| &entry.groups) {
        let lookup = group
            .resource
            .as_ref()
            .and_then(|resource| Some((resource.kind, resource.lookup.as_ref()?.0)));
        read.extend(lookup);
    }
    read
}
