//! M01, M03, M05: ceilings hold, over all scopes at once, and the number that refuses is the number shown.

use keyward_domain::budget::{Budget, BudgetKind, Mode};
use keyward_domain::money::Nanodollars;
use keyward_domain::scope::{Reach, Scope, ScopeKind};
use keyward_domain::virtual_key::Claims;
use keyward_testkit::provider::{Fault, Stall};

use super::{USD, budget};
use crate::house::{CHAT, House, PATH, code};

/// What one call of [`CAPPED`] is held at.
fn worst_case(house: &House) -> i64 {
    let budget = house.put_global(1000 * USD);
    house.provider.script(Fault::answer().stall(Stall::BeforeHeaders));
    let mut client = house.client();
    client.send("POST", PATH, CAPPED.as_bytes());
    House::wait(house.provider.wait_for_stalled(1));
    let held = house.own_balance(&budget).reserved;
    house.provider.release();
    assert_eq!(client.head().finish().status, 200);
    held.0
}

const CAPPED: &str = r#"{"model":"gpt-4o-mini","max_tokens":1000,"messages":[{"role":"user","content":"Hello"}]}"#;

/// All clients have sent before the provider answers anybody: how many were let through.
fn let_through(house: &House, clients: usize, expected: u64, claims: &[(&str, &str)]) -> usize {
    house.provider.script(Fault::answer().stall(Stall::BeforeHeaders).always());
    let mut open: Vec<_> = (0..clients)
        .map(|_| claims.iter().fold(house.client(), |client, (name, value)| client.header(name, value)))
        .collect();
    for client in &mut open {
        client.send("POST", PATH, CAPPED.as_bytes());
    }
    House::wait(house.provider.wait_for_stalled(expected));
    // Whoever is refused is told before anybody is answered.
    house.provider.clear_script();
    let readers: Vec<_> =
        open.into_iter().map(|mut client| std::thread::spawn(move || client.head().finish())).collect();
    house.provider.release();
    let answers: Vec<_> = readers.into_iter().map(|reader| reader.join().unwrap()).collect();
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!((refused.status, code(refused)), (402, "budget_exceeded".to_owned()), "{}", refused.text());
    }
    answers.iter().filter(|answer| answer.status == 200).count()
}

#[test]
fn m01_fifty_at_once_and_a_budget_for_five() {
    let probe = House::with_keys(1);
    let one = worst_case(&probe);
    let house = House::with_keys(1);
    let budget = house.put_global(5 * one + one / 2);
    assert_eq!(let_through(&house, 50, 5, &[]), 5);
    assert_eq!(house.provider.requests_total(), 5);
    house.settle();
    let balance = house.own_balance(&budget);
    assert_eq!((balance.reserved, balance.spent), (Nanodollars::ZERO, house.ledger_sum()));
    assert!(balance.spent <= balance.limit);
}

#[test]
fn m01_the_first_calls_of_an_end_user_that_nobody_knew() {
    let probe = House::with_keys(1);
    let one = worst_case(&probe);
    let mut house = House::with_keys(1);
    house.key = house.add_key_with("claims", |key| key.claims = Claims { end_user: true, ..Claims::default() });
    house.put_budget(&budget(1, Reach::Each(ScopeKind::EndUser), 5 * one));
    assert_eq!(let_through(&house, 50, 5, &[("x-keyward-end-user", "ada")]), 5);
    // Each has a budget of their own.
    assert_eq!(let_through(&house, 5, 5, &[("x-keyward-end-user", "grace")]), 5);
}

