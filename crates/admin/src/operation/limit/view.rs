use keyward_domain::limit::{Limit, LimitPeriod};
use keyward_domain::port::Records;
use serde::Serialize;
use utoipa::ToSchema;

use crate::control::reach_text;
use crate::field::Moment;

/// A limit as the control plane shows it.
#[derive(Debug, Serialize, ToSchema)]
pub struct LimitView {
    /// Its id.
    pub id: String,
    /// What it is set on, such as `team:research` or `each:user`.
    pub scope: String,
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
    /// When it was created.
    pub created_at: Moment,
    /// Grows by one with every change; send it back as `If-Match`.
    pub revision: u64,
}

impl LimitView {
    /// The view of a limit.
    pub fn of(limit: &Limit, records: &Records) -> Self {
        Self {
            id: limit.id.to_string(),
            scope: reach_text(records, limit.tenant, &limit.reach),
            meter: limit.meter.as_str(),
            quota: limit.quota,
            per: limit.period.map(LimitPeriod::as_str),
            burst: limit.burst,
            mode: limit.mode.as_str(),
            on_loss: limit.on_loss.as_str(),
            created_at: Moment(limit.created_at),
            revision: limit.revision,
        }
    }
}
