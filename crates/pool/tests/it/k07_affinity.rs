//! K07: a conversation stays where its prefix is cached.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use keyward_domain::ids::CredentialId;
use keyward_domain::judgement::{Blame, Lasts, Trouble};
use keyward_domain::quota::{Meter, Metered, Quota};
use keyward_domain::routing::Strategy;
use keyward_pool::{Ask, Choice, Draw, Outcome};

use crate::house::{House, MODEL, failed, id, in_group, judged, succeeded, weighted};

fn home(house: &mut House, conversation: u64) -> CredentialId {
    let claim = house.choose(&Ask { affinity: Some(conversation), ..Ask::new(MODEL) });
    let home = claim.credential();
    claim.report(&succeeded(Duration::from_millis(100)), house.now);
    house.advance(Duration::from_millis(50));
    home
}

fn conversations(seed: u64, count: usize) -> Vec<u64> {
    let mut draw = Draw::seeded(seed);
    (0..count).map(|_| draw.number()).collect()
}

/// Ten turns each, the conversations mixed; cache hits and calls per key.
fn talk(house: &mut House, conversations: &[u64]) -> (u32, HashMap<CredentialId, u32>) {
    let mut caches = HashSet::new();
    let (mut hits, mut calls) = (0, HashMap::new());
    for _ in 0..10 {
        for conversation in conversations {
            let key = home(house, *conversation);
            hits += u32::from(!caches.insert((key, *conversation)));
            *calls.entry(key).or_default() += 1;
        }
    }
    (hits, calls)
}

#[test]
fn k07_conversations_keep_their_caches_and_spread_over_the_keys() {
    for seed in 0..20 {
        let mut house = House::even(Strategy::Adaptive, 10, seed);
        let (hits, calls) = talk(&mut house, &conversations(seed, 100));
        // With one key, 900 of 1,000 turns find their prefix.
        assert!(hits >= 855, "seed {seed}: {hits} hits");
        assert_eq!(calls.len(), 10, "seed {seed}: {calls:?}");
        assert!(calls.values().all(|calls| *calls <= 200), "seed {seed}: more than twice the fair share: {calls:?}");
    }
}

#[test]
fn k07_when_a_key_goes_only_its_conversations_move() {
    for keys in [10, 100] {
        let members = |without: Option<u32>| {
            (0..keys).filter(move |number| Some(*number) != without).map(|number| weighted(number, 1))
        };
        let mut house = House::new(Strategy::Adaptive, members(None).collect(), 7);
        let conversations = conversations(7, 1_000);
        let before: Vec<_> = conversations.iter().map(|one| home(&mut house, *one)).collect();
        house.rebuild(members(Some(3)).collect());
        for (conversation, before) in conversations.iter().zip(&before) {
            let after = home(&mut house, *conversation);
            assert!(after != id(3));
            assert!(after == *before || *before == id(3), "a conversation of another key moved");
        }
        house.rebuild(members(None).collect());
        for (conversation, before) in conversations.iter().zip(&before) {
            assert_eq!(home(&mut house, *conversation), *before, "back home");
        }
    }
}

#[test]
fn k07_while_a_key_rests_only_its_conversations_move_and_they_return_one_by_one() {
    for keys in [10, 1_000] {
        let mut house = House::even(Strategy::Adaptive, keys, 77);
        let conversations = conversations(7, if keys == 10 { 2_000 } else { 5_000 });
        let before: Vec<_> = conversations.iter().map(|one| home(&mut house, *one)).collect();
        // The key with the most conversations, so that something moves with 1,000 keys too.
        let number = (0..keys).max_by_key(|number| before.iter().filter(|home| **home == id(*number)).count()).unwrap();
        let until = house.now.wall.plus(Duration::from_hours(1));
        house.fail(number, &judged(Blame::Key, Lasts::Until(until), Trouble::RateLimited));
        for (conversation, before) in conversations.iter().zip(&before) {
            let after = home(&mut house, *conversation);
            assert_ne!(after, id(number));
            assert!(after == *before || *before == id(number), "{keys} keys: a conversation of another key moved");
        }
        house.advance(Duration::from_hours(1));
        let mut returned = HashSet::new();
        for _ in 0..30 {
            for (conversation, _) in conversations.iter().zip(&before).filter(|(_, home)| **home == id(number)) {
                let claim = house.choose(&Ask { affinity: Some(*conversation), ..Ask::new(MODEL) });
                let is_back = claim.credential() == id(number);
                assert!(is_back || !returned.contains(conversation), "one that returned left again");
                if is_back {
                    returned.insert(*conversation);
                }
            }
            house.advance(Duration::from_secs(1));
        }
        assert_eq!(returned.len(), before.iter().filter(|home| **home == id(number)).count());
    }
}

