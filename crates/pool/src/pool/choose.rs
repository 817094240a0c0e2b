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
use crate::lane::{Lane, Tier, must_serve};
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
        if !lane.enter(moment) {
            return Err(self.nothing(&lane, ask, moment));
        }
        // The claim has the place at the provider from here on, as it has all else.
        self.find(&lane, ask, moment, draw).ok_or_else(|| {
            lane.leave();
            self.nothing(&lane, ask, moment)
        })
    }

    fn find(&self, lane: &Arc<Lane>, ask: &Ask<'_>, moment: Moment, draw: &mut Draw) -> Option<Claim> {
        let mut canaries = Canaries::default();
        if self.enter(lane, ask, moment, &mut canaries) {
            let times = lane.noted.times();
            let found = Search::new(self.strategy, lane, ask, moment, canaries, draw).run();
            if found.is_some() {
                return found;
            }
            // What was noted may have been of a moment ago, or half written: another thread was at it.
            if lane.look_closely(times, moment) {
                let found = Search::new(self.strategy, lane, ask, moment, canaries, draw).run();
                if found.is_some() {
                    return found;
                }
            }
        }
        canaries.free(lane, None);
        None
    }

    /// Passes the doors of the provider and of the model; notes which canaries that took.
    fn enter(&self, lane: &Lane, ask: &Ask<'_>, now: Moment, canaries: &mut Canaries) -> bool {
        let settings = self.endpoint.settings();
        match self.endpoint.health.enter(ask, now, settings) {
            Door::Shut(_) => return false,
            Door::Canary(canary) => canaries.endpoint = Some(canary),
            Door::Open => {}
        }
        match lane.on_provider.health.enter(ask, now, settings) {
            Door::Shut(_) => return false,
            Door::Canary(canary) => canaries.model = Some(canary),
            Door::Open => {}
        }
        true
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
        let terms = Terms { canaries, ignores_circuits: lane.noted.panics(), is_last_resort: false, at_home: false };
        Self { strategy, lane, ask, now, draw, terms, short: Mask::empty(lane.seats.len()) }
    }

    /// Tier by tier; then those whose provider says that too little is left, for it may be wrong.
    fn run(mut self) -> Option<Claim> {
        let lane = self.lane;
        let open = lane.offered(lane.noted.open(), self.ask);
        let half_open = lane.noted.half_open();
        let half_open = if half_open.is_empty() { half_open } else { lane.offered(half_open, self.ask) };
        if let Some(claim) = self.tiers(&open, &half_open) {
            return Some(claim);
        }
        if must_serve(self.ask, &open) {
            self.terms.ignores_circuits = true;
            let benched = lane.offered(lane.noted.benched(), self.ask);
            if let Some(claim) = self.tiers(&benched, &Mask::empty(0)) {
                return Some(claim);
            }
        }
        self.terms.is_last_resort = true;
        let short = self.short;
        self.tiers(&short, &Mask::empty(0))
    }

    fn tiers(&mut self, open: &Mask, half_open: &Mask) -> Option<Claim> {
        let lane = self.lane;
        let good_enough = self.wanting(half_open, open);
        let found = lane.tiers.iter().enumerate().find_map(|(number, tier)| {
            let here = open.within(&tier.range);
            let waiting = good_enough.within(&tier.range);
            let canary = self.canary(&here, &waiting);
            canary.or_else(|| self.tier(number, tier, &here)).or_else(|| self.canary(&Mask::empty(0), &waiting))
        });
        found.or_else(|| self.canary(&Mask::empty(0), half_open))
    }

    /// Of the seats that wait for a canary, those that this call is good enough for while others are open.
    fn wanting(&self, half_open: &Mask, open: &Mask) -> Mask {
        let patience = self.ask.patience();
        let mut wanting = *half_open;
        if half_open.is_empty() || open.is_empty() || patience.is_zero() {
            return wanting;
        }
        let settings = self.lane.endpoint.settings();
        let waits = |index| self.lane.seat(index).map(|seat| seat.waits_since(self.now, settings));
        for index in half_open.iter().filter(|index| waits(*index).is_none_or(|waits| waits < patience)) {
            wanting.clear(index);
        }
        wanting
    }

    /// A key that waits for its canary gets the next call that is good enough, or that has nowhere else to go.
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
            let mut field =
                Field { lane, tier, open, returning, ask, now, draw: self.draw, turn, typical, at_home: false };
            let seat = pick(strategy, &mut field)?;
            let at_home = field.at_home;
            if let Some(claim) = self.take_on(Terms { at_home, ..self.terms }, seat) {
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
        self.take_on(self.terms, seat)
    }

    fn take_on(&mut self, terms: Terms, seat: usize) -> Option<Claim> {
        match Claim::take(self.lane, seat, self.ask, terms, self.now) {
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
