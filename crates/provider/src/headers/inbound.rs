//! From the provider to the client.

use http::HeaderMap;

use super::{is_hop_by_hop, remove_nominated, sweep};

/// Turns the provider's answer headers into ours, in place. `content-length` stays: only the gateway knows whether the
/// body keeps its length.
///
/// Removed: what concerns the provider's connection, what a browser would take for a statement of *our* origin
/// (cookies, transport security, reporting, CORS), which account the key belongs to, and names that only we may use.
pub fn inbound_headers(headers: &mut HeaderMap) {
    remove_nominated(headers);
    sweep(headers, is_dropped);
}

fn is_dropped(name: &str) -> bool {
    let exact = match name.len() {
        3 => name == "nel",
        6 => name == "server",
        7 => name == "alt-svc",
        8 => name == "location",
        9 => matches!(name, "report-to" | "expect-ct"),
        10 => name == "set-cookie",
        11 => name == "set-cookie2",
        14 => name == "openai-project",
        15 => matches!(name, "public-key-pins" | "clear-site-data"),
        19 => matches!(name, "openai-organization" | "reporting-endpoints"),
        22 => name == "anthropic-workspace-id",
        25 => matches!(name, "anthropic-organization-id" | "strict-transport-security"),
        _ => false,
    };
    exact || is_hop_by_hop(name) || name.starts_with("x-keyward-") || name.starts_with("access-control-")
}
