//! The end of a stream that had to be cut short, in the words that each dialect has for an answer that became too long.
//! Clients take it for what it is: half an answer, properly ended.

use std::fmt::Write as _;

use bytes::Bytes;
use keyward_domain::dialect::{Dialect, Operation};
use memchr::memmem;

use crate::json::quote;

/// What the end has to repeat of the answer.
#[derive(Debug, Clone, Copy)]
pub struct Cut<'a> {
    /// The wire format.
    pub dialect: Dialect,
    /// What was asked.
    pub operation: Operation,
    /// The model, as the answer calls it.
    pub model: &'a str,
    /// The request's id.
    pub id: &'a str,
    /// Unix seconds.
    pub created: i64,
    /// Answers that were asked for.
    pub candidates: u32,
    /// Tokens of output seen, at least.
    pub output_tokens: u64,
    /// Anthropic: the content block that is open.
    pub open_block: Option<u64>,
}

/// The events that end the stream.
pub fn length_reached(cut: &Cut<'_>) -> Bytes {
    let mut model = Vec::new();
    quote(cut.model, &mut model);
    let model = String::from_utf8(model).unwrap_or_else(|_| "\"\"".to_owned());
    match (cut.dialect, cut.operation) {
        (Dialect::Anthropic, _) => anthropic(cut),
        (Dialect::Gemini, _) => gemini(cut),
        (Dialect::OpenAi, Operation::Responses) => responses(cut, &model),
        (Dialect::OpenAi, Operation::Completion) => {
            let choice = r#"{"index":INDEX,"text":"","logprobs":null,"finish_reason":"length"}"#;
            chat(cut, &model, "text_completion", choice)
        }
        (Dialect::OpenAi, _) => {
            let choice = r#"{"index":INDEX,"delta":{},"finish_reason":"length"}"#;
            chat(cut, &model, "chat.completion.chunk", choice)
        }
    }
    .into()
}

/// The content block that these events leave open, given the one that was open before. Anthropic's stream ends each block
/// before it ends itself.
pub fn open_block(before: Option<u64>, events: &[u8]) -> Option<u64> {
    let start = memmem::rfind(events, b"\"content_block_start\"");
    let stop = memmem::rfind(events, b"\"content_block_stop\"");
    match (start, stop) {
        (None, None) => before,
        (None, Some(_)) => None,
        (Some(start), Some(stop)) if stop > start => None,
        (Some(start), _) => index_behind(events.get(start..).unwrap_or_default()),
    }
}

fn index_behind(event: &[u8]) -> Option<u64> {
    const INDEX: &[u8] = b"\"index\":";
    let from = memmem::find(event, INDEX)? + INDEX.len();
    let digits: Vec<u8> =
        event.get(from..)?.trim_ascii_start().iter().copied().take_while(u8::is_ascii_digit).collect();
    std::str::from_utf8(&digits).ok()?.parse().ok()
}

fn chat(cut: &Cut<'_>, model: &str, object: &str, choice: &str) -> String {
    let Cut { id, created, .. } = cut;
    let each = (0..cut.candidates.max(1)).map(|index| choice.replace("INDEX", &index.to_string()));
    let mut text = String::new();
    for choice in each {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "data: {{\"id\":\"{id}\",\"object\":\"{object}\",\"created\":{created},\"model\":{model},\"choices\":[{choice}]}}\n\n"
        );
    }
    text.push_str("data: [DONE]\n\n");
    text
}

fn responses(cut: &Cut<'_>, model: &str) -> String {
    let Cut { id, created, .. } = cut;
    let response = format!(
        "{{\"id\":\"{id}\",\"object\":\"response\",\"created_at\":{created},\"status\":\"incomplete\",\"error\":null,\
         \"incomplete_details\":{{\"reason\":\"max_output_tokens\"}},\"model\":{model},\"output\":[],\
         \"parallel_tool_calls\":true,\"tool_choice\":\"auto\",\"tools\":[]}}"
    );
    // Numbers of a stream grow; this is its last.
    let last = i64::from(i32::MAX);
    format!(
        "event: response.incomplete\n\
         data: {{\"type\":\"response.incomplete\",\"sequence_number\":{last},\"response\":{response}}}\n\n"
    )
}

fn anthropic(cut: &Cut<'_>) -> String {
    let mut text = String::new();
    if let Some(index) = cut.open_block {
        let _ =
            write!(text, "event: content_block_stop\ndata: {{\"type\":\"content_block_stop\",\"index\":{index}}}\n\n");
    }
    let tokens = cut.output_tokens;
    let _ = write!(
        text,
        "event: message_delta\ndata: {{\"type\":\"message_delta\",\"delta\":{{\"stop_reason\":\"max_tokens\",\
         \"stop_sequence\":null}},\"usage\":{{\"output_tokens\":{tokens}}}}}\n\n\
         event: message_stop\ndata: {{\"type\":\"message_stop\"}}\n\n"
    );
    text
}

fn gemini(cut: &Cut<'_>) -> String {
    let each = (0..cut.candidates.max(1)).map(|index| {
        format!(
            "{{\"content\":{{\"parts\":[{{\"text\":\"\"}}],\"role\":\"model\"}},\"finishReason\":\"MAX_TOKENS\",\
             \"index\":{index}}}"
        )
    });
    format!("data: {{\"candidates\":[{}]}}\n\n", each.collect::<Vec<_>>().join(","))
}
