//! What keeps one key from serving a call.

use keyward_domain::standing::{KeyStanding, Standing};
use keyward_domain::time::Timestamp;

use super::Why;
use crate::ask::Ask;
use crate::lane::{Lane, Seat};
use crate::limit::Estimate;
use crate::moment::Moment;
use crate::pool::Seated;
use crate::standing::{FOR_GOOD, Fit, Fitness};

/// How much is wanted to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Why, in words: takes the lock of a key that rests.
    Reason,
    /// Until when: reads atomics only.
    Time,
}

/// What keeps a key from serving a call, and when that is over by itself; `None` when nothing does.
pub(crate) fn passed_over(
    seated: &Seated,
    lane: &Lane,
    ask: &Ask<'_>,
    detail: Detail,
    now: Moment,
) -> Option<(Why, Option<Timestamp>)> {
    let member = &seated.member;
    if !member.is_in_use() {
        return Some((Why::NotInUse { state: member.state }, None));
    }
    let Some(index) = lane.place(member.credential) else { return Some((Why::NotForModel, None)) };
    let seat = lane.seat(index)?;
    if seat.is_expired(now) {
        return Some((Why::Expired, None));
    }
    if ask.pin.is_some_and(|account| account != seat.account) {
        return Some((Why::OtherAccount, None));
    }
    of_fitness(&seat.key.fitness, false, detail, (lane, ask), now)
        .or_else(|| of_fitness(&seat.on_model.fitness, true, detail, (lane, ask), now))
        .or_else(|| of_limits(seat, ask, now))
        .or_else(|| of_call(seat, ask))
}

fn of_fitness(
    fitness: &Fitness,
    for_model: bool,
    detail: Detail,
    (lane, ask): (&Lane, &Ask<'_>),
    now: Moment,
) -> Option<(Why, Option<Timestamp>)> {
    let settings = lane.endpoint.settings();
    match fitness.fit(now, settings) {
        Fit::Resting(until) => Some(standing(fitness, for_model, until, detail, now)),
        Fit::Failing(until) if !lane.ignores_circuits(ask) => Some(standing(fitness, for_model, until, detail, now)),
        Fit::HalfOpen if fitness.circuit.has_canary_out(now, settings) && !lane.ignores_circuits(ask) => {
            Some((Why::CanaryOut, Some(now.wall.plus(settings.open_first))))
        }
        Fit::Ready | Fit::Returning | Fit::HalfOpen | Fit::Failing(_) => None,
    }
}

fn standing(fitness: &Fitness, for_model: bool, until: i64, detail: Detail, now: Moment) -> (Why, Option<Timestamp>) {
    let back = (until != FOR_GOOD).then(|| Timestamp::from_unix_millis(until));
    let known = if detail == Detail::Reason { fitness.known(now) } else { None };
    let (standing, reason) = match known {
        Some(KeyStanding { standing, reason, .. }) => (standing, reason),
        None => (back.map_or(Standing::Suspect, |until| Standing::Cooling { until }), String::new()),
    };
    (Why::Standing { standing, for_model, reason }, back)
}

fn of_limits(seat: &Seat, ask: &Ask<'_>, now: Moment) -> Option<(Why, Option<Timestamp>)> {
    if seat.limits.concurrency.is_some_and(|places| seat.key.in_flight() >= places) {
        // Nobody knows when a call ends: now is the soonest.
        return Some((Why::Full, (seat.limits.concurrency != Some(0)).then_some(now.wall)));
    }
    let estimate = Estimate::new(ask.tokens(), ask.cost);
    let refusal = seat.key.counters().and_then(|counters| counters.refusal(&seat.limits, estimate, now));
    if let Some((limit, back)) = refusal {
        return Some((Why::Limit { limit: limit.as_str() }, back));
    }
    let need = ask.need();
    seat.room(need, now).is_none().then(|| {
        let back = seat.group.meters.back(need, now).max(seat.meters.back(need, now));
        (Why::NoHeadroom, back)
    })
}

fn of_call(seat: &Seat, ask: &Ask<'_>) -> Option<(Why, Option<Timestamp>)> {
    if ask.tried.contains(&seat.key.credential) {
        return Some((Why::Tried, None));
    }
    ask.avoid.contains(&seat.account).then_some((Why::AccountTried, None))
}
