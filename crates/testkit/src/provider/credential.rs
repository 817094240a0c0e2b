//! Where each vendor looks for the key, and nowhere else.

use http::{HeaderMap, Uri};

use super::refusal::VendorError;
use super::route::query_value;
use super::vendor::Vendor;

/// The secret a call carries, or the vendor's complaint about how it carries it.
pub(crate) fn presented(vendor: Vendor, uri: &Uri, headers: &HeaderMap) -> Result<String, VendorError> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let bearer = header("authorization");
    match vendor {
        Vendor::OpenAi => bearer_token(&bearer.ok_or(VendorError::MissingKey)?),
        // SDKs up to 1.x send keys in `x-api-key`, those from 2.x on as a bearer token. Two credentials are refused even
        // where they agree, because a gateway that sends two has leaked its caller's.
        Vendor::Anthropic => match (header("x-api-key"), bearer) {
            (Some(key), None) => Ok(key),
            (None, Some(bearer)) => bearer_token(&bearer),
            (None, None) => Err(VendorError::MissingKey),
            (Some(_), Some(_)) => Err(VendorError::TwoCredentials),
        },
        Vendor::Gemini => {
            let mut sent = [header("x-goog-api-key"), query_value(uri, "key"), bearer.clone()].into_iter().flatten();
            let first = sent.next().ok_or(VendorError::MissingKey)?;
            if sent.next().is_some() {
                return Err(VendorError::TwoCredentials);
            }
            if bearer.is_some() {
                return Err(VendorError::InvalidKey);
            }
            Ok(first)
        }
    }
}

fn bearer_token(header: &str) -> Result<String, VendorError> {
    match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim().to_owned()),
        _ => Err(VendorError::MissingKey),
    }
}
