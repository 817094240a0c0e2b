//! Providers: presets, destinations, and what a move does to their keys.

use serde_json::{Value, json};

use crate::world::{World, secret};

#[tokio::test]
async fn known_providers_need_a_name_only() {
    let world = World::new();
    let answer = world.post("/providers", json!({ "preset": "anthropic" })).await.expect(201);
    assert_eq!((answer.str("/kind"), answer.str("/base_url")), ("anthropic", "https://api.anthropic.com"));
    assert_eq!(answer.str("/catalog"), "anthropic");
    let custom = json!({ "name": "local", "base_url": "http://127.0.0.1:8000/v1/", "free": true });
    let answer = world.post("/providers", custom).await.expect(201);
    assert_eq!((answer.str("/kind"), answer.str("/base_url")), ("openai_compatible", "http://127.0.0.1:8000/v1"));
    assert_eq!(answer.json["free"], true);
    assert_eq!(world.post("/providers", json!({ "preset": "anthropic" })).await.code(), "already_exists");
    assert_eq!(world.post("/providers", json!({ "preset": "nobody" })).await.str("/error/param"), "preset");
    assert_eq!(world.post("/providers", json!({ "name": "x" })).await.str("/error/param"), "base_url");
    assert_eq!(world.post("/providers", json!({ "base_url": "https://x.example" })).await.str("/error/param"), "name");
    let wrong = json!({ "name": "x", "base_url": "https://x.example", "kind": "mainframe" });
    assert_eq!(world.post("/providers", wrong).await.str("/error/param"), "kind");
}

#[tokio::test]
async fn forbidden_destinations() {
    let world = World::new();
    for url in [
        "http://169.254.169.254/",
        "http://[fd00:ec2::254]/",
        "http://metadata.google.internal",
        "http://100.100.100.200",
        "http://api.example.com/v1",
    ] {
        let answer = world.post("/providers", json!({ "name": "x", "base_url": url })).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (400, "destination_forbidden"), "{url}");
    }
    for url in [
        "https://key@host.example",
        "https://host.example/?key=abc",
        "ftp://x",
        "https://2130706433",
        "https://host/../x",
        "",
    ] {
        let answer = world.post("/providers", json!({ "name": "x", "base_url": url })).await;
        assert_eq!((answer.status.as_u16(), answer.str("/error/param")), (400, "base_url"), "{url}");
        assert!(!answer.text.contains("abc") && !answer.text.contains("key@"), "a key in the URL is not repeated");
    }
    assert!(world.records().providers.is_empty());
}

#[tokio::test]
async fn a_move_voids_the_keys_until_they_are_entered_again() {
    let world = World::new();
    world.with_openai().await;
    let before = world.vendor.calls();
    let moved = json!({ "base_url": "https://proxy.example/v1" });
    world.call("PATCH", "/providers/openai", moved).await.expect(200);
    let key = world.get("/keys/primary").await.expect(200);
    assert_eq!((key.str("/state"), &key.json["void"]), ("suspect", &json!(true)));
    for path in ["/keys/primary/test", "/keys/primary/enable", "/keys/primary/discover"] {
        let answer = world.post(path, json!({})).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (409, "key_void"), "{path}");
    }
    let forced = world.post("/keys/primary/enable", json!({ "force": true })).await;
    assert_eq!(forced.code(), "key_void");
    world.post("/keys/test", json!({})).await.expect(200);
    world.post("/providers/openai/test", json!({})).await.expect(200);
    let sent: Vec<_> = world.vendor.seen.lock().unwrap()[before..].to_vec();
    assert!(sent.iter().all(|(_, shown)| shown.is_empty()), "the old secret goes nowhere: {sent:?}");
    let warnings = world.get("/status").await.expect(200).json["warnings"].to_string();
    assert!(warnings.contains("enter it again"), "{warnings}");

    let again = world.post("/keys/primary/replace", json!({ "secret": secret("good") })).await.expect(200);
    assert_eq!((again.str("/state"), &again.json["void"]), ("active", &json!(false)));
    let (place, shown) = world.vendor.seen.lock().unwrap().last().unwrap().clone();
    assert_eq!(place, "GET https://proxy.example/v1/models");
    assert_eq!(shown, format!("Bearer {}", secret("good")));
}

#[tokio::test]
async fn a_move_within_the_same_origin_keeps_the_keys() {
    let world = World::new();
    world.with_openai().await;
    world.call("PATCH", "/providers/openai", json!({ "base_url": "https://api.openai.com/v2" })).await.expect(200);
    let key = world.get("/keys/primary").await.expect(200);
    assert_eq!((key.str("/state"), key.str("/sealed_for")), ("active", "https://api.openai.com/v2"));
    world.post("/keys/primary/test", json!({})).await.expect(200);
}

