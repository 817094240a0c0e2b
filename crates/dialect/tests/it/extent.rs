//! Whether the length of a request bounds its prompt, and what its texts come to when they are counted.

use keyward_dialect::extent::{counted, is_bounded_by_length};
use keyward_domain::dialect::Operation;
use keyward_domain::port::Tokenizer as _;
use keyward_domain::vocabulary::Vocabulary;
use keyward_tokenizer::Tiktoken;

use crate::draw::Draw;

#[test]
fn m02_texts_are_bounded_by_their_length() {
    for body in [
        r#"{"messages":[{"role":"user","content":"an image, a \"file\", \"web_search\" and \u00e9 \u4e16 \u003c"}]}"#,
        r#"{"contents":[{"parts":[{"text":"hello"}]}],"tools":[{"functionDeclarations":[{"name":"read_file"}]}]}"#,
        "{}",
        "",
    ] {
        assert!(is_bounded_by_length(body.as_bytes()), "{body}");
    }
}

#[test]
fn m02_a_few_bytes_that_stand_for_much_are_not() {
    for body in [
        r#"{"messages":[{"content":[{"type":"image_url","image_url":{"url":"https://x.example/a.png"}}]}]}"#,
        r#"{"messages":[{"content":[{"type":"im\u0061ge_url"}]}]}"#,
        r#"{"messages":[{"content":[{"type":"document","source":{"type":"file"}}]}]}"#,
        r#"{"contents":[{"parts":[{"fileData":{"fileUri":"x"}}]}]}"#,
        r#"{"tools":[{"type":"web_search_20250305"}]}"#,
        r#"{"tools":[{"google_search":{}}]}"#,
        r#"{"input":[{"type":"input_file","file_id":"f"}]}"#,
    ] {
        assert!(!is_bounded_by_length(body.as_bytes()), "{body}");
    }
}

/// OpenAI's vocabularies with what its cookbook recorded.
const BOTH: [Vocabulary; 2] = [Vocabulary::O200k, Vocabulary::Cl100k];

fn exact(vocabulary: Vocabulary) -> impl Fn(&str) -> Option<u64> {
    move |text| Tiktoken.count(vocabulary, text)
}

/// Four bytes a token.
fn rough(text: &str) -> u64 {
    text.len().div_ceil(4) as u64
}

fn bound(operation: Operation, body: &str) -> Option<u64> {
    counted(operation, body.as_bytes(), &|text| Some(rough(text)))
}

/// Requests whose usage OpenAI recorded in its cookbook, "How to count tokens with tiktoken": for gpt-4o (o200k) and gpt-4
/// (cl100k).
#[test]
fn m02_recorded_usage_is_below_the_bound() {
    let jargon = r#"{"model":"gpt-4o","messages":[
        {"role":"system","content":"You are a helpful, pattern-following assistant that translates corporate jargon into plain English."},
        {"role":"system","name":"example_user","content":"New synergies will help drive top-line growth."},
        {"role":"system","name":"example_assistant","content":"Things working well together will increase revenue."},
        {"role":"system","name":"example_user","content":"Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage."},
        {"role":"system","name":"example_assistant","content":"Let's talk later when we're less busy about how to do better."},
        {"role":"user","content":"This late pivot means we don't have time to boil the ocean for the client deliverable."}]}"#;
    let weather = r#"{"model":"gpt-4o","messages":[
        {"role":"system","content":"You are a helpful assistant that can answer to questions about the weather."},
        {"role":"user","content":"What's the weather like in San Francisco?"}],
        "tools":[{"type":"function","function":{"name":"get_current_weather","description":"Get the current weather in a given location",
        "parameters":{"type":"object","properties":{"location":{"type":"string","description":"The city and state, e.g. San Francisco, CA"},
        "unit":{"type":"string","description":"The unit of temperature to return","enum":["celsius","fahrenheit"]}},"required":["location"]}}}]}"#;
    for (body, recorded) in [(jargon, [124, 129]), (weather, [101, 105])] {
        for (vocabulary, used) in BOTH.into_iter().zip(recorded) {
            let most = counted(Operation::Chat, body.as_bytes(), &exact(vocabulary)).unwrap();
            assert!(
                most >= used && most < body.len() as u64,
                "{vocabulary:?}: {most}, used {used}, {} bytes",
                body.len()
            );
        }
    }
}

