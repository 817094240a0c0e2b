//! Usage payloads and what they come to, computed by hand.

use keyward_dialect::tee::{Meter, Shape};
use keyward_dialect::usage::{Reading, read};
use keyward_domain::dialect::{Dialect, Operation};
use keyward_domain::usage::{Usage, UsageSource};
use proptest::prelude::*;

use crate::tee::run;

const NONE: Usage = Usage {
    input_uncached: 0,
    cache_read: 0,
    cache_write_5m: 0,
    cache_write_1h: 0,
    input_audio: 0,
    input_image: 0,
    output: 0,
    reasoning: 0,
    output_audio: 0,
    output_image: 0,
    images: 0,
    input_audio_ms: 0,
    input_characters: 0,
    searches: 0,
};

/// A payload, what it comes to, and the provider's own totals of prompt and answer.
struct Golden {
    what: &'static str,
    dialect: Dialect,
    operation: Operation,
    usage: &'static str,
    buckets: Usage,
    totals: (u64, u64),
}

fn openai() -> Vec<Golden> {
    use Operation::{Chat, Completion, Embed, Image, Responses, Speech, Transcribe};
    let golden = |what, operation, usage, buckets, totals| Golden {
        what,
        dialect: Dialect::OpenAi,
        operation,
        usage,
        buckets,
        totals,
    };
    vec![
        golden(
            "plain",
            Chat,
            r#"{"prompt_tokens":25,"completion_tokens":40,"total_tokens":65}"#,
            Usage { input_uncached: 25, output: 40, ..NONE },
            (25, 40),
        ),
        golden(
            "cache read and write, reasoning, predictions",
            Chat,
            r#"{"prompt_tokens":120,"completion_tokens":48,"total_tokens":168,"prompt_tokens_details":{"cached_tokens":64,"cache_write_tokens":32,"audio_tokens":0,"image_tokens":0,"text_tokens":120},"completion_tokens_details":{"reasoning_tokens":20,"audio_tokens":0,"text_tokens":28,"accepted_prediction_tokens":0,"rejected_prediction_tokens":9}}"#,
            Usage { input_uncached: 24, cache_read: 64, cache_write_5m: 32, output: 28, reasoning: 20, ..NONE },
            (120, 48),
        ),
        golden(
            "audio both ways, image in",
            Chat,
            r#"{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150,"prompt_tokens_details":{"cached_tokens":10,"audio_tokens":30,"image_tokens":20},"completion_tokens_details":{"audio_tokens":35,"reasoning_tokens":5}}"#,
            Usage {
                input_uncached: 40,
                cache_read: 10,
                input_audio: 30,
                input_image: 20,
                output: 10,
                reasoning: 5,
                output_audio: 35,
                ..NONE
            },
            (100, 50),
        ),
        golden(
            "an image that the cache holds",
            Chat,
            r#"{"prompt_tokens":1200,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":1000,"image_tokens":800}}"#,
            Usage { cache_read: 1000, input_image: 200, output: 1, ..NONE },
            (1200, 1),
        ),
        golden(
            "nulls where nothing is",
            Chat,
            r#"{"prompt_tokens":5,"completion_tokens":6,"total_tokens":11,"prompt_tokens_details":null,"completion_tokens_details":{"reasoning_tokens":null}}"#,
            Usage { input_uncached: 5, output: 6, ..NONE },
            (5, 6),
        ),
        golden(
            "xAI counts reasoning beside the completion",
            Chat,
            r#"{"prompt_tokens":10,"completion_tokens":4,"total_tokens":114,"completion_tokens_details":{"reasoning_tokens":100}}"#,
            Usage { input_uncached: 10, output: 4, reasoning: 100, ..NONE },
            (10, 104),
        ),
        golden(
            "DeepSeek's cache",
            Chat,
            r#"{"prompt_tokens":1200,"completion_tokens":80,"total_tokens":1280,"prompt_cache_hit_tokens":1000,"prompt_cache_miss_tokens":200}"#,
            Usage { input_uncached: 200, cache_read: 1000, output: 80, ..NONE },
            (1200, 80),
        ),
        golden(
            "Mistral's cache",
            Chat,
            r#"{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"num_cached_tokens":4}"#,
            Usage { input_uncached: 5, cache_read: 4, output: 2, ..NONE },
            (9, 2),
        ),
        golden(
            "floats that are whole",
            Completion,
            r#"{"prompt_tokens":5.0,"completion_tokens":6.0}"#,
            Usage { input_uncached: 5, output: 6, ..NONE },
            (5, 6),
        ),
        golden(
            "responses, cache writes of two lifetimes",
            Responses,
            r#"{"input_tokens":1000,"input_tokens_details":{"cached_tokens":400,"cache_write_tokens":300,"cache_write_tokens_details":{"ttl_30m_tokens":200,"ttl_12h_tokens":100}},"output_tokens":50,"output_tokens_details":{"reasoning_tokens":45},"total_tokens":1050}"#,
            Usage {
                input_uncached: 300,
                cache_read: 400,
                cache_write_5m: 200,
                cache_write_1h: 100,
                output: 5,
                reasoning: 45,
                ..NONE
            },
            (1000, 50),
        ),
        golden(
            "embeddings",
            Embed,
            r#"{"prompt_tokens":8,"total_tokens":8}"#,
            Usage { input_uncached: 8, ..NONE },
            (8, 0),
        ),
        golden(
            "an image from text and image",
            Image,
            r#"{"input_tokens":60,"input_tokens_details":{"text_tokens":20,"image_tokens":40},"output_tokens":4160,"total_tokens":4220}"#,
            Usage { input_uncached: 20, input_image: 40, output_image: 4160, ..NONE },
            (60, 4160),
        ),
        golden(
            "an image with text beside it",
            Image,
            r#"{"input_tokens":20,"output_tokens":100,"output_tokens_details":{"text_tokens":30,"image_tokens":70},"total_tokens":120}"#,
            Usage { input_uncached: 20, output: 30, output_image: 70, ..NONE },
            (20, 100),
        ),
        golden(
            "speech",
            Speech,
            r#"{"input_tokens":14,"output_tokens":101,"total_tokens":115}"#,
            Usage { input_uncached: 14, output_audio: 101, ..NONE },
            (14, 101),
        ),
        golden(
            "transcription by tokens",
            Transcribe,
            r#"{"type":"tokens","input_tokens":14,"input_token_details":{"audio_tokens":12,"text_tokens":2},"output_tokens":45,"total_tokens":59}"#,
            Usage { input_uncached: 2, input_audio: 12, output: 45, ..NONE },
            (14, 45),
        ),
        golden(
            "transcription by time",
            Transcribe,
            r#"{"type":"duration","seconds":9}"#,
            Usage { input_audio_ms: 9000, ..NONE },
            (0, 0),
        ),
        golden(
            "transcription by broken time",
            Transcribe,
            r#"{"type":"duration","seconds":9.0301}"#,
            Usage { input_audio_ms: 9031, ..NONE },
            (0, 0),
        ),
    ]
}

