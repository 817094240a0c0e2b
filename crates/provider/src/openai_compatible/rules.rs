//! What the errors of vendors mean that speak OpenAI's API.

use std::time::Duration;

use crate::judgement::{BEHIND, MODERATED, OWN_LIMIT, Reset, Rests, Rule, TOLD_WHEN, Then};

const PROMPT: &[u16] = &[400, 403, 413, 422];
const TOO_LONG: &str = "the prompt is too long";
const TOO_MANY: &str = "too many requests or tokens";
const BUSY: &str = "the provider is overloaded";
const BEHIND_BUSY: &str = "the provider behind it is busy";
const IN_FLIGHT: &str = "too much is in flight";
const NO_CREDIT: &str = "the account's credit is used up";
const WRONG_KEY: &str = "the key is wrong or revoked";
const NO_MODEL: &str = "this key's account has no such model";
const BAD: &str = "the request is not valid";
const FAILED: &str = "the provider failed";
const OPENROUTER: &str = "OpenRouter: error types and limit sources";
const MISTRAL: &str = "Mistral: error codes";
const AZURE: &str = "Azure: error codes of the model service";
const AWS: &str = "AWS: common errors, and errors of the Bedrock runtime";
const WORDS: &str = "sentences that vendors and servers use for it";

/// A reset that nobody documents: asked again after this long.
const ASK_HOURLY: Reset = Reset::In(Duration::from_hours(1));
/// Limits of a minute, of a vendor that does not say how much of it is left.
const ONE_MINUTE: Rests = Rests::Stated(Reset::In(Duration::from_mins(1)));
/// New deployments of Azure take about five minutes until they answer.
const DEPLOYED_SOON: Rests = Rests::Exactly(Reset::In(Duration::from_mins(5)));

