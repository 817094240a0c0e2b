//! From options to an installation at work: found it when it is not there, open it, start the data plane without a port,
//! and get the virtual key that this process calls with.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keyward_admin::client::{Ask, Door, DoorError};
use keyward_domain::port::Journals;
use keyward_domain::secret::Secret;
use keyward_domain::token::TokenId;
use keyward_gateway::{Gateway, Metrics, Running};
use keyward_store::journal::{FileJournals, Observer, Options as JournalOptions};
use serde_json::{Value, json};

use super::Error;
use super::book::Book;
use super::options::{Located, Options};
use super::secret::again;
use crate::wire::{Engine, Unlocking, found, gateway_options, is_founded};

/// The virtual key that calls of the library carry.
const VIRTUAL_KEY: &str = "library";
/// Other names that are tried when that one was revoked.
const MORE_NAMES: std::ops::Range<u32> = 2..100;
/// Calls under way when the last handle goes get this long to end.
const DRAIN: Duration = Duration::from_secs(5);
/// Who asks for figures wants those of the call before; a server's projector takes longer, to take more at once.
const PROJECT_AFTER: Duration = Duration::from_millis(20);

/// An installation at work.
pub(super) struct Open {
    /// The way to everything that is kept.
    pub(super) door: Door,
    /// The virtual key of this process.
    pub(super) virtual_key: TokenId,
    pub(super) token: Secret,
    /// What leases leave in the ledger.
    pub(super) book: Arc<Book>,
    serving: Mutex<Option<Serving>>,
    pub(super) engine: Engine,
    // Goes last: everything above still writes into it.
    _folder: Option<tempfile::TempDir>,
}

/// What has to be ended in order.
struct Serving {
    data: Running,
    journals: Arc<FileJournals>,
}

/// An installation that nobody can call yet.
struct Begun {
    engine: Engine,
    serving: Serving,
    book: Arc<Book>,
    folder: Option<tempfile::TempDir>,
}

impl Open {
    /// Opens what the options name.
    pub(super) async fn new(options: Options) -> Result<Self, Error> {
        let begun =
            tokio::task::spawn_blocking(move || begin(options.locate()?)).await.map_err(|_| Error::died())??;
        let Begun { engine, serving, book, folder } = begun;
        let door = engine.door();
        let (virtual_key, token) = virtual_key(&door).await?;
        let serving = Mutex::new(Some(serving));
        Ok(Self { door, virtual_key, token, book, serving, engine, _folder: folder })
    }

    /// A connection to the data plane.
    pub(super) fn connect(&self) -> Result<tokio::io::DuplexStream, Error> {
        let serving = self.serving.lock().unwrap_or_else(PoisonError::into_inner);
        let serving = serving.as_ref().ok_or(Error::Closed)?;
        let full = || Error::Internal("as many calls are under way as there may be".to_owned());
        serving.data.connect().ok_or_else(full)
    }

    /// Whether rows that were settled are still on their way to the store.
    pub(super) fn has_waiting_rows(&self) -> bool {
        let serving = self.serving.lock().unwrap_or_else(PoisonError::into_inner);
        let status = serving.as_ref().map(|serving| serving.journals.status()).unwrap_or_default();
        (status.queued_rows > 0 || status.spilled) && status.broken.is_none() && status.failing.is_none()
    }

    /// Whether it still serves.
    pub(super) fn is_open(&self) -> bool {
        self.serving.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Ends what is under way and brings the ledger to the disk and the store. Blocks. Only the first call does it.
    pub(super) fn end(&self) -> Result<(), Error> {
        let serving = self.serving.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Serving { data, journals }) = serving else { return Ok(()) };
        data.drain(DRAIN);
        self.book.end();
        self.engine.publisher.pools.flush();
        let closed = journals.close();
        closed.map(drop).map_err(|error| Error::Internal(format!("the ledger may not be on the disk: {error}")))
    }
}

