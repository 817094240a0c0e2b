//! What a call asks of a pool.

use std::time::Duration;

use keyward_domain::ids::CredentialId;
use keyward_domain::money::Nanodollars;

use crate::group::Account;
use crate::headroom::Need;

/// A half-open circuit waits this long for a call that belongs to no conversation: one that does would leave its cache.
const CONVERSATIONS_PATIENCE: Duration = Duration::from_millis(500);
/// And this long for a call that can still go elsewhere when it fails. Not for ever: there may be none.
pub(crate) const LAST_CALLS_PATIENCE: Duration = Duration::from_secs(30);

/// Stands for whatever model, where a key is wanted and no model is named.
pub const ANY_MODEL: &str = "*";

/// What a call asks of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask<'a> {
    /// The model, as the provider names it.
    pub model: &'a str,
    /// A hash of what should stay with one account: an explicit session, a cache key, the stable prefix of the prompt.
    pub affinity: Option<u64>,
    /// Tokens of the prompt, about.
    pub input_tokens: u64,
    /// Tokens of the answer, at most.
    pub output_tokens: u64,
    /// What the call may cost, at most.
    pub cost: Nanodollars,
    /// Keys that were tried in this call already; none of them is chosen again.
    pub tried: &'a [CredentialId],
    /// Accounts that were tried in this call and have nothing left.
    pub avoid: &'a [Account],
    /// The only account that can serve the call: it refers to something that is bound to it.
    pub pin: Option<Account>,
    /// Whether no other deployment could serve the call. A provider that stands alone is never left for a moment's
    /// trouble.
    pub is_alone: bool,
    /// Whether no attempt can follow when this one fails: such a call tries nothing out that may fail again.
    pub is_last: bool,
}

impl<'a> Ask<'a> {
    /// An ask for a model, with nothing else said.
    pub const fn new(model: &'a str) -> Self {
        Self {
            model,
            affinity: None,
            input_tokens: 0,
            output_tokens: 0,
            cost: Nanodollars::ZERO,
            tried: &[],
            avoid: &[],
            pin: None,
            is_alone: false,
            is_last: false,
        }
    }

    /// Tokens that the call may take, input and output.
    pub(crate) const fn tokens(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }

    /// How long a half-open circuit has to wait for better calls before this one may be its canary.
    pub(crate) const fn patience(&self) -> Duration {
        match (self.is_last, self.affinity) {
            (true, _) => LAST_CALLS_PATIENCE,
            (false, Some(_)) => CONVERSATIONS_PATIENCE,
            (false, None) => Duration::ZERO,
        }
    }

    /// What the call takes of a provider's meters.
    pub(crate) const fn need(&self) -> Need {
        Need { input: self.input_tokens, output: self.output_tokens }
    }

    /// The same where the prompt is likely cached: cached tokens count little or nothing.
    pub(crate) const fn need_at_home(&self) -> Need {
        Need { input: 0, output: self.output_tokens }
    }
}
