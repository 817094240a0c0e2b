//! Which path is which operation of which dialect. One table; a path that is not in it does not exist.

use http::{HeaderMap, Method};
use keyward_domain::denial::Denial;
use keyward_domain::dialect::{Dialect, Operation};

/// Where a request names its model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelIn {
    /// In the JSON body.
    Body,
    /// In a form field of a multipart body, or in the JSON body when it is not multipart.
    Form,
    /// In the path, where the pattern says `{model}`.
    Path,
    /// Nowhere: the operation has no model.
    Nowhere,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Endpoint {
    /// HTTP method.
    pub method: &'static str,
    /// Path, with at most one `{model}` or `{id}`.
    pub path: &'static str,
    /// Wire format.
    pub dialect: Dialect,
    /// What is asked.
    pub operation: Operation,
    /// Where the model is named.
    pub model: ModelIn,
}

const fn openai(method: &'static str, path: &'static str, operation: Operation, model: ModelIn) -> Endpoint {
    Endpoint { method, path, dialect: Dialect::OpenAi, operation, model }
}

const fn anthropic(path: &'static str, operation: Operation) -> Endpoint {
    Endpoint { method: "POST", path, dialect: Dialect::Anthropic, operation, model: ModelIn::Body }
}

const fn gemini(path: &'static str, operation: Operation) -> Endpoint {
    Endpoint { method: "POST", path, dialect: Dialect::Gemini, operation, model: ModelIn::Path }
}

const fn lease(method: &'static str, path: &'static str) -> Endpoint {
    openai(method, path, Operation::Lease, ModelIn::Nowhere)
}

const fn list(path: &'static str, dialect: Dialect, model: ModelIn) -> Endpoint {
    Endpoint { method: "GET", path, dialect, operation: Operation::ListModels, model }
}

/// Every path that clients may call. `/v1/models` belongs to the dialect whose headers the request carries.
pub const ENDPOINTS: &[Endpoint] = &[
    openai("POST", "/v1/chat/completions", Operation::Chat, ModelIn::Body),
    openai("POST", "/v1/responses", Operation::Responses, ModelIn::Body),
    openai("POST", "/v1/responses/input_tokens", Operation::CountTokens, ModelIn::Body),
    openai("POST", "/v1/embeddings", Operation::Embed, ModelIn::Body),
    openai("POST", "/v1/completions", Operation::Completion, ModelIn::Body),
    openai("POST", "/v1/images/generations", Operation::Image, ModelIn::Body),
    openai("POST", "/v1/images/edits", Operation::Image, ModelIn::Form),
    openai("POST", "/v1/images/variations", Operation::Image, ModelIn::Form),
    openai("POST", "/v1/audio/speech", Operation::Speech, ModelIn::Body),
    openai("POST", "/v1/audio/transcriptions", Operation::Transcribe, ModelIn::Form),
    openai("POST", "/v1/audio/translations", Operation::Transcribe, ModelIn::Form),
    openai("POST", "/v1/moderations", Operation::Moderate, ModelIn::Body),
    anthropic("/v1/messages", Operation::Messages),
    anthropic("/v1/messages/count_tokens", Operation::CountTokens),
    anthropic("/anthropic/v1/messages", Operation::Messages),
    anthropic("/anthropic/v1/messages/count_tokens", Operation::CountTokens),
    lease("POST", "/v1/leases"),
    lease("POST", "/v1/leases/{id}/report"),
    lease("DELETE", "/v1/leases/{id}"),
    list("/v1/models", Dialect::OpenAi, ModelIn::Nowhere),
    list("/v1/models/{model}", Dialect::OpenAi, ModelIn::Path),
    list("/anthropic/v1/models", Dialect::Anthropic, ModelIn::Nowhere),
    list("/anthropic/v1/models/{model}", Dialect::Anthropic, ModelIn::Path),
    list("/v1beta/models", Dialect::Gemini, ModelIn::Nowhere),
    list("/v1beta/models/{model}", Dialect::Gemini, ModelIn::Path),
    list("/gemini/v1beta/models", Dialect::Gemini, ModelIn::Nowhere),
    list("/gemini/v1beta/models/{model}", Dialect::Gemini, ModelIn::Path),
    list("/gemini/v1/models", Dialect::Gemini, ModelIn::Nowhere),
    list("/gemini/v1/models/{model}", Dialect::Gemini, ModelIn::Path),
    gemini("/v1beta/models/{model}:generateContent", Operation::Generate),
    gemini("/v1beta/models/{model}:streamGenerateContent", Operation::Generate),
    gemini("/v1beta/models/{model}:countTokens", Operation::CountTokens),
    gemini("/v1beta/models/{model}:embedContent", Operation::Embed),
    gemini("/v1beta/models/{model}:batchEmbedContents", Operation::Embed),
    gemini("/v1/models/{model}:generateContent", Operation::Generate),
    gemini("/v1/models/{model}:streamGenerateContent", Operation::Generate),
    gemini("/v1/models/{model}:countTokens", Operation::CountTokens),
    gemini("/v1/models/{model}:embedContent", Operation::Embed),
    gemini("/v1/models/{model}:batchEmbedContents", Operation::Embed),
    gemini("/gemini/v1beta/models/{model}:generateContent", Operation::Generate),
    gemini("/gemini/v1beta/models/{model}:streamGenerateContent", Operation::Generate),
    gemini("/gemini/v1beta/models/{model}:countTokens", Operation::CountTokens),
    gemini("/gemini/v1beta/models/{model}:embedContent", Operation::Embed),
    gemini("/gemini/v1beta/models/{model}:batchEmbedContents", Operation::Embed),
    gemini("/gemini/v1/models/{model}:generateContent", Operation::Generate),
    gemini("/gemini/v1/models/{model}:streamGenerateContent", Operation::Generate),
    gemini("/gemini/v1/models/{model}:countTokens", Operation::CountTokens),
    gemini("/gemini/v1/models/{model}:embedContent", Operation::Embed),
    gemini("/gemini/v1/models/{model}:batchEmbedContents", Operation::Embed),
];

