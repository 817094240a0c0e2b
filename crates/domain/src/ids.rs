//! Identifiers: 128 bits, time-ordered, written as a prefix and 26 characters of Crockford base 32.
//!
//! The first 48 bits are Unix milliseconds, so that rows sort by age and a b-tree grows at its end; the other 80 bits
//! come from [`Entropy`].

use std::fmt;
use std::str::FromStr;

use crate::port::{Entropy, EntropyError};
use crate::time::Timestamp;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const ENCODED_LEN: usize = 26;

/// A text is not an identifier of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid id: expected `{prefix}_` followed by 26 letters and digits")]
pub struct IdError {
    /// The prefix that this kind of id starts with.
    pub prefix: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// What the written form starts with, before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// A new id for something that begins now.
            pub fn mint(now: Timestamp, entropy: &dyn Entropy) -> Result<Self, EntropyError> {
                let mut random = [0_u8; 10];
                entropy.fill(&mut random)?;
                Ok(Self::from_parts(now, random))
            }

            /// The id made of a moment and 80 random bits.
            pub fn from_parts(now: Timestamp, random: [u8; 10]) -> Self {
                let [a, b, c, d, e, f, g, h, i, j] = random;
                let low = u128::from_be_bytes([0, 0, 0, 0, 0, 0, a, b, c, d, e, f, g, h, i, j]);
                let millis = u128::try_from(now.unix_millis()).unwrap_or(0) & 0xFFFF_FFFF_FFFF;
                Self((millis << 80) | low)
            }

            /// The id with exactly these bits, as read from a store.
            pub const fn from_bits(bits: u128) -> Self {
                Self(bits)
            }

            /// All 128 bits.
            pub const fn bits(self) -> u128 {
                self.0
            }

            /// The 16 bytes that a store keeps; they sort by age.
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0.to_be_bytes()
            }

            /// The id kept as these 16 bytes.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(u128::from_be_bytes(bytes))
            }

            /// The moment that is written into the id.
            pub fn created_at(self) -> Timestamp {
                Timestamp::from_unix_millis(i64::try_from(self.0 >> 80).unwrap_or(i64::MAX))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_id(f, $prefix, self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_id(f, $prefix, self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                parse_id(text, $prefix).map(Self).ok_or(IdError { prefix: $prefix })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// One installation: made by `init`, bound into every sealed record.
    InstallId, "inst"
);
id!(
    /// A tenant: the hard isolation boundary.
    TenantId, "ten"
);
id!(
    /// A provider that the operator configured.
    ProviderId, "prv"
);
id!(
    /// A credential: what authenticates us to a provider ("provider key" to people).
    CredentialId, "pk"
);
id!(
    /// An admin token: lets a person or a script use the control plane.
    AdminTokenId, "adm"
);
id!(
    /// One call of a client, whatever number of attempts it takes.
    RequestId, "req"
);
id!(
    /// One entry of the audit log.
    AuditId, "aud"
);

id!(
    /// A team of a tenant.
    TeamId, "team"
);
id!(
    /// A user of a tenant.
    UserId, "usr"
);
id!(
    /// A budget.
    BudgetId, "bud"
);
id!(
    /// A limit.
    LimitId, "lim"
);
id!(
    /// A part of a budget that a node holds.
    EscrowId, "esc"
);

impl TenantId {
    /// The tenant that every installation has and that owns what nobody else claims.
    pub const DEFAULT: Self = Self::from_bits(0);
}

fn write_id(f: &mut fmt::Formatter<'_>, prefix: &str, bits: u128) -> fmt::Result {
    let mut text = [0_u8; ENCODED_LEN];
    // Twelve characters at a time fit into a machine word: every answer carries an id.
    for (chunk, characters) in text.rchunks_mut(12).enumerate() {
        let mut rest = u64::try_from((bits >> (60 * chunk)) & u128::from(u64::MAX)).unwrap_or_default();
        for slot in characters.iter_mut().rev() {
            *slot = ALPHABET[(rest & 31) as usize];
            rest >>= 5;
        }
    }
    f.write_str(prefix)?;
    f.write_str("_")?;
    f.write_str(std::str::from_utf8(&text).unwrap_or_default())
}

fn parse_id(text: &str, prefix: &str) -> Option<u128> {
    let body = text.strip_prefix(prefix)?.strip_prefix('_')?;
    if body.len() != ENCODED_LEN {
        return None;
    }
    body.bytes().try_fold(0_u128, |bits, byte| {
        let digit = ALPHABET.iter().position(|letter| *letter == byte)?;
        // The first character carries only three bits; more would not fit into 128.
        bits.checked_mul(32)?.checked_add(digit as u128)
    })
}
