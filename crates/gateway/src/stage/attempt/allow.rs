//! What an attempt may spend and use where it is about to be made: held and counted before anything is sent.

use std::rc::Rc;

use keyward_domain::denial::Denial;
use keyward_domain::ids::CredentialId;
use keyward_domain::ledger::{AttemptId, servers_scopes};
use keyward_domain::port::{Amounts, Refusal};
use keyward_domain::scope::{Scope, ScopeKind};

use super::draft::Draft;
use crate::stage::admit::{Blocked, Counted, Money};
use crate::stage::arrive::Arrival;
use crate::stage::route::Candidate;
use crate::worker::Worker;

/// What an attempt may spend and use. Let go of before it has a ledger row, everything is given back.
#[derive(Default)]
pub(super) struct Allowed {
    pub(super) money: Option<Money>,
    /// What limits on who serves the call count of it.
    pub(super) counted: Option<Counted>,
}

/// Holds and counts attempt `number` on everything that it touches.
pub(super) async fn attempt(
    worker: &Rc<Worker>,
    arrival: &Arrival,
    draft: &mut Draft,
    candidate: &Candidate,
    number: u8,
) -> Result<Allowed, Blocked> {
    if draft.purse.is_bottomless() {
        return Ok(Allowed::default());
    }
    let target = &candidate.target;
    let servers = if draft.purse.concerns_servers() { servers(draft, candidate) } else { Vec::new() };
    let id = AttemptId { request: arrival.request, number };
    let money = draft.purse.attempt(worker, target, &servers, id)?;
    let amounts = Amounts { input_tokens: draft.most.input_tokens(), output_tokens: draft.most.output_tokens(target) };
    let asks = draft.purse.asks(&servers, amounts);
    if asks.is_empty() {
        return Ok(Allowed { money, counted: None });
    }
    let taken = worker.shared.counting.counters.take(asks, id, worker.monotonic()).await.map_err(blocked)?;
    Ok(Allowed { money, counted: Some(Counted::new(worker, taken)) })
}

fn servers(draft: &Draft, candidate: &Candidate) -> Vec<Scope> {
    let (target, provider) = (&candidate.target, &candidate.target.provider);
    let credential = candidate.key.as_ref().map_or(CredentialId::from_bits(0), |key| key.pooled.id);
    servers_scopes(draft.tenant, provider.id, credential, &provider.name, &target.model).collect()
}

/// A limit on who serves a call stands in the way there, not elsewhere.
fn blocked(refusal: Refusal) -> Blocked {
    let (Refusal::Reached(reached) | Refusal::Exceeds(reached)) = &refusal;
    let kind = reached.scope.kind();
    Blocked::Server(if kind.is_callers() { ScopeKind::Model } else { kind }, Denial::from(refusal))
}
