//! Anthropic.

use keyward_domain::provider::ProviderKind;

use crate::judgement::{Reset, Rule, Then};
use crate::preset::Preset;

/// How it is known here.
pub const PRESET: Preset = Preset {
    name: "anthropic",
    kind: ProviderKind::Anthropic,
    base_url: "https://api.anthropic.com",
    catalog: Some("anthropic"),
    needs_key: true,
    free: false,
};

const DOCS: &str = "Anthropic: errors, and the SDK's table of error codes";

/// What its errors mean: `details.error_code` first, then the type; messages only where there is no code. Three traps:
/// a spend limit that the customer set is a 400 without code, the monthly cap is a 429 without `retry-after`, and
/// limits belong to the organisation and a class of models, not to the key.
pub static RULES: &[Rule] = &[
    // Resumes at 00:00 UTC on the first of the month.
    Rule::code("enforced_spend_limit_reached", Then::spent(Reset::UtcMonth), "the monthly spend limit is reached"),
    Rule::code("contract_spend_limit_reached", Then::NO_CREDIT, "the contract's spend limit is reached"),
    Rule::code("linked_organization_billing_unavailable", Then::NO_CREDIT, "the paying organisation cannot pay")
        .documented(DOCS),
    Rule::code(
        "linked_organization_spend_limit_reached",
        Then::spent(Reset::UtcMonth),
        "the paying organisation's limit is reached",
    ),
    Rule::code("ramp_limit_exceeded", Then::ACCOUNT_LIMITED, "the traffic grew too fast"),
    Rule::code("organization_on_hold", Then::CLOSED, "the organisation is on hold"),
    Rule::code("claude_code_key_creator_not_member", Then::REJECTED, "the key's creator left the organisation"),
    Rule::code("cmek_key_disabled", Then::ACCOUNT_BARRED, "the workspace's encryption key is disabled"),
    Rule::code("cmek_key_network_blocked", Then::ACCOUNT_BARRED, "the workspace's encryption key cannot be reached")
        .documented(DOCS),
    Rule::code("cmek_context_unavailable", Then::FAILED, "the workspace's encryption is not available")
        .documented(DOCS),
    Rule::code("cmek_key_unreachable", Then::FAILED, "the workspace's encryption key cannot be reached"),
    Rule::code("registration_pending", Then::FAILED, "the workspace is still being set up").documented(DOCS),
    Rule::code("user_profile_billing_not_authorized", Then::NO_PERMISSION, "the key may not bill this profile")
        .documented(DOCS),
    Rule::code("user_profile_not_billable", Then::BAD_REQUEST, "this profile cannot be billed").documented(DOCS),
    Rule::code("api_key_scope_missing", Then::NO_PERMISSION, "the key's scopes do not cover this"),
    Rule::code("organization_level_scoped_api_key_required", Then::NO_PERMISSION, "the key belongs to one workspace")
        .documented(DOCS),
    Rule::code("sandbox_egress_restricted", Then::BARRED, "the key is restricted to a sandbox").documented(DOCS),
    // The message says on which day; without it, a limit of a calendar month.
    Rule::text(
        &[400],
        "you have reached your specified",
        Then::spent(Reset::UtcMonth),
        "the spend limit that the customer set is reached",
    ),
    Rule::text(&[400, 402], "credit balance is too low", Then::NO_CREDIT, "the prepaid credit is used up"),
    Rule::text(&[401], "cors requests are not allowed", Then::BAD_REQUEST, "the organisation allows no browsers"),
    Rule::text(&[400, 413], "prompt is too long", Then::TOO_LONG, "the prompt is too long"),
    Rule::kind("authentication_error", Then::REJECTED, "the key is wrong, revoked or expired"),
    Rule::kind("billing_error", Then::NO_CREDIT, "the account has to pay first"),
    Rule::kind("permission_error", Then::NO_PERMISSION, "the key may not use this model, workspace or feature"),
    Rule::kind("not_found_error", Then::MODEL_MISSING, "this key's account has no such model").saying("model"),
    Rule::kind("not_found_error", Then::BAD_REQUEST, "there is no such thing"),
    Rule::kind("rate_limit_error", Then::LIMITED, "too many requests or tokens"),
    Rule::kind("overloaded_error", Then::BUSY, "the provider is overloaded"),
    Rule::kind("api_error", Then::FAILED, "the provider failed"),
    Rule::kind("timeout_error", Then::FAILED, "the provider timed out"),
    Rule::kind("invalid_request_error", Then::BAD_REQUEST, "the request is not valid"),
    Rule::kind("request_too_large", Then::BAD_REQUEST, "the request is too large"),
    Rule::kind("conflict_error", Then::BAD_REQUEST, "the request conflicts with another"),
];
