//! D04: model lists and token counts work for a restricted key and show what it may use.

use keyward_domain::alias::Alias;
use keyward_domain::dialect::Operation;
use keyward_domain::ids::TenantId;
use keyward_domain::port::Change;
use keyward_domain::virtual_key::Grant;

use crate::house::House;

fn restricted(models: &[&str]) -> Grant {
    Grant { models: models.iter().map(|model| (*model).to_owned()).collect(), ..Grant::default() }
}

#[test]
fn d04_lists_show_what_the_key_may_use() {
    let house = House::open();
    let key = house.add_key("few", restricted(&["gpt-4o-mini", "claude-haiku-4-5", "gemini/gemini-2.5-flash"]));
    let ids = |answer: crate::house::Answer, list: &str, id: &str| -> Vec<String> {
        let json = answer.json();
        json[list].as_array().unwrap().iter().map(|model| model[id].as_str().unwrap().to_owned()).collect()
    };
    let openai = house.client_with(&key).get("/v1/models");
    assert_eq!(ids(openai, "data", "id"), ["gpt-4o-mini"]);
    let anthropic =
        house.client().headers(&[("x-api-key", &*key), ("anthropic-version", "2023-06-01")]).get("/v1/models?limit=10");
    assert_eq!(ids(anthropic, "data", "id"), ["claude-haiku-4-5"]);
    for path in ["/v1/models", "/v1beta/models"] {
        let gemini = house.client().headers(&[("x-goog-api-key", &*key)]).get(path);
        assert_eq!(ids(gemini, "models", "name"), ["models/gemini-2.5-flash"]);
    }
    assert_eq!(house.client_with(&key).get("/v1/models/gpt-4o-mini").json()["id"], "gpt-4o-mini");
    assert_eq!(house.client_with(&key).get("/v1/models/gpt-4o").status, 404);
    assert_eq!(house.provider.requests_total(), 0, "lists are answered without asking a provider");
}

#[test]
fn d04_counting_is_free_and_limited_to_granted_models() {
    let mut house = House::open();
    let key = house.add_key("few", restricted(&["claude-haiku-4-5"]));
    let mut client = house.client().headers(&[("x-api-key", &*key), ("anthropic-version", "2023-06-01")]);
    let body = r#"{"model":"claude-haiku-4-5","messages":[{"role":"user","content":"Hello"}]}"#;
    let answer = client.post("/v1/messages/count_tokens", body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(answer.json()["input_tokens"].as_u64().unwrap() > 0);
    let refused = client.post("/v1/messages/count_tokens", &body.replace("haiku", "opus"));
    assert_eq!(refused.status, 403);
    let entries = house.entries();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].cost.unwrap().0, 0);
}

#[test]
fn d04_lists_calls_and_suggestions_follow_one_rule() {
    let house = House::open();
    house.commit(Change::PutAlias(Alias::listed(TenantId::DEFAULT, "fast", vec!["openai/gpt-4o-mini".to_owned()])));
    let by_target = house.add_key("by-target", restricted(&["openai/gpt-4o-mini"]));
    let by_alias = house.add_key("by-alias", restricted(&["fast"]));
    let listed = |key: &str| -> Vec<String> {
        let json = house.client_with(key).get("/v1/models").json();
        json["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(listed(&by_target), ["fast", "gpt-4o-mini"]);
    assert_eq!(listed(&by_alias), ["fast"]);
    let near = house.client_with(&by_alias).post("/v1/chat/completions", r#"{"model":"gpt-4o-mino"}"#);
    assert_eq!(near.status, 404);
    assert!(!near.text().contains("Did you mean"), "{}", near.text());
    let near = house.client_with(&by_target).post("/v1/chat/completions", r#"{"model":"gpt-4o-mino"}"#);
    assert!(near.text().contains("gpt-4o-mini"), "{}", near.text());
    let chat_only = Grant { operations: vec![Operation::Chat], ..Grant::default() };
    let chat_only = house.add_key("chat-only", chat_only);
    assert_eq!(house.client_with(&chat_only).get("/v1/models").status, 200);
}

#[test]
fn an_alias_with_the_name_of_a_model_is_listed_once_and_the_model_under_its_full_name() {
    let house = House::open();
    house.commit(Change::PutAlias(Alias::listed(TenantId::DEFAULT, "gpt-4o-mini", vec!["openai/gpt-4o".to_owned()])));
    house.publish();
    let list = house.client().get("/v1/models").json();
    let ids: Vec<_> = list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    let named = |name: &str| ids.iter().filter(|id| **id == name).count();
    assert_eq!((named("gpt-4o-mini"), named("openai/gpt-4o-mini")), (1, 1), "{ids:?}");
    assert_eq!(house.client().get("/v1/models/gpt-4o-mini").json()["owned_by"], "alias");
}
