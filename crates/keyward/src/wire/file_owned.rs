//! What the config file owns, laid over the store: one picture for everybody who reads, read-only for everybody who
//! writes. An object belongs to the file or to the store, never to both.

use std::sync::{Arc, PoisonError, RwLock};

use keyward_domain::alias::Alias;
use keyward_domain::audit::AuditDraft;
use keyward_domain::budget::Budget;
use keyward_domain::credential::{Credential, CredentialState};
use keyward_domain::hand_on;
use keyward_domain::limit::Limit;
use keyward_domain::port::{Change, Records, Store, StoreError};
use keyward_domain::provider::Provider;

use super::file_allowances::FileAllowances;

/// Objects that the file owns, ready for use.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FileRecords {
    /// Providers.
    pub providers: Vec<Provider>,
    /// Their keys, sealed like all others.
    pub credentials: Vec<Credential>,
    /// Aliases.
    pub aliases: Vec<Alias>,
    /// Budgets and limits.
    pub allowances: FileAllowances,
}

/// A store with the file's objects laid over it.
pub struct FileOwned {
    store: Arc<dyn Store>,
    file: RwLock<FileRecords>,
}

impl FileOwned {
    /// The store with nothing over it yet.
    pub fn over(store: Arc<dyn Store>) -> Self {
        Self { store, file: RwLock::default() }
    }

    /// The store's own objects.
    pub fn stored(&self) -> Result<Records, StoreError> {
        self.store.load()
    }

    /// Puts these objects in place of the ones before, unless the store has one of them already: then the sentence says
    /// which, and nothing changes.
    pub fn replace(&self, mut file: FileRecords) -> Result<(), String> {
        let stored = self.store.load().map_err(|error| error.to_string())?;
        if let Some(provider) =
            file.providers.iter().find(|ours| stored.providers.iter().any(|other| other.name == ours.name))
        {
            return Err(format!(
                "the provider `{0}` was added with the API and is in the config file too: take it out of the file, or run \
                 `keyward provider remove {0}`",
                provider.name
            ));
        }
        if let Some(alias) = file.aliases.iter().find(|ours| stored.aliases.iter().any(|other| other.name == ours.name))
        {
            return Err(format!(
                "the alias `{0}` was set with the API and is in the config file too: take it out of the file, or run \
                 `keyward model alias remove {0}`",
                alias.name
            ));
        }
        if let Some(clash) = file.allowances.clash(&stored) {
            return Err(clash);
        }
        let mut current = self.file.write().unwrap_or_else(PoisonError::into_inner);
        for credential in &mut file.credentials {
            if let Some(before) = current.credentials.iter().find(|before| same_key(before, credential)) {
                keep_learned(before, credential);
            }
        }
        file.allowances.go_on_from(&current.allowances);
        *current = file;
        Ok(())
    }

    /// Whose change this is: `None` for the store's own objects, else what to tell people.
    fn refuse(&self, change: &Change) -> Result<Owner, StoreError> {
        let file = self.file.read().unwrap_or_else(PoisonError::into_inner);
        let (owned, name) = match change {
            Change::PutProvider(new) => (file.providers.iter().any(|ours| ours.id == new.id), new.name.clone()),
            Change::RemoveProvider(id) => {
                named(file.providers.iter().find(|ours| ours.id == *id).map(|ours| &ours.name))
            }
            Change::PutCredential(new) => return owner_of_key(&file, new),
            Change::RemoveCredential(id) => {
                named(file.credentials.iter().find(|ours| ours.id == *id).map(|ours| &ours.name))
            }
            Change::PutAlias(new) => (file.aliases.iter().any(|ours| ours.name == new.name), new.name.clone()),
            Change::RemoveAlias(_, name) => (file.aliases.iter().any(|ours| ours.name == *name), name.clone()),
            Change::PutVault(_)
            | Change::RemoveVault(..)
            | Change::PutVirtualKey(_)
            | Change::PutAdminToken(_)
            | Change::PutPrice(_)
            | Change::RemovePrice(..)
            | Change::PutTenant(_)
            | Change::RemoveTenant(_)
            | Change::PutTeam(_)
            | Change::RemoveTeam(_)
            | Change::PutUser(_)
            | Change::RemoveUser(_) => (false, String::new()),
            Change::PutBudget(Budget { id, .. }) | Change::RemoveBudget(id) => {
                let ours = file.allowances.budgets.iter().find(|ours| ours.record.id == *id);
                named(ours.map(|ours| &ours.path))
            }
            Change::PutLimit(Limit { id, .. }) | Change::RemoveLimit(id) => {
                let ours = file.allowances.limits.iter().find(|ours| ours.record.id == *id);
                named(ours.map(|ours| &ours.path))
            }
        };
        if owned { Err(StoreError::FileOwned(name)) } else { Ok(Owner::Store) }
    }

