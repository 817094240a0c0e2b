//! What limits cost a call: four of them, nobody else at the same time.

use std::time::Duration;

use keyward_domain::budget::Mode;
use keyward_domain::ids::{LimitId, RequestId, TeamId, TenantId, UserId};
use keyward_domain::ledger::AttemptId;
use keyward_domain::limit::{Limit, LimitPeriod, Meter, OnLoss};
use keyward_domain::port::{Amounts, Counters as _};
use keyward_domain::principal::Realm;
use keyward_domain::scope::{Reach, Scope, ScopeKind};
use keyward_domain::time::Timestamp;
use keyward_limit::rate::{InProcess, Limits};

const TENANT: TenantId = TenantId::from_bits(7);
const AMOUNTS: Amounts = Amounts { input_tokens: 500, output_tokens: 500 };

fn main() {
    divan::main();
}

#[divan::bench]
fn asks_take_and_settle_four_limits(bencher: divan::Bencher<'_, '_>) {
    let (limits, counters, scopes) = (limits(), InProcess::default(), scopes());
    let mut now = Duration::from_secs(100);
    bencher.bench_local(|| {
        now += Duration::from_micros(200);
        let taken = counters.take_now(limits.asks(&scopes, TENANT, AMOUNTS), call(), now);
        if let Ok(taken) = taken {
            counters.settle(taken, AMOUNTS, now);
        }
    });
}

#[divan::bench]
fn take_of_four_limits(bencher: divan::Bencher<'_, '_>) {
    let (limits, counters, scopes) = (limits(), InProcess::default(), scopes());
    let mut now = Duration::from_secs(100);
    bencher.with_inputs(|| limits.asks(&scopes, TENANT, AMOUNTS)).bench_local_values(|asks| {
        now += Duration::from_micros(200);
        counters.take_now(asks, call(), now)
    });
}

fn call() -> AttemptId {
    AttemptId { request: RequestId::from_bits(1), number: 0 }
}

fn scopes() -> [Scope; 4] {
    let (team, user) = (Scope::Team(TeamId::from_bits(1)), Scope::User(UserId::from_bits(2)));
    [Scope::Global, Scope::Tenant(TENANT), team, user]
}

fn limits() -> Limits {
    let limit = |number: u128, reach: Reach, meter: Meter, burst: Option<u64>| Limit {
        id: LimitId::from_bits(number),
        tenant: TENANT,
        set_by: Realm::Installation,
        reach,
        meter,
        quota: 1 << 40,
        period: Some(LimitPeriod::Minute),
        burst,
        mode: Mode::Enforce,
        on_loss: OnLoss::LocalShare,
        created_at: Timestamp::EPOCH,
        revision: 1,
    };
    let team = Reach::One(Scope::Team(TeamId::from_bits(1)));
    Limits::new(&[
        limit(1, team.clone(), Meter::Requests, None),
        limit(2, team, Meter::Tokens, None),
        limit(3, Reach::Each(ScopeKind::User), Meter::Tokens, Some(1 << 40)),
        limit(4, Reach::Each(ScopeKind::Tenant), Meter::Concurrency, None),
    ])
}
