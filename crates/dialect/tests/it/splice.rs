//! Edits change only what they declare.

use bytes::Bytes;
use keyward_dialect::lens::{FULL_SCAN_LIMIT, look};
use keyward_dialect::splice::{CapName, Edits};
use keyward_domain::dialect::{Dialect, Operation};
use proptest::prelude::*;

use crate::draw::Draw;

fn edited(body: &str, name: &str) -> String {
    let facts = look(Dialect::OpenAi, Operation::Chat, body.as_bytes()).unwrap();
    let mut edits = Edits::none();
    edits.replace_model(&facts, name);
    edits.include_usage(&facts);
    String::from_utf8(edits.apply(Bytes::from(body.to_owned())).to_vec()).unwrap()
}

#[test]
fn no_edits_give_the_very_same_bytes() {
    let body = Bytes::from_static(b"{\"model\":\"a\"}");
    let same = Edits::none().apply(body.clone());
    assert_eq!(same.as_ptr(), body.as_ptr());
    let facts = look(Dialect::OpenAi, Operation::Chat, &body).unwrap();
    let mut edits = Edits::none();
    edits.replace_model(&facts, "a");
    assert!(!edits.include_usage(&facts));
    assert!(edits.is_empty());
}

#[test]
fn the_model_gets_its_name_and_nothing_else_changes() {
    assert_eq!(
        edited("{ \"x\":0.70, \"model\" : \"a\",\"y\":1e2 }", "b/c"),
        "{ \"x\":0.70, \"model\" : \"b/c\",\"y\":1e2 }"
    );
    assert_eq!(edited("{\"model\":\"a\"}", "q\"u\\o\nte\u{1}"), "{\"model\":\"q\\\"u\\\\o\\nte\\u0001\"}");
    assert_eq!(
        edited("{\"stream\":true,\"model\":\"a\"}", "bb"),
        "{\"stream\":true,\"stream_options\":{\"include_usage\":true},\"model\":\"bb\"}"
    );
}

#[test]
fn nested_models_are_all_renamed() {
    let body = "{\"requests\":[{\"model\":\"models/a\"},{\"model\":\"models/a\"}]}";
    let facts = look(Dialect::Gemini, Operation::Embed, body.as_bytes()).unwrap();
    let mut edits = Edits::none();
    edits.replace_nested_models(&facts, "models/bc");
    let body = edits.apply(Bytes::from(body));
    assert_eq!(&body[..], b"{\"requests\":[{\"model\":\"models/bc\"},{\"model\":\"models/bc\"}]}");
}

fn capped(dialect: Dialect, operation: Operation, legacy: bool, body: &str) -> String {
    let facts = look(dialect, operation, body.as_bytes()).unwrap();
    let mut edits = Edits::none();
    edits.cap_output(body.as_bytes(), &facts, &CapName { dialect, operation, legacy }, 77);
    let edited = String::from_utf8(edits.apply(Bytes::from(body.to_owned())).to_vec()).unwrap();
    let again = look(dialect, operation, edited.as_bytes()).unwrap();
    assert_eq!(
        (again.output_cap, again.model.map(|model| model.text)),
        (Some(77), facts.model.map(|model| model.text))
    );
    edited
}

#[test]
fn m02_a_cap_is_written_wherever_the_body_sets_one() {
    use Operation::{Chat, Completion, Generate, Messages, Responses};
    let openai = |operation, body| capped(Dialect::OpenAi, operation, false, body);
    assert_eq!(
        openai(Chat, "{\"max_tokens\":9000,\"x\":1,\"max_completion_tokens\": null }"),
        "{\"max_tokens\":77,\"x\":1,\"max_completion_tokens\": 77 }"
    );
    assert_eq!(openai(Responses, "{\"max_output_tokens\":1000}"), "{\"max_output_tokens\":77}");
    assert_eq!(
        capped(Dialect::Anthropic, Messages, false, "{\"model\":\"m\",\"max_tokens\":5}"),
        "{\"model\":\"m\",\"max_tokens\":77}"
    );
    assert_eq!(
        capped(Dialect::Gemini, Generate, false, "{\"generation_config\":{\"x\":[1],\"max_output_tokens\":5}}"),
        "{\"generation_config\":{\"x\":[1],\"max_output_tokens\":77}}"
    );
    assert_eq!(openai(Completion, "{\"max_tokens\":null}"), "{\"max_tokens\":77}");
}

