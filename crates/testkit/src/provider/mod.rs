//! The scripted provider: a real HTTP server (HTTP/1.1, and HTTP/2 without TLS for those who open with its preface)
//! on a loopback port that speaks OpenAI, Anthropic and Gemini, answers as a function of the request, goes wrong
//! exactly as told, and keeps the bill that a gateway's ledger has to equal.
//!
//! Nothing in it sleeps: what stands still waits for the test ([`ScriptedProvider::release`],
//! [`ScriptedProvider::step`]), and the test waits for events ([`ScriptedProvider::wait_for_bill`] and its siblings).
//!
//! One port serves all dialects, told apart by path and headers as real clients send them. `http://host:port/openai`,
//! `/anthropic` and `/gemini` pin the dialect.

mod answer;
mod anthropic;
mod bill;
mod body;
mod call;
mod credential;
mod deaf;
mod fault;
mod frame;
mod gemini;
mod key;
mod openai;
mod prompt;
mod record;
mod refusal;
mod reply;
mod route;
mod server;
mod sse;
mod state;
mod text;
mod upload;
mod vector;
mod vendor;
mod wire;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

pub use bill::{BillLine, Ended};
pub use deaf::DeafListener;
pub use fault::{Close, Fault, LineEnds, Stall, UsageShape};
pub use key::{KeyBehaviour, mint_secret};
pub use record::{ClosedEarly, MAX_LOGGED_BYTES, MAX_LOGGED_REQUESTS, RequestRecord};
pub use refusal::VendorError;
pub use text::{BYTES_PER_TOKEN, TOKENS_PER_IMAGE, toy_tokens};
pub use vendor::{Operation, Vendor};

use fault::Times;
use key::ProviderKey;
use state::Shared;

/// Models every provider starts with; all of them are in the price list of the project's catalog.
const MODELS: [(Vendor, &[&str]); 3] = [
    (
        Vendor::OpenAi,
        &[
            "gpt-4o",
            "gpt-4o-mini",
            "gpt-4.1-mini",
            "gpt-5",
            "gpt-5-mini",
            "gpt-3.5-turbo-instruct",
            "text-embedding-3-small",
            "text-embedding-3-large",
            "gpt-image-1",
            "tts-1",
            "gpt-4o-mini-tts",
            "whisper-1",
            "gpt-4o-transcribe",
            "gpt-4o-mini-transcribe",
            "omni-moderation-latest",
        ],
    ),
    (Vendor::Anthropic, &["claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5", "claude-sonnet-5"]),
    (Vendor::Gemini, &["gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-2.5-pro", "gemini-embedding-001"]),
];

/// A provider that does what the test says. Dropping it closes every connection and ends its thread.
#[derive(Debug)]
pub struct ScriptedProvider {
    shared: Arc<Shared>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<std::io::Result<()>>>,
}

impl ScriptedProvider {
    /// Starts on a free loopback port, on a thread of its own, so that any kind of test runtime can use it.
    ///
    /// # Panics
    /// If no loopback port can be bound: no test could go on.
    #[expect(clippy::unused_async, reason = "callers are async tests; a later start may wait for readiness")]
    pub async fn start() -> Self {
        Self::start_blocking()
    }

