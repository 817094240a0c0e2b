//! On which terms a key is used: what may be said, what is refused, and that a change changes what it names only.

use std::time::Duration;

use serde_json::{Value, json};

use crate::world::{World, secret};

/// Everything that can be said about a key.
fn everything() -> Value {
    json!({
        "quota_group": "acme", "weight": 3, "tier": 1, "models": ["gpt-4o*", "*-mini"], "tags": { "tier": "paid" },
        "limits": { "rpm": 500, "tpm": 200_000, "rpd": 10_000, "concurrency": 40, "daily_usd": "100.5" },
        "expires_at": "2027-03-01",
    })
}

/// The terms of a key about which nothing was said.
fn nothing() -> Value {
    json!({
        "quota_group": null, "weight": 1, "tier": 0, "models": [], "tags": {},
        "limits": { "rpm": null, "tpm": null, "rpd": null, "concurrency": null, "daily_usd": null },
        "expires_at": null,
    })
}

async fn patch(world: &World, body: Value) -> crate::world::Answer {
    world.call("PATCH", "/keys/primary", body).await
}

#[tokio::test]
async fn a_key_is_added_on_its_terms() {
    let world = World::new();
    world.post("/providers", json!({ "preset": "openai" })).await.expect(201);
    let body = json!({ "provider": "openai", "name": "primary", "secret": secret("good"), "terms": everything() });
    let added = world.post("/keys", body).await.expect(201);
    let mut expected = everything();
    expected["limits"]["daily_usd"] = json!("100.50");
    expected["expires_at"] = json!("2027-03-01T00:00:00Z");
    assert_eq!(added.json["terms"], expected);
    assert_eq!(world.get("/keys/primary").await.expect(200).json["terms"], expected);
    assert_eq!(world.get("/keys").await.expect(200).json["items"][0]["terms"], expected);
    let kept = &world.records().credentials[0].terms;
    assert_eq!(kept.limits.daily_cost.unwrap().0, 100_500_000_000, "money is exact");

    let plain = json!({ "provider": "openai", "name": "plain", "secret": secret("good-two") });
    assert_eq!(world.post("/keys", plain).await.expect(201).json["terms"], nothing());
}

#[tokio::test]
async fn a_change_changes_what_it_names() {
    let world = World::new();
    world.with_openai().await;
    patch(&world, json!({ "terms": everything(), "if_match": 1 })).await.expect(200);
    let changed = patch(&world, json!({ "terms": { "weight": 7, "limits": { "rpm": 9 } } })).await.expect(200);
    assert_eq!(changed.json["revision"], 3);
    let terms = &changed.json["terms"];
    assert_eq!((&terms["weight"], &terms["tier"], &terms["quota_group"]), (&json!(7), &json!(1), &json!("acme")));
    assert_eq!((&terms["limits"]["rpm"], &terms["limits"]["tpm"]), (&json!(9), &json!(200_000)));

    let cleared = patch(&world, json!({ "terms": { "weight": null, "limits": { "tpm": null }, "models": [] } })).await;
    let terms = &cleared.expect(200).json["terms"];
    assert_eq!((&terms["weight"], &terms["limits"]["tpm"], &terms["models"]), (&json!(1), &Value::Null, &json!([])));
    assert_eq!((&terms["limits"]["rpm"], &terms["tags"]["tier"]), (&json!(9), &json!("paid")));
    let all = json!({ "terms": {
        "quota_group": null, "tier": null, "models": null, "tags": null, "limits": null, "expires_at": null,
    } });
    assert_eq!(patch(&world, all).await.expect(200).json["terms"], nothing());

    let before = world.audit_actions().len();
    let same = patch(&world, json!({ "terms": { "weight": 1 } })).await.expect(200);
    assert_eq!(same.json["revision"], 5, "nothing to do is nothing done");
    patch(&world, json!({})).await.expect(200);
    assert_eq!(world.audit_actions().len(), before);
    assert_eq!(patch(&world, json!({ "terms": { "weight": 2 }, "if_match": 4 })).await.code(), "revision_mismatch");
}

#[tokio::test]
async fn a_change_is_audited_by_the_names_of_what_changed() {
    let world = World::new();
    world.with_openai().await;
    patch(&world, json!({ "name": "first", "terms": { "weight": 7, "limits": { "rpm": 9 } } })).await.expect(200);
    let audit = world.get("/audit?limit=1").await.expect(200);
    assert_eq!(audit.str("/items/0/action"), "key.update");
    assert_eq!(audit.str("/items/0/detail"), "openai/primary: name first, weight, rpm");
    world.get("/keys/openai%2Ffirst").await.expect(200);
    world
        .post("/keys", json!({ "provider": "openai", "name": "second", "secret": secret("good-2") }))
        .await
        .expect(201);
    let taken = world.call("PATCH", "/keys/first", json!({ "name": "second" })).await;
    assert_eq!((taken.status.as_u16(), taken.code()), (409, "already_exists"));
    // The secret is bound to the key, not to its name.
    world.post("/keys/first/test", json!({})).await.expect(200);
}

