//! OpenAI and everything that copies it: chat (`prompt_tokens`), responses, images and audio (`input_tokens`).

use keyward_domain::dialect::Operation;
use keyward_domain::usage::Usage;

use crate::json::{Count, each, is_null, milliseconds};

use super::{Suspect, members, put, take, take_rest};

/// Counts as they are written, inclusive.
#[derive(Debug, Default)]
struct Counts {
    prompt: Option<u64>,
    completion: Option<u64>,
    total: Option<u64>,
    input: Parts,
    output: Parts,
    /// DeepSeek's and Mistral's ways to say `cached_tokens`.
    cached_elsewhere: Option<u64>,
    milliseconds: Option<u64>,
}

#[derive(Debug, Default)]
struct Parts {
    cached: Option<u64>,
    written: Option<u64>,
    written_long: Option<u64>,
    audio: Option<u64>,
    image: Option<u64>,
    text: Option<u64>,
    reasoning: Option<u64>,
}

pub(super) fn read(operation: Operation, raw: &[u8]) -> Result<Option<Usage>, Suspect> {
    let mut counts = Counts::default();
    members(raw, |key, value| counts.member(key, value))?;
    counts.buckets(operation)
}

/// Searches that the provider's tools made; reported next to the usage (`tool_usage`), not in it.
pub(crate) fn searches(tool_usage: &[u8]) -> u64 {
    let mut searches = None;
    each(tool_usage, |member| {
        if member.key == b"web_search" {
            each(member.value, |member| {
                if member.key == b"num_requests" && put(&mut searches, member.value).is_err() {
                    searches = None;
                }
            });
        }
    });
    searches.unwrap_or(0)
}

impl Counts {
    fn member(&mut self, key: &[u8], value: &[u8]) -> Result<(), Suspect> {
        match key {
            b"prompt_tokens" | b"input_tokens" => put(&mut self.prompt, value),
            b"completion_tokens" | b"output_tokens" => put(&mut self.completion, value),
            b"total_tokens" => put(&mut self.total, value),
            b"prompt_tokens_details" | b"input_tokens_details" | b"input_token_details" => self.input.read(value),
            b"completion_tokens_details" | b"output_tokens_details" | b"output_token_details" => {
                self.output.read(value)
            }
            b"prompt_cache_hit_tokens" | b"num_cached_tokens" => put(&mut self.cached_elsewhere, value),
            b"seconds" => match milliseconds(value) {
                Count::Absent => Ok(()),
                Count::Is(milliseconds) => {
                    self.milliseconds = Some(milliseconds);
                    Ok(())
                }
                Count::Bad => Err(Suspect),
            },
            _ => Ok(()),
        }
    }

    fn buckets(&self, operation: Operation) -> Result<Option<Usage>, Suspect> {
        let mut usage = Usage { input_audio_ms: self.milliseconds.unwrap_or(0), ..Usage::default() };
        if self.prompt.is_none() && self.completion.is_none() {
            return Ok(self.milliseconds.map(|_| usage));
        }
        self.prompt_buckets(&mut usage)?;
        self.completion_buckets(operation, &mut usage)?;
        Ok(Some(usage))
    }

    /// The cache first, then audio and images as far as the cache did not hold them, the rest is text.
    fn prompt_buckets(&self, usage: &mut Usage) -> Result<(), Suspect> {
        let whole = self.prompt.unwrap_or(0);
        let (audio, image) = (self.input.audio.unwrap_or(0), self.input.image.unwrap_or(0));
        if audio > whole || image > whole {
            return Err(Suspect);
        }
        let mut left = whole;
        let mut written = take(&mut left, self.input.written.unwrap_or(0))?;
        usage.cache_write_1h = take(&mut written, self.input.written_long.unwrap_or(0))?;
        usage.cache_write_5m = written;
        usage.cache_read = take(&mut left, self.input.cached.or(self.cached_elsewhere).unwrap_or(0))?;
        usage.input_audio = take_rest(&mut left, audio);
        usage.input_image = take_rest(&mut left, image);
        usage.input_uncached = left;
        Ok(())
    }

    fn completion_buckets(&self, operation: Operation, usage: &mut Usage) -> Result<(), Suspect> {
        let reasoning = self.output.reasoning.unwrap_or(0);
        let mut left = self.completion.unwrap_or(0);
        // xAI counts reasoning beside the completion; the total tells.
        let beside = self.prompt.unwrap_or(0).saturating_add(left).saturating_add(reasoning);
        if reasoning > 0 && self.total == Some(beside) {
            left = left.saturating_add(reasoning);
        }
        usage.reasoning = take(&mut left, reasoning)?;
        match operation {
            Operation::Image if self.output.image.is_none() => {
                usage.output = take(&mut left, self.output.text.unwrap_or(0))?;
                usage.output_image = left;
                return Ok(());
            }
            Operation::Speech if self.output.audio.is_none() => {
                usage.output_audio = left;
                return Ok(());
            }
            _ => {}
        }
        usage.output_audio = take(&mut left, self.output.audio.unwrap_or(0))?;
        usage.output_image = take(&mut left, self.output.image.unwrap_or(0))?;
        usage.output = left;
        Ok(())
    }
}

impl Parts {
    fn read(&mut self, raw: &[u8]) -> Result<(), Suspect> {
        if is_null(raw) {
            return Ok(());
        }
        members(raw, |key, value| match key {
            b"cached_tokens" => put(&mut self.cached, value),
            b"cache_write_tokens" => put(&mut self.written, value),
            b"cache_write_tokens_details" => members(value, |key, value| match key {
                b"ttl_12h_tokens" => put(&mut self.written_long, value),
                _ => Ok(()),
            }),
            b"audio_tokens" => put(&mut self.audio, value),
            b"image_tokens" => put(&mut self.image, value),
            b"text_tokens" => put(&mut self.text, value),
            b"reasoning_tokens" => put(&mut self.reasoning, value),
            _ => Ok(()),
        })
    }
}
