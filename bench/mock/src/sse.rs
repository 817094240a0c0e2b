//! The body of a streamed answer.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};

use crate::answer::Answers;

/// One frame per event. Between frames it says "pending" once, so that the server flushes every event with its own
/// write, as real model servers do.
pub struct EventStream {
    answers: Rc<Answers>,
    next: usize,
    usage: bool,
    delay: Duration,
    flushed: bool,
    pause: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl EventStream {
    /// `delay` is the wait between events; zero means none beyond the flush.
    pub fn new(answers: Rc<Answers>, usage: bool, delay: Duration) -> Self {
        Self { answers, next: 0, usage, delay, flushed: false, pause: None }
    }

    fn event(&self, index: usize) -> Option<Bytes> {
        let tail = if self.usage {
            [Some(&self.answers.usage_event), Some(&self.answers.done_event)]
        } else {
            [Some(&self.answers.done_event), None]
        };
        self.answers.events.iter().chain(tail.into_iter().flatten()).nth(index).cloned()
    }
}

impl Body for EventStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = &mut *self;
        if let Some(pause) = this.pause.as_mut() {
            if pause.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            this.pause = None;
        } else if this.next > 0 && !this.flushed {
            this.flushed = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        this.flushed = false;
        let index = this.next;
        this.next += 1;
        if !this.delay.is_zero() && index + 1 < this.answers.events.len() {
            this.pause = Some(Box::pin(tokio::time::sleep(this.delay)));
        }
        Poll::Ready(this.event(index).map(|bytes| Ok(Frame::data(bytes))))
    }
}