#[test]
fn m03_the_tightest_of_all_scopes_decides_and_a_refusal_changes_nothing() {
    let mut house = House::with_keys(1);
    house.key = house.add_key_with("scoped", |key| {
        key.claims = Claims { end_user: true, tags: vec!["*".to_owned()], ..Claims::default() };
        key.team = Some(keyward_domain::ids::TeamId::from_bits(5));
        key.user = Some(keyward_domain::ids::UserId::from_bits(6));
    });
    let key = house.virtual_key("scoped").id;
    let records = keyward_domain::port::Store::load(&*house.store).unwrap();
    let (provider, credential) = (records.providers[0].id, records.credentials[0].id);
    let tenant = keyward_domain::ids::TenantId::DEFAULT;
    let scopes = [
        Scope::Global,
        Scope::Tenant(tenant),
        Scope::Team(keyward_domain::ids::TeamId::from_bits(5)),
        Scope::User(keyward_domain::ids::UserId::from_bits(6)),
        Scope::EndUser(tenant, "ada".into()),
        Scope::VirtualKey(key),
        Scope::Tag(tenant, "nightly".into()),
        Scope::Provider(provider),
        Scope::Credential(credential),
        Scope::Model(tenant, "openai/gpt-4o-mini".into()),
    ];
    // What nobody has a name for, and what callers do not see, is told by its id.
    let called: [&str; 10] = [
        "global",
        "tenant:default",
        &scopes[2].to_string(),
        &scopes[3].to_string(),
        "end_user:ada",
        "vkey:scoped",
        "tag:nightly",
        "provider:openai",
        &scopes[8].to_string(),
        "model:openai/gpt-4o-mini",
    ];
    let mut budgets: Vec<Budget> =
        scopes.iter().zip(1..).map(|(scope, number)| budget(number, Reach::One(scope.clone()), 10 * USD)).collect();
    for budget in &budgets {
        house.put_budget(budget);
    }
    let call = |house: &House| {
        let client = house.client().header("x-keyward-end-user", "ada").header("x-keyward-tags", "nightly");
        client.header("x-ignored", "1").post(PATH, CAPPED)
    };
    assert_eq!(call(&house).status, 200);
    house.settle();
    let spent = house.ledger_sum();
    assert!(spent > Nanodollars::ZERO);
    for at in 0..budgets.len() {
        // This one alone has nothing left but what was spent.
        let narrow = Budget { amount: spent, revision: budgets[at].revision + 1, ..budgets[at].clone() };
        house.put_budget(&narrow);
        let answer = call(&house);
        assert_eq!((answer.status, code(&answer)), (402, "budget_exceeded".to_owned()), "{}", narrow_name(&scopes[at]));
        assert_eq!(answer.json()["error"]["scope"], *called[at]);
        assert_eq!(answer.json()["error"]["budget_id"], budgets[at].id.to_string());
        house.settle();
        for (budget, scope) in budgets.iter().zip(&scopes) {
            let balance = house.balance(budget, scope);
            assert_eq!((balance.spent, balance.reserved), (spent, Nanodollars::ZERO), "{scope}");
        }
        budgets[at] = Budget { revision: narrow.revision + 1, ..budgets[at].clone() };
        house.put_budget(&budgets[at]);
    }
    assert_eq!(house.provider.requests_total(), 1);
}

fn narrow_name(scope: &Scope) -> String {
    format!("narrow: {scope}")
}

#[test]
fn m05_the_refusal_says_what_the_budget_shows() {
    let house = House::with_keys(1);
    let budget = house.put_global(USD / 100);
    house.provider.script(Fault::answer().answer_tokens(1_000));
    assert_eq!(house.client().post(PATH, CAPPED).status, 200);
    house.settle();
    // Enough for one such call at the most, of which more than half is spent.
    let tight = Budget { amount: Nanodollars(1_100_000), revision: 2, ..budget };
    house.put_budget(&tight);
    let answer = house.client().post(PATH, CAPPED);
    let error = &answer.json()["error"];
    let shown = house.own_balance(&tight);
    assert_eq!(answer.status, 402);
    assert_eq!(error["limit"], shown.limit.decimal());
    assert_eq!(error["spent"], shown.spent.decimal());
    assert_eq!(error["reserved"], shown.reserved.decimal());
    assert_eq!(error["resets_at"], shown.window.until.rfc3339());
    assert_eq!(answer.header("retry-after"), None);
    assert!(answer.text().contains("Wait for the window to end"), "{}", answer.text());

    // What is more than the whole budget does not fit tomorrow either.
    house.put_budget(&Budget { amount: Nanodollars(1_000_000), revision: 3, ..tight });
    let answer = house.client().post(PATH, CAPPED);
    assert_eq!((answer.status, code(&answer)), (402, "budget_exceeded".to_owned()));
    assert!(answer.json()["error"]["resets_at"].is_null());
    assert!(answer.text().contains("never fits") && !answer.text().contains("Wait for"), "{}", answer.text());
}

