use serde::{Deserialize, Serialize};

use crate::alias::Alias;
use crate::audit::{AuditDraft, AuditEntry};
use crate::credential::Credential;
use crate::ids::{CredentialId, InstallId, ProviderId, RequestId, TenantId};
use crate::ledger::{Entry, Refusal, RequestFilter, RequestRow, UsageQuery, UsageRow};
use crate::principal::AdminToken;
use crate::provider::Provider;
use crate::virtual_key::VirtualKey;

/// Durable truth. Methods block; callers on an event loop hand them to a blocking thread.
///
/// Every method is atomic: it happens as a whole or not at all. Reads see everything committed before them.
pub trait Store: Send + Sync {
    /// Everything that configuration is made of, as one consistent picture.
    fn load(&self) -> Result<Records, StoreError>;

    /// Applies all changes and the audit entry in one transaction, and returns the new revision.
    ///
    /// Each record carries the revision it wants to become: 1 for a new one, the stored one plus 1 for a change.
    /// Anything else is [`StoreError::Conflict`], so that nobody overwrites what they have not seen.
    fn commit(&self, changes: &[Change], audit: &AuditDraft) -> Result<u64, StoreError>;

    /// Writes the installation's id and first vault records into an empty store; [`StoreError::Conflict`] when there
    /// already is one.
    fn found(&self, install: InstallId, vault: &[VaultRecord], audit: &AuditDraft) -> Result<(), StoreError>;

    /// Adds ledger rows and refusals and sums them into the hourly totals. Rows that are already there are left alone
    /// and not summed again, so a batch may be repeated.
    fn append(&self, entries: &[Entry], refusals: &[Refusal]) -> Result<(), StoreError>;

    /// A page of the request log, newest first.
    fn requests(&self, filter: &RequestFilter) -> Result<Vec<RequestRow>, StoreError>;

    /// One request.
    fn request(&self, id: RequestId) -> Result<Option<RequestRow>, StoreError>;

    /// Sums over the ledger.
    fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageRow>, StoreError>;

    /// Audit entries below `before` (all when `None`), newest first, at most `limit`.
    fn audit(&self, before: Option<u64>, limit: u32) -> Result<Vec<AuditEntry>, StoreError>;

    /// The ledger in a few figures.
    fn ledger_totals(&self) -> Result<LedgerTotals, StoreError>;
}

/// The ledger in four figures, for `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LedgerTotals {
    /// Rows.
    pub entries: u64,
    /// Their known cost.
    pub cost: crate::money::Nanodollars,
    /// Rows whose price is unknown.
    pub unpriced: u64,
    /// Rows that a dead process left behind.
    pub unsettled: u64,
}

/// Everything that configuration is made of.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Records {
    /// Grows by one with every commit.
    pub revision: u64,
    /// The installation; `None` before `init`.
    pub install: Option<InstallId>,
    /// The vault's own sealed records.
    pub vault: Vec<VaultRecord>,
    /// Providers.
    pub providers: Vec<Provider>,
    /// Credentials, sealed.
    pub credentials: Vec<Credential>,
    /// Virtual keys, hashed.
    pub virtual_keys: Vec<VirtualKey>,
    /// Admin tokens, hashed.
    pub admin_tokens: Vec<AdminToken>,
    /// Aliases.
    pub aliases: Vec<Alias>,
    /// Prices that the operator set.
    pub prices: Vec<PriceOverride>,
}

/// A record of the vault; what is inside is the vault's business.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VaultRecord {
    /// What it is: `keyslot`, `keyring`, `tenant_key`.
    pub kind: String,
    /// Which one, within its kind.
    pub id: String,
    /// Sealed bytes with their header.
    #[serde(with = "crate::credential::hex_bytes")]
    pub body: Vec<u8>,
}

/// A price that the operator set for a model, over whatever the catalog says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceOverride {
    /// Whose.
    pub tenant: TenantId,
    /// Provider name.
    pub provider: String,
    /// The provider's model id.
    pub model: String,
    /// The model's entry in the catalog's own format (`catalog/README.md`); `{"free":true}` declares it free.
    pub entry: serde_json::Value,
    /// Grows by one with every change.
    pub revision: u64,
}

/// One change to the configuration.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Create or replace a vault record.
    PutVault(VaultRecord),
    /// Remove a vault record, by kind and id.
    RemoveVault(String, String),
    /// Create or change a provider.
    PutProvider(Provider),
    /// Remove a provider; refused while it has credentials.
    RemoveProvider(ProviderId),
    /// Create or change a credential.
    PutCredential(Credential),
    /// Remove a credential and its sealed secret.
    RemoveCredential(CredentialId),
    /// Create or change a virtual key.
    PutVirtualKey(VirtualKey),
    /// Create or change an admin token.
    PutAdminToken(AdminToken),
    /// Create or change an alias.
    PutAlias(Alias),
    /// Remove an alias.
    RemoveAlias(TenantId, String),
    /// Create or change a price.
    PutPrice(PriceOverride),
    /// Remove a price: tenant, provider name, model.
    RemovePrice(TenantId, String, String),
}

/// Why the store did not do it. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else changed it first, or it is gone.
    #[error("{0} was changed or removed in the meantime: read it again and repeat the change")]
    Conflict(String),
    /// The name is taken.
    #[error("{0} already exists: choose another name")]
    Duplicate(String),
    /// Something still depends on it.
    #[error("{0} is still in use")]
    InUse(String),
    /// The config file owns it.
    #[error("{0} belongs to the config file: change it there")]
    FileOwned(String),
    /// The database could not be read or written.
    #[error("the store failed: {0}")]
    Failed(String),
    /// What was read does not make sense.
    #[error("the store holds a damaged record: {0}")]
    Damaged(String),
}
