//! One client connection: HTTP/1.1, kept open between calls, closed gently when the server goes.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::{Phase, health};
use crate::pipeline;
use crate::worker::Worker;

/// The most that one read takes in, in bytes: a connection's buffer grows up to this and stays there while it lives.
const MAX_BUFFER: usize = 64 * 1024;

/// Serves a connection until either side closes it.
pub(super) async fn serve<S>(worker: Rc<Worker>, stream: S, peer: IpAddr, mut phase: watch::Receiver<Phase>)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let metrics = std::sync::Arc::clone(&worker.shared.metrics);
    metrics.connected();
    let limits = worker.shared.options.limits;
    let service = service_fn(|request| {
        let worker = Rc::clone(&worker);
        async move {
            match health::answer(&worker, &request) {
                Some(response) => Ok::<_, Infallible>(response),
                None => Ok(pipeline::handle(worker, peer, request).await),
            }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_read)
        .max_headers(limits.headers)
        .max_buf_size(MAX_BUFFER)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let mut leaving = pin!(phase.changed());
    let mut told = false;
    // What goes wrong on a connection is the client's to notice; the calls on it have settled themselves.
    let _ = poll_fn(|cx| {
        if !told && leaving.as_mut().poll(cx).is_ready() {
            told = true;
            connection.as_mut().graceful_shutdown();
        }
        match connection.as_mut().poll(cx) {
            Poll::Ready(ended) => Poll::Ready(ended),
            Poll::Pending => Poll::Pending,
        }
    })
    .await;
    metrics.disconnected();
}
