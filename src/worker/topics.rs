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

/// Reads keys one after the other: many of one account follow each other, and it is the same
/// whole front of their bytes.
#[derive(Debug, Default)]
pub struct RowKeys {
    /// The front of a part's key, and whose it is.
    last: Option<(Vec<u8>, Cell)>,
}

impl RowKeys {
    /// As [`RowKey::decode`].
    #[must_use]
    pub fn decode(&mut self, bytes: &[u8]) -> Option<RowKey> {
        if let Some((front, cell)) = &self.last
            && let Some(part) = bytes.strip_prefix(&**front)
            && let Ok(part) = postcard::from_bytes(part)
        {
            return Some(RowKey::Part(cell.clone(), part));
        }
        let key = RowKey::decode(bytes)?;
        // The part is what the key ends with.
        if let RowKey::Part(cell, part) = &key
            && let Some(front) = bytes.strip_suffix(&*part.encode())
        {
            self.last = Some((front.to_vec(), cell.clone()));
        }
        Some(key)
    }
}

/// The key of a cell's records in topics that are spread by cell.
#[must_use]
pub fn key_of(cell: &Cell) -> Vec<u8> {
    cell.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Provider;

    #[test]
    fn keys_one_after_the_other_are_those_keys() {
        let cell = |tenant: &str, account: &str| Cell {
            tenant: tenant.into(),
            provider: Provider::Aws,
            account: account.into(),
        };
        let cells = [cell("a", "1"), cell("a", "12"), cell("ab", "1"), cell("", "")];
        let parts = [Part::Head, Part::Seen(1), Part::Seen(1 << 40), Part::Operation("1".into())];
        let mut keys = vec![RowKey::Progress, RowKey::Names(7)];
        for part in &parts {
            keys.extend(cells.iter().map(|cell| RowKey::Part(cell.clone(), part.clone())));
        }
        for cell in &cells {
            keys.extend(parts.iter().map(|part| RowKey::Part(cell.clone(), part.clone())));
        }
        let mut all = RowKeys::default();
        for key in keys {
            let bytes = key.encode();
            assert_eq!(all.decode(&bytes), Some(key));
            assert_eq!(
                all.decode(&bytes[..bytes.len() - 1]),
                RowKey::decode(&bytes[..bytes.len() - 1])
            );
        }
    }
}
