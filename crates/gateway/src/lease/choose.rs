//! Choosing a key to hand out: as for a call, and on the same terms. What budgets hold for the lease and what limits count
//! of it is there before a key is.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use keyward_domain::denial::Denial;
use keyward_domain::ids::CredentialId;
use keyward_domain::ledger::{AttemptId, Attributed, callers_scopes};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::Amounts;
use keyward_domain::scope::ScopeKind;
use keyward_domain::time::Timestamp;
use keyward_domain::virtual_key::Priority;
use keyward_pool::{ANY_MODEL, Ask, Claim, Nothing, Outcome};

use super::held::Held;
use crate::snapshot::{Deployment, KeyEntry, Pooled};
use crate::stage::admit::{self, Admitted, Applicant, Blocked, Length, Most, Prompt};
use crate::stage::arrive::Arrival;
use crate::stage::attempt::{self, Site};
use crate::worker::Worker;

/// What somebody wants a key for.
pub(super) struct Wanted<'a> {
    pub(super) key: &'a KeyEntry,
    /// The model as he named it; empty for any.
    pub(super) model: &'a str,
    /// What may serve it, in order.
    pub(super) options: &'a [Arc<Deployment>],
    /// Tokens, at most.
    pub(super) amounts: Amounts,
    pub(super) attributed: Option<&'a Attributed>,
    pub(super) priority: Priority,
}

/// A key that may be handed out.
pub(super) struct Chosen {
    pub(super) target: Arc<Deployment>,
    pub(super) pooled: Arc<Pooled>,
    pub(super) claim: Claim,
    pub(super) held: Held,
    /// When the lease began, for windows.
    pub(super) at: Timestamp,
    /// What it may cost at most; `None` when nobody knows.
    pub(super) reserved: Option<Nanodollars>,
}

/// Waits in line like a call, then goes through what may serve until a key can be had that nothing stands in the way of.
pub(super) async fn key(worker: &Rc<Worker>, arrival: &Arrival, wanted: &Wanted<'_>) -> Result<Chosen, Denial> {
    let Wanted { key, amounts, .. } = *wanted;
    let mut most = Most::declared(amounts.input_tokens, amounts.output_tokens);
    let Admitted { mut purse, counted, .. } = admit::admitted(
        worker,
        &Applicant {
            key,
            request: arrival.request,
            at: arrival.at,
            targets: wanted.options,
            priority: wanted.priority,
            most,
            text: None,
            length: Length::OutOfReach,
        },
        callers_scopes(key.record.tenant, key.record.id, wanted.attributed),
    )
    .await?;
    let mut search = Search::of(wanted, most);
    while let Some(Found { target, pooled, claim }) = search.next(worker)? {
        let site = Site { tenant: key.record.tenant, target: &target, credential: Some(pooled.id) };
        let id = AttemptId { request: arrival.request, number: 1 };
        match attempt::allow(worker, &mut purse, &mut Prompt { most: &mut most, text: None }, &site, id, None).await {
            Ok(allowed) => {
                let at = allowed.money.as_ref().map_or_else(|| worker.now(), |money| money.at);
                let (reserved, held) = (most.at(&target), Held::of(allowed, counted, amounts));
                return Ok(Chosen { target, pooled, claim, held, at, reserved });
            }
            Err(blocked) => {
                give_back(worker, &target, claim);
                search.pass_by(pooled.id, blocked);
            }
        }
    }
    Err(search.refusal(worker))
}

/// A key that is not handed out after all.
fn give_back(worker: &Worker, target: &Deployment, claim: Claim) {
    claim.report(&Outcome::Neutral, worker.moment());
    worker.shared.line.freed_key(target.provider.id, worker.monotonic());
}

impl Chosen {
    /// It is not handed out after all: nothing is held or counted.
    pub(super) fn give_back(self, worker: &Rc<Worker>) {
        drop(self.held.here(worker));
        give_back(worker, &self.target, self.claim);
    }
}

/// A key that its pool lets go.
struct Found {
    target: Arc<Deployment>,
    pooled: Arc<Pooled>,
    claim: Claim,
}

/// The way through what may serve.
struct Search<'a> {
    wanted: &'a Wanted<'a>,
    most: Most,
    /// Still to be asked; the first is next.
    left: VecDeque<&'a Arc<Deployment>>,
    /// Keys that a budget or a limit of their own stands in the way of.
    tried: Vec<CredentialId>,
    nothing: Vec<Nothing>,
    blocked: Option<Denial>,
}

impl<'a> Search<'a> {
    fn of(wanted: &'a Wanted<'a>, most: Most) -> Self {
        let left = wanted.options.iter().collect();
        Self { wanted, most, left, tried: Vec::new(), nothing: Vec::new(), blocked: None }
    }

    /// The next key that its pool lets go; `None` when there is none left.
    fn next(&mut self, worker: &Worker) -> Result<Option<Found>, Denial> {
        while let Some(target) = self.left.front().copied() {
            let provider = &target.provider;
            let ask = Ask {
                input_tokens: self.wanted.amounts.input_tokens,
                output_tokens: self.wanted.amounts.output_tokens,
                cost: self.most.at(target).unwrap_or(Nanodollars::ZERO),
                tried: &self.tried,
                ..Ask::new(if target.model.is_empty() { ANY_MODEL } else { &target.model })
            };
            match worker.draw(|draw| provider.pool.choose(&ask, worker.moment(), draw)) {
                Ok(claim) => {
                    let pooled = provider.credentials.get(&claim.credential()).cloned().ok_or(Denial::Internal)?;
                    return Ok(Some(Found { target: Arc::clone(target), pooled, claim }));
                }
                Err(nothing) => {
                    self.nothing.push(nothing);
                    self.left.pop_front();
                }
            }
        }
        Ok(None)
    }

    /// A budget or a limit stands in the way of this key, or of all that is there.
    fn pass_by(&mut self, key: CredentialId, blocked: Blocked) {
        let (is_about_key, denial) = match blocked {
            Blocked::Caller(denial) => (false, denial),
            Blocked::Server(kind, denial) => (kind == ScopeKind::Credential, denial),
        };
        if is_about_key {
            self.tried.push(key);
        } else {
            self.left.pop_front();
        }
        self.blocked.get_or_insert(denial);
    }

    fn refusal(self, worker: &Worker) -> Denial {
        let nobody = || attempt::nothing_to_have(&self.nothing, self.wanted.model, worker.now());
        self.blocked.unwrap_or_else(nobody)
    }
}
