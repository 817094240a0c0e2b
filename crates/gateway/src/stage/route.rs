//! Stage 5: [`Hold`] -> [`Plan`]. Ordered candidates, each a deployment with a credential. Round robin over what is
//! usable; strategies take the place of [`ProviderEntry::in_turn`](crate::snapshot::ProviderEntry).

use std::collections::VecDeque;
use std::sync::Arc;

use keyward_domain::denial::Denial;

use crate::snapshot::{Deployment, Pooled};
use crate::stage::admit::Hold;
use crate::worker::Worker;

/// What to try, in order.
pub(crate) struct Plan {
    pub(crate) hold: Hold,
    pub(crate) candidates: VecDeque<Candidate>,
    /// Upstream calls that may be made, at most.
    pub(crate) tries: u8,
    _proof: (),
}

/// A deployment and the credential to use for it.
pub(crate) struct Candidate {
    pub(crate) target: Arc<Deployment>,
    /// `None` for a provider that wants no key.
    pub(crate) credential: Option<Arc<Pooled>>,
}

/// Plans the attempts.
pub(crate) fn plan(worker: &Worker, hold: Hold) -> Result<Plan, Denial> {
    let mut candidates = VecDeque::new();
    let mut reasons = Vec::new();
    for target in &hold.grant.targets {
        candidates_of(target, &mut candidates, &mut reasons);
    }
    if candidates.is_empty() {
        return Err(Denial::NoUsableKey(reasons));
    }
    // A body that is still arriving cannot be sent twice.
    let most = if hold.grant.call.payload.is_replayable() { worker.shared.options.attempts.max } else { 1 };
    Ok(Plan { hold, candidates, tries: u8::try_from(most.max(1)).unwrap_or(u8::MAX), _proof: () })
}

fn candidates_of(target: &Arc<Deployment>, candidates: &mut VecDeque<Candidate>, reasons: &mut Vec<(String, String)>) {
    if target.provider.keyless && target.provider.pool.is_empty() {
        candidates.push_back(Candidate { target: Arc::clone(target), credential: None });
        return;
    }
    for credential in target.provider.in_turn() {
        match credential.unusable() {
            None => {
                candidates
                    .push_back(Candidate { target: Arc::clone(target), credential: Some(Arc::clone(credential)) });
            }
            Some(why) => reasons.push((credential.name.to_string(), why.to_owned())),
        }
    }
}

impl Candidate {
    /// The credential's name; `-` for a provider that wants none.
    pub(crate) fn credential_name(&self) -> Arc<str> {
        self.credential.as_ref().map_or_else(|| Arc::from("-"), |pooled| Arc::clone(&pooled.name))
    }
}
