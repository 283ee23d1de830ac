//! The topics between the roles, and what stands in the keys of the state topic.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::Cell;
use crate::state::Part;

/// The topics by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    /// One event a record, with all its writes.
    pub changes: Arc<str>,
    /// What every account is; compacted.
    pub state: Arc<str>,
    /// Every finding as it now stands; compacted.
    pub findings: Arc<str>,
    /// What is told.
    pub alerts: Arc<str>,
    /// What was refused.
    pub deadletters: Arc<str>,
}

impl Topics {
    /// The topics behind a prefix such as `driftline.`.
    #[must_use]
    pub fn behind(prefix: &str) -> Self {
        let name = |name: &str| format!("{prefix}{name}").into();
        Self {
            changes: name("changes"),
            state: name("state"),
            findings: name("findings"),
            alerts: name("alerts"),
            deadletters: name("deadletters"),
        }
    }
}

/// The key of a record in the state topic. As bytes it outlives releases: places never change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RowKey {
    /// How far the partition's changes were applied.
    Progress,
    /// What the numbers in rows of that fingerprint mean.
    Names(u64),
    /// A part of an account.
    Part(Cell, Part),
}

impl RowKey {
    /// The key's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        // Plain data into memory has no way to fail.
        postcard::to_stdvec(self).unwrap_or_default()
    }

    /// The key of those bytes; `None` where no such row is known.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}

/// The key of a cell's records in topics that are spread by cell.
#[must_use]
pub fn key_of(cell: &Cell) -> Vec<u8> {
    cell.to_string().into_bytes()
}
