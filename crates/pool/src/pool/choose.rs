//! Choosing a key: on the way of every request. Reads atomics, takes no lock, allocates nothing unless there is
//! nothing to choose.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use keyward_domain::routing::Strategy;

use super::Pool;
use crate::ask::Ask;
use crate::chance::{Draw, mix};
use crate::claim::{Canaries, Claim, Refused, Terms};
use crate::endpoint::Door;
use crate::lane::{Lane, Tier};
use crate::mask::Mask;
use crate::moment::Moment;
use crate::nothing::Nothing;
use crate::standing::{FULL_SHARE, Fitness};
use crate::strategy::{Field, pick};

impl Pool {
    /// The key that serves this call, with everything it needs taken; or why there is none.
    pub fn choose(&self, ask: &Ask<'_>, moment: Moment, draw: &mut Draw) -> Result<Claim, Nothing> {
        let lane = self.lane(ask.model, moment);
        lane.look(moment);
        let mut canaries = Canaries::default();
        if self.enter(&lane, ask, moment, &mut canaries) {
            let found = Search::new(self.strategy, &lane, ask, moment, canaries, draw).run();
            if let Some(claim) = found {
                return Ok(claim);
            }
        }
        release(&lane, canaries);
        Err(self.nothing(&lane, ask, moment))
    }

    /// Passes the doors of the provider and of the model; notes which canaries that took.
    fn enter(&self, lane: &Lane, ask: &Ask<'_>, now: Moment, canaries: &mut Canaries) -> bool {
        let settings = self.endpoint.settings();
        let provider = self.endpoint.health.enter(ask.is_alone, now, settings);
        canaries.endpoint = provider == Door::Canary;
        if matches!(provider, Door::Shut(_)) {
            return false;
        }
        let model = lane.on_provider.health.enter(ask.is_alone, now, settings);
        canaries.model = model == Door::Canary;
        !matches!(model, Door::Shut(_))
    }
}

fn release(lane: &Lane, canaries: Canaries) {
    if canaries.endpoint {
        lane.endpoint.health.circuit.free_canary();
    }
    if canaries.model {
        lane.on_provider.health.circuit.free_canary();
    }
}

/// One search for a key.
struct Search<'a> {
    strategy: Strategy,
    lane: &'a Arc<Lane>,
    ask: &'a Ask<'a>,
    now: Moment,
    draw: &'a mut Draw,
    terms: Terms,
    /// Seats whose provider says that too little is left: they come last.
    short: Mask,
}

impl<'a> Search<'a> {
    fn new(
        strategy: Strategy,
        lane: &'a Arc<Lane>,
        ask: &'a Ask<'a>,
        now: Moment,
        canaries: Canaries,
        draw: &'a mut Draw,
    ) -> Self {
        let terms = Terms { canaries, ignores_circuits: lane.noted.panics(), is_last_resort: false };
        Self { strategy, lane, ask, now, draw, terms, short: Mask::empty(lane.seats.len()) }
    }

    /// Tier by tier; then those whose provider says that too little is left, for it may be wrong.
    fn run(mut self) -> Option<Claim> {
        let open = self.lane.offered(self.lane.noted.open(), self.ask);
        let half_open = self.lane.noted.half_open();
        let half_open = if half_open.is_empty() { half_open } else { self.lane.offered(half_open, self.ask) };
        if let Some(claim) = self.tiers(&open, &half_open) {
            return Some(claim);
        }
        self.terms.is_last_resort = true;
        let short = self.short;
        self.tiers(&short, &Mask::empty(0))
    }

    fn tiers(&mut self, open: &Mask, half_open: &Mask) -> Option<Claim> {
        let lane = self.lane;
        lane.tiers.iter().enumerate().find_map(|(number, tier)| {
            let here = open.within(&tier.range);
            let waiting = half_open.within(&tier.range);
            let canary = self.canary(&here, &waiting);
            canary.or_else(|| self.tier(number, tier, here)).or_else(|| self.canary(&Mask::empty(0), &waiting))
        })
    }

