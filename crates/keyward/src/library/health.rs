//! How the keys are doing, without asking any provider: what traffic, leases and proofs taught.

use std::fmt;
use std::time::Duration;

use keyward_domain::credential::CredentialState;
use keyward_domain::ids::TenantId;
use keyward_domain::standing::Standing;
use keyward_domain::time::Timestamp;
use keyward_gateway::{Pooled, ProviderEntry};
use keyward_pool::{ANY_MODEL, KeyView, ModelView};

use super::table::{Side, length, write};
use super::{Error, Keyward, ProviderId};

/// How every key is doing. Printed, it is a table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// Every key of every enabled provider, by provider and name.
    pub keys: Vec<KeyHealth>,
}

/// How a key is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyHealth {
    /// Its provider.
    pub provider: ProviderId,
    /// What people call it.
    pub key: String,
    /// `active`; `cooling` (told to rest), `exhausted` (a quota is used up), `suspect` (not accepted); or what people
    /// decided: `pending`, `disabled`, `draining`, `retired`, `revoked`.
    pub state: &'static str,
    /// Why, when it is not active; a sentence for people.
    pub reason: Option<String>,
    /// How long until it is back by itself; `None` when it is not away, or when a person has to do something.
    pub back_in: Option<Duration>,
    /// Calls that succeeded since the process began, in percent; `None` before the first.
    pub success_percent: Option<u8>,
    /// Failures in a row.
    pub failures_in_a_row: u32,
    /// Calls under way.
    pub in_flight: u32,
    /// Times to the first content of late.
    pub latency: Option<Latency>,
    /// What the last proof found: `valid`, `unauthorised`, ...
    pub finding: Option<&'static str>,
    /// How long ago that was.
    pub proved_ago: Option<Duration>,
    /// Models that it is not asked for now, though it may be active for others.
    pub resting_for: Vec<RestingModel>,
}

/// A model that a key is not asked for now.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RestingModel {
    /// The provider's name for it; `*` for keys that were handed out for any model.
    pub model: String,
    /// `cooling`, `exhausted` or `suspect`.
    pub state: &'static str,
    /// Why; a sentence for people.
    pub reason: String,
    /// How long until the key is asked for it again by itself.
    pub back_in: Option<Duration>,
}

/// Times to the first content: so many of a hundred calls were faster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latency {
    /// 50 of 100.
    pub p50: Duration,
    /// 95 of 100.
    pub p95: Duration,
    /// 99 of 100.
    pub p99: Duration,
}

impl Keyward {
    /// How every key is doing right now, as traffic, leases and proofs taught. Asks no provider:
    /// [`Keyward::validate_key`] does.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # use keyward::{Keyward, Options, ProviderId};
    /// # let keyward = Keyward::open(Options::temporary()).await?;
    /// # keyward.add_key(ProviderId::SANDBOX, "production", "any-key-will-do".to_owned()).await?;
    /// let health = keyward.health().await?;
    /// assert!(health.keys.iter().all(|key| key.state == "active"));
    /// println!("{health}");
    /// # keyward.close().await?;
    /// # Ok::<(), keyward::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`Error::Closed`].
    #[expect(
        clippy::unused_async,
        reason = "the picture may come from a shared store one day; callers should not change"
    )]
    pub async fn health(&self) -> Result<Health, Error> {
        let open = self.open_now()?;
        let snapshot = open.engine.publisher.snapshot.load();
        let moment = open.moment();
        let mut keys: Vec<KeyHealth> = Vec::new();
        for provider in snapshot.providers(TenantId::DEFAULT) {
            let views = provider.pool.keys(moment);
            let own = views
                .iter()
                .filter_map(|view| Some(KeyHealth::of(provider, provider.pooled(view.credential)?, view, moment.wall)));
            keys.extend(own);
        }
        keys.sort_by(|one, other| (&one.provider, &one.key).cmp(&(&other.provider, &other.key)));
        Ok(Health { keys })
    }
}

impl KeyHealth {
    /// Whether it can be handed out now.
    pub fn is_usable(&self) -> bool {
        self.state == "active"
    }

    fn of(provider: &ProviderEntry, pooled: &Pooled, view: &KeyView, now: Timestamp) -> Self {
        let record = &pooled.record;
        let away = view.standing != Standing::Active;
        let millis = Duration::from_millis;
        Self {
            provider: ProviderId::named(provider.name.to_string()),
            key: pooled.name.to_string(),
            state: state(record.state, view.standing),
            reason: view.known.as_ref().filter(|_| away).map(|known| known.reason.clone()),
            back_in: view.standing.until().map(|until| until.since(now)),
            success_percent: view.success_permille.and_then(|rate| u8::try_from(rate / 10).ok()),
            failures_in_a_row: view.consecutive_failures,
            in_flight: view.in_flight,
            latency: view.latency.map(|of| Latency {
                p50: millis(of.p50_ms),
                p95: millis(of.p95_ms),
                p99: millis(of.p99_ms),
            }),
            finding: record.proof.as_ref().map(|proof| proof.finding.as_str()),
            proved_ago: record.proof.as_ref().map(|proof| now.since(proof.at)),
            resting_for: view.models.iter().filter_map(|model| RestingModel::of(model, now)).collect(),
        }
    }
}

impl RestingModel {
    fn of(view: &ModelView, now: Timestamp) -> Option<Self> {
        (view.standing != Standing::Active).then(|| Self {
            model: view.model.clone(),
            state: view.standing.as_str(),
            reason: view.known.as_ref().map(|known| known.reason.clone()).unwrap_or_default(),
            back_in: view.standing.until().map(|until| until.since(now)),
        })
    }
}

impl fmt::Display for RestingModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for ", self.state)?;
        f.write_str(if self.model == ANY_MODEL { "any model" } else { &self.model })?;
        match self.back_in {
            Some(back) => write!(f, " (back in {}): {}", length(back), self.reason),
            None => write!(f, ": {}", self.reason),
        }
    }
}

/// What people decided goes before what was learned.
pub(super) fn state(decided: CredentialState, learned: Standing) -> &'static str {
    if decided == CredentialState::Active { learned.as_str() } else { decided.as_str() }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.keys.is_empty() {
            return f.write_str("no provider keys yet");
        }
        let columns = [
            ("PROVIDER", Side::Left),
            ("KEY", Side::Left),
            ("STATE", Side::Left),
            ("BACK IN", Side::Right),
            ("SUCCESS", Side::Right),
            ("P50", Side::Right),
            ("PROVED", Side::Left),
            ("WHY", Side::Left),
        ];
        let rows: Vec<Vec<String>> = self.keys.iter().map(KeyHealth::row).collect();
        write(f, &columns, &rows)
    }
}

impl KeyHealth {
    fn row(&self) -> Vec<String> {
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let proved = self.finding.map(|finding| match self.proved_ago {
            Some(ago) => format!("{finding}, {} ago", length(ago)),
            None => finding.to_owned(),
        });
        let why: Vec<String> =
            self.reason.iter().cloned().chain(self.resting_for.iter().map(ToString::to_string)).collect();
        vec![
            self.provider.to_string(),
            self.key.clone(),
            self.state.to_owned(),
            or_dash(self.back_in.map(length)),
            or_dash(self.success_percent.map(|percent| format!("{percent} %"))),
            or_dash(self.latency.map(|latency| format!("{} ms", latency.p50.as_millis()))),
            or_dash(proved),
            why.join("; "),
        ]
    }
}
