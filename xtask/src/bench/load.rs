//! The load generators: `wrk` as fast as answers come, `ratelat` at a constant rate.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use super::bodies::{self, Work};
use super::process::{self, Core};
use super::subject::Subject;
use crate::{command, tree};

pub struct Loader {
    ratelat: PathBuf,
    bodies: PathBuf,
    /// Seconds that count, and seconds before them.
    seconds: u32,
    warmup_seconds: u32,
}

/// Closed loop: every connection sends as soon as it has its answer.
#[derive(Serialize)]
pub struct Closed {
    /// CPU time of the gateway per request that the upstream counted: the figure that survives a noisy machine.
    pub cpu_us: f64,
    pub requests_per_second: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    pub requests: u64,
    /// Connections that the gateway opened to the upstream during the run.
    pub upstream_connections: u64,
    /// Resident memory of the gateway while all connections are busy.
    pub rss_mib: f64,
}

/// Constant rate: latencies count from the moment a request was due.
#[derive(Serialize)]
pub struct Rate {
    pub p50_us: f64,
    pub p99_us: f64,
    pub requests: u64,
}

const CONNECTIONS: u32 = 64;
const RATE_CONNECTIONS: u32 = 32;
/// The share of a run after which the gateway is weighed.
const MEMORY_SAMPLE_AT: f64 = 0.8;

/// `post.lua`'s last line.
#[derive(Deserialize)]
struct WrkResult {
    requests: u64,
    duration_us: f64,
    errors: u64,
    p50_us: f64,
    p99_us: f64,
}

#[derive(Deserialize)]
struct RatelatResult {
    n: u64,
    achieved: f64,
    errors: u64,
    lat: Percentiles,
}

#[derive(Deserialize)]
struct Percentiles {
    p50: f64,
    p99: f64,
}

impl Loader {
    pub fn new(tools: &Path, bodies: PathBuf, quick: bool) -> Self {
        let (seconds, warmup_seconds) = if quick { (3, 1) } else { (10, 2) };
        Self { ratelat: tools.join("ratelat"), bodies, seconds, warmup_seconds }
    }

    pub fn plain_body(&self) -> anyhow::Result<Vec<u8>> {
        Ok(fs::read(bodies::path(&self.bodies, Work::Plain))?)
    }

    pub fn closed(&self, subject: &Subject, work: Work) -> anyhow::Result<Closed> {
        subject.counted(|| self.wrk(subject, work, self.warmup_seconds))?;
        let cpu_before = subject.cpu_seconds();
        let ((result, rss_mib), upstream) = subject.counted(|| self.wrk(subject, work, self.seconds))?;
        let cpu_us = (subject.cpu_seconds() - cpu_before) * 1e6;
        if result.errors > 0 {
            bail!("{} of {} requests failed", result.errors, result.requests);
        }
        Ok(Closed {
            cpu_us: cpu_us / float(upstream.requests),
            requests_per_second: float(result.requests) / (result.duration_us / 1e6),
            p50_us: result.p50_us,
            p99_us: result.p99_us,
            requests: result.requests,
            upstream_connections: upstream.connections,
            rss_mib,
        })
    }

    pub fn rate(&self, subject: &Subject, rate: u32) -> anyhow::Result<Rate> {
        let mut ratelat = Command::new(&self.ratelat);
        ratelat
            .args(["--url", &subject.url(), "--rate", &rate.to_string(), "--conns", &RATE_CONNECTIONS.to_string()])
            .args(["--secs", &self.seconds.to_string(), "--warmup", &self.warmup_seconds.to_string()])
            .arg("--body-file")
            .arg(bodies::path(&self.bodies, Work::Rate2000));
        for header in &subject.headers {
            ratelat.args(["--header", header]);
        }
        let (line, _) = subject.counted(|| command::output(Core::Load.pin(&mut ratelat)))?;
        let result: RatelatResult = serde_json::from_str(&line).context("read ratelat's line")?;
        if result.errors > 0 || result.achieved < f64::from(rate) * 0.99 {
            bail!("{} errors, {:.0} of {rate} requests per second", result.errors, result.achieved);
        }
        Ok(Rate { p50_us: result.lat.p50, p99_us: result.lat.p99, requests: result.n })
    }

    /// What wrk says, and what the gateway weighed meanwhile.
    fn wrk(&self, subject: &Subject, work: Work, seconds: u32) -> anyhow::Result<(WrkResult, f64)> {
        let mut load = Command::new("wrk");
        load.arg("--threads=1")
            .arg(format!("--connections={CONNECTIONS}"))
            .arg(format!("--duration={seconds}s"))
            .arg("--timeout=20s")
            .arg("--script")
            .arg(tree::root().join("bench/post.lua"))
            .arg(subject.url())
            .env("BODY_FILE", bodies::path(&self.bodies, work))
            .env("HEADERS", subject.headers.join("\n"));
        let load = Core::Load.pin(&mut load).stdout(Stdio::piped()).spawn().context("start wrk")?;
        process::pause(Duration::from_secs(seconds.into()).mul_f64(MEMORY_SAMPLE_AT));
        let rss_mib = subject.rss_mib();
        let text = String::from_utf8(load.wait_with_output()?.stdout)?;
        let line = text.lines().find_map(|line| line.strip_prefix("RESULT ")).context("wrk printed no result")?;
        Ok((serde_json::from_str(line).context("read wrk's result")?, rss_mib))
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:>8.2} us CPU/request  {:>8.0} requests/s  p50 {:>7.0} us  p99 {:>7.0} us",
            self.cpu_us, self.requests_per_second, self.p50_us, self.p99_us
        )
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p50 {:>7.1} us  p99 {:>7.1} us", self.p50_us, self.p99_us)
    }
}

#[expect(clippy::cast_precision_loss, reason = "request counts are far below 2^52")]
fn float(count: u64) -> f64 {
    count as f64
}
