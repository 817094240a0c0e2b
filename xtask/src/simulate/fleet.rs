//! Who can serve: two providers, 12 accounts, 50 keys.

use keyward_domain::credential::CredentialState;
use keyward_domain::ids::{CredentialId, ProviderId};
use keyward_domain::routing::KeyTerms;
use keyward_pool::Member;

/// The two providers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// Asked first.
    North,
    /// Asked when the first cannot serve. Dearer.
    South,
}

impl Provider {
    pub const ALL: [Self; 2] = [Self::North, Self::South];

    pub const fn id(self) -> ProviderId {
        ProviderId::from_bits(match self {
            Self::North => 1,
            Self::South => 2,
        })
    }
}

/// What a provider grants an account, for all its keys together.
#[derive(Clone, Copy)]
pub struct Account {
    pub provider: Provider,
    pub requests_per_minute: u64,
    pub tokens_per_minute: u64,
    /// Requests of a whole day.
    pub requests_per_day: Option<u64>,
    /// Its keys.
    keys: u64,
    /// What the operator set as the weight of each.
    weight: u16,
}

/// A key.
#[derive(Clone, Copy)]
pub struct Key {
    /// Its place among the accounts.
    pub account: usize,
    pub weight: u16,
}

/// All accounts and all keys.
pub struct Fleet {
    pub accounts: Vec<Account>,
    pub keys: Vec<Key>,
}

const UNLIMITED: u64 = u64::MAX / 4;

/// Weights follow the limits, as far as the operator knew them: the fifth account is taken for larger than it is, the
/// eighth for smaller.
const ACCOUNTS: [Account; 12] = [
    north(6, 13, 800_000, 160),
    north(6, 13, 800_000, 160),
    north(5, 12, 600_000, 120),
    north(5, 12, 600_000, 120),
    north(4, 14, 400_000, 80),
    north(4, 10, 400_000, 80),
    north(4, 8, 300_000, 60).a_day(24_000),
    north(3, 6, 300_000, 60),
    north(3, 7, 200_000, 40).a_day(10_000),
    north(2, 5, 100_000, 25),
    Account { provider: Provider::South, ..north(4, 1, 1_500_000, 300) },
    Account { provider: Provider::South, ..north(4, 1, 1_500_000, 300) },
];

const fn north(keys: u64, weight: u16, tokens_per_minute: u64, requests_per_minute: u64) -> Account {
    Account { provider: Provider::North, requests_per_minute, tokens_per_minute, requests_per_day: None, keys, weight }
}

impl Account {
    const fn a_day(self, requests: u64) -> Self {
        Self { requests_per_day: Some(requests), ..self }
    }
}

impl Fleet {
    /// The fleet of the simulation.
    pub fn new() -> Self {
        Self::of(ACCOUNTS.to_vec())
    }

    /// One key at each provider, without any limit: what prompt caches can do at most.
    pub fn unlimited() -> Self {
        let account = |provider| Account { provider, ..north(1, 1, UNLIMITED, UNLIMITED) };
        Self::of(Provider::ALL.map(account).to_vec())
    }

    /// The keys of a provider, as a pool wants them.
    pub fn members(&self, provider: Provider) -> Vec<Member> {
        let of_provider = |key: &Key| self.accounts.get(key.account).is_some_and(|other| other.provider == provider);
        let keys = self.keys.iter().enumerate().filter(|(_, key)| of_provider(key));
        keys.map(|(place, key)| member(place, key)).collect()
    }

    /// Whether a key is one of the provider's that is asked first.
    pub fn is_first(&self, key: &Key) -> bool {
        self.accounts.get(key.account).is_some_and(|account| account.provider == Provider::North)
    }

    /// Tokens per minute that the provider that is asked first grants, over all accounts.
    pub fn first_tokens_per_minute(&self) -> u64 {
        let first = self.accounts.iter().filter(|account| account.provider == Provider::North);
        first.map(|account| account.tokens_per_minute).sum()
    }

    /// The place of a key.
    pub fn place(credential: CredentialId) -> usize {
        usize::try_from(credential.bits()).unwrap_or(usize::MAX)
    }

    /// What a key at this place is known by.
    pub fn credential(place: usize) -> CredentialId {
        CredentialId::from_bits(u128::try_from(place).unwrap_or(u128::MAX))
    }

    fn of(accounts: Vec<Account>) -> Self {
        let of_account = |(place, account): (usize, &Account)| {
            let key = Key { account: place, weight: account.weight };
            (0..account.keys).map(move |_| key).collect::<Vec<_>>()
        };
        let keys = accounts.iter().enumerate().flat_map(of_account).collect();
        Self { accounts, keys }
    }
}

fn member(place: usize, key: &Key) -> Member {
    let terms =
        KeyTerms { quota_group: Some(format!("account-{}", key.account)), weight: key.weight, ..KeyTerms::default() };
    Member::new(Fleet::credential(place), format!("key-{place}"), CredentialState::Active, terms)
}
