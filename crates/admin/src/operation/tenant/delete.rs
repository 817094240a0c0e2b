use keyward_domain::ids::TenantId;
use keyward_domain::port::{Change, Records};
use keyward_domain::principal::Action;
use keyward_domain::tenancy::Tenant;
use keyward_domain::virtual_key::KeyStatus;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::control::{Control, check_revision};
use crate::error::AdminError;
use crate::field::Reference;
use crate::operation::in_use::still_has;
use crate::operation::{Operation, Permit, Removed};

/// Deletes a tenant that nothing belongs to. What it cost stays in the ledger.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteTenant {
    /// Its id or name.
    pub tenant: Reference,
    /// The revision that the change is based on.
    pub if_match: Option<u64>,
}

impl Operation for DeleteTenant {
    type Output = Removed;
    const NAME: &'static str = "tenant.delete";
    const ACTION: Action = Action::Write;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<Removed, AdminError> {
        let records = control.records().await?;
        let tenant = Control::find_tenant(&records, &self.tenant)?;
        check_revision(self.if_match, tenant.revision)?;
        if tenant.id == TenantId::DEFAULT {
            let message = "The default tenant is part of every installation. Switch it off, or give it another name.";
            return Err(AdminError::WrongState(message.to_owned()));
        }
        refuse_if_used(&records, &tenant)?;
        control.commit(permit, vec![Change::RemoveTenant(tenant.id)], &tenant.id, &tenant.name).await?;
        Ok(Removed { removed: tenant.id.to_string() })
    }
}

fn refuse_if_used(records: &Records, tenant: &Tenant) -> Result<(), AdminError> {
    let own = |other: TenantId| other == tenant.id;
    let tokens = records.admin_tokens.iter().filter(|token| token.status != KeyStatus::Revoked);
    let tokens = tokens.filter(|token| token.realm.tenant() == Some(tenant.id)).count();
    still_has(
        "tenant",
        &tenant.name,
        &[
            ("virtual key", records.virtual_keys.iter().filter(|key| own(key.tenant)).count()),
            ("user", records.users.iter().filter(|user| own(user.tenant)).count()),
            ("team", records.teams.iter().filter(|team| own(team.tenant)).count()),
            ("provider", records.providers.iter().filter(|provider| own(provider.tenant)).count()),
            ("alias", records.aliases.iter().filter(|alias| own(alias.tenant)).count()),
            ("budget", records.budgets.iter().filter(|budget| own(budget.tenant)).count()),
            ("admin token", tokens),
            ("limit", records.limits.iter().filter(|limit| own(limit.tenant)).count()),
        ],
    )
}
