//! The built-in sandbox provider behind an in-memory connection: real HTTP, no socket.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use keyward_provider::sandbox::{Scripted, answer};
use tokio::io::DuplexStream;
use tokio::time::{Sleep, sleep};

/// Bytes that the in-memory connection holds in each direction.
const BUFFER: usize = 64 * 1024;

/// Our end of a new connection to the sandbox. Its other end is served until ours is closed.
pub(super) fn open() -> DuplexStream {
    let (ours, theirs) = tokio::io::duplex(BUFFER);
    tokio::task::spawn_local(async move {
        let service = service_fn(serve);
        drop(http1::Builder::new().serve_connection(TokioIo::new(theirs), service).await);
    });
    ours
}

async fn serve(request: Request<Incoming>) -> Result<Response<Script>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let Scripted { status, headers, first_delay_ms, pieces } = answer(head.method.as_str(), path, &head.headers, &body);
    if first_delay_ms > 0 {
        sleep(Duration::from_millis(first_delay_ms)).await;
    }
    let mut response = Response::new(Script { pieces: Box::new(pieces), next: None, pause: None });
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// A scripted body: each piece after its pause.
struct Script {
    pieces: Box<dyn Iterator<Item = (u64, Bytes)>>,
    next: Option<Bytes>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Body for Script {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        loop {
            if let Some(pause) = &mut this.pause {
                ready!(pause.as_mut().poll(cx));
                this.pause = None;
            }
            if let Some(piece) = this.next.take() {
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            let Some((pause_ms, piece)) = this.pieces.next() else { return Poll::Ready(None) };
            this.next = Some(piece);
            this.pause = (pause_ms > 0).then(|| Box::pin(sleep(Duration::from_millis(pause_ms))));
        }
    }
}
