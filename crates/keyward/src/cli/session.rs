//! What every command works with: where the installation is, how to print, and the door to the control plane.

use std::cell::OnceCell;
use std::future::Future;
use std::io::IsTerminal as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Method;
use keyward_admin::client::{Ask, Client, Door, DoorError, Sink, path};
use keyward_domain::port::StoreError;
use keyward_domain::secret::Secret;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::failure::Failure;
use super::globals::Globals;
use super::output::Output;
use super::prompt;
use crate::config::{self, Config, Environment, VaultRoot};
use crate::home::Home;
use crate::wire::{Engine, Unlocking, is_founded, recover};

/// Items per page when everything is wanted.
const PAGE: u32 = 500;
/// Pages after which a list is taken for endless.
const MAX_PAGES: usize = 2_000;

/// How long somebody else's work on the installation is waited for: several commands, one after the other, on a machine
/// with little to spare.
const TRIES: u32 = 200;
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

/// What every command works with.
pub struct Session {
    /// How to print.
    pub output: Output,
    /// The environment, as it was at the start.
    pub environment: Environment,
    /// Where the installation is.
    pub home: Home,
    globals: Globals,
    door: OnceCell<Door>,
    runtime: Runtime,
}

impl Session {
    /// Sorts out options and environment; touches nothing yet.
    pub fn new(globals: &Globals, environment: Environment, output: Output) -> Result<Self, Failure> {
        globals.check()?;
        let home =
            Home::locate(globals.home.as_deref(), &environment).map_err(|error| Failure::usage(error.to_string()))?;
        // One event loop is enough: the data plane brings its own.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { output, environment, home, globals: globals.clone(), door: OnceCell::new(), runtime })
    }

    /// The config file, and whether the operator named it.
    pub fn config_file(&self) -> (PathBuf, bool) {
        let named = self.globals.config.clone().or_else(|| self.environment.path("KEYWARD_CONFIG"));
        named.map_or_else(|| (self.home.join(config::FILE_NAME), false), |file| (file, true))
    }

    /// The checked config; a wrong one is wrong usage.
    pub fn config(&self) -> Result<Config, Failure> {
        let (file, named) = self.config_file();
        config::load(&file, named, &self.environment).map_err(|error| Failure::usage(error.to_string()))
    }

    /// The same with the file's text.
    pub fn config_and_text(&self) -> Result<(Config, String), Failure> {
        let (file, named) = self.config_file();
        config::load_with_text(&file, named, &self.environment).map_err(|error| Failure::usage(error.to_string()))
    }

    /// Runs an operation of the control plane, on the running server or here.
    pub fn call(&self, ask: Ask) -> Result<Value, Failure> {
        self.call_through(self.door()?, ask)
    }

    /// Runs an operation whose answer is text of any length.
    pub fn copy(&self, ask: Ask, sink: &mut Sink<'_>) -> Result<(), Failure> {
        self.block_on(self.door()?.copy(ask, sink)).map_err(|error| refused(&error))
    }

    /// The same, with `None` for an object that does not exist.
    pub fn find(&self, ask: Ask) -> Result<Option<Value>, Failure> {
        self.find_through(self.door()?, ask)
    }

    /// Runs an operation behind this door.
    pub fn call_through(&self, door: &Door, ask: Ask) -> Result<Value, Failure> {
        self.block_on(door.call(ask)).map_err(|error| refused(&error))
    }

