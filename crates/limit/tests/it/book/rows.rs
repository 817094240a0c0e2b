//! What rows of the ledger do to balances, and how balances are read from the ledger.

use std::sync::Arc;
use std::time::Duration;

use keyward_domain::budget::Budget;
use keyward_domain::ids::{BudgetId, RequestId, TenantId};
use keyward_domain::ledger::{AttemptId, AttemptOutcome, Entry, SpendQuery};
use keyward_domain::money::Nanodollars;
use keyward_domain::scope::{Reach, Scope, ScopeKind};
use keyward_domain::window::Period;
use keyward_limit::book::{Ask, Book, Budgets, Difference, Filling, MAX_CROSSINGS, Why};

use super::holds::{fill, hold, open};
use super::world::{CENT, Call, DAY, Ledger, NOON, TENANT, attempt, budget, one, windows};

/// Spent and reserved, in cents.
fn shown(book: &Book, budget: &Budget, scope: &Scope) -> (i64, i64) {
    let view = book.view(budget, scope, NOON);
    (view.spent.0 / CENT, view.reserved.0 / CENT)
}

fn correction(call: &Call, number: u128, cost: i64) -> Entry {
    let mut row = call.row(number, Some(cost));
    row.outcome = AttemptOutcome::Correction;
    row.subject.attempt = AttemptId { request: RequestId::from_bits(number), number: 255 };
    row
}

#[test]
fn a80_a_budget_lowered_below_what_was_spent_lets_calls_end_and_admits_none() {
    let mut wide = one(1, Scope::Global, 100 * CENT);
    let (book, budgets) = open(std::slice::from_ref(&wide));
    let call = Call::at(NOON);
    let early = hold(&book, &budgets, &call, 1, 40 * CENT).unwrap();
    let mut late = hold(&book, &budgets, &call, 2, 40 * CENT).unwrap();
    early.settle(Some(Nanodollars(30 * CENT)));

    wide.amount = Nanodollars(10 * CENT);
    wide.revision = 2;
    let budgets = Budgets::new(std::slice::from_ref(&wide));
    assert!(book.unfilled(&budgets, NOON).is_empty(), "another amount changes no sum");
    book.retain(&budgets);

    assert!(hold(&book, &budgets, &call, 3, 1).is_err());
    assert!(late.grow(Nanodollars(1)).is_err(), "a stream gets no more than the budget has now");
    let view = book.view(&wide, &Scope::Global, NOON);
    assert_eq!((view.spent.0, view.reserved.0, view.left.0), (30 * CENT, 40 * CENT, 0), "nothing is negative");
    late.settle(Some(Nanodollars(35 * CENT)));
    book.projected(&[call.row(1, Some(30 * CENT)), call.row(2, Some(35 * CENT))]);
    let view = book.view(&wide, &Scope::Global, NOON);
    assert_eq!((view.spent.0, view.reserved.0, view.left.0), (65 * CENT, 0, 0));
}