fn anthropic() -> Vec<Golden> {
    let golden = |what, usage, buckets, totals| Golden {
        what,
        dialect: Dialect::Anthropic,
        operation: Operation::Messages,
        usage,
        buckets,
        totals,
    };
    vec![
        golden(
            "plain",
            r#"{"input_tokens":40,"output_tokens":90}"#,
            Usage { input_uncached: 40, output: 90, ..NONE },
            (40, 90),
        ),
        golden(
            "everything",
            r#"{"input_tokens":40,"cache_creation_input_tokens":200,"cache_read_input_tokens":1000,"cache_creation":{"ephemeral_5m_input_tokens":150,"ephemeral_1h_input_tokens":50},"output_tokens":90,"output_tokens_details":{"thinking_tokens":30},"server_tool_use":{"web_search_requests":2,"web_fetch_requests":1},"service_tier":"standard"}"#,
            Usage {
                input_uncached: 40,
                cache_read: 1000,
                cache_write_5m: 150,
                cache_write_1h: 50,
                output: 60,
                reasoning: 30,
                searches: 2,
                ..NONE
            },
            (1240, 90),
        ),
        golden(
            "written, no lifetimes given",
            r#"{"input_tokens":1,"cache_creation_input_tokens":7,"cache_read_input_tokens":0,"output_tokens":2}"#,
            Usage { input_uncached: 1, cache_write_5m: 7, output: 2, ..NONE },
            (8, 2),
        ),
        golden(
            "nulls",
            r#"{"input_tokens":1,"cache_creation_input_tokens":null,"cache_read_input_tokens":null,"cache_creation":null,"output_tokens":2,"server_tool_use":null}"#,
            Usage { input_uncached: 1, output: 2, ..NONE },
            (1, 2),
        ),
        golden(
            "compaction is billed by its turns",
            r#"{"input_tokens":100,"output_tokens":20,"iterations":[{"type":"compaction","input_tokens":5000,"output_tokens":300},{"type":"message","input_tokens":100,"cache_read_input_tokens":0,"output_tokens":20}]}"#,
            Usage { input_uncached: 5100, output: 320, ..NONE },
            (5100, 320),
        ),
    ]
}

