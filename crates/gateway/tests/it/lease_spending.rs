//! Leases under budgets and limits: what they hold while they are out, and what becomes of it.

use std::time::Duration;

use keyward_domain::dialect::Operation;
use keyward_domain::ids::TeamId;
use keyward_domain::limit::{Limit, LimitPeriod, Meter};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::{Clock as _, Store as _};
use keyward_domain::scope::{Reach, Scope};
use keyward_domain::virtual_key::{Claims, Grant};
use serde_json::{Value, json};

use crate::budgets::{USD, budget};
use crate::house::{Answer, CHAT, House, PATH, code};
use crate::limits::{global, limit};

/// What most leases are for: gpt-4o-mini takes $0.15 and $0.60 per million tokens, and $0.25 and $1.00 where it is dearest.
const WISH: &str = r#"{"model":"gpt-4o-mini","ttl_seconds":60,"max_input_tokens":10000,"max_output_tokens":1000}"#;
/// What it holds.
const HELD: i64 = 10_000 * 250 + 1_000 * 1_000;
/// What it costs when all of it was used as usual.
const USED: i64 = 10_000 * 150 + 1_000 * 600;

/// A house whose own key may take leases.
fn house() -> House {
    let mut house = House::with_keys(2);
    let grant = Grant { operations: vec![Operation::Lease, Operation::Chat], ..Grant::default() };
    house.key = house.add_key_with("lessee", |key| {
        key.grant = grant;
        key.team = Some(TeamId::from_bits(5));
        key.claims = Claims { end_user: true, ..Claims::default() };
    });
    house
}

impl House {
    fn take(&self, wish: &str) -> Answer {
        self.client().post("/v1/leases", wish)
    }

    fn taken(&self) -> Value {
        let answer = self.take(WISH);
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    }

    fn report(&self, lease: &Value, input: u64, output: u64) -> Answer {
        let usage = json!({ "input_tokens": input, "output_tokens": output });
        self.tell(lease, &json!({ "outcome": "succeeded", "usage": usage }))
    }

    fn tell(&self, lease: &Value, report: &Value) -> Answer {
        let path = format!("/v1/leases/{}/report", lease["id"].as_str().unwrap());
        self.client().post(&path, &report.to_string())
    }

    fn hand_back(&self, lease: &Value) {
        let path = format!("/v1/leases/{}", lease["id"].as_str().unwrap());
        assert_eq!(self.client().request("DELETE", &path, b"").status, 200);
    }

    /// Nothing was heard of a lease until its time was over.
    fn run_out(&self, lease: &Value) {
        self.clock.advance(Duration::from_secs(61));
        let late = self.report(lease, 1, 1);
        assert_eq!((late.status, code(&late)), (409, "lease_ended".to_owned()));
    }
}

fn refused(answer: &Answer, status: u16, wanted: &str) {
    assert_eq!((answer.status, code(answer)), (status, wanted.to_owned()), "{}", answer.text());
}

