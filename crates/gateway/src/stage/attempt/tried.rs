//! One attempt: reserve, send, judge. Whatever comes of it, its ledger row is written exactly once.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{Request, Response, response};
use http_body_util::{BodyExt, Limited};
use keyward_domain::cost::{ChargeContext, charge};
use keyward_domain::denial::{Deadline, Denial};
use keyward_domain::ids::CredentialId;
use keyward_domain::ledger::{AttemptId, AttemptOutcome, Subject};
use keyward_domain::usage::{Usage, UsageSource};
use keyward_provider::{Verdict, judge};

use super::AnswerBody;
use super::draft::Draft;
use super::failures::{Failure, Failures};
use crate::body::Outgoing;
use crate::ledger::{Ledger, Reservation, Spent};
use crate::snapshot::Deployment;
use crate::stage::arrive::Arrival;
use crate::stage::route::Candidate;
use crate::upstream::{Destination, Flowing, SendError};
use crate::worker::Worker;

/// An error body is read up to here to be judged and passed on; the rest is cut.
const MAX_ERROR_BODY: usize = 1 << 20;
/// Where nothing better is known, a token is taken to be four bytes.
pub(crate) const BYTES_PER_TOKEN: u64 = 4;

/// What came of an attempt.
pub(super) enum Tried {
    Answered(Box<(response::Parts, AnswerBody, OpenAttempt)>),
    Failed(Failure),
}

/// An attempt that was sent and whose ledger row is still open.
pub(crate) struct OpenAttempt {
    reservation: Reservation,
    pub(crate) target: Arc<Deployment>,
    pub(crate) context: Context,
    pub(crate) asked: Asked,
}

/// What the request says that a price may depend on.
#[derive(Clone, Default)]
pub(crate) struct Asked {
    /// A picture's size.
    pub(crate) size: Option<Box<str>>,
    /// A picture's quality.
    pub(crate) quality: Option<Box<str>>,
    /// Characters to be spoken.
    pub(crate) characters: Option<u64>,
}

/// What an attempt's ledger row needs besides what was consumed.
#[derive(Clone, Copy)]
pub(crate) struct Context {
    /// When the call arrived.
    pub(crate) arrived: Duration,
    /// When the attempt was sent.
    pub(crate) sent: Duration,
    /// The provider's status.
    pub(crate) status: u16,
    /// Bytes of the request, for estimates.
    pub(crate) request_bytes: u64,
    /// Whether the operation costs nothing by nature.
    pub(crate) is_free: bool,
}

/// Sends the request to the candidate and judges what comes back.
pub(super) async fn try_candidate(
    worker: &Rc<Worker>,
    arrival: &Arrival,
    draft: &Draft,
    candidate: &Candidate,
    before: &Failures,
    credential: Option<&(HeaderName, HeaderValue)>,
    request: Request<Outgoing>,
) -> Result<Tried, Denial> {
    let subject = subject(worker, arrival, draft, candidate, before);
    let estimate = Spent::estimate(&candidate.target, draft.payload_len as u64, draft.operation.is_free());
    let mut reservation = worker.ledger.reserve(subject, estimate).await?;
    let left = remaining(worker, arrival)?;
    let sent = worker.monotonic();
    reservation.mark_sent();
    let mut attempt = OpenAttempt {
        reservation,
        target: Arc::clone(&candidate.target),
        context: Context {
            arrived: arrival.began,
            sent,
            status: 0,
            request_bytes: draft.payload_len as u64,
            is_free: draft.operation.is_free(),
        },
        asked: draft.asked(),
    };
    let provider = &candidate.target.provider;
    let to = Destination { origin: &provider.origin, allow_private: provider.allow_private };
    let first_content = worker.shared.options.deadlines.first_content;
    let limit = first_content.min(left);
    match tokio::time::timeout(limit, worker.upstream.send(&to, request)).await {
        Err(_) => {
            attempt.cut(worker, AttemptOutcome::Cut).committed().await?;
            let which = if limit == left { Deadline::Total } else { Deadline::FirstContent };
            Ok(Tried::Failed(Failure::TimedOut(which, limit)))
        }
        Ok(Err(error)) => not_answered(worker, attempt, error).await,
        Ok(Ok(response)) => {
            attempt.context.status = response.status().as_u16();
            if response.status().is_success() {
                let (head, body) = response.into_parts();
                return Ok(Tried::Answered(Box::new((head, AnswerBody::Flowing(body), attempt))));
            }
            judged(worker, candidate, credential, attempt, response).await
        }
    }
}

async fn not_answered(worker: &Worker, attempt: OpenAttempt, error: SendError) -> Result<Tried, Denial> {
    let ledger = if error.may_have_been_sent() {
        attempt.cut(worker, AttemptOutcome::Cut)
    } else {
        attempt.costs_nothing(worker, AttemptOutcome::NotSent)
    };
    ledger.committed().await?;
    Ok(Tried::Failed(Failure::NotAnswered(error)))
}

