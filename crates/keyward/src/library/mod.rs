//! The library: the same engine as the server's, without a port.

mod book;
mod chat;
mod choose;
mod error;
mod health;
mod keys;
mod lease;
mod opening;
mod options;
mod outcome;
mod provider_id;
mod secret;
mod stats;
mod table;

use std::sync::Arc;

pub use chat::{Answer, ChatRequest, ChatStream, Message, Role};
pub use error::{CallError, Error, NoKey};
pub use health::{Health, KeyHealth, Latency, RestingModel};
pub use keys::KeyInfo;
pub use lease::Lease;
pub use options::Options;
pub use outcome::{Failure, Outcome};
pub use provider_id::ProviderId;
pub use secret::LeasedSecret;
pub use stats::{KeyStats, ProviderStats, Report};

use opening::Open;

/// An installation of Keyward, opened by this process: its keys, its pools, its ledger. Clones are handles to the same
/// one; its home is everybody's who asks, one process at a time.
///
/// Needs a Tokio runtime. Calls to providers run on threads of their own.
#[derive(Clone)]
pub struct Keyward {
    inner: Arc<Inner>,
}

/// What clones and leases share.
struct Inner {
    open: Option<Open>,
}

impl Keyward {
    /// Opens the home that the options name; one that is not there yet is made, with a new root key.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// use keyward::{Keyward, Options};
    ///
    /// let keyward = Keyward::open(Options::temporary()).await?;
    /// keyward.close().await?;
    /// # Ok::<(), keyward::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`Error::InUse`] when another process or another `Keyward` has the home open, [`Error::VaultLocked`] when its vault
    /// wants a passphrase, [`Error::Setup`] for everything else about the home and its config.
    pub async fn open(options: Options) -> Result<Self, Error> {
        Ok(Self { inner: Arc::new(Inner { open: Some(Open::new(options).await?) }) })
    }

    /// Ends what is under way, at most for a few seconds, and brings the ledger to the disk and the store. Other clones
    /// answer with [`Error::Closed`] from now on; the home is free for others once they and all leases are dropped.
    ///
    /// Dropping the last handle does the same in the background, with nobody to tell when it is done.
    ///
    /// # Errors
    /// [`Error::Internal`] when the ledger may not be on the disk.
    pub async fn close(self) -> Result<(), Error> {
        let inner = self.inner;
        let ended = tokio::task::spawn_blocking(move || {
            let ended = inner.open.as_ref().map_or(Ok(()), Open::end);
            // The store is closed here when this was the last handle.
            drop(inner);
            ended
        });
        ended.await.map_err(|_| Error::died())?
    }

    fn open_now(&self) -> Result<&Open, Error> {
        self.inner.open_now()
    }
}

impl Inner {
    fn open_now(&self) -> Result<&Open, Error> {
        self.open.as_ref().filter(|open| open.is_open()).ok_or(Error::Closed)
    }
}

/// Hands what is open to a thread that ends it: that takes a while, and whoever drops must not wait.
impl Drop for Inner {
    fn drop(&mut self) {
        let Some(open) = self.open.take() else { return };
        if !open.is_open() {
            return;
        }
        let ending = std::thread::Builder::new().name("keyward-end".to_owned()).spawn(move || {
            if let Err(error) = open.end() {
                tracing::error!(%error, "Keyward did not end well");
            }
        });
        if let Err(error) = ending {
            tracing::error!(%error, "the ledger's last rows stay in the journal until the next start");
        }
    }
}

impl std::fmt::Debug for Keyward {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.inner.open {
            Some(open) => write!(f, "Keyward({})", open.engine.home.path().display()),
            None => f.write_str("Keyward(closed)"),
        }
    }
}
