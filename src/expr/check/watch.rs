//! Parts of a text that are to be watched: each becomes a node that tells what it came to.
//!
//! What is checked enters with its place in the text; where functions are watched it leaves
//! wrapped, knowing its own text and the parts below it. Otherwise nothing is touched.

use std::ops::Range;

use cel::common::ast::{EntryExpr, Expr, IdedExpr};

use crate::expr::depth;
use crate::expr::ir::{MacroKind, Node, Piece, Watched, Within};

use super::macros::shape;
use super::{Checker, Typed};

/// Variables that are shown by whoever asks: the element judged, and the resource.
const SHOWN_ELSEWHERE: [&str; 4] = ["item", "self", "before", "after"];

/// The parts found so far: for each that is open, those below it.
pub(super) type Open = Vec<Vec<Within>>;

impl Checker<'_> {
    /// A part begins.
    pub(super) fn begin_part(&mut self) {
        if let Some(open) = &mut self.watched {
            open.push(Vec::new());
        }
    }

    /// The part ends: wrapped, where it is worth telling.
    pub(super) fn end_part(&mut self, expr: &IdedExpr, mut typed: Typed) -> Typed {
        let Some(within) = self.watched.as_mut().and_then(Vec::pop) else { return typed };
        if self.is_plain(&typed.node) {
            return typed;
        }
        let path = is_path(expr);
        let range = self.extent(expr);
        let text: Box<str> = self.source.get(range.clone()).unwrap_or(self.source).into();
        let place = Within { place: range.start, text: text.clone() };
        let node = std::mem::replace(&mut typed.node, Node::Local(0));
        let piece = Piece::Part { place: range.start, text, path, within: within.into() };
        typed.node = Node::Watched(Box::new(Watched { piece, node }));
        if let Some(around) = self.watched.as_mut().and_then(|open| open.last_mut()) {
            around.push(place);
        }
        typed
    }

    /// The condition of a macro (where it has none, its body), asked once per element.
    pub(super) fn per_element(&self, node: Node, slot: usize, name: &str, kind: MacroKind) -> Node {
        if self.watched.is_none() {
            return node;
        }
        let decisive = kind != MacroKind::All;
        let piece = Piece::Element { slot, name: name.into(), decisive };
        Node::Watched(Box::new(Watched { piece, node }))
    }

    /// What says nothing that its text does not: constants, and what is shown elsewhere.
    fn is_plain(&self, node: &Node) -> bool {
        match node {
            Node::Local(_) => true,
            Node::Var(slot) => {
                let name = self.scope.vars.get(*slot).map_or("", |var| &var.name);
                SHOWN_ELSEWHERE.contains(&name)
            }
            node => is_constant(node),
        }
    }

    /// Where the whole part stands: from its first token to its last, brackets closed.
    fn extent(&self, expr: &IdedExpr) -> Range<usize> {
        let mut range = None;
        self.cover(expr, &mut range);
        let range = range.map_or(0..self.source.len(), |range| balanced(self.source, range));
        // Of `has(x.y)` the parser keeps the bracket's place only.
        let tested = matches!(&expr.expr, Expr::Select(select) if select.test);
        let before = self.source.get(..range.start).map_or("", str::trim_end);
        if tested && before.ends_with("has") { before.len() - 3..range.end } else { range }
    }

    fn cover(&self, expr: &IdedExpr, range: &mut Option<Range<usize>>) {
        if let Some((start, stop)) = self.info.offset_for(expr.id) {
            let token = start as usize..(stop as usize).saturating_add(1).min(self.source.len());
            for part in [token, self.range(expr)] {
                let (start, end) = range.as_ref().map_or((usize::MAX, 0), |r| (r.start, r.end));
                *range = Some(start.min(part.start)..end.max(part.end));
            }
        }
        below(expr, &mut |part| self.cover(part, range));
    }
}

/// A function's body, so that its parts are known as such.
pub(super) fn body(node: Node) -> Node {
    Node::Watched(Box::new(Watched { piece: Piece::Body, node }))
}

