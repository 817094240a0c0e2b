//! OTLP's JSON form, for traces (`open-telemetry/opentelemetry-proto`, `docs/specification.md`): protobuf's names in
//! camel case, ids in hexadecimal, 64-bit numbers as text, enums as numbers.

use serde::{Deserialize, Serialize, Serializer};

use super::attributes::{Attribute, Value};
use super::span::Span;

const SERVICE: &str = "keyward";
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// `SPAN_KIND_CLIENT`.
const CLIENT: u8 = 3;
/// `STATUS_CODE_ERROR`. An attempt that completed leaves the status unset, as the conventions want it.
const ERROR: u8 = 2;
/// Flags of a span without a parent: recorded, and the parent's whereabouts are known (there is none).
const ROOT: u32 = 0x101;
/// Flags of a span whose parent is in another process.
const REMOTE_PARENT: u32 = 0x301;
/// The most of a collector's own words that goes into a log line, in characters.
const MAX_MESSAGE: usize = 200;

/// The body of an export request with these spans.
pub(super) fn encode(spans: &[Span]) -> Result<Vec<u8>, serde_json::Error> {
    let words = [("service.name", Value::Word(SERVICE)), ("service.version", Value::Word(VERSION))];
    serde_json::to_vec(&Request {
        resource_spans: [ResourceSpans {
            resource: Resource { attributes: words.iter().map(KeyValue::from).collect() },
            scope_spans: [ScopeSpans {
                scope: Scope { name: SERVICE, version: VERSION },
                spans: spans.iter().map(SpanBody::from).collect(),
            }],
        }],
    })
}

/// What a collector that took a request left out of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Rejected {
    /// Spans.
    pub(super) spans: u64,
    /// Why, in the collector's words, cut and without control characters.
    pub(super) why: String,
}

/// Reads the answer to an export request. An empty answer, or one that is not JSON, rejects nothing.
pub(super) fn rejected(answer: &[u8]) -> Rejected {
    let answer: Answer = serde_json::from_slice(answer).unwrap_or_default();
    let Some(partial) = answer.partial_success else { return Rejected::default() };
    let spans = match partial.rejected_spans {
        Some(Number::Number(number)) => number,
        Some(Number::Text(digits)) => digits.parse().unwrap_or(0),
        None => 0,
    };
    let why = partial.error_message.chars().filter(|c| !c.is_control()).take(MAX_MESSAGE).collect();
    Rejected { spans, why }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    resource_spans: [ResourceSpans<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans<'a> {
    resource: Resource<'a>,
    scope_spans: [ScopeSpans<'a>; 1],
}

#[derive(Serialize)]
struct Resource<'a> {
    attributes: Vec<KeyValue<'a>>,
}

#[derive(Serialize)]
struct ScopeSpans<'a> {
    scope: Scope,
    spans: Vec<SpanBody<'a>>,
}

#[derive(Serialize)]
struct Scope {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpanBody<'a> {
    trace_id: Hex<'a>,
    span_id: Hex<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_span_id: Option<Hex<'a>>,
    flags: u32,
    name: &'a str,
    kind: u8,
    start_time_unix_nano: Decimal<u64>,
    end_time_unix_nano: Decimal<u64>,
    attributes: Vec<KeyValue<'a>>,
    status: Status,
}

#[derive(Serialize)]
struct Status {
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u8>,
}

#[derive(Serialize)]
struct KeyValue<'a> {
    key: &'static str,
    value: AnyValue<'a>,
}

#[derive(Serialize)]
enum AnyValue<'a> {
    #[serde(rename = "stringValue")]
    Text(&'a str),
    #[serde(rename = "intValue")]
    Int(Decimal<i64>),
    #[serde(rename = "doubleValue")]
    Double(f64),
    #[serde(rename = "boolValue")]
    Flag(bool),
}

/// A 64-bit number, which JSON readers could not hold, as text.
struct Decimal<N>(N);

struct Hex<'a>(&'a [u8]);

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Answer {
    partial_success: Option<PartialSuccess>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct PartialSuccess {
    rejected_spans: Option<Number>,
    error_message: String,
}

/// Writers send text, and readers must take numbers too.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(u64),
    Text(String),
}

impl<'a> From<&'a Span> for SpanBody<'a> {
    fn from(span: &'a Span) -> Self {
        Self {
            trace_id: Hex(&span.trace),
            span_id: Hex(&span.id),
            parent_span_id: span.parent.as_ref().map(|parent| Hex(parent)),
            flags: if span.parent.is_some() { REMOTE_PARENT } else { ROOT },
            name: &span.name,
            kind: CLIENT,
            start_time_unix_nano: Decimal(span.start),
            end_time_unix_nano: Decimal(span.end),
            attributes: span.attributes.iter().map(KeyValue::from).collect(),
            status: Status { code: span.failed.then_some(ERROR) },
        }
    }
}

impl<'a> From<&'a Attribute> for KeyValue<'a> {
    fn from((key, value): &'a Attribute) -> Self {
        let value = match value {
            Value::Word(word) => AnyValue::Text(word),
            Value::Text(text) => AnyValue::Text(text),
            Value::Int(number) => AnyValue::Int(Decimal(*number)),
            Value::Seconds(seconds) => AnyValue::Double(*seconds),
            Value::True => AnyValue::Flag(true),
        };
        Self { key, value }
    }
}

impl<N: std::fmt::Display> Serialize for Decimal<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl Serialize for Hex<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl std::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
