//! Corrections, prices that are applied again, and exports.

use std::sync::Arc;

use keyward_domain::ledger::{AttemptOutcome, Attributed};
use keyward_domain::port::Store as _;
use serde_json::{Value, json};

use crate::ledger::entry;
use crate::world::World;

async fn with_rows() -> World {
    let world = World::new();
    world.with_openai().await;
    world.post("/vkeys", json!({ "name": "app" })).await.expect(201);
    let mut rows = vec![
        entry(&world, 1, "gpt-4o", Some(12_750), AttemptOutcome::Completed),
        entry(&world, 2, "=cmd|'x'!A1", Some(250), AttemptOutcome::Cut),
        entry(&world, 3, "gpt-new", None, AttemptOutcome::Completed),
    ];
    rows[1].subject.attributed = Some(Arc::new(Attributed {
        end_user: Some("+1 \"quoted\", and\nbroken".into()),
        tags: vec!["-batch".into(), "nightly".into()],
        ..Attributed::default()
    }));
    world.store.append(&rows, &[]).unwrap();
    world
}

fn id(world: &World, number: u8) -> String {
    entry(world, number, "m", None, AttemptOutcome::Completed).subject.attempt.request.to_string()
}

#[tokio::test]
async fn a86_a_correction_is_an_entry_of_its_own_and_may_exceed_what_was_spent() {
    let world = with_rows().await;
    let path = format!("/requests/{}/corrections", id(&world, 1));
    let done = world.post(&path, json!({ "usd": "-0.00001", "reason": "refunded, ticket 7" })).await.expect(201);
    assert_eq!((&done.json["correction"]["number"], &done.json["correction"]["corrects"]), (&json!(128), &json!(1)));
    assert_eq!((done.str("/cost_usd"), &done.json["below_zero_usd"]), ("0.00000275", &Value::Null));
    let more = world.post(&path, json!({ "usd": "-0.05", "reason": "again", "attempt": 1 })).await.expect(201);
    assert_eq!((more.str("/cost_usd"), more.str("/below_zero_usd")), ("-0.04999725", "0.04999725"));

    let shown = world.get(&format!("/requests/{}", id(&world, 1))).await.expect(200);
    assert_eq!((shown.str("/outcome"), shown.str("/cost_usd")), ("completed", "-0.04999725"));
    assert_eq!(shown.json["attempts"].as_array().unwrap().len(), 1);
    assert_eq!(shown.json["attempts"][0]["cost_nanodollars"], 12_750, "the row is what it was");
    assert_eq!(shown.str("/corrections/1/reason"), "again");
    let total = world.get("/usage?until=2026-11-21&since=2026-11-19").await.expect(200);
    assert_eq!(
        (&total.json["total"]["attempts"], &total.json["total"]["cost_nanodollars"]),
        (&json!(3), &json!(13_000 - 50_010_000))
    );

    let audit = world.get("/audit").await.expect(200);
    assert_eq!(
        (audit.str("/items/0/action"), audit.str("/items/0/object")),
        ("ledger.correct", id(&world, 1).as_str())
    );
    let detail = audit.str("/items/0/detail");
    assert!(detail.contains("-0.05 USD: again") && detail.contains("0.04999725 USD more than it cost"), "{detail}");

    for (body, field) in [
        (json!({ "usd": "0", "reason": "x" }), "usd"),
        (json!({ "usd": -1, "reason": "x" }), "usd"),
        (json!({ "usd": "-1" }), "reason"),
        (json!({ "usd": "-1", "reason": " " }), "reason"),
        (json!({ "usd": "-1", "reason": "x", "attempt": 2 }), "attempt"),
        (json!({ "usd": "-1", "reason": "x", "attempt": 128 }), "attempt"),
    ] {
        let answer = world.post(&path, body.clone()).await;
        assert_eq!((answer.status.as_u16(), answer.str("/error/param")), (400, field), "{body}");
    }
    let nobody = keyward_domain::ids::RequestId::from_bits(7);
    let missing = world.post(&format!("/requests/{nobody}/corrections"), json!({ "usd": "1", "reason": "x" })).await;
    assert_eq!(missing.status, 404);
}

