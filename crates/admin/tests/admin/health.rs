//! Health: checks, summaries, and the validator in the background, which never pays.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use keyward_admin::operation::health::{Rounds, validate_due};
use keyward_domain::ids::RequestId;
use keyward_domain::judgement::{Lasts, Trouble};
use keyward_domain::port::{Clock, Egress, EgressAnswer, EgressError, EgressFuture, EgressRequest};
use keyward_testkit::provider::{ScriptedProvider, Vendor};
use serde_json::{Value, json};

use crate::world::{World, secret};

const IDLE: Duration = Duration::from_mins(15);

async fn with_key(world: &World, name: &str, kind: &str) {
    let body = json!({ "provider": "openai", "name": name, "secret": secret(kind) });
    world.post("/keys", body).await.expect(201);
}

async fn rounds(world: &World, known: &mut Rounds, length: Duration, step: Duration) -> usize {
    let mut asked = 0;
    let mut passed = Duration::ZERO;
    while passed < length {
        world.clock.advance(step);
        passed += step;
        asked += validate_due(&world.control, IDLE, known).await.unwrap();
    }
    asked
}

#[tokio::test]
async fn a_check_asks_about_keys_and_says_which_need_a_look() {
    let world = World::new();
    world.with_openai().await;
    with_key(&world, "off", "good-2").await;
    world.post("/keys/off/disable", json!({})).await.expect(200);
    let check = world.post("/health/check", json!({})).await.expect(200);
    assert_eq!((&check.json["checked"], &check.json["found"]), (&json!(1), &json!([])), "{}", check.text);
    with_key(&world, "dead", "unknown").await;
    let check = world.post("/health/check", json!({ "all": true })).await.expect(200);
    assert_eq!((&check.json["checked"], &check.json["found"]), (&json!(3), &json!(["openai/dead"])), "{}", check.text);
    let other = world.post("/health/check", json!({ "provider": "nobody" })).await;
    assert_eq!(other.status, 404);
    // One that rests needs nobody; one that waits for a person does.
    let key = world.key("primary");
    let until = Lasts::Until(world.clock.now().plus(Duration::from_mins(5)));
    world.pools.answered(key, "gpt-4o", RequestId::from_bits(1), Some((Trouble::RateLimited, until)));
    let check = world.post("/health/check", json!({})).await.expect(200);
    assert_eq!(check.json["found"], json!(["openai/dead"]));
}

#[tokio::test]
async fn a_summary_has_every_key_of_every_provider() {
    let world = World::new();
    world.with_openai().await;
    with_key(&world, "dead", "unknown").await;
    let key = world.key("primary");
    world.pools.answered(key, "gpt-4o", RequestId::from_bits(1), None);
    world.clock.advance(Duration::from_secs(40));
    let summary = world.get("/health/summary").await.expect(200);
    assert_eq!(summary.json.pointer("/providers/0/usable"), Some(&json!(1)), "{}", summary.text);
    let keys = summary.json.pointer("/providers/0/keys").unwrap();
    assert_eq!(
        (&keys[0]["name"], &keys[0]["usable"], &keys[0]["health"]["standing"]),
        (&json!("dead"), &json!(false), &json!("suspect"))
    );
    let good = &keys[1];
    assert_eq!((&good["usable"], &good["health"]["success_permille"]), (&json!(true), &json!(1000)));
    assert_eq!((&good["health"]["proof_age_seconds"], &good["proof"]["finding"]), (&json!(40), &json!("valid")));
}

#[tokio::test]
async fn a_key_with_a_model_says_whether_it_serves() {
    let world = World::new();
    world.with_openai().await;
    let seen = world.get("/health/gpt-4o/openai%2Fprimary").await.expect(200);
    assert_eq!((&seen.json["usable"], &seen.json["why"]), (&json!(true), &Value::Null), "{}", seen.text);
    world.call("PATCH", "/keys/primary", json!({ "terms": { "models": ["gpt-4o"] } })).await.expect(200);
    let other = world.get("/health/gpt-4o-mini/primary").await.expect(200);
    assert_eq!((&other.json["usable"], other.str("/why")), (&json!(false), "not_for_model"), "{}", other.text);
    world.post("/keys/primary/cooldown", json!({ "for": "1m" })).await.expect(200);
    let rests = world.get("/health/gpt-4o/primary").await.expect(200);
    assert_eq!((rests.str("/why"), rests.str("/back")), ("standing", "2026-11-20T00:01:00Z"));
    world.post("/providers/openai/disable", json!({})).await.expect(200);
    assert_eq!(world.get("/health/gpt-4o/primary").await.expect(200).str("/why"), "provider_disabled");
}

