use keyward_domain::principal::{Action, Resource};
use serde::Deserialize;
use utoipa::ToSchema;

use super::TenantView;
use crate::control::Control;
use crate::error::AdminError;
use crate::field::Reference;
use crate::operation::{Operation, Permit};

/// Shows one tenant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowTenant {
    /// Its id or name.
    pub tenant: Reference,
}

impl Operation for ShowTenant {
    type Output = TenantView;
    const NAME: &'static str = "tenant.show";
    const ACTION: Action = Action::Read;
    const RESOURCE: Resource = Resource::Team;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<TenantView, AdminError> {
        let records = control.records().await?;
        Ok(TenantView::of(&Control::find_tenant(&records, &self.tenant)?, &records))
    }

    fn revision(output: &TenantView) -> Option<u64> {
        Some(output.revision)
    }
}
