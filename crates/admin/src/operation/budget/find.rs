use keyward_domain::budget::Budget;
use keyward_domain::ids::{BudgetId, TenantId};
use keyward_domain::port::Records;
use keyward_domain::scope::Reach;

use crate::control::{Control, own_first, reach_text};
use crate::error::AdminError;
use crate::field::{AllowanceRef, PeriodText};

/// The budgets that are set on this.
pub(super) fn budgets_on<'r>(records: &'r Records, tenant: TenantId, reach: &Reach) -> Vec<&'r Budget> {
    records.budgets.iter().filter(|budget| budget.reach == *reach && budget.tenant == tenant).collect()
}

/// The one of them; none when there is none. Of several, one has to be named.
pub(super) fn only_of<'r>(there: &[&'r Budget], name: &str) -> Result<Option<&'r Budget>, AdminError> {
    match there {
        [] => Ok(None),
        [only] => Ok(Some(only)),
        several => {
            let windows: Vec<_> =
                several.iter().map(|budget| format!("`{}`", PeriodText::of(budget.windows.period))).collect();
            let message = format!("`{name}` has several: say which by its window, one of {}", windows.join(", "));
            Err(AdminError::Ambiguous("budget", message))
        }
    }
}

/// The budget of this id, or on this scope with this window: the one that was set for the realm of who asks, if there is
/// one.
pub(super) fn find<'r>(
    control: &Control,
    records: &'r Records,
    reference: &AllowanceRef<BudgetId>,
    per: Option<PeriodText>,
) -> Result<&'r Budget, AdminError> {
    let (there, name) = match reference {
        AllowanceRef::Id(id) => {
            let found = records.budgets.iter().find(|budget| budget.id == *id);
            (found.into_iter().collect(), id.to_string())
        }
        AllowanceRef::On(text) => {
            let (tenant, reach) = control.reach_of(records, text)?;
            (budgets_on(records, tenant, &reach), reach_text(records, tenant, &reach))
        }
    };
    let named = |budget: &&Budget| per.is_none_or(|per| per.names(budget.windows.period, &budget.windows.zone));
    let there = own_first(there.into_iter().filter(named).collect(), control.realm(), |budget| budget.set_by);
    only_of(&there, &name)?.ok_or_else(|| match per {
        None => AdminError::not_found("budget", &name),
        Some(per) => AdminError::not_found("budget", &format!("{name} per {per}")),
    })
}
