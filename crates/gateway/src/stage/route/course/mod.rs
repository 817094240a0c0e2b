//! The way of one call through deployments and keys: where it is, what it met, and where it goes next.

mod rest;
mod room;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use keyward_domain::denial::Denial;
use keyward_domain::dialect::Dialect;
use keyward_domain::ids::CredentialId;
use keyward_domain::judgement::{Judgement, Next, Trouble};
use keyward_domain::money::Nanodollars;
use keyward_domain::routing::FallbackClass;
use keyward_domain::scope::ScopeKind;
use keyward_domain::time::Timestamp;
use keyward_pool::{Account, Ask, Choice, Claim, Moment, Nothing, Why, backoff};

use room::Room;

use super::{Candidate, ClaimedKey};
use crate::line::{Wait, Who};
use crate::snapshot::{Deployment, KeyEntry, Route};
use crate::stage::admit::{Blocked, Hold, Most};
use crate::stage::arrive::Arrival;
use crate::stage::authorize::may_use;
use crate::worker::Worker;

/// Asks a client not to be led to another deployment than the one it named.
static NO_FALLBACK: HeaderName = HeaderName::from_static("x-keyward-no-fallback");

/// The way of one call.
pub(crate) struct Course {
    key: Arc<KeyEntry>,
    route: Arc<Route>,
    dialect: Dialect,
    most: Most,
    /// What should stay with one account, if anything.
    affinity: Option<u64>,
    /// The only account that can serve the call, if it refers to something there.
    pin: Option<Account>,
    is_bound_to_route: bool,
    /// All that may be asked before any fallback.
    listed: VecDeque<Arc<Deployment>>,
    /// Still to be asked; the first is next.
    deployments: VecDeque<Arc<Deployment>>,
    /// Asked in vain.
    asked: Vec<Arc<Deployment>>,
    tried: Vec<CredentialId>,
    /// Those of them that cannot be used at all.
    unopened: Vec<CredentialId>,
    /// Those of them that have a limit which may have room again.
    limited: Vec<CredentialId>,
    /// Limits on who serves that are full for the moment.
    full: Vec<Room>,
    avoid: Vec<Account>,
    /// Fallbacks that were gone on to.
    fallen: Vec<FallbackClass>,
    /// Only want of capacity stood in the way so far.
    only_overloaded: bool,
    /// Upstream calls that may still be made.
    tries: u8,
    made: u8,
    /// The pause that the last failure asks for.
    pause: Duration,
    /// What attempts that failed may cost all the same.
    spent: Nanodollars,
    /// A deployment was passed over because failures had cost too much already.
    was_too_dear: bool,
    /// Deployments none of whose keys could be had.
    nothing: Vec<(Arc<Deployment>, Nothing)>,
    /// Whose call it is, for the line.
    who: Who,
    /// How long it may wait, besides what it waits now.
    patience: Duration,
    /// Its place in line, while it waits.
    wait: Option<Wait>,
    /// It could not wait until there was a key; it is not worth coming back before this time is over.
    no_sooner: Duration,
}

/// Why there is nothing more to try.
pub(crate) enum Stop {
    /// Every upstream call that one client call may cause was made.
    Spent,
    /// No retry is left: too many calls fail at once.
    NoRetry,
    /// No key can be had.
    Nothing,
}

