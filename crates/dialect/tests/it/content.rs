//! The first content of an answer: until then a failure can be hidden, from then on it cannot.

use bytes::Bytes;
use keyward_dialect::tee::{MAX_ERROR, Meter, Shape};
use keyward_domain::dialect::{Dialect, Operation};
use proptest::prelude::*;

use crate::draw::Draw;

/// What an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    /// Says nothing of the answer.
    Lifecycle,
    Content,
    Error,
    End,
}
use Is::{Content, End, Error, Lifecycle};

/// A stream as it was recorded, event by event.
struct Recorded {
    dialect: Dialect,
    operation: Operation,
    events: Vec<(Is, String)>,
}

/// What a meter has said so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Said {
    content: bool,
    error: bool,
    terminal: bool,
    failure: Option<String>,
}

fn feed(meter: &mut Meter, said: &mut Said, piece: &[u8]) {
    let fed = meter.feed(Bytes::copy_from_slice(piece));
    assert!(!(fed.content && said.content), "only once");
    said.content |= fed.content;
    said.error |= fed.error;
    said.terminal |= fed.terminal;
    said.failure = meter.failure().map(str::to_owned);
}

fn chat(delta: &str, finish: &str) -> String {
    format!(
        "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{{\"index\":0,\
         \"delta\":{delta},\"logprobs\":null,\"finish_reason\":{finish}}}],\"usage\":null,\"obfuscation\":\"x9\"}}\n\n"
    )
}

fn named(data: &str) -> String {
    let tree: serde_json::Value = serde_json::from_str(data).unwrap();
    format!("event: {}\ndata: {data}\n\n", tree["type"].as_str().unwrap())
}

fn unnamed(data: &str) -> String {
    format!("data: {data}\n\n")
}

