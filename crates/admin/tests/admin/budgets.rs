//! Budgets: set, changed, shown, deleted; every wrong input; what happens to them when their scope goes.

use std::sync::atomic::Ordering;
use std::time::Duration;

use keyward_domain::audit::AuditDraft;
use keyward_domain::ids::{AuditId, TeamId, TenantId, UserId};
use keyward_domain::port::{Change, Clock as _, Store as _};
use keyward_domain::principal::Principal;
use keyward_domain::scope::{Reach, Scope, ScopeKind};
use keyward_domain::tenancy::{Team, Tenant, User};
use keyward_domain::virtual_key::Grant;
use serde_json::{Value, json};

use crate::world::{Answer, World};

/// Two tenants: the default one with a team and a user, and `acme` with a team of the same name.
pub(crate) async fn peopled() -> World {
    let world = World::new();
    world.with_openai().await;
    let (created_at, revision) = (world.clock.now(), 1);
    let grant = Grant::default;
    let acme = TenantId::from_bits(7);
    let team = |id, tenant, name: &str| {
        let (name, grant) = (name.to_owned(), grant());
        Change::PutTeam(Team { id: TeamId::from_bits(id), tenant, name, enabled: true, grant, created_at, revision })
    };
    let user = User {
        id: UserId::from_bits(1),
        tenant: TenantId::DEFAULT,
        team: Some(TeamId::from_bits(1)),
        name: "ada".to_owned(),
        enabled: true,
        grant: grant(),
        created_at,
        revision,
    };
    let tenant = Tenant { id: acme, name: "acme".to_owned(), enabled: true, grant: grant(), created_at, revision };
    let changes = [
        Change::PutTenant(tenant),
        team(1, TenantId::DEFAULT, "research"),
        team(2, acme, "research"),
        Change::PutUser(user),
    ];
    let id = AuditId::mint(created_at, world.control.entropy()).unwrap();
    let audit = AuditDraft::done(id, created_at, &Principal::System, "test.people", &"people");
    world.store.inner.commit(&changes, &audit).unwrap();
    world
}

pub(crate) async fn set(world: &World, body: Value) -> Answer {
    world.call("PUT", "/budgets", body).await
}

#[tokio::test]
async fn a_budget_is_set_changed_shown_and_deleted() {
    let world = peopled().await;
    let made = set(
        &world,
        json!({ "scope": "global", "usd": "500", "per": "day", "zone": "Asia/Seoul", "alert_at": [50, "99.5", 80] }),
    )
    .await
    .expect(200);
    assert_eq!(made.headers["etag"], "\"1\"");
    let id = made.str("/id").to_owned();
    assert!(id.starts_with("bud_"));
    assert_eq!(made.json["alert_at"], json!(["50", "80", "99.5"]));
    let figures = (made.str("/scope"), made.str("/usd"), made.json["nanodollars"].as_i64(), made.str("/zone"));
    assert_eq!(figures, ("global", "500.00", Some(500_000_000_000), "Asia/Seoul"));
    let words = (made.str("/kind"), made.str("/mode"), made.str("/hold"), made.str("/per"));
    assert_eq!(words, ("hard", "enforce", "adaptive", "day"));

    // What is not said stays; the window need not be said while there is one budget only.
    let changed = set(&world, json!({ "scope": "global", "usd": "0.000000001", "kind": "soft", "hold": "strict" }))
        .await
        .expect(200);
    assert_eq!((changed.str("/id"), changed.str("/usd"), changed.str("/zone")), (&*id, "0.000000001", "Asia/Seoul"));
    assert_eq!(
        (changed.json["revision"].as_u64(), changed.str("/kind"), changed.str("/hold")),
        (Some(2), "soft", "strict")
    );

    // Another window is another budget.
    let month =
        set(&world, json!({ "scope": "global", "usd": "9000", "per": "month", "month_day": 15 })).await.expect(200);
    assert_ne!(month.str("/id"), id);
    assert_eq!(month.json["month_day"], 15);
    let listed = world.get("/budgets").await.expect(200);
    assert_eq!(listed.json["items"].as_array().unwrap().len(), 2);
    let vague = world.get("/budgets/global").await;
    assert_eq!((vague.status.as_u16(), vague.code()), (409, "ambiguous_name"));
    assert!(vague.str("/error/message").contains("`day`, `month`"), "{}", vague.text);
    assert_eq!(set(&world, json!({ "scope": "global", "usd": "1" })).await.code(), "ambiguous_name");
    assert_eq!(world.get("/budgets/global?per=month").await.expect(200).str("/id"), month.str("/id"));
    assert_eq!(world.get(&format!("/budgets/{id}")).await.expect(200).str("/per"), "day");

    world.call("DELETE", "/budgets/global?per=day", Value::Null).await.expect(200);
    assert_eq!(world.get(&format!("/budgets/{id}")).await.code(), "not_found");
    assert_eq!(world.call("DELETE", "/budgets/global?per=week", Value::Null).await.code(), "not_found");
    let actions = world.audit_actions();
    assert_eq!(actions[actions.len() - 4..], ["budget.set", "budget.set", "budget.set", "budget.delete"]);
    let audit = world.get("/audit?limit=4").await.expect(200);
    assert!(audit.text.contains("global: 500.00 USD per day (Asia/Seoul), hard, enforce, adaptive"), "{}", audit.text);
    assert!(audit.text.contains("global per day"), "{}", audit.text);
}

