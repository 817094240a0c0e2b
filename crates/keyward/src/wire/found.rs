//! Founding an installation: a home, a root key, an empty store that knows its vault.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use keyward_domain::audit::AuditDraft;
use keyward_domain::ids::{AuditId, InstallId};
use keyward_domain::port::{Clock, Entropy, Store};
use keyward_domain::principal::Principal;
use keyward_domain::secret::Secret;
use keyward_store::sqlite::SqliteStore;
use keyward_vault::{RootHolder, SystemEntropy, Vault, create_key_file};

use crate::config::{Config, VaultRoot};
use crate::home::Home;
use crate::system::SystemClock;

/// Makes the home, the root key and the store. Refuses where an installation is already, and changes nothing there.
pub fn found(home: &Home, config: &Config, passphrase: Option<Secret>) -> anyhow::Result<()> {
    let entropy = SystemEntropy::new();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    home.create()?;
    if is_founded(home, config) {
        bail!("there already is an installation in {}", home.path().display());
    }
    let holder = holder(home, config, passphrase, &entropy)?;
    let now = clock.now();
    let install = InstallId::mint(now, &entropy)?;
    // Before the store is made: a passphrase that is too weak must not leave half an installation behind.
    let (_, records) = Vault::found(install, &holder, &entropy, now)?;
    let store = SqliteStore::open(&home.join(&config.store), clock.as_ref())?;
    let audit = AuditDraft::done(AuditId::mint(now, &entropy)?, now, &Principal::LocalOwner, "install.found", &install);
    store.found(install, &records, &audit)?;
    Ok(())
}

/// Whether there is an installation already.
pub fn is_founded(home: &Home, config: &Config) -> bool {
    home.join(&config.store).exists()
}

fn holder(
    home: &Home,
    config: &Config,
    passphrase: Option<Secret>,
    entropy: &dyn Entropy,
) -> anyhow::Result<RootHolder> {
    match &config.vault {
        VaultRoot::KeyFile(path) => {
            let path = home.join(path);
            // A root key without a store is what an interrupted set-up leaves behind: it opens nothing yet, so it can
            // be used.
            if !path.exists() {
                create_key_file(&path, entropy)?;
            }
            Ok(RootHolder::KeyFile(path))
        }
        VaultRoot::Passphrase => {
            Ok(RootHolder::Passphrase(passphrase.context("`vault.root` is `passphrase`, so a passphrase is needed")?))
        }
    }
}
