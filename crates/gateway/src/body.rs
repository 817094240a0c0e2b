//! The two kinds of body: what goes to a client, and what goes to a provider.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use keyward_dialect::multipart::Form;
use keyward_domain::denial::Denial;
use tokio::time::{Sleep, sleep};

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
pub(crate) struct BrokenOff(pub(crate) Denial);

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

/// Whether this `Content-Length` says exactly that: then it need not be written anew.
pub(crate) fn is_length(header: Option<&HeaderValue>, length: usize) -> bool {
    let digits = header.map_or(&b""[..], |header| header.as_bytes());
    let is_plain = digits.iter().all(u8::is_ascii_digit) && !digits.starts_with(b"0");
    is_plain && str::from_utf8(digits).is_ok_and(|digits| digits.parse() == Ok(length))
}

/// What goes to a provider.
pub(crate) enum Outgoing {
    /// All of it is here, so it can be sent again.
    Whole(Option<Bytes>),
    /// An upload: its head, then the rest as it comes from the client.
    Upload(Box<Upload>),
}

/// An upload that streams through. What passes is still read as a form, so that no second model name slips by.
pub(crate) struct Upload {
    head: Option<Bytes>,
    rest: Incoming,
    form: Form,
    hint: SizeHint,
    /// Bytes that may still come before the limit for uploads is reached.
    room: u64,
    /// How long the client may be silent.
    patience: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    fault: UploadFault,
}

/// What was wrong with an upload, for whoever has to tell the client.
#[derive(Clone, Default)]
pub(crate) struct UploadFault(Rc<Cell<Option<Denial>>>);

impl UploadFault {
    /// The fault, if there was one.
    pub(crate) fn take(&self) -> Option<Denial> {
        self.0.take()
    }
}

impl Upload {
    /// What was read already, and what is still to come, at most `limit` bytes of both.
    pub(crate) fn new(head: Bytes, rest: Rest, limit: u64, patience: Duration, fault: UploadFault) -> Self {
        let Rest { body, form } = rest;
        let mut hint = SizeHint::new();
        if let Some(left) = body.size_hint().exact() {
            hint.set_exact(left.saturating_add(head.len() as u64));
        }
        let room = limit.saturating_sub(head.len() as u64);
        Self { head: Some(head), rest: body, form, hint, room, patience, timer: None, fault }
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, UploadBroken>>> {
        if let Some(head) = self.head.take() {
            return Poll::Ready(Some(Ok(Frame::data(head))));
        }
        match Pin::new(&mut self.rest).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.timer = None;
                Poll::Ready(Some(self.check(&frame).map(|()| frame)))
            }
            Poll::Ready(Some(Err(_))) => Poll::Ready(Some(Err(UploadBroken))),
            Poll::Ready(None) => match self.form.end() {
                Ok(()) => Poll::Ready(None),
                Err(message) => Poll::Ready(Some(Err(self.blame(invalid(message))))),
            },
            Poll::Pending => {
                let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(self.patience)));
                ready!(timer.as_mut().poll(cx));
                Poll::Ready(Some(Err(self.blame(Denial::RequestTimeout))))
            }
        }
    }

    fn check(&mut self, frame: &Frame<Bytes>) -> Result<(), UploadBroken> {
        let Some(data) = frame.data_ref() else { return Ok(()) };
        self.room =
            self.room.checked_sub(data.len() as u64).ok_or_else(|| self.blame(Denial::BodyTooLarge(self.room)))?;
        self.form.feed(data).map_err(|message| self.blame(invalid(message)))?;
        match self.form.found().and_then(|found| found.forbidden) {
            Some(forbidden) => Err(self.blame(Denial::UnsupportedParameter(forbidden))),
            None => Ok(()),
        }
    }

    fn blame(&self, denial: Denial) -> UploadBroken {
        self.fault.0.set(Some(denial));
        UploadBroken
    }
}

/// The part of an upload that is still arriving, and the form as read so far.
pub(crate) struct Rest {
    pub(crate) body: Incoming,
    pub(crate) form: Form,
}

fn invalid(message: &str) -> Denial {
    Denial::InvalidRequest(message.to_owned(), None)
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
