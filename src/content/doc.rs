//! One document as the loader reads it: its tree, and the ways of reporting what is wrong in it.

use std::ops::Range;

use granit_parser::ScalarStyle;

use super::fault::{Fault, Report, did_you_mean};
use super::files::File;
use super::tree::{Data, Key, Node, places};
use crate::content::compiled::Source;
use crate::expr::{Functions, Issue, Level, Program, Scope, Var};
use crate::model::{KindId, RecordType, Schema, Type};

/// A document of a content file.
#[derive(Clone, Copy)]
pub(super) struct Doc<'f> {
    /// Its file.
    pub(super) file: &'f File,
    /// Its root.
    pub(super) root: &'f Node,
    /// Where faults go.
    pub(super) report: &'f Report,
}

impl<'f> Doc<'f> {
    pub(super) fn error(&self, span: &Range<usize>, message: impl Into<String>) {
        self.fault(span, Level::Error, message.into(), None);
    }

    pub(super) fn error_hint(
        &self,
        span: &Range<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.fault(span, Level::Error, message.into(), Some(hint.into()));
    }

    pub(super) fn warn(&self, span: &Range<usize>, message: impl Into<String>, hint: Option<&str>) {
        self.fault(span, Level::Warning, message.into(), hint.map(str::to_owned));
    }

    /// A warning of one of the lints, by its name in [`RULES`](super::fault::RULES).
    pub(super) fn lint(
        &self,
        rule: &'static str,
        span: &Range<usize>,
        message: impl Into<String>,
        hint: Option<String>,
    ) {
        let fault = Fault::at(self.file, span, Level::Warning, message.into(), hint);
        self.report.push(Fault { rule, ..fault });
    }

    pub(super) fn fault(
        &self,
        span: &Range<usize>,
        level: Level,
        message: String,
        hint: Option<String>,
    ) {
        self.report.push(Fault::at(self.file, span, level, message, hint));
    }

    /// An error about a word that is none of the known ones.
    pub(super) fn unknown<'c>(
        &self,
        span: &Range<usize>,
        message: String,
        word: &str,
        known: impl IntoIterator<Item = &'c str>,
    ) {
        self.fault(span, Level::Error, message, did_you_mean(word, known));
    }

    /// Where a node stands.
    pub(super) fn source(&self, span: &Range<usize>) -> Source {
        let front = self.file.text.get(..span.start).unwrap_or("");
        let line = front.matches('\n').count() + 1;
        Source { file: self.file.path.clone(), line: u32::try_from(line).unwrap_or(u32::MAX) }
    }

    /// The document's own text.
    pub(super) fn text(&self) -> &'f str {
        self.file.text.get(self.root.span.clone()).unwrap_or("").trim_end()
    }

    /// The entries of a mapping; anything else is an error.
    pub(super) fn map<'n>(&self, node: &'n Node, what: &str) -> &'n [(Key, Node)] {
        if !matches!(node.data, Data::Map(_)) && !node.is_null() {
            self.error(&node.span, format!("{what} must be a mapping, not {}", node.what()));
        }
        node.entries()
    }

    /// The text of a scalar; anything else is an error.
    pub(super) fn word<'n>(&self, node: &'n Node, what: &str) -> Option<&'n str> {
        if let Some(text) = node.text().filter(|_| !node.is_null()) {
            return Some(text);
        }
        self.error(&node.span, format!("{what} must be a text, not {}", node.what()));
        None
    }

    /// The texts of a scalar or a list of scalars.
    pub(super) fn words<'n>(&self, node: &'n Node, what: &str) -> Vec<(&'n str, &'n Node)> {
        node.one_or_many()
            .into_iter()
            .filter_map(|item| Some((self.word(item, what)?, item)))
            .collect()
    }

    /// The truth value of a scalar; absent means false.
    pub(super) fn flag(&self, owner: &Node, key: &str) -> bool {
        let Some(node) = owner.get(key) else { return false };
        node.bool().unwrap_or_else(|| {
            self.error_hint(
                &node.span,
                format!("`{key}` must be `true` or `false`"),
                "write `true` or `false`",
            );
            false
        })
    }

    /// A whole number within bounds.
    pub(super) fn number(&self, node: &Node, what: &str) -> Option<u32> {
        let number = node.plain().and_then(|text| text.parse().ok());
        if number.is_none() {
            self.error(&node.span, format!("{what} must be a whole number"));
        }
        number
    }

    /// Reports keys that are none of `known`.
    pub(super) fn only(&self, node: &Node, what: &str, known: &[&str]) {
        for (key, value) in self.map(node, what) {
            if known.contains(&key.text.as_str()) {
                continue;
            }
            let message = format!("unknown key `{}` of {what}", key.text);
            if value.is_null() && self.in_braces(node) {
                self.error_hint(&key.span, message, "what has a comma stands in quotes");
                continue;
            }
            self.unknown(&key.span, message, &key.text, known.iter().copied());
        }
    }

    /// Whether a mapping is written in braces, where a comma ends a value.
    fn in_braces(&self, node: &Node) -> bool {
        self.file.text.get(node.span.clone()).is_some_and(|raw| raw.starts_with('{'))
    }

    /// The member of that name; where it is missing, an error at the owner's first key.
    pub(super) fn need<'n>(&self, owner: &'n Node, key: &str, what: &str) -> Option<&'n Node> {
        let found = owner.get(key).filter(|node| !node.is_null());
        if found.is_none() {
            let span = match (owner.entries().iter().find(|(name, _)| name.text == key), owner) {
                (Some((name, _)), _) => name.span.clone(),
                (None, owner) => first_word(owner),
            };
            self.error(&span, format!("{what} has no `{key}`"));
        }
        found
    }

    /// The places of the fields of a record that a list names.
    pub(super) fn fields_named(&self, node: &Node, what: &str, record: &RecordType) -> Vec<u16> {
        let mut fields = Vec::new();
        for (word, at) in self.words(node, what) {
            let found = record.field(word).and_then(|index| u16::try_from(index).ok());
            if found.is_none() {
                let message = format!("unknown field `{word}` of `{}`", record.name);
                self.unknown(&at.span, message, word, record.fields.iter().map(|f| &*f.name));
            }
            fields.extend(found);
        }
        fields
    }

    /// Where the bytes of a part of a scalar's text stand in the file.
    pub(super) fn place(&self, node: &Node, range: &Range<usize>) -> Range<usize> {
        let Data::Scalar(text, style) = &node.data else { return node.span.clone() };
        let raw = self.file.text.get(node.span.clone()).unwrap_or("");
        let offsets = places(raw, node.span.start, text, *style);
        let last = offsets.len() - 1;
        let start = offsets[range.start.min(last)];
        let end = match range.end.checked_sub(1) {
            Some(before) if range.end > range.start => offsets[before.min(last)] + 1,
            _ => start,
        };
        start..end.max(start + 1)
    }
}

