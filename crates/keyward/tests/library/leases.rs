//! Keys on loan: which one is handed out, and what its report teaches.

use std::time::Duration;

use keyward::{Error, Failure, Keyward, NoKey, Outcome, ProviderId, Strategy, Usage};
use keyward_domain::ledger::AttemptOutcome;
use keyward_domain::usage::UsageSource;

use crate::place::{Place, add, sandbox};

const MINUTE: Duration = Duration::from_mins(1);

async fn taken(keyward: &Keyward) -> String {
    let lease = keyward.next_key(ProviderId::SANDBOX).await.unwrap();
    let name = lease.key().to_owned();
    lease.report(Outcome::unused()).await.unwrap();
    name
}

fn used(input: u64, output: u64) -> Usage {
    Usage { input_uncached: input, output, ..Usage::default() }
}

#[tokio::test]
async fn a_key_that_was_told_to_slow_down_rests_and_the_other_one_is_handed_out() {
    let keyward = sandbox(&["one", "two"]).await;
    let lease = keyward.next_key(ProviderId::SANDBOX).await.unwrap();
    let limited = lease.key().to_owned();
    lease.report(Outcome::rate_limited(MINUTE)).await.unwrap();
    for _ in 0..20 {
        assert_ne!(taken(&keyward).await, limited);
    }
    let health = keyward.health().await.unwrap();
    let resting = health.keys.iter().find(|key| key.key == limited).unwrap();
    assert_eq!((resting.state, resting.is_usable()), ("cooling", false));
    let back = resting.back_in.unwrap();
    assert!(back <= MINUTE && back > MINUTE / 2, "{back:?}");
    let stats = keyward.key_stats(ProviderId::SANDBOX, &limited).await.unwrap();
    assert_eq!((stats.requests, stats.errors, stats.rate_limited), (1, 1, 1));
    keyward.close().await.unwrap();
}

#[tokio::test]
async fn when_every_key_rests_the_refusal_names_each_and_says_when() {
    let keyward = sandbox(&["one", "two"]).await;
    for rest in [MINUTE, 2 * MINUTE] {
        keyward.next_key(ProviderId::SANDBOX).await.unwrap().report(Outcome::rate_limited(rest)).await.unwrap();
    }
    let refused = keyward.next_key(ProviderId::SANDBOX).await.unwrap_err();
    let Error::NoKey(NoKey { provider, model, keys, retry_after, .. }) = &refused else { panic!("{refused}") };
    assert_eq!((provider, model), (&ProviderId::SANDBOX, &None));
    let mut names: Vec<&str> = keys.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["one", "two"]);
    let soonest = retry_after.unwrap();
    assert!(soonest <= MINUTE && soonest > MINUTE / 2, "{soonest:?}");
    let sentence = refused.to_string();
    assert!(sentence.contains("one: cooling") && sentence.contains("the first is back in"), "{sentence}");
    assert!(matches!(keyward.best_key(ProviderId::SANDBOX).await, Err(Error::NoKey(_))));
    assert!(matches!(keyward.key_for_model("sandbox-small").await, Err(Error::NoKey(_))));
    keyward.close().await.unwrap();
}

#[tokio::test]
async fn what_is_reported_is_in_the_ledger_to_the_nano_dollar() {
    let place = Place::empty();
    let keyward = place.open().await;
    add(&keyward, &["one"]).await;
    let lease = keyward.key_for_model("sandbox-small").await.unwrap();
    let well = Outcome::succeeded(used(1_000_000, 1)).first_content(Duration::from_millis(7));
    lease.report(well).await.unwrap();
    // Taken for any model; the report says which.
    let lease = keyward.next_key(ProviderId::SANDBOX).await.unwrap();
    lease.report(Outcome::succeeded(used(1, 1_000_000)).on_model("sandbox-small")).await.unwrap();
    // Nobody says which: a price that is not known is not zero.
    let lease = keyward.next_key(ProviderId::SANDBOX).await.unwrap();
    lease.report(Outcome::succeeded(used(10, 10))).await.unwrap();
    let lease = keyward.next_key(ProviderId::SANDBOX).await.unwrap();
    lease.report(Outcome::failed(Failure::answered(500, "{}"))).await.unwrap();

    let stats = keyward.key_stats(ProviderId::SANDBOX, "one").await.unwrap();
    assert_eq!((stats.requests, stats.errors, stats.unpriced, stats.estimated), (4, 1, 1, 0));
    assert_eq!((stats.input_tokens, stats.output_tokens), (1_000_011, 1_000_011));
    // $0.15 and $0.60 per million: 0.1500006 and 0.60000015.
    assert_eq!(stats.cost.0, 150_000_600 + 600_000_150);
    let of_provider = keyward.provider_stats(ProviderId::SANDBOX).await.unwrap();
    assert_eq!((of_provider.requests, of_provider.cost), (4, stats.cost));
    keyward.close().await.unwrap();

    let (entries, audit) = place.kept();
    let told: Vec<_> = entries.iter().map(|entry| (entry.outcome, entry.status, entry.source)).collect();
    let well = (AttemptOutcome::Completed, 200, UsageSource::Provider);
    assert_eq!(told, [well, well, well, (AttemptOutcome::UpstreamError, 500, UsageSource::Provider)]);
    assert_eq!(entries[0].first_content, Some(Duration::from_millis(7)));
    assert_eq!(entries[2].cost, None);
    let taken: Vec<_> = audit.iter().filter(|entry| entry.action == "lease.take").collect();
    assert_eq!(taken.len(), 4, "a key does not leave without a trace");
    for (entry, lease) in entries.iter().zip(&taken) {
        assert_eq!(entry.subject.attempt.request.to_string(), lease.object);
    }
}

