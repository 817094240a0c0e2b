//! A pool to try things on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keyward_domain::credential::CredentialState;
use keyward_domain::ids::{CredentialId, ProviderId, RequestId};
use keyward_domain::judgement::{Blame, Judgement, Lasts, Next, Trouble};
use keyward_domain::money::Nanodollars;
use keyward_domain::routing::{KeyTerms, Strategy};
use keyward_domain::standing::{Cause, KeyEvent, Standing};
use keyward_domain::time::Timestamp;
use keyward_pool::{Ask, Claim, Draw, KeyView, Member, Moment, Nothing, Notice, Outcome, Pool, Registry, Settings};

pub const PROVIDER: ProviderId = ProviderId::from_bits(7);
pub const MODEL: &str = "gpt-4o-mini";
/// The start of a UTC day.
pub const START_MS: i64 = 1_799_971_200_000;

/// Keeps every event.
#[derive(Debug, Clone, Default)]
pub struct Heard(pub Arc<Mutex<Vec<KeyEvent>>>);

impl Notice for Heard {
    fn changed(&self, event: KeyEvent) {
        self.0.lock().unwrap().push(event);
    }
}

/// A registry with one pool, a moment that the test moves, and a seeded draw.
pub struct House {
    pub registry: Registry,
    pub pool: Arc<Pool>,
    pub heard: Heard,
    pub now: Moment,
    pub draw: Draw,
    pub seed: u64,
}

impl House {
    pub fn new(strategy: Strategy, members: Vec<Member>, seed: u64) -> Self {
        let heard = Heard::default();
        let registry = Registry::new(Settings::default(), Box::new(heard.clone()));
        let now = Moment::new(Timestamp::from_unix_millis(START_MS), Duration::from_secs(1_000));
        let pool = registry.pool(PROVIDER, strategy, members, now);
        Self { registry, pool, heard, now, draw: Draw::seeded(seed), seed }
    }

    /// Keys named `k0`, `k1`, ... on default terms.
    pub fn even(strategy: Strategy, keys: u32, seed: u64) -> Self {
        Self::new(strategy, (0..keys).map(|number| member(number, KeyTerms::default())).collect(), seed)
    }

    pub fn rebuild(&mut self, members: Vec<Member>) {
        self.pool = self.registry.pool(PROVIDER, self.pool.strategy(), members, self.now);
    }

    pub fn advance(&mut self, length: Duration) {
        self.now = self.now.plus(length);
    }

    pub fn try_choose(&mut self, ask: &Ask<'_>) -> Result<Claim, Nothing> {
        self.pool.choose(ask, self.now, &mut self.draw)
    }

    pub fn choose(&mut self, ask: &Ask<'_>) -> Claim {
        let seed = self.seed;
        self.try_choose(ask).unwrap_or_else(|nothing| panic!("seed {seed}: {nothing}"))
    }

    /// Calls that all succeed, each over before the next; how many each key got.
    pub fn serve(&mut self, calls: u32) -> HashMap<String, u32> {
        self.serve_spaced(calls, Duration::ZERO)
    }

    pub fn serve_spaced(&mut self, calls: u32, pause: Duration) -> HashMap<String, u32> {
        let mut counts = HashMap::new();
        for _ in 0..calls {
            let claim = self.choose(&Ask::new(MODEL));
            *counts.entry(claim.name().to_string()).or_default() += 1;
            claim.report(&succeeded(Duration::from_millis(200)), self.now);
            self.advance(pause);
        }
        counts
    }

    /// One call that must go to this key, with this outcome.
    pub fn fail(&mut self, key: u32, judgement: &Judgement) {
        let others: Vec<_> = self.pool.keys(self.now).iter().map(|view| view.credential).collect();
        let others: Vec<_> = others.into_iter().filter(|other| *other != id(key)).collect();
        let claim = self.choose(&Ask { tried: &others, ..Ask::new(MODEL) });
        assert_eq!(claim.credential(), id(key), "seed {}", self.seed);
        claim.report(&failed(judgement), self.now);
    }

    pub fn view(&self, key: u32) -> KeyView {
        self.pool.keys(self.now).into_iter().find(|view| view.credential == id(key)).unwrap()
    }

    pub fn standing(&self, key: u32) -> Standing {
        self.view(key).standing
    }

    pub fn events(&self) -> Vec<KeyEvent> {
        self.heard.0.lock().unwrap().clone()
    }
}

pub fn id(number: u32) -> CredentialId {
    CredentialId::from_bits(0x0199_0000_0000_0000_0000_0000_0000_0000 + u128::from(number))
}

pub fn member(number: u32, terms: KeyTerms) -> Member {
    Member::new(id(number), format!("k{number}"), CredentialState::Active, terms)
}

pub fn weighted(number: u32, weight: u16) -> Member {
    member(number, KeyTerms { weight, ..KeyTerms::default() })
}

pub fn in_group(number: u32, group: &str) -> Member {
    member(number, KeyTerms { quota_group: Some(group.to_owned()), ..KeyTerms::default() })
}

pub fn cause(status: u16) -> Cause {
    Cause::Answer { request: RequestId::from_bits(1), status }
}

pub fn succeeded(first_content: Duration) -> Outcome<'static> {
    Outcome::Succeeded { first_content: Some(first_content), tokens: 100, cost: Nanodollars(1_000), cause: cause(200) }
}

pub fn failed(judgement: &Judgement) -> Outcome<'_> {
    Outcome::Failed { judgement, cause: cause(500), tokens: 0, cost: Nanodollars::ZERO }
}

pub fn judged(blame: Blame, lasts: Lasts, trouble: Trouble) -> Judgement {
    Judgement { blame, lasts, next: Next::OtherKey, trouble, reason: "as the test says".into(), known: true }
}
