//! Stage 2: bytes -> [`Call`]. The body is collected (uploads only as far as needed to find the model), scanned once,
//! and otherwise left as it was sent.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, Request};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use keyward_dialect::lens::{self, Facts};
use keyward_dialect::multipart;
use keyward_domain::denial::Denial;
use keyward_domain::dialect::Operation;

use crate::body::Outgoing;
use crate::stage::arrive::Arrival;
use crate::stage::authenticate::Caller;
use crate::surface::{ModelIn, Surface};
use crate::worker::Worker;

/// A request of a known caller, understood as far as Keyward needs to understand it.
pub(crate) struct Call {
    pub(crate) caller: Caller,
    pub(crate) head: Parts,
    pub(crate) operation: Operation,
    pub(crate) payload: Payload,
    /// The model as the client named it.
    pub(crate) model: Option<Box<str>>,
    /// Whether the model is named in the path, so that it has to be replaced there.
    pub(crate) model_in_path: bool,
    pub(crate) streamed: bool,
    _proof: (),
}

/// The body, as sent.
pub(crate) enum Payload {
    /// No body.
    Nothing,
    /// JSON, and what the lens saw in it.
    Json(Bytes, Facts),
    /// A form: the part that is here, and the rest if it is still arriving.
    Form(Bytes, multipart::Found, Option<Incoming>),
}

/// Reads the request.
pub(crate) async fn call(
    worker: &Worker,
    arrival: &mut Arrival,
    caller: Caller,
    request: Request<Incoming>,
) -> Result<Call, Denial> {
    let (head, body) = request.into_parts();
    let surface = Surface::find(&head.method, head.uri.path(), &head.headers)?;
    refuse_encoded(&head.headers)?;
    let payload = payload(worker, arrival, &head.headers, &surface, body).await?;
    let named = model_named(&surface, &payload);
    let streamed = surface.path_streams || matches!(&payload, Payload::Json(_, facts) if facts.stream);
    let (operation, model_in_path) = (surface.operation, surface.model == ModelIn::Path);
    let model = named.map(Box::from);
    arrival.model = model.as_deref().map(Into::into);
    Ok(Call { caller, head, operation, payload, model, model_in_path, streamed, _proof: () })
}

async fn payload(
    worker: &Worker,
    arrival: &Arrival,
    headers: &HeaderMap,
    surface: &Surface<'_>,
    body: Incoming,
) -> Result<Payload, Denial> {
    let limits = &worker.shared.options.limits;
    if surface.operation == Operation::ListModels {
        return Ok(Payload::Nothing);
    }
    if surface.model == ModelIn::Form
        && let Some(content_type) = form_type(headers)
    {
        return form(limits.upload_body, limits.upload_head, &content_type, body).await;
    }
    let collected = tokio::time::timeout(limits.body_read, collect(limits.json_body, body));
    let bytes = collected.await.map_err(|_| Denial::RequestTimeout)??;
    let facts = lens::look(arrival.dialect, surface.operation, &bytes).map_err(Denial::from)?;
    Ok(Payload::Json(bytes, facts))
}

