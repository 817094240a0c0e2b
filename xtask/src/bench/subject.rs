//! What is measured: a gateway, or none.

use std::cell::Cell;
use std::net::SocketAddr;

use anyhow::Context as _;

use super::Round;
use super::bodies::Work;
use super::http::{self, MockStats};
use super::keyward;
use super::load::Loader;
use super::process::Running;

pub struct Subject {
    pub name: &'static str,
    pub address: SocketAddr,
    /// `Name: value` lines that the load generators send.
    pub headers: Vec<String>,
    /// `None`: the load goes to the mock itself.
    process: Option<Running>,
    rss_idle_mib: f64,
    upstream_requests: Cell<u64>,
}

impl Subject {
    /// Waits until `process` listens, and notes what it weighs before any request.
    pub fn new(
        name: &'static str,
        address: SocketAddr,
        headers: Vec<String>,
        process: Running,
    ) -> anyhow::Result<Self> {
        process.wait_for(address)?;
        let rss_idle_mib = process.rss_mib();
        Ok(Self { name, address, headers, process: Some(process), rss_idle_mib, upstream_requests: Cell::new(0) })
    }

    pub fn without_gateway() -> Self {
        Self {
            name: "direct",
            address: http::MOCK,
            headers: Vec::new(),
            process: None,
            rss_idle_mib: 0.0,
            upstream_requests: Cell::new(0),
        }
    }

    /// One request must succeed before anything is measured.
    pub fn check(&self, loader: &Loader) -> anyhow::Result<()> {
        let body = loader.plain_body()?;
        self.counted(|| http::complete(self.address, &self.headers, &body)).with_context(|| self.name.to_owned())?;
        Ok(())
    }

    /// Runs some load, and says what of it arrived upstream.
    pub fn counted<T>(&self, load: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<(T, MockStats)> {
        let before = http::mock_stats()?;
        let result = load()?;
        let after = http::mock_stats()?;
        let arrived = MockStats {
            requests: after.requests - before.requests,
            connections: after.connections - before.connections,
        };
        self.upstream_requests.set(self.upstream_requests.get() + arrived.requests);
        Ok((result, arrived))
    }

    /// All requests that it has let through to the upstream.
    pub fn upstream_requests(&self) -> u64 {
        self.upstream_requests.get()
    }

    pub fn url(&self) -> String {
        format!("http://{}{}", self.address, http::PATH)
    }

    pub fn cpu_seconds(&self) -> f64 {
        self.process.as_ref().map_or(0.0, Running::cpu_seconds)
    }

    pub fn rss_mib(&self) -> f64 {
        self.process.as_ref().map_or(0.0, Running::rss_mib)
    }

    /// Whether this kind of work is of interest on it. What budgets and limits cost shows in the smallest calls.
    pub fn does(&self, work: Work) -> bool {
        self.name != keyward::COUNTING || work == Work::Plain
    }

    pub fn round(&self) -> Round {
        Round { subject: self.name, rss_idle_mib: self.rss_idle_mib, ..Round::default() }
    }
}
