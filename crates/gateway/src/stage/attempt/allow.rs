//! What an attempt may spend and use where it is about to be made: held and counted before anything is sent.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use keyward_domain::denial::Denial;
use keyward_domain::ids::{CredentialId, TenantId};
use keyward_domain::ledger::{AttemptId, servers_scopes};
use keyward_domain::port::{Amounts, Refusal};
use keyward_domain::scope::{Scope, ScopeKind};

use super::draft::Draft;
use crate::snapshot::Deployment;
use crate::stage::admit::{Blocked, Counted, Money, Prompt, Purse, Text};
use crate::stage::arrive::Arrival;
use crate::stage::route::{Candidate, Course};
use crate::worker::Worker;

/// What an attempt may spend and use. Let go of before it has a ledger row, everything is given back.
#[derive(Default)]
pub(crate) struct Allowed {
    pub(crate) money: Option<Money>,
    /// What limits on who serves the call count of it.
    pub(crate) counted: Option<Counted>,
}

/// Where an attempt is about to be made, and who pays.
pub(crate) struct Site<'a> {
    pub(crate) tenant: TenantId,
    pub(crate) target: &'a Arc<Deployment>,
    /// None for a provider that needs no key.
    pub(crate) credential: Option<CredentialId>,
}

/// Holds and counts the attempt on everything that it touches.
pub(super) async fn attempt(
    worker: &Rc<Worker>,
    arrival: &Arrival,
    draft: &mut Draft,
    candidate: &Candidate,
    course: &Course,
) -> Result<Allowed, Blocked> {
    if draft.purse.is_bottomless() {
        return Ok(Allowed::default());
    }
    let credential = candidate.key.as_ref().map(|key| key.pooled.id);
    let site = Site { tenant: draft.key().tenant, target: &candidate.target, credential };
    let id = AttemptId { request: arrival.request, number: course.made() };
    let mut prompt = Prompt { most: &mut draft.most, text: Text::of(draft.call.operation, &draft.call.payload) };
    at(worker, &mut draft.purse, &mut prompt, &site, id, Some(course)).await
}

/// Holds and counts an attempt on everything that it touches there. A call that goes its course stands behind those who
/// wait for the same limits.
pub(crate) async fn at(
    worker: &Rc<Worker>,
    purse: &mut Purse,
    prompt: &mut Prompt<'_>,
    site: &Site<'_>,
    id: AttemptId,
    course: Option<&Course>,
) -> Result<Allowed, Blocked> {
    let servers = if purse.concerns_servers() { site.scopes() } else { Vec::new() };
    let money = purse.attempt(worker, prompt, site.target, &servers, id).await?;
    let (input_tokens, output_tokens) = (prompt.most.input_tokens(), prompt.most.output_tokens(site.target));
    let asks = purse.asks(&servers, Amounts { input_tokens, output_tokens });
    if asks.is_empty() {
        return Ok(Allowed { money, counted: None });
    }
    if let Some(ask) = course.and_then(|course| course.stands_behind_in(worker, &asks)) {
        return Err(blocked(Refusal::Reached(ask.reached(Duration::ZERO))));
    }
    let taken = worker.shared.counting.counters.take(asks, id, worker.monotonic()).await.map_err(blocked)?;
    Ok(Allowed { money, counted: Some(Counted::new(worker, taken)) })
}

impl Site<'_> {
    fn scopes(&self) -> Vec<Scope> {
        let provider = &self.target.provider;
        let credential = self.credential.unwrap_or(CredentialId::from_bits(0));
        servers_scopes(self.tenant, provider.id, credential, &provider.name, &self.target.model).collect()
    }
}

/// A limit on who serves a call stands in the way there, not elsewhere.
fn blocked(refusal: Refusal) -> Blocked {
    let (Refusal::Reached(reached) | Refusal::Exceeds(reached) | Refusal::Away(reached)) = &refusal;
    let kind = reached.scope.kind();
    Blocked::Server(if kind.is_callers() { ScopeKind::Model } else { kind }, Denial::from(refusal))
}
