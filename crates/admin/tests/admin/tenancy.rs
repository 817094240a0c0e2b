//! Tenants, teams and users, and the rule that a child is never wider than its parent.

use keyward_domain::port::Store;
use serde_json::{Value, json};

use crate::world::{Answer, World};

fn names(answer: &Answer) -> Vec<&str> {
    answer.json["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

async fn acme(world: &World) {
    world.post("/tenants", json!({ "name": "acme", "models": ["a*", "b*"] })).await.expect(201);
    world.post("/teams", json!({ "name": "search", "tenant": "acme", "models": ["ab*"] })).await.expect(201);
    world.post("/users", json!({ "name": "ann", "team": "search" })).await.expect(201);
}

#[tokio::test]
async fn the_default_tenant_is_there_without_a_record_and_gets_one_when_it_is_changed() {
    let world = World::new();
    let shown = world.get("/tenants/default").await.expect(200);
    assert_eq!((shown.str("/id"), &shown.json["revision"]), ("ten_00000000000000000000000000", &json!(0)));
    assert_eq!(names(&world.get("/tenants").await), ["default"]);
    assert!(world.records().tenants.is_empty());
    let answer = world.post("/tenants", json!({ "name": "default" })).await;
    assert_eq!(answer.code(), "already_exists", "{}", answer.text);
    let body = json!({ "name": "home", "if_match": 0 });
    let changed = world.call("PATCH", "/tenants/default", body).await.expect(200);
    assert_eq!((changed.str("/name"), &changed.json["revision"]), ("home", &json!(1)));
    assert_eq!(world.get("/tenants/default").await.status, 404);
    let answer = world.call("DELETE", "/tenants/home", Value::Null).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (409, "wrong_state"));
}

#[tokio::test]
async fn they_are_created_listed_shown_changed_and_deleted() {
    let world = World::new();
    acme(&world).await;
    let shown = world.get("/users/ann").await.expect(200);
    assert_eq!((shown.str("/tenant"), shown.str("/team")), ("acme", "search"));
    let shown = world.get("/tenants/acme").await.expect(200);
    assert_eq!(
        (&shown.json["teams"], &shown.json["users"], &shown.json["virtual_keys"]),
        (&json!(1), &json!(1), &json!(0))
    );
    assert_eq!(shown.headers["etag"], "\"1\"");
    let stale = world.call("PATCH", "/teams/search", json!({ "if_match": 7, "name": "x" })).await;
    assert_eq!((stale.status.as_u16(), stale.code()), (412, "revision_mismatch"));
    let changed = world.call("PATCH", "/teams/acme%2Fsearch", json!({ "name": "find", "enabled": false })).await;
    assert_eq!((changed.expect(200).json["enabled"].clone()), json!(false));
    assert_eq!(world.get("/users?team=find").await.str("/items/0/name"), "ann");
    for (path, left) in [("/tenants/acme", "1 user, 1 team"), ("/teams/find", "1 user")] {
        let answer = world.call("DELETE", path, Value::Null).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (409, "in_use"), "{path}");
        let message = answer.str("/error/message");
        assert!(message.contains(left) && message.contains("Remove them first"), "{message}");
    }
    for path in ["/users/ann", "/teams/find", "/tenants/acme"] {
        world.call("DELETE", path, Value::Null).await.expect(200);
        assert_eq!(world.get(path).await.code(), "not_found", "{path}");
    }
    let actions = world.audit_actions();
    let expected =
        ["tenant.create", "team.create", "user.create", "team.update", "user.delete", "team.delete", "tenant.delete"];
    assert_eq!(actions[1..], expected, "each change once, in the transaction that made it");
    assert_eq!(
        world.store.audit(None, 500).unwrap().iter().find(|entry| entry.action == "team.update").unwrap().detail,
        "find: name, enabled"
    );
}

#[tokio::test]
async fn names_are_unique_within_a_tenant_and_said_in_full_where_several_have_one() {
    let world = World::new();
    acme(&world).await;
    world.post("/tenants", json!({ "name": "beta" })).await.expect(201);
    world.post("/teams", json!({ "name": "search", "tenant": "beta" })).await.expect(201);
    let answer = world.post("/teams", json!({ "name": "search", "tenant": "beta" })).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (409, "already_exists"));
    let answer = world.get("/teams/search").await;
    assert_eq!((answer.status.as_u16(), answer.code()), (409, "ambiguous_name"));
    assert!(answer.str("/error/message").contains("`acme/search`, `beta/search`"), "{}", answer.text);
    assert_eq!(world.get("/teams/beta%2Fsearch").await.expect(200).str("/tenant"), "beta");
    assert_eq!(names(&world.get("/teams?tenant=beta").await), ["search"]);
    let user = world.post("/users", json!({ "name": "bob", "tenant": "beta", "team": "search" })).await.expect(201);
    assert_eq!(user.str("/tenant"), "beta", "the team of the tenant that is named");
    let answer = world.post("/users", json!({ "name": "eve", "tenant": "beta", "team": "acme/search" })).await;
    assert_eq!((answer.status.as_u16(), answer.str("/error/param")), (400, "team"), "{}", answer.text);
}

