//! Google's envelope: `{"error":{code,message,status,details}}` with an `ErrorInfo`.

use keyward_domain::denial::Denial;
use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};

use super::figures::Figures;

#[derive(Serialize)]
pub(super) struct Body<'a> {
    error: Error<'a>,
}

#[derive(Serialize)]
struct Error<'a> {
    code: u16,
    message: &'a str,
    status: &'static str,
    details: Details<'a>,
}

struct Details<'a> {
    info: Info<'a>,
    retry: Option<Retry>,
}

#[derive(Serialize)]
struct Info<'a> {
    #[serde(rename = "@type")]
    kind: &'static str,
    /// Google writes reasons in capitals.
    reason: String,
    domain: &'static str,
    metadata: Metadata<'a>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    code: &'static str,
    origin: &'static str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    param: Option<&'static str>,
    #[serde(flatten)]
    figures: Option<Figures>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Retry {
    #[serde(rename = "@type")]
    kind: &'static str,
    retry_delay: String,
}

impl Serialize for Details<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        list.serialize_element(&self.info)?;
        if let Some(retry) = &self.retry {
            list.serialize_element(retry)?;
        }
        list.end()
    }
}

pub(super) fn body<'a>(denial: &Denial, message: &'a str, request_id: &'a str) -> Body<'a> {
    let (code, origin) = (denial.code(), denial.origin().as_str());
    let info = Info {
        kind: "type.googleapis.com/google.rpc.ErrorInfo",
        reason: code.to_ascii_uppercase(),
        domain: "keyward",
        metadata: Metadata { code, origin, request_id, param: denial.param(), figures: Figures::of(denial) },
    };
    let retry = denial.retry_after().map(|after| Retry {
        kind: "type.googleapis.com/google.rpc.RetryInfo",
        retry_delay: format!("{}s", after.as_secs().max(1)),
    });
    let status = denial.status();
    Body { error: Error { code: status, message, status: word(status), details: Details { info, retry } } }
}

const fn word(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        402 | 429 => "RESOURCE_EXHAUSTED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        405 => "UNIMPLEMENTED",
        408 | 504 => "DEADLINE_EXCEEDED",
        409 => "ABORTED",
        500 => "INTERNAL",
        501.. => "UNAVAILABLE",
        _ => "INVALID_ARGUMENT",
    }
}
