//! How many calls an upstream takes at once is learned from what it answers: enough of them, and hardly one too many.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use keyward_domain::judgement::{Blame, Judgement, Lasts, Trouble};
use keyward_domain::routing::{Concurrency, Strategy};
use keyward_pool::{Ask, Choice, Claim, Draw, Moment, Outcome, Why};

use crate::house::{House, MODEL, failed, judged, succeeded};

const SEEDS: [u64; 4] = [1, 7, 42, 20_261_120];
const SECOND: Duration = Duration::from_secs(1);

fn busy(blame: Blame) -> Judgement {
    judged(blame, Lasts::Moment, Trouble::Overloaded)
}

/// A provider that serves so many calls at once and refuses the others within ten milliseconds, and callers who together
/// want so many calls under way all the time. Virtual time, and a seed for what differs from call to call.
struct Upstream {
    house: House,
    capacity: u32,
    wanted: u32,
    blame: Blame,
    /// How long a served call takes, about.
    takes: Duration,
    served_now: u32,
    /// Calls under way by their ends.
    under_way: BinaryHeap<Reverse<End>>,
    claims: Vec<Option<Claim>>,
    tally: Tally,
}

/// When a call ends, in microseconds; which it is, and whether it is served.
type End = (u128, usize, bool);

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Tally {
    served: u32,
    refused: u32,
    most: u32,
}

