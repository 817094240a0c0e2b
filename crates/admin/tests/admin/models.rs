//! Models, prices (promise M08: no price is not free) and aliases.

use serde_json::{Value, json};

use crate::world::{World, secret};

#[tokio::test]
async fn a_price_is_known_free_or_unknown() {
    let world = World::new();
    world.with_openai().await;
    let models = world.get("/models").await.expect(200);
    assert_eq!(models.str("/items/0/id"), "openai/gpt-4o");
    assert_eq!((models.str("/items/0/price/standing"), models.str("/items/0/price/source")), ("known", "catalog"));
    assert_eq!(models.json["items"][0]["price"]["rates"]["price"]["std"]["in"], 2_500_000);
    assert_eq!(
        (&models.json["items"][0]["keys"], &models.json["items"][0]["context_tokens"]),
        (&json!(1), &json!(128_000))
    );
    assert_eq!(models.str("/items/1/price/standing"), "unknown");
    assert_eq!(models.json["items"][1]["price"]["source"], Value::Null);
    let unknown = world.get("/models?price=unknown").await.expect(200);
    assert_eq!(unknown.json["items"].as_array().unwrap().len(), 1);
    assert_eq!(world.get("/models/openai/slip").await.expect(200).str("/price/standing"), "unknown", "a slip of units");
    assert_eq!(world.get("/models?price=cheap").await.str("/error/param"), "price");
    assert_eq!(world.get("/models?search=mini").await.str("/items/0/model"), "gpt-4o-mini");
    assert_eq!(world.get("/models?provider=nobody").await.status, 404);

    world
        .post("/providers", json!({ "name": "local", "base_url": "http://localhost:8000", "free": true }))
        .await
        .expect(201);
    world.post("/keys", json!({ "provider": "local", "secret": secret("good-local") })).await.expect(201);
    let local = world.get("/models/local/gpt-4o").await.expect(200);
    assert_eq!((local.str("/price/standing"), local.str("/price/source")), ("free", "provider"));
}

#[tokio::test]
async fn the_operators_price_goes_first() {
    let world = World::new();
    world.with_openai().await;
    let body = json!({ "input_usd_per_million": "0.15", "output_usd_per_million": "0.60" });
    let set = world.call("PUT", "/prices/openai/gpt-4o-mini", body).await.expect(200);
    assert_eq!(set.json["entry"], json!({ "price": { "std": { "in": 150_000, "out": 600_000 } } }));
    let model = world.get("/models/openai/gpt-4o-mini").await.expect(200);
    assert_eq!((model.str("/price/standing"), model.str("/price/source")), ("known", "operator"));

    let free = world.call("PUT", "/prices/openai/gpt-4o", json!({ "free": true })).await.expect(200);
    assert_eq!(free.json["entry"], json!({ "free": true }));
    assert_eq!(world.get("/models/openai/gpt-4o").await.str("/price/standing"), "free");
    world.call("DELETE", "/prices/openai/gpt-4o", Value::Null).await.expect(200);
    assert_eq!(world.get("/models/openai/gpt-4o").await.str("/price/source"), "catalog");
    assert_eq!(world.call("DELETE", "/prices/openai/gpt-4o", Value::Null).await.status, 404);
    world.call("PUT", "/prices/openai/gpt-4o", json!({ "input_usd_per_million": "1" })).await.expect(200);
    let rates = world.get("/models/openai/gpt-4o").await.expect(200).json["price"]["rates"].clone();
    assert_eq!(rates, json!({ "price": { "std": { "in": 1_000_000 } } }), "the catalog's rates do not shine through");
    world.call("DELETE", "/prices/openai/gpt-4o", Value::Null).await.expect(200);
    assert_eq!(world.get("/prices").await.expect(200).str("/items/0/id"), "openai/gpt-4o-mini");

    let slashed = json!({ "image_usd": "0.04" });
    let image = world.call("PUT", "/prices/openai/org%2Fimage:1", slashed).await.expect(200);
    assert_eq!(
        (image.str("/model"), &image.json["entry"]["unit"]["image"]),
        ("org/image:1", &json!(40_000_000_000_u64))
    );
    for (body, field) in [
        (json!({}), "input_usd_per_million"),
        (json!({ "output_usd_per_million": "1" }), "input_usd_per_million"),
        (json!({ "free": true, "input_usd_per_million": "1" }), "free"),
        (json!({ "input_usd_per_million": 2.5 }), "input_usd_per_million"),
        (json!({ "input_usd_per_million": "-1" }), "input_usd_per_million"),
        (json!({ "input_usd_per_million": "0", "output_usd_per_million": "0" }), "input_usd_per_million"),
    ] {
        let answer = world.call("PUT", "/prices/openai/gpt-4o", body.clone()).await;
        assert_eq!((answer.status.as_u16(), answer.str("/error/param")), (400, field), "{body}");
    }
}