    /// The same for tests without a runtime.
    ///
    /// # Panics
    /// If no loopback port can be bound: no test could go on.
    pub fn start_blocking() -> Self {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    /// The same at a given address, where one was dropped before: how a provider comes back after an outage. Secrets
    /// depend on vendor and name alone, so keys can be added again as they were.
    ///
    /// # Panics
    /// If the address cannot be bound: no test could go on.
    #[expect(clippy::expect_used, reason = "a test machine without loopback ports has no use for this crate")]
    pub fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).expect("a free loopback port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared::new());
        shared.write(|state| {
            for (vendor, models) in MODELS {
                state.models.extend(models.iter().map(|model| (vendor, (*model).to_owned())));
            }
        });
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("scripted-provider".to_owned())
            .spawn(move || server::run(listener, &served, stopped))
            .expect("a thread can be started");
        Self { shared, address, stop: Some(stop), thread: Some(thread) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`, without a path: the base of Anthropic and Gemini; OpenAI's has `/v1` behind it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The base URL an SDK of this vendor would be given, in which no other dialect answers.
    pub fn pinned_url(&self, vendor: Vendor) -> String {
        match vendor {
            Vendor::OpenAi => format!("{}/openai/v1", self.url()),
            other => format!("{}/{other}", self.url()),
        }
    }

    /// Accepts a new key and returns its secret, which depends on vendor and name alone.
    pub fn add_key(&self, vendor: Vendor, name: &str) -> String {
        let secret = mint_secret(vendor, name);
        self.add_key_with(vendor, name, &secret, KeyBehaviour::Valid);
        secret
    }

    /// Accepts a key with a given secret and behaviour; a key of the same vendor and name is replaced.
    pub fn add_key_with(&self, vendor: Vendor, name: &str, secret: &str, behaviour: KeyBehaviour) {
        let key =
            ProviderKey { name: name.to_owned(), vendor, secret: secret.to_owned(), behaviour, models: None, calls: 0 };
        self.shared.write(|state| {
            state.keys.retain(|known| !(known.vendor == vendor && known.name == name));
            state.keys.push(key);
        });
    }

    /// Changes how the keys of this name behave from now on; their call count starts again.
    pub fn set_behaviour(&self, name: &str, behaviour: &KeyBehaviour) {
        self.shared.write(|state| {
            for key in state.keys.iter_mut().filter(|key| key.name == name) {
                key.behaviour = behaviour.clone();
                key.calls = 0;
            }
        });
    }

    /// Restricts the keys of this name to some models; others are refused with 403.
    pub fn restrict_models(&self, name: &str, models: &[&str]) {
        self.shared.write(|state| {
            for key in state.keys.iter_mut().filter(|key| key.name == name) {
                key.models = Some(models.iter().map(|model| (*model).to_owned()).collect());
            }
        });
    }

    /// Offers one more model.
    pub fn add_model(&self, vendor: Vendor, model: &str) {
        self.shared.write(|state| state.models.insert((vendor, model.to_owned())));
    }

    /// Withdraws a model: calls for it are answered 404.
    pub fn remove_model(&self, vendor: Vendor, model: &str) {
        self.shared.write(|state| state.models.remove(&(vendor, model.to_owned())));
    }

    /// Switches the prefix cache, for tests that compare two runs of the same request.
    pub fn set_cache(&self, on: bool) {
        self.shared.write(|state| state.cache.switch(on));
    }

    /// Forgets every remembered prefix.
    pub fn clear_cache(&self) {
        self.shared.write(|state| state.cache.clear());
    }

    /// Adds a fault to the script. Of those that match a call the oldest applies.
    pub fn script(&self, fault: Fault) {
        if fault.times != Times::Left(0) {
            self.shared.write(|state| state.script.push(fault));
        }
    }

    /// Drops every fault that has not been used up.
    pub fn clear_script(&self) {
        self.shared.write(|state| state.script.clear());
    }

    /// Faults not used up yet; a test that ends with some left tested less than it says.
    pub fn faults_left(&self) -> usize {
        self.shared.read(|state| state.script.len())
    }

    /// Lets every call that stands still go on.
    pub fn release(&self) {
        self.shared.released.send_modify(|count| *count += 1);
    }

    /// Lets stepped streams send this many more tokens in total.
    pub fn step(&self, tokens: usize) {
        self.shared.steps.add_permits(tokens);
    }

    /// The bill so far, in the order in which calls ended. A line is posted before the last byte of its answer
    /// leaves, so whoever has read a whole answer finds it here.
    pub fn bill(&self) -> Vec<BillLine> {
        self.shared.read(|state| state.bill.clone())
    }

    /// The requests so far, oldest first.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.shared.read(|state| state.log.all())
    }

    /// How many requests arrived since the start.
    pub fn requests_total(&self) -> u64 {
        self.shared.read(|state| state.log.total())
    }

    /// Forgets requests and bill, so that a test can look at what comes next; call numbers go on.
    pub fn forget(&self) {
        self.shared.write(|state| {
            state.log.clear();
            state.bill.clear();
        });
    }

    /// Connections open now.
    pub fn connections_open(&self) -> u64 {
        self.shared.read(|state| state.connections_open)
    }

    /// Connections accepted since the start.
    pub fn connections_total(&self) -> u64 {
        self.shared.read(|state| state.connections_total)
    }

    /// Calls that stand still now, waiting for [`Self::release`].
    pub fn stalled(&self) -> u64 {
        self.shared.read(|state| state.stalled)
    }

    /// Returns once at least this many requests arrived since the start.
    pub async fn wait_for_requests(&self, total: u64) {
        self.shared.until(|state| state.log.total() >= total).await;
    }

    /// Returns once exactly this many calls stand still.
    pub async fn wait_for_stalled(&self, calls: u64) {
        self.shared.until(|state| state.stalled == calls).await;
    }

    /// Returns once this many streams have used up their steps and wait for more.
    pub async fn wait_for_stepping(&self, streams: u64) {
        self.shared.until(|state| state.stepping == streams).await;
    }

    /// Returns once the bill has at least this many lines.
    pub async fn wait_for_bill(&self, lines: usize) {
        self.shared.until(|state| state.bill.len() >= lines).await;
    }

    /// Returns once at least this many logged calls lost their peer early.
    pub async fn wait_for_closed_early(&self, calls: usize) {
        self.shared
            .until(|state| state.log.iter().filter(|record| record.closed_early.is_some()).count() >= calls)
            .await;
    }

    /// Returns once exactly this many connections are open.
    pub async fn wait_for_connections(&self, open: u64) {
        self.shared.until(|state| state.connections_open == open).await;
    }
}

impl Drop for ScriptedProvider {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // The thread may be gone already; then there is nobody to tell.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
