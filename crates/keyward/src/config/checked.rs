//! The config after checking: nobody looks at raw text again.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use keyward_admin::operation::budget::SetBudget;
use keyward_admin::operation::limit::SetLimit;
use keyward_domain::alias::TargetOrder;
use keyward_domain::budget::UnknownPrice;
use keyward_domain::judgement::RuleOverride;
use keyward_domain::money::Nanodollars;
use keyward_domain::origin::BaseUrl;
use keyward_domain::port::Durability;
use keyward_domain::provider::ProviderKind;
use keyward_domain::routing::{Concurrency, FallbackClass, KeyTerms, Strategy};
use keyward_limit::queue::Places;
use keyward_source::Reference;

use super::counters::Counters;
use super::node::Place;

/// Everything that can be configured in this version.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens.
    pub listen: Listen,
    /// The SQLite file; relative to the home.
    pub store: PathBuf,
    /// What opens the vault.
    pub vault: VaultRoot,
    /// What an acknowledged ledger write survives.
    pub durability: Durability,
    /// Request and connection limits.
    pub limits: Limits,
    /// The deadlines of an upstream call.
    pub deadlines: Deadlines,
    /// What happens upstream when a client goes away.
    pub on_disconnect: OnDisconnect,
    /// Worker threads of the data plane.
    pub workers: usize,
    /// How far a call is tried.
    pub attempts: Attempts,
    /// How calls wait while limits or keys are full.
    pub queue: Queue,
    /// After how long without a sign of life a key's provider is asked about it; `None` never asks.
    pub probe_idle_after: Option<Duration>,
    /// Whether `?key=` is accepted as a credential.
    pub allow_query_key: bool,
    /// What is logged, and how.
    pub log: Log,
    /// The collector that traces go to; `None` sends none.
    pub otlp_endpoint: Option<BaseUrl>,
    /// Where limits are counted.
    pub counters: Counters,
    /// What budgets do with calls whose price is unknown.
    pub unknown_price: UnknownPrice,
    /// Budgets that the file owns.
    pub budgets: Vec<FileBudget>,
    /// Limits on scopes that the file owns.
    pub call_limits: Vec<FileLimit>,
    /// Providers that the file owns.
    pub providers: Vec<FileProvider>,
    /// Aliases that the file owns.
    pub aliases: Vec<FileAlias>,
}

impl Config {
    /// The groups of fields that differ and that a running server cannot take over.
    pub fn needs_restart(&self, new: &Self) -> Vec<&'static str> {
        let groups = [
            ("listen", self.listen != new.listen),
            ("store", self.store != new.store),
            ("vault", self.vault != new.vault),
            ("ledger", self.durability != new.durability),
            ("limits", self.limits != new.limits),
            ("deadlines", self.deadlines != new.deadlines),
            ("on_disconnect", self.on_disconnect != new.on_disconnect),
            ("workers", self.workers != new.workers),
            ("attempts", self.attempts != new.attempts),
            ("queue", self.queue != new.queue),
            ("health", self.probe_idle_after != new.probe_idle_after),
            ("allow_query_key", self.allow_query_key != new.allow_query_key),
            ("log", self.log != new.log),
            ("counters", self.counters != new.counters),
            ("telemetry", self.otlp_endpoint != new.otlp_endpoint),
        ];
        groups.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
    }
}

/// Where the planes listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Clients.
    pub data: SocketAddr,
    /// Operators.
    pub admin: SocketAddr,
    /// Host names besides the loopback ones that the control plane answers to.
    pub admin_hosts: Vec<String>,
    /// `/metrics`, when it is not to be on the admin address.
    pub metrics: Option<SocketAddr>,
}

/// What opens the vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VaultRoot {
    /// A file with the root key; relative to the home.
    KeyFile(PathBuf),
    /// A passphrase, asked for at start or read from a file.
    Passphrase,
}

/// Request and connection limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The largest JSON body, in bytes.
    pub body_bytes: u64,
    /// The largest upload, in bytes.
    pub upload_bytes: u64,
    /// Calls in flight at one time.
    pub in_flight: usize,
    /// Connections to the data plane at one time.
    pub max_connections: usize,
}

/// The deadlines of an upstream call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadlines {
    /// To have a connection.
    pub connect: Duration,
    /// To have the first content byte.
    pub first_content: Duration,
    /// Between two pieces of an answer.
    pub idle: Duration,
    /// For everything.
    pub total: Duration,
    /// After this much silence a stream's client gets a comment, so that nothing in between hangs up.
    pub keep_alive: Duration,
}

