//! What a collector gets to see, through the public door.

use keyward_domain::dialect::{Dialect, Operation};
use keyward_domain::ledger::{AttemptOutcome, Entry, TraceContext};
use keyward_domain::usage::UsageSource;
use serde_json::{Value, json};

use super::collector::{Recorder, RuntimeClock, Sent, endpoint};
use super::rows;
use crate::telemetry::Telemetry;

/// What arrives when these rows were stored.
fn export(entries: &[Entry]) -> Vec<Sent> {
    let (collector, _) = Recorder::new([]);
    let telemetry = Telemetry::start(&endpoint(), collector.egress(), RuntimeClock::start()).unwrap();
    telemetry.observer()(entries);
    telemetry.close();
    collector.requests()
}

fn span(entry: Entry) -> Value {
    let sent = export(&[entry]);
    assert_eq!(sent.len(), 1);
    let spans = sent[0].spans();
    assert_eq!(spans.len(), 1);
    spans[0].clone()
}

/// The attribute's value, whatever its type; `Null` when there is none.
fn attribute(span: &Value, name: &str) -> Value {
    let attributes = span["attributes"].as_array().unwrap();
    let named: Vec<&Value> = attributes.iter().filter(|attribute| attribute["key"] == name).collect();
    assert!(named.len() < 2, "{name} is there twice");
    named
        .first()
        .map_or(Value::Null, |attribute| attribute["value"].as_object().unwrap().values().next().unwrap().clone())
}

#[test]
fn an_attempt_is_a_span_in_otlp_json() {
    let sent = export(&[rows::completed()]);
    assert_eq!(sent.len(), 1);
    let request = &sent[0].request;
    assert_eq!((request.method, request.path.as_str()), ("POST", "/v1/traces"));
    assert_eq!(request.headers, [("content-type", "application/json".to_owned())]);
    assert!(request.credential.is_none());
    let golden = include_str!("golden/completed.json").replace("{version}", env!("CARGO_PKG_VERSION"));
    let golden: Value = serde_json::from_str(&golden).unwrap();
    let body = sent[0].body();
    assert_eq!(body, golden, "{}", serde_json::to_string_pretty(&body).unwrap());
}

#[test]
fn the_providers_raw_usage_is_not_in_it() {
    let sent = export(&[rows::completed()]);
    let body = String::from_utf8(sent[0].request.body.clone()).unwrap();
    assert!(body.contains("gpt-4o-mini"));
    assert!(!body.contains(rows::CANARY));
}

