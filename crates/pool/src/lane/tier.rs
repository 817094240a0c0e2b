//! A tier of a lane: seats that are used before those of the next tier.

use std::ops::Range;

use crate::affinity::Homes;
use crate::chance::Draw;
use crate::lane::Seat;
use crate::mask::Mask;

/// Draws from the table before the open seats are counted through.
const QUICK_DRAWS: usize = 12;

/// Seats of one tier.
#[derive(Debug)]
pub(crate) struct Tier {
    pub(crate) range: Range<usize>,
    /// Where conversations live.
    pub(crate) homes: Homes,
    weights: Box<[u32]>,
    /// For drawing by weight in one step (the alias method); empty when all weights are equal.
    table: Box<[Column]>,
    total: u64,
}

/// One column of the table: below the edge it stands for itself, above it for another seat.
#[derive(Debug, Clone, Copy)]
struct Column {
    edge: u64,
    other: usize,
}

impl Tier {
    /// Divides seats, sorted by tier, into tiers.
    pub(crate) fn divide(seats: impl Iterator<Item = (u8, u32)>) -> Vec<Self> {
        let seats: Vec<_> = seats.collect();
        let mut tiers = Vec::new();
        let mut start = 0;
        for same in seats.chunk_by(|(one, _), (other, _)| one == other) {
            let range = start..start + same.len();
            start = range.end;
            tiers.push(Self::new(range, same.iter().map(|(_, weight)| *weight).collect()));
        }
        tiers
    }

    /// With the accounts of its seats as homes.
    pub(crate) fn with_homes(mut self, seats: &[Seat]) -> Self {
        self.homes = Homes::new(&self.range, seats);
        self
    }

    /// What one call adds to the load of a key with this weight, in thousandths.
    pub(crate) fn load_step(&self, weight: u32) -> u64 {
        let seats = u64::try_from(self.weights.len()).unwrap_or(1).max(1);
        (self.total * 1000 / seats / u64::from(weight.max(1))).max(1)
    }

    /// A seat of the set, drawn in proportion to the weights.
    pub(crate) fn draw(&self, open: &Mask, draw: &mut Draw) -> Option<usize> {
        if self.table.is_empty() {
            let count = open.count();
            return open.nth(draw.index(count));
        }
        for _ in 0..QUICK_DRAWS {
            let seat = self.range.start + self.draw_any(draw);
            if open.has(seat) {
                return Some(seat);
            }
        }
        self.draw_counting(open, draw)
    }

    /// The weights of the seats in a set, together.
    pub(crate) fn weight_of(&self, seats: &Mask) -> u64 {
        seats.iter().map(|seat| self.weight(seat)).sum()
    }

    fn new(range: Range<usize>, weights: Box<[u32]>) -> Self {
        let total = weights.iter().map(|weight| u64::from(*weight)).sum();
        let is_even = weights.windows(2).all(|pair| pair.first() == pair.last());
        let table = if is_even { Box::default() } else { table(&weights, total) };
        Self { range, homes: Homes::default(), weights, table, total }
    }

    fn weight(&self, seat: usize) -> u64 {
        self.weights.get(seat - self.range.start).map_or(0, |weight| u64::from(*weight))
    }

    /// The place in this tier of a seat, open or not.
    fn draw_any(&self, draw: &mut Draw) -> usize {
        let place = draw.index(self.table.len());
        match self.table.get(place) {
            Some(column) if draw.below(self.total) >= column.edge => column.other,
            _ => place,
        }
    }

    fn draw_counting(&self, open: &Mask, draw: &mut Draw) -> Option<usize> {
        let mut left = draw.below(self.weight_of(open));
        open.iter().find(|seat| {
            let weight = self.weight(*seat);
            let is_it = left < weight;
            left = left.saturating_sub(weight);
            is_it
        })
    }
}

/// Vose's alias table in integers: a seat's weight times the number of seats, cut into columns as high as the total.
fn table(weights: &[u32], total: u64) -> Box<[Column]> {
    let count = u64::try_from(weights.len()).unwrap_or(0);
    let mut heights: Vec<u64> = weights.iter().map(|weight| u64::from(*weight) * count).collect();
    let (mut short, mut tall): (Vec<usize>, Vec<usize>) =
        (0..weights.len()).partition(|place| heights.get(*place).is_some_and(|height| *height < total));
    let mut columns = vec![Column { edge: total, other: 0 }; weights.len()];
    while let (Some(low), Some(high)) = (short.pop(), tall.pop()) {
        let edge = heights.get(low).copied().unwrap_or(total);
        if let Some(column) = columns.get_mut(low) {
            *column = Column { edge, other: high };
        }
        let Some(height) = heights.get_mut(high) else { break };
        *height -= total - edge;
        if *height < total { short.push(high) } else { tall.push(high) }
    }
    columns.into()
}
