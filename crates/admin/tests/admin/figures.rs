//! The number that refuses is the number shown (promise M05), for budgets and for limits.

use std::time::Duration;

use keyward_domain::ids::{RequestId, TeamId, TenantId, UserId};
use keyward_domain::ledger::{AttemptId, AttemptOutcome, Attributed};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::{Amounts, Clock as _, Counters as _, Refusal, Store as _};
use keyward_domain::scope::Scope;
use keyward_limit::book::{Ask, Budgets, Hold, Refused, Why};
use keyward_limit::rate::Limits;
use serde_json::{Value, json};

use crate::budgets::{peopled, set};
use crate::ledger;
use crate::world::World;

fn attempt(world: &World, number: u8) -> AttemptId {
    AttemptId { request: RequestId::from_parts(world.clock.now(), [number; 10]), number: 1 }
}

/// Holds so many nano-dollars for an attempt of the default tenant on these scopes.
fn hold(world: &World, number: u8, scopes: &[Scope], amount: i64) -> Result<Hold, Refused> {
    let budgets = Budgets::new(&world.records().budgets);
    let (at, attempt) = (world.clock.now(), attempt(world, number));
    let ask = Ask { tenant: TenantId::DEFAULT, scopes, at, amount: Nanodollars(amount), attempt };
    world.allowances.book.hold(&budgets, &ask)
}

fn figures(line: &Value) -> [i64; 4] {
    ["limit", "spent", "reserved", "left"].map(|name| line[format!("{name}_nanodollars")].as_i64().unwrap())
}

#[tokio::test]
async fn m05_the_figures_that_refuse_are_the_figures_shown() {
    let world = peopled().await;
    let budget = json!({ "scope": "team:research", "usd": "0.1", "per": "day", "zone": "Asia/Seoul" });
    set(&world, budget).await.expect(200);
    let scopes = [Scope::Global, Scope::Team(TeamId::from_bits(1))];
    let first = hold(&world, 1, &scopes, 60_000_001).unwrap();
    first.settle(Some(Nanodollars(33_333_333)));
    let _second = hold(&world, 2, &scopes, 50_000_000).unwrap();

    let refused = hold(&world, 3, &scopes, 16_666_668).unwrap_err();
    let Why::Reached(id, reached) = refused.why else { panic!("{refused:?}") };
    let shown = world.get("/budgets/team:research").await.expect(200);
    assert_eq!(shown.str("/id"), id.to_string());
    let line = &shown.json["balances"][0];
    assert_eq!(figures(line), [reached.limit.0, reached.spent.0, reached.reserved.0, 16_666_667]);
    assert_eq!(figures(line)[1..3], [33_333_333, 50_000_000]);
    assert_eq!((line["spent_usd"].as_str(), line["left_usd"].as_str()), (Some("0.033333333"), Some("0.016666667")));
    // Midnight in Seoul, in both.
    assert_eq!(reached.resets_at.unix_millis(), world.clock.now().unix_millis() + 15 * 3_600_000);
    assert_eq!(line["resets_at"], "2026-11-20T15:00:00Z");
    assert_eq!(line["resets_local"], "2026-11-21 00:00 +09:00");
    assert_eq!((&line["known"], &line["scope"]), (&json!(true), &json!("team:research")));
    // A list shows the same, and so does everything that applies to the team.
    for path in ["/budgets", "/budgets?scope=team:research", "/budgets?applies_to=team:research"] {
        assert_eq!(&world.get(path).await.expect(200).json["items"][0]["balances"][0], line, "{path}");
    }
    // What just fits is held: the number was right to the nano-dollar.
    hold(&world, 4, &scopes, 16_666_667).unwrap().release();
}

#[tokio::test]
async fn what_was_spent_before_a_budget_was_set_is_in_it_and_rows_move_it() {
    let world = peopled().await;
    world.post("/vkeys", json!({ "name": "app" })).await.expect(201);
    let row = |number, cost| ledger::entry(&world, number, "gpt-4o", Some(cost), AttemptOutcome::Completed);
    world.allowances.booked.append(&[row(1, 7_000)], &[]).unwrap();
    set(&world, json!({ "scope": "model:openai/gpt-4o", "usd": "1", "per": "rolling:7d" })).await.expect(200);
    let line = world.get("/budgets/model:openai%2Fgpt-4o").await.expect(200).json["balances"][0].clone();
    assert_eq!((figures(&line)[1], &line["known"]), (7_000, &json!(true)));
    assert!(line["resets_at"].is_null() && line["forecast_usd"].is_null(), "it leaves little by little: {line}");
    world.allowances.booked.append(&[row(1, 7_000), row(2, 5)], &[]).unwrap();
    let line = world.get("/budgets/model:openai%2Fgpt-4o").await.expect(200).json["balances"][0].clone();
    assert_eq!(figures(&line)[1], 7_005, "a row counts once");
}

