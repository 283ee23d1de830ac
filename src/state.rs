//! What each resource was last seen to be: writes in, transitions out.
//!
//! One [`CellState`] holds one account. A resource's row is its folded past and its recent
//! events in their true order; its present is the fold of both. **Invariant:** the same events
//! in any order, any number of times, give the same present, as long as none is later than
//! `limits.lateness` or further back than `limits.recent_events`.

mod address;
mod carry;
pub mod cell;
mod clock;
mod derive;
pub mod fold;
pub mod graph;
pub mod index;
pub mod journal;
mod keep;
pub mod lens;
pub mod pending;
pub mod row;
mod sealed;
mod store;
mod unsay;
mod work;

pub use carry::Moves;
pub use cell::{Applied, CellState, Frame, KnownResource, KnownResources, Past, Timer, Transition};
pub use graph::Graph;
pub use journal::{Journal, Part};
pub use lens::{Assumption, Lens, Notes};
pub use row::{
    ElementState, FacetBody, FacetState, Growing, Knowledge, Life, Resource, Row, Said, Stamp, View,
};
pub use sealed::Sealed;
pub use work::known_resources;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::model::{FacetId, KindId};

/// Names a resource inside a cell: a 128-bit hash of kind and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key(pub u128);

/// What a key is of.
const RESOURCE: u8 = 0;
const NAME: u8 = 1;
const REFERENCE: u8 = 2;

/// Keys of different things never meet, whatever their texts.
fn seed(of: u8, kind: KindId, facet: FacetId) -> u64 {
    u64::from(of) << 32 | u64::from(kind.0) << 16 | u64::from(facet.0)
}

impl Key {
    /// The key of the resource `id` of `kind`.
    #[must_use]
    pub fn of(kind: KindId, id: &str) -> Self {
        Self(xxh3_128_with_seed(id.as_bytes(), seed(RESOURCE, kind, FacetId(0))))
    }

    /// The key under which an element's name stands in the index of a facet.
    #[must_use]
    pub fn of_name(kind: KindId, facet: FacetId, name: &str) -> Self {
        Self(xxh3_128_with_seed(name.as_bytes(), seed(NAME, kind, facet)))
    }

    /// This key as seen through a facet: who refers to it there.
    #[must_use]
    pub fn through(self, kind: KindId, facet: FacetId) -> Self {
        Self(xxh3_128_with_seed(&self.0.to_le_bytes(), seed(REFERENCE, kind, facet)))
    }
}
