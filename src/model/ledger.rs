//! Whose expressions used up their budget: noted where it happens, taken by whoever tells it.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

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

/// Spenders in the order noted, until they are taken.
#[derive(Debug, Default)]
pub struct Ledger(RefCell<Vec<Spender>>);

impl Ledger {
    /// Notes one evaluation that ran out.
    pub fn note(&self, spender: Spender) {
        self.0.borrow_mut().push(spender);
    }

    /// All that was noted since the last time; does not allocate where that is nothing.
    #[must_use]
    pub fn take(&self) -> Vec<Spender> {
        self.0.take()
    }
}