impl Upstream {
    fn new(capacity: u32, wanted: u32, seed: u64) -> Self {
        Self {
            house: House::even(Strategy::Adaptive, 3, seed),
            capacity,
            wanted,
            blame: Blame::Provider,
            takes: SECOND,
            served_now: 0,
            under_way: BinaryHeap::new(),
            claims: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// What happens within a length of time. Who waits looks whenever a call ends, and every 50 ms.
    fn run(&mut self, length: Duration) -> Tally {
        self.tally = Tally::default();
        let end = (self.house.now.monotonic + length).as_micros();
        while self.house.now.monotonic.as_micros() < end {
            self.send();
            let look = (self.house.now.monotonic + Duration::from_millis(50)).as_micros().min(end);
            let next = self.under_way.peek().copied().filter(|next| next.0.0 <= look);
            self.pass_until(next.map_or(look, |next| next.0.0));
            if let Some(Reverse((_, call, is_served))) = next {
                self.under_way.pop();
                self.finish(call, is_served);
            }
        }
        self.tally
    }

    fn pass_until(&mut self, micros: u128) {
        let left = Duration::from_micros(u64::try_from(micros).unwrap()).saturating_sub(self.house.now.monotonic);
        self.house.advance(left);
    }

    /// Who wants a call and can have one begins it.
    fn send(&mut self) {
        while u32::try_from(self.under_way.len()).unwrap() < self.wanted {
            let Ok(claim) = self.house.try_choose(&Ask::new(MODEL)) else { break };
            let is_served = self.served_now < self.capacity;
            self.served_now += u32::from(is_served);
            let takes = if is_served {
                let spread = self.house.draw.below(1_000);
                self.takes / 2 + self.takes * u32::try_from(spread).unwrap() / 1_000
            } else {
                Duration::from_millis(1 + self.house.draw.below(10))
            };
            let at = (self.house.now.monotonic + takes).as_micros();
            self.under_way.push(Reverse((at, self.claims.len(), is_served)));
            self.claims.push(Some(claim));
        }
        self.tally.most = self.tally.most.max(u32::try_from(self.under_way.len()).unwrap());
    }

    fn finish(&mut self, call: usize, is_served: bool) {
        let claim = self.claims[call].take().unwrap();
        if is_served {
            self.served_now -= 1;
            self.tally.served += 1;
            claim.report(&succeeded(Duration::from_millis(300)), self.house.now);
        } else {
            self.tally.refused += 1;
            claim.report(&failed(&busy(self.blame)), self.house.now);
        }
    }

    fn limit(&self) -> Option<u32> {
        let view = self.house.pool.provider_view(self.house.now);
        let of_model = view.models.iter().find(|model| model.model == MODEL).and_then(|model| model.at_once);
        if self.blame == Blame::Model { of_model } else { view.at_once }
    }
}

#[test]
fn l05_it_finds_what_the_upstream_takes_and_stays_there() {
    let few = SEEDS.map(|seed| (seed, 20, 100, Blame::Provider));
    let fewer = SEEDS.map(|seed| (seed, 7, 50, Blame::Provider));
    let of_model = SEEDS.map(|seed| (seed, 20, 30, Blame::Model));
    let many = [(1, 300, 1_000, Blame::Provider)];
    for (seed, capacity, wanted, blame) in few.into_iter().chain(fewer).chain(of_model).chain(many) {
        let mut upstream = Upstream { blame, ..Upstream::new(capacity, wanted, seed) };
        let first = upstream.run(Duration::from_secs(30));
        let then = upstream.run(Duration::from_mins(5));
        let said = format!("seed {seed}, {capacity} of {wanted}, {blame:?}: {first:?}, then {then:?}");
        // A call takes a second on average. Nine tenths of a large number are further away than of a small one.
        let percent = if capacity > 100 { 90 } else { 95 };
        assert!(then.served * 100 >= capacity * 300 * percent, "less than {percent} % of what it can do: {said}");
        assert!(then.refused * 50 <= then.served, "more than 2 % are refused: {said}");
        assert!(first.refused <= wanted, "{said}");
        assert!(upstream.limit().is_some_and(|limit| limit <= capacity + capacity / 50 + 1), "{said}");
    }
}

#[test]
fn l05_calls_of_minutes_are_learned_from_as_well() {
    for seed in SEEDS {
        let mut upstream = Upstream { takes: Duration::from_secs(40), ..Upstream::new(20, 100, seed) };
        upstream.run(Duration::from_mins(10));
        let then = upstream.run(Duration::from_hours(2));
        assert!(then.served * 100 >= 20 * 180 * 95 && then.refused * 50 <= then.served, "seed {seed}: {then:?}");
    }
}

#[test]
fn l05_an_upstream_that_takes_less_is_sent_less_and_one_that_healed_gets_all_again() {
    for seed in SEEDS {
        let mut upstream = Upstream::new(100, 400, seed);
        upstream.house.pool.set_concurrency(Concurrency::UpTo(200));
        upstream.run(Duration::from_mins(1));
        upstream.capacity = 25;
        upstream.run(Duration::from_secs(20));
        let less = upstream.run(Duration::from_mins(1));
        assert!(less.most <= 30 && less.served * 10 >= 25 * 60 * 9, "seed {seed}: {less:?}");
        upstream.capacity = 1_000;
        let healing = upstream.run(Duration::from_mins(1));
        assert_eq!((upstream.limit(), healing.refused), (Some(200), 0), "seed {seed}: {healing:?}");
        let healed = upstream.run(Duration::from_mins(1));
        assert_eq!((healed.most, healed.refused), (200, 0), "seed {seed}");
        assert!(healed.served > 200 * 57, "seed {seed}: {healed:?}");
    }
}

#[test]
fn l05_an_outage_leaves_the_limit_where_it_was() {
    let mut upstream = Upstream::new(1_000, 200, 3);
    upstream.run(Duration::from_secs(10));
    upstream.capacity = 0;
    upstream.run(Duration::from_mins(5));
    upstream.capacity = 1_000;
    // What its circuit has doubled its rest to is over.
    upstream.run(Duration::from_secs(75));
    let healed = upstream.run(Duration::from_secs(10));
    assert!(healed.most >= 150 && healed.refused == 0, "{healed:?}");
}

#[test]
fn l05_a_healthy_provider_is_never_limited() {
    let mut upstream = Upstream::new(u32::MAX, 500, 5);
    while upstream.claims.len() < 10_000 {
        let tally = upstream.run(SECOND);
        assert_eq!((tally.refused, tally.most, upstream.limit()), (0, 500, None));
    }
    // Nor is one that refuses a call in two hundred for no reason.
    let mut house = House::even(Strategy::Adaptive, 3, 5);
    for call in 0..10_000 {
        let claims: Vec<_> =
            (0..if call % 100 == 0 { 60 } else { 3 }).map(|_| house.choose(&Ask::new(MODEL))).collect();
        for (at, claim) in claims.into_iter().enumerate() {
            let outcome = if call % 67 == 0 && at == 0 { failed(&REFUSED) } else { succeeded(SECOND) };
            claim.report(&outcome, house.now);
        }
        house.advance(Duration::from_millis(50));
        assert_eq!(house.pool.provider_view(house.now).at_once, None, "call {call}");
    }
}

static REFUSED: std::sync::LazyLock<Judgement> = std::sync::LazyLock::new(|| busy(Blame::Provider));

/// So many at once, all of them refused but those that are kept.
fn burst(house: &mut House, calls: usize, kept: usize, judgement: &Judgement) -> Vec<Claim> {
    let ask = Ask { is_alone: true, ..Ask::new(MODEL) };
    let mut claims: Vec<_> = (0..calls).map(|_| house.choose(&ask)).collect();
    let refused = claims.split_off(kept);
    house.advance(Duration::from_millis(10));
    for claim in refused {
        claim.report(&failed(judgement), house.now);
    }
    claims
}

#[test]
fn l05_one_burst_counts_once_and_the_calls_beyond_are_told_why() {
    let mut house = House::even(Strategy::Adaptive, 2, 3);
    let mut kept = burst(&mut house, 50, 20, &busy(Blame::Provider));
    let ask = Ask { is_alone: true, ..Ask::new(MODEL) };
    assert_eq!(house.pool.provider_view(house.now).at_once, Some(20), "as many as are left");
    kept.pop().unwrap().report(&succeeded(SECOND), house.now);
    assert_eq!(house.pool.provider_view(house.now).at_once, Some(18), "nine tenths of those at its last refusal");
    let nothing = house.try_choose(&ask).unwrap_err();
    assert_eq!((nothing.whole.clone(), nothing.back), (Some(Why::ProviderFull), Some(house.now.wall)));
    assert!(nothing.to_string().contains("as many calls are under way at the provider"), "{nothing}");
    assert_eq!(house.pool.full(MODEL, house.now), Some(Why::ProviderFull));
    let rows = house.pool.explain(&ask, house.now);
    assert!(rows.iter().all(|row| row.choice == Choice::Skipped && row.why == Some(Why::ProviderFull)), "{rows:?}");
    // Nineteen are under way: with two gone there is room for one.
    kept.truncate(17);
    let last = house.choose(&ask);
    assert!(house.try_choose(&ask).is_err());
    last.report(&Outcome::Neutral, house.now);
    drop(kept);
    assert_eq!(house.pool.provider_view(house.now).in_flight, 0);
}

#[test]
fn l05_a_full_model_leaves_the_others_alone() {
    let mut house = House::even(Strategy::Adaptive, 2, 3);
    let kept = burst(&mut house, 50, 20, &busy(Blame::Model));
    let nothing = house.try_choose(&Ask { is_alone: true, ..Ask::new(MODEL) }).unwrap_err();
    assert_eq!(nothing.whole, Some(Why::ModelFull));
    let other = house.choose(&Ask::new("gpt-4o"));
    let view = house.pool.provider_view(house.now);
    assert_eq!((view.at_once, view.in_flight), (None, 21));
    drop((kept, other));
    let view = house.pool.provider_view(house.now);
    assert!(view.in_flight == 0 && view.models.iter().all(|model| model.in_flight == 0), "{view:?}");
}

#[test]
fn l05_what_is_a_keys_or_a_requests_fault_or_says_nothing_of_load_is_no_sign() {
    let signs = [
        (Blame::Provider, Trouble::Overloaded, true),
        (Blame::Provider, Trouble::RateLimited, true),
        (Blame::Network, Trouble::TimedOut, true),
        (Blame::Network, Trouble::NotAnswered, false),
        (Blame::Provider, Trouble::Failed, false),
        (Blame::Key, Trouble::RateLimited, false),
        (Blame::Account, Trouble::RateLimited, false),
        (Blame::ModelOnKey, Trouble::RateLimited, false),
        (Blame::Request, Trouble::Overloaded, false),
    ];
    for (blame, trouble, is_sign) in signs {
        let mut house = House::even(Strategy::Adaptive, 100, 3);
        drop(burst(&mut house, 50, 20, &judged(blame, Lasts::Moment, trouble)));
        let is_limited = house.pool.provider_view(house.now).at_once.is_some();
        assert_eq!(is_limited, is_sign, "{blame:?} {trouble:?}");
    }
    // What it had begun to answer it had room for.
    let mut house = House::even(Strategy::Adaptive, 100, 3);
    let mut claims: Vec<_> = (0..50).map(|_| house.choose(&Ask::new(MODEL))).collect();
    let cause = crate::house::cause(200);
    for claim in &mut claims {
        claim.first_content(SECOND, &cause, house.now);
    }
    let silent = judged(Blame::Network, Lasts::Moment, Trouble::TimedOut);
    for claim in claims {
        claim.report(&failed(&silent), house.now);
    }
    assert_eq!(house.pool.provider_view(house.now).at_once, None);
}

#[test]
fn l05_a_limit_that_nobody_feels_for_two_minutes_is_forgotten() {
    let mut house = House::even(Strategy::Adaptive, 2, 3);
    drop(burst(&mut house, 50, 20, &busy(Blame::Provider)));
    let at_once = |house: &House| house.pool.provider_view(house.now).at_once;
    assert_eq!(at_once(&house), Some(20));
    let ask = Ask { is_alone: true, ..Ask::new(MODEL) };
    // As long as it holds calls back it stays.
    let mut held: Vec<_> = (0..20).map(|_| house.choose(&ask)).collect();
    for _ in 0..5 {
        house.advance(Duration::from_secs(110));
        assert!(house.try_choose(&ask).is_err());
    }
    house.advance(Duration::from_secs(121));
    assert_eq!(at_once(&house), None);
    held.extend((0..200).map(|_| house.choose(&ask)));
    held.pop().unwrap().report(&succeeded(SECOND), house.now);
    assert_eq!(at_once(&house), None);
}

#[test]
fn l05_it_can_be_switched_off_and_has_a_ceiling() {
    let mut house = House::even(Strategy::Adaptive, 2, 3);
    let at_once = |house: &House| house.pool.provider_view(house.now).at_once;
    drop(burst(&mut house, 50, 20, &busy(Blame::Provider)));
    house.pool.set_concurrency(Concurrency::Off);
    assert_eq!(at_once(&house), None);
    drop(burst(&mut house, 50, 20, &busy(Blame::Provider)));
    drop(burst(&mut house, 50, 20, &busy(Blame::Model)));
    assert_eq!(at_once(&house), None);
    house.pool.set_concurrency(Concurrency::UpTo(30));
    assert_eq!(at_once(&house), Some(30));
    let ask = Ask { is_alone: true, ..Ask::new(MODEL) };
    let held: Vec<_> = (0..40).map_while(|_| house.try_choose(&ask).ok()).collect();
    assert_eq!(held.len(), 30);
    drop(held);
    drop(burst(&mut house, 30, 20, &busy(Blame::Provider)));
    assert_eq!(at_once(&house), Some(20));
    // Set anew by a change of the configuration, it says what it said, and what was learned stays.
    house.pool.set_concurrency(Concurrency::UpTo(30));
    assert_eq!(at_once(&house), Some(20));
    house.pool.set_concurrency(Concurrency::UpTo(2));
    assert_eq!(at_once(&house), Some(2));
    house.pool.set_concurrency(Concurrency::Adaptive);
    assert_eq!(at_once(&house), Some(20));
    house.registry.clear_provider(crate::house::PROVIDER, house.now);
    assert_eq!(at_once(&house), None);
}

#[test]
fn l05_never_more_than_the_ceiling_whatever_threads_do() {
    const CEILING: u32 = 12;
    for seed in SEEDS {
        let house = House::even(Strategy::Adaptive, 3, seed);
        house.pool.set_concurrency(Concurrency::UpTo(CEILING));
        let (now_in, most) = (AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (house, now_in, most) = (&house, &now_in, &most);
                scope.spawn(move || at_random(house, seed * 10 + thread, (now_in, most)));
            }
        });
        let (view, most) = (house.pool.provider_view(house.now), most.load(Ordering::SeqCst));
        assert_eq!(view.in_flight, 0, "seed {seed}");
        assert!(view.models.iter().all(|model| model.in_flight == 0), "seed {seed}: {view:?}");
        assert!((4..=CEILING).contains(&most), "seed {seed}: {most} at once");
    }
}

