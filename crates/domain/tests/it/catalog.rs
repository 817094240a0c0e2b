//! The price catalog: what is known, what is free, what is unknown.

use keyward_domain::catalog::{Capability, Catalog, CatalogError, Kind, Model, Pricing, RateKey, ServiceClass};
use serde_json::{Value, json};

fn shipped() -> Catalog {
    Catalog::shipped().expect("the shipped catalog is valid")
}

fn overlay(catalog: &mut Catalog, model: &str, entry: &Value) -> Result<(), CatalogError> {
    let file = json!({"schema": 1, "providers": {"acme": {"models": {model: entry}}}});
    catalog.overlay_json(file.to_string().as_bytes())
}

#[test]
fn the_shipped_catalog_is_whole() {
    let catalog = shipped();
    let count: usize = catalog.providers().map(|provider| catalog.models(provider).count()).sum();
    assert!(count >= 1_847, "{count} models");
    assert_eq!(&**catalog.version(), "2026-11-20");
    for provider in ["openai", "anthropic", "gemini", "groq", "deepseek", "xai", "together", "fireworks", "cerebras"] {
        let known = catalog.models(provider).filter(|(_, model)| matches!(model.pricing, Pricing::Known(_))).count();
        assert!(known >= 5, "{provider}: {known}");
    }
    let model = catalog.model("openai", "gpt-5.4").expect("listed");
    assert_eq!((model.kind, model.context, model.max_output), (Kind::Chat, Some(1_050_000), Some(128_000)));
    assert!(model.capabilities.has(Capability::Tools) && !model.capabilities.has(Capability::AudioIn));
}

#[test]
fn m08_a_price_of_nothing_but_zeros_is_unknown_and_so_is_a_suspect_one() {
    let catalog = shipped();
    for (provider, model) in [
        ("gemini", "gemma-3-27b-it"),
        ("azure_ai", "jais-30b-chat"),
        ("openai", "omni-moderation-latest"),
        ("ollama", "codellama"),
    ] {
        let model = catalog.model(provider, model).expect("listed");
        assert_eq!(model.pricing, Pricing::Unknown);
    }
    for provider in catalog.providers().filter(|provider| *provider != "sandbox") {
        for (name, model) in catalog.models(provider) {
            assert_ne!(model.pricing, Pricing::Free, "{provider}/{name}: nobody declared it free");
        }
    }
}

#[test]
fn m08_free_is_a_declaration_of_the_provider_or_of_the_model() {
    assert_eq!(Pricing::Unknown.at_provider(true), Pricing::Free);
    assert_eq!(Pricing::Unknown.at_provider(false), Pricing::Unknown);
    let known = shipped().model("openai", "gpt-5.4").expect("listed").pricing.clone();
    assert_eq!(known.at_provider(true), known, "a price wins over the declaration");
    assert_eq!(Model::overridden(None, &json!({"free": true})).expect("valid").pricing, Pricing::Free);
}

#[test]
fn names_with_a_date_or_latest_find_the_plain_model() {
    let catalog = shipped();
    let found = |name: &str| catalog.model("openai", name).is_some();
    assert!(found("gpt-5.4-2031-01-31") && found("gpt-5.4-20310131") && found("gpt-5.4@20310131"));
    assert!(found("gpt-5.4-latest") && found("ft:gpt-4o-2024-08-06:acme::abc123"));
    assert!(catalog.model("gemini", "models/gemini-2.5-pro").is_some());
    for name in
        ["gpt-5.4-2031", "gpt-5.4-2031-1-31", "gpt", "", "-latest", "gpt-5.4-latest-latest", "-20250807", "ft:nobody:x"]
    {
        assert!(!found(name), "{name}");
    }
    let exact = catalog.model("openai", "gpt-4o-2024-05-13").expect("listed");
    let plain = catalog.model("openai", "gpt-4o").expect("listed");
    assert_ne!(exact.pricing, plain.pricing, "the exact entry wins over the shorter name");
    assert!(catalog.model("nobody", "gpt-5.4").is_none());
}

#[test]
fn an_entry_is_read_back_as_it_was_written() {
    let catalog = shipped();
    for provider in catalog.providers() {
        for (name, model) in catalog.models(provider) {
            let again = Model::overridden(Some(model), &json!({})).expect("valid");
            let (mut kept, mut read) = ((**model).clone(), again);
            if model.suspect {
                // The price of a suspect entry is not kept, only the suspicion.
                (kept.pricing, read.pricing) = (Pricing::Unknown, Pricing::Unknown);
            }
            assert_eq!(read, kept, "{provider}/{name}");
        }
    }
}

#[test]
fn overlays_merge_key_by_key_and_null_deletes() {
    let mut catalog = shipped();
    overlay(&mut catalog, "m", &json!({"kind": "chat", "ctx": 1000, "price": {"std": {"in": 10, "out": 20}}})).unwrap();
    overlay(&mut catalog, "m", &json!({"price": {"std": {"out": 30, "in": null, "cache_read": 1}}, "ctx": null}))
        .unwrap();
    let model = catalog.model("acme", "m").unwrap();
    let Pricing::Known(prices) = &model.pricing else { panic!("{model:?}") };
    assert_eq!(prices.rate(ServiceClass::Standard, RateKey::Out, 0), Some(30));
    assert_eq!(prices.rate(ServiceClass::Standard, RateKey::CacheRead, 0), Some(1));
    assert_eq!(prices.rate(ServiceClass::Standard, RateKey::In, 0), None);
    assert_eq!(model.context, None);
    overlay(&mut catalog, "m", &Value::Null).unwrap();
    assert!(catalog.model("acme", "m").is_none());
}

