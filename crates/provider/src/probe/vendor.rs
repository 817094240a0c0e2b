//! Vendors whose list of models proves nothing, and what is asked there instead.

use keyward_domain::credential::Finding;
use serde_json::Value;

use super::Step;

/// A question to the vendor about the key itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// `GET /v1/api-key`: three flags.
    Xai,
    /// `GET /api/v1/key`: what is left of the key's limit.
    OpenRouter,
    /// `GET /user/balance`: whether anything is left.
    DeepSeek,
    /// `GET /v1/accounts`, because the list of models fails for some good keys.
    Fireworks,
    /// `POST /api/me`, without a body.
    OllamaCloud,
}

/// Where to begin at this host; anywhere unknown, with the list of models.
pub(super) fn first_step(host: &str) -> Step {
    match host {
        "api.x.ai" => Step::Vendor(Question::Xai),
        "openrouter.ai" => Step::Vendor(Question::OpenRouter),
        "api.deepseek.com" => Step::Vendor(Question::DeepSeek),
        "api.fireworks.ai" => Step::Vendor(Question::Fireworks),
        "ollama.com" => Step::Vendor(Question::OllamaCloud),
        // Public lists.
        "integrate.api.nvidia.com" | "router.huggingface.co" => Step::EmptyBody("/chat/completions"),
        "api.perplexity.ai" => Step::EmptyBody("/responses"),
        _ => Step::Models(None),
    }
}

const WORKS: &str = "The provider accepts the key.";

impl Question {
    pub(super) const fn method(self) -> &'static str {
        match self {
            Self::OllamaCloud => "POST",
            _ => "GET",
        }
    }

    pub(super) fn path(self, prefix: &str) -> String {
        match self {
            Self::Xai => format!("{prefix}/api-key"),
            Self::OpenRouter => format!("{prefix}/key"),
            Self::DeepSeek => "/user/balance".to_owned(),
            Self::Fireworks => "/v1/accounts".to_owned(),
            Self::OllamaCloud => "/api/me".to_owned(),
        }
    }

    /// What a good status with this body means.
    pub(super) fn read(self, value: &Value) -> (Finding, &'static str) {
        match self {
            Self::Xai => xai(value),
            Self::OpenRouter => openrouter(value),
            Self::DeepSeek if value.get("is_available") == Some(&Value::Bool(false)) => {
                (Finding::NoCredit, "The key is good, but the account's balance is used up.")
            }
            Self::Fireworks => fireworks(value),
            Self::DeepSeek | Self::OllamaCloud => (Finding::Valid, WORKS),
        }
    }
}

fn xai(value: &Value) -> (Finding, &'static str) {
    let set = |flag: &str| value.get(flag) == Some(&Value::Bool(true));
    if set("api_key_disabled") || set("api_key_blocked") {
        (Finding::Unauthorised, "The key is disabled or blocked.")
    } else if set("team_blocked") {
        (Finding::NoPermission, "The key's team is blocked.")
    } else {
        (Finding::Valid, WORKS)
    }
}

fn openrouter(value: &Value) -> (Finding, &'static str) {
    // Compared with nothing, never counted with.
    let left = value.get("data").and_then(|data| data.get("limit_remaining")).and_then(Value::as_f64);
    if left.is_some_and(|left| left <= 0.0) {
        (Finding::NoCredit, "The key is good, but its own limit is used up.")
    } else {
        (Finding::Valid, WORKS)
    }
}

fn fireworks(value: &Value) -> (Finding, &'static str) {
    let accounts = value.get("accounts").and_then(Value::as_array);
    let states = accounts.into_iter().flatten().filter_map(|account| account.get("suspendState")?.as_str());
    if states.into_iter().any(|state| state != "UNSUSPENDED") {
        (Finding::NoCredit, "The key is good, but the account is suspended.")
    } else {
        (Finding::Valid, WORKS)
    }
}
