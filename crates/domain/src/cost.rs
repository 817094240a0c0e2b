//! What a call cost, and what it can cost at the most. Integers only, and one rounding per attempt: up.
//!
//! The rules are in `catalog/README.md`. In short: the class of service that was *served* chooses the rates, a prompt
//! longer than a tier's threshold moves the *whole* call to that tier, a missing special rate falls back to the general
//! one, and what is billed by tokens is not billed by the piece as well.

use crate::catalog::{Prices, Pricing, RateKey, ServiceClass, UnitKey};
use crate::money::Nanodollars;
use crate::usage::Usage;

/// What is known about how a call was served.
#[derive(Debug, Clone, Copy, Default)]
pub struct ChargeContext<'a> {
    /// The class of service that the answer named.
    pub service: ServiceClass,
    /// The prompt's length in tokens, for the choice of the tier, where it is not the sum of the input buckets (Gemini
    /// counts the prompts of its own tools apart).
    pub prompt_tokens: Option<u64>,
    /// Names of factors for the whole call: Anthropic's `inference_geo` and `speed`.
    pub factors: &'a [&'a str],
    /// Facts that choose a variant: a picture's `size` and `quality`.
    pub facts: &'a [(&'a str, &'a str)],
}

impl ChargeContext<'_> {
    /// The context of a call of which only the served tier is known, in the provider's own word.
    pub fn of_tier(word: Option<&str>) -> Self {
        Self { service: word.map(ServiceClass::served).unwrap_or_default(), ..Self::default() }
    }
}

/// What this usage costs. `None` when the price is unknown, as a whole or of any bucket that is not empty: such a row
/// is shown as unpriced and never counts as free.
pub fn charge(pricing: &Pricing, usage: &Usage, context: &ChargeContext<'_>) -> Option<Nanodollars> {
    match pricing {
        Pricing::Free => Some(Nanodollars::ZERO),
        Pricing::Unknown => None,
        Pricing::Known(prices) => Bill { prices, context, usage }.total(),
    }
}

/// The most that a call can cost before it is sent: every input token at the dearest rate that may apply, the whole
/// output allowance for each candidate at the dearest output rate, whatever the class. `None` when the price is
/// unknown. Searches by the provider's own tools are not in it, because nothing bounds their number beforehand.
///
/// `input_upper_tokens` is at least the number of prompt tokens; the length of the request in bytes always is. For
/// models billed by time or by character it stands for those bytes.
pub fn worst_case(pricing: &Pricing, input_upper_tokens: u64, output_cap: u64, candidates: u32) -> Option<Nanodollars> {
    let prices = match pricing {
        Pricing::Free => return Some(Nanodollars::ZERO),
        Pricing::Unknown => return None,
        Pricing::Known(prices) => prices,
    };
    let candidates = u64::from(candidates.max(1));
    let dearest = |wanted: fn(RateKey) -> bool| {
        let rates = prices.all().flat_map(|prices| prices.rates_up_to(input_upper_tokens));
        rates.filter(|(key, _)| wanted(*key)).map(|(_, price)| price).max()
    };
    let piece = |keys: &[UnitKey]| prices.all().flat_map(|p| keys.iter().filter_map(|key| p.unit(*key))).max();
    let seconds =
        piece(SECONDS).map(|price| Sum::default().of(input_upper_tokens.div_ceil(MIN_BYTES_PER_SECOND), price));
    let characters = piece(CHARACTERS).map(|price| Sum::default().of(input_upper_tokens, price));
    let input = dearest(is_input).map(|price| Sum::default().of(input_upper_tokens, price));
    let pictures = piece(PICTURES).map(|price| Sum::default().of(candidates, price));
    let answer = dearest(is_output).map(|price| Sum::default().of(output_cap.saturating_mul(candidates), price));
    let output = match [answer, pictures].into_iter().flatten().max() {
        Some(output) => output,
        // Nothing says what answers cost. That is fine only where they are not billed, or billed by the input's length.
        None if prices.is_input_only() || seconds.is_some() || characters.is_some() => Sum::default(),
        None => return None,
    };
    let input = [input, seconds, characters].into_iter().flatten().max().unwrap_or_default();
    let call = piece(&[UnitKey::Request]).map(|price| Sum::default().of(1, price)).unwrap_or_default();
    Some(input.and(output).and(call).scaled(dearest_factors(prices)))
}

