//! The vendors' own ways to say no: status, headers and body as their fact sheets give them.

use serde_json::{Value, json};

use super::vendor::Vendor;

/// A reason to refuse, named once for all vendors; [`Refusal::of`] finds each vendor's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VendorError {
    /// The key is wrong, revoked or expired (OpenAI and Anthropic 401, Gemini 400 `API_KEY_INVALID`).
    InvalidKey,
    /// No credential was sent at all.
    MissingKey,
    /// Two credentials in one call (Gemini 400, Anthropic 401).
    TwoCredentials,
    /// The key works but lacks the scope for this endpoint (OpenAI 401 `missing_scope`, others 403).
    MissingScope,
    /// The key may not use this model (403).
    ModelForbidden(String),
    /// Nobody knows this model (404).
    ModelNotFound(String),
    /// Prepaid credit is used up (OpenAI 429 `credit_balance_exhausted`, Anthropic 400, Gemini 402).
    NoCredit,
    /// Payment problem of the account (OpenAI 429 `billing_not_active`, Anthropic 402, Gemini 403 `BILLING_DISABLED`).
    Billing,
    /// A spend limit set by the owner (OpenAI 429, Anthropic 400 without a code, Gemini 429).
    SpendLimit,
    /// OpenAI's legacy catch-all 429 `insufficient_quota`; the monthly cap of Anthropic; Gemini's quota per day.
    Quota,
    /// Too many requests; seconds to wait, if the vendor says so.
    RateLimited(Option<u64>),
    /// The vendor is full (OpenAI 503, Anthropic 529, Gemini 503).
    Overloaded,
    /// The vendor broke (500).
    Internal,
    /// The vendor's own gateway gave up (OpenAI 504, Anthropic 504 `timeout_error`, Gemini 504).
    Timeout,
    /// The request is wrong; message and, for OpenAI, the parameter at fault.
    BadRequest(String, Option<String>),
    /// Prompt and cap exceed the context window.
    ContextTooLong,
    /// Content policy; the key is innocent.
    ContentPolicy,
    /// The body is too large (413).
    TooLarge,
    /// Google found the key in public and blocked it (403); elsewhere the same as [`VendorError::InvalidKey`].
    Leaked,
    /// Not offered where the caller is (403; Gemini 400 `FAILED_PRECONDITION`).
    WrongCountry,
    /// The path or method does not exist.
    NotFound(String),
}

/// The type of most complaints of OpenAI and Anthropic.
const BAD: &str = "invalid_request_error";

/// A refusal as it goes over the wire.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Value,
}

impl Refusal {
    /// `key` is what the error text shows of the credential: masked, or in full when the script says so.
    pub(crate) fn of(vendor: Vendor, error: &VendorError, key: &str) -> Self {
        match vendor {
            Vendor::OpenAi => openai(error, key),
            Vendor::Anthropic => anthropic(error, key),
            Vendor::Gemini => gemini(error, key),
        }
    }

    fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn with_retry_after(self, seconds: Option<u64>) -> Self {
        match seconds {
            Some(seconds) => self.with_header("retry-after", &seconds.to_string()),
            None => self,
        }
    }
}

/// Shows the ends of a key the way OpenAI does.
pub(crate) fn masked(key: &str) -> String {
    let head: String = key.chars().take(8).collect();
    let tail: String = key.chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect();
    if key.len() < 16 { "*".repeat(key.len()) } else { format!("{head}****{tail}") }
}

/// The error object that arrives inside a stream that began with status 200.
pub(crate) fn stream_error(vendor: Vendor, error: &VendorError) -> Value {
    Refusal::of(vendor, error, "").body
}

