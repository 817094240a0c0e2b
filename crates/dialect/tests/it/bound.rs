//! What belongs to one account: what requests refer to, and what answers say was made.

use bytes::Bytes;
use keyward_dialect::bound::{Bound, Kind, MAX_BOUND, Reference};
use keyward_dialect::digest::digest;
use keyward_dialect::lens::{FULL_SCAN_LIMIT, look, look_whole};
use keyward_dialect::tee::{Meter, Metered, Shape};
use keyward_domain::dialect::{Dialect, Operation};
use proptest::prelude::*;

use crate::draw::Draw;

/// What a request refers to, however long it is and wherever the long part stands.
fn referred(dialect: Dialect, operation: Operation, body: &str) -> Bound {
    let small = look(dialect, operation, body.as_bytes()).unwrap().bound;
    let long = "He said: \\\"file_id\\\": {\\\"x\\\": 1}\\n".repeat(FULL_SCAN_LIMIT / 16);
    let inner = body.strip_prefix('{').unwrap().strip_suffix('}').unwrap();
    for large in [
        format!("{{\"x\":\"{long}\",{inner}}}"),
        format!("{{{inner},\"x\":\"{long}\"}}"),
        format!("{{{inner},\"x\":\"{long}\",\"y\":[{{\"model\":\"{long}\"}}]}}"),
        body.replacen("\"text\":\"", &format!("\"text\":\"{long}"), 1),
        body.replacen("\"text\":\"", &format!("\"text\":\"{}", &long[..1300]), 1) + &" ".repeat(FULL_SCAN_LIMIT),
    ] {
        assert_eq!(look(dialect, operation, large.as_bytes()).unwrap().bound, small, "{body}");
        assert_eq!(look_whole(dialect, operation, large.as_bytes()).unwrap().bound, small, "{body}");
    }
    small
}

fn of(kind: Kind, id: &str) -> Reference {
    Reference { kind, id: digest(id.as_bytes()) }
}

