//! What a provider says is left of its limits, in the headers of an answer. Read by adapters, remembered by the pool.

use std::time::Duration;

use crate::time::Timestamp;

/// Meters that one answer can speak of, at most.
pub const MAX_METERS: usize = 8;

/// What is left, meter by meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quota {
    meters: [Option<Meter>; MAX_METERS],
}

/// One meter of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meter {
    /// What it counts.
    pub counts: Metered,
    /// Over which window, when that is known.
    pub window: Option<Duration>,
    /// How much fits in a window.
    pub limit: Option<u64>,
    /// How much is left.
    pub remaining: u64,
    /// When it is full again, when the provider says so.
    pub resets: Option<Timestamp>,
    /// Whether it counts for this model alone and not for the whole account.
    pub is_models: bool,
}

/// What a meter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Metered {
    /// Requests.
    Requests,
    /// Tokens, input and output.
    Tokens,
    /// Input tokens.
    InputTokens,
    /// Output tokens.
    OutputTokens,
}

impl Metered {
    /// The word that APIs and explanations use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::InputTokens => "input_tokens",
            Self::OutputTokens => "output_tokens",
        }
    }
}

impl Quota {
    /// Adds a meter; those over [`MAX_METERS`] are left out.
    pub fn add(&mut self, meter: Meter) {
        if let Some(free) = self.meters.iter_mut().find(|slot| slot.is_none()) {
            *free = Some(meter);
        }
    }

    /// The meters.
    pub fn meters(&self) -> impl Iterator<Item = &Meter> {
        self.meters.iter().flatten()
    }

    /// Whether the answer said nothing.
    pub fn is_empty(&self) -> bool {
        self.meters().next().is_none()
    }
}
