//! K11: a key is proved by calls that cost nothing, and a bad one says which of malformed, unauthorised, no permission,
//! no credit, unreachable.

use keyward_domain::credential::Finding;
use keyward_domain::origin::BaseUrl;
use keyward_domain::port::{EgressAnswer, EgressError, EgressRequest};
use keyward_domain::provider::ProviderKind;
use keyward_domain::secret::Secret;
use keyward_provider::probe::{MAX_CALLS, Probe, Probed, known};
use keyward_provider::{BadSecret, presets};
use serde_json::{Value, json};

const OPENAI: (ProviderKind, &str) = (ProviderKind::OpenAi, "https://api.openai.com/v1");
const ANTHROPIC: (ProviderKind, &str) = (ProviderKind::Anthropic, "https://api.anthropic.com");
const GEMINI: (ProviderKind, &str) = (ProviderKind::Gemini, "https://generativelanguage.googleapis.com");

fn compatible(base: &'static str) -> (ProviderKind, &'static str) {
    (ProviderKind::OpenAiCompatible, base)
}

fn key() -> Secret {
    Secret::from(format!("{}-{}", "test", "canary0123456789"))
}

fn first((kind, base): (ProviderKind, &str)) -> Probe {
    let base: BaseUrl = base.parse().expect("a base URL");
    Probe::first(kind, &base)
}

fn sent(probe: &Probe) -> EgressRequest {
    probe.request(&key()).expect("a usable key")
}

fn answer(status: u16, body: &Value) -> EgressAnswer {
    EgressAnswer {
        status,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.to_string().into_bytes(),
    }
}

fn read(provider: (ProviderKind, &str), status: u16, body: &Value) -> Probed {
    first(provider).read(&answer(status, body))
}

#[test]
fn k11_the_three_vendors_are_asked_for_their_models() {
    let cases = [
        (OPENAI, "/v1/models", "authorization", "Bearer test-canary0123456789"),
        (ANTHROPIC, "/v1/models?limit=1000", "x-api-key", "test-canary0123456789"),
        (GEMINI, "/v1beta/models?pageSize=1000", "x-goog-api-key", "test-canary0123456789"),
    ];
    for (provider, path, name, value) in cases {
        let request = sent(&first(provider));
        assert_eq!((request.method, request.path.as_str()), ("GET", path));
        let (header, secret) = request.credential.expect("a credential");
        assert_eq!((header, secret.expose()), (name, value.as_bytes()));
        assert!(request.body.is_empty());
        assert!(!request.path.contains("canary"), "never in the path");
    }
    let version = sent(&first(ANTHROPIC)).headers.into_iter().find(|(name, _)| *name == "anthropic-version");
    assert_eq!(version.map(|(_, value)| value).as_deref(), Some("2023-06-01"));
}

#[test]
fn k11_where_the_list_of_models_is_public_something_else_is_asked() {
    let cases = [
        ("https://api.x.ai/v1", "GET", "/v1/api-key"),
        ("https://openrouter.ai/api/v1", "GET", "/api/v1/key"),
        ("https://api.deepseek.com", "GET", "/user/balance"),
        ("https://api.fireworks.ai/inference/v1", "GET", "/v1/accounts"),
        ("https://ollama.com/v1", "POST", "/api/me"),
        ("https://integrate.api.nvidia.com/v1", "POST", "/v1/chat/completions"),
        ("https://router.huggingface.co/v1", "POST", "/v1/chat/completions"),
        ("https://api.perplexity.ai", "POST", "/v1/responses"),
        ("https://api.groq.com/openai/v1", "GET", "/openai/v1/models"),
        ("http://127.0.0.1:8000", "GET", "/v1/models"),
    ];
    for (base, method, path) in cases {
        let request = sent(&first(compatible(base)));
        assert_eq!((request.method, request.path.as_str()), (method, path), "{base}");
    }
}

#[test]
fn s04_every_call_goes_to_the_origin_that_the_key_is_sealed_for() {
    for preset in presets().iter().filter(|preset| preset.kind != ProviderKind::Sandbox) {
        let base: BaseUrl = preset.base_url.parse().unwrap();
        let mut next = Some(Probe::first(preset.kind, &base));
        let mut calls = 0;
        while let Some(probe) = next {
            calls += 1;
            assert_eq!(sent(&probe).origin, base.origin, "{}", preset.name);
            let listed = json!({"data": [{"id": "m"}], "models": [{"name": "models/m", "supportedGenerationMethods": ["generateContent"]}]});
            next = probe.read(&answer(200, &listed)).next;
        }
        assert!(calls <= 3, "{}: {calls} calls", preset.name);
    }
}

#[test]
fn k11_a_good_key_is_valid_and_its_models_are_listed() {
    let openai = read(OPENAI, 200, &json!({"object": "list", "data": [{"id": "gpt-a"}, {"id": "gpt-b"}]}));
    assert_eq!(
        (openai.finding, openai.models, openai.next),
        (Finding::Valid, vec!["gpt-a".to_owned(), "gpt-b".to_owned()], None)
    );
    let together = read(compatible("https://api.together.ai/v1"), 200, &json!([{"id": "acme/m", "type": "chat"}]));
    assert_eq!((together.finding, together.models), (Finding::Valid, vec!["acme/m".to_owned()]));
}

