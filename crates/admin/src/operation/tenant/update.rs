use keyward_domain::ids::TenantId;
use keyward_domain::port::{Change, Records};
use keyward_domain::principal::Action;
use keyward_domain::tenancy::Tenant;
use serde::Deserialize;
use utoipa::ToSchema;

use super::TenantView;
use crate::control::{Control, check_revision};
use crate::error::AdminError;
use crate::field::{ModelPattern, Name, Networks, Operations, Reference};
use crate::operation::grant::{GrantEdit, changed_parts, in_words};
use crate::operation::{Operation, Permit};

/// Changes a tenant. What is left out stays as it is. What is taken from it is taken from everything below at once.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateTenant {
    /// Its id or name.
    pub tenant: Reference,
    /// The revision that the change is based on.
    pub if_match: Option<u64>,
    /// A new name.
    pub name: Option<Name>,
    /// Whether its keys are accepted.
    pub enabled: Option<bool>,
    /// Models anybody in it may use. Empty for all.
    pub models: Option<Vec<ModelPattern>>,
    /// Operations anybody in it may use. Empty for all.
    #[schema(value_type = Option<Vec<String>>)]
    pub operations: Option<Operations>,
    /// Networks that calls may come from. Empty for all.
    #[schema(value_type = Option<Vec<String>>)]
    pub addresses: Option<Networks>,
}

impl Operation for UpdateTenant {
    type Output = TenantView;
    const NAME: &'static str = "tenant.update";
    const ACTION: Action = Action::Write;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<TenantView, AdminError> {
        let records = control.records().await?;
        let old = Control::find_tenant(&records, &self.tenant)?;
        check_revision(self.if_match, old.revision)?;
        let tenant = self.apply(old.clone())?;
        refuse_taken_name(&records, &tenant.name, Some(tenant.id))?;
        let detail = described(&old, &tenant);
        control.commit(permit, vec![Change::PutTenant(tenant.clone())], &tenant.id, &detail).await?;
        Ok(TenantView::of(&tenant, &records))
    }

    fn revision(output: &TenantView) -> Option<u64> {
        Some(output.revision)
    }
}

impl UpdateTenant {
    fn apply(self, mut tenant: Tenant) -> Result<Tenant, AdminError> {
        if let Some(name) = self.name {
            tenant.name = name.into_string();
        }
        if let Some(enabled) = self.enabled {
            tenant.enabled = enabled;
        }
        let grant = GrantEdit { models: self.models, operations: self.operations, addresses: self.addresses };
        grant.apply(&mut tenant.grant)?;
        tenant.revision += 1;
        Ok(tenant)
    }
}

/// Refuses a name that another tenant has.
pub(super) fn refuse_taken_name(records: &Records, name: &str, own: Option<TenantId>) -> Result<(), AdminError> {
    let mut others = Control::tenants(records).into_iter().filter(|tenant| Some(tenant.id) != own);
    if others.any(|tenant| tenant.name == name) {
        return Err(AdminError::AlreadyExists(format!("There already is a tenant `{name}`. Choose another name.")));
    }
    Ok(())
}

fn described(old: &Tenant, new: &Tenant) -> String {
    let parts = [("name", old.name != new.name), ("enabled", old.enabled != new.enabled)];
    in_words(&new.name, parts.into_iter().chain(changed_parts(&old.grant, &new.grant)))
}
