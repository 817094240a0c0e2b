//! Tenants never see, count or change each other's (promise V05), and who may do what in which realm (promise V03).

use std::collections::BTreeMap;
use std::time::Duration;

use keyward_admin::rest::routes::table;
use keyward_admin::rest::{API, Entry as Door, Plane};
use keyward_domain::audit::Outcome;
use keyward_domain::dialect::{Dialect, Operation};
use keyward_domain::ids::{CredentialId, ProviderId, RequestId};
use keyward_domain::lease::{Lease, LeaseState};
use keyward_domain::ledger::{AttemptId, AttemptOutcome, Attributed, Entry, Refusal, Subject};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::{Clock as _, Store as _};
use keyward_domain::principal::{AdminToken, Resource};
use keyward_domain::usage::{Usage, UsageSource};
use keyward_domain::virtual_key::VirtualKey;
use serde_json::{Value, json};

use crate::permissions::{MATRIX, body, concrete};
use crate::world::{Answer, World, request, send};

/// The smallest realm that an operation takes, written by hand; every other one is for the whole installation.
const REALMS: &[(&str, &str, Resource)] = &[
    ("GET", "/status", Resource::Team),
    ("GET", "/vkeys", Resource::Team),
    ("POST", "/vkeys", Resource::Team),
    ("GET", "/vkeys/{vkey}", Resource::Team),
    ("PATCH", "/vkeys/{vkey}", Resource::Team),
    ("POST", "/vkeys/{vkey}/rotate", Resource::Team),
    ("POST", "/vkeys/{vkey}/revoke", Resource::Team),
    ("GET", "/tenants", Resource::Team),
    ("GET", "/tenants/{tenant}", Resource::Team),
    ("GET", "/teams", Resource::Team),
    ("POST", "/teams", Resource::Tenant),
    ("GET", "/teams/{team}", Resource::Team),
    ("PATCH", "/teams/{team}", Resource::Tenant),
    ("DELETE", "/teams/{team}", Resource::Tenant),
    ("GET", "/users", Resource::Team),
    ("POST", "/users", Resource::Team),
    ("GET", "/users/{user}", Resource::Team),
    ("PATCH", "/users/{user}", Resource::Team),
    ("DELETE", "/users/{user}", Resource::Team),
    ("GET", "/usage", Resource::Team),
    ("GET", "/requests", Resource::Team),
    ("GET", "/requests/{request}", Resource::Team),
    ("GET", "/leases", Resource::Team),
    ("GET", "/audit", Resource::Team),
    ("GET", "/admin-tokens", Resource::Team),
    ("POST", "/admin-tokens", Resource::Team),
    ("POST", "/admin-tokens/{admin_token}/revoke", Resource::Team),
    ("GET", "/budgets", Resource::Tenant),
    ("PUT", "/budgets", Resource::Tenant),
    ("GET", "/budgets/{budget}", Resource::Tenant),
    ("DELETE", "/budgets/{budget}", Resource::Tenant),
    ("GET", "/limits", Resource::Tenant),
    ("PUT", "/limits", Resource::Tenant),
    ("GET", "/limits/{limit}", Resource::Tenant),
    ("DELETE", "/limits/{limit}", Resource::Tenant),
    ("GET", "/openapi.json", Resource::Team),
];

/// Two tenants that have one of everything: `acme` with the teams `search` and `ads`, and `beta`.
pub(crate) struct Divided {
    pub(crate) world: World,
    /// Tokens by the name of what they are for: `acme`, `search`, `beta`.
    pub(crate) tokens: BTreeMap<&'static str, String>,
}

