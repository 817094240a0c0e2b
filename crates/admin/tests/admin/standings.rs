//! Promise K10, the state part: how a key stands is shown with who, why and until when; operators change it durably.

use std::sync::atomic::Ordering;
use std::time::Duration;

use keyward_domain::ids::RequestId;
use keyward_domain::judgement::{Lasts, Trouble};
use keyward_domain::port::{Clock, Store};
use serde_json::{Value, json};

use crate::world::{World, secret};

fn request(number: u128) -> RequestId {
    RequestId::from_bits(number)
}

/// The key's only call ended with this trouble.
fn trouble(world: &World, trouble: Trouble, lasts: Lasts) {
    let key = world.key("primary");
    world.pools.answered(key, "gpt-4o", request(7), Some((trouble, lasts)));
}

async fn health(world: &World) -> Value {
    world.get("/keys/primary").await.expect(200).json["health"].clone()
}

#[tokio::test]
async fn k10_a_key_shows_its_standing_with_who_and_why_and_until_when() {
    let world = World::new();
    world.with_openai().await;
    let fresh = health(&world).await;
    assert_eq!((&fresh["standing"], &fresh["reason"], &fresh["until"]), (&json!("active"), &Value::Null, &Value::Null));
    assert_eq!(
        (&fresh["requests"], &fresh["success_permille"], &fresh["circuit"]),
        (&json!(0), &Value::Null, &json!("closed"))
    );
    assert_eq!(fresh["proof_age_seconds"], 0, "it was asked about when it was added");

    world.clock.advance(Duration::from_mins(5));
    let key = world.key("primary");
    world.pools.answered(key, "gpt-4o", request(6), None);
    world.clock.advance(Duration::from_secs(30));
    trouble(&world, Trouble::RateLimited, Lasts::Until(world.clock.now().plus(Duration::from_secs(90))));
    let seen = health(&world).await;
    assert_eq!(seen["standing"], "cooling");
    assert_eq!(seen["until"], "2026-11-20T00:07:00Z");
    assert_eq!(seen["since"], "2026-11-20T00:05:30Z");
    assert_eq!(seen["trouble"], "rate_limited");
    assert_eq!(seen["cause"], json!({ "by": "answer", "request": request(7).to_string(), "status": 429 }));
    assert_eq!(
        (&seen["requests"], &seen["failures"], &seen["consecutive_failures"]),
        (&json!(2), &json!(1), &json!(1))
    );
    assert_eq!((&seen["success_permille"], &seen["proof_age_seconds"]), (&json!(500), &json!(30)));
    assert!(seen["latency"]["p50_ms"].as_u64().is_some_and(|ms| (120..=150).contains(&ms)), "{seen}");
    let listed = world.get("/keys").await.expect(200);
    assert_eq!(listed.json.pointer("/items/0/health"), Some(&seen), "lists and single keys say the same");

    let status = world.get("/status").await.expect(200);
    assert_eq!((status.str("/keys/0/standing"), status.str("/keys/0/until")), ("cooling", "2026-11-20T00:07:00Z"));
    world.clock.advance(Duration::from_secs(91));
    assert_eq!(health(&world).await["standing"], "active", "back by itself");
}

#[tokio::test]
async fn k10_what_only_a_person_can_help_with_is_a_warning() {
    let world = World::new();
    world.with_openai().await;
    let warned = async || world.get("/status").await.expect(200).json["warnings"].to_string();
    trouble(&world, Trouble::Rejected, Lasts::Human);
    assert_eq!(health(&world).await["standing"], "suspect");
    assert!(warned().await.contains("`openai/primary` is not used: the provider said so"), "{}", warned().await);
    world.call("DELETE", "/keys/primary/cooldown", Value::Null).await.expect(200);
    assert!(!warned().await.contains("is not used"), "{}", warned().await);
    trouble(&world, Trouble::QuotaExhausted, Lasts::Human);
    assert!(warned().await.contains("Pay, then run `keyward key test openai/primary`"), "{}", warned().await);
}

