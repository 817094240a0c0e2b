//! F49 to F58 and F64: providers that are not there, that break, and keys that do not work.

use std::time::{Duration, Instant};

use keyward_domain::ledger::AttemptOutcome;
use keyward_domain::provider::ProviderKind;
use keyward_domain::routing::{FallbackClass, Strategy};
use keyward_domain::standing::Standing;
use keyward_domain::usage::UsageSource;
use keyward_testkit::provider::{Close, DeafListener, Fault, KeyBehaviour, ScriptedProvider, Vendor, VendorError};

use crate::house::{CHAT, House, PATH, chat_of, streamed};

#[test]
fn f49_a_refused_connection_goes_on_to_the_next_within_100_ms() {
    let mut house = House::with_keys(1);
    house.add_refusing_provider("gone");
    house.add_alias("best", &["gone/gpt-4o-mini", "openai/gpt-4o-mini"]);
    // The best of three: a busy machine is no fault of ours.
    let took = (0..3).map(|_| {
        house.clock.advance(Duration::from_millis(1));
        let began = Instant::now();
        let answer = house.chat_with("best");
        assert_eq!((answer.status, answer.header("x-keyward-provider")), (200, Some("openai")), "{}", answer.text());
        began.elapsed()
    });
    let took = took.min().unwrap();
    assert!(took < Duration::from_millis(100), "{took:?}");
    let entries = house.entries();
    assert_eq!(entries.len(), 6);
    assert_eq!((entries[0].outcome, entries[0].source), (AttemptOutcome::NotSent, UsageSource::None));
    assert_eq!((entries[0].cost.unwrap().0, entries[0].status), (0, 0));
    assert_eq!(entries[1].outcome, AttemptOutcome::Completed);
}

#[test]
fn f50_a_black_hole_is_left_at_the_connect_deadline() {
    let mut house = House::with_keys_and(1, |options| options.deadlines.connect = Duration::from_millis(200));
    let deaf = DeafListener::open().unwrap();
    house.add_provider("deaf", ProviderKind::OpenAiCompatible, &format!("http://{}/v1", deaf.address()), None);
    house.add_credential("deaf", "deaf-1", &["not", "a", "key"].join("-"));
    house.add_alias("best", &["deaf/gpt-4o-mini", "openai/gpt-4o-mini"]);
    let began = Instant::now();
    let answer = house.chat_with("best");
    let took = began.elapsed();
    assert_eq!((answer.status, answer.header("x-keyward-attempts")), (200, Some("2")), "{}", answer.text());
    assert!((200..400).contains(&took.as_millis()), "{took:?}");
    let entries = house.entries();
    assert_eq!((entries[0].outcome, entries[0].cost.unwrap().0), (AttemptOutcome::NotSent, 0));
    drop(deaf);
}

#[test]
fn f51_a_reset_after_the_request_is_tried_again_and_charged_as_an_estimate() {
    for close in [Close::Reset, Close::Fin] {
        let mut house = House::with_keys(2);
        house.provider.script(Fault::hang_up(close));
        let answer = house.chat();
        assert_eq!((answer.status, answer.header("x-keyward-attempts")), (200, Some("2")), "{}", answer.text());
        assert_eq!(house.heard.events(), [], "the key is innocent");
        let entries = house.entries();
        assert_eq!(entries.len(), 2);
        // Whether the provider got to work is unknown, so its prompt is counted until the bill says better.
        assert_eq!((entries[0].outcome, entries[0].source), (AttemptOutcome::Cut, UsageSource::Estimated));
        assert!(entries[0].cost.unwrap().0 > 0 && entries[0].usage.output == 0);
    }
}

