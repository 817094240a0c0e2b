//! Which key is handed out: by the pool's strategy, or the best one there is.

use std::sync::Arc;

use keyward_domain::ids::{CredentialId, TenantId};
use keyward_gateway::{ProviderEntry, Snapshot};
use keyward_pool::{ANY_MODEL, Ask, CandidateView, Choice, Claim, Draw, KeyView, Moment};

use super::error::NoKey;

/// Room is compared in steps of so many thousandths, so that small differences do not decide.
const ROOM_STEP: u32 = 250;

/// How to choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// As the pool's strategy says.
    ByStrategy,
    /// The best by history, health and headroom, whatever the strategy.
    Best,
}

/// A provider that may serve a model, and which of its keys are not to.
pub(super) struct Way {
    pub(super) provider: Arc<ProviderEntry>,
    pub(super) model: String,
    /// Keys that are left out as long as another one can be used.
    left_out: Vec<CredentialId>,
}

impl Way {
    /// Every way to a model: first the providers of which keys were assigned to it, then where its name leads.
    pub(super) fn to_model(snapshot: &Snapshot, model: &str) -> Vec<Self> {
        let mut ways: Vec<Self> =
            snapshot.providers(TenantId::DEFAULT).filter_map(|provider| Self::of_assigned(provider, model)).collect();
        ways.sort_by(|one, other| one.provider.name.cmp(&other.provider.name));
        let targets = snapshot.route(TenantId::DEFAULT, model).map(|route| route.targets.clone()).unwrap_or_default();
        for target in targets {
            if ways.iter().all(|way| way.provider.id != target.provider.id || *way.model != *target.model) {
                let provider = Arc::clone(&target.provider);
                ways.push(Self { provider, model: target.model.to_string(), left_out: Vec::new() });
            }
        }
        ways
    }

    fn of_assigned(provider: &Arc<ProviderEntry>, model: &str) -> Option<Self> {
        let model = model.strip_prefix(&*provider.name).and_then(|rest| rest.strip_prefix('/')).unwrap_or(model);
        let is_for_it =
            |terms: &keyward_domain::routing::KeyTerms| !terms.models.is_empty() && terms.allows_model(model);
        let (own, others): (Vec<_>, Vec<_>) = provider.all_pooled().partition(|pooled| is_for_it(&pooled.record.terms));
        let left_out = others.into_iter().map(|pooled| pooled.id).collect();
        (!own.is_empty()).then(|| Self { provider: Arc::clone(provider), model: model.to_owned(), left_out })
    }

    /// A key for a call of so many tokens of the prompt and again of the answer, or why there is none.
    pub(super) fn key(&self, tokens: u64, moment: Moment, draw: &mut Draw) -> Result<Claim, NoKey> {
        let sized = Ask { input_tokens: tokens, output_tokens: tokens, ..Ask::new(&self.model) };
        let ask = Ask { is_alone: true, tried: &self.left_out, ..sized };
        let among_own = self.provider.pool.choose(&ask, moment, draw);
        among_own.or_else(|nothing| {
            let all = Ask { tried: &[], ..ask };
            let otherwise =
                if self.left_out.is_empty() { Err(nothing) } else { self.provider.pool.choose(&all, moment, draw) };
            otherwise.map_err(|nothing| none(&self.provider, Some(&self.model), &nothing, moment))
        })
    }
}

/// A key of this provider for any model, or why there is none.
pub(super) fn key_of(
    provider: &ProviderEntry,
    how: How,
    tokens: u64,
    moment: Moment,
    draw: &mut Draw,
) -> Result<Claim, NoKey> {
    let ask = Ask { input_tokens: tokens, output_tokens: tokens, is_alone: true, ..Ask::new(ANY_MODEL) };
    if how == How::Best {
        let others = all_but_best(&provider.pool.explain(&ask, moment), &provider.pool.keys(moment));
        // Somebody may have taken its last place meanwhile; then the others are good enough.
        if let Ok(claim) = provider.pool.choose(&Ask { tried: &others, ..ask }, moment, draw) {
            return Ok(claim);
        }
    }
    provider.pool.choose(&ask, moment, draw).map_err(|nothing| none(provider, None, &nothing, moment))
}

fn none(provider: &ProviderEntry, model: Option<&str>, nothing: &keyward_pool::Nothing, moment: Moment) -> NoKey {
    NoKey::of(&provider.name, model, nothing, nothing.back.map(|back| back.since(moment.wall)))
}

/// Every key but the best of those that are ready.
fn all_but_best(candidates: &[CandidateView], keys: &[KeyView]) -> Vec<CredentialId> {
    let ready = candidates.iter().filter(|candidate| candidate.choice != Choice::Skipped);
    let best =
        ready.min_by_key(|candidate| rank(candidate, keys.iter().find(|key| key.credential == candidate.credential)));
    let Some(best) = best.map(|best| best.credential) else { return Vec::new() };
    candidates.iter().map(|candidate| candidate.credential).filter(|credential| *credential != best).collect()
}

/// Lower is better: tier, headroom, failures of late, failures ever, speed, load.
fn rank(candidate: &CandidateView, key: Option<&KeyView>) -> (u8, u32, u32, u32, u64, u32) {
    let missing = candidate.room_permille.map_or(u32::MAX, |room| 1000_u32.saturating_sub(room) / ROOM_STEP);
    let failed = 1000_u32.saturating_sub(key.and_then(|key| key.success_permille).unwrap_or(1000));
    let latency = key.and_then(|key| key.latency).map_or(0, |latency| latency.p50_ms);
    (candidate.tier, missing, candidate.failing_permille, failed, latency, candidate.in_flight)
}