#[tokio::test]
async fn a_forecast_follows_the_part_of_the_window_that_is_over() {
    let world = peopled().await;
    set(&world, json!({ "scope": "global", "usd": "10", "per": "day" })).await.expect(200);
    hold(&world, 1, &[Scope::Global], 3_000_000_000).unwrap().settle(Some(Nanodollars(2_000_000_000)));
    let forecast = async || world.get("/budgets/global").await.expect(200).json["balances"][0]["forecast_usd"].clone();
    assert_eq!(forecast().await, Value::Null, "the day has just begun");
    world.clock.advance(Duration::from_hours(6));
    assert_eq!(forecast().await, "8.00");
    world.clock.advance(Duration::from_hours(12));
    assert_eq!(forecast().await, "2.666666666");
    world.clock.advance(Duration::from_hours(6));
    assert_eq!(forecast().await, Value::Null, "the next day");
}

#[tokio::test]
async fn a_budget_on_each_of_a_kind_shows_those_who_spent_most() {
    let world = peopled().await;
    set(&world, json!({ "scope": "each:end_user", "usd": "0.00000003", "per": "month" })).await.expect(200);
    for number in 1..=25_u8 {
        let scope = Scope::EndUser(TenantId::DEFAULT, format!("customer-{number}").into());
        let amount = i64::from(number) + 5;
        hold(&world, number, &[scope], amount).unwrap().settle(Some(Nanodollars(amount)));
    }
    let shown = world.get("/budgets/each:end_user").await.expect(200);
    let scopes: Vec<_> =
        shown.json["balances"].as_array().unwrap().iter().map(|line| line["scope"].as_str().unwrap()).collect();
    assert_eq!((scopes.len(), &scopes[..2]), (20, &["end_user:customer-25", "end_user:customer-24"][..]));
    assert_eq!((shown.json["scopes"].as_u64(), shown.json["exhausted"].as_u64()), (Some(25), Some(1)));
    let listed = world.get("/budgets").await.expect(200);
    assert_eq!(listed.json["items"][0]["balances"].as_array().unwrap().len(), 3);
    // One of them, whether it has spent anything or not.
    let one = world.get("/budgets?applies_to=end_user:customer-7").await.expect(200);
    assert_eq!(figures(&one.json["items"][0]["balances"][0])[1], 12);
    let new = world.get("/budgets?applies_to=end_user:new").await.expect(200);
    assert_eq!(figures(&new.json["items"][0]["balances"][0]), [30, 0, 0, 30]);
    assert_eq!(world.get("/budgets?applies_to=end_user:acme%2Fnew").await.expect(200).json["items"], json!([]));
    assert_eq!(world.get("/budgets?applies_to=user:ada").await.expect(200).json["items"], json!([]));
    let vague = world.get("/budgets?applies_to=each:user").await;
    assert_eq!((vague.status.as_u16(), vague.str("/error/param")), (400, "applies_to"));
}

