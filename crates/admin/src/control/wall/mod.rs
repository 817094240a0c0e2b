//! The wall between tenants: a store that shows a principal what is in their realm and takes from them what stays in it.
//! Operations of a principal with a realm work on nothing else, so none of them can forget to filter. What no such
//! operation needs is refused as a whole.

mod change;
mod view;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;

use keyward_domain::audit::{AuditDraft, AuditEntry};
use keyward_domain::binding::Binding;
use keyward_domain::call_name::NamedCall;
use keyward_domain::ids::{InstallId, RequestId, TenantId};
use keyward_domain::lease::Lease;
use keyward_domain::ledger::{
    Dimension, Entry, EntryFilter, ReconcileQuery, Reconciliation, Refusal, RequestFilter, RequestRow, Spend,
    SpendQuery, UsageQuery, UsageRow,
};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::{Change, LedgerTotals, Records, Store, StoreError, VaultRecord};
use keyward_domain::principal::Realm;
use keyward_domain::standing::{KeyEvent, KeyEventFilter, KeyStanding};
use keyward_domain::time::Timestamp;
use keyward_domain::token::TokenId;
use keyward_domain::window::Zone;

pub(super) use change::tenant_of_all;

/// How many rows are looked through at once for those of the realm.
const PAGE: u32 = 500;

/// A store as somebody sees it who is confined to one tenant, or to one team of it.
pub(super) struct Wall {
    store: Arc<dyn Store>,
    realm: Realm,
    tenant: TenantId,
}

impl Wall {
    /// The store behind a wall; itself for those who may see everything.
    pub(super) fn around(store: Arc<dyn Store>, realm: Realm) -> Arc<dyn Store> {
        let Some(tenant) = realm.tenant() else { return store };
        Arc::new(Self { store, realm, tenant })
    }

    /// The virtual keys of the realm; `None` for all of the tenant.
    fn keys(&self) -> Result<Option<HashSet<TokenId>>, StoreError> {
        if self.realm.team().is_none() {
            return Ok(None);
        }
        Ok(Some(self.load()?.virtual_keys.iter().map(|key| key.id).collect()))
    }

    fn sees(&self, row: &RequestRow, keys: Option<&HashSet<TokenId>>) -> bool {
        let of_attempts = row.attempts.iter().map(|entry| (entry.subject.tenant, entry.subject.virtual_key));
        let of_refusal = row.refusal.iter().map(|refusal| (refusal.tenant, refusal.virtual_key));
        let is_own = |(tenant, key)| tenant == self.tenant && keys.is_none_or(|keys| keys.contains(&key));
        of_attempts.chain(of_refusal).all(is_own)
    }

    fn sees_lease(&self, lease: &Lease, keys: Option<&HashSet<TokenId>>) -> bool {
        lease.tenant == self.tenant && keys.is_none_or(|keys| keys.contains(&lease.virtual_key))
    }

    /// What a team sees of the audit log is what was done to what it has now.
    fn sees_entry(&self, entry: &AuditEntry, objects: Option<&HashSet<String>>) -> bool {
        entry.tenant == self.tenant && objects.is_none_or(|objects| objects.contains(&entry.object))
    }

    fn objects(&self) -> Result<Option<HashSet<String>>, StoreError> {
        let Some(team) = self.realm.team() else { return Ok(None) };
        let records = self.load()?;
        let keys = records.virtual_keys.iter().map(|key| key.id.to_string());
        let users = records.users.iter().map(|user| user.id.to_string());
        let tokens = records.admin_tokens.iter().map(|token| token.id.to_string());
        Ok(Some(keys.chain(users).chain(tokens).chain([team.to_string()]).collect()))
    }
}

/// Nothing that a principal with a realm may do comes here.
fn closed<T>() -> Result<T, StoreError> {
    Err(StoreError::Failed("this is not for a principal of one tenant".to_owned()))
}

impl Store for Wall {
    fn load(&self) -> Result<Records, StoreError> {
        Ok(view::within(self.realm, self.store.load()?))
    }

    fn commit(&self, changes: &[Change], audit: &AuditDraft) -> Result<u64, StoreError> {
        if !changes.is_empty() {
            let view = self.load()?;
            if !change::are_within(self.realm, changes, &view) {
                tracing::error!(action = audit.action, "a change would have left the realm of who makes it");
                return closed();
            }
        }
        self.store.commit(changes, audit)
    }

    fn requests(&self, filter: &RequestFilter) -> Result<Vec<RequestRow>, StoreError> {
        let keys = self.keys()?;
        let wanted = usize::try_from(filter.limit).unwrap_or(usize::MAX);
        let mut seen = Vec::new();
        let mut asked = RequestFilter { tenant: Some(self.tenant), ..filter.clone() };
        if keys.is_some() {
            asked.limit = PAGE;
        }
        loop {
            let rows = self.store.requests(&asked)?;
            let is_last = rows.len() < usize::try_from(asked.limit).unwrap_or(usize::MAX);
            asked.before = rows.last().map(|row| row.request);
            seen.extend(rows.into_iter().filter(|row| self.sees(row, keys.as_ref())));
            if is_last || seen.len() >= wanted || keys.is_none() {
                seen.truncate(wanted);
                return Ok(seen);
            }
        }
    }

