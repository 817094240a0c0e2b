//! The Gemini API (AI Studio).

use keyward_domain::provider::ProviderKind;

use crate::judgement::{QUOTA_PER_DAY, Reset, Rests, Rule, Then};
use crate::preset::Preset;

/// How it is known here.
pub const PRESET: Preset = Preset {
    name: "gemini",
    kind: ProviderKind::Gemini,
    base_url: "https://generativelanguage.googleapis.com",
    catalog: Some("gemini"),
    needs_key: true,
    free: false,
};

const REASONS: &str = "google/api/error_reason.proto";
const STATUSES: &str = "google/rpc/code.proto";
const INTERACTIONS: &str = "Gemini API: errors of the Interactions API";

/// A day's quota begins anew at midnight in California. The answer's own `retryDelay` is short and wrong for these.
const DAY_USED: Then = Then::model_spent(Reset::PacificDay).resting(Rests::Exactly(Reset::PacificDay));
const NO_KIND: &str = "the credential is of a kind that is not taken";
const RESTRICTED: &str = "the key is restricted to an app";
const NO_REGION: &str = "not offered in this region";
const TOO_MANY: &str = "too many requests or tokens";

/// What its errors mean: `ErrorInfo.reason` first, then the quota, then words, then the gRPC status. Quotas belong to
/// the project and the model, not to the key. Three traps: a wrong key is a 400, used-up credit a 402, a leaked key a
/// 403.
pub static RULES: &[Rule] = &[
    Rule::code("API_KEY_INVALID", Then::REJECTED, "the key is wrong, revoked or expired"),
    Rule::code("OVERLOADED_CREDENTIALS", Then::OUR_FAULT, "more than one credential was sent").documented(REASONS),
    Rule::text(&[400], "multiple authentication credentials", Then::OUR_FAULT, "more than one credential was sent"),
    Rule::code("ACCESS_TOKEN_EXPIRED", Then::REJECTED, "the credential has expired").documented(REASONS),
    Rule::code("ACCESS_TOKEN_TYPE_UNSUPPORTED", Then::REJECTED, NO_KIND),
    Rule::code("CREDENTIALS_MISSING", Then::REJECTED, "the credential is not taken").documented(REASONS),
    Rule::code("CREDENTIAL_TYPE_UNSUPPORTED", Then::REJECTED, NO_KIND).documented(REASONS),
    Rule::code("JWT_TOKEN_INVALID", Then::REJECTED, "the credential is not valid").documented(REASONS),
    Rule::code("ACCOUNT_STATE_INVALID", Then::REJECTED, "the account is closed").documented(REASONS),
    Rule::code("CONSUMER_SUSPENDED", Then::CLOSED, "the project is suspended"),
    Rule::code("CONSUMER_INVALID", Then::CLOSED, "the project does not exist").documented(REASONS),
    Rule::code("GCP_SUSPENDED", Then::CLOSED, "the project is suspended").documented(REASONS),
    Rule::code("BILLING_DISABLED", Then::NO_CREDIT, "billing is switched off for the project"),
    Rule::code("SERVICE_DISABLED", Then::ACCOUNT_BARRED, "the API is switched off for the project"),
    Rule::code("API_KEY_SERVICE_BLOCKED", Then::BARRED, "the key is restricted to other services").documented(REASONS),
    Rule::code("API_KEY_HTTP_REFERRER_BLOCKED", Then::BARRED, "the key is restricted to web pages"),
    Rule::code("API_KEY_IP_ADDRESS_BLOCKED", Then::BARRED, "the key is restricted to other addresses")
        .documented(REASONS),
    Rule::code("API_KEY_ANDROID_APP_BLOCKED", Then::BARRED, RESTRICTED).documented(REASONS),
    Rule::code("API_KEY_IOS_APP_BLOCKED", Then::BARRED, RESTRICTED).documented(REASONS),
    Rule::code("IAM_PERMISSION_DENIED", Then::NO_PERMISSION, "the account may not do this").documented(REASONS),
    Rule::code("ACCESS_TOKEN_SCOPE_INSUFFICIENT", Then::NO_PERMISSION, "the credential's scopes do not cover this")
        .documented(REASONS),
    Rule::code("USER_PROJECT_DENIED", Then::BARRED, "the account may not use the project").documented(REASONS),
    Rule::code("LOCATION_POLICY_VIOLATED", Then::NOT_HERE, NO_REGION).documented(REASONS),
    Rule::code(QUOTA_PER_DAY, DAY_USED, "the daily quota is used up"),
    Rule::code("RATE_LIMIT_EXCEEDED", Then::LIMITED, TOO_MANY).documented(REASONS),
    Rule::text(&[400], "api key not valid", Then::REJECTED, "the key is wrong or revoked"),
    Rule::text(&[400], "api key expired", Then::REJECTED, "the key has expired"),
    Rule::text(&[403], "reported as leaked", Then::REJECTED, "the key was published somewhere and is blocked"),
    Rule::text(&[400], "user location is not supported", Then::NOT_HERE, NO_REGION),
    Rule::text(&[400], "exceeds the maximum number of tokens", Then::TOO_LONG, "the prompt is too long"),
    Rule::code("FAILED_PRECONDITION", Then::NO_CREDIT, "billing is not enabled").saying("billing"),
    Rule::code("RESOURCE_EXHAUSTED", Then::NO_CREDIT, "the prepaid credit is used up").decided_by(&[402]),
    Rule::code("RESOURCE_EXHAUSTED", Then::LIMITED, TOO_MANY),
    Rule::code("NOT_FOUND", Then::MODEL_MISSING, "this key's project has no such model").saying("model"),
    Rule::code("NOT_FOUND", Then::BAD_REQUEST, "there is no such thing"),
    Rule::code("UNAUTHENTICATED", Then::REJECTED, "the key is not taken"),
    Rule::code("PERMISSION_DENIED", Then::PERHAPS_NO_PERMISSION, "the key may not do this"),
    Rule::code("UNAVAILABLE", Then::MODEL_BUSY, "the model is overloaded"),
    Rule::code("DEADLINE_EXCEEDED", Then::FAILED, "the provider timed out"),
    Rule::code("INTERNAL", Then::FAILED, "the provider failed"),
    Rule::code("UNKNOWN", Then::FAILED, "the provider failed").documented(STATUSES),
    Rule::code("DATA_LOSS", Then::FAILED, "the provider failed").documented(STATUSES),
    Rule::code("ABORTED", Then::FAILED, "the provider broke off").documented(STATUSES),
    Rule::code("INVALID_ARGUMENT", Then::BAD_REQUEST, "the request is not valid"),
    Rule::code("FAILED_PRECONDITION", Then::BAD_REQUEST, "the request is not valid").documented(STATUSES),
    Rule::code("OUT_OF_RANGE", Then::BAD_REQUEST, "the request is not valid").documented(STATUSES),
    Rule::code("CANCELLED", Then::BAD_REQUEST, "the call was cancelled"),
    Rule::code("invalid_request", Then::BAD_REQUEST, "the request is not valid").documented(INTERACTIONS),
    Rule::code("authentication", Then::REJECTED, "the key is not taken"),
    Rule::code("quota_exceeded", Then::LIMITED, TOO_MANY).documented(INTERACTIONS),
    Rule::code("service_unavailable", Then::MODEL_BUSY, "the model is overloaded").documented(INTERACTIONS),
];