#[expect(clippy::too_many_lines, reason = "a table: one row per error")]
fn openai(error: &VendorError, key: &str) -> Refusal {
    let say = |status: u16, kind: &str, code: Option<&str>, param: Option<&str>, message: &str| Refusal {
        status,
        headers: Vec::new(),
        body: json!({"error": {"message": message, "type": kind, "param": param, "code": code}}),
    };
    let quota = |code: &str, message: &str| say(429, "insufficient_quota", Some(code), None, message);
    match error {
        VendorError::InvalidKey | VendorError::Leaked => say(
            401,
            BAD,
            Some("invalid_api_key"),
            None,
            &format!(
                "Incorrect API key provided: {key}. You can find your API key at https://platform.openai.com/account/api-keys."
            ),
        ),
        VendorError::MissingKey | VendorError::TwoCredentials => say(
            401,
            BAD,
            None,
            None,
            "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
        ),
        VendorError::MissingScope => say(
            401,
            BAD,
            Some("missing_scope"),
            None,
            "You have insufficient permissions for this operation. Missing scopes: model.request.",
        ),
        VendorError::ModelForbidden(model) => say(
            403,
            BAD,
            Some("model_not_found"),
            None,
            &format!("Project `proj_test` does not have access to model `{model}`"),
        ),
        VendorError::ModelNotFound(model) => say(
            404,
            BAD,
            Some("model_not_found"),
            None,
            &format!("The model `{model}` does not exist or you do not have access to it."),
        ),
        VendorError::NoCredit => quota("credit_balance_exhausted", "Your organization has no prepaid credit left."),
        VendorError::Billing => say(
            429,
            "billing_not_active",
            Some("billing_not_active"),
            None,
            "Your account is not active, please check your billing details on our website.",
        ),
        VendorError::SpendLimit => {
            quota("organization_spend_limit_exceeded", "Your organization reached its spend limit.")
        }
        VendorError::Quota => {
            quota("insufficient_quota", "You exceeded your current quota, please check your plan and billing details.")
        }
        VendorError::RateLimited(seconds) => say(
            429,
            "requests",
            Some("rate_limit_exceeded"),
            None,
            "Rate limit reached for requests per min (RPM): Limit 3, Used 3, Requested 1.",
        )
        .with_retry_after(*seconds),
        VendorError::Overloaded => say(
            503,
            "service_unavailable_error",
            Some("server_is_overloaded"),
            None,
            "The server is overloaded, please retry.",
        ),
        VendorError::Internal => say(
            500,
            "server_error",
            None,
            None,
            "The server had an error while processing your request. Sorry about that!",
        ),
        VendorError::Timeout => say(504, "server_error", None, None, "The request timed out."),
        VendorError::BadRequest(message, param) => say(400, BAD, None, param.as_deref(), message),
        VendorError::ContextTooLong => say(
            400,
            BAD,
            Some("context_length_exceeded"),
            Some("messages"),
            "This model's maximum context length is 128000 tokens. However, your messages resulted in more.",
        ),
        VendorError::ContentPolicy => {
            say(400, BAD, Some("content_policy_violation"), None, "Your request was rejected by our safety system.")
        }
        VendorError::TooLarge => say(413, BAD, None, None, "Request body too large."),
        VendorError::WrongCountry => say(
            403,
            "request_forbidden",
            Some("unsupported_country_region_territory"),
            None,
            "Country, region, or territory not supported",
        ),
        VendorError::NotFound(path) => say(404, BAD, None, None, &format!("Invalid URL ({path})")),
    }
}

fn anthropic(error: &VendorError, _key: &str) -> Refusal {
    let say = |status: u16, kind: &str, message: &str| Refusal {
        status,
        headers: Vec::new(),
        body: json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_scripted"}),
    };
    let coded = |status: u16, kind: &str, code: &str, message: &str| Refusal {
        status,
        headers: Vec::new(),
        body: json!({"type": "error", "error": {"type": kind, "message": message, "details": {"error_code": code}},
            "request_id": "req_scripted"}),
    };
    match error {
        VendorError::InvalidKey | VendorError::Leaked => say(401, "authentication_error", "invalid x-api-key"),
        VendorError::MissingKey => say(401, "authentication_error", "x-api-key header is required"),
        VendorError::TwoCredentials => say(401, "authentication_error", "both x-api-key and Authorization were sent"),
        VendorError::MissingScope => {
            coded(403, "permission_error", "api_key_scope_missing", "The API key lacks the scope for this operation.")
        }
        VendorError::ModelForbidden(model) => {
            say(403, "permission_error", &format!("Your API key does not have permission to use {model}."))
        }
        VendorError::ModelNotFound(model) => say(404, "not_found_error", &format!("model: {model}")),
        VendorError::NoCredit => say(
            400,
            BAD,
            "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.",
        ),
        VendorError::Billing => say(402, "billing_error", "There is a problem with your payment method."),
        VendorError::SpendLimit => say(
            400,
            BAD,
            "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.",
        ),
        VendorError::Quota => coded(
            429,
            "rate_limit_error",
            "enforced_spend_limit_reached",
            "You have reached the monthly spend limit of your usage tier.",
        ),
        VendorError::RateLimited(seconds) => say(
            429,
            "rate_limit_error",
            "This request would exceed your organization's rate limit of 3 requests per minute.",
        )
        .with_retry_after(*seconds),
        VendorError::Overloaded => say(529, "overloaded_error", "Overloaded"),
        VendorError::Internal => say(500, "api_error", "Internal server error"),
        VendorError::Timeout => say(504, "timeout_error", "Request timed out"),
        VendorError::BadRequest(message, _) => say(400, BAD, message),
        VendorError::ContextTooLong => say(400, BAD, "prompt is too long: 250000 tokens > 200000 maximum"),
        VendorError::ContentPolicy => say(400, BAD, "Output blocked by content filtering policy"),
        VendorError::TooLarge => {
            coded(413, "request_too_large", "request_body_too_large_after_decoding", "Request exceeds the maximum size")
        }
        VendorError::WrongCountry => say(403, "permission_error", "Access from your region is not allowed."),
        VendorError::NotFound(path) => say(404, "not_found_error", &format!("Not Found: {path}")),
    }
}

