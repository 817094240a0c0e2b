use keyward_domain::port::Change;
use keyward_domain::principal::Action;
use serde::Deserialize;
use utoipa::ToSchema;

use super::ProviderView;
use crate::control::{Control, check_revision};
use crate::error::AdminError;
use crate::field::Reference;
use crate::operation::{Operation, Permit};

/// Lets calls be routed to a provider again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnableProvider {
    /// Its id or name.
    pub provider: Reference,
    /// The revision that the change is based on.
    pub if_match: Option<u64>,
}

impl Operation for EnableProvider {
    type Output = ProviderView;
    const NAME: &'static str = "provider.enable";
    const ACTION: Action = Action::Write;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<ProviderView, AdminError> {
        let records = control.records().await?;
        let mut provider = Control::find_provider(&records, &self.provider)?.clone();
        check_revision(self.if_match, provider.revision)?;
        if !provider.enabled {
            provider.enabled = true;
            provider.revision += 1;
            control.commit(permit, vec![Change::PutProvider(provider.clone())], &provider.id, &provider.name).await?;
            control.pools().registry().clear_provider(provider.id, control.moment());
        }
        Ok(ProviderView::of(&provider, &records))
    }

    fn revision(output: &ProviderView) -> Option<u64> {
        Some(output.revision)
    }
}
