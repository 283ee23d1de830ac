//! YAML with places: a file's text enters, its documents leave as trees that remember where
//! every key and scalar stands.
//!
//! Plain words stay text here; what `true` or `10` is, the place that reads it decides, so `no`,
//! `on` and `007` are never anything else than what was written.

use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle};

use super::fault::{Fault, Report};
use super::files::File;
use crate::expr::Level;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Bytes of the file.
    pub(super) span: Range<usize>,
    /// What it is.
    pub(super) data: Data,
}

/// What a node is.
#[derive(Clone, Debug)]
pub(super) enum Data {
    /// A scalar: its text, and how it is written.
    Scalar(String, ScalarStyle),
    /// A list.
    Seq(Vec<Node>),
    /// A mapping in the order written, keys once each.
    Map(Vec<(Key, Node)>),
}

/// A mapping's key.
#[derive(Clone, Debug)]
pub(super) struct Key {
    /// Bytes of the file.
    pub(super) span: Range<usize>,
    /// Its text.
    pub(super) text: String,
}

impl Node {
    /// The text of a scalar.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    /// The text of a scalar that stands without quotes.
    pub(super) fn plain(&self) -> Option<&str> {
        match &self.data {
            Data::Scalar(text, ScalarStyle::Plain) => Some(text),
            _ => None,
        }
    }

    /// Whether nothing is written (`key:`), or `~` or `null`.
    pub(super) fn is_null(&self) -> bool {
        matches!(self.plain(), Some("" | "~" | "null"))
    }

    /// The truth value of a plain `true` or `false`.
    pub(super) fn bool(&self) -> Option<bool> {
        match self.plain() {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => None,
        }
    }

    /// The member of a mapping.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(name, _)| name.text == key).map(|(_, value)| value)
    }

    /// The entries of a mapping; of anything else none.
    pub(super) fn entries(&self) -> &[(Key, Node)] {
        match &self.data {
            Data::Map(entries) => entries,
            _ => &[],
        }
    }

    /// What it is, for messages.
    pub(super) fn what(&self) -> &'static str {
        match &self.data {
            _ if self.is_null() => "nothing",
            Data::Scalar(..) => "a scalar",
            Data::Seq(_) => "a list",
            Data::Map(_) => "a mapping",
        }
    }

    /// A list's items; anything else is its only item.
    pub(super) fn one_or_many(&self) -> Vec<&Node> {
        match &self.data {
            Data::Seq(items) => items.iter().collect(),
            _ => vec![self],
        }
    }
}

/// The documents of a file; what can't be read is reported and left out.
pub(super) fn parse(file: &File, report: &Report) -> Vec<Node> {
    let options = granit_parser::options! { emit_comments: false };
    let mut reader = Reader {
        file,
        report,
        events: Parser::new_from_str_with_options(&file.text, options),
        end: 0,
        open: Vec::new(),
    };
    let mut documents = Vec::new();
    while let Some((event, _)) = reader.next() {
        if matches!(event, Event::DocumentStart(..)) {
            let Some((event, span)) = reader.next() else { break };
            let Some(node) = reader.node(event, span) else { break };
            if !node.is_null() {
                documents.push(node);
            }
        } else if matches!(event, Event::StreamEnd) {
            break;
        }
    }
    documents
}

struct Reader<'f> {
    file: &'f File,
    report: &'f Report,
    events: Parser<'f, granit_parser::StrInput<'f>>,
    end: usize,
    /// Where the brackets and braces that are open begin.
    open: Vec<usize>,
}

impl<'f> Reader<'f> {
    /// The next event and its bytes; `None` after an error, which is reported.
    fn next(&mut self) -> Option<(Event<'f>, Range<usize>)> {
        match self.events.next_event()? {
            Ok((event, span)) => {
                let range = span.byte_range().unwrap_or(self.end..self.end);
                self.end = range.end;
                Some((event, range))
            }
            Err(error) => {
                let at = error.marker().byte_offset().unwrap_or(self.end).min(self.file.text.len());
                self.syntax_error(at, &error.info());
                None
            }
        }
    }

    fn syntax_error(&self, at: usize, info: &str) {
        if let Some(tab) = self.tab_near(at) {
            let message = "a tab stands where YAML wants spaces".to_owned();
            self.error(tab..tab + 1, message, Some("indent with spaces".to_owned()));
            return;
        }
        if info.contains("unknown anchor") {
            self.alias(at..at + 1);
            return;
        }
        let hint = if info.contains("mapping values") {
            Some("an expression with `: ` stands in quotes or after `>`".to_owned())
        } else {
            self.unclosed()
        };
        self.error(at..at + 1, format!("not YAML: {info}"), hint);
    }

    fn alias(&self, span: Range<usize>) {
        let hint = Some("write the value out".to_owned());
        self.error(span, "YAML aliases are not read".to_owned(), hint);
    }

    /// The innermost bracket that is open where reading ended.
    fn unclosed(&self) -> Option<String> {
        let start = *self.open.last()?;
        let front = self.file.text.get(..start)?;
        let bracket = self.file.text[start..].chars().next()?;
        let line = front.matches('\n').count() + 1;
        let column = front.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        Some(format!("is the `{bracket}` at line {line}, column {column} closed?"))
    }

