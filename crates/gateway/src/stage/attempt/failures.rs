//! What went wrong so far, and what the client is told when nothing is left to try.

use std::collections::VecDeque;
use std::time::Duration;

use keyward_domain::denial::{Deadline, Denial};
use keyward_domain::ids::ProviderId;
use keyward_provider::KeyTrouble;

use crate::stage::route::Candidate;
use crate::upstream::SendError;

/// Told to clients when a provider limits without saying for how long.
const DEFAULT_REST: Duration = Duration::from_secs(5);

/// Why an attempt did not serve.
pub(super) enum Failure {
    /// The provider refused this key.
    Key(KeyTrouble, &'static str),
    /// The provider failed, whatever the key.
    Provider(u16, &'static str),
    /// Nobody answered.
    NotAnswered(SendError),
    /// No answer in time.
    TimedOut(Deadline, Duration),
}

impl Failure {
    /// Whether another key of the same provider would fare no better.
    pub(super) const fn is_providers(&self) -> bool {
        !matches!(self, Self::Key(..))
    }
}

/// The failures of one call, in order.
#[derive(Default)]
pub(super) struct Failures {
    met: Vec<(String, Failure)>,
    unusable: Vec<(String, String)>,
    down: Vec<ProviderId>,
}

impl Failures {
    /// Whether this candidate's provider has failed already, and somebody else is left to ask.
    pub(super) fn rules_out(&self, candidate: &Candidate, left: &VecDeque<Candidate>) -> bool {
        let is_down = |candidate: &Candidate| self.down.contains(&candidate.target.provider.id);
        is_down(candidate) && left.iter().any(|other| !is_down(other))
    }

    /// Upstream calls made so far.
    pub(super) fn attempts(&self) -> u8 {
        u8::try_from(self.met.len()).unwrap_or(u8::MAX)
    }

    pub(super) fn add(&mut self, candidate: &Candidate, failure: Failure) {
        let name = candidate.credential_name().to_string();
        if let Failure::Key(trouble, reason) = &failure {
            let provider = &candidate.target.provider.name;
            tracing::warn!(%provider, key = %name, trouble = trouble.as_str(), reason, "a provider key could not serve");
        }
        if failure.is_providers() {
            self.down.push(candidate.target.provider.id);
        }
        self.met.push((name, failure));
    }

    pub(super) fn unusable(&mut self, candidate: &Candidate, why: &'static str) {
        self.unusable.push((candidate.credential_name().to_string(), why.to_owned()));
    }

    /// The refusal that sums it up: the last failure of a provider speaks for itself; when it was all the keys' fault,
    /// each key is named with its reason, or the soonest return if all of them just rest. A model that the provider has
    /// under no key is not there.
    pub(super) fn denial(self, model: &str) -> Denial {
        let soonest = self.soonest_return();
        let is_missing = self.unusable.is_empty()
            && self.met.iter().all(|(_, failure)| matches!(failure, Failure::Key(KeyTrouble::ModelMissing, _)));
        let mut reasons = self.unusable;
        let mut last = None;
        for (key, failure) in self.met {
            match failure {
                Failure::Key(_, reason) => reasons.push((key, reason.to_owned())),
                Failure::Provider(status, reason) => {
                    last = Some(Denial::UpstreamError(format!("{reason} (status {status})")));
                }
                Failure::NotAnswered(error) => last = Some(error.denial()),
                Failure::TimedOut(which, length) => last = Some(Denial::UpstreamTimeout(which, length)),
            }
        }
        match (last, soonest) {
            (Some(denial), _) => denial,
            (None, Some(rest)) => Denial::AllKeysCooling(rest),
            (None, None) if is_missing => Denial::ModelNotFound(model.to_owned(), Vec::new()),
            (None, None) => Denial::NoUsableKey(reasons),
        }
    }

    /// When every key only rests: the time until the first of them is back.
    fn soonest_return(&self) -> Option<Duration> {
        if !self.unusable.is_empty() {
            return None;
        }
        let rest = |failure: &Failure| match failure {
            Failure::Key(KeyTrouble::RateLimited { retry_after }, _) => Some(retry_after.unwrap_or(DEFAULT_REST)),
            _ => None,
        };
        self.met.iter().map(|(_, failure)| rest(failure)).collect::<Option<Vec<_>>>()?.into_iter().min()
    }
}
