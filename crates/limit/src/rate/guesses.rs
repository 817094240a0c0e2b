//! Who tries keys that are not valid: so many at once, then one every other second, by where they come from. The generic
//! cell rate algorithm, asked about failures only: whoever has a good key is never counted, and never held up by others
//! at the same address.

use std::collections::HashMap;
use std::net::IpAddr;
// Not the crate's own: one lock at a time leaves a scheduler nothing to try, and the tests below run without one.
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use foldhash::quality::RandomState;

/// Failures that an address may have at once.
pub(super) const AT_ONCE: u32 = 30;
/// After these, one more in each stretch of this length.
const EVERY: Duration = Duration::from_secs(2);
/// Parts of the map.
const PARTS: usize = 16;
/// Addresses that a part remembers, at most; those that have failed least lately make room.
const MAX_PER_PART: usize = 4_096;

/// The failures of each address.
#[derive(Debug)]
pub struct Guesses {
    parts: [Mutex<Part>; PARTS],
}

/// By network, when all failures of it so far will be forgotten. The hash is seeded, because who guesses chooses where
/// they do it from.
type Part = HashMap<Network, Duration, RandomState>;

/// Where somebody is: an IPv4 address, or the first 64 bits of an IPv6 address, because a whole network of these is given
/// to one customer. IPv4 addresses are the smallest numbers, where IPv6 has no networks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Network(u64);

impl Default for Guesses {
    fn default() -> Self {
        Self { parts: std::array::from_fn(|_| Mutex::new(Part::default())) }
    }
}

impl Guesses {
    /// A key from this address was not valid, `now` on a clock that never goes back. `Err` when it was one too many, with
    /// how long it takes until one more is not; those that were too many do not prolong it.
    pub fn failed(&self, from: IpAddr, now: Duration) -> Result<(), Duration> {
        let network = Network::of(from);
        let Some(part) = self.parts.get(network.part()) else { return Ok(()) };
        let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
        let forgotten = part.get(&network).map_or(now, |forgotten| (*forgotten).max(now));
        let next = forgotten.saturating_add(EVERY);
        let too_many = next.saturating_sub(now).saturating_sub(EVERY.saturating_mul(AT_ONCE));
        if !too_many.is_zero() {
            return Err(too_many);
        }
        if part.len() >= MAX_PER_PART && !part.contains_key(&network) {
            make_room(&mut part, now);
        }
        part.insert(network, next);
        Ok(())
    }
}

/// Drops those that are forgotten by now; if they are not many, the half that would be first.
fn make_room(part: &mut Part, now: Duration) {
    part.retain(|_, forgotten| *forgotten > now);
    if part.len() < MAX_PER_PART / 2 {
        return;
    }
    let mut all: Vec<Duration> = part.values().copied().collect();
    let middle = all.len() / 2;
    let (_, median, _) = all.select_nth_unstable(middle);
    let median = *median;
    part.retain(|_, forgotten| *forgotten > median);
}

impl Network {
    fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(u64::from(address.to_bits())),
            IpAddr::V6(address) => Self(u64::try_from(address.to_bits() >> 64).unwrap_or(u64::MAX)),
        }
    }

    /// Neighbours are apart: all bits count.
    fn part(self) -> usize {
        let folded = self.0 ^ (self.0 >> 32);
        let folded = folded ^ (folded >> 16);
        usize::try_from((folded ^ (folded >> 8)) % PARTS as u64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(n: u32) -> IpAddr {
        IpAddr::V4(n.into())
    }

    #[test]
    fn a11_a_burst_then_one_every_other_second() {
        let guesses = Guesses::default();
        let from = v4(0x7F00_0001);
        let tolerated = |from, now| (0..10_000).filter(|_| guesses.failed(from, now).is_ok()).count();
        assert_eq!(tolerated(from, Duration::from_secs(100)), 30);
        assert_eq!(guesses.failed(from, Duration::from_secs(100)), Err(Duration::from_secs(2)));
        assert_eq!(guesses.failed(from, Duration::from_millis(101_500)), Err(Duration::from_millis(500)));
        assert_eq!(tolerated(from, Duration::from_secs(102)), 1);
        assert_eq!(tolerated(from, Duration::from_secs(112)), 5);
        assert_eq!(tolerated(v4(0x7F00_0002), Duration::from_secs(112)), 30, "others are not held up");
        assert_eq!(tolerated(from, Duration::from_secs(1_000)), 30, "after a while all is forgotten");
    }

    #[test]
    fn an_ipv6_network_is_one_and_a_mapped_address_is_what_it_maps() {
        let of = |text: &str| Network::of(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.7"), of("192.0.2.7"));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_those_who_failed_most_stay() {
        let guesses = Guesses::default();
        let worst = v4(1);
        for _ in 0..AT_ONCE {
            guesses.failed(worst, Duration::ZERO).unwrap();
        }
        for n in 2..300_000 {
            guesses.failed(v4(n), Duration::from_secs(1)).unwrap();
        }
        assert!(guesses.parts.iter().all(|part| part.lock().unwrap().len() <= MAX_PER_PART));
        assert!(guesses.failed(worst, Duration::from_secs(1)).is_err());
    }
}
