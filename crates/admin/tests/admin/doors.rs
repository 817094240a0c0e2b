//! What a request meets before any operation: hosts, other sites, tokens, sizes, headers.

use std::time::Duration;

use axum::body::Body;
use http::Request;
use keyward_admin::rest::{Entry, Plane};
use keyward_domain::token::{Environment, MintedToken};
use serde_json::{Value, json};
use std::sync::Arc;

use crate::world::{Answer, World, request, send};

async fn with_header(world: &World, name: &str, value: &str) -> Answer {
    let token = world.admin_token("owner").await;
    let mut asked = request("GET", "/api/v1/status", Some(&token), &Value::Null);
    asked.headers_mut().insert(http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
    send(world.plane.router(Entry::Tcp), asked).await
}

#[tokio::test]
async fn only_our_own_host_names_are_answered() {
    let world = World::new();
    for host in ["localhost", "127.0.0.1:8701", "[::1]:8701", "keyward.example", "KEYWARD.example:8701"] {
        assert_eq!(with_header(&world, "host", host).await.status, 200, "{host}");
    }
    for host in ["evil.example", "localhost.evil.example", "169.254.169.254", "127.0.0.1@evil.example", ""] {
        let answer = with_header(&world, "host", host).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (421, "host_not_allowed"), "{host}");
    }
    let absolute = Request::get("http://evil.example/healthz").header("host", "localhost").body(Body::empty()).unwrap();
    assert_eq!(send(world.plane.router(Entry::Tcp), absolute).await.status, 421);
    let nameless = Request::get("/healthz").body(Body::empty()).unwrap();
    assert_eq!(send(world.plane.router(Entry::Tcp), nameless).await.status, 421);
}

#[tokio::test]
async fn forwarding_headers_change_nothing() {
    let world = World::new();
    for name in ["x-forwarded-host", "x-original-url", "x-http-method-override", "forwarded", "x-forwarded-for"] {
        assert_eq!(with_header(&world, name, "evil.example").await.status, 200, "{name}");
    }
}

#[tokio::test]
async fn other_sites_are_refused() {
    let world = World::new();
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "anything"),
        ("origin", "null"),
        ("origin", "https://evil.example"),
        ("origin", "http://localhost.evil.example"),
    ] {
        let answer = with_header(&world, name, value).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (403, "cross_site"), "{name}: {value}");
    }
    for (name, value) in
        [("sec-fetch-site", "same-origin"), ("sec-fetch-site", "none"), ("origin", "http://localhost:8701")]
    {
        assert_eq!(with_header(&world, name, value).await.status, 200, "{name}: {value}");
    }
    let mut preflight = request("OPTIONS", "/api/v1/keys", None, &Value::Null);
    preflight.headers_mut().insert("origin", "https://evil.example".parse().unwrap());
    let answer = send(world.plane.router(Entry::Tcp), preflight).await;
    assert_eq!(answer.status, 403);
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn every_answer_is_dressed() {
    let world = World::new();
    let token = world.admin_token("viewer").await;
    for (path, token) in [
        ("/api/v1/status", Some(token.as_str())),
        ("/api/v1/status", None),
        ("/", None),
        ("/healthz", None),
        ("/x", None),
    ] {
        let answer = world.knock("GET", path, token, &Value::Null).await;
        assert_eq!(answer.headers["cache-control"], "no-store", "{path}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers["referrer-policy"], "no-referrer");
        assert_eq!(answer.headers["cross-origin-resource-policy"], "same-origin");
        assert!(answer.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
        assert!(answer.headers["x-keyward-request-id"].to_str().unwrap().starts_with("req_"));
    }
    let page = world.knock("GET", "/", None, &Value::Null).await;
    assert!(page.text.contains("keyward status") && !page.text.contains("<script"));
}

#[tokio::test]
async fn tokens_for_other_doors_and_dead_tokens() {
    let world = World::new();
    let vkey = world.post("/vkeys", json!({ "name": "app" })).await.expect(201).str("/token").to_owned();
    let answer = world.knock("GET", "/api/v1/status", Some(&vkey), &Value::Null).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (403, "wrong_key_environment"));

    let token = world.admin_token("owner").await;
    let cut = &token[..token.len() - 1];
    let mut typo = token.clone();
    typo.replace_range(30..31, if &token[30..31] == "a" { "b" } else { "a" });
    let spaced = format!("{}  ", &token[..20]);
    for bad in [cut, &typo, &spaced, "", &"k".repeat(10_000)] {
        let answer = world.knock("GET", "/api/v1/status", Some(bad), &Value::Null).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (401, "invalid_key"), "{bad}");
        assert!(bad.is_empty() || !answer.text.contains(bad), "nothing of the token is repeated");
    }
    let mut twice = request("GET", "/api/v1/status", Some(&token), &Value::Null);
    twice.headers_mut().append("authorization", "Bearer x".parse().unwrap());
    assert_eq!(send(world.plane.router(Entry::Tcp), twice).await.code(), "invalid_key");
    let mut basic = request("GET", "/api/v1/status", None, &Value::Null);
    basic.headers_mut().insert("authorization", "Basic eDp5".parse().unwrap());
    assert_eq!(send(world.plane.router(Entry::Tcp), basic).await.code(), "missing_credential");
    world.knock("GET", "/api/v1/status", Some(&token), &Value::Null).await.expect(200);
}

