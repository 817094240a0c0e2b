//! Budgets and limits in the hands of a tenant's own administrators: within the tenant, beside what the installation has set,
//! and never instead of it.

use std::time::Duration;

use keyward_domain::audit::{AuditDraft, Outcome};
use keyward_domain::budget::{Budget, BudgetKind, HoldMode, MAX_OF_TENANT, Mode};
use keyward_domain::ids::{AuditId, BudgetId, TenantId};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::{Change, Clock as _, Store as _};
use keyward_domain::principal::{Principal, Realm};
use keyward_domain::scope::{Reach, Scope};
use keyward_domain::window::{Period, Windows};
use serde_json::{Value, json};

use crate::isolation::{Divided, items};
use crate::world::Answer;

/// What a tenant cannot be the only one to spend on.
const TOO_WIDE: [&str; 9] = [
    "global",
    "provider:openai",
    "provider:nobody",
    "key:openai/primary",
    "model:openai/gpt-4o",
    "each:tenant",
    "each:provider",
    "each:key",
    "each:model",
];

/// What belongs to another tenant, by its name.
const FOREIGN: [&str; 7] = [
    "tenant:beta",
    "tenant:default",
    "team:beta/beta-team",
    "team:beta-team",
    "user:beta-team-user",
    "vkey:beta-key",
    "each:beta/user",
];

/// What `acme` has, and what it is shown as.
const OWN: [(&str, &str); 10] = [
    ("tenant:acme", "tenant:acme"),
    ("team:search", "team:acme/search"),
    ("team:acme/ads", "team:acme/ads"),
    ("user:search-user", "user:acme/search-user"),
    ("vkey:acme-key", "vkey:acme/acme-key"),
    ("end_user:customer", "end_user:acme/customer"),
    ("tag:acme/blue", "tag:acme/blue"),
    ("each:user", "each:acme/user"),
    ("each:acme/end_user", "each:acme/end_user"),
    ("each:team", "each:acme/team"),
];