#[test]
fn a81_a_thousand_calls_in_flight_over_midnight_post_to_their_own_windows() {
    let all = [one(1, Scope::Global, 2_000 * CENT), budget(2, Reach::Each(ScopeKind::EndUser), 2_000 * CENT)];
    let (book, budgets) = open(&all);
    let midnight = NOON.plus(DAY / 2);
    let call = |number: u32| {
        let before = Duration::from_millis(u64::from(500 - number.min(500)));
        let after = Duration::from_millis(u64::from(number.saturating_sub(500)));
        Call::at(midnight.minus(before).plus(after))
    };
    let holds: Vec<_> = (0..1_000).map(|n| hold(&book, &budgets, &call(n), u128::from(n), 2 * CENT).unwrap()).collect();
    let tomorrow = book.view(&all[0], &Scope::Global, midnight);
    assert_eq!((tomorrow.spent.0, tomorrow.reserved.0), (0, 500 * 2 * CENT));

    // They end in any order, long after midnight, and their rows come later still.
    let mut rows = Vec::new();
    for (number, hold) in (0..1_000_u32).zip(holds).rev() {
        let cost = i64::from(number % 7) * 1_000 + 1;
        hold.settle(Some(Nanodollars(cost)));
        rows.push(call(number).row(u128::from(number), Some(cost)));
    }
    let sum = |is_before: bool| {
        let of = |row: &&Entry| (row.subject.at < midnight) == is_before;
        rows.iter().filter(of).map(|row| row.cost.unwrap().0).sum::<i64>()
    };
    for projected in [false, true] {
        if projected {
            book.projected(&rows);
        }
        for budget in &all {
            let scope = if budget.id == all[0].id { Scope::Global } else { Scope::EndUser(TENANT, "eva".into()) };
            let before = book.view(budget, &scope, NOON);
            let after = book.view(budget, &scope, midnight);
            assert_eq!((before.spent.0, before.reserved.0), (sum(true), 0));
            assert_eq!((after.spent.0, after.reserved.0), (sum(false), 0));
            assert_eq!((before.window.until, after.window.from), (midnight, midnight));
        }
    }
    assert_eq!(book.pending(), 0);
}

#[test]
fn a86_a_correction_larger_than_what_was_spent_gives_nobody_more_than_the_limit() {
    let all = [one(1, Scope::Global, 10 * CENT)];
    let (book, budgets) = open(&all);
    let call = Call::at(NOON);
    book.projected([&call.row(1, Some(3 * CENT)), &correction(&call, 1, -5 * CENT)]);
    let view = book.view(&all[0], &Scope::Global, NOON);
    assert_eq!((view.spent.0, view.left.0, view.beyond_zero.0), (0, 10 * CENT, 2 * CENT));
    assert!(hold(&book, &budgets, &call, 2, 10 * CENT + 1).is_err());
    book.projected([&call.row(3, Some(4 * CENT))]);
    let view = book.view(&all[0], &Scope::Global, NOON);
    assert_eq!((view.spent.0, view.beyond_zero.0), (2 * CENT, 0), "the sum of the rows");
}

#[test]
fn a_row_takes_the_place_of_what_was_charged_for_it() {
    let all = [one(1, Scope::Global, 100 * CENT), budget(2, Reach::Each(ScopeKind::Tag), 100 * CENT)];
    let (book, budgets) = open(&all);
    let call = Call::at(NOON);
    let red = Scope::Tag(TENANT, "red".into());
    let of = |book: &Book| [shown(book, &all[0], &Scope::Global), shown(book, &all[1], &red)];

    hold(&book, &budgets, &call, 1, 9 * CENT).unwrap().settle(Some(Nanodollars(3 * CENT)));
    assert_eq!(of(&book), [(3, 0); 2]);
    book.projected([&call.row(1, Some(4 * CENT))]);
    assert_eq!(of(&book), [(4, 0); 2], "what the row says");

    let fast = hold(&book, &budgets, &call, 2, 9 * CENT).unwrap();
    book.projected([&call.row(2, Some(CENT))]);
    assert_eq!(of(&book), [(5, 0); 2]);
    fast.settle(Some(Nanodollars(CENT)));
    assert_eq!(of(&book), [(5, 0); 2], "the row was faster");

    hold(&book, &budgets, &call, 3, 9 * CENT).unwrap().settle(None);
    book.projected([&call.row(3, None)]);
    let dropped = hold(&book, &budgets, &call, 4, 9 * CENT).unwrap();
    book.projected([&call.row(4, None)]);
    drop(dropped);
    assert_eq!(of(&book), [(5, 0); 2], "a row without a cost leaves nothing");

    book.projected([&call.row(5, Some(CENT))]);
    assert_eq!(of(&book), [(6, 0); 2], "a row that nothing was held for");
    let twice = (hold(&book, &budgets, &call, 6, CENT).unwrap(), hold(&book, &budgets, &call, 6, 2 * CENT).unwrap());
    assert_eq!(of(&book), [(6, 3); 2]);
    twice.0.settle(Some(Nanodollars(CENT)));
    book.projected([&call.row(6, Some(CENT))]);
    drop(twice.1);
    assert_eq!((of(&book), book.pending()), ([(7, 0); 2], 0), "all that an attempt had");
}