#[tokio::test]
async fn a_lease_that_is_dropped_is_neutral_for_the_key_and_an_estimate_in_the_ledger() {
    let keyward = sandbox(&["one"]).await;
    for _ in 0..10 {
        drop(keyward.key_for_model("sandbox-small").await.unwrap());
    }
    let stats = keyward.key_stats(ProviderId::SANDBOX, "one").await.unwrap();
    assert_eq!((stats.requests, stats.estimated, stats.unpriced), (10, 10, 0));
    // 1,000 tokens in and out each, at $0.15 and $0.60 per million.
    assert_eq!(stats.cost.0, 10 * 750_000);
    let health = keyward.health().await.unwrap();
    let key = &health.keys[0];
    assert_eq!((key.state, key.success_percent, key.failures_in_a_row, key.in_flight), ("active", None, 0, 0));
    keyward.close().await.unwrap();
}

#[tokio::test]
async fn a_key_that_was_not_used_leaves_no_row() {
    let keyward = sandbox(&["one"]).await;
    let lease = keyward.next_key(ProviderId::SANDBOX).await.unwrap();
    assert_eq!(keyward.health().await.unwrap().keys[0].in_flight, 1);
    lease.report(Outcome::unused()).await.unwrap();
    assert_eq!(keyward.health().await.unwrap().keys[0].in_flight, 0);
    let stats = keyward.key_stats(ProviderId::SANDBOX, "one").await.unwrap();
    assert_eq!((stats.requests, stats.errors, stats.cost.0), (0, 0, 0));
    keyward.close().await.unwrap();
}

#[tokio::test]
async fn a_key_that_its_provider_refuses_is_not_handed_out_until_it_is_validated() {
    let keyward = sandbox(&["one"]).await;
    let lease = keyward.next_key(ProviderId::SANDBOX).await.unwrap();
    let body = r#"{"error":{"message":"Incorrect API key provided","code":"invalid_api_key"}}"#;
    lease.report(Outcome::failed(Failure::answered(401, body))).await.unwrap();
    assert_eq!(keyward.health().await.unwrap().keys[0].state, "suspect");
    let Err(Error::NoKey(none)) = keyward.next_key(ProviderId::SANDBOX).await else { panic!() };
    assert_eq!(none.retry_after, None, "only a person, or a proof, can help");
    keyward.close().await.unwrap();
}

#[tokio::test]
async fn a_failure_says_when_to_come_back() {
    let keyward = sandbox(&["one", "two"]).await;
    let lease = keyward.next_key(ProviderId::SANDBOX).await.unwrap();
    let limited = lease.key().to_owned();
    lease.report(Outcome::failed(Failure::from(429).retry_after(MINUTE))).await.unwrap();
    let health = keyward.health().await.unwrap();
    // Of a bare 429 the rules say no more than that it is about this key and what it was used for.
    let resting = &health.keys.iter().find(|key| key.key == limited).unwrap().resting_for[..];
    let [resting] = resting else { panic!("{health}") };
    assert_eq!(resting.state, "cooling");
    assert!(resting.back_in.is_some_and(|back| back > MINUTE / 2), "{resting:?}");
    assert!(health.to_string().contains("cooling for any model (back in"), "{health}");
    for _ in 0..10 {
        assert_ne!(taken(&keyward).await, limited);
    }
    keyward.close().await.unwrap();
}

