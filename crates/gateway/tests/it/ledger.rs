//! The ledger equals the provider's bill.

use std::sync::atomic::Ordering;

use keyward_domain::ledger::AttemptOutcome;
use keyward_domain::port::Durability;
use keyward_domain::usage::UsageSource;

use crate::budgets::USD;
use crate::house::{House, code};

#[test]
fn m06_rows_equal_the_bill_on_every_surface() {
    let mut house = House::open();
    let key = house.key.clone();
    let calls: &[(&str, &str)] = &[
        ("/v1/chat/completions", r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hello"}]}"#),
        ("/v1/responses", r#"{"model":"gpt-4o-mini","input":"Hello"}"#),
        ("/v1/embeddings", r#"{"model":"text-embedding-3-small","input":["one","two"]}"#),
        ("/v1/completions", r#"{"model":"gpt-3.5-turbo-instruct","prompt":"Once"}"#),
        (
            "/v1/messages",
            r#"{"model":"claude-haiku-4-5","max_tokens":32,"messages":[{"role":"user","content":"Hello"}]}"#,
        ),
        ("/v1beta/models/gemini-2.5-flash:generateContent", r#"{"contents":[{"parts":[{"text":"Hello"}]}]}"#),
    ];
    for (path, body) in calls {
        let mut client = house.client().headers(&[("x-api-key", &*key), ("anthropic-version", "2023-06-01")]);
        let answer = client.post(path, body);
        // Ids sort by time, and the clock is ours.
        house.clock.advance(std::time::Duration::from_millis(1));
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert!(answer.header("x-keyward-cost-usd").is_some(), "{path}");
    }
    let bill = house.provider.bill();
    let entries = house.entries();
    assert_eq!(entries.len(), calls.len());
    assert_eq!(bill.len(), calls.len());
    for (line, entry) in bill.iter().zip(&entries) {
        assert_eq!(entry.outcome, AttemptOutcome::Completed);
        assert_eq!(entry.source, UsageSource::Provider, "{}", line.model);
        assert_eq!(entry.usage.prompt_tokens(), line.input(), "{}", line.model);
        assert_eq!(entry.usage.cache_read, line.cache_read, "{}", line.model);
        assert_eq!(entry.usage.completion_tokens(), line.output, "{}", line.model);
        assert!(entry.cost.is_some(), "{} has a price", line.model);
        assert!(entry.subject.reserved.unwrap() >= entry.cost.unwrap(), "{} stays within its reservation", line.model);
        assert!(entry.raw_usage.is_some() && !entry.subject.price_version.is_empty());
    }
}

#[test]
fn ob01_nothing_leaves_before_its_reservation_is_durable() {
    let house = House::with_keys(1);
    let budget = house.put_global(USD);
    house.disk_is_full.store(true, Ordering::SeqCst);
    let refused = house.chat();
    assert_eq!((refused.status, code(&refused)), (503, "overloaded".to_owned()), "{}", refused.text());
    assert!(refused.text().contains("ledger cannot be written"), "{}", refused.text());
    assert_eq!(house.provider.requests_total(), 0);
    house.disk_is_full.store(false, Ordering::SeqCst);
    assert_eq!(house.chat().status, 200);
    house.settle();
    assert_eq!(house.own_balance(&budget).spent, house.ledger_sum());
}

#[test]
fn ob01_with_strict_durability_nothing_leaves_before_the_disk_has_its_reservation() {
    for (durability, status) in [(Durability::Strict, 503), (Durability::Process, 200)] {
        let house = House::with_keys_and(1, |options| options.durability = durability);
        house.disk_is_broken.store(true, Ordering::SeqCst);
        let answer = house.chat();
        assert_eq!(answer.status, status, "{durability:?}: {}", answer.text());
        assert_eq!(house.provider.requests_total(), u64::from(status == 200));
        house.disk_is_broken.store(false, Ordering::SeqCst);
        assert_eq!(house.chat().status, 200);
    }
}

#[test]
fn m06_the_row_is_durable_before_the_last_byte() {
    let house = House::open();
    let answer = house
        .client()
        .post("/v1/chat/completions", r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hello"}]}"#);
    assert_eq!(answer.status, 200);
    // The journal alone knows it: nothing was closed or projected by us.
    let journal = house.journal_bytes();
    let id = answer.header("x-keyward-request-id").unwrap();
    let bits = id.parse::<keyward_domain::ids::RequestId>().unwrap().to_bytes();
    let frames = journal.windows(16).filter(|window| *window == bits).count();
    assert!(frames >= 2, "a reservation and an entry, found {frames}");
}

#[test]
fn m08_an_unknown_price_is_not_free() {
    let mut house = House::open();
    house.provider.add_model(keyward_testkit::provider::Vendor::OpenAi, "mystery-model");
    let answer = house.client().post(
        "/v1/chat/completions",
        r#"{"model":"openai/mystery-model","messages":[{"role":"user","content":"Hello"}]}"#,
    );
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("x-keyward-cost-usd"), None);
    let entry = house.entries().pop().unwrap();
    assert_eq!((entry.cost, entry.subject.reserved), (None, None));
    assert!(house.metrics.render().contains("keyward_unpriced_attempts"));
}