#[tokio::test]
async fn k10_an_operator_lets_a_key_rest_durably_audited_and_as_an_event() {
    let world = World::new();
    world.with_openai().await;
    let before = world.audit_actions().len();
    let cooled = world.post("/keys/primary/cooldown", json!({ "for": "10m" })).await.expect(200);
    assert_eq!((cooled.str("/health/standing"), cooled.str("/health/until")), ("cooling", "2026-11-20T00:10:00Z"));
    assert_eq!(cooled.json["health"]["cause"], json!({ "by": "operator", "principal": "local-owner" }));
    assert_eq!(world.audit_actions()[before..], ["key.cooldown_set"]);
    let kept = world.store.standings().unwrap();
    assert_eq!(kept.len(), 1, "it is in the store when the answer is there");

    let until = world.post("/keys/primary/cooldown", json!({ "until": "2026-11-21" })).await.expect(200);
    assert_eq!(until.str("/health/until"), "2026-11-21T00:00:00Z");
    let cleared = world.call("DELETE", "/keys/primary/cooldown", Value::Null).await.expect(200);
    assert_eq!(cleared.str("/health/standing"), "active");
    assert_eq!(world.audit_actions()[before..], ["key.cooldown_set", "key.cooldown_set", "key.cooldown_clear"]);
    assert!(world.store.standings().unwrap().is_empty());

    let events = world.get("/keys/primary/events").await.expect(200);
    let said: Vec<_> =
        events.json["items"].as_array().unwrap().iter().map(|event| (&event["from"], &event["standing"])).collect();
    let [active, cooling] = [&json!("active"), &json!("cooling")];
    assert_eq!(said, [(cooling, active), (cooling, cooling), (active, cooling)], "{}", events.text);
    assert_eq!(events.str("/items/0/key"), "openai/primary");
}

#[tokio::test]
async fn k10_a_rest_that_cannot_be_kept_is_not_acknowledged() {
    let world = World::new();
    world.with_openai().await;
    world.store.broken.store(true, Ordering::SeqCst);
    let answer = world.post("/keys/primary/cooldown", json!({ "for": "10m" })).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (503, "store_failed"), "{}", answer.text);
    assert_eq!(health(&world).await["standing"], "active", "what is not audited does not happen");
    // The log can be written, what pools learn cannot.
    world.store.broken.store(false, Ordering::SeqCst);
    world.pools.breaks.store(true, Ordering::SeqCst);
    let answer = world.post("/keys/primary/cooldown", json!({ "for": "10m" })).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (503, "not_kept"), "{}", answer.text);
}

#[tokio::test]
async fn a_rest_has_one_end_in_the_future() {
    let world = World::new();
    world.with_openai().await;
    for (body, field) in [
        (json!({}), "for"),
        (json!({ "for": "10m", "until": "2026-11-21" }), "for"),
        (json!({ "for": "10" }), "for"),
        (json!({ "for": "0s" }), "for"),
        (json!({ "for": "367d" }), "for"),
        (json!({ "for": 10 }), "for"),
        (json!({ "until": "2026-11-19" }), "until"),
        (json!({ "until": "2027-11-22" }), "until"),
    ] {
        let answer = world.post("/keys/primary/cooldown", body.clone()).await;
        assert_eq!((answer.status.as_u16(), answer.str("/error/param")), (400, field), "{body}: {}", answer.text);
    }
    assert_eq!(health(&world).await["standing"], "active");
    world.post("/providers/openai/disable", json!({})).await.expect(200);
    let answer = world.post("/keys/primary/cooldown", json!({ "for": "1m" })).await.expect(409);
    assert!(answer.str("/error/message").contains("`openai` is disabled"), "{}", answer.text);
    assert_eq!(health(&world).await, Value::Null);
    world.post("/providers/openai/enable", json!({})).await.expect(200);
    world.post("/keys/primary/retire", json!({})).await.expect(200);
    world.post("/keys/primary/cooldown", json!({ "for": "1m" })).await.expect(409);
}