impl Divided {
    pub(crate) async fn new() -> Self {
        let world = World::new();
        world.with_openai().await;
        world.post("/vkeys", json!({ "name": "installations" })).await.expect(201);
        for (tenant, team) in [("acme", "search"), ("beta", "beta-team")] {
            world.post("/tenants", json!({ "name": tenant })).await.expect(201);
            world.post("/teams", json!({ "name": team, "tenant": tenant })).await.expect(201);
            let user = format!("{team}-user");
            world.post("/users", json!({ "name": user, "team": team })).await.expect(201);
            world.post("/vkeys", json!({ "name": format!("{team}-key"), "user": user })).await.expect(201);
            world.post("/vkeys", json!({ "name": format!("{tenant}-key"), "tenant": tenant })).await.expect(201);
        }
        world.post("/teams", json!({ "name": "ads", "tenant": "acme" })).await.expect(201);
        world.post("/users", json!({ "name": "ads-user", "team": "ads" })).await.expect(201);
        world.post("/vkeys", json!({ "name": "ads-key", "team": "ads" })).await.expect(201);
        let mut divided = Self { world, tokens: BTreeMap::new() };
        for (name, body) in [
            ("acme", json!({ "tenant": "acme" })),
            ("search", json!({ "team": "acme/search" })),
            ("beta", json!({ "tenant": "beta" })),
        ] {
            let token = divided.token("owner", &format!("{name}-owner"), body).await;
            divided.tokens.insert(name, token);
        }
        divided.fill();
        // What happened now is not over yet.
        divided.world.clock.advance(Duration::from_secs(1));
        divided
    }

    pub(crate) async fn token(&self, role: &str, name: &str, mut body: Value) -> String {
        (body["role"], body["name"]) = (json!(role), json!(name));
        self.world.post("/admin-tokens", body).await.expect(201).str("/token").to_owned()
    }

    /// A call, a refusal and a lease of every virtual key.
    fn fill(&self) {
        let world = &self.world;
        let records = world.records();
        for (number, key) in (1..).zip(&records.virtual_keys) {
            let user = key.user.and_then(|id| records.users.iter().find(|user| user.id == id));
            let team = key.team.or_else(|| user.and_then(|user| user.team));
            let attributed = Attributed { team, user: key.user, ..Attributed::default() };
            let row = entry(world, number, key, attributed);
            let refusal = Refusal {
                request: RequestId::from_parts(world.clock.now(), [100 + number; 10]),
                at: world.clock.now(),
                tenant: key.tenant,
                virtual_key: key.id,
                requested_model: key.name.as_str().into(),
                dialect: Dialect::OpenAi,
                operation: None,
                code: "model_not_found".into(),
                status: 404,
            };
            world.store.append(&[row], &[refusal]).unwrap();
            world.store.put_lease(&lease(world, number, key), None).unwrap();
        }
    }

    pub(crate) async fn call(&self, who: &str, method: &str, path: &str, body: Value) -> Answer {
        self.world.knock(method, &format!("{API}{path}"), Some(&self.tokens[who]), &body).await
    }

    pub(crate) async fn get(&self, who: &str, path: &str) -> Answer {
        self.call(who, "GET", path, Value::Null).await
    }

    pub(crate) fn vkey(&self, name: &str) -> VirtualKey {
        self.world.records().virtual_keys.into_iter().find(|key| key.name == name).unwrap()
    }

    fn admin(&self, name: &str) -> AdminToken {
        self.world.records().admin_tokens.into_iter().find(|token| token.name == name).unwrap()
    }
}

fn entry(world: &World, number: u8, key: &VirtualKey, attributed: Attributed) -> Entry {
    Entry {
        subject: Subject {
            attempt: AttemptId { request: RequestId::from_parts(world.clock.now(), [number; 10]), number: 1 },
            at: world.clock.now(),
            tenant: key.tenant,
            virtual_key: key.id,
            provider: ProviderId::from_bits(1),
            provider_name: "openai".into(),
            credential: CredentialId::from_bits(1),
            credential_name: "primary".into(),
            attributed: Some(attributed.into()),
            trace: None,
            named: None,
            requested_model: key.name.as_str().into(),
            model: "gpt-4o".into(),
            dialect: Dialect::OpenAi,
            operation: Operation::Chat,
            streamed: false,
            reserved: Some(Nanodollars(2)),
            price_version: "1".into(),
        },
        outcome: AttemptOutcome::Completed,
        status: 200,
        usage: Usage::default(),
        source: UsageSource::Provider,
        cost: Some(Nanodollars(1)),
        raw_usage: None,
        duration: Duration::from_millis(1),
        first_content: None,
        overhead: Duration::from_micros(1),
    }
}

