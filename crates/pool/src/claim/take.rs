//! Taking a seat: the last look at the key, its canary, its place, its limits. All of it or nothing.

use std::sync::Arc;

use super::{Canaries, Claim, TakenThen};
use crate::ask::Ask;
use crate::headroom::Need;
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
    /// Takes a seat, or leaves everything as it was.
    pub(crate) fn take(
        lane: &Arc<Lane>,
        index: usize,
        ask: &Ask<'_>,
        terms: Terms,
        now: Moment,
    ) -> Result<Self, Refused> {
        let seat = lane.seat(index).ok_or(Refused::Unfit)?;
        let need = Need { tokens: ask.tokens };
        if !terms.is_last_resort && seat.room(need, now).is_none() {
            return Err(Refused::Short);
        }
        let (key, on_model) = pass(seat, terms.ignores_circuits, lane, now).ok_or(Refused::Unfit)?;
        let taken = match occupy(seat, ask, now) {
            Ok(taken) => taken,
            Err(refused) => {
                free(seat, key, on_model);
                return Err(refused);
            }
        };
        let taken_then = TakenThen { account: seat.group.meters.take(need), model: seat.meters.take(need) };
        let canaries = Canaries { key, on_model, ..terms.canaries };
        Ok(Self {
            lane: Arc::clone(lane),
            seat: index,
            began: now,
            need,
            taken,
            canaries,
            taken_then,
            has_content: false,
        })
    }
}

/// Whether the key may be used at this very moment; with which canaries.
fn pass(seat: &Seat, ignores_circuits: bool, lane: &Lane, now: Moment) -> Option<(bool, bool)> {
    let settings = lane.endpoint.settings();
    let of_key = seat.key.fitness.fit(now, settings);
    let with_model = seat.on_model.fitness.fit(now, settings);
    match worse(of_key, with_model) {
        Fit::Resting(_) => None,
        _ if seat.is_expired(now) => None,
        Fit::Failing(_) if !ignores_circuits => None,
        Fit::HalfOpen if !ignores_circuits => {
            let key = of_key == Fit::HalfOpen;
            let on_model = with_model == Fit::HalfOpen;
            if key && !seat.key.fitness.circuit.take_canary(now, settings) {
                return None;
            }
            if on_model && !seat.on_model.fitness.circuit.take_canary(now, settings) {
                free(seat, key, false);
                return None;
            }
            Some((key, on_model))
        }
        _ => Some((false, false)),
    }
}

fn free(seat: &Seat, key: bool, on_model: bool) {
    if key {
        seat.key.fitness.circuit.free_canary();
    }
    if on_model {
        seat.on_model.fitness.circuit.free_canary();
    }
}

/// A place and all limits, or none of them.
fn occupy(seat: &Seat, ask: &Ask<'_>, now: Moment) -> Result<Option<crate::limit::Taken>, Refused> {
    seat.key.enter(seat.limits.concurrency).ok_or(Refused::Unfit)?;
    if !seat.is_counted {
        return Ok(None);
    }
    let estimate = Estimate::new(ask.tokens, ask.cost);
    seat.key.count().take(&seat.limits, estimate, now).map(Some).map_err(|_| {
        seat.key.leave();
        Refused::Unfit
    })
}
