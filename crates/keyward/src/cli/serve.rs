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
use crate::wire::{DRAIN, Engine, Server, Unlocking, logging};

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
    let config = session.config()?;
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
    session.block_on(serve(engine, session))
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

async fn serve(engine: Engine, session: &Session) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let server = Server::start(engine).await?;
    announce(&server, session.output);
    let (file, _) = session.config_file();
    let first = stamp(&file);
    let mut seen = first;
    let mut look = tokio::time::interval(LOOK_EVERY);
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hang_up.recv() => reload(&server, session, first.is_some() && !file.exists()),
            _ = look.tick() => {
                let now = stamp(&file);
                if now != seen {
                    reload(&server, session, now.is_none());
                }
                seen = now;
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

/// When the file was last written, and how long it is; `None` while there is none.
fn stamp(file: &Path) -> Option<(SystemTime, u64)> {
    let facts = std::fs::metadata(file).ok()?;
    Some((facts.modified().ok()?, facts.len()))
}

/// Takes the config file over again. A broken one changes nothing and shows in `status`.
fn reload(server: &Server, session: &Session, gone: bool) {
    // A file that is gone is a mistake, not an empty config: it must not take every provider away.
    let read =
        if gone { Err("the file is gone".to_owned()) } else { session.config().map_err(|failure| failure.message) };
    let taken = read.and_then(|config| server.engine().take_config(config));
    match &taken {
        Ok(()) => tracing::info!("the config file was taken over"),
        Err(problem) => tracing::error!(problem, "the config file was not taken over; the one before stays in effect"),
    }
    server.engine().pulse.note_config(taken.err());
}