fn lease(world: &World, number: u8, key: &VirtualKey) -> Lease {
    Lease {
        id: RequestId::from_parts(world.clock.now(), [200 + number; 10]),
        tenant: key.tenant,
        virtual_key: key.id,
        provider: ProviderId::from_bits(1),
        provider_name: "openai".to_owned(),
        credential: CredentialId::from_bits(1),
        credential_name: "primary".to_owned(),
        model: Some(key.name.clone()),
        taken_at: world.clock.now(),
        expires_at: world.clock.now().plus(Duration::from_mins(5)),
        reserved: None,
        state: LeaseState::Open,
        ended_at: None,
        outcome: String::new(),
        attributed: None,
    }
}

pub(crate) fn items(answer: &Answer, field: &str) -> Vec<String> {
    let items = answer.json["items"].as_array().unwrap_or_else(|| panic!("{}", answer.text));
    let mut texts: Vec<_> = items.iter().map(|item| item[field].as_str().unwrap_or_default().to_owned()).collect();
    texts.sort();
    texts
}

#[test]
fn v03_the_table_of_realms_names_every_operation_that_takes_less_than_the_installation() {
    for row in table() {
        let written = REALMS.iter().find(|(method, path, _)| row.method == *method && row.path == *path);
        let written = written.map_or(Resource::Installation, |(.., resource)| *resource);
        assert_eq!(row.resource, written, "{row:?}");
    }
    assert_eq!(table().iter().filter(|row| row.resource != Resource::Installation).count(), REALMS.len());
}

#[tokio::test]
async fn v03_role_by_action_by_resource_cell_by_cell() {
    for (column, role) in ["viewer", "operator", "owner"].into_iter().enumerate() {
        for (realm, body_of_realm) in
            [("tenant", json!({ "tenant": "acme" })), ("team", json!({ "team": "acme/search" }))]
        {
            let divided = Divided::new().await;
            let token = divided.token(role, "probe", body_of_realm).await;
            for row in table() {
                let line = MATRIX.lines().find(|line| {
                    let mut words = line.split_whitespace();
                    words.next() == Some(row.method.as_str()) && words.next() == Some(row.path)
                });
                let role_does = line.unwrap().split_whitespace().nth(2 + column) != Some("-");
                let resource = REALMS.iter().find(|(method, path, _)| row.method == *method && row.path == *path);
                let realm_does = match resource.map(|(.., resource)| *resource) {
                    Some(Resource::Team) => true,
                    Some(Resource::Tenant) => realm == "tenant",
                    _ => false,
                };
                let answer = divided.world.knock(row.method.as_str(), &concrete(row), Some(&token), &body(row)).await;
                let (status, code) = (answer.status.as_u16(), answer.code());
                let cell = format!("{role} of a {realm}, {row:?}: {}", answer.text);
                if role_does && realm_does {
                    assert!(![401, 403, 405, 500, 503].contains(&status), "{cell}");
                } else {
                    assert_eq!((status, code), (403, "operation_not_allowed"), "{cell}");
                    let says_realm = answer.str("/error/message").contains("one tenant or team only");
                    assert_eq!(says_realm, role_does, "{cell}");
                }
            }
        }
    }
}

