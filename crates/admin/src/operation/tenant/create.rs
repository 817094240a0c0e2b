use keyward_domain::ids::TenantId;
use keyward_domain::port::Change;
use keyward_domain::principal::Action;
use keyward_domain::tenancy::Tenant;
use serde::Deserialize;
use utoipa::ToSchema;

use super::TenantView;
use super::update::refuse_taken_name;
use crate::control::Control;
use crate::error::AdminError;
use crate::field::{ModelPattern, Name, Networks, Operations};
use crate::operation::grant::grant_of;
use crate::operation::{Operation, Permit};

/// Creates a tenant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTenant {
    /// What to call it.
    pub name: Name,
    /// Models anybody in it may use: aliases, `provider/model` or bare names, exact or up to a closing `*`. Empty for all.
    #[serde(default)]
    pub models: Vec<ModelPattern>,
    /// Operations anybody in it may use. Empty for all.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub operations: Operations,
    /// Networks that calls may come from. Empty for all.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub addresses: Networks,
}

impl Operation for CreateTenant {
    type Output = TenantView;
    const NAME: &'static str = "tenant.create";
    const ACTION: Action = Action::Write;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<TenantView, AdminError> {
        let records = control.records().await?;
        refuse_taken_name(&records, self.name.as_str(), None)?;
        let grant = grant_of(self.models, self.operations, self.addresses)?;
        let created_at = control.now();
        let tenant = Tenant {
            id: TenantId::mint(created_at, control.entropy())?,
            name: self.name.into_string(),
            enabled: true,
            grant,
            created_at,
            revision: 1,
        };
        control.commit(permit, vec![Change::PutTenant(tenant.clone())], &tenant.id, &tenant.name).await?;
        Ok(TenantView::of(&tenant, &records))
    }

    fn revision(output: &TenantView) -> Option<u64> {
        Some(output.revision)
    }
}
