//! A pool: the keys of one provider as the configuration has them, over their living state.

mod choose;
mod lanes;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use foldhash::fast::RandomState;
use keyward_domain::ids::{CredentialId, ProviderId};
use keyward_domain::routing::{Concurrency, Strategy};

use crate::endpoint::Endpoint;
use crate::group::{Account, Group};
use crate::key::Key;
use crate::lane::Lane;
use crate::member::Member;
use crate::moment::Moment;
use crate::nothing::Why;
use crate::view::{KeyView, ProviderView};

/// Lanes by model.
pub(crate) type Lanes = HashMap<Arc<str>, Arc<Lane>, RandomState>;

/// The keys of one provider, at one moment of the configuration.
#[derive(Debug)]
pub struct Pool {
    pub(crate) strategy: Strategy,
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) members: Box<[Seated]>,
    /// Names of keys over [`MAX_MEMBERS`](crate::MAX_MEMBERS), which are not used.
    left_out: Vec<String>,
    lanes: ArcSwap<Lanes>,
    /// Held while a lane is made, with those that unknown names share; requests for lanes that are there do not care.
    making: Mutex<lanes::Shared>,
}

/// A member and its living state.
#[derive(Debug)]
pub(crate) struct Seated {
    pub(crate) member: Member,
    pub(crate) name: Arc<str>,
    pub(crate) account: Account,
    pub(crate) key: Arc<Key>,
    pub(crate) group: Arc<Group>,
}

impl Pool {
    /// The pool of these members.
    pub(crate) fn new(
        strategy: Strategy,
        endpoint: Arc<Endpoint>,
        members: Vec<Seated>,
        left_out: Vec<String>,
    ) -> Self {
        Self {
            strategy,
            endpoint,
            members: members.into(),
            left_out,
            lanes: ArcSwap::default(),
            making: Mutex::default(),
        }
    }

    /// The provider.
    pub fn provider(&self) -> ProviderId {
        self.endpoint.provider
    }

    /// How keys are chosen.
    pub fn strategy(&self) -> Strategy {
        self.strategy
    }

    /// How many keys it has, usable or not.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether it has no key at all.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Names of keys that there was no place for: a pool chooses among [`MAX_MEMBERS`](crate::MAX_MEMBERS) at most.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// The typical time to the first content of a model, once known.
    pub fn typical_latency(&self, model: &str, moment: Moment) -> Option<Duration> {
        self.lanes.load().get(model)?.typical(moment).map(|micros| Duration::from_micros(u64::from(micros)))
    }

    /// How many calls the operator wants the provider to be sent at once; [`Concurrency::Adaptive`] until somebody says
    /// otherwise. It holds for the provider, also over pools that come after this one.
    pub fn set_concurrency(&self, concurrency: Concurrency) {
        self.endpoint.set_concurrency(concurrency);
    }

    /// Why a call for this model has to wait whatever the key: as many are under way as the provider or the model takes.
    pub fn full(&self, model: &str, moment: Moment) -> Option<Why> {
        self.lanes.load().get(model)?.full(moment)
    }

    /// How many calls for this model may be under way at once, as the provider or the model takes fewer; `None` for any
    /// number.
    pub fn at_once(&self, model: &str, moment: Moment) -> Option<u32> {
        let of_model = self.lanes.load().get(model).and_then(|lane| lane.on_provider.capacity.limit(moment));
        self.endpoint.capacity.limit(moment).into_iter().chain(of_model).min()
    }

    /// What is known of the provider as a whole.
    pub fn provider_view(&self, moment: Moment) -> ProviderView {
        ProviderView::new(&self.endpoint, moment)
    }

    /// Everything that is known of one key; `None` for one that the pool does not have.
    pub fn key(&self, credential: CredentialId, moment: Moment) -> Option<KeyView> {
        let seated = self.members.iter().find(|seated| seated.member.credential == credential)?;
        Some(KeyView::new(&seated.key, &seated.name, &seated.group, moment))
    }

    /// Everything that is known of every key.
    pub fn keys(&self, moment: Moment) -> Vec<KeyView> {
        self.members.iter().map(|seated| KeyView::new(&seated.key, &seated.name, &seated.group, moment)).collect()
    }
}

impl Seated {
    pub(crate) fn weight(&self) -> u32 {
        u32::from(self.member.terms.weight.max(1))
    }
}