#[tokio::test]
async fn names_become_ids_and_are_shown_as_names() {
    let world = peopled().await;
    world.post("/vkeys", json!({ "name": "app" })).await.expect(201);
    let key = world.key("primary");
    for (written, shown) in [
        ("global", "global"),
        ("tenant:acme", "tenant:acme"),
        ("tenant:default", "tenant:default"),
        ("team:research", "team:research"),
        ("team:acme/research", "team:acme/research"),
        ("user:ada", "user:ada"),
        ("end_user:cus_9", "end_user:cus_9"),
        ("end_user:acme/cus_9", "end_user:acme/cus_9"),
        ("end_user:somebody/else", "end_user:somebody/else"),
        ("end_user:default/acme/cus_9", "end_user:default/acme/cus_9"),
        ("vkey:app", "vkey:app"),
        ("virtual_key:app", "vkey:app"),
        ("tag:env=prod", "tag:env=prod"),
        ("provider:openai", "provider:openai"),
        ("key:openai/primary", "key:openai/primary"),
        ("key:primary", "key:openai/primary"),
        ("model:openai/gpt-4o", "model:openai/gpt-4o"),
        ("model:acme/openai/gpt-4o", "model:acme/openai/gpt-4o"),
        ("each:user", "each:user"),
        ("each:acme/end_user", "each:acme/end_user"),
        ("each:vkey", "each:vkey"),
        ("each:key", "each:key"),
    ] {
        let made = set(&world, json!({ "scope": written, "usd": "1", "per": "day" })).await.expect(200);
        assert_eq!(made.str("/scope"), shown, "{written}");
        let again =
            world.call("GET", &format!("/budgets?scope={}", made.str("/scope").replace('/', "%2F")), Value::Null).await;
        assert_eq!(again.expect(200).str("/items/0/scope"), shown, "what is shown can be asked for");
    }
    let records = world.records();
    let on = |reach: Reach| records.budgets.iter().filter(|budget| budget.reach == reach).count();
    assert_eq!(on(Reach::One(Scope::Credential(key))), 1, "two ways to write it, one budget");
    assert_eq!(on(Reach::One(Scope::Team(TeamId::from_bits(2)))), 1);
    assert_eq!(on(Reach::Each(ScopeKind::EndUser)), 1);
    let acme = records.budgets.iter().find(|budget| budget.reach == Reach::Each(ScopeKind::EndUser)).unwrap();
    assert_eq!(acme.tenant, TenantId::from_bits(7));
}

