//! The ledger's vocabulary: a reservation before anything is sent, an entry when it is over. One entry per attempt
//! that may have cost money; entries are never changed, corrections are new entries.

mod correction;
mod reconciliation;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::call_name::CallName;
use crate::dialect::{Dialect, Operation};
use crate::ids::{CredentialId, ProviderId, RequestId, TeamId, TenantId, UserId};
use crate::money::Nanodollars;
use crate::scope::{Scope, ScopeKind};
use crate::time::Timestamp;
use crate::token::TokenId;
use crate::usage::{Usage, UsageSource};
use crate::window::{Period, WeekStart, Zone};

pub use correction::{Correction, FIRST_CORRECTION, MAX_REASON};
pub use reconciliation::{Drift, Figures, MAX_DRIFTS, ReconcileQuery, Reconciliation};

/// The longest piece of raw usage JSON that a row keeps, in bytes.
pub const MAX_RAW_USAGE: usize = 4096;

/// A page of ledger rows has at most this many.
pub const MAX_ENTRIES: u32 = 2_000;

/// How far the beginning of an attempt and the moment in its request's id lie apart at most: calls wait for keys, leases
/// run, clocks are set. Looking for rows by when their attempts began relies on it.
pub const MAX_ATTEMPT_DELAY: Duration = Duration::from_hours(48);

/// One attempt of one request; the ledger's idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttemptId {
    /// The client's call.
    pub request: RequestId,
    /// Which attempt of it, from 1.
    pub number: u8,
}

/// What both the reservation and the entry of an attempt say about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Which attempt.
    pub attempt: AttemptId,
    /// When the attempt began.
    pub at: Timestamp,
    /// Who pays.
    pub tenant: TenantId,
    /// The virtual key that asked.
    pub virtual_key: TokenId,
    /// The provider asked.
    pub provider: ProviderId,
    /// Its name at that time.
    pub provider_name: Arc<str>,
    /// The credential used.
    pub credential: CredentialId,
    /// Its name at that time.
    pub credential_name: Arc<str>,
    /// The model as the client named it.
    pub requested_model: Arc<str>,
    /// The model as the provider calls it.
    pub model: Arc<str>,
    /// The wire format.
    pub dialect: Dialect,
    /// What was asked.
    pub operation: Operation,
    /// Whether the client wanted a stream.
    pub streamed: bool,
    /// The most that the attempt can cost; `None` when the price is unknown.
    pub reserved: Option<Nanodollars>,
    /// Which price table applies, whatever changes meanwhile; empty when the price is unknown.
    pub price_version: Arc<str>,
    /// Whom the attempt is attributed to besides its key; `None` when there is nobody else.
    #[serde(default)]
    pub attributed: Option<Arc<Attributed>>,
    /// The caller's trace, for spans. Not part of the ledger: it is not kept.
    #[serde(skip)]
    pub trace: Option<TraceContext>,
    /// The name that the client gave the call, for repetitions. Kept beside the row, not in it.
    #[serde(skip)]
    pub named: Option<Arc<CallName>>,
}

/// Whom an attempt is attributed to besides its virtual key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Attributed {
    /// The team of the key or of its user.
    pub team: Option<TeamId>,
    /// The user whose key it is.
    pub user: Option<UserId>,
    /// The caller's own customer, as the caller names them.
    pub end_user: Option<Arc<str>>,
    /// Labels: those of the key and those that the call claims; sorted, none twice.
    pub tags: Vec<Arc<str>>,
}

impl Attributed {
    /// Whether it names nobody.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Subject {
    /// Every scope that the attempt touches, each once, in the order in which scopes are locked. The one place that
    /// knows: budgets, limits and reports all ask here.
    pub fn scopes(&self) -> Vec<Scope> {
        let mut scopes = callers_scopes(self.tenant, self.virtual_key, self.attributed.as_deref());
        scopes.extend(servers_scopes(self.tenant, self.provider, self.credential, &self.provider_name, &self.model));
        scopes
    }
}

/// The scopes of who asks, each once, in the order in which scopes are locked.
pub fn callers_scopes(tenant: TenantId, virtual_key: TokenId, attributed: Option<&Attributed>) -> Vec<Scope> {
    let mut scopes = Vec::with_capacity(8);
    scopes.extend([Scope::Global, Scope::Tenant(tenant)]);
    if let Some(attributed) = attributed {
        scopes.extend(attributed.team.map(Scope::Team));
        scopes.extend(attributed.user.map(Scope::User));
        scopes.extend(attributed.end_user.as_ref().map(|name| Scope::EndUser(tenant, Arc::clone(name))));
    }
    scopes.push(Scope::VirtualKey(virtual_key));
    scopes.extend(
        attributed.into_iter().flat_map(|attributed| &attributed.tags).map(|tag| Scope::Tag(tenant, Arc::clone(tag))),
    );
    scopes
}

