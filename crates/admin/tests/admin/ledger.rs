//! Usage, the request log and status over a ledger with rows in it.

use std::sync::Arc;
use std::time::Duration;

use keyward_domain::dialect::{Dialect, Operation};
use keyward_domain::ids::RequestId;
use keyward_domain::ledger::{AttemptId, AttemptOutcome, Attributed, Entry, Refusal, Subject};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::{Clock, Store};
use keyward_domain::usage::{Usage, UsageSource};
use serde_json::{Value, json};

use crate::world::World;

pub(crate) fn entry(world: &World, number: u8, model: &str, cost: Option<i64>, outcome: AttemptOutcome) -> Entry {
    let records = world.records();
    let key = &records.credentials[0];
    let request = RequestId::from_parts(world.clock.now(), [number; 10]);
    Entry {
        subject: Subject {
            attempt: AttemptId { request, number: 1 },
            at: world.clock.now(),
            tenant: key.tenant,
            virtual_key: records.virtual_keys[0].id,
            provider: key.provider,
            provider_name: "openai".into(),
            credential: key.id,
            credential_name: key.name.as_str().into(),
            attributed: None,
            trace: None,
            named: None,
            requested_model: "fast".into(),
            model: model.into(),
            dialect: Dialect::OpenAi,
            operation: Operation::Chat,
            streamed: true,
            reserved: cost.map(|cost| Nanodollars(cost * 2)),
            price_version: "2026-11-20".into(),
        },
        outcome,
        status: 200,
        usage: Usage { input_uncached: 100, cache_read: 20, output: 50, reasoning: 5, ..Usage::default() },
        source: UsageSource::Provider,
        cost: cost.map(Nanodollars),
        raw_usage: Some("{\"prompt_tokens\":120}".into()),
        duration: Duration::from_millis(1500),
        first_content: Some(Duration::from_millis(300)),
        overhead: Duration::from_micros(80),
    }
}

async fn with_rows() -> World {
    let world = World::new();
    world.with_openai().await;
    world.post("/vkeys", json!({ "name": "app" })).await.expect(201);
    let rows = [
        entry(&world, 1, "gpt-4o", Some(12_750), AttemptOutcome::Completed),
        entry(&world, 2, "=cmd|x", Some(250), AttemptOutcome::Cut),
        entry(&world, 3, "gpt-new", None, AttemptOutcome::Completed),
    ];
    let refusal = Refusal {
        request: RequestId::from_parts(world.clock.now(), [9; 10]),
        at: world.clock.now(),
        tenant: rows[0].subject.tenant,
        virtual_key: rows[0].subject.virtual_key,
        requested_model: "secret-model".into(),
        dialect: Dialect::OpenAi,
        operation: Some(Operation::Chat),
        code: "model_not_allowed".into(),
        status: 403,
    };
    world.store.append(&rows, &[refusal]).unwrap();
    world
}

#[tokio::test]
async fn usage_by_any_dimension() {
    let world = with_rows().await;
    let until = "until=2026-11-21";
    let total = world.get(&format!("/usage?{until}")).await.expect(200);
    assert_eq!(total.json["total"]["attempts"], 3);
    assert_eq!(total.json["total"]["prompt_tokens"], 360);
    assert_eq!(total.json["total"]["cache_read_tokens"], 60);
    assert_eq!(total.json["total"]["completion_tokens"], 165);
    assert_eq!((total.str("/total/cost_usd"), &total.json["total"]["unpriced"]), ("0.000013", &json!(1)));

    let grouped = world.get(&format!("/usage?{until}&since=2026-11-19&group_by=virtual_key,model")).await.expect(200);
    assert_eq!(grouped.json["group_by"], json!(["virtual_key", "model"]));
    assert_eq!(grouped.json["lines"].as_array().unwrap().len(), 3);
    assert!(grouped.json["lines"].as_array().unwrap().iter().all(|line| line["group"]["virtual_key"] == "app"));
    let by_day = world.get(&format!("/usage?{until}&group_by=day,credential")).await.expect(200);
    assert_eq!(by_day.str("/lines/0/group/day"), "2026-11-20T00:00:00Z");
    assert_eq!(by_day.str("/lines/0/group/credential"), "primary");

    for (query, field) in [
        ("group_by=year", "group_by"),
        ("zone=Mars/Olympus", "zone"),
        ("format=xml", "format"),
        ("since=soon", "since"),
        ("since=2026-11-22", "since"),
    ] {
        let answer = world.get(&format!("/usage?{query}")).await;
        assert_eq!((answer.status.as_u16(), answer.str("/error/param")), (400, field), "{query}");
    }
}

