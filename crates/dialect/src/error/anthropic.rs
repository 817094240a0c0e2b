//! Anthropic's envelope: `{"type":"error","error":{type,message,details},"request_id"}`.

use keyward_domain::denial::Denial;
use serde::Serialize;

use super::figures::Figures;

#[derive(Serialize)]
pub(super) struct Body<'a> {
    r#type: &'static str,
    error: Error<'a>,
    request_id: &'a str,
}

#[derive(Serialize)]
struct Error<'a> {
    r#type: &'static str,
    message: &'a str,
    details: Details,
}

#[derive(Serialize)]
struct Details {
    error_code: &'static str,
    origin: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    param: Option<&'static str>,
    #[serde(flatten)]
    figures: Option<Figures>,
}

pub(super) fn body<'a>(denial: &Denial, message: &'a str, request_id: &'a str) -> Body<'a> {
    let (error_code, origin, param) = (denial.code(), denial.origin().as_str(), denial.param());
    let details = Details { error_code, origin, param, figures: Figures::of(denial) };
    Body { r#type: "error", error: Error { r#type: kind(denial), message, details }, request_id }
}

const fn kind(denial: &Denial) -> &'static str {
    match denial.status() {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        408 | 504 => "timeout_error",
        409 => "conflict_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 if matches!(denial, Denial::Overloaded(_)) => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}
