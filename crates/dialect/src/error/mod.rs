//! Refusals, spelled so that the official SDKs of each dialect raise their own exception types.
//!
//! Every body carries the stable code, who said no (`origin`), the request id and what to do about it.

mod anthropic;
mod figures;
mod gemini;
mod openai;
mod scrub;

use bytes::Bytes;
use keyward_domain::denial::Denial;
use keyward_domain::dialect::Dialect;
use serde::Serialize;

pub use scrub::{Telling, scrub};

/// The body of a refusal.
pub fn body(dialect: Dialect, denial: &Denial, request_id: &str) -> Bytes {
    match dialect {
        Dialect::OpenAi => json(&openai::body(denial, &denial.message(), request_id)),
        Dialect::Anthropic => json(&anthropic::body(denial, &denial.message(), request_id)),
        Dialect::Gemini => json(&gemini::body(denial, &denial.message(), request_id)),
    }
    .into()
}

/// The event that ends a stream in which something went wrong after the first content byte. Put it between two events
/// only (`Meter::at_event_boundary`), and end the stream behind it without a success terminator.
pub fn stream_event(dialect: Dialect, denial: &Denial, request_id: &str) -> Bytes {
    let body = body(dialect, denial, request_id);
    // Anthropic's SDKs look only at named events, the others only at data.
    let head: &[u8] = if dialect == Dialect::Anthropic { b"event: error\ndata: " } else { b"data: " };
    [head, &body, b"\n\n"].concat().into()
}

/// The same for OpenAI `responses`, whose events are named and typed.
pub fn responses_event(denial: &Denial, request_id: &str) -> Bytes {
    let event = json(&openai::event(denial, &denial.message(), request_id));
    [b"event: error\ndata: ".as_slice(), &event, b"\n\n"].concat().into()
}

fn json(value: &impl Serialize) -> Vec<u8> {
    // Cannot fail: plain structs and strings, written to memory. If it ever did, an empty object is still JSON.
    serde_json::to_vec(value).unwrap_or_else(|_| b"{}".to_vec())
}