#[tokio::test]
async fn status_tells_of_budgets_that_are_used_up_and_of_counters_that_are_away() {
    let world = peopled().await;
    set(&world, json!({ "scope": "global", "usd": "1", "per": "day" })).await.expect(200);
    set(&world, json!({ "scope": "each:user", "usd": "0.5", "per": "week" })).await.expect(200);
    set(&world, json!({ "scope": "team:research", "usd": "1", "per": "day", "mode": "observe" })).await.expect(200);
    set(&world, json!({ "scope": "tenant:acme", "usd": "0", "per": "day" })).await.expect(200);
    let status = world.get("/status").await.expect(200);
    assert_eq!((&status.json["exhausted_budgets"], &status.json["degraded_counters"]), (&json!([]), &Value::Null));
    for (number, user) in [(1, 1), (2, 2)] {
        let scopes = [Scope::Global, Scope::User(UserId::from_bits(user)), Scope::Team(TeamId::from_bits(1))];
        hold(&world, number, &scopes, 500_000_000).unwrap().settle(Some(Nanodollars(500_000_000)));
    }
    *world.allowances.broken.lock().unwrap() = Some("the connection was refused.".to_owned());
    let status = world.get("/status").await.expect(200);
    let exhausted: Vec<_> = status.json["exhausted_budgets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|budget| (budget["scope"].as_str().unwrap(), budget["scopes"].as_u64().unwrap()))
        .collect();
    assert_eq!(exhausted, [("global", 1), ("each:user", 2)]);
    assert_eq!(status.str("/degraded_counters"), "the connection was refused.");
    assert!(status.text.contains("`global` per day is used up: calls"), "{}", status.text);
    assert!(status.text.contains("`each:user` per week is used up for 2 of them"), "{}", status.text);
    assert!(status.text.contains("the connection was refused. Check the server"), "{}", status.text);
}

#[tokio::test]
async fn limits_show_where_their_counters_stand() {
    let world = peopled().await;
    for body in [
        json!({ "scope": "global", "meter": "requests", "per": "minute", "quota": 10 }),
        json!({ "scope": "each:user", "meter": "tokens", "per": "hour", "quota": 1000 }),
        json!({ "scope": "global", "meter": "concurrency", "quota": 2 }),
    ] {
        world.call("PUT", "/limits", body).await.expect(200);
    }
    let ada = Scope::User(UserId::from_bits(1));
    let take = |number: u8| {
        let limits = Limits::new(&world.records().limits);
        let amounts = Amounts { input_tokens: 100, output_tokens: 200 };
        let asks = limits.asks(&[Scope::Global, ada.clone()], TenantId::DEFAULT, amounts);
        assert_eq!(asks.len(), 3);
        world.allowances.counters.take_now(asks, attempt(&world, number), world.clock.monotonic())
    };
    let first = take(1).unwrap();
    let second = take(2).unwrap();
    let Err(Refusal::Reached(reached)) = take(3) else { panic!("two at once") };
    assert_eq!((reached.scope.clone(), reached.quota), (Scope::Global, 2));
    let shown = world.get("/limits/global?meter=concurrency").await.expect(200);
    assert_eq!(shown.json["uses"], json!([{ "scope": "global", "used": 2, "remaining": 0, "free_at": null }]));
    let shown = world.get("/limits/global?meter=requests").await.expect(200);
    let line = &shown.json["uses"][0];
    assert_eq!((&line["used"], &line["remaining"]), (&json!(2), &json!(8)), "a refused call changes no counter");
    assert!(line["free_at"].as_str().unwrap().starts_with("2026-11-20T00:01:"), "{line}");
    // Of each of a kind, the one that is asked about.
    assert_eq!(world.get("/limits/each:user").await.expect(200).json["uses"], json!([]));
    let hers = world.get("/limits?applies_to=user:ada").await.expect(200);
    assert_eq!(hers.json["items"].as_array().unwrap().len(), 1);
    let line = &hers.json["items"][0]["uses"][0];
    assert_eq!((line["scope"].as_str(), line["used"].as_u64()), (Some("user:ada"), Some(600)));
    for taken in [first, second] {
        world.allowances.counters.settle(taken, Amounts { input_tokens: 1, output_tokens: 1 }, world.clock.monotonic());
    }
    let hers = world.get("/limits?applies_to=user:ada").await.expect(200);
    assert_eq!(hers.json["items"][0]["uses"][0]["used"], 4, "the truth in the end");
}

#[tokio::test]
async fn each_tenant_is_every_tenant_and_each_user_those_of_one() {
    let world = peopled().await;
    set(&world, json!({ "scope": "each:tenant", "usd": "0.00000002", "per": "day" })).await.expect(200);
    set(&world, json!({ "scope": "each:team", "usd": "1", "per": "day" })).await.expect(200);
    let limit = json!({ "scope": "each:tenant", "meter": "requests", "per": "minute", "quota": 1 });
    world.call("PUT", "/limits", limit).await.expect(200);
    let acme = TenantId::from_bits(7);
    let budgets = Budgets::new(&world.records().budgets);
    let hold = |number: u8, tenant, amount| {
        let scopes = [Scope::Tenant(tenant), Scope::Team(TeamId::from_bits(if tenant == acme { 2 } else { 1 }))];
        let (at, attempt) = (world.clock.now(), attempt(&world, number));
        let ask = Ask { tenant, scopes: &scopes, at, amount: Nanodollars(amount), attempt };
        world.allowances.book.hold(&budgets, &ask)
    };
    hold(1, acme, 20).unwrap().settle(Some(Nanodollars(20)));
    assert!(hold(2, acme, 1).is_err());
    hold(3, TenantId::DEFAULT, 5).unwrap().settle(Some(Nanodollars(5)));
    let shown = world.get("/budgets/each:tenant").await.expect(200);
    let spent: Vec<_> = shown.json["balances"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (line["scope"].clone(), figures(line)[1]))
        .collect();
    assert_eq!(spent, [(json!("tenant:acme"), 20), (json!("tenant:default"), 5)]);
    let hers = world.get("/budgets?applies_to=tenant:acme").await.expect(200);
    assert_eq!(hers.json["items"].as_array().unwrap().len(), 1);
    let asks = Limits::new(&world.records().limits).asks(&[Scope::Tenant(acme)], acme, Amounts::default());
    assert_eq!(asks.len(), 1);
    // A team of another tenant has spent nothing of this one's budget.
    let teams = world.get("/budgets/each:team").await.expect(200);
    assert_eq!(teams.json["balances"].as_array().unwrap().len(), 1, "{}", teams.text);
}

#[tokio::test]
async fn scopes_of_other_tenants_are_not_shown_under_a_budget_on_each() {
    let world = peopled().await;
    world.post("/vkeys", json!({ "name": "app" })).await.expect(201);
    // The row is there before the budget, and what is read from the ledger knows teams by their ids only.
    for (number, team) in [(1, 1), (2, 2)] {
        let mut row = ledger::entry(&world, number, "gpt-4o", Some(1_000), AttemptOutcome::Completed);
        let team = Some(TeamId::from_bits(team));
        row.subject.attributed = Some(Attributed { team, ..Attributed::default() }.into());
        world.allowances.booked.append(&[row], &[]).unwrap();
    }
    set(&world, json!({ "scope": "each:team", "usd": "1", "per": "day" })).await.expect(200);
    let teams = world.get("/budgets/each:team").await.expect(200);
    assert_eq!((teams.str("/balances/0/scope"), &teams.json["scopes"]), ("team:research", &json!(1)), "{}", teams.text);
}
