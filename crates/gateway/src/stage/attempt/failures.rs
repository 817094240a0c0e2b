//! What went wrong so far, and what the client is told when nothing is left to try.

use std::time::Duration;

use http::response;

use keyward_domain::denial::{Deadline, Denial};
use keyward_domain::judgement::{Blame, Judgement, Lasts, Trouble};
use keyward_domain::time::Timestamp;
use keyward_pool::{Nothing, Why};
use keyward_provider::{NotAnswered, not_answered};

use crate::stage::relay::Begun;
use crate::stage::route::Candidate;
use crate::upstream::SendError;

/// Somebody was asked to slow down, and no key is known to rest any more: soon enough to try again.
const SOON: Duration = Duration::from_secs(1);

/// An attempt that did not serve.
pub(super) struct Failure {
    pub(super) judgement: Judgement,
    /// What the client is told if nothing else is tried.
    pub(super) denial: Denial,
    /// Whether the provider may bill it all the same.
    pub(super) may_be_billed: bool,
    /// The provider's own refusal, which the client gets after all when a fallback cannot serve either.
    pub(super) own: Option<Box<(response::Parts, Begun)>>,
}

impl Failure {
    /// The provider answered with an error.
    pub(super) fn answered(judgement: Judgement, status: u16) -> Self {
        let denial = match judgement.trouble {
            Trouble::Unusable if (300..400).contains(&status) => Denial::UpstreamRedirect,
            _ => Denial::UpstreamError(format!("{} (status {status})", judgement.reason)),
        };
        Self { judgement, denial, may_be_billed: false, own: None }
    }

    /// The provider refused the request itself, and the alias has a fallback for that.
    pub(super) fn refused(judgement: Judgement, head: response::Parts, begun: Begun) -> Self {
        let status = head.status.as_u16();
        Self { own: Some(Box::new((head, begun))), ..Self::answered(judgement, status) }
    }

    /// Nobody answered.
    pub(super) fn not_answered(error: SendError) -> Self {
        let why = match &error {
            SendError::Connect(_) => NotAnswered::Connect,
            SendError::ConnectTimeout(_) => NotAnswered::ConnectTimeout,
            SendError::Tls(_) => NotAnswered::Tls,
            SendError::Broken(_) => NotAnswered::Broken,
        };
        let may_be_billed = error.may_have_been_sent();
        Self { judgement: not_answered(why), denial: error.denial(), may_be_billed, own: None }
    }

    /// No answer in time.
    pub(super) fn timed_out(which: Deadline, length: Duration) -> Self {
        let denial = Denial::UpstreamTimeout(which, length);
        Self { judgement: not_answered(NotAnswered::Silent), denial, may_be_billed: true, own: None }
    }

    /// The answer broke off before its first content.
    pub(super) fn broke_off(denial: Denial) -> Self {
        Self { judgement: broken_off(&denial), denial, may_be_billed: true, own: None }
    }
}

/// What it means that an answer did not come to its end.
pub(crate) fn broken_off(denial: &Denial) -> Judgement {
    not_answered(match denial {
        Denial::UpstreamTimeout(..) => NotAnswered::Silent,
        _ => NotAnswered::Broken,
    })
}

/// Told to a call that is bound to an account none of whose keys can be used.
const GONE: &str = "The request refers to a response, file, conversation or encrypted item of a provider account none of \
     whose keys can be used now. Ask the operator, or start over without that reference.";

/// What there is when nothing is left to try.
pub(super) struct Left<'a> {
    /// What could not be had, deployment by deployment.
    pub(super) nothing: &'a [Nothing],
    /// Whether a key that was tried could serve by now.
    pub(super) is_somebody_free_again: bool,
    /// When one of those asked could serve at the soonest, where the call ended before they were asked again.
    pub(super) soonest: Option<Timestamp>,
}

/// The failures of one call, in order.
#[derive(Default)]
pub(super) struct Failures {
    met: Vec<(String, Failure)>,
    /// What is told of each, when somebody wants to know.
    told: Vec<String>,
    is_explained: bool,
    /// Keys that could not be opened.
    unusable: Vec<(String, &'static str)>,
    /// The budget or limit that stood in the way of somebody who might have served.
    blocked: Option<Denial>,
}

impl Failures {
    /// `is_explained` when the client wants to know which way its call took.
    pub(super) fn new(is_explained: bool) -> Self {
        Self { is_explained, ..Self::default() }
    }

    /// Which way the call took, ending with who served it; nothing when nobody wants to know.
    pub(super) fn explained(&self, candidate: &Candidate) -> Option<String> {
        let served = || format!("{}/{}: served", candidate.target.provider.name, candidate.key_name());
        self.is_explained.then(|| [self.told.as_slice(), &[served()]].concat().join("; "))
    }

    /// A budget or a limit stood in the way.
    pub(super) fn block(&mut self, denial: Denial) {
        self.blocked.get_or_insert(denial);
    }

    /// After a wait everybody is asked again: what stood in the way may not any more.
    pub(super) fn begin_again(&mut self) {
        self.blocked = None;
    }

    pub(super) fn add(&mut self, candidate: &Candidate, failure: Failure) {
        let name = candidate.key_name().to_string();
        let Judgement { blame, trouble, reason, known, .. } = &failure.judgement;
        let provider = &candidate.target.provider.name;
        let (blame, trouble) = (blame.as_str(), trouble.as_str());
        tracing::warn!(%provider, key = %name, blame, trouble, %reason, known, "an attempt could not serve");
        if self.is_explained {
            self.told.push(format!("{provider}/{name}: {reason}"));
        }
        self.met.push((name, failure));
    }

