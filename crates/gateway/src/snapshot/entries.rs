//! What a snapshot is made of.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::HeaderValue;
use keyward_domain::alias::TargetOrder;
use keyward_domain::ancestry::GrantChain;
use keyward_domain::budget::Budget;
use keyward_domain::catalog::{Catalog, Pricing};
use keyward_domain::credential::Credential;
use keyward_domain::ids::{CredentialId, ProviderId};
use keyward_domain::judgement::RuleOverride;
use keyward_domain::ledger::Attributed;
use keyward_domain::limit::Limit;
use keyward_domain::origin::{BaseUrl, Origin};
use keyward_domain::provider::ProviderKind;
use keyward_domain::routing::FallbackClass;
use keyward_domain::scope::Reach;
use keyward_domain::virtual_key::VirtualKey;
use keyward_domain::vocabulary::Vocabulary;
use keyward_limit::book::Budgets;
use keyward_limit::rate::Limits;
use keyward_pool::Pool;

use super::FastMap;
use super::resolve::Resolution;

/// A virtual key and the world it lives in.
pub(crate) struct KeyEntry {
    pub(crate) record: VirtualKey,
    /// What its tenant, its team and its user leave of its grant.
    pub(crate) chain: GrantChain,
    pub(crate) world: Arc<World>,
    /// Whom all its calls are attributed to besides the key.
    pub(crate) attributed: Option<Arc<Attributed>>,
}

/// A price for models that have none.
#[derive(Clone)]
pub(crate) struct Ceiling {
    pub(crate) pricing: Pricing,
    pub(crate) version: Arc<str>,
}

impl Ceiling {
    /// What it says of a model whose price is unknown; other prices stay.
    pub(crate) fn over(this: Option<&Self>, pricing: Pricing, version: Arc<str>) -> (Pricing, Arc<str>) {
        match (this, &pricing) {
            (Some(ceiling), Pricing::Unknown) => (ceiling.pricing.clone(), Arc::clone(&ceiling.version)),
            _ => (pricing, version),
        }
    }
}

/// What calls may spend and use.
#[derive(Default)]
pub(crate) struct Allowances {
    pub(crate) budgets: Budgets,
    pub(crate) limits: Limits,
    /// Whether any of them is set on who serves calls.
    pub(crate) concerns_servers: bool,
}

impl Allowances {
    /// These budgets and limits.
    pub(super) fn new(budgets: &[Budget], limits: &[Limit]) -> Self {
        let kind = |reach: &Reach| match reach {
            Reach::One(scope) => scope.kind(),
            Reach::Each(kind) => *kind,
        };
        let mut reaches = budgets.iter().map(|budget| &budget.reach).chain(limits.iter().map(|limit| &limit.reach));
        let concerns_servers = reaches.any(|reach| !kind(reach).is_callers());
        Self { budgets: Budgets::new(budgets), limits: Limits::new(limits), concerns_servers }
    }

    /// Whether nothing has to be asked.
    pub(crate) fn is_empty(&self) -> bool {
        self.budgets.is_empty() && self.limits.is_empty()
    }
}

/// What one tenant can reach.
pub(crate) struct World {
    /// What calls may spend and use, whoever makes them.
    pub(crate) allowances: Arc<Allowances>,
    /// Prices of models that no list contains.
    pub(crate) catalog: Arc<Catalog>,
    /// What models are taken to cost whose price nobody knows, if the operator says so.
    pub(crate) ceiling: Option<Ceiling>,
    /// Every name that a client may send as `model`.
    pub(crate) models: FastMap<Box<str>, Resolution>,
    /// Providers by name, for `provider/model` names that no list contains.
    pub(crate) providers: FastMap<Box<str>, Arc<ProviderEntry>>,
    /// What the model lists show, in order.
    pub(crate) cards: Vec<ModelCard>,
}