#[test]
fn m02_texts_count_as_tokens_and_all_else_as_bytes() {
    let text = "word ".repeat(200);
    let (chars, tokens) = (1000, 250);
    // (operation, body, texts in it)
    for (operation, body, texts) in [
        (Operation::Chat, format!(r#"{{"messages":[{{"role":"user","content":"{text}"}}]}}"#), 1),
        (
            Operation::Chat,
            format!(r#"{{"messages":[{{"role":"user","content":[{{"type":"text","text":"{text}"}}]}}]}}"#),
            1,
        ),
        (
            Operation::Chat,
            format!(r#"{{"messages":[{{"content":"{text}"}},{{"content":null}},{{"content":"{text}"}}]}}"#),
            2,
        ),
        (
            Operation::Chat,
            format!(r#"{{"messages":[],"tools":[{{"type":"function","function":{{"description":"{text}"}}}}]}}"#),
            0,
        ),
        (Operation::Chat, format!(r#"{{"messages":[{{"tool_calls":[{{"function":{{"arguments":"{text}"}}}}]}}]}}"#), 0),
        (Operation::Chat, format!(r#"{{"messages":[{{"content":[{{"type":"refusal","refusal":"{text}"}}]}}]}}"#), 0),
        (Operation::Chat, format!(r#"{{"messages":[{{"type":"reasoning","content":"{text}"}}]}}"#), 0),
        (Operation::Chat, format!(r#"{{"messages":[{{"type":"message","type":"message","content":"{text}"}}]}}"#), 0),
        (Operation::Chat, format!(r#"{{"metadata":"{text}","input":"{text}"}}"#), 0),
        (Operation::Responses, format!(r#"{{"input":"{text}","instructions":"{text}"}}"#), 2),
        (
            Operation::Responses,
            format!(
                r#"{{"input":[{{"type":"message","content":[{{"type":"input_text","text":"{text}"}}]}},
                {{"type":"function_call_output","call_id":"1","output":"{text}"}},
                {{"type":"function_call","arguments":"{text}"}},{{"type":"local_shell_call_output","output":"{text}"}}]}}"#
            ),
            2,
        ),
        (Operation::Completion, format!(r#"{{"prompt":["{text}","{text}"],"suffix":"{text}"}}"#), 2),
        (Operation::Embed, format!(r#"{{"input":["{text}","{text}","{text}"]}}"#), 3),
        (Operation::Embed, r#"{"input":[[1,2,3],[4]]}"#.to_owned(), 0),
    ] {
        let most = bound(operation, &body).unwrap_or_else(|| panic!("{body}"));
        let rest = body.len() as u64 - texts * chars;
        let around = most - rest - texts * tokens;
        assert_eq!(around, 64 + 8 * texts, "{body}");
    }
}

#[test]
fn m02_escapes_are_undone_before_counting() {
    let seen = std::cell::RefCell::new(Vec::new());
    let count = |text: &str| {
        seen.borrow_mut().push(text.to_owned());
        Some(1)
    };
    let body = r#"{"messages":[{"content":"a\n\"b\"\\ \u00e9 \ud83d\ude42"},{"content":"half \ud83d"}]}"#;
    // Half a character is no text, and no JSON that a vendor takes.
    assert_eq!(counted(Operation::Chat, body.as_bytes(), &count), None);
    let body = r#"{"messages":[{"content":"a\n\"b\"\\ \u00e9 \ud83d\ude42"}]}"#;
    assert!(counted(Operation::Chat, body.as_bytes(), &count).is_some());
    assert_eq!(*seen.borrow(), ["a\n\"b\"\\ é 🙂"]);
}

#[test]
fn m02_parts_that_are_more_when_joined_count_joined() {
    // To whom "ab" is dearer than "a" and "b".
    let count = |text: &str| Some(if text == "ab" { 100 } else { 1 });
    let part = |text: &str| format!(r#"{{"type":"text","text":"{text}"}}"#);
    let body = format!(r#"{{"messages":[{{"content":[{},{}]}}]}}"#, part("a"), part("b"));
    let most = counted(Operation::Chat, body.as_bytes(), &count).unwrap();
    assert_eq!(most, body.len() as u64 - 2 + 100 + 2 * 8 + 64);
}

#[test]
fn m02_what_nobody_can_count_is_not_counted() {
    for (operation, body) in [
        (Operation::Messages, r#"{"messages":[{"content":"hello"}]}"#),
        (Operation::Generate, r#"{"contents":[]}"#),
        (Operation::Chat, r#"{"messages":[{"content":"hello"}],"tools":[{"type":"shell"}]}"#),
        (Operation::Responses, r#"{"input":"hello","tools":[{"type":"function"},{"name":"f"}]}"#),
        (Operation::Chat, r#"{"messages":[{"content":"hello"}]"#),
        (Operation::Chat, r#"["messages"]"#),
        (Operation::Chat, ""),
    ] {
        assert_eq!(bound(operation, body), None, "{body}");
    }
    let nobody = |_: &str| None;
    assert_eq!(counted(Operation::Chat, br#"{"messages":[{"content":"hello"}]}"#, &nobody), None);
}

/// Random conversations, each told by its seed: the bound is never less than what all texts come to, apart or joined in one
/// message, and never more than the bytes and what is put around.
#[test]
fn m02_the_bound_holds_for_random_conversations() {
    for seed in 0..400 {
        let mut draw = Draw::new(seed);
        let vocabulary = BOTH[draw.below(2)];
        let (mut body, mut texts, mut messages) = (r#"{"messages":["#.to_owned(), 0_u64, Vec::new());
        for number in 0..=draw.below(3) {
            body.push_str(if number == 0 { r#"{"role":"user","content":["# } else { r#",{"role":"user","content":["# });
            let mut whole = String::new();
            for part in 0..=draw.below(3) {
                let text = some_text(&mut draw);
                body.push_str(if part == 0 { r#"{"type":"text","text":"# } else { r#",{"type":"text","text":"# });
                draw.quote(&text, &mut body);
                body.push('}');
                whole.push_str(&text);
                texts += 1;
            }
            body.push_str("]}");
            messages.push(whole);
        }
        body.push_str("]}");
        let count = exact(vocabulary);
        let most = counted(Operation::Chat, body.as_bytes(), &count).unwrap_or_else(|| panic!("seed {seed}: {body}"));
        let used: u64 = messages.iter().map(|text| count(text).unwrap()).sum();
        assert!(most >= used, "seed {seed}: {most} < {used}");
        assert!(most >= count(&messages.concat()).unwrap(), "seed {seed}: {most}");
        assert!(most <= body.len() as u64 + 64 + texts * 8 + used, "seed {seed}: {most}");
    }
}

fn some_text(draw: &mut Draw) -> String {
    let pieces = [
        "the quick ",
        "brown",
        "FOX",
        " ",
        "\n",
        "\t\t",
        "1234567",
        "<|endoftext|>",
        "é",
        "世界",
        "🙂",
        "\u{301}",
        "a",
        "'s",
        "!?",
        "\n\n",
        "{\"a\":1}",
        "\\",
        "\"",
        "aaaaaaaa",
        "ABab",
        "/",
        "https://x.example/?q=%20",
    ];
    (0..draw.below(30)).map(|_| draw.one(&pieces)).collect()
}
