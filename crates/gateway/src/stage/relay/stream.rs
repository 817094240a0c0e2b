//! A body on its way from the provider to the client. Metering follows the provider's side: when the client goes away,
//! the row is settled all the same, from what was seen or, if so wished, from the rest of the answer.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as _, Frame};
use keyward_dialect::error;
use keyward_dialect::finish::{self, Cut};
use keyward_dialect::tee::{Meter, Metered, Shape};
use keyward_domain::denial::Denial;
use keyward_domain::dialect::{Dialect, Operation};
use keyward_domain::ids::RequestId;
use keyward_domain::judgement::Judgement;
use keyward_domain::ledger::AttemptOutcome;
use keyward_domain::money::Nanodollars;
use keyward_domain::virtual_key::DisconnectPolicy;
use keyward_provider::in_band;
use tokio::time::Instant;

use super::finish::{Times, spent};
use super::gathered::Gathered;
use super::linger::Linger;
use super::silence::{Due, Silence, Since};
use crate::body::BrokenOff;
use crate::ledger::Ledger;
use crate::stage::admit::Place;
use crate::stage::arrive::Arrival;
use crate::stage::attempt::{About, BYTES_PER_TOKEN, OpenAttempt, broken_off};
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
    operation: Operation,
    flowing: Flowing,
    meter: Meter,
    shape: Shape,
    about: About,
    /// The open ledger row; `None` once it is settled.
    attempt: Option<Box<OpenAttempt>>,
    silence: Silence,
    first_content: Option<Duration>,
    /// Waiting for the ledger row to be durable.
    committing: Option<Pin<Box<dyn Future<Output = ()>>>>,
    /// What the client gets next: at the latest when the provider has nothing more to say for now, and not before the
    /// row is durable if it is the end.
    held: Gathered,
    linger: Linger,
    /// What to do after `held` is out.
    ending: Ending,
    /// What it cost, once settled.
    cost: Option<Nanodollars>,
    place: Option<Place>,
    /// Nothing has reached the client yet: somebody else can still be asked.
    is_unheard: bool,
    /// The error that came before any content.
    refusal: Option<Box<str>>,
    /// Anthropic: the content block that is open, where the answer may have to be cut short.
    open_block: Option<u64>,
}

/// What came first of an answer.
pub(super) enum First {
    /// Content.
    Content,
    /// The end: an answer without content.
    Ended,
    /// An error in the provider's words, as JSON.
    Refused(Box<str>),
    /// Nothing whole.
    Broken(Denial),
    /// Nothing for so long that the client should hear something.
    Quiet,
}

/// How a body ends.
#[derive(Clone, PartialEq, Eq)]
enum Ending {
    /// More may come.
    Open,
    /// Properly.
    Proper,
    /// The connection is closed, so that the client notices; or, if nothing was sent yet, this is what it is told.
    Broken(Denial),
}

/// An answer whose client went away, to be read to its end for the sake of its usage.
pub(crate) struct Abandoned(Box<Relay>);

impl Relay {
    pub(super) fn new(
        worker: &Rc<Worker>,
        arrival: &Arrival,
        shape: Shape,
        flowing: Flowing,
        attempt: Box<OpenAttempt>,
        about: About,
    ) -> Box<Self> {
        let operation = arrival.operation().unwrap_or(Operation::Chat);
        let meter = Meter::new(arrival.dialect, operation, shape, about.hide_usage).whole_events();
        let now = worker.monotonic();
        let since = Since { arrived: now.saturating_sub(attempt.arrived), sent: now.saturating_sub(attempt.sent) };
        // Gemini's own SDK takes every line for data.
        let comments = shape == Shape::Sse && arrival.dialect != Dialect::Gemini;
        Box::new(Self {
            worker: Rc::clone(worker),
            request: arrival.request,
            dialect: arrival.dialect,
            operation,
            flowing,
            meter,
            shape,
            about,
            attempt: Some(attempt),
            silence: Silence::new(&worker.shared.options.deadlines, since, comments),
            first_content: None,
            committing: None,
            held: Gathered::default(),
            linger: Linger::default(),
            ending: Ending::Open,
            cost: None,
            place: None,
            is_unheard: true,
            refusal: None,
            open_block: None,
        })
    }

    /// Whether it is worth waiting for all of it: JSON that the client does not want piece by piece.
    pub(super) fn is_short(&self) -> bool {
        self.shape == Shape::Json && !self.about.streamed
    }

    /// From here on the client hears everything; the place in flight is its until the end.
    pub(super) fn go_on(&mut self, place: Option<Place>) {
        self.is_unheard = false;
        self.place = place;
    }

    /// The error that came before any content, if one did.
    pub(super) fn take_refusal(&mut self) -> Option<Box<str>> {
        self.refusal.take()
    }

