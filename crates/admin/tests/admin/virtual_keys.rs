//! Virtual keys: shown once, changed, rotated with grace (promise V02), revoked.

use std::time::Duration;

use keyward_domain::port::{Clock, Store};
use keyward_domain::time::Timestamp;
use keyward_domain::token::{Environment, PresentedToken};
use keyward_domain::virtual_key::{Inactive, VirtualKey};
use keyward_vault::Verified;
use serde_json::{Value, json};

use crate::world::World;

/// Whether the data plane would accept this token now: as it does, from the records and the verifier alone.
fn accepted(world: &World, token: &str) -> bool {
    let presented = PresentedToken::parse(token.as_bytes()).unwrap();
    let records = world.records();
    let key: &VirtualKey = records.virtual_keys.iter().find(|key| key.id == presented.id).unwrap();
    let now: Timestamp = world.clock.now();
    let verified = world.vault.token_verifier().unwrap().verify(&presented, &key.tokens, now);
    verified == Verified::Live && key.check_active(now).is_ok()
}

async fn create(world: &World, name: &str) -> String {
    world.post("/vkeys", json!({ "name": name })).await.expect(201).str("/token").to_owned()
}

#[tokio::test]
async fn v02_rotation_with_grace_keeps_both_until_the_end_and_not_a_second_longer() {
    let world = World::new();
    let old = create(&world, "app").await;
    let rotated = world.post("/vkeys/app/rotate", json!({ "grace_seconds": 600 })).await.expect(200);
    let new = rotated.str("/token").to_owned();
    assert_ne!(old, new);
    assert_eq!(old[..21], new[..21], "the id stays");
    assert_eq!(rotated.str("/vkey/grace_ends_at"), "2026-11-20T00:10:00Z");
    assert_eq!(rotated.json["vkey"]["live_tokens"], 2);
    for _ in 0..599 {
        assert!(accepted(&world, &old) && accepted(&world, &new));
        world.clock.advance(Duration::from_secs(1));
    }
    world.clock.advance(Duration::from_millis(999));
    assert!(accepted(&world, &old) && accepted(&world, &new), "at the last moment of the grace period");
    world.clock.advance(Duration::from_millis(1));
    assert!(!accepted(&world, &old), "at the end");
    world.clock.advance(Duration::from_secs(1));
    assert!(!accepted(&world, &old) && accepted(&world, &new), "a second after the end");
}

#[tokio::test]
async fn a_second_rotation_ends_the_oldest_token_at_once() {
    let world = World::new();
    let first = create(&world, "app").await;
    let second = world.post("/vkeys/app/rotate", json!({})).await.expect(200).str("/token").to_owned();
    let third = world.post("/vkeys/app/rotate", json!({})).await.expect(200).str("/token").to_owned();
    assert!(!accepted(&world, &first) && accepted(&world, &second) && accepted(&world, &third));
    let last =
        world.post("/vkeys/app/rotate", json!({ "grace_seconds": 0 })).await.expect(200).str("/token").to_owned();
    assert!(!accepted(&world, &third) && accepted(&world, &last), "no grace, no overlap");
    let answer = world.post("/vkeys/app/rotate", json!({ "grace_seconds": 2_592_001 })).await;
    assert_eq!((answer.status.as_u16(), answer.str("/error/param")), (400, "grace_seconds"));
}

#[tokio::test]
async fn the_token_is_shown_once_and_kept_as_a_hash() {
    let world = World::new();
    let token = create(&world, "app").await;
    assert_eq!(token.len(), 70);
    assert_eq!(PresentedToken::parse(token.as_bytes()).unwrap().environment, Environment::Live);
    let kept = format!("{:?}", world.records());
    assert!(!kept.contains(&token[22..60]));
    for path in ["/vkeys", "/vkeys/app", "/audit", "/status"] {
        assert!(!world.get(path).await.expect(200).text.contains(&token[22..60]), "{path}");
    }
    let test = world.post("/vkeys", json!({ "name": "trial", "environment": "test" })).await.expect(201);
    assert!(test.str("/token").starts_with("kw_test_"));
}