/// No speech codec in use needs fewer bytes for a second; bounds the length of a recording by its size.
const MIN_BYTES_PER_SECOND: u64 = 500;

const SECONDS: &[UnitKey] = &[UnitKey::InSecond, UnitKey::InAudioSecond, UnitKey::OutSecond];
const CHARACTERS: &[UnitKey] = &[UnitKey::InChar];
const PICTURES: &[UnitKey] = &[UnitKey::Image, UnitKey::OutImageEach];

/// One attempt's bill.
struct Bill<'a> {
    prices: &'a Prices,
    context: &'a ChargeContext<'a>,
    usage: &'a Usage,
}

impl Bill<'_> {
    fn total(&self) -> Option<Nanodollars> {
        if self.usage.is_zero() {
            return Some(Nanodollars::ZERO);
        }
        let call = self.piece(&[UnitKey::Request]).map(|price| Sum::default().of(1, price)).unwrap_or_default();
        let sum = self.input()?.and(self.output()?).and(self.searches()?).and(call);
        let factors = self.context.factors.iter().filter_map(|name| self.prices.multiplier(name));
        Some(sum.scaled(factors))
    }

    /// The prompt: by tokens where there are tokens with a rate, else by the second or the character.
    fn input(&self) -> Option<Sum> {
        let usage = self.usage;
        let buckets = [
            (usage.input_uncached, IN),
            (usage.cache_read, CACHE_READ),
            (usage.cache_write_5m, CACHE_WRITE),
            (usage.cache_write_1h, CACHE_WRITE_1H),
            (usage.input_audio, IN_AUDIO),
            (usage.input_image, IN_IMAGE),
        ];
        let by_tokens = self.tokens(&buckets);
        if usage.prompt_tokens() > 0 && by_tokens.is_some() {
            return by_tokens;
        }
        let mut sum = Sum::default();
        if usage.input_audio_ms > 0 {
            sum = sum.of_thousandths(usage.input_audio_ms, self.piece(SECONDS)?);
        }
        if usage.input_characters > 0 {
            sum = sum.of(usage.input_characters, self.piece(CHARACTERS)?);
        }
        let billed_by_piece = usage.input_audio_ms > 0 || usage.input_characters > 0;
        (billed_by_piece || usage.prompt_tokens() == 0).then_some(sum)
    }

    /// The answer: by tokens where there are tokens with a rate, else by the picture.
    fn output(&self) -> Option<Sum> {
        let usage = self.usage;
        let buckets = [
            (usage.output, OUT),
            (usage.reasoning, OUT_REASONING),
            (usage.output_audio, OUT_AUDIO),
            (usage.output_image, OUT_IMAGE),
        ];
        let by_tokens = self.tokens(&buckets);
        if usage.completion_tokens() > 0 && by_tokens.is_some() {
            return by_tokens;
        }
        if usage.images > 0 {
            return Some(Sum::default().of(usage.images, self.piece(PICTURES)?));
        }
        let nothing_due = usage.completion_tokens() == 0 || self.prices.is_input_only();
        nothing_due.then(Sum::default)
    }

    fn searches(&self) -> Option<Sum> {
        if self.usage.searches == 0 {
            return Some(Sum::default());
        }
        let price = self.prices.search().or_else(|| self.piece(&[UnitKey::Query]))?;
        Some(Sum::default().of(self.usage.searches, price))
    }

    fn tokens(&self, buckets: &[(u64, &[RateKey])]) -> Option<Sum> {
        let filled = buckets.iter().filter(|(tokens, _)| *tokens > 0);
        filled.map(|(tokens, keys)| Some((*tokens, self.rate(keys)?))).try_fold(Sum::default(), |sum, part| {
            let (tokens, rate) = part?;
            Some(sum.of(tokens, rate))
        })
    }

    /// The first of these keys that has a rate: in the class that was served, then in the standard class; of the
    /// variant in force, then of the model itself.
    fn rate(&self, keys: &[RateKey]) -> Option<u64> {
        let prompt = self.context.prompt_tokens.unwrap_or_else(|| self.usage.prompt_tokens());
        let served = self.context.service;
        self.layers().find_map(|prices| {
            [served, ServiceClass::Standard]
                .into_iter()
                .find_map(|class| keys.iter().find_map(|key| prices.rate(class, *key, prompt)))
        })
    }

    fn piece(&self, keys: &[UnitKey]) -> Option<u64> {
        self.layers().find_map(|prices| keys.iter().find_map(|key| prices.unit(*key)))
    }

    fn layers(&self) -> impl Iterator<Item = &Prices> {
        self.prices.variant(self.context.facts).into_iter().chain(std::iter::once(self.prices))
    }
}

