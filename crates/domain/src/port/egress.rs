use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::origin::Origin;
use crate::secret::Secret;

/// The one way out for calls that are not client traffic: validating a key, listing a provider's models, webhooks.
/// The same connector as the data plane's: destination-bound, TLS verified, redirects never followed.
pub trait Egress: Send + Sync {
    /// Sends one request and reads the whole answer, at most [`MAX_EGRESS_BODY`] bytes. Never retries.
    fn fetch(&self, request: EgressRequest) -> EgressFuture;
}

/// What [`Egress::fetch`] gives.
pub type EgressFuture = Pin<Box<dyn Future<Output = Result<EgressAnswer, EgressError>> + Send>>;

/// Longer answers are an error.
pub const MAX_EGRESS_BODY: usize = 8 * 1024 * 1024;

/// A request outside client traffic.
#[derive(Debug)]
pub struct EgressRequest {
    /// Where to connect; the secret header goes nowhere else.
    pub origin: Origin,
    /// `GET`, `POST`.
    pub method: &'static str,
    /// Path and query, beginning with a slash.
    pub path: String,
    /// Plain headers.
    pub headers: Vec<(&'static str, String)>,
    /// The header that carries the credential: name and whole value.
    pub credential: Option<(&'static str, Secret)>,
    /// Body; empty for `GET`.
    pub body: Vec<u8>,
    /// For everything, from connecting to the last byte.
    pub deadline: Duration,
}

/// The answer.
#[derive(Debug, Clone)]
pub struct EgressAnswer {
    /// HTTP status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Vec<u8>,
}

/// Nobody answered, or not with an answer. Never carries the URL's secrets (there are none) or a header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// No connection.
    #[error("could not connect to {0}: {1}")]
    Connect(String, String),
    /// The certificate could not be verified.
    #[error("the certificate of {0} could not be verified: {1}")]
    Tls(String, String),
    /// No answer in time.
    #[error("{0} did not answer in time")]
    Timeout(String),
    /// The connection broke, or the answer was no HTTP.
    #[error("{0} broke the connection: {1}")]
    Broken(String, String),
}
