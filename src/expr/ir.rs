//! The compiled form of an expression: names are slots, functions are pointers, regexes are built.

use std::sync::Arc;

use regex::Regex;

use crate::model::{FacetId, KindId, RecordId};

use super::api::Host;

/// One node; children are boxed so that a node stays small.
#[derive(Debug)]
pub(super) enum Node {
    /// A literal.
    Const(Const),
    /// A variable of the scope.
    Var(usize),
    /// A parameter or a macro's variable.
    Local(usize),
    /// A facet of a resource whose kind is known.
    Facet(Box<Node>, KindId, FacetId),
    /// The id of a resource.
    Id(Box<Node>),
    /// A field of a record whose type is known.
    Field(Box<Node>, RecordId, usize),
    /// A member of whatever it is.
    Select(Box<Node>, Box<str>),
    /// Whether the inner value is there.
    Has(Box<Node>),
    /// `x[key]`.
    Index(Box<(Node, Node)>, Lookup),
    /// A list; items marked optional are left out where absent.
    List(Box<[(Node, bool)]>),
    /// A map: key, value, optional.
    Map(Box<[(Node, Node, bool)]>),
    /// A record: field and value.
    Record(RecordId, Box<[(usize, Node)]>),
    /// `&&`.
    And(Box<(Node, Node)>),
    /// `||`.
    Or(Box<(Node, Node)>),
    /// `!`.
    Not(Box<Node>),
    /// Unary minus.
    Neg(Box<Node>),
    /// `c ? x : y`.
    Cond(Box<(Node, Node, Node)>),
    /// A binary operator.
    Op(Op, Box<(Node, Node)>),
    /// The first that is present.
    First(Box<[Node]>),
    /// `matches` with its regex.
    Matches(Box<Node>, Box<Regex>),
    /// A host function.
    Host(Box<(Host, Box<[Node]>)>),
    /// A function written in content: its body, and its arguments.
    User(Arc<Body>, Box<[Node]>),
    /// A macro over a list.
    Macro(Box<Macro>),
    /// A part that tells what it came to; only in what was compiled to be watched.
    Watched(Box<Watched>),
}

/// A literal.
#[derive(Debug)]
pub(super) enum Const {
    Unsaid,
    None,
    Unknown,
    Bool(bool),
    Int(i64),
    Double(f64),
    AllPorts,
    Str(Box<str>),
}

/// How `x[key]` looks an element up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    /// A place that is not there is an error.
    Strict,
    /// A place that is not there is unsaid.
    Lenient,
    /// Text finds the record whose key field of that index equals it.
    Key(u16),
}

/// The strict binary operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
}

/// Which macro.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MacroKind {
    Exists,
    All,
    ExistsOne,
    Map,
    Filter,
}

/// A macro over a list.
#[derive(Debug)]
pub(super) struct Macro {
    pub(super) kind: MacroKind,
    pub(super) list: Node,
    /// The local that holds the element.
    pub(super) slot: usize,
    /// The condition; for `map` only where it has one.
    pub(super) test: Option<Node>,
    /// What `map` makes of an element.
    pub(super) body: Option<Node>,
}

/// A whole expression, or the body of a function.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) node: Node,
    /// Locals it needs, parameters included.
    pub(super) locals: usize,
    /// Levels of nodes, those of called functions included: bounds the recursion.
    pub(super) depth: usize,
}

/// A node that is watched.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) piece: Piece,
    pub(super) node: Node,
}

/// What is watched of a text.
#[derive(Debug)]
pub(super) enum Piece {
    /// A part: where it begins, its text, whether it is a name or a member of one, and the parts
    /// below it.
    Part { place: usize, text: Box<str>, path: bool, within: Box<[Within]> },
    /// What a macro asks of each element: the local that holds it, its name, and the answer by
    /// which one element decides.
    Element { slot: usize, name: Box<str>, decisive: bool },
    /// The body of a function written in content.
    Body,
}

/// A part below another, which may turn out not to be asked.
#[derive(Debug)]
pub(super) struct Within {
    pub(super) place: usize,
    pub(super) text: Box<str>,
}
