use keyward_domain::port::{Entropy, VaultRecord};
use keyward_domain::time::Timestamp;

use super::Vault;
use crate::error::VaultError;
use crate::keyslot::{self, MAX_KEYSLOTS, Origin, SlotInfo};
use crate::root::{KdfParams, RootHolder};

impl Vault {
    /// A further keyslot, for another holder of the same vault. Proved to open before it is returned; it counts once it
    /// is committed and [`Vault::reload`]ed. To change a passphrase: add the new slot, commit, remove the old one, commit.
    pub fn add_slot(
        &self,
        holder: &RootHolder,
        cost: KdfParams,
        label: &str,
        created_by: &str,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> Result<VaultRecord, VaultError> {
        // Argon2id takes its time, so not under the lock.
        let root = {
            let state = self.read();
            if state.kept.slots.len() >= MAX_KEYSLOTS {
                return Err(VaultError::TooManySlots(MAX_KEYSLOTS));
            }
            state.opened()?.root.copy()
        };
        keyslot::create(self.install, &root, holder, cost, &Origin { label, created_by, now }, entropy)
    }

    /// What is known about the keyslots without opening them. A damaged slot is an error of its own.
    pub fn slots(&self) -> Vec<Result<SlotInfo, VaultError>> {
        self.read().kept.slots.iter().map(keyslot::describe).collect()
    }
}
