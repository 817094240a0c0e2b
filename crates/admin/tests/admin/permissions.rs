//! Promise V04, the control plane's part: every route, from the table that the router is built from.

use std::collections::BTreeSet;

use keyward_admin::rest::API;
use keyward_admin::rest::routes::{Row, table};
use keyward_domain::ids::{AdminTokenId, RequestId};
use keyward_domain::principal::{Action, Principal, Realm, Resource, Role, authorize};
use serde_json::{Value, json};

use crate::world::World;

/// Who may do what, written by hand. `V` viewer, `O` operator, `W` owner.
pub(crate) const MATRIX: &str = "
GET    /status                                  V O W
GET    /providers                               V O W
POST   /providers                               - O W
GET    /providers/{provider}                    V O W
PATCH  /providers/{provider}                    - O W
DELETE /providers/{provider}                    - O W
POST   /providers/{provider}/enable             - O W
POST   /providers/{provider}/disable            - O W
POST   /providers/{provider}/test               - O W
GET    /keys                                    V O W
POST   /keys                                    - O W
POST   /keys/test                               - O W
GET    /key-events                              V O W
GET    /keys/{key}                              V O W
PATCH  /keys/{key}                              - O W
DELETE /keys/{key}                              - O W
POST   /keys/{key}/test                         - O W
POST   /keys/{key}/discover                     - O W
POST   /keys/{key}/enable                       - O W
POST   /keys/{key}/disable                      - O W
POST   /keys/{key}/drain                        - O W
POST   /keys/{key}/retire                       - O W
GET    /keys/{key}/events                       V O W
POST   /keys/{key}/cooldown                     - O W
DELETE /keys/{key}/cooldown                     - O W
POST   /keys/{key}/replace                      - O W
POST   /keys/{key}/reveal                       - - W
GET    /events                                  V O W
GET    /health/summary                          V O W
POST   /health/check                            - O W
GET    /health/{model}/{key}                    V O W
GET    /routes/explain                          V O W
POST   /routes/simulate                         V O W
GET    /vkeys                                   V O W
POST   /vkeys                                   - O W
GET    /vkeys/{vkey}                            V O W
PATCH  /vkeys/{vkey}                            - O W
POST   /vkeys/{vkey}/rotate                     - O W
POST   /vkeys/{vkey}/revoke                     - O W
GET    /tenants                                 V O W
POST   /tenants                                 - O W
GET    /tenants/{tenant}                        V O W
PATCH  /tenants/{tenant}                        - O W
DELETE /tenants/{tenant}                        - O W
GET    /teams                                   V O W
POST   /teams                                   - O W
GET    /teams/{team}                            V O W
PATCH  /teams/{team}                            - O W
DELETE /teams/{team}                            - O W
GET    /users                                   V O W
POST   /users                                   - O W
GET    /users/{user}                            V O W
PATCH  /users/{user}                            - O W
DELETE /users/{user}                            - O W
GET    /models                                  V O W
GET    /models/{provider}/{model}               V O W
GET    /prices                                  V O W
PUT    /prices/{provider}/{model}               - O W
DELETE /prices/{provider}/{model}               - O W
GET    /aliases                                 V O W
PUT    /aliases/{name}                          - O W
DELETE /aliases/{name}                          - O W
GET    /budgets                                 V O W
PUT    /budgets                                 - O W
GET    /budgets/{budget}                        V O W
DELETE /budgets/{budget}                        - O W
GET    /limits                                  V O W
PUT    /limits                                  - O W
GET    /limits/{limit}                          V O W
DELETE /limits/{limit}                          - O W
GET    /usage                                   V O W
GET    /usage/export                            V O W
GET    /usage/reconcile                         V O W
POST   /usage/reprice                           - O W
GET    /requests                                V O W
GET    /requests/{request}                      V O W
POST   /requests/{request}/corrections          - O W
GET    /requests/{request}/explain              V O W
GET    /leases                                  V O W
GET    /audit                                   V O W
GET    /admin-tokens                            - - W
POST   /admin-tokens                            - - W
POST   /admin-tokens/{admin_token}/revoke       - - W
GET    /vault                                   V O W
POST   /vault/lock                              - - W
POST   /vault/unlock                            - - W
GET    /openapi.json                            V O W
";

pub(crate) fn concrete(row: &Row) -> String {
    let parts = row.path.split('/').map(|part| match part {
        "{budget}" | "{limit}" => "global".to_owned(),
        "{request}" => RequestId::from_bits(1).to_string(),
        part if part.starts_with('{') => "nothing".to_owned(),
        part => part.to_owned(),
    });
    format!("{API}{}", parts.collect::<Vec<_>>().join("/"))
}