#[tokio::test]
async fn enabling_disabling_renaming() {
    let world = World::new();
    world.with_openai().await;
    assert_eq!(world.post("/providers/openai/disable", json!({})).await.expect(200).json["enabled"], false);
    assert!(world.get("/models").await.expect(200).json["items"].as_array().unwrap().is_empty());
    let warnings = world.get("/status").await.expect(200).json["warnings"].to_string();
    assert!(warnings.contains("No provider key is in use"), "{warnings}");
    world.post("/providers/openai/enable", json!({})).await.expect(200);
    let renamed = world.call("PATCH", "/providers/openai", json!({ "name": "oai", "catalog": null })).await.expect(200);
    assert_eq!((renamed.str("/name"), &renamed.json["catalog"]), ("oai", &Value::Null));
    assert_eq!(world.get("/providers/openai").await.status, 404);
    assert_eq!(world.get("/keys/oai%2Fprimary").await.expect(200).str("/provider"), "oai");
}

#[tokio::test]
async fn a_test_tells_whether_it_answers() {
    let world = World::new();
    world.with_openai().await;
    let tested = world.post("/providers/openai/test", json!({})).await.expect(200);
    assert_eq!((&tested.json["reachable"], tested.str("/keys/0/proof/finding")), (&json!(true), "valid"));
    world.vendor.down.store(true, std::sync::atomic::Ordering::SeqCst);
    let tested = world.post("/providers/openai/test", json!({})).await.expect(200);
    assert_eq!(tested.json["reachable"], false);
    assert!(tested.str("/detail").contains("connection refused"));
}

#[tokio::test]
async fn changes_are_based_on_what_was_seen() {
    let world = World::new();
    world.with_openai().await;
    let stale = json!({ "free": true, "if_match": 7 });
    let answer = world.call("PATCH", "/providers/openai", stale).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (412, "revision_mismatch"));
    let mut asked = crate::world::request("PATCH", "/api/v1/providers/openai", None, &json!({ "free": true }));
    asked.headers_mut().insert("if-match", "\"1\"".parse().unwrap());
    let answer = crate::world::send(world.plane.router(keyward_admin::rest::Entry::Local), asked).await.expect(200);
    assert_eq!(answer.headers["etag"], "\"2\"");
    let mut asked = crate::world::request("PATCH", "/api/v1/providers/openai", None, &json!({ "free": true }));
    asked.headers_mut().insert("if-match", "\"1\"".parse().unwrap());
    let answer = crate::world::send(world.plane.router(keyward_admin::rest::Entry::Local), asked).await;
    assert_eq!(answer.status, 412);
    let mut asked = crate::world::request("POST", "/api/v1/vkeys", None, &json!({ "name": "x" }));
    asked.headers_mut().insert("if-match", "\"1\"".parse().unwrap());
    let answer = crate::world::send(world.plane.router(keyward_admin::rest::Entry::Local), asked).await;
    assert_eq!(answer.status, 400, "a condition that cannot be kept is not ignored");
}

#[tokio::test]
async fn a_new_name_takes_aliases_prices_and_grants_along() {
    let world = World::new();
    world.with_openai().await;
    world.call("PUT", "/aliases/fast", json!({ "targets": ["openai/gpt-4o"] })).await.expect(200);
    world.call("PUT", "/prices/openai/gpt-4o", json!({ "free": true })).await.expect(200);
    world.post("/vkeys", json!({ "name": "app", "models": ["openai/*", "openaix/*", "fast"] })).await.expect(201);
    assert_eq!(world.call("DELETE", "/providers/openai", Value::Null).await.code(), "in_use");
    world.call("PATCH", "/providers/openai", json!({ "name": "oai" })).await.expect(200);
    assert_eq!(world.get("/aliases").await.json["items"][0]["targets"], json!(["oai/gpt-4o"]));
    assert_eq!(world.get("/models/oai/gpt-4o").await.expect(200).str("/price/standing"), "free");
    assert_eq!(world.get("/vkeys/app").await.json["models"], json!(["oai/*", "openaix/*", "fast"]));

    world.call("DELETE", "/keys/primary", Value::Null).await.expect(200);
    let refused = world.call("DELETE", "/providers/oai", Value::Null).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "in_use"));
    assert!(refused.str("/error/message").contains("`fast`"));
    world.call("DELETE", "/aliases/fast", Value::Null).await.expect(200);
    world.call("DELETE", "/providers/oai", Value::Null).await.expect(200);
    assert!(world.records().prices.is_empty());
}

