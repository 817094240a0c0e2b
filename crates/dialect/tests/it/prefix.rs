//! The stable prefix: all turns of a conversation hash alike, different conversations differ.

use std::collections::HashSet;
use std::fmt::Write as _;

use keyward_dialect::digest::digest;
use keyward_dialect::lens::{FULL_SCAN_LIMIT, Facts, look, look_whole};
use keyward_domain::dialect::{Dialect, Operation};
use proptest::prelude::*;

use crate::draw::Draw;

fn prefix(dialect: Dialect, operation: Operation, body: &str) -> Option<u64> {
    let body = body.as_bytes();
    let of = |facts: Facts| facts.parts.prefix(dialect, operation, body);
    let prefix = of(look(dialect, operation, body).unwrap());
    assert_eq!(prefix, of(look_whole(dialect, operation, body).unwrap()), "{}", String::from_utf8_lossy(body));
    prefix
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// One conversation as a client keeps it: what it sends grows by two messages a turn.
struct Talk<'a> {
    system: &'a str,
    first: &'a str,
    /// What the assistant and the user say afterwards.
    later: &'a str,
}

impl Talk<'_> {
    /// The messages of one turn. Odd clients mark for caching what they send last, and nothing that they sent before.
    fn messages(&self, turn: usize, marks: bool) -> String {
        let text = |text: &str, is_last: bool| match (marks, is_last) {
            (true, true) => {
                format!(
                    "[{{\"type\":\"text\",\"text\":{},\"cache_control\":{{\"type\":\"ephemeral\"}}}}]",
                    quoted(text)
                )
            }
            (true, false) => format!("[{{\"type\":\"text\",\"text\":{}}}]", quoted(text)),
            _ => quoted(text),
        };
        let mut out = format!("{{\"role\":\"user\",\"content\":{}}}", text(self.first, turn == 0));
        for n in 0..turn {
            let said = format!("{} {n}", self.later);
            let _ = write!(
                out,
                ",{{\"role\":\"assistant\",\"content\":{}}},{{\"role\":\"user\",\"content\":{}}}",
                text(&said, false),
                text(&said, n + 1 == turn)
            );
        }
        out
    }

    /// The body of one turn in each dialect.
    fn bodies(&self, turn: usize) -> Vec<(Dialect, Operation, String)> {
        let system = quoted(self.system);
        let knobs = format!("\"stream\":{},\"model\":\"m-{}\",\"top_p\":0.{turn}", turn.is_multiple_of(2), turn % 3);
        let messages = self.messages(turn, false);
        let parts = messages
            .replace("\"content\":", "\"parts\":[{\"text\":")
            .replace("\"}", "\"}]}")
            .replace("assistant", "model");
        let marked = self.messages(turn, true);
        let input = if turn == 0 { quoted(self.first) } else { format!("[{messages}]") };
        vec![
            (
                Dialect::OpenAi,
                Operation::Chat,
                format!("{{\"messages\":[{{\"role\":\"developer\",\"content\":{system}}},{messages}],{knobs}}}"),
            ),
            (
                Dialect::OpenAi,
                Operation::Responses,
                format!("{{{knobs},\"input\":{input},\"instructions\":{system},\"tools\":[]}}"),
            ),
            (
                Dialect::Anthropic,
                Operation::Messages,
                format!(
                    "{{\"max_tokens\":{},\"messages\":[{marked}],\"system\":[{{\"type\":\"text\",\"text\":{system}}}],{knobs}}}",
                    turn + 1
                ),
            ),
            (
                Dialect::Gemini,
                Operation::Generate,
                format!(
                    "{{\"systemInstruction\":{{\"parts\":[{{\"text\":{system}}}]}},\"contents\":[{parts}],\"generationConfig\":{{\"maxOutputTokens\":{}}}}}",
                    turn + 1
                ),
            ),
        ]
    }
}

#[test]
fn k07_ten_turns_of_a_conversation_hash_alike() {
    let long = "All of this is said to everyone. \"Quoted\"\n".repeat(4000);
    for (system, later) in [("Be terse.", "yes"), (&long, "yes"), ("Be terse.", &long[..9000]), (&long, &long[..9000])]
    {
        let talk = Talk { system, first: "What is a prefix?", later };
        let turns: Vec<Vec<_>> = (0..10).map(|turn| talk.bodies(turn)).collect();
        for dialect in 0..4 {
            let hashes: HashSet<_> = turns
                .iter()
                .map(|turn| prefix(turn[dialect].0, turn[dialect].1, &turn[dialect].2).expect("a prefix"))
                .collect();
            assert_eq!(hashes.len(), 1, "{:?}", turns[0][dialect].1);
        }
        let last = turns.last().unwrap();
        assert!(later.len() < 100 || last.iter().all(|(_, _, body)| body.len() > FULL_SCAN_LIMIT));
    }
}

