//! What money is owed, whatever calls cost and whatever counters forget.

use std::sync::Arc;

use keyward_domain::ledger::AttemptId;
use keyward_domain::limit::Meter;
use keyward_domain::money::Nanodollars;
use keyward_domain::scope::Scope;
use keyward_limit::book::{Ask, Book, Budgets};
use keyward_limit::rate::InProcess;

use super::holds::{fill, open};
use super::world::{CENT, NOON, TENANT, attempt, one};
use crate::rate::{Chance, MINUTE, limit, take, tokens};

fn ask(scopes: &[Scope], number: u128, amount: i64) -> Ask<'_> {
    let attempt: AttemptId = attempt(number);
    Ask { tenant: TENANT, scopes, at: NOON, amount: Nanodollars(amount), attempt }
}

/// What a call costs is known when it ends only. Calls that cost more than was held for them may carry a budget over its
/// amount, by what they cost more and by nothing else; where none does, it is never exceeded.
#[test]
fn ob08_a_budget_is_exceeded_by_what_calls_cost_beyond_their_holds_and_by_nothing_else() {
    for (seed, is_truthful) in (1..=40).flat_map(|seed| [(seed, true), (seed, false)]) {
        let mut chance = Chance(seed);
        let budget = one(1, Scope::Global, 10 * CENT);
        let (book, budgets) = open(std::slice::from_ref(&budget));
        let (scopes, mut beyond, mut admitted) = ([Scope::Global], 0, 0);
        let mut open_holds = Vec::new();
        for number in 0..200 {
            let amount = i64::try_from(1 + chance.below(CENT.unsigned_abs())).unwrap();
            if let Ok(hold) = book.hold(&budgets, &ask(&scopes, number, amount)) {
                open_holds.push((hold, amount));
                admitted += 1;
            }
            while !open_holds.is_empty() && chance.below(3) == 0 {
                let at = usize::try_from(chance.below(open_holds.len().try_into().unwrap())).unwrap();
                let (hold, reserved) = open_holds.swap_remove(at);
                let most = if is_truthful { reserved } else { 2 * reserved };
                let cost = i64::try_from(chance.below((most + 1).unsigned_abs())).unwrap();
                beyond += (cost - reserved).max(0);
                hold.settle(Some(Nanodollars(cost)));
            }
            let view = book.view(&budget, &Scope::Global, NOON);
            let over = view.spent + view.reserved - view.limit;
            assert!(over.0 <= beyond, "seed {seed}: {over} over, {beyond} beyond what was held");
        }
        assert!(admitted > 10 && (is_truthful == (beyond == 0)), "seed {seed}");
    }
}

/// Limits are counted where a flush or a restart forgets everything. Money is not among what they count, and a budget
/// refuses after the loss exactly as before.
#[test]
fn ob13_counters_that_forget_everything_change_no_money() {
    let budget = one(1, Scope::Global, 10 * CENT);
    let (book, budgets) = open(std::slice::from_ref(&budget));
    let scopes = [Scope::Global];
    let limits: Vec<_> =
        [Meter::Requests, Meter::Tokens].into_iter().zip(1..).map(|(meter, n)| limit(n, meter, 2)).collect();
    let counters = InProcess::default();
    let spent = book.hold(&budgets, &ask(&scopes, 1, 4 * CENT)).unwrap();
    let _ = take(&counters, &limits, tokens(1, 1), MINUTE).unwrap();
    spent.settle(Some(Nanodollars(4 * CENT)));
    let held = book.hold(&budgets, &ask(&scopes, 2, 5 * CENT)).unwrap();
    assert!(take(&counters, &limits, tokens(2, 2), MINUTE).is_err());
    let before = book.view(&budget, &Scope::Global, NOON);

    // Everything that was counted is gone.
    drop(counters);
    let counters = InProcess::default();
    assert!(take(&counters, &limits, tokens(1, 1), MINUTE).is_ok());
    assert_eq!(book.view(&budget, &Scope::Global, NOON), before);
    let refused = book.hold(&budgets, &ask(&scopes, 3, 2 * CENT)).unwrap_err();
    assert_eq!(refused.why.scope(), Some(&Scope::Global));
    held.settle(Some(Nanodollars(CENT)));
    assert_eq!(book.view(&budget, &Scope::Global, NOON).spent, Nanodollars(5 * CENT));
    assert!(Meter::ALL.iter().all(|meter| !meter.as_str().contains("usd") && !meter.as_str().contains("cost")));
    // Not even a book that knows nothing is asked: it refuses until the ledger has told it.
    let empty = Arc::new(Book::new());
    let unknown = Budgets::new(std::slice::from_ref(&budget));
    assert!(empty.hold(&unknown, &ask(&scopes, 4, 1)).is_err());
    fill(&empty, &unknown, NOON);
    assert!(empty.hold(&unknown, &ask(&scopes, 4, 1)).is_ok());
}
