//! What callers send and get.

use keyward_domain::usage::Usage;
use serde::{Deserialize, Serialize};

/// A wish for a lease: a model, or a provider, or both.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    /// As a call would name it: an alias, `provider/model`, or a bare name.
    pub(super) model: Option<String>,
    /// A provider by name.
    pub(super) provider: Option<String>,
    /// How long, in seconds.
    pub(super) ttl_seconds: Option<u64>,
    /// Tokens that will be sent, at most.
    pub(super) max_input_tokens: Option<u64>,
    /// Tokens that will be answered, at most.
    pub(super) max_output_tokens: Option<u64>,
}

/// A lease, as its taker gets it.
#[derive(Serialize)]
pub(super) struct Taken<'a> {
    pub(super) id: String,
    pub(super) object: &'static str,
    pub(super) provider: &'a str,
    /// The provider's own name for the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) model: Option<&'a str>,
    /// The key's name.
    pub(super) key: &'a str,
    /// The key itself.
    pub(super) secret: &'a str,
    pub(super) base_url: String,
    /// RFC 3339.
    pub(super) expires_at: String,
    /// Where to say how it went.
    pub(super) report: String,
}

/// How it went.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Report {
    pub(super) outcome: Went,
    /// The provider's status, when it answered.
    pub(super) status: Option<u16>,
    /// The provider's error body, as it came: judged as the gateway judges its own.
    pub(super) error: Option<serde_json::Value>,
    /// When the provider asked to come back, in seconds.
    pub(super) retry_after_seconds: Option<u64>,
    #[serde(default)]
    pub(super) usage: ReportedUsage,
    /// From sending to the first content, in milliseconds.
    pub(super) first_content_ms: Option<u64>,
    /// From sending to the end, in milliseconds.
    pub(super) duration_ms: Option<u64>,
}

/// In a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Went {
    Succeeded,
    RateLimited,
    Failed,
}

/// What was used, in disjoint counts.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the names that callers send")]
pub(super) struct ReportedUsage {
    /// Prompt tokens that no cache served.
    input_tokens: u64,
    cache_read_tokens: u64,
    cache_write_tokens: u64,
    /// Answer tokens without reasoning.
    output_tokens: u64,
    reasoning_tokens: u64,
}

impl From<ReportedUsage> for Usage {
    fn from(reported: ReportedUsage) -> Self {
        Self {
            input_uncached: reported.input_tokens,
            cache_read: reported.cache_read_tokens,
            cache_write_5m: reported.cache_write_tokens,
            output: reported.output_tokens,
            reasoning: reported.reasoning_tokens,
            ..Self::default()
        }
    }
}

/// A lease that ended.
#[derive(Serialize)]
pub(super) struct Ended<'a> {
    pub(super) id: String,
    pub(super) object: &'static str,
    /// `reported` or `returned`.
    pub(super) state: &'static str,
    /// Dollars; left out when the price is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cost_usd: Option<String>,
    /// What it meant for the key.
    pub(super) outcome: &'a str,
}