#[tokio::test]
async fn v05_lists_reports_and_figures_show_a_tenant_its_own_and_nothing_else() {
    let divided = Divided::new().await;
    let lists = [
        ("/vkeys", "name", &["acme-key", "ads-key", "search-key"][..], &["search-key"][..]),
        ("/teams", "name", &["ads", "search"], &["search"]),
        ("/users", "name", &["ads-user", "search-user"], &["search-user"]),
        ("/tenants", "name", &["acme"], &["acme"]),
        ("/admin-tokens", "name", &["acme-owner", "search-owner"], &["search-owner"]),
        ("/leases", "virtual_key_name", &["acme-key", "ads-key", "search-key"], &["search-key"]),
    ];
    for (path, field, of_tenant, of_team) in lists {
        assert_eq!(items(&divided.get("acme", path).await, field), of_tenant, "{path}");
        assert_eq!(items(&divided.get("search", path).await, field), of_team, "{path}");
    }
    for (who, keys, teams) in [("acme", 3, 2), ("search", 1, 1), ("beta", 2, 1)] {
        let requests = divided.get(who, "/requests?limit=1").await.expect(200);
        assert!(requests.json["next_cursor"].is_string(), "pages are filled with what is one's own: {}", requests.text);
        let all = divided.get(who, "/requests").await.expect(200);
        assert_eq!(all.json["items"].as_array().unwrap().len(), 2 * keys, "{who}: a call and a refusal of each key");
        let usage = divided.get(who, "/usage?group_by=tenant,virtual_key").await.expect(200);
        assert_eq!(
            (&usage.json["total"]["attempts"], usage.json["lines"].as_array().unwrap().len()),
            (&json!(keys), keys)
        );
        let status = divided.get(who, "/status").await.expect(200);
        assert_eq!((&status.json["virtual_keys"], &status.json["ledger"]["entries"]), (&json!(keys), &json!(keys)));
        for field in ["revision", "live_revision", "providers", "in_flight", "journal"] {
            assert_eq!(status.json[field], Value::Null, "{field} is about everybody");
        }
        let tenant = divided.get(who, "/tenants").await;
        let counted = &tenant.json["items"][0];
        assert_eq!((&counted["virtual_keys"], &counted["teams"]), (&json!(keys), &json!(teams)), "{who}");
    }
    let whole = divided.world.get("/usage").await;
    assert_eq!(whole.json["total"]["attempts"], 6, "the installation counts everybody");
}

#[tokio::test]
async fn v05_no_answer_to_one_tenant_names_anything_of_another() {
    let divided = Divided::new().await;
    let records = divided.world.records();
    let beta = records.tenants.iter().find(|tenant| tenant.name == "beta").unwrap().id;
    let ids = records.virtual_keys.iter().filter(|key| key.tenant == beta).map(|key| key.id.to_string());
    let users = records.users.iter().filter(|user| user.tenant == beta).map(|user| user.id.to_string());
    let foreign: Vec<String> = ids.chain(users).chain([beta.to_string(), "beta".to_owned()]).collect();
    for row in table().iter().filter(|row| row.method == "GET" && row.path != "/openapi.json") {
        for who in ["acme", "search"] {
            let answer = divided.get(who, concrete(row).strip_prefix(API).unwrap()).await;
            for name in &foreign {
                assert!(!answer.text.contains(name), "{who} {row:?} says {name}: {}", answer.text);
            }
        }
    }
    for name in ["sk-", "primary"] {
        let answer = divided.get("acme", "/status").await;
        assert!(!answer.text.contains(name), "{}", answer.text);
    }
}

