//! L05: while limits or keys are full for a moment, calls wait in line instead of failing.

use std::time::{Duration, Instant};

use keyward_domain::ids::TenantId;
use keyward_domain::limit::{Limit, LimitPeriod, Meter};
use keyward_domain::port::{Change, Store as _};
use keyward_domain::routing::KeyLimits;
use keyward_domain::scope::{Reach, Scope};
use keyward_domain::tenancy::Tenant;
use keyward_domain::virtual_key::{Grant, Priority};
use keyward_gateway::Options;
use keyward_limit::queue::Places;
use keyward_testkit::provider::{Fault, Stall, VendorError};

use crate::budgets::USD;
use crate::house::{Answer, BEGIN, CHAT, Client, House, PATH, code};
use crate::limits::{global, limit};

/// Longer than any test waits for a turn that comes.
const LONG: Duration = Duration::from_secs(15);
/// How long those wait whose turn does not come.
const SHORT: Duration = Duration::from_millis(150);
const ROOMY: Places = Places { all: 100, per_tenant: 100 };

fn queue(wait: Duration, places: Places) -> impl FnOnce(&mut Options) {
    move |options| (options.queue.wait, options.queue.places) = (wait, places)
}

/// A house with room for so many calls at once, as a limit on everything says.
fn house(at_once: u64, wait: Duration, places: Places) -> House {
    let house = House::with_keys_and(1, queue(wait, places));
    house.put_limit(&global(Meter::Concurrency, at_once));
    house
}

impl House {
    /// Sends a call that the provider does not answer before it is told to.
    fn occupy(&self) -> Client {
        self.provider.script(Fault::answer().stall(Stall::BeforeHeaders));
        let stalled = self.provider.stalled();
        let client = self.send(&self.key, &[("x-case", "occupant")]);
        Self::wait(self.provider.wait_for_stalled(stalled + 1));
        client
    }

    fn send(&self, key: &str, headers: &[(&str, &str)]) -> Client {
        let mut client = self.client_with(key);
        for (name, value) in headers {
            client = client.header(name, value);
        }
        client.send("POST", PATH, CHAT.as_bytes());
        client
    }

    /// Sends a call that has to wait, and waits until it does.
    fn line_up(&self, key: &str, name: &str, priority: &str) -> Client {
        let waiting = self.waiting();
        let client = self.send(key, &[("x-case", name), ("x-keyward-priority", priority)]);
        self.until(|house| house.waiting() == waiting + 1);
        client
    }

    /// How many calls wait.
    fn waiting(&self) -> u64 {
        self.counted("keyward_waiting{")
    }

    /// The sum of all series of a metric.
    fn counted(&self, name: &str) -> u64 {
        let text = self.metrics.render();
        let lines = text.lines().filter(|line| line.starts_with(name));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    }

    /// What the provider was asked, in order, by the names of the cases.
    fn cases(&self) -> Vec<String> {
        self.provider.requests().iter().map(|record| record.header("x-case").unwrap_or("-").to_owned()).collect()
    }

    /// A live key of another tenant.
    fn add_key_of(&self, name: &str, id: u128) -> String {
        let (id, grant) = (TenantId::from_bits(id), Grant::default());
        let tenant = Tenant { id, name: name.to_owned(), enabled: true, grant, created_at: BEGIN, revision: 1 };
        self.commit(Change::PutTenant(tenant));
        self.add_key_with(name, |key| key.tenant = id)
    }

    /// A key whose calls may be urgent.
    fn add_urgent_key(&self) -> String {
        self.add_key_with("urgent", |key| key.claims.priority = Priority::High)
    }
}

fn served(mut client: Client) {
    let answer = client.head().finish();
    assert_eq!(answer.status, 200, "{}", answer.text());
}

fn shed(answer: &Answer) -> u64 {
    assert_eq!((answer.status, code(answer)), (429, "concurrency_limited".to_owned()), "{}", answer.text());
    answer.header("retry-after").unwrap().parse().unwrap()
}

