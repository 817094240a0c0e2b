//! Promise K12: what would be done, and why what was done was done; without any secret.

use std::time::Duration;

use keyward_domain::dialect::{Dialect, Operation};
use keyward_domain::ids::RequestId;
use keyward_domain::judgement::{Lasts, Trouble};
use keyward_domain::ledger::{AttemptId, AttemptOutcome, Entry, Refusal, Subject};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::{Clock, Store};
use keyward_domain::usage::{Usage, UsageSource};
use keyward_testkit::canary::{Canary, Scanner};
use serde_json::{Value, json};

use crate::world::{World, secret};

/// Three keys at one provider, one at another, an alias with a fallback, and a virtual key.
async fn furnished() -> World {
    let world = World::new();
    world.with_openai().await;
    for name in ["second", "third"] {
        let body = json!({ "provider": "openai", "name": name, "secret": secret(&format!("good-{name}")) });
        world.post("/keys", body).await.expect(201);
    }
    world.post("/providers", json!({ "preset": "groq" })).await.expect(201);
    let body = json!({ "provider": "groq", "name": "spare", "secret": secret("good-spare") });
    world.post("/keys", body).await.expect(201);
    let alias = json!({ "targets": ["openai/gpt-4o"], "fallback": { "any": ["groq/gpt-4o-mini"] } });
    world.call("PUT", "/aliases/fast", alias).await.expect(200);
    world.post("/vkeys", json!({ "name": "app" })).await.expect(201);
    world.post("/vkeys", json!({ "name": "narrow", "models": ["groq/*"] })).await.expect(201);
    world
}

fn rejected(world: &World, name: &str, request: RequestId) {
    world.pools.answered(world.key(name), "gpt-4o", request, Some((Trouble::Rejected, Lasts::Human)));
}

fn choices(rows: &Value) -> Vec<(String, String)> {
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let name = |row: &Value| if row["name"].is_string() { text(row, "name") } else { text(row, "key") };
    let mut rows: Vec<_> = rows.as_array().unwrap().iter().map(|row| (name(row), text(row, "choice"))).collect();
    rows.sort();
    rows
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, choice)| ((*name).to_owned(), (*choice).to_owned())).collect()
}

#[tokio::test]
async fn k12_a_dry_run_names_every_candidate_and_why() {
    let world = furnished().await;
    world.post("/keys/second/cooldown", json!({ "for": "1m" })).await.expect(200);
    world.call("PATCH", "/keys/third", json!({ "terms": { "models": ["*-mini"] } })).await.expect(200);
    let route = world.get("/routes/explain?model=fast").await.expect(200);
    assert_eq!(
        route.json["served_by"],
        json!({ "deployment": "openai/gpt-4o", "key": "primary", "by_fallback": null })
    );
    let rows = &route.json["targets"][0]["keys"];
    assert_eq!(choices(rows), pairs(&[("primary", "chosen"), ("second", "skipped"), ("third", "skipped")]));
    let row = |name: &str| rows.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone();
    assert_eq!(row("second")["detail"], "cooling: told to rest by an operator");
    assert_eq!(row("second")["back"], "2026-11-20T00:01:00Z");
    assert_eq!((&row("third")["why"], &row("third")["circuit"]), (&json!("not_for_model"), &json!("closed")));
    assert_ne!(row("primary")["account"], row("second")["account"]);
    assert_eq!(
        (&route.json["fallbacks"][0]["class"], route.str("/fallbacks/0/targets/0/chosen")),
        (&json!("any"), "spare")
    );
    assert_eq!(world.vendor.calls(), 4, "nothing was sent beyond adding the keys");

    for name in ["primary", "second"] {
        world.post(&format!("/keys/{name}/disable"), json!({})).await.expect(200);
    }
    let route = world.get("/routes/explain?model=fast").await.expect(200);
    let served = json!({ "deployment": "groq/gpt-4o-mini", "key": "spare", "by_fallback": "any" });
    assert_eq!(route.json["served_by"], served, "{}", route.text);
    world.post("/keys/spare/disable", json!({})).await.expect(200);
    let route = world.get("/routes/explain?model=fast").await.expect(200);
    assert_eq!(route.json["served_by"], Value::Null);
    let nowhere = world.get("/routes/explain?model=gpt-4").await.expect(200);
    assert_eq!((nowhere.str("/leads"), nowhere.str("/instead/0")), ("nowhere", "openai/gpt-4o"));
}

