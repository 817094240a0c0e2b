use keyward_domain::budget::Mode;
use keyward_domain::ids::{LimitId, TenantId};
use keyward_domain::limit::{Limit, LimitPeriod, MAX_LIMITS, MAX_OF_TENANT, MAX_PER_REACH, MAX_QUOTA, Meter, OnLoss};
use keyward_domain::port::{Change, Records};
use keyward_domain::principal::{Action, Realm, Resource};
use keyward_domain::scope::Reach;
use keyward_domain::time::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;

use super::LimitView;
use super::find::limits_on;
use crate::control::{Control, check_revision, reach_text};
use crate::error::AdminError;
use crate::field::{Edit, ReachText};
use crate::operation::{Operation, Permit};

/// Sets a limit on a scope, or changes the one with the same meter and period there: what is left out stays as it is. A
/// new one needs a quota.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetLimit {
    /// What it is set on: `global`, `tenant:NAME`, `team:NAME`, `user:NAME`, `end_user:ID`, `vkey:NAME`, `tag:NAME`,
    /// `provider:NAME`, `key:PROVIDER/NAME`, `model:PROVIDER/MODEL`, or `each:user` and so on for each of a kind. What
    /// belongs to another tenant than one's own (the default one, for who administers the installation) has its name in
    /// front: `team:acme/research`, `each:acme/user`.
    #[schema(value_type = String, min_length = 1, max_length = 272, example = "team:research")]
    pub scope: ReachText,
    /// The revision that the change is based on.
    pub if_match: Option<u64>,
    /// What is counted: `requests`, `input_tokens`, `output_tokens`, `tokens` (both) or `concurrency`.
    #[schema(value_type = String)]
    pub meter: Meter,
    /// Within which length of time: `second`, `minute`, `hour` or `day`. `concurrency` has none.
    #[schema(value_type = Option<String>)]
    pub per: Option<LimitPeriod>,
    /// How much of it; 0 blocks everything.
    pub quota: Option<u64>,
    /// So much at once, and the quota evenly spread over the period. Without it (`null` takes it away) no stretch as long
    /// as the period ever sees more than the quota.
    #[serde(default)]
    #[schema(value_type = Option<u64>)]
    pub burst: Edit<u64>,
    /// `enforce` (when a new limit says nothing) or `observe`: lets everything pass and counts what it would have refused.
    #[schema(value_type = Option<String>)]
    pub mode: Option<Mode>,
    /// What happens while counters that several nodes share cannot be asked: `local_share` (each node goes on with its
    /// share; when a new limit says nothing), `closed` (refuse) or `open` (do not enforce).
    #[schema(value_type = Option<String>)]
    pub on_loss: Option<OnLoss>,
}

impl Operation for SetLimit {
    type Output = LimitView;
    const NAME: &'static str = "limit.set";
    const ACTION: Action = Action::Write;
    const RESOURCE: Resource = Resource::Tenant;

    async fn perform(self, control: &Control, permit: &Permit<'_>) -> Result<LimitView, AdminError> {
        // Two that set the same limit for the first time would make two of it.
        let _turn = control.turn_to_keep().await;
        let records = control.records().await?;
        control.refuse_wide_reach(&self.scope)?;
        let (tenant, reach) = control.reach_of(&records, &self.scope)?;
        let name = reach_text(&records, tenant, &reach);
        let now = control.now();
        let there = limits_on(&records, tenant, &reach);
        let own: Vec<_> = there.iter().copied().filter(|limit| limit.set_by == control.realm()).collect();
        let same = |limit: &&&Limit| limit.meter == self.meter && limit.period == self.per;
        let limit = if let Some(old) = own.iter().find(same) {
            check_revision(self.if_match, old.revision)?;
            self.over((*old).clone())?
        } else {
            if let (None, Some(other)) = (self.quota, there.iter().find(same)) {
                control.refuse_if_set_above("limit", other.set_by, &records, (tenant, &reach))?;
            }
            check_revision(self.if_match, 0)?;
            check_room(control, &records, own.len(), &name).await?;
            let made = self.made(LimitId::mint(now, control.entropy())?, tenant, reach, now)?;
            Limit { set_by: control.realm(), ..made }
        };
        let detail = format!("{name}: {}", described(&limit));
        control.commit(permit, vec![Change::PutLimit(limit.clone())], &limit.id, &detail).await?;
        LimitView::of_one(control, &limit, &records).await
    }

