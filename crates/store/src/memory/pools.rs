//! What pools remember, in memory.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use keyward_domain::binding::{Binding, BindingHash};
use keyward_domain::ids::{CredentialId, RequestId};
use keyward_domain::lease::{Lease, LeaseState};
use keyward_domain::port::{MAX_BINDINGS, MAX_KEY_EVENTS, MAX_MODELS_PER_KEY, MAX_OPEN_LEASES, StoreError};
use keyward_domain::standing::{KeyEvent, KeyEventFilter, KeyStanding, Standing};
use keyward_domain::time::Timestamp;

use crate::lease::{Step, step};
use crate::page;

#[derive(Debug, Default)]
pub(super) struct Pools {
    /// By key and model; an empty model stands for the key as a whole.
    standings: BTreeMap<(CredentialId, String), KeyStanding>,
    /// By position.
    events: BTreeMap<u64, KeyEvent>,
    last_position: u64,
    bindings: BTreeMap<BindingHash, Binding>,
    leases: BTreeMap<RequestId, Lease>,
}

impl Pools {
    pub(super) fn standings(&self) -> Vec<KeyStanding> {
        self.standings.values().cloned().collect()
    }

    pub(super) fn put_standings(&mut self, events: &[KeyEvent]) {
        for event in events {
            if self.events.values().any(|known| known == event) {
                continue;
            }
            self.last_position += 1;
            self.events.insert(self.last_position, event.clone());
            self.replace_standing(&event.now);
        }
    }

    pub(super) fn key_events(&self, filter: &KeyEventFilter) -> Vec<(u64, KeyEvent)> {
        let older = self.events.range(..filter.before.unwrap_or(u64::MAX)).rev();
        let wanted = older.filter(|(_, event)| {
            filter.credential.is_none_or(|credential| event.now.credential == credential)
                && filter.since.is_none_or(|since| event.at >= since)
        });
        wanted.take(count(page::length(filter.limit))).map(|(seq, event)| (*seq, event.clone())).collect()
    }

    pub(super) fn forget_key_events(&mut self, before: Timestamp) {
        let beyond = self.last_position.saturating_sub(MAX_KEY_EVENTS.into());
        self.events.retain(|position, event| event.at >= before && *position > beyond);
        self.standings.retain(|_, known| known.standing.until().is_none_or(|until| until >= before));
    }

    pub(super) fn remove_standings(&mut self, credential: CredentialId) {
        self.standings.retain(|(key, _), _| *key != credential);
    }

    pub(super) fn put_bindings(&mut self, bindings: &[Binding]) {
        for binding in bindings {
            let known = self.bindings.entry(binding.hash).or_insert(*binding);
            if binding.at > known.at {
                *known = *binding;
            }
        }
    }

    pub(super) fn bindings(&self, limit: u32) -> Vec<Binding> {
        let mut newest: Vec<Binding> = self.bindings.values().copied().collect();
        newest.sort_unstable_by_key(|binding| Reverse((binding.at, binding.hash)));
        newest.truncate(count(limit.min(MAX_BINDINGS)));
        newest
    }

    pub(super) fn forget_bindings(&mut self, before: Timestamp) {
        self.bindings.retain(|_, binding| binding.at >= before);
        if self.bindings.len() > count(MAX_BINDINGS) {
            self.bindings = self.bindings(MAX_BINDINGS).into_iter().map(|binding| (binding.hash, binding)).collect();
        }
    }

    /// Whether anything changed, so that it is to be told in the audit log.
    pub(super) fn put_lease(&mut self, lease: &Lease) -> Result<bool, StoreError> {
        let step = step(self.leases.get(&lease.id), lease)?;
        self.leases.insert(lease.id, lease.clone());
        Ok(step != Step::Nothing)
    }

    pub(super) fn lease(&self, id: RequestId) -> Option<Lease> {
        self.leases.get(&id).cloned()
    }

    pub(super) fn open_leases(&self) -> Vec<Lease> {
        let mut open: Vec<_> = self.leases.values().filter(|lease| lease.state == LeaseState::Open).cloned().collect();
        open.sort_by_key(|lease| (lease.expires_at, lease.id));
        open.truncate(count(MAX_OPEN_LEASES));
        open
    }

    pub(super) fn forget_leases(&mut self, before: Timestamp) {
        self.leases.retain(|_, lease| lease.state == LeaseState::Open || lease.expires_at >= before);
    }

    fn replace_standing(&mut self, now: &KeyStanding) {
        let key = (now.credential, now.model.clone().unwrap_or_default());
        if now.standing == Standing::Active {
            self.standings.remove(&key);
        } else {
            self.standings.insert(key, now.clone());
            self.make_room(now.credential);
        }
    }

    /// Of the models of a key beyond the limit, those go whose standing has lasted longest.
    fn make_room(&mut self, credential: CredentialId) {
        let of_key = self.standings.iter().filter(|((key, model), _)| *key == credential && !model.is_empty());
        let mut models: Vec<_> = of_key.map(|((_, model), known)| (Reverse(known.since), model.clone())).collect();
        models.sort_unstable();
        for (_, model) in models.into_iter().skip(count(MAX_MODELS_PER_KEY)) {
            self.standings.remove(&(credential, model));
        }
    }
}

fn count(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
