//! What passes within any stretch of one period, over random traces.

use std::time::Duration;

use keyward_domain::limit::{Limit, LimitPeriod, Meter};
use keyward_domain::port::Counters as _;
use keyward_limit::rate::InProcess;

use super::{Chance, limit, retry_after, take, tokens, with_burst};

const TRACES: u64 = 300;

/// What a trace let pass: when and how much.
type Passed = Vec<(Duration, u64)>;

#[test]
fn l06_a_window_never_lets_more_than_the_quota_pass_in_any_stretch() {
    let mut fullest = 0;
    for seed in 0..TRACES {
        let mut chance = Chance(seed);
        let quota = 1 + chance.below(200);
        let period = LimitPeriod::ALL[usize::try_from(chance.below(4)).unwrap()];
        let limit = Limit { period: Some(period), ..limit(1, Meter::Tokens, quota) };
        let passed = trace(&limit, &mut chance);
        let most = most_in_any(&passed, period.length());
        assert!(most <= quota, "seed {seed}: {most} of {quota} in one {}", period.as_str());
        fullest += u64::from(most == quota);
    }
    assert!(fullest > TRACES * 3 / 4, "the quota is reached: {fullest}");
}

#[test]
fn l06_a_burst_is_explicit_and_bounds_what_passes_in_any_stretch() {
    let mut reached = 0;
    for seed in 0..TRACES {
        let mut chance = Chance(seed);
        let (quota, burst) = (1 + chance.below(200), 1 + chance.below(50));
        let limit = with_burst(1, Meter::Tokens, quota, burst);
        let passed = trace(&limit, &mut chance);
        let most = most_in_any(&passed, Duration::from_mins(1));
        assert!(most <= quota + burst, "seed {seed}: {most} of {quota} and {burst}");
        reached += u64::from(most + 2 >= quota + burst);
        // At once, no more than the burst.
        let at_once = most_in_any(&passed, Duration::from_micros(1));
        assert!(at_once <= burst, "seed {seed}: {at_once} at once of {burst}");
    }
    assert!(reached > TRACES / 10, "the bound is tight: {reached}");
}

#[test]
fn a_refused_call_has_room_after_the_time_it_was_told() {
    for seed in 0..TRACES {
        let mut chance = Chance(seed);
        let (quota, burst) = (1 + chance.below(50), 1 + chance.below(20));
        for limit in [limit(1, Meter::Tokens, quota), with_burst(1, Meter::Tokens, quota, burst)] {
            let (counters, most) = (InProcess::default(), limit.burst.unwrap_or(quota));
            let limits = [limit];
            let mut now = Duration::from_secs(5);
            for _ in 0..100 {
                let amounts = tokens(chance.below(most + 1), 0);
                if let Err(refusal) = take(&counters, &limits, amounts, now) {
                    let wait = retry_after(refusal);
                    assert!(wait > Duration::ZERO);
                    let _taken = take(&counters, &limits, amounts, now + wait)
                        .unwrap_or_else(|refusal| panic!("seed {seed}: {refusal:?}"));
                    now += wait;
                }
                now += Duration::from_micros(chance.below(2_000_000));
            }
        }
    }
}

/// Calls at random moments, most of them too many, a few given back.
fn trace(limit: &Limit, chance: &mut Chance) -> Passed {
    let counters = InProcess::default();
    let limits = [limit.clone()];
    let period = u64::try_from(limit.period.unwrap().length().as_micros()).unwrap();
    let mut now = Duration::from_secs(chance.below(1_000));
    let mut passed = Vec::new();
    for _ in 0..1_500 {
        // Stretches of many calls, and pauses.
        let step = if chance.below(40) == 0 { period / 2 } else { 1 + period / 500 };
        now += Duration::from_micros(chance.below(step));
        let amount = 1 + chance.below(limit.burst.unwrap_or(limit.quota).min(8));
        let Ok(taken) = take(&counters, &limits, tokens(amount, 0), now) else { continue };
        match chance.below(10) {
            0 => counters.undo(taken, now),
            1 => {
                let part = chance.below(amount);
                counters.settle(taken, tokens(part, 0), now);
                passed.push((now, part));
            }
            _ => passed.push((now, amount)),
        }
    }
    passed
}

fn most_in_any(passed: &Passed, stretch: Duration) -> u64 {
    let from = |first: usize| {
        let end = passed[first].0 + stretch;
        passed[first..].iter().take_while(|(at, _)| *at < end).map(|(_, amount)| amount).sum()
    };
    (0..passed.len()).map(from).max().unwrap_or(0)
}
