//! M01 under a scheduler that decides, lock by lock, which thread goes on. The book is mounted here with that scheduler's
//! locks in the place of the real ones. A schedule that fails is printed by the scheduler, with what replays it.

#[expect(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "the book's own sources: not all of them are needed here"
)]
#[path = "../../../src/book/mod.rs"]
mod scheduled;

use std::sync::Arc;

use keyward_domain::budget::Budget;
use keyward_domain::money::Nanodollars;
use keyward_domain::scope::{Reach, Scope, ScopeKind};
use scheduled::{Ask, Book, Budgets, Hold};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner};

use super::world::{CENT, Call, Ledger, NOON, TENANT, attempt, budget, one};

/// The schedules of a test follow from this and nothing else.
const SEED: u64 = 0x6b65_7977_6172_6401;

/// Runs it under many schedules: random ones, and ones that look for bugs which need few well-placed switches.
fn schedules(random: usize, placed: usize, test: fn()) {
    run(RandomScheduler::new_from_seed(SEED, random), test);
    run(PctScheduler::new_from_seed(SEED, 3, placed), test);
}

fn run(scheduler: impl Scheduler + 'static, test: fn()) {
    let mut config = Config::new();
    config.stack_size = 0x2_0000;
    Runner::new(scheduler, config).run(test);
}

fn open(budgets: &[Budget]) -> (Arc<Book>, Arc<Budgets>) {
    let (book, budgets) = (Arc::new(Book::new()), Arc::new(Budgets::new(budgets)));
    for filling in book.unfilled(&budgets, NOON) {
        filling.fill(&[]);
    }
    (book, budgets)
}

fn hold(book: &Arc<Book>, budgets: &Budgets, call: &Call, number: u128, amount: i64) -> Option<Hold> {
    let scopes = call.scopes();
    let (at, amount, attempt) = (call.at, Nanodollars(amount), attempt(number));
    book.hold(budgets, &Ask { tenant: TENANT, scopes: &scopes, at, amount, attempt }).ok()
}

/// 50 threads ask for 2 cents each of budgets of 10 cents; whoever looks sees at most that in use.
fn race(budgets: &[Budget], watched: &Scope) {
    let (book, index) = open(budgets);
    let budgets = Arc::new(budgets.to_vec());
    let ask = |number: u128| {
        let (book, index, budgets, watched) =
            (Arc::clone(&book), Arc::clone(&index), Arc::clone(&budgets), watched.clone());
        shuttle::thread::spawn(move || {
            let held = hold(&book, &index, &Call::of("never seen"), number, 2 * CENT);
            for budget in &*budgets {
                let view = book.view(budget, &watched, NOON);
                assert!(view.spent + view.reserved <= Nanodollars(10 * CENT), "{view:?}");
            }
            held
        })
    };
    let threads: Vec<_> = (0..50).map(ask).collect();
    let admitted = threads.into_iter().filter_map(|thread| thread.join().expect("the thread ends well")).count();
    assert_eq!(admitted, 5);
}

#[test]
fn m01_fifty_calls_race_for_a_budget_for_five() {
    schedules(1_000, 500, || race(&[one(1, Scope::Global, 10 * CENT)], &Scope::Global));
}

#[test]
fn m01_fifty_calls_of_a_never_seen_end_user_race_for_a_budget_for_five() {
    schedules(1_000, 500, || {
        let user = Scope::EndUser(TENANT, "never seen".into());
        race(&[budget(1, Reach::Each(ScopeKind::EndUser), 10 * CENT)], &user);
    });
}

