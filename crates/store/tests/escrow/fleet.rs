//! Nodes that share a budget, crash, sleep and come back: no more than the budget is ever spent, and all of what is not
//! spent is free in the end.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use keyward_domain::escrow::Chunk;
use keyward_domain::money::Nanodollars;
use keyward_store::memory::MemoryStore;
use keyward_store::sqlite::SqliteStore;

use super::node::{Node, World};
use super::{Shared, ask, id, posted, pot};
use crate::support::{Home, ManualClock, Random};

const NODES: u32 = 5;
const USD: i64 = 1_000_000_000;

fn world(store: &dyn Shared, dollars: i64) -> World<'_> {
    World {
        store,
        limit: Nanodollars(dollars * USD),
        nodes: NODES,
        clock: AtomicI64::new(0),
        bill: AtomicI64::new(0),
        calls: AtomicU32::new(0),
        refused: AtomicU32::new(0),
        rows: Mutex::default(),
    }
}

fn nodes(seed: u64) -> Vec<Node> {
    (1..=NODES).map(|number| Node::new(number, seed)).collect()
}

/// The ledger, and what may still be spent of what is set aside, are within the limit together. A row that is in the ledger
/// and not reported yet counts twice for the store, which errs on the safe side, and once here.
fn check(world: &World<'_>) {
    let rows = world.rows.lock().unwrap();
    let chunks = world.store.chunks(&pot()).unwrap();
    let left = |chunk: &Chunk| chunk.amount.0 - rows.get(&chunk.id).copied().unwrap_or_default();
    let left: i64 = chunks.iter().map(left).sum();
    let posted = posted(world.store, &pot()).0;
    assert!(posted + left <= world.limit.0, "{posted} spent and {left} set aside of {}", world.limit.0);
}

/// Everything comes to its end: the ledger says what providers bill, and the rest is free.
fn check_end(world: &World<'_>, nodes: &mut [Node]) {
    for node in nodes.iter_mut() {
        node.end(world);
    }
    assert_eq!(world.store.chunks(&pot()).unwrap(), []);
    let posted = posted(world.store, &pot());
    assert_eq!(posted.0, world.bill.load(Ordering::SeqCst));
    let rest = world.limit - posted;
    if rest > Nanodollars::ZERO {
        let last = world.store.enter("last").unwrap();
        let all = world.store.set_aside(&last, id(1), &pot(), &ask(world.limit.0, rest.0, rest.0)).unwrap();
        assert_eq!(all.amount, rest, "all of what was not spent");
    }
}

fn one_after_the_other(store: &dyn Shared, seed: u64, dollars: i64, steps: u32) {
    println!("seed {seed}, ${dollars}");
    let world = world(store, dollars);
    let mut nodes = nodes(seed);
    let mut order = Random::seeded(seed);
    for step in 0..steps {
        let next = usize::try_from(order.below(NODES.into())).unwrap();
        nodes[next].step(&world);
        if step % 8 == 0 {
            check(&world);
        }
    }
    check_end(&world, &mut nodes);
    let (calls, refused) = (world.calls.load(Ordering::SeqCst), world.refused.load(Ordering::SeqCst));
    let spent = world.bill.load(Ordering::SeqCst);
    println!("{calls} calls, {refused} refused, {spent} spent");
    assert!(calls > 10 && refused > 10, "the budget is neither out of reach nor out of the way");
    // What is left in the end is less than a few calls: tiny rests are not stuck with nodes that do not need them.
    assert!(world.limit.0 - spent < USD, "{spent} of {} spent", world.limit.0);
}

#[test]
fn f72_ten_thousand_steps_on_sqlite_never_spend_more_than_there_is() {
    let home = Home::new();
    let store = SqliteStore::open(&home.database(), ManualClock::new().as_ref()).unwrap();
    one_after_the_other(&store, 0x5EED, 300, 10_000);
}

#[test]
fn f72_a_hundred_thousand_steps_in_memory_never_spend_more_than_there_is() {
    for (seed, dollars) in (1..=20).zip([2, 10, 50, 100].into_iter().cycle()) {
        one_after_the_other(&MemoryStore::new(), seed, dollars, 5_000);
    }
}

#[test]
fn f72_nodes_that_run_at_once_never_spend_more_than_there_is() {
    let home = Home::new();
    let store = SqliteStore::open(&home.database(), ManualClock::new().as_ref()).unwrap();
    let world = world(&store, 120);
    let mut nodes = nodes(0xF1EE7);
    std::thread::scope(|scope| {
        for node in &mut nodes {
            let world = &world;
            scope.spawn(move || (0..2_400).for_each(|_| node.step(world)));
        }
    });
    check(&world);
    check_end(&world, &mut nodes);
    assert!(world.calls.load(Ordering::SeqCst) > 100);
}
