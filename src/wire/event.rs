//! Changes by name: what `ingest` writes and `detect` reads, perhaps in another release and with
//! other content.
//!
//! **Invariant:** a change that is read with the schema it was written with is the change that
//! was written. With another schema nothing becomes something else: what has no name there is
//! left out, what has another type there is unknown, and both are counted.

use std::sync::Arc;

use prost::Message as _;

use crate::model::{Change, Schema, Timestamp};

use super::{WireError, messages, read};

mod fit;
mod reader;
mod writer;

#[cfg(test)]
mod tests;

pub use fit::DEEPEST;

/// The version of the form.
///
/// Version 1 has the words that [`Format`](crate::model::Format), [`Provider`](crate::model::Provider),
/// [`Family`](crate::model::Family), [`Ownership`](crate::model::Ownership) and
/// [`Source`](crate::model::Source) had at first. A change that uses a newer word is written in a
/// newer version, so that an older program stops at it and loses nothing.
pub const VERSION: u32 = 1;

/// Where an event was read: a record of a source topic, in which it may be one of many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// When the source's broker had the record, in its own time.
    pub arrived: Timestamp,
    /// The source topic's whole name.
    pub topic: Arc<str>,
    /// Number of the partition.
    pub partition: u32,
    /// Place of the record in it.
    pub offset: u64,
    /// Whether the event only reads, and is told of for what its actor is alone.
    pub reads: bool,
}

/// A change as this program understands it.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    /// What it says, under this program's numbers.
    pub change: Change,
    /// Where it was read.
    pub origin: Origin,
    /// How much of it this program can't take: writes, facets, acts and fields of records that
    /// have no name here, which are left out, and facets and fields of acts that have another
    /// type here, which are unknown. Not 0 for long after an upgrade: the content of `ingest` and
    /// `detect` differs.
    pub unknown: usize,
}

/// The change as bytes.
///
/// What the shipped mappings say of the events in their tests takes 377 bytes on average, half of
/// them at most 342 and one in a hundred more than 826. Most of that is who did it and how, so
/// real events take more: their names are longer.
///
/// A facet that is nested deeper than [`DEEPEST`] is written as unknown, and the change as blind;
/// a field of an act as unknown.
///
/// # Panics
/// Panics when the change's numbers are not those of `schema`.
#[must_use]
pub fn encode(change: &Change, origin: &Origin, schema: &Schema) -> Vec<u8> {
    writer::event(change, origin, schema).encode_to_vec()
}

/// The change of these bytes, under the numbers of `schema`.
pub fn decode(bytes: &[u8], schema: &Schema) -> Result<Received, WireError> {
    let message: messages::Event = read(bytes, VERSION)?;
    reader::event(message, schema)
}