/// One thread's calls, which end in any way.
fn at_random(house: &House, seed: u64, (now_in, most): (&AtomicU32, &AtomicU32)) {
    let mut draw = Draw::seeded(seed);
    let mut held: Vec<Claim> = Vec::new();
    let judgements =
        [busy(Blame::Provider), busy(Blame::Model), judged(Blame::Network, Lasts::Moment, Trouble::TimedOut)];
    for call in 0..20_000 {
        let now = house.now.plus(Duration::from_millis(call));
        let models = [MODEL, "gpt-4o", "made-up"];
        let ask = Ask { is_alone: true, ..Ask::new(models[usize::try_from(draw.below(3)).unwrap()]) };
        if let Ok(claim) = house.pool.choose(&ask, now, &mut draw) {
            most.fetch_max(now_in.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            held.push(claim);
        }
        if held.len() > 5 || (!held.is_empty() && draw.below(2) == 0) {
            let claim = held.swap_remove(usize::try_from(draw.below(u64::try_from(held.len()).unwrap())).unwrap());
            now_in.fetch_sub(1, Ordering::SeqCst);
            end(claim, &mut draw, now, &judgements);
        }
    }
    now_in.fetch_sub(u32::try_from(held.len()).unwrap(), Ordering::SeqCst);
}

fn end(claim: Claim, draw: &mut Draw, now: Moment, judgements: &[Judgement]) {
    match draw.below(12) {
        0 => drop(claim),
        1 => claim.report(&Outcome::Neutral, now),
        2 => claim.abandon(5, keyward_domain::money::Nanodollars(7)),
        3 => {
            // A panic on the way of a call.
            let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
                let _held = claim;
                std::panic::resume_unwind(Box::new("unwinding"));
            }));
            assert!(unwound.is_err());
        }
        4..=6 => {
            let which = usize::try_from(draw.below(u64::try_from(judgements.len()).unwrap())).unwrap();
            claim.report(&failed(&judgements[which]), now);
        }
        _ => claim.report(&succeeded(Duration::from_millis(draw.below(300))), now),
    }
}
