use keyward_domain::budget::Budget;
use keyward_domain::money::Nanodollars;
use keyward_domain::port::Records;
use keyward_domain::principal::{Action, Realm, Resource};
use serde::Deserialize;
use utoipa::ToSchema;

use super::view::{ExhaustedBudget, StatusView};
use super::warning::{Scene, warnings, warnings_of_part};
use crate::control::{Control, Whose, reach_text};
use crate::error::AdminError;
use crate::field::PeriodText;
use crate::operation::{Operation, Permit};

/// Exhausted budgets that one page tells of.
const MAX_EXHAUSTED: usize = 50;

/// Shows one page of everything: what runs, what is kept, what it cost, and what needs attention.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowStatus {}

impl Operation for ShowStatus {
    type Output = StatusView;
    const NAME: &'static str = "status.show";
    const ACTION: Action = Action::Read;
    const RESOURCE: Resource = Resource::Team;

    async fn perform(self, control: &Control, _: &Permit<'_>) -> Result<StatusView, AdminError> {
        let (records, totals) = control.read(|store| Ok((store.load()?, store.ledger_totals()?))).await?;
        let live = control.live();
        let locked = control.vault().is_locked();
        let now = control.now();
        // Balances and counters are everybody's.
        let whole = control.realm() == Realm::Installation;
        let exhausted = if whole { exhausted(control, &records).await? } else { Vec::new() };
        let degraded = if whole { control.degraded_counters() } else { None };
        let (exhausted, degraded) = (exhausted.as_slice(), degraded.as_deref());
        let scene = Scene { records: &records, totals, live: &live, locked, now, exhausted, degraded };
        if whole {
            return Ok(StatusView::of(control, &scene, warnings(control, &scene)));
        }
        Ok(StatusView::of_part(&scene, warnings_of_part(&scene)))
    }
}

/// Budgets that refuse and have nothing left. One of nothing is a closed door that somebody closed: no news.
async fn exhausted(control: &Control, records: &Records) -> Result<Vec<ExhaustedBudget>, AdminError> {
    let is_ceiling = |budget: &&Budget| budget.refuses() && budget.amount > Nanodollars::ZERO;
    let budgets: Vec<_> = records.budgets.iter().filter(is_ceiling).cloned().collect();
    let balances = control.balances(budgets.clone(), records, Whose::Most(0)).await?;
    let line = |budget: &Budget| {
        let scopes = balances.get(&budget.id).map_or(0, |balances| balances.exhausted);
        (scopes > 0).then(|| ExhaustedBudget {
            id: budget.id.to_string(),
            scope: reach_text(records, budget.tenant, &budget.reach),
            per: PeriodText::of(budget.windows.period).to_string(),
            scopes,
        })
    };
    Ok(budgets.iter().filter_map(line).take(MAX_EXHAUSTED).collect())
}
