//! One strategy through the day: calls arrive, attempts end, and the next thing that happens is what is soonest.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use keyward_domain::ids::RequestId;
use keyward_domain::judgement::Judgement;
use keyward_domain::money::Nanodollars;
use keyward_domain::routing::Strategy;
use keyward_domain::standing::Cause;
use keyward_pool::{Claim, Draw, Outcome, Registry, RetryBudget, Settings, Silent};

use super::course::{Course, Pools};
use super::day::{Day, moment};
use super::faults::Faults;
use super::fleet::{Fleet, Provider};
use super::providers::{Good, Providers, Said, Why};
use super::tally::Tally;
use super::traffic::Call;

/// Everything that is the same for all strategies.
pub struct World<'a> {
    pub day: Day,
    pub seed: u64,
    pub calls: &'a [Call],
    pub fleet: &'a Fleet,
    pub faults: &'a Faults,
}

/// What a strategy makes of the day.
pub fn run(world: &World<'_>, strategy: Strategy) -> Tally {
    let mut run = Run::new(world, strategy);
    let mut arrivals = world.calls.iter().peekable();
    loop {
        let soonest = run.due.peek().map(|Reverse(due)| due.at);
        match arrivals.peek() {
            Some(call) if soonest.is_none_or(|at| call.at <= at) => {
                if let Some(call) = arrivals.next() {
                    run.attempt(Walk { call, course: Course::of(call) }, call.at);
                }
            }
            _ => match run.due.pop() {
                Some(Reverse(due)) => run.step(due),
                None => return run.tally,
            },
        }
    }
}

/// A call on its way.
struct Walk<'a> {
    call: &'a Call,
    course: Course,
}

/// Something that is going to happen to a call.
struct Due<'a> {
    at: u64,
    /// Keeps apart what is due at the same time.
    number: u64,
    step: Box<Step<'a>>,
}

enum Step<'a> {
    /// The pause is over.
    Attempt(Walk<'a>),
    /// An attempt failed.
    Failed(Walk<'a>, Claim, Why, Judgement, keyward_domain::quota::Quota),
    /// The first content of a good answer came.
    Begun(Walk<'a>, Claim, Good, keyward_domain::quota::Quota),
    /// The answer ended.
    Ended(&'a Call, Claim, Good),
}

struct Run<'a> {
    registry: Registry,
    pools: Pools,
    retries: RetryBudget,
    draw: Draw,
    providers: Providers<'a>,
    fleet: &'a Fleet,
    /// Accounts that somebody is going to pay for, and when.
    to_be_paid: Vec<(usize, u64)>,
    due: BinaryHeap<Reverse<Due<'a>>>,
    number: u64,
    tally: Tally,
}

impl<'a> Run<'a> {
    fn new(world: &World<'a>, strategy: Strategy) -> Self {
        let registry = Registry::new(Settings::default(), Box::new(Silent));
        let pool =
            |provider: Provider| registry.pool(provider.id(), strategy, world.fleet.members(provider), moment(0));
        let pools = Pools { north: pool(Provider::North), south: pool(Provider::South) };
        let paid = world.faults.unpaid.iter().map(|(account, when)| (*account, when.end));
        Self {
            pools,
            registry,
            retries: RetryBudget::new(),
            draw: Draw::seeded(world.seed ^ 1),
            providers: Providers::new(world.day, world.fleet, world.faults, world.seed),
            fleet: world.fleet,
            to_be_paid: paid.filter(|(_, at)| *at < world.day.length).collect(),
            due: BinaryHeap::new(),
            number: 0,
            tally: Tally::new(strategy, world.fleet.keys.len()),
        }
    }

    /// Chooses a key for the next attempt of a call, and sends it.
    fn attempt(&mut self, mut walk: Walk<'a>, now: u64) {
        self.clear_paid(now);
        let claim = match walk.course.next(&self.pools, walk.call, moment(now), &mut self.draw) {
            Ok(claim) => claim,
            Err(stop) => return self.tally.unserved(walk.call, stop),
        };
        let key = Fleet::place(claim.credential());
        self.tally.sent(key);
        let Some(answer) = self.providers.answer(key, walk.call, walk.course.made(), now) else { return };
        match answer.said {
            Said::Good(good) => {
                self.schedule(now + good.first_content, Step::Begun(walk, claim, good, answer.quota));
            }
            Said::Bad(why, judgement, after) => {
                self.schedule(now + after, Step::Failed(walk, claim, why, judgement, answer.quota));
            }
        }
    }

    fn step(&mut self, due: Due<'a>) {
        let now = due.at;
        match *due.step {
            Step::Attempt(walk) => self.attempt(walk, now),
            Step::Failed(walk, claim, why, judgement, quota) => {
                claim.quota(&quota, moment(now));
                self.failed(walk, claim, why, &judgement, now);
            }
            Step::Begun(walk, mut claim, good, quota) => {
                claim.quota(&quota, moment(now));
                claim.first_content(Duration::from_millis(good.first_content), &cause(200), moment(now));
                self.tally.begun(walk.call, good, now);
                self.schedule(now + walk.call.answering(), Step::Ended(walk.call, claim, good));
            }
            Step::Ended(call, claim, good) => self.ended(call, claim, good, now),
        }
    }

    /// Mirrors the end of an attempt that did not serve: the pool learns, then the call goes on or gives up.
    fn failed(&mut self, mut walk: Walk<'a>, claim: Claim, why: Why, judgement: &Judgement, now: u64) {
        self.tally.wasted(why);
        let (credential, account) = (claim.credential(), claim.account());
        let outcome = Outcome::Failed { judgement, cause: cause(500), tokens: 0, cost: Nanodollars::ZERO };
        claim.report(&outcome, moment(now));
        let pause = walk.course.learn(credential, account, judgement, &mut self.draw);
        match walk.course.may_go_on(&self.retries, moment(now)) {
            Ok(()) if pause.is_zero() => self.attempt(walk, now),
            Ok(()) => {
                let pause = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
                self.schedule(now + pause, Step::Attempt(walk));
            }
            Err(stop) => self.tally.unserved(walk.call, stop),
        }
    }

    fn ended(&mut self, call: &Call, claim: Claim, good: Good, now: u64) {
        let outcome = Outcome::Succeeded {
            first_content: Some(Duration::from_millis(good.first_content)),
            tokens: call.prompt + call.output,
            cost: Nanodollars(good.cost_nanodollars),
            cause: cause(200),
        };
        claim.report(&outcome, moment(now));
        self.retries.deposit(moment(now));
    }

    /// Whoever pays for an account clears its keys, too.
    fn clear_paid(&mut self, now: u64) {
        while let Some((account, _)) = self.to_be_paid.pop_if(|(_, at)| *at <= now) {
            let keys = self.fleet.keys.iter().enumerate().filter(|(_, key)| key.account == account);
            for (place, _) in keys {
                self.registry.clear(Fleet::credential(place), "ada", moment(now));
            }
        }
    }

    fn schedule(&mut self, at: u64, step: Step<'a>) {
        self.number += 1;
        self.due.push(Reverse(Due { at, number: self.number, step: Box::new(step) }));
    }
}

/// Which call says so; nobody looks at it here.
const fn cause(status: u16) -> Cause {
    Cause::Answer { request: RequestId::from_bits(0), status }
}

impl PartialEq for Due<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Due<'_> {}

impl PartialOrd for Due<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}
