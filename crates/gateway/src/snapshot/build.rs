//! From the store's records to a snapshot. Pure, and done anew after every change: a few milliseconds for thousands of
//! models, off the request path.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use http::HeaderValue;
use keyward_domain::catalog::{Catalog, Model, Pricing};
use keyward_domain::credential::Credential;
use keyward_domain::ids::TenantId;
use keyward_domain::origin::Scheme;
use keyward_domain::port::{PriceOverride, Records};
use keyward_domain::provider::{Provider, ProviderKind};
use keyward_provider::preset;
use keyward_vault::Vault;

use super::entries::{Deployment, KeyEntry, ModelCard, Pooled, ProviderEntry, World};
use super::resolve::Resolution;
use super::{FastMap, Snapshot};

impl Snapshot {
    /// The picture that these records give; prices that the operator set go before the catalog's. While the vault is
    /// locked nobody can be authenticated.
    pub fn build(records: &Records, catalog: &Arc<Catalog>, vault: &Vault) -> Self {
        let mut worlds: FastMap<TenantId, Arc<World>> = FastMap::default();
        let tenants: BTreeSet<TenantId> = records
            .virtual_keys
            .iter()
            .map(|key| key.tenant)
            .chain(records.providers.iter().map(|provider| provider.tenant))
            .collect();
        for tenant in tenants {
            worlds.insert(tenant, Arc::new(world(tenant, records, catalog)));
        }
        let keys = records.virtual_keys.iter().filter_map(|key| {
            let world = Arc::clone(worlds.get(&key.tenant)?);
            Some((key.id.bits(), Arc::new(KeyEntry { record: key.clone(), world })))
        });
        Self {
            revision: records.revision,
            verifier: vault.token_verifier().ok(),
            keys: keys.collect(),
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

fn world(tenant: TenantId, records: &Records, catalog: &Arc<Catalog>) -> World {
    let (models, providers) = (FastMap::default(), FastMap::default());
    let mut world = World { catalog: Arc::clone(catalog), models, providers, cards: Vec::new() };
    let mut bare: BTreeMap<Arc<str>, Vec<Arc<Deployment>>> = BTreeMap::new();
    for provider in records.providers.iter().filter(|provider| provider.tenant == tenant && provider.enabled) {
        let Some(entry) = provider_entry(provider, &records.credentials) else { continue };
        world.providers.insert(provider.name.as_str().into(), Arc::clone(&entry));
        for model in models_of(provider, records, catalog) {
            let Some(deployment) = deployment(&entry, provider, &model, catalog, &records.prices) else { continue };
            let qualified = Arc::clone(&deployment.qualified);
            let targets: Arc<[_]> = Arc::from([Arc::clone(&deployment)]);
            world.models.insert(Box::from(&*qualified), Resolution::Targets(qualified, targets));
            bare.entry(Arc::clone(&deployment.model)).or_default().push(deployment);
        }
    }
    for (name, deployments) in bare {
        list_bare(&mut world, name, deployments);
    }
    for alias in records.aliases.iter().filter(|alias| alias.tenant == tenant) {
        let targets: Vec<_> = alias
            .targets
            .iter()
            .filter_map(|target| world.resolve(target).ok())
            .flat_map(|(_, all)| all.to_vec())
            .collect();
        if targets.is_empty() {
            continue;
        }
        let name: Arc<str> = alias.name.as_str().into();
        let targets: Arc<[_]> = targets.into();
        world.cards.retain_mut(|card| card.id != name || card.give_way());
        world.cards.push(card(Arc::clone(&name), Vec::new(), &targets, "alias"));
        world.models.insert(Box::from(&*name), Resolution::Targets(name, targets));
    }
    world.cards.sort_by(|a, b| a.id.cmp(&b.id));
    world
}

/// A bare name leads somewhere when exactly one enabled provider offers it.
fn list_bare(world: &mut World, name: Arc<str>, deployments: Vec<Arc<Deployment>>) {
    let all: Arc<[_]> = deployments.into();
    if let [only] = &*all {
        world.cards.push(card(Arc::clone(&name), vec![Arc::clone(&only.qualified)], &all, &only.provider.name));
        world.models.insert(Box::from(&*name), Resolution::Targets(name, all));
        return;
    }
    for deployment in &*all {
        let one: Arc<[_]> = Arc::from([Arc::clone(deployment)]);
        world.cards.push(card(Arc::clone(&deployment.qualified), Vec::new(), &one, &deployment.provider.name));
    }
    world.models.insert(Box::from(&*name), Resolution::Ambiguous(all));
}

impl ModelCard {
    /// An alias took the short name: the model goes on under its full one. Gives whether it has one.
    fn give_way(&mut self) -> bool {
        self.also.pop().map(|full| self.id = full).is_some()
    }
}

fn card(id: Arc<str>, also: Vec<Arc<str>>, targets: &Arc<[Arc<Deployment>]>, owner: &str) -> ModelCard {
    let context = targets.iter().filter_map(|target| target.context).min();
    let max_output = targets.iter().filter_map(|target| target.max_output).min();
    ModelCard { id, also, targets: Arc::clone(targets), owner: owner.into(), context, max_output }
}

fn provider_entry(provider: &Provider, credentials: &[Credential]) -> Option<Arc<ProviderEntry>> {
    let pool = credentials.iter().filter(|credential| credential.provider == provider.id).filter_map(|credential| {
        let name_header = HeaderValue::from_str(&credential.name).ok()?;
        let name = credential.name.as_str().into();
        Some(Arc::new(Pooled { id: credential.id, name, name_header, record: credential.clone() }))
    });
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
        pool: pool.collect(),
        turn: AtomicUsize::new(0),
    }))
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
    catalog: &Catalog,
    prices: &[PriceOverride],
) -> Option<Arc<Deployment>> {
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
    Some(Arc::new(Deployment {
        provider: Arc::clone(entry),
        model: model.into(),
        model_header: HeaderValue::from_str(model).ok()?,
        qualified: format!("{}/{model}", provider.name).into(),
        pricing,
        price_version,
        context: known.and_then(|known| known.context),
        max_output: known.and_then(|known| known.max_output),
    }))
}
