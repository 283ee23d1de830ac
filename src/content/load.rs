//! Loading: files enter, a [`Content`] with its warnings leaves, or every fault of every file.

use super::compiled::Content;
use super::doc::Doc;
use super::fault::{Fault, Report};
use super::files::{File, Files};
use super::kinds::declare;
use super::tree::{Node, parse};
use super::{derive, detector, kinds, lint, mapping};
use crate::expr::{Functions, Host, net};
use crate::model::Digest;

/// The version every document names.
const VERSION: &str = "driftline/v1";

/// The documents of all files, by what they are.
#[derive(Default)]
pub(super) struct Documents<'f> {
    pub(super) types: Vec<Doc<'f>>,
    pub(super) acts: Vec<Doc<'f>>,
    pub(super) kinds: Vec<Doc<'f>>,
    pub(super) mappings: Vec<Doc<'f>>,
    pub(super) detectors: Vec<Doc<'f>>,
}

/// Loads content: everything that is wrong in all files at once, or the content and what is
/// probably not meant so. `tables` are the clouds' host functions; those of the language itself
/// and of networks are always there.
///
/// # Errors
/// Every fault found, warnings among them, at least one of them an error.
pub fn load(files: &Files, tables: &[&[Host]]) -> Result<(Content, Vec<Fault>), Vec<Fault>> {
    read(files, &functions(tables), Care::ToRun)
}

/// As [`load`], with the lints that only an author needs and that cost more than loading.
///
/// # Errors
/// As [`load`].
pub fn check(files: &Files, tables: &[&[Host]]) -> Result<(Content, Vec<Fault>), Vec<Fault>> {
    read(files, &functions(tables), Care::ToWrite)
}

/// As [`load`], its expressions compiled to be watched: the same content, slower, which can tell
/// what each part of an expression came to.
///
/// # Errors
/// As [`load`].
pub fn load_watched(
    files: &Files,
    tables: &[&[Host]],
) -> Result<(Content, Vec<Fault>), Vec<Fault>> {
    read(files, &functions(tables).watched(), Care::ToRun)
}

/// What content is loaded for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Care {
    ToRun,
    ToWrite,
}

fn functions(tables: &[&[Host]]) -> Functions {
    let others = tables.iter().copied().filter(|table| !is_net(table));
    let tables: Vec<&[Host]> = [net::HOSTS].into_iter().chain(others).collect();
    Functions::new(&tables)
}

fn read(
    files: &Files,
    functions: &Functions,
    care: Care,
) -> Result<(Content, Vec<Fault>), Vec<Fault>> {
    let report = Report::default();
    let trees: Vec<(&File, Vec<Node>)> =
        files.documents().map(|file| (file, parse(file, &report))).collect();
    let documents = sort(&trees, &report);
    let content = compile(files, &documents, functions);
    if report.failed() {
        return Err(report.take());
    }
    lint::lint(&content, &documents);
    if care == Care::ToWrite {
        lint::untested(&content, files, &documents);
    }
    Ok((content, report.take()))
}

/// Whether a table is the one of networks, which is always there.
fn is_net(table: &[Host]) -> bool {
    table.first().map(|host| host.name) == net::HOSTS.first().map(|host| host.name)
}

fn compile(files: &Files, documents: &Documents<'_>, functions: &Functions) -> Content {
    let declared: kinds::Declared<'_> =
        declare(&documents.types, &documents.acts, &documents.kinds);
    let derives = derive::compile(&declared, functions);
    let mut content = Content { derives, schema: declared.schema, ..Content::default() };
    for doc in &documents.mappings {
        mapping::load(doc, functions, files, &mut content);
    }
    detector::load(&documents.detectors, functions, files, &mut content);
    content.digest = digest(documents);
    content
}

fn digest(documents: &Documents<'_>) -> Digest {
    let Documents { types, acts, kinds, mappings, detectors } = documents;
    let mut texts: Vec<&str> =
        [types, acts, kinds, mappings, detectors].into_iter().flatten().map(Doc::text).collect();
    texts.sort_unstable();
    Digest::of_texts(&texts)
}

/// Sorts documents by their `kind:`.
fn sort<'f>(trees: &'f [(&'f File, Vec<Node>)], report: &'f Report) -> Documents<'f> {
    let mut documents = Documents::default();
    for (file, roots) in trees {
        for root in roots {
            let doc = Doc { file, root, report };
            if let Some(list) = place(&doc, &mut documents) {
                list.push(doc);
            }
        }
    }
    documents
}

fn place<'d, 'f>(doc: &Doc<'_>, documents: &'d mut Documents<'f>) -> Option<&'d mut Vec<Doc<'f>>> {
    doc.map(doc.root, "a document");
    if doc.root.entries().is_empty() {
        return None;
    }
    if let Some(version) = doc.need(doc.root, "apiVersion", "the document")
        && version.text() != Some(VERSION)
    {
        let message = format!("unknown version `{}`", version.text().unwrap_or(""));
        doc.error_hint(&version.span, message, format!("write `{VERSION}`"));
    }
    let node = doc.need(doc.root, "kind", "the document")?;
    match doc.word(node, "`kind`")? {
        "Types" => Some(&mut documents.types),
        "Acts" => Some(&mut documents.acts),
        "Kind" => Some(&mut documents.kinds),
        "Mapping" => Some(&mut documents.mappings),
        "Detector" => Some(&mut documents.detectors),
        other => {
            let known = ["Types", "Acts", "Kind", "Mapping", "Detector"];
            doc.unknown(&node.span, format!("unknown kind of document `{other}`"), other, known);
            None
        }
    }
}
