//! Which limits were reached, and by whom: noted where it happens, taken by whoever tells it.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use super::Cell;

/// Whose expression it was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spender {
    /// A detector, by id: what it judged stays as it was.
    Detector(Arc<str>),
    /// A derived facet, `kind.facet`: it is unknown.
    Facet(Arc<str>),
    /// An entry of a mapping, `file:line`: what it would have said is unknown.
    Mapping(Arc<str>),
}

impl fmt::Display for Spender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Detector(name) => write!(f, "detector {name}"),
            Self::Facet(name) => write!(f, "facet {name}"),
            Self::Mapping(name) => write!(f, "mapping {name}"),
        }
    }
}

/// A bound of [`Limits`](super::Limits) at which something is not told or not remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    /// An evaluation used up its budget: what it was to tell is unknown.
    Fuel,
    /// A set has more elements than are kept: it is judged as partial from now on.
    Elements,
    /// An account has more resources than are kept: a new one was not taken up.
    ResourcesPerCell,
    /// An account has more open findings than are kept: a new one was not opened.
    FindingsPerCell,
    /// An account has more operations under way than are kept: the oldest was given up.
    Operations,
    /// More waits for an element's name than is kept: the oldest was forgotten.
    Orphans,
}

impl Limit {
    /// All, in order.
    pub const ALL: [Self; 6] = [
        Self::Fuel,
        Self::Elements,
        Self::ResourcesPerCell,
        Self::FindingsPerCell,
        Self::Operations,
        Self::Orphans,
    ];

    /// Its key under `limits` in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fuel => "fuel",
            Self::Elements => "elements",
            Self::ResourcesPerCell => "resources_per_cell",
            Self::FindingsPerCell => "findings_per_cell",
            Self::Operations => "operations",
            Self::Orphans => "orphans",
        }
    }

    /// What becomes of what is beyond it.
    #[must_use]
    pub const fn effect(self) -> &'static str {
        match self {
            Self::Fuel => "what it was to tell is unknown",
            Self::Elements => "a larger set is judged by its newest elements",
            Self::ResourcesPerCell => "further resources are not watched",
            Self::FindingsPerCell => "further findings are not opened",
            Self::Operations => "the oldest was given up, as if its end were lost",
            Self::Orphans => "the oldest write that waited for its resource was forgotten",
        }
    }
}

/// Who reached a limit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// An expression's.
    Expression(Spender),
    /// An account.
    Account(Cell),
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expression(spender) => spender.fmt(f),
            Self::Account(cell) => write!(f, "account {cell}"),
        }
    }
}

/// A limit that was reached once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reached {
    /// Which.
    pub limit: Limit,
    /// By whom.
    pub by: Owner,
}

/// What was reached, in the order noted, until it is taken.
#[derive(Debug, Default)]
pub struct Ledger(RefCell<Vec<Reached>>);

impl Ledger {
    /// Notes one evaluation that ran out.
    pub fn spent(&self, spender: Spender) {
        self.0.borrow_mut().push(Reached { limit: Limit::Fuel, by: Owner::Expression(spender) });
    }

    /// Notes an account that is full.
    pub fn full(&self, limit: Limit, cell: &Cell) {
        self.0.borrow_mut().push(Reached { limit, by: Owner::Account(cell.clone()) });
    }

    /// All that was noted since the last time; does not allocate where that is nothing.
    #[must_use]
    pub fn take(&self) -> Vec<Reached> {
        self.0.take()
    }
}
