//! One request and its answer over a connection to the data plane, without a socket.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, RETRY_AFTER};
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use keyward_domain::dialect::Dialect;
use serde_json::Value;

use crate::library::Error;
use crate::library::error::CallError;
use crate::library::opening::Open;
use crate::library::secret::bearer;

/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// The version of Anthropic's API that requests are written in.
const ANTHROPIC_VERSION: &str = "2023-06-01";
/// HTTP/1.1 wants a host; nobody looks at it.
const HERE: &str = "keyward";

/// What came back.
pub(super) struct Reply {
    pub(super) status: u16,
    headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Reply {
    /// A header's text; empty when it is not there.
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(super) fn error(&self, code: String, message: String) -> CallError {
        let request = Some(self.header("x-keyward-request-id").to_owned()).filter(|id| !id.is_empty());
        let retry_after = self.header(RETRY_AFTER.as_str()).parse().ok().map(Duration::from_secs);
        CallError { status: self.status, code, message, request, retry_after }
    }
}

/// Sends a request and reads the whole answer. Given up earlier, the connection closes, and the data plane settles what
/// was under way. It has the deadlines, so there is none here.
pub(super) async fn send(
    open: &Open,
    dialect: Dialect,
    path: &str,
    body: &Value,
    session: Option<&str>,
) -> Result<Reply, Error> {
    let request = request(open, dialect, path, body, session)?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(open.connect()?)).await.map_err(|error| broken(&error))?;
    let answer = async move {
        let (head, body) = sender.send_request(request).await.map_err(|error| broken(&error))?.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await;
        let body = body.map_err(|error| broken(&error))?.to_bytes();
        Ok(Reply { status: head.status.as_u16(), headers: head.headers, body })
    };
    tokio::pin!(answer, connection);
    // The connection does its work only while it is polled. It may end first, with the whole answer already read.
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        _ = &mut connection => answer.await,
    }
}

fn request(
    open: &Open,
    dialect: Dialect,
    path: &str,
    body: &Value,
    session: Option<&str>,
) -> Result<Request<Full<Bytes>>, Error> {
    let token = bearer(&open.token).ok_or_else(|| Error::Internal("the library's token is no header".to_owned()))?;
    let mut request =
        Request::post(path).header(HOST, HERE).header(AUTHORIZATION, token).header(CONTENT_TYPE, "application/json");
    if dialect == Dialect::Anthropic {
        request = request.header("anthropic-version", ANTHROPIC_VERSION);
    }
    if let Some(session) = session {
        request = request.header("x-keyward-session", session);
    }
    let bad = |error: http::Error| Error::Refused {
        code: "invalid_request".to_owned(),
        message: format!("the request cannot be written: {error}"),
    };
    request.body(Full::new(Bytes::from(body.to_string()))).map_err(bad)
}

fn broken(error: &dyn std::fmt::Display) -> Error {
    let message = format!("the answer broke off: {error}");
    Error::Call(CallError { status: 0, code: "upstream_error".to_owned(), message, request: None, retry_after: None })
}