    /// Waits for what comes first, holding everything back. When it says that the answer is over, its row is durable.
    pub(super) fn poll_first(&mut self, cx: &mut Context<'_>) -> Poll<First> {
        loop {
            if let Some(committing) = &mut self.committing {
                ready!(committing.as_mut().poll(cx));
                self.committing = None;
            }
            if let Some(error) = self.take_refusal() {
                return Poll::Ready(First::Refused(error));
            }
            if self.first_content.is_some() || self.held.len() >= MAX_GATHERED {
                return Poll::Ready(First::Content);
            }
            match &self.ending {
                Ending::Open => {}
                Ending::Proper => return Poll::Ready(First::Ended),
                Ending::Broken(denial) => return Poll::Ready(First::Broken(denial.clone())),
            }
            if let Poll::Ready(frame) = Pin::new(&mut self.flowing).poll_frame(cx) {
                self.take_frame(frame);
                continue;
            }
            match ready!(self.silence.poll(cx, false)) {
                Due::Deadline(which, length) => self.break_off(&Denial::UpstreamTimeout(which, length)),
                Due::KeepAlive => {
                    self.keep_alive();
                    return Poll::Ready(First::Quiet);
                }
            }
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
            match &self.ending {
                Ending::Open => {}
                Ending::Proper => return Poll::Ready(None),
                Ending::Broken(denial) => return Poll::Ready(Some(Err(BrokenOff(denial.clone())))),
            }
            match Pin::new(&mut self.flowing).poll_frame(cx) {
                Poll::Ready(frame) => self.take_frame(frame),
                Poll::Pending if self.held.is_empty() => ready!(self.poll_silence(cx)),
                // The provider's connection hands over one piece at a time. It gets one more turn of the event loop, so
                // that pieces which arrived together leave together, in one system call.
                Poll::Pending if self.linger.is_worth_it(Instant::now()) => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Pending => return Poll::Ready(Some(Ok(Frame::data(self.held.take())))),
            }
        }
    }

    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match ready!(self.silence.poll(cx, self.first_content.is_some())) {
            Due::KeepAlive => self.keep_alive(),
            Due::Deadline(which, length) => self.break_off(&Denial::UpstreamTimeout(which, length)),
        }
        Poll::Ready(())
    }

    fn keep_alive(&mut self) {
        if self.meter.at_event_boundary() {
            self.held.push(Bytes::from_static(KEEP_ALIVE));
        }
    }

    fn take_frame(&mut self, frame: Option<Result<Frame<Bytes>, hyper::Error>>) {
        match frame {
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    self.take_in(data);
                }
            }
            Some(Err(_)) => {
                self.break_off(&Denial::UpstreamError("its connection broke in the middle of the answer".to_owned()));
            }
            None => self.end(),
        }
    }

    /// The client is gone. If the answer is to be read on and there is room, it is; otherwise it is settled from what
    /// was seen.
    pub(crate) fn abandon(mut self: Box<Self>) {
        let (worker, limit) = (Rc::clone(&self.worker), self.worker.shared.options.disconnect.drains);
        let drains = worker.drains.get();
        if self.attempt.is_some() && self.about.on_disconnect == DisconnectPolicy::Drain && drains < limit {
            worker.drains.set(drains + 1);
            self.place = None;
            worker.abandoned(Abandoned(self));
        }
    }

    /// A piece from the provider: metered, then passed on; the piece that ends the answer waits for the ledger.
    fn take_in(&mut self, piece: Bytes) {
        self.silence.heard();
        let fed = self.meter.feed(piece);
        if fed.content && self.first_content.is_none() {
            let now = self.worker.monotonic();
            self.first_content = Some(now);
            if let Some(attempt) = &mut self.attempt {
                attempt.first_content(now, &self.worker);
            }
        }
        let is_refusal = fed.error && self.first_content.is_none();
        if is_refusal {
            self.refusal = self.meter.failure().map(Into::into);
        }
        self.linger.heard();
        let is_covered = fed.terminal || is_refusal || self.is_covered(&fed.forward);
        // Who complains about a key may well repeat it.
        self.held.push(match self.about.telling {
            Some(telling) if fed.error => telling.scrub(fed.forward),
            _ => fed.forward,
        });
        if fed.terminal || is_refusal {
            if fed.error {
                let judged = self.judged_error();
                self.settle(AttemptOutcome::UpstreamError, judged.as_ref());
            } else {
                self.settle(AttemptOutcome::Completed, None);
            }
        } else if !is_covered {
            self.cut_short();
        }
    }

    /// Whether what was seen of the answer is paid for; holds more of the budgets in time.
    fn is_covered(&mut self, events: &[u8]) -> bool {
        let Some(attempt) = self.attempt.as_mut().filter(|attempt| attempt.is_sliced()) else { return true };
        if self.dialect == Dialect::Anthropic {
            self.open_block = finish::open_block(self.open_block, events);
        }
        attempt.covers(self.meter.content_bytes())
    }

    /// The budget is spent: the answer ends here, as one that became too long. The provider is told to stop by closing its
    /// connection.
    fn cut_short(&mut self) {
        let (model, candidates) = match &self.attempt {
            Some(attempt) => (Arc::clone(&attempt.target.model), attempt.candidates()),
            None => return,
        };
        let output_tokens = self.meter.content_bytes().div_ceil(BYTES_PER_TOKEN);
        self.worker.shared.metrics.cut_short();
        self.settle(AttemptOutcome::Cut, None);
        if self.shape != Shape::Sse {
            self.ending =
                Ending::Broken(Denial::UpstreamError("a budget was spent in the middle of the answer".to_owned()));
            return;
        }
        let id = self.request.to_string();
        let cut = Cut {
            dialect: self.dialect,
            operation: self.operation,
            model: &model,
            id: &id,
            created: self.worker.now().unix_seconds(),
            candidates,
            output_tokens,
            open_block: self.open_block,
        };
        self.held.push(finish::length_reached(&cut));
        self.ending = Ending::Proper;
    }

    /// The provider closed its answer properly. That is the end, unless its dialect would have said so first.
    fn end(&mut self) {
        self.silence.heard();
        let withheld = self.meter.end();
        if let Some(attempt) = self.attempt.take() {
            let metered = self.meter.metered();
            if self.shape != Shape::Opaque && !metered.complete && !metered.finished {
                self.attempt = Some(attempt);
                return self.break_off(&Denial::UpstreamMalformed("it ended in the middle".to_owned()));
            }
            let ledger = self.write_row(attempt, metered, AttemptOutcome::Completed, None);
            self.wait_for(ledger);
        }
        self.held.push(withheld);
        self.ending = Ending::Proper;
    }

    /// The answer cannot be completed. A stream says so in its dialect, behind its last whole event; anything else is
    /// cut, so that half an answer cannot pass for a whole one.
    fn break_off(&mut self, denial: &Denial) {
        self.silence.heard();
        let is_news = self.attempt.is_some();
        self.settle(AttemptOutcome::Cut, Some(&broken_off(denial)));
        if self.shape != Shape::Sse || self.is_unheard {
            self.ending = Ending::Broken(denial.clone());
            return;
        }
        self.ending = Ending::Proper;
        if is_news {
            let id = self.request.to_string();
            self.held.push(match self.operation {
                Operation::Responses => error::responses_event(denial, &id),
                _ => error::stream_event(self.dialect, denial, &id),
            });
        }
    }

    /// What the provider's table says of the error inside the answer.
    fn judged_error(&self) -> Option<Judgement> {
        let provider = &self.attempt.as_ref()?.target.provider;
        in_band(provider.kind, self.meter.failure()?.as_bytes(), &provider.rules, self.worker.now())
    }

    fn settle(&mut self, outcome: AttemptOutcome, judged: Option<&Judgement>) {
        if let Some(ledger) = self.write_open_row(outcome, judged) {
            self.wait_for(ledger);
        }
    }

    /// Even if the commit fails the row is kept for the next one, so the client is not made to suffer for it.
    fn wait_for(&mut self, ledger: Rc<Ledger>) {
        self.committing = Some(Box::pin(async move { drop(ledger.committed().await) }));
    }

    fn write_open_row(&mut self, outcome: AttemptOutcome, judged: Option<&Judgement>) -> Option<Rc<Ledger>> {
        let attempt = self.attempt.take()?;
        if outcome != AttemptOutcome::Completed {
            // What was withheld waits for a completion that will not come.
            drop(self.meter.end());
        }
        let metered = self.meter.metered();
        Some(self.write_row(attempt, metered, outcome, judged))
    }

    fn write_row(
        &mut self,
        attempt: Box<OpenAttempt>,
        metered: Metered,
        outcome: AttemptOutcome,
        judged: Option<&Judgement>,
    ) -> Rc<Ledger> {
        if !metered.bound.is_empty() {
            attempt.bind(&metered.bound, &self.worker);
        }
        let now = self.worker.monotonic();
        let times = Times { first_content: self.first_content, ended: self.silence.last_heard_before(now), now };
        let spent = spent(&attempt, metered, outcome, times);
        self.cost = spent.cost;
        attempt.settle(spent, judged, &self.worker)
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

/// The client went away. The row is settled from what was seen.
impl Drop for Relay {
    fn drop(&mut self) {
        // Dropping the provider's answer before its end closes its connection.
        drop(self.write_open_row(AttemptOutcome::ClientGone, None));
    }
}

impl Abandoned {
    /// Reads the answer to its end, at most for as long as the operator allows.
    pub(crate) async fn read_to_end(mut self) {
        let limit = self.0.worker.shared.options.disconnect.drain_max;
        let relay = &mut self.0;
        let reading = std::future::poll_fn(|cx| {
            while let Some(Ok(_)) = ready!(relay.poll_frame(cx)) {}
            Poll::Ready(())
        });
        drop(tokio::time::timeout(limit, reading).await);
    }
}

/// Gives back the room for reading on, whether or not it was read to the end.
impl Drop for Abandoned {
    fn drop(&mut self) {
        let drains = &self.0.worker.drains;
        drains.set(drains.get().saturating_sub(1));
    }
}
