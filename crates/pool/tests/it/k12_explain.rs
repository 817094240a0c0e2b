//! K12: which key, and why not the others.

use std::time::Duration;

use keyward_domain::credential::CredentialState;
use keyward_domain::judgement::{Blame, Lasts, Trouble};
use keyward_domain::routing::{KeyTerms, Strategy};
use keyward_pool::{Account, Ask, Choice, Member, Why};

use crate::house::{House, MODEL, PROVIDER, id, judged, member, succeeded};

#[test]
fn k12_an_explanation_names_the_chosen_key_and_why_others_were_skipped() {
    for strategy in Strategy::ALL {
        let mut members: Vec<_> = (0..6).map(|number| member(number, KeyTerms::default())).collect();
        members[5] = Member { state: CredentialState::Disabled, ..members[5].clone() };
        members[4].terms.models = vec!["claude*".to_owned()];
        let mut house = House::new(strategy, members, 12);
        let until = house.now.wall.plus(Duration::from_mins(1));
        house.fail(3, &judged(Blame::Key, Lasts::Until(until), Trouble::RateLimited));
        house.fail(2, &judged(Blame::Key, Lasts::Human, Trouble::Rejected));
        let ask = Ask { affinity: Some(5), ..Ask::new(MODEL) };
        let rows = house.pool.explain(&ask, house.now);
        assert_eq!(rows.len(), 6);
        assert_eq!(rows[0].choice, Choice::Chosen, "{strategy:?}: {rows:?}");
        assert_eq!(rows.iter().filter(|row| row.choice == Choice::Chosen).count(), 1);
        assert_eq!(rows[1].choice, Choice::Ready);
        let why = |number| rows.iter().find(|row| row.credential == id(number)).map(|row| row.why.clone().unwrap());
        assert!(matches!(why(3), Some(Why::Standing { .. })), "{rows:?}");
        assert!(matches!(why(2), Some(Why::Standing { .. })), "{rows:?}");
        assert_eq!(why(4), Some(Why::NotForModel));
        assert_eq!(why(5), Some(Why::NotInUse { state: CredentialState::Disabled }));
        assert_eq!(rows.iter().find(|row| row.credential == id(3)).unwrap().back, Some(until));
        assert!(house.pool.keys(house.now).iter().all(|view| view.in_flight == 0), "nothing was taken");
        if matches!(strategy, Strategy::Adaptive | Strategy::Single | Strategy::CostOptimized) {
            assert_eq!(house.choose(&ask).credential(), rows[0].credential, "{strategy:?}");
        }
    }
}

#[test]
fn k12_nothing_to_choose_has_a_reason_per_key_and_the_true_soonest_time() {
    let mut house = House::even(Strategy::Adaptive, 3, 12);
    let in_seconds = |seconds| house.now.wall.plus(Duration::from_secs(seconds));
    let (soon, late) = (in_seconds(20), in_seconds(600));
    house.fail(0, &judged(Blame::Key, Lasts::Human, Trouble::Rejected));
    house.fail(1, &judged(Blame::Account, Lasts::Until(late), Trouble::QuotaExhausted));
    house.fail(2, &judged(Blame::Key, Lasts::Until(soon), Trouble::RateLimited));
    let nothing = house.try_choose(&Ask::new(MODEL)).unwrap_err();
    assert!(nothing.is_resting());
    assert_eq!(nothing.back, Some(soon));
    let backs: Vec<_> = nothing.keys.iter().map(|passed| passed.back).collect();
    assert_eq!(backs, [None, Some(late), Some(soon)]);
    let json = serde_json::to_value(&nothing).unwrap();
    assert_eq!(json["keys"][0]["standing"]["standing"], "suspect");
    // Bound to the account that only a person can help.
    let pin = Some(Account::of(PROVIDER, id(0), None));
    let bound = house.try_choose(&Ask { pin, ..Ask::new(MODEL) }).unwrap_err();
    assert!(!bound.is_resting(), "{bound:?}");
    // And when the time has come, it is served.
    house.advance(Duration::from_secs(20));
    assert_eq!(house.choose(&Ask::new(MODEL)).credential(), id(2));
}

#[test]
fn k12_a_long_list_of_reasons_is_cut_and_the_soonest_time_is_still_true() {
    let mut house = House::even(Strategy::RoundRobin, 200, 12);
    for number in 0..200 {
        let until = house.now.wall.plus(Duration::from_secs(1_000 - u64::from(number)));
        house.fail(number, &judged(Blame::Key, Lasts::Until(until), Trouble::RateLimited));
    }
    let nothing = house.try_choose(&Ask::new(MODEL)).unwrap_err();
    assert_eq!((nothing.keys.len(), nothing.more), (64, 136));
    assert_eq!(nothing.back, Some(house.now.wall.plus(Duration::from_secs(801))));
    assert!(nothing.to_string().ends_with("; and 136 more"), "{nothing}");
}

#[test]
fn k12_a_view_holds_what_is_known_of_a_key() {
    let mut house = House::even(Strategy::Single, 1, 12);
    for call in 0..100 {
        let claim = house.choose(&Ask::new(MODEL));
        let error = judged(Blame::Key, Lasts::Moment, Trouble::Failed);
        let good = succeeded(Duration::from_millis(100 + call));
        claim.report(&if call >= 98 { crate::house::failed(&error) } else { good }, house.now);
        house.advance(Duration::from_millis(10));
    }
    let held = house.choose(&Ask::new(MODEL));
    let view = house.view(0);
    assert_eq!((view.requests, view.failures, view.consecutive_failures, view.in_flight), (100, 2, 2, 1));
    assert_eq!(view.success_permille, Some(980));
    let latency = view.latency.unwrap();
    assert!((140..=190).contains(&latency.p50_ms) && latency.p99_ms <= 250, "{latency:?}");
    assert!(view.last_failure > view.last_success);
    let json = serde_json::to_value(&view).unwrap();
    assert_eq!(json["standing"], "active");
    assert_eq!(json["name"], "k0");
    drop(held);
}
