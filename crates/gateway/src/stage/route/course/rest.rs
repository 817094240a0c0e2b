//! Waiting when nobody can serve for the moment: in line with others for a key or for room in a limit, or as long as before
//! any other retry.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use keyward_limit::queue::{Full, Want};
use keyward_pool::{Account, backoff};

use super::{Course, Stop};
use crate::line::Wait;
use crate::snapshot::Deployment;
use crate::worker::Worker;

/// Whoever is first in line for a key waits at least this long before asking again, and by chance up to so much longer.
const LEAST_REST: Duration = Duration::from_millis(20);
const SPREAD_MS: u64 = 30;

/// What a call waits for.
pub(super) struct Wanted {
    pub(super) want: Want,
    /// How much of it the call takes.
    pub(super) cost: u64,
    /// When it may be had.
    pub(super) soonest: Duration,
    /// When it is there at the latest, as far as anybody knows.
    pub(super) rest: Duration,
    /// Whoever is first in line looks again after this time.
    pub(super) again: Duration,
}

impl Course {
    /// Waits until it is worth beginning again, when everybody merely rests and that is over before the call may wait no
    /// longer. `false` when it has to be refused.
    pub(crate) async fn rest(&mut self, worker: &Rc<Worker>, stop: &Stop) -> bool {
        if !matches!(stop, Stop::Nothing) || self.patience().is_zero() {
            return false;
        }
        if self.is_somebody_free_again() {
            // What is missing, broken or refused today is so in a second, too: only want of capacity passes by itself.
            return self.only_overloaded && self.pause_before_retry(worker).await;
        }
        let either = [self.nearest_key(worker), self.nearest_room()].into_iter().flatten();
        let Some(wanted) = either.min_by_key(|wanted| wanted.soonest) else { return false };
        wanted.soonest <= self.patience() && self.stand_in_line(worker, wanted).await
    }

    /// The key that is back the soonest.
    fn nearest_key(&self, worker: &Worker) -> Option<Wanted> {
        let soonest = self.nothing.iter().filter_map(|(target, nothing)| Some((target, nothing.back?)));
        let (target, back) = soonest.min_by_key(|(_, back)| *back)?;
        let (want, rest) = (self.want(target), back.since(worker.now()));
        Some(Wanted { want, cost: 1, soonest: rest, rest, again: rest })
    }

    /// Nobody said how long to leave those alone who failed: as long as before any other retry.
    async fn pause_before_retry(&mut self, worker: &Worker) -> bool {
        self.end_wait();
        let pause = worker.draw(|draw| backoff(u32::from(self.made), draw)).max(Duration::from_millis(1));
        if pause > self.patience {
            return false;
        }
        self.patience -= pause;
        tokio::time::sleep(pause).await;
        self.begin_again();
        true
    }

    /// Waits for the call's turn to have what it wants.
    async fn stand_in_line(&mut self, worker: &Rc<Worker>, wanted: Wanted) -> bool {
        let Wanted { want, cost, rest, again, .. } = wanted;
        let is_new = self.wait.is_none();
        if let Some(place) = &mut self.wait {
            place.refused(want, cost, rest);
        } else {
            match Wait::join(worker, self.who, want, cost, self.patience) {
                Ok(place) => self.wait = Some(place),
                Err(Full { retry_after }) => {
                    self.no_sooner = retry_after;
                    return false;
                }
            }
        }
        let Some(place) = &mut self.wait else { return false };
        // What was freed before it joined rang for nobody.
        if !(is_new && place.is_first()) {
            // A moment later, so that it is over then on every clock.
            let late = worker.draw(|draw| LEAST_REST + Duration::from_millis(draw.below(SPREAD_MS)));
            if place.comes(again + late).await.is_err() {
                self.no_sooner = place.retry_after();
                return false;
            }
        }
        self.begin_again();
        true
    }

    /// How long the call has waited so far.
    pub(crate) fn waited(&self, worker: &Worker) -> Duration {
        worker.shared.options.queue.wait.saturating_sub(self.patience())
    }

    /// How much longer the call may wait.
    pub(super) fn patience(&self) -> Duration {
        self.wait.as_ref().map_or(self.patience, Wait::patience)
    }

    /// The call has what it waited for, or waits for something else now.
    pub(crate) fn end_wait(&mut self) {
        if let Some(place) = self.wait.take() {
            self.patience = self.patience.saturating_sub(place.served());
        }
    }

    /// The call has a key. When it waits for room in a limit, that is asked next.
    pub(super) fn end_wait_for_keys(&mut self) {
        if self.wait.as_ref().is_some_and(|place| matches!(place.want(), Want::Keys { .. })) {
            self.end_wait();
        }
    }

    /// Before this time is over it is not worth coming back, whatever else is known.
    pub(crate) const fn no_sooner(&self) -> Duration {
        self.no_sooner
    }

    /// What a call waits for that none of a deployment's keys can serve now. One that a single account can serve keeps
    /// nobody else waiting.
    fn want(&self, target: &Deployment) -> Want {
        let (provider, model) = (target.provider.id, Arc::clone(&target.model));
        Want::Keys { provider, model, account: self.pin.map(Account::bits) }
    }

    /// Whether others wait for this deployment's keys whose turn is before this call's.
    pub(super) fn stands_behind(&self, worker: &Worker, target: &Deployment) -> bool {
        let line = &worker.shared.line;
        if line.is_empty() || self.patience().is_zero() {
            return false;
        }
        let want = self.want(target);
        let has_its_turn = self.wait.as_ref().is_some_and(|place| *place.want() == want && place.is_first());
        !has_its_turn && line.behind(&[want], self.who.priority).is_some()
    }
}
