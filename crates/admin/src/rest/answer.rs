//! Results and refusals as responses.

use axum::body::Body;
use axum::response::Response;
use http::StatusCode;
use http::header::{CONTENT_TYPE, ETAG, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use keyward_domain::ids::RequestId;
use serde_json::json;

use super::routes::{Reply, ReplyBody};
use crate::control::{Feed, Pages};
use crate::error::{AdminError, whole_seconds};

/// What an operation answered.
pub(super) fn reply(
    reply: Reply,
    status: StatusCode,
    follower: impl FnOnce(Feed) -> Body,
    reader: impl FnOnce(Pages) -> Body,
) -> Response {
    let body = match reply.body {
        ReplyBody::Whole(bytes) => Body::from(bytes),
        ReplyBody::Feed(feed) => follower(*feed),
        ReplyBody::Pages(pages) => reader(*pages),
    };
    let mut response = with_body(status, reply.content_type, body);
    if let Some(tag) = reply.revision.and_then(|revision| HeaderValue::try_from(format!("\"{revision}\"")).ok()) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// A refusal: `{"error":{"code","message","param","request_id"}}`.
pub(super) fn refusal(error: &AdminError, id: RequestId) -> Response {
    let body = json!({ "error": {
        "code": error.code(),
        "message": error.message(),
        "param": error.param(),
        "request_id": id.to_string(),
    }});
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if status.is_server_error() {
        tracing::warn!(request_id = %id, code = error.code(), "the control plane refused a request for a reason of its own");
    }
    let mut response = of(status, "application/json", body.to_string().into_bytes());
    if let Some(after) = error.retry_after() {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(whole_seconds(after)));
    }
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"keyward\""));
    }
    response
}

/// A response with this body.
pub(super) fn of(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Response {
    with_body(status, content_type, Body::from(body))
}

fn with_body(status: StatusCode, content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
