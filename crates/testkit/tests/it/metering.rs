//! The bill equals what the answers say, whole or streamed.

use keyward_testkit::provider::{BillLine, Ended, Fault, Operation, ScriptedProvider, UsageShape, Vendor, toy_tokens};
use serde_json::json;

use crate::http::{Connection, get, hello, post, start, text_of, usage_of};

#[tokio::test]
async fn the_bill_equals_the_sum_of_the_answers() {
    let provider = ScriptedProvider::start().await;
    let mut told = (0, 0);
    let mut calls = 0;
    for vendor in Vendor::ALL {
        let key = provider.add_key(vendor, "main");
        for stream in [false, true, false, true] {
            let (target, body) = hello(vendor, stream);
            let answer = post(&provider, vendor, &key, target, &body);
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert!(answer.complete);
            let (input, output) = usage_of(vendor, &answer, stream).unwrap();
            assert_eq!(output, toy_tokens(&text_of(vendor, &answer, stream)), "output is the weight of the text");
            told = (told.0 + input, told.1 + output);
            calls += 1;
        }
    }
    let bill = provider.bill();
    assert_eq!(bill.len(), calls);
    assert!(bill.iter().all(|line| line.ended == Ended::Complete && line.key == "main"));
    assert_eq!(bill.iter().map(BillLine::input).sum::<u64>(), told.0);
    assert_eq!(bill.iter().map(|line| line.output).sum::<u64>(), told.1);
}

#[tokio::test]
async fn a_stream_says_what_its_whole_sibling_says() {
    let provider = ScriptedProvider::start().await;
    for vendor in Vendor::ALL {
        let key = provider.add_key(vendor, "main");
        let whole = post(&provider, vendor, &key, hello(vendor, false).0, &hello(vendor, false).1);
        let stream = post(&provider, vendor, &key, hello(vendor, true).0, &hello(vendor, true).1);
        assert_eq!(text_of(vendor, &whole, false), text_of(vendor, &stream, true));
        assert_eq!(usage_of(vendor, &whole, false), usage_of(vendor, &stream, true));
        assert!(!text_of(vendor, &whole, false).is_empty());
    }
}

#[tokio::test]
async fn answers_are_functions_of_the_request() {
    let first = ScriptedProvider::start().await;
    let second = ScriptedProvider::start().await;
    for vendor in Vendor::ALL {
        let (target, body) = hello(vendor, true);
        let here = post(&first, vendor, &first.add_key(vendor, "a"), target, &body);
        let there = post(&second, vendor, &second.add_key(vendor, "b"), target, &body);
        assert_eq!(here.body, there.body);
    }
}

#[tokio::test]
async fn every_usage_shape_bills_the_same() {
    let provider = ScriptedProvider::start().await;
    provider.set_cache(false);
    for vendor in Vendor::ALL {
        let key = provider.add_key(vendor, "main");
        let (target, body) = hello(vendor, true);
        let plain = post(&provider, vendor, &key, target, &body);
        let expected = usage_of(vendor, &plain, true);
        for shape in [
            UsageShape::Early,
            UsageShape::OnFinish,
            UsageShape::Late,
            UsageShape::Absent,
            UsageShape::ThenEmpty,
            UsageShape::Cumulative,
            UsageShape::Nested,
            UsageShape::Placeholder,
        ] {
            provider.script(Fault::answer().usage(shape));
            let answer = post(&provider, vendor, &key, target, &body);
            assert_eq!(text_of(vendor, &answer, true), text_of(vendor, &plain, true), "{vendor} {shape:?}");
            let told = usage_of(vendor, &answer, true);
            match shape {
                UsageShape::Absent => assert_eq!(told, None, "{vendor}"),
                UsageShape::Nested => {
                    assert_ne!(answer.body, plain.body, "{vendor}");
                    assert!(answer.text().contains("\"response\":{"), "{vendor}");
                }
                UsageShape::OnFinish
                | UsageShape::Late
                | UsageShape::Early
                | UsageShape::Cumulative
                | UsageShape::Placeholder => {
                    assert_eq!(told, expected, "{vendor} {shape:?}");
                }
                _ => assert!(answer.events().len() > plain.events().len(), "{vendor} {shape:?}"),
            }
        }
    }
    let bill = provider.bill();
    assert_eq!(bill.len(), 3 * 9);
    for line in &bill {
        let twin = bill.iter().find(|other| other.vendor == line.vendor).unwrap();
        assert_eq!((line.input(), line.output), (twin.input(), twin.output), "{line:?}");
    }
}