#[tokio::test]
async fn a22_what_is_another_tenants_is_not_there_in_paths_and_bodies_and_that_is_audited() {
    let divided = Divided::new().await;
    let records = divided.world.records();
    let team = records.teams.iter().find(|team| team.name == "beta-team").unwrap().id.to_string();
    let user = records.users.iter().find(|user| user.name == "beta-team-user").unwrap().id.to_string();
    let (vkey, token) = (divided.vkey("beta-key").id.to_string(), divided.admin("beta-owner").id.to_string());
    let beta = records.tenants.iter().find(|tenant| tenant.name == "beta").unwrap().id.to_string();
    let request = divided.get("beta", "/requests").await.str("/items/0/id").to_owned();
    let before = (records.virtual_keys.clone(), records.users.clone(), records.teams.clone());
    let own = divided.get("acme", "/users").await.str("/items/0/id").to_owned();
    let cells = [
        ("GET", format!("/vkeys/{vkey}"), Value::Null),
        ("GET", "/vkeys/beta-key".to_owned(), Value::Null),
        ("GET", "/vkeys/beta%2Fbeta-key".to_owned(), Value::Null),
        ("PATCH", format!("/vkeys/{vkey}"), json!({ "name": "mine" })),
        ("POST", format!("/vkeys/{vkey}/rotate"), json!({})),
        ("POST", format!("/vkeys/{vkey}/revoke"), json!({})),
        ("GET", format!("/teams/{team}"), Value::Null),
        ("PATCH", format!("/teams/{team}"), json!({ "enabled": false })),
        ("DELETE", format!("/teams/{team}"), Value::Null),
        ("GET", format!("/users/{user}"), Value::Null),
        ("PATCH", format!("/users/{user}"), json!({ "enabled": false })),
        ("DELETE", format!("/users/{user}"), Value::Null),
        ("GET", format!("/tenants/{beta}"), Value::Null),
        ("GET", "/tenants/default".to_owned(), Value::Null),
        ("GET", format!("/requests/{request}"), Value::Null),
        ("POST", format!("/admin-tokens/{token}/revoke"), json!({})),
        ("GET", format!("/vkeys?tenant={beta}"), Value::Null),
        ("GET", format!("/vkeys?team={team}"), Value::Null),
        ("GET", format!("/users?team={team}"), Value::Null),
        ("GET", format!("/requests?virtual_key={vkey}"), Value::Null),
        ("POST", "/vkeys".to_owned(), json!({ "name": "x", "tenant": "beta" })),
        ("POST", "/vkeys".to_owned(), json!({ "name": "x", "team": team })),
        ("POST", "/vkeys".to_owned(), json!({ "name": "x", "user": user })),
        ("POST", "/users".to_owned(), json!({ "name": "x", "team": team })),
        ("PATCH", format!("/users/{own}"), json!({ "team": team })),
        ("POST", "/teams".to_owned(), json!({ "name": "x", "tenant": "beta" })),
        ("POST", "/admin-tokens".to_owned(), json!({ "name": "x", "role": "owner", "tenant": "default" })),
    ];
    for (number, (method, path, body)) in cells.iter().enumerate() {
        let answer = divided.call("acme", method, path, body.clone()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (404, "not_found"),
            "{method} {path} {body}: {}",
            answer.text
        );
        let refused = divided.world.store.inner.audit(None, 500).unwrap();
        let refused: Vec<_> = refused.iter().filter(|entry| entry.outcome == Outcome::Refused).collect();
        assert_eq!(refused.len(), number + 1, "{method} {path}: kept in the audit log");
        assert!(refused[0].actor.contains("acme-owner"), "{}", refused[0].actor);
    }
    let after = divided.world.records();
    assert_eq!(before, (after.virtual_keys, after.users, after.teams), "nothing was changed");
    let nobodys = divided.call("acme", "GET", "/teams/team_7zzzzzzzzzzzzzzzzzzzzzzzzz", Value::Null).await;
    let betas = divided.call("acme", "GET", &format!("/teams/{team}"), Value::Null).await;
    let shape = |answer: &Answer, id: &str| answer.str("/error/message").replace(id, "ID");
    assert_eq!(shape(&nobodys, "team_7zzzzzzzzzzzzzzzzzzzzzzzzz"), shape(&betas, &team), "both read the same");
}

