use keyward_domain::ids::{ProviderId, TenantId};
use keyward_domain::origin::BaseUrl;
use keyward_domain::port::{Change, Records};
use keyward_domain::principal::Action;
use keyward_domain::provider::{Provider, ProviderKind};
use keyward_domain::routing::{Concurrency, Strategy};
use serde::Deserialize;
use utoipa::ToSchema;

use super::rules::rules_of;
use super::{ProviderView, RuleText};
use crate::control::{Control, check_destination};
use crate::error::AdminError;
use crate::field::Name;
use crate::operation::{Operation, Permit};

/// Adds a provider: one that is known by name (`preset`), or any server by its base URL.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddProvider {
    /// A provider known by name, such as `openai`, `anthropic`, `gemini`, `groq`, `sandbox`. The other fields change
    /// what it fills in.
    pub preset: Option<Name>,
    /// What to call it; the preset's name when left out.
    pub name: Option<Name>,
    /// The sort of server: `openai`, `anthropic`, `gemini`, `openai_compatible`, `sandbox`. Without a preset,
    /// `openai_compatible` when left out.
    pub kind: Option<String>,
    /// Where it is, such as `https://api.example.com/v1`.
    pub base_url: Option<String>,
    /// Declares that models without a price cost nothing here.
    pub free: Option<bool>,
    /// Which part of the price catalog describes it.
    pub catalog: Option<Name>,
    /// How a key of its pool is chosen: `adaptive` (when left out), `round_robin`, `least_used`, `weighted`,
    /// `health_based`, `cost_optimized`, `latency`, `random`, `single`.
    #[schema(value_type = Option<String>)]
    pub strategy: Option<Strategy>,
    /// How many calls it is sent at once: `adaptive` (when left out: any number, until it shows that they are too many), a
    /// number that is never exceeded, or `off`.
    #[schema(value_type = Option<String>)]
    pub concurrency: Option<Concurrency>,
    /// What its answers mean, before the tables that are built in.
    #[serde(default)]
    pub rules: Vec<RuleText>,
}

impl Operation for AddProvider {
    type Output = ProviderView;
    const NAME: &'static str = "provider.add";
    const ACTION: Action = Action::Write;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<ProviderView, AdminError> {
        let provider = self.fill_in(control)?;
        check_destination(provider.kind, &provider.base_url)?;
        let records = control.records().await?;
        if records.providers.iter().any(|other| other.name == provider.name) {
            let message = format!("There already is a provider `{}`. Choose another name.", provider.name);
            return Err(AdminError::AlreadyExists(message));
        }
        let detail = format!("{} at {}", provider.name, provider.base_url);
        control.commit(permit, vec![Change::PutProvider(provider.clone())], &provider.id, &detail).await?;
        Ok(ProviderView::of(&provider, &Records::default()))
    }

    fn revision(output: &ProviderView) -> Option<u64> {
        Some(output.revision)
    }
}

impl AddProvider {
    fn fill_in(self, control: &Control) -> Result<Provider, AdminError> {
        let preset = match &self.preset {
            Some(name) => Some(keyward_provider::preset(name.as_str()).ok_or_else(|| unknown_preset(name))?),
            None => None,
        };
        let kind = match &self.kind {
            Some(word) => parse_kind(word)?,
            None => preset.map_or(ProviderKind::OpenAiCompatible, |preset| preset.kind),
        };
        let base_url = self.base_url.as_deref().or(preset.map(|preset| preset.base_url));
        let name = self.name.map(Name::into_string).or(preset.map(|preset| preset.name.to_owned()));
        let now = control.now();
        Ok(Provider {
            id: ProviderId::mint(now, control.entropy())?,
            tenant: TenantId::DEFAULT,
            name: name.ok_or_else(|| AdminError::invalid_field("name", "give the provider a name"))?,
            kind,
            base_url: parse_base_url(base_url)?,
            enabled: true,
            free: self.free.unwrap_or_else(|| preset.is_some_and(|preset| preset.free)),
            strategy: self.strategy.unwrap_or_default(),
            concurrency: self.concurrency.unwrap_or_default(),
            rules: rules_of(self.rules)?,
            catalog: self.catalog.map(Name::into_string).or(preset.and_then(|p| p.catalog).map(str::to_owned)),
            created_at: now,
            revision: 1,
        })
    }
}

fn parse_kind(word: &str) -> Result<ProviderKind, AdminError> {
    ProviderKind::parse(word).ok_or_else(|| {
        let known = ProviderKind::ALL.map(ProviderKind::as_str).join(", ");
        AdminError::invalid_field("kind", format!("the kind is one of: {known}"))
    })
}

fn parse_base_url(text: Option<&str>) -> Result<BaseUrl, AdminError> {
    let text = text
        .ok_or_else(|| AdminError::invalid_field("base_url", "give a base URL, or the preset of a known provider"))?;
    // The reason alone: the text may hold a key that was pasted into the URL.
    text.parse().map_err(|error: keyward_domain::origin::OriginError| {
        AdminError::invalid_field("base_url", format!("this is not a usable base URL: {}", error.reason))
    })
}

fn unknown_preset(name: &Name) -> AdminError {
    let known: Vec<_> = keyward_provider::presets().iter().map(|preset| preset.name).collect();
    AdminError::invalid_field(
        "preset",
        format!("`{name}` is not a provider known by name; give its base_url, or one of: {}", known.join(", ")),
    )
}