#[tokio::test]
async fn m09_prices_are_applied_again_once_and_rows_stay() {
    let world = with_rows().await;
    let range = |dry_run: bool| json!({ "since": "2026-11-20", "until": "2026-11-21", "dry_run": dry_run });
    // 100 uncached, 20 read from the cache, 50 answered and 5 of reasoning: 120 at 1 and 55 at 2 dollars per million.
    let price = json!({ "input_usd_per_million": "1", "output_usd_per_million": "2" });
    world.call("PUT", "/prices/openai/gpt-new", price.clone()).await.expect(200);
    world.call("PUT", "/prices/openai/gpt-4o", price).await.expect(200);
    let new = 120 * 1_000 + 55 * 2_000;

    let tried = world.post("/usage/reprice", range(true)).await.expect(200);
    assert_eq!((&tried.json["total"]["corrections"], &tried.json["dry_run"]), (&json!(2), &json!(true)));
    let before = world.get("/usage?since=2026-11-20&until=2026-11-21").await.expect(200);
    assert_eq!(
        (&before.json["total"]["unpriced"], &before.json["total"]["cost_nanodollars"]),
        (&json!(1), &json!(13_000))
    );

    let done = world.post("/usage/reprice", range(false)).await.expect(200);
    assert_eq!(done.json["models"], tried.json["models"], "a dry run says what the run does");
    let models = done.json["models"].as_array().unwrap();
    let of = |name: &str| models.iter().find(|model| model["model"] == name).unwrap();
    let figures = |name: &str| {
        ["attempts", "unpriced_before", "left", "before_nanodollars", "after_nanodollars"]
            .map(|field| of(name)[field].as_i64().unwrap())
    };
    assert_eq!(figures("gpt-4o"), [1, 0, 0, 12_750, new]);
    assert_eq!(figures("gpt-new"), [1, 1, 0, 0, new]);
    // Nobody knows a price for it, so it stays as it was.
    assert_eq!(figures("=cmd|'x'!A1"), [0, 0, 1, 0, 0]);
    let after = world.get("/usage?since=2026-11-20&until=2026-11-21").await.expect(200);
    assert_eq!(
        (&after.json["total"]["unpriced"], &after.json["total"]["cost_nanodollars"]),
        (&json!(0), &json!(2 * new + 250))
    );
    let shown = world.get(&format!("/requests/{}", id(&world, 1))).await.expect(200);
    assert_eq!(shown.json["attempts"][0]["cost_nanodollars"], 12_750, "rows stay");
    let correction = &shown.json["corrections"][0];
    assert_eq!((&correction["amount_nanodollars"], &correction["repriced"]), (&json!(new - 12_750), &json!(true)));
    assert!(correction["price_version"].as_str().unwrap().contains("+own.1"), "{correction}");
    let priced = world.get(&format!("/requests/{}", id(&world, 3))).await.expect(200);
    assert_eq!((&priced.json["unpriced"], priced.json["cost_nanodollars"].as_i64()), (&json!(false), Some(new)));

    // Done again it adds nothing; a refund by hand stays on top of what the prices say.
    let refund = json!({ "usd": "-0.0001", "reason": "refunded" });
    world.post(&format!("/requests/{}/corrections", id(&world, 1)), refund).await.expect(201);
    let again = world.post("/usage/reprice", range(false)).await.expect(200);
    assert_eq!((&again.json["total"]["corrections"], again.str("/total/difference_usd")), (&json!(0), "0.00"));
    // Another price gives another difference, to what the last one said.
    world.call("PUT", "/prices/openai/gpt-4o", json!({ "free": true })).await.expect(200);
    let only = json!({ "since": "2026-11-20", "until": "2026-11-21", "model": "gpt-4o" });
    let free = world.post("/usage/reprice", only).await.expect(200);
    assert_eq!(
        (
            free.json["models"].as_array().unwrap().len(),
            &free.json["total"]["before_nanodollars"],
            &free.json["total"]["after_nanodollars"]
        ),
        (1, &json!(new), &json!(0))
    );
    let shown = world.get(&format!("/requests/{}", id(&world, 1))).await.expect(200);
    assert_eq!(shown.json["cost_nanodollars"], -100_000, "the refund stays");
    assert_eq!(world.get("/audit").await.str("/items/0/action"), "usage.reprice");
    let answer = world.post("/usage/reprice", json!({})).await;
    assert_eq!((answer.status.as_u16(), answer.str("/error/param")), (400, "since"));
}