#[tokio::test]
async fn v05_a_tenant_works_with_its_own_and_is_in_nobodys_way() {
    let divided = Divided::new().await;
    let made = divided.call("acme", "POST", "/vkeys", json!({ "name": "beta-key" })).await.expect(201);
    assert_eq!(made.json["vkey"]["tenant"], "acme", "its own tenant goes without saying");
    divided.call("acme", "POST", "/users", json!({ "name": "beta-team-user" })).await.expect(201);
    divided.call("acme", "PATCH", "/vkeys/beta-key", json!({ "user": "beta-team-user" })).await.expect(200);
    divided.call("acme", "POST", "/vkeys/beta-key/revoke", json!({})).await.expect(200);
    let answer = divided.call("acme", "POST", "/admin-tokens", json!({ "name": "beta-owner", "role": "owner" })).await;
    assert_eq!(answer.expect(201).json["admin_token"]["tenant"], "acme", "what it hands out is for the same tenant");
    let log = divided.get("acme", "/audit").await.expect(200);
    let actions = items(&log, "action");
    assert!(actions.contains(&"vkey.revoke".to_owned()) && !actions.contains(&"key.add".to_owned()), "{actions:?}");
    assert!(log.json["items"].as_array().unwrap().iter().all(|entry| entry["seq"].is_null()), "{}", log.text);
    let betas = divided.get("beta", "/audit").await;
    assert!(!betas.text.contains("vkey.revoke") && betas.text.contains("user.create"), "{}", betas.text);
}

#[tokio::test]
async fn v03_what_is_confined_to_a_team_stays_in_it() {
    let divided = Divided::new().await;
    let made = divided.call("search", "POST", "/vkeys", json!({ "name": "more" })).await.expect(201);
    assert_eq!((&made.json["vkey"]["tenant"], &made.json["vkey"]["team"]), (&json!("acme"), &json!("search")));
    let user = divided.call("search", "POST", "/users", json!({ "name": "bob" })).await.expect(201);
    assert_eq!(user.json["team"], "search");
    for (method, path, body) in [
        ("PATCH", "/vkeys/more", json!({ "team": null })),
        ("PATCH", "/users/bob", json!({ "team": null })),
        ("POST", "/admin-tokens", json!({ "name": "x", "role": "viewer", "tenant": "acme", "team": null })),
    ] {
        let answer = divided.call("search", method, path, body.clone()).await;
        let (status, code) = (answer.status.as_u16(), answer.code());
        // A token for the tenant is made for the team: whoever asks has no more to give.
        let narrowed = answer.json["admin_token"]["team"] == "search";
        assert!((status, code) == (403, "exceeds_grantor") || narrowed, "{path} {body}: {}", answer.text);
    }
    for (method, path) in
        [("GET", "/vkeys/ads-key"), ("GET", "/users/ads-user"), ("GET", "/teams/ads"), ("GET", "/vkeys/acme-key")]
    {
        assert_eq!(divided.call("search", method, path, Value::Null).await.code(), "not_found", "{path}");
    }
    let answer = divided.call("search", "PATCH", "/teams/search", json!({ "models": [] })).await;
    assert_eq!(answer.code(), "operation_not_allowed", "nobody widens what confines them");
    let answer = divided.call("acme", "PATCH", "/tenants/acme", json!({ "models": [] })).await;
    assert_eq!(answer.code(), "operation_not_allowed");
    let answer = divided.call("search", "POST", "/vkeys", json!({ "name": "x", "team": "ads" })).await;
    assert_eq!(answer.code(), "not_found");
}