/// Reads an error answer and finds out what it means. An error costs nothing unless the provider says otherwise, and
/// none does.
async fn judged(
    worker: &Worker,
    candidate: &Candidate,
    credential: Option<&(HeaderName, HeaderValue)>,
    attempt: OpenAttempt,
    response: Response<Flowing>,
) -> Result<Tried, Denial> {
    let (head, body) = response.into_parts();
    let idle = worker.shared.options.deadlines.idle;
    let read = tokio::time::timeout(idle, Limited::new(body, MAX_ERROR_BODY).collect()).await;
    let body = read.ok().and_then(Result::ok).map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let verdict = judge(candidate.target.provider.kind, head.status, &head.headers, &body);
    let body = scrubbed(body, credential);
    match verdict {
        Verdict::Use => Ok(Tried::Answered(Box::new((head, AnswerBody::Judged(body), attempt)))),
        Verdict::NextKey { reason, key } => {
            attempt.costs_nothing(worker, AttemptOutcome::UpstreamError).committed().await?;
            Ok(Tried::Failed(Failure::Key(key, reason)))
        }
        Verdict::NextDeployment { reason } => {
            attempt.costs_nothing(worker, AttemptOutcome::UpstreamError).committed().await?;
            Ok(Tried::Failed(Failure::Provider(head.status.as_u16(), reason)))
        }
        Verdict::GiveUp { denial } => {
            attempt.costs_nothing(worker, AttemptOutcome::UpstreamError).committed().await?;
            Err(denial)
        }
    }
}

/// The body without the provider key, should the provider have echoed it.
fn scrubbed(body: Bytes, credential: Option<&(HeaderName, HeaderValue)>) -> Bytes {
    let Some((_, value)) = credential else { return body };
    let value = value.as_bytes();
    keyward_dialect::error::scrub(body, value.strip_prefix(b"Bearer ").unwrap_or(value))
}

fn remaining(worker: &Worker, arrival: &Arrival) -> Result<Duration, Denial> {
    let total = worker.shared.options.deadlines.total;
    let left = total.saturating_sub(worker.monotonic().saturating_sub(arrival.began));
    if left.is_zero() { Err(Denial::UpstreamTimeout(Deadline::Total, total)) } else { Ok(left) }
}

fn subject(worker: &Worker, arrival: &Arrival, draft: &Draft, candidate: &Candidate, before: &Failures) -> Subject {
    let provider = &candidate.target.provider;
    Subject {
        attempt: AttemptId { request: arrival.request, number: before.attempts().saturating_add(1) },
        at: worker.now(),
        tenant: draft.tenant,
        virtual_key: draft.virtual_key,
        provider: provider.id,
        provider_name: Arc::clone(&provider.name),
        credential: candidate.credential.as_ref().map_or(CredentialId::from_bits(0), |pooled| pooled.id),
        credential_name: candidate.credential_name(),
        requested_model: Arc::clone(&draft.name),
        model: Arc::clone(&candidate.target.model),
        dialect: arrival.dialect,
        operation: draft.operation,
        streamed: draft.streamed,
        reserved: draft.most(before.tried()),
        price_version: Arc::clone(&candidate.target.price_version),
        trace: arrival.trace,
    }
}

impl OpenAttempt {
    /// Writes the ledger row of an attempt that the provider charges nothing for.
    pub(crate) fn costs_nothing(self, worker: &Worker, outcome: AttemptOutcome) -> Rc<Ledger> {
        let duration = worker.monotonic().saturating_sub(self.context.sent);
        self.reservation.settle(Spent::nothing(outcome, self.context.status, duration))
    }

    /// Writes the ledger row of an attempt of which nothing was seen but which may be billed: the prompt, as an
    /// estimate.
    pub(crate) fn cut(self, worker: &Worker, outcome: AttemptOutcome) -> Rc<Ledger> {
        let spent = Spent {
            outcome,
            status: self.context.status,
            duration: worker.monotonic().saturating_sub(self.context.sent),
            ..Spent::estimate(&self.target, self.context.request_bytes, self.context.is_free)
        };
        self.reservation.settle(spent)
    }

    /// Writes the ledger row.
    pub(crate) fn settle(self, spent: Spent) -> Rc<Ledger> {
        self.reservation.settle(spent)
    }
}

impl Spent {
    /// The prompt of an attempt whose answer was never seen.
    fn estimate(target: &Deployment, request_bytes: u64, is_free: bool) -> Self {
        if is_free {
            return Self::nothing(AttemptOutcome::ClientGone, 0, Duration::ZERO);
        }
        let usage = Usage { input_uncached: request_bytes.div_ceil(BYTES_PER_TOKEN), ..Usage::default() };
        Self {
            usage,
            cost: charge(&target.pricing, &usage, &ChargeContext::default()),
            source: UsageSource::Estimated,
            ..Self::nothing(AttemptOutcome::ClientGone, 0, Duration::ZERO)
        }
    }
}
