//! A compiled expression.

use std::sync::{Arc, Mutex, PoisonError};

use cel::common::ast::{IdedExpr, SourceInfo};
use cel::parser::Parser;
use rustc_hash::FxHashMap;

use crate::model::trace::Part;
use crate::model::{Type, Val};

use super::api::{Call, EvalError, Host, Issue, Level, Read, Scope};
use super::ir::{Body, Const, Node};
use super::watch::{self, Watch};
use super::{check, depth, eval, standard};

/// Bytes of an expression's text.
const MAX_SOURCE: usize = 16 << 10;

/// Faults of one text that are told.
const MAX_FAULTS: usize = 16;

/// The functions an expression may call: the host's, and those content defines.
#[derive(Clone, Debug)]
pub struct Functions {
    hosts: Vec<Host>,
    users: Vec<User>,
    watched: bool,
    parsed: Parsed,
}

/// Texts that were parsed: content says the same in many places, and parsing is what its loading
/// takes longest for. Clones share it.
#[derive(Clone, Debug, Default)]
struct Parsed(Arc<Mutex<FxHashMap<Box<str>, Arc<Tree>>>>);

/// An expression as parsed.
type Tree = (IdedExpr, SourceInfo);

/// A function written in content.
#[derive(Clone, Debug)]
pub(super) struct User {
    name: Box<str>,
    pub(super) params: usize,
    pub(super) body: Arc<Body>,
    pub(super) ty: Type,
    pub(super) reads: Vec<Read>,
}

impl Default for Functions {
    fn default() -> Self {
        Self::new(&[])
    }
}

impl Functions {
    /// The functions of those tables, beside the standard library, which is always there.
    #[must_use]
    pub fn new(tables: &[&[Host]]) -> Self {
        let mut hosts = standard::hosts();
        hosts.extend(tables.iter().flat_map(|table| table.iter()));
        Self { hosts, users: Vec::new(), watched: false, parsed: Parsed::default() }
    }

    /// The same, for expressions whose every part is to tell what it came to (see
    /// [`Program::watch`]). They are slower, and their results are the same.
    #[must_use]
    pub fn watched(mut self) -> Self {
        self.watched = true;
        self
    }

    pub(super) fn is_watched(&self) -> bool {
        self.watched
    }

    /// Every host function, the standard library's first, then in table order, for documentation.
    #[must_use]
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The function of that name written in content; the latest counts.
    pub(super) fn user(&self, name: &str) -> Option<&User> {
        self.users.iter().rev().find(|user| &*user.name == name)
    }

    pub(super) fn user_names(&self) -> impl Iterator<Item = &str> {
        self.users.iter().map(|user| &*user.name)
    }

    fn parse(&self, source: &str) -> Result<Arc<Tree>, Vec<Issue>> {
        let mut parsed = self.parsed.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = parsed.get(source) {
            return Ok(Arc::clone(known));
        }
        let tree = Arc::new(parse(source)?);
        parsed.insert(source.into(), Arc::clone(&tree));
        Ok(tree)
    }

    /// Adds a function written in content: `rule(r)`, its parameters of any type. It may call
    /// those defined before it, and sees the scope's variables: every scope that calls it must
    /// begin with the same ones.
    ///
    /// # Errors
    /// The issues of its body.
    pub fn define(
        &mut self,
        name: &str,
        params: &[&str],
        body: &str,
        scope: &Scope<'_>,
    ) -> Result<Vec<Issue>, Vec<Issue>> {
        let tree = self.parse(body)?;
        let checked = check::check(&tree.0, &tree.1, body, Some(params), scope, self);
        if checked.issues.iter().any(|issue| issue.level == Level::Error) {
            return Err(checked.issues);
        }
        self.users.push(User {
            name: name.into(),
            params: params.len(),
            body: Arc::new(checked.body),
            ty: checked.ty,
            reads: checked.reads,
        });
        Ok(checked.issues)
    }
}

/// A checked, compiled expression.
#[derive(Debug)]
pub struct Program {
    source: Box<str>,
    ty: Type,
    reads: Vec<Read>,
    body: Body,
}

impl Program {
    /// Parses, checks and compiles `source`; warnings come with the program.
    ///
    /// # Errors
    /// Every issue found, at least one of them an error.
    pub fn compile(
        source: &str,
        scope: &Scope<'_>,
        functions: &Functions,
    ) -> Result<(Self, Vec<Issue>), Vec<Issue>> {
        let tree = functions.parse(source)?;
        let checked = check::check(&tree.0, &tree.1, source, None, scope, functions);
        if checked.issues.iter().any(|issue| issue.level == Level::Error) {
            return Err(checked.issues);
        }
        let program = Self {
            source: source.into(),
            ty: checked.ty,
            reads: checked.reads,
            body: checked.body,
        };
        Ok((program, checked.issues))
    }

    /// The text it was compiled from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The type of its result.
    #[must_use]
    pub fn ty(&self) -> &Type {
        &self.ty
    }

