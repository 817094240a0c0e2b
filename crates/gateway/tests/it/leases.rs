//! Provider keys handed out for a short time.

use std::time::Duration;

use keyward_domain::dialect::Operation;
use keyward_domain::ids::RequestId;
use keyward_domain::lease::LeaseState;
use keyward_domain::ledger::AttemptOutcome;
use keyward_domain::money::Nanodollars;
use keyward_domain::port::Store as _;
use keyward_domain::routing::Strategy;
use keyward_domain::standing::Cause;
use keyward_domain::usage::UsageSource;
use keyward_domain::virtual_key::Grant;
use keyward_testkit::provider::{KeyBehaviour, Vendor, mint_secret};
use serde_json::{Value, json};

use crate::house::House;

const CHAT: &str = r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hello"}]}"#;

fn lessee() -> Grant {
    Grant { operations: vec![Operation::Lease, Operation::Chat], ..Grant::default() }
}

fn take(house: &House, key: &str, wish: &Value) -> Value {
    let answer = house.client_with(key).post("/v1/leases", &wish.to_string());
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    answer.json()
}

fn report(house: &House, key: &str, lease: &Value, report: &Value) -> (u16, Value) {
    let path = format!("/v1/leases/{}/report", lease["id"].as_str().unwrap());
    let answer = house.client_with(key).post(&path, &report.to_string());
    (answer.status, answer.json())
}

fn id(lease: &Value) -> RequestId {
    lease["id"].as_str().unwrap().parse().unwrap()
}

#[test]
fn a_lease_hands_out_the_key_and_its_report_is_a_ledger_row() {
    let mut house = House::open();
    let key = house.add_key("lessee", lessee());
    house.publish();
    let lease = take(&house, &key, &json!({ "model": "gpt-4o-mini", "ttl_seconds": 60 }));
    assert_eq!(lease["secret"], mint_secret(Vendor::OpenAi, "openai-1"));
    assert_eq!((lease["provider"].as_str(), lease["key"].as_str()), (Some("openai"), Some("openai-1")));
    let kept = house.store.lease(id(&lease)).unwrap().unwrap();
    assert_eq!(kept.state, LeaseState::Open);
    assert!(kept.reserved.unwrap() > Nanodollars::ZERO);

    let went =
        json!({ "outcome": "succeeded", "duration_ms": 900, "usage": { "input_tokens": 1000, "output_tokens": 100 } });
    let (status, ended) = report(&house, &key, &lease, &went);
    // gpt-4o-mini: $0.15 and $0.60 per million.
    assert_eq!((status, ended["cost_usd"].as_str()), (200, Some("0.00021")), "{ended}");
    assert_eq!(report(&house, &key, &lease, &went).0, 409, "it ends once");
    let audit = house.store.audit(None, 10).unwrap();
    let actions: Vec<_> = audit.iter().map(|entry| (entry.action.as_str(), entry.actor.as_str())).collect();
    assert!(actions.contains(&("lease.take", "vkey:lessee")) && actions.contains(&("lease.report", "vkey:lessee")));
    assert!(!format!("{audit:?}").contains(&mint_secret(Vendor::OpenAi, "openai-1")));

    assert_eq!(house.store.lease(id(&lease)).unwrap().unwrap().state, LeaseState::Reported);
    let entries = house.entries();
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].subject.operation, entries[0].outcome), (Operation::Lease, AttemptOutcome::Completed));
    assert_eq!(entries[0].cost, Some(Nanodollars(210_000)));
}