/// All of a body, refused as soon as it is known to be too large. A body that came in one piece is not copied.
async fn collect(limit: u64, mut body: Incoming) -> Result<Bytes, Denial> {
    let announced = body.size_hint().lower();
    if announced > limit {
        return Err(Denial::BodyTooLarge(limit));
    }
    let mut whole = BytesMut::new();
    while let Some(piece) = next_piece(&mut body).await? {
        if (whole.len() + piece.len()) as u64 > limit {
            return Err(Denial::BodyTooLarge(limit));
        }
        if whole.is_empty() && body.is_end_stream() {
            return Ok(piece);
        }
        let announced = usize::try_from(announced).unwrap_or(0);
        whole.reserve(announced.saturating_sub(whole.len()).max(piece.len()));
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

/// A form, read until its model is known; what follows is streamed on without being kept.
async fn form(limit: u64, head_limit: usize, content_type: &str, mut body: Incoming) -> Result<Payload, Denial> {
    if body.size_hint().lower() > limit {
        return Err(Denial::BodyTooLarge(limit));
    }
    let mut seen = BytesMut::new();
    loop {
        let piece = next_piece(&mut body).await?;
        let ended = piece.is_none();
        seen.extend_from_slice(&piece.unwrap_or_default());
        if seen.len() as u64 > limit {
            return Err(Denial::BodyTooLarge(limit));
        }
        match multipart::look(content_type, &seen, ended) {
            multipart::Look::Found(found) if ended || body.is_end_stream() => {
                return Ok(Payload::Form(seen.freeze(), found, None));
            }
            multipart::Look::Found(found) => return Ok(Payload::Form(seen.freeze(), found, Some(body))),
            multipart::Look::Invalid(message) => return Err(Denial::InvalidRequest(message.to_owned(), None)),
            multipart::Look::NeedMore if ended => {
                return Err(Denial::InvalidRequest("The form ended in the middle of a part.".to_owned(), None));
            }
            // The model comes after a file larger than this: ask for the other order instead of keeping the file.
            multipart::Look::NeedMore
                if seen.len() > head_limit.max(usize::try_from(limit).unwrap_or(usize::MAX).min(26 << 20)) =>
            {
                return Err(Denial::InvalidRequest(
                    "Put the form field `model` before the file.".to_owned(),
                    Some("model"),
                ));
            }
            multipart::Look::NeedMore => {}
        }
    }
}

async fn next_piece(body: &mut Incoming) -> Result<Option<Bytes>, Denial> {
    loop {
        match body.frame().await {
            None => return Ok(None),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
            Some(Err(_)) => {
                return Err(Denial::InvalidRequest(
                    "The request body broke off or was not valid HTTP.".to_owned(),
                    None,
                ));
            }
        }
    }
}

fn form_type(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    value.get(..19).is_some_and(|kind| kind.eq_ignore_ascii_case("multipart/form-data")).then_some(value.into())
}

fn refuse_encoded(headers: &HeaderMap) -> Result<(), Denial> {
    match headers.get(CONTENT_ENCODING) {
        None => Ok(()),
        Some(encoding) if encoding.as_bytes().eq_ignore_ascii_case(b"identity") => Ok(()),
        Some(_) => Err(Denial::InvalidRequest(
            "Compressed request bodies are not accepted. Leave out Content-Encoding.".to_owned(),
            None,
        )),
    }
}

fn model_named<'a>(surface: &Surface<'a>, payload: &'a Payload) -> Option<&'a str> {
    match (surface.model, payload) {
        (ModelIn::Path, _) => surface.path_model,
        (_, Payload::Json(_, facts)) => facts.model.as_ref().map(|model| &*model.text),
        (_, Payload::Form(_, found, _)) => found.model.as_ref().map(|model| &*model.text),
        (_, Payload::Nothing) => None,
    }
}

impl Payload {
    /// Bytes that are here; an upload's rest is not counted.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Json(bytes, _) | Self::Form(bytes, ..) => bytes.len(),
        }
    }

    /// The body to send, with the upload's rest if there is one. Only whole bodies can be sent a second time.
    pub(crate) fn is_replayable(&self) -> bool {
        !matches!(self, Self::Form(_, _, Some(_)))
    }

    /// The output cap that the client set.
    pub(crate) fn output_cap(&self) -> Option<u64> {
        match self {
            Self::Json(_, facts) => facts.output_cap,
            _ => None,
        }
    }

    /// How many answers are asked for.
    pub(crate) fn candidates(&self) -> u32 {
        match self {
            Self::Json(_, facts) => facts.candidates,
            _ => 1,
        }
    }
}

impl From<Bytes> for Outgoing {
    fn from(bytes: Bytes) -> Self {
        Self::Whole((!bytes.is_empty()).then_some(bytes))
    }
}
