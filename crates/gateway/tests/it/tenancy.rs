//! At every use: what a virtual key may do is what its tenant, its team, its user and itself allow, as they are now.

use std::time::Duration;

use keyward_domain::dialect::Operation;
use keyward_domain::ids::{TeamId, TenantId, UserId};
use keyward_domain::port::Change;
use keyward_domain::scope::{Reach, Scope};
use keyward_domain::tenancy::{Team, Tenant, User};
use keyward_domain::virtual_key::Grant;

use crate::budgets::{USD, budget};
use crate::house::{Answer, BEGIN, CHAT, House};

const ACME: TenantId = TenantId::from_bits(1);
const BETA: TenantId = TenantId::from_bits(2);
const TEAM: TeamId = TeamId::from_bits(3);
const USER: UserId = UserId::from_bits(4);

fn models(patterns: &[&str]) -> Grant {
    Grant { models: patterns.iter().map(|text| (*text).to_owned()).collect(), ..Grant::default() }
}

fn tenant(id: TenantId, revision: u64, grant: Grant) -> Tenant {
    let name = if id == ACME { "acme" } else { "beta" };
    Tenant { id, name: name.to_owned(), enabled: true, grant, created_at: BEGIN, revision }
}

fn team(revision: u64, grant: Grant) -> Team {
    let name = "search".to_owned();
    Team { id: TEAM, tenant: ACME, name, enabled: true, grant, created_at: BEGIN, revision }
}

fn user(revision: u64, grant: Grant) -> User {
    let (name, team) = ("ann".to_owned(), Some(TEAM));
    User { id: USER, tenant: ACME, team, name, enabled: true, grant, created_at: BEGIN, revision }
}

/// A house with a tenant, a team and a user that restrict nothing, and a key of the user.
fn house() -> (House, String) {
    let house = House::open();
    house.commit(Change::PutTenant(tenant(ACME, 1, Grant::default())));
    house.commit(Change::PutTeam(team(1, Grant::default())));
    house.commit(Change::PutUser(user(1, Grant::default())));
    let key = house.add_key_with("anns", |key| (key.tenant, key.user) = (ACME, Some(USER)));
    (house, key)
}

fn call(house: &House, key: &str) -> Answer {
    house.client_with(key).post("/v1/chat/completions", CHAT)
}

fn change(house: &House, change: Change) {
    house.commit(change);
    house.publish();
}

fn code(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["error"]["code"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_tenant_without_providers_of_its_own_calls_those_of_the_installation() {
    let (mut house, key) = house();
    assert_eq!(call(&house, &key).status, 200);
    let rows = house.entries();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].subject.tenant, ACME, "and the tenant of the key pays");
}

#[test]
fn a21_what_is_taken_from_a_parent_is_taken_from_its_keys_with_the_next_call() {
    let (house, key) = house();
    let narrow = || models(&["claude-*"]);
    let levels: [(Change, Change); 3] = [
        (Change::PutTenant(tenant(ACME, 2, narrow())), Change::PutTenant(tenant(ACME, 3, Grant::default()))),
        (Change::PutTeam(team(2, narrow())), Change::PutTeam(team(3, Grant::default()))),
        (Change::PutUser(user(2, narrow())), Change::PutUser(user(3, Grant::default()))),
    ];
    for (narrower, open) in levels {
        assert_eq!(call(&house, &key).status, 200);
        change(&house, narrower);
        assert_eq!(code(&call(&house, &key)), (403, "model_not_allowed".to_owned()));
        let listed = house.client_with(&key).get("/v1/models").text();
        assert!(!listed.contains("gpt-4o-mini"), "lists show what is left: {listed}");
        change(&house, open);
    }
    assert_eq!(call(&house, &key).status, 200);
}

#[test]
fn v03_levels_are_asked_one_by_one_and_none_makes_up_for_another() {
    let (house, key) = house();
    change(&house, Change::PutTenant(tenant(ACME, 2, models(&["gpt-4o*"]))));
    change(&house, Change::PutTeam(team(2, models(&["gpt-*", "claude-*"]))));
    assert_eq!(call(&house, &key).status, 200, "each level allows it, by patterns of its own");
    change(&house, Change::PutUser(user(2, models(&["claude-*"]))));
    assert_eq!(call(&house, &key).status, 403, "nothing is in all three");
    change(&house, Change::PutUser(user(3, models(&["openai/gpt-4o-mini"]))));
    assert_eq!(call(&house, &key).status, 200, "a level may call the model by any of its names");
    let grant = Grant { operations: vec![Operation::Embed], ..Grant::default() };
    change(&house, Change::PutTeam(team(3, grant)));
    assert_eq!(code(&call(&house, &key)), (403, "operation_not_allowed".to_owned()));
    change(
        &house,
        Change::PutTeam(team(4, Grant { addresses: vec!["10.0.0.0/8".parse().unwrap()], ..Grant::default() })),
    );
    assert_eq!(code(&call(&house, &key)), (403, "address_not_allowed".to_owned()));
}