fn recorded() -> Vec<Recorded> {
    let role = || (Lifecycle, chat(r#"{"role":"assistant","content":"","refusal":null}"#, "null"));
    let done = || (End, "data: [DONE]\n\n".to_owned());
    let openai = |operation, events| Recorded { dialect: Dialect::OpenAi, operation, events };
    let mut all = vec![
        openai(
            Operation::Chat,
            vec![
                (Lifecycle, ": OPENROUTER PROCESSING\n\n".to_owned()),
                role(),
                (Lifecycle, chat(r#"{"content":""}"#, "null")),
                (Content, chat(r#"{"content":"Hi"}"#, "null")),
                (Content, chat(r#"{"content":" there"}"#, "null")),
                (Lifecycle, chat("{}", "\"stop\"")),
                (Lifecycle, unnamed(r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#)),
                done(),
            ],
        ),
        openai(
            Operation::Completion,
            vec![
                (Lifecycle, unnamed(r#"{"choices":[{"text":"","index":0,"finish_reason":null}]}"#)),
                (Content, unnamed(r#"{"choices":[{"text":"Hi","index":0,"finish_reason":null}]}"#)),
                done(),
            ],
        ),
    ];
    for delta in [
        r#"{"refusal":"No."}"#,
        r#"{"reasoning_content":"Hm","content":null}"#,
        r#"{"reasoning":"Hm","content":""}"#,
        r#"{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":""}}]}"#,
        r#"{"tool_calls":[{"index":0,"id":"call_1","type":"custom","custom":{"name":"f","input":""}}]}"#,
        r#"{"function_call":{"name":"f","arguments":""}}"#,
        r#"{"audio":{"data":"AAAA"}}"#,
        r#"{"images":[{"type":"image_url","image_url":{"url":"data:"}}]}"#,
    ] {
        let audio = chat(r#"{"audio":{"id":"audio_1","transcript":""}}"#, "null");
        all.push(openai(Operation::Chat, vec![role(), (Lifecycle, audio), (Content, chat(delta, "null")), done()]));
    }
    all.extend(responses_streams());
    all.extend(messages_streams());
    all.extend(gemini_streams());
    all
}

fn responses_streams() -> Vec<Recorded> {
    let with = |middle: Vec<(Is, &str)>| {
        let mut events = vec![
            (
                Lifecycle,
                named(
                    r#"{"type":"response.created","sequence_number":0,"response":{"id":"resp_1","status":"in_progress","error":null,"output":[ ],"usage":null}}"#,
                ),
            ),
            (
                Lifecycle,
                named(r#"{"type":"response.queued","sequence_number":1,"response":{"id":"resp_1","output":[]}}"#),
            ),
            (
                Lifecycle,
                named(r#"{"type":"response.in_progress","sequence_number":1,"response":{"id":"resp_1","output":[]}}"#),
            ),
        ];
        events.extend(middle.into_iter().map(|(is, data)| (is, named(data))));
        events.push((End, named(r#"{"type":"response.completed","sequence_number":9,"response":{"id":"resp_1","error":null,"output":[{"type":"message"}],"usage":{"input_tokens":1,"output_tokens":2}}}"#)));
        Recorded { dialect: Dialect::OpenAi, operation: Operation::Responses, events }
    };
    let message = (
        Lifecycle,
        r#"{"type":"response.output_item.added","item":{"id":"msg_1","type":"message","status":"in_progress","content":[],"role":"assistant"}}"#,
    );
    let reasoning = (
        Lifecycle,
        r#"{"type":"response.output_item.added","item":{"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"gAAA="}}"#,
    );
    let part = (
        Lifecycle,
        r#"{"type":"response.content_part.added","part":{"type":"output_text","annotations":[],"logprobs":[],"text":""}}"#,
    );
    vec![
        with(vec![
            message,
            part,
            (Lifecycle, r#"{"type":"response.output_text.delta","delta":"","logprobs":[]}"#),
            (Content, r#"{"type":"response.output_text.delta","delta":"Hi","logprobs":[]}"#),
            (Content, r#"{"type":"response.output_text.done","text":"Hi"}"#),
        ]),
        with(vec![
            reasoning,
            (Lifecycle, r#"{"type":"response.reasoning_summary_part.added","part":{"type":"summary_text","text":""}}"#),
            (Content, r#"{"type":"response.reasoning_summary_text.delta","delta":"Hm"}"#),
        ]),
        with(vec![
            reasoning,
            (
                Content,
                r#"{"type":"response.output_item.done","item":{"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"gAAA="}}"#,
            ),
        ]),
        with(vec![(
            Content,
            r#"{"type":"response.output_item.added","item":{"id":"fc_1","type":"function_call","name":"f","arguments":""}}"#,
        )]),
        with(vec![(
            Content,
            r#"{"type":"response.output_item.added","item":{"id":"ig_1","type":"image_generation_call"}}"#,
        )]),
        with(vec![(Content, r#"{"type":"response.image_generation_call.partial_image","partial_image_b64":"AA"}"#)]),
        with(vec![(Content, r#"{"type":"response.refusal.delta","delta":"No."}"#)]),
        with(vec![(Content, r#"{"type":"response.audio.delta","delta":"AAAA"}"#)]),
        with(vec![message, part, (Content, r#"{"type":"response.output_text.done","text":"Hi"}"#)]),
        with(vec![(Content, r#"{"type":"response.content_part.added","part":{"type":"output_text","text":"Hi"}}"#)]),
    ]
}

fn messages_streams() -> Vec<Recorded> {
    let with = |middle: Vec<(Is, &str)>| {
        let mut events = vec![
            (
                Lifecycle,
                named(
                    r#"{"type":"message_start","message":{"id":"msg_1","content":[],"stop_reason":null,"usage":{"input_tokens":4,"output_tokens":1}}}"#,
                ),
            ),
            (Lifecycle, named(r#"{"type":"ping"}"#)),
        ];
        events.extend(middle.into_iter().map(|(is, data)| (is, named(data))));
        events.push((Lifecycle, named(r#"{"type":"content_block_stop","index":0}"#)));
        events.push((
            Lifecycle,
            named(r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":4}}"#),
        ));
        events.push((End, named(r#"{"type":"message_stop"}"#)));
        Recorded { dialect: Dialect::Anthropic, operation: Operation::Messages, events }
    };
    let text = (Lifecycle, r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#);
    let thinking = (
        Lifecycle,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
    );
    vec![
        with(vec![
            text,
            (Lifecycle, r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":""}}"#),
            (Content, r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#),
        ]),
        with(vec![
            thinking,
            (
                Lifecycle,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":""}}"#,
            ),
            (Content, r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm"}}"#),
        ]),
        with(vec![
            thinking,
            (
                Content,
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EqQB"}}"#,
            ),
        ]),
        with(vec![(
            Content,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"toolu_1","name":"f","input":{}}}"#,
        )]),
        with(vec![(
            Content,
            r#"{"type":"content_block_start","index":0,"content_block":{"type":"redacted_thinking","data":"x"}}"#,
        )]),
    ]
}

fn gemini_streams() -> Vec<Recorded> {
    let event = |part: &str, more: &str| {
        unnamed(&format!(
            "{{\"candidates\":[{{\"content\":{{\"parts\":[{part}],\"role\":\"model\"}}{more},\"index\":0}}],\
             \"usageMetadata\":{{\"promptTokenCount\":9,\"totalTokenCount\":9}},\"modelVersion\":\"g\"}}"
        ))
    };
    let parts = [
        "{\"text\":\"Hi\"}",
        "{\"text\":\"Hm\",\"thought\":true}",
        "{\"functionCall\":{\"name\":\"f\",\"args\":{}}}",
        "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"AA\"}}",
    ];
    let with = |part: &&str| {
        let events = vec![
            (Lifecycle, unnamed(r#"{"usageMetadata":{"promptTokenCount":9},"modelVersion":"g"}"#)),
            (Lifecycle, event("{\"text\":\"\"}", "")),
            (Content, event(part, "")),
            (Lifecycle, event("{\"text\":\"\",\"thoughtSignature\":\"b64\"}", ",\"finishReason\":\"STOP\"")),
        ];
        Recorded { dialect: Dialect::Gemini, operation: Operation::Generate, events }
    };
    parts.iter().map(with).collect()
}

/// What each dialect puts into a stream when it fails, and the error that is to be judged.
fn failures(dialect: Dialect, operation: Operation) -> Vec<(String, String)> {
    let same = |data: &str, event: fn(&str) -> String| (event(data), data.to_owned());
    match (dialect, operation) {
        (Dialect::OpenAi, Operation::Responses) => vec![
            same(
                r#"{"type":"error","sequence_number":3,"error":{"type":"service_unavailable_error","code":"server_is_overloaded","message":"m"}}"#,
                named,
            ),
            same(
                r#"{"type":"error","code":"rate_limit_exceeded","message":"m","param":null,"sequence_number":3}"#,
                named,
            ),
            (
                named(
                    r#"{"type":"response.failed","response":{"id":"resp_1","status":"failed","error":{"code":"server_error","message":"m"},"output":[]}}"#,
                ),
                r#"{"error":{"code":"server_error","message":"m"}}"#.to_owned(),
            ),
        ],
        (Dialect::OpenAi, _) => vec![
            same(r#"{"error":{"message":"m","type":"server_error","param":null,"code":null}}"#, unnamed),
            ("event: error\ndata: {\"message\":\"m\"}\n\n".to_owned(), "{\"message\":\"m\"}".to_owned()),
        ],
        (Dialect::Anthropic, _) => {
            vec![same(
                r#"{"type":"error","error":{"type":"overloaded_error","message":"m"},"request_id":"req_1"}"#,
                named,
            )]
        }
        (Dialect::Gemini, _) => vec![
            same(r#"{"error":{"code":503,"message":"m","status":"UNAVAILABLE"}}"#, unnamed),
            ("{\n\"error\": {\"code\": 503}\n}\n\n".to_owned(), "{\n\"error\": {\"code\": 503}\n}".to_owned()),
        ],
    }
}

/// Every stream, whole and broken off by every failure behind each of its events; with the error to be judged.
fn all_streams() -> Vec<(Recorded, Option<String>)> {
    let mut all = Vec::new();
    for recorded in recorded() {
        let Recorded { dialect, operation, .. } = recorded;
        for (failure, judged) in failures(dialect, operation) {
            for length in 0..recorded.events.len() {
                let mut events = recorded.events.get(..length).unwrap().to_vec();
                if events.iter().any(|(is, _)| *is == End) {
                    continue;
                }
                events.push((Error, failure.clone()));
                all.push((Recorded { dialect, operation, events }, Some(judged.clone())));
            }
        }
        all.push((recorded, None));
    }
    all
}

/// What has to be known once so many bytes have come. `early` is how much sooner an event is over than its last byte.
fn expected(events: &[(Is, String)], judged: Option<&str>, cut: usize, early: usize) -> Said {
    let mut said = Said::default();
    let mut end = 0;
    for (is, event) in events {
        end += event.len();
        if cut + early < end {
            break;
        }
        // What was never said before its end is said by it.
        said.content |= *is == Content || (*is == End && event.contains("\"output\":[{"));
        said.error |= *is == Error;
        said.terminal |= matches!(is, Error | End);
        if *is == Error {
            said.failure = judged.map(str::to_owned);
        }
    }
    said
}

#[test]
fn k09_content_errors_and_ends_are_known_at_their_byte() {
    for (recorded, judged) in all_streams() {
        for (line_end, early) in [("\n", 0), ("\r\n", 1), ("\r", 0)] {
            let events: Vec<_> =
                recorded.events.iter().map(|(is, event)| (*is, event.replace('\n', line_end))).collect();
            let stream: String = events.iter().map(|(_, event)| event.as_str()).collect();
            let mut meter = Meter::new(recorded.dialect, recorded.operation, Shape::Sse, false);
            let mut bytewise = Said::default();
            for cut in 1..=stream.len() {
                let (before, _) = stream.as_bytes().split_at(cut);
                feed(&mut meter, &mut bytewise, &before[cut - 1..]);
                let expected = expected(&events, judged.as_deref(), cut, early);
                assert_eq!(bytewise, expected, "byte by byte, {cut} bytes of {stream}");
                // In one piece: every cut near an event's end, some elsewhere.
                if cut % 7 == 0 || bytewise != Said::default() && before.ends_with(b"\n") {
                    let mut whole = Said::default();
                    let mut meter = Meter::new(recorded.dialect, recorded.operation, Shape::Sse, false);
                    feed(&mut meter, &mut whole, before);
                    assert_eq!(whole, expected, "at once, {cut} bytes of {stream}");
                }
            }
        }
    }
}

/// A document, with the first bytes behind which it is content, and the error that it is.
type Document = (Dialect, Operation, &'static str, Option<&'static str>, Option<&'static str>);

const DOCUMENTS: &[Document] = &[
    (
        Dialect::OpenAi,
        Operation::Chat,
        r#"{"id":"x","error":null,"choices":[{"message":{"content":"Hi"}}]}"#,
        Some(r#"{"id":"x","error":null,"choices":[{"#),
        None,
    ),
    (
        Dialect::OpenAi,
        Operation::Chat,
        r#"{"error":{"message":"m","code":"c"}}"#,
        None,
        Some(r#"{"error":{"message":"m","code":"c"}}"#),
    ),
    (
        Dialect::OpenAi,
        Operation::Chat,
        r#"{"choices":[ ],"error":{"message":"m"},"id":"x"}"#,
        None,
        Some(r#"{"error":{"message":"m"}}"#),
    ),
    (
        Dialect::OpenAi,
        Operation::Responses,
        r#"{"id":"r","billing":{"payer":"developer"},"error":null,"output":[ {"type":"message"}]}"#,
        Some(r#"{"id":"r","billing":{"payer":"developer"},"error":null,"output":[ {"#),
        None,
    ),
    (
        Dialect::OpenAi,
        Operation::Responses,
        r#"{"id":"r","status":"failed","error":{"code":"server_error"},"output":[]}"#,
        None,
        Some(r#"{"error":{"code":"server_error"}}"#),
    ),
    (
        Dialect::OpenAi,
        Operation::Embed,
        r#"{"object":"list","data":[{"embedding":[0.1]}]}"#,
        Some(r#"{"object":"list","data":[{"#),
        None,
    ),
    (Dialect::OpenAi, Operation::Transcribe, r#"{"text":"","x":1}"#, Some(r#"{"text":"","x":1}"#), None),
    (Dialect::OpenAi, Operation::Transcribe, r#"{"text":"Hi"}"#, Some(r#"{"text":"H"#), None),
    (
        Dialect::OpenAi,
        Operation::Moderate,
        r#"{"id":"m","results":[{"flagged":false}]}"#,
        Some(r#"{"id":"m","results":[{"#),
        None,
    ),
    (
        Dialect::Anthropic,
        Operation::Messages,
        r#"{"type":"message","content":[{"type":"text","text":"Hi"}]}"#,
        Some(r#"{"type":"message","content":[{"#),
        None,
    ),
    (
        Dialect::Anthropic,
        Operation::Messages,
        r#"{"type":"error","error":{"type":"overloaded_error"}}"#,
        None,
        Some(r#"{"error":{"type":"overloaded_error"}}"#),
    ),
    (Dialect::Anthropic, Operation::CountTokens, r#"{"input_tokens":7}"#, Some(r#"{"input_tokens":7}"#), None),
    (Dialect::Gemini, Operation::Generate, r#"{"candidates":[{"content":{}}]}"#, Some(r#"{"candidates":[{"#), None),
    (Dialect::Gemini, Operation::Generate, r#"[{"error":{"code":503}}]"#, None, Some(r#"{"error":{"code":503}}"#)),
];

#[test]
fn k09_documents_that_are_errors_are_never_content() {
    for (dialect, operation, document, content, error) in DOCUMENTS {
        let mut meter = Meter::new(*dialect, *operation, Shape::Json, false);
        let mut bytewise = Said::default();
        for cut in 1..=document.len() {
            let before = &document.as_bytes()[..cut];
            feed(&mut meter, &mut bytewise, &before[cut - 1..]);
            let is_whole = cut == document.len();
            let said = Said {
                content: content.is_some_and(|content| cut >= content.len()),
                error: is_whole && error.is_some(),
                terminal: is_whole,
                failure: error.filter(|_| is_whole).map(str::to_owned),
            };
            assert_eq!(bytewise, said, "byte by byte, {cut} bytes of {document}");
            let mut whole = Said::default();
            feed(&mut Meter::new(*dialect, *operation, Shape::Json, false), &mut whole, before);
            assert_eq!(whole, said, "at once, {cut} bytes of {document}");
        }
    }
}

#[test]
fn k09_what_follows_an_error_is_no_content() {
    for recorded in recorded() {
        let (dialect, operation) = (recorded.dialect, recorded.operation);
        let rest: String = recorded.events.iter().map(|(_, event)| event.as_str()).collect();
        for (failure, judged) in failures(dialect, operation) {
            for size in [1, 100, usize::MAX] {
                let (mut meter, mut said) = (Meter::new(dialect, operation, Shape::Sse, false), Said::default());
                for piece in (failure.clone() + &rest).as_bytes().chunks(size) {
                    feed(&mut meter, &mut said, piece);
                }
                assert_eq!(
                    (said.content, said.error, said.failure.as_deref()),
                    (false, true, Some(&*judged)),
                    "{rest}"
                );
            }
        }
    }
}

#[test]
fn k09_an_error_is_kept_up_to_a_limit() {
    let long = format!("{{\"error\":{{\"message\":\"{}\"}}}}", "x".repeat(2 * MAX_ERROR));
    for (shape, answer) in [(Shape::Sse, unnamed(&long)), (Shape::Json, long.clone())] {
        let mut said = Said::default();
        feed(&mut Meter::new(Dialect::OpenAi, Operation::Chat, shape, false), &mut said, answer.as_bytes());
        assert!(said.error && !said.content);
        assert_eq!(said.failure.as_deref(), long.get(..MAX_ERROR));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn k09_what_is_known_does_not_depend_on_how_an_answer_is_cut(seed in any::<u64>()) {
        let mut draw = Draw::new(seed);
        for (recorded, judged) in all_streams() {
            if !draw.chance(20) {
                continue;
            }
            let stream: String = recorded.events.iter().map(|(_, event)| event.as_str()).collect();
            for hold in [false, true] {
                let hide = draw.chance(50);
                let mut meter = Meter::new(recorded.dialect, recorded.operation, Shape::Sse, hide);
                if hold {
                    meter = meter.whole_events();
                }
                let (mut said, mut came) = (Said::default(), 0);
                for piece in draw.cut(stream.as_bytes()) {
                    feed(&mut meter, &mut said, &piece);
                    came += piece.len();
                    prop_assert_eq!(&said, &expected(&recorded.events, judged.as_deref(), came, 0), "{} bytes of {}", came, stream);
                }
            }
        }
    }
}