#[test]
fn a_new_budget_is_filled_with_what_was_spent_before_and_keeps_what_is_on_the_way() {
    let global = one(1, Scope::Global, 100 * CENT);
    let (book, budgets) = open(std::slice::from_ref(&global));
    let call = Call::at(NOON);
    let mut ledger = Ledger::default();
    for (number, at) in [(1, NOON.minus(DAY)), (2, NOON), (3, NOON.minus(Duration::from_mins(40)))] {
        ledger.rows.push(Call::at(at).row(number, Some(3 * CENT)));
    }
    book.projected(&ledger.rows);
    let under_way = hold(&book, &budgets, &call, 4, 5 * CENT).unwrap();

    let hours = windows(budget(2, Reach::Each(ScopeKind::EndUser), 50 * CENT), Period::Hour);
    let mut rolling = one(3, Scope::Tenant(TENANT), 50 * CENT);
    rolling.windows.period = Period::Rolling { seconds: 1_800 };
    let all = [global, hours, rolling];
    let budgets = Budgets::new(&all);
    let fillings = book.unfilled(&budgets, NOON);
    assert_eq!(fillings.iter().map(Filling::budget).collect::<Vec<_>>(), [all[1].id, all[2].id]);
    for filling in &fillings {
        filling.fill(&ledger.spend(&filling.query()));
    }
    assert!(book.unfilled(&budgets, NOON).is_empty());
    book.retain(&budgets);

    let eva = Scope::EndUser(TENANT, "eva".into());
    let spent = |book: &Book| {
        [(&all[0], &Scope::Global), (&all[1], &eva), (&all[2], &Scope::Tenant(TENANT))]
            .map(|(b, s)| shown(book, b, s).0)
    };
    assert_eq!(spent(&book), [6, 3, 3], "the day, the hour, the last half hour");
    under_way.settle(Some(Nanodollars(CENT)));
    assert_eq!(spent(&book), [7, 3, 3], "it was under way before these budgets were there");
    ledger.rows.push(call.row(4, Some(CENT)));
    book.projected([&call.row(4, Some(CENT))]);
    assert_eq!(spent(&book), [7, 4, 4]);
    for filling in book.readings(&budgets, NOON) {
        assert_eq!(filling.check(&ledger.spend(&filling.query())), []);
    }
}

#[test]
fn a_budget_whose_windows_change_is_read_again() {
    let day = one(1, Scope::Global, 100 * CENT);
    let (book, budgets) = open(std::slice::from_ref(&day));
    let rows = vec![Call::at(NOON).row(1, Some(CENT)), Call::at(NOON.minus(DAY)).row(2, Some(2 * CENT))];
    let ledger = Ledger { rows };
    book.projected(&ledger.rows);
    let month = windows(day.clone(), Period::Month { starts: 1 });
    let changed = Budgets::new(std::slice::from_ref(&month));
    let old = hold(&book, &budgets, &Call::at(NOON), 3, 4 * CENT).unwrap();
    for filling in book.unfilled(&changed, NOON) {
        filling.fill(&ledger.spend(&filling.query()));
    }
    assert_eq!(shown(&book, &day, &Scope::Global), (1, 4), "calls may still use the old ones");
    assert_eq!(shown(&book, &month, &Scope::Global), (3, 0));
    book.retain(&changed);
    let scopes = Call::at(NOON).scopes();
    let (at, amount, attempt) = (NOON, Nanodollars(98 * CENT), attempt(3));
    let ask = Ask { tenant: TENANT, scopes: &scopes, at, amount, attempt };
    let (refused, old) = *old.exchange(&book, &budgets, &ask).unwrap_err();
    assert!(matches!(refused.why, Why::Reached(..)), "calls that began before are measured against the new ones");
    old.settle(Some(Nanodollars(4 * CENT)));
    book.projected([&Call::at(NOON).row(3, Some(4 * CENT))]);
    assert_eq!(shown(&book, &month, &Scope::Global), (7, 0));
    assert!(!book.view(&day, &Scope::Global, NOON).is_known, "nobody keeps them any more");
}

