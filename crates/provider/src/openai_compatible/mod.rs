//! Everything that speaks OpenAI's API under a base URL of its own: vendors known by name, and any other server.

mod presets;

use keyward_domain::provider::ProviderKind;

use crate::preset::Preset;
use crate::verdict::{MODERATED, OWN_LIMIT, Rule, Then};

pub use presets::PRESETS;

/// A vendor of this kind.
const fn vendor(name: &'static str, base_url: &'static str) -> Preset {
    Preset { name, kind: ProviderKind::OpenAiCompatible, base_url, catalog: Some(name), needs_key: true, free: false }
}

const PROMPT: &[u16] = &[400, 403, 413, 422];
const TOO_LONG: &str = "the prompt is too long";

/// What their errors mean. One table for all: codes and sentences are each vendor's own, so they do not collide, and a
/// server behind an unknown name is usually one of these. What only a status says is at the end, in `BY_STATUS`.
pub static RULES: &[Rule] = &[
    // The prompt is too long: the client's to mend, whatever the status (Together sends 403).
    Rule::code("context_length_exceeded", Then::Use, TOO_LONG),
    Rule::code("token_limit_exceeded", Then::Use, TOO_LONG),
    Rule::code("3059", Then::Use, TOO_LONG),
    Rule::text(PROMPT, "maximum context length is", Then::Use, TOO_LONG),
    Rule::text(PROMPT, "exceed context limit", Then::Use, TOO_LONG),
    Rule::text(PROMPT, "is longer than the model's context length", Then::Use, TOO_LONG),
    Rule::text(PROMPT, "input tokens exceed the configured limit", Then::Use, TOO_LONG),
    Rule::text(PROMPT, "`inputs` tokens + `max_new_tokens` must be", Then::Use, TOO_LONG),
    Rule::text(PROMPT, "exceeds the available context size", Then::Use, TOO_LONG),
    Rule::text(PROMPT, "exceeds the maximum number of tokens allowed", Then::Use, TOO_LONG),
    Rule::text(PROMPT, "while limit is", Then::Use, TOO_LONG),
    Rule::text(PROMPT, "please reduce the length of the messages", Then::Use, TOO_LONG),
    Rule::text(PROMPT, "maximum prompt length is", Then::Use, TOO_LONG),
    Rule::text(PROMPT, "prompt is too long", Then::Use, TOO_LONG),
    Rule::text(&[403], "`max_tokens`", Then::Use, TOO_LONG),
    // OpenRouter: a 402 has three meanings, a 403 may be a budget, and a 429 without its own headers is somebody else's.
    Rule::code("openrouter_in_flight_budget", Then::RateLimited, "too much is in flight"),
    Rule::code("in_flight_budget_exhausted", Then::RateLimited, "too much is in flight"),
    Rule::code("openrouter_credits", Then::NoCredit, "the account's credit is used up"),
    Rule::code("openrouter_key_limit", Then::NoCredit, "the key's own limit is reached"),
    Rule::code("openrouter_guardrail_budget", Then::NoCredit, "a guardrail's budget is used up"),
    Rule::code("openrouter_workspace_budget", Then::NoCredit, "the workspace's budget is used up"),
    Rule::code(MODERATED, Then::Use, "refused for its content"),
    Rule::text(&[429], "temporarily rate-limited upstream", Then::NextDeployment, "the provider behind it is busy"),
    Rule::code("capacity_exhausted", Then::NextDeployment, "the provider behind it is busy"),
    Rule::code("provider_overloaded", Then::NextDeployment, "the provider behind it is busy"),
    Rule::code("provider_unavailable", Then::NextDeployment, "the provider behind it is away"),
    Rule::code(OWN_LIMIT, Then::RateLimited, "too many requests").only(&[429]),
    // xAI: a wrong key is a 400 with two strings, used-up credit a 403 or a 429.
    Rule::text(&[400, 401], "incorrect api key provided", Then::Rejected, "the key is wrong or revoked"),
    Rule::text(&[403, 429], "used all available credits", Then::NoCredit, "the team's credit is used up"),
    Rule::text(&[403, 429], "monthly spending limit", Then::NoCredit, "the team's spend limit is reached"),
    // Mistral: a 429 may be the limit, or capacity that nobody's key can buy.
    Rule::kind("billing_api_budget_exhausted", Then::NoCredit, "the workspace's budget is used up"),
    Rule::code("2303", Then::NoCredit, "the workspace's budget is used up"),
    Rule::kind("service_tier_capacity_exceeded", Then::NextDeployment, "the provider is overloaded"),
    Rule::code("3505", Then::NextDeployment, "the provider is overloaded"),
    Rule::kind("rate_limited", Then::RateLimited, "too many requests or tokens"),
    Rule::kind("invalid_model", Then::ModelMissing, "this key's workspace has no such model"),
    Rule::code("1500", Then::ModelMissing, "this key's workspace has no such model"),
    // Cerebras.
    Rule::code("queue_exceeded", Then::NextDeployment, "the provider is overloaded"),
    Rule::code("wrong_api_key", Then::Rejected, "the key is wrong or revoked"),
    Rule::code("request_quota_exceeded", Then::RateLimited, "the request quota is used up"),
    Rule::code("token_quota_exceeded", Then::RateLimited, "the token quota is used up"),
    // Groq: a 413 is one request larger than the tier allows in a minute; resting the key would not make it fit.
    Rule::on(&[413], Then::Use, "the request is too large"),
    Rule::on(&[498], Then::NextDeployment, "the provider is overloaded"),
    Rule::code("organization_restricted", Then::NoPermission, "the organisation is restricted"),
    Rule::code("model_decommissioned", Then::ModelMissing, "the model was withdrawn"),
    // Fireworks: 412 is a suspended account, or an adapter that failed to load.
    Rule::text(&[412], "suspended", Then::NoCredit, "the account is suspended"),
    Rule::text(&[412], "spending limit", Then::NoCredit, "the account's spend limit is reached"),
    // NVIDIA.
    Rule::text(&[403], "authorization failed", Then::Rejected, "the key is wrong or revoked"),
    Rule::text(&[404], "not found for account", Then::ModelMissing, "this account has no such model"),
    // Perplexity: a key without credit is a 401.
    Rule::text(&[401], "credit", Then::NoCredit, "the account's credit is used up"),
    Rule::text(&[401], "quota", Then::NoCredit, "the account's quota is used up"),
    // DeepSeek and Ollama.
    Rule::text(&[400, 404], "model not exist", Then::ModelMissing, "there is no such model"),
    Rule::text(&[429], "usage limit", Then::RateLimited, "the plan's usage limit is reached"),
    // OpenAI's own words, which most of them have copied.
    Rule::code("invalid_api_key", Then::Rejected, "the key is wrong, revoked or expired"),
    Rule::code("insufficient_quota", Then::NoCredit, "the account's quota is used up"),
    Rule::kind("insufficient_quota", Then::NoCredit, "the account's quota is used up"),
    Rule::code("rate_limit_exceeded", Then::RateLimited, "too many requests or tokens").only(&[429]),
    Rule::code("model_not_found", Then::ModelMissing, "this key's account has no such model"),
    Rule::code("model_not_supported", Then::ModelMissing, "nobody behind it offers the model"),
    Rule::text(&[404], "model", Then::ModelMissing, "there is no such model"),
];
