//! The pools of a test's installation: real ones, built from its records, over what is known in memory.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keyward_admin::control::{Lead, Pools, Target, Way};
use keyward_domain::alias::Alias;
use keyward_domain::credential::Credential;
use keyward_domain::ids::{CredentialId, ProviderId, RequestId, TenantId};
use keyward_domain::judgement::{Blame, Judgement, Lasts, Next, Trouble};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::{Clock, Records, Store};
use keyward_domain::standing::{Cause, KeyEvent};
use keyward_domain::token::TokenId;
use keyward_pool::{Ask, Draw, Member, Moment, Notice, Outcome, Pool, Registry, Settings};
use tokio::sync::broadcast;

use crate::world::{ManualClock, TestStore};

pub(crate) struct TestPools {
    pub(crate) registry: Registry,
    /// What pools learn cannot be written.
    pub(crate) breaks: AtomicBool,
    told: broadcast::Sender<KeyEvent>,
    clock: Arc<ManualClock>,
    world: Mutex<(Records, BTreeMap<ProviderId, Arc<Pool>>)>,
}

/// Writes a change at once, which no server does on the way of a request.
#[derive(Clone)]
struct Hearing(Arc<TestStore>, broadcast::Sender<KeyEvent>);

impl std::fmt::Debug for Hearing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hearing")
    }
}

impl Notice for Hearing {
    fn changed(&self, event: KeyEvent) {
        let _ = self.1.send(event.clone());
        self.0.inner.put_standings(&[event]).unwrap();
    }
}

impl TestPools {
    pub(crate) fn new(store: &Arc<TestStore>, clock: Arc<ManualClock>) -> Arc<Self> {
        let told = broadcast::Sender::new(4);
        let registry = Registry::new(Settings::default(), Box::new(Hearing(Arc::clone(store), told.clone())));
        Arc::new(Self { registry, breaks: AtomicBool::new(false), told, clock, world: Mutex::default() })
    }

    pub(crate) fn publish(&self, records: &Records) {
        let moment = self.moment();
        let member = |key: &Credential| Member {
            models: key.models.clone(),
            proved_at: key.proof.as_ref().map(|proof| proof.at),
            ..Member::new(key.id, key.name.clone(), key.state, key.terms.clone())
        };
        let enabled = records.providers.iter().filter(|provider| provider.enabled);
        let pools = enabled.map(|provider| {
            let keys = records.credentials.iter().filter(|key| key.provider == provider.id);
            let pool = self.registry.pool(provider.id, provider.strategy, keys.map(member).collect(), moment);
            pool.set_concurrency(provider.concurrency);
            (provider.id, pool)
        });
        *self.world.lock().unwrap() = (records.clone(), pools.collect());
    }

    fn moment(&self) -> Moment {
        Moment::new(self.clock.now(), self.clock.monotonic())
    }

    /// A call with this key that ended well, or with this trouble.
    pub(crate) fn answered(&self, key: CredentialId, model: &str, request: RequestId, bad: Option<(Trouble, Lasts)>) {
        let pools = self.world.lock().unwrap().1.clone();
        let moment = self.moment();
        let pool = pools.values().find(|pool| pool.key(key, moment).is_some()).unwrap();
        let others: Vec<_> =
            pool.keys(moment).iter().map(|known| known.credential).filter(|other| *other != key).collect();
        let ask = Ask { tried: &others, ..Ask::new(model) };
        let mut claim = pool.choose(&ask, moment, &mut Draw::seeded(1)).unwrap();
        let cause = Cause::Answer { request, status: if bad.is_some() { 429 } else { 200 } };
        let (tokens, cost) = (10, Nanodollars::ZERO);
        let Some((trouble, lasts)) = bad else {
            let first_content = Duration::from_millis(120);
            claim.first_content(first_content, &cause, moment);
            return claim
                .report(&Outcome::Succeeded { first_content: Some(first_content), tokens, cost, cause }, moment);
        };
        let judgement = Judgement {
            blame: if trouble == Trouble::Rejected { Blame::Key } else { Blame::Account },
            lasts,
            next: Next::OtherKey,
            trouble,
            reason: "the provider said so".into(),
            known: true,
        };
        claim.report(&Outcome::Failed { judgement: &judgement, cause, tokens, cost }, moment);
    }

    fn target(&self, name: &str) -> Option<Target> {
        let world = self.world.lock().unwrap();
        let (provider, model) = name.split_once('/')?;
        let provider = world.0.providers.iter().find(|known| known.name == provider && known.enabled)?;
        Some(Target {
            provider: provider.id,
            provider_name: provider.name.clone(),
            model: model.to_owned(),
            weight: 1,
            typical_cost: None,
            is_keyless: false,
            allowed: None,
            pool: Arc::clone(world.1.get(&provider.id)?),
        })
    }
}

impl Pools for TestPools {
    fn registry(&self) -> &Registry {
        &self.registry
    }

    fn of(&self, provider: ProviderId) -> Option<Arc<Pool>> {
        self.world.lock().unwrap().1.get(&provider).cloned()
    }

    fn lead(&self, _: TenantId, model: &str, vkey: Option<TokenId>) -> Lead {
        let records = self.world.lock().unwrap().0.clone();
        let listed = Alias::listed(TenantId::DEFAULT, model, vec![model.to_owned()]);
        let alias = records.aliases.iter().find(|alias| alias.name == model).cloned().unwrap_or(listed);
        let allows = |name: &str| {
            let vkey = records.virtual_keys.iter().find(|key| Some(key.id) == vkey)?;
            Some(vkey.grant.allows_model(&[model, name]))
        };
        let targets = |names: &[String]| -> Vec<Target> {
            let found = names.iter().filter_map(|name| Some((allows(name), self.target(name)?)));
            found.map(|(allowed, target)| Target { allowed, ..target }).collect()
        };
        let way = Way {
            name: alias.name.clone(),
            order: alias.order,
            targets: targets(&alias.targets),
            fallback: alias.fallback.iter().map(|(class, names)| (*class, targets(names))).collect(),
        };
        if way.targets.is_empty() { Lead::Nowhere(vec!["openai/gpt-4o".to_owned()]) } else { Lead::To(way) }
    }

    fn flush(&self) -> bool {
        !self.breaks.load(Ordering::SeqCst)
    }

    fn listen(&self) -> broadcast::Receiver<KeyEvent> {
        self.told.subscribe()
    }
}