#[test]
fn a_budget_whose_zone_or_reach_changes_is_read_again() {
    let day = one(1, Scope::Global, 100 * CENT);
    let (book, _) = open(std::slice::from_ref(&day));
    let mut berlin = day.clone();
    berlin.windows.zone = "Europe/Berlin".parse().unwrap();
    let mut tenant = day.clone();
    tenant.reach = Reach::One(Scope::Tenant(TENANT));
    for changed in [berlin, tenant] {
        assert_eq!(book.unfilled(&Budgets::new(&[changed]), NOON).len(), 1);
    }
    assert!(book.unfilled(&Budgets::new(&[day]), NOON).is_empty());
}

#[test]
fn what_a_rolling_window_could_not_count_keeps_it_closed_for_its_length() {
    let mut rolling = budget(1, Reach::Each(ScopeKind::EndUser), 10 * CENT);
    rolling.windows.period = Period::Rolling { seconds: 3_600 };
    let budgets = Budgets::new(std::slice::from_ref(&rolling));
    let book = Arc::new(Book::with_room_for(1));
    fill(&book, &budgets, NOON);
    book.projected(&[Call::of("eva").row(1, Some(CENT)), Call::of("max").row(2, Some(10 * CENT))]);
    let max = |minutes| Call { at: NOON.plus(Duration::from_mins(minutes)), ..Call::of("max") };
    for minutes in [20, 60, 74] {
        assert!(matches!(hold(&book, &budgets, &max(minutes), 3, CENT).unwrap_err().why, Why::Crowded(..)));
    }
    hold(&book, &budgets, &max(90), 4, 10 * CENT).unwrap().release();
}

#[test]
fn a_budget_that_is_removed_holds_nobody_up() {
    let all = [one(1, Scope::Global, CENT), one(2, Scope::Tenant(TENANT), 10 * CENT)];
    let (book, budgets) = open(&all);
    let call = Call::at(NOON);
    let mut held = hold(&book, &budgets, &call, 1, CENT).unwrap();
    assert!(held.grow(Nanodollars(1)).is_err());
    let fewer = Budgets::new(&all[1..]);
    book.retain(&fewer);
    held.grow(Nanodollars(2 * CENT)).unwrap();
    assert!(hold(&book, &budgets, &call, 2, 7 * CENT).is_ok(), "a call that began before it was removed");
    assert_eq!(book.headroom(&budgets, TENANT, &call.scopes(), NOON).unwrap().left.0, 0);
    held.settle(Some(Nanodollars(3 * CENT)));
    let back = book.unfilled(&budgets, NOON);
    assert_eq!(back.iter().map(Filling::budget).collect::<Vec<_>>(), [all[0].id], "it has to be read again");
}

#[test]
fn rows_of_strangers_do_not_fill_a_budget_on_each() {
    let tags = budget(1, Reach::Each(ScopeKind::Tag), 10 * CENT);
    let (book, budgets) = (Arc::new(Book::new()), Budgets::new(std::slice::from_ref(&tags)));
    let mut strange = Call::at(NOON).row(1, Some(CENT));
    strange.subject.tenant = TenantId::from_bits(99);
    let rows = vec![strange.clone(), Call::at(NOON).row(2, Some(2 * CENT))];
    let ledger = Ledger { rows };
    for filling in book.unfilled(&budgets, NOON) {
        filling.fill(&ledger.spend(&filling.query()));
    }
    book.projected([&strange]);
    let views = book.views(&tags, NOON);
    assert_eq!(views.iter().map(|view| view.scope.to_string()).collect::<Vec<_>>().len(), 2, "blue and red: {views:?}");
    assert!(views.iter().all(|view| view.spent.0 == 2 * CENT));
}

