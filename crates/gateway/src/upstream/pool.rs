//! Connections to one origin. HTTP/1.1 connections are lent to one request at a time and come back when its answer has
//! been read to the end; HTTP/2 connections are shared by many.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::Instant;

use super::SendError;
use super::connect::Connected;
use crate::body::Outgoing;

/// An idle connection older than this is not used again: providers close theirs after a minute or more, and a race
/// with that costs an attempt.
const MAX_IDLE: Duration = Duration::from_secs(50);
/// Requests at once on one HTTP/2 connection before another is opened.
const STREAMS_PER_CONNECTION: usize = 100;
/// How often a quiet HTTP/2 connection is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(15);

/// The connections to one origin.
pub(super) struct Pool {
    idle: RefCell<Vec<(http1::SendRequest<Outgoing>, Instant)>>,
    shared: RefCell<Vec<Shared>>,
    max_idle: usize,
}

struct Shared {
    sender: http2::SendRequest<Outgoing>,
    load: Rc<()>,
}

/// A connection lent to one request.
pub(super) enum Connection {
    Http1(http1::SendRequest<Outgoing>),
    Http2 {
        sender: http2::SendRequest<Outgoing>,
        /// Counted: one clone per request under way.
        _load: Rc<()>,
    },
}

/// A request that got no answer.
pub(super) struct Failed {
    /// The request, when none of it was sent.
    pub(super) unsent: Option<Request<Outgoing>>,
    /// What went wrong.
    pub(super) what: String,
}

impl Pool {
    pub(super) fn new(max_idle: usize) -> Self {
        Self { idle: RefCell::default(), shared: RefCell::default(), max_idle }
    }

    /// A connection that is open and free, if there is one: the one used last, so that the others can grow old.
    pub(super) async fn idle(&self) -> Option<Connection> {
        if let Some(shared) = self.shared() {
            return Some(shared);
        }
        loop {
            let (mut sender, since) = self.idle.borrow_mut().pop()?;
            if sender.is_closed() || since.elapsed() > MAX_IDLE {
                continue;
            }
            if sender.ready().await.is_ok() {
                return Some(Connection::Http1(sender));
            }
        }
    }

    fn shared(&self) -> Option<Connection> {
        let mut shared = self.shared.borrow_mut();
        if shared.is_empty() {
            return None;
        }
        shared.retain(|one| !one.sender.is_closed());
        let free = shared.iter().min_by_key(|one| Rc::strong_count(&one.load))?;
        (Rc::strong_count(&free.load) <= STREAMS_PER_CONNECTION)
            .then(|| Connection::Http2 { sender: free.sender.clone(), _load: Rc::clone(&free.load) })
    }

    /// Speaks HTTP on a new connection. Its task ends with the connection, so nothing has to wait for it.
    pub(super) async fn add(&self, connected: Connected) -> Result<Connection, SendError> {
        let io = TokioIo::new(connected.stream);
        let broken = |error: hyper::Error| SendError::Connect(error.to_string());
        if connected.is_http2 {
            let (sender, driver) = http2::Builder::new(LocalTasks)
                .timer(TokioTimer::new())
                .adaptive_window(true)
                .keep_alive_interval(PING_EVERY)
                .handshake(io)
                .await
                .map_err(broken)?;
            tokio::task::spawn_local(async move { drop(driver.await) });
            let load = Rc::new(());
            self.shared.borrow_mut().push(Shared { sender: sender.clone(), load: Rc::clone(&load) });
            return Ok(Connection::Http2 { sender, _load: load });
        }
        let (sender, driver) = http1::Builder::new().handshake(io).await.map_err(broken)?;
        tokio::task::spawn_local(async move { drop(driver.await) });
        Ok(Connection::Http1(sender))
    }

    fn give_back(&self, sender: http1::SendRequest<Outgoing>) {
        let mut idle = self.idle.borrow_mut();
        if !sender.is_closed() && idle.len() < self.max_idle {
            idle.push((sender, Instant::now()));
        }
    }
}

impl Connection {
    pub(super) async fn send(&mut self, request: Request<Outgoing>) -> Result<Response<Incoming>, Failed> {
        let sent = match self {
            Self::Http1(sender) => sender.try_send_request(request).await,
            Self::Http2 { sender, .. } => sender.try_send_request(absolute(request)).await,
        };
        sent.map_err(|mut failed| Failed { unsent: failed.take_message(), what: what(failed.error()) })
    }
}

/// HTTP/2 has the host in the request line instead of in a header.
fn absolute(mut request: Request<Outgoing>) -> Request<Outgoing> {
    if let Some(host) = request.headers_mut().remove(HOST) {
        let path = request.uri().path_and_query().cloned();
        let uri = http::uri::Builder::new().scheme("https").authority(host.as_bytes());
        if let Some(uri) = path.and_then(|path| uri.path_and_query(path).build().ok()) {
            *request.uri_mut() = uri;
        }
    }
    request
}

/// The library's words for a broken connection; they hold no address and no header.
fn what(error: &hyper::Error) -> String {
    if error.is_incomplete_message() {
        return "the connection was closed before the answer began".to_owned();
    }
    error.to_string()
}

/// The body of an answer; gives its connection back when it has been read to the end, and closes it when dropped before.
pub(crate) struct Flowing {
    body: Incoming,
    lent: Option<(Rc<Pool>, Connection)>,
}

pub(super) fn flowing(pool: Rc<Pool>, connection: Connection, response: Response<Incoming>) -> Response<Flowing> {
    response.map(|body| {
        let mut flowing = Flowing { body, lent: Some((pool, connection)) };
        if flowing.body.is_end_stream() {
            flowing.finish();
        }
        flowing
    })
}

impl Flowing {
    fn finish(&mut self) {
        if let Some((pool, Connection::Http1(sender))) = self.lent.take() {
            pool.give_back(sender);
        }
    }
}

impl Body for Flowing {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(Err(_)) => self.lent = None,
            None => self.finish(),
            Some(Ok(_)) if self.body.is_end_stream() => self.finish(),
            Some(Ok(_)) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Runs HTTP/2's own tasks on the event loop that the connection lives on.
#[derive(Clone, Copy)]
struct LocalTasks;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for LocalTasks {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}
