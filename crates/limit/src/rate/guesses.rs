//! Who tries keys that are not valid: so many at once, then one every other second, by where they come from. The generic
//! cell rate algorithm, asked about failures only: whoever has a good key is never counted, and never held up by others
//! at the same address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use foldhash::quality::RandomState;

use crate::sync::{Mutex, lock};

/// Failures that an address may have at once.
const AT_ONCE: u32 = 30;
/// After these, one more in each stretch of this length.
const EVERY: Duration = Duration::from_secs(2);
/// Parts of the map.
const PARTS: usize = 16;
/// Addresses that a part remembers, at most; those that have failed least lately make room.
const MAX_PER_PART: usize = 4_096;
/// Networks that are remembered, at most.
pub const MAX_NETWORKS: usize = PARTS * MAX_PER_PART;

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
        let mut part = lock(part);
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

    /// Networks that are remembered.
    pub fn remembered(&self) -> usize {
        self.parts.iter().map(|part| lock(part).len()).sum()
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
        let folded = [32, 16, 8, 4].into_iter().fold(self.0, |bits, by| bits ^ (bits >> by));
        usize::try_from(folded % PARTS as u64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Network, PARTS};

    #[test]
    fn a11_networks_that_differ_in_any_four_bits_are_in_parts_of_their_own() {
        for place in (0..u64::BITS).step_by(4) {
            let neighbours = (0..16).map(|number| Network(0x0123_4567_89AB_CDEF ^ (number << place)).part());
            let parts: HashSet<usize> = neighbours.collect();
            assert_eq!(parts, (0..PARTS).collect(), "{place}");
        }
    }
}
