//! The default. Affinity first: a conversation stays with its account, where its prefix is cached, unless that is short
//! of headroom, overloaded or failing; within the account, with its key, unless that is slow or failing. Else the better
//! of two drawn by weight: more headroom, then health, latency and load.

use std::cmp::Reverse;

use super::{Field, latency, two_choices};
use crate::affinity::Home;
use crate::chance::mix;
use crate::headroom::FULL_ROOM;
use crate::lane::Seat;
use crate::mask::Mask;
use crate::standing::FULL_SHARE;

/// Homes that are tried before affinity gives way to load.
const HOMES: usize = 2;
/// Keys on their way back that are passed over before affinity gives way to load.
const AWAY: usize = 8;
/// A home yields when it has more than this many times its fair share under way, and then some.
const OVERLOAD: u64 = 2;
const OVERLOAD_FLOOR: u64 = 4;
/// A home yields when its key failed more than this of late, in thousandths: about five in a row, or half of all calls.
const FAILING: u32 = 250;
/// Late failures count in steps of this many thousandths: one failure is a step, for some ten seconds.
const FAILING_STEP: u32 = 50;
/// Slowness counts in steps of so many times what is typical, so that an answer that merely takes longer is none.
const SLOW_STEP: u32 = 2;
/// Keys of one account that are looked at when the conversation's own is in trouble.
const SIBLINGS: usize = 16;
/// Headroom is compared in steps of this many thousandths, so that small differences do not decide.
const ROOM_STEP: u32 = 250;

pub(super) fn pick(field: &mut Field<'_>) -> Option<usize> {
    home(field).or_else(|| two_choices::pick(field, score))
}

/// The seat where the conversation lives, if it has one that can take it. Where all fail, it may as well stay.
pub(super) fn home(field: &mut Field<'_>) -> Option<usize> {
    let home = find_home(field);
    field.at_home = home.is_some();
    home
}

fn find_home(field: &Field<'_>) -> Option<usize> {
    let conversation = field.ask.affinity?;
    let mut open: Mask = field.open.or(&field.returning);
    let (mut yielded, mut away, mut failing) = (0, 0, None);
    while yielded < HOMES && away < AWAY {
        let Some(home) = field.tier.homes.home(conversation, &open) else { break };
        let Some(index) = seat_at(field, home, conversation, &open) else { break };
        let Some(seat) = field.seat(index) else { break };
        if field.returning.has(index) && !has_returned(field, conversation, seat) {
            away += 1;
            open.clear(index);
            continue;
        }
        if has_room(field, seat) && !is_overloaded(field, seat) {
            if seat.key.record.failing(field.now) < FAILING {
                return Some(index);
            }
            failing = failing.or(Some(index));
        }
        yielded += 1;
        home.seats.clone().for_each(|seat| open.clear(seat));
    }
    failing
}

/// The conversation's own seat in a home. Its siblings share the account and so the cache: while it is in trouble, one
/// that is in less costs nothing.
fn seat_at(field: &Field<'_>, home: &Home, conversation: u64, open: &Mask) -> Option<usize> {
    let own = home.seat(conversation, open, &field.lane.seats)?;
    if trouble(field, own) == 0 {
        return Some(own);
    }
    let siblings = home.seats.clone().filter(|seat| open.has(*seat) && *seat != own).take(SIBLINGS);
    let hash = |index: usize| field.seat(index).map_or(0, |seat| mix(conversation ^ seat.hash));
    std::iter::once(own).chain(siblings).min_by_key(|index| (trouble(field, *index), Reverse(hash(*index))))
}

/// How much is wrong with a seat: steps of late failures and of slowness.
fn trouble(field: &Field<'_>, index: usize) -> u32 {
    let Some(seat) = field.seat(index) else { return u32::MAX };
    let micros = seat.on_model.peak.read(field.typical, field.now.monotonic_ms());
    let slow = field.typical.map_or(0, |typical| micros / typical.saturating_mul(SLOW_STEP).max(1));
    seat.key.record.failing(field.now) / FAILING_STEP + slow
}

/// Conversations return to a key that is back one after the other, and each for good.
fn has_returned(field: &Field<'_>, conversation: u64, seat: &Seat) -> bool {
    let share = seat.share(field.now, field.lane.endpoint.settings());
    mix(conversation.rotate_left(32) ^ seat.hash) % u64::from(FULL_SHARE) < u64::from(share)
}

/// Lower is better: steps of missing headroom before everything else, then expected time, failures included.
pub(super) fn score(field: &Field<'_>, seat: &Seat) -> u64 {
    let room = seat.room(field.need(), field.now).unwrap_or(0);
    let missing = u64::from((FULL_ROOM - room.min(FULL_ROOM)) / ROOM_STEP);
    let working = u64::from(1000 - seat.key.record.failing(field.now).min(900));
    let time = latency::score(field, seat).saturating_mul(1000) / working;
    (missing << 56) | time.min((1 << 56) - 1)
}

/// Cached tokens count little or nothing, so a long prompt does not drive a conversation from where it is cached; few
/// requests do, or little room for the answer, or an account that has next to nothing left.
fn has_room(field: &Field<'_>, seat: &Seat) -> bool {
    let low = field.lane.endpoint.settings().low_room;
    seat.room(field.ask.need_at_home(), field.now).is_some_and(|room| room >= low)
}

fn is_overloaded(field: &Field<'_>, seat: &Seat) -> bool {
    let under_way = u64::from(seat.key.in_flight());
    if under_way < OVERLOAD_FLOOR {
        return false;
    }
    let all = u64::from(field.lane.endpoint.capacity.in_flight());
    let weights = field.lane.tiers.iter().position(|tier| tier.range == field.tier.range);
    let weights = weights.map_or(1, |tier| field.lane.noted.weight(tier)).max(1);
    under_way > OVERLOAD_FLOOR + OVERLOAD * all * u64::from(seat.weight) / weights
}