#[test]
fn a_budget_that_only_watches_lets_pass_and_counts() {
    let house = House::with_keys(1);
    let watching = Budget { mode: Mode::Observe, ..budget(1, Reach::One(Scope::Global), 1) };
    house.put_budget(&watching);
    let soft = Budget { kind: BudgetKind::Soft, ..budget(2, Reach::One(Scope::Global), 1) };
    house.put_budget(&soft);
    assert_eq!(house.client().post(PATH, CHAT).status, 200);
    house.settle();
    assert!(house.metrics.render().contains(r#"keyward_would_refuse_total{scope="global",meter="cost"} 1"#));
    assert_eq!(house.own_balance(&watching).spent, house.ledger_sum());
    assert_eq!(house.own_balance(&soft).spent, house.ledger_sum());
}

#[test]
fn a_call_is_counted_once_for_a_budget_that_watches() {
    let house = House::with_keys(2);
    let watching = |number, scope| Budget { mode: Mode::Observe, ..budget(number, Reach::One(scope), 1) };
    house.put_budget(&watching(1, Scope::Global));
    let records = keyward_domain::port::Store::load(&*house.store).unwrap();
    // Money is held on who asks, then on who serves as well, and again where the second attempt is made.
    house.put_budget(&budget(2, Reach::One(Scope::Provider(records.providers[0].id)), USD));
    house.provider.script(Fault::status(429));
    let answer = house.client().post(PATH, CHAT);
    assert_eq!((answer.status, answer.header("x-keyward-attempts")), (200, Some("2")));
    let counted = || house.metrics.render();
    assert!(counted().contains(r#"keyward_would_refuse_total{scope="global",meter="cost"} 1"#), "{}", counted());
    assert_eq!(house.client().post(PATH, CHAT).status, 200);
    assert!(counted().contains(r#"keyward_would_refuse_total{scope="global",meter="cost"} 2"#), "{}", counted());
}

#[test]
fn a_provider_without_money_is_passed_by_for_one_with_money() {
    let house = House::with_providers(|_| {}, &[("openai", &["one"]), ("spare", &["two"])]);
    house.add_alias("fast", &["openai/gpt-4o-mini", "spare/gpt-4o-mini"]);
    let records = keyward_domain::port::Store::load(&*house.store).unwrap();
    let openai = records.providers.iter().find(|provider| provider.name == "openai").unwrap().id;
    house.put_budget(&budget(1, Reach::One(Scope::Provider(openai)), 0));
    let answer = house.chat_with("fast");
    assert_eq!((answer.status, answer.header("x-keyward-provider")), (200, Some("spare")), "{}", answer.text());
    assert_eq!(answer.header("x-keyward-attempts"), Some("1"));
    let alone = house.chat_with("openai/gpt-4o-mini");
    assert_eq!((alone.status, code(&alone)), (402, "budget_exceeded".to_owned()));
}

#[test]
fn a_provider_key_without_money_is_passed_by_for_its_sibling() {
    let house = House::with_keys(2);
    let first = house.credential("key-1").id;
    house.put_budget(&budget(1, Reach::One(Scope::Credential(first)), 0));
    for _ in 0..6 {
        assert_eq!(house.chat().header("x-keyward-key"), Some("key-2"));
    }
}