#[tokio::test]
async fn k10_a_new_secret_is_not_blamed_for_the_old_one() {
    let world = World::new();
    world.with_openai().await;
    trouble(&world, Trouble::Rejected, Lasts::Human);
    let replaced = world.post("/keys/primary/replace", json!({ "secret": secret("good-2") })).await.expect(200);
    assert_eq!(replaced.str("/health/standing"), "active");
    let events = world.get("/keys/primary/events").await.expect(200);
    assert_eq!(events.json.pointer("/items/0/cause/by"), Some(&json!("operator")), "{}", events.text);
    assert!(world.store.standings().unwrap().is_empty());
}

#[tokio::test]
async fn k10_a_test_that_succeeds_brings_back_what_waits_for_a_person_and_cuts_no_rest_short() {
    let world = World::new();
    world.with_openai().await;
    for waits in [Trouble::Rejected, Trouble::QuotaExhausted] {
        trouble(&world, waits, Lasts::Human);
        assert_ne!(health(&world).await["standing"], "active", "{waits:?}");
        let tested = world.post("/keys/primary/test", json!({})).await.expect(200);
        assert_eq!(tested.str("/health/standing"), "active", "{waits:?}: {}", tested.text);
    }
    trouble(&world, Trouble::RateLimited, Lasts::Until(world.clock.now().plus(Duration::from_hours(1))));
    let tested = world.post("/keys/test", json!({})).await.expect(200);
    assert_eq!(tested.str("/keys/0/proof/finding"), "valid");
    assert_eq!(tested.str("/keys/0/health/standing"), "cooling", "valid says nothing about limits");
    // Switched off and on again, it begins afresh.
    world.post("/keys/primary/disable", json!({})).await.expect(200);
    let enabled = world.post("/keys/primary/enable", json!({})).await.expect(200);
    assert_eq!((enabled.str("/state"), enabled.str("/health/standing")), ("active", "active"));
}

#[tokio::test]
async fn k10_a_test_that_fails_takes_a_key_out_of_the_pool() {
    let world = World::new();
    world.with_openai().await;
    let body = json!({ "provider": "openai", "name": "dead", "secret": secret("unknown") });
    let added = world.post("/keys", body).await.expect(201);
    assert_eq!((added.str("/state"), added.str("/health/standing")), ("suspect", "suspect"), "{}", added.text);
    assert_eq!(added.str("/health/cause/by"), "probe");
}

#[tokio::test]
async fn k10_events_come_in_pages_and_of_all_keys() {
    let world = World::new();
    world.with_openai().await;
    let body = json!({ "provider": "openai", "name": "second", "secret": secret("good-2") });
    world.post("/keys", body).await.expect(201);
    for round in 1..=3 {
        for key in ["primary", "second"] {
            world.clock.advance(Duration::from_secs(1));
            world.post(&format!("/keys/{key}/cooldown"), json!({ "for": format!("{round}m") })).await.expect(200);
        }
    }
    let all = world.get("/key-events?limit=500").await.expect(200);
    let whole = all.json["items"].as_array().unwrap().clone();
    assert_eq!(whole.len(), 6, "{}", all.text);
    let mut paged = Vec::new();
    let mut path = "/key-events?limit=4".to_owned();
    loop {
        let page = world.get(&path).await.expect(200);
        paged.extend(page.json["items"].as_array().unwrap().iter().cloned());
        let Some(cursor) = page.json["next_cursor"].as_str() else { break };
        path = format!("/key-events?limit=4&cursor={cursor}");
    }
    assert_eq!(paged, whole);
    let own = world.get("/keys/openai%2Fsecond/events").await.expect(200);
    assert_eq!(own.json["items"].as_array().unwrap().len(), 3);
    let late = world.get("/key-events?since=2026-11-20T00:00:05Z").await.expect(200);
    assert_eq!(late.json["items"].as_array().unwrap().len(), 2, "{}", late.text);
    assert_eq!(world.get("/key-events?cursor=x").await.expect(400).code(), "bad_cursor");
    // A key that is gone keeps its history, under its id.
    let id = own.str("/items/0/key_id").to_owned();
    world.call("DELETE", "/keys/second", Value::Null).await.expect(200);
    let all = world.get("/key-events").await.expect(200);
    assert_eq!(all.str("/items/0/key"), id);
}
