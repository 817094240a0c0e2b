//! Limits: set, changed, shown, deleted; every wrong input.

use serde_json::{Value, json};

use crate::budgets::peopled;
use crate::world::{Answer, World};

async fn set(world: &World, body: Value) -> Answer {
    world.call("PUT", "/limits", body).await
}

#[tokio::test]
async fn a_limit_is_set_changed_shown_and_deleted() {
    let world = peopled().await;
    let rpm = json!({ "scope": "each:user", "meter": "requests", "per": "minute", "quota": 10 });
    let made = set(&world, rpm.clone()).await.expect(200);
    assert_eq!(made.headers["etag"], "\"1\"");
    assert!(made.str("/id").starts_with("lim_"));
    let words = (made.str("/scope"), made.str("/meter"), made.str("/per"), made.str("/mode"), made.str("/on_loss"));
    assert_eq!(words, ("each:user", "requests", "minute", "enforce", "local_share"));
    assert!(made.json["burst"].is_null(), "no burst unless somebody says so");

    let changed = json!({
        "scope": "each:user", "meter": "requests", "per": "minute", "burst": 5, "mode": "observe", "on_loss": "closed",
        "if_match": 1,
    });
    let changed = set(&world, changed).await.expect(200);
    assert_eq!(
        (changed.json["quota"].as_u64(), changed.json["burst"].as_u64()),
        (Some(10), Some(5)),
        "what is not said stays"
    );
    assert_eq!(
        (changed.str("/mode"), changed.str("/on_loss"), changed.str("/id")),
        ("observe", "closed", made.str("/id"))
    );
    let mut no_burst = rpm.clone();
    no_burst["burst"] = Value::Null;
    assert!(set(&world, no_burst).await.expect(200).json["burst"].is_null());
    let mut late = rpm;
    late["if_match"] = json!(1);
    assert_eq!(set(&world, late).await.code(), "revision_mismatch");

    // Another meter or another period is another limit.
    set(&world, json!({ "scope": "each:user", "meter": "requests", "per": "day", "quota": 0 })).await.expect(200);
    let at_once = set(&world, json!({ "scope": "each:user", "meter": "concurrency", "quota": 2 })).await.expect(200);
    assert!(at_once.json["per"].is_null());
    let vague = world.get("/limits/each:user").await;
    assert_eq!(vague.code(), "ambiguous_name");
    assert!(vague.str("/error/message").contains("`requests per minute`"), "{}", vague.text);
    assert!(vague.str("/error/message").contains("`concurrency`"), "{}", vague.text);
    assert_eq!(world.get("/limits/each:user?meter=concurrency").await.expect(200).str("/id"), at_once.str("/id"));
    let id = made.str("/id");
    world.call("DELETE", "/limits/each:user?meter=requests&per=minute", Value::Null).await.expect(200);
    assert_eq!(world.get(&format!("/limits/{id}")).await.code(), "not_found");
    assert_eq!(world.get("/limits?scope=each:user").await.expect(200).json["items"].as_array().unwrap().len(), 2);
    let audit = world.get("/audit?limit=10").await.expect(200);
    assert!(audit.text.contains("each:user: 10 requests per minute, burst 5, observe, closed"), "{}", audit.text);
    assert!(
        audit.text.contains("limit.delete") && audit.text.contains("each:user: 0 requests per day"),
        "{}",
        audit.text
    );
}

#[tokio::test]
async fn every_wrong_form_is_refused_with_its_remedy() {
    let world = peopled().await;
    let before = world.records().revision;
    let with = |field: &str, value: Value| {
        let mut body = json!({ "scope": "global", "meter": "requests", "per": "minute", "quota": 10 });
        body[field] = value;
        body
    };
    for (body, param, remedy) in [
        (with("scope", json!("all")), "scope", "global"),
        (with("meter", json!("calls")), "meter", "requests"),
        (with("per", json!("month")), "per", "minute"),
        (with("per", Value::Null), "per", "second, minute, hour or day"),
        (with("quota", json!(-1)), "quota", ""),
        (with("quota", json!(1_000_000_000_001_u64)), "quota", "1000000000000"),
        (with("quota", Value::Null), "quota", "quota"),
        (with("burst", json!(0)), "burst", "at least 1"),
        (with("burst", json!(11)), "burst", "the quota (10)"),
        (with("mode", json!("watch")), "mode", "observe"),
        (with("on_loss", json!("panic")), "on_loss", "local_share"),
        (
            json!({ "scope": "global", "meter": "concurrency", "per": "minute", "quota": 1 }),
            "per",
            "leave the period out",
        ),
        (json!({ "scope": "global", "meter": "concurrency", "burst": 1, "quota": 1 }), "burst", "leave it out"),
        (json!({ "scope": "global", "per": "minute", "quota": 1 }), "meter", "meter"),
    ] {
        let answer = set(&world, body.clone()).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (400, "invalid_request"), "{body}: {}", answer.text);
        assert_eq!(answer.str("/error/param"), param, "{body}: {}", answer.text);
        assert!(answer.str("/error/message").contains(remedy), "{body}: {}", answer.text);
    }
    let unknown = set(&world, with("scope", json!("team:nobody"))).await;
    assert_eq!((unknown.status.as_u16(), unknown.code()), (404, "not_found"));
    assert_eq!(world.records().revision, before, "nothing was written");
    // Lowering the quota below the burst is as wrong as raising the burst above it.
    set(&world, with("burst", json!(10))).await.expect(200);
    assert_eq!(set(&world, with("quota", json!(9))).await.str("/error/param"), "burst");
}

#[tokio::test]
async fn a_scope_has_so_many_limits_and_no_more() {
    let world = peopled().await;
    let mut made = 0;
    for meter in ["requests", "input_tokens", "output_tokens", "tokens"] {
        for per in ["second", "minute", "hour", "day"] {
            let body = json!({ "scope": "vkey:nobody", "meter": meter, "per": per, "quota": 1 });
            assert_eq!(set(&world, body.clone()).await.code(), "not_found");
            set(&world, json!({ "scope": "global", "meter": meter, "per": per, "quota": 1 })).await.expect(200);
            made += 1;
        }
    }
    assert_eq!(made, 16);
    let answer = set(&world, json!({ "scope": "global", "meter": "concurrency", "quota": 1 })).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (409, "wrong_state"));
    assert!(answer.str("/error/message").contains("16 limits"), "{}", answer.text);
}