/// Calls that end in every way at once, with rows on the way: nothing is ever above the limit, nothing is left over.
#[test]
fn m01_holds_that_come_and_go_never_exceed_the_budget_and_leave_nothing() {
    schedules(1_000, 500, || {
        let all = [one(1, Scope::Global, 10 * CENT), budget(2, Reach::Each(ScopeKind::Tag), 8 * CENT)];
        let (book, budgets) = open(&all);
        let work = |number: u128| {
            let (book, budgets) = (Arc::clone(&book), Arc::clone(&budgets));
            shuttle::thread::spawn(move || {
                let call = Call::at(NOON);
                let Some(mut held) = hold(&book, &budgets, &call, number, 2 * CENT) else { return 0 };
                let scopes = call.scopes();
                match number % 4 {
                    0 => held.settle(Some(Nanodollars(CENT))),
                    1 => {
                        let _ = held.grow(Nanodollars(CENT));
                        held.settle(Some(Nanodollars(CENT)));
                    }
                    2 => {
                        let (at, amount, attempt) = (NOON, Nanodollars(3 * CENT), attempt(number + 100));
                        let ask = Ask { tenant: TENANT, scopes: &scopes, at, amount, attempt };
                        match held.exchange(&book, &budgets, &ask) {
                            Ok(held) => held.release(),
                            Err(kept) => kept.1.release(),
                        }
                        return 0;
                    }
                    _ => drop(held),
                }
                book.projected([&call.row(number, Some(CENT))]);
                CENT
            })
        };
        let threads: Vec<_> = (0..8).map(work).collect();
        let watcher = {
            let (book, global) = (Arc::clone(&book), all[0].clone());
            shuttle::thread::spawn(move || {
                for _ in 0..4 {
                    let view = book.view(&global, &Scope::Global, NOON);
                    assert!(view.spent + view.reserved <= view.limit, "{view:?}");
                }
            })
        };
        let spent: i64 = threads.into_iter().map(|thread| thread.join().expect("the thread ends well")).sum();
        watcher.join().expect("the thread ends well");
        let view = book.view(&all[0], &Scope::Global, NOON);
        assert_eq!((view.spent, view.reserved, book.pending()), (Nanodollars(spent), Nanodollars(0), 0));
    });
}

/// Scopes are forgotten to make room while others are about to hold something in them.
#[test]
fn m01_making_room_for_scopes_loses_no_hold() {
    schedules(1_000, 500, || {
        let each = budget(1, Reach::Each(ScopeKind::EndUser), 10 * CENT);
        let budgets = Arc::new(Budgets::new(std::slice::from_ref(&each)));
        let book = Arc::new(Book::with_room_for(1));
        for filling in book.unfilled(&budgets, NOON) {
            filling.fill(&[]);
        }
        hold(&book, &budgets, &Call::of("eva"), 1, CENT).unwrap().release();
        let ask = |user: &'static str, number: u128| {
            let (book, budgets) = (Arc::clone(&book), Arc::clone(&budgets));
            shuttle::thread::spawn(move || hold(&book, &budgets, &Call::of(user), number, 6 * CENT))
        };
        let threads = [ask("eva", 2), ask("max", 3), ask("eva", 4)];
        let held: Vec<_> =
            threads.into_iter().filter_map(|thread| thread.join().expect("the thread ends well")).collect();
        let reserved: i64 = book.views(&each, NOON).iter().map(|view| view.reserved.0).sum();
        assert_eq!(i64::try_from(held.len()).unwrap() * 6 * CENT, reserved);
        assert_eq!(held.len(), 1, "one of them: there is room for one, and it can pay once");
        held.into_iter().for_each(Hold::release);
        assert!(book.views(&each, NOON).is_empty());
    });
}

