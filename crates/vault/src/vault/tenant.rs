use keyward_domain::ids::TenantId;
use keyward_domain::port::{Entropy, VaultRecord};

use super::{TenantRecord, Vault};
use crate::error::{Fault, VaultError};
use crate::tenant_key::{self, TenantKeyId};

impl Vault {
    /// Makes sure that this tenant has a key to seal with. `Some` is a record to commit together with whatever is sealed
    /// under it; it comes back on every call until [`Vault::reload`] has seen it in the store, so that a failed commit
    /// loses nothing.
    ///
    /// Never replaces a key that exists but does not open: that is an integrity error.
    pub fn ensure_tenant_key(
        &self,
        tenant: TenantId,
        entropy: &dyn Entropy,
    ) -> Result<Option<VaultRecord>, VaultError> {
        let mut state = self.write();
        let first = TenantKeyId::first(tenant);
        let of_tenant = first..=TenantKeyId { tenant, version: u32::MAX };
        let opened = state.opened()?;
        if let Some((id, kept)) = state.kept.tenants.range(of_tenant).next_back() {
            if !opened.tenant_keys.contains_key(id) {
                return Err(VaultError::Integrity(Fault::UnknownKey));
            }
            return Ok((!kept.stored).then(|| kept.record.clone()));
        }
        let (key, record) = tenant_key::mint(self.install, &opened.ring, first, entropy)?;
        if let Some(opened) = &mut state.opened {
            opened.tenant_keys.insert(first, key);
        }
        state.kept.tenants.insert(first, TenantRecord { record: record.clone(), stored: false });
        Ok(Some(record))
    }
}
