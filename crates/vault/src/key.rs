use std::fmt;

use keyward_domain::port::Entropy;
use zeroize::Zeroizing;

use crate::error::VaultError;

/// Bytes in every symmetric key here.
pub const KEY_LEN: usize = 32;

/// A symmetric key: on the heap, so that moving it leaves no copy behind, and wiped when dropped.
pub struct Key(Box<Zeroizing<[u8; KEY_LEN]>>);

impl Key {
    /// A new random key.
    pub fn mint(entropy: &dyn Entropy) -> Result<Self, VaultError> {
        let mut key = Self::blank();
        entropy.fill(key.0.as_mut_slice())?;
        Ok(key)
    }

    /// The key with exactly these bytes; `None` when there are not [`KEY_LEN`] of them.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != KEY_LEN {
            return None;
        }
        let mut key = Self::blank();
        key.0.copy_from_slice(bytes);
        Some(key)
    }

    /// A key that `fill` writes in place.
    pub(crate) fn filled_by<E>(fill: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        let mut key = Self::blank();
        fill(key.0.as_mut_slice())?;
        Ok(key)
    }

    pub(crate) fn bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }

    pub(crate) fn copy(&self) -> Self {
        let mut key = Self::blank();
        key.0.copy_from_slice(self.bytes());
        key
    }

    fn blank() -> Self {
        Self(Box::new(Zeroizing::new([0; KEY_LEN])))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}