#[test]
fn k11_long_lists_are_read_page_by_page_and_come_to_an_end() {
    let page = read(ANTHROPIC, 200, &json!({"data": [{"id": "a"}], "has_more": true, "last_id": "a&b"}));
    assert_eq!(page.models, ["a"]);
    let next = page.next.expect("another page");
    assert_eq!(sent(&next).path, "/v1/models?limit=1000&after_id=a%26b");
    let last = next.read(&answer(200, &json!({"data": [{"id": "b"}], "has_more": false, "last_id": "b"})));
    assert_eq!((last.finding, last.models, last.next), (Finding::Valid, vec!["b".to_owned()], None));

    let mut probe = first(ANTHROPIC);
    let mut calls = 1;
    while let Some(next) = probe.read(&answer(200, &json!({"data": [], "has_more": true, "last_id": "x"}))).next {
        probe = next;
        calls += 1;
    }
    assert_eq!(calls, MAX_CALLS, "a provider that never stops is not asked for ever");
}

#[test]
fn k11_geminis_list_is_followed_by_a_free_count_because_the_list_alone_proves_little() {
    let list = json!({"models": [
        {"name": "models/embed", "supportedGenerationMethods": ["embedContent"]},
        {"name": "models/gemini-x", "supportedGenerationMethods": ["generateContent", "countTokens"]}]});
    let probed = read(GEMINI, 200, &list);
    assert_eq!(probed.models, ["embed", "gemini-x"]);
    let count = probed.next.expect("a count");
    let request = sent(&count);
    assert_eq!((request.method, request.path.as_str()), ("POST", "/v1beta/models/gemini-x:countTokens"));
    assert_eq!(count.read(&answer(200, &json!({"totalTokens": 1}))).finding, Finding::Valid);
    let denied = json!({"error": {"code": 403, "message": "no", "status": "PERMISSION_DENIED"}});
    assert_eq!(count.read(&answer(403, &denied)).finding, Finding::NoPermission);
    assert_eq!(count.read(&answer(500, &json!({}))).finding, Finding::Valid, "the list has proved it already");
}

#[test]
fn k11_a_restricted_openai_key_gets_a_second_chance() {
    let scope = json!({"error": {"message": "Missing scopes: api.model.read", "type": "invalid_request_error", "param": null, "code": "missing_scope"}});
    let probed = read(OPENAI, 401, &scope);
    assert_eq!(probed.finding, Finding::NoPermission);
    let second = probed.next.expect("a second question");
    let request = sent(&second);
    assert_eq!(
        (request.method, request.path.as_str(), request.body.as_slice()),
        ("POST", "/v1/responses", b"{}".as_slice())
    );
    let missing = json!({"error": {"message": "you must provide a model parameter", "type": "invalid_request_error"}});
    let passed = second.read(&answer(400, &missing));
    assert_eq!((passed.finding, passed.next), (Finding::Valid, None));
    assert_eq!(second.read(&answer(401, &scope)).finding, Finding::NoPermission);
}

