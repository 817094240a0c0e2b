//! From the store's records to a snapshot. Pure, and done anew after every change: a few milliseconds for thousands of
//! models, off the request path.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use http::HeaderValue;
use keyward_domain::alias::Alias;
use keyward_domain::ancestry::Ancestry;
use keyward_domain::budget::UnknownPrice;
use keyward_domain::catalog::{Capability, Catalog, Model, Pricing};
use keyward_domain::credential::Credential;
use keyward_domain::ids::TenantId;
use keyward_domain::ledger::Attributed;
use keyward_domain::origin::Scheme;
use keyward_domain::port::{PriceOverride, Records};
use keyward_domain::provider::{Provider, ProviderKind};
use keyward_domain::virtual_key::VirtualKey;
use keyward_pool::{Member, Moment, Registry};
use keyward_provider::preset;
use keyward_vault::Vault;

use super::entries::{Allowances, Ceiling, Deployment, KeyEntry, ModelCard, Pooled, ProviderEntry, Route, World};
use super::names::Names;
use super::resolve::Resolution;
use super::{FastMap, Snapshot};

/// What lives longer than a snapshot and is laid under each.
#[derive(Clone, Copy)]
pub struct Living<'a> {
    /// Prices, unless the operator set others.
    pub catalog: &'a Arc<Catalog>,
    /// Knows who may call.
    pub vault: &'a Vault,
    /// What is known of every key.
    pub registry: &'a Registry,
    /// Now.
    pub moment: Moment,
    /// What becomes of models whose price nobody knows.
    pub unknown_price: UnknownPrice,
}

impl Snapshot {
    /// The picture that these records give; prices that the operator set go before the catalog's. While the vault is
    /// locked nobody can be authenticated.
    pub fn build(records: &Records, living: &Living<'_>) -> Self {
        let allowances = Arc::new(Allowances::new(&records.budgets, &records.limits));
        let mut worlds: FastMap<TenantId, Arc<World>> = FastMap::default();
        let owners = records.providers.iter().map(|provider| provider.tenant);
        let tenants: BTreeSet<TenantId> = owners.chain([TenantId::DEFAULT]).collect();
        for tenant in tenants {
            worlds.insert(tenant, Arc::new(world(tenant, records, living, &allowances)));
        }
        // A tenant without providers of its own calls those of the installation, which are the default tenant's.
        if let Some(installation) = worlds.get(&TenantId::DEFAULT).cloned() {
            for key in &records.virtual_keys {
                worlds.entry(key.tenant).or_insert_with(|| Arc::clone(&installation));
            }
        }
        let ancestry = Ancestry::of(records);
        let keys = records.virtual_keys.iter().filter_map(|key| {
            let world = Arc::clone(worlds.get(&key.tenant)?);
            let (chain, attributed) = (ancestry.chain(key), attributed(key, records));
            Some((key.id.bits(), Arc::new(KeyEntry { record: key.clone(), chain, world, attributed })))
        });
        Self {
            allowances,
            revision: records.revision,
            verifier: living.vault.token_verifier().ok(),
            keys: keys.collect(),
            names: Names::of(records),
            worlds: worlds.clone(),
        }
    }

    /// Whether the vault is locked, so that nobody can be served.
    pub fn is_locked(&self) -> bool {
        self.verifier.is_none()
    }

    /// What a tenant's clients can reach, for lists and explanations.
    pub fn cards(&self, tenant: TenantId) -> Vec<ModelCard> {
        self.worlds.get(&tenant).map(|world| world.cards.clone()).unwrap_or_default()
    }
}

/// Whom all calls of a key are attributed to; `None` when there is nobody besides the key.
fn attributed(key: &VirtualKey, records: &Records) -> Option<Arc<Attributed>> {
    let user = key.user.and_then(|id| records.users.iter().find(|user| user.id == id));
    let team = key.team.or_else(|| user.and_then(|user| user.team));
    let mut tags: Vec<Arc<str>> = key.tags.iter().map(|tag| Arc::from(tag.as_str())).collect();
    tags.sort();
    tags.dedup();
    let attributed = Attributed { team, user: key.user, end_user: None, tags };
    (!attributed.is_empty()).then(|| Arc::new(attributed))
}