/// What their errors mean. One table for all: codes and sentences are each vendor's own, so they do not collide, and a
/// server behind an unknown name is usually one of these. The tables of OpenAI, Google and Anthropic are asked next:
/// most vendors copied OpenAI's words, and many stand before the others.
pub static RULES: &[Rule] = &[
    // The prompt is too long: the client's to mend, whatever the status (Together sends 403).
    Rule::code("token_limit_exceeded", Then::TOO_LONG, TOO_LONG).documented(OPENROUTER),
    Rule::code("string_too_long", Then::TOO_LONG, TOO_LONG).documented(OPENROUTER),
    Rule::code("3059", Then::TOO_LONG, TOO_LONG),
    Rule::text(PROMPT, "maximum context length is", Then::TOO_LONG, TOO_LONG),
    Rule::text(PROMPT, "exceed context limit", Then::TOO_LONG, TOO_LONG).documented(WORDS),
    Rule::text(PROMPT, "is longer than the model's context length", Then::TOO_LONG, TOO_LONG).documented(WORDS),
    Rule::text(PROMPT, "input tokens exceed the configured limit", Then::TOO_LONG, TOO_LONG).documented(WORDS),
    Rule::text(PROMPT, "`inputs` tokens + `max_new_tokens` must be", Then::TOO_LONG, TOO_LONG),
    Rule::text(PROMPT, "exceeds the available context size", Then::TOO_LONG, TOO_LONG),
    Rule::text(PROMPT, "exceeds the maximum number of tokens allowed", Then::TOO_LONG, TOO_LONG).documented(WORDS),
    Rule::text(PROMPT, "while limit is", Then::TOO_LONG, TOO_LONG),
    Rule::text(PROMPT, "please reduce the length of the messages", Then::TOO_LONG, TOO_LONG),
    Rule::text(PROMPT, "maximum prompt length is", Then::TOO_LONG, TOO_LONG),
    Rule::text(PROMPT, "prompt is too long", Then::TOO_LONG, TOO_LONG),
    Rule::text(PROMPT, "input is too long", Then::TOO_LONG, TOO_LONG),
    Rule::text(&[400], "too many tokens", Then::TOO_LONG, TOO_LONG),
    Rule::text(&[403], "`max_tokens`", Then::TOO_LONG, TOO_LONG),
    // OpenRouter: a 402 has three meanings, a 403 may be a budget, and a 429 without its own headers is somebody else's.
    Rule::code("openrouter_in_flight_budget", Then::ACCOUNT_LIMITED, IN_FLIGHT),
    Rule::code("in_flight_budget_exhausted", Then::ACCOUNT_LIMITED, IN_FLIGHT).documented(OPENROUTER),
    Rule::code("weight_exceeds_budget", Then::BAD_REQUEST, "this one call costs more than is left").only(&[402]),
    Rule::code("openrouter_credits", Then::NO_CREDIT, NO_CREDIT),
    Rule::code("openrouter_key_limit", Then::key_spent(Reset::Human), "the key's own limit is reached"),
    Rule::code("openrouter_guardrail_budget", Then::spent(Reset::Human), "a guardrail's budget is used up")
        .documented(OPENROUTER),
    Rule::code("openrouter_workspace_budget", Then::spent(Reset::Human), "the workspace's budget is used up"),
    Rule::code(MODERATED, Then::CONTENT, "refused for its content"),
    Rule::code(TOLD_WHEN, Then::ACCOUNT_LIMITED, IN_FLIGHT).only(&[402]),
    // Its free models share these limits; the paid ones of the account go on.
    Rule::text(
        &[429],
        "free-models-per-day",
        Then::model_spent(Reset::UtcDay),
        "the daily limit of free models is reached",
    ),
    Rule::text(&[429], "temporarily rate-limited upstream", Then::MODEL_BUSY, BEHIND_BUSY),
    Rule::code("capacity_exhausted", Then::MODEL_BUSY, BEHIND_BUSY).documented(OPENROUTER),
    Rule::code("provider_overloaded", Then::MODEL_BUSY, BEHIND_BUSY).documented(OPENROUTER),
    Rule::code("provider_unavailable", Then::MODEL_FAILED, "the provider behind it is away"),
    Rule::code(OWN_LIMIT, Then::LIMITED, TOO_MANY).only(&[429]),
    Rule::code(BEHIND, Then::MODEL_BUSY, BEHIND_BUSY).decided_by(&[429]),
    Rule::code("payment_required", Then::NO_CREDIT, NO_CREDIT),
    Rule::code("unprocessable", Then::BAD_REQUEST, BAD).documented(OPENROUTER),
    Rule::code("payload_too_large", Then::BAD_REQUEST, "the request is too large").documented(OPENROUTER),
    // xAI: a wrong key is a 400 with two strings, used-up credit a 403 or a 429.
    Rule::text(&[400, 401], "incorrect api key provided", Then::REJECTED, WRONG_KEY),
    Rule::text(&[403, 429], "used all available credits", Then::NO_CREDIT, NO_CREDIT),
    Rule::text(
        &[403, 429],
        "monthly spending limit",
        Then::spent(Reset::UtcMonth),
        "the team's spend limit is reached",
    )
    .documented("xAI: the second half of its sentence about credit"),
    Rule::code("unauthenticated:bad-credentials", Then::REJECTED, WRONG_KEY),
    Rule::code("resource-exhausted", Then::LIMITED, TOO_MANY),
    // Its own list of rights, a blocked team, or the prompt: the answer does not say which.
    Rule::code("permission-denied", Then::PERHAPS_NO_PERMISSION, "the key may not do this"),
    // Together.
    Rule::kind("credit_limit", Then::NO_CREDIT, NO_CREDIT),
    // Mistral: a 429 may be the limit, or capacity that nobody's key can buy.
    Rule::kind("billing_api_budget_exhausted", Then::NO_CREDIT, "the workspace's budget is used up"),
    Rule::code("2303", Then::NO_CREDIT, "the workspace's budget is used up").documented(MISTRAL),
    Rule::kind("service_tier_capacity_exceeded", Then::MODEL_BUSY, BUSY),
    Rule::code("3505", Then::MODEL_BUSY, BUSY),
    Rule::text(&[429], "requests rate limit exceeded", Then::ACCOUNT_LIMITED, "too many requests"),
    Rule::kind("rate_limited", Then::LIMITED, TOO_MANY),
    Rule::kind("invalid_model", Then::MODEL_MISSING, NO_MODEL),
    Rule::code("1500", Then::MODEL_MISSING, NO_MODEL).documented(MISTRAL),
    Rule::code("3280", Then::BAD_REQUEST, BAD),
    Rule::code("3051", Then::BAD_REQUEST, BAD).documented(MISTRAL),
    Rule::code("3210", Then::BAD_REQUEST, BAD).documented(MISTRAL),
    Rule::code("3230", Then::BAD_REQUEST, BAD).documented(MISTRAL),
    // Cerebras.
    Rule::code("queue_exceeded", Then::MODEL_BUSY, BUSY),
    Rule::code("wrong_api_key", Then::REJECTED, WRONG_KEY),
    Rule::code("request_quota_exceeded", Then::model_spent(ASK_HOURLY), "the daily requests are used up")
        .saying("per day"),
    Rule::code("token_quota_exceeded", Then::model_spent(ASK_HOURLY), "the daily tokens are used up").saying("per day"),
    Rule::code("request_quota_exceeded", Then::LIMITED, "too many requests").documented("Cerebras: error codes"),
    Rule::code("token_quota_exceeded", Then::LIMITED, "too many tokens"),
    // Groq: a 413 is one request larger than the tier allows in a minute; resting the key would not make it fit.
    Rule::code("rate_limit_exceeded", Then::TOO_LONG, "the request is larger than a minute's tokens")
        .decided_by(&[413]),
    Rule::code("capacity_exceeded", Then::MODEL_BUSY, BUSY),
    Rule::code("organization_restricted", Then::CLOSED, "the organisation is restricted"),
    Rule::code("model_decommissioned", Then::MODEL_GONE, "the model was withdrawn"),
    // Fireworks: 412 is a suspended account, or an adapter that failed to load.
    Rule::text(&[412], "suspended", Then::NO_CREDIT, "the account is suspended"),
    Rule::text(&[412], "spending limit", Then::spent(Reset::UtcMonth), "the account's spend limit is reached"),
    // NVIDIA.
    Rule::text(&[401, 403], "authorization failed", Then::REJECTED, WRONG_KEY),
    Rule::text(&[404], "not found for account", Then::MODEL_MISSING, NO_MODEL),
    Rule::text(&[410], "model", Then::MODEL_GONE, "the model was withdrawn").documented("NVIDIA: errors"),
    // Perplexity: a key without credit is a 401, and codes are the status.
    Rule::text(&[401], "credit", Then::NO_CREDIT, NO_CREDIT),
    Rule::text(&[401], "quota", Then::NO_CREDIT, "the account's quota is used up").documented("Perplexity: errors"),
    Rule::kind("invalid_api_key", Then::REJECTED, WRONG_KEY),
    // DeepSeek.
    Rule::text(&[401], "authentication fails", Then::REJECTED, WRONG_KEY),
    Rule::text(&[402], "insufficient balance", Then::NO_CREDIT, NO_CREDIT),
    Rule::text(&[400, 404], "model not exist", Then::NO_SUCH_MODEL, "there is no such model"),
    Rule::code("Arrearage", Then::NO_CREDIT, "the account has to pay first"),
    // Ollama: hours and weeks, shown by its balance only.
    Rule::text(&[429], "usage limit", Then::spent(ASK_HOURLY), "the plan's usage limit is reached"),
    Rule::text(&[503], "maximum pending requests exceeded", Then::BUSY, BUSY),
    Rule::text(&[500], "requires more system memory", Then::MODEL_FAILED, "the model does not fit into the memory"),
    // Hugging Face.
    Rule::text(&[401], "invalid credentials", Then::REJECTED, WRONG_KEY),
    Rule::text(&[401], "invalid username or password", Then::REJECTED, WRONG_KEY),
    Rule::text(&[402], "monthly included credits", Then::spent(Reset::UtcMonth), "the month's credit is used up"),
    Rule::text(&[402], "pre-paid credits", Then::NO_CREDIT, NO_CREDIT).documented("Hugging Face: inference billing"),
    Rule::text(&[403], "sufficient permissions", Then::BARRED, "the key's scopes do not cover inference"),
    Rule::code("model_not_supported", Then::MODEL_MISSING, "nobody behind it offers the model"),
    Rule::text(&[503], "is currently loading", Then::MODEL_BUSY, "the model is being loaded"),
    // Cohere: trial keys have limits of a minute and of a month, told apart by words alone.
    Rule::text(&[401], "invalid api token", Then::REJECTED, WRONG_KEY),
    Rule::text(&[401], "no api key supplied", Then::REJECTED, "the key is not taken").documented("Cohere: errors"),
    Rule::text(&[402], "maximum billing reached", Then::key_spent(Reset::UtcMonth), "the key's monthly cap is reached"),
    Rule::text(&[402], "payment method", Then::NO_CREDIT, "the account has to pay first"),
    Rule::text(&[429], "/ month", Then::spent(Reset::UtcMonth), "the month's calls are used up"),
    Rule::text(&[429], "per month", Then::spent(Reset::UtcMonth), "the month's calls are used up").documented(WORDS),
    Rule::text(&[429], "trial", Then::ACCOUNT_LIMITED.resting(ONE_MINUTE), "the trial's limit of a minute is reached"),
    Rule::text(&[429], "per minute request limit", Then::ACCOUNT_LIMITED.resting(ONE_MINUTE), "too many requests"),
    Rule::text(&[498], "token", Then::REJECTED, "the key is on a deny list"),
    // Azure: limits belong to a deployment of a resource, and its two keys share them.
    Rule::code("content_filter", Then::CONTENT, "refused for its content"),
    Rule::code("ResponsibleAIPolicyViolation", Then::CONTENT, "refused for its content").documented(AZURE),
    Rule::text(&[401], "invalid subscription key", Then::REJECTED, "the key is wrong, or belongs to another resource"),
    Rule::code("PermissionDenied", Then::BARRED, "the key's role does not cover this").only(&[401, 403]),
    Rule::text(&[403], "public access is disabled", Then::NOT_HERE, "the resource takes no calls from here"),
    Rule::text(&[403], "virtual network/firewall", Then::NOT_HERE, "the resource takes no calls from here"),
    Rule::text(
        &[403],
        "temporarily blocked",
        Then::CLOSED.resting(Rests::Stated(ASK_HOURLY)),
        "the resource is blocked",
    ),
    Rule::code("DeploymentNotFound", Then::NO_SUCH_MODEL.resting(DEPLOYED_SOON), "there is no such deployment"),
    Rule::code("OperationNotSupported", Then::BAD_REQUEST, "the model does not do this"),
    Rule::code("NoCapacity", Then::MODEL_BUSY, BUSY),
    Rule::text(&[429, 503], "experiencing high demand", Then::MODEL_BUSY, BUSY),
    Rule::code("RateLimitReached", Then::LIMITED, TOO_MANY),
    Rule::code("too_many_requests", Then::LIMITED, TOO_MANY).documented(AZURE),
    Rule::text(&[429], "exceeded token rate limit", Then::LIMITED, TOO_MANY),
    Rule::text(&[429], "temporary rate limit adjustment", Then::LIMITED, TOO_MANY).documented(AZURE),
    // Bedrock: the type is in a header, and limits belong to an account, a region and a model. A wrong key looks like a
    // missing right.
    Rule::code("AccessDeniedException", Then::REJECTED, "the key is wrong or has expired").saying("api key"),
    Rule::code("AccessDeniedException", Then::REJECTED, "the key is wrong or has expired").saying("bearer token"),
    Rule::code("AccessDeniedException", Then::NO_PERMISSION, "the account may not use this model"),
    Rule::code("UnrecognizedClientException", Then::REJECTED, WRONG_KEY).documented(AWS),
    Rule::code("InvalidClientTokenId", Then::REJECTED, WRONG_KEY).documented(AWS),
    Rule::code("ExpiredTokenException", Then::REJECTED, "the key has expired"),
    Rule::code("InvalidSignatureException", Then::REJECTED, "the key's signature is not accepted").documented(AWS),
    Rule::code("ServiceQuotaExceededException", Then::model_spent(ASK_HOURLY), "the account's quota is used up"),
    Rule::code("ThrottlingException", Then::model_spent(Reset::UtcDay), "the day's tokens are used up")
        .saying("per day"),
    Rule::code("ThrottlingException", Then::LIMITED, TOO_MANY),
    Rule::code("ModelNotReadyException", Then::MODEL_BUSY, "the model is being loaded"),
    Rule::code("ModelTimeoutException", Then::MODEL_FAILED, "the model timed out"),
    Rule::code("ModelErrorException", Then::MODEL_FAILED, "the model failed"),
    Rule::code("ModelStreamErrorException", Then::MODEL_FAILED, "the model failed").documented(AWS),
    Rule::code("ResourceNotFoundException", Then::MODEL_MISSING, NO_MODEL),
    Rule::code("FTUFormNotFilled", Then::NO_PERMISSION, "the account has not yet asked for the model").documented(AWS),
    Rule::code("ValidationException", Then::BAD_REQUEST, BAD),
    Rule::code("InternalServerException", Then::FAILED, FAILED),
    Rule::code("ServiceUnavailableException", Then::BUSY, BUSY),
    // vLLM and other servers of one's own, and what else a key of NVIDIA's is told.
    Rule::text(&[429], "too many requests", Then::KEY_LIMITED, "too many requests"),
    Rule::text(&[401], "unauthorized", Then::REJECTED, "the key is not taken"),
    Rule::kind("BadRequestError", Then::BAD_REQUEST, BAD),
    Rule::text(&[404], "model", Then::MODEL_MISSING, "there is no such model"),
];
