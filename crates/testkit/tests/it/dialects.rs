//! What each dialect is particular about, HTTP/2, and the request log.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use keyward_testkit::provider::{Ended, Operation, ScriptedProvider, Vendor, toy_tokens};
use serde_json::{Value, json};

use crate::http::{Connection, auth, get, hello, post};

#[tokio::test]
async fn the_newer_version_refuses_sampling_parameters() {
    let provider = ScriptedProvider::start().await;
    let key = provider.add_key(Vendor::Anthropic, "main");
    let mut body = hello(Vendor::Anthropic, false).1;
    body["temperature"] = json!(1.0);
    for (version, status) in [("2023-06-01", 200), ("2026-10-21", 400)] {
        let mut connection = Connection::open(provider.address());
        let headers = [("x-api-key", key.as_str()), ("anthropic-version", version)];
        connection.send("POST", "/v1/messages", &headers, body.to_string().as_bytes());
        assert_eq!(connection.answer().status, status, "{version}");
    }
}

#[tokio::test]
async fn responses_number_their_events_and_end_with_usage() {
    let provider = ScriptedProvider::start().await;
    let key = provider.add_key(Vendor::OpenAi, "main");
    let body = json!({"model": "gpt-5", "input": "Hi", "stream": true, "reasoning": {"effort": "low"}});
    let events = post(&provider, Vendor::OpenAi, &key, "/v1/responses", &body).events();
    let numbers: Vec<u64> = events.iter().filter_map(|event| event["sequence_number"].as_u64()).collect();
    assert_eq!(numbers, (0..events.len() as u64).collect::<Vec<_>>());
    assert_eq!(events.first().unwrap()["type"], "response.created");
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.completed");
    let line = provider.bill().remove(0);
    assert_eq!(last["response"]["usage"]["output_tokens"], line.output);
    assert_eq!(last["response"]["usage"]["output_tokens_details"]["reasoning_tokens"], line.reasoning);
    assert!(line.reasoning > 0 && line.reasoning < line.output);
    let text: String = events
        .iter()
        .filter(|event| event["type"] == "response.output_text.delta")
        .filter_map(|event| event["delta"].as_str())
        .collect();
    assert_eq!(toy_tokens(&text), line.output - line.reasoning);
}

#[tokio::test]
async fn gemini_streams_an_array_unless_asked_for_events() {
    let provider = ScriptedProvider::start().await;
    let key = provider.add_key(Vendor::Gemini, "main");
    let (_, body) = hello(Vendor::Gemini, true);
    let target = "/v1beta/models/gemini-2.5-flash:streamGenerateContent";
    let array = post(&provider, Vendor::Gemini, &key, target, &body).json();
    let events = post(&provider, Vendor::Gemini, &key, &format!("{target}?alt=sse"), &body).events();
    assert_eq!(array.as_array().unwrap(), &events);
    let counts: Vec<u64> =
        events.iter().filter_map(|event| event.pointer("/usageMetadata/candidatesTokenCount")?.as_u64()).collect();
    assert!(counts.is_sorted() && counts.len() == events.len(), "cumulative on every chunk: {counts:?}");
    let refused = post(&provider, Vendor::Gemini, "wrong", target, &body).json();
    assert_eq!(refused[0]["error"]["status"], "INVALID_ARGUMENT", "errors of array streams come in an array");
}

#[tokio::test]
async fn pinned_addresses_answer_one_dialect() {
    let provider = ScriptedProvider::start().await;
    let key = provider.add_key(Vendor::OpenAi, "main");
    let (_, body) = hello(Vendor::OpenAi, false);
    assert!(provider.pinned_url(Vendor::OpenAi).ends_with("/openai/v1"));
    assert_eq!(post(&provider, Vendor::OpenAi, &key, "/openai/v1/chat/completions", &body).status, 200);
    assert_eq!(post(&provider, Vendor::OpenAi, &key, "/anthropic/v1/chat/completions", &body).status, 404);
    assert_eq!(get(&provider, Vendor::OpenAi, &key, "/openai/v1/models/gpt-5").json()["id"], "gpt-5");
}

