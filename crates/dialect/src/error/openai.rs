//! OpenAI's envelope: `{"error":{message,type,param,code}}`.

use keyward_domain::denial::Denial;
use serde::Serialize;

use super::figures::Figures;

#[derive(Serialize)]
pub(super) struct Body<'a> {
    error: Error<'a>,
}

#[derive(Serialize)]
struct Error<'a> {
    message: &'a str,
    r#type: &'static str,
    param: Option<&'static str>,
    code: &'static str,
    origin: &'static str,
    request_id: &'a str,
    #[serde(flatten)]
    figures: Option<Figures>,
}

/// A typed event: the documented flat members, and the nested ones that are seen in the wild and that SDKs read.
#[derive(Serialize)]
pub(super) struct Event<'a> {
    r#type: &'static str,
    code: &'static str,
    message: &'a str,
    param: Option<&'static str>,
    error: Error<'a>,
}

pub(super) fn body<'a>(denial: &Denial, message: &'a str, request_id: &'a str) -> Body<'a> {
    Body { error: error(denial, message, request_id) }
}

pub(super) fn event<'a>(denial: &Denial, message: &'a str, request_id: &'a str) -> Event<'a> {
    let error = error(denial, message, request_id);
    Event { r#type: "error", code: error.code, message, param: error.param, error }
}

fn error<'a>(denial: &Denial, message: &'a str, request_id: &'a str) -> Error<'a> {
    Error {
        message,
        r#type: kind(denial.status()),
        param: denial.param(),
        code: denial.code(),
        origin: denial.origin().as_str(),
        request_id,
        figures: Figures::of(denial),
    }
}

const fn kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        408 | 504 => "timeout_error",
        429 => "rate_limit_error",
        503 => "service_unavailable_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}
