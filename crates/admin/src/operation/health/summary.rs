use keyward_domain::credential::{Credential, CredentialState};
use keyward_domain::port::Records;
use keyward_domain::principal::Action;
use keyward_domain::provider::Provider;
use keyward_pool::ProviderModelView;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::control::Control;
use crate::error::AdminError;
use crate::field::Moment;
use crate::operation::key::{KeyHealthView, ProofView};
use crate::operation::{Operation, Permit};

/// Shows how well every key of every provider works: standing, success, failures, times, what is left of limits, and the
/// last proof with its age.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SummariseHealth {}

/// How well every key works.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthSummary {
    /// When this was.
    pub at: Moment,
    /// Provider by provider.
    pub providers: Vec<ProviderHealth>,
}

/// A provider and its keys.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProviderHealth {
    /// Its name.
    pub provider: String,
    /// Whether calls may be routed to it.
    pub enabled: bool,
    /// How a key is chosen.
    pub strategy: &'static str,
    /// How many of its keys can be used now.
    pub usable: usize,
    /// Calls under way.
    pub in_flight: u32,
    /// How many it may have under way, while there is such a limit, learned or set.
    pub at_once: Option<u32>,
    /// The same for its models, where such a limit was learned.
    pub limited_models: Vec<LimitedModel>,
    /// Answers that no rule knew, since the server started: they were judged by their status alone.
    pub unknown_answers: u64,
    /// Its keys.
    pub keys: Vec<HealthLine>,
}

/// A model that may have only so many calls under way.
#[derive(Debug, Serialize, ToSchema)]
pub struct LimitedModel {
    /// The provider's own name for it.
    pub model: String,
    /// Calls under way.
    pub in_flight: u32,
    /// How many it may have.
    pub at_once: u32,
}

/// A key in a health summary.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthLine {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Where it is in its life.
    pub state: &'static str,
    /// Whether it can be used now.
    pub usable: bool,
    /// The last proof by asking the provider.
    pub proof: Option<ProofView>,
    /// What is known of its fitness; `null` while its provider is disabled.
    pub health: Option<KeyHealthView>,
}

impl Operation for SummariseHealth {
    type Output = HealthSummary;
    const NAME: &'static str = "health.summary";
    const ACTION: Action = Action::Read;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<HealthSummary, AdminError> {
        let records = control.records().await?;
        let unknown = control.live().unknown_answers;
        let mut providers: Vec<_> = records
            .providers
            .iter()
            .map(|provider| {
                let unknown_answers = unknown.get(&provider.name).copied().unwrap_or(0);
                ProviderHealth { unknown_answers, ..of_provider(control, provider, &records) }
            })
            .collect();
        providers.sort_by(|a, b| a.provider.cmp(&b.provider));
        Ok(HealthSummary { at: Moment(control.now()), providers })
    }
}

fn of_provider(control: &Control, provider: &Provider, records: &Records) -> ProviderHealth {
    let own = records.credentials.iter().filter(|key| key.provider == provider.id);
    let mut keys: Vec<_> = own.map(|key| line(control, key, provider)).collect();
    keys.sort_by(|a, b| a.name.cmp(&b.name));
    let known = control.pools().of(provider.id).map(|pool| pool.provider_view(control.moment()));
    ProviderHealth {
        provider: provider.name.clone(),
        enabled: provider.enabled,
        strategy: provider.strategy.as_str(),
        usable: keys.iter().filter(|key| key.usable).count(),
        in_flight: known.as_ref().map_or(0, |known| known.in_flight),
        at_once: known.as_ref().and_then(|known| known.at_once),
        limited_models: known.map(|known| limited(known.models)).unwrap_or_default(),
        unknown_answers: 0,
        keys,
    }
}

fn limited(models: Vec<ProviderModelView>) -> Vec<LimitedModel> {
    let limited = |known: ProviderModelView| {
        Some(LimitedModel { model: known.model, in_flight: known.in_flight, at_once: known.at_once? })
    };
    models.into_iter().filter_map(limited).collect()
}

fn line(control: &Control, key: &Credential, provider: &Provider) -> HealthLine {
    let now = control.now();
    let known = control.known(key);
    let rests = known.as_ref().is_some_and(|known| !known.standing.is_usable(now));
    let is_over = key.terms.expires_at.is_some_and(|end| end <= now);
    HealthLine {
        id: key.id.to_string(),
        name: key.name.clone(),
        state: key.state.as_str(),
        usable: provider.enabled && key.state == CredentialState::Active && !rests && !is_over,
        proof: key.proof.as_ref().map(ProofView::of),
        health: known.as_ref().map(|known| KeyHealthView::of(known, now)),
    }
}