/// The first key of a mapping, or the start of anything else.
fn first_word(node: &Node) -> Range<usize> {
    match node.entries().first() {
        Some((key, _)) => key.span.clone(),
        None => node.span.clone(),
    }
}

/// What expressions of one place are compiled with.
#[derive(Clone, Copy)]
pub(super) struct Coder<'s> {
    /// Declared types.
    pub(super) schema: &'s Schema,
    /// Functions that may be called.
    pub(super) functions: &'s Functions,
}

impl Coder<'_> {
    /// Compiles a scalar; its issues are reported where they stand.
    pub(super) fn compile(
        &self,
        doc: &Doc<'_>,
        node: &Node,
        vars: &[Var],
        kind: Option<KindId>,
        expect: Option<Type>,
    ) -> Option<Program> {
        let length = node.text().map_or(0, str::len);
        self.compile_part(doc, node, 0..length, vars, kind, expect)
    }

    /// As [`Coder::compile`], for a condition: one that never changes is warned of.
    pub(super) fn condition(
        &self,
        doc: &Doc<'_>,
        node: &Node,
        vars: &[Var],
        kind: Option<KindId>,
    ) -> Option<Program> {
        let program = self.compile(doc, node, vars, kind, Some(Type::Bool))?;
        if let Some(truth) = program.always() {
            doc.warn(&node.span, format!("the condition is always {truth}"), None);
        }
        Some(program)
    }

    /// As [`Coder::compile`], for a part of the scalar's text.
    pub(super) fn compile_part(
        &self,
        doc: &Doc<'_>,
        node: &Node,
        part: Range<usize>,
        vars: &[Var],
        kind: Option<KindId>,
        expect: Option<Type>,
    ) -> Option<Program> {
        let Data::Scalar(text, style) = &node.data else {
            doc.error_hint(
                &node.span,
                format!("an expression must be a text, not {}", node.what()),
                "an expression with a brace, bracket, comma or `: ` stands in quotes",
            );
            return None;
        };
        let source = text.get(part.clone()).unwrap_or("");
        if source.trim().is_empty() {
            doc.error(&node.span, "an expression is missing");
            return None;
        }
        let scope = Scope { schema: self.schema, vars: vars.to_vec(), kind, expect };
        let source = match style {
            ScalarStyle::Literal | ScalarStyle::Folded => source.trim_end(),
            _ => source,
        };
        match Program::compile(source, &scope, self.functions) {
            Ok((program, warnings)) => {
                report_issues(doc, node, part.start, warnings);
                Some(program)
            }
            Err(issues) => {
                report_issues(doc, node, part.start, issues);
                None
            }
        }
    }
}

/// Reports issues of a part of a scalar that begins at `offset` of its text.
pub(super) fn report_issues(doc: &Doc<'_>, node: &Node, offset: usize, issues: Vec<Issue>) {
    for issue in issues {
        let range = issue.range.start + offset..issue.range.end + offset;
        doc.fault(&doc.place(node, &range), issue.level, issue.message, issue.hint);
    }
}