/// A provider that calls may be routed to, with its pool.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own about the provider")]
pub struct ProviderEntry {
    /// Its id.
    pub id: ProviderId,
    /// Its name.
    pub name: Arc<str>,
    /// The name as a header value.
    pub(crate) name_header: HeaderValue,
    /// The sort of server.
    pub kind: ProviderKind,
    /// Where it is.
    pub base: BaseUrl,
    /// Where to connect.
    pub(crate) origin: Arc<Origin>,
    /// The same as the `Host` header has it.
    pub(crate) host: HeaderValue,
    /// Whether addresses inside a private network are acceptable, because the operator named the host.
    pub(crate) allow_private: bool,
    /// Whether it works without a key.
    pub(crate) keyless: bool,
    /// Which part of the catalog has its prices.
    pub(crate) catalog: Option<Box<str>>,
    /// Whether the operator declared it free.
    pub(crate) free: bool,
    /// Whether a key of it may cost only so much a day, so that calls say what they may cost.
    pub(crate) limits_cost: bool,
    /// Chooses among its credentials.
    pub pool: Arc<Pool>,
    /// What the operator says that its answers mean, before any table.
    pub(crate) rules: Vec<RuleOverride>,
    /// Its credentials, usable or not.
    pub(crate) credentials: FastMap<CredentialId, Arc<Pooled>>,
}

/// A credential in a pool, still sealed.
pub struct Pooled {
    /// Its id.
    pub id: CredentialId,
    /// Its name.
    pub name: Arc<str>,
    pub(crate) name_header: HeaderValue,
    /// The record with the sealed secret.
    pub record: Credential,
}

/// A model at a provider, with its price.
pub struct Deployment {
    /// Who serves it.
    pub provider: Arc<ProviderEntry>,
    /// The provider's own name for it.
    pub model: Arc<str>,
    /// The name as a header value.
    pub(crate) model_header: HeaderValue,
    /// `provider/model`.
    pub qualified: Arc<str>,
    /// What it costs.
    pub pricing: Pricing,
    /// Which price table says so.
    pub price_version: Arc<str>,
    /// Context window, in tokens, when known.
    pub context: Option<u64>,
    /// The longest answer, in tokens, when known.
    pub max_output: Option<u64>,
    /// Whether it may think at length, and be paid for that, without anything of it in the answer.
    pub(crate) hides_reasoning: bool,
}

/// Where a name leads: the deployments that may serve it, and what is gone on to when they cannot.
#[derive(Clone, Default)]
pub struct Route {
    /// The name as it is kept.
    pub name: Arc<str>,
    /// What may serve it, as listed.
    pub targets: Vec<Arc<Deployment>>,
    /// In which order they are tried.
    pub order: TargetOrder,
    /// Share of the calls of each target, for [`TargetOrder::Weighted`]; one that is missing is 1.
    pub weights: Vec<u16>,
    /// What is gone on to, by what stood in the way.
    pub fallback: BTreeMap<FallbackClass, Vec<Arc<Deployment>>>,
}

impl Route {
    /// Whether there is a choice between keys anywhere on the way.
    pub(crate) fn has_choice(&self) -> bool {
        let mut all = self.targets.iter().chain(self.fallback.values().flatten());
        all.any(|target| target.provider.credentials.len() > 1)
    }
}

/// A line of a model list.
#[derive(Clone)]
pub struct ModelCard {
    /// The name to send.
    pub id: Arc<str>,
    /// Other names that clients may use for it.
    pub also: Vec<Arc<str>>,
    /// What may serve it.
    pub targets: Arc<[Arc<Deployment>]>,
    /// Who serves it.
    pub owner: Arc<str>,
    /// Context window in tokens, when known.
    pub context: Option<u64>,
    /// Longest answer in tokens, when known.
    pub max_output: Option<u64>,
}

impl ProviderEntry {
    /// One of its credentials, usable or not.
    pub fn pooled(&self, credential: CredentialId) -> Option<&Arc<Pooled>> {
        self.credentials.get(&credential)
    }

    /// All of its credentials, in no order.
    pub fn all_pooled(&self) -> impl Iterator<Item = &Arc<Pooled>> {
        self.credentials.values()
    }

    /// What the operator says that its answers mean.
    pub fn rules(&self) -> &[RuleOverride] {
        &self.rules
    }
}

impl Deployment {
    /// In which vocabulary it reads text, where that is known.
    pub(crate) fn vocabulary(&self) -> Option<Vocabulary> {
        Vocabulary::of(self.provider.kind, &self.model)
    }
}

impl Route {
    /// A name that is no alias.
    pub(crate) fn plain(name: Arc<str>, target: Arc<Deployment>) -> Self {
        let (order, weights, fallback) = (TargetOrder::Listed, Vec::new(), BTreeMap::new());
        Self { name, targets: vec![target], order, weights, fallback }
    }
}