#[tokio::test]
async fn usage_in_the_days_of_a_zone_and_by_tags() {
    let world = World::new();
    world.with_openai().await;
    world.post("/vkeys", json!({ "name": "app" })).await.expect(201);
    let mut rows = [1, 2, 3].map(|n| entry(&world, n, "gpt-4o", Some(1_000), AttemptOutcome::Completed));
    let tagged = |tags: &[&str]| {
        let tags = tags.iter().map(|tag| Arc::from(*tag)).collect();
        Some(Arc::new(Attributed { end_user: Some("=cmd|x".into()), tags, ..Attributed::default() }))
    };
    rows[0].subject.attributed = tagged(&["batch", "nightly"]);
    rows[1].subject.attributed = tagged(&["batch"]);
    world.store.append(&rows, &[]).unwrap();

    // The world's clock says 2026-11-20T10:00:00Z, which is the evening of the day in Seoul and the early morning in Honolulu.
    let range = "since=2026-11-20&until=2026-11-21";
    let seoul = world.get(&format!("/usage?{range}&zone=Asia/Seoul&group_by=day,month")).await.expect(200);
    assert_eq!((seoul.str("/zone"), seoul.str("/since")), ("Asia/Seoul", "2026-11-19T15:00:00Z"));
    assert_eq!(seoul.str("/lines/0/group/day"), "2026-11-20T00:00:00+09:00");
    assert_eq!(seoul.str("/lines/0/group/month"), "2026-11-01T00:00:00+09:00");
    let by_tag = world.get(&format!("/usage?{range}&group_by=tag,end_user")).await.expect(200);
    assert_eq!((&by_tag.json["overlapping"], &by_tag.json["total"]["attempts"]), (&json!(true), &json!(3)));
    let lines = by_tag.json["lines"].as_array().unwrap();
    let figures: Vec<_> =
        lines.iter().map(|line| (line["group"]["tag"].as_str().unwrap(), line["attempts"].as_u64().unwrap())).collect();
    assert_eq!(figures, [("", 1), ("batch", 2), ("nightly", 1)]);

    let csv = world.get(&format!("/usage?{range}&group_by=end_user&format=csv")).await.expect(200);
    assert!(csv.text.contains("\r\n'=cmd|x,2,"), "formulas are disarmed: {}", csv.text);
    let lines = world.get(&format!("/usage?{range}&group_by=tag&format=jsonl")).await.expect(200);
    assert_eq!(lines.headers["content-type"], "application/x-ndjson");
    let first: Value = serde_json::from_str(lines.text.lines().nth(1).unwrap()).unwrap();
    assert_eq!((lines.text.lines().count(), &first["group"]["tag"]), (3, &json!("batch")));
    let table = world.get(&format!("/usage?{range}&group_by=tag&format=table")).await.expect(200);
    assert!(table.text.lines().last().unwrap().starts_with("total"), "{}", table.text);
}

#[tokio::test]
async fn usage_as_csv_and_as_a_table() {
    let world = with_rows().await;
    let csv = world.get("/usage?until=2026-11-21&group_by=model&format=csv").await.expect(200);
    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
    let mut lines = csv.text.split("\r\n");
    assert!(lines.next().unwrap().starts_with("model,attempts,failures,prompt_tokens"));
    assert!(csv.text.contains("\r\n'=cmd|x,"), "formulas are disarmed: {}", csv.text);
    let table = world.get("/usage?until=2026-11-21&group_by=model&format=table").await.expect(200);
    let lines: Vec<_> = table.text.lines().collect();
    assert_eq!(lines.len(), 5, "{}", table.text);
    assert!(lines[0].starts_with("model") && lines[4].starts_with("total"));
    assert_eq!(lines[0].len(), lines[1].len(), "columns are aligned");
}

#[tokio::test]
async fn the_request_log() {
    let world = with_rows().await;
    let page = world.get("/requests?limit=3").await.expect(200);
    assert_eq!((page.str("/items/0/outcome"), page.str("/items/0/code")), ("refused", "model_not_allowed"));
    assert_eq!(page.json["items"][1]["unpriced"], true);
    assert_eq!(page.str("/items/1/virtual_key_name"), "app");
    let cursor = page.str("/next_cursor").to_owned();
    let rest = world.get(&format!("/requests?limit=3&cursor={cursor}")).await.expect(200);
    assert_eq!(rest.json["items"].as_array().unwrap().len(), 1);
    assert_eq!(rest.json["next_cursor"], Value::Null);
    let failed = world.get("/requests?failed_only=true&virtual_key=app").await.expect(200);
    assert_eq!(failed.json["items"].as_array().unwrap().len(), 2);

    let id = rest.str("/items/0/id").to_owned();
    assert!(rest.json["items"][0]["attempts"][0].get("raw_usage").is_none());
    let shown = world.get(&format!("/requests/{id}")).await.expect(200);
    let attempt = &shown.json["attempts"][0];
    assert_eq!(attempt["raw_usage"], json!({ "prompt_tokens": 120 }));
    assert_eq!(attempt["usage"], json!({ "input_uncached": 100, "cache_read": 20, "output": 50, "reasoning": 5 }));
    assert_eq!(
        (attempt["cost_nanodollars"].as_i64(), attempt["reserved_nanodollars"].as_i64()),
        (Some(12_750), Some(25_500))
    );
    assert_eq!((attempt["duration_ms"].as_u64(), attempt["overhead_us"].as_u64()), (Some(1500), Some(80)));
    let missing = RequestId::from_bits(7);
    assert_eq!(world.get(&format!("/requests/{missing}")).await.status, 404);
    assert_eq!(world.get("/requests/req_1").await.str("/error/param"), "request");
}

