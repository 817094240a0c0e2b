use keyward_domain::limit::{Limit, LimitPeriod};
use keyward_domain::port::{Level, Records};
use keyward_domain::scope::{Reach, Scope};
use keyward_domain::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::UsedLine;
use crate::control::{Control, reach_text, setter_word};
use crate::error::AdminError;
use crate::field::Moment;

/// A limit as the control plane shows it.
#[derive(Debug, Serialize, ToSchema)]
pub struct LimitView {
    /// Its id.
    pub id: String,
    /// What it is set on, such as `team:research` or `each:user`.
    pub scope: String,
    /// Who has set it: those who administer the `installation`, or those of the `tenant`, who change theirs only.
    pub set_by: &'static str,
    /// What is counted: `requests`, `input_tokens`, `output_tokens`, `tokens` or `concurrency`.
    pub meter: &'static str,
    /// How much of it.
    pub quota: u64,
    /// Within which length of time: `second`, `minute`, `hour`, `day`; `null` for what is in flight at once.
    pub per: Option<&'static str>,
    /// So much at once, and the quota evenly spread; `null` for at most the quota in any stretch of one period.
    pub burst: Option<u64>,
    /// `enforce`, or `observe`: lets everything pass and counts what it would have refused.
    pub mode: &'static str,
    /// What happens while counters that several nodes share cannot be asked: `local_share`, `closed` or `open`.
    pub on_loss: &'static str,
    /// Where its counter stands. Of a limit on each of a kind, for the scope that was asked about, if any.
    pub uses: Vec<UsedLine>,
    /// When it was created.
    pub created_at: Moment,
    /// Grows by one with every change; send it back as `If-Match`.
    pub revision: u64,
}

impl LimitView {
    /// The views of these limits, with where they stand for this scope, else for the one that they are set on.
    pub(super) async fn of_all(
        control: &Control,
        limits: Vec<Limit>,
        records: &Records,
        whose: Option<&Scope>,
    ) -> Vec<Self> {
        let now = control.now();
        let scope_of = |limit: &Limit| match &limit.reach {
            Reach::One(scope) => Some(scope.clone()),
            Reach::Each(_) => whose.cloned(),
        };
        let asked = limits.iter().filter_map(|limit| Some((limit.clone(), scope_of(limit)?))).collect();
        let mut levels = control.levels(asked).await.into_iter();
        let mut use_of = |limit: &Limit| scope_of(limit).and_then(|_| levels.next());
        let view = |limit: &Limit| Self::of(limit, use_of(limit).as_ref(), records, now);
        limits.iter().map(view).collect()
    }

    /// The view of one limit.
    pub(super) async fn of_one(control: &Control, limit: &Limit, records: &Records) -> Result<Self, AdminError> {
        let mut views = Self::of_all(control, vec![limit.clone()], records, None).await;
        views.pop().ok_or(AdminError::Internal)
    }

    fn of(limit: &Limit, used: Option<&(Scope, Level)>, records: &Records, now: Timestamp) -> Self {
        Self {
            id: limit.id.to_string(),
            scope: reach_text(records, limit.tenant, &limit.reach),
            set_by: setter_word(limit.set_by),
            meter: limit.meter.as_str(),
            quota: limit.quota,
            per: limit.period.map(LimitPeriod::as_str),
            burst: limit.burst,
            mode: limit.mode.as_str(),
            on_loss: limit.on_loss.as_str(),
            uses: used.into_iter().map(|(scope, level)| UsedLine::of(scope, *level, records, now)).collect(),
            created_at: Moment(limit.created_at),
            revision: limit.revision,
        }
    }
}
