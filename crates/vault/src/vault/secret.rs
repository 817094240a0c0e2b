use std::mem;

use keyward_domain::port::Entropy;
use keyward_domain::secret::Secret;

use super::{Opened, Vault};
use crate::context::{Context, destination_hash};
use crate::envelope;
use crate::error::{Fault, VaultError};
use crate::key::Key;
use crate::padding;
use crate::place::Place;
use crate::tenant_key::TenantKeyId;

/// The longest secret that is sealed.
pub const MAX_SECRET_LEN: usize = 64 * 1024;

impl Vault {
    /// Seals a secret for one place, under the newest key of its tenant ([`VaultError::NoTenantKey`] when there is none:
    /// [`Vault::ensure_tenant_key`] makes one).
    pub fn seal(&self, place: &Place<'_>, secret: &Secret, entropy: &dyn Entropy) -> Result<Vec<u8>, VaultError> {
        if secret.len() > MAX_SECRET_LEN {
            return Err(VaultError::TooLong(MAX_SECRET_LEN));
        }
        let state = self.read();
        let (id, key) = state.opened()?.newest_tenant_key(place).ok_or(VaultError::NoTenantKey)?;
        let padded = padding::pad(secret.expose());
        self.with_context(place, id.version, |context| envelope::seal(key, context, &padded, entropy))
    }

    /// Opens a secret that was sealed for exactly this place. Everything that does not fit is [`VaultError::Integrity`].
    pub fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Secret, VaultError> {
        let state = self.read();
        let opened = state.opened()?;
        let id = TenantKeyId { tenant: place.tenant, version: envelope::key_id(sealed)? };
        let key = opened.tenant_keys.get(&id).ok_or(VaultError::Integrity(Fault::UnknownKey))?;
        let padded = self.with_context(place, id.version, |context| envelope::open(key, context, sealed))?;
        let mut secret = padding::unpad(padded)?;
        Ok(Secret::new(mem::take(&mut *secret)))
    }

    fn with_context<T>(
        &self,
        place: &Place<'_>,
        key_id: u32,
        use_it: impl FnOnce(&Context<'_>) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        use_it(&Context {
            install: &self.install.to_string(),
            tenant: &place.tenant.to_string(),
            table: place.table,
            record: &place.record,
            field: place.field,
            version: place.version,
            key_id,
            binding: destination_hash(place.destinations),
        })
    }
}

impl Opened {
    fn newest_tenant_key(&self, place: &Place<'_>) -> Option<(TenantKeyId, &Key)> {
        let last = TenantKeyId { tenant: place.tenant, version: u32::MAX };
        self.tenant_keys.range(TenantKeyId::first(place.tenant)..=last).next_back().map(|(id, key)| (*id, key))
    }
}
