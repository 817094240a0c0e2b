//! A provider key on loan: handed out, used by the caller, reported back. What is reported counts for the pool and the
//! ledger as a call through the gateway does.

use std::sync::Arc;
use std::time::Duration;

use keyward_domain::audit::AuditDraft;
use keyward_domain::cost::{ChargeContext, charge};
use keyward_domain::dialect::Operation;
use keyward_domain::ids::{AuditId, RequestId, TenantId};
use keyward_domain::lease::{Lease as Record, LeaseState};
use keyward_domain::ledger::{AttemptId, AttemptOutcome, Entry, Subject};
use keyward_domain::money::Nanodollars;
use keyward_domain::principal::Principal;
use keyward_domain::standing::Cause;
use keyward_domain::usage::{Usage, UsageSource};
use keyward_gateway::{Deployment, Pooled, ProviderEntry};
use keyward_pool::{Claim, Draw, Moment, Outcome as Taught};
use keyward_vault::Place;

use super::book::Ended;
use super::choose::{How, Way, key_of};
use super::opening::Open;
use super::outcome::{Outcome, Went};
use super::secret::LeasedSecret;
use super::{Error, Inner, Keyward, ProviderId};

/// What a call is assumed to consume until its report says so, in tokens of the prompt and again of the answer: neither
/// nothing nor all that is allowed.
const TYPICAL_TOKENS: u64 = 1_000;
/// A lease of which nothing was heard is settled as an estimate after this time, should the process be gone by then.
const LIFE: Duration = Duration::from_mins(15);

/// A provider key on loan. Use it for one call, then [`report`](Self::report) how that went.
///
/// Dropped without a report it teaches the pool nothing, and the ledger gets an estimate.
///
/// Taking one asks neither budgets nor limits: whoever embeds Keyward is its operator. What is reported counts in every
/// budget that it touches, so the calls of others through the gateway find that much less left.
#[must_use = "a lease that is dropped is settled as an estimate"]
pub struct Lease {
    inner: Arc<Inner>,
    held: Option<Held>,
    secret: LeasedSecret,
    provider: ProviderId,
    key: String,
    model: Option<String>,
    base_url: String,
}

/// What has to be settled.
struct Held {
    claim: Claim,
    provider: Arc<ProviderEntry>,
    priced_as: Option<Arc<Deployment>>,
    subject: Subject,
    record: Record,
    began: Duration,
}

impl Keyward {
    /// The next key of a provider, as its pool's strategy says. Keys that are meant for certain models are left out:
    /// [`Keyward::key_for_model`] hands them out.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # use keyward::{Keyward, Options, Outcome, ProviderId, Usage};
    /// # let keyward = Keyward::open(Options::temporary()).await?;
    /// # keyward.add_key(ProviderId::SANDBOX, "production", "any-key-will-do".to_owned()).await?;
    /// let lease = keyward.next_key(ProviderId::SANDBOX).await?;
    /// assert_eq!(lease.key(), "production");
    /// // ... call the provider with lease.secret().reveal() ...
    /// lease.report(Outcome::succeeded(Usage { input_uncached: 12, output: 40, ..Usage::default() })).await?;
    /// # keyward.close().await?;
    /// # Ok::<(), keyward::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`Error::NoKey`] with the reason per key when none can be used, and how long until one can.
    pub async fn next_key(&self, provider: ProviderId) -> Result<Lease, Error> {
        self.key_of(&provider, How::ByStrategy).await
    }

    /// The best key of a provider right now, by what is left of its limits, its health, its history and its load,
    /// whatever the pool's strategy.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # use keyward::{Failure, Keyward, Options, Outcome, ProviderId};
    /// # let keyward = Keyward::open(Options::temporary()).await?;
    /// # keyward.add_key(ProviderId::SANDBOX, "production", "any-key-will-do".to_owned()).await?;
    /// let lease = keyward.best_key(ProviderId::SANDBOX).await?;
    /// lease.report(Outcome::failed(Failure::answered(503, "busy"))).await?;
    /// # keyward.close().await?;
    /// # Ok::<(), keyward::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`Error::NoKey`] as for [`Keyward::next_key`].
    pub async fn best_key(&self, provider: ProviderId) -> Result<Lease, Error> {
        self.key_of(&provider, How::Best).await
    }