#[test]
fn rows_of_other_kinds_do_not_fill_a_budget_on_each() {
    let users = budget(1, Reach::Each(ScopeKind::EndUser), 10 * CENT);
    let (book, budgets) = (Arc::new(Book::new()), Budgets::new(std::slice::from_ref(&users)));
    let ledger = Ledger { rows: vec![Call::of("eva").row(1, Some(2 * CENT))] };
    for filling in book.unfilled(&budgets, NOON) {
        let own = filling.query();
        let tags = SpendQuery { kind: ScopeKind::Tag, ..own.clone() };
        filling.fill(&[ledger.spend(&tags), ledger.spend(&own)].concat());
    }
    let shown: Vec<_> = book.views(&users, NOON).into_iter().map(|view| (view.scope, view.spent.0)).collect();
    assert_eq!(shown, [(Scope::EndUser(TENANT, "eva".into()), 2 * CENT)]);
}

#[test]
fn a_balance_that_differs_from_the_ledger_is_found() {
    let all = [one(1, Scope::Global, 100 * CENT), budget(2, Reach::Each(ScopeKind::EndUser), 100 * CENT)];
    let (book, budgets) = open(&all);
    let rows = [Call::of("eva").row(1, Some(3 * CENT)), Call::of("max").row(2, Some(2 * CENT))];
    book.projected(&rows[..1]);
    let ledger = Ledger { rows: rows.to_vec() };
    let found: Vec<_> = book
        .readings(&budgets, NOON)
        .iter()
        .flat_map(|filling| filling.check(&ledger.spend(&filling.query())))
        .collect();
    let (from, cents) = (NOON.minus(DAY / 2), |cents| Nanodollars(cents * CENT));
    let difference = |number, scope, book, ledger| Difference {
        budget: BudgetId::from_bits(number),
        scope,
        from,
        book: cents(book),
        ledger: cents(ledger),
    };
    let max = Scope::EndUser(TENANT, "max".into());
    assert_eq!(found, [difference(1, Scope::Global, 3, 5), difference(2, max, 0, 2)]);

    let missing = Ledger::default();
    let filling = &book.readings(&budgets, NOON)[0];
    assert_eq!(filling.check(&missing.spend(&filling.query())), [difference(1, Scope::Global, 3, 0)]);
}

#[test]
fn thresholds_are_told_once_per_window() {
    let mut watched = one(1, Scope::Global, 100 * CENT);
    watched.alert_at = vec![500, 800, 1_000];
    let (book, budgets) = open(std::slice::from_ref(&watched));
    let told = |book: &Book| book.take_crossings().0.iter().map(|crossing| crossing.threshold).collect::<Vec<_>>();
    let spend = |call: &Call, number: u128, cents: i64| {
        hold(&book, &budgets, call, number, cents * CENT).unwrap().settle(Some(Nanodollars(cents * CENT)));
    };
    let call = Call::at(NOON);
    spend(&call, 1, 49);
    assert!(told(&book).is_empty());
    let held = hold(&book, &budgets, &call, 2, 40 * CENT).unwrap();
    assert!(told(&book).is_empty(), "what is reserved is not spent");
    held.settle(Some(Nanodollars(CENT)));
    let (crossings, missed) = book.take_crossings();
    assert_eq!((crossings.len(), missed), (1, 0));
    let first = &crossings[0];
    assert_eq!((first.threshold, first.spent.0, first.limit.0), (500, 50 * CENT, 100 * CENT));
    assert_eq!((&first.scope, first.budget, first.tenant), (&Scope::Global, watched.id, TENANT));
    assert!(first.window.contains(NOON));

    book.projected(&[call.row(1, Some(49 * CENT)), call.row(2, Some(CENT))]);
    assert!(told(&book).is_empty(), "the rows say the same");
    spend(&call, 3, 30);
    assert_eq!(told(&book), [800]);
    book.projected([&correction(&call, 1, -40 * CENT)]);
    spend(&call, 4, 35);
    assert!(told(&book).is_empty(), "it was told before");
    book.projected([&call.row(5, Some(25 * CENT))]);
    assert_eq!(told(&book), [1_000], "by a row that nothing was held for");
    spend(&Call::at(NOON.plus(DAY)), 6, 85);
    assert_eq!(told(&book), [800], "a new window; the highest at once");
    book.projected([&Call::at(NOON.plus(2 * DAY)).row(7, Some(55 * CENT))]);
    assert_eq!(told(&book), [500], "another one, in which nothing was held yet");

    let again = Arc::new(Book::new());
    let ledger = Ledger { rows: vec![call.row(1, Some(90 * CENT))] };
    for filling in again.unfilled(&budgets, NOON) {
        filling.fill(&ledger.spend(&filling.query()));
    }
    hold(&again, &budgets, &call, 9, CENT).unwrap().settle(Some(Nanodollars(CENT)));
    assert!(told(&again).is_empty(), "a restart tells nothing twice");
}