#[tokio::test]
async fn revoked_and_expired_admin_tokens_stop_at_once() {
    let world = World::new();
    let owner = world.admin_token("owner").await;
    let issued = world
        .knock(
            "POST",
            "/api/v1/admin-tokens",
            Some(&owner),
            &json!({ "name": "short", "role": "viewer", "expires_at": "2026-11-20T01:00:00Z" }),
        )
        .await
        .expect(201);
    let short = issued.str("/token").to_owned();
    world.knock("GET", "/api/v1/status", Some(&short), &Value::Null).await.expect(200);
    world.clock.advance(Duration::from_hours(1));
    let answer = world.knock("GET", "/api/v1/status", Some(&short), &Value::Null).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (401, "key_inactive"));

    let other = world.admin_token("operator").await;
    let listed = world.get("/admin-tokens").await.expect(200);
    let id = listed.json["items"].as_array().unwrap().iter().find(|token| token["role"] == "operator").unwrap()["id"]
        .clone();
    world.post(&format!("/admin-tokens/{}/revoke", id.as_str().unwrap()), json!({})).await.expect(200);
    let answer = world.knock("GET", "/api/v1/status", Some(&other), &Value::Null).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (401, "key_inactive"), "it is known and no longer in use");
}

#[tokio::test]
async fn a_child_token_is_never_wider_than_its_creator() {
    let world = World::new();
    let owner = world.admin_token("owner").await;
    let body = json!({ "name": "temporary", "role": "owner", "expires_at": "2026-11-21" });
    let parent =
        world.knock("POST", "/api/v1/admin-tokens", Some(&owner), &body).await.expect(201).str("/token").to_owned();
    for (expires, status) in [(Value::Null, 400), (json!("2026-11-22"), 400), (json!("2026-11-21"), 201)] {
        let body = json!({ "name": "child", "role": "viewer", "expires_at": expires });
        let answer = world.knock("POST", "/api/v1/admin-tokens", Some(&parent), &body).await;
        assert_eq!(answer.status, status, "{}", answer.text);
    }
    let operator = world.admin_token("operator").await;
    let body = json!({ "name": "more", "role": "owner" });
    assert_eq!(
        world.knock("POST", "/api/v1/admin-tokens", Some(&operator), &body).await.code(),
        "operation_not_allowed"
    );
}

#[tokio::test]
async fn bodies_are_json_objects_of_bounded_size() {
    let world = World::new();
    let long = json!({ "name": "x".repeat(keyward_admin::rest::MAX_BODY) });
    let answer = world.post("/vkeys", long).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (413, "body_too_large"));
    for content_type in ["text/plain", "application/x-www-form-urlencoded", ""] {
        let asked = Request::post("/api/v1/vkeys")
            .header("content-type", content_type)
            .body(Body::from(json!({ "name": "x" }).to_string()))
            .unwrap();
        let answer = send(world.plane.router(Entry::Local), asked).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (415, "unsupported_media_type"), "{content_type}");
    }
    for (text, code) in [("{", "invalid_request"), ("[]", "invalid_request"), ("{\"name\":\"x\"}x", "invalid_request")]
    {
        let asked = Request::post("/api/v1/vkeys").header("content-type", "application/json; charset=utf-8");
        let answer = send(world.plane.router(Entry::Local), asked.body(Body::from(text)).unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (400, code), "{text}");
    }
    let deep = format!("{{\"name\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let asked =
        Request::post("/api/v1/vkeys").header("content-type", "application/json").body(Body::from(deep)).unwrap();
    assert_eq!(send(world.plane.router(Entry::Local), asked).await.status, 400);
    let asked = Request::get("/api/v1/status").body(Body::from("{}")).unwrap();
    assert_eq!(send(world.plane.router(Entry::Local), asked).await.status, 400);
    world.call("POST", "/vkeys?name=x", json!({})).await.expect(400);
}

