//! Credentials: what authenticates us to a provider. People call them provider keys.
//!
//! The record never holds the secret, only the sealed envelope; opening it needs the vault.

use serde::{Deserialize, Serialize};

use crate::ids::{CredentialId, ProviderId, TenantId};
use crate::origin::BaseUrl;
use crate::routing::KeyTerms;
use crate::time::Timestamp;

/// A credential as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// Its id.
    pub id: CredentialId,
    /// Who owns it.
    pub tenant: TenantId,
    /// The provider it is for.
    pub provider: ProviderId,
    /// What people call it; unique within the provider. Goes into `x-keyward-key`.
    pub name: String,
    /// Where it is in its life.
    pub state: CredentialState,
    /// A safe reminder of which key it is: kind of prefix and last four characters.
    pub hint: String,
    /// The sealed secret. Empty for providers that want no key.
    #[serde(with = "hex_bytes")]
    pub envelope: Vec<u8>,
    /// Version of the sealed record, part of what the seal is bound to.
    pub seal_version: u64,
    /// The destination that the secret was sealed for.
    pub sealed_for: BaseUrl,
    /// Keyed hash of the secret, to notice duplicates.
    #[serde(with = "hex_bytes")]
    pub blind_index: Vec<u8>,
    /// The provider's models that this key was seen to offer; empty when never discovered.
    pub models: Vec<String>,
    /// The last proof that it works or does not, with its time.
    pub proof: Option<Proof>,
    /// On which terms it is used.
    #[serde(default)]
    pub terms: KeyTerms,
    /// When it was created.
    pub created_at: Timestamp,
    /// Grows by one with every change.
    pub revision: u64,
}

/// Where a credential is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialState {
    /// Added, not yet proved to work.
    Pending,
    /// In use.
    Active,
    /// Switched off by an operator.
    Disabled,
    /// Refused by the provider; a human has to look.
    Suspect,
    /// Gets no new calls; those under way are finished.
    Draining,
    /// Taken out of use for good; kept for the record.
    Retired,
    /// Withdrawn at the provider; kept for the record.
    Revoked,
}

impl CredentialState {
    /// The word that rows and APIs use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Disabled => "disabled",
            Self::Suspect => "suspect",
            Self::Draining => "draining",
            Self::Retired => "retired",
            Self::Revoked => "revoked",
        }
    }

    /// Whether people took it out of use: no test puts it back, only people do.
    pub const fn is_off(self) -> bool {
        matches!(self, Self::Disabled | Self::Draining | Self::Retired | Self::Revoked)
    }

    /// Whether it is out of use for good.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Retired | Self::Revoked)
    }
}

/// What a live validation found, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// When the provider was asked.
    pub at: Timestamp,
    /// What it said.
    pub finding: Finding,
    /// A sentence for people, without any secret.
    pub detail: String,
}

/// The outcome of validating a provider key by a call that costs nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// The provider accepts it.
    Valid,
    /// Not even the right form; nothing was sent.
    Malformed,
    /// The provider does not know it, or revoked it.
    Unauthorised,
    /// Known, but it may not do what is needed.
    NoPermission,
    /// Known, but the account has no credit left.
    NoCredit,
    /// Nobody answered, or the answer said nothing about the key.
    Unreachable,
}

impl Finding {
    /// The word that rows and APIs use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Malformed => "malformed",
            Self::Unauthorised => "unauthorised",
            Self::NoPermission => "no_permission",
            Self::NoCredit => "no_credit",
            Self::Unreachable => "unreachable",
        }
    }
}

/// Bytes as hexadecimal text, in records that are kept as JSON.
pub mod hex_bytes {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes two lower-case digits per byte.
    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Hex(bytes))
    }

    struct Hex<'a>(&'a [u8]);

    impl std::fmt::Display for Hex<'_> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
        }
    }

    /// Reads what [`serialize`] wrote.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if !text.is_ascii() || text.len() % 2 != 0 {
            return Err(D::Error::custom("expected pairs of hexadecimal digits"));
        }
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(text.get(at..at + 2).unwrap_or_default(), 16).map_err(D::Error::custom))
            .collect()
    }
}
