//! Choosing a key: on the way of every request. Reads atomics, takes no lock, allocates nothing unless there is
//! nothing to choose.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use keyward_domain::routing::Strategy;

use super::Pool;
use crate::ask::Ask;
use crate::chance::Draw;
use crate::claim::{Canaries, Claim, Refused, Terms};
use crate::endpoint::Door;
use crate::lane::{Lane, Tier};
use crate::mask::Mask;
use crate::moment::Moment;
use crate::nothing::Nothing;
use crate::standing::FULL_SHARE;
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
            canary.or_else(|| self.tier(number, tier, &here)).or_else(|| self.canary(&Mask::empty(0), &waiting))
        })
    }

    /// A key that waits for its canary gets the next call that can still go elsewhere when it fails, or that has
    /// nowhere else to go.
    fn canary(&mut self, open: &Mask, half_open: &Mask) -> Option<Claim> {
        if half_open.is_empty() {
            return None;
        }
        if open.is_empty() {
            return half_open.iter().find_map(|seat| self.take(seat));
        }
        // Most canaries are under way already; the others' turn comes soon enough.
        let count = if self.ask.tried.is_empty() { half_open.count() } else { 0 };
        let seat = half_open.nth(self.draw.index(count)).filter(|_| count > 0)?;
        self.take(seat)
    }

    fn tier(&mut self, number: usize, tier: &'a Tier, all: &Mask) -> Option<Claim> {
        if all.is_empty() {
            return None;
        }
        let offer = Offer::new(self.strategy, self.lane, all);
        if !offer.returning.is_empty() && !self.has_home() {
            let back = self.let_return(number, tier, &offer.returning);
            if let Some(claim) = back.and_then(|seat| self.take(seat)) {
                return Some(claim);
            }
        }
        let claim = self.seats(tier, offer.open, offer.returning);
        // Where none of the others has room, those on their way back are better than nothing.
        claim.or_else(|| self.seats(tier, offer.returning, Mask::empty(0)))
    }

    /// Offers seats until one is taken, the strategy's favourite first.
    fn seats(&mut self, tier: &'a Tier, mut open: Mask, mut returning: Mask) -> Option<Claim> {
        let Self { strategy, lane, ask, now, .. } = *self;
        let turn = if strategy == Strategy::RoundRobin { lane.turn.fetch_add(1, Relaxed) } else { 0 };
        let typical = lane.typical(now);
        while !open.is_empty() {
            let mut field = Field { lane, tier, open, returning, ask, now, draw: self.draw, turn, typical };
            let seat = pick(strategy, &mut field)?;
            if let Some(claim) = self.take(seat) {
                return Some(claim);
            }
            open.clear(seat);
            returning.clear(seat);
        }
        None
    }

    /// Whether the call belongs to a conversation that has a home.
    fn has_home(&self) -> bool {
        self.ask.affinity.is_some() && matches!(self.strategy, Strategy::Adaptive | Strategy::CostOptimized)
    }

    /// Keys that are back not long ago get their fair share times how far they are, whatever the strategy thinks of an
    /// idle key: this call goes to the one that is returned, if any, or to none of them.
    fn let_return(&mut self, number: usize, tier: &Tier, returning: &Mask) -> Option<usize> {
        let noted = &self.lane.noted;
        if self.draw.below(noted.weight(number).max(1)) >= noted.returning_weight(number) {
            return None;
        }
        let index = tier.draw(returning, self.draw)?;
        let share = self.lane.seat(index)?.share(self.now, self.lane.endpoint.settings());
        (self.draw.below(u64::from(FULL_SHARE)) < u64::from(share)).then_some(index)
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
}

/// The seats of a tier that are open: those that get what the strategy gives them, and those on their way back.
struct Offer {
    open: Mask,
    returning: Mask,
}

impl Offer {
    fn new(strategy: Strategy, lane: &Lane, all: &Mask) -> Self {
        let returning = lane.noted.returning().and(all);
        let open = all.without(&returning);
        // With nobody else there is nobody to share with.
        if strategy == Strategy::Single || open.is_empty() {
            return Self { open: *all, returning: Mask::empty(0) };
        }
        Self { open, returning }
    }
}