#[tokio::test]
async fn lists_come_in_pages() {
    let world = World::new();
    for number in 0..5 {
        world.post("/teams", json!({ "name": format!("t{number}") })).await.expect(201);
    }
    let (mut path, mut seen) = ("/teams?limit=2".to_owned(), Vec::new());
    loop {
        let page = world.get(&path).await.expect(200);
        seen.extend(names(&page).into_iter().map(str::to_owned));
        let Some(cursor) = page.json["next_cursor"].as_str() else { break };
        path = format!("/teams?limit=2&cursor={cursor}");
    }
    // Ids of one millisecond are in no order.
    seen.sort();
    assert_eq!(seen, ["t0", "t1", "t2", "t3", "t4"]);
}

#[tokio::test]
async fn a19_a_team_or_user_wider_than_what_is_above_is_refused_and_nothing_is_stored() {
    let world = World::new();
    acme(&world).await;
    world
        .call("PATCH", "/tenants/acme", json!({ "operations": ["chat"], "addresses": ["10.0.0.0/8"] }))
        .await
        .expect(200);
    let before = world.records();
    let cells = [
        ("POST", "/teams", json!({ "name": "x", "tenant": "acme", "models": ["*"] }), "models"),
        ("POST", "/teams", json!({ "name": "x", "tenant": "acme", "models": ["a*", "c"] }), "models"),
        ("POST", "/teams", json!({ "name": "x", "tenant": "acme", "operations": ["chat", "embed"] }), "operations"),
        ("POST", "/teams", json!({ "name": "x", "tenant": "acme", "addresses": ["0.0.0.0/0"] }), "addresses"),
        ("POST", "/users", json!({ "name": "x", "team": "search", "models": ["b"] }), "models"),
        ("PATCH", "/teams/search", json!({ "models": ["a*", "c*"] }), "models"),
        ("PATCH", "/users/ann", json!({ "models": ["b"] }), "models"),
        ("PATCH", "/users/ann", json!({ "operations": ["lease"] }), "operations"),
    ];
    for (method, path, body, field) in cells {
        let answer = world.call(method, path, body.clone()).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (403, "exceeds_grantor"), "{path} {body}: {}", answer.text);
        assert_eq!(answer.str("/error/param"), field, "{path} {body}");
    }
    assert_eq!(world.records(), before, "nothing is stored");
    world.call("PATCH", "/users/ann", json!({ "models": ["abc"], "operations": ["chat"] })).await.expect(200);
}

#[tokio::test]
async fn a19_moving_a_user_into_a_narrower_team_asks_the_rule_again() {
    let world = World::new();
    acme(&world).await;
    world.post("/users", json!({ "name": "bob", "tenant": "acme", "models": ["b1"] })).await.expect(201);
    let answer = world.call("PATCH", "/users/bob", json!({ "team": "search" })).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (403, "exceeds_grantor"), "{}", answer.text);
    let moved = world.call("PATCH", "/users/bob", json!({ "team": "search", "models": ["ab1"] })).await.expect(200);
    assert_eq!(moved.str("/team"), "search");
    let moved = world.call("PATCH", "/users/bob", json!({ "team": null })).await.expect(200);
    assert_eq!(moved.json["team"], Value::Null);
}

