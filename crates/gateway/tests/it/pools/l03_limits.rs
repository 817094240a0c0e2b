//! L03: the limits of a key hold through the door, and nothing stays taken.

use std::time::Duration;

use keyward_domain::money::Nanodollars;
use keyward_domain::routing::{KeyLimits, Strategy};
use keyward_pool::Draw;
use keyward_testkit::provider::{Fault, KeyBehaviour, RequestRecord, Stall};

use crate::house::{Answer, CHAT, Client, House, PATH, code};

fn limited(keys: usize, limits: KeyLimits) -> House {
    let house = House::with_keys(keys);
    for number in 1..=keys {
        house.change_key(&format!("key-{number}"), |key| key.terms.limits = limits);
    }
    house
}

/// Calls until one is refused, at most this many; the refusal.
fn until_refused(house: &House, most: usize) -> (usize, Answer) {
    let mut client = house.client();
    for served in 0..most {
        let answer = client.post(PATH, CHAT);
        if answer.status != 200 {
            return (served, answer);
        }
    }
    panic!("{most} calls were served");
}

fn retry_after(answer: &Answer) -> u64 {
    assert_eq!((answer.status, code(answer).as_str()), (429, "all_keys_cooling"), "{}", answer.text());
    answer.header("retry-after").unwrap().parse().unwrap()
}

#[test]
fn l03_requests_per_minute() {
    let house = limited(2, KeyLimits { rpm: Some(5), ..KeyLimits::default() });
    let (served, refusal) = until_refused(&house, 50);
    assert_eq!(served, 10, "five with each key");
    let wait = retry_after(&refusal);
    // The window moves on in steps of six seconds.
    assert!((1..=66).contains(&wait), "{wait}");
    house.clock.advance(Duration::from_secs(wait));
    assert_eq!(house.chat().status, 200, "it was told the truth");
    assert_eq!(house.heard.events(), [], "a limit of ours says nothing about the key");
}

#[test]
fn l03_requests_per_day() {
    let house = limited(1, KeyLimits { rpd: Some(3), ..KeyLimits::default() });
    let (served, refusal) = until_refused(&house, 10);
    let wait = retry_after(&refusal);
    let tomorrow = 86_400 - house.moment().wall.unix_millis() / 1000 % 86_400;
    assert_eq!((served, wait), (3, u64::try_from(tomorrow).unwrap()), "until midnight UTC");
    house.clock.advance(Duration::from_secs(wait - 1));
    assert_eq!(house.chat().status, 429);
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(until_refused(&house, 10).0, 3);
}

#[test]
fn l03_tokens_per_minute_settle_to_what_was_used() {
    let house = limited(1, KeyLimits { tpm: Some(3_000), ..KeyLimits::default() });
    let (served, refusal) = until_refused(&house, 500);
    let used: u64 = house.provider.bill().iter().map(|line| line.input() + line.output).sum();
    assert!(used <= 3_000, "{used} tokens");
    // What was reserved beyond the truth came back: a thousand tokens of estimate are all that stays out of reach.
    assert!(used > 3_000 - 1_200 && served > 20, "{served} calls used only {used} tokens");
    house.clock.advance(Duration::from_secs(retry_after(&refusal)));
    assert_eq!(house.chat().status, 200);
}

