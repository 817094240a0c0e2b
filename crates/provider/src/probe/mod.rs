//! Proving a key by calls that cost nothing, and asking which models it offers.
//!
//! ```text
//! let mut next = Some(Probe::first(kind, &base));
//! while let Some(probe) = next {
//!     let answer = egress.fetch(probe.request(&secret)?).await;
//!     let probed = probe.read(&answer);       // the finding of the last one is the conclusion, models add up
//!     next = probed.next;
//! }
//! ```
//!
//! Most vendors' list of models is free and wants a key. Where the list is public it proves nothing, so something else
//! is asked: the key about itself, or a call with an empty body, which is refused for the body when the key is good and
//! for the key when it is not. Every call goes to the provider's own origin, the only one the key is sealed for.

mod models;
mod vendor;

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use keyward_domain::credential::Finding;
use keyward_domain::judgement::{Blame, Judgement, Next, Trouble};
use keyward_domain::origin::{BaseUrl, Origin};
use keyward_domain::port::{EgressAnswer, EgressError, EgressRequest};
use keyward_domain::provider::ProviderKind;
use keyward_domain::secret::Secret;
use keyward_domain::time::Timestamp;
use serde_json::Value;

use crate::credential::{BadSecret, Scheme, check, scheme};
use crate::judgement::{Asked, judgement};
use crate::sandbox;

/// How long one call may take.
pub const DEADLINE: Duration = Duration::from_secs(20);
/// How many calls one proof makes at the most; a list longer than that many pages is cut.
pub const MAX_CALLS: u8 = 20;

/// One call to make, and how to read its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    kind: ProviderKind,
    origin: Origin,
    prefix: String,
    step: Step,
    /// Whether an earlier call has proved the key: then this one only asks for models.
    is_proved: bool,
    call: u8,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// A page of the list of models; the cursor of the page before.
    Models(Option<String>),
    /// The key about itself, in one vendor's way.
    Vendor(vendor::Question),
    /// This path with `{}` for a body.
    EmptyBody(&'static str),
    /// Counting the tokens of one character, which is free and wants the right to generate.
    GeminiCount(String),
}

/// What an answer proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// What it says about the key.
    pub finding: Finding,
    /// A sentence for people. Written here, never the provider's words: they may repeat the key.
    pub detail: String,
    /// Models of this page, in the provider's order.
    pub models: Vec<String>,
    /// What to ask next, if anything.
    pub next: Option<Probe>,
}

/// What is known without asking anybody: the sandbox takes no key and is right here.
pub fn known(kind: ProviderKind) -> Option<Probed> {
    (kind == ProviderKind::Sandbox).then(|| Probed {
        finding: Finding::Valid,
        detail: "The sandbox needs no key.".to_owned(),
        models: sandbox::MODELS.iter().map(|model| (*model).to_owned()).collect(),
        next: None,
    })
}

impl Probe {
    /// The first call.
    pub fn first(kind: ProviderKind, base: &BaseUrl) -> Self {
        let step = match kind {
            ProviderKind::OpenAiCompatible => vendor::first_step(&base.origin.host),
            _ => Step::Models(None),
        };
        Self { kind, origin: base.origin.clone(), prefix: base.prefix.clone(), step, is_proved: false, call: 1 }
    }

    /// The call as the one way out wants it. Fails when the secret cannot be a key at all; then nothing must be sent
    /// and [`Probed::malformed`] is the conclusion.
    pub fn request(&self, secret: &Secret) -> Result<EgressRequest, BadSecret> {
        let is_keyless =
            secret.is_empty() && matches!(self.kind, ProviderKind::OpenAiCompatible | ProviderKind::Sandbox);
        let credential = match scheme(self.kind, self.kind.native_dialect()) {
            Some(scheme) if !is_keyless => {
                check(secret)?;
                Some(carried(scheme, secret))
            }
            _ => None,
        };
        let body = self.body();
        let mut headers = vec![("accept", "application/json".to_owned()), ("user-agent", "keyward".to_owned())];
        if self.kind == ProviderKind::Anthropic {
            headers.push(("anthropic-version", "2023-06-01".to_owned()));
        }
        if !body.is_empty() {
            headers.push(("content-type", "application/json".to_owned()));
        }
        Ok(EgressRequest {
            origin: self.origin.clone(),
            method: self.method(),
            path: self.path(),
            headers,
            credential,
            body,
            deadline: DEADLINE,
        })
    }

