//! Keys are checked where each vendor looks for them, and refused in its own words.

use keyward_testkit::provider::{Fault, KeyBehaviour, Operation, ScriptedProvider, Vendor, VendorError, mint_secret};
use serde_json::{Value, json};

use crate::http::{Answer, Connection, get, hello, post};

fn send(provider: &ScriptedProvider, target: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
    let mut connection = Connection::open(provider.address());
    connection.send("POST", target, headers, body.to_string().as_bytes());
    connection.answer()
}

/// Headers, the status they earn, and a pointer into the refusal with its value.
type Case<'a> = (Vendor, &'a [(&'a str, &'a str)], u16, &'a str);

#[tokio::test]
async fn a_credential_belongs_in_one_place() {
    let provider = ScriptedProvider::start().await;
    let keys = Vendor::ALL.map(|vendor| provider.add_key(vendor, "main"));
    let bearer = keys.clone().map(|key| format!("Bearer {key}"));
    let version = ("anthropic-version", "2026-10-21");
    let table: &[Case] = &[
        (Vendor::OpenAi, &[("authorization", &bearer[0])], 200, ""),
        (Vendor::OpenAi, &[("x-api-key", &keys[0])], 401, "/error/message"),
        (Vendor::OpenAi, &[("authorization", &bearer[1])], 401, "/error/code=invalid_api_key"),
        (Vendor::OpenAi, &[], 401, "/error/type=invalid_request_error"),
        (Vendor::Anthropic, &[("x-api-key", &keys[1]), version], 200, ""),
        (Vendor::Anthropic, &[("authorization", &bearer[1]), version], 200, ""),
        (
            Vendor::Anthropic,
            &[("x-api-key", &keys[1]), ("authorization", &bearer[0]), version],
            401,
            "/error/type=authentication_error",
        ),
        (Vendor::Anthropic, &[("x-api-key", &keys[1])], 400, "/error/type=invalid_request_error"),
        (
            Vendor::Anthropic,
            &[("x-api-key", &keys[1]), ("anthropic-version", "2020-01-01")],
            400,
            "/error/type=invalid_request_error",
        ),
        (Vendor::Anthropic, &[version], 401, "/error/type=authentication_error"),
        (Vendor::Gemini, &[("x-goog-api-key", &keys[2])], 200, ""),
        (Vendor::Gemini, &[("x-goog-api-key", &keys[1])], 400, "/error/details/0/reason=API_KEY_INVALID"),
        (
            Vendor::Gemini,
            &[("x-goog-api-key", &keys[2]), ("authorization", &bearer[0])],
            400,
            "/error/details/0/reason=OVERLOADED_CREDENTIALS",
        ),
        (Vendor::Gemini, &[], 403, "/error/status=PERMISSION_DENIED"),
    ];
    for (vendor, headers, status, expected) in table {
        let (target, body) = hello(*vendor, false);
        let answer = send(&provider, target, headers, &body);
        assert_eq!(answer.status, *status, "{vendor} {expected}: {}", answer.text());
        if let Some((pointer, value)) = expected.split_once('=') {
            assert_eq!(answer.json().pointer(pointer).and_then(Value::as_str), Some(value), "{}", answer.text());
        }
    }
    let (target, body) = hello(Vendor::Gemini, false);
    let in_query = format!("{target}?key={}", keys[2]);
    assert_eq!(send(&provider, &in_query, &[], &body).status, 200);
    assert_eq!(send(&provider, &in_query, &[("x-goog-api-key", &keys[2])], &body).status, 400);
}

#[tokio::test]
async fn behaviours_act_as_named() {
    let provider = ScriptedProvider::start().await;
    let (target, body) = hello(Vendor::OpenAi, false);
    let key = mint_secret(Vendor::OpenAi, "main");
    let call = || post(&provider, Vendor::OpenAi, &key, target, &body);
    provider.add_key_with(Vendor::OpenAi, "main", &key, KeyBehaviour::rate_limited(2, Some(7)));
    let first = call();
    assert_eq!((first.status, first.header("retry-after")), (429, Some("7")));
    assert_eq!(first.json()["error"]["code"], "rate_limit_exceeded");
    assert_eq!([call().status, call().status], [429, 200]);
    provider.set_behaviour("main", &KeyBehaviour::RefusesAfter { calls: 1, with: VendorError::Quota });
    assert_eq!([call().status, call().status], [200, 429]);
    provider.set_behaviour("main", &KeyBehaviour::no_credit());
    assert_eq!(call().json()["error"]["code"], "credit_balance_exhausted");
    assert_eq!(get(&provider, Vendor::OpenAi, &key, "/v1/models").status, 200, "an empty account still lists models");
    provider.set_behaviour("main", &KeyBehaviour::revoked());
    assert_eq!(get(&provider, Vendor::OpenAi, &key, "/v1/models").status, 401);
    provider.set_behaviour("main", &KeyBehaviour::Valid);
    provider.restrict_models("main", &["gpt-5"]);
    assert_eq!(call().status, 403);
    let served = provider.requests().iter().filter(|record| record.status == Some(200)).count();
    assert_eq!(served, 3);
    assert!(provider.requests().iter().all(|record| record.key.as_deref() == Some("main")));
}