fn gemini() -> Vec<Golden> {
    let golden = |what, usage, buckets, totals| Golden {
        what,
        dialect: Dialect::Gemini,
        operation: Operation::Generate,
        usage,
        buckets,
        totals,
    };
    vec![
        golden(
            "plain",
            r#"{"promptTokenCount":10,"candidatesTokenCount":20,"totalTokenCount":30}"#,
            Usage { input_uncached: 10, output: 20, ..NONE },
            (10, 20),
        ),
        golden(
            "cache, thoughts, tools",
            r#"{"promptTokenCount":900,"cachedContentTokenCount":512,"candidatesTokenCount":20,"thoughtsTokenCount":80,"toolUsePromptTokenCount":40,"totalTokenCount":1040,"promptTokensDetails":[{"modality":"TEXT","tokenCount":900}],"cacheTokensDetails":[],"candidatesTokensDetails":[],"trafficType":"ON_DEMAND"}"#,
            Usage { input_uncached: 428, cache_read: 512, output: 20, reasoning: 80, ..NONE },
            (940, 100),
        ),
        golden(
            "thoughts counted among the candidates",
            r#"{"promptTokenCount":10,"candidatesTokenCount":100,"thoughtsTokenCount":80,"totalTokenCount":110}"#,
            Usage { input_uncached: 10, output: 20, reasoning: 80, ..NONE },
            (10, 100),
        ),
        golden(
            "audio and images, partly cached",
            r#"{"promptTokenCount":1000,"cachedContentTokenCount":100,"candidatesTokenCount":300,"totalTokenCount":1300,"promptTokensDetails":[{"modality":"TEXT","tokenCount":200},{"modality":"AUDIO","tokenCount":500},{"modality":"IMAGE","tokenCount":258},{"modality":"VIDEO","tokenCount":42}],"cacheTokensDetails":[{"modality":"AUDIO","tokenCount":100}],"candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":290},{"modality":"TEXT","tokenCount":10}]}"#,
            Usage {
                input_uncached: 242,
                cache_read: 100,
                input_audio: 400,
                input_image: 258,
                output: 10,
                output_image: 290,
                ..NONE
            },
            (1000, 300),
        ),
        golden(
            "a blocked prompt",
            r#"{"promptTokenCount":7,"totalTokenCount":7}"#,
            Usage { input_uncached: 7, ..NONE },
            (7, 0),
        ),
    ]
}

#[test]
fn m09_golden_payloads_come_to_the_hand_computed_buckets() {
    for golden in openai().into_iter().chain(anthropic()).chain(gemini()) {
        let reading = read(golden.dialect, golden.operation, golden.usage.as_bytes());
        assert_eq!(reading, Reading::Known(golden.buckets), "{}", golden.what);
        assert_eq!(
            (golden.buckets.prompt_tokens(), golden.buckets.completion_tokens()),
            golden.totals,
            "{}",
            golden.what
        );
        let spaced = golden.usage.replace(':', " : ").replace(',', "\n, ");
        assert_eq!(read(golden.dialect, golden.operation, spaced.as_bytes()), reading, "{} with spaces", golden.what);
    }
}