#[tokio::test]
async fn grants_are_kept_as_given_and_bad_ones_refused() {
    let world = World::new();
    let answer = world
        .post("/vkeys", json!({
            "name": "narrow", "models": ["openai/gpt-4o*", "fast"], "operations": ["chat", "embed"],
            "addresses": ["10.0.0.0/8", "2001:db8::1"], "on_disconnect": "drain", "tags": ["team:search", "env=prod"],
            "expires_at": "2026-12-01T00:00:00Z",
        }))
        .await
        .expect(201);
    let view = &answer.json["vkey"];
    assert_eq!(view["models"], json!(["openai/gpt-4o*", "fast"]));
    assert_eq!(view["operations"], json!(["chat", "embed"]));
    assert_eq!(view["addresses"], json!(["10.0.0.0/8", "2001:db8::1/128"]));
    assert_eq!(
        (view["on_disconnect"].as_str(), view["expires_at"].as_str()),
        (Some("drain"), Some("2026-12-01T00:00:00Z"))
    );
    let secretive = format!("{}{}", "a1b2c3d4".repeat(4), "e5");
    for (field, value) in [
        ("models", json!(["a*b"])),
        ("models", json!([""])),
        ("models", json!("gpt-4o")),
        ("operations", json!(["chta"])),
        ("addresses", json!(["10.0.0.0/40"])),
        ("addresses", json!(["localhost"])),
        ("on_disconnect", json!("panic")),
        ("tags", json!(vec!["x"; 17])),
        ("tags", json!([secretive])),
        ("environment", json!("adm")),
        ("expires_at", json!("2026-11-19")),
        ("expires_at", json!("tomorrow")),
        ("name", json!("Upper")),
        ("name", json!(null)),
    ] {
        let mut body = json!({ "name": "x" });
        body[field] = value.clone();
        let answer = world.post("/vkeys", body).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (400, "invalid_request"), "{field} {value}");
        assert_eq!(answer.str("/error/param"), field, "{}", answer.text);
    }
    assert_eq!(world.records().virtual_keys.len(), 1);
    assert_eq!(world.post("/vkeys", json!({ "name": "narrow" })).await.code(), "already_exists");
}

#[tokio::test]
async fn changes_touch_what_they_name() {
    let world = World::new();
    let token = create(&world, "app").await;
    let body = json!({ "models": ["fast"], "tags": ["a"], "expires_at": "2027-01-01", "name": "renamed" });
    let changed = world.call("PATCH", "/vkeys/app", body).await.expect(200);
    assert_eq!(
        (changed.str("/name"), &changed.json["models"], &changed.json["revision"]),
        ("renamed", &json!(["fast"]), &json!(2))
    );
    let changed = world.call("PATCH", "/vkeys/renamed", json!({ "expires_at": null })).await.expect(200);
    assert_eq!((&changed.json["expires_at"], &changed.json["models"]), (&Value::Null, &json!(["fast"])));
    assert!(accepted(&world, &token));
    let off = world.call("PATCH", "/vkeys/renamed", json!({ "enabled": false })).await.expect(200);
    assert_eq!(off.str("/state"), "disabled");
    assert!(!accepted(&world, &token));
    world.call("PATCH", "/vkeys/renamed", json!({ "enabled": true })).await.expect(200);
    assert!(accepted(&world, &token));
    let last = world.store.audit(None, 1).unwrap().remove(0);
    assert_eq!((last.action.as_str(), last.detail.as_str()), ("vkey.update", "renamed: status"));
    assert_eq!(world.call("PATCH", "/vkeys/renamed", json!({ "if_match": 1 })).await.status, 412);
}

