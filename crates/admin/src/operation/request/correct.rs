use keyward_domain::ids::RequestId;
use keyward_domain::ledger::{Correction, Entry, RequestRow};
use keyward_domain::money::Nanodollars;
use keyward_domain::principal::Action;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::CorrectionView;
use crate::control::Control;
use crate::error::AdminError;
use crate::field::{Adjustment, Reason, usd};
use crate::operation::{Operation, Permit};

/// Corrects what a request cost. A new entry of the ledger says by how much and why, and counts where the attempt
/// counts; rows are never changed. A correction may be larger than what was spent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CorrectLedger {
    /// Its id, as in `x-keyward-request-id`.
    #[schema(value_type = String)]
    pub request: RequestId,
    /// Which of its attempts; the last one when left out.
    pub attempt: Option<u8>,
    /// What is added to its cost; negative for a refund.
    pub usd: Adjustment,
    /// Why.
    pub reason: Reason,
}

/// What a correction came to.
#[derive(Debug, Serialize, ToSchema)]
pub struct Corrected {
    /// The request.
    pub request: String,
    /// The new entry.
    pub correction: CorrectionView,
    /// What the request costs now, in nano-dollars.
    pub cost_nanodollars: i64,
    /// The same in dollars.
    pub cost_usd: String,
    /// By how much its corrections exceed what it cost, in dollars; `null` when they do not. What its scopes spent may
    /// then be below zero, which gives no more room than an unused budget has.
    pub below_zero_usd: Option<String>,
}

impl Operation for CorrectLedger {
    type Output = Corrected;
    const NAME: &'static str = "ledger.correct";
    const ACTION: Action = Action::Write;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<Corrected, AdminError> {
        let id = self.request;
        let row = control.read(move |store| store.request(id)).await?;
        let row = row.ok_or_else(|| AdminError::not_found("request", &id.to_string()))?;
        let entry = self.entry(&row, control)?;
        let cost: Nanodollars = row.attempts.iter().filter_map(|entry| entry.cost).sum();
        let (amount, after) = (self.usd.0, cost + self.usd.0);
        let below_zero = (after < Nanodollars::ZERO).then(|| usd(Nanodollars::ZERO - after));
        let floor = below_zero.as_ref().map(|by| format!("; {by} USD more than it cost")).unwrap_or_default();
        let detail = format!("attempt {} by {} USD: {}{floor}", self.of(&row)?, usd(amount), self.reason.0);
        let view = CorrectionView::of(&entry);
        control.correct(permit, vec![entry], &id, &detail).await?;
        Ok(Corrected {
            request: id.to_string(),
            correction: view,
            cost_nanodollars: after.0,
            cost_usd: usd(after),
            below_zero_usd: below_zero,
        })
    }
}

impl CorrectLedger {
    /// The number of the attempt that is meant.
    fn of(&self, row: &RequestRow) -> Result<u8, AdminError> {
        let numbers: Vec<u8> = row.made().map(|entry| entry.subject.attempt.number).collect();
        let meant = self.attempt.or_else(|| numbers.last().copied());
        meant.filter(|number| numbers.contains(number)).ok_or_else(|| {
            AdminError::invalid_field("attempt", "the request has no such attempt; a refused one costs nothing")
        })
    }

    fn entry(&self, row: &RequestRow, control: &Control) -> Result<Entry, AdminError> {
        let corrects = self.of(row)?;
        let attempt = row.made().find(|entry| entry.subject.attempt.number == corrects).ok_or(AdminError::Internal)?;
        let full = || AdminError::WrongState("This request has as many corrections as it can have.".to_owned());
        let number = row.next_correction().ok_or_else(full)?;
        let (made_at, reason) = (control.now(), self.reason.0.clone());
        let note = Correction { corrects, made_at, reason, repriced: false, prices: false };
        Ok(attempt.corrected(number, self.usd.0, &attempt.subject.price_version, &note))
    }
}