#[test]
fn a_lease_is_refused_when_the_budget_is_spent() {
    let house = house();
    let budget = house.put_global(1);
    let (lease, call) = (house.take(WISH), house.client().post(PATH, CHAT));
    refused(&lease, 402, "budget_exceeded");
    let (error, shown) = (&lease.json()["error"], house.own_balance(&budget));
    assert_eq!(error["limit"], shown.limit.decimal());
    assert_eq!((error["spent"].as_str(), error["reserved"].as_str()), (Some("0.00"), Some("0.00")));
    assert!(error["resets_at"].is_null(), "it needs more than the whole budget: waiting does not help");
    let members = |answer: &Answer| answer.json()["error"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    refused(&call, 402, "budget_exceeded");
    assert_eq!(members(&lease), members(&call), "the same body as a call's");
    assert!(house.store.open_leases().unwrap().is_empty());
    assert_eq!((house.counting.book.pending(), shown.reserved), (0, Nanodollars::ZERO));
}

#[test]
fn what_a_lease_declares_is_held_while_it_is_out() {
    let house = house();
    let team = budget(2, Reach::One(Scope::Team(TeamId::from_bits(5))), USD);
    house.put_budget(&team);
    let budget = house.put_global(USD);
    let lease = house.taken();
    for budget in [&budget, &team] {
        assert_eq!(house.own_balance(budget).reserved, Nanodollars(HELD));
    }
    assert_eq!(house.report(&lease, 1_000, 100).status, 200);
    house.settle();
    for budget in [&budget, &team] {
        let balance = house.own_balance(budget);
        assert_eq!((balance.reserved, balance.spent), (Nanodollars::ZERO, Nanodollars(210_000)), "{}", balance.scope);
    }
    let entry = house.store_entries().pop().unwrap();
    assert_eq!(entry.subject.attributed.unwrap().team, Some(TeamId::from_bits(5)));
    // Nothing declared is a usual amount, and given back unused it is nothing.
    let usual = house.take(r#"{"model":"gpt-4o-mini"}"#).json();
    assert_eq!(house.own_balance(&budget).reserved, Nanodollars(8_192 * 250 + 4_096 * 1_000));
    house.hand_back(&usual);
    house.settle();
    assert_eq!(house.own_balance(&budget).spent, Nanodollars(210_000));
}

#[test]
fn fifty_takers_at_once_and_a_budget_for_ten() {
    let house = house();
    let budget = house.put_global(10 * HELD + HELD / 2);
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let takers: Vec<_> = (0..50).map(|_| scope.spawn(|| house.take(WISH))).collect();
        takers.into_iter().map(|taker| taker.join().unwrap()).collect()
    });
    let (taken, others): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!(taken.len(), 10);
    for answer in &others {
        refused(answer, 402, "budget_exceeded");
    }
    assert_eq!(house.own_balance(&budget).reserved, Nanodollars(10 * HELD));
    for lease in &taken {
        assert_eq!(house.report(&lease.json(), 10_000, 1_000).status, 200);
    }
    house.settle();
    let balance = house.own_balance(&budget);
    assert_eq!((balance.reserved, balance.spent), (Nanodollars::ZERO, Nanodollars(10 * USED)));
    assert_eq!(balance.spent, house.ledger_sum());
}

#[test]
fn a_report_above_the_ceiling_shows_and_refuses_what_comes_next() {
    let house = house();
    let budget = house.put_global(2 * HELD);
    let lease = house.taken();
    assert_eq!(house.report(&lease, 1_000_000, 0).status, 200);
    house.settle();
    let balance = house.own_balance(&budget);
    assert_eq!((balance.spent, balance.left), (Nanodollars(150_000_000), Nanodollars::ZERO));
    assert_eq!(balance.spent, house.ledger_sum());
    refused(&house.take(WISH), 402, "budget_exceeded");
    refused(&house.client().post(PATH, CHAT), 402, "budget_exceeded");
}

#[test]
fn a_lease_of_which_nothing_is_heard_costs_what_it_held() {
    let house = house();
    let tokens = Limit { period: Some(LimitPeriod::Hour), ..global(Meter::Tokens, 50_000) };
    house.put_limit(&tokens);
    let budget = house.put_global(USD);
    let lease = house.taken();
    house.run_out(&lease);
    house.settle();
    let balance = house.own_balance(&budget);
    assert_eq!((balance.reserved, balance.spent), (Nanodollars::ZERO, Nanodollars(HELD)));
    assert_eq!(house.used_globally(&tokens), 11_000, "all that it was taken for may have been used");
}

#[test]
fn a_lease_counts_in_limits_while_it_is_out() {
    let house = house();
    let (places, requests) = (global(Meter::Concurrency, 1), limit(2, Reach::One(Scope::Global), Meter::Requests, 10));
    house.put_limit(&places);
    house.put_limit(&requests);
    let lease = house.taken();
    let second = house.take(WISH);
    refused(&second, 429, "concurrency_limited");
    assert!(second.header("retry-after").is_some());
    refused(&house.client().post(PATH, CHAT), 429, "concurrency_limited");
    house.hand_back(&lease);
    assert_eq!((house.used_globally(&places), house.used_globally(&requests)), (0, 0), "as if it had never been");
    let lease = house.taken();
    assert_eq!(house.report(&lease, 10, 10).status, 200);
    assert_eq!((house.used_globally(&places), house.used_globally(&requests)), (0, 1));
    let lease = house.taken();
    house.run_out(&lease);
    assert_eq!(house.used_globally(&places), 0);
    house.taken();
}

