//! What crosses the internal topics, as protobuf: changes, findings, rows of state, and the names
//! under which rows rest.
//!
//! Programs of different versions, with different content, read each other's bytes while an
//! upgrade rolls through; so everything goes by name, or beside the names that explain it.
//!
//! **Invariant:** the same thing gives the same bytes. What a newer program wrote is refused as
//! [`WireError::Newer`] and never read as something that it is not; bytes never panic.

use prost::Message;

pub mod control;
pub mod event;
pub mod finding;
pub mod messages;
pub mod names;
pub mod state;
mod value;

#[cfg(test)]
mod tests;

/// Why bytes are not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A newer program wrote it: whoever reads stops there and loses nothing.
    #[error("written in version {version} of its form, which takes a newer driftline to read")]
    Newer {
        /// The version it names.
        version: u32,
    },
    /// It is no such message, or contradicts itself. No version of the program reads it.
    #[error("malformed: {0}")]
    Malformed(String),
}

impl WireError {
    fn malformed(why: impl Into<String>) -> Self {
        Self::Malformed(why.into())
    }
}

/// Reads a message whose version is at most `newest`.
///
/// The version is looked at first and alone: of a newer message any other field may have become
/// something else.
fn read<M: Message + Default>(bytes: &[u8], newest: u32) -> Result<M, WireError> {
    let bad = |error: prost::DecodeError| WireError::malformed(error.to_string());
    match messages::Versioned::decode(bytes).map_err(bad)?.version {
        0 => Err(WireError::malformed("it has no version")),
        version if version > newest => Err(WireError::Newer { version }),
        _ => M::decode(bytes).map_err(bad),
    }
}
