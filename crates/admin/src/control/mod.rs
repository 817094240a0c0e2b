//! What operations work on: the ports, the vault, and the two ways to change anything ([`Control::commit`] and nothing
//! else).

mod allowances;
mod destination;
mod events;
mod fallback;
mod find;
mod grantor;
mod live;
mod pages;
mod parent;
mod pools;
mod price;
mod probe;
mod reach;
mod reconcile;
mod secret;
mod wall;

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::Arc;

use keyward_domain::audit::{AuditDraft, Outcome};
use keyward_domain::catalog::Catalog;
use keyward_domain::ids::{AuditId, TenantId};
use keyward_domain::ledger::Entry;
use keyward_domain::port::{Change, Clock, Egress, Entropy, Records, Store};
use keyward_domain::principal::Realm;
use keyward_domain::time::Timestamp;
use keyward_vault::Vault;

use crate::error::AdminError;
use crate::operation::Permit;
use events::News;
use wall::Wall;

pub use allowances::{Allowances, Balances, Whose};
pub use destination::check_destination;
pub use events::{Feed, Happening, Told};
pub use fallback::{MAX_TARGETS, leads_back};
pub use find::check_revision;
pub use grantor::{own_first, setter_word};
pub use live::{JournalPicture, Live, LivePicture};
pub use pages::Pages;
pub use parent::Owner;
pub use pools::{Lead, Pools, Target, Way};
pub use price::Standing;
pub use probe::{Listed, Probed, check_form};
pub use reach::{allowances_on, one_scope, reach_text, resolve_reach, scope_text};
pub use reconcile::{RECONCILED_SPAN, named as drift_named};
pub use secret::is_void;

/// What the process has to provide.
pub struct Ports {
    /// Durable truth.
    pub store: Arc<dyn Store>,
    /// Opens and seals secrets.
    pub vault: Arc<Vault>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// The way to providers for validating keys.
    pub egress: Arc<dyn Egress>,
    /// The price catalog as it was shipped, or as the config overrides it. Operators' prices come from the store.
    pub catalog: Arc<Catalog>,
    /// Called after each commit, on a blocking thread, before the operation returns: what it does is in effect when the
    /// change is acknowledged. The wire publishes the data plane's new snapshot here. It must not call back into an
    /// operation.
    pub on_change: Arc<dyn Fn() + Send + Sync>,
    /// What pools know.
    pub pools: Arc<dyn Pools>,
    /// What budgets and limits have left.
    pub allowances: Arc<dyn Allowances>,
    /// The running server, for `status`.
    pub live: Arc<dyn Live>,
    /// The root key file of the home, tried by `unlock` when no passphrase is given.
    pub key_file: PathBuf,
}

/// Everything that operations work on, as far as it is in the realm of who asks. Shared as an [`Arc`].
pub struct Control {
    ports: Arc<Ports>,
    /// The store, behind the wall of the realm.
    store: Arc<dyn Store>,
    realm: Realm,
    /// Attempts to open the vault go one by one: each costs what guessing is meant to cost, and no more memory than that.
    unlocking: Arc<tokio::sync::Mutex<()>>,
    /// Held between looking whether a secret is kept already and keeping it.
    keeping: Arc<tokio::sync::Mutex<()>>,
    /// Tells those who follow what happens.
    news: News,
}

impl Control {
    /// The control plane over these ports.
    pub fn new(ports: Ports) -> Self {
        let (store, realm) = (Arc::clone(&ports.store), Realm::Installation);
        let (unlocking, keeping) = (Arc::default(), Arc::default());
        Self { ports: Arc::new(ports), store, realm, unlocking, keeping, news: News::default() }
    }

    /// The same for somebody who is confined to this realm: what is outside of it is not there.
    #[must_use]
    pub fn within(&self, realm: Realm) -> Self {
        Self {
            ports: Arc::clone(&self.ports),
            store: Wall::around(Arc::clone(&self.ports.store), realm),
            realm,
            unlocking: Arc::clone(&self.unlocking),
            keeping: Arc::clone(&self.keeping),
            news: self.news.clone(),
        }
    }

    /// The realm of who asks.
    pub const fn realm(&self) -> Realm {
        self.realm
    }

    /// The moment.
    pub fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// Chance.
    pub fn entropy(&self) -> &dyn Entropy {
        self.ports.entropy.as_ref()
    }

