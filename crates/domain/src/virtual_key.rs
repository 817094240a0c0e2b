//! Virtual keys: what Keyward issues to applications. The record holds keyed hashes only, never a token.

use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::dialect::Operation;
use crate::ids::{TeamId, TenantId, UserId};
use crate::time::Timestamp;
use crate::token::{Environment, TokenId};

/// How many tokens one key may have alive at once: the current one and one in its grace period.
pub const MAX_TOKENS_PER_KEY: usize = 2;

/// A virtual key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualKey {
    /// The clear part of its token; stays the same when it is rotated.
    pub id: TokenId,
    /// Who owns it.
    pub tenant: TenantId,
    /// What people call it; unique within the tenant.
    pub name: String,
    /// `live`, or `test` for the sandbox only.
    pub environment: Environment,
    /// Whether it may be used.
    pub status: KeyStatus,
    /// The hashes that are accepted, newest first.
    pub tokens: Vec<TokenHash>,
    /// What it may do.
    pub grant: Grant,
    /// What happens to the upstream call when the client goes away.
    pub on_disconnect: DisconnectPolicy,
    /// Free labels for attribution, at most 16.
    pub tags: Vec<String>,
    /// The team it belongs to, if it is not the one of its user.
    #[serde(default)]
    pub team: Option<TeamId>,
    /// The user it belongs to.
    #[serde(default)]
    pub user: Option<UserId>,
    /// What its calls may say about themselves.
    #[serde(default)]
    pub claims: Claims,
    /// When it was created.
    pub created_at: Timestamp,
    /// From when it is accepted; `None` means at once.
    pub not_before: Option<Timestamp>,
    /// From when it is no longer accepted; `None` means never.
    pub expires_at: Option<Timestamp>,
    /// Grows by one with every change; `If-Match` compares it.
    pub revision: u64,
}

/// One accepted token of a virtual key or an admin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenHash {
    /// Which pepper of the key ring hashed it.
    pub pepper: u32,
    /// HMAC-SHA-256 over the whole token.
    pub mac: [u8; 32],
    /// From when it is refused; `None` while it is the current one.
    pub expires_at: Option<Timestamp>,
}

/// Whether a key may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyStatus {
    /// In use.
    Active,
    /// Switched off; may be switched on again.
    Disabled,
    /// Gone for good.
    Revoked,
}

/// What a key may do, or everything below a tenant, a team or a user. A child is never wider than its parent: see
/// [`ancestry`](crate::ancestry).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Grant {
    /// Model patterns: exact names (alias, `provider/model` or bare), or a prefix ending in `*`. Empty allows all.
    pub models: Vec<String>,
    /// Operations. Empty allows all but leases, which hand out provider keys and have to be named.
    pub operations: Vec<Operation>,
    /// Networks a call may come from. Empty allows all.
    pub addresses: Vec<IpNet>,
}

/// What the calls of a key may say about themselves, for attribution and for the queue.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Claims {
    /// Whether they may name the caller's own customer (`x-keyward-end-user`).
    pub end_user: bool,
    /// Which tags they may carry (`x-keyward-tags`): exact, or a prefix ending in `*`. Empty allows none.
    pub tags: Vec<String>,
    /// The highest priority that they may ask for (`x-keyward-priority`).
    pub priority: Priority,
}

/// Who goes first when calls have to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// May wait: batches.
    Low,
    /// Like everybody.
    #[default]
    Normal,
    /// Before everybody else.
    High,
}

impl Priority {
    /// Every priority, lowest first.
    pub const ALL: [Self; 3] = [Self::Low, Self::Normal, Self::High];

    /// The word that headers, config and APIs use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }

    /// The priority that this word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|priority| priority.as_str() == word)
    }
}

/// What happens to the upstream call when the client goes away in the middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisconnectPolicy {
    /// Stop the provider at once and settle what was seen: saves money, the figures are estimated.
    #[default]
    Abort,
    /// Read the answer to its end in the background: costs what it costs, the figures are exact.
    Drain,
}

