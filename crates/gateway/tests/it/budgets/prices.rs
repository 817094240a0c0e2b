//! M08, A79, A88: no price is not free.

use keyward_domain::budget::UnknownPrice;
use keyward_domain::money::{Nanodollars, Picodollars};
use keyward_domain::port::Change;
use keyward_domain::provider::ProviderKind;
use keyward_testkit::provider::Vendor;

use super::USD;
use crate::house::{House, PATH, chat_of, code};

fn mystery() -> House {
    let house = House::with_keys(1);
    house.provider.add_model(Vendor::OpenAi, "mystery-model");
    house
}

#[test]
fn a79_without_a_price_a_budget_refuses() {
    let house = mystery();
    house.put_global(1000 * USD);
    let answer = house.client().post(PATH, &chat_of("openai/mystery-model"));
    assert_eq!((answer.status, code(&answer)), (503, "price_unknown".to_owned()), "{}", answer.text());
    assert_eq!(house.provider.requests_total(), 0);
    // What has a price goes on.
    assert_eq!(house.chat().status, 200);
}

#[test]
fn a79_without_a_price_a_ceiling_is_charged_if_the_operator_says_so() {
    let mut house = mystery();
    house.unknown_price = UnknownPrice::Ceiling(Picodollars(50_000_000));
    let budget = house.put_global(100 * USD);
    let answer = house.client().post(PATH, &chat_of("openai/mystery-model"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    house.settle();
    let entry = house.store_entries().pop().unwrap();
    let tokens = i64::try_from(entry.usage.prompt_tokens() + entry.usage.completion_tokens()).unwrap();
    assert_eq!(entry.cost, Some(Nanodollars(tokens * 50_000)));
    assert_eq!(&*entry.subject.price_version, "ceiling.50000000");
    assert_eq!(house.own_balance(&budget).spent, Nanodollars(tokens * 50_000));
}

#[test]
fn a88_what_is_free_works_at_a_budget_of_nothing() {
    let mut house = House::with_keys(1);
    let id = house.add_vendor("local", Vendor::OpenAi, &["local-1"]);
    let mut local = keyward_domain::port::Store::load(&*house.store).unwrap().providers;
    let mut local = local.remove(local.iter().position(|provider| provider.id == id).unwrap());
    (local.free, local.catalog, local.kind, local.revision) = (true, None, ProviderKind::OpenAiCompatible, 2);
    house.commit(Change::PutProvider(local));
    let budget = house.put_global(0);
    assert_eq!(house.chat_with("openai/gpt-4o-mini").status, 402);
    let answer = house.chat_with("local/gpt-4o-mini");
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(house.entries().pop().unwrap().cost, Some(Nanodollars::ZERO));
    assert_eq!(house.own_balance(&budget).spent, Nanodollars::ZERO);
}
