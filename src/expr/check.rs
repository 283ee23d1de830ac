//! Checking: a syntax tree becomes a compiled body with its type and what it reads, or issues.
//!
//! Several issues are found at once: where a part is wrong, checking goes on as if it could be
//! anything.

mod calls;
mod cost;
mod fold;
mod forms;
mod literals;
mod macros;
mod names;
mod operators;
mod watch;

use std::ops::Range;
use std::sync::Arc;

use cel::common::ast::{Expr, IdedExpr, SourceInfo};

use crate::model::{FacetId, KindId, Type};

pub use forms::FORMS;

use super::api::{Issue, Level, Read, Scope};
use super::ir::{Body, Const, Node};
use super::program::Functions;
use super::types;

/// Levels of nodes, functions called included; bounds the recursion of checking and evaluation.
pub(super) const MAX_DEPTH: usize = 128;

/// Chains of facets that one value may come from; further ones are not followed.
const MAX_CHAINS: usize = 64;

/// Facets from the resource a chain starts at.
type Chain = Vec<(KindId, FacetId)>;

/// A checked part.
struct Typed {
    node: Node,
    ty: Type,
    /// The facets it came through, for [`Read`].
    chains: Vec<Chain>,
    /// For a set of records with one key field: that field.
    key: Option<u16>,
    /// The constant text it is, for literals that are read at load.
    text: Option<Box<str>>,
}

impl Typed {
    fn new(node: Node, ty: Type) -> Self {
        Self { node, ty, chains: Vec::new(), key: None, text: None }
    }

    /// What stands where an issue was found.
    fn broken() -> Self {
        Self::new(Node::Const(Const::Unknown), Type::Dyn)
    }

    fn chains(mut self, chains: Vec<Chain>) -> Self {
        self.chains = chains;
        self
    }
}

/// A parameter or a macro's variable.
struct Local {
    name: Box<str>,
    ty: Type,
    chains: Vec<Chain>,
}

/// What checking leaves behind.
pub(super) struct Checked {
    pub(super) body: Body,
    pub(super) ty: Type,
    pub(super) reads: Vec<Read>,
    /// Warnings and errors, in the order of the text.
    pub(super) issues: Vec<Issue>,
}

pub(super) struct Checker<'c> {
    scope: &'c Scope<'c>,
    functions: &'c Functions,
    info: &'c SourceInfo,
    source: &'c str,
    locals: Vec<Local>,
    /// Most locals alive at once.
    slots: usize,
    depth: usize,
    deepest: usize,
    issues: Vec<Issue>,
    reads: Vec<Read>,
    /// What is left for working out constants.
    fold_fuel: u32,
    /// Whether a loop was refused for its cost already: one such issue is enough.
    too_costly: bool,
    /// Where parts are watched: those that are open.
    watched: Option<watch::Open>,
}

/// Checks a whole expression; `params` are locals of any type, of a function's body.
pub(super) fn check(
    expr: &IdedExpr,
    info: &SourceInfo,
    source: &str,
    params: Option<&[&str]>,
    scope: &Scope<'_>,
    functions: &Functions,
) -> Checked {
    let called = params.is_some();
    let locals: Vec<_> = params
        .unwrap_or_default()
        .iter()
        .map(|name| Local { name: (*name).into(), ty: Type::Dyn, chains: Vec::new() })
        .collect();
    let mut checker = Checker {
        scope,
        functions,
        info,
        source,
        slots: locals.len(),
        locals,
        depth: 0,
        deepest: 0,
        issues: Vec::new(),
        reads: Vec::new(),
        fold_fuel: fold::FOLD_FUEL,
        too_costly: false,
        watched: functions.is_watched().then(watch::Open::new),
    };
    let root = checker.expr(expr, scope.expect.as_ref());
    if let Some(expect) = &scope.expect {
        checker.expect(&root.ty, expect, expr, "the expression");
    }
    checker.affordable(expr, &root.node);
    let mut issues = checker.issues;
    issues.sort_by_key(|issue| (issue.range.start, std::cmp::Reverse(issue.level)));
    issues.dedup();
    // A function's body is told apart from the part that calls it.
    let node = if checker.watched.is_some() && called { watch::body(root.node) } else { root.node };
    Checked {
        body: Body { node, locals: checker.slots, depth: checker.deepest },
        ty: root.ty,
        reads: checker.reads,
        issues,
    }
}