/// The same usage at the end of a stream and in a document.
fn both_ways(golden: &Golden) -> (String, String) {
    let usage = golden.usage;
    match (golden.dialect, golden.operation) {
        (Dialect::Anthropic, _) => (
            format!(
                "event: message_start\ndata: {{\"type\":\"message_start\",\"message\":{{\"usage\":{{\"input_tokens\":3,\"output_tokens\":1}}}}}}\n\n\
                 event: message_delta\ndata: {{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":\"end_turn\"}},\"usage\":{usage}}}\n\n\
                 event: message_stop\ndata: {{\"type\":\"message_stop\"}}\n\n"
            ),
            format!("{{\"type\":\"message\",\"content\":[],\"usage\":{usage}}}"),
        ),
        (Dialect::Gemini, _) => (
            format!(
                "data: {{\"candidates\":[],\"usageMetadata\":{{\"promptTokenCount\":1,\"candidatesTokenCount\":99}}}}\n\n\
                 data: {{\"candidates\":[{{\"finishReason\":\"STOP\"}}],\"usageMetadata\":{usage}}}\n\n"
            ),
            format!("{{\"candidates\":[],\"usageMetadata\":{usage}}}"),
        ),
        (_, Operation::Responses) => (
            format!(
                "event: response.completed\ndata: {{\"type\":\"response.completed\",\"response\":{{\"usage\":{usage}}}}}\n\n"
            ),
            format!("{{\"object\":\"response\",\"error\":null,\"usage\":{usage}}}"),
        ),
        (_, Operation::Image) => (
            format!("data: {{\"type\":\"image_generation.completed\",\"b64_json\":\"\",\"usage\":{usage}}}\n\n"),
            format!("{{\"data\":[{{}}],\"usage\":{usage}}}"),
        ),
        (_, Operation::Speech) => (
            format!("data: {{\"type\":\"speech.audio.done\",\"usage\":{usage}}}\n\n"),
            format!("{{\"usage\":{usage}}}"),
        ),
        (_, Operation::Transcribe) => (
            format!("data: {{\"type\":\"transcript.text.done\",\"text\":\"x\",\"usage\":{usage}}}\n\n"),
            format!("{{\"text\":\"x\",\"usage\":{usage}}}"),
        ),
        _ => (
            format!("data: {{\"choices\":[],\"usage\":{usage}}}\n\ndata: [DONE]\n\n"),
            format!("{{\"choices\":[],\"usage\":{usage}}}"),
        ),
    }
}

#[test]
fn m09_a_stream_comes_to_the_same_as_a_document() {
    for golden in openai().into_iter().chain(anthropic()).chain(gemini()) {
        let (stream, document) = both_ways(&golden);
        for (shape, body) in [(Shape::Sse, stream), (Shape::Json, document)] {
            let metered = run(Meter::new(golden.dialect, golden.operation, shape, false), [body]).metered;
            assert_eq!(metered.usage, Some(golden.buckets), "{} as {shape:?}", golden.what);
            assert_eq!(
                (metered.source, metered.complete, metered.suspect),
                (UsageSource::Provider, true, false),
                "{} as {shape:?}",
                golden.what
            );
        }
    }
}

#[test]
fn m09_searches_beside_the_usage_are_counted() {
    let response = "{\"usage\":{\"input_tokens\":1,\"output_tokens\":2},\"tool_usage\":{\"image_gen\":{\"num_requests\":9},\"web_search\":{\"num_requests\":3}}}";
    let expected = Some(Usage { input_uncached: 1, output: 2, searches: 3, ..NONE });
    let document = Meter::new(Dialect::OpenAi, Operation::Responses, Shape::Json, false);
    assert_eq!(run(document, [response]).metered.usage, expected);
    let stream = Meter::new(Dialect::OpenAi, Operation::Responses, Shape::Sse, false);
    let event = format!("data: {{\"type\":\"response.completed\",\"response\":{response}}}\n\n");
    assert_eq!(run(stream, [event]).metered.usage, expected);
}