/// What a request asks for, as far as its head says.
#[derive(Debug, Clone)]
pub(crate) struct Surface {
    /// Wire format.
    pub(crate) dialect: Dialect,
    /// What is asked.
    pub(crate) operation: Operation,
    /// Where the model is named.
    pub(crate) model: ModelIn,
    /// The model or the id, when the path names one.
    pub(crate) path_model: Option<Box<str>>,
    /// Whether the path itself asks for a stream.
    pub(crate) path_streams: bool,
}

impl Surface {
    /// The endpoint of this method and path. `/v1/models` is refined by headers: Anthropic's when `anthropic-version` is
    /// there, Gemini's when the key came as `x-goog-api-key`.
    pub(crate) fn find(method: &Method, path: &str, headers: &HeaderMap) -> Result<Self, Denial> {
        let mut other_method = false;
        for endpoint in ENDPOINTS {
            let Some(path_model) = match_path(endpoint.path, path) else { continue };
            if endpoint.method != method.as_str() {
                other_method = true;
                continue;
            }
            return Ok(Self {
                dialect: refine(endpoint, headers),
                operation: endpoint.operation,
                model: endpoint.model,
                path_model: (!path_model.is_empty()).then(|| path_model.into()),
                path_streams: endpoint.path.ends_with(":streamGenerateContent"),
            });
        }
        Err(if other_method { Denial::MethodNotAllowed } else { Denial::RouteNotFound })
    }
}

/// The dialect that a path belongs to when it matches no endpoint: the one whose error shape its client understands.
pub(crate) fn dialect_of_unknown(path: &str, headers: &HeaderMap) -> Dialect {
    if path.starts_with("/anthropic") || path.starts_with("/v1/messages") || headers.contains_key("anthropic-version") {
        Dialect::Anthropic
    } else if path.starts_with("/gemini") || path.starts_with("/v1beta") || headers.contains_key("x-goog-api-key") {
        Dialect::Gemini
    } else {
        Dialect::OpenAi
    }
}

/// `Some("")` for an exact match, `Some(model)` when the pattern has a model, `None` when it does not match.
fn match_path<'a>(pattern: &str, path: &'a str) -> Option<&'a str> {
    let hole = pattern.split_once("{model}").or_else(|| pattern.split_once("{id}"));
    let Some((before, after)) = hole else {
        return (pattern == path).then_some("");
    };
    let model = path.strip_prefix(before)?.strip_suffix(after)?;
    let plain = !model.is_empty() && model.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._/@".contains(&b));
    let verb_free = !after.is_empty() || !model.contains(':');
    (plain && verb_free && !model.contains("..") && !model.contains("//")).then_some(model)
}

fn refine(endpoint: &Endpoint, headers: &HeaderMap) -> Dialect {
    if endpoint.operation != Operation::ListModels || !endpoint.path.starts_with("/v1/") {
        return endpoint.dialect;
    }
    if headers.contains_key("anthropic-version") {
        Dialect::Anthropic
    } else if headers.contains_key("x-goog-api-key") {
        Dialect::Gemini
    } else {
        Dialect::OpenAi
    }
}
