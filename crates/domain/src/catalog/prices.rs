//! Prices in pico-dollars, packed tightly: there are thousands of them and they are read, never changed.

use serde::Deserialize;
use serde_json::{Map, Value};

macro_rules! words {
    ($(#[$type_doc:meta])* $type:ident { $($(#[$doc:meta])* $name:ident = $word:literal),+ $(,)? }) => {
        $(#[$type_doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
        #[repr(u8)]
        pub enum $type { $($(#[$doc])* #[serde(rename = $word)] $name),+ }

        impl $type {
            /// The word that files use.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word),+ }
            }
        }
    };
}

words! {
    /// What a token rate is for, in pico-dollars per token.
    RateKey {
        /// Prompt tokens that no cache served.
        In = "in",
        /// Answer tokens.
        Out = "out",
        /// Prompt tokens that a cache served.
        CacheRead = "cache_read",
        /// Prompt tokens written into a cache for minutes.
        CacheWrite = "cache_write",
        /// Prompt tokens written into a cache for an hour.
        CacheWrite1h = "cache_write_1h",
        /// Reasoning tokens, where they have a rate of their own.
        OutReasoning = "out_reasoning",
        /// Audio tokens heard.
        InAudio = "in_audio",
        /// Audio tokens spoken.
        OutAudio = "out_audio",
        /// Audio tokens that a cache served.
        CacheReadAudio = "cache_read_audio",
        /// Audio tokens written into a cache.
        CacheWriteAudio = "cache_write_audio",
        /// Image tokens seen.
        InImage = "in_image",
        /// Image tokens drawn.
        OutImage = "out_image",
        /// Image tokens that a cache served.
        CacheReadImage = "cache_read_image",
        /// Film tokens seen.
        InVideo = "in_video",
        /// Film tokens made.
        OutVideo = "out_video",
        /// Tokens of cited sources.
        Citation = "citation",
    }
}

words! {
    /// What a price per piece is for, in pico-dollars per piece.
    UnitKey {
        /// A picture drawn.
        Image = "image",
        /// A picture seen.
        InImageEach = "in_image_each",
        /// A picture drawn, in the spelling of some providers.
        OutImageEach = "out_image_each",
        /// A pixel seen.
        InPixel = "in_pixel",
        /// A second heard.
        InSecond = "in_second",
        /// A second spoken; of whisper, the same second that was heard.
        OutSecond = "out_second",
        /// A second of audio heard.
        InAudioSecond = "in_audio_second",
        /// A second of film seen.
        InVideoSecond = "in_video_second",
        /// A character read.
        InChar = "in_char",
        /// A character written.
        OutChar = "out_char",
        /// A search, or a ranking.
        Query = "query",
        /// A call.
        Request = "request",
        /// A look-up on a map.
        MapsQuery = "maps_query",
        /// A text message in a realtime session.
        TextMessage = "text_message",
    }
}

words! {
    /// The class of service in which a call was served; each has rates of its own.
    #[derive(Default)]
    ServiceClass {
        /// What one gets without asking.
        #[default]
        Standard = "std",
        /// Later, for less.
        Batch = "batch",
        /// When there is room, for less.
        Flex = "flex",
        /// Sooner, for more.
        Priority = "priority",
        /// Sooner still.
        Ultrafast = "ultrafast",
        /// Between flex and standard.
        Balanced = "balanced",
        /// Short decisions instead of texts.
        Decisions = "decisions",
    }
}

impl ServiceClass {
    const ALL: [Self; 7] =
        [Self::Standard, Self::Batch, Self::Flex, Self::Priority, Self::Ultrafast, Self::Balanced, Self::Decisions];

    /// The class that a provider's answer names: OpenAI's and Anthropic's `service_tier`, Gemini's `trafficType`. Words
    /// that nobody knows are the standard class.
    pub fn served(word: &str) -> Self {
        let bare = word.get(.."ON_DEMAND_".len()).filter(|head| head.eq_ignore_ascii_case("ON_DEMAND_"));
        let word = bare.and_then(|head| word.get(head.len()..)).unwrap_or(word);
        if word.eq_ignore_ascii_case("fast") {
            return Self::Priority;
        }
        Self::ALL.into_iter().find(|class| class.as_str().eq_ignore_ascii_case(word)).unwrap_or(Self::Standard)
    }

    /// The class of this name in a file.
    pub(super) fn listed(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == word)
    }
}

/// Rates by class of service, sorted by class and key.
pub(super) type Rates = Box<[(ServiceClass, RateKey, u64)]>;

/// What a model costs. Empty parts are simply not priced.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prices {
    pub(super) rates: Rates,
    /// Sorted by `above`.
    pub(super) tiers: Box<[Tier]>,
    pub(super) units: Box<[(UnitKey, u64)]>,
    pub(super) search: Option<Search>,
    pub(super) multipliers: Box<[(Box<str>, u32)]>,
    pub(super) variants: Box<[Variant]>,
    /// Whether answers without a rate are free (embeddings) and not merely of unknown price.
    pub(super) input_only: bool,
}

/// Rates for the whole of a call whose prompt is longer than `above` tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tier {
    pub(super) above: u64,
    pub(super) rates: Rates,
}

/// Prices that apply when all of these hold: a picture's size and quality, a region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Variant {
    pub(super) when: Box<[(Box<str>, Box<str>)]>,
    pub(super) prices: Prices,
}

