use keyward_domain::budget::{Budget, TopUp};
use keyward_domain::port::Records;
use keyward_domain::time::Timestamp;
use keyward_domain::window::Period;
use serde::Serialize;
use utoipa::ToSchema;

use crate::control::reach_text;
use crate::field::{Moment, PeriodText, Share, usd};

/// A budget as the control plane shows it.
#[derive(Debug, Serialize, ToSchema)]
pub struct BudgetView {
    /// Its id.
    pub id: String,
    /// What it is set on, such as `team:research` or `each:user`.
    pub scope: String,
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
    /// The view at this moment.
    pub fn of(budget: &Budget, records: &Records, now: Timestamp) -> Self {
        let period = budget.windows.period;
        Self {
            id: budget.id.to_string(),
            scope: reach_text(records, budget.tenant, &budget.reach),
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
