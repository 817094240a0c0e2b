//! What the lens finds, and what it refuses.

use keyward_dialect::lens::{FULL_SCAN_LIMIT, Facts, IncludeUsage, LensError, look, look_whole};
use keyward_domain::denial::Denial;
use keyward_domain::dialect::{Dialect, Operation};
use proptest::prelude::*;

use crate::draw::Draw;

const KINDS: [(Dialect, Operation); 12] = [
    (Dialect::OpenAi, Operation::Chat),
    (Dialect::OpenAi, Operation::Completion),
    (Dialect::OpenAi, Operation::Responses),
    (Dialect::OpenAi, Operation::Embed),
    (Dialect::OpenAi, Operation::Speech),
    (Dialect::OpenAi, Operation::Image),
    (Dialect::OpenAi, Operation::CountTokens),
    (Dialect::Anthropic, Operation::Messages),
    (Dialect::Anthropic, Operation::CountTokens),
    (Dialect::Gemini, Operation::Generate),
    (Dialect::Gemini, Operation::Embed),
    (Dialect::Gemini, Operation::CountTokens),
];

fn chat(body: &str) -> Result<Facts, LensError> {
    look(Dialect::OpenAi, Operation::Chat, body.as_bytes())
}

fn model(facts: &Facts) -> Option<&str> {
    facts.model.as_ref().map(|model| &*model.text)
}

/// The same body with a long conversation in front, in the middle or behind, so that it is not scanned in full.
fn lengthened(body: &str, place: usize) -> String {
    let long = "He said: \\\"x\\\" {\\\"model\\\": 1}\\n".repeat(FULL_SCAN_LIMIT / 16);
    let long = format!("\"messages\":[{{\"role\":\"user\",\"content\":\"{long}\"}}]");
    let inner = body.trim().strip_prefix('{').unwrap().strip_suffix('}').unwrap().trim();
    match (place, inner.is_empty()) {
        (_, true) => format!("{{{long}}}"),
        (0, _) => format!("{{{long},{inner}}}"),
        (1, _) => format!("{{{inner},{long}}}"),
        _ => {
            let (first, rest) = inner.split_once(',').unwrap_or((inner, "\"x\":1"));
            format!("{{{first},{long},{rest}}}")
        }
    }
}

#[test]
fn finds_what_matters_in_a_chat_request() {
    let body = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi","model":"no"}],"stream":true,
        "max_tokens":10,"max_completion_tokens":20,"n":3,"service_tier":"flex","user":"u"}"#;
    let facts = chat(body).unwrap();
    assert_eq!(model(&facts), Some("gpt-4o"));
    assert_eq!(&body[facts.model.as_ref().unwrap().range.clone()], "\"gpt-4o\"");
    assert!(facts.stream);
    assert_eq!(facts.output_cap, Some(20));
    assert_eq!(facts.candidates, 3);
    assert_eq!(facts.service_tier.as_deref(), Some("flex"));
    assert_eq!(facts.forbidden, None);
}

#[test]
fn an_absent_model_is_the_gateways_to_judge() {
    assert_eq!(chat("{}").unwrap().model, None);
    assert_eq!(chat(" { } ").unwrap().candidates, 1);
}

#[test]
fn escaped_names_and_values_are_read_as_what_they_mean() {
    for body in [r#"{"mod\u0065l":"gp\u0074-4o"}"#, r#"{"\u006d\u006f\u0064\u0065\u006c":"gpt\u002d4o"}"#] {
        assert_eq!(model(&chat(body).unwrap()), Some("gpt-4o"));
        for place in 0..3 {
            assert_eq!(model(&chat(&lengthened(body, place)).unwrap()), Some("gpt-4o"), "place {place}");
        }
    }
    let twice = r#"{"model":"a","mod\u0065l":"b"}"#;
    assert_eq!(chat(twice).unwrap_err().param, Some("model"));
    for place in 0..3 {
        assert_eq!(chat(&lengthened(twice, place)).unwrap_err().param, Some("model"), "place {place}");
    }
}