pub(crate) fn body(row: &Row) -> Value {
    if row.method == "GET" || row.method == "DELETE" { Value::Null } else { json!({}) }
}

#[test]
fn v04_the_table_is_the_matrix() {
    let written: BTreeSet<(String, String)> = MATRIX
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?.to_owned(), words.next()?.to_owned()))
        })
        .collect();
    let routed: BTreeSet<(String, String)> =
        table().iter().map(|row| (row.method.to_string(), row.path.to_owned())).collect();
    assert_eq!(written, routed, "a route that is missing here has no asserted permission");
    assert_eq!(routed.len(), table().len(), "no route is there twice");
    for row in table() {
        assert_eq!(row.action, row.asked, "{row:?}: the table and the operation ask the rule differently");
    }
    let names: BTreeSet<_> = table().iter().map(|row| row.name).collect();
    assert_eq!(names.len(), table().len(), "operation names are unique");
}

#[tokio::test]
async fn v04_every_route_wants_a_credential() {
    let world = World::new();
    for row in table() {
        let answer = world.knock(row.method.as_str(), &concrete(row), None, &body(row)).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (401, "missing_credential"), "{row:?}");
        assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"keyward\"");
        assert!(answer.str("/error/request_id").starts_with("req_"), "{row:?}");
        let made_up = format!("kw_{}_{}", "adm", "x".repeat(61));
        let answer = world.knock(row.method.as_str(), &concrete(row), Some(&made_up), &body(row)).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (401, "invalid_key"), "{row:?}");
    }
    assert_eq!(world.vendor.calls(), 0);
    assert_eq!(world.audit_actions(), ["install.found"]);
}

#[tokio::test]
async fn v04_every_cell_of_the_matrix() {
    for (column, role) in ["viewer", "operator", "owner"].into_iter().enumerate() {
        for row in table() {
            // A world of its own for each cell: some cells lock the vault.
            let world = World::new();
            let token = world.admin_token(role).await;
            let line = MATRIX.lines().find(|line| {
                let mut words = line.split_whitespace();
                words.next() == Some(row.method.as_str()) && words.next() == Some(row.path)
            });
            let allowed = line.unwrap().split_whitespace().nth(2 + column) != Some("-");
            let answer = world.knock(row.method.as_str(), &concrete(row), Some(&token), &body(row)).await;
            if allowed {
                assert!(![401, 403, 405, 500].contains(&answer.status.as_u16()), "{role} {row:?}: {}", answer.text);
            } else {
                assert_eq!((answer.status.as_u16(), answer.code()), (403, "operation_not_allowed"), "{role} {row:?}");
                let needed = if row.action == Action::Write { "operator" } else { "owner" };
                assert!(answer.str("/error/message").contains(needed), "{}", answer.text);
            }
        }
    }
}

#[test]
fn the_rule_itself_cell_by_cell() {
    let admin = |role| Principal::Admin {
        id: AdminTokenId::from_bits(1),
        name: "x".to_owned(),
        role,
        realm: Realm::Installation,
    };
    let cells = [
        (Action::Read, [true, true, true]),
        (Action::Write, [false, true, true]),
        (Action::Reveal, [false, false, true]),
        (Action::Administer, [false, false, true]),
    ];
    for (action, row) in cells {
        for (role, expected) in [Role::Viewer, Role::Operator, Role::Owner].into_iter().zip(row) {
            let allowed =
                authorize(&admin(role), action, Resource::Installation) == keyward_domain::principal::Decision::Allowed;
            assert_eq!(allowed, expected, "{role:?} {action:?}");
        }
    }
}

#[tokio::test]
async fn a20_unknown_fields_are_refused_everywhere() {
    let world = World::new();
    for row in table() {
        let answer = if body(row).is_null() {
            let path = format!("{}?no_such_field=1", concrete(row));
            world.call(row.method.as_str(), path.strip_prefix(API).unwrap(), Value::Null).await
        } else {
            let path = concrete(row);
            world.call(row.method.as_str(), path.strip_prefix(API).unwrap(), json!({ "no_such_field": 1 })).await
        };
        assert_eq!((answer.status.as_u16(), answer.code()), (400, "unknown_field"), "{row:?}: {}", answer.text);
        assert_eq!(answer.str("/error/param"), "no_such_field", "{row:?}: {}", answer.text);
    }
    assert!(!world.vault.is_locked(), "nothing was done");
}