#[tokio::test]
async fn every_wrong_form_is_refused_with_its_remedy() {
    let world = peopled().await;
    let before = world.records().revision;
    let day = |field: &str, value: Value| {
        let mut body = json!({ "scope": "global", "usd": "5", "per": "day" });
        body[field] = value;
        body
    };
    let with = |per: &str, field: &str, value: Value| {
        let mut body = json!({ "scope": "global", "usd": "5", "per": per });
        body[field] = value;
        body
    };
    let shares: Vec<u64> = (1..=9).collect();
    let many: Vec<Value> = (1..=17).map(|usd| json!({ "usd": usd.to_string(), "until": "2027-01-01" })).collect();
    for (body, param, remedy) in [
        (day("scope", json!("everything")), "scope", "each:user"),
        (day("scope", json!("global:x")), "scope", "global"),
        (day("scope", json!("team:")), "scope", "1 to 193"),
        (day("scope", json!("each:global")), "scope", "each:"),
        (day("scope", json!("each:acme/tenant")), "scope", "every tenant"),
        (day("scope", json!("each:cat")), "scope", "end_user"),
        (day("scope", json!("model:gpt-4o")), "scope", "provider/model"),
        (day("scope", json!(format!("tag:{}", "x".repeat(129)))), "scope", "128"),
        (day("usd", json!("-5")), "usd", "not negative"),
        (day("usd", json!("0.0000000001")), "usd", "nine decimals"),
        (day("usd", json!("10000000")), "usd", "10000000"),
        (day("usd", json!(5)), "usd", ""),
        (day("usd", json!("5 USD")), "usd", "12.50"),
        (day("per", json!("fortnight")), "per", "rolling:7d"),
        (day("per", json!("rolling:10m")), "per", "quarters of an hour"),
        (day("per", json!("rolling:4000d")), "per", "3660 days"),
        (day("per", json!("anchored:14d")), "per", "anchored:14d@2026-11-01"),
        (day("per", json!("anchored:14d@2026-02-30")), "per", "2026-12-01"),
        (day("per", json!("anchored:14d@2026-11-01T00:07")), "per", "full quarter"),
        (day("zone", json!("Mars/Olympus")), "zone", "Europe/Berlin"),
        (day("zone", json!("x".repeat(65))), "zone", "IANA"),
        (day("week_starts", json!("sunday")), "week_starts", "week"),
        (with("week", "week_starts", json!("someday")), "week_starts", "monday"),
        (with("month", "month_day", json!(31)), "month_day", "1 to 28"),
        (with("month", "month_day", json!(0)), "month_day", "1 to 28"),
        (with("month", "month_day", json!(300)), "month_day", "1 to 28"),
        (day("month_day", json!(3)), "month_day", "month"),
        (day("kind", json!("firm")), "kind", "hard"),
        (day("mode", json!("watch")), "mode", "observe"),
        (day("hold", json!("loose")), "hold", "adaptive"),
        (day("alert_at", json!([0])), "alert_at", "percent"),
        (day("alert_at", json!(["0.05"])), "alert_at", "one decimal"),
        (day("alert_at", json!(shares)), "alert_at", "8"),
        (day("top_up", json!({ "usd": "5", "until": "2026-11-01" })), "top_up", "future"),
        (day("top_up", json!({ "usd": "5", "until": "later" })), "top_up", "2026-12-01"),
        (day("top_up", json!({ "usd": "0", "until": "2027-01-01" })), "top_up", "above zero"),
        (day("top_up", json!({ "usd": "5" })), "until", "until"),
        (day("top_ups", json!(many)), "top_up", "16"),
        (json!({ "scope": "global", "usd": "5" }), "per", "window"),
        (json!({ "scope": "global", "per": "day" }), "usd", "amount"),
        (json!({ "scope": "global", "top_up": { "usd": "5", "until": "2027-01-01" } }), "usd", "no budget on `global`"),
        (json!({ "usd": "5", "per": "day" }), "scope", "scope"),
    ] {
        let answer = set(&world, body.clone()).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (400, "invalid_request"), "{body}: {}", answer.text);
        assert!(answer.str("/error/param").starts_with(param), "{body}: {}", answer.text);
        assert!(answer.str("/error/message").contains(remedy), "{body}: {}", answer.text);
    }
    assert_eq!(world.records().revision, before, "nothing was written");
}