/// What a search by the provider's own tool costs, by the size of the context that it brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Search {
    /// Always the same.
    Flat(u64),
    /// Low, medium, high.
    Sized([u64; 3]),
}

impl Prices {
    /// The rate in force for exactly this key, in pico-dollars per token: that of the highest tier below the prompt's
    /// length, else the base rate.
    pub fn rate(&self, class: ServiceClass, key: RateKey, prompt_tokens: u64) -> Option<u64> {
        let tier = self.tiers.iter().rev().find(|tier| tier.above < prompt_tokens);
        tier.and_then(|tier| find(&tier.rates, class, key)).or_else(|| find(&self.rates, class, key))
    }

    /// The price of a piece, in pico-dollars.
    pub fn unit(&self, key: UnitKey) -> Option<u64> {
        self.units.iter().find(|(listed, _)| *listed == key).map(|(_, price)| *price)
    }

    /// The price of a search, in pico-dollars; of the middle size where sizes differ, which is what providers use when
    /// the request does not say.
    pub fn search(&self) -> Option<u64> {
        match self.search? {
            Search::Flat(price) | Search::Sized([_, price, _]) => Some(price),
        }
    }

    /// A factor in thousandths that applies to the whole call: `us`, `fast`.
    pub fn multiplier(&self, name: &str) -> Option<u32> {
        self.multipliers.iter().find(|(listed, _)| **listed == *name).map(|(_, permille)| *permille)
    }

    /// The names and factors of everything that may apply to the whole call.
    pub fn multipliers(&self) -> impl Iterator<Item = (&str, u32)> {
        self.multipliers.iter().map(|(name, permille)| (&**name, *permille))
    }

    /// Whether answers cost nothing because only the input is billed.
    pub const fn is_input_only(&self) -> bool {
        self.input_only
    }

    /// Every rate that may apply to a prompt of at most this many tokens, in any class.
    pub(crate) fn rates_up_to(&self, prompt_tokens: u64) -> impl Iterator<Item = (RateKey, u64)> {
        let tiers = self.tiers.iter().filter(move |tier| tier.above < prompt_tokens);
        let all = self.rates.iter().chain(tiers.flat_map(|tier| tier.rates.iter()));
        all.map(|(_, key, price)| (*key, *price))
    }

    /// The variant of which the most conditions hold and none fails.
    pub(crate) fn variant(&self, facts: &[(&str, &str)]) -> Option<&Self> {
        let holds = |variant: &&Variant| {
            variant.when.iter().all(|(name, value)| facts.iter().any(|(n, v)| **name == **n && **value == **v))
        };
        self.variants.iter().filter(holds).max_by_key(|variant| variant.when.len()).map(|variant| &variant.prices)
    }

    /// Every set of prices in here: these, and each variant's.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(self.variants.iter().map(|variant| &variant.prices))
    }

    /// Whether anything in here costs something. If not, the price is unknown: a listed zero of a vendor that bills is
    /// a gap in the list far more often than a gift.
    pub(super) fn is_positive(&self) -> bool {
        let rates = |rates: &Rates| rates.iter().any(|(_, _, price)| *price > 0);
        rates(&self.rates)
            || self.tiers.iter().any(|tier| rates(&tier.rates))
            || self.units.iter().any(|(_, price)| *price > 0)
            || self.variants.iter().any(|variant| variant.prices.is_positive())
    }

    /// Writes the parts of an entry that hold prices.
    pub(super) fn write(&self, entry: &mut Map<String, Value>) {
        if !self.rates.is_empty() {
            entry.insert("price".into(), write_rates(&self.rates).into());
        }
        if !self.tiers.is_empty() {
            let tiers = self.tiers.iter().map(|tier| {
                let mut written = write_rates(&tier.rates);
                written.insert("above".into(), tier.above.into());
                Value::Object(written)
            });
            entry.insert("tiers".into(), tiers.collect());
        }
        if !self.units.is_empty() {
            let units = self.units.iter().map(|(key, price)| (key.as_str().to_owned(), (*price).into()));
            entry.insert("unit".into(), Value::Object(units.collect()));
        }
        match self.search {
            Some(Search::Flat(price)) => drop(entry.insert("search".into(), price.into())),
            Some(Search::Sized([low, medium, high])) => {
                entry.insert("search".into(), serde_json::json!({"low": low, "medium": medium, "high": high}));
            }
            None => {}
        }
        if !self.multipliers.is_empty() {
            let factors = self.multipliers.iter().map(|(name, permille)| (name.to_string(), (*permille).into()));
            entry.insert("mult_permille".into(), Value::Object(factors.collect()));
        }
        if !self.variants.is_empty() {
            entry.insert("variants".into(), self.variants.iter().map(write_variant).collect());
        }
    }
}

fn find(rates: &Rates, class: ServiceClass, key: RateKey) -> Option<u64> {
    rates.iter().find(|(c, k, _)| *c == class && *k == key).map(|(_, _, price)| *price)
}

fn write_rates(rates: &Rates) -> Map<String, Value> {
    let mut written = Map::new();
    for (class, key, price) in rates {
        let class = written.entry(class.as_str()).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(keys) = class {
            keys.insert(key.as_str().into(), (*price).into());
        }
    }
    written
}

fn write_variant(variant: &Variant) -> Value {
    let mut written = Map::new();
    let when = variant.when.iter().map(|(name, value)| (name.to_string(), Value::from(&**value)));
    written.insert("when".into(), Value::Object(when.collect()));
    variant.prices.write(&mut written);
    Value::Object(written)
}
