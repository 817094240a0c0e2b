//! What a span says, by OpenTelemetry's GenAI conventions (`open-telemetry/semantic-conventions-genai`, November 2026)
//! and, under `keyward.`, what they have no name for. `docs/guides/observability.md` lists all of it.

use std::sync::Arc;

use keyward_domain::dialect::{Dialect, Operation};
use keyward_domain::ledger::{AttemptOutcome, Entry, Subject};
use keyward_domain::usage::{Usage, UsageSource};

/// The longest text of an attribute, in bytes; model names come from outside.
const MAX_TEXT: usize = 256;

/// A name and what it is.
pub(super) type Attribute = (&'static str, Value);

/// What an attribute can be.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// One of a few words.
    Word(&'static str),
    /// Some text.
    Text(Arc<str>),
    /// A count.
    Int(i64),
    /// A length of time where the conventions want fractions; never money.
    Seconds(f64),
    /// A flag that is left out when it is not set.
    True,
}

/// Everything that a span says about this row.
pub(super) fn of(entry: &Entry) -> Vec<Attribute> {
    let mut attributes = Vec::with_capacity(32);
    describe_call(&mut attributes, &entry.subject);
    describe_outcome(&mut attributes, entry);
    if entry.source != UsageSource::None {
        describe_usage(&mut attributes, &entry.usage);
    }
    describe_gateway(&mut attributes, entry);
    attributes
}

/// The conventions' word for an operation, or ours where they have none.
pub(super) const fn operation(operation: Operation) -> &'static str {
    match operation {
        Operation::Chat | Operation::Responses | Operation::Messages => "chat",
        Operation::Completion => "text_completion",
        Operation::Generate => "generate_content",
        Operation::Embed => "embeddings",
        Operation::CountTokens
        | Operation::Image
        | Operation::Speech
        | Operation::Transcribe
        | Operation::Moderate
        | Operation::ListModels
        | Operation::Lease => operation.as_str(),
    }
}

/// At most [`MAX_TEXT`] bytes of a text, whole characters.
pub(super) fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or_default()
}

fn describe_call(attributes: &mut Vec<Attribute>, subject: &Subject) {
    let provider = provider(subject);
    attributes.push(("gen_ai.operation.name", Value::Word(operation(subject.operation))));
    attributes.push(("gen_ai.provider.name", provider.clone()));
    // The name that the same thing had until 2025; many backends still read only this one.
    attributes.push(("gen_ai.system", provider));
    attributes.push(("gen_ai.request.model", text(&subject.model)));
    if subject.streamed {
        attributes.push(("gen_ai.request.stream", Value::True));
    }
}

fn describe_outcome(attributes: &mut Vec<Attribute>, entry: &Entry) {
    if entry.status != 0 {
        attributes.push(("http.response.status_code", Value::Int(entry.status.into())));
    }
    match entry.outcome {
        // The ledger knows the name that was asked for, not the finer one that some providers answer with.
        AttemptOutcome::Completed => attributes.push(("gen_ai.response.model", text(&entry.subject.model))),
        AttemptOutcome::UpstreamError if entry.status >= 400 => {
            attributes.push(("error.type", Value::Text(entry.status.to_string().into())));
        }
        other => attributes.push(("error.type", Value::Word(other.as_str()))),
    }
    if let Some(first) = entry.first_content.filter(|_| entry.subject.streamed) {
        attributes.push(("gen_ai.response.time_to_first_chunk", Value::Seconds(first.as_secs_f64())));
    }
}

/// Totals include their parts, as the conventions want it; parts that are nothing are left out.
fn describe_usage(attributes: &mut Vec<Attribute>, usage: &Usage) {
    attributes.push(("gen_ai.usage.input_tokens", count(usage.prompt_tokens())));
    attributes.push(("gen_ai.usage.output_tokens", count(usage.completion_tokens())));
    let parts = [
        ("gen_ai.usage.cache_read.input_tokens", usage.cache_read),
        ("gen_ai.usage.cache_write.input_tokens", usage.cache_write_5m.saturating_add(usage.cache_write_1h)),
        ("gen_ai.usage.reasoning.output_tokens", usage.reasoning),
        ("gen_ai.usage.audio.input_tokens", usage.input_audio),
        ("gen_ai.usage.audio.output_tokens", usage.output_audio),
        ("gen_ai.usage.image.input_tokens", usage.input_image),
        ("gen_ai.usage.image.output_tokens", usage.output_image),
    ];
    attributes.extend(parts.into_iter().filter(|(_, units)| *units > 0).map(|(name, units)| (name, count(units))));
}

fn describe_gateway(attributes: &mut Vec<Attribute>, entry: &Entry) {
    let subject = &entry.subject;
    attributes.push(("keyward.request_id", Value::Text(subject.attempt.request.to_string().into())));
    attributes.push(("keyward.attempt", Value::Int(subject.attempt.number.into())));
    attributes.push(("keyward.outcome", Value::Word(entry.outcome.as_str())));
    attributes.push(("keyward.tenant", Value::Text(subject.tenant.to_string().into())));
    attributes.push(("keyward.virtual_key", Value::Text(subject.virtual_key.to_string().into())));
    attributes.push(("keyward.provider", text(&subject.provider_name)));
    attributes.push(("keyward.key", text(&subject.credential_name)));
    attributes.push(("keyward.requested_model", text(&subject.requested_model)));
    attributes.push(("keyward.dialect", Value::Word(subject.dialect.as_str())));
    attributes.push(("keyward.usage_source", Value::Word(entry.source.as_str())));
    // An unknown price is left out: it is not 0.
    if let Some(cost) = entry.cost {
        attributes.push(("keyward.cost_nanodollars", Value::Int(cost.0)));
    }
    let overhead = i64::try_from(entry.overhead.as_micros()).unwrap_or(i64::MAX);
    attributes.push(("keyward.overhead_us", Value::Int(overhead)));
}

/// The conventions' name for a provider. Operators name their providers as they like; a name that says nothing leaves
/// the dialect, which only one vendor speaks by nature, and else stands for itself.
fn provider(subject: &Subject) -> Value {
    let known = match &*subject.provider_name {
        "openai" => "openai",
        "anthropic" => "anthropic",
        "gemini" => "gcp.gemini",
        "groq" => "groq",
        "mistral" => "mistral_ai",
        "deepseek" => "deepseek",
        "xai" => "x_ai",
        "cohere" => "cohere",
        "perplexity" => "perplexity",
        "moonshot" => "moonshot_ai",
        "sandbox" => "sandbox",
        other => match subject.dialect {
            Dialect::Anthropic => "anthropic",
            Dialect::Gemini => "gcp.gemini",
            Dialect::OpenAi => return Value::Text(cut(other).into()),
        },
    };
    Value::Word(known)
}

fn text(text: &Arc<str>) -> Value {
    let shown = cut(text);
    Value::Text(if shown.len() == text.len() { Arc::clone(text) } else { shown.into() })
}

fn count(units: u64) -> Value {
    Value::Int(i64::try_from(units).unwrap_or(i64::MAX))
}
