//! What money costs a call: held before it is sent and settled after it, in six balances at once. The promise is well
//! below 3 microseconds for both.
//!
//! `cargo bench -p keyward-limit --bench book` prints times and allocations.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use divan::{AllocProfiler, Bencher, black_box};
use keyward_domain::budget::{Budget, BudgetKind, HoldMode, Mode};
use keyward_domain::ids::{BudgetId, CredentialId, ProviderId, RequestId, TeamId, TenantId, UserId};
use keyward_domain::ledger::AttemptId;
use keyward_domain::money::Nanodollars;
use keyward_domain::principal::Realm;
use keyward_domain::scope::{Reach, Scope, ScopeKind};
use keyward_domain::time::Timestamp;
use keyward_domain::token::TokenId;
use keyward_domain::window::{Period, Windows, Zone};
use keyward_limit::book::{Ask, Book, Budgets};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const TENANT: TenantId = TenantId::from_bits(1);
const NOON: Timestamp = Timestamp::from_unix_millis(1_795_176_000_000);

fn main() {
    divan::main();
}

/// A book with a budget on each of six scopes of a call, with windows of every sort, and a call that touches ten.
struct World {
    book: Arc<Book>,
    budgets: Budgets,
    scopes: Vec<Scope>,
    calls: AtomicU64,
}

impl World {
    fn new() -> Self {
        let scopes = vec![
            Scope::Global,
            Scope::Tenant(TENANT),
            Scope::Team(TeamId::from_bits(2)),
            Scope::User(UserId::from_bits(3)),
            Scope::EndUser(TENANT, "a customer of a customer".into()),
            Scope::VirtualKey(TokenId::from_bits(4)),
            Scope::Tag(TENANT, "blue".into()),
            Scope::Provider(ProviderId::from_bits(5)),
            Scope::Credential(CredentialId::from_bits(6)),
            Scope::Model(TENANT, "north/small".into()),
        ];
        let one = |index: usize| scopes.get(index).cloned().map_or(Reach::Each(ScopeKind::Global), Reach::One);
        let all = [
            budget(1, one(0), Period::Month { starts: 1 }),
            budget(2, one(1), Period::Day),
            budget(3, one(2), Period::Week { starts: keyward_domain::window::WeekStart::Monday }),
            budget(4, Reach::Each(ScopeKind::EndUser), Period::Day),
            budget(5, one(5), Period::Rolling { seconds: 30 * 86_400 }),
            budget(6, one(8), Period::Hour),
        ];
        let (book, budgets) = (Arc::new(Book::new()), Budgets::new(&all));
        for filling in book.unfilled(&budgets, NOON) {
            filling.fill(&[]);
        }
        Self { book, budgets, scopes, calls: AtomicU64::new(0) }
    }

    fn hold_and_settle(&self) -> bool {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let attempt = AttemptId { request: RequestId::from_bits(u128::from(number)), number: 1 };
        let (at, amount) = (NOON, Nanodollars(20_000_000));
        let ask = Ask { tenant: TENANT, scopes: &self.scopes, at, amount, attempt };
        // Settled at nothing, so that the bench needs no rows.
        self.book.hold(&self.budgets, &ask).map(|hold| hold.settle(Some(Nanodollars::ZERO))).is_ok()
    }
}

fn budget(number: u128, reach: Reach, period: Period) -> Budget {
    let zone = "Europe/Berlin".parse::<Zone>().unwrap_or_default();
    Budget {
        id: BudgetId::from_bits(number),
        tenant: TENANT,
        set_by: Realm::Installation,
        reach,
        amount: Nanodollars(1_000_000_000_000_000),
        windows: Windows { period, zone },
        kind: BudgetKind::Hard,
        mode: Mode::Enforce,
        hold: HoldMode::Adaptive,
        alert_at: vec![800, 1_000],
        top_ups: Vec::new(),
        created_at: NOON,
        revision: 1,
    }
}

/// One thread.
#[divan::bench]
fn hold_and_settle(bencher: Bencher<'_, '_>) {
    let world = World::new();
    assert!(world.hold_and_settle(), "it fits");
    bencher.bench_local(|| world.hold_and_settle());
}

/// Several at once, all on the same balances.
#[divan::bench(threads = [2, 4])]
fn hold_and_settle_together(bencher: Bencher<'_, '_>) {
    let world = World::new();
    bencher.bench(|| world.hold_and_settle());
}

/// The first hold is exchanged for the attempt's own.
#[divan::bench]
fn hold_exchange_and_settle(bencher: Bencher<'_, '_>) {
    let world = World::new();
    bencher.bench_local(|| {
        let attempt = AttemptId { request: RequestId::from_bits(1), number: 1 };
        let (at, amount) = (NOON, Nanodollars(20_000_000));
        let ask = Ask { tenant: TENANT, scopes: &world.scopes, at, amount, attempt };
        let hold = world.book.hold(&world.budgets, &ask).ok()?;
        hold.exchange(&world.book, &world.budgets, &ask).ok()?.release();
        Some(())
    });
}

/// What caps of outputs are lowered to.
#[divan::bench]
fn headroom(bencher: Bencher<'_, '_>) {
    let world = World::new();
    assert!(world.hold_and_settle(), "balances are there");
    bencher.bench_local(|| world.book.headroom(&world.budgets, TENANT, black_box(&world.scopes), NOON));
}