#[test]
fn k07_different_conversations_differ() {
    let long = "All of this is said to everyone. \"Quoted\"\n".repeat(4000);
    for dialect in 0..4 {
        let mut seen = HashSet::new();
        for system in ["", "Be terse.", "Be verbose.", &long] {
            for first in ["Hi", "Hi.", "Be terse.", &long, &long[1..]] {
                let bodies = Talk { system, first, later: "x" }.bodies(1);
                let (dialect, operation, body) = &bodies[dialect];
                assert!(seen.insert(prefix(*dialect, *operation, body)), "{operation:?}");
            }
        }
    }
    // A shared text of any length does not hide what differs at the end of it, or behind it.
    for length in [10, 1000, 2040, 2048, 5000, 100_000] {
        let shared = "s".repeat(length);
        let ask = |first: &str| Talk { system: &shared, first, later: "x" }.bodies(0)[0].2.clone();
        let hash = |first: &str| prefix(Dialect::OpenAi, Operation::Chat, &ask(first));
        assert_ne!(hash("a"), hash("b"), "{length}");
        assert_ne!(hash(&format!("{shared}a")), hash(&format!("{shared}b")), "{length}");
        assert_ne!(hash(&shared), hash(&format!("{shared}s")), "{length}");
    }
}

#[test]
fn k07_what_is_no_part_of_the_prefix_does_not_change_it() {
    let hash = |body: &str| prefix(Dialect::OpenAi, Operation::Chat, body);
    let plain = hash(r#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":"hi"}]}"#);
    assert!(plain.is_some());
    for body in [
        r#"{"model":"m","messages":[{"content":"s","role":"system"},{"content":"hi","role":"user"}],"n":2}"#,
        r#"{ "messages" : [ { "role" : "system" , "content" : "s" } , { "role" : "user" , "content" : "hi" } ] }"#,
        r#"{"messages":[{"role":"system","content":[{"type":"text","text":"s"}]},{"role":"user","name":"n","content":"hi"}]}"#,
        r#"{"messages":[{"role":"developer","content":"s"},{"role":"user","content":[{"type":"text","text":"hi","prompt_cache_breakpoint":{"mode":"explicit"}}]},{"role":"tool","content":"x"}]}"#,
        r#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":"hi"},{"role":"user","content":"more"}],"tools":[{"x":1}]}"#,
    ] {
        assert_eq!(hash(body), plain, "{body}");
    }
    for body in [
        r#"{"messages":[{"role":"system","content":"S"},{"role":"user","content":"hi"}]}"#,
        r#"{"messages":[{"role":"user","content":"hi"}]}"#,
        r#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"hi"},{"type":"image_url","image_url":{"url":"https://x"}}]}]}"#,
        r#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":null}]}"#,
    ] {
        assert_ne!(hash(body), plain, "{body}");
    }
}

#[test]
fn k07_a_number_that_a_client_puts_before_its_system_prompt_does_not_count() {
    let body = |number: &str| {
        format!(
            "{{\"messages\":[{{\"role\":\"user\",\"content\":\"hi\"}}],\"system\":[{{\"type\":\"text\",\"text\":\"x-anthropic-billing-header: \
             cc_version=2.1; cch={number};\"}},{{\"type\":\"text\",\"text\":\"You are a client.\"}}]}}"
        )
    };
    let hash = |body: &str| prefix(Dialect::Anthropic, Operation::Messages, body);
    assert_eq!(hash(&body("36ee5")), hash(&body("0aaa9")));
    assert_ne!(hash(&body("36ee5")), hash(&body("36ee5").replace("a client", "another")));
}

#[test]
fn k07_where_there_is_no_conversation_there_is_no_prefix() {
    for body in [
        "{}",
        r#"{"messages":[]}"#,
        r#"{"messages":null}"#,
        r#"{"messages":[{"role":"user","content":""}]}"#,
        r#"{"messages":[{}]}"#,
        r#"{"messages":7}"#,
    ] {
        let hash = prefix(Dialect::OpenAi, Operation::Chat, body);
        assert_eq!(hash.is_some(), body.contains('7'), "{body}");
    }
    for operation in [Operation::Embed, Operation::Image, Operation::Speech, Operation::Moderate] {
        assert_eq!(
            prefix(Dialect::OpenAi, operation, r#"{"input":"hi","messages":[{"role":"user","content":"x"}]}"#),
            None
        );
    }
}

#[test]
fn k07_a_growing_prompt_of_plain_completions_hashes_alike_once_it_can_be_cached() {
    let prompt = "To be continued, and then some more. ".repeat(200);
    let hash =
        |prompt: &str| prefix(Dialect::OpenAi, Operation::Completion, &format!("{{\"prompt\":{}}}", quoted(prompt)));
    assert_eq!(hash(&prompt), hash(&format!("{prompt} And so on.")));
    assert_eq!(hash(&prompt[..5000]), hash(&prompt));
    assert_ne!(hash(&prompt), hash(&prompt[1..]));
    assert_ne!(hash("a"), hash("b"));
    let list = format!("{{\"prompt\":[{},\"b\"]}}", quoted("a"));
    assert_eq!(prefix(Dialect::OpenAi, Operation::Completion, &list), hash("a"));
    assert_ne!(prefix(Dialect::OpenAi, Operation::Completion, "{\"prompt\":[1,2,3]}"), hash("a"));
}

/// These values are part of what nodes of different releases agree on: whoever changes them moves every conversation.
#[test]
fn k07_hashes_are_the_same_everywhere() {
    let digests = [b"".as_slice(), b"resp_0123456789abcdef", &[b'x'; 5000]].map(digest);
    let bodies = Talk { system: "Be terse.", first: "Hi", later: "x" }.bodies(3);
    let prefixes: Vec<_> =
        bodies.iter().filter_map(|(dialect, operation, body)| prefix(*dialect, *operation, body)).collect();
    assert_eq!(digests, [3_515_185_418_884_802_795, 7_925_606_613_792_708_974, 5_319_128_193_847_895_787]);
    // Where the system part stands by itself the dialect makes no difference.
    let apart = 13_194_066_424_147_035_521;
    assert_eq!(prefixes, [17_995_392_119_192_838_581, apart, apart, apart]);
}

#[test]
fn a_cache_key_is_what_the_client_says() {
    let key = |operation, body: &str| look(Dialect::OpenAi, operation, body.as_bytes()).unwrap().cache_key;
    for operation in [Operation::Chat, Operation::Responses, Operation::Completion] {
        assert_eq!(key(operation, r#"{"prompt_cache_key":"tenant-7"}"#), Some(digest(b"tenant-7")));
        assert_eq!(key(operation, r#"{"prompt_cache_key":"tenant\u002d7"}"#), Some(digest(b"tenant-7")));
        for none in ["{}", r#"{"prompt_cache_key":null}"#, r#"{"prompt_cache_key":""}"#, r#"{"prompt_cache_key":7}"#] {
            assert_eq!(key(operation, none), None);
        }
        assert_eq!(key(operation, r#"{"user":"u","safety_identifier":"s"}"#), None, "these say who asks, not what");
    }
    assert_eq!(key(Operation::Embed, r#"{"prompt_cache_key":"x"}"#), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn k07_any_two_conversations_differ_and_all_their_turns_agree(seed in any::<u64>()) {
        let mut draw = Draw::new(seed);
        let mut text = |least: usize| {
            let mut text = String::new();
            for _ in 0..=draw.below(4) {
                text.push_str(draw.one(&["a", " \"b\"", "\\", "\n", "caf\u{e9}", "{\"role\":\"user\"}", "]}", "\u{1f600}"]));
            }
            if draw.chance(30) { text.repeat(1 + draw.below(3000)) } else { text.repeat(1 + least) }
        };
        let (system, first, other, later) = (text(0), text(0), text(1), text(200));
        for dialect in 0..4 {
            let hash = |first: &str, turn| {
                let bodies = Talk { system: &system, first, later: &later }.bodies(turn);
                prefix(bodies[dialect].0, bodies[dialect].1, &bodies[dialect].2)
            };
            let turns = [0, 1, 2, 9].map(|turn| hash(&first, turn));
            prop_assert_eq!(turns, [turns[0]; 4]);
            prop_assert_eq!(hash(&other, 0) == turns[0], other == first);
        }
    }
}
