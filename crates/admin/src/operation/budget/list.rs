use keyward_domain::budget::Budget;
use keyward_domain::ids::BudgetId;
use keyward_domain::principal::{Action, Resource};
use serde::Deserialize;
use utoipa::ToSchema;

use super::BudgetView;
use crate::control::{Control, Whose};
use crate::error::AdminError;
use crate::field::{Cursor, Limit, Page, ReachText, page_of};
use crate::operation::{Operation, Permit};

/// Scopes of a budget on each of a kind that are listed, at most.
const LISTED: usize = 3;

/// Lists budgets, with what was spent; of those on each of a kind, the 3 scopes that spent most.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListBudgets {
    /// Only those that are set on this.
    #[schema(value_type = Option<String>)]
    pub scope: Option<ReachText>,
    /// Only those that apply to this one scope, such as `user:ada`: set on it, or on each of its kind. The figures are
    /// its own.
    #[schema(value_type = Option<String>)]
    pub applies_to: Option<ReachText>,
    /// The cursor of the page before.
    #[schema(value_type = Option<String>)]
    pub cursor: Option<Cursor<BudgetId>>,
    /// How many.
    #[serde(default)]
    pub limit: Limit,
}

impl Operation for ListBudgets {
    type Output = Page<BudgetView>;
    const NAME: &'static str = "budget.list";
    const ACTION: Action = Action::Read;
    const RESOURCE: Resource = Resource::Tenant;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<Page<BudgetView>, AdminError> {
        let records = control.records().await?;
        let on = self.scope.map(|scope| control.reach_of(&records, &scope)).transpose()?;
        let whose = match self.applies_to {
            None => Whose::Most(LISTED),
            Some(scope) => control.scope_of(&records, &scope).map(|(tenant, scope)| Whose::This(tenant, scope))?,
        };
        let wanted = |budget: &&Budget| {
            let is_there = |(tenant, reach): &(_, _)| budget.tenant == *tenant && budget.reach == *reach;
            on.as_ref().is_none_or(is_there)
                && whose.is_reached_by(budget.tenant, &budget.reach)
                && self.cursor.as_ref().is_none_or(|cursor| budget.id > cursor.0)
        };
        let mut budgets: Vec<_> = records.budgets.iter().filter(wanted).collect();
        budgets.sort_by_key(|budget| budget.id);
        let budgets = budgets.into_iter().take(self.limit.as_len() + 1).cloned().collect();
        let views = BudgetView::of_all(control, budgets, &records, whose).await?;
        Ok(page_of(views, self.limit, |view| view.id.clone()))
    }
}
