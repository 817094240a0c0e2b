//! L03: what is in flight comes back to nothing, and a limit is reached and never exceeded.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use keyward_domain::judgement::{Blame, Lasts, Trouble};
use keyward_domain::routing::{KeyLimits, KeyTerms, Strategy};
use keyward_pool::{Ask, Draw, Moment, Outcome};

use crate::house::{House, MODEL, failed, id, judged, member, succeeded};

const THREADS: u64 = 4;
const CALLS: u64 = 25_000;
const PLACES: u32 = 5;

#[test]
fn l03_in_flight_returns_to_nothing_after_100_000_ends_of_all_kinds() {
    let limits = KeyLimits { concurrency: Some(PLACES), ..KeyLimits::default() };
    for strategy in Strategy::ALL {
        let members = (0..3).map(|number| member(number, KeyTerms { limits, ..KeyTerms::default() })).collect();
        let house = House::new(strategy, members, 3);
        let seen: Vec<_> = (0..3).map(|_| AtomicU32::new(0)).collect();
        let most: Vec<_> = (0..3).map(|_| AtomicU32::new(0)).collect();
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let (house, seen, most) = (&house, &seen, &most);
                scope.spawn(move || calls(house, seen, most, thread, strategy));
            }
        });
        for key in 0..3 {
            let view = house.view(key);
            assert_eq!(view.in_flight, 0, "{strategy:?}");
            let most = most[usize::try_from(key).unwrap()].load(Ordering::Relaxed);
            assert!(most <= PLACES, "{strategy:?}: {most} at once on k{key}");
            assert!(most == PLACES, "{strategy:?}: never more than {most} on k{key}");
        }
    }
}

/// One thread's share of the calls. Each holds up to eight claims and ends one of them at random, in any way.
fn calls(house: &House, seen: &[AtomicU32], most: &[AtomicU32], thread: u64, strategy: Strategy) {
    let mut draw = Draw::seeded(1_000 + thread);
    let mut held = Vec::new();
    let error = judged(Blame::Key, Lasts::Moment, Trouble::NotAnswered);
    for call in 0..CALLS {
        let now = house.now.plus(Duration::from_millis(call / 10));
        let affinity = (strategy == Strategy::Adaptive).then(|| draw.number());
        if let Ok(claim) = house.pool.choose(&Ask { affinity, ..Ask::new(MODEL) }, now, &mut draw) {
            let index = (0..3).position(|number| id(number) == claim.credential()).unwrap();
            // Counted before it was chosen is impossible; so it is counted after, and uncounted before it ends.
            let at_once = seen[index].fetch_add(1, Ordering::SeqCst) + 1;
            most[index].fetch_max(at_once, Ordering::SeqCst);
            held.push((claim, index));
        }
        if held.len() >= 8 || (!held.is_empty() && draw.below(2) == 0) {
            let at = usize::try_from(draw.below(u64::try_from(held.len()).unwrap())).unwrap();
            let (claim, index) = held.swap_remove(at);
            seen[index].fetch_sub(1, Ordering::SeqCst);
            end(claim, &mut draw, now, &error);
        }
    }
    for (claim, index) in held {
        seen[index].fetch_sub(1, Ordering::SeqCst);
        drop(claim);
    }
}

fn end(claim: keyward_pool::Claim, draw: &mut Draw, now: Moment, error: &keyward_domain::judgement::Judgement) {
    match draw.below(6) {
        0 => drop(claim),
        1 => claim.report(&Outcome::Neutral, now),
        2 => claim.report(&Outcome::Abandoned { tokens: 5, cost: keyward_domain::money::Nanodollars(7) }, now),
        3 => claim.report(&failed(error), now),
        4 => {
            // A panic on the way of a call.
            let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
                let _held = claim;
                std::panic::resume_unwind(Box::new("unwinding"));
            }));
            assert!(unwound.is_err());
        }
        _ => claim.report(&succeeded(Duration::from_millis(draw.below(300))), now),
    }
}

#[test]
fn l03_nothing_is_lost_while_the_configuration_and_standings_change() {
    let limits = KeyLimits { concurrency: Some(PLACES), rpm: Some(1_000_000), ..KeyLimits::default() };
    let members =
        |keys: u32| (0..keys).map(|number| member(number, KeyTerms { limits, ..KeyTerms::default() })).collect();
    let house = House::new(Strategy::Adaptive, members(6), 3);
    let current = std::sync::RwLock::new(std::sync::Arc::clone(&house.pool));
    let done = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (current, done, now) = (&current, &done, house.now);
            scope.spawn(move || {
                let mut draw = Draw::seeded(thread);
                let error = judged(Blame::Account, Lasts::Moment, Trouble::RateLimited);
                for call in 0..20_000 {
                    let pool = std::sync::Arc::clone(&current.read().unwrap());
                    let now = now.plus(Duration::from_millis(call));
                    let ask = Ask { affinity: Some(draw.number()), input_tokens: 10, ..Ask::new(MODEL) };
                    if let Ok(claim) = pool.choose(&ask, now, &mut draw) {
                        end(claim, &mut draw, now, &error);
                    }
                }
                done.fetch_add(1, Ordering::SeqCst);
            });
        }
        let mut round = 0;
        while done.load(Ordering::SeqCst) < 3 {
            round += 1;
            let now = house.now.plus(Duration::from_millis(round));
            let pool = house.registry.pool(
                crate::house::PROVIDER,
                Strategy::Adaptive,
                members(4 + u32::try_from(round % 3).unwrap()),
                now,
            );
            *current.write().unwrap() = pool;
            house.registry.clear(id(0), "ada", now);
            let _ = house.registry.cool(id(1), now.wall.plus(Duration::from_millis(3)), "ada", now);
            house.registry.sweep(now);
        }
    });
    let pool = current.into_inner().unwrap();
    assert!(pool.keys(house.now).iter().all(|view| view.in_flight == 0));
    assert_eq!(pool.provider_view(house.now).in_flight, 0);
    let mut last = std::collections::HashMap::new();
    for event in house.events().into_iter().filter(|event| event.now.credential < id(4)) {
        let before = last.insert((event.now.credential, event.now.model.clone()), event.now.standing);
        let before = before.unwrap_or(keyward_domain::standing::Standing::Active);
        assert_eq!(event.from, before, "{event:?}");
    }
}

#[test]
fn l03_a_full_key_sends_the_excess_to_others_and_then_says_so() {
    let limits = KeyLimits { concurrency: Some(3), ..KeyLimits::default() };
    let members = vec![
        member(0, KeyTerms { limits, ..KeyTerms::default() }),
        member(1, KeyTerms { limits, ..KeyTerms::default() }),
    ];
    let mut house = House::new(Strategy::Single, members, 3);
    let mut held: Vec<_> = (0..6).map(|_| house.choose(&Ask::new(MODEL))).collect();
    assert_eq!(held.iter().filter(|claim| claim.credential() == id(0)).count(), 3);
    let nothing = house.try_choose(&Ask::new(MODEL)).unwrap_err();
    assert!(nothing.is_resting() && nothing.to_string().contains("under way"), "{nothing}");
    held.pop();
    assert_eq!(house.choose(&Ask::new(MODEL)).credential(), id(1));
}
