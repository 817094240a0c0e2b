//! An installation, opened by this process.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use anyhow::{Context as _, bail};
use keyward_admin::client::Door;
use keyward_admin::control::{Control, Ports};
use keyward_admin::rest::Plane;
use keyward_domain::port::{Clock, Egress, Entropy, Store};
use keyward_domain::secret::Secret;
use keyward_gateway::{Living, Snapshot, SnapshotHandle};
use keyward_limit::book::Booked;
use keyward_pool::Moment;
use keyward_store::sqlite::SqliteStore;
use keyward_vault::{RootHolder, SystemEntropy, Vault};

use super::allowances::LiveAllowances;
use super::catalog;
use super::counts::Counts;
use super::file_owned::FileOwned;
use super::found::is_founded;
use super::live::Pulse;
use super::pool_memory::PoolMemory;
use super::pools::LivePools;
use super::publish::Publisher;
use crate::config::{Config, Environment, VaultRoot};
use crate::home::Home;
use crate::system::SystemClock;

/// An installation, opened by this process and by no other.
pub struct Engine {
    /// Where it is.
    pub home: Home,
    /// The config it was opened with.
    pub config: Arc<Config>,
    /// Durable truth, without the file's objects.
    pub store: Arc<dyn Store>,
    /// Opens and seals secrets.
    pub vault: Arc<Vault>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// The way out for calls that are not client traffic.
    pub egress: Arc<dyn Egress>,
    /// Operations.
    pub control: Arc<Control>,
    /// What puts changes into effect.
    pub publisher: Arc<Publisher>,
    /// The process in a few figures.
    pub pulse: Arc<Pulse>,
    /// Why the config file's own objects are not there; empty when they are. A server does not start like that, a
    /// command can go on: the variables that a server has need not be in an operator's shell.
    pub file_problems: Vec<String>,
}

/// What the vault is opened with.
pub enum Unlocking {
    /// The config says how; a passphrase that is not at hand leaves it locked.
    AsConfigured,
    /// This passphrase.
    Passphrase(Secret),
}

impl Engine {
    /// Opens the installation in this home. A wrong root key changes nothing.
    pub fn open(home: &Home, config: Config, environment: &Environment, unlocking: Unlocking) -> anyhow::Result<Self> {
        if !is_founded(home, &config) {
            bail!("there is no installation in {}: run `keyward init` first", home.path().display());
        }
        home.check()?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::new());
        let sqlite: Arc<dyn Store> = Arc::new(SqliteStore::open(&home.join(&config.store), clock.as_ref())?);
        let counts = Arc::new(Counts::of(&config.counters, environment, &clock, &entropy));
        let booked = Arc::new(Booked::over(sqlite, Arc::clone(&counts.counting.book)));
        let store: Arc<dyn Store> = Arc::clone(&booked) as _;
        let records = store.load()?;
        let install = records.install.context("the store was never set up: move it away and run `keyward init`")?;
        let vault = Arc::new(Vault::from_records(install, &records.vault)?);
        unlock(&vault, home, &config, unlocking)?;

        let catalog = Arc::new(catalog::load(&home.catalog())?);
        let pools = Arc::new(PoolMemory::start(Arc::clone(&store), Arc::clone(&clock))?);
        let moment = Moment::new(clock.now(), clock.monotonic());
        let (registry, unknown_price) = (&pools.registry, config.unknown_price);
        let living = Living { catalog: &catalog, vault: &vault, registry, moment, unknown_price };
        // Replaced by `publish` below, before anybody looks.
        let snapshot = SnapshotHandle::new(Snapshot::build(&records, &living));
        let config = Arc::new(config);
        let publisher = Arc::new(Publisher {
            store: Arc::new(FileOwned::over(Arc::clone(&store))),
            catalog: Arc::clone(&catalog),
            vault: Arc::clone(&vault),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
            snapshot: snapshot.clone(),
            pools: Arc::clone(&pools),
            booked,
            counts,
            environment: environment.clone(),
            config: Mutex::new(Arc::clone(&config)),
            waiting: AtomicBool::new(false),
            known_vault: Mutex::new(records.vault.clone()),
        });
        let file_problems = publisher.take_file(&config).err().unwrap_or_default();
        publisher.publish();
        let pulse =
            Arc::new(Pulse::new(Arc::clone(&clock), snapshot, config.durability, Arc::clone(&publisher.booked)));
        let egress: Arc<dyn Egress> = keyward_gateway::egress(&[])?;
        let control = Arc::new(Control::new(Ports {
            store: Arc::clone(&publisher.store) as Arc<dyn Store>,
            vault: Arc::clone(&vault),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
            egress: Arc::clone(&egress),
            catalog,
            on_change: on_change(&publisher),
            pools: Arc::new(LivePools { snapshot: publisher.snapshot.clone(), memory: pools }),
            allowances: Arc::new(LiveAllowances(Arc::clone(&publisher.counts))),
            live: Arc::clone(&pulse) as _,
            key_file: key_file(home, &config),
        }));
        Ok(Self {
            home: home.clone(),
            config,
            store,
            vault,
            clock,
            entropy,
            egress,
            control,
            publisher,
            pulse,
            file_problems,
        })
    }

    /// The control plane within this process, as the owner of the home.
    pub fn door(&self) -> Door {
        let no_metrics: Arc<dyn Fn() -> String + Send + Sync> = Arc::new(String::new);
        Door::local(&Arc::new(Plane::new(Arc::clone(&self.control), Vec::new(), no_metrics)))
    }

    /// Takes over what a running server can take over: providers, keys, aliases, budgets and limits of the
    /// file. The sentences, one a line, say what was wrong, and then nothing changed.
    pub fn take_config(&self, config: Config) -> Result<(), String> {
        let fixed = self.config.needs_restart(&config);
        self.publisher.take_file(&Arc::new(config)).map_err(|wrong| wrong.join("\n"))?;
        self.publisher.publish();
        if !fixed.is_empty() {
            tracing::warn!(fields = %fixed.join(", "), "these fields changed and need a restart to take effect");
        }
        Ok(())
    }
}

fn on_change(publisher: &Arc<Publisher>) -> Arc<dyn Fn() + Send + Sync> {
    let publisher = Arc::clone(publisher);
    Arc::new(move || publisher.publish())
}

fn key_file(home: &Home, config: &Config) -> std::path::PathBuf {
    match &config.vault {
        VaultRoot::KeyFile(path) => home.join(path),
        VaultRoot::Passphrase => home.join(crate::config::DEFAULT_KEY_FILE),
    }
}

fn unlock(vault: &Vault, home: &Home, config: &Config, unlocking: Unlocking) -> anyhow::Result<()> {
    let holder = match (unlocking, &config.vault) {
        (Unlocking::Passphrase(passphrase), _) => RootHolder::Passphrase(passphrase),
        (Unlocking::AsConfigured, VaultRoot::KeyFile(path)) => RootHolder::KeyFile(home.join(path)),
        (Unlocking::AsConfigured, VaultRoot::Passphrase) => return Ok(()),
    };
    vault.unlock(&holder).context("the vault cannot be opened; nothing was changed")
}