    /// A key for a model: one that was [assigned](Keyward::assign_model) to it, else one of the provider that its name
    /// leads to. The name is an alias, `provider/model`, or the bare name of a model that one provider offers.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # use keyward::{Keyward, Options, Outcome, ProviderId};
    /// # let keyward = Keyward::open(Options::temporary()).await?;
    /// # keyward.add_key(ProviderId::SANDBOX, "production", "any-key-will-do".to_owned()).await?;
    /// let lease = keyward.key_for_model("sandbox-small").await?;
    /// assert_eq!((lease.provider(), lease.model()), (&ProviderId::SANDBOX, Some("sandbox-small")));
    /// # lease.report(Outcome::unused()).await?;
    /// # keyward.close().await?;
    /// # Ok::<(), keyward::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`Error::Refused`] with `not_found` when the name leads nowhere, [`Error::NoKey`] as for [`Keyward::next_key`].
    pub async fn key_for_model(&self, model: &str) -> Result<Lease, Error> {
        let open = self.open_now()?;
        let snapshot = open.engine.publisher.snapshot.load();
        let ways = Way::to_model(&snapshot, model);
        let (moment, mut draw) = (open.moment(), open.draw());
        let mut first = None;
        for way in ways {
            match way.key(TYPICAL_TOKENS, moment, &mut draw) {
                Ok(claim) => return self.hand_out(claim, &way.provider, Some(&way.model)).await,
                Err(none) => drop(first.get_or_insert(none)),
            }
        }
        let nobody = || {
            Error::not_found(format!(
                "no provider offers the model `{model}`, or several do: assign a key to it, or write provider/model"
            ))
        };
        Err(first.map_or_else(nobody, Error::NoKey))
    }

    async fn key_of(&self, provider: &ProviderId, how: How) -> Result<Lease, Error> {
        let open = self.open_now()?;
        let snapshot = open.engine.publisher.snapshot.load();
        let entry = snapshot.provider(TenantId::DEFAULT, provider.as_str());
        let entry = entry.ok_or_else(|| no_provider(provider))?;
        let claim = key_of(entry, how, TYPICAL_TOKENS, open.moment(), &mut open.draw())?;
        self.hand_out(claim, entry, None).await
    }

    /// From a claim to a lease: opened, noted, and only then given away.
    async fn hand_out(&self, claim: Claim, provider: &Arc<ProviderEntry>, model: Option<&str>) -> Result<Lease, Error> {
        let open = self.open_now()?;
        let pooled =
            provider.pooled(claim.credential()).ok_or_else(|| Error::Internal("the key is gone".to_owned()))?;
        let secret = secret(open, provider, pooled)?;
        let priced_as = model.and_then(|model| priced_as(open, provider, model));
        let (subject, record) = records(open, provider, pooled, model, priced_as.as_deref())?;
        let audit = audit(open, &record)?;
        let began = open.engine.clock.monotonic();
        let kept = record.clone();
        let held = Held { claim, provider: Arc::clone(provider), priced_as, subject, record, began };
        // Whole before anything is noted: given up from here on, it is settled by being dropped.
        let mut lease = Lease {
            inner: Arc::clone(&self.inner),
            held: Some(held),
            secret,
            provider: ProviderId::named(provider.name.to_string()),
            key: pooled.name.to_string(),
            model: model.map(str::to_owned),
            base_url: provider.base.to_string(),
        };
        if let Err(error) = open.book.begin(kept, audit).await {
            lease.held = None;
            return Err(error);
        }
        Ok(lease)
    }
}

impl Lease {
    /// Its id: that of its row in the ledger and of its entry in the audit log.
    pub fn id(&self) -> String {
        self.held.as_ref().map(|held| held.record.id.to_string()).unwrap_or_default()
    }

    /// The provider.
    pub fn provider(&self) -> &ProviderId {
        &self.provider
    }