#[tokio::test]
async fn scopes_that_nobody_has_are_not_found() {
    let world = peopled().await;
    let before = world.records().revision;
    for (scope, kind) in [
        ("team:nobody", "team"),
        ("user:nobody", "user"),
        ("tenant:nobody", "tenant"),
        ("vkey:nobody", "virtual key"),
        ("provider:nobody", "provider"),
        ("key:openai/nobody", "provider key"),
        ("model:nobody/gpt-4o", "provider"),
        ("each:nobody/user", "tenant"),
    ] {
        let answer = set(&world, json!({ "scope": scope, "usd": "5", "per": "day" })).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (404, "not_found"), "{scope}: {}", answer.text);
        assert!(answer.str("/error/message").contains(&format!("no {kind} `")), "{scope}: {}", answer.text);
    }
    assert_eq!(world.records().revision, before, "nothing was written");
}

#[tokio::test]
async fn top_ups_are_added_listed_and_taken_away() {
    let world = peopled().await;
    set(&world, json!({ "scope": "team:research", "usd": "100", "per": "month", "zone": "Asia/Seoul" }))
        .await
        .expect(200);
    let top_up = |usd: &str, until: &str| json!({ "scope": "team:research", "top_up": { "usd": usd, "until": until } });
    set(&world, top_up("50", "2026-12-01T00:00")).await.expect(200);
    let twice = set(&world, top_up("0.5", "2026-11-25")).await.expect(200);
    assert_eq!((twice.str("/usd"), twice.str("/usd_now")), ("100.00", "150.50"));
    // Midnight is the budget's own.
    let ends = [("0.50", "2026-11-24T15:00:00Z"), ("50.00", "2026-11-30T15:00:00Z")];
    let ends = ends.map(|(usd, until)| json!({ "usd": usd, "until": until }));
    assert_eq!(twice.json["top_ups"], json!(ends));
    // What has ended is neither shown nor kept.
    world.clock.advance(Duration::from_hours(24 * 6));
    let later = world.get("/budgets/team:research").await.expect(200);
    assert_eq!((later.str("/usd_now"), later.json["top_ups"].as_array().unwrap().len()), ("150.00", 1));
    set(&world, json!({ "scope": "team:research", "usd": "200" })).await.expect(200);
    assert_eq!(world.records().budgets[0].top_ups.len(), 1);
    let without = set(&world, json!({ "scope": "team:research", "top_ups": [] })).await.expect(200);
    assert_eq!((without.str("/usd_now"), without.json["top_ups"].as_array().unwrap().len()), ("200.00", 0));
}

#[tokio::test]
async fn changes_are_based_on_a_revision_and_written_with_their_audit_entry_or_not_at_all() {
    let world = peopled().await;
    let with_revision = |revision: u64, usd: &str| json!({ "scope": "each:user", "usd": usd, "per": "week", "week_starts": "sunday", "if_match": revision });
    assert_eq!(set(&world, with_revision(1, "1")).await.code(), "revision_mismatch", "there is none yet");
    set(&world, with_revision(0, "1")).await.expect(200);
    assert_eq!(set(&world, with_revision(0, "2")).await.code(), "revision_mismatch");
    set(&world, with_revision(1, "2")).await.expect(200);
    world.store.broken.store(true, Ordering::SeqCst);
    let actions = world.audit_actions();
    assert_eq!(set(&world, with_revision(2, "3")).await.code(), "store_failed");
    assert_eq!(world.call("DELETE", "/budgets/each:user", Value::Null).await.code(), "store_failed");
    world.store.broken.store(false, Ordering::SeqCst);
    assert_eq!(world.get("/budgets/each:user").await.expect(200).str("/usd"), "2.00");
    assert_eq!(world.audit_actions(), actions);
    assert_eq!(
        *world.published.lock().unwrap().last().unwrap(),
        world.records().revision,
        "in effect when it is answered"
    );
}

#[tokio::test]
async fn two_that_set_the_same_budget_at_once_make_one() {
    let world = peopled().await;
    let body = json!({ "scope": "global", "usd": "5", "per": "day" });
    let (one, other) = tokio::join!(set(&world, body.clone()), set(&world, body));
    assert_eq!((one.expect(200).str("/id"), world.records().budgets.len()), (other.expect(200).str("/id"), 1));
}

