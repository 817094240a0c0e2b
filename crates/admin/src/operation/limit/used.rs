use keyward_domain::port::{Level, Records};
use keyward_domain::scope::Scope;
use keyward_domain::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::control::scope_text;
use crate::field::Moment;

/// Where the counter of a limit stands for one scope.
#[derive(Debug, Serialize, ToSchema)]
pub struct UsedLine {
    /// Whose, such as `user:ada`.
    pub scope: String,
    /// How much is in use; calls that used more than expected may bring it above the quota.
    pub used: u64,
    /// How much may be taken at once now.
    pub remaining: u64,
    /// When everything is free again if nothing more comes; `null` for calls in flight, and when nothing is in use.
    pub free_at: Option<Moment>,
}

impl UsedLine {
    pub(super) fn of(scope: &Scope, level: Level, records: &Records, now: Timestamp) -> Self {
        Self {
            scope: scope_text(records, scope),
            used: level.used,
            remaining: level.remaining,
            free_at: (!level.reset.is_zero()).then(|| Moment(now.plus(level.reset))),
        }
    }
}
