//! What is held, and what is refused.

use std::sync::Arc;

use keyward_domain::budget::{Budget, BudgetKind, HoldMode, Mode, TopUp};
use keyward_domain::denial::Denial;
use keyward_domain::ids::{BudgetId, CredentialId, TeamId, TenantId};
use keyward_domain::money::Nanodollars;
use keyward_domain::scope::{Reach, Scope, ScopeKind};
use keyward_domain::time::Timestamp;
use keyward_limit::book::{Ask, Book, Budgets, Headroom, Hold, Refused, Why};

use super::world::{CENT, Call, DAY, NOON, TENANT, attempt, budget, one, windows};

/// A book that knows that nothing was spent.
pub(super) fn open(budgets: &[Budget]) -> (Arc<Book>, Budgets) {
    let (book, budgets) = (Arc::new(Book::new()), Budgets::new(budgets));
    fill(&book, &budgets, NOON);
    (book, budgets)
}

pub(super) fn fill(book: &Book, budgets: &Budgets, now: Timestamp) {
    for filling in book.unfilled(budgets, now) {
        filling.fill(&[]);
    }
}

pub(super) fn hold(
    book: &Arc<Book>,
    budgets: &Budgets,
    call: &Call,
    number: u128,
    amount: i64,
) -> Result<Hold, Refused> {
    let scopes = call.scopes();
    let (at, amount, attempt) = (call.at, Nanodollars(amount), attempt(number));
    book.hold(budgets, &Ask { tenant: TENANT, scopes: &scopes, at, amount, attempt })
}

fn every_scope() -> Vec<Budget> {
    let scopes = Call::at(NOON).scopes();
    scopes.into_iter().zip(1..).map(|(scope, number)| one(number, scope, 100 * CENT)).collect()
}

#[test]
fn m03_the_tightest_scope_decides_and_a_refusal_changes_no_balance() {
    let call = Call::at(NOON);
    for tight in 0..every_scope().len() {
        let mut all = every_scope();
        all[tight].amount = Nanodollars(5 * CENT);
        let (book, budgets) = open(&all);
        let held = hold(&book, &budgets, &call, 1, 3 * CENT).unwrap();
        let before: Vec<_> = all.iter().map(|budget| book.views(budget, NOON)).collect();

        let refused = hold(&book, &budgets, &call, 2, 3 * CENT).unwrap_err();

        assert_eq!(refused.why.budget(), Some(all[tight].id));
        assert_eq!(Reach::One(refused.why.scope().unwrap().clone()), all[tight].reach);
        let is_callers = refused.why.scope().unwrap().kind().is_callers();
        assert_eq!(refused.is_callers, is_callers);
        let after: Vec<_> = all.iter().map(|budget| book.views(budget, NOON)).collect();
        assert_eq!(before, after, "a refusal changes nothing");
        assert!(after.iter().all(|views| views[0].reserved == Nanodollars(3 * CENT)));
        held.release();
        assert!(all.iter().all(|budget| book.views(budget, NOON)[0].reserved == Nanodollars(0)));
    }
}

#[test]
fn m03_of_several_that_refuse_the_tightest_is_named() {
    let team = Scope::Team(TeamId::from_bits(2));
    let all = [one(1, Scope::Global, 3 * CENT), one(2, team.clone(), CENT), one(3, Scope::Tenant(TENANT), 2 * CENT)];
    let (book, budgets) = open(&all);
    let refused = hold(&book, &budgets, &Call::at(NOON), 1, 4 * CENT).unwrap_err();
    assert_eq!(refused.why.scope(), Some(&team));
}

