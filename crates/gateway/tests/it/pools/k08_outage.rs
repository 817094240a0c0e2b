//! K08: an outage is not multiplied by retries, however many clients there are.

use std::time::Duration;

use keyward_domain::routing::FallbackClass;
use keyward_testkit::provider::{Close, Fault, VendorError};

use crate::house::{CHAT, House, chat_of};

const CLIENTS: usize = 1_000;

#[test]
fn k08_a_total_outage_is_not_multiplied() {
    for fault in [Fault::refuse(VendorError::Internal), Fault::hang_up(Close::Fin)] {
        let house = House::with_keys(5);
        house.provider.script(fault.always());
        let warm_up = house.storm(200, CHAT);
        assert!(warm_up.iter().all(|answer| answer.status >= 500));
        let before = house.provider.requests_total();
        let answers = house.storm(CLIENTS, CHAT);
        assert!(answers.iter().all(|answer| (500..=504).contains(&answer.status)));
        let calls = house.provider.requests_total() - before;
        assert!(calls <= 1_100, "{calls} upstream calls of {CLIENTS} clients");
        // It ends, and nobody has to wait for that.
        house.provider.clear_script();
        assert!(house.storm(50, CHAT).iter().all(|answer| answer.status == 200));
    }
}

#[test]
fn k08_an_outage_of_all_providers_is_not_multiplied_either() {
    let house =
        House::with_providers(|_| {}, &[("one", &["one-1", "one-2"]), ("two", &["two-1"]), ("three", &["three-1"])]);
    for (name, fallback) in [("plain", None), ("safe", Some("three/gpt-4o-mini"))] {
        house.put_alias(name, &["one/gpt-4o-mini", "two/gpt-4o-mini"], |alias| {
            alias.fallback.extend(fallback.map(|target| (FallbackClass::Any, vec![target.to_owned()])));
        });
        house.provider.script(Fault::refuse(VendorError::Internal).always());
        house.storm(200, &chat_of(name));
        let before = house.provider.requests_total();
        let answers = house.storm(CLIENTS, &chat_of(name));
        assert!(answers.iter().all(|answer| (500..=504).contains(&answer.status)), "{name}");
        let calls = house.provider.requests_total() - before;
        assert!(calls <= 1_100, "{name}: {calls} upstream calls of {CLIENTS} clients");
        house.provider.clear_script();
        house.forgive();
    }
}

#[test]
fn k08_a_limit_that_nobody_puts_a_time_to_is_not_hammered() {
    let house = House::with_keys(5);
    house.provider.script(Fault::refuse(VendorError::RateLimited(None)).always());
    assert!(house.storm(200, CHAT).iter().all(|answer| answer.status == 429));
    let before = house.provider.requests_total();
    let answers = house.storm(CLIENTS, CHAT);
    assert!(answers.iter().all(|answer| answer.status == 429 && answer.header("retry-after").is_some()));
    let calls = house.provider.requests_total() - before;
    assert!(calls <= 1_100, "{calls} upstream calls of {CLIENTS} clients");
}

#[test]
fn k08_an_outage_of_minutes_gets_ten_retries_a_second() {
    let house = House::with_keys(3);
    house.provider.script(Fault::refuse(VendorError::Internal).always());
    house.storm(150, CHAT);
    let before = house.provider.requests_total();
    let seconds = 10;
    for _ in 0..seconds {
        house.clock.advance(Duration::from_secs(1));
        assert!(house.storm(50, CHAT).iter().all(|answer| answer.status >= 500));
    }
    let calls = house.provider.requests_total() - before;
    let retries = calls - 50 * seconds;
    // The floor is 10 a second over a window of ten seconds; the window of the warm-up counts with it.
    assert!(retries <= 100, "{retries} retries in {seconds} s");
}

#[test]
fn k08_a_limit_of_every_key_is_not_hammered() {
    let house = House::with_keys(5);
    house.provider.script(Fault::refuse(VendorError::RateLimited(Some(7))).always());
    let answers = house.storm(CLIENTS, CHAT);
    // Who used up its attempts before every key was known to rest is told to come back soon.
    assert!(
        answers.iter().all(|answer| answer.status == 429 && matches!(answer.header("retry-after"), Some("1" | "7")))
    );
    let first = house.provider.requests_total();
    let answers = house.storm(CLIENTS, CHAT);
    assert!(answers.iter().all(|answer| answer.status == 429 && answer.header("retry-after") == Some("7")));
    assert_eq!(house.provider.requests_total(), first, "not one call while all of them rest");
}