    /// What the answer proves.
    pub fn read(&self, answer: &EgressAnswer) -> Probed {
        let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let probed = if status.is_success() {
            self.read_good(answer)
        } else {
            let headers = headers_of(answer);
            // Only the kind of trouble is wanted, and that depends on no clock.
            let now = Timestamp::EPOCH;
            let asked = Asked { kind: self.kind, status, headers: &headers, body: &answer.body, overrides: &[], now };
            self.read_bad(status, &judgement(&asked))
        };
        if self.is_proved && probed.finding == Finding::Unreachable {
            // The key is good; only the list could not be had.
            return Probed { finding: Finding::Valid, detail: format!("The key works. {}", probed.detail), ..probed };
        }
        probed
    }

    /// What silence proves: nothing, unless an earlier call has proved the key already.
    pub fn unanswered(&self, error: &EgressError) -> Probed {
        let probed = Probed::unreachable(error);
        if self.is_proved {
            return Probed { finding: Finding::Valid, detail: format!("The key works. {}", probed.detail), ..probed };
        }
        probed
    }

    fn read_good(&self, answer: &EgressAnswer) -> Probed {
        let Ok(value) = serde_json::from_slice::<Value>(&answer.body) else {
            let what = "The provider's answer is not JSON: is the base URL right?";
            return Probed::saying(Finding::Unreachable, what);
        };
        match &self.step {
            Step::Models(_) => self.read_models(&value),
            Step::Vendor(question) => {
                let (finding, detail) = question.read(&value);
                let next = (finding == Finding::Valid).then(|| self.then(Step::Models(None), true)).flatten();
                Probed { next, ..Probed::saying(finding, detail) }
            }
            Step::EmptyBody(_) | Step::GeminiCount(_) => Probed::saying(Finding::Valid, ACCEPTED),
        }
    }

    fn read_models(&self, value: &Value) -> Probed {
        let Some(page) = models::read(value) else {
            let what = "The provider's answer is not a list of models: is the base URL right?";
            return Probed::saying(Finding::Unreachable, what);
        };
        let next = match (page.cursor, page.can_generate) {
            (Some(cursor), _) => self.then(Step::Models(Some(cursor)), true),
            (None, Some(model)) if self.kind == ProviderKind::Gemini => self.then(Step::GeminiCount(model), true),
            _ => None,
        };
        Probed { models: page.models, next, ..Probed::saying(Finding::Valid, ACCEPTED) }
    }

    fn read_bad(&self, status: StatusCode, judged: &Judgement) -> Probed {
        let tells = |finding, what: &str| Probed::saying(finding, &format!("{what} (status {}).", status.as_u16()));
        let reason = sentence(&judged.reason);
        match judged.trouble {
            _ if status.is_redirection() => tells(
                Finding::Unreachable,
                "The provider answers with a redirect, which is never followed: correct the base URL",
            ),
            Trouble::Rejected => tells(Finding::Unauthorised, &reason),
            Trouble::QuotaExhausted => tells(Finding::NoCredit, &reason),
            Trouble::NoPermission if is_keys(judged.blame) => {
                // A restricted key may be barred from the list and still be good for calls.
                let may_call = self.kind == ProviderKind::OpenAi && matches!(self.step, Step::Models(None));
                let next = may_call.then(|| self.then(Step::EmptyBody("/responses"), false)).flatten();
                Probed { next, ..tells(Finding::NoPermission, &reason) }
            }
            Trouble::RateLimited => {
                tells(Finding::Valid, "The provider knows the key, but it is too busy to be asked more now")
            }
            _ if judged.next == Next::Use && self.is_refused_for_body(status) => {
                Probed { next: self.models_after(), ..Probed::saying(Finding::Valid, ACCEPTED) }
            }
            Trouble::ModelMissing | Trouble::BadRequest if status == StatusCode::NOT_FOUND => {
                tells(Finding::Unreachable, "There is nothing at this address: is the base URL right?")
            }
            _ if matches!(judged.blame, Blame::Provider | Blame::Model) => tells(Finding::Unreachable, &reason),
            _ => tells(Finding::Unreachable, "The answer says nothing about the key"),
        }
    }

