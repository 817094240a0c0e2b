//! An attempt whose ledger row is open. Whatever becomes of it, the row is written exactly once.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use keyward_domain::cost::{ChargeContext, charge};
use keyward_domain::ledger::AttemptOutcome;
use keyward_domain::usage::{Usage, UsageSource};

use crate::ledger::{Ledger, Reservation, Spent};
use crate::snapshot::Deployment;
use crate::stage::read::Asked;
use crate::worker::Worker;

/// Where nothing better is known, a token is taken to be four bytes.
pub(crate) const BYTES_PER_TOKEN: u64 = 4;
/// Where nothing better is known, a second of audio is taken to be 16,000 bytes: 128 kbit/s.
const AUDIO_BYTES_PER_MS: u64 = 16;

/// An attempt that is about to be sent, or was.
pub(crate) struct OpenAttempt {
    pub(super) reservation: Reservation,
    pub(crate) target: Arc<Deployment>,
    pub(crate) asked: Asked,
    /// When the call arrived.
    pub(crate) arrived: Duration,
    /// When the attempt was sent.
    pub(crate) sent: Duration,
    /// The provider's status; 0 before it answered.
    pub(crate) status: u16,
    /// Bytes of the request, for estimates.
    pub(crate) request_bytes: u64,
    /// Whether the operation costs nothing by nature.
    pub(crate) is_free: bool,
}

impl OpenAttempt {
    /// What the prompt alone comes to, when the provider does not say.
    pub(crate) fn prompt_estimate(&self) -> Usage {
        prompt_estimate(self.request_bytes, &self.asked)
    }

    /// Writes the ledger row of an attempt that the provider charges nothing for.
    pub(crate) fn costs_nothing(self, worker: &Worker, outcome: AttemptOutcome) -> Rc<Ledger> {
        let duration = worker.monotonic().saturating_sub(self.sent);
        self.reservation.settle(Spent::nothing(outcome, self.status, duration))
    }

    /// Writes the ledger row of an attempt of which nothing was seen but which may be billed: the prompt, as an
    /// estimate.
    pub(crate) fn cut(self, worker: &Worker, outcome: AttemptOutcome) -> Rc<Ledger> {
        let duration = worker.monotonic().saturating_sub(self.sent);
        let estimate = self.prompt_estimate();
        let spent = Spent::prompt(outcome, &self.target, &estimate, self.is_free);
        self.reservation.settle(Spent { status: self.status, duration, ..spent })
    }

    /// Writes the ledger row.
    pub(crate) fn settle(self, spent: Spent) -> Rc<Ledger> {
        self.reservation.settle(spent)
    }
}

/// What a prompt comes to by its size. Of an upload nobody knows how many tokens are in it; audio is taken by its length.
pub(super) fn prompt_estimate(request_bytes: u64, asked: &Asked) -> Usage {
    match (asked.upload_bytes, asked.characters) {
        (Some(bytes), _) => Usage { input_audio_ms: bytes.div_ceil(AUDIO_BYTES_PER_MS), ..Usage::default() },
        (None, Some(input_characters)) => Usage { input_characters, ..Usage::default() },
        (None, None) => Usage { input_uncached: request_bytes.div_ceil(BYTES_PER_TOKEN), ..Usage::default() },
    }
}

impl Spent {
    /// The prompt of an attempt whose answer was never seen.
    pub(super) fn prompt(outcome: AttemptOutcome, target: &Deployment, usage: &Usage, is_free: bool) -> Self {
        let nothing = Self::nothing(outcome, 0, Duration::ZERO);
        if is_free {
            return nothing;
        }
        let cost = charge(&target.pricing, usage, &ChargeContext::default());
        Self { usage: *usage, cost, source: UsageSource::Estimated, ..nothing }
    }
}
