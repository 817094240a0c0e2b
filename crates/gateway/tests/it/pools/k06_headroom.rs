//! K06: headers that say what is left steer traffic away before anybody is refused.

use std::time::Duration;

use keyward_domain::routing::Strategy;
use keyward_testkit::provider::Fault;

use crate::house::{CHAT, House, PATH};

/// From now on the answers with `key-1` say that nothing is left of this meter for 30 s.
fn empty(house: &House, meter: &str, model: Option<&str>) {
    let fault = Fault::answer()
        .header(&format!("x-ratelimit-limit-{meter}"), "1000")
        .header(&format!("x-ratelimit-remaining-{meter}"), "0")
        .header(&format!("x-ratelimit-reset-{meter}"), "30s")
        .for_key("key-1")
        .always();
    house.provider.script(match model {
        Some(model) => fault.for_model(model),
        None => fault,
    });
}

#[test]
fn k06_an_empty_meter_steers_away_before_the_429() {
    for meter in ["requests", "tokens"] {
        let house = House::with_keys(3);
        house.set_strategy("openai", Strategy::Single);
        empty(&house, meter, None);
        assert_eq!(house.chat().header("x-keyward-key"), Some("key-1"));
        for _ in 0..20 {
            let answer = house.chat();
            assert_eq!(answer.header("x-keyward-key"), Some("key-2"), "{meter}");
            assert_eq!(answer.header("x-keyward-attempts"), Some("1"), "nobody was refused");
        }
        house.clock.advance(Duration::from_secs(30));
        assert_eq!(house.chat().header("x-keyward-key"), Some("key-1"), "the {meter} are back");
        assert_eq!(house.heard.events(), [], "a key with an empty meter is not a bad key");
    }
}

#[test]
fn k06_a_meter_counts_for_its_model_alone() {
    let house = House::with_keys(3);
    house.set_strategy("openai", Strategy::Single);
    empty(&house, "requests", Some("gpt-4o-mini"));
    assert_eq!(house.chat().header("x-keyward-key"), Some("key-1"));
    assert_eq!(house.chat().header("x-keyward-key"), Some("key-2"));
    assert_eq!(house.chat_with("gpt-4o").header("x-keyward-key"), Some("key-1"));
}

#[test]
fn k06_each_bucket_of_a_vendor_counts() {
    use keyward_testkit::provider::Vendor;
    for bucket in ["requests", "input-tokens", "output-tokens", "tokens"] {
        let house = House::with_keys(1);
        house.add_vendor("anthropic", Vendor::Anthropic, &["ant-1", "ant-2"]);
        house.set_strategy("anthropic", Strategy::Single);
        let reset = "2026-11-18T12:00:00Z";
        house.provider.script(
            Fault::answer()
                .header("date", "Wed, 18 Nov 2026 11:59:30 GMT")
                .header(&format!("anthropic-ratelimit-{bucket}-limit"), "5000")
                .header(&format!("anthropic-ratelimit-{bucket}-remaining"), "0")
                .header(&format!("anthropic-ratelimit-{bucket}-reset"), reset)
                .for_key("ant-1"),
        );
        let key = house.key.clone();
        let mut client = house.client().headers(&[("x-api-key", &*key), ("anthropic-version", "2023-06-01")]);
        let body = r#"{"model":"claude-haiku-4-5","max_tokens":16,"messages":[{"role":"user","content":"Hello"}]}"#;
        let mut served = || {
            let answer = client.post("/v1/messages", body);
            assert_eq!((answer.status, answer.header("x-keyward-attempts")), (200, Some("1")), "{}", answer.text());
            answer.header("x-keyward-key").unwrap().to_owned()
        };
        assert_eq!([served(), served(), served()], ["ant-1", "ant-2", "ant-2"], "{bucket}");
        // By the provider's own clock its reset is 30 s away.
        house.clock.advance(Duration::from_secs(30));
        assert_eq!(served(), "ant-1", "{bucket}");
    }
}

#[test]
fn k06_affinity_yields_when_its_home_runs_short() {
    let house = House::with_keys(3);
    let home = house.chat().header("x-keyward-key").unwrap().to_owned();
    house.provider.script(
        Fault::answer()
            .header("x-ratelimit-limit-requests", "1000")
            .header("x-ratelimit-remaining-requests", "20")
            .header("x-ratelimit-reset-requests", "60s")
            .for_key(&home),
    );
    assert_eq!(house.chat().header("x-keyward-key"), Some(&*home), "this answer tells");
    assert_ne!(house.chat().header("x-keyward-key"), Some(&*home), "2 % are below the 5 % that affinity wants");
    house.clock.advance(Duration::from_mins(1));
    assert_eq!(house.chat().header("x-keyward-key"), Some(&*home), "and its conversations return");
}

#[test]
fn k06_when_everybody_is_short_the_provider_is_asked_all_the_same() {
    let house = House::with_keys(1);
    empty(&house, "requests", None);
    let mut client = house.client();
    for _ in 0..5 {
        assert_eq!(client.post(PATH, CHAT).status, 200, "headers may be wrong; a refusal would be ours");
    }
}