#[test]
fn f56_a_provider_that_always_fails_is_left_within_20_calls() {
    for error in [VendorError::Internal, VendorError::Overloaded] {
        let house = House::with_providers(|_| {}, &[("bad", &["bad-1", "bad-2"]), ("good", &["good-1"])]);
        house.add_alias("best", &["bad/gpt-4o-mini", "good/gpt-4o-mini"]);
        house.provider.script(Fault::refuse(error.clone()).for_key("bad-1").always());
        house.provider.script(Fault::refuse(error.clone()).for_key("bad-2").always());
        let bad = |house: &House| house.calls_with("bad-1") + house.calls_with("bad-2");
        let mut client = house.client();
        let mut served = (0..20).filter(|_| client.post(PATH, &chat_of("best")).status == 200).count();
        let learned = bad(&house);
        served += (0..20).filter(|_| client.post(PATH, &chat_of("best")).status == 200).count();
        assert!(learned < 20, "open within 20 calls");
        assert_eq!(bad(&house), learned, "{error:?}: and while it is open, nobody is asked in vain");
        for _ in 0..960 {
            house.clock.advance(Duration::from_millis(100));
            served += usize::from(client.post(PATH, &chat_of("best")).status == 200);
        }
        assert_eq!(served, 1_000, "{error:?}: nobody noticed");
        let calls = house.provider.requests_total();
        assert!(calls <= 1_200, "{error:?}: {calls} upstream calls of 1,000 requests");
        assert!(bad(&house) > learned, "{error:?}: it is asked again now and then");
        // It heals, and is back within a rest.
        house.provider.clear_script();
        house.clock.advance(Duration::from_mins(2));
        house.provider.forget();
        (0..20).for_each(|_| assert_eq!(client.post(PATH, &chat_of("best")).status, 200));
        assert!(bad(&house) >= 19, "{error:?}: {}", bad(&house));
    }
}

#[test]
fn f56_a_burst_into_an_outage_is_served_elsewhere() {
    let house = House::with_providers(|_| {}, &[("bad", &["bad-1"]), ("good", &["good-1"])]);
    house.add_alias("best", &["bad/gpt-4o-mini", "good/gpt-4o-mini"]);
    house.provider.script(Fault::hang_up(Close::Reset).for_key("bad-1").always());
    // All of them are under way before anybody knows.
    let answers = house.storm(500, &chat_of("best"));
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 500);
    assert_eq!(house.calls_with("good-1"), 500, "each of them once");
}

#[test]
fn f56_the_last_attempt_is_left_to_the_fallback() {
    let house = House::with_providers(|_| {}, &[("bad", &["bad-1"]), ("good", &["good-1"])]);
    house.put_alias("best", &["bad/gpt-4o-mini"], |alias| {
        alias.fallback.insert(FallbackClass::Any, vec!["good/gpt-4o-mini".to_owned()]);
    });
    house.provider.script(Fault::refuse(VendorError::Internal).for_key("bad-1").always());
    for _ in 0..20 {
        let answer = house.chat_with("best");
        assert_eq!((answer.status, answer.header("x-keyward-provider")), (200, Some("good")), "{}", answer.text());
    }
    assert!(house.calls_with("bad-1") <= 8, "and soon the first is not asked any more: {:?}", house.calls());
}

#[test]
fn f56_many_bad_keys_do_not_stand_before_another_provider() {
    let bad = ["bad-1", "bad-2", "bad-3", "bad-4", "bad-5", "bad-6"];
    let house = House::with_providers(|_| {}, &[("bad", &bad), ("good", &["good-1"])]);
    house.add_alias("best", &["bad/gpt-4o-mini", "good/gpt-4o-mini"]);
    for key in bad {
        house.provider.set_behaviour(key, &KeyBehaviour::revoked());
    }
    for _ in 0..5 {
        assert_eq!(house.chat_with("best").header("x-keyward-provider"), Some("good"));
    }
    assert!(house.calls().iter().all(|(key, calls)| key == "good-1" || *calls == 1), "{:?}", house.calls());
}

#[test]
fn f57_one_key_of_five_that_is_always_limited_is_left_out() {
    for seconds in [None, Some(20)] {
        let house = House::with_keys(5);
        house.provider.set_behaviour("key-3", &KeyBehaviour::Refuses(VendorError::RateLimited(seconds)));
        let mut client = house.client();
        for number in 0..1_000 {
            house.clock.advance(Duration::from_millis(100));
            let body = CHAT.replace("Hello", &format!("Conversation {number}"));
            assert_eq!(client.post(PATH, &body).status, 200);
        }
        let wasted = house.calls_with("key-3");
        assert!((1..=20).contains(&wasted), "{seconds:?}: {wasted} wasted calls in 100 s");
        let limited = house.credential("key-3").id;
        assert!(house.heard.events().iter().all(|event| event.now.credential == limited), "the others never rest");
    }
}

