use keyward_domain::ids::BudgetId;
use keyward_domain::principal::{Action, Resource};
use serde::Deserialize;
use utoipa::ToSchema;

use super::BudgetView;
use super::find::find;
use crate::control::Control;
use crate::error::AdminError;
use crate::field::{AllowanceRef, PeriodText};
use crate::operation::{Operation, Permit};

/// Shows one budget, with what was spent; of one on each of a kind, the 20 scopes that spent most.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowBudget {
    /// Its id, or what it is set on.
    #[schema(value_type = String)]
    pub budget: AllowanceRef<BudgetId>,
    /// Its window, where the scope has several budgets.
    #[schema(value_type = Option<String>)]
    pub per: Option<PeriodText>,
}

impl Operation for ShowBudget {
    type Output = BudgetView;
    const NAME: &'static str = "budget.show";
    const ACTION: Action = Action::Read;
    const RESOURCE: Resource = Resource::Tenant;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<BudgetView, AdminError> {
        let records = control.records().await?;
        BudgetView::in_full(control, find(control, &records, &self.budget, self.per)?, &records).await
    }

    fn revision(output: &BudgetView) -> Option<u64> {
        Some(output.revision)
    }
}
