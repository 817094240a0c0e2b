//! Who can open the vault: a key file or a passphrase. Neither is the root key; each opens a keyslot that holds it.

mod key_file;
mod passphrase;

use std::path::PathBuf;

use keyward_domain::secret::Secret;

pub use key_file::create_key_file;
pub(crate) use key_file::read_key_file;
pub use passphrase::{KdfParams, MAX_PASSPHRASE_BYTES, MIN_PASSPHRASE_CHARS};
pub(crate) use passphrase::{SALT_LEN, check_new, derive};

/// What opens a keyslot.
#[derive(Debug)]
pub enum RootHolder {
    /// A file of exactly 32 random bytes that only its owner can read; [`create_key_file`] makes one.
    KeyFile(PathBuf),
    /// A passphrase of at least 14 characters, as typed, without a line break.
    Passphrase(Secret),
}
