//! What happened with the keys: the ledger's sums, and what the pools count.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use keyward_domain::ids::{CredentialId, TenantId};
use keyward_domain::judgement::Trouble;
use keyward_domain::ledger::{Dimension, UsageQuery, UsageRow};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::Store;
use keyward_domain::routing::Strategy;
use keyward_domain::standing::{KeyEvent, KeyEventFilter, Standing};
use keyward_domain::time::Timestamp;
use keyward_domain::window::Zone;

use super::health::state;
use super::lease::no_provider;
use super::opening::Open;
use super::table::{Side, write};
use super::{Error, Keyward, ProviderId};

/// Changes of standings that are looked through to count how often keys were told to slow down.
const MAX_EVENTS: u32 = 10_000;
/// Rows that were just written are in the store after a moment: how long that is waited for, and how often it is looked.
const ROWS_WITHIN: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// What happened with one key since it was added.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeyStats {
    /// Its provider.
    pub provider: ProviderId,
    /// What people call it.
    pub key: String,
    /// As in [`KeyHealth::state`](crate::KeyHealth::state).
    pub state: &'static str,
    /// Calls and leases, as the ledger has them.
    pub requests: u64,
    /// Those of them that did not complete.
    pub errors: u64,
    /// How often it went to rest because its provider said that it was too fast; of the last 10,000 changes of all keys.
    pub rate_limited: u64,
    /// Prompt tokens.
    pub input_tokens: u64,
    /// Answer tokens.
    pub output_tokens: u64,
    /// What it cost, as far as prices are known.
    pub cost: Nanodollars,
    /// Requests whose price is unknown: their cost is missing above.
    pub unpriced: u64,
    /// Requests whose figures are estimated, such as leases without a report.
    pub estimated: u64,
}

/// What happened with a provider's keys together.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProviderStats {
    /// The provider.
    pub provider: ProviderId,
    /// How a key of its pool is chosen.
    pub strategy: Strategy,
    /// How many keys it has.
    pub keys: usize,
    /// How many of them can be handed out now.
    pub usable_keys: usize,
    /// Sums over its keys, as in [`KeyStats`].
    pub requests: u64,
    /// Those of them that did not complete.
    pub errors: u64,
    /// How often a key was told to slow down.
    pub rate_limited: u64,
    /// Prompt tokens.
    pub input_tokens: u64,
    /// Answer tokens.
    pub output_tokens: u64,
    /// What it cost, as far as prices are known.
    pub cost: Nanodollars,
    /// Requests whose price is unknown.
    pub unpriced: u64,
}

/// Everything at one glance. Printed, it is two tables: providers, and their keys.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Every enabled provider, by name.
    pub providers: Vec<ProviderStats>,
    /// Every key of theirs, by provider and name.
    pub keys: Vec<KeyStats>,
}

impl Keyward {
    /// What happened with one key since it was added: requests, errors, how often it was told to slow down, cost.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # use keyward::{Keyward, Options, Outcome, ProviderId, Usage};
    /// # let keyward = Keyward::open(Options::temporary()).await?;
    /// # keyward.add_key(ProviderId::SANDBOX, "production", "any-key-will-do".to_owned()).await?;
    /// let lease = keyward.key_for_model("sandbox-small").await?;
    /// let used = Usage { input_uncached: 1_000_000, output: 1_000_000, ..Usage::default() };
    /// lease.report(Outcome::succeeded(used)).await?;
    ///
    /// let stats = keyward.key_stats(ProviderId::SANDBOX, "production").await?;
    /// assert_eq!((stats.requests, stats.errors, stats.rate_limited), (1, 0, 0));
    /// assert_eq!(stats.cost.to_string(), "$0.75");
    /// # keyward.close().await?;
    /// # Ok::<(), keyward::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`Error::Refused`] with `not_found` when there is no such key.
    pub async fn key_stats(&self, provider: ProviderId, key: &str) -> Result<KeyStats, Error> {
        let report = self.report().await?;
        let found = report.keys.into_iter().find(|stats| stats.provider == provider && stats.key == key);
        found.ok_or_else(|| Error::not_found(format!("there is no key `{key}` of `{provider}` in use")))
    }