#[tokio::test]
async fn a24_a_cursor_is_good_for_whom_and_for_what_it_was_given() {
    let divided = Divided::new().await;
    let cursor = divided.get("acme", "/vkeys?limit=1").await.str("/next_cursor").to_owned();
    let with = |cursor: &str| format!("/vkeys?limit=1&cursor={cursor}");
    divided.get("acme", &with(&cursor)).await.expect(200);
    let plain = cursor.rsplit_once('.').unwrap().0.to_owned();
    let mut flipped = cursor.clone();
    let last = if flipped.ends_with('0') { "1" } else { "0" };
    flipped.replace_range(flipped.len() - 1.., last);
    for (who, path) in [
        ("beta", with(&cursor)),
        ("search", with(&cursor)),
        ("acme", with(&flipped)),
        ("acme", with(&plain)),
        ("acme", with("")),
        ("acme", with("%00")),
        ("acme", format!("/users?cursor={cursor}")),
        ("acme", with(&divided.vkey("beta-key").id.to_string())),
    ] {
        let answer = divided.get(who, &path).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (400, "bad_cursor"), "{who} {path}: {}", answer.text);
    }
    assert_eq!(divided.world.get(&with(&cursor)).await.code(), "bad_cursor", "nor for those who see everything");
    for path in ["/vkeys", "/users", "/requests", "/audit", "/leases", "/admin-tokens", "/teams", "/tenants"] {
        for limit in ["0", "-1", "1e9", "x", "", "501", "1000000000", "%221%22"] {
            let answer = divided.get("acme", &format!("{path}?limit={limit}")).await;
            assert_eq!((answer.status.as_u16(), answer.str("/error/param")), (400, "limit"), "{path} {limit}");
            assert!(answer.str("/error/message").contains("1 to 500"), "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn a20_fields_that_would_give_somebody_more_are_not_known() {
    let divided = Divided::new().await;
    let before = divided.world.records();
    for (method, path) in [
        ("PATCH", "/users/search-user"),
        ("PATCH", "/vkeys/acme-key"),
        ("PATCH", "/teams/search"),
        ("POST", "/users"),
        ("POST", "/vkeys"),
        ("POST", "/admin-tokens"),
    ] {
        for field in ["tenant_id", "row_mac", "created_at", "revision", "id", "realm", "tokens", "scopes"] {
            let answer = divided.call("acme", method, path, json!({ field: "x" })).await;
            let said = (answer.status.as_u16(), answer.code(), answer.str("/error/param"));
            assert_eq!(said, (400, "unknown_field", field), "{method} {path}: {}", answer.text);
        }
    }
    for path in ["/users/search-user", "/vkeys/acme-key", "/teams/search"] {
        for field in ["role", "tenant"] {
            assert_eq!(divided.call("acme", "PATCH", path, json!({ field: "x" })).await.code(), "unknown_field");
        }
    }
    assert_eq!(divided.world.records(), before);
}

#[tokio::test]
async fn a19_nobody_hands_out_a_token_for_more_than_their_own() {
    let divided = Divided::new().await;
    let operator = divided.token("operator", "acme-operator", json!({ "tenant": "acme" })).await;
    let path = format!("{API}/admin-tokens");
    let answer = divided.world.knock("POST", &path, Some(&operator), &json!({ "name": "x", "role": "viewer" })).await;
    assert_eq!(answer.code(), "operation_not_allowed");
    let body = json!({ "name": "x", "role": "owner", "team": "ads" });
    assert_eq!(divided.call("search", "POST", "/admin-tokens", body).await.code(), "not_found");
    let body = json!({ "name": "x", "role": "owner", "team": "ads" });
    let made = divided.call("acme", "POST", "/admin-tokens", body).await.expect(201);
    assert_eq!(made.json["admin_token"]["team"], "ads");
}

#[tokio::test]
async fn a_token_ends_with_what_it_is_for_and_reads_no_metrics() {
    let divided = Divided::new().await;
    let plane =
        Plane::new(divided.world.control.clone(), Vec::new(), std::sync::Arc::new(|| "keyward_up 1\n".to_owned()));
    let plane = std::sync::Arc::new(plane.with_guarded_metrics());
    let token = divided.tokens["acme"].clone();
    let metrics = || send(plane.router(Door::Tcp), request("GET", "/metrics", Some(&token), &Value::Null));
    assert_eq!(metrics().await.code(), "operation_not_allowed", "metrics are about everybody");
    divided.world.call("PATCH", "/teams/search", json!({ "enabled": false })).await.expect(200);
    assert_eq!(divided.get("search", "/status").await.code(), "key_inactive");
    divided.get("acme", "/status").await.expect(200);
    divided.world.call("PATCH", "/tenants/acme", json!({ "enabled": false })).await.expect(200);
    assert_eq!(divided.get("acme", "/status").await.code(), "key_inactive");
    divided.get("beta", "/status").await.expect(200);
}
