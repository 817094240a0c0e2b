//! Secrets at rest: what is sealed, with which key, bound to what.
//!
//! ```text
//! key file | passphrase -> Argon2id        a keyslot: opens ROOT, each slot on its own   (root, keyslot)
//!       ROOT                               32 random bytes, never derived                (vault)
//!        `- key ring                       KEK, peppers and MAC keys, each random        (ring)
//!            `- tenant keys                one row per tenant and version                (tenant_key)
//!                `- record key             HKDF per record, used for one encryption      (envelope)
//! ```
//!
//! [`Vault`] is the door. It is locked or unlocked; locked, it holds no key at all. Every sealed record is bound to its
//! [`Place`]: installation, tenant, table, row, field, version and the destinations it may be sent to. Read anywhere
//! else, it does not open. The byte layouts are public in [`context`] and [`envelope`], so that a record can be checked
//! without this program.
//!
//! The crate knows no database: what has to be kept comes out as [`VaultRecord`]s and goes in as such.
//!
//! [`VaultRecord`]: keyward_domain::port::VaultRecord

mod vault;

mod place;
mod token;

mod keyslot;
mod ring;
mod root;
mod tenant_key;

pub mod context;
pub mod envelope;
mod padding;

mod entropy;
mod error;
mod harden;
mod hint;
mod key;
mod lp;

pub use entropy::SystemEntropy;
pub use error::{Fault, VaultError};
pub use harden::{HardenError, harden_process};
pub use hint::hint;
pub use key::{KEY_LEN, Key};
pub use keyslot::{MAX_KEYSLOTS, SlotInfo};
pub use place::Place;
pub use root::{KdfParams, MAX_PASSPHRASE_BYTES, MIN_PASSPHRASE_CHARS, RootHolder, create_key_file};
pub use token::{TokenVerifier, Verified};
pub use vault::{KeyedMac, MAX_SECRET_LEN, MacPurpose, Vault};