    fn request(&self, id: RequestId) -> Result<Option<RequestRow>, StoreError> {
        let keys = self.keys()?;
        Ok(self.store.request(id)?.filter(|row| self.sees(row, keys.as_ref())))
    }

    /// Asks for one dimension more than is wanted, and keeps the groups of the realm.
    fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageRow>, StoreError> {
        let (dimension, own) = match self.realm.team() {
            Some(team) => (Dimension::Team, team.to_string()),
            None => (Dimension::Tenant, self.tenant.to_string()),
        };
        let mut asked = query.clone();
        asked.group_by.push(dimension);
        let mut rows = self.store.usage(&asked)?;
        rows.retain_mut(|row| row.group.pop() == Some(own.clone()));
        Ok(rows)
    }

    fn audit(&self, before: Option<u64>, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        let objects = self.objects()?;
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let (mut seen, mut before) = (Vec::new(), before);
        loop {
            let entries = self.store.audit(before, PAGE)?;
            let Some(last) = entries.last() else { break };
            before = Some(last.seq);
            seen.extend(entries.into_iter().filter(|entry| self.sees_entry(entry, objects.as_ref())));
            if seen.len() >= wanted {
                break;
            }
        }
        seen.truncate(wanted);
        Ok(seen)
    }

    /// What usage says; which rows a dead process left behind it does not say.
    fn ledger_totals(&self) -> Result<LedgerTotals, StoreError> {
        let (since, until) = (Timestamp::from_unix_millis(0), Timestamp::from_unix_millis(i64::MAX));
        let rows = self.usage(&UsageQuery { since, until, group_by: Vec::new(), zone: Zone::default() })?;
        let add = |sum: LedgerTotals, row: &UsageRow| LedgerTotals {
            entries: sum.entries + row.attempts,
            cost: Nanodollars(sum.cost.0.saturating_add(row.cost.0)),
            unpriced: sum.unpriced + row.unpriced,
            unsettled: 0,
        };
        Ok(rows.iter().fold(LedgerTotals::default(), add))
    }

    fn lease(&self, id: RequestId) -> Result<Option<Lease>, StoreError> {
        let keys = self.keys()?;
        Ok(self.store.lease(id)?.filter(|lease| self.sees_lease(lease, keys.as_ref())))
    }

    fn open_leases(&self) -> Result<Vec<Lease>, StoreError> {
        let keys = self.keys()?;
        let mut leases = self.store.open_leases()?;
        leases.retain(|lease| self.sees_lease(lease, keys.as_ref()));
        Ok(leases)
    }

    fn found(&self, _: InstallId, _: &[VaultRecord], _: &AuditDraft) -> Result<(), StoreError> {
        closed()
    }

    fn append(&self, _: &[Entry], _: &[Refusal]) -> Result<Vec<bool>, StoreError> {
        closed()
    }

    fn correct(&self, _: &[Entry], _: &AuditDraft) -> Result<(), StoreError> {
        closed()
    }

    fn reconcile(&self, _: &ReconcileQuery) -> Result<Reconciliation, StoreError> {
        closed()
    }

    fn spend(&self, _: &SpendQuery) -> Result<Vec<Spend>, StoreError> {
        closed()
    }

    fn entries(&self, _: &EntryFilter) -> Result<Vec<Entry>, StoreError> {
        closed()
    }

    fn standings(&self) -> Result<Vec<KeyStanding>, StoreError> {
        closed()
    }

    fn put_standings(&self, _: &[KeyEvent]) -> Result<(), StoreError> {
        closed()
    }

    fn key_events(&self, _: &KeyEventFilter) -> Result<Vec<(u64, KeyEvent)>, StoreError> {
        closed()
    }

    fn forget_key_events(&self, _: Timestamp) -> Result<(), StoreError> {
        closed()
    }

    fn put_bindings(&self, _: &[Binding]) -> Result<(), StoreError> {
        closed()
    }

    fn bindings(&self, _: u32) -> Result<Vec<Binding>, StoreError> {
        closed()
    }

    fn forget_bindings(&self, _: Timestamp) -> Result<(), StoreError> {
        closed()
    }

    fn put_lease(&self, _: &Lease, _: Option<&AuditDraft>) -> Result<(), StoreError> {
        closed()
    }

    fn forget_leases(&self, _: Timestamp) -> Result<(), StoreError> {
        closed()
    }

    fn named_calls(&self, _: Timestamp, _: u32) -> Result<Vec<NamedCall>, StoreError> {
        closed()
    }

    fn forget_named_calls(&self, _: Timestamp) -> Result<(), StoreError> {
        closed()
    }
}
