use jiff::tz::TimeZone;
use keyward_domain::budget::Budget;
use keyward_domain::money::Nanodollars;
use keyward_domain::port::Records;
use keyward_domain::time::Timestamp;
use keyward_domain::window::{Window, Zone};
use keyward_limit::book::BalanceView;
use serde::Serialize;
use utoipa::ToSchema;

use crate::control::scope_text;
use crate::field::{Moment, usd};

/// What one scope has spent under a budget in the window of this moment: the figures that its calls are measured against.
#[derive(Debug, Serialize, ToSchema)]
pub struct BalanceLine {
    /// Whose, such as `user:ada`.
    pub scope: String,
    /// Whether what was spent is known. Until it has been read from the ledger, calls are refused.
    pub known: bool,
    /// What may be spent, in dollars, with top-ups.
    pub limit_usd: String,
    /// The same in nano-dollars.
    pub limit_nanodollars: i64,
    /// What was spent, in dollars.
    pub spent_usd: String,
    /// The same in nano-dollars.
    pub spent_nanodollars: i64,
    /// What calls in flight have reserved, in dollars.
    pub reserved_usd: String,
    /// The same in nano-dollars.
    pub reserved_nanodollars: i64,
    /// What is left, in dollars.
    pub left_usd: String,
    /// The same in nano-dollars.
    pub left_nanodollars: i64,
    /// What will have been spent when the window ends, in dollars, if it goes on as it did so far; `null` when it is too
    /// early to tell, and for a rolling window, which never ends.
    pub forecast_usd: Option<String>,
    /// The same in nano-dollars.
    pub forecast_nanodollars: Option<i64>,
    /// When the window began.
    pub from: Moment,
    /// When it ends: what was spent counts no longer. `null` for a rolling window, which it leaves little by little.
    pub resets_at: Option<Moment>,
    /// The same as the clock on the wall shows it in the budget's zone, with the offset.
    pub resets_local: Option<String>,
}

/// The part of a window that has to be over before anything is forecast: one in so many.
const TOO_EARLY: i64 = 100;

impl BalanceLine {
    pub(super) fn of(view: &BalanceView, budget: &Budget, records: &Records, now: Timestamp) -> Self {
        let ends = (!budget.windows.are_rolling()).then_some(view.window.until);
        let forecast = ends.and_then(|_| forecast(view.spent, view.window, now));
        Self {
            scope: scope_text(records, &view.scope),
            known: view.is_known,
            limit_usd: usd(view.limit),
            limit_nanodollars: view.limit.0,
            spent_usd: usd(view.spent),
            spent_nanodollars: view.spent.0,
            reserved_usd: usd(view.reserved),
            reserved_nanodollars: view.reserved.0,
            left_usd: usd(view.left),
            left_nanodollars: view.left.0,
            forecast_usd: forecast.map(usd),
            forecast_nanodollars: forecast.map(|amount| amount.0),
            from: Moment(view.window.from),
            resets_at: ends.map(Moment),
            resets_local: ends.and_then(|ends| local(ends, &budget.windows.zone)),
        }
    }
}

/// What was spent, divided by the part of the window that is over. `None` while that part is too small.
fn forecast(spent: Nanodollars, window: Window, now: Timestamp) -> Option<Nanodollars> {
    let millis = |from: Timestamp, until: Timestamp| until.unix_millis().saturating_sub(from.unix_millis());
    let (over, whole) = (millis(window.from, now), millis(window.from, window.until));
    if over <= 0 || over < whole / TOO_EARLY {
        return None;
    }
    let all = i128::from(spent.0).checked_mul(i128::from(whole))? / i128::from(over);
    Some(Nanodollars(i64::try_from(all).unwrap_or(i64::MAX)))
}

fn local(at: Timestamp, zone: &Zone) -> Option<String> {
    let there = jiff::Timestamp::from_millisecond(at.unix_millis()).ok()?.to_zoned(TimeZone::get(zone.name()).ok()?);
    Some(there.strftime("%Y-%m-%d %H:%M %:z").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_millis(seconds * 1000)
    }

    #[test]
    fn a_forecast_goes_on_as_it_did_so_far() {
        let window = Window { from: at(1_000), until: at(2_000) };
        let forecast = |spent, now| forecast(Nanodollars(spent), window, now).map(|amount| amount.0);
        assert_eq!(forecast(10, at(1_500)), Some(20));
        assert_eq!(forecast(10, at(1_010)), Some(1_000));
        assert_eq!(forecast(10, at(1_009)), None, "too early to tell");
        assert_eq!(forecast(10, at(1_000)), None);
        assert_eq!(forecast(10, at(900)), None, "a clock that was set back");
        assert_eq!(forecast(0, at(1_500)), Some(0));
        assert_eq!(forecast(7, at(2_000)), Some(7), "at the end it is what was spent");
        assert_eq!(forecast(i64::MAX, at(1_100)), Some(i64::MAX), "no amount is too large");
    }
}
