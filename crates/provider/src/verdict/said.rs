//! What an error body says, whatever its shape: an object, an object in an array, a string, flat fields, a list of
//! details, or no JSON at all.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::retry_after;

/// Longer error bodies are judged by their status and their first words alone.
const MAX_BODY: usize = 64 * 1024;
/// How much of the message the rules see, in characters.
const MAX_MESSAGE: usize = 2048;
/// How many codes of one error are kept: code, reason and the like; Google sends up to a dozen quota ids.
const MAX_CODES: usize = 32;

/// An error in the words that rules are written in.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// HTTP status.
    pub(super) status: u16,
    /// Everything that is a code: `error.code`, `details.error_code`, `ErrorInfo.reason`, quota ids, `limit_source`,
    /// and the gRPC status.
    pub(super) codes: Vec<String>,
    /// `error.type`.
    pub(super) kind: String,
    /// The message in lower case.
    pub(super) message: String,
    /// `RetryInfo.retryDelay`.
    pub(super) retry_delay: Option<Duration>,
}

impl Said {
    pub(super) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let mut said = Self { status: status.as_u16(), ..Self::default() };
        match body.get(..MAX_BODY).map_or_else(|| serde_json::from_slice::<Value>(body).ok(), |_| None) {
            Some(value) => said.take(&value),
            None => said.message = shorten(&String::from_utf8_lossy(body.get(..MAX_MESSAGE).unwrap_or(body))),
        }
        if headers.contains_key("x-ratelimit-limit") {
            said.codes.push(OWN_LIMIT.to_owned());
        }
        said.codes.truncate(MAX_CODES);
        said
    }

    fn take(&mut self, value: &Value) {
        let top = value.as_array().and_then(|list| list.first()).unwrap_or(value);
        let error = match top.get("error") {
            Some(error) if !error.is_null() => error,
            _ => top,
        };
        match error {
            Value::String(text) => {
                // xAI: the code is beside the text.
                self.message = shorten(text);
                self.code(top.get("code"));
            }
            Value::Array(texts) => self.message = shorten(&join(texts)),
            _ => self.take_object(error),
        }
        if self.kind.is_empty() {
            self.kind = text_of(top.get("error_type"));
        }
    }

    fn take_object(&mut self, error: &Value) {
        self.kind = text_of(error.get("type"));
        self.message = shorten(&message_of(error));
        self.code(error.get("code"));
        self.code(error.get("status"));
        let nested = error.get("details").filter(|details| details.is_object()).or_else(|| error.get("metadata"));
        for name in ["error_code", "error_type", "limit_source"] {
            self.code(nested.and_then(|nested| nested.get(name)));
        }
        // OpenRouter: what the provider behind it said.
        if let Some(raw) = nested.and_then(|nested| nested.get("raw")).and_then(Value::as_str) {
            self.message = shorten(&format!("{} {raw}", self.message));
        }
        for reason in nested.and_then(|nested| nested.get("reasons")).and_then(Value::as_array).into_iter().flatten() {
            self.code(Some(reason));
            self.codes.push(MODERATED.to_owned());
        }
        for detail in error.get("details").and_then(Value::as_array).into_iter().flatten() {
            self.take_google_detail(detail);
        }
    }

    /// `google.rpc.ErrorInfo`, `QuotaFailure` and `RetryInfo`.
    fn take_google_detail(&mut self, detail: &Value) {
        self.code(detail.get("reason"));
        if let Some(delay) = detail.get("retryDelay").and_then(Value::as_str) {
            self.retry_delay = retry_after::parse_duration(delay);
        }
        for violation in detail.get("violations").and_then(Value::as_array).into_iter().flatten() {
            let id = text_of(violation.get("quotaId"));
            if id.contains("PerDay") {
                self.codes.push(QUOTA_PER_DAY.to_owned());
            }
        }
    }

    fn code(&mut self, code: Option<&Value>) {
        match code {
            Some(Value::String(text)) if !text.is_empty() => self.codes.push(text.chars().take(128).collect()),
            Some(Value::Number(number)) => self.codes.push(number.to_string()),
            _ => {}
        }
    }
}

/// The code under which rules find "a daily quota of Google is used up".
pub(crate) const QUOTA_PER_DAY: &str = "keyward:quota_per_day";
/// The code under which rules find "the provider's own limit, not that of somebody behind it": the answer carries
/// `x-ratelimit-limit`.
pub(crate) const OWN_LIMIT: &str = "keyward:own_limit";
/// The code under which rules find "refused for what the prompt says".
pub(crate) const MODERATED: &str = "keyward:moderated";

/// `message`, which may be an object; else `detail`, which may be a list; else the title.
fn message_of(error: &Value) -> String {
    let message = ["message", "detail", "title"].into_iter().filter_map(|name| error.get(name)).find(|v| !v.is_null());
    match message {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

fn join(texts: &[Value]) -> String {
    texts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; ")
}

fn text_of(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().chars().take(128).collect()
}

fn shorten(text: &str) -> String {
    text.chars().take(MAX_MESSAGE).flat_map(char::to_lowercase).collect()
}
