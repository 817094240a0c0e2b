//! Choosing allocates nothing, whatever it has to look at.

use std::time::Duration;

use allocation_counter::measure;
use keyward_domain::judgement::{Blame, Lasts, Trouble};
use keyward_domain::money::Nanodollars;
use keyward_domain::quota::{Meter, Metered, Quota};
use keyward_domain::routing::{KeyLimits, KeyTerms, Strategy};
use keyward_pool::{Ask, Outcome};

use crate::house::{House, MODEL, cause, failed, judged, member};

#[test]
fn choosing_among_a_thousand_keys_allocates_nothing() {
    for strategy in Strategy::ALL {
        let mut house = House::new(strategy, (0..1_000).map(rich_member).collect(), 1);
        let quota = quota(&house);
        for turn in 0..3_000 {
            let claim = house.choose(&Ask { affinity: Some(turn), ..Ask::new(MODEL) });
            claim.quota(&quota, house.now);
            let limited = judged(Blame::Key, Lasts::Moment, Trouble::RateLimited);
            claim.report(&if turn % 300 == 7 { failed(&limited) } else { good() }, house.now);
        }
        // Half-open keys, keys on their way back, rests: everything at once.
        house.advance(Duration::from_millis(1_300));
        let tried: Vec<_> = (0..3).map(|_| house.choose(&Ask::new(MODEL))).collect();
        let (tried, avoid) = ([tried[0].credential(), tried[1].credential()], [tried[2].account()]);
        let outcome = good();
        let found = measure(|| {
            for turn in 0..2_000 {
                let ask = Ask { affinity: (turn % 3 > 0).then_some(turn), input_tokens: 100, ..Ask::new(MODEL) };
                let ask = if turn % 5 == 0 { Ask { tried: &tried, avoid: &avoid, ..ask } } else { ask };
                let Ok(claim) = house.pool.choose(&ask, house.now, &mut house.draw) else { continue };
                claim.quota(&quota, house.now);
                // A canary's success is a change of standing, which is told: it may allocate.
                if !claim.is_canary() {
                    claim.report(&outcome, house.now);
                }
                house.now = house.now.plus(Duration::from_micros(100));
            }
        });
        assert_eq!(found.count_total, 0, "{strategy:?}: {found:?}");
    }
}

fn good() -> Outcome<'static> {
    Outcome::Succeeded {
        first_content: Some(Duration::from_millis(200)),
        tokens: 50,
        cost: Nanodollars(10),
        cause: cause(200),
    }
}

fn rich_member(number: u32) -> keyward_pool::Member {
    let limits = KeyLimits {
        rpm: Some(100_000),
        tpm: Some(100_000_000),
        rpd: Some(10_000_000),
        concurrency: Some(1_000),
        daily_cost: Some(Nanodollars(1_000_000_000)),
    };
    let weight = 1 + u16::try_from(number % 5).unwrap();
    let tier = u8::from(number.is_multiple_of(4));
    let quota_group = (number.is_multiple_of(3)).then(|| format!("account-{}", number % 30));
    member(number, KeyTerms { limits, weight, tier, quota_group, ..KeyTerms::default() })
}

fn quota(house: &House) -> Quota {
    let mut quota = Quota::default();
    for counts in [Metered::Requests, Metered::Tokens] {
        let resets = Some(house.now.wall.plus(Duration::from_mins(1)));
        let is_models = counts == Metered::Tokens;
        quota.add(Meter { counts, window: None, limit: Some(1_000_000), remaining: 900_000, resets, is_models });
    }
    quota
}