// A bucket's rate, then the rates that stand in for it when a price list has no such line.
const IN: &[RateKey] = &[RateKey::In];
const CACHE_READ: &[RateKey] = &[RateKey::CacheRead, RateKey::In];
const CACHE_WRITE: &[RateKey] = &[RateKey::CacheWrite, RateKey::In];
const CACHE_WRITE_1H: &[RateKey] = &[RateKey::CacheWrite1h, RateKey::CacheWrite, RateKey::In];
const IN_AUDIO: &[RateKey] = &[RateKey::InAudio, RateKey::In];
const IN_IMAGE: &[RateKey] = &[RateKey::InImage, RateKey::In];
const OUT: &[RateKey] = &[RateKey::Out];
const OUT_REASONING: &[RateKey] = &[RateKey::OutReasoning, RateKey::Out];
const OUT_AUDIO: &[RateKey] = &[RateKey::OutAudio, RateKey::Out];
const OUT_IMAGE: &[RateKey] = &[RateKey::OutImage, RateKey::Out];

const fn is_input(key: RateKey) -> bool {
    !is_output(key)
}

const fn is_output(key: RateKey) -> bool {
    matches!(key, RateKey::Out | RateKey::OutReasoning | RateKey::OutAudio | RateKey::OutImage | RateKey::OutVideo)
}

/// The factors that can raise a bill the most: the dearest region, and speed on top.
fn dearest_factors(prices: &Prices) -> [u32; 2] {
    let most = |wanted: fn(&str) -> bool| {
        let named = prices.multipliers().filter(|(name, _)| wanted(name)).map(|(_, permille)| permille);
        named.max().unwrap_or(1000).max(1000)
    };
    [most(|name| name != "fast"), most(|name| name == "fast")]
}

/// Femto-dollars (10^-15 USD), so that a price per second can be charged by the millisecond without rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Sum(u128);

const FEMTO_PER_PICO: u128 = 1_000;
const FEMTO_PER_NANO: u128 = 1_000_000;

impl Sum {
    fn of(self, units: u64, picodollars: u64) -> Self {
        Self(self.0.saturating_add((u128::from(units) * u128::from(picodollars)).saturating_mul(FEMTO_PER_PICO)))
    }

    fn of_thousandths(self, thousandths: u64, picodollars: u64) -> Self {
        Self(self.0.saturating_add(u128::from(thousandths) * u128::from(picodollars)))
    }

    fn and(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Applies factors in thousandths and rounds once: up, to whole nano-dollars.
    fn scaled(self, factors: impl IntoIterator<Item = u32>) -> Nanodollars {
        let (femto, divisor) = factors.into_iter().fold((self.0, FEMTO_PER_NANO), |(femto, divisor), permille| {
            (femto.saturating_mul(u128::from(permille)), divisor.saturating_mul(1000))
        });
        Nanodollars(i64::try_from(femto.div_ceil(divisor)).unwrap_or(i64::MAX))
    }
}
