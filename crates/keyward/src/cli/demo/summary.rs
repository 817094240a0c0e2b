//! What the demo tells at its end.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use super::traffic::{Sample, vendor};
use crate::cli::data_plane::{self, Answer};
use crate::cli::failure::Failure;
use crate::cli::output::{Output, Tone};
use crate::cli::table::{Align, Table};
use crate::wire::Server;

/// One sort of call, made and measured.
pub struct Measured {
    sample: &'static Sample,
    /// Statuses that were not expected.
    unexpected: Vec<u16>,
    took: Vec<Duration>,
    keys: BTreeMap<String, usize>,
}

impl Measured {
    /// Makes the calls of a sample, one after the other.
    pub async fn take(address: SocketAddr, sample: &'static Sample, model: &str, key: &str) -> Result<Self, Failure> {
        let mut measured = Self { sample, unexpected: Vec::new(), took: Vec::new(), keys: BTreeMap::new() };
        for _ in 0..sample.times {
            let answer = data_plane::send(address, sample.with_key(model, key)).await?;
            measured.note(&answer);
        }
        Ok(measured)
    }

    /// Calls that leave a row in the ledger.
    pub fn metered_calls(&self) -> u64 {
        if self.sample.metered { u64::try_from(self.took.len()).unwrap_or(0) } else { 0 }
    }

    fn note(&mut self, answer: &Answer) {
        if answer.status != self.sample.expected || answer.body.is_empty() {
            self.unexpected.push(answer.status);
        }
        self.took.push(answer.took);
        if let Some(key) = &answer.key {
            *self.keys.entry(key.clone()).or_default() += 1;
        }
    }

    fn name(&self) -> String {
        format!("{} {}", vendor(self.sample.dialect), self.sample.name)
    }
}

/// What the ledger tells afterwards.
pub struct Told {
    /// Sums.
    pub usage: Value,
    /// The request log.
    pub requests: Value,
}

/// A sentence about calls that did not end as they should; `None` when all did.
pub fn wrong(measured: &[Measured]) -> Option<String> {
    let wrong: Vec<String> = measured
        .iter()
        .filter(|measured| !measured.unexpected.is_empty())
        .map(|measured| {
            format!("{} answered {:?} instead of {}", measured.name(), measured.unexpected, measured.sample.expected)
        })
        .collect();
    (!wrong.is_empty()).then(|| format!("some sample calls did not end as they should: {}", wrong.join("; ")))
}

/// Everything for scripts.
pub fn value(measured: &[Measured], told: &Told, server: &Server, token: &str) -> Value {
    let surfaces = measured.iter().map(|measured| {
        json!({
            "surface": vendor(measured.sample.dialect),
            "call": measured.sample.name,
            "calls": measured.took.len(),
            "expected_status": measured.sample.expected,
            "unexpected_statuses": measured.unexpected,
            "p50_us": micros(percentile(&measured.took, 50)),
            "p99_us": micros(percentile(&measured.took, 99)),
        })
    });
    json!({
        "data": server.data_address().to_string(),
        "admin": server.admin_address().to_string(),
        "token": token,
        "surfaces": surfaces.collect::<Vec<_>>(),
        "keys": keys_used(measured),
        "usage": told.usage,
        "overhead": overhead(&told.requests),
    })
}

/// Everything for people.
pub fn print(output: Output, measured: &[Measured], told: &Told, server: &Server, token: &str, once: bool) {
    let columns = [
        ("SURFACE", Align::Left),
        ("CALLS", Align::Right),
        ("STATUS", Align::Left),
        ("P50", Align::Right),
        ("P99", Align::Right),
    ];
    let mut table = Table::new(columns.map(|(name, align)| (name.to_owned(), align)));
    for measured in measured {
        let well = measured.unexpected.is_empty();
        let status =
            if well { format!("all {}", measured.sample.expected) } else { format!("{:?}", measured.unexpected) };
        table.toned_row([
            (measured.name(), None),
            (measured.took.len().to_string(), None),
            (status, Some(if well { Tone::Good } else { Tone::Bad })),
            (milliseconds(percentile(&measured.took, 50)), None),
            (milliseconds(percentile(&measured.took, 99)), None),
        ]);
    }
    output.table(&table, "");
    let total = &told.usage["total"];
    let figure = |name: &str| total[name].as_u64().unwrap_or(0);
    let cost = total["cost_usd"].as_str().unwrap_or_default();
    let calls: usize = measured.iter().map(|measured| measured.took.len()).sum();
    let keys = keys_used(measured).into_iter().map(|(key, times)| format!("{key} {times} times")).collect::<Vec<_>>();
    let overhead = overhead(&told.requests);
    output.line("");
    output.fields(&[
        ("calls", format!("{calls}, of which {} went to the provider and into the ledger", figure("attempts"))),
        ("tokens", format!("{} in, {} out", figure("prompt_tokens"), figure("completion_tokens"))),
        ("cost", format!("{cost} USD (the sandbox's own prices; nobody is billed)")),
        ("keys used", keys.join(", ")),
        ("added by Keyward", format!("p50 {} us, p99 {} us per call", overhead["p50_us"], overhead["p99_us"])),
    ]);
    if once {
        return;
    }
    output.line("");
    let (data, admin) = (server.data_address(), server.admin_address());
    output.line(&format!(
        "Clients at {}, metrics at http://{admin}/metrics. Try it:",
        output.paint(Tone::Strong, &format!("http://{data}"))
    ));
    output.line(&format!(
        "  curl http://{data}/v1/chat/completions -H 'authorization: Bearer {token}' -H 'content-type: application/json' \\\n    \
         -d '{{\"model\":\"sandbox-small\",\"messages\":[{{\"role\":\"user\",\"content\":\"Hello\"}}]}}'"
    ));
    output.line("Ctrl-C stops it and removes everything.");
}

fn keys_used(measured: &[Measured]) -> BTreeMap<String, usize> {
    let mut keys = BTreeMap::new();
    for (key, times) in measured.iter().flat_map(|measured| &measured.keys) {
        *keys.entry(key.clone()).or_default() += times;
    }
    keys
}

/// The gateway's own time per attempt, as the ledger has it.
fn overhead(requests: &Value) -> Value {
    let attempts = requests["items"].as_array().into_iter().flatten().filter_map(|call| call["attempts"].as_array());
    let overheads: Vec<Duration> =
        attempts.flatten().filter_map(|attempt| attempt["overhead_us"].as_u64()).map(Duration::from_micros).collect();
    json!({ "p50_us": micros(percentile(&overheads, 50)), "p99_us": micros(percentile(&overheads, 99)) })
}

fn percentile(took: &[Duration], percent: usize) -> Duration {
    let mut sorted = took.to_vec();
    sorted.sort();
    let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(rank).copied().unwrap_or_default()
}

fn micros(length: Duration) -> u64 {
    u64::try_from(length.as_micros()).unwrap_or(u64::MAX)
}

fn milliseconds(length: Duration) -> String {
    let micros = micros(length);
    format!("{}.{:02} ms", micros / 1000, micros % 1000 / 10)
}