#[test]
fn m09_usage_that_says_nothing_is_missing_not_zero() {
    for (dialect, raw) in [
        (Dialect::OpenAi, "{}"),
        (Dialect::OpenAi, "null"),
        (Dialect::OpenAi, "{\"total_tokens\":5}"),
        (Dialect::OpenAi, "7"),
        (Dialect::Anthropic, "{\"service_tier\":\"standard\"}"),
        (Dialect::Gemini, "{\"trafficType\":\"ON_DEMAND\"}"),
    ] {
        assert_eq!(read(dialect, Operation::Chat, raw.as_bytes()), Reading::Missing, "{raw}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn m09_buckets_sum_to_the_providers_totals(
        prompt in 0..1_000_000_u64, completion in 0..1_000_000_u64, cached in 0..1_200_000_u64, written in 0..200_000_u64,
        audio in 0..300_000_u64, image in 0..300_000_u64, reasoning in 0..1_200_000_u64, spoken in 0..300_000_u64,
    ) {
        let raw = format!(
            "{{\"prompt_tokens\":{prompt},\"completion_tokens\":{completion},\"total_tokens\":{},\
             \"prompt_tokens_details\":{{\"cached_tokens\":{cached},\"cache_write_tokens\":{written},\"audio_tokens\":{audio},\"image_tokens\":{image}}},\
             \"completion_tokens_details\":{{\"reasoning_tokens\":{reasoning},\"audio_tokens\":{spoken}}}}}",
            prompt + completion
        );
        let true_parts = cached + written <= prompt && audio <= prompt && image <= prompt && reasoning + spoken <= completion;
        match read(Dialect::OpenAi, Operation::Chat, raw.as_bytes()) {
            Reading::Known(usage) => {
                prop_assert!(true_parts);
                prop_assert_eq!((usage.prompt_tokens(), usage.completion_tokens()), (prompt, completion));
                prop_assert_eq!((usage.cache_read, usage.cache_write_5m, usage.reasoning), (cached, written, reasoning));
            }
            other => prop_assert!(!true_parts, "{:?}", other),
        }
    }

    #[test]
    fn m09_gemini_buckets_sum_to_the_total(
        prompt in 0..1_000_000_u64, cached in 0..1_000_000_u64, candidates in 0..1_000_000_u64, thoughts in 0..1_000_000_u64,
        tools in 0..10_000_u64, audio in 0..1_000_000_u64, image_out in 0..1_000_000_u64,
    ) {
        let total = prompt + candidates + thoughts + tools;
        let raw = format!(
            "{{\"promptTokenCount\":{prompt},\"cachedContentTokenCount\":{cached},\"candidatesTokenCount\":{candidates},\
             \"thoughtsTokenCount\":{thoughts},\"toolUsePromptTokenCount\":{tools},\"totalTokenCount\":{total},\
             \"promptTokensDetails\":[{{\"modality\":\"AUDIO\",\"tokenCount\":{audio}}}],\
             \"candidatesTokensDetails\":[{{\"modality\":\"IMAGE\",\"tokenCount\":{image_out}}}]}}"
        );
        match read(Dialect::Gemini, Operation::Generate, raw.as_bytes()) {
            Reading::Known(usage) => prop_assert_eq!(usage.prompt_tokens() + usage.completion_tokens(), total),
            other => prop_assert!(cached > prompt || audio > prompt || image_out > candidates, "{:?}", other),
        }
    }

    #[test]
    fn m09_anthropic_buckets_sum_to_the_total(
        input in 0..1_000_000_u64, read_ in 0..1_000_000_u64, short in 0..1_000_000_u64, long in 0..1_000_000_u64,
        output in 0..1_000_000_u64, thinking in 0..1_200_000_u64,
    ) {
        let raw = format!(
            "{{\"input_tokens\":{input},\"cache_read_input_tokens\":{read_},\"cache_creation_input_tokens\":{},\
             \"cache_creation\":{{\"ephemeral_5m_input_tokens\":{short},\"ephemeral_1h_input_tokens\":{long}}},\
             \"output_tokens\":{output},\"output_tokens_details\":{{\"thinking_tokens\":{thinking}}}}}",
            short + long
        );
        match read(Dialect::Anthropic, Operation::Messages, raw.as_bytes()) {
            Reading::Known(usage) => {
                prop_assert_eq!(usage.prompt_tokens(), input + read_ + short + long);
                prop_assert_eq!(usage.completion_tokens(), output);
                prop_assert_eq!((usage.cache_write_5m, usage.cache_write_1h), (short, long));
            }
            other => prop_assert!(thinking > output, "{:?}", other),
        }
    }

    #[test]
    fn m09_nonsense_is_never_believed_nor_fatal(raw in "[ -~]{0,200}") {
        for dialect in Dialect::ALL {
            for operation in Operation::ALL {
                let _ = read(dialect, operation, raw.as_bytes());
            }
        }
    }
}
