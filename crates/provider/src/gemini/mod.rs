//! The Gemini API (AI Studio).

use std::time::Duration;

use keyward_domain::provider::ProviderKind;

use crate::preset::Preset;
use crate::verdict::{QUOTA_PER_DAY, Rule, Then};

/// How it is known here.
pub const PRESET: Preset = Preset {
    name: "gemini",
    kind: ProviderKind::Gemini,
    base_url: "https://generativelanguage.googleapis.com",
    catalog: Some("gemini"),
    needs_key: true,
    free: false,
};

/// How long a key rests whose daily quota is used up. The answer's own `retryDelay` is short and wrong for these, and
/// the hour of the reset is not documented; asking once an hour costs at most 24 refusals a day.
const DAILY_QUOTA_REST: Duration = Duration::from_hours(1);

/// What its errors mean: `ErrorInfo.reason` first, then the quota, then the status. Three traps: a wrong key is a 400,
/// used-up credit a 402, and a leaked key a 403.
pub static RULES: &[Rule] = &[
    Rule::code("API_KEY_INVALID", Then::Rejected, "the key is wrong, revoked or expired"),
    Rule::code("OVERLOADED_CREDENTIALS", Then::OurFault, "more than one credential was sent"),
    Rule::text(&[400], "multiple authentication credentials", Then::OurFault, "more than one credential was sent"),
    Rule::code("ACCESS_TOKEN_EXPIRED", Then::Rejected, "the credential has expired"),
    Rule::code("ACCESS_TOKEN_TYPE_UNSUPPORTED", Then::Rejected, "the credential is of a kind that is not taken"),
    Rule::code("CREDENTIALS_MISSING", Then::Rejected, "the credential is not taken"),
    Rule::code("CREDENTIAL_TYPE_UNSUPPORTED", Then::Rejected, "the credential is of a kind that is not taken"),
    Rule::code("JWT_TOKEN_INVALID", Then::Rejected, "the credential is not valid"),
    Rule::code("ACCOUNT_STATE_INVALID", Then::Rejected, "the account is closed"),
    Rule::code("CONSUMER_SUSPENDED", Then::Rejected, "the project is suspended"),
    Rule::code("CONSUMER_INVALID", Then::Rejected, "the project does not exist"),
    Rule::code("GCP_SUSPENDED", Then::Rejected, "the project is suspended"),
    Rule::code("BILLING_DISABLED", Then::NoCredit, "billing is switched off for the project"),
    Rule::code("SERVICE_DISABLED", Then::NoPermission, "the API is switched off for the project"),
    Rule::code("API_KEY_SERVICE_BLOCKED", Then::NoPermission, "the key is restricted to other services"),
    Rule::code("API_KEY_HTTP_REFERRER_BLOCKED", Then::NoPermission, "the key is restricted to web pages"),
    Rule::code("API_KEY_IP_ADDRESS_BLOCKED", Then::NoPermission, "the key is restricted to other addresses"),
    Rule::code("API_KEY_ANDROID_APP_BLOCKED", Then::NoPermission, "the key is restricted to an app"),
    Rule::code("API_KEY_IOS_APP_BLOCKED", Then::NoPermission, "the key is restricted to an app"),
    Rule::code("IAM_PERMISSION_DENIED", Then::NoPermission, "the account may not do this"),
    Rule::code("ACCESS_TOKEN_SCOPE_INSUFFICIENT", Then::NoPermission, "the credential's scopes do not cover this"),
    Rule::code("USER_PROJECT_DENIED", Then::NoPermission, "the account may not use the project"),
    Rule::code("LOCATION_POLICY_VIOLATED", Then::NextDeployment, "not offered in this region"),
    Rule::code(QUOTA_PER_DAY, Then::RestsFor(DAILY_QUOTA_REST), "the daily quota is used up"),
    Rule::text(&[400], "api key not valid", Then::Rejected, "the key is wrong or revoked"),
    Rule::text(&[400], "api key expired", Then::Rejected, "the key has expired"),
    Rule::text(&[403], "reported as leaked", Then::Rejected, "the key was published somewhere and is blocked"),
    Rule::text(&[400], "user location is not supported", Then::NextDeployment, "not offered in this region"),
    Rule::code("FAILED_PRECONDITION", Then::NoCredit, "billing is not enabled").saying("billing"),
    Rule::code("NOT_FOUND", Then::ModelMissing, "this key's project has no such model").saying("model"),
    Rule::code("UNAVAILABLE", Then::NextDeployment, "the provider is overloaded").only(&[503]),
];
