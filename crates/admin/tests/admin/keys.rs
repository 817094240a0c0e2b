//! Promise K11: a key is checked for form, proved by a call that costs nothing, its models found, then in use; a bad one
//! says which of malformed, unauthorised, no permission, no credit, unreachable.

use std::sync::atomic::Ordering;

use keyward_admin::operation::Operation;
use keyward_admin::operation::key::RevealKey;
use keyward_domain::port::Store;
use keyward_domain::principal::Principal;
use serde_json::{Value, json};

use crate::world::{World, secret};

async fn add(world: &World, name: &str, kind: &str) -> crate::world::Answer {
    world.post("/keys", json!({ "provider": "openai", "name": name, "secret": secret(kind) })).await
}

#[tokio::test]
async fn k11_a_good_key_is_proved_and_put_to_use() {
    let world = World::new();
    world.post("/providers", json!({ "preset": "openai" })).await.expect(201);
    let answer = add(&world, "primary", "good").await.expect(201);
    assert_eq!(answer.str("/state"), "active");
    assert_eq!(answer.str("/proof/finding"), "valid");
    assert_eq!(answer.str("/proof/at"), "2026-11-20T00:00:00Z");
    assert_eq!(answer.json["models"], json!(["gpt-4o", "gpt-4o-mini"]));
    assert_eq!(answer.str("/hint"), "sk-proj-...WXYZ");
    assert_eq!(answer.headers["etag"], "\"1\"");
    assert!(!answer.text.contains(&secret("good")));
    let seen = world.vendor.seen.lock().unwrap().clone();
    assert_eq!(seen, [("GET https://api.openai.com/v1/models".to_owned(), format!("Bearer {}", secret("good")))]);
    assert_eq!(world.audit_actions(), ["install.found", "provider.add", "key.add"]);
}

#[tokio::test]
async fn k11_a_bad_key_says_which() {
    let world = World::new();
    world.post("/providers", json!({ "preset": "openai" })).await.expect(201);
    for (kind, finding) in [("unknown", "unauthorised"), ("barred", "no_permission"), ("poor", "no_credit")] {
        let answer = add(&world, kind, kind).await.expect(201);
        assert_eq!((answer.str("/state"), answer.str("/proof/finding")), ("suspect", finding));
        assert!(answer.str("/proof/detail").ends_with('.'), "{}", answer.text);
        assert!(!answer.text.contains(&secret(kind)), "the provider's words may repeat the key");
    }
    let before = world.vendor.calls();
    for bad in ["sk-two words".to_owned(), format!("sk-{}", "ö".repeat(30)), "sk-a\u{7}b".to_owned()] {
        let answer = world.post("/keys", json!({ "provider": "openai", "name": "m", "secret": bad })).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (422, "key_malformed"));
        assert!(answer.str("/error/message").contains("malformed"));
        assert!(!answer.text.contains(&bad));
    }
    assert_eq!(world.vendor.calls(), before, "nothing is sent for a key that cannot be one");

    world.vendor.down.store(true, Ordering::SeqCst);
    let answer = add(&world, "late", "good").await.expect(201);
    assert_eq!((answer.str("/state"), answer.str("/proof/finding")), ("pending", "unreachable"));
    world.vendor.down.store(false, Ordering::SeqCst);
    let tested = world.post("/keys/late/test", json!({})).await.expect(200);
    assert_eq!((tested.str("/state"), tested.str("/proof/finding")), ("active", "valid"));
}

#[tokio::test]
async fn k11_no_probe_is_ever_paid_for() {
    let world = World::new();
    for preset in ["openai", "anthropic", "gemini", "groq"] {
        world.post("/providers", json!({ "preset": preset })).await.expect(201);
        world
            .post("/keys", json!({ "provider": preset, "secret": format!("{}{preset}", secret("good")) }))
            .await
            .expect(201);
    }
    world.post("/keys/test", json!({})).await.expect(200);
    for (place, _) in world.vendor.seen.lock().unwrap().iter() {
        let free = place.contains("/models") || place.ends_with(":countTokens");
        assert!(free, "{place}");
    }
}