#[test]
fn k07_homes_are_accounts_and_weights_count() {
    let mut members: Vec<_> = (0..4).map(|number| in_group(number, "big")).collect();
    members.extend((4..8).map(|number| weighted(number, 1)));
    let mut house = House::new(Strategy::Adaptive, members, 7);
    let conversations = conversations(7, 8_000);
    let homes: Vec<_> = conversations.iter().map(|one| home(&mut house, *one)).collect();
    let big = homes.iter().filter(|home| **home < id(4)).count();
    assert!((3_700..=4_300).contains(&big), "{big}");
    // Its key rests: the conversation stays in the account.
    house.fail(0, &judged(Blame::Key, Lasts::Human, Trouble::Rejected));
    for (conversation, before) in conversations.iter().zip(&homes) {
        let after = home(&mut house, *conversation);
        assert!(after == *before || (*before == id(0) && after < id(4)));
    }
}

#[test]
fn k07_a_thousand_keys_share_by_weight() {
    let members = (0..1_000).map(|number| weighted(number, if number < 500 { 1 } else { 3 })).collect();
    let mut house = House::new(Strategy::Adaptive, members, 7);
    let homes: Vec<_> = conversations(8, 40_000).into_iter().map(|one| home(&mut house, one)).collect();
    let light = homes.iter().filter(|home| **home < id(500)).count();
    assert!((9_200..=10_800).contains(&light), "{light} of 40,000 instead of 10,000");
}

#[test]
fn k07_an_overloaded_home_yields() {
    let mut house = House::even(Strategy::Adaptive, 4, 7);
    let ask = Ask { affinity: Some(4711), ..Ask::new(MODEL) };
    // One conversation with a hundred calls at once does not pile them all on one key.
    let claims: Vec<_> = (0..100).map(|_| house.choose(&ask)).collect();
    let mut counts: HashMap<_, u32> = HashMap::new();
    for claim in &claims {
        *counts.entry(claim.credential()).or_default() += 1;
    }
    assert!(counts.values().all(|count| *count <= 60), "{counts:?}");
    drop(claims);
    let home = house.choose(&ask).credential();
    assert_eq!(house.choose(&ask).credential(), home);
}

/// One call of a conversation that the provider fails for.
fn fail_at_home(house: &mut House, conversation: u64) -> CredentialId {
    let failure = judged(Blame::Provider, Lasts::Moment, Trouble::Failed);
    let claim = house.choose(&Ask { affinity: Some(conversation), is_alone: true, ..Ask::new(MODEL) });
    let key = claim.credential();
    claim.report(&failed(&failure), house.now);
    house.advance(Duration::from_millis(50));
    key
}

#[test]
fn k07_while_its_key_fails_or_is_slow_a_conversation_uses_a_sibling() {
    let members = || (0..8).map(|number| in_group(number, if number < 4 { "a" } else { "b" })).collect();
    for conversation in conversations(5, 20) {
        let mut house = House::new(Strategy::Adaptive, members(), 7);
        let own = home(&mut house, conversation);
        let siblings: Vec<_> = if own < id(4) { (0..4).map(id).collect() } else { (4..8).map(id).collect() };
        assert_eq!(fail_at_home(&mut house, conversation), own);
        let other = home(&mut house, conversation);
        assert!(other != own && siblings.contains(&other), "another key of the same account");
        house.advance(Duration::from_mins(1));
        assert_eq!(home(&mut house, conversation), own, "forgiven");

        let claim = house.choose(&Ask { affinity: Some(conversation), ..Ask::new(MODEL) });
        claim.report(&succeeded(Duration::from_secs(6)), house.now);
        let other = home(&mut house, conversation);
        assert!(other != own && siblings.contains(&other), "as fast as it is used to, in the same account");
    }
}