/// The two sorts: path, and what sets one on a scope.
fn sorts(scope: &str) -> [(&'static str, Value); 2] {
    [
        ("/budgets", json!({ "scope": scope, "usd": "5", "per": "month" })),
        ("/limits", json!({ "scope": scope, "meter": "requests", "per": "minute", "quota": 60 })),
    ]
}

impl Divided {
    /// Sets both sorts on this as the installation, and answers with their ids.
    async fn bind(&self, scope: &str) -> [String; 2] {
        let [(budgets, budget), (limits, limit)] = sorts(scope);
        let budget = self.world.call("PUT", budgets, budget).await.expect(200);
        let limit = self.world.call("PUT", limits, limit).await.expect(200);
        // Lists are in the order of ids, and those begin with the moment.
        self.world.clock.advance(Duration::from_millis(1));
        [budget.str("/id").to_owned(), limit.str("/id").to_owned()]
    }

    fn tenant(&self, name: &str) -> TenantId {
        self.world.records().tenants.iter().find(|tenant| tenant.name == name).unwrap().id
    }

    fn refusals(&self) -> usize {
        let entries = self.world.store.inner.audit(None, 500).unwrap();
        entries.iter().filter(|entry| entry.outcome == Outcome::Refused).count()
    }
}

fn said(answer: &Answer) -> (u16, &str, &str) {
    (answer.status.as_u16(), answer.code(), answer.str("/error/param"))
}

#[tokio::test]
async fn a19_budgets_and_limits_of_a_tenant_reach_no_further_than_the_tenant() {
    let divided = Divided::new().await;
    let before = divided.world.records();
    for scope in TOO_WIDE {
        for (path, body) in sorts(scope) {
            let answer = divided.call("acme", "PUT", path, body).await;
            assert_eq!(said(&answer), (403, "exceeds_grantor", "scope"), "{path} {scope}: {}", answer.text);
            assert!(answer.str("/error/message").contains("each:user"), "it says what to do: {}", answer.text);
        }
    }
    for (number, scope) in FOREIGN.into_iter().enumerate() {
        for (path, body) in sorts(scope) {
            let answer = divided.call("acme", "PUT", path, body).await;
            assert_eq!(said(&answer).0, 404, "{path} {scope}: {}", answer.text);
            assert_eq!(answer.code(), "not_found");
        }
        assert_eq!(divided.refusals(), 2 * number + 2, "{scope}: kept in the audit log");
    }
    assert_eq!(divided.world.records().budgets, before.budgets, "nothing is stored");
    assert_eq!(divided.world.records().limits, before.limits);

    let acme = divided.tenant("acme");
    for (number, (scope, shown)) in OWN.into_iter().enumerate() {
        for (path, body) in sorts(scope) {
            let made = divided.call("acme", "PUT", path, body).await.expect(200);
            assert_eq!((made.str("/scope"), made.str("/set_by")), (shown, "tenant"), "{path} {scope}");
            let again = divided.get("acme", &format!("{path}/{}", shown.replace('/', "%2F"))).await;
            assert_eq!(again.str("/id"), made.str("/id"), "{shown} names it: {}", again.text);
        }
        let records = divided.world.records();
        assert_eq!((records.budgets.len(), records.limits.len()), (number + 1, number + 1));
        let budget = records.budgets.iter().max_by_key(|budget| budget.id).unwrap();
        assert_eq!((budget.tenant, budget.set_by), (acme, Realm::Tenant(acme)), "{scope}");
        let limit = records.limits.iter().max_by_key(|limit| limit.id).unwrap();
        assert_eq!((limit.tenant, limit.set_by), (acme, Realm::Tenant(acme)), "{scope}");
    }
    let audited = divided.get("acme", "/audit").await;
    let set = items(&audited, "action").iter().filter(|action| *action == "budget.set").count();
    assert_eq!(set, OWN.len() + FOREIGN.len(), "what was done, and what was refused");
    let betas = divided.get("beta", "/audit").await;
    assert!(!betas.text.contains("budget.set") && !betas.text.contains("limit.set"), "{}", betas.text);
}

#[tokio::test]
async fn a19_what_the_installation_set_on_a_tenant_the_tenant_sees_and_does_not_change() {
    let divided = Divided::new().await;
    let [budget, limit] = divided.bind("tenant:acme").await;
    let before = divided.world.records();
    let set_above = [
        ("DELETE", format!("/budgets/{budget}"), Value::Null),
        ("DELETE", "/budgets/tenant:acme".to_owned(), Value::Null),
        ("DELETE", format!("/limits/{limit}"), Value::Null),
        ("DELETE", "/limits/tenant:acme".to_owned(), Value::Null),
        ("PUT", "/budgets".to_owned(), json!({ "scope": "tenant:acme", "mode": "observe" })),
        (
            "PUT",
            "/budgets".to_owned(),
            json!({ "scope": "tenant:acme", "per": "month", "top_up": { "usd": "9", "until": "2027-01-01T00:00:00Z" } }),
        ),
        (
            "PUT",
            "/limits".to_owned(),
            json!({ "scope": "tenant:acme", "meter": "requests", "per": "minute", "mode": "observe" }),
        ),
    ];
    for (method, path, body) in set_above {
        let noun = if path.starts_with("/budgets") { "budget" } else { "limit" };
        let answer = divided.call("acme", method, &path, body).await;
        assert_eq!(said(&answer), (403, "exceeds_grantor", noun), "{method} {path}: {}", answer.text);
    }
    assert_eq!(divided.world.records(), before);
    for path in [format!("/budgets/{budget}"), format!("/limits/{limit}"), "/budgets/tenant:acme".to_owned()] {
        assert_eq!(divided.get("acme", &path).await.expect(200).str("/set_by"), "installation", "{path}");
    }

    // One of its own stands beside it, and is the one that its name means to the tenant.
    for (path, body) in sorts("tenant:acme") {
        let own = divided.call("acme", "PUT", path, body.clone()).await.expect(200).str("/id").to_owned();
        assert!(own != budget && own != limit, "{path}");
        let again = divided.call("acme", "PUT", path, body).await.expect(200);
        assert_eq!((again.str("/id"), again.json["revision"].as_u64()), (own.as_str(), Some(2)), "{path}");
        let named = format!("{path}/tenant:acme");
        assert_eq!(divided.get("acme", &named).await.str("/id"), own);
        assert_eq!(divided.world.get(&named).await.str("/set_by"), "installation", "and to the installation its own");
        assert_eq!(items(&divided.get("acme", path).await, "set_by"), ["installation", "tenant"], "{path}");
        divided.call("acme", "DELETE", &named, Value::Null).await.expect(200);
        divided.call("acme", "DELETE", &named, Value::Null).await.expect(403);
    }
    assert_eq!(divided.world.records().budgets, before.budgets);
    // Whoever administers the installation may take away what a tenant has set.
    let [(path, body), _] = sorts("team:search");
    let own = divided.call("acme", "PUT", path, body).await.expect(200).str("/id").to_owned();
    divided.world.call("DELETE", &format!("{path}/{own}"), Value::Null).await.expect(200);
}

#[tokio::test]
async fn a22_budgets_and_limits_of_others_are_not_there() {
    let divided = Divided::new().await;
    let mut hidden = Vec::new();
    for scope in ["tenant:beta", "vkey:beta-key", "global", "provider:openai", "each:beta/user", "each:provider"] {
        hidden.push(divided.bind(scope).await);
    }
    let before = divided.world.records();
    let mut asked = 0;
    for [budget, limit] in &hidden {
        for path in [format!("/budgets/{budget}"), format!("/limits/{limit}")] {
            for method in ["GET", "DELETE"] {
                let answer = divided.call("acme", method, &path, Value::Null).await;
                assert_eq!((answer.status.as_u16(), answer.code()), (404, "not_found"), "{method} {path}");
                asked += 1;
                assert_eq!(divided.refusals(), asked, "{method} {path}: kept in the audit log");
            }
        }
    }
    for path in ["/budgets", "/limits"] {
        for query in ["", "?scope=global", "?scope=each:user", "?applies_to=tenant:acme"] {
            let listed = divided.get("acme", &format!("{path}{query}")).await;
            assert!(items(&listed, "id").is_empty(), "{path}{query}: {}", listed.text);
        }
        for query in
            ["?scope=tenant:beta", "?applies_to=vkey:beta-key", "?scope=each:beta/user", "?scope=provider:openai"]
        {
            assert_eq!(divided.get("acme", &format!("{path}{query}")).await.code(), "not_found", "{path}{query}");
        }
    }
    assert_eq!(divided.world.records().budgets, before.budgets);
    let nobodys = divided.get("acme", "/budgets/bud_7zzzzzzzzzzzzzzzzzzzzzzzzz").await;
    let betas = divided.get("acme", &format!("/budgets/{}", hidden[0][0])).await;
    let shape = |answer: &Answer, id: &str| answer.str("/error/message").replace(id, "ID");
    assert_eq!(shape(&nobodys, "bud_7zzzzzzzzzzzzzzzzzzzzzzzzz"), shape(&betas, &hidden[0][0]), "both read the same");
}

#[tokio::test]
async fn a24_a_cursor_of_budgets_or_limits_is_good_for_its_tenant_only() {
    let divided = Divided::new().await;
    for scope in ["team:search", "team:ads"] {
        for (path, body) in sorts(scope) {
            divided.call("acme", "PUT", path, body).await.expect(200);
        }
        divided.world.clock.advance(Duration::from_millis(1));
    }
    divided.bind("tenant:beta").await;
    for path in ["/budgets", "/limits"] {
        let cursor = divided.get("acme", &format!("{path}?limit=1")).await.str("/next_cursor").to_owned();
        let next = format!("{path}?limit=1&cursor={cursor}");
        assert_eq!(items(&divided.get("acme", &next).await.expect(200), "scope"), ["team:acme/ads"]);
        assert_eq!(divided.get("beta", &next).await.code(), "bad_cursor");
        assert_eq!(divided.world.get(&next).await.code(), "bad_cursor");
        for limit in ["0", "-1", "1e9", "x", "501"] {
            let answer = divided.get("acme", &format!("{path}?limit={limit}")).await;
            assert_eq!(said(&answer), (400, "invalid_request", "limit"), "{path} {limit}");
        }
    }
}

#[tokio::test]
async fn v05_figures_of_budgets_on_each_of_a_kind_are_a_tenants_own() {
    let divided = Divided::new().await;
    divided.bind("each:tenant").await;
    divided.bind("each:acme/vkey").await;
    let whole = divided.world.get("/budgets?scope=each:tenant").await.expect(200);
    let scopes = |answer: &Answer, at: usize| -> Vec<String> {
        let lines = answer.json["items"][at]["balances"].as_array().unwrap();
        let mut scopes: Vec<_> = lines.iter().map(|line| line["scope"].as_str().unwrap().to_owned()).collect();
        scopes.sort();
        scopes
    };
    assert_eq!(scopes(&whole, 0), ["tenant:acme", "tenant:beta", "tenant:default"]);
    let own = divided.get("acme", "/budgets").await.expect(200);
    assert_eq!(scopes(&own, 0), ["tenant:acme"]);
    assert_eq!((&own.json["items"][0]["scopes"], own.str("/items/0/scope")), (&json!(1), "each:tenant"));
    assert_eq!(scopes(&own, 1), ["vkey:acme/acme-key", "vkey:acme/ads-key", "vkey:acme/search-key"]);
    assert_eq!(items(&divided.get("beta", "/budgets").await, "scope"), ["each:tenant"]);
    let applied = divided.get("acme", "/budgets?applies_to=tenant:acme").await.expect(200);
    assert_eq!(applied.str("/items/0/balances/0/spent_usd"), "0.000000003", "{}", applied.text);
    let shown = divided.get("beta", &format!("/budgets/{}", own.str("/items/0/id"))).await.expect(200);
    assert_eq!(shown.json["balances"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_was_set_on_a_user_goes_with_it_whoever_deletes_it() {
    let divided = Divided::new().await;
    divided.bind("user:search-user").await;
    for (path, body) in sorts("user:search-user") {
        divided.call("acme", "PUT", path, body).await.expect(200);
    }
    let key = divided.vkey("search-key").id.to_string();
    divided.world.call("PATCH", &format!("/vkeys/{key}"), json!({ "user": null, "team": "search" })).await.expect(200);
    assert_eq!(divided.world.records().budgets.len(), 2);
    divided.call("search", "DELETE", "/users/search-user", Value::Null).await.expect(200);
    let after = divided.world.records();
    assert_eq!((after.budgets.len(), after.limits.len()), (0, 0));
    assert_eq!(divided.get("search", "/budgets").await.code(), "operation_not_allowed", "teams set nothing");
}

#[tokio::test]
async fn one_tenant_does_not_take_all_that_the_installation_has() {
    let divided = Divided::new().await;
    let (acme, now) = (divided.tenant("acme"), divided.world.clock.now());
    let budget = |number: usize| {
        Change::PutBudget(Budget {
            id: BudgetId::from_bits(u128::try_from(number).unwrap() + 1),
            tenant: acme,
            set_by: Realm::Tenant(acme),
            reach: Reach::One(Scope::Tag(acme, number.to_string().into())),
            amount: Nanodollars(1),
            windows: Windows::utc(Period::Day),
            kind: BudgetKind::Soft,
            mode: Mode::Enforce,
            hold: HoldMode::Adaptive,
            alert_at: Vec::new(),
            top_ups: Vec::new(),
            created_at: now,
            revision: 1,
        })
    };
    let changes: Vec<_> = (0..MAX_OF_TENANT).map(budget).collect();
    let id = AuditId::mint(now, divided.world.control.entropy()).unwrap();
    let audit = AuditDraft::done(id, now, &Principal::System, "test.fill", &"budgets");
    divided.world.store.inner.commit(&changes, &audit).unwrap();
    let [(path, body), _] = sorts("team:search");
    let answer = divided.call("acme", "PUT", path, body.clone()).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (409, "wrong_state"), "{}", answer.text);
    assert!(answer.str("/error/message").contains("each:user"), "{}", answer.text);
    divided.world.call("PUT", path, body).await.expect(200);
    let [(_, body), _] = sorts("team:beta-team");
    divided.call("beta", "PUT", path, body).await.expect(200);
}
