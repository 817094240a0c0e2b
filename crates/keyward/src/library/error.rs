//! Why something was not done.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use keyward_admin::client::DoorError;
use keyward_pool::Nothing;

use super::ProviderId;

/// Why something was not done. Nothing in it holds a secret, so it may be logged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The home, its config or its store cannot be used; the sentence says what to do.
    #[error("{0}")]
    Setup(String),
    /// Another process, or another [`Keyward`](crate::Keyward) of this one, has the home open. Stop it, or use the other
    /// one's clone.
    #[error("the home {} is in use by another process or another `Keyward` of this one: one at a time", .home.display())]
    InUse {
        /// Which home.
        home: PathBuf,
    },
    /// The vault is locked: no secret can be opened or sealed. Open it with
    /// [`Options::passphrase`](crate::Options::passphrase).
    #[error("the vault of this home opens with a passphrase, and none was given")]
    VaultLocked,
    /// What was asked was refused; nothing was changed.
    #[error("{message}")]
    Refused {
        /// The stable code, such as `already_exists`, `not_found` or `key_malformed`.
        code: String,
        /// What is wrong and what to do.
        message: String,
    },
    /// No provider key can be handed out.
    #[error(transparent)]
    NoKey(#[from] NoKey),
    /// A call was not answered.
    #[error(transparent)]
    Call(#[from] CallError),
    /// This `Keyward` was closed.
    #[error("this Keyward was closed")]
    Closed,
    /// Keyward itself failed; the log has more.
    #[error("{0}")]
    Internal(String),
}

/// No provider key can be handed out, with the reason for each.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoKey {
    /// Of which provider.
    pub provider: ProviderId,
    /// For which of its models; `None` for any.
    pub model: Option<String>,
    /// Every key with why it was passed over, as a phrase for people.
    pub keys: Vec<(String, String)>,
    /// How long until one of them can be used again by itself; `None` when a person has to do something.
    pub retry_after: Option<Duration>,
}

/// A call was not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallError {
    /// The HTTP status that a client of the server would have got; 0 when there was none.
    pub status: u16,
    /// The stable code, such as `model_not_found` or `all_keys_cooling`; the provider's own code where it answered.
    pub code: String,
    /// What is wrong and what to do.
    pub message: String,
    /// The call's id in the request log, when it has one.
    pub request: Option<String>,
    /// When it is worth trying again, when that is known.
    pub retry_after: Option<Duration>,
}

impl NoKey {
    pub(super) fn of(provider: &str, model: Option<&str>, nothing: &Nothing, retry_after: Option<Duration>) -> Self {
        let whole = nothing.whole.as_ref().map(|why| ("all keys".to_owned(), why.to_string()));
        let each = nothing.keys.iter().map(|passed| (passed.name.to_string(), passed.why.to_string()));
        let more = (nothing.more > 0).then(|| (format!("{} more", nothing.more), "not listed".to_owned()));
        Self {
            provider: ProviderId::named(provider.to_owned()),
            model: model.map(str::to_owned),
            keys: whole.into_iter().chain(each).chain(more).collect(),
            retry_after,
        }
    }
}

impl fmt::Display for NoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no key of {} can be used", self.provider)?;
        if let Some(model) = &self.model {
            write!(f, " for {model}")?;
        }
        if self.keys.is_empty() {
            return f.write_str(": it has none");
        }
        for (at, (name, why)) in self.keys.iter().enumerate() {
            write!(f, "{} {name}: {why}", if at == 0 { ":" } else { ";" })?;
        }
        match self.retry_after {
            Some(after) => write!(f, " (the first is back in {} s)", whole_seconds(after)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for NoKey {}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for CallError {}

impl From<DoorError> for Error {
    fn from(error: DoorError) -> Self {
        match error {
            DoorError::Refused { code, .. } if code == "vault_locked" => Self::VaultLocked,
            DoorError::Refused { code, message, .. } => Self::Refused { code, message },
            DoorError::Unreachable(what) | DoorError::Strange(what) => Self::Internal(what),
        }
    }
}

impl Error {
    /// Something that is not there.
    pub(super) fn not_found(what: String) -> Self {
        Self::Refused { code: "not_found".to_owned(), message: what }
    }

    /// A thread of ours did not come back.
    pub(super) fn died() -> Self {
        Self::Internal("a thread of Keyward ended badly; its log has more".to_owned())
    }
}

/// Begun seconds count, so that nobody comes back too early.
pub(super) fn whole_seconds(length: Duration) -> u64 {
    length.as_secs().saturating_add(u64::from(length.subsec_nanos() > 0))
}