#[tokio::test]
async fn metrics_can_be_guarded() {
    let world = World::new();
    assert_eq!(world.knock("GET", "/metrics", None, &Value::Null).await.expect(200).text, "keyward_up 1\n");
    let guarded = Plane::new(world.control.clone(), Vec::new(), Arc::new(String::new)).with_guarded_metrics();
    let guarded = Arc::new(guarded);
    let ask = |token: Option<&str>| send(guarded.router(Entry::Tcp), request("GET", "/metrics", token, &Value::Null));
    assert_eq!(ask(None).await.status, 401);
    let viewer = world.admin_token("viewer").await;
    assert_eq!(ask(Some(&viewer)).await.status, 200);
}

/// The answer to somebody at this address who shows this token.
async fn shown(world: &World, from: &str, token: &str) -> Answer {
    world.knock_from(from.parse().unwrap(), request("GET", "/api/v1/status", Some(token), &Value::Null)).await
}

#[tokio::test]
async fn a11_whoever_tries_admin_tokens_is_slowed_down_and_nobody_else() {
    let world = World::new();
    let good = world.admin_token("viewer").await;
    let stranger = MintedToken::mint(Environment::Adm, world.control.entropy()).unwrap();
    let stranger = String::from_utf8(stranger.token.expose().to_vec()).unwrap();
    // The right name with a secret that is not its own, too: what is known of a token helps nobody.
    let half = format!("{}{}", &good[..20], &stranger[20..]);
    let (mut told, mut slowed) = (0, 0);
    for guess in 0..1_000 {
        let token = [stranger.as_str(), "guess", &half][guess % 3];
        let answer = shown(&world, "127.0.0.1", token).await;
        match (answer.status.as_u16(), answer.code()) {
            (401, "invalid_key") => told += 1,
            (429, "rate_limited") => {
                slowed += 1;
                assert_eq!(answer.headers["retry-after"], "2");
                assert!(answer.str("/error/message").contains("a valid one works at once"), "{}", answer.text);
            }
            _ => panic!("{} {}", answer.status, answer.text),
        }
        if guess % 100 == 0 {
            assert_eq!(shown(&world, "127.0.0.1", &good).await.status, 200, "a good token from the same address works");
        }
    }
    assert_eq!((told, slowed), (30, 970));
    assert_eq!(shown(&world, "10.0.0.1", &stranger).await.status, 401, "others are not held up");
    world.clock.advance(Duration::from_secs(2));
    assert_eq!(shown(&world, "127.0.0.1", &stranger).await.status, 401);
    assert_eq!(shown(&world, "127.0.0.1", &stranger).await.status, 429);

    // What a proxy or anybody else says about where a request comes from is nobody's bucket.
    for number in 0..40 {
        let mut asked = request("GET", "/api/v1/status", Some("guess"), &Value::Null);
        asked.headers_mut().insert("x-forwarded-for", format!("10.9.8.{number}").parse().unwrap());
        let answer = world.knock_from("10.0.0.2".parse().unwrap(), asked).await;
        assert_eq!(answer.status, if number < 30 { 401 } else { 429 }, "{number}");
    }
    // Requests of which nobody said where they come from count together: nobody gets around it.
    let nowhere =
        || send(world.plane.router(Entry::Tcp), request("GET", "/api/v1/status", Some("guess"), &Value::Null));
    for _ in 0..30 {
        assert_eq!(nowhere().await.status, 401);
    }
    assert_eq!(nowhere().await.status, 429);
}

#[tokio::test]
async fn a11_metrics_that_want_a_token_are_no_way_around() {
    let world = World::new();
    let plane = Plane::new(world.control.clone(), Vec::new(), Arc::new(|| "keyward_up 1\n".to_owned()));
    let plane = Arc::new(plane.with_guarded_metrics());
    let guess = |path: &str| send(plane.router(Entry::Tcp), request("GET", path, Some("guess"), &Value::Null));
    for _ in 0..15 {
        assert_eq!(guess("/metrics").await.status, 401);
        assert_eq!(guess("/api/v1/status").await.status, 401);
    }
    for path in ["/metrics", "/api/v1/status"] {
        assert_eq!(guess(path).await.code(), "rate_limited", "{path}");
    }
}

#[tokio::test]
async fn who_shows_nothing_or_what_has_ended_guesses_nothing() {
    let world = World::new();
    let ended = world.admin_token("viewer").await;
    let name = world.records().admin_tokens[0].name.clone();
    world.post(&format!("/admin-tokens/{name}/revoke"), json!({})).await.expect(200);
    for _ in 0..50 {
        assert_eq!(shown(&world, "10.0.0.3", &ended).await.code(), "key_inactive");
        let nothing = request("GET", "/api/v1/status", None, &Value::Null);
        assert_eq!(world.knock_from("10.0.0.3".parse().unwrap(), nothing).await.code(), "missing_credential");
    }
}
