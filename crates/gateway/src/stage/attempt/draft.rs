//! The request as it goes to a provider: the client's own bytes with the declared edits spliced in, the client's own
//! headers without those that are not the provider's business.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, HeaderName, HeaderValue};
use http::{HeaderMap, Request, Uri};
use keyward_dialect::error::Telling;
use keyward_dialect::lens::{Facts, IncludeUsage};
use keyward_dialect::splice::{CapName, Edits};
use keyward_domain::denial::Denial;
use keyward_domain::provider::ProviderKind;
use keyward_domain::virtual_key::{DisconnectPolicy, VirtualKey};
use keyward_provider::{outbound_headers, target};

use crate::body::{Outgoing, Upload, UploadFault};
use crate::options::Limits;
use crate::snapshot::Deployment;
use crate::stage::admit::{Counted, Hold, Most, Place, Purse};
use crate::stage::arrive::Arrival;
use crate::stage::read::{Asked, Call, Payload};
use crate::stage::route::{Candidate, Course, Plan};

/// Asks which way a call took; the answer carries a header of the same name.
pub(crate) const EXPLAIN: HeaderName = HeaderName::from_static("x-keyward-explain");

/// A call, ready to be prepared for one candidate after the other.
pub(super) struct Draft {
    pub(super) call: Box<Call>,
    limits: Limits,
    /// Set when the client's upload turns out to be at fault.
    pub(super) upload_fault: UploadFault,
    /// What the call can cost at most.
    pub(super) most: Most,
    pub(super) name: Arc<str>,
    /// What the call may spend.
    pub(super) purse: Purse,
    /// The cap that the last provider was told because there is no money for more.
    pub(super) lowered: Option<u64>,
    /// What limits on who asks count of the call.
    pub(super) counted: Option<Counted>,
    /// How long the call has waited in line so far.
    pub(super) waited: Duration,
}

impl Draft {
    /// Takes a plan apart: what to send, the place in flight, and the way to those it may be sent to.
    pub(super) fn of(plan: Plan, limits: &Limits) -> (Self, Place, Course) {
        let Hold { grant, place, most, purse } = plan.hold;
        let draft = Self {
            limits: *limits,
            upload_fault: UploadFault::default(),
            most,
            name: Arc::clone(&grant.route.name),
            call: grant.call,
            purse,
            lowered: None,
            counted: place.counted.clone(),
            waited: place.waited,
        };
        (draft, place, plan.course)
    }

    /// The caller's key.
    pub(super) fn key(&self) -> &VirtualKey {
        &self.call.caller.key().record
    }

    /// What the relay has to know.
    pub(super) fn about(&self, telling: Option<Telling>) -> About {
        let (streamed, hide_usage, on_disconnect) =
            (self.call.streamed, self.injects_usage(), self.key().on_disconnect);
        About { streamed, hide_usage, on_disconnect, telling }
    }

    /// Whether the client wants to know which way its call took.
    pub(super) fn asks_for_explanation(&self) -> bool {
        self.call.head.headers.get(EXPLAIN).is_some_and(|value| !matches!(value.as_bytes(), b"" | b"0" | b"false"))
    }

    /// What a price may depend on.
    pub(super) fn asked(&self) -> Asked {
        self.call.payload.asked()
    }

    /// The request for this candidate. The last one takes the client's headers and body over instead of copying them.
    pub(super) fn request(
        &mut self,
        arrival: &Arrival,
        candidate: &Candidate,
        credential: Option<&(HeaderName, HeaderValue)>,
        cap: Option<u64>,
        is_last: bool,
    ) -> Result<Request<Outgoing>, Denial> {
        let provider = &candidate.target.provider;
        let mine = &mut self.call.head.headers;
        let mut headers = if is_last { std::mem::take(mine) } else { mine.clone() };
        outbound_headers(provider.kind, arrival.dialect, &mut headers);
        if let Some((name, value)) = credential {
            headers.insert(name.clone(), value.clone());
        }
        headers.insert(HOST, provider.host.clone());
        let model = self.call.model_in_path.then_some(&*candidate.target.model);
        let asked = self.call.head.uri.path_and_query().map_or("/", |asked| asked.as_str());
        let path = target(provider.kind, arrival.dialect, &provider.base, asked, model).map_err(|_| bad_path())?;
        let cap = cap.map(|cap| (cap, self.cap_name(arrival, provider.kind)));
        let body = self.body(&candidate.target, cap, is_last, &mut headers);
        let mut request = Request::new(body);
        *request.method_mut() = self.call.head.method.clone();
        *request.uri_mut() = Uri::from(path);
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// What the length of an answer is called there.
    fn cap_name(&self, arrival: &Arrival, kind: ProviderKind) -> CapName {
        let legacy = kind != ProviderKind::OpenAi;
        CapName { dialect: arrival.dialect, operation: self.call.operation, legacy }
    }

    fn body(
        &mut self,
        target: &Deployment,
        cap: Option<(u64, CapName)>,
        is_last: bool,
        headers: &mut HeaderMap,
    ) -> Outgoing {
        let bytes = match &mut self.call.payload {
            Payload::Nothing => return Outgoing::Whole(None),
            Payload::Json(bytes, facts) => edited(bytes, facts, &target.model, self.call.model_in_path, cap),
            Payload::Form(bytes, found, rest) => {
                let head = found.with_model(bytes, &target.model);
                if let Some(rest) = rest.take_if(|_| is_last) {
                    let (limit, patience) = (self.limits.upload_body, self.limits.body_read);
                    let upload = Upload::new(head, rest, limit, patience, self.upload_fault.clone());
                    return Outgoing::Upload(Box::new(upload));
                }
                head
            }
        };
        headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
        Outgoing::from(bytes)
    }

    fn injects_usage(&self) -> bool {
        matches!(&self.call.payload, Payload::Json(_, Facts { include_usage: IncludeUsage::Inject(_), .. }))
    }
}

/// What the relay has to know about the call.
pub(crate) struct About {
    /// Whether the client wants the answer piece by piece.
    pub(crate) streamed: bool,
    /// Whether usage was asked for on the client's behalf, and has to be kept from it.
    pub(crate) hide_usage: bool,
    /// What happens upstream when the client goes away.
    pub(crate) on_disconnect: DisconnectPolicy,
    /// What an echo of the provider key is known by.
    pub(crate) telling: Option<Telling>,
}

/// The client's bytes with the provider's name for the model, with usage asked for if the client did not, and with the
/// cap that its budgets cover.
fn edited(bytes: &Bytes, facts: &Facts, model: &str, model_in_path: bool, cap: Option<(u64, CapName)>) -> Bytes {
    let mut edits = Edits::none();
    if !model_in_path {
        edits.replace_model(facts, model);
    } else if !facts.nested_models.is_empty() {
        edits.replace_nested_models(facts, &format!("models/{model}"));
    }
    edits.include_usage(facts);
    if let Some((cap, name)) = cap {
        edits.cap_output(bytes, facts, &name, cap);
    }
    edits.apply(bytes.clone())
}

fn bad_path() -> Denial {
    Denial::InvalidRequest("The request's path or query is not valid.".to_owned(), None)
}