#[test]
fn a_tenant_team_or_user_that_is_switched_off_has_no_active_key() {
    let (house, key) = house();
    let others = house.add_key_with("others", |key| key.tenant = TenantId::DEFAULT);
    let open = Grant::default;
    let levels: [(Change, Change); 3] = [
        (
            Change::PutTenant(Tenant { enabled: false, ..tenant(ACME, 2, open()) }),
            Change::PutTenant(tenant(ACME, 3, open())),
        ),
        (Change::PutTeam(Team { enabled: false, ..team(2, open()) }), Change::PutTeam(team(3, open()))),
        (Change::PutUser(User { enabled: false, ..user(2, open()) }), Change::PutUser(user(3, open()))),
    ];
    for (off, on) in levels {
        change(&house, off);
        assert_eq!(code(&call(&house, &key)), (401, "key_inactive".to_owned()));
        assert_eq!(call(&house, &others).status, 200);
        change(&house, on);
        assert_eq!(call(&house, &key).status, 200);
    }
}

#[test]
fn a_key_whose_team_is_of_another_tenant_is_not_accepted() {
    let (house, _) = house();
    change(&house, Change::PutTenant(tenant(BETA, 1, Grant::default())));
    let key = house.add_key_with("stray", |key| (key.tenant, key.team) = (BETA, Some(TEAM)));
    assert_eq!(code(&call(&house, &key)), (401, "key_inactive".to_owned()));
    let key = house.add_key_with("lost", |key| key.tenant = TenantId::from_bits(99));
    assert_eq!(code(&call(&house, &key)), (401, "key_inactive".to_owned()));
}

#[test]
fn v05_one_tenants_calls_are_counted_for_no_other() {
    let (mut house, key) = house();
    change(&house, Change::PutTenant(tenant(BETA, 1, Grant::default())));
    let other = house.add_key_with("betas", |key| key.tenant = BETA);
    assert_eq!((call(&house, &key).status, call(&house, &other).status, call(&house, &other).status), (200, 200, 200));
    let mut tenants: Vec<_> = house.entries().iter().map(|entry| entry.subject.tenant).collect();
    tenants.sort_unstable();
    assert_eq!(tenants, [ACME, BETA, BETA]);
}

#[test]
fn a23_the_same_prompt_of_two_tenants_is_two_calls() {
    let (mut house, acmes) = house();
    change(&house, Change::PutTenant(tenant(BETA, 1, Grant::default())));
    let betas = house.add_key_with("betas", |key| key.tenant = BETA);
    house.provider.set_cache(false);
    let budgets = [ACME, BETA].map(|of| budget(of.bits(), Reach::One(Scope::Tenant(of)), USD));
    for budget in &budgets {
        house.put_budget(budget);
    }
    // In turn and again, so that there was time to remember an answer.
    for key in [&acmes, &betas, &acmes, &betas] {
        let answer = call(&house, key);
        assert_eq!((answer.status, answer.header("x-keyward-cache")), (200, Some("off")));
        house.clock.advance(Duration::from_millis(1));
    }
    assert_eq!(house.provider.requests_total(), 4, "nobody is given what another one paid for");
    house.settle();
    let spent = budgets.map(|budget| house.own_balance(&budget).spent);
    let (bill, entries) = (house.provider.bill(), house.entries());
    let tenants: Vec<_> = entries.iter().map(|entry| entry.subject.tenant).collect();
    assert_eq!((bill.len(), tenants), (4, vec![ACME, BETA, ACME, BETA]));
    for (line, entry) in bill.iter().zip(&entries) {
        let seen = (entry.usage.prompt_tokens(), entry.usage.completion_tokens());
        assert_eq!(seen, (line.input(), line.output), "each row says what its own call was billed for");
    }
    let of = |tenant| entries.iter().filter(|row| row.subject.tenant == tenant).filter_map(|row| row.cost).sum();
    assert_eq!(spent, [of(ACME), of(BETA)]);
}

#[test]
fn who_is_refused_is_told_the_names_that_the_command_line_takes() {
    let (house, key) = house();
    house.commit(Change::PutTenant(tenant(BETA, 1, Grant::default())));
    let anns = house.virtual_key("anns").id;
    let named = [
        (Scope::Tenant(ACME), "tenant:acme"),
        (Scope::Team(TEAM), "team:acme/search"),
        (Scope::User(USER), "user:acme/ann"),
        (Scope::VirtualKey(anns), "vkey:acme/anns"),
        (Scope::Model(ACME, "openai/gpt-4o-mini".into()), "model:acme/openai/gpt-4o-mini"),
        (Scope::Global, "global"),
    ];
    for ((scope, called), number) in named.into_iter().zip(1..) {
        let narrow = budget(number, Reach::One(scope), 1);
        house.put_budget(&narrow);
        let answer = call(&house, &key);
        assert_eq!(code(&answer), (402, "budget_exceeded".to_owned()), "{called}: {}", answer.text());
        let error = &answer.json()["error"];
        assert_eq!(error["scope"], called);
        assert_eq!(error["budget_id"], narrow.id.to_string());
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(&format!(" on {called}: ")), "{message}");
        house.commit(Change::RemoveBudget(narrow.id));
    }
}