/// Five calls for another model that fail with this key.
fn fail_elsewhere(house: &mut House, key: CredentialId) {
    let failure = judged(Blame::ModelOnKey, Lasts::Moment, Trouble::Failed);
    let others: Vec<_> = (0..6).map(id).filter(|other| *other != key).collect();
    for _ in 0..5 {
        let claim = house.choose(&Ask { tried: &others, ..Ask::new("another-model") });
        assert_eq!(claim.credential(), key);
        claim.report(&failed(&failure), house.now);
    }
}

#[test]
fn k07_a_home_that_keeps_failing_yields_unless_all_fail() {
    let mut house = House::even(Strategy::Adaptive, 6, 7);
    let own = home(&mut house, 99);
    assert_eq!(fail_at_home(&mut house, 99), own);
    assert_eq!(fail_at_home(&mut house, 99), own, "once or twice may happen to anybody");
    fail_elsewhere(&mut house, own);
    let second = home(&mut house, 99);
    assert_ne!(second, own);
    assert_eq!(home(&mut house, 99), second, "its second home is always the same");
    for key in (0..6).map(id).filter(|key| *key != own) {
        fail_elsewhere(&mut house, key);
    }
    assert_eq!(home(&mut house, 99), own, "nothing is won by moving about");
}

/// An answer of a conversation's call that says what is left of a meter.
fn tell(house: &mut House, conversation: u64, counts: Metered, remaining: u64) -> CredentialId {
    let resets = Some(house.now.wall.plus(Duration::from_secs(30)));
    let window = Some(Duration::from_mins(1));
    let mut quota = Quota::default();
    quota.add(Meter { counts, window, limit: Some(100_000), remaining, resets, is_models: false });
    let claim = house.choose(&Ask { affinity: Some(conversation), ..Ask::new(MODEL) });
    claim.quota(&quota, house.now);
    claim.credential()
}

#[test]
fn k07_a_long_prompt_that_is_cached_does_not_drive_a_conversation_from_its_home() {
    let long = Ask { input_tokens: 60_000, output_tokens: 1_000, ..Ask::new(MODEL) };
    let turn = Ask { affinity: Some(99), ..long };
    for counts in [Metered::Tokens, Metered::InputTokens] {
        let mut house = House::even(Strategy::Adaptive, 4, 7);
        let home = tell(&mut house, 99, counts, 30_000);
        let rows = house.pool.explain(&turn, house.now);
        assert_eq!((rows[0].credential, rows[0].choice), (home, Choice::Chosen), "{counts:?}: {rows:?}");
        let claim = house.choose(&turn);
        assert_eq!(claim.credential(), home, "{counts:?}: 30 % are left, and the prompt is cached");
        claim.report(&Outcome::Neutral, house.now);
        for _ in 0..50 {
            assert_ne!(house.choose(&long).credential(), home, "{counts:?}: a prompt that is nobody's does not fit");
        }
        tell(&mut house, 99, counts, 3_000);
        assert_ne!(house.choose(&turn).credential(), home, "{counts:?}: next to nothing is left");
    }
}

#[test]
fn k07_few_requests_or_no_room_for_the_answer_do_drive_it() {
    let turn = Ask { affinity: Some(99), input_tokens: 60_000, output_tokens: 1_000, ..Ask::new(MODEL) };
    for (counts, remaining) in [(Metered::Requests, 4_000), (Metered::OutputTokens, 900)] {
        let mut house = House::even(Strategy::Adaptive, 4, 7);
        let home = tell(&mut house, 99, counts, remaining);
        assert_ne!(house.choose(&turn).credential(), home, "{counts:?}");
    }
}
