//! Where conversations live: every conversation has a home among the accounts, found by weighted rendezvous hashing.
//! When an account goes, only its conversations move; when it comes back, only they return.

use std::ops::Range;

use crate::chance::mix;
use crate::lane::Seat;
use crate::mask::Mask;

/// From this many accounts on, homes are found in two steps: a cluster, then an account in it.
const CLUSTERED_FROM: usize = 192;
/// Accounts per cluster, about.
const CLUSTER: usize = 32;

/// The accounts of a tier as homes for conversations.
#[derive(Debug, Default)]
pub(crate) struct Homes {
    accounts: Box<[Home]>,
    clusters: Box<[Cluster]>,
    /// All weights are equal: hashes can be compared as they are.
    is_even: bool,
}

/// One account.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    hash: u64,
    weight: u32,
    pub(crate) seats: Range<usize>,
}

#[derive(Debug)]
struct Cluster {
    hash: u64,
    weight: u32,
    homes: Range<usize>,
}

impl Homes {
    /// The homes among these seats; the seats of one account lie side by side.
    pub(crate) fn new(range: &Range<usize>, seats: &[Seat]) -> Self {
        let mut homes = Vec::new();
        let mut start = range.start;
        let tier = seats.get(range.clone()).unwrap_or_default();
        for same in tier.chunk_by(|one, other| one.account == other.account) {
            let weight = same.iter().map(|seat| seat.weight).sum();
            let hash = same.first().map_or(0, |seat| mix(seat.account.bits()));
            homes.push(Home { hash, weight, seats: start..start + same.len() });
            start += same.len();
        }
        let is_even =
            homes.windows(2).all(|pair| pair.first().map(|home| home.weight) == pair.last().map(|home| home.weight));
        let clusters = if homes.len() < CLUSTERED_FROM { Vec::new() } else { clusters(&mut homes) };
        Self { accounts: homes.into(), clusters: clusters.into(), is_even }
    }

    /// The home of a conversation among accounts with an open seat.
    pub(crate) fn home(&self, conversation: u64, open: &Mask) -> Option<&Home> {
        if self.clusters.is_empty() {
            return self.home_among(&(0..self.accounts.len()), conversation, open);
        }
        // The best cluster nearly always has an open home; when all of it rests, the next best is looked for.
        let mut worst = 0;
        loop {
            let (rank, cluster) = self
                .clusters
                .iter()
                .map(|cluster| (distance(conversation, cluster.hash, cluster.weight), cluster))
                .filter(|(rank, _)| *rank > worst)
                .min_by_key(|(rank, _)| *rank)?;
            if let Some(home) = self.home_among(&cluster.homes, conversation, open) {
                return Some(home);
            }
            worst = rank;
        }
    }

    /// All accounts.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Home> {
        self.accounts.iter()
    }

    fn home_among(&self, range: &Range<usize>, conversation: u64, open: &Mask) -> Option<&Home> {
        let homes = self.accounts.get(range.clone())?.iter().filter(|home| home.is_open(open));
        if self.is_even {
            return homes.max_by_key(|home| mix(conversation ^ home.hash));
        }
        homes.min_by_key(|home| distance(conversation, home.hash, home.weight))
    }
}

impl Home {
    /// Whether any of its seats is in the set.
    pub(crate) fn is_open(&self, open: &Mask) -> bool {
        self.seats.clone().any(|seat| open.has(seat))
    }

    /// The seat in this home that a conversation prefers.
    pub(crate) fn seat(&self, conversation: u64, open: &Mask, seats: &[Seat]) -> Option<usize> {
        let open = self.seats.clone().filter(|seat| open.has(*seat));
        open.max_by_key(|seat| seats.get(*seat).map(|seat| mix(conversation ^ seat.hash)))
    }
}

/// Sorts the homes into clusters by hash; how many there are only changes when the accounts double or halve.
fn clusters(homes: &mut [Home]) -> Vec<Cluster> {
    let count = u64::try_from((homes.len() / CLUSTER).next_power_of_two()).unwrap_or(1);
    // The cluster of a home is given by the high bits of its hash.
    let cluster_of = |home: &Home| (u128::from(home.hash) * u128::from(count)) >> 64;
    homes.sort_by_key(|home| (cluster_of(home), home.hash));
    let mut start = 0;
    let chunks = homes.chunk_by(|one, other| cluster_of(one) == cluster_of(other));
    chunks
        .map(|same| {
            let homes = start..start + same.len();
            start = homes.end;
            let number = same.first().map_or(0, |home| u64::try_from(cluster_of(home)).unwrap_or(0));
            Cluster { hash: mix(number ^ 0xC1A5_7E12), weight: same.iter().map(|home| home.weight).sum(), homes }
        })
        .collect()
}

/// How far a conversation is from a home of this weight: minus the logarithm of a hash in (0, 1], over the weight. The
/// nearest wins, and wins in proportion to its weight. Never 0.
fn distance(conversation: u64, hash: u64, weight: u32) -> u64 {
    (minus_log2(mix(conversation ^ hash)) / u64::from(weight.max(1))).max(1)
}

/// Minus the binary logarithm of `number / 2^64`, with 52 bits after the point; within 0.006. For numbers near 2^64, where races are
/// decided, the slope is right.
fn minus_log2(number: u64) -> u64 {
    const ONE: u64 = 1 << 52;
    // 1 + x is the number without its power of two; log2(1 + x) ~ x + (1 - x) x (A + B (1 - x)): right in value and
    // slope at both ends.
    const A: u128 = 1_254_933_000_000_000; // 0.27865 x 2^52: slope at x = 1 is 1 / (2 ln 2)
    const B: u128 = 738_793_000_000_000; // 0.16405 x 2^52: slope at x = 0 is 1 / ln 2
    let number = number | 1;
    let zeros = number.leading_zeros();
    let x = u128::from(((number << zeros) & !(1 << 63)) >> 11);
    let rest = u128::from(ONE) - x;
    let bend = A + ((B * rest) >> 52);
    let log = x + ((((x * rest) >> 52) * bend) >> 52);
    let log = u64::try_from(log).unwrap_or(ONE).min(ONE - 1);
    u64::from(zeros) * ONE + (ONE - log)
}

#[cfg(test)]
mod tests {
    use super::minus_log2;

    #[test]
    fn the_logarithm_is_close_enough() {
        for (number, wanted) in
            [(u64::MAX, 0.0), (1 << 63, 1.0), (3 << 62, 0.415_037), (1 << 40, 24.0), (0xF000_0000_0000_0000, 0.093_109)]
        {
            #[expect(clippy::cast_precision_loss, reason = "a test of precision")]
            let found = minus_log2(number) as f64 / (1_u64 << 52) as f64;
            assert!((found - wanted).abs() < 0.006, "{number:x}: {found} instead of {wanted}");
        }
        let mut last = u64::MAX;
        for step in 1..10_000_u64 {
            let next = minus_log2(step * (u64::MAX / 10_000));
            assert!(next < last, "{step}");
            last = next;
        }
    }
}
