//! Every way in which Keyward says no, as one closed set. `gateway::refuse` writes them in the caller's dialect.

use std::time::Duration;

use crate::ids::{BudgetId, LimitId, RequestId};
use crate::limit::{LimitPeriod, Meter};
use crate::money::Nanodollars;
use crate::scope::Scope;
use crate::time::Timestamp;

/// A refusal: what is wrong, whose fault it is, and what to do about it. No variant carries a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denial {
    /// No credential was sent.
    MissingCredential,
    /// A credential was sent that is not one of ours; the text says what is wrong with its form, when that is safe.
    InvalidKey(&'static str),
    /// The key is known but not in use: expired, disabled, revoked, rotated out.
    KeyInactive,
    /// Two different credentials in one request.
    AmbiguousCredentials,
    /// A token for another door: an admin token on the data plane, or the reverse.
    WrongKeyEnvironment(&'static str),
    /// The virtual key may not use this model.
    ModelNotAllowed(String),
    /// The virtual key may not do this.
    OperationNotAllowed(&'static str),
    /// The virtual key may not be used from this address.
    AddressNotAllowed,
    /// Nobody offers this model; the second part names models that look alike.
    ModelNotFound(String, Vec<String>),
    /// Several providers offer this model; the second part names them.
    ModelAmbiguous(String, Vec<String>),
    /// No such path.
    RouteNotFound,
    /// The path exists, the method does not.
    MethodNotAllowed,
    /// The request is malformed: message and, when one field is to blame, its name.
    InvalidRequest(String, Option<&'static str>),
    /// A parameter that cannot be served.
    UnsupportedParameter(&'static str),
    /// The model's provider speaks another dialect: what was asked for and which surface to use instead.
    Untranslatable(String),
    /// The body is larger than the limit, in bytes.
    BodyTooLarge(u64),
    /// The client took too long to send its request.
    RequestTimeout,
    /// A limit is reached.
    RateLimited(Box<LimitReached>),
    /// The request alone is more than a limit ever allows.
    RequestExceedsLimit(Box<LimitReached>),
    /// A limit lets nothing pass while the counters that it is counted with cannot be asked.
    LimitNotKnown(Box<LimitReached>),
    /// What the call can cost is more than what a budget has left.
    BudgetExceeded(Box<BudgetReached>),
    /// So many keys from this address were not valid that further ones are not even told so; when one is again.
    TooManyGuesses(Duration),
    /// The call says something about itself that its key may not say.
    ClaimNotAllowed(&'static str),
    /// A call with this `Idempotency-Key` is under way.
    IdempotencyInProgress,
    /// This `Idempotency-Key` came with another request before.
    IdempotencyMismatch,
    /// The request with this `Idempotency-Key` was made before.
    AlreadyProcessed {
        /// As which call.
        request: RequestId,
        /// Whether it is known what became of it; if not, the process that made it died meanwhile.
        is_settled: bool,
    },
    /// Every key of the pool rests; the first is back after this time.
    AllKeysCooling(Duration),
    /// The provider or the model keeps failing and is left alone for this time.
    UpstreamResting(Duration),
    /// As many calls are under way at the provider as it takes now; it is worth coming back after this time.
    UpstreamFull(Duration),
    /// The request refers to something that belongs to an account which cannot be used any more.
    AffinityUnavailable(&'static str),
    /// The caller has no such lease.
    LeaseNotFound,
    /// The lease was reported, returned or has expired.
    LeaseEnded,
    /// No key can serve this; per key name the reason.
    NoUsableKey(Vec<(String, String)>),
    /// The vault is locked.
    VaultLocked,
    /// The model has no price and a budget needs one.
    PriceUnknown(String),
    /// Keyward itself cannot take more, or cannot write its ledger.
    Overloaded(&'static str),
    /// The provider failed.
    UpstreamError(String),
    /// The provider answered with something that is not an answer.
    UpstreamMalformed(String),
    /// The provider tried to send us elsewhere.
    UpstreamRedirect,
    /// The provider's TLS certificate could not be verified.
    UpstreamTls(String),
    /// The provider did not answer in time; which deadline, and how long it was.
    UpstreamTimeout(Deadline, Duration),
    /// A fault of ours.
    Internal,
}

/// The limit that refused a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitReached {
    /// Which one, for whoever looks it up.
    pub limit: LimitId,
    /// On what it is counted.
    pub scope: Scope,
    /// What people call that, such as `team:research`; `None` until somebody who knows names has said it.
    pub called: Option<Box<str>>,
    /// What it counts.
    pub meter: Meter,
    /// How much it allows.
    pub quota: u64,
    /// Within which time; `None` for what is in flight at once.
    pub period: Option<LimitPeriod>,
    /// When such a call has room. Nobody knows when a call in flight ends: for those it is when to ask again.
    pub retry_after: Duration,
}

/// The budget that refused a call: the very figures that the control plane shows at that moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetReached {
    /// Which one, for whoever looks it up.
    pub budget: BudgetId,
    /// Whose money it counts.
    pub scope: Scope,
    /// What people call that, such as `team:research`; `None` until somebody who knows names has said it.
    pub called: Option<Box<str>>,
    /// What may be spent within the window, top-ups included.
    pub limit: Nanodollars,
    /// What was spent.
    pub spent: Nanodollars,
    /// What calls in flight have reserved.
    pub reserved: Nanodollars,
    /// What the call would have reserved at the least.
    pub needed: Nanodollars,
    /// When the window ends, or, where it rolls, has let go of enough. [`Self::fits_at`] says whether that helps.
    pub resets_at: Timestamp,
}

/// The deadlines of an upstream call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Deadline {
    /// To have a connection.
    Connect,
    /// To have the first content byte.
    FirstContent,
    /// Between two pieces of the answer.
    Idle,
    /// For everything.
    Total,
}

impl Deadline {
    /// The word that messages use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::FirstContent => "first content",
            Self::Idle => "idle",
            Self::Total => "total",
        }
    }
}

/// Who said no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Keyward itself.
    Gateway,
    /// The provider behind it.
    Upstream,
}

impl Side {
    /// The value of `origin` in error bodies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Upstream => "upstream",
        }
    }
}