#[test]
fn a_member_given_twice_is_refused() {
    for (body, param) in [
        (r#"{"model":"a","model":"a"}"#, "model"),
        (r#"{"stream":true,"x":{"stream":1},"stream":false}"#, "stream"),
        (r#"{"max_tokens":1,"max_tokens":null}"#, "max_tokens"),
        (
            r#"{"stream":true,"stream_options":{"include_usage":true,"include_usage":false}}"#,
            "stream_options.include_usage",
        ),
    ] {
        assert_eq!(chat(body).unwrap_err().param, Some(param));
        for place in 0..3 {
            assert_eq!(chat(&lengthened(body, place)).unwrap_err().param, Some(param), "place {place}");
        }
    }
    assert!(chat(r#"{"a":1,"a":2}"#).is_ok(), "members that do not matter are the provider's to judge");
}

#[test]
fn wrong_types_are_refused_by_name() {
    for (body, param) in [
        (r#"{"model":1}"#, "model"),
        (r#"{"model":null}"#, "model"),
        (r#"{"model":""}"#, "model"),
        (r#"{"model":["a"]}"#, "model"),
        (r#"{"stream":"true"}"#, "stream"),
        (r#"{"stream":1}"#, "stream"),
        (r#"{"max_tokens":-1}"#, "max_tokens"),
        (r#"{"max_tokens":3.7}"#, "max_tokens"),
        (r#"{"max_tokens":"5"}"#, "max_tokens"),
        (r#"{"max_tokens":1e18}"#, "max_tokens"),
        (r#"{"max_completion_tokens":1000000000000000000}"#, "max_completion_tokens"),
        (r#"{"n":0}"#, "n"),
        (r#"{"n":1000000}"#, "n"),
        (r#"{"n":"2"}"#, "n"),
        (r#"{"stream_options":[]}"#, "stream_options"),
        (r#"{"stream_options":{"include_usage":1}}"#, "stream_options.include_usage"),
        (r#"{"service_tier":7}"#, "service_tier"),
    ] {
        let error = chat(body).unwrap_err();
        assert_eq!(error.param, Some(param), "{body}");
        assert!(error.message.contains(param), "{}", error.message);
        for place in 0..3 {
            assert_eq!(chat(&lengthened(body, place)).unwrap_err(), error, "{body} at place {place}");
        }
    }
    let long = format!("{{\"model\":\"{}\"}}", "m".repeat(300));
    assert_eq!(chat(&long).unwrap_err().param, Some("model"));
    let denial = Denial::from(chat(r#"{"n":0}"#).unwrap_err());
    assert_eq!((denial.status(), denial.code(), denial.param()), (400, "invalid_request", Some("n")));
}

#[test]
fn null_and_whole_floats_are_accepted() {
    let facts = chat(r#"{"max_tokens":256.0,"n":null,"stream":null,"service_tier":null}"#).unwrap();
    assert_eq!((facts.output_cap, facts.candidates, facts.stream), (Some(256), 1, false));
}

#[test]
fn what_is_not_json_is_refused_with_the_byte() {
    for (body, at) in [
        ("{", 1),
        ("{\"a\":1", 6),
        ("{\"a\":1}x", 7),
        ("{\"a\":1,}", 7),
        ("{\"a\" 1}", 5),
        ("{a:1}", 1),
        ("{\"a\":01}", 6),
        ("{\"a\":NaN}", 5),
        ("{\"a\":Infinity}", 5),
        ("{\"a\":1}/* c */", 7),
        ("{\"a\":\"\\x\"}", 6),
        ("{\"a\":\"\\ud800\"}", 6),
        ("{\"a\":\"\\udc00\"}", 6),
        ("{\"a\":\"\n\"}", 6),
        ("{\"a\":[1}", 7),
        ("{\"a\":[1 2]}", 8),
        ("\u{feff}{}", 0),
        ("{'a':1}", 1),
        ("{\"a\":tru}", 5),
        ("{\"a\":-}", 6),
        ("{\"a\":1.}", 7),
    ] {
        let error = chat(body).unwrap_err();
        assert!(error.message.contains(&format!("at byte {at}.")), "{body}: {}", error.message);
    }
    assert!(chat("").unwrap_err().message.contains("empty"));
    for body in ["[]", "\"x\"", "1", "null", "[{\"model\":\"a\"}]"] {
        assert!(chat(body).unwrap_err().message.contains("object"), "{body}");
    }
    let bytes = look(Dialect::OpenAi, Operation::Chat, b"{\"a\":\"\xff\"}").unwrap_err();
    assert!(bytes.message.contains("UTF-8 at byte 6"), "{}", bytes.message);
}

#[test]
fn numbers_that_no_program_holds_are_refused() {
    for number in ["1e999", &"9".repeat(400), "1e-99999999999999999999"] {
        assert!(chat(&format!("{{\"x\":{number}}}")).unwrap_err().message.contains("out of range"), "{number}");
    }
    assert!(chat("{\"temperature\":1e308}").is_ok());
}

#[test]
fn depth_bombs_neither_recurse_nor_pass() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for depth in [10_000, 1_000_000] {
            let body = format!("{{\"x\":{}1{}}}", open.repeat(depth), close.repeat(depth));
            let error = chat(&body).unwrap_err();
            assert!(error.message.contains("nested too deeply"), "{}", error.message);
        }
        let fine = format!("{{\"x\":{}1{}}}", open.repeat(60), close.repeat(60));
        assert!(chat(&fine).is_ok());
    }
}

#[test]
fn members_that_steer_other_gateways_are_pointed_out() {
    for (key, name) in [
        ("api_base", "api_base"),
        ("base_url", "base_url"),
        ("api_key", "api_key"),
        ("organization", "organization"),
        ("extra_headers", "extra_headers"),
        ("proxy", "proxy"),
        ("azure_endpoint", "azure_endpoint"),
        ("aws_secret_access_key", "aws_*"),
        ("vertex_project", "vertex_*"),
    ] {
        let body = format!("{{\"model\":\"a\",\"{key}\":\"http://x\"}}");
        assert_eq!(chat(&body).unwrap().forbidden, Some(name));
        for place in 0..3 {
            assert_eq!(chat(&lengthened(&body, place)).unwrap().forbidden, Some(name), "{key} at place {place}");
        }
    }
    assert_eq!(chat(r#"{"tools":[{"api_key":1,"proxy":2}]}"#).unwrap().forbidden, None);
}

#[test]
fn usage_is_asked_for_only_where_it_has_to_be() {
    let inject = |body: &str| match chat(body).unwrap().include_usage {
        IncludeUsage::Inject(edit) => Some([&body[..edit.range.start], edit.text, &body[edit.range.end..]].concat()),
        _ => None,
    };
    for (body, expected) in [
        (r#"{"stream":true}"#, r#"{"stream":true,"stream_options":{"include_usage":true}}"#),
        (r#"{"stream":true , "n":1}"#, r#"{"stream":true,"stream_options":{"include_usage":true} , "n":1}"#),
        (r#"{"stream":true,"stream_options":{}}"#, r#"{"stream":true,"stream_options":{"include_usage":true}}"#),
        (r#"{"stream":true,"stream_options":null}"#, r#"{"stream":true,"stream_options":{"include_usage":true}}"#),
        (
            r#"{"stream_options":{"include_usage":false},"stream":true}"#,
            r#"{"stream_options":{"include_usage":true},"stream":true}"#,
        ),
        (
            r#"{"stream":true,"stream_options":{ "include_obfuscation":false}}"#,
            r#"{"stream":true,"stream_options":{"include_usage":true, "include_obfuscation":false}}"#,
        ),
    ] {
        assert_eq!(inject(body).as_deref(), Some(expected));
    }
    assert_eq!(
        chat(r#"{"stream":true,"stream_options":{"include_usage":true}}"#).unwrap().include_usage,
        IncludeUsage::Asked
    );
    for (dialect, operation, body) in [
        (Dialect::OpenAi, Operation::Chat, r#"{"stream":false}"#),
        (Dialect::OpenAi, Operation::Responses, r#"{"stream":true}"#),
        (Dialect::Anthropic, Operation::Messages, r#"{"stream":true}"#),
        (Dialect::Gemini, Operation::Generate, r#"{"contents":[]}"#),
    ] {
        let facts = look(dialect, operation, body.as_bytes()).unwrap();
        assert_eq!(facts.include_usage, IncludeUsage::NotApplicable);
    }
}

#[test]
fn each_dialect_has_its_own_members() {
    let body = br#"{"model":"claude-x","max_tokens":0,"stream":true,"n":"not ours","system":"s"}"#;
    let facts = look(Dialect::Anthropic, Operation::Messages, body).unwrap();
    assert_eq!((model(&facts), facts.output_cap, facts.stream), (Some("claude-x"), Some(0), true));

    let body = br#"{"model":"gpt-x","input":"hi","max_output_tokens":7,"max_tokens":"not ours","stream":true}"#;
    let facts = look(Dialect::OpenAi, Operation::Responses, body).unwrap();
    assert_eq!((facts.output_cap, facts.stream), (Some(7), true));

    for body in [
        r#"{"contents":[],"generationConfig":{"maxOutputTokens":5,"candidateCount":2}}"#,
        r#"{"contents":[],"generation_config":{"max_output_tokens":5,"candidate_count":2}}"#,
    ] {
        let facts = look(Dialect::Gemini, Operation::Generate, body.as_bytes()).unwrap();
        assert_eq!((facts.output_cap, facts.candidates, facts.model), (Some(5), 2, None));
    }
    for (body, param) in [
        (r#"{"generationConfig":{"maxOutputTokens":5,"max_output_tokens":6}}"#, "maxOutputTokens"),
        (r#"{"generationConfig":{},"generation_config":{}}"#, "generationConfig"),
        (r#"{"generationConfig":{"candidateCount":0}}"#, "candidateCount"),
        (r#"{"generationConfig":7}"#, "generationConfig"),
    ] {
        let error = look(Dialect::Gemini, Operation::Generate, body.as_bytes()).unwrap_err();
        assert_eq!(error.param, Some(param));
    }

    let body = "{\"model\":\"tts\",\"input\":\"caf\\u00e9 \\ud83d\\ude00 \u{2014}\",\"stream_format\":\"sse\"}";
    let facts = look(Dialect::OpenAi, Operation::Speech, body.as_bytes()).unwrap();
    assert_eq!((facts.input_characters, facts.stream), (Some(8), true));

    let body = br#"{"model":"img","n":4,"size":"1024x1024","quality":"high"}"#;
    let facts = look(Dialect::OpenAi, Operation::Image, body).unwrap();
    assert_eq!(facts.candidates, 4);
    assert_eq!((facts.image_size.as_deref(), facts.image_quality.as_deref()), (Some("1024x1024"), Some("high")));
}

#[test]
fn models_nested_in_gemini_bodies_are_listed_with_their_places() {
    let body = r#"{"requests":[{"model":"models/a","content":{"model":"no"}}, {"content":{},"model":"models/b"}]}"#;
    let facts = look(Dialect::Gemini, Operation::Embed, body.as_bytes()).unwrap();
    let names: Vec<_> = facts.nested_models.iter().map(|model| (&*model.text, &body[model.range.clone()])).collect();
    assert_eq!(names, [("models/a", "\"models/a\""), ("models/b", "\"models/b\"")]);

    let body = r#"{"generateContentRequest":{"contents":[],"model":"models/c"}}"#;
    let facts = look(Dialect::Gemini, Operation::CountTokens, body.as_bytes()).unwrap();
    assert_eq!(&*facts.nested_models[0].text, "models/c");

    let twice = br#"{"requests":[{"model":"models/a","model":"models/b"}]}"#;
    assert_eq!(look(Dialect::Gemini, Operation::Embed, twice).unwrap_err().param, Some("model"));
    let many = format!("{{\"requests\":[{}]}}", vec!["{\"model\":\"m\"}"; 1025].join(","));
    assert_eq!(look(Dialect::Gemini, Operation::Embed, many.as_bytes()).unwrap_err().param, Some("requests"));
}

#[test]
fn a_large_body_is_read_like_a_small_one() {
    for body in [
        r#"{"model":"a","stream":true,"max_tokens":5}"#,
        r#"{"stream":true,"stream_options":{"include_usage":true},"model":"a"}"#,
        r#"{"model":"a","tools":[{"type":"function","function":{"parameters":{"n":1,"model":2}}}],"stream":true}"#,
        r#"{"user":"a]}","model":"a","stop":["\"model\":"],"n":2}"#,
        r#"{ "model" : "a" , "stream" : false }"#,
    ] {
        let small = chat(body).unwrap();
        for place in 0..3 {
            let large = lengthened(body, place);
            let facts = chat(&large).unwrap();
            assert_eq!(model(&facts), model(&small));
            assert_eq!(facts.stream, small.stream);
            assert_eq!((facts.output_cap, facts.candidates), (small.output_cap, small.candidates));
            assert_eq!(Ok(facts), look_whole(Dialect::OpenAi, Operation::Chat, large.as_bytes()));
        }
    }
}

#[test]
fn large_bodies_that_are_cut_or_padded_are_refused() {
    let large = lengthened(r#"{"model":"a"}"#, 1);
    assert!(chat(&large[..large.len() - 1]).is_err());
    assert!(chat(&format!("{large}x")).is_err());
    assert!(chat(&format!("{large}{large}")).is_err());
    assert!(chat(&format!("[{large}]")).is_err());
    assert!(chat(&" ".repeat(100_000)).is_err());
}

/// What serde_json's tree says, as far as it can: the last of members given twice.
fn by_tree(body: &str) -> (Option<String>, bool) {
    let tree: serde_json::Value = serde_json::from_str(body).unwrap();
    (tree["model"].as_str().map(str::to_owned), tree["stream"].as_bool().unwrap_or(false))
}

/// Both ways through a large drawn body lead to the same facts, and to those of a JSON tree.
fn leap_equals_full_scan(seed: u64) -> Result<(), TestCaseError> {
    let mut draw = Draw::new(seed);
    let body = draw.body(FULL_SCAN_LIMIT + 1);
    prop_assert!(body.len() > FULL_SCAN_LIMIT);
    for (dialect, operation) in KINDS {
        let fast = look(dialect, operation, body.as_bytes());
        prop_assert_eq!(&fast, &look_whole(dialect, operation, body.as_bytes()));
        if let Ok(facts) = fast
            && operation == Operation::Chat
        {
            prop_assert_eq!((facts.model.map(|model| model.text.into()), facts.stream), by_tree(&body));
        }
    }
    Ok(())
}

/// A key that refers only in the conversation, in short tools: once the fast way alone took it for a reference.
#[test]
fn d01_leap_equals_full_scan_with_a_key_of_the_conversation_in_short_tools() {
    leap_equals_full_scan(9_222_257_400_320_369_029).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 700, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn d01_leap_equals_full_scan(seed in any::<u64>()) {
        leap_equals_full_scan(seed)?;
    }

    #[test]
    fn d01_small_bodies_are_judged_like_any_json(seed in any::<u64>()) {
        let mut draw = Draw::new(seed);
        let mut body = draw.body(0).into_bytes();
        // Now and then damaged.
        if draw.chance(60) {
            for _ in 0..=draw.below(3) {
                let place = draw.below(body.len());
                match draw.below(3) {
                    0 => drop(body.remove(place)),
                    1 => body.insert(place, *draw.one(&[b"\"", b"\\", b"{", b"}", b",", b":", b"1", b"\n"]).first().unwrap()),
                    _ => body[place] = body[place].wrapping_add(1),
                }
            }
        }
        let is_object = serde_json::from_slice::<serde_json::Value>(&body).is_ok_and(|tree| tree.is_object());
        // An operation without members of its own: only the JSON is judged, and the model.
        if let Err(error) = look_whole(Dialect::OpenAi, Operation::Moderate, &body) {
            prop_assert!(!is_object || error.param.is_some() || error.message.contains("out of range"), "{}", error);
        } else {
            prop_assert!(is_object, "{:?}", serde_json::from_slice::<serde_json::Value>(&body));
        }
    }

    #[test]
    fn anything_at_all_is_survived(bytes in proptest::collection::vec(any::<u8>(), 0..2000), copies in 1..40_usize) {
        let bytes = bytes.repeat(copies);
        for (dialect, operation) in KINDS {
            let _ = look(dialect, operation, &bytes);
        }
    }
}