    pub(super) fn unusable(&mut self, candidate: &Candidate, why: &'static str) {
        if self.is_explained {
            self.told.push(format!("{}/{}: {why}", candidate.target.provider.name, candidate.key_name()));
        }
        self.unusable.push((candidate.key_name().to_string(), why));
    }

    /// Whether the last failure was a moment's: trying again is a retry, not a change to a key that the pool knows better
    /// of by now.
    pub(super) fn last_was_momentary(&self) -> bool {
        self.met.last().is_some_and(|(_, failure)| {
            let Judgement { blame, trouble, lasts, .. } = &failure.judgement;
            let is_learned = matches!(trouble, Trouble::Rejected | Trouble::QuotaExhausted | Trouble::NoPermission)
                || matches!(lasts, Lasts::Until(_));
            !is_learned || matches!(blame, Blame::Provider | Blame::Network)
        })
    }

    /// The refusal that sums it up. A budget or limit that stood in the way is what the caller can do something about. The
    /// last failure of a provider speaks for itself; when it was all the keys' fault,
    /// each key is named with its reason, or the soonest return if all of them just rest. A model that the provider has
    /// under no key is not there.
    pub(super) fn denial(mut self, left: &Left<'_>, model: &str, now: Timestamp) -> Denial {
        let Left { nothing, is_somebody_free_again, soonest } = *left;
        if let Some(blocked) = self.blocked.take() {
            return blocked;
        }
        if !self.met.is_empty() && self.met.iter().all(|(_, failure)| is_missing(failure)) && self.unusable.is_empty() {
            return Denial::ModelNotFound(model.to_owned(), Vec::new());
        }
        if self.met.last().is_some_and(|(_, failure)| is_providers(failure))
            && let Some((_, failure)) = self.met.pop()
        {
            return failure.denial;
        }
        let back = nothing.iter().filter_map(|nothing| nothing.back).min().or(soonest);
        let is_limited = self.met.iter().any(|(_, failure)| failure.judgement.trouble == Trouble::RateLimited);
        if is_limited && (back.is_none() || is_somebody_free_again) {
            return Denial::AllKeysCooling(SOON);
        }
        if let Some(back) = back {
            return kept_away(nothing, back.since(now));
        }
        if self.met.is_empty() && nothing.iter().any(is_bound_elsewhere) {
            return Denial::AffinityUnavailable(GONE);
        }
        Denial::NoUsableKey(self.reasons(nothing))
    }

    /// Each key by name, and why it cannot serve.
    fn reasons(self, nothing: &[Nothing]) -> Vec<(String, String)> {
        let met = self.met.into_iter().map(|(key, failure)| (key, failure.judgement.reason.into_owned()));
        let unusable = self.unusable.into_iter().map(|(key, why)| (key, why.to_owned()));
        let mut reasons: Vec<(String, String)> = met.chain(unusable).collect();
        for passed in nothing.iter().flat_map(|nothing| &nothing.keys) {
            if !reasons.iter().any(|(name, _)| **name == *passed.name) {
                reasons.push((passed.name.to_string(), advice(&passed.why)));
            }
        }
        reasons
    }
}

/// The refusal when no key can be had, and nothing was tried.
pub(crate) fn nothing_to_have(nothing: &[Nothing], model: &str, now: Timestamp) -> Denial {
    Failures::default().denial(&Left { nothing, is_somebody_free_again: false, soonest: None }, model, now)
}

/// Nobody can serve before this time is over: because providers or models are full or rest, or because all keys do.
fn kept_away(nothing: &[Nothing], rest: Duration) -> Denial {
    if nothing.is_empty() || nothing.iter().any(|nothing| nothing.whole.is_none()) {
        return Denial::AllKeysCooling(rest);
    }
    let is_full = |nothing: &Nothing| matches!(nothing.whole, Some(Why::ProviderFull | Why::ModelFull));
    if nothing.iter().any(is_full) { Denial::UpstreamFull(rest) } else { Denial::UpstreamResting(rest) }
}

/// What is the matter with a key, and what to do about it where that is not obvious.
fn advice(why: &Why) -> String {
    use keyward_domain::credential::CredentialState;
    match why {
        Why::NotInUse { state: CredentialState::Pending } => "not yet validated: run `keyward key test`".to_owned(),
        Why::NotInUse { state: CredentialState::Disabled } => "disabled: run `keyward key enable`".to_owned(),
        Why::NotInUse { state: CredentialState::Suspect } => {
            "refused by the provider: run `keyward key test`".to_owned()
        }
        other => other.to_string(),
    }
}

fn is_missing(failure: &Failure) -> bool {
    failure.judgement.trouble == Trouble::ModelMissing
}

fn is_providers(failure: &Failure) -> bool {
    matches!(failure.judgement.blame, Blame::Provider | Blame::Network | Blame::Request)
        || (failure.judgement.blame == Blame::Model && !is_missing(failure))
}

/// Whether a call finds nobody because of the account it is bound to.
fn is_bound_elsewhere(nothing: &Nothing) -> bool {
    nothing.keys.iter().any(|passed| matches!(passed.why, Why::OtherAccount))
}
