//! The compiled form of an expression: names are slots, functions are pointers, regexes are built.

use std::sync::Arc;

use regex::Regex;

use crate::model::{FacetId, KindId, PortRange, RecordId, Timestamp};

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
    /// A value that is named once and read often.
    Bind(Box<Bind>),
    /// `x in [a, b]` with literal candidates: nothing is laid out for it.
    Among(Box<(Node, Box<[Const]>)>),
    /// A part that tells what it came to; only in what was compiled to be watched.
    Watched(Box<Watched>),
}

/// A literal, or what a part that reads nothing came to.
#[derive(Debug, PartialEq)]
pub(super) enum Const {
    Unsaid,
    None,
    Unknown,
    Bool(bool),
    Int(i64),
    Double(f64),
    Time(Timestamp),
    /// Microseconds.
    Duration(i64),
    /// A whole set of ports.
    Ports(Box<[PortRange]>),
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
    TransformMap,
}

impl MacroKind {
    /// Whether it answers yes or no.
    pub(super) fn is_truth(self) -> bool {
        matches!(self, Self::Exists | Self::All | Self::ExistsOne)
    }
}

/// A macro over a list.
#[derive(Debug)]
pub(super) struct Macro {
    pub(super) kind: MacroKind,
    pub(super) list: Node,
    /// The local that holds the element; a map's key, unless `place` holds it.
    pub(super) slot: usize,
    /// With two variables, the local that holds the place in a list or the key of a map; the
    /// element is then the map's value.
    pub(super) place: Option<usize>,
    /// The condition; for `map` only where it has one.
    pub(super) test: Option<Node>,
    /// What `map` makes of an element.
    pub(super) body: Option<Node>,
}

/// `cel.bind(name, value, body)`, and `value.optMap(name, body)`.
#[derive(Debug)]
pub(super) struct Bind {
    pub(super) value: Node,
    /// The local that holds the value.
    pub(super) slot: usize,
    pub(super) body: Node,
    /// Whether the body is left out where the value is absent.
    pub(super) optional: bool,
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

/// Whether two parts are written the same, so that they always have one value.
pub(super) fn same(a: &Node, b: &Node) -> bool {
    let pair = |a: &(Node, Node), b: &(Node, Node)| same(&a.0, &b.0) && same(&a.1, &b.1);
    let both = |a: &Option<Node>, b: &Option<Node>| match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => same(a, b),
        _ => false,
    };
    let all =
        |a: &[Node], b: &[Node]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b));
    match (a, b) {
        (Node::Const(a), Node::Const(b)) => *a != Const::Unknown && a == b,
        (Node::Var(a), Node::Var(b)) | (Node::Local(a), Node::Local(b)) => a == b,
        (Node::Facet(a, kind, facet), Node::Facet(b, other, second)) => {
            (kind, facet) == (other, second) && same(a, b)
        }
        (Node::Field(a, record, field), Node::Field(b, other, second)) => {
            (record, field) == (other, second) && same(a, b)
        }
        (Node::Select(a, name), Node::Select(b, other)) => name == other && same(a, b),
        (Node::Id(a), Node::Id(b))
        | (Node::Has(a), Node::Has(b))
        | (Node::Not(a), Node::Not(b))
        | (Node::Neg(a), Node::Neg(b)) => same(a, b),
        (Node::Index(a, lookup), Node::Index(b, other)) => lookup == other && pair(a, b),
        (Node::And(a), Node::And(b)) | (Node::Or(a), Node::Or(b)) => pair(a, b),
        (Node::Op(op, a), Node::Op(other, b)) => op == other && pair(a, b),
        (Node::Cond(a), Node::Cond(b)) => same(&a.0, &b.0) && same(&a.1, &b.1) && same(&a.2, &b.2),
        (Node::First(a), Node::First(b)) => all(a, b),
        (Node::Matches(a, regex), Node::Matches(b, other)) => {
            regex.as_str() == other.as_str() && same(a, b)
        }
        (Node::Host(a), Node::Host(b)) => a.0.name == b.0.name && all(&a.1, &b.1),
        (Node::User(body, a), Node::User(other, b)) => Arc::ptr_eq(body, other) && all(a, b),
        (Node::List(a), Node::List(b)) => {
            let same = |(a, b): (&(Node, bool), &(Node, bool))| a.1 == b.1 && same(&a.0, &b.0);
            a.len() == b.len() && a.iter().zip(b).all(same)
        }
        (Node::Macro(a), Node::Macro(b)) => {
            (a.kind, a.slot, a.place) == (b.kind, b.slot, b.place)
                && same(&a.list, &b.list)
                && both(&a.test, &b.test)
                && both(&a.body, &b.body)
        }
        (Node::Among(a), Node::Among(b)) => a.1 == b.1 && same(&a.0, &b.0),
        // Maps, records and bindings are not compared: they rarely stand twice.
        _ => false,
    }
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
