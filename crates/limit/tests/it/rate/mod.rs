//! Limits, counted in process.

mod amounts;
mod asks;
mod bounds;
mod clocks;
mod guesses;
mod places;
mod schedules;
mod scopes;

use std::sync::Arc;
use std::time::Duration;

use keyward_domain::budget::Mode;
use keyward_domain::ids::{LimitId, RequestId, TeamId, TenantId};
use keyward_domain::ledger::AttemptId;
use keyward_domain::limit::{Limit, LimitPeriod, Meter, OnLoss};
use keyward_domain::port::{Amounts, Ask, Level, Refusal, Taken};
use keyward_domain::principal::Realm;
use keyward_domain::scope::{Reach, Scope};
use keyward_domain::time::Timestamp;
use keyward_limit::rate::InProcess;

pub(super) const TENANT: TenantId = TenantId::from_bits(7);
pub(super) const MINUTE: Duration = Duration::from_mins(1);

/// The team that most limits here are set on.
pub(super) fn team() -> Scope {
    Scope::Team(TeamId::from_bits(1))
}

/// So many per minute of a meter for the team; for calls in flight, so many at once.
pub(super) fn limit(number: u128, meter: Meter, quota: u64) -> Limit {
    Limit {
        id: LimitId::from_bits(number),
        tenant: TENANT,
        set_by: Realm::Installation,
        reach: Reach::One(team()),
        meter,
        quota,
        period: (meter != Meter::Concurrency).then_some(LimitPeriod::Minute),
        burst: None,
        mode: Mode::Enforce,
        on_loss: OnLoss::LocalShare,
        created_at: Timestamp::EPOCH,
        revision: 1,
    }
}

pub(super) fn with_burst(number: u128, meter: Meter, quota: u64, burst: u64) -> Limit {
    Limit { burst: Some(burst), ..limit(number, meter, quota) }
}

pub(super) fn tokens(input_tokens: u64, output_tokens: u64) -> Amounts {
    Amounts { input_tokens, output_tokens }
}

pub(super) fn call(number: u128) -> AttemptId {
    AttemptId { request: RequestId::from_bits(number), number: 0 }
}

/// Asks each limit for the team.
pub(super) fn take(counters: &InProcess, limits: &[Limit], amounts: Amounts, now: Duration) -> Result<Taken, Refusal> {
    let ask = |limit: &Limit| Ask::new(Arc::new(limit.clone()), team(), amounts);
    counters.take_now(limits.iter().map(ask).collect(), call(1), now)
}

pub(super) fn level(counters: &InProcess, limit: &Limit, now: Duration) -> Level {
    counters.level(limit, &team(), now)
}

pub(super) fn used(counters: &InProcess, limit: &Limit, now: Duration) -> u64 {
    level(counters, limit, now).used
}

/// When a refusal says that there is room.
pub(super) fn retry_after(refusal: Refusal) -> Duration {
    match refusal {
        Refusal::Reached(reached) => reached.retry_after,
        Refusal::Exceeds(reached) => panic!("never fits: {reached:?}"),
        Refusal::Away(reached) => panic!("nobody to be away: {reached:?}"),
    }
}

/// Chance that repeats itself: splitmix64.
pub(super) struct Chance(pub(super) u64);

impl Chance {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}
