//! Fallbacks of an alias, by what stood in the way; and the order of its targets.

use keyward_domain::alias::TargetOrder;
use keyward_domain::ledger::AttemptOutcome;
use keyward_domain::routing::FallbackClass;
use keyward_domain::virtual_key::Grant;
use keyward_testkit::provider::{Fault, KeyBehaviour, VendorError};

use crate::house::{Answer, House, PATH, chat_of, code, streamed};

const CLASSES: [(FallbackClass, &str); 4] = [
    (FallbackClass::ContextTooLong, "long"),
    (FallbackClass::ContentPolicy, "bold"),
    (FallbackClass::Overloaded, "spare"),
    (FallbackClass::Any, "last"),
];

/// `best` leads to `main`, and for every class to a provider of its own.
fn house(classes: &[FallbackClass]) -> House {
    let providers: [(&str, &[&str]); 5] = [
        ("main", &["main-1", "main-2"]),
        ("long", &["long-1"]),
        ("bold", &["bold-1"]),
        ("spare", &["spare-1"]),
        ("last", &["last-1"]),
    ];
    let house = House::with_providers(|_| {}, &providers);
    house.put_alias("best", &["main/gpt-4o-mini"], |alias| {
        for (class, provider) in CLASSES.into_iter().filter(|(class, _)| classes.contains(class)) {
            alias.fallback.insert(class, vec![format!("{provider}/gpt-4o")]);
        }
    });
    house
}

/// What the client gets when both keys of `main` answer like this.
fn met(house: &House, error: &VendorError) -> Answer {
    for key in ["main-1", "main-2"] {
        house.provider.script(Fault::refuse(error.clone()).for_key(key).always());
    }
    house.client().post(PATH, &chat_of("best"))
}

#[test]
fn fallback_goes_by_what_stood_in_the_way() {
    let cases = [
        (VendorError::ContextTooLong, "long"),
        (VendorError::ContentPolicy, "bold"),
        (VendorError::Overloaded, "spare"),
        (VendorError::RateLimited(None), "spare"),
        (VendorError::RateLimited(Some(30)), "spare"),
        (VendorError::Quota, "spare"),
        (VendorError::InvalidKey, "last"),
        (VendorError::ModelNotFound("gpt-4o-mini".to_owned()), "last"),
        (VendorError::Internal, "last"),
    ];
    for (error, provider) in cases {
        let house = house(&FallbackClass::ALL);
        let answer = met(&house, &error);
        let served = (answer.status, answer.header("x-keyward-provider"), answer.header("x-keyward-model"));
        assert_eq!(served, (200, Some(provider), Some("gpt-4o")), "{error:?}: {}", answer.text());
    }
}

#[test]
fn fallback_any_stands_in_for_a_class_that_has_none() {
    for error in [VendorError::Overloaded, VendorError::RateLimited(Some(30)), VendorError::InvalidKey] {
        let house = house(&[FallbackClass::Any]);
        assert_eq!(met(&house, &error).header("x-keyward-provider"), Some("last"), "{error:?}");
    }
    // What is the request's own fault fails everywhere.
    for error in [VendorError::ContextTooLong, VendorError::ContentPolicy, VendorError::BadRequest("no".into(), None)] {
        let house = house(&[FallbackClass::Any, FallbackClass::Overloaded]);
        assert_eq!(met(&house, &error).status, 400, "{error:?}");
        assert_eq!(house.provider.requests_total(), 1, "{error:?}");
    }
}

#[test]
fn fallback_after_a_rest_that_began_before_the_call() {
    let house = house(&FallbackClass::ALL);
    for key in ["main-1", "main-2"] {
        house.provider.set_behaviour(key, &KeyBehaviour::rate_limited(1, Some(60)));
    }
    let attempts = |answer: &Answer| answer.header("x-keyward-attempts").unwrap().to_owned();
    let first = house.client().post(PATH, &chat_of("best"));
    let second = house.client().post(PATH, &chat_of("best"));
    assert_eq!((&*attempts(&first), &*attempts(&second)), ("3", "1"), "once learned, nobody is asked in vain");
    assert_eq!(second.header("x-keyward-provider"), Some("spare"));
    house.clock.advance(std::time::Duration::from_mins(1));
    assert_eq!(house.client().post(PATH, &chat_of("best")).header("x-keyward-provider"), Some("main"));
}

#[test]
fn fallback_in_an_error_event_before_content() {
    let house = house(&FallbackClass::ALL);
    house.provider.script(Fault::answer().error_after(0, VendorError::ContentPolicy).for_key("main-1"));
    house.provider.script(Fault::answer().error_after(0, VendorError::ContentPolicy).for_key("main-2"));
    let answer = house.client().post(PATH, &streamed(&chat_of("best")));
    assert_eq!((answer.status, answer.header("x-keyward-provider")), (200, Some("bold")), "{}", answer.text());
    assert!(answer.text().contains("[DONE]") && !answer.text().contains("error"), "{}", answer.text());
}