#[tokio::test]
async fn k12_a_dry_run_says_what_a_virtual_key_may() {
    let world = furnished().await;
    let route = world.get("/routes/explain?model=fast&vkey=app").await.expect(200);
    assert_eq!((route.str("/vkey"), &route.json["targets"][0]["allowed"]), ("app", &json!(true)), "{}", route.text);
    assert_eq!(route.str("/served_by/key"), "primary");
    let route = world.get("/routes/explain?model=openai%2Fgpt-4o&vkey=narrow").await.expect(200);
    assert_eq!((route.str("/refused"), &route.json["served_by"]), ("it may not use this model", &Value::Null));
    world.post("/vkeys/app/revoke", json!({})).await.expect(200);
    let route = world.get("/routes/explain?model=fast&vkey=app").await.expect(200);
    assert!(route.str("/refused").contains("not in use"), "{}", route.text);
    assert_eq!(world.get("/routes/explain?model=fast&vkey=nobody").await.status, 404);
}

/// A call of two attempts: the first key was rejected, another one was resting, the third served.
async fn a_call(world: &World) -> RequestId {
    world.clock.advance(Duration::from_mins(1));
    world.post("/keys/second/cooldown", json!({ "for": "10m" })).await.expect(200);
    world.clock.advance(Duration::from_mins(1));
    let at = world.clock.now();
    let request = RequestId::from_parts(at, [5; 10]);
    rejected(world, "primary", request);
    let entry = |number: u8, name: &str, outcome, status, cost| {
        let records = world.records();
        let held = records.credentials.iter().find(|key| key.name == name).unwrap();
        Entry {
            subject: Subject {
                attempt: AttemptId { request, number },
                at: at.plus(Duration::from_millis(u64::from(number - 1) * 5)),
                tenant: held.tenant,
                virtual_key: records.virtual_keys[0].id,
                provider: held.provider,
                provider_name: "openai".into(),
                credential: held.id,
                credential_name: name.into(),
                attributed: None,
                trace: None,
                named: None,
                requested_model: "fast".into(),
                model: "gpt-4o".into(),
                dialect: Dialect::OpenAi,
                operation: Operation::Chat,
                streamed: false,
                reserved: Some(Nanodollars(500)),
                price_version: "2026-11-20".into(),
            },
            outcome,
            status,
            usage: Usage::default(),
            source: UsageSource::Provider,
            cost: Some(Nanodollars(cost)),
            raw_usage: None,
            duration: Duration::from_millis(4),
            first_content: None,
            overhead: Duration::from_micros(80),
        }
    };
    let rows = [
        entry(1, "primary", AttemptOutcome::UpstreamError, 429, 0),
        entry(2, "third", AttemptOutcome::Completed, 200, 250),
    ];
    world.store.append(&rows, &[]).unwrap();
    request
}

#[tokio::test]
async fn k12_a_call_is_explained_as_of_then() {
    let world = furnished().await;
    let request = a_call(&world).await;
    // Long after, everything is different.
    world.clock.advance(Duration::from_hours(5));
    world.call("DELETE", "/keys/second/cooldown", Value::Null).await.expect(200);
    let body = json!({ "provider": "openai", "name": "later", "secret": secret("good-later") });
    world.post("/keys", body).await.expect(201);
    let told = world.get(&format!("/requests/{request}/explain")).await.expect(200);
    let [first, second] = [&told.json["attempts"][0], &told.json["attempts"][1]];
    assert_eq!(
        choices(&first["candidates"]),
        pairs(&[("later", "skipped"), ("primary", "chosen"), ("second", "skipped"), ("third", "ready")])
    );
    let row = |attempt: &Value, name: &str| {
        attempt["candidates"].as_array().unwrap().iter().find(|row| row["key"] == name).unwrap().clone()
    };
    let rested = row(first, "second");
    assert_eq!(rested["detail"], "cooling: told to rest by an operator");
    assert_eq!(
        (&rested["standing"]["until"], &rested["standing"]["cause"]["principal"]),
        (&json!("2026-11-20T00:11:00Z"), &json!("local-owner"))
    );
    assert_eq!(row(first, "later")["detail"], "it was added later");
    assert_eq!((&first["attempt"]["status"], &first["attempt"]["outcome"]), (&json!(429), &json!("upstream_error")));
    let taught = &first["taught"][0];
    assert_eq!((&taught["standing"], &taught["key"]), (&json!("suspect"), &json!("openai/primary")), "{}", told.text);

    assert_eq!(
        (&row(second, "primary")["choice"], &row(second, "third")["choice"]),
        (&json!("tried"), &json!("chosen"))
    );
    assert_eq!((&second["taught"], &second["attempt"]["cost_nanodollars"]), (&json!([]), &json!(250)));
    assert_eq!((&told.json["request"]["cost_nanodollars"], &told.json["candidates"]), (&json!(250), &json!([])));
    let unknown = RequestId::from_bits(1);
    assert_eq!(world.get(&format!("/requests/{unknown}/explain")).await.status, 404);
}

