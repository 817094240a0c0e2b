//! What a call asks of a pool.

use keyward_domain::ids::CredentialId;
use keyward_domain::money::Nanodollars;

use crate::group::Account;

/// Stands for whatever model, where a key is wanted and no model is named.
pub const ANY_MODEL: &str = "*";

/// What a call asks of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask<'a> {
    /// The model, as the provider names it.
    pub model: &'a str,
    /// A hash of what should stay with one account: an explicit session, a cache key, the stable prefix of the prompt.
    pub affinity: Option<u64>,
    /// Tokens that the call may take, input and output, at most.
    pub tokens: u64,
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
}

impl<'a> Ask<'a> {
    /// An ask for a model, with nothing else said.
    pub const fn new(model: &'a str) -> Self {
        Self {
            model,
            affinity: None,
            tokens: 0,
            cost: Nanodollars::ZERO,
            tried: &[],
            avoid: &[],
            pin: None,
            is_alone: false,
        }
    }
}
