//! How much is held for a call, and how long its answers may be for that. Pure.
//!
//! Whatever the mode, what is held bounds what is spent: either the cap that the provider is told makes the call that
//! cheap, or the answer is cut off when no more can be held.

use keyward_domain::money::Nanodollars;
use keyward_limit::book::Headroom;

use super::most::Most;
use crate::snapshot::Deployment;

/// Up to so many tokens of output are held at once, if they fit: most calls that say how much they want.
const SMALL_OUTPUT: u64 = 8_192;
/// How much output of a stream is held at a time, in tokens.
const SLICE_OUTPUT: u64 = 4_096;
/// A call with a large cap takes at most this part of what is left, so that others find something too.
const PART: i64 = 4;
/// A cap is not lowered below this, in tokens: a shorter answer is of no use to anybody.
const LEAST_OUTPUT: u64 = 64;
/// Steps of the search for the longest answer that an amount covers.
const SEARCH_STEPS: u32 = 40;

/// What can be done about the length of an answer for which there is not enough money.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Length {
    /// The provider can be told where to stop.
    Told,
    /// It is a stream: it can be ended as well, wherever the money ends.
    Streamed,
    /// Nothing: somebody else speaks to the provider.
    OutOfReach,
}

/// What a call needs at a deployment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Fit {
    /// What is held before it is sent.
    pub(crate) amount: Nanodollars,
    /// The cap that the provider has to be told, in tokens, when it is not the client's own.
    pub(crate) cap: Option<u64>,
    /// What is held of a stream; more has to be held before more is let through. `None` when all is held.
    pub(crate) slice: Option<Slice>,
    /// Whether the answer may be shorter than what was asked for, because there is no money for more.
    pub(crate) is_short: bool,
}

impl Fit {
    /// The cap that the provider is told in the place of a greater one, because there is no money for more.
    pub(crate) fn lowered(&self) -> Option<u64> {
        self.cap.filter(|_| self.is_short && self.slice.is_none())
    }
}

/// The beginning of a stream, in tokens of output of each answer that was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Slice {
    /// What is held.
    pub(crate) held: u64,
    /// What the provider was told at the most: with so much held, all is.
    pub(crate) whole: u64,
}

/// Why a call does not fit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unfit {
    /// Nobody knows what it may cost.
    PriceUnknown,
    /// It needs so much at the least.
    TooDear(Nanodollars),
}

/// What is held for a call that no budget may refuse: the worst case, if it is known.
pub(crate) fn unbounded(most: &Most, target: &Deployment) -> Fit {
    Fit { amount: most.at(target).unwrap_or(Nanodollars::ZERO), cap: None, slice: None, is_short: false }
}

/// What is held for a call that budgets may refuse.
pub(crate) fn within(headroom: Headroom, most: &Most, target: &Deployment, length: Length) -> Result<Fit, Unfit> {
    let call = Call { most, target };
    if length == Length::OutOfReach {
        return call.declared(headroom.left);
    }
    let output = most.output_at(target);
    let whole = call.cost(output)?;
    if whole == Nanodollars::ZERO {
        // Free: nothing is held, and nothing has to be capped.
        return Ok(Fit { amount: whole, cap: None, slice: None, is_short: false });
    }
    let is_small = output.saturating_mul(u64::from(most.candidates())) <= SMALL_OUTPUT;
    if headroom.is_strict || (is_small && whole <= headroom.left) {
        return call.whole(output, whole, headroom.left);
    }
    if length == Length::Streamed && !target.hides_reasoning {
        let fit = call.sliced(output, headroom.left)?;
        // A small one is in pieces only because there is no money for all of it.
        return Ok(Fit { is_short: fit.is_short || is_small, ..fit });
    }
    call.lowered(output, headroom.left)
}

/// Whether a shorter prompt would let the call in, or give it a longer answer. `now` is what it gets with this one.
pub(super) fn hangs_on_prompt(
    headroom: Headroom,
    most: &Most,
    target: &Deployment,
    length: Length,
    now: Option<Fit>,
) -> bool {
    match within(headroom, &most.without_prompt(), target, length) {
        Ok(best) => now.is_none_or(|now| best.cap != now.cap || best.is_short != now.is_short),
        Err(_) => false,
    }
}

impl Slice {
    /// How much more of the answer is held at a time: never more than all of it.
    pub(crate) fn step(&self) -> u64 {
        SLICE_OUTPUT.min(self.whole.saturating_sub(self.held))
    }

