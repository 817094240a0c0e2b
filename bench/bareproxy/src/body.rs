//! Bodies on their way up and down.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::{Response, StatusCode};

use crate::AnyError;
use crate::pool::Lease;
use crate::work;

/// A request body: as it arrives, or collected because it had to be read.
pub enum Outgoing {
    Streamed(Incoming),
    Collected(Full<Bytes>),
}

/// An answer's body; gives its connection back when it ends.
pub enum Forwarded {
    Upstream { body: Incoming, lease: Lease, metered: bool },
    Denied(Full<Bytes>),
}

impl Forwarded {
    pub fn upstream(body: Incoming, lease: Lease, metered: bool) -> Self {
        Self::Upstream { body, lease, metered }
    }

    pub fn denied(status: StatusCode) -> Response<Self> {
        let mut answer =
            Response::new(Self::Denied(Full::new(Bytes::from_static(br#"{"error":{"message":"denied"}}"#))));
        *answer.status_mut() = status;
        answer
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = AnyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, AnyError>>> {
        match self.get_mut() {
            Self::Streamed(body) => Pin::new(body).poll_frame(cx).map_err(Into::into),
            Self::Collected(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Streamed(body) => body.is_end_stream(),
            Self::Collected(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Streamed(body) => body.size_hint(),
            Self::Collected(body) => body.size_hint(),
        }
    }
}

impl Body for Forwarded {
    type Data = Bytes;
    type Error = AnyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, AnyError>>> {
        match self.get_mut() {
            Self::Denied(body) => Pin::new(body).poll_frame(cx).map_err(|never| match never {}),
            Self::Upstream { body, lease, metered } => {
                let frame = ready!(Pin::new(&mut *body).poll_frame(cx)).transpose()?;
                if let Some(data) = frame.as_ref().and_then(Frame::data_ref).filter(|_| *metered) {
                    work::meter(data);
                }
                if frame.is_none() || body.is_end_stream() {
                    lease.give_back();
                }
                Poll::Ready(frame.map(Ok))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Upstream { body, .. } => body.is_end_stream(),
            Self::Denied(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Upstream { body, .. } => body.size_hint(),
            Self::Denied(body) => body.size_hint(),
        }
    }
}
