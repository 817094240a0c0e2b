//! What an error says, whatever its shape: an object, an object in an array, a string, flat fields, a list of details,
//! an event of a stream, or no JSON at all.

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use keyward_domain::time::Timestamp;
use serde_json::Value;

use crate::retry_after::{self, Clock, parse_duration};

/// Longer error bodies are judged by their status and their first words alone, in bytes.
pub(super) const MAX_BODY: usize = 64 * 1024;
/// How much of the message the rules see, in characters.
const MAX_MESSAGE: usize = 2048;
/// How long a code may be, in characters.
const MAX_CODE: usize = 128;
/// How many codes of one error are kept: code, reason and the like; Google sends up to a dozen quota ids.
const MAX_CODES: usize = 32;

/// The code under which rules find "a daily quota of Google is used up".
pub(crate) const QUOTA_PER_DAY: &str = "keyward:quota_per_day";
/// The code under which rules find "the provider's own limit, not that of somebody behind it": the answer carries
/// `x-ratelimit-limit`.
pub(crate) const OWN_LIMIT: &str = "keyward:own_limit";
/// The code under which rules find "somebody behind the provider said so": the error names it.
pub(crate) const BEHIND: &str = "keyward:behind";
/// The code under which rules find "refused for what the prompt says".
pub(crate) const MODERATED: &str = "keyward:moderated";
/// The code under which rules find "the provider says when to come back".
pub(crate) const TOLD_WHEN: &str = "keyward:told_when";

/// An error in the words that rules are written in.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// HTTP status; `None` for an error inside a good answer that does not name one.
    pub(super) status: Option<u16>,
    /// Whether it came inside a good answer.
    pub(super) is_in_band: bool,
    /// Everything that is a code: `error.code`, `details.error_code`, `ErrorInfo.reason`, quota ids, `limit_source`,
    /// AWS's type, and the gRPC status.
    pub(super) codes: Vec<String>,
    /// `error.type`.
    pub(super) kind: String,
    /// The message in lower case.
    pub(super) message: String,
    /// When to come back, as the body says it, counted from the answer: `RetryInfo.retryDelay`, `resets_at`,
    /// `retry_after`, `estimated_time`, or a sentence.
    pub(super) wait: Option<Duration>,
}