    /// What so much more of the answer costs.
    pub(crate) fn price(&self, step: u64, most: &Most, target: &Deployment) -> Nanodollars {
        let cost = |output| most.with_output(target, output).unwrap_or(Nanodollars::ZERO);
        cost(self.held.saturating_add(step)) - cost(self.held)
    }
}

/// A call at a deployment.
struct Call<'a> {
    most: &'a Most,
    target: &'a Deployment,
}

impl Call<'_> {
    /// All that was declared, even if it is more than one answer of the model can be.
    fn declared(&self, left: Nanodollars) -> Result<Fit, Unfit> {
        let amount = self.most.at(self.target).ok_or(Unfit::PriceUnknown)?;
        let fit = Fit { amount, cap: None, slice: None, is_short: false };
        if amount <= left { Ok(fit) } else { Err(Unfit::TooDear(amount)) }
    }

    /// All of it, with the cap that the client set; without one, with the longest answer that is covered.
    fn whole(&self, output: u64, whole: Nanodollars, left: Nanodollars) -> Result<Fit, Unfit> {
        match self.most.output_cap {
            Some(_) if whole > left => Err(Unfit::TooDear(whole)),
            Some(_) => Ok(Fit { amount: whole, cap: self.told(output), slice: None, is_short: false }),
            None if whole <= left => {
                Ok(Fit { amount: whole, cap: Some(self.default_cap(output)), slice: None, is_short: false })
            }
            None => self.covered(output, left),
        }
    }

    /// The beginning of a stream; the rest as it comes.
    fn sliced(&self, output: u64, left: Nanodollars) -> Result<Fit, Unfit> {
        let cap = if self.most.output_cap.is_some() { self.told(output) } else { Some(self.default_cap(output)) };
        let whole = cap.unwrap_or(output);
        let held = SLICE_OUTPUT.min(whole);
        let amount = self.cost(held)?;
        if amount > left {
            return self.covered(held, left);
        }
        Ok(Fit { amount, cap, slice: (held != whole).then_some(Slice { held, whole }), is_short: false })
    }

    /// A part of what is left, but no less than calls mostly need; the provider is told to stop there.
    fn lowered(&self, output: u64, left: Nanodollars) -> Result<Fit, Unfit> {
        let part = self.output_for(Nanodollars(left.0 / PART), output)?.unwrap_or(0);
        let wanted = part.max(SMALL_OUTPUT / u64::from(self.most.candidates())).min(output);
        let amount = self.cost(wanted)?;
        if amount > left {
            return self.covered(wanted, left);
        }
        let told = if wanted == output { self.told(output) } else { Some(wanted) };
        let cap = told.or_else(|| self.most.output_cap.is_none().then(|| self.default_cap(output)));
        Ok(Fit { amount, cap, slice: None, is_short: wanted != output })
    }

    /// The longest answer that the rest covers, if it is of any use.
    fn covered(&self, output: u64, left: Nanodollars) -> Result<Fit, Unfit> {
        let least = self.cost(LEAST_OUTPUT.min(output))?;
        let cap = self.output_for(left, output)?.filter(|cap| *cap >= LEAST_OUTPUT.min(output));
        let Some(cap) = cap else { return Err(Unfit::TooDear(least)) };
        Ok(Fit { amount: self.cost(cap)?, cap: Some(cap), slice: None, is_short: true })
    }

    /// The client's cap as the model can have it: a greater one than the model's own means nothing.
    fn told(&self, output: u64) -> Option<u64> {
        self.most.output_cap.is_some_and(|cap| cap != output).then_some(output)
    }

    /// What the provider is told when the client set no cap: its own limit, less what the prompt takes of the window.
    fn default_cap(&self, output: u64) -> u64 {
        let prompt = self.most.input_tokens();
        let room = self.target.context.map_or(output, |context| context.saturating_sub(prompt));
        output.min(room).max(LEAST_OUTPUT.min(output))
    }

    fn cost(&self, output: u64) -> Result<Nanodollars, Unfit> {
        self.most.with_output(self.target, output).ok_or(Unfit::PriceUnknown)
    }

    /// The longest answer that costs at most this, up to `most`; `None` when even none is too dear.
    fn output_for(&self, amount: Nanodollars, most: u64) -> Result<Option<u64>, Unfit> {
        if self.cost(0)? > amount {
            return Ok(None);
        }
        let (mut fits, mut too_long) = (0, most.saturating_add(1));
        for _ in 0..SEARCH_STEPS {
            if too_long - fits <= 1 {
                break;
            }
            let middle = fits + (too_long - fits) / 2;
            if self.cost(middle)? <= amount { fits = middle } else { too_long = middle }
        }
        Ok(Some(fits))
    }
}
