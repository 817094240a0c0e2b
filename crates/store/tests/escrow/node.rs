//! A node as a fleet will have it: it sets money aside, spends it alone, has a journal that outlives it, crashes, sleeps.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use keyward_domain::escrow::{Ask, Chunk, Holder};
use keyward_domain::ids::EscrowId;
use keyward_domain::money::Nanodollars;
use keyward_domain::port::EscrowError;
use keyward_domain::time::Timestamp;
use keyward_limit::escrow::{Demand, is_due, wanted};

use super::{Shared, id, pot, spent};
use crate::support::{Random, START};

/// How long a node may begin calls on a chunk without asking again.
pub const LASTS: Duration = Duration::from_secs(30);
const CENT: i64 = 10_000_000;

/// What all nodes share, and what the test knows of them.
pub struct World<'a> {
    pub store: &'a dyn Shared,
    pub limit: Nanodollars,
    pub nodes: u32,
    pub clock: AtomicI64,
    /// What providers bill: calls that ended at their cost, those under way or lost at the most that they can cost.
    pub bill: AtomicI64,
    pub calls: AtomicU32,
    pub refused: AtomicU32,
    /// What the rows in the ledger that were spent of each chunk come to.
    pub rows: Mutex<BTreeMap<EscrowId, i64>>,
}

/// A call: what it costs, or can cost at most while it is under way.
struct Call {
    number: u32,
    cost: Nanodollars,
    began: Timestamp,
    chunk: EscrowId,
}