impl Checker<'_> {
    /// Checks a part. `expect` says what is due here, so that bare words can be told from
    /// names; whether the part is of that type is the caller's to check.
    fn expr(&mut self, expr: &IdedExpr, expect: Option<&Type>) -> Typed {
        if self.depth >= MAX_DEPTH {
            self.error(expr, format!("nested more than {MAX_DEPTH} levels deep"), None);
            return Typed::broken();
        }
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        let known = self.issues.len();
        self.begin_part();
        let typed = match &expr.expr {
            Expr::Ident(_) => self.name(expr, expect),
            Expr::Select(select) if select.test => self.has(select),
            Expr::Select(select) => self.select(expr, select, expect),
            Expr::Literal(literal) => self.literal(expr, literal),
            Expr::List(list) => self.list(list, expect),
            Expr::Map(map) => self.map(map, expect, false),
            Expr::Struct(record) => self.record(expr, record),
            Expr::Comprehension(parts) => self.comprehension(expr, parts),
            Expr::Call(call) => self.call(expr, call, expect),
            Expr::Unspecified => {
                self.error(expr, "nothing stands here".into(), None);
                Typed::broken()
            }
        };
        self.depth -= 1;
        let typed = self.folded(expr, typed, known);
        self.end_part(expr, typed)
    }

    fn error(&mut self, at: &IdedExpr, message: String, hint: Option<String>) {
        let range = self.range(at);
        self.issues.push(Issue { range, level: Level::Error, message, hint });
    }

    fn warn(&mut self, at: &IdedExpr, message: String, hint: Option<String>) {
        let range = self.range(at);
        self.issues.push(Issue { range, level: Level::Warning, message, hint });
    }

    /// Reports where `from` cannot stand for `to`.
    fn expect(&mut self, from: &Type, to: &Type, at: &IdedExpr, what: &str) {
        if types::assignable(from, to) {
            return;
        }
        let (from, to) = (self.describe(from), self.describe(to));
        self.error(at, format!("{what} must be {to}, not {from}"), None);
    }

    /// Checks a part that is a condition.
    fn condition(&mut self, expr: &IdedExpr) -> Typed {
        let typed = self.expr(expr, Some(&Type::Bool));
        self.expect(&typed.ty, &Type::Bool, expr, "a condition");
        typed
    }

    fn describe(&self, ty: &Type) -> String {
        types::describe(ty, self.scope.schema)
    }

    /// Where the part stands: the parser tells the place of one token only (the dot, the
    /// bracket, the operator), which is widened to the name it belongs to.
    fn range(&self, at: &IdedExpr) -> Range<usize> {
        let Some((start, stop)) = self.info.offset_for(at.id) else { return 0..self.source.len() };
        let token = start as usize..(stop as usize).saturating_add(1).min(self.source.len());
        let before = |name: &str| {
            let head = self.source.get(..token.start)?.trim_end();
            head.ends_with(name).then(|| head.len() - name.len()..head.len())
        };
        let widened = match &at.expr {
            Expr::Select(select) => {
                let tail = self.source.get(token.end..).unwrap_or("");
                let from = token.end + (tail.len() - tail.trim_start().len());
                let found = self.source.get(from..).is_some_and(|t| t.starts_with(&*select.field));
                found.then(|| from..from + select.field.len())
            }
            Expr::Call(call) => before(&call.func_name),
            Expr::Struct(record) => before(&record.type_name),
            _ => None,
        };
        let range = widened.unwrap_or(token);
        if self.source.get(range.clone()).is_some() { range } else { 0..self.source.len() }
    }

    /// Notes that a facet is read at the end of each of `chains`, and returns those chains.
    fn read(&mut self, chains: &[Chain], kind: KindId, facet: FacetId) -> Vec<Chain> {
        let start = [Chain::new()];
        let from = if chains.is_empty() { &start[..] } else { chains };
        let mut result = Vec::with_capacity(from.len());
        for chain in from {
            let mut chain = chain.clone();
            chain.push((kind, facet));
            let read = Read { path: chain.clone().into() };
            if !self.reads.contains(&read) {
                self.reads.push(read);
            }
            result.push(chain);
        }
        result
    }

    /// Runs `inside` with one more local; returns its slot too.
    fn with_local<T>(&mut self, local: Local, inside: impl FnOnce(&mut Self) -> T) -> (usize, T) {
        let slot = self.locals.len();
        self.locals.push(local);
        self.slots = self.slots.max(self.locals.len());
        let result = inside(self);
        self.locals.truncate(slot);
        (slot, result)
    }
}

/// The chains of several values that may be one.
fn merge(mut a: Vec<Chain>, b: Vec<Chain>) -> Vec<Chain> {
    for chain in b {
        if a.len() < MAX_CHAINS && !a.contains(&chain) {
            a.push(chain);
        }
    }
    a
}

fn list_of(ty: Type) -> Type {
    Type::List(Arc::new(ty))
}
