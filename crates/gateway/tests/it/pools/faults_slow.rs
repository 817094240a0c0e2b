//! F55, F62 and F66: providers that are slow, and clocks that jump.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use keyward_domain::alias::TargetOrder;
use keyward_domain::routing::{KeyLimits, Strategy};
use keyward_domain::time::Timestamp;
use keyward_testkit::provider::{Fault, Stall, VendorError};

use crate::house::{CHAT, Client, House, PATH, chat_of, streamed};

#[test]
fn f55_one_piece_now_and_then_is_ended_by_the_deadline_of_the_whole_call() {
    let house = House::with_keys_and(1, |options| {
        options.deadlines.idle = Duration::from_millis(300);
        options.deadlines.total = Duration::from_millis(600);
    });
    house.provider.script(Fault::answer().answer_tokens(1_000).tokens_per_frame(1).stepped());
    let (stop, stopped) = mpsc::channel::<()>();
    let answer = std::thread::scope(|scope| {
        let provider = &house.provider;
        scope.spawn(move || {
            // A token every 50 ms, well within the idle deadline, until the test is over.
            while stopped.recv_timeout(Duration::from_millis(50)) == Err(mpsc::RecvTimeoutError::Timeout) {
                provider.step(1);
            }
        });
        let began = Instant::now();
        let answer = house.client().post(PATH, &streamed(CHAT));
        let took = began.elapsed();
        assert!((600..900).contains(&took.as_millis()), "{took:?}");
        drop(stop);
        answer
    });
    let text = answer.text();
    assert!(text.contains("upstream_timeout") && text.contains("total") && !text.contains("[DONE]"), "{text}");
    assert!(text.matches("chat.completion.chunk").count() > 5, "{text}");
    assert_eq!(house.provider.requests_total(), 1);
}

/// One call, during which the house's clock goes on by as long as the provider of this key takes.
fn call(house: &House, client: &mut Client, model: &str, slow: (&str, Duration), usual: Duration) {
    house.provider.forget();
    let before = house.provider.requests_total();
    house.provider.clear_script();
    house.provider.script(Fault::answer().stall(Stall::BeforeHeaders));
    client.send("POST", PATH, chat_of(model).as_bytes());
    House::wait(house.provider.wait_for_requests(before + 1));
    House::wait(house.provider.wait_for_stalled(1));
    let key = house.provider.requests()[0].key.clone().unwrap();
    house.clock.advance(if key == slow.0 { slow.1 } else { usual });
    house.provider.release();
    assert_eq!(client.head().finish().status, 200);
}

/// How many of these calls each key got.
fn shares(house: &House, model: &str, calls: usize, slow: (&str, Duration)) -> BTreeMap<String, usize> {
    let mut client = house.client();
    let mut shares = BTreeMap::new();
    for _ in 0..calls {
        call(house, &mut client, model, slow, Duration::from_millis(200));
        let key = house.provider.requests()[0].key.clone().unwrap();
        *shares.entry(key).or_default() += 1;
    }
    shares
}

#[test]
fn f62_traffic_leaves_a_key_that_got_slow() {
    let house = House::with_keys(3);
    house.set_strategy("openai", Strategy::Latency);
    let even = shares(&house, "gpt-4o-mini", 120, ("", Duration::ZERO));
    let fair = 40;
    assert!(even.values().all(|calls| (15..=65).contains(calls)), "{even:?}");
    // Half a minute of calls at 200 ms each is what the change may take to be seen.
    let slow = ("key-2", Duration::from_millis(5_200));
    shares(&house, "gpt-4o-mini", 60, slow);
    let after = shares(&house, "gpt-4o-mini", 120, slow);
    let left = after.get("key-2").copied().unwrap_or(0);
    assert!(left * 5 <= fair, "{left} of {fair} calls are still with the slow one: {after:?}");
}

#[test]
fn f62_an_alias_by_latency_leaves_a_slow_provider() {
    let house = House::with_providers(|_| {}, &[("one", &["one-1"]), ("two", &["two-1"]), ("three", &["three-1"])]);
    let targets = ["one/gpt-4o-mini", "two/gpt-4o-mini", "three/gpt-4o-mini"];
    house.put_alias("best", &targets, |alias| alias.order = TargetOrder::Latency);
    shares(&house, "best", 12, ("", Duration::ZERO));
    let slow = ("one-1", Duration::from_millis(5_200));
    shares(&house, "best", 10, slow);
    let after = shares(&house, "best", 60, slow);
    let left = after.get("one-1").copied().unwrap_or(0);
    assert!(left <= 4, "{left} of 60 calls are still with the slow one: {after:?}");
}

#[test]
fn f66_after_ten_minutes_asleep_rests_are_over_and_limits_hold() {
    let house = House::with_keys(2);
    house.set_strategy("openai", Strategy::Single);
    house.change_key("key-2", |key| key.terms.limits = KeyLimits { rpm: Some(5), ..KeyLimits::default() });
    house.provider.script(Fault::refuse(VendorError::RateLimited(Some(60))).for_key("key-1"));
    let mut client = house.client();
    for _ in 0..5 {
        assert_eq!(client.post(PATH, CHAT).header("x-keyward-key"), Some("key-2"));
    }
    assert_eq!(client.post(PATH, CHAT).status, 429);
    house.clock.advance(Duration::from_mins(10));
    assert_eq!(client.post(PATH, CHAT).header("x-keyward-key"), Some("key-1"), "its rest is over");
    house.disable("key-1");
    let served = (0..20).filter(|_| client.post(PATH, CHAT).status == 200).count();
    assert_eq!(served, 5, "ten minutes of sleep are no ten minutes of credit");
}

#[test]
fn f66_a_call_under_way_through_the_jump_is_served() {
    let house = House::with_keys_and(2, |options| options.deadlines.total = Duration::from_hours(1));
    house.provider.script(Fault::answer().stall(Stall::BeforeHeaders));
    let mut client = house.client();
    client.send("POST", PATH, CHAT.as_bytes());
    House::wait(house.provider.wait_for_stalled(1));
    house.clock.advance(Duration::from_mins(10));
    house.provider.release();
    assert_eq!(client.head().finish().status, 200);
    assert_eq!(house.heard.events(), []);
}

#[test]
fn f66_a_wall_clock_set_back_shuts_nobody_out_for_good() {
    let house = House::with_keys(1);
    house.provider.script(Fault::refuse(VendorError::RateLimited(None)));
    assert_eq!(house.chat().status, 429);
    // An hour back: nothing that lasts a second may last an hour now.
    let back = house.moment().wall.unix_millis() - 3_600_000;
    house.clock.set_wall(Timestamp::from_unix_millis(back));
    house.clock.advance(Duration::from_mins(2));
    let answer = house.chat();
    assert_eq!(answer.status, 200, "{}", answer.text());
}
