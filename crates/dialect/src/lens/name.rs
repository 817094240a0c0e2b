//! The members that matter, per dialect and operation.

use keyward_domain::dialect::{Dialect, Operation};

/// The longest name below, in bytes.
pub(crate) const MAX_NAME: usize = 28;
/// The longest way to spell it: six bytes for each (`\u006d`).
pub(crate) const MAX_SPELLED: usize = MAX_NAME * 6;

/// A member of the body's top level that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    Model,
    Stream,
    StreamOptions,
    StreamFormat,
    MaxTokens,
    MaxCompletionTokens,
    MaxOutputTokens,
    N,
    BestOf,
    ServiceTier,
    SpokenInput,
    Size,
    Quality,
    GenerationConfig,
    Requests,
    GenerateContentRequest,
    /// What was said so far: `messages`, `input`, `contents`, `prompt`.
    Conversation,
    /// What stands above it: `system`, `instructions`, `systemInstruction`.
    System,
    /// Tools, where they may refer to account-bound state. The only name that may come more than once.
    Tools,
    CacheKey,
    PreviousResponse,
    StoredConversation,
    Container,
    CachedContent,
    StoredPrompt,
    /// Steers gateways of other makes; the name as errors spell it.
    Forbidden(&'static str),
}

impl Name {
    /// The name as errors spell it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Stream => "stream",
            Self::StreamOptions => "stream_options",
            Self::StreamFormat => "stream_format",
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
            Self::MaxOutputTokens => "max_output_tokens",
            Self::N => "n",
            Self::BestOf => "best_of",
            Self::ServiceTier => "service_tier",
            Self::SpokenInput => "input",
            Self::Size => "size",
            Self::Quality => "quality",
            Self::GenerationConfig => "generationConfig",
            Self::Requests => "requests",
            Self::GenerateContentRequest => "generateContentRequest",
            Self::Conversation => "messages",
            Self::System => "system",
            Self::Tools => "tools",
            Self::CacheKey => "prompt_cache_key",
            Self::PreviousResponse => "previous_response_id",
            Self::StoredConversation => "conversation",
            Self::Container => "container",
            Self::CachedContent => "cachedContent",
            Self::StoredPrompt => "prompt",
            Self::Forbidden(name) => name,
        }
    }

    /// One bit per name, to notice a second one.
    pub(crate) const fn bit(self) -> u32 {
        1 << match self {
            Self::Model => 0,
            Self::Stream => 1,
            Self::StreamOptions => 2,
            Self::StreamFormat => 3,
            Self::MaxTokens => 4,
            Self::MaxCompletionTokens => 5,
            Self::MaxOutputTokens => 6,
            Self::N => 7,
            Self::BestOf => 8,
            Self::ServiceTier => 9,
            Self::SpokenInput => 10,
            Self::Size => 11,
            Self::Quality => 12,
            Self::GenerationConfig => 13,
            Self::Requests => 14,
            Self::GenerateContentRequest => 15,
            Self::Forbidden(_) => 16,
            Self::Conversation => 17,
            Self::System => 18,
            Self::Tools => 19,
            Self::CacheKey => 20,
            Self::PreviousResponse => 21,
            Self::StoredConversation => 22,
            Self::Container => 23,
            Self::CachedContent => 24,
            Self::StoredPrompt => 25,
        }
    }
}

/// What this member is, when it matters here. The key is given without quotes and without escapes.
#[inline]
pub(crate) fn find(dialect: Dialect, operation: Operation, key: &[u8]) -> Option<Name> {
    if key.len() > MAX_NAME {
        return None;
    }
    let name = match dialect {
        Dialect::OpenAi => openai(operation, key),
        Dialect::Anthropic => anthropic(operation, key),
        Dialect::Gemini => gemini(operation, key),
    };
    name.or_else(|| forbidden(key).map(Name::Forbidden))
}