fn world(tenant: TenantId, records: &Records, living: &Living<'_>, allowances: &Arc<Allowances>) -> World {
    let catalog = living.catalog;
    let (models, providers) = (FastMap::default(), FastMap::default());
    let (allowances, ceiling) = (Arc::clone(allowances), ceiling(living.unknown_price));
    let catalog_here = Arc::clone(catalog);
    let mut world = World { allowances, catalog: catalog_here, ceiling, models, providers, cards: Vec::new() };
    let mut bare: BTreeMap<Arc<str>, Vec<Arc<Deployment>>> = BTreeMap::new();
    for provider in records.providers.iter().filter(|provider| provider.tenant == tenant && provider.enabled) {
        let Some(entry) = provider_entry(provider, &records.credentials, living) else { continue };
        world.providers.insert(provider.name.as_str().into(), Arc::clone(&entry));
        for model in models_of(provider, records, catalog) {
            let ceiling = world.ceiling.as_ref();
            let Some(deployment) = deployment(&entry, provider, &model, living, ceiling, &records.prices) else {
                continue;
            };
            let route = Route::plain(Arc::clone(&deployment.qualified), Arc::clone(&deployment));
            world.models.insert(Box::from(&*route.name), Resolution::Route(Arc::new(route)));
            bare.entry(Arc::clone(&deployment.model)).or_default().push(deployment);
        }
    }
    for (name, deployments) in bare {
        list_bare(&mut world, &name, deployments);
    }
    for alias in records.aliases.iter().filter(|alias| alias.tenant == tenant) {
        let Some(route) = alias_route(alias, &world) else { continue };
        let name = Arc::clone(&route.name);
        world.cards.retain_mut(|card| card.id != name || card.give_way());
        world.cards.push(card(Arc::clone(&name), Vec::new(), &route.targets, "alias"));
        world.models.insert(Box::from(&*name), Resolution::Route(Arc::new(route)));
    }
    world.cards.sort_by(|a, b| a.id.cmp(&b.id));
    world
}

/// The route of an alias; `None` when none of its targets is there. Weights stay with the targets they were given to.
fn alias_route(alias: &Alias, world: &World) -> Option<Route> {
    let (mut targets, mut weights) = (Vec::new(), Vec::new());
    for (at, name) in alias.targets.iter().enumerate() {
        let weight = alias.weights.get(at).copied().unwrap_or(1);
        for target in deployments(world, name) {
            targets.push(target);
            weights.push(weight);
        }
    }
    let all = |names: &Vec<String>| names.iter().flat_map(|name| deployments(world, name)).collect();
    let fallback = alias.fallback.iter().map(|(class, names)| (*class, all(names))).collect();
    (!targets.is_empty()).then(|| Route {
        name: alias.name.as_str().into(),
        targets,
        order: alias.order,
        weights,
        fallback,
    })
}

fn deployments(world: &World, name: &str) -> Vec<Arc<Deployment>> {
    world.resolve(name).map(|route| route.targets.clone()).unwrap_or_default()
}

/// A bare name leads somewhere when exactly one enabled provider offers it.
fn list_bare(world: &mut World, name: &Arc<str>, deployments: Vec<Arc<Deployment>>) {
    let all: Arc<[_]> = deployments.into();
    if let [only] = &*all {
        world.cards.push(card(Arc::clone(name), vec![Arc::clone(&only.qualified)], &all, &only.provider.name));
        let route = Route::plain(Arc::clone(name), Arc::clone(only));
        world.models.insert(Box::from(&**name), Resolution::Route(Arc::new(route)));
        return;
    }
    for deployment in &*all {
        let one = std::slice::from_ref(deployment);
        world.cards.push(card(Arc::clone(&deployment.qualified), Vec::new(), one, &deployment.provider.name));
    }
    world.models.insert(Box::from(&**name), Resolution::Ambiguous(all));
}

impl ModelCard {
    /// An alias took the short name: the model goes on under its full one. Gives whether it has one.
    fn give_way(&mut self) -> bool {
        self.also.pop().map(|full| self.id = full).is_some()
    }
}

fn card(id: Arc<str>, also: Vec<Arc<str>>, targets: &[Arc<Deployment>], owner: &str) -> ModelCard {
    let context = targets.iter().filter_map(|target| target.context).min();
    let max_output = targets.iter().filter_map(|target| target.max_output).min();
    ModelCard { id, also, targets: targets.into(), owner: owner.into(), context, max_output }
}

