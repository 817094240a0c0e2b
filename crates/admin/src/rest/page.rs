//! What a browser sees at the control plane's address.

use axum::response::Response;
use http::StatusCode;

use super::answer;

const PAGE: &str = include_str!("page.html");

pub(super) fn page() -> Response {
    answer::of(StatusCode::OK, "text/html; charset=utf-8", PAGE.as_bytes().to_vec())
}