#[test]
fn l03_cost_per_day_is_never_exceeded() {
    let limit = Nanodollars(20_000_000);
    let mut house = limited(1, KeyLimits { daily_cost: Some(limit), ..KeyLimits::default() });
    let body = CHAT.replacen('{', r#"{"max_tokens":5000,"#, 1);
    house.provider.script(Fault::answer().answer_tokens(2_000).always());
    let mut client = house.client();
    let served = (0..100).take_while(|_| client.post(PATH, &body).status == 200).count();
    let refused = client.post(PATH, &body);
    assert!(retry_after(&refused) > 3_600);
    house.clock.advance(Duration::from_hours(24));
    assert_eq!(client.post(PATH, &body).status, 200, "a new day");
    drop(client);
    let costs: Vec<i64> = house.entries().iter().map(|entry| entry.cost.unwrap().0).collect();
    let first_day: i64 = costs[..served].iter().sum();
    assert!(first_day <= limit.0 && first_day > limit.0 / 2, "{served} calls cost {first_day}");
}

/// Of so many clients at once exactly so many have a call under way, and all others are refused while that is so. The
/// provider lets none of its calls go on by itself.
fn assert_only_so_many_at_once(house: &House, clients: usize, places: usize) {
    let client = |number: usize| house.client().header("x-case", &number.to_string());
    let mut clients: Vec<Client> = (0..clients).map(client).collect();
    for client in &mut clients {
        client.send("POST", PATH, CHAT.as_bytes());
    }
    House::wait(house.provider.wait_for_stalled(places as u64));
    let number = |record: &RequestRecord| record.header("x-case").unwrap().parse::<usize>().unwrap();
    let served: Vec<usize> = house.provider.requests().iter().map(number).collect();
    assert_eq!(served.len(), places);
    for (number, client) in clients.iter_mut().enumerate().filter(|(number, _)| !served.contains(number)) {
        assert_eq!(retry_after(&client.head().finish()), 1, "client {number}");
    }
    assert_eq!(house.provider.requests_total(), places as u64, "not one more");
    house.provider.release();
    assert!(served.into_iter().all(|number| clients[number].head().finish().status == 200));
}

#[test]
fn l03_concurrency_is_reached_and_never_exceeded() {
    let house = limited(2, KeyLimits { concurrency: Some(3), ..KeyLimits::default() });
    house.provider.script(Fault::answer().stall(Stall::BeforeHeaders).always());
    assert_only_so_many_at_once(&house, 20, 6);
    assert_eq!(house.calls().into_values().collect::<Vec<_>>(), [3, 3]);
    house.provider.clear_script();
    assert_eq!(house.chat().status, 200, "places are free again");
}

#[test]
fn l03_a_limit_holds_over_all_event_loops() {
    let house = House::with_keys_and(1, |options| options.workers = 4);
    house.change_key("key-1", |key| {
        key.terms.limits = KeyLimits { concurrency: Some(7), rpm: Some(30), ..KeyLimits::default() };
    });
    house.provider.script(Fault::answer().stall(Stall::BeforeHeaders).times(7));
    assert_only_so_many_at_once(&house, 60, 7);
    // What is left of the minute is shared by all loops, too.
    let at_once = house.storm(60, CHAT).iter().filter(|answer| answer.status == 200).count();
    let mut client = house.client();
    let after = (0..60).filter(|_| client.post(PATH, CHAT).status == 200).count();
    assert_eq!((7 + at_once + after, house.provider.requests_total()), (30, 30));
}

#[test]
fn l03_a_failed_attempt_gives_its_place_back() {
    let house = limited(2, KeyLimits { concurrency: Some(1), ..KeyLimits::default() });
    house.set_strategy("openai", Strategy::Single);
    house.provider.set_behaviour("key-1", &KeyBehaviour::rate_limited(1, Some(1)));
    assert_eq!(house.chat().header("x-keyward-key"), Some("key-2"));
    house.clock.advance(Duration::from_secs(1));
    assert_eq!(house.chat().header("x-keyward-key"), Some("key-1"));
}

#[test]
fn l03_ten_thousand_random_cancels_leave_nothing_in_flight() {
    let seed = 3_2026;
    let mut draw = Draw::seeded(seed);
    let house = limited(3, KeyLimits { concurrency: Some(50), ..KeyLimits::default() });
    let stream = crate::house::streamed(CHAT);
    let mut open = Vec::new();
    for _ in 0..10_000 {
        let mut client = house.client();
        match draw.below(4) {
            // Before it has even sent everything.
            0 => client.raw(
                format!(
                    "POST {PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: 99\r\n\r\n{{",
                    house.key
                )
                .as_bytes(),
            ),
            1 => client.send("POST", PATH, CHAT.as_bytes()),
            2 => client.send("POST", PATH, stream.as_bytes()),
            _ => {
                let mut begun = client.begin("POST", PATH, stream.as_bytes());
                let _first = begun.piece();
            }
        }
        open.push(client);
        while open.len() > usize::try_from(draw.below(30)).unwrap() {
            open.pop();
        }
    }
    drop(open);
    // Every place of every key can be taken: none is held by somebody who left.
    while !house.metrics.render().contains("keyward_client_connections 0") {
        std::thread::yield_now();
    }
    house.provider.forget();
    house.provider.script(Fault::answer().stall(Stall::BeforeHeaders).times(150));
    let mut clients: Vec<Client> = (0..150).map(|_| house.client()).collect();
    for client in &mut clients {
        client.send("POST", PATH, CHAT.as_bytes());
    }
    House::wait(house.provider.wait_for_stalled(150));
    assert_eq!(house.calls().into_values().collect::<Vec<_>>(), [50; 3], "seed {seed}");
    assert_eq!(house.chat().status, 429, "and not one more");
    house.provider.release();
    assert!(clients.iter_mut().all(|client| client.head().finish().status == 200));
}
