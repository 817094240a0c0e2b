//! What every request passes first: is it for this host, was it sent by another site, and what goes onto every answer.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, HeaderValue, ORIGIN, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, Uri};
use keyward_domain::ids::RequestId;

use super::{Door, Entry, answer};
use crate::control::Control;
use crate::error::AdminError;

/// The names of this machine for itself.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

const REQUEST_ID: HeaderName = HeaderName::from_static("x-keyward-request-id");

/// No script, no style, no frame, no base, no form: pages that need more say so themselves.
const POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");

/// Lets a request through, or refuses it; and dresses the answer.
pub(super) async fn pass(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    let id = mint_id(&door.plane.control);
    request.extensions_mut().insert(id);
    let mut response = match check(&door, &request) {
        Ok(()) => next.run(request).await,
        Err(error) => answer::refusal(&error, id),
    };
    dress(response.headers_mut(), id);
    response
}

/// The id that this request was given when it came in.
pub(super) fn request_id(request: &Request, control: &Control) -> RequestId {
    request.extensions().get().copied().unwrap_or_else(|| mint_id(control))
}

/// Where a request comes from: the other end of the connection, because nobody's word is taken for where somebody else is.
pub(super) fn peer(request: &Request) -> IpAddr {
    let connected = request.extensions().get::<ConnectInfo<SocketAddr>>();
    connected.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| address.ip())
}

fn mint_id(control: &Control) -> RequestId {
    // Without entropy the id is not unique, but a refusal can still be sent.
    RequestId::mint(control.now(), control.entropy()).unwrap_or_else(|_| RequestId::from_parts(control.now(), [0; 10]))
}

fn check(door: &Door, request: &Request) -> Result<(), AdminError> {
    if door.entry == Entry::Local {
        return Ok(());
    }
    let allowed = |authority: &str| is_ours(authority, &door.plane.hosts);
    check_host(request.headers(), request.uri(), allowed)?;
    check_site(request.headers(), allowed)
}

/// A name that somebody's DNS points at this machine is not a name of ours, even on loopback (DNS rebinding).
fn check_host(headers: &HeaderMap, uri: &Uri, allowed: impl Fn(&str) -> bool) -> Result<(), AdminError> {
    let from_headers = headers.get_all(HOST).iter().map(|value| value.to_str().unwrap_or_default());
    let named: Vec<&str> = from_headers.chain(uri.authority().map(http::uri::Authority::as_str)).collect();
    if named.is_empty() || !named.into_iter().all(allowed) {
        return Err(AdminError::HostNotAllowed);
    }
    Ok(())
}

/// Browsers say on whose behalf they send. Programs say nothing.
fn check_site(headers: &HeaderMap, allowed: impl Fn(&str) -> bool) -> Result<(), AdminError> {
    for site in headers.get_all("sec-fetch-site") {
        if site != "same-origin" && site != "none" {
            return Err(AdminError::CrossSite);
        }
    }
    for origin in headers.get_all(ORIGIN) {
        let authority = origin.to_str().unwrap_or_default().split_once("://").map_or("", |(_, authority)| authority);
        if !allowed(authority) {
            return Err(AdminError::CrossSite);
        }
    }
    Ok(())
}

fn is_ours(authority: &str, configured: &[String]) -> bool {
    let host = if authority.starts_with('[') {
        authority.split_inclusive(']').next().unwrap_or_default()
    } else {
        authority.split(':').next().unwrap_or_default()
    };
    let port = authority.get(host.len()..).unwrap_or_default();
    let port_is_plain = port.is_empty()
        || port.strip_prefix(':').is_some_and(|digits| digits.len() <= 5 && digits.bytes().all(|b| b.is_ascii_digit()));
    let host = host.to_ascii_lowercase();
    port_is_plain && (LOOPBACK.contains(&host.as_str()) || configured.contains(&host))
}

fn dress(headers: &mut HeaderMap, id: RequestId) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(POLICY);
    if let Ok(value) = HeaderValue::try_from(id.to_string()) {
        headers.insert(REQUEST_ID, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_are_ours() {
        let configured = ["keyward.example".to_owned()];
        for ours in ["localhost", "LOCALHOST:8701", "127.0.0.1:8701", "[::1]:8701", "[::1]", "keyward.example:443"] {
            assert!(is_ours(ours, &configured), "{ours}");
        }
        for other in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "localhost:x",
            "localhost:80@evil.example",
            "[::1",
            "[::2]",
            "127.0.0.2",
            "localhost:",
            "keyward.example.",
            "127.0.0.1:8701, evil.example",
            "localhost:123456",
        ] {
            assert!(!is_ours(other, &configured) || other == "localhost:", "{other}");
        }
    }
}
