//! Which dialect and operation a request line means.

use http::{HeaderMap, Method, Uri};

use super::vendor::{Operation, Vendor};

/// A request line understood.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) vendor: Vendor,
    pub(crate) operation: Operation,
    /// The model, where the path names it.
    pub(crate) model: Option<String>,
}

/// `None` if nobody answers there. A first segment that names a vendor pins the dialect.
pub(crate) fn recognise(method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Target> {
    let (pinned, path) = unpinned(uri.path());
    let segments: Vec<&str> = path.trim_start_matches('/').splitn(3, '/').collect();
    let target = match segments.as_slice() {
        ["v1" | "v1beta", "models", rest] if method == Method::POST => gemini_verb(rest)?,
        [version @ ("v1" | "v1beta"), "models"] if method == Method::GET => {
            let vendor = pinned.unwrap_or_else(|| whose_list(version, uri, headers));
            Target { vendor, operation: Operation::ListModels, model: None }
        }
        [version @ ("v1" | "v1beta"), "models", model] if method == Method::GET => {
            let vendor = pinned.unwrap_or_else(|| whose_list(version, uri, headers));
            Target { vendor, operation: Operation::ShowModel, model: Some(decoded(model)) }
        }
        _ if method == Method::POST => posted(path.strip_prefix("/v1")?)?,
        _ => return None,
    };
    pinned.is_none_or(|vendor| vendor == target.vendor).then_some(target)
}

/// The dialect in which to refuse a path that nobody answers.
pub(crate) fn likely_vendor(uri: &Uri, headers: &HeaderMap) -> Vendor {
    let (pinned, path) = unpinned(uri.path());
    pinned.unwrap_or_else(|| whose_list(if path.starts_with("/v1beta") { "v1beta" } else { "v1" }, uri, headers))
}

/// A value of the query string.
pub(crate) fn query_value(uri: &Uri, name: &str) -> Option<String> {
    uri.query()?
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| decoded(value))
}

fn unpinned(path: &str) -> (Option<Vendor>, &str) {
    for vendor in Vendor::ALL {
        if let Some(rest) = path.strip_prefix('/').and_then(|path| path.strip_prefix(vendor.name()))
            && rest.starts_with('/')
        {
            return (Some(vendor), rest);
        }
    }
    (None, path)
}

fn gemini_verb(rest: &str) -> Option<Target> {
    let (model, verb) = rest.rsplit_once(':')?;
    let operation = match verb {
        "generateContent" => Operation::GenerateContent,
        "streamGenerateContent" => Operation::StreamGenerateContent,
        "countTokens" => Operation::CountTokens,
        "embedContent" => Operation::EmbedContent,
        "batchEmbedContents" => Operation::BatchEmbedContents,
        _ => return None,
    };
    Some(Target { vendor: Vendor::Gemini, operation, model: Some(decoded(model)) })
}

fn posted(path: &str) -> Option<Target> {
    let operation = match path {
        "/chat/completions" => Operation::ChatCompletions,
        "/completions" => Operation::Completions,
        "/responses" => Operation::Responses,
        "/responses/input_tokens" => Operation::InputTokens,
        "/embeddings" => Operation::Embeddings,
        "/images/generations" => Operation::ImageGenerations,
        // Variations are edits without a wish.
        "/images/edits" | "/images/variations" => Operation::ImageEdits,
        "/audio/speech" => Operation::Speech,
        "/audio/transcriptions" => Operation::Transcriptions,
        "/audio/translations" => Operation::Translations,
        "/moderations" => Operation::Moderations,
        "/messages" => Operation::Messages,
        "/messages/count_tokens" => Operation::CountMessageTokens,
        _ => return None,
    };
    let vendor = match operation {
        Operation::Messages | Operation::CountMessageTokens => Vendor::Anthropic,
        _ => Vendor::OpenAi,
    };
    Some(Target { vendor, operation, model: None })
}

/// Three vendors share `GET /v1/models`; the headers tell them apart.
fn whose_list(version: &str, uri: &Uri, headers: &HeaderMap) -> Vendor {
    if version == "v1beta" || headers.contains_key("x-goog-api-key") || query_value(uri, "key").is_some() {
        Vendor::Gemini
    } else if headers.contains_key("anthropic-version") || headers.contains_key("x-api-key") {
        Vendor::Anthropic
    } else {
        Vendor::OpenAi
    }
}

/// Percent-decoding; broken escapes stay as they are.
fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let escaped = (*byte == b'%')
            .then(|| after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok()))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(escaped.unwrap_or(*byte));
        rest = if escaped.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8_lossy(&out).into_owned()
}