impl World<'_> {
    pub fn now(&self) -> Timestamp {
        START.plus(Duration::from_millis(self.clock.load(Ordering::SeqCst).unsigned_abs()))
    }

    pub fn pass(&self, time: Duration) {
        self.clock.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

pub struct Node {
    name: String,
    pub random: Random,
    /// `None` while it is dead.
    holder: Option<Holder>,
    chunk: Option<Chunk>,
    begun_with: Nanodollars,
    /// What was spent of the chunk; its rows may still be in the journal.
    spent: Nanodollars,
    /// Calls under way. In the journal too.
    open: Vec<Call>,
    /// Rows that are not in the ledger yet. Outlives the node.
    journal: Vec<Call>,
    asleep: u64,
    asked: u128,
    number: u128,
    left: Nanodollars,
}

impl Node {
    pub fn new(number: u32, seed: u64) -> Self {
        Self {
            name: format!("node-{number}"),
            random: Random::seeded(seed ^ (u64::from(number) << 32)),
            holder: None,
            chunk: None,
            begun_with: Nanodollars::ZERO,
            spent: Nanodollars::ZERO,
            open: Vec::new(),
            journal: Vec::new(),
            asleep: 0,
            asked: 0,
            number: number.into(),
            left: Nanodollars(i64::MAX),
        }
    }

    /// Does something.
    pub fn step(&mut self, world: &World<'_>) {
        if self.asleep > 0 {
            self.asleep -= 1;
            return;
        }
        if self.holder.is_none() {
            if self.random.below(4) == 0 {
                self.start(world);
            }
            return;
        }
        match self.random.below(100) {
            0..50 => self.call(world),
            50..80 => self.finish(world),
            80..88 => self.post(world),
            88..91 => self.settle_earlier(world),
            91..93 => self.crash(),
            93 => self.asleep = self.random.below(60),
            94 => self.give_back(world),
            _ => world.pass(Duration::from_millis(self.random.below(10_000))),
        }
    }

    /// Begins a new life: what the journal holds goes to the ledger, calls that nobody knows the end of at the most that
    /// they can have cost.
    fn start(&mut self, world: &World<'_>) {
        self.holder = Some(world.store.enter(&self.name).unwrap());
        self.journal.append(&mut self.open);
        self.post(world);
        self.settle_earlier(world);
    }

    fn settle_earlier(&self, world: &World<'_>) {
        world.store.settled(self.holder.as_ref().unwrap(), world.now()).unwrap();
    }

    fn crash(&mut self) {
        (self.holder, self.chunk, self.spent) = (None, None, Nanodollars::ZERO);
    }

    fn call(&mut self, world: &World<'_>) {
        let worst = Nanodollars(i64::try_from(self.random.below(40) + 1).unwrap() * CENT);
        if !self.has(worst, world.now()) || is_due(self.begun_with, self.at_hand()) {
            self.fetch(world, worst);
        }
        // The clock may have moved on meanwhile: whoever sleeps here begins a call on a chunk that has expired. It is
        // still set aside, so nothing is lost; with clocks that differ it would be the same.
        if !self.has(worst, world.now()) {
            world.refused.fetch_add(1, Ordering::SeqCst);
            return;
        }
        let bill = world.bill.fetch_add(worst.0, Ordering::SeqCst) + worst.0;
        assert!(bill <= world.limit.0, "{} spent more than there is: {bill} of {}", self.name, world.limit.0);
        let (number, chunk) = (world.calls.fetch_add(1, Ordering::SeqCst), self.chunk.as_ref().unwrap().id);
        self.open.push(Call { number, cost: worst, began: world.now(), chunk });
    }

    fn finish(&mut self, world: &World<'_>) {
        if self.open.is_empty() {
            return;
        }
        let at = usize::try_from(self.random.below(self.open.len() as u64)).unwrap();
        let call = self.open.swap_remove(at);
        let worst = call.cost;
        let cost = Nanodollars(i64::try_from(self.random.below(worst.0.unsigned_abs() + 1)).unwrap());
        world.bill.fetch_sub((worst - cost).0, Ordering::SeqCst);
        self.spent = self.spent + cost;
        self.journal.push(Call { cost, ..call });
    }

    /// Brings the journal's rows to the ledger.
    fn post(&mut self, world: &World<'_>) {
        let rows: Vec<_> = self.journal.iter().map(|call| spent(call.number, call.cost, call.began)).collect();
        if self.random.below(8) == 0 {
            // Nobody knows whether the first try was committed.
            world.store.append(&rows, &[]).unwrap();
        }
        world.store.append(&rows, &[]).unwrap();
        let mut of_chunks = world.rows.lock().unwrap();
        for call in self.journal.drain(..) {
            *of_chunks.entry(call.chunk).or_default() += call.cost.0;
        }
    }

    /// Has enough set aside for a call, and some more, if there is.
    fn fetch(&mut self, world: &World<'_>, worst: Nanodollars) {
        let holder = self.holder.clone().unwrap();
        let demand = Demand {
            limit: world.limit,
            left: self.left,
            nodes: world.nodes,
            spent: Nanodollars(200 * CENT),
            next_call: worst,
        };
        let held: Nanodollars = self.open.iter().map(|call| call.cost).sum();
        let size = wanted(&demand);
        let ask = |more: Nanodollars| Ask {
            limit: world.limit,
            wanted: size + more,
            least: worst + more,
            expires_at: world.now().plus(LASTS),
        };
        let got = if let Some(chunk) = self.chunk.take() {
            self.post(world);
            world.store.renew(&holder, chunk.id, self.spent, &ask(held))
        } else {
            self.asked += 1;
            self.spent = Nanodollars::ZERO;
            let id = id((self.asked << 64) | self.number);
            world.store.set_aside(&holder, id, &pot(), &ask(Nanodollars::ZERO))
        };
        match got {
            Ok(chunk) => {
                self.chunk = Some(chunk);
                self.begun_with = self.at_hand();
                self.left = if self.begun_with < size { Nanodollars::ZERO } else { Nanodollars(i64::MAX) };
            }
            Err(EscrowError::NoRoom(left)) => self.left = left,
            Err(error) => panic!("{}: {error}", self.name),
        }
    }

    /// Gives the chunk back once nothing of it is under way.
    fn give_back(&mut self, world: &World<'_>) {
        if !self.open.is_empty() {
            return;
        }
        self.post(world);
        if let Some(chunk) = self.chunk.take() {
            world.store.give_back(self.holder.as_ref().unwrap(), chunk.id).unwrap();
        }
    }

    fn has(&self, worst: Nanodollars, now: Timestamp) -> bool {
        self.at_hand() >= worst && self.chunk.as_ref().is_some_and(|chunk| now < chunk.expires_at)
    }

    /// What is neither spent of the chunk nor held.
    fn at_hand(&self) -> Nanodollars {
        let amount = self.chunk.as_ref().map_or(Nanodollars::ZERO, |chunk| chunk.amount);
        amount - self.spent - self.open.iter().map(|call| call.cost).sum()
    }

    /// Ends everything in good order.
    pub fn end(&mut self, world: &World<'_>) {
        if self.holder.is_none() {
            self.start(world);
        }
        while !self.open.is_empty() {
            self.finish(world);
        }
        self.give_back(world);
        world.pass(LASTS);
        self.settle_earlier(world);
    }
}
