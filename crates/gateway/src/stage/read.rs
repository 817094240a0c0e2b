//! Stage 2: bytes -> [`Call`]. The body is collected (uploads only as far as needed to find the model), scanned once,
//! and otherwise left as it was sent.

use std::borrow::Cow;
use std::hash::BuildHasher as _;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use foldhash::fast::FixedState;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Request};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use keyward_dialect::lens::{self, Facts};
use keyward_dialect::multipart::{Form, Found};
use keyward_domain::denial::Denial;
use keyward_domain::dialect::{Dialect, Operation};
use keyward_domain::ledger::Attributed;
use keyward_domain::virtual_key::Priority;
use serde::de::DeserializeOwned;

use crate::body::{Outgoing, Rest};
use crate::claims;
use crate::stage::arrive::Arrival;
use crate::stage::authenticate::Caller;
use crate::surface::{ModelIn, Surface};
use crate::worker::Worker;

/// Names the session that a call belongs to.
static SESSION: HeaderName = HeaderName::from_static("x-keyward-session");
/// What `moderations` means by no model.
const DEFAULT_MODERATION: &str = "omni-moderation-latest";

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
    /// Whom it is attributed to besides its key.
    pub(crate) attributed: Option<Arc<Attributed>>,
    /// How urgent it is, should it have to wait.
    pub(crate) priority: Priority,
    _proof: (),
}

impl Call {
    /// What should stay with one account, so that the provider's prompt cache is of use: the session that the client
    /// names, the cache key of its request, or the beginning of its conversation.
    pub(crate) fn affinity(&self, dialect: Dialect) -> Option<u64> {
        if let Some(session) = self.head.headers.get(&SESSION) {
            return Some(FixedState::default().hash_one(session.as_bytes()));
        }
        let Payload::Json(body, facts) = &self.payload else { return None };
        facts.cache_key.or_else(|| facts.parts.prefix(dialect, self.operation, body))
    }
}

/// The body, as sent.
pub(crate) enum Payload {
    /// No body.
    Nothing,
    /// JSON, and what the lens saw in it.
    Json(Bytes, Facts),
    /// A form: the part that is here, and the rest if it is still arriving.
    Form(Bytes, Found, Option<Rest>),
}

/// Reads the request.
pub(crate) async fn call(
    worker: &Worker,
    arrival: &mut Arrival,
    caller: Caller,
    request: Request<Incoming>,
) -> Result<Box<Call>, Denial> {
    let (head, body) = request.into_parts();
    let surface = arrival.surface.clone()?;
    refuse_encoded(&head.headers)?;
    let attributed = claims::attributed(caller.key(), &head.headers)?;
    let priority = claims::priority(caller.key(), &head.headers)?;
    let payload = payload(worker, arrival, &head.headers, &surface, body).await?;
    let model = model_named(&surface, &payload);
    let streamed = surface.path_streams || payload.wants_stream();
    let (operation, model_in_path) = (surface.operation, surface.model == ModelIn::Path);
    arrival.model = model.as_deref().map(Into::into);
    Ok(Box::new(Call {
        caller,
        head,
        operation,
        payload,
        model,
        model_in_path,
        streamed,
        attributed,
        priority,
        _proof: (),
    }))
}

async fn payload(
    worker: &Worker,
    arrival: &Arrival,
    headers: &HeaderMap,
    surface: &Surface,
    body: Incoming,
) -> Result<Payload, Denial> {
    let limits = &worker.shared.options.limits;
    if surface.operation == Operation::ListModels {
        return Ok(Payload::Nothing);
    }
    if surface.model == ModelIn::Form
        && let Some(content_type) = form_type(headers)
    {
        let reading = form(limits.upload_body, limits.upload_head, &content_type, body);
        return tokio::time::timeout(limits.body_read, reading).await.map_err(|_| Denial::RequestTimeout)?;
    }
    let collected = tokio::time::timeout(limits.body_read, collect(limits.json_body, body));
    let bytes = collected.await.map_err(|_| Denial::RequestTimeout)??;
    let facts = lens::look(arrival.dialect, surface.operation, &bytes).map_err(Denial::from)?;
    Ok(Payload::Json(bytes, facts))
}