#[test]
fn thresholds_of_a_rolling_window_are_told_again_after_it_fell_below() {
    let mut watched = one(1, Scope::Global, 100 * CENT);
    watched.windows.period = Period::Rolling { seconds: 900 };
    watched.alert_at = vec![500];
    let (book, budgets) = open(std::slice::from_ref(&watched));
    let mut told = Vec::new();
    for (number, (minutes, cents)) in [(0, 60), (20, 10), (50, 45), (60, 10)].into_iter().enumerate() {
        let call = Call::at(NOON.plus(Duration::from_mins(minutes)));
        let number = u128::try_from(number).unwrap();
        hold(&book, &budgets, &call, number, cents * CENT).unwrap().settle(Some(Nanodollars(cents * CENT)));
        told.push(book.take_crossings().0.len());
    }
    assert_eq!(told, [1, 0, 0, 1], "60, 70 within the half hour, 45, 55");
}

#[test]
fn nothing_spent_of_a_limit_of_0_passes_no_threshold() {
    let mut nothing = one(1, Scope::Global, 0);
    nothing.alert_at = vec![500];
    let (book, _) = open(std::slice::from_ref(&nothing));
    book.projected([&correction(&Call::at(NOON), 1, -CENT)]);
    assert!(book.take_crossings().0.is_empty());
    book.projected([&Call::at(NOON).row(2, Some(CENT + 1))]);
    assert_eq!(book.take_crossings().0.len(), 1);
}

#[test]
fn crossings_that_nobody_takes_do_not_pile_up() {
    let mut watched = budget(1, Reach::Each(ScopeKind::EndUser), CENT);
    watched.alert_at = vec![1_000];
    let (book, budgets) = open(std::slice::from_ref(&watched));
    let users = u128::try_from(MAX_CROSSINGS).unwrap() + 5;
    for number in 0..users {
        let call = Call::of(&number.to_string());
        hold(&book, &budgets, &call, number, CENT).unwrap().settle(Some(Nanodollars(CENT)));
    }
    let (crossings, missed) = book.take_crossings();
    assert_eq!((crossings.len(), missed), (MAX_CROSSINGS, 5));
}

