use std::fmt::Write as _;

use keyward_domain::credential::{Credential, CredentialState, Finding, Proof};
use keyward_domain::origin::BaseUrl;
use keyward_domain::port::{Change, Records};
use keyward_domain::principal::Action;
use keyward_domain::provider::Provider;
use keyward_domain::routing::{Concurrency, Strategy};
use keyward_domain::time::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;

use super::rename::renamed;
use super::rules::rules_of;
use super::{ProviderView, RuleText};
use crate::control::{Control, check_destination, check_revision};
use crate::error::AdminError;
use crate::field::{Name, Reference, sent};
use crate::operation::{Operation, Permit};

/// Changes a provider. A base URL on another host, port or scheme voids the provider's keys: they were sealed for the
/// old destination and have to be entered again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateProvider {
    /// Its id or name.
    pub provider: Reference,
    /// The revision that the change is based on.
    pub if_match: Option<u64>,
    /// A new name.
    pub name: Option<Name>,
    /// A new base URL.
    pub base_url: Option<String>,
    /// Whether models without a price cost nothing here.
    pub free: Option<bool>,
    /// Which part of the price catalog describes it; `null` for none.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<Name>)]
    pub catalog: Option<Option<Name>>,
    /// How a key of its pool is chosen: `adaptive`, `round_robin`, `least_used`, `weighted`, `health_based`,
    /// `cost_optimized`, `latency`, `random`, `single`.
    #[schema(value_type = Option<String>)]
    pub strategy: Option<Strategy>,
    /// How many calls it is sent at once: `adaptive`, a number that is never exceeded, or `off`.
    #[schema(value_type = Option<String>)]
    pub concurrency: Option<Concurrency>,
    /// What its answers mean, before the tables that are built in: all rules, in place of those before.
    pub rules: Option<Vec<RuleText>>,
}

impl Operation for UpdateProvider {
    type Output = ProviderView;
    const NAME: &'static str = "provider.update";
    const ACTION: Action = Action::Write;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<ProviderView, AdminError> {
        let mut records = control.records().await?;
        let old = Control::find_provider(&records, &self.provider)?.clone();
        check_revision(self.if_match, old.revision)?;
        let new = self.apply(&old)?;
        check_destination(new.kind, &new.base_url)?;
        refuse_taken_name(&records, &new)?;

        let keys = moved_keys(&records, &old, &new, control.now());
        let voided = keys.iter().filter(|key| key.sealed_for.origin != new.base_url.origin).count();
        let detail = described(&old, &new, voided);
        let mut changes = vec![Change::PutProvider(new.clone())];
        changes.extend(keys.iter().cloned().map(Change::PutCredential));
        changes.extend(renamed(&records, &old.name, &new.name));
        control.commit(permit, changes, &new.id, &detail).await?;

        for key in keys {
            if let Some(held) = records.credentials.iter_mut().find(|held| held.id == key.id) {
                *held = key;
            }
        }
        Ok(ProviderView::of(&new, &records))
    }

    fn revision(output: &ProviderView) -> Option<u64> {
        Some(output.revision)
    }
}

impl UpdateProvider {
    fn apply(self, old: &Provider) -> Result<Provider, AdminError> {
        let mut new = old.clone();
        if let Some(name) = self.name {
            new.name = name.into_string();
        }
        if let Some(text) = self.base_url {
            new.base_url = text.parse::<BaseUrl>().map_err(|error| {
                AdminError::invalid_field("base_url", format!("this is not a usable base URL: {}", error.reason))
            })?;
        }
        new.free = self.free.unwrap_or(new.free);
        new.strategy = self.strategy.unwrap_or(new.strategy);
        new.concurrency = self.concurrency.unwrap_or(new.concurrency);
        if let Some(rules) = self.rules {
            new.rules = rules_of(rules)?;
        }
        if let Some(catalog) = self.catalog {
            new.catalog = catalog.map(Name::into_string);
        }
        new.revision += 1;
        Ok(new)
    }
}

fn described(old: &Provider, new: &Provider, voided: usize) -> String {
    let mut said = format!("{} -> {}, {} -> {}, keys voided: {voided}", old.name, new.name, old.base_url, new.base_url);
    if old.strategy != new.strategy {
        let _ = write!(said, ", {} -> {}", old.strategy.as_str(), new.strategy.as_str());
    }
    if old.concurrency != new.concurrency {
        let _ = write!(said, ", calls at once: {} -> {}", old.concurrency, new.concurrency);
    }
    if old.rules != new.rules {
        let _ = write!(said, ", rules: {} -> {}", old.rules.len(), new.rules.len());
    }
    said
}

fn refuse_taken_name(records: &Records, new: &Provider) -> Result<(), AdminError> {
    let taken = records.providers.iter().any(|other| other.id != new.id && other.name == new.name);
    if taken {
        let message = format!("There already is a provider `{}`. Choose another name.", new.name);
        return Err(AdminError::AlreadyExists(message));
    }
    Ok(())
}

/// The provider's keys as they are after the move. On the same origin they go along, because the seal binds the origin;
/// for any other they stay sealed for the old one and are out of use.
fn moved_keys(records: &Records, old: &Provider, new: &Provider, now: Timestamp) -> Vec<Credential> {
    if old.base_url == new.base_url {
        return Vec::new();
    }
    let keys = records.credentials.iter().filter(|credential| credential.provider == old.id).cloned();
    keys.map(|mut key| {
        key.revision += 1;
        if key.sealed_for.origin == new.base_url.origin || key.envelope.is_empty() {
            key.sealed_for = new.base_url.clone();
        } else {
            // What people switched off stays off, whatever is entered again.
            if !key.state.is_off() {
                key.state = CredentialState::Suspect;
            }
            let detail = "The provider's base URL changed: enter this key again.".to_owned();
            key.proof = Some(Proof { at: now, finding: Finding::Unreachable, detail });
        }
        key
    })
    .collect()
}