#[test]
fn fallback_is_declined_by_a_header() {
    for (error, status) in
        [(VendorError::ContextTooLong, 400), (VendorError::RateLimited(Some(9)), 429), (VendorError::Internal, 502)]
    {
        let house = house(&FallbackClass::ALL);
        for key in ["main-1", "main-2"] {
            house.provider.script(Fault::refuse(error.clone()).for_key(key).always());
        }
        let answer = house.client().header("x-keyward-no-fallback", "1").post(PATH, &chat_of("best"));
        assert_eq!(answer.status, status, "{error:?}: {}", answer.text());
        assert!(house.calls().keys().all(|key| key.starts_with("main")), "{error:?}");
    }
    let house = House::with_providers(|_| {}, &[("one", &["one-1"]), ("two", &["two-1"])]);
    house.add_alias("best", &["one/gpt-4o-mini", "two/gpt-4o-mini"]);
    house.provider.script(Fault::refuse(VendorError::InvalidKey).for_key("one-1"));
    let answer = house.client().header("x-keyward-no-fallback", "true").post(PATH, &chat_of("best"));
    assert_eq!((answer.status, code(&answer).as_str()), (503, "no_usable_key"), "nor is another target used");
    let answer = house.client().header("x-keyward-no-fallback", "false").post(PATH, &chat_of("best"));
    assert_eq!(answer.header("x-keyward-provider"), Some("two"));
}

#[test]
fn fallback_that_the_virtual_key_may_not_use_is_not_used() {
    let house = house(&FallbackClass::ALL);
    let grant =
        |models: &[&str]| Grant { models: models.iter().map(|name| (*name).to_owned()).collect(), ..Grant::default() };
    let alias = house.add_key("alias", grant(&["best"]));
    let narrow = house.add_key("narrow", grant(&["main/*"]));
    for key in ["main-1", "main-2"] {
        house.provider.script(Fault::refuse(VendorError::InvalidKey).for_key(key).always());
    }
    let refused = house.client_with(&narrow).post(PATH, &chat_of("best"));
    assert_eq!((refused.status, code(&refused).as_str()), (503, "no_usable_key"), "{}", refused.text());
    assert!(house.calls().keys().all(|key| key.starts_with("main")));
    let served = house.client_with(&alias).post(PATH, &chat_of("best"));
    assert_eq!(served.header("x-keyward-provider"), Some("last"), "who may use the alias may use all of it");
}

#[test]
fn fallback_of_another_dialect_is_left_out() {
    let house = House::with_providers(|_| {}, &[("main", &["main-1"])]);
    house.add_vendor("anthropic", keyward_testkit::provider::Vendor::Anthropic, &["ant-1"]);
    house.put_alias("best", &["main/gpt-4o-mini"], |alias| {
        alias.fallback.insert(FallbackClass::Any, vec!["anthropic/claude-haiku-4-5".to_owned()]);
    });
    house.provider.script(Fault::refuse(VendorError::InvalidKey).always());
    let answer = house.client().post(PATH, &chat_of("best"));
    assert_eq!((answer.status, code(&answer).as_str()), (503, "no_usable_key"), "{}", answer.text());
    assert_eq!(house.calls_with("ant-1"), 0);
}

#[test]
fn m11_fallbacks_have_one_line_per_attempt() {
    let mut house = house(&FallbackClass::ALL);
    let answer = met(&house, &VendorError::RateLimited(Some(30)));
    assert_eq!((answer.status, answer.header("x-keyward-attempts")), (200, Some("3")));
    let entries = house.entries();
    let lines: Vec<_> = entries
        .iter()
        .map(|entry| {
            (entry.subject.attempt.number, &*entry.subject.provider_name, &*entry.subject.model, entry.outcome)
        })
        .collect();
    assert_eq!(
        lines,
        [
            (1, "main", "gpt-4o-mini", AttemptOutcome::UpstreamError),
            (2, "main", "gpt-4o-mini", AttemptOutcome::UpstreamError),
            (3, "spare", "gpt-4o", AttemptOutcome::Completed),
        ]
    );
    assert!(entries.iter().all(|entry| &*entry.subject.requested_model == "best"));
    assert!(entries[2].cost.unwrap().0 > 0 && entries[0].cost.unwrap().0 == 0);
    let bill = house.provider.bill();
    assert_eq!((bill.len(), bill[0].output), (1, entries[2].usage.completion_tokens()));
}

#[test]
fn targets_share_by_weight() {
    let house = House::with_providers(|_| {}, &[("one", &["one-1"]), ("two", &["two-1"])]);
    house.put_alias("best", &["one/gpt-4o-mini", "two/gpt-4o-mini"], |alias| {
        alias.order = TargetOrder::Weighted;
        alias.weights = vec![1, 3];
    });
    let mut client = house.client();
    for _ in 0..400 {
        assert_eq!(client.post(PATH, &chat_of("best")).status, 200);
    }
    let first = house.calls_with("one-1");
    // Five standard deviations of 400 draws.
    assert!((57..=143).contains(&first), "{first} of 400 instead of 100");
}

#[test]
fn targets_go_by_price() {
    let house = House::with_providers(|_| {}, &[("one", &["one-1"]), ("two", &["two-1"]), ("three", &["three-1"])]);
    house.provider.add_model(keyward_testkit::provider::Vendor::OpenAi, "mystery");
    let targets = ["one/mystery", "two/gpt-4o", "three/gpt-4o-mini"];
    house.put_alias("best", &targets, |alias| alias.order = TargetOrder::CostOptimized);
    let served = |house: &House| {
        let answer = house.client().post(PATH, &chat_of("best"));
        answer.header("x-keyward-provider").unwrap().to_owned()
    };
    assert_eq!(served(&house), "three");
    house.disable("three-1");
    assert_eq!(served(&house), "two");
    house.disable("two-1");
    assert_eq!(served(&house), "one", "a price that nobody knows may be dear: last");
}
