//! From the client to the provider.

use http::header::{ACCEPT_ENCODING, HeaderMap, HeaderName, HeaderValue};
use keyward_domain::dialect::Dialect;
use keyward_domain::provider::ProviderKind;

use super::{is_hop_by_hop, remove_nominated, sweep};

/// Sent when an Anthropic client names no version: the older of the two, which accepts everything the newer one does.
const DEFAULT_ANTHROPIC_VERSION: HeaderValue = HeaderValue::from_static("2023-06-01");

const ANTHROPIC_VERSION: HeaderName = HeaderName::from_static("anthropic-version");
const IDENTITY: HeaderValue = HeaderValue::from_static("identity");

/// Turns the client's headers into the provider's, in place. The credential is not among them: put it in afterwards.
///
/// Removed: what concerns the client's connection or names its network, every credential, cookies, our own headers,
/// and the selectors of an account that is not the client's (`openai-organization`, ...). `accept-encoding` becomes
/// `identity` because usage has to be read from the answer. Everything else passes untouched.
pub fn outbound_headers(kind: ProviderKind, dialect: Dialect, headers: &mut HeaderMap) {
    remove_nominated(headers);
    sweep(headers, is_dropped);
    headers.insert(ACCEPT_ENCODING, IDENTITY);
    let speaks_anthropic = kind == ProviderKind::Anthropic || dialect == Dialect::Anthropic;
    if speaks_anthropic && !headers.contains_key(ANTHROPIC_VERSION) {
        headers.insert(ANTHROPIC_VERSION, DEFAULT_ANTHROPIC_VERSION);
    }
}

/// Compared by length first: most headers of a request are through after one or two comparisons.
fn is_dropped(name: &str) -> bool {
    let exact = match name.len() {
        3 => name == "via",
        4 => name == "host",
        6 => matches!(name, "cookie" | "expect" | "origin"),
        // `api-key` is Azure's spelling; clients may put their virtual key into it.
        7 => matches!(name, "api-key" | "cookie2"),
        9 => matches!(name, "x-api-key" | "forwarded" | "x-real-ip"),
        12 => name == "x-hf-bill-to",
        13 => name == "authorization",
        14 => matches!(name, "x-goog-api-key" | "content-length" | "openai-project"),
        15 => matches!(name, "accept-encoding" | "idempotency-key"),
        19 => matches!(name, "openai-organization" | "x-goog-user-project"),
        22 => name == "anthropic-workspace-id",
        _ => false,
    };
    exact || is_hop_by_hop(name) || name.starts_with("x-keyward-") || name.starts_with("x-forwarded-")
}
