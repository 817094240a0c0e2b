//! The ground truth: what the provider would charge, one line per billed call.

use super::vendor::{Operation, Vendor};

/// How a billed call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ended {
    /// Everything was generated and handed to the network.
    Complete,
    /// The client went away first; what was generated until then is billed.
    ClientLeft,
    /// The script cut the connection or sent an error in the stream; what was generated until then is billed.
    ProviderCut,
}

/// One line of the bill. The input buckets are disjoint: `uncached_input + cache_read + cache_write_5m +
/// cache_write_1h` is the whole prompt, whatever the vendor's wire format includes in what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillLine {
    /// Number of the call in the request log.
    pub call: u64,
    /// Name of the key that pays.
    pub key: String,
    /// The provider's own model id.
    pub model: String,
    /// Whose price list applies.
    pub vendor: Vendor,
    /// What was asked for.
    pub operation: Operation,
    /// Whether the answer was streamed.
    pub streamed: bool,
    /// Prompt tokens at the full price.
    pub uncached_input: u64,
    /// Prompt tokens read from the key's cache.
    pub cache_read: u64,
    /// Prompt tokens written to the cache for five minutes (Anthropic).
    pub cache_write_5m: u64,
    /// Prompt tokens written to the cache for one hour (Anthropic).
    pub cache_write_1h: u64,
    /// Generated tokens, reasoning included.
    pub output: u64,
    /// Tokens of reasoning, within `output`.
    pub reasoning: u64,
    /// Audio tokens, within `uncached_input`.
    pub audio_input: u64,
    /// Image tokens, within `uncached_input`.
    pub image_input: u64,
    /// Images made.
    pub images: u64,
    /// Seconds of audio heard, where the model is billed by duration.
    pub audio_seconds: u64,
    /// Characters spoken, where the model is billed by characters.
    pub characters: u64,
    /// How it ended.
    pub ended: Ended,
}

impl BillLine {
    /// The whole prompt.
    pub fn input(&self) -> u64 {
        self.uncached_input + self.cache_read + self.cache_write_5m + self.cache_write_1h
    }
}

/// What a call uses before anything is generated; the output is counted while it leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Usage {
    pub(crate) uncached_input: u64,
    pub(crate) cache_read: u64,
    pub(crate) cache_write_5m: u64,
    pub(crate) cache_write_1h: u64,
    /// The whole answer once complete, reasoning included.
    pub(crate) output: u64,
    pub(crate) reasoning: u64,
    pub(crate) audio_input: u64,
    pub(crate) image_input: u64,
    pub(crate) images: u64,
    pub(crate) audio_seconds: u64,
    pub(crate) characters: u64,
}

impl Usage {
    pub(crate) fn input(&self) -> u64 {
        self.uncached_input + self.cache_read + self.cache_write_5m + self.cache_write_1h
    }

    /// The same usage with only `output` tokens generated; reasoning comes first.
    pub(crate) fn cut_to(mut self, output: u64) -> Self {
        self.output = output.min(self.output);
        self.reasoning = self.reasoning.min(self.output);
        self
    }
}

/// Everything about a line that is known before the answer leaves.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) call: u64,
    pub(crate) key: String,
    pub(crate) model: String,
    pub(crate) vendor: Vendor,
    pub(crate) operation: Operation,
    pub(crate) streamed: bool,
    pub(crate) usage: Usage,
}

impl Account {
    /// The line for a call of which `generated` tokens left, or `None` where nothing is owed: the operation is free,
    /// or the provider itself broke off before the first token.
    pub(crate) fn line(&self, generated: u64, ended: Ended) -> Option<BillLine> {
        if !self.operation.is_billed() || (ended == Ended::ProviderCut && generated == 0) {
            return None;
        }
        let usage = if ended == Ended::Complete { self.usage } else { self.usage.cut_to(generated) };
        Some(BillLine {
            call: self.call,
            key: self.key.clone(),
            model: self.model.clone(),
            vendor: self.vendor,
            operation: self.operation,
            streamed: self.streamed,
            uncached_input: usage.uncached_input,
            cache_read: usage.cache_read,
            cache_write_5m: usage.cache_write_5m,
            cache_write_1h: usage.cache_write_1h,
            output: usage.output,
            reasoning: usage.reasoning,
            audio_input: usage.audio_input,
            image_input: usage.image_input,
            images: usage.images,
            audio_seconds: usage.audio_seconds,
            characters: usage.characters,
            ended,
        })
    }
}
