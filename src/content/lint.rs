//! What loads but is probably not meant so: compiled content enters, warnings leave.

use rustc_hash::FxHashSet;

use super::cases::Subject;
use super::compiled::{Content, Detector, FacetRule, Form, Verb};
use super::coverage::{Coverage, Status, coverage, never_fires};
use super::doc::Doc;
use super::load::Documents;
use super::tree::Key;
use crate::expr::Program;
use crate::model::{FacetId, KindId, Origin, Provider};

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

fn lint_detector(doc: &Doc<'_>, detector: &Detector, content: &Content, coverage: &Coverage) {
    let id = &detector.id;
    let span = doc.root.get("id").map_or(0..0, |node| node.span.clone());
    let subject = Subject::Detector(id.clone());
    if !content.suites.iter().any(|suite| suite.subject == subject) {
        doc.warn(&span, format!("detector `{id}` has no tests"), None);
    }
    if !content.entries.is_empty()
        && let Some(missing) = never_fires(coverage, detector)
    {
        let message = format!("detector `{id}` can never fire: no mapping gives {missing}");
        doc.warn(&span, message, None);
    }
    let fires = |provider: Provider| {
        coverage.of(id).any(|line| line.provider == provider && line.status >= Status::Partial)
    };
    for provider in coverage.providers.iter().filter(|provider| fires(**provider)) {
        if !detector.fix.iter().any(|(cloud, _)| cloud == provider) {
            let message = format!("detector `{id}` does not say how to repair it on {provider}");
            doc.warn(&span, message, Some(&format!("add `{provider}:` under `fix`")));
        }
    }
    let Some(params) = doc.root.get("params") else { return };
    for (key, _) in params.entries() {
        if !names(doc.text(), &format!("params.{}", key.text)) {
            doc.warn(&key.span, format!("parameter `{}` is never read", key.text), None);
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
            doc.warn(&key.span, format!("no mapping writes `{name}.{}`", key.text), None);
        } else if !read.contains(&place) && !READ_BY_ENGINE.contains(&key.text.as_str()) {
            doc.warn(&key.span, format!("nothing reads `{name}.{}`", key.text), None);
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
