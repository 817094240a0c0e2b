//! K08: one budget of attempts, whatever goes wrong; and what a stated wait means.

use std::time::{Duration, Instant};

use keyward_domain::ledger::AttemptOutcome;
use keyward_domain::routing::FallbackClass;
use keyward_pool::Draw;
use keyward_testkit::provider::{Close, Fault, Stall, VendorError};

use crate::house::{CHAT, House, PATH, chat_of, code, streamed};

/// Every way to fail that somebody else may make good.
fn faults(is_streamed: bool) -> Vec<Fault> {
    let mut faults = vec![
        Fault::refuse(VendorError::Internal),
        Fault::status(502),
        Fault::refuse(VendorError::Timeout),
        Fault::refuse(VendorError::Overloaded),
        Fault::refuse(VendorError::RateLimited(None)),
        Fault::refuse(VendorError::RateLimited(Some(20))),
        Fault::refuse(VendorError::InvalidKey),
        Fault::refuse(VendorError::Quota),
        Fault::hang_up(Close::Fin),
        Fault::hang_up(Close::Reset),
        Fault::raw("not HTTP at all\r\n\r\n"),
        Fault::html(),
        Fault::answer().cut_at(20, Close::Fin),
        Fault::answer().cut_at(20, Close::Reset),
    ];
    if is_streamed {
        faults.push(Fault::answer().error_after(0, VendorError::Overloaded));
        faults.push(Fault::answer().error_after(0, VendorError::Internal));
    }
    faults
}

/// An alias over several providers with several keys each, with fallbacks behind them.
fn house(is_first_gone: bool) -> House {
    let providers: [(&str, &[&str]); 4] = [
        ("one", &["one-1", "one-2", "one-3"]),
        ("two", &["two-1", "two-2", "two-3"]),
        ("three", &["three-1", "three-2", "three-3"]),
        ("four", &["four-1", "four-2", "four-3"]),
    ];
    let house = House::with_providers(|_| {}, &providers);
    house.add_refusing_provider("gone");
    let targets: &[&str] = if is_first_gone {
        &["gone/gpt-4o-mini", "one/gpt-4o-mini", "two/gpt-4o-mini"]
    } else {
        &["one/gpt-4o-mini", "two/gpt-4o-mini"]
    };
    house.put_alias("best", targets, |alias| {
        alias.fallback.insert(FallbackClass::Overloaded, vec!["three/gpt-4o-mini".to_owned()]);
        alias.fallback.insert(FallbackClass::Any, vec!["four/gpt-4o-mini".to_owned()]);
    });
    house
}

#[test]
fn k08_four_attempts_are_four_calls_whatever_the_mix() {
    let seed = 8_2026;
    let mut draw = Draw::seeded(seed);
    for round in 0..60 {
        let (is_first_gone, is_streamed) = (draw.below(2) == 1, draw.below(2) == 1);
        let house = house(is_first_gone);
        let faults = faults(is_streamed);
        let mut names = Vec::new();
        for _ in 0..8 {
            let fault = &faults[usize::try_from(draw.below(faults.len() as u64)).unwrap()];
            house.provider.script(fault.clone());
            names.push(format!("{fault:?}"));
        }
        let context = || format!("seed {seed}, round {round}, first gone: {is_first_gone}: {names:#?}");
        let body = if is_streamed { streamed(&chat_of("best")) } else { chat_of("best") };
        let answer = house.client().post(PATH, &body);
        assert!(answer.status >= 400, "{}\n{}", answer.text(), context());
        assert_ne!(code(&answer), "", "{}\n{}", answer.text(), context());
        let mut house = house;
        let upstream = house.provider.requests().len();
        let entries = house.entries();
        assert_eq!(entries.len(), 4, "{}", context());
        let not_sent = entries.iter().filter(|entry| entry.outcome == AttemptOutcome::NotSent).count();
        assert_eq!(upstream + not_sent, 4, "{}", context());
        assert_eq!(not_sent, usize::from(is_first_gone), "{}", context());
    }
}

#[test]
fn k08_one_provider_with_one_key_gets_four_calls_and_no_more() {
    for fault in [Fault::refuse(VendorError::Internal), Fault::hang_up(Close::Reset), Fault::status(502)] {
        let mut house = House::with_keys(1);
        house.provider.script(fault.always());
        assert!(house.chat().status >= 500);
        assert_eq!(house.provider.requests_total(), 4);
        assert_eq!(house.entries().len(), 4);
    }
}

#[test]
fn k08_a_fault_of_the_request_is_not_tried_again() {
    for error in [
        VendorError::BadRequest("no".into(), None),
        VendorError::ContextTooLong,
        VendorError::ContentPolicy,
        VendorError::TooLarge,
    ] {
        let house = House::with_keys(3);
        house.provider.script(Fault::refuse(error.clone()).always());
        let answer = house.chat();
        assert!((400..=413).contains(&answer.status), "{error:?}: {}", answer.status);
        assert_eq!(house.provider.requests_total(), 1, "{error:?}");
        assert_eq!(house.heard.events(), [], "{error:?}");
    }
}

