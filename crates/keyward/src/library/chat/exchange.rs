//! One request and its answer over a connection to the data plane, without a socket.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, RETRY_AFTER};
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Frame, Incoming};
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

/// What came back, as far as its head.
pub(super) struct Head {
    pub(super) status: u16,
    headers: HeaderMap,
}

/// An answer whose body is still to be read.
pub(super) struct Begun {
    pub(super) head: Head,
    body: Incoming,
    /// Does its work only while it is polled; `None` once it is over.
    connection: Option<Connection>,
}

type Connection = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Head {
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

impl Begun {
    /// The next piece of the body; `None` at its end.
    pub(super) async fn piece(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let frame = match &mut self.connection {
                None => self.body.frame().await,
                Some(connection) => tokio::select! {
                    biased;
                    frame = self.body.frame() => frame,
                    // What has arrived is still there to be read.
                    () = connection => {
                        self.connection = None;
                        continue;
                    }
                },
            };
            match frame.transpose().map_err(|error| broken(&error))?.map(Frame::into_data) {
                None => return Ok(None),
                Some(Ok(data)) => return Ok(Some(data)),
                // Trailers: nobody sends any.
                Some(Err(_)) => {}
            }
        }
    }

    /// The whole body.
    pub(super) async fn whole(&mut self) -> Result<Vec<u8>, Error> {
        let mut all = Vec::new();
        while let Some(piece) = self.piece().await? {
            all.extend_from_slice(&piece);
            if all.len() > MAX_ANSWER {
                return Err(broken(&"it is longer than 64 MiB"));
            }
        }
        Ok(all)
    }
}

/// Sends a request and reads the answer's head. Given up, here or later, the connection closes, and the data plane
/// settles what was under way. It has the deadlines, so there is none here.
pub(super) async fn begin(open: &Open, asked: &Asked<'_>) -> Result<Begun, Error> {
    let request = request(open, asked)?;
    let handshake = http1::handshake(TokioIo::new(open.connect()?)).await;
    let (mut sender, connection) = handshake.map_err(|error| broken(&error))?;
    let mut connection: Option<Connection> = Some(Box::pin(async move { drop(connection.await) }));
    let mut answer = Box::pin(sender.send_request(request));
    let answered = match &mut connection {
        None => answer.await,
        Some(driven) => tokio::select! {
            biased;
            answered = &mut answer => answered,
            () = driven => {
                connection = None;
                answer.await
            }
        },
    };
    let (head, body) = answered.map_err(|error| broken(&error))?.into_parts();
    Ok(Begun { head: Head { status: head.status.as_u16(), headers: head.headers }, body, connection })
}

/// A request, in the words of its dialect.
pub(super) struct Asked<'a> {
    pub(super) dialect: Dialect,
    pub(super) path: String,
    pub(super) body: Value,
    pub(super) session: Option<&'a str>,
}

fn request(open: &Open, asked: &Asked<'_>) -> Result<Request<Full<Bytes>>, Error> {
    let Asked { dialect, path, body, session } = asked;
    let token = bearer(&open.token).ok_or_else(|| Error::Internal("the library's token is no header".to_owned()))?;
    let mut request = Request::post(path.as_str())
        .header(HOST, HERE)
        .header(AUTHORIZATION, token)
        .header(CONTENT_TYPE, "application/json");
    if *dialect == Dialect::Anthropic {
        request = request.header("anthropic-version", ANTHROPIC_VERSION);
    }
    if let Some(session) = *session {
        request = request.header("x-keyward-session", session);
    }
    let bad = |error: http::Error| Error::Refused {
        code: "invalid_request".to_owned(),
        message: format!("the request cannot be written: {error}"),
    };
    request.body(Full::new(Bytes::from(body.to_string()))).map_err(bad)
}

pub(super) fn broken(error: &dyn std::fmt::Display) -> Error {
    let message = format!("the answer broke off: {error}");
    Error::Call(CallError { status: 0, code: "upstream_error".to_owned(), message, request: None, retry_after: None })
}