/// A row that nothing was held for comes while its scope is being forgotten: what it cost is not forgotten with it.
#[test]
fn m01_making_room_for_scopes_loses_no_row() {
    schedules(1_000, 500, || {
        let each = budget(1, Reach::Each(ScopeKind::EndUser), 10 * CENT);
        let budgets = Arc::new(Budgets::new(std::slice::from_ref(&each)));
        let book = Arc::new(Book::with_room_for(1));
        for filling in book.unfilled(&budgets, NOON) {
            filling.fill(&[]);
        }
        if let Some(held) = hold(&book, &budgets, &Call::of("eva"), 1, CENT) {
            held.release();
        }
        let row = {
            let book = Arc::clone(&book);
            shuttle::thread::spawn(move || book.projected([&Call::of("eva").row(2, Some(6 * CENT))]))
        };
        let other = {
            let (book, budgets) = (Arc::clone(&book), Arc::clone(&budgets));
            shuttle::thread::spawn(move || hold(&book, &budgets, &Call::of("max"), 3, CENT).map(Hold::release))
        };
        row.join().expect("the thread ends well");
        let _ = other.join().expect("the thread ends well");
        let later = Call { at: NOON.plus(std::time::Duration::from_mins(20)), ..Call::of("eva") };
        assert!(hold(&book, &budgets, &later, 4, 5 * CENT).is_none(), "6 of 10 cents are spent");
    });
}

/// What a scope has spent is read while it is being forgotten.
#[test]
fn m01_making_room_for_scopes_loses_nothing_that_is_read() {
    schedules(1_000, 500, || {
        let each = budget(1, Reach::Each(ScopeKind::EndUser), 10 * CENT);
        let budgets = Arc::new(Budgets::new(std::slice::from_ref(&each)));
        let book = Arc::new(Book::with_room_for(1));
        let filling = book.unfilled(&budgets, NOON).remove(0);
        let ledger = Ledger { rows: vec![Call::of("eva").row(2, Some(6 * CENT))] };
        let rows = ledger.spend(&filling.query());
        let ask = |user: &'static str, number: u128| {
            let (book, budgets) = (Arc::clone(&book), Arc::clone(&budgets));
            shuttle::thread::spawn(move || hold(&book, &budgets, &Call::of(user), number, CENT).map(Hold::release))
        };
        let reading = shuttle::thread::spawn(move || filling.fill(&rows));
        for thread in [ask("eva", 1), ask("max", 2)] {
            let _ = thread.join().expect("the thread ends well");
        }
        reading.join().expect("the thread ends well");
        let later = Call { at: NOON.plus(std::time::Duration::from_mins(20)), ..Call::of("eva") };
        assert!(hold(&book, &budgets, &later, 4, 5 * CENT).is_none(), "6 of 10 cents are spent");
    });
}

/// Scopes come in any order, and exchanges touch the old balances and the new ones: nobody waits for each other.
#[test]
fn m03_calls_that_name_their_scopes_in_opposite_orders_do_not_block_each_other() {
    schedules(1_000, 500, || {
        let scopes = Call::at(NOON).scopes();
        let all: Vec<_> =
            scopes.iter().cloned().zip(1..).map(|(scope, number)| one(number, scope, 10 * CENT)).collect();
        let (book, budgets) = open(&all);
        let work = |number: u128| {
            let (book, budgets, mut scopes) = (Arc::clone(&book), Arc::clone(&budgets), scopes.clone());
            shuttle::thread::spawn(move || {
                let (at, amount) = (NOON, Nanodollars(CENT));
                if number.is_multiple_of(2) {
                    scopes.reverse();
                }
                let (first, second) = scopes.split_at(scopes.len() / 2);
                let ask = |scopes, number| Ask { tenant: TENANT, scopes, at, amount, attempt: attempt(number) };
                let held = book.hold(&budgets, &ask(first, number)).ok();
                let held = held.and_then(|held| held.exchange(&book, &budgets, &ask(second, number + 10)).ok());
                held.and_then(|held| held.exchange(&book, &budgets, &ask(&scopes, number + 20)).ok()).map(Hold::release)
            })
        };
        let threads: Vec<_> = (1..4).map(work).collect();
        let done = threads.into_iter().filter_map(|thread| thread.join().expect("the thread ends well")).count();
        assert_eq!((done, book.pending()), (3, 0));
    });
}
