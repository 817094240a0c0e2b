//! How a strategy would share calls among the keys as they are now, without touching them.

use std::sync::Arc;

use keyward_domain::ids::CredentialId;
use keyward_domain::routing::Strategy;
use serde::Serialize;

use crate::ask::Ask;
use crate::chance::Draw;
use crate::mask::Mask;
use crate::moment::Moment;
use crate::nothing::text;
use crate::pool::Pool;
use crate::strategy::{Field, pick};

/// Draws of one simulation, at most.
const MAX_DRAWS: u32 = 1_000_000;

/// How calls would be shared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Simulation {
    /// By which strategy.
    pub strategy: Strategy,
    /// Calls that were drawn.
    pub draws: u32,
    /// Calls for which there was no key.
    pub unserved: u32,
    /// The keys that serve the model, in the order of the configuration.
    pub shares: Vec<Share>,
}

/// What one key would get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Share {
    /// Which key.
    pub credential: CredentialId,
    /// What people call it.
    #[serde(serialize_with = "text")]
    pub name: Arc<str>,
    /// Calls that it would get.
    pub calls: u32,
    /// The same in thousandths of all.
    pub permille: u32,
    /// The least that is left of any of its provider's limits, in thousandths; `None` when too little is.
    pub room_permille: Option<u32>,
}

impl Pool {
    /// Draws calls like `ask`, each a conversation of its own, and counts who would get them if every call ended before
    /// the next began. Takes nothing and changes nothing.
    pub fn simulate(&self, ask: &Ask<'_>, strategy: Strategy, draws: u32, moment: Moment, seed: u64) -> Simulation {
        let draws = draws.min(MAX_DRAWS);
        let lane = self.lane(ask.model, moment);
        lane.look_closely(0, moment);
        let mut draw = Draw::seeded(seed);
        let mut calls = vec![0_u32; lane.seats.len()];
        let open = lane.offered(lane.noted.open(), ask);
        let typical = lane.typical(moment);
        for turn in 0..draws {
            let ask = Ask { affinity: Some(draw.number()), ..*ask };
            let turn = usize::try_from(turn).unwrap_or(0);
            let seat = lane.tiers.iter().find_map(|tier| {
                let open = open.within(&tier.range);
                let mut field = Field {
                    lane: &lane,
                    tier,
                    open,
                    returning: Mask::empty(0),
                    ask: &ask,
                    now: moment,
                    draw: &mut draw,
                    turn,
                    typical,
                    at_home: false,
                };
                if open.is_empty() { None } else { pick(strategy, &mut field) }
            });
            if let Some(count) = seat.and_then(|seat| calls.get_mut(seat)) {
                *count += 1;
            }
        }
        let need = ask.need();
        let share = |index: &usize| {
            let seat = lane.seat(*index)?;
            let calls = calls.get(*index).copied().unwrap_or(0);
            let permille = (u64::from(calls) * 1000).checked_div(draws.into()).unwrap_or(0);
            Some(Share {
                credential: seat.key.credential,
                name: Arc::clone(&seat.name),
                calls,
                permille: u32::try_from(permille).unwrap_or(0),
                room_permille: seat.room(need, moment),
            })
        };
        let shares: Vec<_> = lane.in_order.iter().filter_map(share).collect();
        let unserved = draws - shares.iter().map(|share| share.calls).sum::<u32>();
        Simulation { strategy, draws, unserved, shares }
    }
}