#[test]
fn a_report_settles_limits_with_the_truth() {
    let house = house();
    let tokens = global(Meter::Tokens, 20_000);
    house.put_limit(&tokens);
    let lease = house.taken();
    assert!(house.used_globally(&tokens) > 0, "an estimate is taken");
    assert_eq!(house.report(&lease, 19_000, 500).status, 200);
    assert_eq!(house.used_globally(&tokens), 19_500);
    refused(&house.take(WISH), 429, "rate_limited");
    let lease = json!({ "model": "gpt-4o-mini", "max_input_tokens": 30_000 }).to_string();
    refused(&house.take(&lease), 400, "request_exceeds_limit");
}

#[test]
fn what_stands_in_the_way_of_one_key_leaves_the_others() {
    let house = house();
    let first = house.credential("key-1").id;
    house.put_budget(&budget(1, Reach::One(Scope::Credential(first)), 0));
    for _ in 0..4 {
        assert_eq!(house.taken()["key"], "key-2");
    }
    let house = self::house();
    house.put_limit(&limit(1, Reach::One(Scope::Credential(house.credential("key-1").id)), Meter::Concurrency, 1));
    let keys: Vec<String> = (0..6).map(|_| house.taken()["key"].as_str().unwrap().to_owned()).collect();
    assert_eq!(keys.iter().filter(|key| *key == "key-1").count(), 1, "{keys:?}");
}

#[test]
fn a_lease_for_any_model_needs_a_price_where_a_budget_applies() {
    let house = house();
    let any = r#"{"provider":"openai"}"#;
    assert_eq!(house.take(any).status, 201);
    let budget = house.put_global(USD);
    let answer = house.take(any);
    refused(&answer, 503, "price_unknown");
    assert!(answer.text().contains("Name one `model`"), "{}", answer.text());
    assert_eq!(house.own_balance(&budget).reserved, Nanodollars::ZERO);
}

#[test]
fn a_lease_may_claim_what_a_call_may() {
    let house = house();
    let tenant = keyward_domain::ids::TenantId::DEFAULT;
    let ada = budget(1, Reach::One(Scope::EndUser(tenant, "ada".into())), HELD);
    house.put_budget(&ada);
    let client = || house.client().header("x-keyward-end-user", "ada");
    assert_eq!(client().post("/v1/leases", WISH).status, 201);
    refused(&client().post("/v1/leases", WISH), 402, "budget_exceeded");
    let tagged = house.client().header("x-keyward-tags", "nightly").post("/v1/leases", WISH);
    refused(&tagged, 403, "claim_not_allowed");
}

#[test]
fn after_a_restart_what_is_out_is_held_and_counted_again() {
    let mut house = house();
    let places = global(Meter::Concurrency, 2);
    house.put_limit(&places);
    let budget = house.put_global(3 * HELD);
    let (first, second) = (house.taken(), house.taken());
    house.restart();
    assert_eq!(house.own_balance(&budget).reserved, Nanodollars(2 * HELD));
    house.until(|house| house.used_globally(&places) == 2);
    refused(&house.take(WISH), 429, "concurrency_limited");
    assert_eq!(house.report(&first, 1_000, 100).status, 200);
    house.run_out(&second);
    house.settle();
    let balance = house.own_balance(&budget);
    assert_eq!((balance.reserved, balance.spent), (Nanodollars::ZERO, Nanodollars(HELD + 210_000)));
    assert_eq!((balance.spent, house.used_globally(&places)), (house.ledger_sum(), 0));
    house.restart();
    assert_eq!(house.own_balance(&budget).spent, Nanodollars(HELD + 210_000), "{:?}", house.clock.now());
}
