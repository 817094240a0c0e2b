//! Reserve: the ledger knows of an attempt before a byte of it leaves.

use std::rc::Rc;
use std::sync::Arc;

use keyward_domain::denial::Denial;
use keyward_domain::ids::CredentialId;
use keyward_domain::ledger::{AttemptId, Subject};

use super::allow::Allowed;
use super::draft::Draft;
use super::open_attempt::{FreedKey, OpenAttempt, Request};
use super::spending::Spending;
use crate::idempotency::Turn;
use crate::stage::admit::Money;
use crate::stage::arrive::Arrival;
use crate::stage::route::Candidate;
use crate::worker::Worker;

/// Opens the ledger row of attempt `number` and waits until that is durable.
pub(super) async fn attempt(
    worker: &Rc<Worker>,
    arrival: &Arrival,
    draft: &Draft,
    candidate: &mut Candidate,
    number: u8,
    allowed: Allowed,
) -> Result<Box<OpenAttempt>, Denial> {
    let subject = Box::new(subject(worker, arrival, draft, candidate, number, allowed.money.as_ref()));
    let reservation = match worker.ledger.reserve(subject).await {
        Ok(reservation) => reservation,
        Err(denial) => {
            candidate.give_back(worker);
            return Err(denial);
        }
    };
    // From here on the attempt holds the key.
    let claim = candidate.key.as_mut().and_then(|key| key.claim.take());
    let of = Request {
        id: arrival.request,
        asked: draft.asked(),
        arrived: arrival.began,
        waited: draft.waited,
        bytes: draft.call.payload.len() as u64,
        is_free: draft.call.operation.is_free(),
        spending: Spending::of(allowed, draft, &candidate.target),
        turn: arrival.turn.clone(),
        key: FreedKey::of(worker, candidate.target.provider.id),
    };
    Ok(OpenAttempt::new(reservation, Arc::clone(&candidate.target), claim, of))
}

fn subject(
    worker: &Worker,
    arrival: &Arrival,
    draft: &Draft,
    candidate: &Candidate,
    number: u8,
    money: Option<&Money>,
) -> Subject {
    let provider = &candidate.target.provider;
    let cap = money.and_then(|money| money.fit.cap);
    let reserved = match cap {
        Some(cap) => draft.most.with_output(&candidate.target, cap),
        None => draft.most.at(&candidate.target),
    };
    Subject {
        attempt: AttemptId { request: arrival.request, number },
        at: money.map_or_else(|| worker.now(), |money| money.at),
        tenant: draft.key().tenant,
        virtual_key: draft.key().id,
        provider: provider.id,
        provider_name: Arc::clone(&provider.name),
        credential: candidate.key.as_ref().map_or(CredentialId::from_bits(0), |key| key.pooled.id),
        credential_name: candidate.key_name(),
        requested_model: Arc::clone(&draft.name),
        model: Arc::clone(&candidate.target.model),
        dialect: arrival.dialect,
        operation: draft.call.operation,
        streamed: draft.call.streamed,
        reserved,
        price_version: Arc::clone(&candidate.target.price_version),
        attributed: draft.call.attributed.clone(),
        trace: arrival.trace,
        named: arrival.turn.as_ref().map(Turn::name),
    }
}
