//! Which key a call would get and why, without giving it any.

use std::sync::Arc;

use keyward_domain::ids::CredentialId;
use keyward_domain::time::Timestamp;
use serde::Serialize;

use crate::ask::Ask;
use crate::chance::Draw;
use crate::group::Account;
use crate::lane::Lane;
use crate::mask::Mask;
use crate::moment::Moment;
use crate::nothing::{Detail, Why, passed_over, text};
use crate::pool::{Pool, Seated};
use crate::strategy::{Field, pick, score};

/// One key of a pool, as a candidate for a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CandidateView {
    /// Which key.
    pub credential: CredentialId,
    /// What people call it.
    #[serde(serialize_with = "text")]
    pub name: Arc<str>,
    /// The account that it shares its limits with.
    pub account: Account,
    /// Its tier: lower ones go first.
    pub tier: u8,
    /// Its weight.
    pub weight: u32,
    /// What became of it.
    pub choice: Choice,
    /// Why it was skipped.
    #[serde(flatten)]
    pub why: Option<Why>,
    /// When that is over by itself.
    pub back: Option<Timestamp>,
    /// Calls under way.
    pub in_flight: u32,
    /// The average time to the first content, in milliseconds, once known for this model.
    pub latency_ms: Option<u64>,
    /// Failures of late, in thousandths.
    pub failing_permille: u32,
    /// The least that would be left of any of its provider's limits, in thousandths; `None` when too little is.
    pub room_permille: Option<u32>,
}

/// What becomes of a candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// It would serve the call.
    Chosen,
    /// It could, and would be next.
    Ready,
    /// It could not.
    Skipped,
}

impl Pool {
    /// Every key of the pool in the order of preference for this call, the one that would serve it first, and why the
    /// others would not. Takes nothing and changes nothing. Where chance decides, one draw stands for all.
    pub fn explain(&self, ask: &Ask<'_>, moment: Moment) -> Vec<CandidateView> {
        let lane = self.lane(ask.model, moment);
        lane.look_closely(0, moment);
        let whole = self.shut(&lane, ask, moment);
        let mut rows: Vec<_> = self
            .members
            .iter()
            .map(|seated| {
                let passed = passed_over(seated, &lane, ask, Detail::Reason, moment);
                let passed = passed.or_else(|| whole.as_ref().map(|(why, until)| (why.clone(), Some(*until))));
                (self.rank(seated, &lane, ask, moment), view(seated, &lane, ask, passed, moment))
            })
            .collect();
        let chosen = self.peek(&lane, ask, &rows, moment);
        for (_, row) in &mut rows {
            if Some(row.credential) == chosen {
                (row.choice, row.why, row.back) = (Choice::Chosen, None, None);
            }
        }
        rows.sort_by_key(|(rank, row)| (row.choice, row.tier, *rank));
        rows.into_iter().map(|(_, row)| row).collect()
    }

    /// How the strategy ranks a key; lower is better.
    fn rank(&self, seated: &Seated, lane: &Lane, ask: &Ask<'_>, now: Moment) -> u64 {
        let Some(index) = lane.place(seated.member.credential) else { return u64::MAX };
        let Some(tier) = lane.tiers.iter().find(|tier| tier.range.contains(&index)) else { return u64::MAX };
        let open = lane.offered(lane.noted.open(), ask).within(&tier.range);
        let (typical, mut draw) = (lane.typical(now), Draw::seeded(0));
        let field = Field {
            lane,
            tier,
            open,
            returning: Mask::empty(0),
            ask,
            now,
            draw: &mut draw,
            turn: 0,
            typical,
            at_home: false,
        };
        score(self.strategy, &field, index)
    }

    /// The key that would be chosen among those that are ready.
    fn peek(&self, lane: &Lane, ask: &Ask<'_>, rows: &[(u64, CandidateView)], now: Moment) -> Option<CredentialId> {
        let seats_of = |fits: &dyn Fn(&CandidateView) -> bool| {
            let mut seats = Mask::empty(lane.seats.len());
            let fitting = rows.iter().filter(|(_, row)| fits(row)).filter_map(|(_, row)| lane.place(row.credential));
            fitting.for_each(|seat| seats.set(seat));
            seats
        };
        let is_ready = |row: &CandidateView| row.choice == Choice::Ready;
        // A conversation's own home may have room for it where a prompt that is not cached has none.
        let at_home = self.pick(lane, ask, &seats_of(&|row| is_ready(row) || row.why == Some(Why::NoHeadroom)), now);
        let seat = match at_home {
            Some((seat, true)) => seat,
            _ => self.pick(lane, ask, &seats_of(&is_ready), now)?.0,
        };
        lane.seat(seat).map(|seat| seat.key.credential)
    }

    /// The strategy's favourite among these seats, and whether it is the conversation's home.
    fn pick(&self, lane: &Lane, ask: &Ask<'_>, seats: &Mask, now: Moment) -> Option<(usize, bool)> {
        let mut draw = Draw::seeded(ask.affinity.unwrap_or(0));
        let turn = lane.turn.load(std::sync::atomic::Ordering::Relaxed);
        let (typical, returning) = (lane.typical(now), Mask::empty(0));
        lane.tiers.iter().find_map(|tier| {
            let open = seats.within(&tier.range);
            let mut field =
                Field { lane, tier, open, returning, ask, now, draw: &mut draw, turn, typical, at_home: false };
            let seat = if open.is_empty() { None } else { pick(self.strategy, &mut field) };
            seat.map(|seat| (seat, field.at_home))
        })
    }
}

fn view(
    seated: &Seated,
    lane: &Lane,
    ask: &Ask<'_>,
    passed: Option<(Why, Option<Timestamp>)>,
    now: Moment,
) -> CandidateView {
    let seat = lane.place(seated.member.credential).and_then(|index| lane.seat(index));
    let micros = seat.and_then(|seat| seat.on_model.peak.seen(now.monotonic_ms()));
    let (why, back) = passed.map_or((None, None), |(why, back)| (Some(why), back));
    CandidateView {
        credential: seated.member.credential,
        name: Arc::clone(&seated.name),
        account: seated.account,
        tier: seated.member.terms.tier,
        weight: seated.weight(),
        choice: if why.is_some() { Choice::Skipped } else { Choice::Ready },
        why,
        back,
        in_flight: seated.key.in_flight(),
        latency_ms: micros.map(|micros| u64::from(micros / 1000)),
        failing_permille: seated.key.record.failing(now),
        room_permille: seat.and_then(|seat| seat.room(ask.need(), now)),
    }
}
