//! One call from its first byte to its answer: log, recognise, authenticate, consult the script, answer.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, Uri, Version};
use hyper::body::Incoming;
use serde_json::Value;

use super::bill::{Account, Usage};
use super::body::{CutByScript, ScriptBody, Ticket, stand_still};
use super::credential;
use super::fault::{Fault, Reply, Stall, Subject};
use super::frame::{Frame, Frames};
use super::record::RequestRecord;
use super::refusal::VendorError;
use super::reply;
use super::route::{self, Target};
use super::state::Shared;
use super::upload::{self, Form, Received};
use super::vendor::{Operation, Vendor};
use super::wire::WireControl;
use super::{anthropic, gemini, openai};

/// A call that passed authentication, as the dialects see it.
pub(crate) struct Authenticated<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) operation: Operation,
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
    /// Name of the key.
    pub(crate) key: &'a str,
    /// The model asked for; empty for lists.
    pub(crate) model: &'a str,
    pub(crate) json: &'a Value,
    pub(crate) form: &'a Form,
    pub(crate) fault: &'a Fault,
}

/// What a dialect answers.
pub(crate) struct Prepared {
    pub(crate) content_type: &'static str,
    pub(crate) frames: Frames,
    /// Length of the body where it is one piece.
    pub(crate) length: Option<u64>,
    pub(crate) streamed: bool,
    pub(crate) usage: Usage,
}

impl Prepared {
    /// A body in one piece, generated as a whole.
    pub(crate) fn whole(content_type: &'static str, body: impl Into<Bytes>, usage: Usage) -> Self {
        let body = body.into();
        let length = Some(body.len() as u64);
        let frame = Frame::generated(body, usage.output);
        Self { content_type, frames: Box::new(std::iter::once(frame)), length, streamed: false, usage }
    }

    pub(crate) fn json(body: &Value, usage: Usage) -> Self {
        Self::whole("application/json", body.to_string(), usage)
    }

    pub(crate) fn events(frames: Frames, usage: Usage) -> Self {
        Self { content_type: "text/event-stream; charset=utf-8", frames, length: None, streamed: true, usage }
    }
}

/// Serves one request.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    wire: Arc<WireControl>,
    request: Request<Incoming>,
) -> Result<Response<ScriptBody>, CutByScript> {
    let (head, body) = request.into_parts();
    let target = route::recognise(&head.method, &head.uri, &head.headers);
    let call = open_record(&shared, &wire, &head, target.as_ref());
    let ticket = Ticket::new(Arc::clone(&shared), call);
    let content_type = head.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
    let is_multipart = content_type.starts_with("multipart/form-data");
    let received = upload::receive(body, is_multipart).await;
    shared.write(|state| {
        state.log.edit(call, |record| {
            record.body = received.bytes.clone();
            record.body_len = received.len;
            record.body_crc32 = received.crc32;
            record.body_complete = received.complete;
        });
    });
    let form = if is_multipart { Form::parse(&content_type, &received).unwrap_or_default() } else { Form::default() };
    answer(Arrived { shared, wire, uri: head.uri, headers: head.headers, target, received, form }, ticket).await
}

/// A request that was read.
pub(crate) struct Arrived {
    pub(crate) shared: Arc<Shared>,
    pub(crate) wire: Arc<WireControl>,
    pub(crate) uri: Uri,
    headers: HeaderMap,
    pub(crate) target: Option<Target>,
    received: Received,
    form: Form,
}

