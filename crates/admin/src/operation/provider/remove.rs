use keyward_domain::alias::Alias;
use keyward_domain::port::Change;
use keyward_domain::principal::Action;
use keyward_domain::scope::{Reach, Scope};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::control::{Control, allowances_on, check_revision};
use crate::error::AdminError;
use crate::field::Reference;
use crate::operation::{Operation, Permit, Removed};

/// Removes a provider that has no keys left and that no alias leads to. Prices set for its models go with it, and so do budgets
/// and limits that are set on it or on its models.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveProvider {
    /// Its id or name.
    pub provider: Reference,
    /// The revision that the removal is based on.
    pub if_match: Option<u64>,
}

impl Operation for RemoveProvider {
    type Output = Removed;
    const NAME: &'static str = "provider.remove";
    const ACTION: Action = Action::Write;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<Removed, AdminError> {
        let records = control.records().await?;
        let provider = Control::find_provider(&records, &self.provider)?;
        check_revision(self.if_match, provider.revision)?;
        let keys = records.credentials.iter().filter(|credential| credential.provider == provider.id).count();
        if keys > 0 {
            let message = format!("The provider `{}` still has {keys} keys. Remove them first.", provider.name);
            return Err(AdminError::InUse(message));
        }
        let leads_here = |target: &String| target.split('/').next() == Some(provider.name.as_str());
        let leads = |alias: &&Alias| alias.targets.iter().chain(alias.fallback.values().flatten()).any(leads_here);
        if let Some(alias) = records.aliases.iter().find(leads) {
            let message =
                format!("The alias `{}` leads to the provider `{}`. Change it first.", alias.name, provider.name);
            return Err(AdminError::InUse(message));
        }
        let prices = records.prices.iter().filter(|price| price.provider == provider.name);
        let prices = prices.map(|price| Change::RemovePrice(price.tenant, price.provider.clone(), price.model.clone()));
        let models = format!("{}/", provider.name);
        let allowances = allowances_on(&records, |_, reach| match reach {
            Reach::One(Scope::Provider(id)) => *id == provider.id,
            Reach::One(Scope::Model(tenant, model)) => *tenant == provider.tenant && model.starts_with(&models),
            _ => false,
        });
        let changes = prices.chain(allowances).chain([Change::RemoveProvider(provider.id)]).collect();
        control.commit(permit, changes, &provider.id, &provider.name).await?;
        Ok(Removed { removed: provider.id.to_string() })
    }
}