impl Course {
    pub(super) fn of(
        worker: &Worker,
        arrival: &Arrival,
        hold: &Hold,
        mut deployments: VecDeque<Arc<Deployment>>,
        pin: Option<Account>,
    ) -> Self {
        let call = &hold.grant.call;
        // A body that is still arriving cannot be sent twice.
        let most = if call.payload.is_replayable() { worker.shared.options.attempts.max.max(1) } else { 1 };
        let refused = call.head.headers.get(&NO_FALLBACK).map(HeaderValue::as_bytes);
        let is_bound_to_route = refused.is_some_and(|value| !matches!(value, b"" | b"0" | b"false"));
        if is_bound_to_route {
            deployments.truncate(1);
        }
        let patience = worker.shared.options.queue.wait.saturating_sub(hold.place.waited);
        let who = Who { tenant: call.caller.key().record.tenant, priority: call.priority };
        Self {
            key: Arc::clone(call.caller.entry()),
            route: Arc::clone(&hold.grant.route),
            dialect: arrival.dialect,
            most: hold.most,
            affinity: if hold.grant.route.has_choice() { call.affinity(arrival.dialect) } else { None },
            pin,
            is_bound_to_route,
            listed: if patience.is_zero() { VecDeque::new() } else { deployments.clone() },
            deployments,
            asked: Vec::new(),
            tried: Vec::new(),
            unopened: Vec::new(),
            limited: Vec::new(),
            full: Vec::new(),
            avoid: Vec::new(),
            fallen: Vec::new(),
            only_overloaded: true,
            tries: u8::try_from(most).unwrap_or(u8::MAX),
            made: 0,
            pause: Duration::ZERO,
            spent: Nanodollars::ZERO,
            was_too_dear: false,
            nothing: Vec::new(),
            who,
            patience,
            wait: None,
            no_sooner: Duration::ZERO,
        }
    }

    /// Upstream calls made so far.
    pub(crate) const fn made(&self) -> u8 {
        self.made
    }

    /// Whether the upstream call under way is the last.
    pub(crate) const fn is_last(&self) -> bool {
        self.tries == 0
    }

    /// Whether another upstream call may be made.
    pub(crate) const fn has_tries(&self) -> bool {
        self.tries > 0
    }

    /// What could not be had, deployment by deployment.
    pub(crate) fn into_nothing(self) -> Vec<Nothing> {
        self.nothing.into_iter().map(|(_, nothing)| nothing).collect()
    }

    /// How long to wait before the next attempt.
    pub(crate) const fn pause(&self) -> Duration {
        self.pause
    }

    /// The next deployment with a key for it. Whoever gets one makes an upstream call.
    pub(crate) fn next(&mut self, worker: &Worker) -> Result<Candidate, Stop> {
        if self.tries == 0 {
            return Err(Stop::Spent);
        }
        let moment = worker.moment();
        loop {
            let Some(target) = self.deployments.front().cloned() else {
                if self.go_on_to_fallback() {
                    continue;
                }
                return Err(if self.was_too_dear { Stop::Spent } else { Stop::Nothing });
            };
            if self.is_too_dear(worker, &target) {
                self.deployments.pop_front();
                self.was_too_dear = true;
                continue;
            }
            match self.choose(worker, &target, moment) {
                Ok(key) => {
                    self.end_wait_for_keys();
                    self.tries -= 1;
                    self.made += 1;
                    return Ok(Candidate { target, key });
                }
                Err(nothing) => {
                    self.only_overloaded &= nothing.is_resting() || self.made > 0;
                    self.nothing.push((target, nothing));
                    self.deployments.pop_front();
                }
            }
        }
    }

    /// What an attempt taught this call, besides what it taught the pool.
    pub(crate) fn learn(&mut self, worker: &Worker, candidate: &Failed, judgement: &Judgement, may_be_billed: bool) {
        if judgement.next == Next::Use {
            // The fallback for it is what comes next already.
            return;
        }
        if let Some(target) = self.deployments.front() {
            let cost = if may_be_billed { self.most.at(target) } else { None };
            self.spent = self.spent + cost.unwrap_or(Nanodollars::ZERO);
            self.asked.push(Arc::clone(target));
        }
        self.pause = Duration::ZERO;
        self.only_overloaded &= is_want_of_capacity(judgement.trouble);
        match judgement.next {
            Next::OtherKey => self.tried.extend(candidate.credential),
            Next::OtherAccount => {
                self.tried.extend(candidate.credential);
                self.avoid.extend(candidate.account);
            }
            Next::OtherDeployment | Next::Use | Next::GiveUp => {
                self.deployments.pop_front();
            }
            Next::Retry if self.deployments.len() > 1 => self.deployments.rotate_left(1),
            Next::Retry => {
                self.pause = worker.draw(|draw| backoff(u32::from(self.made), draw));
            }
        }
        if self.tries == 1 && self.made > 1 {
            self.spare_the_last();
        }
    }