#[test]
fn m05_the_number_that_refuses_is_the_number_shown() {
    let all = [one(1, Scope::Tenant(TENANT), 10 * CENT + 7)];
    let (book, budgets) = open(&all);
    let call = Call::at(NOON);
    hold(&book, &budgets, &call, 1, 4 * CENT).unwrap().settle(Some(Nanodollars(3 * CENT + 1)));
    let _open = hold(&book, &budgets, &call, 2, 5 * CENT + 3).unwrap();

    let refused = hold(&book, &budgets, &call, 3, 2 * CENT + 4).unwrap_err();

    let Why::Reached(id, reached) = refused.why else { panic!("{refused:?}") };
    let view = book.view(&all[0], &Scope::Tenant(TENANT), NOON);
    assert_eq!(id, view.budget);
    assert_eq!((reached.limit, reached.spent, reached.reserved), (view.limit, view.spent, view.reserved));
    assert_eq!(reached.spent, Nanodollars(3 * CENT + 1));
    assert_eq!(reached.needed, Nanodollars(2 * CENT + 4));
    assert_eq!(view.left, Nanodollars(2 * CENT + 3));
    assert_eq!(reached.resets_at, view.window.until);
    assert!(hold(&book, &budgets, &call, 3, view.left.0).is_ok(), "what is shown as left is there");
}

