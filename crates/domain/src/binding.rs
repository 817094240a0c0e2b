//! Which provider key's account holds what a provider keeps between calls: response ids, encrypted reasoning items,
//! files, batches, conversations. A later call that names one of them has to go to that account.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::CredentialId;
use crate::time::Timestamp;

/// What is known of one thing that lives in an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// Which thing.
    pub hash: BindingHash,
    /// Whose account holds it.
    pub credential: CredentialId,
    /// When it was last seen there.
    pub at: Timestamp,
}

/// 128 bits that stand for a tenant and the provider's id of a thing. The id itself is not kept: it can be long, and it
/// belongs to the client. With the tenant inside, nobody is led to an account by another tenant's id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BindingHash(u128);

impl BindingHash {
    /// The hash with exactly these bits.
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// All 128 bits.
    pub const fn bits(self) -> u128 {
        self.0
    }

    /// The 16 bytes that a store keeps.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// The hash kept as these 16 bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }
}

impl fmt::Debug for BindingHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}
