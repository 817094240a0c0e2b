use keyward_domain::principal::Action;
use serde::Deserialize;
use utoipa::ToSchema;

use super::ProviderView;
use crate::control::Control;
use crate::error::AdminError;
use crate::field::Reference;
use crate::operation::{Operation, Permit};

/// Shows one provider.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowProvider {
    /// Its id or name.
    pub provider: Reference,
}

impl Operation for ShowProvider {
    type Output = ProviderView;
    const NAME: &'static str = "provider.show";
    const ACTION: Action = Action::Read;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<ProviderView, AdminError> {
        let records = control.records().await?;
        Ok(ProviderView::of(Control::find_provider(&records, &self.provider)?, &records))
    }

    fn revision(output: &ProviderView) -> Option<u64> {
        Some(output.revision)
    }
}