#[tokio::test]
async fn what_is_not_known_exactly_is_never_shown_as_if_it_were() {
    let world = with_rows().await;
    // As recovery writes them: reserved is what it may have cost, and nothing was counted.
    let mut lost = entry(&world, 4, "gpt-4o", Some(800), AttemptOutcome::Unsettled);
    (lost.status, lost.usage, lost.source, lost.raw_usage) = (0, Usage::default(), UsageSource::Estimated, None);
    lost.cost = lost.subject.reserved;
    let mut partial = entry(&world, 5, "gpt-4o", Some(70), AttemptOutcome::ClientGone);
    partial.source = UsageSource::Partial;
    let mut refused = entry(&world, 6, "gpt-4o", Some(0), AttemptOutcome::NotSent);
    (refused.status, refused.usage, refused.source, refused.raw_usage) = (0, Usage::default(), UsageSource::None, None);
    world.store.append(&[lost, partial, refused], &[]).unwrap();

    let page = world.get("/requests").await.expect(200);
    let of = |number: u8| {
        let id = RequestId::from_parts(world.clock.now(), [number; 10]).to_string();
        page.json["items"].as_array().unwrap().iter().find(|call| call["id"] == id.as_str()).unwrap().clone()
    };
    let flags = |call: &Value| ["unpriced", "estimated"].map(|flag| call[flag].clone());
    for (number, expected) in [
        (1, [false, false]),
        (3, [true, false]),
        (4, [false, true]),
        (5, [false, true]),
        (6, [false, false]),
        (9, [false, false]),
    ] {
        assert_eq!(flags(&of(number)), expected.map(Value::from), "{number}");
    }
    let lost = of(4);
    assert_eq!((&lost["outcome"], &lost["cost_nanodollars"]), (&json!("unsettled"), &json!(1600)));
    assert_eq!(lost["attempts"][0]["usage"], Value::Null, "not counted is not zero");
    assert_eq!(of(6)["attempts"][0]["usage"], json!({}), "nothing was consumed");
    assert_eq!(of(3)["attempts"][0]["cost_usd"], Value::Null);

    let status = world.get("/status").await.expect(200);
    assert_eq!((&status.json["ledger"]["unpriced"], &status.json["ledger"]["unsettled"]), (&json!(1), &json!(1)));
    let warnings = status.json["warnings"].to_string();
    assert!(warnings.contains("1 ledger row has no price"), "{warnings}");
    assert!(warnings.contains("1 ledger row was left unsettled"), "{warnings}");
}

#[tokio::test]
async fn status_is_one_page_with_what_to_do() {
    let world = with_rows().await;
    let status = world.get("/status").await.expect(200);
    assert_eq!(status.str("/version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(
        (status.str("/vault"), &status.json["in_flight"], &status.json["uptime_seconds"]),
        ("unlocked", &json!(3), &json!(61))
    );
    assert_eq!(
        (status.str("/keys/0/key"), status.str("/keys/0/state"), status.str("/keys/0/proof/finding")),
        ("openai/primary", "active", "valid")
    );
    assert_eq!((&status.json["ledger"]["entries"], status.str("/ledger/cost_usd")), (&json!(3), "0.000013"));
    assert_eq!((&status.json["virtual_keys"], &status.json["active_virtual_keys"]), (&json!(1), &json!(1)));
    let warnings = status.json["warnings"].as_array().unwrap();
    assert!(warnings[0].as_str().unwrap().contains("line 3"), "what the server says comes first");
    assert!(warnings.iter().any(|warning| warning.as_str().unwrap().contains("1 ledger row has no price")));

    world.call("PATCH", "/vkeys/app", json!({ "expires_at": "2026-11-21" })).await.expect(200);
    let warnings = world.get("/status").await.json["warnings"].to_string();
    assert!(warnings.contains("`app` expires in 24 h"), "{warnings}");
    world.post("/vault/lock", json!({})).await.expect(200);
    let warnings = world.get("/status").await.json["warnings"].to_string();
    assert!(warnings.contains("keyward unlock"), "{warnings}");
}
