//! The connection below HTTP: counts flushes, and ends the way the script wants.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::fault::Close;
use super::state::Shared;

/// What a call may ask of its connection.
#[derive(Debug)]
pub(crate) struct WireControl {
    pub(crate) connection: u64,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    close: Close,
    raw: Option<Bytes>,
    flushes: u64,
    waiting: Option<Waker>,
}

impl WireControl {
    pub(crate) fn new(connection: u64) -> Self {
        Self { connection, inner: Mutex::new(Inner::default()) }
    }

    /// How the connection ends when it is dropped.
    pub(crate) fn close_with(&self, close: Close) {
        self.with(|inner| inner.close = close);
    }

    /// Bytes written to the connection, outside HTTP, just before it ends.
    pub(crate) fn end_with(&self, raw: Bytes) {
        self.with(|inner| inner.raw = Some(raw));
    }

    /// Waits until all that was handed to HTTP so far has left for the kernel.
    pub(crate) async fn flushed(&self) {
        let before = self.with(|inner| inner.flushes);
        std::future::poll_fn(|context| {
            self.with(|inner| {
                if inner.flushes > before {
                    return Poll::Ready(());
                }
                inner.waiting = Some(context.waker().clone());
                Poll::Pending
            })
        })
        .await;
    }

    fn with<R>(&self, act: impl FnOnce(&mut Inner) -> R) -> R {
        act(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A TCP connection under a [`WireControl`].
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    control: Arc<WireControl>,
    shared: Arc<Shared>,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream, control: Arc<WireControl>, shared: Arc<Shared>) -> Self {
        Self { stream, control, shared }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        let (close, raw) = self.control.with(|inner| (inner.close, inner.raw.take()));
        let mut rest = raw.unwrap_or_default();
        // The socket buffer takes any scripted answer of reasonable size; a peer that never reads loses the rest.
        while !rest.is_empty()
            && let Ok(written) = self.stream.try_write(&rest)
        {
            rest = rest.slice(written..);
        }
        if close == Close::Reset {
            // Failing to set the option leaves an orderly close, which the test will notice.
            let _ = self.stream.set_zero_linger();
        }
        self.shared.write(|state| state.connections_open -= 1);
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if flushed.is_ready() {
            let waiting = self.control.with(|inner| {
                inner.flushes += 1;
                inner.waiting.take()
            });
            if let Some(waker) = waiting {
                waker.wake();
            }
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