#[test]
fn v04_only_a_grant_that_names_leases_allows_them() {
    let house = House::open();
    let narrow = house.add_key("narrow", Grant { models: vec!["gemini/*".to_owned()], ..lessee() });
    house.publish();
    let everything = house.client().post("/v1/leases", r#"{"model":"gpt-4o-mini"}"#);
    assert_eq!((everything.status, everything.json()["error"]["code"].as_str()), (403, Some("operation_not_allowed")));
    for wish in [r#"{"model":"gpt-4o-mini"}"#, r#"{"provider":"openai"}"#] {
        let answer = house.client_with(&narrow).post("/v1/leases", wish);
        assert_eq!(
            (answer.status, answer.json()["error"]["code"].as_str()),
            (403, Some("model_not_allowed")),
            "{wish}"
        );
    }
    assert_eq!(take(&house, &narrow, &json!({ "provider": "gemini" }))["key"], "gemini-1");
    for (wish, says) in
        [("{}", "what the lease is for"), (r#"{"model":1}"#, "not valid"), (r#"{"provider":"x"}"#, "no such")]
    {
        let answer = house.client_with(&narrow).post("/v1/leases", wish);
        assert_eq!(answer.status, 400);
        assert!(answer.text().contains(says), "{}", answer.text());
    }
}

#[test]
fn v05_a_lease_is_its_takers_alone() {
    let house = House::open();
    let (key, other) = (house.add_key("lessee", lessee()), house.add_key("other", lessee()));
    house.publish();
    let lease = take(&house, &key, &json!({ "model": "gpt-4o-mini" }));
    let went = json!({ "outcome": "succeeded" });
    assert_eq!(report(&house, &other, &lease, &went).0, 404);
    assert_eq!(report(&house, &key, &json!({ "id": "nonsense" }), &went).0, 404);
    assert_eq!(report(&house, &key, &lease, &went).0, 200);
}

#[test]
fn what_is_reported_teaches_the_pool() {
    let house = House::open();
    let secret = mint_secret(Vendor::OpenAi, "openai-2");
    house.provider.add_key_with(Vendor::OpenAi, "openai-2", &secret, KeyBehaviour::Valid);
    house.add_credential("openai", "openai-2", &secret);
    let key = house.add_key("lessee", lessee());
    house.set_strategy("openai", Strategy::Single);
    let lease = take(&house, &key, &json!({ "model": "gpt-4o-mini" }));
    assert_eq!(lease["key"], "openai-1");
    let (status, _) = report(&house, &key, &lease, &json!({ "outcome": "rate_limited", "retry_after_seconds": 60 }));
    assert_eq!(status, 200);
    assert_eq!(take(&house, &key, &json!({ "model": "gpt-4o-mini" }))["key"], "openai-2");
    assert_eq!(house.client().post("/v1/chat/completions", CHAT).header("x-keyward-key"), Some("openai-2"));
    let events = house.heard.events();
    assert!(events.iter().any(|event| event.now.cause == Cause::Lease { lease: id(&lease) }), "{events:?}");
    house.clock.advance(Duration::from_secs(61));
    assert_eq!(house.client().post("/v1/chat/completions", CHAT).header("x-keyward-key"), Some("openai-1"));
}

#[test]
fn a_failure_is_judged_by_the_vendors_own_rules() {
    let house = House::open();
    let key = house.add_key("lessee", lessee());
    house.publish();
    let lease = take(&house, &key, &json!({ "model": "gpt-4o-mini" }));
    let error =
        json!({ "error": { "code": "insufficient_quota", "type": "insufficient_quota", "message": "no credit" } });
    let (status, ended) = report(&house, &key, &lease, &json!({ "outcome": "failed", "status": 429, "error": error }));
    assert_eq!(status, 200, "{ended}");
    let refused = house.client_with(&key).post("/v1/leases", r#"{"model":"gpt-4o-mini"}"#);
    assert_eq!((refused.status, refused.json()["error"]["code"].as_str()), (503, Some("no_usable_key")));
}

#[test]
fn a_lease_that_is_returned_costs_nothing_and_gives_its_place_back() {
    let mut house = House::open();
    let key = house.add_key("lessee", lessee());
    house.change_key("openai-1", |record| record.terms.limits.concurrency = Some(1));
    let lease = take(&house, &key, &json!({ "model": "gpt-4o-mini" }));
    assert_eq!(house.client_with(&key).post("/v1/leases", r#"{"model":"gpt-4o-mini"}"#).status, 429, "it is taken");
    let path = format!("/v1/leases/{}", lease["id"].as_str().unwrap());
    assert_eq!(house.client_with(&key).request("DELETE", &path, b"").status, 200);
    take(&house, &key, &json!({ "model": "gpt-4o-mini" }));
    assert_eq!(house.store.lease(id(&lease)).unwrap().unwrap().state, LeaseState::Returned);
    let returned: Vec<_> = house.entries();
    assert_eq!((returned[0].outcome, returned[0].cost), (AttemptOutcome::NotSent, Some(Nanodollars::ZERO)));
}

#[test]
fn a_lease_that_is_never_reported_is_settled_as_an_estimate() {
    let mut house = House::open();
    let key = house.add_key("lessee", lessee());
    house.publish();
    let lease = take(&house, &key, &json!({ "model": "gpt-4o-mini", "ttl_seconds": 60, "max_output_tokens": 1000 }));
    let reserved = house.store.lease(id(&lease)).unwrap().unwrap().reserved;
    house.clock.advance(Duration::from_secs(61));
    assert_eq!(report(&house, &key, &lease, &json!({ "outcome": "succeeded" })).0, 409, "too late");
    assert_eq!(house.store.lease(id(&lease)).unwrap().unwrap().state, LeaseState::Expired);
    let entries = house.entries();
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].source, entries[0].cost), (UsageSource::Estimated, reserved));
}

#[test]
fn saying_that_it_served_without_saying_what_was_used_is_no_way_to_pay_nothing() {
    let mut house = House::open();
    let key = house.add_key("lessee", lessee());
    house.publish();
    let lease = take(&house, &key, &json!({ "model": "gpt-4o-mini" }));
    let reserved = house.store.lease(id(&lease)).unwrap().unwrap().reserved;
    assert_eq!(report(&house, &key, &lease, &json!({ "outcome": "succeeded" })).0, 200);
    let entries = house.entries();
    assert_eq!((entries[0].cost, entries[0].source), (reserved, UsageSource::Estimated));
}

#[test]
fn two_ends_at_once_are_one() {
    let mut house = House::open();
    let key = house.add_key("lessee", lessee());
    house.publish();
    for _ in 0..10 {
        let lease = take(&house, &key, &json!({ "model": "gpt-4o-mini" }));
        let went = json!({ "outcome": "succeeded", "usage": { "input_tokens": 1_000_000 } });
        let path = format!("/v1/leases/{}", lease["id"].as_str().unwrap());
        let statuses = std::thread::scope(|scope| {
            let reported = scope.spawn(|| report(&house, &key, &lease, &went).0);
            let returned = scope.spawn(|| house.client_with(&key).request("DELETE", &path, b"").status);
            (reported.join().unwrap(), returned.join().unwrap())
        });
        assert!(matches!(statuses, (200, 409) | (409, 200)), "{statuses:?}");
        let kept = house.store.lease(id(&lease)).unwrap().unwrap().state;
        assert_eq!(kept, if statuses.0 == 200 { LeaseState::Reported } else { LeaseState::Returned });
        house.clock.advance(Duration::from_millis(1));
    }
    for entry in house.entries() {
        let expected =
            if entry.outcome == AttemptOutcome::Completed { Nanodollars(150_000_000) } else { Nanodollars::ZERO };
        assert_eq!(entry.cost, Some(expected));
    }
}