fn begin(located: Located) -> Result<Begun, Error> {
    let Located { home, config, environment, passphrase, folder } = located;
    let setup = |error: anyhow::Error| Error::Setup(format!("{error:#}"));
    refuse_second(&home.join(&config.store), home.path())?;
    if !is_founded(&home, &config) {
        found(&home, &config, passphrase.as_ref().map(again)).map_err(setup)?;
    }
    let unlocking = passphrase.map_or(Unlocking::AsConfigured, Unlocking::Passphrase);
    let store = home.join(&config.store);
    let opened = Engine::open(&home, config, &environment, unlocking);
    let engine = opened.map_err(|error| refuse_second(&store, home.path()).err().unwrap_or_else(|| setup(error)))?;
    if engine.vault.is_locked() {
        return Err(Error::VaultLocked);
    }
    if !engine.file_problems.is_empty() {
        return Err(Error::Setup(engine.file_problems.join("; ")));
    }
    let (serving, book) = serve(&engine)?;
    Ok(Begun { engine, serving, book, folder })
}

/// A home is one process's at a time; said before anything else can fail because of it.
fn refuse_second(store: &Path, home: &Path) -> Result<(), Error> {
    let folder = store.parent().unwrap_or(home);
    match keyward_store::is_locked_by_other(folder) {
        Ok(true) => Err(Error::InUse { home: home.to_owned() }),
        Ok(false) => Ok(()),
        Err(error) => Err(Error::Setup(format!("the home {} cannot be used: {error}", home.display()))),
    }
}

fn serve(engine: &Engine) -> Result<(Serving, Arc<Book>), Error> {
    let metrics = Arc::new(Metrics::default());
    let counted = Arc::clone(&metrics);
    let observer: Observer = Arc::new(move |entries| counted.settled(entries));
    let options =
        JournalOptions { observer: Some(observer), project_after: PROJECT_AFTER, ..JournalOptions::default() };
    let (store, clock) = (Arc::clone(&engine.store), Arc::clone(&engine.clock));
    let setup = |error: &dyn std::fmt::Display| Error::Setup(error.to_string());
    let journals = FileJournals::open(&engine.home.journals(), store, clock, options);
    let journals = Arc::new(journals.map_err(|error| setup(&error))?.0);
    let options = gateway_options(&engine.config);
    // The number after those of the event loops.
    let journal = Journals::open(&*journals, options.workers.max(1)).map_err(|error| setup(&error))?;
    let book = Book::start(journal, Arc::clone(&engine.store), engine.config.durability);
    let book = Arc::new(book.map_err(|error| setup(&error))?);
    let gateway = Gateway {
        options,
        snapshot: engine.publisher.snapshot.clone(),
        vault: Arc::clone(&engine.vault),
        journals: Arc::clone(&journals) as Arc<dyn Journals>,
        clock: Arc::clone(&engine.clock),
        entropy: Arc::clone(&engine.entropy),
        metrics,
        bindings: Arc::clone(&engine.publisher.pools.bindings),
        leases: Arc::clone(&engine.store),
        counting: engine.publisher.counts.counting.clone(),
    };
    let data = gateway.start_local().map_err(|error| setup(&error))?;
    Ok((Serving { data, journals }, book))
}

/// The virtual key of this home's library. Its token is known to this process alone: every start gives it a new one.
async fn virtual_key(door: &Door) -> Result<(TokenId, Secret), Error> {
    let names = std::iter::once(VIRTUAL_KEY.to_owned()).chain(MORE_NAMES.map(|more| format!("{VIRTUAL_KEY}-{more}")));
    for name in names {
        let issued = match door.call(Ask::get(&["vkeys", &name])).await {
            Ok(key) if key["state"] == "revoked" => continue,
            Ok(_) => {
                let now = json!({ "grace_seconds": 0 });
                door.call(Ask::post(&["vkeys", &name, "rotate"]).body(now)).await?
            }
            Err(DoorError::Refused { status: 404, .. }) => {
                door.call(Ask::post(&["vkeys"]).body(json!({ "name": name, "tags": ["library"] }))).await?
            }
            Err(error) => return Err(error.into()),
        };
        return token_of(issued);
    }
    Err(Error::Setup(format!("the virtual key `{VIRTUAL_KEY}` and all that took its place were revoked")))
}

fn token_of(mut issued: Value) -> Result<(TokenId, Secret), Error> {
    let id = issued.pointer("/vkey/id").and_then(Value::as_str).and_then(|id| id.parse().ok());
    let token = match issued["token"].take() {
        Value::String(token) => Some(Secret::from(token)),
        _ => None,
    };
    id.zip(token).ok_or_else(|| Error::Internal("the virtual key of the library could not be made".to_owned()))
}