/// A small JSON document of our own making, for calls that Keyward answers itself.
pub(crate) async fn small_json<T: DeserializeOwned>(
    worker: &Worker,
    request: Request<Incoming>,
    limit: u64,
) -> Result<T, Denial> {
    let (head, body) = request.into_parts();
    refuse_encoded(&head.headers)?;
    let collected = tokio::time::timeout(worker.shared.options.limits.body_read, collect(limit, body));
    let bytes = collected.await.map_err(|_| Denial::RequestTimeout)??;
    serde_json::from_slice(&bytes)
        .map_err(|error| Denial::InvalidRequest(format!("The body is not valid: {error}."), None))
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
    let invalid = |message: &'static str| Denial::InvalidRequest(message.to_owned(), None);
    if body.size_hint().lower() > limit {
        return Err(Denial::BodyTooLarge(limit));
    }
    let mut form = Form::new(content_type).map_err(invalid)?;
    let mut seen = BytesMut::new();
    loop {
        let piece = next_piece(&mut body).await?;
        let ended = piece.is_none() || body.is_end_stream();
        let piece = piece.unwrap_or_default();
        form.feed(&piece).map_err(invalid)?;
        seen.extend_from_slice(&piece);
        if seen.len() as u64 > limit {
            return Err(Denial::BodyTooLarge(limit));
        }
        if ended {
            form.end().map_err(invalid)?;
        }
        match form.found() {
            Some(found) if ended => return Ok(Payload::Form(seen.freeze(), found, None)),
            Some(found) => return Ok(Payload::Form(seen.freeze(), found, Some(Rest { body, form }))),
            None if ended => return Err(invalid("The form ended in the middle of a part.")),
            None if seen.len() > head_limit => {
                let message = "Put the form field `model` before the file.".to_owned();
                return Err(Denial::InvalidRequest(message, Some("model")));
            }
            None => {}
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

/// The model as the client named it. Moderation has a default that every vendor of it shares.
fn model_named(surface: &Surface, payload: &Payload) -> Option<Box<str>> {
    let named = match (surface.model, payload) {
        (ModelIn::Path, _) => surface.path_model.clone(),
        (_, Payload::Json(_, facts)) => facts.model.as_ref().map(|model| model.text.clone()),
        (_, Payload::Form(_, found, _)) => found.model.as_ref().map(|model| model.text.clone()),
        (_, Payload::Nothing) => None,
    };
    named.or_else(|| (surface.operation == Operation::Moderate).then(|| DEFAULT_MODERATION.into()))
}

impl Payload {
    /// Bytes that are here; an upload's rest is not counted.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Json(bytes, _) | Self::Form(bytes, ..) => bytes.len(),
        }
    }

    /// Whether all of it is here. Only then can it be sent a second time.
    pub(crate) fn is_replayable(&self) -> bool {
        !matches!(self, Self::Form(_, _, Some(_)))
    }

    /// Whether the client wants events.
    fn wants_stream(&self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Json(_, facts) => facts.stream,
            Self::Form(_, found, _) => found.stream,
        }
    }

    /// The output cap that the client set.
    pub(crate) fn output_cap(&self) -> Option<u64> {
        match self {
            Self::Json(_, facts) => facts.output_cap,
            Self::Nothing | Self::Form(..) => None,
        }
    }

    /// How many answers are asked for.
    pub(crate) fn candidates(&self) -> u32 {
        match self {
            Self::Nothing => 1,
            Self::Json(_, facts) => facts.candidates,
            Self::Form(_, found, _) => found.candidates,
        }
    }

    /// A member or field that tries to steer where the call goes.
    pub(crate) fn forbidden(&self) -> Option<&'static str> {
        match self {
            Self::Nothing => None,
            Self::Json(_, facts) => facts.forbidden,
            Self::Form(_, found, _) => found.forbidden,
        }
    }

    /// What a price may depend on.
    pub(crate) fn asked(&self) -> Asked {
        match self {
            Self::Nothing => Asked::default(),
            Self::Json(_, facts) => Asked {
                size: facts.image_size.clone(),
                quality: facts.image_quality.clone(),
                characters: facts.input_characters,
                upload_bytes: None,
            },
            Self::Form(bytes, found, rest) => Asked {
                size: found.image_size.clone(),
                quality: found.image_quality.clone(),
                characters: None,
                upload_bytes: Some(bytes.len() as u64 + rest.as_ref().map_or(0, |rest| rest.body.size_hint().lower())),
            },
        }
    }
}

/// What the request says that a price may depend on.
#[derive(Clone, Default)]
pub(crate) struct Asked {
    /// A picture's size.
    pub(crate) size: Option<Box<str>>,
    /// A picture's quality.
    pub(crate) quality: Option<Box<str>>,
    /// Characters to be spoken.
    pub(crate) characters: Option<u64>,
    /// Bytes of a form, its files included.
    pub(crate) upload_bytes: Option<u64>,
}

impl From<Bytes> for Outgoing {
    fn from(bytes: Bytes) -> Self {
        Self::Whole((!bytes.is_empty()).then_some(bytes))
    }
}
