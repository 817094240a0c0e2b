//! Secrets that leave: the one thing that the library hands out in the clear, because it is asked to.

use std::fmt;

use keyward_domain::secret::Secret;

/// A provider key in the clear, as a [`Lease`](crate::Lease) hands it out. Shows nothing of itself, and is wiped when it
/// is dropped.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # use keyward::{Keyward, Options, Outcome, ProviderId};
/// # let keyward = Keyward::open(Options::temporary()).await?;
/// # keyward.add_key(ProviderId::SANDBOX, "production", "any-key-will-do".to_owned()).await?;
/// let lease = keyward.next_key(ProviderId::SANDBOX).await?;
/// assert_eq!(format!("{:?}", lease.secret()), "LeasedSecret(..)");
/// assert_eq!(lease.secret().reveal(), "any-key-will-do");
/// # lease.report(Outcome::unused()).await?;
/// # keyward.close().await?;
/// # Ok::<(), keyward::Error>(())
/// # }).unwrap();
/// ```
pub struct LeasedSecret(Secret);

impl LeasedSecret {
    /// `None` for a secret that is no text, which no provider has.
    pub(super) fn new(secret: Secret) -> Option<Self> {
        std::str::from_utf8(secret.expose()).is_ok().then_some(Self(secret))
    }

    /// No secret: its provider wants none.
    pub(super) fn none() -> Self {
        Self(Secret::new(Vec::new()))
    }

    /// The key itself, to be sent to its provider and nowhere else. Empty for a provider that wants none.
    pub fn reveal(&self) -> &str {
        std::str::from_utf8(self.0.expose()).unwrap_or_default()
    }
}

impl fmt::Debug for LeasedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LeasedSecret(..)")
    }
}

/// The same secret a second time, for what consumes one.
pub(super) fn again(secret: &Secret) -> Secret {
    Secret::new(secret.expose().to_vec())
}

/// The `Authorization` header that carries a token of ours.
pub(super) fn bearer(token: &Secret) -> Option<http::HeaderValue> {
    let mut value = http::HeaderValue::try_from([b"Bearer ", token.expose()].concat()).ok()?;
    value.set_sensitive(true);
    Some(value)
}