    /// Remembers a list or mapping that begins with a bracket until [`Reader::close`].
    fn opens(&mut self, start: usize) -> bool {
        let flow = self.file.text[start.min(self.file.text.len())..].starts_with(['[', '{']);
        if flow {
            self.open.push(start);
        }
        flow
    }

    fn close(&mut self, flow: bool) {
        if flow {
            self.open.pop();
        }
    }

    /// A tab in the indentation of the line at `at` or of the one after it.
    fn tab_near(&self, at: usize) -> Option<usize> {
        let text = &*self.file.text;
        let mut start = text.get(..at)?.rfind('\n').map_or(0, |newline| newline + 1);
        for _ in 0..2 {
            let line = text[start..].split('\n').next().unwrap_or("");
            let indent = line.len() - line.trim_start().len();
            if let Some(tab) = line[..indent].find('\t') {
                return Some(start + tab);
            }
            start = (start + line.len() + 1).min(text.len());
        }
        None
    }

    fn error(&self, range: Range<usize>, message: String, hint: Option<String>) {
        self.report.push(Fault::at(self.file, &range, Level::Error, message, hint));
    }

    fn node(&mut self, event: Event<'f>, span: Range<usize>) -> Option<Node> {
        if event.tag().is_some() {
            self.error(span.clone(), "YAML tags are not read".to_owned(), None);
        }
        match event {
            Event::Scalar(text, style, ..) => {
                Some(Node { span, data: Data::Scalar(text.into_owned(), style) })
            }
            Event::SequenceStart(..) => self.seq(span.start),
            Event::MappingStart(..) => self.map(span.start),
            Event::Alias(_) => {
                self.alias(span.clone());
                Some(Node { span, data: Data::Scalar(String::new(), ScalarStyle::Plain) })
            }
            _ => None,
        }
    }

    fn seq(&mut self, start: usize) -> Option<Node> {
        let mut items = Vec::new();
        let flow = self.opens(start);
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                self.close(flow);
                return Some(Node { span: start..span.end.max(start), data: Data::Seq(items) });
            }
            items.push(self.node(event, span)?);
        }
    }

    fn map(&mut self, start: usize) -> Option<Node> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        let flow = self.opens(start);
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                self.close(flow);
                return Some(Node { span: start..span.end.max(start), data: Data::Map(entries) });
            }
            let key = self.node(event, span)?;
            let (event, span) = self.next()?;
            let value = self.node(event, span)?;
            let Some(text) = key.text() else {
                self.error(key.span, "a key must be a word".to_owned(), None);
                continue;
            };
            let text = text.to_owned();
            if entries.iter().any(|(known, _)| known.text == text) {
                let message = format!("`{text}` is said twice");
                self.error(key.span, message, Some("keep one of them".to_owned()));
                continue;
            }
            entries.push((Key { span: key.span, text }, value));
        }
    }
}

/// Where each byte of a scalar's text stands in its file: one offset per byte and one for the end.
///
/// Exact for plain, quoted and literal scalars. In folded ones a fold's space is the line break
/// it was made of. `raw` is the bytes of the file that the scalar takes, marks and all.
pub(super) fn places(raw: &str, start: usize, text: &str, style: ScalarStyle) -> Vec<usize> {
    let mut at = match style {
        ScalarStyle::Plain => 0,
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => 1,
        ScalarStyle::Literal | ScalarStyle::Folded => block_start(raw),
    };
    let mut offsets = Vec::with_capacity(text.len() + 1);
    for wanted in text.chars() {
        if style == ScalarStyle::DoubleQuoted {
            at += escaped_break(raw.get(at..).unwrap_or(""));
        }
        let rest = raw.get(at..).unwrap_or("");
        let skip = blank_before(rest, wanted);
        let length = source_length(&rest[skip..], wanted, style);
        offsets.extend((0..wanted.len_utf8()).map(|_| start + at + skip));
        at += skip + length;
    }
    offsets.push(start + at.min(raw.len()));
    offsets
}

/// Bytes of a block scalar's header line, where the span has it.
fn block_start(raw: &str) -> usize {
    if !raw.starts_with(['|', '>']) {
        return 0;
    }
    raw.find('\n').map_or(raw.len(), |newline| newline + 1)
}

/// Bytes of a line break that a backslash takes away, with the indentation behind it.
fn escaped_break(rest: &str) -> usize {
    match rest.strip_prefix('\\') {
        Some(tail) if tail.starts_with(['\n', '\r']) => {
            1 + tail.find(|c: char| !c.is_whitespace()).unwrap_or(tail.len())
        }
        _ => 0,
    }
}

/// Bytes of indentation and line breaks that stand before a character that is not blank.
fn blank_before(rest: &str, wanted: char) -> usize {
    if wanted.is_whitespace() {
        return 0;
    }
    rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len())
}

/// How many bytes of the source became `wanted`.
fn source_length(rest: &str, wanted: char, style: ScalarStyle) -> usize {
    if style == ScalarStyle::SingleQuoted && wanted == '\'' && rest.starts_with("''") {
        return 2;
    }
    if style == ScalarStyle::DoubleQuoted && rest.starts_with('\\') {
        let escape = match rest.as_bytes().get(1) {
            Some(b'x') => 4,
            Some(b'u') => 6,
            Some(b'U') => 10,
            Some(_) => 2,
            None => 1,
        };
        return escape.min(rest.len());
    }
    match rest.chars().next() {
        Some(found) if found == wanted || found.is_whitespace() => found.len_utf8(),
        _ => 0,
    }
}
