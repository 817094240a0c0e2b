//! Strategies: which of the open seats of a tier a call is offered next. Each is one file, a function of what is noted,
//! the ask and the draw; taking the seat is the claim's affair.

mod adaptive;
mod cost_optimized;
mod health_based;
mod latency;
mod least_used;
mod random;
mod round_robin;
mod single;
mod two_choices;
mod weighted;

use keyward_domain::routing::Strategy;

use crate::ask::Ask;
use crate::chance::Draw;
use crate::headroom::Need;
use crate::lane::{Lane, Seat, Tier};
use crate::mask::Mask;
use crate::moment::Moment;

/// What a strategy chooses from.
pub(crate) struct Field<'a> {
    pub(crate) lane: &'a Lane,
    pub(crate) tier: &'a Tier,
    /// The seats on offer, all of this tier.
    pub(crate) open: Mask,
    /// Seats on their way back, which only conversations that live there may take: one after the other returns.
    pub(crate) returning: Mask,
    pub(crate) ask: &'a Ask<'a>,
    pub(crate) now: Moment,
    pub(crate) draw: &'a mut Draw,
    /// Whose turn it is, for those who take turns.
    pub(crate) turn: usize,
    /// What is typical in this lane, read once.
    pub(crate) typical: Option<u32>,
    /// The strategy found the conversation's home, where its prompt is likely cached.
    pub(crate) at_home: bool,
}

/// The seat to be offered next; `None` when none is open.
pub(crate) fn pick(strategy: Strategy, field: &mut Field<'_>) -> Option<usize> {
    match strategy {
        Strategy::Adaptive => adaptive::pick(field),
        Strategy::RoundRobin => round_robin::pick(field),
        Strategy::LeastUsed => least_used::pick(field),
        Strategy::Weighted => weighted::pick(field),
        Strategy::HealthBased => health_based::pick(field),
        Strategy::CostOptimized => cost_optimized::pick(field),
        Strategy::Latency => latency::pick(field),
        Strategy::Random => random::pick(field),
        Strategy::Single => single::pick(field),
    }
}

impl<'a> Field<'a> {
    /// A seat, which is one of the lane's.
    pub(crate) fn seat(&self, index: usize) -> Option<&'a Seat> {
        self.lane.seat(index)
    }

    pub(crate) const fn need(&self) -> Need {
        self.ask.need()
    }
}

/// How good a seat is under a strategy, for explanations: less is better, equal is equal.
pub(crate) fn score(strategy: Strategy, field: &Field<'_>, index: usize) -> u64 {
    let Some(seat) = field.seat(index) else { return u64::MAX };
    match strategy {
        Strategy::Adaptive => adaptive::score(field, seat),
        Strategy::LeastUsed => least_used::score(seat),
        Strategy::HealthBased => health_based::score(field, seat),
        Strategy::CostOptimized => cost_optimized::score(field, seat),
        Strategy::Latency => latency::score(field, seat),
        Strategy::Weighted => u64::MAX - u64::from(seat.weight),
        Strategy::Single => field.lane.in_order.iter().position(|seat| *seat == index).map_or(u64::MAX, |at| at as u64),
        Strategy::RoundRobin | Strategy::Random => 0,
    }
}