#[tokio::test]
async fn a_scope_has_so_many_budgets_and_no_more() {
    let world = peopled().await;
    for hours in 1..=8 {
        set(&world, json!({ "scope": "global", "usd": "5", "per": format!("{hours}h") })).await.expect(200);
    }
    let answer = set(&world, json!({ "scope": "global", "usd": "5", "per": "day" })).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (409, "wrong_state"));
    assert!(answer.str("/error/message").contains("8 budgets"), "{}", answer.text);
    set(&world, json!({ "scope": "global", "usd": "6", "per": "8h" })).await.expect(200);
    set(&world, json!({ "scope": "each:team", "usd": "5", "per": "day" })).await.expect(200);
    // Pages go on where the one before ended.
    let first = world.get("/budgets?limit=5").await.expect(200);
    let second = world.get(&format!("/budgets?limit=5&cursor={}", first.str("/next_cursor"))).await.expect(200);
    assert_eq!((first.json["items"].as_array().unwrap().len(), second.json["items"].as_array().unwrap().len()), (5, 4));
    assert_eq!(world.get("/budgets?cursor=nonsense").await.code(), "bad_cursor");
}

#[tokio::test]
async fn what_goes_takes_its_budgets_and_limits_along() {
    let world = peopled().await;
    for scope in ["key:openai/primary", "provider:openai", "model:openai/gpt-4o", "team:research", "global"] {
        set(&world, json!({ "scope": scope, "usd": "5", "per": "day" })).await.expect(200);
        let limit = json!({ "scope": scope, "meter": "requests", "per": "minute", "quota": 10 });
        world.call("PUT", "/limits", limit).await.expect(200);
    }
    let scopes = || {
        let mut left: Vec<_> = world.records().budgets.iter().map(|budget| budget.reach.clone()).collect();
        let limits = world.records().limits;
        left.sort();
        assert_eq!(limits.len(), left.len(), "limits go like budgets");
        left.len()
    };
    // A new name is a new name everywhere.
    world.call("PATCH", "/providers/openai", json!({ "name": "vendor" })).await.expect(200);
    world.get("/budgets/model:vendor%2Fgpt-4o").await.expect(200);
    assert_eq!(scopes(), 5);
    world.call("DELETE", "/keys/primary", Value::Null).await.expect(200);
    assert_eq!(scopes(), 4);
    world.call("DELETE", "/providers/vendor", Value::Null).await.expect(200);
    assert_eq!(scopes(), 2);
    assert_eq!(world.get("/budgets").await.expect(200).json["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn deleted_teams_and_users_take_theirs_along() {
    let world = peopled().await;
    for scope in ["team:acme/research", "user:ada", "each:user"] {
        set(&world, json!({ "scope": scope, "usd": "5", "per": "day" })).await.expect(200);
    }
    world.call("DELETE", "/teams/acme%2Fresearch", Value::Null).await.expect(200);
    world.call("DELETE", "/users/ada", Value::Null).await.expect(200);
    let left: Vec<_> = world.records().budgets.into_iter().map(|budget| budget.reach).collect();
    assert_eq!(left, [Reach::Each(ScopeKind::User)]);
}

#[tokio::test]
async fn a_budget_whose_scope_is_gone_is_shown_by_its_id() {
    let world = peopled().await;
    set(&world, json!({ "scope": "team:research", "usd": "5", "per": "day" })).await.expect(200);
    let team = TeamId::from_bits(1);
    let at = world.clock.now();
    let id = AuditId::mint(at, world.control.entropy()).unwrap();
    let audit = AuditDraft::done(id, at, &Principal::System, "test.gone", &"team");
    let mut ada = world.records().users[0].clone();
    (ada.team, ada.revision) = (None, 2);
    world.store.inner.commit(&[Change::PutUser(ada), Change::RemoveTeam(team)], &audit).unwrap();
    let listed = world.get("/budgets").await.expect(200);
    assert_eq!(listed.str("/items/0/scope"), format!("team:{team}"));
    let id = listed.str("/items/0/id").to_owned();
    world.call("DELETE", &format!("/budgets/{id}"), Value::Null).await.expect(200);
}