#[test]
fn f57_a_burst_into_a_limit_is_served_by_the_other_keys() {
    let house = House::with_keys(5);
    house.set_strategy("openai", Strategy::RoundRobin);
    house.provider.set_behaviour("key-3", &KeyBehaviour::Refuses(VendorError::RateLimited(Some(20))));
    let answers = house.storm(700, CHAT);
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 700);
    assert!(house.calls_with("key-3") >= 100, "the test would say nothing: {:?}", house.calls());
}

#[test]
fn f58_one_key_of_five_that_was_revoked_costs_one_call() {
    for strategy in [Strategy::Adaptive, Strategy::RoundRobin, Strategy::Latency] {
        let house = House::with_keys(5);
        house.set_strategy("openai", strategy);
        house.provider.set_behaviour("key-2", &KeyBehaviour::revoked());
        let mut client = house.client();
        for number in 0..300 {
            house.clock.advance(Duration::from_secs(1));
            let body = CHAT.replace("Hello", &format!("Conversation {number}"));
            assert_eq!(client.post(PATH, &body).status, 200, "no client ever notices");
        }
        assert_eq!(house.calls_with("key-2"), 1, "{strategy:?}");
        let events = house.heard.events();
        assert_eq!(events.len(), 1, "{strategy:?}: {events:#?}");
        assert_eq!(events[0].now.standing, Standing::Suspect);
    }
}

#[test]
fn f58_a_key_that_is_revoked_while_it_streams_ends_nobodys_stream() {
    let house = House::with_keys(2);
    house.set_strategy("openai", Strategy::Single);
    house.provider.script(Fault::answer().answer_tokens(6).stepped());
    let stream = streamed(CHAT);
    let mut streaming = house.client();
    streaming.send("POST", PATH, stream.as_bytes());
    House::wait(house.provider.wait_for_stepping(1));
    house.provider.set_behaviour("key-1", &KeyBehaviour::revoked());
    assert_eq!(house.chat().header("x-keyward-key"), Some("key-2"));
    house.provider.step(6);
    let answer = streaming.head().finish();
    assert_eq!((answer.status, answer.header("x-keyward-key")), (200, Some("key-1")));
    assert!(answer.text().contains("[DONE]"));
    assert_eq!(house.chat().header("x-keyward-key"), Some("key-2"), "its late success proves nothing");
}

#[test]
fn f64_a_kept_connection_that_was_closed_meanwhile_is_replaced_unnoticed() {
    let first = ScriptedProvider::start_blocking();
    let mut house = House::with_providers(|_| {}, &[]);
    house.add_provider("one", ProviderKind::OpenAi, &first.pinned_url(Vendor::OpenAi), Some("openai"));
    let secret = first.add_key(Vendor::OpenAi, "one-1");
    house.add_credential("one", "one-1", &secret);
    house.publish();
    let address = first.address();
    let mut client = house.client();
    assert_eq!(client.post(PATH, CHAT).status, 200);
    drop(first);
    let second = ScriptedProvider::start_at(address);
    second.add_key(Vendor::OpenAi, "one-1");
    let answer = client.post(PATH, CHAT);
    assert_eq!((answer.status, answer.header("x-keyward-attempts")), (200, Some("1")), "{}", answer.text());
    assert_eq!(house.entries().len(), 2);
}

#[test]
fn f64_a_kept_connection_that_closes_on_our_request_is_tried_again() {
    let mut house = House::with_keys(1);
    let mut client = house.client();
    assert_eq!(client.post(PATH, CHAT).status, 200);
    // Ids sort by time, and the clock is ours.
    house.clock.advance(Duration::from_millis(1));
    house.provider.script(Fault::hang_up(Close::Fin));
    let answer = client.post(PATH, CHAT);
    assert_eq!((answer.status, answer.header("x-keyward-attempts")), (200, Some("2")), "{}", answer.text());
    let records = house.provider.requests();
    assert_eq!(records[0].connection, records[1].connection, "it was the kept one");
    assert_ne!(records[1].connection, records[2].connection);
    drop(client);
    let entries = house.entries();
    assert_eq!((entries.len(), entries[1].outcome), (3, AttemptOutcome::Cut));
}