/// The parts that were written below a part; a macro's loop is none.
fn below(expr: &IdedExpr, visit: &mut dyn FnMut(&IdedExpr)) {
    match &expr.expr {
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => {}
        Expr::Select(select) => visit(&select.operand),
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).for_each(visit),
        Expr::List(list) => list.elements.iter().for_each(visit),
        Expr::Map(map) => map.entries.iter().for_each(|entry| entry_parts(&entry.expr, visit)),
        Expr::Struct(record) => {
            record.entries.iter().for_each(|entry| entry_parts(&entry.expr, visit));
        }
        Expr::Comprehension(parts) => {
            visit(&parts.iter_range);
            let written = shape(parts).into_iter().flat_map(|shape| [shape.test, shape.body]);
            written.flatten().for_each(visit);
        }
    }
}

fn entry_parts(entry: &EntryExpr, visit: &mut dyn FnMut(&IdedExpr)) {
    match entry {
        EntryExpr::MapEntry(pair) => {
            visit(&pair.key);
            visit(&pair.value);
        }
        EntryExpr::StructField(field) => visit(&field.value),
    }
}

/// A name, or a member of one: what it leads through is told only where it leads nowhere.
fn is_path(expr: &IdedExpr) -> bool {
    match &expr.expr {
        Expr::Ident(_) => true,
        Expr::Select(select) => !select.test && is_path(&select.operand),
        _ => false,
    }
}

/// Constants are never wrapped, so that what holds them shows them.
fn is_constant(node: &Node) -> bool {
    match node {
        Node::Const(_) => true,
        Node::List(items) => items.iter().all(|(item, _)| is_constant(item)),
        Node::Map(entries) => {
            entries.iter().all(|(key, value, _)| is_constant(key) && is_constant(value))
        }
        Node::Record(_, fields) => fields.iter().all(|(_, value)| is_constant(value)),
        Node::Host(parts) => parts.1.iter().all(is_constant),
        Node::Neg(of) => is_constant(of),
        _ => false,
    }
}

/// Widened until every bracket in it is closed and every closing one opened: the parser tells
/// neither a bracket around a part nor the end of a call.
fn balanced(source: &str, range: Range<usize>) -> Range<usize> {
    let bytes = source.as_bytes();
    let (mut start, mut end) = (range.start, range.end);
    let (mut open, mut unopened) = (0_usize, 0_usize);
    let mut place = start;
    while place < bytes.len() && (place < range.end || open > 0) {
        match bytes[place] {
            b'\'' | b'"' => place = depth::past_quotes(bytes, place),
            b'/' if bytes.get(place + 1) == Some(&b'/') => place = depth::past_line(bytes, place),
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' if open > 0 => open -= 1,
            b')' | b']' | b'}' => unopened += 1,
            _ => {}
        }
        place += 1;
    }
    end = end.max(place.min(bytes.len()));
    for _ in 0..unopened {
        let before = source[..start].trim_end();
        if !before.ends_with(['(', '[', '{']) {
            break;
        }
        start = before.len() - 1;
    }
    if source.get(start..end).is_some() { start..end } else { range }
}

#[cfg(test)]
mod tests {
    use super::balanced;

    #[test]
    fn a_part_reaches_to_the_brackets_that_belong_to_it() {
        for (source, part, whole) in [
            ("(a) && (b)", "a) && (b", "(a) && (b)"),
            ("f(a, (b)) || c", "f(a, (b", "f(a, (b))"),
            ("x[0] == 1", "x[0", "x[0]"),
            ("f(')', a)", "f(')', a", "f(')', a)"),
            ("( a ) + b", "a ) + b", "( a ) + b"),
            ("a + b", "a", "a"),
            ("f(a // )\n)", "f(a", "f(a // )\n)"),
        ] {
            let start = source.find(part).expect("a part of it");
            let range = balanced(source, start..start + part.len());
            assert_eq!(&source[range], whole);
        }
    }
}
