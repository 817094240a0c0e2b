use keyward_domain::budget::{
    Budget, BudgetKind, HoldMode, MAX_BUDGETS, MAX_OF_TENANT, MAX_PER_REACH, MAX_THRESHOLDS, Mode, TopUp,
};
use keyward_domain::ids::{BudgetId, TenantId};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::{Change, Records};
use keyward_domain::principal::{Action, Realm, Resource};
use keyward_domain::scope::Reach;
use keyward_domain::time::Timestamp;
use keyward_domain::window::{Period, WeekStart, Windows};
use serde::Deserialize;
use utoipa::ToSchema;

use super::find::{budgets_on, only_of};
use super::{BudgetView, TopUpInput};
use crate::control::{Control, check_revision, reach_text};
use crate::error::AdminError;
use crate::field::{Amount, PeriodText, ReachText, Share, ZoneName, usd};
use crate::operation::{Operation, Permit};

/// Sets a budget on a scope, or changes the one with the same window there: what is left out stays as it is. A new one
/// needs an amount and a window.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetBudget {
    /// What it is set on: `global`, `tenant:NAME`, `team:NAME`, `user:NAME`, `end_user:ID`, `vkey:NAME`, `tag:NAME`,
    /// `provider:NAME`, `key:PROVIDER/NAME`, `model:PROVIDER/MODEL`, or `each:user` and so on for each of a kind. What
    /// belongs to another tenant than one's own (the default one, for who administers the installation) has its name in
    /// front: `team:acme/research`, `each:acme/user`.
    #[schema(value_type = String, min_length = 1, max_length = 272, example = "team:research")]
    pub scope: ReachText,
    /// The revision that the change is based on.
    pub if_match: Option<u64>,
    /// The window: `hour`, `day`, `week`, `month`, `rolling:30d` or `anchored:14d@2026-11-01`. May be left out when the
    /// scope has one budget only.
    #[schema(value_type = Option<String>)]
    pub per: Option<PeriodText>,
    /// What may be spent within one window, in US dollars.
    #[schema(value_type = Option<String>)]
    pub usd: Option<Amount>,
    /// Whose midnight counts: an IANA name such as `Asia/Seoul`; `UTC` when a new budget says nothing.
    #[schema(value_type = Option<String>)]
    pub zone: Option<ZoneName>,
    /// The first day of a week: `monday` when a new budget says nothing.
    #[schema(value_type = Option<String>)]
    pub week_starts: Option<WeekStart>,
    /// On which day windows of a month begin, 1 to 28; 1 when a new budget says nothing.
    pub month_day: Option<u64>,
    /// `hard` (refuses; when a new budget says nothing) or `soft` (tells somebody, refuses nothing).
    #[schema(value_type = Option<String>)]
    pub kind: Option<BudgetKind>,
    /// `enforce` (when a new budget says nothing) or `observe`: lets everything pass and counts what it would have
    /// refused.
    #[schema(value_type = Option<String>)]
    pub mode: Option<Mode>,
    /// How much is reserved for calls that may become long: `adaptive` (piece by piece; when a new budget says nothing)
    /// or `strict` (all that a call can cost, before it is sent).
    #[schema(value_type = Option<String>)]
    pub hold: Option<HoldMode>,
    /// Shares of the amount, in percent, at which somebody is told; up to 8.
    #[schema(value_type = Option<Vec<String>>)]
    pub alert_at: Option<Vec<Share>>,
    /// More money for a while, besides the top-ups that there are.
    pub top_up: Option<TopUpInput>,
    /// All top-ups: they take the place of those before; empty for none.
    pub top_ups: Option<Vec<TopUpInput>>,
}