#[tokio::test]
async fn aliases_lead_to_known_providers() {
    let world = World::new();
    world.with_openai().await;
    let set = world
        .call("PUT", "/aliases/fast", json!({ "targets": ["openai/gpt-4o-mini", "openai/gpt-4o"] }))
        .await
        .expect(200);
    assert_eq!((set.str("/name"), &set.json["revision"]), ("fast", &json!(1)));
    assert_eq!(world.get("/models/openai/gpt-4o").await.json["aliases"], json!(["fast"]));
    let changed =
        world.call("PUT", "/aliases/fast", json!({ "targets": ["openai/gpt-4o"], "if_match": 1 })).await.expect(200);
    assert_eq!(changed.json["revision"], 2);
    assert_eq!(world.call("PUT", "/aliases/fast", json!({ "targets": ["openai/x"], "if_match": 1 })).await.status, 412);
    assert_eq!(world.call("PUT", "/aliases/x", json!({ "targets": ["nobody/x"] })).await.status, 404);
    assert_eq!(world.call("PUT", "/aliases/x", json!({ "targets": ["gpt-4o"] })).await.str("/error/param"), "targets");
    assert_eq!(world.call("PUT", "/aliases/x", json!({ "targets": [] })).await.str("/error/param"), "targets");
    assert_eq!(world.get("/aliases").await.expect(200).json["items"].as_array().unwrap().len(), 1);
    world.call("DELETE", "/aliases/fast", Value::Null).await.expect(200);
    assert!(world.records().aliases.is_empty());
}

#[tokio::test]
async fn an_alias_has_a_strategy_weights_and_fallbacks() {
    let world = World::new();
    world.with_openai().await;
    let put = async |body: Value| world.call("PUT", "/aliases/fast", body).await;
    let (mini, big, huge) = ("openai/gpt-4o-mini", "openai/gpt-4o", "openai/gpt-5");
    let plain = put(json!({ "targets": [mini, big] })).await.expect(200);
    assert_eq!(
        (plain.str("/strategy"), &plain.json["weights"], &plain.json["fallback"]),
        ("listed", &json!([]), &json!({}))
    );
    let body = json!({ "targets": [mini, big], "weights": [3, 1], "fallback": { "any": [huge], "overloaded": [] } });
    let weighted = put(body).await.expect(200);
    assert_eq!((weighted.str("/strategy"), &weighted.json["weights"]), ("weighted", &json!([3, 1])));
    assert_eq!(weighted.json["fallback"], json!({ "any": [huge] }));

    let kept = put(json!({ "targets": [mini, big] })).await.expect(200);
    assert_eq!((kept.str("/strategy"), &kept.json["weights"]), ("weighted", &json!([3, 1])), "left out, so kept");
    assert_eq!(kept.json["fallback"], json!({ "any": [huge] }));
    let others = put(json!({ "targets": [big, mini] })).await.expect(200);
    assert_eq!(
        (others.str("/strategy"), &others.json["weights"]),
        ("weighted", &json!([])),
        "weights belong to targets"
    );
    let cheapest =
        put(json!({ "targets": [mini, big], "strategy": "cost_optimized", "fallback": {} })).await.expect(200);
    assert_eq!((cheapest.str("/strategy"), &cheapest.json["fallback"]), ("cost_optimized", &json!({})));
    assert_eq!(world.get("/aliases").await.expect(200).json["items"][0], cheapest.json);
    let classes = json!({ "context_too_long": [huge, big], "content_policy": [huge], "overloaded": [huge] });
    let body = json!({ "targets": [mini, big], "fallback": classes });
    assert_eq!(put(body).await.expect(200).json["fallback"], classes);

    for (body, field, said) in [
        (json!({ "targets": [mini], "strategy": "adaptive" }), "strategy", "`listed`, `weighted`"),
        (json!({ "targets": [mini], "weights": [1, 2] }), "weights", "as many weights as there are targets"),
        (json!({ "targets": [mini], "weights": [0] }), "weights", "from 1 to 1000"),
        (json!({ "targets": [mini], "weights": [1], "strategy": "latency" }), "weights", "`weighted` alone"),
        (json!({ "targets": [mini], "fallback": { "often": [big] } }), "fallback", "`context_too_long`"),
        (json!({ "targets": [mini], "fallback": { "any": ["fast"] } }), "fallback", "provider/model"),
        (json!({ "targets": [mini, big], "fallback": { "any": [big] } }), "fallback", "circle"),
        (json!({ "targets": [mini], "fallback": { "overloaded": [mini] } }), "fallback", "circle"),
        (json!({ "targets": [mini], "fallback": { "any": [big, big] } }), "fallback", "twice"),
        (json!({ "targets": [mini], "fallback": { "any": vec![big; 17] } }), "fallback", "at most 16"),
    ] {
        let answer = put(body.clone()).await;
        assert_eq!((answer.status.as_u16(), answer.str("/error/param")), (400, field), "{body}: {}", answer.text);
        assert!(answer.str("/error/message").contains(said), "{body}: {}", answer.text);
    }
    let unknown = put(json!({ "targets": [mini], "fallback": { "any": ["nobody/x"] } })).await;
    assert_eq!((unknown.status.as_u16(), unknown.code()), (404, "not_found"));
    assert_eq!(world.records().aliases[0].fallback.len(), 3, "nothing of that was done");
}

#[tokio::test]
async fn fallbacks_follow_and_hold_their_provider() {
    let world = World::new();
    world.with_openai().await;
    world.post("/providers", json!({ "preset": "groq" })).await.expect(201);
    let body = json!({ "targets": ["openai/gpt-4o"], "fallback": { "any": ["groq/llama"] } });
    world.call("PUT", "/aliases/fast", body).await.expect(200);
    let refused = world.call("DELETE", "/providers/groq", Value::Null).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (409, "in_use"));
    world.call("PATCH", "/providers/groq", json!({ "name": "quick" })).await.expect(200);
    let alias = world.get("/aliases").await.expect(200).json["items"][0].clone();
    assert_eq!((&alias["fallback"]["any"], &alias["revision"]), (&json!(["quick/llama"]), &json!(2)));
}
