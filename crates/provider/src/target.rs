//! Where on the provider a client's path leads.

use http::uri::PathAndQuery;
use keyward_domain::dialect::Dialect;
use keyward_domain::origin::BaseUrl;
use keyward_domain::provider::ProviderKind;

/// Why there is no path: the model name or the client's path holds something that no path can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request's path is not a valid path")]
pub struct BadTarget;

/// The path and query on the provider for what the client asked of us.
///
/// `client_path_and_query` is the client's, with or without the surface's own prefix (`/anthropic`, `/gemini`).
/// `model` is the provider's name of the model; only Gemini has it in the path.
///
/// The version segment follows what each vendor's SDK does with a base URL. OpenAI: `base + "/chat/completions"`, so
/// the client's `/v1` goes unless the base has no path at all (`https://api.deepseek.com`). Anthropic and Gemini:
/// `base + "/v1/messages"`, so it stays unless the base already ends with a version. A `key` or `access_token` in the
/// query is dropped, however it is escaped: it could only be the client's.
pub fn target(
    kind: ProviderKind,
    dialect: Dialect,
    base: &BaseUrl,
    client_path_and_query: &str,
    model: Option<&str>,
) -> Result<PathAndQuery, BadTarget> {
    let (path, query) = client_path_and_query.split_once('?').unwrap_or((client_path_and_query, ""));
    let path = without_surface(dialect, path);
    let (version, rest) = split_version(path);
    let keeps_version = match (kind, dialect) {
        // The sandbox offers every surface at once and tells them apart by their paths.
        (ProviderKind::Sandbox, _) => true,
        (_, Dialect::OpenAi) => base.prefix.is_empty(),
        (_, Dialect::Anthropic | Dialect::Gemini) => !ends_with_version(&base.prefix),
    };
    let mut target = String::with_capacity(base.prefix.len() + client_path_and_query.len() + 64);
    target.push_str(&base.prefix);
    if keeps_version {
        target.push_str(version);
    }
    match (dialect, model) {
        (Dialect::Gemini, Some(model)) => push_gemini_path(&mut target, rest, model),
        _ => target.push_str(rest),
    }
    push_query(&mut target, query);
    PathAndQuery::from_maybe_shared(target.into_bytes()).map_err(|_| BadTarget)
}

fn without_surface(dialect: Dialect, path: &str) -> &str {
    let surface = match dialect {
        Dialect::OpenAi => "/openai",
        Dialect::Anthropic => "/anthropic",
        Dialect::Gemini => "/gemini",
    };
    match path.strip_prefix(surface) {
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

/// `/v1beta/models/x` is `/v1beta` and `/models/x`; a path without a version is all rest.
fn split_version(path: &str) -> (&str, &str) {
    let first = path.strip_prefix('/').unwrap_or(path);
    let end = path.len() - first.len() + first.find('/').unwrap_or(first.len());
    match path.split_at_checked(end) {
        Some((segment, rest)) if is_version(segment.trim_start_matches('/')) => (segment, rest),
        _ => ("", path),
    }
}

fn ends_with_version(prefix: &str) -> bool {
    prefix.rsplit('/').next().is_some_and(is_version)
}

/// `v1`, `v1beta`, `v1beta1`, `v4`.
fn is_version(segment: &str) -> bool {
    let mut bytes = segment.bytes();
    bytes.next() == Some(b'v')
        && bytes.next().is_some_and(|b| b.is_ascii_digit())
        && segment.bytes().skip(2).all(|b| b.is_ascii_alphanumeric())
}

/// `/models/{any}:verb` with the model replaced. The client's name may hold slashes (`gemini/flash`), the verb follows
/// the last colon.
fn push_gemini_path(target: &mut String, path: &str, model: &str) {
    let Some(named) = path.strip_prefix("/models/") else {
        target.push_str(path);
        return;
    };
    let (folder, model) = match model.strip_prefix("tunedModels/") {
        Some(tuned) => ("/tunedModels/", tuned),
        None => ("/models/", model.strip_prefix("models/").unwrap_or(model)),
    };
    target.push_str(folder);
    for byte in model.bytes() {
        push_path_byte(target, byte);
    }
    if let Some((_, verb)) = named.rsplit_once(':') {
        target.push(':');
        target.push_str(verb);
    }
}

/// Escapes what must not stand in a path segment, slashes included: a model name never climbs out of its folder.
fn push_path_byte(target: &mut String, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    if byte.is_ascii_alphanumeric() || b"-._~@+".contains(&byte) {
        target.push(char::from(byte));
        return;
    }
    target.push('%');
    target.push(char::from(HEX[usize::from(byte >> 4)]));
    target.push(char::from(HEX[usize::from(byte & 15)]));
}

fn push_query(target: &mut String, query: &str) {
    let mut separator = '?';
    for pair in query.split('&').filter(|pair| !pair.is_empty() && !names_credential(pair)) {
        target.push(separator);
        target.push_str(pair);
        separator = '&';
    }
}

/// Whether a query pair is a credential: Google takes `key` and `access_token` from there. Escapes are looked through,
/// because `%6Bey` is `key` to the provider.
fn names_credential(pair: &str) -> bool {
    let name = pair.split('=').next().unwrap_or_default();
    let decoded = unescape(name);
    decoded.eq_ignore_ascii_case(b"key")
        || decoded.eq_ignore_ascii_case(b"access_token")
        || decoded.eq_ignore_ascii_case(b"oauth_token")
}

fn unescape(name: &str) -> std::borrow::Cow<'_, [u8]> {
    if !name.contains('%') {
        return std::borrow::Cow::Borrowed(name.as_bytes());
    }
    let mut decoded = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte = escaped.filter(|_| *first == b'%').and_then(|two| u8::from_str_radix(two, 16).ok());
        decoded.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    std::borrow::Cow::Owned(decoded)
}