fn provider_entry(provider: &Provider, credentials: &[Credential], living: &Living<'_>) -> Option<Arc<ProviderEntry>> {
    let own = || credentials.iter().filter(|credential| credential.provider == provider.id);
    let pooled = own().filter_map(|credential| {
        let name_header = HeaderValue::from_str(&credential.name).ok()?;
        let name = credential.name.as_str().into();
        let pooled = Pooled { id: credential.id, name, name_header, record: credential.clone() };
        Some((credential.id, Arc::new(pooled)))
    });
    let pool = living.registry.pool(provider.id, provider.strategy, own().map(member).collect(), living.moment);
    pool.set_concurrency(provider.concurrency);
    let origin = &provider.base_url.origin;
    let vendor = preset(&provider.name).or_else(|| preset(provider.kind.as_str()));
    let at_vendor = vendor.is_some_and(|vendor| vendor.base_url.parse().is_ok_and(|base| provider.base_url == base));
    Some(Arc::new(ProviderEntry {
        id: provider.id,
        name: provider.name.as_str().into(),
        name_header: HeaderValue::from_str(&provider.name).ok()?,
        kind: provider.kind,
        base: provider.base_url.clone(),
        host: HeaderValue::from_str(&origin.authority()).ok()?,
        origin: Arc::new(origin.clone()),
        // A vendor's public name that leads into a private network has been tampered with.
        allow_private: !at_vendor || origin.scheme == Scheme::Sandbox || origin.scheme == Scheme::Http,
        keyless: vendor.map_or(provider.kind == ProviderKind::OpenAiCompatible, |vendor| !vendor.needs_key),
        catalog: provider.catalog.as_deref().map(Box::from),
        free: provider.free,
        rules: provider.rules.clone(),
        limits_cost: own().any(|credential| credential.terms.limits.daily_cost.is_some()),
        pool,
        credentials: pooled.collect(),
    }))
}

fn member(credential: &Credential) -> Member {
    Member {
        credential: credential.id,
        name: credential.name.clone(),
        state: credential.state,
        terms: credential.terms.clone(),
        models: credential.models.clone(),
        proved_at: credential.proof.as_ref().map(|proof| proof.at),
    }
}

/// What a provider offers: what its keys were seen to offer, or, before any was asked, what the catalog knows; and what
/// the operator set a price for.
fn models_of(provider: &Provider, records: &Records, catalog: &Catalog) -> BTreeSet<String> {
    let mut offered: BTreeSet<String> = records
        .credentials
        .iter()
        .filter(|credential| credential.provider == provider.id)
        .flat_map(|credential| credential.models.iter().cloned())
        .collect();
    if let (true, Some(part)) = (offered.is_empty(), provider.catalog.as_deref()) {
        offered.extend(catalog.models(part).map(|(name, _)| name.to_owned()));
    }
    let priced =
        records.prices.iter().filter(|price| price.tenant == provider.tenant && price.provider == provider.name);
    offered.extend(priced.map(|price| price.model.clone()));
    offered
}

fn deployment(
    entry: &Arc<ProviderEntry>,
    provider: &Provider,
    model: &str,
    living: &Living<'_>,
    ceiling: Option<&Ceiling>,
    prices: &[PriceOverride],
) -> Option<Arc<Deployment>> {
    let catalog = living.catalog;
    let listed = provider.catalog.as_deref().and_then(|part| catalog.model(part, model));
    let own = prices
        .iter()
        .find(|price| price.tenant == provider.tenant && price.provider == provider.name && price.model == model);
    // An entry that cannot be read was refused when it was set; should one appear all the same, the price is unknown.
    let overridden = own.and_then(|price| Model::overridden(listed.map(AsRef::as_ref), &price.entry).ok());
    let known = overridden.as_ref().or(listed.map(AsRef::as_ref));
    let pricing = known.map_or(Pricing::Unknown, |known| known.pricing.clone()).at_provider(provider.free);
    let price_version: Arc<str> = match (&pricing, own) {
        (Pricing::Unknown, _) => "".into(),
        (_, Some(own)) => format!("{}+own.{}", catalog.version(), own.revision).into(),
        (_, None) => Arc::clone(catalog.version()),
    };
    let (pricing, price_version) = Ceiling::over(ceiling, pricing, price_version);
    Some(Arc::new(Deployment {
        provider: Arc::clone(entry),
        model: model.into(),
        model_header: HeaderValue::from_str(model).ok()?,
        qualified: format!("{}/{model}", provider.name).into(),
        pricing,
        price_version,
        context: known.and_then(|known| known.context),
        max_output: known.and_then(|known| known.max_output),
        hides_reasoning: known.is_none_or(|known| known.capabilities.has(Capability::Reasoning)),
    }))
}

/// The price that the operator wants taken for models without one.
fn ceiling(unknown: UnknownPrice) -> Option<Ceiling> {
    let UnknownPrice::Ceiling(price) = unknown else { return None };
    let entry = serde_json::json!({ "price": { "std": { "in": price.0, "out": price.0 } } });
    let pricing = Model::overridden(None, &entry).ok()?.pricing;
    Some(Ceiling { pricing, version: format!("ceiling.{}", price.0).into() })
}