    /// A key that waits for its canary gets the next call that can still go elsewhere when it fails, or that has
    /// nowhere else to go.
    fn canary(&mut self, open: &Mask, half_open: &Mask) -> Option<Claim> {
        if half_open.is_empty() || !(self.ask.tried.is_empty() || open.is_empty()) {
            return None;
        }
        half_open.iter().find_map(|seat| self.take(seat))
    }

    fn tier(&mut self, number: usize, tier: &'a Tier, mut open: Mask) -> Option<Claim> {
        if open.is_empty() {
            return None;
        }
        let all = open;
        let back = self.let_return(number, &mut open);
        if let Some(claim) = back.and_then(|seat| self.take(seat)) {
            return Some(claim);
        }
        let claim = self.seats(tier, open);
        // Where none of the others has room, those on their way back are better than nothing.
        claim.or_else(|| self.seats(tier, all.without(&open)))
    }

    /// Offers seats until one is taken, the strategy's favourite first.
    fn seats(&mut self, tier: &'a Tier, mut open: Mask) -> Option<Claim> {
        if open.is_empty() {
            return None;
        }
        let turn = if self.strategy == Strategy::RoundRobin { self.lane.turn.fetch_add(1, Relaxed) } else { 0 };
        let typical = self.lane.typical(self.now);
        while !open.is_empty() {
            let mut field =
                Field { lane: self.lane, tier, open, ask: self.ask, now: self.now, draw: self.draw, turn, typical };
            let seat = pick(self.strategy, &mut field)?;
            if let Some(claim) = self.take(seat) {
                return Some(claim);
            }
            open.clear(seat);
        }
        None
    }

    fn take(&mut self, seat: usize) -> Option<Claim> {
        match Claim::take(self.lane, seat, self.ask, self.terms, self.now) {
            Ok(claim) => Some(claim),
            Err(Refused::Unfit) => None,
            Err(Refused::Short) => {
                self.short.set(seat);
                None
            }
        }
    }

    /// Keys that are back not long ago get their fair share times how far they are, whatever the strategy thinks of an
    /// idle key: either this call goes to the one that is returned, or to none of them.
    fn let_return(&mut self, number: usize, open: &mut Mask) -> Option<usize> {
        let returning = self.lane.noted.returning().and(open);
        let settled = open.without(&returning);
        if self.strategy == Strategy::Single || returning.is_empty() || settled.is_empty() {
            return None;
        }
        if let (Some(conversation), Strategy::Adaptive | Strategy::CostOptimized) = (self.ask.affinity, self.strategy) {
            self.keep_returned_conversations(conversation, &returning, open);
            return None;
        }
        *open = settled;
        let whole = self.lane.noted.weight(number).max(1) * u64::from(FULL_SHARE);
        let mut left = self.draw.below(whole);
        returning.iter().find(|index| {
            let Some(seat) = self.lane.seat(*index) else { return false };
            let share = u64::from(seat.weight) * u64::from(self.share(*index));
            let is_it = left < share;
            left = left.saturating_sub(share);
            is_it
        })
    }

    /// Conversations return to their home one after the other, and each for good.
    fn keep_returned_conversations(&self, conversation: u64, returning: &Mask, open: &mut Mask) {
        for index in returning.iter() {
            let hash = self.lane.seat(index).map_or(0, |seat| seat.hash);
            if mix(conversation.rotate_left(32) ^ hash) % u64::from(FULL_SHARE) >= u64::from(self.share(index)) {
                open.clear(index);
            }
        }
    }

    fn share(&self, index: usize) -> u32 {
        let settings = self.lane.endpoint.settings();
        let share = |fitness: &Fitness| fitness.share(self.now, settings);
        self.lane.seat(index).map_or(0, |seat| share(&seat.key.fitness).min(share(&seat.on_model.fitness)))
    }
}
