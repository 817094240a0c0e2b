//! OpenAI itself.

use keyward_domain::provider::ProviderKind;

use crate::preset::Preset;
use crate::verdict::{Rule, Then};

/// How it is known here.
pub const PRESET: Preset = Preset {
    name: "openai",
    kind: ProviderKind::OpenAi,
    base_url: "https://api.openai.com/v1",
    catalog: Some("openai"),
    needs_key: true,
    free: false,
};

/// What its errors mean. Three traps: exhausted credit is a 429, a missing scope is a 401 of a key that works, and
/// limits belong to the organisation, not to the key.
pub static RULES: &[Rule] = &[
    Rule::code("invalid_api_key", Then::Rejected, "the key is wrong, revoked or expired"),
    Rule::code("account_deactivated", Then::Rejected, "the account is closed"),
    Rule::code("missing_scope", Then::NoPermission, "the key's scopes do not cover this endpoint"),
    Rule::code("ip_not_authorized", Then::NoPermission, "this server's address is not on the account's list"),
    Rule::code("mismatched_organization", Then::NoPermission, "the key belongs to another organisation"),
    Rule::code("mismatched_project", Then::NoPermission, "the key belongs to another project"),
    Rule::code("unsupported_country_region_territory", Then::NextDeployment, "not offered in this region"),
    Rule::code("model_not_found", Then::ModelMissing, "this key's project has no such model"),
    Rule::code("insufficient_quota", Then::NoCredit, "the account's quota is used up"),
    Rule::code("credit_balance_exhausted", Then::NoCredit, "the prepaid credit is used up"),
    Rule::code("organization_spend_limit_exceeded", Then::NoCredit, "the organisation's spend limit is reached"),
    Rule::code("project_spend_limit_exceeded", Then::NoCredit, "the project's spend limit is reached"),
    Rule::code("organization_usage_limit_exceeded", Then::NoCredit, "the monthly usage limit is reached"),
    Rule::code("billing_not_active", Then::NoCredit, "billing is not active"),
    Rule::code("billing_hard_limit_reached", Then::NoCredit, "the billing hard limit is reached"),
    Rule::code("slow_down", Then::RateLimited, "the traffic grew too fast"),
    Rule::code("rate_limit_exceeded", Then::RateLimited, "too many requests or tokens"),
    Rule::code("server_is_overloaded", Then::NextDeployment, "the provider is overloaded"),
    Rule::code("context_length_exceeded", Then::Use, "the prompt is too long"),
    Rule::code("content_policy_violation", Then::Use, "refused for its content"),
    Rule::code("moderation_blocked", Then::Use, "refused for its content"),
    Rule::kind("insufficient_quota", Then::NoCredit, "the account's quota is used up"),
    Rule::kind("billing_not_active", Then::NoCredit, "billing is not active"),
    Rule::kind("service_unavailable_error", Then::NextDeployment, "the provider is overloaded"),
    Rule::text(&[401], "missing scopes", Then::NoPermission, "the key's scopes do not cover this endpoint"),
    Rule::text(&[401], "ip not authorized", Then::NoPermission, "this server's address is not on the account's list"),
];
