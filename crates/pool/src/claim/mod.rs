//! A claim: one call's hold on a key. It has the key's place and limits until it is reported or dropped.

mod learn;
mod take;

use std::sync::Arc;
use std::time::Duration;

use keyward_domain::ids::CredentialId;
use keyward_domain::judgement::Judgement;
use keyward_domain::money::Nanodollars;
use keyward_domain::quota::Quota;
use keyward_domain::standing::Cause;

use crate::circuit::Canary;
use crate::group::Account;
use crate::headroom::{Amount, Need};
use crate::lane::{Lane, Seat};
use crate::limit::Taken;
use crate::moment::{Moment, micros};

pub(crate) use take::{Refused, Terms};

/// One call's hold on a key. Report how it went; a claim that is dropped without a report teaches nothing, gives its
/// place back and leaves the estimate on the key's limits.
#[derive(Debug)]
#[must_use = "a dropped claim teaches nothing"]
pub struct Claim {
    lane: Arc<Lane>,
    seat: usize,
    began: Moment,
    need: Need,
    taken: Option<Taken>,
    canaries: Canaries,
    taken_then: TakenThen,
    /// The first content was told already.
    has_content: bool,
    /// The model, where it shares its lane with others: nothing is kept of it until a call succeeds.
    stranger: Option<Arc<str>>,
}

/// How a call went.
#[derive(Debug, Clone)]
pub enum Outcome<'a> {
    /// A good answer to the end.
    Succeeded {
        /// How long the first content took; `None` where nobody knows, which teaches nothing about speed.
        first_content: Option<Duration>,
        /// Tokens that were used, input and output.
        tokens: u64,
        /// What they cost.
        cost: Nanodollars,
        /// Which call or lease says so.
        cause: Cause,
    },
    /// A bad answer, or none.
    Failed {
        /// What it was judged to mean.
        judgement: &'a Judgement,
        /// Which call or lease says so.
        cause: Cause,
        /// Tokens that were used all the same.
        tokens: u64,
        /// What they cost.
        cost: Nanodollars,
    },
    /// It was sent, but its end says nothing about the key: the client went away.
    Abandoned {
        /// Tokens that were used.
        tokens: u64,
        /// What they cost.
        cost: Nanodollars,
    },
    /// It was never sent: everything that it took is given back.
    Neutral,
}

/// What had been taken of the account's meters, and of those for the model, with this call.
#[derive(Debug, Clone, Copy)]
struct TakenThen {
    account: Amount,
    model: Amount,
}

/// Half-open circuits whose canary this call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Canaries {
    pub(crate) key: Option<Canary>,
    pub(crate) on_model: Option<Canary>,
    pub(crate) model: Option<Canary>,
    pub(crate) endpoint: Option<Canary>,
}

impl Canaries {
    /// Others may be sent, as far as these are still the ones that are waited for.
    pub(crate) fn free(self, lane: &Lane, seat: Option<&Seat>) {
        let of_seat = seat
            .into_iter()
            .flat_map(|seat| [(&seat.key.fitness.circuit, self.key), (&seat.on_model.fitness.circuit, self.on_model)]);
        let of_all = [(&lane.on_provider.health.circuit, self.model), (&lane.endpoint.health.circuit, self.endpoint)];
        for (circuit, canary) in of_seat.chain(of_all) {
            if let Some(canary) = canary {
                circuit.free_canary(canary);
            }
        }
    }
}

impl Claim {
    /// Which key.
    pub fn credential(&self) -> CredentialId {
        self.seat().map_or(CredentialId::from_bits(0), |seat| seat.key.credential)
    }

    /// The key's place among the members that the pool was built of.
    pub fn position(&self) -> usize {
        self.seat().map_or(0, |seat| seat.position)
    }

    /// What people call the key.
    pub fn name(&self) -> &Arc<str> {
        self.seat().map_or(&self.lane.model, |seat| &seat.name)
    }

