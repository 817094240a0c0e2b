//! Taking a seat: the last look at the key, its canary, its place, its limits. All of it or nothing.

use std::sync::Arc;

use super::{Canaries, Claim, TakenThen};
use crate::ask::Ask;
use crate::circuit::Circuit;
use crate::lane::{Lane, Seat, worse};
use crate::limit::Estimate;
use crate::moment::Moment;
use crate::standing::Fit;

/// On which terms a seat may be taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// Canaries of the model and the provider that the call has taken already.
    pub(crate) canaries: Canaries,
    /// Circuits of keys are ignored.
    pub(crate) ignores_circuits: bool,
    /// Even a key whose provider says that too little is left.
    pub(crate) is_last_resort: bool,
    /// The call's conversation lives there: its prompt is likely cached and needs little room.
    pub(crate) at_home: bool,
}

/// Why a seat was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It rests, or waits for another call's canary, or has no place or limit left.
    Unfit,
    /// Its provider says that too little is left.
    Short,
}

impl Claim {
    /// Takes a seat, or leaves everything as it was. The place at the provider was taken before; the claim has it then.
    pub(crate) fn take(
        lane: &Arc<Lane>,
        index: usize,
        ask: &Ask<'_>,
        terms: Terms,
        now: Moment,
    ) -> Result<Self, Refused> {
        let seat = lane.seat(index).ok_or(Refused::Unfit)?;
        let (need, room_for) = (ask.need(), if terms.at_home { ask.need_at_home() } else { ask.need() });
        if !terms.is_last_resort && seat.room(room_for, now).is_none() {
            return Err(Refused::Short);
        }
        let canaries = pass(seat, terms, lane, now).ok_or(Refused::Unfit)?;
        let taken = match occupy(seat, ask, now) {
            Ok(taken) => taken,
            Err(refused) => {
                Canaries { model: None, endpoint: None, ..canaries }.free(lane, Some(seat));
                return Err(refused);
            }
        };
        let taken_then = TakenThen { account: seat.group.meters.take(need), model: seat.meters.take(need) };
        Ok(Self {
            lane: Arc::clone(lane),
            seat: index,
            began: now,
            need,
            taken,
            canaries,
            taken_then,
            has_content: false,
            stranger: lane.is_shared.then(|| Arc::from(ask.model)),
        })
    }
}

/// Whether the key may be used at this very moment; with which canaries.
fn pass(seat: &Seat, terms: Terms, lane: &Lane, now: Moment) -> Option<Canaries> {
    let settings = lane.endpoint.settings();
    let of_key = seat.key.fitness.fit(now, settings);
    let with_model = seat.on_model.fitness.fit(now, settings);
    match worse(of_key, with_model) {
        Fit::Resting(_) => None,
        _ if seat.is_expired(now) => None,
        Fit::Failing(_) if !terms.ignores_circuits => None,
        Fit::HalfOpen if !terms.ignores_circuits => {
            let take = |circuit: &Circuit, fit| match fit {
                Fit::HalfOpen => circuit.take_canary(now, settings).map(Some),
                _ => Some(None),
            };
            let key = take(&seat.key.fitness.circuit, of_key)?;
            let Some(on_model) = take(&seat.on_model.fitness.circuit, with_model) else {
                Canaries { key, ..Canaries::default() }.free(lane, Some(seat));
                return None;
            };
            Some(Canaries { key, on_model, ..terms.canaries })
        }
        _ => Some(terms.canaries),
    }
}

/// A place and all limits, or none of them.
fn occupy(seat: &Seat, ask: &Ask<'_>, now: Moment) -> Result<Option<crate::limit::Taken>, Refused> {
    seat.key.enter(seat.limits.concurrency).ok_or(Refused::Unfit)?;
    if !seat.is_counted {
        return Ok(None);
    }
    let estimate = Estimate::new(ask.tokens(), ask.cost);
    seat.key.count().take(&seat.limits, estimate, now).map(Some).map_err(|_| {
        seat.key.leave();
        Refused::Unfit
    })
}