impl Denial {
    /// The stable code of the contract.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::MissingCredential => "missing_credential",
            Self::InvalidKey(_) => "invalid_key",
            Self::KeyInactive => "key_inactive",
            Self::AmbiguousCredentials => "ambiguous_credentials",
            Self::WrongKeyEnvironment(_) => "wrong_key_environment",
            Self::ModelNotAllowed(_) => "model_not_allowed",
            Self::OperationNotAllowed(_) => "operation_not_allowed",
            Self::AddressNotAllowed => "address_not_allowed",
            Self::ModelNotFound(..) | Self::ModelAmbiguous(..) => "model_not_found",
            Self::RouteNotFound => "route_not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::InvalidRequest(..) => "invalid_request",
            Self::UnsupportedParameter(_) => "unsupported_parameter",
            Self::Untranslatable(_) => "untranslatable",
            Self::BodyTooLarge(_) => "body_too_large",
            Self::RequestTimeout => "request_timeout",
            Self::RateLimited(reached) if matches!(reached.meter, Meter::Concurrency) => "concurrency_limited",
            Self::RateLimited(_) | Self::TooManyGuesses(_) => "rate_limited",
            Self::RequestExceedsLimit(_) => "request_exceeds_limit",
            Self::BudgetExceeded(_) => "budget_exceeded",
            Self::ClaimNotAllowed(_) => "claim_not_allowed",
            Self::IdempotencyInProgress => "idempotency_in_progress",
            Self::IdempotencyMismatch => "idempotency_mismatch",
            Self::AlreadyProcessed { .. } => "already_processed",
            Self::AllKeysCooling(_) => "all_keys_cooling",
            Self::AffinityUnavailable(_) => "affinity_unavailable",
            Self::LeaseNotFound => "lease_not_found",
            Self::LeaseEnded => "lease_ended",
            Self::NoUsableKey(_) => "no_usable_key",
            Self::VaultLocked => "vault_locked",
            Self::PriceUnknown(_) => "price_unknown",
            Self::Overloaded(_) | Self::LimitNotKnown(_) | Self::UpstreamResting(_) | Self::UpstreamFull(_) => {
                "overloaded"
            }
            Self::UpstreamError(_) => "upstream_error",
            Self::UpstreamMalformed(_) => "upstream_malformed",
            Self::UpstreamRedirect => "upstream_redirect",
            Self::UpstreamTls(_) => "upstream_tls",
            Self::UpstreamTimeout(..) => "upstream_timeout",
            Self::Internal => "internal",
        }
    }

    /// The HTTP status.
    pub const fn status(&self) -> u16 {
        match self {
            Self::MissingCredential | Self::InvalidKey(_) | Self::KeyInactive | Self::AmbiguousCredentials => 401,
            Self::BudgetExceeded(_) => 402,
            Self::WrongKeyEnvironment(_)
            | Self::ModelNotAllowed(_)
            | Self::OperationNotAllowed(_)
            | Self::ClaimNotAllowed(_)
            | Self::AddressNotAllowed => 403,
            Self::ModelNotFound(..) | Self::ModelAmbiguous(..) | Self::RouteNotFound | Self::LeaseNotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::LeaseEnded | Self::IdempotencyInProgress | Self::AlreadyProcessed { .. } => 409,
            Self::RequestTimeout => 408,
            Self::InvalidRequest(..)
            | Self::UnsupportedParameter(_)
            | Self::Untranslatable(_)
            | Self::RequestExceedsLimit(_)
            | Self::AffinityUnavailable(_) => 400,
            Self::BodyTooLarge(_) => 413,
            Self::IdempotencyMismatch => 422,
            Self::RateLimited(_) | Self::TooManyGuesses(_) | Self::AllKeysCooling(_) => 429,
            Self::NoUsableKey(_)
            | Self::VaultLocked
            | Self::PriceUnknown(_)
            | Self::Overloaded(_)
            | Self::LimitNotKnown(_)
            | Self::UpstreamResting(_)
            | Self::UpstreamFull(_) => 503,
            Self::UpstreamError(_) | Self::UpstreamMalformed(_) | Self::UpstreamRedirect | Self::UpstreamTls(_) => 502,
            Self::UpstreamTimeout(..) => 504,
            Self::Internal => 500,
        }
    }

    /// Who said no.
    pub const fn origin(&self) -> Side {
        match self {
            Self::UpstreamError(_)
            | Self::UpstreamMalformed(_)
            | Self::UpstreamRedirect
            | Self::UpstreamTls(_)
            | Self::UpstreamTimeout(..) => Side::Upstream,
            _ => Side::Gateway,
        }
    }

    /// When it is worth trying again, for those that heal by themselves.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited(reached) | Self::LimitNotKnown(reached) => Some(reached.retry_after),
            Self::TooManyGuesses(after)
            | Self::AllKeysCooling(after)
            | Self::UpstreamResting(after)
            | Self::UpstreamFull(after) => Some(*after),
            Self::IdempotencyInProgress | Self::Overloaded(_) => Some(Duration::from_secs(1)),
            _ => None,
        }
    }

    /// The field to blame, when it is one.
    pub const fn param(&self) -> Option<&'static str> {
        match self {
            Self::InvalidRequest(_, param) => *param,
            Self::UnsupportedParameter(param) => Some(param),
            Self::ModelNotAllowed(_) | Self::ModelNotFound(..) | Self::ModelAmbiguous(..) => Some("model"),
            _ => None,
        }
    }

    /// The scope whose budget or limit refused.
    pub const fn scope(&self) -> Option<&Scope> {
        match self {
            Self::RateLimited(reached) | Self::RequestExceedsLimit(reached) | Self::LimitNotKnown(reached) => {
                Some(&reached.scope)
            }
            Self::BudgetExceeded(reached) => Some(&reached.scope),
            _ => None,
        }
    }

    /// The same, with what people call the scope whose budget or limit refused.
    #[must_use]
    pub fn calling_it(mut self, name: String) -> Self {
        match &mut self {
            Self::RateLimited(reached) | Self::RequestExceedsLimit(reached) | Self::LimitNotKnown(reached) => {
                reached.called = Some(name.into());
            }
            Self::BudgetExceeded(reached) => reached.called = Some(name.into()),
            _ => {}
        }
        self
    }

    /// What is wrong and what to do about it, as one or two sentences for the person who reads the client's log.
    pub fn message(&self) -> String {
        match self {
            Self::MissingCredential => "No key was sent. Put a Keyward virtual key where your SDK puts its API key \
                 (Authorization: Bearer, x-api-key, x-goog-api-key or api-key)."
                .to_owned(),
            Self::InvalidKey(hint) => format!("This is not a valid Keyward virtual key: {hint}. Check that the whole key was copied, or ask for a new one."),
            Self::KeyInactive => "This virtual key is no longer in use (expired, disabled, revoked or rotated out). Ask its owner for a new one.".to_owned(),
            Self::AmbiguousCredentials => "The request carries two different keys. Send exactly one of Authorization, x-api-key, x-goog-api-key and api-key.".to_owned(),
            Self::WrongKeyEnvironment(hint) => (*hint).to_owned(),
            Self::ModelNotAllowed(model) => format!("This virtual key may not use the model `{model}`. Ask its owner to add it, or list what it may use with the models endpoint."),
            Self::OperationNotAllowed(operation) => format!("This virtual key may not use the operation `{operation}`. Ask its owner to add it."),
            Self::AddressNotAllowed => "This virtual key may not be used from your address.".to_owned(),
            Self::ModelNotFound(model, near) => not_found(model, near),
            Self::ModelAmbiguous(model, providers) => format!("Several providers offer `{model}`: write one of {}.", list(&providers.iter().map(|p| format!("{p}/{model}")).collect::<Vec<_>>())),
            Self::RouteNotFound => "There is no such endpoint. Check the base URL: it is this server's address, followed by the path that your SDK expects.".to_owned(),
            Self::MethodNotAllowed => "This endpoint exists, but not with this HTTP method.".to_owned(),
            Self::InvalidRequest(message, _) | Self::Untranslatable(message) => message.clone(),
            Self::UnsupportedParameter(param) => format!("The parameter `{param}` is not supported here. Leave it out."),
            Self::BodyTooLarge(limit) => format!("The request body is larger than the limit of {limit} bytes. Send less, or ask the operator to raise `limits.body`."),
            Self::RequestTimeout => "The request did not arrive in time. Send it again.".to_owned(),
            Self::RateLimited(reached) => reached.message(),
            Self::RequestExceedsLimit(reached) if reached.quota == 0 => format!("The limit of {} lets nothing pass. Ask the operator to raise it.", reached.what()),
            Self::RequestExceedsLimit(reached) => format!("This request alone is more than the limit of {} allows. Send less at once, or ask the operator to raise it.", reached.what()),
            Self::LimitNotKnown(reached) => format!("The limit of {} is counted together with other nodes, and their counters cannot be asked now. Until they can, it lets nothing pass. Try again in {} s.", reached.what(), whole_seconds(reached.retry_after)),
            Self::BudgetExceeded(reached) => reached.message(),
            Self::ClaimNotAllowed(header) => format!("This virtual key may not set `{header}` to that. Leave it out, or ask the key's owner to allow it."),
            Self::TooManyGuesses(after) => format!("Too many keys from your address were not valid. Check the key: a valid one works at once. Others are looked at again in {} s.", whole_seconds(*after)),
            Self::IdempotencyInProgress => "A call with this `Idempotency-Key` is still under way. Wait for its answer, or try again in 1 s.".to_owned(),
            Self::IdempotencyMismatch => "This `Idempotency-Key` came with another request before: its path or its body was different. Send every new request under a key of its own.".to_owned(),
            Self::AlreadyProcessed { request, is_settled: true } => format!("The request with this `Idempotency-Key` was made before, as {request}, and was charged for. Its answer is not kept: to have another one, send it under a new key."),
            Self::AlreadyProcessed { request, is_settled: false } => format!("The request with this `Idempotency-Key` was made before, as {request}, and Keyward ended before its answer did. What it cost is not known, so it counts with the most that it can have cost. To make it again, send it under a new key."),
            Self::AllKeysCooling(after) => format!("Every provider key that could serve this is resting. Try again in {} s.", whole_seconds(*after)),
            Self::UpstreamResting(after) => format!("The provider failed again and again and is left alone for a moment. Try again in {} s.", whole_seconds(*after)),
            Self::UpstreamFull(after) => format!("As many calls are under way at the provider as it takes now. Try again in {} s.", whole_seconds(*after)),
            Self::AffinityUnavailable(why) => (*why).to_owned(),
            Self::LeaseNotFound => "This virtual key has no such lease. Check the id that it was taken under.".to_owned(),
            Self::LeaseEnded => "This lease is over: it was reported or returned before, or its time was up. Take a new one.".to_owned(),
            Self::NoUsableKey(reasons) => no_usable_key(reasons),
            Self::VaultLocked => "The vault is locked, so no provider key can be used. An operator has to run `keyward unlock`.".to_owned(),
            Self::PriceUnknown(model) => price_unknown(model),
            Self::Overloaded(what) => format!("{what} Try again shortly."),
            Self::UpstreamError(what) => format!("The provider could not be reached or failed: {what}. Try again; if it persists, ask the operator to run `keyward provider test`."),
            Self::UpstreamMalformed(what) => format!("The provider's answer could not be understood: {what}."),
            Self::UpstreamRedirect => "The provider answered with a redirect. Redirects are never followed, because the key would go along; correct the provider's base URL.".to_owned(),
            Self::UpstreamTls(what) => format!("The provider's certificate could not be verified ({what}), so the key was not sent."),
            Self::UpstreamTimeout(deadline, length) => format!("The provider did not answer within the {} deadline of {} ms.", deadline.as_str(), length.as_millis()),
            Self::Internal => "Keyward failed to handle this request. The log has the details under this request id.".to_owned(),
        }
    }
}