async fn answer(arrived: Arrived, mut ticket: Ticket) -> Result<Response<ScriptBody>, CutByScript> {
    let Some(target) = arrived.target.clone() else {
        let vendor = route::likely_vendor(&arrived.uri, &arrived.headers);
        let error = VendorError::NotFound(arrived.uri.path().to_owned());
        return Ok(reply::refuse(&arrived, ticket, vendor, &Fault::answer(), &error, ""));
    };
    let json: Value = serde_json::from_slice(&arrived.received.bytes).unwrap_or(Value::Null);
    let named = |name: &str| json.get(name).and_then(Value::as_str).map(str::to_owned);
    let model = target.model.clone().or_else(|| named("model")).or_else(|| arrived.form.text("model"));
    let presented = credential::presented(target.vendor, &arrived.uri, &arrived.headers);
    let secret = presented.clone().unwrap_or_default();
    let (key, fault) = match admit(&arrived.shared, ticket.call, &target, model.as_deref(), presented) {
        Ok(admitted) => admitted,
        Err(error) => return Ok(reply::refuse(&arrived, ticket, target.vendor, &Fault::answer(), &error, &secret)),
    };
    if fault.stall == Some(Stall::BeforeHeaders) {
        stand_still(Arc::clone(&arrived.shared)).await;
    }
    match &fault.reply {
        Reply::Answer => {}
        Reply::Status { status, body } => {
            return Ok(reply::scripted(&arrived, ticket, &target, &fault, (*status, body), &secret));
        }
        Reply::Vendor(error) => return Ok(reply::refuse(&arrived, ticket, target.vendor, &fault, error, &secret)),
        Reply::Raw(bytes) => {
            arrived.wire.end_with(bytes.clone());
            ticket.end(super::bill::Ended::ProviderCut);
            return Err(CutByScript);
        }
        Reply::HangUp(close) => {
            arrived.wire.close_with(*close);
            ticket.end(super::bill::Ended::ProviderCut);
            return Err(CutByScript);
        }
    }
    let authenticated = Authenticated {
        shared: &arrived.shared,
        operation: target.operation,
        uri: &arrived.uri,
        headers: &arrived.headers,
        key: &key,
        model: model.as_deref().unwrap_or(""),
        json: &json,
        form: &arrived.form,
        fault: &fault,
    };
    let prepared =
        if arrived.received.too_large { Err(VendorError::TooLarge) } else { prepare(target.vendor, &authenticated) };
    match prepared {
        Err(error) => Ok(reply::refuse(&arrived, ticket, target.vendor, &fault, &error, &secret)),
        Ok(prepared) => {
            ticket.account = Some(Account {
                call: ticket.call,
                key,
                model: model.unwrap_or_default(),
                vendor: target.vendor,
                operation: target.operation,
                streamed: prepared.streamed,
                usage: prepared.usage,
            });
            Ok(reply::respond(&arrived, ticket, target.vendor, &fault, 200, prepared))
        }
    }
}

fn prepare(vendor: Vendor, call: &Authenticated<'_>) -> Result<Prepared, VendorError> {
    match vendor {
        Vendor::OpenAi => openai::answer(call),
        Vendor::Anthropic => anthropic::answer(call),
        Vendor::Gemini => gemini::answer(call),
    }
}

/// Finds the key, lets it judge the call and takes the fault that applies; in one step under one lock.
fn admit(
    shared: &Shared,
    call: u64,
    target: &Target,
    model: Option<&str>,
    presented: Result<String, VendorError>,
) -> Result<(String, Fault), VendorError> {
    shared.write(|state| {
        state.log.edit(call, |record| record.model = model.map(str::to_owned));
        let secret = presented?;
        let key = state
            .keys
            .iter_mut()
            .find(|key| key.vendor == target.vendor && key.secret == secret)
            .ok_or(VendorError::InvalidKey)?;
        let name = key.name.clone();
        let refused = key.judge(target.operation, model);
        state.log.edit(call, |record| record.key = Some(name.clone()));
        if let Some(error) = refused {
            return Err(error);
        }
        let subject = Subject { vendor: target.vendor, operation: target.operation, model, key: &name };
        let fault = state.script.take(&subject);
        Ok((name, fault))
    })
}

fn open_record(shared: &Shared, wire: &WireControl, head: &http::request::Parts, target: Option<&Target>) -> u64 {
    let record = RequestRecord {
        call: 0,
        connection: wire.connection,
        version: if head.version == Version::HTTP_2 { "HTTP/2.0" } else { "HTTP/1.1" },
        method: head.method.to_string(),
        target: head.uri.path_and_query().map_or_else(|| head.uri.path().to_owned(), ToString::to_string),
        headers: head.headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect(),
        body: Bytes::new(),
        body_len: 0,
        body_crc32: 0,
        body_complete: false,
        vendor: target.map(|target| target.vendor),
        operation: target.map(|target| target.operation),
        model: target.and_then(|target| target.model.clone()),
        key: None,
        status: None,
        finished: false,
        closed_early: None,
        at: shared.started.elapsed(),
    };
    shared.write(|state| state.log.open(record))
}
