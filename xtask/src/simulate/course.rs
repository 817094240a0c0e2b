//! The way of one call through providers and keys. Mirrors the gateway step by step, without its network and its ledger:
//! `crates/gateway/src/stage/route/course.rs` for where a call goes, `crates/gateway/src/stage/attempt/mod.rs` for when
//! it may go again. Every function names what it mirrors.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use keyward_domain::ids::CredentialId;
use keyward_domain::judgement::{Blame, Judgement, Next, Trouble};
use keyward_domain::money::Nanodollars;
use keyward_pool::{Account, Ask, Claim, Draw, Moment, Pool, RetryBudget, backoff};

use super::fleet::Provider;
use super::providers::SET_ASIDE;
use super::traffic::{Call, Model};

/// Upstream calls that one call may cause, as the gateway is set unless somebody sets otherwise.
const ATTEMPTS: u8 = 4;

/// Where a call is, and what it met.
pub struct Course {
    /// Still to be asked; the first is next.
    deployments: VecDeque<Provider>,
    tried: Vec<CredentialId>,
    avoid: Vec<Account>,
    tries: u8,
    made: u8,
    last_was_momentary: bool,
}

/// The pools of both providers.
pub struct Pools {
    pub north: Arc<Pool>,
    pub south: Arc<Pool>,
}

impl Pools {
    fn of(&self, provider: Provider) -> &Pool {
        match provider {
            Provider::North => &self.north,
            Provider::South => &self.south,
        }
    }
}

/// Why there is nothing more to try.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Stop {
    /// Every upstream call that one call may cause was made.
    Spent,
    /// No retry is left.
    NoRetry,
    /// No key can be had.
    Nothing,
}

impl Course {
    /// The deployments of the call's model, in the order of the alias.
    pub fn of(call: &Call) -> Self {
        let deployments = match call.model {
            Model::Large => Provider::ALL.to_vec(),
            Model::Small => vec![Provider::North],
        };
        Self {
            deployments: deployments.into(),
            tried: Vec::new(),
            avoid: Vec::new(),
            tries: ATTEMPTS,
            made: 0,
            last_was_momentary: false,
        }
    }

    /// Upstream calls made so far.
    pub const fn made(&self) -> u8 {
        self.made
    }

    /// Mirrors `next` of the attempt loop, up to its pause: what failed for a moment may only be tried again while not
    /// too many calls do that.
    pub fn may_go_on(&self, retries: &RetryBudget, now: Moment) -> Result<(), Stop> {
        if self.made > 0 && self.last_was_momentary && self.tries > 0 && !retries.withdraw(now) {
            return Err(Stop::NoRetry);
        }
        Ok(())
    }

    /// Mirrors `Course::next`; there is no fallback to go on to and no wait.
    pub fn next(&mut self, pools: &Pools, call: &Call, now: Moment, draw: &mut Draw) -> Result<Claim, Stop> {
        if self.tries == 0 {
            return Err(Stop::Spent);
        }
        while let Some(provider) = self.deployments.front().copied() {
            match self.choose(pools.of(provider), provider, call, now, draw) {
                Some(claim) => {
                    self.tries -= 1;
                    self.made += 1;
                    return Ok(claim);
                }
                None => {
                    self.deployments.pop_front();
                }
            }
        }
        Err(Stop::Nothing)
    }

    /// Mirrors `Course::learn` and `Failures::last_was_momentary`. Returns the pause before the next attempt.
    pub fn learn(
        &mut self,
        failed: CredentialId,
        account: Account,
        judgement: &Judgement,
        draw: &mut Draw,
    ) -> Duration {
        self.last_was_momentary = is_momentary(judgement);
        match judgement.next {
            Next::OtherKey => self.tried.push(failed),
            Next::OtherAccount => {
                self.tried.push(failed);
                self.avoid.push(account);
            }
            Next::OtherDeployment | Next::Use | Next::GiveUp => {
                self.deployments.pop_front();
            }
            Next::Retry if self.deployments.len() > 1 => self.deployments.rotate_left(1),
            Next::Retry => return backoff(u32::from(self.made), draw),
        }
        Duration::ZERO
    }

    /// Mirrors `Course::choose` and `Course::is_alone`.
    fn choose(&self, pool: &Pool, provider: Provider, call: &Call, now: Moment, draw: &mut Draw) -> Option<Claim> {
        let ask = Ask {
            model: call.model.name(),
            affinity: Some(call.conversation),
            input_tokens: call.prompt,
            output_tokens: SET_ASIDE,
            cost: Nanodollars::ZERO,
            tried: &self.tried,
            avoid: &self.avoid,
            pin: None,
            is_alone: self.deployments.iter().all(|other| *other == provider),
            is_last: self.tries == 1,
        };
        pool.choose(&ask, now, draw).ok()
    }
}

const fn is_momentary(judgement: &Judgement) -> bool {
    !matches!(judgement.trouble, Trouble::Rejected | Trouble::QuotaExhausted | Trouble::NoPermission)
        || matches!(judgement.blame, Blame::Provider | Blame::Network)
}