#[tokio::test]
async fn the_best_key_is_the_one_with_the_better_history_whatever_the_strategy() {
    let keyward = sandbox(&["one", "two"]).await;
    keyward.set_strategy(ProviderId::SANDBOX, Strategy::Single).await.unwrap();
    assert_eq!(taken(&keyward).await, "one");
    let lease = keyward.next_key(ProviderId::SANDBOX).await.unwrap();
    lease.report(Outcome::failed(Failure::answered(503, "busy"))).await.unwrap();
    assert_eq!(taken(&keyward).await, "one", "one failure does not move the strategy");
    for _ in 0..10 {
        let lease = keyward.best_key(ProviderId::SANDBOX).await.unwrap();
        assert_eq!(lease.key(), "two");
        lease.report(Outcome::succeeded(used(1, 1))).await.unwrap();
    }
    keyward.close().await.unwrap();
}

#[tokio::test]
async fn round_robin_takes_turns() {
    let keyward = sandbox(&["one", "two", "three"]).await;
    keyward.set_strategy(ProviderId::SANDBOX, Strategy::RoundRobin).await.unwrap();
    let mut turns = Vec::new();
    for _ in 0..6 {
        turns.push(taken(&keyward).await);
    }
    assert_eq!(turns[..3], turns[3..]);
    turns.truncate(3);
    turns.sort();
    assert_eq!(turns, ["one", "three", "two"]);
    keyward.close().await.unwrap();
}

#[tokio::test]
async fn a_model_finds_the_key_that_was_assigned_to_it() {
    let keyward = sandbox(&["one", "two"]).await;
    let model = "meta-llama/Meta-Llama-3-70B-Instruct";
    assert!(matches!(keyward.key_for_model(model).await, Err(Error::Refused { code, .. }) if code == "not_found"));
    keyward.assign_model(model, ProviderId::SANDBOX, "two").await.unwrap();
    // Twice is once.
    keyward.assign_model(model, ProviderId::SANDBOX, "two").await.unwrap();
    for _ in 0..10 {
        let lease = keyward.key_for_model(model).await.unwrap();
        assert_eq!((lease.key(), lease.model()), ("two", Some(model)));
        lease.report(Outcome::unused()).await.unwrap();
        // `two` is for that model alone.
        let lease = keyward.key_for_model("sandbox-small").await.unwrap();
        assert_eq!(lease.key(), "one");
        lease.report(Outcome::unused()).await.unwrap();
        assert_eq!(taken(&keyward).await, "one");
    }
    // When it rests, another key that may serve the model is better than none.
    let lease = keyward.key_for_model(model).await.unwrap();
    lease.report(Outcome::rate_limited(MINUTE)).await.unwrap();
    let lease = keyward.key_for_model(model).await.unwrap();
    assert_eq!(lease.key(), "one");
    lease.report(Outcome::unused()).await.unwrap();
    keyward.close().await.unwrap();
}

#[tokio::test]
async fn keys_that_cannot_be_kept_are_refused_with_a_code() {
    let keyward = sandbox(&["one"]).await;
    let code = |refused: Result<_, Error>| match refused {
        Err(Error::Refused { code, .. }) => code,
        other => panic!("{other:?}"),
    };
    let sandbox = ProviderId::SANDBOX;
    let again = keyward.add_key(sandbox.clone(), "one", "test-key-other".to_owned()).await;
    assert_eq!(code(again), "already_exists");
    let double = keyward.add_key(sandbox.clone(), "other", "test-key-one".to_owned()).await;
    assert_eq!(code(double), "duplicate_key");
    let torn = keyward.add_key(sandbox.clone(), "torn", "a key\nwith lines".to_owned()).await;
    assert_eq!(code(torn), "key_malformed");
    let nobody = keyward.add_key(ProviderId::named("nobody"), "one", "test-key".to_owned()).await;
    assert_eq!(code(nobody), "not_found");
    assert!(matches!(keyward.next_key(ProviderId::named("nobody")).await, Err(Error::Refused { .. })));
    keyward.remove_key(sandbox.clone(), "one").await.unwrap();
    let Err(Error::NoKey(none)) = keyward.next_key(sandbox).await else { panic!() };
    assert_eq!(none.to_string(), "no key of sandbox can be used: it has none");
    keyward.close().await.unwrap();
}

#[tokio::test]
async fn a_secret_is_in_nothing_that_is_printed() {
    let keyward = sandbox(&["one"]).await;
    let lease = keyward.next_key(ProviderId::SANDBOX).await.unwrap();
    assert_eq!(lease.secret().reveal(), "test-key-one");
    let printed = format!("{keyward:?} {lease:?} {:?}", lease.secret());
    assert!(!printed.contains("test-key-one"), "{printed}");
    lease.report(Outcome::unused()).await.unwrap();
    let told = format!("{}\n{}", keyward.health().await.unwrap(), keyward.report().await.unwrap());
    assert!(!told.contains("test-key-one"), "{told}");
    keyward.close().await.unwrap();
}