#[test]
fn k07_a_request_names_what_only_one_account_has() {
    use Kind::{CachedContent, Container, Conversation, Encrypted, File, Item, Prompt, Response, VectorStore};
    let (responses, chat) = ((Dialect::OpenAi, Operation::Responses), (Dialect::OpenAi, Operation::Chat));
    let (messages, gemini) = ((Dialect::Anthropic, Operation::Messages), (Dialect::Gemini, Operation::Generate));
    for ((dialect, operation), body, expected) in [
        (responses, r#"{"input":"hi","previous_response_id":"resp_1"}"#, vec![of(Response, "resp_1")]),
        (responses, r#"{"previous_response_id":"resp\u005f1"}"#, vec![of(Response, "resp_1")]),
        (responses, r#"{"input":"hi","conversation":"conv_1"}"#, vec![of(Conversation, "conv_1")]),
        (responses, r#"{"prompt":{"id":"pmpt_1","version":"2"},"input":"hi"}"#, vec![of(Prompt, "pmpt_1")]),
        (responses, r#"{"conversation":{"id":"conv_1"},"input":"hi"}"#, vec![of(Conversation, "conv_1")]),
        (
            responses,
            r#"{"input":[{"type":"item_reference","id":"msg_1"},{"id":"fc_1"}]}"#,
            vec![of(Item, "msg_1"), of(Item, "fc_1")],
        ),
        (
            responses,
            r#"{"input":[{"role":"user","content":[{"type":"input_text","text":"hi"}]},{"type":"reasoning","summary":[],"encrypted_content":"gAAA=","id":"rs_1"},{"type":"message","id":"msg_1","role":"assistant","content":[]}]}"#,
            vec![of(Item, "rs_1")],
        ),
        (responses, r#"{"input":[{"type":"reasoning","summary":[],"id":"rs_1"}]}"#, vec![of(Item, "rs_1")]),
        (responses, r#"{"input":[{"type":"reasoning","encrypted_content":"gAA\/A="}]}"#, vec![of(Encrypted, "gAA/A=")]),
        (
            responses,
            r#"{"input":[{"type":"reasoning","id":"","encrypted_content":"gAAA="},{"type":"compaction","encrypted_content":"gBBB="}]}"#,
            vec![of(Encrypted, "gAAA="), of(Encrypted, "gBBB=")],
        ),
        (
            responses,
            r#"{"input":[{"role":"user","content":[{"type":"input_file","file_id":"file-1"},{"type":"input_image","file_id":"file-2","text":"x"}]},{"type":"function_call_output","call_id":"c","output":[{"type":"input_file","file_id":"file-3"}]},{"type":"computer_call_output","output":{"file_id":"file-1"}}]}"#,
            vec![of(File, "file-1"), of(File, "file-2"), of(File, "file-3")],
        ),
        (
            responses,
            r#"{"tools":[{"type":"file_search","vector_store_ids":["vs_1","vs_2"]},{"type":"code_interpreter","container":"cntr_1"},{"type":"function","name":"f","parameters":{"properties":{"file_id":"file-9","container":"x"}}}],"input":[{"role":"user","content":"x"}]}"#,
            vec![of(VectorStore, "vs_1"), of(VectorStore, "vs_2"), of(Container, "cntr_1")],
        ),
        (
            responses,
            r#"{"tools":[{"type":"code_interpreter","container":{"type":"auto","file_ids":["file-1"]}}],"input":"x"}"#,
            vec![of(File, "file-1")],
        ),
        (
            responses,
            r#"{"input":[{"type":"code_interpreter_call","id":"ci_1","container_id":"cntr_1","code":"x"}]}"#,
            vec![of(Container, "cntr_1")],
        ),
        (
            chat,
            r#"{"messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"file-1"}},{"type":"text","text":"x"}]}]}"#,
            vec![of(File, "file-1")],
        ),
        (
            messages,
            r#"{"messages":[{"role":"user","content":[{"type":"document","source":{"type":"file","file_id":"file_1"}},{"type":"container_upload","file_id":"file_2"},{"type":"text","text":"x"}]}],"container":"container_1"}"#,
            vec![of(Container, "container_1"), of(File, "file_1"), of(File, "file_2")],
        ),
        (
            messages,
            r#"{"messages":[],"container":{"id":"container_1","skills":[{"type":"custom"}]}}"#,
            vec![of(Container, "container_1")],
        ),
        (
            gemini,
            r#"{"contents":[{"parts":[{"fileData":{"mimeType":"m","fileUri":"https://generativelanguage.googleapis.com/v1beta/files/a"}},{"file_data":{"file_uri":"files/b"}},{"text":"x"}]}],"cachedContent":"cachedContents/c"}"#,
            vec![
                of(CachedContent, "cachedContents/c"),
                of(File, "https://generativelanguage.googleapis.com/v1beta/files/a"),
                of(File, "files/b"),
            ],
        ),
        (
            gemini,
            r#"{"contents":[{"parts":[{"text":"x"}]}],"tools":[{"fileSearch":{"fileSearchStoreNames":["fileSearchStores/a"]}}]}"#,
            vec![of(VectorStore, "fileSearchStores/a")],
        ),
        (gemini, r#"{"contents":{"parts":{"file_data":{"file_uri":"files/b"}}}}"#, vec![of(File, "files/b")]),
        (
            (Dialect::OpenAi, Operation::CountTokens),
            r#"{"input":"hi","previous_response_id":"resp_1"}"#,
            vec![of(Response, "resp_1")],
        ),
        (
            (Dialect::Anthropic, Operation::CountTokens),
            r#"{"messages":[{"content":[{"source":{"file_id":"file_1"}}]}]}"#,
            vec![of(File, "file_1")],
        ),
    ] {
        let bound = referred(dialect, operation, body);
        assert_eq!((bound.references(), bound.overflowed()), (&*expected, false), "{body}");
    }
}

#[test]
fn kinds_have_words_of_their_own() {
    for kind in Kind::ALL {
        assert_eq!(Kind::parse(kind.as_str()), Some(kind));
    }
    assert_eq!(Kind::parse("batch"), None);
}

#[test]
fn k07_what_only_looks_like_a_reference_is_none() {
    for (dialect, operation, body) in [
        (
            Dialect::OpenAi,
            Operation::Responses,
            r#"{"input":[{"role":"user","content":"\"file_id\":\"file-1\"","text":"x"}],"previous_response_id":null,"conversation":null}"#,
        ),
        (
            Dialect::OpenAi,
            Operation::Responses,
            r#"{"input":[{"type":"message","id":"msg_1","role":"assistant","content":[{"type":"output_text","text":"x","annotations":[{"type":"file_citation","file_id":"file-1"}]}]}]}"#,
        ),
        (
            Dialect::OpenAi,
            Operation::Responses,
            r#"{"input":"x","metadata":{"file_id":"file-1","id":"rs_1"},"previous_response_id":""}"#,
        ),
        (
            Dialect::OpenAi,
            Operation::Responses,
            r#"{"input":[{"type":"reasoning","summary":[]}],"text":{"format":{"schema":{"file_id":"x"}}}}"#,
        ),
        (
            Dialect::OpenAi,
            Operation::Chat,
            r#"{"messages":[{"role":"user","content":"x","id":"msg_1","file_id":7}],"tools":[{"file_id":"file-1"}],"previous_response_id":"resp_1"}"#,
        ),
        (
            Dialect::Anthropic,
            Operation::Messages,
            r#"{"messages":[{"role":"assistant","content":[{"type":"tool_use","name":"f","input":{"file_id":"mine","source":{"file_id":"mine"}}},{"type":"thinking","thinking":"t","signature":"EqQB"}]}],"container":null}"#,
        ),
        (
            Dialect::Gemini,
            Operation::Generate,
            r#"{"contents":[{"parts":[{"functionCall":{"name":"f","args":{"fileUri":"files/a"}}},{"functionResponse":{"response":{"file_uri":"files/a"}}},{"thoughtSignature":"b64"},{"fileData":{"fileUri":"https://www.youtube.com/watch?v=x"}},{"fileData":{"fileUri":"gs://bucket/x"}}]}]}"#,
        ),
        (Dialect::OpenAi, Operation::Embed, r#"{"input":[{"file_id":"file-1"}],"previous_response_id":"resp_1"}"#),
    ] {
        let bound = referred(dialect, operation, body);
        assert!(bound.is_empty(), "{body}: {bound:?}");
    }
}

#[test]
fn k07_more_references_than_are_kept_are_said_so() {
    let items = |count: usize| {
        let items: Vec<_> = (0..count).map(|n| format!("{{\"type\":\"reasoning\",\"id\":\"rs_{n}\"}}")).collect();
        format!("{{\"previous_response_id\":\"resp_1\",\"input\":[{}]}}", items.join(","))
    };
    let bound = referred(Dialect::OpenAi, Operation::Responses, &items(MAX_BOUND - 1));
    assert_eq!((bound.references().len(), bound.overflowed()), (MAX_BOUND, false));
    let bound = referred(Dialect::OpenAi, Operation::Responses, &items(1000));
    assert_eq!((bound.references().len(), bound.overflowed()), (MAX_BOUND, true));
    assert_eq!(bound.references().first(), Some(&of(Kind::Response, "resp_1")), "it is not pushed out");
    assert_eq!(bound.references().last(), Some(&of(Kind::Item, "rs_999")), "the newest tell the most");

    let files: Vec<_> = (0..1000).map(|n| format!("{{\"file\":{{\"file_id\":\"file-{n}\"}}}}")).collect();
    let body = format!("{{\"messages\":[{{\"content\":[{}]}}]}}", files.join(","));
    let bound = referred(Dialect::OpenAi, Operation::Chat, &body);
    assert_eq!((bound.references().len(), bound.overflowed()), (MAX_BOUND, true));
    let same = body.replace("file-", "file-1\",\"x\":\"");
    let bound = referred(Dialect::OpenAi, Operation::Chat, &same);
    assert_eq!((bound.references().len(), bound.overflowed()), (1, false), "each once");
}

fn metered(dialect: Dialect, operation: Operation, shape: Shape, pieces: Vec<Vec<u8>>) -> Metered {
    let mut meter = Meter::new(dialect, operation, shape, false);
    for piece in pieces {
        meter.feed(Bytes::from(piece));
    }
    meter.end();
    meter.metered()
}

fn event(data: &str) -> String {
    format!("data: {data}\n\n")
}

/// Answers that made something, with what they made.
fn answers() -> Vec<(Dialect, Operation, Shape, String, Vec<Reference>)> {
    use Kind::{Container, Conversation, Encrypted, File, Item, Response};
    let stream = [
        event(r#"{"type":"response.created","response":{"id":"resp_1","conversation":{"id":"conv_1"},"output":[]}}"#),
        event(r#"{"type":"response.output_item.added","output_index":0,"item":{"id":"rs_1","type":"reasoning","summary":[]}}"#),
        event(r#"{"type":"response.output_item.done","item":{"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"gAAA="}}"#),
        event(r#"{"type":"response.output_item.added","item":{"id":"msg_1","type":"message","content":[]}}"#),
        event(r#"{"type":"response.output_text.delta","item_id":"msg_1","delta":"Hi"}"#),
        event(r#"{"type":"response.completed","response":{"id":"resp_1","output":[{"id":"rs_1","type":"reasoning","encrypted_content":"gAAA="},{"id":"msg_1","type":"message"},{"id":"ci_1","type":"code_interpreter_call","container_id":"cntr_1"}]}}"#),
    ]
    .concat();
    let document = r#"{"id":"resp_1","object":"response","status":"completed","error":null,"output":[{"id":"rs_1","type":"reasoning","encrypted_content":"gAAA="},{"id":"msg_1","type":"message","content":[{"type":"output_text","text":"Hi"}]}],"conversation":{"id":"conv_1"},"usage":null}"#;
    let messages = [
        event(r#"{"type":"message_start","message":{"id":"msg_1","content":[],"container":null}}"#),
        event(r#"{"type":"content_block_start","index":0,"content_block":{"type":"bash_code_execution_tool_result","content":{"content":[{"type":"bash_code_execution_output","file_id":"file_1"}]}}}"#),
        event(r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","container":{"id":"container_1","expires_at":"x"}}}"#),
        event(r#"{"type":"message_stop"}"#),
    ]
    .concat();
    let message = r#"{"id":"msg_1","type":"message","content":[{"type":"tool_use","input":{"file_id":"mine"}},{"type":"code_execution_tool_result","content":[{"file_id":"file_1"}]}],"container":{"id":"container_1"}}"#;
    let responses = (Dialect::OpenAi, Operation::Responses);
    vec![
        (
            responses.0,
            responses.1,
            Shape::Sse,
            stream,
            vec![
                of(Response, "resp_1"),
                of(Conversation, "conv_1"),
                of(Item, "rs_1"),
                of(Encrypted, "gAAA="),
                of(Item, "msg_1"),
                of(Item, "ci_1"),
                of(Container, "cntr_1"),
            ],
        ),
        (
            responses.0,
            responses.1,
            Shape::Json,
            document.to_owned(),
            vec![
                of(Response, "resp_1"),
                of(Item, "rs_1"),
                of(Encrypted, "gAAA="),
                of(Item, "msg_1"),
                of(Conversation, "conv_1"),
            ],
        ),
        (
            Dialect::Anthropic,
            Operation::Messages,
            Shape::Sse,
            messages,
            vec![of(File, "file_1"), of(Container, "container_1")],
        ),
        (
            Dialect::Anthropic,
            Operation::Messages,
            Shape::Json,
            message.to_owned(),
            vec![of(File, "file_1"), of(Container, "container_1")],
        ),
    ]
}

#[test]
fn k07_what_an_answer_made_is_known_to_be_its_accounts() {
    for (dialect, operation, shape, answer, expected) in answers() {
        let bound = metered(dialect, operation, shape, vec![answer.clone().into_bytes()]).bound;
        assert_eq!((bound.references(), bound.overflowed()), (&*expected, false), "{answer}");
        let pieces = answer.as_bytes().chunks(5).map(<[u8]>::to_vec).collect();
        assert_eq!(metered(dialect, operation, shape, pieces).bound, bound, "{answer}");
    }
    // What later requests cannot refer to is not kept.
    let chat = r#"{"id":"chatcmpl-1","choices":[{"message":{"content":"Hi"}}]}"#;
    for (shape, answer) in [(Shape::Json, chat.to_owned()), (Shape::Sse, event(&chat.replace("message", "delta")))] {
        assert!(metered(Dialect::OpenAi, Operation::Chat, shape, vec![answer.into_bytes()]).bound.is_empty());
    }
    let gemini = r#"{"candidates":[],"responseId":"r"}"#;
    assert!(metered(Dialect::Gemini, Operation::Generate, Shape::Json, vec![gemini.into()]).bound.is_empty());
}

#[test]
fn k07_an_answer_too_long_to_be_looked_at_says_so() {
    let long = "x".repeat(1 << 20);
    let document = format!("{{\"id\":\"resp_1\",\"output\":[{{\"id\":\"msg_1\",\"text\":\"{long}\"}}]}}");
    let pieces = document.as_bytes().chunks(16_384).map(<[u8]>::to_vec).collect();
    assert!(metered(Dialect::OpenAi, Operation::Responses, Shape::Json, pieces).bound.overflowed());
    let stream = event(r#"{"type":"response.created","response":{"id":"resp_1"}}"#)
        + &event(&format!(
            "{{\"type\":\"response.output_item.done\",\"item\":{{\"id\":\"ig_1\",\"result\":\"{long}\"}}}}"
        ));
    let bound = metered(Dialect::OpenAi, Operation::Responses, Shape::Sse, vec![stream.into_bytes()]).bound;
    assert_eq!((bound.references(), bound.overflowed()), (&[of(Kind::Response, "resp_1")][..], true));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn k07_references_do_not_depend_on_white_space_or_on_what_stands_around_them(seed in any::<u64>()) {
        let mut draw = Draw::new(seed);
        let input = [
            r#"{"type":"reasoning","id":"rs_1","encrypted_content":"g=","summary":[]}"#,
            r#"{"role":"user","content":[{"type":"input_text","text":"\"id\":\"rs_9\""},{"type":"input_file","file_id":"file-1"}]}"#,
            r#"{"type":"function_call","id":"fc_1","call_id":"c","name":"f","arguments":"{\"file_id\":\"file-9\"}"}"#,
            r#"{"id":"msg_1","type":"item_reference"}"#,
        ];
        let members = [
            format!("\"input\":[{}]", input.join(",")),
            r#""tools":[{"type":"file_search","vector_store_ids":["vs_1"]}]"#.to_owned(),
            r#""previous_response_id":"resp_1""#.to_owned(),
            r#""model":"m""#.to_owned(),
        ];
        let mut body = Vec::new();
        for member in members {
            body.insert(draw.below(body.len() + 1), member);
        }
        for n in 0..draw.below(4) {
            let length = draw.below(40_000);
            let filler = format!("\"filler{n}\":[\"{}\",{{\"id\":\"rs_8\"}}]", "\\\"x".repeat(length / 3));
            body.insert(draw.below(body.len() + 1), filler);
        }
        // Blanks where JSON allows them, which is not in strings.
        let (mut text, mut in_string, mut escaped) = (String::new(), false, false);
        let spaced = draw.chance(50);
        for c in format!("{{{}}}", body.join(",")).chars() {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            in_string ^= ends;
            text.push(c);
            if spaced && !in_string && (ends || !c.is_ascii_alphanumeric()) && draw.chance(30) {
                text.push_str(draw.one(&[" ", "\n", "\t ", "\r\n"]));
            }
        }
        let facts = look(Dialect::OpenAi, Operation::Responses, text.as_bytes()).unwrap();
        let mut found = facts.bound.references().to_vec();
        found.sort_by_key(|reference| (reference.kind, reference.id));
        let mut expected = vec![
            of(Kind::Response, "resp_1"), of(Kind::VectorStore, "vs_1"), of(Kind::Item, "rs_1"), of(Kind::File, "file-1"),
            of(Kind::Item, "msg_1"),
        ];
        expected.sort_by_key(|reference| (reference.kind, reference.id));
        prop_assert_eq!(found, expected, "{}", text.get(..2000).unwrap_or(&text));
        prop_assert_eq!(facts, look_whole(Dialect::OpenAi, Operation::Responses, text.as_bytes()).unwrap());
    }

    #[test]
    fn k07_references_of_answers_do_not_depend_on_how_they_are_cut(seed in any::<u64>()) {
        let mut draw = Draw::new(seed);
        for (dialect, operation, shape, answer, expected) in answers() {
            let bound = metered(dialect, operation, shape, draw.cut(answer.as_bytes())).bound;
            prop_assert_eq!(bound.references(), &*expected);
        }
    }
}