    fn revision(output: &LimitView) -> Option<u64> {
        Some(output.revision)
    }
}

impl SetLimit {
    /// Sets a quota of this meter on this.
    pub const fn on(scope: ReachText, meter: Meter, per: Option<LimitPeriod>, quota: Option<u64>) -> Self {
        Self { scope, if_match: None, meter, per, quota, burst: Edit::Keep, mode: None, on_loss: None }
    }

    /// A new limit as it says, for the installation.
    pub fn made(&self, id: LimitId, tenant: TenantId, reach: Reach, now: Timestamp) -> Result<Limit, AdminError> {
        let (meter, period) = (self.meter, self.per);
        if meter == Meter::Concurrency && period.is_some() {
            let message = "calls at once are counted at every moment: leave the period out";
            return Err(AdminError::invalid_field("per", message));
        }
        if meter != Meter::Concurrency && period.is_none() {
            let message = "say within which length of time: second, minute, hour or day";
            return Err(AdminError::invalid_field("per", message));
        }
        let needs_quota = || AdminError::invalid_field("quota", "a new limit needs its quota");
        let quota = self.quota.ok_or_else(needs_quota)?;
        let (mode, on_loss) = (Mode::default(), OnLoss::default());
        let (set_by, burst, created_at, revision) = (Realm::Installation, None, now, 0);
        self.over(Limit { id, tenant, set_by, reach, meter, quota, period, burst, mode, on_loss, created_at, revision })
    }

    /// The limit with what was said put over it, one revision further.
    fn over(&self, mut limit: Limit) -> Result<Limit, AdminError> {
        limit.quota = self.quota.unwrap_or(limit.quota);
        self.burst.clone().apply(&mut limit.burst, None, Some);
        limit.mode = self.mode.unwrap_or(limit.mode);
        limit.on_loss = self.on_loss.unwrap_or(limit.on_loss);
        if limit.quota > MAX_QUOTA {
            let message = format!("a quota is a whole number from 0 to {MAX_QUOTA}");
            return Err(AdminError::invalid_field("quota", message));
        }
        if let Some(burst) = limit.burst {
            check_burst(&limit, burst)?;
        }
        limit.revision += 1;
        Ok(limit)
    }
}

fn check_burst(limit: &Limit, burst: u64) -> Result<(), AdminError> {
    let message = if limit.meter == Meter::Concurrency {
        "calls at once have no burst: leave it out".to_owned()
    } else if burst == 0 {
        "a burst of 0 would let nothing pass: give at least 1, or leave it out".to_owned()
    } else if burst > limit.quota {
        format!("a burst is at most the quota ({}), which is what may pass in the whole period: lower it", limit.quota)
    } else {
        return Ok(());
    };
    Err(AdminError::invalid_field("burst", message))
}

async fn check_room(control: &Control, records: &Records, there: usize, name: &str) -> Result<(), AdminError> {
    if there >= MAX_PER_REACH {
        let message = format!("`{name}` has {MAX_PER_REACH} limits already. Delete one of them first.");
        return Err(AdminError::WrongState(message));
    }
    let is_own = |limit: &&Limit| limit.set_by == control.realm();
    let (count, most) = match control.realm() {
        Realm::Installation => (records.limits.len(), MAX_LIMITS),
        _ if control.count_everywhere(|all| all.limits.len()).await? >= MAX_LIMITS => (MAX_LIMITS, MAX_LIMITS),
        _ => (records.limits.iter().filter(is_own).count(), MAX_OF_TENANT),
    };
    if count >= most {
        let message =
            format!("There are {most} limits already. Set one on each of a kind instead, such as `each:user`.");
        return Err(AdminError::WrongState(message));
    }
    Ok(())
}

/// A limit in a few words, for the audit log.
pub(super) fn described(limit: &Limit) -> String {
    let per = limit.period.map(|period| format!(" per {}", period.as_str())).unwrap_or_default();
    let burst = limit.burst.map(|burst| format!(", burst {burst}")).unwrap_or_default();
    let Limit { quota, meter, mode, on_loss, .. } = limit;
    format!("{quota} {}{per}{burst}, {}, {}", meter.as_str(), mode.as_str(), on_loss.as_str())
}
