//! `keyward demo`: the whole thing in one command. A temporary home, the built-in provider, both planes, traffic over
//! every surface, and a summary. Needs no keys and no network, and leaves nothing behind.

mod summary;
mod traffic;

use std::net::SocketAddr;
use std::time::Duration;

use keyward_admin::client::{Ask, Door};
use keyward_admin::field::MAX_PAGE;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::failure::Failure;
use super::session::Session;
use crate::config::{self, Config, Environment};
use crate::home::Home;
use crate::wire::{DRAIN, Engine, Server, Unlocking, found, logging};
use summary::{Measured, Told};

/// How to show it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Stop after the summary instead of staying up for your own calls.
    #[arg(long)]
    once: bool,
}

/// The model that the samples talk to.
const MODEL: &str = "sandbox-small";
/// Two keys, to show that they take turns.
const KEYS: [&str; 2] = ["first", "second"];
/// Only failures are logged: the summary is what people want to see.
const CONFIG: &str = "log: { level: warn }\n";

pub fn run(args: &Args, session: &Session) -> Result<(), Failure> {
    let folder = tempfile::Builder::new().prefix("keyward-demo-").tempdir()?;
    // The rest of the environment is about a real installation.
    let environment = session.environment.only(&["KEYWARD_LISTEN__", "KEYWARD_LOG__"]);
    let home = Home::locate(Some(&folder.path().join("home")), &environment)?;
    let done = session.block_on(show(args, session, &home, &environment));
    folder.close()?;
    done
}

async fn show(args: &Args, session: &Session, home: &Home, environment: &Environment) -> Result<(), Failure> {
    let output = session.output;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let config = config(output, environment).await?;
    logging::start(&config);
    found(home, &config, None)?;
    let engine = Engine::open(home, config, environment, Unlocking::AsConfigured)?;
    let door = engine.door();
    let token = prepare(&door).await?;
    let server = Server::start(engine).await?;
    output.note("Keyward runs in a temporary home with the built-in provider; sending sample calls ...");

    let mut measured = Vec::new();
    for sample in &traffic::SAMPLES {
        measured.push(Measured::take(server.data_address(), sample, MODEL, &token).await?);
    }
    let refused = Measured::take(server.data_address(), &traffic::REFUSED, MODEL, traffic::WRONG_KEY).await?;
    measured.push(refused);
    let told = settled(&door, &measured).await?;
    let wrong = summary::wrong(&measured);
    let value = summary::value(&measured, &told, &server, &token);
    output.show(&value, |output, _| summary::print(output, &measured, &told, &server, &token, args.once));

    if !args.once {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        output.note("Stopping; nothing is left behind.");
    }
    server.stop(DRAIN).await?;
    wrong.map_or(Ok(()), |what| Err(Failure::failed(what)))
}

/// The usual ports when they are free, others when not.
async fn config(output: super::output::Output, environment: &Environment) -> Result<Config, Failure> {
    let mut config = config::check(CONFIG, "demo", environment).map_err(|error| Failure::failed(error.to_string()))?;
    for address in [&mut config.listen.data, &mut config.listen.admin] {
        if TcpListener::bind(*address).await.is_err() {
            output.note(&format!("Port {} is taken; another one is used.", address.port()));
            *address = SocketAddr::new(address.ip(), 0);
        }
    }
    Ok(config)
}

/// The built-in provider, its keys and a virtual key. Gives the token.
async fn prepare(door: &Door) -> Result<String, Failure> {
    ask(door, Ask::post(&["providers"]).body(json!({ "preset": "sandbox" }))).await?;
    for name in KEYS {
        // The sandbox takes any key; these only have to differ.
        let secret = format!("sandbox-demo-key-{name}");
        let body = json!({ "provider": "sandbox", "name": name });
        ask(door, Ask::post(&["keys"]).body(body).secret(secret.into())).await?;
    }
    let issued = ask(door, Ask::post(&["vkeys"]).body(json!({ "name": "demo", "tags": ["demo"] }))).await?;
    Ok(issued["token"].as_str().unwrap_or_default().to_owned())
}

/// Ledger rows reach the store a moment after the answer; waits until they are all there, for as long as it is sensible.
async fn settled(door: &Door, measured: &[Measured]) -> Result<Told, Failure> {
    const TRIES: usize = 50;
    const BETWEEN: Duration = Duration::from_millis(50);
    let expected: u64 = measured.iter().map(Measured::metered_calls).sum();
    let mut usage = Value::Null;
    for _ in 0..TRIES {
        usage = ask(door, Ask::get(&["usage"])).await?;
        if usage["total"]["attempts"].as_u64().unwrap_or(0) >= expected {
            break;
        }
        tokio::time::sleep(BETWEEN).await;
    }
    let requests = ask(door, Ask::get(&["requests"]).query("limit", Some(MAX_PAGE))).await?;
    Ok(Told { usage, requests })
}

async fn ask(door: &Door, ask: Ask) -> Result<Value, Failure> {
    door.call(ask).await.map_err(|error| Failure::failed(error.to_string()))
}