    /// The same, with `None` for an object that does not exist.
    pub fn find_through(&self, door: &Door, ask: Ask) -> Result<Option<Value>, Failure> {
        match self.block_on(door.call(ask)) {
            Ok(value) => Ok(Some(value)),
            Err(DoorError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(refused(&error)),
        }
    }

    /// Every item of a collection, page by page.
    pub fn list(&self, parts: &[&str], parameters: &[(&str, Option<&str>)]) -> Result<Value, Failure> {
        self.list_through(self.door()?, parts, parameters)
    }

    /// The same behind this door.
    pub fn list_through(
        &self,
        door: &Door,
        parts: &[&str],
        parameters: &[(&str, Option<&str>)],
    ) -> Result<Value, Failure> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let ask = Ask::get(parts).query("limit", Some(PAGE)).query("cursor", cursor.as_deref());
            let ask = parameters.iter().fold(ask, |ask, (name, value)| ask.query(name, *value));
            let mut page = self.call_through(door, ask)?;
            if let Some(more) = page["items"].as_array_mut() {
                items.append(more);
            }
            cursor = page["next_cursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                return Ok(Value::Array(items));
            }
        }
        Err(Failure::failed("the list has no end"))
    }

    /// Refuses when no server runs: locking and unlocking are about a server's memory.
    pub fn require_server(&self, what: &str) -> Result<(), Failure> {
        match self.door()? {
            Door::Remote(_) => Ok(()),
            Door::Local(_) => {
                Err(Failure::unreachable(format!("no server is running for this home, and this can only {what}")))
            }
        }
    }

    /// Waits for something that needs an event loop.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Lets time pass while somebody else works.
    pub fn pause(&self, length: Duration) {
        // The timer has to be made on the event loop.
        self.block_on(async { tokio::time::sleep(length).await });
    }

    /// The passphrase from a file, else from the terminal; where neither is, the vault stays locked.
    pub fn passphrase(&self, file: Option<&Path>) -> Result<Unlocking, Failure> {
        let file = file.map(Path::to_owned).or_else(|| self.environment.path("KEYWARD_VAULT_PASSPHRASE_FILE"));
        if file.is_none() && !std::io::stdin().is_terminal() {
            return Ok(Unlocking::AsConfigured);
        }
        prompt::secret("passphrase", file.as_deref()).map(Unlocking::Passphrase)
    }

    fn door(&self) -> Result<&Door, Failure> {
        if let Some(door) = self.door.get() {
            return Ok(door);
        }
        let door = self.open_door()?;
        Ok(self.door.get_or_init(|| door))
    }

    /// A remote server when its address was given, else the server of this home when one runs, else this process.
    fn open_door(&self) -> Result<Door, Failure> {
        if let Some(url) = self.globals.url.as_deref().or_else(|| self.environment.get("KEYWARD_URL")) {
            let client = Client::url(url, self.token()?).map_err(|error| Failure::usage(error.to_string()))?;
            return Ok(Door::Remote(client));
        }
        // A server that answers is enough: a config file that is broken by now must not stand in the way.
        if let Some(door) = self.server() {
            return Ok(door);
        }
        let config = self.config()?;
        if !is_founded(&self.home, &config) {
            return Err(Failure::failed(format!(
                "there is no installation in {}: run `keyward init` first",
                self.home.path().display()
            )));
        }
        self.open_when_free(&config)
    }

    /// Another command may be at work, or a server just starting.
    fn open_when_free(&self, config: &Config) -> Result<Door, Failure> {
        let folder = self.home.join(&config.store);
        let folder = folder.parent().unwrap_or(self.home.path());
        for _ in 0..TRIES {
            // Asked first, so that nobody types a passphrase in vain.
            if !keyward_store::is_locked_by_other(folder)? {
                match self.open_here(config.clone())? {
                    Opened::Door(door) => return Ok(door),
                    // Somebody was quicker in between. Whether he still is there says nothing about why it failed.
                    Opened::Held => {}
                }
            }
            if let Some(door) = self.server() {
                return Ok(door);
            }
            self.pause(BETWEEN_TRIES);
        }
        Err(Failure::unreachable(format!(
            "another process uses the installation in {} and does not answer on its socket: wait for it, or give --url",
            self.home.path().display()
        )))
    }

    /// The server of this home, when one answers.
    fn server(&self) -> Option<Door> {
        let socket = self.home.socket();
        UnixStream::connect(&socket).ok().map(|_| Door::Remote(Client::unix(socket)))
    }

    fn open_here(&self, config: Config) -> Result<Opened, Failure> {
        let unlocking = match config.vault {
            VaultRoot::KeyFile(_) => Unlocking::AsConfigured,
            VaultRoot::Passphrase => self.passphrase(None)?,
        };
        let opened = Engine::open(&self.home, config, &self.environment, unlocking);
        let engine = match opened {
            Err(error) if is_held(&error) => return Ok(Opened::Held),
            opened => opened?,
        };
        for problem in &engine.file_problems {
            self.output.note(&format!("keyward: {problem}; the config file's own objects are left out"));
        }
        recover(&engine)?;
        Ok(Opened::Door(engine.door()))
    }

    fn token(&self) -> Result<Secret, Failure> {
        let file = self.globals.token_file.clone().or_else(|| self.environment.path("KEYWARD_TOKEN_FILE"));
        match (file, self.environment.get("KEYWARD_TOKEN")) {
            (Some(file), _) => prompt::secret("token", Some(&file)),
            (None, Some(token)) => Ok(Secret::from(token.to_owned())),
            (None, None) => {
                Err(Failure::usage("--url needs an admin token: give --token-file FILE or set KEYWARD_TOKEN"))
            }
        }
    }
}

/// What became of opening the installation in this process.
enum Opened {
    Door(Door),
    /// Another process has it.
    Held,
}

fn is_held(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(StoreError::Held(_)))
}

/// A `PATCH`.
pub fn patch(parts: &[&str], body: Value) -> Ask {
    Ask::new(Method::PATCH, path(parts)).body(body)
}

/// A `PUT`.
pub fn put(parts: &[&str], body: Value) -> Ask {
    Ask::new(Method::PUT, path(parts)).body(body)
}

/// A `DELETE`.
pub fn delete(parts: &[&str]) -> Ask {
    Ask::new(Method::DELETE, path(parts))
}

/// The object without the fields that are null: left out and null are different things to a change.
pub fn present(mut value: Value) -> Value {
    if let Some(object) = value.as_object_mut() {
        object.retain(|_, value| !value.is_null());
    }
    value
}

fn refused(error: &DoorError) -> Failure {
    let message = error.to_string();
    match error {
        error if error.is_unreachable_or_forbidden() => Failure::unreachable(message),
        // What was typed is wrong, and nothing was tried.
        DoorError::Refused { code, .. } if ["invalid_request", "unknown_field"].contains(&code.as_str()) => {
            Failure::usage(message)
        }
        _ => Failure::failed(message),
    }
}