/// The scopes of who serves the call, in the order in which scopes are locked. A provider that needs no key has none.
pub fn servers_scopes(
    tenant: TenantId,
    provider: ProviderId,
    credential: CredentialId,
    provider_name: &str,
    model: &str,
) -> impl Iterator<Item = Scope> {
    let credential = (credential.bits() != 0).then_some(Scope::Credential(credential));
    let model = Scope::Model(tenant, format!("{provider_name}/{model}").into());
    [Scope::Provider(provider)].into_iter().chain(credential).chain([model])
}

/// Which trace a call belongs to, as its `traceparent` header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace.
    pub trace: [u8; 16],
    /// The caller's span.
    pub parent: [u8; 8],
    /// Whether the caller records it.
    pub sampled: bool,
}

impl TraceContext {
    /// Reads a W3C `traceparent`: version, trace, parent and flags in hexadecimal. Anything else is no trace.
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.split('-');
        let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if version.len() != 2 || version == "ff" || trace.len() != 32 || parent.len() != 16 || flags.len() != 2 {
            return None;
        }
        let trace = u128::from_str_radix(trace, 16).ok().filter(|trace| *trace != 0)?.to_be_bytes();
        let parent = u64::from_str_radix(parent, 16).ok().filter(|parent| *parent != 0)?.to_be_bytes();
        let sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
        Some(Self { trace, parent, sampled })
    }
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// Answered in full.
    Completed,
    /// The provider answered with an error.
    UpstreamError,
    /// The provider's stream broke off, or a deadline cut it.
    Cut,
    /// The client went away first.
    ClientGone,
    /// Nothing reached the provider.
    NotSent,
    /// The process died in between; what it cost is a guess until reconciled.
    Unsettled,
    /// Not an attempt: an entry that corrects what another one says it cost.
    Correction,
}

impl AttemptOutcome {
    /// Every outcome.
    pub const ALL: [Self; 7] = [
        Self::Completed,
        Self::UpstreamError,
        Self::Cut,
        Self::ClientGone,
        Self::NotSent,
        Self::Unsettled,
        Self::Correction,
    ];

    /// The word that rows, APIs and metrics use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::UpstreamError => "upstream_error",
            Self::Cut => "cut",
            Self::ClientGone => "client_gone",
            Self::NotSent => "not_sent",
            Self::Unsettled => "unsettled",
            Self::Correction => "correction",
        }
    }

    /// The outcome that this word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == word)
    }
}

/// A ledger row: what one attempt consumed and cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What the reservation said.
    pub subject: Subject,
    /// How it ended.
    pub outcome: AttemptOutcome,
    /// The provider's HTTP status; 0 when there was none.
    pub status: u16,
    /// What was consumed.
    pub usage: Usage,
    /// How that is known.
    pub source: UsageSource,
    /// What it cost; `None` when the price is unknown, never silently 0.
    pub cost: Option<Nanodollars>,
    /// The provider's own usage object, as it came, when it fits [`MAX_RAW_USAGE`].
    pub raw_usage: Option<Box<str>>,
    /// From the beginning of the attempt to its end.
    pub duration: Duration,
    /// From the beginning of the attempt to the first content byte.
    pub first_content: Option<Duration>,
    /// What Keyward itself added: total minus waiting for the provider.
    pub overhead: Duration,
}

/// A call of a known virtual key that Keyward refused before anything was sent. Costs nothing; kept so that the request
/// log can answer "why?".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The call.
    pub request: RequestId,
    /// When.
    pub at: Timestamp,
    /// Who asked.
    pub tenant: TenantId,
    /// With which key.
    pub virtual_key: TokenId,
    /// The model as the client named it, cut to 128 characters; empty when unknown.
    pub requested_model: Box<str>,
    /// The wire format.
    pub dialect: Dialect,
    /// What was asked, when the path said so.
    pub operation: Option<Operation>,
    /// The denial's stable code.
    pub code: Box<str>,
    /// The HTTP status sent.
    pub status: u16,
}

