use std::mem;

use keyward_domain::port::VaultRecord;

use super::{Kept, Opened, Vault};
use crate::error::{Fault, VaultError};
use crate::ring::KeyRing;

impl Vault {
    /// Takes over what the store holds now: after a commit of our own, or when another node changed something. Stays
    /// unlocked if it was. On any error nothing changes; an older ring than the one in use is refused.
    ///
    /// Tenant keys that were made but never committed are forgotten.
    pub fn reload(&self, records: &[VaultRecord]) -> Result<(), VaultError> {
        let kept = Kept::sort(records)?;
        let mut state = self.write();
        let opened = match &state.opened {
            None => None,
            Some(opened) => {
                let ring = KeyRing::open(self.install, &opened.root, &kept.ring)?;
                if ring.generation() < opened.ring.generation() {
                    return Err(VaultError::Integrity(Fault::RolledBack));
                }
                Some(Opened::with_ring(self.install, opened.root.copy(), ring, &kept))
            }
        };
        state.kept = kept;
        // The old keys are wiped here, after the new ones are in place.
        drop(mem::replace(&mut state.opened, opened));
        Ok(())
    }
}
