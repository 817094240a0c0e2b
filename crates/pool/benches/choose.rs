//! What choosing costs: 1,000 keys in 400 accounts and two tiers, with weights, limits, meters, resting and failing keys,
//! affinity, and second attempts. The promise is below 2 microseconds and no allocation.
//!
//! `cargo bench -p keyward-pool` prints times, and allocations where there are any.

use std::sync::Arc;
use std::time::Duration;

use divan::{AllocProfiler, Bencher};
use keyward_domain::credential::CredentialState;
use keyward_domain::ids::{CredentialId, ProviderId, RequestId};
use keyward_domain::judgement::{Blame, Judgement, Lasts, Next, Trouble};
use keyward_domain::money::Nanodollars;
use keyward_domain::quota::{Meter, Metered, Quota};
use keyward_domain::routing::{KeyLimits, KeyTerms, Strategy};
use keyward_domain::standing::Cause;
use keyward_domain::time::Timestamp;
use keyward_pool::{Ask, Draw, Member, Moment, Outcome, Pool, Registry, Settings, Silent};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const MODEL: &str = "gpt-4o-mini";
const KEYS: u32 = 1_000;

fn main() {
    divan::main();
}

/// A world of a thousand keys, everything in use.
struct World {
    pool: Arc<Pool>,
    now: Moment,
    registry: Registry,
}

impl World {
    fn new(strategy: Strategy) -> Self {
        let now = Moment::new(Timestamp::from_unix_millis(1_800_000_000_000), Duration::from_secs(5_000));
        let registry = Registry::new(Settings::default(), Box::new(Silent));
        let pool = registry.pool(ProviderId::from_bits(1), strategy, (0..KEYS).map(member).collect(), now);
        let mut draw = Draw::seeded(1);
        for turn in 0..40_000_u64 {
            let Ok(claim) = pool.choose(&ask(turn), now, &mut draw) else { continue };
            claim.quota(&quota(turn, now), now);
            claim.report(&outcome(turn, &judgement(turn, now)), now);
        }
        Self { pool, now, registry }
    }
}

fn member(number: u32) -> Member {
    let terms = KeyTerms {
        quota_group: Some(format!("account-{}", number % 400)),
        weight: 1 + u16::try_from(number % 7).unwrap_or(0),
        tier: u8::from(number.is_multiple_of(5)),
        limits: KeyLimits {
            rpm: Some(1_000_000),
            tpm: Some(1_000_000_000),
            rpd: Some(1_000_000_000),
            concurrency: Some(1_000),
            daily_cost: Some(Nanodollars(100_000_000_000_000)),
        },
        ..KeyTerms::default()
    };
    Member::new(credential(number), format!("k{number}"), CredentialState::Active, terms)
}

fn credential(number: u32) -> CredentialId {
    CredentialId::from_bits(u128::from(number) << 64 | 9)
}

fn ask(turn: u64) -> Ask<'static> {
    Ask {
        affinity: Some(turn.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
        input_tokens: 2_000,
        cost: Nanodollars(5_000),
        ..Ask::new(MODEL)
    }
}

fn quota(turn: u64, now: Moment) -> Quota {
    let mut quota = Quota::default();
    for counts in [Metered::Requests, Metered::Tokens] {
        quota.add(Meter {
            counts,
            window: Some(Duration::from_mins(1)),
            limit: Some(10_000_000),
            remaining: 9_000_000 - turn % 100,
            resets: Some(now.wall.plus(Duration::from_mins(1))),
            is_models: counts == Metered::Tokens,
        });
    }
    quota
}

fn judgement(turn: u64, now: Moment) -> Judgement {
    let lasts =
        if turn.is_multiple_of(2) { Lasts::Moment } else { Lasts::Until(now.wall.plus(Duration::from_mins(1))) };
    let reason = "too many requests".into();
    Judgement { blame: Blame::Key, lasts, next: Next::OtherKey, trouble: Trouble::RateLimited, reason, known: true }
}

/// One call in 200 fails.
fn outcome(turn: u64, judgement: &Judgement) -> Outcome<'_> {
    let cause = Cause::Answer { request: RequestId::from_bits(1), status: 200 };
    if turn % 200 == 7 {
        return Outcome::Failed { judgement, cause, tokens: 0, cost: Nanodollars::ZERO };
    }
    let first_content = Duration::from_millis(200 + turn % 300);
    Outcome::Succeeded { first_content: Some(first_content), tokens: 1_000, cost: Nanodollars(3_000), cause }
}

const STRATEGIES: [Strategy; 9] = Strategy::ALL;

/// Choosing alone, with the claim given back.
#[divan::bench(args = STRATEGIES)]
fn choose(bencher: Bencher<'_, '_>, strategy: Strategy) {
    let world = World::new(strategy);
    let mut draw = Draw::seeded(2);
    let mut turn = 0_u64;
    bencher.bench_local(|| {
        turn += 1;
        world.pool.choose(&ask(turn), world.now, &mut draw).map(drop).is_ok()
    });
}

/// Without a conversation: headroom, health, latency and load by two choices.
#[divan::bench]
fn choose_without_affinity(bencher: Bencher<'_, '_>) {
    let world = World::new(Strategy::Adaptive);
    let mut draw = Draw::seeded(2);
    let ask = Ask { affinity: None, ..ask(1) };
    bencher.bench_local(|| world.pool.choose(&ask, world.now, &mut draw).map(drop).is_ok());
}

/// A third of the keys is on its way back after a rest.
#[divan::bench(args = [Strategy::Adaptive, Strategy::Latency, Strategy::Weighted])]
fn choose_while_keys_return(bencher: Bencher<'_, '_>, strategy: Strategy) {
    let world = World::new(strategy);
    let mut draw = Draw::seeded(2);
    let until = world.now.wall.plus(Duration::from_secs(5));
    for number in (0..KEYS).filter(|number| number.is_multiple_of(3)) {
        let _ = world.registry.cool(credential(number), until, "bench", world.now);
    }
    let now = world.now.plus(Duration::from_secs(15));
    // Their return is a change of standing, which is told: not what is measured.
    world.registry.sweep(now);
    let mut turn = 0_u64;
    bencher.bench_local(|| {
        turn += 1;
        world.pool.choose(&ask(turn), now, &mut draw).map(drop).is_ok()
    });
}

/// The second attempt of a call: a key tried, its account avoided.
#[divan::bench]
fn choose_again(bencher: Bencher<'_, '_>) {
    let world = World::new(Strategy::Adaptive);
    let mut draw = Draw::seeded(2);
    let mut turn = 0_u64;
    let Ok(first) = world.pool.choose(&ask(1), world.now, &mut draw) else { return };
    let (tried, avoid) = ([first.credential()], [first.account()]);
    bencher.bench_local(|| {
        turn += 1;
        let again = Ask { tried: &tried, avoid: &avoid, ..ask(turn) };
        world.pool.choose(&again, world.now, &mut draw).map(drop).is_ok()
    });
}

/// Choosing and everything that a good answer teaches.
#[divan::bench]
fn choose_and_report(bencher: Bencher<'_, '_>) {
    let world = World::new(Strategy::Adaptive);
    let mut draw = Draw::seeded(2);
    let mut turn = 0_u64;
    let quota = quota(1, world.now);
    let judgement = judgement(1, world.now);
    bencher.bench_local(|| {
        turn += 200;
        let Ok(claim) = world.pool.choose(&ask(turn), world.now, &mut draw) else { return };
        claim.quota(&quota, world.now);
        claim.report(&outcome(turn, &judgement), world.now);
    });
}