#[tokio::test]
async fn rows_are_exported_in_pages_with_cells_that_no_spreadsheet_runs() {
    let world = with_rows().await;
    // More than a page of the store.
    let many: Vec<_> = (0..2_100_u32)
        .map(|n| {
            let mut row = entry(&world, 4, "gpt-4o", Some(-5), AttemptOutcome::Completed);
            let mut random = [5; 10];
            random[..4].copy_from_slice(&n.to_be_bytes());
            row.subject.attempt.request = keyward_domain::ids::RequestId::from_parts(row.subject.at, random);
            row
        })
        .collect();
    world.store.append(&many, &[]).unwrap();
    let csv = world.get("/usage/export?since=2026-11-20&until=2026-11-21").await.expect(200);
    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
    let head = "request,attempt,at,outcome,cost_usd,cost_nanodollars,tenant,";
    assert!(csv.text.starts_with(head), "{}", &csv.text[..200]);
    // One cell holds a line break of its own.
    assert_eq!(csv.text.lines().count(), 1 + 3 + 1 + 2_100);
    for cell in [
        "'=cmd|'x'!A1",
        "\"'+1 \"\"quoted\"\", and\nbroken\"",
        "'-batch nightly",
        ",-0.000000005,-5,",
        ",0.00001275,12750,",
    ] {
        assert!(csv.text.contains(cell), "{cell} in {}", &csv.text[..2000]);
    }
    let columns = csv.text.lines().next().unwrap().split(',').count();
    let first = csv.text.lines().find(|line| line.contains("gpt-new")).unwrap();
    assert!(first.split(',').count() >= columns, "{first}");

    let lines = world.get("/usage/export?since=2026-11-20&until=2026-11-21&format=jsonl").await.expect(200);
    assert_eq!(lines.headers["content-type"], "application/x-ndjson");
    let rows: Vec<Value> = lines.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 2_103);
    let cut = rows.iter().find(|row| row["outcome"] == "cut").unwrap();
    assert_eq!((&cut["tags"], &cut["model"]), (&json!(["-batch", "nightly"]), &json!("=cmd|'x'!A1")));
    assert_eq!((&cut["raw_usage"], &cut["cost_usd"]), (&json!({ "prompt_tokens": 120 }), &json!("0.00000025")));
    assert_eq!((&cut["team"], &cut["virtual_key_name"]), (&Value::Null, &json!("app")));
    let unknown = rows.iter().find(|row| row["model"] == "gpt-new").unwrap();
    assert_eq!(
        (&unknown["cost_usd"], &unknown["cost_nanodollars"]),
        (&Value::Null, &Value::Null),
        "unknown is not zero"
    );
    assert_eq!(cut.as_object().unwrap().len(), columns, "both formats have the same columns");
    let nothing = world.get("/usage/export?since=2026-11-18&until=2026-11-19&format=jsonl").await.expect(200);
    assert_eq!(nothing.text, "");
    let wrong = world.get("/usage/export?format=xml").await;
    assert_eq!((wrong.status.as_u16(), wrong.str("/error/param")), (400, "format"));
}
