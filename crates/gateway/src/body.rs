//! The two kinds of body: what goes to a client, and what goes to a provider.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;

use crate::stage::relay::Relay;

/// What goes to a client.
pub(crate) enum Body {
    /// All of it is here.
    Whole(Option<Bytes>),
    /// It streams through the meter; `None` once it was abandoned.
    Relayed(Option<Box<Relay>>),
}

/// The answer broke off; the client's connection is closed so that it cannot be mistaken for complete.
#[derive(Debug, thiserror::Error)]
#[error("the provider's answer broke off")]
pub(crate) struct BrokenOff;

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Relayed(Some(relay)) => relay.poll_frame(cx),
            Self::Relayed(None) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Relayed(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Relayed(_) => SizeHint::new(),
        }
    }
}

/// The client is gone, or has everything. An answer that is not over is handed to those who may read it on.
impl Drop for Body {
    fn drop(&mut self) {
        if let Self::Relayed(relay) = self
            && let Some(relay) = relay.take()
        {
            relay.abandon();
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Whole((!bytes.is_empty()).then_some(bytes))
    }
}

/// What goes to a provider.
pub(crate) enum Outgoing {
    /// All of it is here, so it can be sent again.
    Whole(Option<Bytes>),
    /// An upload: its head, then the rest as it comes from the client.
    Upload(Upload),
}

/// An upload that streams through.
pub(crate) struct Upload {
    head: Option<Bytes>,
    rest: Incoming,
    hint: SizeHint,
    /// Bytes that may still come before the limit for uploads is reached.
    room: u64,
}

impl Upload {
    /// What was read already, and what is still to come, at most `limit` bytes of both.
    pub(crate) fn new(head: Bytes, rest: Incoming, limit: u64) -> Self {
        let mut hint = SizeHint::new();
        if let Some(left) = rest.size_hint().exact() {
            hint.set_exact(left.saturating_add(head.len() as u64));
        }
        let room = limit.saturating_sub(head.len() as u64);
        Self { head: Some(head), rest, hint, room }
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, UploadBroken>>> {
        if let Some(head) = self.head.take() {
            return Poll::Ready(Some(Ok(Frame::data(head))));
        }
        let frame = std::task::ready!(Pin::new(&mut self.rest).poll_frame(cx));
        Poll::Ready(frame.map(|frame| {
            let frame = frame.map_err(|_| UploadBroken)?;
            let length = frame.data_ref().map_or(0, Bytes::len) as u64;
            self.room = self.room.checked_sub(length).ok_or(UploadBroken)?;
            Ok(frame)
        }))
    }
}

/// The client's upload broke off, or grew beyond the limit.
#[derive(Debug, thiserror::Error)]
#[error("the client's upload broke off or grew beyond the limit")]
pub(crate) struct UploadBroken;

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = UploadBroken;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, UploadBroken>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Upload(upload) => upload.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Upload(upload) => upload.head.is_none() && upload.rest.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Upload(upload) => upload.hint,
        }
    }
}
