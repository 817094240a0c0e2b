//! Faults: providers that fail, keys that are limited or revoked, endpoints that get slow, machines that sleep.

use std::collections::VecDeque;
use std::time::Duration;

use keyward_domain::judgement::{Blame, Judgement, Lasts, Trouble};
use keyward_domain::routing::{KeyLimits, KeyTerms, Strategy};
use keyward_domain::standing::Standing;
use keyward_pool::{Ask, Claim, Moment};

use crate::house::{House, MODEL, failed, id, judged, member, succeeded};

const TICK: Duration = Duration::from_millis(20);

/// What became of a run of calls.
#[derive(Debug, Default)]
struct Run {
    calls: u32,
    served: u32,
    sent: u32,
    sent_to_bad: u32,
}

/// Calls of up to three attempts; `judge` says what is wrong with a key, if anything is.
fn run(house: &mut House, calls: u32, judge: impl Fn(&House, &Claim) -> Option<Judgement>) -> Run {
    let mut run = Run::default();
    for _ in 0..calls {
        run.calls += 1;
        let mut tried = Vec::new();
        let affinity = Some(house.draw.number());
        while tried.len() < 3 {
            let ask = Ask { tried: &tried, affinity, ..Ask::new(MODEL) };
            let Ok(claim) = house.try_choose(&ask) else { break };
            run.sent += 1;
            let wrong = judge(house, &claim);
            tried.push(claim.credential());
            let Some(judgement) = wrong else {
                claim.report(&succeeded(Duration::from_millis(150)), house.now);
                run.served += 1;
                break;
            };
            run.sent_to_bad += 1;
            claim.report(&failed(&judgement), house.now);
        }
        house.advance(TICK);
    }
    run
}

#[test]
fn f56_a_provider_that_fails_is_left_within_20_calls() {
    let mut house = House::even(Strategy::Adaptive, 5, 56);
    let failing = judged(Blame::Provider, Lasts::Moment, Trouble::Failed);
    let outage = run(&mut house, 5_000, |_, _| Some(failing.clone()));
    assert!(outage.sent <= 20, "{outage:?}");
    assert!(house.events().is_empty(), "its keys are not to blame");
    house.advance(Duration::from_secs(75));
    let after = run(&mut house, 1_000, |_, _| None);
    assert_eq!(after.served, 1_000, "{after:?}");
}

#[test]
fn f57_one_of_five_keys_always_limited_costs_next_to_nothing() {
    for says_when in [true, false] {
        for strategy in Strategy::ALL {
            let mut house = House::even(strategy, 5, 57);
            let found = run(&mut house, 20_000, |house, claim| {
                let lasts =
                    if says_when { Lasts::Until(house.now.wall.plus(Duration::from_secs(10))) } else { Lasts::Moment };
                (claim.credential() == id(0)).then(|| judged(Blame::Key, lasts, Trouble::RateLimited))
            });
            assert_eq!(found.served, found.calls, "{strategy:?}");
            // 400 s: one call per 10 s, or a minute's worth of doublings and then one a minute; some under way at once.
            assert!(found.sent_to_bad <= 42, "{strategy:?}: {found:?}");
            assert_eq!(house.view(0).limited, u64::from(found.sent_to_bad), "{strategy:?}");
            for key in 1..5 {
                assert_eq!(house.standing(key), Standing::Active, "{strategy:?}: k{key} was cooled");
            }
            assert!(house.events().iter().all(|event| event.now.credential == id(0)), "{strategy:?}");
        }
    }
}

#[test]
fn f58_a_revoked_key_is_out_at_the_first_refusal() {
    for strategy in Strategy::ALL {
        let mut house = House::even(strategy, 5, 58);
        for lasts in [Lasts::Human, Lasts::Moment] {
            let refused = judged(Blame::Key, lasts, Trouble::Rejected);
            let found = run(&mut house, 5_000, |_, claim| (claim.credential() == id(0)).then(|| refused.clone()));
            assert_eq!(found.served, found.calls, "{strategy:?}");
            assert!(found.sent_to_bad <= 1, "{strategy:?}: {found:?}");
            house.registry.clear(id(0), "somebody", house.now);
        }
    }
}