#[test]
fn m02_a_cap_is_added_where_the_body_sets_none() {
    use Operation::{Chat, Completion, Generate, Messages, Responses};
    let openai = |operation, body| capped(Dialect::OpenAi, operation, false, body);
    assert_eq!(openai(Chat, " { \"model\":\"m\"}"), " {\"max_completion_tokens\":77, \"model\":\"m\"}");
    assert_eq!(capped(Dialect::OpenAi, Chat, true, "{\"model\":\"m\"}"), "{\"max_tokens\":77,\"model\":\"m\"}");
    assert_eq!(openai(Completion, "{\"model\":\"m\"}"), "{\"max_tokens\":77,\"model\":\"m\"}");
    assert_eq!(openai(Responses, "{\"model\":\"m\"}"), "{\"max_output_tokens\":77,\"model\":\"m\"}");
    assert_eq!(capped(Dialect::Anthropic, Messages, false, "{}"), "{\"max_tokens\":77}");
    let gemini = |body| capped(Dialect::Gemini, Generate, false, body);
    assert_eq!(gemini("{\"a\":1}"), "{\"generationConfig\":{\"maxOutputTokens\":77},\"a\":1}");
    assert_eq!(gemini("{\"generationConfig\":null}"), "{\"generationConfig\":{\"maxOutputTokens\":77}}");
    assert_eq!(gemini("{\"generationConfig\": { }}"), "{\"generationConfig\": {\"maxOutputTokens\":77 }}");
    assert_eq!(
        gemini("{\"generationConfig\":{\"topK\":1}}"),
        "{\"generationConfig\":{\"maxOutputTokens\":77,\"topK\":1}}"
    );
}

#[test]
fn what_has_no_length_gets_no_cap() {
    let body = "{\"model\":\"m\"}";
    let facts = look(Dialect::OpenAi, Operation::Embed, body.as_bytes()).unwrap();
    let mut edits = Edits::none();
    let name = CapName { dialect: Dialect::OpenAi, operation: Operation::Embed, legacy: false };
    edits.cap_output(body.as_bytes(), &facts, &name, 77);
    assert!(edits.is_empty());
}

#[test]
fn overlapping_and_wild_edits_do_no_harm() {
    let body = Bytes::from_static(b"0123456789");
    let mut edits = Edits::none();
    edits.replace(4..6, Bytes::from_static(b"xx"));
    edits.replace(5..8, Bytes::from_static(b"overlaps"));
    edits.replace(3..5, Bytes::from_static(b"overlaps"));
    edits.replace(0..1, Bytes::from_static(b""));
    edits.replace(8..8, Bytes::from_static(b"+"));
    edits.replace(20..30, Bytes::from_static(b"!"));
    assert_eq!(&edits.apply(body)[..], b"123xx67+89!");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn d01_edits_change_only_what_they_declare(seed in any::<u64>(), large in any::<bool>()) {
        let mut draw = Draw::new(seed);
        let body = draw.body(if large { FULL_SCAN_LIMIT + 1 } else { 0 });
        let Ok(facts) = look(Dialect::OpenAi, Operation::Chat, body.as_bytes()) else { return Ok(()) };
        let mut edits = Edits::none();
        edits.replace_model(&facts, "another/model");
        edits.include_usage(&facts);
        let bytes = Bytes::from(body.clone());
        let pieces: Vec<u8> = edits.pieces(&bytes).flatten().collect();
        let after = edits.apply(bytes);
        prop_assert_eq!(&pieces, &after);
        let mut expected: serde_json::Value = serde_json::from_str(&body).unwrap();
        if facts.model.is_some() {
            expected["model"] = "another/model".into();
        }
        if facts.stream {
            if !expected["stream_options"].is_object() {
                expected["stream_options"] = serde_json::json!({});
            }
            expected["stream_options"]["include_usage"] = true.into();
        }
        prop_assert_eq!(serde_json::from_slice::<serde_json::Value>(&after).unwrap(), expected);
    }
}
