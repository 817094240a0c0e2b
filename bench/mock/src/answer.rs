//! The canned bodies, in the size and shape of a small real model's answers.

use bytes::Bytes;

const ID: &str = "chatcmpl-BkT7u2wVq3mZr9Xy4Lp6Ns8Dh0Gf";
const FINGERPRINT: &str = "fp_34a54ae93c";
const TEXT: &str = "The gateway accepts the request, checks the key, picks an upstream and copies the answer back to \
                    the caller. Nothing else should happen on this path.";
const WORDS: [&str; 10] = [" The", " gateway", " copies", " each", " chunk", " as", " it", " arrives", ",", " then"];

pub struct Answers {
    pub plain: Bytes,
    /// Role event, content events, finish event; usage and `[DONE]` are separate because usage is only on request.
    pub events: Vec<Bytes>,
    pub usage_event: Bytes,
    pub done_event: Bytes,
    pub models: Bytes,
    pub failure: Bytes,
}

impl Answers {
    pub fn new(content_events: usize) -> Self {
        let mut events = vec![event(r#"{"role":"assistant","content":"","refusal":null}"#, "null")];
        events.extend(
            WORDS.iter().cycle().take(content_events).map(|word| event(&format!(r#"{{"content":"{word}"}}"#), "null")),
        );
        events.push(event("{}", r#""stop""#));
        Self {
            plain: plain(),
            events,
            usage_event: usage_event(),
            done_event: Bytes::from_static(b"data: [DONE]\n\n"),
            models: Bytes::from_static(
                br#"{"object":"list","data":[{"id":"gpt-4o-mini","object":"model","created":1721172741,"owned_by":"system"},{"id":"gpt-4o","object":"model","created":1715367049,"owned_by":"system"}]}"#,
            ),
            failure: Bytes::from_static(
                br#"{"error":{"message":"mock failure","type":"mock_error","param":null,"code":"mock"}}"#,
            ),
        }
    }
}

fn plain() -> Bytes {
    Bytes::from(format!(
        r#"{{"id":"{ID}","object":"chat.completion","created":1750000000,"model":"gpt-4o-mini-2024-07-18","choices":[{{"index":0,"message":{{"role":"assistant","content":"{TEXT}","refusal":null}},"logprobs":null,"finish_reason":"stop"}}],"usage":{{"prompt_tokens":25,"completion_tokens":40,"total_tokens":65,"prompt_tokens_details":{{"cached_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":0}}}},"system_fingerprint":"{FINGERPRINT}"}}"#
    ))
}

fn event(delta: &str, finish_reason: &str) -> Bytes {
    let head = event_head();
    Bytes::from(format!(
        "data: {head}\"choices\":[{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\"finish_reason\":{finish_reason}}}]}}\n\n"
    ))
}

fn usage_event() -> Bytes {
    let head = event_head();
    Bytes::from(format!(
        "data: {head}\"choices\":[],\"usage\":{{\"prompt_tokens\":25,\"completion_tokens\":40,\"total_tokens\":65}}}}\n\n"
    ))
}

fn event_head() -> String {
    format!(
        r#"{{"id":"{ID}","object":"chat.completion.chunk","created":1750000000,"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"{FINGERPRINT}","#
    )
}
