//! A body on its way from the provider to the client. Metering follows the provider's side: when the client goes away,
//! the row is settled all the same, from what was seen or, if so wished, from the rest of the answer.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as _, Frame};
use keyward_dialect::error;
use keyward_dialect::tee::{Meter, Shape};
use keyward_domain::denial::Denial;
use keyward_domain::dialect::Dialect;
use keyward_domain::ids::RequestId;
use keyward_domain::ledger::AttemptOutcome;
use keyward_domain::money::Nanodollars;
use keyward_domain::virtual_key::DisconnectPolicy;

use super::finish::{Times, spent};
use super::gathered::Gathered;
use super::silence::{Due, Silence};
use crate::body::BrokenOff;
use crate::ledger::Ledger;
use crate::stage::admit::Place;
use crate::stage::arrive::Arrival;
use crate::stage::attempt::OpenAttempt;
use crate::upstream::Flowing;
use crate::worker::Worker;

/// Pieces that arrive together leave together up to this many bytes.
const MAX_GATHERED: usize = 64 * 1024;
/// An SSE comment: clients ignore it, whoever watches the connection sees that it is alive.
const KEEP_ALIVE: &[u8] = b": keep-alive\n\n";

/// A body that streams through the meter.
pub(crate) struct Relay {
    worker: Rc<Worker>,
    request: RequestId,
    dialect: Dialect,
    flowing: Flowing,
    meter: Meter,
    pub(super) shape: Shape,
    /// The open ledger row; `None` once it is settled.
    attempt: Option<OpenAttempt>,
    on_disconnect: DisconnectPolicy,
    silence: Silence,
    first_content: Option<Duration>,
    /// Waiting for the ledger row to be durable.
    committing: Option<Pin<Box<dyn Future<Output = ()>>>>,
    /// What the client gets next: at the latest when the provider has nothing more to say for now, and not before the
    /// row is durable if it is the end.
    held: Gathered,
    /// Whether the provider's connection had its turn since it last said something.
    lingered: bool,
    /// What to do after `held` is out.
    ending: Ending,
    /// What it cost, once settled.
    cost: Option<Nanodollars>,
    _place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// More may come.
    Open,
    /// The body ends properly.
    Proper,
    /// The connection is closed, so that the client notices.
    Broken,
}

/// An answer whose client went away, to be read to its end for the sake of its usage.
pub(crate) struct Abandoned(Box<Relay>);

impl Relay {
    #[expect(clippy::too_many_arguments, reason = "each is a part of the answer; called in one place")]
    pub(super) fn new(
        worker: Rc<Worker>,
        arrival: &Arrival,
        flowing: Flowing,
        meter: Meter,
        shape: Shape,
        attempt: OpenAttempt,
        place: Place,
        on_disconnect: DisconnectPolicy,
    ) -> Self {
        let spent_already = attempt.context.sent.saturating_sub(arrival.began);
        let silence = Silence::new(&worker.shared.options.deadlines, spent_already, shape == Shape::Sse);
        Self {
            worker,
            request: arrival.request,
            dialect: arrival.dialect,
            flowing,
            meter,
            shape,
            attempt: Some(attempt),
            on_disconnect,
            silence,
            first_content: None,
            committing: None,
            held: Gathered::default(),
            lingered: false,
            ending: Ending::Open,
            cost: None,
            _place: place,
        }
    }