#[test]
fn scopes_without_spend_make_room_and_what_cannot_be_counted_is_refused() {
    let each = budget(1, Reach::Each(ScopeKind::EndUser), 10 * CENT);
    let budgets = Budgets::new(std::slice::from_ref(&each));
    let book = Arc::new(Book::with_room_for(3));
    fill(&book, &budgets, NOON);
    let at = |user: &str, hours: u64| Call { at: NOON.plus(Duration::from_hours(hours)), ..Call::of(user) };

    hold(&book, &budgets, &at("idle", 0), 1, CENT).unwrap().release();
    let open = hold(&book, &budgets, &at("open", 0), 2, CENT).unwrap();
    hold(&book, &budgets, &at("spent", 0), 3, CENT).unwrap().settle(Some(Nanodollars(CENT)));
    book.projected([&at("spent", 0).row(3, Some(CENT))]);
    hold(&book, &budgets, &at("new", 0), 4, CENT).unwrap().settle(Some(Nanodollars(CENT)));
    let refused = hold(&book, &budgets, &at("one more", 0), 5, CENT).unwrap_err();
    assert!(matches!(&refused.why, Why::Crowded(_, Scope::EndUser(_, name)) if &**name == "one more"));
    assert!(refused.is_callers);
    assert_eq!(refused.denial().code(), "overloaded");
    assert!(hold(&book, &budgets, &at("spent", 0), 6, 9 * CENT).is_ok(), "those that are known go on");
    assert!(hold(&book, &budgets, &at("spent", 0), 7, CENT).is_err(), "and are measured");

    // A row that there is no room for closes the table until it is out of the window.
    book.projected([&at("uncounted", 0).row(8, Some(CENT))]);
    let filling = &book.readings(&budgets, NOON)[0];
    let ledger = Ledger { rows: vec![at("spent", 0).row(3, Some(CENT)), at("uncounted", 0).row(8, Some(CENT))] };
    assert_eq!(filling.check(&ledger.spend(&filling.query())), [], "only what is counted is compared");
    open.release();
    for _ in 0..2 {
        // The first looks for room and makes some; it is not for scopes that may have spent something.
        let refused = hold(&book, &budgets, &at("unheard of", 1), 9, CENT).unwrap_err();
        assert!(matches!(refused.why, Why::Crowded(..)));
    }
    assert!(matches!(hold(&book, &budgets, &at("uncounted", 1), 9, CENT).unwrap_err().why, Why::Crowded(..)));
    let tomorrow = hold(&book, &budgets, &at("uncounted", 12), 10, CENT).unwrap();
    tomorrow.release();
}

#[test]
fn a82_what_was_forgotten_to_make_room_is_not_taken_for_nothing() {
    let each = budget(1, Reach::Each(ScopeKind::EndUser), 10 * CENT);
    let budgets = Budgets::new(std::slice::from_ref(&each));
    let book = Arc::new(Book::with_room_for(1));
    fill(&book, &budgets, NOON);
    book.projected([&Call::of("eva").row(1, Some(10 * CENT))]);
    let tomorrow = Call { at: NOON.plus(DAY), ..Call::of("max") };
    hold(&book, &budgets, &tomorrow, 2, CENT).unwrap().release();
    let refused = hold(&book, &budgets, &Call::of("eva"), 3, CENT).unwrap_err();
    assert!(matches!(refused.why, Why::Unread(..)), "{refused:?}");
}

#[test]
fn a_row_of_a_window_that_was_not_read_is_left_to_reading_it() {
    let all = [one(1, Scope::Global, 10 * CENT)];
    let (book, _) = open(&all);
    let yesterday = NOON.minus(DAY);
    book.projected([&Call::at(yesterday).row(1, Some(CENT))]);
    let view = book.view(&all[0], &Scope::Global, yesterday);
    assert_eq!((view.spent.0, view.is_known), (0, false), "part of a sum is no sum");
}

#[test]
fn a_fill_that_does_not_fit_refuses_scopes_that_it_does_not_know() {
    let each = budget(1, Reach::Each(ScopeKind::EndUser), 10 * CENT);
    let budgets = Budgets::new(std::slice::from_ref(&each));
    let book = Arc::new(Book::with_room_for(2));
    let rows = (0..3).map(|n| Call::of(&n.to_string()).row(n, Some(CENT))).collect();
    let ledger = Ledger { rows };
    for filling in book.unfilled(&budgets, NOON) {
        filling.fill(&ledger.spend(&filling.query()));
    }
    let admitted: Vec<_> = (0..4).map(|n| hold(&book, &budgets, &Call::of(&n.to_string()), n, CENT).is_ok()).collect();
    assert_eq!(admitted.iter().filter(|admitted| **admitted).count(), 2, "those whose spend is known");
    assert!(!admitted[3]);
    assert_eq!(attempt(1).number, 1);
}
