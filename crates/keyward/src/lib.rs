//! Keeps LLM provider keys and picks the right one every time: the engine of the Keyward server, without the server.
//!
//! [`Keyward::open`] opens a home: the provider keys in it are encrypted, the ledger in it knows what every call cost.
//! From there are two ways to call a model:
//!
//! - [`Keyward::chat`] makes the call: routed to a provider, retried with another key when one fails, metered. It goes
//!   through the very pipeline that serves the clients of a server.
//! - [`Keyward::next_key`], [`Keyward::best_key`] and [`Keyward::key_for_model`] hand out a key on loan. You make the call
//!   with whatever client you have, and [`Lease::report`] how it went: the pool learns from it, the ledger gets its row.
//!
//! [`Keyward::health`], [`Keyward::key_stats`], [`Keyward::provider_stats`] and [`Keyward::report`] tell how that goes.
//!
//! ```
//! use std::time::Duration;
//! use keyward::{ChatRequest, Keyward, Options, Outcome, ProviderId};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let keyward = Keyward::open(Options::temporary()).await?; // or Options::from_env()?
//! // The sandbox is a provider that is built in: no network, no bill, and it takes any key.
//! keyward.add_key(ProviderId::SANDBOX, "production", String::from("any-key-will-do")).await?;
//! keyward.add_key(ProviderId::SANDBOX, "spare", String::from("another-key")).await?;
//!
//! let answer = keyward.chat(ChatRequest::new("sandbox-small").user("Hello")).await?;
//! println!("{} ({} said it, for {:?})", answer.text, answer.key, answer.cost);
//!
//! let lease = keyward.next_key(ProviderId::SANDBOX).await?;
//! let limited = lease.key().to_owned();
//! lease.report(Outcome::rate_limited(Duration::from_secs(60))).await?;
//! // That key rests for a minute; the other one is handed out.
//! let lease = keyward.next_key(ProviderId::SANDBOX).await?;
//! assert_ne!(lease.key(), limited);
//! lease.report(Outcome::unused()).await?;
//!
//! println!("{}", keyward.report().await?);
//! keyward.close().await?;
//! # Ok::<(), keyward::Error>(())
//! # }).unwrap();
//! ```
//!
//! A home is open in one process at a time. An application that has a server beside it calls that one instead, by HTTP.
//! Log lines go to `tracing`; the library installs no subscriber, sets no global state, and opens no port.

#![expect(unreachable_pub, reason = "in rooms that are not reachable, `pub` says what one shows to the others")]

// The program's rooms: not for others, and without any promise.
#[doc(hidden)]
pub mod config;
#[doc(hidden)]
pub mod home;
#[doc(hidden)]
pub mod process;
#[doc(hidden)]
pub mod wire;

mod system;
mod telemetry;

mod library;

pub use keyward_domain::money::Nanodollars;
pub use keyward_domain::routing::Strategy;
pub use keyward_domain::secret::Secret;
pub use keyward_domain::usage::Usage;
pub use library::{
    Answer, CallError, ChatRequest, ChatStream, Error, Failure, Health, KeyHealth, KeyInfo, KeyStats, Keyward, Latency,
    Lease, LeasedSecret, Message, NoKey, Options, Outcome, ProviderId, ProviderStats, Report, RestingModel, Role,
};