    /// The vault.
    pub fn vault(&self) -> &Vault {
        &self.ports.vault
    }

    /// A turn at keeping a secret: whoever holds it looks for duplicates and commits before the next one looks.
    pub async fn turn_to_keep(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.keeping.lock().await
    }

    /// The running server in a few figures.
    pub fn live(&self) -> LivePicture {
        self.ports.live.picture()
    }

    /// Everything that configuration is made of and that is in the realm, as one consistent picture.
    pub async fn records(&self) -> Result<Records, AdminError> {
        self.read(|store| store.load()).await
    }

    /// Reads from the store, as far as it is in the realm, on a blocking thread.
    pub async fn read<T, F>(&self, ask: F) -> Result<T, AdminError>
    where
        T: Send + 'static,
        F: FnOnce(&dyn Store) -> Result<T, keyward_domain::port::StoreError> + Send + 'static,
    {
        let store = Arc::clone(&self.store);
        let answer = tokio::task::spawn_blocking(move || ask(store.as_ref())).await;
        Ok(answer.map_err(|error| thread_died(&error))??)
    }

    /// Applies changes and their audit entry in one transaction, and puts them into effect. Needs the [`Permit`] that
    /// only the permission rule hands out.
    ///
    /// Goes on to its end when the caller goes away: the thread that commits also publishes.
    pub async fn commit(
        &self,
        permit: &Permit<'_>,
        changes: Vec<Change>,
        object: &(impl Display + Sync),
        detail: &str,
    ) -> Result<u64, AdminError> {
        self.put(changes, self.draft(permit, object, detail)?).await
    }

    /// Keeps in the audit log that somebody was refused something outside of their realm, or was thought to be: what is
    /// not there and what is somebody else's are the same to them, and are kept alike.
    pub(crate) async fn note_refusal(&self, permit: &Permit<'_>, object: &str) -> Result<(), AdminError> {
        let draft = self.draft(permit, &object, "not in the realm of who asked")?;
        self.put(Vec::new(), AuditDraft { outcome: Outcome::Refused, ..draft }).await.map(|_| ())
    }

    async fn put(&self, changes: Vec<Change>, mut audit: AuditDraft) -> Result<u64, AdminError> {
        let (store, on_change) = (Arc::clone(&self.store), Arc::clone(&self.ports.on_change));
        let (news, own) = (self.news.clone(), self.realm.tenant().unwrap_or(TenantId::DEFAULT));
        let committed = tokio::task::spawn_blocking(move || {
            audit.tenant = wall::tenant_of_all(&changes, store.as_ref())?.unwrap_or(own);
            let revision = store.commit(&changes, &audit)?;
            on_change();
            news.changed(audit);
            Ok::<_, keyward_domain::port::StoreError>(revision)
        });
        Ok(committed.await.map_err(|error| thread_died(&error))??)
    }
}

impl Control {
    /// Adds corrections to the ledger with their audit entry, in one transaction. Goes on to its end when the caller goes
    /// away.
    pub async fn correct(
        &self,
        permit: &Permit<'_>,
        corrections: Vec<Entry>,
        object: &(impl Display + Sync),
        detail: &str,
    ) -> Result<(), AdminError> {
        let mut audit = self.draft(permit, object, detail)?;
        audit.tenant = corrections.first().map_or(audit.tenant, |correction| correction.subject.tenant);
        let (store, news) = (Arc::clone(&self.store), self.news.clone());
        let corrected = tokio::task::spawn_blocking(move || {
            store.correct(&corrections, &audit)?;
            news.changed(audit);
            Ok::<_, keyward_domain::port::StoreError>(())
        });
        Ok(corrected.await.map_err(|error| thread_died(&error))??)
    }

    fn draft(
        &self,
        permit: &Permit<'_>,
        object: &(impl Display + Sync),
        detail: &str,
    ) -> Result<AuditDraft, AdminError> {
        let now = self.now();
        let id = AuditId::mint(now, self.entropy())?;
        let draft = AuditDraft::done(id, now, permit.principal(), permit.name(), &object.to_string());
        Ok(draft.with_detail(detail))
    }
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Control(..)")
    }
}

fn thread_died(error: &tokio::task::JoinError) -> AdminError {
    tracing::error!(%error, "a thread that worked on the store died");
    AdminError::Internal
}
