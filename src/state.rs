//! What each resource was last seen to be: writes in, transitions out.
//!
//! One [`CellState`] holds one account. A resource's row is its folded past and its recent
//! events in their true order; its present is the fold of both. **Invariant:** the same events
//! in any order, any number of times, give the same present, as long as none is later than
//! `limits.lateness` or further back than `limits.recent_events`.

mod address;
pub mod cell;
mod derive;
pub mod fold;
pub mod graph;
pub mod index;
pub mod lens;
pub mod pending;
pub mod row;
mod store;
mod unsay;
mod work;

pub use cell::{Applied, CellState, Frame, KnownResource, KnownResources, Past, Timer, Transition};
pub use graph::Graph;
pub use lens::{Assumption, Lens, Notes};
pub use row::{
    ElementState, FacetBody, FacetState, Knowledge, Life, Resource, Row, Said, Stamp, View,
};
pub use work::known_resources;

use xxhash_rust::xxh3::Xxh3;

use crate::model::{FacetId, KindId};

/// Names a resource inside a cell: a 128-bit hash of kind and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(pub u128);

impl Key {
    /// The key of the resource `id` of `kind`.
    #[must_use]
    pub fn of(kind: KindId, id: &str) -> Self {
        let mut hasher = Xxh3::new();
        hasher.update(&kind.0.to_le_bytes());
        hasher.update(id.as_bytes());
        Self(hasher.digest128())
    }

    /// The key under which an element's name stands in the index of a facet.
    #[must_use]
    pub fn of_name(kind: KindId, facet: FacetId, name: &str) -> Self {
        let mut hasher = Xxh3::new();
        hasher.update(&kind.0.to_le_bytes());
        hasher.update(&facet.0.to_le_bytes());
        hasher.update(&[0xff]);
        hasher.update(name.as_bytes());
        Self(hasher.digest128())
    }

    /// This key as seen through a facet: who refers to it there.
    #[must_use]
    pub fn through(self, kind: KindId, facet: FacetId) -> Self {
        let mut hasher = Xxh3::new();
        hasher.update(&self.0.to_le_bytes());
        hasher.update(&kind.0.to_le_bytes());
        hasher.update(&facet.0.to_le_bytes());
        Self(hasher.digest128())
    }
}
