//! Taking keys out of use: for now, when they have finished, for good.

use keyward_domain::credential::CredentialState;
use keyward_domain::port::{Change, Store as _};
use serde_json::{Value, json};

use crate::world::{World, secret};

fn last_detail(world: &World) -> (String, String) {
    let last = world.store.audit(None, 1).unwrap().remove(0);
    (last.action, last.detail)
}

#[tokio::test]
async fn k10_a_draining_key_gets_no_new_calls_until_somebody_enables_it() {
    let world = World::new();
    world.with_openai().await;
    let drained = world.post("/keys/primary/drain", json!({ "if_match": 1 })).await.expect(200);
    assert_eq!((drained.str("/state"), &drained.json["revision"]), ("draining", &json!(2)));
    assert_eq!(last_detail(&world), ("key.drain".to_owned(), "openai/primary: active -> draining".to_owned()));
    assert!(world.get("/models").await.expect(200).json["items"].as_array().unwrap().is_empty());
    let again = world.post("/keys/primary/drain", json!({})).await.expect(200);
    assert_eq!(again.json["revision"], 2, "nothing to do is nothing done");
    // A test says what it found, and leaves the decision with people.
    assert_eq!(world.post("/keys/primary/test", json!({})).await.expect(200).str("/state"), "draining");
    assert_eq!(world.post("/keys/primary/enable", json!({})).await.expect(200).str("/state"), "active");
    world.post("/keys/primary/disable", json!({})).await.expect(200);
    let refused = world.post("/keys/primary/drain", json!({})).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "wrong_state"));
    assert!(refused.str("/error/message").contains("no new calls already"), "{}", refused.text);
}

#[tokio::test]
async fn k10_a_retired_key_never_comes_back() {
    let world = World::new();
    world.with_openai().await;
    world.post("/keys/primary/drain", json!({})).await.expect(200);
    let retired = world.post("/keys/primary/retire", json!({})).await.expect(200);
    assert_eq!((retired.str("/state"), &retired.json["revision"]), ("retired", &json!(3)));
    assert_eq!(last_detail(&world), ("key.retire".to_owned(), "openai/primary: draining -> retired".to_owned()));
    assert_eq!(world.post("/keys/primary/retire", json!({})).await.expect(200).json["revision"], 3);

    let before = (world.records(), world.vendor.calls());
    for (method, path, body) in [
        ("POST", "/keys/primary/enable", json!({})),
        ("POST", "/keys/primary/enable", json!({ "force": true })),
        ("POST", "/keys/primary/disable", json!({})),
        ("POST", "/keys/primary/drain", json!({})),
        ("POST", "/keys/primary/replace", json!({ "secret": secret("good-new") })),
        ("PATCH", "/keys/primary", json!({ "terms": { "weight": 2 } })),
    ] {
        let refused = world.call(method, path, body).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (409, "wrong_state"), "{path}");
        let said = refused.str("/error/message");
        assert!(
            said.contains("keyward key remove openai/primary") && said.contains("keyward key add openai"),
            "{said}"
        );
    }
    world.post("/keys/test", json!({})).await.expect(200);
    world.post("/providers/openai/test", json!({})).await.expect(200);
    assert_eq!(world.records(), before.0);
    let sent = world.vendor.seen.lock().unwrap()[before.1..].to_vec();
    assert!(sent.iter().all(|(_, shown)| shown.is_empty()), "its secret is not shown around: {sent:?}");
    // Asked on purpose, it is still told whether the provider takes it.
    let tested = world.post("/keys/primary/test", json!({})).await.expect(200);
    assert_eq!((tested.str("/state"), tested.str("/proof/finding")), ("retired", "valid"));

    // What the hint says works.
    let again = json!({ "provider": "openai", "secret": secret("good") });
    assert_eq!(world.post("/keys", again.clone()).await.code(), "duplicate_key");
    world.call("DELETE", "/keys/primary", Value::Null).await.expect(200);
    assert_eq!(world.post("/keys", again).await.expect(201).str("/state"), "active");
}

#[tokio::test]
async fn k10_a_revoked_key_is_replaced_by_a_new_one() {
    let world = World::new();
    world.with_openai().await;
    let mut key = world.records().credentials.remove(0);
    (key.state, key.revision) = (CredentialState::Revoked, 2);
    let id = keyward_domain::ids::AuditId::from_bits(7);
    let audit = keyward_domain::audit::AuditDraft::done(
        id,
        keyward_domain::time::Timestamp::EPOCH,
        &keyward_domain::principal::Principal::System,
        "key.revoke",
        &key.id.to_string(),
    );
    world.store.commit(&[Change::PutCredential(key)], &audit).unwrap();
    for verb in ["enable", "disable", "drain", "retire"] {
        let refused = world.post(&format!("/keys/primary/{verb}"), json!({})).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (409, "wrong_state"), "{verb}");
        assert!(refused.str("/error/message").contains("keyward key add openai"), "{}", refused.text);
    }
}

#[tokio::test]
async fn what_people_switched_off_stays_off_when_the_provider_moves() {
    let world = World::new();
    world.with_openai().await;
    for (state, verb) in [("disabled", "disable"), ("draining", "drain"), ("retired", "retire")] {
        let name = format!("{state}-key");
        let body = json!({ "provider": "openai", "name": name, "secret": secret(&format!("good-{state}")) });
        world.post("/keys", body).await.expect(201);
        world.post(&format!("/keys/{name}/{verb}"), json!({})).await.expect(200);
    }
    world.call("PATCH", "/providers/openai", json!({ "base_url": "https://proxy.example/v1" })).await.expect(200);
    for state in ["disabled", "draining", "retired"] {
        assert_eq!(world.get(&format!("/keys/{state}-key")).await.expect(200).str("/state"), state);
    }
    let again = world.post("/keys/draining-key/replace", json!({ "secret": secret("good-draining") })).await;
    assert_eq!(again.expect(200).str("/state"), "draining");
    let warnings = world.get("/status").await.json["warnings"].to_string();
    assert!(warnings.contains("disabled-key") && !warnings.contains("retired-key"), "{warnings}");
}
