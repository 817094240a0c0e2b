//! Which provider key's account holds what a provider keeps between calls: responses, encrypted items, files. A later
//! call that refers to one of them has to go to that account, or fails clearly.
//!
//! Read and written by calls that carry such references only; the map is cut into parts, so that those of different
//! cores seldom meet.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use foldhash::fast::FixedState;
use keyward_dialect::bound::Bound;
use keyward_domain::binding::{Binding, BindingHash};
use keyward_domain::ids::{CredentialId, TenantId};
use keyward_domain::time::Timestamp;
use keyward_pool::{Account, Claim};

/// Parts of the map.
const PARTS: usize = 16;
/// Bindings that a part holds, at most; those in all parts are as many as a store brings back.
const MAX_PER_PART: usize = 32_768;

/// Keeps bindings beyond the life of the process. Must not block.
pub trait Keeper: Send + Sync {
    /// A binding was made, or seen again.
    fn keep(&self, binding: Binding);
}

/// Keeps nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Forgetful;

impl Keeper for Forgetful {
    fn keep(&self, _: Binding) {}
}

/// What is known of who holds what.
pub struct Bindings {
    parts: [Mutex<Part>; PARTS],
    keeper: Box<dyn Keeper>,
}

type Part = HashMap<BindingHash, Held, FixedState>;

/// Who holds something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    /// The key through which it was made.
    pub(crate) credential: CredentialId,
    /// The key's account, which outlives the key; unknown after a restart.
    pub(crate) account: Option<Account>,
    at: Timestamp,
}

/// To which account the references of a request lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Home {
    /// There are none.
    Anywhere,
    /// All that are known to this key. Others are taken to be there too: whoever continues what was begun in one account
    /// seldom mixes in what is of another.
    With(Held),
    /// To several keys: the first two.
    Apart(Held, Held),
    /// None of them is known.
    Unknown,
}

impl Bindings {
    /// Nothing is known yet.
    pub fn new(keeper: Box<dyn Keeper>) -> Self {
        Self { parts: Default::default(), keeper }
    }

    /// What an earlier process knew.
    pub fn restore(&self, bindings: impl IntoIterator<Item = Binding>) {
        for binding in bindings {
            self.put(&binding, None);
        }
    }

    /// Where a request with these references belongs.
    pub(crate) fn home(&self, tenant: TenantId, bound: &Bound) -> Home {
        if bound.is_empty() {
            return Home::Anywhere;
        }
        let mut found: Option<Held> = None;
        for reference in bound.references() {
            match (self.find(hash(tenant, reference.id)), found) {
                (Some(held), None) => found = Some(held),
                (Some(held), Some(before)) if held.credential != before.credential => return Home::Apart(before, held),
                _ => {}
            }
        }
        found.map_or(Home::Unknown, Home::With)
    }

    /// An answer says that these were made by the account of this key.
    pub(crate) fn learn(&self, tenant: TenantId, claim: &Claim, bound: &Bound, at: Timestamp) {
        let credential = claim.credential();
        for reference in bound.references() {
            let binding = Binding { hash: hash(tenant, reference.id), credential, at };
            self.put(&binding, Some(claim.account()));
            self.keeper.keep(binding);
        }
    }

    fn find(&self, hash: BindingHash) -> Option<Held> {
        self.part(hash)?.lock().unwrap_or_else(PoisonError::into_inner).get(&hash).copied()
    }

    fn put(&self, binding: &Binding, account: Option<Account>) {
        let Some(part) = self.part(binding.hash) else { return };
        let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
        if part.len() >= MAX_PER_PART && !part.contains_key(&binding.hash) {
            forget_older_half(&mut part);
        }
        part.insert(binding.hash, Held { credential: binding.credential, account, at: binding.at });
    }

    fn part(&self, hash: BindingHash) -> Option<&Mutex<Part>> {
        self.parts.get(usize::try_from(hash.bits() % PARTS as u128).unwrap_or(0))
    }
}

/// Room for as many again at once: looking for the oldest each time would cost more than it keeps.
fn forget_older_half(part: &mut Part) {
    let mut all: Vec<(Timestamp, BindingHash)> = part.iter().map(|(hash, held)| (held.at, *hash)).collect();
    let middle = all.len() / 2;
    let (older, ..) = all.select_nth_unstable(middle);
    for (_, hash) in older {
        part.remove(hash);
    }
}

/// Tenant and thing in one: nobody is led to an account by another tenant's id.
fn hash(tenant: TenantId, id: u64) -> BindingHash {
    let tenant = tenant.bits();
    let folded = (tenant >> 64) ^ tenant;
    BindingHash::from_bits((folded << 64) | u128::from(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_part_forgets_the_older_half_and_keeps_the_newest() {
        let bindings = Bindings::new(Box::new(Forgetful));
        let made = |n: u64| Binding {
            hash: hash(TenantId::DEFAULT, n * PARTS as u64),
            credential: CredentialId::from_bits(1),
            at: Timestamp::from_unix_millis(i64::try_from(n).unwrap()),
        };
        let many = MAX_PER_PART as u64 + 1;
        bindings.restore((0..many).map(made));
        let is_known = |n: u64| bindings.find(made(n).hash).is_some();
        assert!(is_known(many - 1) && is_known(many - 2));
        assert!(!is_known(0));
        assert!(bindings.parts[0].lock().unwrap().len() <= MAX_PER_PART / 2 + 1);
    }
}
