//! Headers on their way through. Deny-lists: what is not named here passes untouched in both directions, so that a
//! header invented tomorrow works without a release.

mod inbound;
mod outbound;

pub use inbound::inbound_headers;
pub use outbound::outbound_headers;

use http::HeaderMap;
use http::header::{CONNECTION, HeaderName};

/// How many headers one sweep removes before it starts over; a request rarely has more than eight to remove.
const SWEEP: usize = 16;

/// Removes every header that `drop` says yes to, without allocating.
fn sweep(headers: &mut HeaderMap, drop: fn(&str) -> bool) {
    loop {
        let mut doomed: [Option<HeaderName>; SWEEP] = [const { None }; SWEEP];
        let mut found = 0;
        for (slot, name) in doomed.iter_mut().zip(headers.keys().filter(|name| drop(name.as_str()))) {
            *slot = Some(name.clone());
            found += 1;
        }
        for name in doomed.iter().flatten() {
            headers.remove(name);
        }
        if found < SWEEP {
            return;
        }
    }
}

/// Removes the headers that `Connection` names: they are meant for this hop alone (RFC 9110, 7.6.1).
fn remove_nominated(headers: &mut HeaderMap) {
    let mut at = 0;
    // A clone of a header value shares its bytes. The values are counted off because removing needs the map.
    while let Some(value) = headers.get_all(CONNECTION).iter().nth(at).cloned() {
        at += 1;
        if is_ordinary(value.as_bytes()) {
            continue;
        }
        for name in value.to_str().unwrap_or_default().split(',').map(str::trim) {
            if !name.is_empty() && !name.eq_ignore_ascii_case("connection") {
                headers.remove(name);
            }
        }
    }
}

/// The two values that nearly every client sends; they name nothing that the deny-lists do not name already.
fn is_ordinary(connection: &[u8]) -> bool {
    connection.eq_ignore_ascii_case(b"keep-alive") || connection.eq_ignore_ascii_case(b"close")
}

/// Headers that concern one connection only. Sorted by length because that is what is compared first.
fn is_hop_by_hop(name: &str) -> bool {
    match name.len() {
        2 => name == "te",
        7 => name == "trailer" || name == "upgrade",
        10 => name == "connection" || name == "keep-alive",
        14 => name == "http2-settings",
        16 => name == "proxy-connection",
        17 => name == "transfer-encoding",
        18 => name == "proxy-authenticate",
        19 => name == "proxy-authorization",
        _ => false,
    }
}