    fn learn(&self, learned: Credential) {
        let mut file = self.file.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(ours) = file.credentials.iter_mut().find(|ours| ours.id == learned.id) {
            *ours = learned;
        }
    }
}

/// Where a change goes.
enum Owner {
    /// Into the store.
    Store,
    /// Into memory: something was learned about a key of the file.
    Memory,
}

fn named(name: Option<&String>) -> (bool, String) {
    (name.is_some(), name.cloned().unwrap_or_default())
}

/// A new key at a provider of the file belongs into the file as well. Of the file's own keys only what tests found may
/// change, and that is kept in memory.
fn owner_of_key(file: &FileRecords, new: &Credential) -> Result<Owner, StoreError> {
    let Some(ours) = file.credentials.iter().find(|ours| ours.id == new.id) else {
        let provider = file.providers.iter().find(|ours| ours.id == new.provider);
        return provider.map_or(Ok(Owner::Store), |provider| Err(StoreError::FileOwned(provider.name.clone())));
    };
    let mut learned = ours.clone();
    learned.state = new.state;
    learned.proof.clone_from(&new.proof);
    learned.models.clone_from(&new.models);
    learned.revision = new.revision;
    // Switching it off, for now or for good, is what people decide, and they decide it in the file.
    let switched = ours.state.is_off() || new.state.is_off();
    if learned == *new && (!switched || ours.state == new.state) {
        Ok(Owner::Memory)
    } else {
        Err(StoreError::FileOwned(ours.name.clone()))
    }
}

/// What was learned about a key outlives a reload that does not change the key; on which terms it is used is the file's
/// to say.
fn keep_learned(before: &Credential, now: &mut Credential) {
    let terms = std::mem::take(&mut now.terms);
    let changed = before.terms != terms;
    *now = Credential { terms, revision: before.revision + u64::from(changed), ..before.clone() };
}

/// Whether a key is the same one as before the reload: same secret, same destination, same switch.
fn same_key(before: &Credential, now: &Credential) -> bool {
    let off = |key: &Credential| key.state == CredentialState::Disabled;
    before.id == now.id
        && before.blind_index == now.blind_index
        && before.sealed_for == now.sealed_for
        && off(before) == off(now)
}

impl Store for FileOwned {
    fn load(&self) -> Result<Records, StoreError> {
        let mut records = self.store.load()?;
        let file = self.file.read().unwrap_or_else(PoisonError::into_inner);
        records.providers.extend(file.providers.iter().cloned());
        records.credentials.extend(file.credentials.iter().cloned());
        records.aliases.extend(file.aliases.iter().cloned());
        records.budgets.extend(file.allowances.budgets.iter().map(|ours| ours.record.clone()));
        records.limits.extend(file.allowances.limits.iter().map(|ours| ours.record.clone()));
        Ok(records)
    }

    fn commit(&self, changes: &[Change], audit: &AuditDraft) -> Result<u64, StoreError> {
        let mut durable = Vec::new();
        let mut learned = Vec::new();
        for change in changes {
            match (self.refuse(change)?, change) {
                (Owner::Memory, Change::PutCredential(key)) => learned.push(key.clone()),
                _ => durable.push(change.clone()),
            }
        }
        let revision = self.store.commit(&durable, audit)?;
        for key in learned {
            self.learn(key);
        }
        Ok(revision)
    }

    hand_on!(
        store:
        found, append, correct, spend, requests, request, entries, usage, reconcile, audit, ledger_totals,
        credential_spend, standings, put_standings, key_events, forget_key_events, put_bindings, bindings,
        forget_bindings, put_lease, lease, open_leases, forget_leases, named_calls,
        forget_named_calls,
    );
}