/// Which rows of the request log are wanted; newest first.
#[derive(Debug, Clone, Default)]
pub struct RequestFilter {
    /// Only requests older than this one: the cursor of the page before.
    pub before: Option<RequestId>,
    /// Only this tenant's.
    pub tenant: Option<TenantId>,
    /// Only this virtual key.
    pub virtual_key: Option<TokenId>,
    /// Only these outcomes; `Some(true)` keeps failures and refusals only.
    pub failed_only: bool,
    /// Only from this moment on.
    pub since: Option<Timestamp>,
    /// At most this many requests.
    pub limit: u32,
}

/// One request of the request log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRow {
    /// The call.
    pub request: RequestId,
    /// Its attempts in order, and behind them their corrections; empty when it was refused.
    pub attempts: Vec<Entry>,
    /// The refusal, when there was one.
    pub refusal: Option<Refusal>,
}

/// Which rows of the ledger are wanted, in the order of their requests and attempts.
#[derive(Debug, Clone, Copy)]
pub struct EntryFilter {
    /// Only attempts that began from this moment on.
    pub since: Timestamp,
    /// Only attempts that began before this moment.
    pub until: Timestamp,
    /// Only rows behind this one: the last of the page before.
    pub after: Option<AttemptId>,
    /// At most this many rows, and at most [`MAX_ENTRIES`].
    pub limit: u32,
}

/// What usage is summed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dimension {
    /// Hour of the question's zone.
    Hour,
    /// Day of the question's zone.
    Day,
    /// Week of the question's zone, from Monday on.
    Week,
    /// Month of the question's zone.
    Month,
    /// Who pays.
    Tenant,
    /// Team.
    Team,
    /// User.
    User,
    /// The caller's own customer.
    EndUser,
    /// Label. A row with several counts in the group of each.
    Tag,
    /// Virtual key.
    VirtualKey,
    /// Provider.
    Provider,
    /// Provider key.
    Credential,
    /// The provider's model.
    Model,
    /// Wire format.
    Dialect,
    /// Operation.
    Operation,
}

impl Dimension {
    /// The stretch of time that it sums by, if it is one.
    pub const fn period(self) -> Option<Period> {
        match self {
            Self::Hour => Some(Period::Hour),
            Self::Day => Some(Period::Day),
            Self::Week => Some(Period::Week { starts: WeekStart::Monday }),
            Self::Month => Some(Period::Month { starts: 1 }),
            _ => None,
        }
    }
}

/// A question about usage. Attempts count where they began.
#[derive(Debug, Clone)]
pub struct UsageQuery {
    /// From this moment on, inclusive; rounded down to a quarter of an hour.
    pub since: Timestamp,
    /// Up to this moment, exclusive; rounded up to a quarter of an hour.
    pub until: Timestamp,
    /// What to sum by, in the order of the result's key; empty gives one total.
    pub group_by: Vec<Dimension>,
    /// Whose hours, days, weeks and months count.
    pub zone: Zone,
}

/// What one scope used within one quarter of an hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spend {
    /// Whose it is.
    pub scope: Scope,
    /// The beginning of the quarter, by when the attempts began.
    pub quarter: Timestamp,
    /// Attempts.
    pub attempts: u64,
    /// What they cost, corrections included, as far as prices are known.
    pub cost: Nanodollars,
    /// Attempts whose price is unknown.
    pub unpriced: u64,
    /// Tokens of prompts.
    pub input_tokens: u64,
    /// Tokens of answers.
    pub output_tokens: u64,
}

/// Which sums of scopes are wanted.
#[derive(Debug, Clone)]
pub struct SpendQuery {
    /// Scopes of this kind.
    pub kind: ScopeKind,
    /// Only this one; all of the kind when `None`.
    pub scope: Option<Scope>,
    /// Quarters from the one of this moment on.
    pub since: Timestamp,
    /// Quarters up to this moment, exclusive.
    pub until: Timestamp,
}

/// One line of the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRow {
    /// One value per dimension asked for: a name or id, empty for nobody, or the moment (Unix milliseconds) at which the
    /// hour, day, week or month begins.
    pub group: Vec<String>,
    /// Attempts.
    pub attempts: u64,
    /// Attempts that did not complete.
    pub failures: u64,
    /// What was consumed.
    pub usage: Usage,
    /// What it cost, as far as prices are known.
    pub cost: Nanodollars,
    /// Attempts whose price is unknown: their cost is missing above.
    pub unpriced: u64,
    /// Attempts whose figures are estimated or partial.
    pub estimated: u64,
}
