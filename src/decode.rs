//! Records into events: unwrap the envelopes, recognise the leaf, read it.

use crate::model::Timestamp;

/// A record as it came.
#[derive(Clone, Copy, Debug)]
pub struct Record<'r> {
    /// Its value.
    pub value: &'r [u8],
    /// Its headers.
    pub headers: &'r [(&'r str, &'r [u8])],
    /// The log's time of it.
    pub time: Option<Timestamp>,
}
