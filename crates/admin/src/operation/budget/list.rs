use keyward_domain::budget::Budget;
use keyward_domain::ids::BudgetId;
use keyward_domain::principal::Action;
use serde::Deserialize;
use utoipa::ToSchema;

use super::BudgetView;
use crate::control::{Control, resolve_reach};
use crate::error::AdminError;
use crate::field::{Cursor, Limit, Page, ReachText, page_of};
use crate::operation::{Operation, Permit};

/// Lists budgets.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListBudgets {
    /// Only those that are set on this.
    #[schema(value_type = Option<String>)]
    pub scope: Option<ReachText>,
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

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<Page<BudgetView>, AdminError> {
        let records = control.records().await?;
        let on = self.scope.map(|scope| resolve_reach(&records, &scope)).transpose()?;
        let wanted = |budget: &&Budget| {
            let is_there = |(tenant, reach): &(_, _)| budget.tenant == *tenant && budget.reach == *reach;
            on.as_ref().is_none_or(is_there) && self.cursor.as_ref().is_none_or(|cursor| budget.id > cursor.0)
        };
        let mut budgets: Vec<_> = records.budgets.iter().filter(wanted).collect();
        budgets.sort_by_key(|budget| budget.id);
        let now = control.now();
        let views = budgets.into_iter().take(self.limit.as_len() + 1);
        let views = views.map(|budget| BudgetView::of(budget, &records, now));
        Ok(page_of(views.collect(), self.limit, |view| view.id.clone()))
    }
}
