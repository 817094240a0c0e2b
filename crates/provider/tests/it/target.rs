//! Where a client's path leads on the provider.

use keyward_domain::dialect::Dialect::{self, Anthropic, Gemini, OpenAi};
use keyward_domain::origin::BaseUrl;
use keyward_domain::provider::ProviderKind;
use keyward_provider::target;
use proptest::prelude::*;

fn to(kind: ProviderKind, dialect: Dialect, base: &str, path: &str, model: Option<&str>) -> String {
    let base: BaseUrl = base.parse().expect("a base URL");
    target(kind, dialect, &base, path, model).expect("a path").to_string()
}

#[test]
fn openai_paths_follow_the_base_url_as_its_sdk_does() {
    let cases = [
        ("https://api.openai.com/v1", "/v1/chat/completions", "/v1/chat/completions"),
        ("https://api.openai.com/v1", "/chat/completions", "/v1/chat/completions"),
        ("https://api.openai.com/v1", "/openai/v1/responses", "/v1/responses"),
        ("https://api.groq.com/openai/v1", "/v1/chat/completions", "/openai/v1/chat/completions"),
        ("https://api.deepseek.com", "/v1/chat/completions", "/v1/chat/completions"),
        ("https://api.perplexity.ai", "/v1/responses", "/v1/responses"),
        ("https://api.fireworks.ai/inference/v1", "/v1/embeddings", "/inference/v1/embeddings"),
        ("https://gateway.example/v1beta/openai", "/v1/chat/completions", "/v1beta/openai/chat/completions"),
        ("https://gateway.example/api/paas/v4", "/v1/chat/completions", "/api/paas/v4/chat/completions"),
        (
            "https://api.openai.com/v1",
            "/v1/responses/resp_1?include[]=a&stream=true",
            "/v1/responses/resp_1?include[]=a&stream=true",
        ),
    ];
    for (base, path, expected) in cases {
        assert_eq!(to(ProviderKind::OpenAiCompatible, OpenAi, base, path, Some("m")), expected, "{base} {path}");
    }
}

#[test]
fn anthropic_keeps_its_version_and_never_doubles_it() {
    let cases = [
        ("https://api.anthropic.com", "/v1/messages", "/v1/messages"),
        ("https://api.anthropic.com", "/anthropic/v1/messages?beta=true", "/v1/messages?beta=true"),
        ("https://api.anthropic.com/v1", "/v1/messages/count_tokens", "/v1/messages/count_tokens"),
        ("https://api.deepseek.com/anthropic", "/v1/messages", "/anthropic/v1/messages"),
    ];
    for (base, path, expected) in cases {
        assert_eq!(to(ProviderKind::Anthropic, Anthropic, base, path, Some("m")), expected);
    }
}

#[test]
fn gemini_gets_the_providers_model_name_into_the_path() {
    let google = "https://generativelanguage.googleapis.com";
    let cases = [
        ("/v1beta/models/fast:generateContent", Some("gemini-x"), "/v1beta/models/gemini-x:generateContent"),
        (
            "/v1/models/fast:streamGenerateContent?alt=sse",
            Some("gemini-x"),
            "/v1/models/gemini-x:streamGenerateContent?alt=sse",
        ),
        ("/gemini/v1beta/models/a/b:countTokens", Some("models/gemini-x"), "/v1beta/models/gemini-x:countTokens"),
        ("/v1beta/models/fast:embedContent", Some("tunedModels/mine"), "/v1beta/tunedModels/mine:embedContent"),
        ("/v1beta/models/fast:generateContent", None, "/v1beta/models/fast:generateContent"),
        ("/v1beta/models?pageSize=5", Some("x"), "/v1beta/models?pageSize=5"),
        (
            "/v1beta/models/fast:generateContent",
            Some("../../v1/keys"),
            "/v1beta/models/..%2F..%2Fv1%2Fkeys:generateContent",
        ),
        ("/v1beta/models/fast:generateContent", Some("a?b#c d"), "/v1beta/models/a%3Fb%23c%20d:generateContent"),
    ];
    for (path, model, expected) in cases {
        assert_eq!(to(ProviderKind::Gemini, Gemini, google, path, model), expected, "{path}");
    }
    assert_eq!(
        to(ProviderKind::Gemini, Gemini, "https://proxy.example/v1beta", "/v1/models/a:generateContent", Some("b")),
        "/v1beta/models/b:generateContent"
    );
}

#[test]
fn s04_a_key_in_the_query_goes_nowhere() {
    let google = "https://generativelanguage.googleapis.com";
    let cases = [
        ("?key=kw", ""),
        ("?key=kw&alt=sse", "?alt=sse"),
        ("?alt=sse&key=kw", "?alt=sse"),
        ("?alt=sse&%6Bey=kw&KEY=kw&k%65y=kw", "?alt=sse"),
        ("?access_token=kw&key", ""),
        ("?monkey=1&keys=2", "?monkey=1&keys=2"),
    ];
    for (query, expected) in cases {
        let path = format!("/v1beta/models/a:generateContent{query}");
        let sent = to(ProviderKind::Gemini, Gemini, google, &path, Some("a"));
        assert_eq!(sent, format!("/v1beta/models/a:generateContent{expected}"));
    }
}

#[test]
fn the_sandbox_sees_what_the_client_asked() {
    for (dialect, path) in [(OpenAi, "/v1/chat/completions"), (Anthropic, "/v1/messages")] {
        assert_eq!(to(ProviderKind::Sandbox, dialect, "sandbox://built-in", path, None), path);
    }
}

proptest! {
    /// S04: whatever a model is called, the path stays in its folder and brings no query of its own.
    #[test]
    fn s04_a_model_name_never_leaves_its_segment(model in "\\PC{0,40}") {
        let base: BaseUrl = "https://generativelanguage.googleapis.com".parse().unwrap();
        let path = target(ProviderKind::Gemini, Gemini, &base, "/v1beta/models/x:generateContent", Some(&model)).unwrap();
        let model = model.strip_prefix("models/").unwrap_or(&model);
        let folder = if model.starts_with("tunedModels/") { "/v1beta/tunedModels/" } else { "/v1beta/models/" };
        let rest = path.as_str().strip_prefix(folder).expect("its folder");
        prop_assert!(!rest.contains('/') && !rest.contains('?') && rest.ends_with(":generateContent"), "{}", path);
    }
}