#[tokio::test]
async fn the_same_secret_is_kept_once() {
    let world = World::new();
    world.with_openai().await;
    let answer = add(&world, "second", "good").await;
    assert_eq!((answer.status.as_u16(), answer.code()), (409, "duplicate_key"));
    assert!(answer.str("/error/message").contains("openai/primary"));
    let answer = add(&world, "primary", "good-other").await;
    assert_eq!((answer.status.as_u16(), answer.code()), (409, "already_exists"));
    assert_eq!(world.records().credentials.len(), 1);
}

#[tokio::test]
async fn the_same_secret_added_by_two_people_at_once_is_kept_once() {
    let world = World::new();
    world.post("/providers", json!({ "preset": "openai" })).await.expect(201);
    let (one, other) = tokio::join!(add(&world, "one", "good"), add(&world, "other", "good"));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    assert_eq!(world.records().credentials.len(), 1);
}

#[tokio::test]
async fn names_are_made_up_and_secret_looking_ones_refused() {
    let world = World::new();
    world.post("/providers", json!({ "preset": "openai" })).await.expect(201);
    for expected in ["default", "key-2", "key-3"] {
        let answer =
            world.post("/keys", json!({ "provider": "openai", "secret": secret(&format!("good-{expected}")) })).await;
        assert_eq!(answer.expect(201).str("/name"), expected);
    }
    let answer = world
        .post("/keys", json!({ "provider": "openai", "name": secret("good").to_lowercase(), "secret": "x" }))
        .await;
    assert_eq!((answer.status.as_u16(), answer.str("/error/param")), (400, "name"));
    assert!(!answer.text.contains("0123456789"), "{}", answer.text);
}

#[tokio::test]
async fn keys_without_secrets_are_for_servers_that_want_none() {
    let world = World::new();
    world.post("/providers", json!({ "preset": "sandbox" })).await.expect(201);
    let answer = world.post("/keys", json!({ "provider": "sandbox" })).await.expect(201);
    assert_eq!(answer.str("/state"), "active");
    assert!(answer.json["model_count"].as_u64().unwrap() > 3);
    assert_eq!(world.vendor.calls(), 0, "the sandbox is in the house");
    world.post("/keys", json!({ "provider": "sandbox" })).await.expect(409);
    world.post("/providers", json!({ "preset": "openai" })).await.expect(201);
    let answer = world.post("/keys", json!({ "provider": "openai" })).await;
    assert_eq!((answer.status.as_u16(), answer.str("/error/param")), (400, "secret"));
}

#[tokio::test]
async fn unchecked_keys_wait() {
    let world = World::new();
    world.post("/providers", json!({ "preset": "openai" })).await.expect(201);
    let body = json!({ "provider": "openai", "secret": secret("good"), "check": false });
    let answer = world.post("/keys", body).await.expect(201);
    assert_eq!((answer.str("/state"), &answer.json["proof"]), ("pending", &Value::Null));
    assert_eq!(world.vendor.calls(), 0);
    let forced = world.post("/keys/default/enable", json!({ "force": true })).await.expect(200);
    assert_eq!(forced.str("/state"), "active");
    assert_eq!(world.vendor.calls(), 0);
}

#[tokio::test]
async fn disabled_keys_stay_off_until_somebody_enables_them() {
    let world = World::new();
    world.with_openai().await;
    let off = world.post("/keys/openai%2Fprimary/disable", json!({})).await.expect(200);
    assert_eq!((off.str("/state"), &off.json["revision"]), ("disabled", &json!(2)));
    let again = world.post("/keys/primary/disable", json!({})).await.expect(200);
    assert_eq!(again.json["revision"], 2, "nothing to do is nothing done");
    assert_eq!(world.post("/keys/primary/test", json!({})).await.expect(200).str("/state"), "disabled");
    assert_eq!(world.post("/keys/primary/enable", json!({})).await.expect(200).str("/state"), "active");
}