    /// What happened with a provider's keys together.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # use keyward::{Keyward, Options, ProviderId};
    /// # let keyward = Keyward::open(Options::temporary()).await?;
    /// # keyward.add_key(ProviderId::SANDBOX, "production", "any-key-will-do".to_owned()).await?;
    /// let stats = keyward.provider_stats(ProviderId::SANDBOX).await?;
    /// assert_eq!((stats.keys, stats.usable_keys, stats.requests), (1, 1, 0));
    /// # keyward.close().await?;
    /// # Ok::<(), keyward::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`Error::Refused`] with `not_found` when there is no such provider, or it is switched off.
    pub async fn provider_stats(&self, provider: ProviderId) -> Result<ProviderStats, Error> {
        let report = self.report().await?;
        report.providers.into_iter().find(|stats| stats.provider == provider).ok_or_else(|| no_provider(&provider))
    }

    /// Everything at one glance.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # use keyward::{Keyward, Options, ProviderId};
    /// # let keyward = Keyward::open(Options::temporary()).await?;
    /// # keyward.add_key(ProviderId::SANDBOX, "production", "any-key-will-do".to_owned()).await?;
    /// println!("{}", keyward.report().await?);
    /// # keyward.close().await?;
    /// # Ok::<(), keyward::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`Error::Internal`] when the store cannot be read.
    pub async fn report(&self) -> Result<Report, Error> {
        let open = self.open_now()?;
        open.rows_are_there().await;
        let (store, pools) = (Arc::clone(&open.engine.store), Arc::clone(&open.engine.publisher.pools));
        let read = tokio::task::spawn_blocking(move || {
            pools.flush();
            kept(store.as_ref())
        });
        let kept = read.await.map_err(|_| Error::died())?;
        let (rows, slowed) = kept.map_err(|error| Error::Internal(error.to_string()))?;
        Ok(Report::of(open, &rows, &slowed))
    }
}