    /// What it always is, where it reads nothing that could make it otherwise and is a condition.
    #[must_use]
    pub fn always(&self) -> Option<bool> {
        match self.body.node {
            Node::Const(Const::Bool(truth)) => Some(truth),
            _ => None,
        }
    }

    /// The facets it reads, each chain once.
    #[must_use]
    pub fn reads(&self) -> &[Read] {
        &self.reads
    }

    /// Evaluates with one value per variable of the scope it was compiled in.
    ///
    /// # Errors
    /// See [`EvalError`].
    pub fn eval<'a>(&'a self, vars: &[Val<'a>], call: &Call<'a, '_>) -> Result<Val<'a>, EvalError> {
        eval::run(&self.body, vars, &[], call)
    }

    /// Evaluates, and returns what each part came to: the whole alone, where the program was not
    /// compiled to be watched or nobody watches in the call's world.
    pub fn watch<'a>(&'a self, vars: &[Val<'a>], call: &Call<'a, '_>) -> Part {
        let result = self.eval(vars, call);
        let seen = call.world.watch().and_then(Watch::take);
        seen.unwrap_or_else(|| watch::whole(&self.source, &result, call))
    }
}

fn parse(source: &str) -> Result<Tree, Vec<Issue>> {
    let fault = |range, message| Issue { range, level: Level::Error, message, hint: None };
    if source.trim().is_empty() {
        return Err(vec![fault(0..source.len(), "the expression is empty".into())]);
    }
    if source.len() > MAX_SOURCE {
        let message = format!("longer than {MAX_SOURCE} bytes");
        return Err(vec![fault(0..source.len(), message)]);
    }
    if let Some(place) = depth::is_no_expression(source) {
        let found = source[place..].chars().next().unwrap_or_default();
        let range = place..place + found.len_utf8();
        return Err(vec![fault(range, format!("`{found}` is no part of the language"))]);
    }
    if let Some(place) = depth::exceeds(source, check::MAX_DEPTH) {
        let message = format!("nested more than {} levels deep", check::MAX_DEPTH);
        return Err(vec![fault(place..source.len(), message)]);
    }
    let parser = Parser::new().enable_optional_syntax(true).enable_ident_escape_syntax(true);
    parser.parse_with_source_info(source).map_err(|faults| {
        let mut issues: Vec<_> = faults
            .errors
            .iter()
            .take(MAX_FAULTS)
            .map(|error| {
                let start = offset(source, error.pos);
                let length = source[start..].chars().next().map_or(0, char::len_utf8);
                let (message, hint) = message(&error.msg);
                Issue { hint, ..fault(start..start + length, message) }
            })
            .collect();
        if issues.is_empty() {
            issues.push(fault(0..source.len(), "does not parse".into()));
        }
        issues
    })
}

/// The byte at a line and column, both counted from one.
fn offset(source: &str, (line, column): (isize, isize)) -> usize {
    let line = usize::try_from(line - 1).unwrap_or(0);
    let column = usize::try_from(column - 1).unwrap_or(0);
    let start: usize = source.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = source.get(start..).unwrap_or("");
    let within: usize = rest.chars().take(column).map(char::len_utf8).sum();
    (start + within).min(source.len())
}

/// The parser's message in our style, and what to write instead.
fn message(text: &str) -> (String, Option<String>) {
    let text = text.strip_prefix("Syntax error: ").unwrap_or(text);
    let quoted = || text.split_once('\'').and_then(|(_, rest)| rest.rsplit_once('\''));
    let input = ["mismatched input", "extraneous input", "no viable alternative at input"];
    if let Some(kind) = input.into_iter().find(|kind| text.starts_with(kind)) {
        let rest = text[kind.len()..].trim_start().trim_start_matches('\'');
        let found = rest.split('\'').next().unwrap_or("");
        if found == "<EOF>" || rest.contains("<EOF>'") {
            return ("the expression ends too early".into(), None);
        }
        return (format!("`{found}` is not expected here"), instead(found));
    }
    if let Some((missing, _)) = text.strip_prefix("missing ").and_then(|t| t.split_once(" at ")) {
        return (format!("`{}` is missing here", missing.trim_matches('\'')), None);
    }
    if text.starts_with("token recognition error") {
        let found = quoted().map_or("", |(found, _)| found).trim();
        let hint = if found.starts_with(['\'', '"']) {
            Some("a text ends with the quote it begins with".to_owned())
        } else {
            instead(found)
        };
        return (format!("`{found}` is no part of the language"), hint);
    }
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_ascii_lowercase());
    (first.into_iter().chain(chars).collect(), None)
}

/// Habits of other languages.
fn instead(found: &str) -> Option<String> {
    let ours = match found.trim() {
        "and" | "AND" => "&&",
        "or" | "OR" | "|" => "||",
        "not" | "NOT" => "!",
        "=" => "==",
        "<>" => "!=",
        _ => return None,
    };
    Some(format!("write `{ours}`"))
}