#[test]
fn f62_traffic_leaves_a_key_that_got_slow() {
    for strategy in [Strategy::Latency, Strategy::Adaptive] {
        let mut house = House::even(strategy, 3, 62);
        // A hundred calls a second; k0 takes five seconds more for a minute from the tenth second on.
        let slow_from = house.now.wall.plus(Duration::from_secs(10));
        let slow_until = slow_from.plus(Duration::from_mins(1));
        let mut under_way: VecDeque<(Moment, Duration, Claim)> = VecDeque::new();
        let mut shares = Vec::new();
        for _ in 0..130 {
            let mut own = 0;
            for _ in 0..100 {
                let claim = house.choose(&Ask::new(MODEL));
                let is_slow = claim.credential() == id(0) && (slow_from..slow_until).contains(&house.now.wall);
                own += u32::from(claim.credential() == id(0));
                let takes = Duration::from_millis(150 + house.draw.below(100) + if is_slow { 5_000 } else { 0 });
                under_way.push_back((house.now.plus(takes), takes, claim));
                house.advance(Duration::from_millis(10));
                let (done, rest): (VecDeque<_>, VecDeque<_>) =
                    under_way.into_iter().partition(|(ends, ..)| ends.monotonic <= house.now.monotonic);
                under_way = rest;
                for (_, takes, claim) in done {
                    claim.report(&succeeded(takes), house.now);
                }
            }
            shares.push(own);
        }
        let before: u32 = shares[5..10].iter().sum::<u32>() / 5;
        assert!((23..=43).contains(&before), "{strategy:?}: {shares:?}");
        // Within 30 s, at least 80 % of its traffic has moved, and stays away.
        for after in shares[10..70].windows(10).skip(20) {
            let after = after.iter().sum::<u32>();
            assert!(after * 5 <= before * 10, "{strategy:?}: {after} of {} in ten seconds: {shares:?}", before * 10);
        }
        let healed: u32 = shares[110..].iter().sum::<u32>() / 20;
        assert!((23..=43).contains(&healed), "{strategy:?}: it is as fast as the others again: {shares:?}");
    }
}

#[test]
fn f66_after_ten_minutes_asleep_rests_are_over_and_limits_hold() {
    let limits = KeyLimits { rpm: Some(50), tpm: Some(100_000), ..KeyLimits::default() };
    let members = (0..3).map(|number| member(number, KeyTerms { limits, ..KeyTerms::default() })).collect();
    let mut house = House::new(Strategy::RoundRobin, members, 66);
    let until = |seconds| Lasts::Until(house.now.wall.plus(Duration::from_secs(seconds)));
    let (short, long) = (until(300), until(3_600));
    house.fail(1, &judged(Blame::Key, short, Trouble::RateLimited));
    house.fail(2, &judged(Blame::Account, long, Trouble::QuotaExhausted));
    let drain = |house: &mut House| {
        let mut sent = 0;
        while let Ok(claim) = house.try_choose(&Ask { input_tokens: 10, ..Ask::new(MODEL) }) {
            claim.report(&succeeded(Duration::from_millis(100)), house.now);
            sent += 1;
        }
        sent
    };
    assert_eq!(drain(&mut house), 50, "k0 alone");
    // Asleep: the wall clock goes on, the monotonic one does not.
    house.now = Moment::new(house.now.wall.plus(Duration::from_mins(10)), house.now.monotonic);
    // k1 is back and has 49 left; k0 has none, for the minute it was used in has not passed for it.
    assert_eq!(drain(&mut house), 49, "no burst above the limits");
    assert_eq!(house.standing(1), Standing::Active);
    assert_eq!(house.standing(2).as_str(), "exhausted");
    let nothing = house.try_choose(&Ask::new(MODEL)).unwrap_err();
    assert!(nothing.back.is_some_and(|back| back.since(house.now.wall) <= Duration::from_secs(66)), "{nothing:?}");
    house.advance(Duration::from_secs(66));
    assert_eq!(drain(&mut house), 100);
}

#[test]
fn f66_a_clock_that_is_set_back_holds_no_circuit_open() {
    let mut house = House::even(Strategy::RoundRobin, 4, 66);
    house.fail(0, &judged(Blame::Key, Lasts::Moment, Trouble::RateLimited));
    let ten = Duration::from_mins(10);
    house.now = Moment::new(house.now.wall.minus(ten), house.now.monotonic + Duration::from_secs(2));
    assert_eq!(house.serve(200).len(), 4);
}

#[test]
fn f66_daily_limits_follow_the_wall_clock_and_do_not_begin_anew_when_it_is_set_back() {
    let limits = KeyLimits { rpd: Some(10), ..KeyLimits::default() };
    let mut house = House::new(Strategy::Single, vec![member(0, KeyTerms { limits, ..KeyTerms::default() })], 66);
    let served = |house: &mut House| (0..30).filter(|_| house.try_choose(&Ask::new(MODEL)).is_ok()).count();
    assert_eq!(served(&mut house), 10);
    house.now = Moment::new(house.now.wall.minus(Duration::from_mins(10)), house.now.monotonic);
    assert_eq!(served(&mut house), 0, "the day before");
    let nothing = house.try_choose(&Ask::new(MODEL)).unwrap_err();
    assert!(nothing.is_resting(), "{nothing:?}");
    house.now =
        Moment::new(house.now.wall.plus(Duration::from_hours(24) + Duration::from_mins(11)), house.now.monotonic);
    assert_eq!(served(&mut house), 10, "the next day");
}