    fn is_refused_for_body(&self, status: StatusCode) -> bool {
        matches!(self.step, Step::EmptyBody(_)) && matches!(status.as_u16(), 400 | 422)
    }

    /// After an empty body was refused for the body. OpenAI's list is what led there.
    fn models_after(&self) -> Option<Self> {
        (self.kind != ProviderKind::OpenAi).then(|| self.then(Step::Models(None), true)).flatten()
    }

    fn then(&self, step: Step, is_proved: bool) -> Option<Self> {
        (self.call < MAX_CALLS).then(|| Self { step, is_proved, call: self.call + 1, ..self.clone() })
    }

    const fn method(&self) -> &'static str {
        match &self.step {
            Step::Models(_) => "GET",
            Step::Vendor(question) => question.method(),
            Step::EmptyBody(_) | Step::GeminiCount(_) => "POST",
        }
    }

    fn body(&self) -> Vec<u8> {
        match &self.step {
            Step::Models(_) | Step::Vendor(_) => Vec::new(),
            Step::EmptyBody(_) => b"{}".to_vec(),
            Step::GeminiCount(_) => br#"{"contents":[{"parts":[{"text":"."}]}]}"#.to_vec(),
        }
    }

    fn path(&self) -> String {
        let version = if self.prefix.is_empty() { "/v1" } else { "" };
        let gemini = if models::has_version(&self.prefix) { "" } else { "/v1beta" };
        let prefix = &self.prefix;
        match &self.step {
            Step::Vendor(question) => question.path(prefix),
            Step::EmptyBody(path) => format!("{prefix}{version}{path}"),
            Step::GeminiCount(model) => format!("{prefix}{gemini}/models/{model}:countTokens"),
            Step::Models(cursor) => {
                let cursor = cursor.as_deref().map(models::escaped);
                match (self.kind, cursor) {
                    (ProviderKind::Gemini, None) => format!("{prefix}{gemini}/models?pageSize=1000"),
                    (ProviderKind::Gemini, Some(token)) => {
                        format!("{prefix}{gemini}/models?pageSize=1000&pageToken={token}")
                    }
                    (ProviderKind::Anthropic, cursor) => {
                        let version = if models::has_version(prefix) { "" } else { "/v1" };
                        let after = cursor.map(|id| format!("&after_id={id}")).unwrap_or_default();
                        format!("{prefix}{version}/models?limit=1000{after}")
                    }
                    (_, _) => format!("{prefix}{version}/models"),
                }
            }
        }
    }
}

const ACCEPTED: &str = "The provider accepts the key.";

impl Probed {
    /// The conclusion when the secret cannot be a key at all.
    pub fn malformed(bad: BadSecret) -> Self {
        Self::saying(Finding::Malformed, &format!("{}.", sentence(&bad.to_string())))
    }

    /// The conclusion when nobody answered.
    pub fn unreachable(error: &EgressError) -> Self {
        Self::saying(Finding::Unreachable, &format!("Nobody answered: {error}."))
    }

    fn saying(finding: Finding, detail: &str) -> Self {
        Self { finding, detail: detail.to_owned(), models: Vec::new(), next: None }
    }
}

fn carried(scheme: Scheme, secret: &Secret) -> (&'static str, Secret) {
    match scheme {
        Scheme::Bearer => ("authorization", Secret::new([b"Bearer ".as_slice(), secret.expose()].concat())),
        Scheme::Plain(name) => (name, Secret::new(secret.expose().to_vec())),
    }
}

const fn is_keys(blame: Blame) -> bool {
    matches!(blame, Blame::Key | Blame::Account | Blame::ModelOnKey)
}

fn headers_of(answer: &EgressAnswer) -> HeaderMap {
    let pairs = answer
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.parse::<HeaderName>().ok()?, HeaderValue::from_str(value).ok()?)));
    pairs.collect()
}

/// With a capital letter in front.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
