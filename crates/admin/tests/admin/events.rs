//! What happens, told as it happens: server-sent events.

use std::time::Duration;

use axum::body::BodyDataStream;
use futures_util::StreamExt as _;
use keyward_admin::rest::Entry;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::world::{World, request};

/// A reader of `/events`.
struct Reader(BodyDataStream);

impl Reader {
    async fn begin(world: &World, entry: Entry, token: Option<&str>) -> Self {
        let asked = request("GET", "/api/v1/events", token, &Value::Null);
        let answer = world.plane.router(entry).oneshot(asked).await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let mut reader = Self(answer.into_body().into_data_stream());
        assert_eq!(reader.piece().await.unwrap(), ": following\n\n", "it is heard at once");
        reader
    }

    async fn piece(&mut self) -> Option<String> {
        let piece = self.0.next().await?.unwrap();
        Some(String::from_utf8(piece.to_vec()).unwrap())
    }

    /// The next event: its name and its data.
    async fn event(&mut self) -> Option<(String, Value)> {
        let piece = self.piece().await?;
        let (name, data) = piece.split_once("\ndata: ").unwrap_or_else(|| panic!("{piece}"));
        Some((name.strip_prefix("event: ").unwrap().to_owned(), serde_json::from_str(data.trim_end()).unwrap()))
    }
}

#[tokio::test]
async fn every_change_of_a_standing_is_told_as_it_happens() {
    let world = World::new();
    world.with_openai().await;
    let mut reader = Reader::begin(&world, Entry::Local, None).await;
    world.post("/keys/primary/cooldown", json!({ "for": "10m" })).await.expect(200);
    let mut told = [reader.event().await.unwrap(), reader.event().await.unwrap()];
    told.sort_by(|a, b| a.0.cmp(&b.0));
    let [(change, audited), (standing, event)] = told;
    assert_eq!(
        (change.as_str(), &audited["action"], &audited["actor"]),
        ("change", &json!("key.cooldown_set"), &json!("local-owner"))
    );
    assert_eq!(
        (standing.as_str(), &event["key"], &event["standing"]),
        ("standing", &json!("openai/primary"), &json!("cooling"))
    );
    assert_eq!((&event["until"], &event["from"]), (&json!("2026-11-20T00:10:00Z"), &json!("active")));
}

#[tokio::test]
async fn a_slow_reader_is_told_how_much_it_missed() {
    let world = World::new();
    world.with_openai().await;
    let mut reader = Reader::begin(&world, Entry::Local, None).await;
    // The channel of this test's pools holds four.
    let key = world.key("primary");
    for _ in 0..10 {
        let until = world.control.now().plus(Duration::from_mins(1));
        let _ = world.control.pools().registry().cool(key, until, "x", world.control.moment());
        world.control.pools().registry().clear(key, "x", world.control.moment());
    }
    assert_eq!(reader.event().await.unwrap(), ("missed".to_owned(), json!({ "missed": 16 })));
    for _ in 0..4 {
        assert_eq!(reader.event().await.unwrap().0, "standing");
    }
}

#[tokio::test]
async fn a_token_that_is_revoked_hears_nothing_more() {
    let world = World::new();
    world.with_openai().await;
    let token = world.admin_token("viewer").await;
    let mut reader = Reader::begin(&world, Entry::Tcp, Some(&token)).await;
    world.post("/keys/primary/cooldown", json!({ "for": "1m" })).await.expect(200);
    assert!(reader.event().await.is_some() && reader.event().await.is_some());
    world.clock.advance(Duration::from_secs(2));
    world.post("/admin-tokens/viewer-0/revoke", json!({})).await.expect(200);
    assert!(reader.event().await.is_none(), "not even of its own end");
}

#[tokio::test]
async fn a_server_that_stops_lets_its_readers_go() {
    let world = World::new();
    let mut reader = Reader::begin(&world, Entry::Local, None).await;
    world.control.end_feeds();
    assert!(reader.event().await.is_none());
}

#[tokio::test]
async fn readers_are_bounded_and_make_room_when_they_leave() {
    let world = World::new();
    let mut readers = Vec::new();
    for _ in 0..64 {
        readers.push(Reader::begin(&world, Entry::Local, None).await);
    }
    assert_eq!(world.get("/events").await.expect(503).code(), "too_many_followers");
    readers.pop();
    Reader::begin(&world, Entry::Local, None).await;
}

#[tokio::test(start_paused = true)]
async fn silence_is_told_too_so_that_connections_stay() {
    let world = World::new();
    let mut reader = Reader::begin(&world, Entry::Local, None).await;
    assert_eq!(reader.piece().await.unwrap(), ": nothing happened\n\n");
}