#[tokio::test]
async fn enabling_is_one_change_whatever_the_provider_says() {
    for (kind, is_down, state) in [
        ("good", false, "active"),
        ("good", true, "active"),
        ("unknown", false, "suspect"),
        ("unknown", true, "pending"),
    ] {
        let world = World::new();
        world.post("/providers", json!({ "preset": "openai" })).await.expect(201);
        add(&world, "primary", kind).await.expect(201);
        world.post("/keys/primary/disable", json!({})).await.expect(200);
        let before = (world.audit_actions().len(), world.published.lock().unwrap().len(), world.records().revision);
        world.vendor.down.store(is_down, Ordering::SeqCst);
        let on = world.post("/keys/primary/enable", json!({ "if_match": 2 })).await.expect(200);
        assert_eq!((on.str("/state"), &on.json["revision"]), (state, &json!(3)), "{kind}, down: {is_down}");
        let after = (world.audit_actions().len(), world.published.lock().unwrap().len(), world.records().revision);
        assert_eq!(after, (before.0 + 1, before.1 + 1, before.2 + 1), "{kind}, down: {is_down}");
        let last = world.store.audit(None, 1).unwrap().remove(0);
        let said = on.str("/proof/finding");
        assert_eq!((last.action.as_str(), last.detail), ("key.enable", format!("openai/primary: {state}, {said}")));
    }
}

#[tokio::test]
async fn a_key_that_was_proved_stays_so_when_a_later_page_never_comes() {
    let world = World::new();
    world.post("/providers", json!({ "preset": "anthropic" })).await.expect(201);
    let body = json!({ "provider": "anthropic", "name": "primary", "secret": secret("good") });
    world.post("/keys", body).await.expect(201);
    world.vendor.models.lock().unwrap().insert(secret("good"), vec!["claude-next".to_owned()]);
    world.vendor.loses_pages.store(true, Ordering::SeqCst);
    let tested = world.post("/keys/primary/discover", json!({})).await.expect(200);
    assert_eq!((tested.str("/state"), tested.str("/proof/finding")), ("active", "valid"));
    assert!(tested.str("/proof/detail").starts_with("The key works. Nobody answered"), "{}", tested.text);
    assert_eq!(
        tested.json["models"],
        json!(["gpt-4o", "gpt-4o-mini", "claude-next"]),
        "half a list takes nothing away"
    );
    world.vendor.loses_pages.store(false, Ordering::SeqCst);
    let tested = world.post("/keys/primary/discover", json!({})).await.expect(200);
    assert_eq!(tested.json["models"], json!(["claude-next"]), "a whole one does");
}

#[tokio::test]
async fn a_failing_test_takes_a_key_out_of_use_and_silence_does_not() {
    let world = World::new();
    world.with_openai().await;
    world.vendor.down.store(true, Ordering::SeqCst);
    let tested = world.post("/keys/primary/test", json!({})).await.expect(200);
    assert_eq!((tested.str("/state"), tested.str("/proof/finding")), ("active", "unreachable"));
    world.vendor.down.store(false, Ordering::SeqCst);
    world.vendor.models.lock().unwrap().insert(secret("good"), vec!["gpt-next".to_owned()]);
    let found = world.post("/keys/primary/discover", json!({})).await.expect(200);
    assert_eq!(found.json["models"], json!(["gpt-next"]));
    assert_eq!(world.get("/models").await.expect(200).str("/items/0/id"), "openai/gpt-next");
}

#[tokio::test]
async fn many_keys_are_tested_in_one_commit() {
    let world = World::new();
    world.post("/providers", json!({ "preset": "openai" })).await.expect(201);
    for number in 0..20 {
        let kind = if number % 2 == 0 { format!("good-{number}") } else { format!("unknown-{number}") };
        let body =
            json!({ "provider": "openai", "name": format!("k{number}"), "secret": secret(&kind), "check": false });
        world.post("/keys", body).await.expect(201);
    }
    let before = world.audit_actions().len();
    let tested = world.post("/keys/test", json!({ "provider": "openai" })).await.expect(200);
    let states: Vec<_> = tested.json["keys"].as_array().unwrap().iter().map(|key| key["state"].clone()).collect();
    assert_eq!(states.iter().filter(|state| *state == "active").count(), 10);
    assert_eq!(states.iter().filter(|state| *state == "suspect").count(), 10);
    assert_eq!(world.audit_actions().len(), before + 1);
    assert_eq!(world.vendor.calls(), 20);
}

