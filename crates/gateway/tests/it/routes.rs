//! V04: every route, taken from the router's own table: without a credential 401, with a model that was not granted 403,
//! and when it succeeds exactly one ledger row. A route that this file does not know how to call fails the test.

use keyward_domain::dialect::{Dialect, Operation};
use keyward_domain::virtual_key::Grant;
use keyward_gateway::{ENDPOINTS as ROUTES, Endpoint as Route, ModelIn};

use crate::house::{Client, House};

struct Sample {
    path: String,
    body: Vec<u8>,
    content_type: String,
}

/// A request that this route answers, for this model.
fn sample(route: &Route, model: &str) -> Sample {
    let path = route.path.replace("{model}", model).replace("{id}", "nobody");
    if route.model == ModelIn::Form {
        let (content_type, body) = form(route, model);
        return Sample { path, body, content_type };
    }
    let json =
        |text: String| Sample { path: path.clone(), body: text.into_bytes(), content_type: "application/json".into() };
    let user = r#"[{"role":"user","content":"Hello"}]"#;
    match (route.dialect, route.operation) {
        (_, Operation::ListModels) => json(String::new()),
        (_, Operation::Lease) => json(format!(r#"{{"model":"{model}"}}"#)),
        (Dialect::OpenAi, Operation::Chat) | (Dialect::Anthropic, Operation::CountTokens) => {
            json(format!(r#"{{"model":"{model}","messages":{user}}}"#))
        }
        (Dialect::OpenAi, Operation::Responses | Operation::CountTokens | Operation::Embed | Operation::Moderate) => {
            json(format!(r#"{{"model":"{model}","input":"Hello"}}"#))
        }
        (Dialect::OpenAi, Operation::Completion | Operation::Image) => {
            json(format!(r#"{{"model":"{model}","prompt":"Hello"}}"#))
        }
        (Dialect::OpenAi, Operation::Speech) => {
            json(format!(r#"{{"model":"{model}","input":"Hello","voice":"alloy"}}"#))
        }
        (Dialect::Anthropic, Operation::Messages) => {
            json(format!(r#"{{"model":"{model}","max_tokens":16,"messages":{user}}}"#))
        }
        (Dialect::Gemini, Operation::Embed) if route.path.contains("batch") => {
            json(format!(r#"{{"requests":[{{"model":"models/{model}","content":{{"parts":[{{"text":"Hello"}}]}}}}]}}"#))
        }
        (Dialect::Gemini, Operation::Embed) => json(r#"{"content":{"parts":[{"text":"Hello"}]}}"#.to_owned()),
        (Dialect::Gemini, _) => json(r#"{"contents":[{"role":"user","parts":[{"text":"Hello"}]}]}"#.to_owned()),
        other => panic!("no sample for the new route {} ({other:?}): write one", route.path),
    }
}

pub(crate) fn form(route: &Route, model: &str) -> (String, Vec<u8>) {
    let file = if route.operation == Operation::Transcribe { "file" } else { "image" };
    let mut body = Vec::new();
    for (name, value) in [("model", model), ("prompt", "Hello")] {
        body.extend(format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes());
    }
    body.extend(format!("--edge\r\ncontent-disposition: form-data; name=\"{file}\"; filename=\"a.bin\"\r\ncontent-type: application/octet-stream\r\n\r\n").bytes());
    body.extend([0_u8, 1, 2, 255, 13, 10, 45, 45]);
    body.extend(b"\r\n--edge--\r\n");
    ("multipart/form-data; boundary=edge".to_owned(), body)
}

/// A model of the right vendor that can do this.
fn model_for(route: &Route) -> &'static str {
    match (route.dialect, route.operation) {
        (Dialect::OpenAi, Operation::Embed) => "text-embedding-3-small",
        (Dialect::OpenAi, Operation::Image) => "gpt-image-1",
        (Dialect::OpenAi, Operation::Speech) => "tts-1",
        (Dialect::OpenAi, Operation::Transcribe) => "whisper-1",
        (Dialect::OpenAi, Operation::Completion) => "gpt-3.5-turbo-instruct",
        (Dialect::OpenAi, Operation::Moderate) => "omni-moderation-latest",
        (Dialect::OpenAi, _) => "gpt-4o-mini",
        (Dialect::Anthropic, _) => "claude-haiku-4-5",
        (Dialect::Gemini, Operation::Embed) => "gemini-embedding-001",
        (Dialect::Gemini, _) => "gemini-2.5-flash",
    }
}

fn client(house: &House, route: &Route, key: &str, content_type: &str) -> Client {
    let mut headers = vec![("content-type", content_type)];
    let bearer = format!("Bearer {key}");
    match route.dialect {
        Dialect::OpenAi => headers.push(("authorization", &bearer)),
        Dialect::Anthropic => headers.extend([("x-api-key", key), ("anthropic-version", "2023-06-01")]),
        Dialect::Gemini => headers.push(("x-goog-api-key", key)),
    }
    house.client().headers(&headers)
}

#[test]
fn v04_without_a_credential_every_route_says_401() {
    let house = House::open();
    for route in ROUTES {
        let sample = sample(route, model_for(route));
        let version = if route.dialect == Dialect::Anthropic { "2023-06-01" } else { "" };
        let mut client =
            house.client().headers(&[("content-type", &*sample.content_type), ("anthropic-version", version)]);
        let answer = client.request(route.method, &sample.path, &sample.body);
        assert_eq!(answer.status, 401, "{}", route.path);
        assert!(answer.text().contains("missing_credential"), "{}: {}", route.path, answer.text());
    }
    assert_eq!(house.provider.requests_total(), 0);
}

#[test]
fn v04_a_model_that_was_not_granted_is_403_wherever_it_is_named() {
    let mut house = House::open();
    let key = house.add_key("narrow", Grant { models: vec!["gpt-4o".to_owned()], ..Grant::default() });
    let mut refused = 0;
    for route in ROUTES.iter().filter(|route| route.operation != Operation::ListModels) {
        let sample = sample(route, model_for(route));
        let answer =
            client(&house, route, &key, &sample.content_type).request(route.method, &sample.path, &sample.body);
        assert_eq!(answer.status, 403, "{}: {}", route.path, answer.text());
        // Leases have to be granted by name, whatever the model.
        let code = if route.operation == Operation::Lease { "operation_not_allowed" } else { "model_not_allowed" };
        assert!(answer.text().contains(code), "{}: {}", route.path, answer.text());
        refused += 1;
    }
    assert_eq!(house.provider.requests_total(), 0);
    let rows = house.rows();
    assert_eq!(rows.len(), refused);
    assert!(rows.iter().all(|row| row.attempts.is_empty() && row.refusal.is_some()));
}

#[test]
fn v04_success_leaves_exactly_one_row() {
    let mut house = House::open();
    let key = house.key.clone();
    let mut expected = 0;
    // Leases have two halves; `leases.rs` has them.
    for route in ROUTES.iter().filter(|route| route.operation != Operation::Lease) {
        let sample = sample(route, model_for(route));
        let answer =
            client(&house, route, &key, &sample.content_type).request(route.method, &sample.path, &sample.body);
        assert_eq!(answer.status, 200, "{} {}: {}", route.method, route.path, answer.text());
        assert!(answer.complete, "{}", route.path);
        assert!(answer.header("x-keyward-request-id").is_some(), "{}", route.path);
        expected += usize::from(route.operation != Operation::ListModels);
    }
    assert_eq!(house.entries().len(), expected);
    assert_eq!(house.provider.requests_total(), expected as u64);
}

#[test]
fn v04_no_other_spelling_reaches_a_provider() {
    let house = House::open();
    for path in [
        "//v1//chat/completions",
        "/v1/./chat/completions",
        "/v1/%63hat/completions",
        "/v1/chat/completions/",
        "/V1/chat/completions",
        "/v1/chat/..;/completions",
        "/v1/chat/completions;x",
        "/v1beta/models/../x:generateContent",
        "/v1beta/models/a%2fb:generateContent",
        "/admin",
        "/api/v1/keys",
        "/metrics",
    ] {
        let answer = house.client().post(path, r#"{"model":"gpt-4o-mini"}"#);
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
        assert!(answer.text().contains("route_not_found"), "{path}");
    }
    assert_eq!(house.client().get("/v1/chat/completions").status, 405);
    assert_eq!(house.provider.requests_total(), 0);
}

#[test]
fn v04_the_model_in_the_body_must_agree_with_the_path() {
    let house = House::open();
    let key = house.add_key("narrow", Grant { models: vec!["gemini-embedding-001".to_owned()], ..Grant::default() });
    let body = r#"{"requests":[{"model":"models/gemini-2.5-pro","content":{"parts":[{"text":"x"}]}}]}"#;
    let mut client = house.client().headers(&[("x-goog-api-key", &*key)]);
    let answer = client.post("/v1beta/models/gemini-embedding-001:batchEmbedContents", body);
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(house.provider.requests_total(), 0);
}

#[test]
fn v04_no_second_model_slips_by_behind_the_file() {
    let mut house = House::open();
    let key = house.add_key("narrow", Grant { models: vec!["whisper-1".to_owned()], ..Grant::default() });
    let route = ROUTES.iter().find(|route| route.operation == Operation::Transcribe).unwrap();
    for (name, value) in [("model", "gpt-4o-transcribe"), ("api_base", "http://evil.example")] {
        let (content_type, body) = form(route, "whisper-1");
        let mut body = body[..body.len() - b"--edge--\r\n".len()].to_vec();
        // Larger than what is read before the rest streams.
        body.splice(body.len() - 10..body.len() - 10, std::iter::repeat_n(7, 400_000));
        body.extend(
            format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n--edge--\r\n").bytes(),
        );
        let mut client = house.client().headers(&[("content-type", &*content_type), ("x-api-key", &*key)]);
        let answer = client.request("POST", route.path, &body);
        assert_eq!(answer.status, 400, "{name}: {}", answer.text());
    }
    assert!(house.provider.bill().is_empty());
    assert!(house.entries().iter().all(|entry| entry.outcome == keyward_domain::ledger::AttemptOutcome::ClientGone));
}

#[test]
fn moderation_needs_no_model() {
    let house = House::open();
    let answer = house.client().post("/v1/moderations", r#"{"input":"Hello"}"#);
    assert_eq!(answer.status, 200, "{}", answer.text());
}