#[test]
fn l05_twenty_calls_wait_for_two_places_on_any_event_loop_and_all_are_served() {
    let house = House::with_keys_and(1, |options| {
        options.workers = 4;
        queue(LONG, ROOMY)(options);
    });
    let places = global(Meter::Concurrency, 2);
    house.put_limit(&places);
    let occupants = [house.occupy(), house.occupy()];
    let clients: Vec<Client> = (0..20).map(|_| house.send(&house.key, &[])).collect();
    house.until(|house| house.waiting() == 20);
    assert_eq!((house.used_globally(&places), house.provider.requests_total()), (2, 2));
    house.provider.release();
    occupants.into_iter().chain(clients).for_each(served);
    house.until(|house| house.waiting() == 0 && house.used_globally(&places) == 0);
    assert_eq!(house.provider.requests_total(), 22);
    assert!(house.metrics.render().contains("keyward_queue_wait_seconds_count 20"));
    assert_eq!(house.counted("keyward_queue_shed_total{"), 0);
}

#[test]
fn l05_twenty_calls_wait_while_every_key_is_busy_and_all_are_served() {
    let house = House::with_keys_and(2, |options| {
        options.workers = 4;
        queue(LONG, ROOMY)(options);
    });
    for key in ["key-1", "key-2"] {
        house.change_key(key, |key| key.terms.limits = KeyLimits { concurrency: Some(1), ..KeyLimits::default() });
    }
    let occupants = [house.occupy(), house.occupy()];
    let clients: Vec<Client> = (0..20).map(|_| house.send(&house.key, &[])).collect();
    house.until(|house| house.waiting() == 20);
    assert!(house.metrics.render().contains(r#"keyward_waiting{want="keys"} 20"#));
    assert_eq!(house.provider.requests_total(), 2);
    house.provider.release();
    occupants.into_iter().chain(clients).for_each(served);
    house.until(|house| house.waiting() == 0);
    assert_eq!(house.provider.requests_total(), 22);
}

#[test]
fn l05_high_overtakes_low() {
    let house = house(1, LONG, ROOMY);
    let key = house.add_urgent_key();
    let occupant = house.occupy();
    let line = [("a", "low"), ("b", "normal"), ("c", "low"), ("d", "high"), ("e", "normal"), ("f", "high")];
    let clients = line.map(|(name, priority)| house.line_up(&key, name, priority));
    house.provider.release();
    served(occupant);
    clients.into_iter().for_each(served);
    assert_eq!(house.cases(), ["occupant", "d", "f", "b", "e", "a", "c"]);
}

#[test]
fn l05_high_overtakes_low_in_line_for_a_key() {
    let house = House::with_keys_and(1, queue(LONG, ROOMY));
    house.change_key("key-1", |key| key.terms.limits = KeyLimits { concurrency: Some(1), ..KeyLimits::default() });
    let key = house.add_urgent_key();
    let occupant = house.occupy();
    let clients = [("a", "low"), ("b", "high"), ("c", "low")].map(|(name, urgency)| house.line_up(&key, name, urgency));
    house.provider.release();
    served(occupant);
    clients.into_iter().for_each(served);
    assert_eq!(house.cases(), ["occupant", "b", "a", "c"]);
}

#[test]
fn l05_tenants_take_turns_and_one_cannot_fill_the_queue() {
    let house = house(1, LONG, Places { all: 5, per_tenant: 3 });
    let (one, two) = (house.add_key_of("acme", 1), house.add_key_of("beta", 2));
    let occupant = house.occupy();
    let mut clients: Vec<Client> = ["1a", "1b", "1c"].map(|name| house.line_up(&one, name, "normal")).into();
    let after = shed(&house.send(&one, &[]).head().finish());
    assert!((1..=16).contains(&after), "{after}");
    clients.extend(["2a", "2b"].map(|name| house.line_up(&two, name, "normal")));
    shed(&house.send(&two, &[]).head().finish());
    house.provider.release();
    served(occupant);
    clients.into_iter().for_each(served);
    assert_eq!(house.cases(), ["occupant", "1a", "2a", "1b", "2b", "1c"]);
    assert!(house.metrics.render().contains(r#"keyward_queue_shed_total{want="limit",why="full"} 2"#));
}

#[test]
fn l05_a_full_queue_sheds_the_least_urgent() {
    let house = house(1, LONG, Places { all: 2, per_tenant: 2 });
    let urgent = house.add_urgent_key();
    let occupant = house.occupy();
    let kept = house.line_up(&house.key, "kept", "normal");
    let mut low = house.line_up(&house.key, "low", "low");
    shed(&house.send(&house.key, &[("x-keyward-priority", "low")]).head().finish());
    let high = house.send(&urgent, &[("x-case", "high"), ("x-keyward-priority", "high")]);
    shed(&low.head().finish());
    house.provider.release();
    served(occupant);
    served(high);
    served(kept);
    assert_eq!(house.cases(), ["occupant", "high", "kept"]);
}

#[test]
fn l05_a_deadline_that_passes_is_a_429_with_retry_after() {
    let house = house(1, SHORT, ROOMY);
    let occupant = house.occupy();
    let began = Instant::now();
    let answer = house.chat();
    assert_eq!(shed(&answer), 1);
    assert!((SHORT..Duration::from_secs(5)).contains(&began.elapsed()), "{:?}", began.elapsed());
    assert!(house.metrics.render().contains(r#"keyward_queue_shed_total{want="limit",why="deadline"} 1"#));
    assert_eq!(house.waiting(), 0);
    house.provider.release();
    served(occupant);
    assert_eq!(house.chat().status, 200);
}

#[test]
fn l05_a_busy_key_that_stays_busy_is_a_429_with_retry_after() {
    let house = House::with_keys_and(1, queue(SHORT, ROOMY));
    house.change_key("key-1", |key| key.terms.limits = KeyLimits { concurrency: Some(1), ..KeyLimits::default() });
    let occupant = house.occupy();
    let answer = house.chat();
    assert_eq!((answer.status, code(&answer)), (429, "all_keys_cooling".to_owned()), "{}", answer.text());
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(house.metrics.render().contains(r#"keyward_queue_shed_total{want="keys",why="deadline"} 1"#));
    house.provider.release();
    served(occupant);
}

#[test]
fn f70_waiters_whose_time_is_up_leave_when_anybody_moves() {
    let house = house(1, LONG, Places { all: 2, per_tenant: 2 });
    let occupant = house.occupy();
    let key = house.key.clone();
    let late = ["a", "b"].map(|name| house.line_up(&key, name, "normal"));
    // Their own timers are far from over: only the clock that everybody shares says so.
    house.clock.advance(LONG);
    let next = house.line_up_in_place_of(2);
    for mut client in late {
        shed(&client.head().finish());
    }
    house.provider.release();
    served(occupant);
    served(next);
    assert_eq!(house.provider.requests_total(), 2);
}

impl House {
    /// Sends one more call, in the place of so many who leave.
    fn line_up_in_place_of(&self, leaving: u64) -> Client {
        let shed = self.counted("keyward_queue_shed_total{");
        let client = self.send(&self.key, &[("x-case", "next")]);
        self.until(|house| house.counted("keyward_queue_shed_total{") == shed + leaving && house.waiting() == 1);
        client
    }
}

#[test]
fn l05_a_client_that_goes_frees_its_place_at_once() {
    let house = house(1, LONG, Places { all: 1, per_tenant: 1 });
    let occupant = house.occupy();
    let key = house.key.clone();
    let gone = house.line_up(&key, "gone", "normal");
    shed(&house.chat());
    drop(gone);
    house.until(|house| house.waiting() == 0);
    let next = house.line_up(&key, "next", "normal");
    house.provider.release();
    served(occupant);
    served(next);
    assert_eq!(house.cases(), ["occupant", "next"]);
}

#[test]
fn l05_calls_that_wait_hold_no_money() {
    let house = house(1, LONG, ROOMY);
    let budget = house.put_global(USD);
    let occupant = house.occupy();
    let held = house.own_balance(&budget).reserved;
    assert!(held.0 > 0);
    let key = house.key.clone();
    let clients = ["a", "b", "c"].map(|name| house.line_up(&key, name, "normal"));
    // The last of them may still be about to get in line.
    house.until(|house| house.own_balance(&budget).reserved == held);
    house.provider.release();
    served(occupant);
    clients.into_iter().for_each(served);
    house.settle();
    assert_eq!(house.own_balance(&budget).spent, house.ledger_sum());
}

#[test]
fn l05_calls_that_wait_for_a_key_hold_no_money() {
    let house = House::with_keys_and(1, queue(LONG, ROOMY));
    house.change_key("key-1", |key| key.terms.limits = KeyLimits { concurrency: Some(1), ..KeyLimits::default() });
    let budget = house.put_global(USD);
    let occupant = house.occupy();
    let held = house.own_balance(&budget).reserved;
    let key = house.key.clone();
    let clients = ["a", "b"].map(|name| house.line_up(&key, name, "normal"));
    house.until(|house| house.own_balance(&budget).reserved == held);
    house.provider.release();
    served(occupant);
    clients.into_iter().for_each(served);
    house.settle();
    assert_eq!(house.own_balance(&budget).spent, house.ledger_sum());
}

#[test]
fn l05_a_wait_that_ends_in_time_is_waited_for_and_any_other_is_refused_at_once() {
    let house = House::with_keys_and(1, queue(Duration::from_secs(2), ROOMY));
    // One call every 100 ms.
    let bucket = Limit { burst: Some(1), ..global(Meter::Requests, 600) };
    house.put_limit(&bucket);
    assert_eq!(house.chat().status, 200);
    let second = house.line_up(&house.key, "second", "normal");
    house.clock.advance(Duration::from_millis(100));
    served(second);
    house.put_limit(&Limit { burst: None, period: Some(LimitPeriod::Hour), quota: 1, revision: 2, ..bucket });
    assert_eq!(house.chat().status, 200);
    let answer = house.chat();
    assert_eq!((answer.status, code(&answer)), (429, "rate_limited".to_owned()), "{}", answer.text());
    assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() > 60);
    assert!(house.metrics.render().contains("keyward_queue_wait_seconds_count 1"), "nobody else has waited");
}

#[test]
fn l05_a_key_that_rests_for_a_moment_is_waited_for_without_asking_it_meanwhile() {
    let house = House::with_keys_and(1, queue(LONG, ROOMY));
    house.provider.script(Fault::refuse(VendorError::RateLimited(None)).header("retry-after-ms", "200"));
    let first = house.line_up(&house.key, "first", "normal");
    let others = ["second", "third"].map(|name| house.line_up(&house.key, name, "normal"));
    assert_eq!(house.provider.requests_total(), 1);
    house.clock.advance(Duration::from_millis(200));
    served(first);
    others.into_iter().for_each(served);
    assert_eq!(house.provider.requests_total(), 4);
}

#[test]
fn a_request_that_never_fits_does_not_wait_to_be_told_so() {
    let house = house(1, LONG, ROOMY);
    house.put_limit(&Limit { id: keyward_domain::ids::LimitId::from_bits(2), ..global(Meter::InputTokens, 100) });
    let occupant = house.occupy();
    let waits = house.line_up(&house.key, "waits", "normal");
    let long = CHAT.replace("Hello", &"word ".repeat(1_000));
    let answer = house.client().post(PATH, &long);
    assert_eq!((answer.status, code(&answer)), (400, "request_exceeds_limit".to_owned()), "{}", answer.text());
    house.provider.release();
    served(occupant);
    served(waits);
}

/// A house whose provider takes one call at a time, as a limit on it says.
fn one_at_a_time(wait: Duration) -> House {
    let house = House::with_keys_and(1, queue(wait, ROOMY));
    let provider = house.store.load().unwrap().providers[0].id;
    house.put_limit(&limit(1, Reach::One(Scope::Provider(provider)), Meter::Concurrency, 1));
    house
}

#[test]
fn l05_room_in_a_limit_on_who_serves_is_waited_for() {
    let house = one_at_a_time(LONG);
    let budget = house.put_global(USD);
    let mut occupant = house.occupy();
    let alone = house.own_balance(&budget).reserved;
    let mut waiters: Vec<Client> = [("low", "low"), ("first", "normal"), ("second", "normal")]
        .map(|(name, priority)| house.line_up(&house.key, name, priority))
        .into_iter()
        .collect();
    assert_eq!(house.own_balance(&budget).reserved, alone, "whoever waits holds no money");
    house.provider.release();
    assert_eq!(occupant.head().finish().status, 200);
    for waiter in &mut waiters {
        assert_eq!(waiter.head().finish().status, 200);
    }
    assert_eq!(house.cases(), ["occupant", "first", "second", "low"]);
    assert_eq!(house.waiting(), 0);
}

#[test]
fn l05_a_limit_on_a_provider_key_is_waited_for_when_there_is_no_other_key() {
    let house = House::with_keys_and(2, queue(LONG, ROOMY));
    for (number, key) in [(1, "key-1"), (2, "key-2")] {
        let scope = Scope::Credential(house.credential(key).id);
        house.put_limit(&limit(number, Reach::One(scope), Meter::Concurrency, 1));
    }
    let mut occupants = [house.occupy(), house.occupy()];
    assert_eq!(house.calls().len(), 2, "the second went to the other key at once");
    let mut waiter = house.line_up(&house.key, "waiter", "normal");
    house.provider.release();
    for occupant in &mut occupants {
        assert_eq!(occupant.head().finish().status, 200);
    }
    assert_eq!(waiter.head().finish().status, 200);
}

#[test]
fn l05_whoever_waits_in_vain_for_who_serves_is_told_so() {
    let house = one_at_a_time(SHORT);
    let mut occupant = house.occupy();
    let refused = house.chat();
    assert_eq!((refused.status, code(&refused)), (429, "concurrency_limited".to_owned()), "{}", refused.text());
    assert!(refused.header("retry-after").is_some());
    assert_eq!(house.counted("keyward_queue_shed_total{"), 1);
    house.provider.release();
    assert_eq!(occupant.head().finish().status, 200);
    assert_eq!(house.provider.requests_total(), 1);
}

#[test]
fn l05_a_limit_on_who_serves_that_has_no_room_in_time_refuses_at_once() {
    let house = House::with_keys_and(1, queue(Duration::from_secs(2), ROOMY));
    let provider = house.store.load().unwrap().providers[0].id;
    house.put_limit(&limit(1, Reach::One(Scope::Provider(provider)), Meter::Requests, 1));
    assert_eq!(house.chat().status, 200);
    let begun = Instant::now();
    let refused = house.chat();
    assert_eq!((refused.status, code(&refused)), (429, "rate_limited".to_owned()), "{}", refused.text());
    assert!(begun.elapsed() < Duration::from_secs(2), "it did not wait");
    assert_eq!(house.waiting(), 0);
    house.clock.advance(Duration::from_secs(62));
    assert_eq!(house.chat().status, 200);
}

#[test]
fn l05_who_has_room_serves_before_anybody_waits() {
    let house = House::with_providers(queue(LONG, ROOMY), &[("openai", &["one"]), ("spare", &["two"])]);
    house.add_alias("gpt-4o-mini", &["openai/gpt-4o-mini", "spare/gpt-4o-mini"]);
    let records = house.store.load().unwrap();
    let openai = records.providers.iter().find(|provider| provider.name == "openai").unwrap().id;
    house.put_limit(&limit(1, Reach::One(Scope::Provider(openai)), Meter::Concurrency, 1));
    let mut occupant = house.occupy();
    let answer = house.chat();
    assert_eq!((answer.status, answer.header("x-keyward-provider")), (200, Some("spare")));
    house.provider.release();
    assert_eq!(occupant.head().finish().status, 200);
}
