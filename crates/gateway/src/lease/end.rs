//! The end of a lease: its row in the ledger, its record, and what the pool learns.

use std::rc::Rc;
use std::time::Duration;

use keyward_domain::audit::AuditDraft;
use keyward_domain::cost::{ChargeContext, charge};
use keyward_domain::denial::Denial;
use keyward_domain::dialect::{Dialect, Operation};
use keyward_domain::judgement::Judgement;
use keyward_domain::lease::LeaseState;
use keyward_domain::ledger::{AttemptOutcome, Entry, Subject};
use keyward_domain::money::Nanodollars;
use keyward_domain::standing::Cause;
use keyward_domain::usage::UsageSource;
use keyward_pool::Outcome;

use super::{OpenLease, with_store};
use crate::ledger::Spent;
use crate::worker::Worker;

/// How a lease ends.
pub(super) struct End {
    pub(super) state: LeaseState,
    pub(super) spent: Spent,
    /// What it means for the key when it did not serve.
    pub(super) judged: Option<Judgement>,
    /// Whether it served.
    pub(super) served: bool,
    /// A sentence for people.
    pub(super) outcome: String,
    pub(super) audit: Option<AuditDraft>,
}

/// What it came to: the cost, where the price is known, and the outcome in words.
pub(super) type Settled = (Option<Nanodollars>, String);

/// Ends a lease, whoever goes away meanwhile: the row, then the record, then the pool. A lease whose end cannot be written
/// is put back on the desk, to be reported again or to expire.
pub(super) async fn settle(worker: &Rc<Worker>, mut lease: OpenLease, end: End) -> Result<Settled, Denial> {
    let here = Rc::clone(worker);
    // A task of its own on this event loop: a caller who hangs up must not leave half an end behind.
    let task = tokio::task::spawn_local(async move {
        let written = write(&here, &mut lease, end).await;
        if written.is_ok() {
            here.shared.leases.leases().remove(&lease.record.id);
        } else {
            here.shared.leases.put(lease);
        }
        written
    });
    task.await.unwrap_or(Err(Denial::Internal))
}

async fn write(worker: &Rc<Worker>, lease: &mut OpenLease, mut end: End) -> Result<Settled, Denial> {
    if end.spent.source == UsageSource::Provider {
        let pricing = lease.target.as_ref().map(|target| &target.pricing);
        end.spent.cost = pricing.and_then(|pricing| charge(pricing, &end.spent.usage, &ChargeContext::default()));
    }
    let cost = end.spent.cost;
    // Where nobody says what was used, it is what the lease was taken for.
    let is_guess = end.spent.source == UsageSource::Estimated;
    let used = if is_guess { lease.held.expected } else { end.spent.usage };
    let tokens = used.prompt_tokens().saturating_add(used.completion_tokens());
    let first_content = end.spent.first_content;
    worker.ledger.post(entry(lease, end.spent));
    worker.ledger.committed().await?;
    let mut record = lease.record.clone();
    (record.state, record.ended_at, record.outcome) = (end.state, Some(worker.now()), end.outcome.clone());
    let audit = end.audit;
    with_store(worker, move |store| store.put_lease(&record, audit.as_ref())).await?;
    let mut spending = std::mem::take(&mut lease.held).here(worker);
    // Given back unused, it is as if it had never been: limits do not count it either.
    if end.state != LeaseState::Returned {
        spending.mark_sent();
        spending.settle(&used, cost);
    }
    drop(spending);
    if let Some(claim) = lease.claim.take() {
        let cause = Cause::Lease { lease: lease.record.id };
        let spent = cost.unwrap_or(Nanodollars::ZERO);
        let outcome = match (&end.judged, end.state) {
            (Some(judgement), _) => Outcome::Failed { judgement, cause, tokens, cost: spent },
            (None, LeaseState::Reported) if end.served => {
                Outcome::Succeeded { first_content, tokens, cost: spent, cause }
            }
            (None, LeaseState::Returned) => Outcome::Neutral,
            (None, _) => Outcome::Abandoned { tokens, cost: spent },
        };
        claim.report(&outcome, worker.moment());
        worker.shared.line.freed_key(lease.record.provider, worker.monotonic());
    }
    Ok((cost, end.outcome))
}

/// Settles a lease of which nothing was heard: what it may have cost at most, marked as an estimate.
pub(super) async fn expired(worker: &Rc<Worker>, lease: OpenLease) -> Result<Settled, Denial> {
    let id = lease.record.id;
    let spent = at_most(&lease, AttemptOutcome::ClientGone);
    let outcome = "its time was over without a report".to_owned();
    let end = End { state: LeaseState::Expired, spent, judged: None, served: false, outcome, audit: None };
    let settled = settle(worker, lease, end).await;
    if settled.is_err() {
        tracing::error!(lease = %id, "a lease whose time is over could not be settled yet");
    }
    settled
}

/// What a lease can have cost at most, when nobody says what was used.
pub(super) fn at_most(lease: &OpenLease, outcome: AttemptOutcome) -> Spent {
    let nothing = Spent::nothing(outcome, 0, Duration::ZERO);
    Spent { cost: lease.record.reserved, source: UsageSource::Estimated, ..nothing }
}

fn entry(lease: &OpenLease, spent: Spent) -> Entry {
    let record = &lease.record;
    let model = record.model.as_deref().unwrap_or("");
    let target = lease.target.as_ref();
    let subject = Subject {
        attempt: record.attempt(),
        at: record.taken_at,
        tenant: record.tenant,
        virtual_key: record.virtual_key,
        provider: record.provider,
        provider_name: record.provider_name.as_str().into(),
        credential: record.credential,
        credential_name: record.credential_name.as_str().into(),
        requested_model: model.into(),
        model: model.into(),
        dialect: target.map_or(Dialect::OpenAi, |target| target.provider.kind.native_dialect()),
        operation: Operation::Lease,
        streamed: false,
        reserved: record.reserved,
        price_version: target.map_or_else(|| "".into(), |target| std::sync::Arc::clone(&target.price_version)),
        attributed: record.attributed.clone(),
        trace: None,
        named: None,
    };
    spent.into_entry(subject)
}