#[tokio::test]
async fn a_pool_has_a_strategy() {
    let world = World::new();
    world.with_openai().await;
    assert_eq!(world.get("/providers/openai").await.expect(200).str("/strategy"), "adaptive");
    let added = world.post("/providers", json!({ "preset": "groq", "strategy": "single" })).await.expect(201);
    assert_eq!(added.str("/strategy"), "single");
    for strategy in keyward_domain::routing::Strategy::ALL {
        let named = strategy.as_str();
        let changed = world.call("PATCH", "/providers/openai", json!({ "strategy": named })).await.expect(200);
        assert_eq!(changed.str("/strategy"), named);
        assert_eq!(world.get("/providers/openai").await.expect(200).str("/strategy"), named);
    }
    let audit = world.get("/audit?limit=1").await.expect(200);
    assert!(audit.str("/items/0/detail").ends_with("random -> single"), "{}", audit.text);
    let wrong = world.call("PATCH", "/providers/openai", json!({ "strategy": "best" })).await;
    assert_eq!((wrong.status.as_u16(), wrong.str("/error/param")), (400, "strategy"));
    assert!(wrong.str("/error/message").contains("`least_used`"), "{}", wrong.text);
}

#[tokio::test]
async fn l05_a_provider_is_sent_so_many_calls_at_once() {
    let world = World::new();
    world.with_openai().await;
    assert_eq!(world.get("/providers/openai").await.expect(200).str("/concurrency"), "adaptive");
    let added = world.post("/providers", json!({ "preset": "groq", "concurrency": "off" })).await.expect(201);
    assert_eq!(added.str("/concurrency"), "off");
    let changed = world.call("PATCH", "/providers/openai", json!({ "concurrency": "40" })).await.expect(200);
    assert_eq!(changed.str("/concurrency"), "40");
    let audit = world.get("/audit?limit=1").await.expect(200);
    assert!(audit.str("/items/0/detail").ends_with("calls at once: adaptive -> 40"), "{}", audit.text);
    let kept = world.call("PATCH", "/providers/openai", json!({ "free": true })).await.expect(200);
    assert_eq!(kept.str("/concurrency"), "40", "left out, so kept");
    for wrong in ["0", "lots", "-4", "1000001", ""] {
        let refused = world.call("PATCH", "/providers/openai", json!({ "concurrency": wrong })).await;
        assert_eq!((refused.status.as_u16(), refused.str("/error/param")), (400, "concurrency"), "{wrong}");
        assert!(refused.str("/error/message").contains("`adaptive`, `off`, or a whole number"), "{}", refused.text);
    }
    let summary = world.get("/health/summary").await.expect(200);
    let openai = summary.json["providers"].as_array().unwrap().iter().find(|one| one["provider"] == "openai").unwrap();
    assert_eq!((&openai["in_flight"], &openai["at_once"]), (&json!(0), &json!(40)), "{}", summary.text);
    assert_eq!(openai["limited_models"], json!([]));
    let route = world.get("/routes/explain?model=openai/gpt-4o").await.expect(200);
    assert_eq!(route.json.pointer("/targets/0/at_once"), Some(&json!(40)), "{}", route.text);
}

#[tokio::test]
async fn k01_a_provider_has_rules_of_its_own() {
    let world = World::new();
    let rule = json!({ "status": 429, "contains": "daily cap", "blame": "account", "lasts": "6h" });
    let kept = json!({ "status": 429, "contains": "daily cap", "blame": "account", "lasts": "21600s" });
    let added = world.post("/providers", json!({ "preset": "openai", "rules": [rule] })).await.expect(201);
    assert_eq!(added.json["rules"], json!([kept]));
    let other = json!({ "code": "x", "blame": "request", "lasts": "moment", "next": "give_up", "trouble": "bad_request", "reason": "ours" });
    let updated = world.call("PATCH", "/providers/openai", json!({ "rules": [rule, other] })).await.expect(200);
    assert_eq!(updated.json["rules"], json!([kept, other]));
    assert_eq!(world.records().providers[0].rules.len(), 2);
    let untouched = world.call("PATCH", "/providers/openai", json!({ "free": true })).await.expect(200);
    assert_eq!(untouched.json["rules"].as_array().unwrap().len(), 2);

    let canary = secret("canary");
    for (rules, said) in [
        (json!([{ "blame": "key", "lasts": "human" }]), "rule 1: a rule needs at least one"),
        (json!([rule, { "status": 302, "blame": "key", "lasts": "human" }]), "rule 2: `status` is 200 or"),
        (json!([{ "code": "x", "blame": "key", "lasts": canary }]), "`lasts` is `moment`"),
        (json!([{ "code": "x", "blame": canary, "lasts": "human" }]), "expected one of"),
        (json!([{ "code": "x", "blame": "request", "lasts": "human", "next": "retry" }]), "request's own fault"),
        (json!([{ "code": "x".repeat(201), "blame": "key", "lasts": "human" }]), "longer than 200"),
        (json!(vec![rule; 65]), "at most 64 rules"),
    ] {
        let answer = world.call("PATCH", "/providers/openai", json!({ "rules": rules })).await;
        assert_eq!(answer.status, 400, "{rules}");
        assert!(answer.str("/error/message").contains(said), "{rules}: {}", answer.text);
        assert!(!answer.text.contains(&canary), "{}", answer.text);
    }
    let gone = world.call("PATCH", "/providers/openai", json!({ "rules": [] })).await.expect(200);
    assert_eq!(gone.json["rules"], json!([]));
}
