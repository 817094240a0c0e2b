//! Promise S02, the control plane's part: canaries in every place a secret can be put, looked for in every answer.

use keyward_admin::rest::routes::table;
use keyward_domain::port::Store;
use serde_json::{Value, json};

use crate::world::{Answer, World, secret};

/// Every way a canary may be written without being changed.
fn assert_clean(answer: &Answer, canaries: &[String], what: &str) {
    for canary in canaries {
        assert!(!answer.text.contains(canary.as_str()), "{what}: {}", answer.text);
        for (name, value) in &answer.headers {
            assert!(!value.to_str().unwrap_or_default().contains(canary.as_str()), "{what}: header {name}");
        }
    }
}

#[tokio::test]
async fn s02_no_answer_shows_a_secret_except_the_three_that_exist_for_it() {
    let world = World::new();
    world.with_openai().await;
    let mut canaries = vec![secret("good")];
    for (kind, name) in [("unknown", "k1"), ("poor", "k2"), ("barred", "k3")] {
        let answer = world.post("/keys", json!({ "provider": "openai", "name": name, "secret": secret(kind) })).await;
        canaries.push(secret(kind));
        assert_clean(&answer, &canaries, kind);
    }
    let issued = world.post("/vkeys", json!({ "name": "app" })).await.expect(201);
    canaries.push(issued.str("/token")[22..].to_owned());
    let rotated = world.post("/vkeys/app/rotate", json!({})).await.expect(200);
    canaries.push(rotated.str("/token")[22..].to_owned());
    let admin = world.admin_token("owner").await;
    canaries.push(admin[21..].to_owned());
    let shown = world.post("/keys/primary/reveal", json!({})).await.expect(200);
    assert!(shown.text.contains(&secret("good")));

    for row in table().iter().filter(|row| !["key.reveal", "vkey.rotate", "vault.lock"].contains(&row.name)) {
        let path = row.path.replace("{provider}", "openai").replace("{key}", "primary").replace("{vkey}", "app");
        let path = path.replace("{name}", "fast").replace("{model}", "gpt-4o").replace("{admin_token}", "owner-0");
        let path = path.replace("{request}", &keyward_domain::ids::RequestId::from_bits(1).to_string());
        let body = if row.method == "GET" || row.method == "DELETE" { Value::Null } else { json!({}) };
        let answer = world.call(row.method.as_str(), &path, body).await;
        assert_clean(&answer, &canaries, row.name);
        let answer = world.knock(row.method.as_str(), &format!("/api/v1{path}"), Some(&admin), &Value::Null).await;
        assert_clean(&answer, &canaries, row.name);
    }
    let audit = format!("{:?}", world.store.audit(None, 500).unwrap());
    let records = format!("{:?}", world.records());
    for canary in &canaries {
        assert!(!audit.contains(canary.as_str()), "audit");
        assert!(!records.contains(canary.as_str()), "records");
    }
}

#[tokio::test]
async fn s02_a_secret_in_the_wrong_place_is_not_repeated() {
    let world = World::new();
    world.with_openai().await;
    let canary = secret("canary");
    let canaries = [canary.clone(), canary.to_lowercase()];
    for row in table() {
        let fields = [
            "name", "provider", "key", "secret", "models", "tags", "base_url", "kind", "preset", "check", "if_match",
            "role", "targets", "cursor", "limit", "since", "group_by", "format",
        ];
        for field in fields {
            for value in [json!(canary), json!([canary]), json!({ "x": canary }), json!({ &canary: 1 })] {
                let path = row.path.replace(['{', '}'], "");
                let answer = if row.method == "GET" || row.method == "DELETE" {
                    world.call(row.method.as_str(), &format!("{path}?{field}={canary}"), Value::Null).await
                } else {
                    world.call(row.method.as_str(), &path, json!({ field: value })).await
                };
                assert_clean(&answer, &canaries, &format!("{row:?} {field}"));
            }
        }
        let parts = row.path.split('/').map(|part| if part.starts_with('{') { canary.as_str() } else { part });
        let path = parts.collect::<Vec<_>>().join("/");
        if row.path.contains('{') {
            let body = if row.method == "GET" || row.method == "DELETE" { Value::Null } else { json!({}) };
            let answer = world.call(row.method.as_str(), &path, body).await;
            assert_clean(&answer, &canaries, &format!("{row:?} in the path"));
        }
    }
}
