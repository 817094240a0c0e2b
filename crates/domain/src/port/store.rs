use serde::{Deserialize, Serialize};

use crate::alias::Alias;
use crate::audit::{AuditDraft, AuditEntry};
use crate::binding::Binding;
use crate::budget::Budget;
use crate::call_name::NamedCall;
use crate::credential::Credential;
use crate::ids::{BudgetId, CredentialId, InstallId, LimitId, ProviderId, RequestId, TeamId, TenantId, UserId};
use crate::lease::Lease;
use crate::ledger::{
    Dimension, Entry, EntryFilter, ReconcileQuery, Reconciliation, Refusal, RequestFilter, RequestRow, Spend,
    SpendQuery, UsageQuery, UsageRow,
};
use crate::limit::Limit;
use crate::money::Nanodollars;
use crate::principal::AdminToken;
use crate::provider::Provider;
use crate::standing::{KeyEvent, KeyEventFilter, KeyStanding};
use crate::tenancy::{Team, Tenant, User};
use crate::time::Timestamp;
use crate::virtual_key::VirtualKey;
use crate::window::Zone;

/// Models of one key whose standing is kept. Names of models come from clients, so they must not grow without end;
/// the standings that have lasted longest make room.
pub const MAX_MODELS_PER_KEY: u32 = 256;

/// Events that stay when old ones are forgotten, at most: those that were added last.
pub const MAX_KEY_EVENTS: u32 = 1_000_000;

/// Bindings that are given at once, and that stay when old ones are forgotten, at most: those that were seen last.
pub const MAX_BINDINGS: u32 = 500_000;

/// Open leases that one question answers with, at most: those that expire first.
pub const MAX_OPEN_LEASES: u32 = 10_000;

/// Durable truth. Methods block; callers on an event loop hand them to a blocking thread.
///
/// Every method is atomic: it happens as a whole or not at all. Reads see everything committed before them.
///
/// What pools learn (standings, events, bindings) is memory that makes the next decision better, and fails open: when it
/// cannot be written, the caller keeps its batch, goes on deciding from what it knows, and puts the batch again later.
/// Configuration, leases and the ledger fail closed: what was not committed did not happen.
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

    /// Adds ledger rows and refusals and sums them into the totals. Rows that are already there are left alone
    /// and not summed again, so a batch may be repeated. Says of each row whether it was new, in order.
    ///
    /// Of a new row of a call with a name, [what it says of that](NamedCall::of) is kept beside it; of two calls of the same
    /// name, that which ended later.
    fn append(&self, entries: &[Entry], refusals: &[Refusal]) -> Result<Vec<bool>, StoreError>;

    /// Adds corrections and their audit entry in one transaction. [`StoreError::Conflict`], and nothing was done, when
    /// an entry of one of these numbers is there already.
    fn correct(&self, corrections: &[Entry], audit: &AuditDraft) -> Result<(), StoreError>;

    /// What scopes used, by quarters of an hour, each row of the ledger in the quarter in which its attempt began; in
    /// the order of scope and quarter. Sums to exactly what the rows say.
    fn spend(&self, query: &SpendQuery) -> Result<Vec<Spend>, StoreError>;

    /// A page of the request log, newest first.
    fn requests(&self, filter: &RequestFilter) -> Result<Vec<RequestRow>, StoreError>;

    /// One request.
    fn request(&self, id: RequestId) -> Result<Option<RequestRow>, StoreError>;

    /// A page of the ledger's rows, oldest requests first; a page that is shorter than asked for is the last one.
    fn entries(&self, filter: &EntryFilter) -> Result<Vec<Entry>, StoreError>;

    /// Sums over the ledger. By end users and tags they are made of the rows themselves, in pages: rows that are added
    /// meanwhile may or may not be in them.
    fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageRow>, StoreError>;

    /// Adds rows up anew and compares what comes out with the sums that budgets and reports are made of. Changes
    /// nothing, and keeps nobody waiting: rows that are added meanwhile are in neither.
    fn reconcile(&self, query: &ReconcileQuery) -> Result<Reconciliation, StoreError>;

    /// Audit entries below `before` (all when `None`), newest first, at most `limit`.
    fn audit(&self, before: Option<u64>, limit: u32) -> Result<Vec<AuditEntry>, StoreError>;

    /// The ledger in a few figures.
    fn ledger_totals(&self) -> Result<LedgerTotals, StoreError>;

    /// What every provider key was charged since this moment, rounded down to a quarter of an hour: what a limit per day
    /// needs to know at start. Keys without a call are left out.
    fn credential_spend(&self, since: Timestamp) -> Result<Vec<CredentialSpend>, StoreError> {
        let until = Timestamp::from_unix_millis(i64::MAX);
        let query = UsageQuery { since, until, group_by: vec![Dimension::Credential], zone: Zone::default() };
        let rows = self.usage(&query)?;
        rows.iter().map(CredentialSpend::of).collect()
    }

    /// Every standing that is not [`Active`](crate::standing::Standing::Active), by key and model. Standings whose time
    /// is over are among them until they are replaced or forgotten.
    fn standings(&self) -> Result<Vec<KeyStanding>, StoreError>;

    /// Adds the events, in the order in which they happened, and makes what each says `now` the standing of its key and
    /// model; an active one is kept as no standing at all. The key may be unknown to the store.
    ///
    /// An event that is there already, with everything it says, is left alone and changes no standing, so a batch may be
    /// repeated when nobody knows whether it was committed. Of one key at most [`MAX_MODELS_PER_KEY`] standings with a
    /// model are kept.
    fn put_standings(&self, events: &[KeyEvent]) -> Result<(), StoreError>;

    /// Events with their positions, which only ever grow, newest first.
    fn key_events(&self, filter: &KeyEventFilter) -> Result<Vec<(u64, KeyEvent)>, StoreError>;

    /// Forgets events that happened before this moment, those beyond [`MAX_KEY_EVENTS`], and standings that were over by
    /// themselves before this moment.
    fn forget_key_events(&self, before: Timestamp) -> Result<(), StoreError>;

    /// Remembers where things live. Of two that say where the same thing lives, the later one counts, and of two of the
    /// same moment the first, so a batch may be repeated, and batches may come in any order.
    fn put_bindings(&self, bindings: &[Binding]) -> Result<(), StoreError>;

    /// The bindings seen last, newest first, at most `limit` and at most [`MAX_BINDINGS`]. A binding stays when its key
    /// is removed: a call that needs it is then told so instead of being sent to the wrong account.
    fn bindings(&self, limit: u32) -> Result<Vec<Binding>, StoreError>;

    /// Forgets bindings that were last seen before this moment, and those beyond [`MAX_BINDINGS`].
    fn forget_bindings(&self, before: Timestamp) -> Result<(), StoreError>;

    /// Keeps a new lease, which has to be open, or the end of an open one, together with the audit entry if there is one.
    ///
    /// A lease that is there exactly so is left alone, without a second audit entry, so a take or a report may be
    /// repeated. Anything else than an open lease that ends is [`StoreError::Conflict`]: of two reports that differ, the
    /// first counts. Its row in the ledger is appended before its end is put; as the row has the lease's id, a repetition
    /// after a crash in between is not counted twice.
    fn put_lease(&self, lease: &Lease, audit: Option<&AuditDraft>) -> Result<(), StoreError>;

    /// One lease.
    fn lease(&self, id: RequestId) -> Result<Option<Lease>, StoreError>;

    /// Leases that have not ended, those that expire first in front, at most [`MAX_OPEN_LEASES`].
    fn open_leases(&self) -> Result<Vec<Lease>, StoreError>;

    /// Forgets leases that have ended and would have expired before this moment. Open ones stay.
    fn forget_leases(&self, before: Timestamp) -> Result<(), StoreError>;

    /// Calls that were made under a name and ended from this moment on, the latest first, at most `limit` and at most
    /// [`MAX_NAMED_CALLS`](crate::call_name::MAX_NAMED_CALLS).
    fn named_calls(&self, since: Timestamp, limit: u32) -> Result<Vec<NamedCall>, StoreError>;

    /// Forgets the names of calls that ended before this moment, and those beyond
    /// [`MAX_NAMED_CALLS`](crate::call_name::MAX_NAMED_CALLS).
    fn forget_named_calls(&self, before: Timestamp) -> Result<(), StoreError>;
}