impl Open {
    /// Waits until every row that was settled is in the store, as long as that is sensible.
    pub(super) async fn rows_are_there(&self) {
        let deadline = self.engine.clock.monotonic().saturating_add(ROWS_WITHIN);
        while self.has_waiting_rows() && self.engine.clock.monotonic() < deadline {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// Sums by key, and how often each was told to slow down.
type Kept = (HashMap<CredentialId, UsageRow>, HashMap<CredentialId, u64>);

fn kept(store: &dyn Store) -> Result<Kept, keyward_domain::port::StoreError> {
    let until = Timestamp::from_unix_millis(i64::MAX);
    let group_by = vec![Dimension::Credential];
    let query = UsageQuery { since: Timestamp::EPOCH, until, group_by, zone: Zone::default() };
    let rows = store.usage(&query)?.into_iter().filter_map(|row| Some((row.group.first()?.parse().ok()?, row)));
    let events = store.key_events(&KeyEventFilter { limit: MAX_EVENTS, ..KeyEventFilter::default() })?;
    let mut slowed: HashMap<CredentialId, u64> = HashMap::new();
    for (_, event) in events.iter().filter(|(_, event)| is_slowed_down(event)) {
        *slowed.entry(event.now.credential).or_default() += 1;
    }
    Ok((rows.collect(), slowed))
}

fn is_slowed_down(event: &KeyEvent) -> bool {
    event.now.trouble == Some(Trouble::RateLimited) && event.now.standing != Standing::Active
}

impl Report {
    fn of(open: &Open, rows: &HashMap<CredentialId, UsageRow>, slowed: &HashMap<CredentialId, u64>) -> Self {
        let snapshot = open.engine.publisher.snapshot.load();
        let moment = open.moment();
        let mut providers = BTreeMap::new();
        let mut keys = Vec::new();
        for provider in snapshot.providers(TenantId::DEFAULT) {
            let id = ProviderId::named(provider.name.to_string());
            let mut sum = ProviderStats::nothing(id.clone(), provider.pool.strategy());
            for view in provider.pool.keys(moment) {
                let Some(pooled) = provider.pooled(view.credential) else { continue };
                let state = state(pooled.record.state, view.standing);
                let name = (id.clone(), pooled.name.to_string());
                let slowed = slowed.get(&view.credential).copied().unwrap_or_default();
                let key = KeyStats::of(name, state, rows.get(&view.credential), slowed);
                sum.add(&key);
                keys.push(key);
            }
            providers.insert(id, sum);
        }
        keys.sort_by(|one, other| (&one.provider, &one.key).cmp(&(&other.provider, &other.key)));
        Self { providers: providers.into_values().collect(), keys }
    }
}

impl KeyStats {
    fn of((provider, key): (ProviderId, String), state: &'static str, row: Option<&UsageRow>, slowed: u64) -> Self {
        let sum = |of: fn(&UsageRow) -> u64| row.map_or(0, of);
        Self {
            provider,
            key,
            state,
            requests: sum(|row| row.attempts),
            errors: sum(|row| row.failures),
            rate_limited: slowed,
            input_tokens: sum(|row| row.usage.prompt_tokens()),
            output_tokens: sum(|row| row.usage.completion_tokens()),
            cost: row.map_or(Nanodollars::ZERO, |row| row.cost),
            unpriced: sum(|row| row.unpriced),
            estimated: sum(|row| row.estimated),
        }
    }
}

impl ProviderStats {
    fn nothing(provider: ProviderId, strategy: Strategy) -> Self {
        Self {
            provider,
            strategy,
            keys: 0,
            usable_keys: 0,
            requests: 0,
            errors: 0,
            rate_limited: 0,
            input_tokens: 0,
            output_tokens: 0,
            cost: Nanodollars::ZERO,
            unpriced: 0,
        }
    }

    fn add(&mut self, key: &KeyStats) {
        self.keys += 1;
        self.usable_keys += usize::from(key.state == "active");
        self.requests += key.requests;
        self.errors += key.errors;
        self.rate_limited += key.rate_limited;
        self.input_tokens += key.input_tokens;
        self.output_tokens += key.output_tokens;
        self.cost = self.cost + key.cost;
        self.unpriced += key.unpriced;
    }
}

/// What both tables count.
const COUNTED: [(&str, Side); 6] = [
    ("REQUESTS", Side::Right),
    ("ERRORS", Side::Right),
    ("SLOWED", Side::Right),
    ("TOKENS IN", Side::Right),
    ("TOKENS OUT", Side::Right),
    ("COST", Side::Right),
];

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.providers.is_empty() {
            return f.write_str("no providers yet");
        }
        let of_provider = [("PROVIDER", Side::Left), ("STRATEGY", Side::Left), ("USABLE KEYS", Side::Right)];
        let columns: Vec<_> = of_provider.into_iter().chain(COUNTED).collect();
        write(f, &columns, &self.providers.iter().map(ProviderStats::row).collect::<Vec<_>>())?;
        if self.keys.is_empty() {
            return Ok(());
        }
        f.write_str("\n\n")?;
        let of_key = [("PROVIDER", Side::Left), ("KEY", Side::Left), ("STATE", Side::Left)];
        let columns: Vec<_> = of_key.into_iter().chain(COUNTED).collect();
        write(f, &columns, &self.keys.iter().map(KeyStats::row).collect::<Vec<_>>())
    }
}

impl ProviderStats {
    fn row(&self) -> Vec<String> {
        vec![
            self.provider.to_string(),
            self.strategy.as_str().to_owned(),
            format!("{} of {}", self.usable_keys, self.keys),
            self.requests.to_string(),
            self.errors.to_string(),
            self.rate_limited.to_string(),
            self.input_tokens.to_string(),
            self.output_tokens.to_string(),
            cost(self.cost, self.unpriced),
        ]
    }
}

impl KeyStats {
    fn row(&self) -> Vec<String> {
        vec![
            self.provider.to_string(),
            self.key.clone(),
            self.state.to_owned(),
            self.requests.to_string(),
            self.errors.to_string(),
            self.rate_limited.to_string(),
            self.input_tokens.to_string(),
            self.output_tokens.to_string(),
            cost(self.cost, self.unpriced),
        ]
    }
}

/// What is not priced is said, never shown as nothing.
fn cost(known: Nanodollars, unpriced: u64) -> String {
    match unpriced {
        0 => known.to_string(),
        1 => format!("{known} + 1 unpriced"),
        more => format!("{known} + {more} unpriced"),
    }
}
