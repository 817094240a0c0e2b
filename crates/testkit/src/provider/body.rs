//! The response body: performs the script's actions, counts tokens, and settles the bill when it ends.

use std::future::Future;
use std::iter::Peekable;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame as BodyFrame, SizeHint};

use super::bill::{Account, Ended};
use super::frame::{Action, Actions};
use super::record::ClosedEarly;
use super::state::Shared;
use super::wire::WireControl;

/// The script ended the connection here; HTTP tears it down.
#[derive(Debug)]
pub(crate) struct CutByScript;

impl std::fmt::Display for CutByScript {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the script ended this connection")
    }
}

impl std::error::Error for CutByScript {}

/// Follows one call from arrival to end. Dropped unfinished, it notes that the peer left.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(crate) shared: Arc<Shared>,
    pub(crate) call: u64,
    pub(crate) account: Option<Account>,
    pub(crate) answered: bool,
    /// The answer ends in an error by the script, so even its regular end is not complete.
    pub(crate) breaks_off: bool,
    generated: u64,
    sent: u64,
    ended: Option<Ended>,
}

impl Ticket {
    pub(crate) fn new(shared: Arc<Shared>, call: u64) -> Self {
        Self { shared, call, account: None, answered: false, breaks_off: false, generated: 0, sent: 0, ended: None }
    }

    /// Posts the line and closes the record; only the first end counts.
    pub(crate) fn end(&mut self, ended: Ended) {
        if self.ended.is_some() {
            return;
        }
        let ended = if ended == Ended::Complete && self.breaks_off { Ended::ProviderCut } else { ended };
        self.ended = Some(ended);
        let line = self.account.as_ref().and_then(|account| account.line(self.generated, ended));
        let at = self.shared.started.elapsed();
        self.shared.write(|state| {
            state.bill.extend(line);
            state.log.edit(self.call, |record| match ended {
                Ended::Complete => record.finished = true,
                Ended::ProviderCut => {}
                Ended::ClientLeft => {
                    record.closed_early =
                        Some(ClosedEarly { before_headers: !self.answered, after_bytes: self.sent, at });
                }
            });
        });
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.end(Ended::ClientLeft);
    }
}

type Wait = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A body that does what the script says.
pub(crate) struct ScriptBody {
    actions: Peekable<Actions>,
    ticket: Ticket,
    wire: Arc<WireControl>,
    length: Option<u64>,
    /// Every frame goes to the kernel on its own.
    flush_each: bool,
    wait: Option<Wait>,
    /// All that comes before the cut has left.
    ready_to_cut: bool,
}

impl ScriptBody {
    pub(crate) fn new(actions: Actions, ticket: Ticket, wire: Arc<WireControl>) -> Self {
        Self {
            actions: actions.peekable(),
            ticket,
            wire,
            length: None,
            flush_each: false,
            wait: None,
            ready_to_cut: false,
        }
    }

    /// Declares a `content-length`, whether or not the script lets the body reach it.
    pub(crate) fn with_length(mut self, length: Option<u64>) -> Self {
        self.length = length;
        self
    }

    pub(crate) fn flush_each(mut self, on: bool) -> Self {
        self.flush_each = on;
        self
    }

    /// Number of the call this body answers.
    pub(crate) fn call(&self) -> u64 {
        self.ticket.call
    }

    fn wait_for(&mut self, wait: impl Future<Output = ()> + Send + 'static) {
        self.wait = Some(Box::pin(wait));
    }

    fn wait_for_flush(&mut self) {
        let wire = Arc::clone(&self.wire);
        self.wait_for(async move { wire.flushed().await });
    }
}

impl Body for ScriptBody {
    type Data = Bytes;
    type Error = CutByScript;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<BodyFrame<Bytes>, CutByScript>>> {
        loop {
            if let Some(wait) = &mut self.wait {
                std::task::ready!(wait.as_mut().poll(cx));
                self.wait = None;
            }
            // A cut waits first, so that everything before it is on its way.
            if matches!(self.actions.peek(), Some(Action::Fail(_))) && !self.ready_to_cut {
                self.ready_to_cut = true;
                self.wait_for_flush();
                continue;
            }
            match self.actions.next() {
                None => {
                    self.ticket.end(Ended::Complete);
                    return Poll::Ready(None);
                }
                Some(Action::Stall) => {
                    let shared = Arc::clone(&self.ticket.shared);
                    self.wait_for(stand_still(shared));
                }
                Some(Action::Step) => {
                    let shared = Arc::clone(&self.ticket.shared);
                    self.wait_for(one_step(shared));
                }
                Some(Action::Fail(close)) => {
                    self.ticket.end(Ended::ProviderCut);
                    self.wire.close_with(close);
                    return Poll::Ready(Some(Err(CutByScript)));
                }
                Some(Action::Send(frame)) => {
                    self.ticket.generated += frame.generated;
                    self.ticket.sent += frame.bytes.len() as u64;
                    if self.actions.peek().is_none() {
                        self.ticket.end(Ended::Complete);
                    } else if self.flush_each {
                        self.wait_for_flush();
                    }
                    if !frame.bytes.is_empty() {
                        return Poll::Ready(Some(Ok(BodyFrame::data(frame.bytes))));
                    }
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ticket.ended == Some(Ended::Complete) && self.length.is_none_or(|length| self.ticket.sent >= length)
    }

    fn size_hint(&self) -> SizeHint {
        match self.length {
            Some(length) => SizeHint::with_exact(length.saturating_sub(self.ticket.sent)),
            None => SizeHint::default(),
        }
    }
}

/// Waits for the next release; the count of stalled calls goes down however the wait ends.
pub(crate) async fn stand_still(shared: Arc<Shared>) {
    let mut released = shared.released.subscribe();
    let _standing = Standing::new(Arc::clone(&shared), |state| &mut state.stalled);
    // An error means the provider is going down, which ends the wait as well.
    let _ = released.changed().await;
}

async fn one_step(shared: Arc<Shared>) {
    let _standing = Standing::new(Arc::clone(&shared), |state| &mut state.stepping);
    if let Ok(permit) = shared.steps.acquire().await {
        permit.forget();
    }
}

type Counter = fn(&mut super::state::State) -> &mut u64;

/// Counts somebody who waits.
struct Standing {
    shared: Arc<Shared>,
    counter: Counter,
}

impl Standing {
    fn new(shared: Arc<Shared>, counter: Counter) -> Self {
        shared.write(|state| *counter(state) += 1);
        Self { shared, counter }
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        self.shared.write(|state| *(self.counter)(state) -= 1);
    }
}
