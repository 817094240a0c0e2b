use keyward_domain::budget::{Budget, TopUp};
use keyward_domain::port::Records;
use keyward_domain::time::Timestamp;
use keyward_domain::window::Period;
use serde::Serialize;
use utoipa::ToSchema;

use super::BalanceLine;
use crate::control::{Balances, Control, Whose, reach_text, setter_word};
use crate::error::AdminError;
use crate::field::{Moment, PeriodText, Share, usd};

/// Scopes of a budget on each of a kind that are shown when one budget is, at most.
const SHOWN: usize = 20;

/// A budget as the control plane shows it.
#[derive(Debug, Serialize, ToSchema)]
pub struct BudgetView {
    /// Its id.
    pub id: String,
    /// What it is set on, such as `team:research` or `each:user`.
    pub scope: String,
    /// Who has set it: those who administer the `installation`, or those of the `tenant`, who change theirs only.
    pub set_by: &'static str,
    /// What may be spent within one window, in dollars, without top-ups.
    pub usd: String,
    /// The same in nano-dollars.
    pub nanodollars: i64,
    /// What may be spent within the window of this moment, in dollars, with the top-ups that have not ended.
    pub usd_now: String,
    /// The window: `hour`, `day`, `week`, `month`, `rolling:30d`, `anchored:14d@2026-11-01T00:00:00Z`.
    pub per: String,
    /// Whose midnight counts.
    pub zone: String,
    /// The first day of a week; `null` for other windows.
    pub week_starts: Option<&'static str>,
    /// The day on which windows of a month begin; `null` for other windows.
    pub month_day: Option<u8>,
    /// `hard` (refuses) or `soft` (tells somebody).
    pub kind: &'static str,
    /// `enforce`, or `observe`: lets everything pass and counts what it would have refused.
    pub mode: &'static str,
    /// `adaptive` or `strict`.
    pub hold: &'static str,
    /// Shares of the amount, in percent, at which somebody is told.
    pub alert_at: Vec<String>,
    /// More money for a while, the one that ends first in front.
    pub top_ups: Vec<TopUpView>,
    /// What was spent in the window of this moment. Of a budget on each of a kind, those who spent most.
    pub balances: Vec<BalanceLine>,
    /// How many scopes have spent or reserved anything in it.
    pub scopes: usize,
    /// How many of them have nothing left.
    pub exhausted: usize,
    /// When it was created.
    pub created_at: Moment,
    /// Grows by one with every change; send it back as `If-Match`.
    pub revision: u64,
}

/// More money until a moment.
#[derive(Debug, Serialize, ToSchema)]
pub struct TopUpView {
    /// How much more, in dollars.
    pub usd: String,
    /// Up to when.
    pub until: Moment,
}

impl BudgetView {
    /// The views at this moment of these budgets, with the figures of whom they are wanted.
    pub(super) async fn of_all(
        control: &Control,
        budgets: Vec<Budget>,
        records: &Records,
        whose: Whose,
    ) -> Result<Vec<Self>, AdminError> {
        let now = control.now();
        let mut balances = control.balances(budgets.clone(), records, whose).await?;
        let view = |budget: &Budget| Self::of(budget, &balances.remove(&budget.id).unwrap_or_default(), records, now);
        Ok(budgets.iter().map(view).collect())
    }

    /// The view of one budget, in full.
    pub(super) async fn in_full(control: &Control, budget: &Budget, records: &Records) -> Result<Self, AdminError> {
        let now = control.now();
        let mut balances = control.balances(vec![budget.clone()], records, Whose::Most(SHOWN)).await?;
        Ok(Self::of(budget, &balances.remove(&budget.id).unwrap_or_default(), records, now))
    }

    fn of(budget: &Budget, balances: &Balances, records: &Records, now: Timestamp) -> Self {
        let period = budget.windows.period;
        Self {
            id: budget.id.to_string(),
            scope: reach_text(records, budget.tenant, &budget.reach),
            set_by: setter_word(budget.set_by),
            usd: usd(budget.amount),
            nanodollars: budget.amount.0,
            usd_now: usd(budget.amount_at(now)),
            per: PeriodText::of(period).to_string(),
            zone: budget.windows.zone.to_string(),
            week_starts: if let Period::Week { starts } = period { Some(starts.as_str()) } else { None },
            month_day: if let Period::Month { starts } = period { Some(starts) } else { None },
            kind: budget.kind.as_str(),
            mode: budget.mode.as_str(),
            hold: budget.hold.as_str(),
            alert_at: budget.alert_at.iter().map(|share| Share::of(*share).to_string()).collect(),
            top_ups: budget.top_ups.iter().filter(|top_up| now < top_up.until).map(TopUpView::of).collect(),
            balances: balances.most.iter().map(|view| BalanceLine::of(view, budget, records, now)).collect(),
            scopes: balances.scopes,
            exhausted: balances.exhausted,
            created_at: Moment(budget.created_at),
            revision: budget.revision,
        }
    }
}

impl TopUpView {
    fn of(top_up: &TopUp) -> Self {
        Self { usd: usd(top_up.amount), until: Moment(top_up.until) }
    }
}
