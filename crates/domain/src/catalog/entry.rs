//! One model's entry as a file spells it, and the checks on the way to a [`Model`]. Files are read entry by entry, so
//! that this roomy form never exists for more than one model at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::model::{Capabilities, Kind, Model, Pricing};
use super::prices::{Prices, RateKey, Rates, Search, ServiceClass, Tier, UnitKey, Variant};

/// Rates by class of service. Classes that nobody knows are dropped; rate keys that nobody knows are errors, because a
/// misspelt rate would go uncharged.
type ClassRates = BTreeMap<String, BTreeMap<RateKey, u64>>;

/// An entry. Prices, then facts; facts that nothing here uses are accepted and dropped.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Entry {
    kind: Kind,
    ctx: Option<u64>,
    max_out: Option<u64>,
    caps: Vec<String>,
    deprecated: Option<String>,
    free: bool,
    suspect: bool,
    price: ClassRates,
    tiers: Vec<TierEntry>,
    unit: BTreeMap<UnitKey, u64>,
    search: Option<SearchEntry>,
    mult_permille: BTreeMap<String, u32>,
    variants: Vec<VariantEntry>,
    #[serde(rename = "api")]
    _api: IgnoredAny,
    #[serde(rename = "dims")]
    _dims: IgnoredAny,
    #[serde(rename = "efforts")]
    _efforts: IgnoredAny,
    #[serde(rename = "effort_default")]
    _effort_default: IgnoredAny,
    #[serde(rename = "mod_in")]
    _mod_in: IgnoredAny,
    #[serde(rename = "mod_out")]
    _mod_out: IgnoredAny,
    #[serde(rename = "cache_min")]
    _cache_min: IgnoredAny,
    #[serde(rename = "off_peak")]
    _off_peak: IgnoredAny,
    #[serde(rename = "regions")]
    _regions: IgnoredAny,
    #[serde(rename = "publisher")]
    _publisher: IgnoredAny,
}

#[derive(Deserialize)]
struct TierEntry {
    above: u64,
    #[serde(flatten)]
    rates: ClassRates,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum SearchEntry {
    Flat(u64),
    Sized { low: u64, medium: u64, high: u64 },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct VariantEntry {
    when: BTreeMap<String, String>,
    #[serde(default)]
    price: ClassRates,
    #[serde(default)]
    tiers: Vec<TierEntry>,
    #[serde(default)]
    unit: BTreeMap<UnitKey, u64>,
    #[serde(default, rename = "deprecated")]
    _deprecated: IgnoredAny,
}

impl TryFrom<Entry> for Model {
    type Error = String;

    /// Checks and packs. The error says what is wrong.
    fn try_from(entry: Entry) -> Result<Self, String> {
        let input_only = !entry.kind.bills_answers();
        let variants = entry.variants.into_iter().map(|variant| variant.into_variant(input_only));
        let prices = Prices {
            rates: pack_rates(entry.price),
            tiers: pack_tiers(entry.tiers)?,
            units: entry.unit.into_iter().collect(),
            search: entry.search.map(|search| match search {
                SearchEntry::Flat(price) => Search::Flat(price),
                SearchEntry::Sized { low, medium, high } => Search::Sized([low, medium, high]),
            }),
            multipliers: entry.mult_permille.into_iter().map(|(name, permille)| (name.into(), permille)).collect(),
            variants: variants.collect::<Result<_, _>>()?,
            input_only,
        };
        let pricing = match (entry.free, entry.suspect) {
            (true, _) => Pricing::Free,
            (false, false) if prices.is_positive() => Pricing::Known(Arc::new(prices)),
            _ => Pricing::Unknown,
        };
        Ok(Self {
            kind: entry.kind,
            context: entry.ctx,
            max_output: entry.max_out.map(|most| most.min(entry.ctx.unwrap_or(most))),
            capabilities: Capabilities::from_words(entry.caps.iter().map(String::as_str)),
            deprecated: entry.deprecated.map(Into::into),
            suspect: entry.suspect,
            pricing,
        })
    }
}

impl VariantEntry {
    fn into_variant(self, input_only: bool) -> Result<Variant, String> {
        if self.when.is_empty() {
            return Err("a variant needs conditions in `when`".to_owned());
        }
        Ok(Variant {
            when: self.when.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
            prices: Prices {
                rates: pack_rates(self.price),
                tiers: pack_tiers(self.tiers)?,
                units: self.unit.into_iter().collect(),
                input_only,
                ..Prices::default()
            },
        })
    }
}

fn pack_rates(classes: ClassRates) -> Rates {
    let mut rates: Vec<_> = classes
        .into_iter()
        .filter_map(|(class, keys)| Some((ServiceClass::listed(&class)?, keys)))
        .flat_map(|(class, keys)| keys.into_iter().map(move |(key, price)| (class, key, price)))
        .collect();
    rates.sort_unstable();
    rates.into()
}

fn pack_tiers(tiers: Vec<TierEntry>) -> Result<Box<[Tier]>, String> {
    let mut last = 0;
    for tier in &tiers {
        if tier.above <= last {
            return Err(format!("tiers must begin above 0 and rise: {} after {last}", tier.above));
        }
        last = tier.above;
    }
    Ok(tiers.into_iter().map(|tier| Tier { above: tier.above, rates: pack_rates(tier.rates) }).collect())
}
