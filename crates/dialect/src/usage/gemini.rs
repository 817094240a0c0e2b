//! Gemini: the prompt includes the cache, `candidatesTokenCount` excludes thoughts, what tools fed in is extra input.
//! Fields that are zero are left out.

use keyward_domain::usage::Usage;

use crate::json::{Elements, each, is_null, text};

use super::{Suspect, members, put, take, take_rest};

#[derive(Debug, Default)]
struct Counts {
    prompt: Option<u64>,
    cached: Option<u64>,
    candidates: Option<u64>,
    thoughts: Option<u64>,
    tools: Option<u64>,
    total: Option<u64>,
    prompt_parts: Parts,
    cache_parts: Parts,
    tool_parts: Parts,
    answer_parts: Parts,
}

/// Tokens by modality, as far as they are priced apart.
#[derive(Debug, Default, Clone, Copy)]
struct Parts {
    audio: u64,
    image: u64,
}

pub(super) fn read(raw: &[u8]) -> Result<Option<Usage>, Suspect> {
    let mut counts = Counts::default();
    members(raw, |key, value| counts.member(key, value))?;
    if counts.prompt.is_none() && counts.candidates.is_none() && counts.total.is_none() {
        return Ok(None);
    }
    counts.buckets().map(Some)
}

/// Which kind of capacity served it; stands in for the service tier.
pub(crate) fn traffic(raw: &[u8]) -> Option<Box<str>> {
    let mut traffic = None;
    each(raw, |member| {
        if member.key == b"trafficType" {
            traffic = text(member.value).map(Into::into);
        }
    });
    traffic
}

impl Counts {
    fn member(&mut self, key: &[u8], value: &[u8]) -> Result<(), Suspect> {
        match key {
            b"promptTokenCount" => put(&mut self.prompt, value),
            b"cachedContentTokenCount" => put(&mut self.cached, value),
            b"candidatesTokenCount" | b"responseTokenCount" => put(&mut self.candidates, value),
            b"thoughtsTokenCount" => put(&mut self.thoughts, value),
            b"toolUsePromptTokenCount" => put(&mut self.tools, value),
            b"totalTokenCount" => put(&mut self.total, value),
            b"promptTokensDetails" => self.prompt_parts.read(value),
            b"cacheTokensDetails" => self.cache_parts.read(value),
            b"toolUsePromptTokensDetails" => self.tool_parts.read(value),
            b"candidatesTokensDetails" | b"responseTokensDetails" => self.answer_parts.read(value),
            _ => Ok(()),
        }
    }

    fn buckets(&self) -> Result<Usage, Suspect> {
        let prompt = self.prompt.unwrap_or(0);
        if self.prompt_parts.audio > prompt || self.prompt_parts.image > prompt {
            return Err(Suspect);
        }
        let mut left = prompt;
        let cache_read = take(&mut left, self.cached.unwrap_or(0))?;
        left = left.saturating_add(self.tools.unwrap_or(0));
        let fresh = |whole: u64, cached: u64, tools: u64| whole.saturating_sub(cached).saturating_add(tools);
        let audio = fresh(self.prompt_parts.audio, self.cache_parts.audio, self.tool_parts.audio);
        let image = fresh(self.prompt_parts.image, self.cache_parts.image, self.tool_parts.image);
        let input_audio = take_rest(&mut left, audio);
        let input_image = take_rest(&mut left, image);

        let thoughts = self.thoughts.unwrap_or(0);
        let mut answer = self.candidates.unwrap_or(0);
        // Some models on Vertex count thoughts among the candidates; the total tells.
        let without = prompt.saturating_add(self.tools.unwrap_or(0)).saturating_add(answer);
        if thoughts > 0 && thoughts <= answer && self.total == Some(without) {
            answer -= thoughts;
        }
        Ok(Usage {
            input_uncached: left,
            cache_read,
            input_audio,
            input_image,
            output_audio: take(&mut answer, self.answer_parts.audio)?,
            output_image: take(&mut answer, self.answer_parts.image)?,
            output: answer,
            reasoning: thoughts,
            ..Usage::default()
        })
    }
}

impl Parts {
    fn read(&mut self, list: &[u8]) -> Result<(), Suspect> {
        if is_null(list) {
            return Ok(());
        }
        *self = Self::default();
        for element in Elements::of(list) {
            let (mut tokens, mut slot) = (None, None);
            members(list.get(element).unwrap_or_default(), |key, value| match key {
                b"tokenCount" => put(&mut tokens, value),
                b"modality" => {
                    slot = match value {
                        b"\"AUDIO\"" => Some(true),
                        b"\"IMAGE\"" => Some(false),
                        _ => None,
                    };
                    Ok(())
                }
                _ => Ok(()),
            })?;
            let part = match slot {
                Some(true) => &mut self.audio,
                Some(false) => &mut self.image,
                None => continue,
            };
            *part = part.saturating_add(tokens.unwrap_or(0));
        }
        Ok(())
    }
}
