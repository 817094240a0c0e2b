//! Anthropic: `input_tokens` excludes the cache, `output_tokens` includes thinking. In a stream the usage of
//! `message_start` is overwritten, field by field, by what later `message_delta` events say; nothing is ever summed.

use keyward_domain::usage::Usage;

use crate::json::Elements;

use super::{Suspect, members, put, take};

/// Counts as they are written, so that later events can overwrite them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    input: Option<u64>,
    cache_read: Option<u64>,
    cache_written: Option<u64>,
    written_5m: Option<u64>,
    written_1h: Option<u64>,
    output: Option<u64>,
    thinking: Option<u64>,
    searches: Option<u64>,
    /// The sum over `iterations`, when there are any.
    iterations: Option<Usage>,
}

pub(super) fn read(raw: &[u8]) -> Result<Option<Usage>, Suspect> {
    let mut counts = Counts::default();
    counts.overwrite(raw)?;
    counts.buckets()
}

impl Counts {
    /// Takes over every field of this usage object that is not `null`.
    pub(crate) fn overwrite(&mut self, raw: &[u8]) -> Result<(), Suspect> {
        let mut next = self.clone();
        members(raw, |key, value| next.member(key, value))?;
        *self = next;
        Ok(())
    }

    /// Forgets the output so far: what `message_start` says about it is a placeholder.
    pub(crate) const fn drop_placeholder(&mut self) {
        self.output = None;
        self.thinking = None;
        self.iterations = None;
    }

    /// The buckets; nothing when no count was given at all.
    pub(crate) fn buckets(&self) -> Result<Option<Usage>, Suspect> {
        if self.input.is_none() && self.output.is_none() && self.cache_read.is_none() && self.cache_written.is_none() {
            return Ok(None);
        }
        let mut usage = self.top()?;
        if let Some(sum) = self.iterations
            && sum.prompt_tokens() >= usage.prompt_tokens()
            && sum.completion_tokens() >= usage.completion_tokens()
        {
            usage = Usage { searches: usage.searches, reasoning: usage.reasoning, ..sum };
            usage.output = sum.completion_tokens() - usage.reasoning;
        }
        Ok(Some(usage))
    }

    /// The buckets of the top-level counts.
    fn top(&self) -> Result<Usage, Suspect> {
        let long = self.written_1h.unwrap_or(0);
        let mut short = self.cache_written.unwrap_or_else(|| self.written_5m.unwrap_or(0).saturating_add(long));
        let long = take(&mut short, long)?;
        let mut output = self.output.unwrap_or(0);
        let reasoning = take(&mut output, self.thinking.unwrap_or(0))?;
        Ok(Usage {
            input_uncached: self.input.unwrap_or(0),
            cache_read: self.cache_read.unwrap_or(0),
            cache_write_5m: short,
            cache_write_1h: long,
            output,
            reasoning,
            searches: self.searches.unwrap_or(0),
            ..Usage::default()
        })
    }

    fn member(&mut self, key: &[u8], value: &[u8]) -> Result<(), Suspect> {
        match key {
            b"input_tokens" => put(&mut self.input, value),
            b"cache_read_input_tokens" => put(&mut self.cache_read, value),
            b"cache_creation_input_tokens" => put(&mut self.cache_written, value),
            b"cache_creation" => members(value, |key, value| match key {
                b"ephemeral_5m_input_tokens" => put(&mut self.written_5m, value),
                b"ephemeral_1h_input_tokens" => put(&mut self.written_1h, value),
                _ => Ok(()),
            }),
            b"output_tokens" => put(&mut self.output, value),
            b"output_tokens_details" => members(value, |key, value| match key {
                b"thinking_tokens" => put(&mut self.thinking, value),
                _ => Ok(()),
            }),
            b"server_tool_use" => members(value, |key, value| match key {
                b"web_search_requests" => put(&mut self.searches, value),
                _ => Ok(()),
            }),
            b"iterations" => self.iterations(value),
            _ => Ok(()),
        }
    }

    /// Compaction and fallback turns are not in the top-level counts; the iterations hold every turn.
    fn iterations(&mut self, list: &[u8]) -> Result<(), Suspect> {
        let mut sum = None;
        for element in Elements::of(list) {
            let mut turn = Self::default();
            members(list.get(element).unwrap_or_default(), |key, value| match key {
                b"iterations" => Ok(()),
                _ => turn.member(key, value),
            })?;
            sum = Some(add(sum.unwrap_or_default(), turn.top()?));
        }
        self.iterations = sum.or(self.iterations);
        Ok(())
    }
}

fn add(a: Usage, b: Usage) -> Usage {
    Usage {
        input_uncached: a.input_uncached.saturating_add(b.input_uncached),
        cache_read: a.cache_read.saturating_add(b.cache_read),
        cache_write_5m: a.cache_write_5m.saturating_add(b.cache_write_5m),
        cache_write_1h: a.cache_write_1h.saturating_add(b.cache_write_1h),
        output: a.output.saturating_add(b.output),
        reasoning: a.reasoning.saturating_add(b.reasoning),
        ..Usage::default()
    }
}