#[test]
fn a_recorded_caller_is_the_parent() {
    let mut entry = rows::completed();
    entry.subject.trace = TraceContext::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let span = span(entry);
    assert_eq!(span["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(span["parentSpanId"], "00f067aa0ba902b7");
    assert_eq!(span["flags"], 0x301);
}

#[test]
fn without_a_recorded_caller_the_trace_is_the_request_id() {
    let mut entry = rows::completed();
    for trace in [None, TraceContext::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")] {
        entry.subject.trace = trace;
        let span = span(entry.clone());
        assert_eq!(span["traceId"], "019900000000000000000000000000ab");
        assert_eq!(span.get("parentSpanId"), None);
        assert_eq!(span["flags"], 0x101);
    }
}

#[test]
fn attempts_of_a_request_share_the_trace_and_differ_in_the_span() {
    let second = rows::completed();
    let mut first = rows::completed();
    first.subject.attempt.number = 1;
    let sent = export(&[first.clone(), second]);
    let spans = sent[0].spans();
    assert_eq!(spans[0]["traceId"], spans[1]["traceId"]);
    assert_ne!(spans[0]["spanId"], spans[1]["spanId"]);
    assert_eq!(spans[0]["spanId"], span(first)["spanId"], "the same attempt is always the same span");
}

#[test]
fn what_did_not_complete_is_an_error_of_its_kind() {
    for (outcome, status, kind) in [
        (AttemptOutcome::UpstreamError, 429, "429"),
        (AttemptOutcome::UpstreamError, 200, "upstream_error"),
        (AttemptOutcome::Cut, 200, "cut"),
        (AttemptOutcome::ClientGone, 200, "client_gone"),
        (AttemptOutcome::NotSent, 0, "not_sent"),
        (AttemptOutcome::Unsettled, 0, "unsettled"),
    ] {
        let span = span(Entry { outcome, status, ..rows::completed() });
        assert_eq!(span["status"], json!({ "code": 2 }));
        assert_eq!(attribute(&span, "error.type"), kind);
        assert_eq!(attribute(&span, "keyward.outcome"), outcome.as_str());
        assert_eq!(attribute(&span, "gen_ai.response.model"), Value::Null, "nobody answered in full");
        let status = if status == 0 { Value::Null } else { json!(status.to_string()) };
        assert_eq!(attribute(&span, "http.response.status_code"), status);
    }
}

#[test]
fn what_is_unknown_is_left_out() {
    let mut entry = rows::completed();
    entry.cost = None;
    entry.source = UsageSource::None;
    entry.subject.streamed = false;
    let span = span(entry);
    for name in [
        "keyward.cost_nanodollars",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
        "gen_ai.request.stream",
        "gen_ai.response.time_to_first_chunk",
    ] {
        assert_eq!(attribute(&span, name), Value::Null, "{name}");
    }
}

#[test]
fn operations_and_providers_have_the_conventions_names() {
    for (provider, dialect, operation, expected) in [
        ("openai", Dialect::OpenAi, Operation::Responses, ("chat", "openai")),
        ("openai", Dialect::OpenAi, Operation::Completion, ("text_completion", "openai")),
        ("mistral", Dialect::OpenAi, Operation::Embed, ("embeddings", "mistral_ai")),
        ("my-vllm", Dialect::OpenAi, Operation::Chat, ("chat", "my-vllm")),
        ("claude-eu", Dialect::Anthropic, Operation::Messages, ("chat", "anthropic")),
        ("gemini", Dialect::Gemini, Operation::Generate, ("generate_content", "gcp.gemini")),
        ("sandbox", Dialect::Anthropic, Operation::CountTokens, ("count_tokens", "sandbox")),
    ] {
        let mut entry = rows::completed();
        entry.subject.provider_name = provider.into();
        (entry.subject.dialect, entry.subject.operation) = (dialect, operation);
        let span = span(entry);
        assert_eq!(attribute(&span, "gen_ai.operation.name"), expected.0);
        assert_eq!(attribute(&span, "gen_ai.provider.name"), expected.1);
        assert_eq!(attribute(&span, "gen_ai.system"), expected.1);
        assert_eq!(attribute(&span, "keyward.provider"), provider);
        assert_eq!(span["name"], format!("{} gpt-4o-mini", expected.0));
    }
}

#[test]
fn long_names_are_cut_between_characters() {
    let mut entry = rows::completed();
    entry.subject.requested_model = "ü".repeat(200).into();
    entry.subject.model = format!("x{}", "ü".repeat(200)).into();
    let span = span(entry);
    assert_eq!(attribute(&span, "keyward.requested_model"), "ü".repeat(128));
    assert_eq!(attribute(&span, "gen_ai.request.model"), format!("x{}", "ü".repeat(127)));
}

#[test]
fn an_endpoint_may_have_a_path_and_may_name_that_of_traces() {
    for (endpoint, path) in [
        ("https://collector.example", "/v1/traces"),
        ("https://collector.example/otlp", "/otlp/v1/traces"),
        ("https://collector.example/otlp/v1/traces", "/otlp/v1/traces"),
    ] {
        let (collector, _) = Recorder::new([]);
        let endpoint = endpoint.parse().unwrap();
        let telemetry = Telemetry::start(&endpoint, collector.egress(), RuntimeClock::start()).unwrap();
        telemetry.observer()(&[rows::completed()]);
        telemetry.close();
        let request = &collector.requests()[0].request;
        assert_eq!(request.origin, endpoint.origin);
        assert_eq!(request.path, path);
    }
}