#[tokio::test]
async fn usage_comes_in_chat_streams_only_when_asked_for() {
    let provider = ScriptedProvider::start().await;
    let key = provider.add_key(Vendor::OpenAi, "main");
    let mut body = hello(Vendor::OpenAi, true).1;
    let asked = post(&provider, Vendor::OpenAi, &key, "/v1/chat/completions", &body).events();
    assert!(asked.iter().all(|chunk| chunk.get("usage").is_some()), "null on every chunk");
    assert_eq!(asked.last().unwrap()["choices"], json!([]));
    assert_eq!(asked.iter().filter(|chunk| chunk["usage"].is_object()).count(), 1);
    body["stream_options"] = json!(null);
    let plain = post(&provider, Vendor::OpenAi, &key, "/v1/chat/completions", &body).events();
    assert!(plain.iter().all(|chunk| chunk.get("usage").is_none()));
    assert_eq!(plain.len(), asked.len() - 1);
}

#[tokio::test]
async fn a_repeated_prefix_is_cheaper_for_the_same_key_only() {
    let provider = ScriptedProvider::start().await;
    let long = "All work and no play. ".repeat(100);
    for vendor in Vendor::ALL {
        let (first, second) = (provider.add_key(vendor, "first"), provider.add_key(vendor, "second"));
        let (target, body) = match vendor {
            Vendor::OpenAi => (
                "/v1/chat/completions",
                json!({"model": "gpt-4o-mini", "messages": [{"role": "user", "content": long}]}),
            ),
            Vendor::Anthropic => (
                "/v1/messages",
                json!({"model": "claude-haiku-4-5", "max_tokens": 9,
                "messages": [{"role": "user", "content": [{"type": "text", "text": long, "cache_control": {"type": "ephemeral", "ttl": "1h"}}]}]}),
            ),
            Vendor::Gemini => (
                "/v1/models/gemini-2.5-flash:generateContent",
                json!({"contents": [{"role": "user", "parts": [{"text": long}]}]}),
            ),
        };
        provider.forget();
        let answers: Vec<_> = [&first, &first, &second].map(|key| post(&provider, vendor, key, target, &body)).into();
        let bill = provider.bill();
        assert_eq!(bill[0].cache_read, 0, "{vendor}");
        assert!(bill[1].cache_read > 400, "{vendor}: {:?}", bill[1]);
        assert_eq!(bill[2].cache_read, 0, "{vendor}: another key has another cache");
        assert!(bill.iter().all(|line| line.input() == bill[0].input()), "the prompt weighs the same");
        let told = answers[1].json();
        match vendor {
            Vendor::OpenAi => assert_eq!(told["usage"]["prompt_tokens_details"]["cached_tokens"], bill[1].cache_read),
            Vendor::Anthropic => {
                assert_eq!(told["usage"]["cache_read_input_tokens"], bill[1].cache_read);
                assert_eq!(told["usage"]["input_tokens"], bill[1].uncached_input);
                assert!(bill[0].cache_write_1h > 400 && bill[0].cache_write_5m == 0);
                assert_eq!(
                    answers[0].json()["usage"]["cache_creation"]["ephemeral_1h_input_tokens"],
                    bill[0].cache_write_1h
                );
            }
            Vendor::Gemini => {
                assert_eq!(told["usageMetadata"]["cachedContentTokenCount"], bill[1].cache_read);
                assert_eq!(told["usageMetadata"]["promptTokenCount"], bill[1].input());
            }
        }
    }
}

#[tokio::test]
async fn a_stream_cut_by_the_client_is_billed_for_what_was_generated() {
    let provider = ScriptedProvider::start().await;
    for vendor in Vendor::ALL {
        let key = provider.add_key(vendor, "main");
        provider.forget();
        provider.script(Fault::answer().answer_tokens(50).stepped());
        let (target, body) = hello(vendor, true);
        let mut connection = Connection::open(provider.address());
        start(&mut connection, vendor, &key, target, &body);
        provider.wait_for_stepping(1).await;
        provider.step(3);
        provider.wait_for_stepping(1).await;
        while provider_tokens(connection.held()) < 3 {
            assert!(connection.read_some());
        }
        drop(connection);
        provider.wait_for_closed_early(1).await;
        let bill = provider.bill();
        assert_eq!(bill.len(), 1);
        assert_eq!((bill[0].ended, bill[0].output), (Ended::ClientLeft, 3), "{vendor}");
        assert!(bill[0].input() > 0);
        let closed = provider.requests().last().unwrap().closed_early.unwrap();
        assert!(!closed.before_headers && closed.after_bytes > 0);
    }
}

