//! What always holds, whatever happens in which order.

use std::time::Duration;

use keyward_domain::credential::Finding;
use keyward_domain::judgement::{Blame, Judgement, Lasts, Trouble};
use keyward_domain::routing::{KeyLimits, KeyTerms, Strategy};
use keyward_domain::standing::Standing;
use keyward_pool::{Ask, Claim, Outcome};
use proptest::prelude::{Just, ProptestConfig, any, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::strategy::Strategy as Values;

use crate::house::{House, MODEL, failed, id, judged, member, succeeded};

const KEYS: u32 = 4;

#[derive(Debug, Clone)]
enum Step {
    Choose { affinity: Option<u64>, tried: Option<u32> },
    Succeed(usize),
    Fail(usize, Judgement),
    Drop(usize),
    Neutral(usize),
    Wait(u64),
    Cool(u32, u64),
    Clear(u32),
    Probe(u32, Finding),
    Rebuild,
}

fn judgement() -> impl Values<Value = (usize, u8, u64, usize)> {
    (0..Blame::ALL.len(), 0..3_u8, 0..120_u64, 0..Trouble::ALL.len())
}

fn step() -> impl Values<Value = Step> {
    prop_oneof![
        8 => (any::<Option<u64>>(), proptest::option::of(0..KEYS)).prop_map(|(affinity, tried)| Step::Choose { affinity, tried }),
        4 => any::<usize>().prop_map(Step::Succeed),
        4 => (any::<usize>(), judgement()).prop_map(|(at, (blame, lasts, seconds, trouble))| {
            let lasts = match lasts {
                0 => Lasts::Moment,
                1 => Lasts::Human,
                _ => Lasts::Until(keyward_domain::time::Timestamp::from_unix_millis(crate::house::START_MS + i64::try_from(seconds).unwrap() * 1_000)),
            };
            Step::Fail(at, judged(Blame::ALL[blame], lasts, Trouble::ALL[trouble]))
        }),
        1 => any::<usize>().prop_map(Step::Drop),
        1 => any::<usize>().prop_map(Step::Neutral),
        4 => (0..5_000_u64).prop_map(Step::Wait),
        1 => (0..KEYS, 0..60_u64).prop_map(|(key, seconds)| Step::Cool(key, seconds)),
        1 => (0..KEYS).prop_map(Step::Clear),
        1 => (0..KEYS, any::<bool>()).prop_map(|(key, valid)| Step::Probe(key, if valid { Finding::Valid } else { Finding::Unauthorised })),
        1 => Just(Step::Rebuild),
    ]
}

fn members() -> Vec<keyward_pool::Member> {
    let limits = KeyLimits { concurrency: Some(6), rpm: Some(200), ..KeyLimits::default() };
    let group = |number| (number < 2).then(|| "shared".to_owned());
    (0..KEYS)
        .map(|number| member(number, KeyTerms { limits, quota_group: group(number), ..KeyTerms::default() }))
        .collect()
}

/// Takes a step; returns what it chose, if it chose.
fn take(house: &mut House, held: &mut Vec<Claim>, step: Step) -> Option<Result<(), String>> {
    match step {
        Step::Choose { affinity, tried } => {
            let tried: Vec<_> = tried.map(id).into_iter().collect();
            let before: Vec<_> = house.pool.keys(house.now);
            let ask = Ask { affinity, tried: &tried, ..Ask::new(MODEL) };
            match house.try_choose(&ask) {
                Ok(claim) => {
                    let credential = claim.credential();
                    held.push(claim);
                    let view = before.iter().find(|view| view.credential == credential);
                    // Its time may have come just now, which the view shows as active already.
                    let told =
                        view.filter(|view| view.circuit.phase == "closed" && !view.standing.is_usable(house.now.wall));
                    return Some(match told {
                        _ if tried.contains(&credential) => Err("a tried key was chosen again".to_owned()),
                        Some(view) => Err(format!("a resting key was chosen: {view:?}")),
                        None => Ok(()),
                    });
                }
                Err(nothing) if nothing.back.is_some_and(|back| back < house.now.wall) => {
                    return Some(Err(format!("back in the past: {nothing:?}")));
                }
                Err(_) => {}
            }
        }
        Step::Succeed(at) => end(held, at, Some(&succeeded(Duration::from_millis(90))), house),
        Step::Fail(at, judgement) => end(held, at, Some(&failed(&judgement)), house),
        Step::Drop(at) => end(held, at, None, house),
        Step::Neutral(at) => end(held, at, Some(&Outcome::Neutral), house),
        Step::Wait(millis) => house.advance(Duration::from_millis(millis)),
        Step::Cool(key, seconds) => {
            let _ = house.registry.cool(id(key), house.now.wall.plus(Duration::from_secs(seconds)), "ada", house.now);
        }
        Step::Clear(key) => {
            house.registry.clear(id(key), "ada", house.now);
        }
        Step::Probe(key, finding) => {
            house.registry.probed(id(key), finding, house.now);
        }
        Step::Rebuild => house.rebuild(members()),
    }
    None
}

/// Ends one of the claims that are held: with this report, or dropped without one.
fn end(held: &mut Vec<Claim>, at: usize, outcome: Option<&Outcome<'_>>, house: &House) {
    let Some(at) = at.checked_rem(held.len()) else { return };
    let claim = held.swap_remove(at);
    if let Some(outcome) = outcome {
        claim.report(outcome, house.now);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn k03_whatever_happens_a_resting_key_rests_and_every_place_comes_back(
        strategy in 0..Strategy::ALL.len(),
        seed in any::<u64>(),
        steps in proptest::collection::vec(step(), 1..400),
    ) {
        let mut house = House::new(Strategy::ALL[strategy], members(), seed);
        let mut held = Vec::new();
        for step in steps {
            let taken = take(&mut house, &mut held, step);
            prop_assert!(!matches!(taken, Some(Err(_))), "seed {seed}: {taken:?}");
            let in_flight: u32 = house.pool.keys(house.now).iter().map(|view| view.in_flight).sum();
            prop_assert_eq!(usize::try_from(in_flight).unwrap(), held.len());
        }
        held.clear();
        prop_assert!(house.pool.keys(house.now).iter().all(|view| view.in_flight == 0));
        // Every event starts where the one before it for the same key and model ended.
        let mut last = std::collections::HashMap::new();
        for event in house.events() {
            let before = last.insert((event.now.credential, event.now.model.clone()), event.now.standing);
            prop_assert_eq!(event.from, before.unwrap_or(Standing::Active), "seed {}: {:?}", seed, event);
        }
        // Nothing but people is needed: cleared of suspicion, every key serves again after its rests.
        for key in 0..KEYS {
            house.registry.clear(id(key), "ada", house.now);
        }
        house.registry.clear_provider(crate::house::PROVIDER, house.now);
        house.advance(Duration::from_mins(3));
        prop_assert!(house.try_choose(&Ask::new(MODEL)).is_ok());
    }
}
