//! Stage 5: [`Hold`] -> [`Plan`]. The deployments that may serve the call, in order, and what decides between their
//! keys. Keys are chosen one attempt at a time, because every answer changes what is best ([`Course`]).

mod course;
mod order;
mod pin;

use std::collections::VecDeque;
use std::sync::Arc;

use keyward_domain::denial::Denial;
use keyward_pool::{Claim, Outcome};

use crate::snapshot::{Deployment, Pooled};
use crate::stage::admit::Hold;
use crate::stage::arrive::Arrival;
use crate::worker::Worker;
pub(crate) use course::{Course, Failed, Stop};

/// What to try.
pub(crate) struct Plan {
    pub(crate) hold: Hold,
    pub(crate) course: Course,
    _proof: (),
}

/// A deployment and the key to use for it.
pub(crate) struct Candidate {
    pub(crate) target: Arc<Deployment>,
    /// `None` for a provider that wants no key.
    pub(crate) key: Option<ClaimedKey>,
}

/// A key of a pool, held for one attempt.
pub(crate) struct ClaimedKey {
    pub(crate) pooled: Arc<Pooled>,
    /// `None` once the attempt has it.
    pub(crate) claim: Option<Claim>,
}

/// Plans the attempts. Chance decides between targets of an alias that share the traffic.
pub(crate) fn plan(worker: &Worker, arrival: &Arrival, mut hold: Hold) -> Result<Plan, Denial> {
    let targets = std::mem::take(&mut hold.grant.targets);
    let mut deployments: VecDeque<_> = order::ordered(worker, &hold, targets).into();
    let pin = pin::account(worker, &hold, &mut deployments)?;
    let course = Course::of(worker, arrival, &hold, deployments, pin);
    Ok(Plan { hold, course, _proof: () })
}

impl Candidate {
    /// Nothing was sent: the key has its place and its limits again.
    pub(crate) fn give_back(&mut self, worker: &Worker) {
        if let Some(claim) = self.key.as_mut().and_then(|key| key.claim.take()) {
            claim.report(&Outcome::Neutral, worker.moment());
        }
    }

    /// The key's name; `-` for a provider that wants none.
    pub(crate) fn key_name(&self) -> Arc<str> {
        self.key.as_ref().map_or_else(|| Arc::from("-"), |key| Arc::clone(&key.pooled.name))
    }
}