#[tokio::test]
async fn the_validator_asks_about_idle_keys_and_leaves_used_ones_alone() {
    let world = World::new();
    world.with_openai().await;
    with_key(&world, "busy", "good-2").await;
    let busy = world.key("busy");
    let mut known = Rounds::default();
    let before = world.vendor.calls();
    for minute in 0..120 {
        world.pools.answered(busy, "gpt-4o", RequestId::from_bits(minute), None);
        rounds(&world, &mut known, Duration::from_mins(1), Duration::from_secs(20)).await;
    }
    let asked: Vec<_> = world.vendor.seen.lock().unwrap()[before..].to_vec();
    assert!(asked.iter().all(|(_, shown)| !shown.contains("good-2")), "traffic proves it");
    // Two hours, a quarter of an hour each, a fifth more or less.
    assert!((6..=10).contains(&asked.len()), "{}", asked.len());
    assert_eq!(world.audit_actions().iter().filter(|action| *action == "key.test").count(), 0, "no news, no entry");
    let age = world.get("/keys/primary").await.expect(200).json["health"]["proof_age_seconds"].as_u64().unwrap();
    assert!(age <= 18 * 60, "{age}");
}

#[tokio::test]
async fn the_validator_spreads_keys_that_came_together() {
    let world = World::new();
    world.with_openai().await;
    for number in 0..20 {
        with_key(&world, &format!("k{number}"), &format!("good-{number}")).await;
    }
    let mut known = Rounds::default();
    let mut most = 0;
    for _ in 0..240 {
        most = most.max(rounds(&world, &mut known, Duration::from_secs(15), Duration::from_secs(15)).await);
    }
    assert!((1..=8).contains(&most), "{most} of 21 at once");
}

#[tokio::test]
async fn the_validator_leaves_alone_what_people_decided() {
    let world = World::new();
    world.with_openai().await;
    for (name, verb) in [("off", "disable"), ("leaving", "drain"), ("gone", "retire")] {
        with_key(&world, name, &format!("good-{name}")).await;
        world.post(&format!("/keys/{name}/{verb}"), json!({})).await.expect(200);
    }
    let body = json!({ "provider": "openai", "name": "unasked", "secret": secret("good-unasked"), "check": false });
    world.post("/keys", body).await.expect(201);
    world.post("/keys/primary/cooldown", json!({ "for": "2h" })).await.expect(200);
    let before = world.vendor.calls();
    let asked = rounds(&world, &mut Rounds::default(), Duration::from_mins(110), Duration::from_mins(1)).await;
    assert_eq!((asked, world.vendor.calls() - before), (0, 0));
    world.post("/vault/lock", json!({})).await.expect(200);
    assert_eq!(rounds(&world, &mut Rounds::default(), Duration::from_hours(2), Duration::from_mins(1)).await, 0);
}

#[tokio::test]
async fn the_validator_brings_back_a_key_that_the_provider_accepts_again() {
    let world = World::new();
    world.with_openai().await;
    let key = world.key("primary");
    world.pools.answered(key, "gpt-4o", RequestId::from_bits(1), Some((Trouble::Rejected, Lasts::Human)));
    assert_eq!(world.get("/keys/primary").await.expect(200).str("/health/standing"), "suspect");
    rounds(&world, &mut Rounds::default(), Duration::from_mins(20), Duration::from_mins(1)).await;
    let healed = world.get("/keys/primary").await.expect(200);
    assert_eq!((healed.str("/health/standing"), healed.str("/state")), ("active", "active"), "{}", healed.text);
    let events = world.get("/keys/primary/events").await.expect(200);
    assert_eq!(events.str("/items/0/cause/by"), "probe");
}