/// Why a known key is not accepted right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inactive {
    /// Switched off by an operator.
    Disabled,
    /// Revoked for good.
    Revoked,
    /// Its time is over.
    Expired,
    /// Its time has not begun.
    NotYetValid,
    /// The token was rotated out and its grace period is over.
    RotatedOut,
}

impl VirtualKey {
    /// Whether the key as a whole is usable at this moment.
    pub fn check_active(&self, now: Timestamp) -> Result<(), Inactive> {
        match self.status {
            KeyStatus::Disabled => return Err(Inactive::Disabled),
            KeyStatus::Revoked => return Err(Inactive::Revoked),
            KeyStatus::Active => {}
        }
        if self.not_before.is_some_and(|at| now < at) {
            return Err(Inactive::NotYetValid);
        }
        if self.expires_at.is_some_and(|at| now >= at) {
            return Err(Inactive::Expired);
        }
        Ok(())
    }

    /// The key with a new current token; the one before it lives on for `grace`, older ones end now.
    #[must_use]
    pub fn rotated(mut self, new: TokenHash, now: Timestamp, grace: Duration) -> Self {
        self.tokens.truncate(MAX_TOKENS_PER_KEY - 1);
        for old in &mut self.tokens {
            let end = now.plus(grace);
            old.expires_at = Some(old.expires_at.map_or(end, |at| at.min(end)));
        }
        self.tokens.insert(0, new);
        self.revision += 1;
        self
    }
}

impl TokenHash {
    /// Whether this token is still accepted at this moment.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|at| now < at)
    }
}

impl Grant {
    /// Whether any of the names that a model goes by (alias, `provider/model`, bare) is allowed.
    pub fn allows_model(&self, names: &[&str]) -> bool {
        self.models.is_empty() || self.models.iter().any(|pattern| names.iter().any(|name| matches(pattern, name)))
    }

    /// Whether this operation is allowed.
    pub fn allows_operation(&self, operation: Operation) -> bool {
        let is_named = self.operations.contains(&operation);
        is_named || (self.operations.is_empty() && operation != Operation::Lease)
    }

    /// Whether this operation is left to those below: a level above keys restricts only what it names.
    pub fn leaves_operation(&self, operation: Operation) -> bool {
        self.operations.is_empty() || self.operations.contains(&operation)
    }

    /// Whether it restricts nothing.
    pub const fn is_open(&self) -> bool {
        self.models.is_empty() && self.operations.is_empty() && self.addresses.is_empty()
    }

    /// Whether everything that this grant names is among what the parent allows; else the field that is wider. What it
    /// leaves open is no claim: there it is as wide as its parent, now and later.
    pub fn is_within(&self, parent: &Self) -> Result<(), &'static str> {
        let models = self.models.iter().all(|model| parent.models.iter().any(|pattern| covers(pattern, model)));
        let operations = self.operations.iter().all(|operation| parent.leaves_operation(*operation));
        let addresses =
            self.addresses.iter().all(|network| parent.addresses.iter().any(|wider| wider.contains(network)));
        if !(parent.models.is_empty() || models) {
            Err("models")
        } else if !operations {
            Err("operations")
        } else if !(parent.addresses.is_empty() || addresses) {
            Err("addresses")
        } else {
            Ok(())
        }
    }

    /// Whether calls from this address are allowed.
    pub fn allows_address(&self, address: std::net::IpAddr) -> bool {
        self.addresses.is_empty() || self.addresses.iter().any(|network| network.contains(&address.to_canonical()))
    }
}

/// Whether every name that `narrow` matches is matched by `wide` too.
fn covers(wide: &str, narrow: &str) -> bool {
    // What the narrow one begins with is the shortest name that it matches.
    narrow.strip_suffix('*').map_or_else(
        || matches(wide, narrow),
        |start| wide.strip_suffix('*').is_some_and(|prefix| start.starts_with(prefix)),
    )
}

/// Exact, or a prefix when the pattern ends in `*`. A star stands for the rest of the name and nothing else, so
/// `openai/*` does not admit `openaix/...`.
pub fn matches(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |prefix| name.starts_with(prefix))
}
