//! Tenants, teams and users on the command line.

use serde_json::json;

use crate::program::Scene;

#[test]
fn tenants_teams_and_users_live_and_die() {
    let scene = Scene::founded();
    let listed = scene.run(&["tenant", "list"]).succeeded().stdout;
    assert!(listed.contains("default"), "every installation has one: {listed}");
    let created = scene.run(&["tenant", "create", "acme", "--model", "gpt-4o*,claude-*"]).succeeded();
    assert!(created.stdout.contains("acme") && created.stdout.contains("gpt-4o*, claude-*"), "{}", created.stdout);
    scene.run(&["team", "create", "search", "--tenant", "acme", "--model", "gpt-4o*"]).succeeded();
    scene.run(&["user", "create", "ann", "--team", "search"]).succeeded();
    let ann = scene.json(&["user", "show", "acme/ann"]);
    assert_eq!((&ann["tenant"], &ann["team"]), (&json!("acme"), &json!("search")));
    let refused = scene.run(&["team", "update", "search", "--model", "o3"]).failed_with(4);
    assert!(refused.stderr.contains("`models` names more than the tenant `acme`"), "{}", refused.stderr);
    scene.run(&["user", "update", "ann", "--no-team", "--name", "anna"]).succeeded();
    assert_eq!(scene.json(&["user", "list", "--tenant", "acme"])[0]["team"], json!(null));
    scene.run(&["tenant", "update", "acme", "--all-models", "--enabled", "false"]).succeeded();
    let acme = scene.json(&["tenant", "show", "acme"]);
    assert_eq!((&acme["enabled"], &acme["models"], &acme["users"]), (&json!(false), &json!([]), &json!(1)));
    let refused = scene.run(&["tenant", "delete", "acme"]).failed_with(1);
    assert!(refused.stderr.contains("1 user, 1 team"), "{}", refused.stderr);
    scene.run(&["user", "delete", "anna"]).succeeded();
    scene.run(&["team", "delete", "search"]).succeeded();
    scene.run(&["tenant", "delete", "acme"]).succeeded();
    scene.run(&["tenant", "show", "acme"]).failed_with(1);
    scene.run(&["tenant", "update", "default"]).failed_with(2);
}

#[test]
fn an_admin_token_of_a_tenant_is_made_listed_and_revoked() {
    let scene = Scene::founded();
    scene.run(&["tenant", "create", "acme"]).succeeded();
    scene.run(&["team", "create", "search", "--tenant", "acme"]).succeeded();
    let made = scene.run(&["admin-token", "create", "acmes", "--role", "owner", "--tenant", "acme"]).succeeded();
    assert!(made.stdout.starts_with("kw_adm_") && made.stderr.contains("shown once"), "{}", made.stdout);
    scene.run(&["admin-token", "create", "searchs", "--team", "acme/search"]).succeeded();
    let listed = scene.json(&["admin-token", "list"]);
    let of = |name: &str| listed.as_array().unwrap().iter().find(|token| token["name"] == name).unwrap().clone();
    assert_eq!((&of("acmes")["tenant"], &of("acmes")["team"]), (&json!("acme"), &json!(null)));
    assert_eq!((&of("searchs")["team"], &of("searchs")["role"]), (&json!("search"), &json!("viewer")));
    let refused = scene.run(&["tenant", "delete", "acme"]).failed_with(1);
    assert!(refused.stderr.contains("2 admin tokens"), "{}", refused.stderr);
    scene.run(&["admin-token", "revoke", "acmes"]).succeeded();
    scene.run(&["admin-token", "create", "x", "--tenant", "nobody"]).failed_with(1);
}