impl Operation for SetBudget {
    type Output = BudgetView;
    const NAME: &'static str = "budget.set";
    const ACTION: Action = Action::Write;
    const RESOURCE: Resource = Resource::Tenant;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<BudgetView, AdminError> {
        // Two that set the same budget for the first time would make two of it.
        let _turn = control.turn_to_keep().await;
        let records = control.records().await?;
        control.refuse_wide_reach(&self.scope)?;
        let (tenant, reach) = control.reach_of(&records, &self.scope)?;
        let name = reach_text(&records, tenant, &reach);
        let now = control.now();
        let there = budgets_on(&records, tenant, &reach);
        let own: Vec<_> = there.iter().copied().filter(|budget| budget.set_by == control.realm()).collect();
        if let (None, [], Some(other)) = (self.usd, own.as_slice(), there.first()) {
            control.refuse_if_set_above("budget", other.set_by, &records, (tenant, &reach))?;
        }
        let budget = if let Some(old) = self.before(&own, &name)? {
            check_revision(self.if_match, old.revision)?;
            self.over(old.clone(), now)?
        } else {
            check_revision(self.if_match, 0)?;
            check_room(control, &records, own.len(), &name).await?;
            let made = self.made(BudgetId::mint(now, control.entropy())?, tenant, reach, now)?;
            Budget { set_by: control.realm(), ..made }
        };
        let detail = described(&budget, &name);
        control.commit(permit, vec![Change::PutBudget(budget.clone())], &budget.id, &detail).await?;
        BudgetView::in_full(control, &budget, &records).await
    }

    fn revision(output: &BudgetView) -> Option<u64> {
        Some(output.revision)
    }
}

impl SetBudget {
    /// Sets nothing yet on this.
    pub const fn on(scope: ReachText) -> Self {
        Self {
            scope,
            if_match: None,
            per: None,
            usd: None,
            zone: None,
            week_starts: None,
            month_day: None,
            kind: None,
            mode: None,
            hold: None,
            alert_at: None,
            top_up: None,
            top_ups: None,
        }
    }

    /// A new budget as it says, for the installation.
    pub fn made(&self, id: BudgetId, tenant: TenantId, reach: Reach, now: Timestamp) -> Result<Budget, AdminError> {
        let needs = |field: &'static str, what: &'static str| AdminError::invalid_field(field, what);
        if self.per.is_none() {
            return Err(needs(
                "per",
                "a new budget needs its window: hour, day, week, month, rolling:7d or anchored:14d@2026-11-01",
            ));
        }
        let amount = self.usd.ok_or_else(|| needs("usd", "a new budget needs its amount in US dollars"))?.0;
        let blank = Budget {
            id,
            tenant,
            set_by: Realm::Installation,
            reach,
            amount,
            windows: Windows::utc(Period::Day),
            kind: BudgetKind::default(),
            mode: Mode::default(),
            hold: HoldMode::default(),
            alert_at: Vec::new(),
            top_ups: Vec::new(),
            created_at: now,
            revision: 0,
        };
        self.over(blank, now)
    }

