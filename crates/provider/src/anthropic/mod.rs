//! Anthropic.

use keyward_domain::provider::ProviderKind;

use crate::preset::Preset;
use crate::verdict::{Rule, Then};

/// How it is known here.
pub const PRESET: Preset = Preset {
    name: "anthropic",
    kind: ProviderKind::Anthropic,
    base_url: "https://api.anthropic.com",
    catalog: Some("anthropic"),
    needs_key: true,
    free: false,
};

/// What its errors mean: `details.error_code` first, then the type; messages only where there is no code. Three traps:
/// a spend limit that the customer set is a 400 without code, the monthly cap is a 429 without `retry-after`, and
/// limits belong to the organisation, not to the key.
pub static RULES: &[Rule] = &[
    Rule::code("enforced_spend_limit_reached", Then::NoCredit, "the monthly spend limit is reached"),
    Rule::code("contract_spend_limit_reached", Then::NoCredit, "the contract's spend limit is reached"),
    Rule::code("linked_organization_billing_unavailable", Then::NoCredit, "the paying organisation cannot pay"),
    Rule::code("linked_organization_spend_limit_reached", Then::NoCredit, "the paying organisation's limit is reached"),
    Rule::code("ramp_limit_exceeded", Then::RateLimited, "the traffic grew too fast"),
    Rule::code("organization_on_hold", Then::Rejected, "the organisation is on hold"),
    Rule::code("claude_code_key_creator_not_member", Then::Rejected, "the key's creator left the organisation"),
    Rule::code("cmek_key_disabled", Then::NoPermission, "the workspace's encryption key is disabled"),
    Rule::code("cmek_key_network_blocked", Then::NoPermission, "the workspace's encryption key cannot be reached"),
    Rule::code("cmek_context_unavailable", Then::NextDeployment, "the workspace's encryption is not available"),
    Rule::code("cmek_key_unreachable", Then::NextDeployment, "the workspace's encryption key cannot be reached"),
    Rule::code("registration_pending", Then::NextDeployment, "the workspace is still being set up"),
    Rule::code("user_profile_billing_not_authorized", Then::NoPermission, "the key may not bill this profile"),
    Rule::code("user_profile_not_billable", Then::NoPermission, "this profile cannot be billed"),
    Rule::code("api_key_scope_missing", Then::NoPermission, "the key's scopes do not cover this"),
    Rule::code("organization_level_scoped_api_key_required", Then::NoPermission, "the key belongs to one workspace"),
    Rule::code("sandbox_egress_restricted", Then::NoPermission, "the key is restricted to a sandbox"),
    Rule::text(&[400], "you have reached your specified", Then::NoCredit, "the spend limit you set is reached"),
    Rule::text(&[400, 402], "credit balance is too low", Then::NoCredit, "the prepaid credit is used up"),
    Rule::text(&[401], "cors requests are not allowed", Then::Use, "the organisation allows no browser requests"),
    Rule::kind("authentication_error", Then::Rejected, "the key is wrong, revoked or expired"),
    Rule::kind("billing_error", Then::NoCredit, "the account has to pay first"),
    Rule::kind("permission_error", Then::NoPermission, "the key may not use this model, workspace or feature"),
    Rule::kind("not_found_error", Then::ModelMissing, "this key's account has no such model").saying("model"),
    Rule::kind("not_found_error", Then::Use, "there is no such thing"),
    Rule::kind("rate_limit_error", Then::RateLimited, "too many requests or tokens"),
    Rule::kind("overloaded_error", Then::NextDeployment, "the provider is overloaded"),
    Rule::kind("api_error", Then::NextDeployment, "the provider failed"),
    Rule::kind("timeout_error", Then::NextDeployment, "the provider timed out"),
    Rule::kind("invalid_request_error", Then::Use, "the request is not valid"),
    Rule::kind("request_too_large", Then::Use, "the request is too large"),
    Rule::kind("conflict_error", Then::Use, "the request conflicts with another"),
];
