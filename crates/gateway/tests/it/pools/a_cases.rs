//! A69 and A70: keys that come back in answers, and waits that nobody could mean.

use std::time::Duration;

use keyward_testkit::provider::{Fault, KeyBehaviour, Vendor, VendorError, mint_secret};

use crate::house::{House, PATH, chat_of, rest_of, streamed};

/// A provider's clock, for answers that name a date.
const DATE: &str = "Wed, 18 Nov 2026 10:00:00 GMT";

#[test]
fn a70_waits_are_taken_within_reason() {
    let ms = Duration::from_millis;
    let cases = [
        ("99999999", ms(300_000)),
        ("99999999999999999999999999", ms(300_000)),
        ("301", ms(300_000)),
        ("300", ms(300_000)),
        ("7", ms(7_000)),
        ("1.5", ms(1_500)),
        ("0.000001", ms(100)),
        ("0", ms(100)),
        ("-5", ms(100)),
        ("-99999999999", ms(100)),
        ("Wed, 18 Nov 2026 10:00:20 GMT", ms(20_000)),
        ("Wed, 18 Nov 2026 09:59:00 GMT", ms(100)),
        ("Thu, 01 Jan 1970 00:00:00 GMT", ms(100)),
        ("Tue, 31 Dec 2999 23:59:59 GMT", ms(300_000)),
        ("6m0s", ms(300_000)),
        ("2m0.5s", ms(120_500)),
        ("250ms", ms(250)),
    ];
    for (said, expected) in cases {
        let house = House::with_keys(1);
        let limited = Fault::refuse(VendorError::RateLimited(None)).header("retry-after", said).header("date", DATE);
        house.provider.script(limited);
        let answer = house.chat();
        assert_eq!(answer.status, 429, "{said}: {}", answer.text());
        let seconds = expected.as_millis().div_ceil(1000).max(1).to_string();
        assert_eq!(answer.header("retry-after"), Some(&*seconds), "{said}");
        let event = house.heard.events().pop().unwrap();
        assert_eq!(rest_of(&event), Some(expected), "{said}");
        house.clock.advance(expected.saturating_sub(ms(1)));
        assert_eq!(house.chat().status, 429, "{said}: still resting");
        house.clock.advance(ms(1));
        assert_eq!(house.chat().status, 200, "{said}: it is over");
    }
}

#[test]
fn a70_a_wait_that_cannot_be_read_was_not_said() {
    for said in ["soon", "", "1e9", "NaN", "7 apples", "--5", "\u{7f}"] {
        let house = House::with_keys(1);
        house.provider.script(Fault::refuse(VendorError::RateLimited(None)).header("retry-after", said));
        assert_eq!(house.chat().status, 429, "{said:?}");
        let rest = rest_of(&house.heard.events().pop().unwrap()).unwrap();
        let (least, most) = (Duration::from_secs(1), Duration::from_millis(1_200));
        assert!((least..=most).contains(&rest), "{said:?}: the first rest of our own, not {rest:?}");
    }
}

#[test]
fn a69_a_key_that_every_attempt_echoes_reaches_nobody() {
    let house = House::with_providers(|_| {}, &[("one", &["one-1", "one-2"]), ("two", &["two-1"])]);
    house.add_alias("best", &["one/gpt-4o-mini", "two/gpt-4o-mini"]);
    let secrets: Vec<String> = ["one-1", "one-2", "two-1"].iter().map(|key| mint_secret(Vendor::OpenAi, key)).collect();
    let echoes = [
        Fault::refuse(VendorError::InvalidKey).echo_key(),
        Fault::status(400).echo_key(),
        Fault::status(500).body("application/json", r#"{"error":{"message":"key {{key}} broke us"}}"#),
        Fault::status(418).body("text/plain", "{{key}}"),
        Fault::status(200).body("application/json", r#"{"error":{"message":"bad key {{key}}","type":"server_error"}}"#),
    ];
    for echo in echoes {
        for body in [chat_of("best"), streamed(&chat_of("best"))] {
            house.forgive();
            house.provider.clear_script();
            house.provider.script(echo.clone().always());
            let answer = house.client().post(PATH, &body);
            assert!(answer.status >= 400, "{echo:?}");
            for secret in &secrets {
                assert!(!format!("{:?}{}", answer.headers, answer.text()).contains(secret.as_str()), "{echo:?}");
            }
        }
    }
    for event in house.heard.events() {
        let written = serde_json::to_string(&event).unwrap();
        assert!(secrets.iter().all(|secret| !written.contains(secret.as_str())), "{written}");
    }
}

#[test]
fn a69_a_key_named_in_a_gateway_refusal_is_named_by_its_name() {
    let house = House::with_keys(1);
    house.provider.set_behaviour("key-1", &KeyBehaviour::revoked());
    for _ in 0..2 {
        let answer = house.chat();
        let secret = mint_secret(Vendor::OpenAi, "key-1");
        assert!(answer.text().contains("key-1"), "{}", answer.text());
        // Not even the ends that the provider's own message shows.
        assert!(!answer.text().contains(&secret[..12]) && !answer.text().contains(&secret[secret.len() - 4..]));
    }
}
