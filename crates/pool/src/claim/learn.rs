//! What an outcome teaches, and whom.

use std::sync::Arc;

use keyward_domain::judgement::{Blame, Judgement, Trouble};
use keyward_domain::standing::{Cause, Standing};

use super::Claim;
use crate::circuit::Failure;
use crate::key::{Key, KeyModel};
use crate::lane::Seat;
use crate::moment::{Moment, micros};
use crate::standing::{Change, Fitness, Lesson, lesson};

impl Claim {
    /// A call failed.
    pub(super) fn learn(&self, judgement: &Judgement, cause: &Cause, now: Moment) {
        let Some(seat) = self.seat() else { return };
        if judgement.blame == Blame::Request {
            return;
        }
        seat.key.record.failed(judgement.trouble, now);
        // A name that nobody knows may be made up: what it does says nothing about others.
        if self.stranger.is_some() && matches!(judgement.blame, Blame::ModelOnKey | Blame::Model) {
            return;
        }
        self.count_as_slow(seat, judgement, now);
        let is_answered = self.count_as_too_many(judgement, now);
        let settings = self.lane.endpoint.settings();
        let change = |standing| Change {
            standing,
            reason: &judgement.reason,
            trouble: Some(judgement.trouble),
            cause: cause.clone(),
        };
        match lesson(judgement, now, settings) {
            Lesson::Nothing => {}
            Lesson::Key(standing) => self.rest(&seat.key.fitness, &change(standing), now),
            Lesson::KeyModel(standing) => self.rest(&seat.on_model.fitness, &change(standing), now),
            Lesson::Account(standing) => self.rest_account(seat, &change(standing), now),
            Lesson::AccountModel(standing) => self.rest_account_model(seat, &change(standing), now),
            Lesson::Model(until) => self.lane.on_provider.health.rest(until, now),
            Lesson::Provider(until) => self.lane.endpoint.health.rest(until, now),
            Lesson::Moment { .. } if is_answered => {}
            Lesson::Moment { blame, at_once } => self.fail(seat, blame, at_once, &change(Standing::Active), now),
        }
    }

    /// What works again is closed: the key, the key with the model, the model, the provider.
    pub(super) fn close_circuits(&self, seat: &Seat, cause: &Cause, now: Moment) {
        let endpoint = &self.lane.endpoint;
        let began = self.began;
        match &self.stranger {
            Some(model) => endpoint.model(model).prove(),
            None => self.lane.on_provider.prove(),
        }
        seat.key.fitness.succeed(began, cause, now, endpoint);
        seat.on_model.fitness.succeed(began, cause, now, endpoint);
        self.lane.on_provider.health.circuit.succeed(began, now);
        endpoint.health.circuit.succeed(began, now);
    }

    /// A failure is not a fast answer: it counts as slow in the average that keys are chosen by.
    fn count_as_slow(&self, seat: &Seat, judgement: &Judgement, now: Moment) {
        if matches!(judgement.trouble, Trouble::Failed | Trouble::NotAnswered | Trouble::TimedOut | Trouble::Overloaded)
        {
            let took = now.monotonic.saturating_sub(self.began.monotonic);
            let counts_as = took.max(self.lane.endpoint.settings().failure_counts_as);
            seat.on_model.peak.observe(micros(counts_as), now.monotonic_ms());
        }
    }

    /// Where the provider or the model is to blame, some troubles show that it has more calls than it takes. Returns whether
    /// the limit on them answers for it.
    fn count_as_too_many(&self, judgement: &Judgement, now: Moment) -> bool {
        let capacity = match judgement.blame {
            Blame::Provider | Blame::Network => &self.lane.endpoint.capacity,
            Blame::Model => &self.lane.on_provider.capacity,
            Blame::Request | Blame::Key | Blame::Account | Blame::ModelOnKey => return false,
        };
        let is_sign = match judgement.trouble {
            Trouble::Overloaded | Trouble::RateLimited => true,
            // What it began to answer it had room for.
            Trouble::TimedOut => !self.has_content,
            _ => false,
        };
        is_sign && self.lane.endpoint.is_adaptive() && capacity.overloaded(self.began, now)
    }

    fn rest(&self, fitness: &Fitness, change: &Change<'_>, now: Moment) {
        fitness.rest(change, now, &self.lane.endpoint);
    }

    /// What one key of an account learns, its siblings know.
    fn rest_account(&self, seat: &Seat, change: &Change<'_>, now: Moment) {
        self.rest(&seat.key.fitness, change, now);
        let told = of_sibling(change, seat);
        siblings(seat).for_each(|sibling| self.rest(&sibling.fitness, &told, now));
    }

    fn rest_account_model(&self, seat: &Seat, change: &Change<'_>, now: Moment) {
        self.rest(&seat.on_model.fitness, change, now);
        let told = of_sibling(change, seat);
        self.siblings_on_model(seat).for_each(|sibling| self.rest(&sibling.fitness, &told, now));
    }

    /// A moment's trouble counts in the circuit of whoever is to blame.
    fn fail(&self, seat: &Seat, blame: Blame, at_once: bool, change: &Change<'_>, now: Moment) {
        let endpoint = &self.lane.endpoint;
        let settings = endpoint.settings();
        let failure = Failure { began: self.began, at_once, salt: seat.hash };
        match blame {
            Blame::Request => {}
            Blame::Key => seat.key.fitness.fail(change, failure, now, endpoint),
            Blame::ModelOnKey => {
                seat.on_model.fitness.fail(change, failure, now, endpoint);
                if at_once {
                    let told = of_sibling(change, seat);
                    self.siblings_on_model(seat)
                        .for_each(|sibling| sibling.fitness.fail(&told, failure, now, endpoint));
                }
            }
            Blame::Account => {
                seat.key.fitness.fail(change, failure, now, endpoint);
                let told = of_sibling(change, seat);
                siblings(seat).for_each(|sibling| sibling.fitness.fail(&told, failure, now, endpoint));
            }
            Blame::Model => {
                self.lane.on_provider.health.circuit.fail(failure, now, settings);
            }
            Blame::Provider | Blame::Network => {
                endpoint.health.circuit.fail(failure, now, settings);
            }
        }
    }

    fn siblings_on_model(&self, seat: &Seat) -> impl Iterator<Item = Arc<KeyModel>> {
        siblings(seat).map(|sibling| sibling.model(&self.lane.model))
    }
}

/// The other keys of the account.
fn siblings(seat: &Seat) -> impl Iterator<Item = Arc<Key>> {
    let own = seat.key.credential;
    seat.group.keys().into_iter().filter(move |key| key.credential != own)
}

fn of_sibling<'a>(change: &Change<'a>, seat: &Seat) -> Change<'a> {
    Change { cause: Cause::Sibling { credential: seat.key.credential }, ..change.clone() }
}
