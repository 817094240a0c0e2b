use super::{Opened, Vault};
use crate::error::VaultError;
use crate::key::Key;
use crate::keyslot;
use crate::root::RootHolder;

impl Vault {
    /// Opens the vault with the first keyslot that fits. On any error it stays as it was.
    ///
    /// A passphrase takes as long as its Argon2id parameters say, so call it off the event loop; the caller also slows
    /// down repeated attempts.
    pub fn unlock(&self, holder: &RootHolder) -> Result<(), VaultError> {
        let slots = self.read().kept.slots.clone();
        let mut failure = VaultError::WrongRoot;
        for slot in &slots {
            match keyslot::open(self.install, slot, holder) {
                Ok(Some(root)) => return self.unlock_with_root(root),
                Ok(None) | Err(VaultError::WrongRoot) => {}
                // Another slot may still open. If none does, this says more than "wrong root".
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    pub(super) fn unlock_with_root(&self, root: Key) -> Result<(), VaultError> {
        let mut state = self.write();
        let opened = Opened::open(self.install, root, &state.kept)?;
        state.opened = Some(opened);
        Ok(())
    }
}
