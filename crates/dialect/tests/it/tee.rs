//! Answers going by: what is forwarded and what is metered.

use bytes::Bytes;
use keyward_dialect::tee::{Fed, MAX_EVENT, Meter, Metered, Shape};
use keyward_domain::dialect::{Dialect, Operation};
use keyward_domain::usage::{Usage, UsageSource};
use proptest::prelude::*;

use crate::draw::Draw;
use crate::reference;

/// What came out of a meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) forwarded: Vec<u8>,
    pub(crate) metered: Metered,
    pub(crate) terminals: usize,
    pub(crate) contents: usize,
    pub(crate) errors: usize,
}

/// Feeds the pieces and ends.
pub(crate) fn run(mut meter: Meter, pieces: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Outcome {
    let mut forwarded = Vec::new();
    let (mut terminals, mut contents, mut errors) = (0, 0, 0);
    for piece in pieces {
        let Fed { forward, content, terminal, error } = meter.feed(Bytes::from(piece.into()));
        forwarded.extend_from_slice(&forward);
        terminals += usize::from(terminal);
        contents += usize::from(content);
        errors += usize::from(error);
    }
    forwarded.extend_from_slice(&meter.end());
    Outcome { forwarded, metered: meter.metered(), terminals, contents, errors }
}

fn sse(dialect: Dialect, operation: Operation, hide: bool) -> Meter {
    Meter::new(dialect, operation, Shape::Sse, hide)
}

fn chat(hide: bool) -> Meter {
    sse(Dialect::OpenAi, Operation::Chat, hide)
}

fn chunk(delta: &str, rest: &str) -> String {
    format!(
        "data: {{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m-1\",\"choices\":[{{\"index\":0,\
         \"delta\":{delta},\"finish_reason\":null}}]{rest}}}\n\n"
    )
}

const USAGE: &str = "{\"prompt_tokens\":25,\"completion_tokens\":40,\"total_tokens\":65}";

/// A chat stream as OpenAI sends it when usage is asked for.
fn chat_stream() -> String {
    let mut stream = chunk("{\"role\":\"assistant\",\"content\":\"\"}", ",\"usage\":null");
    for word in ["The", " gateway", " says:\\n", " \\\"hi\\\"", " caf\u{e9} \\u00e9", "."] {
        stream += &chunk(&format!("{{\"content\":\"{word}\"}}"), ",\"usage\":null");
    }
    stream += "data: {\"id\":\"c1\",\"model\":\"m-1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n";
    stream += "data: {\"id\":\"c1\",\"model\":\"m-1\",\"service_tier\":\"default\",\"choices\":[],\"usage\":";
    stream += USAGE;
    stream += "}\n\ndata: [DONE]\n\n";
    stream
}

fn messages_stream() -> String {
    [
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"claude-x\",\"content\":[],\
         \"usage\":{\"input_tokens\":40,\"cache_creation_input_tokens\":200,\"cache_read_input_tokens\":1000,\
         \"cache_creation\":{\"ephemeral_5m_input_tokens\":150,\"ephemeral_1h_input_tokens\":50},\"output_tokens\":1,\
         \"service_tier\":\"standard\"}}}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
        "event: ping\ndata: {\"type\":\"ping\"}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hel\"}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"lo\"}}\n\n",
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":45}}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"input_tokens\":null,\
         \"output_tokens\":90,\"output_tokens_details\":{\"thinking_tokens\":30},\"server_tool_use\":{\"web_search_requests\":1}}}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    ]
    .concat()
}

fn responses_stream(last: &str, usage: &str) -> String {
    [
        "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"r\",\"model\":\"gpt-x\",\"usage\":null}}\n\n",
        "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":4,\"item_id\":\"i\",\"delta\":\"Hel\",\"obfuscation\":\"aa\"}\n\n",
        "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":5,\"item_id\":\"i\",\"delta\":\"lo!\",\"obfuscation\":\"bbbb\"}\n\n",
        "event: response.function_call_arguments.delta\ndata: {\"type\":\"response.function_call_arguments.delta\",\"sequence_number\":11,\"item_id\":\"i\",\"delta\":\"{}\"}\n\n",
        &format!("event: {last}\ndata: {{\"type\":\"{last}\",\"sequence_number\":99,\"response\":{{\"id\":\"r\",\"output\":[{{\"usage\":7}}],\"error\":{},\"service_tier\":\"flex\",\"usage\":{usage}}}}}\n\n",
            if last == "response.failed" { "{\"code\":\"server_error\",\"message\":\"m\"}" } else { "null" }),
    ]
    .concat()
}

fn gemini_stream() -> String {
    let event = |text: &str, finish: &str, counts: &str| {
        format!(
            "data: {{\"candidates\":[{{\"content\":{{\"parts\":[{{\"text\":\"{text}\"}}],\"role\":\"model\"}}{finish},\"index\":0}}],\
             \"usageMetadata\":{{\"promptTokenCount\":900,{counts}}},\"modelVersion\":\"gemini-x\",\"responseId\":\"r\"}}\r\n\r\n"
        )
    };
    [
        event("4 ", "", "\"totalTokenCount\":900"),
        event("\u{b0}C", "", "\"candidatesTokenCount\":7,\"thoughtsTokenCount\":80,\"totalTokenCount\":987"),
        event(
            "",
            ",\"finishReason\":\"STOP\"",
            "\"cachedContentTokenCount\":512,\"candidatesTokenCount\":20,\"thoughtsTokenCount\":80,\"toolUsePromptTokenCount\":40,\
             \"totalTokenCount\":1040,\"trafficType\":\"ON_DEMAND\"",
        ),
    ]
    .concat()
}

/// Every stream above with its dialect.
fn streams() -> Vec<(Dialect, Operation, String)> {
    let usage = "{\"input_tokens\":12,\"output_tokens\":8,\"total_tokens\":20}";
    vec![
        (Dialect::OpenAi, Operation::Chat, chat_stream()),
        (Dialect::Anthropic, Operation::Messages, messages_stream()),
        (Dialect::OpenAi, Operation::Responses, responses_stream("response.completed", usage)),
        (Dialect::OpenAi, Operation::Responses, responses_stream("response.failed", "null")),
        (Dialect::Gemini, Operation::Generate, gemini_stream()),
    ]
}

#[test]
fn a_chat_stream_is_forwarded_at_once_and_as_it_came() {
    let stream = chat_stream();
    let mut meter = chat(false);
    for event in stream.split_inclusive("\n\n") {
        let chunk = Bytes::from(event.to_owned());
        let fed = meter.feed(chunk.clone());
        assert_eq!(fed.forward.as_ptr(), chunk.as_ptr(), "not even copied");
        assert_eq!(fed.forward.len(), chunk.len());
        assert_eq!(fed.terminal, event.contains("[DONE]"));
        assert_eq!(fed.content, event.contains("\"content\":\"The\""));
        assert!(meter.at_event_boundary());
    }
    assert!(meter.end().is_empty());
    let metered = meter.metered();
    assert_eq!(metered.usage, Some(Usage { input_uncached: 25, output: 40, ..Usage::default() }));
    assert_eq!(metered.source, UsageSource::Provider);
    assert_eq!(metered.raw_usage.as_deref(), Some(USAGE));
    assert_eq!((metered.model.as_deref(), metered.service_tier.as_deref()), (Some("m-1"), Some("default")));
    assert_eq!(metered.content_bytes, "The gateway says:\n \"hi\" caf\u{e9} \u{e9}.".len() as u64);
    assert!(metered.complete && metered.finished && !metered.suspect && !metered.malformed && !metered.oversized);
}

#[test]
fn a_client_that_did_not_ask_for_usage_never_sees_it() {
    let stream = chat_stream();
    let expected: String = stream
        .split_inclusive("\n\n")
        .filter(|event| !event.contains("\"usage\":{"))
        .map(|event| event.replace(",\"usage\":null", ""))
        .collect();
    let outcome = run(chat(true), [stream.clone()]);
    assert_eq!(String::from_utf8(outcome.forwarded).unwrap(), expected);
    assert_eq!(outcome.metered, run(chat(false), [stream]).metered);

    for (event, seen) in [
        ("data: {\"usage\":null,\"choices\":[{}]}\n\n", "data: {\"choices\":[{}]}\n\n"),
        ("data: { \"usage\" : null , \"choices\":[{}]}\n\n", "data: { \"choices\":[{}]}\n\n"),
        ("data: {\"choices\":[{}] , \"usage\" : null }\r\n\r\n", "data: {\"choices\":[{}] }\r\n\r\n"),
        ("data: {\"choices\":[{\"usage\":null}]}\n\n", "data: {\"choices\":[{\"usage\":null}]}\n\n"),
        (
            "data: {\"choices\":[{}],\"usage\":{\"prompt_tokens\":1}}\n\n",
            "data: {\"choices\":[{}],\"usage\":{\"prompt_tokens\":1}}\n\n",
        ),
        ("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\r\r", ""),
        (": comment\n\n", ": comment\n\n"),
        (
            "data: {\"choices\":[],\"prompt_filter_results\":[],\"usage\":null}\n\n",
            "data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n",
        ),
        (
            "data: {\"error\":{\"message\":\"x\"},\"usage\":null}\n\n",
            "data: {\"error\":{\"message\":\"x\"},\"usage\":null}\n\n",
        ),
        ("data: [DONE]", "data: [DONE]"),
    ] {
        let outcome = run(chat(true), [event]);
        assert_eq!(String::from_utf8(outcome.forwarded).unwrap(), seen);
    }
}

#[test]
fn m06_usage_of_each_dialect_is_that_of_the_last_event_that_has_it() {
    let [chat, messages, responses, failed, gemini] =
        streams().try_into().map(|all: [_; 5]| all.map(|(d, o, stream)| run(sse(d, o, false), [stream]))).unwrap();
    assert_eq!(chat.metered.usage.unwrap().completion_tokens(), 40);

    assert_eq!(
        messages.metered.usage,
        Some(Usage {
            input_uncached: 40,
            cache_read: 1000,
            cache_write_5m: 150,
            cache_write_1h: 50,
            output: 60,
            reasoning: 30,
            searches: 1,
            ..Usage::default()
        })
    );
    assert_eq!((messages.metered.source, messages.terminals, messages.contents), (UsageSource::Provider, 1, 1));
    assert_eq!(messages.metered.service_tier.as_deref(), Some("standard"));
    assert_eq!(messages.metered.model.as_deref(), Some("claude-x"));
    assert_eq!(messages.metered.content_bytes, 5);
    let raw: serde_json::Value = serde_json::from_str(messages.metered.raw_usage.as_deref().unwrap()).unwrap();
    assert_eq!(
        (&raw["message_start"]["input_tokens"], &raw["message_delta"]["output_tokens"]),
        (&40.into(), &90.into())
    );

    assert_eq!(responses.metered.usage, Some(Usage { input_uncached: 12, output: 8, ..Usage::default() }));
    assert_eq!((responses.metered.content_bytes, responses.terminals, responses.errors), (8, 1, 0));
    assert_eq!(responses.metered.service_tier.as_deref(), Some("flex"));

    assert_eq!((failed.metered.usage, failed.terminals, failed.errors), (None, 1, 1));
    assert_eq!(
        failed.metered.stream_error.as_deref(),
        Some("{\"error\":{\"code\":\"server_error\",\"message\":\"m\"}}")
    );
    assert_eq!(failed.metered.source, UsageSource::Estimated, "there was content, so it cost something");

    assert_eq!(
        gemini.metered.usage,
        Some(Usage { input_uncached: 428, cache_read: 512, output: 20, reasoning: 80, ..Usage::default() })
    );
    assert_eq!((gemini.metered.source, gemini.terminals), (UsageSource::Provider, 0));
    assert_eq!(gemini.metered.service_tier.as_deref(), Some("ON_DEMAND"));
    assert!(gemini.metered.complete, "a finish reason is all the end that Gemini has");
}

#[test]
fn m06_a_stream_cut_before_its_usage_is_partial_or_estimated() {
    let stream = messages_stream();
    for end in 0..stream.len() {
        let outcome = run(sse(Dialect::Anthropic, Operation::Messages, false), [&stream[..end]]);
        let metered = outcome.metered;
        assert!(!metered.malformed);
        match metered.source {
            UsageSource::Provider => assert!(end > stream.find("message_delta").unwrap()),
            UsageSource::Partial => {
                let usage = metered.usage.unwrap();
                assert_eq!(usage.prompt_tokens(), 1240, "the prompt is known from the first event on");
                assert_eq!(usage.completion_tokens(), 0, "the placeholder is not the output");
            }
            UsageSource::Estimated => assert_eq!(metered.usage, None),
            UsageSource::None => unreachable!("nothing is free here"),
        }
        assert_eq!(metered.complete, end + 2 > stream.len() - 1, "cut at {end} of {}", stream.len());
    }
    let gemini = gemini_stream();
    let cut = gemini.find("STOP").unwrap();
    let metered = run(sse(Dialect::Gemini, Operation::Generate, false), [&gemini[..cut]]).metered;
    assert_eq!((metered.source, metered.complete), (UsageSource::Partial, false));
    assert_eq!(metered.usage.unwrap().completion_tokens(), 87);

    let chat_cut = &chat_stream()[..400];
    let metered = run(chat(false), [chat_cut]).metered;
    assert_eq!((metered.source, metered.usage), (UsageSource::Estimated, None));
    assert!(metered.content_bytes > 0);
}

#[test]
fn m06_trailing_frames_without_usage_do_not_erase_it() {
    let stream = format!(
        "data: {{\"choices\":[],\"usage\":{USAGE}}}\n\ndata: {{\"choices\":[],\"usage\":null}}\n\ndata: {{\"choices\":[]}}\n\n\
         data: {{\"choices\":[],\"usage\":{{}}}}\n\ndata: [DONE]\n\ndata: [DONE]\n\n"
    );
    let outcome = run(chat(false), [stream]);
    assert_eq!(outcome.metered.usage.unwrap().completion_tokens(), 40);
    assert_eq!(outcome.metered.source, UsageSource::Provider);
}

#[test]
fn m06_usage_on_every_chunk_is_not_summed() {
    let stream: String = (1..=9)
        .map(|n| chunk("{\"content\":\"x\"}", &format!(",\"usage\":{{\"prompt_tokens\":5,\"completion_tokens\":{n}}}")))
        .collect();
    let metered = run(chat(false), [stream.clone()]).metered;
    assert_eq!((metered.usage.unwrap().output, metered.source), (9, UsageSource::Partial), "cut before any end");
    let metered = run(chat(false), [stream + "data: [DONE]\n\n"]).metered;
    assert_eq!((metered.usage.unwrap().output, metered.source), (9, UsageSource::Provider));
}

#[test]
fn m06_usage_in_groqs_own_place_is_found() {
    let stream = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"x_groq\":{\"id\":\"r\",\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}}\n\ndata: [DONE]\n\n";
    let metered = run(chat(false), [stream]).metered;
    assert_eq!(metered.usage, Some(Usage { input_uncached: 3, output: 4, ..Usage::default() }));
}

#[test]
fn m06_an_error_before_any_token_costs_nothing() {
    for (dialect, operation, stream) in [
        (Dialect::OpenAi, Operation::Chat, "data: {\"error\":{\"message\":\"overloaded\",\"code\":\"x\"}}\n\n"),
        (Dialect::OpenAi, Operation::Chat, "event: error\ndata: {\"message\":\"overloaded\"}\n\n"),
        (Dialect::OpenAi, Operation::Chat, "event: error\ndata: plain words\n\n"),
        (
            Dialect::OpenAi,
            Operation::Responses,
            "event: error\ndata: {\"type\":\"error\",\"code\":\"x\",\"message\":\"m\"}\n\n",
        ),
        (
            Dialect::OpenAi,
            Operation::Responses,
            "data: {\"type\":\"error\",\"error\":{\"code\":\"server_is_overloaded\"}}\n\n",
        ),
        (
            Dialect::Anthropic,
            Operation::Messages,
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"m\"}}\n\n",
        ),
        (Dialect::Gemini, Operation::Generate, "data: {\"error\":{\"code\":503,\"status\":\"UNAVAILABLE\"}}\n\n"),
        (
            Dialect::Gemini,
            Operation::Generate,
            "{\n  \"error\": {\n    \"code\": 503,\n    \"message\": \"x\"\n  }\n}\n\n",
        ),
        (Dialect::Gemini, Operation::Generate, "[{\n  \"error\": {\n    \"code\": 503\n  }\n}\n]"),
    ] {
        let outcome = run(sse(dialect, operation, false), [stream]);
        assert_eq!(outcome.metered.source, UsageSource::None, "{stream}");
        assert_eq!((outcome.metered.usage, outcome.metered.content_bytes, outcome.contents), (None, 0, 0), "{stream}");
        assert!(outcome.metered.stream_error.is_some(), "{stream}");
        assert!(!outcome.metered.complete && !outcome.metered.malformed, "{stream}");
        if stream.ends_with("\n\n") {
            assert_eq!((outcome.errors, outcome.terminals), (1, 1), "{stream}");
        }
        assert_eq!(outcome.forwarded, stream.as_bytes());
    }
}

#[test]
fn m06_an_error_after_content_keeps_what_was_counted() {
    let stream = messages_stream();
    let start = stream.find("event: content_block_stop").unwrap();
    let stream =
        stream[..start].to_owned() + "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\"}}\n\n";
    let outcome = run(sse(Dialect::Anthropic, Operation::Messages, false), [stream]);
    assert_eq!(outcome.metered.source, UsageSource::Partial);
    assert_eq!((outcome.metered.content_bytes, outcome.errors, outcome.contents), (5, 1, 1));
    assert_eq!(outcome.metered.usage.unwrap().prompt_tokens(), 1240);
}

#[test]
fn usage_that_cannot_be_true_is_missing_and_marked() {
    for usage in [
        "{\"prompt_tokens\":-1,\"completion_tokens\":2}",
        "{\"prompt_tokens\":1,\"completion_tokens\":9223372036854775808}",
        "{\"prompt_tokens\":\"1\",\"completion_tokens\":2}",
        "{\"prompt_tokens\":1.5,\"completion_tokens\":2}",
        "{\"prompt_tokens\":1,\"completion_tokens\":2,\"prompt_tokens_details\":{\"cached_tokens\":2}}",
        "{\"prompt_tokens\":1,\"completion_tokens\":2,\"completion_tokens_details\":{\"reasoning_tokens\":3}}",
        "{\"prompt_tokens\":1,\"completion_tokens\":2,\"prompt_tokens_details\":{\"audio_tokens\":2}}",
        "{\"prompt_tokens\":[],\"completion_tokens\":2}",
    ] {
        let metered =
            run(chat(false), [format!("data: {{\"choices\":[],\"usage\":{usage}}}\n\ndata: [DONE]\n\n")]).metered;
        assert_eq!((metered.usage, metered.suspect, metered.source), (None, true, UsageSource::Estimated), "{usage}");
        assert_eq!(metered.raw_usage.as_deref(), Some(usage));
        let json = Meter::new(Dialect::OpenAi, Operation::Chat, Shape::Json, false);
        let metered = run(json, [format!("{{\"usage\":{usage}}}")]).metered;
        assert_eq!((metered.usage, metered.suspect), (None, true), "{usage}");
    }
}

#[test]
fn content_is_what_cannot_be_taken_back() {
    for (dialect, operation, event, content) in [
        (Dialect::OpenAi, Operation::Chat, chunk("{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}", ""), false),
        (Dialect::OpenAi, Operation::Chat, chunk("{\"role\":\"assistant\"}", ""), false),
        (Dialect::OpenAi, Operation::Chat, chunk("{\"content\":\"x\"}", ""), true),
        (Dialect::OpenAi, Operation::Chat, chunk("{\"reasoning_content\":\"x\"}", ""), true),
        (Dialect::OpenAi, Operation::Chat, chunk("{\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}", ""), true),
        (Dialect::OpenAi, Operation::Chat, chunk("{\"audio\":{\"data\":\"AAAA\"}}", ""), true),
        (Dialect::OpenAi, Operation::Chat, chunk("{\"content\":[{\"type\":\"text\",\"text\":\"x\"}]}", ""), true),
        (Dialect::OpenAi, Operation::Chat, ": keep-alive\n\n".to_owned(), false),
        (Dialect::OpenAi, Operation::Completion, "data: {\"choices\":[{\"text\":\"x\",\"index\":0}]}\n\n".to_owned(), true),
        (Dialect::Anthropic, Operation::Messages, "event: ping\ndata: {\"type\":\"ping\"}\n\n".to_owned(), false),
        (Dialect::Anthropic, Operation::Messages, "data: {\"type\":\"content_block_start\",\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n".to_owned(), false),
        (Dialect::Anthropic, Operation::Messages, "data: {\"type\":\"content_block_start\",\"content_block\":{\"type\":\"tool_use\",\"name\":\"f\"}}\n\n".to_owned(), true),
        (Dialect::Anthropic, Operation::Messages, "data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"\"}}\n\n".to_owned(), false),
        (Dialect::OpenAi, Operation::Responses, "data: {\"type\":\"response.output_item.added\",\"item\":{}}\n\n".to_owned(), false),
        (Dialect::OpenAi, Operation::Responses, "data: {\"type\":\"response.output_text.delta\",\"delta\":\"x\"}\n\n".to_owned(), true),
        (Dialect::Gemini, Operation::Generate, "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}]}}]}\n\n".to_owned(), false),
        (Dialect::Gemini, Operation::Generate, "data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\"}}]}}]}\n\n".to_owned(), true),
        (Dialect::Gemini, Operation::Generate, "data: {\"candidates\":[{\"content\":{\"parts\":[{\"inlineData\":{}}]}}]}\n\n".to_owned(), true),
        (Dialect::OpenAi, Operation::Image, "data: {\"type\":\"image_generation.in_progress\"}\n\n".to_owned(), false),
        (Dialect::OpenAi, Operation::Image, "data: {\"type\":\"image_generation.partial_image\",\"b64_json\":\"AA\"}\n\n".to_owned(), true),
    ] {
        let outcome = run(sse(dialect, operation, false), [event.clone(), event.clone()]);
        assert_eq!(outcome.contents, usize::from(content), "{event}");
    }
}

#[test]
fn boundaries_are_known() {
    let mut meter = chat(false);
    assert!(meter.at_event_boundary());
    for (piece, boundary) in
        [("data: {}", false), ("\n", false), ("\r", true), ("\n", true), (": x\n", false), ("\n", true), ("d", false)]
    {
        meter.feed(Bytes::from(piece));
        assert_eq!(meter.at_event_boundary(), boundary, "{piece:?}");
    }
    let mut meter = chat(true);
    meter.feed(Bytes::from("data: {\"a\""));
    assert!(meter.at_event_boundary(), "nothing of the event has been forwarded");
}

#[test]
fn whole_events_leave_room_for_an_error_event_wherever_the_provider_cuts() {
    for (dialect, operation, stream) in streams() {
        for cut in 0..stream.len() {
            let mut meter = sse(dialect, operation, false).whole_events();
            let mut forwarded = Vec::new();
            for piece in stream.as_bytes()[..cut].chunks(1 + cut % 97) {
                forwarded.extend_from_slice(&meter.feed(Bytes::copy_from_slice(piece)).forward);
                assert!(meter.at_event_boundary());
            }
            assert!(stream.as_bytes().starts_with(&forwarded));
            let ends = [b"\n\n".as_slice(), b"\r\n\r\n", b"\r\n\r"];
            assert!(forwarded.is_empty() || ends.iter().any(|end| forwarded.ends_with(end)));
            let held = meter.end();
            assert!(held.len() < 600, "only the last event is held back");
            assert_eq!([forwarded, held.to_vec()].concat(), &stream.as_bytes()[..cut]);
        }
    }
}

#[test]
fn d01_whole_events_of_a_client_that_asked_for_usage_are_as_they_came() {
    for (dialect, operation, stream) in streams() {
        for size in [stream.len(), 1_000, 300] {
            let mut meter = sse(dialect, operation, false).whole_events();
            let mut forwarded = Vec::new();
            for piece in stream.as_bytes().chunks(size) {
                forwarded.extend_from_slice(&meter.feed(Bytes::copy_from_slice(piece)).forward);
            }
            forwarded.extend_from_slice(&meter.end());
            assert_eq!(String::from_utf8(forwarded).unwrap(), stream);
        }
    }
}

#[test]
fn events_too_long_to_hold_are_still_metered() {
    let picture = "A".repeat(MAX_EVENT + 100);
    let responses = format!(
        "event: response.completed\ndata: {{\"type\":\"response.completed\",\"response\":{{\"output\":[{{\"result\":\"{picture}\"}}],\
         \"model\":\"gpt-x\",\"usage\":{{\"input_tokens\":12,\"output_tokens\":8}},\"error\":null}}}}\n\n"
    );
    let image = format!(
        "event: image_generation.completed\ndata: {{\"type\":\"image_generation.completed\",\"b64_json\":\"{picture}\",\
         \"usage\":{{\"input_tokens\":12,\"output_tokens\":8}}}}\n\n"
    );
    for (operation, stream) in [(Operation::Responses, responses), (Operation::Image, image)] {
        for size in [stream.len(), 100_000, 4_099] {
            for hide in [false, true] {
                let pieces = stream.as_bytes().chunks(size).map(<[u8]>::to_vec);
                let outcome = run(sse(Dialect::OpenAi, operation, hide), pieces);
                assert!(outcome.forwarded == stream.as_bytes(), "forwarded as it came");
                assert!(outcome.metered.oversized && outcome.metered.complete);
                assert_eq!(outcome.metered.usage.unwrap().prompt_tokens(), 12);
                assert_eq!(outcome.metered.usage.unwrap().completion_tokens(), 8);
                assert_eq!((outcome.metered.source, outcome.terminals), (UsageSource::Provider, 1));
            }
        }
    }
    // Without a line end at all.
    let flood = "x".repeat(3 * MAX_EVENT);
    let outcome = run(chat(true), flood.as_bytes().chunks(65_536).map(<[u8]>::to_vec));
    assert_eq!(outcome.forwarded.len(), flood.len());
    assert!(outcome.metered.oversized);
}

#[test]
fn json_answers_of_each_dialect() {
    let document = |dialect, operation, body: &str| {
        let outcome = run(Meter::new(dialect, operation, Shape::Json, false), [body]);
        assert_eq!(outcome.forwarded, body.as_bytes());
        assert_eq!((outcome.terminals, outcome.contents), (1, 1 - outcome.errors), "{body}");
        outcome
    };
    let chat = format!(
        "{{\"id\":\"x\",\"model\":\"m-1\",\"choices\":[{{\"message\":{{\"content\":\"{{\\\"usage\\\":1}}\"}},\"usage\":{{\"prompt_tokens\":1}}}}],\
         \"usage\":{USAGE},\"service_tier\":\"default\"}}"
    );
    let metered = document(Dialect::OpenAi, Operation::Chat, &chat).metered;
    assert_eq!(metered.usage, Some(Usage { input_uncached: 25, output: 40, ..Usage::default() }));
    assert_eq!((metered.source, metered.complete), (UsageSource::Provider, true));
    assert_eq!((metered.model.as_deref(), metered.service_tier.as_deref()), (Some("m-1"), Some("default")));

    let failed = document(Dialect::OpenAi, Operation::Chat, "{\"error\":{\"message\":\"no\"}}");
    assert_eq!((failed.errors, failed.metered.source), (1, UsageSource::None));
    assert_eq!(failed.metered.stream_error.as_deref(), Some("{\"error\":{\"message\":\"no\"}}"));

    let counted = document(Dialect::Anthropic, Operation::CountTokens, "{\"input_tokens\":7}").metered;
    assert_eq!((counted.usage, counted.source), (None, UsageSource::None));

    let gemini = "[{\"candidates\":[{\"usageMetadata\":{\"promptTokenCount\":1}}],\"usageMetadata\":{\"promptTokenCount\":9,\"totalTokenCount\":9}}\n,\
                  {\"usageMetadata\":{\"promptTokenCount\":9,\"candidatesTokenCount\":5,\"totalTokenCount\":14},\"modelVersion\":\"g\"}]\n";
    let metered = document(Dialect::Gemini, Operation::Generate, gemini).metered;
    assert_eq!(metered.usage, Some(Usage { input_uncached: 9, output: 5, ..Usage::default() }));
    assert_eq!(metered.model.as_deref(), Some("g"));

    let images = "{\"created\":1,\"data\":[{\"b64_json\":\"AA\",\"x\":{\"y\":[{}]}},{\"url\":\"u\"}]}";
    let metered = document(Dialect::OpenAi, Operation::Image, images).metered;
    assert_eq!(metered.usage, Some(Usage { images: 2, ..Usage::default() }));

    for broken in ["<html>", "", "{\"usage\":{\"prompt_tokens\":1}", "\"x\"", "{}{}", "]"] {
        let outcome = run(Meter::new(Dialect::OpenAi, Operation::Chat, Shape::Json, false), [broken]);
        assert!(!outcome.metered.complete, "{broken}");
        assert_eq!(outcome.forwarded, broken.as_bytes());
    }
    assert!(run(Meter::new(Dialect::OpenAi, Operation::Chat, Shape::Json, false), ["<html>"]).metered.malformed);
}

#[test]
fn bodies_of_any_size_pass_in_bounded_memory() {
    let vector = format!("{{\"embedding\":[{}0.5]}}", "-0.123456789,".repeat(3000));
    let usage = "\"usage\":{\"prompt_tokens\":9,\"total_tokens\":9}";
    for huge in [format!("\"model\":\"{}\"", "m".repeat(1 << 20)), format!("\"error\":[{}1]", "[],".repeat(1 << 18))] {
        let body = format!("{{\"data\":[{}],{huge},{usage}}}", vec![vector.as_str(); 200].join(","));
        let outcome = run(
            Meter::new(Dialect::OpenAi, Operation::Embed, Shape::Json, false),
            body.as_bytes().chunks(16_384).map(<[u8]>::to_vec),
        );
        assert_eq!(outcome.metered.usage, Some(Usage { input_uncached: 9, ..Usage::default() }));
        assert!(outcome.metered.complete);
        assert_eq!(outcome.metered.model, None, "longer than anything that is kept");
    }
}

#[test]
fn other_bodies_are_counted_only() {
    let outcome =
        run(Meter::new(Dialect::OpenAi, Operation::Speech, Shape::Opaque, false), [vec![0_u8; 5], vec![1; 7]]);
    assert_eq!((outcome.metered.content_bytes, outcome.contents, outcome.terminals), (12, 1, 0));
    assert_eq!((outcome.metered.usage, outcome.metered.source), (None, UsageSource::Estimated));
}

/// The stream with other line ends, a byte order mark and comments; the same events.
fn disguised(stream: &str, draw: &mut Draw) -> String {
    let mut out = String::new();
    if draw.chance(30) {
        out.push('\u{feff}');
    }
    let ends: &[&str] = match draw.below(4) {
        0 => &["\n"],
        1 => &["\r\n"],
        2 => &["\r"],
        _ => &["\n", "\r\n", "\r"],
    };
    for line in stream.lines() {
        if draw.chance(5) {
            out.push_str(": comment with data: and {}");
            out.push_str(draw.one(ends));
        }
        let line = if draw.chance(10) { line.replacen("data: ", "data:", 1) } else { line.to_owned() };
        out.push_str(&line);
        out.push_str(draw.one(ends));
        if line.is_empty() && draw.chance(10) {
            out.push_str(draw.one(ends));
        }
    }
    out
}

/// A chat stream of random events, some of them odd.
fn random_chat(draw: &mut Draw) -> String {
    let mut stream = String::new();
    for _ in 0..draw.below(25) {
        let text = draw.one(&[
            "a",
            " word",
            "\\n\\n",
            "\\\"",
            "caf\u{e9}",
            "\\ud83d\\ude00",
            "\\\\",
            "{\\\"usage\\\":{}}",
            "",
        ]);
        let tail = draw.one(&[
            "",
            "",
            ",\"usage\":null",
            ",\"usage\": null,\"obfuscation\":\"abcd\"",
            ",\"obfuscation\":\"xy\"",
        ]);
        let event = match draw.below(12) {
            0 => chunk(&format!("{{\"role\":\"assistant\",\"content\":\"{text}\"}}"), tail),
            1 => {
                chunk(&format!("{{\"tool_calls\":[{{\"index\":0,\"function\":{{\"arguments\":\"{text}\"}}}}]}}"), tail)
            }
            2 => chunk(&format!("{{\"reasoning_content\":\"{text}\",\"refusal\":null}}"), tail),
            3 => chunk("{}", tail).replace("\"finish_reason\":null", "\"finish_reason\":\"stop\""),
            4 => format!(
                "data: {{\"choices\":[],\"usage\":{{\"prompt_tokens\":{},\"completion_tokens\":7}}}}\n\n",
                draw.below(99)
            ),
            5 => "data: [DONE]\n\n".to_owned(),
            6 => "data: {broken\n\n".to_owned(),
            7 if draw.chance(20) => "data: {\"error\":{\"message\":\"x\"}}\n\n".to_owned(),
            _ => chunk(&format!("{{\"content\":\"{text}\"}}"), tail),
        };
        stream.push_str(&event);
    }
    stream
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn d01_any_rechunking_forwards_and_meters_the_same(seed in any::<u64>()) {
        let mut draw = Draw::new(seed);
        let mut all = streams();
        all.push((Dialect::OpenAi, Operation::Chat, random_chat(&mut draw)));
        for (dialect, operation, stream) in all {
            let stream = if draw.chance(70) { disguised(&stream, &mut draw) } else { stream };
            for hide in [false, true] {
                let whole = run(sse(dialect, operation, hide), [stream.as_str()]);
                let cut = run(sse(dialect, operation, hide), draw.cut(stream.as_bytes()));
                if !hide {
                    prop_assert_eq!(&cut.forwarded, stream.as_bytes());
                }
                prop_assert_eq!(String::from_utf8_lossy(&cut.forwarded), String::from_utf8_lossy(&whole.forwarded));
                prop_assert_eq!(cut.metered, whole.metered);
                prop_assert_eq!(cut.contents, whole.contents);
                prop_assert_eq!(cut.errors > 0, whole.errors > 0);
                prop_assert_eq!(cut.terminals > 0, whole.terminals > 0);
            }
        }
    }

    #[test]
    fn d01_the_meter_agrees_with_the_plain_way(seed in any::<u64>()) {
        let mut draw = Draw::new(seed);
        let stream = random_chat(&mut draw);
        let stream = disguised(&stream, &mut draw);
        let plain = reference::chat(stream.as_bytes());
        let outcome = run(chat(true), draw.cut(stream.as_bytes()));
        let metered = &outcome.metered;
        prop_assert_eq!(metered.content_bytes, plain.content_bytes, "{}", stream);
        prop_assert_eq!(metered.complete, plain.complete);
        prop_assert_eq!(metered.stream_error.is_some(), plain.failed);
        let raw = metered.raw_usage.as_deref().map(|raw| serde_json::from_str::<serde_json::Value>(raw).unwrap());
        prop_assert_eq!(raw, plain.usage);
        let seen: Vec<_> = reference::events(&outcome.forwarded)
            .into_iter()
            .map(|event| serde_json::from_str(&event).unwrap_or(serde_json::Value::String(event)))
            .collect();
        prop_assert_eq!(seen, reference::hidden(stream.as_bytes()));
    }

    #[test]
    fn d01_documents_are_metered_the_same_however_cut(seed in any::<u64>()) {
        let mut draw = Draw::new(seed);
        let mut body = draw.body(0);
        if draw.chance(70) {
            let end = body.rfind('}').unwrap();
            let comma = if body[..end].trim_end().ends_with('{') { "" } else { "," };
            body.insert_str(end, &format!("{comma} \"usage\" : {USAGE} , \"model\":\"m-1\""));
        }
        for (dialect, operation) in [(Dialect::OpenAi, Operation::Chat), (Dialect::OpenAi, Operation::Image), (Dialect::Gemini, Operation::Generate)] {
            let body = if dialect == Dialect::Gemini { format!("[{body},\n{body}]") } else { body.clone() };
            let meter = || Meter::new(dialect, operation, Shape::Json, false);
            let whole = run(meter(), [body.as_str()]);
            let cut = run(meter(), draw.cut(body.as_bytes()));
            prop_assert_eq!(&cut.metered, &whole.metered, "{}", body);
            prop_assert_eq!(&cut, &whole);
            prop_assert_eq!(cut.forwarded, body.as_bytes());
            prop_assert!(cut.metered.complete && !cut.metered.malformed, "{}", body);
            prop_assert_eq!(cut.metered.usage.is_some() || dialect == Dialect::Gemini || operation == Operation::Image, body.contains("\"usage\" :") || dialect == Dialect::Gemini || operation == Operation::Image);
        }
    }

    #[test]
    fn any_bytes_at_all_are_forwarded(bytes in proptest::collection::vec(any::<u8>(), 0..3000), seed in any::<u64>()) {
        let mut draw = Draw::new(seed);
        for shape in [Shape::Sse, Shape::Json, Shape::Opaque] {
            for (dialect, operation, _) in streams() {
                let outcome = run(Meter::new(dialect, operation, shape, false), draw.cut(&bytes));
                prop_assert_eq!(&outcome.forwarded, &bytes);
            }
        }
    }
}