    /// The budget among these that this changes; `None` when it makes a new one.
    fn before<'r>(&self, there: &[&'r Budget], name: &str) -> Result<Option<&'r Budget>, AdminError> {
        match self.per {
            Some(per) => {
                let zone = self.zone.as_ref().map(|zone| &zone.0);
                let names = |budget: &&Budget| per.names(budget.windows.period, zone.unwrap_or(&budget.windows.zone));
                Ok(there.iter().copied().find(names))
            }
            None if there.is_empty() && self.usd.is_none() => {
                let message = format!("there is no budget on `{name}` yet: give it an amount and a window");
                Err(AdminError::invalid_field("usd", message))
            }
            None => only_of(there, name),
        }
    }

    /// The budget with what was said put over it, one revision further.
    fn over(&self, mut budget: Budget, now: Timestamp) -> Result<Budget, AdminError> {
        self.change_windows(&mut budget.windows)?;
        budget.amount = self.usd.map_or(budget.amount, |usd| usd.0);
        budget.kind = self.kind.unwrap_or(budget.kind);
        budget.mode = self.mode.unwrap_or(budget.mode);
        budget.hold = self.hold.unwrap_or(budget.hold);
        if let Some(shares) = &self.alert_at {
            budget.alert_at = thresholds(shares)?;
        }
        super::top_up::change(&mut budget, self.top_up.as_ref(), self.top_ups.as_deref(), now)?;
        budget.revision += 1;
        Ok(budget)
    }

    fn change_windows(&self, windows: &mut Windows) -> Result<(), AdminError> {
        let (mut starts, mut day) = match windows.period {
            Period::Week { starts } => (starts, 1),
            Period::Month { starts } => (WeekStart::default(), starts),
            _ => (WeekStart::default(), 1),
        };
        let zone = self.zone.as_ref().map_or_else(|| windows.zone.clone(), |zone| zone.0.clone());
        let per = self.per.unwrap_or_else(|| PeriodText::of(windows.period));
        if let Some(wanted) = self.week_starts {
            refuse_unless(per == PeriodText::Week, "week_starts", "only windows of a week begin on a day of the week")?;
            starts = wanted;
        }
        if let Some(wanted) = self.month_day {
            refuse_unless(
                per == PeriodText::Month,
                "month_day",
                "only windows of a month begin on a day of the month",
            )?;
            // Windows::check has the sentence for days that not every month has.
            day = u8::try_from(wanted).unwrap_or(u8::MAX);
        }
        let wrong = |error: keyward_domain::window::WindowError| {
            let field = if self.month_day.is_some() && per == PeriodText::Month { "month_day" } else { "per" };
            AdminError::invalid_field(field, error.to_string())
        };
        let period = per.period(&zone, starts, day).map_err(wrong)?;
        *windows = Windows { period, zone };
        windows.check().map_err(wrong)
    }
}

fn refuse_unless(fits: bool, field: &'static str, message: &'static str) -> Result<(), AdminError> {
    if fits { Ok(()) } else { Err(AdminError::invalid_field(field, message)) }
}

fn thresholds(shares: &[Share]) -> Result<Vec<u16>, AdminError> {
    let mut thresholds: Vec<u16> = shares.iter().map(|share| share.thousandths()).collect();
    thresholds.sort_unstable();
    thresholds.dedup();
    let message = "a budget tells somebody at most 8 times: give up to 8 shares";
    refuse_unless(thresholds.len() <= MAX_THRESHOLDS, "alert_at", message)?;
    Ok(thresholds)
}

async fn check_room(control: &Control, records: &Records, there: usize, name: &str) -> Result<(), AdminError> {
    if there >= MAX_PER_REACH {
        let message = format!("`{name}` has {MAX_PER_REACH} budgets already. Delete one of them first.");
        return Err(AdminError::WrongState(message));
    }
    let is_own = |budget: &&Budget| budget.set_by == control.realm();
    let (count, most) = match control.realm() {
        Realm::Installation => (records.budgets.len(), MAX_BUDGETS),
        _ if control.count_everywhere(|all| all.budgets.len()).await? >= MAX_BUDGETS => (MAX_BUDGETS, MAX_BUDGETS),
        _ => (records.budgets.iter().filter(is_own).count(), MAX_OF_TENANT),
    };
    if count >= most {
        let message =
            format!("There are {most} budgets already. Set one on each of a kind instead, such as `each:user`.");
        return Err(AdminError::WrongState(message));
    }
    Ok(())
}

/// What the audit log says about it.
fn described(budget: &Budget, name: &str) -> String {
    let now: Nanodollars = budget.top_ups.iter().map(|TopUp { amount, .. }| *amount).sum();
    let more = if now == Nanodollars::ZERO { String::new() } else { format!(", topped up by {} USD", usd(now)) };
    format!(
        "{name}: {} USD per {} ({}), {}, {}, {}{more}",
        usd(budget.amount),
        PeriodText::of(budget.windows.period),
        budget.windows.zone,
        budget.kind.as_str(),
        budget.mode.as_str(),
        budget.hold.as_str(),
    )
}