    /// What people call the key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The provider's model that it was taken for; `None` for any.
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    /// The only address that the key may be sent to.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The key itself.
    pub fn secret(&self) -> &LeasedSecret {
        &self.secret
    }

    /// Says how it went: the pool learns from it, the ledger gets its row. Returns once that is durable; given up
    /// earlier, it happens all the same.
    ///
    /// # Errors
    /// [`Error::Closed`] after [`Keyward::close`], [`Error::Internal`] when the ledger could not be written.
    pub async fn report(mut self, outcome: Outcome) -> Result<(), Error> {
        let Some(held) = self.held.take() else { return Ok(()) };
        let open = self.inner.open_now()?;
        open.book.settle(held.reported(open, &outcome)).await
    }
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lease({}/{})", self.provider, self.key)
    }
}

/// Hands its end over; the claim gives its place back by itself.
impl Drop for Lease {
    fn drop(&mut self) {
        let Some(held) = self.held.take() else { return };
        let Ok(open) = self.inner.open_now() else { return };
        open.book.hand_off(held.forgotten(open));
    }
}

impl Held {
    fn reported(self, open: &Open, outcome: &Outcome) -> Ended {
        let moment = open.moment();
        let took = moment.monotonic.saturating_sub(self.began);
        let judged = outcome.judged(&self.provider, moment.wall);
        let (ended, status) = outcome.ended();
        let is_unused = matches!(outcome.went, Went::Unused);
        let named = outcome.model.as_deref().and_then(|model| priced_as(open, &self.provider, model));
        let priced_as = named.or(self.priced_as);
        let cost = if outcome.usage.is_zero() && ended != AttemptOutcome::Completed {
            Some(Nanodollars::ZERO)
        } else {
            priced_as.as_ref().and_then(|at| charge(&at.pricing, &outcome.usage, &ChargeContext::default()))
        };
        let first_content = match outcome.went {
            Went::Well(first) => Some(first.unwrap_or(took)),
            _ => None,
        };
        let mut subject = self.subject;
        if let Some(at) = &priced_as {
            (subject.model, subject.price_version) = (Arc::clone(&at.model), Arc::clone(&at.price_version));
        }
        let cause = Cause::Lease { lease: self.record.id };
        let tokens = outcome.usage.prompt_tokens().saturating_add(outcome.usage.completion_tokens());
        let paid = cost.unwrap_or_default();
        let taught = match (judged.as_ref(), first_content) {
            (Some(judgement), _) => Taught::Failed { judgement, cause, tokens, cost: paid },
            (None, Some(_)) => Taught::Succeeded { first_content, tokens, cost: paid, cause },
            (None, None) => Taught::Neutral,
        };
        self.claim.report(&taught, moment);
        let entry = Entry {
            subject,
            outcome: ended,
            status,
            usage: outcome.usage,
            source: UsageSource::Provider,
            cost,
            raw_usage: None,
            duration: took,
            first_content,
            overhead: Duration::ZERO,
        };
        let state = if is_unused { LeaseState::Returned } else { LeaseState::Reported };
        let told = outcome.told(judged.as_ref());
        let lease = Record { state, ended_at: Some(moment.wall), outcome: told, ..self.record };
        Ended { row: (!is_unused).then_some(entry), lease }
    }

    fn forgotten(self, open: &Open) -> Ended {
        let moment = open.moment();
        let entry = Entry {
            cost: self.subject.reserved,
            subject: self.subject,
            outcome: AttemptOutcome::ClientGone,
            status: 0,
            usage: Usage::default(),
            source: UsageSource::Estimated,
            raw_usage: None,
            duration: moment.monotonic.saturating_sub(self.began),
            first_content: None,
            overhead: Duration::ZERO,
        };
        let outcome = "dropped without a report: settled as an estimate".to_owned();
        let lease = Record { state: LeaseState::Expired, ended_at: Some(moment.wall), outcome, ..self.record };
        Ended { row: Some(entry), lease }
    }
}