#[tokio::test]
async fn uploads_of_any_size_are_weighed_without_being_kept() {
    let provider = ScriptedProvider::start().await;
    let key = provider.add_key(Vendor::OpenAi, "main");
    let bearer = format!("Bearer {key}");
    for (size, model_first) in [(100, true), (3_000_000, false)] {
        let mut body = Vec::new();
        let model = "--edge\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\ngpt-4o-transcribe\r\n";
        if model_first {
            body.extend_from_slice(model.as_bytes());
        }
        body.extend_from_slice(b"--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\ncontent-type: audio/wav\r\n\r\n");
        body.extend(std::iter::repeat_n(0_u8, size));
        body.extend_from_slice(b"\r\n");
        if !model_first {
            body.extend_from_slice(model.as_bytes());
        }
        body.extend_from_slice(b"--edge--\r\n");
        let mut connection = Connection::open(provider.address());
        let headers = [("authorization", bearer.as_str()), ("content-type", "multipart/form-data; boundary=edge")];
        connection.send("POST", "/v1/audio/transcriptions", &headers, &body);
        let answer = connection.answer();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let record = provider.requests().pop().unwrap();
        assert_eq!(record.body_len, body.len() as u64);
        assert_eq!(record.body_crc32, crc32fast::hash(&body));
        assert!(record.body.len() < 2_000_000);
        assert_eq!(record.model.as_deref(), Some("gpt-4o-transcribe"));
        let line = provider.bill().pop().unwrap();
        assert_eq!(
            (line.operation, answer.json()["usage"]["input_tokens"].as_u64()),
            (Operation::Transcriptions, Some(line.input()))
        );
    }
}

#[tokio::test]
async fn the_log_holds_requests_byte_for_byte() {
    let provider = ScriptedProvider::start().await;
    let key = provider.add_key(Vendor::OpenAi, "main");
    let bearer = format!("Bearer {key}");
    let body = br#"{ "model":"gpt-4o-mini",  "unknown_field": 1.50, "messages":[{"role":"user","content":"Hi"}]}"#;
    let mut connection = Connection::open(provider.address());
    for _ in 0..2 {
        let headers = [("x-first", "1"), ("authorization", bearer.as_str()), ("x-last", "2")];
        connection.send("POST", "/v1/chat/completions?a=b%20c", &headers, body);
        assert_eq!(connection.answer().status, 200);
    }
    let records = provider.requests();
    assert_eq!(records.len(), 2);
    assert_eq!(records[0].connection, records[1].connection, "kept alive");
    assert_eq!(provider.connections_open(), 1);
    let record = &records[0];
    assert_eq!(record.body.as_ref(), body);
    assert_eq!((record.method.as_str(), record.target.as_str()), ("POST", "/v1/chat/completions?a=b%20c"));
    let names: Vec<&str> = record.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["host", "content-length", "x-first", "authorization", "x-last"]);
    assert_eq!((record.key.as_deref(), record.status, record.finished), (Some("main"), Some(200), true));
}

#[tokio::test]
async fn http2_is_spoken_to_those_who_begin_with_it() {
    let provider = ScriptedProvider::start().await;
    let key = provider.add_key(Vendor::Anthropic, "main");
    let stream = tokio::net::TcpStream::connect(provider.address()).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(connection);
    let (target, body) = hello(Vendor::Anthropic, true);
    let mut request = http::Request::post(format!("{}{target}", provider.url()));
    for (name, value) in auth(Vendor::Anthropic, &key) {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(Bytes::from(body.to_string()))).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    assert_eq!(answer.version(), http::Version::HTTP_2);
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    assert!(bytes.ends_with(b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"));
    assert_eq!(provider.requests()[0].version, "HTTP/2.0");
    assert_eq!(provider.bill()[0].ended, Ended::Complete);
}

#[tokio::test]
async fn what_nobody_answers_is_refused_in_the_likely_dialect() {
    let provider = ScriptedProvider::start().await;
    let cases =
        [(Vendor::OpenAi, "/v1/nothing"), (Vendor::Anthropic, "/v1/nothing"), (Vendor::Gemini, "/v1beta/nothing")];
    for (vendor, target) in cases {
        let key = provider.add_key(vendor, "main");
        let answer = post(&provider, vendor, &key, target, &json!({}));
        assert_eq!(answer.status, 404);
        let shape: Value = answer.json();
        match vendor {
            Vendor::OpenAi => assert!(shape["error"]["type"].is_string() && shape.get("type").is_none()),
            Vendor::Anthropic => assert_eq!(shape["error"]["type"], "not_found_error"),
            Vendor::Gemini => assert_eq!(shape["error"]["status"], "NOT_FOUND"),
        }
    }
}
