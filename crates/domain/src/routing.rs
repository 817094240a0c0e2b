//! How a key is chosen, and what an operator says about it: strategies, how many calls a provider gets at once, the terms
//! of a key, fallbacks of an alias.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::money::Nanodollars;
use crate::time::Timestamp;

/// How a pool chooses among its usable keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Affinity first, then headroom, then health, latency and load by weight.
    #[default]
    Adaptive,
    /// One after the other.
    RoundRobin,
    /// The one with the fewest calls in flight.
    LeastUsed,
    /// By chance, in proportion to the weights.
    Weighted,
    /// The one that failed least of late.
    HealthBased,
    /// The cheapest that serves the model.
    CostOptimized,
    /// The better of two drawn by chance: peak EWMA of the time to the first content, times load.
    Latency,
    /// By chance, all alike.
    Random,
    /// Always the first usable one.
    Single,
}

impl Strategy {
    /// Every strategy, the default first.
    pub const ALL: [Self; 9] = [
        Self::Adaptive,
        Self::RoundRobin,
        Self::LeastUsed,
        Self::Weighted,
        Self::HealthBased,
        Self::CostOptimized,
        Self::Latency,
        Self::Random,
        Self::Single,
    ];

    /// The word that config, rows and APIs use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Adaptive => "adaptive",
            Self::RoundRobin => "round_robin",
            Self::LeastUsed => "least_used",
            Self::Weighted => "weighted",
            Self::HealthBased => "health_based",
            Self::CostOptimized => "cost_optimized",
            Self::Latency => "latency",
            Self::Random => "random",
            Self::Single => "single",
        }
    }

    /// The strategy that this word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|strategy| strategy.as_str() == word)
    }
}

/// The most calls at once that an operator may allow a provider.
pub const MAX_AT_ONCE: u32 = 1_000_000;

/// How many calls a provider is sent at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Concurrency {
    /// Any number, until it shows that they are too many; then as many as it takes.
    #[default]
    Adaptive,
    /// The same, and never more than so many.
    UpTo(u32),
    /// Any number, whatever it shows.
    Off,
}

impl std::str::FromStr for Concurrency {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "adaptive" => Ok(Self::Adaptive),
            "off" => Ok(Self::Off),
            number => {
                let number = number.parse().ok().filter(|number| (1..=MAX_AT_ONCE).contains(number));
                number.map(Self::UpTo).ok_or("takes `adaptive`, `off`, or a whole number of calls from 1 to 1000000")
            }
        }
    }
}

impl std::fmt::Display for Concurrency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Adaptive => f.write_str("adaptive"),
            Self::UpTo(most) => write!(f, "{most}"),
            Self::Off => f.write_str("off"),
        }
    }
}

impl TryFrom<String> for Concurrency {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Concurrency> for String {
    fn from(concurrency: Concurrency) -> Self {
        concurrency.to_string()
    }
}

/// On which terms the operator wants a key used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyTerms {
    /// The account whose limits the key shares; keys without one are an account of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quota_group: Option<String>,
    /// Share of the traffic relative to the other keys, 1 to 1000.
    pub weight: u16,
    /// Keys of a lower tier are used first; a higher one only when no key below it is usable.
    pub tier: u8,
    /// Models that the key may be used for, as the provider names them; `*` stands for any text. Empty allows all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
    /// Labels for people and reports.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// What the key may be used for at most.
    pub limits: KeyLimits,
    /// From this moment on the key is not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

impl Default for KeyTerms {
    fn default() -> Self {
        Self {
            quota_group: None,
            weight: 1,
            tier: 0,
            models: Vec::new(),
            tags: BTreeMap::new(),
            limits: KeyLimits::default(),
            expires_at: None,
        }
    }
}

impl KeyTerms {
    /// Whether the key may be used for this model.
    pub fn allows_model(&self, model: &str) -> bool {
        self.models.is_empty() || self.models.iter().any(|pattern| matches_pattern(pattern, model))
    }
}

/// Limits of one provider key; `None` sets none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyLimits {
    /// Requests per minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpm: Option<u32>,
    /// Tokens per minute, input and output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpm: Option<u64>,
    /// Requests per UTC day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpd: Option<u32>,
    /// Calls in flight at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// Cost per UTC day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daily_cost: Option<Nanodollars>,
}

/// Why an alias goes on to a fallback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FallbackClass {
    /// The prompt is longer than the model takes.
    ContextTooLong,
    /// Refused for what the prompt says.
    ContentPolicy,
    /// No capacity: overloaded, limited, or every key rests.
    Overloaded,
    /// Anything that is not the request's own fault.
    Any,
}

impl FallbackClass {
    /// Every class.
    pub const ALL: [Self; 4] = [Self::ContextTooLong, Self::ContentPolicy, Self::Overloaded, Self::Any];

    /// The word that config, rows and APIs use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ContextTooLong => "context_too_long",
            Self::ContentPolicy => "content_policy",
            Self::Overloaded => "overloaded",
            Self::Any => "any",
        }
    }

    /// The class that this word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == word)
    }
}

/// Whether a text fits a pattern in which `*` stands for any text, the empty one included.
pub fn matches_pattern(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::{Concurrency, matches_pattern};

    #[test]
    fn concurrency_is_a_word_or_a_number() {
        let cases = [("adaptive", Concurrency::Adaptive), ("off", Concurrency::Off), ("40", Concurrency::UpTo(40))];
        for (text, meaning) in cases {
            assert_eq!((text.parse(), meaning.to_string().as_str()), (Ok(meaning), text));
            let written = serde_json::to_string(&meaning).unwrap();
            assert_eq!(written, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<Concurrency>(&written).unwrap(), meaning);
        }
        for text in ["", "0", "1000001", "-1", "4.5", "on", "OFF"] {
            assert!(text.parse::<Concurrency>().is_err(), "{text}");
        }
    }

    #[test]
    fn patterns() {
        for (pattern, text, fits) in [
            ("gpt-4o", "gpt-4o", true),
            ("gpt-4o", "gpt-4o-mini", false),
            ("gpt-4o*", "gpt-4o-mini", true),
            ("gpt-4o*", "gpt-4o", true),
            ("*mini", "gpt-4o-mini", true),
            ("*mini", "mini-gpt", false),
            ("gpt*mini*x", "gpt-4o-mini-2x", true),
            ("a*a", "a", false),
            ("*", "", true),
            ("", "x", false),
        ] {
            assert_eq!(matches_pattern(pattern, text), fits, "{pattern} {text}");
        }
    }
}
