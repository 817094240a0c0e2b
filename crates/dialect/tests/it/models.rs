//! Lists of models.

use keyward_dialect::models::{BadPage, ModelCard, list, one};
use keyward_domain::dialect::Dialect;
use serde_json::{Value, json};

fn card(id: &str) -> ModelCard {
    ModelCard {
        id: id.to_owned(),
        created: 1_790_000_000,
        owner: "acme".to_owned(),
        context: Some(128_000),
        max_output: None,
        display: format!("The {id}"),
    }
}

fn page(dialect: Dialect, cards: &[ModelCard], query: &str) -> Value {
    serde_json::from_slice(&list(dialect, cards, query).unwrap()).unwrap()
}

#[test]
fn d04_one_model_in_each_dialect() {
    let shown = |dialect| serde_json::from_slice::<Value>(&one(dialect, &card("a/b"))).unwrap();
    assert_eq!(
        shown(Dialect::OpenAi),
        json!({"id": "a/b", "object": "model", "created": 1_790_000_000, "owned_by": "acme"})
    );
    assert_eq!(
        shown(Dialect::Anthropic),
        json!({"type": "model", "id": "a/b", "display_name": "The a/b", "created_at": "2026-09-21T14:13:20Z",
               "lifecycle": "active", "max_input_tokens": 128_000, "max_tokens": null})
    );
    assert_eq!(
        shown(Dialect::Gemini),
        json!({"name": "models/a/b", "version": "001", "displayName": "The a/b", "inputTokenLimit": 128_000,
               "supportedGenerationMethods": ["generateContent", "streamGenerateContent", "countTokens"]})
    );
    let embedding: Value = serde_json::from_slice(&one(Dialect::Gemini, &card("models/gemini-embedding-001"))).unwrap();
    assert_eq!(embedding["name"], "models/gemini-embedding-001");
    assert_eq!(embedding["supportedGenerationMethods"][0], "embedContent");
}

#[test]
fn d04_pages_follow_one_another_without_gap_or_overlap() {
    let cards: Vec<_> = (0..45).map(|n| card(&format!("m {n}"))).collect();
    assert_eq!(page(Dialect::OpenAi, &cards, "limit=1")["data"].as_array().unwrap().len(), 45);

    let (mut query, mut ids) = ("limit=20".to_owned(), Vec::new());
    loop {
        let page = page(Dialect::Anthropic, &cards, &query);
        ids.extend(page["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap().to_owned()));
        assert_eq!(page["last_id"].as_str(), ids.last().map(String::as_str));
        if page["has_more"] == false {
            break;
        }
        query = format!("limit=20&after_id={}", page["last_id"].as_str().unwrap().replace(' ', "%20"));
    }
    assert_eq!(ids, cards.iter().map(|card| card.id.clone()).collect::<Vec<_>>());

    let before = page(Dialect::Anthropic, &cards, "limit=2&before_id=m+10");
    assert_eq!(
        (&before["first_id"], &before["last_id"], &before["has_more"]),
        (&json!("m 8"), &json!("m 9"), &json!(true))
    );

    let (mut query, mut names) = ("pageSize=20".to_owned(), Vec::new());
    loop {
        let page = page(Dialect::Gemini, &cards, &query);
        names.extend(page["models"].as_array().unwrap().iter().map(|model| model["name"].as_str().unwrap().to_owned()));
        let Some(token) = page["nextPageToken"].as_str() else { break };
        query = format!("pageSize=20&pageToken={}", token.replace(' ', "%20"));
    }
    assert_eq!(names, cards.iter().map(|card| format!("models/{}", card.id)).collect::<Vec<_>>());
}

#[test]
fn nothing_to_show_is_an_empty_list() {
    assert_eq!(page(Dialect::OpenAi, &[], ""), json!({"object": "list", "data": []}));
    assert_eq!(
        page(Dialect::Anthropic, &[], ""),
        json!({"data": [], "has_more": false, "first_id": null, "last_id": null})
    );
    assert_eq!(page(Dialect::Gemini, &[], ""), json!({"models": []}));
}

#[test]
fn pages_that_do_not_exist_are_refused_by_name() {
    let cards = [card("a")];
    for (dialect, query, name) in [
        (Dialect::Anthropic, "limit=0", "limit"),
        (Dialect::Anthropic, "limit=x", "limit"),
        (Dialect::Anthropic, "after_id=z", "after_id"),
        (Dialect::Anthropic, "after_id=a&before_id=a", "before_id"),
        (Dialect::Gemini, "pageSize=-1", "pageSize"),
        (Dialect::Gemini, "pageToken=z", "pageToken"),
    ] {
        let error = list(dialect, &cards, query).unwrap_err();
        assert_eq!(error, BadPage(name));
        assert!(error.to_string().contains(name));
    }
    assert!(list(Dialect::Gemini, &cards, "pageToken=&%zz=%&pageSize=99999").is_ok());
}
