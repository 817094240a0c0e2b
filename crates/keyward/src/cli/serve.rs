//! `keyward serve`.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::failure::Failure;
use super::output::Output;
use super::session::Session;
use crate::config::{Config, VaultRoot};
use crate::process;
use crate::wire::{DRAIN, Engine, Server, Unlocking, applied, logging};

/// How often the config file is looked at for changes.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// How to start.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Read the vault's passphrase from this file [default: $KEYWARD_VAULT_PASSPHRASE_FILE, else the terminal].
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let file = Watched::begin(session);
    let (config, text) = session.config_and_text()?;
    logging::start(&config);
    if let Err(error) = keyward_vault::harden_process() {
        tracing::warn!(%error, "secrets in memory are less protected than usual");
    }
    check_open_files(&config);
    let unlocking = match config.vault {
        VaultRoot::KeyFile(_) => Unlocking::AsConfigured,
        VaultRoot::Passphrase => session.passphrase(args.passphrase_file.as_deref())?,
    };
    let engine = Engine::open(&session.home, config, &session.environment, unlocking)?;
    if !engine.file_problems.is_empty() {
        return Err(Failure::usage(engine.file_problems.join("\n")));
    }
    if engine.vault.is_locked() {
        tracing::warn!("the vault is locked: calls are refused until `keyward unlock`");
    }
    session.block_on(serve(engine, &text, file, session))
}

/// Every client connection may need one to a provider.
fn check_open_files(config: &Config) {
    let wanted = u64::try_from(config.limits.max_connections).unwrap_or(u64::MAX).saturating_mul(2);
    if let Some(allowed) = process::raise_open_files().filter(|allowed| *allowed < wanted) {
        tracing::warn!(
            allowed,
            wanted,
            "the system allows fewer open files than `max_connections` may need: raise `ulimit -n`"
        );
    }
}

async fn serve(engine: Engine, text: &str, mut file: Watched, session: &Session) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let server = Server::start(engine).await?;
    remember(session, text);
    announce(&server, session.output);
    let mut look = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hang_up.recv() => {
                file.changed();
                reload(&server, session, &file);
            }
            _ = look.tick() => {
                if file.changed() {
                    reload(&server, session, &file);
                }
            }
        }
    }
    tracing::info!(seconds = DRAIN.as_secs(), "stopping: calls under way may finish");
    server.stop(DRAIN).await?;
    Ok(())
}

/// The one line that scripts wait for.
fn announce(server: &Server, output: Output) {
    let (data, admin) = (server.data_address(), server.admin_address());
    tracing::info!(version = env!("CARGO_PKG_VERSION"), %data, %admin, "serving");
    let value = json!({ "ready": true, "data": data.to_string(), "admin": admin.to_string() });
    if output.json {
        output.line(&value.to_string());
    } else {
        output.line(&format!("Keyward is ready: clients at http://{data}, operators at http://{admin}"));
    }
}

/// The config file, and when it was last seen to be written.
struct Watched {
    path: PathBuf,
    stamp: Option<Stamp>,
    was_there: bool,
}

/// When a file was written, and how long it is.
type Stamp = (SystemTime, u64);

impl Watched {
    /// Begins before the file is read, so that no change is missed.
    fn begin(session: &Session) -> Self {
        let (path, _) = session.config_file();
        let stamp = stamp(&path);
        Self { path, stamp, was_there: stamp.is_some() }
    }

    /// Whether it is not as it was at the last look.
    fn changed(&mut self) -> bool {
        let now = stamp(&self.path);
        self.was_there |= now.is_some();
        std::mem::replace(&mut self.stamp, now) != now
    }

    /// A file that is gone is a mistake, not an empty config: it must not take every provider away.
    const fn is_gone(&self) -> bool {
        self.was_there && self.stamp.is_none()
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let facts = std::fs::metadata(path).ok()?;
    Some((facts.modified().ok()?, facts.len()))
}

/// Takes the config file over again. A broken one changes nothing and shows in `status`.
fn reload(server: &Server, session: &Session, file: &Watched) {
    let taken = if file.is_gone() { Err("the file is gone".to_owned()) } else { take_over(server, session) };
    match &taken {
        Ok(()) => tracing::info!("the config file was taken over"),
        Err(problem) => tracing::error!(problem, "the config file was not taken over; the one before stays in effect"),
    }
    server.engine().pulse.note_config(taken.err());
}

fn take_over(server: &Server, session: &Session) -> Result<(), String> {
    let (config, text) = session.config_and_text().map_err(|failure| failure.message)?;
    server.engine().take_config(config)?;
    remember(session, &text);
    Ok(())
}

/// For `config diff`; the server works without.
fn remember(session: &Session, text: &str) {
    if let Err(error) = applied::remember(&session.home, text) {
        tracing::warn!(error = %format!("{error:#}"), "the config in effect could not be kept for `config diff`");
    }
}