/// Events with text in them, by the marks each dialect puts around a text.
fn provider_tokens(bytes: &[u8]) -> usize {
    let text = String::from_utf8_lossy(bytes).into_owned();
    text.matches("\"content\":\"").count().saturating_sub(usize::from(text.contains("\"content\":\"\"")))
        + text.matches("\"text_delta\"").count()
        + text.matches("\"parts\":[{\"text\":\"").count()
}

#[tokio::test]
async fn free_operations_are_not_billed() {
    let provider = ScriptedProvider::start().await;
    let keys: Vec<String> = Vendor::ALL.iter().map(|vendor| provider.add_key(*vendor, "main")).collect();
    let turns = json!([{"role": "user", "content": "Hi"}]);
    assert_eq!(get(&provider, Vendor::OpenAi, &keys[0], "/v1/models").status, 200);
    assert_eq!(get(&provider, Vendor::Anthropic, &keys[1], "/v1/models?limit=2").json()["has_more"], true);
    assert_eq!(get(&provider, Vendor::Gemini, &keys[2], "/v1beta/models?pageSize=1").json()["nextPageToken"], "1");
    let counted = [
        post(
            &provider,
            Vendor::OpenAi,
            &keys[0],
            "/v1/responses/input_tokens",
            &json!({"model": "gpt-4o", "input": "Hi"}),
        ),
        post(
            &provider,
            Vendor::Anthropic,
            &keys[1],
            "/v1/messages/count_tokens",
            &json!({"model": "claude-haiku-4-5", "messages": turns}),
        ),
        post(
            &provider,
            Vendor::Gemini,
            &keys[2],
            "/v1/models/gemini-2.5-flash:countTokens",
            &json!({"contents": [{"parts": [{"text": "Hi"}]}]}),
        ),
        post(&provider, Vendor::OpenAi, &keys[0], "/v1/moderations", &json!({"input": "Hi"})),
    ];
    assert!(counted.iter().all(|answer| answer.status == 200));
    assert!(provider.bill().is_empty());
    assert_eq!(provider.requests_total(), 7);
}

#[tokio::test]
async fn other_operations_are_billed_in_their_own_units() {
    let provider = ScriptedProvider::start().await;
    let key = provider.add_key(Vendor::OpenAi, "main");
    let google = provider.add_key(Vendor::Gemini, "main");
    let send = |target: &str, body: serde_json::Value| {
        let answer = post(&provider, Vendor::OpenAi, &key, target, &body);
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        answer
    };
    send("/v1/embeddings", json!({"model": "text-embedding-3-small", "input": ["eight by", "tes"]}));
    send("/v1/images/generations", json!({"model": "gpt-image-1", "prompt": "grey", "n": 3}));
    let speech = send("/v1/audio/speech", json!({"model": "tts-1", "voice": "alloy", "input": "né"}));
    assert_eq!(speech.header("content-type"), Some("audio/mpeg"));
    let batch =
        json!({"requests": [{"content": {"parts": [{"text": "12345"}]}}, {"content": {"parts": [{"text": "1"}]}}]});
    post(&provider, Vendor::Gemini, &google, "/v1beta/models/gemini-embedding-001:batchEmbedContents", &batch);
    let bill = provider.bill();
    assert_eq!((bill[0].operation, bill[0].input(), bill[0].output), (Operation::Embeddings, 3, 0));
    assert_eq!((bill[1].operation, bill[1].images, bill[1].input()), (Operation::ImageGenerations, 3, 1));
    assert_eq!((bill[2].operation, bill[2].characters), (Operation::Speech, 2));
    assert_eq!((bill[3].operation, bill[3].input()), (Operation::BatchEmbedContents, 3));
}

#[test]
fn no_line_is_lost_or_doubled_under_load() {
    const CALLERS: usize = 8;
    const CALLS: usize = 50;
    let provider = ScriptedProvider::start_blocking();
    let key = provider.add_key(Vendor::OpenAi, "main");
    let (target, body) = hello(Vendor::OpenAi, true);
    std::thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                let mut connection = Connection::open(provider.address());
                for _ in 0..CALLS {
                    start(&mut connection, Vendor::OpenAi, &key, target, &body);
                    assert!(connection.answer().complete);
                }
            });
        }
    });
    let mut calls: Vec<u64> = provider.bill().iter().map(|line| line.call).collect();
    calls.sort_unstable();
    assert_eq!(calls, (1..=(CALLERS * CALLS) as u64).collect::<Vec<_>>());
    assert_eq!(provider.connections_total(), CALLERS as u64);
}
