//! L05: a provider that takes only so many calls at once is sent no more; the others wait in line, or another provider
//! serves them.

use std::time::Duration;

use keyward_domain::port::{Change, Store as _};
use keyward_domain::routing::{Concurrency, FallbackClass};
use keyward_gateway::Options;
use keyward_limit::queue::Places;
use keyward_testkit::provider::{Fault, Stall, VendorError};

use crate::house::{CHAT, Client, House, PATH, chat_of, code};

/// Longer than any test waits for a turn that comes.
const LONG: Duration = Duration::from_secs(15);
/// So many calls the provider takes at once.
const TAKES: u64 = 20;
/// What is left of it when that was found out: nine tenths of the 21 that were under way at each refusal.
const LEARNED: u64 = 18;

fn patient(options: &mut Options) {
    options.workers = 4;
    options.queue.wait = LONG;
    options.queue.places = Places { all: 100, per_tenant: 100 };
}

impl House {
    /// From now on these keys' provider answers so many calls, and not before it is told to; it refuses all others.
    fn takes(&self, calls: u64, key: &str) {
        self.provider.clear_script();
        self.provider.script(Fault::answer().stall(Stall::BeforeHeaders).for_key(key).times(calls));
        self.provider.script(Fault::refuse(VendorError::Overloaded).for_key(key).always());
    }

    /// Twenty calls that the provider takes, and three that it does not: its limit is known then.
    fn learn(&self, key: &str, model: &str) {
        self.takes(TAKES, key);
        let stalled = self.provider.stalled();
        let kept: Vec<Client> = (0..TAKES).map(|_| self.ask(model)).collect();
        Self::wait(self.provider.wait_for_stalled(stalled + TAKES));
        for _ in 0..3 {
            let refused = self.ask(model).head().finish();
            assert_eq!(refused.status, 502, "{}", refused.text());
        }
        self.clock.advance(Duration::from_millis(10));
        self.provider.release();
        all_served(kept);
        self.provider.clear_script();
        self.provider.forget();
    }

    fn ask(&self, model: &str) -> Client {
        let mut client = self.client();
        client.send("POST", PATH, chat_of(model).as_bytes());
        client
    }

    fn sum_of(&self, name: &str) -> u64 {
        let text = self.metrics.render();
        let lines = text.lines().filter(|line| line.starts_with(name));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    }

    fn set_concurrency(&self, provider: &str, concurrency: Concurrency) {
        let mut provider = self.store.load().unwrap().providers.into_iter().find(|one| one.name == provider).unwrap();
        provider.concurrency = concurrency;
        provider.revision += 1;
        self.commit(Change::PutProvider(provider));
        self.publish();
    }
}

fn all_served(clients: Vec<Client>) {
    for mut client in clients {
        let answer = client.head().finish();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

#[test]
fn l05_what_a_provider_does_not_take_at_once_waits_in_line_once_that_is_known() {
    let house = House::with_keys_and(1, patient);
    house.learn("key-1", "gpt-4o-mini");
    let limits = r#"keyward_upstream_concurrency_limit{provider="openai",model="gpt-4o-mini"} 18"#;
    assert!(house.metrics.render().contains(limits), "{}", house.metrics.render());

    house.takes(LEARNED, "key-1");
    let stalled = house.provider.stalled();
    let clients: Vec<Client> = (0..30).map(|_| house.ask("gpt-4o-mini")).collect();
    House::wait(house.provider.wait_for_stalled(stalled + LEARNED));
    house.until(|house| house.sum_of("keyward_waiting{") == 30 - LEARNED);
    assert_eq!(house.calls_with("key-1"), 18, "none of those who wait was sent");
    assert!(house.metrics.render().contains(r#"keyward_upstream_in_flight{provider="openai"} 18"#));
    house.provider.clear_script();
    house.provider.release();
    all_served(clients);
    assert_eq!((house.calls_with("key-1"), house.sum_of("keyward_queue_shed_total{")), (30, 0));
    house.until(|house| house.sum_of("keyward_upstream_in_flight{") == 0 && house.sum_of("keyward_waiting{") == 0);
}

#[test]
fn l05_another_provider_serves_what_a_full_one_does_not_take() {
    let house = House::with_providers(patient, &[("main", &["main-1"]), ("spare", &["spare-1"])]);
    house.put_alias("best", &["main/gpt-4o-mini"], |alias| {
        alias.fallback.insert(FallbackClass::Overloaded, vec!["spare/gpt-4o".to_owned()]);
    });
    house.add_alias("either", &["main/gpt-4o-mini", "spare/gpt-4o"]);
    house.learn("main-1", "main/gpt-4o-mini");
    for alias in ["best", "either"] {
        house.takes(LEARNED, "main-1");
        house.provider.forget();
        let stalled = house.provider.stalled();
        let kept: Vec<Client> = (0..LEARNED).map(|_| house.ask(alias)).collect();
        House::wait(house.provider.wait_for_stalled(stalled + LEARNED));
        for _ in 0..10 {
            let answer = house.ask(alias).head().finish();
            let served = (answer.status, answer.header("x-keyward-provider"));
            assert_eq!(served, (200, Some("spare")), "{alias}: {}", answer.text());
        }
        assert_eq!((house.calls_with("main-1"), house.calls_with("spare-1")), (18, 10), "{alias}");
        house.provider.release();
        all_served(kept);
    }
    assert_eq!(house.sum_of("keyward_queue_wait_seconds_count"), 0, "nobody had to wait");
}

#[test]
fn l05_who_cannot_wait_is_told_that_the_provider_is_full() {
    let house = House::with_keys(1);
    house.learn("key-1", "gpt-4o-mini");
    house.takes(LEARNED, "key-1");
    let stalled = house.provider.stalled();
    let kept: Vec<Client> = (0..LEARNED).map(|_| house.ask("gpt-4o-mini")).collect();
    House::wait(house.provider.wait_for_stalled(stalled + LEARNED));
    let answer = house.client().post(PATH, CHAT);
    assert_eq!((answer.status, code(&answer)), (503, "overloaded".to_owned()), "{}", answer.text());
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(
        answer.text().contains("As many calls are under way at the provider as it takes now."),
        "{}",
        answer.text()
    );
    // Clients who hang up make room.
    drop(kept);
    house.until(|house| house.sum_of("keyward_upstream_in_flight{") == 0);
    house.provider.clear_script();
    assert_eq!(house.client().post(PATH, CHAT).status, 200);
}

#[test]
fn l05_a_ceiling_holds_from_the_first_call_and_off_means_off() {
    let house = House::with_keys_and(2, patient);
    house.set_concurrency("openai", Concurrency::UpTo(3));
    house.provider.script(Fault::answer().stall(Stall::BeforeHeaders).times(3));
    let stalled = house.provider.stalled();
    let clients: Vec<Client> = (0..8).map(|_| house.ask("gpt-4o-mini")).collect();
    House::wait(house.provider.wait_for_stalled(stalled + 3));
    house.until(|house| house.sum_of("keyward_waiting{") == 5);
    assert_eq!(house.provider.requests_total(), 3);
    house.provider.release();
    all_served(clients);

    house.set_concurrency("openai", Concurrency::Off);
    for key in ["key-1", "key-2"] {
        house.provider.script(Fault::refuse(VendorError::Overloaded).for_key(key).skip(20).times(20));
    }
    let clients: Vec<Client> = (0..60).map(|_| house.ask("gpt-4o-mini")).collect();
    for mut client in clients {
        client.head().finish();
    }
    assert!(!house.metrics.render().contains("keyward_upstream_concurrency_limit{"), "{}", house.metrics.render());
}