#[tokio::test]
async fn k12_a_call_that_found_no_key_is_explained_by_what_held_each_back() {
    let world = furnished().await;
    for name in ["primary", "second", "third"] {
        world.post(&format!("/keys/{name}/cooldown"), json!({ "for": "10m" })).await.expect(200);
    }
    world.clock.advance(Duration::from_mins(1));
    let request = RequestId::from_parts(world.clock.now(), [9; 10]);
    let records = world.records();
    let refusal = Refusal {
        request,
        at: world.clock.now(),
        tenant: records.virtual_keys[0].tenant,
        virtual_key: records.virtual_keys[0].id,
        requested_model: "fast".into(),
        dialect: Dialect::OpenAi,
        operation: Some(Operation::Chat),
        code: "all_keys_cooling".into(),
        status: 429,
    };
    world.store.append(&[], &[refusal]).unwrap();
    let told = world.get(&format!("/requests/{request}/explain")).await.expect(200);
    assert_eq!(told.str("/request/code"), "all_keys_cooling");
    let skipped = pairs(&[("primary", "skipped"), ("second", "skipped"), ("third", "skipped")]);
    assert_eq!(choices(&told.json["candidates"]), skipped, "{}", told.text);
}

#[tokio::test]
async fn k12_no_explanation_holds_a_secret() {
    let world = furnished().await;
    let request = a_call(&world).await;
    let planted = ["good", "good-second", "good-third", "good-spare"]
        .map(|kind| Canary::planted(kind, "sk-proj-", secret(kind).strip_prefix("sk-proj-").unwrap()));
    let scanner = Scanner::new(planted);
    for path in [
        "/routes/explain?model=fast".to_owned(),
        "/routes/explain?model=fast&vkey=app".to_owned(),
        format!("/requests/{request}/explain"),
        "/key-events".to_owned(),
        "/health/summary".to_owned(),
        "/health/gpt-4o/primary".to_owned(),
        "/keys".to_owned(),
        "/status".to_owned(),
    ] {
        let answer = world.get(&path).await.expect(200);
        scanner.assert_clean(&path, answer.text.as_bytes());
    }
    let simulated = world.post("/routes/simulate", json!({})).await.expect(200);
    scanner.assert_clean("simulate", simulated.text.as_bytes());
    assert!(!scanner.scan(secret("good-third").as_bytes()).is_empty(), "the scanner finds what there is");
}

#[tokio::test]
async fn a_strategy_is_simulated_beside_the_one_in_use() {
    let world = furnished().await;
    world.call("PATCH", "/keys/second", json!({ "terms": { "weight": 2 } })).await.expect(200);
    world.post("/keys/third/cooldown", json!({ "for": "1m" })).await.expect(200);
    let body = json!({ "model": "openai/gpt-4o", "strategy": "weighted" });
    let shares = world.post("/routes/simulate", body.clone()).await.expect(200);
    let pool = &shares.json["pools"][0];
    assert_eq!(
        (&shares.json["draws"], &pool["current"], &pool["strategy"]),
        (&json!(10_000), &json!("adaptive"), &json!("weighted"))
    );
    let share = |name: &str| {
        let row = pool["shares"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone();
        row["permille"].as_i64().unwrap()
    };
    assert!((share("primary") - 333).abs() <= 20 && (share("second") - 667).abs() <= 20, "{}", shares.text);
    assert_eq!(share("third"), 0, "a key that rests gets nothing");
    assert_eq!(
        world.post("/routes/simulate", body).await.expect(200).text,
        shares.text,
        "the same seed, the same answer"
    );

    let all = world.post("/routes/simulate", json!({ "draws": 100 })).await.expect(200);
    let models: Vec<_> = all.json["pools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pool| format!("{}/{}", pool["provider"], pool["model"]))
        .collect();
    assert_eq!(models, ["\"groq\"/\"gpt-4o\"", "\"openai\"/\"gpt-4o\""]);
    for (body, status) in [
        (json!({ "model": "nothing" }), 404),
        (json!({ "draws": 0 }), 400),
        (json!({ "draws": 1_000_001 }), 400),
        (json!({ "strategy": "best" }), 400),
    ] {
        assert_eq!(world.post("/routes/simulate", body.clone()).await.status, status, "{body}");
    }
    let before = world.get("/keys/primary").await.expect(200).json["health"]["requests"].clone();
    assert_eq!(before, 0, "nothing was taken");
}