fn openai(operation: Operation, key: &[u8]) -> Option<Name> {
    use Operation::{Chat, Completion, CountTokens, Image, Responses, Speech};
    let responds = matches!(operation, Responses | CountTokens);
    let (name, here) = match key {
        b"model" => (Name::Model, true),
        b"stream" => (Name::Stream, !matches!(operation, Operation::CountTokens)),
        b"service_tier" => (Name::ServiceTier, true),
        b"stream_options" => (Name::StreamOptions, matches!(operation, Chat | Completion)),
        b"max_tokens" => (Name::MaxTokens, matches!(operation, Chat | Completion)),
        b"max_completion_tokens" => (Name::MaxCompletionTokens, operation == Chat),
        b"max_output_tokens" => (Name::MaxOutputTokens, operation == Responses),
        b"n" => (Name::N, matches!(operation, Chat | Completion | Image)),
        b"best_of" => (Name::BestOf, operation == Completion),
        b"stream_format" => (Name::StreamFormat, operation == Speech),
        b"input" if operation == Speech => (Name::SpokenInput, true),
        b"input" => (Name::Conversation, responds),
        b"messages" => (Name::Conversation, operation == Chat),
        b"prompt" if operation == Completion => (Name::Conversation, true),
        b"prompt" => (Name::StoredPrompt, responds),
        b"instructions" => (Name::System, responds),
        b"tools" => (Name::Tools, responds),
        b"prompt_cache_key" => (Name::CacheKey, responds || matches!(operation, Chat | Completion)),
        b"previous_response_id" => (Name::PreviousResponse, responds),
        b"conversation" => (Name::StoredConversation, responds),
        b"size" => (Name::Size, operation == Image),
        b"quality" => (Name::Quality, operation == Image),
        _ => return None,
    };
    here.then_some(name)
}

fn anthropic(operation: Operation, key: &[u8]) -> Option<Name> {
    let (name, here) = match key {
        b"model" => (Name::Model, true),
        b"stream" => (Name::Stream, operation == Operation::Messages),
        b"max_tokens" => (Name::MaxTokens, operation == Operation::Messages),
        b"service_tier" => (Name::ServiceTier, true),
        b"messages" => (Name::Conversation, true),
        b"system" => (Name::System, true),
        b"container" => (Name::Container, operation == Operation::Messages),
        _ => return None,
    };
    here.then_some(name)
}

/// Gemini reads both spellings of every name.
fn gemini(operation: Operation, key: &[u8]) -> Option<Name> {
    let converses = matches!(operation, Operation::Generate | Operation::CountTokens);
    let (name, here) = match key {
        b"model" => (Name::Model, true),
        b"generationConfig" | b"generation_config" => (Name::GenerationConfig, operation == Operation::Generate),
        b"serviceTier" | b"service_tier" => (Name::ServiceTier, true),
        b"contents" => (Name::Conversation, converses),
        b"systemInstruction" | b"system_instruction" => (Name::System, converses),
        b"tools" => (Name::Tools, converses),
        b"cachedContent" | b"cached_content" => (Name::CachedContent, converses),
        b"requests" => (Name::Requests, operation == Operation::Embed),
        b"generateContentRequest" | b"generate_content_request" => {
            (Name::GenerateContentRequest, operation == Operation::CountTokens)
        }
        _ => return None,
    };
    here.then_some(name)
}

/// Members by which other gateways let callers choose where a request goes and with whose key.
pub(crate) fn forbidden(key: &[u8]) -> Option<&'static str> {
    Some(match key {
        b"api_base" => "api_base",
        b"base_url" => "base_url",
        b"api_key" => "api_key",
        b"organization" => "organization",
        b"extra_headers" => "extra_headers",
        b"proxy" => "proxy",
        b"azure_endpoint" => "azure_endpoint",
        _ if key.starts_with(b"aws_") => "aws_*",
        _ if key.starts_with(b"vertex_") => "vertex_*",
        _ => return None,
    })
}