#[expect(clippy::too_many_lines, reason = "a table: one row per error")]
fn gemini(error: &VendorError, _key: &str) -> Refusal {
    let say = |code: u16, status: &str, message: &str, details: Value| {
        let mut body = json!({"error": {"code": code, "message": message, "status": status}});
        if let (Some(inner), false) = (body.get_mut("error").and_then(Value::as_object_mut), details.is_null()) {
            inner.insert("details".to_owned(), details);
        }
        Refusal { status: code, headers: Vec::new(), body }
    };
    let info = |reason: &str| {
        json!([{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com",
            "metadata": {"service": "generativelanguage.googleapis.com"}}])
    };
    match error {
        VendorError::InvalidKey => {
            say(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", info("API_KEY_INVALID"))
        }
        VendorError::MissingKey => say(
            403,
            "PERMISSION_DENIED",
            "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.",
            Value::Null,
        ),
        VendorError::TwoCredentials => say(
            400,
            "INVALID_ARGUMENT",
            "Multiple authentication credentials received. Please pass only one.",
            info("OVERLOADED_CREDENTIALS"),
        ),
        VendorError::MissingScope => {
            say(403, "PERMISSION_DENIED", "Requests to this API method are blocked.", info("API_KEY_SERVICE_BLOCKED"))
        }
        VendorError::ModelForbidden(model) => {
            say(403, "PERMISSION_DENIED", &format!("Permission denied on model {model}."), Value::Null)
        }
        VendorError::ModelNotFound(model) => say(
            404,
            "NOT_FOUND",
            &format!("models/{model} is not found for API version v1beta, or is not supported for generateContent."),
            Value::Null,
        ),
        VendorError::NoCredit => say(402, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted.", Value::Null),
        VendorError::Billing => {
            say(403, "PERMISSION_DENIED", "This API method requires billing to be enabled.", info("BILLING_DISABLED"))
        }
        VendorError::SpendLimit => {
            say(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota).", Value::Null)
        }
        VendorError::Quota => say(
            429,
            "RESOURCE_EXHAUSTED",
            "You exceeded your current quota, please check your plan and billing details.",
            quota_details("GenerateRequestsPerDayPerProjectPerModel-FreeTier", Some(37)),
        ),
        VendorError::RateLimited(seconds) => say(
            429,
            "RESOURCE_EXHAUSTED",
            "You exceeded your current quota, please check your plan and billing details.",
            quota_details("GenerateRequestsPerMinutePerProjectPerModel", *seconds),
        ),
        VendorError::Overloaded => {
            say(503, "UNAVAILABLE", "The model is overloaded. Please try again later.", Value::Null)
        }
        VendorError::Internal => say(500, "INTERNAL", "An internal error has occurred. Please retry.", Value::Null),
        VendorError::Timeout => say(504, "DEADLINE_EXCEEDED", "The request timed out.", Value::Null),
        VendorError::BadRequest(message, _) => say(400, "INVALID_ARGUMENT", message, Value::Null),
        VendorError::ContextTooLong => say(
            400,
            "INVALID_ARGUMENT",
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
            Value::Null,
        ),
        VendorError::ContentPolicy => {
            say(400, "INVALID_ARGUMENT", "The request was blocked by the safety policy.", Value::Null)
        }
        VendorError::TooLarge => say(413, "INVALID_ARGUMENT", "Request payload size exceeds the limit.", Value::Null),
        VendorError::Leaked => say(
            403,
            "PERMISSION_DENIED",
            "Your API key was reported as leaked. Please use another API key.",
            Value::Null,
        ),
        VendorError::WrongCountry => {
            say(400, "FAILED_PRECONDITION", "User location is not supported for the API use.", Value::Null)
        }
        VendorError::NotFound(path) => {
            say(404, "NOT_FOUND", &format!("The requested URL {path} was not found on this server."), Value::Null)
        }
    }
}

/// Google tells the wait in the body, not in a header.
fn quota_details(quota_id: &str, seconds: Option<u64>) -> Value {
    let mut details = vec![json!({"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{
        "quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests",
        "quotaId": quota_id, "quotaDimensions": {"location": "global"}, "quotaValue": "50"}]})];
    if let Some(seconds) = seconds {
        details.push(json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{seconds}s")}));
    }
    Value::Array(details)
}