/// How far a call is tried, and what its client may learn about that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempts {
    /// How many attempts a call may take.
    pub max: usize,
    /// After this much time since its arrival a call is not tried again.
    pub total: Option<Duration>,
    /// What attempts that failed and may be billed can cost together with the next one, at most.
    pub cost: Option<Nanodollars>,
    /// Whether a client may ask with `x-keyward-explain` which way its call took, and be told in a header.
    pub explain_header: bool,
}

/// How calls wait while limits or keys are full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// How long a call may wait; zero refuses at once.
    pub wait: Duration,
    /// How many may wait.
    pub places: Places,
}

/// How far abandoned answers are read on; whether they are is a virtual key's own setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnDisconnect {
    /// How long an answer is read to its end in the background.
    pub drain_max: Duration,
    /// How many answers are read like that at one time.
    pub drain_max_calls: usize,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// The least important level that is written.
    pub level: LogLevel,
    /// How a line looks.
    pub format: LogFormat,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Failures that need a human.
    Error,
    /// Things that look wrong.
    Warn,
    /// What happens.
    Info,
    /// Why it happens.
    Debug,
    /// Every step.
    Trace,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// Text for people.
    Text,
    /// One JSON object per line.
    Json,
}

/// A budget that the file owns.
#[derive(Debug, Clone)]
pub struct FileBudget {
    /// What it says; its scope is by name.
    pub set: SetBudget,
    /// Where it was written.
    pub place: Place,
    /// Its path in the file, such as `budgets.global`.
    pub path: String,
}

/// A limit that the file owns.
#[derive(Debug, Clone)]
pub struct FileLimit {
    /// What it says; its scope is by name.
    pub set: SetLimit,
    /// Where it was written.
    pub place: Place,
    /// Its path in the file, such as `limits.per_user`.
    pub path: String,
}

/// A provider that the file owns.
#[derive(Debug, Clone)]
pub struct FileProvider {
    /// Its name.
    pub name: String,
    /// The sort of server; `None` leaves it to the preset of that name.
    pub kind: Option<ProviderKind>,
    /// Where it is; `None` leaves it to the preset.
    pub base_url: Option<BaseUrl>,
    /// Whether calls may be routed to it.
    pub enabled: bool,
    /// Whether a model without a price costs nothing here.
    pub free: bool,
    /// How a key of its pool is chosen.
    pub strategy: Strategy,
    /// How many calls it is sent at once.
    pub concurrency: Concurrency,
    /// What its answers mean, before the tables that are built in.
    pub rules: Vec<RuleOverride>,
    /// Which part of the price catalog describes it; `None` leaves it to the preset.
    pub catalog: Option<String>,
    /// Its keys.
    pub keys: Vec<FileKey>,
    /// Where it was written.
    pub place: Place,
}

/// A provider key that the file owns.
#[derive(Debug, Clone)]
pub struct FileKey {
    /// Its name, unique within the provider.
    pub name: String,
    /// Where the secret is, such as `${env:OPENAI_API_KEY}`; `None` for servers that want none.
    pub reference: Option<Reference>,
    /// Whether it is used.
    pub enabled: bool,
    /// On which terms it is used.
    pub terms: KeyTerms,
    /// Where it was written.
    pub place: Place,
}

/// An alias that the file owns.
#[derive(Debug, Clone)]
pub struct FileAlias {
    /// What clients send as `model`.
    pub name: String,
    /// What it stands for, in order of preference.
    pub targets: Vec<FileTarget>,
    /// In which order the targets are tried.
    pub order: TargetOrder,
    /// Share of the calls of each target; empty means all alike.
    pub weights: Vec<u16>,
    /// What to go on to when the targets cannot serve, by what stood in the way.
    pub fallback: BTreeMap<FallbackClass, Vec<FileTarget>>,
}

/// A deployment that the file names.
#[derive(Debug, Clone)]
pub struct FileTarget {
    /// `provider/model`.
    pub deployment: String,
    /// Where it was written.
    pub place: Place,
}

/// The data plane's address when nothing else is said.
pub const DEFAULT_DATA: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8700);
/// The control plane's address when nothing else is said.
pub const DEFAULT_ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8701);
/// The SQLite file when nothing else is said.
pub const DEFAULT_STORE: &str = "keyward.db";
/// The root key's file when nothing else is said.
pub const DEFAULT_KEY_FILE: &str = "root.key";