impl Said {
    /// What an answer with this status says.
    pub(super) fn read(status: StatusCode, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Self {
        let mut said = Self { status: Some(status.as_u16()), ..Self::default() };
        let clock = Clock::new(headers, now);
        match body.get(..MAX_BODY).map_or_else(|| serde_json::from_slice::<Value>(body).ok(), |_| None) {
            Some(value) => said.take(&value, &clock),
            None => said.message = shorten(&String::from_utf8_lossy(body.get(..MAX_MESSAGE).unwrap_or(body))),
        }
        said.take_headers(headers);
        said.finish(&clock)
    }

    /// What an error inside a good answer says; `None` when there is no error in it.
    pub(super) fn read_in_band(body: &[u8], now: Timestamp) -> Option<Self> {
        let value: Value = serde_json::from_slice(body).ok()?;
        let top = first_of(&value);
        is_error(top).then_some(())?;
        let headers = HeaderMap::new();
        let clock = Clock::new(&headers, now);
        let mut said = Self { is_in_band: true, ..Self::default() };
        said.take(top, &clock);
        said.status = said.codes.iter().filter_map(|code| code.parse().ok()).find(|status| (400..600).contains(status));
        Some(said.finish(&clock))
    }

    fn take_headers(&mut self, headers: &HeaderMap) {
        if headers.contains_key("x-ratelimit-limit") {
            self.push(OWN_LIMIT);
        }
        // AWS: `ThrottlingException:http://...`, or `aws.protocoltests#ThrottlingException`.
        if let Some(kind) = headers.get("x-amzn-errortype").and_then(|kind| kind.to_str().ok()) {
            self.push(aws_type(kind));
        }
        if retry_after::from_headers(headers, Timestamp::EPOCH).is_some() {
            self.push(TOLD_WHEN);
        }
    }

    fn finish(mut self, clock: &Clock<'_>) -> Self {
        self.wait = self.wait.or_else(|| retry_after::from_message(&self.message, clock.answered()));
        self
    }

    fn take(&mut self, value: &Value, clock: &Clock<'_>) {
        let top = first_of(value);
        match error_of(top).unwrap_or(top) {
            Value::String(text) => {
                // xAI: the code is beside the text.
                self.message = shorten(text);
                self.code(top.get("code"));
            }
            Value::Array(texts) => self.message = shorten(&join(texts)),
            error => self.take_object(error, clock),
        }
        if self.kind.is_empty() {
            self.kind = text_of(top.get("error_type"));
        }
        if self.wait.is_none() {
            // Hugging Face, while a model loads; a fraction of seconds.
            self.wait = top.get("estimated_time").and_then(|time| clock.wait(&time.to_string()));
        }
    }

    fn take_object(&mut self, error: &Value, clock: &Clock<'_>) {
        self.kind = text_of(error.get("type"));
        self.message = shorten(&message_of(error));
        for name in ["code", "status", "statusCode", "error_type"] {
            self.code(error.get(name));
        }
        self.code(error.get("innererror").and_then(|inner| inner.get("code")));
        if let Some(kind) = error.get("__type").and_then(Value::as_str) {
            self.push(aws_type(kind));
        }
        let nested = error.get("details").filter(|details| details.is_object()).or_else(|| error.get("metadata"));
        if let Some(nested) = nested {
            self.take_nested(nested, clock);
        }
        if let Some(availability) = error.get("availability") {
            self.code(availability.get("code"));
            self.told(availability.get("retry_after"), clock);
        }
        for detail in error.get("details").and_then(Value::as_array).into_iter().flatten() {
            self.take_google_detail(detail);
        }
    }

    /// `details` of Anthropic, `metadata` of OpenRouter.
    fn take_nested(&mut self, nested: &Value, clock: &Clock<'_>) {
        for name in ["error_code", "error_type", "limit_source", "reason"] {
            self.code(nested.get(name));
        }
        self.told(nested.get("resets_at"), clock);
        if let Some(headers) = nested.get("headers") {
            self.push(OWN_LIMIT);
            self.told(headers.get("X-RateLimit-Reset"), clock);
        }
        // What the provider behind it said.
        if let Some(raw) = nested.get("raw").and_then(Value::as_str) {
            self.message = shorten(&format!("{} {raw}", self.message));
        }
        if nested.get("provider_name").is_some_and(Value::is_string) {
            self.push(BEHIND);
        }
        for reason in nested.get("reasons").and_then(Value::as_array).into_iter().flatten() {
            self.code(Some(reason));
            self.push(MODERATED);
        }
    }

    /// `google.rpc.ErrorInfo`, `QuotaFailure` and `RetryInfo`.
    fn take_google_detail(&mut self, detail: &Value) {
        self.code(detail.get("reason"));
        if let Some(delay) = detail.get("retryDelay").and_then(Value::as_str) {
            self.wait = parse_duration(delay);
        }
        for violation in detail.get("violations").and_then(Value::as_array).into_iter().flatten() {
            if text_of(violation.get("quotaId")).contains("PerDay") {
                self.push(QUOTA_PER_DAY);
            }
        }
    }

    /// When to come back, as a text or a number.
    fn told(&mut self, when: Option<&Value>, clock: &Clock<'_>) {
        let wait = match when {
            Some(Value::String(text)) => clock.wait(text),
            Some(Value::Number(number)) => clock.wait(&number.to_string()),
            _ => None,
        };
        self.wait = wait.or(self.wait);
    }

    fn code(&mut self, code: Option<&Value>) {
        match code {
            Some(Value::String(text)) if !text.is_empty() => self.push(text),
            Some(Value::Number(number)) => self.push(&number.to_string()),
            _ => {}
        }
    }

    fn push(&mut self, code: &str) {
        if self.codes.len() < MAX_CODES {
            self.codes.push(code.chars().take(MAX_CODE).collect());
        }
    }
}

/// Some servers wrap the error in a list of one.
fn first_of(value: &Value) -> &Value {
    value.as_array().and_then(|list| list.first()).unwrap_or(value)
}

/// The error inside an answer: `error`, or what OpenAI's `response.failed` event carries.
fn error_of(top: &Value) -> Option<&Value> {
    let is_there = |error: &&Value| !error.is_null();
    let response = top.get("response").and_then(|response| response.get("error"));
    top.get("error").filter(is_there).or(response.filter(is_there))
}

/// Whether it is worth parsing: something is named `error` that is not `null`, or is said to be one. Most of what comes
/// here is content, and good answers of OpenAI's Responses say `"error":null`.
pub(super) fn may_be_error(body: &[u8]) -> bool {
    memchr::memmem::find_iter(body, b"\"error\"").any(|at| {
        let before = body.get(..at).unwrap_or_default().trim_ascii_end();
        let after = body.get(at + b"\"error\"".len()..).unwrap_or_default().trim_ascii_start();
        match after.strip_prefix(b":") {
            Some(value) => !value.trim_ascii_start().starts_with(b"null"),
            None => before.ends_with(b":"),
        }
    })
}

/// Whether a body or an event of a good answer is an error: it has one in it, or says that it is one itself.
fn is_error(top: &Value) -> bool {
    let says = |name: &str| matches!(top.get(name).and_then(Value::as_str), Some("error"));
    let has_error = match error_of(top) {
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Object(fields)) => !fields.is_empty(),
        Some(Value::Array(list)) => !list.is_empty(),
        _ => false,
    };
    has_error || says("type") || says("event_type") || says("object")
}

/// `message`, which may be an object; else `detail`, which may be a list; else the title.
fn message_of(error: &Value) -> String {
    let names = ["message", "Message", "detail", "title"];
    match names.into_iter().filter_map(|name| error.get(name)).find(|value| !value.is_null()) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

fn aws_type(text: &str) -> &str {
    let text = text.split_once(':').map_or(text, |(kind, _)| kind);
    text.rsplit_once('#').map_or(text, |(_, kind)| kind)
}

fn join(texts: &[Value]) -> String {
    texts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; ")
}

fn text_of(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().chars().take(MAX_CODE).collect()
}

fn shorten(text: &str) -> String {
    text.chars().take(MAX_MESSAGE).flat_map(char::to_lowercase).collect()
}