/// The key's secret. One that was sealed for another address than the provider's present one does not leave.
fn secret(open: &Open, provider: &ProviderEntry, pooled: &Pooled) -> Result<LeasedSecret, Error> {
    let record = &pooled.record;
    if record.envelope.is_empty() {
        return Ok(LeasedSecret::none());
    }
    let unusable = |what: &str| Error::Refused {
        code: "key_void".to_owned(),
        message: format!("the key `{}` {what}: enter it again", pooled.name),
    };
    if record.sealed_for.origin != provider.base.origin {
        return Err(unusable("was sealed for another address"));
    }
    let opened = open.engine.vault.open(&Place::of_credential(record), &record.envelope);
    let secret = opened.map_err(|error| match error {
        keyward_vault::VaultError::Locked => Error::VaultLocked,
        _ => unusable("does not open"),
    })?;
    LeasedSecret::new(secret).ok_or_else(|| unusable("is no text"))
}

fn typical() -> Usage {
    Usage { input_uncached: TYPICAL_TOKENS, output: TYPICAL_TOKENS, ..Usage::default() }
}

fn priced_as(open: &Open, provider: &ProviderEntry, model: &str) -> Option<Arc<Deployment>> {
    let snapshot = open.engine.publisher.snapshot.load();
    let route = snapshot.route(TenantId::DEFAULT, &format!("{}/{model}", provider.name))?;
    route.targets.first().cloned()
}

/// What the ledger and the store note before the secret leaves.
fn records(
    open: &Open,
    provider: &ProviderEntry,
    pooled: &Pooled,
    model: Option<&str>,
    priced_as: Option<&Deployment>,
) -> Result<(Subject, Record), Error> {
    let now = open.engine.clock.now();
    let id = RequestId::mint(now, open.engine.entropy.as_ref()).map_err(|error| Error::Internal(error.to_string()))?;
    let reserved = priced_as.and_then(|at| charge(&at.pricing, &typical(), &ChargeContext::default()));
    let named: Arc<str> = model.unwrap_or_default().into();
    let subject = Subject {
        attempt: AttemptId { request: id, number: 1 },
        at: now,
        tenant: TenantId::DEFAULT,
        virtual_key: open.virtual_key,
        provider: provider.id,
        provider_name: Arc::clone(&provider.name),
        credential: pooled.id,
        credential_name: Arc::clone(&pooled.name),
        requested_model: Arc::clone(&named),
        model: named,
        dialect: provider.kind.native_dialect(),
        operation: Operation::Lease,
        streamed: false,
        reserved,
        price_version: priced_as.map(|at| Arc::clone(&at.price_version)).unwrap_or_default(),
        attributed: None,
        trace: None,
        named: None,
    };
    let record = Record {
        id,
        tenant: TenantId::DEFAULT,
        virtual_key: open.virtual_key,
        provider: provider.id,
        provider_name: provider.name.to_string(),
        credential: pooled.id,
        credential_name: pooled.name.to_string(),
        model: model.map(str::to_owned),
        taken_at: now,
        expires_at: now.plus(LIFE),
        reserved,
        state: LeaseState::Open,
        ended_at: None,
        outcome: String::new(),
        attributed: None,
    };
    Ok((subject, record))
}

fn audit(open: &Open, record: &Record) -> Result<AuditDraft, Error> {
    let id = AuditId::mint(record.taken_at, open.engine.entropy.as_ref());
    let id = id.map_err(|error| Error::Internal(error.to_string()))?;
    let draft = AuditDraft::done(id, record.taken_at, &Principal::LocalOwner, "lease.take", &record.id);
    Ok(draft.with_detail(&format!("{}/{} to the library", record.provider_name, record.credential_name)))
}

pub(super) fn no_provider(provider: &ProviderId) -> Error {
    Error::not_found(format!("there is no provider `{provider}` in this home: add a key of it first"))
}

impl Open {
    pub(super) fn moment(&self) -> Moment {
        Moment::new(self.engine.clock.now(), self.engine.clock.monotonic())
    }

    /// Chance for spreading load.
    fn draw(&self) -> Draw {
        let mut seed = [0; 8];
        // Without entropy everybody draws alike, which spreads load no worse; nothing secret hangs on it.
        let _ = self.engine.entropy.fill(&mut seed);
        Draw::seeded(u64::from_ne_bytes(seed))
    }
}
