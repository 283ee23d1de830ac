//! What other rooms hold on to: scopes, issues, host functions, the world an evaluation asks.

use std::cell::Cell;

use bumpalo::Bump;

use crate::model::{FacetId, Handle, KindId, Schema, Timestamp, Type, Val};

use super::watch::Watch;

/// Names an expression may use, and their types.
#[derive(Clone, Debug)]
pub struct Scope<'s> {
    /// Declared records and kinds.
    pub schema: &'s Schema,
    /// Variables, in slot order: the evaluation is given one value for each.
    pub vars: Vec<Var>,
    /// The kind whose facets are bare names (`rules`, `world`); `None` in mappings.
    /// The resource itself is in the slot named `self`.
    pub kind: Option<KindId>,
    /// What the whole expression must be; bare words may be constants of an enum expected here.
    pub expect: Option<Type>,
}

/// A variable of a scope.
#[derive(Clone, Debug)]
pub struct Var {
    /// Its name.
    pub name: Box<str>,
    /// Its type; [`Type::Dyn`] for parts of an event's body.
    pub ty: Type,
}

/// How bad an issue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Loads, but is probably not meant so.
    Warning,
    /// Does not load.
    Error,
}

/// A fault in an expression's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Byte range in the source text.
    pub range: std::ops::Range<usize>,
    /// How bad.
    pub level: Level,
    /// What is wrong.
    pub message: String,
    /// What to write instead, where that can be told.
    pub hint: Option<String>,
}

/// A facet that a program reads, as the chain of facets from the resource it starts at.
///
/// `groups.exists(g, g.world)` on an interface reads `[interface.groups]` and
/// `[interface.groups, security_group.world]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Read {
    /// Kind and facet of each step.
    pub path: Box<[(KindId, FacetId)]>,
}

/// What an evaluation may ask of the resources around it.
pub trait World<'a> {
    /// The facet's value: `Unknown` when never seen; references as [`Val::Resource`] handles,
    /// sets of references as lists of handles; derived facets computed.
    fn facet(&self, resource: Handle, facet: FacetId) -> Val<'a>;

    /// The resource's id as text (the expression `x.id`).
    fn id(&self, resource: Handle) -> Val<'a>;

    /// What a detector assumes of a facet whose very resource is unknown (`subnet.internet`
    /// where nobody knows the subnet); [`Val::Unknown`] where it assumes nothing.
    fn assumed(&self, kind: KindId, facet: FacetId) -> Val<'a> {
        let _ = (kind, facet);
        Val::Unknown
    }

    /// Who is told of the parts of an expression that was compiled to be watched; nobody, but
    /// where somebody asked.
    fn watch(&self) -> Option<&Watch> {
        None
    }
}

/// What a host function is given besides its arguments.
pub struct Call<'a, 'c> {
    /// Where results are allocated.
    pub arena: &'a Bump,
    /// Declared records.
    pub schema: &'a Schema,
    /// Resources.
    pub world: &'c dyn World<'a>,
    /// The instant the evaluation is told.
    pub now: Timestamp,
    /// Units of work left; functions charge one per element they look at.
    pub fuel: &'c Cell<u32>,
}

impl Call<'_, '_> {
    /// Takes `units` from the budget.
    ///
    /// # Errors
    /// [`EvalError::OutOfFuel`] when less is left.
    #[inline]
    pub fn charge(&self, units: usize) -> Result<(), EvalError> {
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        if let Some(left) = self.fuel.get().checked_sub(units) {
            self.fuel.set(left);
            return Ok(());
        }
        // What comes after it fails too: nothing half-known is told.
        self.fuel.set(0);
        Err(EvalError::OutOfFuel)
    }
}

/// Why an evaluation has no result. Never stops the stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// The budget is used up.
    #[error("expression budget used up")]
    OutOfFuel,
    /// An operation on values it is not defined for.
    #[error("{0}")]
    Type(&'static str),
    /// Integer overflow, division by zero, an index out of range.
    #[error("{0}")]
    Arithmetic(&'static str),
}

/// The body of a host function. Arguments arrive as many as the signature has, optional ones
/// left out as [`Val::Unsaid`]. `Unknown` arguments never arrive: the evaluator answers
/// `Unknown` itself, unless the function is declared `lenient`.
pub type HostFn = for<'a, 'c> fn(&Call<'a, 'c>, &[Val<'a>]) -> Result<Val<'a>, EvalError>;

/// A function content may call, declared in a `const` table.
#[derive(Clone, Copy, Debug)]
pub struct Host {
    /// Its full name, `net.open`; a name without a dot may also be called on its first argument
    /// (`x.is_any()`).
    pub name: &'static str,
    /// Its parameters.
    pub params: &'static [Param],
    /// Its result's type, in the notation of facets (`list<string>`, `ports`, `network_rule`,
    /// `dyn`).
    pub returns: &'static str,
    /// Whether `Unknown` arguments are passed on to it.
    pub lenient: bool,
    /// One sentence.
    pub doc: &'static str,
    /// An example with its result.
    pub example: &'static str,
    /// Where the outside facts it rests on are documented; empty when it rests on none.
    pub source: &'static str,
    /// Its body.
    pub call: HostFn,
}

/// A parameter of a host function.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// Its type, in the notation of facets; `dyn` takes anything.
    pub ty: &'static str,
    /// Whether it may be left out.
    pub optional: bool,
}
