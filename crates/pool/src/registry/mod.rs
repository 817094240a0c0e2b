//! The living state of all keys. It lives as long as the process; configurations come and go over it.

mod operator;

use std::collections::HashMap;
use std::sync::atomic::Ordering::{AcqRel, Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use keyward_domain::ids::{CredentialId, ProviderId};
use keyward_domain::money::Nanodollars;
use keyward_domain::routing::Strategy;
use keyward_domain::standing::{KeyEvent, KeyStanding};

use crate::endpoint::Endpoint;
use crate::group::{Account, Group};
use crate::key::Key;
use crate::member::Member;
use crate::moment::Moment;
use crate::pool::{Pool, Seated};
use crate::settings::{MAX_MEMBERS, Settings};

pub use operator::Cooled;

/// Whoever wants to hear of changes.
pub trait Notice: Send + Sync + std::fmt::Debug {
    /// A standing changed. Called on the way of a request, in the order of a key's changes: it must not block, and it
    /// must not ask the registry anything.
    fn changed(&self, event: KeyEvent);
}

/// Hears nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Notice for Silent {
    fn changed(&self, _: KeyEvent) {}
}

/// The living state of all keys, accounts, providers and models. Shared by all threads.
#[derive(Debug)]
pub struct Registry {
    shared: Arc<Shared>,
    world: Mutex<World>,
}

/// What every part of the living state can reach.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) notice: Box<dyn Notice>,
}

/// What there is. Looked through when the configuration changes or somebody asks, never for a call.
#[derive(Debug, Default)]
struct World {
    endpoints: HashMap<ProviderId, Arc<Endpoint>>,
    keys: HashMap<CredentialId, Arc<Key>>,
    groups: HashMap<Account, Arc<Group>>,
    pools: HashMap<ProviderId, Weak<Pool>>,
    /// What was known before a restart of keys that no pool has yet.
    restored: HashMap<CredentialId, Vec<KeyStanding>>,
}

impl Registry {
    /// A registry that knows nothing yet and tells every change to `notice`.
    pub fn new(settings: Settings, notice: Box<dyn Notice>) -> Self {
        Self { shared: Arc::new(Shared { settings, notice }), world: Mutex::default() }
    }

    /// What was known before a restart; to be told before the pools are built. Tells no change.
    pub fn restore(&self, standings: Vec<KeyStanding>) {
        let mut world = self.world();
        for known in standings {
            world.restored.entry(known.credential).or_default().push(known);
        }
    }

    /// What a key has used of its daily limits before a restart, as the ledger has it.
    pub fn restore_day(&self, credential: CredentialId, requests: u64, cost: Nanodollars, moment: Moment) {
        if let Some(key) = self.world().keys.get(&credential) {
            key.count().restore(requests, cost, moment.wall);
        }
    }

    /// The keys of one provider as the configuration has them now. What is known of keys that stay is kept, of keys that
    /// went it is forgotten once the last call with them has ended. Not for the way of a request: it takes a lock and
    /// looks at every key.
    pub fn pool(
        &self,
        provider: ProviderId,
        strategy: Strategy,
        mut members: Vec<Member>,
        moment: Moment,
    ) -> Arc<Pool> {
        let mut world = self.world();
        let beyond = members.split_off(members.len().min(MAX_MEMBERS));
        let left_out = beyond.into_iter().map(|member| member.name).collect();
        let endpoint = world.endpoint(provider, &self.shared);
        let seated: Vec<_> = members.into_iter().map(|member| world.seat(member, &endpoint)).collect();
        regroup(&seated);
        endpoint.bump();
        let pool = Arc::new(Pool::new(strategy, endpoint, seated, left_out));
        let before = world.pools.insert(provider, Arc::downgrade(&pool)).and_then(|pool| pool.upgrade());
        pool.warm(&before.map(|before| before.models()).unwrap_or_default(), moment);
        world.forget(provider, &pool);
        pool
    }

    /// Forgets a provider that the configuration no longer has, with its keys. Calls that are under way end as usual.
    pub fn forget(&self, provider: ProviderId) {
        let mut world = self.world();
        world.pools.remove(&provider);
        world.endpoints.remove(&provider);
        world.keys.retain(|_, key| key.endpoint.provider != provider);
    }

    /// Ends every rest whose time has come, for keys that nobody asks for: so that the change is told in time.
    pub fn sweep(&self, moment: Moment) {
        let keys: Vec<_> = self.world().keys.values().cloned().collect();
        for key in keys {
            key.fitness.wake(moment, &key.endpoint);
            for (_, on_model) in key.models() {
                on_model.fitness.wake(moment, &key.endpoint);
            }
        }
    }

    /// Forgets what is held against a provider as a whole, and what its models are blamed for, because a person or a
    /// probe says so.
    pub fn clear_provider(&self, provider: ProviderId, moment: Moment) {
        let endpoint = self.world().endpoints.get(&provider).cloned();
        if let Some(endpoint) = endpoint {
            endpoint.clear(moment);
        }
    }

    fn key(&self, credential: CredentialId) -> Option<Arc<Key>> {
        self.world().keys.get(&credential).cloned()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World {
    fn endpoint(&mut self, provider: ProviderId, shared: &Arc<Shared>) -> Arc<Endpoint> {
        let endpoint = self.endpoints.entry(provider);
        Arc::clone(endpoint.or_insert_with(|| Arc::new(Endpoint::new(provider, Arc::clone(shared)))))
    }

    fn seat(&mut self, member: Member, endpoint: &Arc<Endpoint>) -> Seated {
        let key = self.keys.entry(member.credential);
        let key = Arc::clone(key.or_insert_with(|| Arc::new(Key::new(member.credential, Arc::clone(endpoint)))));
        for known in self.restored.remove(&member.credential).unwrap_or_default() {
            match &known.model {
                Some(model) => key.model(&Arc::from(model.as_str())).fitness.restore(known),
                None => key.fitness.restore(known),
            }
        }
        if let Some(at) = member.proved_at {
            key.proved.fetch_max(at.unix_millis(), AcqRel);
        }
        let account = Account::of(endpoint.provider, member.credential, member.terms.quota_group.as_deref());
        let group = Arc::clone(self.groups.entry(account).or_default());
        Seated { name: Arc::from(member.name.as_str()), member, account, key, group }
    }

    /// Lets go of keys and accounts that only this map still holds for a provider whose pool no longer has them.
    fn forget(&mut self, provider: ProviderId, pool: &Pool) {
        let kept: std::collections::HashSet<_> = pool.members.iter().map(|seated| seated.member.credential).collect();
        self.keys.retain(|credential, key| key.endpoint.provider != provider || kept.contains(credential));
        self.groups.retain(|_, group| Arc::strong_count(group) > 1);
        self.pools.retain(|_, pool| pool.strong_count() > 0);
    }
}

/// Tells every account which keys it has from now on.
fn regroup(seated: &[Seated]) {
    let mut keys: HashMap<Account, (Arc<Group>, Vec<Weak<Key>>)> = HashMap::new();
    for seat in seated {
        let (_, keys) = keys.entry(seat.account).or_insert_with(|| (Arc::clone(&seat.group), Vec::new()));
        keys.push(Arc::downgrade(&seat.key));
    }
    for (group, keys) in keys.into_values() {
        group.seat(keys);
    }
}

/// When a key was proved last.
fn prove(key: &Key, moment: Moment) {
    key.proved.store(moment.wall_ms(), Relaxed);
}
