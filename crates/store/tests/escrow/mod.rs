//! Money that is set aside for nodes, on every store.

mod fleet;
mod node;
mod rules;

use std::time::Duration;

use keyward_domain::escrow::{Ask, Pot};
use keyward_domain::ids::{BudgetId, EscrowId, TenantId};
use keyward_domain::ledger::{Entry, SpendQuery};
use keyward_domain::money::Nanodollars;
use keyward_domain::port::{Escrow, Store};
use keyward_domain::scope::{Scope, ScopeKind};
use keyward_domain::time::Timestamp;
use keyward_domain::window::Window;
use keyward_store::memory::MemoryStore;
use keyward_store::sqlite::SqliteStore;

use crate::support::{Home, ManualClock, START, row};

/// A store that nodes share.
pub trait Shared: Store + Escrow {}

impl<T: Store + Escrow> Shared for T {}

fn on_memory(check: fn(&dyn Shared)) {
    check(&MemoryStore::new());
}

fn on_sqlite(check: fn(&dyn Shared)) {
    let home = Home::new();
    check(&SqliteStore::open(&home.database(), ManualClock::new().as_ref()).unwrap());
}

macro_rules! on_every_store {
    ($($check:ident,)*) => {
        mod memory {
            $(#[test] fn $check() { super::on_memory(super::rules::$check); })*
        }
        mod sqlite {
            $(#[test] fn $check() { super::on_sqlite(super::rules::$check); })*
        }
    };
}

on_every_store! {
    what_is_set_aside_and_what_is_spent_never_exceed_the_limit,
    asking_again_gives_the_same,
    what_is_used_is_replaced_as_far_as_money_is_free,
    what_is_given_back_is_free,
    only_the_latest_life_of_a_node_changes_anything,
    what_a_dead_life_held_comes_back_when_it_is_settled_and_over,
    a_chunk_does_not_come_back_by_time_alone,
    windows_that_overlap_share_their_money,
    the_largest_amounts_do_not_overflow,
}

const DAY: Duration = Duration::from_hours(24);

/// The pot of the tests.
fn pot() -> Pot {
    let window = Window { from: START.minus(DAY), until: START.plus(DAY) };
    Pot { budget: BudgetId::from_bits(1), scope: Scope::Tenant(TenantId::DEFAULT), window }
}

fn id(n: u128) -> EscrowId {
    EscrowId::from_bits(n)
}

/// What rows of the pot come to.
fn posted(store: &dyn Shared, pot: &Pot) -> Nanodollars {
    let (since, until) = (pot.window.from, pot.window.until);
    let query = SpendQuery { kind: ScopeKind::Tenant, scope: Some(pot.scope.clone()), since, until };
    store.spend(&query).unwrap().iter().map(|spend| spend.cost).sum()
}

/// The row of call `n`.
fn spent(n: u32, cost: Nanodollars, at: Timestamp) -> Entry {
    let mut entry = row::entry(n);
    entry.subject.at = at;
    Entry { cost: Some(cost), ..entry }
}

fn ask(limit: i64, wanted: i64, least: i64) -> Ask {
    Ask {
        limit: Nanodollars(limit),
        wanted: Nanodollars(wanted),
        least: Nanodollars(least),
        expires_at: START.plus(Duration::from_secs(30)),
    }
}
