//! OpenAI itself.

use std::time::Duration;

use keyward_domain::provider::ProviderKind;

use crate::judgement::{Reset, Rule, Then};
use crate::preset::Preset;

/// How it is known here.
pub const PRESET: Preset = Preset {
    name: "openai",
    kind: ProviderKind::OpenAi,
    base_url: "https://api.openai.com/v1",
    catalog: Some("openai"),
    needs_key: true,
    free: false,
};

const DOCS: &str = "OpenAI: error codes, and the enum of a failed response's error";
const TOO_MANY: &str = "too many requests or tokens";
const CONTENT: &str = "refused for its content";
const NO_SCOPE: &str = "the key's scopes do not cover this endpoint";
const NO_ADDRESS: &str = "this server's address is not on the account's list";
const USED_UP: &str = "the account's quota is used up";
const NO_FILE: &str = "an image of the request cannot be used";
/// Daily limits come back bit by bit; an answer that does not say when is asked again after this long.
const DAY_LIMIT: Reset = Reset::In(Duration::from_hours(1));

/// What its errors mean. Three traps: exhausted credit is a 429, a missing scope is a 401 of a key that works, and
/// limits belong to the organisation or project and to the model, not to the key.
pub static RULES: &[Rule] = &[
    Rule::code("invalid_api_key", Then::REJECTED, "the key is wrong, revoked or expired"),
    Rule::code("account_deactivated", Then::CLOSED, "the account is closed"),
    Rule::code("missing_scope", Then::NO_PERMISSION, NO_SCOPE),
    Rule::code("ip_not_authorized", Then::BARRED, NO_ADDRESS),
    Rule::code("mismatched_organization", Then::BARRED, "the key belongs to another organisation").documented(DOCS),
    Rule::code("mismatched_project", Then::BARRED, "the key belongs to another project").documented(DOCS),
    Rule::code("unsupported_country_region_territory", Then::NOT_HERE, "not offered in this region"),
    Rule::code("data_residency_mismatch", Then::NOT_HERE, "not offered in this region").documented(DOCS),
    Rule::code("model_not_found", Then::MODEL_MISSING, "this key's account has no such model"),
    Rule::code("insufficient_quota", Then::NO_CREDIT, USED_UP),
    Rule::code("credit_balance_exhausted", Then::NO_CREDIT, "the prepaid credit is used up"),
    // Limits of a calendar month, by the dashboard; raising one is what the console's reset is for.
    Rule::code(
        "organization_spend_limit_exceeded",
        Then::spent(Reset::UtcMonth),
        "the organisation's spend limit is reached",
    ),
    Rule::code("project_spend_limit_exceeded", Then::spent(Reset::UtcMonth), "the project's spend limit is reached"),
    Rule::code(
        "organization_usage_limit_exceeded",
        Then::spent(Reset::UtcMonth),
        "the organisation's monthly usage limit is reached",
    ),
    Rule::code("billing_not_active", Then::NO_CREDIT, "billing is not active"),
    Rule::code("billing_hard_limit_reached", Then::NO_CREDIT, "the billing hard limit is reached"),
    Rule::code("slow_down", Then::ACCOUNT_LIMITED, "the account's traffic grew too fast"),
    Rule::code("rate_limit_exceeded", Then::model_spent(DAY_LIMIT), "the daily limit is reached").saying("per day"),
    Rule::code("rate_limit_exceeded", Then::LIMITED, TOO_MANY),
    Rule::code("server_is_overloaded", Then::MODEL_BUSY, "the provider is overloaded"),
    Rule::code("server_error", Then::FAILED, "the provider failed"),
    Rule::code("vector_store_timeout", Then::FAILED, "the provider timed out").documented(DOCS),
    Rule::code("context_length_exceeded", Then::TOO_LONG, "the prompt is too long"),
    Rule::code("content_policy_violation", Then::CONTENT, CONTENT).documented(DOCS),
    Rule::code("moderation_blocked", Then::CONTENT, CONTENT),
    Rule::code("invalid_prompt", Then::CONTENT, CONTENT).documented(DOCS),
    Rule::code("bio_policy", Then::CONTENT, CONTENT).documented(DOCS),
    Rule::code("misalignment_policy_violation", Then::CONTENT, CONTENT).documented(DOCS),
    Rule::code("image_content_policy_violation", Then::CONTENT, CONTENT).documented(DOCS),
    Rule::code("invalid_image", Then::BAD_REQUEST, NO_FILE).documented(DOCS),
    Rule::code("image_too_large", Then::BAD_REQUEST, NO_FILE).documented(DOCS),
    Rule::code("failed_to_download_image", Then::BAD_REQUEST, NO_FILE).documented(DOCS),
    Rule::kind("insufficient_quota", Then::NO_CREDIT, USED_UP),
    Rule::kind("billing_not_active", Then::NO_CREDIT, "billing is not active").documented(DOCS),
    Rule::kind("service_unavailable_error", Then::MODEL_BUSY, "the provider is overloaded"),
    Rule::text(&[401], "missing scopes", Then::NO_PERMISSION, NO_SCOPE),
    Rule::text(&[401], "ip not authorized", Then::BARRED, NO_ADDRESS).documented(DOCS),
    Rule::text(&[401], "must be a member of an organization", Then::REJECTED, "the key's owner left the organisation"),
    Rule::text(&[401], "incorrect api key", Then::REJECTED, "the key is wrong or revoked"),
    Rule::kind("requests", Then::LIMITED, TOO_MANY).only(&[429]).documented(DOCS),
    Rule::kind("tokens", Then::LIMITED, TOO_MANY).only(&[429]).documented(DOCS),
    Rule::kind("server_error", Then::FAILED, "the provider failed"),
    Rule::kind("image_generation_user_error", Then::BAD_REQUEST, "the request is not valid").documented(DOCS),
    Rule::kind("invalid_request_error", Then::BAD_REQUEST, "the request is not valid")
        .only(&[400, 404, 405, 409, 413, 415, 422]),
];
