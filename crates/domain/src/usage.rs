//! What a call consumed, in disjoint buckets: every unit is in exactly one, so cost is a plain dot product.

use serde::{Deserialize, Serialize};

/// Units consumed by one attempt. Buckets never overlap: `input_uncached + cache_read + cache_write_5m +
/// cache_write_1h + input_audio + input_image` is the whole prompt, `output + reasoning + output_audio +
/// output_image` the whole answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Prompt tokens that no cache served (text; audio and images have buckets of their own).
    pub input_uncached: u64,
    /// Prompt tokens read from the provider's prompt cache.
    pub cache_read: u64,
    /// Prompt tokens written to the cache for five minutes (or the provider's only lifetime).
    pub cache_write_5m: u64,
    /// Prompt tokens written to the cache for an hour or longer.
    pub cache_write_1h: u64,
    /// Audio tokens of the prompt.
    pub input_audio: u64,
    /// Image tokens of the prompt, where the provider counts them apart.
    pub input_image: u64,
    /// Answer tokens that are neither reasoning nor audio nor image.
    pub output: u64,
    /// Hidden or visible reasoning tokens of the answer.
    pub reasoning: u64,
    /// Audio tokens of the answer.
    pub output_audio: u64,
    /// Image tokens of the answer.
    pub output_image: u64,
    /// Images produced, where they are billed by the piece.
    pub images: u64,
    /// Milliseconds of audio heard, where input is billed by time.
    pub input_audio_ms: u64,
    /// Characters spoken, where speech is billed by the character.
    pub input_characters: u64,
    /// Searches that a provider-side tool made.
    pub searches: u64,
}

impl Usage {
    /// All prompt tokens.
    pub const fn prompt_tokens(&self) -> u64 {
        self.input_uncached
            .saturating_add(self.cache_read)
            .saturating_add(self.cache_write_5m)
            .saturating_add(self.cache_write_1h)
            .saturating_add(self.input_audio)
            .saturating_add(self.input_image)
    }

    /// All answer tokens.
    pub const fn completion_tokens(&self) -> u64 {
        self.output.saturating_add(self.reasoning).saturating_add(self.output_audio).saturating_add(self.output_image)
    }

    /// Whether nothing at all was consumed.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

/// How the figures of a ledger row came to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageSource {
    /// The provider reported the final usage.
    Provider,
    /// The provider reported part of it before the answer was cut; the rest is estimated from what was seen.
    Partial,
    /// Nothing was reported; the figures are estimated from the request and from what was seen.
    Estimated,
    /// The provider was not asked, refused, or bills nothing for this.
    None,
}

impl UsageSource {
    /// The word that rows, APIs and metrics use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Partial => "partial",
            Self::Estimated => "estimated",
            Self::None => "none",
        }
    }

    /// The source that this word names.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Provider, Self::Partial, Self::Estimated, Self::None].into_iter().find(|s| s.as_str() == word)
    }
}