#[tokio::test]
async fn a_refused_field_is_answered_with_the_fields_that_may_be_sent() {
    let world = World::new();
    for row in table() {
        let answer = if body(row).is_null() {
            let path = format!("{}?no_such_field=1", concrete(row));
            world.call(row.method.as_str(), path.strip_prefix(API).unwrap(), Value::Null).await
        } else {
            let path = concrete(row);
            world.call(row.method.as_str(), path.strip_prefix(API).unwrap(), json!({ "no_such_field": 1 })).await
        };
        let offered: BTreeSet<_> = answer.str("/error/message").split('`').skip(1).step_by(2).skip(1).collect();
        let document: Value = serde_json::from_str(&keyward_admin::rest::openapi()).unwrap();
        let described = &document["paths"][format!("{API}{}", row.path)][row.method.as_str().to_ascii_lowercase()];
        let in_query = described["parameters"].as_array().unwrap().iter();
        let in_query = in_query.filter(|parameter| parameter["in"] == "query").filter_map(|p| p["name"].as_str());
        let in_body = &described["requestBody"]["content"]["application/json"]["schema"]["properties"];
        let in_body = in_body.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
        let sent: BTreeSet<_> = in_query.chain(in_body).collect();
        assert_eq!(offered, sent, "{row:?}: {}", answer.text);
    }
    let answer = world.call("PUT", "/prices/openai/gpt-4o", json!({ "provider": "openai" })).await;
    assert_eq!((answer.status.as_u16(), answer.str("/error/param")), (400, "provider"));
}

#[tokio::test]
async fn wrong_methods_are_405_with_the_right_ones_named() {
    let world = World::new();
    let token = world.admin_token("owner").await;
    for row in table() {
        let answer = world.knock("TRACE", &concrete(row), Some(&token), &Value::Null).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (405, "method_not_allowed"), "{row:?}");
        let allow = answer.headers["allow"].to_str().unwrap();
        assert!(allow.split(',').any(|method| method.trim() == row.method.as_str()), "{row:?}: {allow}");
    }
}

#[tokio::test]
async fn paths_outside_the_table_do_not_exist() {
    let world = World::new();
    let token = world.admin_token("owner").await;
    for path in [
        "/api/v1",
        "/api/v1/",
        "/api/v2/status",
        "/api/v1/status/",
        "//api/v1/status",
        "/api/v1//status",
        "/api/v1/./status",
        "/api/v1/%73tatus/x",
        "/API/V1/status",
        "/v1/chat/completions",
        "/readyz",
    ] {
        let answer = world.knock("GET", path, Some(&token), &Value::Null).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (404, "route_not_found"), "{path}");
    }
}

#[tokio::test]
async fn the_description_has_every_route_and_only_those() {
    let world = World::new();
    let answer = world.get("/openapi.json").await.expect(200);
    assert_eq!(answer.text, keyward_admin::rest::openapi(), "the server and the command line print the same");
    let paths = answer.json["paths"].as_object().unwrap();
    let mut described = 0;
    for row in table() {
        let operation = &paths[&format!("{API}{}", row.path)][row.method.as_str().to_ascii_lowercase()];
        assert_eq!(operation["operationId"], row.name);
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{row:?}");
        let in_path = operation["parameters"].as_array().unwrap().iter().filter(|parameter| parameter["in"] == "path");
        assert_eq!(in_path.count(), row.path_params().count(), "{row:?}: every path parameter is a field of the input");
        described += 1;
    }
    let operations: usize = paths.values().map(|path| path.as_object().unwrap().len()).sum();
    assert_eq!(described, operations);
    for parameter in paths
        .values()
        .flat_map(|path| path.as_object().unwrap().values())
        .flat_map(|operation| operation["parameters"].as_array().unwrap())
    {
        assert!(parameter["description"].is_string(), "{parameter}");
    }
    for (path, view) in [("keys", "KeyView"), ("vkeys", "VkeyView"), ("audit", "AuditView"), ("prices", "SetPriceView")]
    {
        let page = &paths[&format!("{API}/{path}")]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        let items = &page["properties"]["items"]["items"]["$ref"];
        assert_eq!(items, &json!(format!("#/components/schemas/{view}")), "{page}");
    }
    let schemas = answer.json["components"]["schemas"].as_object().unwrap();
    let mut references = BTreeSet::new();
    collect_references(&answer.json, &mut references);
    for reference in references {
        let name = reference.strip_prefix("#/components/schemas/").unwrap();
        assert!(schemas.contains_key(name), "{name} is referred to and not described");
    }
}

fn collect_references(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(parts) => {
            if let Some(Value::String(reference)) = parts.get("$ref") {
                into.insert(reference.clone());
            }
            parts.values().for_each(|part| collect_references(part, into));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, into)),
        _ => {}
    }
}
