//! Which headers speak of which meter. One line each, as the vendors' documents or recorded answers have them.

use std::time::Duration;

use http::HeaderName;
use keyward_domain::quota::Metered;

/// Three headers of one meter.
pub(super) struct Family {
    pub(super) counts: Metered,
    pub(super) window: Option<Duration>,
    pub(super) is_models: bool,
    pub(super) limit: HeaderName,
    pub(super) remaining: HeaderName,
    /// Not every vendor sends it.
    pub(super) reset: HeaderName,
}

const MINUTE: Option<Duration> = Some(Duration::from_mins(1));
const DAY: Option<Duration> = Some(Duration::from_hours(24));

/// `x-ratelimit-{limit,remaining,reset}-NAME`.
macro_rules! x {
    ($name:literal) => {
        [
            concat!("x-ratelimit-limit-", $name),
            concat!("x-ratelimit-remaining-", $name),
            concat!("x-ratelimit-reset-", $name),
        ]
    };
}

/// `anthropic-ratelimit-NAME-{limit,remaining,reset}`.
macro_rules! anthropic {
    ($name:literal) => {
        [
            concat!("anthropic-ratelimit-", $name, "-limit"),
            concat!("anthropic-ratelimit-", $name, "-remaining"),
            concat!("anthropic-ratelimit-", $name, "-reset"),
        ]
    };
}

/// Anthropic: per organisation and class of models. The tightest of the token meters is sent once more as `tokens`.
pub(super) static ANTHROPIC: [Family; 4] = [
    models(Metered::Requests, MINUTE, anthropic!("requests")),
    models(Metered::InputTokens, MINUTE, anthropic!("input-tokens")),
    models(Metered::OutputTokens, MINUTE, anthropic!("output-tokens")),
    models(Metered::Tokens, MINUTE, anthropic!("tokens")),
];

/// OpenAI: per organisation or project, and per family of models. Whether `requests` counts minutes or days depends on
/// the model, so its window is left open.
pub(super) static OPENAI: [Family; 4] = [
    models(Metered::Requests, None, x!("requests")),
    models(Metered::Tokens, MINUTE, x!("tokens")),
    models(Metered::Requests, None, x!("project-requests")),
    models(Metered::Tokens, MINUTE, x!("project-tokens")),
];

/// Everything that speaks OpenAI's API: its own names first, which Groq, xAI, Azure and Fireworks use as well (Groq
/// counts requests per day and tokens per minute under them, Azure counts per deployment), then each vendor's own.
pub(super) static COMPATIBLE: [Family; 11] = [
    models(Metered::Requests, None, x!("requests")),
    models(Metered::Tokens, MINUTE, x!("tokens")),
    // Cerebras; the second is Mistral's as well, which sends no reset.
    models(Metered::Requests, DAY, x!("requests-day")),
    models(Metered::Tokens, MINUTE, x!("tokens-minute")),
    // Mistral: per workspace, whatever the model.
    accounts(Metered::Requests, MINUTE, x!("req-minute")),
    // Fireworks: adaptive, per account.
    accounts(Metered::InputTokens, None, x!("tokens-prompt")),
    accounts(Metered::OutputTokens, None, x!("tokens-generated")),
    // Together: per organisation and model. OpenRouter uses these names in its own refusals, which are about its free
    // models only.
    models(Metered::Requests, None, ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"]),
    models(Metered::Tokens, None, ["x-tokenlimit-limit", "x-tokenlimit-remaining", "x-tokenlimit-reset"]),
    // Cohere: trial keys only, without a reset.
    accounts(
        Metered::Requests,
        MINUTE,
        ["x-trial-endpoint-call-limit", "x-trial-endpoint-call-remaining", "x-trial-endpoint-call-reset"],
    ),
    // OpenAI's older name, which copies of its API still send.
    models(Metered::Tokens, MINUTE, x!("tokens_usage_based")),
];

/// A meter of one model.
const fn models(counts: Metered, window: Option<Duration>, names: [&'static str; 3]) -> Family {
    family(counts, window, true, names)
}

/// A meter of the whole account.
const fn accounts(counts: Metered, window: Option<Duration>, names: [&'static str; 3]) -> Family {
    family(counts, window, false, names)
}

const fn family(counts: Metered, window: Option<Duration>, is_models: bool, names: [&'static str; 3]) -> Family {
    let [limit, remaining, reset] = names;
    Family {
        counts,
        window,
        is_models,
        limit: HeaderName::from_static(limit),
        remaining: HeaderName::from_static(remaining),
        reset: HeaderName::from_static(reset),
    }
}
