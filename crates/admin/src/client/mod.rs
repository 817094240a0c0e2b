//! The same door from the other side: what the command line calls. One way for both cases: within this process the
//! request goes to the router in memory, otherwise over HTTP to a running server.

mod ask;
mod exchange;
mod place;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::header::CONTENT_TYPE;
use serde_json::Value;
use tower::ServiceExt;

use crate::rest::{Entry, Plane};

pub use ask::{Ask, path};
pub use place::{Client, UrlError};

/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// Where operations are run.
#[derive(Debug)]
pub enum Door {
    /// In this process, as the owner of the home.
    Local(Box<Router>),
    /// On a running server.
    Remote(Client),
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DoorError {
    /// The control plane refused.
    #[error("{message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The stable code.
        code: String,
        /// What is wrong and what to do.
        message: String,
        /// The field to blame.
        param: Option<String>,
        /// What to look for in the server's log.
        request_id: Option<String>,
    },
    /// Nobody answered: a sentence with what to do.
    #[error("{0}")]
    Unreachable(String),
    /// What answered is not Keyward's control plane.
    #[error("{0}")]
    Strange(String),
}

impl DoorError {
    /// Whether the server could not be reached, or the caller may not do this (exit code 4).
    pub fn is_unreachable_or_forbidden(&self) -> bool {
        match self {
            Self::Refused { status, .. } => matches!(status, 401 | 403 | 421 | 429),
            Self::Unreachable(_) => true,
            Self::Strange(_) => false,
        }
    }
}

impl Door {
    /// The door within this process.
    pub fn local(plane: &Arc<Plane>) -> Self {
        Self::Local(Box::new(plane.router(Entry::Local)))
    }

    /// Runs an operation. The answer is JSON; an answer in another format (CSV, a table) is one JSON string.
    pub async fn call(&self, ask: Ask) -> Result<Value, DoorError> {
        read(&self.exchange(ask, None).await?)
    }

    /// Runs an operation whose answer is text of any length, and gives it to the sink, piece by piece. After an error,
    /// what the sink has is not the whole.
    pub async fn copy(&self, ask: Ask, sink: &mut Sink<'_>) -> Result<(), DoorError> {
        read(&self.exchange(ask, Some(sink)).await?).map(|_| ())
    }

    async fn exchange(&self, ask: Ask, sink: Option<&mut Sink<'_>>) -> Result<http::Response<Vec<u8>>, DoorError> {
        let router = match self {
            Self::Local(router) => router,
            Self::Remote(client) => return client.send(ask, sink).await,
        };
        let request = ask.into_request("localhost", None).map_err(DoorError::Strange)?;
        let router = (**router).clone();
        let response = router.oneshot(request.map(Body::from)).await.unwrap_or_else(|never| match never {});
        let (parts, body) = response.into_parts();
        let body = match sink.filter(|_| parts.status.is_success()) {
            Some(sink) => {
                exchange::drain(body, sink).await?;
                Vec::new()
            }
            None => exchange::whole(body).await?,
        };
        Ok(http::Response::from_parts(parts, body))
    }
}

/// Takes an answer, piece by piece.
pub type Sink<'a> = dyn FnMut(&[u8]) -> std::io::Result<()> + 'a;

fn read(response: &http::Response<Vec<u8>>) -> Result<Value, DoorError> {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let is_json = kind.starts_with("application/json");
    if response.status().is_success() {
        if is_json {
            return serde_json::from_slice(response.body()).map_err(|_| strange(response.status().as_u16()));
        }
        return Ok(Value::from(String::from_utf8_lossy(response.body()).into_owned()));
    }
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    let text = |part: &str| body.pointer(&format!("/error/{part}")).and_then(Value::as_str).map(str::to_owned);
    let (Some(code), Some(message)) = (text("code"), text("message")) else {
        return Err(strange(response.status().as_u16()));
    };
    let status = response.status().as_u16();
    Err(DoorError::Refused { status, code, message, param: text("param"), request_id: text("request_id") })
}

fn strange(status: u16) -> DoorError {
    DoorError::Strange(format!(
        "What answered (status {status}) is not Keyward's control plane. Check the address: the admin port is 8701 unless configured otherwise."
    ))
}