    /// The next piece for the client.
    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        loop {
            if let Some(committing) = &mut self.committing {
                ready!(committing.as_mut().poll(cx));
                self.committing = None;
            }
            let is_over = self.attempt.is_none() || self.ending != Ending::Open;
            if !self.held.is_empty() && (is_over || self.held.len() >= MAX_GATHERED) {
                return Poll::Ready(Some(Ok(Frame::data(self.held.take()))));
            }
            match self.ending {
                Ending::Open => {}
                Ending::Proper => return Poll::Ready(None),
                Ending::Broken => return Poll::Ready(Some(Err(BrokenOff))),
            }
            match Pin::new(&mut self.flowing).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        self.take_in(data);
                    }
                }
                Poll::Ready(Some(Err(_))) => {
                    self.break_off(&Denial::UpstreamError(
                        "its connection broke in the middle of the answer".to_owned(),
                    ));
                }
                Poll::Ready(None) => self.end(),
                Poll::Pending if self.held.is_empty() => ready!(self.poll_silence(cx)),
                // The provider's connection hands over one piece at a time. It gets one more turn of the event loop, so
                // that pieces which arrived together leave together, in one system call.
                Poll::Pending if !self.lingered => {
                    self.lingered = true;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Pending => return Poll::Ready(Some(Ok(Frame::data(self.held.take())))),
            }
        }
    }

    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match ready!(self.silence.poll(cx, self.first_content.is_some())) {
            Due::KeepAlive if self.meter.at_event_boundary() => self.held.push(Bytes::from_static(KEEP_ALIVE)),
            Due::KeepAlive => {}
            Due::Deadline(which, length) => self.break_off(&Denial::UpstreamTimeout(which, length)),
        }
        Poll::Ready(())
    }

    /// The client is gone. If the answer is to be read on and there is room, it is; otherwise it is settled from what
    /// was seen.
    pub(crate) fn abandon(self: Box<Self>) {
        let room = self.worker.drains.get() < self.worker.shared.options.disconnect.drains;
        if self.attempt.is_some() && self.on_disconnect == DisconnectPolicy::Drain && room {
            let worker = Rc::clone(&self.worker);
            worker.abandoned(Abandoned(self));
        }
    }

    /// A piece from the provider: metered, then passed on; the piece that ends the answer waits for the ledger.
    fn take_in(&mut self, piece: Bytes) {
        self.silence.heard();
        let fed = self.meter.feed(piece);
        if fed.content && self.first_content.is_none() {
            self.first_content = Some(self.worker.monotonic());
        }
        self.lingered = false;
        self.held.push(fed.forward);
        if fed.terminal {
            self.settle(if fed.error { AttemptOutcome::UpstreamError } else { AttemptOutcome::Completed });
        }
    }

    /// The provider closed its answer properly. That is the end, unless its dialect would have said so first.
    fn end(&mut self) {
        let withheld = self.meter.end();
        self.held.push(withheld);
        let metered_to_end = self.shape == Shape::Opaque || self.meter.metered().complete;
        if self.attempt.is_none() || metered_to_end {
            self.settle(AttemptOutcome::Completed);
            self.ending = Ending::Proper;
        } else {
            self.break_off(&Denial::UpstreamMalformed("it ended in the middle".to_owned()));
        }
    }

    /// The answer cannot be completed. A stream says so in its dialect; anything else is cut, so that half an answer
    /// cannot pass for a whole one.
    fn break_off(&mut self, denial: &Denial) {
        let open = self.attempt.is_some();
        self.settle(AttemptOutcome::Cut);
        if self.shape == Shape::Sse {
            if open {
                self.held.push(error::stream_event(self.dialect, denial, &self.request.to_string()));
            }
            self.ending = Ending::Proper;
        } else {
            self.ending = Ending::Broken;
        }
    }

    fn settle(&mut self, outcome: AttemptOutcome) {
        if let Some(ledger) = self.write_row(outcome) {
            // Even if the commit fails the row is kept for the next one, so the client is not made to suffer for it.
            self.committing = Some(Box::pin(async move { drop(ledger.committed().await) }));
        }
    }

    fn write_row(&mut self, outcome: AttemptOutcome) -> Option<Rc<Ledger>> {
        let attempt = self.attempt.take()?;
        if outcome != AttemptOutcome::Completed {
            // What was withheld waits for a completion that will not come.
            drop(self.meter.end());
        }
        let now = self.worker.monotonic();
        let times = Times { first_content: self.first_content, ended: self.silence.last_heard_before(now), now };
        let spent = spent(&attempt, self.meter.metered(), outcome, times);
        self.cost = spent.cost;
        self.worker.shared.metrics.answered(&spent);
        Some(attempt.settle(spent))
    }

    /// What it cost, once settled and when known.
    pub(super) fn cost(&self) -> Option<Nanodollars> {
        self.cost
    }

    /// Puts back what was already taken out, to be passed on first.
    pub(super) fn put_back(&mut self, taken: Bytes) {
        let rest = self.held.take();
        self.held.push(taken);
        self.held.push(rest);
    }
}

/// The client went away. The row is settled from what was seen, or the rest is read first.
impl Drop for Relay {
    fn drop(&mut self) {
        if self.attempt.is_none() {
            return;
        }
        // Aborting closes the provider's connection, because it is dropped before its answer was read to the end.
        drop(self.write_row(AttemptOutcome::ClientGone));
    }
}

impl Abandoned {
    /// Reads the answer to its end, at most for as long as the operator allows.
    pub(crate) async fn read_to_end(self) {
        let worker = Rc::clone(&self.0.worker);
        worker.drains.set(worker.drains.get() + 1);
        let mut relay = self.0;
        let limit = worker.shared.options.disconnect.drain_max;
        let reading = std::future::poll_fn(|cx| {
            while let Some(Ok(_)) = ready!(relay.poll_frame(cx)) {}
            Poll::Ready(())
        });
        drop(tokio::time::timeout(limit, reading).await);
        worker.drains.set(worker.drains.get().saturating_sub(1));
    }
}