    /// The last attempt is made where nobody was asked yet, if there is such a place: many bad keys, or a provider that
    /// fails and fails, do not stand before another one that works.
    fn spare_the_last(&mut self) {
        let is_new = |target: &Arc<Deployment>| !self.asked.iter().any(|asked| Arc::ptr_eq(asked, target));
        let (new, old): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut self.deployments).into_iter().partition(is_new);
        self.deployments = new;
        if !self.deployments.is_empty() || self.go_on_to_fallback() {
            self.pause = Duration::ZERO;
        }
        // Should the keys there all rest, one of those asked before is better than none.
        self.deployments.extend(old);
    }

    /// The key could not be used at all; no upstream call was made.
    pub(crate) fn pass_over(&mut self, candidate: &Failed) {
        self.tries += 1;
        self.made -= 1;
        self.tried.extend(candidate.credential);
        self.unopened.extend(candidate.credential);
        if candidate.credential.is_none() {
            self.deployments.pop_front();
        }
    }

    /// A budget or a limit stands in the way there; no upstream call was made. Gives what the client is told should nobody
    /// else serve.
    pub(crate) fn pass_by(&mut self, candidate: &Failed, blocked: Blocked) -> Denial {
        self.tries += 1;
        self.made -= 1;
        let may_have_room = self.note_room(&blocked);
        let (is_about_key, denial) = match blocked {
            Blocked::Caller(denial) => (false, denial),
            Blocked::Server(kind, denial) => (kind == ScopeKind::Credential, denial),
        };
        match candidate.credential.filter(|_| is_about_key) {
            Some(credential) => {
                self.tried.push(credential);
                if may_have_room { &mut self.limited } else { &mut self.unopened }.push(credential);
            }
            None => drop(self.deployments.pop_front()),
        }
        denial
    }

    /// Whether a key could serve that this call has tried already: its rest is over by now, or nobody said that it has
    /// one.
    pub(crate) fn is_somebody_free_again(&self) -> bool {
        let passed = self.nothing.iter().flat_map(|(_, nothing)| &nothing.keys);
        let was_asked = |key| !self.unopened.contains(key) && !self.limited.contains(key);
        passed
            .into_iter()
            .any(|passed| matches!(passed.why, Why::Tried | Why::AccountTried) && was_asked(&passed.credential))
    }

    /// Whether the next attempt asks somebody again who failed in this call.
    pub(crate) fn asks_again(&self) -> bool {
        self.deployments.front().is_some_and(|next| self.asked.iter().any(|asked| Arc::ptr_eq(asked, next)))
    }

    /// After a rest: everybody may be asked again.
    fn begin_again(&mut self) {
        self.deployments.clone_from(&self.listed);
        self.nothing.clear();
        self.full.clear();
        self.limited.clear();
        self.tried.clone_from(&self.unopened);
        self.avoid.clear();
        self.fallen.clear();
    }

    /// Whether the alias has a fallback for what stood in the way; the next attempt is then made there.
    pub(crate) fn falls_back(&mut self, trouble: Trouble) -> bool {
        let class = match trouble {
            Trouble::ContextTooLong => FallbackClass::ContextTooLong,
            Trouble::ContentPolicy => FallbackClass::ContentPolicy,
            _ => return false,
        };
        self.tries > 0 && self.go_on_to(class)
    }

    /// Nothing is left of the targets: on to what the alias has for that.
    fn go_on_to_fallback(&mut self) -> bool {
        (self.only_overloaded && self.go_on_to(FallbackClass::Overloaded)) || self.go_on_to(FallbackClass::Any)
    }

    fn go_on_to(&mut self, class: FallbackClass) -> bool {
        if self.is_bound_to_route || self.pin.is_some() || self.fallen.contains(&class) {
            return false;
        }
        let Some(listed) = self.route.fallback.get(&class) else { return false };
        let may = |target: &&Arc<Deployment>| {
            target.provider.kind.speaks(self.dialect) && may_use(&self.key, &self.route.name, target)
        };
        let next: VecDeque<_> = listed.iter().filter(may).cloned().collect();
        self.fallen.push(class);
        if next.is_empty() {
            return false;
        }
        self.deployments = next;
        true
    }

    /// Whether another attempt could cost more than failures may, on top of what they may have cost already.
    fn is_too_dear(&self, worker: &Worker, target: &Deployment) -> bool {
        let (Some(limit), true) = (worker.shared.options.attempts.cost, self.spent > Nanodollars::ZERO) else {
            return false;
        };
        self.spent + self.most.at(target).unwrap_or(Nanodollars::ZERO) > limit
    }

    fn choose(&self, worker: &Worker, target: &Arc<Deployment>, moment: Moment) -> Result<Option<ClaimedKey>, Nothing> {
        let provider = &target.provider;
        if provider.keyless && provider.credentials.is_empty() {
            return Ok(None);
        }
        if self.stands_behind(worker, target) {
            let whole = provider.pool.full(&target.model, moment);
            return Err(Nothing { keys: Vec::new(), more: 0, back: Some(moment.wall), whole });
        }
        let ask = Ask {
            model: &target.model,
            affinity: self.affinity,
            input_tokens: self.most.input_tokens(),
            output_tokens: self.most.output_tokens(target),
            cost: provider.limits_cost.then(|| self.most.at(target)).flatten().unwrap_or(Nanodollars::ZERO),
            tried: &self.tried,
            avoid: &self.avoid,
            pin: self.pin,
            is_alone: self.is_alone(target),
            is_last: self.tries == 1,
        };
        let claim = worker.draw(|draw| provider.pool.choose(&ask, moment, draw))?;
        let Some(pooled) = provider.credentials.get(&claim.credential()) else {
            // The pool is made of these very keys.
            return Err(Nothing { keys: Vec::new(), more: 0, back: None, whole: None });
        };
        Ok(Some(ClaimedKey { pooled: Arc::clone(pooled), claim: Some(claim) }))
    }

    /// Whether the alias has somebody to go on to when its targets cannot serve.
    fn has_fallback(&self) -> bool {
        let serves = [FallbackClass::Overloaded, FallbackClass::Any];
        serves.iter().any(|class| self.route.fallback.contains_key(class) && !self.fallen.contains(class))
    }

    /// When a call like this one could be served at the soonest, by those who were asked; nothing when it could not.
    pub(crate) fn soonest(&self, worker: &Worker) -> Option<Timestamp> {
        let moment = worker.moment();
        let rows = self.asked.iter().chain(&self.deployments).flat_map(|target| {
            let ask = Ask {
                affinity: self.affinity,
                input_tokens: self.most.input_tokens(),
                output_tokens: self.most.output_tokens(target),
                pin: self.pin,
                ..Ask::new(&target.model)
            };
            target.provider.pool.explain(&ask, moment)
        });
        rows.filter_map(|row| if row.choice == Choice::Skipped { row.back } else { Some(moment.wall) }).min()
    }

    /// Whether nobody else could serve the call.
    fn is_alone(&self, target: &Deployment) -> bool {
        let is_same = |other: &Arc<Deployment>| other.provider.id == target.provider.id;
        self.deployments.iter().all(is_same) && (self.is_bound_to_route || self.pin.is_some() || !self.has_fallback())
    }
}

/// The key of an attempt that failed.
#[derive(Clone, Copy, Default)]
pub(crate) struct Failed {
    credential: Option<CredentialId>,
    account: Option<Account>,
}

impl Failed {
    pub(crate) fn of(candidate: &Candidate) -> Self {
        let Some(key) = &candidate.key else { return Self::default() };
        Self { credential: Some(key.pooled.id), account: key.claim.as_ref().map(Claim::account) }
    }
}

const fn is_want_of_capacity(trouble: Trouble) -> bool {
    matches!(trouble, Trouble::RateLimited | Trouble::QuotaExhausted | Trouble::Overloaded)
}
