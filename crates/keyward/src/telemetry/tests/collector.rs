//! A collector that notes what it was sent and answers as it is told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keyward_domain::origin::BaseUrl;
use keyward_domain::port::{Clock, Egress, EgressAnswer, EgressError, EgressFuture, EgressRequest};
use keyward_domain::time::Timestamp;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::Instant;

pub(super) fn endpoint() -> BaseUrl {
    "http://127.0.0.1:4318".parse().unwrap()
}

/// What the collector does with a request.
pub(super) enum Reply {
    /// Answers.
    Answer(u16, &'static str),
    /// Answers and names a wait in seconds.
    After(u16, &'static str),
    /// Is not there.
    Down,
    /// Never answers.
    Never,
    /// Answers 200 when the other end is dropped or sends.
    Held(tokio::sync::oneshot::Receiver<()>),
}

/// Replies in order; when they are used up, all of them are 200.
#[derive(Clone)]
pub(super) struct Recorder {
    inner: Arc<Inner>,
}

struct Inner {
    replies: Mutex<VecDeque<Reply>>,
    requests: Mutex<Vec<Sent>>,
    arrived: mpsc::UnboundedSender<()>,
}

/// A request as it came.
#[derive(Clone)]
pub(super) struct Sent {
    pub(super) at: Instant,
    pub(super) request: Arc<EgressRequest>,
}

impl Recorder {
    /// A collector, and what tells when a request has come.
    pub(super) fn new(replies: impl IntoIterator<Item = Reply>) -> (Self, mpsc::UnboundedReceiver<()>) {
        let (arrived, arrivals) = mpsc::unbounded_channel();
        let replies = Mutex::new(replies.into_iter().collect());
        (Self { inner: Arc::new(Inner { replies, requests: Mutex::default(), arrived }) }, arrivals)
    }

    pub(super) fn egress(&self) -> Arc<dyn Egress> {
        Arc::new(self.clone())
    }

    pub(super) fn requests(&self) -> Vec<Sent> {
        self.inner.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All spans of all requests.
    pub(super) fn spans(&self) -> Vec<Value> {
        self.requests().iter().flat_map(Sent::spans).collect()
    }
}

impl Sent {
    pub(super) fn body(&self) -> Value {
        serde_json::from_slice(&self.request.body).unwrap()
    }

    pub(super) fn spans(&self) -> Vec<Value> {
        self.body()["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone()
    }
}

impl Egress for Recorder {
    fn fetch(&self, request: EgressRequest) -> EgressFuture {
        let sent = Sent { at: Instant::now(), request: Arc::new(request) };
        self.inner.requests.lock().unwrap_or_else(PoisonError::into_inner).push(sent);
        let reply = self.inner.replies.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let _ = self.inner.arrived.send(());
        Box::pin(reply.unwrap_or(Reply::Answer(200, "{}")).carry_out())
    }
}

impl Reply {
    async fn carry_out(self) -> Result<EgressAnswer, EgressError> {
        match self {
            Self::Answer(status, body) => Ok(answer(status, Vec::new(), body)),
            Self::After(status, wait) => Ok(answer(status, vec![("retry-after".to_owned(), wait.to_owned())], "")),
            Self::Down => Err(EgressError::Connect("127.0.0.1:4318".to_owned(), "connection refused".to_owned())),
            Self::Never => std::future::pending().await,
            Self::Held(release) => {
                let _ = release.await;
                Ok(answer(200, Vec::new(), "{}"))
            }
        }
    }
}

fn answer(status: u16, headers: Vec<(String, String)>, body: &str) -> EgressAnswer {
    EgressAnswer { status, headers, body: body.as_bytes().to_vec() }
}

/// The runtime's time, which tests stop and move.
pub(super) struct RuntimeClock(Instant);

impl RuntimeClock {
    pub(super) fn start() -> Arc<dyn Clock> {
        Arc::new(Self(Instant::now()))
    }
}

impl Clock for RuntimeClock {
    fn now(&self) -> Timestamp {
        Timestamp::EPOCH.plus(self.monotonic())
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}
