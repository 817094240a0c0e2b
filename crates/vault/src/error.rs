use std::path::PathBuf;

use keyward_domain::port::EntropyError;

/// Why the vault did not do it. Nothing was changed. No variant carries a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// No key is in memory.
    #[error("the vault is locked: unlock it with its root key or passphrase first")]
    Locked,
    /// A sealed record is not what was sealed, or is not read in the place it was sealed for. The text is the same for
    /// every cause; the cause is for the audit log.
    #[error("a sealed record failed its integrity check")]
    Integrity(Fault),
    /// No keyslot opens with this key file or passphrase.
    #[error("this root key or passphrase does not open the vault; nothing was changed")]
    WrongRoot,
    /// The key file cannot be used as it is.
    #[error("the key file {path} cannot be used: {reason}")]
    KeyFile {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it and what to do.
        reason: String,
    },
    /// The passphrase is not good enough to protect the vault.
    #[error("the passphrase cannot be used: {0}")]
    Passphrase(&'static str),
    /// A keyslot asks for an Argon2id cost that is too weak or absurdly high. It was not run.
    #[error("keyslot_params_out_of_range: Argon2id needs 64 MiB to 1 GiB of memory, 2 to 10 passes, 1 to 8 lanes")]
    ParamsOutOfRange,
    /// A record was written in a format that this version does not know.
    #[error(
        "a sealed record has a format that this version does not know: use the version that wrote it, or a newer one"
    )]
    UnsupportedVersion,
    /// The secret is longer than a record may be.
    #[error("the secret is longer than {0} bytes")]
    TooLong(usize),
    /// There is no tenant key to seal with; it has to be made first.
    #[error("the tenant has no key yet")]
    NoTenantKey,
    /// All keyslots are taken.
    #[error("there are already {0} keyslots: remove one first")]
    TooManySlots(usize),
    /// This machine cannot provide the memory that the keyslot's Argon2id parameters ask for.
    #[error("there is not enough memory to open this keyslot: it needs {0} MiB")]
    OutOfMemory(u32),
    /// The operating system gave no random bytes.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

/// What exactly was wrong with a sealed record: for the audit log and for tests, never for the caller of an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// Lengths or fields do not add up.
    Form,
    /// It names a key that does not exist.
    UnknownKey,
    /// The key commitment differs: another key, or another place than it was sealed for.
    Commitment,
    /// The ciphertext was altered.
    Tag,
    /// It opened, but what is inside is not laid out as it should be.
    Content,
    /// A record that has to be there is missing.
    Missing,
    /// It is older than what is already in use.
    RolledBack,
}

impl Fault {
    /// The word that the audit log uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::UnknownKey => "unknown_key",
            Self::Commitment => "commitment",
            Self::Tag => "tag",
            Self::Content => "content",
            Self::Missing => "missing",
            Self::RolledBack => "rolled_back",
        }
    }
}