#[tokio::test]
async fn virtual_keys_belong_to_a_tenant_a_team_and_a_user_of_it() {
    let world = World::new();
    acme(&world).await;
    world.post("/tenants", json!({ "name": "beta" })).await.expect(201);
    world.post("/teams", json!({ "name": "other", "tenant": "beta" })).await.expect(201);
    let body = json!({
        "name": "app", "user": "ann", "claim_end_users": true, "claim_tags": ["env=*", "batch"], "priority": "high",
    });
    let view = world.post("/vkeys", body).await.expect(201).json["vkey"].clone();
    assert_eq!((&view["tenant"], &view["team"], &view["user"]), (&json!("acme"), &json!("search"), &json!("ann")));
    assert_eq!((&view["claim_end_users"], &view["priority"]), (&json!(true), &json!("high")));
    assert_eq!(view["claim_tags"], json!(["env=*", "batch"]));
    assert_eq!(world.records().virtual_keys[0].team, None, "the team is the user's, whatever it will be");
    for path in ["/vkeys?team=search", "/vkeys?user=ann", "/vkeys?tenant=acme"] {
        assert_eq!(names(&world.get(path).await), ["app"], "{path}");
    }
    assert!(names(&world.get("/vkeys?tenant=beta").await).is_empty());
    for (body, field) in [
        (json!({ "name": "x", "tenant": "beta", "team": "acme/search" }), "team"),
        (json!({ "name": "x", "tenant": "beta", "user": "ann" }), "user"),
        (json!({ "name": "x", "team": "other", "user": "ann" }), "user"),
        (json!({ "name": "x", "priority": "urgent" }), "priority"),
        (json!({ "name": "x", "claim_tags": ["a*b"] }), "claim_tags"),
        (json!({ "name": "x", "claim_tags": [""] }), "claim_tags"),
    ] {
        let answer = world.post("/vkeys", body.clone()).await;
        assert_eq!((answer.status.as_u16(), answer.str("/error/param")), (400, field), "{body}: {}", answer.text);
    }
    assert_eq!(world.call("PATCH", "/vkeys/app", json!({ "team": "other" })).await.str("/error/param"), "team");
    let body = json!({ "user": null, "claim_tags": [], "priority": "low" });
    let changed = world.call("PATCH", "/vkeys/app", body).await.expect(200);
    assert_eq!((&changed.json["user"], &changed.json["team"]), (&Value::Null, &Value::Null));
    assert_eq!(world.store.audit(None, 1).unwrap()[0].detail, "app: user, claims");
    assert_eq!(world.call("DELETE", "/users/ann", Value::Null).await.status, 200);
    let answer = world.call("DELETE", "/tenants/acme", Value::Null).await;
    assert!(answer.str("/error/message").contains("1 virtual key, 1 team"), "{}", answer.text);
    assert!(answer.str("/error/message").contains("`keyward tenant update acme --enabled false`"), "{}", answer.text);
}

#[tokio::test]
async fn names_of_virtual_keys_are_unique_in_their_tenant_only() {
    let world = World::new();
    acme(&world).await;
    world.post("/vkeys", json!({ "name": "app" })).await.expect(201);
    world.post("/vkeys", json!({ "name": "app", "tenant": "acme" })).await.expect(201);
    let answer = world.post("/vkeys", json!({ "name": "app", "tenant": "acme" })).await;
    assert_eq!(answer.code(), "already_exists");
    assert_eq!(world.get("/vkeys/app").await.expect(200).str("/tenant"), "default", "nobody is in its way");
    assert_eq!(world.get("/vkeys/acme%2Fapp").await.expect(200).str("/tenant"), "acme");
}

#[tokio::test]
async fn a19_a_key_wider_than_its_tenant_team_or_user_is_refused_and_nothing_is_stored() {
    let world = World::new();
    acme(&world).await;
    world.call("PATCH", "/users/ann", json!({ "models": ["abc*"] })).await.expect(200);
    world.post("/vkeys", json!({ "name": "app", "user": "ann", "models": ["abc"] })).await.expect(201);
    world.post("/vkeys", json!({ "name": "free", "tenant": "acme", "models": ["b"] })).await.expect(201);
    let before = world.records();
    for (method, path, body) in [
        ("POST", "/vkeys", json!({ "name": "x", "tenant": "acme", "models": ["*"] })),
        ("POST", "/vkeys", json!({ "name": "x", "tenant": "acme", "models": ["a1", "c1"] })),
        ("POST", "/vkeys", json!({ "name": "x", "team": "search", "models": ["b1"] })),
        ("POST", "/vkeys", json!({ "name": "x", "user": "ann", "models": ["abd"] })),
        ("PATCH", "/vkeys/app", json!({ "models": ["ab*"] })),
        ("PATCH", "/vkeys/free", json!({ "team": "search" })),
        ("PATCH", "/vkeys/free", json!({ "user": "ann" })),
    ] {
        let answer = world.call(method, path, body.clone()).await;
        let said = (answer.status.as_u16(), answer.code(), answer.str("/error/param"));
        assert_eq!(said, (403, "exceeds_grantor", "models"), "{path} {body}: {}", answer.text);
    }
    assert_eq!(world.records(), before, "nothing is stored");
}

#[tokio::test]
async fn a21_a_parent_may_be_made_narrower_and_its_children_can_still_be_changed() {
    let world = World::new();
    acme(&world).await;
    world.post("/vkeys", json!({ "name": "app", "user": "ann", "models": ["abc"] })).await.expect(201);
    world.call("PATCH", "/tenants/acme", json!({ "models": ["b*"] })).await.expect(200);
    world.call("PATCH", "/vkeys/app", json!({ "name": "renamed" })).await.expect(200);
    world.call("PATCH", "/teams/search", json!({ "enabled": false })).await.expect(200);
    assert_eq!(world.get("/vkeys/renamed").await.str("/state"), "disabled", "because its team is");
    let answer = world.call("PATCH", "/vkeys/renamed", json!({ "models": ["abc", "abd"] })).await;
    assert_eq!(answer.code(), "exceeds_grantor");
}
