//! D01, D02, S04: which headers pass and which do not.

use http::{HeaderMap, HeaderName, HeaderValue};
use keyward_domain::dialect::Dialect;
use keyward_domain::provider::ProviderKind;
use keyward_provider::{inbound_headers, outbound_headers};
use proptest::prelude::*;

const NEVER_UP: &[&str] = &[
    "authorization",
    "x-api-key",
    "x-goog-api-key",
    "api-key",
    "cookie",
    "host",
    "content-length",
    "transfer-encoding",
    "expect",
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "proxy-authenticate",
    "te",
    "trailer",
    "upgrade",
    "http2-settings",
    "origin",
    "forwarded",
    "via",
    "x-real-ip",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-anything",
    "x-keyward-tags",
    "x-keyward-session",
    "x-keyward-whatever",
    "idempotency-key",
    "openai-organization",
    "openai-project",
    "x-goog-user-project",
    "anthropic-workspace-id",
    "x-hf-bill-to",
];
const ALWAYS_UP: &[&str] = &[
    "accept",
    "content-type",
    "user-agent",
    "anthropic-version",
    "anthropic-beta",
    "openai-beta",
    "x-stainless-lang",
    "x-stainless-retry-count",
    "x-goog-api-client",
    "x-client-request-id",
    "traceparent",
    "x-server-timeout",
    "x-a-header-of-tomorrow",
    "http-referer",
    "x-title",
    "x-apikey",
    "cookies",
    "hosts",
    "x-keyward",
];
const NEVER_DOWN: &[&str] = &[
    "connection",
    "keep-alive",
    "transfer-encoding",
    "trailer",
    "upgrade",
    "proxy-authenticate",
    "set-cookie",
    "set-cookie2",
    "alt-svc",
    "strict-transport-security",
    "server",
    "location",
    "nel",
    "report-to",
    "reporting-endpoints",
    "expect-ct",
    "clear-site-data",
    "public-key-pins",
    "openai-organization",
    "openai-project",
    "anthropic-organization-id",
    "anthropic-workspace-id",
    "access-control-allow-origin",
    "x-keyward-request-id",
];
const ALWAYS_DOWN: &[&str] = &[
    "content-type",
    "content-length",
    "date",
    "request-id",
    "x-request-id",
    "retry-after",
    "retry-after-ms",
    "x-ratelimit-remaining-requests",
    "anthropic-ratelimit-tokens-reset",
    "openai-processing-ms",
    "openai-version",
    "x-should-retry",
    "content-disposition",
    "x-a-header-of-tomorrow",
    "cf-ray",
];