#[test]
fn every_overlay_shows_in_the_version_and_a_bad_one_changes_nothing() {
    let mut catalog = shipped();
    overlay(&mut catalog, "m", &json!({"price": {"std": {"in": 10}}})).unwrap();
    let version = catalog.version().to_string();
    assert!(version.starts_with("2026-11-20+") && version.len() == "2026-11-20+".len() + 8, "{version}");
    let bad = json!({"schema": 1, "providers": {"acme": {"models": {"a": {"price": {"std": {"in": 1}}}, "b": {"price": 7}}}}});
    let refused = catalog.overlay_json(bad.to_string().as_bytes()).unwrap_err();
    assert!(
        matches!(&refused, CatalogError::Entry { provider, model, .. } if provider == "acme" && model == "b"),
        "{refused}"
    );
    assert!(catalog.model("acme", "a").is_none());
    assert_eq!(**catalog.version(), *version);
}

#[test]
fn m08_a_price_by_the_operator_clears_suspicion_and_freedom() {
    let catalog = shipped();
    let suspect = catalog.model("azure_ai", "jais-30b-chat").unwrap();
    assert!(suspect.suspect);
    let priced = Model::overridden(Some(suspect), &json!({"price": {"std": {"in": 3, "out": 9}}})).unwrap();
    assert!(!priced.suspect && matches!(priced.pricing, Pricing::Known(_)));
    let free = Model::overridden(Some(&priced), &json!({"free": true})).unwrap();
    assert_eq!(free.pricing, Pricing::Free);
    let again = Model::overridden(Some(&free), &json!({"price": {"std": {"in": 3}}})).unwrap();
    assert!(matches!(again.pricing, Pricing::Known(_)));
    let zero = Model::overridden(None, &json!({"price": {"std": {"in": 0, "out": 0}}})).unwrap();
    assert_eq!(zero.pricing, Pricing::Unknown, "zero is no price: say `free`");
}

#[test]
fn broken_files_are_refused_with_a_place_and_a_reason() {
    let whole =
        |models: Value| json!({"schema": 1, "generated": "2030-01-01", "providers": {"acme": {"models": models}}});
    let cases = [
        (json!({"schema": 2, "generated": "x", "providers": {}}), "schema 2"),
        (json!({"schema": 1, "generated": "x", "providers": {}, "surprise": 1}), "surprise"),
        (json!({"schema": 1, "generated": "x", "providers": {"acme": {"modles": {}}}}), "modles"),
        (whole(json!({"": {"kind": "chat"}})), "needs a name"),
        (whole(json!({"m": {"kind": "oracle"}})), "oracle"),
        (whole(json!({"m": {"prize": {}}})), "prize"),
        (whole(json!({"m": {"price": {"std": {"inn": 1}}}})), "inn"),
        (whole(json!({"m": {"price": {"std": {"in": -1}}}})), "-1"),
        (whole(json!({"m": {"price": {"std": {"in": 1.5}}}})), "1.5"),
        (whole(json!({"m": {"unit": {"picture": 1}}})), "picture"),
        (whole(json!({"m": {"tiers": [{"above": 0, "std": {"in": 1}}]}})), "above 0"),
        (whole(json!({"m": {"tiers": [{"above": 9, "std": {}}, {"above": 9, "std": {}}]}})), "rise"),
        (whole(json!({"m": {"variants": [{"when": {}, "unit": {"image": 1}}]}})), "when"),
    ];
    for (file, reason) in cases {
        let refused = Catalog::from_json(file.to_string().as_bytes()).expect_err(reason).to_string();
        assert!(refused.contains(reason), "{refused} should mention {reason}");
    }
    assert!(matches!(Catalog::from_json(b"{"), Err(CatalogError::Form(_))));
    assert!(matches!(Catalog::from_json(b"\xff"), Err(CatalogError::Form(_))));
}

#[test]
fn classes_and_capabilities_of_a_later_time_are_left_out() {
    let file = json!({"schema": 1, "generated": "2030-01-01", "providers": {"acme": {"models": {
        "m": {"caps": ["tools", "telepathy"], "max_out": 50, "ctx": 10, "price": {"std": {"in": 5}, "warp": {"in": 1}}}}}}});
    let catalog = Catalog::from_json(file.to_string().as_bytes()).unwrap();
    let model = catalog.model("acme", "m").unwrap();
    assert_eq!(model.capabilities.iter().collect::<Vec<_>>(), [Capability::Tools]);
    assert_eq!(model.max_output, Some(10), "no answer is longer than the context");
}

#[test]
fn the_words_of_providers_for_the_class_that_was_served() {
    let cases = [
        ("default", ServiceClass::Standard),
        ("standard", ServiceClass::Standard),
        ("on_demand", ServiceClass::Standard),
        ("flex", ServiceClass::Flex),
        ("priority", ServiceClass::Priority),
        ("fast", ServiceClass::Priority),
        ("ultrafast", ServiceClass::Ultrafast),
        ("batch", ServiceClass::Batch),
        ("ON_DEMAND", ServiceClass::Standard),
        ("ON_DEMAND_FLEX", ServiceClass::Flex),
        ("ON_DEMAND_PRIORITY", ServiceClass::Priority),
        ("", ServiceClass::Standard),
        ("tomorrow", ServiceClass::Standard),
        ("ЖЖЖЖЖЖ", ServiceClass::Standard),
    ];
    for (word, class) in cases {
        assert_eq!(ServiceClass::served(word), class, "{word}");
    }
}
