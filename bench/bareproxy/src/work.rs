//! The least work a gateway must do: look the caller's key up, know the model, swap the credential, read the usage.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::{Request, StatusCode};
use memchr::{memchr, memmem, memrchr};
use serde::Deserialize;

use crate::body::Outgoing;

/// The key that the load generator sends.
pub const CALLER_KEY: &str = "bench";
/// So that the look-up is not into a map of one entry.
const OTHER_KEYS: usize = 10_000;

static TOKENS: AtomicU64 = AtomicU64::new(0);

pub struct Books {
    keys: HashMap<String, HeaderValue>,
    models: HashSet<&'static str>,
}

#[derive(Deserialize)]
struct Peek<'a> {
    #[serde(borrow)]
    model: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Metered {
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
}

impl Books {
    pub fn new() -> Self {
        let others = (0..OTHER_KEYS).map(|n| format!("{CALLER_KEY}-{n}"));
        let credential = HeaderValue::from_static("Bearer upstream");
        Self {
            keys: others.chain([CALLER_KEY.to_owned()]).map(|key| (key, credential.clone())).collect(),
            models: HashSet::from(["gpt-4o-mini", "gpt-4o"]),
        }
    }

    pub async fn check(&self, request: Request<Incoming>) -> Result<Request<Outgoing>, StatusCode> {
        let (mut head, body) = request.into_parts();
        let credential = head
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .and_then(|key| self.keys.get(key))
            .ok_or(StatusCode::UNAUTHORIZED)?;
        head.headers.insert(AUTHORIZATION, credential.clone());
        let body: Bytes = body.collect().await.map_err(|_| StatusCode::BAD_REQUEST)?.to_bytes();
        let peek: Peek = serde_json::from_slice(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
        if !self.models.contains(peek.model.as_ref()) {
            return Err(StatusCode::NOT_FOUND);
        }
        Ok(Request::from_parts(head, Outgoing::Collected(Full::new(body))))
    }
}

/// Counts the usage in a plain answer or in a stream's usage event, when it lies whole in `data`.
pub fn meter(data: &[u8]) {
    let Some(at) = memmem::find(data, b"\"usage\":{") else { return };
    let start = memrchr(b'\n', &data[..at]).map_or(0, |newline| newline + 1);
    let end = memchr(b'\n', &data[at..]).map_or(data.len(), |newline| at + newline);
    let line = &data[start..end];
    if let Ok(Metered { usage: Some(usage) }) = serde_json::from_slice(line.strip_prefix(b"data: ").unwrap_or(line)) {
        TOKENS.fetch_add(usage.prompt_tokens + usage.completion_tokens, Ordering::Relaxed);
    }
}
