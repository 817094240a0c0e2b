use keyward_domain::ids::BudgetId;
use keyward_domain::port::Change;
use keyward_domain::principal::{Action, Resource};
use serde::Deserialize;
use utoipa::ToSchema;

use super::find::find;
use crate::control::{Control, check_revision, reach_text};
use crate::error::AdminError;
use crate::field::{AllowanceRef, PeriodText};
use crate::operation::{Operation, Permit, Removed};

/// Deletes a budget: nothing is refused on its behalf any more. What was spent stays in the ledger.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteBudget {
    /// Its id, or what it is set on.
    #[schema(value_type = String)]
    pub budget: AllowanceRef<BudgetId>,
    /// Its window, where the scope has several budgets.
    #[schema(value_type = Option<String>)]
    pub per: Option<PeriodText>,
    /// The revision that the removal is based on.
    pub if_match: Option<u64>,
}

impl Operation for DeleteBudget {
    type Output = Removed;
    const NAME: &'static str = "budget.delete";
    const ACTION: Action = Action::Write;
    const RESOURCE: Resource = Resource::Tenant;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<Removed, AdminError> {
        let records = control.records().await?;
        let budget = find(control, &records, &self.budget, self.per)?;
        control.refuse_if_set_above("budget", budget.set_by, &records, (budget.tenant, &budget.reach))?;
        check_revision(self.if_match, budget.revision)?;
        let name = reach_text(&records, budget.tenant, &budget.reach);
        let detail = format!("{name} per {}", PeriodText::of(budget.windows.period));
        control.commit(permit, vec![Change::RemoveBudget(budget.id)], &budget.id, &detail).await?;
        Ok(Removed { removed: budget.id.to_string() })
    }
}
