//! What a prompt weighs, and which part of it a key has sent before.

use std::collections::{HashSet, VecDeque};

use serde_json::Value;

use super::bill::Usage;
use super::text::{BYTES_PER_TOKEN, TOKENS_PER_IMAGE, fingerprint, toy_tokens};

/// Prefixes are remembered at multiples of this many bytes of prompt text (64 tokens).
const CACHE_BLOCK_BYTES: usize = 256;

/// Remembered prefixes over all keys; the oldest is forgotten first.
const MAX_REMEMBERED_PREFIXES: usize = 200_000;

/// How long an explicit cache mark asks to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ttl {
    FiveMinutes,
    OneHour,
}

/// A prompt flattened to one text in reading order: tools, system, turns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Prompt {
    text: String,
    images: u64,
    marks: Vec<(usize, Ttl)>,
    last_user: String,
}

impl Prompt {
    /// Opens a turn; the role weighs as its own letters.
    pub(crate) fn turn(&mut self, role: &str) {
        self.text.push_str(role);
        self.text.push('\n');
        if role == "user" {
            self.last_user.clear();
        }
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
        self.last_user.push_str(text);
    }

    /// Tools, schemas, tool calls and results weigh as their compact JSON.
    pub(crate) fn json(&mut self, value: &Value) {
        self.text.push_str(&value.to_string());
        self.text.push('\n');
    }

    /// An image is filler text made from its content, so that it weighs [`TOKENS_PER_IMAGE`] and caches like text.
    pub(crate) fn image(&mut self, source: &str) {
        let line = format!("{:016x}", fingerprint(&[source.as_bytes()]));
        let weight = usize::try_from(TOKENS_PER_IMAGE).unwrap_or(0) * BYTES_PER_TOKEN;
        let filler: String = line.chars().cycle().take(weight).collect();
        self.text.push_str(&filler);
        self.images += 1;
    }

    /// An explicit cache mark: everything up to here is worth keeping.
    pub(crate) fn mark(&mut self, ttl: Ttl) {
        self.marks.push((self.text.len(), ttl));
    }

    pub(crate) fn tokens(&self) -> u64 {
        toy_tokens(&self.text)
    }

    pub(crate) fn image_tokens(&self) -> u64 {
        self.images * TOKENS_PER_IMAGE
    }

    /// What answers depend on: the model and the whole prompt.
    pub(crate) fn seed(&self, model: &str) -> u64 {
        fingerprint(&[model.as_bytes(), self.text.as_bytes()])
    }

    fn prefix(&self, end: usize) -> &[u8] {
        self.text.as_bytes().get(..end).unwrap_or_default()
    }
}

/// Which prefixes each key has sent. Time plays no part: what was written stays until pushed out.
#[derive(Debug, Default)]
pub(crate) struct PrefixCache {
    known: HashSet<u64>,
    order: VecDeque<u64>,
    off: bool,
}

impl PrefixCache {
    pub(crate) fn switch(&mut self, on: bool) {
        self.off = !on;
    }

    pub(crate) fn clear(&mut self) {
        self.known.clear();
        self.order.clear();
    }

    /// OpenAI's and Gemini's way: whole blocks seen before are read, nothing is charged for writing.
    pub(crate) fn implicit(&mut self, key: &str, model: &str, prompt: &Prompt) -> Usage {
        let total = prompt.tokens();
        let mut usage = Usage { uncached_input: total, image_input: prompt.image_tokens(), ..Usage::default() };
        if self.off {
            return usage;
        }
        let mut read = 0;
        for block in 1..=prompt.text.len() / CACHE_BLOCK_BYTES {
            let end = block * CACHE_BLOCK_BYTES;
            if !self.remember(key, model, prompt.prefix(end)) {
                read = end;
            }
        }
        usage.cache_read = (read / BYTES_PER_TOKEN) as u64;
        usage.uncached_input = total - usage.cache_read;
        usage
    }

    /// Anthropic's way: only marked prefixes are kept; what is new up to the last mark is charged as a write.
    pub(crate) fn explicit(&mut self, key: &str, model: &str, prompt: &Prompt) -> Usage {
        let total = prompt.tokens();
        let mut usage = Usage { uncached_input: total, image_input: prompt.image_tokens(), ..Usage::default() };
        if self.off {
            return usage;
        }
        let tokens = |bytes: usize| (bytes / BYTES_PER_TOKEN) as u64;
        let mut done = 0;
        for (end, ttl) in &prompt.marks {
            let weight = tokens(*end) - tokens(done);
            if !self.remember(key, model, prompt.prefix(*end)) {
                usage.cache_read = tokens(*end);
                usage.cache_write_5m = 0;
                usage.cache_write_1h = 0;
            } else if *ttl == Ttl::OneHour {
                usage.cache_write_1h += weight;
            } else {
                usage.cache_write_5m += weight;
            }
            done = *end;
        }
        usage.uncached_input = total - usage.cache_read - usage.cache_write_5m - usage.cache_write_1h;
        usage
    }

    /// True if the prefix was new.
    fn remember(&mut self, key: &str, model: &str, prefix: &[u8]) -> bool {
        let mark = fingerprint(&[key.as_bytes(), model.as_bytes(), prefix]);
        if !self.known.insert(mark) {
            return false;
        }
        self.order.push_back(mark);
        if self.order.len() > MAX_REMEMBERED_PREFIXES
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(marked: &str, rest: &str) -> Prompt {
        let mut prompt = Prompt::default();
        prompt.turn("system");
        prompt.text(marked);
        prompt.mark(Ttl::FiveMinutes);
        prompt.turn("user");
        prompt.text(rest);
        prompt
    }

    #[test]
    fn implicit_prefixes_are_read_on_the_second_call_of_the_same_key() {
        let mut cache = PrefixCache::default();
        let long = "x".repeat(1000);
        let first = cache.implicit("a", "m", &prompt(&long, "one"));
        assert_eq!(first.cache_read, 0);
        let second = cache.implicit("a", "m", &prompt(&long, "two"));
        assert_eq!(second.cache_read, 192, "three whole blocks of 64 tokens");
        assert_eq!(second.input(), first.input());
        assert_eq!(cache.implicit("b", "m", &prompt(&long, "two")).cache_read, 0, "caches belong to a key");
    }

    #[test]
    fn explicit_marks_are_written_once_and_read_later() {
        let mut cache = PrefixCache::default();
        let first = cache.explicit("a", "m", &prompt("remember this", "one"));
        assert!(first.cache_write_5m > 0 && first.cache_read == 0);
        let second = cache.explicit("a", "m", &prompt("remember this", "another"));
        assert_eq!(second.cache_read, first.cache_write_5m);
        assert_eq!(second.cache_write_5m, 0);
        assert_eq!(second.input(), prompt("remember this", "another").tokens());
    }
}
