//! Locking and unlocking, and what still works in between.

use serde_json::{Value, json};

use crate::world::{World, secret};

#[tokio::test]
async fn a_locked_vault_keeps_secrets_and_lets_an_owner_back_in() {
    let world = World::new();
    world.with_openai().await;
    let owner = world.admin_token("owner").await;
    world.knock("GET", "/api/v1/status", Some(&owner), &Value::Null).await.expect(200);
    let locked = world.knock("POST", "/api/v1/vault/lock", Some(&owner), &json!({})).await.expect(200);
    assert_eq!(locked.json["locked"], true);
    for (path, body) in [
        ("/keys", json!({ "provider": "openai", "secret": secret("good-2") })),
        ("/keys/primary/test", json!({})),
        ("/keys/primary/reveal", json!({})),
        ("/keys/primary/replace", json!({ "secret": secret("good-2") })),
        ("/vkeys", json!({ "name": "app" })),
    ] {
        let answer = world.post(path, body).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (503, "vault_locked"), "{path}");
    }
    world.get("/keys").await.expect(200);
    world.post("/keys/primary/disable", json!({})).await.expect(200);

    let wrong = world.post("/vault/unlock", json!({ "secret": "a wrong passphrase" })).await;
    assert_eq!((wrong.status.as_u16(), wrong.code()), (403, "unlock_refused"));
    assert!(!wrong.text.contains("a wrong passphrase"));
    let opened = world.knock("POST", "/api/v1/vault/unlock", Some(&owner), &json!({})).await.expect(200);
    assert_eq!(opened.json["locked"], false, "with the key file of the home");
    world.post("/keys/primary/reveal", json!({})).await.expect(200);
    let actions = world.audit_actions();
    assert!(actions.contains(&"vault.lock".to_owned()) && actions.contains(&"vault.unlock".to_owned()), "{actions:?}");
}

#[tokio::test]
async fn a_server_that_starts_locked_takes_no_tokens() {
    let world = World::new();
    let owner = world.admin_token("owner").await;
    world.vault.lock();
    let answer = world.knock("GET", "/api/v1/status", Some(&owner), &Value::Null).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (503, "vault_locked"));
    assert!(answer.str("/error/message").contains("keyward unlock"));
    world.post("/vault/unlock", json!({})).await.expect(200);
    world.knock("GET", "/api/v1/status", Some(&owner), &Value::Null).await.expect(200);
}

#[tokio::test]
async fn a_wrong_key_file_opens_nothing() {
    let world = World::new();
    world.vault.lock();
    let key_file = world.home.path().join("root.key");
    std::fs::remove_file(&key_file).unwrap();
    let answer = world.post("/vault/unlock", json!({})).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (403, "unlock_refused"));
    assert!(!answer.text.contains(world.home.path().to_str().unwrap()), "no paths of the machine in answers");
}
