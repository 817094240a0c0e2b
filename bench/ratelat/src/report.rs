//! Samples of all threads and the line they end as.

use serde::Serialize;

use crate::exchange::Answer;

/// Every duration in nanoseconds.
#[derive(Default)]
pub struct Samples {
    latency: Vec<i64>,
    service: Vec<i64>,
    first_byte: Vec<i64>,
    gap: Vec<i64>,
    reads: u64,
    pub errors: u64,
}

#[derive(Serialize)]
pub struct Report {
    rate: u32,
    n: usize,
    achieved: f64,
    errors: u64,
    reads: f64,
    lat: Spread,
    svc: Spread,
    ttfb: Spread,
    gap: Spread,
}

/// Microseconds.
#[derive(Serialize)]
struct Spread {
    mean: f64,
    p50: f64,
    p90: f64,
    p99: f64,
    p999: f64,
    max: f64,
}

impl Samples {
    pub fn add(&mut self, due: i64, sent: i64, done: i64, answer: &Answer) {
        self.latency.push(done - due);
        self.service.push(done - sent);
        self.first_byte.push(answer.first_byte - sent);
        self.gap.push(answer.longest_gap);
        self.reads += answer.reads;
    }

    pub fn merge(&mut self, other: Self) {
        self.latency.extend(other.latency);
        self.service.extend(other.service);
        self.first_byte.extend(other.first_byte);
        self.gap.extend(other.gap);
        self.reads += other.reads;
        self.errors += other.errors;
    }

    pub fn report(self, rate: u32, secs: u32) -> Report {
        let n = self.latency.len();
        Report {
            rate,
            n,
            achieved: n as f64 / f64::from(secs),
            errors: self.errors,
            reads: self.reads as f64 / n.max(1) as f64,
            lat: Spread::of(self.latency),
            svc: Spread::of(self.service),
            ttfb: Spread::of(self.first_byte),
            gap: Spread::of(self.gap),
        }
    }
}

impl Spread {
    fn of(mut nanos: Vec<i64>) -> Self {
        nanos.sort_unstable();
        let mean = nanos.iter().sum::<i64>() as f64 / nanos.len().max(1) as f64 / 1e3;
        let at = |share: f64| {
            let rank = (nanos.len() as f64 * share).ceil() as usize;
            nanos.get(rank.saturating_sub(1)).map_or(0.0, |value| *value as f64 / 1e3)
        };
        Self { mean, p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: at(1.0) }
    }
}