    /// The account that the key shares its limits with.
    pub fn account(&self) -> Account {
        self.seat().map_or(Account::from_bits(0), |seat| seat.account)
    }

    /// Whether this call tries a key, a model or a provider that failed before.
    pub const fn is_canary(&self) -> bool {
        let Canaries { key, on_model, model, endpoint } = self.canaries;
        key.is_some() || on_model.is_some() || model.is_some() || endpoint.is_some()
    }

    /// The answer said what is left of the provider's limits: the key's account knows from now on.
    pub fn quota(&self, quota: &Quota, moment: Moment) {
        let Some(seat) = self.seat() else { return };
        seat.group.meters.learn(quota.meters().filter(|meter| !meter.is_models), self.taken_then.account, moment);
        if self.stranger.is_some() {
            return;
        }
        seat.meters.learn(quota.meters().filter(|meter| meter.is_models), self.taken_then.model, moment);
    }

    /// The first content arrived, this long after the call was sent. Optional: a long answer teaches sooner that way
    /// than by its report.
    pub fn first_content(&mut self, after: Duration, cause: &Cause, moment: Moment) {
        self.works(Some(after), cause, moment);
    }

    /// The client went away, or the call was cancelled. The same as [`Outcome::Abandoned`], for where no clock is at
    /// hand: settles what it took of the key's limits, and teaches nothing.
    pub fn abandon(mut self, tokens: u64, cost: Nanodollars) {
        self.settle(tokens, cost);
    }

    /// How the call went. Settles what it took of the key's limits, and teaches what follows.
    pub fn report(mut self, outcome: &Outcome<'_>, moment: Moment) {
        match outcome {
            Outcome::Succeeded { first_content, tokens, cost, cause } => {
                self.works(*first_content, cause, moment);
                self.succeeded(*first_content, *tokens, *cost, moment);
            }
            Outcome::Failed { judgement, cause, tokens, cost } => {
                self.settle(*tokens, *cost);
                self.learn(judgement, cause, moment);
            }
            Outcome::Abandoned { tokens, cost } => self.settle(*tokens, *cost),
            Outcome::Neutral => self.undo(),
        }
    }

    pub(crate) fn seat(&self) -> Option<&Seat> {
        self.lane.seat(self.seat)
    }

    /// Content came, if anybody knows after how long.
    fn works(&mut self, after: Option<Duration>, cause: &Cause, moment: Moment) {
        if std::mem::replace(&mut self.has_content, true) {
            return;
        }
        let Some(seat) = self.seat() else { return };
        if let Some(after) = after {
            let now_ms = moment.monotonic_ms();
            seat.on_model.peak.observe(micros(after), now_ms);
            self.lane.on_provider.observe(micros(after), now_ms);
        }
        self.close_circuits(seat, cause, moment);
    }

    fn succeeded(&mut self, first_content: Option<Duration>, tokens: u64, cost: Nanodollars, moment: Moment) {
        self.settle(tokens, cost);
        let Some(seat) = self.seat() else { return };
        seat.key.record.succeeded(first_content, moment);
        seat.on_model.paid(cost.0, tokens, moment);
        self.lane.endpoint.capacity.succeeded(self.began, moment);
        self.lane.on_provider.capacity.succeeded(self.began, moment);
    }

    fn settle(&mut self, tokens: u64, cost: Nanodollars) {
        let Some(taken) = self.taken.take() else { return };
        if let Some(counters) = self.seat().and_then(|seat| seat.key.counters()) {
            counters.settle(&taken, tokens, cost);
        }
    }

    fn undo(&mut self) {
        let taken = self.taken.take();
        let Some(seat) = self.seat() else { return };
        if let (Some(taken), Some(counters)) = (taken, seat.key.counters()) {
            counters.undo(&taken);
        }
        seat.group.meters.give_back(self.need, self.taken_then.account);
        seat.meters.give_back(self.need, self.taken_then.model);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.lane.leave();
        let Some(seat) = self.seat() else { return };
        seat.key.leave();
        self.canaries.free(&self.lane, Some(seat));
    }
}