#[test]
fn k08_who_advises_against_a_retry_is_not_asked_again() {
    let house = House::with_keys(3);
    house.provider.script(Fault::refuse(VendorError::Internal).header("x-should-retry", "false").always());
    let answer = house.chat();
    assert_eq!((answer.status, house.provider.requests_total()), (500, 1), "{}", answer.text());
}

#[test]
fn k08_a_stated_wait_keeps_the_pool_quiet_and_is_passed_on() {
    let house = House::with_keys(1);
    house.provider.script(Fault::refuse(VendorError::RateLimited(Some(7))));
    let first = house.chat();
    assert_eq!(
        (first.status, first.header("retry-after"), code(&first).as_str()),
        (429, Some("7"), "all_keys_cooling")
    );
    for left in (1..=7).rev() {
        for _ in 0..5 {
            let answer = house.chat();
            assert_eq!((answer.status, answer.header("retry-after")), (429, Some(&*left.to_string())));
        }
        // The last step stays a millisecond short of the seven seconds.
        let step = if left == 1 { Duration::from_millis(999) } else { Duration::from_secs(1) };
        house.clock.advance(step);
    }
    assert_eq!(house.chat().status, 429);
    assert_eq!(house.provider.requests_total(), 1, "seven seconds of quiet");
    house.clock.advance(Duration::from_millis(1));
    assert_eq!(house.chat().status, 200);
}

#[test]
fn k08_a_client_with_an_alternative_does_not_see_the_wait() {
    let house = House::with_keys(2);
    house.provider.script(Fault::refuse(VendorError::RateLimited(Some(7))));
    let answers: Vec<_> = (0..10).map(|_| house.chat()).collect();
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(house.provider.requests_total(), 11);
}

#[test]
fn k08_a_call_may_wait_for_a_key_instead_of_failing() {
    let house = House::with_keys_and(1, |options| options.queue.wait = Duration::from_secs(5));
    house.provider.script(Fault::refuse(VendorError::RateLimited(None)).header("retry-after-ms", "300"));
    let mut client = house.client();
    client.send("POST", PATH, CHAT.as_bytes());
    while house.heard.events().is_empty() {
        std::thread::yield_now();
    }
    // While it waits, its time comes.
    house.clock.advance(Duration::from_millis(300));
    let answer = client.head().finish();
    assert_eq!((answer.status, answer.header("x-keyward-attempts")), (200, Some("2")), "{}", answer.text());
    assert_eq!(house.provider.requests_total(), 2);
}

#[test]
fn k08_a_call_that_waits_stays_within_its_attempts() {
    let house = House::with_keys_and(1, |options| options.queue.wait = Duration::from_secs(5));
    // Nobody says for how long: the key is asked again after the pauses of any other retry.
    house.provider.script(Fault::refuse(VendorError::RateLimited(None)).always());
    let answer = house.chat();
    assert_eq!(answer.status, 429, "{}", answer.text());
    assert_eq!(house.provider.requests_total(), 4);
}

#[test]
fn k08_a_key_that_cannot_be_opened_is_not_waited_for() {
    let house = House::with_keys_and(1, |options| options.queue.wait = Duration::from_secs(5));
    house.change_key("key-1", |key| key.envelope.truncate(key.envelope.len() - 1));
    let began = Instant::now();
    let answer = house.chat();
    assert_eq!((answer.status, code(&answer).as_str()), (503, "no_usable_key"), "{}", answer.text());
    assert!(answer.text().contains("key-1: its sealed record is damaged"), "{}", answer.text());
    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!(house.provider.requests_total(), 0);
}

#[test]
fn k08_a_call_does_not_wait_longer_than_it_may() {
    let house = House::with_keys_and(1, |options| options.queue.wait = Duration::from_secs(5));
    house.provider.script(Fault::refuse(VendorError::RateLimited(Some(7))));
    let began = Instant::now();
    let answer = house.chat();
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("7")));
    assert!(began.elapsed() < Duration::from_secs(1), "it would not be over in time, so it is refused at once");
}

#[test]
fn k08_the_last_attempt_of_a_silent_provider_is_an_honest_timeout() {
    let house = House::with_providers(
        |options| options.deadlines.first_content = Duration::from_millis(80),
        &[("one", &["one-1"]), ("two", &["two-1"])],
    );
    house.add_alias("best", &["one/gpt-4o-mini", "two/gpt-4o-mini"]);
    house.provider.script(Fault::answer().stall(Stall::BeforeHeaders).always());
    let answer = house.chat_with("best");
    assert_eq!((answer.status, code(&answer).as_str()), (504, "upstream_timeout"));
    assert_eq!(house.provider.requests_total(), 2, "each provider once");
    house.provider.release();
}
