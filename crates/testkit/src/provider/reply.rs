//! What goes back: refusals, scripted statuses, answers, each with the headers its vendor sends.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use serde_json::Value;

use super::bill::Usage;
use super::body::{ScriptBody, Ticket};
use super::call::{Arrived, Prepared};
use super::fault::Fault;
use super::frame::script;
use super::refusal::{Refusal, VendorError, masked, stream_error};
use super::route::{self, Target};
use super::vendor::{Operation, Vendor};

/// A refusal in the vendor's words; the script may still bend its bytes.
pub(crate) fn refuse(
    arrived: &Arrived,
    ticket: Ticket,
    vendor: Vendor,
    fault: &Fault,
    error: &VendorError,
    secret: &str,
) -> Response<ScriptBody> {
    let shown = if fault.echo_key { secret.to_owned() } else { masked(secret) };
    let mut refusal = Refusal::of(vendor, error, &shown);
    if fault.echo_key && vendor != Vendor::OpenAi {
        append_to_message(&mut refusal.body, secret);
    }
    let body = match (&arrived.target, vendor) {
        // Google wraps the errors of its array streams in an array.
        (Some(Target { operation: Operation::StreamGenerateContent, .. }), Vendor::Gemini)
            if route::query_value(&arrived.uri, "alt").is_none() =>
        {
            Value::Array(vec![refusal.body])
        }
        _ => refusal.body,
    };
    let prepared = Prepared::json(&body, Usage::default());
    let mut response = respond(arrived, ticket, vendor, fault, refusal.status, prepared);
    for (name, value) in refusal.headers {
        if fault.headers.iter().all(|(scripted, _)| !scripted.eq_ignore_ascii_case(&name)) {
            insert(response.headers_mut(), &name, &value);
        }
    }
    response
}

fn append_to_message(body: &mut Value, secret: &str) {
    if let Some(Value::String(message)) = body.pointer_mut("/error/message") {
        message.push_str(" Key: ");
        message.push_str(secret);
    }
}

/// A status and body out of the script.
pub(crate) fn scripted(
    arrived: &Arrived,
    ticket: Ticket,
    target: &Target,
    fault: &Fault,
    (status, body): (u16, &Option<(String, Bytes)>),
    secret: &str,
) -> Response<ScriptBody> {
    let Some((content_type, body)) = body else {
        return match error_for(status) {
            Some(error) => {
                let mut refused = refuse(arrived, ticket, target.vendor, fault, &error, secret);
                if let Ok(status) = http::StatusCode::from_u16(status) {
                    *refused.status_mut() = status;
                }
                note_status(arrived, refused.status().as_u16(), &refused);
                refused
            }
            None => respond(
                arrived,
                ticket,
                target.vendor,
                fault,
                status,
                Prepared::whole("text/plain", "", Usage::default()),
            ),
        };
    };
    let filled = match std::str::from_utf8(body) {
        Ok(text) if text.contains("{{key}}") => Bytes::from(text.replace("{{key}}", secret)),
        _ => body.clone(),
    };
    let mut prepared = Prepared::whole("text/plain", filled, Usage::default());
    if content_type.starts_with("text/event-stream") {
        // Streams do not announce their length.
        prepared.length = None;
    }
    let mut response = respond(arrived, ticket, target.vendor, fault, status, prepared);
    insert(response.headers_mut(), "content-type", content_type);
    response
}

fn error_for(status: u16) -> Option<VendorError> {
    Some(match status {
        400 => VendorError::BadRequest("Scripted bad request.".to_owned(), None),
        401 => VendorError::InvalidKey,
        402 | 403 => VendorError::Billing,
        404 => VendorError::NotFound("/scripted".to_owned()),
        413 => VendorError::TooLarge,
        429 => VendorError::RateLimited(None),
        503 | 529 => VendorError::Overloaded,
        504 => VendorError::Timeout,
        500.. => VendorError::Internal,
        _ => return None,
    })
}

/// The response itself: the vendor's usual headers, the script's on top, the body on the script's road.
pub(crate) fn respond(
    arrived: &Arrived,
    mut ticket: Ticket,
    vendor: Vendor,
    fault: &Fault,
    status: u16,
    prepared: Prepared,
) -> Response<ScriptBody> {
    ticket.answered = true;
    let call = ticket.call;
    let error = fault.error_after.as_ref().filter(|_| prepared.streamed).map(|(_, error)| {
        ticket.breaks_off = true;
        error_event(vendor, error, prepared.content_type)
    });
    let is_events = prepared.content_type.starts_with("text/event-stream");
    let actions = script(prepared.frames, fault, error, is_events);
    let length = prepared.length.filter(|_| !fault.gzip);
    let body = ScriptBody::new(actions, ticket, Arc::clone(&arrived.wire))
        .with_length(length)
        .flush_each(!fault.rechunk.is_empty());
    let mut response = Response::new(body);
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::OK);
    let headers = response.headers_mut();
    insert(headers, "content-type", prepared.content_type);
    for (name, value) in usual_headers(vendor, call) {
        insert(headers, name, &value);
    }
    if fault.gzip {
        insert(headers, "content-encoding", "gzip");
    }
    for (name, value) in &fault.headers {
        insert(headers, name, value);
    }
    note_status(arrived, status, &response);
    response
}

fn note_status(arrived: &Arrived, status: u16, response: &Response<ScriptBody>) {
    let call = response.body().call();
    arrived.shared.write(|state| state.log.edit(call, |record| record.status = Some(status)));
}

/// The event that ends a stream that began with 200.
fn error_event(vendor: Vendor, error: &VendorError, content_type: &str) -> Bytes {
    let body = stream_error(vendor, error);
    Bytes::from(match vendor {
        Vendor::OpenAi => format!("data: {body}\n\n"),
        Vendor::Anthropic => format!("event: error\ndata: {body}\n\n"),
        // Inside an event stream Google sends bare JSON; inside an array stream it is one more element.
        Vendor::Gemini if content_type.starts_with("text/event-stream") => format!("{body:#}\n\n"),
        Vendor::Gemini => format!(",\r\n{body:#}]"),
    })
}

/// Headers each vendor sends with every answer.
fn usual_headers(vendor: Vendor, call: u64) -> Vec<(&'static str, String)> {
    match vendor {
        Vendor::OpenAi => vec![
            ("x-request-id", format!("req_{call:024x}")),
            ("openai-version", "2020-10-01".to_owned()),
            ("openai-processing-ms", "12".to_owned()),
            ("x-ratelimit-limit-requests", "10000".to_owned()),
            ("x-ratelimit-remaining-requests", "9999".to_owned()),
            ("x-ratelimit-reset-requests", "6ms".to_owned()),
        ],
        Vendor::Anthropic => vec![
            ("request-id", format!("req_{call:024x}")),
            ("anthropic-organization-id", "00000000-0000-4000-8000-000000000000".to_owned()),
            ("anthropic-ratelimit-requests-limit", "4000".to_owned()),
            ("anthropic-ratelimit-requests-remaining", "3999".to_owned()),
            ("anthropic-ratelimit-requests-reset", "2026-11-20T07:40:59Z".to_owned()),
        ],
        Vendor::Gemini => {
            vec![("server-timing", "gfet4t7; dur=12".to_owned()), ("x-frame-options", "SAMEORIGIN".to_owned())]
        }
    }
}

/// Header values out of a script may be anything; what HTTP cannot carry is left out.
fn insert(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.as_bytes()))
    {
        headers.insert(name, value);
    }
}
