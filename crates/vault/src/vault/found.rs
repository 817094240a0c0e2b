use keyward_domain::ids::{InstallId, TenantId};
use keyward_domain::port::{Entropy, VaultRecord};
use keyward_domain::time::Timestamp;

use super::Vault;
use crate::error::VaultError;
use crate::key::Key;
use crate::keyslot::{self, Origin};
use crate::ring::KeyRing;
use crate::root::{KdfParams, RootHolder};
use crate::tenant_key::{self, TenantKeyId};

impl Vault {
    /// A new vault, unlocked: root key, ring, the default tenant's key and one keyslot, all fresh. The records have to be
    /// kept by `Store::found`; without them everything sealed is lost.
    pub fn found(
        install: InstallId,
        holder: &RootHolder,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> Result<(Self, Vec<VaultRecord>), VaultError> {
        Self::found_with(install, holder, KdfParams::DEFAULT, entropy, now)
    }

    /// The same with another cost for guessing the passphrase. A key file does not look at it.
    pub fn found_with(
        install: InstallId,
        holder: &RootHolder,
        cost: KdfParams,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> Result<(Self, Vec<VaultRecord>), VaultError> {
        let root = Key::mint(entropy)?;
        let ring = KeyRing::mint(entropy)?;
        let origin = Origin { label: "first", created_by: "init", now };
        let slot = keyslot::create(install, &root, holder, cost, &origin, entropy)?;
        let sealed_ring = ring.seal(install, &root, entropy)?;
        let (_, tenant) = tenant_key::mint(install, &ring, TenantKeyId::first(TenantId::DEFAULT), entropy)?;
        let records = vec![slot, sealed_ring, tenant];

        // Opened from the records rather than from what made them: so they are proved to be complete.
        let vault = Self::from_records(install, &records)?;
        vault.unlock_with_root(root)?;
        Ok((vault, records))
    }
}
