//! The providers: they serve, limit, charge, cache and fail.

use std::time::Duration;

use keyward_domain::judgement::Judgement;
use keyward_domain::quota::{Meter, Metered, Quota};
use keyward_pool::Draw;

use super::cache::Cache;
use super::day::{Day, wall};
use super::faults::{BLIP_ONE_IN, Faults, SLOW_BY, Sickness};
use super::fleet::{Account, Fleet, Provider};
use super::judged;
use super::price;
use super::traffic::Call;
use super::window::Window;

/// Tokens that are set aside for an answer when a call is let in, by the provider as by the gateway
/// (`crates/gateway/src/stage/admit.rs`).
pub const SET_ASIDE: u64 = 1_024;
/// How long a refusal takes, in milliseconds, and how much longer by chance.
const REFUSED_AFTER: (u64, u64) = (80, 120);
/// How long a failure takes.
const FAILED_AFTER: (u64, u64) = (200, 1_300);

/// Everything behind the gateway.
pub struct Providers<'a> {
    day: Day,
    fleet: &'a Fleet,
    faults: &'a Faults,
    seed: u64,
    accounts: Vec<State>,
}

/// The state of an account.
struct State {
    account: Account,
    requests: Window,
    tokens: Window,
    /// Requests since the daily quota began.
    today: u64,
    /// Whether the daily quota began anew already.
    is_reset: bool,
    cache: Cache,
}

/// An answer.
pub struct Answer {
    pub said: Said,
    /// What its headers say is left.
    pub quota: Quota,
}

pub enum Said {
    /// It serves.
    Good(Good),
    /// It does not; the refusal takes this many milliseconds.
    Bad(Why, Judgement, u64),
}

/// A good answer.
#[derive(Clone, Copy)]
pub struct Good {
    /// Milliseconds until its first content.
    pub first_content: u64,
    pub cached: u64,
    pub cost_nanodollars: i64,
}

/// Why a call was not served.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Why {
    Outage,
    Blip,
    Revoked,
    Unpaid,
    Forbidden,
    KeyFails,
    Limited,
    UsedUp,
}

impl<'a> Providers<'a> {
    pub fn new(day: Day, fleet: &'a Fleet, faults: &'a Faults, seed: u64) -> Self {
        let accounts = fleet.accounts.iter().map(|account| State::new(*account)).collect();
        Self { day, fleet, faults, seed, accounts }
    }

    /// What a call gets with a key. What happens by chance happens to the same attempt of the same call, whichever key
    /// it is made with.
    pub fn answer(&mut self, key: usize, call: &Call, attempt: u8, now: u64) -> Option<Answer> {
        let place = self.fleet.keys.get(key)?.account;
        let mut chance = Draw::seeded(self.seed ^ call.conversation ^ (call.prompt << 8) ^ u64::from(attempt));
        let trouble = self.trouble(key, place, &mut chance, now);
        let state = self.accounts.get_mut(place)?;
        state.advance(now, self.faults.daily_reset);
        let trouble = trouble.or_else(|| state.refuse(call, now, self.day, self.faults.daily_reset));
        let slow = if self.faults.is_slow(key, now) { SLOW_BY } else { 0 };
        let said = match trouble {
            Some((why, judgement)) => Said::Bad(why, judgement, delay(why, &mut chance)),
            None => Said::Good(state.serve(call, slow, now)),
        };
        let is_told = !matches!(said, Said::Bad(Why::Outage | Why::Blip | Why::KeyFails | Why::Revoked, ..));
        let quota = if is_told { state.quota(now) } else { Quota::default() };
        Some(Answer { said, quota })
    }

    /// What keeps a provider from even looking at limits.
    fn trouble(&self, key: usize, account: usize, chance: &mut Draw, now: u64) -> Option<(Why, Judgement)> {
        let faults = self.faults;
        let provider = self.fleet.accounts.get(account).map_or(Provider::North, |account| account.provider);
        let (falls_out, blips) = (chance.below(100), chance.below(BLIP_ONE_IN) == 0);
        if falls_out < faults.outage(provider, now) {
            return Some((Why::Outage, judged::failed()));
        }
        if faults.is_revoked(key, now) {
            return Some((Why::Revoked, judged::rejected()));
        }
        match faults.sickness(key, now) {
            Some(Sickness::Forbidden) => return Some((Why::Forbidden, judged::forbidden())),
            Some(Sickness::Failing) => return Some((Why::KeyFails, judged::failed())),
            None => {}
        }
        if faults.is_unpaid(account, now) {
            return Some((Why::Unpaid, judged::no_credit()));
        }
        blips.then(|| (Why::Blip, judged::failed()))
    }
}

impl State {
    fn new(account: Account) -> Self {
        Self {
            account,
            requests: Window::new(account.requests_per_minute),
            tokens: Window::new(account.tokens_per_minute),
            today: 0,
            is_reset: false,
            cache: Cache::default(),
        }
    }

    fn advance(&mut self, now: u64, daily_reset: u64) {
        self.requests.advance(now);
        self.tokens.advance(now);
        if now >= daily_reset && !self.is_reset {
            (self.is_reset, self.today) = (true, 0);
        }
    }

    /// Whether a limit is in the way; until when, it says truly.
    fn refuse(&self, call: &Call, now: u64, day: Day, daily_reset: u64) -> Option<(Why, Judgement)> {
        if self.account.requests_per_day.is_some_and(|most| self.today >= day.share(most)) {
            let reset = if self.is_reset { daily_reset + day.length } else { daily_reset };
            return Some((Why::UsedUp, judged::used_up(wall(reset))));
        }
        let requests = self.requests.wait(1, now);
        let tokens = self.tokens.wait(call.prompt + SET_ASIDE, now);
        // `retry-after` counts whole seconds.
        let wait = requests.max(tokens)?.div_ceil(1_000) * 1_000;
        Some((Why::Limited, judged::limited(wall(now + wait))))
    }

    fn serve(&mut self, call: &Call, slow: u64, now: u64) -> Good {
        self.requests.take(1, now);
        self.tokens.take(call.prompt + SET_ASIDE, now);
        self.today += 1;
        let cached = self.cache.serve(call, now);
        Good {
            first_content: call.first_content + slow,
            cached,
            cost_nanodollars: price::cost(self.account.provider, call, cached),
        }
    }

    fn quota(&self, now: u64) -> Quota {
        let mut quota = Quota::default();
        for (counts, window) in [(Metered::Requests, &self.requests), (Metered::Tokens, &self.tokens)] {
            quota.add(Meter {
                counts,
                window: Some(Duration::from_mins(1)),
                limit: Some(window.limit()),
                remaining: window.remaining(),
                resets: Some(wall(window.full_at(now))),
                is_models: false,
            });
        }
        quota
    }
}

fn delay(why: Why, chance: &mut Draw) -> u64 {
    let (least, more) = match why {
        Why::Outage | Why::Blip | Why::KeyFails => FAILED_AFTER,
        _ => REFUSED_AFTER,
    };
    least + chance.below(more)
}
