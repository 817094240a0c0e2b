//! Recorded answers and what they mean: `tests/errors`, one line each, one file per table of rules.
//!
//! A line has `status`, `headers` and `body` (JSON) or `text` (anything else), or `event` for an error inside a good
//! answer. `means` is blame, duration, next, trouble. A duration is `moment`, `human`, a length from the moment of the
//! answer (`+1500ms`), or a moment.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use keyward_domain::judgement::{Judgement, Lasts};
use keyward_domain::provider::ProviderKind;
use keyward_domain::time::Timestamp;
use keyward_provider::{Asked, judgement};
use serde_json::Value;

/// 2026-11-20T07:40:00Z.
pub(crate) const NOW: Timestamp = Timestamp::from_unix_millis(1_795_160_400_000);

pub(crate) struct Case {
    pub(crate) kind: ProviderKind,
    pub(crate) line: Value,
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

pub(crate) fn all() -> Vec<Case> {
    let files = [
        (ProviderKind::OpenAi, include_str!("../../errors/openai.json")),
        (ProviderKind::Anthropic, include_str!("../../errors/anthropic.json")),
        (ProviderKind::Gemini, include_str!("../../errors/gemini.json")),
        (ProviderKind::OpenAiCompatible, include_str!("../../errors/openai_compatible.json")),
    ];
    let lines = |(kind, text)| {
        let lines: Vec<Value> = serde_json::from_str(text).expect("the table is JSON");
        lines.into_iter().map(move |line| Case::read(kind, line))
    };
    files.into_iter().flat_map(lines).collect()
}

impl Case {
    fn read(kind: ProviderKind, line: Value) -> Self {
        let status = line.get("status").map_or(200, |status| status.as_u64().expect("a status"));
        let status = StatusCode::from_u16(u16::try_from(status).expect("a status")).expect("a status");
        let body = match line.get("body").or_else(|| line.get("event")) {
            Some(body) => body.to_string(),
            None => line["text"].as_str().expect("a body, an event or a text").to_owned(),
        };
        Self { kind, status, headers: headers_of(&line), body: body.into_bytes(), line }
    }

    pub(crate) fn asked(&self) -> Asked<'_> {
        Asked {
            kind: self.kind,
            status: self.status,
            headers: &self.headers,
            body: &self.body,
            overrides: &[],
            now: NOW,
        }
    }

    pub(crate) fn judged(&self) -> Judgement {
        judgement(&self.asked())
    }
}

fn headers_of(line: &Value) -> HeaderMap {
    let pairs = line.get("headers").and_then(Value::as_object).into_iter().flatten();
    pairs
        .map(|(name, value)| {
            let name: HeaderName = name.parse().expect("a header name");
            (name, HeaderValue::from_str(value.as_str().expect("a text")).expect("a header value"))
        })
        .collect()
}

/// A judgement in the words of the tables.
pub(crate) fn words(judged: &Judgement) -> String {
    let lasts = match judged.lasts {
        Lasts::Moment => "moment".to_owned(),
        Lasts::Human => "human".to_owned(),
        Lasts::Until(until) if until.unix_millis() % 3_600_000 == 0 => {
            jiff::Timestamp::from_millisecond(until.unix_millis()).expect("a moment").to_string()
        }
        Lasts::Until(until) => format!("+{}ms", until.since(NOW).as_millis()),
    };
    format!("{} {lasts} {} {}", judged.blame.as_str(), judged.next.as_str(), judged.trouble.as_str())
}