#[tokio::test]
async fn k11_a_key_that_nobody_answered_for_comes_into_use_when_somebody_does() {
    let world = World::new();
    world.with_openai().await;
    world.vendor.down.store(true, std::sync::atomic::Ordering::SeqCst);
    with_key(&world, "late", "good-late").await;
    assert_eq!(world.get("/keys/late").await.expect(200).str("/state"), "pending");
    let mut known = Rounds::default();
    rounds(&world, &mut known, Duration::from_mins(20), Duration::from_mins(1)).await;
    assert_eq!(world.get("/keys/late").await.expect(200).str("/state"), "pending", "silence proves nothing");
    world.vendor.down.store(false, std::sync::atomic::Ordering::SeqCst);
    rounds(&world, &mut known, Duration::from_mins(20), Duration::from_mins(1)).await;
    let late = world.get("/keys/late").await.expect(200);
    assert_eq!((late.str("/state"), &late.json["model_count"]), ("active", &json!(2)), "{}", late.text);
    let audit = world.get("/audit").await.expect(200);
    assert_eq!((audit.str("/items/0/action"), audit.str("/items/0/actor")), ("key.test", "keyward"));
}

/// Calls over loopback.
struct Loopback;

impl Egress for Loopback {
    fn fetch(&self, request: EgressRequest) -> EgressFuture {
        Box::pin(async move {
            let broken = |error: &dyn std::fmt::Display| EgressError::Broken("it".to_owned(), error.to_string());
            let address = request.origin.authority();
            let stream = tokio::net::TcpStream::connect(&address).await.map_err(|error| broken(&error))?;
            let io = hyper_util::rt::TokioIo::new(stream);
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(io).await.map_err(|error| broken(&error))?;
            let mut built = Request::builder().method(request.method).uri(&request.path).header("host", &address);
            for (name, value) in request.headers {
                built = built.header(name, value);
            }
            if let Some((name, value)) = request.credential {
                built = built.header(name, value.expose());
            }
            let asked = built.body(Full::new(Bytes::from(request.body))).unwrap();
            let answer = async {
                let (head, body) = sender.send_request(asked).await?.into_parts();
                Ok::<_, hyper::Error>((head, body.collect().await?.to_bytes()))
            };
            let answered = tokio::select! {
                answered = answer => answered,
                _ = connection => panic!("the provider hung up"),
            };
            let (head, body) = answered.map_err(|error| broken(&error))?;
            Ok(EgressAnswer { status: head.status.as_u16(), headers: Vec::new(), body: body.to_vec() })
        })
    }
}

/// P29: what keeps an eye on keys must not cost money.
#[tokio::test]
async fn k11_a_day_of_idleness_with_20_keys_costs_nothing() {
    let provider = ScriptedProvider::start().await;
    let world = World::over(Some(Arc::new(Loopback)));
    for (vendor, preset) in [(Vendor::OpenAi, "openai"), (Vendor::Anthropic, "anthropic")] {
        let body = json!({ "preset": preset, "base_url": provider.pinned_url(vendor) });
        world.post("/providers", body).await.expect(201);
        for number in 0..10 {
            let name = format!("{preset}-{number}");
            let body = json!({ "provider": preset, "name": name, "secret": provider.add_key(vendor, &name) });
            let added = world.post("/keys", body).await.expect(201);
            assert_eq!(added.str("/state"), "active", "{}", added.text);
        }
    }
    let before = provider.requests_total();
    let day = Duration::from_hours(24);
    let asked = rounds(&world, &mut Rounds::default(), day, Duration::from_mins(1)).await;
    assert!(asked >= 20 * 70, "{asked}: all keys were kept an eye on");
    assert!(provider.requests_total() >= before + u64::try_from(asked).unwrap());
    assert_eq!(provider.bill().len(), 0, "and nothing was paid");
    let methods: BTreeMap<String, usize> = provider.requests().iter().fold(BTreeMap::new(), |mut counts, request| {
        *counts.entry(request.method.clone()).or_default() += 1;
        counts
    });
    assert_eq!(methods.keys().collect::<Vec<_>>(), ["GET"], "{methods:?}");
}