#[tokio::test]
async fn wrong_terms_name_the_field_and_change_nothing() {
    let world = World::new();
    world.with_openai().await;
    let canary = secret("good");
    for (terms, field, said) in [
        (json!({ "weight": 0 }), "terms.weight", "a whole number from 1 to 1000"),
        (json!({ "weight": 1001 }), "terms.weight", "a whole number from 1 to 1000"),
        (json!({ "weight": 1.5 }), "terms.weight", "a whole number from 1 to 1000"),
        (json!({ "weight": canary }), "terms.weight", "a whole number from 1 to 1000"),
        (json!({ "tier": 256 }), "terms.tier", "a whole number from 0 to 255"),
        (json!({ "tier": -1 }), "terms.tier", "a whole number from 0 to 255"),
        (json!({ "quota_group": "Acme Inc" }), "terms.quota_group", "names are 1 to 64"),
        (json!({ "quota_group": canary }), "terms.quota_group", "names are 1 to 64"),
        (json!({ "models": ["gpt 4"] }), "terms.models", "printable ASCII"),
        (json!({ "models": [""] }), "terms.models", "a pattern is"),
        (json!({ "models": vec!["a"; 257] }), "terms.models", "at most 256 models"),
        (json!({ "tags": { canary.as_str(): "x" } }), "terms.tags", "tags are at most 16"),
        (json!({ "tags": { "a": canary } }), "terms.tags", "tags are at most 16"),
        (json!({ "tags": ["a"] }), "terms.tags", "a map"),
        (json!({ "limits": { "rpm": 0 } }), "terms.limits.rpm", "a whole number from 1 to"),
        (json!({ "limits": { "concurrency": "40" } }), "terms.limits.concurrency", "a whole number from 1 to"),
        (json!({ "limits": { "daily_usd": 100 } }), "terms.limits.daily_usd", "a string"),
        (json!({ "limits": { "daily_usd": "1e3" } }), "terms.limits.daily_usd", "write amounts as texts"),
        (json!({ "limits": { "daily_usd": "0" } }), "terms.limits.daily_usd", "above zero"),
        (json!({ "limits": { "daily_usd": "0.0000000001" } }), "terms.limits.daily_usd", "nine decimals"),
        (json!({ "limits": { "rpn": 1 } }), "rpn", "`rpm`"),
        (json!({ "wieght": 1 }), "wieght", "`weight`"),
        (json!({ "expires_at": "tomorrow" }), "terms.expires_at", "2026-11-20"),
        (json!({ "expires_at": "2026-11-20" }), "terms.expires_at", "lies in the past"),
    ] {
        let answer = patch(&world, json!({ "terms": terms })).await;
        assert_eq!((answer.status.as_u16(), answer.str("/error/param")), (400, field), "{terms}: {}", answer.text);
        assert!(answer.str("/error/message").contains(said), "{terms}: {}", answer.text);
        assert!(!answer.text.contains(&canary), "{}", answer.text);
        let body = json!({ "provider": "openai", "name": "other", "secret": secret("good-3"), "terms": terms });
        assert_eq!(world.post("/keys", body).await.status, 400, "{terms}");
    }
    assert_eq!(world.records().credentials.len(), 1);
    assert_eq!(world.get("/keys/primary").await.json["terms"], nothing());
}

#[tokio::test]
async fn a_model_counts_the_keys_that_may_be_used_for_it() {
    let world = World::new();
    world.with_openai().await;
    patch(&world, json!({ "terms": { "models": ["*-mini"] } })).await.expect(200);
    let models = world.get("/models").await.expect(200);
    assert_eq!(models.json["items"].as_array().unwrap().len(), 1, "{}", models.text);
    assert_eq!(models.str("/items/0/id"), "openai/gpt-4o-mini");
}

#[tokio::test]
async fn k10_keys_whose_end_is_near_or_past_are_announced() {
    let world = World::new();
    world.with_openai().await;
    let warnings = async || world.get("/status").await.expect(200).json["warnings"].to_string();
    patch(&world, json!({ "terms": { "expires_at": "2026-12-21" } })).await.expect(200);
    assert!(!warnings().await.contains("expire"), "31 days are a long way off");
    // What is left -> what is said.
    for (days, said) in [(1, "in 30 days"), (23, "in 7 days"), (6, "in 24 h")] {
        world.clock.advance(Duration::from_hours(24 * days));
        assert!(warnings().await.contains(&format!("`openai/primary` expires {said}")), "{}", warnings().await);
    }
    world.clock.advance(Duration::from_hours(24));
    assert!(warnings().await.contains("`openai/primary` has expired and is not used"));
    patch(&world, json!({ "terms": { "expires_at": "2027-12-21" } })).await.expect(200);
    assert!(!warnings().await.contains("expire"));
    patch(&world, json!({ "terms": { "expires_at": "2026-12-22" } })).await.expect(200);
    world.post("/keys/primary/retire", json!({})).await.expect(200);
    assert!(!warnings().await.contains("expire"), "nobody waits for a retired key");
}

#[tokio::test]
async fn keys_without_a_quota_group_are_hinted_at_once() {
    let world = World::new();
    for preset in ["openai", "gemini", "groq"] {
        world.post("/providers", json!({ "preset": preset })).await.expect(201);
        for number in 0..3 {
            let secret = secret(&format!("good-{preset}-{number}"));
            let body = json!({ "provider": preset, "name": format!("{preset}-{number}"), "secret": secret });
            world.post("/keys", body).await.expect(201);
        }
    }
    let hints = async || -> Vec<String> {
        let status = world.get("/status").await.expect(200);
        let warnings = status.json["warnings"].as_array().unwrap().iter().map(|said| said.as_str().unwrap().to_owned());
        warnings.filter(|said| said.contains("quota group")).collect()
    };
    let said = hints().await;
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("`openai`, `gemini`") && !said[0].contains("groq"), "{said:?}");
    for key in ["openai-0", "openai-1", "gemini-0"] {
        let body = json!({ "terms": { "quota_group": "acme" } });
        world.call("PATCH", &format!("/keys/{key}"), body).await.expect(200);
    }
    world.post("/keys/gemini-1/retire", json!({})).await.expect(200);
    assert!(hints().await.is_empty(), "one key alone needs no group");
}
