//! How fast a key answers: a peak-sensitive average of the time to the first content, and a histogram for percentiles.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use crate::fade::{Stamped, faded};

/// Half-life of the average, in milliseconds: a decay time of 10 s.
const HALF_LIFE_MS: u64 = 6_931;
/// What counts as typical before anything was seen, in microseconds.
const UNKNOWN_MICROS: u32 = 1_000_000;

/// The average that counts (peak EWMA): a slow answer counts at once and in full, a fast one bit by bit, and what was
/// slow is forgiven with time until it is tried again.
#[derive(Debug, Default)]
pub(crate) struct Peak(Stamped);

impl Peak {
    pub(crate) fn observe(&self, micros: u32, now_ms: u64) {
        let next = match self.0.read(now_ms) {
            Some((old, age)) if micros < old => {
                let above = faded(u64::from(old - micros), age.max(1), HALF_LIFE_MS);
                micros.saturating_add(u32::try_from(above).unwrap_or(0))
            }
            None | Some(_) => micros,
        };
        self.0.write(next, now_ms);
    }

    /// Only when nothing was seen yet: what the others are like.
    pub(crate) fn seed(&self, micros: u32, now_ms: u64) {
        if self.0.read(now_ms).is_none() {
            self.0.write(micros, now_ms);
        }
    }

    /// The average now, in microseconds. What is worse than typical fades towards typical while nothing new is seen.
    pub(crate) fn read(&self, typical: Option<u32>, now_ms: u64) -> u32 {
        let typical = typical.unwrap_or(UNKNOWN_MICROS);
        match self.0.read(now_ms) {
            None => typical,
            Some((value, age)) if value > typical => {
                let above = faded(u64::from(value - typical), age, HALF_LIFE_MS);
                typical.saturating_add(u32::try_from(above).unwrap_or(0))
            }
            Some((value, _)) => value,
        }
    }

    /// The average as it was noted last, in microseconds.
    pub(crate) fn seen(&self, now_ms: u64) -> Option<u32> {
        self.0.read(now_ms).map(|(micros, _)| micros)
    }
}

/// Steps per doubling: a percentile is at most 25 % too high.
const STEPS: u32 = 4;
/// Buckets: from 1 ms up to more than an hour.
const BUCKETS: usize = 92;
/// From this many samples on all counts are halved, so that percentiles follow what is.
const RENEWED_AT: u32 = 4096;

/// Times in buckets that grow by a quarter of a doubling.
#[derive(Debug)]
pub(crate) struct Histogram {
    buckets: [AtomicU32; BUCKETS],
    count: AtomicU32,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: [const { AtomicU32::new(0) }; BUCKETS], count: AtomicU32::new(0) }
    }
}

impl Histogram {
    pub(crate) fn record(&self, millis: u64) {
        if let Some(bucket) = self.buckets.get(bucket_of(millis)) {
            bucket.fetch_add(1, Relaxed);
        }
        if self.count.fetch_add(1, Relaxed) + 1 == RENEWED_AT {
            self.halve();
        }
    }

    /// The times in milliseconds below which these shares lie, in percent; `None` when nothing was recorded.
    pub(crate) fn percentiles<const N: usize>(&self, percents: [u32; N]) -> Option<[u64; N]> {
        let counts: Vec<u64> = self.buckets.iter().map(|bucket| u64::from(bucket.load(Relaxed))).collect();
        let total: u64 = counts.iter().sum();
        let at = |percent: u32| {
            let wanted = (total * u64::from(percent)).div_ceil(100).max(1);
            let mut seen = 0;
            let bucket = counts.iter().position(|count| {
                seen += count;
                seen >= wanted
            });
            upper_edge(bucket.unwrap_or(0))
        };
        (total > 0).then(|| percents.map(at))
    }

    fn halve(&self) {
        for bucket in &self.buckets {
            bucket.fetch_update(Relaxed, Relaxed, |count| Some(count / 2)).ok();
        }
        self.count.store(RENEWED_AT / 2, Relaxed);
    }
}

/// Bucket 0 holds everything below 1 ms; after that every doubling has [`STEPS`] buckets.
fn bucket_of(millis: u64) -> usize {
    let Some(doubling) = millis.checked_ilog2() else { return 0 };
    let rest = millis - (1 << doubling);
    let step = (rest * u64::from(STEPS)) >> doubling;
    let bucket = 1 + u64::from(doubling * STEPS) + step;
    usize::try_from(bucket).unwrap_or(BUCKETS).min(BUCKETS - 1)
}

fn upper_edge(bucket: usize) -> u64 {
    let Some(index) = u32::try_from(bucket).unwrap_or(0).checked_sub(1) else { return 1 };
    let (doubling, step) = (index / STEPS, index % STEPS);
    (1 << doubling) + ((u64::from(step) + 1) << doubling).div_ceil(u64::from(STEPS))
}

#[cfg(test)]
mod tests {
    use super::{Histogram, Peak, bucket_of, upper_edge};

    #[test]
    fn a_peak_counts_at_once_and_fades() {
        let peak = Peak::default();
        assert_eq!(peak.read(None, 0), 1_000_000);
        assert_eq!(peak.read(Some(300), 0), 300);
        peak.observe(200_000, 1_000);
        peak.observe(5_000_000, 1_001);
        assert_eq!(peak.read(Some(200_000), 1_001), 5_000_000);
        assert_eq!(peak.read(Some(200_000), 1_001 + 6_931), 2_600_000);
        peak.observe(200_000, 1_001 + 6_931);
        assert_eq!(peak.seen(0), Some(2_600_000));
    }

    #[test]
    fn percentiles_are_close() {
        let histogram = Histogram::default();
        assert_eq!(histogram.percentiles([50]), None);
        (1..=1000).for_each(|millis| histogram.record(millis));
        let [half, most] = histogram.percentiles([50, 99]).unwrap();
        assert!((500..=640).contains(&half), "{half}");
        assert!((990..=1200).contains(&most), "{most}");
    }

    #[test]
    fn every_time_lies_below_the_edge_of_its_bucket() {
        for millis in (0..5_000).chain([60_000, 3_600_000]) {
            let bucket = bucket_of(millis);
            assert!(upper_edge(bucket) > millis || (millis == 0), "{millis}");
            assert!(bucket == 0 || upper_edge(bucket - 1) <= millis.max(1), "{millis}");
        }
    }
}
