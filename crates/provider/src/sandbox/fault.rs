//! Refusals in the words of each dialect.

use http::{HeaderValue, StatusCode};
use keyward_domain::dialect::Dialect;
use serde_json::{Value, json};

use super::knobs::Knobs;
use super::script::Scripted;

/// The refusal that the knobs ask for, if they do.
pub(super) fn wanted(dialect: Dialect, knobs: &Knobs) -> Option<Scripted> {
    let status = knobs.status.or_else(|| knobs.code.is_some().then_some(400))?;
    let message = "The sandbox was asked to fail.";
    let mut scripted = refusal(dialect, status, knobs.code.as_deref(), message);
    if let Some(seconds) = knobs.retry_after {
        scripted.headers.insert("retry-after", HeaderValue::from(seconds));
    }
    if (300..400).contains(&status) {
        scripted.headers.insert("location", HeaderValue::from_static("https://elsewhere.example.com/"));
    }
    Some(Scripted { first_delay_ms: knobs.ttft_ms.unwrap_or(0), ..scripted })
}

/// A refusal with the status's usual code, or with this one.
pub(super) fn refusal(dialect: Dialect, status: u16, code: Option<&str>, message: &str) -> Scripted {
    let http = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Scripted::json(http, &body(dialect, status, code, message))
}

/// The body of a refusal; also what an error event in a stream carries.
pub(super) fn body(dialect: Dialect, status: u16, code: Option<&str>, message: &str) -> Value {
    match dialect {
        Dialect::OpenAi => {
            let (kind, usual) = openai(status);
            // A few codes are types as well, and clients look at either.
            let kind = code.filter(|code| matches!(*code, "insufficient_quota" | "billing_not_active")).unwrap_or(kind);
            json!({"error": {"message": message, "type": kind, "param": null, "code": code.or(usual)}})
        }
        Dialect::Anthropic => {
            let mut error = json!({"type": anthropic(status), "message": message});
            if let (Some(code), Value::Object(fields)) = (code, &mut error) {
                fields.insert("details".to_owned(), json!({"error_code": code}));
            }
            json!({"type": "error", "error": error, "request_id": "req_sandbox"})
        }
        Dialect::Gemini => {
            let mut error = json!({"code": status, "message": message, "status": gemini(status)});
            if let (Some(code), Value::Object(fields)) = (code, &mut error) {
                let detail =
                    json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": code, "domain": "sandbox"});
                fields.insert("details".to_owned(), json!([detail]));
            }
            json!({"error": error})
        }
    }
}

const fn openai(status: u16) -> (&'static str, Option<&'static str>) {
    match status {
        401 => ("invalid_request_error", Some("invalid_api_key")),
        403 => ("invalid_request_error", Some("unsupported_country_region_territory")),
        404 => ("invalid_request_error", Some("model_not_found")),
        429 => ("requests", Some("rate_limit_exceeded")),
        503 => ("service_unavailable_error", Some("server_is_overloaded")),
        500..=599 => ("server_error", None),
        _ => ("invalid_request_error", None),
    }
}

const fn anthropic(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        409 => "conflict_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        503 | 529 => "overloaded_error",
        500..=599 => "api_error",
        _ => "invalid_request_error",
    }
}

const fn gemini(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        402 | 429 => "RESOURCE_EXHAUSTED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ABORTED",
        499 => "CANCELLED",
        501 => "UNIMPLEMENTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        500..=599 => "INTERNAL",
        _ => "INVALID_ARGUMENT",
    }
}