fn all(names: &[&'static str]) -> HeaderMap {
    names.iter().map(|name| (HeaderName::from_static(name), HeaderValue::from_static("1"))).collect()
}

#[test]
fn s04_nothing_of_ours_or_of_the_clients_network_goes_to_the_provider() {
    for kind in ProviderKind::ALL {
        let mut headers = all(NEVER_UP);
        headers.append("x-forwarded-for", HeaderValue::from_static("10.0.0.2"));
        headers.append("cookie", HeaderValue::from_static("b=2"));
        outbound_headers(kind, Dialect::OpenAi, &mut headers);
        let left: Vec<_> =
            headers.keys().filter(|name| !matches!(name.as_str(), "accept-encoding" | "anthropic-version")).collect();
        assert_eq!(left, Vec::<&HeaderName>::new(), "{kind:?}");
    }
}

#[test]
fn d01_what_is_not_on_the_list_goes_through_untouched_and_in_order() {
    let mut headers = all(ALWAYS_UP);
    headers.append("anthropic-beta", HeaderValue::from_static("second"));
    let before = headers.clone();
    outbound_headers(ProviderKind::OpenAi, Dialect::OpenAi, &mut headers);
    headers.remove("accept-encoding");
    assert_eq!(headers, before);
    let betas: Vec<_> = headers.get_all("anthropic-beta").iter().collect();
    assert_eq!(betas, ["1", "second"]);
}

#[test]
fn d01_only_the_plain_encoding_is_asked_for() {
    for sent in [None, Some("gzip, br, zstd")] {
        let mut headers = HeaderMap::new();
        if let Some(sent) = sent {
            headers.insert("accept-encoding", HeaderValue::from_static(sent));
        }
        outbound_headers(ProviderKind::OpenAi, Dialect::OpenAi, &mut headers);
        assert_eq!(headers.get_all("accept-encoding").iter().collect::<Vec<_>>(), ["identity"]);
    }
}

#[test]
fn d01_anthropic_gets_a_version_only_when_the_client_sent_none() {
    let mut headers = HeaderMap::new();
    outbound_headers(ProviderKind::Anthropic, Dialect::Anthropic, &mut headers);
    assert_eq!(headers["anthropic-version"], "2023-06-01");
    headers.insert("anthropic-version", HeaderValue::from_static("2026-10-21"));
    outbound_headers(ProviderKind::Anthropic, Dialect::Anthropic, &mut headers);
    assert_eq!(headers["anthropic-version"], "2026-10-21");
    let mut headers = HeaderMap::new();
    outbound_headers(ProviderKind::OpenAi, Dialect::OpenAi, &mut headers);
    assert!(!headers.contains_key("anthropic-version"));
}

#[test]
fn s04_headers_that_connection_names_stay_on_this_hop() {
    let mut headers = HeaderMap::new();
    headers.append("connection", HeaderValue::from_static("keep-alive, X-Private , x-other"));
    headers.append("connection", HeaderValue::from_static("x-third,,"));
    for name in ["x-private", "x-other", "x-third", "x-fourth"] {
        headers.insert(name, HeaderValue::from_static("1"));
    }
    let mut down = headers.clone();
    outbound_headers(ProviderKind::OpenAi, Dialect::OpenAi, &mut headers);
    headers.remove("accept-encoding");
    assert_eq!(headers.keys().collect::<Vec<_>>(), ["x-fourth"]);
    inbound_headers(&mut down);
    assert_eq!(down.keys().collect::<Vec<_>>(), ["x-fourth"]);
}

#[test]
fn s04_more_headers_than_one_sweep_holds_are_all_removed() {
    let mut headers = HeaderMap::new();
    for number in 0..90 {
        let name: HeaderName = format!("x-forwarded-{number}").parse().unwrap();
        headers.insert(name, HeaderValue::from_static("1"));
    }
    outbound_headers(ProviderKind::OpenAi, Dialect::OpenAi, &mut headers);
    assert_eq!(headers.len(), 1);
}

#[test]
fn d01_the_providers_account_and_browser_orders_do_not_reach_the_client() {
    let mut headers = all(NEVER_DOWN);
    headers.append("set-cookie", HeaderValue::from_static("second"));
    inbound_headers(&mut headers);
    assert!(headers.is_empty(), "{headers:?}");
    let mut headers = all(ALWAYS_DOWN);
    inbound_headers(&mut headers);
    assert_eq!(headers, all(ALWAYS_DOWN));
}

proptest! {
    #[test]
    fn d01_what_passes_is_exactly_what_is_not_listed(names in proptest::collection::vec("[a-z][a-z0-9-]{0,30}", 0..40)) {
        let mut headers = HeaderMap::new();
        for name in &names {
            headers.append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_static("1"));
        }
        let before = headers.clone();
        outbound_headers(ProviderKind::OpenAi, Dialect::OpenAi, &mut headers);
        for name in before.keys().filter(|name| *name != "accept-encoding") {
            let listed = NEVER_UP.contains(&name.as_str())
                || name.as_str() == "cookie2"
                || name.as_str().starts_with("x-keyward-")
                || name.as_str().starts_with("x-forwarded-");
            prop_assert_eq!(headers.contains_key(name), !listed, "{}", name);
        }
    }
}