#[tokio::test]
async fn revoked_is_for_good_and_published_before_it_is_acknowledged() {
    let world = World::new();
    let token = create(&world, "app").await;
    let revoked = world.post("/vkeys/app/revoke", json!({})).await.expect(200);
    assert_eq!(revoked.str("/state"), "revoked");
    assert!(!accepted(&world, &token));
    let published = world.published.lock().unwrap().last().copied();
    assert_eq!(published, Some(world.records().revision), "the data plane had the change before the answer");
    for (method, path, body) in
        [("POST", "/vkeys/app/rotate", json!({})), ("PATCH", "/vkeys/app", json!({ "enabled": true }))]
    {
        let answer = world.call(method, path, body).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (409, "wrong_state"), "{path}");
    }
    assert!(world.get("/vkeys").await.json["items"].as_array().unwrap().is_empty());
    assert_eq!(world.get("/vkeys?revoked=true").await.str("/items/0/name"), "app");
}

#[tokio::test]
async fn a_revoked_key_is_still_known_so_that_its_holder_is_told_what_happened() {
    let world = World::new();
    let old = create(&world, "app").await;
    let new = world.post("/vkeys/app/rotate", json!({})).await.expect(200).str("/token").to_owned();
    let revoked = world.post("/vkeys/app/revoke", json!({})).await.expect(200);
    assert_eq!((&revoked.json["live_tokens"], &revoked.json["grace_ends_at"]), (&json!(0), &Value::Null));
    let records = world.records();
    let (key, now) = (&records.virtual_keys[0], world.clock.now());
    let verifier = world.vault.token_verifier().unwrap();
    for token in [&old, &new] {
        // What makes the difference between `key_inactive` and a key that nobody has heard of.
        let presented = PresentedToken::parse(token.as_bytes()).unwrap();
        assert_eq!(verifier.verify(&presented, &key.tokens, now), Verified::Live);
    }
    assert_eq!(key.check_active(now), Err(Inactive::Revoked));
}

#[tokio::test]
async fn the_name_of_a_revoked_key_stays_taken_and_the_refusal_says_by_what() {
    let world = World::new();
    create(&world, "app").await;
    create(&world, "app-2").await;
    let held = world.post("/vkeys/app/revoke", json!({})).await.expect(200).str("/id").to_owned();
    create(&world, "other").await;
    for (method, path) in [("POST", "/vkeys"), ("PATCH", "/vkeys/other")] {
        let answer = world.call(method, path, json!({ "name": "app" })).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (409, "already_exists"), "{path}");
        let message = answer.str("/error/message");
        assert!(message.contains(&format!("`{held}`")) && message.contains("was revoked"), "which one: {message}");
        assert!(message.contains("ledger"), "why: {message}");
        assert!(message.ends_with("Choose another name, such as `app-3`."), "what to do: {message}");
    }
    let answer = world.post("/vkeys", json!({ "name": "other" })).await.expect(409);
    assert!(!answer.str("/error/message").contains("revoked"), "{}", answer.text);
    let longest = "n".repeat(64);
    create(&world, &longest).await;
    world.post(&format!("/vkeys/{longest}/revoke"), json!({})).await.expect(200);
    let answer = world.post("/vkeys", json!({ "name": longest })).await.expect(409);
    assert!(answer.str("/error/message").ends_with("Choose another name."), "no name is offered that is none");
}

#[tokio::test]
async fn every_change_is_audited_and_published_once() {
    let world = World::new();
    world.with_openai().await;
    create(&world, "app").await;
    world.post("/vkeys/app/rotate", json!({})).await.expect(200);
    world.call("PUT", "/aliases/fast", json!({ "targets": ["openai/gpt-4o"] })).await.expect(200);
    let actions = world.audit_actions();
    assert_eq!(actions, ["install.found", "provider.add", "key.add", "vkey.create", "vkey.rotate", "alias.set"]);
    assert_eq!(world.published.lock().unwrap().len(), actions.len() - 1, "all but the founding");

    let audit = world.get("/audit?limit=2").await.expect(200);
    assert_eq!(audit.str("/items/0/action"), "alias.set");
    let cursor = audit.str("/next_cursor").to_owned();
    assert_eq!(world.get(&format!("/audit?limit=2&cursor={cursor}")).await.str("/items/0/action"), "vkey.create");
    assert_eq!(world.get("/audit?cursor=0x").await.code(), "bad_cursor");
}