#[tokio::test]
async fn vendors_refuse_in_their_own_words() {
    let provider = ScriptedProvider::start().await;
    let cases: &[(VendorError, [u16; 3])] = &[
        (VendorError::NoCredit, [429, 400, 402]),
        (VendorError::Billing, [429, 402, 403]),
        (VendorError::SpendLimit, [429, 400, 429]),
        (VendorError::RateLimited(None), [429, 429, 429]),
        (VendorError::Overloaded, [503, 529, 503]),
        (VendorError::Internal, [500, 500, 500]),
        (VendorError::Timeout, [504, 504, 504]),
        (VendorError::ContextTooLong, [400, 400, 400]),
        (VendorError::Leaked, [401, 401, 403]),
        (VendorError::MissingScope, [401, 403, 403]),
        (VendorError::WrongCountry, [403, 403, 400]),
        (VendorError::TooLarge, [413, 413, 413]),
    ];
    for (position, vendor) in Vendor::ALL.into_iter().enumerate() {
        let key = provider.add_key(vendor, "main");
        let (target, body) = hello(vendor, false);
        for (error, statuses) in cases {
            provider.script(Fault::refuse(error.clone()));
            let answer = post(&provider, vendor, &key, target, &body);
            assert_eq!(answer.status, statuses[position], "{vendor} {error:?}");
            assert!(answer.json().pointer("/error/message").is_some_and(Value::is_string), "{}", answer.text());
            assert!(answer.header("retry-after").is_none(), "{vendor} {error:?}");
        }
        assert_eq!(post(&provider, vendor, &key, target, &body).status, 200, "a fault applies once");
    }
    assert_eq!(provider.bill().len(), 3);
}

#[tokio::test]
async fn a_key_is_shown_in_full_only_when_told() {
    let provider = ScriptedProvider::start().await;
    for vendor in Vendor::ALL {
        let key = provider.add_key(vendor, "main");
        let (target, body) = hello(vendor, false);
        provider.script(Fault::refuse(VendorError::InvalidKey));
        provider.script(Fault::refuse(VendorError::InvalidKey).echo_key());
        provider.script(Fault::status(500).body("text/plain", "oops {{key}} oops"));
        let masked = post(&provider, vendor, &key, target, &body).text();
        assert!(!masked.contains(&key));
        assert!(post(&provider, vendor, &key, target, &body).text().contains(&key));
        assert_eq!(post(&provider, vendor, &key, target, &body).text(), format!("oops {key} oops"));
    }
}

#[tokio::test]
async fn faults_hit_only_the_calls_they_name() {
    let provider = ScriptedProvider::start().await;
    let (a, b) = (provider.add_key(Vendor::OpenAi, "a"), provider.add_key(Vendor::OpenAi, "b"));
    let call = |key: &str, model: &str| {
        let body = json!({"model": model, "messages": [{"role": "user", "content": "Hi"}]});
        post(&provider, Vendor::OpenAi, key, "/v1/chat/completions", &body).status
    };
    provider.script(Fault::status(503).for_key("a").for_model("gpt-5").always());
    provider.script(Fault::status(500).for_vendor(Vendor::Anthropic).always());
    provider.script(Fault::status(418).body("text/plain", "tea").for_key("b").skip(1).times(2));
    assert_eq!([call(&a, "gpt-5"), call(&a, "gpt-4o"), call(&a, "gpt-5")], [503, 200, 503]);
    assert_eq!([call(&b, "gpt-5"), call(&b, "gpt-5"), call(&b, "gpt-5"), call(&b, "gpt-5")], [200, 418, 418, 200]);
    assert_eq!(get(&provider, Vendor::OpenAi, &a, "/v1/models").status, 200);
    provider.script(Fault::status(500).for_operation(Operation::ListModels));
    assert_eq!(get(&provider, Vendor::OpenAi, &a, "/v1/models").status, 500);
    assert_eq!(provider.faults_left(), 2);
    provider.clear_script();
    assert_eq!(call(&a, "gpt-5"), 200);
}
