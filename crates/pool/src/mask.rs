//! A set of seats of a lane, on the stack.

use std::ops::Range;

use crate::settings::MAX_MEMBERS;

const WORDS: usize = MAX_MEMBERS / 64;

/// One bit per seat.
#[derive(Clone, Copy)]
pub(crate) struct Mask {
    words: [u64; WORDS],
    used: usize,
}

impl Mask {
    /// The set whose words these are.
    pub(crate) fn of(words: impl Iterator<Item = u64>) -> Self {
        let mut mask = Self { words: [0; WORDS], used: 0 };
        for (slot, word) in mask.words.iter_mut().zip(words) {
            *slot = word;
            mask.used += 1;
        }
        mask
    }

    /// The empty set over this many seats.
    pub(crate) fn empty(seats: usize) -> Self {
        Self { words: [0; WORDS], used: seats.div_ceil(64).min(WORDS) }
    }

    pub(crate) fn words(&self) -> &[u64] {
        self.words.get(..self.used).unwrap_or_default()
    }

    pub(crate) fn has(&self, seat: usize) -> bool {
        self.words.get(seat / 64).is_some_and(|word| word & (1 << (seat % 64)) != 0)
    }

    pub(crate) fn set(&mut self, seat: usize) {
        if let Some(word) = self.words.get_mut(seat / 64) {
            *word |= 1 << (seat % 64);
        }
    }

    pub(crate) fn clear(&mut self, seat: usize) {
        if let Some(word) = self.words.get_mut(seat / 64) {
            *word &= !(1 << (seat % 64));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words().iter().all(|word| *word == 0)
    }

    pub(crate) fn count(&self) -> usize {
        self.words().iter().map(|word| ones(*word)).sum()
    }

    /// The seats of this set that lie in a range.
    pub(crate) fn within(&self, range: &Range<usize>) -> Self {
        let mut part = Self::empty(self.used * 64);
        let words = range.start / 64..range.end.div_ceil(64).min(self.used);
        for index in words {
            let (Some(from), Some(to)) = (self.words.get(index), part.words.get_mut(index)) else { break };
            *to = from & word_of(range, index);
        }
        part
    }

    pub(crate) fn without(mut self, other: &Self) -> Self {
        self.words.iter_mut().zip(other.words()).for_each(|(word, other)| *word &= !other);
        self
    }

    pub(crate) fn or(mut self, other: &Self) -> Self {
        self.words.iter_mut().zip(other.words()).for_each(|(word, other)| *word |= other);
        self
    }

    pub(crate) fn and(mut self, other: &Self) -> Self {
        self.words.iter_mut().zip(other.words()).for_each(|(word, other)| *word &= other);
        self
    }

    /// The seat that has this many members of the set before it.
    pub(crate) fn nth(&self, mut position: usize) -> Option<usize> {
        for (index, word) in self.words().iter().enumerate() {
            let here = ones(*word);
            if position < here {
                return Some(index * 64 + nth_bit(*word, position));
            }
            position -= here;
        }
        None
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> {
        self.words().iter().enumerate().flat_map(|(index, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = usize::try_from(rest.trailing_zeros()).ok().filter(|_| rest != 0)?;
                rest &= rest - 1;
                Some(index * 64 + bit)
            })
        })
    }
}

fn ones(word: u64) -> usize {
    usize::try_from(word.count_ones()).unwrap_or(0)
}

fn nth_bit(mut word: u64, position: usize) -> usize {
    for _ in 0..position {
        word &= word.wrapping_sub(1);
    }
    usize::try_from(word.trailing_zeros()).unwrap_or(0)
}

/// The bits of the word at `index` that lie in a range.
fn word_of(range: &Range<usize>, index: usize) -> u64 {
    let from = range.start.saturating_sub(index * 64).min(64);
    let to = range.end.saturating_sub(index * 64).min(64);
    below(to) & !below(from)
}

fn below(bit: usize) -> u64 {
    if bit >= 64 { u64::MAX } else { (1 << bit) - 1 }
}

#[cfg(test)]
mod tests {
    use super::Mask;

    #[test]
    fn sets_of_seats() {
        let mut mask = Mask::empty(200);
        for seat in [0, 63, 64, 130, 199] {
            mask.set(seat);
        }
        assert_eq!(mask.iter().collect::<Vec<_>>(), [0, 63, 64, 130, 199]);
        assert_eq!(mask.count(), 5);
        assert_eq!((mask.nth(1), mask.nth(4), mask.nth(5)), (Some(63), Some(199), None));
        let part = mask.within(&(63..131));
        assert_eq!(part.iter().collect::<Vec<_>>(), [63, 64, 130]);
        assert_eq!(mask.without(&part).iter().collect::<Vec<_>>(), [0, 199]);
        assert_eq!(mask.and(&part).count(), 3);
        mask.clear(0);
        assert!(!mask.has(0) && mask.has(199) && !mask.is_empty());
        assert!(mask.within(&(5..60)).is_empty());
    }
}
