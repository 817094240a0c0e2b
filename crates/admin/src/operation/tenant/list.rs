use keyward_domain::ids::TenantId;
use keyward_domain::principal::{Action, Resource};
use serde::Deserialize;
use utoipa::ToSchema;

use super::TenantView;
use crate::control::Control;
use crate::error::AdminError;
use crate::field::{Cursor, Limit, Page, page_of};
use crate::operation::{Operation, Permit};

/// Lists tenants, oldest first.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListTenants {
    /// The cursor of the page before.
    #[schema(value_type = Option<String>)]
    pub cursor: Option<Cursor<TenantId>>,
    /// How many.
    #[serde(default)]
    pub limit: Limit,
}

impl Operation for ListTenants {
    type Output = Page<TenantView>;
    const NAME: &'static str = "tenant.list";
    const ACTION: Action = Action::Read;
    const RESOURCE: Resource = Resource::Team;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<Page<TenantView>, AdminError> {
        let records = control.records().await?;
        let tenants = Control::tenants(&records).into_iter();
        let wanted = tenants.filter(|tenant| self.cursor.as_ref().is_none_or(|cursor| tenant.id > cursor.0));
        let views = wanted.take(self.limit.as_len() + 1).map(|tenant| TenantView::of(&tenant, &records));
        Ok(page_of(views.collect(), self.limit, |view| view.id.clone()))
    }
}
