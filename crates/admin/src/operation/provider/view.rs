use keyward_domain::credential::CredentialState;
use keyward_domain::port::Records;
use keyward_domain::provider::Provider;
use serde::Serialize;
use utoipa::ToSchema;

use super::RuleText;
use crate::field::Moment;

/// A provider as the control plane shows it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProviderView {
    /// Its id.
    pub id: String,
    /// What people and `provider/model` names call it.
    pub name: String,
    /// The sort of server: `openai`, `anthropic`, `gemini`, `openai_compatible`, `sandbox`.
    pub kind: &'static str,
    /// Where it is.
    pub base_url: String,
    /// Whether calls may be routed to it.
    pub enabled: bool,
    /// Whether models without a price cost nothing here.
    pub free: bool,
    /// Which part of the price catalog describes it.
    pub catalog: Option<String>,
    /// How a key of its pool is chosen.
    pub strategy: &'static str,
    /// How many calls it is sent at once: `adaptive`, a number, or `off`.
    pub concurrency: String,
    /// What the operator says that its answers mean, before the tables that are built in.
    pub rules: Vec<RuleText>,
    /// How many keys it has.
    pub keys: usize,
    /// How many of them are in use.
    pub active_keys: usize,
    /// When it was created.
    pub created_at: Moment,
    /// Grows by one with every change; send it back as `If-Match`.
    pub revision: u64,
}

impl ProviderView {
    /// The view of a provider among its records.
    pub fn of(provider: &Provider, records: &Records) -> Self {
        let keys = || records.credentials.iter().filter(|credential| credential.provider == provider.id);
        Self {
            id: provider.id.to_string(),
            name: provider.name.clone(),
            kind: provider.kind.as_str(),
            base_url: provider.base_url.to_string(),
            enabled: provider.enabled,
            free: provider.free,
            catalog: provider.catalog.clone(),
            strategy: provider.strategy.as_str(),
            concurrency: provider.concurrency.to_string(),
            rules: provider.rules.iter().map(RuleText::of).collect(),
            keys: keys().count(),
            active_keys: keys().filter(|credential| credential.state == CredentialState::Active).count(),
            created_at: Moment(provider.created_at),
            revision: provider.revision,
        }
    }
}
