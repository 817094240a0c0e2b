//! The law by which a limit shrinks and grows. Integers only, and no clock of its own.

/// The least that a limit shrinks to: an upstream that takes fewer calls at once is a matter of circuits.
pub(super) const FLOOR: u32 = 4;
/// What a cut leaves, in tenths.
const CUT_TO: u64 = 9;
/// Of so many calls that end, one that shows too many is a sign to act upon; fewer come and go.
const ONE_IN: u32 = 20;
/// An upstream that has no limit gets one for so many signs at least: a single refusal is no capacity.
const FIRST_SIGNS: u32 = 3;
/// For so many rounds after a cut it stays below what was too many; and after every so many rounds in a row without a
/// sign the steps double: capacity that came back is not found one by one.
const MANY_ROUNDS: u32 = 8;
/// Doublings of a step, at most.
const MAX_DOUBLINGS: u32 = 16;

/// What is known of how many calls an upstream takes at once.
///
/// Calls that end are counted in **rounds**: as many as the limit is (without one, as are under way). In a round
///
/// - one sign in 20 calls, and at least one, is a **cut**: nine tenths of the limit are left, or of the calls under way
///   where there was no limit yet;
/// - no sign is a **step**: one more, and twice as many after every eight rounds without a sign, if half of the limit is
///   used at all. What was too many is not tried again before eight rounds have passed.
///
/// One burst is one piece of news: what began before a cut is no reason for another. It does tell how far the burst was
/// above what is taken: calls that are refused leave, and those that are left are being served. So until a call succeeds,
/// no more are sent than were left when the last one was refused; and when one of the burst succeeds, the cut becomes nine
/// tenths of those that were under way at that moment.
///
/// Nothing is learned from an upstream that answers nobody: between two cuts some call has to succeed. How many are too
/// many shows where some get through; where none does, the circuit has the word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Learned {
    /// So many, or any number.
    limit: Option<u32>,
    /// The last cut, while a limit is known.
    cut: Option<Cut>,
    /// No call has succeeded since the last cut.
    is_silent: bool,
    /// Calls of this round that succeeded.
    good: u32,
    /// Signs in this round.
    signs: u32,
    /// Rounds in a row without a sign.
    clean: u32,
}

/// A cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cut {
    /// Monotonic time in milliseconds.
    at: u64,
    /// What was too many.
    from: u32,
    /// Calls that were under way when the last one that came after it, and before any success, was refused.
    refused_at: Option<u32>,
}

/// That there are too many calls, as one of them found out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sign {
    /// Calls under way, that one included.
    pub(super) in_flight: u32,
    /// When it began, in milliseconds of monotonic time.
    pub(super) began: u64,
    /// Now, in the same.
    pub(super) now: u64,
}

/// What a sign is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// Nothing: it was known, or nobody gets through.
    Old,
    /// It counts.
    Sign,
    /// It counts, and the limit answers for it: fewer calls will be sent, or nearly none more was.
    Answered,
}

impl Learned {
    /// How many calls may be under way now; `None` for any number.
    pub(super) fn limit(&self) -> Option<u32> {
        let left = self.cut.filter(|_| self.is_silent).and_then(|cut| cut.refused_at);
        let left = left.map_or(u32::MAX, |refused_at| refused_at.saturating_sub(1).max(FLOOR));
        self.limit.map(|limit| limit.min(left))
    }

    /// Whether the ends of calls change anything.
    pub(super) const fn is_learning(&self) -> bool {
        self.limit.is_some() || self.signs > 0 || self.is_silent
    }

    /// One more sign.
    pub(super) fn overloaded(&mut self, sign: Sign) -> News {
        let is_silent = self.is_silent;
        if let Some(cut) = self.cut.as_mut().filter(|cut| is_silent || sign.began <= cut.at) {
            cut.refused_at = Some(sign.in_flight.min(cut.refused_at.unwrap_or(sign.in_flight)));
            return News::Old;
        }
        if is_silent {
            return News::Old;
        }
        self.signs = self.signs.saturating_add(1);
        let (least, answer) = match self.limit {
            None | Some(..=FLOOR) => (FIRST_SIGNS, News::Sign),
            Some(_) => (1, News::Answered),
        };
        if self.signs >= least.max(sign.in_flight / ONE_IN) {
            self.cut(sign);
        }
        answer
    }

    /// A call succeeded that began then, with so many under way; no limit is needed from `most` on.
    pub(super) fn succeeded(&mut self, began: u64, in_flight: u32, most: u32) {
        if std::mem::take(&mut self.is_silent) {
            self.measure(began);
        }
        self.good = self.good.saturating_add(1);
        if self.good < self.limit.unwrap_or(in_flight) {
            return;
        }
        let is_clean = self.signs == 0;
        (self.good, self.signs) = (0, 0);
        match self.limit {
            Some(_) if !is_clean => self.clean = 0,
            Some(limit) if in_flight.saturating_mul(2) >= limit => self.step(limit, most),
            Some(_) | None => {}
        }
    }

    /// It is too long ago: any number again. That nobody got through since is still so.
    pub(super) fn forget(&mut self) {
        *self = Self { is_silent: self.is_silent, ..Self::default() };
    }

    fn cut(&mut self, sign: Sign) {
        let too_many = self.limit.unwrap_or(sign.in_flight);
        (self.good, self.signs, self.clean) = (0, 0, 0);
        if too_many <= FLOOR {
            return;
        }
        self.limit = Some(less_than(too_many));
        self.cut = Some(Cut { at: sign.now, from: too_many, refused_at: None });
        self.is_silent = true;
    }

    /// The first success after a cut. Of a call from before it, it tells what the rest of the burst is worth.
    fn measure(&mut self, began: u64) {
        let Some(cut) = self.cut.as_mut().filter(|cut| began <= cut.at) else { return };
        if let Some(refused_at) = cut.refused_at.filter(|refused_at| *refused_at < cut.from) {
            cut.from = refused_at;
            self.limit = self.limit.map(|limit| less_than(refused_at).min(limit));
        }
    }

    fn step(&mut self, limit: u32, most: u32) {
        let doublings = (self.clean.saturating_sub(1) / MANY_ROUNDS).min(MAX_DOUBLINGS);
        let more = limit.saturating_add((1 << doublings).min(limit));
        let too_many = self.cut.filter(|_| self.clean < MANY_ROUNDS).map(|cut| cut.from);
        let limit = too_many.map_or(more, |too_many| more.min(too_many.saturating_sub(1))).max(limit);
        self.clean = self.clean.saturating_add(1);
        if limit >= most {
            *self = Self::default();
        } else {
            self.limit = Some(limit);
        }
    }
}

/// What a cut leaves of what was too many.
fn less_than(too_many: u32) -> u32 {
    u32::try_from(u64::from(too_many) * CUT_TO / 10).unwrap_or(too_many).max(FLOOR)
}

#[cfg(test)]
mod tests;
