//! An account's prompt cache: beginnings of prompts, each kept for some minutes after it was used last.

use std::collections::HashMap;

use keyward_pool::Draw;

use super::traffic::Call;
use super::window::MINUTE_MS;

/// The shortest time that a beginning is kept, and the longest.
const KEPT_MS: (u64, u64) = (5 * MINUTE_MS, 10 * MINUTE_MS);
/// The cache is rid of what is over whenever it has grown to twice what was left the last time.
const SMALLEST: usize = 1024;

/// What an account has seen of late.
pub struct Cache {
    /// Until when each system prompt is kept.
    systems: HashMap<u64, u64>,
    conversations: HashMap<u64, Kept>,
    full: usize,
}

/// A conversation's last prompt.
struct Kept {
    tokens: u64,
    until: u64,
}

impl Default for Cache {
    fn default() -> Self {
        Self { systems: HashMap::new(), conversations: HashMap::new(), full: SMALLEST }
    }
}

impl Cache {
    /// How much of the call's prompt is here; all of it is from now on.
    pub fn serve(&mut self, call: &Call, now: u64) -> u64 {
        let is_system_kept = self.systems.get(&call.system).is_some_and(|until| now < *until);
        let system = if is_system_kept { call.system_tokens } else { 0 };
        let kept = self.conversations.get(&call.conversation).filter(|kept| now < kept.until);
        let cached = kept.map_or(0, |kept| kept.tokens.min(call.repeated)).max(system);
        self.keep(call, now);
        cached
    }

    fn keep(&mut self, call: &Call, now: u64) {
        let (shortest, longest) = KEPT_MS;
        // The same for the same turn, whoever serves it.
        let until = now + shortest + Draw::seeded(call.conversation ^ call.prompt).below(longest - shortest);
        let system = self.systems.entry(call.system).or_default();
        *system = until.max(*system);
        if self.conversations.len() >= self.full {
            self.conversations.retain(|_, kept| now < kept.until);
            self.full = (2 * self.conversations.len()).max(SMALLEST);
        }
        self.conversations.insert(call.conversation, Kept { tokens: call.prompt, until });
    }
}