impl LimitReached {
    /// What it is counted on, as the command line takes it.
    pub fn on(&self) -> String {
        on(self.called.as_deref(), &self.scope)
    }

    /// `100 requests per minute on team:research`.
    fn what(&self) -> String {
        let (one, many) = match self.meter {
            Meter::Requests => ("request", "requests"),
            Meter::InputTokens => ("input token", "input tokens"),
            Meter::OutputTokens => ("output token", "output tokens"),
            Meter::Tokens => ("token", "tokens"),
            Meter::Concurrency => ("call at once", "calls at once"),
        };
        let meter = if self.quota == 1 { one } else { many };
        let per = self.period.map(|period| format!(" per {}", period.as_str())).unwrap_or_default();
        format!("{} {meter}{per} on {}", self.quota, self.on())
    }

    fn message(&self) -> String {
        format!("The limit of {} is reached. Try again in {} s.", self.what(), whole_seconds(self.retry_after))
    }
}

impl BudgetReached {
    /// Whose money it counts, as the command line takes it.
    pub fn on(&self) -> String {
        on(self.called.as_deref(), &self.scope)
    }

    /// When the same call has room. `None` when it never has, because it needs more than the whole budget.
    pub fn fits_at(&self) -> Option<Timestamp> {
        (self.needed <= self.limit).then_some(self.resets_at)
    }

