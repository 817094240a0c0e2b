//! Limits on who serves a call that are full for the moment. Whoever else can serve does; when nobody can, room is waited
//! for, as in a limit on who asks.

use std::time::Duration;

use keyward_domain::budget::Mode;
use keyward_domain::denial::{Denial, LimitReached};
use keyward_domain::limit::Meter;
use keyward_domain::port::{Amounts, Ask};
use keyward_limit::queue::Want;

use super::Course;
use super::rest::Wanted;
use crate::stage::admit::{Blocked, LOOK_AGAIN};
use crate::worker::Worker;

/// Room in a limit that refused.
pub(super) struct Room {
    want: Want,
    cost: u64,
    meter: Meter,
    retry_after: Duration,
}

impl Course {
    /// The first of these limits that others wait for whose turn is before this call's.
    pub(crate) fn stands_behind_in<'a>(&self, worker: &Worker, asks: &'a [Ask]) -> Option<&'a Ask> {
        let line = &worker.shared.line;
        if line.is_empty() || self.patience().is_zero() {
            return None;
        }
        let is_before_us = |ask: &&Ask| {
            let want = Want::of_ask(ask);
            let has_its_turn = self.wait.as_ref().is_some_and(|place| *place.want() == want && place.is_first());
            !has_its_turn && line.behind(&[want], self.who.priority).is_some()
        };
        // One that only watches is not waited for, and waiting does not help a call that never fits.
        asks.iter().filter(|ask| ask.limit.mode == Mode::Enforce && !ask.exceeds()).find(is_before_us)
    }

    /// Notes the limit that stands in the way here, if it may have room again. Whether it does.
    pub(super) fn note_room(&mut self, blocked: &Blocked) -> bool {
        let (Blocked::Server(_, Denial::RateLimited(said)), Some(target)) = (blocked, self.deployments.front()) else {
            return false;
        };
        let LimitReached { meter, retry_after, .. } = **said;
        let (input_tokens, output_tokens) = (self.most.input_tokens(), self.most.output_tokens(target));
        let cost = Amounts { input_tokens, output_tokens }.of(meter);
        self.full.push(Room { want: Want::of_limit(said), cost, meter, retry_after });
        true
    }

    /// The limit that may have room the soonest.
    pub(super) fn nearest_room(&self) -> Option<Wanted> {
        self.full.iter().map(Room::wanted).min_by_key(|wanted| wanted.soonest)
    }
}

impl Room {
    fn wanted(&self) -> Wanted {
        // Nobody knows when a call in flight ends: it may be at any moment.
        let soonest = if self.meter == Meter::Concurrency { Duration::ZERO } else { self.retry_after };
        let (want, cost, rest) = (self.want.clone(), self.cost, self.retry_after);
        Wanted { want, cost, soonest, rest, again: rest.min(LOOK_AGAIN) }
    }
}