#[tokio::test]
async fn lists_come_in_pages() {
    let world = World::new();
    world.post("/providers", json!({ "preset": "openai" })).await.expect(201);
    for number in 0..5 {
        let body = json!({ "provider": "openai", "name": format!("k{number}"), "secret": secret(&format!("good-{number}")), "check": false });
        world.post("/keys", body).await.expect(201);
    }
    let (mut names, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = world.get(&format!("/keys?limit=2{cursor}")).await.expect(200);
        names.extend(page.json["items"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().to_owned()));
        pages += 1;
        match page.json["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    names.sort();
    assert_eq!((names, pages), (vec!["k0".into(), "k1".into(), "k2".into(), "k3".into(), "k4".into()], 3));
    for limit in ["0", "-1", "1e9", "x", "501"] {
        let answer = world.get(&format!("/keys?limit={limit}")).await;
        assert_eq!((answer.status.as_u16(), answer.str("/error/param")), (400, "limit"), "{limit}");
    }
    for cursor in ["x", "pk_1", "pk_zzzzzzzzzzzzzzzzzzzzzzzzzz", "%00"] {
        let answer = world.get(&format!("/keys?cursor={cursor}")).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (400, "bad_cursor"), "{cursor}");
    }
}

#[tokio::test]
async fn names_that_fit_several_keys_ask_which() {
    let world = World::new();
    world.with_openai().await;
    world.post("/providers", json!({ "preset": "groq" })).await.expect(201);
    world.post("/keys", json!({ "provider": "groq", "name": "primary", "secret": secret("good-2") })).await.expect(201);
    let answer = world.get("/keys/primary").await;
    assert_eq!((answer.status.as_u16(), answer.code()), (409, "ambiguous_name"));
    assert!(answer.str("/error/message").contains("`groq/primary`"));
    assert_eq!(world.get("/keys/groq%2Fprimary").await.expect(200).str("/provider"), "groq");
    let id = world.get("/keys/openai%2Fprimary").await.expect(200).str("/id").to_owned();
    assert_eq!(world.get(&format!("/keys/{id}")).await.expect(200).str("/provider"), "openai");
    assert_eq!(world.get("/keys/other").await.expect(404).code(), "not_found");
}

#[tokio::test]
async fn removing_a_key_removes_its_envelope() {
    let world = World::new();
    world.with_openai().await;
    world.call("DELETE", "/providers/openai", Value::Null).await.expect(409);
    world.call("DELETE", "/keys/primary", Value::Null).await.expect(200);
    assert!(world.records().credentials.is_empty());
    world.call("DELETE", "/providers/openai", Value::Null).await.expect(200);
    assert!(world.records().providers.is_empty());
}

#[tokio::test]
async fn reveal_is_audited_before_the_secret_leaves() {
    let world = World::new();
    world.with_openai().await;
    let shown = world.post("/keys/primary/reveal", json!({})).await.expect(200);
    assert_eq!(shown.str("/secret"), secret("good"));
    let last = world.store.audit(None, 1).unwrap().remove(0);
    assert_eq!((last.action.as_str(), last.actor.as_str()), ("key.reveal", "local-owner"));
    assert!(last.detail.contains("openai/primary") && !last.detail.contains(&secret("good")));

    world.store.broken.store(true, Ordering::SeqCst);
    let refused = world.post("/keys/primary/reveal", json!({})).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (503, "store_failed"));
    assert!(!refused.text.contains(&secret("good")), "no trace, no secret");
    let reveal: RevealKey = serde_json::from_value(json!({ "key": "primary" })).unwrap();
    assert!(reveal.run(&world.control, &Principal::LocalOwner).await.is_err());
}

#[tokio::test]
async fn a_replaced_secret_is_checked_and_a_bad_one_not_taken() {
    let world = World::new();
    world.with_openai().await;
    let refused = world.post("/keys/primary/replace", json!({ "secret": secret("unknown") })).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (422, "key_malformed"));
    let shown = world.post("/keys/primary/reveal", json!({})).await.expect(200);
    assert_eq!(shown.str("/secret"), secret("good"), "the old one stays");
    let replaced = world.post("/keys/primary/replace", json!({ "secret": secret("good-new") })).await.expect(200);
    assert_eq!((replaced.str("/state"), &replaced.json["revision"]), ("active", &json!(2)));
    let shown = world.post("/keys/primary/reveal", json!({})).await.expect(200);
    assert_eq!(shown.str("/secret"), secret("good-new"));
    assert_eq!(world.records().credentials[0].seal_version, 2);
}