/// What one provider key was charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialSpend {
    /// Which key.
    pub credential: CredentialId,
    /// The cost as far as it is known.
    pub cost: Nanodollars,
    /// Attempts made with it.
    pub requests: u64,
}

impl CredentialSpend {
    fn of(row: &UsageRow) -> Result<Self, StoreError> {
        let name = row.group.first().map(String::as_str).unwrap_or_default();
        let credential = name.parse();
        let credential =
            credential.map_err(|_| StoreError::Damaged(format!("a sum of the impossible key `{name}`")))?;
        Ok(Self { credential, cost: row.cost, requests: row.attempts })
    }
}

/// The ledger in four figures, for `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LedgerTotals {
    /// Rows.
    pub entries: u64,
    /// Their known cost.
    pub cost: Nanodollars,
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
    /// Tenants that have a record.
    pub tenants: Vec<Tenant>,
    /// Teams.
    pub teams: Vec<Team>,
    /// Users.
    pub users: Vec<User>,
    /// Budgets.
    pub budgets: Vec<Budget>,
    /// Limits.
    pub limits: Vec<Limit>,
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
    /// Create or change a tenant.
    PutTenant(Tenant),
    /// Remove a tenant; refused while anything belongs to it.
    RemoveTenant(TenantId),
    /// Create or change a team.
    PutTeam(Team),
    /// Remove a team; refused while users or virtual keys belong to it.
    RemoveTeam(TeamId),
    /// Create or change a user.
    PutUser(User),
    /// Remove a user; refused while virtual keys belong to them.
    RemoveUser(UserId),
    /// Create or change a budget.
    PutBudget(Budget),
    /// Remove a budget.
    RemoveBudget(BudgetId),
    /// Create or change a limit.
    PutLimit(Limit),
    /// Remove a limit.
    RemoveLimit(LimitId),
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
    /// Another process has it open. The sentence says where and which.
    #[error("{0}")]
    Held(String),
    /// The database could not be read or written.
    #[error("the store failed: {0}")]
    Failed(String),
    /// What was read does not make sense.
    #[error("the store holds a damaged record: {0}")]
    Damaged(String),
}