type Case = ((ProviderKind, &'static str), u16, Value, Finding);

fn bad_keys_of_the_three_vendors() -> Vec<Case> {
    let wrong =
        json!({"error": {"message": "Incorrect API key", "type": "invalid_request_error", "code": "invalid_api_key"}});
    let anthropic = |kind: &str| json!({"type": "error", "error": {"type": kind, "message": "no"}});
    let google = |reason: &str| json!({"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT", "details": [{"reason": reason}]}});
    vec![
        (OPENAI, 401, wrong, Finding::Unauthorised),
        (
            OPENAI,
            429,
            json!({"error": {"type": "insufficient_quota", "code": "insufficient_quota"}}),
            Finding::NoCredit,
        ),
        (OPENAI, 429, json!({"error": {"type": "requests", "code": "rate_limit_exceeded"}}), Finding::Valid),
        (OPENAI, 403, json!({"error": {"code": "unsupported_country_region_territory"}}), Finding::Unreachable),
        (OPENAI, 500, json!({}), Finding::Unreachable),
        (OPENAI, 302, json!({}), Finding::Unreachable),
        (OPENAI, 404, json!({}), Finding::Unreachable),
        (OPENAI, 200, json!({"hello": 1}), Finding::Unreachable),
        (ANTHROPIC, 401, anthropic("authentication_error"), Finding::Unauthorised),
        (ANTHROPIC, 403, anthropic("permission_error"), Finding::NoPermission),
        (ANTHROPIC, 402, anthropic("billing_error"), Finding::NoCredit),
        (ANTHROPIC, 529, anthropic("overloaded_error"), Finding::Unreachable),
        (GEMINI, 400, google("API_KEY_INVALID"), Finding::Unauthorised),
        (GEMINI, 403, google("API_KEY_SERVICE_BLOCKED"), Finding::NoPermission),
        (GEMINI, 403, google("BILLING_DISABLED"), Finding::NoCredit),
        (GEMINI, 402, json!({"error": {"code": 402, "status": "RESOURCE_EXHAUSTED"}}), Finding::NoCredit),
    ]
}

fn bad_keys_of_others() -> Vec<Case> {
    let wrong =
        json!({"error": {"message": "Incorrect API key", "type": "invalid_request_error", "code": "invalid_api_key"}});
    vec![
        (
            compatible("https://api.x.ai/v1"),
            400,
            json!({"code": "invalid-argument", "error": "Incorrect API key provided: te***st"}),
            Finding::Unauthorised,
        ),
        (compatible("https://api.x.ai/v1"), 200, json!({"api_key_disabled": true}), Finding::Unauthorised),
        (compatible("https://api.x.ai/v1"), 200, json!({"team_blocked": true}), Finding::NoPermission),
        (
            compatible("https://openrouter.ai/api/v1"),
            200,
            json!({"data": {"limit": 5, "limit_remaining": 0}}),
            Finding::NoCredit,
        ),
        (
            compatible("https://openrouter.ai/api/v1"),
            200,
            json!({"data": {"limit": null, "limit_remaining": null}}),
            Finding::Valid,
        ),
        (compatible("https://api.deepseek.com"), 200, json!({"is_available": false}), Finding::NoCredit),
        (
            compatible("https://api.fireworks.ai/inference/v1"),
            200,
            json!({"accounts": [{"suspendState": "CREDIT_DEPLETED"}]}),
            Finding::NoCredit,
        ),
        (
            compatible("https://integrate.api.nvidia.com/v1"),
            403,
            json!({"detail": "Authorization failed"}),
            Finding::Unauthorised,
        ),
        (compatible("https://integrate.api.nvidia.com/v1"), 422, json!({"detail": []}), Finding::Valid),
        (compatible("https://api.perplexity.ai"), 400, wrong, Finding::Unauthorised),
        (compatible("https://api.groq.com/openai/v1"), 401, json!({"error": "Unauthorized"}), Finding::Unauthorised),
    ]
}

#[test]
fn k11_a_bad_key_says_which_kind_of_bad() {
    for (provider, status, body, finding) in bad_keys_of_the_three_vendors().into_iter().chain(bad_keys_of_others()) {
        let probed = read(provider, status, &body);
        assert_eq!(probed.finding, finding, "{provider:?} {status} {body}: {}", probed.detail);
        assert!(
            probed.detail.ends_with(['.', '?']) && probed.detail.starts_with(char::is_uppercase),
            "{}",
            probed.detail
        );
    }
}

#[test]
fn k11_a_vendor_that_knows_the_key_is_then_asked_for_models() {
    let probed = read(compatible("https://api.x.ai/v1"), 200, &json!({"api_key_disabled": false}));
    let next = probed.next.expect("the list");
    assert_eq!(sent(&next).path, "/v1/models");
    let broken = next.read(&answer(500, &json!({})));
    assert_eq!(broken.finding, Finding::Valid, "the key is good whatever the list does");
    assert!(broken.detail.starts_with("The key works. "), "{}", broken.detail);
}

#[test]
fn k11_what_cannot_be_a_key_is_not_sent() {
    for (text, bad) in [("", BadSecret::Empty), ("two words", BadSecret::Characters), ("line\n", BadSecret::Characters)]
    {
        let refused = first(OPENAI).request(&Secret::from(text.to_owned())).unwrap_err();
        assert_eq!(refused, bad);
        assert_eq!(Probed::malformed(refused).finding, Finding::Malformed);
    }
    let long = Secret::new(vec![b'k'; 8 * 1024 + 1]);
    assert_eq!(first(GEMINI).request(&long).unwrap_err(), BadSecret::TooLong);
    let none = first(compatible("http://127.0.0.1:11434/v1")).request(&Secret::new(Vec::new())).unwrap();
    assert!(none.credential.is_none(), "a server without keys");
}

#[test]
fn k11_nobody_home_is_unreachable() {
    let probed = Probed::unreachable(&EgressError::Timeout("api.openai.com".to_owned()));
    assert_eq!(
        (probed.finding, probed.detail.as_str()),
        (Finding::Unreachable, "Nobody answered: api.openai.com did not answer in time.")
    );
}

#[test]
fn k11_no_sentence_repeats_what_the_provider_said() {
    let echo = "test-canary0123456789";
    for status in [200, 400, 401, 402, 403, 404, 422, 429, 500, 503] {
        for body in
            [json!({"error": {"message": echo, "code": echo, "type": echo}}), json!({"detail": echo}), json!(echo)]
        {
            for provider in [OPENAI, ANTHROPIC, GEMINI, compatible("https://api.x.ai/v1")] {
                let probed = read(provider, status, &body);
                assert!(!probed.detail.contains("canary"), "{}", probed.detail);
            }
        }
    }
}

#[test]
fn k11_the_sandbox_is_known_without_asking() {
    let probed = known(ProviderKind::Sandbox).expect("known");
    assert_eq!(probed.finding, Finding::Valid);
    assert!(probed.models.contains(&"sandbox-small".to_owned()));
    assert!(ProviderKind::ALL.into_iter().filter(|kind| known(*kind).is_some()).count() == 1);
}