    fn message(&self) -> String {
        let Self { limit, spent, reserved, needed, .. } = self;
        let scope = self.on();
        if self.fits_at().is_none() {
            return format!(
                "This call never fits the budget of {limit} on {scope}: it needs up to {needed}, more than all of it, so \
                 waiting does not help. Send a smaller request, ask for a shorter answer, or ask the operator to raise the \
                 budget."
            );
        }
        format!(
            "The budget of {limit} on {scope} does not cover this call: {spent} spent, {reserved} reserved by calls in \
             flight, and this one needs up to {needed}. Wait for the window to end, send a smaller request, or ask the \
             operator to raise the budget."
        )
    }
}

fn on(called: Option<&str>, scope: &Scope) -> String {
    called.map_or_else(|| scope.to_string(), str::to_owned)
}

/// Rounded up: who comes back after so many seconds comes late enough.
fn whole_seconds(length: Duration) -> u64 {
    length.as_secs().saturating_add(u64::from(length.subsec_nanos() > 0)).max(1)
}

/// A lease may be for any model of a provider: `provider/*`.
fn price_unknown(model: &str) -> String {
    if model.ends_with("/*") {
        return format!("A budget applies, and nobody knows what a lease for `{model}` may cost. Name one `model`.");
    }
    format!("The price of `{model}` is unknown and a budget applies. Set one with `keyward model price`.")
}

fn not_found(model: &str, near: &[String]) -> String {
    let shown: String = model.chars().take(64).collect();
    if near.is_empty() {
        return format!(
            "No enabled provider offers the model `{shown}`. List the models you may use with the models endpoint."
        );
    }
    format!("No enabled provider offers the model `{shown}`. Did you mean {}?", list(near))
}

fn no_usable_key(reasons: &[(String, String)]) -> String {
    if reasons.is_empty() {
        return "No provider key can serve this model. Add one with `keyward key add`.".to_owned();
    }
    let each: Vec<String> = reasons.iter().map(|(key, why)| format!("{key}: {why}")).collect();
    format!("No provider key can serve this right now ({}). See `keyward key list`.", each.join("; "))
}

fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
