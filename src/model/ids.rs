//! Who a thing belongs to, and the stable hashes that name things.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A cloud, or Kubernetes, as the origin of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Provider {
    /// Huawei Cloud and Open Telekom Cloud (the same product).
    Huawei,
    /// Amazon Web Services.
    Aws,
    /// Microsoft Azure.
    Azure,
    /// Google Cloud.
    Gcp,
    /// A Kubernetes cluster's own audit log.
    Kubernetes,
    /// Some other product behind a vendor-neutral format (OCSF).
    Other,
}

impl Provider {
    /// Every provider, in the order in which reports list them.
    pub const ALL: [Self; 6] =
        [Self::Huawei, Self::Aws, Self::Azure, Self::Gcp, Self::Kubernetes, Self::Other];

    /// The lower-case name used in content, alerts and outcomes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Huawei => "huawei",
            Self::Aws => "aws",
            Self::Azure => "azure",
            Self::Gcp => "gcp",
            Self::Kubernetes => "kubernetes",
            Self::Other => "other",
        }
    }

    /// The provider of that name; `None` for any other text.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.as_str() == name)
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One cloud account of one tenant: the unit of state, of order and of partitioning.
///
/// `account` is what the cloud calls the owner of a resource: a Huawei domain, an AWS account,
/// an Azure subscription, a GCP project, a cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cell {
    /// The customer.
    pub tenant: Arc<str>,
    /// The cloud the account is in.
    pub provider: Provider,
    /// The account as the cloud names it.
    pub account: Arc<str>,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tenant, self.account)
    }
}

/// A stable 128-bit name: the first 16 bytes of SHA-256 over length-prefixed parts.
///
/// The same parts give the same digest in every process and release; ids in alerts are made of it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Digest(pub [u8; 16]);

impl Digest {
    /// Hashes `parts` in order; no two different sequences of parts share an input.
    #[must_use]
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        let mut short = [0; 16];
        short.copy_from_slice(&hasher.finalize()[..16]);
        Self(short)
    }

    /// Hashes text parts; see [`Digest::of`].
    #[must_use]
    pub fn of_texts(parts: &[&str]) -> Self {
        Self::of(parts.iter().map(|part| part.as_bytes()))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 32];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}
