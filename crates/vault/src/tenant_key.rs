//! Tenant keys: one random key per tenant and version, sealed under a KEK of the ring. Deleting all versions of a
//! tenant's key makes everything sealed for it unreadable for good.
//!
//! ```text
//! id   = <tenant id>:<version>       body = envelope, its key_id is the KEK's version
//! ctx  : tenant, table "tenant_key", record id, field "key", version
//! ```

use keyward_domain::ids::{InstallId, TenantId};
use keyward_domain::port::{Entropy, VaultRecord};

use crate::context::{Context, destination_hash};
use crate::envelope;
use crate::error::{Fault, VaultError};
use crate::key::Key;
use crate::ring::{KeyRing, Purpose};

pub(crate) const KIND: &str = "tenant_key";

/// Which tenant key: whose, and which version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TenantKeyId {
    pub(crate) tenant: TenantId,
    pub(crate) version: u32,
}

impl TenantKeyId {
    pub(crate) const fn first(tenant: TenantId) -> Self {
        Self { tenant, version: 1 }
    }

    /// Reads the id of a record.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (tenant, digits) = text.split_once(':')?;
        let id = Self { tenant: tenant.parse().ok()?, version: digits.parse().ok()? };
        // Only the one spelling that we write: `+1` and `01` would be a second record for the same key.
        (id.version > 0 && id.written() == text).then_some(id)
    }

    fn written(self) -> String {
        format!("{}:{}", self.tenant, self.version)
    }
}

/// A new key for a tenant, and its record.
pub(crate) fn mint(
    install: InstallId,
    ring: &KeyRing,
    id: TenantKeyId,
    entropy: &dyn Entropy,
) -> Result<(Key, VaultRecord), VaultError> {
    let key = Key::mint(entropy)?;
    let (kek_version, kek) = ring.active(Purpose::Kek)?;
    let body = with_context(install, id, kek_version, |context| envelope::seal(kek, context, key.bytes(), entropy))?;
    Ok((key, VaultRecord { kind: KIND.to_owned(), id: id.written(), body }))
}

/// Opens a tenant key.
pub(crate) fn open(install: InstallId, ring: &KeyRing, id: TenantKeyId, sealed: &[u8]) -> Result<Key, VaultError> {
    let kek_version = envelope::key_id(sealed)?;
    let kek = ring.find(Purpose::Kek, kek_version).ok_or(VaultError::Integrity(Fault::UnknownKey))?;
    let key = with_context(install, id, kek_version, |context| envelope::open(kek, context, sealed))?;
    Key::from_slice(&key).ok_or(VaultError::Integrity(Fault::Content))
}

fn with_context<T>(
    install: InstallId,
    id: TenantKeyId,
    kek_version: u32,
    use_it: impl FnOnce(&Context<'_>) -> Result<T, VaultError>,
) -> Result<T, VaultError> {
    use_it(&Context {
        install: &install.to_string(),
        tenant: &id.tenant.to_string(),
        table: KIND,
        record: &id.written(),
        field: "key",
        version: u64::from(id.version),
        key_id: kek_version,
        binding: destination_hash(&[]),
    })
}