#[test]
fn a74_a_thousand_calls_on_a_budget_for_ten() {
    let (book, budgets) = open(&[one(1, Scope::Global, 10 * CENT)]);
    let call = Call::at(NOON);
    let admitted: Vec<_> = std::thread::scope(|threads| {
        let ask = |worker: u128| {
            let (book, budgets, call) = (&book, &budgets, &call);
            threads.spawn(move || {
                (0..125)
                    .filter_map(|turn| hold(book, budgets, call, worker * 125 + turn, CENT).ok())
                    .collect::<Vec<_>>()
            })
        };
        let workers: Vec<_> = (0..8).map(ask).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    assert_eq!(admitted.len(), 10);
    let refused = hold(&book, &budgets, &call, 9_999, CENT).unwrap_err().denial();
    assert_eq!((refused.code(), refused.status()), ("budget_exceeded", 402));
    assert!(matches!(refused, Denial::BudgetExceeded(reached) if reached.resets_at > NOON));
}

#[test]
fn a83_a_limit_of_0_blocks_what_costs_and_the_largest_does_not_overflow() {
    let call = Call::at(NOON);
    let (book, budgets) = open(&[one(1, Scope::Global, 0)]);
    assert!(hold(&book, &budgets, &call, 1, 1).is_err());
    assert!(hold(&book, &budgets, &call, 1, 0).is_ok(), "free models pass");

    let (book, budgets) = open(&[one(1, Scope::Global, 1)]);
    let held = hold(&book, &budgets, &call, 1, 1).unwrap();
    assert!(hold(&book, &budgets, &call, 2, 1).is_err());
    held.release();

    let mut soft = one(2, Scope::Tenant(TENANT), 1);
    soft.kind = BudgetKind::Soft;
    let all = [one(1, Scope::Global, i64::MAX), soft];
    let (book, budgets) = open(&all);
    let held = hold(&book, &budgets, &call, 1, i64::MAX).unwrap();
    assert!(hold(&book, &budgets, &call, 2, i64::MAX).is_err());
    held.settle(Some(Nanodollars(i64::MAX)));
    assert!(hold(&book, &budgets, &call, 3, 1).is_err());
    assert_eq!(book.view(&all[1], &Scope::Tenant(TENANT), NOON).spent, Nanodollars(i64::MAX));
    book.projected([&call.row(1, Some(5))]);
    assert_eq!(book.view(&all[1], &Scope::Tenant(TENANT), NOON).spent, Nanodollars(5), "nothing was cut off");
    assert!(hold(&book, &budgets, &call, 4, i64::MAX - 5).is_ok());
}

#[test]
fn a85_a_scope_that_is_named_twice_is_charged_once() {
    let all = [one(1, Scope::Global, 10 * CENT)];
    let (book, budgets) = open(&all);
    let mut call = Call::at(NOON);
    call.tags = vec!["blue".into(), "blue".into()];
    let tags = budget(2, Reach::Each(ScopeKind::Tag), 100 * CENT);
    let (tagged, with_tags) = open(std::slice::from_ref(&tags));

    let scopes = [Scope::Global, Scope::Tenant(TENANT), Scope::Global];
    let (at, amount) = (NOON, Nanodollars(6 * CENT));
    let ask = Ask { tenant: TENANT, scopes: &scopes, at, amount, attempt: attempt(1) };
    let held = book.hold(&budgets, &ask).unwrap();
    assert_eq!(book.view(&all[0], &Scope::Global, NOON).reserved, amount);
    held.settle(Some(amount));
    assert_eq!(book.view(&all[0], &Scope::Global, NOON).spent, amount);

    hold(&tagged, &with_tags, &call, 1, 6 * CENT).unwrap().settle(Some(amount));
    tagged.projected([&call.row(1, Some(6 * CENT))]);
    let views = tagged.views(&tags, NOON);
    assert_eq!(views.iter().map(|view| view.spent).collect::<Vec<_>>(), [amount]);
}

#[test]
fn a88_a_free_model_takes_nothing_and_leaves_nothing() {
    let each = budget(2, Reach::Each(ScopeKind::EndUser), 0);
    let all = [one(1, Scope::Global, 0), each];
    let (book, budgets) = open(&all);
    let call = Call::at(NOON);
    let mut held = hold(&book, &budgets, &call, 1, 0).unwrap();
    assert_eq!(held.amount(), Nanodollars(0));
    assert_eq!(held.grow(Nanodollars(1)).unwrap_err().why, Why::Unheld);
    held.settle(Some(Nanodollars(0)));
    book.projected([&call.row(1, Some(0))]);
    assert_eq!(book.pending(), 0);
    assert_eq!(book.view(&all[0], &Scope::Global, NOON).spent, Nanodollars(0));
    assert!(book.views(&all[1], NOON).is_empty());
}

#[test]
fn budgets_that_only_tell_are_charged_and_never_refuse() {
    let mut soft = one(1, Scope::Global, CENT);
    soft.kind = BudgetKind::Soft;
    let mut watching = one(2, Scope::Tenant(TENANT), 2 * CENT);
    watching.mode = Mode::Observe;
    let all = [soft, watching];
    let (book, budgets) = open(&all);
    let call = Call::at(NOON);

    let fits = hold(&book, &budgets, &call, 1, 2 * CENT).unwrap();
    assert_eq!(fits.would_refuse(), None);
    let more = hold(&book, &budgets, &call, 2, 1).unwrap();
    let would = more.would_refuse().unwrap();
    assert_eq!(would.why.budget(), Some(BudgetId::from_bits(2)), "a soft budget would not have refused");
    assert!(would.is_callers);
    assert_eq!(book.view(&all[0], &Scope::Global, NOON).reserved, Nanodollars(2 * CENT + 1));
    assert_eq!(book.view(&all[1], &Scope::Tenant(TENANT), NOON).left, Nanodollars(0));
    assert_eq!(book.headroom(&budgets, TENANT, &call.scopes(), NOON), None);
    fits.release();
    more.release();
}

#[test]
fn a_hold_grows_in_all_balances_or_in_none() {
    let all = [one(1, Scope::Global, 10 * CENT), one(2, Scope::Tenant(TENANT), 5 * CENT)];
    let (book, budgets) = open(&all);
    let call = Call::at(NOON);
    let mut held = hold(&book, &budgets, &call, 1, 3 * CENT).unwrap();
    held.grow(Nanodollars(2 * CENT)).unwrap();
    assert_eq!(held.amount(), Nanodollars(5 * CENT));
    let refused = held.grow(Nanodollars(1)).unwrap_err();
    assert_eq!(refused.why.budget(), Some(BudgetId::from_bits(2)));
    assert_eq!(held.amount(), Nanodollars(5 * CENT));
    assert_eq!(book.view(&all[0], &Scope::Global, NOON).reserved, Nanodollars(5 * CENT));
    assert_eq!(book.view(&all[1], &Scope::Tenant(TENANT), NOON).reserved, Nanodollars(5 * CENT));
    held.settle(Some(Nanodollars(4 * CENT)));
    let view = book.view(&all[1], &Scope::Tenant(TENANT), NOON);
    assert_eq!((view.spent, view.reserved), (Nanodollars(4 * CENT), Nanodollars(0)));
}

#[test]
fn an_exchange_gives_back_and_takes_in_one_step() {
    let key = Scope::Credential(CredentialId::from_bits(6));
    let all = [one(1, Scope::Tenant(TENANT), 10 * CENT), one(2, key.clone(), 6 * CENT)];
    let (book, budgets) = open(&all);
    let call = Call::at(NOON);
    let callers: Vec<_> = call.scopes().into_iter().filter(|scope| scope.kind().is_callers()).collect();
    let ask = |amount, number| {
        let (at, amount, attempt) = (NOON, Nanodollars(amount), attempt(number));
        Ask { tenant: TENANT, scopes: &callers, at, amount, attempt }
    };
    let reserved = || {
        let tenant = book.view(&all[0], &Scope::Tenant(TENANT), NOON).reserved.0;
        (tenant / CENT, book.view(&all[1], &key, NOON).reserved.0 / CENT)
    };
    let first = book.hold(&budgets, &ask(8 * CENT, 1)).unwrap();
    assert_eq!(reserved(), (8, 0));

    let scopes = call.scopes();
    let with_key = |amount, number| Ask { scopes: &scopes, ..ask(amount, number) };
    let (refused, first) = *first.exchange(&book, &budgets, &with_key(9 * CENT, 1)).unwrap_err();
    assert!(!refused.is_callers, "another key may do");
    assert_eq!((reserved(), first.amount()), ((8, 0), Nanodollars(8 * CENT)));
    let (refused, first) = *first.exchange(&book, &budgets, &ask(11 * CENT, 1)).unwrap_err();
    assert!(refused.is_callers);
    let Why::Reached(_, reached) = refused.why else { panic!("{refused:?}") };
    assert_eq!(reached.reserved, Nanodollars(8 * CENT), "what is shown at that moment");

    let second = first.exchange(&book, &budgets, &with_key(6 * CENT, 2)).unwrap();
    assert_eq!((reserved(), book.pending()), ((6, 6), 1));
    let third = second.exchange(&book, &budgets, &ask(10 * CENT, 3)).unwrap();
    assert_eq!(reserved(), (10, 0));
    let free = third.exchange(&book, &budgets, &ask(0, 4)).unwrap();
    assert_eq!((reserved(), book.pending()), ((0, 0), 0));
    let last = free.exchange(&book, &budgets, &with_key(CENT, 5)).unwrap();
    assert_eq!(reserved(), (1, 1));
    drop(last);
    assert_eq!(book.view(&all[1], &key, NOON).spent, Nanodollars(CENT), "nobody said what it cost");
    book.projected([&call.row(5, Some(CENT / 2))]);
    assert_eq!(book.view(&all[1], &key, NOON).spent, Nanodollars(CENT / 2));
    assert_eq!(book.pending(), 0);
}

#[test]
fn each_hold_of_an_attempt_ends_what_it_reserved_itself() {
    let all = [one(1, Scope::Global, 20 * CENT)];
    let (book, budgets) = open(&all);
    let call = Call::at(NOON);
    let shown = || {
        let view = book.view(&all[0], &Scope::Global, NOON);
        (view.spent.0 / CENT, view.reserved.0 / CENT)
    };
    let first = hold(&book, &budgets, &call, 1, 3 * CENT).unwrap();
    let mut second = hold(&book, &budgets, &call, 1, 5 * CENT).unwrap();
    let third = hold(&book, &budgets, &call, 1, 7 * CENT).unwrap();
    second.release();
    assert_eq!(shown(), (0, 10));
    third.settle(Some(Nanodollars(CENT)));
    assert_eq!(shown(), (1, 3));

    // Its row is there, and something was held for it once more: what is left of before does not touch that.
    book.projected([&call.row(1, Some(2 * CENT))]);
    second = hold(&book, &budgets, &call, 1, 5 * CENT).unwrap();
    first.settle(Some(Nanodollars(4 * CENT)));
    assert_eq!(shown(), (2, 5));
    second.release();
    assert_eq!((shown(), book.pending()), ((2, 0), 0));
}

#[test]
fn headroom_is_what_the_tightest_budget_that_refuses_has_left() {
    let each = budget(3, Reach::Each(ScopeKind::EndUser), 4 * CENT);
    let mut all = [one(1, Scope::Global, 10 * CENT), one(2, Scope::Tenant(TENANT), 7 * CENT), each];
    let (book, budgets) = open(&all);
    let call = Call::at(NOON);
    let of = |budgets: &Budgets| book.headroom(budgets, TENANT, &call.scopes(), NOON);
    assert_eq!(of(&budgets), Some(Headroom { left: Nanodollars(4 * CENT), is_strict: false }));
    let _held = hold(&book, &budgets, &call, 1, 3 * CENT).unwrap();
    assert_eq!(of(&budgets), Some(Headroom { left: Nanodollars(CENT), is_strict: false }));
    let backwards: Vec<_> = call.scopes().into_iter().rev().collect();
    assert_eq!(book.headroom(&budgets, TENANT, &backwards, NOON), of(&budgets));
    all[0].hold = HoldMode::Strict;
    assert_eq!(of(&Budgets::new(&all)), Some(Headroom { left: Nanodollars(CENT), is_strict: true }));
    assert_eq!(of(&Budgets::default()), None);
    let other = Budgets::new(&[one(9, Scope::Team(TeamId::from_bits(77)), CENT)]);
    assert_eq!(of(&other), None);
}

#[test]
fn a_top_up_counts_up_to_its_end() {
    let mut short = one(1, Scope::Global, CENT);
    let until = Timestamp::from_unix_millis(NOON.unix_millis() + 1);
    short.top_ups = vec![TopUp { amount: Nanodollars(2 * CENT), until }];
    let (book, budgets) = open(std::slice::from_ref(&short));
    let held = hold(&book, &budgets, &Call::at(NOON), 1, 3 * CENT).unwrap();
    held.release();
    assert!(hold(&book, &budgets, &Call::at(until), 1, CENT + 1).is_err());
    assert_eq!(book.view(&short, &Scope::Global, NOON).limit, Nanodollars(3 * CENT));
    assert_eq!(book.view(&short, &Scope::Global, until).limit, Nanodollars(CENT));
}

#[test]
fn a_budget_on_each_concerns_its_own_tenant_and_one_on_everything_concerns_all() {
    let all = [budget(1, Reach::Each(ScopeKind::VirtualKey), 0), one(2, Scope::Global, 10 * CENT)];
    let (book, budgets) = open(&all);
    let scopes = Call::at(NOON).scopes();
    let stranger = TenantId::from_bits(99);
    let (at, amount, attempt) = (NOON, Nanodollars(CENT), attempt(1));
    let ask = Ask { tenant: stranger, scopes: &scopes, at, amount, attempt };
    let held = book.hold(&budgets, &ask).unwrap();
    assert_eq!(book.view(&all[1], &Scope::Global, NOON).reserved, amount);
    held.release();
    assert!(book.hold(&budgets, &Ask { tenant: TENANT, ..ask }).is_err());

    // Providers and their keys are the installation's, whoever calls.
    for kind in [ScopeKind::Provider, ScopeKind::Credential] {
        let (book, budgets) = open(&[budget(1, Reach::Each(kind), 0)]);
        assert!(book.hold(&budgets, &ask).is_err() && book.hold(&budgets, &Ask { tenant: TENANT, ..ask }).is_err());
    }
}

#[test]
fn nobody_pays_for_budgets_that_are_not_there() {
    let none = Budgets::default();
    assert!(none.is_empty() && !none.may_apply(ScopeKind::Global));
    let some = Budgets::new(&[budget(1, Reach::Each(ScopeKind::Tag), CENT)]);
    assert!(!some.is_empty() && some.may_apply(ScopeKind::Tag) && !some.may_apply(ScopeKind::Team));
    let book = Arc::new(Book::new());
    let mut held = hold(&book, &none, &Call::at(NOON), 1, i64::MAX).unwrap();
    held.grow(Nanodollars(5)).unwrap();
    assert_eq!(book.pending(), 0);
    held.settle(Some(Nanodollars(1)));
}

#[test]
fn a_budget_that_was_not_read_refuses_what_it_cannot_measure() {
    let mut soft = one(2, Scope::Global, CENT);
    soft.kind = BudgetKind::Soft;
    let all = [one(1, Scope::Tenant(TENANT), 10 * CENT), soft];
    let (book, budgets) = (Arc::new(Book::new()), Budgets::new(&all));
    let call = Call::at(NOON);
    let refused = hold(&book, &budgets, &call, 1, CENT).unwrap_err();
    assert!(matches!(refused.why, Why::Unread(id, _) if id == all[0].id));
    assert_eq!(refused.denial().status(), 503);
    assert_eq!(book.headroom(&budgets, TENANT, &call.scopes(), NOON).unwrap().left, Nanodollars(0));
    assert!(!book.view(&all[0], &Scope::Tenant(TENANT), NOON).is_known);

    let only_soft = Budgets::new(&all[1..]);
    let held = hold(&book, &only_soft, &call, 2, CENT).unwrap();
    fill(&book, &budgets, NOON);
    assert_eq!(book.view(&all[1], &Scope::Global, NOON).reserved, Nanodollars(CENT), "filling keeps what is held");
    held.release();
    assert!(hold(&book, &budgets, &call, 3, CENT).is_ok());
}

#[test]
fn several_windows_on_one_scope_are_all_kept() {
    let hour = windows(one(1, Scope::Global, 2 * CENT), keyward_domain::window::Period::Hour);
    let all = [hour, one(2, Scope::Global, 5 * CENT)];
    let (book, budgets) = open(&all);
    let at = |hours: u32| Call::at(NOON.plus(DAY / 24 * hours));
    for hour in 0..2 {
        hold(&book, &budgets, &at(hour), u128::from(hour), 2 * CENT).unwrap().settle(Some(Nanodollars(2 * CENT)));
        assert_eq!(hold(&book, &budgets, &at(hour), 9, CENT).unwrap_err().why.budget(), Some(all[0].id));
    }
    assert_eq!(hold(&book, &budgets, &at(2), 9, 2 * CENT).unwrap_err().why.budget(), Some(all[1].id));
    assert!(hold(&book, &budgets, &at(2), 9, CENT).is_ok());
}

#[test]
fn what_was_promised_earlier_is_held_whatever_is_left() {
    let call = Call::at(NOON);
    let all = every_scope();
    let (book, budgets) = open(&all);
    let _held = hold(&book, &budgets, &call, 1, 90 * CENT).unwrap();
    let scopes = call.scopes();
    let ask = Ask { tenant: TENANT, scopes: &scopes, at: NOON, amount: Nanodollars(20 * CENT), attempt: attempt(2) };
    assert!(book.hold(&budgets, &ask).is_err());
    let promised = book.resume(&budgets, &ask);
    for budget in &all {
        let Reach::One(scope) = &budget.reach else { continue };
        let view = book.view(budget, scope, NOON);
        assert_eq!((view.reserved, view.left), (Nanodollars(110 * CENT), Nanodollars::ZERO), "{scope}");
    }
    promised.settle(Some(Nanodollars(5 * CENT)));
    book.projected(&[Call::at(NOON).row(2, Some(5 * CENT))]);
    let view = book.view(&all[0], &Scope::Global, NOON);
    assert_eq!((view.reserved, view.spent), (Nanodollars(90 * CENT), Nanodollars(5 * CENT)));
}
