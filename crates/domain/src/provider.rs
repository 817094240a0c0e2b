//! Providers as the operator configured them. How each kind is spoken to is `keyward-provider`'s business.

use serde::{Deserialize, Serialize};

use crate::dialect::Dialect;
use crate::ids::{ProviderId, TenantId};
use crate::judgement::RuleOverride;
use crate::origin::BaseUrl;
use crate::routing::{Concurrency, Strategy};
use crate::time::Timestamp;

/// The sort of server behind a provider; decides which adapter speaks to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// api.openai.com.
    OpenAi,
    /// api.anthropic.com.
    Anthropic,
    /// generativelanguage.googleapis.com.
    Gemini,
    /// Anything that speaks OpenAI's API under a base URL.
    OpenAiCompatible,
    /// The built-in provider for trying things out: deterministic, free, in all dialects.
    Sandbox,
}

impl ProviderKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::OpenAi, Self::Anthropic, Self::Gemini, Self::OpenAiCompatible, Self::Sandbox];

    /// The word that config, rows and APIs use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::OpenAiCompatible => "openai_compatible",
            Self::Sandbox => "sandbox",
        }
    }

    /// The kind that this word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Whether requests in this dialect can be passed to it unchanged.
    pub const fn speaks(self, dialect: Dialect) -> bool {
        match self {
            Self::OpenAi | Self::OpenAiCompatible => matches!(dialect, Dialect::OpenAi),
            Self::Anthropic => matches!(dialect, Dialect::Anthropic),
            Self::Gemini => matches!(dialect, Dialect::Gemini),
            Self::Sandbox => true,
        }
    }

    /// The dialect it speaks by nature.
    pub const fn native_dialect(self) -> Dialect {
        match self {
            Self::OpenAi | Self::OpenAiCompatible | Self::Sandbox => Dialect::OpenAi,
            Self::Anthropic => Dialect::Anthropic,
            Self::Gemini => Dialect::Gemini,
        }
    }
}

/// A provider as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// Its id.
    pub id: ProviderId,
    /// Who owns it.
    pub tenant: TenantId,
    /// What people and `provider/model` names call it; unique, lower-case.
    pub name: String,
    /// The sort of server.
    pub kind: ProviderKind,
    /// Where it is. Changing it voids the provider's keys until they are entered again.
    pub base_url: BaseUrl,
    /// Whether calls may be routed to it.
    pub enabled: bool,
    /// Declared free by the operator: a model without a price costs 0 here instead of being unknown.
    pub free: bool,
    /// How a key of its pool is chosen.
    #[serde(default)]
    pub strategy: Strategy,
    /// How many calls it is sent at once.
    #[serde(default)]
    pub concurrency: Concurrency,
    /// What the operator says that its answers mean, before any table.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleOverride>,
    /// Which part of the price catalog describes it (`openai`, `groq`, ...); `None` when no part does.
    pub catalog: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Grows by one with every change.
    pub revision: u64,
}
